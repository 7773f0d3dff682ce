"""The descriptor table of a process (Linux: struct files_struct), shared by CLONE_FILES.

Life cycle: `fd_install` gives a file the lowest free number; `get` finds it again; `close` ends it; `copy`
is fork's, `close_on_exec` execve's, `release` exit's (one user less).
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from forkernel.abi.errno import EBADF, EMFILE
from forkernel.abi.fcntl import O_PATH
from forkernel.errors import SysError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from forkernel.fs.file import File
    from forkernel.fs.inode import ObjectCache
    from forkernel.kernel.task import Task

RLIMIT_NOFILE = 7
NO_FDS: frozenset[int] = frozenset()  # the set of many tables; a set of their own takes 200 bytes


class FilesStruct:
    """Descriptors of one or more tasks. The table owns one reference to each file in it."""

    __slots__ = ("cache", "cloexec", "fds", "next_fd", "slab", "users")

    def __init__(self, cache: ObjectCache | None = None) -> None:
        """`cache`: where it lies, files_cache; None for one that is of no machine. SysError(ENOMEM)."""
        self.slab = cache.alloc() if cache is not None else 0
        """Slab address."""
        self.cache = cache
        self.fds: dict[int, File] = {}
        self.cloexec: set[int] = NO_FDS  # type: ignore[assignment]
        """Descriptors with FD_CLOEXEC; a subset of `fds`. Changed by `set_cloexec` alone."""
        self.next_fd = 0
        """No free descriptor is below it."""
        self.users = 1

    def get(self, fd: int) -> File:
        """The file of `fd`; EBADF for none, and for one opened with O_PATH (Linux: fdget)."""
        try:
            file = self.fds[fd]
        except KeyError:
            raise SysError(EBADF) from None
        if file.flags & O_PATH:
            raise SysError(EBADF)
        return file

    get_light = get

    def get_raw(self, fd: int) -> File:
        """The file of `fd`, O_PATH or not; EBADF (Linux: fdget_raw)."""
        try:
            return self.fds[fd]
        except KeyError:
            raise SysError(EBADF) from None

    def get_unused(self, minimum: int, limit: int) -> int:
        """The lowest free number from `minimum`; EMFILE at `limit`."""
        fd = max(minimum, self.next_fd)
        fds = self.fds
        while fd in fds:
            fd += 1
        if fd >= limit:
            raise SysError(EMFILE)
        return fd

    def install(self, file: File, cloexec: bool = False, minimum: int = 0, limit: int = 1024) -> int:
        """Give `file` a descriptor; takes over the caller's reference. EMFILE leaves it with the caller."""
        fd = self.get_unused(minimum, limit)
        self.fds[fd] = file
        if cloexec:
            self.set_cloexec(fd, True)
        if minimum <= self.next_fd:
            self.next_fd = fd + 1
        return fd

    def put_at(self, task: Task, fd: int, file: File, cloexec: bool) -> None:
        """Make `fd` stand for `file`, closing what was there; takes over the caller's reference (dup2)."""
        old = self.fds.get(fd)
        self.fds[fd] = file
        self.set_cloexec(fd, cloexec)
        if old is not None:
            filp_close(old, task, self)

    def dup2(self, task: Task, oldfd: int, newfd: int, cloexec: bool = False) -> int:
        """Make `newfd` stand for the file of `oldfd` (different numbers); EBADF, also at the limit."""
        file = self.get_raw(oldfd)
        if not 0 <= newfd < task.signal.rlim[RLIMIT_NOFILE][0]:
            raise SysError(EBADF)
        self.put_at(task, newfd, file.get(), cloexec)
        return newfd

    def set_cloexec(self, fd: int, on: bool) -> None:
        """FD_CLOEXEC of an open descriptor."""
        if not on:
            if fd in self.cloexec:
                self.cloexec.discard(fd)
        elif self.cloexec:
            self.cloexec.add(fd)
        else:
            self.cloexec = {fd}

    def close(self, task: Task, fd: int) -> None:
        """Close one descriptor; EBADF. An error of flush is passed on, the descriptor is gone all the same."""
        file = self.fds.pop(fd, None)
        if file is None:
            raise SysError(EBADF)
        self.set_cloexec(fd, False)
        if fd < self.next_fd:
            self.next_fd = fd
        filp_close(file, task, self)

    def copy(self, cache: ObjectCache | None = None) -> FilesStruct:
        """A table of its own for a child: same numbers, same files (Linux: dup_fd)."""
        new = FilesStruct(cache)
        new.fds = fds = self.fds.copy()
        if self.cloexec:
            new.cloexec = self.cloexec.copy()
        new.next_fd = self.next_fd
        for file in fds.values():
            file.refs += 1
        return new

    def close_on_exec(self, task: Task) -> None:
        """Close what execve closes (Linux: do_close_on_exec)."""
        for fd in sorted(self.cloexec):
            self.__close_quietly(task, fd)

    def release(self, task: Task) -> None:
        """One user less; the last one closes everything (Linux: put_files_struct)."""
        self.users -= 1
        if self.users == 0:
            fds, self.fds, self.cloexec = self.fds, {}, NO_FDS  # type: ignore[assignment]
            for fd in sorted(fds):
                try:
                    filp_close(fds[fd], task, self)
                except SysError:
                    continue
            if self.cache is not None:
                self.cache.free(self.slab)
                self.slab = 0

    def __close_quietly(self, task: Task, fd: int) -> None:
        with suppress(SysError):
            self.close(task, fd)

    def items(self) -> Iterator[tuple[int, File]]:
        """(descriptor, file) in ascending order."""
        for fd in sorted(self.fds):
            yield fd, self.fds[fd]


def filp_close(file: File, task: Task, files: FilesStruct) -> None:
    """Close one descriptor's hold on `file`: flush, POSIX locks of this table, one reference."""
    try:
        file.flush(task)
    finally:
        if file.inode is not None and file.inode.flctx is not None:
            from forkernel.fs.locks import locks_remove_posix

            locks_remove_posix(file, files)
        file.put()


def fd_install(task: Task, file: File, cloexec: bool = False, minimum: int = 0) -> int:
    """Give `file` a descriptor of `task`; takes over the caller's reference, also when it fails (EMFILE)."""
    files = task.files
    assert files is not None
    if not file.cred_slab:
        file.hold_cred(task)
    try:
        return files.install(file, cloexec, minimum, task.signal.rlim[RLIMIT_NOFILE][0])
    except SysError:
        file.put()
        raise
