"""Signals that wait: the queues of a task and of its process, and the mask that holds them back.

Life of a queued signal: `sigqueue_add` puts it into a `SigPending` (the task's own, or the one its process
shares) and charges the receiver's user; `dequeue_signal` takes the next unblocked one out, in the order
signal(7) gives, or `flush_sigqueue_mask` throws it away. `recalc_sigpending` keeps `task.sigpending`, the
flag that sends a task to `kernel.signal.do_signal` before it goes back to user mode.

Linux: struct sigpending, struct sigqueue and the functions of these names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.resource import RLIMIT_SIGPENDING
from forkernel.abi.signal import (
    SI_TIMER,
    SIG_KERNEL_ONLY_MASK,
    SIG_KERNEL_STOP_MASK,
    SIGKILL,
    SYNCHRONOUS_MASK,
    SigInfo,
)
from forkernel.kernel.task import (
    PF_EXITING,
    TASK_INTERRUPTIBLE,
    TASK_STOPPED,
    TASK_TRACED,
    TASK_UNINTERRUPTIBLE,
    TASK_WAKEKILL,
)

if TYPE_CHECKING:
    from forkernel.kernel.system import System
    from forkernel.kernel.task import SigPending, Task

# Task.jobctl
JOBCTL_STOP_SIGMASK = 0xFFFF
JOBCTL_STOP_DEQUEUED = 1 << 16
"""A stop signal was taken from a queue and no SIGCONT has come since."""
JOBCTL_STOP_PENDING = 1 << 17
"""The task is to stop before it returns to user mode."""
JOBCTL_STOP_CONSUME = 1 << 18
"""The task counts in signal.group_stop_count."""
JOBCTL_TRAP_STOP = 1 << 19
"""A traced task is to stop for its tracer."""
JOBCTL_TRAP_NOTIFY = 1 << 20
"""The same, since a group stop began or ended (PTRACE_SEIZE)."""
JOBCTL_LISTENING = 1 << 22
"""The tracer leaves it stopped and listens (PTRACE_LISTEN)."""
JOBCTL_TRAP_FREEZE = 1 << 23
"""Stand still before user mode: the task's cgroup is frozen."""
JOBCTL_STOPPED = 1 << 26
"""The task is in a group stop, or was and has not run since."""
JOBCTL_TRACED = 1 << 27
"""The task is stopped for its tracer, or was and has not yet gone on from there."""
JOBCTL_TRAP_MASK = JOBCTL_TRAP_STOP | JOBCTL_TRAP_NOTIFY
JOBCTL_PENDING_MASK = JOBCTL_STOP_PENDING | JOBCTL_TRAP_FREEZE | JOBCTL_TRAP_MASK | JOBCTL_TRACED

FATAL_WAKE = TASK_INTERRUPTIBLE | TASK_UNINTERRUPTIBLE | TASK_WAKEKILL | TASK_STOPPED | TASK_TRACED
"""States that a fatal signal ends: every Sleep is at least killable."""


# --- queues


def sigqueue_add(task: Task, pending: SigPending, info: SigInfo, *, override: bool) -> bool:
    """Append `info` (a copy if it is in another queue), charged to the real user of the receiver `task`.

    False when RLIMIT_SIGPENDING forbids it and `override` is not set. The bit in `pending.bits` is the caller's.
    """
    users = task.system.sigpending_users
    payer = task.cred.uid
    held = users.get(payer, 0)
    if not override and held >= task.signal.rlim[RLIMIT_SIGPENDING][0]:
        return False
    if info.user >= 0:
        info = info.copy()
    info.user = payer
    users[payer] = held + 1
    pending.queue.append(info)
    return True


def _uncharge(system: System, info: SigInfo) -> None:
    """Give the place of a dequeued entry back."""
    if info.user < 0:
        return
    users = system.sigpending_users
    left = users[info.user] - 1
    if left:
        users[info.user] = left
    else:
        del users[info.user]
    info.user = -1


def flush_sigqueue_mask(system: System, pending: SigPending, mask: int) -> None:
    """Throw away all pending signals in `mask`."""
    if not pending.bits & mask:
        return
    pending.bits &= ~mask
    kept = []
    for info in pending.queue:
        if mask >> info.signo - 1 & 1:
            _uncharge(system, info)
        else:
            kept.append(info)
    pending.queue = kept


def next_signal(bits: int) -> int:
    """Which of these signals is taken first: a synchronous one, else the lowest number; 0 for none."""
    bits = bits & SYNCHRONOUS_MASK or bits
    return (bits & -bits).bit_length()


def collect_signal(system: System, pending: SigPending, sig: int) -> SigInfo:
    """Take the oldest `sig` out of the queue. One that was sent without room for its SigInfo comes with zeros."""
    found, more = None, False
    for info in pending.queue:
        if info.signo == sig:
            if found is not None:
                more = True
                break
            found = info
    if not more:
        pending.bits &= ~(1 << sig - 1)
    if found is None:
        return SigInfo(sig)
    pending.queue.remove(found)
    _uncharge(system, found)
    return found


def flush_itimer_signals(task: Task) -> None:
    """Forget the pending signals of POSIX timers (execve)."""
    for pending in (task.pending, task.signal.shared_pending):
        kept = [info for info in pending.queue if info.code != SI_TIMER or info.timer is None]
        for info in pending.queue:
            if info not in kept:
                _uncharge(task.system, info)
                pending.bits &= ~(1 << info.signo - 1)
        pending.queue = kept
        for info in kept:
            pending.bits |= 1 << info.signo - 1
    recalc_sigpending(task)


