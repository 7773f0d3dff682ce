"""Making a task: fork, vfork, clone and clone3 are all `kernel_clone` (Linux: kernel/fork.c).

The story of one call: `kernel_clone` has `copy_process` build the child, part by part, each either shared
with the parent or copied as the flags say; it tells the tracers, writes the child's PID where it was asked
for, and makes the child runnable; a vfork parent then sleeps until the child execs or exits
(`CloneReturn`). The steps of copy_process are the table `COPY_STEPS`: each tells of itself (a tracepoint of its
name) and can be made to fail (`--fail`); a failure in the middle gives back what was taken (`bad_fork_cleanup`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EAGAIN, EINVAL, ERESTARTNOINTR
from forkernel.abi.namespace import CLONE_NEWIPC, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER, NAMESPACES
from forkernel.abi.ptrace import (
    PTRACE_EVENT_CLONE,
    PTRACE_EVENT_FORK,
    PTRACE_EVENT_VFORK,
    PTRACE_EVENT_VFORK_DONE,
    event_flag,
)
from forkernel.abi.signal import SIGCHLD
from forkernel.arch.x86_64.process import copy_thread
from forkernel.errors import SysError
from forkernel.kernel import nsproxy, pid, signal
from forkernel.kernel.cred import capable, exit_creds
from forkernel.kernel.kstack import free_task
from forkernel.kernel.pid import attach_pids, free_pid, pid_vnr
from forkernel.kernel.posix_cpu_timers import posix_cpu_timers_init_group
from forkernel.kernel.ptrace_stop import ptrace_event, ptrace_init_task, stop_done
from forkernel.kernel.sigqueue import JOBCTL_TRACED
from forkernel.kernel.task import (
    PF_EXITING,
    PF_FORKNOEXEC,
    PF_IDLE,
    PF_KTHREAD,
    PF_SUPERPRIV,
    SIGNAL_UNKILLABLE,
    SYSCALL_WORK_SECCOMP,
    TASK_NEW,
    TASK_RUNNING,
    TASK_STOPPED,
    Completion,
    IoContext,
    SchedEntity,
    SighandStruct,
    SignalStruct,
    SigPending,
    Task,
)
from forkernel.kernel.tasklist import link_task
from forkernel.namespace import init_user_ns
from forkernel.wait import Resume, Sleep

if TYPE_CHECKING:
    from collections.abc import Callable

    from forkernel.kernel.kthread import KthreadFunction
    from forkernel.kernel.system import System

CSIGNAL = 0xFF
CLONE_VM = 0x100
CLONE_FS = 0x200
CLONE_FILES = 0x400
CLONE_SIGHAND = 0x800
CLONE_PIDFD = 0x1000
CLONE_PTRACE = 0x2000
CLONE_VFORK = 0x4000
CLONE_PARENT = 0x8000
CLONE_THREAD = 0x10000
CLONE_SYSVSEM = 0x40000
CLONE_SETTLS = 0x80000
CLONE_PARENT_SETTID = 0x100000
CLONE_CHILD_CLEARTID = 0x200000
CLONE_DETACHED = 0x400000
CLONE_UNTRACED = 0x800000
CLONE_CHILD_SETTID = 0x1000000
CLONE_IO = 0x80000000
CLONE_CLEAR_SIGHAND = 0x1_0000_0000
CLONE_INTO_CGROUP = 0x2_0000_0000

CLONE_LEGACY_FLAGS = 0xFFFF_FFFF
CLONE3_FLAGS = CLONE_LEGACY_FLAGS | CLONE_CLEAR_SIGHAND | CLONE_INTO_CGROUP
CAP_SYS_ADMIN, CAP_SYS_RESOURCE = 21, 24
RLIMIT_NPROC = 6
NSIG = 64
SS_DISABLE = 2


class KernelCloneArgs:
    """What to make (Linux: kernel_clone_args). Pointers are user addresses, 0 for none; `tls` None for none.
    `ptrace`: the child is traced as its parent is.

    `idle` and `stopped` are for the kernel alone, no user can ask for them. `idle`: the child is process 0 of
    another CPU (the CLONE_IDLETASK of 2.6 kernels, today `fork_idle`): no PID is taken, no parent gets it.
    `stopped`: the child is TASK_STOPPED at first, and runs when `Scheduler.wake_up_process` or SIGCONT says so
    (CLONE_STOPPED, until 2.6.38).
    """

    __slots__ = ("cgroup", "child", "child_tid", "exit_signal", "flags", "idle", "kthread", "name", "parent_tid",
                 "pidfd", "ptrace", "set_tid", "stack", "stopped", "tls")  # fmt: skip

    def __init__(
        self,
        flags: int,
        exit_signal: int = SIGCHLD,
        *,
        stack: int = 0,
        parent_tid: int = 0,
        child_tid: int = 0,
        tls: int = 0,
        pidfd: int = 0,
        set_tid: tuple[int, ...] = (),
        kthread: KthreadFunction | None = None,
    ) -> None:
        self.flags = flags
        self.exit_signal = exit_signal
        self.stack = stack
        self.parent_tid = parent_tid
        self.child_tid = child_tid
        self.tls = tls
        self.pidfd = pidfd
        self.set_tid = set_tid
        self.kthread = kthread
        self.idle = self.stopped = self.ptrace = False
        self.cgroup = -1
        """Descriptor of the group for CLONE_INTO_CGROUP."""
        self.name: bytes | None = None
        self.child: Task | None = None


class CloneReturn(Resume):
    """The rest of kernel_clone for a parent that has to wait on the way: for its tracer to have looked (an event of
    ptrace), and in vfork for the child to let its memory go.
    """

    __slots__ = ("child", "event", "nr", "pid", "stage", "vfork")

    def __init__(self, child: Task, nr: int, vfork: Completion | None, event: int) -> None:
        self.child = child
        self.pid = child.thread_pid
        self.nr = nr
        self.vfork = vfork
        self.event = event
        self.stage = 0

    def step(self, task: Task) -> int:
        """The child's PID when all of it is done; Sleep before."""
        if task.jobctl & JOBCTL_TRACED:
            stop_done(task)
        if self.stage == 0:
            self.stage = 1
            if self.event:
                ptrace_event(task, self.event, self.nr_of_tracer(task), self)
        vfork = self.vfork
        if self.stage == 1 and vfork is not None:
            self.stage = 2
            if not vfork.done and (fire := task.system.trace.wait_for_vfork_done):
                fire(task, self.child)
        if self.stage == 2 and vfork is not None:
            if not vfork.done:
                raise Sleep(vfork.wait, resume=self, interruptible=False)
            self.stage = 3
            if fire := task.system.trace.vfork_return:
                fire(task, self.nr)
            ptrace_event(task, PTRACE_EVENT_VFORK_DONE, self.nr_of_tracer(task), self)
        return self.interrupted(task)

    def nr_of_tracer(self, task: Task) -> int:
        """The child's number as the tracer knows it."""
        return self.pid.nr_ns(task.parent.thread_pid.ns)

    def interrupted(self, task: Task) -> int:
        """The end of it; also when killed while waiting: the child goes on alone then."""
        if fire := task.system.trace.put_pid:
            fire(task, self.child)
        return self.nr


