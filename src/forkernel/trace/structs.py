"""C structures in a trace: how the memory behind a pointer is written, in strace's manner.

Each function takes the bytes of one structure; its size is in `SIZES`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from forkernel.trace import flags
from forkernel.trace.text import Flags, Names, address, numbered, quote, signed32

_QQ = struct.Struct("<qq")
_QQU = struct.Struct("<qQ")


def timespec(data: bytes) -> str:
    """A struct timespec."""
    sec, nsec = _QQU.unpack(data[:16])
    return f"{{tv_sec={sec}, tv_nsec={nsec}}}"


def timeval(data: bytes) -> str:
    """A struct timeval."""
    sec, usec = _QQU.unpack(data[:16])
    return f"{{tv_sec={sec}, tv_usec={usec}}}"


def itimerval(data: bytes) -> str:
    """A struct itimerval."""
    return f"{{it_interval={timeval(data)}, it_value={timeval(data[16:])}}}"


def itimerspec(data: bytes) -> str:
    """A struct itimerspec."""
    return f"{{it_interval={timespec(data)}, it_value={timespec(data[16:])}}}"


def timezone_struct(data: bytes) -> str:
    """A struct timezone."""
    west, dst = struct.unpack("<ii", data)
    return f"{{tz_minuteswest={west}, tz_dsttime={dst}}}"


def moment(seconds: int, nanoseconds: int = 0) -> str:
    """A calendar time, in UTC."""
    try:
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError:
        return ""
    fraction = f".{nanoseconds:09d}" if nanoseconds else ""
    return f" /* {when:%Y-%m-%dT%H:%M:%S}{fraction}+0000 */"


UTIME_NOW, UTIME_OMIT = 0x3FFFFFFF, 0x3FFFFFFE


def utimes(data: bytes) -> str:
    """The two timespecs of utimensat."""
    parts = []
    for at in (0, 16):
        sec, nsec = _QQ.unpack(data[at : at + 16])
        special = {UTIME_NOW: "UTIME_NOW", UTIME_OMIT: "UTIME_OMIT"}.get(nsec)
        parts.append(special or timespec(data[at:]) + moment(sec, nsec))
    return f"[{', '.join(parts)}]"


def utimes_micro(data: bytes) -> str:
    """The two timevals of utimes."""
    return f"[{timeval(data)}, {timeval(data[16:])}]"


def file_mode(mode: int) -> str:
    """st_mode: the file type by name, special bits by name, permission in octal."""
    kind = flags.FILE_TYPES.get(mode & 0o170000)
    if kind is None:
        return octal(mode)
    special = [name for bit, name in flags.MODE_BITS.items() if mode & bit]
    return "|".join([kind, *special, octal(mode & 0o777)])


def octal(mode: int) -> str:
    """Permission bits as strace writes them: at least three digits after the leading zero's place."""
    return f"0{mode:o}" if mode >= 0o100 else f"{mode:03o}"


def device(rdev: int) -> str:
    """A device number (gnu_dev_major, gnu_dev_minor)."""
    major = (rdev >> 8 & 0xFFF) | (rdev >> 32 & ~0xFFF)
    minor = (rdev & 0xFF) | (rdev >> 12 & ~0xFF)
    return f"makedev({major:#x}, {minor:#x})" if minor else f"makedev({major:#x}, 0)"


def stat(data: bytes) -> str:
    """A struct stat, shortened."""
    mode = int.from_bytes(data[24:28], "little")
    if mode & 0o170000 in (0o020000, 0o060000):
        what = f"st_rdev={device(int.from_bytes(data[40:48], 'little'))}"
    else:
        what = f"st_size={int.from_bytes(data[48:56], 'little', signed=True)}"
    return f"{{st_mode={file_mode(mode)}, {what}, ...}}"


def statx(data: bytes) -> str:
    """A struct statx, shortened."""
    mask, _, attributes = struct.unpack("<IIQ", data[:16])
    mode = int.from_bytes(data[28:30], "little")
    size = int.from_bytes(data[40:48], "little")
    attributes_text = f"{attributes:#x}" if attributes else "0"
    return (
        f"{{stx_mask={flags.STATX_MASK(mask)}, stx_attributes={attributes_text}, "
        f"stx_mode={file_mode(mode)}, stx_size={size}, ...}}"
    )


