"""Scheduling as programs see it: policies, flags and limits of sched(7), ioprio_set(2), membarrier(2), rseq(2)."""

from __future__ import annotations

from forkernel.abi.types import I32, U32, U64, CStruct

SCHED_NORMAL = 0
SCHED_OTHER = SCHED_NORMAL
SCHED_FIFO = 1
SCHED_RR = 2
SCHED_BATCH = 3
SCHED_IDLE = 5
SCHED_DEADLINE = 6
SCHED_EXT = 7
SCHED_RESET_ON_FORK = 0x40000000

SCHED_POLICY_NAMES: dict[int, str] = {
    0: "SCHED_OTHER",
    1: "SCHED_FIFO",
    2: "SCHED_RR",
    3: "SCHED_BATCH",
    5: "SCHED_IDLE",
    6: "SCHED_DEADLINE",
    7: "SCHED_EXT",
}

SCHED_FLAG_RESET_ON_FORK = 0x01
SCHED_FLAG_RECLAIM = 0x02
SCHED_FLAG_DL_OVERRUN = 0x04
SCHED_FLAG_KEEP_POLICY = 0x08
SCHED_FLAG_KEEP_PARAMS = 0x10
SCHED_FLAG_UTIL_CLAMP_MIN = 0x20
SCHED_FLAG_UTIL_CLAMP_MAX = 0x40
SCHED_FLAG_ALL = 0x7F
SCHED_ATTR_SIZE_VER0 = 48
SCHED_ATTR_SIZE_VER1 = 56

MAX_RT_PRIO = 100
MIN_NICE = -20
MAX_NICE = 19
RR_TIMESLICE = 100_000_000
"""Quantum of SCHED_RR, nanoseconds (/proc/sys/kernel/sched_rr_timeslice_ms)."""

PRIO_PROCESS = 0
PRIO_PGRP = 1
PRIO_USER = 2

# ioprio: class << 13 | hint << 3 | level
IOPRIO_CLASS_SHIFT = 13
IOPRIO_CLASS_NONE = 0
IOPRIO_CLASS_RT = 1
IOPRIO_CLASS_BE = 2
IOPRIO_CLASS_IDLE = 3
IOPRIO_NR_LEVELS = 8
IOPRIO_DEFAULT = IOPRIO_CLASS_BE << IOPRIO_CLASS_SHIFT | 4
IOPRIO_WHO_PROCESS = 1
IOPRIO_WHO_PGRP = 2
IOPRIO_WHO_USER = 3

# membarrier(2) commands
MEMBARRIER_CMD_QUERY = 0
MEMBARRIER_CMD_GLOBAL = 1 << 0
MEMBARRIER_CMD_GLOBAL_EXPEDITED = 1 << 1
MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED = 1 << 2
MEMBARRIER_CMD_PRIVATE_EXPEDITED = 1 << 3
MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED = 1 << 4
MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE = 1 << 5
MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE = 1 << 6
MEMBARRIER_CMD_GET_REGISTRATIONS = 1 << 9

# rseq(2)
RSEQ_FLAG_UNREGISTER = 1
ORIG_RSEQ_SIZE = 32
RSEQ_CPU_ID_UNINITIALIZED = 0xFFFFFFFF


class SchedParam(CStruct):
    """struct sched_param."""

    sched_priority: I32


class SchedAttr(CStruct):
    """struct sched_attr, version 1 (version 0 ends before `util_min`)."""

    size: U32
    policy: U32
    flags: U64
    nice: I32
    priority: U32
    runtime: U64
    deadline: U64
    period: U64
    util_min: U32
    util_max: U32
