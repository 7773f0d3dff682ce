"""Pieces of user memory that a transfer goes through (Linux: lib/iov_iter.c; readv(2))."""

from __future__ import annotations

from typing import Any

from forkernel.abi.errno import EFAULT, EINVAL
from forkernel.abi.types import U64, CStruct
from forkernel.errors import SysError
from forkernel.mm.uaccess import UserBuf

MAX_RW_COUNT = 0x7FFFF000
PAGE_SIZE = 4096
TASK_SIZE = (1 << 47) - PAGE_SIZE
UIO_MAXIOV = 1024


class Iovec(CStruct):
    """struct iovec."""

    iov_base: U64
    iov_len: U64


class IovIter:
    """Pieces of user memory in order, and how far a transfer has come (Linux: iov_iter)."""

    __slots__ = ("left", "segments")

    def __init__(self, segments: list[tuple[int, int]]) -> None:
        self.segments = segments
        """(address, length) of what is left, never empty ones."""
        self.left = sum(length for _, length in segments)

    def copy_in(self, mm: Any, data: bytes) -> int:
        """Put `data` into the pieces; how many bytes there was memory for. Advances by that."""
        done = 0
        while done < len(data) and self.segments:
            addr, length = self.segments[0]
            part = data[done : done + length]
            try:
                mm.write(addr, part)
                copied = len(part)
            except SysError:
                copied = write_prefix(mm, addr, part)
            done += copied
            self.advance(copied)
            if copied < len(part):
                break
        return done

    def copy_out(self, mm: Any, count: int) -> bytes:
        """Up to `count` bytes from the pieces, as far as there is memory. Does not advance."""
        parts = []
        for addr, length in self.segments:
            size = min(length, count)
            try:
                part = mm.read(addr, size)
            except SysError:
                part = read_prefix(mm, addr, size)
            parts.append(part)
            count -= len(part)
            if len(part) < size or not count:
                break
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def advance(self, count: int) -> None:
        """`count` bytes more are done."""
        self.left -= count
        segments = self.segments
        while count:
            addr, length = segments[0]
            if count < length:
                segments[0] = (addr + count, length - count)
                return
            del segments[0]
            count -= length


def single(addr: int, count: int) -> IovIter:
    """One buffer; EFAULT when it reaches into the kernel's addresses."""
    if addr + count > TASK_SIZE:
        raise SysError(EFAULT)
    return IovIter([(addr, min(count, MAX_RW_COUNT))] if count else [])


def import_iovec(vec: UserBuf, vlen: int) -> IovIter:
    """The pieces a struct iovec array names; EINVAL for too many or too long, EFAULT."""
    if vlen > UIO_MAXIOV:
        raise SysError(EINVAL)
    pieces: list[tuple[int, int]] = []
    room = MAX_RW_COUNT
    data = vec.read(vlen * Iovec.SIZE) if vlen else b""
    lengths = [int.from_bytes(data[at + 8 : at + 16], "little") for at in range(0, len(data), 16)]
    if any(length >> 63 for length in lengths):
        raise SysError(EINVAL)
    for index, length in enumerate(lengths):
        addr = int.from_bytes(data[index * 16 : index * 16 + 8], "little")
        if addr + length > TASK_SIZE:
            raise SysError(EFAULT)
        length = min(length, room)
        room -= length
        if length:
            pieces.append((addr, length))
    return IovIter(pieces)


def read_prefix(mm: Any, addr: int, size: int) -> bytes:
    """What can be read from `addr` on, page by page."""
    parts, done = [], 0
    while done < size:
        step = min(PAGE_SIZE - (addr + done) % PAGE_SIZE, size - done)
        try:
            parts.append(mm.read(addr + done, step))
        except SysError:
            break
        done += step
    return b"".join(parts)


def write_prefix(mm: Any, addr: int, data: bytes) -> int:
    """Write page by page as far as there is memory; the number of bytes."""
    done = 0
    while done < len(data):
        step = min(PAGE_SIZE - (addr + done) % PAGE_SIZE, len(data) - done)
        try:
            mm.write(addr + done, data[done : done + step])
        except SysError:
            break
        done += step
    return done
