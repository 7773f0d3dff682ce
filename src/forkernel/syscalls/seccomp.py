"""seccomp(2), and its older face in prctl(2)."""

from __future__ import annotations

from forkernel.abi.errno import EFAULT, EINVAL, EOPNOTSUPP
from forkernel.abi.seccomp import (
    ACTION_NAMES,
    SECCOMP_DATA_SIZE,
    SECCOMP_FILTER_FLAG_MASK,
    SECCOMP_FILTER_FLAG_NEW_LISTENER,
    SECCOMP_FILTER_FLAG_TSYNC,
    SECCOMP_FILTER_FLAG_TSYNC_ESRCH,
    SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
    SECCOMP_GET_ACTION_AVAIL,
    SECCOMP_GET_NOTIF_SIZES,
    SECCOMP_MODE_FILTER,
    SECCOMP_MODE_STRICT,
    SECCOMP_NOTIF_RESP_SIZE,
    SECCOMP_NOTIF_SIZE,
    SECCOMP_SET_MODE_FILTER,
    SECCOMP_SET_MODE_STRICT,
)
from forkernel.abi.types import U32, U64
from forkernel.errors import SysError
from forkernel.kernel.task import Task
from forkernel.syscalls.registry import syscall

SOCK_FILTER_SIZE = 8


@syscall("seccomp")
def sys_seccomp(task: Task, operation: U32, flags: U32, args: U64) -> int:
    """seccomp(2)."""
    if operation == SECCOMP_SET_MODE_FILTER:
        return set_mode_filter(task, flags, args)
    if flags:
        raise SysError(EINVAL)
    if operation == SECCOMP_SET_MODE_STRICT:
        if args:
            raise SysError(EINVAL)
        from forkernel.kernel.seccomp import set_mode_strict

        return set_mode_strict(task)
    assert task.mm is not None
    if operation == SECCOMP_GET_ACTION_AVAIL:
        if task.mm.read_u32(args) not in ACTION_NAMES:
            raise SysError(EOPNOTSUPP)
        return 0
    if operation == SECCOMP_GET_NOTIF_SIZES:
        sizes = (SECCOMP_NOTIF_SIZE, SECCOMP_NOTIF_RESP_SIZE, SECCOMP_DATA_SIZE)
        task.mm.write(args, b"".join(size.to_bytes(2, "little") for size in sizes))
        return 0
    raise SysError(EINVAL)


def set_mode_filter(task: Task, flags: int, addr: int) -> int:
    """Install the filter that the struct sock_fprog at `addr` describes."""
    from forkernel.kernel.bpf import BPF_MAXINSNS, unpack_program
    from forkernel.kernel.seccomp import attach_filter, check_filter_caps

    both = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_NEW_LISTENER
    if flags & ~SECCOMP_FILTER_FLAG_MASK or flags & (both | SECCOMP_FILTER_FLAG_TSYNC_ESRCH) == both:
        raise SysError(EINVAL)
    if flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV and not flags & SECCOMP_FILTER_FLAG_NEW_LISTENER:
        raise SysError(EINVAL)
    assert task.mm is not None
    if not addr:
        raise SysError(EFAULT)
    header = task.mm.read(addr, 16)
    length, array = int.from_bytes(header[:2], "little"), int.from_bytes(header[8:], "little")
    if not array or not 0 < length <= BPF_MAXINSNS:
        raise SysError(EINVAL)
    check_filter_caps(task)
    return attach_filter(task, unpack_program(task.mm.read(array, length * SOCK_FILTER_SIZE)), flags)


def prctl_set_seccomp(task: Task, mode: int, fprog: int, _4: int, _5: int) -> int:
    """PR_SET_SECCOMP."""
    from forkernel.kernel.seccomp import set_mode_strict

    if mode == SECCOMP_MODE_STRICT:
        return set_mode_strict(task)
    if mode == SECCOMP_MODE_FILTER:
        return set_mode_filter(task, 0, fprog)
    raise SysError(EINVAL)


def prctl_get_seccomp(task: Task, _2: int, _3: int, _4: int, _5: int) -> int:
    """PR_GET_SECCOMP."""
    return task.seccomp.mode if task.seccomp is not None else 0
