"""Standard files: the host's descriptors, captured output, bytes as input, and a terminal."""

from __future__ import annotations

import os
import pickle
import struct
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from fdio_fakes import BASE, FakeSystem, FakeTask

import forkernel.syscalls.fd
import forkernel.syscalls.io
import forkernel.syscalls.ioctl
import forkernel.syscalls.poll  # noqa: F401  # registers its calls
from forkernel.abi.errno import EAGAIN, ENOTTY, EPIPE, ESPIPE
from forkernel.abi.fcntl import O_NONBLOCK
from forkernel.abi.ioctl import FIONREAD, TCGETS
from forkernel.fs.stdio import HostFile, bytes_input, capture_file, host_file

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's ioctl numbers on the host")


class TtySystem(FakeSystem):
    console: Any = None


class TtyTask(FakeTask):
    syscall_args = (0, 0, 0, 0, 0, 0)

    def tty_check_change(self, tty: Any, sig: int) -> None:
        """In the foreground."""


@pytest.fixture
def host_pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for fd in ends:
        with suppress(OSError):
            os.close(fd)


def test_a_host_pipe_as_input_sleeps_until_it_is_readable(host_pipe: tuple[int, int]) -> None:
    task = FakeTask()
    file = host_file(task.system, host_pipe[0])
    assert isinstance(file, HostFile)
    fd = task.files.install(file)
    assert task.call("read", fd, BASE, 100) is None
    source = task.system.host_inputs[host_pipe[0]]
    assert source.wanted()
    os.write(host_pipe[1], b"hello")
    source.wake_up()
    assert task.woken == 1
    assert task.resume() == 5
    assert task.peek(5) == b"hello"
    task.files.get(fd).flags |= O_NONBLOCK
    assert task.call("read", fd, BASE, 100) == -EAGAIN
    assert task.call("lseek", fd, 0, 0) == -ESPIPE
    os.close(host_pipe[1])
    assert task.call("read", fd, BASE, 100) == 0


def test_output_goes_to_the_host_and_a_closed_pipe_is_sigpipe(host_pipe: tuple[int, int]) -> None:
    task = FakeTask()
    file = host_file(task.system, host_pipe[1])
    assert file is not None
    fd = task.files.install(file)
    assert task.call("write", fd, task.poke(b"hello"), 5) == 5
    assert os.read(host_pipe[0], 100) == b"hello"
    os.close(host_pipe[0])
    assert task.call("write", fd, BASE, 5) == -EPIPE
    assert task.sent == [13]


def test_one_wake_up_for_one_readiness(host_pipe: tuple[int, int]) -> None:
    task = FakeTask()
    file = host_file(task.system, host_pipe[0])
    assert file is not None
    source = task.system.host_inputs[host_pipe[0]]
    source.wait.waiters[task] = None
    task.sleep = None
    assert source.wanted()
    source.reported = True
    assert not source.wanted()
    assert not source.ready()
    assert source.wanted()


def test_a_host_file_can_be_read_at_any_place(tmp_path: Any) -> None:
    path = tmp_path / "in"
    path.write_bytes(b"0123456789")
    task = FakeTask()
    with path.open("rb") as host:
        file = host_file(task.system, host.fileno())
        assert file is not None
        fd = task.files.install(file)
        assert task.call("read", fd, BASE, 4) == 4
        assert task.call("lseek", fd, -2, 1) == 2
        assert task.call("pread64", fd, BASE, 3, 7) == 3
        assert task.peek(3) == b"789"
        assert task.call("read", fd, 8, 4) == -14
        assert task.call("read", fd, BASE, 1) == 1
        assert task.peek(1) == b"2"
        pickle.dumps(file)


def test_a_closed_host_descriptor_is_no_file() -> None:
    assert host_file(FakeSystem(), 9999) is None


@linux
def test_a_place_holder_for_a_closed_descriptor_is_no_file() -> None:
    holder = os.open("/", os.O_PATH)
    try:
        assert host_file(FakeSystem(), holder) is None
    finally:
        os.close(holder)


def test_captured_output() -> None:
    task = FakeTask()
    data = bytearray()
    file = capture_file(task.system.vfs, data)
    fd = task.files.install(file)
    task.call("write", fd, task.poke(b"one "), 4)
    again = task.files.install(file.inode.open(task, 1))
    task.call("write", again, task.poke(b"two"), 3)
    assert data == b"one two"
    assert task.call("ioctl", fd, TCGETS, BASE) == -ENOTTY


def test_bytes_as_input() -> None:
    task = FakeTask()
    fd = task.files.install(bytes_input(task.system.vfs, b"x" * 100_000))
    assert task.call("ioctl", fd, FIONREAD, BASE) == 0
    assert struct.unpack("<i", task.peek(4)) == (100_000,)
    assert task.call("read", fd, BASE, 100_000) == 100_000
    assert task.call("read", fd, BASE, 1) == 0
