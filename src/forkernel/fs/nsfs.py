"""nsfs: a file for each namespace, behind /proc/PID/ns/* (Linux: fs/nsfs.c; namespaces(7), ioctl_ns(2)).

`ns_get_path` gives the place of a namespace's file, made at the first look and kept with the namespace, so that all
its openings show the same inode. An opening or a bind mount keeps the namespace alive (`Inode.opens`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EINVAL, ENOTTY, EPERM
from forkernel.abi.fcntl import O_RDONLY
from forkernel.abi.namespace import (
    CLONE_NEWPID,
    CLONE_NEWUSER,
    NS_GET_NSTYPE,
    NS_GET_OWNER_UID,
    NS_GET_PARENT,
    NS_GET_USERNS,
    NSFS_MAGIC,
)
from forkernel.abi.stat import S_IFREG
from forkernel.errors import SysError
from forkernel.fs.dentry import Path
from forkernel.fs.fdtable import fd_install
from forkernel.fs.file import File
from forkernel.fs.inode import MAY_WRITE, Inode, Superblock
from forkernel.namespace import NsCommon, UserNamespace, init_user_ns

if TYPE_CHECKING:
    from forkernel.kernel.cred import Cred
    from forkernel.kernel.task import Task


class NsfsSuperblock(Superblock):
    """The one nsfs of a machine."""

    def __init__(self, vfs: Any) -> None:
        super().__init__(b"nsfs", vfs.alloc_dev(), vfs.clock, vfs.frames)
        self.magic = NSFS_MAGIC
        self.dead = True  # inodes have no names: the last opening evicts
        self.inode: Any = None
        """The inode of the initial user namespace, which belongs to no machine."""


class NsInode(Inode):
    """The file of a namespace."""

    __slots__ = ("ns",)

    def __init__(self, sb: NsfsSuperblock, ns: NsCommon) -> None:
        super().__init__(sb, S_IFREG | 0o444, ino=ns.inum)
        self.ns = ns

    def permission(self, cred: Cred, mask: int) -> None:
        """It cannot be changed: EPERM for writing."""
        if mask & MAY_WRITE:
            raise SysError(EPERM)
        super().permission(cred, mask)

    def open(self, task: Task, flags: int) -> File:
        """A descriptor for setns and the ioctls."""
        return NsFile(self, flags)

    def evict(self) -> None:
        """Not open any more: a namespace that nobody else holds goes."""
        if self.ns.count == 0:
            self.ns.free()


class NsFile(File):
    """An open namespace."""

    object_kind, object_size = "nsfs_inode", 792

    __slots__ = ()

    inode: NsInode

    def ioctl(self, task: Task, cmd: int, arg: int) -> int:
        """NS_GET_*; ENOTTY for others."""
        ns = self.inode.ns
        if cmd == NS_GET_USERNS:
            return open_related(task, visible_owner(task, ns))
        if cmd == NS_GET_PARENT:
            return open_related(task, parent_of(task, ns))
        if cmd == NS_GET_NSTYPE:
            return ns.nstype
        if cmd == NS_GET_OWNER_UID:
            if not isinstance(ns, UserNamespace):
                raise SysError(EINVAL)
            assert task.mm is not None
            task.mm.write_u32(arg, task.cred.user_ns.from_kuid_munged(ns.owner_uid))
            return 0
        raise SysError(ENOTTY)


def visible_owner(task: Task, ns: NsCommon) -> NsCommon:
    """The owning user namespace; EPERM if it is above the caller's (Linux: ns_get_owner)."""
    owner = ns.owner
    if owner is None or not owner.is_descendant_of(task.cred.user_ns):
        raise SysError(EPERM)
    return owner


def parent_of(task: Task, ns: NsCommon) -> NsCommon:
    """The namespace above, for the kinds that nest (EINVAL for others); EPERM if the caller may not see it."""
    if ns.nstype == CLONE_NEWUSER:
        return visible_owner(task, ns)
    if ns.nstype != CLONE_NEWPID:
        raise SysError(EINVAL)
    parent: NsCommon = ns.visible_parent(task)  # type: ignore[attr-defined]  # PidNamespace's own
    return parent


def open_related(task: Task, ns: NsCommon) -> int:
    """A descriptor for another namespace, close-on-exec."""
    place = ns_get_path(task.system.vfs, ns)
    file = place.dentry.inode.open(task, O_RDONLY)
    file.path = place
    return fd_install(task, file, cloexec=True)


def ns_name(ns: NsCommon) -> bytes:
    """uts:[4026531838]."""
    return b"%s:[%d]" % (ns.name, ns.inum)


def ns_get_path(vfs: Any, ns: NsCommon) -> Path:
    """Where the namespace's file is."""
    sb = vfs.internal.get(b"nsfs")
    if sb is None:
        sb = vfs.internal[b"nsfs"] = NsfsSuperblock(vfs)
    keeper: Any = sb if ns is init_user_ns else ns
    if keeper.inode is None:
        keeper.inode = NsInode(sb, ns)
    path: Path = vfs.pseudo_path(keeper.inode, ns_name(ns))
    return path
