"""Page tables that are forked, written, zapped, protected and moved, against a dictionary for each tree.

Also checked after every step: the frame counts, the write bits, and that a TLB filled before the step is either
still right or was flushed.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from forkernel.abi.errno import ENOMEM
from forkernel.arch.x86_64.pgtable import FRAME_MASK, PTE_NX, PTE_P, PTE_U, PTE_W
from forkernel.errors import SysError
from forkernel.hw.frames import CODE, RESERVED_FRAMES, FrameTable
from forkernel.hw.ram import Ram
from forkernel.mm.pagetable import SPARSE, PageTable, TableStore, each_bit
from forkernel.trace.tracepoints import Trace

PAGE = 4096
READ = PTE_P | PTE_U | PTE_NX
BOUNDARIES = (1 << 21, 1 << 30, 1 << 39, 255 << 39)
"""Windows lie across these: the ends of tables of every level."""
HALF = 40
WINDOW = 2 * HALF
PLACES = [boundary + (page - HALF) * PAGE for boundary in BOUNDARIES for page in range(WINDOW)]

windows = st.sampled_from([boundary - HALF * PAGE for boundary in BOUNDARIES])
pages = st.integers(0, WINDOW - 1)
places = st.sampled_from(PLACES)


class Tlb:
    """Translations of one tree, as a CPU would cache them."""

    def __init__(self):
        self.cached = {}
        self.tree = None

    def flush_tlb(self):
        self.cached = {}

    def switch(self, tree):
        """Run on another tree: its top table's number is new to the CPU."""
        if self.tree is None or tree.pgd != self.tree.pgd:
            self.cached = {}
        self.tree = tree

    def fault(self, va):
        """A page fault drops the translation of its own page."""
        self.cached.pop(va, None)

    def check_and_fill(self):
        for va, (frame, writable) in self.cached.items():
            entry = self.tree.lookup(va)
            assert entry >> 12 & FRAME_MASK == frame, f"{va:#x} is cached and now of another frame"
            assert not writable or entry & PTE_W, f"{va:#x} is cached as writable and no longer is"
            assert entry & PTE_U, f"{va:#x} is cached and no longer accessible"
        for va, entry in self.tree.entries():
            if entry & PTE_U:
                self.cached[va] = (entry >> 12 & FRAME_MASK, bool(entry & PTE_W))


