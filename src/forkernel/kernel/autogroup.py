"""Autogroups: the tasks of a session as one party for the scheduler (Linux: kernel/sched/autogroup.c; sched(7)).

This kernel is as one booted with `noautogroup`: sched_autogroup_enabled is 0 and cannot be set. Groups are made by
setsid and shown, and have a nice value, but the scheduler weighs each task alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forkernel.kernel.system import System


class Autogroup:
    """One of them; the processes of a session share it."""

    __slots__ = ("id", "nice")

    def __init__(self, system: System) -> None:
        system.autogroups += 1
        self.id = system.autogroups
        self.nice = 0
