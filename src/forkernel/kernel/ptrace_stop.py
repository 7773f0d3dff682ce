"""ptrace as the tracee lives it: being traced, its stops, and what it does after each (ptrace(2), "Stopped states").

Life of a stop: `ptrace_stop` notes why, makes the task TASK_TRACED and tells the tracer; the tracer looks, and lets
it go on by `kernel.ptrace.ptrace_resume`, with a signal or none in `exit_code`; `stop_done` takes that up. A task
stops in one of two places, and the rest of what it was doing is kept accordingly:

* on its way to user mode (signals, group stops, the end of a call, the end of the task): `Tracing.stop` is an
  `After`, and `kernel.signal.get_signal` calls it when the task runs again;
* inside a call (before it, or for an event of fork or exec): the call sleeps, by `Stopped`, with a Resume.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import ERESTARTNOINTR
from forkernel.abi.ptrace import (
    PT_EXITKILL,
    PT_PTRACED,
    PT_SEIZED,
    PT_TRACESYSGOOD,
    PTRACE_EVENT_EXEC,
    PTRACE_EVENT_EXIT,
    PTRACE_EVENT_STOP,
    PTRACE_EVENTMSG_SYSCALL_ENTRY,
    PTRACE_EVENTMSG_SYSCALL_EXIT,
    event_flag,
)
from forkernel.abi.signal import CLD_STOPPED, CLD_TRAPPED, SI_USER, SIGKILL, SIGSTOP, SIGTRAP, SigInfo
from forkernel.kernel.pid import task_tgid
from forkernel.kernel.sigqueue import (
    JOBCTL_LISTENING,
    JOBCTL_STOP_DEQUEUED,
    JOBCTL_STOP_PENDING,
    JOBCTL_STOP_SIGMASK,
    JOBCTL_TRACED,
    JOBCTL_TRAP_MASK,
    JOBCTL_TRAP_NOTIFY,
    JOBCTL_TRAP_STOP,
    fatal_signal_pending,
    ptrace_signal_wake_up,
    recalc_sigpending,
)
from forkernel.kernel.task import (
    EXIT_DEAD,
    EXIT_ZOMBIE,
    PF_EXITING,
    SIGNAL_STOP_STOPPED,
    SYSCALL_WORK_TRACE,
    TASK_TRACED,
)
from forkernel.wait import Resume, Sleep

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

TRAP_BRKPT = 1
"""si_code of the SIGTRAP after a single step over a call."""


class After:
    """What a task does when it goes on after a stop on its way to user mode."""

    __slots__ = ()

    def go_on(self, task: Task, sig: int) -> SigInfo | None:
        """`sig` is what the tracer let it go on with; a signal to act upon now, or None."""
        raise NotImplementedError


class Tracing:
    """What a task that is traced has more than others. Fields carry Linux's names without `ptrace_`."""

    __slots__ = ("info", "message", "stop", "syscall", "sysemu", "step")

    def __init__(self) -> None:
        self.message = 0
        """For PTRACE_GETEVENTMSG."""
        self.info: SigInfo | None = None
        """For PTRACE_GETSIGINFO, while the task is stopped (Linux: last_siginfo)."""
        self.stop: After | None = None
        self.syscall = False
        """Stop before and after the next call (PTRACE_SYSCALL)."""
        self.sysemu = False
        """Stop before it, and do not make it (PTRACE_SYSEMU)."""
        self.step = False
        """Stop after one instruction."""


class Stopped(Sleep):
    """The sleep of a task that stops for its tracer inside a call; `resume` goes on with it."""

    state = TASK_TRACED

    def __init__(self, resume: Resume) -> None:
        super().__init__(resume=resume, interruptible=False)


# --- being traced


def ptrace_link(task: Task, tracer: Task, flags: int) -> None:
    """`task` is traced by `tracer` from now on, who is its parent for SIGCHLD and wait."""
    task.ptrace = flags
    task.syscall_work |= SYSCALL_WORK_TRACE
    task.tracing = Tracing()
    if tracer.ptraced is None:
        tracer.ptraced = {}
    tracer.ptraced[task] = None
    task.parent = tracer


