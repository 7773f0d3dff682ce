"""mounts and mountinfo of a process (Linux: fs/proc_namespace.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.stat import major, minor
from forkernel.fs.dentry import (
    MNT_NOATIME,
    MNT_NODEV,
    MNT_NOEXEC,
    MNT_NOSUID,
    MNT_READONLY,
    MNT_RELATIME,
    Mount,
    Path,
)

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

OPTIONS = (
    (MNT_NOSUID, b",nosuid"),
    (MNT_NODEV, b",nodev"),
    (MNT_NOEXEC, b",noexec"),
    (MNT_NOATIME, b",noatime"),
    (MNT_RELATIME, b",relatime"),
)


def mangle(text: bytes) -> bytes:
    """Blank, tab, newline and backslash as octal escapes, so that fields stay apart."""
    for char in (b"\\", b" ", b"\t", b"\n"):
        text = text.replace(char, b"\\%03o" % char[0])
    return text


def options(mount: Mount) -> bytes:
    """Options of the mount itself."""
    access = b"ro" if mount.flags & MNT_READONLY else b"rw"
    return access + b"".join(name for flag, name in OPTIONS if mount.flags & flag)


def super_options(mount: Mount) -> bytes:
    """Options of the file system."""
    return (b"ro" if mount.sb.readonly else b"rw") + mount.sb.options


def visible(vfs: Any, task: Task) -> list[tuple[Mount, bytes]]:
    """Mounts under the task's root, with their places as it would name them."""
    fs = task.fs
    if fs is None:
        return []
    found = []
    for mount in vfs.mounts():
        place = Path(mount, mount.root)
        if reachable(place, fs.root):
            found.append((mount, vfs.d_path(place, fs.root)))
    return found


def reachable(path: Path, root: Path) -> bool:
    """Whether a walk from `root` could get to `path` (Linux: is_path_reachable)."""
    mnt: Mount = path.mnt
    dentry = path.dentry
    while mnt is not root.mnt:
        if mnt.parent is None or mnt.mountpoint is None:
            return False
        dentry, mnt = mnt.mountpoint, mnt.parent
    return dentry.is_under(root.dentry)


def show_mounts(vfs: Any, task: Task) -> bytes:
    """Device place type options 0 0."""
    lines = []
    for mount, place in visible(vfs, task):
        access = b"ro" if mount.readonly else b"rw"
        flags = access + options(mount)[2:] + mount.sb.options
        lines.append(b"%s %s %s %s 0 0\n" % (mangle(mount.source), mangle(place), mangle(mount.sb.type), flags))
    return b"".join(lines)


def show_mountinfo(vfs: Any, task: Task) -> bytes:
    """Id parent major:minor root place options - type device super-options."""
    lines = []
    for mount, place in visible(vfs, task):
        dev = mount.sb.dev
        parent = mount.id if mount.parent is None else mount.parent.id
        lines.append(
            b"%d %d %d:%d %s %s %s - %s %s %s\n"
            % (
                mount.id, parent, major(dev), minor(dev), mangle(subtree(mount)), mangle(place), options(mount),
                mangle(mount.sb.type), mangle(mount.source), super_options(mount),
            )
        )  # fmt: skip
    return b"".join(lines)


def subtree(mount: Mount) -> bytes:
    """The directory of the file system that is at the mount's top."""
    parts, dentry = [], mount.root
    if dentry.parent is dentry and dentry.name:
        return dentry.name
    while dentry.parent is not dentry:
        parts.append(dentry.name)
        dentry = dentry.parent
    return b"/" + b"/".join(reversed(parts))
