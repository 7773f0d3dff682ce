"""System V semaphores (Linux: ipc/sem.c; semget(2), semop(2), semctl(2)).

Life of an operation: `do_semtimedop` tries all of a call's operations at once (`perform_atomic_semop`): all
happen or none. If one would block, the call sleeps as a `SemQueue` in the set's queue of waiters. Whoever
changes a value goes through that queue in order of arrival (`do_smart_update`), carries out on the spot what
has become possible, and wakes its caller with the result.

Life of an undo: an operation with SEM_UNDO also counts, with its sign changed, in the caller's `SemUndo` for
the set. These hang on a `SemUndoList`, which clone's CLONE_SYSVSEM shares (`copy_semundo`); when the last task
that has the list exits, or unshares it, everything in it is added back (`exit_sem`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import E2BIG, EACCES, EAGAIN, EFBIG, EIDRM, EINTR, EINVAL, ENOSPC, ERANGE
from forkernel.abi.ipc import IPC_NOWAIT, S_IRUGO, S_IWUGO, SEM_UNDO, SEMAEM, SEMVMX
from forkernel.abi.ipc_structs import Sembuf, SemidDs
from forkernel.errors import SysError
from forkernel.kernel.ipc_namespace import IpcNamespace, ipc_ns_of
from forkernel.kernel.ipc_util import (
    KernIpcPerm,
    check_perms,
    forget_pid,
    ipc_obtain_object_check,
    ipc_update_pid,
    ipcget,
    ipcperms,
    now_seconds,
)
from forkernel.wait import Resume, Sleep, WaitQueue

if TYPE_CHECKING:
    from forkernel.kernel.pid import Pid
    from forkernel.kernel.task import Task

WOULD_BLOCK = 1
SEM_SIZE = 64  # struct sem


class SemArray(KernIpcPerm):
    """A set of semaphores (Linux: sem_array)."""

    __slots__ = ("ctime", "otime", "pids", "queue", "undos", "values")

    def __init__(self, task: Task, key: int, mode: int, nsems: int) -> None:
        super().__init__(task, key, mode)
        self.values = [0] * nsems
        self.pids: list[Pid | None] = [None] * nsems
        """Who last changed or waited for each (GETPID)."""
        self.otime = 0
        self.ctime = now_seconds(task)
        self.queue: dict[SemQueue, None] = {}
        """Calls that wait, in order of arrival."""
        self.undos: dict[SemUndo, None] = {}

    def pack(self, task: Task) -> bytes:
        """As struct semid64_ds, for `task`."""
        return self.pack_perm(task.cred.user_ns) + SemidDs(self.otime, 0, self.ctime, 0, len(self.values)).pack()


class SemUndo:
    """What a list of undos would do to one set (Linux: sem_undo). `adjust` is added at exit."""

    __slots__ = ("adjust", "sma")

    def __init__(self, sma: SemArray) -> None:
        self.sma = sma
        self.adjust = [0] * len(sma.values)


class SemUndoList:
    """The undos of the tasks that share it (Linux: sem_undo_list); `refcnt` is their number."""

    __slots__ = ("refcnt", "undos")

    def __init__(self) -> None:
        self.refcnt = 1
        self.undos: dict[SemArray, SemUndo] = {}


class SemQueue(Resume):
    """A call that waits (Linux: sem_queue). `status` None: still waiting; else 0 or a negative errno."""

    __slots__ = ("alter", "blocking", "deadline", "sma", "sops", "status", "task", "undo", "wait")

    def __init__(self, sma: SemArray, sops: list[Sembuf], undo: SemUndo | None, alter: bool, task: Task) -> None:
        self.sma = sma
        self.sops = sops
        self.undo = undo
        self.alter = alter
        self.task = task
        """Who waits."""
        self.blocking = sops[0]
        """The operation that could not be done at the last attempt."""
        self.status: int | None = None
        self.deadline: int | None = None
        self.wait = WaitQueue()

    def step(self, task: Task) -> int:
        """The result, if it is there; EAGAIN once the time is over."""
        if self.status is None:
            if self.deadline is not None and task.system.clock.monotonic() >= self.deadline:
                del self.sma.queue[self]
                self.status = -EAGAIN
            else:
                raise Sleep(self.wait, resume=self, deadline=self.deadline)
        return self.status

    def interrupted(self, task: Task) -> int:
        """A signal: EINTR, never restarted (signal(7))."""
        self.sma.queue.pop(self, None)
        return -EINTR


# --- sets


def semget(task: Task, key: int, nsems: int, flags: int) -> int:
    """The set with a key, made if it is to be (semget(2))."""
    ns = ipc_ns_of(task)
    if nsems < 0 or nsems > ns.sem_ctls[0]:
        raise SysError(EINVAL)

    def check(perm: KernIpcPerm) -> None:
        if nsems > len(perm.values):  # type: ignore[attr-defined]  # a SemArray
            raise SysError(EINVAL)

    return ipcget(task, ns.ids("sem"), key, flags, lambda: newary(task, ns, key, nsems, flags), check)


def newary(task: Task, ns: IpcNamespace, key: int, nsems: int, flags: int) -> int:
    """A new set; EINVAL for an empty one, ENOSPC by the limits."""
    if not nsems:
        raise SysError(EINVAL)
    if ns.used_sems + nsems > ns.sem_ctls[1]:
        raise SysError(ENOSPC)
    kmalloc = task.system.slabs.kmalloc
    kmalloc.charge("sem_array", SEM_SIZE * nsems)
    try:
        number = ns.ids("sem").add(SemArray(task, key, flags, nsems), ns.sem_ctls[3])
    except SysError:
        kmalloc.uncharge("sem_array", SEM_SIZE * nsems)
        raise
    ns.used_sems += nsems
    return number


def find_set(task: Task, number: int) -> SemArray:
    """The set with this number; EINVAL."""
    found = ipc_obtain_object_check(ipc_ns_of(task).ids("sem"), number)
    assert isinstance(found, SemArray)
    return found


def freeary(ns: IpcNamespace, sma: SemArray) -> None:
    """IPC_RMID: the set goes, with its undos; who waits gets EIDRM."""
    ns.ids("sem").remove(sma)
    ns.used_sems -= len(sma.values)
    ns.system.slabs.kmalloc.uncharge("sem_array", SEM_SIZE * len(sma.values))
    sma.undos.clear()
    for pid in sma.pids:
        forget_pid(pid)
    sma.pids = []
    for waiter in list(sma.queue):
        wake_up_sem_queue(waiter, -EIDRM)


# --- operations


def do_semtimedop(task: Task, number: int, sops: list[Sembuf], deadline: int | None) -> int:
    """Carry out all of `sops` at once, or sleep until that can be done (semop(2)); `deadline` on CLOCK_MONOTONIC."""
    ns = ipc_ns_of(task)
    if not sops or number < 0:
        raise SysError(EINVAL)
    if len(sops) > ns.sem_ctls[2]:
        raise SysError(E2BIG)
    alter = any(sop.sem_op for sop in sops)
    sma = find_set(task, number)
    if max(sop.sem_num for sop in sops) >= len(sma.values):
        raise SysError(EFBIG)
    if not ipcperms(task, sma, S_IWUGO if alter else S_IRUGO):
        raise SysError(EACCES)
    undo = find_alloc_undo(task, sma) if any(sop.sem_flg & SEM_UNDO for sop in sops) else None
    queue = SemQueue(sma, sops, undo, alter, task)
    error = perform_atomic_semop(queue)
    if error == 0:
        sma.otime = now_seconds(task)
        if alter:
            do_smart_update(sma, sma.otime)
        return 0
    if error < 0:
        return error
    queue.deadline = deadline
    sma.queue[queue] = None
    return queue.step(task)


def perform_atomic_semop(queue: SemQueue) -> int:
    """Try all operations: 0 when all were done, a negative errno, or WOULD_BLOCK with nothing changed."""
    sma, undo = queue.sma, queue.undo
    values = sma.values
    changed: dict[int, int] = {}
    adjusted: dict[int, int] = {}
    for sop in queue.sops:
        number, operation = sop.sem_num, sop.sem_op
        value = changed.get(number, values[number])
        result = value + operation
        if result < 0 or (not operation and value):
            queue.blocking = sop
            return -EAGAIN if sop.sem_flg & IPC_NOWAIT else WOULD_BLOCK
        if result > SEMVMX:
            return -ERANGE
        if sop.sem_flg & SEM_UNDO:
            assert undo is not None
            adjust = adjusted.get(number, undo.adjust[number]) - operation
            if not -SEMAEM - 1 <= adjust <= SEMAEM:
                return -ERANGE
            adjusted[number] = adjust
        changed[number] = result
    for number, value in changed.items():
        values[number] = value
        sma.pids[number] = ipc_update_pid(sma.pids[number], queue.task)
    for number, value in adjusted.items():
        undo.adjust[number] = value  # type: ignore[union-attr]
    return 0


def do_smart_update(sma: SemArray, now: int) -> None:
    """A value changed: carry out what waits and has become possible.

    Those that wait for zero come first, for they change nothing; then the others in order of arrival. After one
    that changed something it begins anew.
    """
    again = True
    while again:
        again = False
        for queue in sorted(sma.queue, key=lambda waiter: waiter.alter):
            error = perform_atomic_semop(queue)
            if error == WOULD_BLOCK:
                continue
            wake_up_sem_queue(queue, error)
            if error == 0:
                sma.otime = now
                if queue.alter:
                    again = True
                    break


def wake_up_sem_queue(queue: SemQueue, status: int) -> None:
    """End a wait with a result."""
    queue.sma.queue.pop(queue, None)
    queue.status = status
    queue.wait.wake_up()


def count_semcnt(sma: SemArray, number: int, count_zero: bool) -> int:
    """Calls that wait for the semaphore to grow or, with `count_zero`, to become 0 (GETNCNT, GETZCNT)."""
    blocking = (queue.blocking for queue in sma.queue)
    return sum(sop.sem_num == number and (sop.sem_op == 0) == count_zero for sop in blocking)


# --- undo


def find_alloc_undo(task: Task, sma: SemArray) -> SemUndo:
    """The task's undo for a set, made if there is none yet."""
    undo_list = get_undo_list(task)
    undo = undo_list.undos.get(sma)
    if undo is None:
        undo = undo_list.undos[sma] = SemUndo(sma)
        sma.undos[undo] = None
    return undo


