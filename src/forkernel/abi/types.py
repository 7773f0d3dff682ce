"""Integer types of the ABI and a base class for its structs.

`I32`, `U64` and so on annotate handler arguments and struct fields; the annotation is the ABI (width and
sign). A `CStruct` subclass lists its fields in order, with C's natural alignment:

    class Timespec(CStruct):
        tv_sec: I64
        tv_nsec: I64

    Timespec(1, 5).pack(); Timespec.unpack(data).tv_sec; Timespec.SIZE
"""

from __future__ import annotations

import struct
import sys
from typing import Annotated, Any, ClassVar, NamedTuple, Self, get_args


class Width(NamedTuple):
    """Width in bits, signedness and `struct` code of a C integer."""

    bits: int
    signed: bool
    code: str

    @property
    def size(self) -> int:
        """Width in bytes."""
        return self.bits // 8


I8 = Annotated[int, Width(8, True, "b")]
U8 = Annotated[int, Width(8, False, "B")]
I16 = Annotated[int, Width(16, True, "h")]
U16 = Annotated[int, Width(16, False, "H")]
I32 = Annotated[int, Width(32, True, "i")]
U32 = Annotated[int, Width(32, False, "I")]
I64 = Annotated[int, Width(64, True, "q")]
U64 = Annotated[int, Width(64, False, "Q")]


class Bytes(NamedTuple):
    """A fixed array of bytes in a struct: `Annotated[bytes, Bytes(65)]`."""

    size: int


def annotation(text: str, names: dict[str, Any]) -> Any:
    """What an annotation stands for; most are a plain name. (typing.get_type_hints does the same and more, but takes
    a good part of a short run's time.)
    """
    hint = names.get(text)
    return eval(text, names) if hint is None else hint  # noqa: S307  # the text is our own source


def width_of(hint: Any) -> Width:
    """The `Width` in an integer annotation; TypeError if there is none."""
    for extra in get_args(hint)[1:]:
        if isinstance(extra, Width):
            return extra
    raise TypeError(f"{hint!r} is not an ABI integer")


def _field_code(hint: Any) -> tuple[str, int]:
    """`struct` code and alignment of a field annotation."""
    for extra in get_args(hint)[1:]:
        if isinstance(extra, Bytes):
            return f"{extra.size}s", 1
    width = width_of(hint)
    return width.code, width.size


class CStruct:
    """A C struct, little-endian, natural alignment and tail padding. Fields default to zero."""

    SIZE: ClassVar[int]
    FIELDS: ClassVar[tuple[str, ...]]
    _codec: ClassVar[struct.Struct]
    _zeros: ClassVar[tuple[Any, ...]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        layout, offset, largest, names, zeros = "<", 0, 1, [], []
        for name, hint in cls._annotations():
            code, align = _field_code(hint)
            pad = -offset % align
            layout += f"{pad}x{code}"
            offset += pad + struct.calcsize("<" + code)
            largest = max(largest, align)
            names.append(name)
            zeros.append(b"" if code.endswith("s") else 0)
        layout += f"{-offset % largest}x"
        cls.FIELDS = tuple(names)
        cls._zeros = tuple(zeros)
        cls._codec = struct.Struct(layout)
        cls.SIZE = cls._codec.size

    @classmethod
    def _annotations(cls) -> list[tuple[str, Any]]:
        """Fields and their types, those of base classes first."""
        classes = [base for base in reversed(cls.__mro__) if issubclass(base, CStruct) and base is not CStruct]
        return [
            (name, annotation(text, sys.modules[base.__module__].__dict__))
            for base in classes
            for name, text in base.__dict__.get("__annotations__", {}).items()  # noqa: RUF063  # inspect is large
        ]

    def __init__(self, *values: Any, **named: Any) -> None:
        for name, value in zip(self.FIELDS, (*values, *self._zeros[len(values) :]), strict=True):
            setattr(self, name, value)
        for name, value in named.items():
            if name not in self.FIELDS:
                raise TypeError(f"{type(self).__name__} has no field {name}")
            setattr(self, name, value)

    def pack(self) -> bytes:
        """The struct as it lies in memory; OverflowError never: values must fit (struct.error if not)."""
        return self._codec.pack(*(getattr(self, name) for name in self.FIELDS))

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """Read the struct from exactly `SIZE` bytes."""
        new = object.__new__(cls)
        new.__dict__ = dict(zip(cls.FIELDS, cls._codec.unpack(data), strict=True))
        return new

    def __repr__(self) -> str:
        inner = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.FIELDS)
        return f"{type(self).__name__}({inner})"

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and all(getattr(self, name) == getattr(other, name) for name in self.FIELDS)

    __hash__ = None  # type: ignore[assignment]  # mutable value objects
