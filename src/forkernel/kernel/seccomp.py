"""seccomp: which system calls a thread may make (Linux: kernel/seccomp.c; seccomp(2), seccomp_unotify(2)).

Life cycle: `set_mode_strict` or `attach_filter` gives the current thread (or all of its process: TSYNC) a `Seccomp`,
which clone hands down and execve keeps; nothing takes it back. From then on `secure_computing` is asked before each
call: it lets the call be made, or says what happens instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import EACCES, EBUSY, EINVAL, ENOMEM, ENOSYS, ESRCH
from forkernel.abi.ptrace import PT_OPT_FLAG_SHIFT, PTRACE_EVENT_SECCOMP, PTRACE_O_SUSPEND_SECCOMP, event_flag
from forkernel.abi.seccomp import (
    AUDIT_ARCH_X86_64,
    MAX_ERRNO,
    MAX_INSNS_PER_PATH,
    SECCOMP_FILTER_FLAG_LOG,
    SECCOMP_FILTER_FLAG_NEW_LISTENER,
    SECCOMP_FILTER_FLAG_TSYNC,
    SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
    SECCOMP_MODE_DISABLED,
    SECCOMP_MODE_FILTER,
    SECCOMP_MODE_STRICT,
    SECCOMP_RET_ACTION_FULL,
    SECCOMP_RET_ALLOW,
    SECCOMP_RET_DATA,
    SECCOMP_RET_ERRNO,
    SECCOMP_RET_KILL_THREAD,
    SECCOMP_RET_LOG,
    SECCOMP_RET_TRACE,
    SECCOMP_RET_TRAP,
    SECCOMP_RET_USER_NOTIF,
)
from forkernel.abi.signal import SIGKILL, SIGSYS, SYS_SECCOMP, SigInfo
from forkernel.errors import SysError
from forkernel.kernel.bpf import MASK32, Program, converted_length, run_program
from forkernel.kernel.ptrace_stop import ptrace_event, stop_done
from forkernel.kernel.task import SYSCALL_WORK_SECCOMP
from forkernel.wait import Resume

if TYPE_CHECKING:
    from forkernel.kernel.seccomp_notify import Notification
    from forkernel.kernel.task import Task

PT_SUSPEND_SECCOMP = PTRACE_O_SUSPEND_SECCOMP << PT_OPT_FLAG_SHIFT
MASK64 = (1 << 64) - 1
STRICT_CALLS = (0, 1, 15, 60)
"""read, write, rt_sigreturn, exit."""
INSNS_PER_FILTER = 4
"""What each filter counts for beside its instructions."""


class SeccompFilter:
    """One filter; `prev` are those installed before it, which are asked too."""

    __slots__ = ("depth", "length", "log", "notif", "prev", "program")

    def __init__(self, program: Program, prev: SeccompFilter | None, *, log: bool) -> None:
        self.program = program
        self.prev = prev
        self.log = log
        """SECCOMP_FILTER_FLAG_LOG."""
        self.notif: Notification | None = None
        """The listener, for SECCOMP_RET_USER_NOTIF."""
        self.depth: int = 1 + (prev.depth if prev is not None else 0)
        self.length: int = converted_length(program) + (prev.length + INSNS_PER_FILTER if prev is not None else 0)
        """Instructions of all as Linux counts them, for the limit."""

    def is_ancestor_of(self, other: SeccompFilter | None) -> bool:
        """Whether `other` came to be by adding to this one, or is it."""
        while other is not None and other is not self:
            other = other.prev
        return other is not None


class Seccomp:
    """The state of a thread, the same object for all that inherited it. Never changes, but for the memory."""

    __slots__ = ("allowed", "filter", "mode")

    def __init__(self, mode: int, newest: SeccompFilter | None) -> None:
        self.mode = mode
        self.filter = newest
        self.allowed: set[int] = set()
        """Numbers of calls that every filter allows whatever the arguments."""


def seccomp_mode(task: Task) -> int:
    """SECCOMP_MODE_* (prctl PR_GET_SECCOMP, /proc/PID/status)."""
    return task.seccomp.mode if task.seccomp is not None else SECCOMP_MODE_DISABLED


def _assign(task: Task, state: Seccomp) -> None:
    task.seccomp = state
    task.syscall_work |= SYSCALL_WORK_SECCOMP


# --- installing


def may_assign_mode(task: Task, mode: int) -> bool:
    """A mode, once chosen, is for ever."""
    return task.seccomp is None or task.seccomp.mode == mode


def set_mode_strict(task: Task) -> int:
    """read, write, _exit and rt_sigreturn only; EINVAL where filters are in force."""
    if not may_assign_mode(task, SECCOMP_MODE_STRICT):
        raise SysError(EINVAL)
    _assign(task, Seccomp(SECCOMP_MODE_STRICT, None))
    return 0


def check_filter_caps(task: Task) -> None:
    """EACCES unless the task has CAP_SYS_ADMIN in its user namespace, or can gain no privileges any more."""
    from forkernel.abi.capability import CAP_SYS_ADMIN
    from forkernel.namespace import cap_capable

    if not task.no_new_privs and not cap_capable(task.cred, task.cred.user_ns, CAP_SYS_ADMIN):
        raise SysError(EACCES)


def attach_filter(task: Task, program: Program, flags: int) -> int:
    """Add a filter to the current thread, with TSYNC to all of its process; 0, or with NEW_LISTENER the listener's
    descriptor. With TSYNC, the ID of a thread that has filters of its own stands in the way: nothing is changed then
    (ESRCH with TSYNC_ESRCH). EINVAL, EBUSY, ENOMEM, EMFILE.
    """
    from forkernel.kernel.seccomp_notify import has_listener, make_listener

    if not may_assign_mode(task, SECCOMP_MODE_FILTER):
        raise SysError(EINVAL)
    old = task.seccomp.filter if task.seccomp is not None else None
    new = SeccompFilter(program, old, log=bool(flags & SECCOMP_FILTER_FLAG_LOG))
    if flags & SECCOMP_FILTER_FLAG_NEW_LISTENER and has_listener(old):
        raise SysError(EBUSY)
    if new.length > MAX_INSNS_PER_PATH:
        raise SysError(ENOMEM)
    if flags & SECCOMP_FILTER_FLAG_TSYNC and (odd := _cannot_sync(task, old)) is not None:
        if flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH:
            raise SysError(ESRCH)
        return odd
    fd = make_listener(task, new, flags) if flags & SECCOMP_FILTER_FLAG_NEW_LISTENER else 0
    state = Seccomp(SECCOMP_MODE_FILTER, new)
    _assign(task, state)
    if flags & SECCOMP_FILTER_FLAG_TSYNC:
        for thread in task.signal.threads:
            if not thread.exit_state:
                thread.no_new_privs = thread.no_new_privs or task.no_new_privs
                _assign(thread, state)
    return fd


def _cannot_sync(task: Task, ours: SeccompFilter | None) -> int | None:
    """The ID of a thread whose filters are not among `ours`, None if all can be synchronised."""
    for thread in task.signal.threads:
        state = thread.seccomp
        if thread is task or state is None or thread.exit_state:
            continue
        if state.filter is None or not state.filter.is_ancestor_of(ours):
            return thread.thread_pid.nr_ns(task.thread_pid.ns)
    return None


# --- asking


def secure_computing(task: Task, *, traced: bool = False) -> int | None:
    """Whether the call about to be made may be: None, or what it returns instead. `traced`: the tracer was asked
    already, and what it may have changed is looked at again. May end the task, or raise Sleep.
    """
    state = task.seccomp
    if state is None or task.syscall_nr in state.allowed or task.ptrace & PT_SUSPEND_SECCOMP:
        return None
    if state.filter is None:
        return _strict(task)
    value, chosen = _run_filters(task, state, state.filter)
    action, data = value & SECCOMP_RET_ACTION_FULL, value & SECCOMP_RET_DATA
    if action in (SECCOMP_RET_ALLOW, SECCOMP_RET_LOG):
        return None
    if action == SECCOMP_RET_ERRNO:
        return -min(data, MAX_ERRNO)
    if action == SECCOMP_RET_TRAP:
        return _trap(task, data, fatal=False)
    if action == SECCOMP_RET_TRACE:
        return _trace(task, data) if not traced else None
    if action == SECCOMP_RET_USER_NOTIF:
        from forkernel.kernel.seccomp_notify import notify

        return notify(task, chosen)
    return _kill(task, action, data)


def _run_filters(task: Task, state: Seccomp, newest: SeccompFilter) -> tuple[int, SeccompFilter]:
    """The strictest answer of all filters, of equals the newest one's, and whose it is."""
    words = seccomp_words(task)
    answer, chosen, constant = SECCOMP_RET_ALLOW, newest, True
    found: SeccompFilter | None = newest
    while found is not None:
        value, depends_not = run_program(found.program, words)
        constant = constant and depends_not
        if _severity(value) < _severity(answer):
            answer, chosen = value, found
        found = found.prev
    if answer == SECCOMP_RET_ALLOW and constant:
        state.allowed.add(task.syscall_nr)
    return answer, chosen


