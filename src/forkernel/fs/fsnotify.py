"""Telling of what happens to files (Linux: fs/notify/fsnotify.c): who watches, and the places where things happen.

Life cycle: a `Mark` joins an inode's marks with `add_mark`; from then on the file system's `marks` is not empty, and
the calls that open, read, write, close, make, move and remove files come here, which costs others one test. Each hook
hands its event to the marks of the file and, with the file's name, to those of its directory. A mark leaves by
`detach_mark`, or when its file is gone (`fsnotify_inoderemove`) or no longer mounted (`fsnotify_sb_delete`).

Who keeps marks: fs/inotify.py and fs/dnotify.py. Events are those of inotify(7), by the same numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.inotify import (
    FS_RENAME,
    IN_ACCESS,
    IN_ATTRIB,
    IN_CLOSE_NOWRITE,
    IN_CLOSE_WRITE,
    IN_CREATE,
    IN_DELETE,
    IN_DELETE_SELF,
    IN_ISDIR,
    IN_MODIFY,
    IN_MOVE_SELF,
    IN_MOVED_FROM,
    IN_MOVED_TO,
    IN_UNMOUNT,
)
from forkernel.abi.stat import S_IFDIR, S_IFMT

if TYPE_CHECKING:
    from forkernel.fs.dentry import Dentry
    from forkernel.fs.inode import Inode, Superblock


class Mark:
    """Somebody's interest in an inode (Linux: fsnotify_mark)."""

    __slots__ = ("inode", "mask")

    def __init__(self, inode: Inode, mask: int) -> None:
        self.inode = inode
        self.mask = mask
        """Events that are wanted."""

    def handle_event(self, mask: int, name: bytes, cookie: int, unlinked: bool) -> None:
        """Take an event: `name` is b"" for one of the inode itself, `unlinked` tells that the name is gone."""
        raise NotImplementedError

    def freeing_mark(self) -> None:
        """The mark has left its inode, which is gone."""
        raise NotImplementedError


def add_mark(mark: Mark) -> None:
    """From now on the mark gets events; its inode stays in memory."""
    sb = mark.inode.sb
    if sb.marks is None:
        sb.marks = {}
    marks = sb.marks.get(mark.inode)
    if marks is None:
        sb.marks[mark.inode] = [mark]
        mark.inode.opens += 1
    else:
        marks.append(mark)


def detach_mark(mark: Mark) -> None:
    """No more events for it."""
    inode = mark.inode
    sb = inode.sb
    if sb.marks is None or mark not in sb.marks.get(inode, ()):
        return
    sb.marks[inode].remove(mark)
    if not sb.marks[inode]:
        del sb.marks[inode]
        if not sb.marks:
            sb.marks = None
        inode.opens -= 1
        if not inode.opens and (not inode.nlink or sb.dead):
            inode.evict()


def marks_of(inode: Inode) -> list[Mark]:
    """The marks of an inode, in the order of their coming."""
    marks = inode.sb.marks
    return [] if marks is None else list(marks.get(inode, ()))


# --- what happens


def send_to_marks(inode: Inode, mask: int, name: bytes = b"", cookie: int = 0, unlinked: bool = False) -> None:
    """Hand an event to who wants it."""
    for mark in marks_of(inode):
        if mark.mask & mask:
            mark.handle_event(mask, name, cookie, unlinked)


def _of(inode: Inode, mask: int) -> int:
    return mask | IN_ISDIR if inode.mode & S_IFMT == S_IFDIR else mask


def fsnotify_dentry(dentry: Dentry, mask: int) -> None:
    """An event of a file found by name: for its directory's marks, then its own (Linux: fsnotify_parent)."""
    inode, parent = dentry.inode, dentry.parent
    mask = _of(inode, mask)
    if parent is not dentry:
        send_to_marks(parent.inode, mask, dentry.name, 0, dentry.unhashed)
    send_to_marks(inode, mask, unlinked=dentry.unhashed)


def fsnotify_file(file: Any, mask: int) -> None:
    """An event of an open file."""
    if file.path is not None:
        fsnotify_dentry(file.path.dentry, mask)
    else:
        send_to_marks(file.inode, _of(file.inode, mask))


def fsnotify_close(file: Any) -> None:
    """The last descriptor of an opening is closed."""
    fsnotify_file(file, IN_CLOSE_WRITE if file.writable else IN_CLOSE_NOWRITE)


def fsnotify_create(directory: Inode, name: bytes, inode: Inode) -> None:
    """A new name."""
    send_to_marks(directory, _of(inode, IN_CREATE), name)


def fsnotify_link(directory: Inode, name: bytes, inode: Inode) -> None:
    """One more name for a file."""
    send_to_marks(inode, IN_ATTRIB)
    fsnotify_create(directory, name, inode)


def fsnotify_unlink(directory: Inode, name: bytes, inode: Inode) -> None:
    """A name is gone, and the file too if that was the last and nobody has it open."""
    if inode.mode & S_IFMT != S_IFDIR:
        send_to_marks(inode, IN_ATTRIB)
    fsnotify_gone(inode)
    send_to_marks(directory, _of(inode, IN_DELETE), name)


def fsnotify_gone(inode: Inode) -> None:
    """A name was taken from it: if nothing but marks holds the inode it is gone (Linux: dentry_unlink_inode)."""
    if not inode.nlink and inode.opens <= bool(marks_of(inode)):
        fsnotify_inoderemove(inode)


def fsnotify_move(
    olddir: Inode, name: bytes, newdir: Inode, newname: bytes, moved: Inode, target: Inode | None, cookie: int
) -> None:
    """A file has another name; `target` is what had that name before."""
    send_to_marks(olddir, _of(moved, IN_MOVED_FROM), name, cookie)
    send_to_marks(newdir, _of(moved, IN_MOVED_TO), newname, cookie)
    if newdir is olddir:
        send_to_marks(olddir, FS_RENAME, name)
    if target is not None:
        send_to_marks(target, _of(target, IN_ATTRIB))
    send_to_marks(moved, IN_MOVE_SELF)
    if target is not None:
        fsnotify_gone(target)


def fsnotify_change(dentry: Dentry, attributes: bool, atime: bool = False, mtime: bool = False) -> None:
    """Attributes were set; one of the two times alone counts as the access that sets it otherwise."""
    if attributes or (atime and mtime):
        fsnotify_dentry(dentry, IN_ATTRIB)
    elif atime:
        fsnotify_dentry(dentry, IN_ACCESS)
    elif mtime:
        fsnotify_dentry(dentry, IN_MODIFY)


def _end(inode: Inode, mask: int) -> None:
    send_to_marks(inode, mask)
    for mark in marks_of(inode):
        detach_mark(mark)
        mark.freeing_mark()


def fsnotify_inoderemove(inode: Inode) -> None:
    """The file is gone for good: its marks go with it."""
    _end(inode, IN_DELETE_SELF)


def fsnotify_sb_delete(sb: Superblock) -> None:
    """The file system is not mounted any more."""
    while sb.marks:
        _end(next(iter(sb.marks)), IN_UNMOUNT)
