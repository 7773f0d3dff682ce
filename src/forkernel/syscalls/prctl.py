"""prctl and arch_prctl: one small function an operation, in the table `_OPERATIONS` at the end."""

from __future__ import annotations

from collections.abc import Callable

from forkernel.abi import prctl as pr
from forkernel.abi.capability import (
    CAP_LAST_CAP,
    CAP_SETPCAP,
    CAP_SYS_RESOURCE,
    SECBIT_KEEP_CAPS,
    SECBIT_KEEP_CAPS_LOCKED,
    SECBIT_NO_CAP_AMBIENT_RAISE,
    SECURE_ALL_BITS,
    SECURE_ALL_LOCKS,
)
from forkernel.abi.errno import EFAULT, EINVAL, ENODEV, ENXIO, EPERM
from forkernel.abi.signal import NSIG
from forkernel.abi.types import I32, U64
from forkernel.arch.x86_64.pgtable import TASK_SIZE
from forkernel.errors import SysError
from forkernel.kernel.cred import capable, commit_creds, own_capable
from forkernel.kernel.task import Task
from forkernel.mm.mm_struct import MmStruct
from forkernel.mm.uaccess import UserBuf
from forkernel.syscalls.registry import syscall
from forkernel.syscalls.seccomp import prctl_get_seccomp, prctl_set_seccomp

DEFAULT_TIMER_SLACK = 50_000
RT_POLICIES = (1, 2)

Operation = Callable[[Task, int, int, int, int], int]


@syscall(
    "prctl",
    caveat="no PR_TSC_SIGSEGV, PR_SET_MM_MAP, PR_SET_MM_EXE_FILE, names for anonymous memory, "
    "system-call dispatch, core scheduling",
)
def sys_prctl(task: Task, option: I32, arg2: U64, arg3: U64, arg4: U64, arg5: U64) -> int:
    """prctl(2)."""
    operation = _OPERATIONS.get(option)
    if operation is None:
        raise SysError(EINVAL)
    return operation(task, arg2, arg3, arg4, arg5)


def _mm(task: Task) -> MmStruct:
    assert task.mm is not None
    return task.mm


def _put_int(task: Task, addr: int, value: int) -> int:
    """Store an int at a user address."""
    _mm(task).write_u32(addr, value)
    return 0


def _must_be_zero(*args: int) -> None:
    """Arguments that an operation does not have yet must be 0."""
    if any(args):
        raise SysError(EINVAL)


# --- the thread


def _set_pdeathsig(task: Task, sig: int, _3: int, _4: int, _5: int) -> int:
    if sig > NSIG:
        raise SysError(EINVAL)
    task.pdeath_signal = sig
    return 0


def _get_pdeathsig(task: Task, addr: int, _3: int, _4: int, _5: int) -> int:
    return _put_int(task, addr, task.pdeath_signal)


def _set_name(task: Task, addr: int, _3: int, _4: int, _5: int) -> int:
    task.comm = _mm(task).read_cstr(addr, pr.TASK_COMM_LEN - 1)
    return 0


def _get_name(task: Task, addr: int, _3: int, _4: int, _5: int) -> int:
    _mm(task).write(addr, task.comm.ljust(pr.TASK_COMM_LEN, b"\0"))
    return 0


def _set_timerslack(task: Task, slack: int, _3: int, _4: int, _5: int) -> int:
    if task.se.policy not in RT_POLICIES:
        task.timer_slack_ns = slack or DEFAULT_TIMER_SLACK
    return 0


def _get_timerslack(task: Task, _2: int, _3: int, _4: int, _5: int) -> int:
    return 0 if task.se.policy in RT_POLICIES else task.timer_slack_ns


def _get_tid_address(task: Task, addr: int, _3: int, _4: int, _5: int) -> int:
    _mm(task).write_u64(addr, task.clear_child_tid)
    return 0


