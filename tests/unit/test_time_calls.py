"""Clocks, sleeps, timers, limits and scheduling calls on a machine without a CPU."""

from __future__ import annotations

import struct

import pytest
from time_fakes import BASE, USER, Machine

from forkernel.abi.errno import (
    E2BIG,
    EACCES,
    EAGAIN,
    EBUSY,
    ECANCELED,
    EFAULT,
    EINVAL,
    EOPNOTSUPP,
    EPERM,
    ERESTART_RESTARTBLOCK,
    ERESTARTNOHAND,
    ESRCH,
)
from forkernel.abi.resource import RLIM_INFINITY, RLIMIT_CPU, RLIMIT_NICE, RLIMIT_NOFILE, RLIMIT_RTPRIO, RLimit
from forkernel.abi.sched import SchedAttr
from forkernel.abi.signal import (
    SIG_IGN,
    SIGALRM,
    SIGKILL,
    SIGPROF,
    SIGRTMIN,
    SIGSEGV,
    SIGUSR1,
    SIGVTALRM,
    SIGXCPU,
    SigAction,
)
from forkernel.abi.time import (
    CLOCK_MONOTONIC,
    CLOCK_PROCESS_CPUTIME_ID,
    CLOCK_REALTIME,
    CLOCK_THREAD_CPUTIME_ID,
    Itimerspec,
    Itimerval,
    Sigevent,
    Timespec,
    Timeval,
    Tms,
)
from forkernel.errors import SysError
from forkernel.fs.inode import Inode
from forkernel.kernel import timerfd
from forkernel.kernel.clock import NSEC_PER_SEC
from forkernel.kernel.sigqueue import dequeue_signal
from forkernel.kernel.task import Task
from forkernel.wait import Sleep

MS = 1_000_000
IN, OUT = BASE, BASE + 256


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def task(machine: Machine) -> Task:
    task = machine.process()
    for sig in (SIGALRM, SIGPROF, SIGVTALRM, SIGUSR1, SIGXCPU, SIGRTMIN):
        task.sighand.action[sig] = SigAction(0x400000)
    return task


def call(task: Task, name: str, *args: int) -> int:
    result: int = task.system.call(task, name, *args)  # type: ignore[attr-defined]
    return result


def put(task: Task, data: bytes) -> int:
    task.mm.write(IN, data)
    return IN


def span(task: Task, nanoseconds: int) -> int:
    return put(task, Timespec(*divmod(nanoseconds, NSEC_PER_SEC)).pack())


def out_ns(task: Task) -> int:
    value = Timespec.unpack(task.mm.read(OUT, 16))
    result: int = value.tv_sec * NSEC_PER_SEC + value.tv_nsec
    return result


def pending(task: Task) -> list[int]:
    bits = task.pending.bits | task.signal.shared_pending.bits
    return [sig for sig in range(1, 65) if bits >> sig - 1 & 1]


def take(task: Task) -> tuple[int, int, int]:
    """Signal number, overrun and value of the next signal; zeros for none."""
    info = dequeue_signal(task, 0)
    return (info.signo, info.overrun, info.value) if info else (0, 0, 0)


# --- clocks


def test_clocks_agree(machine: Machine, task: Task) -> None:
    machine.pass_time(1234)
    call(task, "clock_gettime", CLOCK_MONOTONIC, OUT)
    assert out_ns(task) == 1234
    for clock in (0, 5, 11):
        call(task, "clock_gettime", clock, OUT)
        assert out_ns(task) == machine.clock.realtime()
    task.mm.write(OUT, bytes(16))
    call(task, "gettimeofday", OUT, 0)
    now = Timeval.unpack(task.mm.read(OUT, 16))
    assert now.tv_sec == call(task, "time", 0)
    assert call(task, "clock_gettime", 10, OUT) == -EINVAL
    assert call(task, "clock_gettime", 1, 8) == -EFAULT


