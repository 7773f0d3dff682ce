"""Just enough of a machine to fire the events of a fork, an exec, an exit or a wait by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from forkernel.trace.explain.catalogue import Catalogue
from forkernel.trace.explain.collect import Collector
from forkernel.trace.explain.console import ConsoleTeller
from forkernel.trace.explain.stories import Story
from forkernel.trace.output import Memory
from forkernel.trace.tracepoints import FORK_STEPS, Trace
from forkernel.trace.tree import ProcessTree

CALLS = {56: "clone", 57: "fork", 58: "vfork", 59: "execve", 60: "exit", 61: "wait4", 202: "futex", 231: "exit_group",
         247: "waitid", 435: "clone3"}  # fmt: skip
NUMBERS = {name: number for number, name in CALLS.items()}
SIGCHLD = 17
THREAD = 0x10000
COPY_STEPS = FORK_STEPS[FORK_STEPS.index("dup_task_struct") : FORK_STEPS.index("alloc_pid") + 1]


class FakeTask(SimpleNamespace):
    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


class FakeMm:
    """Memory with one area, whose pages are told by `frames_at`."""

    def __init__(self, areas: int = 5, pages: int = 12, tables: int = 6, users: int = 1) -> None:
        self.vmas = FakeAreas(areas)
        self.pt = SimpleNamespace(parked=None, pages=pages, table_pages=lambda: tables + 1, lookup=self.lookup)
        self.users = users
        self.frames = SimpleNamespace(zero_frame=1)
        self.frames_at: dict[int, int] = {}
        self.start_data, self.start_brk, self.brk, self.start_stack = 0x4000, 0x5000, 0x8000, 0x7FFF0FF0
        self.arg_start = self.arg_end = 0
        self.system: Any = None

    def rss(self) -> int:
        pages: int = self.pt.pages
        return pages

    def lookup(self, addr: int) -> int:
        frame = self.frames_at.get(addr)
        return 0 if frame is None else frame << 12 | 1


class FakeAreas:
    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def lookup(self, addr: int) -> Any:
        mapping = SimpleNamespace(peek_page=lambda index: 77)
        path = SimpleNamespace(dentry=SimpleNamespace(name=b"libc.so"))
        if addr < 0x1000:
            return None
        if addr < 0x4000:
            file = SimpleNamespace(path=path)
            return SimpleNamespace(name="", file=file, mapping=mapping, page_index=lambda a: 3)
        low, high = (
            (0x5000, 0x8000) if addr < 0x8000 else (0x7FFF0000, 0x7FFF2000) if addr > 0x7FFE0000 else (0x9000, 0xA000)
        )
        return SimpleNamespace(name="", file=None, mapping=None, start=low, end=high, flags=0)


class Machine:
    """A clock, tasks, and a collector whose stories and text can be read."""

    def __init__(self, language: str = "en", *, steps: bool = False, **choices: Any) -> None:
        self.time = 1_000_000_000
        self.clock = SimpleNamespace(monotonic=lambda: self.time)
        self.cpu_curr: Any = None
        self.pids = SimpleNamespace(tasks=[])
        self.threads_max = 1000
        self.vfs = SimpleNamespace(d_path=lambda pwd, root: pwd)
        self.out = Memory()
        self.stories: list[Story] = []
        teller = ConsoleTeller(self.out, Catalogue(language), steps=steps)  # type: ignore[arg-type]
        self.trace = Trace()
        self.collector = Collector([self, teller], CALLS, **choices)
        self.trace.attach(self.collector)

    def tell(self, story: Story) -> None:
        self.stories.append(story)

    def close(self, tree: ProcessTree) -> None:
        """A teller's."""

    def task(self, pid: int, comm: str = "sh", parent: Any = None, *, leader: Any = None, **fields: Any) -> Any:
        task = FakeTask(
            pid=pid, tgid=leader.pid if leader else pid, comm=comm.encode(), system=self, flags=0, kthread=None,
            state=0, slab=0x1000, stack=0x4000, mm=FakeMm(), exit_code=0,
            syscall_nr=-1, syscall_args=(0,) * 6, children={},
        )  # fmt: skip
        task.mm.system = self
        task.real_parent = parent if parent is not None else task
        task.group_leader = leader if leader is not None else task
        task.thread_pid = SimpleNamespace(numbers=(pid,))
        task.cred = parent.cred if parent is not None else SimpleNamespace(uid=0, gid=0)
        task.se = SimpleNamespace(nice=0)
        task.files = SimpleNamespace(fds={0: 1, 1: 1, 2: 1}, users=1)
        task.fs = SimpleNamespace(pwd=b"/work", root=b"/", umask=0o22, users=1)
        task.sighand = SimpleNamespace(action={10: SimpleNamespace(handler=4096)}, users=1)
        task.signal = SimpleNamespace(
            threads={}, pgrp=SimpleNamespace(numbers=(3,)), session=SimpleNamespace(numbers=(3,))
        )
        task.signal.threads[task] = None
        task.regs = SimpleNamespace(rsp=0x7FFF0000, fs_base=0)
        for name, value in fields.items():
            setattr(task, name, value)
        self.pids.tasks.append(task)
        return task

    def fire(self, name: str, *arguments: Any) -> None:
        """Fire an event, a microsecond after the last."""
        self.time += 1000
        hook = getattr(self.trace, name)
        assert hook is not None, f"nobody listens to {name}"
        hook(*arguments)

    def call(self, task: Any, name: str, *arguments: int) -> None:
        """The task enters the kernel."""
        self.cpu_curr = task
        task.syscall_nr = NUMBERS[name]
        task.syscall_args = (*arguments, *(0,) * (6 - len(arguments)))
        self.fire("sys_enter", task)

    def copy(self, task: Any, child: Any, flags: int) -> None:
        """The steps of copy_process and what follows it, up to the child on the run queue."""
        signal = 0 if flags & THREAD else SIGCHLD
        args = SimpleNamespace(flags=flags, exit_signal=signal, kthread=child.kthread, stack=0)
        self.fire("ptrace_event_chosen", task, 1, False)
        self.fire("clone_check", task, args)
        for name in COPY_STEPS:
            self.fire(name, task, child, flags)
        self.fire("add_entropy", task, child)
        self.fire("sched_process_fork", task, child)
        self.fire("sched_wakeup_new", child)

    def share(self, child: Any, task: Any, *parts: str) -> Any:
        """Make the child have the very same parts."""
        for part in parts:
            setattr(child, part, getattr(task, part))
            if part != "signal":
                getattr(child, part).users += 1
        return child

    def exit(self, task: Any, code: int, *, autoreap: bool = False) -> None:
        """The end of a task that has the CPU."""
        self.cpu_curr = task
        self.fire("do_group_exit", task, code)
        self.fire("do_exit", task, code)
        self.fire("exit_signals", task)
        mm, files = task.mm, task.files
        mm.users -= 1
        files.users -= 1
        self.fire("exit_mm", task, mm)
        self.fire("exit_files", task, files)
        self.fire("exit_fs", task, task.fs)
        task.exit_code = code
        self.fire("sched_process_exit", task)
        if not autoreap:
            info = SimpleNamespace(pid=task.pid)
            self.fire("signal_generate", SIGCHLD, info, task.real_parent, True, 1)
        self.fire("exit_notify", task, autoreap)
        if autoreap:
            self.fire("release_task", task)

    def text(self) -> str:
        """All that was told, paragraphs on one line each."""
        self.collector.close()
        return self.out.text()
