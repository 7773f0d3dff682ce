"""How much memory may be promised: vm.overcommit_memory and what goes with it (Linux: mm/util.c, __vm_enough_memory).

Areas with VM_ACCOUNT are promised to their process, shared memory once for all who map it, files in memory page by
page. What is promised is not counted as it comes and goes but summed up when somebody asks: meminfo, and each new
promise in mode 2, which few machines are set to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import ENOMEM
from forkernel.errors import SysError
from forkernel.mm.shmem import ShmemFile
from forkernel.mm.vma import PAGE_SHIFT, PAGE_SIZE, VM_ACCOUNT, VM_NORESERVE

if TYPE_CHECKING:
    from forkernel.mm.mm_struct import MmStruct

OVERCOMMIT_GUESS, OVERCOMMIT_ALWAYS, OVERCOMMIT_NEVER = range(3)
DEFAULT_MAX_MAP_COUNT = 65530
ADMIN_RESERVE_KB, USER_RESERVE_KB = 1 << 13, 1 << 17
CAP_SYS_ADMIN_BIT = 1 << 21
KB_SHIFT = PAGE_SHIFT - 10


class VmSettings:
    """Settings of /proc/sys/vm. Sizes in kB."""

    __slots__ = (
        "admin_reserve_kbytes", "drop_caches", "max_map_count", "oom_dump_tasks", "oom_kill_allocating_task",
        "overcommit_kbytes", "overcommit_memory",
        "overcommit_ratio", "swappiness", "user_reserve_kbytes",
    )  # fmt: skip

    def __init__(self, memory: int) -> None:
        """`memory`: bytes of RAM."""
        self.overcommit_memory = OVERCOMMIT_GUESS
        self.overcommit_ratio = 50
        """Per cent of RAM that may be promised in mode 2, unless `overcommit_kbytes` says how much."""
        self.overcommit_kbytes = 0
        spare = (memory >> 10) // 32
        self.admin_reserve_kbytes = min(spare, ADMIN_RESERVE_KB)
        """What only CAP_SYS_ADMIN gets in mode 2."""
        self.user_reserve_kbytes = min(spare, USER_RESERVE_KB)
        """What one process leaves for others in mode 2, at most; never more than a 32nd of its own size."""
        self.max_map_count = DEFAULT_MAX_MAP_COUNT
        """Areas that a process may have."""
        self.oom_dump_tasks = 1
        """Whether the log lists all processes when memory has run out."""
        self.oom_kill_allocating_task = 0
        """Whether who wanted the memory goes, instead of who has most."""
        self.swappiness = 60
        self.drop_caches = 0
        """What was last written there."""


def vm_enough_memory(mm: MmStruct, pages: int) -> None:
    """ENOMEM if so many pages more may not be promised (proc_sys_vm(5), overcommit_memory)."""
    settings: VmSettings = mm.system.vm
    mode = settings.overcommit_memory
    if mode == OVERCOMMIT_ALWAYS:
        return
    allowed = mm.frames.total
    if mode == OVERCOMMIT_NEVER:
        allowed = vm_commit_limit(mm.system) - committed_pages(mm.system)
        if not mm.system.current.cred.cap_effective & CAP_SYS_ADMIN_BIT:
            allowed -= settings.admin_reserve_kbytes >> KB_SHIFT
        allowed -= min(mm.total_vm // 32, settings.user_reserve_kbytes >> KB_SHIFT)
    if pages > allowed:
        raise SysError(ENOMEM)


def vm_commit_limit(system: Any) -> int:
    """Pages that may be promised in mode 2; there is no swap."""
    settings: VmSettings = system.vm
    if settings.overcommit_kbytes:
        return settings.overcommit_kbytes >> KB_SHIFT
    total: int = system.frames.total
    return total * settings.overcommit_ratio // 100


def committed_pages(system: Any) -> int:
    """Pages promised now (Linux: vm_committed_as)."""
    spaces = {task.mm: None for task in system.pids.tasks if task.mm is not None}
    shared: dict[Any, int] = {}
    private: dict[int, int] = {}
    total = 0
    for mm in spaces:
        areas = mm.vmas.areas
        if id(areas) not in private:  # the same list in many processes, since they forked
            private[id(areas)] = accounted_pages(mm)
            for vma in areas:
                if type(vma.file) is ShmemFile and not vma.flags & VM_NORESERVE:
                    shared[vma.mapping] = vma.mapping.size + PAGE_SIZE - 1 >> PAGE_SHIFT
        total += private[id(areas)]
    segments = sum(ns.shm_tot for ns in system.ipc_namespaces)
    return int(total + sum(shared.values()) + segments + system.vfs.pages_in_memory())


def accounted_pages(mm: MmStruct) -> int:
    """Pages of one address space that are promised to it alone."""
    return sum([vma.pages for vma in mm.vmas.areas if vma.flags & VM_ACCOUNT])
