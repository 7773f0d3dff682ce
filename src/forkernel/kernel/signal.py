"""Signals (signal(7)): from the sender to the handler's first instruction.

Life of a signal:
1. *Sent*: `send_sig_info` (the kernel), `group_send_sig_info` and `do_send_specific` (a task, with permission
   checks), `force_sig_fault` (the task's own doing). `prepare_signal` makes SIGCONT and the stop signals take
   back one another and drops what is ignored; what is left goes into a queue (`kernel.sigqueue`).
2. *Aimed*: `complete_signal` picks the thread that will take it and wakes it; a signal that ends the process
   ends it here, by SIGKILL for all its threads.
3. *Taken*: before the task goes to user mode, entry calls `do_signal`, which acts on what `get_signal` takes
   from the queues: dies (`exit.do_group_exit`), stops (`do_signal_stop`) or runs a handler (`handle_signal`).
4. *Told on*: the parent hears of deaths by `do_notify_parent` and of stops by `do_notify_parent_cldstop`.

Names follow Linux's kernel/signal.c. A traced task stops on the way for its tracer (`kernel.ptrace_stop`).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from forkernel.abi.errno import EAGAIN, EINVAL, ENOMEM, EPERM, ESRCH
from forkernel.abi.ptrace import PT_SEIZED
from forkernel.abi.signal import (
    CLD_CONTINUED,
    CLD_EXITED,
    CLD_KILLED,
    CLD_STOPPED,
    CLD_TRAPPED,
    DEFAULT_ACTION,
    IGNORE_ACTION,
    MINSIGSTKSZ,
    NSIG,
    PADDING,
    SA_NOCLDSTOP,
    SA_NOCLDWAIT,
    SA_NODEFER,
    SA_RESETHAND,
    SI_KERNEL,
    SI_USER,
    SIG_DFL,
    SIG_IGN,
    SIG_KERNEL_COREDUMP_MASK,
    SIG_KERNEL_IGNORE_MASK,
    SIG_KERNEL_ONLY_MASK,
    SIG_KERNEL_STOP_MASK,
    SIGCHLD,
    SIGCONT,
    SIGKILL,
    SIGRTMIN,
    SIGSEGV,
    SIGSTOP,
    SIL_CHLD,
    SIL_KILL,
    SIL_RT,
    SS_AUTODISARM,
    SS_DISABLE,
    SS_ONSTACK,
    SigAction,
    SigInfo,
    StackT,
    siginfo_layout,
)
from forkernel.arch.x86_64 import signal as arch_signal
from forkernel.errors import KernelBug, SysError
from forkernel.kernel.cred import kill_ok_by_cred
from forkernel.kernel.pid import PIDTYPE_PGID, find_task_by_vpid, find_vpid, pid_vnr, task_tgid, task_tgid_vnr
from forkernel.kernel.sigqueue import (
    JOBCTL_STOP_CONSUME,
    JOBCTL_STOP_DEQUEUED,
    JOBCTL_STOP_PENDING,
    JOBCTL_STOP_SIGMASK,
    JOBCTL_STOPPED,
    JOBCTL_TRACED,
    JOBCTL_TRAP_FREEZE,
    JOBCTL_TRAP_MASK,
    JOBCTL_TRAP_STOP,
    collect_signal,
    dequeue_signal,
    fatal_signal_pending,
    flush_sigqueue_mask,
    kill_threads,
    ptrace_trap_notify,
    recalc_sigpending,
    restore_saved_sigmask,
    retarget_shared_pending,
    set_current_blocked,
    set_user_sigmask,
    signal_pending,
    signal_wake_up,
    sigqueue_add,
    task_clear_jobctl_pending,
    task_set_jobctl_stop,
)
from forkernel.kernel.task import (
    PF_EXITING,
    PF_KTHREAD,
    PF_SIGNALED,
    SIGNAL_CLD_CONTINUED,
    SIGNAL_CLD_STOPPED,
    SIGNAL_GROUP_EXIT,
    SIGNAL_STOP_CONTINUED,
    SIGNAL_STOP_STOPPED,
    SIGNAL_UNKILLABLE,
    TASK_RUNNING,
    TASK_STOPPED,
    TASK_TRACED,
)
from forkernel.namespace import init_user_ns

if TYPE_CHECKING:
    from forkernel.kernel.pid import Pid
    from forkernel.kernel.system import System
    from forkernel.kernel.task import SigPending, Task

USER_TICK_NS = 10_000_000
"""Nanoseconds in a clock tick as programs see it (USER_HZ is 100)."""
TRACE_SIGNAL_DELIVERED, TRACE_SIGNAL_IGNORED, TRACE_SIGNAL_ALREADY_PENDING = range(3)
SIGNAL_CLD_MASK = SIGNAL_CLD_STOPPED | SIGNAL_CLD_CONTINUED
SIGNAL_STOP_MASK = SIGNAL_CLD_MASK | SIGNAL_STOP_STOPPED | SIGNAL_STOP_CONTINUED


# --- sending: from the kernel


def send_sig(sig: int, task: Task) -> None:
    """Send `sig` to one thread as if it had sent it itself (SIGPIPE, SIGXFSZ)."""
    send_signal(sig, SigInfo(sig, SI_USER, pid=task_tgid_vnr(task), uid=task.cred.uid), task, group=False)


def send_sig_info(sig: int, info: SigInfo | None, task: Task, group: bool = True) -> None:
    """Send `sig` to a process, or to one thread if not `group`, without asking for permission.

    `info` None: the kernel is the sender (SI_KERNEL). EAGAIN when RLIMIT_SIGPENDING is reached (only for
    real-time signals of programs).
    """
    send_signal(sig, info, task, group)


def kill_pgrp(pgrp: Pid, sig: int) -> None:
    """Send `sig` from the kernel to every process of a group."""
    for leader in pgrp.users(PIDTYPE_PGID):
        send_signal(sig, None, leader, group=True)


def send_signal(sig: int, info: SigInfo | None, task: Task, group: bool, force: bool = False) -> bool:
    """Queue `sig` and wake who takes it (Linux: __send_signal_locked); whether it is pending now.

    False: ignored, or the process is dying already. `force`: even PID 1 of a PID namespace takes SIGKILL and SIGSTOP.
    EAGAIN as `send_sig_info` says.
    """
    forced = info is None or force
    info = info or SigInfo(sig, SI_KERNEL)
    pending = task.signal.shared_pending if group else task.pending
    if not prepare_signal(sig, task, forced):
        outcome = TRACE_SIGNAL_IGNORED
    elif sig < SIGRTMIN and pending.bits >> sig - 1 & 1:
        outcome = TRACE_SIGNAL_ALREADY_PENDING
    else:
        outcome = TRACE_SIGNAL_DELIVERED
        if sig != SIGKILL and not task.flags & PF_KTHREAD:
            if info.raw or task.cred.user_ns is not init_user_ns:
                info = translate_sender(info, task)
            _queue(sig, info, task, pending)
        pending.bits |= 1 << sig - 1
        if task.system.signalfd_wqh:
            task.system.signalfd_wqh.wake_up()
        complete_signal(sig, task, group)
    if fire := task.system.trace.signal_generate:
        fire(sig, info, task, group, outcome)
    return outcome != TRACE_SIGNAL_IGNORED


def has_sender(info: SigInfo) -> bool:
    """Whether si_uid is a user, which the receiver may call otherwise (Linux: has_si_pid_and_uid)."""
    return siginfo_layout(info.signo, info.code) in (SIL_KILL, SIL_RT, SIL_CHLD)


def translate_sender(info: SigInfo, task: Task) -> SigInfo:
    """The details with the sender as the receiver's user namespace calls him. The kernel's own have its own number;
    those of a program (`raw`) have one of its namespace, and stay as they are within that.
    """
    if not has_sender(info):  # a timer's, say: there is no current task then
        return info
    uid, theirs = info.uid, task.cred.user_ns
    if info.raw:
        mine = task.system.current.cred.user_ns
        if mine is theirs:
            return info
        uid = mine.make_kuid(uid)
    uid = theirs.from_kuid_munged(uid)
    twin = info.copy()
    twin.uid = uid
    if twin.raw:
        twin.raw = twin.raw[:8] + uid.to_bytes(4, "little") + twin.raw[12:]
    return twin


def _queue(sig: int, info: SigInfo, task: Task, pending: SigPending) -> None:
    """Queue the details. A signal of kill(), or a standard one, goes without them when the queue is full."""
    override = sig < SIGRTMIN and info.code >= 0
    if not sigqueue_add(task, pending, info, override=override) and sig >= SIGRTMIN and info.code != SI_USER:
        raise SysError(EAGAIN)


def prepare_signal(sig: int, task: Task, force: bool) -> bool:
    """What a signal does at the moment it is sent; False if nothing is left to deliver.

    A stop signal takes back pending SIGCONTs; SIGCONT takes back pending stops, ends a stop in progress or
    done, and has the parent told, even where it is blocked or ignored itself.
    """
    signal = task.signal
    if signal.flags & SIGNAL_GROUP_EXIT:
        return False
    if SIG_KERNEL_STOP_MASK >> sig - 1 & 1:
        _flush_group(task, 1 << SIGCONT - 1)
    elif sig == SIGCONT:
        _flush_group(task, SIG_KERNEL_STOP_MASK)
        for thread in signal.threads:
            task_clear_jobctl_pending(thread)
            if thread.ptrace & PT_SEIZED:
                ptrace_trap_notify(thread)
            else:
                task.system.sched.wake_up_state(thread, TASK_STOPPED)
        _note_continue(task)
    return not sig_ignored(task, sig, force)


def _flush_group(task: Task, mask: int) -> None:
    """Throw the signals in `mask` out of all queues of the process."""
    flush_sigqueue_mask(task.system, task.signal.shared_pending, mask)
    for thread in task.signal.threads:
        flush_sigqueue_mask(task.system, thread.pending, mask)


def _note_continue(task: Task) -> None:
    """SIGCONT came: the first thread to run tells the parent, of the stop if that was not complete."""
    signal = task.signal
    if signal.flags & SIGNAL_STOP_STOPPED:
        why = SIGNAL_CLD_CONTINUED
    elif signal.group_stop_count:
        why = SIGNAL_CLD_STOPPED
    else:
        return
    signal.flags = signal.flags & ~SIGNAL_STOP_MASK | why | SIGNAL_STOP_CONTINUED
    signal.group_stop_count = 0
    signal.group_exit_code = 0


def sig_ignored(task: Task, sig: int, force: bool) -> bool:
    """Whether sending `sig` has no effect. A blocked signal is kept: it may have a handler when unblocked."""
    if (task.blocked | task.real_blocked) >> sig - 1 & 1:
        return False
    if task.ptrace and sig != SIGKILL:  # the tracer may want to know
        return False
    return sig_task_ignored(task, sig, force)


def sig_task_ignored(task: Task, sig: int, force: bool) -> bool:
    """`sig_ignored` without the mask. PID 1 takes no signal that it has no handler for, not even SIGKILL."""
    handler = sig_handler(task, sig)
    if task.signal.flags & SIGNAL_UNKILLABLE and handler == SIG_DFL:
        if not (force and SIG_KERNEL_ONLY_MASK >> sig - 1 & 1) or task.tgid == 1:
            return True
    return sig_handler_ignored(handler, sig)


def sig_handler(task: Task, sig: int) -> int:
    """Address of the handler, SIG_DFL or SIG_IGN."""
    return task.sighand.action.get(sig, DEFAULT_ACTION).handler


def sig_handler_ignored(handler: int, sig: int) -> bool:
    """Whether this disposition makes `sig` go nowhere."""
    return handler == SIG_IGN or (handler == SIG_DFL and bool(SIG_KERNEL_IGNORE_MASK >> sig - 1 & 1))


def is_ignored(task: Task, sig: int) -> bool:
    """Whether the task would not notice `sig`: blocked or ignored (terminals ask it of SIGTTIN and SIGTTOU)."""
    return bool(task.blocked >> sig - 1 & 1) or sig_handler(task, sig) == SIG_IGN


# --- aiming


def wants_signal(sig: int, task: Task) -> bool:
    """Whether this thread can take `sig` soon: not blocked, not dying, not stopped, not busy with another one."""
    if task.blocked >> sig - 1 & 1 or task.flags & PF_EXITING:
        return False
    if sig == SIGKILL:
        return True
    if task.state & (TASK_STOPPED | TASK_TRACED):
        return False
    return not task.sigpending or task.system.sched.is_running(task)


def complete_signal(sig: int, task: Task, group: bool) -> None:
    """Choose the thread for a signal just queued and wake it; end the process at once if that is its effect."""
    chosen = _choose_thread(sig, task, group)
    if chosen is None:
        return
    signal = task.signal
    if sig_fatal(task, sig) and not signal.flags & SIGNAL_GROUP_EXIT:
        if sig == SIGKILL or not (task.ptrace or chosen.real_blocked >> sig - 1 & 1):
            signal.flags = SIGNAL_GROUP_EXIT
            signal.group_exit_code = sig
            kill_threads(task, itself=True)
            return
    signal_wake_up(chosen, sig == SIGKILL)


def _choose_thread(sig: int, task: Task, group: bool) -> Task | None:
    """The thread named if it can, else for a group signal the next in turn that can."""
    if wants_signal(sig, task):
        return task
    signal = task.signal
    if not group or len(signal.threads) < 2:
        return None
    threads = list(signal.threads)
    start = threads.index(signal.curr_target) if signal.curr_target in signal.threads else 0
    for thread in threads[start:] + threads[:start]:
        if wants_signal(sig, thread):
            signal.curr_target = thread
            return thread
    return None


def sig_fatal(task: Task, sig: int) -> bool:
    """Whether `sig` ends the process by default and nothing is said against it."""
    harmless = SIG_KERNEL_IGNORE_MASK | SIG_KERNEL_STOP_MASK
    return not harmless >> sig - 1 & 1 and sig_handler(task, sig) == SIG_DFL


def zap_other_threads(task: Task) -> int:
    """SIGKILL for the other threads of the process (exit_group, execve); returns how many there are."""
    return kill_threads(task, itself=False)


# --- sending: from a task, with permission


def valid_signal(sig: int) -> bool:
    """Whether there is a signal of this number (0 counts: it only asks)."""
    return 0 <= sig <= NSIG


def check_kill_permission(current: Task, sig: int, info: SigInfo, task: Task) -> None:
    """EINVAL for an impossible number; EPERM where kill(2) does not let `current` signal `task`."""
    if not valid_signal(sig):
        raise SysError(EINVAL)
    if info.code > 0 or current.signal is task.signal or kill_ok_by_cred(current, task):
        return
    if sig == SIGCONT and current.signal.session is task.signal.session:
        return
    raise SysError(EPERM)


def group_send_sig_info(current: Task, sig: int, info: SigInfo, task: Task) -> None:
    """Send to the process of `task` on behalf of `current`; signal 0 only checks."""
    check_kill_permission(current, sig, info, task)
    if sig:
        send_as(current, sig, info, task, group=True)


def kill_proc_info(current: Task, sig: int, info: SigInfo, pid: int) -> None:
    """`group_send_sig_info` to the process of PID or TID `pid`; ESRCH."""
    task = find_task_by_vpid(current, pid)
    if task is None:
        raise SysError(ESRCH)
    group_send_sig_info(current, sig, info, task)


def kill_pgrp_info(current: Task, sig: int, info: SigInfo, pgrp: Pid | None) -> None:
    """To every process of a group: it succeeds if one of them could be signalled; ESRCH for an empty group."""
    error, done = ESRCH, False
    for leader in pgrp.users(PIDTYPE_PGID) if pgrp is not None else ():
        try:
            group_send_sig_info(current, sig, info, leader)
            done = True
        except SysError as failure:
            error = failure.errno
    if not done:
        raise SysError(error)


def kill_something_info(current: Task, sig: int, info: SigInfo, pid: int) -> None:
    """kill(2): a process, a group (0 or negative), or everything but PID 1 and the caller's own (-1)."""
    if pid > 0:
        return kill_proc_info(current, sig, info, pid)
    if pid == -(1 << 31):
        raise SysError(ESRCH)
    if pid != -1:
        return kill_pgrp_info(current, sig, info, find_vpid(current, -pid) if pid else current.signal.pgrp)
    ns = current.thread_pid.ns
    targets = [
        task
        for task in current.system.all_tasks()
        if task.is_leader and task.signal is not current.signal and task.thread_pid.nr_ns(ns) > 1
    ]
    if not targets:
        raise SysError(ESRCH)
    error = 0
    for task in targets:
        try:
            group_send_sig_info(current, sig, info, task)
            error = 0
        except SysError as failure:
            error = error if failure.errno == EPERM else failure.errno
    if error:
        raise SysError(error)
    return None


