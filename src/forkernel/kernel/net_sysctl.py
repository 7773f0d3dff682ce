"""/proc/sys/net: settings of the reader's network namespace (net/inet/sysctl.py), and constants of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.fs.proc.proc_sysctl import Sysctl
from forkernel.net.inet import sysctl as net

if TYPE_CHECKING:
    from forkernel.kernel.system import System


def get_mem_max(system: System) -> int:
    """What SO_SNDBUF and SO_RCVBUF may ask for."""
    return net.WMEM_MAX


def get_mem_default(system: System) -> int:
    """Buffers of a socket that is not TCP's."""
    return net.WMEM_DEFAULT


NET_SYSCTLS: list[Sysctl] = [
    Sysctl(b"net/core/rmem_default", 0o444, get_mem_default),
    Sysctl(b"net/core/rmem_max", 0o444, get_mem_max),
    Sysctl(b"net/core/somaxconn", 0o644, net.get_somaxconn, net.set_somaxconn, by_task=True),
    Sysctl(b"net/core/wmem_default", 0o444, get_mem_default),
    Sysctl(b"net/core/wmem_max", 0o444, get_mem_max),
    *(
        Sysctl(b"net/" + path, 0o644, number.get, number.set, low, high, by_task=True)
        for path, number, low, high in net.NUMBERS
    ),
    *(
        Sysctl(b"net/" + path, 0o644, several.get, several.set, high=net.TEXT_MAX, by_task=True)
        for path, several in net.SEVERAL
    ),
]
