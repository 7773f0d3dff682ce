"""Memory of a machine without an MMU: one flat address space that all programs live in (Linux: mm/nommu.c).

`FlatMemory` is that space: every address is a physical one. Life of a mapping: `nommu_mmap` refuses what cannot be done
without translation (a fixed address, a file shared with others), takes a contiguous run of frames, clears it
or reads the file into it, all at once; the run is a `Region`. `nommu_munmap` and the end of the process
give it back. There is no demand paging, no copy-on-write, and no protection: whoever knows an address may
read and write there, whatever PROT_* said. An `MmStruct` here (`NommuMm`) is only a list of what a process mapped.

The emulated CPU runs in long mode, which needs page tables. So there is one tree for all processes, an identity
map, with every access allowed. It maps the frames that programs have, and no others: a stray pointer into
free memory or into the kernel's own is a fault, as it is on a processor with a memory protection unit around the
kernel. A page becomes code for the emulator when it is first executed (see docs/architecture.md, NX).

The rules are those of the kernel's documentation, admin-guide/mm/nommu-mmap.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EACCES, EFAULT, EINVAL, ENODEV, ENOMEM, EOVERFLOW, EPERM
from forkernel.abi.fcntl import F_SEAL_FUTURE_WRITE, F_SEAL_WRITE
from forkernel.abi.mman import MAP_FIXED, MAP_PRIVATE, MAP_SHARED, MAP_TYPE, PROT_WRITE
from forkernel.arch.x86_64.pgtable import PTE_A, PTE_D, PTE_NX, PTE_P, PTE_U, PTE_W
from forkernel.errors import SysError
from forkernel.mm.layout import TASK_SIZE, page_align
from forkernel.mm.mm_struct import MmStruct
from forkernel.mm.mmap import VM_MAYALL, calc_vm_prot_bits
from forkernel.mm.pagetable import PageTable
from forkernel.mm.vma import PAGE_MASK, PAGE_SHIFT, PAGE_SIZE, VM_MAYSHARE, VM_SHARED, Vma, VmaList

if TYPE_CHECKING:
    from forkernel.mm.mmap import MappableFile

FLAT_ENTRY = PTE_P | PTE_U | PTE_W | PTE_A | PTE_D | PTE_NX
"""Of every page: anybody may do anything; it is no code yet."""
TABLE_PAGES = 512


class Region:
    """A contiguous run of memory, `[start, end)` in bytes, that areas look at (Linux: vm_region)."""

    __slots__ = ("end", "inode", "pgoff", "start", "users")

    def __init__(self, start: int, end: int, inode: Any = None, pgoff: int = 0) -> None:
        self.start = start
        self.end = end
        self.inode = inode
        """Of the file whose contents, never to be written, were read into it; other processes may share it."""
        self.pgoff = pgoff
        self.users = 1


class FlatMemory:
    """The one address space of a machine without an MMU."""

    def __init__(self, system: Any) -> None:
        self.system = system
        self.frames = system.frames
        self.pt = PageTable(system.tables)
        """The identity map."""
        self.direct: dict[Any, Region] = {}
        """By inode, the pages of a file in memory that somebody maps shared."""
        self.shareable: dict[Region, None] = {}
        """Regions that the next who maps the same piece of the same file gets too."""

    def alloc(self, size: int) -> Region:
        """A new region of zeros, `size` rounded up to pages; ENOMEM if no run of memory is long enough."""
        pages = page_align(size) >> PAGE_SHIFT
        first = self.frames.alloc_contiguous(pages)
        start = first << PAGE_SHIFT
        try:
            self._map(start, pages)
        except SysError:
            self._unmap_failed(first, pages)
            raise
        return Region(start, start + (pages << PAGE_SHIFT))

    def _unmap_failed(self, first: int, pages: int) -> None:
        """`_map` ran out of memory for tables: give all references back."""
        for frame in range(first, first + pages):
            if not self.pt.lookup(frame << PAGE_SHIFT):
                self.frames.put(frame)
        self.pt.zap(first << PAGE_SHIFT, first + pages << PAGE_SHIFT)

    def _map(self, start: int, pages: int) -> None:
        """Enter frames in the identity map, which takes over the references to them."""
        pt, store = self.pt, self.pt.store
        while pages:
            table, index = pt.make_path(start)
            count = min(pages, TABLE_PAGES - index)
            entries = array("Q", range(start | FLAT_ENTRY, (start | FLAT_ENTRY) + (count << PAGE_SHIFT), PAGE_SIZE))
            store.words[table * 512 + index : table * 512 + index + count] = entries
            store.live[table] |= (1 << count) - 1 << index
            pt.pages += count
            start += count << PAGE_SHIFT
            pages -= count

    def put(self, region: Region) -> None:
        """One area fewer looks at it; the last one gives the memory back."""
        region.users -= 1
        if not region.users:
            self.shareable.pop(region, None)
            if self.direct.get(region.inode) is region:
                del self.direct[region.inode]
            self.pt.zap(region.start, region.end)

    def map_file(self, inode: Any) -> Region:
        """The pages of a file in memory themselves, with one user more; ENODEV where they are not in one run."""
        run = getattr(inode, "contiguous_run", None)
        first = 0 if run is None else run()
        if not first:
            raise SysError(ENODEV)
        pages = page_align(inode.size) >> PAGE_SHIFT
        region = self.direct.get(inode)
        if region is not None and (region.start, region.end) == (first << PAGE_SHIFT, first + pages << PAGE_SHIFT):
            region.users += 1
            return region
        if any(self.pt.lookup(frame << PAGE_SHIFT) for frame in range(first, first + pages)):
            raise SysError(ENODEV)  # it was mapped when it was smaller, and has grown in place
        for frame in range(first, first + pages):
            self.frames.get(frame)
        try:
            self._map(first << PAGE_SHIFT, pages)
        except SysError:
            self._unmap_failed(first, pages)
            raise
        region = self.direct[inode] = Region(first << PAGE_SHIFT, first + pages << PAGE_SHIFT, inode)
        return region

    def find_shared(self, inode: Any, pgoff: int, pages: int) -> Region | None:
        """A region that holds the wanted pages of the file already."""
        for region in self.shareable:
            have = region.end - region.start >> PAGE_SHIFT
            if region.inode is inode and region.pgoff <= pgoff and pgoff + pages <= region.pgoff + have:
                return region
        return None


class NommuVmaList(VmaList):
    """Areas that are never merged: each is one mapping, and one region's."""

    __slots__ = ()
    MERGING = False


