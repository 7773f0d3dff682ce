"""eventfd, eventfd2, memfd_create and memfd_secret: files that only a descriptor names."""

from __future__ import annotations

from forkernel.abi.errno import EFAULT, EINVAL
from forkernel.abi.types import I32, U32
from forkernel.errors import SysError
from forkernel.fs.eventfd import EFD_CLOEXEC, EFD_NONBLOCK, EFD_SEMAPHORE, eventfd_file
from forkernel.fs.fdtable import fd_install
from forkernel.fs.memfd import (
    MFD_ALLOW_SEALING,
    MFD_CLOEXEC,
    MFD_EXEC,
    MFD_NOEXEC_SEAL,
    memfd_create,
)
from forkernel.kernel.task import Task
from forkernel.mm.uaccess import UserStr
from forkernel.syscalls.registry import syscall

MFD_SECRET_CLOEXEC = 0o2000000  # O_CLOEXEC
MFD_NAME_MAX = 249
"""NAME_MAX without "memfd:"."""


@syscall("eventfd")
def sys_eventfd(task: Task, count: U32) -> int:
    """eventfd(2), the old call without flags."""
    return do_eventfd(task, count, 0)


@syscall("eventfd2")
def sys_eventfd2(task: Task, count: U32, flags: I32) -> int:
    """eventfd(2)."""
    return do_eventfd(task, count, flags)


def do_eventfd(task: Task, count: int, flags: int) -> int:
    """A descriptor for a new counter."""
    if flags & ~(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK):
        raise SysError(EINVAL)
    return fd_install(task, eventfd_file(task, count, flags), bool(flags & EFD_CLOEXEC))


@syscall("memfd_create", caveat="no huge pages (MFD_HUGETLB is EINVAL)")
def sys_memfd_create(task: Task, uname: UserStr | None, flags: U32) -> int:
    """memfd_create(2)."""
    if flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL | MFD_EXEC):
        raise SysError(EINVAL)
    if flags & MFD_EXEC and flags & MFD_NOEXEC_SEAL:
        raise SysError(EINVAL)
    if uname is None:
        raise SysError(EFAULT)
    name = uname.mm.read_cstr(uname.addr, MFD_NAME_MAX + 1)
    if len(name) > MFD_NAME_MAX:
        raise SysError(EINVAL)
    return fd_install(task, memfd_create(task, name, flags), bool(flags & MFD_CLOEXEC))


@syscall(
    "userfaultfd",
    caveat="missing pages only: no write protection, minor faults or events; a call that touches one is EFAULT",
)
def sys_userfaultfd(task: Task, flags: U32) -> int:
    """userfaultfd(2)."""
    from forkernel.kernel.userfaultfd import UFFD_USER_MODE_ONLY, userfaultfd

    if flags & ~(EFD_CLOEXEC | EFD_NONBLOCK | UFFD_USER_MODE_ONLY):
        raise SysError(EINVAL)
    return fd_install(task, userfaultfd(task, flags), bool(flags & EFD_CLOEXEC))


@syscall("memfd_secret")
def sys_memfd_secret(task: Task, flags: U32) -> int:
    """memfd_secret(2)."""
    from forkernel.fs.secretmem import memfd_secret

    if flags & ~MFD_SECRET_CLOEXEC:
        raise SysError(EINVAL)
    return fd_install(task, memfd_secret(task), bool(flags & MFD_SECRET_CLOEXEC))
