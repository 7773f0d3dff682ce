"""Mount namespaces: a tree of mounts for each (Linux: fs/namespace.c; mount_namespaces(7), pivot_root(2)).

The root of every tree is an empty file system, rootfs; what programs see as / is mounted on it, so that pivot_root can
put something else there. `copy_mnt_ns` copies a tree for clone and unshare, with the propagation the copies inherit;
`free` takes the mounts away when the last process has gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.capability import CAP_SYS_CHROOT
from forkernel.abi.errno import EBUSY, EINVAL, ENOENT, EPERM
from forkernel.abi.namespace import CLONE_NEWNS, MNT_NS_INIT_INO
from forkernel.errors import SysError
from forkernel.fs.dentry import Path
from forkernel.fs.mount import (
    CL_COPY_UNBINDABLE,
    CL_SHARED_TO_SLAVE,
    attach_mnt,
    copy_tree,
    detach_mnt,
    is_path_reachable,
    lock_mnt_tree,
    may_mount,
    set_ns,
    topmost,
    tree_of,
    umount_tree,
)
from forkernel.namespace import NsCommon, UserNamespace, cap_capable, init_user_ns

if TYPE_CHECKING:
    from forkernel.fs.dentry import Mount
    from forkernel.fs.vfs import Vfs
    from forkernel.kernel.task import Task


class MntNamespace(NsCommon):
    """Linux: struct mnt_namespace."""

    __slots__ = ("nr_mounts", "root", "seq", "vfs")

    nstype = CLONE_NEWNS
    name = b"mnt"

    def __init__(self, vfs: Vfs, system: Any, user_ns: UserNamespace, root: Mount, inum: int = 0) -> None:
        super().__init__(system, user_ns, inum)
        self.vfs = vfs
        vfs.mnt_ns_seq += 1
        self.seq = vfs.mnt_ns_seq
        """Order of creation: a namespace's file can be mounted only in one that is older (Linux: mnt_ns_loop)."""
        self.root = root
        """rootfs, on which everything else is mounted."""
        self.nr_mounts = 0
        for mount in tree_of(root):
            set_ns(mount, self)

    def mounts(self) -> list[Mount]:
        """All mounts, in the order in which they were made."""
        return sorted(tree_of(self.root), key=_mount_id)

    def top(self) -> Path:
        """The root directory that a process not in a chroot has."""
        return topmost(self.vfs, Path(self.root, self.root.root))

    def free(self) -> None:
        """The last process has gone: so do the mounts."""
        umount_tree(self.vfs, self.root, propagate=False)
        super().free()

    def install(self, nsset: Any) -> None:
        """setns: with CAP_SYS_ADMIN over the namespace and CAP_SYS_CHROOT (EPERM), by a process that shares its root
        directory with nobody (EINVAL); it stands at the namespace's root then.
        """
        cred = nsset.cred
        if not (nsset.admin_over(self.user_ns) and cap_capable(cred, cred.user_ns, CAP_SYS_CHROOT)):
            raise SysError(EPERM)
        if nsset.task.fs.users != 1:
            raise SysError(EINVAL)
        nsset.nsproxy.replace("mnt_ns", self.get())
        nsset.fs_root = self.top()


def _mount_id(mount: Mount) -> int:
    return mount.id


def init_mnt_ns(vfs: Vfs, root: Mount) -> MntNamespace:
    """The first one; `system` is filled in when there is one."""
    return MntNamespace(vfs, None, init_user_ns, root, MNT_NS_INIT_INO)


def copy_mnt_ns(task: Task, user_ns: UserNamespace, old: MntNamespace, fs: Any) -> MntNamespace:
    """CLONE_NEWNS: a copy of the tree, in which `fs` stands at the same places. If another user namespace owns it,
    shared mounts are slaves in the copy, and what hides or restricts something is locked.
    """
    vfs, foreign = old.vfs, user_ns is not old.user_ns
    flags = CL_COPY_UNBINDABLE | (CL_SHARED_TO_SLAVE if foreign else 0)
    copies: dict[Mount, Mount] = {}
    root = copy_tree(vfs, old.root, old.root.root, flags, copies)
    if foreign:
        lock_mnt_tree(root)
    new = MntNamespace(vfs, task.system, user_ns, root)
    if fs is not None:
        fs.root = Path(copies.get(fs.root.mnt, fs.root.mnt), fs.root.dentry)
        fs.pwd = Path(copies.get(fs.pwd.mnt, fs.pwd.mnt), fs.pwd.dentry)
    return new


def current_chrooted(task: Task) -> bool:
    """Whether the task's root is not that of its mount namespace (Linux: current_chrooted)."""
    assert task.fs is not None
    root: Path = task.nsproxy.mnt_ns.top()
    return task.fs.root != root


def pivot_root(task: Task, new: Path, old: Path) -> None:
    """Make `new`, a mount, the root of the namespace, and put the present root on `old` (pivot_root(2)).

    EPERM without CAP_SYS_ADMIN; EINVAL, EBUSY and ENOENT as the manual says.
    """
    if not may_mount(task):
        raise SysError(EPERM)
    fs, vfs, ns = task.fs, task.system.vfs, task.nsproxy.mnt_ns
    assert fs is not None
    root = fs.root
    new_mnt, root_mnt, old_mnt = new.mnt, root.mnt, old.mnt
    if any(mnt is not None and mnt.group is not None for mnt in (old_mnt, new_mnt.parent, root_mnt.parent)):
        raise SysError(EINVAL)
    if root_mnt.ns is not ns or new_mnt.ns is not ns or new_mnt.locked:
        raise SysError(EINVAL)
    if new.dentry.unhashed:
        raise SysError(ENOENT)
    if new_mnt is root_mnt or old_mnt is root_mnt:
        raise SysError(EBUSY)
    if root.dentry is not root_mnt.root or root_mnt.parent is None:
        raise SysError(EINVAL)
    if new.dentry is not new_mnt.root or new_mnt.parent is None:
        raise SysError(EINVAL)
    if not is_path_reachable(old, new) or not is_path_reachable(new, root):
        raise SysError(EINVAL)
    assert root_mnt.mountpoint is not None
    place = Path(root_mnt.parent, root_mnt.mountpoint)
    detach_mnt(vfs, new_mnt)
    if root_mnt.locked:
        new_mnt.locked, root_mnt.locked = True, False
    detach_mnt(vfs, root_mnt)
    attach_mnt(vfs, root_mnt, old)
    attach_mnt(vfs, new_mnt, place)
    chroot_fs_refs(task, root, new)


def chroot_fs_refs(task: Task, old: Path, new: Path) -> None:
    """Whoever had the old root as root or working directory has the new one now."""
    for user in task.system.all_tasks():
        fs = user.fs
        if fs is not None:
            if fs.root == old:
                fs.root = new
            if fs.pwd == old:
                fs.pwd = new
