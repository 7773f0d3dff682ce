"""Control groups, version 2: a tree of groups of processes, and the pids controller (cgroups(7)).

Life of a group: `mkdir` in the file system (kernel/cgroup_fs.py) makes a `Cgroup` below another; processes are moved
into it by writing to its cgroup.procs (`cgroup_attach_task`), or born in it: a child starts in its parent's group, or
in the one that clone3's CLONE_INTO_CGROUP names (`cgroup_can_fork`). A task leaves at exit (`cgroup_exit`), but counts
for pids.max until it is reaped (`cgroup_release`). `rmdir` takes an empty group away (`cgroup_destroy`).

A task in the root group, as all are until somebody makes another, has `task.cgroup` None: then none of this is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EACCES, EAGAIN, EBADF, EBUSY, EINVAL, ENODEV, ENOENT, EOPNOTSUPP, ESRCH
from forkernel.abi.signal import SIGKILL
from forkernel.errors import SysError
from forkernel.fs.inode import MAY_WRITE
from forkernel.kernel.sigqueue import JOBCTL_TRAP_FREEZE, signal_wake_up
from forkernel.kernel.task import PF_EXITING, PF_KTHREAD, TASK_INTERRUPTIBLE, TASK_STOPPED, TASK_TRACED, Task
from forkernel.wait import WaitQueue

if TYPE_CHECKING:
    from forkernel.kernel.fork import KernelCloneArgs
    from forkernel.kernel.system import System

CLONE_THREAD = 0x10000
CLONE_INTO_CGROUP = 0x2_0000_0000
PIDS = "pids"
CONTROLLERS = (PIDS,)
"""Those that there are: pids is one that may control threads too (Linux: a threaded controller)."""

CGROUP_SIZE = 4096 + 20 * 128
"""Bytes of kernel memory: struct cgroup and the nodes of its files."""


class EventFile:
    """A file that poll tells changes of (Linux: cgroup_file). `seq` counts the changes."""

    __slots__ = ("seq", "wait")

    def __init__(self) -> None:
        self.seq = 0
        self.wait = WaitQueue()

    def notify(self) -> None:
        """Its contents changed (Linux: cgroup_file_notify)."""
        self.seq += 1
        self.wait.wake_up()


class Cgroup:
    """One group (Linux: struct cgroup), with what the pids controller keeps of it."""

    __slots__ = (
        "children", "dead", "dying", "events", "files", "freeze", "inode", "max_depth", "max_descendants", "name",
        "nr_populated", "ns_delegate", "parent", "pids", "pids_events", "pids_hits", "pids_local", "pids_local_hits",
        "pids_max", "pids_peak", "subtree_control", "system", "tasks", "was_frozen",
    )  # fmt: skip

    def __init__(self, system: System, parent: Cgroup | None, name: bytes) -> None:
        self.system = system
        self.parent = parent
        self.name = name
        self.children: dict[bytes, Cgroup] = {}
        self.tasks: dict[Task, None] = {}
        """Live tasks, in order of arrival; not kept for the root, which has all the others."""
        self.nr_populated = 0
        """The group itself, if it has tasks, and children with tasks in or below them."""
        self.subtree_control: set[str] = set()
        """Controllers that its children have."""
        self.dead = False
        self.dying = 0
        """Removed children whose zombies still count."""
        self.freeze = False
        self.was_frozen = False
        self.max_depth: int | None = None
        self.max_descendants: int | None = None
        self.events = EventFile()
        """cgroup.events"""
        self.ns_delegate = False
        """Of the root: processes are not moved across the borders of cgroup namespaces."""
        self.inode: Any = None
        """Its directory."""
        self.files: dict[bytes, Any] = {}
        """Inodes of the files in it, once looked up."""
        self.pids = 0
        """Tasks in and below it, zombies included."""
        self.pids_max: int | None = None
        self.pids_peak = 0
        self.pids_hits = self.pids_local_hits = 0
        """Forks refused by a limit here or below; by this one's own."""
        self.pids_events, self.pids_local = EventFile(), EventFile()

    # --- the tree
    def up(self) -> Iterator[Cgroup]:
        """The group and all above it, without the root."""
        at = self
        while at.parent is not None:
            yield at
            at = at.parent

    def below(self) -> Iterator[Cgroup]:
        """The group and all below it."""
        todo = [self]
        while todo:
            one = todo.pop()
            yield one
            todo.extend(reversed(one.children.values()))

    def is_below(self, top: Cgroup) -> bool:
        """Whether `top` is this group or above it."""
        return top.parent is None or any(one is top for one in self.up())

    def path_from(self, top: Cgroup) -> bytes:
        """Its path as seen from `top`: with .. where it lies outside (cgroup_namespaces(7))."""
        ups = b""
        while not self.is_below(top):
            ups += b"/.."
            assert top.parent is not None
            top = top.parent
        names = []
        for one in self.up():
            if one is top:
                break
            names.append(one.name)
        return ups + b"".join(b"/" + name for name in reversed(names)) or b"/"

    @property
    def controllers(self) -> list[str]:
        """What can be enabled for its children (cgroup.controllers)."""
        return [name for name in CONTROLLERS if self.parent is None or name in self.parent.subtree_control]

    @property
    def has_pids(self) -> bool:
        """Whether the pids controller is enabled in it."""
        return self.parent is not None and PIDS in self.parent.subtree_control

    @property
    def has_tasks(self) -> bool:
        """Whether a live task is in it."""
        return bool(self.tasks)

    @property
    def populated(self) -> bool:
        """Whether a live task is in or below it."""
        return self.nr_populated > 0

    def live_tasks(self) -> list[Task]:
        """Its live tasks; those of the root are all that are in no other."""
        if self.parent is None:
            return [task for task in self.system.all_tasks() if task.cgroup is None and not task.exit_state]
        return list(self.tasks)

    # --- domains and threads (cgroups(7), "thread mode"): groups cannot be made threaded here
    def can_be_thread_root(self) -> bool:
        """Whether tasks beside groups below are no matter (Linux: cgroup_can_be_thread_root)."""
        return self.parent is None or not any(child.populated for child in self.children.values())

    def is_thread_root(self) -> bool:
        """Whether it has tasks, and controllers of threads enabled for its children."""
        return self.parent is not None and self.has_tasks and bool(self.subtree_control)

    def is_valid_domain(self) -> bool:
        """Whether it can have processes: not below a group that has some beside controllers."""
        return not any(one.is_thread_root() for one in self.up() if one is not self)

    @property
    def type(self) -> str:
        """As cgroup.type shows it."""
        if not self.is_valid_domain():
            return "domain invalid"
        return "domain threaded" if self.is_thread_root() else "domain"

    # --- populated and frozen
    def enter(self, task: Task) -> None:
        """A task is in it from now on (Linux: css_set_move_task)."""
        task.cgroup = self
        if not self.tasks:
            self._populate(1)
        self.tasks[task] = None

    def leave(self, task: Task) -> None:
        """A live task is no longer in it."""
        del self.tasks[task]
        if not self.tasks:
            self._populate(-1)

    def _populate(self, change: int) -> None:
        """It, or a child, came to have tasks or lost the last (Linux: cgroup_update_populated)."""
        at: Cgroup | None = self
        while at is not None:
            before = at.nr_populated
            at.nr_populated = before + change
            if bool(before) == bool(at.nr_populated):
                break
            at.events.notify()
            at = at.parent

    @property
    def wants_frozen(self) -> bool:
        """Whether it, or a group above, is to be frozen."""
        return any(one.freeze for one in self.up())

    @property
    def frozen(self) -> bool:
        """Whether it is to be frozen, and every task in and below it is."""
        return self.wants_frozen and all(is_frozen(task) for one in self.below() for task in one.tasks)

    def update_frozen(self) -> None:
        """Tell who polls cgroup.events when it became frozen or thawed, it or a group above or below."""
        for one in (*self.up(), *self.below()):
            if one.frozen != one.was_frozen:
                one.was_frozen = not one.was_frozen
                one.events.notify()