def kernel_clone(task: Task, args: KernelCloneArgs) -> int:
    """Make a child of `task`; its PID. Errors as clone(2) and clone3(2) say; Sleep for CLONE_VFORK."""
    flags = args.flags
    if flags & CLONE_PIDFD and flags & CLONE_PARENT_SETTID and args.pidfd == args.parent_tid:
        raise SysError(EINVAL)
    system = task.system
    trace = system.trace
    event = choose_ptrace_event(task, args) if task.ptrace or trace.ptrace_event_chosen else 0
    args.ptrace = bool(event or flags & CLONE_PTRACE)
    child = args.child = copy_process(task, args)
    system.stir_entropy(child)
    if fire := trace.add_entropy:
        fire(task, child)
    if fire := trace.sched_process_fork:
        fire(task, child)
    nr = pid_vnr(child.thread_pid, task)
    if flags & CLONE_PARENT_SETTID:
        _put_user(task, args.parent_tid, nr)
        if fire := trace.parent_settid:
            fire(task, child, args.parent_tid)
    vfork = None
    if flags & CLONE_VFORK:
        vfork = child.vfork_done = Completion()
        if fire := trace.vfork_begin:
            fire(task, child)
    if args.stopped:
        child.state = TASK_STOPPED | TASK_NEW
    else:
        system.sched.wake_up_new_task(child)
    if event or vfork is not None:
        return CloneReturn(child, nr, vfork, event).step(task)
    if fire := trace.put_pid:
        fire(task, child)
    return nr