def _severity(value: int) -> int:
    """Actions in order of strictness: as signed numbers, so that killing the process comes first."""
    action = value & SECCOMP_RET_ACTION_FULL
    return action - (1 << 32) if action >> 31 else action


def seccomp_words(task: Task) -> tuple[int, ...]:
    """struct seccomp_data as 16 words: number, architecture, instruction pointer and six arguments of the call."""
    words = [task.syscall_nr & MASK32, AUDIT_ARCH_X86_64]
    for value in (task.regs.rip, *task.syscall_args):
        words += (value & MASK32, value >> 32)
    return tuple(words)


# --- what happens instead


def _strict(task: Task) -> int | None:
    from forkernel.kernel.exit import do_exit

    if task.syscall_nr in STRICT_CALLS:
        return None
    do_exit(task, SIGKILL)
    return 0


def _trap(task: Task, data: int, *, fatal: bool) -> int:
    """SIGSYS, with all of the call in its siginfo; the call's number stays in rax."""
    from forkernel.kernel.signal import force_sig_info_to_task

    number = task.syscall_nr
    regs = task.regs
    info = SigInfo(SIGSYS, SYS_SECCOMP, data, addr=regs.rip, syscall=number, arch=AUDIT_ARCH_X86_64)
    force_sig_info_to_task(info, task, fatal=fatal)
    return number


