"""syslog(2), the kernel log's old interface: what klogctl, klogd and `dmesg -S` call (Linux: do_syslog)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import EINVAL
from forkernel.abi.system import (
    SYSLOG_ACTION_CLEAR,
    SYSLOG_ACTION_CLOSE,
    SYSLOG_ACTION_CONSOLE_LEVEL,
    SYSLOG_ACTION_CONSOLE_OFF,
    SYSLOG_ACTION_CONSOLE_ON,
    SYSLOG_ACTION_OPEN,
    SYSLOG_ACTION_READ,
    SYSLOG_ACTION_READ_ALL,
    SYSLOG_ACTION_READ_CLEAR,
    SYSLOG_ACTION_SIZE_BUFFER,
    SYSLOG_ACTION_SIZE_UNREAD,
)
from forkernel.errors import SysError
from forkernel.kernel.printk import LOG_BUF_LEN
from forkernel.wait import Sleep

if TYPE_CHECKING:
    from forkernel.kernel.printk import Printk
    from forkernel.kernel.task import Task
    from forkernel.mm.uaccess import UserBuf

READS = (SYSLOG_ACTION_READ, SYSLOG_ACTION_READ_ALL, SYSLOG_ACTION_READ_CLEAR)
LEVEL_MIN, LEVEL_MAX = 1, 8


def do_syslog(task: Task, action: int, buffer: UserBuf, length: int) -> int:
    """The call: EPERM before anything else, EINVAL for an action that does not exist or a bad argument, EFAULT."""
    log = task.system.printk
    log.check_permission(task, action)
    if action in READS:
        return _read(log, action, buffer, length)
    if action == SYSLOG_ACTION_CLEAR:
        log.clear_seq = log.end_seq
        return 0
    if action == SYSLOG_ACTION_SIZE_UNREAD:
        return log.syslog_size_unread()
    if action == SYSLOG_ACTION_SIZE_BUFFER:
        return LOG_BUF_LEN
    if action not in (SYSLOG_ACTION_CLOSE, SYSLOG_ACTION_OPEN):
        _set_level(log, action, length)
    return 0


def _read(log: Printk, action: int, buffer: UserBuf, length: int) -> int:
    """Bytes read; the call that takes what is new sleeps while there is nothing."""
    if not buffer.addr or length < 0:
        raise SysError(EINVAL)
    if not length:
        return 0
    if action == SYSLOG_ACTION_READ:
        data = log.syslog_read(length)
        if not data:
            raise Sleep(log.log_wait)
    else:
        data = log.syslog_read_all(length)
        if action == SYSLOG_ACTION_READ_CLEAR:
            log.clear_seq = log.end_seq
    buffer.write(data)
    return len(data)


def _set_level(log: Printk, action: int, length: int) -> None:
    """What the console shows: nothing but the worst, as before, or messages below a level of 1 to 8."""
    if action == SYSLOG_ACTION_CONSOLE_OFF:
        if log.saved_console_loglevel is None:
            log.saved_console_loglevel = log.console_loglevel
        log.console_loglevel = log.minimum_console_loglevel
    elif action == SYSLOG_ACTION_CONSOLE_ON:
        if log.saved_console_loglevel is not None:
            log.console_loglevel, log.saved_console_loglevel = log.saved_console_loglevel, None
    elif action == SYSLOG_ACTION_CONSOLE_LEVEL and LEVEL_MIN <= length <= LEVEL_MAX:
        log.console_loglevel = max(length, log.minimum_console_loglevel)
        log.saved_console_loglevel = None
    else:
        raise SysError(EINVAL)
