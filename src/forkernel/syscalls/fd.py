"""Descriptors: close, dup and their kin, fcntl, flock."""

from __future__ import annotations

from forkernel.abi.errno import EBADF, EINVAL, EOVERFLOW, EPERM
from forkernel.abi.fcntl import (
    CLOSE_RANGE_CLOEXEC,
    CLOSE_RANGE_UNSHARE,
    F_ADD_SEALS,
    F_DUPFD,
    F_DUPFD_CLOEXEC,
    F_DUPFD_QUERY,
    F_GET_SEALS,
    F_GETFD,
    F_GETFL,
    F_GETLEASE,
    F_GETLK,
    F_GETOWN,
    F_GETOWN_EX,
    F_GETPIPE_SZ,
    F_GETSIG,
    F_NOTIFY,
    F_OFD_GETLK,
    F_OFD_SETLK,
    F_OFD_SETLKW,
    F_OWNER_PGRP,
    F_OWNER_PID,
    F_OWNER_TID,
    F_RDLCK,
    F_SETFD,
    F_SETFL,
    F_SETLEASE,
    F_SETLK,
    F_SETLKW,
    F_SETOWN,
    F_SETOWN_EX,
    F_SETPIPE_SZ,
    F_SETSIG,
    F_UNLCK,
    F_WRLCK,
    FASYNC,
    FD_CLOEXEC,
    LOCK_EX,
    LOCK_NB,
    LOCK_SH,
    LOCK_UN,
    O_APPEND,
    O_CLOEXEC,
    O_DIRECT,
    O_NOATIME,
    O_NONBLOCK,
    O_PATH,
    SEEK_CUR,
    SEEK_END,
    SEEK_SET,
)
from forkernel.abi.types import I16, I32, I64, U32, U64, CStruct
from forkernel.errors import SysError
from forkernel.fs.fdtable import RLIMIT_NOFILE, FilesStruct, fd_install
from forkernel.fs.file import File, RegFile
from forkernel.fs.inode import global_caps, inode_owner_or_capable
from forkernel.fs.locks import OFFSET_MAX, FileLock, posix_test_lock, set_lock
from forkernel.fs.memfd import add_seals, get_seals
from forkernel.fs.pipe import PAGE_SIZE, PIPE_SIZE_MOST, PipeFile
from forkernel.kernel.pid import pid_vnr
from forkernel.kernel.task import Task
from forkernel.syscalls.registry import syscall

SETFL_MASK = O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | FASYNC
NSIG = 64
CAP_FOWNER = 1 << 3
CAP_SYS_RESOURCE = 1 << 24
PATH_COMMANDS = (F_DUPFD, F_DUPFD_CLOEXEC, F_DUPFD_QUERY, F_GETFD, F_SETFD, F_GETFL)
"""What fcntl does with a descriptor opened with O_PATH."""


class Flock(CStruct):
    """struct flock (64-bit offsets)."""

    l_type: I16
    l_whence: I16
    l_start: I64
    l_len: I64
    l_pid: I32


# --- closing and duplicating


@syscall("close")
def sys_close(task: Task, fd: U32) -> int:
    """close(2)."""
    task.files.close(task, fd)  # type: ignore[union-attr]  # a task in a system call has a table
    return 0


@syscall("close_range")
def sys_close_range(task: Task, first: U32, last: U32, flags: U32) -> int:
    """close_range(2)."""
    if flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) or first > last:
        raise SysError(EINVAL)
    files = table(task)
    if flags & CLOSE_RANGE_UNSHARE and files.users > 1:
        task.files = files.copy(task.system.slabs.files_cache)
        files.release(task)
        files = task.files
    for fd in [fd for fd, _ in files.items() if first <= fd <= last]:
        if flags & CLOSE_RANGE_CLOEXEC:
            files.set_cloexec(fd, True)
        else:
            files.close(task, fd)
    return 0


@syscall("dup")
def sys_dup(task: Task, fildes: U32) -> int:
    """dup(2)."""
    return fd_install(task, table(task).get_raw(fildes).get())


@syscall("dup2")
def sys_dup2(task: Task, oldfd: U32, newfd: U32) -> int:
    """dup2(2)."""
    files = table(task)
    if oldfd == newfd:
        files.get_raw(oldfd)
        return newfd
    return files.dup2(task, oldfd, newfd)


@syscall("dup3")
def sys_dup3(task: Task, oldfd: U32, newfd: U32, flags: I32) -> int:
    """dup3(2)."""
    if flags & ~O_CLOEXEC or oldfd == newfd:
        raise SysError(EINVAL)
    return table(task).dup2(task, oldfd, newfd, bool(flags))


def table(task: Task) -> FilesStruct:
    """The task's descriptor table, which it has while it makes calls."""
    assert task.files is not None
    return task.files


# --- fcntl


