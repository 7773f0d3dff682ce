"""All views of a machine by name: what `forkernel inspect FILE WHAT` and `Kernel.inspect(WHAT)` show."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from forkernel.errors import UserError
from forkernel.views import files, memory, tasks
from forkernel.views.view import Report, Value, View, text_of

if TYPE_CHECKING:
    from rich.console import Group

    from forkernel.api import Kernel
    from forkernel.kernel.task import Task

OF_TASK: dict[str, Callable[[Any], View]] = {
    "task": tasks.task_fields,
    "vmas": memory.vmas,
    "pagetables": memory.page_tables,
    "files": files.descriptors,
    "signals": tasks.signals,
}
"""Views of one task; without a PID, of every user process."""
OF_MACHINE = ("machine", "tree", "ps", "frames", "pids", "slabs")
WHAT = (*OF_MACHINE, *OF_TASK, "all")


class TaskView:
    """One task of a machine; shows as its fields, and has the other views of it as methods."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.pid = task.pid
        self.comm = text_of(task.comm)

    def fields(self) -> View:
        """The fields of task_struct."""
        return tasks.task_fields(self.task)

    def vmas(self) -> View:
        """Its areas."""
        return memory.vmas(self.task)

    def page_tables(self, start: int = 0, end: int = 1 << 47) -> View:
        """Its page tables, or the part for the addresses from `start` to `end`."""
        return memory.page_tables(self.task, start, end)

    def frames(self) -> View | Report:
        """Its pages, and who shares them."""
        return memory.frames(self.task.system, self.task)

    def files(self) -> View:
        """Its descriptors."""
        return files.descriptors(self.task)

    def signals(self) -> View:
        """Its signals."""
        return tasks.signals(self.task)

    def __repr__(self) -> str:
        return f"<TaskView {self.pid} {self.comm!r}>"

    def __str__(self) -> str:
        return str(self.fields())

    def __rich__(self) -> Group:
        return self.fields().__rich__()

    def _repr_html_(self) -> str:
        """For a notebook."""
        return self.fields()._repr_html_()


def inspect(kernel: Kernel, what: str = "machine", pid: int | None = None) -> View | Report:
    """A view by name; UserError for one that is not there, or a PID that nobody has."""
    if what not in WHAT:
        raise UserError(f"nothing is called {what!r}; there are {', '.join(WHAT)}")
    task = None if pid is None else find(kernel, pid)
    if what == "all":
        names = OF_TASK if task is not None else OF_MACHINE
        return Report(*[inspect(kernel, name, pid) for name in names])
    if what in OF_TASK:
        return of_tasks(kernel, what, task)
    system = kernel.system
    if what == "tree":
        return tasks.ps(system, tree=True, threads=True)
    if what == "ps":
        return tasks.ps(system)
    if what == "frames":
        return memory.frames(system, task)
    if what == "pids":
        return tasks.pids(system)
    if what == "slabs":
        return memory.slabs(system)
    return Report(machine(kernel), tasks.ps(system, tree=True))


def of_tasks(kernel: Kernel, what: str, task: Task | None) -> View | Report:
    """A view of one task, or of all user processes."""
    view, system = OF_TASK[what], kernel.system
    if task is not None:
        return view(task)
    if what == "pagetables":
        view = partial(memory.page_tables, users=memory.FrameUsers(system))
    elif what == "files":
        view = partial(files.descriptors, holders=files.file_holders(system))
    return Report(*[view(one) for one in tasks.leaders(system) if one.kthread is None])


def find(kernel: Kernel, pid: int) -> Task:
    """The task with this ID, as the machine counts; UserError."""
    task = kernel.system.init_task if pid == 0 else kernel.system.pids.find(pid)
    if task is None:
        raise UserError(f"there is no task {pid}")
    return task


def machine(kernel: Kernel) -> View:
    """The machine as a whole."""
    system, options = kernel.system, kernel.system.options
    running = [system.cpu_curr] if system.smp is None else [rq.current for rq in system.smp.rqs]
    rows: list[list[Value]] = [
        ["virtual time", f"{system.clock.now / 1e9:.9f} s"], ["seed", options.seed], ["root", options.root],
        ["RAM", f"{options.memory >> 20} MiB, {system.frames.free_count() * 4 >> 10} MiB free"],
        ["MMU", options.mmu], ["tasks", len(system.pids.tasks)], ["made by fork and clone", system.nr_forks],
        ["on the CPU", ", ".join(f"{task.pid} ({text_of(task.comm)})" for task in running)],
        ["why it stopped", system.stopping or "-"],
    ]  # fmt: skip
    for process in kernel.processes:
        status = process.status
        end = "alive" if status is None else f"exit code {status.exit_code}"
        if status is not None and status.signal:
            end = f"killed by signal {status.signal}"
        rows.append([f"started as {process.pid}", f"{b' '.join(process.argv).decode(errors='replace')} ({end})"])
    return View("machine", ("what", "value"), rows)