def do_send_specific(current: Task, tgid: int, pid: int, sig: int, info: SigInfo) -> None:
    """To one thread `pid`, which must belong to process `tgid` unless that is 0 (tkill, tgkill, tgsigqueueinfo)."""
    task = find_task_by_vpid(current, pid)
    if task is None or (tgid > 0 and pid_vnr(task_tgid(task), current) != tgid):
        raise SysError(ESRCH)
    send_specific(current, task, sig, info)


def send_specific(current: Task, task: Task, sig: int, info: SigInfo) -> None:
    """To one thread on behalf of `current`; signal 0 only checks."""
    check_kill_permission(current, sig, info, task)
    if sig:
        send_as(current, sig, info, task, group=False)


def send_as(current: Task, sig: int, info: SigInfo, task: Task, group: bool) -> None:
    """Queue a signal that `current` sends. Who cannot be seen from the receiver's PID namespace, being above it, shows
    there as 0, and its SIGKILL and SIGSTOP are for PID 1 too (Linux: send_signal_locked).
    """
    ns = task.thread_pid.ns
    force = bool(ns.level) and not current.thread_pid.nr_ns(ns)
    if force:
        info = info.copy()
        info.pid = 0
        info.raw = info.raw[:4] + bytes(4) + info.raw[8:] if info.raw else info.raw
    send_signal(sig, info, task, group, force)


