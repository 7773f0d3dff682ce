"""/proc/PID/sched: what the scheduler keeps of a thread (Linux: kernel/sched/debug.c, proc_sched_show_task)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

NSEC_PER_MSEC = 1_000_000
WEIGHT_SHIFT = 10
"""Weights are shown with so many bits of fraction (Linux: scale_load)."""
MAX_RT_PRIO, DEFAULT_PRIO = 100, 120
RULER = "-" * 67


def proc_sched_show(inode: Any, reader: Task) -> bytes:
    """Times in milliseconds, counts of switches and migrations, weight, policy and priority."""
    task = inode.get_task()
    se = task.se
    is_rt = se.policy in (1, 2)
    number = task.thread_pid.nr_ns(inode.sb.pid_ns)
    lines = [f"{task.comm.decode('latin-1')} ({number}, #threads: {len(task.signal.threads)})", RULER]
    times = (
        ("se.exec_start", se.exec_start),
        ("se.vruntime", se.vruntime),
        ("se.sum_exec_runtime", se.sum_exec_runtime),
    )
    lines += [f"{name:<45}:{value // NSEC_PER_MSEC:14d}.{value % NSEC_PER_MSEC:06d}" for name, value in times]
    numbers = (
        ("se.nr_migrations", se.nr_migrations),
        ("nr_switches", task.nvcsw + task.nivcsw),
        ("nr_voluntary_switches", task.nvcsw),
        ("nr_involuntary_switches", task.nivcsw),
        ("se.load.weight", inode.sb.kernel.sched_weight(task) << WEIGHT_SHIFT),
        ("policy", inode.sb.kernel.normal_sched(task)[0]),
        ("prio", MAX_RT_PRIO - 1 - se.rt_priority if is_rt else DEFAULT_PRIO + se.nice),
    )
    lines += [f"{name:<45}:{value:21d}" for name, value in numbers]
    return "\n".join(lines).encode("latin-1") + b"\n"


def proc_sched_store(inode: Any, writer: Task, data: bytes) -> None:
    """Whatever is written resets the statistics of CONFIG_SCHEDSTATS, of which this kernel keeps none."""
    inode.get_task()