@syscall("fcntl")
def sys_fcntl(task: Task, fd: U32, cmd: U32, arg: U64) -> int:
    """fcntl(2)."""
    file = table(task).get_raw(fd)
    if file.flags & O_PATH and cmd not in PATH_COMMANDS:
        raise SysError(EBADF)
    if cmd in (F_DUPFD, F_DUPFD_CLOEXEC):
        return dupfd(task, file, arg, cmd == F_DUPFD_CLOEXEC)
    if cmd == F_GETFD:
        return FD_CLOEXEC if fd in table(task).cloexec else 0
    if cmd == F_SETFD:
        table(task).set_cloexec(fd, bool(arg & FD_CLOEXEC))
        return 0
    if cmd == F_GETFL:
        return file.flags & ~O_CLOEXEC
    if cmd == F_SETFL:
        return setfl(task, file, fd, arg)
    if cmd == F_DUPFD_QUERY:
        return int(table(task).get_raw(arg & 0xFFFFFFFF) is file)
    if cmd in (F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW):
        return fcntl_setlk(task, file, cmd, arg)
    if cmd in (F_GETLK, F_OFD_GETLK):
        return fcntl_getlk(task, file, cmd, arg)
    if cmd in (F_GETPIPE_SZ, F_SETPIPE_SZ):
        return pipe_fcntl(task, file, cmd, arg)
    if cmd == F_GET_SEALS:
        return get_seals(file)
    if cmd == F_ADD_SEALS:
        return add_seals(file, arg & 0xFFFFFFFF)
    if cmd in (F_SETLEASE, F_GETLEASE):
        return fcntl_lease(task, file, fd, cmd, arg)
    if cmd == F_NOTIFY:
        from forkernel.fs.dnotify import fcntl_dirnotify

        fcntl_dirnotify(task, file, fd, arg & 0xFFFFFFFF)
        return 0
    return fcntl_owner(task, file, cmd, arg)


def fcntl_lease(task: Task, file: File, fd: int, cmd: int, arg: int) -> int:
    """F_SETLEASE and F_GETLEASE."""
    from forkernel.fs.lease import getlease, setlease

    if cmd == F_GETLEASE:
        return getlease(task, file)
    setlease(task, file, fd, arg & 0xFFFFFFFF)
    return 0


def dupfd(task: Task, file: File, arg: int, cloexec: bool) -> int:
    """F_DUPFD: the lowest free descriptor from `arg`; EINVAL at the limit, EMFILE when all are in use."""
    minimum = arg & 0xFFFFFFFF
    if minimum >= task.signal.rlim[RLIMIT_NOFILE][0]:
        raise SysError(EINVAL)
    return fd_install(task, file.get(), cloexec, minimum)


def setfl(task: Task, file: File, fd: int, arg: int) -> int:
    """F_SETFL: only some flags change (Linux: setfl)."""
    if arg & ~file.flags & O_NOATIME and file.inode is not None:
        if not inode_owner_or_capable(task.cred, file.inode):
            raise SysError(EPERM)
    if arg & ~file.flags & O_DIRECT and not isinstance(file, RegFile | PipeFile):
        raise SysError(EINVAL)
    if (arg ^ file.flags) & FASYNC and file.can_async:
        from forkernel.fs.fasync import set_async

        set_async(file, fd, bool(arg & FASYNC))
    mask = SETFL_MASK & ~FASYNC
    file.flags = file.flags & ~mask | arg & mask
    return 0


def pipe_fcntl(task: Task, file: File, cmd: int, arg: int) -> int:
    """F_GETPIPE_SZ and F_SETPIPE_SZ; EBADF for what is not a pipe."""
    if not isinstance(file, PipeFile):
        raise SysError(EBADF)
    if cmd == F_GETPIPE_SZ:
        return file.pipe.max_usage * PAGE_SIZE
    privileged = global_caps(task.cred) & CAP_SYS_RESOURCE
    return file.pipe.set_size(arg & 0xFFFFFFFF, PIPE_SIZE_MOST if privileged else task.system.files_stat.pipe_max_size)


F_GETOWNER_UIDS = 17


class FOwnerEx(CStruct):
    """struct f_owner_ex."""

    type: I32
    pid: I32


def fcntl_owner(task: Task, file: File, cmd: int, arg: int) -> int:
    """F_SETOWN, F_GETOWN, their _EX kin, F_SETSIG and F_GETSIG; EINVAL for an unknown command."""
    from forkernel.fs.fasync import FOwner, f_setown, getown, owner_of, setown

    owner: FOwner = file.f_owner or FOwner()
    signed = (arg & 0xFFFFFFFF ^ 1 << 31) - (1 << 31)
    if cmd == F_GETOWN:
        return getown(task, file)
    if cmd == F_GETSIG:
        return owner.signum
    if cmd == F_GETOWN_EX:
        assert task.mm is not None
        task.mm.write(arg, FOwnerEx(owner.kind, pid_vnr(owner.pid, task)).pack())
    elif cmd == F_SETOWN:
        setown(task, file, signed)
    elif cmd == F_SETOWN_EX:
        assert task.mm is not None
        wanted = FOwnerEx.unpack(task.mm.read(arg, FOwnerEx.SIZE))
        if wanted.type not in (F_OWNER_TID, F_OWNER_PID, F_OWNER_PGRP):
            raise SysError(EINVAL)
        f_setown(task, file, wanted.type, wanted.pid)
    elif cmd == F_SETSIG:
        if not 0 <= signed <= NSIG:
            raise SysError(EINVAL)
        owner_of(file).signum = signed
    elif cmd == F_GETOWNER_UIDS:
        assert task.mm is not None
        uids = [task.cred.user_ns.from_kuid(uid) for uid in (owner.uid, owner.euid)]
        task.mm.write(arg, b"".join(uid.to_bytes(4, "little") for uid in uids))
    else:
        raise SysError(EINVAL)
    return 0


