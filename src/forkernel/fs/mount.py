"""Attaching and detaching trees: mount(2), umount2(2) (Linux: fs/namespace.c), and names of places (d_path).

A mount covers one dentry of another mount; the walk goes on top of it through `Vfs.mount_hash`. The last mount
on a place wins, and uncovers the one below when it goes. What happens at a mount happens wherever it propagates to
(fs/pnode.py): `attach_recursive_mnt` and `umount_tree` are the two places that see to it.

A mount is `locked` where a less privileged mount namespace got it together with what it covers: it cannot be taken off
alone; `lock_flags` are flags that cannot be cleared there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.capability import CAP_SYS_ADMIN
from forkernel.abi.errno import EAGAIN, EBUSY, EINVAL, ELOOP, ENODEV, ENOSPC, ENOTDIR, EPERM
from forkernel.abi.namespace import CLONE_NEWNS
from forkernel.abi.stat import S_IFDIR, S_IFMT
from forkernel.errors import SysError
from forkernel.fs.dentry import (
    MNT_NOATIME,
    MNT_NODEV,
    MNT_NODIRATIME,
    MNT_NOEXEC,
    MNT_NOSUID,
    MNT_READONLY,
    MNT_RELATIME,
    Dentry,
    Mount,
    Path,
)
from forkernel.fs.pnode import (
    MS_PRIVATE,
    MS_SHARED,
    MS_SLAVE,
    MS_UNBINDABLE,
    PeerGroup,
    change_mnt_propagation,
    enslave,
    join_group,
    propagation,
    set_shared,
)
from forkernel.namespace import UserNamespace, cap_capable, init_user_ns

if TYPE_CHECKING:
    from forkernel.fs.mnt_namespace import MntNamespace
    from forkernel.fs.vfs import Vfs
    from forkernel.kernel.task import Task

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_NOATIME = 1024
MS_NODIRATIME = 2048
MS_BIND = 4096
MS_MOVE = 8192
MS_REC = 16384
MS_SILENT = 32768
MS_RELATIME = 1 << 21
MS_STRICTATIME = 1 << 24
MS_NOUSER = 1 << 31
MS_MGC_VAL = 0xC0ED0000
MS_MGC_MSK = 0xFFFF0000
MS_PROPAGATION = MS_UNBINDABLE | MS_PRIVATE | MS_SLAVE | MS_SHARED
MNT_PLAIN_FLAGS = MNT_READONLY | MNT_NOSUID | MNT_NODEV | MNT_NOEXEC | MNT_NOATIME | MNT_NODIRATIME
MNT_ATIME_MASK = MNT_NOATIME | MNT_NODIRATIME | MNT_RELATIME
MNT_LOCKABLE = MNT_READONLY | MNT_NOSUID | MNT_NODEV | MNT_NOEXEC

MNT_FORCE = 1
MNT_DETACH = 2
MNT_EXPIRE = 4
UMOUNT_NOFOLLOW = 8

# How clone_mnt and copy_tree copy.
CL_COPY_UNBINDABLE = 1
CL_MAKE_SHARED = 2
CL_SLAVE = 4
CL_SHARED_TO_SLAVE = 8
CL_COPY_MNT_NS_FILE = 16

MOUNT_MAX = 100_000
"""Mounts that a namespace may have (Linux: /proc/sys/fs/mount-max)."""

USERNS_MOUNT = (b"proc", b"tmpfs", b"ramfs", b"sysfs", b"mqueue", b"cgroup2")
"""Types that who has CAP_SYS_ADMIN in a user namespace may mount (Linux: FS_USERNS_MOUNT)."""
USERNS_VISIBLE = (b"proc", b"sysfs")
"""Of those, types that show the machine: only where one is seen in full already (Linux: SB_I_USERNS_VISIBLE)."""


def attach_mnt(vfs: Vfs, mount: Mount, at: Path) -> None:
    """Put `mount` on the place `at`, which is free."""
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


def tree_of(mount: Mount) -> list[Mount]:
    """A mount and all on it, parents before children."""
    found = [mount]
    for member in found:
        found.extend(member.children)
    return found


# --- copies


def clone_mnt(vfs: Vfs, old: Mount, root: Dentry, flags: int) -> Mount:
    """One more mount of the same file system, from `root` on, with the propagation that CL_* `flags` ask for."""
    new = vfs.alloc_mount(root, old.flags, root.inode.sb.type if old is vfs.pseudo_mount else old.source)
    new.unbindable, new.locked, new.lock_flags = old.unbindable, old.locked, old.lock_flags
    if flags & CL_SLAVE or (flags & CL_SHARED_TO_SLAVE and old.group is not None):
        enslave(new, old.group if old.group is not None else old.master)
        if flags & CL_MAKE_SHARED:
            set_shared(vfs, new)
        return new
    if old.group is not None:
        join_group(new, old.group)
    elif flags & CL_MAKE_SHARED:
        set_shared(vfs, new)
    enslave(new, old.master)
    return new


def copy_tree(vfs: Vfs, old: Mount, top: Dentry, flags: int, copies: dict[Mount, Mount] | None = None) -> Mount:
    """A copy of `old` from `top` on with all that is mounted on it there; nowhere attached yet. EINVAL, EPERM.

    `copies` takes down which mount was made of which.
    """
    if old.unbindable and not flags & CL_COPY_UNBINDABLE:
        raise SysError(EINVAL)
    made: dict[Mount, Mount] = {} if copies is None else copies
    new = made[old] = clone_mnt(vfs, old, top, flags)
    try:
        copy_children(vfs, old, top, flags, made)
    except SysError:
        umount_tree(vfs, new, propagate=False)
        raise
    return new


def copy_children(vfs: Vfs, old: Mount, top: Dentry, flags: int, made: dict[Mount, Mount]) -> None:
    """What is mounted on `old` from `top` on, copied onto its copy; EPERM, ENOMEM."""
    pending = [child for child in old.children if child.mountpoint is not None and child.mountpoint.is_under(top)]
    while pending:
        child = pending.pop(0)
        if child.unbindable and not flags & CL_COPY_UNBINDABLE:
            if child.locked:
                raise SysError(EPERM)
            continue
        if not flags & CL_COPY_MNT_NS_FILE and getattr(child.root.inode, "ns", init_user_ns).nstype == CLONE_NEWNS:
            continue
        assert child.parent is not None
        assert child.mountpoint is not None
        copy = made[child] = clone_mnt(vfs, child, child.root, flags)
        attach_mnt(vfs, copy, Path(made[child.parent], child.mountpoint))
        pending[:0] = child.children


def lock_mnt_tree(root: Mount) -> None:
    """What a less privileged namespace may not undo: each mount but the first, and restrictive flags."""
    for mount in tree_of(root):
        mount.lock_flags |= mount.flags & MNT_LOCKABLE | MNT_RELATIME
        if mount is not root:
            mount.locked = True


# --- attaching


def attach_recursive_mnt(vfs: Vfs, source: Mount, at: Path) -> None:
    """Put the tree of `source` on `at`, and copies of it wherever the mount of `at` propagates to."""
    dest = at.mnt
    copies: list[tuple[Mount, Path]] = []
    check_mount_max(dest, source)
    if dest.group is not None:
        for mount in tree_of(source):
            set_shared(vfs, mount)
        copies = propagate_mnt(vfs, dest, at.dentry, source)
    attach_mnt(vfs, source, at)
    commit_tree(source)
    for copy, place in copies:
        commit_copy(vfs, copy, place, dest)


def attach_new(vfs: Vfs, mount: Mount, at: Path) -> None:
    """attach_recursive_mnt for a tree just made, which goes again if that fails."""
    try:
        attach_recursive_mnt(vfs, mount, at)
    except SysError:
        umount_tree(vfs, mount, propagate=False)
        raise


def check_mount_max(dest: Mount, source: Mount) -> None:
    """ENOSPC if the namespace of `dest` would have too many (sysctl fs.mount-max)."""
    if dest.ns.nr_mounts + len(tree_of(source)) > MOUNT_MAX:
        raise SysError(ENOSPC)


def commit_tree(root: Mount) -> None:
    """The mounts are in the namespace of what they are mounted on now."""
    assert root.parent is not None
    for mount in tree_of(root):
        set_ns(mount, root.parent.ns)


def set_ns(mount: Mount, ns: MntNamespace | None) -> None:
    """The mount is in this namespace now, or in none; each counts its own."""
    if mount.ns is not None:
        mount.ns.nr_mounts -= 1
    mount.ns = ns
    if ns is not None:
        ns.nr_mounts += 1


def commit_copy(vfs: Vfs, copy: Mount, place: Path, dest: Mount) -> None:
    """Attach a propagated copy, below what covers the place already; across user namespaces it is locked together."""
    above = vfs.mount_hash.get((place.mnt, place.dentry))
    if above is not None:
        detach_mnt(vfs, above)
    attach_mnt(vfs, copy, place)
    if above is not None:
        attach_mnt(vfs, above, Path(copy, copy.root))
    ns = place.mnt.ns
    if ns is not None and dest.ns is not None and ns.user_ns is not dest.ns.user_ns:
        lock_mnt_tree(copy)
    copy.locked = False
    commit_tree(copy)


def propagate_mnt(vfs: Vfs, dest: Mount, point: Dentry, source: Mount) -> list[tuple[Mount, Path]]:
    """Copies of the tree of `source` for all mounts that `dest` propagates to and that have the place `point`; ENOSPC
    if these, all taken together, are too many for a namespace, ENOMEM.

    A peer of `dest` gets peers of the source; a slave gets slaves of what its master got.
    """
    assert dest.group is not None
    origin: dict[PeerGroup, Mount] = {dest.group: source}
    """What was mounted in each group, to copy from."""
    found: list[tuple[Mount, Path]] = []
    size = len(tree_of(source))
    total: int = dest.ns.nr_mounts + size
    for mount in propagation(dest):
        if mount.group is not None and mount.group in origin:
            model, flags = origin[mount.group], CL_MAKE_SHARED
        else:
            model, flags = origin_of_slave(mount, origin), CL_SLAVE
            if mount.group is not None:
                flags |= CL_MAKE_SHARED
        if not point.is_under(mount.root):
            continue
        total += size
        try:
            if total > MOUNT_MAX:
                raise SysError(ENOSPC)
            copy = copy_tree(vfs, model, model.root, flags | CL_COPY_UNBINDABLE | CL_COPY_MNT_NS_FILE)
        except SysError:
            for done, _ in found:
                umount_tree(vfs, done, propagate=False)
            raise
        found.append((copy, Path(mount, point)))
        if mount.group is not None:
            origin.setdefault(mount.group, copy)
    return found


def origin_of_slave(mount: Mount, origin: dict[PeerGroup, Mount]) -> Mount:
    """What the nearest group above got that got anything."""
    group = mount.master
    while group is not None and group not in origin:
        group = next((member.master for member in group.members if member.master is not None), None)
    assert group is not None
    return origin[group]


# --- mount(2)


def may_mount(task: Task) -> bool:
    """CAP_SYS_ADMIN over the mount namespace."""
    return cap_capable(task.cred, task.nsproxy.mnt_ns.user_ns, CAP_SYS_ADMIN)


def check_mnt(task: Task, mount: Mount) -> bool:
    """Whether the mount is in the task's namespace."""
    return mount.ns is not None and mount.ns is task.nsproxy.mnt_ns


