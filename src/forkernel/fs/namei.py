"""The walk: from a path to a place in the tree (Linux: fs/namei.c, path_resolution(7)).

`Nameidata` goes through a path a component at a time, inside the task's root: it checks search permission
in each directory, crosses mounts, and follows symbolic links itself, at most 40 of them. `filename_lookup`
gives the place a path names; `filename_parentat` stops one short, for calls that make or remove the last name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import EACCES, EBADF, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR, EPERM, EROFS, EXDEV
from forkernel.abi.fcntl import (
    AT_FDCWD,
    RESOLVE_BENEATH,
    RESOLVE_IN_ROOT,
    RESOLVE_NO_MAGICLINKS,
    RESOLVE_NO_SYMLINKS,
    RESOLVE_NO_XDEV,
)
from forkernel.abi.stat import S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, S_ISVTX, S_IWOTH
from forkernel.errors import SysError
from forkernel.fs.dentry import Dentry, Mount, Path
from forkernel.fs.inode import CAP_FOWNER, MAY_EXEC, MAY_WRITE, Inode, capable_wrt_inode_uidgid

if TYPE_CHECKING:
    from forkernel.kernel.cred import Cred
    from forkernel.kernel.task import Task

MAXSYMLINKS = 40
NAME_MAX = 255
SEARCHABLE = 0o111
TYPE_AND_SEARCH = S_IFMT | SEARCHABLE
DIR_SEARCHABLE = S_IFDIR | SEARCHABLE
"""A directory that everybody may search: what `mode & TYPE_AND_SEARCH` is for one."""
SPECIAL = (b"", b".", b"..")
"""Last components that are not a name in their parent; b"" stands for the root itself."""


class Nameidata:
    """A walk in progress (Linux: struct nameidata)."""

    __slots__ = (
        "cred", "dentry", "last", "links", "mnt", "mount_hash", "resolve", "root", "task", "trailing",
    )  # fmt: skip

    def __init__(self, task: Task, path: bytes, dirfd: int, resolve: int = 0) -> None:
        self.task = task
        self.cred: Cred = task.cred
        self.mount_hash: dict[tuple[Mount, Dentry], Mount] = task.system.vfs.mount_hash
        fs = task.fs
        assert fs is not None
        self.root: Path = fs.root
        self.resolve = resolve
        """RESOLVE_* of openat2."""
        self.links = 0
        self.last = b""
        """Last component, once link_path_walk is done."""
        self.trailing = False
        """Whether a slash follows the last component: it must be a directory."""
        if path[:1] == b"/" and not resolve:
            self.mnt, self.dentry = self.root
        else:
            self.__path_init(path, dirfd)

    def __path_init(self, path: bytes, dirfd: int) -> None:
        fs = self.task.fs
        assert fs is not None
        if not path:
            raise SysError(ENOENT)
        if path[:1] == b"/" and not self.resolve & RESOLVE_IN_ROOT:
            if self.resolve & RESOLVE_BENEATH:
                raise SysError(EXDEV)
            self.mnt, self.dentry = self.root
            return
        if dirfd == AT_FDCWD:
            self.mnt, self.dentry = fs.pwd
        else:
            self.mnt, self.dentry = dirfd_path(self.task, dirfd)
            if self.dentry.inode.mode & S_IFMT != S_IFDIR:
                raise SysError(ENOTDIR)
        if self.resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT):
            self.root = Path(self.mnt, self.dentry)

    # --- all but the last component
    def link_path_walk(self, path: bytes) -> None:
        """Walk to the directory that holds the last component, and leave that one in `last`."""
        if path[:1] == b"/":
            self.__jump_root()
        self.trailing = path[-1:] == b"/"
        parts = self.__walk_known(path.strip(b"/").split(b"/"))
        last = parts.pop()
        parts.reverse()
        while parts:
            part = parts.pop()
            if part:
                self.__step(part, parts)
        if last:
            self.may_search()
        self.last = last

    def __walk_known(self, parts: list[bytes]) -> list[bytes]:
        """Go on as long as the dentries are there and nothing special happens; the components that are left."""
        dentry, done = self.dentry, 0
        for part in parts[:-1]:
            if part:
                inode = dentry.inode
                if inode.mode & TYPE_AND_SEARCH != DIR_SEARCHABLE or inode.volatile:
                    break
                child = dentry.children.get(part)
                if child is None or child.mounted or child.inode.mode & S_IFMT == S_IFLNK:
                    break
                dentry = child
            done += 1
        self.dentry = dentry
        return parts[done:]

    def may_search(self) -> None:
        """The place must be a directory that the task may search."""
        inode = self.dentry.inode
        mode = inode.mode
        if mode & S_IFMT != S_IFDIR:
            raise SysError(ENOTDIR)
        if mode & SEARCHABLE != SEARCHABLE:
            inode.permission(self.cred, MAY_EXEC)

    def __step(self, part: bytes, rest: list[bytes]) -> None:
        """Go into `part`; the target of a link is pushed on `rest`, which is in reverse order."""
        inode = self.dentry.inode
        mode = inode.mode
        if mode & S_IFMT != S_IFDIR:
            raise SysError(ENOTDIR)
        if mode & SEARCHABLE != SEARCHABLE:
            inode.permission(self.cred, MAY_EXEC)
        if part == b"..":
            self.__follow_dotdot()
            return
        if part == b".":
            return
        child = self.dentry.children.get(part)
        if child is None or inode.volatile:
            child = self.lookup_slow(part)
            if child is None:
                raise SysError(ENOENT)
        if child.inode.mode & S_IFMT == S_IFLNK:
            target = self.__pick_link(child.inode)
            if target is not None:
                if target[:1] == b"/":
                    self.__jump_root()
                rest.extend(reversed([piece for piece in target.split(b"/") if piece]))
            return
        self.dentry = child
        if child.mounted:
            self.__traverse_mounts()

    def lookup_slow(self, name: bytes) -> Dentry | None:
        """Ask the file system for `name` in the directory walked to."""
        if len(name) > NAME_MAX:
            raise SysError(ENAMETOOLONG)
        return lookup_one(self.task, self.dentry, name)

    def __jump_root(self) -> None:
        if self.resolve & RESOLVE_BENEATH:
            raise SysError(EXDEV)
        if self.resolve & RESOLVE_NO_XDEV and self.root.mnt is not self.mnt:
            raise SysError(EXDEV)
        self.mnt, self.dentry = self.root

    def __traverse_mounts(self) -> None:
        """Go on top of what is mounted here."""
        while self.dentry.mounted:
            mount = self.mount_hash.get((self.mnt, self.dentry))
            if mount is None:
                return
            if self.resolve & RESOLVE_NO_XDEV:
                raise SysError(EXDEV)
            self.mnt, self.dentry = mount, mount.root

    def __follow_dotdot(self) -> None:
        """Up one directory, but not out of the root; from the top of a mount to the directory it is in."""
        while True:
            mnt, dentry = self.mnt, self.dentry
            if dentry is self.root.dentry and mnt is self.root.mnt:
                if self.resolve & RESOLVE_BENEATH:
                    raise SysError(EXDEV)
                break
            if dentry is not mnt.root:
                self.dentry = dentry.parent
                break
            if mnt.parent is None or mnt.mountpoint is None:
                break
            if self.resolve & RESOLVE_NO_XDEV:
                raise SysError(EXDEV)
            self.mnt, self.dentry = mnt.parent, mnt.mountpoint
        self.__traverse_mounts()

    # --- links
    def __pick_link(self, inode: Inode) -> bytes | None:
        """Count and read a link: its text, or None when it was a magic link and the walk is there already."""
        self.links += 1
        if self.links > MAXSYMLINKS or self.resolve & RESOLVE_NO_SYMLINKS:
            raise SysError(ELOOP)
        target = inode.follow_link(self.task)
        if isinstance(target, bytes):
            if not target:
                raise SysError(ENOENT)
            return target
        if self.resolve & RESOLVE_NO_MAGICLINKS:
            raise SysError(ELOOP)
        if self.resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT):
            raise SysError(EXDEV)
        if self.resolve & RESOLVE_NO_XDEV and target.mnt is not self.mnt:
            raise SysError(EXDEV)
        self.mnt, self.dentry = target
        return None

    def __may_follow_link(self, link: Inode) -> None:
        """A link at the end of a path, in a sticky directory open to all, must belong to the follower or to the
        directory's owner: EACCES (sysctl fs.protected_symlinks).
        """
        parent = self.dentry.inode
        if (
            parent.mode & (S_ISVTX | S_IWOTH) == S_ISVTX | S_IWOTH
            and link.uid not in (self.cred.fsuid, parent.uid)
            and self.task.system.vfs.protected_symlinks
        ):
            raise SysError(EACCES)

    # --- the last component
    def lookup_last(self, follow: bool) -> bytes | None:
        """Go into the last component (ENOENT). None: arrived. Else the text of a link to go on with."""
        last = self.last
        if last == b"" or last == b".":
            return None
        if last == b"..":
            self.__follow_dotdot()
            return None
        child = self.dentry.children.get(last)
        if child is None or self.dentry.inode.volatile:
            child = self.lookup_slow(last)
            if child is None:
                raise SysError(ENOENT)
        return self.step_into(child, follow)

    def step_into(self, child: Dentry, follow: bool) -> bytes | None:
        """Go to `child`, or give the text of the link it is, if links are followed."""
        if (follow or self.trailing) and child.inode.mode & S_IFMT == S_IFLNK:
            self.__may_follow_link(child.inode)
            return self.__pick_link(child.inode)
        self.dentry = child
        if child.mounted:
            self.__traverse_mounts()
        return None

    def path_lookupat(self, path: bytes, follow: bool) -> Path:
        """Walk the whole of `path`."""
        directory = False
        target: bytes | None = path
        while target is not None:
            self.link_path_walk(target)
            directory = directory or self.trailing
            target = self.lookup_last(follow)
        if directory and self.dentry.inode.mode & S_IFMT != S_IFDIR:
            raise SysError(ENOTDIR)
        return Path(self.mnt, self.dentry)


def lookup_one(task: Task, parent: Dentry, name: bytes) -> Dentry | None:
    """The dentry of `name` in `parent` by asking its inode; None if there is no such file."""
    directory = parent.inode
    inode = directory.lookup(task, name)
    if inode is None:
        stale = parent.children.get(name)
        if stale is not None and not stale.mounted:
            stale.d_drop()
        return None
    if not directory.volatile:
        return parent.d_add(name, inode)
    known = parent.children.get(name)
    if known is not None and (known.inode is inode or known.mounted):
        return known
    if inode.sb.d_keep:
        return parent.d_add(name, inode)
    return Dentry(name, parent, inode)


def dirfd_path(task: Task, dirfd: int) -> Path:
    """Where descriptor `dirfd` is; EBADF, and ENOTDIR for a file that is nowhere in a tree."""
    if task.files is None:
        raise SysError(EBADF)
    path = task.files.get_raw(dirfd).path
    if path is None:
        raise SysError(ENOTDIR)
    return path


def filename_lookup(
    task: Task, path: bytes, dirfd: int = AT_FDCWD, follow: bool = True, resolve: int = 0, empty: bool = False
) -> Path:
    """The place `path` names; with `empty` an empty path is `dirfd` itself (AT_EMPTY_PATH)."""
    if not path and empty:
        assert task.fs is not None
        return task.fs.pwd if dirfd == AT_FDCWD else dirfd_path(task, dirfd)
    if not resolve and (dirfd == AT_FDCWD or path[:1] == b"/"):
        place = lookup_fast(task, path)
        if place is not None:
            return place
    return Nameidata(task, path, dirfd, resolve).path_lookupat(path, follow)


def lookup_fast(task: Task, path: bytes) -> Path | None:
    """The place `path` names if every step is known already and nothing has to be checked or followed: all
    dentries there, directories open to everybody, no links, no dots (Linux: the RCU walk).
    """
    fs = task.fs
    assert fs is not None
    mnt, dentry = fs.root if path[:1] == b"/" else fs.pwd
    for part in path.split(b"/"):
        if part:
            inode = dentry.inode
            if inode.mode & TYPE_AND_SEARCH != DIR_SEARCHABLE or inode.volatile:
                return None
            child = dentry.children.get(part)
            if child is None:
                return None
            while child.mounted:
                mount: Mount | None = task.system.vfs.mount_hash.get((mnt, child))
                if mount is None:
                    break
                mnt, child = mount, mount.root
            if child.inode.mode & S_IFMT == S_IFLNK:
                return None
            dentry = child
    return Path(mnt, dentry) if path[-1:] not in (b"/", b"") else None


def filename_parentat(task: Task, path: bytes, dirfd: int) -> Nameidata:
    """Walk to the directory of the last component; the result has `last` and `trailing`."""
    walk = Nameidata(task, path, dirfd)
    walk.link_path_walk(path)
    return walk


def child_of(walk: Nameidata) -> Dentry | None:
    """What the last component of a `filename_parentat` names now, links and mounts not followed."""
    child = walk.dentry.children.get(walk.last)
    if child is None or walk.dentry.inode.volatile:
        return walk.lookup_slow(walk.last)
    return child


# --- permission


def inode_permission(task: Task, path: Path, mask: int) -> None:
    """EACCES unless the task may do `mask` (MAY_*); EROFS for writing where the mount or its file system
    forbids it.
    """
    inode = path.dentry.inode
    if mask & MAY_WRITE and path.mnt.readonly and is_stored(inode.mode):
        raise SysError(EROFS)
    inode.permission(task.cred, mask)


def is_stored(mode: int) -> bool:
    """Whether writing the file changes the file system: not for devices, FIFOs and sockets."""
    return mode & S_IFMT in (S_IFREG, S_IFDIR, S_IFLNK)


def want_write(mnt: Mount) -> None:
    """EROFS if the mount may not be changed (Linux: mnt_want_write)."""
    if mnt.readonly:
        raise SysError(EROFS)


def may_create(task: Task, parent: Inode) -> None:
    """Whether a name may be added to the directory (ENOENT for one that was removed)."""
    if not parent.nlink:
        raise SysError(ENOENT)
    parent.permission(task.cred, MAY_WRITE | MAY_EXEC)


def may_delete(task: Task, parent: Inode, victim: Inode) -> None:
    """Whether a name may be taken from the directory: EACCES, or EPERM by the sticky bit."""
    parent.permission(task.cred, MAY_WRITE | MAY_EXEC)
    cred = task.cred
    if (
        parent.mode & S_ISVTX
        and cred.fsuid not in (victim.uid, parent.uid)
        and not capable_wrt_inode_uidgid(cred, victim, CAP_FOWNER)
    ):
        raise SysError(EPERM)
