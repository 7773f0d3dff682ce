"""The data of each step event (`forkernel.trace.tracepoints.STEPS`) as plain names and values, for any sink.

`describe(name, arguments)` gives the task a step is about and a dict of what happened, in numbers, text and lists:
taken at once, so that nothing of the kernel is held or seen later than it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from forkernel.abi.errno import NAMES

Fields = dict[str, Any]


def describe(name: str, arguments: tuple[Any, ...]) -> tuple[Any, Fields]:
    """(task, fields) of a step."""
    return DATA[name](*arguments)


# --- parts of the kernel, in a few numbers


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "backslashreplace")


def _memory(mm: Any) -> Fields:
    if mm is None:
        return {}
    return {"areas": sum(1 for _ in mm.vmas), "pages": mm.rss(), "users": mm.users}


def _copy_mm(mm: Any) -> Fields:
    """`tables`: the page tables that both use from now on, if the memory is not one and the same."""
    if mm is None:
        return {}
    return {**_memory(mm), "tables": mm.pt.table_pages() - 1}


def _error(number: int) -> str:
    return NAMES.get(number, str(number))


# --- fork


def _clone_check(task: Any, args: Any) -> tuple[Any, Fields]:
    return task, {"flags": args.flags, "exit_signal": args.exit_signal, "stack": args.stack}


def _child(task: Any, child: Any, *_: Any) -> tuple[Any, Fields]:
    return task, {"child": child.pid}


def _dup_task_struct(task: Any, child: Any, flags: int) -> tuple[Any, Fields]:
    return task, {"flags": flags}


def _limits(task: Any, child: Any, flags: int) -> tuple[Any, Fields]:
    system = task.system
    user = sum(other.cred.uid == task.cred.uid for other in system.all_tasks())
    return task, {"user_tasks": user, "tasks": len(system.pids.tasks), "threads_max": system.threads_max}


def _sched_fork(task: Any, child: Any, flags: int) -> tuple[Any, Fields]:
    return task, {"policy": child.se.policy, "nice": child.se.nice}


def _part(name: str, data: Callable[[Any], Fields]) -> Callable[..., tuple[Any, Fields]]:
    """A step that shares or copies the field `name` of a task."""

    def fields(task: Any, child: Any, flags: int) -> tuple[Any, Fields]:
        theirs = getattr(child, name, None)
        if theirs is None:
            return task, {"shared": None}
        return task, {"shared": theirs is getattr(task, name), **data(theirs)}

    return fields


def _nothing(_: Any) -> Fields:
    return {}


def _copy_thread(task: Any, child: Any, flags: int) -> tuple[Any, Fields]:
    if child.kthread is not None:
        return task, {"function": type(child.kthread).__name__}
    regs = child.regs
    return task, {"result": regs.rax, "rip": regs.rip, "rsp": regs.rsp, "fs_base": regs.fs_base}


def _ptrace_event(task: Any, event: int, enabled: bool) -> tuple[Any, Fields]:
    return task, {"ptrace_event": event, "traced": enabled}


def _pidfd(task: Any, child: Any, fd: int) -> tuple[Any, Fields]:
    return task, {"child": child.pid, "fd": fd}


def _fork_failed(task: Any, child: Any, errno: int) -> tuple[Any, Fields]:
    return task, {"error": _error(errno)}


# --- exec


def _bprm(task: Any, bprm: Any) -> tuple[Any, Fields]:
    return task, {"filename": _text(bprm.filename)}


def _strings(task: Any, bprm: Any) -> tuple[Any, Fields]:
    return task, {"argv": [_text(word) for word in bprm.argv], "envc": len(bprm.envp), "room": bprm.room}


def _creds(task: Any, bprm: Any) -> tuple[Any, Fields]:
    return task, {"euid": bprm.cred.euid, "egid": bprm.cred.egid, "secureexec": bprm.secureexec}


def _exec_mmap(task: Any, old: Any, new: Any) -> tuple[Any, Fields]:
    return task, {"freed": old is not None and old.users == 1, "old_pages": 0 if old is None else old.rss()}


# --- tables of simple events: the names of the arguments after the task


def _named(*names: str) -> Callable[..., tuple[Any, Fields]]:
    """Arguments under these names: tasks by their ID, bytes as text."""

    def fields(task: Any, *arguments: Any) -> tuple[Any, Fields]:
        return task, dict(zip(names, map(_plain, arguments), strict=True))

    return fields


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return _text(value)
    return value.pid if hasattr(value, "pid") else value


def _last_user(key: str) -> Callable[..., tuple[Any, Fields]]:
    """A thing with a count of users that was let go."""

    def fields(task: Any, thing: Any) -> tuple[Any, Fields]:
        return task, {key: thing.users}

    return fields


def _exec_failed(task: Any, filename: bytes | None, errno: int) -> tuple[Any, Fields]:
    return task, {"filename": _text(filename), "error": _error(errno)}


def _load_elf(task: Any, bprm: Any, entry: int, sp: int) -> tuple[Any, Fields]:
    return task, {"entry": entry, "sp": sp, **_memory(task.mm)}


def _load_script(task: Any, bprm: Any, interpreter: bytes, argument: bytes | None) -> tuple[Any, Fields]:
    return task, {"interpreter": _text(interpreter), "argument": _text(argument)}


def _format(task: Any, bprm: Any, kind: str) -> tuple[Any, Fields]:
    return task, {"format": kind}


# --- copy-on-write


def _table_unshare(pt: Any, va: int, level: int, old: int, new: int) -> tuple[Any, Fields]:
    return pt.store.trace.system.cpu_curr, {"address": va, "level": level, "old": old, "new": new}


def _do_wp_page(mm: Any, address: int, old: int, new: int) -> tuple[Any, Fields]:
    return mm.system.cpu_curr, {"address": address, "how": "reused" if old == new else "copied", "old": old, "new": new}


DATA: dict[str, Callable[..., tuple[Any, Fields]]] = {
    "clone_check": _clone_check,
    "ptrace_event_chosen": _ptrace_event,
    "dup_task_struct": _dup_task_struct,
    "fork_limits": _limits,
    "copy_creds": _part("cred", lambda cred: {"uid": cred.uid}),
    "sched_fork": _sched_fork,
    "copy_semundo": _part("sysvsem", _nothing),
    "copy_files": _part("files", lambda files: {"descriptors": len(files.fds), "users": files.users}),
    "copy_fs": _part("fs", lambda fs: {"users": fs.users}),
    "copy_sighand": _part("sighand", lambda sighand: {"actions": len(sighand.action), "users": sighand.users}),
    "copy_signal": _part("signal", lambda sig: {"pgrp": sig.pgrp.numbers[0], "session": sig.session.numbers[0]}),
    "copy_mm": _part("mm", _copy_mm),
    "copy_namespaces": _part("nsproxy", _nothing),
    "copy_io": _part("io_context", _nothing),
    "copy_thread": _copy_thread,
    "alloc_pid": _child,
    "pidfd_prepare": _pidfd,
    "cgroup_can_fork": _dup_task_struct,
    "fork_failed": _fork_failed,
    "add_entropy": _child,
    "parent_settid": _named("child", "address"),
    "child_settid": _named("address"),
    "vfork_begin": _child,
    "ptrace_stop": _named("code", "why"),
    "wait_for_vfork_done": _child,
    "vfork_return": _named("child"),
    "put_pid": _child,
    "alloc_bprm": _bprm,
    "copy_strings": _strings,
    "load_script": _load_script,
    "search_binary_handler": _format,
    "bprm_creds": _creds,
    "point_of_no_return": _bprm,
    "de_thread": _named("others"),
    "unshare_files": _last_user("users"),
    "unshare_sighand": _last_user("users"),
    "close_on_exec": _named("fds"),
    "flush_signal_handlers": _named("signals"),
    "exec_mmap": _exec_mmap,
    "load_elf_binary": _load_elf,
    "start_thread": _named("entry", "sp"),
    "exec_failed": _exec_failed,
    "do_group_exit": _named("code"),
    "do_exit": _named("code"),
    "exit_signals": _named(),
    "exit_robust_list": _named("head"),
    "clear_child_tid": _named("address"),
    "complete_vfork_done": _named(),
    "exit_mm": _last_user("users"),
    "exit_sem": _named(),
    "exit_files": _last_user("users"),
    "exit_fs": _last_user("users"),
    "exit_namespaces": _named(),
    "find_new_reaper": _named("reaper"),
    "reparent": _named("father", "reaper"),
    "exit_notify": _named("autoreap"),
    "release_task": _named(),
    "wait_consider_task": _named("child", "verdict"),
    "wait_task_zombie": _named("child", "status", "reaped"),
    "wait_sleep": _named(),
    "table_unshare": _table_unshare,
    "do_wp_page": _do_wp_page,
}
HEXADECIMAL = ("flags", "stack", "rip", "rsp", "fs_base", "entry", "sp", "address", "head", "code", "status")


def as_text(fields: Fields) -> str:
    """`child=5 shared=no pages=31`: addresses and bits in hexadecimal."""
    return " ".join(f"{key}={_value(key, value)}" for key, value in fields.items())


def _value(key: str, value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and key in HEXADECIMAL:
        return f"{value:#x}"
    if isinstance(value, list):
        return "[" + ", ".join(map(str, value)) + "]"
    return str(value)
