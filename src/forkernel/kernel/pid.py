"""Process numbers (Linux: kernel/pid.c): struct pid, who uses it for what, and allocation that goes round.

A `Pid` stands for one identity: a task (PIDTYPE_PID), a process (PIDTYPE_TGID), a process group (PIDTYPE_PGID), a
session (PIDTYPE_SID), often several of them at once. It has a number in its own PID namespace and in each one
above, up to the machine's. Life cycle: `alloc_pid` takes the next free number at each level; `attach_pids` makes the
task of a clone visible by it; `change_pgrp` and `change_session` move a process; `detach_pids` takes a dead task out,
and `free_pid` gives the numbers back when nobody is left who uses the Pid for anything. Who holds on to one longer
(a pidfd, a file's owner, a terminal) does so by `get_pid` and `put_pid`: the object stays, its numbers are free.

Numbers are asked for as Linux's functions do: `pid_vnr` as the current task sees a Pid, `Pid.nr_ns` as some
namespace does (0: not at all), `find_task_by_vpid` for a number that a program gave. `task.pid` and `task.tgid` are
the machine's numbers, never to be shown to a guest.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from forkernel.abi.capability import CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN
from forkernel.abi.errno import EAGAIN, EEXIST, EINVAL, ENOMEM, EPERM
from forkernel.abi.namespace import CLONE_NEWPID, PID_NS_INIT_INO
from forkernel.errors import KernelBug, SysError
from forkernel.namespace import NsCommon, UserNamespace, cap_capable, init_user_ns

if TYPE_CHECKING:
    from forkernel.kernel.task import Task
    from forkernel.mm.slab import KmemCache
    from forkernel.wait import WaitQueue

RESERVED_PIDS = 300
PID_MAX_DEFAULT = 0x8000
PID_MAX_LIMIT = 4 * 1024 * 1024
PIDTYPE_PID, PIDTYPE_TGID, PIDTYPE_PGID, PIDTYPE_SID = range(4)


class Pid:
    """An identity with its numbers (Linux: struct pid)."""

    __slots__ = ("count", "inode", "leader", "level", "nr", "ns", "numbers", "pgrp", "session", "slab", "task",
                 "wait_pidfd")  # fmt: skip

    def __init__(self, ns: PidNamespace, numbers: tuple[int, ...], slab: int = 0) -> None:
        self.slab = slab
        """Slab address; 0 for process 0's, which is static, and once it is freed."""
        self.count = 1
        """References: one for being in the namespaces' tables, one for each `get_pid`."""
        self.ns = ns
        """The namespace it was made in: the innermost that sees it."""
        self.level: int = ns.level
        self.numbers = numbers
        """By level, the machine's first (Linux: the array of struct upid)."""
        self.nr = numbers[-1]
        """In its own namespace."""
        self.task: Task | None = None
        """Whose PID it is (PIDTYPE_PID); a zombie included."""
        self.leader: Task | None = None
        """The leader of the process whose ID it is (PIDTYPE_TGID)."""
        self.pgrp: dict[Task, None] | None = None
        """Leaders of the processes in the group of this ID (PIDTYPE_PGID); None before the first."""
        self.session: dict[Task, None] | None = None
        """Leaders of the processes in the session of this ID (PIDTYPE_SID); None before the first."""
        self.wait_pidfd: WaitQueue | None = None
        """Woken when the task exits and when it is gone; None until there is a pidfd."""
        self.inode: Any = None
        """What all its pidfds share, a pidfd.PidInode; None until there is one."""

    def nr_ns(self, ns: PidNamespace) -> int:
        """The number as `ns` sees it; 0 if it does not (Linux: pid_nr_ns)."""
        if ns is self.ns:
            return self.nr
        level = ns.level
        if level >= self.level:
            return 0
        return self.numbers[level] if self.upid_ns(level) is ns else 0

    def upid_ns(self, level: int) -> PidNamespace:
        """The namespace of its number at `level`."""
        ns = self.ns
        while ns.level > level:
            assert ns.parent is not None
            ns = ns.parent
        return ns

    def upids(self) -> list[tuple[int, PidNamespace]]:
        """(number, namespace) by level, the machine's first."""
        return [(nr, self.upid_ns(level)) for level, nr in enumerate(self.numbers)]

    def users(self, kind: int) -> list[Task]:
        """All that use it as PIDTYPE_* `kind` (Linux: do_each_pid_task)."""
        if kind == PIDTYPE_PGID:
            return list(self.pgrp) if self.pgrp else []
        if kind == PIDTYPE_SID:
            return list(self.session) if self.session else []
        one = self.task if kind == PIDTYPE_PID else self.leader
        return [] if one is None else [one]

    def get(self) -> Pid:
        """One more holds on to it (Linux: get_pid)."""
        self.count += 1
        return self

    def put(self) -> None:
        """One less does (Linux: put_pid)."""
        put_pid(self)

    def in_use(self) -> bool:
        """Whether anybody uses it for anything."""
        return self.task is not None or self.leader is not None or bool(self.pgrp) or bool(self.session)

    def wake_pidfds(self) -> None:
        """Tell who polls a pidfd (Linux: do_notify_pidfd)."""
        if self.wait_pidfd is not None:
            self.wait_pidfd.wake_up()

    def __repr__(self) -> str:
        return f"<Pid {'/'.join(map(str, self.numbers))} count {self.count}>"