# --- sending: the task's own doing


def force_sig(sig: int, task: Task, info: SigInfo | None = None) -> None:
    """Send `sig` so that it cannot be held back: a blocked or ignored one is unblocked and set to SIG_DFL."""
    force_sig_info_to_task(info or SigInfo(sig, SI_KERNEL), task)


def force_sig_fault(task: Task, sig: int, code: int, addr: int) -> None:
    """A fault at address `addr` (user mode). The caller has set `task.fault`, which the signal frame shows."""
    force_sig_info_to_task(SigInfo(sig, code, addr=addr), task)


def kills(task: Task, sig: int) -> bool:
    """Whether a forced signal will kill the task, with nobody to watch it (Linux: unhandled_signal)."""
    if task.pid == 1:
        return True
    if sig_handler(task, sig) not in (SIG_DFL, SIG_IGN):
        return False
    return not task.ptrace and not fatal_signal_pending(task)


def force_fatal_sig(sig: int, task: Task) -> None:
    """`force_sig` that no handler can catch."""
    force_sig_info_to_task(SigInfo(sig, SI_KERNEL), task, fatal=True)


def force_sigsegv(sig: int, task: Task) -> None:
    """The frame for `sig` could not be written: SIGSEGV, and no handler if it was SIGSEGV's own."""
    if sig == SIGSEGV:
        force_fatal_sig(SIGSEGV, task)
    else:
        force_sig(SIGSEGV, task)


