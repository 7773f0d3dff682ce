"""Several CPUs in one machine (Linux: kernel/smp.c, and struct rq of kernel/sched/).

There is one emulator. It plays all CPUs in turn: each has a clock of its own, and the one that is furthest behind
runs next (`kernel.smp_entry`). A machine of one CPU has nothing of this.

Life of a CPU: `smp_init` makes its run queue and its idle task. While a task is `current`, its clock advances with
the task. When it has nothing to run and `balance` finds nothing for it elsewhere, it idles (`Rq.go_idle`), and its
clock stands until somebody puts a task on its queue (`Rq.enqueue`): then its clock is set to the time of that.

`system.sched` is the run queue of the CPU that the emulator plays, `system.sched.current` the task on it. Every
other CPU is between two instructions of its current task, or idle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.kernel import balance
from forkernel.kernel.fork import fork_idle
from forkernel.kernel.kstack import THREAD_SIZE
from forkernel.kernel.rseq import rseq_preempt
from forkernel.kernel.sched import NICE_0_WEIGHT, SLICE_NS, Scheduler, is_rt, weight_of
from forkernel.kernel.task import TASK_RUNNING, SignalStruct, Task

if TYPE_CHECKING:
    from forkernel.kernel.kthread import KthreadFunction
    from forkernel.kernel.system import System

IPI_NS = 1_000
"""Time until an idle CPU that another one woke runs its task."""


class Rq(Scheduler):
    """The run queue of one CPU of several (Linux: struct rq).

    Between traps a task is on the queue of CPU `se.cpu` exactly when it can run and is not current there.
    """

    __slots__ = (
        "base_stime", "base_utime", "clock", "cpu", "exec_target", "idle", "idle_ns", "idle_since", "next_balance",
        "nice_ns", "nr_balance_failed", "smp", "system_ns", "user_ns",
    )  # fmt: skip

    def __init__(self, system: System, smp: Smp, cpu: int) -> None:
        super().__init__(system)
        self.smp = smp
        self.cpu = cpu
        self.clock = system.clock.now
        """Local time when the emulator turned to another CPU. That of the one it plays is `Smp.local_time`."""
        self.idle: Task = None  # type: ignore[assignment]  # set by smp_init
        """The CPU's process 0."""
        self.idle_since = system.clock.now
        """Local time when it became idle, if it is."""
        self.idle_ns = self.user_ns = self.nice_ns = self.system_ns = 0
        """Time by kind; that of the current task's present stay is not yet in it, see `times`."""
        self.base_utime = self.base_stime = 0
        """The current task's times when it was picked."""
        self.next_balance = 0
        self.nr_balance_failed = 0
        """Attempts at balancing on end that found a difference too small to act on."""
        self.exec_target: Rq | None = None
        """Where the current task goes when it leaves the CPU, for it is in execve (`sched_exec`)."""
        self._tickets = cpu << 48  # an entry left behind on another queue must never become valid again

    # --- state

    @property
    def is_idle(self) -> bool:
        """Nothing runs and nothing waits (Linux: idle_cpu)."""
        return self.current is self.idle and not self.nr_running

    @property
    def nr_waiting(self) -> int:
        """Tasks that have to wait; not the one that a CPU is just leaving idle for."""
        return self.nr_running - (self.current is self.idle and self.nr_running > 0)

    def load(self) -> int:
        """Weights of the tasks that are here, the current one included (Linux: cpu_load)."""
        total = sum(weight_of(task) for task in self.queued())
        return total if self.current is self.idle else total + weight_of(self.current)

    def queued(self) -> list[Task]:
        """The tasks on the queue in the order in which they would run."""
        found = [task for priority in sorted(self._rt, reverse=True) for task in self._rt[priority]]
        return found + [entry[2] for entry in sorted(self._fair, key=_order) if entry[1] == entry[2].se.ticket]

    def queued_rt(self) -> list[Task]:
        """The real-time ones of them."""
        return [task for priority in sorted(self._rt, reverse=True) for task in self._rt[priority]] if self._rt else []

    # --- the queue

    def enqueue(self, task: Task, *, head: bool = False) -> None:
        """Put a task on the queue. An idle CPU wakes up: its clock, which stood, is set to the time of now."""
        if self.system.sched is not self:
            if self.is_idle:
                self.clock = max(self.clock, self.smp.local_time() + self.smp.ipi_delay())
            self.smp.look_again()
        task.se.cpu = self.cpu
        if is_rt(task):
            self.smp.any_rt = True
        super().enqueue(task, head=head)

    def pick_next_task(self) -> Task | None:
        """The best task: of those here, or one that has to wait on another CPU."""
        self.exec_target = None
        if self.smp.any_rt:
            balance.pull_rt_tasks(self)
        if not self.nr_running and not balance.newidle_balance(self):
            return None
        task = super().pick_next_task()
        if self._rt:
            balance.push_rt_tasks(self, task)
        return task

    def put_prev_task(self, task: Task) -> None:
        """The current task stays runnable: back on the queue, or on that of a CPU that it is allowed on."""
        target, self.exec_target = self.exec_target, None
        if not task.se.cpus_mask >> self.cpu & 1:
            target = balance.select_fallback_rq(self.smp, task)
        if target is None:
            super().put_prev_task(task)
        else:
            balance.migrate(task, self, target)

    def detach(self, task: Task, target: Rq) -> None:
        """Off this CPU, to be queued at `target`; its claim to time is relative to its queue (Linux: set_task_cpu)."""
        se = task.se
        if se.on_rq:
            self.dequeue(task)
        if target is not self:
            se.vruntime += target.min_vruntime - self.min_vruntime
            se.nr_migrations += 1
            se.cpu = target.cpu
            if fire := self.system.trace.sched_migrate_task:
                fire(task, self.cpu, target.cpu)

    # --- time

    def update_curr(self) -> None:
        """Charge the current task. It is charged up to now if the emulator plays another CPU."""
        if self.system.sched is self and self.current is not self.idle:
            super().update_curr()

    def start_task(self, task: Task) -> None:
        """`task` is current from now on."""
        if self.current is self.idle:
            self.idle_ns += max(self.smp.local_time() - self.idle_since, 0)
        self.base_utime, self.base_stime = task.utime, task.stime
        super().start_task(task)

    def account(self) -> None:
        """The current task leaves the CPU: add its times to the CPU's."""
        task = self.current
        user, system = task.utime - self.base_utime, task.stime - self.base_stime
        if task.se.nice > 0:
            self.nice_ns += user
        else:
            self.user_ns += user
        self.system_ns += system
        self.base_utime, self.base_stime = task.utime, task.stime

    def go_idle(self) -> None:
        """Nothing to run: the idle task is current, and the clock stands."""
        if self.current is not self.idle:
            self.current = self.idle
            self.top_of_stack = self.idle.stack + THREAD_SIZE
            self.idle_since = self.smp.local_time()
        self.need_resched = False

    def times(self) -> tuple[int, int, int, int]:
        """Nanoseconds in user mode, niced, in the kernel, and idle, up to now."""
        idle = self.idle_ns
        if self.current is self.idle:
            idle += max(self.smp.local_time() - self.idle_since, 0)
        else:
            self.account()
        return self.user_ns, self.nice_ns, self.system_ns, idle

    def tick(self) -> None:
        """Look whether the slice is used up, and now and then whether the CPUs are evenly loaded."""
        super().tick()
        if self.smp.local_time() >= self.next_balance or self.nr_running:
            balance.rebalance(self)

    # --- fork and waking

    def wake_up_new_task(self, task: Task) -> None:
        """Queue a new task on the CPU that has least to do."""
        rq = balance.select_task_rq_fork(self.smp, task)
        self.update_curr()
        task.state = TASK_RUNNING
        if rq.is_idle:
            task.se.vruntime = rq.min_vruntime
        else:
            task.se.vruntime = max(rq.min_vruntime, rq.current.se.vruntime)
            task.se.vruntime += SLICE_NS * NICE_0_WEIGHT // weight_of(task)
        task.se.rseq_cpu = -1
        rq.enqueue(task)
        if fire := self.system.trace.sched_wakeup_new:
            fire(task)
        if is_rt(task) or rq.current is rq.idle:
            rq.check_preempt(task)

    def ttwu_queue(self, task: Task) -> None:
        """Queue a task that was woken: where it was if that CPU is idle, else on an idle one, else the least loaded."""
        before = self.smp.rqs[task.se.cpu]
        if before.current is task:
            return
        rq = balance.select_task_rq_wake(self.smp, task)
        before.detach(task, rq)
        Scheduler.ttwu_queue(rq, task)

    # --- calls

    def is_running(self, task: Task) -> bool:
        """Whether a task is on a CPU now."""
        return self.smp.rqs[task.se.cpu].current is task

    def threads_running(self, signal: SignalStruct) -> list[Task]:
        """The threads of a process that are on a CPU now."""
        return [rq.current for rq in self.smp.rqs if rq.current.signal is signal]

    def set_params(self, task: Task) -> None:
        """Policy, priority or nice value changed."""
        rq = self.smp.rqs[task.se.cpu]
        Scheduler.set_params(rq, task)
        self.smp.look_again()

    def set_cpus_allowed(self, task: Task, mask: int) -> None:
        """The task may run on these CPUs only; if it is on another one, it goes (Linux: __set_cpus_allowed_ptr)."""
        se = task.se
        se.cpus_mask = mask
        rq = self.smp.rqs[se.cpu]
        if mask >> se.cpu & 1:
            return
        if se.on_rq:
            balance.migrate(task, rq, balance.select_fallback_rq(self.smp, task))
        elif rq is self and rq.current is task:
            self.need_resched = True
        elif rq.current is task:
            rq.expel_current()

    def expel_current(self) -> None:
        """Take the current task of a CPU that the emulator does not play off it (Linux: stop_one_cpu, migration)."""
        task = self.current
        self.account()
        self.current = self.idle
        self.top_of_stack = self.idle.stack + THREAD_SIZE
        self.idle_since = self.clock
        task.nivcsw += 1
        rseq_preempt(task)
        self.put_prev_task(task)

    def sched_exec(self) -> None:
        """execve: the moment to leave a CPU that others wait for, as nothing of use is in its caches."""
        task = self.current
        if self.nr_running:
            target = balance.select_task_rq_exec(self.smp, task)
            if target is not self:
                self.exec_target = target
                self.need_resched = True


