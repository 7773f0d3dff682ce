"""Kinds of arguments: how each register of a call is written, in strace's manner.

A kind is a function of the `Record` of the call and the raw register; it returns the text, or None to leave the
argument out (openat's mode without O_CREAT). `KINDS` names them for the signatures in `forkernel.trace.calls`.
A kind that shows what the kernel wrote is only asked when the call is over; `record.failed` tells whether
there is anything to see.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from forkernel.trace import flags, structs
from forkernel.trace.memory import peek, peek_string, peek_words
from forkernel.trace.text import STRING_LIMIT, Flags, Names, address, quote, signed32, signed64

LIST_LIMIT = 32
"""Elements of an array that are shown."""


class Record:
    """One call of one task, while it is being written down."""

    __slots__ = (
        "args",
        "entered",
        "failed",
        "mm",
        "name",
        "pid",
        "position",
        "result",
        "started",
        "task",
        "texts",
        "unfinished",
    )

    def __init__(self, task: Any, name: str, args: tuple[int, ...], started: int) -> None:
        self.task = task
        self.pid: int = task.pid
        self.mm = task.mm
        self.name = name
        self.args = args
        self.started = started
        """Virtual time at entry, nanoseconds."""
        self.position = 0
        """Index of the argument being written."""
        self.result = 0
        self.failed = False
        self.texts: list[str] = []
        """Arguments written so far."""
        self.entered = 0
        """How many signature entries are done."""
        self.unfinished: str | None = None
        """The part of the line that is written already."""


Kind = Callable[[Record, int], "str | None"]


# --- plain numbers
def dec32(record: Record, value: int) -> str:
    """An int."""
    return str(signed32(value))


def udec32(record: Record, value: int) -> str:
    """An unsigned int."""
    return str(value & 0xFFFFFFFF)


def dec64(record: Record, value: int) -> str:
    """A long."""
    return str(signed64(value))


def udec64(record: Record, value: int) -> str:
    """A size_t."""
    return str(value)


def hex32(record: Record, value: int) -> str:
    """An unsigned int in hexadecimal."""
    return f"{value & 0xFFFFFFFF:#x}" if value & 0xFFFFFFFF else "0"


def hex64(record: Record, value: int) -> str:
    """A long in hexadecimal."""
    return f"{value:#x}" if value else "0"


def raw(record: Record, value: int) -> str:
    """A register of a call that nothing is known about."""
    return f"{value:#x}" if value else "0"


def pointer(record: Record, value: int) -> str:
    """An address."""
    return address(value)


def skip(record: Record, value: int) -> None:
    """An argument that strace does not show."""
    return


def ident(record: Record, value: int) -> str:
    """A user or group id; -1 means unchanged."""
    return str(signed32(value)) if value & 0xFFFFFFFF == 0xFFFFFFFF else udec32(record, value)


def dirfd(record: Record, value: int) -> str:
    """A directory descriptor."""
    fd = signed32(value)
    return "AT_FDCWD" if fd == flags.AT_FDCWD else str(fd)


def octal_mode(record: Record, value: int) -> str:
    """Permission bits."""
    return structs.octal(value & 0xFFFF)


# --- strings and buffers
def path(record: Record, value: int) -> str:
    """A path name, in full."""
    text = peek_string(record.mm, value) if value else None
    return address(value) if text is None else quote(text, 4095)


def cstring(record: Record, value: int) -> str:
    """A short string."""
    text = peek_string(record.mm, value) if value else None
    return address(value) if text is None else quote(text, STRING_LIMIT)


def data_in(record: Record, value: int) -> str:
    """A buffer that is given; the next argument is its length."""
    length = record.args[record.position + 1]
    data = peek(record.mm, value, min(length, STRING_LIMIT)) if value else None
    return address(value) if data is None else quote(data, more=length > STRING_LIMIT)


def data_out(record: Record, value: int) -> str:
    """A buffer that was filled with `result` bytes."""
    if record.failed or not value:
        return address(value)
    data = peek(record.mm, value, min(record.result, STRING_LIMIT))
    return address(value) if data is None else quote(data, more=record.result > STRING_LIMIT)


def path_out(record: Record, value: int) -> str:
    """A path that was filled in, `result` bytes of it."""
    data = None if record.failed else peek(record.mm, value, record.result)
    return address(value) if data is None else quote(data)


def cwd_out(record: Record, value: int) -> str:
    """What getcwd filled in, its NUL counted in the result."""
    data = None if record.failed else peek_string(record.mm, value, max(record.result, 1))
    return address(value) if data is None else quote(data)


def random_out(record: Record, value: int) -> str:
    """Random bytes, all in hexadecimal."""
    data = None if record.failed else peek(record.mm, value, min(record.result, STRING_LIMIT))
    if data is None:
        return address(value)
    text = "".join(f"\\x{byte:02x}" for byte in data)
    return f'"{text}"' + ("..." if record.result > STRING_LIMIT else "")


def dirents(record: Record, value: int) -> str:
    """A buffer of linux_dirent64 records: their number."""
    data = None if record.failed else peek(record.mm, value, record.result)
    if data is None:
        return address(value)
    count = at = 0
    while at + 19 <= len(data):
        at += max(int.from_bytes(data[at + 16 : at + 18], "little"), 1)
        count += 1
    return f"{address(value)} /* {count} entries */"


def _strings(record: Record, value: int) -> list[int] | None:
    """The pointers of a NULL-terminated array, None where it is not readable."""
    words: list[int] = []
    while len(words) < 65536:
        word = peek_words(record.mm, value + 8 * len(words), 1)
        if word is None:
            return None
        if not word[0]:
            return words
        words.append(word[0])
    return words


def argv(record: Record, value: int) -> str:
    """A NULL-terminated array of strings."""
    words = _strings(record, value) if value else None
    if words is None:
        return address(value)
    parts = [cstring(record, word) for word in words[:LIST_LIMIT]]
    return "[" + ", ".join(parts + ["..."] * (len(words) > LIST_LIMIT)) + "]"


def envp(record: Record, value: int) -> str:
    """The environment: how many strings."""
    words = _strings(record, value) if value else None
    if words is None:
        return address(value)
    return f"{address(value)} /* {len(words)} var{'' if len(words) == 1 else 's'} */"


def _iovec(record: Record, value: int, total: int | None) -> str:
    """An iovec array; `total` bytes were filled in (None: the data is given by the caller)."""
    count = min(record.args[record.position + 1], 1024)
    words = peek_words(record.mm, value, 2 * min(count, LIST_LIMIT)) if value else None
    if words is None:
        return address(value)
    parts = []
    for base, length in zip(words[::2], words[1::2], strict=True):
        size = length if total is None else min(length, total)
        data = peek(record.mm, base, min(size, STRING_LIMIT)) if base or not size else None
        if total is not None:
            total -= size
        shown = address(base) if data is None else quote(data, more=size > STRING_LIMIT)
        parts.append(f"{{iov_base={shown}, iov_len={length}}}")
    return "[" + ", ".join(parts + ["..."] * (count > LIST_LIMIT)) + "]"


def iov_in(record: Record, value: int) -> str:
    """Buffers that are written out."""
    return _iovec(record, value, None)


def iov_out(record: Record, value: int) -> str:
    """Buffers that were filled in."""
    if not record.failed:
        return _iovec(record, value, record.result)
    words = peek_words(record.mm, value, 2 * min(record.args[record.position + 1], LIST_LIMIT)) if value else None
    if words is None:
        return address(value)
    pairs = zip(words[::2], words[1::2], strict=True)
    return "[" + ", ".join(f"{{iov_base={address(base)}, iov_len={length}}}" for base, length in pairs) + "]"


# --- structures
class Struct:
    """A pointer to a structure of `structs.SIZES`, given or filled in."""

    __slots__ = ("name", "size", "write")

    def __init__(self, name: str) -> None:
        self.name = name
        self.size, self.write = structs.SIZES[name]

    def __call__(self, record: Record, value: int) -> str:
        """Write it, or its address where it cannot be read."""
        nothing_there = record.failed or not value or (record.name == "wait4" and not record.result)
        data = None if nothing_there else peek(record.mm, value, self.size)
        return address(value) if data is None else self.write(data)


class SignalSet:
    """A pointer to a sigset_t whose size is `offset` arguments further on."""

    __slots__ = ("offset",)

    def __init__(self, offset: int) -> None:
        self.offset = offset

    def __call__(self, record: Record, value: int) -> str:
        """Write the members, or the address."""
        sized = record.args[record.position + self.offset] == 8
        data = peek(record.mm, value, 8) if value and sized and not record.failed else None
        return address(value) if data is None else structs.sigset(data)


def sigset_shown(record: Record, value: int) -> str:
    """A given set that is shown even where the call failed."""
    data = peek(record.mm, value, 8) if value else None
    return address(value) if data is None else structs.sigset(data)


UC_SIGMASK = 296
"""Offset of uc_sigmask in struct ucontext, which lies at the top of the stack in rt_sigreturn."""


def sigreturn_mask(record: Record, value: int) -> str | None:
    """The mask that rt_sigreturn puts back."""
    regs = getattr(record.task, "regs", None)
    data = None if regs is None else peek(record.mm, regs.rsp + UC_SIGMASK, 8)
    return None if data is None else f"{{mask={structs.sigset(data)}}}"


def sigset_arg(record: Record, value: int) -> str:
    """The pair of pointer and size that pselect6 takes."""
    words = peek_words(record.mm, value, 2) if value else None
    if words is None:
        return address(value)
    return f"{{sigmask={sigset_shown(record, words[0])}, sigsetsize={words[1]}}}"


def clone3_args(record: Record, value: int) -> str:
    """Struct clone_args, with what was filled in."""
    size = record.args[1]
    data = peek(record.mm, value, size) if 64 <= size <= 4096 else None
    if data is None:
        return address(value)

    def filled(field: str, where: int) -> str | None:
        cell = None if record.failed else peek(record.mm, where, 4)
        return None if cell is None else structs.int_cell(cell)

    text = structs.clone_args(data, filled)
    set_tid, count = int.from_bytes(data[64:72], "little"), int.from_bytes(data[72:80], "little")
    tids = peek(record.mm, set_tid, 4 * count) if set_tid and 0 < count <= LIST_LIMIT else None
    if tids is not None:
        shown = ", ".join(str(tid) for tid in struct.unpack(f"<{count}i", tids))
        text = text.replace(f"set_tid={set_tid:#x}", f"set_tid=[{shown}]")
    return text


# --- flags and names that are not one table
def open_flags(record: Record, value: int) -> str:
    """O_* with the access mode first."""
    return open_flags_text(value)


def open_mode(record: Record, value: int) -> str | None:
    """The mode argument, there only for a file that may be made."""
    given = record.args[record.position - 1]
    if given & flags.O_CREAT or given & 0o20000000:
        return structs.octal(value & 0xFFFF)
    return None


def map_flags(record: Record, value: int) -> str:
    """MAP_*: the type, then the flags, then a huge page size."""
    value &= 0xFFFFFFFF
    kind, rest = value & 0xF, value & ~0xF
    huge = rest >> 26 if rest & 0x40000 else 0
    if huge:
        rest &= (1 << 26) - 1
    text = flags.MAP_TYPES(kind)
    if rest:
        names, unknown = flags.MAP_FLAGS.split(rest)
        text = "|".join([text, *names] + ([f"{unknown:#x}"] if unknown else []))
    return f"{text}|{huge}<<MAP_HUGE_SHIFT" if huge else text


def memfd_flags(record: Record, value: int) -> str:
    """MFD_* with a huge page size."""
    value &= 0xFFFFFFFF
    huge = value >> 26 if value & 4 else 0
    text = flags.MFD_FLAGS(value & (1 << 26) - 1 if huge else value)
    return f"{text}|{huge}<<MFD_HUGE_SHIFT" if huge else text


def clone_flags(record: Record, value: int) -> str:
    """Clone's flags with the exit signal in the low byte."""
    signo, bits = value & 0xFF, value & ~0xFF & 0xFFFFFFFF
    parts = [flags.CLONE_FLAGS(bits)] if bits else []
    if signo:
        parts.append(structs.signal_name(signo))
    return "flags=" + ("|".join(parts) or "0")


