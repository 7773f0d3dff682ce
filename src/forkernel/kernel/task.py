"""What the kernel knows of a process: task_struct and the structures that clone's flags share.

A thread is a `Task`; a process is the Tasks that share one `SignalStruct` (Linux: a thread group). Fields
carry Linux's names. All of it is plain data that can be pickled at any moment between traps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.wait import Resume, WaitQueue

if TYPE_CHECKING:
    from forkernel.fs.fdtable import FilesStruct
    from forkernel.fs.fs_struct import FsStruct
    from forkernel.kernel.cgroup import Cgroup
    from forkernel.kernel.cred import Cred
    from forkernel.kernel.pid import Pid
    from forkernel.kernel.ptrace_stop import Tracing
    from forkernel.kernel.seccomp import Seccomp
    from forkernel.kernel.sem import SemUndoList
    from forkernel.kernel.signal import SigAction, SigInfo
    from forkernel.kernel.system import System
    from forkernel.kernel.tasklist import ListHead
    from forkernel.mm.mempolicy import Mempolicy
    from forkernel.mm.mm_struct import MmStruct
    from forkernel.mm.slab import KmemCache

# Task.state (Linux: __state)
TASK_RUNNING = 0x0
TASK_INTERRUPTIBLE = 0x1
TASK_UNINTERRUPTIBLE = 0x2
TASK_STOPPED = 0x4
TASK_TRACED = 0x8
TASK_DEAD = 0x80
TASK_WAKEKILL = 0x100
TASK_NEW = 0x800
# Task.exit_state
EXIT_DEAD = 0x10
EXIT_ZOMBIE = 0x20
# Task.flags
PF_IDLE = 0x2
PF_EXITING = 0x4
PF_FORKNOEXEC = 0x40
PF_SUPERPRIV = 0x100
PF_SIGNALED = 0x400
PF_NPROC_EXCEEDED = 0x1000
PF_KTHREAD = 0x200000
PF_RANDOMIZE = 0x400000
# SignalStruct.flags
SIGNAL_STOP_STOPPED = 0x1
SIGNAL_STOP_CONTINUED = 0x2
SIGNAL_GROUP_EXIT = 0x4
SIGNAL_CLD_STOPPED = 0x10
SIGNAL_CLD_CONTINUED = 0x20
SIGNAL_UNKILLABLE = 0x40
# Task.syscall_work
SYSCALL_WORK_SECCOMP = 0x1
SYSCALL_WORK_TRACE = 0x2

LINKS = frozenset(("next_task", "prev_task", "next_thread", "prev_thread"))
"""Fields of a Task that link it into lists."""

STATE_LETTERS = {
    TASK_RUNNING: "R",
    TASK_INTERRUPTIBLE: "S",
    TASK_UNINTERRUPTIBLE: "D",
    TASK_STOPPED: "T",
    TASK_TRACED: "t",
}


class SigPending:
    """Signals sent and not yet taken (Linux: sigpending): `bits` is the set, bit N-1 for signal N."""

    __slots__ = ("bits", "queue")

    def __init__(self) -> None:
        self.bits = 0
        self.queue: list[SigInfo] = []


class SighandStruct:
    """The handlers of a process (Linux: sighand_struct), shared by CLONE_SIGHAND."""

    __slots__ = ("action", "cache", "slab", "users")

    def __init__(self, action: dict[int, SigAction], cache: KmemCache | None = None) -> None:
        """`cache`: where it lies, None for process 0's, which is static; SysError(ENOMEM)."""
        self.slab = cache.alloc() if cache is not None else 0
        """Slab address."""
        self.cache = cache
        self.action = action
        """Signal number to SigAction; a missing number is SIG_DFL. SigActions never change in place."""
        self.users = 1

    def release(self) -> None:
        """One user less (Linux: __cleanup_sighand)."""
        self.users -= 1
        if self.users == 0 and self.cache is not None:
            self.cache.free(self.slab)
            self.slab = 0


