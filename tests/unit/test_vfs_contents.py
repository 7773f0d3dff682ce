"""File contents: the same reads, writes, truncations and mappings on Linux and on the VFS."""

from __future__ import annotations

import mmap
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unit.vfs_machines import Native, Ours

PAGE = 4096
offset = st.one_of(st.integers(0, 20), st.integers(PAGE - 5, PAGE + 5), st.integers(0, 5 * PAGE))
length = st.one_of(st.integers(0, 20), st.integers(PAGE - 5, PAGE + 5), st.integers(0, 3 * PAGE))
OPERATIONS = st.one_of(
    st.tuples(st.just("pwrite"), offset, length, st.integers(1, 255)),
    st.tuples(st.just("write"), length, st.integers(1, 255)),
    st.tuples(st.just("append"), length, st.integers(1, 255)),
    st.tuples(st.just("pread"), offset, length),
    st.tuples(st.just("read"), length),
    st.tuples(st.just("ftruncate"), offset),
    st.tuples(st.just("fallocate"), st.sampled_from([0, 1, 3]), offset, length),
    st.tuples(st.just("lseek"), offset, st.integers(0, 2)),
    st.tuples(st.just("map"), offset, st.integers(1, 255)),
)


def do(machine: Ours | Native, fd: int, operation: tuple[Any, ...]) -> Any:
    name, *args = operation
    if name == "pwrite":
        return machine.call("pwrite64", fd, bytes([args[2]]) * args[1], args[1], args[0])
    if name == "write":
        return machine.call("write", fd, bytes([args[1]]) * args[0], args[0])
    if name == "append":
        return append(machine, fd, bytes([args[1]]) * args[0])
    if name == "pread":
        return machine.call("pread64", fd, ..., args[1], args[0], size=4 * PAGE)
    if name == "read":
        return machine.call("read", fd, ..., args[0], size=4 * PAGE)
    if name == "map":
        return write_mapped(machine, fd, *args)
    return machine.call(name, fd, *args)


def append(machine: Ours | Native, fd: int, data: bytes) -> Any:
    flags = machine.call("fcntl", fd, 3, 0)
    assert isinstance(flags, int)
    machine.call("fcntl", fd, 4, flags | os.O_APPEND)
    done = machine.call("write", fd, data, len(data))
    machine.call("fcntl", fd, 4, flags)
    return done


def write_mapped(machine: Ours | Native, fd: int, where: int, byte: int) -> Any:
    """Store one byte through a shared mapping of its page, and read the first byte there."""
    size = machine.call("lseek", fd, 0, 2)
    assert isinstance(size, int)
    if where >= size:
        return None
    index, inside = divmod(where, PAGE)
    if isinstance(machine, Native):
        with mmap.mmap(fd, min(PAGE, size - index * PAGE), offset=index * PAGE) as area:
            area[inside] = byte
            return area[0]
    inode = machine.task.files.get(fd).inode
    frame = inode.get_mapping().get_page(index)
    inode.mark_dirty(index)
    machine.frames.write(frame, inside, bytes([byte]))
    return machine.frames.read(frame, 0, 1)[0]


def start(kind: str, top: Path) -> Ours:
    """A machine with /m/f of 6000 bytes."""
    (top / "empty").mkdir()
    (top / "host" / "m").mkdir(parents=True)
    (top / "host" / "m" / "f").write_bytes(bytes(range(1, 251)) * 24)
    if kind == "host":
        return Ours(str(top / "host"))
    ours = Ours(str(top / "empty"))
    if kind == "bind":
        ours.vfs.mount_host(str(top / "host" / "m"), b"/m", writable=True)
        return ours
    ours.vfs.mount(ours.vfs.new_tmpfs(), ours.vfs.make_mountpoint(b"/m"))
    fd = ours.call("open", b"/m/f", os.O_CREAT | os.O_WRONLY, 0o644)
    assert ours.call("write", fd, bytes(range(1, 251)) * 24, 6000) == 6000
    ours.call("close", fd)
    return ours


@pytest.mark.parametrize("kind", ["tmpfs", "host", "bind"])
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(operations=st.lists(OPERATIONS, max_size=15))
def test_contents_are_what_linux_makes_of_them(kind: str, operations: list[Any]) -> None:
    top = Path(tempfile.mkdtemp())
    try:
        ours, native = start(kind, top), Native()
        free = ours.frames.free_count()
        (top / "f").write_bytes(bytes(range(1, 251)) * 24)
        there = native.call("open", str(top / "f").encode(), os.O_RDWR, 0)
        here = ours.call("open", b"/m/f", os.O_RDWR)
        assert isinstance(there, int)
        assert isinstance(here, int)
        for operation in operations:
            if operation[0] == "fallocate" and kind == "bind" and operation[1]:
                continue
            expected = do(native, there, operation)
            found = do(ours, here, operation)
            assert trim(found) == trim(expected), operation
        whole = ours.call("pread64", here, ..., 1 << 20, 0, size=1 << 20)
        assert trim(whole) == trim(native.call("pread64", there, ..., 1 << 20, 0, size=1 << 20))
        assert ours.call("lseek", here, 0, 2) == native.call("lseek", there, 0, 2)
        native.call("close", there)
        ours.call("close", here)
        if kind == "bind":
            assert (top / "host" / "m" / "f").read_bytes() == (top / "f").read_bytes()
        else:
            assert (top / "host" / "m" / "f").read_bytes() == bytes(range(1, 251)) * 24
        ours.call("unlink", b"/m/f")
        assert ours.frames.free_count() >= free
        assert not ours.vfs.cached_frames()
        assert all(getattr(sb, "used_pages", 0) == 0 for sb in ours.vfs.supers)
    finally:
        shutil.rmtree(top)


def trim(value: Any) -> Any:
    """Buffers of different lengths hold the same bytes."""
    return value.rstrip(b"\0") if isinstance(value, bytes) else value
