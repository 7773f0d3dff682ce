"""Slab caches and kernel stacks to look at, for the Python API: plain data that show themselves well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from forkernel.arch.x86_64.ptrace import unpack_pt_regs
from forkernel.kernel.kstack import THREAD_SIZE, pt_regs_address, task_pt_regs
from forkernel.mm.slab import SlabInfo

if TYPE_CHECKING:
    from forkernel.kernel.current import ThreadInfo
    from forkernel.kernel.task import Task

HEADINGS = ("cache", "active", "objects", "size", "per slab", "pages", "slabs", "KiB")


class SlabTable(tuple[SlabInfo, ...]):
    """The caches, as /proc/slabinfo has them; prints as a table, plain, in rich and in a notebook."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        """By position, or by the name of a cache; KeyError."""
        if not isinstance(key, str):
            return super().__getitem__(key)
        for info in self:
            if info.name == key:
                return info
        raise KeyError(key)

    def rows(self) -> list[tuple[str, ...]]:
        """The cells, a row for each cache, the largest first."""
        order = sorted(self, key=lambda info: (-info.num_slabs * info.pagesperslab, info.name))
        return [
            tuple(str(cell) for cell in (
                info.name, info.active_objs, info.num_objs, info.objsize, info.objperslab, info.pagesperslab,
                info.num_slabs, info.num_slabs * info.pagesperslab * 4,
            ))
            for info in order
        ]  # fmt: skip

    def __repr__(self) -> str:
        rows = [HEADINGS, *self.rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
        return "\n".join(
            " ".join(
                cell.ljust(width) if not column else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        )

    def __rich__(self) -> Any:
        from rich.table import Table

        table = Table(*HEADINGS[:1])
        for heading in HEADINGS[1:]:
            table.add_column(heading, justify="right")
        for row in self.rows():
            table.add_row(*row)
        return table

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{heading}</th>" for heading in HEADINGS)
        body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in self.rows())
        return f"<table><tr>{head}</tr>{body}</table>"


class KernelStack(NamedTuple):
    """The kernel stack of a task."""

    address: int
    """Of its lowest byte."""
    size: int
    pt_regs_address: int
    pt_regs: dict[str, int]
    """The user registers that lie at its top, by name."""
    thread_info: ThreadInfo | None
    """What lies at its low end; None in a machine that has it elsewhere."""

    def __repr__(self) -> str:
        words = [f"{name:>8} {value:#018x}" for name, value in self.pt_regs.items()]
        lines = ["  ".join(words[at : at + 3]) for at in range(0, len(words), 3)]
        head = f"kernel stack {self.address:#x}..{self.address + self.size:#x}, pt_regs at {self.pt_regs_address:#x}"
        if self.thread_info is not None:
            head += f", task_struct at {self.thread_info.task:#x}"
        return "\n".join([head, *lines])


def kernel_stack(task: Task) -> KernelStack | None:
    """What lies on a task's kernel stack now; None for a task without one: a zombie."""
    if not task.stack:
        return None
    by_stack = task.system.by_stack
    info = by_stack.thread_info(task) if by_stack is not None else None
    return KernelStack(task.stack, THREAD_SIZE, pt_regs_address(task), unpack_pt_regs(task_pt_regs(task)), info)
