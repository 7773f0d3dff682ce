"""Network devices, and the ioctls about them that any socket takes (Linux: net/core/dev.c, dev_ioctl.c;
netdevice(7)).

The one device of a network namespace is the loopback device `lo`, which is down until somebody sets IFF_UP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.capability import CAP_NET_ADMIN
from forkernel.abi.errno import EINVAL, ENODEV, ENOTTY, EOPNOTSUPP, EPERM
from forkernel.errors import SysError
from forkernel.namespace import cap_capable

if TYPE_CHECKING:
    from forkernel.kernel.task import Task
    from forkernel.net.net_namespace import NetNamespace

SIOCGIFNAME = 0x8910
SIOCGIFCONF = 0x8912
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
SIOCGIFMETRIC = 0x891D
SIOCGIFMTU = 0x8921
SIOCSIFMTU = 0x8922
SIOCGIFHWADDR = 0x8927
SIOCGIFINDEX = 0x8933
SIOCGIFTXQLEN = 0x8942
SIOCSIFNAME = 0x8923
SIOCSIFTXQLEN = 0x8943
SIOCETHTOOL = 0x8946
IFREQ_SIZE = 40
IFNAMSIZ = 16

IFF_UP = 0x1
IFF_LOOPBACK = 0x8
IFF_RUNNING = 0x40
IFF_CHANGEABLE = 0x1 | 0x4 | 0x20 | 0x80 | 0x100 | 0x200 | 0x1000 | 0x2000 | 0x4000 | 0x8000
"""UP, DEBUG, NOTRAILERS, NOARP, PROMISC, ALLMULTI, MULTICAST, PORTSEL, AUTOMEDIA, DYNAMIC."""
ARPHRD_LOOPBACK = 772
LOOPBACK_MTU = 65536
LOOPBACK_IFINDEX = 1
TX_QUEUE_LEN = 1000
LOOPBACK = (b"\x7f\0\0\1", 8)
LOOPBACK6 = (bytes(15) + b"\1", 128)


class NetDevice:
    """Linux: struct net_device."""

    __slots__ = (
        "address", "address_info", "alias", "bytes", "drops", "flags", "group", "had_addresses", "index",
        "inet6_addresses", "inet_addresses", "mtu", "name", "packets", "tx_queue_len", "was_up",
    )  # fmt: skip

    def __init__(self, name: bytes, index: int, flags: int, mtu: int) -> None:
        self.name = name
        self.index = index
        self.flags = flags
        """IFF_* as set; RUNNING follows UP."""
        self.mtu = mtu
        self.address = bytes(6)
        """Of the hardware."""
        self.alias = b""
        self.group = 0
        self.tx_queue_len = TX_QUEUE_LEN
        self.was_up = False
        """It has been up, and so has a queue discipline."""
        self.address_info: dict[tuple[bytes, int], Any] = {}
        """Scope and the like of addresses (net/netlink/addr.py)."""
        self.inet_addresses: list[tuple[bytes, int]] = []
        """IPv4 addresses and the lengths of their prefixes, the first one primary."""
        self.inet6_addresses: list[tuple[bytes, int]] = []
        self.had_addresses = False
        """Whether there has been an IPv4 address."""
        self.packets = self.bytes = 0
        """Sent, and therefore received: it is a loop."""
        self.drops = 0

    def set_flags(self, flags: int) -> None:
        """Change IFF_*. A loopback device that comes up has its addresses (Linux: inetdev_event, addrconf_notify); the
        IPv6 one goes when it goes down.
        """
        up = flags & ~self.flags & IFF_UP
        down = self.flags & ~flags & IFF_UP
        self.flags = flags
        if up:
            self.was_up = True
            if LOOPBACK not in self.inet_addresses:
                self.add_address(*LOOPBACK)
            if LOOPBACK6 not in self.inet6_addresses:
                self.inet6_addresses.append(LOOPBACK6)
        elif down:
            self.inet6_addresses.clear()

    def add_address(self, address: bytes, prefix: int) -> None:
        """One IPv4 address more."""
        self.inet_addresses.append((address, prefix))
        self.had_addresses = True

    def rename(self, name: bytes) -> None:
        """A new name; EINVAL for one that none may have (Linux: dev_valid_name)."""
        bad = not name or len(name) >= IFNAMSIZ or name in (b".", b"..")
        if bad or any(byte in b"/: \t\n\v\f\r" for byte in name):
            raise SysError(EINVAL)
        self.name = name

    def shown_flags(self) -> int:
        """What SIOCGIFFLAGS tells."""
        return self.flags | IFF_RUNNING if self.flags & IFF_UP else self.flags


# --- ioctls on any socket (netdevice(7))


def dev_ioctl(task: Task, net: NetNamespace, cmd: int, arg: int) -> int:
    """A request about a device of the socket's namespace; ENODEV, EPERM without CAP_NET_ADMIN; ENOTTY for others."""
    mm = task.mm
    assert mm is not None
    if cmd == SIOCGIFCONF:
        from forkernel.net.inet.devinet import dev_ifconf

        return dev_ifconf(task, net, arg)
    if cmd not in REQUESTS:
        raise SysError(ENOTTY)
    request = bytearray(mm.read(arg, IFREQ_SIZE))
    device = net.loopback
    if cmd == SIOCGIFNAME:
        if int.from_bytes(request[IFNAMSIZ : IFNAMSIZ + 4], "little") != device.index:
            raise SysError(ENODEV)
        request[:IFNAMSIZ] = device.name.ljust(IFNAMSIZ, b"\0")
    else:
        if bytes(request[: IFNAMSIZ - 1]).split(b"\0")[0] != device.name:
            raise SysError(ENODEV)
        request[IFNAMSIZ:] = device_request(task, net, cmd, bytes(request[IFNAMSIZ:]))
    mm.write(arg, bytes(request))
    return 0


