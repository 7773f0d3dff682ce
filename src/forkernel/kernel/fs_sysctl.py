"""Settings and counts in /proc/sys/fs (proc_sys_fs(5))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.fs.mount import MOUNT_MAX
from forkernel.fs.pipe import PIPE_SIZE_MOST
from forkernel.fs.proc.proc_sysctl import Sysctl
from forkernel.kernel.files_stat import vfs_counts
from forkernel.kernel.held_sysctl import held
from forkernel.namespace import OVERFLOW_ID

if TYPE_CHECKING:
    from forkernel.kernel.system import System

PAGE_SIZE = 4096

LONG_MAX = (1 << 63) - 1
NR_OPEN_MIN, NR_OPEN_MAX = 64, (1 << 31) - 64


def get_mount_max(system: System) -> int:
    """Mounts that a namespace may have."""
    return MOUNT_MAX


def get_overflow_id(system: System) -> int:
    """Shown for a user or group that a file system has no number for."""
    return OVERFLOW_ID


def get_file_nr(system: System) -> bytes:
    """Open files, 0, and the most that there may be."""
    return b"%d\t0\t%d" % (system.slabs.filp.active_objects, system.files_stat.file_max)


def get_inode_nr(system: System) -> bytes:
    """Inodes in memory; none of them is free."""
    return b"%d\t0" % vfs_counts(system.vfs)[0]


def get_inode_state(system: System) -> bytes:
    """The same, with places that mean nothing any more."""
    return get_inode_nr(system) + b"\t0\t0\t0\t0\t0"


def get_dentry_state(system: System) -> bytes:
    """Names in memory; unused ones are not kept, nor those that do not exist."""
    return b"%d\t0\t45\t0\t0\t0" % vfs_counts(system.vfs)[1]


def get_pipe_max_size(system: System) -> int:
    """Largest pipe, in bytes, that an unprivileged process may ask for."""
    return system.files_stat.pipe_max_size


def set_pipe_max_size(system: System, value: int) -> None:
    """Rounded up to a power of two, a page at least (Linux: round_pipe_size)."""
    size = PAGE_SIZE
    while size < value:
        size *= 2
    system.files_stat.pipe_max_size = size


FS_SYSCTLS: list[Sysctl] = [
    Sysctl(b"fs/dentry-state", 0o444, get_dentry_state),
    held(b"fs/file-max", "files_stat", "file_max", high=LONG_MAX),
    Sysctl(b"fs/file-nr", 0o444, get_file_nr),
    Sysctl(b"fs/inode-nr", 0o444, get_inode_nr),
    Sysctl(b"fs/inode-state", 0o444, get_inode_state),
    Sysctl(b"fs/mount-max", 0o444, get_mount_max),
    held(b"fs/nr_open", "files_stat", "nr_open", NR_OPEN_MIN, NR_OPEN_MAX),
    Sysctl(b"fs/overflowgid", 0o444, get_overflow_id),
    Sysctl(b"fs/overflowuid", 0o444, get_overflow_id),
    Sysctl(b"fs/pipe-max-size", 0o644, get_pipe_max_size, set_pipe_max_size, 0, PIPE_SIZE_MOST),
    held(b"fs/protected_hardlinks", "vfs", "protected_hardlinks", high=1),
    held(b"fs/protected_symlinks", "vfs", "protected_symlinks", high=1),
]
"""The settings, by path below /proc/sys."""