def _get_timing(task: Task, _2: int, _3: int, _4: int, _5: int) -> int:
    return pr.PR_TIMING_STATISTICAL


def _set_timing(task: Task, how: int, _3: int, _4: int, _5: int) -> int:
    _must_be_zero(how)
    return 0


def _get_tsc(task: Task, addr: int, _3: int, _4: int, _5: int) -> int:
    return _put_int(task, addr, pr.PR_TSC_ENABLE)


def _set_tsc(task: Task, how: int, _3: int, _4: int, _5: int) -> int:
    if how != pr.PR_TSC_ENABLE:
        raise SysError(EINVAL)
    return 0


def _get_speculation(task: Task, which: int, _3: int, _4: int, _5: int) -> int:
    """The emulated CPU does not speculate: not affected, by any of the three known ways."""
    _must_be_zero(_3, _4, _5)
    if which > 2:
        raise SysError(ENODEV)
    return 0


def _set_speculation(task: Task, which: int, _3: int, _4: int, _5: int) -> int:
    _must_be_zero(_4, _5)
    raise SysError(ENODEV if which > 2 else ENXIO)


# --- the process


def _set_child_subreaper(task: Task, on: int, _3: int, _4: int, _5: int) -> int:
    """From now on orphans among the descendants become this process's children (or no longer do)."""
    task.signal.is_child_subreaper = bool(on)
    pending = list(task.signal.threads) if on else []
    while pending:
        for child in pending.pop().children:
            child.signal.has_child_subreaper = True
            pending.extend(child.signal.threads)
    return 0


def _get_child_subreaper(task: Task, addr: int, _3: int, _4: int, _5: int) -> int:
    return _put_int(task, addr, int(task.signal.is_child_subreaper))


def _set_no_new_privs(task: Task, on: int, _3: int, _4: int, _5: int) -> int:
    if on != 1 or _3 or _4 or _5:
        raise SysError(EINVAL)
    task.no_new_privs = True
    return 0


def _get_no_new_privs(task: Task, _2: int, _3: int, _4: int, _5: int) -> int:
    _must_be_zero(_2, _3, _4, _5)
    return int(task.no_new_privs)


# --- memory


def _get_dumpable(task: Task, _2: int, _3: int, _4: int, _5: int) -> int:
    return _mm(task).dumpable


def _set_dumpable(task: Task, how: int, _3: int, _4: int, _5: int) -> int:
    if how not in (pr.SUID_DUMP_DISABLE, pr.SUID_DUMP_USER):
        raise SysError(EINVAL)
    _mm(task).dumpable = how
    return 0


def _set_thp_disable(task: Task, on: int, _3: int, _4: int, _5: int) -> int:
    _must_be_zero(_3, _4, _5)
    _mm(task).thp_disable = bool(on)
    return 0


def _get_thp_disable(task: Task, _2: int, _3: int, _4: int, _5: int) -> int:
    _must_be_zero(_2, _3, _4, _5)
    return int(_mm(task).thp_disable)


_MM_FIELDS = {
    pr.PR_SET_MM_START_CODE: "start_code",
    pr.PR_SET_MM_END_CODE: "end_code",
    pr.PR_SET_MM_START_DATA: "start_data",
    pr.PR_SET_MM_END_DATA: "end_data",
    pr.PR_SET_MM_START_STACK: "start_stack",
    pr.PR_SET_MM_START_BRK: "start_brk",
    pr.PR_SET_MM_BRK: "brk",
    pr.PR_SET_MM_ARG_START: "arg_start",
    pr.PR_SET_MM_ARG_END: "arg_end",
    pr.PR_SET_MM_ENV_START: "env_start",
    pr.PR_SET_MM_ENV_END: "env_end",
}
_MM_MAPPED = ("start_stack", "arg_start", "arg_end", "env_start", "env_end")
"""Fields that must lie in, or just above, mapped memory."""
_MM_ORDER = (
    ("start_code", "end_code"),
    ("start_data", "end_data"),
    ("start_brk", "brk"),
    ("arg_start", "arg_end"),
    ("env_start", "env_end"),
)


