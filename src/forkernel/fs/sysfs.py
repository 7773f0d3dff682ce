"""sysfs, as far as it tells of CPUs and memory: /sys/devices/system (Linux: drivers/base/cpu.c, memory.c; sysfs(5)).

C libraries count the CPUs there, lscpu shows how they hang together, and lsmem how much memory there is. All CPUs are
the cores of one package; none comes or goes. The parts are procfs's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import EACCES, EPERM
from forkernel.abi.fcntl import O_ACCMODE, O_PATH, O_RDONLY
from forkernel.errors import SysError
from forkernel.fs.proc.array import cpu_list, cpu_mask
from forkernel.fs.proc.inode import Entry, ProcFile, ProcReg, StaticDir

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.fs.inode import Inode
    from forkernel.fs.proc.super import ProcSuperblock
    from forkernel.kernel.task import Task

KERNEL_MAX = 63
"""The highest number that a CPU could have."""


MEMORY_BLOCK = 128 << 20
"""Bytes of RAM that could be switched on and off together, as on x86-64."""


class SysDir(StaticDir):
    """A directory of sysfs. The calls that make something there do not exist: EACCES for a file, EPERM for the rest."""

    __slots__ = ()

    def create(self, task: Task, name: bytes, mode: int, rdev: int = 0) -> Inode:
        """Refused."""
        raise SysError(EACCES)

    def mkdir(self, task: Task, name: bytes, mode: int) -> Inode:
        """Refused."""
        raise SysError(EPERM)

    def symlink(self, task: Task, name: bytes, target: bytes) -> Inode:
        """Refused."""
        raise SysError(EPERM)

    def subdir(self, name: bytes) -> SysDir:
        """A directory, made at first need."""
        found = self.children.get(name)
        if found is None:
            found = self.children[name] = SysDir(self.sb)
            self.nlink += 1
        assert isinstance(found, SysDir)
        return found

    def attribute(self, name: str, text: str) -> None:
        """A file that shows a line, and shows it for ever."""
        self.add(name.encode(), Entry(0o444, Text(text), opener=open_attribute, plain=True))


class Text:
    """What a file shows."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text.encode() + b"\n"

    def __call__(self, inode: Inode, reader: Task) -> bytes:
        """The text."""
        return self.text


def open_attribute(inode: ProcReg, task: Task, flags: int) -> File:
    """A file that cannot be written cannot be opened for it either, whoever asks: EACCES."""
    if flags & O_ACCMODE != O_RDONLY and not flags & O_PATH:
        raise SysError(EACCES)
    return ProcFile(inode, flags)


def sysfs_fill_super(sb: ProcSuperblock, cpus: int, memory: int) -> Inode:
    """Make the directories and files, for so many CPUs and bytes of RAM."""
    root = SysDir(sb)
    for name in (b"block", b"bus", b"class", b"kernel", b"module"):
        root.subdir(name)
    root.subdir(b"dev").subdir(b"block")
    root.subdir(b"dev").subdir(b"char")
    root.subdir(b"fs").subdir(b"cgroup")
    kernel = root.subdir(b"kernel")
    kernel.attribute("address_bits", "64")
    kernel.attribute("cpu_byteorder", "little")
    system = root.subdir(b"devices").subdir(b"system")
    add_cpus(system.subdir(b"cpu"), cpus)
    add_memory(system.subdir(b"memory"), memory)
    return root


def add_memory(directory: SysDir, memory: int) -> None:
    """RAM in blocks, all of them there for good (Linux: drivers/base/memory.c)."""
    directory.attribute("block_size_bytes", f"{MEMORY_BLOCK:x}")
    for number in range((memory + MEMORY_BLOCK - 1) // MEMORY_BLOCK):
        block = directory.subdir(b"memory%d" % number)
        block.attribute("online", "1")
        block.attribute("phys_device", "0")
        block.attribute("phys_index", f"{number:08x}")
        block.attribute("removable", "0")
        block.attribute("state", "online")
        block.attribute("valid_zones", "Normal")


def add_cpus(directory: SysDir, cpus: int) -> None:
    """The CPUs and how they hang together."""
    every = (1 << cpus) - 1
    for name in ("online", "possible", "present"):
        directory.attribute(name, cpu_list(every))
    directory.attribute("offline", "")
    directory.attribute("isolated", "")
    directory.attribute("kernel_max", str(KERNEL_MAX))
    for cpu in range(cpus):
        topology = directory.subdir(b"cpu%d" % cpu).subdir(b"topology")
        topology.attribute("core_id", str(cpu))
        topology.attribute("physical_package_id", "0")
        for name in ("thread_siblings", "core_cpus"):
            topology.attribute(name, cpu_mask(1 << cpu, cpus))
            topology.attribute(f"{name}_list", str(cpu))
        for name in ("core_siblings", "package_cpus"):
            topology.attribute(name, cpu_mask(every, cpus))
            topology.attribute(f"{name}_list", cpu_list(every))
