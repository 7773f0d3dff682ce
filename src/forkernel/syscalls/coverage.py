"""Which system calls of the x86-64 table are implemented, and how far: the source of docs/syscalls.md."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import NamedTuple

import forkernel.syscalls
from forkernel.arch.x86_64.syscall_table import GONE, NOT_BUILT_IN, SYSCALLS
from forkernel.syscalls.registry import DONE, REGISTRY

NO = "no"


class Coverage(NamedTuple):
    """One call: `support` is done, partial or no; `caveat` says what is missing of a partial one."""

    number: int
    name: str
    support: str
    caveat: str


def load_all() -> None:
    """Import every module of handlers, so that the registry is complete."""
    for module in pkgutil.iter_modules(forkernel.syscalls.__path__):
        import_module(f"forkernel.syscalls.{module.name}")


def coverage() -> list[Coverage]:
    """All calls of the table, by number."""
    load_all()
    entries = []
    for number, name in sorted(SYSCALLS.items()):
        call = REGISTRY.calls.get(name)
        if call is not None:
            entries.append(Coverage(number, name, call.support, call.caveat))
        elif name in GONE:
            entries.append(Coverage(number, name, DONE, "ENOSYS, as on Linux 6.18"))
        else:
            config = NOT_BUILT_IN.get(name)
            entries.append(Coverage(number, name, NO, f"as a Linux without CONFIG_{config}" if config else ""))
    return entries


def coverage_page() -> str:
    """docs/syscalls.md."""
    entries = coverage()
    count = {word: sum(entry.support == word for entry in entries) for word in ("done", "partial", NO)}
    lines = [
        "# System calls",
        "",
        "Generated from the tables by `forkernel syscalls --markdown`; do not edit.",
        "",
        f"Of the {len(entries)} calls of x86-64 (up to Linux 6.8), {count['done']} are done and {count['partial']} are",
        f"done but for what the last column says. The other {count[NO]} answer ENOSYS; a run that used one of",
        "these says so at its end, but for those of a part that Linux, too, may be built without.",
        "",
        "| number | call | support | what is missing |",
        "|---:|---|---|---|",
    ]
    lines += [f"| {entry.number} | {entry.name} | {entry.support} | {entry.caveat} |" for entry in entries]
    return "\n".join(lines) + "\n"
