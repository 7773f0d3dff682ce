"""epoll, poll, select and eventfd against the host's own."""

from __future__ import annotations

import os
import pickle
import select
import struct
import sys

import pytest
from fdio_fakes import BASE, FakeTask
from hypothesis import given, settings
from hypothesis import strategies as st

import forkernel.syscalls.epoll
import forkernel.syscalls.eventfd
import forkernel.syscalls.fd
import forkernel.syscalls.io
import forkernel.syscalls.pipe
import forkernel.syscalls.poll  # noqa: F401  # registers its calls
from forkernel.abi.errno import EAGAIN, EBADF, EEXIST, EINTR, EINVAL, ELOOP, ENOENT, EPERM, ERESTARTNOHAND
from forkernel.abi.fcntl import O_NONBLOCK
from forkernel.abi.poll import EPOLLET, EPOLLEXCLUSIVE, EPOLLIN, EPOLLONESHOT, EPOLLOUT

linux = pytest.mark.skipif(sys.platform != "linux", reason="compares with Linux's own")
MS = 1_000_000
EVENTS = st.sampled_from(
    [kind | mode for kind in (EPOLLIN, EPOLLOUT, EPOLLIN | EPOLLOUT, 0) for mode in (0, EPOLLET, EPOLLONESHOT)]
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(0, 3), st.sampled_from([1, 5, 4096, 70000])),
        st.tuples(st.just("read"), st.integers(0, 3), st.sampled_from([1, 5, 4096, 70000])),
        st.tuples(st.just("add"), st.integers(0, 3), EVENTS),
        st.tuples(st.just("mod"), st.integers(0, 3), EVENTS),
        st.tuples(st.just("del"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("close"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("wait"), st.just(0), st.integers(1, 4)),
    ),
    min_size=5,
    max_size=40,
)
OPS = {"add": 1, "del": 2, "mod": 3}


class Host:
    """Two pipes and an epoll set of the host; descriptors go by their place 0..3."""

    def __init__(self) -> None:
        self.fds = [*os.pipe2(O_NONBLOCK), *os.pipe2(O_NONBLOCK)]
        self.ep = select.epoll()
        self.closed: set[int] = set()

    def do(self, step: str, index: int, arg: int) -> object:
        if index in self.closed and step != "wait":
            return -EBADF
        try:
            return self.run(step, index, arg)
        except OSError as error:
            return -(error.errno or 0)

    def run(self, step: str, index: int, arg: int) -> object:
        fd = self.fds[index]
        if step == "write":
            return os.write(fd, bytes(arg))
        if step == "read":
            return len(os.read(fd, arg))
        if step == "add":
            self.ep.register(fd, arg)
        elif step == "mod":
            self.ep.modify(fd, arg)
        elif step == "del":
            self.ep.unregister(fd)
        elif step == "close":
            os.close(fd)
            self.closed.add(index)
        else:
            return sorted((self.fds.index(got), events) for got, events in self.ep.poll(0, arg))
        return 0

    def end(self) -> None:
        self.ep.close()
        for index, fd in enumerate(self.fds):
            if index not in self.closed:
                os.close(fd)


class Guest:
    """The same on ours."""

    def __init__(self) -> None:
        self.task = FakeTask()
        self.fds = [*self.task.pipe(O_NONBLOCK), *self.task.pipe(O_NONBLOCK)]
        self.ep = self.task.call("epoll_create1", 0) or 0

    def do(self, step: str, index: int, arg: int) -> object:
        task, fd = self.task, self.fds[index]
        if step in ("read", "write"):
            return task.call(step, fd, BASE, arg)
        if step == "close":
            return task.call("close", fd)
        if step == "wait":
            count = task.call("epoll_wait", self.ep, BASE, arg, 0)
            assert count is not None
            events = [struct.unpack_from("<IQ", task.peek(12 * count), 12 * at) for at in range(count)]
            return sorted((data, mask) for mask, data in events)
        return task.call("epoll_ctl", self.ep, OPS[step], fd, task.poke(struct.pack("<IQ", arg, index)))


@linux
@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_epoll_answers_as_linux_does(steps: list[tuple[str, int, int]]) -> None:
    host, guest = Host(), Guest()
    try:
        for step in steps:
            assert guest.do(*step) == host.do(*step), step
    finally:
        host.end()


def ctl(task: FakeTask, ep: int, op: int, fd: int, events: int = EPOLLIN, data: int = 0) -> int | None:
    return task.call("epoll_ctl", ep, op, fd, task.poke(struct.pack("<IQ", events, data), BASE + 9000))


