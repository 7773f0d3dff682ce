"""PID namespaces that programs make (Linux: kernel/pid_namespace.c; pid_namespaces(7)).

Life cycle: clone with CLONE_NEWPID, or unshare and then a fork, calls `copy_pid_ns`; the first child born in it is its
PID 1, who gets its orphans and takes no signal from within that it has no handler for. `pidns_install` is setns: the
next children are born in another namespace. When PID 1 dies, `zap_pid_ns_processes` kills all others and has its exit
wait until they are gone (`ZapWait`); nobody can be born there any more. `reboot_pid_ns` is reboot(2) within.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.capability import CAP_CHECKPOINT_RESTORE, CAP_SYS_ADMIN
from forkernel.abi.errno import EINVAL, ENOSPC, EPERM
from forkernel.abi.signal import IGNORE_ACTION, SIGCHLD, SIGHUP, SIGINT, SIGKILL
from forkernel.abi.system import (
    LINUX_REBOOT_CMD_HALT,
    LINUX_REBOOT_CMD_POWER_OFF,
    LINUX_REBOOT_CMD_RESTART,
    LINUX_REBOOT_CMD_RESTART2,
)
from forkernel.abi.wait import P_ALL, W_ALL, WEXITED, WNOHANG
from forkernel.errors import SysError
from forkernel.kernel import signal
from forkernel.kernel.pid import PidNamespace
from forkernel.namespace import UserNamespace, cap_capable
from forkernel.wait import Resume, Sleep, WaitQueue

if TYPE_CHECKING:
    from forkernel.kernel.nsproxy import Nsset
    from forkernel.kernel.task import Task

MAX_PID_NS_LEVEL = 32
REBOOT_SIGNALS = {
    LINUX_REBOOT_CMD_RESTART: SIGHUP,
    LINUX_REBOOT_CMD_RESTART2: SIGHUP,
    LINUX_REBOOT_CMD_POWER_OFF: SIGINT,
    LINUX_REBOOT_CMD_HALT: SIGINT,
}
"""What PID 1's parent reads as the signal that ended it (reboot(2), "Behavior inside PID namespaces")."""


# --- making, entering


def copy_pid_ns(task: Task, user_ns: UserNamespace, old: PidNamespace) -> PidNamespace:
    """A namespace below `old`; EINVAL where `old` is not the one that the task is in: a second unshare."""
    if task.thread_pid.ns is not old:
        raise SysError(EINVAL)
    return create_pid_namespace(task, user_ns, old)


def create_pid_namespace(task: Task, user_ns: UserNamespace, parent: PidNamespace) -> PidNamespace:
    """EINVAL for a user namespace that is not below the parent's; ENOSPC at the 33rd level."""
    if not user_ns.is_descendant_of(parent.user_ns):
        raise SysError(EINVAL)
    if parent.level + 1 > MAX_PID_NS_LEVEL:
        raise SysError(ENOSPC)
    return PidNamespace(task.system, parent, user_ns)


def pidns_install(nsset: Nsset, ns: PidNamespace) -> None:
    """setns: children to come are born in `ns`. EPERM; EINVAL for one that is not the task's own or below it."""
    if not nsset.admin_over(ns.user_ns):
        raise SysError(EPERM)
    if not is_ancestor(ns, nsset.task.thread_pid.ns):
        raise SysError(EINVAL)
    nsset.nsproxy.replace("pid_ns_for_children", ns.get())


def is_ancestor(child: PidNamespace, ancestor: PidNamespace) -> bool:
    """Whether `ancestor` is `child` or above it (Linux: pidns_is_ancestor)."""
    at: PidNamespace | None = child
    while at is not None and at.level > ancestor.level:
        at = at.parent
    return at is ancestor


def visible_parent(ns: PidNamespace, task: Task) -> PidNamespace:
    """NS_GET_PARENT: the namespace above, EPERM if the caller does not see it."""
    parent = ns.parent
    if parent is None or not is_ancestor(parent, task.thread_pid.ns):
        raise SysError(EPERM)
    return parent


# --- the end


class ZapWait(Resume):
    """PID 1, exiting: asleep until it is the last of its namespace, then the rest of do_exit."""

    __slots__ = ()

    def step(self, task: Task) -> int:
        """Reap, see who is left."""
        from forkernel.kernel.exit import finish_exit

        ns = task.thread_pid.ns
        reap_all(task)
        own = 1 if task.is_leader else 2
        if len(ns.numbers) > own:
            assert ns.zap_wait is not None
            raise Sleep(ns.zap_wait, task.signal.wait_chldexit, resume=self, interruptible=False)
        if ns.reboot:
            task.signal.group_exit_code = ns.reboot
        finish_exit(task, True)
        return 0


def reap_all(task: Task) -> None:
    """Wait for every zombie child."""
    from forkernel.kernel.wait4 import WaitOpts, do_wait

    while True:
        try:
            if do_wait(task, WaitOpts(P_ALL, -1, WEXITED | W_ALL | WNOHANG, want_usage=False)) == 0:
                return
        except SysError:
            return


def zap_pid_ns_processes(task: Task) -> bool:
    """PID 1's last thread exits: SIGKILL for all others in the namespace, those of namespaces below included.

    True if it must wait for them: it is asleep then (`ZapWait`). Children that die meanwhile leave no zombies.
    """
    ns = task.thread_pid.ns
    ns.adding = False
    ns.zap_wait = WaitQueue()
    task.sighand.action[SIGCHLD] = IGNORE_ACTION
    for leader in ns.members():
        if leader.signal is not task.signal:
            signal.send_signal(SIGKILL, None, leader, group=True)
    task.sigpending = False
    try:
        ZapWait().step(task)
    except Sleep as sleep:
        system = task.system
        system.sched.update_curr()
        system.sched.park(task, sleep, None)
        task.nvcsw += 1
        return True
    return False


def reboot_pid_ns(task: Task, cmd: int) -> None:
    """reboot(2) in a namespace: PID 1 is killed, and the caller exits; EINVAL for other commands."""
    from forkernel.kernel.exit import do_exit

    ns = task.thread_pid.ns
    number = REBOOT_SIGNALS.get(cmd)
    if number is None:
        raise SysError(EINVAL)
    ns.reboot = number
    if ns.child_reaper is not None:
        signal.send_signal(SIGKILL, None, ns.child_reaper, group=True)
    do_exit(task, 0)


# --- /proc/sys


def get_ns_last_pid(task: Task) -> int:
    """The number given last in the reader's namespace."""
    return task.thread_pid.ns.last


def set_ns_last_pid(task: Task, value: int) -> None:
    """The next number given is the one after it; EPERM without CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE over it."""
    ns = task.thread_pid.ns
    cred = task.cred
    if not any(cap_capable(cred, ns.user_ns, cap) for cap in (CAP_SYS_ADMIN, CAP_CHECKPOINT_RESTORE)):
        raise SysError(EPERM)
    if value >= ns.pid_max:
        raise SysError(EINVAL)
    ns.last = value