REQUESTS = (
    SIOCGIFNAME, SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCGIFMETRIC, SIOCGIFMTU, SIOCSIFMTU, SIOCGIFHWADDR, SIOCGIFINDEX,
    SIOCGIFTXQLEN, SIOCSIFTXQLEN, SIOCSIFNAME, SIOCETHTOOL,
)  # fmt: skip


def device_request(task: Task, net: NetNamespace, cmd: int, value: bytes) -> bytes:
    """Change the device, or give the new value of ifreq's union."""
    device = net.loopback
    if cmd == SIOCETHTOOL:
        raise SysError(EOPNOTSUPP)
    if cmd in (SIOCSIFFLAGS, SIOCSIFMTU, SIOCSIFNAME, SIOCSIFTXQLEN):
        if not cap_capable(task.cred, net.user_ns, CAP_NET_ADMIN):
            raise SysError(EPERM)
        change_device(net, cmd, value)
        return value
    if cmd == SIOCGIFFLAGS:
        return device.shown_flags().to_bytes(2, "little") + value[2:]
    if cmd == SIOCGIFHWADDR:
        return ARPHRD_LOOPBACK.to_bytes(2, "little") + device.address.ljust(14, b"\0") + value[16:]
    numbers = {SIOCGIFMETRIC: 0, SIOCGIFMTU: device.mtu, SIOCGIFINDEX: device.index, SIOCGIFTXQLEN: device.tx_queue_len}
    return numbers[cmd].to_bytes(4, "little") + value[4:]


def change_device(net: NetNamespace, cmd: int, value: bytes) -> None:
    """The requests that set something; EINVAL."""
    from forkernel.net.netlink.link import change_flags, tell

    device = net.loopback
    number = int.from_bytes(value[:4], "little", signed=True)
    if cmd == SIOCSIFFLAGS:
        change_flags(net, device.flags & ~IFF_CHANGEABLE | number & IFF_CHANGEABLE)
        return
    if cmd == SIOCSIFNAME:
        device.rename(value[: IFNAMSIZ - 1].split(b"\0")[0])
    elif number < 0:
        raise SysError(EINVAL)
    elif cmd == SIOCSIFMTU:
        device.mtu = number
    else:
        device.tx_queue_len = number
    tell(net)
