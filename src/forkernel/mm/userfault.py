"""What page faults know of userfaultfd (kernel/userfaultfd.py): which areas are registered, and with what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.arch.x86_64.pgtable import PTE_P
from forkernel.mm.vma import PAGE_SHIFT, Vma

if TYPE_CHECKING:
    from forkernel.mm.mm_struct import MmStruct

VM_UFFD_MISSING = 0x200
"""Missing pages of the area are a program's business."""
CONTEXT_SHIFT = 41
UFFD_CONTEXTS = 127
UFFD_FLAGS = VM_UFFD_MISSING | UFFD_CONTEXTS << CONTEXT_SHIFT


def context_number(vma: Vma) -> int:
    """The number, from 1, in `mm.userfaultfds` of the descriptor that the area is registered with; 0 for none."""
    return vma.flags >> CONTEXT_SHIFT & UFFD_CONTEXTS


def context_bits(number: int) -> int:
    """That number in its place among an area's flags."""
    return number << CONTEXT_SHIFT


def is_missing(mm: MmStruct, vma: Vma, addr: int) -> bool:
    """Whether the page is nowhere: neither mapped nor, of a file in memory, in its cache."""
    if mm.pt.lookup(addr) & PTE_P:
        return False
    if vma.mapping is None:
        return True
    index = vma.pgoff + (addr - vma.start >> PAGE_SHIFT)
    return index << PAGE_SHIFT < vma.mapping.size and not vma.mapping.peek_page(index)
