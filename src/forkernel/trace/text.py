"""How values are written in a trace, in strace's manner: named numbers, flag sets, strings, addresses, errors."""

from __future__ import annotations

from forkernel.abi.errno import NAMES

STRING_LIMIT = 32
"""Bytes of a data buffer that are shown (strace -s)."""

_ESCAPES = {9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}


class Names:
    """An enumeration: a number to its name; an unknown one is shown in hexadecimal with `unknown` beside it."""

    __slots__ = ("names", "unknown")

    def __init__(self, unknown: str, names: dict[int, str]) -> None:
        self.unknown = unknown
        self.names = names

    def __call__(self, value: int) -> str:
        """The text for `value`."""
        name = self.names.get(value)
        return name if name is not None else f"{value:#x} /* {self.unknown} */"


class Flags:
    """A set of flags. `table` lists masks and names in the order they are shown; composite masks come first."""

    __slots__ = ("table", "unknown", "zero")

    def __init__(self, unknown: str, table: dict[int, str], zero: str = "0") -> None:
        self.unknown = unknown
        self.table = table
        self.zero = zero

    def __call__(self, value: int) -> str:
        """The text for `value`."""
        if not value:
            return self.zero
        parts, rest = self.split(value)
        if not parts:
            return f"{rest:#x} /* {self.unknown} */"
        return "|".join([*parts, f"{rest:#x}"] if rest else parts)

    def split(self, value: int) -> tuple[list[str], int]:
        """Names of the flags in `value`, and the bits that have none."""
        parts = []
        for mask, name in self.table.items():
            if value & mask == mask:
                parts.append(name)
                value &= ~mask
        return parts, value


def numbered(words: str, prefix: str = "", start: int = 0) -> dict[int, str]:
    """A table of names from consecutive words."""
    return {number: prefix + word for number, word in enumerate(words.split(), start)}


def address(value: int) -> str:
    """A pointer."""
    return f"{value:#x}" if value else "NULL"


