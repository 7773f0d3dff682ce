"""RTM_GETROUTE and RTM_GETRULE: the routes that addresses bring, and the rules every namespace begins with (Linux:
fib_add_ifaddr, inet_dump_fib, rtnetlink(7)).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from forkernel.abi.errno import EINVAL, ENETUNREACH
from forkernel.abi.inet import AF_INET, AF_INET6, RTN_BROADCAST, RTN_LOCAL, RTN_UNICAST
from forkernel.abi.netlink import (
    FRA_PRIORITY,
    FRA_PROTOCOL,
    FRA_SUPPRESS_PREFIXLEN,
    FRA_TABLE,
    RT_SCOPE_HOST,
    RT_SCOPE_LINK,
    RT_SCOPE_UNIVERSE,
    RT_TABLE_DEFAULT,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTA_CACHEINFO,
    RTA_DST,
    RTA_OIF,
    RTA_PREF,
    RTA_PREFSRC,
    RTA_PRIORITY,
    RTA_SRC,
    RTA_TABLE,
    RTA_UID,
    RTM_F_CLONED,
    RTM_NEWROUTE,
    RTM_NEWRULE,
    RTPROT_KERNEL,
    Rtmsg,
)
from forkernel.errors import SysError
from forkernel.net.dev import IFF_UP
from forkernel.net.netlink.addr import Own, is_secondary, network_of, same_network
from forkernel.net.netlink.message import Request, nla, nla_parse, nla_u8, nla_u32, number

if TYPE_CHECKING:
    from forkernel.net.net_namespace import NetNamespace

RTCF_LOCAL = 0x80000000
RTPROT_UNSPEC = 0
METRIC6 = 256
"""IP6_RT_PRIO_ADDRCONF."""
FR_ACT_TO_TBL = 1


class Route(NamedTuple):
    """A route over the loopback device."""

    network: bytes
    prefix: int
    kind: int
    """RTN_*."""
    source: bytes = b""
    table: int = RT_TABLE_LOCAL
    metric: int = 0


def prefix_address(own: Own) -> bytes:
    """The network as an address."""
    size = len(own[0])
    return (network_of(own) << size * 8 - own[1]).to_bytes(size, "big")


def routes4(net: NetNamespace) -> list[Route]:
    """IPv4 routes, by address, the wider first."""
    up = bool(net.loopback.flags & IFF_UP)
    found: dict[tuple[bytes, int], Route] = {}
    for own in net.loopback.inet_addresses:
        address, prefix = own
        primary = next(each for each in net.loopback.inet_addresses if same_network(each, own))[0]
        found[address, 32] = Route(address, 32, RTN_LOCAL, primary)
        if is_secondary(net, own) or prefix == 32 or not (up or address[0] == 127):
            continue
        network = prefix_address(own)
        found[network, prefix] = Route(network, prefix, RTN_LOCAL, address)
        if up and prefix < 31:
            last = (int.from_bytes(network, "big") | (1 << 32 - prefix) - 1).to_bytes(4, "big")
            found[last, 32] = Route(last, 32, RTN_BROADCAST, address)
    return sorted(found.values(), key=lambda route: (route.network, route.prefix))


def routes6(net: NetNamespace) -> list[Route]:
    """IPv6 routes: to networks, in the table `main`, then to the machine's own addresses."""
    own6 = net.loopback.inet6_addresses
    networks: dict[tuple[bytes, int], Route] = {}
    if net.loopback.flags & IFF_UP:
        for own in own6:
            if own[1] < 128:
                network = prefix_address(own)
                networks[network, own[1]] = Route(network, own[1], RTN_UNICAST, b"", RT_TABLE_MAIN, METRIC6)
    local = [Route(address, 128, RTN_LOCAL) for address, _ in own6]
    return sorted(networks.values()) + sorted(local)


def dump_routes(request: Request) -> None:
    """RTM_GETROUTE; of one table if the request says so and is strict about it."""
    net = request.sock.net
    family = request.body[0]
    attributes = nla_parse(request.body[Rtmsg.SIZE :])
    table = number(attributes[RTA_TABLE]) if request.strict and RTA_TABLE in attributes else 0
    routes = routes4(net) if family in (0, AF_INET) else []
    routes += routes6(net) if family in (0, AF_INET6) else []
    entries = [fill_route(net, route) for route in routes if not table or route.table == table]
    request.dump(RTM_NEWROUTE, entries)


