"""futex and the calls around it: robust lists, set_tid_address, rseq, membarrier."""

from __future__ import annotations

from forkernel.abi.errno import EINVAL, ENOSYS, EPERM, ESRCH
from forkernel.abi.futex import (
    FUTEX2_NUMA,
    FUTEX2_PRIVATE,
    FUTEX2_SIZE_U32,
    FUTEX_BITSET_MATCH_ANY,
    FUTEX_CLOCK_REALTIME,
    FUTEX_CMP_REQUEUE,
    FUTEX_CMP_REQUEUE_PI,
    FUTEX_LOCK_PI,
    FUTEX_LOCK_PI2,
    FUTEX_NO_NODE,
    FUTEX_PRIVATE_FLAG,
    FUTEX_REQUEUE,
    FUTEX_TRYLOCK_PI,
    FUTEX_UNLOCK_PI,
    FUTEX_WAIT,
    FUTEX_WAIT_BITSET,
    FUTEX_WAIT_REQUEUE_PI,
    FUTEX_WAITV_MAX,
    FUTEX_WAKE,
    FUTEX_WAKE_BITSET,
    FUTEX_WAKE_OP,
    FutexWaitv,
    RobustListHead,
)
from forkernel.abi.sched import (
    MEMBARRIER_CMD_FLAG_CPU,
    MEMBARRIER_CMD_GET_REGISTRATIONS,
    MEMBARRIER_CMD_GLOBAL,
    MEMBARRIER_CMD_GLOBAL_EXPEDITED,
    MEMBARRIER_CMD_PRIVATE_EXPEDITED,
    MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ,
    MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE,
    MEMBARRIER_CMD_QUERY,
    MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED,
    MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED,
    MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ,
    MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE,
    RSEQ_FLAG_UNREGISTER,
)
from forkernel.abi.time import CLOCK_MONOTONIC, CLOCK_REALTIME, Timespec
from forkernel.abi.types import I32, U32, U64
from forkernel.errors import SysError
from forkernel.kernel import futex
from forkernel.kernel.pid import find_task_by_vpid, task_pid_vnr
from forkernel.kernel.posix_clock import timespec_to_ns
from forkernel.kernel.ptrace import ptrace_may_access
from forkernel.kernel.rseq import rseq_preempt, rseq_register, rseq_unregister
from forkernel.kernel.task import Task
from forkernel.kernel.time_namespace import timens_ktime_to_host
from forkernel.mm.uaccess import UserIn, UserOut
from forkernel.syscalls.registry import syscall

TIMED = (FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_LOCK_PI, FUTEX_LOCK_PI2, FUTEX_WAIT_REQUEUE_PI)
"""Operations whose fourth argument is a time limit, and"""
CLOCK_CHOICE = (FUTEX_WAIT_BITSET, FUTEX_LOCK_PI2, FUTEX_WAIT_REQUEUE_PI)
"""those that take FUTEX_CLOCK_REALTIME."""

# --- futex


@syscall("futex")
def sys_futex(task: Task, uaddr: U64, op: U32, val: U32, utime: U64, uaddr2: U64, val3: U32) -> int:
    """futex(2)."""
    command = op & ~(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)
    shared = not op & FUTEX_PRIVATE_FLAG
    deadline = _deadline(task, command, op, utime) if utime and command in TIMED else None
    if op & FUTEX_CLOCK_REALTIME and command not in CLOCK_CHOICE:
        raise SysError(ENOSYS)
    if command in (FUTEX_WAIT, FUTEX_WAIT_BITSET):
        if command == FUTEX_WAIT:
            val3 = FUTEX_BITSET_MATCH_ANY
        return futex.futex_wait(task, uaddr, shared, val, deadline, val3)
    count = _int(val)
    if command == FUTEX_WAKE:
        return futex.futex_wake(task, uaddr, shared, count)
    if command == FUTEX_WAKE_BITSET:
        return futex.futex_wake(task, uaddr, shared, count, val3)
    if command in (FUTEX_REQUEUE, FUTEX_CMP_REQUEUE):
        expected = val3 if command == FUTEX_CMP_REQUEUE else None
        return futex.futex_requeue(task, uaddr, uaddr2, shared, count, _int(utime), expected)
    if command == FUTEX_WAKE_OP:
        return futex.futex_wake_op(task, uaddr, uaddr2, shared, count, _int(utime), val3)
    return futex_pi(task, command, uaddr, shared, val, utime, uaddr2, val3, deadline)


