"""Namespaces: what all kinds have in common, and the user namespace, which owns the others (namespaces(7)).

A namespace lives as long as somebody holds it: tasks by their nsproxy or cred, namespaces below it, and open or
bind-mounted files of nsfs (fs/nsfs.py). `get` and `put` count the holders; with the last one `free` runs.

A user namespace says which numbers its programs use for users and groups. Inside the kernel there are only the
numbers of the initial one (Linux: kuid_t, kgid_t): `make_kuid` takes a program's number, `from_kuid` and
`from_kuid_munged` give one back. In the initial namespace all three are the identity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from forkernel.abi.errno import EINVAL
from forkernel.abi.namespace import CLONE_NEWUSER, NS_FIRST_INO, USER_NS_INIT_INO
from forkernel.errors import SysError

if TYPE_CHECKING:
    from forkernel.kernel.cred import Cred

INVALID_ID = 0xFFFFFFFF
"""(uid_t) -1: no number."""
OVERFLOW_ID = 65534
"""Shown for who has no number in the reader's namespace (/proc/sys/kernel/overflowuid)."""

Extents = tuple[tuple[int, int, int], ...]
"""A map of IDs: (first inside, first in the kernel, how many), as in uid_map but with the kernel's numbers."""


class NsCommon:
    """What every namespace has (Linux: struct ns_common)."""

    __slots__ = ("count", "inode", "inum", "system", "ucount_uid", "user_ns")

    nstype: ClassVar[int] = 0
    """CLONE_NEW* flag."""
    name: ClassVar[bytes] = b""
    """As in "uts:[4026531838]"."""

    user_ns: UserNamespace
    """The user namespace that owns it; for a user namespace itself, its parent (the initial one: itself)."""

    def __init__(self, system: Any, user_ns: UserNamespace, inum: int = 0) -> None:
        self.system = system
        self.inum = inum or system.ns_inums.alloc()
        """Inode number in nsfs."""
        self.user_ns = user_ns.get()
        self.count = 1
        """Holders; the first is who made it."""
        self.inode: Any = None
        """The file that stands for it in nsfs, once somebody looked."""
        self.ucount_uid = INVALID_ID
        """User in `user_ns` whose namespaces it counts among; none for the initial ones."""

    def get(self) -> Any:
        """One more holder; the namespace."""
        self.count += 1
        return self

    def put(self) -> None:
        """One holder less."""
        self.count -= 1
        if self.count == 0 and (self.inode is None or not self.inode.opens):
            self.free()

    def free(self) -> None:
        """Nobody holds it any more: its number and its owner go."""
        self.system.ns_inums.free(self.inum)
        if self.ucount_uid != INVALID_ID:
            self.system.ucounts.dec(self.user_ns, self.ucount_uid, self.nstype)
        self.user_ns.put()

    def install(self, nsset: Any) -> None:
        """setns: put the namespace into `nsset`, a kernel.nsproxy.Nsset; EPERM, EINVAL, EUSERS by kind."""
        raise SysError(EINVAL)

    @property
    def owner(self) -> UserNamespace | None:
        """The owning user namespace (NS_GET_USERNS)."""
        return self.user_ns

    def __repr__(self) -> str:
        return f"<{self.name.decode()}:[{self.inum}]>"


class NsInums:
    """Hands out inode numbers of namespaces, the smallest free one first (Linux: proc_alloc_inum)."""

    __slots__ = ("freed", "next")

    def __init__(self) -> None:
        self.next = NS_FIRST_INO
        self.freed: set[int] = set()

    def alloc(self) -> int:
        """A number for a new namespace."""
        if self.freed:
            inum = min(self.freed)
            self.freed.discard(inum)
            return inum
        self.next += 1
        return self.next - 1

    def free(self, inum: int) -> None:
        """The namespace is gone."""
        if inum >= NS_FIRST_INO:
            self.freed.add(inum)


def map_id(extents: Extents, number: int) -> int:
    """The kernel's number for one of the namespace, INVALID_ID if it has none."""
    for first, lower, count in extents:
        if first <= number < first + count:
            return number - first + lower
    return INVALID_ID


def map_id_up(extents: Extents, number: int) -> int:
    """The namespace's number for one of the kernel, INVALID_ID if it has none."""
    for first, lower, count in extents:
        if lower <= number < lower + count:
            return number - lower + first
    return INVALID_ID