def is_detached(mount: Mount) -> bool:
    """Whether it is in a tree that a descriptor of open_tree or fsmount holds and nothing else."""
    while mount.parent is not None:
        mount = mount.parent
    return mount.detached


def mnt_flags_of(flags: int) -> int:
    """The flags of a mount that MS_* `flags` ask for: relatime unless told otherwise."""
    wanted = flags & MNT_PLAIN_FLAGS
    if not flags & MS_NOATIME:
        wanted |= MNT_RELATIME
    if flags & MS_STRICTATIME:
        wanted &= ~(MNT_RELATIME | MNT_NOATIME)
    return wanted


def do_mount(vfs: Vfs, task: Task, source: bytes, at: Path, fstype: bytes, flags: int, data: bytes) -> None:
    """mount(2): new file systems, binds, moves, remounts, changes of propagation. EPERM without CAP_SYS_ADMIN."""
    if flags & MS_MGC_MSK == MS_MGC_VAL:
        flags &= ~MS_MGC_MSK
    if flags & MS_NOUSER:
        raise SysError(EINVAL)
    if not may_mount(task):
        raise SysError(EPERM)
    if flags & MS_REMOUNT:
        do_remount(task, at, flags, data)
    elif flags & MS_BIND:
        do_loopback(vfs, task, source, at, bool(flags & MS_REC))
    elif flags & MS_PROPAGATION:
        do_change_type(vfs, task, at, flags)
    elif flags & MS_MOVE:
        do_move_mount(vfs, task, source, at)
    else:
        do_new_mount(vfs, task, source, at, fstype, flags, data)