def futex_pi(
    task: Task,
    command: int,
    uaddr: int,
    shared: bool,
    val: int,
    utime: int,
    uaddr2: int,
    val3: int,
    deadline: futex.Deadline | None,
) -> int:
    """The operations on locks that inherit priority; ENOSYS for an unknown one."""
    from forkernel.kernel import futex_pi as pi

    if command in (FUTEX_LOCK_PI, FUTEX_LOCK_PI2):
        return pi.futex_lock_pi(task, uaddr, shared, deadline)
    if command == FUTEX_TRYLOCK_PI:
        return pi.futex_lock_pi(task, uaddr, shared, None, trylock=True)
    if command == FUTEX_UNLOCK_PI:
        return pi.futex_unlock_pi(task, uaddr, shared)
    if command == FUTEX_WAIT_REQUEUE_PI:
        return pi.futex_wait_requeue_pi(task, uaddr, shared, val, deadline, FUTEX_BITSET_MATCH_ANY, uaddr2)
    if command == FUTEX_CMP_REQUEUE_PI:
        return pi.futex_cmp_requeue_pi(task, uaddr, uaddr2, shared, _int(val), _int(utime), val3)
    raise SysError(ENOSYS)


def _int(value: int) -> int:
    """The low half of a register as a C int."""
    return (value & 0xFFFFFFFF ^ 0x80000000) - 0x80000000


def _deadline(task: Task, command: int, op: int, utime: int) -> futex.Deadline:
    """When a wait ends: FUTEX_WAIT's time is relative, all others absolute, FUTEX_LOCK_PI's of CLOCK_REALTIME, the
    rest of either clock.
    """
    assert task.mm is not None
    when = timespec_to_ns(Timespec.unpack(task.mm.read(utime, Timespec.SIZE)))
    if command == FUTEX_WAIT:
        return futex.Deadline(task.system.clock.monotonic() + when)
    if op & FUTEX_CLOCK_REALTIME or command == FUTEX_LOCK_PI:
        return futex.Deadline(when, realtime=True)
    return futex.Deadline(timens_ktime_to_host(task, CLOCK_MONOTONIC, when))


def futex2_shared(task: Task, addr: int, flags: int) -> bool:
    """Whether futex2 flags mean a shared word; EINVAL for any size but 32 bits."""
    if flags & ~(FUTEX2_PRIVATE | FUTEX2_NUMA) != FUTEX2_SIZE_U32:
        raise SysError(EINVAL)
    if flags & FUTEX2_NUMA:
        futex2_node(task, addr)
    return not flags & FUTEX2_PRIVATE


def futex2_node(task: Task, addr: int) -> None:
    """The word after the futex names the memory node that its waiters are kept on, or is told it: there is only 0."""
    assert task.mm is not None
    if addr & 7:
        raise SysError(EINVAL)
    node = task.mm.read_u32(addr + 4)
    if node == FUTEX_NO_NODE:
        task.mm.write_u32(addr + 4, 0)
    elif node:
        raise SysError(EINVAL)


@syscall("futex_wake")
def sys_futex_wake(task: Task, uaddr: U64, mask: U64, nr: I32, flags: U32) -> int:
    """futex_wake: FUTEX_WAKE_BITSET with futex2 flags; waking none is possible."""
    if mask >> 32:
        raise SysError(EINVAL)
    return futex.futex_wake(task, uaddr, futex2_shared(task, uaddr, flags), nr, mask, strict=True)


@syscall("futex_wait")
def sys_futex_wait(
    task: Task, uaddr: U64, val: U64, mask: U64, flags: U32, timeout: UserIn[Timespec] | None, clock: I32
) -> int:
    """futex_wait: FUTEX_WAIT_BITSET with futex2 flags; the time is absolute."""
    shared = futex2_shared(task, uaddr, flags)
    if val >> 32 or mask >> 32:
        raise SysError(EINVAL)
    return futex.futex_wait(task, uaddr, shared, val, futex2_deadline(task, timeout, clock), mask, restart=False)


@syscall("futex_requeue")
def sys_futex_requeue(task: Task, waiters: UserIn[FutexWaitv] | None, flags: U32, nr_wake: I32, nr_requeue: I32) -> int:
    """futex_requeue: FUTEX_CMP_REQUEUE between two words with the same futex2 flags."""
    if flags or waiters is None:
        raise SysError(EINVAL)
    (addr, shared, value), (addr2, shared2, _) = futex_parse_waitv(task, waiters, 2)
    if shared != shared2:
        raise SysError(EINVAL)
    return futex.futex_requeue(task, addr, addr2, shared, nr_wake, nr_requeue, value)


