"""The calls that differ on a machine without an MMU; `init.boot` puts them over the common ones.

fork(2) has no way to work, mmap(2) and its kin have rules of their own (`mm/nommu.py`), and what acts on pages is
not built in: ENOSYS (Linux: the calls that kernel/sys_ni.c lists as needing an MMU).
"""

from __future__ import annotations

from typing import cast

from forkernel.abi.errno import EBADF, EINVAL, ENOSYS
from forkernel.abi.mman import MAP_ANONYMOUS
from forkernel.abi.types import I32, U64
from forkernel.errors import SysError
from forkernel.kernel.task import Task
from forkernel.mm.nommu import NommuMm, nommu_brk, nommu_mmap, nommu_mremap, nommu_munmap
from forkernel.mm.vma import PAGE_MASK, PAGE_SHIFT
from forkernel.syscalls.registry import Handler, Syscall

ABSENT = (
    "mprotect", "pkey_mprotect", "pkey_alloc", "pkey_free", "msync", "mlock", "mlock2", "munlock", "mlockall",
    "munlockall", "mincore", "madvise", "process_madvise", "remap_file_pages", "map_shadow_stack",
    "process_vm_readv", "process_vm_writev", "shmget", "shmat", "shmdt", "shmctl",
)  # fmt: skip
"""Calls that act on pages; and System V shared memory, whose segments are not made in one run here."""


def mm_of(task: Task) -> NommuMm:
    """What the caller mapped."""
    return cast("NommuMm", task.mm)


def sys_fork(task: Task) -> int:
    """fork(2) without an MMU: EINVAL."""
    raise SysError(EINVAL)


def sys_mmap(task: Task, addr: U64, length: U64, prot: U64, flags: U64, fd: I32, offset: U64) -> int:
    """mmap(2)."""
    if offset & ~PAGE_MASK:
        raise SysError(EINVAL)
    file = None
    if not flags & MAP_ANONYMOUS:
        if task.files is None:
            raise SysError(EBADF)
        file = task.files.get(fd)
    return nommu_mmap(mm_of(task), length, prot, flags, file, offset >> PAGE_SHIFT)


def sys_munmap(task: Task, addr: U64, length: U64) -> int:
    """munmap(2)."""
    nommu_munmap(mm_of(task), addr, length)
    return 0


def sys_mremap(task: Task, addr: U64, old_len: U64, new_len: U64, flags: U64, new_addr: U64) -> int:
    """mremap(2)."""
    return nommu_mremap(mm_of(task), addr, old_len, new_len, flags, new_addr)


def sys_brk(task: Task, addr: U64) -> int:
    """brk(2)."""
    return nommu_brk(mm_of(task), addr)


def sys_absent(task: Task) -> int:
    """A call that a kernel without an MMU does not have."""
    raise SysError(ENOSYS)


def nommu_calls() -> dict[str, Syscall]:
    """The calls by name."""
    calls: dict[str, Handler] = {
        "fork": sys_fork,
        "mmap": sys_mmap,
        "munmap": sys_munmap,
        "mremap": sys_mremap,
        "brk": sys_brk,
        **dict.fromkeys(ABSENT, sys_absent),
    }
    return {name: Syscall(name, handler) for name, handler in calls.items()}