class Trees(RuleBasedStateMachine):
    """Trees and their models; `dense` uses NumPy for tables with many entries, as a long-lived machine does."""

    dense = False

    def __init__(self):
        super().__init__()
        self.frames = FrameTable(Ram(4 << 20))
        self.tlb = Tlb()
        self.store = TableStore(self.frames, self.tlb)
        if self.dense:
            self.store.array(RESERVED_FRAMES)
        self.empty = self.frames.used_count()
        self.trees = []
        self.stamp = 0

    @initialize()
    def first(self):
        self.trees.append((PageTable(self.store), {}))
        self.tlb.switch(self.trees[0][0])

    def pick(self, data):
        tree, model = data.draw(st.sampled_from(self.trees), label="tree")
        self.tlb.switch(tree)
        return tree, model

    # --- what a fault does

    def touch(self, tree, model, va):
        """A write fault, and the write."""
        self.tlb.fault(va)
        table, index = tree.make_path(va)
        words, refs = self.store.words, self.frames.refs
        entry = words[table * 512 + index]
        frame = entry >> 12 & FRAME_MASK
        if not entry:
            tree.set_leaf(table, index, self.frames.alloc() << 12 | READ | PTE_W)
        elif refs[frame] == 1:
            words[table * 512 + index] = entry | PTE_W | PTE_U
        else:
            tree.set_leaf(table, index, self.frames.copy(frame) << 12 | READ | PTE_W)
        entry = tree.lookup(va)
        assert entry & PTE_W, "writable on every level"
        self.stamp += 1
        words[(entry >> 12 & FRAME_MASK) * 512] = self.stamp
        model[va] = self.stamp

    @rule(data=st.data(), va=places)
    def write(self, data, va):
        self.touch(*self.pick(data), va)

    @rule(data=st.data(), window=windows, first=pages, count=st.integers(SPARSE, WINDOW))
    def write_many(self, data, window, first, count):
        """Enough for the tables to count as dense."""
        tree, model = self.pick(data)
        for page in range(first, min(first + count, WINDOW)):
            self.touch(tree, model, window + page * PAGE)

    @rule(data=st.data(), window=windows, first=pages, count=st.integers(1, WINDOW), zero=st.booleans())
    def map_one_frame_often(self, data, window, first, count, zero):
        """The zero page, or a file's page mapped again and again: repeats in one table."""
        tree, model = self.pick(data)
        frame = self.frames.get(self.frames.zero_frame) if zero else self.frames.alloc()
        if not zero:
            self.stamp += 1
            self.frames.write(frame, 0, self.stamp.to_bytes(8, "little"))
        for page in range(first, min(first + count, WINDOW)):
            va = window + page * PAGE
            self.tlb.fault(va)
            tree.map(va, self.frames.get(frame), READ)
            model[va] = 0 if zero else self.stamp
        self.frames.put(frame)

    @rule(data=st.data(), window=windows, count=st.integers(1, HALF), holes=st.sets(st.integers(0, HALF)))
    def map_around(self, data, window, count, holes):
        """Fault-around: neighbours that are cached, where nothing is mapped yet."""
        tree, model = self.pick(data)
        table, index = tree.make_path(window)
        self.stamp += 1
        found = [0 if place in holes else self.frames.alloc() for place in range(min(count, 512 - index))]
        for frame in filter(None, found):
            self.frames.write(frame, 0, self.stamp.to_bytes(8, "little"))
        tree.map_absent(table, index, found, READ)
        for place, frame in enumerate(found):
            if frame:
                model.setdefault(window + place * PAGE, self.stamp)
                self.frames.put(frame)

    # --- what calls do

    @precondition(lambda self: 0 < len(self.trees) < 6)
    @rule(data=st.data())
    def fork(self, data):
        tree, model = self.pick(data)
        self.trees.append((tree.fork(), dict(model)))

    @precondition(lambda self: len(self.trees) > 1)
    @rule(data=st.data())
    def exit(self, data):
        number = data.draw(st.integers(0, len(self.trees) - 1), label="who")
        tree, _ = self.trees.pop(number)
        tree.free()
        self.tlb.switch(self.trees[0][0])

    @rule(data=st.data(), one=places, other=places)
    def zap_anything(self, data, one, other):
        self._zap(*self.pick(data), min(one, other), max(one, other))

    @rule(data=st.data(), window=windows, first=pages, count=st.integers(0, WINDOW))
    def zap_some(self, data, window, first, count):
        self._zap(*self.pick(data), window + first * PAGE, window + (first + count) * PAGE)

    def _zap(self, tree, model, start, end):
        gone = [va for va in model if start <= va < end]
        assert tree.zap(start, end) == len(gone)
        for va in gone:
            del model[va]

    @rule(data=st.data(), window=windows, first=pages, count=st.integers(0, WINDOW), execute=st.booleans(),
          access=st.booleans())  # fmt: skip
    def protect(self, data, window, first, count, execute, access):
        tree, model = self.pick(data)
        start, end = window + first * PAGE, window + (first + count) * PAGE
        tree.protect(start, end, execute=execute, access=access)
        for va in model:
            if start <= va < end:
                entry = tree.lookup(va)
                assert not entry & PTE_W
                assert bool(entry & PTE_U) == access
                assert bool(entry & PTE_NX) == (not execute)
                assert not execute or self.frames.flags[entry >> 12 & FRAME_MASK] & CODE

    @rule(data=st.data(), old=windows, new=windows, first=pages, count=st.integers(0, WINDOW))
    def move(self, data, old, new, first, count):
        if old == new:
            return
        tree, model = self.pick(data)
        length = count * PAGE
        start, target = old + first * PAGE, new + first * PAGE
        self._zap(tree, model, target, target + length)
        tree.move(start, target, length)
        for va in [va for va in model if start <= va < start + length]:
            model[va - start + target] = model.pop(va)

    # --- what holds

    @invariant()
    def every_tree_is_as_its_model(self):
        words = self.store.words
        for tree, model in self.trees:
            seen = {va: words[(entry >> 12 & FRAME_MASK) * 512] for va, entry in tree.entries()}
            assert seen == model
            assert list(seen) == sorted(seen)
            assert tree.pages == len(model)

    @invariant()
    def counts_are_the_users(self):
        counts, reached = Counter([self.frames.zero_frame]), set()
        words, live, refs = self.store.words, self.store.live, self.frames.refs
        todo = []
        for tree, _ in self.trees:
            counts[tree.pgd] += 1
            todo += [(words[tree.pgd * 512 + slot], 3) for slot in tree.slots]
        while todo:
            entry, level = todo.pop()
            table = entry >> 12 & FRAME_MASK
            counts[table] += 1
            if entry & PTE_W:
                assert refs[table] == 1, "a table that may be written is one tree's alone"
            if level and table not in reached:
                reached.add(table)
                todo += [(words[table * 512 + index], level - 1) for index in each_bit(live[table])]
        assert reached == set(live)
        assert {frame: refs[frame] for frame in counts} == counts
        assert len(counts) == self.frames.used_count()

    @invariant()
    def the_tlb_is_right(self):
        if self.trees:
            self.tlb.check_and_fill()

    def teardown(self):
        for tree, _ in self.trees:
            tree.free()
        assert self.frames.used_count() == self.empty
        assert not self.store.live


@pytest.mark.parametrize("dense", [False, True], ids=["python", "numpy"])
def test_trees_against_the_model(dense):
    kind = type("Trees", (Trees,), {"dense": dense})
    run_state_machine_as_test(kind, settings=settings(max_examples=15, stateful_step_count=25, deadline=None))


# --- single cases


def store_of(size=4 << 20):
    frames = FrameTable(Ram(size))
    return TableStore(frames, Tlb()), frames


