"""Memory policies and the places of pages on a machine with one node: numa(7)."""

from __future__ import annotations

from forkernel.abi.capability import CAP_SYS_NICE
from forkernel.abi.errno import EFAULT, EINVAL, ENODEV, EPERM, ESRCH
from forkernel.abi.types import I32, U32, U64
from forkernel.errors import SysError
from forkernel.kernel.cred import capable
from forkernel.kernel.pid import find_task_by_vpid
from forkernel.kernel.ptrace import ptrace_may_access
from forkernel.kernel.task import Task
from forkernel.mm.mempolicy import (
    MAX_NUMNODES,
    MPOL_DEFAULT,
    MPOL_INTERLEAVE,
    MPOL_MF_MOVE,
    MPOL_MF_MOVE_ALL,
    MPOL_WEIGHTED_INTERLEAVE,
    NODES,
    Mempolicy,
    check_mode,
    do_mbind,
    mpol_new,
    page_status,
    set_home_node,
)
from forkernel.mm.mm_struct import MmStruct
from forkernel.mm.uaccess import UserBuf
from forkernel.syscalls.registry import syscall

MPOL_F_NODE, MPOL_F_ADDR, MPOL_F_MEMS_ALLOWED = 1, 2, 4
PAGE_SIZE = 4096
LONG_BITS = 64
NR_NODES = 1


def get_nodes(nmask: UserBuf | None, maxnode: int) -> int:
    """A node mask of `maxnode` - 1 bits; EINVAL for a node beyond all, EFAULT."""
    bits = maxnode - 1
    if bits <= 0 or nmask is None:
        return 0
    if bits > PAGE_SIZE * 8:
        raise SysError(EINVAL)
    longs = -(-bits // LONG_BITS)
    mask = int.from_bytes(nmask.read(longs * 8), "little") & (1 << bits) - 1
    if mask >> MAX_NUMNODES:
        raise SysError(EINVAL)
    return mask


def put_nodes(nmask: UserBuf, maxnode: int, nodes: int) -> None:
    """Store a node mask in whole longs, as many as `maxnode` - 1 bits take; EINVAL, EFAULT."""
    size = -(-(maxnode - 1) // LONG_BITS) * 8
    if size > PAGE_SIZE:
        raise SysError(EINVAL)
    nmask.write(nodes.to_bytes(MAX_NUMNODES // 8, "little").ljust(size, b"\0")[:size])


@syscall("set_mempolicy")
def sys_set_mempolicy(task: Task, mode: I32, nmask: UserBuf | None, maxnode: U64) -> int:
    """set_mempolicy(2)."""
    check_mode(mode)
    task.mempolicy = mpol_new(mode, get_nodes(nmask, maxnode))
    return 0


@syscall("get_mempolicy")
def sys_get_mempolicy(
    task: Task, mode: UserBuf | None, nmask: UserBuf | None, maxnode: U64, addr: U64, flags: U64
) -> int:
    """get_mempolicy(2)."""
    if nmask is not None and maxnode < NR_NODES:
        raise SysError(EINVAL)
    if flags & ~(MPOL_F_NODE | MPOL_F_ADDR | MPOL_F_MEMS_ALLOWED):
        raise SysError(EINVAL)
    if flags & MPOL_F_MEMS_ALLOWED:
        if flags & (MPOL_F_NODE | MPOL_F_ADDR):
            raise SysError(EINVAL)
        value, nodes = 0, NODES
    else:
        policy = _policy(task, addr, flags)
        nodes = policy.nodes if policy is not None else 0
        value = _node(task, policy, addr, flags) if flags & MPOL_F_NODE else _mode(policy)
    if mode is not None:
        mode.write(value.to_bytes(4, "little"))
    if nmask is not None:
        put_nodes(nmask, maxnode, nodes)
    return 0


def _mode(policy: Mempolicy | None) -> int:
    return policy.mode | policy.flags if policy is not None else MPOL_DEFAULT


def _policy(task: Task, addr: int, flags: int) -> Mempolicy | None:
    """The policy asked for: that of an area (EFAULT), or the thread's."""
    if not flags & MPOL_F_ADDR:
        if addr:
            raise SysError(EINVAL)
        return task.mempolicy
    vma = _mm(task).vmas.lookup(addr)
    if vma is None:
        raise SysError(EFAULT)
    return task.system.mempolicies.of(vma)


def _node(task: Task, policy: Mempolicy | None, addr: int, flags: int) -> int:
    """MPOL_F_NODE: the node of a page, which is read in for that, or the next one of a thread that interleaves."""
    if flags & MPOL_F_ADDR:
        _mm(task).read(addr, 1)
    elif policy is None or policy.mode not in (MPOL_INTERLEAVE, MPOL_WEIGHTED_INTERLEAVE):
        raise SysError(EINVAL)
    return 0


@syscall("mbind")
def sys_mbind(task: Task, addr: U64, length: U64, mode: I32, nmask: UserBuf | None, maxnode: U64, flags: U32) -> int:
    """mbind(2)."""
    check_mode(mode)
    nodes = get_nodes(nmask, maxnode)
    if flags & MPOL_MF_MOVE_ALL and not capable(task, CAP_SYS_NICE):
        raise SysError(EPERM)
    do_mbind(_mm(task), addr, length, mode, nodes, flags)
    return 0


@syscall("set_mempolicy_home_node")
def sys_set_mempolicy_home_node(task: Task, start: U64, length: U64, home: U64, flags: U64) -> int:
    """set_mempolicy_home_node(2)."""
    if flags:
        raise SysError(EINVAL)
    set_home_node(_mm(task), start, length, home)
    return 0


@syscall("migrate_pages")
def sys_migrate_pages(task: Task, pid: I32, maxnode: U64, old: UserBuf | None, new: UserBuf | None) -> int:
    """Move a process's pages between nodes: all are on the only one, so 0 pages stay behind; migrate_pages(2)."""
    get_nodes(old, maxnode)
    nodes = get_nodes(new, maxnode)
    other_mm(task, pid)
    if not nodes & NODES:
        raise SysError(EPERM if nodes and not capable(task, CAP_SYS_NICE) else EINVAL)
    return 0


@syscall("move_pages")
def sys_move_pages(
    task: Task, pid: I32, count: U64, pages: UserBuf, nodes: UserBuf | None, status: UserBuf, flags: I32
) -> int:
    """Ask where pages are, or move them to where they are; move_pages(2)."""
    if flags & ~(MPOL_MF_MOVE | MPOL_MF_MOVE_ALL):
        raise SysError(EINVAL)
    if flags & MPOL_MF_MOVE_ALL and not capable(task, CAP_SYS_NICE):
        raise SysError(EPERM)
    mm, mine = other_mm(task, pid), _mm(task)
    for index in range(count):
        page = mine.read_u64(pages.addr + 8 * index)
        if nodes is not None and mine.read_u32(nodes.addr + 4 * index) != 0:
            raise SysError(ENODEV)
        mine.write_u32(status.addr + 4 * index, page_status(mm, page))
    return 0


def other_mm(task: Task, pid: int) -> MmStruct:
    """The memory of a process, the caller's own for 0; ESRCH, EPERM, EINVAL for a kernel thread."""
    target = find_task_by_vpid(task, pid) if pid else task
    if target is None:
        raise SysError(ESRCH)
    if not ptrace_may_access(task, target):
        raise SysError(EPERM)
    if target.mm is None:
        raise SysError(EINVAL)
    return target.mm


def _mm(task: Task) -> MmStruct:
    assert task.mm is not None
    return task.mm
