"""mounts and mountinfo of a process (Linux: fs/proc_namespace.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EINVAL, ENOENT
from forkernel.abi.stat import major, minor
from forkernel.errors import SysError
from forkernel.fs.dentry import (
    MNT_NOATIME,
    MNT_NODEV,
    MNT_NODIRATIME,
    MNT_NOEXEC,
    MNT_NOSUID,
    MNT_READONLY,
    MNT_RELATIME,
    Mount,
    Path,
)
from forkernel.fs.mount import is_path_reachable
from forkernel.fs.pnode import dominating_id

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

OPTIONS = (
    (MNT_NOSUID, b",nosuid"),
    (MNT_NODEV, b",nodev"),
    (MNT_NOEXEC, b",noexec"),
    (MNT_NOATIME, b",noatime"),
    (MNT_NODIRATIME, b",nodiratime"),
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
    if task.nsproxy is None:
        raise SysError(EINVAL)
    if fs is None:
        raise SysError(ENOENT)
    found = []
    for mount in task.nsproxy.mnt_ns.mounts():
        place = Path(mount, mount.root)
        if is_path_reachable(place, fs.root):
            found.append((mount, vfs.d_path(place, fs.root)))
    return found


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
            b"%d %d %d:%d %s %s %s%s - %s %s %s\n"
            % (
                mount.id, parent, major(dev), minor(dev), mangle(subtree(mount)), mangle(place), options(mount),
                tags(mount),
                mangle(mount.sb.type), mangle(mount.source), super_options(mount),
            )
        )  # fmt: skip
    return b"".join(lines)


def tags(mount: Mount) -> bytes:
    """How the mount propagates: shared:N, master:N, propagate_from:N, unbindable."""
    text = b""
    if mount.group is not None:
        text += b" shared:%d" % mount.group.id
    if mount.master is not None:
        text += b" master:%d" % mount.master.id
        source = dominating_id(mount, mount.ns)
        if source and source != mount.master.id:
            text += b" propagate_from:%d" % source
    return text + b" unbindable" if mount.unbindable else text


def show_mountstats(vfs: Any, task: Task) -> bytes:
    """Device, place and type in words; no file system here has more to tell."""
    return b"".join(
        b"device %s mounted on %s with fstype %s\n" % (mangle(mount.source), mangle(place), mangle(mount.sb.type))
        for mount, place in visible(vfs, task)
    )


def subtree(mount: Mount) -> bytes:
    """The directory of the file system that is at the mount's top."""
    parts, dentry = [], mount.root
    if dentry.parent is dentry and dentry.name:
        return dentry.name
    while dentry.parent is not dentry:
        parts.append(dentry.name)
        dentry = dentry.parent
    return b"/" + b"/".join(reversed(parts))
