"""Booting: process 0 is made by hand, and makes processes 1 and 2 (Linux: init/main.c, start_kernel).

`start_kernel` builds the machine and process 0 (`init_task`), which is the idle task from then on;
`rest_init` clones PID 1, a kernel thread that becomes the first program (`KernelInit`) or stays the built-in
init (`BuiltinInit`), and PID 2, kthreadd.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from forkernel.abi.stat import major, minor
from forkernel.abi.utsname import UTS_RELEASE, UTS_SYSNAME, UTS_VERSION
from forkernel.abi.wait import P_ALL, W_ALL, WEXITED
from forkernel.arch.x86_64.processor import Processor
from forkernel.errors import SysError, UserError
from forkernel.fs.devices import mount_dev
from forkernel.fs.vfs import Vfs
from forkernel.hw.cpu import UnicornCpu
from forkernel.hw.frames import FrameTable
from forkernel.hw.protocol import Cpu
from forkernel.hw.ram import Ram
from forkernel.kernel.cred import Cred
from forkernel.kernel.current import StackCurrent
from forkernel.kernel.entry import Entry
from forkernel.kernel.exec import kernel_execve
from forkernel.kernel.exit import do_group_exit
from forkernel.kernel.filesystems import register_filesystems
from forkernel.kernel.fork import CLONE_FS
from forkernel.kernel.kstack import THREAD_SIZE, ThreadStacks
from forkernel.kernel.kthread import Kthreadd, kernel_thread
from forkernel.kernel.nsproxy import init_nsproxy
from forkernel.kernel.pid import RESERVED_PIDS, Pid, change_pgrp, change_session
from forkernel.kernel.printk import KERN_INFO, KERN_NOTICE
from forkernel.kernel.procfs import new_procfs, register_procfs
from forkernel.kernel.resource import init_rlimits
from forkernel.kernel.signal import ignore_signals
from forkernel.kernel.sysfs import register_sysfs
from forkernel.kernel.system import STOPPED, Options, System
from forkernel.kernel.task import (
    PF_IDLE,
    PF_KTHREAD,
    TASK_RUNNING,
    SchedEntity,
    SighandStruct,
    SignalStruct,
    SigPending,
    Task,
)
from forkernel.kernel.tasklist import init_list
from forkernel.kernel.wait4 import WaitOpts, do_wait
from forkernel.mm.pagetable import TableStore
from forkernel.mm.slab import SlabCaches
from forkernel.namespace import INVALID_ID
from forkernel.syscalls.lazy import LazyCalls
from forkernel.tty.devpts import BOOT_OPTIONS, mount_devpts
from forkernel.wait import Sleep

PAGE_KB = 4


def start_kernel(
    options: Options,
    binds: list[str] | None = None,
    processor: Callable[[Ram], Cpu] = UnicornCpu,
    watcher: Any = None,
) -> System:
    """A machine with processes 0, 1 and 2; nothing has run yet. `processor` makes its CPU; `watcher` is a trace sink
    that is to see the making of the processes too.
    """
    system = System(options)
    ram = Ram(options.memory)
    system.frames = FrameTable(ram)
    system.slabs = SlabCaches(system.frames)
    system.stacks = ThreadStacks(system.frames)
    system.pids.pid_cachep = system.slabs.pid
    if options.current == "stack":
        system.by_stack = StackCurrent(system.frames)
    hardware = processor(ram)
    system.cpu = Processor(hardware)
    system.frames.flush_code, system.frames.flush_frame = hardware.flush_code, hardware.flush_frame
    system.tables = TableStore(system.frames, system.cpu, system.trace)
    if not options.mmu:
        from forkernel.mm.nommu import FlatMemory

        system.flat = FlatMemory(system)
    system.vfs = Vfs(system.clock, system.frames, root=options.root)
    system.frames.reclaim = system.reclaim
    system.slabs.filp.limiter = system.files_stat
    mount_all(system, binds or [], booting=options.cmdline is not None)
    system.init_task = make_init_task(system)
    system.sched.current = system.init_task
    system.sched.top_of_stack = system.init_task.stack + THREAD_SIZE
    if options.cpus > 1:
        from forkernel.kernel.smp import smp_init

        smp_init(system, Idle())
    system.entry = make_entry(system)
    if watcher is not None:
        system.trace.attach(watcher)
    rest_init(system)
    tell(system)
    system.interrupt = STOPPED
    return system


def tell(system: System) -> None:
    """The first lines of the kernel log."""
    log, frames, options = system.printk, system.frames, system.options
    log.emit(KERN_NOTICE, b"%s version %s %s" % (UTS_SYSNAME, UTS_RELEASE, UTS_VERSION))
    log.emit(KERN_INFO, b"Memory: %dK/%dK available" % (frames.free_count() * PAGE_KB, frames.total * PAGE_KB))
    log.emit(KERN_INFO, b"pid_max: default: %d minimum: %d" % (system.pid_max, RESERVED_PIDS + 1))
    if options.cpus > 1:
        log.emit(KERN_INFO, b"smp: Brought up 1 node, %d CPUs" % options.cpus)
    sb = system.vfs.root.mnt.sb
    where = (sb.type, major(sb.dev), minor(sb.dev))
    log.emit(KERN_INFO, b"VFS: Mounted root (%s filesystem) on device %d:%d." % where)


def reattach(system: System) -> None:
    """Give a restored machine a CPU."""
    hardware = UnicornCpu(system.frames.ram)
    system.attach(Processor(hardware), make_entry)


def make_entry(system: System) -> Entry:
    """The trap handler with all calls."""
    calls = LazyCalls()
    if system.flat is not None:
        from forkernel.syscalls.nommu import nommu_calls

        calls = LazyCalls(nommu_calls())
    if system.smp is not None:
        from forkernel.kernel.smp_entry import SmpEntry

        return SmpEntry(system, calls)
    if system.options.arch.native:
        return Entry(system, calls)
    from forkernel.kernel.entry_described import DescribedEntry

    return DescribedEntry(system, calls)


def mount_all(system: System, binds: list[str], *, booting: bool) -> None:
    """/dev, /proc, /sys, and what --bind asks for. When booting, all but /dev is left to init, as Linux does."""
    vfs = system.vfs
    mount_dev(vfs, alone=booting)
    register_procfs(system)
    register_filesystems(system)
    procfs, sysfs = new_procfs(system), register_sysfs(system)
    if not booting:
        vfs.mount(procfs, vfs.make_mountpoint(b"/proc"), source=b"proc")
        vfs.mount(sysfs, vfs.make_mountpoint(b"/sys"), source=b"sysfs")
        devpts = mount_devpts(vfs, vfs.boot_task(), b"", BOOT_OPTIONS)
        vfs.mount(devpts, vfs.make_mountpoint(b"/dev/pts"), source=b"devpts")
    for bind in binds:
        host, guest, writable = parse_bind(bind)
        vfs.mount_host(host, guest, writable)


def parse_bind(text: str) -> tuple[str, bytes, bool]:
    """HOST:GUEST[:rw|:ro] as (host path, guest path, writable). UserError."""
    host, _, guest = text.removesuffix(":rw").removesuffix(":ro").rpartition(":")
    if not host or not guest.startswith("/"):
        raise UserError(f"bind {text!r}: it must be HOST:GUEST[:rw], with GUEST from the guest's root")
    return host, os.fsencode(guest), text.endswith(":rw")


def make_init_task(system: System) -> Task:
    """Process 0: static, the parent of all, what runs when nothing else can."""
    task = Task()
    task.system = system
    task.pid = task.tgid = 0
    task.slab, task.stack, task.rcu_users, task.cred_slab = 0, system.stacks.alloc(), 2, 0
    init_list(task)
    if system.by_stack is not None:
        system.by_stack.setup_thread_stack(task)
    task.comm = b"swapper/0"
    task.flags = PF_KTHREAD | PF_IDLE
    task.state = TASK_RUNNING
    task.exit_state = task.exit_code = task.exit_signal = task.pdeath_signal = task.personality = 0
    task.real_parent = task.parent = task.group_leader = task
    task.children = {}
    task.ptraced = task.tracing = None
    task.ptrace = task.jobctl = task.real_blocked = task.syscall_work = 0
    task.seccomp = task.mempolicy = None
    task.mm = task.files = None
    task.fs = system.vfs.new_fs_struct()
    task.signal = SignalStruct(init_rlimits(system.threads_max))
    task.thread_pid = task.signal.pgrp = task.signal.session = Pid(system.pids, (0,))
    task.signal.threads[task] = None
    task.sighand = SighandStruct({})
    task.cred = Cred.of_user(0, 0)
    task.nsproxy = init_nsproxy(system)
    task.blocked = 0
    task.saved_sigmask = None
    task.pending = SigPending()
    task.sigpending = False
    task.fault = (0, 0, 0)
    task.sas_ss_sp = task.sas_ss_size = 0
    task.sas_ss_flags = 2
    task.restart_block = task.sleep = task.resume = task.deadline = task.thread = None
    task.syscall_nr, task.syscall_args = -1, (0, 0, 0, 0, 0, 0)
    task.kthread = Idle()
    task.set_child_tid = task.clear_child_tid = task.robust_list = task.child_tid_value = 0
    task.rseq = task.vfork_done = None
    task.se = SchedEntity()
    task.utime = task.stime = task.start_time = task.min_flt = task.maj_flt = task.nvcsw = task.nivcsw = 0
    task.rchar = task.syscr = task.wchar = task.syscw = 0
    task.loginuid = task.sessionid = INVALID_ID
    task.no_new_privs = False
    task.timer_slack_ns = 50_000
    task.self_exec_id = task.parent_exec_id = 0
    task.io_context = task.sysvsem = task.cgroup = None
    return task


class Idle:
    """A process 0 is never picked: the scheduler falls back on it, and `System.idle` waits in its place."""

    def step(self, task: Task) -> None:
        """Not called."""


def rest_init(system: System) -> None:
    """Clone processes 1 and 2 from process 0."""
    swapper = system.init_task
    init = kernel_thread(swapper, BuiltinInit(), "init", CLONE_FS)
    if system.options.cmdline is None:
        change_session(init, init.thread_pid)
        change_pgrp(init, init.thread_pid)
    system.kthreadd = Kthreadd()
    ignore_signals(kernel_thread(swapper, system.kthreadd, "kthreadd", 0))


class BuiltinInit:
    """PID 1 while no program takes its place: reaps every child that dies, and stops the run when asked.

    `awaited`: PIDs whose death ends `Kernel.run`. `statuses` and `usages`: wait status and rusage of each
    child reaped.
    """

    def __init__(self) -> None:
        self.statuses: dict[int, int] = {}
        self.usages: dict[int, Any] = {}
        self.awaited: set[int] = set()

    def step(self, task: Task) -> None:
        """Reap all zombies, then sleep until the next one."""
        while True:
            wait = WaitOpts(P_ALL, 0, WEXITED | W_ALL, want_usage=True)
            try:
                pid = do_wait(task, wait)
            except SysError:
                raise Sleep(task.signal.wait_chldexit) from None
            self.statuses[pid] = wait.stat
            self.usages[pid] = wait.usage
            if pid in self.awaited:
                self.awaited.discard(pid)
                if not self.awaited:
                    task.system.entry.stop("exited")


class Program:
    """A kernel thread that becomes a user program: the kernel's own fork-and-exec."""

    def __init__(self, path: bytes, argv: list[bytes], envp: list[bytes], setup: Any) -> None:
        self.path = path
        self.argv = argv
        self.envp = envp
        self.setup = setup
        self.error = 0
        """errno of a failed exec."""

    def step(self, task: Task) -> None:
        """Prepare descriptors and directory, then exec; on failure the task exits with 127 or 126."""
        try:
            self.setup.apply(task)
            kernel_execve(task, self.path, self.argv, self.envp)
        except SysError as error:
            self.error = error.errno
            do_group_exit(task, (127 if error.errno == 2 else 126) << 8)


__all__ = ["BuiltinInit", "Program", "reattach", "start_kernel"]
