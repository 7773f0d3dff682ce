"""Every step by itself: a sentence for each tracepoint, and where it is found in Linux and here."""

from __future__ import annotations

from typing import Any, NamedTuple

from forkernel.abi.errno import NAMES
from forkernel.trace.explain.catalogue import N_, Catalogue
from forkernel.trace.explain.stories import CowStory, Step, Story

TEXTS: dict[str, str] = {
    "clone_check": N_("The flags {flags} make sense together."),
    "clone_check.none": N_("No flag is set, so nothing is shared; the signal at the child's end is {flags}."),
    "ptrace_event_chosen.told": N_("A tracer asked to be told, and will be."),
    "ptrace_event_chosen.nobody": N_("No tracer asked to be told."),
    "dup_task_struct": N_(
        "A task_struct at {task} in RAM and a kernel stack at {stack}. It has the caller's fields, but for those that "
        "begin afresh."
    ),
    "fork_limits": N_("One more task is allowed: there are {count} of at most {limit}."),
    "copy_creds.shared": N_("User {uid}, group {gid}: credentials never change in place, so both point at the same."),
    "copy_creds.copied": N_("User {uid}, group {gid}: credentials of its own, for a new user namespace."),
    "sched_fork": N_("The scheduler's part: nice {nice}, the caller's policy and CPUs; the child is not queued yet."),
    "copy_semundo.shared": N_("System V semaphores: what is undone at exit is shared."),
    "copy_semundo.new": N_("System V semaphores: the child has nothing to undo at exit."),
    "copy_files.shared": N_("The descriptor table is shared: {fds}, {users}."),
    "copy_files.copied": N_("The descriptor table is copied: {fds}, and each open file is counted once more."),
    "copy_files.none": N_("There is no descriptor table."),
    "copy_fs.shared": N_("Root, directory ({pwd}) and umask ({umask}) are shared by {users}."),
    "copy_fs.copied": N_("Root, directory ({pwd}) and umask ({umask}) are copied."),
    "copy_fs.none": N_("There is no root and no directory."),
    "copy_sighand.shared": N_("The table of signal handlers is shared by {users}."),
    "copy_sighand.copied": N_("The table of signal handlers is copied: {handlers} of the program."),
    "copy_sighand.cleared": N_("The child gets an empty table of signal handlers (CLONE_CLEAR_SIGHAND)."),
    "copy_signal.shared": N_("The child belongs to process {tgid}, and shares its signal_struct."),
    "copy_signal.new": N_(
        "A new signal_struct: a process of its own, with the caller's limits, group, session, terminal."
    ),
    "copy_mm.shared": N_("The address space is shared: {areas}, {pages} in RAM, {users}."),
    "copy_mm.copied": N_(
        "A new address space with the same {areas}. Its top page table points at the same {tables} as the caller's; "
        "the write bit is cleared in both, so that a write to any of the {pages} in RAM faults."
    ),
    "copy_mm.none": N_("No address space: a kernel thread has none."),
    "copy_namespaces.shared": N_("The namespaces are the caller's."),
    "copy_namespaces.new": N_("New namespaces: {namespaces}."),
    "copy_io.shared": N_("The I/O context is shared."),
    "copy_io.copied": N_("The I/O priority is inherited."),
    "copy_thread.same": N_("The registers are copied; rax, the call's result, is 0 in the child."),
    "copy_thread.same_tls": N_("The registers are copied; rax is 0 in the child, and its TLS is at {tls}."),
    "copy_thread.stack": N_("The registers are copied; rax is 0 in the child, and its stack pointer is {sp}."),
    "copy_thread.stack_tls": N_(
        "The registers are copied; rax is 0 in the child, its stack pointer is {sp}, and its TLS is at {tls}."
    ),
    "copy_thread.kthread": N_("No user registers: the child runs a function of the kernel."),
    "alloc_pid": N_("The next free number is {pid}."),
    "pidfd_prepare": N_("Descriptor {fd} of the caller stands for the child (CLONE_PIDFD)."),
    "cgroup_can_fork": N_("The control group has room for one more."),
    "fork_failed": N_("It failed with {errno}; what was taken is given back."),
    "child_settid": N_("The child's number {child} is written to the child's memory at {addr} (CLONE_CHILD_SETTID)."),
    "add_entropy": N_("The new PID and the time are stirred into the entropy pool."),
    "sched_process_fork": N_("The child {child} is in the list of tasks and in its family, complete but not runnable."),
    "parent_settid": N_(
        "The child's number {child} is written to the caller's memory at {addr} (CLONE_PARENT_SETTID)."
    ),
    "vfork_begin": N_("The child gets a completion, vfork_done, that the caller will wait for."),
    "wake_up_new_task": N_("Task {child} is put on the run queue, behind its parent."),
    "ptrace_stop": N_("The task stops for its tracer, who will read {code}."),
    "wait_for_vfork_done": N_("The caller sleeps on vfork_done, until {child} lets the memory go."),
    "vfork_return": N_("vfork_done is complete: the caller goes on."),
    "put_pid": N_("kernel_clone lets go of the child's struct pid, and returns {child}."),
    "alloc_bprm": N_("The file {filename} may be executed, and is open."),
    "copy_strings": N_("{arguments} and {variables}, {bytes}, are collected for the new stack."),
    "load_script": N_("The file begins with #!: {interpreter} is opened in its place."),
    "search_binary_handler.elf": N_("The file is an ELF program."),
    "search_binary_handler.script": N_("The file is a script."),
    "bprm_creds": N_("The program will run as user {euid}, as before."),
    "bprm_creds.secure": N_("The program gains privileges: it will run as user {euid} for user {uid}, with AT_SECURE."),
    "point_of_no_return": N_("From here on there is no way back: an error kills the process."),
    "de_thread.alone": N_("The process has one thread already."),
    "de_thread.killed": N_("To be killed: {others}; the call sleeps until none is left."),
    "unshare_files": N_("The descriptor table was shared: it is copied."),
    "unshare_sighand": N_("The table of handlers was shared: it is copied."),
    "close_on_exec.none": N_("No descriptor is marked close-on-exec."),
    "close_on_exec.closed": N_("Descriptors marked close-on-exec are closed: {closed}."),
    "flush_signal_handlers.none": N_("No signal had a handler; ignored ones stay ignored."),
    "flush_signal_handlers.reset": N_("Handlers were code of the old program; back to the default: {signals}."),
    "exec_mmap.first": N_("The task gets its first address space."),
    "exec_mmap.last": N_(
        "The new address space takes the old one's place; nobody else has the old one, so it is freed."
    ),
    "exec_mmap.shared": N_("The new address space takes the old one's place; the old one is kept for {users}."),
    "load_elf_binary": N_("The program and its interpreter are mapped: {areas}; pages come when they are touched."),
    "start_thread": N_("All registers are cleared; the program will start at {entry} with its stack at {sp}."),
    "exec_failed": N_("It failed with {errno}; the old program goes on."),
    "exec_failed.first": N_("It failed with {errno}; there is no program to go on with."),
    "exec_failed.fatal": N_("It failed with {errno}, too late to go back: SIGSEGV."),
    "do_group_exit": N_("The whole process is to end."),
    "do_group_exit.threads": N_("The whole process is to end: SIGKILL for {others}."),
    "do_exit": N_("The task ends, with wait status {code}."),
    "exit_signals": N_("PF_EXITING is set: signals for the process go to other threads now."),
    "exit_robust_list": N_("The list of robust futexes is walked: those it still holds are marked FUTEX_OWNER_DIED."),
    "clear_child_tid": N_("The word at {addr} is set to 0, and one waiter there is woken."),
    "complete_vfork_done": N_("vfork_done is completed: the parent may go on."),
    "exit_mm.last": N_("The address space had no other user: its areas, tables and pages are freed."),
    "exit_mm.shared": N_("The address space is let go; still used by {users}."),
    "exit_sem": N_("System V semaphores: what was to be undone is undone."),
    "exit_files.last": N_("The descriptor table had no other user: every descriptor is closed."),
    "exit_files.shared": N_("The descriptor table is let go; still used by {users}."),
    "exit_fs": N_("Root and directory are let go."),
    "exit_namespaces": N_("Namespaces are let go."),
    "find_new_reaper": N_("Its children need a parent: {reaper} ({comm}) was found."),
    "reparent": N_("Child {child} belongs to {reaper} now."),
    "do_notify_parent": N_("{signal} is sent to the parent, {parent}, and who sleeps in wait there is woken."),
    "exit_notify.zombie": N_("The task is a zombie: EXIT_ZOMBIE, TASK_DEAD."),
    "exit_notify.gone": N_("Nobody will wait for it: EXIT_DEAD, no zombie."),
    "release_task": N_("The last of {pid} goes: its place in the family, and its number."),
    "do_wait": N_("The caller looks at its children."),
    "wait_consider_task.other": N_("{child} ({comm}): not what the call is about."),
    "wait_consider_task.alive": N_("{child} ({comm}): alive, no news."),
    "wait_consider_task.threads": N_("{child} ({comm}): dead, but threads of it live."),
    "wait_consider_task.zombie": N_("{child} ({comm}): a zombie."),
    "wait_consider_task.stopped": N_("{child} ({comm}): stopped."),
    "wait_consider_task.continued": N_("{child} ({comm}): continued."),
    "wait_task_zombie.reaped": N_(
        "The status of {child} is taken, and its times are added to the caller's children's."
    ),
    "wait_task_zombie.left": N_("The status of {child} is read; it stays a zombie (WNOWAIT)."),
    "wait_sleep": N_("No news: the caller sleeps on wait_chldexit."),
    "table_unshare": N_("Page table of level {level} for {address}: frame {old} is copied to {new}."),
    "do_wp_page.copied": N_(
        "Page {page} ({area}): frame {old} is copied to {new}; process {others} still has the old one."
    ),
    "do_wp_page.file": N_("Page {page} ({area}): the file's frame {old} is copied to {new}."),
    "do_wp_page.zero": N_(
        "Page {page} ({area}): frame {new}, filled with zeros, takes the place of the page of zeros."
    ),
    "do_wp_page.reused": N_("Page {page} ({area}): nobody else has frame {old}; it is made writable."),
}
"""By step, or step and variant."""