# --- the root, and where a task is


def root_of(system: System) -> Cgroup:
    """The root group, made when it is first asked for."""
    if system.cgroup_root is None:
        system.cgroup_root = Cgroup(system, None, b"")
    return system.cgroup_root


def cgroup_of(task: Task) -> Cgroup:
    """The group a task is in; for a zombie, the one it was in."""
    return root_of(task.system) if task.cgroup is None else task.cgroup


# --- groups


def cgroup_mkdir(parent: Cgroup, name: bytes) -> Cgroup:
    """A new group; EINVAL for a newline in its name, ENODEV below a removed one, EAGAIN by the limits above."""
    if b"\n" in name:
        raise SysError(EINVAL)
    if parent.dead:
        raise SysError(ENODEV)
    at: Cgroup | None = parent
    depth = 1
    while at is not None:
        if at.max_descendants is not None and sum(1 for _ in at.below()) - 1 >= at.max_descendants:
            raise SysError(EAGAIN)
        if at.max_depth is not None and depth > at.max_depth:
            raise SysError(EAGAIN)
        at = at.parent
        depth += 1
    parent.system.slabs.kmalloc.charge("cgroup", CGROUP_SIZE)
    made = parent.children[name] = Cgroup(parent.system, parent, name)
    made.was_frozen = made.frozen
    return made


