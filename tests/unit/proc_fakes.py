"""A machine without a CPU: the VFS with procfs mounted, and tasks that exist on paper."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from typing import Any

from vfs_machines import Clock

from forkernel.abi.resource import RLIM_NLIMITS
from forkernel.errors import SysError
from forkernel.fs.fdtable import FilesStruct
from forkernel.fs.vfs import Vfs
from forkernel.hw.frames import FrameTable
from forkernel.hw.ram import Ram
from forkernel.kernel.cred import Cred
from forkernel.kernel.kstack import ThreadStacks
from forkernel.kernel.nsproxy import init_nsproxy
from forkernel.kernel.pid import PidNamespace, alloc_pid, attach_pids, detach_pids
from forkernel.kernel.procfs import new_procfs, register_procfs
from forkernel.kernel.task import SchedEntity, SighandStruct, SignalStruct, SigPending, Task
from forkernel.mm.overcommit import VmSettings
from forkernel.mm.slab import SlabCaches
from forkernel.namespace import NsInums
from forkernel.trace.tracepoints import Trace

INFINITY = (1 << 64) - 1


class Machine:
    """Root on a host directory, /proc mounted, task 1 there."""

    def __init__(self, root: str) -> None:
        frames = FrameTable(Ram(32 << 20))
        slabs = SlabCaches(frames)
        clock = Clock()
        self.vfs = Vfs(clock, frames, root)
        self.pids = PidNamespace(None)
        self.system: Any = SimpleNamespace(
            vfs=self.vfs, frames=frames, clock=clock, pids=self.pids, trace=Trace(), rng=Random(1), ns_inums=NsInums(),
            threads_max=1000, nr_forks=3, load=(2048, 1024, 20), sigpending_users={}, slabs=slabs,
            stacks=ThreadStacks(frames), ipc_namespaces={},
            run_queues=[SimpleNamespace(nr_switches=17, timer_interrupts=5, timer_softirqs=6)],
            tables=SimpleNamespace(live={1: 0, 2: 0}, words=()), vm=VmSettings(32 << 20),
            futexes=SimpleNamespace(pi=SimpleNamespace(normal={})), pgfault=0, oom_kills=0, flat=None,
            cpu_times=lambda: [(10**9, 0, 2 * 10**9, 3 * 10**9)], all_tasks=lambda: list(self.pids.tasks),
        )  # fmt: skip
        self.nsproxy = init_nsproxy(self.system)
        self.nsproxy.uts_ns.hostname = b"guest"
        register_procfs(self.system)
        self.vfs.mount(new_procfs(self.system), self.vfs.make_mountpoint(b"/proc"), source=b"proc")
        self.init = self.process(None, b"init")
        self.system.current = self.init

    def process(self, parent: Task | None, comm: bytes = b"sh") -> Task:
        """A new process."""
        task = self._task(comm)
        task.signal = SignalStruct([(INFINITY, INFINITY)] * RLIM_NLIMITS)
        task.signal.rlim[7] = (1024, 4096)
        task.group_leader = task
        task.tgid = task.pid
        task.signal.pgrp = task.signal.session = task.thread_pid if parent is None else parent.signal.pgrp
        task.signal.threads[task] = None
        task.real_parent = task.parent = parent or task
        task.files = FilesStruct()
        task.fs = self.vfs.new_fs_struct()
        task.sighand = SighandStruct({})
        task.exit_signal = 17
        if parent is not None:
            parent.children[task] = None
        attach_pids(task)
        return task

    def thread(self, leader: Task) -> Task:
        """A new thread of a process."""
        task = self._task(leader.comm)
        task.signal, task.sighand, task.files, task.fs = leader.signal, leader.sighand, leader.files, leader.fs
        task.group_leader, task.tgid, task.real_parent, task.parent = leader, leader.pid, leader, leader.parent
        task.exit_signal = -1
        task.signal.threads[task] = None
        attach_pids(task)
        return task

    def _task(self, comm: bytes) -> Task:
        task = Task()
        task.system = self.system
        task.thread_pid = alloc_pid(self.pids)
        task.pid = task.thread_pid.nr
        task.comm = comm
        task.flags = task.state = task.exit_state = task.exit_code = task.ptrace = task.personality = 0
        task.children = {}
        task.mm = None
        task.slab = task.stack = 0
        task.kthread = None
        task.cred = Cred()
        task.cred_slab = 0
        task.nsproxy = self.nsproxy
        task.pending = SigPending()
        task.blocked = task.utime = task.stime = task.min_flt = task.maj_flt = task.nvcsw = task.nivcsw = 0
        task.se = SchedEntity()
        task.start_time = 5_000_000_000
        task.no_new_privs = False
        task.seccomp, task.syscall_work, task.mempolicy = None, 0, None
        task.timer_slack_ns = 50_000
        task.syscall_nr = -1
        return task

    def exit(self, task: Task) -> None:
        """Take a process out, reaped."""
        detach_pids(task)
        del task.signal.threads[task]

    # --- what a program would do
    def read(self, task: Task, path: bytes, count: int = 65536) -> bytes:
        """open, read to the end, close."""
        file = self.vfs.open(task, path, 0)
        text = b""
        while part := file.read(task, count):
            text += part
        file.put()
        return text

    def write(self, task: Task, path: bytes, data: bytes) -> int:
        """open, write, close."""
        file = self.vfs.open(task, path, 1)
        try:
            return file.write(task, data)
        finally:
            file.put()

    def names(self, task: Task, path: bytes) -> list[bytes]:
        """Names in a directory."""
        file = self.vfs.open(task, path, 0o200000)
        found = [entry.name for entry in file.getdents(task)]
        file.put()
        return found

    def readlink(self, task: Task, path: bytes) -> bytes:
        """readlink(2)."""
        return self.vfs.resolve(task, path, follow=False).inode.readlink(task)

    def errno(self, function: Any, *arguments: Any) -> int:
        """The errno that a call ends with, 0 for none."""
        try:
            function(*arguments)
        except SysError as error:
            return error.errno
        return 0
