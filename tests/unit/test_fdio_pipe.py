"""Pipes: the same calls on a pipe of the host and on ours give the same answers."""

from __future__ import annotations

import fcntl
import os
import select
import sys
from contextlib import suppress
from typing import Any

import pytest
from fdio_fakes import BASE, PAGE, FakeTask
from hypothesis import given, settings
from hypothesis import strategies as st

import forkernel.syscalls.fd
import forkernel.syscalls.io
import forkernel.syscalls.ioctl
import forkernel.syscalls.pipe
import forkernel.syscalls.poll  # noqa: F401  # registers its calls
from forkernel.abi.errno import EAGAIN, EFAULT, EPIPE, ERESTARTSYS
from forkernel.abi.fcntl import F_SETPIPE_SZ, O_DIRECT, O_NONBLOCK

linux = pytest.mark.skipif(sys.platform != "linux", reason="compares with Linux's own pipes")

SIZES = st.one_of(st.integers(0, 10), st.integers(4090, 4100), st.integers(0, 20_000), st.just(70_000))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), SIZES),
        st.tuples(st.just("read"), SIZES),
        st.tuples(st.just("resize"), st.sampled_from([4096, 8192, 65536, 131072])),
    ),
    max_size=40,
)


def native(step: str, ends: tuple[int, int], size: int, data: bytes) -> tuple[int, bytes]:
    """One step on the host's pipe: result or -errno, and what was read."""
    try:
        if step == "write":
            return os.write(ends[1], data), b""
        if step == "read":
            got = os.read(ends[0], size)
            return len(got), got
        return fcntl.fcntl(ends[1], F_SETPIPE_SZ, size), b""
    except OSError as error:
        return -(error.errno or 0), b""


def ours(task: FakeTask, step: str, ends: tuple[int, int], size: int, data: bytes) -> tuple[int | None, bytes]:
    """The same step on ours."""
    if step == "write":
        return task.call("write", ends[1], task.poke(data), size), b""
    if step == "read":
        got = task.call("read", ends[0], BASE, size)
        return got, task.peek(max(got or 0, 0))
    return task.call("fcntl", ends[1], F_SETPIPE_SZ, size), b""


def native_masks(ends: tuple[int, int]) -> list[int]:
    poller = select.poll()
    for fd in ends:
        poller.register(fd, select.POLLIN | select.POLLOUT)
    found = dict(poller.poll(0))
    return [found.get(fd, 0) for fd in ends]


def our_masks(task: FakeTask, ends: tuple[int, int]) -> list[int]:
    files: list[Any] = [task.files.get(fd) for fd in ends]
    return [file.poll(task) & (select.POLLIN | select.POLLOUT | select.POLLERR | select.POLLHUP) for file in files]


@linux
@settings(max_examples=150, deadline=None)
@given(STEPS, st.booleans())
def test_a_nonblocking_pipe_answers_as_linux_does(steps: list[tuple[str, int]], packets: bool) -> None:
    flags = O_NONBLOCK | (O_DIRECT if packets else 0)
    there = os.pipe2(flags)
    task = FakeTask()
    here = task.pipe(flags)
    try:
        for number, (step, size) in enumerate(steps):
            data = bytes([number % 251 + 1]) * size
            assert ours(task, step, here, size, data) == native(step, there, size, data)
            assert our_masks(task, here) == native_masks(there)
    finally:
        for fd in there:
            os.close(fd)


@linux
@pytest.mark.parametrize("size", [1, 3, 2048, 4095, 4096, 4097, 65536])
def test_how_many_writes_fill_a_pipe(size: int) -> None:
    there = os.pipe2(O_NONBLOCK)
    count = 0
    with suppress(BlockingIOError):
        while os.write(there[1], b"x" * size) == size:
            count += 1
    for fd in there:
        os.close(fd)
    task = FakeTask()
    here = task.pipe(O_NONBLOCK)
    task.poke(b"x" * size)
    mine = 0
    while task.call("write", here[1], BASE, size) == size:
        mine += 1
    assert mine == count