def test_epoll_wait_sleeps_wakes_and_times_out() -> None:
    task = FakeTask()
    ends = task.pipe()
    ep = task.call("epoll_create1", 0)
    assert ep is not None
    assert ctl(task, ep, 1, ends[0], data=1 << 40) == 0
    assert task.call("epoll_wait", ep, BASE, 8, 5) is None
    assert task.sleep is not None
    assert task.sleep.deadline == task.system.clock.now + 5 * MS
    assert task.interrupt() == -EINTR
    other = FakeTask(task.system, task.files)
    other.call("write", ends[1], BASE, 1)
    assert task.woken == 1
    assert task.resume() == 1
    assert struct.unpack("<IQ", task.peek(12)) == (EPOLLIN, 1 << 40)
    other.call("read", ends[0], BASE, 1)
    assert task.call("epoll_wait", ep, BASE, 8, 5) is None
    task.system.clock.now += 5 * MS
    assert task.resume() == 0


def test_epoll_ctl_refuses_what_linux_refuses() -> None:
    task = FakeTask()
    ends = task.pipe()
    ep = task.call("epoll_create1", 0)
    assert ep is not None
    assert ctl(task, ep, 1, 99) == -EBADF
    assert ctl(task, ends[0], 1, ends[1]) == -EINVAL
    assert ctl(task, ep, 1, ep) == -EINVAL
    assert ctl(task, ep, 3, ends[0]) == -ENOENT
    assert ctl(task, ep, 2, ends[0]) == -ENOENT
    assert ctl(task, ep, 1, ends[0]) == 0
    assert ctl(task, ep, 1, ends[0]) == -EEXIST
    assert ctl(task, ep, 9, ends[0]) == -EINVAL
    assert ctl(task, ep, 3, ends[0], EPOLLIN | EPOLLEXCLUSIVE) == -EINVAL


@linux
@pytest.mark.parametrize("outward", [True, False])
def test_nesting_is_limited_as_on_linux(outward: bool) -> None:
    task = FakeTask()
    sets = [task.call("epoll_create1", 0) or 0 for _ in range(8)]
    host = [select.epoll() for _ in range(8)]
    for at in range(1, 8):
        one, two = (at, at - 1) if outward else (at - 1, at)
        try:
            host[one].register(host[two].fileno(), EPOLLIN)
            expected = 0
        except OSError as error:
            expected = -(error.errno or 0)
        assert ctl(task, sets[one], 1, sets[two]) == expected
        if expected:
            assert expected == -ELOOP
            break
    assert ctl(task, sets[0], 1, sets[0]) == -EINVAL


def test_exclusive_wakes_one_set() -> None:
    task = FakeTask()
    ends = task.pipe()
    waiters = []
    for _ in range(3):
        ep = task.call("epoll_create1", 0)
        assert ep is not None
        assert ctl(task, ep, 1, ends[0], EPOLLIN | EPOLLEXCLUSIVE) == 0
        waiter = FakeTask(task.system, task.files)
        assert waiter.call("epoll_wait", ep, BASE, 1, -1) is None
        waiters.append(waiter)
    task.call("write", ends[1], BASE, 1)
    assert [waiter.woken for waiter in waiters] == [1, 0, 0]


def test_a_nested_set_is_readable_when_its_item_is() -> None:
    task = FakeTask()
    ends = task.pipe()
    inner, outer = task.call("epoll_create1", 0) or 0, task.call("epoll_create1", 0) or 0
    ctl(task, inner, 1, ends[0])
    ctl(task, outer, 1, inner)
    assert task.call("epoll_wait", outer, BASE, 1, 0) == 0
    task.call("write", ends[1], BASE, 1)
    assert task.call("epoll_wait", outer, BASE, 1, 0) == 1
    task.call("read", ends[0], BASE, 1)
    assert task.call("epoll_wait", outer, BASE, 1, 0) == 0


def test_eventfd() -> None:
    task = FakeTask()
    fd = task.call("eventfd2", 3, O_NONBLOCK)
    assert fd is not None
    assert task.call("read", fd, BASE, 7) == -EINVAL
    assert task.call("read", fd, BASE, 8) == 8
    assert task.peek(8) == (3).to_bytes(8, "little")
    assert task.call("read", fd, BASE, 8) == -EAGAIN
    assert task.call("write", fd, task.poke(b"\xff" * 8), 8) == -EINVAL
    assert task.call("write", fd, task.poke(b"\xfe" + b"\xff" * 7), 8) == 8
    assert task.call("write", fd, task.poke((1).to_bytes(8, "little")), 8) == -EAGAIN


def test_a_semaphore_eventfd_counts_down() -> None:
    task = FakeTask()
    fd = task.call("eventfd2", 2, 1)
    assert fd is not None
    assert task.call("read", fd, BASE, 8) == 8
    assert task.peek(8) == (1).to_bytes(8, "little")
    assert task.call("read", fd, BASE, 8) == 8
    assert task.call("read", fd, BASE, 8) is None
    other = FakeTask(task.system, task.files)
    assert other.call("write", fd, other.poke((1).to_bytes(8, "little")), 8) == 8
    assert task.resume() == 8


