"""The kernel log: what the kernel tells of itself, in a ring of records (Linux: kernel/printk; syslog(2), kmsg(4)).

`Printk.emit` adds a record; the oldest go when there are too many. Each has a number that is never given again, by
which readers keep their place. They are: programs that call syslog(2) or read /proc/kmsg, who share one place
(kernel/syslog.py), each opener of /dev/kmsg (fs/kmsg.py), and the console, if one is registered.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EPERM
from forkernel.abi.system import SYSLOG_ACTION_READ_ALL, SYSLOG_ACTION_SIZE_BUFFER
from forkernel.errors import SysError
from forkernel.kernel.ratelimit import Ratelimit
from forkernel.wait import WaitQueue

if TYPE_CHECKING:
    from forkernel.kernel.clock import Clock
    from forkernel.kernel.task import Task

LOG_BUF_LEN = 1 << 17
"""Bytes of text that are kept."""
MAX_RECORDS = LOG_BUF_LEN // 32
NSEC_PER_USEC = 1000
USEC_PER_SEC = 1_000_000

KERN_EMERG, KERN_ALERT, KERN_CRIT, KERN_ERR, KERN_WARNING, KERN_NOTICE, KERN_INFO, KERN_DEBUG = range(8)
LOG_USER = 1 << 3
CONSOLE_LOGLEVEL_QUIET, CONSOLE_LOGLEVEL_DEFAULT, CONSOLE_LOGLEVEL_DEBUG = 4, 7, 10
MESSAGE_LOGLEVEL_DEFAULT = KERN_WARNING
CONSOLE_LOGLEVEL_MIN = 1


class LogRecord:
    """One message: `priority` is facility << 3 | level, `usec` the time since boot.

    A message that did not end with a newline is not `final`: nobody sees it before the next one comes.
    """

    __slots__ = ("final", "priority", "seq", "text", "usec")

    def __init__(self, seq: int, usec: int, priority: int, text: bytes, final: bool) -> None:
        self.seq = seq
        self.usec = usec
        self.priority = priority
        self.text = text
        self.final = final

    def time(self) -> bytes:
        """As the log shows it before each line."""
        return b"[%5d.%06d] " % divmod(self.usec, USEC_PER_SEC)

    def syslog_text(self) -> bytes:
        """As syslog(2) gives it: level and time before each line."""
        prefix = b"<%d>%s" % (self.priority, self.time())
        return b"".join(b"%s%s\n" % (prefix, line) for line in self.text.split(b"\n"))


class Printk:
    """The log of one machine."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.records: deque[LogRecord] = deque()
        self.size = 0
        """Bytes of text in the records."""
        self.next_seq = 0
        self.clear_seq = 0
        """Where SYSLOG_ACTION_CLEAR was."""
        self.syslog_seq = self.syslog_partial = 0
        """Next record for SYSLOG_ACTION_READ, and how much of it has been read."""
        self.log_wait = WaitQueue()
        self.console: Any = None
        """Where messages go as they come (`write_console`)."""
        self.console_seq = 0
        self.console_loglevel = CONSOLE_LOGLEVEL_DEFAULT
        self.default_message_loglevel = MESSAGE_LOGLEVEL_DEFAULT
        self.minimum_console_loglevel = CONSOLE_LOGLEVEL_MIN
        self.default_console_loglevel = CONSOLE_LOGLEVEL_DEFAULT
        self.saved_console_loglevel: int | None = None
        """What SYSLOG_ACTION_CONSOLE_ON restores."""
        self.dmesg_restrict = 1
        self.devkmsg_log = b"ratelimit"
        self.ratelimit = Ratelimit()

    # --- writing

    def emit(self, level: int, text: bytes) -> None:
        """The kernel says something: one line without its newline."""
        self.store(level, text, final=True)

    def store(self, priority: int, text: bytes, *, final: bool) -> None:
        """Add a record; the one before it is final now."""
        records = self.records
        if records:
            records[-1].final = True
        records.append(LogRecord(self.next_seq, self.clock.stamp() // NSEC_PER_USEC, priority, text, final))
        self.next_seq += 1
        self.size += len(text)
        while self.size > LOG_BUF_LEN or len(records) > MAX_RECORDS:
            self.size -= len(records.popleft().text)
        if self.console is not None:
            self.flush_console()
        if self.log_wait:
            self.log_wait.wake_up()

    def allow(self, what: bytes) -> bool:
        """Whether a message that a program can cause at will may be logged now; `what` names who was held back before
        (Linux: printk_ratelimit).
        """
        limit, now = self.ratelimit, self.clock.stamp()
        if limit.missed and now > limit.begin + limit.interval:
            self.emit(KERN_WARNING, b"%s: %d callbacks suppressed" % (what, limit.take_missed()))
        return limit.allow(now)

    def register_console(self, console: Any) -> None:
        """From now on messages go to `console.write_console(text)` too; first those that are in the log already."""
        self.console = console
        self.flush_console()

    def flush_console(self) -> None:
        """Show what the console has not shown and is important enough."""
        while (record := self.at(self.console_seq)) is not None:
            self.console_seq = record.seq + 1
            if record.priority & 7 < self.console_loglevel:
                self.console.write_console(record.time() + record.text + b"\n")

    # --- reading

    @property
    def first_seq(self) -> int:
        """Number of the oldest record that is there."""
        return self.next_seq - len(self.records)

    @property
    def end_seq(self) -> int:
        """Number of the next record that a reader who has seen all will get (Linux: prb_next_seq)."""
        unfinished = bool(self.records) and not self.records[-1].final
        return self.next_seq - unfinished

    def at(self, seq: int) -> LogRecord | None:
        """The record of this number, the oldest that is there if it is gone; None if it has yet to come."""
        place = max(seq - self.first_seq, 0)
        if place >= len(self.records):
            return None
        record = self.records[place]
        return record if record.final else None

    def check_permission(self, task: Task, action: int) -> None:
        """EPERM for who may not do this (Linux: check_syslog_permissions)."""
        from forkernel.abi.capability import CAP_SYSLOG
        from forkernel.kernel.cred import capable

        open_to_all = action in (SYSLOG_ACTION_READ_ALL, SYSLOG_ACTION_SIZE_BUFFER) and not self.dmesg_restrict
        if not open_to_all and not capable(task, CAP_SYSLOG):
            raise SysError(EPERM)

    def syslog_read(self, count: int) -> bytes:
        """SYSLOG_ACTION_READ: what has not been read yet, in whole records if `count` bytes have room for one."""
        out = bytearray()
        while (record := self.at(self.syslog_seq)) is not None:
            if record.seq != self.syslog_seq:
                self.syslog_seq, self.syslog_partial = record.seq, 0
            text = record.syslog_text()[self.syslog_partial :]
            if len(text) <= count - len(out):
                self.syslog_seq, self.syslog_partial = record.seq + 1, 0
                out += text
                continue
            if not out:
                out += text[:count]
                self.syslog_partial += len(out)
            break
        return bytes(out)

    def syslog_size_unread(self) -> int:
        """Bytes that SYSLOG_ACTION_READ would give."""
        first = max(self.syslog_seq, self.first_seq)
        partial = self.syslog_partial if first == self.syslog_seq else 0
        return sum(len(text) for text in self.texts_from(first)) - partial

    def syslog_read_all(self, count: int) -> bytes:
        """SYSLOG_ACTION_READ_ALL: the last records since the log was cleared that `count` bytes have room for."""
        texts = self.texts_from(self.clear_seq)
        room, first = count, len(texts)
        while first and len(texts[first - 1]) <= room:
            first -= 1
            room -= len(texts[first])
        return b"".join(texts[first:])

    def texts_from(self, seq: int) -> list[bytes]:
        """The records from a number on, as syslog(2) gives them."""
        return [record.syslog_text() for record in self.records if record.seq >= seq and record.final]