def clone_stack(record: Record, value: int) -> str:
    """Clone's stack."""
    return f"child_stack={address(value)}"


def clone_parent_tid(record: Record, value: int) -> str | None:
    """Clone's parent_tid, also the place of the pidfd."""
    if not record.args[0] & 0x101000:
        return None
    cell = peek(record.mm, value, 4) if not record.failed and value else None
    return f"parent_tid={address(value) if cell is None else structs.int_cell(cell)}"


def clone_tls(record: Record, value: int) -> str | None:
    """Clone's TLS base."""
    return f"tls={address(value)}" if record.args[0] & 0x80000 else None


def clone_child_tid(record: Record, value: int) -> str | None:
    """Clone's child_tid."""
    return f"child_tidptr={address(value)}" if record.args[0] & 0x1200000 else None


def signal_number(record: Record, value: int) -> str:
    """A signal."""
    return structs.signal_name(signed32(value))


def statx_at_flags(record: Record, value: int) -> str:
    """AT_* of statx, with the sync type spelled out."""
    value &= 0xFFFFFFFF
    if value & 0x6000:
        return flags.STATX_AT_FLAGS(value)
    rest = f"|{flags.AT_FLAGS(value)}" if value else ""
    return "AT_STATX_SYNC_AS_STAT" + rest