def force_sig_info_to_task(info: SigInfo, task: Task, fatal: bool = False) -> None:
    """Linux's function of this name. Even PID 1 dies of a forced signal that it has no handler for."""
    sig = info.signo
    blocked = bool(task.blocked >> sig - 1 & 1)
    if blocked or fatal or sig_handler(task, sig) == SIG_IGN:
        task.sighand.action[sig] = task.sighand.action.get(sig, DEFAULT_ACTION)._replace(handler=SIG_DFL)
        if blocked:
            task.blocked &= ~(1 << sig - 1)
    if sig_handler(task, sig) == SIG_DFL and not task.ptrace:
        task.signal.flags &= ~SIGNAL_UNKILLABLE
    send_signal(sig, info, task, group=False)
    recalc_sigpending(task)


# --- dispositions


def do_sigaction(task: Task, sig: int, action: SigAction | None) -> SigAction:
    """Set the disposition of `sig` if `action` is given; returns the old one. EINVAL for SIGKILL and SIGSTOP.

    A signal that is ignored from now on is no longer pending, blocked or not.
    """
    if not 1 <= sig <= NSIG or (action is not None and SIG_KERNEL_ONLY_MASK >> sig - 1 & 1):
        raise SysError(EINVAL)
    old = task.sighand.action.get(sig, DEFAULT_ACTION)
    if action is not None:
        task.sighand.action[sig] = action._replace(mask=action.mask & ~SIG_KERNEL_ONLY_MASK)
        if sig_handler_ignored(action.handler, sig):
            _flush_group(task, 1 << sig - 1)
    return old


