"""Programs that begin with `#!`: which interpreter to run, with which argument (execve(2), "Interpreter scripts").

`load_script` reads the first line as Linux does: the interpreter's path, and everything after it up to the
end of the line as one argument.
"""

from __future__ import annotations

from forkernel.abi.errno import ENOEXEC
from forkernel.errors import SysError

BINPRM_BUF_SIZE = 256
"""Bytes of a file that are looked at to tell what it is."""
SPACETAB = b" \t"


def load_script(head: bytes) -> tuple[bytes, bytes | None]:
    """Interpreter and its optional argument, from the first 256 bytes of a file that begins with `#!`.

    ENOEXEC if there is no name, or if the line is longer than that and the name may be cut off. The argument
    may be cut off: nobody is told.
    """
    buf = head[:BINPRM_BUF_SIZE].ljust(BINPRM_BUF_SIZE, b"\0")
    end = buf.find(b"\n")
    if end < 0:
        end = BINPRM_BUF_SIZE - 1
        name_at = skip_spacetab(buf, 2, end)
        if name_at > end or next_terminator(buf, name_at, end) > end:
            raise SysError(ENOEXEC)
    while buf[end - 1] in SPACETAB:
        end -= 1
    name_at = skip_spacetab(buf, 2, end)
    if name_at >= end:
        raise SysError(ENOEXEC)
    separator = next_terminator(buf, name_at, end)
    name = buf[name_at : min(separator, end)]
    if separator >= end or buf[separator] == 0:
        return name, None
    argument = buf[skip_spacetab(buf, separator, end) : end].partition(b"\0")[0]
    return name, argument


def skip_spacetab(buf: bytes, at: int, last: int) -> int:
    """Index of the first byte up to `last` (included) that is no space or tab; beyond `last` if there is none."""
    while at <= last and buf[at] in SPACETAB:
        at += 1
    return at


def next_terminator(buf: bytes, at: int, last: int) -> int:
    """Index of the first space, tab or NUL up to `last` (included); beyond `last` if there is none."""
    while at <= last and buf[at] not in b" \t\0":
        at += 1
    return at
