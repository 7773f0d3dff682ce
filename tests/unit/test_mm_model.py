"""Address spaces that map, protect, move, write and fork, against a dictionary with one cell a page."""

from __future__ import annotations

from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from forkernel.abi import mman as m
from forkernel.errors import SysError
from forkernel.hw.frames import FrameTable
from forkernel.hw.ram import Ram
from forkernel.mm.madvise import do_madvise
from forkernel.mm.mm_struct import MmStruct
from forkernel.mm.mmap import do_mmap, do_munmap
from forkernel.mm.mprotect import do_mprotect
from forkernel.mm.mremap import do_mremap
from forkernel.mm.overcommit import VmSettings
from forkernel.mm.pagetable import TableStore
from forkernel.trace.tracepoints import Trace

P = 4096
BASE = 0x3FFF_F000  # the window crosses tables of every level but the top one
PAGES = 20
PROTS = (0, m.PROT_READ, m.PROT_READ | m.PROT_WRITE)


class NoTlb:
    def flush_tlb(self):
        pass


class Page:
    """What is mapped at one address. A shared cell is a list that all views have in common."""

    def __init__(self, prot, cell, shared):
        self.prot, self.cell, self.shared = prot, cell, shared

    def copy(self):
        return Page(self.prot, self.cell if self.shared else list(self.cell), self.shared)


def machine():
    frames = FrameTable(Ram(4 << 20))
    rlim = [(m.RLIM_INFINITY, m.RLIM_INFINITY)] * 16
    return SimpleNamespace(
        frames=frames,
        tables=TableStore(frames, NoTlb()),
        current=SimpleNamespace(signal=SimpleNamespace(rlim=rlim)),
        out_of_memory=lambda: False,
        trace=Trace(),
        mmap_min_addr=65536,
        vm=VmSettings(8 << 20),
    )


class Space:
    """An address space and its model."""

    def __init__(self, mm, pages):
        self.mm, self.pages = mm, pages

    def map(self, first, count, prot, shared):
        kind = m.MAP_SHARED if shared else m.MAP_PRIVATE
        do_mmap(self.mm, BASE + first * P, count * P, prot, kind | m.MAP_ANONYMOUS | m.MAP_FIXED)
        for page in range(first, first + count):
            self.pages[page] = Page(prot, [0], shared)

    def unmap(self, first, count):
        do_munmap(self.mm, BASE + first * P, count * P)
        for page in range(first, first + count):
            self.pages.pop(page, None)

    def protect(self, first, count, prot):
        try:
            do_mprotect(self.mm, BASE + first * P, count * P, prot)
            whole = True
        except SysError:
            whole = False
        assert whole == all(page in self.pages for page in range(first, first + count))
        for page in range(first, first + count):
            if page not in self.pages:
                break
            self.pages[page].prot = prot

    def dontneed(self, first, count):
        try:
            do_madvise(self.mm, BASE + first * P, count * P, m.MADV_DONTNEED)
        except SysError:
            assert any(page not in self.pages for page in range(first, first + count))
        for page in range(first, first + count):
            if page in self.pages and not self.pages[page].shared:
                self.pages[page].cell[0] = 0

    def move(self, first, count, to):
        if first not in self.pages or (first < to + count and to < first + count):
            return
        fixed = m.MREMAP_MAYMOVE | m.MREMAP_FIXED
        do_mremap(self.mm, BASE + first * P, count * P, count * P, fixed, BASE + to * P)
        for at in range(count):
            page = self.pages.pop(first + at, None)
            if page is not None:
                self.pages[to + at] = page

    def write(self, page, value):
        entry = self.pages.get(page)
        try:
            self.mm.write_u32(BASE + page * P + 8, value)
            done = True
        except SysError:
            done = False
        assert done == (entry is not None and bool(entry.prot & m.PROT_WRITE))
        if done:
            entry.cell[0] = value

    def read(self, page):
        entry = self.pages.get(page)
        try:
            value = self.mm.read_u32(BASE + page * P + 8)
        except SysError:
            value = None
        assert value == (entry.cell[0] if entry is not None and entry.prot else None)

    def fork(self):
        return Space(self.mm.fork(), {number: page.copy() for number, page in self.pages.items()})


KINDS = ("map", "map", "share", "unmap", "protect", "dontneed", "move", "write", "write", "write", "fork", "exit")
STEP = st.tuples(
    st.sampled_from(KINDS),
    st.integers(0, PAGES - 1),
    st.integers(1, 8),
    st.sampled_from(PROTS),
    st.integers(0, PAGES - 1),
    st.integers(0, 3),
)


def run_step(spaces, step, serial):
    kind, first, count, prot, to, which = step
    space = spaces[which % len(spaces)]
    count = min(count, PAGES - first, PAGES - to)
    if kind in ("map", "share"):
        space.map(first, count, prot, kind == "share")
    elif kind == "unmap":
        space.unmap(first, count)
    elif kind == "protect":
        space.protect(first, count, prot)
    elif kind == "dontneed":
        space.dontneed(first, count)
    elif kind == "move":
        space.move(first, count, to)
    elif kind == "write":
        for page in range(first, first + count):
            space.write(page, serial * 100 + page)
    elif kind == "fork" and len(spaces) < 5:
        spaces.append(space.fork())
    elif kind == "exit" and len(spaces) > 1:
        spaces.remove(space)
        space.mm.mmput()


@settings(max_examples=150, deadline=None)
@given(st.lists(STEP, max_size=40))
def test_memory_agrees_with_a_page_dictionary(steps):
    system = machine()
    free = system.frames.free_count()
    spaces = [Space(MmStruct(system), {})]
    spaces[0].map(0, PAGES, PROTS[2], shared=False)
    for serial, step in enumerate(steps, 1):
        run_step(spaces, step, serial)
        for space in spaces:
            space.mm.vmas.check_invariants()
    for space in spaces:
        for page in range(PAGES):
            space.read(page)
    for space in spaces:
        space.mm.mmput()
    assert system.frames.free_count() == free
