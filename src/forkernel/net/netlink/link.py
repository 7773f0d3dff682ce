"""RTM_*LINK: the devices of a network namespace, which are `lo` (Linux: rtnl_fill_ifinfo, do_setlink; rtnetlink(7))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import EEXIST, EINVAL, ENODEV, EOPNOTSUPP
from forkernel.abi.inet import AF_INET6
from forkernel.abi.netlink import (
    IFLA_ADDRESS,
    IFLA_AF_SPEC,
    IFLA_ALLMULTI,
    IFLA_ALT_IFNAME,
    IFLA_BROADCAST,
    IFLA_CARRIER,
    IFLA_EXT_MASK,
    IFLA_GROUP,
    IFLA_IFALIAS,
    IFLA_IFNAME,
    IFLA_INFO_KIND,
    IFLA_LINKINFO,
    IFLA_LINKMODE,
    IFLA_MAP,
    IFLA_MAX_MTU,
    IFLA_MIN_MTU,
    IFLA_MTU,
    IFLA_NET_NS_FD,
    IFLA_NET_NS_PID,
    IFLA_NETNS_IMMUTABLE,
    IFLA_NUM_RX_QUEUES,
    IFLA_NUM_TX_QUEUES,
    IFLA_OPERSTATE,
    IFLA_PROMISCUITY,
    IFLA_PROTINFO,
    IFLA_QDISC,
    IFLA_STATS,
    IFLA_STATS64,
    IFLA_TXQLEN,
    NLM_F_CREATE,
    NLM_F_EXCL,
    RTEXT_FILTER_SKIP_STATS,
    RTM_DELADDR,
    RTM_NEWADDR,
    RTM_NEWLINK,
    RTNLGRP_LINK,
    Ifinfomsg,
)
from forkernel.errors import SysError
from forkernel.net.dev import ARPHRD_LOOPBACK, IFF_CHANGEABLE, IFF_UP, NetDevice
from forkernel.net.netlink import addr
from forkernel.net.netlink.af_netlink import notify
from forkernel.net.netlink.message import (
    NetlinkError,
    Request,
    nla,
    nla_nest,
    nla_parse,
    nla_string,
    nla_u8,
    nla_u32,
    nlmsg,
    number,
)

if TYPE_CHECKING:
    from forkernel.net.net_namespace import NetNamespace

IFF_LOWER_UP = 0x10000
IFF_PROMISC, IFF_ALLMULTI = 0x100, 0x200
IF_OPER_DOWN = 2
IF_READY = 0x80000000
INET6_FLAGS, INET6_ADDR_GEN_MODE = 1, 8


# --- asking


def parse_link(request: Request) -> tuple[Ifinfomsg, dict[int, bytes]]:
    """The struct ifinfomsg and the attributes of a request; EINVAL."""
    if len(request.body) < Ifinfomsg.SIZE:
        raise SysError(EINVAL)
    return Ifinfomsg.unpack(request.body[: Ifinfomsg.SIZE]), nla_parse(request.body[Ifinfomsg.SIZE :])


def device_of(net: NetNamespace, info: Ifinfomsg, attributes: dict[int, bytes]) -> NetDevice | None:
    """The device that a request means, by index or name; EINVAL where neither is said."""
    device = net.loopback
    if info.ifi_index > 0:
        return device if info.ifi_index == device.index else None
    name = attributes.get(IFLA_IFNAME, attributes.get(IFLA_ALT_IFNAME))
    if name is None:
        raise SysError(EINVAL)
    return device if name.rstrip(b"\0") == device.name else None


def get_link(request: Request) -> None:
    """RTM_GETLINK of one device; ENODEV."""
    info, attributes = parse_link(request)
    device = device_of(request.sock.net, info, attributes)
    if device is None:
        raise SysError(ENODEV)
    request.reply(RTM_NEWLINK, fill_link(device, ext_mask(attributes)))


def dump_links(request: Request) -> None:
    """RTM_GETLINK of all: none is of a kind that could be asked for."""
    attributes = nla_parse(request.body[Ifinfomsg.SIZE :])
    if request.body[0] == AF_INET6:
        request.dump(RTM_NEWLINK, [fill_link6(request.sock.net.loopback)])
        return
    entries = [] if IFLA_LINKINFO in attributes else [fill_link(request.sock.net.loopback, ext_mask(attributes))]
    request.dump(RTM_NEWLINK, entries)


def ext_mask(attributes: dict[int, bytes]) -> int:
    """RTEXT_FILTER_* of a request."""
    return number(attributes[IFLA_EXT_MASK]) if IFLA_EXT_MASK in attributes else 0


def fill_link(device: NetDevice, mask: int = 0) -> bytes:
    """A device as an RTM_NEWLINK message has it."""
    up = bool(device.flags & IFF_UP)
    flags = device.shown_flags() | (IFF_LOWER_UP if up else 0)
    parts = [
        Ifinfomsg(0, ARPHRD_LOOPBACK, device.index, flags, 0).pack(),
        nla_string(IFLA_IFNAME, device.name),
        nla_u32(IFLA_TXQLEN, device.tx_queue_len),
        nla_u8(IFLA_OPERSTATE, 0 if up else IF_OPER_DOWN),
        nla_u8(IFLA_LINKMODE, 0),
        nla_u8(IFLA_NETNS_IMMUTABLE, 1),
        nla_u32(IFLA_MTU, device.mtu),
        nla_u32(IFLA_MIN_MTU, 0),
        nla_u32(IFLA_MAX_MTU, 0),
        nla_u32(IFLA_GROUP, device.group),
        nla_u32(IFLA_PROMISCUITY, int(bool(device.flags & IFF_PROMISC))),
        nla_u32(IFLA_ALLMULTI, int(bool(device.flags & IFF_ALLMULTI))),
        nla_u32(IFLA_NUM_TX_QUEUES, 1),
        nla_u32(IFLA_NUM_RX_QUEUES, 1),
        nla_u8(IFLA_CARRIER, 1),
        nla(IFLA_ADDRESS, device.address),
        nla(IFLA_BROADCAST, bytes(6)),
    ]
    if device.alias:
        parts.append(nla_string(IFLA_IFALIAS, device.alias))
    if not mask & RTEXT_FILTER_SKIP_STATS:
        parts += [nla(IFLA_STATS64, statistics(device, 8, 25)), nla(IFLA_STATS, statistics(device, 4, 24))]
    inet6 = nla_nest(AF_INET6, nla_u32(INET6_FLAGS, IF_READY if up else 0), nla_u8(INET6_ADDR_GEN_MODE, 0))
    parts += [
        nla_string(IFLA_QDISC, b"noqueue" if device.was_up else b"noop"),
        nla_nest(IFLA_AF_SPEC, inet6),
        nla(IFLA_MAP, bytes(32)),
    ]
    return b"".join(parts)


def fill_link6(device: NetDevice) -> bytes:
    """A device as IPv6 sees it (Linux: inet6_fill_ifinfo)."""
    up = bool(device.flags & IFF_UP)
    flags = device.shown_flags() | (IFF_LOWER_UP if up else 0)
    return b"".join(
        (
            Ifinfomsg(AF_INET6, ARPHRD_LOOPBACK, device.index, flags, 0).pack(),
            nla_string(IFLA_IFNAME, device.name),
            nla(IFLA_ADDRESS, device.address),
            nla_u32(IFLA_MTU, device.mtu),
            nla_u8(IFLA_OPERSTATE, 0 if up else IF_OPER_DOWN),
            nla_nest(IFLA_PROTINFO, nla_u32(INET6_FLAGS, IF_READY if up else 0)),
        )
    )


def statistics(device: NetDevice, width: int, count: int) -> bytes:
    """struct rtnl_link_stats64 (width 8) or rtnl_link_stats (4): what is sent is received."""
    values = [device.packets, device.packets, device.bytes, device.bytes, 0, 0, device.drops, device.drops]
    values += [0] * (count - len(values))
    return b"".join((value & (1 << width * 8) - 1).to_bytes(width, "little") for value in values)


# --- changing


def new_link(request: Request) -> None:
    """RTM_NEWLINK: change the device, or make one, for which there is no driver."""
    info, attributes = parse_link(request)
    device = None
    if info.ifi_index > 0 or IFLA_IFNAME in attributes or IFLA_ALT_IFNAME in attributes:
        device = device_of(request.sock.net, info, attributes)
    if device is not None:
        if request.flags & NLM_F_EXCL:
            raise SysError(EEXIST)
        do_setlink(request, device, info, attributes)
    elif not request.flags & NLM_F_CREATE:
        raise SysError(ENODEV)
    else:
        no_driver(attributes)


def no_driver(attributes: dict[int, bytes]) -> None:
    """Devices of no kind can be made; EOPNOTSUPP."""
    if IFLA_LINKINFO in attributes and IFLA_INFO_KIND in nla_parse(attributes[IFLA_LINKINFO]):
        raise NetlinkError(EOPNOTSUPP, b"Unknown device type")
    raise SysError(EOPNOTSUPP)


def set_link(request: Request) -> None:
    """RTM_SETLINK: change the device; ENODEV."""
    info, attributes = parse_link(request)
    device = device_of(request.sock.net, info, attributes)
    if device is None:
        raise SysError(ENODEV)
    do_setlink(request, device, info, attributes)


def del_link(request: Request) -> None:
    """RTM_DELLINK: the loopback device stays; EOPNOTSUPP, ENODEV."""
    info, attributes = parse_link(request)
    raise SysError(ENODEV if device_of(request.sock.net, info, attributes) is None else EOPNOTSUPP)


SETTABLE = (IFLA_IFNAME, IFLA_ADDRESS, IFLA_MTU, IFLA_TXQLEN, IFLA_GROUP, IFLA_IFALIAS, IFLA_EXT_MASK, IFLA_ALT_IFNAME)


def do_setlink(request: Request, device: NetDevice, info: Ifinfomsg, attributes: dict[int, bytes]) -> None:
    """Change what the attributes and flags say; what cannot be changed is refused before anything is."""
    if IFLA_NET_NS_PID in attributes or IFLA_NET_NS_FD in attributes:
        raise NetlinkError(EINVAL, b"The interface netns is immutable")
    if any(kind not in SETTABLE for kind in attributes):
        raise SysError(EOPNOTSUPP)
    mtu = device.mtu
    if IFLA_MTU in attributes:
        mtu = number(attributes[IFLA_MTU])
        if mtu >> 31:
            raise NetlinkError(EINVAL, b"mtu less than device minimum")
    if len(attributes.get(IFLA_ADDRESS, device.address)) != len(device.address):
        raise SysError(EINVAL)
    if IFLA_IFNAME in attributes and info.ifi_index > 0:
        device.rename(attributes[IFLA_IFNAME].rstrip(b"\0"))
    device.mtu = mtu
    device.address = attributes.get(IFLA_ADDRESS, device.address)
    device.alias = attributes.get(IFLA_IFALIAS, device.alias).rstrip(b"\0")
    if IFLA_TXQLEN in attributes:
        device.tx_queue_len = number(attributes[IFLA_TXQLEN])
    if IFLA_GROUP in attributes:
        device.group = number(attributes[IFLA_GROUP])
    if info.ifi_flags or info.ifi_change:
        change = (info.ifi_change or 0xFFFFFFFF) & IFF_CHANGEABLE
        change_flags(request.sock.net, device.flags & ~change | info.ifi_flags & change)
    else:
        tell(request.sock.net)


def change_flags(net: NetNamespace, flags: int) -> None:
    """Change IFF_*, and tell who listens what came of it: addresses come and go with the device."""
    device = net.loopback
    before = [*device.inet_addresses, *device.inet6_addresses]
    for own in before:
        addr.info_of(net, own)
    gone = {own: addr.fill_address(net, own) for own in before}
    device.set_flags(flags)
    tell(net)
    after = [*device.inet_addresses, *device.inet6_addresses]
    for own in after:
        if own not in gone:
            addr.tell(net, RTM_NEWADDR, own)
    for own, message in gone.items():
        if own not in after:
            addr.notify_address(net, RTM_DELADDR, own, message)
            device.address_info.pop(own, None)


def tell(net: NetNamespace) -> None:
    """The device as it is now, to who listens."""
    notify(net, RTNLGRP_LINK, nlmsg(RTM_NEWLINK, 0, 0, 0, fill_link(net.loopback)))
