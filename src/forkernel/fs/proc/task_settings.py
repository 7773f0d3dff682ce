"""What /proc/PID lets one read and set of a process: its bias for the OOM killer, slack of timers, what a core dump
holds, who logged in, the nice value of its session (Linux: fs/proc/base.c; proc(5)).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from forkernel.abi.capability import CAP_AUDIT_CONTROL, CAP_SYS_RESOURCE
from forkernel.abi.errno import EACCES, EINVAL, EPERM, ERANGE, ESRCH
from forkernel.errors import SysError
from forkernel.fs.proc.inode import decimal
from forkernel.namespace import INVALID_ID

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

OOM_DISABLE, OOM_ADJUST_MAX, OOM_SCORE_ADJ_MAX = -17, 15, 1000
MMF_DUMP_FILTER_MASK = 0x1FF
UINT_MAX = 0xFFFFFFFF
UNSIGNED = re.compile(rb"\+?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)\n?")
"""A number as C writes it (Linux: kstrtouint)."""


def proc_oom_score(inode: Any, reader: Task) -> bytes:
    """How badly the OOM killer wants it."""
    return b"%d\n" % inode.sb.kernel.oom_score(inode.get_task())


def proc_oom_score_adj_show(inode: Any, reader: Task) -> bytes:
    """The bias of that score, -1000 to 1000."""
    return b"%d\n" % inode.get_task().signal.oom_score_adj


def proc_oom_score_adj_store(inode: Any, writer: Task, data: bytes) -> None:
    """Anyone may set it as low as somebody with CAP_SYS_RESOURCE did, who may do so at will (EACCES)."""
    value = decimal(data, -OOM_SCORE_ADJ_MAX, OOM_SCORE_ADJ_MAX)
    signal = inode.get_task().signal
    privileged = inode.sb.kernel.capable(writer, CAP_SYS_RESOURCE)
    if value < signal.oom_score_adj_min and not privileged:
        raise SysError(EACCES)
    signal.oom_score_adj = value
    if privileged:
        signal.oom_score_adj_min = value


def proc_timerslack_show(inode: Any, reader: Task) -> bytes:
    """Nanoseconds by which timers may be late; for others than itself CAP_SYS_NICE is needed (EPERM)."""
    return b"%d\n" % _slack_target(inode, reader).timer_slack_ns


def proc_timerslack_store(inode: Any, writer: Task, data: bytes) -> None:
    """Set it; 0 means the default."""
    target = _slack_target(inode, writer)
    target.timer_slack_ns = decimal(data, 0, (1 << 64) - 1) or 50000


def _slack_target(inode: Any, task: Task) -> Task:
    target: Task = inode.get_task()
    if target is not task and not inode.sb.kernel.may_renice(task):
        raise SysError(EPERM)
    return target


def proc_oom_adj_show(inode: Any, reader: Task) -> bytes:
    """The bias on the scale of before 2010, -17 to 15."""
    adj = inode.get_task().signal.oom_score_adj
    if adj == OOM_SCORE_ADJ_MAX:
        return b"%d\n" % OOM_ADJUST_MAX
    return b"%d\n" % int(adj * -OOM_DISABLE / OOM_SCORE_ADJ_MAX)


def proc_oom_adj_store(inode: Any, writer: Task, data: bytes) -> None:
    """Set it on that scale; a lower value needs CAP_SYS_RESOURCE (EACCES)."""
    value = decimal(data, OOM_DISABLE, OOM_ADJUST_MAX)
    scaled = OOM_SCORE_ADJ_MAX if value == OOM_ADJUST_MAX else int(value * OOM_SCORE_ADJ_MAX / -OOM_DISABLE)
    signal = inode.get_task().signal
    if scaled < signal.oom_score_adj and not inode.sb.kernel.capable(writer, CAP_SYS_RESOURCE):
        raise SysError(EACCES)
    signal.oom_score_adj = scaled


def proc_coredump_filter_show(inode: Any, reader: Task) -> bytes:
    """Kinds of memory that a core dump has, as bits; nothing for who has no memory."""
    mm = inode.get_task().mm
    return b"" if mm is None else b"%08x\n" % mm.coredump_filter


def proc_coredump_filter_store(inode: Any, writer: Task, data: bytes) -> None:
    """Set them, in any base that C writes numbers in; EINVAL, ESRCH."""
    if not UNSIGNED.fullmatch(data):
        raise SysError(EINVAL)
    text = data.rstrip(b"\n")
    value = int(text, 8 if text[:1] == b"0" and text.isdigit() else 0)
    if value > UINT_MAX:
        raise SysError(ERANGE)
    mm = inode.get_task().mm
    if mm is None:
        raise SysError(ESRCH)
    mm.coredump_filter = value & MMF_DUMP_FILTER_MASK


def proc_loginuid_show(inode: Any, reader: Task) -> bytes:
    """Who logged in, 4294967295 for nobody."""
    loginuid = inode.get_task().loginuid
    return b"%d" % (loginuid if loginuid == INVALID_ID else reader.cred.user_ns.from_kuid(loginuid))


def proc_loginuid_store(inode: Any, writer: Task, data: bytes) -> None:
    """A task sets its own, once; again with CAP_AUDIT_CONTROL. EPERM (Linux: audit_set_loginuid)."""
    if inode.get_task() is not writer:
        raise SysError(EPERM)
    number = decimal(data, 0, INVALID_ID)
    loginuid = number if number == INVALID_ID else writer.cred.user_ns.make_kuid(number)
    if loginuid == INVALID_ID and number != INVALID_ID:
        raise SysError(EINVAL)
    if writer.loginuid != INVALID_ID and not inode.sb.kernel.capable(writer, CAP_AUDIT_CONTROL):
        raise SysError(EPERM)
    writer.loginuid = loginuid
    writer.sessionid = INVALID_ID if loginuid == INVALID_ID else inode.sb.kernel.next_audit_session()


def proc_sessionid_show(inode: Any, reader: Task) -> bytes:
    """Number of the login, 4294967295 for none."""
    return b"%d" % inode.get_task().sessionid


def proc_autogroup_show(inode: Any, reader: Task) -> bytes:
    """The autogroup of the session and its nice value; nothing for those from before the first setsid."""
    group = inode.get_task().signal.autogroup
    return b"" if group is None else b"/autogroup-%d nice %d\n" % (group.id, group.nice)


def proc_autogroup_store(inode: Any, writer: Task, data: bytes) -> None:
    """Set the nice value; EPERM for a lower one without CAP_SYS_NICE or RLIMIT_NICE."""
    nice = decimal(data, -(1 << 31), (1 << 31) - 1)
    if not -20 <= nice <= 19:
        raise SysError(EINVAL)
    if nice < 0 and not inode.sb.kernel.can_nice(writer, nice):
        raise SysError(EPERM)
    group = inode.get_task().signal.autogroup
    if group is not None:
        group.nice = nice
