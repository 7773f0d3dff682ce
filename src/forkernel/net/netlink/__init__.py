"""AF_NETLINK: programs ask the kernel about the network and its sockets (Linux: net/netlink/af_netlink.c; netlink(7)).

`create` makes a socket of one of the protocols in `PROTOCOLS`. A request is answered while it is sent (af_netlink.py):
the protocol's handler puts its answers into the socket's queue. NETLINK_ROUTE is rtnetlink.py, with links, addresses
and routes in files of their own; NETLINK_SOCK_DIAG is sock_diag.py.
"""

from __future__ import annotations

from typing import Any

from forkernel.abi.errno import EPROTONOSUPPORT, ESOCKTNOSUPPORT
from forkernel.abi.netlink import NETLINK_KOBJECT_UEVENT, NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_USERSOCK
from forkernel.abi.socket import SOCK_DGRAM, SOCK_RAW
from forkernel.errors import SysError
from forkernel.net.netlink.af_netlink import NetlinkFile

PROTOCOLS = (NETLINK_ROUTE, NETLINK_USERSOCK, NETLINK_SOCK_DIAG, NETLINK_KOBJECT_UEVENT)


def create(task: Any, kind: int, protocol: int) -> NetlinkFile:
    """A new socket; ESOCKTNOSUPPORT, EPROTONOSUPPORT."""
    if kind not in (SOCK_RAW, SOCK_DGRAM):
        raise SysError(ESOCKTNOSUPPORT)
    if protocol not in PROTOCOLS:
        raise SysError(EPROTONOSUPPORT)
    return NetlinkFile(task, task.nsproxy.net_ns, kind, protocol)


__all__ = ["NetlinkFile", "create"]