class Place(NamedTuple):
    """Where a step is done: Linux's function and file, and our file, where the function has the same name or `ours`."""

    function: str
    linux: str
    here: str
    ours: str = ""

    @property
    def name(self) -> str:
        """The function's name here."""
        return self.ours or self.function


FORK, EXIT, EXEC = "kernel/fork.c", "kernel/exit.c", "fs/exec.c"
PLACES: dict[str, Place] = {
    "ptrace_event_chosen": Place("kernel_clone", FORK, "kernel/fork.py", "choose_ptrace_event"),
    "clone_check": Place("copy_process", FORK, "kernel/fork.py"),
    "dup_task_struct": Place("dup_task_struct", FORK, "kernel/fork.py"),
    "fork_limits": Place("copy_process", FORK, "kernel/fork.py", "fork_limits"),
    "copy_creds": Place("copy_creds", "kernel/cred.c", "kernel/fork.py"),
    "sched_fork": Place("sched_fork", "kernel/sched/core.c", "kernel/sched.py"),
    "copy_semundo": Place("copy_semundo", "ipc/sem.c", "kernel/sem.py"),
    "copy_files": Place("copy_files", FORK, "kernel/fork.py"),
    "copy_fs": Place("copy_fs", FORK, "kernel/fork.py"),
    "copy_sighand": Place("copy_sighand", FORK, "kernel/fork.py"),
    "copy_signal": Place("copy_signal", FORK, "kernel/fork.py"),
    "copy_mm": Place("copy_mm", FORK, "kernel/fork.py"),
    "copy_namespaces": Place("copy_namespaces", "kernel/nsproxy.c", "kernel/nsproxy.py"),
    "copy_io": Place("copy_io", FORK, "kernel/fork.py"),
    "copy_thread": Place("copy_thread", "arch/x86/kernel/process.c", "arch/x86_64/process.py"),
    "alloc_pid": Place("alloc_pid", "kernel/pid.c", "kernel/pid.py"),
    "pidfd_prepare": Place("pidfd_prepare", FORK, "kernel/fork.py"),
    "cgroup_can_fork": Place("cgroup_can_fork", "kernel/cgroup/cgroup.c", "kernel/cgroup.py"),
    "fork_failed": Place("copy_process", FORK, "kernel/fork.py", "bad_fork_cleanup"),
    "child_settid": Place("schedule_tail", "kernel/sched/core.c", "kernel/fork.py", "_set_child_tid"),
    "add_entropy": Place("add_latent_entropy", "include/linux/random.h", "kernel/system.py", "stir_entropy"),
    "sched_process_fork": Place("kernel_clone", FORK, "kernel/fork.py"),
    "parent_settid": Place("kernel_clone", FORK, "kernel/fork.py"),
    "vfork_begin": Place("kernel_clone", FORK, "kernel/fork.py"),
    "wake_up_new_task": Place("wake_up_new_task", "kernel/sched/core.c", "kernel/sched.py"),
    "ptrace_stop": Place("ptrace_stop", "kernel/signal.c", "kernel/ptrace_stop.py"),
    "wait_for_vfork_done": Place("wait_for_vfork_done", FORK, "kernel/fork.py", "CloneReturn"),
    "vfork_return": Place("wait_for_vfork_done", FORK, "kernel/fork.py", "CloneReturn"),
    "put_pid": Place("kernel_clone", FORK, "kernel/fork.py"),
    "alloc_bprm": Place("alloc_bprm", EXEC, "kernel/exec.py"),
    "copy_strings": Place("copy_strings", EXEC, "kernel/exec.py"),
    "load_script": Place("load_script", "fs/binfmt_script.c", "kernel/binfmt_script.py"),
    "search_binary_handler": Place("search_binary_handler", EXEC, "kernel/exec.py", "exec_binprm"),
    "bprm_creds": Place("bprm_creds_from_file", EXEC, "kernel/exec.py", "prepare_creds"),
    "point_of_no_return": Place("begin_new_exec", EXEC, "kernel/exec.py"),
    "de_thread": Place("de_thread", EXEC, "kernel/exec.py"),
    "unshare_files": Place("unshare_files", FORK, "kernel/exec.py"),
    "unshare_sighand": Place("unshare_sighand", EXEC, "kernel/exec.py"),
    "close_on_exec": Place("do_close_on_exec", "fs/file.c", "fs/fdtable.py", "close_on_exec"),
    "flush_signal_handlers": Place("flush_signal_handlers", "kernel/signal.c", "kernel/signal.py"),
    "exec_mmap": Place("exec_mmap", EXEC, "kernel/exec.py"),
    "load_elf_binary": Place("load_elf_binary", "fs/binfmt_elf.c", "kernel/binfmt_elf.py"),
    "start_thread": Place("start_thread", "arch/x86/kernel/process_64.c", "arch/x86_64/process.py"),
    "exec_failed": Place("bprm_execve", EXEC, "kernel/exec.py"),
    "do_group_exit": Place("do_group_exit", EXIT, "kernel/exit.py"),
    "do_exit": Place("do_exit", EXIT, "kernel/exit.py"),
    "exit_signals": Place("exit_signals", "kernel/signal.c", "kernel/signal.py"),
    "exit_robust_list": Place("exit_robust_list", "kernel/futex/core.c", "kernel/exit.py"),
    "clear_child_tid": Place("mm_release", FORK, "kernel/exit.py"),
    "complete_vfork_done": Place("complete_vfork_done", FORK, "kernel/exit.py"),
    "exit_mm": Place("exit_mm", EXIT, "kernel/exit.py"),
    "exit_sem": Place("exit_sem", "ipc/sem.c", "kernel/sem.py"),
    "exit_files": Place("exit_files", "fs/file.c", "kernel/exit.py"),
    "exit_fs": Place("exit_fs", "fs/fs_struct.c", "kernel/exit.py"),
    "exit_namespaces": Place("exit_task_namespaces", "kernel/nsproxy.c", "kernel/nsproxy.py", "switch_task_namespaces"),
    "find_new_reaper": Place("find_new_reaper", EXIT, "kernel/exit.py"),
    "reparent": Place("forget_original_parent", EXIT, "kernel/exit.py"),
    "do_notify_parent": Place("do_notify_parent", "kernel/signal.c", "kernel/signal.py"),
    "exit_notify": Place("exit_notify", EXIT, "kernel/exit.py"),
    "release_task": Place("release_task", EXIT, "kernel/exit.py"),
    "do_wait": Place("do_wait", EXIT, "kernel/wait4.py"),
    "wait_consider_task": Place("wait_consider_task", EXIT, "kernel/wait4.py"),
    "wait_task_zombie": Place("wait_task_zombie", EXIT, "kernel/wait4.py"),
    "wait_sleep": Place("do_wait", EXIT, "kernel/wait4.py"),
    "table_unshare": Place("copy_pte_range", "mm/memory.c", "mm/pagetable.py", "unshare"),
    "do_wp_page": Place("do_wp_page", "mm/memory.c", "mm/fault.py", "_protection_fault"),
}


