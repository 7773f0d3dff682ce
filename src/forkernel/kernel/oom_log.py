"""What the OOM killer says in the kernel log (Linux: dump_header, dump_tasks, __oom_kill_process of mm/oom_kill.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.kernel.printk import KERN_ERR, KERN_INFO, KERN_WARNING
from forkernel.mm.oom import group_mm
from forkernel.mm.smaps import rss_kinds

if TYPE_CHECKING:
    from forkernel.kernel.system import System
    from forkernel.kernel.task import Task

PAGE_KB, PAGE_SIZE = 4, 4096
COLUMNS = b"uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name"


def dump_header(system: System, task: Task) -> None:
    """Who wanted memory, and who has it."""
    log = system.printk
    what = (task.comm, task.signal.oom_score_adj)
    log.emit(KERN_WARNING, b"%s invoked oom-killer: order=0, oom_score_adj=%d" % what)
    if not system.vm.oom_dump_tasks:
        return
    log.emit(KERN_INFO, b"Tasks state (memory values in pages):")
    log.emit(KERN_INFO, b"[  pid  ]   " + COLUMNS)
    for leader in system.oom_candidates():
        log.emit(KERN_INFO, task_line(leader))


def task_line(leader: Task) -> bytes:
    """A process in the list; nothing is ever swapped out."""
    mm = group_mm(leader)
    anon, files, shmem = rss_kinds(mm)
    who = b"[%7d] %5d %5d %8d %8d" % (leader.pid, leader.cred.uid, leader.tgid, mm.total_vm, anon + files + shmem)
    kinds = b" %8d %8d %9d %8d %8d" % (anon, files, shmem, mm.pt.table_pages() * PAGE_SIZE, 0)
    return who + kinds + b"         %5d %s" % (leader.signal.oom_score_adj, leader.comm)


def killed(system: System, leader: Task) -> None:
    """Who has to go."""
    mm = group_mm(leader)
    anon, files, shmem = (pages * PAGE_KB for pages in rss_kinds(mm))
    who = b"Out of memory: Killed process %d (%s) total-vm:%dkB," % (leader.pid, leader.comm, mm.total_vm * PAGE_KB)
    rss = b" anon-rss:%dkB, file-rss:%dkB, shmem-rss:%dkB," % (anon, files, shmem)
    tables = mm.pt.table_pages() * PAGE_KB
    rest = b" UID:%d pgtables:%dkB oom_score_adj:%d" % (leader.cred.uid, tables, leader.signal.oom_score_adj)
    system.printk.emit(KERN_ERR, who + rss + rest)
