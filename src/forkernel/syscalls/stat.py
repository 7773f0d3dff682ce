"""What is known of files and how to change it: the stat family, statfs, access, chmod, chown, times."""

from __future__ import annotations

from forkernel.abi.errno import EBADF, EFAULT, EINVAL
from forkernel.abi.fcntl import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_NO_AUTOMOUNT,
    AT_STATX_SYNC_TYPE,
    AT_SYMLINK_NOFOLLOW,
    UTIME_NOW,
    UTIME_OMIT,
)
from forkernel.abi.stat import (
    STAT,
    STATX,
    STATX__RESERVED,
    STATX_ATTR_MOUNT_ROOT,
    STATX_BASIC_STATS,
    STATX_BTIME,
    STATX_MNT_ID,
    Stat,
    Statfs,
    major,
    minor,
)
from forkernel.abi.time import Timespec, Timeval
from forkernel.abi.types import I32, I64, U32, CStruct
from forkernel.errors import SysError
from forkernel.fs.dentry import Mount, Path
from forkernel.fs.inode import Inode
from forkernel.fs.namei import filename_lookup
from forkernel.fs.open import chmod_common, chown_common, do_faccessat, vfs_utimes
from forkernel.kernel.task import Task
from forkernel.namespace import init_user_ns
from forkernel.syscalls.registry import UserBuf, UserIn, UserOut, UserStr, syscall

NSEC = 10**9
ST_VALID = 0x20
STATX_ATTRIBUTES_MASK = 0x3000
"""Attributes that statx answers for: STATX_ATTR_AUTOMOUNT (never set) and STATX_ATTR_MOUNT_ROOT."""


class Utimbuf(CStruct):
    """struct utimbuf (utime(2))."""

    actime: I64
    modtime: I64


# --- stat


def shown_owner(task: Task, inode: Inode) -> tuple[int, int]:
    """Owner and group as the task's user namespace calls them."""
    user_ns = task.cred.user_ns
    if user_ns is init_user_ns:
        return inode.uid, inode.gid
    return user_ns.from_kuid_munged(inode.uid), user_ns.from_kgid_munged(inode.gid)


def cp_new_stat(task: Task, inode: Inode) -> bytes:
    """The struct stat of a file (Linux: cp_new_stat)."""
    size = inode.size
    uid, gid = shown_owner(task, inode)
    return STAT.pack(
        inode.sb.dev, inode.ino, inode.nlink, inode.mode, uid, gid, 0, inode.rdev, size,
        inode.sb.blocksize, inode.blocks(), *divmod(inode.atime, NSEC), *divmod(inode.mtime, NSEC),
        *divmod(inode.ctime, NSEC),
    )  # fmt: skip


def put_stat(task: Task, inode: Inode, statbuf: UserOut[Stat]) -> int:
    """Bring the inode up to date and store its struct stat."""
    inode.getattr(task)
    statbuf.mm.write(statbuf.addr, cp_new_stat(task, inode))
    return 0


@syscall("stat")
def sys_stat(task: Task, path: UserStr, statbuf: UserOut[Stat]) -> int:
    """stat(2)."""
    return put_stat(task, filename_lookup(task, path.get()).dentry.inode, statbuf)


@syscall("lstat")
def sys_lstat(task: Task, path: UserStr, statbuf: UserOut[Stat]) -> int:
    """lstat(2)."""
    return put_stat(task, filename_lookup(task, path.get(), follow=False).dentry.inode, statbuf)


@syscall("fstat")
def sys_fstat(task: Task, fd: I32, statbuf: UserOut[Stat]) -> int:
    """fstat(2); O_PATH will do."""
    assert task.files is not None
    return put_stat(task, task.files.get_raw(fd).inode, statbuf)


def find_file(task: Task, dirfd: int, path: UserStr | None, flags: int) -> tuple[Inode, Path | None]:
    """The inode that (dirfd, path, AT_* flags) means, and its place; with AT_EMPTY_PATH NULL is an empty path."""
    name = path.get() if path is not None else None
    if not name and flags & AT_EMPTY_PATH and dirfd != AT_FDCWD:
        assert task.files is not None
        file = task.files.get_raw(dirfd)
        return file.inode, file.path
    if name is None:
        if not flags & AT_EMPTY_PATH:
            raise SysError(EFAULT)
        name = b""
    place = filename_lookup(task, name, dirfd, not flags & AT_SYMLINK_NOFOLLOW, empty=bool(flags & AT_EMPTY_PATH))
    return place.dentry.inode, place


@syscall("newfstatat")
def sys_newfstatat(task: Task, dirfd: I32, path: UserStr | None, statbuf: UserOut[Stat], flags: I32) -> int:
    """fstatat(2)."""
    if flags & ~(AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE):
        raise SysError(EINVAL)
    return put_stat(task, find_file(task, dirfd, path, flags)[0], statbuf)