def ptrace_init_task(parent: Task, child: Task) -> None:
    """A new child is traced as its parent is: by the same tracer, with the same options; it begins with a stop."""
    ptrace_link(child, parent.parent, parent.ptrace)
    if child.ptrace & PT_SEIZED:
        child.jobctl |= JOBCTL_TRAP_STOP
    else:
        child.pending.bits |= 1 << SIGSTOP - 1
    child.sigpending = True


def ptrace_unlink(task: Task) -> None:
    """`task` is not traced any more; a group stop that it is part of holds for it again (Linux: __ptrace_unlink)."""
    tracer = task.parent
    if tracer.ptraced:
        tracer.ptraced.pop(task, None)
    task.parent = task.real_parent
    task.ptrace = 0
    task.syscall_work &= ~SYSCALL_WORK_TRACE
    task.jobctl &= ~JOBCTL_TRAP_MASK
    group = task.signal
    if not task.flags & PF_EXITING and (group.flags & SIGNAL_STOP_STOPPED or group.group_stop_count):
        task.jobctl |= JOBCTL_STOP_PENDING
        if not task.jobctl & JOBCTL_STOP_SIGMASK:
            task.jobctl |= SIGSTOP
    if task.jobctl & JOBCTL_STOP_PENDING or task.state & TASK_TRACED:
        ptrace_signal_wake_up(task, True)


def ptrace_detach_from(tracer: Task, task: Task) -> bool:
    """Let `task` go; whether it was a zombie kept for the tracer alone, and is to be released (__ptrace_detach)."""
    from forkernel.kernel import signal

    ptrace_unlink(task)
    if task.exit_state != EXIT_ZOMBIE:
        return False
    dead = not task.is_leader
    if not dead and len(task.signal.threads) == 1:
        if task.real_parent.signal is not tracer.signal:
            dead = signal.do_notify_parent(task, task.exit_signal)
        elif signal.ignoring_children(tracer):
            tracer.signal.wait_chldexit.wake_up()
            dead = True
    if dead:
        task.exit_state = EXIT_DEAD
    return dead


def exit_ptrace(tracer: Task, dead: list[Task]) -> None:
    """The tracer is gone: all it traced go on untraced, or die with it (PTRACE_O_EXITKILL)."""
    from forkernel.kernel import signal

    for task in list(tracer.ptraced or ()):
        if task.ptrace & PT_EXITKILL:
            signal.send_sig_info(SIGKILL, None, task)
        if ptrace_detach_from(tracer, task):
            dead.append(task)


# --- the stop itself


def ptrace_stop(
    task: Task, code: int, why: int, message: int, info: SigInfo | None, after: After | None = None
) -> bool:
    """Stop `task` and tell its tracer, who reads `code` as the wait status's upper part; False if it is not traced
    any more, or being killed. `after`: how it goes on, if not inside a call.
    """
    from forkernel.kernel import signal

    tracing = task.tracing
    if not task.ptrace or tracing is None or fatal_signal_pending(task):
        return False
    tracing.message, tracing.info, tracing.stop = message, info, after
    task.exit_code = code
    completed = False
    if why == CLD_STOPPED and task.jobctl & JOBCTL_STOP_PENDING:
        completed = signal.task_participate_group_stop(task)
    task.jobctl &= ~JOBCTL_TRAP_STOP
    if info is not None and info.code >> 8 == PTRACE_EVENT_STOP:
        task.jobctl &= ~JOBCTL_TRAP_NOTIFY
    task.jobctl |= JOBCTL_TRACED
    task.state = TASK_TRACED
    task.sigpending = True
    if fire := task.system.trace.ptrace_stop:
        fire(task, code, why)
    signal.do_notify_parent_cldstop(task, why, for_ptracer=True)
    if completed and ptrace_reparented(task):
        signal.do_notify_parent_cldstop(task, why)
    return True


