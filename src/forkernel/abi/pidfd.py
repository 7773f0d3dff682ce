"""Ioctls of a pidfd (Linux: include/uapi/linux/pidfd.h; ioctl_pidfd(2), PIDFD_GET_INFO(2const))."""

from __future__ import annotations

from forkernel.abi.types import I32, U32, U64, CStruct

PIDFD_GET_CGROUP_NAMESPACE = 0xFF01
PIDFD_GET_IPC_NAMESPACE = 0xFF02
PIDFD_GET_MNT_NAMESPACE = 0xFF03
PIDFD_GET_NET_NAMESPACE = 0xFF04
PIDFD_GET_PID_NAMESPACE = 0xFF05
PIDFD_GET_PID_FOR_CHILDREN_NAMESPACE = 0xFF06
PIDFD_GET_TIME_NAMESPACE = 0xFF07
PIDFD_GET_TIME_FOR_CHILDREN_NAMESPACE = 0xFF08
PIDFD_GET_USER_NAMESPACE = 0xFF09
PIDFD_GET_UTS_NAMESPACE = 0xFF0A
PIDFD_GET_INFO = 0xC000FF0B
"""_IOWR(0xff, 11, struct pidfd_info) without the size, which grows with the struct."""
IOC_SIZE_SHIFT = 16
IOC_SIZE_MASK = 0x3FFF0000
FS_IOC_GETVERSION = 0x80087601

PIDFD_INFO_PID, PIDFD_INFO_CREDS, PIDFD_INFO_CGROUPID, PIDFD_INFO_EXIT, PIDFD_INFO_COREDUMP = 1, 2, 4, 8, 16
PIDFD_COREDUMP_SKIP, PIDFD_COREDUMP_USER, PIDFD_COREDUMP_ROOT = 2, 4, 8
PIDFD_INFO_SIZE_VER0 = 64


class PidfdInfo(CStruct):
    """struct pidfd_info as of Linux 6.16 (72 bytes)."""

    mask: U64
    cgroupid: U64
    pid: U32
    tgid: U32
    ppid: U32
    ruid: U32
    rgid: U32
    euid: U32
    egid: U32
    suid: U32
    sgid: U32
    fsuid: U32
    fsgid: U32
    exit_code: I32
    coredump_mask: U32
    spare: U32
