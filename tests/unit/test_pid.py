"""Struct pid: no number is handed out twice at any level, groups and sessions keep theirs taken, references add up."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from forkernel.abi.errno import EAGAIN, EEXIST, EINVAL, ENOMEM
from forkernel.errors import KernelBug, SysError
from forkernel.hw.scripted import Add, Jump
from forkernel.kernel.pid import (
    PIDTYPE_PGID,
    PIDTYPE_PID,
    PIDTYPE_SID,
    PIDTYPE_TGID,
    RESERVED_PIDS,
    Pid,
    PidNamespace,
    alloc_pid,
    attach_pids,
    change_pgrp,
    change_session,
    detach_pids,
    exchange_tids,
    free_pid,
    get_pid,
    put_pid,
)
from forkernel.namespace import NsInums
from scripted_machine import Machine, call, exit_, fork, script

SYSTEM = SimpleNamespace(ns_inums=NsInums())


class FakeTask:
    """What struct pid sees of a task; a leader unless it has one."""

    def __init__(self, root, pid, pgrp, session, leader=None):
        self.system = SimpleNamespace(pids=root)
        self.thread_pid = pid
        self.pid = pid.numbers[0]
        self.group_leader = leader or self
        self.signal = leader.signal if leader else SimpleNamespace(pgrp=pgrp, session=session)

    @property
    def is_leader(self):
        return self.group_leader is self


def space(pid_max, last=0, parent=None):
    ns = PidNamespace(SYSTEM, parent)
    ns.pid_max = pid_max
    ns.last = last
    return ns


def root_of(ns):
    while ns.parent is not None:
        ns = ns.parent
    return ns


def born(ns, parent=None, thread=False):
    """A process, or a thread of `parent`; it joins the groups of `parent`, or leads its own."""
    pid = alloc_pid(ns)
    signal = parent.signal if parent else SimpleNamespace(pgrp=pid, session=pid)
    task = FakeTask(root_of(ns), pid, signal.pgrp, signal.session, parent if thread else None)
    attach_pids(task)
    return task


def errno_of(function, *args):
    with pytest.raises(SysError) as failure:
        function(*args)
    return failure.value.errno


class Numbers(RuleBasedStateMachine):
    """Processes and threads in three nested namespaces that come, go, and change groups and sessions, near a low
    pid_max; some Pids are held on to.
    """

    LIMIT = RESERVED_PIDS + 12

    def __init__(self):
        super().__init__()
        self.root = space(self.LIMIT, self.LIMIT - 8)
        middle = space(self.LIMIT, self.LIMIT - 4, self.root)
        self.spaces = [self.root, middle, space(self.LIMIT, 0, middle)]
        self.tasks = []
        self.held = []

    def pids(self):
        """Pids that somebody uses, by the tasks alone."""
        found = {task.thread_pid for task in self.tasks}
        for task in self.tasks:
            if task.is_leader:
                found |= {task.signal.pgrp, task.signal.session}
        return found

    def taken(self, ns):
        return {pid.numbers[ns.level] for pid in self.pids() if pid.level >= ns.level}

    def next_number(self, ns):
        """What the next one has to be: the first free one after the last, going round from RESERVED_PIDS."""
        taken, last = self.taken(ns), ns.last
        first = RESERVED_PIDS if last >= RESERVED_PIDS else 1
        order = [*range(last + 1, self.LIMIT), *range(first, self.LIMIT)]
        return next((number for number in order if number not in taken), None)

    def leaders(self):
        return [task for task in self.tasks if task.is_leader]

    @rule(data=st.data(), thread=st.booleans(), level=st.integers(0, 2))
    def create(self, data, thread, level):
        leaders = self.leaders()
        parent = data.draw(st.sampled_from(leaders), label="parent") if leaders else None
        ns = parent.thread_pid.ns if parent and thread else self.spaces[level]
        expected = [self.next_number(self.spaces[here]) for here in range(ns.level + 1)]
        if None in expected:
            assert errno_of(alloc_pid, ns) == EAGAIN
            return
        task = born(ns, parent, thread and parent is not None)
        assert task.thread_pid.numbers == tuple(expected)
        assert [task.thread_pid.nr_ns(here) for here in self.spaces] == [*expected, 0, 0][:3]
        self.tasks.append(task)

    @rule(level=st.integers(0, 2))
    def allocate_and_give_back(self, level):
        """A fork that fails after it got a number."""
        ns = self.spaces[level]
        if all(self.next_number(here) is not None for here in self.spaces[: level + 1]):
            free_pid(alloc_pid(ns))

    @precondition(lambda self: self.tasks)
    @rule(data=st.data())
    def reap(self, data):
        """A thread, or a leader without threads."""
        busy = {task.group_leader for task in self.tasks if not task.is_leader}
        task = data.draw(st.sampled_from([task for task in self.tasks if task not in busy]), label="who")
        detach_pids(task)
        self.tasks.remove(task)

    @precondition(lambda self: self.leaders())
    @rule(data=st.data(), own=st.booleans())
    def setpgid(self, data, own):
        task = data.draw(st.sampled_from(self.leaders()), label="who")
        other = task if own else data.draw(st.sampled_from(self.leaders()), label="into the group of")
        change_pgrp(task, task.thread_pid if own else other.signal.pgrp)

    @precondition(lambda self: self.leaders())
    @rule(data=st.data())
    def setsid(self, data):
        task = data.draw(st.sampled_from(self.leaders()), label="who")
        change_session(task, task.thread_pid)
        change_pgrp(task, task.thread_pid)

    @precondition(lambda self: any(not task.is_leader for task in self.tasks))
    @rule(data=st.data())
    def exec_by_a_thread(self, data):
        """The thread and the leader exchange their Pids, and the old leader goes (de_thread)."""
        thread = data.draw(st.sampled_from([task for task in self.tasks if not task.is_leader]), label="who")
        leader = thread.group_leader
        for other in [task for task in self.tasks if task.group_leader is leader and task not in (thread, leader)]:
            detach_pids(other)
            self.tasks.remove(other)
        exchange_tids(thread, leader)
        thread.group_leader = leader.group_leader = thread
        detach_pids(leader)
        self.tasks.remove(leader)

    @precondition(lambda self: self.tasks)
    @rule(data=st.data())
    def hold(self, data):
        """As a pidfd does."""
        self.held.append(get_pid(data.draw(st.sampled_from(self.tasks), label="whose").thread_pid))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def let_go(self, data):
        pid = data.draw(st.sampled_from(self.held), label="which")
        self.held.remove(pid)
        put_pid(pid)

    @invariant()
    def the_taken_numbers_are_those_in_use(self):
        for ns in self.spaces:
            assert set(ns.numbers) == self.taken(ns)
        assert list(self.root.tasks) == self.tasks

    @invariant()
    def references_are_the_tables_and_the_holders(self):
        used = self.pids()
        for pid in used | set(self.held):
            assert pid.in_use() == (pid in used)
            assert pid.count == (pid in used) + self.held.count(pid)

    @invariant()
    def everybody_is_found(self):
        leaders = self.leaders()
        for task in self.tasks:
            for nr, ns in task.thread_pid.upids():
                assert ns.find(nr) is task
        for pid in self.pids():
            for nr, ns in pid.upids():
                assert set(ns.pgrp(nr)) == {task for task in leaders if task.signal.pgrp is pid}
                assert set(ns.session(nr)) == {task for task in leaders if task.signal.session is pid}
            assert pid.users(PIDTYPE_PID) == [task for task in self.tasks if task.thread_pid is pid]
            assert pid.users(PIDTYPE_TGID) == [task for task in leaders if task.thread_pid is pid]
            assert set(pid.users(PIDTYPE_PGID)) == {task for task in leaders if task.signal.pgrp is pid}
            assert set(pid.users(PIDTYPE_SID)) == {task for task in leaders if task.signal.session is pid}


Numbers.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestNumbers = Numbers.TestCase


@given(st.integers(RESERVED_PIDS + 1, RESERVED_PIDS + 40), st.integers(1, 400))
def test_numbers_go_up_and_round(pid_max, count):
    """One at a time alive: each gets the next number; past the end it is RESERVED_PIDS."""
    ns = space(pid_max)
    expected = 0
    for _ in range(count):
        expected = expected + 1 if expected + 1 < pid_max else RESERVED_PIDS
        task = born(ns)
        assert task.pid == expected
        detach_pids(task)


def test_full_is_eagain_and_recovers():
    ns = space(RESERVED_PIDS + 5, last=RESERVED_PIDS - 1)
    tasks = [born(ns) for _ in range(5)]
    for _ in range(2):
        assert errno_of(alloc_pid, ns) == EAGAIN
    detach_pids(tasks[2])
    assert alloc_pid(ns).nr == RESERVED_PIDS + 2


def test_the_first_numbers_are_used_on_the_first_round_only():
    ns = space(RESERVED_PIDS + 2)
    numbers = []
    for _ in range(RESERVED_PIDS + 3):
        task = born(ns)
        numbers.append(task.pid)
        detach_pids(task)
    assert numbers[:3] == [1, 2, 3]
    assert numbers[-3:] == [RESERVED_PIDS + 1, RESERVED_PIDS, RESERVED_PIDS + 1]


def test_a_group_keeps_its_number_after_its_leader():
    ns = space(RESERVED_PIDS + 3, last=RESERVED_PIDS - 1)
    leader = born(ns)
    member = born(ns, leader)
    detach_pids(leader)
    assert ns.find(leader.pid) is None
    assert ns.pgrp(leader.pid) == [member]
    assert alloc_pid(ns).nr == RESERVED_PIDS + 2
    assert errno_of(alloc_pid, ns) == EAGAIN
    change_pgrp(member, member.thread_pid)
    assert errno_of(alloc_pid, ns) == EAGAIN  # still the session's
    change_session(member, member.thread_pid)
    assert alloc_pid(ns).nr == leader.pid


def test_lowering_pid_max_below_the_last_number():
    ns = space(1000, last=800)
    assert born(ns).pid == 801
    ns.pid_max = 400
    assert born(ns).pid == RESERVED_PIDS


def test_a_stranger_cannot_be_detached():
    ns = space(1000)
    task = born(ns)
    task.thread_pid.task = FakeTask(ns, task.thread_pid, None, None)
    with pytest.raises(KernelBug):
        detach_pids(task)


def test_a_reference_too_few():
    pid = Pid(PidNamespace(SYSTEM), (7,))
    put_pid(pid)
    with pytest.raises(KernelBug):
        put_pid(pid)


def test_each_level_has_its_own_numbers():
    root = space(1000, last=41)
    inner = space(1000, parent=root)
    pid = alloc_pid(inner)
    assert pid.numbers == (42, 1)
    assert (pid.nr_ns(root), pid.nr_ns(inner), pid.nr_ns(space(1000, parent=root))) == (42, 1, 0)
    assert alloc_pid(root).nr_ns(inner) == 0


def test_a_failure_at_an_outer_level_takes_nothing():
    root = space(RESERVED_PIDS + 1, last=RESERVED_PIDS - 1)
    inner = space(1000, parent=root)
    alloc_pid(root)
    assert errno_of(alloc_pid, inner) == EAGAIN
    assert not inner.numbers
    assert list(root.numbers) == [RESERVED_PIDS]


def test_wanted_numbers_go_from_the_innermost_level_outwards():
    root = space(1000, last=1)
    inner = space(1000, parent=root)
    assert errno_of(alloc_pid, inner, (5,)) == EINVAL  # there is no PID 1 yet
    assert errno_of(alloc_pid, inner, (1, 77)) == EINVAL  # nor has the outer one any
    root.child_reaper = object()
    assert alloc_pid(inner, (1, 77)).numbers == (77, 1)
    inner.child_reaper = object()
    assert alloc_pid(inner, (9,)).numbers == (2, 9)
    assert errno_of(alloc_pid, inner, (9,)) == EEXIST
    assert errno_of(alloc_pid, inner, (10, 77)) == EEXIST
    assert errno_of(alloc_pid, inner, (10, 78, 79)) == EINVAL
    assert errno_of(alloc_pid, inner, (0,)) == EINVAL
    assert errno_of(alloc_pid, inner, (1000,)) == EINVAL
    assert set(inner.numbers) == {1, 9}


def test_nobody_is_born_after_pid_1():
    root = space(1000)
    inner = space(1000, parent=root)
    inner.adding = False
    assert errno_of(alloc_pid, inner) == ENOMEM
    assert not root.numbers


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
