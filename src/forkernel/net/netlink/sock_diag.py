"""NETLINK_SOCK_DIAG: the sockets of a network namespace, for ss(8) (Linux: net/core/sock_diag.c; sock_diag(7))."""

from __future__ import annotations

from forkernel.abi.errno import EINVAL, ENOENT, EOPNOTSUPP
from forkernel.abi.inet import AF_INET, AF_INET6
from forkernel.abi.netlink import NLM_F_DUMP, SOCK_DESTROY, SOCK_DIAG_BY_FAMILY
from forkernel.abi.socket import AF_UNIX
from forkernel.errors import SysError
from forkernel.net.netlink.message import Request


def sock_diag_rcv_msg(request: Request) -> None:
    """One request; EINVAL, ENOENT for a family without such a table, EOPNOTSUPP for SOCK_DESTROY."""
    if len(request.body) < 2:
        raise SysError(EINVAL)
    if request.kind == SOCK_DESTROY:
        raise SysError(EOPNOTSUPP)
    if request.kind != SOCK_DIAG_BY_FAMILY:
        raise SysError(EINVAL)
    family = request.body[0]
    if family == AF_UNIX:
        from forkernel.net.unix.diag import diag_one, entries

        if request.flags & NLM_F_DUMP:
            request.dump(SOCK_DIAG_BY_FAMILY, entries(request))
        else:
            request.reply(SOCK_DIAG_BY_FAMILY, diag_one(request))
    elif family in (AF_INET, AF_INET6):
        from forkernel.net.inet.diag import entries as inet_entries

        if not request.flags & NLM_F_DUMP:
            raise SysError(EOPNOTSUPP)
        request.dump(SOCK_DIAG_BY_FAMILY, inet_entries(request))
    else:
        raise SysError(ENOENT)
