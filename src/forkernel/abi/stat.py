"""File modes, struct stat, statx, statfs and the directory entries of getdents64 (x86-64 layouts)."""

from __future__ import annotations

import struct
from typing import Annotated, NamedTuple

from forkernel.abi.types import I64, U32, U64, Bytes, CStruct

S_IFMT = 0o170000
S_IFSOCK = 0o140000
S_IFLNK = 0o120000
S_IFREG = 0o100000
S_IFBLK = 0o060000
S_IFDIR = 0o040000
S_IFCHR = 0o020000
S_IFIFO = 0o010000
S_ISUID = 0o4000
S_ISGID = 0o2000
S_ISVTX = 0o1000
S_IRWXUGO = 0o777
S_IALLUGO = 0o7777
S_IXGRP = 0o010
S_IWOTH = 0o002

DT_UNKNOWN = 0
DT_FIFO = 1
DT_CHR = 2
DT_DIR = 4
DT_BLK = 6
DT_REG = 8
DT_LNK = 10
DT_SOCK = 12


def s_isreg(mode: int) -> bool:
    """Whether `mode` is a regular file's."""
    return mode & S_IFMT == S_IFREG


def s_isdir(mode: int) -> bool:
    """Whether `mode` is a directory's."""
    return mode & S_IFMT == S_IFDIR


def s_islnk(mode: int) -> bool:
    """Whether `mode` is a symbolic link's."""
    return mode & S_IFMT == S_IFLNK


def dtype_of(mode: int) -> int:
    """The d_type of a directory entry for a file of this mode."""
    return (mode & S_IFMT) >> 12


def makedev(major: int, minor: int) -> int:
    """A dev_t as user space sees it in st_dev and st_rdev (Linux: new_encode_dev, widened to 64 bits)."""
    return minor & 0xFF | (major & 0xFFF) << 8 | (minor & ~0xFF) << 12 | (major & ~0xFFF) << 32


def major(dev: int) -> int:
    """Major number of a dev_t."""
    return dev >> 8 & 0xFFF | dev >> 32 & ~0xFFF


def minor(dev: int) -> int:
    """Minor number of a dev_t."""
    return dev & 0xFF | dev >> 12 & 0xFFFFFF00


class Stat(CStruct):
    """struct stat of x86-64 (stat(2)): 144 bytes."""

    st_dev: U64
    st_ino: U64
    st_nlink: U64
    st_mode: U32
    st_uid: U32
    st_gid: U32
    pad0: U32
    st_rdev: U64
    st_size: I64
    st_blksize: I64
    st_blocks: I64
    st_atime: U64
    st_atime_nsec: U64
    st_mtime: U64
    st_mtime_nsec: U64
    st_ctime: U64
    st_ctime_nsec: U64
    unused: Annotated[bytes, Bytes(24)]


STAT = struct.Struct("<QQQIIIIQqqqqQqQqQ24x")
"""The fields of `Stat` in order, without its padding at the end: packed on the hot path."""

STATX_TYPE = 0x1
STATX_MODE = 0x2
STATX_NLINK = 0x4
STATX_UID = 0x8
STATX_GID = 0x10
STATX_ATIME = 0x20
STATX_MTIME = 0x40
STATX_CTIME = 0x80
STATX_INO = 0x100
STATX_SIZE = 0x200
STATX_BLOCKS = 0x400
STATX_BASIC_STATS = 0x7FF
STATX_BTIME = 0x800
STATX_MNT_ID = 0x1000
STATX__RESERVED = 0x80000000
STATX_ATTR_MOUNT_ROOT = 0x2000

STATX = struct.Struct("<IIQIIIHxxQQQQqIxxxxqIxxxxqIxxxxqIxxxxIIIIQ104x")
"""struct statx (statx(2)), 256 bytes: mask, blksize, attributes, nlink, uid, gid, mode, ino, size, blocks,
attributes_mask, four (sec, nsec) times (a, b, c, m), rdev major and minor, dev major and minor, mnt_id."""


class Statfs(CStruct):
    """struct statfs of x86-64 (statfs(2)): 120 bytes."""

    f_type: I64
    f_bsize: I64
    f_blocks: U64
    f_bfree: U64
    f_bavail: U64
    f_files: U64
    f_ffree: U64
    f_fsid: U64
    f_namelen: I64
    f_frsize: I64
    f_flags: I64
    f_spare: Annotated[bytes, Bytes(32)]


class OpenHow(CStruct):
    """struct open_how (openat2(2)), version 0."""

    flags: U64
    mode: U64
    resolve: U64


class Dirent(NamedTuple):
    """A directory entry: name, inode number, DT_* type."""

    name: bytes
    ino: int
    d_type: int


DIRENT64 = struct.Struct("<QqHB")
"""Head of struct linux_dirent64: d_ino, d_off, d_reclen, d_type; the name follows."""

DIRENT = struct.Struct("<QQH")
"""Head of struct linux_dirent (getdents): d_ino, d_off, d_reclen; the type is the last byte of the entry."""

# f_type of statfs
TMPFS_MAGIC = 0x01021994
OVERLAYFS_SUPER_MAGIC = 0x794C7630
PROC_SUPER_MAGIC = 0x9FA0
SYSFS_MAGIC = 0x62656572
EXT4_SUPER_MAGIC = 0xEF53
PIPEFS_MAGIC = 0x50495045
ANON_INODE_FS_MAGIC = 0x09041934
DEVPTS_SUPER_MAGIC = 0x1CD1
SYSFS_MAGIC = 0x62656572
