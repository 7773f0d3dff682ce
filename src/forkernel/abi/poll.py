"""Event masks of poll(2) and epoll(7), and their structs."""

from __future__ import annotations

from forkernel.abi.types import I16, I32, U32, U64, CStruct

POLLIN = EPOLLIN = 0x001
POLLPRI = EPOLLPRI = 0x002
POLLOUT = EPOLLOUT = 0x004
POLLERR = EPOLLERR = 0x008
POLLHUP = EPOLLHUP = 0x010
POLLNVAL = 0x020
POLLRDNORM = EPOLLRDNORM = 0x040
POLLRDBAND = EPOLLRDBAND = 0x080
POLLWRNORM = EPOLLWRNORM = 0x100
POLLWRBAND = EPOLLWRBAND = 0x200
POLLMSG = EPOLLMSG = 0x400
POLLRDHUP = EPOLLRDHUP = 0x2000
EPOLLEXCLUSIVE = 1 << 28
EPOLLWAKEUP = 1 << 29
EPOLLONESHOT = 1 << 30
EPOLLET = 1 << 31

EPOLL_CTL_ADD = 1
EPOLL_CTL_DEL = 2
EPOLL_CTL_MOD = 3
EPOLL_CLOEXEC = 0o2000000

IN_MASK = POLLIN | POLLRDNORM
OUT_MASK = POLLOUT | POLLWRNORM
DEFAULT_POLLMASK = IN_MASK | OUT_MASK
"""What a file that never blocks answers (regular files, /dev/null)."""

# What select's three sets ask for (fs/select.c: POLLIN_SET, POLLOUT_SET, POLLEX_SET).
SELECT_IN = POLLRDNORM | POLLRDBAND | POLLIN | POLLHUP | POLLERR | POLLNVAL
SELECT_OUT = POLLWRBAND | POLLWRNORM | POLLOUT | POLLERR | POLLNVAL
SELECT_EX = POLLPRI | POLLNVAL


class Pollfd(CStruct):
    """struct pollfd."""

    fd: I32
    events: I16
    revents: I16


class PselectSigmask(CStruct):
    """What pselect6's sixth argument points at: the mask's address and its size in bytes."""

    ss: U64
    ss_len: U64


class EpollEvent(CStruct):
    """struct epoll_event, which x86-64 packs to 12 bytes: `data` in two halves keeps it so here."""

    events: U32
    data_low: U32
    data_high: U32
