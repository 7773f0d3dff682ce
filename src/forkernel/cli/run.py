"""`forkernel run`, `trace` and `explain`: from the command line to a finished run and an exit status.

One path: parse, build the Kernel, start the program, run, report on standard error, exit as the program did.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import ENOENT
from forkernel.abi.stat import S_IFDIR, S_IFMT
from forkernel.cli.host_signals import HostSignals
from forkernel.cli.options import COMMANDS, UsageError, parse
from forkernel.errors import SysError

if TYPE_CHECKING:
    from forkernel.api import Kernel, Process
    from forkernel.cli.terminal import HostTerminal

EXIT_TIMEOUT = 124
EXIT_FAILURE = 125
"""A failure of forkernel itself."""
SETTLING = 100_000_000
"""--check: nanoseconds in which PID 1 reaps what the program left behind, and kernel threads end their work."""
STOPPED = "stop-at"
"""What `Kernel.run` returns after --stop-at (kernel/stop_at.py)."""
EXIT_CANNOT_RUN = 126
EXIT_ESCAPED = 128 + 9
ESCAPED, SUSPENDED = "escape", "suspend"
"""What `Kernel.run` returns after ^]^]^] and ^Z (tty/console.py)."""
EXIT_NOT_FOUND = 127
ENDINGS = {
    "power off": (0, "the machine was powered off"),
    "halt": (0, "the machine was halted"),
    "restart": (128 + 1, "the machine was restarted"),
}
"""Exit status and line for each way that reboot(2) ends a run. For a restart the status is what one sees of a container
whose init restarts: death by SIGHUP.
"""

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def main_run(command: str, words: list[str]) -> int:
    """Do `forkernel run`, `trace` or `explain`; the exit status."""
    values, program = parse_words(command, words)
    if values is None:
        return 0
    return Run(command, values, program).main()


def parse_words(command: str, words: list[str]) -> tuple[dict[str, Any] | None, list[str]]:
    """Option values and program; no values when only help was asked for. UsageError."""
    before = words[: words.index("--")] if "--" in words else words[:1]
    if "--help" in before or "-h" in before:
        from forkernel.cli.help import help_text

        print(help_text(command), end="")
        return None, []
    values, program = parse(command, COMMANDS[command].options, words)
    if not program:
        raise UsageError("no program is named", command)
    if not program[0]:
        raise UsageError("the program's name is empty", command)
    return values, program


def environment(values: dict[str, Any]) -> dict[str, str]:
    """The program's environment: the host's for the host's tree, a small one for another root."""
    if values["clear_env"]:
        variables: dict[str, str] = {}
    elif values["root"] == "/":
        variables = dict(os.environ)
    else:
        variables = {"PATH": DEFAULT_PATH, "HOME": "/root", "TERM": os.environ.get("TERM", "dumb")}
    variables.update(values["env"])
    return variables


def clock_kind(values: dict[str, Any]) -> str:
    """The clock asked for; without a choice the real one where somebody sits at a terminal."""
    kind: str | None = values["clock"]
    return kind or ("real" if os.isatty(0) else "virtual")


def machine(values: dict[str, Any]) -> dict[str, Any]:
    """Parameters of a Kernel from the options that every run takes."""
    return {
        "root": values["root"],
        "binds": values["bind"],
        "memory": values["memory"],
        "pids": values["pids"],
        "cpus": values["cpus"],
        "seed": values["seed"],
        "clock": clock_kind(values),
        "strict": values["strict"],
        "mmu": not values["no_mmu"],
        "current": values["current"],
        "fail": values["fail"],
        "stdout": "host",
    }


