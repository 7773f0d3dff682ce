"""Processes: ps, the tree, the fields of one task, signals, PIDs by namespace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from forkernel.abi.signal import signal_name
from forkernel.arch.x86_64.syscall_table import SYSCALLS
from forkernel.kernel import task as task_module
from forkernel.kernel.nsproxy import FIELDS as NAMESPACES
from forkernel.kernel.task import EXIT_ZOMBIE, STATE_LETTERS, TASK_DEAD, Task
from forkernel.views.view import Report, Value, View, text_of

if TYPE_CHECKING:
    from forkernel.kernel.pid import Pid, PidNamespace
    from forkernel.kernel.system import System

PAGE_KIB = 4
SIG_DFL, SIG_IGN = 0, 1
SCHED_POLICIES = {0: "SCHED_OTHER", 1: "SCHED_FIFO", 2: "SCHED_RR", 3: "SCHED_BATCH", 5: "SCHED_IDLE"}
PIDTYPES = ("PID", "TGID", "PGID", "SID")


def bits(value: int, prefix: str) -> str:
    """A word of flags by the names that kernel/task.py has for its bits."""
    named = {number: name for name, number in vars(task_module).items() if name.startswith(prefix)}
    found = [name for number, name in sorted(named.items()) if number and value & number == number]
    return " ".join(found) or "0"


def state_of(task: Task) -> str:
    """The letter that ps shows, with `s` for a session leader, `l` for threads, `N` and `<` for nice, `+` in front."""
    if task.exit_state:
        letter = "Z" if task.exit_state == EXIT_ZOMBIE else "X"
    elif task.state & TASK_DEAD:
        letter = "X"
    else:
        letter = STATE_LETTERS.get(task.state & 0xF, "R")
    letter += "<" if task.se.nice < 0 else "N" if task.se.nice > 0 else ""
    letter += "s" if task.signal.leader else ""
    letter += "l" if len(task.signal.threads) > 1 else ""
    tty = task.signal.tty
    return letter + ("+" if tty is not None and tty.pgrp and tty.pgrp is task.signal.pgrp else "")


def number(pid: Pid | None) -> int:
    """As the machine counts."""
    return 0 if pid is None else pid.numbers[0]


def times_of(task: Task) -> int:
    """CPU time of a process, its threads together, in virtual nanoseconds."""
    sig = task.signal
    return sig.utime + sig.stime + sum(thread.utime + thread.stime for thread in sig.threads)


def command_of(task: Task) -> str:
    """Arguments as the process has them in memory now; the name in brackets where there is none to read."""
    name = text_of(task.comm)
    if task.exit_state:
        return f"[{name}] <defunct>"
    mm = task.mm
    if mm is None:
        return f"[{name}]"
    size, at, parts = min(mm.arg_end - mm.arg_start, 4096), mm.arg_start, []
    while size > 0:
        step = min(size, 4096 - at % 4096)
        data = mm.peek(at, step)
        if data is None:
            break
        parts.append(data)
        at, size = at + step, size - step
    words = b"".join(parts).rstrip(b"\0").replace(b"\0", b" ")
    return text_of(words) or f"[{name}]"


def leaders(system: System) -> list[Task]:
    """All processes but process 0, by PID."""
    return sorted(system.pids.processes(), key=lambda task: task.pid)


def ps(system: System, *, tree: bool = False, threads: bool = False) -> View:
    """The processes, or with `threads` all tasks."""
    rows: list[list[Value]] = []
    order = list(family(system.init_task)) if tree else [(0, task) for task in leaders(system)]
    for depth, leader in order:
        for task in leader.signal.threads if threads else (leader,):
            indent = "  " * depth if tree else ""
            parent = 0 if task.pid == 0 else task.real_parent.tgid
            rss = 0 if task.mm is None else task.mm.rss() * PAGE_KIB
            spent = times_of(task) if not threads else task.utime + task.stime
            sig = task.signal
            row: list[Value] = [task.pid, parent, number_of(sig, "pgrp"), number_of(sig, "session"), state_of(task)]
            row += [f"{spent / 1e9:.6f}", rss, indent + command_of(task)]
            rows.append(row)
    columns = (">PID", ">PPID", ">PGID", ">SID", "STAT", ">TIME", ">RSS", "COMMAND")
    return View("", columns, rows)


def number_of(sig: Any, field: str) -> int:
    """PGID or SID; process 0 has none."""
    return number(getattr(sig, field, None))


def family(task: Task, depth: int = 0) -> Iterator[tuple[int, Task]]:
    """A process and all below it, with the depth of each; parents first."""
    todo = [(depth, task)]
    while todo:
        depth, one = todo.pop()
        yield depth, one
        children = [child for thread in one.signal.threads for child in thread.children]
        todo += [(depth + 1, child) for child in sorted(children, key=lambda child: -child.pid)]


# --- one task


def waits_for(task: Task) -> str:
    """What keeps it from running."""
    if task.exit_state or (task.kthread is not None and task.sleep is None):
        return "-"
    call = SYSCALLS.get(task.syscall_nr, "")
    if task.sleep is None:
        return "a CPU" if task.state == 0 else "-"
    until = f", until {task.deadline.expires / 1e9:.6f} s" if task.deadline is not None else ""
    return f"asleep in {call or 'the kernel'}{until}"


def task_fields(task: Task) -> View:
    """The fields of task_struct that tell something, by their names in Linux."""
    cred, se = task.cred, task.se
    children = " ".join(str(child.pid) for child in task.children) or "-"
    rows: list[list[Value]] = [
        ["pid", task.pid], ["tgid", task.tgid], ["comm", text_of(task.comm)],
        ["__state", f"{task.state:#x} ({state_of(task)})"], ["exit_state", bits(task.exit_state, "EXIT_")],
        ["exit_code", f"{task.exit_code:#x}"], ["exit_signal", task.exit_signal], ["flags", bits(task.flags, "PF_")],
        ["real_parent", task.real_parent.pid], ["parent", task.parent.pid], ["children", children],
        ["thread_group", " ".join(str(thread.pid) for thread in task.signal.threads)],
        ["signal->flags", bits(task.signal.flags, "SIGNAL_")],
        ["pgrp", number_of(task.signal, "pgrp")], ["session", number_of(task.signal, "session")],
        ["policy", SCHED_POLICIES.get(se.policy, str(se.policy))], ["nice", se.nice], ["rt_priority", se.rt_priority],
        ["on_rq", se.on_rq], ["vruntime", se.vruntime],
        ["utime, stime (ns)", f"{task.utime}, {task.stime}"], ["start_time (ns)", task.start_time],
        ["min_flt, maj_flt", f"{task.min_flt}, {task.maj_flt}"], ["nvcsw, nivcsw", f"{task.nvcsw}, {task.nivcsw}"],
        ["uid, euid, suid", f"{cred.uid}, {cred.euid}, {cred.suid}"],
        ["gid, egid, sgid", f"{cred.gid}, {cred.egid}, {cred.sgid}"], ["cap_effective", f"{cred.cap_effective:#x}"],
        ["mm", shared_by(task, "mm")], ["files", shared_by(task, "files")], ["fs", shared_by(task, "fs")],
        ["sighand", shared_by(task, "sighand")], ["vfork_done", "waited for" if task.vfork_done else "-"],
        ["set_child_tid", f"{task.set_child_tid:#x}"], ["clear_child_tid", f"{task.clear_child_tid:#x}"],
        ["stack", f"{task.stack:#x}" if task.stack else None],
        ["robust_list", f"{task.robust_list:#x}"], ["ptrace", task.ptrace], ["waits for", waits_for(task)],
    ]  # fmt: skip
    if task.fs is not None:
        rows += [["cwd", place(task, "pwd")], ["root", place(task, "root")], ["umask", f"{task.fs.umask:04o}"]]
    rows += namespaces_of(task)
    if task.thread is not None:
        regs = task.regs
        rows.append(["call", call_of(task)])
        rows += [[f"regs->{name}", f"{getattr(regs, name):#x}"] for name in ("rip", "rsp", "rax", "fs_base")]
    return View(f"task {task.pid} ({text_of(task.comm)})", ("field", "value"), rows)


def call_of(task: Task) -> str:
    """The call it is in, with its arguments as numbers."""
    if task.syscall_nr < 0:
        return "-"
    name = SYSCALLS.get(task.syscall_nr, f"syscall_{task.syscall_nr:#x}")
    return f"{name}({', '.join(f'{word:#x}' for word in task.syscall_args)})"


def shared_by(task: Task, field: str) -> str:
    """Which tasks have the same part (CLONE_VM, CLONE_FILES and the like)."""
    part = getattr(task, field)
    if part is None:
        return "-"
    others = [other.pid for other in task.system.all_tasks() if other is not task and getattr(other, field) is part]
    return f"shared with {' '.join(map(str, others))}" if others else "its own"


def place(task: Task, field: str) -> str:
    """A directory by name."""
    found = getattr(task.fs, field)
    top = task.system.init_task.fs
    assert top is not None
    return text_of(task.system.vfs.d_path(found, top.root))


def namespaces_of(task: Task) -> list[list[Value]]:
    """Its namespaces by inode number, as the links in /proc/PID/ns."""
    if task.nsproxy is None:
        return []
    rows: list[list[Value]] = []
    for field, _ in NAMESPACES:
        ns = getattr(task.nsproxy, field, None)
        if ns is not None:
            rows.append([f"nsproxy->{field}", getattr(ns, "inum", 0)])
    return rows


# --- signals


def signals(task: Task) -> View:
    """Signals that are pending, blocked, ignored or caught."""
    rows: list[list[Value]] = []
    shared, own = task.signal.shared_pending, task.pending
    for sig in range(1, 65):
        bit = 1 << sig - 1
        action = task.sighand.action.get(sig) if task.sighand is not None else None
        handler = "default" if action is None or action.handler == SIG_DFL else "ignored"
        if action is not None and action.handler > SIG_IGN:
            handler = f"handler {action.handler:#x}"
        marks = [bool(own.bits & bit), bool(shared.bits & bit), bool(task.blocked & bit)]
        if any(marks) or handler != "default":
            queued = sum(info.signo == sig for info in (*own.queue, *shared.queue))
            flags = "-" if action is None or not action.flags else f"{action.flags:#x}"
            mask = "-" if action is None or not action.mask else f"{action.mask:#x}"
            rows.append(
                [sig, signal_name(sig), *["yes" if mark else "-" for mark in marks], queued, handler, flags, mask]
            )
    columns = (">NR", "SIGNAL", "PENDING", "SHARED", "BLOCKED", ">QUEUED", "ACTION", "SA_FLAGS", "SA_MASK")
    return View(f"signals of {task.pid} ({text_of(task.comm)})", columns, rows)


# --- PIDs


def namespaces(system: System) -> list[PidNamespace]:
    """Every PID namespace that has a number, the machine's first."""
    found: dict[PidNamespace, None] = {system.pids: None}
    for pid in system.pids.numbers.values():
        for _, ns in pid.upids():
            found[ns] = None
    return list(found)


def pids(system: System) -> Report:
    """Each namespace's numbers: whose, what for, and how many hold on to the struct pid."""
    views = []
    for ns in namespaces(system):
        rows: list[list[Value]] = []
        for nr in sorted(ns.numbers):
            pid = ns.numbers[nr]
            used = " ".join(name for kind, name in enumerate(PIDTYPES) if pid.users(kind))
            who = pid.task or pid.leader
            row: list[Value] = [nr, "/".join(map(str, pid.numbers)), None if who is None else text_of(who.comm)]
            rows.append([*row, used, pid.count])
        reaper = ns.child_reaper
        title = f"PID namespace {ns.inum or 'of the machine'}, level {ns.level}"
        notes = (f"last {ns.last}, pid_max {ns.pid_max}, init {'-' if reaper is None else reaper.pid}",)
        views.append(View(title, (">PID", "NUMBERS", "COMM", "USED AS", ">REFS"), rows, notes))
    return Report(*views)