def fork_idle(system: System, cpu: int, function: KthreadFunction) -> Task:
    """The idle task of CPU `cpu`: PID 0, swapper/N, a copy of process 0 that is in no list and on no queue
    (Linux: fork_idle, init_idle). `function` is its kernel thread.
    """
    swapper = system.init_task
    args = KernelCloneArgs(CLONE_VM, 0, kthread=function)
    args.idle, args.name = True, b"swapper/%d" % cpu
    idle = copy_process(swapper, args)
    idle.flags |= PF_IDLE
    idle.state = TASK_RUNNING
    idle.se.cpus_mask = 1 << cpu
    return idle


def choose_ptrace_event(task: Task, args: KernelCloneArgs) -> int:
    """What a tracer is told of the child: PTRACE_EVENT_*, or 0 where none asked for it (ptrace(2), PTRACE_O_TRACE*)."""
    if args.flags & CLONE_UNTRACED:
        event = 0
    elif args.flags & CLONE_VFORK:
        event = PTRACE_EVENT_VFORK
    elif args.exit_signal != SIGCHLD:
        event = PTRACE_EVENT_CLONE
    else:
        event = PTRACE_EVENT_FORK
    enabled = bool(event and task.ptrace & event_flag(event))
    if fire := task.system.trace.ptrace_event_chosen:
        fire(task, event, enabled)
    return event if enabled else 0


def _put_user(task: Task, addr: int, value: int) -> None:
    """Store a PID in user memory; a bad address is silently ignored, as Linux does at this point."""
    try:
        task.mm.write_u32(addr, value)  # type: ignore[union-attr]
    except SysError:
        return


# --- copy_process: refuse


def check_clone_flags(task: Task, args: KernelCloneArgs) -> None:
    """Combinations that make no sense: EINVAL (clone(2), ERRORS); what is not allowed: EPERM."""
    flags = args.flags
    wrong = (
        (flags & (CLONE_NEWNS | CLONE_FS)) == CLONE_NEWNS | CLONE_FS
        or (flags & (CLONE_NEWUSER | CLONE_FS)) == CLONE_NEWUSER | CLONE_FS
        or (flags & CLONE_THREAD and not flags & CLONE_SIGHAND)
        or (flags & CLONE_SIGHAND and not flags & CLONE_VM)
        or (flags & CLONE_PARENT and task.signal.flags & SIGNAL_UNKILLABLE)
        or (flags & CLONE_THREAD and flags & (CLONE_NEWUSER | CLONE_NEWPID))
        or (flags & CLONE_THREAD and task.nsproxy.pid_ns_for_children is not task.thread_pid.ns)
        or (flags & CLONE_PIDFD and flags & CLONE_DETACHED)
    )
    if wrong:
        raise SysError(EINVAL)


def fork_limits(task: Task, child: Task, args: KernelCloneArgs) -> None:
    """RLIMIT_NPROC for the user and the machine's limit on threads: EAGAIN."""
    system = task.system
    count = len(system.pids.tasks)
    limit = task.signal.rlim[RLIMIT_NPROC][0]
    if count >= limit and task.cred.uid != 0:
        theirs = sum(other.cred.uid == task.cred.uid for other in system.pids.tasks)
        if theirs >= limit and not (capable(task, CAP_SYS_RESOURCE) or capable(task, CAP_SYS_ADMIN)):
            raise SysError(EAGAIN)
    if count >= system.threads_max:
        raise SysError(EAGAIN)


# --- copy_process: acquire