def test_cpu_clocks_count_user_and_kernel_time(machine: Machine, task: Task) -> None:
    thread = machine.thread(task)
    machine.burn(task, 100)
    machine.burn(thread, 50, kernel=True)
    task.signal.utime = 7  # a thread that is gone
    call(task, "clock_gettime", CLOCK_PROCESS_CPUTIME_ID, OUT)
    assert out_ns(task) == 157
    call(thread, "clock_gettime", CLOCK_THREAD_CPUTIME_ID, OUT)
    assert out_ns(task) == 50
    virtual = ~task.pid << 3 | 1
    call(task, "clock_gettime", virtual, OUT)
    assert out_ns(task) == 107
    call(task, "clock_gettime", ~thread.pid << 3 | 6, OUT)
    assert out_ns(task) == 50


def test_cpu_clock_ids_that_name_nothing(machine: Machine, task: Task) -> None:
    thread, other = machine.thread(task), machine.process()
    for clock in (~99999 << 3 | 2, ~other.pid << 3 | 6, ~task.pid << 3 | 3, ~-5 << 3 | 2):
        assert call(task, "clock_gettime", clock, OUT) == -EINVAL
    own_tid = ~thread.pid << 3 | 2
    assert call(thread, "clock_gettime", own_tid, OUT) == 0
    assert call(task, "clock_gettime", own_tid, OUT) == -EINVAL
    assert call(thread, "clock_getres", own_tid, OUT) == -EINVAL


def test_setting_the_clock(machine: Machine, task: Task) -> None:
    machine.pass_time(50 * NSEC_PER_SEC)
    assert call(task, "clock_settime", CLOCK_REALTIME, span(task, 100 * NSEC_PER_SEC)) == 0
    assert machine.clock.realtime() == 100 * NSEC_PER_SEC
    assert call(task, "clock_settime", CLOCK_REALTIME, span(task, NSEC_PER_SEC)) == -EINVAL
    assert call(task, "clock_settime", CLOCK_MONOTONIC, IN) == -EINVAL
    assert call(task, "clock_settime", -2, IN) == -EPERM
    task.cred = USER
    assert call(task, "clock_settime", CLOCK_REALTIME, span(task, 200 * NSEC_PER_SEC)) == -EPERM
    assert call(task, "settimeofday", IN, 0) == -EPERM


def test_times_counts_children(machine: Machine, task: Task) -> None:
    task.utime, task.stime = 250 * MS, 30 * MS
    task.signal.cutime, task.signal.cstime = 1990 * MS, 10 * MS
    first = call(task, "times", OUT)
    tms = Tms.unpack(task.mm.read(OUT, Tms.SIZE))
    assert (tms.tms_utime, tms.tms_stime, tms.tms_cutime, tms.tms_cstime) == (25, 3, 199, 1)
    machine.pass_time(NSEC_PER_SEC)
    assert call(task, "times", 0) == first + 100


# --- sleeping


def test_nanosleep_ends_on_time(machine: Machine, task: Task) -> None:
    call(task, "nanosleep", span(task, 3600 * NSEC_PER_SEC), 0)
    machine.pass_time(3600 * NSEC_PER_SEC - 1)
    assert machine.asleep(task)
    machine.pass_time(1)
    assert machine.results[task] == 0
    for bad in (Timespec(-1, 0), Timespec(0, NSEC_PER_SEC), Timespec(0, -1)):
        assert call(task, "nanosleep", put(task, bad.pack()), 0) == -EINVAL
    assert call(task, "nanosleep", 8, 0) == -EFAULT


def test_interrupted_nanosleep_tells_the_rest_and_goes_on(machine: Machine, task: Task) -> None:
    call(task, "nanosleep", span(task, 1000), OUT)
    machine.pass_time(300)
    machine.interrupt(task, SIGUSR1)
    assert machine.results[task] == -ERESTART_RESTARTBLOCK
    assert out_ns(task) == 700
    take(task)
    call(task, "restart_syscall")
    machine.pass_time(700)
    assert machine.results[task] == 0


