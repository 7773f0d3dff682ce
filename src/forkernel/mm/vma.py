"""A virtual memory area: a range of an address space with one protection and one backing.

A `Vma` never changes: splitting, merging and protecting make new ones. So fork shares the parent's list
of areas instead of copying it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from forkernel.mapping import Mapping

PAGE_SHIFT = 12
PAGE_SIZE = 1 << PAGE_SHIFT
PAGE_MASK = ~(PAGE_SIZE - 1)

VM_READ = 0x1
VM_WRITE = 0x2
VM_EXEC = 0x4
VM_SHARED = 0x8
VM_MAYREAD = 0x10
VM_MAYWRITE = 0x20
VM_MAYEXEC = 0x40
VM_MAYSHARE = 0x80
VM_GROWSDOWN = 0x100
VM_LOCKED = 0x2000
VM_DONTCOPY = 0x20000  # MADV_DONTFORK
VM_DONTEXPAND = 0x40000
VM_LOCKONFAULT = 0x80000
VM_ACCOUNT = 0x100000
VM_NORESERVE = 0x200000
VM_WIPEONFORK = 0x2000000  # MADV_WIPEONFORK
VM_DONTDUMP = 0x4000000


class Vma(NamedTuple):
    """One area (Linux: vm_area_struct). `[start, end)` are page-aligned user addresses."""

    start: int
    end: int
    flags: int
    """VM_* bits."""
    pgoff: int = 0
    """Page index in `mapping` (or start >> 12 for anonymous private memory) of the first page."""
    mapping: Mapping | None = None
    """Where pages come from; None: anonymous private memory, zero-filled."""
    file: Any = None
    """The open file it was made from, for /proc/PID/maps and exe; None for anonymous memory."""
    name: str = ""
    """Label shown in maps: [heap], [stack], [vdso]; empty for files and plain anonymous memory."""

    @property
    def shared(self) -> bool:
        """Whether writes go to the backing itself."""
        return bool(self.flags & VM_SHARED)
