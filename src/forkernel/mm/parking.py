"""Page tables of processes that sleep long: kept as a list of their entries, and the host gets the memory back.

Life of a parked tree: `park_idle` looks, every so many forks, for processes that have not run since it last looked, and
`park` notes their few entries and gives the host its memory of the tables back → the first use of the tree (`pgd`)
writes the entries into the tables again. The frames stay the tables' own all the time, so nothing can fail, and neither
the guest nor the frame table can tell.

Most processes of a busy machine sleep, and each has seven tables with fourteen entries in all: 28 KiB for 112 bytes.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from forkernel.arch.x86_64.pgtable import FRAME_MASK
from forkernel.hw.protocol import KERNEL_ENTRY, KERNEL_SLOT
from forkernel.mm.pagetable import PARKING_FORKS, PageTable, each_bit

if TYPE_CHECKING:
    from forkernel.kernel.system import System

FULL = 64
"""A table with more entries than this is left as it is."""


class ParkedPageTable(PageTable):
    """A tree without its entries. Any use of it begins at `pgd`, which makes it an ordinary one again."""

    __slots__ = ()

    @property
    def pgd(self) -> int:  # type: ignore[override]
        """Put the entries back; the frame of the top table."""
        words = self.store.words
        saved, self.parked = self.parked, None
        for at in range(0, len(saved), 2):
            words[saved[at]] = saved[at + 1]
        self.__class__ = PageTable  # type: ignore[assignment]
        return self.pgd


def park(pt: PageTable) -> None:
    """Empty the tables that are this tree's alone; one that is shared stays, and all below it."""
    store = pt.store
    words, refs, live = store.words, store.refs, store.live
    saved = array("Q", [pt.pgd * 512 + KERNEL_SLOT, KERNEL_ENTRY])
    emptied = [pt.pgd]
    todo = [(pt.pgd, 4, sum(1 << slot for slot in pt.slots))]
    while todo:
        table, level, bits = todo.pop()
        for index in each_bit(bits):
            at = table * 512 + index
            entry = words[at]
            saved.append(at)
            saved.append(entry)
            below = entry >> 12 & FRAME_MASK
            if level > 1 and refs[below] == 1 and (bits_below := live[below]).bit_count() <= FULL:
                emptied.append(below)
                todo.append((below, level - 1, bits_below))
    if store.frames.ram.discard(emptied):
        pt.parked = saved
        pt.__class__ = ParkedPageTable


def park_idle(system: System) -> None:
    """Park the trees of those who have not run since the last time, and note when to come again (Linux: none)."""
    if system.flat is not None:  # one tree, everybody's
        return
    since, system.parked_at = system.parked_at, system.clock.now
    running = (system.sched.current, system.cpu.owner)
    for task in system.pids.tasks:
        mm: Any = task.mm
        idle = task.state and not task.se.on_rq and task.se.exec_start < since
        if idle and mm is not None and mm.users == 1 and mm.pt.parked is None and task not in running:
            park(mm.pt)
    system.next_parking = system.nr_forks + max(len(system.pids.tasks) // 16, PARKING_FORKS)


def unpark_all(system: System) -> None:
    """Every tree as the CPU wants it (before a snapshot, which keeps RAM)."""
    for task in system.pids.tasks:
        if task.mm is not None:
            task.mm.pt.pgd  # noqa: B018  # a property of parked ones
