"""The sink: makes stories of events and hands each to a teller when it is complete.

A task does one thing at a time, so `open` has one story for each; the end of a task ends whatever it was in. A
parent in vfork is told of twice, when it falls asleep and when it goes on, for what its child does in between
comes between. Copy-on-write faults are gathered by process until it does something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from forkernel.trace.explain import look
from forkernel.trace.explain.stories import (
    CloneStory,
    Considered,
    CowStory,
    ExecStory,
    ExitStory,
    Fault,
    Step,
    Story,
    Unshared,
    VforkReturnStory,
    WaitStory,
    Woken,
)
from forkernel.trace.flags import CLONE3_FLAGS
from forkernel.trace.structs import signal_name
from forkernel.trace.tree import ProcessTree

CLONE_VM, CLONE_FS, CLONE_FILES, CLONE_SIGHAND = 0x100, 0x200, 0x400, 0x800
CLONE_VFORK, CLONE_THREAD, CLONE_SYSVSEM, CLONE_SETTLS = 0x4000, 0x10000, 0x40000, 0x80000
CLONE_IO, CLONE_CLEAR_SIGHAND = 0x8000_0000, 0x1_0000_0000
ID_FLAGS = 0x100000 | 0x200000 | 0x1000000 | 0x1000
"""Flags that only say where the child's number is written: PARENT_SETTID, CHILD_CLEARTID, CHILD_SETTID, PIDFD."""
NEW_NAMESPACES = 0x7E02_0080
SIGCHLD = 17
ENOENT = 2
WAIT_CALLS = ("wait4", "waitid")
EXIT_CALLS = ("exit", "exit_group")
WAIT_TARGETS = {0: "any", 1: "pid", 2: "group", 3: "pidfd"}
"""waitid's P_*."""


class Teller(Protocol):
    """Who gets the stories."""

    def tell(self, story: Story) -> None:
        """A story is complete."""

    def close(self, tree: ProcessTree) -> None:
        """The run is over."""