@syscall("statx")
def sys_statx(task: Task, dirfd: I32, path: UserStr | None, flags: I32, mask: U32, buf: UserBuf) -> int:
    """statx(2): the basic facts, the mount ID, and the time of birth where it is known."""
    allowed = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH | AT_STATX_SYNC_TYPE
    if flags & ~allowed or mask & STATX__RESERVED or flags & AT_STATX_SYNC_TYPE == AT_STATX_SYNC_TYPE:
        raise SysError(EINVAL)
    inode, place = find_file(task, dirfd, path, flags)
    inode.getattr(task)
    buf.write(cp_statx(task, inode, place, mask))
    return 0


def cp_statx(task: Task, inode: Inode, place: Path | None, asked: int) -> bytes:
    """The struct statx of a file (Linux: cp_statx)."""
    born = inode.btime() if asked & STATX_BTIME else None
    mask = STATX_BASIC_STATS | (STATX_BTIME if born is not None else 0)
    attributes = mount = 0
    if place is not None:
        mask |= STATX_MNT_ID
        mount = place.mnt.id
        if place.dentry is place.mnt.root:
            attributes = STATX_ATTR_MOUNT_ROOT
    dev, rdev = inode.sb.dev, inode.rdev
    uid, gid = shown_owner(task, inode)
    return STATX.pack(
        mask, inode.sb.blocksize, attributes, inode.nlink, uid, gid, inode.mode, inode.ino, inode.size,
        inode.blocks(), STATX_ATTRIBUTES_MASK, *divmod(inode.atime, NSEC), *divmod(born or 0, NSEC),
        *divmod(inode.ctime, NSEC), *divmod(inode.mtime, NSEC), major(rdev), minor(rdev), major(dev), minor(dev),
        mount,
    )  # fmt: skip


# --- statfs


def vfs_statfs(inode: Inode, mount: Mount | None) -> Statfs:
    """Figures of the file system, with the flags of the mount."""
    figures = inode.sb.statfs()
    figures.f_flags = ST_VALID
    if mount is not None:
        figures.f_flags |= mount.flags & 0xF | mount.readonly
        figures.f_flags |= (mount.flags & 0x400 and 0x400) | (mount.flags & 0x200000 and 0x1000)
    return figures


@syscall("statfs")
def sys_statfs(task: Task, path: UserStr, buf: UserOut[Statfs]) -> int:
    """statfs(2)."""
    place = filename_lookup(task, path.get())
    buf.put(vfs_statfs(place.dentry.inode, place.mnt))
    return 0


@syscall("fstatfs")
def sys_fstatfs(task: Task, fd: I32, buf: UserOut[Statfs]) -> int:
    """fstatfs(2)."""
    assert task.files is not None
    file = task.files.get_raw(fd)
    buf.put(vfs_statfs(file.inode, file.path.mnt if file.path is not None else None))
    return 0


# --- access


@syscall("access")
def sys_access(task: Task, path: UserStr, mode: I32) -> int:
    """access(2)."""
    do_faccessat(task, AT_FDCWD, path.get(), mode, 0)
    return 0


@syscall("faccessat")
def sys_faccessat(task: Task, dirfd: I32, path: UserStr, mode: I32) -> int:
    """faccessat(2), the system call without flags."""
    do_faccessat(task, dirfd, path.get(), mode, 0)
    return 0


@syscall("faccessat2")
def sys_faccessat2(task: Task, dirfd: I32, path: UserStr, mode: I32, flags: I32) -> int:
    """faccessat2(2)."""
    do_faccessat(task, dirfd, path.get(), mode, flags)
    return 0


# --- mode and owner


def fd_place(task: Task, fd: int) -> Path:
    """Where the file of an ordinary descriptor is; EBADF for O_PATH."""
    assert task.files is not None
    file = task.files.get(fd)
    if file.path is None:
        raise SysError(EBADF)
    return file.path


@syscall("chmod")
def sys_chmod(task: Task, path: UserStr, mode: U32) -> int:
    """chmod(2)."""
    chmod_common(task, filename_lookup(task, path.get()), mode)
    return 0


@syscall("fchmod")
def sys_fchmod(task: Task, fd: I32, mode: U32) -> int:
    """fchmod(2)."""
    chmod_common(task, fd_place(task, fd), mode)
    return 0


@syscall("fchmodat")
def sys_fchmodat(task: Task, dirfd: I32, path: UserStr, mode: U32) -> int:
    """fchmodat(2), the system call without flags."""
    chmod_common(task, filename_lookup(task, path.get(), dirfd), mode)
    return 0


