"""Creating, growing and removing areas: mmap, munmap, brk, the stack (Linux: mm/mmap.c).

Life of a mapping: `do_mmap` checks everything that can be refused, finds the place, removes what a fixed
address covers and inserts one `Vma`; pages come later, by faults. `do_munmap` takes areas out and zaps
their pages; `exit_mmap` is the same for all. The heap is the area `do_brk` moves the end of; the stack is
one that `expand_stack` grows from the fault handler. Fork copies the list with `dup_mmap`.

All addresses are user virtual addresses in bytes. Errors are SysError with the errno of the man page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from forkernel.abi.errno import (
    EACCES,
    EAGAIN,
    EEXIST,
    EFAULT,
    EINVAL,
    ENOMEM,
    EOPNOTSUPP,
    EOVERFLOW,
    EPERM,
)
from forkernel.abi.fcntl import F_SEAL_FUTURE_WRITE, F_SEAL_WRITE
from forkernel.abi.mman import (
    CAP_IPC_LOCK_BIT,
    LEGACY_MAP_MASK,
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_FIXED_NOREPLACE,
    MAP_GROWSDOWN,
    MAP_HUGETLB,
    MAP_LOCKED,
    MAP_NONBLOCK,
    MAP_NORESERVE,
    MAP_POPULATE,
    MAP_PRIVATE,
    MAP_SHARED,
    MAP_SHARED_VALIDATE,
    MAP_TYPE,
    PROT_EXEC,
    PROT_READ,
    PROT_WRITE,
    RLIMIT_AS,
    RLIMIT_DATA,
    RLIMIT_MEMLOCK,
    RLIMIT_STACK,
)
from forkernel.errors import SysError
from forkernel.mapping import Mapping
from forkernel.mm.layout import (
    STACK_GUARD_GAP,
    TASK_SIZE,
    get_unmapped_area,
    page_align,
    vm_start_gap,
)
from forkernel.mm.overcommit import OVERCOMMIT_NEVER, accounted_pages, vm_enough_memory
from forkernel.mm.shmem import shmem_zero_setup
from forkernel.mm.userfault import UFFD_FLAGS, VM_UFFD_MISSING
from forkernel.mm.vma import (
    PAGE_MASK,
    PAGE_SHIFT,
    PAGE_SIZE,
    VM_ACCESS_FLAGS,
    VM_ACCOUNT,
    VM_DONTCOPY,
    VM_DONTDUMP,
    VM_DONTEXPAND,
    VM_GROWSDOWN,
    VM_LOCKED,
    VM_LOCKED_MASK,
    VM_LOCKONFAULT,
    VM_MAYEXEC,
    VM_MAYREAD,
    VM_MAYSHARE,
    VM_MAYWRITE,
    VM_NORESERVE,
    VM_READ,
    VM_SHARED,
    VM_SHM,
    VM_WIPEONFORK,
    VM_WRITE,
    Vma,
    is_data_mapping,
)

if TYPE_CHECKING:
    from forkernel.mm.mm_struct import MmStruct

MAX_LFS_FILESIZE = (1 << 63) - 1
VM_MAYALL = VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC
VM_DATA_FLAGS = VM_READ | VM_WRITE | VM_MAYALL
"""What heap and stack pages are: readable and writable."""
STACK_EXPAND = 128 << 10
"""Stack that a new program gets below its arguments, in bytes."""


class MappableFile(Protocol):
    """What mmap asks of an open file."""

    readable: bool
    writable: bool

    def mmap_mapping(self) -> Mapping | None:
        """Its pages; None for one whose private pages are plain zeros (/dev/zero); ENODEV, EACCES, EPERM."""

    def get(self) -> Any:
        """Take a reference."""

    def put(self) -> Any:
        """Give a reference back."""


def find_vma(mm: MmStruct, addr: int) -> Vma | None:
    """The first area that ends above `addr`; it may start above it too."""
    return mm.vmas.find(addr)


# --- limits


def may_expand_vm(mm: MmStruct, vm_flags: int, pages: int) -> bool:
    """Whether RLIMIT_AS and RLIMIT_DATA leave room for `pages` more of this kind."""
    if mm.vmas.total_vm + pages > mm.rlim(RLIMIT_AS) >> PAGE_SHIFT:
        return False
    return not is_data_mapping(vm_flags) or mm.vmas.data_vm + pages <= mm.rlim(RLIMIT_DATA) >> PAGE_SHIFT


def accountable_mapping(vm_flags: int) -> bool:
    """Whether pages of the area will be this process's own memory."""
    return vm_flags & (VM_NORESERVE | VM_SHARED | VM_WRITE) == VM_WRITE