class UserNamespace(NsCommon):
    """Linux: struct user_namespace."""

    __slots__ = ("gid_map", "group", "level", "owner_uid", "parent", "parent_could_setfcap", "projid_map",
                 "setgroups_allowed", "uid_map")  # fmt: skip

    nstype = CLONE_NEWUSER
    name = b"user"

    def __init__(self, system: Any, parent: UserNamespace, uid: int, gid: int) -> None:
        super().__init__(system, parent)
        self.parent: UserNamespace | None = parent
        self.level: int = parent.level + 1
        self.owner_uid = uid
        """Effective user of who made it: has all capabilities in it when acting from the parent."""
        self.group = gid
        self.uid_map: Extents = ()
        self.gid_map: Extents = ()
        self.projid_map: Extents = ()
        self.setgroups_allowed = True
        self.parent_could_setfcap = False

    def install(self, nsset: Any) -> None:
        """setns; see `kernel.user_namespace`."""
        nsset.install_user(self)

    @property
    def owner(self) -> UserNamespace | None:
        """For NS_GET_USERNS: the parent, None for the initial one."""
        return self.parent

    # --- IDs
    def make_kuid(self, number: int) -> int:
        """The kernel's number for a user ID of a program; INVALID_ID if it is not mapped."""
        return map_id(self.uid_map, number)

    def from_kuid(self, number: int) -> int:
        """A user as programs here call it; INVALID_ID if they cannot."""
        return map_id_up(self.uid_map, number)

    def from_kuid_munged(self, number: int) -> int:
        """As from_kuid, but the overflow ID where there is no number."""
        uid = map_id_up(self.uid_map, number)
        return OVERFLOW_ID if uid == INVALID_ID else uid

    def make_kgid(self, number: int) -> int:
        """The kernel's number for a group ID of a program; INVALID_ID if it is not mapped."""
        return map_id(self.gid_map, number)

    def from_kgid(self, number: int) -> int:
        """A group as programs here call it; INVALID_ID if they cannot."""
        return map_id_up(self.gid_map, number)

    def from_kgid_munged(self, number: int) -> int:
        """As from_kgid, but the overflow ID where there is no number."""
        gid = map_id_up(self.gid_map, number)
        return OVERFLOW_ID if gid == INVALID_ID else gid

    # --- family
    def is_descendant_of(self, ancestor: UserNamespace) -> bool:
        """Whether `ancestor` is this namespace or above it (Linux: in_userns)."""
        at: UserNamespace | None = self
        while at is not None and at.level > ancestor.level:
            at = at.parent
        return at is ancestor


class InitUserNamespace(UserNamespace):
    """The initial user namespace: every number is itself. It is not counted and holds nothing that changes."""

    __slots__ = ()

    def __init__(self) -> None:
        self.system = self.inode = None
        self.inum = USER_NS_INIT_INO
        self.count = 1
        self.user_ns = self
        self.parent = None
        self.level = self.owner_uid = self.group = 0
        self.ucount_uid = INVALID_ID
        self.uid_map = self.gid_map = self.projid_map = ((0, 0, INVALID_ID),)
        self.setgroups_allowed = self.parent_could_setfcap = True

    def __reduce__(self) -> str:
        """There is one, for all machines."""
        return "init_user_ns"

    def get(self) -> Any:
        """It always is."""
        return self

    def put(self) -> None:
        """It never goes."""

    def make_kuid(self, number: int) -> int:
        """Itself."""
        return number

    from_kuid = from_kuid_munged = make_kgid = from_kgid = from_kgid_munged = make_kuid


init_user_ns = InitUserNamespace()


def cap_capable(cred: Cred, target: UserNamespace, cap: int) -> bool:
    """Whether `cred` has capability `cap` over what belongs to `target` (user_namespaces(7), "Capabilities").

    It must be effective, and the holder in `target` or above it; the owner of a namespace, acting from its parent,
    has all capabilities in it and below.
    """
    mine = cred.user_ns
    at = target
    while True:
        if at is mine:
            return bool(cred.cap_effective >> cap & 1)
        if at.level <= mine.level or at.parent is None:
            return False
        if at.parent is mine and at.owner_uid == cred.euid:
            return True
        at = at.parent