_ST_FLAGS = Flags(
    "ST_???",
    {0x20: "ST_VALID", 1: "ST_RDONLY", 2: "ST_NOSUID", 4: "ST_NODEV", 8: "ST_NOEXEC", 0x10: "ST_SYNCHRONOUS",
     0x40: "ST_MANDLOCK", 0x400: "ST_NOATIME", 0x800: "ST_NODIRATIME", 0x1000: "ST_RELATIME"},
)  # fmt: skip


def statfs(data: bytes) -> str:
    """A struct statfs."""
    kind, bsize, blocks, bfree, bavail, files, ffree, id0, id1, namelen, frsize, mount = struct.unpack(
        "<qqQQQQQIIqqq", data[:88]
    )
    ids = ", ".join(f"{part:#x}" if part else "0" for part in (id0, id1))
    name = flags.FS_TYPES.names.get(kind, f"{kind:#x}")
    return (
        f"{{f_type={name}, f_bsize={bsize}, f_blocks={blocks}, f_bfree={bfree}, f_bavail={bavail}, f_files={files}, "
        f"f_ffree={ffree}, f_fsid={{val=[{ids}]}}, f_namelen={namelen}, f_frsize={frsize}, f_flags={_ST_FLAGS(mount)}}}"
    )


def rusage(data: bytes) -> str:
    """A struct rusage, shortened."""
    return f"{{ru_utime={timeval(data)}, ru_stime={timeval(data[16:])}, ...}}"


def rlimit_value(value: int) -> str:
    """One limit."""
    if value == (1 << 64) - 1:
        return "RLIM64_INFINITY"
    if value > 1024 and value % 1024 == 0:
        return f"{value // 1024}*1024"
    return str(value)


def rlimit(data: bytes) -> str:
    """A struct rlimit64."""
    soft, hard = struct.unpack("<QQ", data)
    return f"{{rlim_cur={rlimit_value(soft)}, rlim_max={rlimit_value(hard)}}}"


def utsname(data: bytes) -> str:
    """A struct utsname, shortened."""
    sysname, nodename = (data[at : at + 65].split(b"\0")[0] for at in (0, 65))
    return f"{{sysname={quote(sysname)}, nodename={quote(nodename)}, ...}}"


def sysinfo(data: bytes) -> str:
    """A struct sysinfo."""
    up, l0, l1, l2, *mem, procs, _, high, freehigh, unit = struct.unpack("<qQQQQQQQQQHH4xQQI", data[:108])
    names = ("totalram", "freeram", "sharedram", "bufferram", "totalswap", "freeswap")
    memory = ", ".join(f"{name}={value}" for name, value in zip(names, mem, strict=True))
    return (
        f"{{uptime={up}, loads=[{l0}, {l1}, {l2}], {memory}, procs={procs}, totalhigh={high}, freehigh={freehigh}, "
        f"mem_unit={unit}}}"
    )


def tms(data: bytes) -> str:
    """A struct tms."""
    names = ("tms_utime", "tms_stime", "tms_cutime", "tms_cstime")
    values = struct.unpack("<4q", data)
    return "{" + ", ".join(f"{name}={value}" for name, value in zip(names, values, strict=True)) + "}"


def signal_name(number: int) -> str:
    """SIG... for a signal number, the number itself where there is none."""
    name = flags.SIGNALS.get(number)
    return f"SIG{name}" if name else str(number)


def signal_set(bits: int) -> str:
    """A signal mask: the members, or with ~ the ones missing when those are fewer."""
    members = [name for number, name in flags.SIGNALS.items() if bits >> number - 1 & 1]
    if len(members) < 43:
        return f"[{' '.join(members)}]"
    missing = [name for number, name in flags.SIGNALS.items() if not bits >> number - 1 & 1]
    return f"~[{' '.join(missing)}]"


def sigset(data: bytes) -> str:
    """sigset_t."""
    return signal_set(int.from_bytes(data[:8], "little"))


def sigaction(data: bytes) -> str:
    """A struct kernel_sigaction."""
    handler, sa_flags, restorer, mask = struct.unpack("<QQQQ", data)
    shown = {0: "SIG_DFL", 1: "SIG_IGN"}.get(handler) or f"{handler:#x}"
    text = f"{{sa_handler={shown}, sa_mask={signal_set(mask)}, sa_flags={flags.SA_FLAGS(sa_flags)}"
    if sa_flags & 0x04000000:
        text += f", sa_restorer={address(restorer)}"
    return text + "}"


