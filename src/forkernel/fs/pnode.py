"""Propagation of mounts (Linux: fs/pnode.c; mount_namespaces(7), "Shared subtrees").

Mounts in one peer group show the same mounts below them: what is mounted on, or taken off, one of them happens on
all. A slave gets what happens in its master's group and gives nothing back; it may be in a peer group of its own and
pass it on. A private mount has neither. `propagation` gives all places that an event at a mount reaches.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forkernel.fs.dentry import Mount

MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20


class PeerGroup:
    """Mounts that are each other's peers (Linux: mnt_share, mnt_group_id)."""

    __slots__ = ("id", "members", "slaves")

    def __init__(self, vfs: Any) -> None:
        number = 1
        while number in vfs.peer_groups:
            number += 1
        self.id = number
        """The N of shared:N in mountinfo: the smallest free one."""
        self.members: dict[Mount, None] = {}
        self.slaves: dict[Mount, None] = {}
        """Mounts whose `master` it is."""
        vfs.peer_groups[number] = self


def set_shared(vfs: Any, mount: Mount) -> None:
    """MS_SHARED: in a peer group, a new one if it was in none."""
    mount.unbindable = False
    if mount.group is None:
        join_group(mount, PeerGroup(vfs))


def join_group(mount: Mount, group: PeerGroup) -> None:
    """Become a peer of the group's members."""
    mount.group = group
    group.members[mount] = None


def enslave(mount: Mount, master: PeerGroup | None) -> None:
    """Get events from `master`'s group, None: from nobody."""
    if mount.master is not None:
        del mount.master.slaves[mount]
    mount.master = master
    if master is not None:
        master.slaves[mount] = None


def leave_group(vfs: Any, mount: Mount) -> PeerGroup | None:
    """Leave the peer group; whom the mount, and the slaves of a group that is empty now, get events from then."""
    group = mount.group
    if group is None:
        return mount.master
    mount.group = None
    del group.members[mount]
    if group.members:
        return group
    del vfs.peer_groups[group.id]
    for slave in list(group.slaves):
        enslave(slave, mount.master)
    return mount.master


def change_mnt_propagation(vfs: Any, mount: Mount, kind: int) -> None:
    """MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE."""
    if kind == MS_SHARED:
        set_shared(vfs, mount)
        return
    master = leave_group(vfs, mount)
    enslave(mount, master if kind == MS_SLAVE else None)
    if kind != MS_SLAVE:
        mount.unbindable = kind == MS_UNBINDABLE


def propagation(mount: Mount) -> Iterator[Mount]:
    """All mounts that an event at `mount` reaches, itself excepted: peers, then slaves, with their peers and slaves."""
    seen = {mount}
    groups = [] if mount.group is None else [mount.group]
    for group in groups:
        for member in list(group.members):
            if member not in seen:
                seen.add(member)
                yield member
        for slave in list(group.slaves):
            if slave.group is not None:
                if slave.group not in groups:
                    groups.append(slave.group)
            elif slave not in seen:
                seen.add(slave)
                yield slave


def dominating_id(mount: Mount, ns: Any) -> int:
    """Of the groups that a slave gets events from over others, the nearest with a member in `ns`; 0 for none."""
    group = mount.master
    while group is not None:
        if any(member.ns is ns for member in group.members):
            return group.id
        group = next((member.master for member in group.members if member.master is not None), None)
    return 0
