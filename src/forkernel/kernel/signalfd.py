"""signalfd: signals read from a descriptor (Linux: fs/signalfd.c, signalfd(2)).

A read takes pending signals of the *reader* that are in the file's mask, one record each. All readers and
pollers wait on one queue of the machine, `system.signalfd_wqh`, and look again when any signal is sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import EAGAIN, EINVAL
from forkernel.abi.fcntl import O_NONBLOCK, O_RDWR
from forkernel.abi.poll import EPOLLIN
from forkernel.abi.signal import (
    BUS_MCEERR_AO,
    BUS_MCEERR_AR,
    SIG_KERNEL_ONLY_MASK,
    SIGBUS,
    SIL_CHLD,
    SIL_FAULT,
    SIL_POLL,
    SIL_SYS,
    SIL_TIMER,
    SigInfo,
    SignalfdSiginfo,
    siginfo_layout,
)
from forkernel.errors import SysError
from forkernel.fs.anon import anon_inode
from forkernel.fs.file import File
from forkernel.kernel.sigqueue import dequeue_signal
from forkernel.wait import Sleep

if TYPE_CHECKING:
    from typing import Any

    from forkernel.fs.inode import Inode
    from forkernel.kernel.system import System
    from forkernel.kernel.task import Task
    from forkernel.wait import WaitQueue

M64 = (1 << 64) - 1
RECORD = SignalfdSiginfo.SIZE


class SignalFile(File):
    """An open signalfd (Linux: signalfd_ctx). `sigmask` is what it reads, never SIGKILL or SIGSTOP."""

    object_kind, object_size = "signalfd_ctx", 16

    __slots__ = ("sigmask", "system")

    def __init__(self, inode: Inode, flags: int, path: Any, system: System, mask: int) -> None:
        super().__init__(inode, flags, path)
        self.system = system
        self.sigmask = mask & ~SIG_KERNEL_ONLY_MASK

    def set_mask(self, mask: int) -> None:
        """Other signals from now on."""
        self.sigmask = mask & ~SIG_KERNEL_ONLY_MASK
        self.system.signalfd_wqh.wake_up()

    def seek(self, offset: int, whence: int) -> int:
        """Always 0 (Linux: noop_llseek)."""
        return 0

    def read(self, task: Task, count: int) -> bytes:
        """As many records as fit and signals are pending; EINVAL if not even one fits."""
        if count < RECORD:
            raise SysError(EINVAL)
        records: list[bytes] = []
        while len(records) < count // RECORD:
            info = dequeue_signal(task, ~self.sigmask)
            if info is None:
                break
            records.append(signalfd_record(info).pack())
        if records:
            return b"".join(records)
        if self.flags & O_NONBLOCK:
            raise SysError(EAGAIN)
        raise Sleep(self.system.signalfd_wqh)

    def poll(self, task: Task) -> int:
        """Readable while a signal of the mask is pending for the task that asks."""
        pending = task.pending.bits | task.signal.shared_pending.bits
        return EPOLLIN if pending & self.sigmask else 0

    def poll_queues(self) -> tuple[WaitQueue, ...]:
        """Woken by every signal sent."""
        return (self.system.signalfd_wqh,)

    def sleeps_in(self, call: str, *, writing: bool) -> tuple[str, ...]:
        """Where a read waits."""
        return ("signalfd_read_iter",)

    def fdinfo(self) -> bytes:
        """/proc/PID/fdinfo."""
        return b"sigmask:\t%016x\n" % self.sigmask


def signalfd_file(task: Task, mask: int, flags: int) -> SignalFile:
    """A new signalfd; `flags`: O_NONBLOCK."""
    inode, path = anon_inode(task.system.vfs, b"signalfd")
    return SignalFile(inode, O_RDWR | flags & O_NONBLOCK, path, task.system, mask)


def signalfd_record(info: SigInfo) -> SignalfdSiginfo:
    """A signal as a reader sees it."""
    record = SignalfdSiginfo(ssi_signo=info.signo, ssi_errno=info.errno, ssi_code=info.code)
    layout = siginfo_layout(info.signo, info.code)
    if layout == SIL_TIMER:
        record.ssi_tid, record.ssi_overrun = info.tid & 0xFFFFFFFF, info.overrun & 0xFFFFFFFF
    elif layout == SIL_POLL:
        record.ssi_band, record.ssi_fd = info.band & 0xFFFFFFFF, info.fd
        return record
    elif layout in (SIL_FAULT, SIL_SYS):
        record.ssi_addr = info.addr
        if info.signo == SIGBUS and info.code in (BUS_MCEERR_AR, BUS_MCEERR_AO):
            record.ssi_addr_lsb = info.addr_lsb & 0xFFFF
        return record
    else:
        record.ssi_pid, record.ssi_uid = info.pid & 0xFFFFFFFF, info.uid
    if layout == SIL_CHLD:
        record.ssi_status, record.ssi_utime, record.ssi_stime = info.status, info.utime & M64, info.stime & M64
        return record
    record.ssi_ptr = info.value
    record.ssi_int = (info.value & 0xFFFFFFFF ^ 1 << 31) - (1 << 31)
    return record
