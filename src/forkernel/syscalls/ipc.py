"""System V IPC: semget, semop, semtimedop, semctl, shmget, shmat, shmdt, shmctl, msgget, msgsnd, msgrcv, msgctl.

What they do is in `kernel.ipc_calls`, loaded with the first of them.
"""

from __future__ import annotations

from forkernel.abi.types import I32, I64, U32, U64
from forkernel.kernel.task import Task
from forkernel.syscalls.registry import syscall


@syscall("semget")
def sys_semget(task: Task, key: I32, nsems: I32, flags: I32) -> int:
    """semget(2)."""
    from forkernel.kernel import ipc_calls

    return ipc_calls.ksys_semget(task, key, nsems, flags)


@syscall("semop")
def sys_semop(task: Task, number: I32, sops: U64, count: U32) -> int:
    """semop(2)."""
    from forkernel.kernel import ipc_calls

    return ipc_calls.ksys_semop(task, number, sops, count)


@syscall("semtimedop")
def sys_semtimedop(task: Task, number: I32, sops: U64, count: U32, timeout: U64) -> int:
    """semtimedop(2)."""
    from forkernel.kernel import ipc_calls

    return ipc_calls.ksys_semtimedop(task, number, sops, count, timeout)


@syscall("semctl")
def sys_semctl(task: Task, number: I32, index: I32, command: I32, arg: U64) -> int:
    """semctl(2)."""
    from forkernel.kernel import ipc_calls

    return ipc_calls.ksys_semctl(task, number, index, command, arg)


@syscall("shmget", caveat="no huge pages (SHM_HUGETLB is ENOMEM)")
def sys_shmget(task: Task, key: I32, size: U64, flags: I32) -> int:
    """shmget(2)."""
    from forkernel.kernel import ipc_calls

    return ipc_calls.ksys_shmget(task, key, size, flags)


@syscall("shmat")
def sys_shmat(task: Task, number: I32, addr: U64, flags: I32) -> int:
    """shmat(2)."""
    from forkernel.kernel import ipc_calls

    return ipc_calls.ksys_shmat(task, number, addr, flags)


@syscall("shmdt")
def sys_shmdt(task: Task, addr: U64) -> int:
    """shmdt(2)."""
    from forkernel.kernel import ipc_calls

    return ipc_calls.ksys_shmdt(task, addr)


@syscall("shmctl")
def sys_shmctl(task: Task, number: I32, command: I32, addr: U64) -> int:
    """shmctl(2)."""
    from forkernel.kernel import ipc_calls

    return ipc_calls.ksys_shmctl(task, number, command, addr)


@syscall("msgget")
def sys_msgget(task: Task, key: I32, flags: I32) -> int:
    """msgget(2)."""
    from forkernel.kernel import ipc_calls

    return ipc_calls.ksys_msgget(task, key, flags)


@syscall("msgsnd")
def sys_msgsnd(task: Task, number: I32, addr: U64, size: U64, flags: I32) -> int:
    """msgsnd(2)."""
    from forkernel.kernel import ipc_calls

    return ipc_calls.ksys_msgsnd(task, number, addr, size, flags)


@syscall("msgrcv")
def sys_msgrcv(task: Task, number: I32, addr: U64, size: U64, mtype: I64, flags: I32) -> int:
    """msgrcv(2)."""
    from forkernel.kernel import ipc_calls

    return ipc_calls.ksys_msgrcv(task, number, addr, size, mtype, flags)


@syscall("msgctl")
def sys_msgctl(task: Task, number: I32, command: I32, addr: U64) -> int:
    """msgctl(2)."""
    from forkernel.kernel import ipc_calls

    return ipc_calls.ksys_msgctl(task, number, command, addr)
