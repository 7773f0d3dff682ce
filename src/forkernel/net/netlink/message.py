"""Netlink messages: requests taken apart, answers put together (netlink(7), netlink(3)).

A `Request` is one message of a program. Its handler answers with `reply`, `dump` or nothing; `ack` tells of success or
of the error, in the words of a `NetlinkError` where there are some (NETLINK_EXT_ACK).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EINVAL
from forkernel.abi.netlink import (
    NETLINK_CAP_ACK,
    NETLINK_EXT_ACK,
    NETLINK_GET_STRICT_CHK,
    NLA_F_NESTED,
    NLA_TYPE_MASK,
    NLM_F_ACK_TLVS,
    NLM_F_CAPPED,
    NLM_F_MULTI,
    NLMSG_DONE,
    NLMSG_ERROR,
    NLMSGERR_ATTR_MSG,
    Nlmsghdr,
)
from forkernel.errors import SysError

if TYPE_CHECKING:
    from forkernel.net.netlink.af_netlink import NetlinkFile

NLMSG_GOODSIZE = 3776
"""Most bytes of a dump in one datagram: what fits into a page."""


class NetlinkError(SysError):
    """An error with a text for people."""

    def __init__(self, errno: int, text: bytes) -> None:
        super().__init__(errno)
        self.text = text


# --- attributes


def align(size: int) -> int:
    """Up to a multiple of four (Linux: NLMSG_ALIGN)."""
    return size + 3 & ~3


def nla(kind: int, data: bytes) -> bytes:
    """An attribute."""
    size = 4 + len(data)
    return (size.to_bytes(2, "little") + kind.to_bytes(2, "little") + data).ljust(align(size), b"\0")


def nla_u8(kind: int, value: int) -> bytes:
    """An attribute of one byte."""
    return nla(kind, value.to_bytes(1, "little"))


def nla_u32(kind: int, value: int) -> bytes:
    """An attribute of four bytes."""
    return nla(kind, (value & 0xFFFFFFFF).to_bytes(4, "little"))


def nla_string(kind: int, text: bytes) -> bytes:
    """A text with its NUL."""
    return nla(kind, text + b"\0")


def nla_nest(kind: int, *attributes: bytes) -> bytes:
    """Attributes in an attribute."""
    return nla(kind | NLA_F_NESTED, b"".join(attributes))


def nla_parse(data: bytes) -> dict[int, bytes]:
    """Attributes by kind; EINVAL for a length that cannot be. Less than an attribute at the end is passed over."""
    found: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 2], "little")
        if size < 4 or at + size > len(data):
            break
        found[int.from_bytes(data[at + 2 : at + 4], "little") & NLA_TYPE_MASK] = data[at + 4 : at + size]
        at += align(size)
    return found


def number(data: bytes, size: int = 4) -> int:
    """The value of an attribute that is a number; EINVAL for too few bytes."""
    if len(data) < size:
        raise SysError(EINVAL)
    return int.from_bytes(data[:size], "little")


# --- requests


class Request:
    """One message from a program."""

    __slots__ = ("answered", "body", "flags", "header", "kind", "seq", "sock", "task")

    def __init__(self, task: Any, sock: NetlinkFile, message: bytes) -> None:
        header = Nlmsghdr.unpack(message[: Nlmsghdr.SIZE])
        self.task = task
        self.sock = sock
        self.header = message
        """The whole message, for an error that returns it."""
        self.kind = header.nlmsg_type
        self.flags = header.nlmsg_flags
        self.seq = header.nlmsg_seq
        self.body = message[Nlmsghdr.SIZE :]
        self.answered = False
        """By a dump, after which there is no other word."""

    @property
    def strict(self) -> bool:
        """Whether the fields of a dump request filter it (NETLINK_GET_STRICT_CHK)."""
        return bool(self.sock.flag(NETLINK_GET_STRICT_CHK))

    def message(self, kind: int, flags: int, payload: bytes) -> bytes:
        """An answer to this request."""
        return nlmsg(kind, flags, self.seq, self.sock.portid, payload)

    def reply(self, kind: int, payload: bytes) -> None:
        """Answer with one message."""
        self.sock.deliver(self.message(kind, 0, payload))

    def dump(self, kind: int, entries: list[bytes], *, apart: bool = True) -> None:
        """Answer with many messages; the end in a datagram `apart`, or with the last of them."""
        self.answered = True
        batch = b""
        for entry in entries:
            message = self.message(kind, NLM_F_MULTI, entry)
            if batch and len(batch) + len(message) > NLMSG_GOODSIZE:
                self.sock.deliver(batch)
                batch = b""
            batch += message
        done = self.message(NLMSG_DONE, NLM_F_MULTI, bytes(4))
        if batch and apart:
            self.sock.deliver(batch)
            batch = b""
        self.sock.deliver(batch + done)

    def ack(self, error: SysError | None) -> None:
        """Tell how it went (Linux: netlink_ack)."""
        flags, tlvs = 0, b""
        code = -error.errno if error is not None else 0
        payload = self.header
        if error is None or self.sock.flag(NETLINK_CAP_ACK):
            payload, flags = self.header[: Nlmsghdr.SIZE], NLM_F_CAPPED
        if isinstance(error, NetlinkError) and self.sock.flag(NETLINK_EXT_ACK):
            tlvs = nla_string(NLMSGERR_ATTR_MSG, error.text)
            flags |= NLM_F_ACK_TLVS
            payload = payload.ljust(align(len(payload)), b"\0")
        code_bytes = code.to_bytes(4, "little", signed=True)
        self.sock.deliver(self.message(NLMSG_ERROR, flags, code_bytes + payload + tlvs))


def nlmsg(kind: int, flags: int, seq: int, portid: int, payload: bytes) -> bytes:
    """A message, padded to four bytes."""
    size = Nlmsghdr.SIZE + len(payload)
    return (Nlmsghdr(size, kind, flags, seq, portid).pack() + payload).ljust(align(size), b"\0")
