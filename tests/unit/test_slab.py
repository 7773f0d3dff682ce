"""The slab allocator against a simple model, its lists, colours and order of reuse, and memory running out."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from forkernel.abi.errno import EINVAL, ENOMEM
from forkernel.errors import KernelBug, SysError
from forkernel.hw.frames import FrameTable
from forkernel.hw.ram import PAGE_SIZE, Ram
from forkernel.mm.slab import CACHE_LINE, PAGE_OFFSET, KmemCache, SlabCaches, page_address, virt_to_pfn

LINUX = {
    "filp": (192, 21, 1), "pid": (192, 21, 1), "cred_jar": (192, 21, 1), "task_struct": (4288, 7, 8),
    "sighand_cache": (2112, 15, 8), "signal_cache": (1152, 14, 4), "files_cache": (704, 23, 4), "fs_cache": (64, 64, 1),
    "vm_area_struct": (192, 21, 1), "mm_struct": (1600, 20, 8),
}  # fmt: skip
"""Object size, objects and pages in a slab: /proc/slabinfo of Linux 6.18 on x86-64 with two CPUs (cred_jar: as `cred`
in /sys/kernel/slab)."""


def caches(pages: int = 1024) -> SlabCaches:
    return SlabCaches(FrameTable(Ram(pages * PAGE_SIZE)))


@pytest.fixture
def slabs() -> SlabCaches:
    return caches()


def test_sizes_are_linux_s(slabs):
    assert {info.name: (info.objsize, info.objperslab, info.pagesperslab) for info in slabs.infos()} == LINUX


def test_direct_map():
    assert page_address(0) == PAGE_OFFSET
    assert virt_to_pfn(page_address(77) + 4095) == 77


def test_a_freed_object_is_the_next_one(slabs):
    cache = slabs.files_cache
    first, second, third = (cache.alloc() for _ in range(3))
    cache.free(second)
    cache.free(first)
    assert cache.alloc() == first
    assert cache.alloc() == second
    assert len({first, second, third, cache.alloc()}) == 4


def test_objects_of_a_new_slab_go_up(slabs):
    cache = slabs.fs_cache
    found = [cache.alloc() for _ in range(10)]
    assert found == list(range(found[0], found[0] + 640, 64))


def test_successive_slabs_have_successive_colours(slabs):
    """4288-byte objects leave 2752 bytes of 32 KiB: 44 colours, a cache line apart, and round again."""
    cache = slabs.create("coloured", 4288 - 64, 64)
    left = (PAGE_SIZE << cache.order) - cache.num * cache.size
    assert cache.colour == left // CACHE_LINE + 1
    slabs_wanted = cache.colour + 3
    frames = FrameTable(Ram((slabs_wanted + 6) * 8 * PAGE_SIZE))
    cache = KmemCache(frames, "coloured", 4288 - 64, 64)
    starts = []
    for _ in range(slabs_wanted):
        cache.alloc_bulk(cache.num)
        starts.append(next(reversed(cache.slabs_full)).colour)
    assert starts == [n % cache.colour * CACHE_LINE for n in range(slabs_wanted)]
    cache.check_invariants()


def test_no_room_no_colour(slabs):
    assert slabs.fs_cache.colour == 1
    assert slabs.vm_area_struct.colour == 2


def test_alignment(slabs):
    odd = slabs.create("odd", 100, 32)
    assert odd.size == 128
    assert all(odd.alloc() % 32 == 0 for _ in range(50))


def test_slabs_go_from_empty_to_partial_to_full_and_back(slabs):
    cache = slabs.create("lists", 512)
    cache.limit, cache.batchcount = 0, 1
    first = cache.alloc_bulk(cache.num)
    assert (len(cache.slabs_full), len(cache.slabs_partial), len(cache.slabs_free)) == (1, 0, 0)
    cache.free(first[0])
    assert (len(cache.slabs_full), len(cache.slabs_partial), len(cache.slabs_free)) == (0, 1, 0)
    cache.free_bulk(first[1:])
    assert (len(cache.slabs_full), len(cache.slabs_partial), len(cache.slabs_free)) == (0, 0, 1)
    assert cache.shrink() == 1 << cache.order
    assert cache.num_slabs == 0


def test_partial_slabs_are_filled_before_empty_ones(slabs):
    cache = slabs.create("partial", 512)
    cache.limit, cache.batchcount = 0, 1
    objects = cache.alloc_bulk(3 * cache.num)
    per_slab = {slab: [o for o in objects if virt_to_pfn(o) in range(slab.first, slab.first + (1 << slab.order))]
                for slab in cache.all_slabs()}  # fmt: skip
    one, two, _ = per_slab
    cache.free_bulk(per_slab[one])
    cache.free(per_slab[two][0])
    assert list(cache.slabs_free) == [one]
    assert cache.alloc() == per_slab[two][0]


def test_many_empty_slabs_are_given_back(slabs):
    cache = slabs.files_cache
    objects = cache.alloc_bulk(40 * cache.num)
    before = slabs.frames.used_count()
    cache.free_bulk(objects)
    assert slabs.frames.used_count() < before / 4
    assert cache.active_objects == 0


def test_destroy(slabs):
    cache = slabs.create("mortal", 64)
    used = slabs.frames.used_count()
    address = cache.alloc()
    with pytest.raises(KernelBug, match="in use"):
        slabs.destroy(cache)
    cache.free(address)
    slabs.destroy(cache)
    assert slabs.frames.used_count() == used
    assert "mortal" not in slabs.caches


@pytest.mark.parametrize(("name", "size", "align"), [
    ("", 64, 8), ("filp", 64, 8), ("small", 7, 8), ("odd", 64, 24), ("low", 64, 4), ("huge", 1 << 20, 8),
])  # fmt: skip
def test_a_cache_that_cannot_be(slabs, name, size, align):
    with pytest.raises(SysError) as failure:
        slabs.create(name, size, align)
    assert failure.value.errno == EINVAL
    assert set(slabs.caches) == set(LINUX)


def test_a_strange_address_is_a_bug(slabs):
    cache = slabs.pid
    cache.free(slabs.cred_jar.alloc())
    with pytest.raises(KernelBug, match="not of the cache pid"):
        cache.shrink()


def test_freed_twice_is_seen(slabs):
    cache = slabs.pid
    address = cache.alloc()
    cache.free(address)
    cache.free(address)
    with pytest.raises(KernelBug, match="twice"):
        cache.check_invariants()


def test_memory_runs_out_and_comes_back():
    slabs = caches(64)
    cache = slabs.sighand_cache
    objects = [cache.alloc() for _ in range(5 * cache.num)]
    with pytest.raises(SysError) as failure:
        objects += [cache.alloc() for _ in range(2 * cache.num)]
    assert failure.value.errno == ENOMEM
    objects = sorted(cache.in_use())
    cache.check_invariants()
    assert cache.active_objects == len(objects)
    assert len(objects) == 5 * cache.num + 7  # the frames left over hold one each
    with pytest.raises(SysError):
        cache.alloc_bulk(1)
    cache.free_bulk(objects)
    assert slabs.shrink()
    assert slabs.pages() == 0
    assert len(cache.alloc_bulk(len(objects))) == len(objects)


def test_a_smaller_slab_where_memory_is_in_pieces():
    """No eight frames in a row are left, but single ones: slabs of one frame do."""
    slabs = caches(64)
    frames = slabs.frames
    single = [frames.alloc() for _ in range(frames.free_count())]
    for frame in single[::2]:
        frames.put(frame)
    address = slabs.sighand_cache.alloc()
    assert virt_to_pfn(address) in single[::2]
    assert next(slabs.sighand_cache.all_slabs()).order == 0
    with pytest.raises(SysError):
        slabs.task_struct.alloc()  # needs two in a row
    for frame in single[1::2]:
        frames.put(frame)
    slabs.task_struct.alloc()
    for cache in slabs.caches.values():
        cache.check_invariants()


def test_other_caches_give_way():
    """Memory short: the machine's reclaim takes what other caches have free."""
    slabs = caches(64)
    slabs.frames.reclaim = lambda wanted: slabs.shrink()
    slabs.files_cache.free_bulk(slabs.files_cache.alloc_bulk(23 * 10))
    held = slabs.sighand_cache.alloc_bulk(15 * 4)
    assert len(held) == 60
    assert slabs.files_cache.num_slabs == 0


