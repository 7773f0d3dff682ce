"""The text of --help."""

from __future__ import annotations

import textwrap

from forkernel.cli.options import COMMANDS, Option, UsageError

WIDTH = 96
INTRO = """\
usage: forkernel COMMAND [options] ...

Run Linux programs on a Linux process kernel written in Python, on an emulated CPU.
Nothing the program does creates a host process or changes a host file.

commands:
"""
STATUS = """\
exit status:
  the program's own; 128+N if signal N ended it
  124  the --timeout was reached, or every process waits for what can never happen
  125  a mistake in the options above, or a failure of forkernel itself
  126  PROGRAM was found but cannot be run
  127  PROGRAM was not found
"""
PARAMETERS = """\
parameters, as on Linux's command line (bootparam(7)):
  init=PROGRAM     the init to run
  ro, rw           mount the root read-only, writable (default; what is written stays in memory)
  quiet, debug, loglevel=N   which of the kernel's messages the console shows
  panic=N          seconds from a panic to a restart (default 0: none)
  others are init's: NAME=VALUE for its environment, words and what follows -- as arguments

exit status:
  0    the guest switched the machine off or halted it
  1    the kernel panicked: there is no init, or it ended; a line says why
  129  the guest restarted the machine, more often than --restarts
  124  the --timeout was reached, or every process waits for what can never happen
  125  a mistake in the options above, or a failure of forkernel itself
"""


def help_text(command: str | None) -> str:
    """The help of forkernel, or of one sub-command. UsageError if there is no such."""
    if command is None:
        lines = [INTRO]
        lines += [f"  {name:<10} {entry.summary}\n" for name, entry in COMMANDS.items()]
        lines.append("\nforkernel COMMAND --help tells about one; forkernel --version about this release.\n")
        return "".join(lines)
    entry = COMMANDS.get(command)
    if entry is None:
        raise UsageError(f"there is no command {command!r}", None)
    parts = [f"usage: {entry.usage}\n\n{entry.summary}\n\noptions:\n"]
    parts += [_describe(option) for option in entry.options]
    parts.append(_describe(Option("--help", None, "show this")))
    if command in ("run", "trace", "explain"):
        parts.append("\n" + STATUS)
    if command == "boot":
        parts.append("\n" + PARAMETERS)
    return "".join(parts)


def _describe(option: Option) -> str:
    """One option: its form, then what it does, wrapped."""
    form = option.name if option.metavar is None else f"{option.name} {option.metavar}"
    if option.short:
        form = f"-{option.short}, {form}"
    text = option.help + ("; may be repeated" if option.repeat else "")
    lines = textwrap.wrap(text, WIDTH - 30, break_on_hyphens=False)
    head = f"  {form:<27} "
    if len(form) > 27:
        return f"  {form}\n" + "".join(f"{'':30}{line}\n" for line in lines)
    return head + lines[0] + "\n" + "".join(f"{'':30}{line}\n" for line in lines[1:])
