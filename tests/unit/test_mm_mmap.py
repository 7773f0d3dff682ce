"""mmap and its family on a real address space: page tables in RAM, but no CPU."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from forkernel.abi import errno as e
from forkernel.abi import mman as m
from forkernel.errors import SysError
from forkernel.hw.frames import FrameTable
from forkernel.hw.ram import Ram
from forkernel.mm.layout import STACK_GUARD_GAP, TASK_SIZE, mmap_base
from forkernel.mm.madvise import do_madvise, do_mincore, do_msync
from forkernel.mm.maps import show_maps
from forkernel.mm.mlock import do_mlock, do_mlockall, do_munlock, do_munlockall
from forkernel.mm.mm_struct import MmStruct
from forkernel.mm.mmap import do_brk, do_mmap, do_munmap, expand_stack, setup_arg_pages
from forkernel.mm.mprotect import do_mprotect
from forkernel.mm.mremap import do_mremap
from forkernel.mm.oom import oom_badness, out_of_memory
from forkernel.mm.overcommit import VmSettings
from forkernel.mm.pagetable import TableStore
from forkernel.mm.rmap import zap_mapping_range
from forkernel.mm.shmem import ShmemMapping
from forkernel.mm.vma import VM_LOCKED, VM_READ, VM_SHARED, VM_WRITE
from forkernel.trace.tracepoints import Trace

P = 4096
RW = m.PROT_READ | m.PROT_WRITE
ANON = m.MAP_PRIVATE | m.MAP_ANONYMOUS
SHARED = m.MAP_SHARED | m.MAP_ANONYMOUS
HOLE = 0x3000_0000
CAPS = m.CAP_IPC_LOCK_BIT | m.CAP_SYS_RAWIO_BIT


class NoTlb:
    def flush_tlb(self):
        pass


class FakeFile:
    """A file of shared memory pages."""

    def __init__(self, frames, pages, readable=True, writable=True):
        self.mapping = ShmemMapping(frames, pages * P)
        self.readable, self.writable, self.refs, self.synced = readable, writable, 1, 0

    def mmap_mapping(self):
        return self.mapping

    def get(self):
        self.refs += 1
        return self

    def put(self):
        self.refs -= 1

    def fsync(self, datasync=False):
        self.synced += 1


@pytest.fixture
def mm():
    frames = FrameTable(Ram(8 << 20))
    rlim = [(m.RLIM_INFINITY, m.RLIM_INFINITY)] * 16
    rlim[m.RLIMIT_STACK] = (8 << 20, m.RLIM_INFINITY)
    system = SimpleNamespace(
        frames=frames,
        tables=TableStore(frames, NoTlb()),
        current=SimpleNamespace(signal=SimpleNamespace(rlim=rlim)),
        out_of_memory=lambda: False,
        trace=Trace(),
        mmap_min_addr=65536,
        vm=VmSettings(8 << 20),
        flat=None,
    )
    free = frames.free_count()
    space = MmStruct(system)
    space.mmap_base = mmap_base(8 << 20, 0)
    yield space
    space.vmas.check_invariants()
    space.mmput()
    assert frames.free_count() == free


def limit(mm, resource, value):
    mm.system.current.signal.rlim[resource] = (value, value)


def anon(mm, pages, prot=RW, flags=ANON, addr=0):
    return do_mmap(mm, addr, pages * P, prot, flags)


def fails(errno, call, *args, **named):
    with pytest.raises(SysError) as caught:
        call(*args, **named)
    assert caught.value.errno == errno


def areas(mm):
    return [(vma.start, vma.end) for vma in mm.vmas]


# --- mmap


def test_mappings_go_down_from_the_base_and_merge(mm):
    first = anon(mm, 4)
    second = anon(mm, 2)
    assert first + 4 * P == mm.mmap_base
    assert second + 2 * P == first
    assert len(mm.vmas) == 1
    third = anon(mm, 1, m.PROT_READ)
    assert third + P == second
    assert len(mm.vmas) == 2


def test_highest_hole_that_fits_is_used(mm):
    anon(mm, 1, m.PROT_READ)
    block = anon(mm, 16)
    do_munmap(mm, block + 2 * P, 2 * P)
    do_munmap(mm, block + 10 * P, P)
    assert anon(mm, 2) == block + 2 * P
    assert anon(mm, 1) == block + 10 * P
    assert anon(mm, 1) == block - P


def test_many_mappings_are_found_without_walking_over_all(mm):
    addresses = [anon(mm, 1, m.PROT_READ if at % 2 else RW) for at in range(2000)]
    assert addresses == [mm.mmap_base - (at + 1) * P for at in range(2000)]
    assert len(mm.vmas) == 2000


@pytest.mark.parametrize(
    ("errno", "length", "flags"),
    [
        (e.EINVAL, 0, ANON),
        (e.ENOMEM, (1 << 64) - 1, ANON),
        (e.ENOMEM, 1 << 47, ANON),
        (e.EINVAL, P, m.MAP_ANONYMOUS),
        (e.EINVAL, P, m.MAP_ANONYMOUS | m.MAP_SHARED_VALIDATE),
        (e.EINVAL, P, SHARED | m.MAP_GROWSDOWN),
        (e.ENOMEM, 2 << 20, ANON | m.MAP_HUGETLB),
        (e.ENOMEM, 1 << 30, ANON),
    ],
)
def test_anonymous_mmap_errors(mm, errno, length, flags):
    fails(errno, do_mmap, mm, 0, length, RW, flags)


def test_overcommit_heuristic_spares_noreserve_and_what_cannot_be_written(mm):
    do_mmap(mm, 0, 1 << 30, RW, ANON | m.MAP_NORESERVE)
    address = do_mmap(mm, 0, 1 << 30, m.PROT_NONE, ANON)
    fails(e.ENOMEM, do_mprotect, mm, address, 1 << 30, RW)
    do_mprotect(mm, address, 1 << 20, RW)


def test_fixed_addresses(mm):
    fails(e.EINVAL, anon, mm, 1, RW, ANON | m.MAP_FIXED, 0x10001)
    fails(e.ENOMEM, anon, mm, 1, RW, ANON | m.MAP_FIXED, TASK_SIZE)
    fails(e.EPERM, anon, mm, 1, RW, ANON | m.MAP_FIXED, 0)
    mm.system.mmap_min_addr = 0x20000
    fails(e.EPERM, anon, mm, 1, RW, ANON | m.MAP_FIXED, 0x1F000)
    assert anon(mm, 1, RW, ANON | m.MAP_FIXED, 0x20000) == 0x20000
    do_munmap(mm, 0x20000, 4096)
    assert do_mmap(mm, 0, P, RW, ANON | m.MAP_FIXED, caps=CAPS) == 0
    block = anon(mm, 8)
    mm.write(block + P, b"old")
    assert anon(mm, 2, RW, ANON | m.MAP_FIXED, block + P) == block + P
    assert mm.read(block + P, 3) == bytes(3)
    assert mm.vmas.total_vm == 9
    fails(e.EEXIST, anon, mm, 2, RW, ANON | m.MAP_FIXED_NOREPLACE, block + 7 * P)
    assert anon(mm, 1, RW, ANON | m.MAP_FIXED_NOREPLACE, HOLE) == HOLE


def test_hints_are_followed_where_there_is_room(mm):
    assert anon(mm, 1, RW, ANON, HOLE + 5) == HOLE
    assert anon(mm, 1, RW, ANON, HOLE) != HOLE
    assert anon(mm, 1, RW, ANON, 0x1000) == 0x10000
    assert 0x4000_0000 <= anon(mm, 1, RW, ANON | m.MAP_32BIT) < 0x8000_0000


def test_a_gap_is_kept_below_a_stack(mm):
    stack = anon(mm, 4, RW, ANON | m.MAP_GROWSDOWN)
    assert stack - anon(mm, 1) == STACK_GUARD_GAP + P


@pytest.mark.parametrize(
    ("errno", "readable", "writable", "prot", "flags"),
    [
        (e.EACCES, True, False, RW, m.MAP_SHARED),
        (None, True, False, m.PROT_READ, m.MAP_SHARED),
        (None, True, False, RW, m.MAP_PRIVATE),
        (e.EACCES, False, True, m.PROT_READ, m.MAP_PRIVATE),
        (e.EACCES, False, True, m.PROT_WRITE, m.MAP_SHARED),
        (e.EINVAL, True, True, RW, 0),
        (e.EINVAL, True, True, RW, m.MAP_PRIVATE | m.MAP_GROWSDOWN),
        (e.EINVAL, True, True, RW, m.MAP_PRIVATE | m.MAP_HUGETLB),
        (None, True, True, RW, m.MAP_SHARED_VALIDATE),
        (e.EOPNOTSUPP, True, True, RW, m.MAP_SHARED_VALIDATE | m.MAP_SYNC),
        (e.EOPNOTSUPP, True, True, RW, m.MAP_SHARED_VALIDATE | 0x800000),
        (None, True, True, RW, m.MAP_SHARED | 0x800000),
    ],
)
def test_file_mapping_permissions(mm, errno, readable, writable, prot, flags):
    file = FakeFile(mm.frames, 4, readable, writable)
    if errno:
        fails(errno, do_mmap, mm, 0, P, prot, flags, file)
        assert file.refs == 1
    else:
        do_mmap(mm, 0, P, prot, flags, file)
        assert file.refs == 2


def test_file_offset_overflow(mm):
    file = FakeFile(mm.frames, 4)
    fails(e.EOVERFLOW, do_mmap, mm, 0, 2 * P, RW, m.MAP_PRIVATE, file, (1 << 51) - 2)
    do_mmap(mm, 0, P, RW, m.MAP_PRIVATE, file, (1 << 51) - 2)


def test_populate_brings_pages_in(mm):
    address = anon(mm, 8, RW, ANON | m.MAP_POPULATE)
    assert do_mincore(mm, address, 8 * P) == b"\1" * 8
    assert mm.rss() == 8


# --- shared memory and files


def test_shared_memory_is_shared_and_freed_with_its_last_area(mm):
    free = mm.frames.free_count()
    address = anon(mm, 4, RW, SHARED)
    mm.write(address + P, b"hello")
    child = mm.fork()
    child.write(address + P, b"J")
    assert mm.read(address + P, 5) == b"Jello"
    do_munmap(mm, address, 4 * P)
    assert child.read(address + P, 5) == b"Jello"
    child.mmput()
    assert mm.vmas.total_vm == 0
    assert mm.frames.free_count() >= free - 4  # page tables stay


def test_truncation_unmaps_pages_everywhere(mm):
    file = FakeFile(mm.frames, 4)
    shared = do_mmap(mm, 0, 4 * P, RW, m.MAP_SHARED, file)
    private = do_mmap(mm, 0, 4 * P, RW, m.MAP_PRIVATE, file)
    child = mm.fork()
    for page in range(4):
        child.write(shared + page * P, b"S")
        child.write(private + page * P, b"P")
    assert zap_mapping_range(file.mapping, 2, 3) == 4
    file.mapping.size = 2 * P
    fails(e.EFAULT, child.read, private + 2 * P, 1)
    fails(e.EFAULT, mm.read, shared + 3 * P, 1)
    assert child.read(private + P, 1) == b"P"
    assert file.refs == 2
    child.mmput()
    do_munmap(mm, min(shared, private), 8 * P)
    assert file.refs == 1
    assert not file.mapping.users
    file.mapping.release()


def test_a_punched_hole_leaves_private_copies(mm):
    file = FakeFile(mm.frames, 4)
    shared = do_mmap(mm, 0, 4 * P, RW, m.MAP_SHARED, file)
    private = do_mmap(mm, 0, 4 * P, RW, m.MAP_PRIVATE, file)
    mm.write(shared + P, b"S")
    mm.write(private + P, b"P")
    mm.write(shared + 2 * P, b"T")
    assert mm.read(private + 2 * P, 1) == b"T"
    do_madvise(mm, shared + P, 2 * P, m.MADV_REMOVE)
    assert mm.read(shared + P, 1) == b"\0"
    assert mm.read(private + P, 1) == b"P"
    assert mm.read(private + 2 * P, 1) == b"\0"
    fails(e.EACCES, do_madvise, mm, private, P, m.MADV_REMOVE)
    file.mapping.release()


# --- munmap, mprotect


def test_munmap_splits_and_accepts_holes(mm):
    block = anon(mm, 8)
    do_munmap(mm, block + 2 * P, P)
    do_munmap(mm, block + 5 * P, P)
    do_munmap(mm, block + P, 5 * P)
    assert areas(mm) == [(block, block + P), (block + 6 * P, block + 8 * P)]
    do_munmap(mm, HOLE, P)
    for addr, length in ((block + 1, P), (block, 0), (TASK_SIZE, P), (TASK_SIZE - P, 2 * P), (block, (1 << 64) - 1)):
        fails(e.EINVAL, do_munmap, mm, addr, length)


def test_mprotect_stops_at_a_hole_with_the_first_part_changed(mm):
    block = anon(mm, 8)
    do_munmap(mm, block + 4 * P, P)
    fails(e.ENOMEM, do_mprotect, mm, block + 3 * P, 2 * P, m.PROT_READ)
    fails(e.EFAULT, mm.write, block + 3 * P, b"x")
    mm.write(block + 5 * P, b"x")


def test_mprotect_keeps_contents_and_neighbours_merge_again(mm):
    block = anon(mm, 8)
    mm.write(block + 3 * P, b"kept")
    do_mprotect(mm, block + 2 * P, 3 * P, m.PROT_NONE)
    assert len(mm.vmas) == 3
    fails(e.EFAULT, mm.read, block + 3 * P, 1)
    do_mprotect(mm, block + 2 * P, 3 * P, RW)
    assert len(mm.vmas) == 1
    assert mm.read(block + 3 * P, 4) == b"kept"


def test_mprotect_errors(mm):
    block = anon(mm, 4)
    fails(e.EINVAL, do_mprotect, mm, block + 1, P, RW)
    fails(e.EINVAL, do_mprotect, mm, block, P, 0x100)
    fails(e.EINVAL, do_mprotect, mm, block, P, RW | m.PROT_GROWSDOWN)
    fails(e.EINVAL, do_mprotect, mm, block, P, RW | m.PROT_GROWSDOWN | m.PROT_GROWSUP)
    fails(e.ENOMEM, do_mprotect, mm, HOLE, P, RW)
    fails(e.ENOMEM, do_mprotect, mm, block, (1 << 64) - 1, RW)
    do_mprotect(mm, HOLE, 0, RW)
    do_mprotect(mm, block, P, RW | m.PROT_SEM)
    file = FakeFile(mm.frames, 4, writable=False)
    shared = do_mmap(mm, 0, P, m.PROT_READ, m.MAP_SHARED, file)
    fails(e.EACCES, do_mprotect, mm, shared, P, RW)
    private = do_mmap(mm, 0, P, m.PROT_READ, m.MAP_PRIVATE, file)
    do_mprotect(mm, private, P, RW)


def test_growsdown_changes_a_stack_from_its_beginning(mm):
    stack = anon(mm, 8, RW, ANON | m.MAP_GROWSDOWN)
    do_mprotect(mm, stack + 4 * P, P, m.PROT_READ | m.PROT_GROWSDOWN)
    assert mm.vmas.lookup(stack).flags & VM_WRITE == 0
    assert mm.vmas.lookup(stack + 5 * P).flags & VM_WRITE


# --- mremap


def test_mremap_shrinks_and_grows_in_place(mm):
    block = anon(mm, 8)
    mm.write(block, b"data")
    assert do_mremap(mm, block, 8 * P, 4 * P, 0) == block
    assert do_mremap(mm, block, 4 * P, 6 * P, 0) == block
    assert areas(mm) == [(block, block + 6 * P)]


def test_mremap_moves_pages(mm):
    block = anon(mm, 4)
    anon(mm, 4, m.PROT_READ, ANON | m.MAP_FIXED, block + 4 * P)
    mm.write(block + P, b"data")
    fails(e.ENOMEM, do_mremap, mm, block, 4 * P, 6 * P, 0)
    moved = do_mremap(mm, block, 4 * P, 6 * P, m.MREMAP_MAYMOVE)
    assert moved != block
    assert mm.read(moved + P, 4) == b"data"
    assert mm.vmas.lookup(block) is None
    fixed = do_mremap(mm, moved, 6 * P, 2 * P, m.MREMAP_MAYMOVE | m.MREMAP_FIXED, HOLE)
    assert fixed == HOLE
    assert mm.read(HOLE + P, 4) == b"data"
    assert mm.vmas.lookup(moved + 4 * P) is None


def test_mremap_dontunmap_leaves_an_empty_area(mm):
    block = anon(mm, 2)
    mm.write(block, b"data")
    moved = do_mremap(mm, block, 2 * P, 2 * P, m.MREMAP_MAYMOVE | m.MREMAP_DONTUNMAP)
    assert mm.read(moved, 4) == b"data"
    assert mm.read(block, 4) == bytes(4)


def test_mremap_of_size_zero_doubles_shared_memory(mm):
    block = anon(mm, 2, RW, SHARED)
    mm.write(block, b"one")
    twin = do_mremap(mm, block, 0, 2 * P, m.MREMAP_MAYMOVE)
    mm.write(twin, b"two")
    assert mm.read(block, 3) == b"two"


def test_mremap_moves_several_areas_at_once(mm):
    block = anon(mm, 6, RW, ANON | m.MAP_FIXED, 0x4000_0000)
    do_mprotect(mm, block + P, P, m.PROT_READ)
    do_munmap(mm, block + 3 * P, P)
    mm.write(block + 5 * P, b"last")
    to = m.MREMAP_MAYMOVE | m.MREMAP_FIXED
    fails(e.EFAULT, do_mremap, mm, block, 6 * P, 5 * P, to, 0x5000_0000)
    assert do_mremap(mm, block, 6 * P, 6 * P, to, 0x5000_0000) == 0x5000_0000
    assert mm.read(0x5000_5000, 4) == b"last"
    assert mm.vmas.lookup(0x5000_3000) is None
    assert mm.vmas.find(block).start == 0x5000_0000


def test_mremap_errors(mm):
    block = anon(mm, 8)
    may, fixed, keep = m.MREMAP_MAYMOVE, m.MREMAP_FIXED, m.MREMAP_DONTUNMAP
    for args in (
        (block + 1, P, P, 0),
        (block, P, 0, 0),
        (block, P, P, 8),
        (block, P, P, fixed, HOLE),
        (block, P, P, keep),
        (block, P, 2 * P, may | keep),
        (block, 0, P, may),
        (block, P, (1 << 64) - 1, may),
        (block, P, 1 << 47, may),
        (block, 2 * P, 2 * P, may | fixed, block + P),
        (block, P, P, may | fixed, HOLE + 1),
        (block, P, P, may | fixed, TASK_SIZE),
    ):
        fails(e.EINVAL, do_mremap, mm, *args)
    fails(e.EFAULT, do_mremap, mm, HOLE, P, 2 * P, may)
    fails(e.EFAULT, do_mremap, mm, block + 7 * P, 2 * P, 3 * P, may)
    assert do_mremap(mm, block + 7 * P, 2 * P, 2 * P, 0) == block + 7 * P
    fails(e.ENOMEM, do_mremap, mm, block, P, 2 * P, 0)
    fails(e.ENOMEM, do_mremap, mm, block, P, (1 << 47) - 2 * P, may)


# --- heap and stack


def test_brk_moves_the_end_of_the_heap(mm):
    mm.start_brk = mm.brk = 0x60_0000
    assert do_brk(mm, 0) == 0x60_0000
    assert do_brk(mm, 0x60_3001) == 0x60_3001
    assert areas(mm) == [(0x60_0000, 0x60_4000)]
    mm.write(0x60_3FFF, b"x")
    assert do_brk(mm, 0x60_1000) == 0x60_1000
    assert mm.vmas.lookup(0x60_1000) is None
    anon(mm, 1, RW, ANON | m.MAP_FIXED, 0x60_8000)
    assert do_brk(mm, 0x60_8000) == 0x60_1000
    assert do_brk(mm, 0x60_7000) == 0x60_7000
    limit(mm, m.RLIMIT_DATA, 0x8000)
    do_munmap(mm, 0x60_8000, P)
    assert do_brk(mm, 0x60_9000) == 0x60_7000
    assert do_brk(mm, (1 << 64) - 1) == 0x60_7000


def test_stack_grows_to_its_limit_and_keeps_a_gap(mm):
    top = 0x7FFF_0000_0000
    setup_arg_pages(mm, top, 5000)
    assert areas(mm) == [(top - (128 << 10) - 2 * P, top)]
    start = mm.vmas.areas[0].start
    assert expand_stack(mm, start - 10 * P + 5).start == start - 10 * P
    assert expand_stack(mm, top - (8 << 20)) is not None
    assert expand_stack(mm, top - (8 << 20) - 1) is None
    assert mm.vmas.stack_vm == 8 << 8
    limit(mm, m.RLIMIT_STACK, 64 << 20)
    below = anon(mm, 1, RW, ANON | m.MAP_FIXED, top - (16 << 20))
    assert expand_stack(mm, below + P + STACK_GUARD_GAP - 1) is None
    assert expand_stack(mm, below + P + STACK_GUARD_GAP) is not None


def test_limits(mm):
    limit(mm, m.RLIMIT_DATA, 4 * P)
    fails(e.ENOMEM, anon, mm, 5)
    block = anon(mm, 5, m.PROT_READ)
    anon(mm, 5, RW, SHARED)
    fails(e.ENOMEM, do_mprotect, mm, block, 5 * P, RW)
    limit(mm, m.RLIMIT_DATA, m.RLIM_INFINITY)
    limit(mm, m.RLIMIT_AS, 12 * P)
    fails(e.ENOMEM, anon, mm, 3)
    anon(mm, 3, RW, ANON | m.MAP_FIXED, block)
    anon(mm, 2)


# --- madvise, mlock, msync


def test_dontneed_gives_zeros_again(mm):
    block = anon(mm, 4)
    mm.write(block + P, b"gone")
    do_madvise(mm, block, 4 * P, m.MADV_DONTNEED)
    assert mm.read(block + P, 4) == bytes(4)
    assert mm.rss() == 1


def test_advice_for_fork(mm):
    block = anon(mm, 6)
    mm.write(block + P, b"absent")
    mm.write(block + 3 * P, b"wiped")
    mm.write(block + 5 * P, b"copied")
    do_madvise(mm, block + P, P, m.MADV_DONTFORK)
    do_madvise(mm, block + 3 * P, P, m.MADV_WIPEONFORK)
    child = mm.fork()
    fails(e.EFAULT, child.read, block + P, 6)
    assert child.read(block + 3 * P, 5) == bytes(5)
    assert child.read(block + 5 * P, 6) == b"copied"
    assert mm.read(block + 3 * P, 5) == b"wiped"
    child.vmas.check_invariants()
    child.mmput()


def test_madvise_errors(mm):
    block = anon(mm, 3)
    fails(e.EINVAL, do_madvise, mm, block, P, 99)
    fails(e.EINVAL, do_madvise, mm, block + 1, P, m.MADV_DONTNEED)
    fails(e.EINVAL, do_madvise, mm, block, (1 << 64) - 1, m.MADV_DONTNEED)
    do_madvise(mm, HOLE, 0, m.MADV_DONTNEED)
    do_munmap(mm, block + P, P)
    mm.write(block + 2 * P, b"x")
    fails(e.ENOMEM, do_madvise, mm, block, 3 * P, m.MADV_DONTNEED)
    assert mm.rss() == 0
    fails(e.ENOMEM, do_madvise, mm, block, 3 * P, m.MADV_POPULATE_WRITE)
    assert mm.rss() == 1
    shared = anon(mm, 2, RW, SHARED)
    fails(e.EINVAL, do_madvise, mm, shared, P, m.MADV_WIPEONFORK)
    fails(e.EINVAL, do_madvise, mm, shared, P, m.MADV_FREE)
    fails(e.EINVAL, do_madvise, mm, block, P, m.MADV_REMOVE)
    readonly = anon(mm, 1, m.PROT_READ)
    fails(e.EINVAL, do_madvise, mm, readonly, P, m.MADV_POPULATE_WRITE)


def test_mlock(mm):
    block = anon(mm, 8)
    do_mlock(mm, block + 1, P)
    assert do_mincore(mm, block, 4 * P) == b"\1\1\0\0"
    assert mm.locked_vm == 2
    fails(e.EINVAL, do_madvise, mm, block, P, m.MADV_DONTNEED)
    fails(e.EBUSY, do_msync, mm, block, P, m.MS_INVALIDATE)
    child = mm.fork()
    assert child.locked_vm == 0
    child.mmput()
    limit(mm, m.RLIMIT_MEMLOCK, 4 * P)
    do_mlock(mm, block, 4 * P)
    fails(e.ENOMEM, do_mlock, mm, block, 5 * P)
    do_mlock(mm, block, 5 * P, caps=CAPS)
    fails(e.EAGAIN, anon, mm, 1, RW, ANON | m.MAP_LOCKED)
    fails(e.ENOMEM, do_mlockall, mm, m.MCL_CURRENT)
    do_mlockall(mm, m.MCL_FUTURE)
    fails(e.EAGAIN, anon, mm, 1)
    do_munlockall(mm)
    assert mm.locked_vm == 0
    anon(mm, 1)
    limit(mm, m.RLIMIT_MEMLOCK, 0)
    fails(e.EPERM, do_mlock, mm, block, P)
    fails(e.EPERM, anon, mm, 1, RW, ANON | m.MAP_LOCKED)
    do_munlock(mm, block, P)
    fails(e.ENOMEM, do_munlock, mm, HOLE, P)


def test_mlock_on_fault_and_errors(mm):
    block = anon(mm, 4)
    do_mlock(mm, block, 2 * P, m.MLOCK_ONFAULT)
    assert mm.rss() == 0
    assert mm.vmas.lookup(block).flags & VM_LOCKED
    fails(e.EINVAL, do_mlock, mm, block, P, 2)
    fails(e.EINVAL, do_mlockall, mm, 0)
    fails(e.EINVAL, do_mlockall, mm, m.MCL_ONFAULT)
    fails(e.ENOMEM, do_mlock, mm, anon(mm, 1, m.PROT_NONE), P)
    do_mlock(mm, block, (1 << 64) - 1)  # rounds to nothing
    do_mlockall(mm, m.MCL_FUTURE)
    locked = anon(mm, 3)
    assert do_mincore(mm, locked, 3 * P) == b"\1\1\1"


def test_msync(mm):
    file = FakeFile(mm.frames, 2)
    shared = do_mmap(mm, 0, 2 * P, RW, m.MAP_SHARED, file)
    do_msync(mm, shared, P, m.MS_SYNC)
    do_msync(mm, shared, P, m.MS_ASYNC)
    assert file.synced == 1
    fails(e.EINVAL, do_msync, mm, shared, P, m.MS_SYNC | m.MS_ASYNC)
    fails(e.EINVAL, do_msync, mm, shared + 1, P, m.MS_SYNC)
    fails(e.ENOMEM, do_msync, mm, HOLE, P, m.MS_SYNC)


# --- /proc and OOM


def test_maps_lines(mm):
    mm.start_brk = mm.brk = 0x60_0000
    do_brk(mm, 0x60_2000)
    file = FakeFile(mm.frames, 4)
    do_mmap(mm, HOLE, P, m.PROT_READ | m.PROT_EXEC, m.MAP_PRIVATE | m.MAP_FIXED, file, 2)
    anon(mm, 1, RW, ANON | m.MAP_FIXED, 0x5000_0000)
    lines = show_maps(mm, lambda file: (0xFE, 0, 1234, b"/bin/with\nnewline")).splitlines()
    assert lines == [
        b"00600000-00602000 rw-p 00000000 00:00 0                                  [heap]",
        b"30000000-30001000 r-xp 00002000 fe:00 1234                               /bin/with\\012newline",
        b"50000000-50001000 rw-p 00000000 00:00 0 ",
    ]


class FakeOom:
    def __init__(self, tasks):
        self.tasks, self.killed = tasks, []
        self.frames = SimpleNamespace(total=10000)

    def oom_candidates(self):
        return self.tasks

    def oom_kill(self, leader):
        self.killed.append(leader)

    def oom_is_dying(self, leader):
        return leader in self.killed


def fake_process(pages, adj=0, mm=None):
    mm = mm or SimpleNamespace(rss=lambda: pages, vmas=[], system=SimpleNamespace(flat=None))
    process = SimpleNamespace(mm=mm, signal=SimpleNamespace(oom_score_adj=adj, threads={}))
    process.group_leader = process
    return process


def test_oom_kills_the_largest_and_then_the_next():
    small, large, spared = fake_process(10), fake_process(500), fake_process(9000, -1000)
    favoured = fake_process(10, 20)
    system = FakeOom([small, large, spared, favoured])
    assert oom_badness(favoured, 10000) == 210
    assert out_of_memory(system, small)
    assert system.killed == [large]
    assert out_of_memory(system, small)
    assert not out_of_memory(system, small)
    assert system.killed == [large, favoured, small]
    assert not out_of_memory(system, spared)
    assert system.killed[3:] == [spared]


def test_oom_kills_who_shares_the_memory_and_prefers_the_youngest():
    first, second = fake_process(50), fake_process(50)
    sharer = fake_process(50, -500, second.mm)
    system = FakeOom([sharer, first, second])
    assert out_of_memory(system, first)
    assert system.killed == [sharer, second]


def test_the_private_memory_of_a_victim_is_free_at_once(mm):
    private, shared = anon(mm, 8, RW, ANON | m.MAP_POPULATE), anon(mm, 2, RW, SHARED | m.MAP_POPULATE)
    before = mm.frames.free_count()
    asking, victim = fake_process(1), fake_process(0, 0, mm)
    assert out_of_memory(FakeOom([victim, asking]), asking)
    assert mm.frames.free_count() >= before + 8
    assert do_mincore(mm, private, 8 * P) == bytes(8)
    assert do_mincore(mm, shared, 2 * P) == b"\1\1"


def test_flags_of_a_shared_mapping_of_a_read_only_file(mm):
    file = FakeFile(mm.frames, 4, writable=False)
    shared = do_mmap(mm, 0, P, m.PROT_READ, m.MAP_SHARED, file)
    assert mm.vmas.lookup(shared).flags & (VM_READ | VM_SHARED) == VM_READ
    assert b" r--s " in show_maps(mm, lambda file: (0, 0, 1, b"/f"))
