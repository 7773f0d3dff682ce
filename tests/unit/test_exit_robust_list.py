"""The robust-list walk at exit: whatever the list looks like, it ends, and owned locks are marked."""

from __future__ import annotations

import struct
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from forkernel.abi.errno import EFAULT
from forkernel.errors import SysError
from forkernel.kernel import futex
from forkernel.kernel.exit import FUTEX_OWNER_DIED, FUTEX_WAITERS, exit_robust_list

HEAD, OFFSET = 0x1000, -16
ME, OTHER = 77, 78


class Memory:
    def __init__(self) -> None:
        self.bytes: dict[int, int] = {}

    def put(self, addr: int, value: int, size: int = 8) -> None:
        for index, byte in enumerate((value & (1 << 8 * size) - 1).to_bytes(size, "little")):
            self.bytes[addr + index] = byte

    def read(self, addr: int, size: int) -> bytes:
        if any(addr + index not in self.bytes for index in range(size)):
            raise SysError(EFAULT)
        return bytes(self.bytes[addr + index] for index in range(size))

    def read_u32(self, addr: int) -> int:
        return int(struct.unpack("<I", self.read(addr, 4))[0])

    def read_u64(self, addr: int) -> int:
        return int(struct.unpack("<Q", self.read(addr, 8))[0])

    def write_u32(self, addr: int, value: int) -> None:
        self.read(addr, 4)
        self.put(addr, value, 4)


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    addresses: list[int] = []
    monkeypatch.setattr(futex, "futex_wake_addr", lambda task, addr, count: addresses.append(addr))
    return addresses


def memory_with(entries: list[tuple[int, int]], pending: int = 0) -> Memory:
    """A list of (entry address, lock word)."""
    mm = Memory()
    chain = [HEAD, *(addr for addr, _ in entries), HEAD]
    for here, after in pairwise(chain):
        mm.put(here & ~1, after)
    mm.put(HEAD + 8, OFFSET)
    mm.put(HEAD + 16, pending)
    for addr, word in entries:
        mm.put((addr & ~1) + OFFSET, word, 4)
    return mm


def walk(mm: Memory) -> None:
    task: Any = SimpleNamespace(pid=ME, robust_list=HEAD, thread_pid=SimpleNamespace(nr=ME))
    exit_robust_list(task, mm)  # type: ignore[arg-type]


def test_owned_locks_are_marked_and_a_waiter_woken(woken: list[int]) -> None:
    mm = memory_with([(0x2000, ME | FUTEX_WAITERS), (0x3000, OTHER), (0x4000, ME)])
    walk(mm)
    assert mm.read_u32(0x2000 + OFFSET) == FUTEX_OWNER_DIED | FUTEX_WAITERS
    assert mm.read_u32(0x3000 + OFFSET) == OTHER
    assert mm.read_u32(0x4000 + OFFSET) == FUTEX_OWNER_DIED
    assert woken == [0x2000 + OFFSET]


def test_a_pending_operation_on_a_free_lock_wakes_a_waiter(woken: list[int]) -> None:
    mm = memory_with([], pending=0x5000)
    mm.put(0x5000 + OFFSET, 0, 4)
    walk(mm)
    assert woken == [0x5000 + OFFSET]
    assert mm.read_u32(0x5000 + OFFSET) == 0


def test_a_pending_entry_on_the_list_is_handled_once(woken: list[int]) -> None:
    mm = memory_with([(0x2000, ME | FUTEX_WAITERS)], pending=0x2000)
    walk(mm)
    assert woken == [0x2000 + OFFSET]


def test_a_priority_inheriting_lock_wakes_nobody_here(woken: list[int]) -> None:
    mm = memory_with([(0x2001, ME | FUTEX_WAITERS)])
    walk(mm)
    assert mm.read_u32(0x2000 + OFFSET) == FUTEX_OWNER_DIED | FUTEX_WAITERS
    assert woken == []


def test_an_endless_list_ends(woken: list[int]) -> None:
    mm = memory_with([(0x2000, ME)])
    mm.put(0x2000, 0x2000)
    walk(mm)
    assert mm.read_u32(0x2000 + OFFSET) == FUTEX_OWNER_DIED


def test_a_list_into_nowhere_is_left_quietly(woken: list[int]) -> None:
    mm = memory_with([(0x2000, ME), (0x3000, ME)])
    mm.put(0x2000, 0xDEAD0000)
    walk(mm)
    assert mm.read_u32(0x2000 + OFFSET) == FUTEX_OWNER_DIED
    assert mm.read_u32(0x3000 + OFFSET) == ME


def test_a_head_that_is_not_mapped_does_nothing(woken: list[int]) -> None:
    walk(Memory())
    assert woken == []


def test_a_misaligned_word_stops_the_walk(woken: list[int]) -> None:
    mm = memory_with([(0x2002, ME), (0x3000, ME)])
    walk(mm)
    assert mm.read_u32(0x3000 + OFFSET) == ME