def do_new_mount(vfs: Vfs, task: Task, source: bytes, at: Path, fstype: bytes, flags: int, data: bytes) -> None:
    """A file system by its type; ENODEV for one that is not known, EPERM for one that takes more privilege."""
    if not fstype:
        raise SysError(EINVAL)
    owner = fs_owner(vfs, task, fstype)
    check_kinds(at.dentry, directory=True)
    if not check_mnt(task, at.mnt):
        raise SysError(EINVAL)
    wanted = mnt_flags_of(flags)
    locks = 0
    if fstype in USERNS_VISIBLE and at.mnt.ns.user_ns is not init_user_ns:
        locks = visible_already(at.mnt.ns, fstype, wanted)
    root = make_fs(vfs, task, fstype, source, data, owner, readonly=bool(flags & MS_RDONLY))
    if at.dentry is at.mnt.root and at.mnt.sb is root.inode.sb and at.mnt.root is root:
        raise SysError(EBUSY)
    try:
        mount = vfs.alloc_mount(root, wanted, source or b"none")
    except SysError:
        vfs.deactivate_super(root)
        raise
    mount.lock_flags = locks
    attach_new(vfs, mount, at)


def fs_owner(vfs: Vfs, task: Task, fstype: bytes) -> UserNamespace:
    """The user namespace that a new file system of this type belongs to; ENODEV, EPERM."""
    if fstype not in vfs.filesystems:
        raise SysError(ENODEV)
    owner = task.cred.user_ns
    if fstype in USERNS_VISIBLE:
        owner = task.thread_pid.ns.user_ns if fstype == b"proc" else task.nsproxy.net_ns.user_ns
    if not cap_capable(task.cred, owner if fstype in USERNS_MOUNT else init_user_ns, CAP_SYS_ADMIN):
        raise SysError(EPERM)
    return owner