class Run:
    """One run of a program."""

    def __init__(self, command: str, values: dict[str, Any], program: list[str]) -> None:
        self.command = command
        self.values = values
        self.program = program
        self.told = False
        """Whether the processes left behind were named already."""
        self.terminal: HostTerminal | None = None
        """The user's, if the guest has it."""

    def main(self) -> int:
        """Boot, run, report; the exit status."""
        values = self.values
        terminal = self.make_terminal()
        sink = self.make_sink()
        from forkernel.api import Kernel

        keys: Any = "host" if values["interactive"] or not values["tty"] else None
        options = machine(values)
        try:
            with Kernel(**options, env=environment(values), trace=sink, stdin=keys, terminal=terminal) as kernel:
                return self.run(kernel)
        finally:
            if self.terminal is not None:
                self.terminal.dismiss_watcher()

    def make_terminal(self) -> Any:
        """What kind of terminal the guest has; the user's own is looked after from here on."""
        if not self.values["tty"] and not (os.isatty(0) and os.isatty(1)):
            return False
        from forkernel.cli.terminal import host_terminal, terminal_kind

        self.terminal = host_terminal(watched=True, cook_output=self.command != "run")
        return terminal_kind(tty=self.values["tty"])

    def working_directory(self, kernel: Kernel) -> str | None:
        """Where the program starts: as asked, or (None: `/`) where we are if the guest has that place."""
        cwd: str | None = self.values["cwd"]
        if cwd is not None or self.values["root"] != "/":
            return cwd
        vfs = kernel.system.vfs
        try:
            here = os.getcwd()
            place = vfs.resolve(vfs.boot_task(), os.fsencode(here))
        except (OSError, SysError):
            return None
        return here if place.inode.mode & S_IFMT == S_IFDIR else None

    def make_sink(self) -> Any:
        """Where trace events go; None for plain runs."""
        if self.command == "run":
            return None
        if self.command == "explain":
            from forkernel.cli.explain import make_collector

            return make_collector(self.values, self.program)
        from forkernel.cli.tracing import make_sink

        return make_sink(self.values)

    def run(self, kernel: Kernel) -> int:
        """Start the program and run it to its end."""
        process = kernel.spawn(self.program, init=self.values["init"], cwd=self.working_directory(kernel))
        return self.go_on(kernel, process)

    def go_on(self, kernel: Kernel, process: Process) -> int:
        """Run a program that is there to its end, or to where --stop-at stops it; --snapshot saves what is then."""
        stop = self.values["stop_at"]
        if stop is not None:
            stop.attach(kernel.system)
        with HostSignals(kernel, self.terminal) as signals, self.at_terminal(kernel):
            why = self.until_end(kernel, process, signals)
        status = self.exit_status(kernel, process, why, signals)
        if kernel.unimplemented or kernel.leftover() or not kernel.repeatable or kernel.unreached_failures():
            self.report(kernel, process)
        if stop is not None and not stop.reached:
            from forkernel.cli.report import times

            happened = f"it happened {times(stop.count)}" if stop.count else "it never happened"
            complain(f"--stop-at {stop}: not stopped, {happened}")
        if self.values.get("check"):
            status = self.check(kernel) or status
        if self.values["snapshot"] is not None:
            kernel.save(self.values["snapshot"])
        return status

    def check(self, kernel: Kernel) -> int:
        """--check: EXIT_FAILURE if the machine is not sound, or something was not given back though all have ended."""
        from forkernel.errors import KernelBug
        from forkernel.kernel import invariants
        from forkernel.kernel.leaks import leaks, leftover_tasks

        if kernel.system.torn:
            complain("--check: the run was ended in the middle of a call, the machine cannot be checked")
            return EXIT_FAILURE
        if kernel.system.stopping == "exited":
            kernel.run_for(SETTLING)
        try:
            invariants.check(kernel.system)
        except KernelBug as bug:
            complain(f"--check: {bug}")
            return EXIT_FAILURE
        lines = [] if leftover_tasks(kernel.system) else leaks(kernel.system)
        for line in lines:
            complain(f"--check: {line}")
        return EXIT_FAILURE if lines else 0

    def at_terminal(self, kernel: Kernel) -> AbstractContextManager[Any]:
        """The user's terminal is the guest's meanwhile, if that has one."""
        if self.terminal is None or kernel.system.console is None:
            return nullcontext()
        values = self.values
        return self.terminal.of(kernel, keyboard=values.get("interactive") or not values.get("tty"))

    def report(self, kernel: Kernel, process: Process) -> None:
        """What is worth knowing at the end."""
        from forkernel.cli.report import failure_lines, leftover_lines, missing_lines, repeatable_lines

        for line in repeatable_lines(kernel) + missing_lines(kernel) + failure_lines(kernel):
            complain(line)
        stopped = kernel.system.stopping == STOPPED
        for line in [] if self.told or stopped else leftover_lines(kernel, process):
            complain(line)

    def until_end(self, kernel: Kernel, process: Process, signals: HostSignals) -> str:
        """Run, passing on signals of the host as they come; why it ended (see Kernel.run)."""
        limit: float | None = self.values["timeout"]
        end = None if limit is None else time.monotonic() + limit
        while not signals.ending:
            left = None if end is None else max(end - time.monotonic(), 0.001)
            why = kernel.run(until=process, timeout=left)
            if why == SUSPENDED and self.terminal is not None:
                self.terminal.suspend()
            elif why != "stopped":
                return why
            signals.deliver()
        return "stopped"

    def exit_status(self, kernel: Kernel, process: Process, why: str, signals: HostSignals) -> int:
        """The status of the whole run; a line on stderr where it is not the program's own."""
        name = self.program[0]
        if process.exec_error:
            from forkernel.trace.text import MESSAGES

            complain(f"{name}: {MESSAGES.get(process.exec_error, 'cannot be run')}")
            return EXIT_NOT_FOUND if process.exec_error == ENOENT else EXIT_CANNOT_RUN
        if process.status is not None:
            return process.status.shell_code
        if why in ENDINGS:
            status, what = ENDINGS[why]
            complain(what)
            return status
        if signals.ending:
            return 128 + signals.ending
        if why == ESCAPED:
            complain("ended by ^]^]^]")
            return EXIT_ESCAPED
        if why == "timeout":
            complain(f"{name} did not end within {self.values['timeout']:g} s")
            return EXIT_TIMEOUT
        if why == STOPPED:
            complain(f"stopped at {self.values['stop_at']}, virtual time {kernel.system.clock.now / 1e9:.9f} s")
            return 0
        complain("every process waits for something that can never happen")
        from forkernel.cli.report import describe_wait

        for task in kernel.leftover():
            complain(describe_wait(task))
        self.told = True
        return EXIT_TIMEOUT


def complain(line: str) -> None:
    """One line on standard error."""
    print(f"forkernel: {line}", file=sys.stderr, flush=True)
