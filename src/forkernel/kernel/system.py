"""One machine: everything there is, in one object that can be pickled (between traps).

There are no globals: whoever needs the clock, the PIDs or the root file system has a task, and a task has
its system.
"""

from __future__ import annotations

import random
import select
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from forkernel.arch.entry import X86_64, Architecture
from forkernel.kernel.clock import Clock, make_clock
from forkernel.kernel.current import StackCurrent, not_process_context
from forkernel.kernel.exec_image import ImageCache
from forkernel.kernel.files_stat import FilesStat
from forkernel.kernel.futex import FutexTable
from forkernel.kernel.hrtimer import KTIME_MAX, TimerQueue
from forkernel.kernel.pid import Pid, PidNamespace
from forkernel.kernel.printk import Printk
from forkernel.kernel.sched import Scheduler
from forkernel.kernel.task import TASK_UNINTERRUPTIBLE
from forkernel.kernel.tasklist import for_each_process, relink
from forkernel.kernel.ucount import Ucounts
from forkernel.mm.layout import MMAP_MIN_ADDR
from forkernel.mm.mempolicy import PolicyTable
from forkernel.mm.mm_struct import MmStruct
from forkernel.mm.oom import OOM_SCORE_ADJ_MIN
from forkernel.mm.overcommit import VmSettings
from forkernel.mm.pagetable import PARKING_FORKS
from forkernel.namespace import NsInums
from forkernel.trace.tracepoints import Trace
from forkernel.wait import WaitQueue

if TYPE_CHECKING:
    from forkernel.arch.x86_64.processor import Processor
    from forkernel.fs.file import File
    from forkernel.hw.frames import FrameTable
    from forkernel.kernel.cgroup import Cgroup
    from forkernel.kernel.entry import Entry
    from forkernel.kernel.failpoints import FailPoints
    from forkernel.kernel.ipc_namespace import IpcNamespace
    from forkernel.kernel.kstack import ThreadStacks
    from forkernel.kernel.kthread import Kthreadd
    from forkernel.kernel.smp import Smp
    from forkernel.kernel.task import Task
    from forkernel.mm.nommu import FlatMemory
    from forkernel.mm.pagetable import TableStore
    from forkernel.mm.slab import SlabCaches

SIGKILL = 9
ENDED_HALT, ENDED_POWER_OFF, ENDED_RESTART, ENDED_INIT, ENDED_PANIC = "halt", "power off", "restart", "init", "panic"
"""How a machine ends for good: `System.ended`, and what `Kernel.run` returns."""
STOPPED, IN_TIMER, IN_INPUT = "while the machine stands still", "in a timer interrupt", "in an interrupt from outside"
BOOT_NS = 1_000_000_000  # on the virtual clock, booting took a second
THREAD_SIZE = 16 * 1024
"""Bytes of a kernel stack."""
MIN_THREADS = 20
MASK64 = 0xFFFF_FFFF_FFFF_FFFF
IDLE_EXIT_NS = 20_000
"""How long a timer takes to get an idle CPU going. Programs see by it that an alarm comes late rather than early:
after alarm(1), sleep(5) has 3 whole seconds left, as on Linux."""
LOAD_FREQ_NS = 5_000_000_000
LOAD_DECAY = (1884, 2014, 2037)  # 2048 / exp(5 s / 1, 5, 15 min)


class Options(NamedTuple):
    """How a machine was asked to be."""

    root: str = "/"
    memory: int = 512 << 20
    """Bytes of RAM."""
    pids: int | None = None
    """Most tasks at once; None: what Linux would allow for this much memory."""
    seed: int = 0
    clock: str = "virtual"
    strict: bool = False
    cpus: int = 1
    mmu: bool = True
    """False: programs share one flat address space (mm/nommu.py)."""
    current: str = "percpu"
    """How the kernel finds the current task: "percpu" or "stack" (kernel/current.py)."""
    cmdline: tuple[bytes, ...] | None = None
    """The kernel's command line, by words; None: the machine was not booted to run an init (init/main.py)."""
    arch: Architecture = X86_64
    """How calls come in: another architecture's way only on a scripted CPU."""

    def saved_command_line(self) -> bytes:
        """The command line as one text, a word with blanks in quotes."""
        return b" ".join(b'"%s"' % word if b" " in word else word for word in self.cmdline or ())