def sigaltstack(data: bytes) -> str:
    """stack_t."""
    sp, ss_flags, size = struct.unpack("<QI4xQ", data)
    return f"{{ss_sp={address(sp)}, ss_flags={flags.SS_FLAGS(ss_flags)}, ss_size={size}}}"


def signal_code(signo: int, code: int) -> str:
    """si_code by name."""
    name = flags.SIGNAL_CODES.get(signo, {}).get(code) if code > 0 else None
    if name is not None:
        return name
    return flags.SI_CODES.get(code) or f"{code & 0xFFFFFFFF:#x}"


def siginfo(data: bytes) -> str:
    """siginfo_t."""
    signo, error, code = struct.unpack("<iii", data[:12])
    if not signo:
        return "{}"
    parts = [f"si_signo={signal_name(signo)}", f"si_code={signal_code(signo, code)}"]
    if error:
        parts.append(f"si_errno={error}")
    first, second, third = struct.unpack("<iii", data[16:28])
    pointer = int.from_bytes(data[24:32], "little")
    if code == -2:
        parts += [f"si_timerid={first:#x}", f"si_overrun={second}", f"si_int={third}", f"si_ptr={address(pointer)}"]
    elif signo == 17 and 1 <= code <= 6:
        utime, stime = struct.unpack("<qq", data[32:48])
        status = third if code == 1 else signal_name(third)
        parts += [f"si_pid={first}", f"si_uid={second}", f"si_status={status}"]
        parts += [f"si_utime={utime}", f"si_stime={stime}"]
    elif code <= 0:
        parts += [f"si_pid={first}", f"si_uid={second}"]
        if code not in (0, -6):
            parts += [f"si_int={third}", f"si_ptr={address(pointer)}"]
    elif signo in (4, 7, 8, 11, 5) and code != 0x80:
        parts.append(f"si_addr={address(int.from_bytes(data[16:24], 'little'))}")
    elif signo == 31:
        call, number, arch = struct.unpack("<QiI", data[16:32])
        parts += [f"si_call_addr={address(call)}", f"si_syscall={number}", f"si_arch={arch:#x}"]
    return "{" + ", ".join(parts) + "}"


def wait_status(status: int) -> str:
    """A wait status, by the macros that would take it apart."""
    low = status & 0x7F
    if status == 0xFFFF:
        return "WIFCONTINUED(s)"
    if status & 0xFF == 0x7F:
        return f"WIFSTOPPED(s) && WSTOPSIG(s) == {signal_name(status >> 8 & 0xFF)}" + _event(status >> 16)
    if low == 0:
        return f"WIFEXITED(s) && WEXITSTATUS(s) == {status >> 8 & 0xFF}"
    core = " && WCOREDUMP(s)" if status & 0x80 else ""
    return f"WIFSIGNALED(s) && WTERMSIG(s) == {signal_name(low)}{core}"


def _event(event: int) -> str:
    return f" | {event:#x} << 16" if event else ""


def wstatus(data: bytes) -> str:
    """The int a wait call fills in."""
    return f"[{{{wait_status(int.from_bytes(data[:4], 'little'))}}}]"


def flock(data: bytes, *, pid: bool = False) -> str:
    """A struct flock."""
    kind, whence, start, length, owner = struct.unpack("<hh4xqqi", data[:28])
    text = f"{{l_type={flags.LOCK_TYPES(kind)}, l_whence={flags.WHENCE(whence)}, l_start={start}, l_len={length}"
    return text + (f", l_pid={owner}}}" if pid else "}")


def flock_pid(data: bytes) -> str:
    """A struct flock as F_GETLK answers it."""
    return flock(data, pid=True)


def owner_ex(data: bytes) -> str:
    """A struct f_owner_ex."""
    kind, pid = struct.unpack("<ii", data)
    return f"{{type={Names('F_OWNER_???', {0: 'F_OWNER_TID', 1: 'F_OWNER_PID', 2: 'F_OWNER_PGRP'})(kind)}, pid={pid}}}"


def epoll_event(data: bytes) -> str:
    """A struct epoll_event."""
    events, low, high = struct.unpack("<III", data)
    return f"{{events={flags.EPOLL_EVENTS(events)}, data={{u32={low}, u64={high << 32 | low}}}}}"


def winsize(data: bytes) -> str:
    """A struct winsize."""
    row, col, x, y = struct.unpack("<HHHH", data)
    return f"{{ws_row={row}, ws_col={col}, ws_xpixel={x}, ws_ypixel={y}}}"


