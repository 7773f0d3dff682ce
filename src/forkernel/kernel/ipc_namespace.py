"""An IPC namespace: the System V objects and POSIX message queues that a group of processes sees
(ipc_namespaces(7); Linux: ipc/namespace.c).

Life cycle: `copy_ipcs` makes a new and empty one for CLONE_NEWIPC; with the last `put` all that is still in it is
destroyed. The machine's first one is made at boot (`init_ipc_ns`).

Tables are made when the first object of their kind is: a machine whose programs use none pays nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi import ipc
from forkernel.abi.errno import EPERM
from forkernel.abi.namespace import CLONE_NEWIPC, IPC_NS_INIT_INO
from forkernel.errors import SysError
from forkernel.namespace import NsCommon, UserNamespace, init_user_ns

if TYPE_CHECKING:
    from forkernel.kernel.ipc_util import IpcIds
    from forkernel.kernel.nsproxy import Nsset
    from forkernel.kernel.task import Task

MQ_QUEUES_MAX, MQ_MSG_MAX, MQ_MSGSIZE_MAX = 256, 10, 8192


class IpcNamespace(NsCommon):
    """Linux: ipc_namespace. The limits are those of /proc/sys/kernel and /proc/sys/fs/mqueue."""

    __slots__ = (
        "mq_msg_default", "mq_msg_max", "mq_msgsize_default", "mq_msgsize_max", "mq_queues_count", "mq_queues_max",
        "mq_sb", "msg_ctlmax", "msg_ctlmnb", "msg_ctlmni", "msg_ids", "sem_ctls", "sem_ids", "shm_ctlall",
        "shm_ctlmax", "shm_ctlmni", "shm_ids", "shm_tot", "used_sems",
    )  # fmt: skip

    nstype = CLONE_NEWIPC
    name = b"ipc"

    def __init__(self, system: Any, user_ns: UserNamespace, inum: int = 0) -> None:
        super().__init__(system, user_ns, inum)
        system.ipc_namespaces[self] = None
        self.sem_ids: IpcIds | None = None
        self.shm_ids: IpcIds | None = None
        self.msg_ids: IpcIds | None = None
        self.sem_ctls = [ipc.SEMMSL, ipc.SEMMNS, ipc.SEMOPM, ipc.SEMMNI]
        """Semaphores in a set, semaphores at all, operations in a call, sets (/proc/sys/kernel/sem)."""
        self.used_sems = 0
        self.shm_ctlmax, self.shm_ctlall, self.shm_ctlmni = ipc.SHMMAX, ipc.SHMALL, ipc.SHMMNI
        self.shm_tot = 0
        """Pages of all segments."""
        self.msg_ctlmax, self.msg_ctlmnb, self.msg_ctlmni = ipc.MSGMAX, ipc.MSGMNB, ipc.MSGMNI
        self.mq_queues_max, self.mq_queues_count = MQ_QUEUES_MAX, 0
        self.mq_msg_max = self.mq_msg_default = MQ_MSG_MAX
        self.mq_msgsize_max = self.mq_msgsize_default = MQ_MSGSIZE_MAX
        self.mq_sb: Any = None
        """The file system of the POSIX queues, made when it is first wanted."""

    def ids(self, kind: str) -> IpcIds:
        """The table of one kind: sem, shm or msg."""
        found: IpcIds | None = getattr(self, kind + "_ids")
        if found is None:
            from forkernel.kernel.ipc_util import IpcIds

            found = IpcIds()
            setattr(self, kind + "_ids", found)
        return found

    def install(self, nsset: Nsset) -> None:
        """setns: EPERM without CAP_SYS_ADMIN over both the namespace and the one to be in."""
        if not nsset.admin_over(self.user_ns):
            raise SysError(EPERM)
        nsset.nsproxy.replace("ipc_ns", self.get())

    def free(self) -> None:
        """Nobody is in it any more: all objects go (free_ipc_ns)."""
        del self.system.ipc_namespaces[self]
        if self.sem_ids is not None or self.shm_ids is not None or self.msg_ids is not None:
            from forkernel.kernel.ipc_util import free_ipcs

            free_ipcs(self)
        if self.mq_sb is not None:
            self.mq_sb.clear()
        super().free()


def init_ipc_ns(system: Any) -> IpcNamespace:
    """The first one."""
    return IpcNamespace(system, init_user_ns, IPC_NS_INIT_INO)


def copy_ipcs(task: Task, user_ns: UserNamespace) -> IpcNamespace:
    """CLONE_NEWIPC: an empty namespace with the limits that a machine starts with."""
    return IpcNamespace(task.system, user_ns)


def ipc_ns_of(task: Task) -> IpcNamespace:
    """The namespace whose objects the task sees."""
    ns: IpcNamespace = task.nsproxy.ipc_ns
    return ns
