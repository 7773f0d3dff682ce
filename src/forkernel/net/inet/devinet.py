"""Addresses of the device by ioctl, on sockets of the Internet families (Linux: net/ipv4/devinet.c; netdevice(7))."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.capability import CAP_NET_ADMIN
from forkernel.abi.errno import EADDRNOTAVAIL, EINVAL, ENODEV, EPERM
from forkernel.abi.inet import AF_INET
from forkernel.errors import SysError
from forkernel.namespace import cap_capable
from forkernel.net.dev import IFNAMSIZ, IFREQ_SIZE
from forkernel.net.inet.address import ANY4, family_in, sockaddr_in

if TYPE_CHECKING:
    from forkernel.net.net_namespace import NetNamespace

SIOCGIFADDR, SIOCSIFADDR = 0x8915, 0x8916
SIOCGIFDSTADDR, SIOCSIFDSTADDR = 0x8917, 0x8918
SIOCGIFBRDADDR, SIOCSIFBRDADDR = 0x8919, 0x891A
SIOCGIFNETMASK, SIOCSIFNETMASK = 0x891B, 0x891C
GET = (SIOCGIFADDR, SIOCGIFDSTADDR, SIOCGIFBRDADDR, SIOCGIFNETMASK)
SET = (SIOCSIFADDR, SIOCSIFNETMASK)
REQUESTS = (*GET, *SET)


def netmask(prefix: int) -> bytes:
    """The mask with so many bits."""
    return ((1 << 32) - (1 << 32 - prefix)).to_bytes(4, "big")


def devinet_ioctl(task: Any, net: NetNamespace, cmd: int, arg: int) -> int:
    """Tell or set an address of a device; ENODEV, EADDRNOTAVAIL, EPERM, EINVAL."""
    mm = task.mm
    request = bytearray(mm.read(arg, IFREQ_SIZE))
    device = net.loopback
    name = bytes(request[: IFNAMSIZ - 1]).split(b"\0")[0].split(b":")[0]
    if cmd in GET:
        if name != device.name:
            raise SysError(ENODEV)
        if not device.inet_addresses:
            raise SysError(EADDRNOTAVAIL)
        address, prefix = device.inet_addresses[0]
        if cmd == SIOCGIFNETMASK:
            address = netmask(prefix)
        elif cmd == SIOCGIFBRDADDR:
            address = ANY4  # an address of this device has none
        request[IFNAMSIZ : IFNAMSIZ + 16] = sockaddr_in(address, 0)
        mm.write(arg, bytes(request))
        return 0
    if not cap_capable(task.cred, net.user_ns, CAP_NET_ADMIN):
        raise SysError(EPERM)
    if family_in(bytes(request[IFNAMSIZ:])) != AF_INET:
        raise SysError(EINVAL)
    if name != device.name:
        raise SysError(ENODEV)
    set_address(net, cmd, bytes(request[IFNAMSIZ + 4 : IFNAMSIZ + 8]))
    return 0


def set_address(net: NetNamespace, cmd: int, value: bytes) -> None:
    """Put the first address, or its mask, in place."""
    device = net.loopback
    if cmd == SIOCSIFADDR:
        prefix = class_prefix(value)
        if device.inet_addresses:
            del device.inet_addresses[0]
        if value != ANY4:
            device.inet_addresses.insert(0, (value, prefix))
            device.had_addresses = True
        return
    if not device.inet_addresses:
        raise SysError(EADDRNOTAVAIL)
    prefix = bin(int.from_bytes(value, "big")).count("1")
    if netmask(prefix) != value:
        raise SysError(EINVAL)
    device.inet_addresses[0] = (device.inet_addresses[0][0], prefix)


def class_prefix(address: bytes) -> int:
    """The prefix that an address had by its class (Linux: inet_abc_len); EINVAL for groups."""
    first = address[0]
    if address == ANY4:
        return 0
    for prefix, below in ((8, 128), (16, 192), (24, 224)):
        if first < below:
            return prefix
    raise SysError(EINVAL)


def dev_ifconf(task: Any, net: NetNamespace, arg: int) -> int:
    """SIOCGIFCONF: the devices that have an IPv4 address, once for each (Linux: dev_ifconf)."""
    mm = task.mm
    header = mm.read(arg, 16)
    room = int.from_bytes(header[:4], "little", signed=True)
    where = int.from_bytes(header[8:], "little")
    if room < 0:
        raise SysError(EINVAL)
    device = net.loopback
    entries = [
        device.name.ljust(IFNAMSIZ, b"\0") + sockaddr_in(address, 0) + bytes(8) for address, _ in device.inet_addresses
    ]
    size = len(entries) * IFREQ_SIZE
    if where:
        fit = entries[: room // IFREQ_SIZE]
        size = len(fit) * IFREQ_SIZE
        if fit:
            mm.write(where, b"".join(fit))
    mm.write(arg, size.to_bytes(4, "little"))
    return 0
