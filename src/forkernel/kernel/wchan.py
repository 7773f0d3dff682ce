"""Where in the kernel a task sleeps, told from the call it is in and the file or object it waits for.

There is no stack to unwind: a sleeping call is a `Sleep` and maybe a `Resume`. What they stand for has a name in Linux,
which /proc/PID/wchan, stack and `ps -o wchan` show. Offsets, and what a compiler made of the names, are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.time import CLOCK_REALTIME
from forkernel.arch.x86_64.ptrace import unpack_pt_regs
from forkernel.arch.x86_64.syscall_table import SYSCALLS
from forkernel.kernel.kstack import task_pt_regs
from forkernel.kernel.task import TASK_DEAD, TASK_RUNNING, TASK_STOPPED, TASK_TRACED

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.kernel.task import Task

Chain = tuple[str, ...]
"""Functions, the innermost first."""

SYSCALL_ENTRY: Chain = ("do_syscall_64", "entry_SYSCALL_64_after_hwframe")
SIGNAL_EXIT: Chain = ("get_signal", "arch_do_signal_or_restart", "exit_to_user_mode_loop")
POLL, SELECT = ("poll_schedule_timeout", "do_sys_poll"), ("poll_schedule_timeout", "do_select", "core_sys_select")
FUTEX = ("futex_do_wait", "__futex_wait", "futex_wait", "do_futex")
NSLEEP_TIMENS = ("hrtimer_nanosleep", "common_nsleep_timens", "__x64_sys_clock_nanosleep")
"""clock_nanosleep on clocks that time namespaces shift."""

CALLS: dict[str, Chain] = {
    "pause": ("__do_sys_pause",),
    "wait4": ("do_wait", "kernel_wait4"),
    "waitid": ("do_wait", "kernel_waitid", "__do_sys_waitid"),
    "nanosleep": ("hrtimer_nanosleep", "__x64_sys_nanosleep"),
    "clock_nanosleep": ("hrtimer_nanosleep", "common_nsleep", "__x64_sys_clock_nanosleep"),
    "futex": (*FUTEX, "__x64_sys_futex"),
    "futex_wait": ("futex_do_wait", "__futex_wait", "__do_sys_futex_wait"),
    "futex_waitv": ("futex_wait_multiple", "__do_sys_futex_waitv"),
    "poll": (*POLL, "__x64_sys_poll"),
    "ppoll": (*POLL, "__x64_sys_ppoll"),
    "select": (*SELECT, "kern_select", "__x64_sys_select"),
    "pselect6": (*SELECT, "do_pselect", "__x64_sys_pselect6"),
    "epoll_wait": ("do_epoll_wait", "__x64_sys_epoll_wait"),
    "epoll_pwait": ("do_epoll_wait", "do_epoll_pwait", "__x64_sys_epoll_pwait"),
    "epoll_pwait2": ("do_epoll_wait", "do_epoll_pwait", "__x64_sys_epoll_pwait2"),
    "open": ("wait_for_partner", "fifo_open", "do_dentry_open", "vfs_open", "path_openat", "do_filp_open",
             "do_sys_openat2", "__x64_sys_open"),
    "openat": ("wait_for_partner", "fifo_open", "do_dentry_open", "vfs_open", "path_openat", "do_filp_open",
               "do_sys_openat2", "__x64_sys_openat"),
    "rt_sigtimedwait": ("do_sigtimedwait", "__x64_sys_rt_sigtimedwait"),
    "rt_sigsuspend": ("sigsuspend", "__x64_sys_rt_sigsuspend"),
    "fcntl": ("fcntl_setlk", "do_fcntl", "__x64_sys_fcntl"),
    "flock": ("locks_lock_inode_wait", "__do_sys_flock"),
    "fork": ("kernel_clone", "__do_sys_fork"),
    "vfork": ("kernel_clone", "__do_sys_vfork"),
    "clone": ("kernel_clone", "__do_sys_clone"),
    "clone3": ("kernel_clone", "__do_sys_clone3"),
    "execve": ("de_thread", "begin_new_exec", "load_elf_binary", "bprm_execve", "do_execveat_common",
               "__x64_sys_execve"),
    "execveat": ("de_thread", "begin_new_exec", "load_elf_binary", "bprm_execve", "do_execveat_common",
                 "__x64_sys_execveat"),
    "semop": ("__do_semtimedop", "do_semtimedop"),
    "semtimedop": ("__do_semtimedop", "do_semtimedop"),
    "msgrcv": ("do_msgrcv",),
    "msgsnd": ("do_msgsnd",),
    "mq_timedreceive": ("wq_sleep", "do_mq_timedreceive", "__x64_sys_mq_timedreceive"),
    "mq_timedsend": ("wq_sleep", "do_mq_timedsend", "__x64_sys_mq_timedsend"),
    "exit": ("zap_pid_ns_processes", "do_exit", "__x64_sys_exit"),
    "exit_group": ("zap_pid_ns_processes", "do_exit", "do_group_exit", "__x64_sys_exit_group"),
}  # fmt: skip
"""By call, where it sleeps whatever its arguments."""

READ_TAILS: dict[str, Chain] = {
    "read": ("vfs_read", "ksys_read"),
    "readv": ("vfs_readv", "do_readv"),
    "recvfrom": ("__sys_recvfrom", "__x64_sys_recvfrom"),
    "recvmsg": ("___sys_recvmsg", "__sys_recvmsg"),
    "recvmmsg": ("___sys_recvmsg", "do_recvmmsg", "__x64_sys_recvmmsg"),
    "accept": ("do_accept", "__sys_accept4", "__x64_sys_accept"),
    "accept4": ("do_accept", "__sys_accept4", "__x64_sys_accept4"),
}
WRITE_TAILS: dict[str, Chain] = {
    "write": ("vfs_write", "ksys_write"),
    "writev": ("vfs_writev", "do_writev"),
    "sendto": ("__sys_sendto", "__x64_sys_sendto"),
    "sendmsg": ("___sys_sendmsg", "__sys_sendmsg"),
    "sendmmsg": ("___sys_sendmsg", "__sys_sendmmsg", "__x64_sys_sendmmsg"),
    "connect": ("__sys_connect", "__x64_sys_connect"),
}
"""By call on a descriptor, what is outside the file's own functions (`File.sleeps_in`)."""


