"""The public Python interface: make a machine, start programs in it, run it, look at what happened.

from forkernel import Kernel
with Kernel(root="/", seed=1) as k:
    p = k.spawn(["/bin/sh", "-c", "exit 3"])
    k.run()
    assert p.status.exit_code == 3
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from forkernel.abi.errno import ENOENT
from forkernel.abi.errno import NAMES as ERRNO_NAMES
from forkernel.abi.signal import SIGINT
from forkernel.errors import KernelBug, SysError, UserError
from forkernel.init.boot import BuiltinInit, Program, reattach, start_kernel
from forkernel.init.setup import Setup, Streams
from forkernel.kernel.hrtimer import Timer
from forkernel.kernel.kthread import kernel_thread
from forkernel.kernel.system import Options, System, Unimplemented
from forkernel.kernel.task import EXIT_ZOMBIE, STATE_LETTERS, Task

if TYPE_CHECKING:
    from forkernel.init.main import KernelInit
    from forkernel.kernel.failpoints import FailPoint, FailPoints
    from forkernel.kernel.slabtop import KernelStack, SlabTable
    from forkernel.tty.console import Console
    from forkernel.views import Report, View
    from forkernel.views.inspect import TaskView

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MIN_MEMORY = 4 << 20
MIN_PIDS = 8
MAX_CPUS = 64
PICKLE_STACK = 256 << 20


class Status(NamedTuple):
    """How a process ended, from its wait status (wait(2))."""

    wait_status: int

    @property
    def exit_code(self) -> int | None:
        """What it passed to exit, 0-255; None if a signal killed it."""
        return self.wait_status >> 8 & 0xFF if self.signal is None else None

    @property
    def signal(self) -> int | None:
        """The signal that killed it; None if it exited."""
        return self.wait_status & 0x7F or None

    @property
    def shell_code(self) -> int:
        """As a shell shows it: the exit code, or 128 + signal."""
        return 128 + self.signal if self.signal is not None else self.exit_code or 0


class Process:
    """A program started by `Kernel.spawn`."""

    def __init__(
        self, kernel: Kernel, task: Task, program: Program | KernelInit, output: bytearray, errors: bytearray
    ) -> None:
        self._kernel = kernel
        self._program = program
        self._stdout = output
        self._stderr = errors
        self.pid = task.pid

    @property
    def argv(self) -> list[bytes]:
        """Its name and arguments."""
        return self._program.argv

    @property
    def status(self) -> Status | None:
        """How it ended; None while it lives."""
        found = self._kernel.wait_status(self.pid)
        return None if found is None else Status(found)

    @property
    def exec_error(self) -> int:
        """errno of the exec if the program could not be started, else 0."""
        return self._program.error

    @property
    def stdout(self) -> bytes:
        """What it, and its children, wrote to standard output so far (with stdout="capture")."""
        return bytes(self._stdout)

    @property
    def stderr(self) -> bytes:
        """The same for standard error."""
        return bytes(self._stderr)

    def __getstate__(self) -> dict[str, Any]:
        """All but the kernel, which holds its processes and gives itself back to them."""
        return {name: value for name, value in self.__dict__.items() if name != "_kernel"}

    def rebind(self, kernel: Kernel) -> None:
        """Belong to a restored kernel."""
        self._kernel = kernel

    def __repr__(self) -> str:
        return f"<Process {self.pid} {b' '.join(self.argv).decode(errors='replace')!r} {self.status or 'alive'}>"


class Kernel:
    """One machine. All parameters have the meaning of the command's options of the same name.

    `root`: a directory or tar archive; `binds`: "HOST:GUEST[:rw]"; `memory`: bytes; `pids`: most tasks at
    once; `clock`: "virtual" or "real"; `cwd`, `env`: defaults for `spawn`; `stdin`: bytes, "host", or None
    for nothing; `stdout`: "capture", or "host" for the host's descriptors 1 and 2; `terminal`: programs have the
    console as standard input, output and error, what is on `stdin` is typed there, and what they put out goes to
    `stdout`; with "host", only in the place of those host descriptors that are terminals; `trace`: a sink (see
    `forkernel.trace`); `fail`: steps to fail, "STEP[:N[:ERRNO]]" (see `forkernel.kernel.failpoints`); `current`: how
    the kernel finds the current task, "percpu" or "stack" (see `forkernel.kernel.current`); `cmdline`: the words of
    the kernel's command line, for `boot`. Raises UserError for values that cannot be.
    """

    def __init__(
        self,
        root: str = "/",
        seed: int = 0,
        *,
        memory: int = 512 << 20,
        pids: int | None = None,
        cpus: int = 1,
        clock: str = "virtual",
        binds: Sequence[str] = (),
        cwd: str | None = None,
        env: dict[str, str] | None = None,
        strict: bool = False,
        trace: Any = None,
        stdin: bytes | Literal["host"] | None = None,
        stdout: Literal["capture", "host"] = "capture",
        terminal: bool | Literal["host"] = False,
        user: tuple[int, int, tuple[int, ...]] | None = None,
        fail: Sequence[str] = (),
        mmu: bool = True,
        current: str = "percpu",
        cmdline: Sequence[str] | None = None,
    ) -> None:
        if memory < MIN_MEMORY:
            raise UserError(f"--memory: {memory} bytes is too little, {MIN_MEMORY >> 20} MiB is the least")
        if clock not in ("virtual", "real"):
            raise UserError(f"--clock: {clock!r} is neither virtual nor real")
        if pids is not None and pids < MIN_PIDS:
            raise UserError(f"--pids: {pids} is too few, {MIN_PIDS} is the least")
        if not 1 <= cpus <= MAX_CPUS:
            raise UserError(f"--cpus: {cpus} is not possible, only 1 to {MAX_CPUS}")
        if current not in ("percpu", "stack"):
            raise UserError(f"--current: {current!r} is neither percpu nor stack")
        memory = (memory + 4095) & ~4095
        options = Options(
            root=root,
            memory=memory,
            pids=pids,
            seed=seed,
            clock=clock,
            strict=strict,
            cpus=cpus,
            mmu=mmu,
            current=current,
            cmdline=None if cmdline is None else tuple(os.fsencode(word) for word in cmdline),
        )
        self.cwd = cwd
        self.env = env
        self.user = user if user is not None else (os.getuid(), os.getgid(), tuple(os.getgroups()))
        self._stdin = stdin
        self._stdout = stdout
        self._terminal = terminal
        self._processes: list[Process] = []
        failpoints = _failpoints(list(fail)) if fail else None
        from_boot = getattr(trace, "from_boot", False)
        self.system: System = start_kernel(options, list(binds), watcher=trace if from_boot else None)
        self.system.failpoints = failpoints
        if terminal or cmdline is not None:
            self.system.console = self._make_console()
        if trace is not None and not from_boot:
            self.system.trace.attach(trace)

    def _make_console(self) -> Console:
        """The terminal, with what types there and what shows it."""
        from forkernel.tty.console import Console

        console = Console(self.system, 1 if self._stdout == "host" else None)
        if self._stdin == "host":
            console.attach(0)
        elif self._stdin is not None:
            console.type(self._stdin)
        return console

    @property
    def terminal(self) -> Console:
        """The machine's terminal: `type(keys)`, `set_size(rows, columns)`, and `output`, what was put out (with
        stdout="capture"). UserError if there is none.
        """
        console: Console | None = self.system.console
        if console is None:
            raise UserError("this machine has no terminal (terminal=True)")
        return console

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- programs

    def spawn(
        self,
        argv: Sequence[str | bytes],
        *,
        env: dict[str, str] | None = None,
        cwd: str | None = None,
        stdin: bytes | None = None,
        init: bool = False,
    ) -> Process:
        """Start a program (found along PATH as a shell would) as a child of PID 1, or with `init` as PID 1.

        It first runs at the next `run`. Whether it could be executed is known then: `exec_error`.
        """
        arguments = [os.fsencode(argument) for argument in argv]
        if not arguments:
            raise UserError("no program given")
        environment = env if env is not None else self.env
        if environment is None:
            environment = {"PATH": DEFAULT_PATH, "HOME": "/root" if self.user[0] == 0 else "/", "TERM": "dumb"}
        envp = [os.fsencode(f"{key}={value}") for key, value in environment.items()]
        if any(b"\0" in text for text in (*arguments, *envp)):
            raise UserError("a NUL character in an argument or in the environment")
        output, errors = bytearray(), bytearray()
        setup = Setup(self._streams(stdin, output, errors), cwd if cwd is not None else self.cwd, self.user)
        program = Program(b"", arguments, envp, setup)
        program.path = self._find(arguments[0], environment.get("PATH", DEFAULT_PATH), setup)
        task = self._start(program, arguments[0], init=init)
        process = Process(self, task, program, output, errors)
        self._processes.append(process)
        return process

    def _streams(self, stdin: bytes | None, output: bytearray, errors: bytearray) -> Streams:
        return Streams(
            stdin if stdin is not None else self._stdin, self._stdout == "host", output, errors, self._terminal
        )

    def boot(self) -> Process:
        """Have PID 1 look for an init and execute it, as `cmdline` says (init/main.py). It runs at the next `run`,
        which returns how the machine ended. The process is PID 1; its output is all that the console (`terminal`)
        showed, and what is on `stdin` is typed there.
        """
        from forkernel.fs.dentry import MNT_READONLY
        from forkernel.init.main import KernelInit, parse_cmdline

        system = self.system
        if system.options.cmdline is None or self._processes:
            raise UserError("boot: the machine was not made for it, or was booted already")
        if any(b"\0" in word for word in system.options.cmdline):
            raise UserError("a NUL character in the kernel's command line")
        params = parse_cmdline(system, system.options.cmdline)
        if params.readonly:
            system.vfs.root.mnt.flags |= MNT_READONLY
        system.printk.register_console(self.terminal)
        init = KernelInit(params)
        system.child_reaper.kthread = init
        system.sched.try_to_wake_up(system.child_reaper)
        process = Process(self, system.child_reaper, init, self.terminal.output, bytearray())
        self._processes.append(process)
        return process

    def _start(self, program: Program, name: bytes, *, init: bool) -> Task:
        system = self.system
        reaper = system.child_reaper
        if init:
            if self._processes:
                raise UserError("--init: PID 1 is a program already")
            reaper.kthread = program
            system.sched.try_to_wake_up(reaper)
            return reaper
        return kernel_thread(reaper, program, name.rpartition(b"/")[2].decode(errors="replace"))

    def _find(self, name: bytes, path: str, setup: Setup) -> bytes:
        """Where the program is: `name` itself if it has a slash, else the first executable along PATH."""
        if b"/" in name:
            return name
        vfs = self.system.vfs
        for folder in os.fsencode(path).split(b":"):
            candidate = (folder or b".") + b"/" + name
            try:
                file = vfs.open_exec(vfs.boot_task(), -100, candidate, 0)
            except SysError:
                continue
            file.put()
            return candidate
        return name if not path else b"/nonexistent/" + name

    # --- running

    def run(self, until: Process | Sequence[Process] | None = None, timeout: float | None = None) -> str:
        """Run until nothing is left to run, or until the given processes have ended.

        `timeout` is in host seconds. Returns why it stopped: "exited" (those given are gone), "idle"
        (nothing can ever run again), "timeout"; or how the machine ended: "init" (PID 1 died), "power off", "halt",
        "restart" (reboot(2)), "panic". Such a machine runs no more.
        """
        system = self.system
        if system.ended:
            return system.ended
        if until is not None:
            wanted = [until] if isinstance(until, Process) else list(until)
            alive = {process.pid for process in wanted if process.status is None}
            if not alive:
                return "exited"
            self._init().awaited |= alive
        deadline = time.monotonic() + timeout if timeout is not None else None
        system.host_deadline = deadline
        system.entry.run(deadline)
        return system.stopping

    def run_for(self, nanoseconds: int) -> str:
        """Run for so much virtual time; returns "time" when it is over, else as `run`."""
        system = self.system
        timer = StopTimer(system.clock.now + nanoseconds, system)
        system.timers.start(timer)
        try:
            return self.run()
        finally:
            system.timers.cancel(timer)

    # --- pickling

    def save(self, path: str) -> None:
        """Write the machine, between runs, to a file (`init/snapshot.py`); sinks of traces are left out. UserError."""
        from forkernel import __version__
        from forkernel.init.snapshot import save

        if self.system.torn:
            raise UserError("the machine was stopped in the middle of a call that did not end: it cannot be saved")

        trace = self.system.trace
        sinks, trace.sinks = trace.sinks, []
        about = {
            "version": __version__,
            "tasks": len(self.system.pids.tasks),
            "programs": [b" ".join(process.argv).decode(errors="replace") for process in self._processes],
        }
        try:
            _deeply(lambda: save(path, self.__dict__.copy(), about))
        finally:
            trace.sinks = sinks

    @classmethod
    def load(cls, path: str, *, writable_binds: bool = False) -> Kernel:
        """A machine from a file that `save` wrote, ready to be looked into and to go on. Reading it runs no code that
        the file brings; going on does what its programs do. UserError for any other file, and, without
        `writable_binds`, for a machine whose programs may write to the host.
        """
        from forkernel import __version__
        from forkernel.init.snapshot import load

        state = load(path, __version__, writable_binds=writable_binds)
        if not isinstance(state, dict) or not isinstance(state.get("system"), System):
            raise UserError(f"{path}: there is no machine in it")
        kernel = cls.__new__(cls)
        try:
            kernel._take_up(state)
        except Exception as error:
            raise UserError(
                f"{path}: damaged, the machine in it cannot be taken up ({type(error).__name__})"
            ) from error
        return kernel

    def _take_up(self, state: dict[str, Any]) -> None:
        """Become a machine that was pickled."""
        self.__dict__.update(state)
        for process in self._processes:
            process.rebind(self)
        reattach(self.system)

    def __getstate__(self) -> dict[str, Any]:
        """The machine between runs, as one byte string: a chain of processes nests deeper than the stack allows."""
        import pickle

        state = self.__dict__.copy()
        return {"blob": _deeply(lambda: pickle.dumps(state, pickle.HIGHEST_PROTOCOL))}

    def __setstate__(self, state: dict[str, Any]) -> None:
        import pickle

        self._take_up(_deeply(lambda: pickle.loads(state["blob"])))  # noqa: S301  # our own snapshot

    def _init(self) -> BuiltinInit:
        kthread = self.system.child_reaper.kthread
        return kthread if isinstance(kthread, BuiltinInit) else BuiltinInit()

    def wait_status(self, pid: int) -> int | None:
        """Wait status of a child of PID 1 that is gone, or of PID 1; None while it lives."""
        if pid == 1:
            return self.system.init_status
        return self._init().statuses.get(pid)

    def interrupt(self, sig: int = 2) -> None:
        """Send a signal as a terminal's ^C would: to its foreground group, or else to what `spawn` started. A machine
        that was booted takes SIGINT for Ctrl-Alt-Del.
        """
        from forkernel.kernel.signal import send_signal

        if self.system.options.cmdline is not None and sig == SIGINT:
            self.ctrl_alt_del()
            return
        console = self.system.console
        if console is not None and console.pgrp:
            console.signal_pgrp(sig)
            return
        for process in self._processes:
            task = self.system.pids.find(process.pid)
            if task is not None and process.status is None:
                send_signal(sig, None, task, group=True)

    def ctrl_alt_del(self) -> None:
        """Press Ctrl-Alt-Del: the machine restarts at once, or PID 1 gets SIGINT if it has asked for that (reboot(2),
        LINUX_REBOOT_CMD_CAD_OFF), as inits do.
        """
        from forkernel.kernel.reboot import ctrl_alt_del

        if not self.system.ended:
            ctrl_alt_del(self.system)

    def dmesg(self) -> str:
        """The kernel log, as dmesg shows it."""
        return "".join(
            f"{record.time().decode()}{record.text.decode(errors='replace')}\n" for record in self.system.printk.records
        )

    def stop(self) -> None:
        """Make `run` return soon; may be called from a signal handler."""
        self.system.entry.stop("stopped")

    # --- looking

    @property
    def processes(self) -> list[Process]:
        """What `spawn` started."""
        return list(self._processes)

    @property
    def repeatable(self) -> bool:
        """Whether time slices are counted in blocks of code, the same in every run (with the virtual clock)."""
        return bool(self.system.cpu.hw.repeatable)

    @property
    def unimplemented(self) -> list[Unimplemented]:
        """Calls that programs made and that are not there, in order of first use."""
        return list(self.system.unimplemented.values())

    def unreached_failures(self) -> list[FailPoint]:
        """Failures asked for by `fail` that did not come about: the step was not reached so often."""
        points = self.system.failpoints
        return points.unreached() if points is not None else []

    def tasks(self) -> list[Task]:
        """Every process by its leader, along the kernel's circular list: process 0 first (Linux: for_each_process)."""
        from forkernel.kernel.tasklist import for_each_process

        return [self.system.init_task, *for_each_process(self.system)]

    def slabs(self) -> SlabTable:
        """The caches of kernel objects, as /proc/slabinfo shows them; prints as a table."""
        from forkernel.kernel.slabtop import SlabTable

        return SlabTable(self.system.slabs.infos())

    def kernel_stack(self, pid: int) -> KernelStack | None:
        """The kernel stack of a task, with its user registers (pt_regs); None for a zombie, KeyError for no task."""
        from forkernel.kernel.slabtop import kernel_stack

        task = self.system.init_task if pid == 0 else self.system.pids.find(pid)
        if task is None:
            raise KeyError(pid)
        return kernel_stack(task)

    def leftover(self) -> list[Task]:
        """User processes and zombies that are still there; none when the machine has ended."""
        if self.system.ended:
            return []
        return [task for task in self.system.pids.processes() if not task.flags & 0x200000]

    def ps(self, *, tree: bool = False, threads: bool = False) -> View:
        """The processes as ps shows them; as a tree; with `threads` every task."""
        from forkernel.views.tasks import ps

        return ps(self.system, tree=tree, threads=threads)

    def task(self, pid: int) -> TaskView:
        """One task by its number as the machine counts. UserError if there is none."""
        from forkernel.views.inspect import TaskView, find

        return TaskView(find(self, pid))

    def inspect(self, what: str = "machine", pid: int | None = None) -> View | Report:
        """A view by name: machine, tree, ps, frames, pids, slabs; task, vmas, pagetables, files, signals, of one
        task with `pid`; all. UserError.
        """
        from forkernel.views.inspect import inspect

        return inspect(self, what, pid)

    def __rich__(self) -> Any:
        return self.ps(tree=True).__rich__()

    def _repr_html_(self) -> str:
        """For a notebook: the processes."""
        return self.ps(tree=True)._repr_html_()

    def tree(self) -> str:
        """The process tree, one line a process: PID, state, name; threads in braces."""
        lines: list[str] = []
        self._tree(self.system.init_task, "", lines)
        return "\n".join(lines)

    def _tree(self, task: Task, indent: str, lines: list[str]) -> None:
        lines.append(f"{indent}{task.pid} {_state(task)} {task.comm.decode(errors='replace')}")
        for thread in task.signal.threads:
            if thread is not task:
                lines.append(f"{indent}  {{{thread.pid} {_state(thread)} {thread.comm.decode(errors='replace')}}}")
        for thread in task.signal.threads:
            for child in thread.children:
                self._tree(child, indent + "  ", lines)

    def close(self) -> None:
        """End the machine: sinks are flushed."""
        self.system.trace.close()