class NommuMm(MmStruct):
    """What one process mapped. `regions` are by the start of their area."""

    __slots__ = ("flat", "regions")

    def __init__(self, flat: FlatMemory) -> None:
        super().__init__(flat.system, flat.pt)
        self.flat = flat
        self.vmas = NommuVmaList(self, self.vmas.cache)
        self.regions: dict[int, Region] = {}

    def fork(self) -> MmStruct:
        """There is no copy of an address space at the same addresses: EINVAL."""
        raise SysError(EINVAL)

    def mmput(self) -> None:
        """One user fewer; the last one gives its regions back."""
        self.users -= 1
        if self.users == 0:
            regions, self.regions = self.regions, {}
            for region in regions.values():
                self.flat.put(region)
            self.vmas.release()
            if self.exe_file is not None:
                self.exe_file.put()
                self.exe_file = None
            self._free()

    def rss(self) -> int:
        """All that is mapped is there."""
        return self.vmas.total_vm

    def update_hiwater(self) -> int:
        """The largest number of pages so far."""
        self.hiwater_rss = max(self.hiwater_rss, self.vmas.total_vm)
        return self.hiwater_rss

    def refused(self, addr: int, code: int, *, execute: bool) -> int:
        """Nothing protects one program from another: memory outside its own areas may be executed too."""
        entry = self.pt.lookup(addr)
        if not execute or not entry & PTE_P:
            return code
        table, index = self.pt.make_path(addr)
        frame = entry >> PAGE_SHIFT & (1 << 40) - 1
        self.pt.set_leaf(table, index, self.frames.get(frame) << PAGE_SHIFT | entry & ~PTE_NX & 0xFFF)
        return 0

    def write_forced(self, addr: int, data: bytes) -> None:
        """Write for a debugger: no page is protected, none is copied."""
        self.write(addr, data)

    def add(self, region: Region, flags: int, pgoff: int = 0, file: Any = None) -> Vma:
        """Enter an area for a region; the reference to it is taken over."""
        return self.add_part(region, region.start, region.end, flags, pgoff, file)

    def add_part(self, region: Region, start: int, end: int, flags: int, pgoff: int, file: Any) -> Vma:
        """Enter an area that sees a part of a region; SysError(ENOMEM) gives the reference back."""
        try:
            area = self.vmas.insert(Vma(start, end, flags | VM_MAYALL, pgoff, None, file))
        except SysError:
            self.flat.put(region)
            raise
        self.regions[start] = region
        return area


# --- calls


def nommu_mmap(
    mm: NommuMm, length: int, prot: int, flags: int, file: MappableFile | None = None, pgoff: int = 0
) -> int:
    """mmap(2) without an MMU; `pgoff` in pages. The address asked for is not looked at, a fixed one is EINVAL."""
    kind = flags & MAP_TYPE
    if flags & MAP_FIXED or kind not in (MAP_PRIVATE, MAP_SHARED) or not length:
        raise SysError(EINVAL)
    size = page_align(length)
    if not size or size > TASK_SIZE:
        raise SysError(ENOMEM)
    if pgoff + (size >> PAGE_SHIFT) >= 1 << 64:
        raise SysError(EOVERFLOW)
    access = calc_vm_prot_bits(prot)
    if file is None:  # shared or not: there is no fork to share it with
        shared = VM_SHARED | VM_MAYSHARE if kind == MAP_SHARED else 0
        return mm.add(mm.flat.alloc(size), access | shared).start
    mapping = file.mmap_mapping()
    if not file.readable:
        raise SysError(EACCES)
    if kind == MAP_SHARED:
        if prot & PROT_WRITE and not file.writable:
            raise SysError(EACCES)
        return _mmap_direct(mm, file, mapping, size, access, pgoff)
    return _mmap_copy(mm, file, mapping, size, access, pgoff)


