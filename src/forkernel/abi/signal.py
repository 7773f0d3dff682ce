"""Signals as programs see them: numbers, sets, flags, si_codes and struct layouts (signal(7), sigaction(2)).

A set of signals is an int with bit N-1 for signal N, as the kernel's sigset_t of 64 bits.
"""

from __future__ import annotations

import struct
from typing import Annotated, NamedTuple, Protocol

from forkernel.abi.types import I32, U16, U32, U64, Bytes, CStruct

SIGHUP = 1
SIGINT = 2
SIGQUIT = 3
SIGILL = 4
SIGTRAP = 5
SIGABRT = 6
SIGIOT = SIGABRT
SIGBUS = 7
SIGFPE = 8
SIGKILL = 9
SIGUSR1 = 10
SIGSEGV = 11
SIGUSR2 = 12
SIGPIPE = 13
SIGALRM = 14
SIGTERM = 15
SIGSTKFLT = 16
SIGCHLD = 17
SIGCONT = 18
SIGSTOP = 19
SIGTSTP = 20
SIGTTIN = 21
SIGTTOU = 22
SIGURG = 23
SIGXCPU = 24
SIGXFSZ = 25
SIGVTALRM = 26
SIGPROF = 27
SIGWINCH = 28
SIGIO = 29
SIGPOLL = SIGIO
SIGPWR = 30
SIGSYS = 31
SIGRTMIN = 32
"""The kernel's first real-time signal; the C library keeps the first two or three for itself."""
SIGRTMAX = 64
NSIG = 64

SIGNAL_NAMES: dict[int, str] = {
    1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
    9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
    16: "SIGSTKFLT", 17: "SIGCHLD", 18: "SIGCONT", 19: "SIGSTOP", 20: "SIGTSTP", 21: "SIGTTIN", 22: "SIGTTOU",
    23: "SIGURG", 24: "SIGXCPU", 25: "SIGXFSZ", 26: "SIGVTALRM", 27: "SIGPROF", 28: "SIGWINCH", 29: "SIGIO",
    30: "SIGPWR", 31: "SIGSYS",
}  # fmt: skip


def signal_name(sig: int) -> str:
    """`SIGCHLD`, `SIGRT_3` (as strace writes real-time signals), or the number where there is no such signal."""
    if SIGRTMIN <= sig <= SIGRTMAX:
        return f"SIGRT_{sig - SIGRTMIN}" if sig != SIGRTMIN else "SIGRTMIN"
    return SIGNAL_NAMES.get(sig, str(sig))


def sigmask(*signals: int) -> int:
    """The set of these signals."""
    bits = 0
    for sig in signals:
        bits |= 1 << sig - 1
    return bits


ALL_SIGNALS = (1 << NSIG) - 1
SIG_KERNEL_ONLY_MASK = sigmask(SIGKILL, SIGSTOP)
"""Can be neither blocked, caught nor ignored."""
SIG_KERNEL_STOP_MASK = sigmask(SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU)
SIG_KERNEL_IGNORE_MASK = sigmask(SIGCONT, SIGCHLD, SIGWINCH, SIGURG)
"""Default action: ignore."""
SIG_KERNEL_COREDUMP_MASK = sigmask(SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGFPE, SIGSEGV, SIGBUS, SIGSYS, SIGXCPU, SIGXFSZ)
SYNCHRONOUS_MASK = sigmask(SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGFPE, SIGSYS)
"""Taken before all others: the instruction that caused them is the current one."""

SIG_DFL = 0
SIG_IGN = 1

# sigaction.sa_flags
SA_NOCLDSTOP = 0x1
SA_NOCLDWAIT = 0x2
SA_SIGINFO = 0x4
SA_EXPOSE_TAGBITS = 0x800
SA_RESTORER = 0x04000000
SA_ONSTACK = 0x08000000
SA_RESTART = 0x10000000
SA_NODEFER = 0x40000000
SA_RESETHAND = 0x80000000
UAPI_SA_FLAGS = (
    SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_EXPOSE_TAGBITS | SA_RESTORER | SA_ONSTACK | SA_RESTART
    | SA_NODEFER | SA_RESETHAND
)  # fmt: skip
"""Flags that rt_sigaction keeps; the others it clears, so that a program can tell what is supported."""

# rt_sigprocmask
SIG_BLOCK = 0
SIG_UNBLOCK = 1
SIG_SETMASK = 2

# sigaltstack
SS_ONSTACK = 1
SS_DISABLE = 2
SS_AUTODISARM = 1 << 31
MINSIGSTKSZ = 2048

