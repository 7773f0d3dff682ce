"""Where things go in a user address space (Linux: get_unmapped_area, arch_pick_mmap_layout).

From the bottom: the program (or, position independent, above `ELF_ET_DYN_BASE`), its heap, the mappings
growing down from `mm.mmap_base`, a gap, the stack. Random parts come from the kernel's seeded generator.
"""

from __future__ import annotations

from bisect import bisect_left
from random import Random
from typing import TYPE_CHECKING

from forkernel.abi.errno import EINVAL, ENOMEM, EPERM
from forkernel.abi.mman import CAP_SYS_RAWIO_BIT, MAP_32BIT, MAP_FIXED
from forkernel.errors import SysError
from forkernel.mm.vma import PAGE_MASK, PAGE_SHIFT, PAGE_SIZE, VM_GROWSDOWN, Vma, VmaList

if TYPE_CHECKING:
    from forkernel.mm.mm_struct import MmStruct

ALIGN_MASK = 0xFFFF_FFFF_FFFF_F000
TASK_SIZE = 0x7FFF_FFFF_F000
STACK_TOP = TASK_SIZE
MMAP_MIN_ADDR = 65536
"""Below it only CAP_SYS_RAWIO may map: vm.mmap_min_addr at first, and Debian's; later `System.mmap_min_addr`."""
TASK_UNMAPPED_BASE = (TASK_SIZE // 3 + PAGE_SIZE - 1) & PAGE_MASK
ELF_ET_DYN_BASE = TASK_SIZE // 3 * 2 & PAGE_MASK
STACK_GUARD_GAP = 256 << PAGE_SHIFT
STACK_RND_MASK = 0x3FFFFF  # pages: 16 GiB
MMAP_RND_BITS = 28
MIN_STACK_GAP = 128 << 20
LOW_4G = (0x4000_0000, 0x8000_0000)
"""Where MAP_32BIT mappings go."""


def page_align(size: int) -> int:
    """The next multiple of the page size, modulo 2**64 as Linux's PAGE_ALIGN: 0 for a size near the top."""
    return (size + PAGE_SIZE - 1) & ALIGN_MASK


def mmap_base(stack_limit: int, rnd: int) -> int:
    """Top of the mapping area: below a stack of `stack_limit` bytes and its random shift, less `rnd` bytes."""
    gap = min(stack_limit, TASK_SIZE)
    gap += (STACK_RND_MASK << PAGE_SHIFT) + STACK_GUARD_GAP
    gap = min(max(gap, MIN_STACK_GAP), TASK_SIZE // 6 * 5)
    return page_align(TASK_SIZE - gap - rnd)


def arch_mmap_rnd(rng: Random) -> int:
    """Random page-aligned bytes that mappings and position-independent programs are shifted by."""
    return rng.getrandbits(MMAP_RND_BITS) << PAGE_SHIFT


def arch_pick_mmap_layout(mm: MmStruct, stack_limit: int, rng: Random | None) -> None:
    """Set `mm.mmap_base` for a new program; `rng` None: no randomness (ADDR_NO_RANDOMIZE)."""
    mm.mmap_base = mmap_base(stack_limit, arch_mmap_rnd(rng) if rng else 0)


def randomize_stack_top(rng: Random | None) -> int:
    """Page-aligned top of the stack of a new program."""
    return STACK_TOP - ((rng.getrandbits(22) & STACK_RND_MASK) << PAGE_SHIFT if rng else 0)


def arch_randomize_brk(brk: int, rng: Random | None) -> int:
    """Page-aligned start of the heap, at or above the end of the program's data, up to 1 GiB higher."""
    return page_align(brk) + (rng.getrandbits(18) << PAGE_SHIFT if rng else 0)


def vm_start_gap(vma: Vma) -> int:
    """Where the area begins, with the guard gap below it that a growing stack keeps free."""
    if vma.flags & VM_GROWSDOWN:
        return max(vma.start - STACK_GUARD_GAP, 0)
    return vma.start


def get_unmapped_area(mm: MmStruct, addr: int, length: int, flags: int, caps: int = 0) -> int:
    """Address for a new mapping of `length` bytes (a page multiple); `addr` is a hint, or must be with MAP_FIXED.

    ENOMEM: no room. EINVAL: a fixed address not on a page. EPERM: below vm.mmap_min_addr without CAP_SYS_RAWIO.
    """
    if length > TASK_SIZE:
        raise SysError(ENOMEM)
    if flags & MAP_FIXED:
        if addr > TASK_SIZE - length:
            raise SysError(ENOMEM)
        if addr & ~PAGE_MASK:
            raise SysError(EINVAL)
    elif flags & MAP_32BIT:
        return _low_area(mm.vmas, addr, length)
    elif addr == 0 or not _is_free(mm.vmas, addr, length, TASK_SIZE):
        return _topdown_area(mm.vmas, length, mm.mmap_base)
    if addr < mm.system.mmap_min_addr and not caps & CAP_SYS_RAWIO_BIT:
        raise SysError(EPERM)
    return addr


def _is_free(vmas: VmaList, addr: int, length: int, limit: int) -> bool:
    if addr > limit - length:
        return False
    vma = vmas.find(addr)
    return vma is None or addr + length <= vm_start_gap(vma)


def _low_area(vmas: VmaList, addr: int, length: int) -> int:
    low, high = LOW_4G
    if addr and _is_free(vmas, addr, length, high):
        return addr
    return _bottomup_area(vmas, length, low, high)


def _topdown_area(vmas: VmaList, length: int, base: int) -> int:
    """The highest free range below `base` (Linux: vm_unmapped_area); upwards from TASK_SIZE/3 if there is none.

    `vmas.gap_top` and `gap_max` remember that all gaps above gap_top are at most gap_max bytes, so that
    a program that maps a thousand areas does not walk over all of them each time.
    """
    areas = vmas.areas
    high, largest = base, 0
    if length > vmas.gap_max and 0 < vmas.gap_top < base:
        high, largest = vmas.gap_top, vmas.gap_max
    at = bisect_left(vmas.starts, high)
    if at < len(areas):
        high = min(high, vm_start_gap(areas[at]))
    while True:
        low = areas[at - 1].end if at else MMAP_MIN_ADDR
        if high - low >= length and high - length >= MMAP_MIN_ADDR:
            vmas.gap_top, vmas.gap_max = high, largest
            return high - length
        if at == 0:
            return _bottomup_area(vmas, length, TASK_UNMAPPED_BASE, TASK_SIZE)
        largest = max(largest, high - low)
        at -= 1
        high = min(base, vm_start_gap(areas[at]))


def _bottomup_area(vmas: VmaList, length: int, low: int, high: int) -> int:
    """The lowest free range in `[low, high)`; ENOMEM if there is none."""
    areas = vmas.areas
    at = vmas.index(low)
    while at < len(areas) and low + length <= high:
        if low + length <= vm_start_gap(areas[at]):
            return low
        low = max(low, areas[at].end)
        at += 1
    if low + length > high:
        raise SysError(ENOMEM)
    return low
