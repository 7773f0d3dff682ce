"""Scheduling calls: sched_*, getpriority, setpriority, ioprio_*, getcpu."""

from __future__ import annotations

from forkernel.abi.errno import E2BIG, EINVAL
from forkernel.abi.sched import (
    RR_TIMESLICE,
    SCHED_ATTR_SIZE_VER0,
    SCHED_ATTR_SIZE_VER1,
    SCHED_FIFO,
    SCHED_FLAG_UTIL_CLAMP_MAX,
    SCHED_FLAG_UTIL_CLAMP_MIN,
    SCHED_RESET_ON_FORK,
    SCHED_RR,
    SchedAttr,
    SchedParam,
)
from forkernel.abi.time import Timespec
from forkernel.abi.types import I32, U32, U64
from forkernel.errors import SysError
from forkernel.kernel import sched_params
from forkernel.kernel.posix_clock import ns_to_timespec
from forkernel.kernel.rtmutex import normal_sched
from forkernel.kernel.sched import SLICE_NS
from forkernel.kernel.sched_params import find_process_by_pid
from forkernel.kernel.task import Task
from forkernel.mm.uaccess import UserBuf, UserIn, UserOut
from forkernel.syscalls.registry import syscall

PAGE_SIZE = 4096
CPUMASK_BYTES = 8


def _target(task: Task, pid: int) -> Task:
    """The thread a sched_* call is about; EINVAL for a negative PID, ESRCH."""
    if pid < 0:
        raise SysError(EINVAL)
    return find_process_by_pid(task, pid)


@syscall("sched_yield")
def sys_sched_yield(task: Task) -> int:
    """sched_yield(2)."""
    task.system.sched.yield_task()
    return 0


# --- policy and priority


@syscall("sched_setscheduler", caveat="no SCHED_DEADLINE, no SCHED_EXT")
def sys_sched_setscheduler(task: Task, pid: I32, policy: I32, param: UserIn[SchedParam] | None) -> int:
    """sched_setscheduler(2)."""
    if policy < 0 or pid < 0 or param is None:
        raise SysError(EINVAL)
    priority = param.get().sched_priority
    sched_params.sched_setscheduler(task, find_process_by_pid(task, pid), policy, priority)
    return 0


@syscall("sched_setparam")
def sys_sched_setparam(task: Task, pid: I32, param: UserIn[SchedParam] | None) -> int:
    """sched_setparam(2)."""
    if pid < 0 or param is None:
        raise SysError(EINVAL)
    priority = param.get().sched_priority
    sched_params.sched_setparam(task, find_process_by_pid(task, pid), priority)
    return 0


@syscall("sched_getscheduler")
def sys_sched_getscheduler(task: Task, pid: I32) -> int:
    """sched_getscheduler(2)."""
    target = _target(task, pid)
    return normal_sched(target)[0] | (SCHED_RESET_ON_FORK if target.se.reset_on_fork else 0)


@syscall("sched_getparam")
def sys_sched_getparam(task: Task, pid: I32, param: UserOut[SchedParam] | None) -> int:
    """sched_getparam(2)."""
    if param is None:
        raise SysError(EINVAL)
    param.put(SchedParam(normal_sched(_target(task, pid))[1]))
    return 0


@syscall("sched_setattr", caveat="no SCHED_DEADLINE, no SCHED_EXT, no utilization clamps")
def sys_sched_setattr(task: Task, pid: I32, attr: UserBuf | None, flags: U32) -> int:
    """sched_setattr(2)."""
    if attr is None or pid < 0 or flags:
        raise SysError(EINVAL)
    wanted = _copy_attr(attr)
    if wanted.policy >= 1 << 31:
        raise SysError(EINVAL)
    sched_params.sched_setattr(task, find_process_by_pid(task, pid), wanted)
    return 0