def make_fs(
    vfs: Vfs, task: Task, fstype: bytes, source: bytes, data: bytes, owner: UserNamespace, *, readonly: bool
) -> Dentry:
    """The root of a new file system, or of the one that there is only one of (Linux: vfs_get_tree)."""
    root = vfs.filesystems[fstype](vfs, task, source, data)
    sb = root.inode.sb
    if not sb.mounts:
        sb.user_ns = owner
        sb.readonly = readonly
    return root


def visible_already(ns: object, fstype: bytes, wanted: int) -> int:
    """Flags to lock in a new mount of a type that shows the machine; EPERM where the namespace has none in full view
    that is as restricted (Linux: mnt_already_visible).
    """
    for mount in tree_of(ns.root):  # type: ignore[attr-defined]  # a MntNamespace
        if mount.sb.type != fstype or mount.root.parent is not mount.root:
            continue
        if mount.lock_flags & MNT_READONLY and not wanted & MNT_READONLY:
            continue
        if mount.lock_flags & MNT_RELATIME and (mount.flags ^ wanted) & MNT_ATIME_MASK:
            continue
        if any(child.locked and not is_empty_dir(child.mountpoint) for child in mount.children):
            continue
        return mount.lock_flags & (MNT_READONLY | MNT_RELATIME)
    raise SysError(EPERM)