def test_absolute_sleep_starts_over_and_follows_the_clock(machine: Machine, task: Task) -> None:
    when = machine.clock.realtime() + 1000
    call(task, "clock_nanosleep", CLOCK_REALTIME, 1, span(task, when), OUT)
    machine.interrupt(task, SIGUSR1)
    assert machine.results[task] == -ERESTARTNOHAND
    take(task)
    call(task, "clock_nanosleep", CLOCK_REALTIME, 1, IN, 0)
    machine.clock.set_realtime(when)
    machine.settle()
    assert machine.results[task] == 0


def test_sleeping_on_cpu_time(machine: Machine, task: Task) -> None:
    thread = machine.thread(task)
    call(task, "clock_nanosleep", CLOCK_PROCESS_CPUTIME_ID, 0, span(task, 5000), 0)
    machine.pass_time(NSEC_PER_SEC)
    machine.burn(thread, 4999)
    assert machine.asleep(task)
    machine.burn(thread, 1001)
    assert not machine.asleep(task)
    assert machine.results[task] == 0
    assert call(task, "clock_nanosleep", CLOCK_THREAD_CPUTIME_ID, 0, IN, 0) == -EOPNOTSUPP
    assert call(task, "clock_nanosleep", -2, 0, IN, 0) == -EINVAL


# --- interval timers


