"""A machine without a CPU for the tests of time, futexes and scheduling parameters.

`Machine.call` runs a call as dispatch would; a sleeping call is parked in `Machine.asleep` and goes on in
`Machine.settle`, once something woke it. `Machine.pass_time` moves the clock and fires timers.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from forkernel.abi.errno import EFAULT
from forkernel.abi.signal import SIGCHLD
from forkernel.errors import SysError
from forkernel.kernel import signal
from forkernel.kernel.clock import Clock
from forkernel.kernel.cred import Cred
from forkernel.kernel.files_stat import FilesStat
from forkernel.kernel.futex import FutexTable
from forkernel.kernel.hrtimer import Timer, TimerQueue
from forkernel.kernel.nsproxy import init_nsproxy
from forkernel.kernel.pid import PidNamespace, alloc_pid, attach_pids
from forkernel.kernel.printk import Printk
from forkernel.kernel.resource import init_rlimits
from forkernel.kernel.task import (
    TASK_INTERRUPTIBLE,
    TASK_RUNNING,
    SchedEntity,
    SighandStruct,
    SignalStruct,
    SigPending,
    Task,
)
from forkernel.mm.vma import VM_READ, VM_WRITE
from forkernel.namespace import NsInums
from forkernel.syscalls.all import REGISTRY
from forkernel.trace.tracepoints import Trace
from forkernel.wait import Sleep, WaitQueue

BASE = 0x7000_0000
ROOT = Cred.of_user(0, 0)
USER = Cred.of_user(1000, 1000)


class Area:
    """The one area of the fake memory."""

    flags = VM_READ | VM_WRITE


class Memory:
    """64 KiB of user memory at BASE; everything else is EFAULT."""

    def __init__(self, shared: bool = False) -> None:
        self.data = bytearray(0x10000)
        self.shared = shared
        self.membarrier_state = 0
        self.vmas = self
        self.pages = 7

    def _at(self, addr: int, size: int) -> int:
        if not BASE <= addr <= BASE + len(self.data) - size:
            raise SysError(EFAULT)
        return addr - BASE

    def lookup(self, addr: int) -> Area | None:
        return Area() if BASE <= addr < BASE + len(self.data) else None

    def read(self, addr: int, size: int) -> bytes:
        at = self._at(addr, size)
        return bytes(self.data[at : at + size])

    def write(self, addr: int, data: bytes) -> None:
        at = self._at(addr, len(data))
        self.data[at : at + len(data)] = data

    def read_u32(self, addr: int) -> int:
        return int.from_bytes(self.read(addr, 4), "little")

    def read_u64(self, addr: int) -> int:
        return int.from_bytes(self.read(addr, 8), "little")

    def write_u32(self, addr: int, value: int) -> None:
        self.write(addr, (value & 0xFFFFFFFF).to_bytes(4, "little"))

    def write_u64(self, addr: int, value: int) -> None:
        self.write(addr, value.to_bytes(8, "little"))

    def read_cstr(self, addr: int, limit: int) -> bytes:
        return self.read(addr, limit).split(b"\0")[0]

    def futex_key(self, addr: int, shared: bool) -> tuple[Any, int, int]:
        self._at(addr, 4) if shared else 0
        return ("page" if shared and self.shared else self, addr >> 12, addr & 0xFFF)

    def update_hiwater(self) -> int:
        return self.pages


class Wake(Timer):
    """Ends a sleep."""

    __slots__ = ("task",)

    def __init__(self, expires: int, task: Task) -> None:
        super().__init__(expires)
        self.task = task

    def fire(self) -> None:
        self.task.system.sched.try_to_wake_up(self.task)


class Sched:
    """Notes what is asked of it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.current: Task = None  # type: ignore[assignment]
        self.changed: list[Task] = []
        self.yields = 0

    def try_to_wake_up(self, task: Task) -> bool:
        if task.state == TASK_RUNNING:
            return False
        for queue in task.sleep.queues if task.sleep else ():
            queue.waiters.pop(task, None)
        if task.deadline is not None:
            self.machine.timers.cancel(task.deadline)
            task.deadline = None
        task.state = TASK_RUNNING
        return True

    def wake_up_state(self, task: Task, mask: int) -> bool:
        return bool(task.state & mask) and self.try_to_wake_up(task)

    def is_running(self, task: Task) -> bool:
        return task is self.current

    def threads_running(self, signal: Any) -> list[Task]:
        return [self.current] if self.current.signal is signal else []

    def set_cpus_allowed(self, task: Task, mask: int) -> None:
        task.se.cpus_mask = mask

    def set_params(self, task: Task) -> None:
        self.changed.append(task)

    def yield_task(self) -> None:
        self.yields += 1


class Regs:
    """Bases and instruction pointer."""

    def __init__(self) -> None:
        self.fs_base = self.gs_base = 0
        self.rip = 0x401000


class Cpu:
    def __init__(self) -> None:
        self.regs: dict[Task, Regs] = {}

    def regs_of(self, task: Task) -> Regs:
        return self.regs.setdefault(task, Regs())


class Frames:
    total = 1000

    def free_count(self) -> int:
        return 400


class CredJar:
    """Hands out places for credentials, and does not count them."""

    def alloc(self) -> int:
        return 1

    def put(self, place: int) -> None:
        pass