def test_pickle(slabs):
    held = slabs.mm_struct.alloc_bulk(30)
    again = pickle.loads(pickle.dumps(slabs))
    cache = again.mm_struct
    cache.check_invariants()
    assert cache.in_use() == set(held)
    assert cache.alloc() == slabs.mm_struct.alloc()
    assert again.frames.slabs is again


# --- frames in blocks


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=80))
def test_blocks_are_aligned_and_apart(steps):
    frames = FrameTable(Ram(128 * PAGE_SIZE))
    total = frames.free_count()
    blocks: list[tuple[int, int]] = []
    for order, give_back in steps:
        if give_back and blocks:
            frames.free_pages(*blocks.pop(order % len(blocks)))
            continue
        try:
            blocks.append((frames.alloc_pages(order), order))
        except SysError:
            assert frames.free_count() < 128
            continue
        assert blocks[-1][0] % (1 << order) == 0
    held = [page for frame, order in blocks for page in range(frame, frame + (1 << order))]
    assert len(held) == len(set(held))
    assert frames.free_count() == total - len(held)
    assert all(frames.refs[page] == 1 for page in held)
    singles = [frames.alloc() for _ in range(frames.free_count())]
    assert not set(singles) & set(held)
    with pytest.raises(SysError):
        frames.alloc()