def mlock_future_ok(mm: MmStruct, vm_flags: int, size: int, caps: int = 0) -> bool:
    """Whether RLIMIT_MEMLOCK lets `size` bytes more be locked, if the flags lock them at all."""
    if not vm_flags & VM_LOCKED or caps & CAP_IPC_LOCK_BIT:
        return True
    return mm.vmas.locked_vm + (page_align(size) >> PAGE_SHIFT) <= mm.rlim(RLIMIT_MEMLOCK) >> PAGE_SHIFT


# --- mmap


def calc_vm_prot_bits(prot: int) -> int:
    """VM_READ, WRITE, EXEC for PROT_*: the same bits."""
    return prot & (PROT_READ | PROT_WRITE | PROT_EXEC)


def do_mmap(
    mm: MmStruct,
    addr: int,
    length: int,
    prot: int,
    flags: int,
    file: MappableFile | None = None,
    pgoff: int = 0,
    *,
    caps: int = 0,
    extra: int = 0,
) -> int:
    """Map `length` bytes and return the address; `file` None with MAP_ANONYMOUS; `pgoff` in pages.

    `caps`: the caller's effective capabilities (CAP_IPC_LOCK and CAP_SYS_RAWIO matter). `extra`: further
    VM_* bits. Takes its own reference to the file.
    """
    if length == 0:
        raise SysError(EINVAL)
    if flags & MAP_FIXED_NOREPLACE:
        flags |= MAP_FIXED
    if not flags & MAP_FIXED:
        addr &= PAGE_MASK
        addr = max(addr, mm.system.mmap_min_addr + PAGE_SIZE - 1 & PAGE_MASK) if addr else 0
    length = page_align(length)
    if length == 0 or length > TASK_SIZE or len(mm.vmas) > mm.system.vm.max_map_count:
        raise SysError(ENOMEM)
    addr = get_unmapped_area(mm, addr, length, flags, caps)
    if flags & MAP_FIXED_NOREPLACE and mm.vmas.find_intersection(addr, addr + length):
        raise SysError(EEXIST)
    vm_flags = (
        calc_vm_prot_bits(prot)
        | _vm_flag_bits(flags, mm.system.vm.overcommit_memory)
        | mm.vmas.def_flags
        | VM_MAYALL
        | extra
    )
    if flags & MAP_LOCKED and not caps & CAP_IPC_LOCK_BIT and not mm.rlim(RLIMIT_MEMLOCK):
        raise SysError(EPERM)
    if not mlock_future_ok(mm, vm_flags, length, caps):
        raise SysError(EAGAIN)
    if file is None:
        vm_flags |= _anonymous_flags(flags)
        area = Vma(addr, addr + length, vm_flags, addr >> PAGE_SHIFT)
    else:
        vm_flags = _file_flags(file, pgoff, length, flags, vm_flags)
        mapping = file.mmap_mapping()
        vm_flags = _sealed_flags(mapping, vm_flags)
        if getattr(mapping, "secret", False):
            vm_flags = _secret_flags(mm, vm_flags, length, caps)
        area = Vma(addr, addr + length, vm_flags, pgoff, mapping, file)
    mmap_region(mm, area)
    if vm_flags & VM_LOCKED or flags & (MAP_POPULATE | MAP_NONBLOCK) == MAP_POPULATE:
        mm_populate(mm, addr, length)
    return addr


def _vm_flag_bits(flags: int, overcommit: int) -> int:
    """VM_* bits that MAP_* flags ask for, whatever is mapped; MAP_NORESERVE is void where nothing is overcommitted."""
    bits = 0
    if flags & MAP_NORESERVE and overcommit == OVERCOMMIT_NEVER:
        flags &= ~MAP_NORESERVE
    if flags & MAP_GROWSDOWN:
        bits |= VM_GROWSDOWN
    if flags & MAP_LOCKED:
        bits |= VM_LOCKED
    if flags & MAP_NORESERVE:
        bits |= VM_NORESERVE
    return bits


def _anonymous_flags(flags: int) -> int:
    """Sharing bits of an anonymous mapping; EINVAL for an impossible type."""
    if not flags & MAP_ANONYMOUS:
        raise SysError(EINVAL)
    if flags & MAP_HUGETLB:
        raise SysError(ENOMEM)  # no huge pages are reserved
    kind = flags & MAP_TYPE
    if kind == MAP_SHARED and not flags & MAP_GROWSDOWN:
        return VM_SHARED | VM_MAYSHARE
    if kind == MAP_PRIVATE:
        return 0
    raise SysError(EINVAL)


