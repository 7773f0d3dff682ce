"""Memory: areas, page tables level by level, frames and who shares them, slabs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from forkernel.arch.x86_64.pgtable import FRAME_MASK, PTE_A, PTE_D, PTE_NX, PTE_P, PTE_U, PTE_W
from forkernel.hw.frames import RESERVED_FRAMES
from forkernel.kernel.kstack import stack_frames
from forkernel.mm.pagetable import each_bit
from forkernel.mm.vma import VM_EXEC, VM_READ, VM_SHARED, VM_WRITE, Vma
from forkernel.views.view import Report, Value, View, text_of

if TYPE_CHECKING:
    from forkernel.kernel.system import System
    from forkernel.kernel.task import Task
    from forkernel.mm.mm_struct import MmStruct

LEVELS = {4: "PGD", 3: "PUD", 2: "PMD", 1: "PTE"}
SHIFTS = {4: 39, 3: 30, 2: 21, 1: 12}
FLAGS = ((PTE_P, "P"), (PTE_W, "W"), (PTE_U, "U"), (PTE_A, "A"), (PTE_D, "D"), (PTE_NX, "N"))
MOST_NAMES = 10
LEGEND = "P present, W writable, U user, A accessed, D dirty, N no-execute; a clear W on the way protects all below"


def spaces(system: System) -> dict[MmStruct, list[int]]:
    """Every address space with the PIDs of the processes that use it."""
    found: dict[MmStruct, list[int]] = {}
    for task in system.all_tasks():
        if task.mm is not None and task.tgid not in found.setdefault(task.mm, []):
            found[task.mm].append(task.tgid)
    return found


class FrameUsers:
    """Who points at each frame and each table: PIDs, the page cache, kept program images."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.tables: dict[int, list[str]] = {}
        self.frames: dict[int, list[str]] = {}
        for mm, pids in spaces(system).items():
            self._walk(mm, "+".join(map(str, pids)))
        for image in system.exec_images.images.values():
            self._walk(image.mm, "image")
        self.cached = set(system.vfs.cached_frames())

    def _walk(self, mm: MmStruct, who: str) -> None:
        for level, _, entry, _ in walk(mm):
            found = self.frames if level == 1 else self.tables
            names = found.setdefault(entry >> 12 & FRAME_MASK, [])
            if not names or names[-1] != who:
                names.append(who)
        self.tables.setdefault(mm.pt.pgd, []).append(who)

    def of_frame(self, frame: int) -> tuple[str, ...]:
        """Who shares a page."""
        if frame == self.system.frames.zero_frame:
            return ("zero page",)
        names = tuple(self.frames.get(frame, ()))
        return (*names, "page cache") if frame in self.cached else names


def walk(mm: MmStruct, start: int = 0, end: int = 1 << 47) -> Iterator[tuple[int, int, int, int]]:
    """(level, address, entry, frame of its table) of each present entry, from the top down, in order of address."""
    words, live = mm.pt.store.words, mm.pt.store.live
    pgd = mm.pt.pgd
    todo = [(pgd, 4, 0, sum(1 << slot for slot in mm.pt.slots))]
    while todo:
        table, level, base, present = todo.pop()
        if level < 0:  # an entry whose turn has come: below it are its table's
            yield -level, base, present, table
            continue
        below: list[tuple[int, int, int, int]] = []
        for index in each_bit(present):
            entry = words[table * 512 + index]
            at = base + (index << SHIFTS[level])
            if at >= end or at + (1 << SHIFTS[level]) <= start:
                continue
            below.append((table, -level, at, entry))
            if level > 1:
                frame = entry >> 12 & FRAME_MASK
                below.append((frame, level - 1, at, live[frame]))
        todo.extend(reversed(below))


def some(names: Sequence[str]) -> str:
    """A list that may be long, in a cell."""
    if len(names) <= MOST_NAMES:
        return " ".join(names)
    return f"{' '.join(names[: MOST_NAMES - 1])} and {len(names) - MOST_NAMES + 1} more"


def flag_letters(entry: int) -> str:
    """The bits of an entry."""
    return "".join(letter if entry & bit else "-" for bit, letter in FLAGS)


def name_of(task: Task, vma: Vma) -> str:
    """What an area is, as /proc/PID/maps has it."""
    mm = task.mm
    assert mm is not None
    if vma.name:
        return vma.name
    path = getattr(vma.file, "path", None)
    if path is not None:
        top = task.system.init_task.fs
        assert top is not None
        return text_of(task.system.vfs.d_path(path, top.root))
    if vma.mapping is not None:
        return "shared memory"
    if vma.start <= mm.start_stack < vma.end:
        return "[stack]"
    return "[heap]" if vma.start < mm.brk and mm.start_brk < vma.end else ""


def vmas(task: Task) -> View:
    """The areas of a process: what may be done there, what is there, what the CPU did there."""
    title = f"areas of {task.pid} ({text_of(task.comm)})"
    columns = ("START", "END", "PERM", ">KIB", ">OFFSET", ">PAGES", ">ACCESSED", ">DIRTY", ">SHARED", "WHAT")
    mm, rows = task.mm, list[list[Value]]()
    if mm is None:
        return View(title, columns, rows, ("it has no memory of its own",))
    refs = mm.frames.refs
    for vma in mm.vmas:
        entries = [entry for _, entry in mm.pt.entries(vma.start, vma.end)]
        perm = "".join(letter if vma.flags & bit else "-" for bit, letter in
                       ((VM_READ, "r"), (VM_WRITE, "w"), (VM_EXEC, "x")))  # fmt: skip
        perm += "s" if vma.flags & VM_SHARED else "p"
        shared = sum(refs[entry >> 12 & FRAME_MASK] > 1 for entry in entries)
        row: list[Value] = [f"{vma.start:#x}", f"{vma.end:#x}", perm, vma.pages * 4]
        row += [f"{vma.pgoff << 12:#x}" if vma.file is not None else None, len(entries)]
        row += [sum(bool(entry & PTE_A) for entry in entries), sum(bool(entry & PTE_D) for entry in entries), shared]
        rows.append([*row, name_of(task, vma)])
    notes = (f"{mm.total_vm} pages mapped, {mm.rss()} there, {mm.pt.table_pages()} pages of page tables",)
    return View(title, columns, rows, notes)