class SignalStruct:
    """What all threads of a process share beside memory and files (Linux: signal_struct)."""

    __slots__ = (
        "cache", "cguest_time", "cmaj_flt", "cmaxrss", "cmin_flt", "cnivcsw", "cnvcsw", "cpu_timers", "cstime",
        "autogroup", "rchar", "syscr", "syscw", "wchar",
        "curr_target", "cutime",
        "flags", "group_exec_task", "group_exit_code", "group_stop_count", "has_child_subreaper",
        "is_child_subreaper", "itimers", "leader", "maj_flt", "maxrss", "min_flt", "next_posix_timer_id",
        "nivcsw", "notify_count", "nvcsw", "oom_score_adj", "oom_score_adj_min", "pgrp", "posix_timers", "rlim",
        "session", "shared_pending", "slab", "stime", "threads", "tty", "tty_old_pgrp",
        "utime", "wait_chldexit",
    )  # fmt: skip

    pgrp: Pid
    """Process group (Linux: pids[PIDTYPE_PGID]), and"""
    session: Pid
    """session (Linux: pids[PIDTYPE_SID]); set by copy_signal, moved by kernel/pid.py."""

    def __init__(self, rlim: list[tuple[int, int]], cache: KmemCache | None = None) -> None:
        """`cache`: where it lies, None for process 0's, which is static; SysError(ENOMEM)."""
        self.slab = cache.alloc() if cache is not None else 0
        """Slab address."""
        self.cache = cache
        self.threads: dict[Task, None] = {}
        """Live and zombie threads, the leader first, in creation order."""
        self.flags = 0
        self.group_exit_code = 0
        self.group_exec_task: Task | None = None
        """The thread in de_thread (execve), which waits for the others to be gone."""
        self.notify_count = 0
        self.group_stop_count = 0
        self.curr_target: Task | None = None
        """The thread that took the last signal for the whole process; the search for the next starts there."""
        self.shared_pending = SigPending()
        self.wait_chldexit = WaitQueue()
        """Threads in wait4/waitid; woken when a child changes state."""
        self.leader = False
        """Whether the process is a session leader."""
        self.tty: Any = None
        self.tty_old_pgrp: Pid | None = None
        self.is_child_subreaper = False
        self.has_child_subreaper = False
        self.oom_score_adj = self.oom_score_adj_min = 0
        self.rlim = rlim
        """(soft, hard) by RLIMIT_* number. A list that is never changed, for children have the same: `set_rlimit`."""
        self.itimers: tuple[Any, Any, Any] = (None, None, None)
        self.cpu_timers: Any = None
        """Armed timers on CPU time of the process or its threads: a posix_cpu_timers.CpuTimers, or None."""
        self.posix_timers: dict[int, Any] = {}
        self.next_posix_timer_id = 0
        # Sums of threads already gone, then of children waited for; times in nanoseconds.
        self.utime = self.stime = self.min_flt = self.maj_flt = self.nvcsw = self.nivcsw = 0
        self.cutime = self.cstime = self.cmin_flt = self.cmaj_flt = self.cnvcsw = self.cnivcsw = 0
        self.maxrss = self.cmaxrss = self.cguest_time = 0
        self.rchar = self.syscr = self.wchar = self.syscw = 0
        """Reads and writes of threads already gone and of children waited for (Linux: signal_struct.ioac)."""
        self.autogroup: Any = None
        """The kernel.autogroup.Autogroup of its session; None before the first setsid."""

    def set_rlimit(self, resource: int, limit: tuple[int, int]) -> None:
        """Another (soft, hard) limit for this process alone."""
        self.rlim = self.rlim.copy()
        self.rlim[resource] = limit

    def release(self) -> None:
        """The last thread is gone (Linux: free_signal_struct)."""
        if self.cache is not None:
            self.cache.free(self.slab)
            self.slab = 0


class SchedEntity:
    """What the scheduler keeps of a task. `nice` -20..19; times in nanoseconds."""

    __slots__ = (
        "cpu", "cpus_mask", "exec_start", "nice", "nr_migrations", "on_rq", "policy", "reset_on_fork", "rseq_cpu",
        "rt_priority", "run_delay", "slice_left", "sum_exec_runtime", "ticket", "vruntime",
    )  # fmt: skip

    def __init__(self) -> None:
        self.policy = 0
        self.nice = 0
        self.rt_priority = 0
        self.reset_on_fork = False
        self.cpus_mask = 1
        """CPUs that it may run on, bit N for CPU N."""
        self.cpu = 0
        """The one it runs on, or ran on last, or is queued for (Linux: task_cpu)."""
        self.nr_migrations = 0
        """How often it went to another one."""
        self.rseq_cpu = 0
        """The one that its struct rseq says."""
        self.vruntime = 0
        self.sum_exec_runtime = 0
        self.exec_start = 0
        """Since when it runs, or up to when that was charged; for a queued one since when it waits."""
        self.run_delay = 0
        """How long it stood in a run queue (Linux: sched_info.run_delay)."""
        self.slice_left = 0
        self.on_rq = False
        self.ticket = 0
        """Names the one valid entry in the fair queue."""


class Completion:
    """A one-time event (Linux: completion); vfork's parent waits on one."""

    __slots__ = ("done", "wait")

    def __init__(self) -> None:
        self.done = False
        self.wait = WaitQueue()

    def complete(self) -> None:
        """Say that it happened, wake all who wait."""
        self.done = True
        self.wait.wake_up()