def stop_done(task: Task) -> int:
    """The stop is over: the signal that the tracer gave, 0 for none."""
    sig, task.exit_code = task.exit_code & 0x7F, 0
    if task.tracing is not None:
        task.tracing.message, task.tracing.info = 0, None
    task.jobctl &= ~(JOBCTL_TRACED | JOBCTL_LISTENING)
    recalc_sigpending(task)
    return sig


def ptrace_reparented(task: Task) -> bool:
    """Whether the tracer is not the real parent's process."""
    return task.parent.signal is not task.real_parent.signal


def _trap_info(task: Task, code: int) -> SigInfo:
    """The SIGTRAP that a stop without a signal shows (Linux: ptrace_do_notify)."""
    return SigInfo(SIGTRAP, code, pid=task.thread_pid.nr_ns(task.thread_pid.ns), uid=task.cred.uid)


# --- on the way to user mode


def go_on_after_stop(task: Task) -> SigInfo | None:
    """The first thing a task does that runs again after a stop on its way to user mode."""
    tracing = task.tracing
    sig = stop_done(task)
    if tracing is None:
        return None
    stop, tracing.stop = tracing.stop, None
    return stop.go_on(task, sig) if stop is not None else None


class SignalStop(After):
    """Signal-delivery-stop: the tracer says which signal is delivered in the end (Linux: ptrace_signal)."""

    __slots__ = ("info",)

    def __init__(self, info: SigInfo) -> None:
        self.info = info

    def go_on(self, task: Task, sig: int) -> SigInfo | None:
        """Deliver the signal chosen; one that is blocked is queued again."""
        from forkernel.kernel import signal

        if not sig:
            return None
        info = self.info
        if sig != info.signo:
            tracer = task.parent
            info = SigInfo(sig, SI_USER, pid=task_tgid(tracer).nr_ns(task.thread_pid.ns), uid=tracer.cred.uid)
        if task.blocked >> sig - 1 & 1:
            signal.send_signal(sig, info, task, group=False)
            return None
        return info


def ptrace_signal(task: Task, info: SigInfo) -> bool:
    """A signal was taken from the queue: let the tracer see it first; whether the task stopped for that."""
    task.jobctl |= JOBCTL_STOP_DEQUEUED
    return ptrace_stop(task, info.signo, CLD_TRAPPED, 0, info, SignalStop(info))


class TrapStop(After):
    """Group-stop, or PTRACE_EVENT_STOP: nothing is left to do."""

    __slots__ = ()

    def go_on(self, task: Task, sig: int) -> None:
        """On to the next signal."""


def do_jobctl_trap(task: Task) -> None:
    """A traced task takes part in a group stop, or was asked to stop by PTRACE_INTERRUPT (Linux's function)."""
    sig = task.jobctl & JOBCTL_STOP_SIGMASK
    task.jobctl &= ~JOBCTL_TRAP_STOP
    if task.ptrace & PT_SEIZED:
        group = task.signal
        if not group.group_stop_count and not group.flags & SIGNAL_STOP_STOPPED:
            sig = SIGTRAP
        code = sig | PTRACE_EVENT_STOP << 8
        info = _trap_info(task, code)
        info.signo = sig
        ptrace_stop(task, code, CLD_STOPPED, 0, info, TrapStop())
    else:
        ptrace_stop(task, sig, CLD_STOPPED, 0, None, TrapStop())


class ReportStop(After):
    """After a call: the signal that the tracer gave is sent."""

    __slots__ = ()

    def go_on(self, task: Task, sig: int) -> None:
        """Send it; it is taken from the queue like any other."""
        send_from_tracer(task, sig)


def send_from_tracer(task: Task, sig: int) -> None:
    """A signal that the tracer gave at the beginning or the end of a call."""
    from forkernel.kernel import signal

    if sig:
        signal.send_signal(sig, None, task, group=False)


