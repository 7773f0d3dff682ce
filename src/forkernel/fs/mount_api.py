"""Mounting by descriptors (Linux: fs/fsopen.c, fs/namespace.c; fsopen(2), open_tree(2), move_mount(2)).

Life cycle: fsopen makes an `FsContext`, fsconfig gives it its parameters and then creates the file system, fsmount
makes a mount of it that is in no namespace yet: a `TreeFile` holds it. open_tree with OPEN_TREE_CLONE makes one of a
copy. move_mount puts such a tree in its place; the end of a TreeFile whose tree was never put anywhere takes it down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from forkernel.abi.capability import CAP_SYS_ADMIN
from forkernel.abi.errno import EBUSY, EINVAL, ENODATA, EPERM
from forkernel.abi.fcntl import O_PATH, O_RDWR
from forkernel.errors import SysError
from forkernel.fs.anon import anon_inode
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
from forkernel.fs.file import File, PathFile
from forkernel.fs.mount import (
    MNT_ATIME_MASK,
    MNT_LOCKABLE,
    MS_PROPAGATION,
    check_mnt,
    copy_for_bind,
    fs_owner,
    is_detached,
    make_fs,
    tree_of,
    umount_tree,
)
from forkernel.fs.pnode import change_mnt_propagation
from forkernel.namespace import cap_capable

if TYPE_CHECKING:
    from forkernel.fs.vfs import Vfs
    from forkernel.kernel.task import Task

MOUNT_ATTR_RDONLY, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NODEV, MOUNT_ATTR_NOEXEC = 1, 2, 4, 8
MOUNT_ATTR__ATIME = 0x70
MOUNT_ATTR_RELATIME, MOUNT_ATTR_NOATIME, MOUNT_ATTR_STRICTATIME = 0, 0x10, 0x20
MOUNT_ATTR_NODIRATIME = 0x80
MOUNT_ATTR_ALL = 0xF | MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME
ATTRIBUTES = (
    (MOUNT_ATTR_RDONLY, MNT_READONLY),
    (MOUNT_ATTR_NOSUID, MNT_NOSUID),
    (MOUNT_ATTR_NODEV, MNT_NODEV),
    (MOUNT_ATTR_NOEXEC, MNT_NOEXEC),
    (MOUNT_ATTR_NODIRATIME, MNT_NODIRATIME),
)
ATIME_FLAGS = {MOUNT_ATTR_RELATIME: MNT_RELATIME, MOUNT_ATTR_NOATIME: MNT_NOATIME, MOUNT_ATTR_STRICTATIME: 0}

# What an FsContext waits for.
PARAMETERS, AWAITING_MOUNT, RECONFIGURE, FAILED = range(4)


def attribute_flags(attributes: int) -> int:
    """MNT_* for MOUNT_ATTR_*, access times left out."""
    return sum(flag for attribute, flag in ATTRIBUTES if attributes & attribute)


class TreeFile(PathFile):
    """A tree of mounts that is in no namespace (Linux: a file with FMODE_NEED_UNMOUNT)."""

    __slots__ = ("vfs",)

    def __init__(self, vfs: Vfs, mount: Mount) -> None:
        super().__init__(mount.root.inode, O_PATH, Path(mount, mount.root))
        self.vfs = vfs
        mount.detached = True

    def release(self) -> None:
        """Take the tree down, unless it was put somewhere meanwhile."""
        assert self.path is not None
        mount = self.path.mnt
        if mount.detached:
            mount.detached = False
            umount_tree(self.vfs, mount, propagate=False)
        super().release()


def open_detached_copy(vfs: Vfs, task: Task, place: Path, *, recursive: bool) -> TreeFile:
    """A copy of what is at `place`, with `recursive` of the mounts on it too."""
    return TreeFile(vfs, copy_for_bind(vfs, task, place, recursive))


# --- file systems to be


class Parameter(NamedTuple):
    """A key, and its value, None for a flag."""

    key: bytes
    value: bytes | None


class FsContext(File):
    """A file system that is being described (Linux: fs_context)."""

    __slots__ = ("fstype", "parameters", "phase", "readonly", "root", "source", "target")

    def __init__(self, inode: Any, path: Any, fstype: bytes, target: Path | None = None) -> None:
        super().__init__(inode, O_RDWR, path)
        self.fstype = fstype
        self.phase = PARAMETERS if target is None else RECONFIGURE
        self.parameters: list[Parameter] = []
        self.source: bytes | None = None
        self.readonly: bool | None = None
        self.root: Dentry | None = None
        """Of the file system created."""
        self.target = target
        """The mount whose file system is to change (fspick)."""

    def read(self, task: Task, count: int) -> bytes:
        """Messages about what went wrong: there are none here, the errno says it all; ENODATA."""
        raise SysError(ENODATA)

    def set_parameter(self, task: Task, parameter: Parameter) -> None:
        """One parameter; EINVAL for one that the type does not know, EBUSY after creation."""
        if self.phase not in (PARAMETERS, RECONFIGURE):
            raise SysError(EBUSY)
        key, value = parameter
        if key == b"source":
            if value is None or self.source is not None:
                raise SysError(EINVAL)
            self.source = value
        elif key in (b"ro", b"rw") and value is None:
            self.readonly = key == b"ro"
        else:
            check_option(task, self.fstype, option_text([parameter]))
            self.parameters.append(parameter)

    def create(self, vfs: Vfs, task: Task) -> None:
        """Make the file system."""
        if self.phase != PARAMETERS:
            raise SysError(EBUSY)
        owner = fs_owner(vfs, task, self.fstype)
        self.phase = FAILED
        data = option_text(self.parameters)
        source = self.source or b"none"
        self.root = make_fs(vfs, task, self.fstype, source, data, owner, readonly=bool(self.readonly))
        self.root.inode.opens += 1
        self.phase = AWAITING_MOUNT

    def reconfigure(self, task: Task) -> None:
        """Change the file system of fspick's mount: read-only or not."""
        if self.phase != RECONFIGURE or self.target is None:
            raise SysError(EBUSY)
        sb = self.target.mnt.sb
        if not cap_capable(task.cred, sb.user_ns, CAP_SYS_ADMIN):
            raise SysError(EPERM)
        if self.readonly is not None:
            sb.set_readonly(self.readonly)
        self.readonly = None

    def make_mount(self, vfs: Vfs, attributes: int) -> TreeFile:
        """fsmount: a mount of the file system created; EINVAL before that, EBUSY the second time."""
        if self.phase != AWAITING_MOUNT or self.root is None:
            raise SysError(EINVAL if self.target is None else EBUSY)
        flags = attribute_flags(attributes) | ATIME_FLAGS[attributes & MOUNT_ATTR__ATIME]
        mount = vfs.alloc_mount(self.root, flags, self.source or b"none")
        self._drop_root()
        self.phase, self.target = RECONFIGURE, Path(mount, mount.root)
        self.parameters, self.readonly = [], None
        return TreeFile(vfs, mount)

    def _drop_root(self) -> None:
        root, self.root = self.root, None
        if root is not None:
            root.inode.opens -= 1
            if not root.inode.opens and not root.inode.sb.mounts:
                root.inode.evict()

    def release(self) -> None:
        """What was never mounted goes."""
        self._drop_root()
        super().release()


