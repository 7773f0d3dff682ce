"""userfaultfd: a program that fills in its own missing pages (Linux: fs/userfaultfd.c, mm/userfaultfd.c;
userfaultfd(2), ioctl_userfaultfd(2)).

Life of a fault: a program touches a page that is not there, in a range that was registered; `handle_userfault` queues
a `UserFault` and the task sleeps. A reader of the descriptor learns of it, puts a page there (UFFDIO_COPY,
UFFDIO_ZEROPAGE) and thereby wakes the task, which executes its instruction again.

The ranges are areas with VM_UFFD_MISSING, whose flags name the descriptor by its number in `mm.userfaultfds`.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from forkernel.abi.capability import CAP_SYS_PTRACE
from forkernel.abi.errno import EAGAIN, EBUSY, EEXIST, EFAULT, EINVAL, ENOENT, ENOMEM, EPERM
from forkernel.abi.fcntl import O_NONBLOCK, O_RDWR
from forkernel.abi.poll import EPOLLERR, EPOLLIN
from forkernel.errors import SysError
from forkernel.fs.anon import anon_inode
from forkernel.fs.file import File
from forkernel.kernel.cred import capable
from forkernel.mm.userfault import UFFD_CONTEXTS, UFFD_FLAGS, VM_UFFD_MISSING, context_bits, context_number, is_missing
from forkernel.mm.vma import PAGE_MASK, PAGE_SIZE, VM_MAYWRITE, Vma
from forkernel.wait import Sleep, WaitQueue

if TYPE_CHECKING:
    from forkernel.kernel.task import Task
    from forkernel.mm.mm_struct import MmStruct

UFFD_USER_MODE_ONLY = 1
UFFD_API = 0xAA
UFFD_EVENT_PAGEFAULT = 0x12
UFFD_PAGEFAULT_FLAG_WRITE = 1
UFFD_FEATURE_MISSING_SHMEM, UFFD_FEATURE_SIGBUS = 1 << 5, 1 << 7
UFFD_FEATURE_THREAD_ID, UFFD_FEATURE_EXACT_ADDRESS = 1 << 8, 1 << 11
FEATURES = UFFD_FEATURE_MISSING_SHMEM | UFFD_FEATURE_SIGBUS | UFFD_FEATURE_THREAD_ID | UFFD_FEATURE_EXACT_ADDRESS
API_IOCTLS = 1 << 0 | 1 << 1 | 1 << 0x3F
RANGE_IOCTLS = 1 << 2 | 1 << 3 | 1 << 4
UFFDIO_REGISTER_MODE_MISSING = 1
UFFDIO_MODE_DONTWAKE = 1
TASK_SIZE = 0x7FFF_FFFF_F000
MSG_SIZE = 32
_MSG = struct.Struct("<B7xQQI4x")


class UserFault:
    """One task that waits for a page."""

    __slots__ = ("address", "flags", "ptid", "wait")

    def __init__(self, address: int, flags: int, ptid: int) -> None:
        self.address = address
        self.flags = flags
        """UFFD_PAGEFAULT_FLAG_*"""
        self.ptid = ptid
        self.wait = WaitQueue()


class FaultSleep(Sleep):
    """The sleep of a task inside a page fault: it has no result, the instruction is executed again."""

    in_fault = True


class UserfaultFile(File):
    """An open userfaultfd (Linux: userfaultfd_ctx)."""

    __slots__ = ("faults", "features", "initialized", "mm", "pending", "pid_ns", "wait")

    def __init__(self, inode: Any, path: Any, flags: int, mm: MmStruct) -> None:
        super().__init__(inode, O_RDWR | flags & O_NONBLOCK, path)
        self.mm = mm
        self.features = 0
        self.initialized = False
        self.pending: list[UserFault] = []
        """Nobody has read of them yet."""
        self.faults: list[UserFault] = []
        """Somebody has."""
        self.wait = WaitQueue()
        """Readers."""

    def read(self, task: Task, count: int) -> bytes:
        """As many messages (struct uffd_msg) as fit; waits for the first."""
        if not self.initialized or count < MSG_SIZE:
            raise SysError(EINVAL)
        self._forget_the_gone()
        if not self.pending:
            if self.flags & O_NONBLOCK:
                raise SysError(EAGAIN)
            raise Sleep(self.wait)
        taken, self.pending = self.pending[: count // MSG_SIZE], self.pending[count // MSG_SIZE :]
        self.faults += taken
        return b"".join(_MSG.pack(UFFD_EVENT_PAGEFAULT, fault.flags, fault.address, fault.ptid) for fault in taken)

    def _forget_the_gone(self) -> None:
        """Drop faults whose task went on for another reason: a signal."""
        self.pending = [fault for fault in self.pending if fault.wait.waiters]
        self.faults = [fault for fault in self.faults if fault.wait.waiters]

    def unread(self, data: bytes) -> None:
        """The messages did not reach the reader: they are lost to it, as on Linux."""

    def poll(self, task: Task) -> int:
        """Readable while there are messages; an error for a descriptor that blocks."""
        if not self.initialized or not self.flags & O_NONBLOCK:
            return EPOLLERR
        self._forget_the_gone()
        return EPOLLIN if self.pending else 0

    def poll_queues(self) -> tuple[WaitQueue, ...]:
        """Woken by faults."""
        return (self.wait,)

    def ioctl(self, task: Task, cmd: int, arg: int) -> int:
        """UFFDIO_*; EINVAL before UFFDIO_API."""
        handler = _REQUESTS.get(cmd)
        if handler is None or (cmd != UFFDIO_API and not self.initialized):
            raise SysError(EINVAL)
        return handler(self, task, arg)

    def wake(self, start: int, end: int) -> None:
        """Let those go on who wait for a page of the range."""
        for fault in self.pending + self.faults:
            if start <= fault.address < end:
                fault.wait.wake_up()
        self._forget_the_gone()

    def release(self) -> None:
        """The last descriptor is closed: the ranges are ordinary memory again."""
        if self.mm.users:
            for vma in self.mm.vmas:
                if self.owns(vma):
                    self.mm.vmas.change_flags(vma.start, vma.end, UFFD_FLAGS, 0)
        self.wake(0, TASK_SIZE)

    def owns(self, vma: Vma) -> bool:
        """Whether the area is registered here."""
        number = context_number(vma)
        return number > 0 and self.mm.userfaultfds[number - 1] is self

    def fdinfo(self) -> bytes:
        """Pending and all faults, and the API (Linux: userfaultfd_show_fdinfo)."""
        total = len(self.pending) + len(self.faults)
        return b"pending:\t%d\ntotal:\t%d\nAPI:\t%x:%x:%x\n" % (
            len(self.pending), total, UFFD_API, self.features, FEATURES,
        )  # fmt: skip


def userfaultfd(task: Task, flags: int) -> File:
    """A new descriptor for the caller's address space; EPERM without CAP_SYS_PTRACE for faults of the kernel too."""
    if not flags & UFFD_USER_MODE_ONLY and not capable(task, CAP_SYS_PTRACE):
        raise SysError(EPERM)
    assert task.mm is not None
    inode, path = anon_inode(task.system.vfs, b"userfaultfd")
    return UserfaultFile(inode, path, flags, task.mm)