def page_tables(task: Task, start: int = 0, end: int = 1 << 47, users: FrameUsers | None = None) -> View:
    """The tree that the CPU walks, entry by entry, with the bits it set and who else points there.

    `users` saves time where the tables of many tasks are shown.
    """
    title = f"page tables of {task.pid} ({text_of(task.comm)})"
    columns = ("LEVEL", "ADDRESS", ">INDEX", ">FRAME", "BITS", ">REFS", "SHARED BY")
    mm, rows = task.mm, list[list[Value]]()
    if mm is None:
        return View(title, columns, rows, ("it has no memory of its own",))
    users, refs = users or FrameUsers(task.system), mm.frames.refs
    for level, at, entry, _ in walk(mm, start, end):
        frame = entry >> 12 & FRAME_MASK
        shared = ""
        if level == 1:
            shared = some(users.of_frame(frame)) if refs[frame] > 1 else ""
        elif refs[frame] > 1:
            shared = some(users.tables.get(frame, ()))
        name = "  " * (4 - level) + LEVELS[level]
        rows.append([name, f"{at:#x}", at >> SHIFTS[level] & 511, frame, flag_letters(entry), refs[frame], shared])
    return View(title, columns, rows, (f"top table in frame {mm.pt.pgd}; {LEGEND}",))


def frames(system: System, task: Task | None = None) -> Report | View:
    """Who has the machine's memory, and which pages are whose together; with a task, page by page."""
    users, refs = FrameUsers(system), system.frames.refs
    if task is not None:
        return task_frames(task, users)
    cached = users.cached - set(users.frames)
    by_users: Counter[tuple[str, ...]] = Counter(users.of_frame(frame) for frame in users.frames)
    rows: list[list[Value]] = [[some(names), count, count * 4] for names, count in sorted(by_users.items())]
    table_count = len(users.tables)
    kernel: dict[str, int] = {"slabs": len(system.slabs.frames_in_use())}
    stacks = [task.stack for task in (system.init_task, *system.all_tasks()) if task.stack] + system.stacks.cached
    kernel["kernel stacks"] = sum(len(stack_frames(stack)) for stack in stacks)
    known = len(users.frames) + table_count + len(cached) + sum(kernel.values())
    total = system.frames.used_count()
    own: list[list[Value]] = [[name, count] for name, count in kernel.items()]
    used: list[list[Value]] = [
        ["pages of processes", len(users.frames)], ["page tables", table_count],
        ["page cache, mapped by nobody", len(cached)],
        *own, ["other", total - known],
        ["free", system.frames.free_count()], ["reserved", RESERVED_FRAMES], ["all", system.frames.total],
    ]  # fmt: skip
    shared = sum(refs[table] > 1 for table in users.tables)
    notes = (f"{shared} page tables are shared (since a fork, until somebody writes there)",)
    return Report(
        View("frames of RAM", ("WHAT", ">FRAMES"), used, notes),
        View("pages by who has them", ("WHO (PIDs)", ">FRAMES", ">KIB"), rows),
    )


def task_frames(task: Task, users: FrameUsers) -> View:
    """Each page of a process."""
    rows: list[list[Value]] = []
    mm = task.mm
    if mm is not None:
        for at, entry in mm.pt.entries():
            frame = entry >> 12 & FRAME_MASK
            vma = mm.vmas.lookup(at)
            what = "" if vma is None else name_of(task, vma)
            row: list[Value] = [f"{at:#x}", frame, flag_letters(entry), mm.frames.refs[frame]]
            rows.append([*row, some(users.of_frame(frame)), what])
    columns = ("ADDRESS", ">FRAME", "BITS", ">REFS", "WHO (PIDs)", "WHAT")
    return View(f"pages of {task.pid} ({text_of(task.comm)})", columns, rows, (LEGEND,))


def slabs(system: System) -> View:
    """The caches of kernel objects, as /proc/slabinfo has them, and what their slabs look like."""
    rows: list[list[Value]] = []
    for name, cache in system.slabs.caches.items():
        info = cache.info()
        share = f"{100 * info.active_objs // info.num_objs} %" if info.num_objs else None
        slabs = f"{len(cache.slabs_full)}/{len(cache.slabs_partial)}/{len(cache.slabs_free)}"
        row: list[Value] = [name, info.active_objs, info.num_objs, share, info.objsize, info.objperslab]
        rows.append([*row, info.pagesperslab, slabs, cache.colour, f"{cache.array[-1]:#x}" if cache.array else None])
    frames = len(system.slabs.frames_in_use())
    notes = (f"{frames} frames; SLABS: full/partial/empty; NEXT: the object freed last, which is given out next",)
    columns = ("CACHE", ">ACTIVE", ">OBJECTS", ">USE", ">SIZE", ">PER SLAB", ">PAGES", ">SLABS", ">COLOURS", ">NEXT")
    return View("slabs", columns, rows, notes)
