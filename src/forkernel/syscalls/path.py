"""Names: links, renames, directories made and removed, nodes, and where the task stands in the tree."""

from __future__ import annotations

from forkernel.abi.errno import EINVAL, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM, ERANGE
from forkernel.abi.fcntl import AT_FDCWD, AT_REMOVEDIR
from forkernel.abi.stat import S_IFDIR, S_IFLNK, S_IFMT, S_IRWXUGO
from forkernel.abi.types import I32, U32, U64
from forkernel.errors import SysError
from forkernel.fs.dirops import (
    do_linkat,
    do_mkdirat,
    do_mknodat,
    do_renameat2,
    do_rmdir,
    do_symlinkat,
    do_unlinkat,
)
from forkernel.fs.mnt_namespace import pivot_root
from forkernel.fs.mount import (
    MNT_DETACH,
    MNT_EXPIRE,
    MNT_FORCE,
    UMOUNT_NOFOLLOW,
    do_mount,
    do_umount,
    may_mount,
    prepend_path,
)
from forkernel.fs.namei import filename_lookup
from forkernel.fs.open import set_fs_pwd, set_fs_root
from forkernel.kernel.task import Task
from forkernel.syscalls.registry import UserBuf, UserStr, syscall

PATH_MAX = 4096
PAGE_SIZE = 4096


# --- links


@syscall("link")
def sys_link(task: Task, old: UserStr, new: UserStr) -> int:
    """link(2)."""
    do_linkat(task, AT_FDCWD, old.get(), AT_FDCWD, new.get(), 0)
    return 0


@syscall("linkat")
def sys_linkat(task: Task, olddirfd: I32, old: UserStr, newdirfd: I32, new: UserStr, flags: I32) -> int:
    """linkat(2)."""
    do_linkat(task, olddirfd, old.get(), newdirfd, new.get(), flags)
    return 0


@syscall("symlink")
def sys_symlink(task: Task, target: UserStr, path: UserStr) -> int:
    """symlink(2)."""
    do_symlinkat(task, target.get(), path.get())
    return 0


@syscall("symlinkat")
def sys_symlinkat(task: Task, target: UserStr, dirfd: I32, path: UserStr) -> int:
    """symlinkat(2)."""
    do_symlinkat(task, target.get(), path.get(), dirfd)
    return 0


def do_readlinkat(task: Task, dirfd: int, path: bytes, buf: UserBuf, size: int) -> int:
    """Target of a link into user memory, cut to `size`, no NUL (Linux: do_readlinkat)."""
    if size <= 0:
        raise SysError(EINVAL)
    place = filename_lookup(task, path, dirfd, follow=False, empty=True)
    inode = place.dentry.inode
    if inode.mode & S_IFMT != S_IFLNK:
        raise SysError(EINVAL if path else ENOENT)
    target = inode.readlink(task)[:size]
    buf.write(target)
    return len(target)


@syscall("readlink")
def sys_readlink(task: Task, path: UserStr, buf: UserBuf, size: I32) -> int:
    """readlink(2)."""
    name = path.get()
    if not name:
        raise SysError(ENOENT)
    return do_readlinkat(task, AT_FDCWD, name, buf, size)


@syscall("readlinkat")
def sys_readlinkat(task: Task, dirfd: I32, path: UserStr, buf: UserBuf, size: I32) -> int:
    """readlinkat(2); an empty path is the link that `dirfd` was opened on with O_PATH | O_NOFOLLOW."""
    return do_readlinkat(task, dirfd, path.get(), buf, size)


# --- removing and moving


@syscall("unlink")
def sys_unlink(task: Task, path: UserStr) -> int:
    """unlink(2)."""
    do_unlinkat(task, path.get())
    return 0


@syscall("unlinkat")
def sys_unlinkat(task: Task, dirfd: I32, path: UserStr, flags: I32) -> int:
    """unlinkat(2); AT_REMOVEDIR for a directory."""
    if flags & ~AT_REMOVEDIR:
        raise SysError(EINVAL)
    if flags:
        do_rmdir(task, path.get(), dirfd)
    else:
        do_unlinkat(task, path.get(), dirfd)
    return 0


@syscall("rename")
def sys_rename(task: Task, old: UserStr, new: UserStr) -> int:
    """rename(2)."""
    do_renameat2(task, AT_FDCWD, old.get(), AT_FDCWD, new.get(), 0)
    return 0


@syscall("renameat")
def sys_renameat(task: Task, olddirfd: I32, old: UserStr, newdirfd: I32, new: UserStr) -> int:
    """renameat(2)."""
    do_renameat2(task, olddirfd, old.get(), newdirfd, new.get(), 0)
    return 0