# si_code: who sent it
SI_USER = 0
SI_KERNEL = 0x80
SI_QUEUE = -1
SI_TIMER = -2
SI_MESGQ = -3
SI_ASYNCIO = -4
SI_SIGIO = -5
SI_TKILL = -6
SI_DETHREAD = -7
SI_ASYNCNL = -60
# of SIGCHLD
CLD_EXITED = 1
CLD_KILLED = 2
CLD_DUMPED = 3
CLD_TRAPPED = 4
CLD_STOPPED = 5
CLD_CONTINUED = 6
# of SIGSEGV and SIGBUS
SEGV_MAPERR = 1
SEGV_ACCERR = 2
SEGV_BNDERR = 3
SEGV_PKUERR = 4
BUS_ADRALN = 1
BUS_ADRERR = 2
BUS_OBJERR = 3
BUS_MCEERR_AR = 4
BUS_MCEERR_AO = 5
# of SIGILL, SIGFPE, SIGTRAP, SIGSYS
ILL_ILLOPC = 1
ILL_ILLOPN = 2
ILL_ILLADR = 3
ILL_ILLTRP = 4
ILL_PRVOPC = 5
FPE_INTDIV = 1
FPE_INTOVF = 2
FPE_FLTDIV = 3
FPE_FLTOVF = 4
FPE_FLTUND = 5
FPE_FLTRES = 6
FPE_FLTINV = 7
TRAP_BRKPT = 1
TRAP_TRACE = 2
SYS_SECCOMP = 1

NSIGPOLL = 6
_CODE_LIMIT = {SIGILL: 11, SIGFPE: 15, SIGSEGV: 10, SIGBUS: 5, SIGTRAP: 6, SIGCHLD: 6, SIGPOLL: 6, SIGSYS: 2}
"""Highest si_code above 0 that has a layout of the signal's own."""

# The union in siginfo_t (Linux: enum siginfo_layout)
SIL_KILL, SIL_TIMER, SIL_POLL, SIL_FAULT, SIL_CHLD, SIL_RT, SIL_SYS = range(7)


def siginfo_layout(sig: int, code: int) -> int:
    """Which member of siginfo_t's union a signal with this si_code uses (SIL_*)."""
    if not SI_USER < code < SI_KERNEL:
        if code == SI_TIMER:
            return SIL_TIMER
        if code == SI_SIGIO:
            return SIL_POLL
        return SIL_RT if code < 0 else SIL_KILL
    if code <= _CODE_LIMIT.get(sig, 0):
        return {SIGCHLD: SIL_CHLD, SIGPOLL: SIL_POLL, SIGSYS: SIL_SYS}.get(sig, SIL_FAULT)
    return SIL_POLL if code <= NSIGPOLL else SIL_KILL


def known_siginfo_layout(sig: int, code: int) -> bool:
    """Whether Linux knows what the bytes of a siginfo_t with this si_code mean."""
    if code <= SI_USER:
        return code >= SI_DETHREAD or code == SI_ASYNCNL
    return code == SI_KERNEL or code <= _CODE_LIMIT.get(sig, NSIGPOLL)


class KernelSigaction(CStruct):
    """struct kernel_sigaction, what rt_sigaction takes (not the C library's struct sigaction)."""

    sa_handler: U64
    sa_flags: U64
    sa_restorer: U64
    sa_mask: U64


class StackT(CStruct):
    """stack_t of sigaltstack(2)."""

    ss_sp: U64
    ss_flags: I32
    ss_size: U64


class SignalfdSiginfo(CStruct):
    """struct signalfd_siginfo, a record of signalfd(2)."""

    ssi_signo: U32
    ssi_errno: I32
    ssi_code: I32
    ssi_pid: U32
    ssi_uid: U32
    ssi_fd: I32
    ssi_tid: U32
    ssi_band: U32
    ssi_overrun: U32
    ssi_trapno: U32
    ssi_status: I32
    ssi_int: I32
    ssi_ptr: U64
    ssi_utime: U64
    ssi_stime: U64
    ssi_addr: U64
    ssi_addr_lsb: U16
    ssi_syscall: I32
    ssi_call_addr: U64
    ssi_arch: U32
    reserved: Annotated[bytes, Bytes(28)]


class SigAction(NamedTuple):
    """What a process does on a signal (Linux: k_sigaction). Never changed in place."""

    handler: int = SIG_DFL
    """Address of the handler, SIG_DFL or SIG_IGN."""
    flags: int = 0
    restorer: int = 0
    mask: int = 0


DEFAULT_ACTION = SigAction()
IGNORE_ACTION = SigAction(SIG_IGN)


class TimerSource(Protocol):
    """A timer whose signal is in a queue."""

    def rearm(self, info: SigInfo) -> bool:
        """The signal was taken: fill in the overrun count, start the next period. False: drop the signal, the
        timer was set anew or deleted meanwhile (Linux: posixtimer_deliver_signal).
        """


