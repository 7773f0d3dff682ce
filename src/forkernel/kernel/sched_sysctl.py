"""Settings of the scheduler in /proc/sys/kernel (proc_sys_kernel(5), sched(7)). None can be changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.fs.proc.proc_sysctl import Sysctl
from forkernel.kernel.sched import RR_SLICE_NS

if TYPE_CHECKING:
    from forkernel.kernel.system import System


def get_autogroup_enabled(system: System) -> int:
    """Sessions are no parties of their own (see kernel/autogroup.py)."""
    return 0


def get_rr_timeslice(system: System) -> int:
    """Milliseconds of a SCHED_RR slice."""
    return RR_SLICE_NS // 1_000_000


def get_rt_runtime(system: System) -> int:
    """Real-time tasks may have the CPU as long as they want."""
    return -1


SCHED_SYSCTLS: list[Sysctl] = [
    Sysctl(b"kernel/sched_autogroup_enabled", 0o444, get_autogroup_enabled),
    Sysctl(b"kernel/sched_rr_timeslice_ms", 0o444, get_rr_timeslice),
    Sysctl(b"kernel/sched_rt_runtime_us", 0o444, get_rt_runtime),
]
"""The settings, by path below /proc/sys."""
