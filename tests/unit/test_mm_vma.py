"""VmaList against a dictionary that has one entry a page."""

from __future__ import annotations

import pickle

from hypothesis import given, settings
from hypothesis import strategies as st

from forkernel.mm.vma import PAGE_SHIFT, PAGE_SIZE, VM_EXEC, VM_READ, VM_SHARED, VM_WRITE, Vma, VmaList

PAGES = 24
FLAGS = st.sampled_from([VM_READ, VM_READ | VM_WRITE, VM_READ | VM_EXEC, VM_READ | VM_SHARED])


class FakeMapping:
    def __init__(self):
        self.users = {}


class FakeFile:
    def __init__(self):
        self.refs = 0
        self.mapping = FakeMapping()

    def get(self):
        self.refs += 1

    def put(self):
        assert self.refs > 0
        self.refs -= 1


def ranges(draw):
    first = draw(st.integers(0, PAGES - 1))
    return first, draw(st.integers(first + 1, PAGES))


@st.composite
def operations(draw):
    kind = draw(st.sampled_from(["map", "map", "map", "unmap", "protect", "fork", "switch", "exit"]))
    first, last = ranges(draw)
    return kind, first, last, draw(FLAGS), draw(st.integers(-1, 1)), draw(st.integers(0, 3))


def page_model(vmas):
    """Every mapped page with what is mapped there."""
    model = {}
    for vma in vmas:
        for page in range(vma.start >> PAGE_SHIFT, vma.end >> PAGE_SHIFT):
            index = vma.page_index(page << PAGE_SHIFT)
            model[page] = (vma.flags, index, vma.file)
    return model


def check(spaces, files):
    holders = {}
    for vmas, model in spaces:
        vmas.check_invariants()
        assert page_model(vmas) == model
        assert vmas.total_vm == len(model)
        for page in range(PAGES):
            found = vmas.lookup(page << PAGE_SHIFT)
            assert (found is not None) == (page in model)
            following = vmas.find(page << PAGE_SHIFT)
            above = [number for number in model if number >= page]
            assert (following is not None) == bool(above)
            if following:
                assert max(following.start >> PAGE_SHIFT, page) == min(above)
        for file in {entry[2] for entry in model.values()} - {None}:
            holders.setdefault(file, set()).add(vmas.sharing)
    for file in files:
        assert file.refs == len(holders.get(file, ()))
        assert set(file.mapping.users) == holders.get(file, set())


@settings(max_examples=300, deadline=None)
@given(st.lists(operations(), max_size=25))
def test_vma_list_agrees_with_a_page_dictionary(steps):
    files = [FakeFile(), FakeFile()]
    spaces = [(VmaList(), {})]
    current = 0
    for kind, first, last, flags, which, number in steps:
        vmas, model = spaces[current]
        start, end = first << PAGE_SHIFT, last << PAGE_SHIFT
        if kind == "map":
            vmas.remove(start, end)
            file = None if which < 0 else files[which]
            offset = first if file is None else number * 4
            vmas.insert(Vma(start, end, flags, offset, file.mapping if file else None, file))
            for page in range(first, last):
                model[page] = (flags, offset + page - first, file)
        elif kind == "unmap":
            removed = vmas.remove(start, end)
            assert sum(vma.pages for vma in removed) == sum(first <= page < last for page in model)
            for page in range(first, last):
                model.pop(page, None)
        elif kind == "protect":
            vmas.change_flags(start, end, VM_WRITE, VM_EXEC)
            for page in range(first, last):
                if page in model:
                    old = model[page]
                    model[page] = (old[0] & ~VM_WRITE | VM_EXEC, *old[1:])
        elif kind == "fork":
            spaces.append((vmas.copy(), dict(model)))
        elif kind == "switch":
            current = number % len(spaces)
        elif len(spaces) > 1:
            vmas.release()
            del spaces[current]
            current = 0
        check(spaces, files)
    for vmas, _ in spaces:
        vmas.release()
    check([], files)


def test_copy_shares_until_the_first_change():
    parent = VmaList()
    parent.insert(Vma(0x10000, 0x20000, VM_READ))
    child = parent.copy()
    assert child.areas is parent.areas
    child.insert(Vma(0x30000, 0x40000, VM_READ))
    assert child.areas is not parent.areas
    assert len(parent) == 1
    assert len(child) == 2


def test_neighbours_of_one_file_merge_only_where_offsets_go_on():
    file = FakeFile()
    vmas = VmaList()
    vmas.insert(Vma(0x10000, 0x11000, VM_READ, 5, file.mapping, file))
    vmas.insert(Vma(0x11000, 0x12000, VM_READ, 6, file.mapping, file))
    assert len(vmas) == 1
    vmas.insert(Vma(0x12000, 0x13000, VM_READ, 9, file.mapping, file))
    assert len(vmas) == 2
    assert file.refs == 1
    assert file.mapping.users == {vmas.sharing: 2}


def test_a_list_can_be_pickled_while_shared():
    file = FakeFile()
    parent = VmaList()
    parent.insert(Vma(0x10000, 0x10000 + 4 * PAGE_SIZE, VM_READ, 5, file.mapping, file))
    child = parent.copy()
    parent, child, file = pickle.loads(pickle.dumps((parent, child, file)))
    assert parent.sharing is child.sharing
    assert list(file.mapping.users) == [parent.sharing]
    child.remove(0x11000, 0x12000)
    assert len(parent) == 1
    assert len(child) == 2
    parent.check_invariants()
    child.check_invariants()
