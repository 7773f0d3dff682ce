"""An address space: its areas, its page tables, and the kernel's way to read and write user memory.

Life cycle: `MmStruct(system)` for execve, `dup_mm` for fork (areas and tables shared), `mmget`/`mmput` for
each task that uses it; the last `mmput` is exit_mmap, which gives everything back.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EFAULT
from forkernel.arch.x86_64.pgtable import FRAME_MASK, PTE_P, PTE_U, PTE_W, TASK_SIZE
from forkernel.errors import SysError
from forkernel.hw.ram import PAGE_SHIFT, PAGE_SIZE
from forkernel.mm.fault import FAULT_OK, FAULT_OOM, handle_mm_fault
from forkernel.mm.mmap import dup_mmap, exit_mmap
from forkernel.mm.pagetable import PageTable
from forkernel.mm.vma import VM_READ, VmaList
from forkernel.namespace import UserNamespace, init_user_ns

if TYPE_CHECKING:
    from forkernel.hw.frames import FrameTable
    from forkernel.mm.slab import KmemCache

SUID_DUMP_USER = 1
USER_READ = PTE_P | PTE_U
USER_WRITE = PTE_P | PTE_U | PTE_W

COREDUMP_FILTER = 0x33
"""Memory that is dumped: of its own, shared anonymous, ELF headers, and private huge pages."""
_U32, _U64 = struct.Struct("<I"), struct.Struct("<Q")


class MmStruct:
    """One address space (Linux: mm_struct). Addresses are user virtual addresses in bytes.

    Invariants between traps: `users` equals the number of tasks whose `mm` it is, plus kernel holders in
    the middle of execve; `pt.pages` the number of present leaf entries.
    """

    __slots__ = (
        "arg_end", "arg_start", "binfmt_private", "brk", "coredump_filter", "dumpable", "end_code", "end_data",
        "env_end", "env_start", "exe_file", "frames", "hiwater_rss", "membarrier_state", "mmap_base", "owner", "pt",
        "saved_auxv", "start_brk", "start_code", "start_data", "start_stack", "system", "thp_disable", "user_ns",
        "users", "vmas", "cache", "slab", "userfaultfds",
    )  # fmt: skip

    def __init__(self, system: Any, pt: PageTable | None = None) -> None:
        self.system = system
        self.frames: FrameTable = system.frames
        self.users = 1
        slabs = self.frames.slabs
        self.cache: KmemCache | None = slabs.mm_struct if slabs is not None else None
        """Where mm_structs lie; None in RAM without slabs."""
        self.slab = self.cache.alloc() if self.cache is not None else 0
        """Slab address."""
        try:
            self.pt = pt or PageTable(system.tables)
        except SysError:
            self._free()
            raise
        self.vmas = VmaList(self, slabs.vm_area_struct if slabs is not None else None)
        self.owner: Any = None
        self.exe_file: Any = None
        """The program, for /proc/PID/exe; a reference is held."""
        self.dumpable = SUID_DUMP_USER
        self.user_ns: UserNamespace = init_user_ns
        """Of who ran the program: whose capabilities reach it when it is not dumpable."""
        self.saved_auxv = b""
        self.binfmt_private: Any = None
        self.hiwater_rss = 0
        self.membarrier_state = 0
        """Registrations of membarrier(2)."""
        self.coredump_filter = COREDUMP_FILTER
        """/proc/PID/coredump_filter (core(5))."""
        self.userfaultfds: list[Any] = []
        """The userfaultfds that areas are registered with; areas name them by their place here."""
        self.thp_disable = False
        """prctl's PR_SET_THP_DISABLE; there are no huge pages anyway."""
        self.start_code = self.end_code = self.start_data = self.end_data = 0
        self.start_brk = self.brk = self.start_stack = self.mmap_base = 0
        self.arg_start = self.arg_end = self.env_start = self.env_end = 0

    # --- life

    def fork(self) -> MmStruct:
        """A copy-on-write copy (Linux: dup_mm). SysError(ENOMEM) leaves nothing behind."""
        new = MmStruct.__new__(MmStruct)
        new.system = self.system
        new.frames = self.frames
        new.users = 1
        cache = new.cache = self.cache
        new.slab = cache.alloc() if cache is not None else 0
        try:
            new.pt = self.pt.fork()
        except SysError:
            new._free()
            raise
        new.vmas = self.vmas  # until it has its own: dup_mmap
        new.owner = None
        new.exe_file = self.exe_file
        if self.exe_file is not None:
            self.exe_file.get()
        new.dumpable, new.user_ns = self.dumpable, self.user_ns
        new.saved_auxv = self.saved_auxv
        new.binfmt_private = self.binfmt_private
        new.userfaultfds = []
        new.hiwater_rss = 0
        new.membarrier_state, new.thp_disable = self.membarrier_state, self.thp_disable
        new.coredump_filter = self.coredump_filter
        new.start_code, new.end_code = self.start_code, self.end_code
        new.start_data, new.end_data = self.start_data, self.end_data
        new.start_brk, new.brk = self.start_brk, self.brk
        new.start_stack, new.mmap_base = self.start_stack, self.mmap_base
        new.arg_start, new.arg_end = self.arg_start, self.arg_end
        new.env_start, new.env_end = self.env_start, self.env_end
        try:
            dup_mmap(new, self)
        except SysError:
            if new.vmas is self.vmas:
                new.vmas = VmaList(new)
            new.mmput()
            raise
        return new

    def _free(self) -> None:
        """Give the slab object back (Linux: free_mm)."""
        if self.cache is not None:
            self.cache.free(self.slab)
            self.slab = 0

    def mmget(self) -> MmStruct:
        """One more user (mmget)."""
        self.users += 1
        return self

    def mmput(self) -> None:
        """One user fewer; the last one frees areas, tables and frames (mmput, exit_mmap)."""
        self.users -= 1
        if self.users == 0:
            if (aio := getattr(self.system, "aio", None)) is not None:
                aio.exit_aio(self)
            exit_mmap(self)
            self.pt.free()
            if self.exe_file is not None:
                self.exe_file.put()
                self.exe_file = None
            self._free()

    def set_exe_file(self, file: Any) -> None:
        """Replace the program file; takes a reference of its own."""
        file.get()
        if self.exe_file is not None:
            self.exe_file.put()
        self.exe_file = file

    # --- figures

    def rlim(self, resource: int) -> int:
        """The soft limit of the current task (ulong max for infinity)."""
        limit: int = self.system.current.signal.rlim[resource][0]
        return limit

    def rss(self) -> int:
        """Resident pages."""
        return self.pt.pages

    def update_hiwater(self) -> int:
        """The largest number of resident pages so far, the present one included."""
        self.hiwater_rss = max(self.hiwater_rss, self.pt.pages)
        return self.hiwater_rss

    @property
    def total_vm(self) -> int:
        """Pages of all areas."""
        return self.vmas.total_vm

    @property
    def hiwater_vm(self) -> int:
        """The largest `total_vm` so far."""
        return max(self.vmas.hiwater_vm, self.vmas.total_vm)

    @property
    def locked_vm(self) -> int:
        """Pages of locked areas."""
        return self.vmas.locked_vm

    # --- faults

    def refused(self, addr: int, code: int, *, execute: bool) -> int:
        """What becomes of a fault that the areas do not allow: it stays what it is, FAULT_MAPERR or FAULT_ACCERR."""
        return code

    def handle_fault(self, addr: int, write: bool = False, execute: bool = False) -> None:
        """Fault a page in on the kernel's behalf; SysError(EFAULT) where a program would get a signal."""
        code = handle_mm_fault(self, addr, write=write, execute=execute)
        while code == FAULT_OOM and self.system.out_of_memory():
            code = handle_mm_fault(self, addr, write=write, execute=execute)
        if code != FAULT_OK:
            raise SysError(EFAULT)
        if write:  # a copied page: the CPU, which did not fault itself, may still have the old one cached
            self.pt.store.tlb.flush_tlb()

    def _physical(self, addr: int, *, write: bool) -> int:
        """Physical address of a user address, faulting the page in; SysError(EFAULT)."""
        if addr >= TASK_SIZE:
            raise SysError(EFAULT)
        wanted = USER_WRITE if write else USER_READ
        entry = self.pt.lookup(addr)
        if entry & wanted != wanted:
            self.handle_fault(addr, write)
            entry = self.pt.lookup(addr)
        return (entry >> 12 & FRAME_MASK) << PAGE_SHIFT | addr & 0xFFF

    # --- user memory

    def read(self, addr: int, size: int) -> bytes:
        """Bytes of user memory; SysError(EFAULT) if any page is not readable (copy_from_user)."""
        if (addr & 0xFFF) + size <= PAGE_SIZE:
            if not size:
                return b""
            start = self._physical(addr, write=False)
            return self.frames.ram.bytes[start : start + size].tobytes()
        if addr + size > TASK_SIZE:
            raise SysError(EFAULT)
        parts = []
        while size:
            step = min(size, PAGE_SIZE - (addr & 0xFFF))
            start = self._physical(addr, write=False)
            parts.append(self.frames.ram.bytes[start : start + step].tobytes())
            addr += step
            size -= step
        return b"".join(parts)

    def peek(self, addr: int, size: int) -> bytes | None:
        """Bytes inside one page as a program would read them, without a fault; None if it could not (for traces)."""
        entry = self.pt.lookup(addr) if addr < TASK_SIZE else 0
        offset = addr & 0xFFF
        if entry & PTE_P:
            return self.frames.read(entry >> 12 & FRAME_MASK, offset, size)
        vma = self.vmas.lookup(addr)
        if vma is None or not vma.flags & VM_READ:
            return None
        if vma.mapping is None:
            return bytes(size)
        index = vma.pgoff + (addr - vma.start >> PAGE_SHIFT)
        if index << PAGE_SHIFT >= vma.mapping.size:
            return None
        try:
            return self.frames.read(vma.mapping.get_page(index), offset, size)
        except SysError:
            return None

    def read_some(self, addr: int, size: int) -> bytes:
        """As much of `[addr, addr+size)` as is readable from its start; EFAULT if the first byte is not."""
        parts: list[bytes] = []
        while size:
            step = min(size, PAGE_SIZE - (addr & 0xFFF))
            try:
                parts.append(self.read(addr, step))
            except SysError:
                if not parts:
                    raise
                break
            addr += step
            size -= step
        return b"".join(parts)

    def write(self, addr: int, data: bytes) -> None:
        """Change user memory; SysError(EFAULT) if any page is not writable (copy_to_user)."""
        frames = self.frames
        size = len(data)
        if (addr & 0xFFF) + size <= PAGE_SIZE:
            if size:
                start = self._physical(addr, write=True)
                frames.ram.bytes[start : start + size] = data
                if frames.flags[start >> PAGE_SHIFT]:
                    frames.drop_code(start >> PAGE_SHIFT)
            return
        if addr + size > TASK_SIZE:
            raise SysError(EFAULT)
        done = 0
        while done < size:
            step = min(size - done, PAGE_SIZE - (addr & 0xFFF))
            start = self._physical(addr, write=True)
            frames.ram.bytes[start : start + step] = data[done : done + step]
            if frames.flags[start >> PAGE_SHIFT]:
                frames.drop_code(start >> PAGE_SHIFT)
            addr += step
            done += step

    def write_forced(self, addr: int, data: bytes) -> None:
        """Like `write`, but for a debugger: private read-only pages are copied and changed too (FOLL_FORCE)."""
        done = 0
        while done < len(data):
            step = min(len(data) - done, PAGE_SIZE - (addr & 0xFFF))
            self.handle_fault(addr)
            entry = self.pt.lookup(addr)
            frame = self.frames.copy(entry >> 12 & FRAME_MASK)
            self.frames.write(frame, addr & 0xFFF, data[done : done + step])
            self.pt.map(addr, frame, entry & ~(FRAME_MASK << 12))
            addr += step
            done += step
        self.pt.store.tlb.flush_tlb()

    def read_cstr(self, addr: int, limit: int) -> bytes:
        """Bytes up to a NUL (left out); `limit` bytes when there is none among them (strncpy_from_user)."""
        parts: list[bytes] = []
        left = limit
        while left:
            step = min(left, PAGE_SIZE - (addr & 0xFFF))
            start = self._physical(addr, write=False)
            data = self.frames.ram.bytes[start : start + step].tobytes()
            end = data.find(0)
            if end >= 0:
                parts.append(data[:end])
                break
            parts.append(data)
            addr += step
            left -= step
        return b"".join(parts)

    def read_u32(self, addr: int) -> int:
        """A little-endian 32-bit word."""
        value: int = _U32.unpack(self.read(addr, 4))[0]
        return value

    def read_u64(self, addr: int) -> int:
        """A little-endian 64-bit word."""
        value: int = _U64.unpack(self.read(addr, 8))[0]
        return value

    def write_u32(self, addr: int, value: int) -> None:
        """Store modulo 2**32."""
        self.write(addr, _U32.pack(value & 0xFFFF_FFFF))

    def write_u64(self, addr: int, value: int) -> None:
        """Store modulo 2**64."""
        self.write(addr, _U64.pack(value & 0xFFFF_FFFF_FFFF_FFFF))

    def futex_key(self, addr: int, shared: bool) -> tuple[Any, int, int]:
        """What identifies a futex word: this address space, or for shared mappings the backing (futex(2)).

        SysError(EFAULT) if a shared key is asked for an address that is not mapped.
        """
        if shared:
            vma = self.vmas.lookup(addr)
            if vma is None:
                raise SysError(EFAULT)
            if vma.shared and vma.mapping is not None:
                page = vma.pgoff + (addr - vma.start >> PAGE_SHIFT)
                return (vma.mapping, page, addr & 0xFFF)
        return (self, addr >> PAGE_SHIFT, addr & 0xFFF)