def _mmap_direct(mm: NommuMm, file: Any, mapping: Any, size: int, access: int, pgoff: int) -> int:
    """A shared mapping of a file whose pages are memory, in one run: those pages themselves. Else ENODEV."""
    if mapping is None or pgoff + (size >> PAGE_SHIFT) > page_align(file.inode.size) >> PAGE_SHIFT:
        raise SysError(ENODEV)
    if access & PROT_WRITE and getattr(mapping, "seals", 0) & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE):
        raise SysError(EPERM)
    region = mm.flat.map_file(file.inode)
    start = region.start + (pgoff << PAGE_SHIFT)
    if mm.vmas.find_intersection(start, start + size):  # the list of areas holds an address once
        mm.flat.put(region)
        raise SysError(ENODEV)
    mm.add_part(region, start, start + size, access | VM_SHARED | VM_MAYSHARE, pgoff, file)
    return start


def _mmap_copy(mm: NommuMm, file: Any, mapping: Any, size: int, access: int, pgoff: int) -> int:
    """A private mapping of a file: its contents, read now. One that is not written is shared with its likes."""
    flat, pages = mm.flat, size >> PAGE_SHIFT
    shareable = mapping is not None and not access & PROT_WRITE
    if shareable and (region := flat.find_shared(file.inode, pgoff, pages)) is not None:
        start = region.start + (pgoff - region.pgoff << PAGE_SHIFT)
        if not mm.vmas.find_intersection(start, start + size):
            region.users += 1
            mm.add_part(region, start, start + size, access | VM_MAYSHARE, pgoff, file)
            return start
    region = flat.alloc(size)
    if mapping is not None:
        try:
            data = file.inode.pread(pgoff << PAGE_SHIFT, size)
        except SysError:
            flat.put(region)
            raise
        mm.frames.ram.bytes[region.start : region.start + len(data)] = data
    if shareable:
        region.inode, region.pgoff = file.inode, pgoff
        flat.shareable[region] = None
    return mm.add(region, access | (VM_MAYSHARE if shareable else 0), pgoff, file).start


def nommu_munmap(mm: NommuMm, addr: int, length: int) -> None:
    """munmap(2): a whole mapping, or a part of an anonymous one; anything else is EINVAL."""
    size = page_align(length)
    if not size:
        raise SysError(EINVAL)
    vma, end = mm.vmas.lookup(addr), addr + size
    if vma is None:
        raise SysError(EINVAL)
    whole = addr == vma.start and end == vma.end
    if not whole and (vma.file is not None or end > vma.end or addr & ~PAGE_MASK):
        raise SysError(EINVAL)
    region = mm.regions[vma.start]
    if whole:
        mm.vmas.remove(vma.start, vma.end)
        del mm.regions[vma.start]
        mm.flat.put(region)
        return
    mm.vmas.remove(addr, end)
    mm.flat.pt.zap(addr, end)
    if end < vma.end:
        mm.regions[end] = Region(end, region.end)
        if addr == vma.start:
            del mm.regions[addr]
    if addr > vma.start:
        region.end = addr if end < vma.end else _give_back(mm, addr, region.end)


def _give_back(mm: NommuMm, start: int, end: int) -> int:
    """Free the tail of a region, with what mremap left unused there; the region's new end."""
    mm.flat.pt.zap(start, end)
    return start


def nommu_mremap(mm: NommuMm, addr: int, old_len: int, new_len: int, flags: int, new_addr: int) -> int:
    """mremap(2): resize a whole mapping within the memory it got; it never moves."""
    old_len, new_len = page_align(old_len), page_align(new_len)
    if not old_len or not new_len or addr & ~PAGE_MASK or (flags & 2 and new_addr != addr):
        raise SysError(EINVAL)
    vma = mm.vmas.lookup(addr)
    if vma is None or vma.start != addr:
        raise SysError(EINVAL)
    if vma.end != vma.start + old_len:
        raise SysError(EFAULT)
    if vma.flags & VM_MAYSHARE:
        raise SysError(EPERM)
    region = mm.regions[addr]
    if new_len > region.end - region.start:
        raise SysError(ENOMEM)
    mm.vmas.replace(vma, vma._replace(end=addr + new_len))
    return addr


def nommu_brk(mm: NommuMm, brk: int) -> int:
    """brk(2): the heap has no room to grow; the C library goes on with mmap."""
    if brk == mm.start_brk:
        mm.brk = brk
    return mm.brk
