"""What only the kernel itself can ask of copy_process: an idle task with PID 0, and a child that starts stopped."""

from __future__ import annotations

import pickle

from forkernel.abi.signal import SIGCONT, SIGKILL
from forkernel.kernel.exit import do_exit
from forkernel.kernel.fork import KernelCloneArgs, fork_idle, kernel_clone
from forkernel.kernel.signal import send_signal
from forkernel.kernel.task import PF_IDLE, PF_KTHREAD, TASK_RUNNING, TASK_STOPPED
from scripted_machine import Machine, call, exit_, script


class Count:
    """A kernel thread that counts its steps and ends."""

    def __init__(self) -> None:
        self.steps = 0

    def step(self, task):
        self.steps += 1
        do_exit(task, 0)


class Nothing:
    """An idle task's work."""

    def step(self, task):
        raise AssertionError("an idle task is never picked from the queue")


def machine(path):
    return Machine(path, {"main": script(call("getpid"), exit_(0))})


def stopped(m):
    args = KernelCloneArgs(0, kthread=Count())
    args.stopped, args.name = True, b"stopped"
    kernel_clone(m.system.child_reaper, args)
    return args.child


def test_fork_idle_has_pid_0_and_is_in_no_list(tmp_path):
    m = machine(tmp_path)
    system = m.system
    before = list(system.pids.tasks), dict(system.pids.numbers), list(system.init_task.children), system.pids.last
    idle = fork_idle(system, 1, Nothing())
    assert (idle.pid, idle.tgid, idle.comm) == (0, 0, b"swapper/1")
    assert idle.flags & PF_IDLE
    assert idle.flags & PF_KTHREAD
    assert idle.state == TASK_RUNNING
    assert not idle.se.on_rq
    assert idle.mm is None
    assert idle.group_leader is idle
    assert idle.real_parent is system.init_task
    assert idle.se.cpus_mask == 2
    assert (list(system.pids.tasks), dict(system.pids.numbers), list(system.init_task.children),
            system.pids.last) == before  # fmt: skip
    task = m.start("main")
    assert m.run() == "idle"
    assert m.status(task) == 0


def test_idle_tasks_have_signals_of_their_own(tmp_path):
    m = machine(tmp_path)
    first, second = fork_idle(m.system, 1, Nothing()), fork_idle(m.system, 2, Nothing())
    assert first.signal is not second.signal
    assert list(second.signal.threads) == [second]


def test_a_stopped_child_runs_only_when_it_is_woken(tmp_path):
    m = machine(tmp_path)
    child = stopped(m)
    assert child.state & TASK_STOPPED
    assert not child.se.on_rq
    assert m.run() == "idle"
    assert child.kthread.steps == 0
    assert m.system.sched.wake_up_process(child)
    assert child.state == TASK_RUNNING
    assert child.se.on_rq
    assert not m.system.sched.wake_up_process(child)
    assert m.run() == "idle"
    assert child.kthread.steps == 1


def test_a_stopped_child_is_started_by_sigcont(tmp_path):
    m = machine(tmp_path)
    child = stopped(m)
    send_signal(SIGCONT, None, child, group=True)
    assert child.state == TASK_RUNNING
    assert child.se.on_rq


def test_a_stopped_child_can_be_killed(tmp_path):
    m = machine(tmp_path)
    child = stopped(m)
    send_signal(SIGKILL, None, child, group=True)
    assert child.state == TASK_RUNNING
    assert child.sigpending


def test_a_stopped_child_stays_stopped_through_a_snapshot(tmp_path):
    m = machine(tmp_path)
    child = stopped(m)
    state = pickle.loads(pickle.dumps(m.system.__getstate__()))
    copy = next(task for task in state["pids"].tasks if task.pid == child.pid)
    assert copy.state & TASK_STOPPED
    assert copy.kthread.steps == 0
