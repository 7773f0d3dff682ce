"""getrlimit, setrlimit, prlimit64 and getrusage."""

from __future__ import annotations

from forkernel.abi.errno import ESRCH
from forkernel.abi.resource import RLimit, RUsage
from forkernel.abi.types import I32, U32
from forkernel.errors import SysError
from forkernel.kernel import resource as rlimits
from forkernel.kernel.pid import find_task_by_vpid
from forkernel.kernel.task import Task
from forkernel.mm.uaccess import UserIn, UserOut
from forkernel.syscalls.registry import syscall


@syscall("getrlimit")
def sys_getrlimit(task: Task, resource: U32, rlim: UserOut[RLimit]) -> int:
    """getrlimit(2)."""
    rlim.put(RLimit(*rlimits.do_prlimit(task, task, resource, None)))
    return 0


@syscall("setrlimit")
def sys_setrlimit(task: Task, resource: U32, rlim: UserIn[RLimit]) -> int:
    """setrlimit(2)."""
    new = rlim.get()
    rlimits.do_prlimit(task, task, resource, (new.rlim_cur, new.rlim_max))
    return 0


@syscall("prlimit64")
def sys_prlimit64(task: Task, pid: I32, resource: U32, new: UserIn[RLimit] | None, old: UserOut[RLimit] | None) -> int:
    """prlimit(2)."""
    wanted = new.get() if new is not None else None
    target = find_task_by_vpid(task, pid) if pid else task
    if target is None:
        raise SysError(ESRCH)
    rlimits.check_prlimit_permission(task, target)
    limits = (wanted.rlim_cur, wanted.rlim_max) if wanted is not None else None
    before = rlimits.do_prlimit(task, target, resource, limits)
    if old is not None:
        old.put(RLimit(*before))
    return 0


@syscall("getrusage")
def sys_getrusage(task: Task, who: I32, usage: UserOut[RUsage]) -> int:
    """getrusage(2)."""
    usage.put(rlimits.getrusage(task, who))
    return 0
