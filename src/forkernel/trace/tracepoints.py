"""Tracepoints: places where the kernel tells what it is doing, free of charge while nobody listens.

A `Trace` has one attribute for each event, named as Linux names its tracepoints. It is None while the event
is off, else something to call. The kernel fires an event like this, and nothing more:

    if fire := system.trace.sched_switch:
        fire(prev, next)

A sink (see `forkernel.trace.strace`, `forkernel.trace.jsonl`) is any object with methods named after the
events it wants; `Trace.attach` connects it. Events are fired in kernel state that is consistent, and a
sink only looks: it changes nothing and raises nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Event = Callable[..., None] | None

EVENTS = (
    "sys_enter",
    "sys_exit",
    "signal_generate",
    "signal_deliver",
    "signal_stop",
    "signal_continue",
    "page_fault",
    "task_newtask",
    "task_rename",
    "sched_process_fork",
    "sched_process_exec",
    "sched_process_exit",
    "sched_process_wait",
    "sched_process_free",
    "sched_switch",
    "sched_wakeup",
    "sched_wakeup_new",
    "sched_migrate_task",
    "mark_victim",
)
"""Events that Linux has too, by its names; arguments are listed in the fields of `Trace`."""

FORK_STEPS = (
    "clone_check",
    "ptrace_event_chosen",
    "dup_task_struct",
    "fork_limits",
    "copy_creds",
    "sched_fork",
    "copy_semundo",
    "copy_files",
    "copy_fs",
    "copy_sighand",
    "copy_signal",
    "copy_mm",
    "copy_namespaces",
    "copy_io",
    "copy_thread",
    "alloc_pid",
    "pidfd_prepare",
    "cgroup_can_fork",
    "fork_failed",
    "add_entropy",
    "parent_settid",
    "child_settid",
    "vfork_begin",
    "ptrace_stop",
    "wait_for_vfork_done",
    "vfork_return",
    "put_pid",
)
"""The steps of kernel_clone and copy_process, in order (Linux: kernel/fork.c)."""

EXEC_STEPS = (
    "alloc_bprm",
    "copy_strings",
    "load_script",
    "search_binary_handler",
    "bprm_creds",
    "point_of_no_return",
    "de_thread",
    "unshare_files",
    "unshare_sighand",
    "close_on_exec",
    "flush_signal_handlers",
    "exec_mmap",
    "load_elf_binary",
    "start_thread",
    "exec_failed",
)
"""The steps of execve (Linux: fs/exec.c, fs/binfmt_elf.c)."""

EXIT_STEPS = (
    "do_group_exit",
    "do_exit",
    "exit_signals",
    "exit_robust_list",
    "clear_child_tid",
    "complete_vfork_done",
    "exit_mm",
    "exit_sem",
    "exit_files",
    "exit_fs",
    "exit_namespaces",
    "find_new_reaper",
    "reparent",
    "exit_notify",
    "release_task",
)
"""The steps of do_exit and release_task (Linux: kernel/exit.c). A `release_task` ends what `exit_notify` began."""

WAIT_STEPS = ("wait_consider_task", "wait_task_zombie", "wait_sleep")
"""The steps of wait4 and waitid (Linux: kernel/exit.c)."""

FAULT_STEPS = ("table_unshare", "do_wp_page")
"""What copy-on-write comes to (Linux: mm/memory.c)."""

STEPS = FORK_STEPS + EXEC_STEPS + EXIT_STEPS + WAIT_STEPS + FAULT_STEPS
"""Every step that tells of itself: finer than Linux's tracepoints, named after Linux's functions."""


class Trace:
    """The events of one kernel. All off at first."""

    __slots__ = (*EVENTS, *STEPS, "copy_steps", "sinks", "system")

    sys_enter: Event
    """(task): a call starts; task.syscall_nr and task.syscall_args are set. Once for each call: not again when
    it wakes from a sleep."""
    sys_exit: Event
    """(task, result): the call ends; `result` as the handler left it, restart codes (-512...) included. Also for
    execve in its new program (result 0). Not for calls that never return (exit)."""
    signal_generate: Event
    """(sig, info, task, group, result): a signal was sent; `result` is 0 for delivered to the pending set, 1 for
    ignored, 2 for already pending (Linux: TRACE_SIGNAL_*)."""
    signal_deliver: Event
    """(task, sig, info, action): a signal is taken from the pending set and acted upon."""
    signal_stop: Event
    """(task, sig): the thread enters a group stop because of `sig`."""
    signal_continue: Event
    """(task): the thread leaves a group stop."""
    page_fault: Event
    """(task, address, error_code, rip): a page fault of user mode, before it is handled."""
    task_newtask: Event
    """(task, clone_flags): copy_process made a task."""
    task_rename: Event
    """(task, comm): the name is about to change to `comm`."""
    sched_process_fork: Event
    """(parent, child): kernel_clone has a child, not yet runnable."""
    sched_process_exec: Event
    """(task, filename, old_pid): a new program is loaded; `old_pid` differs if another thread than the leader."""
    sched_process_exit: Event
    """(task): do_exit is done with the task's resources; task.exit_code is its wait status."""
    sched_process_wait: Event
    """(task, pid): a wait call looks for a child."""
    sched_process_free: Event
    """(task): release_task: the zombie is gone."""
    sched_switch: Event
    """(prev, next): the CPU changes hands; prev.state tells why."""
    sched_wakeup: Event
    """(task): a sleeping task becomes runnable."""
    sched_wakeup_new: Event
    """(task): a new task becomes runnable for the first time."""
    sched_migrate_task: Event
    """(task, orig_cpu, dest_cpu): the task goes to another CPU."""
    mark_victim: Event
    """(task): the OOM killer picked it."""

    # --- making a task: kernel_clone, copy_process. `child` has what the steps so far gave it.
    clone_check: Event
    """(task, args): the flags make sense; `args` is the KernelCloneArgs."""
    ptrace_event_chosen: Event
    """(task, event, enabled): what a tracer would be told: a PTRACE_EVENT_* number (0 with CLONE_UNTRACED);
    `enabled`: there is one that asked for it."""
    dup_task_struct: Event
    """(task, child, flags): a new task_struct, a copy of the parent's."""
    fork_limits: Event
    """(task, child, flags): the user and the machine may have one more task."""
    copy_creds: Event
    """(task, child, flags): child.cred is shared with the parent, or a copy for a new user namespace."""
    sched_fork: Event
    """(task, child, flags): scheduling policy, nice value and CPUs are inherited; child.state is TASK_NEW."""
    copy_semundo: Event
    """(task, child, flags): System V semaphore adjustments: shared by CLONE_SYSVSEM, else none."""
    copy_files: Event
    """(task, child, flags): the descriptor table: shared by CLONE_FILES, else copied; child.files."""
    copy_fs: Event
    """(task, child, flags): root, working directory, umask: shared by CLONE_FS, else copied; child.fs."""
    copy_sighand: Event
    """(task, child, flags): handlers: shared by CLONE_SIGHAND, else copied; child.sighand."""
    copy_signal: Event
    """(task, child, flags): what threads share: the same for CLONE_THREAD, else new; child.signal."""
    copy_mm: Event
    """(task, child, flags): memory: shared by CLONE_VM, else a copy-on-write copy; child.mm."""
    copy_namespaces: Event
    """(task, child, flags): namespaces: shared, but for those of CLONE_NEW*; child.nsproxy."""
    copy_io: Event
    """(task, child, flags): the I/O context and its priority: shared by CLONE_IO, else copied."""
    copy_thread: Event
    """(task, child, flags): registers: the parent's with 0 as the result, its own stack and TLS if given."""
    alloc_pid: Event
    """(task, child, flags): child.pid is a number of its own."""
    pidfd_prepare: Event
    """(task, child, fd): CLONE_PIDFD: descriptor `fd` of the parent stands for the child."""
    cgroup_can_fork: Event
    """(task, child, flags): the control group admits one more."""
    fork_failed: Event
    """(task, child, errno): copy_process failed and undid what it had done; `child` is None before
    dup_task_struct."""
    add_entropy: Event
    """(task, child): the new PID and the time were stirred into the entropy pool."""
    parent_settid: Event
    """(task, child, addr): CLONE_PARENT_SETTID: the child's ID is in the parent's memory at `addr`."""
    child_settid: Event
    """(child, addr): CLONE_CHILD_SETTID: the child's ID is in its own memory at `addr`."""
    vfork_begin: Event
    """(task, child): CLONE_VFORK: child.vfork_done is a completion that the parent will wait for."""
    ptrace_stop: Event
    """(task, code, why): the task stops for its tracer, who will read `code`: a signal, with a PTRACE_EVENT_* above
    it (ptrace_event_pid for the events of fork); `why` is a CLD_* code."""
    wait_for_vfork_done: Event
    """(task, child): the parent goes to sleep until the child execs or exits."""
    vfork_return: Event
    """(task, pid): the parent goes on: the child let its memory go."""
    put_pid: Event
    """(task, child): the story is over: kernel_clone lets go of the struct pid, and returns its number."""

    # --- a new program: execve
    alloc_bprm: Event
    """(task, bprm): the file is open; bprm.filename, bprm.file."""
    copy_strings: Event
    """(task, bprm): bprm.argv and bprm.envp are known; bprm.room bytes are left for more."""
    load_script: Event
    """(task, bprm, interpreter, argument): the file begins with #!; `argument` is bytes or None."""
    search_binary_handler: Event
    """(task, bprm, format): the file's format is "elf" or "script"."""
    bprm_creds: Event
    """(task, bprm): bprm.cred is what the new program will have; bprm.secureexec."""
    point_of_no_return: Event
    """(task, bprm): from here on an error kills the process."""
    de_thread: Event
    """(task, others): the process is to have one thread: `others` threads are being killed (0: there were none)."""
    unshare_files: Event
    """(task, files): the descriptor table was shared, and is copied; `files` is the new one."""
    unshare_sighand: Event
    """(task, sighand): the handlers were shared, and are copied."""
    close_on_exec: Event
    """(task, fds): these descriptors are about to be closed, a list."""
    flush_signal_handlers: Event
    """(task, signals): these signals had handlers and are about to be at their default again, a list."""
    exec_mmap: Event
    """(task, old, new): the address space `old` (None for a kernel thread) was exchanged for `new`."""
    load_elf_binary: Event
    """(task, bprm, entry, sp): the program and its interpreter are mapped; where it starts, with which stack."""
    start_thread: Event
    """(task, entry, sp): the registers are those of a new program."""
    exec_failed: Event
    """(task, filename, errno): execve failed: `filename` (None before it was read) was not run."""

    # --- the end: exit
    do_group_exit: Event
    """(task, code): the process ends with wait status `code`; its other threads are killed."""
    do_exit: Event
    """(task, code): the thread begins to end."""
    exit_signals: Event
    """(task): from now on signals for the process go to other threads; PF_EXITING is set."""
    exit_robust_list: Event
    """(task, head): robust futexes it held are marked OWNER_DIED."""
    clear_child_tid: Event
    """(task, addr): the word at `addr` is 0, and whoever waits there (pthread_join) is woken."""
    complete_vfork_done: Event
    """(task): the parent in vfork may go on: the task let its memory go."""
    exit_mm: Event
    """(task, mm): the task has no address space any more; mm.users is 0 if it was the last."""
    exit_sem: Event
    """(task): its System V semaphore adjustments were undone."""
    exit_files: Event
    """(task, files): the descriptor table was let go; files.users is 0 if all were closed."""
    exit_fs: Event
    """(task, fs): root and working directory were let go."""
    exit_namespaces: Event
    """(task): its namespaces were let go."""
    find_new_reaper: Event
    """(father, reaper): who gets the children of `father`."""
    reparent: Event
    """(child, father, reaper): a child changes parents."""
    exit_notify: Event
    """(task, autoreap): the parent was told; `autoreap`: nobody will wait, so there will be no zombie."""
    release_task: Event
    """(task): the last of it goes: PID, place in the family, task_struct."""

    # --- wait
    wait_consider_task: Event
    """(task, child, verdict): a child was looked at; `verdict`: "other" (not what the call is about), "alive",
    "threads" (a dead leader of live threads), "zombie", "stopped", "continued"."""
    wait_task_zombie: Event
    """(task, child, status, reaped): a zombie's status was taken; `reaped` is False with WNOWAIT."""
    wait_sleep: Event
    """(task): no child has news: the caller sleeps on wait_chldexit."""

    # --- copy-on-write
    table_unshare: Event
    """(pt, va, level, old, new): a page table of level 1 (leaf) to 3 that other trees use too was copied from frame
    `old` to `new` for tree `pt`, to change what is at `va`."""
    do_wp_page: Event
    """(mm, addr, old, new): a write to a write-protected page: frame `old` was copied to `new`, or, where they are
    the same, is used by the writer alone and was made writable (reused)."""

    def __init__(self, system: Any = None) -> None:
        self.system = system
        """The machine; its `current` is the task that does what an event about memory tells."""
        self.sinks: list[Any] = []
        self.copy_steps = False
        """Whether somebody listens to any of FORK_STEPS."""
        for name in EVENTS + STEPS:
            setattr(self, name, None)

    def attach(self, sink: Any) -> None:
        """Connect every event that `sink` has a method for; several sinks may listen to one event."""
        self.sinks.append(sink)
        self._connect()

    def detach(self, sink: Any) -> None:
        """Disconnect `sink`; ValueError if it is not attached."""
        self.sinks.remove(sink)
        self._connect()

    def close(self) -> None:
        """The run is over: let each sink write what it still holds, and detach all."""
        sinks, self.sinks = self.sinks, []
        self._connect()
        for sink in sinks:
            if finish := getattr(sink, "close", None):
                finish()

    def _connect(self) -> None:
        for name in EVENTS + STEPS:
            hooks = [hook for sink in self.sinks if (hook := _hook(sink, name))]
            setattr(self, name, hooks[0] if len(hooks) == 1 else FanOut(hooks) if hooks else None)
        self.copy_steps = any(getattr(self, name) for name in FORK_STEPS)

    def __getstate__(self) -> dict[str, Any]:
        return {"sinks": self.sinks, "system": self.system}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.sinks, self.system = state["sinks"], state["system"]
        self._connect()


def _hook(sink: Any, name: str) -> Event:
    """The sink's method for an event. A sink with a method `hook` picks its events by that."""
    choose = getattr(sink, "hook", None)
    hook: Event = choose(name) if choose else getattr(sink, name, None)
    return hook


class FanOut:
    """Calls several hooks in turn."""

    __slots__ = ("hooks",)

    def __init__(self, hooks: list[Callable[..., None]]) -> None:
        self.hooks = hooks

    def __call__(self, *arguments: Any) -> None:
        """Fire the event at every sink."""
        for hook in self.hooks:
            hook(*arguments)