def cgroup_destroy(group: Cgroup) -> None:
    """rmdir: EBUSY while it has tasks or groups below."""
    if group.populated or group.children:
        raise SysError(EBUSY)
    parent = group.parent
    if parent is None:
        raise SysError(EBUSY)
    del parent.children[group.name]
    group.system.slabs.kmalloc.uncharge("cgroup", CGROUP_SIZE)
    group.dead = True
    if group.pids:
        parent.dying += 1


# --- moving


def attach_permission(source: Cgroup, to: Cgroup, task: Task, whole: bool) -> None:
    """Whether `task` may move another from one group to another (Linux: cgroup_attach_permissions).

    EACCES without write permission for the cgroup.procs of the nearest group above both; ENOENT for what is outside
    of the writer's cgroup namespace (where that counts: mount option nsdelegate); EOPNOTSUPP for a single thread or an
    invalid domain; EBUSY for a group whose children have controllers.
    """
    common = source
    while not to.is_below(common):
        assert common.parent is not None
        common = common.parent
    may_write(common, task)
    top = cgroup_ns_root(task)
    if root_of(task.system).ns_delegate and not (source.is_below(top) and to.is_below(top)):
        raise SysError(ENOENT)
    if not to.is_valid_domain() or (not whole and source is not to):
        raise SysError(EOPNOTSUPP)
    if to.subtree_control and not to.can_be_thread_root():
        raise SysError(EBUSY)


def may_write(group: Cgroup, task: Task) -> None:
    """EACCES unless the task may write the group's cgroup.procs."""
    from forkernel.kernel.cgroup_fs import file_inode

    file_inode(group, b"cgroup.procs").permission(task.cred, MAY_WRITE)


def procs_write(group: Cgroup, writer: Task, number: int, whole: bool) -> None:
    """Move the process, or the thread, with this number (0: the writer) into the group.

    EINVAL for kernel threads that cannot be moved, ESRCH, and what `attach_permission` raises.
    """
    from forkernel.kernel.pid import find_task_by_vpid

    task = writer if number == 0 else find_task_by_vpid(writer, number)
    if task is None:
        raise SysError(ESRCH)
    if whole:
        task = task.group_leader
    if task.flags & PF_KTHREAD:
        raise SysError(EINVAL)
    attach_permission(cgroup_of(task), group, writer, whole)
    if group.dead:
        raise SysError(ENODEV)
    cgroup_attach_task(group, list(task.signal.threads) if whole else [task])


