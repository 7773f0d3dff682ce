"""/proc/locks, and the lock lines of fdinfo (Linux: fs/locks.c, lock_get_status)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.fcntl import F_WRLCK
from forkernel.abi.stat import major, minor
from forkernel.fs.locks import OFFSET_MAX, FileLock, LockWait

if TYPE_CHECKING:
    from forkernel.kernel.task import Task


def proc_locks_show(inode: Any, reader: Task) -> bytes:
    """Each lock with who waits for it below it."""
    tasks = inode.sb.system.pids.tasks
    waits = [task.sleep.resume for task in tasks if task.sleep and isinstance(task.sleep.resume, LockWait)]
    lines, number = [], 0
    for target in locked_inodes(tasks):
        for lock in (*target.flctx.flock, *target.flctx.posix):
            line = status(lock, target, inode.sb, flock=lock in target.flctx.flock)
            if line:
                number += 1
                blocked = [wait for wait in waits if wait.blocker is lock]
                lines.append(b"%d: %s" % (number, line))
                lines += [
                    b"%d: -> %s" % (number, status(wait.request, target, inode.sb, flock=wait.flock))
                    for wait in blocked
                ]
    return b"".join(lines)


def locked_inodes(tasks: Any) -> list[Any]:
    """Files with locks, among those that are open."""
    tables = dict.fromkeys(task.files for task in tasks if task.files is not None)
    inodes = dict.fromkeys(file.inode for table in tables for file in table.fds.values())
    return [inode for inode in inodes if inode is not None and inode.flctx is not None]


def status(lock: FileLock, target: Any, sb: Any, *, flock: bool) -> bytes:
    """What a lock is, from its type to its last byte; nothing for one of a process that this procfs does not show."""
    holder = lock.pid
    if not lock.ofd and sb.pid_ns.level:
        task = sb.system.pids.find(lock.pid)
        holder = 0 if task is None else task.thread_pid.nr_ns(sb.pid_ns)
        if not holder:
            return b""
    kind = "FLOCK " if flock else "OFDLCK" if lock.ofd else "POSIX "
    end = "EOF" if lock.end == OFFSET_MAX else str(lock.end)
    dev = target.sb.dev
    text = f"{kind} ADVISORY  {'WRITE' if lock.type == F_WRLCK else 'READ'} {holder} "
    return (text + f"{major(dev):02x}:{minor(dev):02x}:{target.ino} {lock.start} {end}\n").encode()


def fdinfo_locks(file: Any, files: Any, sb: Any) -> bytes:
    """The locks that an open file, or for POSIX locks the table, has on the file."""
    context = None if file.inode is None else file.inode.flctx
    if context is None:
        return b""
    found = [(lock, True) for lock in context.flock if lock.owner is file]
    found += [(lock, False) for lock in context.posix if lock.owner in (file, files)]
    lines = [status(lock, file.inode, sb, flock=flock) for lock, flock in found]
    return b"".join(b"lock:\t%d: %s" % (number, line) for number, line in enumerate(lines, 1) if line)
