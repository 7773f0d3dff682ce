"""Resource limits and usage: the numbers and structs of getrlimit(2) and getrusage(2)."""

from __future__ import annotations

from forkernel.abi.types import I64, U64, CStruct

RLIMIT_CPU = 0
RLIMIT_FSIZE = 1
RLIMIT_DATA = 2
RLIMIT_STACK = 3
RLIMIT_CORE = 4
RLIMIT_RSS = 5
RLIMIT_NPROC = 6
RLIMIT_NOFILE = 7
RLIMIT_MEMLOCK = 8
RLIMIT_AS = 9
RLIMIT_LOCKS = 10
RLIMIT_SIGPENDING = 11
RLIMIT_MSGQUEUE = 12
RLIMIT_NICE = 13
RLIMIT_RTPRIO = 14
RLIMIT_RTTIME = 15
RLIM_NLIMITS = 16
RLIM_INFINITY = (1 << 64) - 1

RLIMIT_NAMES: tuple[str, ...] = (
    "RLIMIT_CPU",
    "RLIMIT_FSIZE",
    "RLIMIT_DATA",
    "RLIMIT_STACK",
    "RLIMIT_CORE",
    "RLIMIT_RSS",
    "RLIMIT_NPROC",
    "RLIMIT_NOFILE",
    "RLIMIT_MEMLOCK",
    "RLIMIT_AS",
    "RLIMIT_LOCKS",
    "RLIMIT_SIGPENDING",
    "RLIMIT_MSGQUEUE",
    "RLIMIT_NICE",
    "RLIMIT_RTPRIO",
    "RLIMIT_RTTIME",
)

RUSAGE_SELF = 0
RUSAGE_CHILDREN = -1
RUSAGE_BOTH = -2
"""The process and its waited-for children together: for acct(5) and the kernel's own use, not a program's."""
RUSAGE_THREAD = 1


class RLimit(CStruct):
    """struct rlimit64 (struct rlimit is the same on 64-bit machines)."""

    rlim_cur: U64
    rlim_max: U64


class RUsage(CStruct):
    """struct rusage, its two timevals written out; ru_maxrss is in kilobytes."""

    utime_sec: I64
    utime_usec: I64
    stime_sec: I64
    stime_usec: I64
    ru_maxrss: I64
    ru_ixrss: I64
    ru_idrss: I64
    ru_isrss: I64
    ru_minflt: I64
    ru_majflt: I64
    ru_nswap: I64
    ru_inblock: I64
    ru_oublock: I64
    ru_msgsnd: I64
    ru_msgrcv: I64
    ru_nsignals: I64
    ru_nvcsw: I64
    ru_nivcsw: I64
