"""The scheduler of a CPU: who runs next (Linux: kernel/sched/).

Life on the run queue: `wake_up_new_task` or `try_to_wake_up` puts a task on it, `pick_next_task` takes the
best one off and it becomes `current`; when it is preempted it goes back, when it sleeps or dies it stays
off. Three classes in order: real time (SCHED_FIFO and RR, by priority), fair (by virtual run time, which
advances slower the lower the nice value), idle (process 0, when the queue is empty).

Everything is decided by kernel state alone, so that a run can be repeated. A machine of several CPUs has one such
queue for each (`kernel.smp.Rq`).
"""

from __future__ import annotations

import heapq
from collections import deque
from typing import TYPE_CHECKING, Any

from forkernel.kernel.kstack import THREAD_SIZE
from forkernel.kernel.rtmutex import normal_sched
from forkernel.kernel.task import (
    TASK_INTERRUPTIBLE,
    TASK_NEW,
    TASK_RUNNING,
    TASK_UNINTERRUPTIBLE,
    TASK_WAKEKILL,
    SignalStruct,
    Task,
)

if TYPE_CHECKING:
    from forkernel.kernel.system import System

SCHED_NORMAL, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE = 0, 1, 2, 3, 5
SLICE_NS = 3_000_000
IDLE_SLICE_NS = 750_000  # of SCHED_IDLE: short, for whoever waits is worth more (sched_idle_min_granularity)
LONE_SLICES = 4
RR_SLICE_NS = 100_000_000
WAKEUP_GRANULARITY_NS = 1_000_000
SLEEPER_CREDIT_NS = 3_000_000
NICE_0_WEIGHT = 1024
IDLE_WEIGHT = 3
WEIGHTS = (
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916,
    9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991, 1586, 1277,
    1024, 820, 655, 526, 423, 335, 272, 215, 172, 137,
    110, 87, 70, 56, 45, 36, 29, 23, 18, 15,
)  # fmt: skip
"""Weight of nice -20 to 19: each step changes a task's share by about 10% (sched(7))."""


def weight_of(task: Task) -> int:
    """Share of the CPU among fair tasks."""
    se = task.se
    return IDLE_WEIGHT if se.policy == SCHED_IDLE else WEIGHTS[se.nice + 20]


def is_rt(task: Task) -> bool:
    """Whether the task is of the real-time class."""
    return task.se.policy in (SCHED_FIFO, SCHED_RR)


