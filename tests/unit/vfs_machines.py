"""Two machines that take the same raw calls: this host's Linux, and the VFS alone with a fake task."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from forkernel.arch.x86_64.syscall_table import NUMBERS
from forkernel.errors import SysError
from forkernel.fs.fdtable import FilesStruct
from forkernel.fs.vfs import Vfs
from forkernel.hw.frames import FrameTable
from forkernel.hw.ram import Ram
from forkernel.kernel.cred import Cred
from forkernel.syscalls import dir as _dir
from forkernel.syscalls import fd as _fd
from forkernel.syscalls import io as _io
from forkernel.syscalls import open as _open
from forkernel.syscalls import path as _path
from forkernel.syscalls import stat as _stat
from forkernel.syscalls.registry import REGISTRY

MODULES = (_dir, _fd, _io, _open, _path, _stat)
AT_FDCWD = -100
INFINITY = (1 << 64) - 1
BUFFER_AT = 1 << 40
_libc = ctypes.CDLL(None, use_errno=True)


class Clock:
    """A clock that moves when it is looked at."""

    def __init__(self) -> None:
        self.now = 1_700_000_000 * 10**9

    def realtime(self) -> int:
        self.now += 1000
        return self.now

    monotonic = realtime


class Memory:
    """User memory: strings at made-up addresses, one buffer."""

    def __init__(self) -> None:
        self.strings: dict[int, bytes] = {}
        self.buffer = b""

    def place(self, data: bytes) -> int:
        addr = 0x1000 + len(self.strings) * 0x10000
        self.strings[addr] = data
        return addr

    def read(self, addr: int, size: int) -> bytes:
        return self.strings[addr][:size].ljust(size, b"\0")

    def read_cstr(self, addr: int, limit: int) -> bytes:
        return self.strings[addr].split(b"\0")[0][:limit]

    def write(self, addr: int, data: bytes) -> None:
        if addr >= BUFFER_AT:
            at = addr - BUFFER_AT
            self.buffer = self.buffer[:at].ljust(at, b"\0") + data + self.buffer[at + len(data) :]


class Ours:
    """The VFS under the call handlers."""

    def __init__(self, root: str = "/", ram: int = 32 << 20) -> None:
        self.frames = FrameTable(Ram(ram))
        self.vfs = Vfs(Clock(), self.frames, root)
        for name in ("protected_hardlinks", "protected_symlinks"):
            setattr(self.vfs, name, int(Path("/proc/sys/fs", name).read_text()))
        self.task: Any = SimpleNamespace(
            system=SimpleNamespace(vfs=self.vfs, frames=self.frames, clock=self.vfs.clock, all_tasks=self.tasks),
            fs=self.vfs.new_fs_struct(),
            files=FilesStruct(),
            cred=Cred(),
            nsproxy=SimpleNamespace(mnt_ns=self.vfs.init_mnt_ns),
            signal=SimpleNamespace(rlim=[(INFINITY, INFINITY)] * 16),
            rchar=0,
            syscr=0,
            wchar=0,
            syscw=0,
            mm=None,
            signals=[],
        )
        self.task.signal.rlim[7] = (1024, 1024)
        self.task.send_signal = self.task.signals.append
        self.task.fs.umask = 0o022

    def tasks(self) -> list[Any]:
        return [self.task]

    def call(self, name: str, *args: Any, size: int = 4096) -> int | bytes:
        """The result; -errno; or the bytes put into the buffer (an argument Ellipsis) by a call that succeeded."""
        memory = self.task.mm = Memory()
        raw = []
        for arg in args:
            if arg is ...:
                raw.append(BUFFER_AT)
            elif isinstance(arg, bytes):
                raw.append(memory.place(arg))
            else:
                raw.append((arg or 0) & INFINITY)
        try:
            result = REGISTRY.calls[name].call(self.task, *(raw + [0] * 6)[:6])
        except SysError as error:
            return -error.errno
        return memory.buffer if ... in args and result >= 0 else result

    def user(self, uid: int | None) -> None:
        """Be this user with no capabilities (None: root again)."""
        self.task.cred = Cred() if uid is None else Cred.of_user(uid, uid)


class Native:
    """This host. Calls are made as `uid`; in between the process is root, as our machine's host must be."""

    uid: int | None = None

    def call(self, name: str, *args: Any, size: int = 4096) -> int | bytes:
        """As `Ours.call`."""
        buffer = ctypes.create_string_buffer(size)
        raw = []
        for arg in args:
            if arg is ...:
                raw.append(ctypes.c_void_p(ctypes.addressof(buffer)))
            elif isinstance(arg, bytes):
                raw.append(ctypes.c_char_p(arg))
            else:
                raw.append(ctypes.c_long(arg or 0))
        become(self.uid)
        result: int = _libc.syscall(ctypes.c_long(NUMBERS[name]), *raw)
        errno = ctypes.get_errno()
        become(None)
        if result == -1:
            return -errno
        return buffer.raw if ... in args else result

    def user(self, uid: int | None) -> None:
        """As `Ours.user`."""
        self.uid = uid