def handle_userfault(task: Task, address: int, *, write: bool) -> Sleep | None:
    """A page is missing in a registered range: the sleep until it is there, None where SIGBUS was asked for."""
    assert task.mm is not None
    vma = task.mm.vmas.lookup(address)
    assert vma is not None
    file: UserfaultFile = task.mm.userfaultfds[context_number(vma) - 1]
    if file.features & UFFD_FEATURE_SIGBUS:
        return None
    shown = address if file.features & UFFD_FEATURE_EXACT_ADDRESS else address & PAGE_MASK
    ptid = task.thread_pid.nr if file.features & UFFD_FEATURE_THREAD_ID else 0
    fault = UserFault(shown, UFFD_PAGEFAULT_FLAG_WRITE if write else 0, ptid)
    file.pending.append(fault)
    file.wait.wake_up()
    return FaultSleep(fault.wait)


# --- requests


def _api(file: UserfaultFile, task: Task, arg: int) -> int:
    """Agree on features: EINVAL for ones that there are not, and the second time; the struct is zeroed then."""
    mm = _mm(task)
    api, features, _ = struct.unpack("<3Q", mm.read(arg, 24))
    if file.initialized or api != UFFD_API or features & ~FEATURES:
        mm.write(arg, bytes(24))
        raise SysError(EINVAL)
    mm.write(arg, struct.pack("<3Q", UFFD_API, FEATURES, API_IOCTLS))
    file.features, file.initialized = features, True
    return 0


def _range(start: int, length: int) -> int:
    """The end of a page-aligned range that is not empty; EINVAL."""
    if start & ~PAGE_MASK or length & ~PAGE_MASK or not length or start + length > TASK_SIZE:
        raise SysError(EINVAL)
    return start + length


def _register(file: UserfaultFile, task: Task, arg: int) -> int:
    """UFFDIO_REGISTER: EINVAL for memory that cannot, EBUSY for another's, EPERM for what is read-only for ever."""
    mm = _mm(task)
    start, length, mode, _ = struct.unpack("<4Q", mm.read(arg, 32))
    if mode != UFFDIO_REGISTER_MODE_MISSING:
        raise SysError(EINVAL)
    end = _range(start, length)
    areas = _areas(file, start, end)
    for vma in areas:
        if not vma.flags & VM_MAYWRITE:
            raise SysError(EPERM)
        if context_number(vma) and not file.owns(vma):
            raise SysError(EBUSY)
    bits = context_bits(_number(file))
    for vma in areas:
        part = vma.clip(start, end)
        file.mm.vmas.change_flags(part.start, part.end, UFFD_FLAGS, VM_UFFD_MISSING | bits)
    mm.write_u64(arg + 24, RANGE_IOCTLS)
    return 0


