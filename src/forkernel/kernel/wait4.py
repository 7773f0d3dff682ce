"""Waiting for children: wait4 and waitid (wait(2), Linux: do_wait).

Life cycle: a handler makes a `WaitOpts` and runs its `step`; `do_wait` looks at every child of every thread
of the caller (`wait_consider_task`) and takes the first that has something to tell: a zombie
(`wait_task_zombie`, which reaps it), a stopped or a continued one. If there are fitting children but none
has news, the call sleeps on `signal.wait_chldexit` and `step` runs again when one changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EAGAIN, ECHILD, EINVAL, ERESTARTSYS, ESRCH
from forkernel.abi.fcntl import O_NONBLOCK
from forkernel.abi.resource import RUsage
from forkernel.abi.signal import (
    CLD_CONTINUED,
    CLD_DUMPED,
    CLD_EXITED,
    CLD_KILLED,
    CLD_STOPPED,
    CLD_TRAPPED,
    SIGCHLD,
    SIGCONT,
)
from forkernel.abi.wait import (
    CONTINUED_STATUS,
    CORE_FLAG,
    P_ALL,
    P_PGID,
    P_PID,
    P_PIDFD,
    W_ALL,
    W_CLONE,
    W_NOTHREAD,
    WAIT4_OPTIONS,
    WAITID_OPTIONS,
    WCONTINUED,
    WEXITED,
    WNOHANG,
    WNOWAIT,
    WUNTRACED,
    stop_status,
)
from forkernel.errors import SysError
from forkernel.kernel import signal
from forkernel.kernel.cputime import thread_group_cputime
from forkernel.kernel.exit import delay_group_leader, release_task
from forkernel.kernel.pid import find_vpid, pid_vnr
from forkernel.kernel.pidfd import pidfd_get_pid
from forkernel.kernel.ptrace_stop import ptrace_reparented, ptrace_unlink
from forkernel.kernel.resource import make_rusage
from forkernel.kernel.sigqueue import JOBCTL_LISTENING
from forkernel.kernel.task import (
    EXIT_DEAD,
    EXIT_ZOMBIE,
    SIGNAL_GROUP_EXIT,
    SIGNAL_STOP_CONTINUED,
    SIGNAL_STOP_STOPPED,
    TASK_TRACED,
    Task,
)
from forkernel.namespace import init_user_ns
from forkernel.wait import Resume, Sleep

if TYPE_CHECKING:
    from collections.abc import Iterable

    from forkernel.kernel.pid import Pid
    from forkernel.mm.uaccess import UserBuf, UserOut

INT_MIN = -(1 << 31)
NOT_OURS = -1
"""No child that the call is about."""
STOP_NEWS = SIGNAL_STOP_STOPPED | SIGNAL_STOP_CONTINUED


class WaitOpts(Resume):
    """One wait call: whom it waits for, and what it found (Linux: wait_opts).

    `kind` is P_ALL, P_PID or P_PGID, `pid` whom it names and `upid` the caller's number for it, `flags` the W*
    options.
    """

    __slots__ = ("flags", "info", "kind", "pid", "stat", "upid", "usage", "want_usage")

    def __init__(self, kind: int, upid: int, flags: int, want_usage: bool, pid: Pid | None = None) -> None:
        self.kind = kind
        self.upid = upid
        self.pid = pid
        self.flags = flags
        self.stat = 0
        """Wait status found (wait4)."""
        self.info: tuple[int, int, int, int] | None = None
        """si_code, si_pid, si_uid, si_status found (waitid)."""
        self.want_usage = want_usage
        self.usage: RUsage | None = None


class Wait4(WaitOpts):
    """A wait4 call in progress."""

    __slots__ = ("stat_addr", "usage_addr")

    stat_addr: UserOut[Any] | None
    usage_addr: UserOut[RUsage] | None

    def step(self, task: Task) -> int:
        """Find a child and store its status; EFAULT comes after the child is reaped, as on Linux."""
        pid = do_wait(task, self)
        if pid:
            if self.stat_addr is not None:
                self.stat_addr.put(self.stat)
            if self.usage_addr is not None and self.usage is not None:
                self.usage_addr.put(self.usage)
        return pid


class Waitid(WaitOpts):
    """A waitid call in progress."""

    __slots__ = ("info_addr", "nonblock", "usage_addr")

    info_addr: UserBuf | None
    usage_addr: UserOut[RUsage] | None
    nonblock: bool
    """The pidfd waited for has PIDFD_NONBLOCK: nothing to tell is EAGAIN."""

    def step(self, task: Task) -> int:
        """Find a child and store its siginfo; without one, and on any error, the siginfo says 0."""
        try:
            pid = do_wait(task, self)
            if pid == 0 and self.nonblock:
                raise SysError(EAGAIN)
        except SysError:
            put_siginfo(self.info_addr, 0, None)
            raise
        if pid and self.usage_addr is not None and self.usage is not None:
            self.usage_addr.put(self.usage)
        info = self.info
        if info is not None and task.cred.user_ns is not init_user_ns:
            info = (info[0], info[1], task.cred.user_ns.from_kuid_munged(info[2]), info[3])
        put_siginfo(self.info_addr, SIGCHLD if pid else 0, info)
        return 0

    def interrupted(self, task: Task) -> int:
        """A signal came: the siginfo says 0."""
        try:
            put_siginfo(self.info_addr, 0, None)
        except SysError as error:
            return -error.errno
        return -ERESTARTSYS


# --- entry points


def kernel_wait4(
    task: Task, upid: int, stat_addr: UserOut[Any] | None, options: int, usage_addr: UserOut[RUsage] | None
) -> int:
    """wait4(2)."""
    if options & ~WAIT4_OPTIONS:
        raise SysError(EINVAL)
    if upid == INT_MIN:
        raise SysError(ESRCH)
    pid = None
    if upid == -1:
        kind = P_ALL
    elif upid < 0:
        kind, upid = P_PGID, -upid
        pid = find_vpid(task, upid)
    elif upid == 0:
        kind, pid = P_PGID, task.signal.pgrp
        upid = pid_vnr(pid, task)
    else:
        kind, pid = P_PID, find_vpid(task, upid)
    wait = Wait4(kind, upid, options | WEXITED, usage_addr is not None, pid)
    wait.stat_addr = stat_addr
    wait.usage_addr = usage_addr
    return wait.step(task)


def kernel_waitid(
    task: Task, which: int, upid: int, info_addr: UserBuf | None, options: int, usage_addr: UserOut[RUsage] | None
) -> int:
    """waitid(2), with the fifth argument that the C library hides: resource usage."""
    try:
        kind, pid, nonblock = waitid_target(task, which, upid, options)
    except SysError:
        put_siginfo(info_addr, 0, None)
        raise
    nonblock = nonblock and not options & WNOHANG
    number = -1 if kind == P_ALL else pid_vnr(pid, task)
    wait = Waitid(kind, number, options | (WNOHANG if nonblock else 0), usage_addr is not None, pid)
    wait.info_addr = info_addr
    wait.usage_addr = usage_addr
    wait.nonblock = nonblock
    return wait.step(task)


def waitid_target(task: Task, which: int, upid: int, options: int) -> tuple[int, Pid | None, bool]:
    """Kind, whom, and non-blocking of a waitid; EINVAL, EBADF (Linux: kernel_waitid_prepare)."""
    if options & ~WAITID_OPTIONS or not options & (WEXITED | WUNTRACED | WCONTINUED):
        raise SysError(EINVAL)
    if which == P_ALL:
        return P_ALL, None, False
    if which == P_PID and upid > 0:
        return P_PID, find_vpid(task, upid), False
    if which == P_PGID and upid >= 0:
        return P_PGID, find_vpid(task, upid) if upid else task.signal.pgrp, False
    if which == P_PIDFD and upid >= 0:
        pid, flags = pidfd_get_pid(task, upid)
        return P_PID, pid, bool(flags & O_NONBLOCK)
    raise SysError(EINVAL)


def put_siginfo(addr: UserBuf | None, signo: int, info: tuple[int, int, int, int] | None) -> None:
    """Store waitid's answer; only the fields of SIGCHLD are touched."""
    if addr is None:
        return
    code, pid, uid, status = info or (0, 0, 0, 0)
    memory = addr.mm
    memory.write(addr.addr, signo.to_bytes(4, "little") + bytes(4) + code.to_bytes(4, "little"))
    memory.write(addr.addr + 16, pid.to_bytes(4, "little") + uid.to_bytes(4, "little") + status.to_bytes(4, "little"))


