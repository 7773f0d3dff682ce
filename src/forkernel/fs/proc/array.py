"""stat, status and children of a process (Linux: fs/proc/array.c; proc(5))."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.resource import RLIMIT_RSS, RLIMIT_SIGPENDING
from forkernel.fs.proc import task_mmu

if TYPE_CHECKING:
    from forkernel.kernel.pid import Pid, PidNamespace
    from forkernel.kernel.task import Task
    from forkernel.namespace import UserNamespace

TICK_NS = 10_000_000
"""A tick of USER_HZ = 100."""

TASK_STATES = {
    0x00: "R (running)",
    0x01: "S (sleeping)",
    0x02: "D (disk sleep)",
    0x04: "T (stopped)",
    0x08: "t (tracing stop)",
    0x10: "X (dead)",
    0x20: "Z (zombie)",
}
SIG_DFL, SIG_IGN = 0, 1
MAX_RT_PRIO = 100


def get_task_state(task: Task) -> str:
    """The state in words, its letter first."""
    if task.exit_state:
        return TASK_STATES[0x20 if task.exit_state & 0x20 else 0x10]
    state = task.state & 0xFF
    for bit in (0x8, 0x4, 0x2, 0x1):
        if state & bit:
            return TASK_STATES[bit]
    return TASK_STATES[0x10] if state & 0x80 else TASK_STATES[0]


def _sum(task: Task, field: str, whole: bool) -> int:
    """A counter of a thread, or of its whole process with the threads already gone."""
    if not whole:
        return int(getattr(task, field))
    return int(getattr(task.signal, field)) + sum(int(getattr(thread, field)) for thread in task.signal.threads)


def task_prio(task: Task) -> int:
    """Priority as stat shows it: 0-39 for the fair class, below zero for real time."""
    se = task.se
    return -1 - se.rt_priority if se.policy in (1, 2) else 20 + se.nice


def ppid_of(task: Task, ns: PidNamespace) -> int:
    """Process ID of the parent; 0 for a task that is gone, and for those with no parent there."""
    return 0 if task.exit_state & 0x10 else task.real_parent.group_leader.thread_pid.nr_ns(ns)


def signal_sets(task: Task) -> tuple[int, int]:
    """Signals ignored and caught."""
    ignored = caught = 0
    for sig, action in task.sighand.action.items():
        if action.handler == SIG_IGN:
            ignored |= 1 << sig - 1
        elif action.handler != SIG_DFL:
            caught |= 1 << sig - 1
    return ignored, caught


def proc_tgid_stat(inode: Any, reader: Task) -> bytes:
    """/proc/PID/stat: figures of the whole process."""
    return do_task_stat(inode, reader, True)


def proc_tid_stat(inode: Any, reader: Task) -> bytes:
    """/proc/PID/task/TID/stat: figures of one thread."""
    return do_task_stat(inode, reader, False)


def do_task_stat(inode: Any, reader: Task, whole: bool) -> bytes:
    """One line of 52 fields; addresses are 0 for who may not look into the process."""
    task = inode.get_task()
    signal, mm = task.signal, task.mm
    permitted = inode.sb.kernel.ptrace_may_access(reader, task)
    ns = inode.sb.pid_ns
    tty_nr, tpgid = inode.sb.kernel.tty_of(task, ns)
    ignored, caught = signal_sets(task)
    mask = (1 << 31) - 1
    fields: list[Any] = [
        task.thread_pid.nr_ns(ns), f"({task.comm.decode('latin-1')})", get_task_state(task)[0], ppid_of(task, ns),
        signal.pgrp.nr_ns(ns), signal.session.nr_ns(ns), tty_nr, tpgid, task.flags,
        _sum(task, "min_flt", whole), signal.cmin_flt if whole else 0,
        _sum(task, "maj_flt", whole), signal.cmaj_flt if whole else 0,
        _sum(task, "utime", whole) // TICK_NS, _sum(task, "stime", whole) // TICK_NS,
        signal.cutime // TICK_NS, signal.cstime // TICK_NS, task_prio(task), task.se.nice, len(signal.threads), 0,
        (task.start_time + reader.nsproxy.time_ns.boottime) // TICK_NS,
    ]  # fmt: skip
    fields += [0, 0] if mm is None else [mm.total_vm * 4096, sum(inode.sb.kernel.rss_kinds(mm))]
    fields.append(signal.rlim[RLIMIT_RSS][0])
    fields += _addresses(mm, ("start_code", "end_code", "start_stack"), permitted, mm is not None)
    fields += inode.sb.kernel.kstk_esp_eip(task) if permitted else (0, 0)
    fields += [task.pending.bits & mask, task.blocked & mask, ignored & mask, caught & mask]
    fields += [0 if get_task_state(task)[0] == "R" else int(permitted and inode.sb.kernel.is_sleeping(task)), 0, 0]
    policy, rt_priority = inode.sb.kernel.normal_sched(task)
    fields += [task.exit_signal, task.se.cpu, rt_priority, policy, 0, 0, signal.cguest_time // TICK_NS]
    names = ("start_data", "end_data", "start_brk", "arg_start", "arg_end", "env_start", "env_end")
    fields += _addresses(mm, names, permitted, False)
    fields.append(task.exit_code if permitted else 0)
    return " ".join(str(field) for field in fields).encode("latin-1") + b"\n"


def _addresses(mm: Any, names: tuple[str, ...], permitted: bool, hidden_as_one: bool) -> list[int]:
    """Addresses of a process; hidden ones are 0, code addresses 1 (so that ps can tell user processes)."""
    if mm is None or not permitted:
        return [1 if hidden_as_one and name != "start_stack" else 0 for name in names]
    return [getattr(mm, name) for name in names]


def proc_tid_children(inode: Any, reader: Task) -> bytes:
    """Process IDs of the thread's children, oldest first, a blank after each."""
    ns = inode.sb.pid_ns
    children = [child for child in inode.get_task().children if not child.exit_state & 0x10]
    return b"".join(b"%d " % child.thread_pid.nr_ns(ns) for child in children)