def cgroup_attach_task(group: Cgroup, threads: list[Task]) -> None:
    """Move live threads into a group; the limits on numbers do not hold for moving."""
    for task in threads:
        old = task.cgroup
        if task.exit_state or task.flags & PF_EXITING or cgroup_of(task) is group:
            continue
        if old is not None:
            old.leave(task)
            for one in old.up():
                one.pids -= 1
        task.cgroup = None
        if group.parent is not None:
            group.enter(task)
            charge(group)
        freeze_task(task, group.wants_frozen)
        if old is not None:
            old.update_frozen()
    group.update_frozen()


# --- the pids controller


def charge(group: Cgroup) -> None:
    """One task more, whatever the limits say."""
    for one in group.up():
        one.pids += 1
        one.pids_peak = max(one.pids_peak, one.pids)


def try_charge(group: Cgroup) -> None:
    """One task more by fork; EAGAIN if that is over a limit here or above (Linux: pids_can_fork)."""
    for one in group.up():
        if one.pids_max is not None and one.has_pids and one.pids + 1 > one.pids_max:
            one.pids_local_hits += 1
            one.pids_local.notify()
            for above in one.up():
                above.pids_hits += 1
                above.pids_events.notify()
            raise SysError(EAGAIN)
    charge(group)


# --- fork and exit


def cgroup_can_fork(task: Task, child: Task, args: KernelCloneArgs) -> None:
    """The child's group, charged with it: the parent's, or that of CLONE_INTO_CGROUP. EBADF, ENOENT, EACCES, EBUSY,
    EOPNOTSUPP, EAGAIN. `cgroup_cancel_fork` takes it back, `cgroup_post_fork` makes it final.
    """
    if args.flags & CLONE_INTO_CGROUP:
        source, group = cgroup_of(task), cgroup_from_fd(task, args.cgroup)
        if group.dead:
            raise SysError(ENOENT)
        if group is not source:
            may_write(group, task)
            attach_permission(source, group, task, not args.flags & CLONE_THREAD)
    else:
        group = cgroup_of(task)
    if group.parent is not None:
        try_charge(group)
        child.cgroup = group


def cgroup_from_fd(task: Task, fd: int) -> Cgroup:
    """The group whose directory is open as `fd`; EBADF."""
    from forkernel.kernel.cgroup_fs import CgroupDir

    assert task.files is not None
    file = task.files.get_raw(fd)
    inode = file.inode
    if not isinstance(inode, CgroupDir):
        raise SysError(EBADF)
    return inode.group


def cgroup_cancel_fork(child: Task) -> None:
    """The fork failed after all."""
    group, child.cgroup = child.cgroup, None
    assert group is not None
    for one in group.up():
        one.pids -= 1


def cgroup_post_fork(child: Task) -> None:
    """The child is there: it counts as live, and is frozen where its group is."""
    group = child.cgroup
    assert group is not None
    group.enter(child)
    if group.wants_frozen:
        freeze_task(child, True)


def cgroup_exit(task: Task) -> None:
    """The task is a zombie from now on: no longer in cgroup.procs (Linux: cgroup_task_dead)."""
    group = task.cgroup
    assert group is not None
    group.leave(task)
    if group.wants_frozen:
        group.update_frozen()


def cgroup_release(task: Task) -> None:
    """The task was reaped: its number counts no more (Linux: cgroup_release)."""
    group = task.cgroup
    assert group is not None
    for one in group.up():
        one.pids -= 1
    if group.dead and not group.pids and group.parent is not None:
        group.parent.dying -= 1


# --- freezing and killing


def is_frozen(task: Task) -> bool:
    """Whether a task of a group to be frozen stands still: in the freezer's trap, or stopped."""
    return bool(task.state & (TASK_STOPPED | TASK_TRACED)) or (
        bool(task.jobctl & JOBCTL_TRAP_FREEZE) and task.state == TASK_INTERRUPTIBLE and task.sleep is None
    )


