"""Internal file systems, for files without a name in any tree: pipes, memfds, eventfds (Linux: kern_mount)."""

from __future__ import annotations

from typing import Any

from forkernel.fs.dentry import Path
from forkernel.fs.inode import Inode, Superblock
from forkernel.fs.tmpfs import TmpfsSuperblock

PIPEFS_MAGIC = 0x50495045


def internal_sb(vfs: Any, fstype: bytes) -> Any:
    """The machine's one superblock of an internal file system (`pipefs`, `tmpfs`), made at first use."""
    sb = vfs.internal.get(fstype)
    if sb is None:
        kind = TmpfsSuperblock if fstype == b"tmpfs" else Superblock
        sb = vfs.internal[fstype] = kind(fstype, vfs.alloc_dev(), vfs.clock, vfs.frames)
        if fstype == b"pipefs":
            sb.magic = PIPEFS_MAGIC
    return sb


def anon_inode(vfs: Any, name: bytes) -> tuple[Inode, Path]:
    """The inode that eventfds, epoll sets and their like share, and a path that shows as anon_inode:[name]."""
    inode: Inode = vfs.anon_inode()
    return inode, vfs.pseudo_path(inode, b"anon_inode:[%s]" % name)