def _set_mm(task: Task, option: int, addr: int, _4: int, _5: int) -> int:
    """Move one of the addresses that /proc/PID shows a program by (PR_SET_MM)."""
    mm = _mm(task)
    if _5 or (_4 and option != pr.PR_SET_MM_AUXV):
        raise SysError(EINVAL)
    if not capable(task, CAP_SYS_RESOURCE):
        raise SysError(EPERM)
    if option == pr.PR_SET_MM_AUXV:
        if _4 > len(mm.saved_auxv):
            raise SysError(EINVAL)
        mm.saved_auxv = mm.read(addr, _4).ljust(len(mm.saved_auxv), b"\0")
        return 0
    name = _MM_FIELDS.get(option)
    if name is None or not mm.system.mmap_min_addr <= addr < TASK_SIZE:
        raise SysError(EINVAL)
    new = {each: getattr(mm, each) for each in _MM_FIELDS.values()} | {name: addr}
    if any(new[first] > new[last] for first, last in _MM_ORDER):
        raise SysError(EINVAL)
    if name in _MM_MAPPED and mm.vmas.find(addr) is None:
        raise SysError(EFAULT)
    setattr(mm, name, addr)
    return 0


# --- capabilities and securebits


def _capability(number: int) -> int:
    """A capability number; EINVAL."""
    if number > CAP_LAST_CAP:
        raise SysError(EINVAL)
    return number


def _get_keepcaps(task: Task, _2: int, _3: int, _4: int, _5: int) -> int:
    return int(bool(task.cred.securebits & SECBIT_KEEP_CAPS))


def _set_keepcaps(task: Task, on: int, _3: int, _4: int, _5: int) -> int:
    if on > 1:
        raise SysError(EINVAL)
    bits = task.cred.securebits
    if bits & SECBIT_KEEP_CAPS_LOCKED:
        raise SysError(EPERM)
    bits = bits | SECBIT_KEEP_CAPS if on else bits & ~SECBIT_KEEP_CAPS
    commit_creds(task, task.cred._replace(securebits=bits))
    return 0


def _get_securebits(task: Task, _2: int, _3: int, _4: int, _5: int) -> int:
    return task.cred.securebits


def _set_securebits(task: Task, new: int, _3: int, _4: int, _5: int) -> int:
    """EPERM for a change of a locked bit, for unlocking, for unknown bits, and without CAP_SETPCAP."""
    old = task.cred.securebits
    locked_changed = (old & SECURE_ALL_LOCKS) >> 1 & (old ^ new)
    unlocked = old & SECURE_ALL_LOCKS & ~new
    unknown = new & ~(SECURE_ALL_LOCKS | SECURE_ALL_BITS)
    if locked_changed or unlocked or unknown or not own_capable(task, CAP_SETPCAP):
        raise SysError(EPERM)
    commit_creds(task, task.cred._replace(securebits=new))
    return 0


def _capbset_read(task: Task, cap: int, _3: int, _4: int, _5: int) -> int:
    return task.cred.cap_bset >> _capability(cap) & 1


def _capbset_drop(task: Task, cap: int, _3: int, _4: int, _5: int) -> int:
    if not own_capable(task, CAP_SETPCAP):
        raise SysError(EPERM)
    commit_creds(task, task.cred._replace(cap_bset=task.cred.cap_bset & ~(1 << _capability(cap))))
    return 0