def handled_signals(task: Task) -> list[int]:
    """Signals that the process catches with a handler of its own."""
    return sorted(sig for sig, action in task.sighand.action.items() if action.handler not in (SIG_DFL, SIG_IGN))


def flush_signal_handlers(task: Task, force_default: bool = False) -> None:
    """Caught signals go back to SIG_DFL, as after execve; with `force_default` ignored ones too."""
    action = task.sighand.action
    for sig in list(action):
        if not force_default and action[sig].handler == SIG_IGN:
            action[sig] = IGNORE_ACTION
        else:
            del action[sig]


def ignore_signals(task: Task) -> None:
    """A kernel thread takes no signals."""
    task.sighand.action.update((sig, IGNORE_ACTION) for sig in range(1, NSIG + 1))
    flush_signals(task)


def flush_signals(task: Task) -> None:
    """Forget everything that is pending for the task and its process."""
    everything = -1
    flush_sigqueue_mask(task.system, task.pending, everything)
    flush_sigqueue_mask(task.system, task.signal.shared_pending, everything)
    task.sigpending = False


def flush_pending(system: System, pending: SigPending) -> None:
    """Empty one queue for good (Linux: flush_sigqueue, when a task or a process is released)."""
    flush_sigqueue_mask(system, pending, -1)
    pending.bits = 0


# --- taking


def do_signal(task: Task) -> None:
    """Act on the task's signals before it goes to user mode (Linux: arch_do_signal_or_restart, in a loop).

    A call that was interrupted has its restart code in the result register and its number in
    `task.syscall_nr`; that is settled here. Afterwards the task may be stopped or dead instead of running.
    A stopped task keeps `sigpending`: when it runs again, entry calls this again before user mode.
    """
    while task.sigpending:
        chosen = get_signal(task)
        if task.state != TASK_RUNNING:
            return
        if chosen is None:
            break
        handle_signal(task, *chosen)
    arch_signal.restart_without_handler(task)
    restore_saved_sigmask(task)


def get_signal(task: Task) -> tuple[SigInfo, SigAction] | None:
    """Take signals until one has a handler: that one with its action, or None when no more are pending.

    On the way the task may die or stop, which its state tells the caller. No core file is ever written, so
    a death by SIGSEGV and the like has no 0x80 in the wait status, as on Linux with RLIMIT_CORE at 0.
    """
    info = None
    if task.jobctl & JOBCTL_TRACED:
        info = _after_ptrace_stop(task)
    while task.state == TASK_RUNNING:
        if info is None:
            info = take_signal(task)
            if info is None:
                return None
        action = take_action(task, info.signo)
        if fire := task.system.trace.signal_deliver:
            fire(task, info.signo, info, action)
        if action.handler not in (SIG_IGN, SIG_DFL):
            return info, action
        if action.handler == SIG_DFL:
            default_action(task, info.signo)
        info = None
    return None