def _kill(task: Task, action: int, data: int) -> int:
    """End the thread, or the process: also for an action that is not known."""
    from forkernel.kernel.exit import do_exit

    alone = sum(not thread.exit_state for thread in task.signal.threads) == 1
    if action != SECCOMP_RET_KILL_THREAD or alone:
        return _trap(task, data, fatal=True)
    do_exit(task, SIGSYS)
    return 0


class AfterTrace(Resume):
    """A call that the tracer was told of: it may have changed it, or have forbidden it with the number -1."""

    __slots__ = ()

    def step(self, task: Task) -> int:
        """Look again at what the call is now, and make it."""
        stop_done(task)
        regs = task.regs
        if task.syscall_nr < 0:
            rax: int = regs.rax
            return rax
        task.syscall_args = (regs.rdi, regs.rsi, regs.rdx, regs.r10, regs.r8, regs.r9)
        instead = secure_computing(task, traced=True)
        return task.system.entry.make_call(task) if instead is None else instead

    def interrupted(self, task: Task) -> int:
        """Killed."""
        return -ENOSYS


def _trace(task: Task, data: int) -> int:
    """Tell the tracer, if there is one that asked for it; ENOSYS otherwise."""
    if task.ptrace & event_flag(PTRACE_EVENT_SECCOMP):
        task.regs.rax = -ENOSYS & MASK64
        ptrace_event(task, PTRACE_EVENT_SECCOMP, data, AfterTrace())
    return -ENOSYS