def test_a_block_with_another_user_is_not_given_back(slabs):
    frame = slabs.frames.alloc_pages(2)
    slabs.frames.get(frame + 1)
    with pytest.raises(KernelBug, match="count 2"):
        slabs.frames.free_pages(frame, 2)


# --- the model


class SlabModel(RuleBasedStateMachine):
    """A cache beside a stack of free addresses per array and a set of those in use."""

    @initialize(
        size=st.integers(8, 9000), pages=st.integers(24, 300), limits=st.sampled_from([(2, 1), (8, 4), (54, 27)])
    )
    def start(self, size, pages, limits):
        self.slabs = caches(pages)
        self.cache = self.slabs.create("model", size)
        self.cache.limit, self.cache.batchcount = limits
        self.used: list[int] = []
        self.last_freed: int | None = None

    def take(self, addresses):
        size = self.cache.size
        for address in addresses:
            assert all(abs(address - other) >= size for other in self.used), "two objects overlap"
            self.used.append(address)

    @rule()
    def alloc(self):
        try:
            address = self.cache.alloc()
        except SysError:
            return
        if self.last_freed is not None:
            assert address == self.last_freed
        self.last_freed = None
        self.take([address])

    @rule(count=st.integers(0, 70))
    def alloc_bulk(self, count):
        before = self.cache.active_objects
        try:
            found = self.cache.alloc_bulk(count)
        except SysError:
            assert self.cache.active_objects == before
        else:
            assert len(found) == count
            self.take(found)
        self.last_freed = None

    @rule(at=st.integers(0, 1 << 30))
    def free(self, at):
        if self.used:
            address = self.used.pop(at % len(self.used))
            self.cache.free(address)
            self.last_freed = address

    @rule(count=st.integers(0, 70))
    def free_bulk(self, count):
        gone, self.used = self.used[:count], self.used[count:]
        self.cache.free_bulk(gone)
        self.last_freed = None

    @rule()
    def shrink(self):
        before = self.slabs.frames.free_count()
        freed = self.cache.shrink()
        assert self.slabs.frames.free_count() == before + freed
        assert not self.cache.array
        assert not self.cache.slabs_free
        self.last_freed = None

    @invariant()
    def agrees(self):
        if hasattr(self, "cache"):
            self.cache.check_invariants()
            assert self.cache.in_use() == set(self.used)
            assert self.cache.active_objects == len(self.used)
            frames = [virt_to_pfn(address) for address in self.used]
            assert set(frames) <= set(self.slabs.frames_in_use())
            assert len(self.cache.array) <= max(self.cache.limit, self.cache.num + 70)

    def teardown(self):
        if hasattr(self, "cache"):
            self.cache.free_bulk(self.used)
            self.slabs.destroy(self.cache)
            assert self.slabs.pages() == 0


TestSlabModel = SlabModel.TestCase
TestSlabModel.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
