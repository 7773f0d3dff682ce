"""`forkernel syscalls`: the coverage of system calls, from the tables."""

from __future__ import annotations

from forkernel.cli.options import COMMANDS, UsageError, parse


def main_syscalls(words: list[str]) -> int:
    """Print the coverage; the exit status."""
    if "--help" in words or "-h" in words:
        from forkernel.cli.help import help_text

        print(help_text("syscalls"), end="")
        return 0
    values, rest = parse("syscalls", COMMANDS["syscalls"].options, words)
    if rest:
        raise UsageError(f"unexpected argument {rest[0]!r}", "syscalls")
    from forkernel.syscalls.coverage import coverage, coverage_page

    if values["markdown"]:
        print(coverage_page(), end="")
        return 0
    entries = coverage()
    for entry in entries:
        print(f"{entry.number:4} {entry.name:24} {entry.support:8} {entry.caveat}".rstrip())
    done = sum(1 for entry in entries if entry.support != "no")
    print(f"{done} of {len(entries)}")
    return 0