@syscall("fchmodat2")
def sys_fchmodat2(task: Task, dirfd: I32, path: UserStr, mode: U32, flags: U32) -> int:
    """fchmodat2(2)."""
    if flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        raise SysError(EINVAL)
    chmod_common(task, place_at(task, dirfd, path, flags), mode)
    return 0


def place_at(task: Task, dirfd: int, path: UserStr, flags: int) -> Path:
    """The place that (dirfd, path, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) means."""
    return filename_lookup(task, path.get(), dirfd, not flags & AT_SYMLINK_NOFOLLOW, empty=bool(flags & AT_EMPTY_PATH))


@syscall("chown")
def sys_chown(task: Task, path: UserStr, uid: U32, gid: U32) -> int:
    """chown(2)."""
    chown_common(task, filename_lookup(task, path.get()), uid, gid)
    return 0


@syscall("lchown")
def sys_lchown(task: Task, path: UserStr, uid: U32, gid: U32) -> int:
    """lchown(2)."""
    chown_common(task, filename_lookup(task, path.get(), follow=False), uid, gid)
    return 0


@syscall("fchown")
def sys_fchown(task: Task, fd: I32, uid: U32, gid: U32) -> int:
    """fchown(2)."""
    chown_common(task, fd_place(task, fd), uid, gid)
    return 0


@syscall("fchownat")
def sys_fchownat(task: Task, dirfd: I32, path: UserStr, uid: U32, gid: U32, flags: I32) -> int:
    """fchownat(2)."""
    if flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        raise SysError(EINVAL)
    chown_common(task, place_at(task, dirfd, path, flags), uid, gid)
    return 0


# --- times


def set_times(task: Task, dirfd: int, path: UserStr | None, times: list[int | None] | None, flags: int) -> int:
    """Set atime and mtime in nanoseconds (None: leave); `times` None: both now (Linux: do_utimes)."""
    if flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        raise SysError(EINVAL)
    if path is None and dirfd != AT_FDCWD:
        if flags:
            raise SysError(EINVAL)
        place = fd_place(task, dirfd)
    elif path is None:
        raise SysError(EFAULT)
    else:
        place = place_at(task, dirfd, path, flags)
    now = times is None
    if times is None:
        stamp = place.dentry.inode.sb.now()
        times = [stamp, stamp]
    vfs_utimes(task, place, times[0], times[1], now)
    return 0


@syscall("utimensat")
def sys_utimensat(task: Task, dirfd: I32, path: UserStr | None, times: UserIn[Timespec] | None, flags: I32) -> int:
    """utimensat(2) with UTIME_NOW and UTIME_OMIT; a NULL path is `dirfd` itself."""
    if times is None:
        return set_times(task, dirfd, path, None, flags)
    pair = times.get_array(2)
    nanoseconds = [spec.tv_nsec for spec in pair]
    if nanoseconds == [UTIME_OMIT, UTIME_OMIT]:
        return 0
    if nanoseconds == [UTIME_NOW, UTIME_NOW]:
        return set_times(task, dirfd, path, None, flags)
    stamps: list[int | None] = []
    for spec in pair:
        if spec.tv_nsec == UTIME_NOW:
            stamps.append(task.system.clock.realtime())
        elif spec.tv_nsec == UTIME_OMIT:
            stamps.append(None)
        elif not 0 <= spec.tv_nsec < NSEC:
            raise SysError(EINVAL)
        else:
            stamps.append(spec.tv_sec * NSEC + spec.tv_nsec)
    return set_times(task, dirfd, path, stamps, flags)


def timeval_times(times: UserIn[Timeval] | None) -> list[int | None] | None:
    """Two struct timeval as nanoseconds; EINVAL for microseconds out of range."""
    if times is None:
        return None
    pair = times.get_array(2)
    if any(not 0 <= value.tv_usec < 1_000_000 for value in pair):
        raise SysError(EINVAL)
    return [value.tv_sec * NSEC + value.tv_usec * 1000 for value in pair]


@syscall("utimes")
def sys_utimes(task: Task, path: UserStr, times: UserIn[Timeval] | None) -> int:
    """utimes(2)."""
    return set_times(task, AT_FDCWD, path, timeval_times(times), 0)


@syscall("futimesat")
def sys_futimesat(task: Task, dirfd: I32, path: UserStr | None, times: UserIn[Timeval] | None) -> int:
    """futimesat(2)."""
    return set_times(task, dirfd, path, timeval_times(times), 0)


@syscall("utime")
def sys_utime(task: Task, path: UserStr, times: UserIn[Utimbuf] | None) -> int:
    """utime(2)."""
    if times is None:
        return set_times(task, AT_FDCWD, path, None, 0)
    pair = times.get()
    return set_times(task, AT_FDCWD, path, [pair.actime * NSEC, pair.modtime * NSEC], 0)