class Machine:
    """Stands for System."""

    def __init__(self) -> None:
        self.clock, self.timers, self.futexes = Clock(), TimerQueue(), FutexTable()
        self.sched, self.pids, self.cpu, self.trace = Sched(self), PidNamespace(None), Cpu(), Trace()
        self.pids.last = 99
        self.run_queues = [self.sched]
        self.files_stat, self.printk = FilesStat(self, 512 << 20), Printk(self.clock)
        self.slabs = SimpleNamespace(cred_jar=CredJar())
        self.frames, self.rng = Frames(), random.Random(1)
        self.load, self.ns_inums = (2048, 0, 0), NsInums()
        self.ipc_namespaces: dict[Any, None] = {}
        self.vfs = SimpleNamespace(init_mnt_ns=SimpleNamespace())
        self.nsproxy = init_nsproxy(self)
        self.nsproxy.uts_ns.hostname = b"host"
        self.sigpending_users: dict[int, int] = {}
        self.signalfd_wqh = WaitQueue()
        self.results: dict[Task, int] = {}
        """What calls that slept came to."""

    def all_tasks(self) -> list[Task]:
        return list(self.pids.tasks)

    # --- tasks

    def _task(self, cred: Cred, mm: Memory) -> Task:
        task = Task()
        task.system = self  # type: ignore[assignment]
        task.thread_pid = alloc_pid(self.pids)
        task.pid = task.thread_pid.nr
        task.nsproxy = self.nsproxy
        task.flags = task.exit_state = task.ptrace = task.blocked = task.real_blocked = task.jobctl = 0
        task.state, task.comm, task.cred, task.mm = TASK_RUNNING, b"t", cred, mm  # type: ignore[assignment]
        task.pending, task.sigpending, task.saved_sigmask, task.restart_block = SigPending(), False, None, None
        task.utime = task.stime = task.min_flt = task.maj_flt = task.nvcsw = task.nivcsw = 0
        task.sleep = task.deadline = task.rseq = task.vfork_done = None
        task.robust_list = task.clear_child_tid = task.personality = task.pdeath_signal = 0
        task.timer_slack_ns, task.no_new_privs = 50_000, False
        task.seccomp, task.syscall_work, task.mempolicy = None, 0, None
        task.io_context = task.sysvsem = task.cgroup = task.tracing = task.ptraced = None
        task.cred_slab = task.slab = 0
        task.children, task.se = {}, SchedEntity()
        self.sched.current = task
        return task

    def process(self, cred: Cred = ROOT, mm: Memory | None = None) -> Task:
        task = self._task(cred, mm or Memory())
        task.tgid, task.group_leader, task.exit_signal = task.pid, task, SIGCHLD
        task.signal, task.sighand = SignalStruct(init_rlimits(2000)), SighandStruct({})
        task.signal.threads[task] = None
        task.signal.pgrp = task.signal.session = task.thread_pid
        attach_pids(task)
        task.parent = task.real_parent = task
        return task

    def thread(self, leader: Task) -> Task:
        task = self._task(leader.cred, leader.mm)  # type: ignore[arg-type]
        task.tgid, task.group_leader, task.signal, task.sighand = leader.tgid, leader, leader.signal, leader.sighand
        task.parent = task.real_parent = leader
        leader.signal.threads[task] = None
        attach_pids(task)
        return task

    # --- running

    def call(self, task: Task, name: str, *args: int) -> int:
        """The call's result, a negative errno, or 0 with the task asleep."""
        numbers = [arg & 0xFFFFFFFFFFFFFFFF for arg in args] + [0] * (6 - len(args))
        self.sched.current = task
        return self._run(task, lambda: REGISTRY.calls[name].call(task, *numbers))

    def _run(self, task: Task, body: Callable[[], int]) -> int:
        try:
            result = body()
        except SysError as error:
            result = -error.errno
        except Sleep as sleep:
            if task.sigpending:
                result = sleep.resume.interrupted(task) if sleep.resume else -sleep.on_signal
            else:
                self._park(task, sleep)
                return 0
        self.results[task] = result
        return result

    def _park(self, task: Task, sleep: Sleep) -> None:
        task.sleep, task.state = sleep, TASK_INTERRUPTIBLE
        for queue in sleep.queues:
            queue.waiters[task] = None
        if sleep.deadline is not None:
            task.deadline = Wake(sleep.deadline, task)
            self.timers.start(task.deadline)

    def settle(self) -> None:
        """Let every task that was woken go on with its call."""
        for task in self.all_tasks():
            if task.sleep is not None and task.state == TASK_RUNNING:
                resume, task.sleep = task.sleep.resume, None
                self._run(task, lambda resume=resume, task=task: resume.step(task))  # type: ignore[misc]

    def asleep(self, task: Task) -> bool:
        return task.state == TASK_INTERRUPTIBLE

    def pass_time(self, nanoseconds: int) -> None:
        """Let time pass, stopping at each timer."""
        end = self.clock.now + nanoseconds
        while self.timers.next_expiry <= end:
            self.clock.jump_to(self.timers.next_expiry)
            self.timers.run_expired(self.clock.now)
            self.settle()
        self.clock.jump_to(end)

    def burn(self, task: Task, nanoseconds: int, *, kernel: bool = False) -> None:
        """Let a thread use CPU time."""
        self.sched.current = task
        if task.signal.cpu_timers is not None:
            task.signal.cpu_timers.switch_in(task)
        end = self.clock.now + nanoseconds
        while self.clock.now < end:
            step = min(end, self.timers.next_expiry) - self.clock.now
            self.clock.now += step
            if kernel:
                task.stime += step
            else:
                task.utime += step
            self.timers.run_expired(self.clock.now)
            self.settle()

    def interrupt(self, task: Task, sig: int) -> None:
        """Send a signal to the process and let a sleeping call notice it."""
        signal.send_sig_info(sig, None, task)
        self.settle()
