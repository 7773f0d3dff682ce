"""`forkernel boot`: a machine with an init of its own, from the kernel's command line to its end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from forkernel.cli.options import COMMANDS, parse
from forkernel.cli.run import ENDINGS, Run, complain, machine

if TYPE_CHECKING:
    from forkernel.api import Kernel, Process
    from forkernel.cli.host_signals import HostSignals

EXIT_PANIC = 1
QUIET_END = "power off"
"""The end that is no news."""


def main_boot(words: list[str]) -> int:
    """Do `forkernel boot`; the exit status."""
    if words and words[0] in ("--help", "-h"):
        from forkernel.cli.help import help_text

        print(help_text("boot"), end="")
        return 0
    values, parameters = parse("boot", COMMANDS["boot"].options, words)
    boot = Boot(values, parameters)
    status = boot.main()
    while boot.restarting and values["restarts"]:
        values["restarts"] -= 1
        status = boot.main()
    return status


def command_line(parameters: list[str]) -> list[str]:
    """The kernel's command line: as given, with the kind of terminal that the console is."""
    terminal = os.environ.get("TERM")
    if not terminal or not os.isatty(0) or any(word.startswith("TERM=") for word in parameters):
        return parameters
    end = parameters.index("--") if "--" in parameters else len(parameters)
    return [*parameters[:end], f"TERM={terminal}", *parameters[end:]]


class Boot(Run):
    """One boot."""

    def __init__(self, values: dict[str, Any], parameters: list[str]) -> None:
        super().__init__("boot", values, ["the machine"])
        self.parameters = parameters
        self.restarting = False
        """Whether the guest has asked to boot again."""

    def main(self) -> int:
        """Boot, run to the end, report; the exit status."""
        if os.isatty(0):
            from forkernel.cli.terminal import host_terminal

            self.terminal = host_terminal(watched=True, cook_output=False)
        from forkernel.api import Kernel

        with Kernel(**machine(self.values), stdin="host", cmdline=command_line(self.parameters)) as kernel:
            return self.go_on(kernel, kernel.boot())

    def exit_status(self, kernel: Kernel, process: Process, why: str, signals: HostSignals) -> int:
        """0 for a machine that was switched off or halted, others as `ENDINGS` has them; a panic is told."""
        system = kernel.system
        self.restarting = system.ended == "restart" or bool(system.panic_text and system.panic_timeout)
        if system.panic_text:
            complain(f"Kernel panic - not syncing: {system.panic_text.decode(errors='replace')}")
            return EXIT_PANIC
        if system.ended == QUIET_END or (self.restarting and self.values["restarts"]):
            return ENDINGS[system.ended][0]
        return super().exit_status(kernel, process, why, signals)
