"""The kernel log as files: /dev/kmsg, a record at each read, and /proc/kmsg, a stream (Linux: kernel/printk).

The log itself is the kernel's `Printk`, which `task.system` has.
"""

from __future__ import annotations

import re
from typing import Any

from forkernel.abi.errno import EAGAIN, EBADF, EINVAL, EPERM, EPIPE, ESPIPE
from forkernel.abi.fcntl import O_ACCMODE, O_NONBLOCK, O_WRONLY, SEEK_DATA, SEEK_END, SEEK_SET
from forkernel.abi.poll import IN_MASK, POLLERR, POLLPRI
from forkernel.abi.system import SYSLOG_ACTION_OPEN, SYSLOG_ACTION_READ_ALL
from forkernel.errors import SysError
from forkernel.fs.file import File, generic_file_llseek
from forkernel.fs.inode import Inode
from forkernel.wait import Sleep, WaitQueue

RECORD_MAX = 1024
"""Longest text that a program may add."""
LOG_USER = 1 << 3
WARNING = 4
PREFIX = re.compile(rb"<(\d+)>")


def kmsg_open(task: Any, inode: Inode, flags: int) -> KmsgFile:
    """Open /dev/kmsg; EPERM for who may not read it, or if it is switched off (kernel.printk_devkmsg)."""
    log = task.system.printk
    if log.devkmsg_log == b"off":
        raise SysError(EPERM)
    reads = flags & O_ACCMODE != O_WRONLY
    if reads:
        log.check_permission(task, SYSLOG_ACTION_READ_ALL)
    return KmsgFile(inode, flags, log, log.first_seq if reads else 0)


class KmsgFile(File):
    """/dev/kmsg: each read gives one record, `priority,number,microseconds,flag;text`; a write adds one."""

    __slots__ = ("comm", "limit", "log", "seq")

    def __init__(self, inode: Inode, flags: int, log: Any, seq: int) -> None:
        super().__init__(inode, flags)
        self.log = log
        self.seq = seq
        """Number of the next record to read."""
        self.limit = type(log.ratelimit)()
        self.comm = b""
        """Who was held back by the limit."""

    def read(self, task: Any, count: int) -> bytes:
        """The next record; EINVAL if it does not fit, EPIPE if it is gone: the next read goes on with the oldest."""
        if not self.readable:
            raise SysError(EBADF)
        record = self.log.at(self.seq)
        if record is None:
            if self.flags & O_NONBLOCK:
                raise SysError(EAGAIN)
            raise Sleep(self.log.log_wait)
        if record.seq != self.seq:
            self.seq = record.seq
            raise SysError(EPIPE)
        self.seq += 1
        text = b"%d,%d,%d,-;%s\n" % (record.priority, record.seq, record.usec, escape(record.text))
        if len(text) > count:
            raise SysError(EINVAL)
        return text

    def pread(self, task: Any, offset: int, count: int) -> bytes:
        """As read."""
        return self.read(task, count)

    def unread(self, data: bytes) -> None:
        """A record that did not reach the reader is lost."""

    def write(self, task: Any, data: bytes) -> int:
        """Add a record, `<N>` before the text giving its priority; too many in too short a time are dropped.

        EINVAL if it is too long.
        """
        if not self.writable:
            raise SysError(EBADF)
        log = self.log
        if len(data) > RECORD_MAX:
            raise SysError(EINVAL)
        if log.devkmsg_log == b"off":
            return len(data)
        if log.devkmsg_log == b"ratelimit" and not self.limit.allow(log.clock.stamp()):
            self.comm = task.comm
            return len(data)
        level, facility, text = log.default_message_loglevel, LOG_USER, data.split(b"\0")[0]
        if found := PREFIX.match(text):
            number = int(found[1]) & 0xFFFF_FFFF
            level, facility, text = number & 7, number & ~7 or LOG_USER, text[found.end() :]
        text = text[: RECORD_MAX - 1]
        log.store(facility | level, text.removesuffix(b"\n"), final=text.endswith(b"\n"))
        return len(data)

    def pwrite(self, task: Any, offset: int, data: bytes) -> int:
        """As write."""
        return self.write(task, data)

    def release(self) -> None:
        """Say how many records of this file were dropped."""
        if missed := self.limit.take_missed():
            text = b"printk: %s: %d output lines suppressed due to ratelimiting" % (self.comm, missed)
            self.log.emit(WARNING, text)

    def seek(self, offset: int, whence: int) -> int:
        """SEEK_SET: the oldest record; SEEK_DATA: the first after the log was cleared; SEEK_END: the next to come."""
        if offset:
            raise SysError(ESPIPE)
        places = {SEEK_SET: self.log.first_seq, SEEK_DATA: self.log.clear_seq, SEEK_END: self.log.end_seq}
        if whence not in places:
            raise SysError(EINVAL)
        self.seq = places[whence]
        return 0

    def poll(self, task: Any) -> int:
        """Readable while there is a record; an error too if some were lost."""
        record = self.log.at(self.seq)
        if record is None:
            return 0
        return IN_MASK if record.seq == self.seq else IN_MASK | POLLERR | POLLPRI

    def poll_queues(self) -> tuple[WaitQueue, ...]:
        """The log's."""
        return (self.log.log_wait,)


def escape(text: bytes) -> bytes:
    """Text of a record in one line: what is not printable ASCII, and the backslash, in hexadecimal."""
    return b"".join(b"%c" % byte if 32 <= byte < 127 and byte != 92 else b"\\x%02x" % byte for byte in text)


def proc_kmsg_open(inode: Any, task: Any, flags: int) -> ProcKmsgFile:
    """Open /proc/kmsg; EPERM without CAP_SYSLOG."""
    log = task.system.printk
    log.check_permission(task, SYSLOG_ACTION_OPEN)
    return ProcKmsgFile(inode, flags, log)


class ProcKmsgFile(File):
    """/proc/kmsg: SYSLOG_ACTION_READ of syslog(2) as a file. All readers share one place."""

    __slots__ = ("log",)

    def __init__(self, inode: Inode, flags: int, log: Any) -> None:
        super().__init__(inode, flags)
        self.log = log

    def read(self, task: Any, count: int) -> bytes:
        """What has not been read yet."""
        if not self.readable:
            raise SysError(EBADF)
        if not count:
            return b""
        data: bytes = self.log.syslog_read(count)
        if not data:
            if self.flags & O_NONBLOCK:
                raise SysError(EAGAIN)
            raise Sleep(self.log.log_wait)
        return data

    def pread(self, task: Any, offset: int, count: int) -> bytes:
        """As read."""
        return self.read(task, count)

    def seek(self, offset: int, whence: int) -> int:
        """Positions are kept but mean nothing."""
        self.pos = generic_file_llseek(self, offset, whence)
        return self.pos

    def unread(self, data: bytes) -> None:
        """What did not reach the reader is lost."""

    def poll(self, task: Any) -> int:
        """Readable while something has not been read."""
        return IN_MASK if self.log.at(self.log.syslog_seq) is not None else 0

    def poll_queues(self) -> tuple[WaitQueue, ...]:
        """The log's."""
        return (self.log.log_wait,)
