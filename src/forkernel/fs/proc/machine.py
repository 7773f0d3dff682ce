"""Files about the whole machine: meminfo, stat, uptime and their like (proc(5)). Figures are those of the kernel now;
what this kernel does not have (swap, block devices) has no line, or is 0 where programs need the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

PAGE_KB = 4
NSEC = 1_000_000_000
TICK_NS = 10_000_000


def uptime(inode: Any, reader: Task) -> bytes:
    """Seconds since boot and seconds idle, with hundredths."""
    system = inode.sb.system
    since = system.clock.monotonic() + reader.nsproxy.time_ns.boottime
    return b"%s %s\n" % (_hundredths(since), _hundredths(inode.sb.kernel.idle_time()))


def _hundredths(nanoseconds: int) -> bytes:
    return b"%d.%02d" % (nanoseconds // NSEC, nanoseconds % NSEC // TICK_NS)


def loadavg(inode: Any, reader: Task) -> bytes:
    """Load over 1, 5 and 15 minutes; runnable and all tasks; the last process ID given."""
    kernel = inode.sb.kernel
    loads = b" ".join(b"%d.%02d" % (load >> 11, (load & 2047) * 100 >> 11) for load in kernel.loads())
    running, total = kernel.task_counts()
    return b"%s %d/%d %d\n" % (loads, running, total, kernel.last_pid(reader))


def stat(inode: Any, reader: Task) -> bytes:
    """CPU time in ticks by kind, context switches, boot time, forks, tasks."""
    kernel, system = inode.sb.kernel, inode.sb.system
    cpus = kernel.cpu_times()
    total = [sum(kind) for kind in zip(*cpus, strict=True)]
    since = system.clock.monotonic() + reader.nsproxy.time_ns.boottime
    boot = (system.clock.realtime() - since) // NSEC
    running, _ = kernel.task_counts()
    lines = [f"cpu  {_ticks(total)}", *(f"cpu{cpu} {_ticks(times)}" for cpu, times in enumerate(cpus))]
    interrupts = sum(ticks for ticks, _ in kernel.interrupts())
    softirqs = sum(runs for _, runs in kernel.interrupts())
    lines += [f"intr {interrupts}", f"ctxt {kernel.context_switches()}", f"btime {boot}"]
    lines += [f"processes {kernel.forks()}", f"procs_running {running}", f"procs_blocked {kernel.blocked()}"]
    lines += [f"softirq {softirqs} 0 {softirqs} 0 0 0 0 0 0 0 0"]
    return "\n".join(lines).encode() + b"\n"


def _ticks(times: Sequence[int]) -> str:
    """User, nice, system and idle time in ticks; nothing waits for I/O, and there are no interrupts and no guests."""
    return " ".join(str(value // TICK_NS) for value in times) + " 0 0 0 0 0 0"


def version(inode: Any, reader: Task) -> bytes:
    """Name, release and version of the kernel."""
    text: bytes = inode.sb.kernel.version_banner()
    return text + b"\n"


def filesystems(inode: Any, reader: Task) -> bytes:
    """Types that mount(2) takes; none here needs a device."""
    names: list[bytes] = inode.sb.kernel.filesystem_names()
    return b"".join(b"nodev\t%s\n" % name for name in names)


def swaps(inode: Any, reader: Task) -> bytes:
    """Swap areas: there are none."""
    return b"Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"


def meminfo(inode: Any, reader: Task) -> bytes:
    """Memory in kB."""
    figures: list[tuple[str, int]] = inode.sb.kernel.memory_figures()
    return b"".join(f"{name + ':':<16}{pages * PAGE_KB:8} kB\n".encode() for name, pages in figures)


def vmstat(inode: Any, reader: Task) -> bytes:
    """Counters of memory management."""
    counters: list[tuple[str, int]] = inode.sb.kernel.memory_counters()
    return b"".join(f"{name} {value}\n".encode() for name, value in counters)


def slabinfo(inode: Any, reader: Task) -> bytes:
    """Slab caches, a line each (slabinfo(5)); the last column of shared arrays is 0, there are none."""
    lines = [
        "slabinfo - version: 2.1",
        "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
        " : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>",
    ]
    for cache in inode.sb.kernel.slab_infos():
        lines.append(
            f"{cache.name:<17} {cache.active_objs:6} {cache.num_objs:6} {cache.objsize:6} {cache.objperslab:4}"
            f" {cache.pagesperslab:4} : tunables {cache.limit:4} {cache.batchcount:4} {0:4}"
            f" : slabdata {cache.active_slabs:6} {cache.num_slabs:6} {0:6}"
        )
    return "\n".join(lines).encode() + b"\n"


def cpuinfo(inode: Any, reader: Task) -> bytes:
    """A paragraph for each CPU: what the emulated CPU says of itself by CPUID."""
    text: bytes = inode.sb.kernel.cpuinfo()
    return text
