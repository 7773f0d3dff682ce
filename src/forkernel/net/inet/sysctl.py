"""Settings of a network namespace below /proc/sys/net (Linux: sysctl_net_core.c, sysctl_net_ipv4.c; ip(7), tcp(7)).

A setting is an attribute of the namespace's `InetNet`, or a number of one of its tuples.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from forkernel.abi.errno import EINVAL
from forkernel.errors import SysError

INT_MAX = (1 << 31) - 1
TEXT_MAX = 64
WMEM_MAX = 4 << 20
"""net.core.wmem_max and rmem_max."""
WMEM_DEFAULT = 212992
"""net.core.wmem_default and rmem_default."""


def inet(task: Any) -> Any:
    """The Internet part of a task's network namespace."""
    from forkernel.net.inet.netns import inet_of

    return inet_of(task.nsproxy.net_ns)


class Number(NamedTuple):
    """A setting that is an attribute, or with `place` a member of a tuple."""

    attribute: str
    place: int = -1

    def get(self, task: Any) -> int:
        """Its value."""
        value = getattr(inet(task), self.attribute)
        number: int = value if self.place < 0 else value[self.place]
        return number

    def set(self, task: Any, number: int) -> None:
        """Another."""
        if self.place >= 0:
            values = list(getattr(inet(task), self.attribute))
            values[self.place] = number
            setattr(inet(task), self.attribute, tuple(values))
        else:
            setattr(inet(task), self.attribute, number)


class Several(NamedTuple):
    """A setting of several numbers, each within limits; `rising`: none below the one before it."""

    attribute: str
    low: int
    high: int
    rising: bool = False

    def get(self, task: Any) -> bytes:
        """Separated by tabs."""
        return b"\t".join(b"%d" % number for number in getattr(inet(task), self.attribute))

    def set(self, task: Any, text: bytes) -> None:
        """Another; EINVAL."""
        old = getattr(inet(task), self.attribute)
        words = text.split()
        if not words or not all(word.isdigit() for word in words):
            raise SysError(EINVAL)
        new = tuple(int(word) for word in words[: len(old)])
        new += old[len(new) :]
        if not all(self.low <= number <= self.high for number in new) or (self.rising and list(new) != sorted(new)):
            raise SysError(EINVAL)
        setattr(inet(task), self.attribute, new)


def get_somaxconn(task: Any) -> int:
    """Most connections that a listener keeps for accept."""
    number: int = task.nsproxy.net_ns.somaxconn
    return number


def set_somaxconn(task: Any, number: int) -> None:
    """The next listen goes by it."""
    task.nsproxy.net_ns.somaxconn = number


NUMBERS: tuple[tuple[bytes, Number, int, int], ...] = (
    (b"ipv4/ip_default_ttl", Number("default_ttl"), 1, 255),
    (b"ipv4/ip_nonlocal_bind", Number("nonlocal_bind"), 0, 1),
    (b"ipv4/ip_unprivileged_port_start", Number("unprivileged_port"), 0, 65535),
    (b"ipv4/tcp_fin_timeout", Number("fin_timeout"), 0, INT_MAX),
    (b"ipv4/tcp_keepalive_time", Number("keepalive", 0), 0, INT_MAX),
    (b"ipv4/tcp_keepalive_intvl", Number("keepalive", 1), 0, INT_MAX),
    (b"ipv4/tcp_keepalive_probes", Number("keepalive", 2), 0, 255),
    (b"ipv4/tcp_syn_retries", Number("syn_retries"), 1, 127),
)
SEVERAL: tuple[tuple[bytes, Several], ...] = (
    (b"ipv4/ip_local_port_range", Several("port_range", 1, 65535, True)),
    (b"ipv4/ping_group_range", Several("ping_group_range", 0, (1 << 31) - 1)),
    (b"ipv4/tcp_rmem", Several("tcp_rmem", 1, INT_MAX)),
    (b"ipv4/tcp_wmem", Several("tcp_wmem", 1, INT_MAX)),
)
