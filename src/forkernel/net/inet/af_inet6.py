"""AF_INET6: its sockets are those of AF_INET with longer addresses (Linux: net/ipv6/af_inet6.c; ipv6(7))."""

from __future__ import annotations

from typing import Any

from forkernel.abi.inet import AF_INET6
from forkernel.net.inet.af_inet import inet_create
from forkernel.net.socket import SocketFile


def create(task: Any, kind: int, protocol: int) -> SocketFile:
    """A socket of AF_INET6."""
    return inet_create(task, AF_INET6, kind, protocol)
