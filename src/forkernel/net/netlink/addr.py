"""RTM_*ADDR: addresses of the loopback device (Linux: inet_rtm_newaddr, inet6_rtm_newaddr; rtnetlink(7)).

The lists of addresses are the device's, for all of the Internet families (net/dev.py); what else there is to say of
one, scope, label, when it came, is an `AddressInfo` beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from forkernel.abi.errno import EADDRNOTAVAIL, EAFNOSUPPORT, EEXIST, EINVAL, ENODEV
from forkernel.abi.inet import AF_INET, AF_INET6
from forkernel.abi.netlink import (
    IFA_ADDRESS,
    IFA_BROADCAST,
    IFA_CACHEINFO,
    IFA_F_PERMANENT,
    IFA_F_SECONDARY,
    IFA_FLAGS,
    IFA_LABEL,
    IFA_LOCAL,
    IFA_PROTO,
    NLM_F_REPLACE,
    RT_SCOPE_HOST,
    RT_SCOPE_LINK,
    RT_SCOPE_UNIVERSE,
    RTM_DELADDR,
    RTM_NEWADDR,
    RTNLGRP_IPV4_IFADDR,
    RTNLGRP_IPV6_IFADDR,
    Ifaddrmsg,
)
from forkernel.errors import SysError
from forkernel.net.dev import LOOPBACK6
from forkernel.net.netlink.af_netlink import notify
from forkernel.net.netlink.message import NetlinkError, Request, nla, nla_parse, nla_string, nla_u8, nla_u32, nlmsg

if TYPE_CHECKING:
    from forkernel.net.net_namespace import NetNamespace

Own = tuple[bytes, int]
"""An address and the length of its prefix."""
FOREVER = 0xFFFFFFFF
TICK_NS = 10_000_000
"""Unit of the stamps: hundredths of a second since the boot."""
IFAPROT_KERNEL_LO = 1


class AddressInfo(NamedTuple):
    """What is known of an address."""

    scope: int
    stamp: int
    broadcast: bytes = b""
    label: bytes = b""


def info_of(net: NetNamespace, own: Own) -> AddressInfo:
    """Of an address; one that came by itself is the loopback device's first."""
    found: AddressInfo | None = net.loopback.address_info.get(own)
    if found is None:
        found = net.loopback.address_info[own] = AddressInfo(RT_SCOPE_HOST, ticks(net))
    return found


def ticks(net: NetNamespace) -> int:
    """Now, in hundredths of a second."""
    now: int = net.system.clock.monotonic()
    return now // TICK_NS


def network_of(own: Own) -> int:
    """The bits of the prefix."""
    address, prefix = own
    return int.from_bytes(address, "big") >> len(address) * 8 - prefix


def is_secondary(net: NetNamespace, own: Own) -> bool:
    """Whether an earlier IPv4 address has the same network."""
    for other in net.loopback.inet_addresses:
        if other == own:
            return False
        if other[1] == own[1] and network_of(other) == network_of(own):
            return True
    return False


# --- asking


def dump_addresses(request: Request) -> None:
    """RTM_GETADDR."""
    net = request.sock.net
    family = request.body[0]
    entries: list[bytes] = []
    if family in (0, AF_INET):
        entries += [fill_address(net, own) for own in in_order(net)]
    if family in (0, AF_INET6):
        entries += [fill_address(net, own) for own in net.loopback.inet6_addresses]
    request.dump(RTM_NEWADDR, entries)


def in_order(net: NetNamespace) -> list[Own]:
    """IPv4 addresses as Linux keeps them: each primary one after those whose scope is as narrow, then the secondary."""
    ordered: list[Own] = []
    secondary: list[Own] = []
    for own in net.loopback.inet_addresses:
        if is_secondary(net, own):
            secondary.append(own)
            continue
        scope = info_of(net, own).scope
        after = [index for index, other in enumerate(ordered) if info_of(net, other).scope >= scope]
        ordered.insert(after[-1] + 1 if after else 0, own)
    return ordered + secondary


