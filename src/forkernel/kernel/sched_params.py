"""Changing how a task is scheduled: policy, priority, nice value, CPU set, I/O priority (sched(7)).

These functions check what may be asked and by whom, store it in the task and tell the scheduler
(`Scheduler.set_params`). Linux: kernel/sched/syscalls.c, kernel/sys.c (set_one_prio), block/ioprio.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from forkernel.abi.capability import CAP_SYS_ADMIN, CAP_SYS_NICE
from forkernel.abi.errno import EACCES, EINVAL, EOPNOTSUPP, EPERM, ESRCH
from forkernel.abi.resource import RLIMIT_NICE, RLIMIT_RTPRIO
from forkernel.abi.sched import (
    IOPRIO_CLASS_BE,
    IOPRIO_CLASS_IDLE,
    IOPRIO_CLASS_MASK,
    IOPRIO_CLASS_NONE,
    IOPRIO_CLASS_RT,
    IOPRIO_CLASS_SHIFT,
    IOPRIO_NR_LEVELS,
    MAX_NICE,
    MAX_RT_PRIO,
    MIN_NICE,
    PRIO_PGRP,
    PRIO_PROCESS,
    PRIO_USER,
    SCHED_BATCH,
    SCHED_DEADLINE,
    SCHED_FIFO,
    SCHED_FLAG_ALL,
    SCHED_FLAG_KEEP_PARAMS,
    SCHED_FLAG_KEEP_POLICY,
    SCHED_FLAG_RESET_ON_FORK,
    SCHED_FLAG_UTIL_CLAMP_MAX,
    SCHED_FLAG_UTIL_CLAMP_MIN,
    SCHED_IDLE,
    SCHED_NORMAL,
    SCHED_RESET_ON_FORK,
    SCHED_RR,
    SchedAttr,
)
from forkernel.errors import SysError
from forkernel.kernel.cred import capable, ns_capable
from forkernel.kernel.pid import PIDTYPE_PGID, find_task_by_vpid, find_vpid
from forkernel.kernel.rtmutex import normal_sched, set_normal_sched
from forkernel.kernel.task import IoContext

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

FAIR_POLICIES = (SCHED_NORMAL, SCHED_BATCH, SCHED_IDLE)
RT_POLICIES = (SCHED_FIFO, SCHED_RR)


class Wanted(NamedTuple):
    """What a task is to be scheduled by from now on."""

    policy: int
    nice: int
    priority: int
    reset_on_fork: bool
    clamps: bool = False
    """Utilization clamps are asked for too, which are not there."""


def find_process_by_pid(task: Task, pid: int) -> Task:
    """The thread of this TID, 0 for the caller; ESRCH."""
    found = find_task_by_vpid(task, pid) if pid else task
    if found is None:
        raise SysError(ESRCH)
    return found


def check_same_owner(task: Task, target: Task) -> bool:
    """Whether the caller's effective user is the target's real or effective one."""
    return task.cred.euid in (target.cred.euid, target.cred.uid)


def can_nice(task: Task, target: Task, nice: int) -> bool:
    """Whether RLIMIT_NICE of the target or CAP_SYS_NICE allows this nice value."""
    limit: int = target.signal.rlim[RLIMIT_NICE][0]
    return 20 - nice <= limit or capable(task, CAP_SYS_NICE)


# --- policy and priority


def sched_setscheduler(task: Task, target: Task, policy: int, priority: int) -> None:
    """Set policy, with SCHED_RESET_ON_FORK in it if wanted, and priority (sched_setscheduler(2)). EINVAL, EPERM."""
    reset = bool(policy & SCHED_RESET_ON_FORK)
    change_scheduling(task, target, Wanted(policy & ~SCHED_RESET_ON_FORK, target.se.nice, priority, reset))


def sched_setparam(task: Task, target: Task, priority: int) -> None:
    """Set (sched_setparam(2)) a new priority within the same policy. EINVAL, EPERM."""
    se = target.se
    change_scheduling(task, target, Wanted(normal_sched(target)[0], se.nice, priority, se.reset_on_fork))


def sched_setattr(task: Task, target: Task, attr: SchedAttr) -> None:
    """Set all there is (sched_setattr(2)), without SCHED_DEADLINE and utilization clamps. EINVAL, EPERM, EOPNOTSUPP."""
    se = target.se
    if attr.flags & ~SCHED_FLAG_ALL:
        raise SysError(EINVAL)
    policy, reset = attr.policy, bool(attr.flags & SCHED_FLAG_RESET_ON_FORK)
    if attr.flags & SCHED_FLAG_KEEP_POLICY:
        policy, reset = normal_sched(target)[0], se.reset_on_fork
    nice, priority = min(max(attr.nice, MIN_NICE), MAX_NICE), attr.priority
    if attr.flags & SCHED_FLAG_KEEP_PARAMS:
        nice, priority = se.nice, normal_sched(target)[1]
    clamps = bool(attr.flags & (SCHED_FLAG_UTIL_CLAMP_MIN | SCHED_FLAG_UTIL_CLAMP_MAX))
    change_scheduling(task, target, Wanted(policy, nice, priority, reset, clamps))


def sched_getattr(target: Task) -> SchedAttr:
    """Policy, nice value and priority (sched_getattr(2)) of a task; `size` is the caller's to set."""
    se = target.se
    flags = SCHED_FLAG_RESET_ON_FORK if se.reset_on_fork else 0
    policy, priority = normal_sched(target)
    if policy in RT_POLICIES:
        return SchedAttr(policy=policy, flags=flags, priority=priority)
    return SchedAttr(policy=policy, flags=flags, nice=se.nice)