def _escaped(comm: bytes) -> str:
    """A name with newline and backslash escaped, as status shows it."""
    return comm.replace(b"\\", b"\\\\").replace(b"\n", b"\\n").decode("latin-1")


def proc_pid_status(inode: Any, reader: Task) -> bytes:
    """/proc/PID/status."""
    task = inode.get_task()
    lines = [f"Name:\t{_escaped(task.comm)}"]
    if task.fs is not None:
        lines.append(f"Umask:\t{task.fs.umask:04o}")
    lines += _identity(task, inode.sb.pid_ns, reader.cred.user_ns)
    if task.mm is not None:
        lines += task_mmu.task_mem(inode.sb.kernel, task.mm)
        lines += ["CoreDumping:\t0", "THP_enabled:\t0", "untag_mask:\t0xffffffffffffffff"]
    lines += _signals(inode, task)
    lines += _capabilities(task)
    lines += _scheduling(task)
    return "\n".join(lines).encode("latin-1") + b"\n"


def _identity(task: Task, ns: PidNamespace, user_ns: UserNamespace) -> list[str]:
    """Names and numbers; users and groups as the reader's user namespace calls them."""
    cred, signal = task.cred, task.signal
    uid, gid = user_ns.from_kuid_munged, user_ns.from_kgid_munged
    fds = 0 if task.files is None else max(256, _round_up(max(task.files.fds, default=-1) + 1, 64))
    groups = "".join(f"{gid(group)} " for group in cred.groups)
    pid, tgid = task.thread_pid, task.group_leader.thread_pid
    leader = 0 if task.exit_state & 0x10 else tgid.nr_ns(ns)
    return [
        f"State:\t{get_task_state(task)}", f"Tgid:\t{leader}", "Ngid:\t0",
        f"Pid:\t{pid.nr_ns(ns)}", f"PPid:\t{ppid_of(task, ns)}",
        f"TracerPid:\t{task.parent.thread_pid.nr_ns(ns) if task.ptrace else 0}",
        f"Uid:\t{uid(cred.uid)}\t{uid(cred.euid)}\t{uid(cred.suid)}\t{uid(cred.fsuid)}",
        f"Gid:\t{gid(cred.gid)}\t{gid(cred.egid)}\t{gid(cred.sgid)}\t{gid(cred.fsgid)}",
        f"FDSize:\t{fds}", f"Groups:\t{groups or ' '}",
        "NStgid:" + _levels(tgid, pid, ns), "NSpid:" + _levels(pid, pid, ns),
        "NSpgid:" + _levels(signal.pgrp, pid, ns), "NSsid:" + _levels(signal.session, pid, ns),
        f"Kthread:\t{int(task.kthread is not None)}",
    ]  # fmt: skip


