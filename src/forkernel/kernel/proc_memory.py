"""Memory as meminfo, vmstat, buddyinfo and zoneinfo of /proc show it: sums over frames and caches, made when read.

There is one node with one zone. Pages do not age: what Linux calls inactive does not exist, and what is neither locked
nor of the kernel itself counts as active.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.arch.x86_64.pgtable import FRAME_MASK
from forkernel.hw.frames import RESERVED_FRAMES
from forkernel.kernel.kstack import THREAD_SIZE_ORDER
from forkernel.mm.overcommit import committed_pages, vm_commit_limit
from forkernel.mm.shmem import ShmemMapping
from forkernel.mm.smaps import leaves, mapcounts
from forkernel.mm.vma import PAGE_SHIFT, VM_LOCKED

if TYPE_CHECKING:
    from forkernel.kernel.system import System

KB_PER_PAGE = 4
LOW_WATERMARK = 256
"""Free frames below which the page cache reads nothing ahead."""


class Memory:
    """What all frames are used for, in pages."""

    def __init__(self, system: System) -> None:
        frames, vfs = system.frames, system.vfs
        self.system = system
        self.total, self.free = frames.total, frames.free_count()
        of_files = vfs.cached_frames()
        in_memory, self.dirty = _pages_without_backing(vfs)
        shared = set(shared_frames(system))
        self.shmem = in_memory + len(shared)
        self.cached = len(of_files) + len(shared)
        mapped = mapcounts(system)
        mapped.pop(frames.zero_frame, None)
        known = shared.union(of_files)
        self.mapped = sum(frame in known for frame in mapped)
        self.anon = len(mapped) - self.mapped
        self.mlocked = len(locked_frames(system))
        self.slab = system.slabs.pages()
        self.kernel_stack = system.stacks.in_use << THREAD_SIZE_ORDER
        self.page_tables = len(system.tables.live) + system.slabs.mm_struct.active_objects


def shared_frames(system: System) -> list[int]:
    """Frames of shared anonymous memory and of System V segments."""
    found: dict[Any, None] = {}
    for areas in {id(task.mm.vmas.areas): task.mm.vmas.areas for task in system.pids.tasks if task.mm}.values():
        found |= dict.fromkeys(vma.mapping for vma in areas if isinstance(vma.mapping, ShmemMapping))
    for ns in system.ipc_namespaces:
        found |= dict.fromkeys(segment.mapping for segment in ns.shm_ids or ())  # type: ignore[attr-defined]
    return [frame for mapping in found for frame in mapping.pages.values()]


def locked_frames(system: System) -> set[int]:
    """Frames that mlock keeps in memory (everything stays there; see mm/mlock.py)."""
    found: set[int] = set()
    for task in system.pids.tasks:
        mm = task.mm
        if mm is not None and mm.locked_vm:
            for vma in mm.vmas:
                if vma.flags & VM_LOCKED:
                    found.update(entry >> PAGE_SHIFT & FRAME_MASK for _, entry in leaves(mm.pt, vma.start, vma.end))
    return found


def _pages_without_backing(vfs: Any) -> tuple[int, int]:
    """Pages in the caches that no host file holds: of files in memory, and changed ones of other files."""
    shmem = dirty = 0
    for sb in (*vfs.supers, *vfs.internal.values()):
        for inode in getattr(sb, "caches", ()):
            if inode.backing is None:
                shmem += len(inode.pages)
            else:
                dirty += len(inode.dirty)
    return shmem, dirty


def meminfo(system: System) -> list[tuple[str, int]]:
    """Lines of meminfo, in pages."""
    mem = Memory(system)
    anon, files = mem.anon + mem.shmem, mem.cached - mem.shmem
    return [
        ("MemTotal", mem.total),
        ("MemFree", mem.free),
        ("MemAvailable", mem.free + max(0, files - mem.dirty)),
        ("Buffers", 0), ("Cached", mem.cached), ("SwapCached", 0),
        ("Active", anon + files), ("Inactive", 0),
        ("Active(anon)", anon), ("Inactive(anon)", 0),
        ("Active(file)", files), ("Inactive(file)", 0),
        ("Unevictable", mem.mlocked), ("Mlocked", mem.mlocked),
        ("SwapTotal", 0), ("SwapFree", 0),
        ("Dirty", mem.dirty), ("Writeback", 0),
        ("AnonPages", mem.anon), ("Mapped", mem.mapped), ("Shmem", mem.shmem),
        ("KReclaimable", 0), ("Slab", mem.slab), ("SReclaimable", 0), ("SUnreclaim", mem.slab),
        ("KernelStack", mem.kernel_stack), ("PageTables", mem.page_tables),
        ("CommitLimit", vm_commit_limit(system)), ("Committed_AS", committed_pages(system)),
    ]  # fmt: skip


def node_counters(mem: Memory) -> list[tuple[str, int]]:
    """What vmstat and zoneinfo both show of the pages of the node."""
    files = mem.cached - mem.shmem
    return [
        ("nr_inactive_anon", 0), ("nr_active_anon", mem.anon + mem.shmem),
        ("nr_inactive_file", 0), ("nr_active_file", files),
        ("nr_unevictable", mem.mlocked),
        ("nr_slab_reclaimable", 0), ("nr_slab_unreclaimable", mem.slab),
        ("nr_anon_pages", mem.anon), ("nr_mapped", mem.mapped), ("nr_file_pages", mem.cached),
        ("nr_dirty", mem.dirty), ("nr_writeback", 0), ("nr_shmem", mem.shmem),
        ("nr_kernel_stack", mem.kernel_stack * KB_PER_PAGE), ("nr_page_table_pages", mem.page_tables),
    ]  # fmt: skip


def vmstat(system: System) -> list[tuple[str, int]]:
    """Lines of vmstat: pages by kind, and events since boot. No device is read or written, and nothing swapped."""
    mem = Memory(system)
    faults = system.pgfault + sum(task.min_flt + task.maj_flt for task in system.pids.tasks)
    return [
        ("nr_free_pages", mem.free), ("nr_mlock", mem.mlocked),
        *node_counters(mem),
        ("pgpgin", 0), ("pgpgout", 0), ("pswpin", 0), ("pswpout", 0),
        ("pgfault", faults), ("pgmajfault", 0),
        ("oom_kill", system.oom_kills),
    ]  # fmt: skip


def buddyinfo(system: System) -> str:
    """Free blocks of 1, 2, 4, ... pages."""
    return "Node 0, zone   Normal " + "".join(f"{count:6} " for count in system.frames.free_blocks()) + "\n"


def zoneinfo(system: System) -> str:
    """The zone and its counters."""
    mem = Memory(system)
    lines = ["Node 0, zone   Normal", "  per-node stats"]
    lines += [f"      {name:<12} {value}" for name, value in node_counters(mem)]
    sizes = (("spanned", mem.total), ("present", mem.total), ("managed", mem.total - RESERVED_FRAMES))
    lines += [f"  pages free     {mem.free}", f"        low      {LOW_WATERMARK}"]
    lines += [f"        {name:<8} {value}" for name, value in sizes]
    lines += [f"      nr_free_pages {mem.free}", f"      nr_mlock     {mem.mlocked}", "  start_pfn:           0"]
    return "\n".join(lines) + "\n"


def iomem(system: System, hidden: bool) -> str:
    """Physical memory: the first frames are never given out. Addresses are 0 for who may not see them."""
    first, end = RESERVED_FRAMES << PAGE_SHIFT, system.frames.total << PAGE_SHIFT
    ranges = ((0, first - 1, "Reserved"), (first, end - 1, "System RAM"))
    return "".join(f"{0 if hidden else a:08x}-{0 if hidden else b:08x} : {what}\n" for a, b, what in ranges)
