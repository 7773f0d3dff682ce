"""The lines of /proc/sysvipc/sem, shm and msg, for the reader's namespace (sysvipc(7), proc(5))."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.kernel.ipc_namespace import ipc_ns_of
from forkernel.kernel.pid import pid_vnr

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

PAGE_SIZE = 4096
HEADINGS = {
    "sem": "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n",
    "shm": "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid"
    "      atime      dtime      ctime                   rss                  swap\n",
    "msg": "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid"
    "      stime      rtime      ctime\n",
}


def show(reader: Task, kind: str) -> bytes:
    """The whole file."""
    ids = getattr(ipc_ns_of(reader), kind + "_ids")
    line = LINES[kind]
    lines = [line(perm, reader) for perm in ids] if ids is not None else []
    return "".join([HEADINGS[kind], *lines]).encode()


def _owners(perm: Any, reader: Task) -> str:
    uid, gid, cuid, cgid = perm.owners(reader.cred.user_ns)
    return f"{uid:5} {gid:5} {cuid:5} {cgid:5}"


def sem_line(sma: Any, reader: Task) -> str:
    """A set of semaphores."""
    count = len(sma.values)
    return f"{sma.key:10} {sma.id:10}  {sma.mode:4o} {count:10} {_owners(sma, reader)} {sma.otime:10} {sma.ctime:10}\n"


def shm_line(segment: Any, reader: Task) -> str:
    """A segment."""
    cpid, lpid = pid_vnr(segment.cprid, reader), pid_vnr(segment.lprid, reader)
    return (
        f"{segment.key:10} {segment.id:10}  {segment.mode:4o} {segment.segsz:21} {cpid:5} {lpid:5}  {segment.nattch:5}"
        f" {_owners(segment, reader)} {segment.atim:10} {segment.dtim:10} {segment.ctim:10}"
        f" {len(segment.mapping.pages) * PAGE_SIZE:21} {0:21}\n"
    )


def msg_line(queue: Any, reader: Task) -> str:
    """A message queue."""
    lspid, lrpid = pid_vnr(queue.lspid, reader), pid_vnr(queue.lrpid, reader)
    return (
        f"{queue.key:10} {queue.id:10}  {queue.mode:4o}  {queue.cbytes:10} {len(queue.messages):10} {lspid:5} {lrpid:5}"
        f" {_owners(queue, reader)} {queue.stime:10} {queue.rtime:10} {queue.ctime:10}\n"
    )


LINES = {"sem": sem_line, "shm": shm_line, "msg": msg_line}