_IFLAG = Flags(
    "",
    {
        1 << bit: name
        for bit, name in numbered(
            "IGNBRK BRKINT IGNPAR PARMRK INPCK ISTRIP INLCR IGNCR ICRNL IUCLC IXON IXANY IXOFF IMAXBEL IUTF8"
        ).items()
    },
)
_OFLAG = Flags(
    "", {1 << bit: name for bit, name in numbered("OPOST OLCUC ONLCR OCRNL ONOCR ONLRET OFILL OFDEL").items()}
)
_CFLAG = Flags(
    "", {0o100: "CSTOPB", 0o200: "CREAD", 0o400: "PARENB", 0o1000: "PARODD", 0o2000: "HUPCL", 0o4000: "CLOCAL"}
)
_LFLAG = Flags("", {
    1: "ISIG", 2: "ICANON", 4: "XCASE", 0o10: "ECHO", 0o20: "ECHOE", 0o40: "ECHOK", 0o100: "ECHONL", 0o200: "NOFLSH",
    0o400: "TOSTOP", 0o100000: "IEXTEN", 0o1000: "ECHOCTL", 0o2000: "ECHOPRT", 0o4000: "ECHOKE", 0o10000: "FLUSHO",
    0o40000: "PENDIN",
})  # fmt: skip
_SPEEDS = {
    **numbered("B0 B50 B75 B110 B134 B150 B200 B300 B600 B1200 B1800 B2400 B4800 B9600 B19200 B38400"),
    0o10001: "B57600",
    0o10002: "B115200",
    0o10003: "B230400",
}


def termios(data: bytes) -> str:
    """A struct termios of the kernel, shortened."""
    iflag, oflag, cflag, lflag = struct.unpack("<IIII", data[:16])
    speed = _SPEEDS.get(cflag & 0o10017, f"{cflag & 0o10017:#o}")
    control = "|".join([speed, f"CS{5 + (cflag >> 4 & 3)}", *_CFLAG.split(cflag)[0]])
    output = "|".join(["NL0|CR0|TAB3" if oflag & 0o14000 else "NL0|CR0|TAB0", "BS0|VT0|FF0", *_OFLAG.split(oflag)[0]])
    return f"{{c_iflag={_IFLAG(iflag)}, c_oflag={output}, c_cflag={control}, c_lflag={_LFLAG(lflag)}, ...}}"


def time_cell(data: bytes) -> str:
    """time_t, behind a pointer."""
    seconds = int.from_bytes(data[:8], "little", signed=True)
    return f"[{seconds}{moment(seconds)}]"


def int_cell(data: bytes) -> str:
    """int, behind a pointer."""
    return f"[{int.from_bytes(data[:4], 'little', signed=True)}]"


def long_cell(data: bytes) -> str:
    """long, behind a pointer."""
    return f"[{int.from_bytes(data[:8], 'little', signed=True)}]"


def pointer_cell(data: bytes) -> str:
    """A pointer, behind a pointer."""
    return f"[{address(int.from_bytes(data[:8], 'little'))}]"


def fd_pair(data: bytes) -> str:
    """int[2], as pipe fills it in."""
    return "[{}, {}]".format(*struct.unpack("<ii", data))


def sigevent(data: bytes) -> str:
    """A struct sigevent."""
    value, signo, notify, tid = struct.unpack("<Qiii", data[:20])
    shown = signal_name(signo) if notify in (0, 4) else str(signo)
    text = (
        f"{{sigev_value={{sival_int={signed32(value)}, sival_ptr={address(value)}}}, sigev_signo={shown}, "
        f"sigev_notify={flags.SIGEV(notify)}"
    )
    return text + (f", sigev_notify_thread_id={tid}}}" if notify == 4 else "}")


def sched_attr(data: bytes) -> str:
    """A struct sched_attr."""
    size, policy, sflags, nice, priority, runtime, deadline, period = struct.unpack("<IIQiIQQQ", data[:48])
    text = (
        f"{{size={size}, sched_policy={flags.SCHED_POLICIES(policy)}, sched_flags={sflags}, sched_nice={nice}, "
        f"sched_priority={priority}, sched_runtime={runtime}, sched_deadline={deadline}, sched_period={period}"
    )
    if size >= 56 and len(data) >= 56:
        low, high = struct.unpack("<II", data[48:56])
        text += f", sched_util_min={low}, sched_util_max={high}"
    return text + "}"


