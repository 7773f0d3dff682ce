"""The file system as the rest of the kernel sees it (Linux: the vfs_* and do_* layer over namei, mounts and files).

`Vfs` is made once by init: a root mount (the host's tree, a directory or a tar archive, changes kept in
memory), then whatever `mount` adds. Handlers and exec call `resolve` and `open`; the calls that change the tree
are in namei.py's functions, which take the same task (its fs, files and cred decide what a path means and
what is allowed).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.fcntl import AT_FDCWD
from forkernel.fs.dentry import Dentry, Mount, Path
from forkernel.fs.fs_struct import FsStruct

if TYPE_CHECKING:
    from collections.abc import Callable

    from forkernel.fs.file import File
    from forkernel.fs.inode import Inode
    from forkernel.kernel.task import Task

MountFunction = "Callable[[Vfs, Task, bytes, bytes], Dentry]"


class Vfs:
    """Mount tree, registered file systems, caches."""

    def __init__(self, clock: Any, frames: Any, *, root: str | bytes = b"/", binds: tuple[str, ...] = ()) -> None:
        self.clock = clock
        self.frames = frames
        self.filesystems: dict[bytes, Callable[[Vfs, Task, bytes, bytes], Dentry]] = {}
        """mount(2)'s fstype to a module-level function(vfs, task, source, data) -> root dentry."""
        self.root: Path
        """Root of the mount tree."""

    def new_fs_struct(self) -> FsStruct:
        """Root and working directory at the root of the tree, umask 022."""
        return FsStruct(self.root, self.root)

    def resolve(
        self, task: Task, path: bytes, dirfd: int = AT_FDCWD, *, follow: bool = True, empty: bool = False
    ) -> Path:
        """Walk `path`; `follow` the link it ends in; `empty` path stands for dirfd itself (AT_EMPTY_PATH)."""
        raise NotImplementedError

    def open(self, task: Task, path: bytes, flags: int, mode: int = 0, dirfd: int = AT_FDCWD) -> File:
        """open(2) without the descriptor: a File with one reference. May raise Sleep (FIFO)."""
        raise NotImplementedError

    def open_exec(self, task: Task, dirfd: int, path: bytes, at_flags: int) -> File:
        """Open a program: regular, executable for the task, not on a noexec mount; EACCES (Linux: do_open_execat)."""
        raise NotImplementedError

    def d_path(self, path: Path, root: Path) -> bytes:
        """Name of `path` seen from `root`; " (deleted)" is appended for what is unlinked."""
        raise NotImplementedError

    def pseudo_path(self, inode: Inode, name: bytes) -> Path:
        """A path outside the tree for a file without a name: d_path gives `name` as it is ("pipe:[7]")."""
        raise NotImplementedError

    def mount(
        self, root: Dentry, at: Path, flags: int = 0, source: bytes = b"none"
    ) -> Mount:
        """Attach the tree under `root` at `at` (MNT_* flags)."""
        raise NotImplementedError

    def mounts(self) -> list[Mount]:
        """All mounts of the tree, parents first, in the order they were made."""
        raise NotImplementedError
