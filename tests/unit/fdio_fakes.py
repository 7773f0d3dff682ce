"""A machine just big enough for files: no CPU, no scheduler; a task whose memory is a dict of pages."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from forkernel.abi.errno import EFAULT
from forkernel.errors import SysError
from forkernel.fs.fdtable import FilesStruct
from forkernel.fs.inode import Inode, Superblock
from forkernel.namespace import init_user_ns
from forkernel.syscalls.registry import REGISTRY
from forkernel.wait import Sleep

PAGE = 4096
BASE = 0x10000


class Memory:
    """Mapped bytes from BASE on; EFAULT elsewhere."""

    def __init__(self, size: int = 64 * PAGE) -> None:
        self.data = bytearray(size)

    def read(self, addr: int, size: int) -> bytes:
        if not size:
            return b""
        if addr < BASE or addr + size > BASE + len(self.data):
            raise SysError(EFAULT)
        return bytes(self.data[addr - BASE : addr - BASE + size])

    def write(self, addr: int, data: bytes) -> None:
        self.read(addr, len(data))
        self.data[addr - BASE : addr - BASE + len(data)] = data

    def read_cstr(self, addr: int, limit: int) -> bytes:
        return self.read(addr, limit).split(b"\0")[0]


class Clock:
    def __init__(self) -> None:
        self.now = 1_000

    def monotonic(self) -> int:
        return self.now

    realtime = monotonic


class FakeVfs:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.frames = None
        self.internal: dict[bytes, Superblock] = {}
        self.dev = 0
        self.anon = Inode(Superblock(b"anon_inodefs", 1, clock, None), 0o600)

    def alloc_dev(self) -> int:
        self.dev += 1
        return self.dev

    def pseudo_path(self, inode: Inode, name: bytes) -> Any:
        return None

    def anon_inode(self) -> Inode:
        return self.anon


class Cred:
    fsuid = fsgid = uid = gid = 0
    cap_effective = 0
    user_ns = init_user_ns


class Signal:
    def __init__(self) -> None:
        self.rlim = [(1024, 4096)] * 16
        self.tty = None
        self.pgrp = 1


class FakeSystem:
    def __init__(self) -> None:
        self.clock = Clock()
        self.vfs = FakeVfs(self.clock)
        self.tasks: list[FakeTask] = []
        self.host_inputs: dict[int, Any] = {}
        self.files_stat = SimpleNamespace(pipe_max_size=1 << 20)

    def all_tasks(self) -> list[FakeTask]:
        return self.tasks


class FakeTask:
    """Runs calls by name; a call that sleeps leaves its Sleep in `sleep` and answers None."""

    def __init__(self, system: FakeSystem | None = None, files: FilesStruct | None = None) -> None:
        self.system = system or FakeSystem()
        self.system.tasks.append(self)
        self.files = files or FilesStruct()
        self.mm = Memory()
        self.cred = Cred()
        self.signal = Signal()
        self.tgid = len(self.system.tasks)
        self.thread_pid = SimpleNamespace(ns=SimpleNamespace(level=0))
        self.sent: list[int] = []
        self.sleep: Sleep | None = None
        self.blocked = 0
        self.saved_sigmask: int | None = None
        self.restart_block: Any = None
        self.woken = 0
        self.rchar = self.syscr = self.wchar = self.syscw = 0

    def send_signal(self, sig: int) -> None:
        self.sent.append(sig)

    def wake_from(self, queue: Any) -> None:
        assert self.sleep is not None
        for parked in self.sleep.queues:
            parked.waiters.pop(self, None)
        self.woken += 1

    def call(self, name: str, *args: int) -> int | None:
        """The result, -errno, or None: asleep."""
        handler = REGISTRY.calls[name].call
        raw = [arg & (1 << 64) - 1 for arg in args] + [0] * (6 - len(args))
        self.again = lambda: handler(self, *raw)
        return self.attempt(self.again)

    def attempt(self, step: Any) -> int | None:
        try:
            self.sleep = None
            return int(step())
        except SysError as error:
            return -error.errno
        except Sleep as sleep:
            self.sleep = sleep
            for queue in sleep.queues:
                queue.waiters[self] = None
            return None

    def resume(self) -> int | None:
        """Run again after a wake-up, as the scheduler does."""
        assert self.sleep is not None
        resume = self.sleep.resume
        return self.attempt(self.again if resume is None else lambda: resume.step(self))

    def interrupt(self) -> int:
        """A signal ends the sleep."""
        assert self.sleep is not None
        if self.sleep.resume is None:
            return -self.sleep.on_signal
        return int(self.sleep.resume.interrupted(self))

    def poke(self, data: bytes, addr: int = BASE) -> int:
        self.mm.write(addr, data)
        return addr

    def peek(self, size: int, addr: int = BASE) -> bytes:
        return self.mm.read(addr, size)

    def pipe(self, flags: int = 0) -> tuple[int, int]:
        assert self.call("pipe2", BASE, flags) == 0
        data = self.peek(8)
        return int.from_bytes(data[:4], "little"), int.from_bytes(data[4:], "little")