def is_empty_dir(dentry: Dentry | None) -> bool:
    """Whether a directory is there to be mounted on, and for nothing else."""
    return dentry is not None and not dentry.children and not getattr(dentry.inode, "children", True)


def check_kinds(dentry: Dentry, directory: bool) -> None:
    """A directory is mounted on a directory, a file on a file: ENOTDIR."""
    if (dentry.inode.mode & S_IFMT == S_IFDIR) is not directory:
        raise SysError(ENOTDIR)


def do_loopback(vfs: Vfs, task: Task, source: bytes, at: Path, recursive: bool) -> None:
    """A bind mount: another part of the tree shows here, too. Not of an unbindable mount, of another namespace's, or
    without the locked mounts that hide parts of it: EINVAL.
    """
    if not source:
        raise SysError(EINVAL)
    old = vfs.resolve(task, source)
    if not check_mnt(task, at.mnt):
        raise SysError(EINVAL)
    mount = copy_for_bind(vfs, task, old, recursive, directory=at.dentry.inode.mode & S_IFMT == S_IFDIR)
    attach_new(vfs, mount, at)


def copy_for_bind(vfs: Vfs, task: Task, old: Path, recursive: bool, *, directory: bool | None = None) -> Mount:
    """A copy of what is at `old`, attached nowhere yet; EINVAL, and ENOTDIR unless it is of the kind asked for
    (Linux: __do_loopback).
    """
    from_nsfs = old.mnt.sb.type == b"nsfs" or old.dentry.inode.sb.type == b"nsfs"
    if from_nsfs and holds_later_ns(task, old):
        raise SysError(EINVAL)
    if old.mnt.unbindable or not (check_mnt(task, old.mnt) or from_nsfs or is_detached(old.mnt)):
        raise SysError(EINVAL)
    if not recursive and any(
        child.locked and child.mountpoint is not None and child.mountpoint.is_under(old.dentry)
        for child in old.mnt.children
    ):
        raise SysError(EINVAL)
    if directory is not None and (old.dentry.inode.mode & S_IFMT == S_IFDIR) is not directory:
        raise SysError(ENOTDIR)
    if recursive:
        mount = copy_tree(vfs, old.mnt, old.dentry, CL_COPY_MNT_NS_FILE)
    else:
        mount = clone_mnt(vfs, old.mnt, old.dentry, 0)
    mount.locked = False
    return mount


def holds_later_ns(task: Task, place: Path) -> bool:
    """Whether a file of nsfs is that of a mount namespace which could come to hold its own file: one that was not
    made after the caller's (Linux: mnt_ns_loop).
    """
    ns = getattr(place.dentry.inode, "ns", None)
    mine = task.nsproxy.mnt_ns
    return ns is not None and ns.nstype == mine.nstype and ns.seq <= mine.seq


def do_remount(task: Task, at: Path, flags: int, data: bytes) -> None:
    """Change the flags of a mount, with MS_BIND of it alone, else what its file system is set to too. EINVAL unless
    `at` is its root; EPERM for clearing what is locked.
    """
    mount = at.mnt
    if at.dentry is not mount.root or not check_mnt(task, mount):
        raise SysError(EINVAL)
    wanted = mnt_flags_of(flags)
    if not flags & (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME):
        wanted = wanted & ~MNT_ATIME_MASK | mount.flags & MNT_ATIME_MASK
    if mount.lock_flags & MNT_LOCKABLE & ~wanted:
        raise SysError(EPERM)
    if mount.lock_flags & MNT_RELATIME and (mount.flags ^ wanted) & MNT_ATIME_MASK:
        raise SysError(EPERM)
    if not flags & MS_BIND:
        if not cap_capable(task.cred, mount.sb.user_ns, CAP_SYS_ADMIN):
            raise SysError(EPERM)
        mount.sb.remount(task, data)
        mount.sb.set_readonly(bool(flags & MS_RDONLY))
    mount.flags = wanted


