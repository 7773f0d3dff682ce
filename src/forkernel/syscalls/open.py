"""Opening files, their size, and writing them back: open and its kin, truncate, fallocate, fsync, fadvise."""

from __future__ import annotations

from forkernel.abi.errno import E2BIG, EAGAIN, EBADF, EINVAL, ESPIPE
from forkernel.abi.fcntl import (
    AT_FDCWD,
    O_CLOEXEC,
    O_CREAT,
    O_LARGEFILE,
    O_TMPFILE,
    O_TRUNC,
    O_WRONLY,
    RESOLVE_BENEATH,
    RESOLVE_CACHED,
    RESOLVE_IN_ROOT,
    VALID_RESOLVE_FLAGS,
)
from forkernel.abi.stat import S_IFIFO, S_IFMT, S_IFSOCK, OpenHow
from forkernel.abi.types import I32, I64, U32, U64
from forkernel.errors import SysError
from forkernel.fs.fdtable import RLIMIT_NOFILE
from forkernel.fs.open import build_open_flags, do_filp_open, do_ftruncate, vfs_fallocate, vfs_truncate
from forkernel.kernel.task import Task
from forkernel.syscalls.registry import UserBuf, UserStr, syscall

PAGE_SIZE = 4096


def do_sys_openat2(task: Task, dirfd: int, path: bytes, flags: int, mode: int, resolve: int = 0) -> int:
    """Open and give it a descriptor; flags and mode are build_open_flags' (Linux: do_sys_openat2)."""
    files = task.files
    assert files is not None
    limit = task.signal.rlim[RLIMIT_NOFILE][0]
    files.get_unused(0, limit)
    file = do_filp_open(task, path, flags, mode, dirfd, resolve)
    return files.install(file, bool(flags & O_CLOEXEC), 0, limit)


@syscall("open")
def sys_open(task: Task, path: UserStr, flags: I32, mode: U32) -> int:
    """open(2)."""
    flags, mode = build_open_flags(flags | O_LARGEFILE, mode)
    return do_sys_openat2(task, AT_FDCWD, path.get(), flags, mode)


@syscall("openat")
def sys_openat(task: Task, dirfd: I32, path: UserStr, flags: I32, mode: U32) -> int:
    """openat(2)."""
    flags, mode = build_open_flags(flags | O_LARGEFILE, mode)
    return do_sys_openat2(task, dirfd, path.get(), flags, mode)


@syscall("creat")
def sys_creat(task: Task, path: UserStr, mode: U32) -> int:
    """creat(2)."""
    flags, mode = build_open_flags(O_CREAT | O_WRONLY | O_TRUNC | O_LARGEFILE, mode)
    return do_sys_openat2(task, AT_FDCWD, path.get(), flags, mode)


@syscall("openat2")
def sys_openat2(task: Task, dirfd: I32, path: UserStr, how: UserBuf, size: U64) -> int:
    """openat2(2): E2BIG for fields that are not known, EINVAL for flags that are not."""
    if size < OpenHow.SIZE:
        raise SysError(EINVAL)
    if size > PAGE_SIZE:
        raise SysError(E2BIG)
    data = how.read(size)
    if any(data[OpenHow.SIZE :]):
        raise SysError(E2BIG)
    wanted = OpenHow.unpack(data[: OpenHow.SIZE])
    resolve = wanted.resolve
    both = RESOLVE_BENEATH | RESOLVE_IN_ROOT
    if resolve & ~VALID_RESOLVE_FLAGS or resolve & both == both:
        raise SysError(EINVAL)
    flags, mode = build_open_flags(wanted.flags, wanted.mode, strict=True)
    if resolve & RESOLVE_CACHED and flags & (O_TRUNC | O_CREAT | O_TMPFILE & ~0o200000):
        raise SysError(EAGAIN)
    return do_sys_openat2(task, dirfd, path.get(), flags | O_LARGEFILE, mode, resolve & ~RESOLVE_CACHED)


@syscall("truncate")
def sys_truncate(task: Task, path: UserStr, length: I64) -> int:
    """truncate(2)."""
    if length < 0:
        raise SysError(EINVAL)
    vfs_truncate(task, task.system.vfs.resolve(task, path.get()), length)
    return 0


@syscall("ftruncate")
def sys_ftruncate(task: Task, fd: I32, length: I64) -> int:
    """ftruncate(2)."""
    if length < 0:
        raise SysError(EINVAL)
    assert task.files is not None
    do_ftruncate(task, task.files.get(fd), length)
    return 0


@syscall("fallocate")
def sys_fallocate(task: Task, fd: I32, mode: I32, offset: I64, length: I64) -> int:
    """fallocate(2): plain allocation and FALLOC_FL_PUNCH_HOLE; EOPNOTSUPP for the other modes, as tmpfs."""
    assert task.files is not None
    vfs_fallocate(task, task.files.get(fd), mode, offset, length)
    return 0


@syscall("fsync")
def sys_fsync(task: Task, fd: I32) -> int:
    """fsync(2)."""
    assert task.files is not None
    task.files.get(fd).fsync()
    return 0


@syscall("fdatasync")
def sys_fdatasync(task: Task, fd: I32) -> int:
    """fdatasync(2)."""
    assert task.files is not None
    task.files.get(fd).fsync(datasync=True)
    return 0


@syscall("sync")
def sys_sync(task: Task) -> int:
    """sync(2): files in memory have nowhere to be written to."""
    return 0


@syscall("syncfs")
def sys_syncfs(task: Task, fd: I32) -> int:
    """syncfs(2)."""
    assert task.files is not None
    task.files.get(fd)
    return 0


@syscall("sync_file_range")
def sys_sync_file_range(task: Task, fd: I32, offset: I64, length: I64, flags: U32) -> int:
    """sync_file_range(2)."""
    assert task.files is not None
    file = task.files.get(fd)
    if flags & ~7 or offset < 0 or length < 0:
        raise SysError(EINVAL)
    if file.inode is None or file.inode.mode & S_IFMT in (S_IFIFO, S_IFSOCK):
        raise SysError(ESPIPE)
    return 0


@syscall("fadvise64")
def sys_fadvise64(task: Task, fd: I32, offset: I64, length: I64, advice: I32) -> int:
    """posix_fadvise(2): advice is checked, and then not needed."""
    assert task.files is not None
    file = task.files.get(fd)
    if file.inode is not None and file.inode.mode & S_IFMT == S_IFIFO:
        raise SysError(ESPIPE)
    if not 0 <= advice <= 5 or length < 0:
        raise SysError(EINVAL)
    return 0


@syscall("readahead")
def sys_readahead(task: Task, fd: I32, offset: I64, count: U64) -> int:
    """readahead(2): EINVAL for what has no pages to read ahead."""
    assert task.files is not None
    file = task.files.get(fd)
    if not file.readable:
        raise SysError(EBADF)
    if file.inode is None or file.inode.mode & S_IFMT != 0o100000:
        raise SysError(EINVAL)
    return 0