def stack_of(task: Task) -> Chain:
    """The functions that a sleeping task is in; none for one that runs, or is dead."""
    if task.state & TASK_TRACED:
        return ("ptrace_stop", *SIGNAL_EXIT, *SYSCALL_ENTRY)
    if task.state & TASK_STOPPED:
        return ("do_signal_stop", *SIGNAL_EXIT, *SYSCALL_ENTRY)
    if task.state in (TASK_RUNNING, TASK_DEAD) or task.exit_state:
        return ()
    if task.kthread is not None:
        return (*kthread_chain(task), "ret_from_fork", "ret_from_fork_asm")
    name = SYSCALLS.get(task.syscall_nr)
    if name is None:
        return ()
    if name == "clock_nanosleep" and task.syscall_args[0] != CLOCK_REALTIME:
        return (*NSLEEP_TIMENS, *SYSCALL_ENTRY)
    return (*(_chain_on_file(task, name) or CALLS.get(name, (f"__x64_sys_{name}",))), *SYSCALL_ENTRY)


def kthread_chain(task: Task) -> Chain:
    """Where a kernel thread sleeps."""
    if task is task.system.child_reaper:
        return ("do_wait", "kernel_wait4", "kernel_init")
    return ("kthreadd",) if task.kthread is task.system.kthreadd else ("kthread",)


def _chain_on_file(task: Task, name: str) -> Chain:
    """The functions of a call that waits for the file of its first argument."""
    writing = name in WRITE_TAILS
    tail = WRITE_TAILS.get(name) or READ_TAILS.get(name)
    if tail is None or task.files is None:
        return ()
    file: File | None = task.files.fds.get(task.syscall_args[0])
    inner = file.sleeps_in(name, writing=writing) if file is not None else ()
    return (*inner, *tail) if inner else ()


def current_syscall(task: Task, reader: Task) -> tuple[int, tuple[int, ...] | None, int, int] | None:
    """(number, six arguments, stack pointer, instruction pointer) of a task that is not running; number -1 and no
    arguments outside a call; None for one that runs (Linux: task_current_syscall).
    """
    if task is not reader and task.state == TASK_RUNNING and not task.exit_state:
        return None
    if not task.stack or task.exit_state:
        return -1, None, 0, 0
    regs = unpack_pt_regs(task_pt_regs(task))
    number = task.syscall_nr
    if number == -1:
        return -1, None, regs["rsp"], regs["rip"]
    args = tuple(regs[name] for name in ("rdi", "rsi", "rdx", "r10", "r8", "r9"))
    return number, args, regs["rsp"], regs["rip"]
