"""Memory policies: which nodes memory comes from (Linux: mm/mempolicy.c; numa(7), set_mempolicy(2), mbind(2)).

The machine has one node, number 0, so every policy that may be set comes to the same; but policies are kept, inherited
and shown as where there are more. A thread's is `task.mempolicy`; an area's is a number in the upper bits of its flags,
so that areas of different policies are never merged: `PolicyTable` has what the numbers stand for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from forkernel.abi.errno import EFAULT, EINVAL, ENOENT, EOPNOTSUPP
from forkernel.errors import SysError
from forkernel.mm.layout import page_align
from forkernel.mm.vma import PAGE_MASK, Vma

if TYPE_CHECKING:
    from forkernel.mm.mm_struct import MmStruct

MPOL_DEFAULT, MPOL_PREFERRED, MPOL_BIND, MPOL_INTERLEAVE, MPOL_LOCAL = range(5)
MPOL_PREFERRED_MANY, MPOL_WEIGHTED_INTERLEAVE, MPOL_MAX = 5, 6, 7
MPOL_F_STATIC_NODES = 1 << 15
MPOL_F_RELATIVE_NODES = 1 << 14
MPOL_F_NUMA_BALANCING = 1 << 13
MPOL_MODE_FLAGS = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES | MPOL_F_NUMA_BALANCING
MPOL_USER_NODES = MPOL_F_STATIC_NODES | MPOL_F_RELATIVE_NODES
MPOL_MF_STRICT, MPOL_MF_MOVE, MPOL_MF_MOVE_ALL = 1, 2, 4

NODES = 1
"""The nodes that have memory, as a mask: node 0."""
MAX_NUMNODES = 1024
NO_NODE = -1
POLICY_SHIFT = 48
VM_FLAGS = (1 << POLICY_SHIFT) - 1
"""What of an area's flags is no policy."""


class Mempolicy(NamedTuple):
    """Linux: struct mempolicy."""

    mode: int
    flags: int
    """MPOL_F_*"""
    nodes: int
    """Mask of the nodes as they are shown to who asks."""
    home: int = NO_NODE


class PolicyTable:
    """The policies that areas of a machine have or had; a number stands for each, 0 for none."""

    __slots__ = ("numbers", "policies")

    def __init__(self) -> None:
        self.policies: list[Mempolicy] = []
        self.numbers: dict[Mempolicy, int] = {}

    def number(self, policy: Mempolicy | None) -> int:
        """The number of a policy, shifted to its place in an area's flags."""
        if policy is None:
            return 0
        found = self.numbers.get(policy)
        if found is None:
            self.policies.append(policy)
            found = self.numbers[policy] = len(self.policies)
        return found << POLICY_SHIFT

    def of(self, vma: Vma) -> Mempolicy | None:
        """The policy of an area, None for the default one."""
        number = vma.flags >> POLICY_SHIFT
        return self.policies[number - 1] if number else None


def mpol_new(mode_and_flags: int, nodes: int) -> Mempolicy | None:
    """A policy for these nodes, None for the default one; EINVAL (Linux: sanitize_mpol_flags, mpol_new)."""
    flags, mode = mode_and_flags & MPOL_MODE_FLAGS, mode_and_flags & ~MPOL_MODE_FLAGS
    check_mode(mode_and_flags)
    if mode in (MPOL_DEFAULT, MPOL_LOCAL) and nodes:
        raise SysError(EINVAL)
    if mode == MPOL_DEFAULT:
        return None
    if mode == MPOL_LOCAL or (mode == MPOL_PREFERRED and not nodes):
        if flags & MPOL_USER_NODES:
            raise SysError(EINVAL)
        return Mempolicy(MPOL_LOCAL, flags, 0)
    effective = NODES if flags & MPOL_F_RELATIVE_NODES and nodes else nodes & NODES
    if not effective:
        raise SysError(EINVAL)
    return Mempolicy(mode, flags, nodes if flags else effective)


def check_mode(mode_and_flags: int) -> None:
    """EINVAL for a mode or a combination of flags that there is not."""
    flags, mode = mode_and_flags & MPOL_MODE_FLAGS, mode_and_flags & ~MPOL_MODE_FLAGS
    if not 0 <= mode < MPOL_MAX or flags & MPOL_USER_NODES == MPOL_USER_NODES:
        raise SysError(EINVAL)
    if flags & MPOL_F_NUMA_BALANCING and mode not in (MPOL_BIND, MPOL_PREFERRED_MANY):
        raise SysError(EINVAL)


def do_mbind(mm: MmStruct, start: int, length: int, mode: int, nodes: int, flags: int) -> None:
    """Give `length` bytes from `start` a policy; EINVAL, and EFAULT where something is not mapped (mbind(2)).

    All memory is on the one node already: there is nothing to move, and nothing misplaced for MPOL_MF_STRICT.
    """
    if flags & ~(MPOL_MF_STRICT | MPOL_MF_MOVE | MPOL_MF_MOVE_ALL) or start & ~PAGE_MASK:
        raise SysError(EINVAL)
    end = start + page_align(length)
    if end == start:
        return
    policy = mpol_new(mode, nodes)
    if not _all_mapped(mm, start, end) and (policy is not None or not mm.vmas.overlapping(start, end)):
        raise SysError(EFAULT)
    table: PolicyTable = mm.system.mempolicies
    mm.vmas.change_flags(start, end, ~VM_FLAGS, table.number(policy))


def _all_mapped(mm: MmStruct, start: int, end: int) -> bool:
    """Whether areas cover all of the range."""
    for vma in mm.vmas.overlapping(start, end):
        if vma.start > start:
            return False
        start = vma.end
    return start >= end


def set_home_node(mm: MmStruct, start: int, length: int, home: int) -> None:
    """Name the node to be tried first in areas that are bound or prefer nodes; ENOENT where none has a policy,
    EOPNOTSUPP at the first that has another one (set_mempolicy_home_node(2)).
    """
    if home >= MAX_NUMNODES or not NODES >> home & 1:
        raise SysError(EINVAL)
    end = start + page_align(length)
    if start & ~PAGE_MASK:
        raise SysError(EINVAL)
    table: PolicyTable = mm.system.mempolicies
    errno = ENOENT if end > start else 0
    for vma in mm.vmas.overlapping(start, end):
        policy = table.of(vma)
        if policy is None:
            continue
        if policy.mode not in (MPOL_BIND, MPOL_PREFERRED_MANY):
            raise SysError(EOPNOTSUPP)
        errno = 0
        part = vma.clip(start, end)
        mm.vmas.change_flags(part.start, part.end, ~VM_FLAGS, table.number(policy._replace(home=home)))
    if errno:
        raise SysError(errno)


def page_status(mm: MmStruct, addr: int) -> int:
    """The node of the page at `addr`, or below 0 why it has none: ENOENT not present, EFAULT no memory of one's own
    (move_pages(2)).
    """
    from forkernel.arch.x86_64.pgtable import FRAME_MASK, PTE_P

    if mm.vmas.lookup(addr) is None:
        return -EFAULT
    entry = mm.pt.lookup(addr)
    if not entry & PTE_P:
        return -ENOENT
    return -EFAULT if entry >> 12 & FRAME_MASK == mm.frames.zero_frame else 0
