"""Clocks, sleeping and timers: clock_*, nanosleep, time, gettimeofday, times, alarm, itimers, timer_*, adjtimex."""

from __future__ import annotations

import struct

from forkernel.abi.capability import CAP_SYS_TIME
from forkernel.abi.errno import EINVAL, EOPNOTSUPP, EPERM
from forkernel.abi.time import (
    ADJ_ADJTIME,
    ADJ_OFFSET_SS_READ,
    CLOCK_REALTIME,
    STA_UNSYNC,
    TIME_ERROR,
    TIMER_ABSTIME,
    USER_HZ,
    Itimerspec,
    Itimerval,
    Sigevent,
    Timespec,
    Timeval,
    Timex,
    Timezone,
    Tms,
)
from forkernel.abi.types import I32, I64, U32
from forkernel.errors import SysError
from forkernel.kernel import itimer, posix_clock, posix_timers
from forkernel.kernel.clock import NSEC_PER_SEC, NSEC_PER_USEC
from forkernel.kernel.cputime import HZ, nsec_to_clock_t, thread_group_cputime
from forkernel.kernel.cred import capable
from forkernel.kernel.hrtimer import KTIME_MAX
from forkernel.kernel.posix_clock import checked_ns, clock_gettime, ns_to_itimerspec, ns_to_timespec, timespec_to_ns
from forkernel.kernel.posix_cpu_timers import CpuSleep
from forkernel.kernel.posix_timers import Nanosleep
from forkernel.kernel.task import Task
from forkernel.kernel.time_namespace import timens_ktime_to_host
from forkernel.mm.uaccess import UserBuf, UserIn, UserInOut, UserOut
from forkernel.syscalls.registry import syscall

USEC_PER_SEC = 1_000_000
_TWO_WORDS = struct.Struct("<qq")
"""struct timespec and struct timeval."""
TICKS_AT_BOOT = ((1 << 32) - 300 * HZ) * USER_HZ // HZ
"""What times(2) returns at boot: its clock starts 2**32 / HZ - 300 seconds before (NOTES there)."""


# --- clocks


@syscall("clock_gettime")
def sys_clock_gettime(task: Task, clock_id: I32, value: UserBuf) -> int:
    """clock_gettime(2). With no vDSO programs come here often, so the struct is packed by hand."""
    value.mm.write(value.addr, _TWO_WORDS.pack(*divmod(clock_gettime(task, clock_id), NSEC_PER_SEC)))
    return 0


@syscall("clock_getres")
def sys_clock_getres(task: Task, clock_id: I32, value: UserOut[Timespec] | None) -> int:
    """clock_getres(2)."""
    resolution = posix_clock.clock_getres(task, clock_id)
    if value is not None:
        value.put(ns_to_timespec(resolution))
    return 0


@syscall("clock_settime")
def sys_clock_settime(task: Task, clock_id: I32, value: UserIn[Timespec]) -> int:
    """clock_settime(2)."""
    posix_clock.clock_settable(task, clock_id)
    posix_clock.set_realtime(task, timespec_to_ns(value.get()))
    return 0