def freeze_task(task: Task, freeze: bool) -> None:
    """Ask a task to stand still before it next goes to user mode, or let it go on (Linux: cgroup_freeze_task)."""
    if freeze == bool(task.jobctl & JOBCTL_TRAP_FREEZE):
        return
    task.jobctl ^= JOBCTL_TRAP_FREEZE
    signal_wake_up(task)


def do_freezer_trap(task: Task) -> None:
    """The task, on its way to user mode, stands still until its group is thawed or it is killed."""
    task.state = TASK_INTERRUPTIBLE
    task.sigpending = False  # so that a new signal wakes it: it may be a deadly one
    if task.cgroup is not None:
        task.cgroup.update_frozen()


def cgroup_freeze(group: Cgroup, freeze: bool) -> None:
    """cgroup.freeze was written: all tasks in and below it follow."""
    group.freeze = freeze
    for one in group.below():
        wanted = one.wants_frozen
        for task in one.tasks:
            freeze_task(task, wanted)
    group.update_frozen()


def cgroup_kill(group: Cgroup) -> None:
    """cgroup.kill: SIGKILL to every process in and below it."""
    from forkernel.kernel.signal import send_signal

    for one in group.below():
        for task in one.live_tasks():
            if not task.flags & PF_KTHREAD and not task.exit_state:
                send_signal(SIGKILL, None, task, group=True)


# --- controllers


def subtree_control_write(group: Cgroup, text: bytes) -> None:
    """+NAME and -NAME words: EINVAL for what is none, ENOENT for a controller that the group does not have, EBUSY
    while a child passes it on, or beside processes.
    """
    enable: set[str] = set()
    disable: set[str] = set()
    for word in text.split():
        sign, name = word[:1], word[1:].decode(errors="replace")
        if name not in CONTROLLERS or sign not in (b"+", b"-"):
            raise SysError(EINVAL)
        (enable if sign == b"+" else disable).add(name)
        (disable if sign == b"+" else enable).discard(name)
    if group.dead:
        raise SysError(ENODEV)
    enable -= group.subtree_control
    disable &= group.subtree_control
    if enable - set(group.controllers):
        raise SysError(ENOENT)
    if any(child.subtree_control & disable for child in group.children.values()):
        raise SysError(EBUSY)
    if enable and group.parent is not None:
        if not group.is_valid_domain():
            raise SysError(EOPNOTSUPP)
        if group.has_tasks and not group.can_be_thread_root():
            raise SysError(EBUSY)
    group.subtree_control = (group.subtree_control | enable) - disable
    for child in group.children.values():
        if PIDS in disable:
            child.pids_max = None
            child.pids_hits = child.pids_local_hits = 0
        if PIDS in enable:
            child.pids_peak = child.pids


# --- /proc and the namespace


def cgroup_ns_root(task: Task) -> Cgroup:
    """The group that the task sees as the root."""
    top: Cgroup | None = task.nsproxy.cgroup_ns.root if task.nsproxy is not None else None
    return root_of(task.system) if top is None else top


def proc_cgroup_show(task: Task, reader: Task) -> bytes:
    """The line of /proc/PID/cgroup."""
    group = cgroup_of(task)
    gone = b" (deleted)" if group.dead else b""
    return b"0::" + group.path_from(cgroup_ns_root(reader)) + gone + b"\n"


def proc_cgroupstats_show(system: System) -> bytes:
    """/proc/cgroups: a line for each controller."""
    number = sum(1 for group in root_of(system).below() if group.parent is None or group.has_pids)
    return b"#subsys_name\thierarchy\tnum_cgroups\tenabled\npids\t0\t%d\t1\n" % number


__all__ = ["EACCES", "Cgroup", "cgroup_can_fork", "root_of"]
