"""What a program started from outside needs before exec: descriptors, directory, user. For an init, the console."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from forkernel.abi.fcntl import O_NOCTTY, O_RDWR
from forkernel.errors import SysError, UserError
from forkernel.fs.fdtable import FilesStruct
from forkernel.kernel.cred import Cred, commit_creds
from forkernel.kernel.task import SIGNAL_UNKILLABLE, Task


class Streams(NamedTuple):
    """Where descriptors 0, 1 and 2 lead."""

    stdin: Any
    """Bytes, "host", or None for nothing."""
    host_output: bool
    """Standard output and error are the host's, not `output` and `errors`."""
    output: bytearray
    errors: bytearray
    terminal: Any
    """True: all three are the machine's terminal; "host": those that are terminals on the host."""

    def install(self, task: Task) -> None:
        """Open them for the current kernel thread; SysError as the calls it makes."""
        from forkernel.fs.stdio import bytes_input, capture_file, host_file

        system = task.system
        if task.files is None:
            task.files = FilesStruct(system.slabs.files_cache)
        if self.terminal is True:
            open_terminal(task, b"/dev/ttyS0", (0, 1, 2))
            return
        vfs = system.vfs
        if self.stdin == "host":
            source = host_file(system, 0)
        elif self.stdin is None:
            source = vfs.open(task, b"/dev/null", 0)
        else:
            source = bytes_input(vfs, self.stdin)
        if self.host_output:
            sinks = [host_file(system, 1), host_file(system, 2)]
        else:
            sinks = [capture_file(vfs, self.output), capture_file(vfs, self.errors)]
        for number, file in enumerate((source, *sinks)):
            if file is not None:
                task.files.put_at(task, number, file, False)
        if self.terminal == "host":
            open_terminal(task, b"/dev/ttyS0", [number for number in (0, 1, 2) if os.isatty(number)])


def open_terminal(task: Task, path: bytes, numbers: Sequence[int]) -> None:
    """A terminal as these descriptors; SysError."""
    assert task.files is not None
    file = task.system.vfs.open(task, path, O_RDWR | O_NOCTTY)
    for number in numbers:
        task.files.put_at(task, number, file.get(), False)
    file.put()


class Setup:
    """For `Kernel.spawn`: a session of its own, the user and the directory asked for."""

    def __init__(self, streams: Streams, cwd: str | None, user: tuple[int, int, tuple[int, ...]]) -> None:
        self.streams = streams
        self.cwd = cwd
        self.user = user

    def apply(self, task: Task) -> None:
        """Set up the current kernel thread; SysError as the calls it makes."""
        from forkernel.kernel import session
        from forkernel.kernel.tty_jobctrl import take_console

        if task.pid != 1:
            session.setsid(task)
        self.streams.install(task)
        take_console(task)
        uid, gid, groups = self.user
        if self.cwd is not None:
            self._chdir(task, os.fsencode(self.cwd))
        commit_creds(task, Cred.of_user(uid, gid, groups))
        if task.pid == 1:
            task.signal.flags |= SIGNAL_UNKILLABLE

    def _chdir(self, task: Task, path: bytes) -> None:
        vfs = task.system.vfs
        try:
            place = vfs.resolve(task, path)
        except SysError:
            raise UserError(f"--cwd: no directory {path.decode(errors='replace')} in the guest") from None
        assert task.fs is not None
        task.fs.pwd = place


def console_on_rootfs(task: Task) -> None:
    """For an init (init/main.py): the console is descriptors 0, 1 and 2. SysError."""
    if task.files is None:
        task.files = FilesStruct(task.system.slabs.files_cache)
    open_terminal(task, b"/dev/console", (0, 1, 2))
