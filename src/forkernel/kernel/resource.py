"""Resource limits and usage: what a process may use (prlimit(2)) and what it has used (getrusage(2)).

Limits are pairs (soft, hard) in `signal.rlim`, shared by the threads of a process and copied to children.
Whoever hands out the resource checks the soft one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.capability import CAP_SYS_RESOURCE
from forkernel.abi.errno import EINVAL, EPERM
from forkernel.abi.resource import (
    RLIM_INFINITY,
    RLIM_NLIMITS,
    RLIMIT_CORE,
    RLIMIT_CPU,
    RLIMIT_MEMLOCK,
    RLIMIT_MSGQUEUE,
    RLIMIT_NICE,
    RLIMIT_NOFILE,
    RLIMIT_NPROC,
    RLIMIT_RTPRIO,
    RLIMIT_RTTIME,
    RLIMIT_SIGPENDING,
    RLIMIT_STACK,
    RUSAGE_CHILDREN,
    RUSAGE_SELF,
    RUSAGE_THREAD,
    RUsage,
)
from forkernel.errors import SysError
from forkernel.kernel.cputime import thread_group_cputime
from forkernel.kernel.cred import capable, ns_capable
from forkernel.kernel.posix_cpu_timers import update_rlimit_cpu, update_rlimit_rttime

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

KB_PER_PAGE = 4

INIT_RLIMITS: tuple[tuple[int, int], ...] = tuple(
    {
        RLIMIT_STACK: (8 << 20, RLIM_INFINITY),
        RLIMIT_CORE: (0, RLIM_INFINITY),
        RLIMIT_NPROC: (0, 0),
        RLIMIT_NOFILE: (1024, 4096),
        RLIMIT_MEMLOCK: (8 << 20, 8 << 20),
        RLIMIT_SIGPENDING: (0, 0),
        RLIMIT_MSGQUEUE: (819200, 819200),
        RLIMIT_NICE: (0, 0),
        RLIMIT_RTPRIO: (0, 0),
    }.get(resource, (RLIM_INFINITY, RLIM_INFINITY))
    for resource in range(RLIM_NLIMITS)
)
"""The limits of process 0, from which all others inherit; `init_rlimits` fills in what depends on the machine."""


def init_rlimits(threads_max: int) -> list[tuple[int, int]]:
    """Limits at boot: half of threads-max processes and queued signals for each user (Linux: fork_init)."""
    rlim = list(INIT_RLIMITS)
    rlim[RLIMIT_NPROC] = rlim[RLIMIT_SIGPENDING] = (threads_max // 2, threads_max // 2)
    return rlim


def check_prlimit_permission(current: Task, target: Task) -> None:
    """EPERM unless `target` is the caller, has all the caller's IDs, or CAP_SYS_RESOURCE is there (prlimit(2))."""
    cred, other = current.cred, target.cred
    if target is current:
        return
    same_user = cred.uid == other.euid == other.suid == other.uid
    same_group = cred.gid == other.egid == other.sgid == other.gid
    if not (same_user and same_group) and not ns_capable(current, other.user_ns, CAP_SYS_RESOURCE):
        raise SysError(EPERM)


def do_prlimit(current: Task, target: Task, resource: int, new: tuple[int, int] | None) -> tuple[int, int]:
    """Read, and if `new` is given set, a limit of `target`; returns the old one.

    EINVAL for an unknown resource or a soft limit above the hard one, EPERM for raising the hard limit
    without CAP_SYS_RESOURCE or a descriptor limit above fs.nr_open.
    """
    if not 0 <= resource < RLIM_NLIMITS:
        raise SysError(EINVAL)
    old = target.signal.rlim[resource]
    if new is not None:
        soft, hard = new
        if soft > hard:
            raise SysError(EINVAL)
        if resource == RLIMIT_NOFILE and hard > current.system.files_stat.nr_open:
            raise SysError(EPERM)
        if hard > old[1] and not capable(current, CAP_SYS_RESOURCE):
            raise SysError(EPERM)
        target.signal.set_rlimit(resource, (soft, hard))
        if resource == RLIMIT_CPU:
            update_rlimit_cpu(target.signal)
        elif resource == RLIMIT_RTTIME:
            update_rlimit_rttime(target.signal)
    return old


def getrusage(task: Task, who: int) -> RUsage:
    """What the process, its children waited for, or the thread have used; EINVAL."""
    if who == RUSAGE_SELF:
        return _rusage_self(task)
    if who == RUSAGE_CHILDREN:
        return _rusage_children(task)
    if who == RUSAGE_THREAD:
        return _rusage_thread(task)
    raise SysError(EINVAL)


def make_rusage(utime: int, stime: int, maxrss: int) -> RUsage:
    """A struct rusage with these times (nanoseconds) and this largest resident set (pages)."""
    usage = RUsage()
    usage.utime_sec, usage.utime_usec = divmod(utime // 1000, 1_000_000)
    usage.stime_sec, usage.stime_usec = divmod(stime // 1000, 1_000_000)
    usage.ru_maxrss = maxrss * KB_PER_PAGE
    return usage


def _peak(task: Task) -> int:
    """The largest resident set of the process's present and former memory, in pages."""
    return max(task.signal.maxrss, task.mm.update_hiwater() if task.mm is not None else 0)


def _rusage_self(task: Task) -> RUsage:
    group = task.signal
    usage = make_rusage(*thread_group_cputime(group), _peak(task))
    usage.ru_minflt, usage.ru_majflt = group.min_flt, group.maj_flt
    usage.ru_nvcsw, usage.ru_nivcsw = group.nvcsw, group.nivcsw
    for thread in group.threads:
        usage.ru_minflt += thread.min_flt
        usage.ru_majflt += thread.maj_flt
        usage.ru_nvcsw += thread.nvcsw
        usage.ru_nivcsw += thread.nivcsw
    return usage


def _rusage_children(task: Task) -> RUsage:
    group = task.signal
    usage = make_rusage(group.cutime, group.cstime, group.cmaxrss)
    usage.ru_minflt, usage.ru_majflt = group.cmin_flt, group.cmaj_flt
    usage.ru_nvcsw, usage.ru_nivcsw = group.cnvcsw, group.cnivcsw
    return usage


def _rusage_thread(task: Task) -> RUsage:
    usage = make_rusage(task.utime, task.stime, _peak(task))
    usage.ru_minflt, usage.ru_majflt = task.min_flt, task.maj_flt
    usage.ru_nvcsw, usage.ru_nivcsw = task.nvcsw, task.nivcsw
    return usage