def _levels(which: Pid, pid: Pid, ns: PidNamespace) -> str:
    """Numbers of `which` from the reader's namespace down to the one that the task `pid` lives in."""
    if ns is pid.ns:
        return f"\t{which.nr_ns(ns)}"
    return "".join(f"\t{which.nr_ns(pid.upid_ns(level))}" for level in range(ns.level, pid.level + 1))


def _round_up(value: int, step: int) -> int:
    return (value + step - 1) // step * step


def _signals(inode: Any, task: Task) -> list[str]:
    ignored, caught = signal_sets(task)
    queued = inode.sb.kernel.signals_queued(task)
    return [
        f"Threads:\t{len(task.signal.threads)}",
        f"SigQ:\t{queued}/{task.signal.rlim[RLIMIT_SIGPENDING][0]}",
        f"SigPnd:\t{task.pending.bits:016x}",
        f"ShdPnd:\t{task.signal.shared_pending.bits:016x}",
        f"SigBlk:\t{task.blocked:016x}",
        f"SigIgn:\t{ignored:016x}",
        f"SigCgt:\t{caught:016x}",
    ]


def _capabilities(task: Task) -> list[str]:
    cred = task.cred
    return [
        f"CapInh:\t{cred.cap_inheritable:016x}",
        f"CapPrm:\t{cred.cap_permitted:016x}",
        f"CapEff:\t{cred.cap_effective:016x}",
        f"CapBnd:\t{cred.cap_bset:016x}",
        f"CapAmb:\t{cred.cap_ambient:016x}",
        f"NoNewPrivs:\t{int(task.no_new_privs)}",
        f"Seccomp:\t{task.seccomp.mode if task.seccomp is not None else 0}",
        f"Seccomp_filters:\t{_filters(task)}",
    ]


def _filters(task: Task) -> int:
    """How many seccomp filters are in force."""
    state = task.seccomp
    return state.filter.depth if state is not None and state.filter is not None else 0


def _scheduling(task: Task) -> list[str]:
    mask = task.se.cpus_mask
    return [
        f"Cpus_allowed:\t{cpu_mask(mask, len(task.system.run_queues))}",
        f"Cpus_allowed_list:\t{cpu_list(mask)}",
        "Mems_allowed:\t1",
        "Mems_allowed_list:\t0",
        f"voluntary_ctxt_switches:\t{task.nvcsw}",
        f"nonvoluntary_ctxt_switches:\t{task.nivcsw}",
    ]


def cpu_mask(mask: int, cpus: int) -> str:
    """CPUs of a mask in hexadecimal, as wide as so many CPUs need, with a comma between words of 32 bits."""
    digits = f"{mask:0{(cpus + 3) // 4}x}"
    return f"{digits[:-8]},{digits[-8:]}" if len(digits) > 8 else digits


def cpu_list(mask: int) -> str:
    """CPUs of a mask as ranges: 0-2,4."""
    parts, cpu = [], 0
    while mask >> cpu:
        if mask >> cpu & 1:
            first = cpu
            while mask >> cpu + 1 & 1:
                cpu += 1
            parts.append(str(first) if first == cpu else f"{first}-{cpu}")
        cpu += 1
    return ",".join(parts)