class PidNamespace(NsCommon):
    """Numbers of their own for some processes (Linux: struct pid_namespace, pid_namespaces(7)).

    The machine's first one is `System.pids`. A namespace begins with `pid_namespace.create_pid_namespace` and lives
    as long as its processes; its PID 1 takes all others with it (`zap_pid_ns_processes`).
    """

    __slots__ = ("adding", "child_reaper", "last", "level", "numbers", "parent", "pid_cachep", "pid_max", "reboot",
                 "tasks", "zap_wait")  # fmt: skip

    nstype = CLONE_NEWPID
    name = b"pid"

    def __init__(self, system: Any, parent: PidNamespace | None = None, user_ns: UserNamespace = init_user_ns) -> None:
        super().__init__(system, user_ns, PID_NS_INIT_INO if parent is None else 0)
        self.parent: PidNamespace | None = parent if parent is None else parent.get()
        self.level: int = 0 if parent is None else parent.level + 1
        self.pid_cachep: KmemCache | None = None
        """Where its struct pids lie; that of the first is set at boot, None in a machine without RAM."""
        if parent is not None and parent.pid_cachep is not None:
            self.pid_cachep = system.slabs.create_pid_cachep(self.level)
        self.numbers: dict[int, Pid] = {}
        self.last = 0
        """The number given last."""
        self.pid_max = PID_MAX_DEFAULT if parent is None else PID_MAX_LIMIT
        """One above the largest number handed out; those of the namespaces above hold too, each at its level."""
        self.child_reaper: Task | None = None
        """PID 1 of it: who gets its orphans."""
        self.adding = True
        """Cleared for good when PID 1 is dead: nobody can be born any more (Linux: PIDNS_ADDING)."""
        self.reboot = 0
        """Signal that reboot(2) within ends PID 1 by."""
        self.zap_wait: WaitQueue | None = None
        """PID 1, dead, waits for the others to be gone."""
        self.tasks: dict[Task, None] = {}
        """Every task of the machine but process 0, in order of creation; kept in the first namespace only."""

    def free(self) -> None:
        """Nobody is in it or holds it any more."""
        if self in self.system.bacct:
            from forkernel.kernel.acct import acct_exit_ns

            acct_exit_ns(self)
        if self.parent is not None:
            self.parent.put()
        super().free()

    def install(self, nsset: Any) -> None:
        """setns."""
        from forkernel.kernel.pid_namespace import pidns_install

        pidns_install(nsset, self)

    def visible_parent(self, task: Task) -> PidNamespace:
        """NS_GET_PARENT; EPERM."""
        from forkernel.kernel.pid_namespace import visible_parent

        return visible_parent(self, task)

    # --- allocation

    def next_number(self) -> int:
        """The next free number after the last, from the first again past pid_max; SysError(EAGAIN) for none."""
        numbers, pid_max = self.numbers, self.pid_max
        number = self.last + 1
        if number >= pid_max:
            number = RESERVED_PIDS
        while number in numbers and number < pid_max:
            number += 1
        if number >= pid_max:
            number = self._wrapped()
        self.last = number
        return number

    def _wrapped(self) -> int:
        """The first free number of the next round: the low ones are left to the system after the first."""
        for number in range(RESERVED_PIDS if self.last >= RESERVED_PIDS else 1, self.pid_max):
            if number not in self.numbers:
                return number
        raise SysError(EAGAIN)

    # --- looking up

    def find_pid(self, number: int) -> Pid | None:
        """Whom a number of this namespace means (Linux: find_pid_ns)."""
        return self.numbers.get(number)

    def find(self, number: int) -> Task | None:
        """The task with this number, a zombie included (Linux: find_task_by_pid_ns)."""
        pid = self.numbers.get(number)
        return pid.task if pid is not None else None

    def pgrp(self, number: int) -> list[Task]:
        """Leaders of the processes in a group."""
        pid = self.numbers.get(number)
        return list(pid.pgrp) if pid is not None and pid.pgrp else []

    def session(self, number: int) -> list[Task]:
        """Leaders of the processes in a session."""
        pid = self.numbers.get(number)
        return list(pid.session) if pid is not None and pid.session else []

    def processes(self) -> Iterator[Task]:
        """All thread-group leaders of the machine, zombies included, in order of creation."""
        return (task for task in list(self.tasks) if task.is_leader)

    def members(self) -> list[Task]:
        """Leaders of the processes that the namespace sees, by number (Linux: next_tgid)."""
        found = []
        for number in sorted(self.numbers):
            leader = self.numbers[number].leader
            if leader is not None:
                found.append(leader)
        return found


