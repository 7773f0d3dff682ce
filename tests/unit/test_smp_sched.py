"""Several CPUs: local clocks, placement, affinity, balancing, real time on each, time accounted to the right CPU."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forkernel.errors import UserError
from forkernel.hw.scripted import Add, Jump, Load, Set, Store, work
from forkernel.kernel.hrtimer import Timer
from forkernel.kernel.sched import SCHED_FIFO, SCHED_NORMAL, SCHED_RR, SLICE_NS, weight_of
from forkernel.kernel.smp import Smp
from forkernel.kernel.smp_entry import SYNC_NS, WINDOW_NS
from forkernel.kernel.task import PF_IDLE
from invariants import CheckedSmpEntry
from scripted_machine import DATA, RESULTS, Machine, call, exit_, fork, script, work_for

MS = 1_000_000
SPIN = script("spin", *work(1 << 40), Jump("spin"))
SHORT = script(*work_for(4 * MS), exit_(0), number=1)
SLEEPER = script(
    Store(DATA + 8, MS),
    "again", call("nanosleep", DATA, 0), *work_for(MS // 10), Load("rbx", RESULTS), Add("rbx", 1),
    Store(RESULTS, "rbx"), Jump("again"), number=2,
)  # fmt: skip
GETPPID = script("again", call("getppid"), Jump("again"), number=3)
FORKER = script(
    "again", fork(), Jump("child", "rax", 0), call("wait4", -1, 0, 0, 0), Jump("again"), "child",
    *work_for(MS // 20), exit_(0), number=4,
)  # fmt: skip
PING = script(
    call("pipe2", DATA, 0), call("pipe2", DATA + 8, 0), fork(), Jump("child", "rax", 0),
    "again", call("write", 1, DATA, 1), call("read", 2, DATA, 1), Jump("again"),
    "child", call("read", 0, DATA, 1), call("write", 3, DATA, 1), Jump("child"), number=5,
)  # fmt: skip
WANDERER = script(
    "again",
    Store(DATA, 1), call("sched_setaffinity", 0, 8, DATA), *work_for(MS // 3),
    Store(DATA, 2), call("sched_setaffinity", 0, 8, DATA), *work_for(MS // 3),
    Store(DATA, 7), call("sched_setaffinity", 0, 8, DATA), call("sched_yield"), Jump("again"), number=6,
)  # fmt: skip
SCRIPTS = {
    "spin": SPIN, "short": SHORT, "sleeper": SLEEPER, "calls": GETPPID, "forker": FORKER, "ping": PING,
    "wanderer": WANDERER,
}  # fmt: skip


@pytest.fixture
def machine(tmp_path):
    """Makes a machine with so many CPUs, which checks itself after every trap."""

    def make(cpus):
        return checked_machine(tmp_path, cpus)

    return make


def checked_machine(path, cpus):
    m = Machine(path, SCRIPTS, cpus=cpus)
    m.system.entry.__class__ = CheckedSmpEntry
    m.system.entry.budget = 0.3
    return m


def start(m, name, policy=SCHED_NORMAL, nice=0, priority=0, mask=0):
    """A task with its place in the scheduler set before it first runs."""
    task = m.start(name)
    task.se.policy, task.se.nice, task.se.rt_priority = policy, nice, priority
    m.system.sched.set_params(task)
    if mask:
        m.system.sched.set_cpus_allowed(task, mask)
    return task


def runtimes(*tasks):
    return [task.se.sum_exec_runtime for task in tasks]


def gained(m, span, *tasks):
    """What each ran in the time."""
    before = runtimes(*tasks)
    m.run(span)
    return [now - then for now, then in zip(runtimes(*tasks), before, strict=True)]


# --- the machine


def test_each_cpu_has_an_idle_task(machine):
    smp = machine(4).system.smp
    assert [rq.idle.comm for rq in smp.rqs] == [b"swapper/0", b"swapper/1", b"swapper/2", b"swapper/3"]
    assert all(rq.idle.pid == 0 and rq.idle.flags & PF_IDLE for rq in smp.rqs)
    assert len({id(rq.idle) for rq in smp.rqs}) == 4


def test_one_cpu_has_none_of_it(tmp_path):
    m = Machine(tmp_path, SCRIPTS)
    assert m.system.smp is None
    assert len(m.system.run_queues) == 1


def test_so_many_cpus_cannot_be():
    from forkernel import Kernel

    for wrong in (0, 65):
        with pytest.raises(UserError, match="cpus"):
            Kernel(cpus=wrong)


# --- side by side


def test_two_tasks_on_two_cpus_run_all_the_time(machine):
    m = machine(2)
    tasks = [start(m, "spin"), start(m, "spin")]
    assert min(gained(m, 50 * MS, *tasks)) > 49 * MS
    assert [task.se.nr_migrations for task in tasks] == [0, 0]


def test_four_on_two_get_a_half_each(machine):
    m = machine(2)
    tasks = [start(m, "spin") for _ in range(4)]
    assert all(abs(time - 60 * MS) <= 2 * SLICE_NS for time in gained(m, 120 * MS, *tasks))


def test_three_on_two_get_two_thirds_each(machine):
    """Balancing moves one although the difference is less than a task, or one would have a CPU for itself for ever."""
    m = machine(2)
    tasks = [start(m, "spin") for _ in range(3)]
    times = gained(m, 900 * MS, *tasks)
    assert all(abs(time - 600 * MS) < 90 * MS for time in times), times
    assert sum(task.se.nr_migrations for task in tasks) > 5


def test_the_clocks_of_busy_cpus_stay_together(machine, monkeypatch):
    m = machine(3)
    for name in ("spin", "calls", "spin", "sleeper", "forker"):
        start(m, name)
    play, worst = Smp.play, []

    def watched(smp, rq):
        busy = [other.clock for other in smp.rqs if not other.is_idle and other is not smp.system.sched]
        worst.append(smp.local_time() - min([*busy, smp.local_time()]))
        play(smp, rq)

    monkeypatch.setattr(Smp, "play", watched)
    m.run(30 * MS)
    assert len(worst) > 300
    assert max(worst) <= WINDOW_NS + SYNC_NS


def test_the_clock_never_tells_less_than_before(machine):
    m = machine(4)
    for name in ("calls", "calls", "spin", "sleeper"):
        start(m, name)
    clock = m.system.clock
    told, local = [], []
    for _ in range(300):
        m.run(MS // 50)
        told.append(clock.monotonic())
        local.append(clock.now)
    assert told == sorted(told)
    assert all(one >= other for one, other in zip(told, local, strict=True))


# --- placement


def test_a_new_task_goes_where_nothing_runs(machine):
    m = machine(4)
    tasks = [start(m, "spin") for _ in range(4)]
    m.run(5 * MS)
    assert sorted(task.se.cpu for task in tasks) == [0, 1, 2, 3]


def test_a_sleeper_wakes_where_it_was(machine):
    m = machine(4)
    sleeper = start(m, "sleeper")
    m.run(50 * MS)
    assert sleeper.nvcsw > 30
    assert sleeper.se.nr_migrations == 0


def test_a_sleeper_whose_cpu_is_taken_wakes_on_an_idle_one(machine):
    m = machine(2)
    sleeper = start(m, "sleeper", mask=1)
    m.run(3 * MS)
    spinner = start(m, "spin", mask=1)
    m.run(3 * MS)
    m.system.sched.set_cpus_allowed(sleeper, 3)
    m.run(10 * MS)
    assert (spinner.se.cpu, sleeper.se.cpu) == (0, 1)
    assert sleeper.se.nr_migrations == 1


def test_a_cpu_that_runs_out_of_tasks_takes_a_waiting_one(machine):
    m = machine(2)
    tasks = [start(m, "short"), start(m, "spin"), start(m, "spin")]
    m.run(30 * MS)
    assert m.status(tasks[0]) == 0
    assert {tasks[1].se.cpu, tasks[2].se.cpu} == {0, 1}
    assert min(gained(m, 20 * MS, *tasks[1:])) > 19 * MS


def test_the_load_counts_weights(machine):
    """A task of nice 0 has a CPU for itself rather than that each shares one with a nice 19 task."""
    m = machine(2)
    heavy, light = start(m, "spin", nice=-5), [start(m, "spin", nice=10) for _ in range(3)]
    m.run(60 * MS)
    time = gained(m, 100 * MS, heavy)[0]
    assert time > 90 * MS
    assert sum(weight_of(task) for task in light) < weight_of(heavy)


# --- affinity


def test_a_task_stays_where_it_may_run(machine):
    m = machine(4)
    tasks = [start(m, "spin", mask=4) for _ in range(3)]
    times = gained(m, 60 * MS, *tasks)
    assert all(task.se.cpu == 2 for task in tasks)
    assert all(abs(time - 20 * MS) <= 2 * SLICE_NS for time in times)
    assert [rq.is_idle for rq in m.system.smp.rqs] == [True, True, False, True]


@pytest.mark.parametrize("others", [0, 1, 3])
def test_affinity_moves_a_task_at_once(machine, others):
    """Whether it runs, waits on a queue or sleeps."""
    m = machine(2)
    spinner, sleeper = start(m, "spin", mask=1), start(m, "sleeper", mask=1)
    crowd = [start(m, "spin", mask=1) for _ in range(others)]
    m.run(20 * MS)
    before = [spinner.se.nr_migrations, sleeper.se.nr_migrations]
    for task in (spinner, sleeper):
        m.system.sched.set_cpus_allowed(task, 2)
    assert spinner.se.cpu == 1 or spinner is m.system.sched.current
    m.run(20 * MS)
    assert spinner.se.cpu == sleeper.se.cpu == 1
    assert [spinner.se.nr_migrations, sleeper.se.nr_migrations] == [before[0] + 1, before[1] + 1]
    assert all(task.se.cpu == 0 for task in crowd)


def test_a_task_that_may_run_elsewhere_again_leaves_the_crowd(machine):
    m = machine(2)
    tasks = [start(m, "spin", mask=1), start(m, "spin", mask=1)]
    m.run(20 * MS)
    m.system.sched.set_cpus_allowed(tasks[0], 3)
    assert min(gained(m, 50 * MS, *tasks)) > 45 * MS


def test_a_task_that_moves_itself(machine):
    m = machine(3)
    wanderer = start(m, "wanderer")
    m.run(20 * MS)
    assert wanderer.se.nr_migrations > 15


# --- time


def test_the_time_of_each_cpu_is_all_there(machine):
    m = machine(3)
    for name in ("spin", "sleeper", "calls"):
        start(m, name, mask=1 if name == "spin" else 2)
    before, then = m.system.cpu_times(), m.system.clock.now
    m.run(40 * MS)
    passed = m.system.clock.now - then
    for cpu, (old, new) in enumerate(zip(before, m.system.cpu_times(), strict=True)):
        user, nice, kernel, idle = (b - a for a, b in zip(old, new, strict=True))
        assert abs(user + nice + kernel + idle - passed) < MS // 5, cpu
        assert (idle > 39 * MS) == (cpu == 2)


def test_the_load_average_counts_all_cpus(machine):
    m = machine(4)
    for _ in range(3):
        start(m, "spin")
    m.system._next_load = m.system.clock.now + 20 * MS  # 5 s otherwise
    m.run(21 * MS)
    one, two = (m.system.load[0], (3 << 11) * (2048 - 1884) >> 11)
    assert abs(one - two) <= 8


# --- real time


@pytest.mark.parametrize("policy", [SCHED_FIFO, SCHED_RR])
def test_real_time_tasks_have_a_cpu_each(machine, policy):
    m = machine(2)
    fair = start(m, "spin")
    rt = [start(m, "spin", policy, priority=5), start(m, "spin", policy, priority=5)]
    m.run(MS)
    times = gained(m, 50 * MS, fair, *rt)
    assert times[0] == 0
    assert min(times[1:]) > 49 * MS


def test_the_lowest_priority_waits(machine):
    m = machine(2)
    tasks = [start(m, "spin", SCHED_FIFO, priority=priority) for priority in (3, 2, 1)]
    m.run(MS)
    times = gained(m, 50 * MS, *tasks)
    assert min(times[:2]) > 49 * MS
    assert times[2] == 0


def test_a_real_time_task_that_is_preempted_goes_where_it_may_run(machine):
    """One pinned to its CPU comes with a higher priority: it is pushed to the other, and the fair task there waits."""
    m = machine(2)
    low = start(m, "spin", SCHED_FIFO, priority=1)
    fair = start(m, "spin")
    m.run(5 * MS)
    here = low.se.cpu
    high = start(m, "spin", SCHED_FIFO, priority=9, mask=1 << here)
    m.run(MS)
    times = gained(m, 30 * MS, low, high, fair)
    assert low.se.cpu == 1 - here
    assert min(times[:2]) > 29 * MS
    assert times[2] == 0


# --- everything together


class Stops(Timer):
    """Ends the run when all times are over; with `each`, also after each of them."""

    def __init__(self, m, spans, each):
        super().__init__()
        self.system, self.spans, self.each = m.system, list(spans), each
        self.fire()

    def fire(self):
        if not self.spans or (self.each and self.queued is False and self.expires <= self.system.clock.now):
            self.system.entry.stop("time")
        if self.spans:
            self.system.timers.start(self, self.system.clock.now + self.spans.pop(0))


names = st.lists(st.sampled_from(sorted(SCRIPTS)), min_size=1, max_size=6)


@settings(max_examples=12, deadline=None)
@given(cpus=st.integers(2, 5), programs=names, spans=st.lists(st.integers(1, 2 * MS), min_size=2, max_size=4))
def test_a_stop_leaves_no_mark(tmp_path_factory, cpus, programs, spans):
    """A run that is stopped and goes on is the same in the end. Invariants are checked after every trap."""
    path = tmp_path_factory.mktemp("root")
    ends = []
    for each in (False, True):
        m = checked_machine(path, cpus)
        tasks = [start(m, name) for name in programs]
        stops = Stops(m, spans, each)
        while stops.spans or stops.queued:
            m.run()
        ends.append([
            [(task.pid, task.se.cpu, task.utime, task.stime, task.nvcsw, task.nivcsw, task.se.nr_migrations,
              task.se.vruntime) for task in m.system.all_tasks()],
            m.system.cpu_times(), m.system.clock.now, [rq.nr_switches for rq in m.system.run_queues],
            [m.status(task) for task in tasks],
        ])  # fmt: skip
    assert ends[0] == ends[1]


def test_the_scheduler_is_picklable_with_tasks_on_every_cpu(machine):
    m = machine(3)
    for name in ("spin", "spin", "sleeper", "forker", "calls"):
        start(m, name)
    m.run(7 * MS)
    rqs = pickle.loads(pickle.dumps(m.system.smp.rqs[1].queued()))
    assert len(rqs) == m.system.smp.rqs[1].nr_running


def test_setting_a_register_is_not_lost_when_the_emulator_turns(tmp_path):
    """Two tasks count in a register of their own."""
    count = script(Set("rbx", 0), "again", Add("rbx", 1), Store(RESULTS, "rbx"), Jump("again"))
    m = Machine(tmp_path, {"count": count}, cpus=2)
    tasks = [m.start("count"), m.start("count")]
    m.run(MS)
    first, second = (task.mm.read_u64(RESULTS) for task in tasks)
    assert first == pytest.approx(second, rel=0.1)
    assert first > 1000