def get_undo_list(task: Task) -> SemUndoList:
    """The task's list, made if there is none yet."""
    if task.sysvsem is None:
        task.sysvsem = SemUndoList()
    return task.sysvsem


def copy_semundo(task: Task, child: Task) -> None:
    """CLONE_SYSVSEM: the child has the parent's list, which is made if there is none yet."""
    undo_list = get_undo_list(task)
    undo_list.refcnt += 1
    child.sysvsem = undo_list


def exit_sem(task: Task) -> None:
    """The task gives up its list; when nobody has it any more, it is carried out: the newest set first."""
    undo_list, task.sysvsem = task.sysvsem, None
    if undo_list is None:
        return
    undo_list.refcnt -= 1
    if undo_list.refcnt:
        return
    for sma, undo in reversed(undo_list.undos.items()):
        if sma.deleted:
            continue
        sma.undos.pop(undo, None)
        for number, adjust in enumerate(undo.adjust):
            if adjust:
                sma.values[number] = min(max(sma.values[number] + adjust, 0), SEMVMX)
                sma.pids[number] = ipc_update_pid(sma.pids[number], task)
        sma.otime = now_seconds(task)
        do_smart_update(sma, sma.otime)


# --- semctl


def semctl_setval(task: Task, sma: SemArray, number: int, value: int) -> None:
    """SETVAL: one value; all undos of the semaphore are forgotten."""
    if not 0 <= number < len(sma.values):
        raise SysError(EINVAL)
    check_perms(task, sma, S_IWUGO)
    for undo in sma.undos:
        undo.adjust[number] = 0
    sma.values[number] = value
    sma.pids[number] = ipc_update_pid(sma.pids[number], task)
    sma.ctime = now_seconds(task)
    do_smart_update(sma, sma.ctime)


def semctl_setall(task: Task, sma: SemArray, values: list[int]) -> None:
    """SETALL: all values; all undos of the set are forgotten. ERANGE."""
    if max(values) > SEMVMX:
        raise SysError(ERANGE)
    sma.values[:] = values
    sma.pids[:] = [ipc_update_pid(old, task) for old in sma.pids]
    for undo in sma.undos:
        undo.adjust = [0] * len(values)
    sma.ctime = now_seconds(task)
    do_smart_update(sma, sma.ctime)
