"""`forkernel ps`, `inspect` and `resume`: what can be done with the file of `--snapshot`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from forkernel.cli.options import COMMANDS, UsageError, parse
from forkernel.errors import UserError

if TYPE_CHECKING:
    from forkernel.views import Report, View


def arguments(command: str, words: list[str], most: int) -> tuple[dict[str, Any], list[str]] | None:
    """Option values and the other words, in any order; None when only help was asked for. UsageError."""
    if "--help" in words or "-h" in words:
        from forkernel.cli.help import help_text

        print(help_text(command), end="")
        return None
    options = COMMANDS[command].options
    valued = {option.name for option in options if option.metavar is not None}
    chosen: list[str] = []
    plain: list[str] = []
    at = 0
    while at < len(words):
        word = words[at]
        if word.startswith("-") and word != "-":
            count = 2 if word in valued else 1
            chosen += words[at : at + count]
            at += count
        else:
            plain.append(word)
            at += 1
    values, _ = parse(command, options, chosen)
    if not plain:
        raise UsageError("no file is named", command)
    if len(plain) > most:
        raise UsageError(f"{plain[most]!r} is one word too many", command)
    return values, plain


def main_ps(words: list[str]) -> int:
    """`forkernel ps FILE`: the processes."""
    found = arguments("ps", words, 1)
    if found is None:
        return 0
    from forkernel.api import Kernel

    values, (path,) = found
    with Kernel.load(path, writable_binds=True) as kernel:
        display(kernel.ps(tree=values["tree"], threads=values["threads"]), as_json=values["json"])
    return 0


def main_inspect(words: list[str]) -> int:
    """`forkernel inspect FILE [WHAT]`: a view."""
    found = arguments("inspect", words, 2)
    if found is None:
        return 0
    from forkernel.api import Kernel

    values, (path, *what) = found
    with Kernel.load(path, writable_binds=True) as kernel:
        default = "task" if values["pid"] is not None else "machine"
        display(kernel.inspect(what[0] if what else default, values["pid"]), as_json=values["json"])
    return 0


def display(view: View | Report, *, as_json: bool) -> None:
    """Print: JSON, a table by rich on a terminal, plain columns elsewhere."""
    if as_json:
        print(json.dumps(view.to_data(), indent=1))
    elif sys.stdout.isatty():
        from rich.console import Console

        Console().print(view)
    else:
        print(view)


def main_resume(words: list[str]) -> int:
    """`forkernel resume FILE`: go on where the run was saved."""
    found = arguments("resume", words, 1)
    if found is None:
        return 0
    from forkernel.api import Kernel
    from forkernel.cli.run import Run

    values, (path,) = found
    with Kernel.load(path, writable_binds=values["rw"]) as kernel:
        process = next((process for process in kernel.processes if process.status is None), None)
        if process is None or kernel.system.ended:
            raise UserError(f"{path}: its programs have ended, there is nothing to go on with")
        run = Run("resume", values, [word.decode(errors="replace") for word in process.argv])
        if kernel.system.console is not None:
            from forkernel.cli.terminal import host_terminal

            run.terminal = host_terminal(watched=False, cook_output=False)
        return run.go_on(kernel, process)