class IoContext:
    """What CLONE_IO shares (Linux: io_context): the I/O priority, as ioprio_set gives it."""

    __slots__ = ("ioprio",)

    def __init__(self, ioprio: int) -> None:
        self.ioprio = ioprio


class Task:
    """A schedulable thing (Linux: task_struct)."""

    __slots__ = (
        "blocked", "cgroup", "child_tid_value", "children", "clear_child_tid", "comm", "cred", "deadline", "exit_code",
        "exit_signal", "exit_state", "fault", "files", "flags", "fs", "group_leader", "io_context", "jobctl", "kthread",
        "maj_flt", "min_flt", "mm", "nivcsw", "no_new_privs", "nsproxy", "nvcsw", "parent", "parent_exec_id",
        "pdeath_signal", "pending", "personality", "pid", "ptrace", "ptraced", "real_blocked", "real_parent",
        "restart_block", "resume",
        "robust_list", "rseq", "sas_ss_flags", "sas_ss_size", "sas_ss_sp", "saved_sigmask", "se",
        "self_exec_id", "set_child_tid", "sighand", "signal", "sigpending", "sleep", "start_time", "state",
        "stime", "syscall_args", "syscall_nr", "system", "sysvsem", "tgid", "thread", "thread_pid",
        "timer_slack_ns", "utime", "vfork_done", "loginuid", "rchar", "sessionid", "syscr", "syscw", "wchar",
        "next_task", "next_thread", "prev_task", "prev_thread", "rcu_users", "slab", "stack",
        "cred_slab", "tracing", "seccomp", "syscall_work", "mempolicy",
    )  # fmt: skip

    # --- identity
    system: System
    pid: int
    """Its number in the machine's first PID namespace, as `tgid`: for the kernel, its traces and reports. What a
    guest sees goes through `thread_pid` (see kernel/pid.py)."""
    tgid: int
    thread_pid: Pid
    """Its numbers; execve by a thread exchanges them (Linux: thread_pid)."""
    comm: bytes
    """Name, at most 15 bytes (prctl PR_SET_NAME)."""
    flags: int
    """PF_* bits."""
    state: int
    """TASK_*: what the scheduler goes by. Only RUNNING tasks are on a run queue."""
    exit_state: int
    exit_code: int
    """Wait status as wait4 reports it: (code & 0xff) << 8, or the signal number | 0x80 for a core dump."""
    exit_signal: int
    """Sent to the parent at death; -1 for a thread that is not a leader."""
    pdeath_signal: int
    personality: int
    # --- its place in RAM
    slab: int
    """Kernel address of its task_struct; 0 for process 0's, which is static, and after free_task."""
    stack: int
    """Kernel address of the lowest byte of its kernel stack; 0 once it is gone."""
    rcu_users: int
    """2: to be released, and to leave the CPU for the last time; at 0 it is freed."""
    # --- in the lists of kernel.tasklist; not there before the commit of a clone and after release_task
    next_task: Task
    prev_task: Task
    """Neighbours of a thread-group leader in the list of all processes."""
    next_thread: Task
    prev_thread: Task
    """Neighbours among the threads of the process."""
    # --- family
    real_parent: Task
    parent: Task
    """Who gets SIGCHLD: real_parent, or the tracer."""
    children: dict[Task, None]
    group_leader: Task
    ptrace: int
    """PT_* bits: traced, and with which options (abi.ptrace)."""
    ptraced: dict[Task, None] | None
    """Whom it traces; None for nobody so far."""
    tracing: Tracing | None
    """What a traced task has more; None for others."""
    seccomp: Seccomp | None
    """Which calls it may make; None: all of them."""
    syscall_work: int
    """SYSCALL_WORK_* bits: what has to be done before each call. 0 for most tasks."""
    mempolicy: Mempolicy | None
    """Which nodes its memory comes from; None: the default."""
    # --- shared or copied at clone
    mm: MmStruct | None
    """None for kernel threads and for a task past exit_mm."""
    files: FilesStruct | None
    fs: FsStruct | None
    signal: SignalStruct
    sighand: SighandStruct
    cgroup: Cgroup | None
    """The control group; None: the root. A zombie's is the one that it was in."""
    sysvsem: SemUndoList | None
    """What to undo at exit; None until a SEM_UNDO operation, or CLONE_SYSVSEM, asks for it."""
    cred: Cred
    """Immutable; replaced, never changed. Many may share the Python object, while each process has its struct cred:"""
    cred_slab: int
    """Kernel address of that, which its threads and the files it opened hold too; 0 for process 0's, which is static,
    and for a task that is released."""
    nsproxy: Any
    """A kernel.nsproxy.Nsproxy: which namespaces it is in; None past exit_task_namespaces."""
    # --- signals
    blocked: int
    """Signal mask, bit N-1 for signal N."""
    saved_sigmask: int | None
    """Mask to put back when no handler ran (sigsuspend, ppoll, pselect); TIF_RESTORE_SIGMASK."""
    real_blocked: int
    """Mask to go back to after sigtimedwait, 0 outside it."""
    jobctl: int
    """JOBCTL_* bits of kernel.signal: the task's part in a group stop."""
    pending: SigPending
    sigpending: bool
    """TIF_SIGPENDING: something is to be done before user mode. Set by signal.recalc_sigpending."""
    sas_ss_sp: int
    sas_ss_size: int
    sas_ss_flags: int
    restart_block: Resume | None
    """What restart_syscall goes on with."""
    # --- a trap in progress
    syscall_nr: int
    """Number of the call in progress, -1 outside one (Linux: orig_ax)."""
    syscall_args: tuple[int, int, int, int, int, int]
    sleep: Any
    """The Sleep the task is parked by, None when it is not asleep in a call."""
    resume: Resume | None
    """Called instead of the handler when the task next runs."""
    deadline: Any
    """Timer that ends the sleep, if it has a deadline."""
    thread: Any
    """Saved CPU state while the task is off the CPU (Linux: thread_struct)."""
    kthread: Any
    """The step object of a kernel thread, None for user tasks."""
    fault: tuple[int, int, int]
    """Trap number, error code and address (CR2) of the last exception, for signal frames; zeros at first."""
    # --- pointers of the C library into user memory, 0 for none
    set_child_tid: int
    clear_child_tid: int
    robust_list: int
    rseq: tuple[int, int, int] | None
    """(address, length, signature)."""
    vfork_done: Completion | None
    # --- accounting
    se: SchedEntity
    utime: int
    stime: int
    start_time: int
    """CLOCK_MONOTONIC nanoseconds at creation."""
    min_flt: int
    maj_flt: int
    nvcsw: int
    nivcsw: int
    rchar: int
    """Bytes that read calls gave it, and the number of such calls:"""
    syscr: int
    wchar: int
    """the same of write calls (Linux: task_io_accounting)."""
    syscw: int
    loginuid: int
    """Who logged in, INVALID_ID for nobody, and the number of that login (Linux: audit); children have both."""
    sessionid: int
    no_new_privs: bool
    timer_slack_ns: int
    io_context: IoContext | None
    """None until an I/O priority is set; shared by CLONE_IO."""
    self_exec_id: int
    parent_exec_id: int
    child_tid_value: int

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        """Every field but the raw CPU image, which `System` keeps in architectural form, and the links of the lists,
        which it makes anew: to follow them would nest as deep as there are tasks.
        """
        state = {name: getattr(self, name) for name in self.__slots__ if name not in LINKS and hasattr(self, name)}
        state["thread"] = None
        return None, state

    @property
    def tasks(self) -> ListHead:
        """Both neighbours in the list of all processes; a leader has them (Linux: task_struct.tasks)."""
        from forkernel.kernel.tasklist import ListHead

        return ListHead(self.next_task, self.prev_task)

    @property
    def pt_regs(self) -> bytes:
        """The user registers as they lie at the top of the kernel stack; b"" where there is none."""
        from forkernel.kernel.kstack import task_pt_regs

        return task_pt_regs(self)

    @property
    def is_leader(self) -> bool:
        """Whether the task leads its thread group."""
        return self.group_leader is self

    @property
    def regs(self) -> Any:
        """The user registers (Linux: pt_regs), live while the task is on the CPU; see arch.ptrace.PtRegs."""
        return self.system.cpu.regs_of(self)

    def wake_from(self, queue: WaitQueue) -> None:
        """A wait queue the task is parked on was woken (the Waiter protocol)."""
        self.system.sched.try_to_wake_up(self)

    def send_signal(self, sig: int) -> None:
        """Send the task a signal for what it is just doing (SIGPIPE, SIGXFSZ): `kernel.signal.send_sig`, for those
        who may not import it.
        """
        from forkernel.kernel.signal import send_sig

        send_sig(sig, self)

    def send_signal_info(self, sig: int, info: Any, group: bool) -> None:
        """`kernel.signal.send_sig_info`, for those who may not import it (SIGIO); EAGAIN."""
        from forkernel.kernel.signal import send_sig_info

        send_sig_info(sig, info, self, group)

    def __repr__(self) -> str:
        return f"<Task {self.pid} {self.comm.decode(errors='replace')!r}>"
