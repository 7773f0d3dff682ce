"""NETLINK_SOCK_DIAG (Linux: net/core/sock_diag.c; sock_diag(7))."""

from __future__ import annotations

from forkernel.abi.errno import EINVAL, ENOENT
from forkernel.abi.netlink import SOCK_DIAG_BY_FAMILY
from forkernel.errors import SysError
from forkernel.net.netlink.message import Request


def sock_diag_rcv_msg(request: Request) -> None:
    """One request; EINVAL, ENOENT for a family without such a table."""
    if request.kind != SOCK_DIAG_BY_FAMILY or len(request.body) < 2:
        raise SysError(EINVAL)
    raise SysError(ENOENT)