def change_scheduling(task: Task, target: Task, wanted: Wanted) -> None:
    """Check and apply (Linux: __sched_setscheduler). A real-time task keeps its nice value for later."""
    is_rt = wanted.policy in RT_POLICIES
    if wanted.policy not in FAIR_POLICIES and not is_rt:
        raise SysError(EINVAL)
    if wanted.priority > MAX_RT_PRIO - 1 or wanted.priority < 0 or is_rt != (wanted.priority != 0):
        raise SysError(EINVAL)
    if not may_change(task, target, wanted) and not capable(task, CAP_SYS_NICE):
        raise SysError(EPERM)
    if wanted.clamps:
        raise SysError(EOPNOTSUPP)
    se = target.se
    se.reset_on_fork = wanted.reset_on_fork
    if not is_rt:
        se.nice = wanted.nice
    set_normal_sched(target, wanted.policy, wanted.priority)
    task.system.sched.set_params(target)


def may_change(task: Task, target: Task, wanted: Wanted) -> bool:
    """Whether the change needs no privilege (Linux: user_check_sched_setscheduler)."""
    se = target.se
    policy, priority = normal_sched(target)
    if wanted.policy in RT_POLICIES:
        limit = target.signal.rlim[RLIMIT_RTPRIO][0]
        if wanted.policy != policy and not limit:
            return False
        if wanted.priority > priority and wanted.priority > limit:
            return False
    elif wanted.nice < se.nice and not can_nice(task, target, wanted.nice):
        return False
    if policy == SCHED_IDLE and wanted.policy != SCHED_IDLE and not can_nice(task, target, se.nice):
        return False
    if not check_same_owner(task, target):
        return False
    return wanted.reset_on_fork or not se.reset_on_fork


def priority_range(policy: int) -> tuple[int, int]:
    """Lowest and highest static priority of a policy; EINVAL."""
    if policy in RT_POLICIES:
        return 1, MAX_RT_PRIO - 1
    if policy in FAIR_POLICIES or policy == SCHED_DEADLINE:
        return 0, 0
    raise SysError(EINVAL)


def sched_setaffinity(task: Task, target: Task, mask: int) -> None:
    """Restrict a task to a set of CPUs. EPERM; EINVAL if none of them is there."""
    if not check_same_owner(task, target) and not ns_capable(task, target.cred.user_ns, CAP_SYS_NICE):
        raise SysError(EPERM)
    system = task.system
    mask &= (1 << len(system.run_queues)) - 1
    if not mask:
        raise SysError(EINVAL)
    system.sched.set_cpus_allowed(target, mask)