def do_change_type(vfs: Vfs, task: Task, at: Path, flags: int) -> None:
    """How a mount propagates, with MS_REC those on it too. EINVAL unless one kind is asked for, at a mount's root."""
    kind = flags & ~(MS_REC | MS_SILENT)
    if at.dentry is not at.mnt.root or kind not in (MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE):
        raise SysError(EINVAL)
    if not check_mnt(task, at.mnt):
        raise SysError(EINVAL)
    for mount in tree_of(at.mnt) if flags & MS_REC else [at.mnt]:
        change_mnt_propagation(vfs, mount, kind)


def do_move_mount(vfs: Vfs, task: Task, source: bytes, at: Path) -> None:
    """Take a mount from one place to another. EINVAL for what is shared with others or locked there, ELOOP into
    itself.
    """
    if not source:
        raise SysError(EINVAL)
    move_mnt(vfs, task, vfs.resolve(task, source), at)


def move_mnt(vfs: Vfs, task: Task, old: Path, at: Path) -> None:
    """The same for a mount found, which may also be one that is attached nowhere yet (Linux: do_move_mount)."""
    mount = old.mnt
    fresh = is_detached(mount)
    if not (fresh or check_mnt(task, mount)) or not check_mnt(task, at.mnt):
        raise SysError(EINVAL)
    if old.dentry is not mount.root or mount.locked or (mount.parent is None and not fresh):
        raise SysError(EINVAL)
    if fresh and mount.parent is not None:
        raise SysError(EINVAL)
    if (old.dentry.inode.mode & S_IFMT == S_IFDIR) != (at.dentry.inode.mode & S_IFMT == S_IFDIR):
        raise SysError(EINVAL)
    if mount.parent is not None and mount.parent.group is not None:
        raise SysError(EINVAL)
    if at.mnt.group is not None and any(member.unbindable for member in tree_of(mount)):
        raise SysError(EINVAL)
    above: Mount | None = at.mnt
    while above is not None:
        if above is mount:
            raise SysError(ELOOP)
        above = above.parent
    if mount.parent is None or mount.mountpoint is None:
        mount.detached = False
        try:
            attach_recursive_mnt(vfs, mount, at)
        except SysError:
            mount.detached = True
            raise
        return
    before = Path(mount.parent, mount.mountpoint)
    detach_mnt(vfs, mount)
    try:
        attach_recursive_mnt(vfs, mount, at)
    except SysError:
        attach_mnt(vfs, mount, before)
        raise


# --- umount2(2)


def do_umount(vfs: Vfs, task: Task, place: Path, flags: int) -> None:
    """umount2(2): EBUSY while something is in use below, unless MNT_DETACH; EINVAL for what is locked."""
    if not may_mount(task):
        raise SysError(EPERM)
    mount = place.mnt
    if place.dentry is not mount.root or not check_mnt(task, mount) or mount.locked:
        raise SysError(EINVAL)
    if flags & MNT_FORCE and not cap_capable(task.cred, mount.sb.user_ns, CAP_SYS_ADMIN):
        raise SysError(EPERM)
    assert task.fs is not None
    if flags & MNT_EXPIRE:
        if flags & (MNT_FORCE | MNT_DETACH) or mount is task.fs.root.mnt:
            raise SysError(EINVAL)
        if mount.children or mount_in_use(task, mount):
            raise SysError(EBUSY)
        if not mount.expiry_mark:
            mount.expiry_mark = True
            raise SysError(EAGAIN)
    if mount.parent is None:
        raise SysError(EINVAL)
    if mount is task.fs.root.mnt and not flags & MNT_DETACH:
        if not cap_capable(task.cred, mount.sb.user_ns, CAP_SYS_ADMIN):
            raise SysError(EPERM)
        mount.sb.set_readonly(True)
        return
    if not flags & MNT_DETACH and propagate_mount_busy(vfs, task, mount):
        raise SysError(EBUSY)
    tree = tree_of(mount)
    hiding = any(member.locked for member in tree) and any(mount_in_use(task, member) for member in tree)
    umount_tree(vfs, mount, propagate=True, keep_locked=hiding)


