"""Names in the tree: dentries, mounts and the paths made of both (Linux: struct dentry, mount, path).

A dentry is one name in one directory; the walk (namei.py) makes it at the first lookup and keeps it in its
parent's `children`. It dies when its file is unlinked: it then stays usable by those who hold it, but is no
longer in the tree (`unhashed`). A mount puts a tree of dentries over one dentry of another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from forkernel.fs.inode import Inode, Superblock
    from forkernel.fs.pnode import PeerGroup


class Dentry:
    """A name and the inode it stands for."""

    __slots__ = ("children", "inode", "mounted", "name", "parent", "unhashed")

    def __init__(self, name: bytes, parent: Dentry | None, inode: Inode) -> None:
        self.name = name
        """Last component; b"" for the root of a file system."""
        self.parent: Dentry = self if parent is None else parent
        """A root is its own parent."""
        self.inode = inode
        self.children: dict[bytes, Dentry] = {}
        """Names looked up so far that exist (no negative entries)."""
        self.mounted = 0
        """How many mounts sit on it (in all mount trees)."""
        self.unhashed = False
        """Unlinked: not in its parent's `children` any more."""

    def d_add(self, name: bytes, inode: Inode) -> Dentry:
        """Make the child `name` for `inode` and keep it."""
        child = Dentry(name, self, inode)
        self.children[name] = child
        return child

    def d_drop(self) -> None:
        """Take the dentry out of the tree (Linux: d_delete)."""
        if self.parent.children.get(self.name) is self:
            del self.parent.children[self.name]
        self.unhashed = True

    def d_move(self, parent: Dentry, name: bytes) -> None:
        """Rename to `parent`/`name`; who was there is dropped."""
        target = parent.children.get(name)
        if target is not None and target is not self:
            target.d_drop()
        if self.parent.children.get(self.name) is self:
            del self.parent.children[self.name]
        self.parent, self.name = parent, name
        parent.children[name] = self

    def is_under(self, ancestor: Dentry) -> bool:
        """Whether `ancestor` is this dentry or above it in the same file system."""
        at = self
        while at is not ancestor:
            if at.parent is at:
                return False
            at = at.parent
        return True

    def __repr__(self) -> str:
        return f"<Dentry {self.name!r}>"


# Mount.flags: the per-mount MS_* bits that mean something here.
MNT_READONLY = 0x1
MNT_NOSUID = 0x2
MNT_NODEV = 0x4
MNT_NOEXEC = 0x8
MNT_NOATIME = 0x400
MNT_NODIRATIME = 0x800
MNT_RELATIME = 0x200000


class Mount:
    """A file system's tree (or part of it) attached at a place (Linux: struct mount)."""

    __slots__ = (
        "children", "detached", "expiry_mark", "flags", "group", "id", "lock_flags", "locked", "master", "mountpoint",
        "ns", "opens", "parent", "root", "sb", "source", "unbindable",
    )  # fmt: skip

    def __init__(self, mount_id: int, sb: Superblock, root: Dentry, flags: int = 0, source: bytes = b"none") -> None:
        self.id = mount_id
        self.sb = sb
        self.root = root
        """Top dentry that shows; not the file system's root for a bind of a subtree."""
        self.flags = flags
        """MNT_* bits."""
        self.source = source
        """Device or host path, for /proc/mounts."""
        self.parent: Mount | None = None
        """None for the root of a mount tree and for internal mounts."""
        self.mountpoint: Dentry | None = None
        """Dentry of `parent` that this mount covers."""
        self.children: dict[Mount, None] = {}
        self.opens = 0
        """Files opened through it that are still open."""
        self.ns: Any = None
        """The MntNamespace it is in; None for internal mounts, and for those taken off."""
        self.group: PeerGroup | None = None
        """Its peers (fs/pnode.py), None unless it is shared."""
        self.master: PeerGroup | None = None
        """Whose events it gets as a slave."""
        self.unbindable = False
        self.locked = False
        """It cannot be taken off what it covers (Linux: MNT_LOCKED)."""
        self.lock_flags = 0
        """MNT_* flags that cannot be cleared; MNT_RELATIME stands for all about access times (Linux: MNT_LOCK_*)."""
        self.detached = False
        """Its tree is in no namespace: only a descriptor holds it (fs/mount_api.py)."""
        self.expiry_mark = False
        """MNT_EXPIRE was asked for once already."""

    @property
    def readonly(self) -> bool:
        """Whether writes through it are EROFS."""
        return bool(self.flags & MNT_READONLY or self.sb.readonly)

    def __repr__(self) -> str:
        return f"<Mount {self.id} {self.sb.type!r}>"


class Path(NamedTuple):
    """A place in the tree (Linux: struct path)."""

    mnt: Mount
    dentry: Dentry

    @property
    def inode(self) -> Inode:
        """The file there."""
        return self.dentry.inode
