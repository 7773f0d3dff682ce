"""ptrace as the tracer uses it (ptrace(2), Linux: kernel/ptrace.c), and who may look into whom.

Life cycle: `ptrace_traceme` or `ptrace_attach` makes a task a tracee, which then stops on its own
(`kernel.ptrace_stop`); the tracer learns of a stop by wait, looks and changes (`syscalls.ptrace`), and
`ptrace_resume` or `ptrace_detach` lets it go on. A stop survives until one of these, SIGKILL, or the tracer's end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.capability import CAP_SYS_ADMIN, CAP_SYS_PTRACE
from forkernel.abi.errno import EINVAL, EIO, EPERM, ESRCH
from forkernel.abi.ptrace import (
    PT_OPT_FLAG_SHIFT,
    PT_OPTIONS,
    PT_PTRACED,
    PT_SEIZED,
    PTRACE_EVENT_STOP,
    PTRACE_O_MASK,
    PTRACE_O_SUSPEND_SECCOMP,
    PTRACE_SINGLESTEP,
    PTRACE_SYSCALL,
    PTRACE_SYSEMU,
    PTRACE_SYSEMU_SINGLESTEP,
)
from forkernel.abi.signal import SIGKILL, SIGSTOP
from forkernel.arch.x86_64.user_regs import single_step
from forkernel.errors import SysError
from forkernel.kernel import signal
from forkernel.kernel.cred import capable, ns_capable
from forkernel.kernel.exit import release_task
from forkernel.kernel.ptrace_stop import do_jobctl_trap, ptrace_detach_from, ptrace_link
from forkernel.kernel.sigqueue import (
    JOBCTL_LISTENING,
    JOBCTL_STOPPED,
    JOBCTL_TRAP_NOTIFY,
    JOBCTL_TRAP_STOP,
    ptrace_signal_wake_up,
)
from forkernel.kernel.task import PF_KTHREAD, TASK_STOPPED, TASK_TRACED

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

SUID_DUMP_DISABLE, SUID_DUMP_USER = 0, 1
"""mm.dumpable: 1 for an ordinary process."""


def ptrace_may_access(task: Task, target: Task, *, fscreds: bool = False) -> bool:
    """Whether `task` may inspect `target` ("Ptrace access mode checking"; `fscreds`: PTRACE_MODE_FSCREDS)."""
    if task.signal is target.signal:
        return True
    cred, other = task.cred, target.cred
    uid, gid = (cred.fsuid, cred.fsgid) if fscreds else (cred.uid, cred.gid)
    same_user = uid == other.uid == other.euid == other.suid and gid == other.gid == other.egid == other.sgid
    if not same_user and not ns_capable(task, other.user_ns, CAP_SYS_PTRACE):
        return False
    if target.mm is not None and target.mm.dumpable != SUID_DUMP_USER:
        if not ns_capable(task, target.mm.user_ns, CAP_SYS_PTRACE):
            return False
    mine = cred.cap_effective if fscreds else cred.cap_permitted
    if cred.user_ns is other.user_ns and not other.cap_permitted & ~mine:
        return True
    return ns_capable(task, other.user_ns, CAP_SYS_PTRACE)


# --- becoming a tracer


def ptrace_traceme(task: Task) -> None:
    """PTRACE_TRACEME: the parent is the tracer from now on; EPERM if there is one already."""
    if task.ptrace:
        raise SysError(EPERM)
    ptrace_link(task, task.real_parent, PT_PTRACED)


def ptrace_attach(tracer: Task, task: Task, addr: int, options: int, *, seize: bool) -> None:
    """PTRACE_ATTACH, PTRACE_SEIZE: trace `task`; EPERM where that is not allowed, EIO for bad options."""
    flags = PT_PTRACED
    if seize:
        if addr or options & ~PTRACE_O_MASK:
            raise SysError(EIO)
        check_options(tracer, options)
        flags |= PT_SEIZED | options << PT_OPT_FLAG_SHIFT
    if task.flags & PF_KTHREAD or task.signal is tracer.signal:
        raise SysError(EPERM)
    if not ptrace_may_access(tracer, task) or task.exit_state or task.ptrace:
        raise SysError(EPERM)
    ptrace_link(task, tracer, flags)
    if not seize:
        signal.send_signal(SIGSTOP, None, task, group=False)
    if task.state & TASK_STOPPED:  # from a group stop into a stop for the tracer, before the call returns
        task.jobctl = task.jobctl & ~JOBCTL_STOPPED | JOBCTL_TRAP_STOP
        if fire := task.system.trace.signal_continue:
            fire(task)
        do_jobctl_trap(task)


def check_options(tracer: Task, options: int) -> None:
    """EINVAL for options that there are not; EPERM to suspend seccomp without being allowed to (Linux:
    check_ptrace_options).
    """
    if options & ~PTRACE_O_MASK:
        raise SysError(EINVAL)
    if options & PTRACE_O_SUSPEND_SECCOMP:
        held_back = tracer.seccomp is not None or tracer.ptrace & PTRACE_O_SUSPEND_SECCOMP << PT_OPT_FLAG_SHIFT
        if held_back or not capable(tracer, CAP_SYS_ADMIN):
            raise SysError(EPERM)


def ptrace_setoptions(tracer: Task, task: Task, options: int) -> None:
    """PTRACE_SETOPTIONS."""
    check_options(tracer, options)
    task.ptrace = task.ptrace & ~PT_OPTIONS | options << PT_OPT_FLAG_SHIFT


# --- letting it go on


def ptrace_check_attach(tracer: Task, task: Task, *, stopped: bool) -> None:
    """ESRCH unless `tracer` traces the task and, where that is needed, it has stopped."""
    if not task.ptrace or task.parent is not tracer:
        raise SysError(ESRCH)
    if stopped and (not task.state & TASK_TRACED or task.jobctl & JOBCTL_LISTENING):
        raise SysError(ESRCH)


def ptrace_resume(task: Task, request: int, sig: int) -> None:
    """PTRACE_CONT and its like: go on with signal `sig`, or none; EIO for one that there is not."""
    if not signal.valid_signal(sig):
        raise SysError(EIO)
    tracing = task.tracing
    assert tracing is not None
    tracing.syscall = request == PTRACE_SYSCALL
    tracing.sysemu = request in (PTRACE_SYSEMU, PTRACE_SYSEMU_SINGLESTEP)
    single_step(task, request in (PTRACE_SINGLESTEP, PTRACE_SYSEMU_SINGLESTEP))
    task.exit_code = sig
    task.system.sched.wake_up_state(task, TASK_TRACED)


def ptrace_kill(task: Task) -> None:
    """PTRACE_KILL: go on with SIGKILL, if it has stopped."""
    if not task.exit_state and task.state & TASK_TRACED:
        task.exit_code = SIGKILL
        task.system.sched.wake_up_state(task, TASK_TRACED)


def ptrace_detach(tracer: Task, task: Task, sig: int) -> None:
    """PTRACE_DETACH: trace it no more; it goes on with signal `sig`. EIO."""
    if not signal.valid_signal(sig):
        raise SysError(EIO)
    tracing = task.tracing
    assert tracing is not None
    single_step(task, False)
    tracing.syscall = tracing.sysemu = False
    task.exit_code = sig
    if ptrace_detach_from(tracer, task):
        release_task(task)


def ptrace_interrupt(task: Task) -> None:
    """PTRACE_INTERRUPT: stop it (PTRACE_EVENT_STOP), wherever it is; EIO for one that was attached to."""
    if not task.ptrace & PT_SEIZED:
        raise SysError(EIO)
    task.jobctl |= JOBCTL_TRAP_STOP
    ptrace_signal_wake_up(task, bool(task.jobctl & JOBCTL_LISTENING))


def ptrace_listen(task: Task) -> None:
    """PTRACE_LISTEN: leave it in its group stop, and be told of its end; EIO where it is in none."""
    info = task.tracing.info if task.tracing is not None else None
    if not task.ptrace & PT_SEIZED or info is None or info.code >> 8 != PTRACE_EVENT_STOP:
        raise SysError(EIO)
    task.jobctl |= JOBCTL_LISTENING
    if task.jobctl & JOBCTL_TRAP_NOTIFY:
        ptrace_signal_wake_up(task, True)
