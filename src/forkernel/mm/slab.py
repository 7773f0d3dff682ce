"""The slab allocator: where the kernel's own objects lie in RAM (Linux: mm/slab.c, slab_common.c).

Objects of one kind come from one `KmemCache`. It gets blocks of frames, *slabs*, and cuts them into objects of equal
size; what is left over at the end of a slab is used to start successive slabs at another offset, their *colour*, so
that their objects do not all fall into the same lines of the CPU's cache. Slabs are full, partial or empty; objects
are taken from partial slabs first, and empty ones are given back when there are many, or when memory is short.

Life of an object: `alloc` takes the address freed last from the CPU's `array` (a stack: last in, first out), which
`_refill` fills by batches from the slabs; `free` puts it back there, and `_flush` returns the oldest batch to the
slabs when the array is full. Life of a cache: `kmem_cache_create`, ..., `kmem_cache_destroy`.

An object is known by its address alone, in the direct map of RAM: a Python object is its content, and keeps the
address in a field `slab`. So the bytes of a slab are never touched, and cost no memory of the host.

Between traps, for every cache: each slab is in the one list that its number of free objects says; an address is free
in its slab, or in the array, or is one object's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from forkernel.abi.errno import EINVAL
from forkernel.errors import KernelBug, SysError
from forkernel.hw.frames import MAX_ORDER, FrameTable
from forkernel.hw.ram import PAGE_SHIFT, PAGE_SIZE
from forkernel.mm.kmalloc import Kmalloc

PAGE_OFFSET = 0xFFFF_8880_0000_0000
"""Where the direct map of all RAM begins in the kernel's address space (x86-64 with four levels of tables)."""
CACHE_LINE = 64
WORD = 8
PID_SIZE, UPID_SIZE = 184, 16
"""struct pid with one number, and what each further one adds."""
OBJECT_ORDER_MAX = 3
"""Slabs of more than 2**3 frames are made only where an object needs one (Linux: slub_max_order)."""
WASTE = 16
"""A slab is large enough when at most 1/16 of it is left over (Linux: calculate_order)."""


def page_address(frame: int) -> int:
    """Kernel virtual address of a frame."""
    return PAGE_OFFSET + (frame << PAGE_SHIFT)


def virt_to_pfn(address: int) -> int:
    """Frame that a direct-map address lies in."""
    return address - PAGE_OFFSET >> PAGE_SHIFT


class SlabInfo(NamedTuple):
    """A line of /proc/slabinfo: figures of one cache. Sizes in bytes."""

    name: str
    active_objs: int
    num_objs: int
    objsize: int
    objperslab: int
    pagesperslab: int
    limit: int
    batchcount: int
    active_slabs: int
    num_slabs: int


class Slab:
    """A block of frames cut into objects. `free`: addresses not handed out, the next one last."""

    __slots__ = ("colour", "first", "free", "order", "total")

    def __init__(self, first: int, order: int, colour: int, size: int, total: int) -> None:
        self.first = first
        """Its first frame."""
        self.order = order
        """It has 2**order frames."""
        self.colour = colour
        """Bytes from its start to the first object."""
        self.total = total
        start = page_address(first) + colour
        self.free = list(range(start + (total - 1) * size, start - 1, -size))

    @property
    def inuse(self) -> int:
        """Objects handed out, those in the CPU's array included."""
        return self.total - len(self.free)