def cap_header(data: bytes) -> str:
    """A struct __user_cap_header_struct."""
    version, pid = struct.unpack("<Ii", data)
    names = {0x19980330: 1, 0x20071026: 2, 0x20080522: 3}
    shown = f"_LINUX_CAPABILITY_VERSION_{names[version]}" if version in names else f"{version:#x}"
    return f"{{version={shown}, pid={pid}}}"


CAPABILITIES = numbered(
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN "
    "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE "
    "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE",
    "CAP_",
)


def capability_set(bits: int) -> str:
    """A set of capabilities."""
    names = [f"1<<{name}" for at, name in CAPABILITIES.items() if bits >> at & 1]
    rest = bits >> len(CAPABILITIES) << len(CAPABILITIES)
    return "|".join(names + ([f"{rest:#x}"] if rest else [])) or "0"


def cap_data(data: bytes) -> str:
    """Two struct __user_cap_data_struct."""
    low = struct.unpack("<III", data[:12])
    high = struct.unpack("<III", data[12:24])
    sets = (capability_set(a | b << 32) for a, b in zip(low, high, strict=True))
    return "{effective=%s, permitted=%s, inheritable=%s}" % tuple(sets)  # noqa: UP031  # braces are meant


def clone_args(data: bytes, filled: Callable[[str, int], str | None] | None = None) -> str:
    """A struct clone_args of any size; `filled(field, address)` shows what was written there."""
    words = [int.from_bytes(data[at : at + 8], "little") for at in range(0, min(len(data), 88), 8)]
    words += [0] * (11 - len(words))
    bits, pidfd, child, parent, signo, stack, size, tls, set_tid, set_tid_size, cgroup = words
    parts = [f"flags={flags.CLONE3_FLAGS(bits)}"]
    if bits & 0x1000:
        parts.append(f"pidfd={address(pidfd)}")
    if bits & 0x1200000:
        parts.append(f"child_tid={address(child)}")
    if bits & 0x100000:
        parts.append(f"parent_tid={address(parent)}")
    parts.append(f"exit_signal={signal_name(signo) if signo else 0}")
    parts += [f"stack={address(stack)}", f"stack_size={size:#x}" if size else "stack_size=0"]
    if bits & 0x80000:
        parts.append(f"tls={address(tls)}")
    if set_tid or set_tid_size:
        parts += [f"set_tid={address(set_tid)}", f"set_tid_size={set_tid_size}"]
    if bits & 0x200000000:
        parts.append(f"cgroup={cgroup}")
    text = "{" + ", ".join(parts) + "}"
    results = []
    if filled is not None:
        for bit, field, where in ((0x1000, "pidfd", pidfd), (0x100000, "parent_tid", parent)):
            shown = filled(field, where) if bits & bit else None
            if shown is not None:
                results.append(f"{field}={shown}")
    return text + (f" => {{{', '.join(results)}}}" if results else "")


SIZES: dict[str, tuple[int, Callable[[bytes], str]]] = {
    "timespec": (16, timespec),
    "timeval": (16, timeval),
    "timezone": (8, timezone_struct),
    "itimerval": (32, itimerval),
    "itimerspec": (32, itimerspec),
    "utimes": (32, utimes),
    "utimes_micro": (32, utimes_micro),
    "stat": (144, stat),
    "statx": (256, statx),
    "statfs": (120, statfs),
    "rusage": (144, rusage),
    "rlimit": (16, rlimit),
    "utsname": (390, utsname),
    "sysinfo": (112, sysinfo),
    "tms": (32, tms),
    "sigaction": (32, sigaction),
    "sigaltstack": (24, sigaltstack),
    "siginfo": (128, siginfo),
    "wstatus": (4, wstatus),
    "winsize": (8, winsize),
    "int*": (4, int_cell),
    "long*": (8, long_cell),
    "time*": (8, time_cell),
    "pointer*": (8, pointer_cell),
    "fd_pair": (8, fd_pair),
    "sigevent": (64, sigevent),
    "cap_header": (8, cap_header),
    "cap_data": (24, cap_data),
    "epoll_event": (12, epoll_event),
    "flock": (32, flock),
    "flock_pid": (32, flock_pid),
    "owner_ex": (8, owner_ex),
    "termios": (36, termios),
}
"""Name used in signatures: size in bytes and how to write it."""