# --- allocation


def alloc_pid(ns: PidNamespace, set_tid: tuple[int, ...] = (), creator: Task | None = None) -> Pid:
    """A Pid with a number at each level from `ns` up to the machine.

    `set_tid`: the numbers wanted, that in `ns` first (clone3). EAGAIN: all numbers of a level are taken; ENOMEM: no
    memory, or the namespace's PID 1 is dead; for a wanted number EINVAL, EPERM, EEXIST as clone(2) says.
    """
    cache = ns.pid_cachep
    slab = cache.alloc() if cache is not None else 0
    try:
        numbers = _numbers(ns, set_tid, creator) if ns.level or set_tid else (ns.next_number(),)
    except SysError:
        if cache is not None:
            cache.free(slab)
        raise
    pid = Pid(ns, numbers, slab)
    if not ns.level:
        ns.numbers[pid.nr] = pid
        return pid
    ns.get()
    here: PidNamespace | None = ns
    while here is not None:
        here.numbers[numbers[here.level]] = pid
        here = here.parent
    return pid


def _numbers(ns: PidNamespace, set_tid: tuple[int, ...], creator: Task | None) -> tuple[int, ...]:
    """One for each level, the machine's first; none is taken yet."""
    if len(set_tid) > ns.level + 1:
        raise SysError(EINVAL)
    found = []
    here: PidNamespace | None = ns
    while here is not None:
        depth = ns.level - here.level
        found.append(_wanted(here, set_tid[depth], creator) if depth < len(set_tid) else here.next_number())
        here = here.parent
    if not ns.adding:
        raise SysError(ENOMEM)
    return tuple(reversed(found))


def _wanted(ns: PidNamespace, number: int, creator: Task | None) -> int:
    """A number that clone3's set_tid asks for: PID 1 must be the first of its namespace."""
    if not 1 <= number < ns.pid_max or (number != 1 and ns.child_reaper is None):
        raise SysError(EINVAL)
    if creator is not None and not _may_choose(creator, ns):
        raise SysError(EPERM)
    if number in ns.numbers:
        raise SysError(EEXIST)
    return number


def _may_choose(creator: Task, ns: PidNamespace) -> bool:
    """Linux: checkpoint_restore_ns_capable."""
    cred, owner = creator.cred, ns.user_ns
    return cap_capable(cred, owner, CAP_SYS_ADMIN) or cap_capable(cred, owner, CAP_CHECKPOINT_RESTORE)


def free_pid(pid: Pid) -> None:
    """Nobody uses it for anything any more, or no task ever got it: its numbers are free."""
    here: PidNamespace | None = pid.ns
    numbers = pid.numbers
    while here is not None:
        del here.numbers[numbers[here.level]]
        if here.zap_wait is not None:
            here.zap_wait.wake_up()
        here = here.parent
    put_pid(pid)


def get_pid(pid: Pid) -> Pid:
    """One more holds on to it."""
    pid.count += 1
    return pid


def put_pid(pid: Pid) -> None:
    """One less does; the last gives back its slab object, and lets go of the namespace."""
    pid.count -= 1
    if pid.count <= 0:
        if pid.count:
            raise KernelBug(f"{pid!r} was put once too often")
        if pid.slab:
            pid.ns.pid_cachep.free(pid.slab)  # type: ignore[union-attr]  # it came from there
            pid.slab = 0
        if pid.level:
            pid.ns.put()


# --- attaching


