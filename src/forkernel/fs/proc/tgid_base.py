"""The tables of files in /proc/PID and /proc/PID/task/TID (Linux: tgid_base_stuff, tid_base_stuff)."""

from __future__ import annotations

from forkernel.fs.proc import (
    array,
    pagemap,
    sched_debug,
    smaps,
    task_files,
    task_mmu,
    task_settings,
    task_state,
    user_ns,
)
from forkernel.fs.proc.access import check_access, check_memory
from forkernel.fs.proc.inode import Entry

TGID_BASE: dict[bytes, Entry] = {
    b"environ": Entry(0o400, task_files.proc_pid_environ, check=check_memory, plain=True),
    b"auxv": Entry(0o400, task_files.proc_pid_auxv, check=check_memory, plain=True),
    b"status": Entry(0o444, array.proc_pid_status),
    b"personality": Entry(0o400, task_files.proc_pid_personality),
    b"limits": Entry(0o444, task_files.proc_pid_limits),
    b"sched": Entry(0o644, sched_debug.proc_sched_show, sched_debug.proc_sched_store),
    b"comm": Entry(0o644, task_files.proc_comm_show, task_files.proc_comm_store),
    b"cmdline": Entry(0o444, task_files.proc_pid_cmdline, plain=True),
    b"stat": Entry(0o444, array.proc_tgid_stat),
    b"statm": Entry(0o444, task_mmu.proc_pid_statm),
    b"maps": Entry(0o444, task_mmu.proc_pid_maps, check=check_access),
    b"smaps": Entry(0o444, smaps.proc_pid_smaps, check=check_access),
    b"smaps_rollup": Entry(0o444, smaps.proc_pid_smaps_rollup, check=check_memory),
    b"pagemap": Entry(0o400, opener=pagemap.open_pagemap),
    b"clear_refs": Entry(0o200, store=smaps.proc_clear_refs_write),
    b"mem": Entry(0o600, opener=task_files.open_mem),
    b"mounts": Entry(0o444, task_files.proc_pid_mounts, check=task_files.check_mounts),
    b"mountinfo": Entry(0o444, task_files.proc_pid_mountinfo, check=task_files.check_mounts),
    b"mountstats": Entry(0o400, task_files.proc_pid_mountstats, check=task_files.check_mounts),
    b"wchan": Entry(0o444, task_state.proc_pid_wchan),
    b"stack": Entry(0o400, task_state.proc_pid_stack),
    b"syscall": Entry(0o400, task_state.proc_pid_syscall),
    b"io": Entry(0o400, task_state.proc_tgid_io),
    b"schedstat": Entry(0o444, task_state.proc_pid_schedstat),
    b"timers": Entry(0o444, task_state.proc_pid_timers),
    b"arch_status": Entry(0o444, task_state.proc_pid_arch_status),
    b"autogroup": Entry(0o644, task_settings.proc_autogroup_show, task_settings.proc_autogroup_store),
    b"loginuid": Entry(0o644, task_settings.proc_loginuid_show, task_settings.proc_loginuid_store, plain=True),
    b"sessionid": Entry(0o444, task_settings.proc_sessionid_show, plain=True),
    b"coredump_filter": Entry(
        0o644, task_settings.proc_coredump_filter_show, task_settings.proc_coredump_filter_store, plain=True
    ),
    b"uid_map": Entry(0o644, opener=user_ns.open_uid_map),
    b"gid_map": Entry(0o644, opener=user_ns.open_gid_map),
    b"projid_map": Entry(0o644, opener=user_ns.open_projid_map),
    b"setgroups": Entry(0o644, opener=user_ns.open_setgroups),
    b"cgroup": Entry(0o444, task_files.proc_pid_cgroup),
    b"timens_offsets": Entry(0o644, task_files.timens_offsets_show, task_files.timens_offsets_store),
    b"oom_score": Entry(0o444, task_settings.proc_oom_score),
    b"oom_adj": Entry(0o644, task_settings.proc_oom_adj_show, task_settings.proc_oom_adj_store, plain=True),
    b"oom_score_adj": Entry(
        0o644, task_settings.proc_oom_score_adj_show, task_settings.proc_oom_score_adj_store, plain=True
    ),
    b"timerslack_ns": Entry(0o666, task_settings.proc_timerslack_show, task_settings.proc_timerslack_store),
}
"""Files of /proc/PID, in Linux's order."""

PAGE_MONITOR = (b"clear_refs", b"pagemap", b"smaps", b"smaps_rollup")
"""Files about pages."""
TGID_ONLY = (b"autogroup", b"coredump_filter", b"mountstats", b"timens_offsets", b"timers", b"timerslack_ns")
TID_BASE: dict[bytes, Entry] = {
    **{name: entry for name, entry in TGID_BASE.items() if name not in TGID_ONLY},
    b"stat": Entry(0o444, array.proc_tid_stat),
    b"io": Entry(0o400, task_state.proc_tid_io),
    b"children": Entry(0o444, array.proc_tid_children),
}
"""Files of /proc/PID/task/TID."""