def file_mode(record: Record, value: int) -> str:
    """A file type and permission (mknod)."""
    return structs.file_mode(value & 0xFFFF)


def mknod_dev(record: Record, value: int) -> str | None:
    """The device of mknod, for device nodes only."""
    kind = record.args[record.position - 1] & 0o170000
    return structs.device(value) if kind in (0o020000, 0o060000) else None


def open_flags_text(value: int) -> str:
    """O_* as a plain function of the value."""
    text = flags.OPEN_MODES[value & flags.O_ACCMODE]
    rest = value & 0xFFFFFFFF & ~flags.O_ACCMODE
    return f"{text}|{flags.OPEN_FLAGS(rest)}" if rest else text


_FCNTL_NO_ARGUMENT = {1, 3, 9, 11, 1025, 1032, 1034}


def fcntl_arg(record: Record, value: int) -> str | None:
    """Fcntl's third argument, by command."""
    command = record.args[1] & 0xFFFFFFFF
    if command in _FCNTL_NO_ARGUMENT:
        return None
    if command == 2:
        return flags.FD_FLAGS(value & 0xFFFFFFFF)
    if command == 4:
        return open_flags_text(value)
    if command in (0, 1030, 1031, 8):
        return str(signed32(value))
    if command == 10:
        return structs.signal_name(signed32(value))
    if command == 1024:
        return flags.LOCK_TYPES(signed32(value))
    if command == 1033:
        return flags.SEALS(value & 0xFFFFFFFF)
    if command in (5, 36):
        return Struct("flock_pid")(record, value)
    if command in (6, 7, 37, 38):
        data = peek(record.mm, value, 32) if value else None
        return address(value) if data is None else structs.flock(data)
    if command in (15, 16):
        return Struct("owner_ex")(record, value)
    return f"{value:#x}"


