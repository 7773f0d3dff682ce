"""Format of x86-64 page tables (Intel SDM vol. 3, 4.5): four levels of 512 eight-byte entries."""

from __future__ import annotations

PTE_P = 1 << 0
PTE_W = 1 << 1
PTE_U = 1 << 2
PTE_A = 1 << 5
PTE_D = 1 << 6
PTE_NX = 1 << 63
TABLE = PTE_P | PTE_W | PTE_U
FRAME_MASK = 0xFF_FFFF_FFFF
"""Of an entry shifted right by 12: the frame number."""
ENTRIES = 512
TASK_SIZE = 0x7FFF_FFFF_F000
"""First address a program may not use."""
