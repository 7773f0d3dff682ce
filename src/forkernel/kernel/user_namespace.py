"""Making user namespaces, entering them, and their maps (Linux: kernel/user_namespace.c; user_namespaces(7)).

clone and unshare with CLONE_NEWUSER come to `create_user_ns`: the task has all capabilities in the new namespace and
no number for anybody in it, until somebody writes uid_map and gid_map (`map_write`), each once. `proc_setgroups_write`
is what an unprivileged process must do before it may write gid_map.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.capability import CAP_FULL_SET, CAP_SETFCAP, CAP_SETGID, CAP_SETUID, CAP_SYS_ADMIN
from forkernel.abi.errno import EINVAL, ENOSPC, EPERM
from forkernel.abi.namespace import CLONE_NEWUSER
from forkernel.errors import SysError
from forkernel.namespace import (
    INVALID_ID,
    Extents,
    UserNamespace,
    cap_capable,
    init_user_ns,
    map_id,
    map_id_up,
)

if TYPE_CHECKING:
    from forkernel.kernel.cred import Cred
    from forkernel.kernel.task import Task

MAX_LEVEL = 32
UID_GID_MAP_MAX_EXTENTS = 340
PAGE_SIZE = 4096
SPACES = b" \t\n\v\f\r"
CAP_OF_MAP = {"uid_map": CAP_SETUID, "gid_map": CAP_SETGID, "projid_map": None}


# --- making and entering


def create_user_ns(task: Task, cred: Cred) -> Cred:
    """Credentials in a new user namespace below that of `cred`. ENOSPC for a nesting deeper than 32 or too many
    namespaces, EPERM in a chroot and for an effective user or group without a number where it comes from.
    """
    from forkernel.fs.mnt_namespace import current_chrooted

    parent, system = cred.user_ns, task.system
    if parent.level > MAX_LEVEL:
        raise SysError(ENOSPC)
    system.ucounts.inc(parent, cred.euid, CLONE_NEWUSER)
    try:
        if current_chrooted(task):
            raise SysError(EPERM)
        if INVALID_ID in (parent.from_kuid(cred.euid), parent.from_kgid(cred.egid)):
            raise SysError(EPERM)
    except SysError:
        system.ucounts.dec(parent, cred.euid, CLONE_NEWUSER)
        raise
    ns = UserNamespace(system, parent, cred.euid, cred.egid)
    ns.ucount_uid = cred.euid
    ns.setgroups_allowed = parent.setgroups_allowed
    ns.parent_could_setfcap = cred.has_cap(CAP_SETFCAP)
    return set_cred_user_ns(cred, ns)


def set_cred_user_ns(cred: Cred, ns: UserNamespace) -> Cred:
    """The same IDs in another user namespace, with all its capabilities."""
    return cred._replace(
        user_ns=ns, securebits=0, cap_inheritable=0, cap_permitted=CAP_FULL_SET, cap_effective=CAP_FULL_SET,
        cap_ambient=0, cap_bset=CAP_FULL_SET,
    )  # fmt: skip


def switch_user_ns(task: Task, new: Cred) -> None:
    """Put credentials in place whose user namespace is another one; its reference is taken over."""
    from forkernel.kernel.cred import commit_creds

    old = task.cred.user_ns
    commit_creds(task, new)
    old.put()


def userns_install(nsset: Any, ns: UserNamespace) -> None:
    """Enter a user namespace by setns: not the present one, not in a threaded process (EINVAL), and only with
    CAP_SYS_ADMIN over it (EPERM).
    """
    task = nsset.task
    if ns is task.cred.user_ns or len(task.signal.threads) > 1 or task.fs.users != 1:
        raise SysError(EINVAL)
    if not cap_capable(task.cred, ns, CAP_SYS_ADMIN):
        raise SysError(EPERM)
    nsset.cred = set_cred_user_ns(nsset.cred, ns)


# --- uid_map, gid_map, projid_map


def show_map(reader_ns: UserNamespace, ns: UserNamespace, kind: str) -> bytes:
    """A line for each extent, its numbers outside as the reader calls them; a reader within sees the parent's."""
    lower_ns = ns.parent if reader_ns is ns and ns.parent is not None else reader_ns
    lower_map: Extents = getattr(lower_ns, kind)
    extents: Extents = getattr(ns, kind)
    return b"".join(
        b"%10u %10u %10u\n" % (first, lower if lower_ns is init_user_ns else map_id_up(lower_map, lower), count)
        for first, lower, count in extents
    )


