"""System calls about address spaces: mmap, munmap, mprotect, mremap, brk, madvise, mlock and their family."""

from __future__ import annotations

import struct

from forkernel.abi.capability import CAP_SYS_NICE
from forkernel.abi.errno import EBADF, EFAULT, EINVAL, ENOMEM, ENOSPC, EOPNOTSUPP, EPERM, ESRCH
from forkernel.abi.mman import (
    MADV_COLD,
    MADV_PAGEOUT,
    MADV_WILLNEED,
    MAP_ANONYMOUS,
    MAP_FIXED,
    MAP_HUGETLB,
    MAP_NONBLOCK,
    MAP_POPULATE,
    MAP_SHARED,
    MREMAP_DONTUNMAP,
    MREMAP_FIXED,
    PROT_EXEC,
    PROT_READ,
)
from forkernel.abi.types import I32, U32, U64
from forkernel.errors import SysError
from forkernel.fs.inode import global_caps
from forkernel.kernel.cred import capable
from forkernel.kernel.pid import find_task_by_vpid
from forkernel.kernel.pidfd import pidfd_get_task
from forkernel.kernel.ptrace import ptrace_may_access
from forkernel.kernel.task import Task
from forkernel.mm.iov_iter import UIO_MAXIOV, import_iovec
from forkernel.mm.layout import TASK_SIZE, page_align
from forkernel.mm.madvise import do_madvise, do_mincore, do_msync
from forkernel.mm.mlock import do_mlock, do_mlockall, do_munlock, do_munlockall
from forkernel.mm.mm_struct import MmStruct
from forkernel.mm.mmap import do_brk, do_mmap, do_munmap
from forkernel.mm.mprotect import do_mprotect
from forkernel.mm.mremap import do_mremap
from forkernel.mm.oom import group_mm, oom_reap
from forkernel.mm.process_vm import process_vm_rw
from forkernel.mm.uaccess import UserBuf
from forkernel.mm.vma import PAGE_MASK, PAGE_SHIFT, VM_ACCESS_FLAGS, VM_SHARED
from forkernel.syscalls.registry import syscall

READ_IMPLIES_EXEC = 0x0400000
"""personality(2): PROT_READ gives PROT_EXEC too."""
REMOTE_ADVICE = (MADV_WILLNEED, MADV_COLD, MADV_PAGEOUT)
"""What one process may advise about another's memory."""


def mm_of(task: Task) -> MmStruct:
    """The address space of the caller, which a task in a call always has."""
    mm = task.mm
    assert mm is not None
    return mm


def effective_prot(task: Task, prot: int) -> int:
    """PROT_* with what the caller's personality adds."""
    if prot & PROT_READ and task.personality & READ_IMPLIES_EXEC:
        return prot | PROT_EXEC
    return prot


@syscall("mmap")
def sys_mmap(task: Task, addr: U64, length: U64, prot: U64, flags: U64, fd: I32, offset: U64) -> int:
    """Map memory or a file; mmap(2)."""
    if offset & ~PAGE_MASK:
        raise SysError(EINVAL)
    file = None
    if not flags & MAP_ANONYMOUS:
        if task.files is None:
            raise SysError(EBADF)
        file = task.files.get(fd)
        if flags & MAP_HUGETLB:
            raise SysError(EINVAL)
    caps = global_caps(task.cred)
    prot = effective_prot(task, prot)
    return do_mmap(mm_of(task), addr, length, prot, flags, file, offset >> PAGE_SHIFT, caps=caps)


@syscall("munmap")
def sys_munmap(task: Task, addr: U64, length: U64) -> int:
    """Unmap; munmap(2)."""
    do_munmap(mm_of(task), addr, length)
    return 0


@syscall("mprotect")
def sys_mprotect(task: Task, addr: U64, length: U64, prot: U64) -> int:
    """Change access; mprotect(2)."""
    do_mprotect(mm_of(task), addr, length, effective_prot(task, prot))
    return 0


@syscall("pkey_mprotect")
def sys_pkey_mprotect(task: Task, addr: U64, length: U64, prot: U64, pkey: I32) -> int:
    """As mprotect when the key is -1; the CPU has no protection keys, so any other is invalid; pkeys(7)."""
    if pkey != -1:
        raise SysError(EINVAL)
    return sys_mprotect(task, addr, length, prot)


