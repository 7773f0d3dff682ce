"""Typed views of user memory: what a system call's pointer arguments become.

A handler says what it may do with a pointer by the type it asks for: `UserIn[T]` can only be read,
`UserOut[T]` only written, `UserBuf` is a `void *`, `UserStr` a `const char *`. T is an ABI integer
(`I32`, ...) or a `CStruct`. Every access goes through the task's address space; a bad page is
SysError(EFAULT).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Any, Generic, Protocol, TypeVar

from forkernel.abi.errno import ENAMETOOLONG
from forkernel.abi.types import CStruct, width_of
from forkernel.errors import SysError

PATH_MAX = 4096

T = TypeVar("T")


class UserMemory(Protocol):
    """What an address space offers to handlers; SysError(EFAULT) where the address is bad."""

    def read(self, addr: int, size: int) -> bytes:
        """Read `size` bytes at user address `addr`."""

    def write(self, addr: int, data: bytes) -> None:
        """Write `data` at user address `addr`."""

    def read_cstr(self, addr: int, limit: int) -> bytes:
        """Bytes up to a NUL (left out); a string with no NUL in `limit` bytes comes back `limit` long."""


class Codec(Protocol):
    """How a value lies in memory."""

    size: int

    def pack(self, value: Any) -> bytes:
        """To memory."""

    def unpack(self, data: bytes) -> Any:
        """From memory."""


class ScalarCodec:
    """An ABI integer; packing wraps modulo its width, as C's conversion does."""

    __slots__ = ("_codec", "_hint", "_mask", "_sign", "size")

    def __reduce__(self) -> tuple[type[ScalarCodec], tuple[Any]]:
        """Made anew from its annotation: a compiled struct format cannot be pickled."""
        return ScalarCodec, (self._hint,)

    def __init__(self, hint: Any) -> None:
        self._hint = hint
        width = width_of(hint)
        self.size = width.size
        self._mask = (1 << width.bits) - 1
        self._sign = 1 << width.bits - 1 if width.signed else 0
        self._codec = struct.Struct("<" + width.code)

    def pack(self, value: int) -> bytes:
        """To memory, modulo 2**bits."""
        return self._codec.pack(((value & self._mask) ^ self._sign) - self._sign)

    def unpack(self, data: bytes) -> int:
        """From memory."""
        value: int = self._codec.unpack(data)[0]
        return value


class StructCodec:
    """A `CStruct` subclass."""

    __slots__ = ("_cls", "size")

    def __init__(self, cls: type[CStruct]) -> None:
        self._cls = cls
        self.size = cls.SIZE

    def pack(self, value: CStruct) -> bytes:
        """To memory."""
        return value.pack()

    def unpack(self, data: bytes) -> CStruct:
        """From memory."""
        return self._cls.unpack(data)


def codec_of(hint: Any) -> Codec:
    """The codec of an ABI integer annotation or a CStruct class."""
    if isinstance(hint, type) and issubclass(hint, CStruct):
        return StructCodec(hint)
    return ScalarCodec(hint)


class UserPtr:
    """An address in a task's memory, not yet touched."""

    __slots__ = ("addr", "mm")

    def __init__(self, mm: UserMemory, addr: int) -> None:
        self.mm = mm
        self.addr = addr


class _Typed(UserPtr, Generic[T]):
    __slots__ = ("codec",)

    def __init__(self, mm: UserMemory, addr: int, codec: Codec) -> None:
        self.mm = mm
        self.addr = addr
        self.codec = codec


class UserIn(_Typed[T]):
    """`const T *`."""

    __slots__ = ()

    def get(self, index: int = 0) -> T:
        """Element `index`."""
        codec = self.codec
        size = codec.size
        value: T = codec.unpack(self.mm.read(self.addr + index * size, size))
        return value

    def get_array(self, count: int) -> list[T]:
        """The first `count` elements."""
        size = self.codec.size
        data = self.mm.read(self.addr, size * count)
        return [self.codec.unpack(data[at : at + size]) for at in range(0, size * count, size)]


class UserOut(_Typed[T]):
    """`T *`, result only."""

    __slots__ = ()

    def put(self, value: T, index: int = 0) -> None:
        """Store into element `index`."""
        codec = self.codec
        self.mm.write(self.addr + index * codec.size, codec.pack(value))

    def put_array(self, values: Iterable[T]) -> None:
        """Store consecutive elements from the first."""
        self.mm.write(self.addr, b"".join(self.codec.pack(value) for value in values))


class UserInOut(UserIn[T], UserOut[T]):
    """`T *`, read and written."""

    __slots__ = ()


class UserBuf(UserPtr):
    """`void *`: plain bytes."""

    __slots__ = ()

    def read(self, size: int) -> bytes:
        """Read `size` bytes."""
        return self.mm.read(self.addr, size)

    def write(self, data: bytes) -> None:
        """Write `data`."""
        self.mm.write(self.addr, data)


class UserStr(UserPtr):
    """`const char *`, NUL-terminated."""

    __slots__ = ()

    def get(self, limit: int = PATH_MAX) -> bytes:
        """The string without its NUL; ENAMETOOLONG when there is none in `limit` bytes (getname)."""
        text = self.mm.read_cstr(self.addr, limit)
        if len(text) >= limit:
            raise SysError(ENAMETOOLONG)
        return text
