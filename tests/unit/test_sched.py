"""The scheduler: shares by nice value, real-time before fair before idle, wake-ups, and nobody starves."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forkernel.hw.scripted import Add, Jump, Load, Set, Store, work
from forkernel.kernel.sched import (
    IDLE_SLICE_NS,
    RR_SLICE_NS,
    SCHED_BATCH,
    SCHED_FIFO,
    SCHED_IDLE,
    SCHED_NORMAL,
    SCHED_RR,
    SLICE_NS,
    WEIGHTS,
)
from scripted_machine import DATA, RESULTS, Machine, call, exit_, fork, script, work_for

MS = 1_000_000
SPIN = script("spin", *work(1 << 40), Jump("spin"))


def machine(path, **programs):
    return Machine(path, programs)


def start(m, name, policy=SCHED_NORMAL, nice=0, priority=0):
    """A task with its place in the scheduler set before it first runs."""
    task = m.start(name)
    task.se.policy, task.se.nice, task.se.rt_priority = policy, nice, priority
    m.system.sched.set_params(task)
    return task


def runtimes(*tasks):
    return [task.se.sum_exec_runtime for task in tasks]


# --- the fair class


@settings(max_examples=15, deadline=None)
@given(nices=st.lists(st.integers(-10, 15), min_size=2, max_size=4))
def test_shares_are_the_weights(tmp_path_factory, nices):
    m = machine(tmp_path_factory.mktemp("root"), spin=SPIN)
    tasks = [start(m, "spin", nice=nice) for nice in nices]
    weights = [WEIGHTS[nice + 20] for nice in nices]
    duration = 50 * SLICE_NS * sum(weights) // min(weights)
    m.run(duration)
    total = sum(runtimes(*tasks))
    for task, weight in zip(tasks, weights, strict=True):
        share = total * weight / sum(weights)
        assert abs(task.se.sum_exec_runtime - share) <= 0.1 * share + 3 * SLICE_NS


def test_one_step_of_nice_is_about_a_tenth():
    for first, second in pairwise(WEIGHTS):
        assert first / second == pytest.approx(1.25, rel=0.08)


def test_a_new_task_does_not_catch_up(tmp_path):
    """One that comes late gets its share from then on, not what it missed."""
    m = machine(tmp_path, spin=SPIN)
    old = start(m, "spin")
    m.run(300 * MS)
    before = old.se.sum_exec_runtime
    new = start(m, "spin")
    m.run(60 * MS)
    assert abs(old.se.sum_exec_runtime - before - new.se.sum_exec_runtime) < 4 * SLICE_NS


def test_a_sleeper_does_not_catch_up(tmp_path):
    """After a long sleep it is served soon, and then only gets its half."""
    m = machine(tmp_path, spin=SPIN, sleeper=script(
        Store(DATA, 0), Store(DATA + 8, 200 * MS), call("nanosleep", DATA, 0), *work(1 << 40), number=1,
    ))  # fmt: skip
    spinner, sleeper = start(m, "spin"), start(m, "sleeper")
    m.run(200 * MS + 50_000)
    before = runtimes(spinner, sleeper)
    m.run(60 * MS)
    gained = [now - then for now, then in zip(runtimes(spinner, sleeper), before, strict=True)]
    assert abs(gained[0] - gained[1]) < 4 * SLICE_NS


def test_a_sleeper_is_served_soon_after_it_wakes(tmp_path):
    """A task that sleeps most of the time does not wait for the slices of those that spin."""
    m = machine(tmp_path, spin=SPIN, sleeper=script(
        Store(DATA + 8, 5 * MS),
        "again", call("nanosleep", DATA, 0), Load("rbx", RESULTS), Add("rbx", 1), Store(RESULTS, "rbx"),
        Jump("again"), number=1,
    ))  # fmt: skip
    for _ in range(4):
        start(m, "spin")
    sleeper = start(m, "sleeper")
    m.run(200 * MS)
    assert sleeper.mm.read_u64(RESULTS) >= 25  # of 40 at best


def test_yield_lets_all_others_run(tmp_path):
    m = machine(tmp_path, spin=SPIN, yielder=script("again", call("sched_yield"), Jump("again"), number=1))
    spinner, yielder = start(m, "spin"), start(m, "yielder")
    m.run(100 * MS)
    assert spinner.se.sum_exec_runtime > 90 * MS
    assert yielder.nvcsw + yielder.nivcsw > 10


def test_renice_takes_effect_while_running(tmp_path):
    m = machine(tmp_path, spin=SPIN, renicer=script(call("setpriority", 0, 0, 10), *work(1 << 40), number=1))
    spinner, niced = start(m, "spin"), start(m, "renicer")
    m.run(300 * MS)
    assert niced.se.nice == 10
    assert niced.se.sum_exec_runtime < spinner.se.sum_exec_runtime / 5


# --- nobody starves

GETPPID = script("again", call("getppid"), Jump("again"), number=2)
PING = script(
    call("pipe2", DATA, 0), call("pipe2", DATA + 8, 0), fork(), Jump("child", "rax", 0),
    "again", call("write", 1, DATA, 1), call("read", 2, DATA, 1), Jump("again"),
    "child", call("read", 0, DATA, 1), call("write", 3, DATA, 1), Jump("child"), number=3,
)  # fmt: skip
FORKER = script(
    "again", fork(), Jump("child", "rax", 0), call("wait4", -1, 0, 0, 0), Jump("again"), "child", exit_(0), number=4
)


@pytest.mark.parametrize("busy", ["calls", "ping", "forker"])
def test_a_task_beside_one_that_makes_short_calls(tmp_path, busy):
    """Each call's grant of the CPU once prolonged the slice, for ever."""
    m = machine(tmp_path, spin=SPIN, calls=GETPPID, ping=PING, forker=FORKER)
    start(m, busy)
    m.run(4 * MS)
    spinner = start(m, "spin")
    m.run(20 * MS)
    assert spinner.se.sum_exec_runtime > 5 * MS