SIGINFO_SIZE = 128
KERNEL_SIGINFO_SIZE = 48
"""The part of it that is in use."""
_HEAD = struct.Struct("<iii")
PADDING = bytes(4)
"""Between si_code and the union."""
_KILL = struct.Struct("<iI24x")
_TIMER = struct.Struct("<iiQ16x")
_RT = struct.Struct("<iIQ16x")
_CHLD = struct.Struct("<iIi4xqq")
_FAULT = struct.Struct("<Qh22x")
_POLL = struct.Struct("<qi20x")
_SYS = struct.Struct("<QiI16x")


class SigInfo:
    """siginfo_t: why a signal was sent. Only the fields of its layout (`siginfo_layout`) mean anything."""

    __slots__ = (
        "addr", "addr_lsb", "arch", "band", "code", "errno", "fd", "overrun", "pid", "raw", "signo", "status",
        "stime", "syscall", "tid", "timer", "uid", "user", "utime", "value",
    )  # fmt: skip

    def __init__(
        self, signo: int, code: int = SI_USER, errno: int = 0, *, pid: int = 0, uid: int = 0, status: int = 0,
        utime: int = 0, stime: int = 0, addr: int = 0, addr_lsb: int = 0, value: int = 0, tid: int = 0,
        overrun: int = 0, band: int = 0, fd: int = 0, syscall: int = 0, arch: int = 0, raw: bytes = b"",
        timer: TimerSource | None = None,
    ) -> None:  # fmt: skip
        self.signo = signo
        self.code = code
        self.errno = errno
        self.pid = pid
        """Sender, or the child that SIGCHLD tells of."""
        self.uid = uid
        self.status = status
        """Exit status or signal number of the child."""
        self.utime = utime
        """Of the child, in clock ticks (1/100 s), as `stime`."""
        self.stime = stime
        self.addr = addr
        """Faulting address (also si_call_addr of SIGSYS)."""
        self.addr_lsb = addr_lsb
        self.value = value
        """sigval as an unsigned 64-bit number."""
        self.tid = tid
        """Timer ID of SI_TIMER."""
        self.overrun = overrun
        self.band = band
        self.fd = fd
        self.syscall = syscall
        self.arch = arch
        self.raw = raw
        """Padding and union where the layout does not follow from signal and code (rt_sigqueueinfo), 36 bytes."""
        self.timer = timer
        """The POSIX timer behind an SI_TIMER signal; see `kernel.sigqueue.dequeue_signal`."""
        self.user = -1
        """UID charged for the place in a queue (RLIMIT_SIGPENDING), -1 for none."""

    def copy(self) -> SigInfo:
        """Another SigInfo with the same contents, charged to nobody."""
        twin = SigInfo.__new__(SigInfo)
        for name in SigInfo.__slots__:
            setattr(twin, name, getattr(self, name))
        twin.user = -1
        return twin

    def pack(self) -> bytes:
        """The 128 bytes that a program sees."""
        return (_HEAD.pack(self.signo, self.errno, self.code) + self._union()).ljust(SIGINFO_SIZE, b"\0")

    def _union(self) -> bytes:
        return self.raw or PADDING + self.union(siginfo_layout(self.signo, self.code))

    def union(self, layout: int) -> bytes:
        """The union in one of the layouts (SIL_*), 32 bytes."""
        if layout == SIL_CHLD:
            return _CHLD.pack(self.pid, self.uid, self.status, self.utime, self.stime)
        if layout == SIL_FAULT:
            return _FAULT.pack(self.addr, self.addr_lsb)
        if layout == SIL_RT:
            return _RT.pack(self.pid, self.uid, self.value)
        if layout == SIL_TIMER:
            return _TIMER.pack(self.tid, self.overrun, self.value)
        if layout == SIL_POLL:
            return _POLL.pack(self.band, self.fd)
        if layout == SIL_SYS:
            return _SYS.pack(self.addr, self.syscall, self.arch)
        return _KILL.pack(self.pid, self.uid)

    @classmethod
    def unpack(cls, data: bytes) -> SigInfo:
        """A siginfo_t that a program made (rt_sigqueueinfo), from its 128 bytes; what comes after si_code is kept
        as it is (36 bytes of it: the rest has never been in use).
        """
        signo, errno, code = _HEAD.unpack_from(data)
        pid, uid, value = _RT.unpack_from(data, 16)
        _, _, status, utime, stime = _CHLD.unpack_from(data, 16)
        addr, addr_lsb = _FAULT.unpack_from(data, 16)
        band, fd = _POLL.unpack_from(data, 16)
        tid, overrun, _ = _TIMER.unpack_from(data, 16)
        raw = bytes(data[_HEAD.size : KERNEL_SIGINFO_SIZE])
        return cls(
            signo, code, errno, pid=pid, uid=uid, value=value, status=status, utime=utime, stime=stime, addr=addr,
            addr_lsb=addr_lsb, band=band, fd=fd, tid=tid, overrun=overrun, raw=raw,
        )  # fmt: skip

    def __repr__(self) -> str:
        return f"SigInfo({signal_name(self.signo)}, code={self.code}, pid={self.pid})"
