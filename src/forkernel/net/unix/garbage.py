"""Descriptors in flight, and sockets that only they hold (Linux: net/unix/garbage.c; unix(7), SCM_RIGHTS).

Life cycle: a send with descriptors calls `attach`, which counts them for the user and the sockets among them for the
collector; a message that gives its files away or is dropped calls `detach`. A socket that sits in its own queue, or in
that of another one in the same state, is held by nobody who could read it: `unix_gc`, run when an AF_UNIX socket is
released, finds such and drops the messages.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.capability import CAP_SYS_ADMIN, CAP_SYS_RESOURCE
from forkernel.abi.errno import ETOOMANYREFS
from forkernel.errors import SysError
from forkernel.namespace import init_user_ns
from forkernel.net.scm import scm_capable
from forkernel.net.unix.af_unix import UnixFile

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.net.unix.skb import Skb

RLIMIT_NOFILE = 7


class Inflight:
    """What is in flight in the whole machine."""

    __slots__ = ("dropped", "idle", "putting", "running", "sockets", "users")

    def __init__(self) -> None:
        self.users: dict[int, int] = {}
        """Descriptors in flight by user (the kernel's number)."""
        self.sockets: dict[UnixFile, int] = {}
        """AF_UNIX sockets in flight, how many times each."""
        self.running = False
        """The collector is at work."""
        self.idle = 0
        """Releases of sockets that it lets pass."""
        self.dropped: list[File] = []
        """Files to give up, and"""
        self.putting = False
        """whether somebody does."""


def inflight_of(file: UnixFile) -> Inflight:
    """The machine's."""
    sb: Any = file.inode.sb
    if sb.inflight is None:
        sb.inflight = Inflight()
    inflight: Inflight = sb.inflight
    return inflight


def check_inflight(task: Any, file: UnixFile) -> None:
    """ETOOMANYREFS for a user with more descriptors in flight than RLIMIT_NOFILE, and no capability."""
    count = inflight_of(file).users.get(task.cred.uid, 0)
    if count > task.signal.rlim[RLIMIT_NOFILE][0]:
        if not any(scm_capable(task, init_user_ns, cap) for cap in (CAP_SYS_RESOURCE, CAP_SYS_ADMIN)):
            raise SysError(ETOOMANYREFS)


def attach(task: Any, skb: Skb) -> None:
    """A message with files goes on its way."""
    inflight = inflight_of(skb.sender)
    skb.user = task.cred.uid
    inflight.users[skb.user] = inflight.users.get(skb.user, 0) + len(skb.files)
    for file in skb.files:
        if isinstance(file, UnixFile):
            inflight.sockets[file] = inflight.sockets.get(file, 0) + 1


def detach(skb: Skb) -> tuple[File, ...]:
    """Take its files, and their references, off a message."""
    files, skb.files = skb.files, ()
    inflight = inflight_of(skb.sender)
    left = inflight.users[skb.user] - len(files)
    if left:
        inflight.users[skb.user] = left
    else:
        del inflight.users[skb.user]
    for file in files:
        if isinstance(file, UnixFile):
            count = inflight.sockets[file] - 1
            if count:
                inflight.sockets[file] = count
            else:
                del inflight.sockets[file]
    return files


# --- the collector


def unix_gc(inflight: Inflight) -> None:
    """Drop the messages of sockets that nobody can reach any more."""
    inflight.idle -= 1
    if inflight.running or inflight.idle > 0:
        return
    collect(inflight)
    inflight.idle = len(inflight.sockets) >> 3  # where many are in flight, not at each


def collect(inflight: Inflight) -> None:
    """The same at once, and until there are none."""
    inflight.running = True
    while drop_unreachable(inflight):
        pass
    inflight.running = False


def drop_unreachable(inflight: Inflight) -> bool:
    """Drop what nobody can read now, which releases sockets; whether there was any."""
    hitlist: list[Skb] = []
    for file in unreachable(inflight):
        for queue in queues_of(file):
            found = [skb for skb in queue if skb.files]
            for skb in found:
                queue.remove(skb)
            hitlist += found
    for skb in hitlist:
        skb.drop()
    return bool(hitlist)


def put_files(inflight: Inflight, files: tuple[File, ...]) -> None:
    """Give up files of a message that nobody will read. That may release a socket, whose messages come here too: they
    wait in a list, for such chains are longer than Python's stack is deep (Linux: delayed fput).
    """
    inflight.dropped += files
    if inflight.putting:
        return
    inflight.putting = True
    while inflight.dropped:
        inflight.dropped.pop().put()
    inflight.putting = False


def unreachable(inflight: Inflight) -> list[UnixFile]:
    """Sockets whose every reference is in flight in the queue of another such one."""
    suspects = {file: count for file, count in inflight.sockets.items() if file.refs == count}
    inner = dict.fromkeys(suspects, 0)
    for file in suspects:
        for passed in passed_in(file):
            if passed in inner:
                inner[passed] += 1
    alive = [file for file, count in suspects.items() if inner[file] < count]
    while alive:
        file = alive.pop()
        if suspects.pop(file, None) is not None:
            alive += [passed for passed in passed_in(file) if passed in suspects]
    return list(suspects)


def queues_of(file: UnixFile) -> list[Any]:
    """The queues that only a descriptor for this socket leads to: its own, or those of connections not accepted."""
    return [file.queue, *(end.queue for end in file.backlog)]


def passed_in(file: UnixFile) -> list[UnixFile]:
    """Sockets in flight in its queues."""
    return [
        passed for queue in queues_of(file) for skb in queue for passed in skb.files if isinstance(passed, UnixFile)
    ]