_IOCTL_STRUCTS = {
    0x5401: "termios",
    0x5402: "termios",
    0x5403: "termios",
    0x5404: "termios",
    0x5413: "winsize",
    0x5414: "winsize",
    0x540F: "int*",
    0x5410: "int*",
    0x5411: "int*",
    0x541B: "int*",
    0x5421: "int*",
    0x5429: "int*",
    0x5452: "int*",
    0x80045430: "int*",
    0x40045431: "int*",
}
_IOCTL_NO_ARGUMENT = {0x540C, 0x540D, 0x5422, 0x5450, 0x5451}


def ioctl_command(record: Record, value: int) -> str:
    """An ioctl request."""
    value &= 0xFFFFFFFF
    name = flags.IOCTLS.get(value)
    if name is not None:
        return name
    direction = ("_IOC_NONE", "_IOC_WRITE", "_IOC_READ", "_IOC_READ|_IOC_WRITE")[value >> 30]
    kind, number, size = value >> 8 & 0xFF, value & 0xFF, value >> 16 & 0x3FFF
    return f"_IOC({direction}, {kind:#x}, {number:#x}, {size:#x})"


def ioctl_arg(record: Record, value: int) -> str | None:
    """An ioctl's argument, by request."""
    command = record.args[1] & 0xFFFFFFFF
    if command in _IOCTL_NO_ARGUMENT:
        return None
    name = _IOCTL_STRUCTS.get(command)
    if name is not None:
        return Struct(name)(record, value)
    if command in (0x540E, 0x540A, 0x540B, 0x5409):
        return str(signed32(value))
    return address(value)