def _copy_attr(attr: UserBuf) -> SchedAttr:
    """A struct sched_attr of any version: E2BIG, with our size written back, if it asks for more than we know."""
    size = int.from_bytes(attr.read(4), "little") or SCHED_ATTR_SIZE_VER0
    known = SCHED_ATTR_SIZE_VER1
    if SCHED_ATTR_SIZE_VER0 <= size <= PAGE_SIZE:
        data = attr.read(size)
        if not any(data[known:]):
            wanted = SchedAttr.unpack(data[:known].ljust(known, b"\0"))
            clamps = SCHED_FLAG_UTIL_CLAMP_MIN | SCHED_FLAG_UTIL_CLAMP_MAX
            if wanted.flags & clamps and size < SCHED_ATTR_SIZE_VER1:
                raise SysError(EINVAL)
            return wanted
    attr.write(known.to_bytes(4, "little"))
    raise SysError(E2BIG)


@syscall("sched_getattr")
def sys_sched_getattr(task: Task, pid: I32, attr: UserBuf | None, size: U32, flags: U32) -> int:
    """sched_getattr(2)."""
    if attr is None or pid < 0 or flags or not SCHED_ATTR_SIZE_VER0 <= size <= PAGE_SIZE:
        raise SysError(EINVAL)
    result = sched_params.sched_getattr(find_process_by_pid(task, pid))
    result.size = min(size, SCHED_ATTR_SIZE_VER1)
    attr.write(result.pack()[: result.size].ljust(size, b"\0"))
    return 0


@syscall("sched_get_priority_max")
def sys_sched_get_priority_max(task: Task, policy: I32) -> int:
    """sched_get_priority_max(2)."""
    return sched_params.priority_range(policy)[1]


@syscall("sched_get_priority_min")
def sys_sched_get_priority_min(task: Task, policy: I32) -> int:
    """sched_get_priority_min(2)."""
    return sched_params.priority_range(policy)[0]


@syscall("sched_rr_get_interval")
def sys_sched_rr_get_interval(task: Task, pid: I32, interval: UserOut[Timespec]) -> int:
    """sched_rr_get_interval(2): 0 for SCHED_FIFO, which has no slices."""
    policy = normal_sched(_target(task, pid))[0]
    span = {SCHED_FIFO: 0, SCHED_RR: RR_TIMESLICE}.get(policy, SLICE_NS)
    interval.put(ns_to_timespec(span))
    return 0


# --- CPUs


@syscall("sched_setaffinity")
def sys_sched_setaffinity(task: Task, pid: I32, size: U32, mask: UserBuf) -> int:
    """sched_setaffinity(2)."""
    bits = int.from_bytes(mask.read(min(size, CPUMASK_BYTES)), "little")
    sched_params.sched_setaffinity(task, find_process_by_pid(task, pid), bits)
    return 0


@syscall("sched_getaffinity")
def sys_sched_getaffinity(task: Task, pid: I32, size: U32, mask: UserBuf) -> int:
    """sched_getaffinity(2): returns the size of the kernel's CPU set in bytes."""
    if size % CPUMASK_BYTES or not size:
        raise SysError(EINVAL)
    target = find_process_by_pid(task, pid)
    mask.write(target.se.cpus_mask.to_bytes(CPUMASK_BYTES, "little"))
    return CPUMASK_BYTES


@syscall("getcpu")
def sys_getcpu(task: Task, cpu: UserOut[U32] | None, node: UserOut[U32] | None, unused: U64) -> int:
    """getcpu(2)."""
    if cpu is not None:
        cpu.put(task.se.cpu)
    if node is not None:
        node.put(0)
    return 0


# --- nice values and I/O priorities


@syscall("getpriority")
def sys_getpriority(task: Task, which: I32, who: I32) -> int:
    """getpriority(2): the call's result is 20 minus the nice value."""
    return sched_params.getpriority(task, which, who)


@syscall("setpriority")
def sys_setpriority(task: Task, which: I32, who: I32, nice: I32) -> int:
    """setpriority(2)."""
    sched_params.setpriority(task, which, who, nice)
    return 0


@syscall("ioprio_set", caveat="stored, but there is no I/O scheduler")
def sys_ioprio_set(task: Task, which: I32, who: I32, ioprio: I32) -> int:
    """ioprio_set(2)."""
    sched_params.ioprio_set(task, which, who, ioprio)
    return 0


@syscall("ioprio_get")
def sys_ioprio_get(task: Task, which: I32, who: I32) -> int:
    """ioprio_get(2)."""
    return sched_params.ioprio_get(task, which, who)
