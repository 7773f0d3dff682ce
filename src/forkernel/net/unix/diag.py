"""AF_UNIX sockets for sock_diag(7) (Linux: net/unix/diag.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import EINVAL, ENOENT
from forkernel.abi.inet import TCP_CLOSE, TCP_ESTABLISHED, TCP_LISTEN
from forkernel.abi.socket import AF_UNIX
from forkernel.abi.types import U8, U32, CStruct
from forkernel.errors import SysError
from forkernel.net.netlink.message import nla, nla_u8, nla_u32
from forkernel.net.sockopt import meminfo
from forkernel.net.unix.af_unix import CONNECTED, LISTENING, UnixFile

if TYPE_CHECKING:
    from forkernel.net.netlink.message import Request

SHOW_NAME, SHOW_VFS, SHOW_PEER, SHOW_ICONS, SHOW_RQLEN, SHOW_MEMINFO, SHOW_UID = 1, 2, 4, 8, 16, 32, 64
NAME, VFS, PEER, ICONS, RQLEN, MEMINFO, SHUTDOWN, UID = range(8)
STATES = {LISTENING: TCP_LISTEN, CONNECTED: TCP_ESTABLISHED}
"""UNIX_DIAG_* attributes above, states as TCP's below."""
NO_COOKIE = 0xFFFFFFFF


class UnixDiagReq(CStruct):
    """struct unix_diag_req."""

    sdiag_family: U8
    sdiag_protocol: U8
    udiag_states: U32
    udiag_ino: U32
    udiag_show: U32
    udiag_cookie0: U32
    udiag_cookie1: U32


class UnixDiagMsg(CStruct):
    """struct unix_diag_msg."""

    udiag_family: U8
    udiag_type: U8
    udiag_state: U8
    udiag_ino: U32
    udiag_cookie0: U32
    udiag_cookie1: U32


def parse(request: Request) -> UnixDiagReq:
    """The request; EINVAL."""
    if len(request.body) < UnixDiagReq.SIZE:
        raise SysError(EINVAL)
    return UnixDiagReq.unpack(request.body[: UnixDiagReq.SIZE])


def state_of(file: UnixFile) -> int:
    """The state in TCP's words."""
    return STATES.get(file.state, TCP_CLOSE)


def entries(request: Request) -> list[bytes]:
    """All sockets in the states asked for."""
    wanted = parse(request)
    found = [file for file in request.sock.net.sockets if wanted.udiag_states >> state_of(file) & 1]
    return [fill(request, file, wanted.udiag_show) for file in found]


def diag_one(request: Request) -> bytes:
    """The socket with an inode number; EINVAL for none, ENOENT."""
    wanted = parse(request)
    if not wanted.udiag_ino:
        raise SysError(EINVAL)
    for file in request.sock.net.sockets:
        if file.inode.ino == wanted.udiag_ino and wanted.udiag_cookie0 in (NO_COOKIE, file.cookie(None)):
            return fill(request, file, wanted.udiag_show)
    raise SysError(ENOENT)


def fill(request: Request, file: UnixFile, show: int) -> bytes:
    """A socket as a message has it (Linux: sk_diag_fill)."""
    parts = [UnixDiagMsg(AF_UNIX, file.kind, state_of(file), file.shown_ino(), file.cookie(None), 0).pack()]
    if show & SHOW_NAME and file.address is not None:
        parts.append(nla(NAME, file.address))
    if show & SHOW_VFS and file.bound is not None:
        inode = file.bound.inode
        parts.append(nla(VFS, inode.ino.to_bytes(4, "little") + (inode.sb.dev & 0xFFFFFFFF).to_bytes(4, "little")))
    if show & SHOW_PEER and file.peer is not None:
        parts.append(nla_u32(PEER, file.peer.shown_ino()))
    if show & SHOW_ICONS and file.state == LISTENING:
        inodes = [end.peer.inode.ino for end in file.backlog if end.peer is not None]
        parts.append(nla(ICONS, b"".join(number.to_bytes(4, "little") for number in inodes)))
    if show & SHOW_RQLEN:
        lengths = (file.inq(), file.wmem)
        if file.state == LISTENING:
            lengths = (len(file.backlog), file.max_backlog)
        parts.append(nla(RQLEN, b"".join(number.to_bytes(4, "little") for number in lengths)))
    if show & SHOW_MEMINFO:
        parts.append(nla(MEMINFO, meminfo(file)))
    parts.append(nla_u8(SHUTDOWN, file.shut))
    if show & SHOW_UID:
        parts.append(nla_u32(UID, request.task.cred.user_ns.from_kuid_munged(file.inode.uid)))
    return b"".join(parts)
