"""Attaching and detaching trees: mount(2), umount2(2) (Linux: fs/namespace.c), and names of places (d_path).

A mount covers one dentry of another mount; the walk goes on top of it through `Vfs.mount_hash`. The last mount
on a place wins, and uncovers the one below when it goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import EBUSY, EINVAL, ENODEV, ENOTDIR, EPERM
from forkernel.abi.stat import S_IFDIR, S_IFMT
from forkernel.errors import SysError
from forkernel.fs.dentry import (
    MNT_NOATIME,
    MNT_NODEV,
    MNT_NOEXEC,
    MNT_NOSUID,
    MNT_READONLY,
    MNT_RELATIME,
    Dentry,
    Mount,
    Path,
)

if TYPE_CHECKING:
    from forkernel.fs.vfs import Vfs
    from forkernel.kernel.task import Task

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_NOATIME = 1024
MS_BIND = 4096
MS_MOVE = 8192
MS_REC = 16384
MS_SILENT = 32768
MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MS_RELATIME = 1 << 21
MS_MGC_VAL = 0xC0ED0000
MS_MGC_MSK = 0xFFFF0000
MS_PROPAGATION = MS_UNBINDABLE | MS_PRIVATE | MS_SLAVE | MS_SHARED
MS_MOUNT_FLAGS = MNT_READONLY | MNT_NOSUID | MNT_NODEV | MNT_NOEXEC | MNT_NOATIME | MNT_RELATIME

MNT_FORCE = 1
MNT_DETACH = 2
MNT_EXPIRE = 4
UMOUNT_NOFOLLOW = 8
CAP_SYS_ADMIN = 1 << 21


def attach_mnt(vfs: Vfs, mount: Mount, at: Path) -> None:
    """Put `mount` on the place `at`."""
    mount.parent, mount.mountpoint = at
    at.mnt.children[mount] = None
    at.dentry.mounted += 1
    if at.dentry.parent is not at.dentry and not at.dentry.unhashed:
        at.dentry.parent.children[at.dentry.name] = at.dentry
    vfs.mount_hash[at.mnt, at.dentry] = mount


def detach_mnt(vfs: Vfs, mount: Mount) -> None:
    """Take `mount` off its place."""
    parent, dentry = mount.parent, mount.mountpoint
    assert parent is not None
    assert dentry is not None
    del vfs.mount_hash[parent, dentry]
    del parent.children[mount]
    dentry.mounted -= 1
    mount.parent = mount.mountpoint = None


def topmost(vfs: Vfs, place: Path) -> Path:
    """What shows at `place`: the root of the last mount there."""
    mount = vfs.mount_hash.get((place.mnt, place.dentry))
    while mount is not None:
        place = Path(mount, mount.root)
        mount = vfs.mount_hash.get((place.mnt, place.dentry))
    return place


def do_mount(vfs: Vfs, task: Task, source: bytes, at: Path, fstype: bytes, flags: int, data: bytes) -> None:
    """mount(2): EPERM without CAP_SYS_ADMIN; new file systems, binds, moves, remounts."""
    if not task.cred.cap_effective & CAP_SYS_ADMIN:
        raise SysError(EPERM)
    if flags & MS_MGC_MSK == MS_MGC_VAL:
        flags &= ~MS_MGC_MSK
    if flags & MS_REMOUNT:
        do_remount(at, flags)
    elif flags & MS_BIND:
        do_loopback(vfs, task, source, at, bool(flags & MS_REC))
    elif flags & MS_PROPAGATION:
        change_type(at)
    elif flags & MS_MOVE:
        do_move_mount(vfs, task, source, at)
    else:
        do_new_mount(vfs, task, source, at, fstype, flags, data)


def do_new_mount(vfs: Vfs, task: Task, source: bytes, at: Path, fstype: bytes, flags: int, data: bytes) -> None:
    """A file system by its type; ENODEV for one that is not known."""
    if not fstype:
        raise SysError(EINVAL)
    function = vfs.filesystems.get(fstype)
    if function is None:
        raise SysError(ENODEV)
    check_kinds(at.dentry, directory=True)
    root = function(vfs, task, source, data)
    vfs.mount(root, at, flags & MS_MOUNT_FLAGS, source or b"none")


def check_kinds(dentry: Dentry, directory: bool) -> None:
    """A directory is mounted on a directory, a file on a file: ENOTDIR."""
    if (dentry.inode.mode & S_IFMT == S_IFDIR) is not directory:
        raise SysError(ENOTDIR)


def do_loopback(vfs: Vfs, task: Task, source: bytes, at: Path, recursive: bool) -> None:
    """A bind mount: another part of the tree shows here, too."""
    old = vfs.resolve(task, source)
    check_kinds(at.dentry, old.dentry.inode.mode & S_IFMT == S_IFDIR)
    mount = vfs.mount(old.dentry, at, old.mnt.flags, old.mnt.source)
    if recursive:
        copy_tree(vfs, old.mnt, old.dentry, mount)


def copy_tree(vfs: Vfs, old: Mount, top: Dentry, new: Mount) -> None:
    """Bind what is mounted on `old` under `top` to the same places of `new`."""
    for child in list(old.children):
        if child is not new and child.mountpoint is not None and child.mountpoint.is_under(top):
            copied = vfs.mount(child.root, Path(new, child.mountpoint), child.flags, child.source)
            copy_tree(vfs, child, child.root, copied)


def do_remount(at: Path, flags: int) -> None:
    """Change the flags of a mount; EINVAL unless `at` is its root."""
    if at.dentry is not at.mnt.root:
        raise SysError(EINVAL)
    at.mnt.flags = flags & MS_MOUNT_FLAGS


def change_type(at: Path) -> None:
    """Propagation: all mounts are private here, so private and slave hold already."""
    if at.dentry is not at.mnt.root:
        raise SysError(EINVAL)


def do_move_mount(vfs: Vfs, task: Task, source: bytes, at: Path) -> None:
    """Take a mount from one place to another."""
    old = vfs.resolve(task, source)
    mount = old.mnt
    if old.dentry is not mount.root or mount.parent is None:
        raise SysError(EINVAL)
    check_kinds(at.dentry, old.dentry.inode.mode & S_IFMT == S_IFDIR)
    above: Mount | None = at.mnt
    while above is not None:
        if above is mount:
            from forkernel.abi.errno import ELOOP

            raise SysError(ELOOP)
        above = above.parent
    detach_mnt(vfs, mount)
    attach_mnt(vfs, mount, at)


def do_umount(vfs: Vfs, task: Task, place: Path, flags: int) -> None:
    """umount2(2): EBUSY while something is in use below, unless MNT_DETACH."""
    if not task.cred.cap_effective & CAP_SYS_ADMIN:
        raise SysError(EPERM)
    mount = place.mnt
    if place.dentry is not mount.root:
        raise SysError(EINVAL)
    if mount.parent is None:
        raise SysError(EINVAL if not flags & MNT_DETACH else EBUSY)
    if flags & MNT_DETACH:
        umount_tree(vfs, mount)
        return
    if mount.children or mount_in_use(task, mount):
        raise SysError(EBUSY)
    detach_mnt(vfs, mount)
    vfs.forget_mount(mount)


def umount_tree(vfs: Vfs, mount: Mount) -> None:
    """Detach a mount and all on it; who uses it may go on."""
    for child in list(mount.children):
        umount_tree(vfs, child)
    detach_mnt(vfs, mount)
    vfs.forget_mount(mount)


def mount_in_use(task: Task, mount: Mount) -> bool:
    """Whether a file of the mount is open or mapped, or any task stands in it."""
    return mount.opens > 0 or any(
        user.fs is not None and mount in (user.fs.pwd.mnt, user.fs.root.mnt) for user in task.system.all_tasks()
    )


# --- names of places


def prepend_path(place: Path, root: Path) -> tuple[bytes, bool]:
    """The name of a place seen from `root`, and whether `root` was reached going up."""
    mnt, dentry = place
    names: list[bytes] = []
    while dentry is not root.dentry or mnt is not root.mnt:
        if dentry is mnt.root:
            if mnt.parent is None or mnt.mountpoint is None:
                return b"/" + b"/".join(reversed(names)), False
            dentry, mnt = mnt.mountpoint, mnt.parent
            continue
        if dentry.parent is dentry:
            return b"/" + b"/".join(reversed(names)), False
        names.append(dentry.name)
        dentry = dentry.parent
    return b"/" + b"/".join(reversed(names)), True


def options_of(mount: Mount) -> bytes:
    """The options of a mount as /proc/mounts shows them."""
    shown = [b"ro" if mount.readonly else b"rw"]
    for flag, name in (
        (MNT_NOSUID, b"nosuid"),
        (MNT_NODEV, b"nodev"),
        (MNT_NOEXEC, b"noexec"),
        (MNT_NOATIME, b"noatime"),
        (MNT_RELATIME, b"relatime"),
    ):
        if mount.flags & flag:
            shown.append(name)
    return b",".join(shown) + mount.sb.options


def current_chrooted(task: Task) -> bool:
    """Whether the task's root is not that of its mount namespace (Linux: current_chrooted)."""
    assert task.fs is not None
    vfs = task.system.vfs
    return task.fs.root != topmost(vfs, vfs.root)