def _cap_ambient(task: Task, what: int, cap: int, _4: int, _5: int) -> int:
    """The ambient set: query, raise (only what is permitted and inheritable), lower, clear."""
    cred = task.cred
    if what == pr.PR_CAP_AMBIENT_CLEAR_ALL:
        _must_be_zero(cap, _4, _5)
        commit_creds(task, cred._replace(cap_ambient=0))
        return 0
    bit = 1 << _capability(cap)
    _must_be_zero(_4, _5)
    if what == pr.PR_CAP_AMBIENT_IS_SET:
        return int(bool(cred.cap_ambient & bit))
    if what == pr.PR_CAP_AMBIENT_RAISE:
        forbidden = cred.securebits & SECBIT_NO_CAP_AMBIENT_RAISE
        if not cred.cap_permitted & cred.cap_inheritable & bit or forbidden:
            raise SysError(EPERM)
        commit_creds(task, cred._replace(cap_ambient=cred.cap_ambient | bit))
    elif what == pr.PR_CAP_AMBIENT_LOWER:
        commit_creds(task, cred._replace(cap_ambient=cred.cap_ambient & ~bit))
    else:
        raise SysError(EINVAL)
    return 0


_OPERATIONS: dict[int, Operation] = {
    pr.PR_SET_PDEATHSIG: _set_pdeathsig,
    pr.PR_GET_PDEATHSIG: _get_pdeathsig,
    pr.PR_GET_DUMPABLE: _get_dumpable,
    pr.PR_SET_DUMPABLE: _set_dumpable,
    pr.PR_GET_KEEPCAPS: _get_keepcaps,
    pr.PR_SET_KEEPCAPS: _set_keepcaps,
    pr.PR_GET_TIMING: _get_timing,
    pr.PR_SET_TIMING: _set_timing,
    pr.PR_SET_NAME: _set_name,
    pr.PR_GET_NAME: _get_name,
    pr.PR_GET_SECCOMP: prctl_get_seccomp,
    pr.PR_SET_SECCOMP: prctl_set_seccomp,
    pr.PR_CAPBSET_READ: _capbset_read,
    pr.PR_CAPBSET_DROP: _capbset_drop,
    pr.PR_GET_TSC: _get_tsc,
    pr.PR_SET_TSC: _set_tsc,
    pr.PR_GET_SECUREBITS: _get_securebits,
    pr.PR_SET_SECUREBITS: _set_securebits,
    pr.PR_SET_TIMERSLACK: _set_timerslack,
    pr.PR_GET_TIMERSLACK: _get_timerslack,
    pr.PR_SET_MM: _set_mm,
    pr.PR_SET_CHILD_SUBREAPER: _set_child_subreaper,
    pr.PR_GET_CHILD_SUBREAPER: _get_child_subreaper,
    pr.PR_SET_NO_NEW_PRIVS: _set_no_new_privs,
    pr.PR_GET_NO_NEW_PRIVS: _get_no_new_privs,
    pr.PR_GET_TID_ADDRESS: _get_tid_address,
    pr.PR_SET_THP_DISABLE: _set_thp_disable,
    pr.PR_GET_THP_DISABLE: _get_thp_disable,
    pr.PR_CAP_AMBIENT: _cap_ambient,
    pr.PR_GET_SPECULATION_CTRL: _get_speculation,
    pr.PR_SET_SPECULATION_CTRL: _set_speculation,
}


# --- arch_prctl


@syscall("arch_prctl", caveat="cpuid cannot be made to fault")
def sys_arch_prctl(task: Task, code: I32, addr: UserBuf) -> int:
    """arch_prctl(2): the FS and GS bases."""
    regs = task.regs
    if code in (pr.ARCH_SET_FS, pr.ARCH_SET_GS):
        if addr.addr >= TASK_SIZE:
            raise SysError(EPERM)
        if code == pr.ARCH_SET_FS:
            regs.fs_base = addr.addr
        else:
            regs.gs_base = addr.addr
        return 0
    if code in (pr.ARCH_GET_FS, pr.ARCH_GET_GS):
        addr.write((regs.fs_base if code == pr.ARCH_GET_FS else regs.gs_base).to_bytes(8, "little"))
        return 0
    if code == pr.ARCH_GET_CPUID:
        return 1
    raise SysError(ENODEV if code == pr.ARCH_SET_CPUID else EINVAL)
