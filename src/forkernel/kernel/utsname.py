"""UTS namespaces: host name and domain name (Linux: kernel/utsname.c; uts_namespaces(7))."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.capability import CAP_SYS_ADMIN
from forkernel.abi.errno import EPERM
from forkernel.abi.namespace import CLONE_NEWUTS, UTS_NS_INIT_INO
from forkernel.abi.utsname import UTS_DOMAINNAME, UTS_HOSTNAME
from forkernel.errors import SysError
from forkernel.namespace import NsCommon, UserNamespace, cap_capable, init_user_ns

if TYPE_CHECKING:
    from forkernel.kernel.nsproxy import Nsset
    from forkernel.kernel.task import Task


class UtsNamespace(NsCommon):
    """The names that uname(2) gives (Linux: struct uts_namespace)."""

    __slots__ = ("domainname", "hostname")

    nstype = CLONE_NEWUTS
    name = b"uts"

    def __init__(self, system: Any, user_ns: UserNamespace, hostname: bytes, domainname: bytes, inum: int = 0) -> None:
        super().__init__(system, user_ns, inum)
        self.hostname = hostname
        self.domainname = domainname

    def install(self, nsset: Nsset) -> None:
        """setns: EPERM without CAP_SYS_ADMIN over both the namespace and the one to be in."""
        if not nsset.admin_over(self.user_ns):
            raise SysError(EPERM)
        nsset.nsproxy.replace("uts_ns", self.get())


def init_uts_ns(system: Any) -> UtsNamespace:
    """The first one."""
    return UtsNamespace(system, init_user_ns, UTS_HOSTNAME, UTS_DOMAINNAME, UTS_NS_INIT_INO)


def copy_utsname(task: Task, user_ns: UserNamespace, old: UtsNamespace) -> UtsNamespace:
    """CLONE_NEWUTS: a namespace that starts with the old one's names."""
    return UtsNamespace(task.system, user_ns, old.hostname, old.domainname)


def may_set_names(task: Task) -> bool:
    """Whether the task may give its UTS namespace other names."""
    return cap_capable(task.cred, task.nsproxy.uts_ns.user_ns, CAP_SYS_ADMIN)
