"""Cgroup namespaces: which group processes see as the root (cgroup_namespaces(7); Linux: kernel/cgroup/namespace.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EPERM
from forkernel.abi.namespace import CGROUP_NS_INIT_INO, CLONE_NEWCGROUP
from forkernel.errors import SysError
from forkernel.namespace import NsCommon, UserNamespace, init_user_ns

if TYPE_CHECKING:
    from forkernel.kernel.cgroup import Cgroup
    from forkernel.kernel.nsproxy import Nsset
    from forkernel.kernel.task import Task


class CgroupNamespace(NsCommon):
    """Linux: cgroup_namespace. `root`: the group seen as the root; None: the machine's."""

    __slots__ = ("root",)

    nstype = CLONE_NEWCGROUP
    name = b"cgroup"

    def __init__(self, system: Any, user_ns: UserNamespace, root: Cgroup | None, inum: int = 0) -> None:
        super().__init__(system, user_ns, inum)
        self.root = root

    def install(self, nsset: Nsset) -> None:
        """setns: EPERM without CAP_SYS_ADMIN over both the namespace and the one to be in."""
        if not nsset.admin_over(self.user_ns):
            raise SysError(EPERM)
        if nsset.nsproxy.cgroup_ns is not self:
            nsset.nsproxy.replace("cgroup_ns", self.get())


def init_cgroup_ns(system: Any) -> CgroupNamespace:
    """The first one."""
    return CgroupNamespace(system, init_user_ns, None, CGROUP_NS_INIT_INO)


def copy_cgroup_ns(task: Task, user_ns: UserNamespace) -> CgroupNamespace:
    """CLONE_NEWCGROUP: a namespace whose root is the task's group. Capabilities were checked already."""
    return CgroupNamespace(task.system, user_ns, task.cgroup)