def _failpoints(texts: list[str]) -> FailPoints | None:
    """Fail points from what a user wrote; most runs need none, nor the module. UserError."""
    from forkernel.kernel.failpoints import make_failpoints

    return make_failpoints(texts)


class StopTimer(Timer):
    """Ends a run at a virtual time."""

    __slots__ = ("system",)

    def __init__(self, expires: int, system: System) -> None:
        super().__init__(expires)
        self.system = system

    def fire(self) -> None:
        """Stop."""
        self.system.entry.stop("time")


def _deeply(work: Callable[[], Any]) -> Any:
    """Do `work` in a thread with a large stack and no limit on recursion to speak of."""
    import threading

    result: list[Any] = []
    mistakes: list[UserError] = []

    def attempt() -> None:
        try:
            result.append(work())
        except UserError as error:
            mistakes.append(error)

    old_size, old_limit = threading.stack_size(PICKLE_STACK), sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    try:
        thread = threading.Thread(target=attempt)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(old_size)
        sys.setrecursionlimit(old_limit)
    if mistakes:
        raise mistakes[0]
    if not result:
        raise KernelBug("the machine cannot be pickled")
    return result[0]


def _state(task: Task) -> str:
    """The letter ps shows."""
    if task.exit_state == EXIT_ZOMBIE:
        return "Z"
    return STATE_LETTERS.get(task.state & 0xF, "R")


def errno_name(number: int) -> str:
    """ENOENT and so on."""
    return ERRNO_NAMES.get(number, str(number))


__all__ = ["ENOENT", "Kernel", "Process", "Status", "UserError", "errno_name"]