@syscall("renameat2", caveat="RENAME_WHITEOUT is EINVAL")
def sys_renameat2(task: Task, olddirfd: I32, old: UserStr, newdirfd: I32, new: UserStr, flags: U32) -> int:
    """renameat2(2)."""
    do_renameat2(task, olddirfd, old.get(), newdirfd, new.get(), flags)
    return 0


# --- directories and nodes


@syscall("mkdir")
def sys_mkdir(task: Task, path: UserStr, mode: U32) -> int:
    """mkdir(2)."""
    do_mkdirat(task, path.get(), mode)
    return 0


@syscall("mkdirat")
def sys_mkdirat(task: Task, dirfd: I32, path: UserStr, mode: U32) -> int:
    """mkdirat(2)."""
    do_mkdirat(task, path.get(), mode, dirfd)
    return 0


@syscall("rmdir")
def sys_rmdir(task: Task, path: UserStr) -> int:
    """rmdir(2)."""
    do_rmdir(task, path.get())
    return 0


@syscall("mknod")
def sys_mknod(task: Task, path: UserStr, mode: U32, dev: U32) -> int:
    """mknod(2)."""
    do_mknodat(task, path.get(), mode, dev)
    return 0


@syscall("mknodat")
def sys_mknodat(task: Task, dirfd: I32, path: UserStr, mode: U32, dev: U32) -> int:
    """mknodat(2)."""
    do_mknodat(task, path.get(), mode, dev, dirfd)
    return 0


# --- where the task stands


@syscall("chdir")
def sys_chdir(task: Task, path: UserStr) -> int:
    """chdir(2)."""
    set_fs_pwd(task, filename_lookup(task, path.get()))
    return 0


@syscall("fchdir")
def sys_fchdir(task: Task, fd: I32) -> int:
    """fchdir(2)."""
    from forkernel.fs.namei import dirfd_path

    set_fs_pwd(task, dirfd_path(task, fd))
    return 0


@syscall("chroot")
def sys_chroot(task: Task, path: UserStr) -> int:
    """chroot(2)."""
    set_fs_root(task, filename_lookup(task, path.get()))
    return 0


@syscall("getcwd")
def sys_getcwd(task: Task, buf: UserBuf, size: U64) -> int:
    """getcwd(2), the kernel's: the length with its NUL; a directory out of reach starts with (unreachable)."""
    assert task.fs is not None
    pwd = task.fs.pwd
    if pwd.dentry.unhashed:
        raise SysError(ENOENT)
    name, reached = prepend_path(pwd, task.fs.root)
    if not reached:
        name = b"(unreachable)" + name
    if len(name) + 1 > PATH_MAX:
        raise SysError(ENAMETOOLONG)
    if len(name) + 1 > size:
        raise SysError(ERANGE)
    buf.write(name + b"\0")
    return len(name) + 1


@syscall("umask")
def sys_umask(task: Task, mask: I32) -> int:
    """umask(2): the old one."""
    assert task.fs is not None
    old = task.fs.umask
    task.fs.umask = mask & S_IRWXUGO
    return old


# --- mounts


@syscall("mount", caveat="of tmpfs, ramfs, proc and what else /proc/filesystems lists")
def sys_mount(
    task: Task, source: UserStr | None, target: UserStr, fstype: UserStr | None, flags: U64, data: UserBuf | None
) -> int:
    """mount(2)."""
    kind = fstype.get(PAGE_SIZE) if fstype is not None else b""
    dev = source.get() if source is not None else b""
    options = data.mm.read_cstr(data.addr, PAGE_SIZE) if data is not None else b""
    at = filename_lookup(task, target.get())
    do_mount(task.system.vfs, task, dev, at, kind, flags, options)
    return 0


@syscall("umount2")
def sys_umount2(task: Task, target: UserStr, flags: I32) -> int:
    """umount2(2)."""
    if flags & ~(MNT_FORCE | MNT_DETACH | MNT_EXPIRE | UMOUNT_NOFOLLOW):
        raise SysError(EINVAL)
    place = filename_lookup(task, target.get(), follow=not flags & UMOUNT_NOFOLLOW)
    do_umount(task.system.vfs, task, place, flags)
    return 0


@syscall("pivot_root")
def sys_pivot_root(task: Task, new_root: UserStr, put_old: UserStr) -> int:
    """pivot_root(2)."""
    if not may_mount(task):
        raise SysError(EPERM)
    new, old = filename_lookup(task, new_root.get()), filename_lookup(task, put_old.get())
    if any(place.dentry.inode.mode & S_IFMT != S_IFDIR for place in (new, old)):
        raise SysError(ENOTDIR)
    pivot_root(task, new, old)
    return 0