def dequeue_signal(task: Task, blocked: int) -> SigInfo | None:
    """Take the next signal that `blocked` lets through, the task's own before its process's; None if there is
    none. A stop signal leaves JOBCTL_STOP_DEQUEUED behind. The signal of a timer calls the timer's `rearm(info)`,
    which may say that it is to be dropped.
    """
    while True:
        info = _dequeue(task, blocked)
        if info is None or info.timer is None:
            return info
        timer, info.timer = info.timer, None
        if timer.rearm(info):
            return info


def _dequeue(task: Task, blocked: int) -> SigInfo | None:
    """One round of `dequeue_signal`."""
    pending = task.pending
    sig = next_signal(pending.bits & ~blocked)
    if not sig:
        pending = task.signal.shared_pending
        sig = next_signal(pending.bits & ~blocked)
    if not sig:
        recalc_sigpending(task)
        return None
    info = collect_signal(task.system, pending, sig)
    recalc_sigpending(task)
    if SIG_KERNEL_STOP_MASK >> sig - 1 & 1:
        task.jobctl |= JOBCTL_STOP_DEQUEUED
    return info


# --- the flag and the mask


def recalc_sigpending(task: Task) -> None:
    """Set `task.sigpending` by what is pending and not blocked, or by a stop to take part in."""
    bits = task.pending.bits | task.signal.shared_pending.bits
    task.sigpending = bool(bits & ~task.blocked or task.jobctl & JOBCTL_PENDING_MASK)


def signal_wake_up(task: Task, fatal: bool = False) -> None:
    """Make the task look at its signals: out of an interruptible sleep, and if `fatal` out of any."""
    task.sigpending = True
    task.system.sched.wake_up_state(task, FATAL_WAKE if fatal else TASK_INTERRUPTIBLE)


def signal_pending(task: Task) -> bool:
    """Whether the task has signals to handle (an interruptible sleep ends)."""
    return task.sigpending


def fatal_signal_pending(task: Task) -> bool:
    """Whether the task is about to die by SIGKILL (a killable sleep ends)."""
    return task.sigpending and bool(task.pending.bits >> SIGKILL - 1 & 1)


def set_current_blocked(task: Task, mask: int) -> None:
    """Change the signal mask. What the task no longer takes, another thread of the process may have to."""
    mask &= ~SIG_KERNEL_ONLY_MASK
    if mask == task.blocked:
        return
    if task.sigpending and len(task.signal.threads) > 1:
        retarget_shared_pending(task, mask & ~task.blocked)
    task.blocked = mask
    recalc_sigpending(task)


def retarget_shared_pending(task: Task, which: int) -> None:
    """Wake other threads for the process's pending signals in `which`, which `task` will not take."""
    left = task.signal.shared_pending.bits & which
    for thread in task.signal.threads:
        if not left:
            return
        if thread is task or thread.flags & PF_EXITING or not left & ~thread.blocked:
            continue
        left &= thread.blocked
        if not thread.sigpending:
            signal_wake_up(thread)


def set_user_sigmask(task: Task, mask: int) -> None:
    """Put on the mask of ppoll, pselect6 or epoll_pwait for one call; harmless when the call is run again."""
    if task.saved_sigmask is None:
        task.saved_sigmask = task.blocked
    set_current_blocked(task, mask)


def restore_saved_sigmask(task: Task) -> None:
    """Take the mask off again; nothing happens where none was put on."""
    if task.saved_sigmask is not None:
        mask, task.saved_sigmask = task.saved_sigmask, None
        set_current_blocked(task, mask)


# --- group stop bookkeeping


def task_set_jobctl_stop(task: Task, sig: int) -> bool:
    """Ask the task to take part in a group stop by `sig`; False for one that is dying."""
    if task.flags & PF_EXITING or fatal_signal_pending(task):
        return False
    task.jobctl = task.jobctl & ~JOBCTL_STOP_SIGMASK | sig | JOBCTL_STOP_PENDING | JOBCTL_STOP_CONSUME
    return True


def task_clear_jobctl_pending(task: Task) -> None:
    """Forget a stop that was asked for or dequeued."""
    task.jobctl &= ~(JOBCTL_STOP_PENDING | JOBCTL_STOP_CONSUME | JOBCTL_STOP_DEQUEUED)


def ptrace_trap_notify(task: Task) -> None:
    """Tell the tracer of a seized task that a group stop began or ended; wakes it where the tracer listens."""
    task.jobctl |= JOBCTL_TRAP_NOTIFY
    ptrace_signal_wake_up(task, bool(task.jobctl & JOBCTL_LISTENING))


def ptrace_signal_wake_up(task: Task, resume: bool) -> None:
    """Make the task look at its traps; out of a stop for its tracer too if `resume`."""
    task.sigpending = True
    task.system.sched.wake_up_state(task, TASK_INTERRUPTIBLE | (TASK_TRACED if resume else 0))


def kill_threads(task: Task, *, itself: bool) -> int:
    """SIGKILL for every live thread of the process (but `task` unless `itself`); returns how many others exist."""
    task.signal.group_stop_count = 0
    others = 0
    for thread in list(task.signal.threads):
        if thread is task and not itself:
            continue
        others += thread is not task
        task_clear_jobctl_pending(thread)
        thread.jobctl &= ~JOBCTL_TRAP_MASK
        if thread.exit_state:
            continue
        thread.pending.bits |= 1 << SIGKILL - 1
        signal_wake_up(thread, fatal=True)
    return others