def _file_flags(file: MappableFile, pgoff: int, length: int, flags: int, vm_flags: int) -> int:
    """All VM_* bits of a file mapping; EOVERFLOW, EOPNOTSUPP, EACCES, EINVAL as mmap(2)."""
    kind = flags & MAP_TYPE
    if flags & MAP_HUGETLB:
        raise SysError(EINVAL)
    if pgoff > MAX_LFS_FILESIZE - length >> PAGE_SHIFT:
        raise SysError(EOVERFLOW)
    if kind == MAP_SHARED_VALIDATE and flags & ~LEGACY_MAP_MASK:
        raise SysError(EOPNOTSUPP)
    if kind in (MAP_SHARED, MAP_SHARED_VALIDATE):
        if vm_flags & VM_WRITE and not file.writable:
            raise SysError(EACCES)
        vm_flags |= VM_SHARED | VM_MAYSHARE
        if not file.writable:
            vm_flags &= ~(VM_MAYWRITE | VM_SHARED)
    elif kind != MAP_PRIVATE:
        raise SysError(EINVAL)
    if not file.readable:
        raise SysError(EACCES)
    if flags & MAP_GROWSDOWN:
        raise SysError(EINVAL)
    return vm_flags


def _sealed_flags(mapping: Mapping | None, vm_flags: int) -> int:
    """What the seals of a memfd leave of a shared mapping: it stays read-only; EPERM for a writable one."""
    if not vm_flags & VM_SHARED or not getattr(mapping, "seals", 0) & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE):
        return vm_flags
    if vm_flags & VM_WRITE:
        raise SysError(EPERM)
    return vm_flags & ~VM_MAYWRITE


def _secret_flags(mm: MmStruct, vm_flags: int, length: int, caps: int) -> int:
    """VM_* bits of secret memory, which is shared, locked and never dumped; EINVAL, EAGAIN (memfd_secret(2))."""
    if not vm_flags & VM_MAYSHARE:
        raise SysError(EINVAL)
    vm_flags |= VM_LOCKED | VM_DONTDUMP
    if not mlock_future_ok(mm, vm_flags, length, caps):
        raise SysError(EAGAIN)
    return vm_flags


def mmap_region(mm: MmStruct, area: Vma) -> Vma:
    """Put a new area in its place, removing what is there; ENOMEM by the limits, before anything changes.

    A shared area without mapping gets fresh shared memory; returns the area after merging.
    """
    start, end, flags = area.start, area.end, area.flags
    vmas = mm.vmas
    pages = end - start >> PAGE_SHIFT
    covered = vmas.overlapping(start, end)
    if not may_expand_vm(mm, flags, pages - sum([vma.clip(start, end).pages for vma in covered])):
        raise SysError(ENOMEM)
    if accountable_mapping(flags):
        vm_enough_memory(mm, pages)
        area = area.with_flags(flags | VM_ACCOUNT)
    if flags & VM_SHARED and area.mapping is None:
        if not flags & VM_NORESERVE:
            vm_enough_memory(mm, pages)
        file = shmem_zero_setup(mm.frames, end - start).get()
        try:
            return _place(mm, Vma(start, end, flags, 0, file.mapping, file), covered)
        finally:
            file.put()
    return _place(mm, area, covered)


def _place(mm: MmStruct, area: Vma, covered: list[Vma]) -> Vma:
    """Insert an area where `covered` are, whose pages go; ENOMEM changes nothing."""
    if covered:
        start, end = area.start, area.end
        _check_split(mm, start, end)
        mm.vmas.prealloc(2)
        mm.pt.zap(max(start, covered[0].start), min(end, covered[-1].end))
    return mm.vmas.insert(area)


def install_special_mapping(mm: MmStruct, addr: int, length: int, vm_flags: int, mapping: Mapping, name: str) -> Vma:
    """A mapping that the kernel makes itself, as the vdso; ENOMEM where something is in the way."""
    if mm.vmas.find_intersection(addr, addr + length):
        raise SysError(ENOMEM)
    vm_flags |= VM_DONTEXPAND | mm.vmas.def_flags & ~VM_LOCKED_MASK
    return mm.vmas.insert(Vma(addr, addr + length, vm_flags, 0, mapping, None, name))


def mm_populate(mm: MmStruct, addr: int, length: int) -> None:
    """Fault pages in ahead of use as far as it goes; errors are not reported (Linux: mm_populate)."""
    for vma in mm.vmas.overlapping(addr, addr + length):
        if populate_vma(mm, vma.clip(addr, addr + length)) == ENOMEM:
            return