def _after_ptrace_stop(task: Task) -> SigInfo | None:
    """Go on after a stop for the tracer; a signal to act upon, unless the process is dying."""
    from forkernel.kernel.ptrace_stop import go_on_after_stop

    info = go_on_after_stop(task)
    return None if task.signal.flags & SIGNAL_GROUP_EXIT else info


def take_signal(task: Task) -> SigInfo | None:
    """The next signal to act upon, after what comes before signals: news of a stop for the parent, the end of the
    process, group stops, traps. None if there is none, or if the task has died or stopped.
    """
    signal = task.signal
    while True:
        if task.jobctl & JOBCTL_STOPPED:
            task.jobctl &= ~JOBCTL_STOPPED
            if fire := task.system.trace.signal_continue:
                fire(task)
        if signal.flags & SIGNAL_CLD_MASK:
            why = CLD_CONTINUED if signal.flags & SIGNAL_CLD_CONTINUED else CLD_STOPPED
            signal.flags &= ~SIGNAL_CLD_MASK
            do_notify_parent_cldstop(task, why)
        if signal.flags & SIGNAL_GROUP_EXIT or signal.group_exec_task is not None:
            _trace_death(task)
            task.pending.bits &= ~(1 << SIGKILL - 1)
            die(task, SIGKILL)
            return None
        if task.jobctl & JOBCTL_STOP_PENDING and do_signal_stop(task, 0):
            return None
        if task.jobctl & JOBCTL_TRAP_MASK:
            from forkernel.kernel.ptrace_stop import do_jobctl_trap

            do_jobctl_trap(task)
            if task.state != TASK_RUNNING:
                return None
            continue
        if task.jobctl & JOBCTL_TRAP_FREEZE and not is_dying(task):
            from forkernel.kernel.cgroup import do_freezer_trap

            do_freezer_trap(task)
            return None
        info = dequeue_signal(task, task.blocked)
        if info is None or not task.ptrace or info.signo == SIGKILL:
            return info
        from forkernel.kernel.ptrace_stop import ptrace_signal

        return None if ptrace_signal(task, info) else info


def is_dying(task: Task) -> bool:
    """Whether a signal is pending that will end the process without a core dump, whatever else happens: on Linux it has
    become SIGKILL when it was sent (sig_fatal in complete_signal).
    """
    if fatal_signal_pending(task):
        return True
    bits = (task.pending.bits | task.signal.shared_pending.bits) & ~task.blocked
    bits &= ~(SIG_KERNEL_IGNORE_MASK | SIG_KERNEL_STOP_MASK | SIG_KERNEL_COREDUMP_MASK)
    if not bits or task.signal.flags & SIGNAL_UNKILLABLE:
        return False
    actions = (task.sighand.action.get(sig, DEFAULT_ACTION) for sig in range(1, 65) if bits >> sig - 1 & 1)
    return any(action.handler == SIG_DFL for action in actions)


def _trace_death(task: Task) -> None:
    """Tell the trace which signal ends the process: SIGKILL for its threads stands in for it."""
    fire = task.system.trace.signal_deliver
    sig = task.signal.group_exit_code & 0x7F
    if not fire or not sig:
        return
    for pending in (task.pending, task.signal.shared_pending):
        if any(info.signo == sig for info in pending.queue):
            fire(task, sig, collect_signal(task.system, pending, sig), DEFAULT_ACTION)
            return


def take_action(task: Task, sig: int) -> SigAction:
    """The action for a signal now taken; SA_RESETHAND puts SIG_DFL in its place."""
    action = task.sighand.action.get(sig, DEFAULT_ACTION)
    if action.handler > SIG_IGN and action.flags & SA_RESETHAND:
        task.sighand.action[sig] = action._replace(handler=SIG_DFL)
    return action


def default_action(task: Task, sig: int) -> bool:
    """SIG_DFL: ignore, stop or die; whether the task has stopped or died."""
    only = SIG_KERNEL_ONLY_MASK >> sig - 1 & 1
    if SIG_KERNEL_IGNORE_MASK >> sig - 1 & 1 or (task.signal.flags & SIGNAL_UNKILLABLE and not only):
        return False
    if not SIG_KERNEL_STOP_MASK >> sig - 1 & 1:
        die(task, sig)
        return True
    if sig != SIGSTOP:
        from forkernel.kernel.session import is_current_pgrp_orphaned

        if is_current_pgrp_orphaned(task):
            return False
    return do_signal_stop(task, sig)


def die(task: Task, sig: int) -> None:
    """End the process by signal `sig`."""
    from forkernel.kernel.exit import do_group_exit

    task.flags |= PF_SIGNALED
    do_group_exit(task, sig)


