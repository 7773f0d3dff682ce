"""Looking into a task's memory without touching it: no page is faulted in, no bit is set, nothing is raised."""

from __future__ import annotations

from typing import Any

from forkernel.errors import SysError

PAGE = 4096


def peek(mm: Any, addr: int, size: int) -> bytes | None:
    """`size` bytes at `addr`, None where they are not all readable."""
    if size <= 0:
        return b""
    if mm is None or addr < 0 or addr + size > 1 << 47:
        return None
    data = b""
    while size:
        offset = addr % PAGE
        part = _page_part(mm, addr, offset, min(size, PAGE - offset))
        if part is None:
            return None
        data += part
        addr += len(part)
        size -= len(part)
    return data


def peek_string(mm: Any, addr: int, limit: int = 4096) -> bytes | None:
    """The NUL-terminated string at `addr` (cut at `limit` bytes), None where it is not readable."""
    if mm is None:
        return None
    text = b""
    while len(text) < limit:
        part = peek(mm, addr, min(PAGE - addr % PAGE, limit - len(text)))
        if part is None:
            return None
        end = part.find(b"\0")
        if end >= 0:
            return text + part[:end]
        text += part
        addr += len(part)
    return text


def peek_words(mm: Any, addr: int, count: int) -> list[int] | None:
    """`count` 64-bit words at `addr`."""
    data = peek(mm, addr, 8 * count)
    if data is None:
        return None
    return [int.from_bytes(data[at : at + 8], "little") for at in range(0, len(data), 8)]


def _page_part(mm: Any, addr: int, offset: int, size: int) -> bytes | None:
    """Bytes of one page. What the page tables do not hold yet is read where a fault would find it."""
    look = getattr(mm, "peek", None)
    try:
        part: bytes | None = mm.read(addr, size) if look is None else look(addr, size)
    except SysError:
        return None
    return part