def fill_address(net: NetNamespace, own: Own) -> bytes:
    """An address as an RTM_NEWADDR message has it."""
    address, prefix = own
    device, info = net.loopback, info_of(net, own)
    stamps = (FOREVER, FOREVER, info.stamp, info.stamp)
    cache = nla(IFA_CACHEINFO, b"".join(number.to_bytes(4, "little") for number in stamps))
    if len(address) == 16:
        head = Ifaddrmsg(AF_INET6, prefix, IFA_F_PERMANENT, info.scope, device.index).pack()
        proto = nla_u8(IFA_PROTO, IFAPROT_KERNEL_LO) if own == LOOPBACK6 else b""
        return head + nla(IFA_ADDRESS, address) + cache + nla_u32(IFA_FLAGS, IFA_F_PERMANENT) + proto
    flags = IFA_F_PERMANENT | (IFA_F_SECONDARY if is_secondary(net, own) else 0)
    return b"".join(
        (
            Ifaddrmsg(AF_INET, prefix, flags, info.scope, device.index).pack(),
            nla(IFA_ADDRESS, address),
            nla(IFA_LOCAL, address),
            nla(IFA_BROADCAST, info.broadcast) if info.broadcast else b"",
            nla_string(IFA_LABEL, info.label or device.name),
            nla_u32(IFA_FLAGS, flags),
            cache,
        )
    )


# --- changing


def parse_address(request: Request) -> tuple[Ifaddrmsg, dict[int, bytes], Own]:
    """A request's fixed part, attributes and address; EINVAL, ENODEV, EAFNOSUPPORT."""
    if len(request.body) < Ifaddrmsg.SIZE:
        raise SysError(EINVAL)
    message = Ifaddrmsg.unpack(request.body[: Ifaddrmsg.SIZE])
    attributes = nla_parse(request.body[Ifaddrmsg.SIZE :])
    if message.ifa_family not in (AF_INET, AF_INET6):
        raise SysError(EAFNOSUPPORT)
    size = 4 if message.ifa_family == AF_INET else 16
    address = attributes.get(IFA_LOCAL, attributes.get(IFA_ADDRESS, b""))
    if len(address) != size or message.ifa_prefixlen > size * 8:
        raise SysError(EINVAL)
    if message.ifa_index != request.sock.net.loopback.index:
        raise SysError(ENODEV)
    return message, attributes, (address, message.ifa_prefixlen)


def list_of(net: NetNamespace, own: Own) -> list[Own]:
    """The device's list for the family."""
    return net.loopback.inet_addresses if len(own[0]) == 4 else net.loopback.inet6_addresses


def new_address(request: Request) -> None:
    """RTM_NEWADDR; EEXIST."""
    message, attributes, own = parse_address(request)
    net = request.sock.net
    there = [other for other in list_of(net, own) if other[0] == own[0] and (len(own[0]) == 16 or other == own)]
    if there and not request.flags & NLM_F_REPLACE:
        raise NetlinkError(
            EEXIST, b"ipv4: Address already assigned" if len(own[0]) == 4 else b"address already assigned"
        )
    scope = message.ifa_scope if len(own[0]) == 4 else scope6(own[0])
    label = attributes.get(IFA_LABEL, b"").rstrip(b"\0")
    net.loopback.address_info[own] = AddressInfo(scope, ticks(net), attributes.get(IFA_BROADCAST, b""), label)
    if not there:
        if len(own[0]) == 4:
            net.loopback.add_address(*own)
        else:
            net.loopback.inet6_addresses.append(own)
    tell(net, RTM_NEWADDR, own)


def scope6(address: bytes) -> int:
    """The scope of an IPv6 address follows from it."""
    if address == LOOPBACK6[0]:
        return RT_SCOPE_HOST
    return RT_SCOPE_LINK if address[0] == 0xFE and address[1] & 0xC0 == 0x80 else RT_SCOPE_UNIVERSE


def del_address(request: Request) -> None:
    """RTM_DELADDR; with a primary IPv4 address go the secondary ones. EADDRNOTAVAIL."""
    _, _, own = parse_address(request)
    net = request.sock.net
    if own not in list_of(net, own):
        text = b"ipv4: Address not found" if len(own[0]) == 4 else b"address not found"
        raise NetlinkError(EADDRNOTAVAIL, text)
    gone = [own]
    if len(own[0]) == 4 and not is_secondary(net, own):
        others = net.loopback.inet_addresses
        gone += [other for other in others if other != own and same_network(other, own)]
    for each in reversed(gone):
        tell(net, RTM_DELADDR, each)
        list_of(net, each).remove(each)
        net.loopback.address_info.pop(each, None)


def same_network(one: Own, two: Own) -> bool:
    """Whether two addresses are in one network."""
    return one[1] == two[1] and network_of(one) == network_of(two)


def tell(net: NetNamespace, kind: int, own: Own) -> None:
    """What happened to an address, to who listens."""
    notify_address(net, kind, own, fill_address(net, own))


def notify_address(net: NetNamespace, kind: int, own: Own, message: bytes) -> None:
    """To the group of its family."""
    notify(net, RTNLGRP_IPV4_IFADDR if len(own[0]) == 4 else RTNLGRP_IPV6_IFADDR, nlmsg(kind, 0, 0, 0, message))