class Unimplemented:
    """A call that was made and is not there."""

    __slots__ = ("comm", "count", "name", "pid")

    def __init__(self, name: str, comm: str, pid: int) -> None:
        self.name = name
        self.count = 0
        self.comm = comm
        """The first caller's name, and"""
        self.pid = pid
        """its PID."""


class System:
    """The state of one machine. Hardware is attached by `init.boot`."""

    frames: FrameTable
    slabs: SlabCaches
    stacks: ThreadStacks
    """Kernel stacks."""
    tables: TableStore
    cpu: Processor
    entry: Entry
    vfs: Any
    init_task: Task
    """Process 0."""
    kthreadd: Kthreadd

    def __init__(self, options: Options) -> None:
        self.options = options
        self.clock: Clock = make_clock(options.clock, options.cpus)
        self.clock.jump_to(BOOT_NS)
        self.printk = Printk(self.clock)
        """The kernel log."""
        self.timers = TimerQueue()
        self.sched = Scheduler(self)
        self.smp: Smp | None = None
        """All CPUs, where there are several: `sched` is then the run queue of the one that the emulator plays."""
        self.pids = PidNamespace(self)
        """The first PID namespace, whose numbers `task.pid` and `task.tgid` are (Linux: init_pid_ns)."""
        self.trace = Trace(self)
        self.failpoints: FailPoints | None = None
        """Steps that are to fail (`--fail`)."""
        self.futexes = FutexTable()
        self.aio: Any = None
        """Contexts of asynchronous I/O (kernel/aio.py), made at first use."""
        self.cgroup_root: Cgroup | None = None
        """The root of the control groups, once somebody asked for it."""
        self.mq_bytes: dict[int, int] = {}
        """Bytes that POSIX message queues may hold, by user (RLIMIT_MSGQUEUE)."""
        self.ipc_namespaces: dict[IpcNamespace, None] = {}
        """All that there are, in order of creation."""
        self.exec_images = ImageCache()
        self.mempolicies = PolicyTable()
        self._rng = random.Random(options.seed)  # noqa: S311  # repeatable on purpose
        self._stirred = 0
        self.threads_max = options.pids or max(options.memory // (8 * THREAD_SIZE), MIN_THREADS)
        """/proc/sys/kernel/threads-max: kernel stacks may take an eighth of memory (Linux: set_max_threads)."""
        self.ns_inums = NsInums()
        self.flat: FlatMemory | None = None
        """The address space of a machine without an MMU."""
        self.ucounts = Ucounts(self)
        self.mmap_min_addr = MMAP_MIN_ADDR
        """vm.mmap_min_addr"""
        self.vm = VmSettings(options.memory)
        """Settings of /proc/sys/vm, and of files:"""
        self.files_stat = FilesStat(self, options.memory)
        self.nr_forks = 0
        self.next_parking = PARKING_FORKS
        """Value of `nr_forks` at which page tables of sleepers are next parked (mm/parking.py), and when they were."""
        self.parked_at = 0
        self.sigpending_users: dict[int, int] = {}
        """Queued signals by the real user they are charged to (RLIMIT_SIGPENDING)."""
        self.signalfd_wqh = WaitQueue()
        """Readers of signalfds; woken by every signal sent."""
        self.host_inputs: dict[int, Any] = {}
        self.console: Any = None
        """The terminal of the machine, a tty.console.Console; None for none."""
        self.console_redirect: Any = None
        """The terminal that gets what is written to /dev/console (TIOCCONS)."""
        self.legacy_tiocsti = 1
        """dev.tty.legacy_tiocsti: whether TIOCSTI works for anybody."""
        self.pidfs_ino = 0
        """Inode number of the last process that got a pidfd."""
        self.unimplemented: dict[str, Unimplemented] = {}
        self.bacct: dict[PidNamespace, File] = {}
        """Where processes are accounted for, by PID namespace (kernel/acct.py)."""
        self.show_unhandled_signals = 1
        """debug.exception-trace: whether faults that kill programs are logged (kernel/show_signal.py)."""
        self.cad_enabled = 1
        """kernel.ctrl-alt-del: whether these keys restart the machine at once (kernel/reboot.py)."""
        self.cad_pid: Pid | None = None
        """Who gets SIGINT by them otherwise; None: PID 1."""
        self.panic_timeout = 0
        """kernel.panic: seconds from a panic to a restart; 0: none."""
        self.panic_text = b""
        """What the kernel panicked about."""
        self.ended = ""
        """Why the machine is over, once it is (ENDED_*)."""
        self.torn = False
        """A trap was ended in the middle (kernel/host_deadline.py): nothing is sure to be whole."""
        self.stopping = ""
        self.interrupt = ""
        """Why there is no process context; "" where there is."""
        self.by_stack: StackCurrent | None = None
        """How to find the current task by its stack; None in a machine where the CPU's variable says it."""
        self.pgfault = 0
        """Page faults of tasks that are gone."""
        self.oom_kills = 0
        self.autogroups = 0
        """Number of the last autogroup, and of the last login:"""
        self.audit_sessions = 0
        self.idle_ns = 0
        self.user_ns = self.nice_ns = self.system_ns = 0
        """Time of tasks that are gone; see `cpu_times`."""
        self._loads = [0, 0, 0]
        self._next_load = LOAD_FREQ_NS
        self.host_deadline: float | None = None
        self.init_status: int | None = None
        """Wait status of PID 1 once it is dead: the machine has ended then."""

    # --- pickling

    def __getstate__(self) -> dict[str, Any]:
        """All but the hardware; registers in architectural form. Only between runs."""
        self.cpu.park()
        if self.parked_at:
            from forkernel.mm.parking import unpark_all

            unpark_all(self)
        state = self.__dict__.copy()
        for name in ("cpu", "entry", "host_deadline"):
            del state[name]
        tasks = (self.init_task, *self.pids.tasks)
        state["leaders"] = list(for_each_process(self))
        state["images"] = [(task, self.cpu.hw.export_image(task.thread)) for task in tasks if task.thread is not None]
        return state

    def attach(self, cpu: Processor, entry: Callable[[System], Entry]) -> None:
        """Connect a restored machine to hardware (see `init.boot.reattach`)."""
        self.cpu = cpu
        self.host_deadline = None
        self.frames.flush_code, self.frames.flush_frame = cpu.hw.flush_code, cpu.hw.flush_frame
        self.tables.bind(self.frames, cpu)
        relink(self.init_task, self.__dict__.pop("leaders"))
        for task, image in self.__dict__.pop("images"):
            task.thread = cpu.hw.import_image(image)
        self.entry = entry(self)

    # --- memory

    def new_mm(self) -> MmStruct:
        """An empty address space; ENOMEM."""
        if self.flat is not None:
            from forkernel.mm.nommu import NommuMm

            return NommuMm(self.flat)
        return MmStruct(self)

    # --- who there is

    @property
    def child_reaper(self) -> Task:
        """Process 1."""
        reaper = self.pids.child_reaper
        assert reaper is not None
        return reaper

    @property
    def current(self) -> Task:
        """The task that the kernel works for (kernel/current.py); KernelBug outside process context."""
        if self.interrupt:
            raise not_process_context(self.interrupt)
        by_stack = self.by_stack
        return self.sched.current if by_stack is None else by_stack.current(self.sched.top_of_stack - 1)

    @property
    def cpu_curr(self) -> Task:
        """The task on the CPU, whatever is being done there; for who only looks (Linux: cpu_curr)."""
        return self.sched.current

    @property
    def tty_jobctrl(self) -> Any:
        """The module kernel.tty_jobctrl, for the room of terminals, which lies below."""
        from forkernel.kernel import tty_jobctrl

        return tty_jobctrl

    def run_timers(self, now: int) -> None:
        """The timer interrupt: what is due fires, for nobody in particular."""
        self.sched.timer_softirqs += 1
        before, self.interrupt = self.interrupt, IN_TIMER
        try:
            self.timers.run_expired(now)
        finally:
            self.interrupt = before

    @property
    def run_queues(self) -> Sequence[Scheduler]:
        """One for each CPU."""
        return (self.sched,) if self.smp is None else self.smp.rqs

    @property
    def pid_max(self) -> int:
        """One above the largest PID (/proc/sys/kernel/pid_max)."""
        return self.pids.pid_max

    @pid_max.setter
    def pid_max(self, value: int) -> None:
        self.pids.pid_max = value

    def all_tasks(self) -> Iterator[Task]:
        """Every task but process 0, in order of creation."""
        return iter(list(self.pids.tasks))

    def user_tasks(self, uid: int) -> int:
        """Threads of a user, for RLIMIT_NPROC."""
        return sum(task.cred.uid == uid for task in self.pids.tasks)

    def cpu_times(self) -> list[tuple[int, int, int, int]]:
        """Nanoseconds of each CPU in user mode, in niced user mode, in the kernel, and idle."""
        if self.smp is not None:
            return self.smp.cpu_times()
        user, nice, kernel = self.user_ns, self.nice_ns, self.system_ns
        for task in (self.init_task, *self.pids.tasks):
            if task.se.nice > 0:
                nice += task.utime
            else:
                user += task.utime
            kernel += task.stime
        return [(user, nice, kernel, self.idle_ns)]

    @property
    def load(self) -> tuple[int, int, int]:
        """Load averages over 1, 5 and 15 minutes, fixed point with 11 bits of fraction."""
        self.calc_load()
        return (self._loads[0], self._loads[1], self._loads[2])

    def calc_load(self) -> None:
        """Every 5 s the averages move towards the number of tasks that run or wait uninterruptibly (loadavg.c)."""
        now = self.clock.now
        if now < self._next_load:
            return
        waiting = sum(bool(task.state & TASK_UNINTERRUPTIBLE) and not task.exit_state for task in self.pids.tasks)
        running = sum(rq.nr_running + bool(rq.current.pid) for rq in self.run_queues)
        active = (running + waiting) << 11
        for _ in range(min((now - self._next_load) // LOAD_FREQ_NS + 1, 1000)):
            self._loads = [
                (load * decay + active * (2048 - decay) + (2047 if active >= load else 0)) >> 11
                for load, decay in zip(self._loads, LOAD_DECAY, strict=True)
            ]
        self._next_load = now - now % LOAD_FREQ_NS + LOAD_FREQ_NS

    def account_dead(self, task: Task) -> None:
        """release_task: keep the CPU time of a task that goes."""
        if task.se.nice > 0:
            self.nice_ns += task.utime
        else:
            self.user_ns += task.utime
        self.system_ns += task.stime
        self.pgfault += task.min_flt + task.maj_flt

    # --- idle

    def idle(self) -> bool:
        """Nothing is runnable: wait for the next timer or for input from the host (process 0's job).

        False if neither can come: the run is over, or hangs.
        """
        self.calc_load()
        due = self.timers.next_expiry
        waiting = [source for source in self.host_inputs.values() if source.wanted()]
        now = self.clock.monotonic()
        if due <= now:
            self.run_timers(now)
            return True
        if due >= KTIME_MAX and not waiting:
            return False
        seconds = self.clock.idle_seconds(due) if due < KTIME_MAX else None
        if self._poll_host(waiting, seconds):
            return True
        if self.host_deadline is not None and time.monotonic() >= self.host_deadline:
            self.entry.stop("timeout")
            return True
        if due < KTIME_MAX:
            self.idle_ns += max(due - now, 0)
            self.clock.jump_to(due + IDLE_EXIT_NS)
            self.run_timers(self.clock.monotonic())
        return True

    def poll_inputs(self) -> bool:
        """While tasks run: whether there is input from the host for one that waits, which is then woken."""
        waiting = [source for source in self.host_inputs.values() if source.wanted()]
        return bool(waiting) and self._poll_host(waiting, 0)

    def _poll_host(self, waiting: list[Any], seconds: float | None) -> bool:
        """Wait for host descriptors, at most so long (None: for ever); whether one became readable."""
        if self.host_deadline is not None:
            left = max(self.host_deadline - time.monotonic(), 0.0)
            seconds = left if seconds is None else min(seconds, left)
        if not waiting:
            if seconds:
                time.sleep(seconds)
            return False
        by_fd = {source.host_fd: source for source in waiting}
        try:
            ready = select.select(list(by_fd), [], [], seconds)[0]
        except (OSError, ValueError):
            ready = list(by_fd)
        before, self.interrupt = self.interrupt, IN_INPUT
        try:
            for fd in ready:
                by_fd[fd].wake_up()
        finally:
            self.interrupt = before
        return bool(ready)

    # --- the rest

    def stir_entropy(self, child: Task) -> None:
        """A fork adds the child's PID and the time to the entropy pool; both repeat with the run."""
        self._stirred = (self._stirred * 0x9E3779B97F4A7C15 ^ child.pid << 32 ^ self.clock.now) & MASK64 | 1

    @property
    def rng(self) -> random.Random:
        """What getrandom and address-space randomisation draw on; what was stirred in is taken up first."""
        if self._stirred:
            self._rng.seed(self._rng.getrandbits(64) ^ self._stirred)
            self._stirred = 0
        return self._rng

    def pidfd_file(self, pid: Any) -> Any:
        """A pidfd, for rooms below (Linux: pidfd_prepare)."""
        from forkernel.kernel.pidfd import pidfd_create

        return pidfd_create(self, pid, 0)

    def note_unimplemented(self, name: str, task: Task) -> None:
        """Count a call that is not there; the first caller is remembered."""
        note = self.unimplemented.get(name)
        if note is None:
            comm = task.comm.decode(errors="replace")
            note = self.unimplemented[name] = Unimplemented(name, comm, task.pid)
        note.count += 1

    def init_died(self, code: int) -> None:
        """Process 1 is gone, and with it the machine."""
        from forkernel.kernel.panic import panic

        self.init_status = code
        panic(self, b"Attempted to kill init! exitcode=0x%08x" % code, ENDED_INIT)

    def end(self, why: str) -> None:
        """The machine is over after this trap (ENDED_*); the first reason counts."""
        self.ended = self.ended or why
        self.entry.stop(self.ended)

    # --- out of memory

    def reclaim(self, wanted: int) -> int:
        """Free about `wanted` frames: empty slabs and stacks, clean pages of the page cache, and programs kept for the
        next execve.
        """
        done = self.slabs.shrink() + self.stacks.shrink()
        if done < wanted:
            done += self.vfs.reclaim(wanted - done)
        if done < wanted and self.exec_images.clear():
            done += self.vfs.reclaim(wanted) + self.slabs.shrink() + 1
        return done

    def out_of_memory(self) -> bool:
        """Let the OOM killer pick somebody; False if there is nobody to kill or it is the current task."""
        from forkernel.kernel.oom_log import dump_header
        from forkernel.mm.oom import out_of_memory

        current = self.current
        if not self.oom_is_dying(current.group_leader):
            dump_header(self, current)
        if self.vm.oom_kill_allocating_task and self._may_oom_kill(current):
            self.oom_kill(current.group_leader)
            return False
        return out_of_memory(self, current)

    def _may_oom_kill(self, task: Task) -> bool:
        """Whether a task's process is one that the OOM killer may take."""
        spared = task.signal.oom_score_adj == OOM_SCORE_ADJ_MIN
        return not spared and task.group_leader in self.oom_candidates()

    def oom_candidates(self) -> list[Task]:
        """Processes the OOM killer may look at: not process 1, not kernel threads."""
        return [
            task
            for task in self.pids.processes()
            if task is not self.child_reaper and any(thread.mm is not None for thread in task.signal.threads)
        ]

    def oom_is_dying(self, leader: Task) -> bool:
        """Whether the process was killed already and only has to run to its end."""
        from forkernel.kernel.signal import fatal_signal_pending

        return any(fatal_signal_pending(thread) for thread in leader.signal.threads)

    def oom_kill(self, leader: Task) -> None:
        """SIGKILL from the kernel; even for PID 1, which is asked for only when nobody else is left to kill."""
        from forkernel.kernel import oom_log
        from forkernel.kernel.signal import send_signal
        from forkernel.kernel.task import SIGNAL_UNKILLABLE

        leader.signal.flags &= ~SIGNAL_UNKILLABLE
        oom_log.killed(self, leader)
        self.oom_kills += 1
        if fire := self.trace.mark_victim:
            fire(leader)
        send_signal(SIGKILL, None, leader, group=True)