def populate_vma(mm: MmStruct, area: Vma) -> int:
    """Fault in every page of an area or a part of it; returns 0, EFAULT or ENOMEM.

    Private writable areas get their own pages (a write fault), others what a read brings. Areas locked
    on fault (mlock2, MLOCK_ONFAULT) are left to their faults.
    """
    if area.flags & VM_LOCKONFAULT:
        return 0
    if not area.flags & VM_ACCESS_FLAGS:
        return EFAULT
    return fault_in(mm, area, area.flags & (VM_WRITE | VM_SHARED) == VM_WRITE)


def fault_in(mm: MmStruct, area: Vma, write: bool) -> int:
    """Make every page of an area present, writable with `write`; returns 0, EFAULT or ENOMEM."""
    wanted = 3 if write else 1
    for addr in range(area.start, area.end, PAGE_SIZE):
        if mm.pt.lookup(addr) & wanted != wanted:
            try:
                mm.handle_fault(addr, write)
            except SysError as error:
                return ENOMEM if error.errno == ENOMEM else EFAULT
    return 0


# --- munmap


def do_munmap(mm: MmStruct, addr: int, length: int) -> None:
    """Unmap every page of `[addr, addr + length)`; EINVAL for a bad range, ENOMEM for too many areas."""
    if addr & ~PAGE_MASK or addr > TASK_SIZE or length > TASK_SIZE - addr:
        raise SysError(EINVAL)
    length = page_align(length)
    if length == 0:
        raise SysError(EINVAL)
    end = addr + length
    vmas = mm.vmas
    _check_split(mm, addr, end)
    covered = vmas.overlapping(addr, end)
    if covered:
        if covered[0].start < addr and covered[0].end > end:
            vmas.prealloc(1)
        mm.pt.zap(max(addr, covered[0].start), min(end, covered[-1].end))
        vmas.remove(addr, end)


def _check_split(mm: MmStruct, start: int, end: int) -> None:
    """ENOMEM if taking `[start, end)` out would make one area two and there are too many already."""
    vmas = mm.vmas
    if len(vmas) >= mm.system.vm.max_map_count:
        vma = vmas.lookup(start)
        if vma is not None and vma.start < start and vma.end > end:
            raise SysError(ENOMEM)


def exit_mmap(mm: MmStruct) -> None:
    """The last user is gone: drop all areas (the caller frees the page table)."""
    mm.vmas.release()


# --- fork


def dup_mmap(mm: MmStruct, oldmm: MmStruct) -> None:
    """Give `mm`, whose page table is a fork of `oldmm`'s already, the areas of `oldmm`.

    As fork(2) and madvise(2) say: memory locks are not inherited, MADV_DONTFORK areas are absent and
    MADV_WIPEONFORK areas empty in the child.
    """
    if mm.system.vm.overcommit_memory == OVERCOMMIT_NEVER:
        vm_enough_memory(oldmm, accounted_pages(oldmm))
    vmas = mm.vmas = oldmm.vmas.copy(mm)
    vmas.def_flags = 0
    if not vmas.seen_flags & (VM_DONTCOPY | VM_WIPEONFORK | VM_LOCKED_MASK | VM_SHM | VM_UFFD_MISSING):
        return
    if vmas.seen_flags & VM_SHM:
        vmas.shm_notify("shm_open")
    for vma in vmas:
        if vma.flags & VM_DONTCOPY:
            vmas.remove(vma.start, vma.end)
        if vma.flags & (VM_DONTCOPY | VM_WIPEONFORK):
            mm.pt.zap(vma.start, vma.end)
    vmas.change_flags(0, TASK_SIZE, VM_LOCKED_MASK | UFFD_FLAGS, 0)


# --- the heap


def do_brk(mm: MmStruct, brk: int) -> int:
    """Move the end of the heap to `brk`; returns where it now is, which is the old place if it cannot move."""
    if not mm.start_brk <= brk <= TASK_SIZE or not _data_limit_ok(mm, brk):
        return mm.brk
    new, old = page_align(brk), page_align(mm.brk)
    if new < old:
        do_munmap(mm, new, old - new)
    elif new > old:
        try:
            _grow_brk(mm, old, new)
        except SysError:
            return mm.brk
    mm.brk = brk
    return brk


def _data_limit_ok(mm: MmStruct, brk: int) -> bool:
    """check_data_rlimit: heap and data segment together within RLIMIT_DATA."""
    return brk - mm.start_brk + mm.end_data - mm.start_data <= mm.rlim(RLIMIT_DATA)


