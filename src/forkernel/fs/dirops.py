"""Calls that add, remove and move names (Linux: do_mkdirat ... do_renameat2 in fs/namei.c).

Each finds the directory of the last component, refuses what must be refused in Linux's order, has the
directory's inode do it, and puts the dentries right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import (
    EBUSY,
    EEXIST,
    EINVAL,
    EISDIR,
    EMLINK,
    ENOENT,
    ENOTDIR,
    ENOTEMPTY,
    EPERM,
    EXDEV,
)
from forkernel.abi.fcntl import (
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_SYMLINK_FOLLOW,
    RENAME_EXCHANGE,
    RENAME_NOREPLACE,
)
from forkernel.abi.stat import (
    S_IFBLK,
    S_IFCHR,
    S_IFDIR,
    S_IFIFO,
    S_IFMT,
    S_IFREG,
    S_IFSOCK,
    S_IRWXUGO,
    S_ISGID,
    S_ISUID,
    S_ISVTX,
    S_IXGRP,
)
from forkernel.errors import SysError
from forkernel.fs.dentry import Dentry
from forkernel.fs.fsnotify import fsnotify_create, fsnotify_link, fsnotify_move, fsnotify_unlink
from forkernel.fs.inode import (
    CAP_DAC_READ_SEARCH,
    MAY_READ,
    MAY_WRITE,
    Inode,
    global_caps,
    inode_owner_or_capable,
)
from forkernel.fs.mount import detach_mounts, is_local_mountpoint
from forkernel.fs.namei import (
    SPECIAL,
    Nameidata,
    child_of,
    filename_lookup,
    filename_parentat,
    may_create,
    may_delete,
    want_write,
)

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

CAP_MKNOD = 1 << 27
LINK_MAX = 65000


def filename_create(task: Task, path: bytes, dirfd: int, directory: bool = False) -> Nameidata:
    """Walk to where a new name is to be: EEXIST if it is there, ENOENT for a trailing slash on a non-directory."""
    walk = filename_parentat(task, path, dirfd)
    if walk.last in SPECIAL or child_of(walk) is not None:
        raise SysError(EEXIST)
    if walk.trailing and not directory:
        raise SysError(ENOENT)
    want_write(walk.mnt)
    return walk


def do_mkdirat(task: Task, path: bytes, mode: int, dirfd: int = AT_FDCWD) -> None:
    """mkdir(2)."""
    walk = filename_create(task, path, dirfd, directory=True)
    parent = walk.dentry
    may_create(task, parent.inode)
    if parent.inode.nlink >= LINK_MAX:
        raise SysError(EMLINK)
    assert task.fs is not None
    inode = parent.inode.mkdir(task, walk.last, mode & (S_IRWXUGO | S_ISVTX) & ~task.fs.umask)
    parent.d_add(walk.last, inode)
    if inode.sb.marks:
        fsnotify_create(parent.inode, walk.last, inode)


def do_mknodat(task: Task, path: bytes, mode: int, dev: int, dirfd: int = AT_FDCWD) -> None:
    """mknod(2): regular files, FIFOs, sockets; devices with CAP_MKNOD."""
    kind = mode & S_IFMT or S_IFREG
    if kind == S_IFDIR:
        raise SysError(EPERM)
    if kind not in (S_IFREG, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK):
        raise SysError(EINVAL)
    walk = filename_create(task, path, dirfd)
    parent = walk.dentry
    may_create(task, parent.inode)
    device = kind in (S_IFCHR, S_IFBLK)
    if device and not global_caps(task.cred) & CAP_MKNOD:
        raise SysError(EPERM)
    assert task.fs is not None
    inode = parent.inode.create(task, walk.last, kind | mode & 0o7777 & ~task.fs.umask, dev if device else 0)
    parent.d_add(walk.last, inode)
    if inode.sb.marks:
        fsnotify_create(parent.inode, walk.last, inode)


def do_symlinkat(task: Task, target: bytes, path: bytes, dirfd: int = AT_FDCWD) -> None:
    """symlink(2)."""
    if not target:
        raise SysError(ENOENT)
    walk = filename_create(task, path, dirfd)
    may_create(task, walk.dentry.inode)
    inode = walk.dentry.inode.symlink(task, walk.last, target)
    walk.dentry.d_add(walk.last, inode)
    if inode.sb.marks:
        fsnotify_create(walk.dentry.inode, walk.last, inode)


def do_linkat(task: Task, olddir: int, old: bytes, newdir: int, new: bytes, flags: int) -> None:
    """link(2) and linkat(2)."""
    if flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH):
        raise SysError(EINVAL)
    empty = bool(flags & AT_EMPTY_PATH)
    if empty and not old and not global_caps(task.cred) & CAP_DAC_READ_SEARCH:
        raise SysError(ENOENT)
    source = filename_lookup(task, old, olddir, bool(flags & AT_SYMLINK_FOLLOW), empty=empty)
    walk = filename_create(task, new, newdir)
    if source.mnt is not walk.mnt:
        raise SysError(EXDEV)
    inode, parent = source.dentry.inode, walk.dentry
    may_linkat(task, inode)
    may_create(task, parent.inode)
    if inode.sb is not parent.inode.sb:
        raise SysError(EXDEV)
    if inode.mode & S_IFMT == S_IFDIR:
        raise SysError(EPERM)
    if not inode.nlink and not getattr(inode, "linkable", False):
        raise SysError(ENOENT)
    if inode.nlink >= LINK_MAX:
        raise SysError(EMLINK)
    parent.inode.link(task, walk.last, inode)
    parent.d_add(walk.last, inode)
    if inode.sb.marks:
        fsnotify_link(parent.inode, walk.last, inode)


def may_linkat(task: Task, inode: Inode) -> None:
    """EPERM for a link to a file of someone else that the task could not write or that gives privilege
    (Linux: may_linkat, safe_hardlink_source; sysctl fs.protected_hardlinks).
    """
    cred = task.cred
    if not task.system.vfs.protected_hardlinks or inode_owner_or_capable(cred, inode):
        return
    if inode.mode & S_IFMT != S_IFREG or inode.mode & S_ISUID or (inode.mode & S_ISGID and inode.mode & S_IXGRP):
        raise SysError(EPERM)
    try:
        inode.permission(cred, MAY_READ | MAY_WRITE)
    except SysError:
        raise SysError(EPERM) from None


def do_unlinkat(task: Task, path: bytes, dirfd: int = AT_FDCWD) -> None:
    """unlink(2)."""
    walk = filename_parentat(task, path, dirfd)
    if walk.last in SPECIAL:
        raise SysError(EISDIR)
    want_write(walk.mnt)
    victim = child_of(walk)
    if victim is None:
        raise SysError(ENOENT)
    directory = victim.inode.mode & S_IFMT == S_IFDIR
    if walk.trailing:
        raise SysError(EISDIR if directory else ENOTDIR)
    parent = walk.dentry.inode
    may_delete(task, parent, victim.inode)
    if directory:
        raise SysError(EISDIR)
    if is_local_mountpoint(task, victim):
        raise SysError(EBUSY)
    parent.unlink(task, walk.last, victim.inode)
    victim.d_drop()
    dont_mount(task, victim)
    if parent.sb.marks:
        fsnotify_unlink(parent, walk.last, victim.inode)


def do_rmdir(task: Task, path: bytes, dirfd: int = AT_FDCWD) -> None:
    """rmdir(2)."""
    walk = filename_parentat(task, path, dirfd)
    if walk.last in SPECIAL:
        raise SysError({b"..": ENOTEMPTY, b".": EINVAL, b"": EBUSY}[walk.last])
    want_write(walk.mnt)
    victim = child_of(walk)
    if victim is None:
        raise SysError(ENOENT)
    parent = walk.dentry.inode
    may_delete(task, parent, victim.inode)
    if victim.inode.mode & S_IFMT != S_IFDIR:
        raise SysError(ENOTDIR)
    if is_local_mountpoint(task, victim):
        raise SysError(EBUSY)
    parent.rmdir(task, walk.last, victim.inode)
    victim.d_drop()
    dont_mount(task, victim)
    if parent.sb.marks:
        fsnotify_unlink(parent, walk.last, victim.inode)


def dont_mount(task: Task, dentry: Dentry) -> None:
    """The name is gone: what other namespaces have mounted on it goes with it."""
    if dentry.mounted:
        detach_mounts(task.system.vfs, dentry)


# --- rename


def do_renameat2(task: Task, olddir: int, old: bytes, newdir: int, new: bytes, flags: int) -> None:
    """rename(2) and renameat2(2); RENAME_WHITEOUT is EINVAL, as on file systems that lack it."""
    if flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE):
        raise SysError(EINVAL)
    if flags & RENAME_EXCHANGE and flags & RENAME_NOREPLACE:
        raise SysError(EINVAL)
    source = filename_parentat(task, old, olddir)
    target = filename_parentat(task, new, newdir)
    if source.mnt is not target.mnt:
        raise SysError(EXDEV)
    if source.last in SPECIAL:
        raise SysError(EBUSY)
    if target.last in SPECIAL:
        raise SysError(EEXIST if flags & RENAME_NOREPLACE else EBUSY)
    want_write(source.mnt)
    moved, there = rename_ends(source, target, flags)
    vfs_rename(task, source, moved, target, there, bool(flags & RENAME_EXCHANGE))


def rename_ends(source: Nameidata, target: Nameidata, flags: int) -> tuple[Dentry, Dentry | None]:
    """The dentries at both ends, and what can be refused by their place and type."""
    moved = child_of(source)
    if moved is None:
        raise SysError(ENOENT)
    there = child_of(target)
    if there is not None and flags & RENAME_NOREPLACE:
        raise SysError(EEXIST)
    if flags & RENAME_EXCHANGE:
        if there is None:
            raise SysError(ENOENT)
        if target.trailing and there.inode.mode & S_IFMT != S_IFDIR:
            raise SysError(ENOTDIR)
    if moved.inode.mode & S_IFMT != S_IFDIR:
        if source.trailing or (not flags & RENAME_EXCHANGE and target.trailing):
            raise SysError(ENOTDIR)
    if target.dentry.is_under(moved):
        raise SysError(EINVAL)
    if there is not None and source.dentry.is_under(there):
        raise SysError(EINVAL if flags & RENAME_EXCHANGE else ENOTEMPTY)
    return moved, there


def vfs_rename(
    task: Task, source: Nameidata, moved: Dentry, target: Nameidata, there: Dentry | None, exchange: bool
) -> None:
    """Check permission and move, or swap."""
    olddir, newdir = source.dentry.inode, target.dentry.inode
    if there is not None and there.inode is moved.inode:
        return
    may_delete(task, olddir, moved.inode)
    directory = moved.inode.mode & S_IFMT == S_IFDIR
    if there is None:
        may_create(task, newdir)
    else:
        may_delete(task, newdir, there.inode)
        if not exchange:
            refuse_mismatch(directory, there)
    if olddir is not newdir:
        if directory:
            moved.inode.permission(task.cred, MAY_WRITE)
        if exchange and there is not None and there.inode.mode & S_IFMT == S_IFDIR:
            there.inode.permission(task.cred, MAY_WRITE)
    if is_local_mountpoint(task, moved) or (there is not None and is_local_mountpoint(task, there)):
        raise SysError(EBUSY)
    olddir.rename(task, source.last, newdir, target.last, exchange)
    if exchange and there is not None:
        d_exchange(moved, there)
    else:
        moved.d_move(target.dentry, target.last)
        if there is not None:
            dont_mount(task, there)
    if olddir.sb.marks:
        notify_rename(task, source, target, moved, there, exchange)


def notify_rename(
    task: Task, source: Nameidata, target: Nameidata, moved: Dentry, there: Dentry | None, exchange: bool
) -> None:
    """Tell of a rename; of an exchange as of two."""
    vfs = task.system.vfs
    ends = (source.dentry.inode, source.last, target.dentry.inode, target.last)
    vfs.fsnotify_cookie += 1
    replaced = there.inode if there is not None and not exchange else None
    fsnotify_move(*ends, moved.inode, replaced, vfs.fsnotify_cookie)
    if exchange and there is not None:
        vfs.fsnotify_cookie += 1
        fsnotify_move(*ends[2:], *ends[:2], there.inode, None, vfs.fsnotify_cookie)


def refuse_mismatch(directory: bool, there: Dentry) -> None:
    """A directory replaces only a directory, and nothing else does."""
    if there.inode.mode & S_IFMT == S_IFDIR:
        if not directory:
            raise SysError(EISDIR)
    elif directory:
        raise SysError(ENOTDIR)


def d_exchange(one: Dentry, two: Dentry) -> None:
    """Swap the places of two dentries."""
    one.parent, one.name, two.parent, two.name = two.parent, two.name, one.parent, one.name
    one.parent.children[one.name] = one
    two.parent.children[two.name] = two
