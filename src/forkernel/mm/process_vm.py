"""Copying between two address spaces: process_vm_readv, process_vm_writev (Linux: mm/process_vm_access.c)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from forkernel.errors import SysError
from forkernel.mm.access import check_remote
from forkernel.mm.vma import PAGE_SIZE

if TYPE_CHECKING:
    from forkernel.mm.mm_struct import MmStruct

Segments = list[tuple[int, int]]
"""(address, length in bytes) pairs."""


def process_vm_rw(local: MmStruct, here: Segments, remote: MmStruct, there: Segments, write: bool) -> int:
    """Copy between the caller's segments and another process's, as far as both reach; bytes copied.

    SysError(EFAULT) if not one byte could be copied; a bad page further on only ends the copy.
    """
    source, target = (local, remote) if write else (remote, local)
    done = 0
    for from_addr, to_addr, count in _chunks(here, there) if write else _chunks(there, here):
        try:
            check_remote(remote, to_addr if write else from_addr)
            target.write(to_addr, source.read(from_addr, count))
        except SysError:
            if done:
                break
            raise
        done += count
    return done


def _chunks(sources: Segments, targets: Segments) -> Iterator[tuple[int, int, int]]:
    """(source, target, count) of pieces that cross no page boundary on either side; no segment is empty."""
    left, right = sources[::-1], targets[::-1]
    while left and right:
        (source, source_left), (target, target_left) = left.pop(), right.pop()
        count = min(source_left, target_left, PAGE_SIZE - source % PAGE_SIZE, PAGE_SIZE - target % PAGE_SIZE)
        yield source, target, count
        if source_left > count:
            left.append((source + count, source_left - count))
        if target_left > count:
            right.append((target + count, target_left - count))
