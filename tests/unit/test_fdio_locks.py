"""Record locks against a byte-wise model, and what fcntl and flock say of them."""

from __future__ import annotations

import itertools
import struct

from fdio_fakes import FakeSystem, FakeTask
from hypothesis import given, settings
from hypothesis import strategies as st

import forkernel.syscalls.fd  # noqa: F401  # registers its calls
from forkernel.abi.errno import EAGAIN, EBADF, EDEADLK, EINVAL, ERESTARTSYS
from forkernel.abi.fcntl import (
    F_GETLK,
    F_OFD_SETLK,
    F_RDLCK,
    F_SETLK,
    F_SETLKW,
    F_UNLCK,
    F_WRLCK,
    LOCK_EX,
    LOCK_NB,
    LOCK_SH,
    LOCK_UN,
    O_RDONLY,
    O_RDWR,
)
from forkernel.fs.file import RegFile
from forkernel.fs.inode import Inode
from forkernel.fs.locks import FileLock, posix_lock_inode

SIZE = 24


def new_inode() -> Inode:
    return Inode(FakeSystem().vfs.anon.sb, 0o100644)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.sampled_from([F_RDLCK, F_WRLCK, F_UNLCK]),
            st.integers(0, SIZE - 1),
            st.integers(0, SIZE - 1),
        ),
        max_size=40,
    )
)
def test_record_locks_agree_with_a_model_of_bytes(steps: list[tuple[int, int, int, int]]) -> None:
    inode = new_inode()
    owners = [object(), object(), object()]
    model: list[dict[int, int]] = [{} for _ in range(SIZE)]
    for who, kind, one, two in steps:
        start, end = min(one, two), max(one, two)
        refused = posix_lock_inode(inode, FileLock(owners[who], who, kind, start, end)) is not None
        blocked = kind != F_UNLCK and any(
            other != who and F_WRLCK in (held, kind)
            for at in range(start, end + 1)
            for other, held in model[at].items()
        )
        assert refused == blocked
        if not refused:
            for at in range(start, end + 1):
                model[at].pop(who, None)
                if kind != F_UNLCK:
                    model[at][who] = kind
        check_normal_form(inode, owners, model)


def check_normal_form(inode: Inode, owners: list[object], model: list[dict[int, int]]) -> None:
    """The list says what the model says, sorted, with no two locks that could be one."""
    for who, owner in enumerate(owners):
        mine = [lock for lock in inode.flctx.posix if lock.owner is owner]
        for left, right in itertools.pairwise(mine):
            assert left.end < right.start
            assert left.type != right.type or left.end + 1 < right.start
        bytes_held = {at: lock.type for lock in mine for at in range(lock.start, lock.end + 1)}
        assert bytes_held == {at: held[who] for at, held in enumerate(model) if who in held}


def flock64(kind: int, start: int = 0, length: int = 0, whence: int = 0, pid: int = 0) -> bytes:
    return struct.pack("<hh4xqqi4x", kind, whence, start, length, pid)


def lock(task: FakeTask, fd: int, cmd: int, kind: int, start: int = 0, length: int = 0) -> int | None:
    return task.call("fcntl", fd, cmd, task.poke(flock64(kind, start, length)))


def opened(system: FakeSystem, inode: Inode, flags: int = O_RDWR) -> tuple[FakeTask, int]:
    task = FakeTask(system)
    return task, task.files.install(RegFile(inode, flags))


def test_a_second_process_is_refused_and_told_who_has_it() -> None:
    system, inode = FakeSystem(), new_inode()
    (one, fd), (two, other) = opened(system, inode), opened(system, inode)
    assert lock(one, fd, F_SETLK, F_WRLCK, 10, 5) == 0
    assert lock(two, other, F_SETLK, F_RDLCK, 14, 1) == -EAGAIN
    assert lock(two, other, F_GETLK, F_RDLCK) == 0
    assert struct.unpack("<hh4xqqi4x", two.peek(32)) == (F_WRLCK, 0, 10, 5, one.tgid)
    assert lock(two, other, F_GETLK, F_RDLCK, 15) == 0
    assert struct.unpack("<h", two.peek(2)) == (F_UNLCK,)


def test_a_waiter_gets_the_lock_when_the_holder_closes_any_descriptor() -> None:
    system, inode = FakeSystem(), new_inode()
    (one, fd), (two, other) = opened(system, inode), opened(system, inode)
    second = one.files.install(RegFile(inode, O_RDONLY))
    assert lock(one, fd, F_SETLK, F_WRLCK) == 0
    assert lock(two, other, F_SETLKW, F_WRLCK) is None
    assert two.interrupt() == -ERESTARTSYS
    assert lock(two, other, F_SETLKW, F_WRLCK) is None
    one.call("close", second)
    assert two.woken == 1
    assert two.resume() == 0


def test_a_circle_of_waiters_is_edeadlk() -> None:
    system, inode = FakeSystem(), new_inode()
    tasks = [opened(system, inode) for _ in range(3)]
    for at, (task, fd) in enumerate(tasks):
        assert lock(task, fd, F_SETLK, F_WRLCK, at, 1) == 0
    assert lock(*tasks[0], F_SETLKW, F_WRLCK, 1, 1) is None
    assert lock(*tasks[1], F_SETLKW, F_WRLCK, 2, 1) is None
    assert lock(*tasks[2], F_SETLKW, F_WRLCK, 0, 1) == -EDEADLK


def test_open_file_locks_belong_to_the_open_file() -> None:
    task, fd = opened(FakeSystem(), new_inode())
    again = task.files.install(RegFile(task.files.get(fd).inode, O_RDWR))
    assert lock(task, fd, F_OFD_SETLK, F_WRLCK) == 0
    assert lock(task, again, F_OFD_SETLK, F_WRLCK) == -EAGAIN
    assert task.call("fcntl", fd, F_OFD_SETLK, task.poke(flock64(F_WRLCK, pid=1))) == -EINVAL
    copy = task.call("dup", fd)
    assert copy is not None
    task.call("close", fd)
    assert lock(task, again, F_OFD_SETLK, F_WRLCK) == -EAGAIN
    task.call("close", copy)
    assert lock(task, again, F_OFD_SETLK, F_WRLCK) == 0


def test_locks_need_the_right_access() -> None:
    task, fd = opened(FakeSystem(), new_inode(), O_RDONLY)
    assert lock(task, fd, F_SETLK, F_WRLCK) == -EBADF
    assert lock(task, fd, F_SETLK, F_RDLCK) == 0
    assert lock(task, fd, F_SETLK, 7) == -EINVAL
    assert task.call("fcntl", fd, F_SETLK, task.poke(flock64(F_RDLCK, 5, -6))) == -EINVAL


def test_flock() -> None:
    system, inode = FakeSystem(), new_inode()
    (one, fd), (two, other) = opened(system, inode), opened(system, inode)
    assert one.call("flock", fd, LOCK_SH) == 0
    assert two.call("flock", other, LOCK_SH) == 0
    assert two.call("flock", other, LOCK_EX | LOCK_NB) == -EAGAIN
    assert one.call("flock", fd, LOCK_EX) == 0  # the failed change gave the shared lock up
    assert two.call("flock", other, LOCK_SH) is None
    assert one.call("flock", fd, LOCK_UN) == 0
    assert two.resume() == 0
    assert one.call("flock", fd, 0) == -EINVAL
