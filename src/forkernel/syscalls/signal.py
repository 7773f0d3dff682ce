"""Signal calls: dispositions, masks, sending, waiting, and the return from a handler."""

from __future__ import annotations

from forkernel.abi.errno import E2BIG, EAGAIN, EINTR, EINVAL, EPERM, ERESTARTNOHAND
from forkernel.abi.fcntl import O_CLOEXEC, O_NONBLOCK
from forkernel.abi.signal import (
    KERNEL_SIGINFO_SIZE,
    NSIG,
    SI_TKILL,
    SI_USER,
    SIG_BLOCK,
    SIG_KERNEL_ONLY_MASK,
    SIG_SETMASK,
    SIG_UNBLOCK,
    SIGINFO_SIZE,
    SS_AUTODISARM,
    UAPI_SA_FLAGS,
    KernelSigaction,
    SigAction,
    SigInfo,
    StackT,
    known_siginfo_layout,
)
from forkernel.abi.time import Timespec
from forkernel.abi.types import I32, U64
from forkernel.arch.x86_64.signal import sas_ss_flags
from forkernel.errors import SysError
from forkernel.fs.fdtable import fd_install
from forkernel.kernel import signal
from forkernel.kernel.clock import NSEC_PER_SEC
from forkernel.kernel.pid import task_pid_vnr, task_tgid_vnr
from forkernel.kernel.signalfd import SignalFile, signalfd_file
from forkernel.kernel.task import Task
from forkernel.syscalls.registry import UserBuf, UserIn, UserOut, syscall
from forkernel.wait import Resume, Sleep

SIGSET_SIZE = NSIG // 8


def _check_size(sigsetsize: int) -> None:
    if sigsetsize != SIGSET_SIZE:
        raise SysError(EINVAL)


# --- dispositions and masks


@syscall("rt_sigaction")
def sys_rt_sigaction(
    task: Task, sig: I32, act: UserIn[KernelSigaction] | None, oact: UserOut[KernelSigaction] | None, sigsetsize: U64
) -> int:
    """sigaction(2). Unknown flags are cleared, which is how a program finds out what there is."""
    _check_size(sigsetsize)
    new = None
    if act is not None:
        raw = act.get()
        new = SigAction(raw.sa_handler, raw.sa_flags & UAPI_SA_FLAGS, raw.sa_restorer, raw.sa_mask)
    old = signal.do_sigaction(task, sig, new)
    if oact is not None:
        oact.put(KernelSigaction(old.handler, old.flags, old.restorer, old.mask))
    return 0


@syscall("rt_sigprocmask")
def sys_rt_sigprocmask(
    task: Task, how: I32, nset: UserIn[U64] | None, oset: UserOut[U64] | None, sigsetsize: U64
) -> int:
    """sigprocmask(2); the old mask is stored after the change, so a bad `oset` does not undo it."""
    _check_size(sigsetsize)
    old = task.blocked
    if nset is not None:
        mask = nset.get() & ~SIG_KERNEL_ONLY_MASK
        if how == SIG_BLOCK:
            mask |= old
        elif how == SIG_UNBLOCK:
            mask = old & ~mask
        elif how != SIG_SETMASK:
            raise SysError(EINVAL)
        signal.set_current_blocked(task, mask)
    if oset is not None:
        oset.put(old)
    return 0


@syscall("rt_sigpending")
def sys_rt_sigpending(task: Task, uset: UserBuf, sigsetsize: U64) -> int:
    """sigpending(2): blocked signals that wait for the task or its process."""
    if sigsetsize > SIGSET_SIZE:
        raise SysError(EINVAL)
    waiting = (task.pending.bits | task.signal.shared_pending.bits) & task.blocked
    uset.write(waiting.to_bytes(SIGSET_SIZE, "little")[:sigsetsize])
    return 0


