"""POSIX message queues: mq_open, mq_unlink, mq_timedsend, mq_timedreceive, mq_notify, mq_getsetattr.

What they do is in `kernel.mqueue`, loaded with the first of them.
"""

from __future__ import annotations

import struct

from forkernel.abi.time import Sigevent, Timespec
from forkernel.abi.types import I32, U32, U64
from forkernel.kernel.task import Task
from forkernel.mm.uaccess import UserBuf, UserIn, UserStr
from forkernel.syscalls.registry import syscall

MQ_ATTR = struct.Struct("<4q32x")
"""struct mq_attr: flags, maxmsg, msgsize, curmsgs."""


def _deadline(timeout: UserIn[Timespec] | None) -> int | None:
    """An absolute time on CLOCK_REALTIME; EFAULT, EINVAL."""
    from forkernel.kernel.posix_clock import timespec_to_ns

    return None if timeout is None else timespec_to_ns(timeout.get())


@syscall("mq_open")
def sys_mq_open(task: Task, name: UserStr, flags: I32, mode: U32, attr: UserBuf | None) -> int:
    """mq_open(2)."""
    from forkernel.kernel.mqueue import do_mq_open

    wanted = None
    if attr is not None:
        _, maxmsg, msgsize, _ = MQ_ATTR.unpack(attr.read(MQ_ATTR.size))
        wanted = maxmsg, msgsize
    return do_mq_open(task, name.get(), flags, mode, wanted)


@syscall("mq_unlink")
def sys_mq_unlink(task: Task, name: UserStr) -> int:
    """mq_unlink(2)."""
    from forkernel.kernel.mqueue import do_mq_unlink

    do_mq_unlink(task, name.get())
    return 0


@syscall("mq_timedsend")
def sys_mq_timedsend(task: Task, fd: I32, text: U64, size: U64, prio: U32, timeout: UserIn[Timespec] | None) -> int:
    """mq_timedsend(2)."""
    from forkernel.kernel.mqueue import do_mq_timedsend

    return do_mq_timedsend(task, fd, text, size, prio, _deadline(timeout))


@syscall("mq_timedreceive")
def sys_mq_timedreceive(task: Task, fd: I32, text: U64, size: U64, prio: U64, timeout: UserIn[Timespec] | None) -> int:
    """mq_timedreceive(2)."""
    from forkernel.kernel.mqueue import do_mq_timedreceive

    return do_mq_timedreceive(task, fd, text, size, prio, _deadline(timeout))


@syscall("mq_notify")
def sys_mq_notify(task: Task, fd: I32, event: UserIn[Sigevent] | None) -> int:
    """mq_notify(2)."""
    from forkernel.kernel.mqueue import do_mq_notify

    do_mq_notify(task, fd, event.get() if event is not None else None)
    return 0


@syscall("mq_getsetattr")
def sys_mq_getsetattr(task: Task, fd: I32, new: UserBuf | None, old: UserBuf | None) -> int:
    """mq_getsetattr(2)."""
    from forkernel.kernel.mqueue import do_mq_getsetattr

    flags = None if new is None else MQ_ATTR.unpack(new.read(MQ_ATTR.size))[0]
    before = do_mq_getsetattr(task, fd, flags)
    if old is not None:
        old.write(MQ_ATTR.pack(*before))
    return 0