@syscall("pkey_alloc")
def sys_pkey_alloc(task: Task, flags: U64, access: U64) -> int:
    """No key can be had on a CPU without protection keys: ENOSPC; pkey_alloc(2)."""
    raise SysError(EINVAL if flags or access & ~3 else ENOSPC)


@syscall("pkey_free")
def sys_pkey_free(task: Task, pkey: I32) -> int:
    """No key was ever allocated; pkey_free(2)."""
    raise SysError(EINVAL)


@syscall("brk")
def sys_brk(task: Task, addr: U64) -> int:
    """Move the end of the heap and return it; where that fails, return the old one; brk(2), NOTES."""
    return do_brk(mm_of(task), addr)


@syscall("mremap")
def sys_mremap(task: Task, addr: U64, old_len: U64, new_len: U64, flags: U64, new_addr: U64) -> int:
    """Resize or move a mapping; mremap(2)."""
    if not flags & (MREMAP_FIXED | MREMAP_DONTUNMAP):
        new_addr = 0
    return do_mremap(mm_of(task), addr, old_len, new_len, flags, new_addr, caps=global_caps(task.cred))


@syscall("madvise")
def sys_madvise(task: Task, addr: U64, length: U64, advice: I32) -> int:
    """Advice about use of memory; madvise(2)."""
    do_madvise(mm_of(task), addr, length, advice)
    return 0


@syscall("mincore")
def sys_mincore(task: Task, addr: U64, length: U64, vec: UserBuf) -> int:
    """Which pages are in memory; mincore(2)."""
    if addr & ~PAGE_MASK:
        raise SysError(EINVAL)
    if addr + length > TASK_SIZE:
        raise SysError(ENOMEM)
    if vec.addr + (page_align(length) >> PAGE_SHIFT) > TASK_SIZE:
        raise SysError(EFAULT)
    vec.write(do_mincore(mm_of(task), addr, length))
    return 0


@syscall("msync")
def sys_msync(task: Task, addr: U64, length: U64, flags: I32) -> int:
    """Write a mapping back to its file; msync(2)."""
    do_msync(mm_of(task), addr, length, flags)
    return 0


@syscall("mlock")
def sys_mlock(task: Task, addr: U64, length: U64) -> int:
    """Lock pages into memory; mlock(2)."""
    do_mlock(mm_of(task), addr, length, caps=global_caps(task.cred))
    return 0


@syscall("mlock2")
def sys_mlock2(task: Task, addr: U64, length: U64, flags: I32) -> int:
    """Lock pages, perhaps only as they are touched (MLOCK_ONFAULT); mlock(2)."""
    do_mlock(mm_of(task), addr, length, flags, caps=global_caps(task.cred))
    return 0


@syscall("munlock")
def sys_munlock(task: Task, addr: U64, length: U64) -> int:
    """Unlock pages; mlock(2)."""
    do_munlock(mm_of(task), addr, length)
    return 0


@syscall("mlockall")
def sys_mlockall(task: Task, flags: I32) -> int:
    """Lock all of the address space; mlock(2)."""
    do_mlockall(mm_of(task), flags, caps=global_caps(task.cred))
    return 0


@syscall("munlockall")
def sys_munlockall(task: Task) -> int:
    """Unlock all of the address space; mlock(2)."""
    do_munlockall(mm_of(task))
    return 0


@syscall("map_shadow_stack")
def sys_map_shadow_stack(task: Task, addr: U64, size: U64, flags: U32) -> int:
    """The CPU has no shadow stacks: EOPNOTSUPP."""
    raise SysError(EOPNOTSUPP)


def import_remote_iovec(vec: UserBuf, vlen: int) -> list[tuple[int, int]]:
    """Non-empty segments of another process that an array of struct iovec names; EINVAL, EFAULT."""
    if vlen > UIO_MAXIOV:
        raise SysError(EINVAL)
    words = struct.unpack(f"<{2 * vlen}Q", vec.read(16 * vlen)) if vlen else ()
    if any(length >> 63 for length in words[1::2]):
        raise SysError(EINVAL)
    return [(addr, length) for addr, length in zip(words[::2], words[1::2], strict=True) if length]