def test_fork_takes_one_frame_however_large_the_tree_is():
    store, frames = store_of()
    tree = PageTable(store)
    for va in PLACES:
        tree.map(va, frames.alloc(), READ | PTE_W)
    before = frames.used_count()
    child = tree.fork()
    assert frames.used_count() == before + 1
    child.free()
    assert frames.used_count() == before


def test_the_last_user_of_a_table_takes_it_over_without_a_copy():
    store, frames = store_of()
    tree = PageTable(store)
    tree.map(PAGE, frames.alloc(), READ | PTE_W)
    tree.fork().free()
    before = frames.used_count()
    assert not tree.lookup(PAGE) & PTE_W
    tree.make_path(PAGE)
    assert frames.used_count() == before
    assert tree.lookup(PAGE) & PTE_W


def test_out_of_memory_in_the_middle_leaves_a_valid_tree():
    """Every number of free frames from none to enough for the three tables."""
    for spare in range(4):
        store, frames = store_of(1 << 20)
        tree = PageTable(store)
        held = [frames.alloc() for _ in range(frames.free_count() - spare)]
        if spare < 3:
            with pytest.raises(SysError) as failure:
                tree.make_path(1 << 40)
            assert failure.value.errno == ENOMEM
        else:
            tree.make_path(1 << 40)
        assert list(tree.entries()) == []
        for frame in held:
            frames.put(frame)
        tree.free()
        assert frames.used_count() == 1
        assert not store.live


def test_out_of_memory_while_unsharing_keeps_both_trees():
    for spare in range(4):
        store, frames = store_of(1 << 20)
        tree = PageTable(store)
        tree.map(PAGE, frames.alloc(), READ | PTE_W)
        child = tree.fork()
        held = [frames.alloc() for _ in range(frames.free_count() - spare)]
        if spare < 3:
            with pytest.raises(SysError):
                child.make_path(PAGE)
        else:
            child.make_path(PAGE)
        assert tree.lookup(PAGE) >> 12 & FRAME_MASK == child.lookup(PAGE) >> 12 & FRAME_MASK
        for frame in held:
            frames.put(frame)
        child.free()
        tree.free()
        assert frames.used_count() == 1


def test_a_frame_with_code_is_flushed_before_it_gets_new_contents():
    store, frames = store_of(1 << 20)
    flushes = []
    frames.flush_code = lambda: flushes.append(frames.free_count())
    tree = PageTable(store)
    tree.map(PAGE, frames.alloc(), PTE_P | PTE_U)
    tree.free()
    assert not flushes
    for _ in range(frames.free_count()):
        frames.alloc()
    assert len(flushes) == 1


def test_a_kernel_write_to_a_page_with_code_drops_translations():
    store, frames = store_of(1 << 20)
    flushes = []
    frames.flush_frame = flushes.append
    tree = PageTable(store)
    frame = frames.alloc()
    frames.write(frame, 0, b"data")
    assert not flushes
    tree.map(PAGE, frame, PTE_P | PTE_U)
    frames.write(frame, 0, b"code")
    assert flushes == [frame]


@pytest.mark.parametrize("numpy", [False, True])
def test_a_dense_table_with_repeats_is_copied_and_dropped(numpy):
    store, frames = store_of()
    if numpy:
        store.array(RESERVED_FRAMES)
    start = frames.used_count()
    tree = PageTable(store)
    one, two = frames.alloc(), frames.alloc()
    for page in range(200):
        tree.map(page * PAGE, frames.get((one, two, frames.zero_frame)[page % 3]), READ)
    child = tree.fork()
    child.make_path(0)
    assert frames.refs[one] == 2 * 67 + 1
    assert frames.refs[two] == 2 * 67 + 1
    assert frames.refs[frames.zero_frame] == 2 * 66 + 1
    tree.free()
    assert frames.refs[one] == 67 + 1
    child.free()
    frames.put(one)
    frames.put(two)
    assert frames.used_count() == start


class Unshared:
    """Keeps the step events of tables that were copied."""

    def __init__(self):
        self.seen = []

    def table_unshare(self, pt, va, level, old, new):
        self.seen.append((level, va, old != new))


@pytest.mark.parametrize("change", ["write", "zap", "protect"])
def test_each_table_that_is_copied_is_told_of(change):
    trace, unshared = Trace(), Unshared()
    store = TableStore(FrameTable(Ram(4 << 20)), Tlb(), trace)
    tree, place = PageTable(store), 1 << 30
    for page in range(3):
        tree.map(place + page * PAGE, store.frames.alloc(), READ | PTE_W)
    child = tree.fork()
    trace.attach(unshared)
    if change == "write":
        child.make_path(place)
    elif change == "zap":
        child.zap(place, place + PAGE)
    else:
        child.protect(place, place + PAGE, execute=False)
    assert [(level, copied) for level, _, copied in unshared.seen] == [(3, True), (2, True), (1, True)]
    assert all(va <= place for _, va, _ in unshared.seen)