class Scheduler:
    """The run queue of a CPU, the only one if not told otherwise.

    Between traps: a task is queued (`se.on_rq`) exactly when it is TASK_RUNNING and not `current`.
    `need_resched` asks for a new choice before user mode.
    """

    __slots__ = (
        "_fair", "_rt", "_tickets", "_turn_over", "current", "lone", "lone_after", "lone_slices", "min_vruntime",
        "need_resched", "nr_running", "nr_switches", "system",
        "timer_interrupts", "timer_softirqs", "top_of_stack",
    )  # fmt: skip

    def __init__(self, system: System) -> None:
        self.system = system
        self.current: Task = None  # type: ignore[assignment]  # process 0, set at boot
        self.top_of_stack = 0
        """Where the kernel's stack pointer starts in a trap: the end of the current task's kernel stack (Linux:
        cpu_current_top_of_stack)."""
        self.need_resched = False
        self.lone = False
        """The CPU counts no blocks, since the current task is alone: a second one must be noticed at once."""
        self.lone_slices = 0
        """Slices on end that the current task used up with nobody else to run and no timer to wait for."""
        self.lone_after = LONE_SLICES
        """After so many (more where there is much code) the CPU stops counting blocks, which costs time, until there is
        a use for it again. Virtual time then passes at traps alone. Twice as many each time that it did not last: a
        change costs all translated code."""
        self.nr_running = 0
        """Tasks queued; `current` not counted."""
        self.nr_switches = 0
        self.timer_interrupts = 0
        """How often the CPU stopped because a slice ended or a timer was due, and how often timers were run:"""
        self.timer_softirqs = 0
        self.min_vruntime = 0
        """No fair task on the queue is behind this, and it never goes back; `update_min_vruntime` brings it up."""
        self._turn_over = False
        """The current task used up its round-robin slice, or yielded: it goes behind its equals."""
        self._fair: list[tuple[int, int, Task]] = []
        self._rt: dict[int, deque[Task]] = {}
        self._tickets = 0

    # --- the queue

    def enqueue(self, task: Task, *, head: bool = False) -> None:
        """Put a runnable task on the queue; `head` for a preempted real-time task."""
        se = task.se
        se.on_rq = True
        se.exec_start = self.system.clock.now
        self.nr_running += 1
        if self.lone:
            self.need_resched = True
        if is_rt(task):
            queue = self._rt.setdefault(se.rt_priority, deque())
            if head:
                queue.appendleft(task)
            else:
                queue.append(task)
            return
        self._tickets += 1
        se.ticket = self._tickets
        heapq.heappush(self._fair, (se.vruntime, se.ticket, task))

    def dequeue(self, task: Task) -> None:
        """Take a queued task off."""
        task.se.on_rq = False
        task.se.run_delay += max(self.system.clock.now - task.se.exec_start, 0)
        task.se.ticket = 0  # its entry in the heap is passed over when it comes up
        self.nr_running -= 1
        for queue in self._rt.values():
            if task in queue:
                queue.remove(task)

    def pick_next_task(self) -> Task | None:
        """Take the best task off the queue; None when it is empty."""
        if not self.nr_running:
            return None
        if self._rt:
            task = self._pick_rt()
            if task is not None:
                return task
        fair = self._fair
        while fair:
            vruntime, ticket, task = heapq.heappop(fair)
            if task.se.ticket == ticket and task.se.on_rq:
                task.se.on_rq = False
                task.se.ticket = 0
                self.nr_running -= 1
                self.min_vruntime = max(self.min_vruntime, vruntime)
                return task
        return None

    def _pick_rt(self) -> Task | None:
        for priority in sorted(self._rt, reverse=True):
            queue = self._rt[priority]
            if queue:
                task = queue.popleft()
                task.se.on_rq = False
                self.nr_running -= 1
                if not queue:
                    del self._rt[priority]
                return task
        return None

    def put_prev_task(self, task: Task) -> None:
        """The current task stays runnable: back on the queue, a preempted real-time task before its equals."""
        self.enqueue(task, head=not self._turn_over)

    # --- time

    def update_curr(self) -> None:
        """Charge the current task for the time since it was picked or last charged."""
        task = self.current
        se = task.se
        now = self.system.clock.now
        delta = now - se.exec_start
        if delta <= 0:
            return
        se.exec_start = now
        se.sum_exec_runtime += delta
        se.slice_left -= delta
        if se.policy == SCHED_NORMAL and se.nice == 0:
            se.vruntime += delta
        elif not is_rt(task):
            se.vruntime += delta * NICE_0_WEIGHT // weight_of(task)

    def start_task(self, task: Task) -> None:
        """`task` is current from now on; gives it a slice (put_prev/set_next_task)."""
        se = task.se
        now = self.system.clock.now
        if now > se.exec_start:
            se.run_delay += now - se.exec_start
        se.exec_start = now
        if se.policy != SCHED_RR:
            se.slice_left = SLICE_NS if se.policy != SCHED_IDLE else IDLE_SLICE_NS
        elif not 0 < se.slice_left <= RR_SLICE_NS:  # what was left when it was preempted is kept
            se.slice_left = RR_SLICE_NS
        self._turn_over = False
        self.current = task
        self.top_of_stack = task.stack + THREAD_SIZE
        self.nr_switches += 1
        if (timers := task.signal.cpu_timers) is not None:
            timers.switch_in(task)

    def tick(self) -> None:
        """The quantum is over: ask for a new choice if the current task's slice is used up."""
        self.update_curr()
        se = self.current.se
        if se.slice_left <= 0:
            se.slice_left = RR_SLICE_NS if se.policy == SCHED_RR else SLICE_NS
            if self.nr_running and se.policy != SCHED_FIFO:
                self.need_resched = self._turn_over = True

    def update_min_vruntime(self) -> None:
        """Up to the fair task that is furthest behind, the current one included; it may have run alone for long."""
        fair, current = self._fair, self.current
        while fair and fair[0][1] != fair[0][2].se.ticket:
            heapq.heappop(fair)
        furthest = fair[0][0] if fair else None
        if current.pid and current.state == TASK_RUNNING and not is_rt(current):
            self.update_curr()
            own = current.se.vruntime
            furthest = own if furthest is None else min(own, furthest)
        if furthest is not None and furthest > self.min_vruntime:
            self.min_vruntime = furthest

    # --- fork

    def sched_fork(self, child: Task, parent: Task) -> None:
        """The child's scheduling state: the parent's, unless reset-on-fork; not yet on the queue."""
        se, theirs = child.se, parent.se
        se.policy, se.nice, se.rt_priority = theirs.policy, theirs.nice, theirs.rt_priority
        if self.system.futexes.pi.normal:  # what the parent inherits for now is not for the child
            se.policy, se.rt_priority = normal_sched(parent)
        se.cpus_mask = theirs.cpus_mask
        if theirs.reset_on_fork:
            if is_rt(child):
                se.policy, se.rt_priority, se.nice = SCHED_NORMAL, 0, 0
            se.nice = max(se.nice, 0)
        child.state = TASK_NEW

    def wake_up_new_task(self, task: Task) -> None:
        """Queue a new task: behind those that run now, as Linux places a child."""
        self.update_curr()
        task.state = TASK_RUNNING
        debit = SLICE_NS * NICE_0_WEIGHT // weight_of(task)
        task.se.vruntime = max(self.min_vruntime, self.current.se.vruntime) + debit
        self.enqueue(task)
        if fire := self.system.trace.sched_wakeup_new:
            fire(task)
        if is_rt(task):
            self.check_preempt(task)

    # --- waking

    def try_to_wake_up(self, task: Task) -> bool:
        """Make a sleeping (or stopped) task runnable; False if it was not asleep or is dead."""
        if task.state == TASK_RUNNING or task.exit_state:
            return False
        sleep = task.sleep
        if sleep is not None:
            for queue in sleep.queues:
                queue.waiters.pop(task, None)
            if task.deadline is not None:
                self.system.timers.cancel(task.deadline)
                task.deadline = None
        task.state = TASK_RUNNING
        if task is self.current:
            return True
        if not task.se.on_rq:
            self.ttwu_queue(task)
        if fire := self.system.trace.sched_wakeup:
            fire(task)
        return True

    def ttwu_queue(self, task: Task) -> None:
        """Queue a task that was woken, with a little credit for its sleep."""
        self.update_min_vruntime()
        se = task.se
        se.vruntime = max(se.vruntime, self.min_vruntime - SLEEPER_CREDIT_NS)
        self.enqueue(task)
        self.check_preempt(task)

    def wake_up_process(self, task: Task) -> bool:
        """Wake a task from any sleep, or start one that was made stopped."""
        if task.state & TASK_NEW:
            self.wake_up_new_task(task)
            return True
        return self.wake_up_state(task, TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE)

    def wake_up_state(self, task: Task, mask: int) -> bool:
        """Wake a task if its state is one of `mask`."""
        return bool(task.state & mask) and self.try_to_wake_up(task)

    def check_preempt(self, task: Task) -> None:
        """Whether a task just made runnable takes the CPU from the current one."""
        current = self.current
        if current.kthread is not None and current.pid == 0:
            self.need_resched = True
        elif is_rt(task):
            self.need_resched |= not is_rt(current) or task.se.rt_priority > current.se.rt_priority
        elif not is_rt(current) and task.se.policy == SCHED_NORMAL:
            self.update_curr()
            if current.se.policy == SCHED_IDLE or task.se.vruntime + WAKEUP_GRANULARITY_NS < current.se.vruntime:
                self.need_resched = True

    def is_running(self, task: Task) -> bool:
        """Whether a task is on a CPU now (Linux: task_curr)."""
        return task is self.current

    def threads_running(self, signal: SignalStruct) -> list[Task]:
        """The threads of a process that are on a CPU now."""
        return [self.current] if self.current.signal is signal else []

    # --- calls

    def set_params(self, task: Task) -> None:
        """Policy, priority or nice value changed: queue the task anew by them.

        One that was of the real-time class until now has used no virtual time, and has no claim to it.
        """
        self.update_min_vruntime()
        queued = task.se.on_rq
        if queued:
            self.dequeue(task)
        if not is_rt(task):
            task.se.vruntime = max(task.se.vruntime, self.min_vruntime - SLEEPER_CREDIT_NS)
        if queued:
            self.enqueue(task)
        self.need_resched = True

    def set_cpus_allowed(self, task: Task, mask: int) -> None:
        """The task may run on these CPUs only."""
        task.se.cpus_mask = mask

    def sched_exec(self) -> None:
        """The current task begins an execve."""

    def yield_task(self) -> None:
        """sched_yield: behind all others of equal standing."""
        self.update_curr()
        task = self.current
        if not is_rt(task) and self._fair:
            task.se.vruntime = max(task.se.vruntime, max(entry[0] for entry in self._fair) + 1)
        self.need_resched = self._turn_over = True

    def switch_mm(self, task: Task) -> None:
        """The task's address space was exchanged (execve)."""
        self.system.cpu.switch_mm(task)

    def park(self, task: Task, sleep: Any, timer: Any) -> None:
        """Take the current task off the CPU until one of the sleep's queues is woken."""
        sleep.__traceback__ = None  # or the frames it came through, with all they know, would live as long as it
        task.sleep = sleep
        for queue in sleep.queues:
            queue.waiters[task] = None
        if timer is not None:
            task.deadline = timer
            self.system.timers.start(timer)
        task.state = sleep.state or (
            TASK_INTERRUPTIBLE if sleep.interruptible else TASK_UNINTERRUPTIBLE | TASK_WAKEKILL
        )