def steps_of(story: Story) -> list[Step]:
    """The steps of a story in order; for copy-on-write, tables and pages by time."""
    if not isinstance(story, CowStory):
        return story.steps
    found = [Step("table_unshare", table.when, "", table_values(table)) for table in story.tables]
    found += [Step("do_wp_page", fault.when, fault.how, fault_values(fault)) for fault in story.faults]
    found.sort(key=lambda step: step.when)
    return found


def table_values(table: Any) -> dict[str, Any]:
    """For the sentence."""
    return {"level": table.level, "address": f"{table.address:#x}", "old": table.old, "new": table.new}


def fault_values(fault: Any) -> dict[str, Any]:
    """For the sentence."""
    page, area = f"{fault.page:#x}", fault.area or "-"
    return {"page": page, "area": area, "old": fault.old, "new": fault.new, "others": fault.others}


def step_text(catalogue: Catalogue, step: Step) -> str:
    """The sentence for one step."""
    message = TEXTS.get(f"{step.name}.{step.variant}") or TEXTS.get(step.name)
    if message is None:
        return step.name
    values = dict(step.values)
    if "errno" in values:
        values["errno"] = NAMES.get(values["errno"], values["errno"])
    if step.name == "do_wp_page":
        values["others"] = catalogue.series(values["others"] or ("?",))
    return catalogue.say(message, **values)