def parse_map(data: bytes) -> list[tuple[int, int, int]]:
    """The extents that a program wrote, the second number still the parent's; EINVAL for anything odd."""
    text = data.split(b"\0")[0]
    lines = text.split(b"\n")
    if len(lines) > 1 and not lines[-1]:
        lines.pop()
    found: list[tuple[int, int, int]] = []
    for line in lines:
        if len(found) == UID_GID_MAP_MAX_EXTENTS:
            raise SysError(EINVAL)
        fields = line.split()
        if len(fields) != 3 or not all(field.isdigit() for field in fields):
            raise SysError(EINVAL)
        first, lower, count = (int(field) & 0xFFFFFFFF for field in fields)
        if INVALID_ID in (first, lower) or not count or max(first, lower) + count > INVALID_ID:
            raise SysError(EINVAL)
        for first_too, lower_too, length in found:
            if overlap(first, count, first_too, length) or overlap(lower, count, lower_too, length):
                raise SysError(EINVAL)
        found.append((first, lower, count))
    if not found:
        raise SysError(EINVAL)
    return found


def overlap(start: int, count: int, other: int, length: int) -> bool:
    """Whether two ranges have a number in common."""
    return start < other + length and other < start + count


def map_write(file: Any, writer: Task, ns: UserNamespace, kind: str, data: bytes) -> None:
    """Set a map of `ns`, by a process in it or in its parent, once. EINVAL, EPERM (user_namespaces(7), "User and
    group ID mappings").
    """
    opener: Cred = file.cred
    if ns.parent is None or opener.user_ns not in (ns, ns.parent):
        raise SysError(EPERM)
    if file.pos or len(data) >= PAGE_SIZE:
        raise SysError(EINVAL)
    cap = CAP_OF_MAP[kind]
    if getattr(ns, kind):
        raise SysError(EPERM)
    if cap is not None and not cap_capable(opener, ns, CAP_SYS_ADMIN):
        raise SysError(EPERM)
    extents = parse_map(data)
    if not new_idmap_permitted(opener, writer, ns, cap, extents):
        raise SysError(EPERM)
    parent_map: Extents = getattr(ns.parent, kind)
    mapped = tuple((first, lower_to_kernel(parent_map, lower, count), count) for first, lower, count in extents)
    setattr(ns, kind, mapped)


def lower_to_kernel(parent_map: Extents, lower: int, count: int) -> int:
    """The kernel's number where a range of the parent begins; EPERM unless one extent of the parent has all of it."""
    for first, kernel, length in parent_map:
        if first <= lower and lower + count <= first + length:
            return lower - first + kernel
    raise SysError(EPERM)


def new_idmap_permitted(
    opener: Cred, writer: Task, ns: UserNamespace, cap: int | None, extents: list[tuple[int, int, int]]
) -> bool:
    """Whether such a map may be set: anybody may map himself, all else takes CAP_SETUID (CAP_SETGID) in the parent."""
    parent = ns.parent
    assert parent is not None
    if cap == CAP_SETUID and not verify_root_map(opener, ns, extents):
        return False
    if len(extents) == 1 and extents[0][2] == 1 and ns.owner_uid == opener.euid:
        lower = extents[0][1]
        if cap == CAP_SETUID and parent.make_kuid(lower) == opener.euid:
            return True
        if cap == CAP_SETGID and not ns.setgroups_allowed and parent.make_kgid(lower) == opener.egid:
            return True
    if cap is None:
        return True
    return cap_capable(writer.cred, parent, cap) and cap_capable(opener, parent, cap)


def verify_root_map(opener: Cred, ns: UserNamespace, extents: list[tuple[int, int, int]]) -> bool:
    """Mapping the parent's user 0 takes CAP_SETFCAP: of whoever made the namespace, or of who maps from outside."""
    if all(lower for _, lower, _ in extents):
        return True
    if opener.user_ns is ns:
        return ns.parent_could_setfcap
    assert ns.parent is not None
    return cap_capable(opener, ns.parent, CAP_SETFCAP)


# --- setgroups


def proc_setgroups_write(file: Any, ns: UserNamespace, data: bytes) -> None:
    """Take "deny" or "allow"; EPERM for denying once gid_map is set, and for allowing what is denied. EINVAL."""
    if file.pos or len(data) >= 8:
        raise SysError(EINVAL)
    word = data.split(b"\0")[0].rstrip(SPACES)
    if word == b"allow":
        if not ns.setgroups_allowed:
            raise SysError(EPERM)
    elif word == b"deny":
        if ns.gid_map:
            raise SysError(EPERM)
        ns.setgroups_allowed = False
    else:
        raise SysError(EINVAL)


def may_open_setgroups(task: Task, ns: UserNamespace) -> bool:
    """Whether the task may open the file for writing: CAP_SYS_ADMIN over the namespace."""
    return cap_capable(task.cred, ns, CAP_SYS_ADMIN)


__all__ = ["create_user_ns", "map_id", "map_write", "proc_setgroups_write", "show_map", "userns_install"]
