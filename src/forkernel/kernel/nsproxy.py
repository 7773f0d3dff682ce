"""Which namespaces a task is in (Linux: kernel/nsproxy.c; namespaces(7)).

Tasks share an `Nsproxy` and count its users; it never changes while it is shared. clone with a CLONE_NEW* flag
(`copy_namespaces`), unshare (`unshare_nsproxy_namespaces`) and setns build a new one, in which some namespaces are
new or others and the rest the old ones; `switch_task_namespaces` puts it in place, and takes the last one away at
exit. User namespaces are not in it: they come with the credentials (kernel/user_namespace.py).

A kind of namespace is added by its class in `init_nsproxy`, its copy function in `make_one`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.capability import CAP_SYS_ADMIN
from forkernel.abi.errno import EINVAL, EPERM
from forkernel.abi.namespace import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    NAMESPACES,
)
from forkernel.errors import SysError
from forkernel.fs.mnt_namespace import copy_mnt_ns
from forkernel.kernel.cgroup_namespace import copy_cgroup_ns, init_cgroup_ns
from forkernel.kernel.ipc_namespace import copy_ipcs, init_ipc_ns
from forkernel.kernel.pid import task_active_pid_ns
from forkernel.kernel.time_namespace import copy_time_ns, init_time_ns, timens_on_fork
from forkernel.kernel.utsname import copy_utsname, init_uts_ns
from forkernel.namespace import NsCommon, UserNamespace, cap_capable
from forkernel.net.net_namespace import copy_net_ns, init_net_ns

if TYPE_CHECKING:
    from forkernel.fs.dentry import Path
    from forkernel.kernel.fork import KernelCloneArgs
    from forkernel.kernel.task import Task

IN_NSPROXY = NAMESPACES & ~CLONE_NEWUSER
FIELDS: tuple[tuple[str, int], ...] = (
    ("mnt_ns", CLONE_NEWNS),
    ("uts_ns", CLONE_NEWUTS),
    ("ipc_ns", CLONE_NEWIPC),
    ("pid_ns_for_children", CLONE_NEWPID),
    ("cgroup_ns", CLONE_NEWCGROUP),
    ("net_ns", CLONE_NEWNET),
    ("time_ns", 0),
    ("time_ns_for_children", CLONE_NEWTIME),
)
"""Fields of an Nsproxy, and the flag that makes a new one of each (time_ns changes in the next child only)."""


class Nsproxy:
    """The namespaces of one or more tasks (Linux: struct nsproxy). Holds one reference to each."""

    __slots__ = ("cgroup_ns", "count", "ipc_ns", "mnt_ns", "net_ns", "pid_ns_for_children", "time_ns",
                 "time_ns_for_children", "uts_ns")  # fmt: skip

    uts_ns: Any
    ipc_ns: Any
    mnt_ns: Any
    pid_ns_for_children: Any
    """Where the next child is born; the task itself stays where its PID was given (pid_namespaces(7))."""
    net_ns: Any
    time_ns: Any
    time_ns_for_children: Any
    cgroup_ns: Any

    def __init__(self) -> None:
        self.count = 1

    def replace(self, field: str, ns: NsCommon) -> None:
        """Put a namespace, whose reference is taken over, in the place of another."""
        old = getattr(self, field)
        setattr(self, field, ns)
        old.put()

    def put(self) -> None:
        """One user less; the last one lets go of the namespaces (Linux: put_nsproxy)."""
        self.count -= 1
        if self.count == 0:
            for field, _ in FIELDS:
                ns = getattr(self, field, None)
                if ns is not None:
                    ns.put()


def init_nsproxy(system: Any) -> Nsproxy:
    """The namespaces that the machine starts with."""
    new = Nsproxy()
    new.uts_ns = init_uts_ns(system)
    new.ipc_ns = init_ipc_ns(system)
    new.mnt_ns = system.vfs.init_mnt_ns
    new.mnt_ns.system = system
    new.pid_ns_for_children = system.pids.get()
    new.net_ns = init_net_ns(system)
    new.time_ns = init_time_ns(system)
    new.time_ns_for_children = new.time_ns.get()
    new.cgroup_ns = init_cgroup_ns(system)
    return new


# --- clone


def copy_namespaces(task: Task, child: Task, args: KernelCloneArgs) -> None:
    """The child's nsproxy: the parent's, or one with new namespaces. EPERM without CAP_SYS_ADMIN in the child's
    user namespace; EINVAL; what making a namespace may raise (Linux: copy_namespaces).
    """
    old = task.nsproxy
    if not args.flags & IN_NSPROXY and old.time_ns is old.time_ns_for_children:
        old.count += 1
        child.nsproxy = old
        return
    copy_new_namespaces(task, child, args.flags)


def copy_new_namespaces(task: Task, child: Task, flags: int) -> None:
    """The rare part of copy_namespaces."""
    from forkernel.kernel.fork import CLONE_SYSVSEM, CLONE_VM

    old = task.nsproxy
    user_ns = child.cred.user_ns
    if not flags & IN_NSPROXY:
        if flags & CLONE_VM:
            old.count += 1
            child.nsproxy = old
            return
    elif not cap_capable(child.cred, user_ns, CAP_SYS_ADMIN):
        raise SysError(EPERM)
    if flags & CLONE_NEWIPC and flags & CLONE_SYSVSEM:
        raise SysError(EINVAL)
    new = create_new_namespaces(task, flags, user_ns, child.fs)
    if not flags & CLONE_VM:
        timens_on_fork(new)
    child.nsproxy = new


def create_new_namespaces(task: Task, flags: int, user_ns: UserNamespace, fs: Any) -> Nsproxy:
    """An nsproxy like the task's, with new namespaces, owned by `user_ns`, where the flags ask for them.

    `fs` is what a new mount namespace moves into its copies of the mounts, and back if anything fails.
    """
    old, new = task.nsproxy, Nsproxy()
    place = (fs.root, fs.pwd) if flags & CLONE_NEWNS and fs is not None else None
    try:
        for field, flag in FIELDS:
            ns = getattr(old, field)
            setattr(new, field, copy_one(task, flag, user_ns, ns, fs) if flags & flag else ns.get())
    except SysError:
        if place is not None:
            fs.root, fs.pwd = place
        new.put()
        raise
    return new


def copy_one(task: Task, flag: int, user_ns: UserNamespace, old: Any, fs: Any) -> NsCommon:
    """A new namespace of the kind `flag`, with one reference, counted for its maker (ENOSPC)."""
    ucounts, uid = task.system.ucounts, task.cred.euid
    ucounts.inc(user_ns, uid, flag)
    try:
        ns = make_one(task, flag, user_ns, old, fs)
    except SysError:
        ucounts.dec(user_ns, uid, flag)
        raise
    ns.ucount_uid = uid
    return ns


def make_one(task: Task, flag: int, user_ns: UserNamespace, old: Any, fs: Any) -> NsCommon:
    """The kinds of namespaces, and who makes them."""
    if flag == CLONE_NEWUTS:
        return copy_utsname(task, user_ns, old)
    if flag == CLONE_NEWCGROUP:
        return copy_cgroup_ns(task, user_ns)
    if flag == CLONE_NEWIPC:
        return copy_ipcs(task, user_ns)
    if flag == CLONE_NEWNET:
        return copy_net_ns(task, user_ns)
    if flag == CLONE_NEWTIME:
        return copy_time_ns(task, user_ns, old)
    if flag == CLONE_NEWNS:
        return copy_mnt_ns(task, user_ns, old, fs)
    if flag == CLONE_NEWPID:
        from forkernel.kernel.pid_namespace import copy_pid_ns

        return copy_pid_ns(task, user_ns, old)
    raise SysError(EINVAL)


# --- exec, exit, unshare, setns


def exec_task_namespaces(task: Task) -> None:
    """execve: the task is in the time namespace of its children now, as after a fork."""
    old = task.nsproxy
    if old.time_ns is not old.time_ns_for_children:
        new = create_new_namespaces(task, 0, task.cred.user_ns, task.fs)
        timens_on_fork(new)
        switch_task_namespaces(task, new)


def switch_task_namespaces(task: Task, new: Nsproxy | None) -> None:
    """Change over to `new`, whose reference is taken over; None at exit."""
    old, task.nsproxy = task.nsproxy, new
    if old is not None:
        old.put()


def unshare_nsproxy_namespaces(task: Task, flags: int, cred: Any, fs: Any) -> Nsproxy | None:
    """The nsproxy that unshare(2) changes over to with credentials `cred`, None if no new namespace is asked for.
    EPERM without CAP_SYS_ADMIN.
    """
    if not flags & IN_NSPROXY:
        return None
    if not cap_capable(cred, cred.user_ns, CAP_SYS_ADMIN):
        raise SysError(EPERM)
    return create_new_namespaces(task, flags, cred.user_ns, fs)


def unshare_namespaces(task: Task, flags: int, cred: Any, fs: Any) -> None:
    """The part of unshare(2) that concerns namespaces: all are made before anything is changed."""
    from forkernel.kernel.user_namespace import create_user_ns, switch_user_ns

    if flags & CLONE_NEWUSER:
        cred = create_user_ns(task, cred)
    try:
        new = unshare_nsproxy_namespaces(task, flags, cred, fs)
    except SysError:
        if flags & CLONE_NEWUSER:
            cred.user_ns.put()
        raise
    if new is not None:
        switch_task_namespaces(task, new)
    if flags & CLONE_NEWUSER:
        switch_user_ns(task, cred)


class Nsset:
    """What setns is about to give the task (Linux: struct nsset). Nothing is changed until all was checked."""

    __slots__ = ("cred", "flags", "fs_root", "nsproxy", "task")

    def __init__(self, task: Task, flags: int) -> None:
        self.task = task
        self.flags = flags
        self.nsproxy = create_new_namespaces(task, 0, task.cred.user_ns, task.fs)
        self.cred = task.cred
        self.fs_root: Path | None = None
        """Where the task will stand after entering a mount namespace; None: where it is."""

    def admin_over(self, user_ns: UserNamespace) -> bool:
        """Whether the task has CAP_SYS_ADMIN over `user_ns`, and will have it over its own user namespace."""
        cred = self.task.cred
        return cap_capable(cred, user_ns, CAP_SYS_ADMIN) and cap_capable(self.cred, self.cred.user_ns, CAP_SYS_ADMIN)

    def commit(self) -> None:
        """Change over (Linux: commit_nsset)."""
        task = self.task
        if self.cred is not task.cred:
            from forkernel.kernel.user_namespace import switch_user_ns

            self.cred.user_ns.get()
            switch_user_ns(task, self.cred)
        if self.flags & CLONE_NEWIPC and task.sysvsem is not None:
            from forkernel.kernel.sem import exit_sem

            exit_sem(task)
        if self.fs_root is not None and task.fs is not None:
            task.fs.root = task.fs.pwd = self.fs_root
        switch_task_namespaces(task, self.nsproxy)

    def install_user(self, ns: UserNamespace) -> None:
        """Enter a user namespace: what is installed after it may count on its capabilities."""
        from forkernel.kernel.user_namespace import userns_install

        userns_install(self, ns)


def setns(task: Task, fd: int, nstype: int) -> None:
    """Enter the namespace of an nsfs file, or those of a process by its pidfd that `nstype` names."""
    from forkernel.fs.nsfs import NsFile
    from forkernel.kernel.pidfd import PidFile

    assert task.files is not None
    file = task.files.get(fd)
    target: Task | None = None
    if isinstance(file, NsFile):
        flags = file.inode.ns.nstype
        if nstype and nstype != flags:
            raise SysError(EINVAL)
    elif isinstance(file, PidFile):
        flags = nstype
        if not flags or flags & ~NAMESPACES:
            raise SysError(EINVAL)
        target = file.target()
    else:
        raise SysError(EINVAL)
    nsset = Nsset(task, flags)
    try:
        if isinstance(file, NsFile):
            file.inode.ns.install(nsset)
        else:
            install_of_task(nsset, target)
    except SysError:
        nsset.nsproxy.put()
        raise
    nsset.commit()


PIDFD_ORDER = (
    (CLONE_NEWNS, "mnt_ns"),
    (CLONE_NEWUTS, "uts_ns"),
    (CLONE_NEWIPC, "ipc_ns"),
    (CLONE_NEWPID, ""),
    (CLONE_NEWCGROUP, "cgroup_ns"),
    (CLONE_NEWNET, "net_ns"),
    (CLONE_NEWTIME, "time_ns"),
)
"""In which order a process's namespaces are entered; its user namespace comes before all."""


def install_of_task(nsset: Nsset, target: Task | None) -> None:
    """The namespaces of another process (Linux: validate_nsset). ESRCH, EPERM."""
    from forkernel.abi.errno import ESRCH
    from forkernel.kernel.ptrace import ptrace_may_access

    if target is None:
        raise SysError(ESRCH)
    if not ptrace_may_access(nsset.task, target):
        raise SysError(EPERM)
    nsproxy = target.nsproxy
    if nsproxy is None:
        raise SysError(ESRCH)
    if nsset.flags & CLONE_NEWUSER:
        target.cred.user_ns.install(nsset)
    for flag, field in PIDFD_ORDER:
        if nsset.flags & flag:
            ns = getattr(nsproxy, field) if field else task_active_pid_ns(target)
            ns.install(nsset)