def attach_pids(task: Task) -> None:
    """A new task is visible: by its PID and, if it leads a process, as that and in its group and session."""
    pid = task.thread_pid
    pid.task = task
    task.system.pids.tasks[task] = None
    if task.group_leader is task:
        pid.leader = task
        signal = task.signal
        _join_pgrp(task, signal.pgrp)
        _join_session(task, signal.session)


def _join_pgrp(leader: Task, pid: Pid) -> None:
    if pid.pgrp is None:
        pid.pgrp = {leader: None}
    else:
        pid.pgrp[leader] = None


def _join_session(leader: Task, pid: Pid) -> None:
    if pid.session is None:
        pid.session = {leader: None}
    else:
        pid.session[leader] = None


def detach_pids(task: Task) -> None:
    """release_task: the task is gone; its Pids are free if nobody else uses them."""
    pid = task.thread_pid
    if pid.task is not task:
        raise KernelBug(f"{task!r} does not own its PID")
    pid.task = None
    del task.system.pids.tasks[task]
    if task.group_leader is task:
        pid.leader = None
        pgrp, session = task.signal.pgrp, task.signal.session
        del pgrp.pgrp[task]  # type: ignore[union-attr]  # a leader is in its group and its session
        del session.session[task]  # type: ignore[union-attr]
        if pgrp is not pid:
            _drop(pgrp)
        if session is not pid and session is not pgrp:
            _drop(session)
    if not pid.in_use():
        free_pid(pid)


def _drop(pid: Pid) -> None:
    """One user less: the numbers are free after the last. Process 0's stays, it is in no table."""
    if not pid.in_use() and pid.nr:
        free_pid(pid)


def change_pgrp(leader: Task, pid: Pid) -> None:
    """Move a process to the group `pid` (setpgid, setsid; Linux: change_pid)."""
    old = leader.signal.pgrp
    del old.pgrp[leader]  # type: ignore[union-attr]
    leader.signal.pgrp = pid
    _join_pgrp(leader, pid)
    _drop(old)


def change_session(leader: Task, pid: Pid) -> None:
    """Move a process to the session `pid` (setsid)."""
    old = leader.signal.session
    del old.session[leader]  # type: ignore[union-attr]
    leader.signal.session = pid
    _join_session(leader, pid)
    _drop(old)


def exchange_tids(task: Task, leader: Task) -> None:
    """execve by a thread: it gets the leader's Pid and place in group and session, the leader the thread's."""
    task.pid, leader.pid = leader.pid, task.pid
    pid, spare = leader.thread_pid, task.thread_pid
    task.thread_pid, leader.thread_pid = pid, spare
    pid.task, spare.task = task, leader
    pid.leader = task
    if pid.nr == 1:
        pid.ns.child_reaper = task
    pgrp, session = task.signal.pgrp, task.signal.session
    pgrp.pgrp = dict.fromkeys(task if member is leader else member for member in pgrp.pgrp or ())
    session.session = dict.fromkeys(task if member is leader else member for member in session.session or ())


# --- numbers as somebody sees them


def task_active_pid_ns(task: Task) -> PidNamespace:
    """The namespace that a task lives in."""
    return task.thread_pid.ns


def pid_vnr(pid: Pid | None, current: Task) -> int:
    """The number as `current` sees it; 0 for none, and for one outside its namespace."""
    if pid is None:
        return 0
    ns = current.thread_pid.ns
    return pid.nr if pid.ns is ns else pid.nr_ns(ns)


def task_tgid(task: Task) -> Pid:
    """Of its process."""
    return task.group_leader.thread_pid


def task_pid_vnr(task: Task) -> int:
    """The task's number in its own namespace."""
    return task.thread_pid.nr


def task_tgid_vnr(task: Task) -> int:
    """Its process's number in its own namespace."""
    return task.group_leader.thread_pid.nr


def task_ppid_nr_ns(task: Task, ns: PidNamespace) -> int:
    """The parent process as `ns` sees it, 0 if it does not."""
    return task.real_parent.group_leader.thread_pid.nr_ns(ns)


def find_vpid(current: Task, number: int) -> Pid | None:
    """Whom a number that `current` gave means."""
    return current.thread_pid.ns.numbers.get(number)


def find_task_by_vpid(current: Task, number: int) -> Task | None:
    """The task that a number given by `current` means, a zombie included."""
    return current.thread_pid.ns.find(number)


def is_child_reaper(task: Task) -> bool:
    """Whether the task is PID 1 of its namespace, or another thread of it."""
    return task.group_leader.thread_pid.nr == 1
