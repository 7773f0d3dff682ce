"""The handlers by name, each family's module imported with the first of its calls that a program makes.

Most programs make few of the calls, and importing all families takes a good part of a short run. `index.py` says which
module has which call; what it does not know is looked for in all of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from forkernel.syscalls.index import MODULES
from forkernel.syscalls.registry import REGISTRY

if TYPE_CHECKING:
    from forkernel.syscalls.registry import Syscall


class LazyCalls:
    """What `kernel.entry.Entry` looks calls up in; `instead` has those that this machine serves differently."""

    __slots__ = ("instead",)

    def __init__(self, instead: dict[str, Syscall] | None = None) -> None:
        self.instead = instead or {}

    def get(self, name: str) -> Syscall | None:
        """The call, None if there is none of this name."""
        if name in self.instead:
            return self.instead[name]
        for module in (MODULES.get(name, "all"), "all"):
            if name not in REGISTRY.calls:
                importlib.import_module(f"forkernel.syscalls.{module}")
        return REGISTRY.calls.get(name)
