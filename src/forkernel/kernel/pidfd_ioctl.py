"""Ioctls of a pidfd (Linux: fs/pidfs.c, pidfd_ioctl): PIDFD_GET_INFO, and a descriptor for each namespace of its
process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import EACCES, EINVAL, ENOTTY, EREMOTE, ESRCH
from forkernel.abi.pidfd import (
    FS_IOC_GETVERSION,
    IOC_SIZE_MASK,
    IOC_SIZE_SHIFT,
    PIDFD_COREDUMP_ROOT,
    PIDFD_COREDUMP_SKIP,
    PIDFD_COREDUMP_USER,
    PIDFD_GET_CGROUP_NAMESPACE,
    PIDFD_GET_INFO,
    PIDFD_GET_IPC_NAMESPACE,
    PIDFD_GET_MNT_NAMESPACE,
    PIDFD_GET_NET_NAMESPACE,
    PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE,
    PIDFD_GET_PID_NAMESPACE,
    PIDFD_GET_TIME_FOR_CHILDREN_NAMESPACE,
    PIDFD_GET_TIME_NAMESPACE,
    PIDFD_GET_USER_NAMESPACE,
    PIDFD_GET_UTS_NAMESPACE,
    PIDFD_INFO_CGROUPID,
    PIDFD_INFO_COREDUMP,
    PIDFD_INFO_CREDS,
    PIDFD_INFO_EXIT,
    PIDFD_INFO_PID,
    PIDFD_INFO_SIZE_VER0,
    PidfdInfo,
)
from forkernel.errors import SysError
from forkernel.fs.nsfs import open_related
from forkernel.kernel.pid import pid_vnr, task_ppid_nr_ns, task_tgid
from forkernel.kernel.ptrace import SUID_DUMP_DISABLE, SUID_DUMP_USER, ptrace_may_access

if TYPE_CHECKING:
    from forkernel.kernel.cgroup import Cgroup
    from forkernel.kernel.pidfd import PidInode
    from forkernel.kernel.task import Task
    from forkernel.namespace import NsCommon

NS_FIELDS = {
    PIDFD_GET_CGROUP_NAMESPACE: "cgroup_ns",
    PIDFD_GET_IPC_NAMESPACE: "ipc_ns",
    PIDFD_GET_MNT_NAMESPACE: "mnt_ns",
    PIDFD_GET_NET_NAMESPACE: "net_ns",
    PIDFD_GET_PID_NAMESPACE: "",
    PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE: "pid_ns_for_children",
    PIDFD_GET_TIME_NAMESPACE: "time_ns",
    PIDFD_GET_TIME_FOR_CHILDREN_NAMESPACE: "time_ns_for_children",
    PIDFD_GET_USER_NAMESPACE: "",
    PIDFD_GET_UTS_NAMESPACE: "uts_ns",
}


def pidfd_ioctl(current: Task, inode: PidInode, cmd: int, arg: int) -> int:
    """ENOTTY for an unknown command; others as `pidfd_info` and `pidfd_namespace` say."""
    if cmd & ~IOC_SIZE_MASK == PIDFD_GET_INFO:
        return pidfd_info(current, inode, (cmd & IOC_SIZE_MASK) >> IOC_SIZE_SHIFT, arg)
    if cmd in NS_FIELDS:
        return pidfd_namespace(current, inode, cmd, arg)
    if cmd == FS_IOC_GETVERSION:
        if not arg:
            raise SysError(EINVAL)
        assert current.mm is not None
        current.mm.write_u32(arg, inode.ino >> 32)
        return 0
    raise SysError(ENOTTY)


def pidfd_namespace(current: Task, inode: PidInode, cmd: int, arg: int) -> int:
    """A descriptor for a namespace of the process. EINVAL for an argument; ESRCH for a process that has exited;
    EACCES for one that may not be looked into.
    """
    if arg:
        raise SysError(EINVAL)
    task = inode.pid.task
    nsproxy = task.nsproxy if task is not None else None
    if task is None or nsproxy is None:
        raise SysError(ESRCH)
    if not ptrace_may_access(current, task, fscreds=True):
        raise SysError(EACCES)
    ns: NsCommon
    if cmd == PIDFD_GET_PID_NAMESPACE:
        ns = task.thread_pid.ns
    elif cmd == PIDFD_GET_USER_NAMESPACE:
        ns = task.cred.user_ns
    else:
        ns = getattr(nsproxy, NS_FIELDS[cmd])
    return open_related(current, ns)


def pidfd_info(current: Task, inode: PidInode, size: int, arg: int) -> int:
    """PIDFD_GET_INFO with a struct of `size` bytes. ENOTTY for one too small; EINVAL for NULL; EREMOTE for a process
    that the caller's PID namespace does not see; ESRCH for one that is gone, unless its exit status is asked for.
    """
    if size < PIDFD_INFO_SIZE_VER0:
        raise SysError(ENOTTY)
    if not arg:
        raise SysError(EINVAL)
    mm = current.mm
    assert mm is not None
    mask = int.from_bytes(mm.read(arg, 8), "little")
    if not pid_vnr(inode.pid, current):
        raise SysError(EREMOTE)
    info = PidfdInfo()
    if mask & PIDFD_INFO_EXIT and inode.exit_code is not None:
        info.exit_code = inode.exit_code
        info.cgroupid = cgroup_id(current, inode.cgroup)
        info.mask |= PIDFD_INFO_EXIT | PIDFD_INFO_CGROUPID
    task = inode.pid.task
    if task is not None:
        fill_info(current, task, info, mask)
    elif not info.mask:
        raise SysError(ESRCH)
    mm.write(arg, info.pack()[:size].ljust(size, b"\0"))
    return 0


def cgroup_id(current: Task, group: Cgroup | None) -> int:
    """Inode number of a cgroup's directory; None is the root."""
    from forkernel.kernel.cgroup import root_of
    from forkernel.kernel.cgroup_fs import dir_inode

    return dir_inode(group or root_of(current.system)).ino


def fill_info(current: Task, task: Task, info: PidfdInfo, mask: int) -> None:
    """What is told of a live process or a zombie; numbers and users as the caller sees them."""
    cred, user_ns = task.cred, current.cred.user_ns
    info.mask |= PIDFD_INFO_PID | PIDFD_INFO_CREDS | PIDFD_INFO_CGROUPID
    info.cgroupid = cgroup_id(current, task.cgroup)
    info.pid, info.tgid = pid_vnr(task.thread_pid, current), pid_vnr(task_tgid(task), current)
    info.ppid = task_ppid_nr_ns(task, current.thread_pid.ns)
    for name in ("uid", "euid", "suid", "fsuid"):
        setattr(info, "ruid" if name == "uid" else name, user_ns.from_kuid_munged(getattr(cred, name)))
    for name in ("gid", "egid", "sgid", "fsgid"):
        setattr(info, "rgid" if name == "gid" else name, user_ns.from_kgid_munged(getattr(cred, name)))
    if mask & PIDFD_INFO_COREDUMP and task.mm is not None:
        info.mask |= PIDFD_INFO_COREDUMP
        kinds = {SUID_DUMP_DISABLE: PIDFD_COREDUMP_SKIP, SUID_DUMP_USER: PIDFD_COREDUMP_USER}
        info.coredump_mask = kinds.get(task.mm.dumpable, PIDFD_COREDUMP_ROOT)