def handle_signal(task: Task, info: SigInfo, action: SigAction) -> None:
    """Make the task run its handler: settle the interrupted call, write the frame, change the mask."""
    arch_signal.restart_with_handler(task, action)
    if task.rseq is not None:
        from forkernel.kernel.rseq import rseq_signal_deliver

        rseq_signal_deliver(task)
    mask = task.blocked if task.saved_sigmask is None else task.saved_sigmask
    try:
        arch_signal.setup_rt_frame(task, info.signo, info, action, mask)
    except SysError:
        force_sigsegv(info.signo, task)
        return
    signal_delivered(task, info.signo, action)


def signal_delivered(task: Task, sig: int, action: SigAction) -> None:
    """The frame is in place: the handler's mask holds, and an SS_AUTODISARM stack is free again."""
    task.saved_sigmask = None
    mask = task.blocked | action.mask
    if not action.flags & SA_NODEFER:
        mask |= 1 << sig - 1
    set_current_blocked(task, mask)
    if task.sas_ss_flags & SS_AUTODISARM:
        sas_ss_reset(task)


def do_sigaltstack(task: Task, stack: StackT, sp: int) -> None:
    """Set the alternate signal stack; EPERM while `sp`, the stack pointer, is on it, EINVAL, ENOMEM if too small."""
    if arch_signal.on_sig_stack(task, sp):
        raise SysError(EPERM)
    mode = stack.ss_flags & ~SS_AUTODISARM & 0xFFFFFFFF
    if mode not in (0, SS_ONSTACK, SS_DISABLE):
        raise SysError(EINVAL)
    address, size = stack.ss_sp, stack.ss_size
    if mode == SS_DISABLE:
        address = size = 0
    elif size < MINSIGSTKSZ:
        raise SysError(ENOMEM)
    task.sas_ss_sp, task.sas_ss_size, task.sas_ss_flags = address, size, stack.ss_flags & 0xFFFFFFFF


def rt_sigreturn(task: Task) -> int:
    """Undo the handler's frame: mask, registers, FPU, alternate stack. Returns the RAX that was in it; a bad frame
    is SIGSEGV.
    """
    task.syscall_nr = -1
    task.restart_block = None
    try:
        frame = arch_signal.read_rt_frame(task)
        set_current_blocked(task, frame.mask)
        arch_signal.restore_rt_frame(task, frame)
    except SysError:
        force_sig(SIGSEGV, task)
        return 0
    if frame.stack != (task.sas_ss_sp, task.sas_ss_flags, task.sas_ss_size):
        with suppress(SysError):  # then the alternate stack stays as it is, as on Linux
            do_sigaltstack(task, StackT(*frame.stack), task.regs.rsp)
    return frame.rax


def sas_ss_reset(task: Task) -> None:
    """No alternate signal stack."""
    task.sas_ss_sp = 0
    task.sas_ss_size = 0
    task.sas_ss_flags = SS_DISABLE


# --- stopping


def do_signal_stop(task: Task, sig: int) -> bool:
    """Stop the task, and for a stop signal `sig` all threads with it (Linux: do_signal_stop); False if a SIGCONT
    or a death came between. The last thread to stop completes the group stop and tells the parent.
    """
    signal = task.signal
    if not task.jobctl & JOBCTL_STOP_PENDING:
        if not task.jobctl & JOBCTL_STOP_DEQUEUED or signal.flags & SIGNAL_GROUP_EXIT or signal.group_exec_task:
            return False
        _start_group_stop(task, sig)
    if task.ptrace:  # it stops for its tracer
        task.jobctl |= JOBCTL_TRAP_STOP
        return False
    completed = task_participate_group_stop(task)
    task.state = TASK_STOPPED
    task.jobctl |= JOBCTL_STOPPED
    task.sigpending = True
    if fire := task.system.trace.signal_stop:
        fire(task, task.jobctl & JOBCTL_STOP_SIGMASK)
    if completed:
        do_notify_parent_cldstop(task, CLD_STOPPED)
    return True


def _start_group_stop(task: Task, sig: int) -> None:
    """Ask every thread that runs or sleeps to stop; `sig` is what the parent will read."""
    signal = task.signal
    if not signal.flags & SIGNAL_STOP_STOPPED:
        signal.group_exit_code = sig
    signal.group_stop_count = int(task_set_jobctl_stop(task, sig))
    for thread in list(signal.threads):
        if thread is task or thread.state & TASK_STOPPED or not task_set_jobctl_stop(thread, sig):
            continue
        signal.group_stop_count += 1
        if thread.ptrace & PT_SEIZED:
            ptrace_trap_notify(thread)
        else:
            signal_wake_up(thread)