def signed32(value: int) -> int:
    """The low 32 bits as a C int."""
    return ((value & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000


def signed64(value: int) -> int:
    """64 bits as a C long."""
    return ((value & 0xFFFFFFFFFFFFFFFF) ^ (1 << 63)) - (1 << 63)


def quote(data: bytes, limit: int | None = None, *, more: bool = False) -> str:
    """A C string literal; `more` (or cutting at `limit`) adds strace's `...` after it."""
    if limit is not None and len(data) > limit:
        data, more = data[:limit], True
    out = []
    for at, byte in enumerate(data):
        if byte in _ESCAPES:
            out.append(_ESCAPES[byte])
        elif 32 <= byte < 127:
            out.append(chr(byte))
        else:
            follows_digit = at + 1 < len(data) and 48 <= data[at + 1] <= 55
            out.append(f"\\{byte:03o}" if follows_digit else f"\\{byte:o}")
    return '"' + "".join(out) + ('"...' if more else '"')


MESSAGES: dict[int, str] = {
    1: "Operation not permitted",
    2: "No such file or directory",
    3: "No such process",
    4: "Interrupted system call",
    5: "Input/output error",
    6: "No such device or address",
    7: "Argument list too long",
    8: "Exec format error",
    9: "Bad file descriptor",
    10: "No child processes",
    11: "Resource temporarily unavailable",
    12: "Cannot allocate memory",
    13: "Permission denied",
    14: "Bad address",
    15: "Block device required",
    16: "Device or resource busy",
    17: "File exists",
    18: "Invalid cross-device link",
    19: "No such device",
    20: "Not a directory",
    21: "Is a directory",
    22: "Invalid argument",
    23: "Too many open files in system",
    24: "Too many open files",
    25: "Inappropriate ioctl for device",
    26: "Text file busy",
    27: "File too large",
    28: "No space left on device",
    29: "Illegal seek",
    30: "Read-only file system",
    31: "Too many links",
    32: "Broken pipe",
    33: "Numerical argument out of domain",
    34: "Numerical result out of range",
    35: "Resource deadlock avoided",
    36: "File name too long",
    37: "No locks available",
    38: "Function not implemented",
    39: "Directory not empty",
    40: "Too many levels of symbolic links",
    42: "No message of desired type",
    43: "Identifier removed",
    44: "Channel number out of range",
    45: "Level 2 not synchronized",
    46: "Level 3 halted",
    47: "Level 3 reset",
    48: "Link number out of range",
    49: "Protocol driver not attached",
    50: "No CSI structure available",
    51: "Level 2 halted",
    52: "Invalid exchange",
    53: "Invalid request descriptor",
    54: "Exchange full",
    55: "No anode",
    56: "Invalid request code",
    57: "Invalid slot",
    59: "Bad font file format",
    60: "Device not a stream",
    61: "No data available",
    62: "Timer expired",
    63: "Out of streams resources",
    64: "Machine is not on the network",
    65: "Package not installed",
    66: "Object is remote",
    67: "Link has been severed",
    68: "Advertise error",
    69: "Srmount error",
    70: "Communication error on send",
    71: "Protocol error",
    72: "Multihop attempted",
    73: "RFS specific error",
    74: "Bad message",
    75: "Value too large for defined data type",
    76: "Name not unique on network",
    77: "File descriptor in bad state",
    78: "Remote address changed",
    79: "Can not access a needed shared library",
    80: "Accessing a corrupted shared library",
    81: ".lib section in a.out corrupted",
    82: "Attempting to link in too many shared libraries",
    83: "Cannot exec a shared library directly",
    84: "Invalid or incomplete multibyte or wide character",
    85: "Interrupted system call should be restarted",
    86: "Streams pipe error",
    87: "Too many users",
    88: "Socket operation on non-socket",
    89: "Destination address required",
    90: "Message too long",
    91: "Protocol wrong type for socket",
    92: "Protocol not available",
    93: "Protocol not supported",
    94: "Socket type not supported",
    95: "Operation not supported",
    96: "Protocol family not supported",
    97: "Address family not supported by protocol",
    98: "Address already in use",
    99: "Cannot assign requested address",
    100: "Network is down",
    101: "Network is unreachable",
    102: "Network dropped connection on reset",
    103: "Software caused connection abort",
    104: "Connection reset by peer",
    105: "No buffer space available",
    106: "Transport endpoint is already connected",
    107: "Transport endpoint is not connected",
    108: "Cannot send after transport endpoint shutdown",
    109: "Too many references: cannot splice",
    110: "Connection timed out",
    111: "Connection refused",
    112: "Host is down",
    113: "No route to host",
    114: "Operation already in progress",
    115: "Operation now in progress",
    116: "Stale file handle",
    117: "Structure needs cleaning",
    118: "Not a XENIX named type file",
    119: "No XENIX semaphores available",
    120: "Is a named type file",
    121: "Remote I/O error",
    122: "Disk quota exceeded",
    123: "No medium found",
    124: "Wrong medium type",
    125: "Operation canceled",
    126: "Required key not available",
    127: "Key has expired",
    128: "Key has been revoked",
    129: "Key was rejected by service",
    130: "Owner died",
    131: "State not recoverable",
    132: "Operation not possible due to RF-kill",
}
"""What strerror(3) says of each errno."""

RESTARTS = {
    512: "To be restarted if SA_RESTART is set",
    513: "To be restarted",
    514: "To be restarted if no handler",
    516: "Interrupted by signal",
}


def failure(errno: int) -> str:
    """` = ...` of a call that failed with `errno`, or that a signal interrupted (restart codes)."""
    if errno in RESTARTS:
        return f"? {NAMES[errno]} ({RESTARTS[errno]})"
    name = NAMES.get(errno)
    if name is None:
        return f"-1 (errno {errno})"
    return f"-1 {name} ({MESSAGES[errno]})"
