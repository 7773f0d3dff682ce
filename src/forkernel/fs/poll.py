"""What poll and select look at (Linux: fs/select.c): masks and queues of many descriptors.

The calls themselves, with their time limits and signal masks, are in syscalls/poll.py.
"""

from __future__ import annotations

from typing import Any

from forkernel.abi.fcntl import O_PATH
from forkernel.abi.poll import POLLERR, POLLHUP, POLLNVAL
from forkernel.fs.file import File
from forkernel.wait import WaitQueue


def vfs_poll(task: Any, fd: int) -> int:
    """What is ready at a descriptor; POLLNVAL where there is none."""
    file: File | None = task.files.fds.get(fd)
    if file is None or file.flags & O_PATH:
        return POLLNVAL
    return file.poll(task)


def do_pollfd(task: Any, fd: int, events: int) -> int:
    """What poll says of one entry; a negative descriptor is passed over (0)."""
    if fd < 0:
        return 0
    return vfs_poll(task, fd) & (events | POLLERR | POLLHUP | POLLNVAL)


def queues_of(task: Any, fds: list[int]) -> tuple[WaitQueue, ...]:
    """The queues to sleep on for these descriptors, each once."""
    queues: dict[WaitQueue, None] = {}
    for fd in fds:
        file = task.files.fds.get(fd)
        if file is not None:
            for queue in file.poll_queues():
                queues[queue] = None
    return tuple(queues)


def bits_of(value: int) -> list[int]:
    """Numbers of the bits set, ascending."""
    found = []
    while value:
        lowest = value & -value
        found.append(lowest.bit_length() - 1)
        value ^= lowest
    return found
