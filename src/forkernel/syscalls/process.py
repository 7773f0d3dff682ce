"""fork, vfork, clone, clone3 and who-am-I (fork(2), vfork(2), clone(2), getpid(2), gettid(2))."""

from __future__ import annotations

import struct

from forkernel.abi.errno import E2BIG, EFAULT, EINVAL
from forkernel.abi.types import I32, U64, CStruct
from forkernel.errors import SysError
from forkernel.kernel.fork import (
    CLONE3_FLAGS,
    CLONE_CLEAR_SIGHAND,
    CLONE_DETACHED,
    CLONE_INTO_CGROUP,
    CLONE_LEGACY_FLAGS,
    CLONE_PARENT,
    CLONE_SIGHAND,
    CLONE_THREAD,
    CLONE_VFORK,
    CLONE_VM,
    CSIGNAL,
    NSIG,
    KernelCloneArgs,
    kernel_clone,
    ksys_unshare,
)
from forkernel.kernel.task import Task
from forkernel.mm.uaccess import UserBuf
from forkernel.syscalls.registry import syscall

PAGE_SIZE = 4096
INT_MAX = (1 << 31) - 1
CLONE_ARGS_SIZE_VER0 = 64
MAX_PID_NS_LEVEL = 32
TASK_SIZE = 0x7FFF_FFFF_F000


@syscall("fork")
def sys_fork(task: Task) -> int:
    """fork(2)."""
    return kernel_clone(task, KernelCloneArgs(0))


@syscall("vfork")
def sys_vfork(task: Task) -> int:
    """vfork(2): the parent sleeps until the child execs or exits, and lends it its memory."""
    return kernel_clone(task, KernelCloneArgs(CLONE_VFORK | CLONE_VM))


@syscall("clone")
def sys_clone(task: Task, flags: U64, stack: U64, parent_tid: U64, child_tid: U64, tls: U64) -> int:
    """clone(2): the low byte of the flags is the child's exit signal. The pidfd goes where the parent's TID would."""
    args = KernelCloneArgs(
        flags & CLONE_LEGACY_FLAGS & ~CSIGNAL,
        flags & CSIGNAL,
        stack=stack,
        parent_tid=parent_tid,
        child_tid=child_tid,
        tls=tls,
        pidfd=parent_tid,
    )
    return kernel_clone(task, args)


class CloneArgs(CStruct):
    """struct clone_args of clone3, version 2 (88 bytes)."""

    flags: U64
    pidfd: U64
    child_tid: U64
    parent_tid: U64
    exit_signal: U64
    stack: U64
    stack_size: U64
    tls: U64
    set_tid: U64
    set_tid_size: U64
    cgroup: U64


def copy_struct_from_user(buffer: UserBuf, size: int, wanted: int) -> bytes:
    """A struct that may be of an older or a newer version: E2BIG where the unknown rest is not zero."""
    data = buffer.read(min(size, wanted)).ljust(wanted, b"\0")
    if size > wanted and any(UserBuf(buffer.mm, buffer.addr + wanted).read(size - wanted)):
        raise SysError(E2BIG)
    return data


def clone3_args_valid(args: CloneArgs) -> bool:
    """What clone3 refuses before it looks at combinations (clone(2), ERRORS of clone3)."""
    flags = args.flags
    if flags & ~CLONE3_FLAGS or flags & (CLONE_DETACHED | CSIGNAL & ~0x80):
        return False
    if flags & CLONE_SIGHAND and flags & CLONE_CLEAR_SIGHAND:
        return False
    if flags & (CLONE_THREAD | CLONE_PARENT) and args.exit_signal:
        return False
    if (args.stack == 0) != (args.stack_size == 0):
        return False
    return args.stack_size == 0 or args.stack + args.stack_size <= TASK_SIZE


@syscall(
    "clone3",
)
def sys_clone3(task: Task, uargs: UserBuf, size: U64) -> int:
    """clone3: arguments in a struct that grows with the years."""
    if size > PAGE_SIZE:
        raise SysError(E2BIG)
    if size < CLONE_ARGS_SIZE_VER0:
        raise SysError(EINVAL)
    args = CloneArgs.unpack(copy_struct_from_user(uargs, size, CloneArgs.SIZE))
    set_tid = _read_set_tid(task, args)
    if args.exit_signal & ~CSIGNAL or args.exit_signal > NSIG:
        raise SysError(EINVAL)
    if args.flags & CLONE_INTO_CGROUP and (args.cgroup > INT_MAX or size < CloneArgs.SIZE):
        raise SysError(EINVAL)
    if not clone3_args_valid(args):
        raise SysError(EINVAL)
    kernel_args = KernelCloneArgs(
        args.flags,
        args.exit_signal,
        stack=args.stack + args.stack_size,
        parent_tid=args.parent_tid,
        child_tid=args.child_tid,
        tls=args.tls,
        pidfd=args.pidfd,
        set_tid=set_tid,
    )
    if args.flags & CLONE_INTO_CGROUP:
        kernel_args.cgroup = args.cgroup
    return kernel_clone(task, kernel_args)


def _read_set_tid(task: Task, args: CloneArgs) -> tuple[int, ...]:
    """The wanted PIDs, innermost namespace first."""
    count = args.set_tid_size
    if count > MAX_PID_NS_LEVEL or bool(args.set_tid) != bool(count):
        raise SysError(EINVAL)
    if not count:
        return ()
    if task.mm is None:
        raise SysError(EFAULT)
    return struct.unpack(f"<{count}i", task.mm.read(args.set_tid, 4 * count))


@syscall("unshare")
def sys_unshare(task: Task, flags: U64) -> int:
    """unshare(2)."""
    ksys_unshare(task, flags)
    return 0


@syscall("getpid")
def sys_getpid(task: Task) -> int:
    """getpid(2): the number of the process, which all its threads share."""
    return task.group_leader.thread_pid.nr


@syscall("gettid")
def sys_gettid(task: Task) -> int:
    """gettid(2)."""
    return task.thread_pid.nr


@syscall("getppid")
def sys_getppid(task: Task) -> int:
    """getppid(2): the parent process; 0 for PID 1, and where the parent is outside the PID namespace."""
    pid, ns = task.real_parent.group_leader.thread_pid, task.thread_pid.ns
    return pid.nr if pid.ns is ns else pid.nr_ns(ns)


__all__ = ["CloneArgs", "sys_clone", "sys_clone3", "sys_fork", "sys_vfork"]


@syscall("kcmp")
def sys_kcmp(task: Task, pid1: I32, pid2: I32, kind: I32, idx1: U64, idx2: U64) -> int:
    """kcmp(2)."""
    from forkernel.kernel.kcmp import kcmp

    return kcmp(task, pid1, pid2, kind, idx1, idx2)