def fill_route(net: NetNamespace, route: Route) -> bytes:
    """A route as an RTM_NEWROUTE message has it."""
    family = AF_INET if len(route.network) == 4 else AF_INET6
    scope = RT_SCOPE_UNIVERSE
    if family == AF_INET:
        scope = RT_SCOPE_HOST if route.kind == RTN_LOCAL else RT_SCOPE_LINK
    head = Rtmsg(family, route.prefix, 0, 0, route.table, RTPROT_KERNEL, scope, route.kind, 0).pack()
    parts = [head, nla_u32(RTA_TABLE, route.table), nla(RTA_DST, route.network)]
    if family == AF_INET:
        return b"".join((*parts, nla(RTA_PREFSRC, route.source), nla_u32(RTA_OIF, net.loopback.index)))
    parts += [nla_u32(RTA_PRIORITY, route.metric), nla_u32(RTA_OIF, net.loopback.index)]
    return b"".join((*parts, nla(RTA_CACHEINFO, bytes(32)), nla_u8(RTA_PREF, 0)))


def get_route(request: Request) -> None:
    """RTM_GETROUTE of one address: how it is reached; ENETUNREACH, EINVAL."""
    from forkernel.net.inet.route import route_output

    net = request.sock.net
    if len(request.body) < Rtmsg.SIZE:
        raise SysError(EINVAL)
    attributes = nla_parse(request.body[Rtmsg.SIZE :])
    to = attributes.get(RTA_DST, b"")
    if len(to) != {AF_INET: 4, AF_INET6: 16}.get(request.body[0], 0):
        raise SysError(EINVAL)
    source, kind = route_output(net, to, bytes(len(to)))
    if kind not in (RTN_LOCAL, RTN_BROADCAST):
        raise SysError(ENETUNREACH)
    parts: tuple[bytes, ...]
    cache = nla(RTA_CACHEINFO, (2).to_bytes(4, "little") + bytes(28))
    if len(to) == 16:
        head = Rtmsg(AF_INET6, 128, 128, 0, RT_TABLE_LOCAL, RTPROT_KERNEL, RT_SCOPE_UNIVERSE, kind, 0).pack()
        parts = (
            nla_u32(RTA_TABLE, RT_TABLE_LOCAL),
            nla(RTA_DST, to),
            nla(RTA_SRC, bytes(16)),
            nla(RTA_PREFSRC, source),
            nla_u32(RTA_PRIORITY, 0),
            nla_u32(RTA_OIF, net.loopback.index),
            cache,
            nla_u8(RTA_PREF, 0),
        )
    else:
        flags = RTM_F_CLONED | RTCF_LOCAL
        head = Rtmsg(AF_INET, 32, 0, 0, RT_TABLE_MAIN, RTPROT_UNSPEC, RT_SCOPE_UNIVERSE, kind, flags).pack()
        uid = request.task.cred.user_ns.from_kuid_munged(request.task.cred.uid)
        parts = (nla_u32(RTA_TABLE, RT_TABLE_MAIN), nla(RTA_DST, to), nla_u32(RTA_OIF, net.loopback.index),
                 nla(RTA_PREFSRC, source), nla_u32(RTA_UID, uid), cache, b"")  # fmt: skip
    request.reply(RTM_NEWROUTE, head + b"".join(parts))


# --- rules


RULES: dict[int, tuple[tuple[int, int], ...]] = {
    AF_INET: ((0, RT_TABLE_LOCAL), (32766, RT_TABLE_MAIN), (32767, RT_TABLE_DEFAULT)),
    AF_INET6: ((0, RT_TABLE_LOCAL), (32766, RT_TABLE_MAIN)),
}
"""Priority and table (ip-rule(8))."""


def dump_rules(request: Request) -> None:
    """RTM_GETRULE."""
    family = request.body[0]
    entries = [fill_rule(each, *rule) for each, rules in RULES.items() if family in (0, each) for rule in rules]
    request.dump(RTM_NEWRULE, entries, apart=False)


def fill_rule(family: int, priority: int, table: int) -> bytes:
    """A rule for all packets."""
    head = Rtmsg(family, 0, 0, 0, table, 0, 0, FR_ACT_TO_TBL, 0).pack()
    parts = [nla_u32(FRA_TABLE, table), nla_u32(FRA_SUPPRESS_PREFIXLEN, -1), nla_u8(FRA_PROTOCOL, RTPROT_KERNEL)]
    if priority:
        parts.append(nla_u32(FRA_PRIORITY, priority))
    return head + b"".join(parts)