def test_many_that_make_short_calls_share(tmp_path):
    m = machine(tmp_path, calls=GETPPID)
    tasks = [start(m, "calls") for _ in range(4)]
    m.run(12 * SLICE_NS)
    assert max(runtimes(*tasks)) - min(runtimes(*tasks)) <= 2 * SLICE_NS


def test_a_timer_fires_beside_short_calls(tmp_path):
    m = machine(tmp_path, calls=GETPPID, sleeper=script(
        Store(DATA + 8, 5 * MS), call("nanosleep", DATA, 0), exit_(0), number=1,
    ))  # fmt: skip
    start(m, "calls")
    sleeper = start(m, "sleeper")
    m.run(20 * MS)
    assert m.status(sleeper) == 0


def test_a_task_that_joins_a_lone_spinner_gets_its_turn(tmp_path):
    """The CPU stops counting blocks for a lone spinner; a task that comes later still gets its turn."""
    m = machine(tmp_path, spin=SPIN)
    first = start(m, "spin")
    m.run(100 * MS)
    second = start(m, "spin")
    before = first.se.sum_exec_runtime
    m.run(50 * MS)
    assert abs(first.se.sum_exec_runtime - before - second.se.sum_exec_runtime) < 4 * SLICE_NS


# --- real time


@pytest.mark.parametrize("policy", [SCHED_FIFO, SCHED_RR])
def test_real_time_runs_alone(tmp_path, policy):
    m = machine(tmp_path, spin=SPIN)
    fair, rt = start(m, "spin", nice=-20), start(m, "spin", policy, priority=1)
    m.run(500 * MS)
    assert fair.se.sum_exec_runtime == 0
    assert rt.se.sum_exec_runtime > 490 * MS


def test_the_higher_priority_runs_alone(tmp_path):
    m = machine(tmp_path, spin=SPIN)
    low, high = start(m, "spin", SCHED_FIFO, priority=10), start(m, "spin", SCHED_RR, priority=11)
    m.run(300 * MS)
    assert low.se.sum_exec_runtime == 0
    assert high.se.sum_exec_runtime > 290 * MS


def test_fifo_runs_until_it_sleeps_and_rr_takes_turns(tmp_path):
    m = machine(tmp_path, spin=SPIN)
    first, second = start(m, "spin", SCHED_FIFO, priority=5), start(m, "spin", SCHED_FIFO, priority=5)
    m.run(5 * RR_SLICE_NS)
    assert second.se.sum_exec_runtime == 0
    assert first.se.sum_exec_runtime > 4 * RR_SLICE_NS


def test_rr_takes_turns(tmp_path):
    m = machine(tmp_path, spin=SPIN)
    tasks = [start(m, "spin", SCHED_RR, priority=5) for _ in range(3)]
    m.run(9 * RR_SLICE_NS)
    assert max(runtimes(*tasks)) - min(runtimes(*tasks)) <= RR_SLICE_NS + MS
    assert sum(task.nivcsw for task in tasks) in (8, 9)


def test_a_preempted_real_time_task_goes_on_before_its_equals(tmp_path):
    """Two of priority 5; one of priority 9 sleeps and wakes: it takes the CPU at once and gives it back."""
    m = machine(tmp_path, spin=SPIN, sleeper=script(
        Store(DATA + 8, 7 * MS), "again", call("nanosleep", DATA, 0), *work_for(200_000), Jump("again"), number=1,
    ))  # fmt: skip
    high = start(m, "sleeper", SCHED_FIFO, priority=9)
    first, second = start(m, "spin", SCHED_FIFO, priority=5), start(m, "spin", SCHED_FIFO, priority=5)
    m.run(100 * MS)
    assert high.nvcsw > 10
    assert first.se.sum_exec_runtime > 90 * MS
    assert second.se.sum_exec_runtime == 0


