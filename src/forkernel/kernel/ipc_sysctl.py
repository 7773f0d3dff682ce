"""The settings of an IPC namespace below /proc/sys: each reader and writer sees those of its own (sysvipc(7),
mq_overview(7); Linux: ipc/ipc_sysctl.c, ipc/mq_sysctl.c).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import EINVAL, ERANGE
from forkernel.abi.ipc import IPCMNI
from forkernel.errors import SysError
from forkernel.fs.proc.proc_sysctl import Sysctl
from forkernel.kernel.ipc_namespace import IpcNamespace, ipc_ns_of

if TYPE_CHECKING:
    from forkernel.kernel.system import System

INT_MAX, ULONG_MAX = (1 << 31) - 1, (1 << 64) - 1
HARD_MSGMAX, HARD_MSGSIZEMAX, MIN_MSGSIZE = 65536, 16 << 20, 128


def reader_ns(system: System) -> IpcNamespace:
    """The namespace of the task that reads or writes."""
    return ipc_ns_of(system.current)


class Limit:
    """One number of the namespace, by the name of its field."""

    __slots__ = ("field",)

    def __init__(self, field: str) -> None:
        self.field = field

    def get(self, system: System) -> int:
        """Its value."""
        value: int = getattr(reader_ns(system), self.field)
        return value

    def set(self, system: System, value: int) -> None:
        """What is made from now on goes by it."""
        setattr(reader_ns(system), self.field, value)


def get_sem(system: System) -> bytes:
    """Semaphores in a set, semaphores at all, operations in a call, sets."""
    return b"\t".join(b"%d" % limit for limit in reader_ns(system).sem_ctls)


def set_sem(system: System, text: bytes) -> None:
    """As many of the four as are given; EINVAL for what is no number. Too many sets is ERANGE, but the others hold."""
    limits = reader_ns(system).sem_ctls
    words = text.split()[: len(limits)]
    if not all(word.isdigit() and int(word) <= INT_MAX for word in words):
        raise SysError(EINVAL)
    new = [*map(int, words), *limits[len(words) :]]
    limits[:3] = new[:3]
    if new[3] > IPCMNI:
        raise SysError(ERANGE)
    limits[3] = new[3]


def _limit(path: bytes, field: str, low: int, high: int) -> Sysctl:
    limit = Limit(field)
    return Sysctl(path, 0o644, limit.get, limit.set, low, high)


IPC_SYSCTLS: list[Sysctl] = [
    _limit(b"fs/mqueue/msg_default", "mq_msg_default", 1, HARD_MSGMAX),
    _limit(b"fs/mqueue/msg_max", "mq_msg_max", 1, HARD_MSGMAX),
    _limit(b"fs/mqueue/msgsize_default", "mq_msgsize_default", MIN_MSGSIZE, HARD_MSGSIZEMAX),
    _limit(b"fs/mqueue/msgsize_max", "mq_msgsize_max", MIN_MSGSIZE, HARD_MSGSIZEMAX),
    _limit(b"fs/mqueue/queues_max", "mq_queues_max", 0, INT_MAX),
    _limit(b"kernel/msgmax", "msg_ctlmax", 0, INT_MAX),
    _limit(b"kernel/msgmnb", "msg_ctlmnb", 0, INT_MAX),
    _limit(b"kernel/msgmni", "msg_ctlmni", 0, IPCMNI),
    Sysctl(b"kernel/sem", 0o644, get_sem, set_sem, high=64),
    _limit(b"kernel/shmall", "shm_ctlall", 0, ULONG_MAX),
    _limit(b"kernel/shmmax", "shm_ctlmax", 0, ULONG_MAX),
    _limit(b"kernel/shmmni", "shm_ctlmni", 0, IPCMNI),
]
"""The settings, by path below /proc/sys."""
