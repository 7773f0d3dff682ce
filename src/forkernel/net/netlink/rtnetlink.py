"""NETLINK_ROUTE: links, addresses, routes, rules (Linux: net/core/rtnetlink.c; rtnetlink(7)).

Who changes something needs CAP_NET_ADMIN over the network namespace. There are no devices to be made, no routes but
those that addresses bring, and no rules but the three that a namespace begins with.
"""

from __future__ import annotations

from collections.abc import Callable

from forkernel.abi.capability import CAP_NET_ADMIN
from forkernel.abi.errno import EOPNOTSUPP, EPERM
from forkernel.abi.netlink import (
    NLM_F_DUMP,
    RTM_DELADDR,
    RTM_DELLINK,
    RTM_GETADDR,
    RTM_GETLINK,
    RTM_GETNEIGH,
    RTM_GETROUTE,
    RTM_GETRULE,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTM_SETLINK,
)
from forkernel.errors import SysError
from forkernel.namespace import cap_capable
from forkernel.net.netlink import addr, link, route
from forkernel.net.netlink.message import Request

GET = 2
"""Lowest two bits of a type that asks and changes nothing (Linux: rtnl_msgtype_kind)."""


def no_neighbours(request: Request) -> None:
    """Neighbours: a loopback device has none."""
    request.dump(0, [], apart=False)


DUMPS: dict[int, Callable[[Request], None]] = {
    RTM_GETLINK: link.dump_links,
    RTM_GETADDR: addr.dump_addresses,
    RTM_GETROUTE: route.dump_routes,
    RTM_GETRULE: route.dump_rules,
    RTM_GETNEIGH: no_neighbours,
}
CALLS: dict[int, Callable[[Request], None]] = {
    RTM_GETLINK: link.get_link,
    RTM_NEWLINK: link.new_link,
    RTM_SETLINK: link.set_link,
    RTM_DELLINK: link.del_link,
    RTM_NEWADDR: addr.new_address,
    RTM_DELADDR: addr.del_address,
    RTM_GETROUTE: route.get_route,
}


def rtnetlink_rcv_msg(request: Request) -> None:
    """One request; EOPNOTSUPP for what is not there, EPERM."""
    asks = request.kind & 3 == GET
    table = DUMPS if asks and request.flags & NLM_F_DUMP else CALLS
    if not request.body:
        return
    if not asks and not cap_capable(request.task.cred, request.sock.net.user_ns, CAP_NET_ADMIN):
        raise SysError(EPERM)
    handler = table.get(request.kind)
    if handler is None:
        raise SysError(EOPNOTSUPP)
    handler(request)