# --- the search


def do_wait(task: Task, wait: WaitOpts) -> int:
    """PID of a child with news, 0 with WNOHANG if none has any, ECHILD if no child fits; else Sleep."""
    if fire := task.system.trace.sched_process_wait:
        fire(task, wait.upid)
    flags, best = wait.flags, NOT_OURS
    if wait.kind == P_PID:
        best = do_wait_pid(task, wait)
    else:
        for thread in (task,) if flags & W_NOTHREAD else task.signal.threads:
            best = max(best, do_wait_thread(task, wait, thread.children))
            if best <= 0 and thread.ptraced:
                best = max(best, do_wait_thread(task, wait, thread.ptraced, ptrace=True))
            if best > 0:
                break
    if best == NOT_OURS:
        raise SysError(ECHILD)
    if best == 0 and not flags & WNOHANG:
        if fire := task.system.trace.wait_sleep:
            fire(task)
        raise Sleep(task.signal.wait_chldexit, resume=wait)
    return best


def do_wait_thread(task: Task, wait: WaitOpts, children: Iterable[Task], *, ptrace: bool = False) -> int:
    """As `wait_consider_task`, for the first of `children` that has news; `ptrace`: they are traced, not children."""
    best = NOT_OURS
    tell = task.system.trace.wait_consider_task
    for child in children:
        if tell:
            tell(task, child, verdict(wait, child))
        if not child.exit_state and not child.signal.flags & STOP_NEWS and not child.ptrace:
            if best and eligible_child(wait, child):
                best = 0
            continue
        found = wait_consider_task(task, wait, child, ptrace)
        if found > 0:
            return found
        if found == 0:
            best = 0
    return best