@syscall("sigaltstack")
def sys_sigaltstack(task: Task, uss: UserIn[StackT] | None, uoss: UserOut[StackT] | None) -> int:
    """sigaltstack(2)."""
    sp = task.regs.rsp
    new = uss.get() if uss is not None else None
    flags = sas_ss_flags(task, sp) | task.sas_ss_flags & SS_AUTODISARM
    old = StackT(task.sas_ss_sp, flags - (flags >> 31 << 32), task.sas_ss_size)
    if new is not None:
        signal.do_sigaltstack(task, new, sp)
    if uoss is not None:
        uoss.put(old)
    return 0


@syscall("rt_sigreturn")
def sys_rt_sigreturn(task: Task) -> int:
    """sigreturn(2): what the restorer calls after a handler; the result is the interrupted code's RAX."""
    return signal.rt_sigreturn(task)


# --- sending


def _user_info(task: Task, sig: int, code: int) -> SigInfo:
    return SigInfo(sig, code, pid=task_tgid_vnr(task), uid=task.cred.uid)


@syscall("kill")
def sys_kill(task: Task, pid: I32, sig: I32) -> int:
    """kill(2)."""
    signal.kill_something_info(task, sig, _user_info(task, sig, SI_USER), pid)
    return 0


@syscall("tkill")
def sys_tkill(task: Task, pid: I32, sig: I32) -> int:
    """tkill(2)."""
    if pid <= 0:
        raise SysError(EINVAL)
    signal.do_send_specific(task, 0, pid, sig, _user_info(task, sig, SI_TKILL))
    return 0


@syscall("tgkill")
def sys_tgkill(task: Task, tgid: I32, pid: I32, sig: I32) -> int:
    """tgkill(2)."""
    if pid <= 0 or tgid <= 0:
        raise SysError(EINVAL)
    signal.do_send_specific(task, tgid, pid, sig, _user_info(task, sig, SI_TKILL))
    return 0


def read_siginfo(uinfo: UserBuf, sig: int) -> SigInfo:
    """A siginfo_t from a program, made out to `sig`; E2BIG if a layout that is not known has a long tail."""
    data = uinfo.read(SIGINFO_SIZE)
    info = SigInfo.unpack(data)
    info.signo = sig
    if not known_siginfo_layout(sig, info.code) and any(data[KERNEL_SIGINFO_SIZE:]):
        raise SysError(E2BIG)
    return info


@syscall("rt_sigqueueinfo")
def sys_rt_sigqueueinfo(task: Task, pid: I32, sig: I32, uinfo: UserBuf) -> int:
    """sigqueue(3); nobody may pretend to another process that a signal came from the kernel or from kill()."""
    info = read_siginfo(uinfo, sig)
    if (info.code >= 0 or info.code == SI_TKILL) and task_pid_vnr(task) != pid:
        raise SysError(EPERM)
    signal.kill_proc_info(task, sig, info, pid)
    return 0


@syscall("rt_tgsigqueueinfo")
def sys_rt_tgsigqueueinfo(task: Task, tgid: I32, pid: I32, sig: I32, uinfo: UserBuf) -> int:
    """pthread_sigqueue(3)."""
    info = read_siginfo(uinfo, sig)
    if pid <= 0 or tgid <= 0:
        raise SysError(EINVAL)
    if (info.code >= 0 or info.code == SI_TKILL) and task_pid_vnr(task) != pid:
        raise SysError(EPERM)
    signal.do_send_specific(task, tgid, pid, sig, info)
    return 0


# --- waiting


class SigSuspend(Resume):
    """pause and sigsuspend: only a signal ends them."""

    __slots__ = ()

    def step(self, task: Task) -> int:
        """Sleep on."""
        raise Sleep(resume=self)

    def interrupted(self, task: Task) -> int:
        """EINTR if a handler runs, else wait again."""
        return -ERESTARTNOHAND


@syscall("pause")
def sys_pause(task: Task) -> int:
    """pause(2)."""
    raise Sleep(resume=SigSuspend())


