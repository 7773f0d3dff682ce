"""Where a process stands in the tree (Linux: struct fs_struct), shared by CLONE_FS."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forkernel.fs.dentry import Path
    from forkernel.fs.inode import ObjectCache


class FsStruct:
    """Root, working directory and umask of one or more tasks."""

    __slots__ = ("cache", "pwd", "root", "slab", "umask", "users")

    def __init__(self, root: Path, pwd: Path, umask: int = 0o022, cache: ObjectCache | None = None) -> None:
        """`cache`: where it lies, fs_cache; None for process 0's, which is static. SysError(ENOMEM)."""
        self.slab = cache.alloc() if cache is not None else 0
        """Slab address."""
        self.cache = cache
        self.root = root
        """chroot: absolute paths start here, and ".." stops here."""
        self.pwd = pwd
        self.umask = umask
        self.users = 1

    def copy(self, cache: ObjectCache | None = None) -> FsStruct:
        """One of its own for a child without CLONE_FS (Linux: copy_fs_struct)."""
        return FsStruct(self.root, self.pwd, self.umask, cache)

    def release(self) -> None:
        """One user less (Linux: exit_fs, free_fs_struct)."""
        self.users -= 1
        if self.users == 0 and self.cache is not None:
            self.cache.free(self.slab)
            self.slab = 0
