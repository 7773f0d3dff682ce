"""Out of memory: which process has to go (Linux: mm/oom_kill.c).

`out_of_memory` is called when a frame was wanted and reclaim found none. It picks the process with the
highest `oom_badness`, has the system kill it, and takes the victim's private memory at once (Linux's
oom_reaper), so that whoever wanted the frame can go on before the victim has run again.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

from forkernel.errors import SysError
from forkernel.mm.vma import VM_SHARED

if TYPE_CHECKING:
    from forkernel.mm.mm_struct import MmStruct

OOM_SCORE_ADJ_MIN = -1000
OOM_SCORE_ADJ_MAX = 1000


class OomSystem(Protocol):
    """What the OOM killer needs of the kernel."""

    @property
    def frames(self) -> Any:
        """The frame table."""

    def oom_candidates(self) -> list[Any]:
        """Leaders of the thread groups that may be killed, in order of creation.

        Kernel threads, init (PID 1) and what is past exit_mm are not among them.
        """

    def oom_kill(self, leader: Any) -> None:
        """Send SIGKILL to the whole process, whatever it blocks, and say so in the kernel log."""

    def oom_is_dying(self, leader: Any) -> bool:
        """Whether the process has SIGKILL pending or is exiting."""


def oom_badness(task: Any, total_pages: int) -> int | None:
    """How much memory killing the process would free, in pages, moved by oom_score_adj; None: never kill.

    Each point of oom_score_adj weighs a thousandth of RAM.
    """
    mm = group_mm(task)
    adj: int = task.signal.oom_score_adj
    if mm is None or adj == OOM_SCORE_ADJ_MIN:
        return None
    pages: int = mm.rss()
    return pages + adj * (total_pages // 1000)


def oom_score(task: Any, total_pages: int) -> int:
    """What /proc/PID/oom_score shows: 0 for a process that is never killed, about 667 for one that uses nothing."""
    points = oom_badness(task, total_pages)
    return 0 if points is None else (1000 + points * 1000 // total_pages) * 2 // 3


def group_mm(task: Any) -> Any:
    """The address space of a process, from any thread that still has it (Linux: find_lock_task_mm)."""
    if task.mm is not None:
        return task.mm
    for thread in task.signal.threads:
        if thread.mm is not None:
            return thread.mm
    return None


def select_bad_process(system: OomSystem) -> Any | None:
    """The process to kill: the worst by badness, the youngest of equals; None if all are spared or dying."""
    chosen, worst = None, 0
    total = system.frames.total
    for leader in system.oom_candidates():
        if system.oom_is_dying(leader):
            continue
        points = oom_badness(leader, total)
        if points is not None and (chosen is None or points >= worst):
            chosen, worst = leader, points
    return chosen


def out_of_memory(system: OomSystem, task: Any) -> bool:
    """`task` needs memory: kill a process; whether it makes sense for the task to try again.

    False: the task itself is the victim. Other processes that share the victim's address space (vfork,
    CLONE_VM) are killed with it. Where all others are spared or dying already, the task has to go although
    it is spared itself (Linux panics then).
    """
    if system.oom_is_dying(task.group_leader):
        return False
    victim = select_bad_process(system)
    if victim is None:
        system.oom_kill(task.group_leader)
        return False
    mm = group_mm(victim)
    for leader in system.oom_candidates():
        if group_mm(leader) is mm:
            system.oom_kill(leader)
    if task.mm is mm:
        return False
    oom_reap(mm)
    return True


def oom_reap(mm: MmStruct) -> None:
    """Free the private memory of an address space whose every user has SIGKILL pending.

    Tables still shared since a fork would have to be copied first: there is no memory for that, and
    little to gain. Without an MMU the memory is given back at exit, in the runs it was taken in.
    """
    if mm.system.flat is not None:
        return
    for vma in mm.vmas:
        if not vma.flags & VM_SHARED:
            with suppress(SysError):
                mm.pt.zap(vma.start, vma.end)
