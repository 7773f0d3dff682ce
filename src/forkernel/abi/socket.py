"""Constants and structs of sockets (socket(2), socket(7), unix(7))."""

from __future__ import annotations

from forkernel.abi.fcntl import O_CLOEXEC, O_NONBLOCK
from forkernel.abi.types import I32, U32, U64, CStruct

AF_UNSPEC = 0
AF_UNIX = 1
AF_INET = 2
AF_INET6 = 10
AF_NETLINK = 16
AF_MAX = 46
SOCK_STREAM = 1
SOCK_DGRAM = 2
SOCK_RAW = 3
SOCK_SEQPACKET = 5
SOCK_TYPE_MASK = 0xF
SOCK_CLOEXEC = O_CLOEXEC
SOCK_NONBLOCK = O_NONBLOCK
SOMAXCONN = 4096

MSG_OOB = 0x1
MSG_PEEK = 0x2
MSG_CTRUNC = 0x8
MSG_TRUNC = 0x20
MSG_DONTWAIT = 0x40
MSG_EOR = 0x80
MSG_WAITALL = 0x100
MSG_ERRQUEUE = 0x2000
MSG_NOSIGNAL = 0x4000
MSG_WAITFORONE = 0x10000
MSG_CMSG_CLOEXEC = 0x40000000

SHUT_RD = 0
SHUT_WR = 1
SHUT_RDWR = 2
RCV_SHUTDOWN = 1
SEND_SHUTDOWN = 2

SOL_SOCKET = 1
SO_DEBUG = 1
SO_REUSEADDR = 2
SO_TYPE = 3
SO_ERROR = 4
SO_DONTROUTE = 5
SO_BROADCAST = 6
SO_SNDBUF = 7
SO_RCVBUF = 8
SO_KEEPALIVE = 9
SO_OOBINLINE = 10
SO_PRIORITY = 12
SO_LINGER = 13
SO_REUSEPORT = 15
SO_PASSCRED = 16
SO_PEERCRED = 17
SO_RCVLOWAT = 18
SO_SNDLOWAT = 19
SO_RCVTIMEO = 20
SO_SNDTIMEO = 21
SO_ACCEPTCONN = 30
SO_SNDBUFFORCE = 32
SO_RCVBUFFORCE = 33
SO_BINDTODEVICE = 25
SO_PEERSEC = 31
SO_PASSSEC = 34
SO_MARK = 36
SO_PROTOCOL = 38
SO_DOMAIN = 39
SO_PEEK_OFF = 42
SO_MEMINFO = 55
SO_COOKIE = 57
SO_PEERGROUPS = 59
SO_NETNS_COOKIE = 71
SO_PASSPIDFD = 76
SO_PEERPIDFD = 77
SO_PASSRIGHTS = 83

SCM_RIGHTS = 1
SCM_CREDENTIALS = 2
SCM_PIDFD = 4
SCM_MAX_FD = 253

SUN_PATH_MAX = 108


class Ucred(CStruct):
    """struct ucred."""

    pid: I32
    uid: U32
    gid: U32


class Msghdr(CStruct):
    """struct msghdr."""

    msg_name: U64
    msg_namelen: U32
    msg_iov: U64
    msg_iovlen: U64
    msg_control: U64
    msg_controllen: U64
    msg_flags: U32


class Cmsghdr(CStruct):
    """struct cmsghdr; data follows, aligned to 8."""

    cmsg_len: U64
    cmsg_level: I32
    cmsg_type: I32
