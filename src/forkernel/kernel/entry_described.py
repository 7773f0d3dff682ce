"""Calls of another architecture, or of another way to pass TLS: the entry layer by description (`arch/entry.py`).

`Entry.syscall`, the machine's own fast path, knows where an x86-64 has its arguments. This one asks the
description: the number's register, the six arguments', the order of clone's. From there on it is the same kernel:
the handlers see clone's arguments in one order, whoever called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.arch.x86_64.syscall_table import NUMBERS
from forkernel.kernel.entry import SYSCALL_NS, CallLookup, Entry

if TYPE_CHECKING:
    from forkernel.kernel.system import System

NO_CALL = 1 << 32
"""A number that no call has: ENOSYS."""
COPY_THREAD_TLS_CALLS = ("clone3",)
"""Calls that an architecture has only if copy_thread gets the TLS as an argument: theirs is in memory, and there is no
register to dig it out of (the commit that made it so: Linux 5.6)."""


class DescribedEntry(Entry):
    """The trap handler of a machine whose calls come in as `options.arch` says."""

    def __init__(self, system: System, calls: CallLookup) -> None:
        super().__init__(system, calls)
        arch = system.options.arch
        self._number = arch.slot(arch.number)
        self._arguments = [arch.slot(register) for register in arch.arguments]
        self._names = {
            number: name for name, number in arch.calls if arch.copy_thread_tls or name not in COPY_THREAD_TLS_CALLS
        }

    def syscall(self) -> None:
        """A call: its number and arguments out of pt_regs."""
        self._charge(SYSCALL_NS)
        gpr = self.gpr
        name = self._names.get(gpr[self._number], "")
        arguments = tuple(gpr[index] for index in self._arguments)
        if name == "clone":
            arguments = (*self.system.options.arch.clone_arguments(arguments), 0)
        a0, a1, a2, a3, a4, a5 = arguments
        number = NUMBERS.get(name, NO_CALL)
        self._syscall_slow(self.sched.current, (number, 0, a2, 0, 0, 0, a1, a0, a4, a5, a3))