class Smp:
    """All CPUs of the machine; `System.smp`, None where there is only one."""

    __slots__ = ("any_rt", "granted", "offset", "online", "rqs", "system")

    def __init__(self, system: System, cpus: int) -> None:
        self.system = system
        self.rqs = [Rq(system, self, cpu) for cpu in range(cpus)]
        """By CPU number."""
        self.online = (1 << cpus) - 1
        self.any_rt = False
        """Whether there ever was a real-time task: only then is it worth while to look for some."""
        self.granted = False
        """The CPU that the emulator plays is in user mode, and whose turn is next was settled."""
        self.offset = 0
        """The machine's clock minus the local time of the CPU that the emulator plays: 0 with a virtual clock."""

    def local_time(self) -> int:
        """The time of the CPU that the emulator plays."""
        return self.system.clock.now - self.offset

    def ipi_delay(self) -> int:
        """How long this CPU needs to wake another one. A timer of an idle machine could have been that CPU's own."""
        this: Rq = self.system.sched  # type: ignore[assignment]
        return 0 if this.current is this.idle else IPI_NS

    def look_again(self) -> None:
        """Something changed for another CPU: this one goes on for as long as is right now, not as it was."""
        self.system.entry.expire()

    def least_other(self, this: Rq) -> Rq | None:
        """The CPU with the earliest local time of those that have something to do, not counting `this`."""
        least = None
        for rq in self.rqs:
            if (rq.current is not rq.idle or rq.nr_running) and rq is not this:
                if least is None or rq.clock < least.clock:
                    least = rq
        return least

    def play(self, rq: Rq) -> None:
        """The emulator turns to another CPU."""
        system = self.system
        this: Rq = system.sched  # type: ignore[assignment]
        this.update_curr()
        this.clock = self.local_time()
        rq.lone, rq.lone_slices, rq.lone_after = this.lone, this.lone_slices, this.lone_after
        system.sched = rq
        clock = system.clock
        if clock.virtual:
            clock.now = rq.clock
        else:
            self.offset = clock.now - rq.clock
            rq.current.se.exec_start = clock.now

    def cpu_times(self) -> list[tuple[int, int, int, int]]:
        """For each CPU nanoseconds in user mode, niced, in the kernel, and idle."""
        return [rq.times() for rq in self.rqs]


def smp_init(system: System, idle: KthreadFunction) -> None:
    """A run queue and an idle task for each CPU; the first one's is process 0. Nothing has run yet."""
    smp = system.smp = Smp(system, system.options.cpus)
    swapper = system.init_task
    swapper.se.cpus_mask = smp.online
    system.sched = smp.rqs[0]
    for rq in smp.rqs:
        rq.idle = rq.current = fork_idle(system, rq.cpu, idle) if rq.cpu else swapper
        rq.top_of_stack = rq.idle.stack + THREAD_SIZE
        rq.idle.se.cpu = rq.cpu


def _order(entry: tuple[int, int, Task]) -> tuple[int, int]:
    return entry[0], entry[1]
