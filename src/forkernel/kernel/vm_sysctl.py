"""Settings in /proc/sys/vm (proc_sys_vm(5)).

There is no swap, no write-back by time and no compaction, so their settings are not there; but vm.swappiness is, as on
every Linux, and nothing goes by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.capability import CAP_SYS_RAWIO
from forkernel.abi.errno import EPERM
from forkernel.errors import SysError
from forkernel.fs.proc.proc_sysctl import Sysctl
from forkernel.kernel.cred import capable
from forkernel.kernel.held_sysctl import held

if TYPE_CHECKING:
    from forkernel.kernel.system import System
    from forkernel.kernel.task import Task

ULONG_MAX = (1 << 64) - 1
DROP_PAGECACHE, DROP_SLAB = 1, 2
MAX_SWAPPINESS = 200
ALL = 1 << 40


def get_mmap_min_addr(reader: Task) -> int:
    """Lowest address that may be mapped without CAP_SYS_RAWIO."""
    return reader.system.mmap_min_addr


def set_mmap_min_addr(writer: Task, value: int) -> None:
    """As said; EPERM for who may not map below it (mmap_min_addr_handler)."""
    if not capable(writer, CAP_SYS_RAWIO):
        raise SysError(EPERM)
    writer.system.mmap_min_addr = value


def get_drop_caches(system: System) -> int:
    """What was last written."""
    return system.vm.drop_caches


def drop_caches(system: System, value: int) -> None:
    """1: clean pages of the page cache that nobody maps, 2: empty slabs, 3: both; 4 asks for silence in the log."""
    system.vm.drop_caches = value
    if value & DROP_PAGECACHE:
        system.exec_images.clear()
        system.vfs.reclaim(ALL)
    if value & DROP_SLAB:
        system.slabs.shrink()
        system.stacks.shrink()


def set_overcommit_ratio(system: System, value: int) -> None:
    """Per cent of RAM; it takes the place of overcommit_kbytes."""
    system.vm.overcommit_ratio = value
    system.vm.overcommit_kbytes = 0


def get_overcommit_ratio(system: System) -> int:
    """Per cent of RAM, 0 where kB are given."""
    return system.vm.overcommit_ratio


def get_overcommit_kbytes(system: System) -> int:
    """kB, 0 where per cent are given."""
    return system.vm.overcommit_kbytes


def set_overcommit_kbytes(system: System, value: int) -> None:
    """kB; it takes the place of overcommit_ratio."""
    system.vm.overcommit_kbytes = value
    system.vm.overcommit_ratio = 0


VM_SYSCTLS: list[Sysctl] = [
    held(b"vm/admin_reserve_kbytes", "vm", "admin_reserve_kbytes", high=ULONG_MAX),
    Sysctl(b"vm/drop_caches", 0o200, get_drop_caches, drop_caches, 1, 4),
    held(b"vm/max_map_count", "vm", "max_map_count"),
    Sysctl(b"vm/mmap_min_addr", 0o644, get_mmap_min_addr, set_mmap_min_addr, 0, ULONG_MAX, by_task=True),
    Sysctl(b"vm/overcommit_kbytes", 0o644, get_overcommit_kbytes, set_overcommit_kbytes, 0, ULONG_MAX),
    held(b"vm/oom_dump_tasks", "vm", "oom_dump_tasks"),
    held(b"vm/oom_kill_allocating_task", "vm", "oom_kill_allocating_task"),
    held(b"vm/overcommit_memory", "vm", "overcommit_memory", high=2),
    Sysctl(b"vm/overcommit_ratio", 0o644, get_overcommit_ratio, set_overcommit_ratio),
    held(b"vm/swappiness", "vm", "swappiness", high=MAX_SWAPPINESS),
    held(b"vm/user_reserve_kbytes", "vm", "user_reserve_kbytes", high=ULONG_MAX),
]
"""The settings, by path below /proc/sys."""
