"""timerfd_create, timerfd_settime, timerfd_gettime."""

from __future__ import annotations

from forkernel.abi.errno import EINVAL
from forkernel.abi.time import Itimerspec
from forkernel.abi.types import I32
from forkernel.errors import SysError
from forkernel.fs.fdtable import fd_install
from forkernel.kernel import timerfd
from forkernel.kernel.posix_clock import checked_ns, ns_to_itimerspec
from forkernel.kernel.task import Task
from forkernel.kernel.time_namespace import timens_ktime_to_host
from forkernel.mm.uaccess import UserIn, UserOut
from forkernel.syscalls.registry import syscall

SETTIME_FLAGS = timerfd.TFD_TIMER_ABSTIME | timerfd.TFD_TIMER_CANCEL_ON_SET


@syscall("timerfd_create")
def sys_timerfd_create(task: Task, clock_id: I32, flags: I32) -> int:
    """timerfd_create(2)."""
    return fd_install(task, timerfd.timerfd_create(task, clock_id, flags), bool(flags & timerfd.TFD_CLOEXEC))


@syscall("timerfd_settime")
def sys_timerfd_settime(
    task: Task, fd: I32, flags: I32, new: UserIn[Itimerspec], old: UserOut[Itimerspec] | None
) -> int:
    """timerfd_settime(2)."""
    wanted = new.get()
    if flags & ~SETTIME_FLAGS:
        raise SysError(EINVAL)
    value = checked_ns(wanted.value_sec, wanted.value_nsec)
    interval = checked_ns(wanted.interval_sec, wanted.interval_nsec)
    file = timerfd.timerfd_file(task, fd)
    if flags & timerfd.TFD_TIMER_ABSTIME and value:
        value = timens_ktime_to_host(task, file.clock_id, value) or 1
    before = file.settime(value, interval, flags)
    if old is not None:
        old.put(ns_to_itimerspec(*before))
    return 0


@syscall("timerfd_gettime")
def sys_timerfd_gettime(task: Task, fd: I32, value: UserOut[Itimerspec]) -> int:
    """timerfd_gettime(2)."""
    value.put(ns_to_itimerspec(*timerfd.timerfd_file(task, fd).gettime()))
    return 0
