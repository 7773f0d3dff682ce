"""The trap handler of a machine of several CPUs: one emulator plays them all, in an order that repeats.

The rule: the CPU with the earliest local time goes on. At each way out of the kernel (`_schedule`) the handler looks
which that is. If it is another one, the emulator turns to it (`Smp.play`) and puts that CPU's current task into the
registers, as in a context switch, but no task has left its CPU. To turn costs as much as a switch, so a CPU may get
ahead of the others: by `SYNC_NS` when it is in the kernel anyway, by `WINDOW_NS` while it computes. Two CPUs therefore
see each other's work late by that much at most; a lock that one waits for by spinning is seen free at the next turn.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from forkernel.kernel import signal
from forkernel.kernel.entry import BLOCK_NS, LONE_SLICES_MOST, LONE_TRAPS, CallLookup, Entry
from forkernel.kernel.hrtimer import KTIME_MAX
from forkernel.kernel.kstack import finish_task_switch
from forkernel.kernel.rseq import rseq_preempt, rseq_set_cpu
from forkernel.kernel.task import TASK_DEAD, TASK_RUNNING, Task

if TYPE_CHECKING:
    from forkernel.kernel.smp import Rq
    from forkernel.kernel.system import System

SYNC_NS = 5_000
WINDOW_NS = 50_000


class SmpEntry(Entry):
    """The trap handler. `sched` is the run queue of the CPU that the emulator plays."""

    sched: Rq

    def __init__(self, system: System, calls: CallLookup) -> None:
        super().__init__(system, calls)
        assert system.smp is not None
        self.smp = system.smp
        self._slice_end = 0
        """When the current task's slice is over, or a timer is due."""

    def _in_user_mode(self, task: Task) -> bool:
        """Whether the last run was stopped from outside; if in a trap, whose turn it is has still to be found out."""
        return self.smp.granted and super()._in_user_mode(task)

    # --- traps

    def quantum(self) -> None:
        """The block counter ran out: another CPU's turn, the end of a slice, a timer; or somebody stopped the CPU."""
        task = self._begin_quantum()
        if task is None or self._stopped_from_outside():
            return
        if self.clock.now >= self._slice_end:
            self.system.sched.timer_interrupts += 1
            self.hw.flush_tlb()  # see `Entry.quantum`
            self._end_slice()
        self._exit_to_user_mode(task)

    # --- leaving

    def _exit_to_user_mode(self, task: Task) -> None:
        """Slices, balancing and timers; the rest is `_schedule`'s."""
        if self.clock.now >= self._slice_end:
            self.clock.advance(0)
            self.sched.tick()
            self.system.calc_load()
        if self.clock.now >= self.timers.next_expiry:
            self.system.run_timers(self.clock.now)
        self._schedule()

    def _schedule(self) -> None:
        """Go on with the CPU whose turn it is, until a task of it is ready for user mode."""
        system, smp = self.system, self.smp
        smp.granted = False
        while not system.stopping:
            rq = self.sched
            task = rq.current
            if task is rq.idle and not rq.nr_running:
                if not self._leave_idle(rq):
                    return
                continue
            ready = self._ready(rq, task)
            other = smp.least_other(rq)
            if other is not None and smp.local_time() >= other.clock + SYNC_NS and (ready or self._may_rest(rq, task)):
                self._play(other)
            elif ready:
                self.cpu.switch_to(task)
                self._grant_until(other)
                return
            else:
                self._switch(rq, task)

    def _leave_idle(self, rq: Rq) -> bool:
        """This CPU has nothing to do: another one's turn, or, if all are idle, the next timer's; False at the end."""
        other = self.smp.least_other(rq)
        if other is not None:
            self._play(other)
        elif not self.system.idle():
            self.stop("idle")
            return False
        if self._late:
            self.stop("timeout")
            return False
        return True

    def _ready(self, rq: Rq, task: Task) -> bool:
        """Whether the current task may enter user mode; its signals are delivered first."""
        if task.kthread is not None or task.sleep is not None:
            return False
        if task.sigpending and task.state == TASK_RUNNING:
            signal.do_signal(task)
        return task.state == TASK_RUNNING and not rq.need_resched

    def _may_rest(self, rq: Rq, task: Task) -> bool:
        """Whether the emulator may turn away from a CPU that has no task ready: there is nothing half done."""
        return task is rq.idle or (task.state == TASK_RUNNING and task.sleep is None)

    def _play(self, rq: Rq) -> None:
        self.smp.play(rq)
        self.sched = rq

    def _switch(self, rq: Rq, prev: Task) -> None:
        """Pick a task and let it do what it still has to do in the kernel (Linux: __schedule)."""
        rq.update_curr()
        if prev is not rq.idle:
            rq.account()
            if prev.state == TASK_DEAD:
                self.cpu.forget(prev)
                finish_task_switch(prev)
            elif prev.state == TASK_RUNNING and not prev.se.on_rq:
                rq.put_prev_task(prev)
        rq.need_resched = False
        task = rq.pick_next_task()
        if task is not prev and prev.state == TASK_RUNNING and prev.pid:
            prev.nivcsw += 1
            rseq_preempt(prev)
        if task is None:
            rq.go_idle()
            return
        if task is not prev and (fire := self.trace.sched_switch):
            fire(prev, task)
        rq.start_task(task)
        if task.rseq is not None and task.se.rseq_cpu != rq.cpu:
            rseq_set_cpu(task)
        self._make_ready(task)

    # --- time

    def _grant(self) -> None:
        self._grant_until(self.smp.least_other(self.sched))

    def _grant_until(self, other: Rq | None) -> None:
        """As `Entry._grant`; and no further than the CPU `other`, which comes next, allows."""
        sched = self.sched
        sched.update_curr()
        now = self.clock.now
        longest = min(sched.current.se.slice_left, self.clock.longest_run)
        horizon = max(min(longest, self.timers.next_expiry - now), 1000)
        self._grant_end = self._slice_end = now + horizon
        if other is not None:
            ahead = now - self.smp.offset - other.clock
            horizon = max(min(horizon, WINDOW_NS - ahead), 1000)
            self._grant_end = min(self._grant_end, now + SYNC_NS - ahead)
        if other is not None or sched.nr_running or self.timers.next_expiry < KTIME_MAX:
            sched.lone_slices = 0
            if sched.lone:
                self._count_blocks(True)
                sched.lone_after = min(sched.lone_after * 2, LONE_SLICES_MOST)
        elif sched.lone:
            self._grant_end = self._slice_end = now
            sched.lone_slices += 1
            if sched.lone_slices > LONE_TRAPS:
                sched.lone_slices = 0
                self._count_blocks(True)
                sched.lone_after = min(sched.lone_after * 4, LONE_SLICES_MOST)
        self.smp.granted = True
        blocks = horizon // BLOCK_NS
        self.hw.set_quantum(blocks)
        self._granted = blocks
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self.stop("timeout")