def verdict(wait: WaitOpts, child: Task) -> str:
    """What `wait_consider_task` will find, in a word for the tracepoint."""
    if child.exit_state == EXIT_DEAD or not eligible_child(wait, child):
        return "other"
    if child.exit_state == EXIT_ZOMBIE:
        return "threads" if delay_group_leader(child) else "zombie" if wait.flags & WEXITED else "other"
    sig = child.signal
    if wait.flags & WUNTRACED and sig.flags & SIGNAL_STOP_STOPPED and sig.group_exit_code:
        return "stopped"
    return "continued" if wait.flags & WCONTINUED and sig.flags & SIGNAL_STOP_CONTINUED else "alive"


def do_wait_pid(task: Task, wait: WaitOpts) -> int:
    """As `do_wait_thread`, for the one process or traced thread that the call names."""
    pid, best = wait.pid, NOT_OURS
    if pid is None:
        return best
    if (child := pid.leader) is not None and is_effectively_child(task, wait, child.real_parent):
        best = do_wait_thread(task, wait, (child,))
    if best <= 0 and (tracee := pid.task) is not None and tracee.ptrace:
        if is_effectively_child(task, wait, tracee.parent):
            best = max(best, do_wait_thread(task, wait, (tracee,), ptrace=True))
    return best


def is_effectively_child(task: Task, wait: WaitOpts, parent: Task) -> bool:
    """Whether a child of `parent` is one of the caller's (of this very thread with __WNOTHREAD)."""
    return parent is task or (not wait.flags & W_NOTHREAD and parent.signal is task.signal)


def eligible_child(wait: WaitOpts, child: Task, ptrace: bool = False) -> bool:
    """Whether the call is about this child: its group, and how it was cloned (__WALL, __WCLONE); tracers are told of
    every kind.
    """
    if wait.kind == P_PGID and child.signal.pgrp is not wait.pid:
        return False
    flags = wait.flags
    return ptrace or bool(flags & W_ALL) or (child.exit_signal != SIGCHLD) == bool(flags & W_CLONE)


def wait_consider_task(task: Task, wait: WaitOpts, child: Task, ptrace: bool = False) -> int:
    """The child's PID if it has news (taken now); 0 if it may have some later; NOT_OURS if never. A child that
    another traces has no news until the tracer has had it.
    """
    if child.exit_state == EXIT_DEAD or not eligible_child(wait, child, ptrace):
        return NOT_OURS
    ptrace = ptrace or bool(child.ptrace and not ptrace_reparented(child))
    if child.exit_state == EXIT_ZOMBIE and not delay_group_leader(child):
        if child.ptrace and not ptrace:
            return 0
        return wait_task_zombie(task, wait, child) if wait.flags & WEXITED else NOT_OURS
    return wait_task_stopped(task, wait, child, ptrace) or wait_task_continued(task, wait, child)


def wait_task_zombie(task: Task, wait: WaitOpts, child: Task) -> int:
    """Take a zombie's status and, unless WNOWAIT, let it go and add its usage to the caller's children's."""
    pid, uid = pid_vnr(child.thread_pid, task), child.cred.uid
    sig = child.signal
    status = sig.group_exit_code if sig.flags & SIGNAL_GROUP_EXIT else child.exit_code
    if wait.want_usage:
        wait.usage = rusage_both(child)
    wait.stat = status
    if status & 0x7F:
        wait.info = (CLD_DUMPED if status & CORE_FLAG else CLD_KILLED, pid, uid, status & 0x7F)
    else:
        wait.info = (CLD_EXITED, pid, uid, status >> 8)
    reaped = not wait.flags & WNOWAIT
    if fire := task.system.trace.wait_task_zombie:
        fire(task, child, status, reaped)
    if reaped:
        reap_zombie(task, child)
    return pid


