"""Looking into a task's memory without touching it: no page is faulted in, no bit is set, nothing is raised."""

from __future__ import annotations

from typing import Any

PAGE = 4096


def peek(mm: Any, addr: int, size: int) -> bytes | None:
    """`size` bytes at `addr`, None where they are not all readable."""
    if size <= 0:
        return b""
    if mm is None or addr < 0 or addr + size > 1 << 47:
        return None
    parts = []
    while size:
        step = min(size, PAGE - addr % PAGE)
        part: bytes | None = mm.peek(addr, step)
        if part is None:
            return None
        parts.append(part)
        addr += step
        size -= step
    return b"".join(parts)


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