def arch_arg(record: Record, value: int) -> str:
    """arch_prctl's address: where a base is stored, or the base itself."""
    code = record.args[0] & 0xFFFFFFFF
    if code not in flags.ARCH_PRCTL.names:
        return raw(record, value)
    return Struct("pointer*")(record, value) if code in (0x1003, 0x1004) else address(value)


def mremap_to(record: Record, value: int) -> str | None:
    """New address of mremap, there only with MREMAP_FIXED or MREMAP_DONTUNMAP."""
    return address(value) if record.args[3] & 6 else None


def socket_type(record: Record, value: int) -> str:
    """A socket type with its flags."""
    kind, rest = value & 0xF, value & 0xFFFFFFF0
    text = flags.SOCKET_TYPES(kind)
    return f"{text}|{flags.SOCKET_FLAGS(rest)}" if rest else text


_PRCTL_ARGUMENTS: dict[int, tuple[str, ...]] = {
    1: ("signal",),
    2: ("signal*",),
    3: (),
    4: ("dumpable",),
    7: (),
    8: ("u64",),
    13: (),
    14: ("u64",),
    15: ("str",),
    16: ("name",),
    21: (),
    23: ("cap",),
    24: ("cap",),
    25: ("int*",),
    27: (),
    29: ("u64",),
    30: (),
    36: ("u64",),
    37: ("int*",),
    38: ("u64", "x64", "x64", "x64"),
    39: ("x64", "x64", "x64", "x64"),
    40: ("pointer*",),
    41: ("u64", "x64", "x64", "x64"),
    42: ("x64", "x64", "x64", "x64"),
    0x53564D41: ("vma", "x64", "u64", "str"),
}


def prctl_arg(record: Record, value: int) -> str | None:
    """Prctl's later arguments, by option."""
    kinds = _PRCTL_ARGUMENTS.get(record.args[0] & 0xFFFFFFFF)
    at = record.position - 1
    if kinds is None:
        return raw(record, value)
    if at >= len(kinds):
        return None
    kind = kinds[at]
    if kind == "cap":
        return structs.CAPABILITIES.get(value) or f"{value:#x} /* CAP_??? */"
    if kind == "dumpable":
        return Names("SUID_DUMP_???", {0: "SUID_DUMP_DISABLE", 1: "SUID_DUMP_USER", 2: "SUID_DUMP_ROOT"})(value)
    if kind == "vma":
        return Names("PR_SET_VMA_???", {0: "PR_SET_VMA_ANON_NAME"})(value)
    if kind == "name":
        text = None if record.failed else peek_string(record.mm, value, 16)
        return address(value) if text is None else quote(text)
    if kind == "signal*":
        data = None if record.failed else peek(record.mm, value, 4)
        return address(value) if data is None else f"[{structs.signal_name(int.from_bytes(data, 'little'))}]"
    return KINDS[kind](record, value)


def futex_op(record: Record, value: int) -> str:
    """A futex operation with its modifiers."""
    value &= 0xFFFFFFFF
    name = flags.FUTEX_OPS.get(value & ~0x180)
    if name is None:
        return f"{value:#x} /* FUTEX_??? */"
    text = f"FUTEX_{name}"
    if value & flags.FUTEX_PRIVATE_FLAG:
        text += "|FUTEX_PRIVATE_FLAG" if name == "FD" else "_PRIVATE"
    return text + ("|FUTEX_CLOCK_REALTIME" if value & flags.FUTEX_CLOCK_REALTIME else "")


_FUTEX_ARGUMENTS: dict[str, tuple[str, ...]] = {
    "WAIT": ("u32", "timespec"),
    "WAKE": ("u32",),
    "FD": ("u32",),
    "REQUEUE": ("u32", "u32", "ptr"),
    "CMP_REQUEUE": ("u32", "u32", "ptr", "u32"),
    "WAKE_OP": ("u32", "u32", "ptr", "wake_op"),
    "LOCK_PI": ("-", "timespec"),
    "LOCK_PI2": ("-", "timespec"),
    "UNLOCK_PI": (),
    "TRYLOCK_PI": (),
    "WAIT_BITSET": ("u32", "timespec", "-", "bitset"),
    "WAKE_BITSET": ("u32", "-", "-", "bitset"),
    "WAIT_REQUEUE_PI": ("u32", "timespec", "ptr"),
    "CMP_REQUEUE_PI": ("u32", "u32", "ptr", "u32"),
}