def copy_process(task: Task, args: KernelCloneArgs) -> Task:
    """Build a child, not yet runnable (Linux: copy_process). Nothing is left behind if it fails."""
    system = task.system
    trace, fail = system.trace, system.failpoints
    child = None
    try:
        check_clone_flags(task, args)
        if fire := trace.clone_check:
            fire(task, args)
        if task.sigpending and args.kthread is None and signal.signal_pending(task):
            raise SysError(ERESTARTNOINTR)
        if fail is not None:
            fail.check("dup_task_struct", task)
        child = dup_task_struct(task, args)
        if fire := trace.dup_task_struct:
            fire(task, child, args.flags)
        watched = fail is not None or trace.copy_steps
        for name, step in COPY_STEPS:
            if not watched:
                step(task, child, args)
                continue
            if fail is not None:
                fail.check(name, task)
            step(task, child, args)
            if fire := getattr(trace, name):
                fire(task, child, args.flags)
        if args.flags & CLONE_PIDFD:
            if fail is not None:
                fail.check("pidfd_prepare", task)
            pidfd_prepare(task, child, args)
    except SysError as error:
        if child is not None:
            bad_fork_cleanup(child)
        if fire := trace.fork_failed:
            fire(task, child, error.errno)
        raise
    _commit(task, child, args)
    return child


def dup_task_struct(task: Task, args: KernelCloneArgs) -> Task:
    """A new task_struct and kernel stack: the parent's plain fields, fresh ones for what a child starts without."""
    system = task.system
    cache = system.slabs.task_struct
    slab = cache.alloc()
    try:
        stack = system.stacks.alloc()
    except SysError:
        cache.free(slab)
        raise
    child = Task()
    child.system, child.slab, child.stack, child.rcu_users = system, slab, stack, 2
    child.cred_slab = 0
    if system.by_stack is not None:
        system.by_stack.setup_thread_stack(child)
    child.pid = child.tgid = 0
    child.comm = args.name or task.comm
    child.flags = task.flags & ~(PF_SUPERPRIV | PF_IDLE | PF_KTHREAD | PF_EXITING) | PF_FORKNOEXEC
    if args.kthread is not None:
        child.flags |= PF_KTHREAD
    child.exit_state = child.exit_code = 0
    child.exit_signal = args.exit_signal
    child.pdeath_signal = 0
    child.personality = task.personality
    child.children = {}
    child.ptrace = 0
    child.seccomp = task.seccomp
    child.mempolicy = task.mempolicy
    child.syscall_work = task.syscall_work & SYSCALL_WORK_SECCOMP
    child.ptraced = child.tracing = None
    child.mm = child.files = child.fs = None
    child.signal = child.sighand = None  # type: ignore[assignment]  # set by COPY_STEPS
    cred = child.cred = task.cred
    if cred.user_ns is not init_user_ns:
        cred.user_ns.get()
    child.nsproxy = None
    child.blocked = task.blocked
    child.saved_sigmask = None
    child.pending = SigPending()
    child.sigpending = False
    child.jobctl = 0
    child.real_blocked = 0
    child.fault = (0, 0, 0)
    child.restart_block = None
    child.syscall_nr = -1
    child.syscall_args = task.syscall_args
    child.sleep = child.resume = child.deadline = None
    child.thread = None
    child.kthread = args.kthread
    flags = args.flags
    child.set_child_tid = args.child_tid if flags & CLONE_CHILD_SETTID else 0
    child.clear_child_tid = args.child_tid if flags & CLONE_CHILD_CLEARTID else 0
    child.child_tid_value = 0
    child.robust_list = 0
    child.rseq = None if flags & CLONE_VM else task.rseq
    child.vfork_done = None
    if flags & (CLONE_VM | CLONE_VFORK) == CLONE_VM:
        child.sas_ss_sp, child.sas_ss_size, child.sas_ss_flags = 0, 0, SS_DISABLE
    else:
        child.sas_ss_sp, child.sas_ss_size, child.sas_ss_flags = task.sas_ss_sp, task.sas_ss_size, task.sas_ss_flags
    child.utime = child.stime = child.min_flt = child.maj_flt = child.nvcsw = child.nivcsw = 0
    child.rchar = child.syscr = child.wchar = child.syscw = 0
    child.loginuid, child.sessionid = task.loginuid, task.sessionid
    child.start_time = system.clock.now
    child.no_new_privs = task.no_new_privs
    child.timer_slack_ns = task.timer_slack_ns
    child.io_context = child.sysvsem = child.cgroup = None
    child.self_exec_id = task.self_exec_id
    child.parent_exec_id = task.self_exec_id
    child.se = SchedEntity()
    child.state = TASK_NEW
    return child