def mm_access(task: Task, target: Task | None) -> MmStruct:
    """The address space of another process, if the caller may touch it; ESRCH, EPERM."""
    if target is None or target.mm is None:
        raise SysError(ESRCH)
    if not ptrace_may_access(task, target):
        raise SysError(EPERM)
    return target.mm


def process_vm_transfer(
    task: Task, pid: int, local: UserBuf, local_len: int, remote: UserBuf, remote_len: int, flags: int, write: bool
) -> int:
    """Both directions of process_vm_readv(2)."""
    if flags:
        raise SysError(EINVAL)
    here = import_iovec(local, local_len).segments
    there = import_remote_iovec(remote, remote_len)
    if not here or not there:
        return 0
    target = find_task_by_vpid(task, pid)
    return process_vm_rw(mm_of(task), here, mm_access(task, target), there, write)


@syscall("process_vm_readv")
def sys_process_vm_readv(
    task: Task, pid: I32, local: UserBuf, local_len: U64, remote: UserBuf, remote_len: U64, flags: U64
) -> int:
    """Copy from another process; process_vm_readv(2)."""
    return process_vm_transfer(task, pid, local, local_len, remote, remote_len, flags, write=False)


@syscall("process_vm_writev")
def sys_process_vm_writev(
    task: Task, pid: I32, local: UserBuf, local_len: U64, remote: UserBuf, remote_len: U64, flags: U64
) -> int:
    """Copy to another process; process_vm_readv(2)."""
    return process_vm_transfer(task, pid, local, local_len, remote, remote_len, flags, write=True)


@syscall("process_madvise")
def sys_process_madvise(task: Task, pidfd: I32, vec: UserBuf, vlen: U64, advice: I32, flags: U32) -> int:
    """Advice about another process's memory; process_madvise(2)."""
    if flags:
        raise SysError(EINVAL)
    segments = import_iovec(vec, vlen).segments
    target, _ = pidfd_get_task(task, pidfd)
    mm = mm_access(task, target)
    if mm is not task.mm:
        if advice not in REMOTE_ADVICE:
            raise SysError(EINVAL)
        if not capable(task, CAP_SYS_NICE):
            raise SysError(EPERM)
    done = 0
    for addr, length in segments:
        try:
            do_madvise(mm, addr, length, advice)
        except SysError:
            if done:
                break
            raise
        done += length
    return done


@syscall("process_mrelease")
def sys_process_mrelease(task: Task, pidfd: I32, flags: U32) -> int:
    """Free the private memory of a process that is being killed, before it runs to its end; process_mrelease(2)."""
    if flags:
        raise SysError(EINVAL)
    target, _ = pidfd_get_task(task, pidfd)
    mm = group_mm(target.group_leader) if target is not None else None
    if target is None or mm is None:
        raise SysError(ESRCH)
    if any(group_mm(leader) is mm and not task.system.oom_is_dying(leader) for leader in task.system.pids.processes()):
        raise SysError(EINVAL)
    oom_reap(mm)
    return 0


@syscall("remap_file_pages")
def sys_remap_file_pages(task: Task, addr: U64, size: U64, prot: U64, pgoff: U64, flags: U64) -> int:
    """Show other pages of a shared file mapping; remap_file_pages(2). Made of ordinary areas, as on Linux."""
    mm = mm_of(task)
    addr, size = addr & PAGE_MASK, size & PAGE_MASK
    vma = mm.vmas.lookup(addr)
    if prot or not size or addr + size > TASK_SIZE or vma is None or not vma.flags & VM_SHARED:
        raise SysError(EINVAL)
    if any(other.file is not vma.file or other.flags != vma.flags for other in mm.vmas.overlapping(addr, addr + size)):
        raise SysError(EINVAL)
    flags = flags & MAP_NONBLOCK | MAP_SHARED | MAP_FIXED | MAP_POPULATE
    do_mmap(mm, addr, size, vma.flags & VM_ACCESS_FLAGS, flags, vma.file, pgoff)
    return 0