def report_syscall_exit(task: Task) -> None:
    """A call of a traced task is over: stop for PTRACE_SYSCALL, and trap for PTRACE_SINGLESTEP."""
    from forkernel.kernel import signal

    tracing = task.tracing
    if tracing is None:
        return
    if tracing.step:
        signal.force_sig_fault(task, SIGTRAP, TRAP_BRKPT, task.regs.rip)
    elif tracing.syscall:
        _syscall_stop(task, PTRACE_EVENTMSG_SYSCALL_EXIT, ReportStop())


def _syscall_stop(task: Task, message: int, after: After | None) -> bool:
    code = SIGTRAP | (0x80 if task.ptrace & PT_TRACESYSGOOD else 0)
    return ptrace_stop(task, code, CLD_TRAPPED, message, _trap_info(task, code), after)


class ExitStop(After):
    """PTRACE_EVENT_EXIT: the tracer has a last look."""

    __slots__ = ("code",)

    def __init__(self, code: int) -> None:
        self.code = code

    def go_on(self, task: Task, sig: int) -> None:
        """And the task ends."""
        from forkernel.kernel.exit import exit_now

        exit_now(task, self.code)


def ptrace_exit_stop(task: Task, code: int) -> bool:
    """Whether the task stops before it exits."""
    return _event(task, PTRACE_EVENT_EXIT, code, ExitStop(code))


# --- inside a call


def _event(task: Task, event: int, message: int, after: After | None = None) -> bool:
    """Stop for an event if the tracer asked for it (Linux: ptrace_event)."""
    if not task.ptrace & event_flag(event):
        return False
    code = SIGTRAP | event << 8
    return ptrace_stop(task, code, CLD_TRAPPED, message, _trap_info(task, code), after)


def ptrace_event(task: Task, event: int, message: int, resume: Resume) -> None:
    """Inside a call: stop for an event; raises `Stopped`, and `resume` goes on. Else it returns."""
    if _event(task, event, message):
        raise Stopped(resume)


class ExecReturn(Resume):
    """The end of an execve that the tracer was told of."""

    __slots__ = ()

    def step(self, task: Task) -> int:
        """Into the new program."""
        stop_done(task)
        return 0

    def interrupted(self, task: Task) -> int:
        """Killed."""
        return 0


def ptrace_exec_event(task: Task, old_pid: int) -> None:
    """A new program was loaded: PTRACE_EVENT_EXEC, or for tracers of old the plain SIGTRAP after it."""
    from forkernel.kernel import signal

    ptrace_event(task, PTRACE_EVENT_EXEC, old_pid, ExecReturn())
    if task.ptrace & (PT_PTRACED | PT_SEIZED) == PT_PTRACED and not task.ptrace & event_flag(PTRACE_EVENT_EXEC):
        signal.send_sig(SIGTRAP, task)


class SyscallEntry(Resume):
    """A call whose beginning the tracer was shown: the call itself, as the tracer may have changed it."""

    __slots__ = ("emulate",)

    def __init__(self, emulate: bool) -> None:
        self.emulate = emulate
        """The tracer makes the call in the kernel's place (PTRACE_SYSEMU)."""

    def step(self, task: Task) -> int:
        """Make the call."""
        send_from_tracer(task, stop_done(task))
        regs = task.regs
        number = task.syscall_nr
        task.syscall_args = (regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9)
        if self.emulate or number < 0:
            rax: int = regs.rax
            return rax
        if task.seccomp is not None:
            from forkernel.kernel.seccomp import secure_computing

            if (instead := secure_computing(task)) is not None:
                return instead
        result: int = task.system.entry.make_call(task)
        return result

    def interrupted(self, task: Task) -> int:
        """Killed."""
        return -ERESTARTNOINTR


def syscall_entry_stop(task: Task) -> Sleep | None:
    """Whether the call about to be made is shown to the tracer first: then the sleep for it."""
    tracing = task.tracing
    if tracing is None or not (tracing.syscall or tracing.sysemu):
        return None
    if not _syscall_stop(task, PTRACE_EVENTMSG_SYSCALL_ENTRY, None):
        return None
    return Stopped(SyscallEntry(tracing.sysemu))
