"""Internal file systems, for files without a name in any tree: pipes, sockets, memfds, eventfds (Linux: kern_mount)."""

from __future__ import annotations

from typing import Any

from forkernel.abi.stat import TMPFS_MAGIC
from forkernel.fs.dentry import Path
from forkernel.fs.inode import Inode, Superblock
from forkernel.fs.tmpfs import TmpfsSuperblock

MAGIC = {b"pipefs": 0x50495045, b"sockfs": 0x534F434B, b"tmpfs": TMPFS_MAGIC}


KINDS: dict[bytes, type[Superblock]] = {b"tmpfs": TmpfsSuperblock}


def internal_sb(vfs: Any, fstype: bytes) -> Any:
    """The machine's one superblock of an internal file system, made at first use."""
    sb = vfs.internal.get(fstype)
    if sb is None:
        kind = KINDS.get(fstype, Superblock)
        sb = vfs.internal[fstype] = kind(fstype, vfs.alloc_dev(), vfs.clock, vfs.frames)
        sb.magic = MAGIC[fstype]
    return sb


def anon_inode(vfs: Any, name: bytes) -> tuple[Inode, Path]:
    """The inode that eventfds, epoll sets and their like share, and a path that shows as anon_inode:[name]."""
    inode: Inode = vfs.anon_inode()
    return inode, vfs.pseudo_path(inode, b"anon_inode:[%s]" % name)
