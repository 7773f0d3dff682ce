"""Calls of user and group IDs and of capabilities; the rules are in kernel/cred.py."""

from __future__ import annotations

from forkernel.abi.capability import (
    CAPABILITY_U32S,
    LINUX_CAPABILITY_VERSION_3,
    CapUserData,
    CapUserHeader,
)
from forkernel.abi.errno import EINVAL, EPERM, ESRCH
from forkernel.abi.types import I32, U32
from forkernel.errors import SysError
from forkernel.kernel import cred
from forkernel.kernel.pid import find_task_by_vpid, task_pid_vnr
from forkernel.kernel.task import Task
from forkernel.namespace import init_user_ns
from forkernel.syscalls.registry import UserIn, UserInOut, UserOut, syscall

M32 = 0xFFFFFFFF


@syscall("getuid")
def sys_getuid(task: Task) -> int:
    """getuid(2)."""
    cred = task.cred
    return cred.uid if cred.user_ns is init_user_ns else cred.user_ns.from_kuid_munged(cred.uid)


@syscall("geteuid")
def sys_geteuid(task: Task) -> int:
    """geteuid(2)."""
    cred = task.cred
    return cred.euid if cred.user_ns is init_user_ns else cred.user_ns.from_kuid_munged(cred.euid)


@syscall("getgid")
def sys_getgid(task: Task) -> int:
    """getgid(2)."""
    cred = task.cred
    return cred.gid if cred.user_ns is init_user_ns else cred.user_ns.from_kgid_munged(cred.gid)


@syscall("getegid")
def sys_getegid(task: Task) -> int:
    """getegid(2)."""
    cred = task.cred
    return cred.egid if cred.user_ns is init_user_ns else cred.user_ns.from_kgid_munged(cred.egid)


@syscall("getresuid")
def sys_getresuid(task: Task, ruid: UserOut[U32], euid: UserOut[U32], suid: UserOut[U32]) -> int:
    """getresuid(2)."""
    ruid.put(task.cred.user_ns.from_kuid_munged(task.cred.uid))
    euid.put(task.cred.user_ns.from_kuid_munged(task.cred.euid))
    suid.put(task.cred.user_ns.from_kuid_munged(task.cred.suid))
    return 0


@syscall("getresgid")
def sys_getresgid(task: Task, rgid: UserOut[U32], egid: UserOut[U32], sgid: UserOut[U32]) -> int:
    """getresgid(2)."""
    rgid.put(task.cred.user_ns.from_kgid_munged(task.cred.gid))
    egid.put(task.cred.user_ns.from_kgid_munged(task.cred.egid))
    sgid.put(task.cred.user_ns.from_kgid_munged(task.cred.sgid))
    return 0


@syscall("setuid")
def sys_setuid(task: Task, uid: U32) -> int:
    """setuid(2)."""
    cred.setuid(task, uid)
    return 0


@syscall("setreuid")
def sys_setreuid(task: Task, ruid: U32, euid: U32) -> int:
    """setreuid(2)."""
    cred.setreuid(task, ruid, euid)
    return 0


@syscall("setresuid")
def sys_setresuid(task: Task, ruid: U32, euid: U32, suid: U32) -> int:
    """setresuid(2)."""
    cred.setresuid(task, ruid, euid, suid)
    return 0


@syscall("setfsuid")
def sys_setfsuid(task: Task, uid: U32) -> int:
    """setfsuid(2)."""
    return cred.setfsuid(task, uid)


@syscall("setgid")
def sys_setgid(task: Task, gid: U32) -> int:
    """setgid(2)."""
    cred.setgid(task, gid)
    return 0


@syscall("setregid")
def sys_setregid(task: Task, rgid: U32, egid: U32) -> int:
    """setregid(2)."""
    cred.setregid(task, rgid, egid)
    return 0


@syscall("setresgid")
def sys_setresgid(task: Task, rgid: U32, egid: U32, sgid: U32) -> int:
    """setresgid(2)."""
    cred.setresgid(task, rgid, egid, sgid)
    return 0


@syscall("setfsgid")
def sys_setfsgid(task: Task, gid: U32) -> int:
    """setfsgid(2)."""
    return cred.setfsgid(task, gid)


@syscall("getgroups")
def sys_getgroups(task: Task, size: I32, grouplist: UserOut[U32]) -> int:
    """getgroups(2): with size 0 only the count."""
    groups = task.cred.groups
    if size < 0 or 0 < size < len(groups):
        raise SysError(EINVAL)
    if size and groups:
        grouplist.put_array([task.cred.user_ns.from_kgid_munged(gid) for gid in groups])
    return len(groups)


@syscall("setgroups")
def sys_setgroups(task: Task, size: I32, grouplist: UserIn[U32]) -> int:
    """setgroups(2)."""
    if not cred.may_setgroups(task):
        raise SysError(EPERM)
    if not 0 <= size <= cred.NGROUPS_MAX:
        raise SysError(EINVAL)
    cred.setgroups(task, grouplist.get_array(size) if size else [])
    return 0


def _data_count(header: UserInOut[CapUserHeader], head: CapUserHeader) -> int:
    """How many CapUserData the version has; EINVAL, and the newest version in the header, for an unknown one."""
    count = CAPABILITY_U32S.get(head.version, 0)
    if not count:
        header.put(CapUserHeader(LINUX_CAPABILITY_VERSION_3, head.pid))
        raise SysError(EINVAL)
    return count


@syscall("capget")
def sys_capget(task: Task, header: UserInOut[CapUserHeader], data: UserOut[CapUserData] | None) -> int:
    """capget(2); with NULL data it only asks for the version."""
    head = header.get()
    try:
        count = _data_count(header, head)
    except SysError:
        if data is None:
            return 0
        raise
    if data is None:
        return 0
    if head.pid < 0:
        raise SysError(EINVAL)
    target = find_task_by_vpid(task, head.pid) if head.pid else task
    if target is None:
        raise SysError(ESRCH)
    sets = (target.cred.cap_effective, target.cred.cap_permitted, target.cred.cap_inheritable)
    data.put_array(CapUserData(*[bits >> 32 * word & M32 for bits in sets]) for word in range(count))
    return 0


@syscall("capset")
def sys_capset(task: Task, header: UserInOut[CapUserHeader], data: UserIn[CapUserData]) -> int:
    """capset(2): a task can change only its own sets."""
    head = header.get()
    count = _data_count(header, head)
    if head.pid not in (0, task_pid_vnr(task)):
        raise SysError(EPERM)
    words = data.get_array(count)
    sets = [0, 0, 0]
    for word, part in enumerate(words):
        for index, bits in enumerate((part.effective, part.permitted, part.inheritable)):
            sets[index] |= bits << 32 * word
    cred.capset(task, *sets)
    return 0
