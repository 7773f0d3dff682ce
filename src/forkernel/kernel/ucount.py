"""How many namespaces each user has made, by kind and user namespace, and how many there may be (Linux:
kernel/ucount.c; /proc/sys/user/max_*_namespaces, namespaces(7)).

One more counts for its maker in the user namespace that owns it, and for the makers of all user namespaces above.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import ENOSPC
from forkernel.abi.inotify import UCOUNT_INOTIFY_INSTANCES, UCOUNT_INOTIFY_WATCHES
from forkernel.errors import SysError
from forkernel.namespace import UserNamespace

if TYPE_CHECKING:
    from forkernel.kernel.system import System

INT_MAX = (1 << 31) - 1
MAX_INOTIFY_INSTANCES = 128
INOTIFY_WATCH_COST = 1280
"""Bytes that a watch and its inode take on Linux: watches may take a hundredth of RAM, but not fewer than"""
MIN_WATCHES, MAX_WATCHES = 8192, 1 << 20


class Ucounts:
    """Counts and limits of a machine."""

    __slots__ = ("counts", "limits", "system")

    def __init__(self, system: System) -> None:
        self.system = system
        self.counts: dict[tuple[UserNamespace, int, int], int] = {}
        """(user namespace, user, CLONE_NEW* flag) to how many there are."""
        self.limits: dict[tuple[UserNamespace, int], int] = {}
        """What was written to /proc/sys/user, by user namespace and kind."""

    def limit(self, ns: UserNamespace, kind: int) -> int:
        """How many of a kind each user may have: at boot half of threads-max, below that no limit of its own."""
        default = INT_MAX if ns.parent is not None else self.default(kind)
        return self.limits.get((ns, kind), default)

    def default(self, kind: int) -> int:
        """The limit of the initial user namespace at boot."""
        if kind == UCOUNT_INOTIFY_INSTANCES:
            return MAX_INOTIFY_INSTANCES
        if kind == UCOUNT_INOTIFY_WATCHES:
            room = self.system.frames.total * 4096 // 100 // INOTIFY_WATCH_COST
            return min(max(room, MIN_WATCHES), MAX_WATCHES)
        return self.system.threads_max // 2

    def inc(self, ns: UserNamespace, uid: int, kind: int) -> None:
        """One more namespace of user `uid` in `ns`; ENOSPC where a limit is reached, and nothing is counted then."""
        done: list[tuple[UserNamespace, int, int]] = []
        at: UserNamespace | None = ns
        while at is not None:
            key = (at, uid, kind)
            held = self.counts.get(key, 0)
            if held >= self.limit(at, kind):
                for counted in done:
                    self._less(counted)
                raise SysError(ENOSPC)
            self.counts[key] = held + 1
            done.append(key)
            uid, at = at.owner_uid, at.parent

    def dec(self, ns: UserNamespace, uid: int, kind: int) -> None:
        """One less."""
        at: UserNamespace | None = ns
        while at is not None:
            self._less((at, uid, kind))
            uid, at = at.owner_uid, at.parent

    def _less(self, key: tuple[UserNamespace, int, int]) -> None:
        left = self.counts[key] - 1
        if left:
            self.counts[key] = left
        else:
            del self.counts[key]