def test_a_real_time_task_that_wakes_takes_the_cpu_at_once(tmp_path):
    """From one nanosleep to the next it is late by no slice of the spinners."""
    m = machine(tmp_path, spin=SPIN, sleeper=script(
        Store(DATA + 8, MS), Set("rbx", 20),
        "again", call("nanosleep", DATA, 0), Add("rbx", -1), Jump("end", "rbx", 0), Jump("again"), "end", exit_(0),
        number=1,
    ))  # fmt: skip
    for _ in range(3):
        start(m, "spin", nice=-20)
    sleeper = start(m, "sleeper", SCHED_FIFO, priority=1)
    m.run(22 * MS)
    assert m.status(sleeper) == 0


def test_priorities_run_in_order(tmp_path):
    """Each notes when it ends: by priority, the real-time ones first."""
    ends = []

    class Sink:
        def sched_process_exit(self, task, *rest):
            ends.append(task.pid)

    m = machine(tmp_path, job=script(*work_for(10 * MS), exit_(0)))
    m.system.trace.attach(Sink())
    idle = start(m, "job", SCHED_IDLE)
    fair = start(m, "job")
    low, middle, high = (start(m, "job", SCHED_FIFO, priority=number) for number in (1, 50, 99))
    m.run()
    assert ends == [task.pid for task in (high, middle, low, fair, idle)]


def test_one_that_leaves_the_real_time_class_has_no_claim_to_the_time_it_missed(tmp_path):
    """Fair tasks had the CPU while it slept; afterwards it shares with them."""
    m = machine(tmp_path, spin=SPIN, former=script(
        Store(DATA + 8, 300 * MS), call("nanosleep", DATA, 0), Store(DATA + 16, 0),
        call("sched_setscheduler", 0, SCHED_NORMAL, DATA + 16), *work(1 << 40), number=1,
    ))  # fmt: skip
    spinner, former = start(m, "spin"), start(m, "former", SCHED_FIFO, priority=1)
    m.run(301 * MS)
    assert former.se.policy == SCHED_NORMAL
    before = spinner.se.sum_exec_runtime
    m.run(60 * MS)
    assert spinner.se.sum_exec_runtime - before > 20 * MS


# --- batch and idle


def test_idle_gets_next_to_nothing_but_not_nothing(tmp_path):
    m = machine(tmp_path, spin=SPIN)
    fair, idle = start(m, "spin"), start(m, "spin", SCHED_IDLE)
    m.run(3000 * MS)
    assert 0 < idle.se.sum_exec_runtime < 0.02 * fair.se.sum_exec_runtime
    assert idle.se.sum_exec_runtime < (idle.nivcsw + 1) * 2 * IDLE_SLICE_NS, "it never held the CPU for long"


def test_idle_has_the_cpu_to_itself_when_it_is_alone(tmp_path):
    m = machine(tmp_path, job=script(*work_for(2 * MS), exit_(0)))
    idle = start(m, "job", SCHED_IDLE)
    assert m.run() == "idle"
    assert m.status(idle) == 0


def test_batch_has_a_fair_share(tmp_path):
    m = machine(tmp_path, spin=SPIN)
    tasks = [start(m, "spin", SCHED_BATCH), start(m, "spin")]
    m.run(100 * MS)
    assert abs(tasks[0].se.sum_exec_runtime - tasks[1].se.sum_exec_runtime) < 3 * SLICE_NS


# --- wake-ups


def test_a_waker_and_a_sleeper_alternate(tmp_path):
    """Two processes with two pipes: each round is two switches."""
    m = machine(tmp_path, ping=PING)
    start(m, "ping")
    m.run(6 * MS)
    first, second = [task for task in m.system.all_tasks() if task.comm == b"ping"]
    assert first.nvcsw > 300
    assert abs(first.nvcsw + first.nivcsw - second.nvcsw - second.nivcsw) < 3


def test_switches_are_counted_as_voluntary_or_not(tmp_path):
    m = machine(tmp_path, spin=SPIN, sleeper=script(
        Store(DATA + 8, MS), "again", call("nanosleep", DATA, 0), Jump("again"), number=1,
    ))  # fmt: skip
    spinner, sleeper = start(m, "spin"), start(m, "sleeper")
    m.run(50 * MS)
    assert spinner.nvcsw == 0
    assert spinner.nivcsw > 5
    assert sleeper.nvcsw > 5


def test_time_is_the_sum_of_all_tasks(tmp_path):
    """Nothing of the clock is lost or counted twice while nobody sleeps."""
    m = machine(tmp_path, spin=SPIN, calls=GETPPID)
    tasks = [start(m, "spin"), start(m, "calls"), start(m, "spin", nice=5)]
    before = m.system.clock.now
    m.run(30 * MS)
    [(user, nice, kernel, idle)] = m.system.cpu_times()
    passed = m.system.clock.now - before
    assert idle == 0
    assert abs(sum(runtimes(*tasks)) - passed) < MS
    assert abs(user + nice + kernel - passed) < MS
    assert nice > 0