@syscall("gettimeofday")
def sys_gettimeofday(task: Task, value: UserBuf | None, zone: UserOut[Timezone] | None) -> int:
    """gettimeofday(2)."""
    clock = task.system.clock
    if value is not None:
        value.write(_TWO_WORDS.pack(*divmod(clock.realtime() // NSEC_PER_USEC, USEC_PER_SEC)))
    if zone is not None:
        zone.put(Timezone(*clock.timezone))
    return 0


@syscall("settimeofday", caveat="a first time-zone setting does not warp the clock")
def sys_settimeofday(task: Task, value: UserIn[Timeval] | None, zone: UserIn[Timezone] | None) -> int:
    """settimeofday(2)."""
    when = _timeval_ns(value.get()) if value is not None else None
    place = zone.get() if zone is not None else None
    if not capable(task, CAP_SYS_TIME):
        raise SysError(EPERM)
    if place is not None:
        if abs(place.tz_minuteswest) > 15 * 60:
            raise SysError(EINVAL)
        task.system.clock.timezone = (place.tz_minuteswest, place.tz_dsttime)
    if when is not None:
        posix_clock.set_realtime(task, when)
    return 0


@syscall("time")
def sys_time(task: Task, value: UserOut[I64] | None) -> int:
    """time(2)."""
    seconds = task.system.clock.realtime() // NSEC_PER_SEC
    if value is not None:
        value.put(seconds)
    return seconds


@syscall("times")
def sys_times(task: Task, buffer: UserOut[Tms] | None) -> int:
    """times(2)."""
    if buffer is not None:
        group = task.signal
        times = (*thread_group_cputime(group), group.cutime, group.cstime)
        buffer.put(Tms(*map(nsec_to_clock_t, times)))
    return TICKS_AT_BOOT + nsec_to_clock_t(task.system.clock.monotonic())


@syscall("adjtimex", caveat="read-only: nothing disciplines the clock")
def sys_adjtimex(task: Task, buffer: UserInOut[Timex]) -> int:
    """adjtimex(2)."""
    return _adjtimex(task, buffer)


@syscall("clock_adjtime", caveat="read-only: nothing disciplines the clock")
def sys_clock_adjtime(task: Task, clock_id: I32, buffer: UserInOut[Timex]) -> int:
    """clock_adjtime(2)."""
    if clock_id != CLOCK_REALTIME:
        posix_clock.clock_getres(task, clock_id)
        raise SysError(EOPNOTSUPP)
    return _adjtimex(task, buffer)


def _adjtimex(task: Task, buffer: UserInOut[Timex]) -> int:
    """The state of a clock that no NTP daemon has touched. Changing it is EPERM, even with CAP_SYS_TIME."""
    modes = buffer.get().modes
    if modes & ADJ_ADJTIME and modes & 0xFF and not modes & 1:
        raise SysError(EINVAL)
    if modes and modes != ADJ_OFFSET_SS_READ:
        raise SysError(EPERM)
    seconds, rest = divmod(task.system.clock.realtime(), NSEC_PER_SEC)
    buffer.put(
        Timex(
            modes=modes,
            maxerror=16_000_000,
            esterror=16_000_000,
            status=STA_UNSYNC,
            constant=2,
            precision=1,
            tolerance=32_768_000,
            time_sec=seconds,
            time_usec=rest // NSEC_PER_USEC,
            tick=10_000,
        )
    )
    return TIME_ERROR


# --- sleeping


@syscall("nanosleep")
def sys_nanosleep(task: Task, request: UserIn[Timespec], remaining: UserOut[Timespec] | None) -> int:
    """nanosleep(2)."""
    span = timespec_to_ns(request.get())
    return _sleep_for(task, span, remaining)


@syscall("clock_nanosleep")
def sys_clock_nanosleep(
    task: Task, clock_id: I32, flags: I32, request: UserIn[Timespec], remaining: UserOut[Timespec] | None
) -> int:
    """clock_nanosleep(2)."""
    clock = posix_clock.sleep_clock(task, clock_id)
    when = timespec_to_ns(request.get())
    if clock_id in posix_clock.ALARM_CLOCKS:
        raise SysError(EOPNOTSUPP)
    absolute = bool(flags & TIMER_ABSTIME)
    if clock is not None:
        clock = posix_clock.require_other_thread(task, clock)
        rest = remaining.addr if remaining is not None and not absolute else 0
        return CpuSleep(clock, when if absolute else clock.sample() + when, rest, absolute).step(task)
    if absolute:
        when = timens_ktime_to_host(task, clock_id, when)
        return Nanosleep(when, absolute=True, realtime=clock_id in posix_clock.REALTIME_CLOCKS).step(task)
    return _sleep_for(task, when, remaining)


def _sleep_for(task: Task, span: int, remaining: UserOut[Timespec] | None) -> int:
    """Sleep for `span` nanoseconds."""
    deadline = min(task.system.clock.monotonic() + span, KTIME_MAX)
    return Nanosleep(deadline, remaining.addr if remaining is not None else 0).step(task)


# --- interval timers


@syscall("alarm")
def sys_alarm(task: Task, seconds: U32) -> int:
    """alarm(2)."""
    return itimer.alarm(task, seconds)


@syscall("getitimer")
def sys_getitimer(task: Task, which: I32, value: UserOut[Itimerval]) -> int:
    """getitimer(2)."""
    value.put(_itimerval(*itimer.getitimer(task, which)))
    return 0


@syscall("setitimer")
def sys_setitimer(task: Task, which: I32, new: UserIn[Itimerval] | None, old: UserOut[Itimerval] | None) -> int:
    """setitimer(2); no new value disarms."""
    value = interval = 0
    if new is not None:
        wanted = new.get()
        value = _usec_ns(wanted.value_sec, wanted.value_usec)
        interval = _usec_ns(wanted.interval_sec, wanted.interval_usec)
    before = itimer.setitimer(task, which, value, interval)
    if old is not None:
        old.put(_itimerval(*before))
    return 0


def _usec_ns(sec: int, usec: int) -> int:
    """Nanoseconds; EINVAL as `checked_ns`."""
    return checked_ns(sec, usec * NSEC_PER_USEC)


def _timeval_ns(value: Timeval) -> int:
    return _usec_ns(value.tv_sec, value.tv_usec)


def _itimerval(value: int, interval: int) -> Itimerval:
    """Struct itimerval of two times in nanoseconds."""
    return Itimerval(*divmod(interval // NSEC_PER_USEC, USEC_PER_SEC), *divmod(value // NSEC_PER_USEC, USEC_PER_SEC))


# --- POSIX timers


@syscall("timer_create")
def sys_timer_create(task: Task, clock_id: I32, event: UserIn[Sigevent] | None, timer_id: UserOut[I32]) -> int:
    """timer_create(2)."""
    timer = posix_timers.timer_create(task, clock_id, event.get() if event is not None else None)
    try:
        timer_id.put(timer.number)
    except SysError:
        posix_timers.timer_delete(task, timer.number)
        raise
    return 0


@syscall("timer_settime")
def sys_timer_settime(
    task: Task, timer_id: I32, flags: I32, new: UserIn[Itimerspec], old: UserOut[Itimerspec] | None
) -> int:
    """timer_settime(2)."""
    if new.addr == 0:
        raise SysError(EINVAL)
    wanted = new.get()
    value = checked_ns(wanted.value_sec, wanted.value_nsec)
    interval = checked_ns(wanted.interval_sec, wanted.interval_nsec)
    timer = posix_timers.find_timer(task, timer_id)
    if flags & TIMER_ABSTIME and value:
        value = timens_ktime_to_host(task, timer.clock_id, value) or 1
    before = timer.settime(value, interval, bool(flags & TIMER_ABSTIME))
    if old is not None:
        old.put(ns_to_itimerspec(*before))
    return 0


@syscall("timer_gettime")
def sys_timer_gettime(task: Task, timer_id: I32, value: UserOut[Itimerspec]) -> int:
    """timer_gettime(2)."""
    value.put(ns_to_itimerspec(*posix_timers.find_timer(task, timer_id).gettime()))
    return 0


@syscall("timer_getoverrun")
def sys_timer_getoverrun(task: Task, timer_id: I32) -> int:
    """timer_getoverrun(2)."""
    return posix_timers.find_timer(task, timer_id).overrun_last


@syscall("timer_delete")
def sys_timer_delete(task: Task, timer_id: I32) -> int:
    """timer_delete(2)."""
    posix_timers.timer_delete(task, timer_id)
    return 0