def become(uid: int | None) -> None:
    """Change the identity of this process."""
    if uid is None:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)
    else:
        os.setgroups([])
        os.setresgid(uid, uid, 0)
        os.setresuid(uid, uid, 0)


STAT = struct.Struct("<QQQIIIIQqqqqQqQqQ24x")


def unpack_stat(data: bytes) -> tuple[Any, ...]:
    """What must be equal on both machines: type and mode, links (not of directories), owner, size of files."""
    fields = STAT.unpack(data.ljust(144, b"\0")[:144])
    nlink, mode, uid, gid, rdev, size = (*fields[2:6], fields[7], fields[8])
    directory = mode & 0o170000 == 0o040000
    return oct(mode), 0 if directory else nlink, uid, gid, rdev, 0 if directory else size


def snapshot(machine: Ours | Native, path: bytes = b".") -> dict[bytes, Any]:
    """The whole tree under `path`: facts and contents."""
    tree: dict[bytes, Any] = {}
    fd = machine.call("openat", AT_FDCWD, path, os.O_RDONLY | os.O_DIRECTORY)
    assert isinstance(fd, int), path
    assert fd >= 0, (path, fd)
    for name in sorted(names(machine, fd)):
        below = path + b"/" + name
        facts = machine.call("newfstatat", AT_FDCWD, below, ..., 0x100)
        assert isinstance(facts, bytes), (below, facts)
        shown = unpack_stat(facts)
        kind = int(shown[0], 8) & 0o170000
        tree[below] = shown
        if kind == 0o040000:
            tree.update(snapshot(machine, below))
        elif kind == 0o120000:
            target = machine.call("readlinkat", AT_FDCWD, below, ..., 4096)
            assert isinstance(target, bytes)
            tree[below] += (target.rstrip(b"\0"),)
        elif kind == 0o100000:
            tree[below] += (contents(machine, below),)
    machine.call("close", fd)
    return tree


def names(machine: Ours | Native, fd: int) -> list[bytes]:
    """Entries of an open directory without the dots."""
    found = []
    while True:
        data = machine.call("getdents64", fd, ..., 4096)
        assert isinstance(data, bytes)
        at = 0
        while at + 19 <= len(data):
            size = int.from_bytes(data[at + 16 : at + 18], "little")
            if not size:
                break
            found.append(data[at + 19 : at + size].split(b"\0")[0])
            at += size
        if not at:
            return [name for name in found if name not in (b".", b"..")]


def contents(machine: Ours | Native, path: bytes) -> bytes:
    """A file's first bytes."""
    fd = machine.call("openat", AT_FDCWD, path, os.O_RDONLY)
    if not isinstance(fd, int) or fd < 0:
        return b"?"
    data = machine.call("read", fd, ..., 4096)
    machine.call("close", fd)
    assert isinstance(data, bytes)
    return data.rstrip(b"\0")