def _areas(file: UserfaultFile, start: int, end: int) -> list[Vma]:
    """The areas of a range, all of a kind that can be registered; EINVAL."""
    found = file.mm.vmas.overlapping(start, end)
    if not found or not all(_can_userfault(vma) for vma in found):
        raise SysError(EINVAL)
    return found


def _can_userfault(vma: Vma) -> bool:
    """Anonymous memory, shared or not, and files in memory."""
    if vma.mapping is None:
        return vma.file is None
    sb = getattr(vma.mapping, "sb", None)
    return not vma.name and (sb is None or sb.type == b"tmpfs")


def _number(file: UserfaultFile) -> int:
    """The descriptor's number in its address space; ENOMEM when there are too many."""
    files = file.mm.userfaultfds
    if file in files:
        return files.index(file) + 1
    if len(files) >= UFFD_CONTEXTS:
        raise SysError(ENOMEM)
    files.append(file)
    return len(files)


def _unregister(file: UserfaultFile, task: Task, arg: int) -> int:
    """UFFDIO_UNREGISTER, which wakes who waits."""
    start, length = struct.unpack("<2Q", _mm(task).read(arg, 16))
    end = _range(start, length)
    areas = _areas(file, start, end)
    if any(context_number(vma) and not file.owns(vma) for vma in areas):
        raise SysError(EINVAL)
    file.mm.vmas.change_flags(start, end, UFFD_FLAGS, 0)
    file.wake(start, end)
    return 0


def _wake(file: UserfaultFile, task: Task, arg: int) -> int:
    """UFFDIO_WAKE."""
    start, length = struct.unpack("<2Q", _mm(task).read(arg, 16))
    file.wake(start, _range(start, length))
    return 0


def _copy(file: UserfaultFile, task: Task, arg: int) -> int:
    """UFFDIO_COPY: fill missing pages from the caller's memory."""
    target, source, length, mode, _ = struct.unpack("<5Q", _mm(task).read(arg, 40))
    _range(target, length)
    if mode & ~UFFDIO_MODE_DONTWAKE or source + length > TASK_SIZE:
        raise SysError(EINVAL)
    return _fill(file, task, target, length, source, mode, arg + 32)


def _zeropage(file: UserfaultFile, task: Task, arg: int) -> int:
    """UFFDIO_ZEROPAGE: pages of zeros."""
    start, length, mode, _ = struct.unpack("<4Q", _mm(task).read(arg, 32))
    _range(start, length)
    if mode & ~UFFDIO_MODE_DONTWAKE:
        raise SysError(EINVAL)
    return _fill(file, task, start, length, None, mode, arg + 24)


def _fill(file: UserfaultFile, task: Task, start: int, length: int, source: int | None, mode: int, out: int) -> int:
    """Make pages until one fails; the bytes done, or the error, go to `out`. EAGAIN for less than all."""
    done, errno = 0, 0
    while done < length:
        data = None
        try:
            if source is not None:
                data = _mm(task).read(source + done, PAGE_SIZE)
            _fill_page(file, start + done, length - done, data)
        except SysError as error:
            errno = error.errno
            break
        done += PAGE_SIZE
    _mm(task).write_u64(out, done or -errno)
    if done and not mode & UFFDIO_MODE_DONTWAKE:
        file.wake(start, start + done)
    if done == length:
        return 0
    raise SysError(EAGAIN if done else errno)


def _fill_page(file: UserfaultFile, addr: int, left: int, data: bytes | None) -> None:
    """One page; ENOENT where nothing is registered or the area ends early, EEXIST where a page is."""
    mm = file.mm
    vma = mm.vmas.lookup(addr)
    if vma is None or not context_number(vma) or addr + left > vma.end:
        raise SysError(ENOENT)
    if not is_missing(mm, vma, addr):
        raise SysError(EEXIST)
    start, end, flags = vma.start, vma.end, vma.flags
    mm.vmas.change_flags(addr, addr + PAGE_SIZE, VM_UFFD_MISSING, 0)  # an ordinary fault, for once
    try:
        with_data = data is not None and any(data)
        mm.handle_fault(addr, write=with_data or vma.mapping is not None)
        if with_data and data is not None:
            mm.write(addr, data)
    finally:
        with suppress(SysError):
            mm.vmas.change_flags(start, end, UFFD_FLAGS, flags & UFFD_FLAGS)


def _mm(task: Task) -> MmStruct:
    if task.mm is None:
        raise SysError(EFAULT)
    return task.mm


UFFDIO_API = 0xC018_AA3F
_REQUESTS = {
    UFFDIO_API: _api,
    0xC020_AA00: _register,
    0x8010_AA01: _unregister,
    0x8010_AA02: _wake,
    0xC028_AA03: _copy,
    0xC020_AA04: _zeropage,
}
