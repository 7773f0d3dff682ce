"""The PID allocator: no number is handed out twice, and a group or session keeps its number taken."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from forkernel.abi.errno import EAGAIN
from forkernel.errors import KernelBug, SysError
from forkernel.hw.scripted import Add, Jump
from forkernel.kernel.pid import RESERVED_PIDS, PidTable
from scripted_machine import Machine, call, exit_, fork, script


class FakeTask:
    """What the table sees of a task; a leader unless it has one."""

    def __init__(self, pid, pgrp, session, leader=None):
        self.pid = pid
        self.group_leader = leader or self
        self.signal = leader.signal if leader else SimpleNamespace(pgrp=pgrp, session=session)

    @property
    def is_leader(self):
        return self.group_leader is self


def table(pid_max, last=0):
    pids = PidTable()
    pids.pid_max = pid_max
    pids.last = last
    return pids


def attach(pids, pgrp=None, session=None, leader=None):
    number = pids.alloc_pid()
    task = FakeTask(number, pgrp or number, session or number, leader)
    pids.attach(task)
    return task


class Numbers(RuleBasedStateMachine):
    """Processes and threads that come, go, and change their groups and sessions, near a low pid_max."""

    LIMIT = RESERVED_PIDS + 12

    def __init__(self):
        super().__init__()
        self.pids = table(self.LIMIT, last=self.LIMIT - 8)
        self.tasks = []

    def taken(self):
        """Numbers that somebody uses, by the tasks alone."""
        numbers = {task.pid for task in self.tasks}
        for task in self.tasks:
            if task.is_leader:
                numbers |= {task.signal.pgrp, task.signal.session}
        return numbers

    def next_number(self):
        """What the next one has to be: the first free one after the last, going round from RESERVED_PIDS."""
        taken, last = self.taken(), self.pids.last
        order = [*range(last + 1, self.LIMIT), *range(RESERVED_PIDS, self.LIMIT)]
        return next((number for number in order if number not in taken), None)

    @rule(data=st.data(), thread=st.booleans())
    def create(self, data, thread):
        expected = self.next_number()
        if expected is None:
            with pytest.raises(SysError) as failure:
                self.pids.alloc_pid()
            assert failure.value.errno == EAGAIN
            return
        leaders = [task for task in self.tasks if task.is_leader]
        if leaders:
            parent = data.draw(st.sampled_from(leaders), label="parent")
            task = attach(self.pids, parent.signal.pgrp, parent.signal.session, parent if thread else None)
        else:
            task = attach(self.pids)
        assert task.pid == expected
        self.tasks.append(task)

    @rule()
    def allocate_and_give_back(self):
        """A fork that fails after it got a number."""
        if self.next_number() is not None:
            self.pids.free_pid(self.pids.alloc_pid())

    @precondition(lambda self: self.tasks)
    @rule(data=st.data())
    def reap(self, data):
        """A thread, or a leader without threads."""
        busy = {task.group_leader for task in self.tasks if not task.is_leader}
        task = data.draw(st.sampled_from([task for task in self.tasks if task not in busy]), label="who")
        self.pids.detach(task)
        self.tasks.remove(task)

    @precondition(lambda self: any(task.is_leader for task in self.tasks))
    @rule(data=st.data(), own=st.booleans())
    def setpgid(self, data, own):
        leaders = [task for task in self.tasks if task.is_leader]
        task = data.draw(st.sampled_from(leaders), label="who")
        other = task if own else data.draw(st.sampled_from(leaders), label="into the group of")
        self.pids.change_pgrp(task, task.pid if own else other.signal.pgrp)

    @precondition(lambda self: any(task.is_leader for task in self.tasks))
    @rule(data=st.data())
    def setsid(self, data):
        task = data.draw(st.sampled_from([task for task in self.tasks if task.is_leader]), label="who")
        self.pids.change_session(task, task.pid)
        self.pids.change_pgrp(task, task.pid)

    @precondition(lambda self: any(not task.is_leader for task in self.tasks))
    @rule(data=st.data())
    def exec_by_a_thread(self, data):
        """The thread and the leader exchange their numbers, and the old leader goes (de_thread)."""
        thread = data.draw(st.sampled_from([task for task in self.tasks if not task.is_leader]), label="who")
        leader = thread.group_leader
        for other in [task for task in self.tasks if task.group_leader is leader and task not in (thread, leader)]:
            self.pids.detach(other)
            self.tasks.remove(other)
        self.pids.exchange_tids(thread, leader)
        thread.group_leader = leader.group_leader = thread
        self.pids.detach(leader)
        self.tasks.remove(leader)

    @invariant()
    def the_taken_numbers_are_those_in_use(self):
        assert set(self.pids.numbers) == self.taken()
        assert list(self.pids.tasks) == self.tasks

    @invariant()
    def everybody_is_found(self):
        leaders = [task for task in self.tasks if task.is_leader]
        for task in self.tasks:
            assert self.pids.find(task.pid) is task
        for number in self.taken():
            assert set(self.pids.pgrp(number)) == {task for task in leaders if task.signal.pgrp == number}
            assert set(self.pids.session(number)) == {task for task in leaders if task.signal.session == number}


Numbers.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestNumbers = Numbers.TestCase


@given(st.integers(RESERVED_PIDS + 1, RESERVED_PIDS + 40), st.integers(1, 400))
def test_numbers_go_up_and_round(pid_max, count):
    """One at a time alive: each gets the next number; past the end it is RESERVED_PIDS."""
    pids = table(pid_max)
    expected = 0
    for _ in range(count):
        expected = expected + 1 if expected + 1 < pid_max else RESERVED_PIDS
        task = attach(pids)
        assert task.pid == expected
        pids.detach(task)


def test_full_is_eagain_and_recovers():
    pids = table(RESERVED_PIDS + 5, last=RESERVED_PIDS - 1)
    tasks = [attach(pids) for _ in range(5)]
    for _ in range(2):
        with pytest.raises(SysError) as failure:
            pids.alloc_pid()
        assert failure.value.errno == EAGAIN
    pids.detach(tasks[2])
    assert pids.alloc_pid() == RESERVED_PIDS + 2


def test_the_first_numbers_are_used_on_the_first_round_only():
    pids = table(RESERVED_PIDS + 2)
    numbers = []
    for _ in range(RESERVED_PIDS + 3):
        task = attach(pids)
        numbers.append(task.pid)
        pids.detach(task)
    assert numbers[:3] == [1, 2, 3]
    assert numbers[-3:] == [RESERVED_PIDS + 1, RESERVED_PIDS, RESERVED_PIDS + 1]


def test_a_group_keeps_its_number_after_its_leader():
    pids = table(RESERVED_PIDS + 3, last=RESERVED_PIDS - 1)
    leader = attach(pids)
    member = attach(pids, leader.pid, leader.pid)
    pids.detach(leader)
    assert pids.find(leader.pid) is None
    assert pids.pgrp(leader.pid) == [member]
    assert pids.alloc_pid() == RESERVED_PIDS + 2
    with pytest.raises(SysError):
        pids.alloc_pid()
    pids.change_pgrp(member, member.pid)
    with pytest.raises(SysError):
        pids.alloc_pid()  # still the session's
    pids.change_session(member, member.pid)
    assert pids.alloc_pid() == leader.pid


def test_lowering_pid_max_below_the_last_number():
    pids = table(1000, last=800)
    first = attach(pids)
    assert first.pid == 801
    pids.pid_max = 400
    assert attach(pids).pid == RESERVED_PIDS


def test_a_stranger_cannot_be_detached():
    pids = table(1000)
    task = attach(pids)
    pids.numbers[task.pid].task = FakeTask(task.pid, 1, 1)
    with pytest.raises(KernelBug):
        pids.detach(task)


def test_a_machine_goes_round(tmp_path):
    """Forks past pid_max, each child waited for; an orphaned group's number is passed over."""
    machine = Machine(tmp_path, {"main": script(
        fork(), Jump("grouped", "rax", 0), call("setpgid", "rax", "rax"),
        "again", fork(), Jump("child", "rax", 0), call("wait4", "rax", 0, 0, 0), Add("rbx", 1),
        Jump("end", "rbx", 12), Jump("again"),
        "child", exit_(0),
        "grouped", call("setpgid", 0, 0), fork(), Jump("member", "rax", 0), exit_(0),
        "member", call("pause"),
        "end", exit_(0),
    )})  # fmt: skip
    machine.system.pid_max = RESERVED_PIDS + 6
    machine.system.pids.last = RESERVED_PIDS + 1
    seen = []

    class Sink:
        def sched_process_fork(self, parent, child):
            seen.append(child.pid)

    main = machine.start("main")
    machine.system.trace.attach(Sink())
    machine.run()
    assert machine.status(main) == 0
    grouped = seen[0]
    assert main.pid == RESERVED_PIDS + 2
    assert grouped == RESERVED_PIDS + 3
    assert len(seen) == 14
    assert all(RESERVED_PIDS <= number < machine.system.pid_max for number in seen)
    assert grouped not in seen[1:]
    assert main.pid not in seen
