"""The `forkernel` command: arguments and what is printed, nothing else.

`main` looks at the first word and imports only what that sub-command needs: start-up time counts.
"""

from __future__ import annotations

import os
import sys

EXIT_USAGE = 125
"""Exit status for a mistake in forkernel's own options (as env(1), timeout(1) and container runners have it)."""


def main(argv: list[str] | None = None) -> int:
    """Run the command with `argv` (default: the process's own arguments); the exit status."""
    from forkernel.errors import UserError

    hold_closed_descriptors()
    arguments = sys.argv[1:] if argv is None else argv
    command = arguments[0] if arguments else "--help"
    try:
        if command in ("run", "trace", "explain"):
            from forkernel.cli.run import main_run

            return main_run(command, arguments[1:])
        if command == "boot":
            from forkernel.cli.boot import main_boot

            return main_boot(arguments[1:])
        if command in ("ps", "inspect", "resume"):
            from forkernel.cli import views

            show = {"ps": views.main_ps, "inspect": views.main_inspect, "resume": views.main_resume}[command]
            return show(arguments[1:])
        if command == "syscalls":
            from forkernel.cli.syscalls import main_syscalls

            return main_syscalls(arguments[1:])
        return _about(command, arguments[1:])
    except UserError as error:
        print(f"forkernel: {error}", file=sys.stderr)
        return EXIT_USAGE
    except BrokenPipeError:
        return 128 + 13
    except KeyboardInterrupt:
        return 128 + 2
    except Exception as error:
        if os.environ.get("FORKERNEL_DEBUG"):
            raise
        print(f"forkernel: {internal_error(error)}", file=sys.stderr)
        return EXIT_USAGE


def hold_closed_descriptors() -> None:
    """Keep our own files off descriptors 0 to 2 that are closed: an O_PATH file stands there, which no guest sees."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open("/", getattr(os, "O_PATH", os.O_RDONLY))


def internal_error(error: Exception) -> str:
    """One line for a failure of forkernel itself, or of the host under it."""
    from forkernel.errors import KernelBug

    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        return f"{name}{error.strerror or error}"
    text = " ".join(str(error).split())
    what = text if isinstance(error, KernelBug) else f"{type(error).__name__}: {text}"
    return f"internal error, a defect of forkernel (FORKERNEL_DEBUG=1 shows where): {what}"


def _about(command: str, rest: list[str]) -> int:
    """--version, --help and words that are no command."""
    from forkernel.cli.options import UsageError

    if command in ("--version", "-V"):
        from forkernel import __version__

        print("forkernel", __version__)
        return 0
    if command in ("--help", "-h", "help"):
        from forkernel.cli.help import help_text

        print(help_text(rest[0] if rest else None), end="")
        return 0
    raise UsageError(f"there is no command {command!r}", None)