# --- locks


def lock_range(file: File, lock: Flock) -> tuple[int, int]:
    """First and last byte that a struct flock means (Linux: flock64_to_posix_lock); EINVAL, EOVERFLOW."""
    if lock.l_whence == SEEK_SET:
        base = 0
    elif lock.l_whence == SEEK_CUR:
        base = file.pos
    elif lock.l_whence == SEEK_END:
        base = file.inode.size
    else:
        raise SysError(EINVAL)
    start = base + lock.l_start
    if start > OFFSET_MAX:
        raise SysError(EOVERFLOW)
    if start < 0:
        raise SysError(EINVAL)
    if lock.l_len > 0:
        end = start + lock.l_len - 1
        if end > OFFSET_MAX:
            raise SysError(EOVERFLOW)
        return start, end
    if lock.l_len < 0:
        if start + lock.l_len < 0:
            raise SysError(EINVAL)
        return start + lock.l_len, start - 1
    return start, OFFSET_MAX


def read_flock(task: Task, arg: int) -> Flock:
    """The struct flock at `arg`; EFAULT."""
    assert task.mm is not None
    return Flock.unpack(task.mm.read(arg, Flock.SIZE))


def make_request(task: Task, file: File, lock: Flock, ofd: bool) -> FileLock:
    """The lock that a struct flock asks for."""
    start, end = lock_range(file, lock)
    if ofd and lock.l_pid:
        raise SysError(EINVAL)
    owner = file if ofd else task.files
    return FileLock(owner, -1 if ofd else task.tgid, lock.l_type, start, end, ofd)


def fcntl_setlk(task: Task, file: File, cmd: int, arg: int) -> int:
    """F_SETLK, F_SETLKW and their OFD kin: EBADF for the wrong access mode, EAGAIN, EDEADLK."""
    lock = read_flock(task, arg)
    if file.inode is None:
        raise SysError(EBADF)
    request = make_request(task, file, lock, cmd in (F_OFD_SETLK, F_OFD_SETLKW))
    if lock.l_type not in (F_RDLCK, F_WRLCK, F_UNLCK):
        raise SysError(EINVAL)
    if (lock.l_type == F_RDLCK and not file.readable) or (lock.l_type == F_WRLCK and not file.writable):
        raise SysError(EBADF)
    return set_lock(task, file.inode, request, cmd in (F_SETLKW, F_OFD_SETLKW))


def fcntl_getlk(task: Task, file: File, cmd: int, arg: int) -> int:
    """F_GETLK and F_OFD_GETLK: describe the first lock in the way, else set l_type to F_UNLCK."""
    lock = read_flock(task, arg)
    ofd = cmd == F_OFD_GETLK
    if lock.l_type not in (F_RDLCK, F_WRLCK) and not (ofd and lock.l_type == F_UNLCK):
        raise SysError(EINVAL)
    request = make_request(task, file, lock, ofd)
    held = posix_test_lock(file.inode, request) if file.inode is not None else None
    if held is None:
        lock.l_type = F_UNLCK
    else:
        length = 0 if held.end == OFFSET_MAX else held.end - held.start + 1
        lock = Flock(held.type, SEEK_SET, held.start, length, locks_translate_pid(task, held))
    assert task.mm is not None
    task.mm.write(arg, lock.pack())
    return 0


def locks_translate_pid(task: Task, lock: FileLock) -> int:
    """The holder of a lock as `task` sees it: -1 for an open file, 0 for a process outside its PID namespace."""
    ns = task.thread_pid.ns
    if lock.ofd or not ns.level:
        return lock.pid
    pid = task.system.pids.find_pid(lock.pid)
    return 0 if pid is None else pid.nr_ns(ns)


@syscall("flock")
def sys_flock(task: Task, fd: U32, cmd: U32) -> int:
    """flock(2)."""
    file = table(task).get(fd)
    kind = {LOCK_SH: F_RDLCK, LOCK_EX: F_WRLCK, LOCK_UN: F_UNLCK}.get(cmd & ~LOCK_NB)
    if kind is None:
        raise SysError(EINVAL)
    if file.inode is None:
        raise SysError(EBADF)
    return set_lock(task, file.inode, FileLock(file, task.tgid, kind), not cmd & LOCK_NB, flock=True)