def itimer(task: Task, value: int, interval: int = 0, which: int = 0) -> int:
    return call(task, "setitimer", which, put(task, Itimerval(0, interval // 1000, 0, value // 1000).pack()), OUT)


def test_periodic_alarm_rests_until_its_signal_is_taken(machine: Machine, task: Task) -> None:
    itimer(task, 10 * MS, 10 * MS)
    machine.pass_time(35 * MS)
    assert pending(task) == [SIGALRM]
    assert len(machine.timers) == 0
    assert take(task)[0] == SIGALRM
    assert machine.timers.next_expiry == 40 * MS
    machine.pass_time(5 * MS)
    assert pending(task) == [SIGALRM]


def test_alarm_merged_with_a_signal_that_is_pending_goes_on(machine: Machine, task: Task) -> None:
    machine.interrupt(task, SIGALRM)
    itimer(task, 10 * MS, 10 * MS)
    machine.pass_time(15 * MS)
    assert take(task)[0] == SIGALRM
    assert take(task)[0] == 0
    machine.pass_time(5 * MS)
    assert pending(task) == [SIGALRM]


def test_alarm_rounds_to_the_nearest_second(machine: Machine, task: Task) -> None:
    for left, seconds in ((100_700 * MS, 101), (100_400 * MS, 100), (400 * MS, 1), (0, 0)):
        machine.clock.now = 0
        task.signal.itimers = (None, None, None)
        call(task, "alarm", 101)
        machine.pass_time(101_000 * MS - left)
        assert call(task, "alarm", 0) == seconds


def test_cpu_itimers_count_cpu_time_only(machine: Machine, task: Task) -> None:
    itimer(task, 10 * MS, 10 * MS, which=2)
    itimer(task, 4 * MS, which=1)
    machine.pass_time(NSEC_PER_SEC)
    assert pending(task) == []
    machine.burn(task, 9 * MS, kernel=True)
    assert pending(task) == []
    machine.burn(task, 1 * MS)
    assert pending(task) == [SIGPROF]
    machine.burn(task, 3 * MS)
    assert pending(task) == [SIGVTALRM, SIGPROF]
    machine.sched.current = machine.process()
    machine.pass_time(NSEC_PER_SEC)
    assert len(machine.timers) == 0


def test_itimer_errors(task: Task) -> None:
    assert itimer(task, 1000 * MS) == -EINVAL
    assert call(task, "setitimer", 3, 0, 0) == -EINVAL
    assert call(task, "getitimer", -1, OUT) == -EINVAL
    assert call(task, "getitimer", 0, 8) == -EFAULT


def test_cpu_limit_warns_every_second_and_then_kills(machine: Machine, task: Task) -> None:
    limit = put(task, RLimit(1, 3).pack())
    assert call(task, "setrlimit", RLIMIT_CPU, limit) == 0
    machine.burn(task, NSEC_PER_SEC - MS)
    assert pending(task) == []
    machine.burn(task, MS)
    assert take(task)[0] == SIGXCPU
    assert task.signal.rlim[RLIMIT_CPU] == (2, 3)
    machine.burn(task, NSEC_PER_SEC)
    assert take(task)[0] == SIGXCPU
    machine.burn(task, NSEC_PER_SEC)
    assert SIGKILL in pending(task)


# --- POSIX timers


def create(task: Task, clock: int = CLOCK_MONOTONIC, notify: int = 0, signo: int = SIGRTMIN, tid: int = 0) -> int:
    result = call(task, "timer_create", clock, put(task, Sigevent(0x1234, signo, notify, tid).pack()), OUT)
    return result or int.from_bytes(task.mm.read(OUT, 4), "little")


def settime(task: Task, timer: int, value: int, interval: int = 0, flags: int = 0) -> int:
    spec = Itimerspec(*divmod(interval, NSEC_PER_SEC), *divmod(value, NSEC_PER_SEC))
    return call(task, "timer_settime", timer, flags, put(task, spec.pack()), OUT)


def gettime(task: Task, timer: int) -> tuple[int, int]:
    assert call(task, "timer_gettime", timer, OUT) == 0
    spec = Itimerspec.unpack(task.mm.read(OUT, Itimerspec.SIZE))
    return spec.value_sec * NSEC_PER_SEC + spec.value_nsec, spec.interval_sec * NSEC_PER_SEC + spec.interval_nsec


def test_periodic_timer_counts_overruns(machine: Machine, task: Task) -> None:
    timer = create(task)
    settime(task, timer, 10 * MS, 10 * MS)
    machine.pass_time(45 * MS)
    assert take(task) == (SIGRTMIN, 3, 0x1234)
    assert call(task, "timer_getoverrun", timer) == 3
    assert gettime(task, timer) == (5 * MS, 10 * MS)
    machine.pass_time(5 * MS)
    assert take(task) == (SIGRTMIN, 0, 0x1234)
    assert call(task, "timer_getoverrun", timer) == 0


def test_settime_and_delete_have_a_pending_signal_dropped(machine: Machine, task: Task) -> None:
    timer = create(task)
    for undo in (lambda: settime(task, timer, NSEC_PER_SEC), lambda: call(task, "timer_delete", timer)):
        settime(task, timer, 10 * MS)
        machine.pass_time(20 * MS)
        assert pending(task) == [SIGRTMIN]
        assert undo() == 0
        assert pending(task) == [SIGRTMIN]
        assert take(task) == (0, 0, 0)
        assert pending(task) == []
    assert machine.sigpending_users == {}
    assert call(task, "timer_delete", timer) == -EINVAL
    assert call(task, "timer_gettime", timer, OUT) == -EINVAL


def test_ignored_periodic_timer_goes_on(machine: Machine, task: Task) -> None:
    task.sighand.action[SIGRTMIN] = SigAction(SIG_IGN)
    timer = create(task)
    settime(task, timer, 10 * MS, 10 * MS)
    machine.pass_time(34 * MS)
    assert pending(task) == []
    task.sighand.action[SIGRTMIN] = SigAction(0x400000)
    machine.pass_time(6 * MS)
    assert take(task) == (SIGRTMIN, 3, 0x1234)


def test_sigev_none_only_counts(machine: Machine, task: Task) -> None:
    timer = create(task, notify=1, signo=0)
    settime(task, timer, 10 * MS)
    assert gettime(task, timer) == (10 * MS, 0)
    machine.pass_time(11 * MS)
    assert gettime(task, timer) == (0, 0)
    settime(task, timer, 10 * MS, 4 * MS)
    machine.pass_time(12 * MS)
    assert gettime(task, timer) == (2 * MS, 4 * MS)
    assert pending(task) == []


def test_thread_id_timers_signal_that_thread(machine: Machine, task: Task) -> None:
    thread, stranger = machine.thread(task), machine.process()
    timer = create(task, notify=4, tid=thread.pid)
    settime(task, timer, MS)
    machine.pass_time(MS)
    assert thread.pending.bits
    assert not task.pending.bits
    assert create(task, notify=4, tid=stranger.pid) == -EINVAL
    assert create(task, notify=9) == -EINVAL
    assert create(task, signo=65) == -EINVAL


def test_absolute_realtime_timer_follows_the_clock(machine: Machine, task: Task) -> None:
    timer = create(task, CLOCK_REALTIME)
    start = machine.clock.realtime()
    settime(task, timer, start + NSEC_PER_SEC, flags=1)
    machine.clock.set_realtime(start - NSEC_PER_SEC)
    machine.pass_time(NSEC_PER_SEC)
    assert pending(task) == []
    machine.clock.set_realtime(start + NSEC_PER_SEC)
    machine.pass_time(0)
    assert pending(task) == [SIGRTMIN]
    assert not machine.clock.was_set


def test_timers_on_cpu_time(machine: Machine, task: Task) -> None:
    thread = machine.thread(task)
    process_timer, thread_timer = create(task, CLOCK_PROCESS_CPUTIME_ID), create(task, CLOCK_THREAD_CPUTIME_ID)
    settime(task, process_timer, 10 * MS)
    settime(task, thread_timer, 10 * MS)
    machine.burn(thread, 10 * MS)
    assert take(task)[0] == SIGRTMIN
    machine.burn(task, 9 * MS)
    assert pending(task) == []
    machine.burn(task, MS)
    assert take(task)[0] == SIGRTMIN


@pytest.mark.parametrize(("clock", "error"), [(4, EOPNOTSUPP), (5, EOPNOTSUPP), (10, EINVAL), (-5, EINVAL)])
def test_clocks_without_timers(task: Task, clock: int, error: int) -> None:
    assert create(task, clock) == -error


# --- timerfd


@pytest.fixture
def fd(machine: Machine, task: Task, monkeypatch: pytest.MonkeyPatch) -> timerfd.TimerFile:
    monkeypatch.setattr(timerfd, "anon_inode", lambda vfs, name: (None, None))
    monkeypatch.setattr(Machine, "vfs", None, raising=False)
    assert Inode
    return timerfd.timerfd_create(task, CLOCK_REALTIME, timerfd.TFD_NONBLOCK)


def test_timerfd_counts_periods(machine: Machine, task: Task, fd: timerfd.TimerFile) -> None:
    with pytest.raises(SysError) as caught:
        fd.read(task, 8)
    assert caught.value.errno == EAGAIN
    fd.settime(10 * MS, 10 * MS, 0)
    machine.pass_time(35 * MS)
    assert fd.poll(task)
    assert fd.read(task, 8) == (3).to_bytes(8, "little")
    assert fd.gettime() == (5 * MS, 10 * MS)
    fd.settime(0, 0, 0)
    assert fd.gettime() == (0, 0)
    assert len(machine.timers) == 0


def test_timerfd_blocks_and_tells_of_a_clock_that_was_set(machine: Machine, task: Task, fd: timerfd.TimerFile) -> None:
    fd.flags = 0
    fd.settime(machine.clock.realtime() + NSEC_PER_SEC, 0, 3)
    with pytest.raises(Sleep):
        fd.read(task, 8)
    machine.clock.set_realtime(machine.clock.realtime() + 5)
    with pytest.raises(SysError) as caught:
        fd.read(task, 8)
    assert caught.value.errno == ECANCELED
    machine.pass_time(NSEC_PER_SEC - 5)
    assert fd.read(task, 8) == (1).to_bytes(8, "little")
    fd.release()
    assert not machine.clock.was_set


# --- limits and usage


def test_prlimit_rules(machine: Machine, task: Task) -> None:
    other = machine.process(USER)
    assert call(task, "prlimit64", other.pid, RLIMIT_NOFILE, put(task, RLimit(10, 20).pack()), OUT) == 0
    assert RLimit.unpack(task.mm.read(OUT, 16)).rlim_max == 4096
    assert other.signal.rlim[RLIMIT_NOFILE] == (10, 20)
    put(other, RLimit(5, 30).pack())
    assert call(other, "setrlimit", RLIMIT_NOFILE, IN) == -EPERM
    put(other, RLimit(21, 20).pack())
    assert call(other, "setrlimit", RLIMIT_NOFILE, IN) == -EINVAL
    assert call(other, "prlimit64", task.pid, RLIMIT_NOFILE, 0, OUT) == -EPERM
    assert call(other, "prlimit64", 9999, RLIMIT_NOFILE, 0, OUT) == -ESRCH
    assert call(other, "getrlimit", 16, OUT) == -EINVAL
    put(task, RLimit(10, RLIM_INFINITY).pack())
    assert call(task, "setrlimit", RLIMIT_NOFILE, IN) == -EPERM


def test_getrusage(machine: Machine, task: Task) -> None:
    thread = machine.thread(task)
    task.utime, thread.utime, task.signal.cutime = 3 * NSEC_PER_SEC, 500 * MS, 7 * NSEC_PER_SEC
    thread.min_flt, task.nvcsw = 4, 5
    seen = []
    for who in (0, -1, 1):
        assert call(thread, "getrusage", who, OUT) == 0
        seen.append(struct.unpack_from("<qq", task.mm.read(OUT, 16)))
    assert seen == [(3, 500_000), (7, 0), (0, 500_000)]
    assert call(task, "getrusage", 2, OUT) == -EINVAL


# --- scheduling


def param(task: Task, priority: int) -> int:
    return put(task, priority.to_bytes(4, "little", signed=True))


def test_policies(machine: Machine, task: Task) -> None:
    assert call(task, "sched_setscheduler", 0, 2 | 0x40000000, param(task, 9)) == 0
    assert call(task, "sched_getscheduler", 0) == 2 | 0x40000000
    assert machine.sched.changed == [task]
    for policy, priority in ((1, 0), (1, 100), (1, -1), (0, 1), (4, 0), (6, 0), (-1, 0)):
        assert call(task, "sched_setscheduler", 0, policy, param(task, priority)) == -EINVAL
    assert call(task, "sched_getscheduler", -1) == -EINVAL
    assert call(task, "sched_getscheduler", 9999) == -ESRCH


def test_unprivileged_scheduling(machine: Machine, task: Task) -> None:
    user, root = machine.process(USER), task
    assert call(user, "sched_setscheduler", 0, 1, param(user, 5)) == -EPERM
    user.signal.rlim[RLIMIT_RTPRIO] = (5, 5)
    assert call(user, "sched_setscheduler", 0, 1, param(user, 6)) == -EPERM
    assert call(user, "sched_setscheduler", 0, 1, param(user, 5)) == 0
    assert call(user, "sched_setscheduler", 0, 0x40000000, param(user, 0)) == 0
    assert call(user, "sched_setscheduler", 0, 0, param(user, 0)) == -EPERM
    assert call(user, "sched_setscheduler", root.pid, 0, param(user, 0)) == -EPERM
    assert call(user, "sched_setaffinity", root.pid, 8, put(user, bytes([1, 0, 0, 0, 0, 0, 0, 0]))) == -EPERM


def test_idle_policy_is_hard_to_leave(machine: Machine) -> None:
    user = machine.process(USER)
    assert call(user, "sched_setscheduler", 0, 5, param(user, 0)) == 0
    assert call(user, "sched_setscheduler", 0, 0, param(user, 0)) == -EPERM
    user.signal.rlim[RLIMIT_NICE] = (20, 20)
    assert call(user, "sched_setscheduler", 0, 0, param(user, 0)) == 0


def test_sched_attr_versions(machine: Machine, task: Task) -> None:
    attr = SchedAttr(size=56, policy=0, nice=5).pack()
    assert call(task, "sched_setattr", 0, put(task, attr), 0) == 0
    assert task.se.nice == 5
    assert call(task, "sched_getattr", 0, OUT, 48, 0) == 0
    assert int.from_bytes(task.mm.read(OUT, 4), "little") == 48
    for size, tail, error in ((47, b"", E2BIG), (60, b"\1\0\0\0", E2BIG), (60, bytes(4), 0), (0, b"", 0)):
        put(task, size.to_bytes(4, "little") + attr[4:] + tail)
        assert call(task, "sched_setattr", 0, IN, 0) == -error
    assert int.from_bytes(task.mm.read(IN, 4), "little") == 0
    assert call(task, "sched_setattr", 0, 0, 0) == -EINVAL
    assert call(task, "sched_getattr", 0, OUT, 47, 0) == -EINVAL


def test_nice_values(machine: Machine, task: Task) -> None:
    user = machine.process(USER)
    assert call(user, "setpriority", 0, 0, 7) == 0
    assert call(user, "getpriority", 0, 0) == 13
    assert call(user, "setpriority", 0, 0, 3) == -EACCES
    assert call(user, "setpriority", 0, task.pid, 3) == -EPERM
    assert call(task, "setpriority", 2, 1000, -50) == 0
    assert call(task, "getpriority", 2, 1000) == 40
    assert call(task, "getpriority", 1, task.pid) == 20
    assert call(task, "getpriority", 1, 9999) == -ESRCH
    assert call(task, "getpriority", 3, 0) == -EINVAL


def test_affinity_has_one_cpu(task: Task) -> None:
    assert call(task, "sched_getaffinity", 0, 128, OUT) == 8
    assert task.mm.read(OUT, 8) == b"\1" + bytes(7)
    assert call(task, "sched_getaffinity", 0, 12, OUT) == -EINVAL
    assert call(task, "sched_setaffinity", 0, 8, put(task, b"\3" + bytes(7))) == 0
    assert task.se.cpus_mask == 1
    assert call(task, "sched_setaffinity", 0, 8, put(task, b"\2" + bytes(7))) == -EINVAL


def test_io_priorities(machine: Machine) -> None:
    user = machine.process(USER)
    assert call(user, "ioprio_get", 1, 0) == 0
    assert call(user, "ioprio_set", 1, 0, 2 << 13 | 3) == 0
    assert call(user, "ioprio_get", 1, user.pid) == 2 << 13 | 3
    assert call(user, "ioprio_set", 1, 0, 1 << 13) == -EPERM
    assert call(user, "ioprio_set", 1, 0, 4 << 13) == -EINVAL
    assert call(user, "ioprio_get", 0, 0) == -EINVAL


# --- prctl and its like


def test_names_and_flags(task: Task) -> None:
    put(task, b"abcdefghijklmnopqrst\0")
    assert call(task, "prctl", 15, IN) == 0
    assert task.comm == b"abcdefghijklmno"
    assert call(task, "prctl", 16, OUT) == 0
    assert task.mm.read(OUT, 16) == b"abcdefghijklmno\0"
    assert call(task, "prctl", 38, 1, 0, 0, 1) == -EINVAL
    assert call(task, "prctl", 38, 1) == 0
    assert call(task, "prctl", 39) == 1
    assert call(task, "prctl", 1, 65) == -EINVAL
    assert call(task, "prctl", 29, 5) == 0
    assert call(task, "prctl", 30) == 5
    assert call(task, "prctl", 999) == -EINVAL


def test_subreaper_marks_descendants(machine: Machine, task: Task) -> None:
    child, grandchild = machine.process(), machine.process()
    task.children[child] = child.children[grandchild] = None
    assert call(task, "prctl", 36, 1) == 0
    assert grandchild.signal.has_child_subreaper
    assert call(task, "prctl", 37, OUT) == 0
    assert task.mm.read_u32(OUT) == 1


def test_capability_operations(task: Task) -> None:
    assert call(task, "prctl", 47, 2, 3) == -EPERM
    task.cred = task.cred._replace(cap_inheritable=1 << 3)
    assert call(task, "prctl", 47, 2, 3) == 0
    assert call(task, "prctl", 47, 1, 3) == 1
    assert call(task, "prctl", 47, 4) == 0
    assert call(task, "prctl", 47, 1, 3) == 0
    assert call(task, "prctl", 24, 5) == 0
    assert call(task, "prctl", 23, 5) == 0
    assert call(task, "prctl", 28, 0x21) == 0
    assert call(task, "prctl", 8, 1) == -EPERM
    assert call(task, "prctl", 28, 0x01) == -EPERM


def test_segment_bases(task: Task) -> None:
    assert call(task, "arch_prctl", 0x1002, 0x1234) == 0
    assert task.regs.fs_base == 0x1234
    assert call(task, "arch_prctl", 0x1003, OUT) == 0
    assert task.mm.read_u64(OUT) == 0x1234
    assert call(task, "arch_prctl", 0x1002, 0x7FFF_FFFF_F000) == -EPERM
    assert call(task, "arch_prctl", 0x3001, OUT) == -EINVAL


def test_rseq_registration_and_abort(task: Task) -> None:
    area, section, abort = BASE + 0x1000, BASE + 0x2000, BASE + 0x3000
    assert call(task, "rseq", area, 32, 0, 0x53053053) == 0
    assert call(task, "rseq", area, 32, 0, 0x53053053) == -EBUSY
    assert call(task, "rseq", area, 32, 0, 1) == -EPERM
    assert call(task, "rseq", area + 32, 32, 0, 1) == -EINVAL
    task.mm.write(section, struct.pack("<IIQQQ", 0, 0, 0x401000, 0x10, abort))
    task.mm.write(abort - 4, struct.pack("<I", 0x53053053))
    from forkernel.kernel.rseq import rseq_preempt

    for rip, after in ((0x401000, abort), (0x40100F, abort), (0x401010, 0x401010), (0x400FFF, 0x400FFF)):
        task.mm.write_u64(area + 8, section)
        task.regs.rip = rip
        rseq_preempt(task)
        assert task.regs.rip == after
        assert task.mm.read_u64(area + 8) == 0
    task.mm.write_u32(abort - 4, 7)
    task.mm.write_u64(area + 8, section)
    rseq_preempt(task)
    assert task.pending.bits >> SIGSEGV - 1 & 1
    assert call(task, "rseq", area, 32, 1, 0x53053053) == 0
    assert task.mm.read_u32(area + 4) == 0xFFFFFFFF


# --- the machine


def test_getrandom(task: Task) -> None:
    assert call(task, "getrandom", OUT, 16, 0) == 16
    assert task.mm.read(OUT, 16) != bytes(16)
    assert call(task, "getrandom", OUT, 16, 8) == -EINVAL
    assert call(task, "getrandom", OUT, 16, 6) == -EINVAL
    assert call(task, "getrandom", 8, 1, 0) == -EFAULT
    assert call(task, "getrandom", 8, 0, 0) == 0


def test_host_names(task: Task) -> None:
    put(task, b"somewhere")
    assert call(task, "sethostname", IN, 4) == 0
    assert call(task, "uname", OUT) == 0
    assert task.mm.read(OUT + 65, 6) == b"some\0\0"
    assert call(task, "sethostname", IN, 65) == -EINVAL
    task.cred = USER
    assert call(task, "sethostname", IN, 4) == -EPERM


def test_empty_kernel_log(machine: Machine, task: Task) -> None:
    assert call(task, "syslog", 3, OUT, 100) == 0
    assert call(task, "syslog", 99, OUT, 100) == -EINVAL
    call(task, "syslog", 2, OUT, 100)
    assert machine.asleep(task)
    user = machine.process(USER)
    assert call(user, "syslog", 3, OUT, 100) == -EPERM
