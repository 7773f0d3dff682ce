"""The report at the end of a run: only what there is something to say about."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forkernel.api import Kernel


def report_lines(kernel: Kernel) -> list[str]:
    """Lines about calls that are not implemented, and about processes left behind."""
    lines = []
    for missing in kernel.unimplemented:
        times = "once" if missing.count == 1 else f"{missing.count} times"
        lines.append(f"forkernel: {missing.name} is not implemented: called {times}, first by {missing.caller}")
    for left in kernel.leftover():
        lines.append(f"forkernel: {left}")
    return lines
