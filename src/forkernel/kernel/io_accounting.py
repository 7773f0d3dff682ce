"""What reading and writing is counted for /proc/PID/io (Linux: task_io_accounting_ops.h; proc_pid_io(5)).

A call that is done at once counts itself (syscalls/io.py). One that slept with a Resume is counted when that ends.
No file system here has a block device below it, so nothing is read from or written to storage, and those lines are 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.arch.x86_64.syscall_table import SYSCALLS

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

READERS = frozenset(("read", "pread64", "readv", "preadv", "preadv2"))
WRITERS = frozenset(("write", "pwrite64", "writev", "pwritev", "pwritev2"))
COPIERS = frozenset(("sendfile", "copy_file_range"))
IO_CALLS = {number: name for number, name in SYSCALLS.items() if name in READERS | WRITERS | COPIERS}
"""Calls that are counted, by number."""


def account_io(task: Task, result: int) -> None:
    """A call of IO_CALLS ended with `result`."""
    name = IO_CALLS[task.syscall_nr]
    done = max(result, 0)
    if name not in WRITERS:
        task.rchar += done
        task.syscr += 1
    if name not in READERS:
        task.wchar += done
        task.syscw += 1