def pollfds(task: FakeTask, *entries: tuple[int, int]) -> int:
    return task.poke(b"".join(struct.pack("<ihh", fd, events, 0x55) for fd, events in entries))


def revents(task: FakeTask, count: int) -> list[int]:
    return [struct.unpack_from("<ihh", task.peek(8 * count), 8 * at)[2] for at in range(count)]


def test_poll_looks_sleeps_and_times_out() -> None:
    task = FakeTask()
    ends = task.pipe()
    assert task.call("poll", pollfds(task, (ends[0], 1), (ends[1], 4), (-1, 1), (77, 1)), 4, -1) == 2
    assert revents(task, 4) == [0, 4, 0, 0x20]
    assert task.call("poll", pollfds(task, (ends[0], 1)), 1, 10) is None
    task.system.clock.now += 10 * MS
    assert task.resume() == 0
    assert revents(task, 1) == [0]
    assert task.call("poll", pollfds(task, (ends[0], 1)), 1, -1) is None
    other = FakeTask(task.system, task.files)
    other.call("write", ends[1], BASE, 1)
    assert task.resume() == 1
    assert task.call("poll", 0, 0, 3) is None


def test_poll_after_a_signal_keeps_its_deadline() -> None:
    task = FakeTask()
    ends = task.pipe()
    assert task.call("poll", pollfds(task, (ends[0], 1)), 1, 10) is None
    task.system.clock.now += 4 * MS
    assert task.interrupt() == -516
    assert task.attempt(lambda: task.restart_block.step(task)) is None
    task.system.clock.now += 6 * MS
    assert task.resume() == 0


def test_select_stores_sets_and_time_left() -> None:
    task = FakeTask()
    ends = task.pipe()
    sets = [1 << ends[0], 1 << ends[1], 1 << ends[0]]
    addrs = [task.poke(value.to_bytes(8, "little"), BASE + 64 * at) for at, value in enumerate(sets)]
    tv = task.poke(struct.pack("<qq", 1, 500_000), BASE + 512)
    assert task.call("select", 8, *addrs, tv) == 1
    assert [task.peek(8, addr) for addr in addrs] == [bytes(8), sets[1].to_bytes(8, "little"), bytes(8)]
    task.poke(sets[0].to_bytes(8, "little"), addrs[0])
    assert task.call("select", 8, addrs[0], 0, 0, tv) is None
    task.system.clock.now += 1_000 * MS
    FakeTask(task.system, task.files).call("write", ends[1], BASE + 5000, 1)
    assert task.resume() == 1
    assert struct.unpack("<qq", task.peek(16, tv)) == (0, 500_000)


def test_select_refuses_closed_descriptors_and_bad_times() -> None:
    task = FakeTask()
    task.pipe()
    addr = task.poke((1 << 20).to_bytes(8, "little"))
    assert task.call("select", 21, addr, 0, 0, 0) == -EBADF
    assert task.call("select", -1, 0, 0, 0, 0) == -EINVAL
    assert task.call("select", 0, 0, 0, 0, task.poke(struct.pack("<qq", -1, 0))) == -EINVAL


def test_pselect_is_cut_short_by_a_signal() -> None:
    task = FakeTask()
    ts = task.poke(struct.pack("<qq", 1, 0))
    assert task.call("pselect6", 0, 0, 0, 0, ts, 0) is None
    task.system.clock.now += 250 * MS
    assert task.interrupt() == -ERESTARTNOHAND
    assert struct.unpack("<qq", task.peek(16)) == (0, 750 * MS)


def test_regular_files_cannot_be_watched() -> None:
    from forkernel.fs.file import RegFile

    task = FakeTask()
    ep = task.call("epoll_create1", 0)
    assert ep is not None
    fd = task.files.install(RegFile(task.system.vfs.anon, 0))
    assert ctl(task, ep, 1, fd) == -EPERM


def test_a_table_with_sets_and_sleepers_survives_pickling() -> None:
    task = FakeTask()
    ends = task.pipe()
    ep = task.call("epoll_create1", 0)
    assert ep is not None
    ctl(task, ep, 1, ends[0], EPOLLIN | EPOLLET, data=7)
    assert task.call("epoll_wait", ep, BASE, 8, 5) is None
    assert task.sleep is not None
    del task.again
    system, sleeping = pickle.loads(pickle.dumps((task.system, task.sleep.resume)))
    copy = system.tasks[0]
    FakeTask(system, copy.files).call("write", ends[1], BASE, 1)
    assert copy.woken == 1
    assert sleeping.step(copy) == 1
    assert struct.unpack("<IQ", copy.peek(12)) == (EPOLLIN, 7)
    assert copy.call("epoll_wait", ep, BASE, 8, 0) == 0