def task_participate_group_stop(task: Task) -> bool:
    """Count the task as stopped; whether it was the last and the group stop is complete."""
    counted = task.jobctl & JOBCTL_STOP_CONSUME
    task.jobctl &= ~(JOBCTL_STOP_PENDING | JOBCTL_STOP_CONSUME | JOBCTL_STOP_DEQUEUED)
    signal = task.signal
    if not counted:
        return False
    if signal.group_stop_count <= 0:
        raise KernelBug(f"{task!r} takes part in a group stop that nobody counts")
    signal.group_stop_count -= 1
    if signal.group_stop_count or signal.flags & SIGNAL_STOP_STOPPED:
        return False
    signal.flags = signal.flags & ~SIGNAL_STOP_MASK | SIGNAL_STOP_STOPPED
    return True


def exit_signals(task: Task) -> None:
    """The task is going to exit: from now on it takes no signals, so others must take those of the process."""
    signal = task.signal
    if len(signal.threads) == 1 or signal.flags & SIGNAL_GROUP_EXIT:
        task.flags |= PF_EXITING
        return
    task.flags |= PF_EXITING
    if not task.sigpending:
        return
    retarget_shared_pending(task, ~task.blocked)
    if task.jobctl & JOBCTL_STOP_PENDING and task_participate_group_stop(task):
        do_notify_parent_cldstop(task, CLD_STOPPED)


# --- telling the parent


def do_notify_parent(task: Task, sig: int) -> bool:
    """Tell the parent that `task`, now a zombie, is dead, by signal `sig` (0: none), and wake its wait calls.

    True if the parent does not want to wait: SIGCHLD is ignored or has SA_NOCLDWAIT, so the zombie goes at
    once. The signal becomes SIGCHLD when parent or child have executed a new program since the clone.
    """
    parent = task.parent
    if task.is_leader and len(task.signal.threads) == 1:
        task.thread_pid.wake_pidfds()
    if sig != SIGCHLD and task.parent_exec_id != parent.self_exec_id:
        sig = SIGCHLD
    autoreap = False
    if sig == SIGCHLD and not task.ptrace:
        autoreap = ignoring_children(parent)
        if sig_handler(parent, SIGCHLD) == SIG_IGN:
            sig = 0
    if 0 < sig <= NSIG:
        send_signal(sig, _death_info(task, sig), parent, group=True)
    parent.signal.wait_chldexit.wake_up()
    return autoreap


def ignoring_children(parent: Task) -> bool:
    """Whether nobody will wait for the zombies of `parent`'s children."""
    action = parent.sighand.action.get(SIGCHLD, DEFAULT_ACTION)
    return action.handler == SIG_IGN or bool(action.flags & SA_NOCLDWAIT)


def _death_info(task: Task, sig: int) -> SigInfo:
    """SIGCHLD's details for a dead child, also where another signal stands in for it (clone's exit signal)."""
    killed = task.exit_code & 0x7F
    uid = task.cred.uid
    if sig != SIGCHLD:
        uid = task.parent.cred.user_ns.from_kuid_munged(uid)  # not seen as a sender's when it is queued
    info = SigInfo(
        sig,
        CLD_KILLED if killed else CLD_EXITED,
        pid=task_tgid(task).nr_ns(task.parent.thread_pid.ns),
        uid=uid,
        status=killed or task.exit_code >> 8,
        utime=(task.utime + task.signal.utime) // USER_TICK_NS,
        stime=(task.stime + task.signal.stime) // USER_TICK_NS,
    )
    if sig != SIGCHLD:
        info.raw = PADDING + info.union(SIL_CHLD)
    return info


def do_notify_parent_cldstop(task: Task, why: int, *, for_ptracer: bool = False) -> None:
    """Tell the parent that the process has stopped (CLD_STOPPED) or goes on (CLD_CONTINUED); or the tracer that
    the thread has stopped (CLD_TRAPPED too).
    """
    leader = task if for_ptracer else task.group_leader
    parent = task.parent if for_ptracer else leader.real_parent
    action = parent.sighand.action.get(SIGCHLD, DEFAULT_ACTION)
    if action.handler != SIG_IGN and not action.flags & SA_NOCLDSTOP:
        info = SigInfo(
            SIGCHLD,
            why,
            pid=leader.thread_pid.nr_ns(parent.thread_pid.ns),
            uid=leader.cred.uid,
            status=_stop_status(task, why),
            utime=leader.utime // USER_TICK_NS,
            stime=leader.stime // USER_TICK_NS,
        )
        send_signal(SIGCHLD, info, parent, group=True)
    parent.signal.wait_chldexit.wake_up()


def _stop_status(task: Task, why: int) -> int:
    """si_status of a SIGCHLD about a stop."""
    if why == CLD_CONTINUED:
        return SIGCONT
    return (task.exit_code if why == CLD_TRAPPED else task.signal.group_exit_code) & 0x7F


__all__ = [
    "SigAction", "SigInfo", "dequeue_signal", "do_notify_parent", "do_signal", "fatal_signal_pending",
    "recalc_sigpending", "restore_saved_sigmask", "send_sig_info", "set_current_blocked", "set_user_sigmask",
    "signal_pending", "signal_wake_up",
]  # fmt: skip