def futex_arg(record: Record, value: int) -> str | None:
    """Futex's later arguments, by operation."""
    name = flags.FUTEX_OPS.get(record.args[1] & 0xFFFFFFFF & ~0x180)
    at = record.position - 2
    if name is None:
        return (udec32, pointer, pointer, hex32)[at](record, value)
    kinds = _FUTEX_ARGUMENTS[name]
    if at >= len(kinds) or kinds[at] == "-":
        return None
    if kinds[at] == "bitset":
        value &= 0xFFFFFFFF
        return "FUTEX_BITSET_MATCH_ANY" if value == 0xFFFFFFFF else f"{value:#x}"
    if kinds[at] == "wake_op":
        return _wake_op(value & 0xFFFFFFFF)
    if kinds[at] == "timespec":
        data = peek(record.mm, value, 16) if value else None
        return address(value) if data is None else structs.timespec(data)
    return KINDS[kinds[at]](record, value)


def _wake_op(value: int) -> str:
    """The encoded operation of FUTEX_WAKE_OP."""
    shift = "FUTEX_OP_OPARG_SHIFT<<28|" if value >> 31 else ""
    operation, compare = flags.FUTEX_WAKE_OPS.names.get(value >> 28 & 7), flags.FUTEX_CMPS.names.get(value >> 24 & 0xF)
    first = f"{operation}<<28" if operation else f"{value >> 28 & 7:#x}<<28 /* FUTEX_OP_??? */"
    second = f"{compare}<<24" if compare else f"{value >> 24 & 0xF:#x}<<24 /* FUTEX_OP_CMP_??? */"
    argument, against = value >> 12 & 0xFFF, value & 0xFFF
    shown = f"{argument:#x}" if argument else "0"
    return f"{shift}{first}|{shown}<<12|{second}|" + (f"{against:#x}" if against else "0")


def personality(record: Record, value: int) -> str:
    """An execution domain with its flags."""
    value &= 0xFFFFFFFF
    if value == 0xFFFFFFFF:
        return "0xffffffff"
    names, rest = Flags("", flags.PERSONALITY_FLAGS).split(value & ~0xFF)
    base = "PER_LINUX" if value & 0xFF == 0 else f"{value & 0xFF:#x} /* PER_??? */"
    return "|".join([base, *names] + ([f"{rest:#x}"] if rest else []))


def sched_policy(record: Record, value: int) -> str:
    """A scheduling policy, perhaps reset on fork."""
    value &= 0xFFFFFFFF
    policy = value & ~flags.SCHED_RESET_ON_FORK
    if value & flags.SCHED_RESET_ON_FORK and policy in flags.SCHED_POLICIES.names:
        return f"{flags.SCHED_POLICIES(policy)}|SCHED_RESET_ON_FORK"
    return flags.SCHED_POLICIES(value)


def sched_attr(record: Record, value: int) -> str:
    """Struct sched_attr, given (its own size field counts) or filled in."""
    head = None if record.failed or not value else peek(record.mm, value, 4)
    size = 0 if head is None else int.from_bytes(head, "little")
    data = peek(record.mm, value, size) if 48 <= size <= 4096 else None
    return address(value) if data is None else structs.sched_attr(data)


def cpu_set(record: Record, value: int) -> str:
    """A CPU mask; the length in bytes is the argument before it."""
    length = record.result if record.name == "sched_getaffinity" else record.args[record.position - 1]
    data = peek(record.mm, value, min(length, 128)) if value and not record.failed else None
    if data is None:
        return address(value)
    mask = int.from_bytes(data, "little")
    return "[" + " ".join(str(cpu) for cpu in range(mask.bit_length()) if mask >> cpu & 1) + "]"


def id_list(record: Record, value: int) -> str:
    """An array of group ids: as many as given before it, or as the result says."""
    count = record.result if record.name == "getgroups" else record.args[0]
    if record.name == "getgroups" and not record.args[0]:
        return address(value)
    data = peek(record.mm, value, 4 * min(count, LIST_LIMIT)) if not record.failed and value else None
    if data is None:
        return address(value)
    shown = [str(gid) for (gid,) in struct.iter_unpack("<I", data)]
    return "[" + ", ".join(shown + ["..."] * (count > LIST_LIMIT)) + "]"