# --- nice values


def set_user_nice(target: Task, nice: int) -> None:
    """Store a nice value and tell the scheduler."""
    target.se.nice = nice
    target.system.sched.set_params(target)


def tasks_of(task: Task, which: int, who: int) -> list[Task]:
    """The threads that getpriority and setpriority speak of; EINVAL for an unknown `which`."""
    system = task.system
    if which == PRIO_PROCESS:
        found = find_task_by_vpid(task, who) if who else task
        return [found] if found is not None else []
    if which == PRIO_PGRP:
        pgrp = find_vpid(task, who) if who else task.signal.pgrp
        leaders = pgrp.users(PIDTYPE_PGID) if pgrp is not None else []
        return [thread for leader in leaders for thread in leader.signal.threads]
    if which == PRIO_USER:
        uid = task.cred.user_ns.make_kuid(who) if who else task.cred.uid
        return [other for other in system.all_tasks() if other.cred.uid == uid]
    raise SysError(EINVAL)


def getpriority(task: Task, which: int, who: int) -> int:
    """20 minus the lowest nice value among the tasks meant, so from 1 to 40. EINVAL, ESRCH."""
    found = tasks_of(task, which, who)
    if not found:
        raise SysError(ESRCH)
    return 20 - min(other.se.nice for other in found)


def setpriority(task: Task, which: int, who: int, nice: int) -> None:
    """Set the nice value of all tasks meant; the error of the last one refused, ESRCH if there were none."""
    nice = min(max(nice, MIN_NICE), MAX_NICE)
    error = ESRCH
    for target in tasks_of(task, which, who):
        try:
            set_one_prio(task, target, nice)
            error = 0 if error == ESRCH else error
        except SysError as refused:
            error = refused.errno
    if error:
        raise SysError(error)


def set_one_prio(task: Task, target: Task, nice: int) -> None:
    """EPERM for another user's task, EACCES for a nice value below the present one without permission."""
    cred = target.cred
    if task.cred.euid not in (cred.uid, cred.euid) and not ns_capable(task, cred.user_ns, CAP_SYS_NICE):
        raise SysError(EPERM)
    if nice < target.se.nice and not can_nice(task, target, nice):
        raise SysError(EACCES)
    set_user_nice(target, nice)


# --- I/O priority, stored and told, with no I/O scheduler to heed it


def ioprio_check_cap(task: Task, ioprio: int) -> None:
    """Whether the class may be asked for; EINVAL, EPERM for the real-time class (ioprio_set(2))."""
    kind = ioprio >> IOPRIO_CLASS_SHIFT & IOPRIO_CLASS_MASK
    if kind == IOPRIO_CLASS_RT:
        if not capable(task, CAP_SYS_ADMIN) and not capable(task, CAP_SYS_NICE):
            raise SysError(EPERM)
    elif kind == IOPRIO_CLASS_NONE:
        if ioprio % IOPRIO_NR_LEVELS:
            raise SysError(EINVAL)
    elif kind not in (IOPRIO_CLASS_BE, IOPRIO_CLASS_IDLE):
        raise SysError(EINVAL)


def ioprio_set(task: Task, which: int, who: int, ioprio: int) -> None:
    """Set the I/O priority of all tasks meant (ioprio_set(2)). EINVAL, EPERM, ESRCH."""
    ioprio_check_cap(task, ioprio)
    ioprio &= 0xFFFF
    found = tasks_of(task, which - 1, who)
    if not found:
        raise SysError(ESRCH)
    for target in found:
        if target.cred.uid not in (task.cred.euid, task.cred.uid) and not capable(task, CAP_SYS_NICE):
            raise SysError(EPERM)
        if target.io_context is None:
            target.io_context = IoContext(ioprio)
        else:
            target.io_context.ioprio = ioprio


def ioprio_get(task: Task, which: int, who: int) -> int:
    """The best I/O priority among the tasks meant, 0 where none was set. EINVAL, ESRCH."""
    found = tasks_of(task, which - 1, who)
    if not found:
        raise SysError(ESRCH)
    return min(0 if other.io_context is None else other.io_context.ioprio for other in found)
