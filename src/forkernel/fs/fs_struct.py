"""Where a process stands in the tree (Linux: struct fs_struct), shared by CLONE_FS."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forkernel.fs.dentry import Path


class FsStruct:
    """Root, working directory and umask of one or more tasks."""

    __slots__ = ("pwd", "root", "umask", "users")

    def __init__(self, root: Path, pwd: Path, umask: int = 0o022) -> None:
        self.root = root
        """chroot: absolute paths start here, and ".." stops here."""
        self.pwd = pwd
        self.umask = umask
        self.users = 1

    def copy(self) -> FsStruct:
        """One of its own for a child without CLONE_FS (Linux: copy_fs_struct)."""
        return FsStruct(self.root, self.pwd, self.umask)

    def release(self) -> None:
        """One user less (Linux: exit_fs)."""
        self.users -= 1