def copy_creds(task: Task, child: Task, args: KernelCloneArgs) -> None:
    """Credentials never change in place: the child has the very same, or those of the maker of a user namespace.

    A process has a struct cred of its own all the same, a thread shares that of the others.
    """
    if args.flags & CLONE_NEWUSER:
        from forkernel.kernel.user_namespace import create_user_ns

        child.cred = create_user_ns(task, task.cred)
        task.cred.user_ns.put()
    jar = task.system.slabs.cred_jar
    if args.flags & CLONE_THREAD and task.cred_slab:
        child.cred_slab = jar.get(task.cred_slab)
    else:
        child.cred_slab = jar.alloc()


def sched_fork(task: Task, child: Task, args: KernelCloneArgs) -> None:
    """Policy, nice value and CPUs of the parent, but for what SCHED_RESET_ON_FORK takes away."""
    task.system.sched.sched_fork(child, task)


def copy_semundo(task: Task, child: Task, args: KernelCloneArgs) -> None:
    """What System V semaphores are to be given back at exit: one list for both by CLONE_SYSVSEM, else none yet."""
    if args.flags & CLONE_SYSVSEM:
        from forkernel.kernel.sem import copy_semundo

        copy_semundo(task, child)


def copy_files(task: Task, child: Task, args: KernelCloneArgs) -> None:
    """The descriptor table: shared by CLONE_FILES, else a copy of it (the open files are the same)."""
    files = task.files
    if files is None:
        return
    if args.flags & CLONE_FILES:
        files.users += 1
        child.files = files
    else:
        child.files = files.copy(task.system.slabs.files_cache)


def copy_fs(task: Task, child: Task, args: KernelCloneArgs) -> None:
    """Root, working directory and umask: shared by CLONE_FS, else copied."""
    fs = task.fs
    if fs is None:
        return
    if args.flags & CLONE_FS:
        fs.users += 1
        child.fs = fs
    else:
        child.fs = fs.copy(task.system.slabs.fs_cache)


def copy_sighand(task: Task, child: Task, args: KernelCloneArgs) -> None:
    """Signal handlers: shared by CLONE_SIGHAND, else copied; CLONE_CLEAR_SIGHAND resets all that are not ignored."""
    sighand, flags = task.sighand, args.flags
    if flags & CLONE_SIGHAND:
        sighand.users += 1
        child.sighand = sighand
        return
    child.sighand = SighandStruct(dict(sighand.action), task.system.slabs.sighand_cache)
    if flags & CLONE_CLEAR_SIGHAND:
        signal.flush_signal_handlers(child)


def copy_signal(task: Task, child: Task, args: KernelCloneArgs) -> None:
    """The process: the same for a thread, else a new one with the parent's limits, group, session and terminal."""
    parent = task.signal
    if args.flags & CLONE_THREAD:
        child.signal = parent
        return
    new = child.signal = SignalStruct(parent.rlim, task.system.slabs.signal_cache)
    new.pgrp, new.session = parent.pgrp, parent.session
    new.tty = parent.tty
    new.autogroup = parent.autogroup
    new.oom_score_adj, new.oom_score_adj_min = parent.oom_score_adj, parent.oom_score_adj_min
    new.has_child_subreaper = parent.has_child_subreaper or parent.is_child_subreaper
    posix_cpu_timers_init_group(new, task.system)


def copy_mm(task: Task, child: Task, args: KernelCloneArgs) -> None:
    """Memory: the same address space for CLONE_VM, else a copy-on-write copy; none for a kernel thread."""
    mm = task.mm
    if mm is None or args.kthread is not None:
        return
    child.mm = mm.mmget() if args.flags & CLONE_VM else mm.fork()


