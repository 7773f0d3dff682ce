"""Futexes on a machine without a CPU."""

from __future__ import annotations

import pickle

import pytest
from time_fakes import BASE, Machine, Memory

from forkernel.abi.errno import (
    EAGAIN,
    EFAULT,
    EINVAL,
    ENOSYS,
    EPERM,
    ERESTART_RESTARTBLOCK,
    ERESTARTSYS,
    ETIMEDOUT,
)
from forkernel.abi.futex import (
    FUTEX_CLOCK_REALTIME,
    FUTEX_CMP_REQUEUE,
    FUTEX_PRIVATE_FLAG,
    FUTEX_REQUEUE,
    FUTEX_WAIT,
    FUTEX_WAIT_BITSET,
    FUTEX_WAKE,
    FUTEX_WAKE_BITSET,
    FUTEX_WAKE_OP,
)
from forkernel.abi.signal import SIGUSR1, SigAction
from forkernel.abi.time import Timespec
from forkernel.kernel.clock import NSEC_PER_SEC
from forkernel.kernel.futex import futex_wake_addr
from forkernel.kernel.task import Task

WORD, WORD2, TIME = BASE, BASE + 64, BASE + 128


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def threads(machine: Machine) -> list[Task]:
    leader = machine.process()
    return [leader, *(machine.thread(leader) for _ in range(5))]


def futex(task: Task, op: int, val: int = 0, time: int = 0, word2: int = 0, val3: int = 0, word: int = WORD) -> int:
    return task.system.call(task, "futex", word, op, val, time, word2, val3)


def timeout(task: Task, nanoseconds: int) -> int:
    task.mm.write(TIME, Timespec(*divmod(nanoseconds, NSEC_PER_SEC)).pack())
    return TIME


def test_wait_needs_the_expected_value_and_wake_counts(machine: Machine, threads: list[Task]) -> None:
    waker, *waiters = threads
    assert futex(waker, FUTEX_WAIT, 1) == -EAGAIN
    for waiter in waiters:
        futex(waiter, FUTEX_WAIT, 0)
    assert futex(waker, FUTEX_WAKE, 2) == 2
    machine.settle()
    assert [machine.asleep(waiter) for waiter in waiters] == [False, False, True, True, True]
    assert machine.results[waiters[0]] == 0
    assert futex(waker, FUTEX_WAKE, 0) == 1
    assert futex(waker, FUTEX_WAKE, 99) == 2
    assert futex(waker, FUTEX_WAKE, 99) == 0
    assert machine.futexes.waiters == {}


def test_real_time_waiters_are_woken_first(machine: Machine, threads: list[Task]) -> None:
    waker, *waiters = threads
    waiters[2].se.rt_priority = 5
    waiters[3].se.rt_priority = 9
    waiters[4].se.rt_priority = 5
    for waiter in waiters:
        futex(waiter, FUTEX_WAIT)
    order = []
    for _ in waiters:
        futex(waker, FUTEX_WAKE, 1)
        order += [index for index, waiter in enumerate(waiters) if not machine.asleep(waiter) and index not in order]
    assert order == [3, 2, 4, 0, 1]


def test_relative_timeout_and_absolute_deadline(machine: Machine, threads: list[Task]) -> None:
    first, second, third, *_ = threads
    futex(first, FUTEX_WAIT, 0, timeout(first, 500))
    futex(second, FUTEX_WAIT_BITSET, 0, timeout(second, 300), val3=1)
    machine.pass_time(299)
    assert machine.asleep(first)
    assert machine.asleep(second)
    machine.pass_time(1)
    assert machine.results[second] == -ETIMEDOUT
    machine.pass_time(200)
    assert machine.results[first] == -ETIMEDOUT
    assert futex(third, FUTEX_WAIT_BITSET, 0, timeout(third, 10), val3=1) == -ETIMEDOUT
    assert machine.futexes.waiters == {}