def reap_zombie(task: Task, child: Task) -> None:
    """Let a zombie go; what it used counts as its parent's children's from now on. A tracer leaves it to the parent."""
    if child.ptrace and child.is_leader and ptrace_reparented(child):
        ptrace_unlink(child)
        if not signal.do_notify_parent(child, child.exit_signal):
            return
    elif child.is_leader:
        add_child_usage(task, child)
    child.exit_state = EXIT_DEAD
    release_task(child)


def add_child_usage(task: Task, child: Task) -> None:
    """Sum what the child and its own children used into the parent's cutime and so on."""
    parent, sig = task.signal, child.signal
    parent.cutime += child.utime + sig.utime + sig.cutime
    parent.cstime += child.stime + sig.stime + sig.cstime
    parent.cmin_flt += child.min_flt + sig.min_flt + sig.cmin_flt
    parent.cmaj_flt += child.maj_flt + sig.maj_flt + sig.cmaj_flt
    parent.cnvcsw += child.nvcsw + sig.nvcsw + sig.cnvcsw
    parent.cnivcsw += child.nivcsw + sig.nivcsw + sig.cnivcsw
    parent.rchar += child.rchar + sig.rchar
    parent.syscr += child.syscr + sig.syscr
    parent.wchar += child.wchar + sig.wchar
    parent.syscw += child.syscw + sig.syscw
    parent.cmaxrss = max(parent.cmaxrss, sig.maxrss, sig.cmaxrss)


def rusage_both(task: Task) -> RUsage:
    """What a child used, its own reaped children included (Linux: getrusage with RUSAGE_BOTH)."""
    sig = task.signal
    live = list(sig.threads)
    utime, stime = thread_group_cputime(sig)
    peak = max(sig.maxrss, sig.cmaxrss, task.mm.update_hiwater() if task.mm is not None else 0)
    usage = make_rusage(utime + sig.cutime, stime + sig.cstime, peak)
    usage.ru_minflt = sum(thread.min_flt for thread in live) + sig.min_flt + sig.cmin_flt
    usage.ru_majflt = sum(thread.maj_flt for thread in live) + sig.maj_flt + sig.cmaj_flt
    usage.ru_nvcsw = sum(thread.nvcsw for thread in live) + sig.nvcsw + sig.cnvcsw
    usage.ru_nivcsw = sum(thread.nivcsw for thread in live) + sig.nivcsw + sig.cnivcsw
    return usage


def wait_task_stopped(task: Task, wait: WaitOpts, child: Task, ptrace: bool = False) -> int:
    """PID of a stopped child not yet told about, 0 otherwise. A tracer is told of each thread's own stops."""
    if ptrace:
        return wait_task_traced(task, wait, child)
    sig = child.signal
    if not wait.flags & WUNTRACED or not sig.flags & SIGNAL_STOP_STOPPED or not sig.group_exit_code:
        return 0
    signo = sig.group_exit_code
    if not wait.flags & WNOWAIT:
        sig.group_exit_code = 0
    return tell(task, wait, child, CLD_STOPPED, signo, stop_status(signo))


def wait_task_traced(task: Task, wait: WaitOpts, child: Task) -> int:
    """PID of a traced thread that has stopped for its tracer, 0 otherwise, or while the tracer only listens."""
    code = child.exit_code
    if not child.state & TASK_TRACED or child.jobctl & JOBCTL_LISTENING or not code:
        return 0
    if not wait.flags & WNOWAIT:
        child.exit_code = 0
    return tell(task, wait, child, CLD_TRAPPED, code, stop_status(code))


def wait_task_continued(task: Task, wait: WaitOpts, child: Task) -> int:
    """PID of a child that SIGCONT woke and that was not told about, 0 otherwise."""
    sig = child.signal
    if not wait.flags & WCONTINUED or not sig.flags & SIGNAL_STOP_CONTINUED:
        return 0
    if not wait.flags & WNOWAIT:
        sig.flags &= ~SIGNAL_STOP_CONTINUED
    return tell(task, wait, child, CLD_CONTINUED, SIGCONT, CONTINUED_STATUS)


def tell(task: Task, wait: WaitOpts, child: Task, code: int, signo: int, status: int) -> int:
    """Note the news of a live child; its PID."""
    if wait.want_usage:
        wait.usage = rusage_both(child)
    wait.stat = status
    pid = pid_vnr(child.thread_pid, task)
    wait.info = (code, pid, child.cred.uid, signo)
    return pid
