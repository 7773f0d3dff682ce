"""Mounting procfs: `init` calls `register_procfs`, then mounts what `new_procfs` makes on /proc.

Each mount is a procfs of its own, with its own options (proc(5)): who sees whom (`hidepid`, `gid`), and whether there
is more than processes (`subset=pid`). What is in it is made at the first look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.fs.proc.options import ProcOptions
from forkernel.fs.proc.super import ProcSuperblock

if TYPE_CHECKING:
    from forkernel.fs.dentry import Dentry
    from forkernel.fs.inode import Inode
    from forkernel.fs.vfs import Vfs
    from forkernel.kernel.system import System
    from forkernel.kernel.task import Task


def register_procfs(system: System) -> None:
    """Make the file system known as `proc`."""
    system.vfs.filesystems[b"proc"] = mount_proc


def mount_proc(vfs: Vfs, task: Task, source: bytes = b"proc", data: bytes = b"") -> Dentry:
    """A new procfs, for mount(2): it shows the PID namespace of the caller. EINVAL for a bad option."""
    known = vfs.internal[b"proc"]
    assert isinstance(known, ProcSuperblock)
    ns = task.thread_pid.ns
    options = ProcOptions(data, task.cred.user_ns)
    sb = ProcSuperblock(task.system, vfs.alloc_dev(), known.boot_id, fill_procfs, ns.get() if ns.level else ns)
    sb.set_options(options)
    return sb.root


def new_procfs(system: System) -> Dentry:
    """Make procfs; the root of it."""
    boot_id = make_uuid(system.rng.randbytes(16))
    sb = ProcSuperblock(system, system.vfs.alloc_dev(), boot_id, fill_procfs)
    system.vfs.internal[b"proc"] = sb
    return sb.root


def fill_procfs(sb: ProcSuperblock) -> Inode:
    """Make the root directory, at the first look into it."""
    from forkernel.fs.proc.root import proc_fill_super
    from forkernel.kernel.kernel_view import KernelView
    from forkernel.kernel.sysctl import SYSCTLS

    sb.kernel = KernelView(sb.system)
    return proc_fill_super(sb, SYSCTLS)


def make_uuid(data: bytes) -> bytes:
    """A random UUID (version 4) from 16 bytes."""
    raw = bytearray(data)
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex().encode()
    return b"-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