def propagate_mount_busy(vfs: Vfs, task: Task, mount: Mount) -> bool:
    """Whether the mount, or one that would have to go with it, is in use."""
    if mount.children or mount_in_use(task, mount):
        return True
    assert mount.parent is not None
    assert mount.mountpoint is not None
    for other in propagation(mount.parent):
        child = vfs.mount_hash.get((other, mount.mountpoint))
        if child is not None and not child.children and mount_in_use(task, child):
            return True
    return False


def umount_tree(vfs: Vfs, mount: Mount, propagate: bool, keep_locked: bool = False) -> None:
    """Detach a mount and all on it, with `propagate` from wherever their parents propagate to as well. Who uses them
    may go on; with `keep_locked`, for the sake of those who do, a locked mount stays on what it hides.
    """
    doomed = dict.fromkeys(tree_of(mount))
    if propagate:
        settled: set[tuple[PeerGroup, Dentry]] = set()
        for member in list(doomed):
            propagate_umount(vfs, member, doomed, settled)
    for member in reversed(doomed):
        parent = member.parent
        if parent is not None and not (keep_locked and member.locked and parent in doomed):
            detach_mnt(vfs, member)
        change_mnt_propagation(vfs, member, MS_PRIVATE)
        set_ns(member, None)
        vfs.forget_mount(member)


def propagate_umount(vfs: Vfs, mount: Mount, doomed: dict[Mount, None], settled: set[tuple[PeerGroup, Dentry]]) -> None:
    """Add to `doomed` the copies of `mount` that go with it: not locked, and with nothing of their own on them.

    `settled`: places in peer groups of which all that there is has been gone through.
    """
    if mount.parent is None or mount.mountpoint is None or mount.parent.group is None:
        return
    key = (mount.parent.group, mount.mountpoint)
    if key in settled:
        return
    settled.add(key)
    for other in propagation(mount.parent):
        child = vfs.mount_hash.get((other, mount.mountpoint))
        if child is None or child in doomed or child.locked:
            continue
        own = [grandchild for grandchild in child.children if grandchild not in doomed]
        if len(own) == 1 and own[0].mountpoint is child.root:
            topper, place = own[0], Path(other, mount.mountpoint)
            detach_mnt(vfs, topper)
            detach_mnt(vfs, child)
            attach_mnt(vfs, topper, place)
        elif own:
            settled.discard(key)
            continue
        doomed[child] = None


def mount_in_use(task: Task, mount: Mount) -> bool:
    """Whether a file of the mount is open or mapped, or any task stands in it."""
    return mount.opens > 0 or any(
        user.fs is not None and mount in (user.fs.pwd.mnt, user.fs.root.mnt) for user in task.system.all_tasks()
    )


def is_local_mountpoint(task: Task, dentry: Dentry) -> bool:
    """Whether something is mounted on the dentry in the task's namespace."""
    return dentry.mounted > 0 and any(m.mountpoint is dentry for m in tree_of(task.nsproxy.mnt_ns.root))


def detach_mounts(vfs: Vfs, dentry: Dentry) -> None:
    """The name goes away: so do the mounts on it that other namespaces have."""
    for mount in [mount for mount in vfs.mount_hash.values() if mount.mountpoint is dentry]:
        umount_tree(vfs, mount, propagate=False)


def is_path_reachable(place: Path, root: Path) -> bool:
    """Whether a walk down from `root` could get to `place`."""
    mnt: Mount = place.mnt
    dentry = place.dentry
    while mnt is not root.mnt:
        if mnt.parent is None or mnt.mountpoint is None:
            return False
        dentry, mnt = mnt.mountpoint, mnt.parent
    return dentry.is_under(root.dentry)


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