def test_realtime_deadline_follows_a_clock_that_is_set(machine: Machine, threads: list[Task]) -> None:
    task = threads[0]
    start = machine.clock.realtime()
    when = timeout(task, start + 1000)
    futex(task, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, when, val3=1)
    machine.clock.set_realtime(start - 5000)
    machine.settle()
    machine.pass_time(2000)
    assert machine.asleep(task)
    machine.clock.set_realtime(start + 1000)
    machine.settle()
    assert machine.results[task] == -ETIMEDOUT


def test_bitsets_choose(machine: Machine, threads: list[Task]) -> None:
    waker, one, two, *_ = threads
    futex(one, FUTEX_WAIT_BITSET, val3=1)
    futex(two, FUTEX_WAIT_BITSET, val3=2)
    assert futex(waker, FUTEX_WAKE_BITSET, 9, val3=4) == 0
    assert futex(waker, FUTEX_WAKE_BITSET, 9, val3=2) == 1
    assert machine.asleep(one)
    assert not machine.asleep(two)
    assert futex(waker, FUTEX_WAIT_BITSET, val3=0) == -EINVAL
    assert futex(waker, FUTEX_WAKE_BITSET, 1, val3=0) == -EINVAL


def test_requeue_moves_without_waking(machine: Machine, threads: list[Task]) -> None:
    waker, *waiters = threads
    for waiter in waiters:
        futex(waiter, FUTEX_WAIT)
    assert futex(waker, FUTEX_CMP_REQUEUE, 1, 2, WORD2, val3=1) == -EAGAIN
    assert futex(waker, FUTEX_CMP_REQUEUE, 1, 2, WORD2, val3=0) == 3
    assert [machine.asleep(waiter) for waiter in waiters] == [False, True, True, True, True]
    assert futex(waker, FUTEX_WAKE, 9, word=WORD2) == 2
    assert futex(waker, FUTEX_REQUEUE, 0, 9, WORD2) == 2
    assert futex(waker, FUTEX_WAKE, 9) == 0
    assert futex(waker, FUTEX_WAKE, 9, word=WORD2) == 2
    assert futex(waker, FUTEX_REQUEUE, -1, 0, WORD2) == -EINVAL


@pytest.mark.parametrize(
    ("operation", "argument", "old", "new"),
    [(0, 7, 5, 7), (1, -1, 5, 4), (2, 8, 5, 13), (3, 1, 5, 4), (4, 1, 5, 4), (8 | 1, 3, 5, 13)],
)
def test_wake_op_operations(threads: list[Task], operation: int, argument: int, old: int, new: int) -> None:
    task = threads[0]
    task.mm.write_u32(WORD2, old)
    assert futex(task, FUTEX_WAKE_OP, 1, 1, WORD2, operation << 28 | (argument & 0xFFF) << 12) == 0
    assert task.mm.read_u32(WORD2) == new


@pytest.mark.parametrize(("comparison", "threshold"), [(0, 5), (1, 4), (2, 6), (3, 5), (4, -1), (5, 5)])
def test_wake_op_wakes_both_when_the_test_passes(
    machine: Machine, threads: list[Task], comparison: int, threshold: int
) -> None:
    waker, one, two, *_ = threads
    waker.mm.write_u32(WORD2, 5)
    futex(one, FUTEX_WAIT)
    futex(two, FUTEX_WAIT, 5, word=WORD2)
    encoded = 4 << 28 | comparison << 24 | (threshold & 0xFFF)
    assert futex(waker, FUTEX_WAKE_OP, 1, 1, WORD2, encoded) == 2


def test_private_and_shared_keys_do_not_meet(machine: Machine, threads: list[Task]) -> None:
    waker, waiter, *_ = threads
    futex(waiter, FUTEX_WAIT)
    assert futex(waker, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1) == 0
    assert futex_wake_addr(waker, WORD, 1) == 1
    assert futex_wake_addr(waker, 1, 1) == 0
    assert futex_wake_addr(waker, 8, 1) == 0


