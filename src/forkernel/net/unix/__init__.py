"""AF_UNIX: sockets between processes of the machine (Linux: net/unix/af_unix.c; unix(7)).

`create` makes a stream, datagram or seqpacket socket, `socketpair` connects two. What all three share, names and
connections, is in af_unix.py; how bytes travel in stream.py and dgram.py; what lies in a queue in skb.py.
"""

from __future__ import annotations

from typing import Any

from forkernel.abi.errno import EPROTONOSUPPORT, ESOCKTNOSUPPORT
from forkernel.abi.socket import AF_UNIX, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM
from forkernel.errors import SysError
from forkernel.net.unix.af_unix import UnixFile, join
from forkernel.net.unix.dgram import UnixDgram, UnixSeqpacket
from forkernel.net.unix.stream import UnixStream

KINDS: dict[int, type[UnixFile]] = {
    SOCK_STREAM: UnixStream,
    SOCK_DGRAM: UnixDgram,
    SOCK_RAW: UnixDgram,
    SOCK_SEQPACKET: UnixSeqpacket,
}


def create(task: Any, kind: int, protocol: int) -> UnixFile:
    """A new, unconnected socket; EPROTONOSUPPORT, ESOCKTNOSUPPORT."""
    if protocol not in (0, AF_UNIX):
        raise SysError(EPROTONOSUPPORT)
    if kind not in KINDS:
        raise SysError(ESOCKTNOSUPPORT)
    return KINDS[kind](task, task.nsproxy.net_ns, SOCK_DGRAM if kind == SOCK_RAW else kind)


def socketpair(task: Any, one: UnixFile, two: UnixFile) -> None:
    """Connect two new sockets to each other."""
    join(one, two)
    one.remember_peer(task, two)
    two.remember_peer(task, one)


__all__ = ["UnixDgram", "UnixFile", "UnixSeqpacket", "UnixStream", "create", "socketpair"]
