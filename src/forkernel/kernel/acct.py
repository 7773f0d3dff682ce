"""Process accounting (Linux: kernel/acct.c; acct(2), acct(5)): a record in a file for each process that ends.

`acct` names the file, for the caller's PID namespace. `acct_process` is called by the last thread of a process, while
there is still something to count; it writes for the process's namespace and for each one above. While nobody accounts,
`System.bacct` is empty, and exit pays one test.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import TYPE_CHECKING

from forkernel.abi.capability import CAP_SYS_PACCT
from forkernel.abi.errno import EACCES, EPERM
from forkernel.abi.fcntl import O_APPEND, O_WRONLY
from forkernel.abi.stat import S_IFMT, S_IFREG
from forkernel.errors import SysError
from forkernel.kernel.clock import NSEC_PER_SEC
from forkernel.kernel.cred import capable
from forkernel.kernel.task import PF_FORKNOEXEC, PF_SIGNALED, PF_SUPERPRIV

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.kernel.pid import PidNamespace
    from forkernel.kernel.task import Task

RECORD = struct.Struct("<BBHIIIIIIf8H16s")
"""struct acct_v3."""
ACCT_VERSION = 3
AFORK, ASU, AXSIG = 0x01, 0x02, 0x10
"""ac_flag: never executed a program; used its privileges; a signal ended it."""
AHZ = 100
MANTISSA_MAX, EXPONENT_MAX = 0x1FFF, 7
COMM_LEN, COUNTS = 16, 8


def acct(task: Task, path: bytes | None) -> None:
    """Account to a file, or with None no more. EPERM; EACCES for what is no regular file; errors of open."""
    if not capable(task, CAP_SYS_PACCT):
        raise SysError(EPERM)
    system, ns = task.system, task.thread_pid.ns
    file = None
    if path is not None:
        file = system.vfs.open(task, path, O_WRONLY | O_APPEND)
        if file.inode.mode & S_IFMT != S_IFREG:
            file.put()
            raise SysError(EACCES)
    if ns in system.bacct:
        append(system.bacct[ns], record(task, None, ns))
        acct_exit_ns(ns)
    if file is not None:
        system.bacct[ns] = file


def acct_exit_ns(ns: PidNamespace) -> None:
    """Nothing is accounted for the namespace any more."""
    file: File | None = ns.system.bacct.pop(ns, None)
    if file is not None:
        file.put()


def acct_process(task: Task, code: int) -> None:
    """The process of `task` ends with wait status `code`."""
    ns: PidNamespace | None = task.thread_pid.ns
    while ns is not None:
        file = task.system.bacct.get(ns)
        if file is not None:
            append(file, record(task, code, ns))
        ns = ns.parent


def append(file: File, data: bytes) -> None:
    """Add a record; where there is no room it is lost."""
    with suppress(SysError):
        file.inode.pwrite(file.inode.size, data)


def record(task: Task, code: int | None, ns: PidNamespace) -> bytes:
    """struct acct_v3, with the numbers of a namespace. Without a `code` nothing has been counted yet: so is the record
    of who ends the accounting.
    """
    system, leader, sig = task.system, task.group_leader, task.signal
    elapsed = system.clock.stamp() - leader.start_time
    flags, counts = (0, (0,) * COUNTS) if code is None else collect(task)
    return RECORD.pack(
        flags,
        ACCT_VERSION,
        sig.tty.rdev & 0xFFFF if sig.tty is not None else 0,
        code or 0,
        task.cred.uid,
        task.cred.gid,
        leader.thread_pid.nr_ns(ns),
        leader.real_parent.group_leader.thread_pid.nr_ns(ns),
        (system.clock.realtime() - elapsed) // NSEC_PER_SEC & 0xFFFF_FFFF,
        elapsed * AHZ / NSEC_PER_SEC,
        *(encode_comp_t(count) for count in counts),
        task.comm.ljust(COMM_LEN, b"\0"),
    )


def collect(task: Task) -> tuple[int, tuple[int, ...]]:
    """ac_flag, and the counts: times, memory, nothing for input and output, faults, nothing for swapping."""
    leader, sig, threads = task.group_leader, task.signal, list(task.signal.threads)
    flags = AFORK if leader.flags & PF_FORKNOEXEC else 0
    flags |= ASU if any(thread.flags & PF_SUPERPRIV for thread in threads) else 0
    flags |= AXSIG if any(thread.flags & PF_SIGNALED for thread in threads) else 0
    counts = (
        ticks(sig.utime + sum(thread.utime for thread in threads)),
        ticks(sig.stime + sum(thread.stime for thread in threads)),
        task.mm.total_vm * 4 if task.mm is not None else 0,
        0,
        0,
        sig.min_flt + sum(thread.min_flt for thread in threads),
        sig.maj_flt + sum(thread.maj_flt for thread in threads),
        0,
    )
    return flags, counts


def ticks(nanoseconds: int) -> int:
    """In hundredths of a second."""
    return nanoseconds * AHZ // NSEC_PER_SEC


def encode_comp_t(value: int) -> int:
    """A number as 13 bits and a power of 8 in 3 bits, rounded."""
    exponent, rounding = 0, 0
    while value > MANTISSA_MAX:
        rounding = value & 4
        value >>= 3
        exponent += 1
    if rounding:
        value += 1
        if value > MANTISSA_MAX:
            value >>= 3
            exponent += 1
    return exponent << 13 | value if exponent <= EXPONENT_MAX else 0xFFFF