def test_a_reader_sleeps_until_there_is_data() -> None:
    reader = FakeTask()
    ends = reader.pipe()
    writer = FakeTask(reader.system, reader.files)
    assert reader.call("read", ends[0], BASE, 10) is None
    assert writer.call("write", ends[1], writer.poke(b"hello"), 5) == 5
    assert reader.woken == 1
    assert reader.resume() == 5
    assert reader.peek(5) == b"hello"


def test_closing_the_last_writer_ends_a_sleeping_read() -> None:
    reader = FakeTask()
    ends = reader.pipe()
    assert reader.call("read", ends[0], BASE, 10) is None
    assert FakeTask(reader.system, reader.files).call("close", ends[1]) == 0
    assert reader.woken == 1
    assert reader.resume() == 0


def test_a_blocking_write_goes_on_where_it_stopped() -> None:
    writer = FakeTask()
    ends = writer.pipe()
    reader = FakeTask(writer.system, writer.files)
    data = bytes(range(256)) * 400
    assert writer.call("write", ends[1], writer.poke(data), len(data)) is None
    got = b""
    result = None
    while result is None:
        count = reader.call("read", ends[0], BASE, 5000)
        assert count
        got += reader.peek(count)
        if writer.woken:
            writer.woken = 0
            result = writer.resume()
    assert result == len(data)
    while len(got) < len(data):
        count = reader.call("read", ends[0], BASE, 50000)
        assert count
        got += reader.peek(count)
    assert got == data


def test_a_signal_cuts_a_blocking_write_short() -> None:
    writer = FakeTask()
    ends = writer.pipe()
    assert writer.call("write", ends[1], BASE, 100_000) is None
    assert writer.interrupt() == 65536
    assert writer.call("write", ends[1], BASE, 10) is None
    assert writer.interrupt() == -ERESTARTSYS


def test_no_readers_is_sigpipe_and_epipe() -> None:
    task = FakeTask()
    ends = task.pipe()
    task.call("close", ends[0])
    assert task.call("write", ends[1], BASE, 0) == 0
    assert task.sent == []
    assert task.call("write", ends[1], BASE, 1) == -EPIPE
    assert task.sent == [13]


def test_readers_that_leave_end_a_blocking_write() -> None:
    writer = FakeTask()
    ends = writer.pipe()
    assert writer.call("write", ends[1], BASE, 100_000) is None
    FakeTask(writer.system, writer.files).call("close", ends[0])
    assert writer.resume() == 65536
    assert writer.sent == [13]


def test_a_bad_buffer_leaves_the_data_in_the_pipe() -> None:
    task = FakeTask()
    ends = task.pipe()
    task.call("write", ends[1], task.poke(b"hello"), 5)
    assert task.call("read", ends[0], 8, 5) == -EFAULT
    last = BASE + len(task.mm.data)
    assert task.call("read", ends[0], last - 2, 5) == 2
    assert task.peek(2, last - 2) == b"he"
    assert task.call("read", ends[0], BASE, 5) == 3
    assert task.peek(3) == b"llo"


def test_a_write_takes_what_memory_there_is() -> None:
    task = FakeTask()
    ends = task.pipe()
    last = BASE + len(task.mm.data)
    assert task.call("write", ends[1], last - PAGE - 5, 3 * PAGE) == PAGE + 5
    assert task.call("write", ends[1], last, 5) == -EFAULT


def test_vectors() -> None:
    task = FakeTask()
    ends = task.pipe(O_NONBLOCK)
    task.poke(b"hello world", BASE + 1000)
    vec = [(BASE + 1000, 5), (0, 0), (BASE + 1005, 6)]
    task.poke(b"".join(a.to_bytes(8, "little") + n.to_bytes(8, "little") for a, n in vec))
    assert task.call("writev", ends[1], BASE, 3) == 11
    assert task.call("readv", ends[0], BASE, 3) == 11
    assert task.call("readv", ends[0], BASE, 3) == -EAGAIN
    assert task.peek(11, BASE + 1000) == b"hello world"