def _grow_brk(mm: MmStruct, old: int, new: int) -> None:
    """Add `[old, new)` to the heap; ENOMEM where another area or a guard gap is in the way."""
    following = mm.vmas.find(old)
    if new > TASK_SIZE or (following is not None and new + PAGE_SIZE > vm_start_gap(following)):
        raise SysError(ENOMEM)
    vm_brk_flags(mm, old, new - old)


def vm_brk_flags(mm: MmStruct, addr: int, length: int, vm_flags: int = 0) -> None:
    """Anonymous private read-write memory at a fixed place: heap and bss; `vm_flags` may add VM_EXEC."""
    length = page_align(length)
    if length == 0:
        return
    if addr & ~PAGE_MASK or addr + length > TASK_SIZE:
        raise SysError(EINVAL if addr & ~PAGE_MASK else ENOMEM)
    flags = VM_DATA_FLAGS | vm_flags | mm.vmas.def_flags
    if not mlock_future_ok(mm, flags, length):
        raise SysError(EAGAIN)
    if len(mm.vmas) > mm.system.vm.max_map_count:
        raise SysError(ENOMEM)
    mmap_region(mm, Vma(addr, addr + length, flags, addr >> PAGE_SHIFT))
    if flags & VM_LOCKED:
        mm_populate(mm, addr, length)


# --- the stack


def expand_stack(mm: MmStruct, addr: int) -> Vma | None:
    """The area that contains `addr`, after growing a stack area down to it; None where that is not allowed.

    For the fault handler. A stack keeps STACK_GUARD_GAP bytes from what is below it and stays within
    RLIMIT_STACK, RLIMIT_AS and, when locked, RLIMIT_MEMLOCK.
    """
    vmas = mm.vmas
    vma = vmas.find(addr)
    if vma is None or vma.start <= addr:
        return vma
    start = addr & PAGE_MASK
    if not vma.flags & VM_GROWSDOWN or start < mm.system.mmap_min_addr:
        return None
    at = vmas.index(addr)
    if at:
        below = vmas.areas[at - 1]
        accessible = below.flags & VM_ACCESS_FLAGS and not below.flags & VM_GROWSDOWN
        if accessible and start - below.end < STACK_GUARD_GAP:
            return None
    if not _stack_growth_ok(mm, vma, start):
        return None
    grown = vmas.replace(vma, vma._replace(start=start, pgoff=start >> PAGE_SHIFT))
    if grown.flags & VM_LOCKED:
        mm_populate(mm, start, vma.start - start)
    return grown


def _stack_growth_ok(mm: MmStruct, vma: Vma, start: int) -> bool:
    """acct_stack_growth: the limits allow the stack to reach down to `start`."""
    growth = vma.start - start
    return (
        may_expand_vm(mm, vma.flags, growth >> PAGE_SHIFT)
        and vma.end - start <= mm.rlim(RLIMIT_STACK)
        and mlock_future_ok(mm, vma.flags, growth)
        and growth >> PAGE_SHIFT <= mm.frames.total
    )


def setup_arg_pages(mm: MmStruct, stack_top: int, used: int, executable: bool = False) -> Vma:
    """Make the stack of a new program: `used` bytes of arguments below `stack_top` and 128 KiB more.

    `stack_top` is page-aligned. The size is cut to RLIMIT_STACK but holds the arguments; it grows later
    by faults. ENOMEM by RLIMIT_AS, or where something is in the way.
    """
    size = page_align(used) + STACK_EXPAND
    size = max(min(size, mm.rlim(RLIMIT_STACK) & PAGE_MASK), page_align(used), PAGE_SIZE)
    start = stack_top - size
    flags = VM_DATA_FLAGS | VM_GROWSDOWN | VM_ACCOUNT | mm.vmas.def_flags
    if executable:
        flags |= PROT_EXEC
    if mm.vmas.find_intersection(start, stack_top) or not may_expand_vm(mm, flags, size >> PAGE_SHIFT):
        raise SysError(ENOMEM)
    mm.start_stack = stack_top
    return mm.vmas.insert(Vma(start, stack_top, flags, start >> PAGE_SHIFT))


__all__ = [
    "accountable_mapping", "calc_vm_prot_bits", "do_brk", "do_mmap", "do_munmap", "dup_mmap", "exit_mmap",
    "expand_stack", "fault_in", "find_vma", "get_unmapped_area", "install_special_mapping", "may_expand_vm",
    "mlock_future_ok", "mm_populate", "mmap_region", "populate_vma", "setup_arg_pages", "vm_brk_flags",
]  # fmt: skip
