"""What procfs shows of the kernel: the figures and checks behind its files (the files are in `forkernel.fs.proc`).

fs may not import the kernel, so this goes the other way: a `KernelView` is given to the file system.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.capability import CAP_SYS_ADMIN, CAP_SYS_NICE
from forkernel.abi.time import SIGEV_THREAD_ID
from forkernel.abi.utsname import UTS_RELEASE, UTS_SYSNAME, UTS_VERSION
from forkernel.arch.x86_64.cpuinfo import cpuinfo_text
from forkernel.arch.x86_64.ptrace import unpack_pt_regs
from forkernel.kernel import time_namespace, user_namespace
from forkernel.kernel.cred import capable
from forkernel.kernel.kstack import task_pt_regs
from forkernel.kernel.ptrace import ptrace_may_access
from forkernel.kernel.rtmutex import normal_sched
from forkernel.kernel.sched import weight_of
from forkernel.kernel.task import PF_EXITING, TASK_DEAD, TASK_RUNNING, TASK_UNINTERRUPTIBLE
from forkernel.kernel.wchan import SYSCALL_ENTRY, current_syscall, stack_of
from forkernel.mm.maps import show_map_vma, show_maps
from forkernel.mm.oom import oom_score

if TYPE_CHECKING:
    from forkernel.kernel.pid import PidNamespace
    from forkernel.kernel.system import System
    from forkernel.kernel.task import Task
    from forkernel.mm.mm_struct import MmStruct
    from forkernel.mm.slab import SlabInfo
    from forkernel.mm.smaps import MemSizeStats
    from forkernel.mm.vma import Vma


NOTIFY_NAMES = ("signal", "none", "thread")
"""By SIGEV_*, without SIGEV_THREAD_ID."""


class KernelView:
    """Questions that the files of procfs ask."""

    __slots__ = ("system",)

    def __init__(self, system: System) -> None:
        self.system = system

    # --- checks
    def ptrace_may_access(self, reader: Task, target: Task) -> bool:
        """Whether `reader` may look into `target`."""
        return ptrace_may_access(reader, target, fscreds=True)

    def ptrace_may_attach(self, reader: Task, target: Task) -> bool:
        """Whether `reader` might trace `target`."""
        return ptrace_may_access(reader, target, fscreds=True)

    def capable(self, task: Task, capability: int) -> bool:
        """Whether the task has a capability."""
        return capable(task, capability)

    def may_renice(self, task: Task) -> bool:
        """Whether the task may change the timing of others."""
        return capable(task, CAP_SYS_NICE)

    # --- memory
    def read_remote(self, mm: MmStruct, addr: int, count: int) -> bytes:
        """Memory as a debugger sees it, as far as there is any."""
        from forkernel.mm.access import read_remote

        return read_remote(mm, addr, count)

    def write_remote(self, mm: MmStruct, addr: int, data: bytes) -> int:
        """Change it as a debugger does; how many bytes could be."""
        from forkernel.mm.access import write_remote

        return write_remote(mm, addr, data)

    # --- network
    def net_dir(self, parent: Any) -> Any:
        """/proc/PID/net, below the directory of a task."""
        from forkernel.net.proc_net import NetDir

        return NetDir(parent)

    def rss_kinds(self, mm: MmStruct) -> list[int]:
        """Resident pages: the process's own, of files, of shared memory."""
        from forkernel.mm.smaps import rss_kinds

        return rss_kinds(mm)

    def mapcounts(self) -> dict[int, int]:
        """By frame, how many address spaces map it."""
        from forkernel.mm.smaps import mapcounts

        return mapcounts(self.system)

    def mem_size_stats(self, mm: MmStruct, areas: list[Vma], counts: dict[int, int]) -> MemSizeStats:
        """Sums over the pages of areas, given `mapcounts`."""
        from forkernel.mm.smaps import MemSizeStats, smap_gather_stats

        stats = MemSizeStats()
        for vma in areas:
            smap_gather_stats(mm, vma, counts, stats)
        return stats

    def pagemap(self, mm: MmStruct, first: int, pages: int, show_pfn: bool) -> list[int]:
        """Entries of /proc/PID/pagemap."""
        from forkernel.mm.smaps import pagemap

        return pagemap(mm, first, pages, self.mapcounts(), show_pfn)

    def clear_refs(self, mm: MmStruct, anonymous: bool, files: bool) -> None:
        """Forget that pages were used."""
        from forkernel.mm.smaps import clear_refs

        clear_refs(mm, anonymous, files)

    def show_map_line(self, mm: MmStruct, vma: Vma, describe: Any) -> bytes:
        """An area's line of maps."""
        return show_map_vma(mm, vma, describe)

    # --- namespaces
    def active_pid_ns(self, task: Task) -> Any:
        """The PID namespace that the task is in."""
        return task.thread_pid.ns

    def pid_ns_has_init(self, ns: Any) -> bool:
        """Whether the PID namespace has had its first process."""
        return ns.child_reaper is not None

    def show_timens_offsets(self, target: Task) -> bytes:
        """Clock offsets for the children of a task."""
        return time_namespace.show_offsets(target)

    def write_timens_offsets(self, writer: Task, target: Task, data: bytes) -> None:
        """Set them."""
        time_namespace.write_offsets(writer, target, data)

    def show_map(self, reader_ns: Any, ns: Any, kind: str) -> bytes:
        """uid_map, gid_map or projid_map of a user namespace."""
        return user_namespace.show_map(reader_ns, ns, kind)

    def map_write(self, file: Any, writer: Task, ns: Any, kind: str, data: bytes) -> None:
        """Set such a map."""
        user_namespace.map_write(file, writer, ns, kind, data)

    def proc_setgroups_write(self, file: Any, ns: Any, data: bytes) -> None:
        """Allow or deny setgroups in a user namespace."""
        user_namespace.proc_setgroups_write(file, ns, data)

    def may_open_setgroups(self, task: Task, ns: Any) -> bool:
        """Whether the task may write that."""
        return user_namespace.may_open_setgroups(task, ns)

    # --- a task
    def set_task_comm(self, task: Task, comm: bytes) -> None:
        """Rename a task."""
        if fire := self.system.trace.task_rename:
            fire(task, comm)
        task.comm = comm

    def oom_score(self, task: Task) -> int:
        """How badly the OOM killer wants it."""
        return oom_score(task, self.system.frames.total)

    def normal_sched(self, task: Task) -> tuple[int, int]:
        """Policy and real-time priority as they were set, without what the task inherits."""
        return normal_sched(task)

    def sched_weight(self, task: Task) -> int:
        """Its share among the fair tasks."""
        return weight_of(task)

    def show_maps(self, mm: Any, describe: Any) -> bytes:
        """The areas of an address space, a line each."""
        return show_maps(mm, describe)

    def is_sleeping(self, task: Task) -> bool:
        """Whether it waits for something in the kernel."""
        return task.state not in (TASK_RUNNING, TASK_DEAD)

    def wchan(self, task: Task) -> bytes:
        """The kernel function that it sleeps in; empty where it does not."""
        chain = stack_of(task)
        return chain[0].encode() if chain else b""

    def stack_trace(self, task: Task, reader: Task) -> list[bytes]:
        """Functions on the kernel stack, the innermost first; none for a task in user mode, and for a zombie."""
        if not task.stack or task.exit_state:
            return []
        if task is reader:
            return [b"proc_pid_stack", b"proc_single_show", b"seq_read_iter", b"vfs_read", b"ksys_read",
                    *(name.encode() for name in SYSCALL_ENTRY)]  # fmt: skip
        return [name.encode() for name in stack_of(task)]

    def current_syscall(self, task: Task) -> tuple[int, tuple[int, ...] | None, int, int] | None:
        """The call that a task is in; None for one that runs."""
        return current_syscall(task, self.system.current)

    def sched_info(self, task: Task) -> tuple[int, int, int]:
        """Nanoseconds on a CPU and waiting for one, and how often it got one: each time it left it, and now."""
        se = task.se
        ran, waited = se.sum_exec_runtime, se.run_delay
        now = self.system.clock.now
        running = any(rq.current is task for rq in self.system.run_queues)
        if running:
            ran += max(now - se.exec_start, 0)
        elif se.on_rq:
            waited += max(now - se.exec_start, 0)
        return ran, waited, task.nvcsw + task.nivcsw + running

    def show_timers(self, task: Task, ns: PidNamespace) -> bytes:
        """The POSIX timers of a process, as /proc/PID/timers shows them, the latest first."""
        lines = []
        for timer in reversed(task.signal.posix_timers.values()):
            whom = timer.target if timer.target is not None else task.group_leader
            kind = NOTIFY_NAMES[timer.notify & ~SIGEV_THREAD_ID]
            who = "tid" if timer.notify & SIGEV_THREAD_ID else "pid"
            lines.append(
                f"ID: {timer.number}\nsignal: {timer.signo}/{timer.value:016x}\n"
                f"notify: {kind}/{who}.{whom.thread_pid.nr_ns(ns)}\nClockID: {timer.clock_id}\n"
            )
        return "".join(lines).encode()

    def can_nice(self, writer: Task, nice: int) -> bool:
        """Whether the task may have such a nice value."""
        from forkernel.kernel.sched_params import can_nice

        return can_nice(writer, writer, nice)

    def next_audit_session(self) -> int:
        """The number of a new login."""
        self.system.audit_sessions += 1
        return self.system.audit_sessions

    def kstk_esp_eip(self, task: Task) -> tuple[int, int]:
        """User stack and instruction pointer, of a task that is exiting and still has a kernel stack; 0, 0 for others,
        which might run on meanwhile (proc(5): kstkesp, kstkeip).
        """
        if not task.flags & PF_EXITING or not task.stack:
            return 0, 0
        regs = unpack_pt_regs(task_pt_regs(task))
        return regs["rsp"], regs["rip"]

    def tty_of(self, task: Task, ns: PidNamespace) -> tuple[int, int]:
        """Device number of the controlling terminal and its foreground group; (0, -1) for none."""
        tty = task.signal.tty
        if tty is None:
            return 0, -1
        return tty.rdev, -1 if tty.pgrp is None else tty.pgrp.nr_ns(ns)

    def signals_queued(self, task: Task) -> int:
        """Queued signals charged to the task's user."""
        return self.system.sigpending_users.get(task.cred.uid, 0)

    # --- the machine
    def process_ids(self, ns: PidNamespace) -> list[int]:
        """Processes that a PID namespace sees, zombies included, by ID."""
        return sorted(number for number, pid in ns.numbers.items() if pid.leader is not None)

    def task_counts(self) -> tuple[int, int]:
        """Tasks that run or could, and all tasks."""
        tasks = self.system.pids.tasks
        return sum(task.state == TASK_RUNNING and not task.exit_state for task in tasks), len(tasks)

    def blocked(self) -> int:
        """Tasks in uninterruptible sleep."""
        return sum(bool(task.state & TASK_UNINTERRUPTIBLE) and not task.exit_state for task in self.system.pids.tasks)

    def last_pid(self, reader: Task) -> int:
        """The last process ID given in the reader's PID namespace."""
        return reader.thread_pid.ns.last

    def loads(self) -> tuple[int, int, int]:
        """Load averages, with 11 bits of fraction."""
        return self.system.load

    def forks(self) -> int:
        """Tasks made since boot."""
        return self.system.nr_forks

    def context_switches(self) -> int:
        """Task switches since boot."""
        return sum(rq.nr_switches for rq in self.system.run_queues)

    def cpu_times(self) -> list[tuple[int, int, int, int]]:
        """Nanoseconds of each CPU since boot: user, user with a nice value above 0, kernel, idle."""
        return self.system.cpu_times()

    def idle_time(self) -> int:
        """Nanoseconds in which CPUs had nothing to run, all together."""
        return sum(times[3] for times in self.cpu_times())

    def memory_figures(self) -> list[tuple[str, int]]:
        """Lines of meminfo, in pages."""
        from forkernel.kernel.proc_memory import meminfo

        return meminfo(self.system)

    def slab_infos(self) -> list[SlabInfo]:
        """The caches of kernel objects."""
        return self.system.slabs.infos()

    def memory_counters(self) -> list[tuple[str, int]]:
        """Lines of vmstat."""
        from forkernel.kernel.proc_memory import vmstat

        return vmstat(self.system)

    def buddyinfo(self) -> bytes:
        """Free blocks of memory by size."""
        from forkernel.kernel.proc_memory import buddyinfo

        return buddyinfo(self.system).encode()

    def zoneinfo(self) -> bytes:
        """The zone of memory and its counters."""
        from forkernel.kernel.proc_memory import zoneinfo

        return zoneinfo(self.system).encode()

    def iomem(self, reader: Task) -> bytes:
        """Physical addresses, for who may see them."""
        from forkernel.kernel.proc_memory import iomem

        return iomem(self.system, not capable(reader, CAP_SYS_ADMIN)).encode()

    def timer_list(self) -> bytes:
        """The timers that wait."""
        from forkernel.kernel.timer_list import show

        return show(self.system).encode()

    def interrupts(self) -> list[tuple[int, int]]:
        """For each CPU the timer interrupts, and how often it looked for timers that were due."""
        return [(rq.timer_interrupts, rq.timer_softirqs) for rq in self.system.run_queues]

    def command_line(self) -> bytes:
        """The kernel's command line; without one, how the machine was asked to be, in such words."""
        options = self.system.options
        if options.cmdline is not None:
            return options.saved_command_line()
        return b"mem=%dK maxcpus=%d noautogroup" % (options.memory >> 10, options.cpus)

    def version_banner(self) -> bytes:
        """The line of /proc/version."""
        return UTS_SYSNAME + b" version " + UTS_RELEASE + b" " + UTS_VERSION

    def filesystem_names(self) -> list[bytes]:
        """Types that can be mounted."""
        return list(self.system.vfs.filesystems)

    def cgroup_line(self, task: Task, reader: Task) -> bytes:
        """The task's control group as the reader sees it."""
        from forkernel.kernel.cgroup import proc_cgroup_show

        return proc_cgroup_show(task, reader)

    def cgroup_controllers(self) -> bytes:
        """The table of controllers."""
        from forkernel.kernel.cgroup import proc_cgroupstats_show

        return proc_cgroupstats_show(self.system)

    def sysvipc(self, reader: Task, kind: str) -> bytes:
        """The System V objects of one kind (sem, shm, msg) that the reader sees."""
        from forkernel.kernel.ipc_proc import show

        return show(reader, kind)

    def cpuinfo(self) -> bytes:
        """What the CPU says of itself."""
        return cpuinfo_text(len(self.system.run_queues)).encode()