def copy_io(task: Task, child: Task, args: KernelCloneArgs) -> None:
    """The I/O context: shared by CLONE_IO, else a new one of the same priority; none where the parent has none."""
    context = task.io_context
    if context is not None:
        child.io_context = context if args.flags & CLONE_IO else IoContext(context.ioprio)


def copy_registers(task: Task, child: Task, args: KernelCloneArgs) -> None:
    """The child's registers, by the architecture; a kernel thread has none."""
    if args.kthread is None:
        copy_thread(child, task, args.stack, args.tls if args.flags & CLONE_SETTLS else None)


def alloc_pid(task: Task, child: Task, args: KernelCloneArgs) -> None:
    """Numbers for the child: the next at each level, or those that clone3's set_tid asks for."""
    if args.idle:
        child.thread_pid = task.thread_pid
        return
    child.thread_pid = pid.alloc_pid(child.nsproxy.pid_ns_for_children, args.set_tid, task)
    child.pid = child.thread_pid.numbers[0]


def cgroup_can_fork(task: Task, child: Task, args: KernelCloneArgs) -> None:
    """The control group that the child is born in, which may be full: EAGAIN."""
    if task.cgroup is not None or args.flags & CLONE_INTO_CGROUP:
        from forkernel.kernel.cgroup import cgroup_can_fork

        cgroup_can_fork(task, child, args)


def pidfd_prepare(task: Task, child: Task, args: KernelCloneArgs) -> None:
    """CLONE_PIDFD: a descriptor for the child in the parent's table."""
    from forkernel.fs.fdtable import fd_install
    from forkernel.kernel.pidfd import PIDFD_THREAD, pidfd_create

    fd = fd_install(
        task, pidfd_create(task.system, child.thread_pid, PIDFD_THREAD if args.flags & CLONE_THREAD else 0), True
    )
    try:
        task.mm.write_u32(args.pidfd, fd)  # type: ignore[union-attr]
    except SysError:
        task.files.close(task, fd)  # type: ignore[union-attr]
        raise
    if fire := task.system.trace.pidfd_prepare:
        fire(task, child, fd)


COPY_STEPS: tuple[tuple[str, Callable[[Task, Task, KernelCloneArgs], None]], ...] = (
    ("fork_limits", fork_limits),
    ("copy_creds", copy_creds),
    ("sched_fork", sched_fork),
    ("copy_semundo", copy_semundo),
    ("copy_files", copy_files),
    ("copy_fs", copy_fs),
    ("copy_sighand", copy_sighand),
    ("copy_signal", copy_signal),
    ("copy_mm", copy_mm),
    ("copy_namespaces", nsproxy.copy_namespaces),
    ("copy_io", copy_io),
    ("copy_thread", copy_registers),
    ("alloc_pid", alloc_pid),
    ("cgroup_can_fork", cgroup_can_fork),
)
"""What copy_process does once there is a task_struct, in Linux's order: the name is that of the tracepoint, and of
the failure that `--fail` injects before the step.
"""


def bad_fork_cleanup(child: Task) -> None:
    """Give back what a child that is not to be had taken so far (Linux: the bad_fork_cleanup_* labels)."""
    if child.cgroup is not None:
        from forkernel.kernel.cgroup import cgroup_cancel_fork

        cgroup_cancel_fork(child)
    if child.pid:
        free_pid(child.thread_pid)
    if child.nsproxy is not None:
        nsproxy.switch_task_namespaces(child, None)
    if child.mm is not None:
        child.mm.mmput()
    if child.signal is not None and not child.signal.threads:
        child.signal.release()
    if child.sighand is not None:
        child.sighand.release()
    if child.sysvsem is not None:
        exit_sem(child)
    if child.fs is not None:
        child.fs.release()
    if child.files is not None:
        child.files.release(child)
    child.cred.user_ns.put()
    exit_creds(child)
    free_task(child)


# --- copy_process: commit