def futex2_deadline(task: Task, timeout: UserIn[Timespec] | None, clock: int) -> futex.Deadline | None:
    """An absolute time limit; EINVAL for a clock other than the two, if there is a limit."""
    if timeout is None:
        return None
    if clock not in (CLOCK_MONOTONIC, CLOCK_REALTIME):
        raise SysError(EINVAL)
    when = timens_ktime_to_host(task, clock, timespec_to_ns(timeout.get()))
    return futex.Deadline(when, realtime=clock == CLOCK_REALTIME)


def futex_parse_waitv(task: Task, waiters: UserIn[FutexWaitv], count: int) -> list[tuple[int, bool, int]]:
    """(address, shared, expected value) of each struct futex_waitv; EINVAL, EFAULT."""
    words = []
    for waiter in waiters.get_array(count):
        if waiter.reserved or waiter.val >> 32:
            raise SysError(EINVAL)
        words.append((waiter.uaddr, futex2_shared(task, waiter.uaddr, waiter.flags), waiter.val))
    return words


@syscall("futex_waitv")
def sys_futex_waitv(
    task: Task, waiters: UserIn[FutexWaitv] | None, count: U32, flags: U32, timeout: UserIn[Timespec] | None, clock: I32
) -> int:
    """futex_waitv(2)."""
    if flags or waiters is None or not 1 <= count <= FUTEX_WAITV_MAX:
        raise SysError(EINVAL)
    deadline = futex2_deadline(task, timeout, clock)
    return futex.futex_wait_multiple(task, futex_parse_waitv(task, waiters, count), deadline)


# --- what a thread tells the kernel of its memory


@syscall("set_robust_list")
def sys_set_robust_list(task: Task, head: U64, size: U64) -> int:
    """set_robust_list(2)."""
    if size != RobustListHead.SIZE:
        raise SysError(EINVAL)
    task.robust_list = head
    return 0


@syscall("get_robust_list")
def sys_get_robust_list(task: Task, pid: I32, head: UserOut[U64], size: UserOut[U64]) -> int:
    """get_robust_list(2)."""
    target = find_task_by_vpid(task, pid) if pid else task
    if target is None:
        raise SysError(ESRCH)
    if not ptrace_may_access(task, target):
        raise SysError(EPERM)
    size.put(RobustListHead.SIZE)
    head.put(target.robust_list)
    return 0


@syscall("set_tid_address")
def sys_set_tid_address(task: Task, tidptr: U64) -> int:
    """set_tid_address(2)."""
    task.clear_child_tid = tidptr
    return task_pid_vnr(task)


@syscall("rseq")
def sys_rseq(task: Task, rseq: U64, length: U32, flags: I32, signature: U32) -> int:
    """rseq(2)."""
    assert task.mm is not None
    if flags & RSEQ_FLAG_UNREGISTER:
        rseq_unregister(task, task.mm, rseq, length, flags, signature)
    elif flags:
        raise SysError(EINVAL)
    else:
        rseq_register(task, task.mm, rseq, length, signature)
    return 0


# --- membarrier

_REGISTERS = {
    MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED: MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED,
    MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED: MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED,
    MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE: MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE,
    MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ: MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ,
}
_NEEDS = {
    MEMBARRIER_CMD_GLOBAL: 0,
    MEMBARRIER_CMD_GLOBAL_EXPEDITED: 0,
    MEMBARRIER_CMD_PRIVATE_EXPEDITED: MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED,
    MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE: MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE,
    MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ: MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ,
}


@syscall("membarrier")
def sys_membarrier(task: Task, cmd: I32, flags: U32, cpu_id: I32) -> int:
    """membarrier(2). All CPUs are played by one emulator, which keeps memory accesses in order, so that only the
    registrations are kept, and restartable sequences on other CPUs are started over.
    """
    mm = task.mm
    assert mm is not None
    if flags and (flags != MEMBARRIER_CMD_FLAG_CPU or cmd != MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ):
        raise SysError(EINVAL)
    if cmd == MEMBARRIER_CMD_QUERY:
        return sum(_NEEDS) | sum(_REGISTERS) | MEMBARRIER_CMD_GET_REGISTRATIONS
    if cmd == MEMBARRIER_CMD_GET_REGISTRATIONS:
        return mm.membarrier_state
    if cmd in _REGISTERS:
        mm.membarrier_state |= cmd
        return 0
    if cmd not in _NEEDS:
        raise SysError(EINVAL)
    if _NEEDS[cmd] & ~mm.membarrier_state:
        raise SysError(EPERM)
    if cmd == MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ:
        cpus = task.system.run_queues
        for rq in cpus[cpu_id : cpu_id + 1] if flags and cpu_id >= 0 else cpus:
            if rq.current is not task and rq.current.mm is mm:
                rseq_preempt(rq.current)
    return 0
