"""Just enough of a task for the trace sinks: memory as a dict of bytes at addresses, a clock, a name."""

from __future__ import annotations

import struct
from types import SimpleNamespace

from forkernel.kernel.task import SigPending


class FakeMemory:
    arg_start = arg_end = 0

    def __init__(self) -> None:
        self.parts: dict[int, bytes] = {}
        self.next = 0x1000

    def put(self, data: bytes) -> int:
        """Lay `data` down somewhere; its address."""
        at = self.next
        self.parts[at] = data
        self.next += (len(data) + 0x1FFF) & ~0xFFF
        return at

    def peek(self, addr: int, size: int) -> bytes | None:
        for start, data in self.parts.items():
            if start <= addr < start + max(len(data), 1):
                return data[addr - start : addr - start + size].ljust(size, b"\0")
        return None

    def words(self, *values: int) -> int:
        return self.put(struct.pack(f"<{len(values)}Q", *(value & 0xFFFFFFFFFFFFFFFF for value in values)))

    def strings(self, *texts: bytes) -> int:
        return self.words(*(self.put(text + b"\0") for text in texts), 0)


class FakeClock:
    now = 1_500_000_123

    def stamp(self) -> int:
        return self.now


class FakeSystem:
    smp = None

    def __init__(self) -> None:
        self.clock = FakeClock()


class FakeTask:
    def __init__(self, pid: int = 4, comm: bytes = b"sh", mm: FakeMemory | None = None) -> None:
        self.pid = self.tgid = pid
        self.comm = comm
        self.mm = mm or FakeMemory()
        self.system = FakeSystem()
        self.state = 0
        self.exit_code = 0
        self.syscall_nr = -1
        self.pending = SigPending()
        self.signal = SimpleNamespace(shared_pending=SigPending(), group_exit_code=0)
        self.syscall_args: tuple[int, ...] = (0,) * 6
