"""Network namespaces: a loopback device, and what each family of sockets keeps (Linux: net/core/net_namespace.c;
network_namespaces(7)).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EPERM
from forkernel.abi.namespace import CLONE_NEWNET, NET_NS_INIT_INO
from forkernel.abi.socket import SOMAXCONN
from forkernel.errors import SysError
from forkernel.namespace import NsCommon, UserNamespace, init_user_ns
from forkernel.net.dev import IFF_LOOPBACK, IFF_UP, LOOPBACK_IFINDEX, LOOPBACK_MTU, NetDevice

if TYPE_CHECKING:
    from forkernel.kernel.task import Task
    from forkernel.net.unix import UnixFile


class NetNamespace(NsCommon):
    """Linux: struct net."""

    __slots__ = ("abstract", "autobind", "inet", "loopback", "netlink", "sockets", "somaxconn")

    nstype = CLONE_NEWNET
    name = b"net"

    def __init__(self, system: Any, user_ns: UserNamespace, inum: int = 0) -> None:
        super().__init__(system, user_ns, inum)
        self.loopback = NetDevice(b"lo", LOOPBACK_IFINDEX, IFF_LOOPBACK, LOOPBACK_MTU)
        self.abstract: dict[tuple[bytes, int], UnixFile] = {}
        """Abstract names of sockets, by name and type (unix(7))."""
        self.autobind = 0
        """The last name that autobind tried."""
        self.somaxconn = SOMAXCONN
        """net.core.somaxconn"""
        self.inet: Any = None
        self.netlink: Any = None
        """What these families keep, made at first use."""
        self.sockets: dict[UnixFile, None] = {}
        """AF_UNIX sockets, in order of creation."""

    def cookie(self) -> int:
        """A number that no other network namespace has (SO_NETNS_COOKIE)."""
        return self.inum

    def install(self, nsset: Any) -> None:
        """setns: EPERM without CAP_SYS_ADMIN over both the namespace and the one to be in."""
        if not nsset.admin_over(self.user_ns):
            raise SysError(EPERM)
        nsset.nsproxy.replace("net_ns", self.get())


def init_net_ns(system: Any) -> NetNamespace:
    """The first one; its loopback device is up, as an init would have it."""
    net = NetNamespace(system, init_user_ns, NET_NS_INIT_INO)
    net.loopback.set_flags(IFF_LOOPBACK | IFF_UP)
    return net


def copy_net_ns(task: Task, user_ns: UserNamespace) -> NetNamespace:
    """CLONE_NEWNET: nothing is copied, it starts with a loopback device that is down."""
    return NetNamespace(task.system, user_ns)