@syscall("rt_sigsuspend")
def sys_rt_sigsuspend(task: Task, unewset: UserIn[U64], sigsetsize: U64) -> int:
    """sigsuspend(2): wait under another mask, which ends with the call (or when its handler has returned)."""
    _check_size(sigsetsize)
    signal.set_user_sigmask(task, unewset.get())
    raise Sleep(resume=SigSuspend())


class SigTimedWait(Resume):
    """sigtimedwait: the signals in `which` are unblocked while it sleeps, so that one of them ends the sleep."""

    __slots__ = ("deadline", "uinfo", "which")

    def __init__(self, which: int, uinfo: int, deadline: int | None) -> None:
        self.which = which
        self.uinfo = uinfo
        self.deadline = deadline

    def step(self, task: Task) -> int:
        """Take a signal, find the time over, or sleep."""
        self._end_sleep(task)
        info = signal.dequeue_signal(task, ~self.which)
        if info is not None:
            return self._deliver(task, info)
        if self.deadline is not None and task.system.clock.monotonic() >= self.deadline:
            raise SysError(EAGAIN)
        task.real_blocked = task.blocked
        signal.set_current_blocked(task, task.blocked & ~self.which)
        raise Sleep(resume=self, deadline=self.deadline)

    def interrupted(self, task: Task) -> int:
        """Another signal than those waited for."""
        self._end_sleep(task)
        return -EINTR

    def _end_sleep(self, task: Task) -> None:
        if task.real_blocked:
            mask, task.real_blocked = task.real_blocked, 0
            signal.set_current_blocked(task, mask)

    def _deliver(self, task: Task, info: SigInfo) -> int:
        if self.uinfo and task.mm is not None:
            task.mm.write(self.uinfo, info.pack())
        return info.signo


@syscall("rt_sigtimedwait")
def sys_rt_sigtimedwait(
    task: Task, uthese: UserIn[U64], uinfo: UserBuf | None, uts: UserIn[Timespec] | None, sigsetsize: U64
) -> int:
    """sigtimedwait(2): take one of `uthese` without its handler; EAGAIN when the time is over."""
    _check_size(sigsetsize)
    which = uthese.get() & ~SIG_KERNEL_ONLY_MASK
    deadline = None
    if uts is not None:
        span = uts.get()
        if span.tv_sec < 0 or not 0 <= span.tv_nsec < NSEC_PER_SEC:
            raise SysError(EINVAL)
        deadline = task.system.clock.monotonic() + span.tv_sec * NSEC_PER_SEC + span.tv_nsec
    return SigTimedWait(which, uinfo.addr if uinfo is not None else 0, deadline).step(task)


# --- signalfd


@syscall("signalfd")
def sys_signalfd(task: Task, ufd: I32, user_mask: UserIn[U64], sizemask: U64) -> int:
    """signalfd(2), the old call without flags."""
    return do_signalfd4(task, ufd, user_mask, sizemask, 0)


@syscall("signalfd4")
def sys_signalfd4(task: Task, ufd: I32, user_mask: UserIn[U64], sizemask: U64, flags: I32) -> int:
    """signalfd(2)."""
    return do_signalfd4(task, ufd, user_mask, sizemask, flags)


def do_signalfd4(task: Task, ufd: int, user_mask: UserIn[U64], sizemask: int, flags: int) -> int:
    """A new signalfd, or another mask for the one at `ufd`."""
    _check_size(sizemask)
    mask = user_mask.get()
    if flags & ~(O_CLOEXEC | O_NONBLOCK):
        raise SysError(EINVAL)
    if ufd == -1:
        return fd_install(task, signalfd_file(task, mask, flags), bool(flags & O_CLOEXEC))
    assert task.files is not None
    file = task.files.get(ufd)
    if not isinstance(file, SignalFile):
        raise SysError(EINVAL)
    file.set_mask(mask)
    return ufd


@syscall("restart_syscall")
def sys_restart_syscall(task: Task) -> int:
    """restart_syscall(2): go on with a timed call after a signal without a handler; EINTR if there is none."""
    block, task.restart_block = task.restart_block, None
    if block is None:
        raise SysError(EINTR)
    return block.step(task)