def test_processes_meet_through_shared_memory(machine: Machine) -> None:
    one, other = machine.process(mm=Memory(shared=True)), machine.process(mm=Memory(shared=True))
    futex(one, FUTEX_WAIT | FUTEX_PRIVATE_FLAG)
    assert futex(other, FUTEX_WAKE, 9) == 0
    futex(one, FUTEX_WAIT)
    assert futex(other, FUTEX_WAKE, 9) == 1


def test_errors(threads: list[Task]) -> None:
    task = threads[0]
    assert futex(task, FUTEX_WAKE, 1, word=WORD + 1) == -EINVAL
    assert futex(task, FUTEX_WAKE, 1, word=8) == -EFAULT
    assert futex(task, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, word=8) == 0
    assert futex(task, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, word=-8) == -EFAULT
    assert futex(task, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, word=8) == -EFAULT
    assert futex(task, FUTEX_WAIT, 0, 8) == -EFAULT
    task.mm.write(TIME, Timespec(0, NSEC_PER_SEC).pack())
    assert futex(task, FUTEX_WAIT, 1, TIME) == -EINVAL
    for op in (2, 99, FUTEX_WAKE | FUTEX_CLOCK_REALTIME, FUTEX_WAIT | FUTEX_CLOCK_REALTIME):
        assert futex(task, op) == -ENOSYS
    assert futex(task, FUTEX_WAKE_OP, 0, 0, WORD2, 7 << 28) == -ENOSYS
    assert futex(task, FUTEX_WAKE_OP, 0, 0, WORD2, 9 << 24) == -ENOSYS


def test_a_signal_interrupts_and_a_timed_wait_keeps_its_deadline(machine: Machine, threads: list[Task]) -> None:
    task, waker, *_ = threads
    for thread in threads:
        thread.blocked = -1
    task.blocked = 0
    task.sighand.action[SIGUSR1] = SigAction(0x400000)
    futex(task, FUTEX_WAIT)
    machine.interrupt(task, SIGUSR1)
    assert machine.results[task] == -ERESTARTSYS
    assert futex(waker, FUTEX_WAKE, 1) == 0
    task.sigpending = False
    futex(task, FUTEX_WAIT, 0, timeout(task, 1000))
    machine.pass_time(400)
    task.sigpending = True
    machine.sched.try_to_wake_up(task)
    machine.settle()
    assert machine.results[task] == -ERESTART_RESTARTBLOCK
    task.sigpending = False
    machine.call(task, "restart_syscall")
    machine.pass_time(599)
    assert machine.asleep(task)
    machine.pass_time(1)
    assert machine.results[task] == -ETIMEDOUT


def test_waiters_survive_pickling(machine: Machine, threads: list[Task]) -> None:
    futex(threads[1], FUTEX_WAIT)
    futex(threads[2], FUTEX_WAIT, 0, timeout(threads[2], 50))
    machine.trace = None  # type: ignore[assignment]
    again: Machine = pickle.loads(pickle.dumps(machine))
    waker, one, two = (again.pids.find(threads[index].pid) for index in range(3))
    again.trace = type("Trace", (), {"signal_generate": None})()
    again.pass_time(50)
    assert again.results[two] == -ETIMEDOUT
    assert futex(waker, FUTEX_WAKE, 9) == 1
    assert not again.asleep(one)


def test_membarrier_asks_for_registration(machine: Machine, threads: list[Task]) -> None:
    task = threads[0]
    everything = machine.call(task, "membarrier", 0)
    assert everything == 1023
    assert machine.call(task, "membarrier", 8) == -EPERM
    assert machine.call(task, "membarrier", 16) == 0
    assert machine.call(task, "membarrier", 8) == 0
    assert machine.call(task, "membarrier", 512) == 16
    assert machine.call(task, "membarrier", 3) == -EINVAL
    assert machine.call(task, "membarrier", 8, 1) == -EINVAL