def check_option(task: Task, fstype: bytes, text: bytes) -> None:
    """EINVAL for an option that the type does not take."""
    if fstype in (b"tmpfs", b"ramfs"):
        from forkernel.fs.tmpfs import check_options

        check_options(task, text)
    elif fstype != b"proc":
        raise SysError(EINVAL)


def option_text(parameters: list[Parameter]) -> bytes:
    """Parameters as mount(2) takes them."""
    return b",".join(key if value is None else key + b"=" + value for key, value in parameters)


def fs_context(vfs: Vfs, fstype: bytes, target: Path | None = None) -> FsContext:
    """A context for fsopen, or with `target` for fspick."""
    inode, path = anon_inode(vfs, b"fscontext")
    return FsContext(inode, path, fstype, target)


# --- attributes of mounts


class Change(NamedTuple):
    """What mount_setattr is asked to do, in MOUNT_ATTR_* and MS_*."""

    set: int
    clear: int
    propagation: int


def check_change(change: Change) -> None:
    """EINVAL for attributes that there are not, half a change of access times, more than one propagation."""
    if (change.set | change.clear) & ~MOUNT_ATTR_ALL:
        raise SysError(EINVAL)
    if change.clear & MOUNT_ATTR__ATIME not in (0, MOUNT_ATTR__ATIME):
        raise SysError(EINVAL)
    if change.set & MOUNT_ATTR__ATIME and not change.clear & MOUNT_ATTR__ATIME:
        raise SysError(EINVAL)
    if change.set & MOUNT_ATTR__ATIME not in ATIME_FLAGS:
        raise SysError(EINVAL)
    kind = change.propagation
    if kind & ~MS_PROPAGATION or kind & kind - 1:
        raise SysError(EINVAL)


def set_attributes(vfs: Vfs, task: Task, place: Path, change: Change, *, recursive: bool) -> None:
    """mount_setattr: all mounts change, or none; EINVAL unless `place` is a mount of the caller's, EPERM for locks."""
    mount = place.mnt
    if place.dentry is not mount.root or not (check_mnt(task, mount) or is_detached(mount)):
        raise SysError(EINVAL)
    mounts = tree_of(mount) if recursive else [mount]
    wanted = [(member, new_flags(member, change)) for member in mounts]
    for member, flags in wanted:
        if member.lock_flags & MNT_LOCKABLE & ~flags:
            raise SysError(EPERM)
        if member.lock_flags & MNT_RELATIME and (member.flags ^ flags) & MNT_ATIME_MASK:
            raise SysError(EPERM)
    for member, flags in wanted:
        member.flags = flags
        if change.propagation:
            change_mnt_propagation(vfs, member, change.propagation)


def new_flags(mount: Mount, change: Change) -> int:
    """MNT_* after a change."""
    flags = mount.flags & ~attribute_flags(change.clear) | attribute_flags(change.set)
    if change.clear & MOUNT_ATTR__ATIME:
        flags = flags & ~(MNT_RELATIME | MNT_NOATIME) | ATIME_FLAGS[change.set & MOUNT_ATTR__ATIME]
    return flags