def mincore_out(record: Record, value: int) -> str:
    """Residency bytes of mincore."""
    pages = (record.args[1] + 4095) // 4096
    data = None if record.failed else peek(record.mm, value, min(pages, LIST_LIMIT))
    if data is None:
        return address(value)
    return "[" + ", ".join([str(byte) for byte in data] + ["..."] * (pages > LIST_LIMIT)) + "]"


def offset_cell(record: Record, value: int) -> str:
    """An offset that is read and written."""
    data = peek(record.mm, value, 8) if value else None
    return address(value) if data is None else structs.long_cell(data)


# --- poll, select, epoll
def pollfds(record: Record, value: int) -> str:
    """The descriptors poll waits for."""
    count = record.args[1]
    data = peek(record.mm, value, 8 * min(count, LIST_LIMIT)) if value or not count else None
    if data is None:
        return address(value)
    parts = []
    for fd, events, _ in struct.iter_unpack("<ihH", data):
        parts.append(f"{{fd={fd}, events={flags.POLL_EVENTS(events & 0xFFFF)}}}" if fd >= 0 else f"{{fd={fd}}}")
    return "[" + ", ".join(parts + ["..."] * (count > LIST_LIMIT)) + "]"


def fd_set(record: Record, value: int) -> str:
    """A set of descriptors for select."""
    count = min(max(signed32(record.args[0]), 0), 1024)
    data = peek(record.mm, value, (count + 63) // 64 * 8) if value else None
    if data is None:
        return address(value)
    bits = int.from_bytes(data, "little")
    return "[" + " ".join(str(fd) for fd in range(count) if bits >> fd & 1) + "]"


def epoll_events_out(record: Record, value: int) -> str:
    """The events epoll_wait filled in."""
    data = peek(record.mm, value, 12 * min(record.result, LIST_LIMIT)) if not record.failed and value else None
    if data is None:
        return address(value)
    parts = [structs.epoll_event(data[at : at + 12]) for at in range(0, len(data), 12)]
    return "[" + ", ".join(parts + ["..."] * (record.result > LIST_LIMIT)) + "]"


def epoll_event_in(record: Record, value: int) -> str:
    """The event of epoll_ctl."""
    data = peek(record.mm, value, 12) if value and record.args[1] != 2 else None
    return address(value) if data is None else structs.epoll_event(data)


class Given:
    """A pointer to a structure that the caller filled in."""

    __slots__ = ("size", "write")

    def __init__(self, name: str) -> None:
        self.size, self.write = structs.SIZES[name]

    def __call__(self, record: Record, value: int) -> str:
        """Write it, or its address where it cannot be read."""
        data = peek(record.mm, value, self.size) if value else None
        return address(value) if data is None else self.write(data)


class Masked:
    """A 32-bit argument written by a table of names or flags."""

    __slots__ = ("table",)

    def __init__(self, table: Names | Flags) -> None:
        self.table = table

    def __call__(self, record: Record, value: int) -> str:
        """Write the low 32 bits."""
        return self.table(value & 0xFFFFFFFF)


def syslog_type(record: Record, value: int) -> str:
    """Syslog's command, a bare number."""
    return str(signed32(value))


KINDS: dict[str, Kind] = {
    "d": dec32,
    "fd": dec32,
    "pid": dec32,
    "id": ident,
    "u32": udec32,
    "d64": dec64,
    "u64": udec64,
    "x32": hex32,
    "x64": hex64,
    "raw": raw,
    "ptr": pointer,
    "-": skip,
    "dirfd": dirfd,
    "mode": octal_mode,
    "path": path,
    "str": cstring,
    "data": data_in,
    "data_out": data_out,
    "path_out": path_out,
    "cwd_out": cwd_out,
    "random_out": random_out,
    "dirents": dirents,
    "argv": argv,
    "envp": envp,
    "iov": iov_in,
    "iov_out": iov_out,
    "clone3_args": clone3_args,
    "open_flags": open_flags,
    "open_mode": open_mode,
    "map_flags": map_flags,
    "memfd_flags": memfd_flags,
    "clone_flags": clone_flags,
    "clone_stack": clone_stack,
    "clone_parent_tid": clone_parent_tid,
    "clone_tls": clone_tls,
    "clone_child_tid": clone_child_tid,
    "signal": signal_number,
    "statx_at": statx_at_flags,
    "file_mode": file_mode,
    "mknod_dev": mknod_dev,
    "fcntl_arg": fcntl_arg,
    "ioctl": ioctl_command,
    "ioctl_arg": ioctl_arg,
    "arch_arg": arch_arg,
    "mremap_to": mremap_to,
    "socket_type": socket_type,
    "sync_range": Masked(flags.SYNC_RANGE),
    "membarrier_flags": Masked(flags.MEMBARRIER_FLAGS),
    "prctl_arg": prctl_arg,
    "futex_op": futex_op,
    "futex_arg": futex_arg,
    "personality": personality,
    "policy": sched_policy,
    "sched_attr": sched_attr,
    "cpu_set": cpu_set,
    "id_list": id_list,
    "mincore_out": mincore_out,
    "offset": offset_cell,
    "pollfds": pollfds,
    "fd_set": fd_set,
    "epoll_events": epoll_events_out,
    "epoll_event_in": epoll_event_in,
    "sigset": sigset_shown,
    "sigset1": SignalSet(1),
    "sigset2": SignalSet(2),
    "sigset3": SignalSet(3),
    "sigset_arg": sigset_arg,
    "sigreturn_mask": sigreturn_mask,
    "dup_flags": Masked(flags.OPEN_FLAGS),
    "at": Masked(flags.AT_FLAGS),
    "access_at": Masked(flags.ACCESS_AT_FLAGS),
    "access": Masked(flags.ACCESS_MODES),
    "statx_mask": Masked(flags.STATX_MASK),
    "rename": Masked(flags.RENAME_FLAGS),
    "prot": Masked(flags.PROT),
    "mremap": Masked(flags.MREMAP_FLAGS),
    "msync": Masked(flags.MSYNC_FLAGS),
    "mcl": Masked(flags.MCL_FLAGS),
    "madv": Masked(flags.MADV),
    "unshare": Masked(flags.UNSHARE_FLAGS),
    "setns": Masked(flags.SETNS_FLAGS),
    "wait": Masked(flags.WAIT4_OPTIONS),
    "idtype": Masked(flags.WAITID_TYPES),
    "how": Masked(flags.SIGMASK_HOW),
    "fcntl": Masked(flags.FCNTL),
    "flock_op": Masked(flags.FLOCK),
    "whence": Masked(flags.WHENCE),
    "epoll_op": Masked(flags.EPOLL_OPS),
    "epoll_create": Masked(flags.EPOLL_CREATE),
    "efd": Masked(flags.EFD_FLAGS),
    "sfd": Masked(flags.SFD_FLAGS),
    "tfd": Masked(flags.TFD_FLAGS),
    "tfd_settime": Masked(flags.TFD_SETTIME),
    "inotify": Masked(flags.IN_INIT),
    "pidfd": Masked(flags.PIDFD_FLAGS),
    "close_range": Masked(flags.CLOSE_RANGE),
    "splice": Masked(flags.SPLICE_FLAGS),
    "rwf": Masked(flags.RWF_FLAGS),
    "falloc": Masked(flags.FALLOC_FLAGS),
    "fadvise": Masked(flags.FADVISE),
    "grnd": Masked(flags.GRND_FLAGS),
    "resource": Masked(flags.RLIMITS),
    "rusage_who": Masked(flags.RUSAGE_WHO),
    "prio": Masked(flags.PRIO_WHICH),
    "itimer": Masked(flags.ITIMERS),
    "clock": Masked(flags.CLOCKS),
    "timer_flags": Masked(flags.TIMER_FLAGS),
    "arch_prctl": Masked(flags.ARCH_PRCTL),
    "prctl": Masked(flags.PRCTL),
    "membarrier": Masked(flags.MEMBARRIER),
    "mount": Masked(flags.MOUNT_FLAGS),
    "umount": Masked(flags.UMOUNT_FLAGS),
    "family": Masked(flags.SOCKET_FAMILIES),
    **{name: Struct(name) for name in structs.SIZES},
    **{"&" + name: Given(name) for name in structs.SIZES},
}
"""Names used in signatures. `NAME` of a structure is one the kernel fills in, `&NAME` one it is given."""