def _commit(task: Task, child: Task, args: KernelCloneArgs) -> None:
    """The child joins its family and becomes visible."""
    flags, system = args.flags, task.system
    if flags & CLONE_THREAD:
        child.group_leader = task.group_leader
        child.tgid = task.tgid
        child.exit_signal = -1
    else:
        child.group_leader = child
        child.tgid = child.pid
    if flags & (CLONE_PARENT | CLONE_THREAD):
        child.real_parent = child.parent = task.real_parent
        child.parent_exec_id = task.parent_exec_id
        if not flags & CLONE_THREAD:
            child.exit_signal = task.group_leader.exit_signal
    else:
        child.real_parent = child.parent = task
    child.signal.threads[child] = None
    if args.idle:
        return
    attach_pids(child)
    link_task(child)
    if args.ptrace and task.ptrace:
        ptrace_init_task(task, child)
    if child.is_leader:
        child.real_parent.children[child] = None
        if child.thread_pid.nr == 1:
            child.thread_pid.ns.child_reaper = child
            child.signal.flags |= SIGNAL_UNKILLABLE
    if child.cgroup is not None:
        from forkernel.kernel.cgroup import cgroup_post_fork

        cgroup_post_fork(child)
    system.nr_forks += 1
    if system.nr_forks >= system.next_parking:
        from forkernel.mm.parking import park_idle

        park_idle(system)
    if flags & CLONE_CHILD_SETTID:
        _set_child_tid(child)
    if fire := system.trace.task_newtask:
        fire(child, flags)


def _set_child_tid(child: Task) -> None:
    """schedule_tail: the child's first act is to store its own PID; a bad address is ignored."""
    try:
        child.mm.write_u32(child.set_child_tid, child.thread_pid.nr)  # type: ignore[union-attr]
    except SysError:
        return
    if fire := child.system.trace.child_settid:
        fire(child, child.set_child_tid)


def exit_sem(task: Task) -> None:
    """Give up the list of semaphore undos; the last to have it carries it out."""
    from forkernel.kernel.sem import exit_sem

    exit_sem(task)


# --- unshare


def ksys_unshare(task: Task, flags: int) -> None:
    """Stop sharing parts of the context with other tasks (unshare(2)). EINVAL, EPERM, EMFILE as the manual says."""
    allowed = CLONE_THREAD | CLONE_FS | CLONE_SIGHAND | CLONE_VM | CLONE_FILES | CLONE_SYSVSEM | NAMESPACES
    if flags & CLONE_NEWUSER:
        flags |= CLONE_THREAD | CLONE_FS
    if flags & CLONE_VM:
        flags |= CLONE_SIGHAND
    if flags & CLONE_SIGHAND:
        flags |= CLONE_THREAD
    if flags & CLONE_NEWNS:
        flags |= CLONE_FS
    if flags & ~allowed:
        raise SysError(EINVAL)
    if flags & CLONE_THREAD and len(task.signal.threads) > 1:
        raise SysError(EINVAL)
    if flags & CLONE_SIGHAND and task.sighand.users > 1:
        raise SysError(EINVAL)
    if flags & CLONE_VM and task.mm is not None and task.mm.users > 1:
        raise SysError(EINVAL)
    fs, files = task.fs, task.files
    new_fs, new_files = _unshare_copies(task, flags)
    if flags & (CLONE_SYSVSEM | CLONE_NEWIPC) and task.sysvsem is not None:
        exit_sem(task)
    if new_fs is not fs and fs is not None:
        task.fs = new_fs
        fs.release()
    if new_files is not files and files is not None:
        task.files = new_files
        files.release(task)


def _unshare_copies(task: Task, flags: int) -> tuple[Any, Any]:
    """What the task will have: its fs_struct and its descriptors, copied if they are shared and not to be. Its new
    namespaces are in place. An error leaves nothing.
    """
    fs, files = task.fs, task.files
    new_fs, new_files = fs, files
    if flags & CLONE_FS and fs is not None and fs.users > 1:
        new_fs = fs.copy(task.system.slabs.fs_cache)
    try:
        if flags & CLONE_FILES and files is not None and files.users > 1:
            new_files = files.copy(task.system.slabs.files_cache)
        if flags & NAMESPACES:
            nsproxy.unshare_namespaces(task, flags, task.cred, new_fs)
    except SysError:
        if new_fs is not fs and new_fs is not None:
            new_fs.release()
        if new_files is not files and new_files is not None:
            new_files.release(task)
        raise
    return new_fs, new_files