class KmemCache:
    """Objects of one kind (Linux: kmem_cache). Made by `SlabCaches.create`; sizes are in bytes."""

    __slots__ = (
        "align", "array", "batchcount", "colour", "colour_next", "frames", "free_limit", "free_objects", "key_shift",
        "limit", "limiter", "min_order", "name", "num", "num_slabs", "object_size", "order", "size", "slabs",
        "slabs_free", "slabs_full", "slabs_partial", "total_objects",
    )  # fmt: skip

    def __init__(self, frames: FrameTable, name: str, object_size: int, align: int) -> None:
        self.frames = frames
        self.name = name
        self.object_size = object_size
        """What the user of the cache asked for."""
        self.align = align
        self.size = -(-object_size // align) * align
        """Distance between two objects."""
        self.order, self.min_order = slab_orders(self.size)
        """A slab has 2**order frames; when there is no such block, 2**min_order, enough for one object."""
        self.num = (PAGE_SIZE << self.order) // self.size
        """Objects in a slab."""
        self.key_shift = PAGE_SHIFT + self.min_order
        self.colour = ((PAGE_SIZE << self.order) - self.num * self.size) // max(align, CACHE_LINE) + 1
        """How many colours there are; a colour is a multiple of the alignment, at least of a cache line."""
        self.colour_next = 0
        self.limit, self.batchcount = array_limits(self.size)
        """How many free objects the array takes, and how many go to and fro at once."""
        self.free_limit = 2 * self.batchcount + self.num
        """With more free objects than that in the slabs, empty slabs are given back."""
        self.array: list[int] = []
        """Free objects at hand, the one freed last at the end (Linux: array_cache of the CPU)."""
        self.slabs: dict[int, Slab] = {}
        """By address divided by the size of the smallest slab."""
        self.slabs_full: dict[Slab, None] = {}
        self.slabs_partial: dict[Slab, None] = {}
        self.slabs_free: dict[Slab, None] = {}
        self.free_objects = 0
        """Free objects in the slabs; those in the array not counted."""
        self.num_slabs = 0
        self.total_objects = 0
        self.limiter: Any = None
        """Who may refuse another batch of objects: its `check(cache)` raises SysError."""

    # --- objects

    def alloc(self) -> int:
        """The address of an object, the one freed last; SysError(ENOMEM) (Linux: kmem_cache_alloc)."""
        array = self.array
        if not array:
            self._refill(1)
        return array.pop()

    def free(self, address: int) -> None:
        """Give an object back (Linux: kmem_cache_free)."""
        array = self.array
        array.append(address)
        if len(array) > self.limit:
            self._flush()

    def alloc_bulk(self, count: int) -> list[int]:
        """The addresses of so many objects, all or SysError(ENOMEM) (Linux: kmem_cache_alloc_bulk)."""
        array = self.array
        if len(array) < count:
            self._refill(count)
        if not count:
            return []
        found = array[-count:]
        del array[-count:]
        return found

    def free_bulk(self, addresses: list[int]) -> None:
        """Give back what `alloc_bulk` gave, or any others (Linux: kmem_cache_free_bulk)."""
        array = self.array
        array += addresses
        while len(array) > self.limit:
            self._flush()

    # --- between the array and the slabs

    def _refill(self, wanted: int) -> None:
        """Have at least `wanted` objects in the array, and a batch if the slabs have as many free.

        A new slab may need memory that is reclaimed from this very cache, array and all: so what was got so far is
        kept out of it until the end.
        """
        if self.limiter is not None:
            self.limiter.check(self)
        aim = max(wanted, self.batchcount)
        got: list[int] = []
        try:
            while (missing := aim - len(self.array) - len(got)) > 0:
                slab = next(iter(self.slabs_partial or self.slabs_free), None)
                if slab is None:
                    if missing <= aim - wanted:
                        return
                    slab = self._grow()
                count = min(len(slab.free), missing)
                self._unlist(slab)
                got += slab.free[-count:]
                del slab.free[-count:]
                self.free_objects -= count
                self._list(slab)
        finally:
            self.array += got

    def _flush(self) -> None:
        """Return the oldest batch of the array to the slabs (Linux: cache_flusharray)."""
        batch = self.array[: self.batchcount]
        del self.array[: self.batchcount]
        self._free_block(batch)
        while self.free_objects > self.free_limit and self.slabs_free:
            self._destroy_slab(next(iter(self.slabs_free)))

    def _free_block(self, addresses: list[int]) -> None:
        """Return objects to their slabs, the first one first."""
        slabs, shift = self.slabs, self.key_shift
        for address in addresses:
            slab = slabs.get(address - PAGE_OFFSET >> shift)
            if slab is None:
                raise KernelBug(f"{address:#x} is not of the cache {self.name}")
            count = len(slab.free) + 1
            if count in (1, slab.total):
                self._unlist(slab)
                slab.free.append(address)
                self._list(slab)
            else:
                slab.free.append(address)
        self.free_objects += len(addresses)

    def _list_of(self, slab: Slab) -> dict[Slab, None]:
        """The list that a slab is in."""
        if not slab.free:
            return self.slabs_full
        return self.slabs_partial if len(slab.free) < slab.total else self.slabs_free

    def _list(self, slab: Slab) -> None:
        self._list_of(slab)[slab] = None

    def _unlist(self, slab: Slab) -> None:
        del self._list_of(slab)[slab]

    # --- slabs

    def _grow(self) -> Slab:
        """A new slab, of the next colour, on the list of empty ones; SysError(ENOMEM) (Linux: cache_grow)."""
        order = self.order
        try:
            first = self.frames.alloc_pages(order)
        except SysError:
            if order == self.min_order:
                raise
            order = self.min_order
            first = self.frames.alloc_pages(order)
        num = (PAGE_SIZE << order) // self.size
        left = (PAGE_SIZE << order) - num * self.size
        step = max(self.align, CACHE_LINE)
        slab = Slab(first, order, self.colour_next * step % (left + 1) // step * step, self.size, num)
        self.colour_next = (self.colour_next + 1) % self.colour
        for key in self._keys(slab):
            self.slabs[key] = slab
        self.num_slabs += 1
        self.total_objects += num
        self.free_objects += num
        self.slabs_free[slab] = None
        return slab

    def _keys(self, slab: Slab) -> range:
        key = slab.first << PAGE_SHIFT >> self.key_shift
        return range(key, key + (1 << slab.order - self.min_order))

    def _destroy_slab(self, slab: Slab) -> None:
        """Give the frames of an empty slab back (Linux: slab_destroy)."""
        del self.slabs_free[slab]
        for key in self._keys(slab):
            del self.slabs[key]
        self.num_slabs -= 1
        self.total_objects -= slab.total
        self.free_objects -= slab.total
        self.frames.free_pages(slab.first, slab.order)

    def shrink(self) -> int:
        """Empty the array and give all empty slabs back; the number of frames freed (Linux: kmem_cache_shrink)."""
        if self.array:
            batch = self.array[:]
            self.array.clear()
            self._free_block(batch)
        freed = 0
        while self.slabs_free:
            slab = next(iter(self.slabs_free))
            freed += 1 << slab.order
            self._destroy_slab(slab)
        return freed

    # --- looking

    @property
    def active_objects(self) -> int:
        """Objects handed out."""
        return self.total_objects - self.free_objects - len(self.array)

    def pages(self) -> int:
        """Frames of all slabs."""
        return sum(1 << slab.order for slab in self.all_slabs())

    def all_slabs(self) -> Iterator[Slab]:
        """Every slab: full, then partial, then empty ones."""
        yield from self.slabs_full
        yield from self.slabs_partial
        yield from self.slabs_free

    def in_use(self) -> set[int]:
        """Addresses of all objects handed out."""
        found: set[int] = set()
        for slab in self.all_slabs():
            start = page_address(slab.first) + slab.colour
            found.update(range(start, start + slab.total * self.size, self.size))
            found.difference_update(slab.free)
        return found.difference(self.array)

    def info(self) -> SlabInfo:
        """The cache's line of /proc/slabinfo."""
        return SlabInfo(
            self.name, self.active_objects, self.total_objects, self.size, self.num, 1 << self.order, self.limit,
            self.batchcount, self.num_slabs - len(self.slabs_free), self.num_slabs,
        )  # fmt: skip

    def check_invariants(self) -> None:
        """KernelBug unless lists, counts and addresses agree."""
        lists = ((self.slabs_full, "full"), (self.slabs_partial, "partial"), (self.slabs_free, "empty"))
        seen: set[int] = set(self.array)
        if len(seen) != len(self.array):
            raise KernelBug(f"{self.name}: an object is free twice in the array")
        for slabs, kind in lists:
            for slab in slabs:
                if self._list_of(slab) is not slabs:
                    raise KernelBug(f"{self.name}: a slab with {slab.inuse} of {slab.total} in use is listed as {kind}")
                self._check_slab(slab, seen)
        counts = (sum(len(s.free) for s in self.all_slabs()), sum(s.total for s in self.all_slabs()))
        if counts != (self.free_objects, self.total_objects) or self.num_slabs != sum(len(each) for each, _ in lists):
            raise KernelBug(f"{self.name}: {counts} objects free and in all, not {self.free_objects} and so on")
        if not self.in_use().isdisjoint(self.array) or self.active_objects != len(self.in_use()):
            raise KernelBug(f"{self.name}: {self.active_objects} objects active, {len(self.in_use())} found")

    def _check_slab(self, slab: Slab, seen: set[int]) -> None:
        start = page_address(slab.first) + slab.colour
        if start % self.align or slab.colour + slab.total * self.size > PAGE_SIZE << slab.order:
            raise KernelBug(f"{self.name}: a slab with colour {slab.colour} does not fit")
        for address in slab.free:
            if address in seen or (address - start) % self.size or not 0 <= address - start < slab.total * self.size:
                raise KernelBug(f"{self.name}: {address:#x} is free twice, or no object")
            seen.add(address)

    def __repr__(self) -> str:
        return f"<KmemCache {self.name} {self.active_objects} of {self.total_objects} objects, {self.num_slabs} slabs>"


class SharedCache(KmemCache):
    """Objects that several hold at once, each by `get`; the last `put` frees (cred_jar: struct cred)."""

    __slots__ = ("users",)

    def __init__(self, frames: FrameTable, name: str, object_size: int, align: int) -> None:
        super().__init__(frames, name, object_size, align)
        self.users: dict[int, int] = {}
        """How many hold an object, where it is more than one."""

    def get(self, address: int) -> int:
        """One more holds the object."""
        users = self.users
        users[address] = users.get(address, 1) + 1
        return address

    def put(self, address: int) -> None:
        """One less holds it; the last one gives it back."""
        count = self.users.get(address)
        if count is None:
            array = self.array
            array.append(address)
            if len(array) > self.limit:
                self._flush()
        elif count == 2:
            del self.users[address]
        else:
            self.users[address] = count - 1


def slab_orders(size: int) -> tuple[int, int]:
    """The order of a slab for objects of `size` bytes, and the least that can be; EINVAL for too large a size.

    As large as holds at least a dozen objects (Linux: 4 * (fls(CPUs) + 1), here for two CPUs) as far as
    OBJECT_ORDER_MAX allows, and wastes no more than 1/16.
    """
    least = next((order for order in range(MAX_ORDER + 1) if PAGE_SIZE << order >= size), None)
    if least is None:
        raise SysError(EINVAL)
    for order in range(least, OBJECT_ORDER_MAX + 1):
        room = PAGE_SIZE << order
        enough = room // size >= 12 or order == OBJECT_ORDER_MAX
        if enough and room % size <= room // WASTE:
            return order, least
    return max(least, OBJECT_ORDER_MAX), least


def array_limits(size: int) -> tuple[int, int]:
    """Length of the array of free objects, and of a batch, for objects of `size` bytes (Linux: enable_cpucache)."""
    limit = 8 if size > PAGE_SIZE else 24 if size > 1024 else 54 if size > 256 else 120
    return limit, (limit + 1) // 2


class SlabCaches:
    """All caches of one machine (Linux: slab_caches), those of the process structures made at boot."""

    __slots__ = (
        "caches", "cred_jar", "files_cache", "filp", "frames", "fs_cache", "kmalloc", "mm_struct", "pid",
        "sighand_cache", "signal_cache", "task_struct", "vm_area_struct",
    )  # fmt: skip

    def __init__(self, frames: FrameTable) -> None:
        """Sizes are those of Linux 6.18 for x86-64, as its /sys/kernel/slab/*/object_size says."""
        self.frames = frames
        self.kmalloc = Kmalloc(frames)
        """Pieces of other sizes."""
        self.caches: dict[str, KmemCache] = {}
        self.filp = self.create("filp", 184, hwcache_align=True)
        self.pid = self.create("pid", PID_SIZE, hwcache_align=True)
        self.cred_jar = self.caches["cred_jar"] = SharedCache(frames, "cred_jar", 184, CACHE_LINE)
        self.task_struct = self.create("task_struct", 4240, 64)
        self.sighand_cache = self.create("sighand_cache", 2080, hwcache_align=True)
        self.signal_cache = self.create("signal_cache", 1152, hwcache_align=True)
        self.files_cache = self.create("files_cache", 704, hwcache_align=True)
        self.fs_cache = self.create("fs_cache", 64)
        self.vm_area_struct = self.create("vm_area_struct", 192, hwcache_align=True)
        self.mm_struct = self.create("mm_struct", 1568, hwcache_align=True)
        frames.slabs = self

    def create(self, name: str, size: int, align: int = WORD, *, hwcache_align: bool = False) -> KmemCache:
        """A new cache for objects of `size` bytes (Linux: kmem_cache_create); EINVAL for a name or size that cannot be.

        `align` is a power of two; `hwcache_align` (SLAB_HWCACHE_ALIGN) aligns to cache lines.
        """
        if hwcache_align:
            align = max(align, CACHE_LINE)
        if not name or name in self.caches or size < WORD or align < WORD or align & align - 1 or align > PAGE_SIZE:
            raise SysError(EINVAL)
        cache = self.caches[name] = KmemCache(self.frames, name, size, align)
        return cache

    def create_pid_cachep(self, level: int) -> KmemCache:
        """The cache for struct pid of a PID namespace at `level`, which has a number for each level up to there:
        `pid`, `pid_2`, ..., one for all namespaces of a level (Linux: create_pid_cachep).
        """
        if level == 0:
            return self.pid
        name = f"pid_{level + 1}"
        return self.caches.get(name) or self.create(name, PID_SIZE + UPID_SIZE * level, hwcache_align=True)

    def destroy(self, cache: KmemCache) -> None:
        """Give up a cache that nothing is allocated from; KernelBug else (Linux: kmem_cache_destroy, which warns)."""
        if cache.active_objects:
            raise KernelBug(f"{cache!r} is destroyed with objects in use")
        cache.shrink()
        del self.caches[cache.name]

    def shrink(self) -> int:
        """Give back what no cache needs; the number of frames freed."""
        return sum(cache.shrink() for cache in self.caches.values()) + self.kmalloc.shrink()

    def pages(self) -> int:
        """Frames of all slabs (Linux: NR_SLAB_UNRECLAIMABLE_B)."""
        return sum(cache.pages() for cache in self.caches.values()) + len(self.kmalloc.pages)

    def frames_in_use(self) -> list[int]:
        """Every frame of every slab, once."""
        found = list(self.kmalloc.pages)
        for cache in self.caches.values():
            for slab in cache.all_slabs():
                found.extend(range(slab.first, slab.first + (1 << slab.order)))
        return found

    def infos(self) -> list[SlabInfo]:
        """The lines of /proc/slabinfo, the cache made last first."""
        return [cache.info() for cache in reversed(self.caches.values())]