class Collector:
    """A trace sink; see the module. `names`: the system calls by number. `from_boot`: tell of processes 1 and 2 too."""

    def __init__(
        self,
        tellers: list[Teller],
        names: Mapping[int, str],
        *,
        only: tuple[str, ...] = (),
        pids: tuple[int, ...] = (),
        from_boot: bool = False,
    ) -> None:
        self.tellers = tellers
        self.names = names
        self.only = frozenset(only)
        """Kinds to tell of; none: all."""
        self.pids = frozenset(pids)
        self.from_boot = from_boot
        self.tree = ProcessTree()
        self.open: dict[Any, Story] = {}
        self.vforks: dict[Any, VforkReturnStory] = {}
        """Parents asleep in vfork."""
        self.borrowers: dict[Any, Any] = {}
        """The parent in vfork by its child."""
        self.cow: dict[Any, CowStory] = {}
        self.missed: dict[Any, ExecStory] = {}
        """Calls of execve for a file that is not there: often the next one finds it, further along PATH."""
        self.system: Any = None
        self.chosen: tuple[Any, str] = (None, "")
        """Who is in kernel_clone, and what ptrace_event_chosen said."""
        self.making: Any = None
        """The child that is being made."""

    # --- stories

    def _begin(self, task: Any, story: Story) -> None:
        """Something new: what came before it, faults first, is told."""
        self._flush_cow(task)
        if not isinstance(story, ExecStory):
            self._flush_missed(task)
        self._abandon(task)
        self.open[task] = story

    def _tell(self, story: Story, now: int) -> None:
        story.ended = now
        if (not self.only or story.kind in self.only) and (not self.pids or story.pids() & self.pids):
            for teller in self.tellers:
                teller.tell(story)

    def _finish(self, task: Any) -> None:
        """The task's story is complete."""
        story = self.open.pop(task, None)
        if story is not None:
            self._tell(story, now(task))

    def _abandon(self, task: Any) -> None:
        """The task will not complete its story: it was killed in the middle of a call, or the run is over."""
        story = self.open.pop(task, None)
        if isinstance(story, WaitStory) and story.sleeps and story.call:
            self._tell(story, now(task))

    def _flush_cow(self, task: Any) -> None:
        story = self.cow.pop(task, None)
        if story is not None:
            self._tell(story, story.ended)

    def _flush_missed(self, task: Any) -> None:
        """Programs that were not found, and nothing else was run instead."""
        story = self.missed.pop(task, None)
        if story is not None:
            self._tell(story, story.ended)

    def _step(self, task: Any, name: str, variant: str = "", /, **values: Any) -> Story | None:
        """Note a step in the task's story."""
        story = self.open.get(task) or self.vforks.get(task)
        if story is not None:
            story.steps.append(Step(name, now(task), variant, values))
        return story

    def _clone(self, task: Any) -> CloneStory | None:
        story = self.open.get(task)
        return story if isinstance(story, CloneStory) else None

    # --- fork, vfork, clone

    def ptrace_event_chosen(self, task: Any, event: int, enabled: bool) -> None:
        """What a tracer would be told; the story begins at the next step, when the flags are known."""
        self.chosen = (task, "told" if enabled else "nobody")

    def clone_check(self, task: Any, args: Any) -> None:
        """kernel_clone begins."""
        self.system = task.system
        self._begin_clone(task, args.flags, args.exit_signal, args.kthread is not None, args.stack)
        variant = "" if args.flags else "none"
        self._step(task, "clone_check", variant, flags=flags_text(args.flags, args.exit_signal))

    def _begin_clone(self, task: Any, flags: int, exit_signal: int, kthread: bool, stack: int) -> None:
        kind = "kthread" if kthread else clone_kind(flags, exit_signal, stack)
        call = "" if kthread else self.names.get(task.syscall_nr, "")
        self._begin(task, CloneStory(kind, look.who(task), now(task), call=call, flags=flags, exit_signal=exit_signal))
        if self.chosen[0] is task:
            self._step(task, "ptrace_event_chosen", self.chosen[1])
        self.chosen = (None, "")

    def dup_task_struct(self, task: Any, child: Any, flags: int) -> None:
        """A task_struct."""
        self.making = child
        self._step(task, "dup_task_struct", task=f"{child.slab:#x}", stack=f"{child.stack:#x}")

    def fork_limits(self, task: Any, child: Any, flags: int) -> None:
        """One more is allowed."""
        self._step(task, "fork_limits", count=len(task.system.pids.tasks), limit=task.system.threads_max)

    def copy_creds(self, task: Any, child: Any, flags: int) -> None:
        """User and capabilities."""
        variant = "shared" if child.cred is task.cred else "copied"
        self._step(task, "copy_creds", variant, uid=child.cred.uid, gid=child.cred.gid)

    def sched_fork(self, task: Any, child: Any, flags: int) -> None:
        """Policy and nice value."""
        self._step(task, "sched_fork", nice=child.se.nice)

    def copy_semundo(self, task: Any, child: Any, flags: int) -> None:
        """SEM_UNDO."""
        self._step(task, "copy_semundo", "shared" if flags & CLONE_SYSVSEM else "new")

    def copy_files(self, task: Any, child: Any, flags: int) -> None:
        """Descriptors."""
        if child.files is None:
            self._step(task, "copy_files", "none")
            return
        shared = child.files is task.files
        users = child.files.users
        self._step(task, "copy_files", "shared" if shared else "copied", fds=len(child.files.fds), users=users)

    def copy_fs(self, task: Any, child: Any, flags: int) -> None:
        """Root, directory, umask."""
        if child.fs is None:
            self._step(task, "copy_fs", "none")
            return
        variant = "shared" if child.fs is task.fs else "copied"
        pwd = look.directory(task, child.fs)
        self._step(task, "copy_fs", variant, pwd=pwd, umask=f"{child.fs.umask:03o}", users=child.fs.users)

    def copy_sighand(self, task: Any, child: Any, flags: int) -> None:
        """Handlers."""
        shared = child.sighand is task.sighand
        variant = "shared" if shared else "cleared" if flags & CLONE_CLEAR_SIGHAND else "copied"
        self._step(task, "copy_sighand", variant, handlers=look.handlers(child.sighand), users=child.sighand.users)

    def copy_signal(self, task: Any, child: Any, flags: int) -> None:
        """What makes a process."""
        shared = child.signal is task.signal
        self._step(task, "copy_signal", "shared" if shared else "new", tgid=task.tgid, threads=len(task.signal.threads))

    def copy_mm(self, task: Any, child: Any, flags: int) -> None:
        """Memory."""
        memory = look.memory(child.mm)
        if memory is None:
            self._step(task, "copy_mm", "none")
            return
        self._step(task, "copy_mm", "shared" if child.mm is task.mm else "copied", **memory._asdict())

    def copy_namespaces(self, task: Any, child: Any, flags: int) -> None:
        """Views of the system."""
        new = CLONE3_FLAGS(flags & NEW_NAMESPACES) if flags & NEW_NAMESPACES else ""
        self._step(task, "copy_namespaces", "new" if new else "shared", namespaces=new)

    def copy_io(self, task: Any, child: Any, flags: int) -> None:
        """Priority of input and output."""
        self._step(task, "copy_io", "shared" if flags & CLONE_IO else "copied")

    def copy_thread(self, task: Any, child: Any, flags: int) -> None:
        """Registers."""
        if child.kthread is not None:
            self._step(task, "copy_thread", "kthread")
            return
        variant = "stack" if child.regs.rsp != task.regs.rsp else "same"
        if flags & CLONE_SETTLS:
            variant += "_tls"
        self._step(task, "copy_thread", variant, sp=f"{child.regs.rsp:#x}", tls=f"{child.regs.fs_base:#x}")

    def alloc_pid(self, task: Any, child: Any, flags: int) -> None:
        """A number."""
        self._step(task, "alloc_pid", pid=child.pid)

    def pidfd_prepare(self, task: Any, child: Any, fd: int) -> None:
        """A descriptor for the child."""
        self._step(task, "pidfd_prepare", fd=fd)

    def cgroup_can_fork(self, task: Any, child: Any, flags: int) -> None:
        """The control group admits it."""
        self._step(task, "cgroup_can_fork")

    def fork_failed(self, task: Any, child: Any, errno: int) -> None:
        """It came to nothing."""
        self.making = None
        if self._clone(task) is None:
            self._begin_clone(task, 0, SIGCHLD, task.kthread is not None, 0)
        story = self._clone(task)
        if story is not None:
            story.errno = errno
            story.failed_after = story.steps[-1].name if story.steps else ""
        self._step(task, "fork_failed", errno=errno)
        self._finish(task)

    def add_entropy(self, task: Any, child: Any) -> None:
        """The child is complete, and in its family."""
        self._step(task, "add_entropy")

    def sched_process_fork(self, parent: Any, child: Any) -> None:
        """The child can be seen."""
        self.tree.forked(parent, child)
        story = self._clone(parent)
        if story is not None:
            story.child = look.who(child)
            story.parent = child.real_parent.tgid
            story.pgrp, story.session = look.number(child.signal.pgrp), look.number(child.signal.session)
            story.inner = look.levels(child)[1:]
        self._step(parent, "sched_process_fork", child=child.pid)

    def parent_settid(self, task: Any, child: Any, addr: int) -> None:
        """Its number in the parent's memory."""
        self._step(task, "parent_settid", addr=f"{addr:#x}", child=child.pid)

    def child_settid(self, child: Any, addr: int) -> None:
        """Its number in its own memory."""
        self._step(child.system.cpu_curr, "child_settid", addr=f"{addr:#x}", child=child.pid)

    def vfork_begin(self, task: Any, child: Any) -> None:
        """The parent will wait."""
        self._step(task, "vfork_begin")

    def ptrace_stop(self, task: Any, code: int, why: int) -> None:
        """A tracer is told."""
        self._step(task, "ptrace_stop", code=f"{code:#x}")

    def sched_wakeup_new(self, task: Any) -> None:
        """The child is runnable."""
        self._step(task.system.cpu_curr, "wake_up_new_task", child=task.pid)

    def wait_for_vfork_done(self, task: Any, child: Any) -> None:
        """The parent falls asleep: this half of the story is over."""
        self.making = None
        story = self._clone(task)
        self._step(task, "wait_for_vfork_done", child=child.pid)
        if story is not None:
            story.sleeps = True
        self._finish(task)
        self.vforks[task] = VforkReturnStory("vfork", look.who(task), now(task), child=child.pid)
        self.borrowers[child] = task

    def vfork_return(self, task: Any, pid: int) -> None:
        """The parent goes on."""
        story = self.vforks.get(task)
        if story is not None:
            self._step(task, "vfork_return", pid=pid)

    def put_pid(self, task: Any, child: Any) -> None:
        """kernel_clone returns."""
        self.making = None
        self._step(task, "put_pid", child=child.pid)
        self.borrowers.pop(child, None)
        waiting = self.vforks.pop(task, None)
        if waiting is not None:
            self._tell(waiting, now(task))
        else:
            self._finish(task)

    # --- execve

    def alloc_bprm(self, task: Any, bprm: Any) -> None:
        """execve begins: the file is open."""
        call = "" if task.kthread is not None else self.names.get(task.syscall_nr, "")
        story = ExecStory("exec", look.who(task), now(task), call=call, filename=look.text(bprm.filename))
        story.old = look.memory(task.mm)
        story.old_pid = task.pid
        self._begin(task, story)
        self._step(task, "alloc_bprm", filename=story.filename)

    def copy_strings(self, task: Any, bprm: Any) -> None:
        """Arguments and environment."""
        size = sum(len(text) + 1 for text in (*bprm.argv, *bprm.envp))
        self._step(task, "copy_strings", arguments=len(bprm.argv), variables=len(bprm.envp), bytes=size)

    def load_script(self, task: Any, bprm: Any, interpreter: bytes, argument: bytes | None) -> None:
        """A script."""
        self._step(task, "load_script", interpreter=look.text(interpreter))

    def search_binary_handler(self, task: Any, bprm: Any, format: str) -> None:  # noqa: A002  # the event's word
        """Who can load it."""
        self._step(task, "search_binary_handler", format)

    def bprm_creds(self, task: Any, bprm: Any) -> None:
        """What it may do."""
        variant = "secure" if bprm.secureexec else ""
        self._step(task, "bprm_creds", variant, uid=bprm.cred.uid, euid=bprm.cred.euid)

    def point_of_no_return(self, task: Any, bprm: Any) -> None:
        """No way back."""
        self._step(task, "point_of_no_return")

    def de_thread(self, task: Any, others: int) -> None:
        """One thread is to be left."""
        self._step(task, "de_thread", "killed" if others else "alone", others=others)

    def unshare_files(self, task: Any, files: Any) -> None:
        """Descriptors of its own."""
        self._step(task, "unshare_files", fds=len(files.fds))

    def unshare_sighand(self, task: Any, sighand: Any) -> None:
        """Handlers of its own."""
        self._step(task, "unshare_sighand")

    def close_on_exec(self, task: Any, fds: list[int]) -> None:
        """What is closed."""
        self._step(task, "close_on_exec", "closed" if fds else "none", closed=tuple(fds))

    def task_rename(self, task: Any, comm: bytes) -> None:
        """The new name."""
        story = self.open.get(task)
        if isinstance(story, ExecStory):
            story.comm = look.text(comm)

    def flush_signal_handlers(self, task: Any, signals: list[int]) -> None:
        """Handlers go."""
        names = tuple(signal_name(number) for number in signals)
        self._step(task, "flush_signal_handlers", "reset" if names else "none", signals=names)

    def exec_mmap(self, task: Any, old: Any, new: Any) -> None:
        """The memory is exchanged."""
        variant = "first" if old is None else "last" if old.users == 1 else "shared"
        self._step(task, "exec_mmap", variant, users=0 if old is None else old.users - 1)

    def load_elf_binary(self, task: Any, bprm: Any, entry: int, sp: int) -> None:
        """The program is mapped."""
        self._step(task, "load_elf_binary", areas=len(task.mm.vmas))

    def start_thread(self, task: Any, entry: int, sp: int) -> None:
        """Registers of a new program."""
        self._step(task, "start_thread", entry=f"{entry:#x}", sp=f"{sp:#x}")

    def sched_process_exec(self, task: Any, filename: bytes, old_pid: int) -> None:
        """Done."""
        self.tree.execed(task)
        story = self.open.get(task)
        if isinstance(story, ExecStory):
            story.done = True
            before = self.missed.pop(task, None)
            if before is not None:
                story.missed = [*before.missed, before.filename]
            story.new = look.memory(task.mm)
            story.old_pid = old_pid
            story.comm = look.text(task.comm)
            story.descriptors = len(task.files.fds) if task.files is not None else 0
            if old_pid != task.pid:
                story.who = look.who(task)._replace(comm=story.who.comm)
        self._finish(task)

    def exec_failed(self, task: Any, filename: bytes | None, errno: int) -> None:
        """It came to nothing."""
        story = self.open.get(task)
        if not isinstance(story, ExecStory):
            name = look.text(filename or b"")
            call = "" if task.kthread is not None else self.names.get(task.syscall_nr, "")
            story = ExecStory("exec", look.who(task), now(task), call=call, filename=name)
            self._begin(task, story)
        story.errno = errno
        story.fatal = story.find("point_of_no_return") is not None
        story.first = task.mm is None
        self._step(task, "exec_failed", "fatal" if story.fatal else "first" if story.first else "", errno=errno)
        before = self.missed.get(task)
        if errno == ENOENT and story.find("copy_strings") is None:
            self.open.pop(task, None)
            if before is not None:
                story.missed = [*before.missed, before.filename]
                story.began = before.began
            story.ended = now(task)
            self.missed[task] = story
            return
        self._flush_missed(task)
        self._finish(task)

    # --- exit

    def do_group_exit(self, task: Any, code: int) -> None:
        """The process is to end."""
        self._begin_exit(task, code)
        others = look.threads_alive(task)
        self._step(task, "do_group_exit", "threads" if others else "", others=others)

    def do_exit(self, task: Any, code: int) -> None:
        """A thread ends."""
        story = self.open.get(task)
        if not isinstance(story, ExitStory):
            self._begin_exit(task, code)
            story = self.open[task]
        assert isinstance(story, ExitStory)
        story.code = code
        story.thread = look.threads_alive(task) > 0
        self._step(task, "do_exit", code=code)

    def _begin_exit(self, task: Any, code: int) -> None:
        call = self.names.get(task.syscall_nr, "")
        story = ExitStory("exit", look.who(task), now(task), code=code)
        story.call = call if call in EXIT_CALLS and not code & 0x7F else ""
        story.parent = look.who(task.real_parent)
        story.memory = look.memory(task.mm)
        self._begin(task, story)

    def exit_signals(self, task: Any) -> None:
        """No more signals."""
        self._step(task, "exit_signals")

    def exit_robust_list(self, task: Any, head: int) -> None:
        """Locks it held."""
        self._step(task, "exit_robust_list")

    def clear_child_tid(self, task: Any, addr: int) -> None:
        """For pthread_join."""
        self._step(task, "clear_child_tid", addr=f"{addr:#x}")

    def complete_vfork_done(self, task: Any) -> None:
        """The parent in vfork goes on."""
        story = self._step(task, "complete_vfork_done")
        parent = self.borrowers.get(task)
        waiting = self.vforks.get(parent) if parent is not None else None
        if waiting is not None:
            waiting.reason = story.kind if story is not None else ""

    def exit_mm(self, task: Any, mm: Any) -> None:
        """No memory any more."""
        self._step(task, "exit_mm", "shared" if mm.users else "last", users=mm.users)

    def exit_sem(self, task: Any) -> None:
        """SEM_UNDO."""
        self._step(task, "exit_sem")

    def exit_files(self, task: Any, files: Any) -> None:
        """No descriptors any more."""
        self._step(task, "exit_files", "shared" if files.users else "last", users=files.users)

    def exit_fs(self, task: Any, fs: Any) -> None:
        """No directory any more."""
        self._step(task, "exit_fs")

    def exit_namespaces(self, task: Any) -> None:
        """No namespaces any more."""
        self._step(task, "exit_namespaces")

    def sched_process_exit(self, task: Any) -> None:
        """Its resources are gone."""
        self.tree.exited(task)

    def find_new_reaper(self, father: Any, reaper: Any) -> None:
        """Who takes the children."""
        self._step(father, "find_new_reaper", reaper=reaper.pid, comm=look.text(reaper.comm))

    def reparent(self, child: Any, father: Any, reaper: Any) -> None:
        """A child changes parents."""
        story = self._step(father, "reparent", child=child.pid, reaper=reaper.pid)
        if isinstance(story, ExitStory):
            story.orphans.append((child.pid, look.who(reaper)))

    def signal_generate(self, sig: int, info: Any, task: Any, group: bool, result: int) -> None:
        """SIGCHLD to the parent of who ends."""
        story = self.open.get(task.system.cpu_curr)
        if not isinstance(story, ExitStory) or story.parent is None or info is None:
            return
        if task.tgid == story.parent.tgid and info.pid in look.levels(task.system.cpu_curr.group_leader):
            story.signal, story.signal_ignored = sig, result == 1
            self._step(task.system.cpu_curr, "do_notify_parent", signal=signal_name(sig), parent=story.parent.tgid)

    def exit_notify(self, task: Any, autoreap: bool) -> None:
        """The family knows. Without `autoreap` the story ends here, with a zombie."""
        story = self._step(task, "exit_notify", "gone" if autoreap else "zombie")
        if not autoreap and isinstance(story, ExitStory):
            story.zombie = True
            self._finish(task)

    def release_task(self, task: Any) -> None:
        """The last of it goes."""
        current = task.system.cpu_curr
        story = self._step(current, "release_task", pid=task.pid)
        if isinstance(story, ExitStory):
            story.released.append(task.pid)
            if task is current:
                self._finish(current)
        elif isinstance(story, WaitStory):
            story.reaped = True

    # --- wait

    def sys_enter(self, task: Any) -> None:
        """A wait call begins; other calls begin by their own events."""
        self.system = task.system
        call = self.names.get(task.syscall_nr)
        if call not in WAIT_CALLS:
            return
        story = WaitStory("wait", look.who(task), now(task), call=call)
        args = task.syscall_args
        if call == "wait4":
            story.target, story.number = wait4_target(args[0])
            story.options = args[2]
        else:
            story.target, story.number = WAIT_TARGETS.get(args[0] & 0xFFFFFFFF, "any"), args[1] & 0xFFFFFFFF
            story.options = args[3]
        self._begin(task, story)

    def sched_process_wait(self, task: Any, pid: int) -> None:
        """do_wait looks around: for the first time, or again after a sleep."""
        story = self.open.get(task)
        if task.kthread is not None:
            self._finish_init(task)
            self.open[task] = WaitStory("wait", look.who(task), now(task))
        elif isinstance(story, WaitStory):
            if story.sleeps and not story.sleeps[-1][1]:
                story.sleeps[-1] = (story.sleeps[-1][0], now(task))
            story.considered.clear()
        self._step(task, "do_wait")

    def _finish_init(self, task: Any) -> None:
        """PID 1 looks again: tell of the zombie that it found before, if it did."""
        story = self.open.get(task)
        if isinstance(story, WaitStory) and story.found is not None:
            self._finish(task)
        else:
            self.open.pop(task, None)

    def wait_consider_task(self, task: Any, child: Any, verdict: str) -> None:
        """A child is looked at."""
        story = self._step(task, "wait_consider_task", verdict, child=child.pid, comm=look.text(child.comm))
        if isinstance(story, WaitStory):
            story.considered.append(Considered(child.pid, look.text(child.comm), verdict))

    def wait_task_zombie(self, task: Any, child: Any, status: int, reaped: bool) -> None:
        """A zombie is found."""
        story = self._step(task, "wait_task_zombie", "reaped" if reaped else "left", child=child.pid)
        if isinstance(story, WaitStory):
            story.found = Considered(child.pid, look.text(child.comm), "zombie")
            story.status = status

    def wait_sleep(self, task: Any) -> None:
        """Nobody has news."""
        story = self._step(task, "wait_sleep")
        if isinstance(story, WaitStory):
            story.sleeps.append((now(task), 0))

    def sys_exit(self, task: Any, result: int) -> None:
        """A wait call is over."""
        story = self.open.get(task)
        if isinstance(story, WaitStory):
            if story.sleeps and not story.sleeps[-1][1]:
                story.sleeps[-1] = (story.sleeps[-1][0], now(task))
            story.result = result
            self._finish(task)

    # --- waking

    def sched_wakeup(self, task: Any) -> None:
        """Somebody is woken by what the current task is doing."""
        story = self.open.get(task.system.cpu_curr)
        if story is not None:
            call = "" if task.kthread is not None else self.names.get(task.syscall_nr, "")
            story.woken.append(Woken(look.who(task), call))

    def sched_switch(self, prev: Any, next_: Any) -> None:
        """Who falls asleep does not write for a while: its faults are told."""
        if prev.state and (prev in self.cow or prev in self.missed):
            self._flush_cow(prev)
            self._flush_missed(prev)

    # --- copy-on-write

    def do_wp_page(self, mm: Any, addr: int, old: int, new: int) -> None:
        """A write to a page that is shared, or was."""
        task = self._writer(mm.pt)
        if task is None:
            return
        page = addr & ~0xFFF
        others: tuple[int, ...] = ()
        if old == new:
            how = "reused"
        elif old == mm.frames.zero_frame:
            how = "zero"
        elif look.is_cache_page(mm, page, old):
            how = "file"
        else:
            how, others = "copied", look.sharers(task, page, old)
        story = self._cow(task)
        story.faults.append(Fault(now(task), page, look.area(mm, page), how, old, new, others))

    def table_unshare(self, pt: Any, va: int, level: int, old: int, new: int) -> None:
        """A page table of its own."""
        task = self._writer(pt)
        if task is not None:
            self._cow(task).tables.append(Unshared(now(task), level, va, old, new))

    def _writer(self, pt: Any) -> Any:
        """Whose page tables these are: the current task's, or those of the child that it is making."""
        if self.system is None:
            return None
        for task in (self.system.cpu_curr, self.making):
            if task is not None and task.mm is not None and task.mm.pt is pt:
                return task
        return None

    def _cow(self, task: Any) -> CowStory:
        story = self.cow.get(task)
        if story is None:
            story = self.cow[task] = CowStory("cow", look.who(task), now(task))
        story.ended = now(task)
        return story

    def close(self) -> None:
        """The run is over."""
        for task in [*self.cow]:
            self._flush_cow(task)
        for task in [*self.missed]:
            self._flush_missed(task)
        for task in [*self.open]:
            self._abandon(task)
        for teller in self.tellers:
            teller.close(self.tree)


def now(task: Any) -> int:
    """The virtual time."""
    when: int = task.system.clock.monotonic()
    return when


def clone_kind(flags: int, exit_signal: int, stack: int) -> str:
    """What the flags come to: a thread, a vfork, a fork in all but name, or something between."""
    if flags & CLONE_THREAD:
        return "thread"
    if flags & CLONE_VFORK and flags & CLONE_VM:
        return "vfork"
    return "clone" if flags & ~ID_FLAGS or exit_signal != SIGCHLD or stack else "fork"


def flags_text(flags: int, exit_signal: int) -> str:
    """As a C program writes them: CLONE_VM|CLONE_VFORK|SIGCHLD."""
    words = [CLONE3_FLAGS(flags)] if flags else []
    if exit_signal > 0:
        words.append(signal_name(exit_signal))
    return "|".join(words) or "0"


def wait4_target(pid: int) -> tuple[str, int]:
    """Whom wait4 is about, by its first argument."""
    number = (pid & 0xFFFFFFFF ^ 0x80000000) - 0x80000000
    if number == -1:
        return "any", 0
    return ("group", -number) if number <= 0 else ("pid", number)
