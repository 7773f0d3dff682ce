"""Time as programs see it: clock IDs, timer flags and the structs of time(7), timer_create(2), adjtimex(2)."""

from __future__ import annotations

from forkernel.abi.types import I32, I64, U32, U64, CStruct

CLOCK_REALTIME = 0
CLOCK_MONOTONIC = 1
CLOCK_PROCESS_CPUTIME_ID = 2
CLOCK_THREAD_CPUTIME_ID = 3
CLOCK_MONOTONIC_RAW = 4
CLOCK_REALTIME_COARSE = 5
CLOCK_MONOTONIC_COARSE = 6
CLOCK_BOOTTIME = 7
CLOCK_REALTIME_ALARM = 8
CLOCK_BOOTTIME_ALARM = 9
CLOCK_TAI = 11

CLOCK_NAMES: dict[int, str] = {
    0: "CLOCK_REALTIME",
    1: "CLOCK_MONOTONIC",
    2: "CLOCK_PROCESS_CPUTIME_ID",
    3: "CLOCK_THREAD_CPUTIME_ID",
    4: "CLOCK_MONOTONIC_RAW",
    5: "CLOCK_REALTIME_COARSE",
    6: "CLOCK_MONOTONIC_COARSE",
    7: "CLOCK_BOOTTIME",
    8: "CLOCK_REALTIME_ALARM",
    9: "CLOCK_BOOTTIME_ALARM",
    11: "CLOCK_TAI",
}

# A negative clock ID is (~pid << 3) | kind, or (~fd << 3) | 3 for a device's clock.
CPUCLOCK_PERTHREAD_MASK = 4
CPUCLOCK_CLOCK_MASK = 3
CPUCLOCK_PROF = 0
CPUCLOCK_VIRT = 1
CPUCLOCK_SCHED = 2
CLOCKFD = 3

TIMER_ABSTIME = 1

SIGEV_SIGNAL = 0
SIGEV_NONE = 1
SIGEV_THREAD = 2
SIGEV_THREAD_ID = 4

ITIMER_REAL = 0
ITIMER_VIRTUAL = 1
ITIMER_PROF = 2

USER_HZ = 100
"""Clock ticks a second in times(2) and /proc (sysconf(_SC_CLK_TCK))."""
COARSE_NSEC = 4_000_000
"""Resolution of the coarse clocks: a tick of a kernel built with HZ=250."""

# adjtimex
TIME_OK = 0
TIME_ERROR = 5
STA_UNSYNC = 0x40
ADJ_ADJTIME = 0x8000
ADJ_OFFSET_SINGLESHOT = 0x8001
ADJ_OFFSET_SS_READ = 0xA001


class Timespec(CStruct):
    """struct timespec."""

    tv_sec: I64
    tv_nsec: I64


class Timeval(CStruct):
    """struct timeval."""

    tv_sec: I64
    tv_usec: I64


class Timezone(CStruct):
    """struct timezone."""

    tz_minuteswest: I32
    tz_dsttime: I32


class Itimerspec(CStruct):
    """struct itimerspec, its two timespecs written out."""

    interval_sec: I64
    interval_nsec: I64
    value_sec: I64
    value_nsec: I64


class Itimerval(CStruct):
    """struct itimerval, its two timevals written out."""

    interval_sec: I64
    interval_usec: I64
    value_sec: I64
    value_usec: I64


class Tms(CStruct):
    """struct tms, in clock ticks."""

    tms_utime: I64
    tms_stime: I64
    tms_cutime: I64
    tms_cstime: I64


class Sigevent(CStruct):
    """The part of struct sigevent that the kernel reads; the whole is 64 bytes."""

    sigev_value: U64
    sigev_signo: I32
    sigev_notify: I32
    sigev_notify_thread_id: I32
    reserved0: U32
    reserved1: U64
    reserved2: U64
    reserved3: U64
    reserved4: U64
    reserved5: U64


class Timex(CStruct):
    """struct timex; `time` is written out, and eleven reserved words end it."""

    modes: U32
    offset: I64
    freq: I64
    maxerror: I64
    esterror: I64
    status: I32
    constant: I64
    precision: I64
    tolerance: I64
    time_sec: I64
    time_usec: I64
    tick: I64
    ppsfreq: I64
    jitter: I64
    shift: I32
    stabil: I64
    jitcnt: I64
    calcnt: I64
    errcnt: I64
    stbcnt: I64
    tai: I32
    reserved0: I32
    reserved1: U64
    reserved2: U64
    reserved3: U64
    reserved4: U64
    reserved5: U64
