"""Kernel stacks: 16 KiB of RAM for each task, with its user registers at the top (Linux: task_stack_page).

Life cycle: `ThreadStacks.alloc` for dup_task_struct; `finish_task_switch` gives the stack back when the dead task has
left the CPU for good, so a zombie has none, but where thread_info is on it: then it goes with the task_struct. A few
stacks are kept for the next fork. `put_task_struct_rcu_user` is called at that moment and by release_task; the later
one of them gives back the task_struct itself, and what hangs on it.

Our kernel runs in Python and needs no stack of its own. What lies on one is what others look at: at its top the 168
bytes of `pt_regs`, the registers that the task entered the kernel with. They are written when somebody looks
(`task_pt_regs`), and in RAM then; so a stack costs the guest four frames, and the host nothing until that moment. With
`current="stack"` the low end holds `thread_info`, see kernel/current.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.arch.x86_64.ptrace import PT_REGS_SIZE, pack_pt_regs
from forkernel.errors import KernelBug
from forkernel.hw.ram import PAGE_SIZE
from forkernel.mm.slab import page_address, virt_to_pfn

if TYPE_CHECKING:
    from forkernel.hw.frames import FrameTable
    from forkernel.kernel.task import Task

THREAD_SIZE_ORDER = 2
THREAD_SIZE = PAGE_SIZE << THREAD_SIZE_ORDER
"""Bytes of a kernel stack, which begins at a multiple of that."""
NR_CACHED_STACKS = 16
"""Stacks kept for the next fork (Linux keeps two for each CPU)."""
ENOSYS = 38


class ThreadStacks:
    """The stacks of one machine."""

    __slots__ = ("cached", "frames", "in_use")

    def __init__(self, frames: FrameTable) -> None:
        self.frames = frames
        self.cached: list[int] = []
        """Addresses of free stacks, the one freed last at the end."""
        self.in_use = 0
        """How many tasks have one."""

    def alloc(self) -> int:
        """The lowest address of a stack; SysError(ENOMEM) (Linux: alloc_thread_stack_node)."""
        stack = self.cached.pop() if self.cached else page_address(self.frames.alloc_pages(THREAD_SIZE_ORDER))
        self.in_use += 1
        return stack

    def free(self, stack: int) -> None:
        """Give a stack back (Linux: free_thread_stack)."""
        self.in_use -= 1
        if len(self.cached) < NR_CACHED_STACKS:
            self.cached.append(stack)
        else:
            self.frames.free_pages(virt_to_pfn(stack), THREAD_SIZE_ORDER)

    def shrink(self) -> int:
        """Give back the stacks that are kept; the number of frames freed."""
        for stack in self.cached:
            self.frames.free_pages(virt_to_pfn(stack), THREAD_SIZE_ORDER)
        count = len(self.cached) << THREAD_SIZE_ORDER
        self.cached.clear()
        return count


# --- the end of a task


def finish_task_switch(prev: Task) -> None:
    """A dead task left the CPU for ever (Linux: finish_task_switch)."""
    system = prev.system
    if system.by_stack is None:
        system.stacks.free(prev.stack)
        prev.stack = 0
    prev.rcu_users -= 1
    if not prev.rcu_users:
        free_task(prev)


def put_task_struct_rcu_user(task: Task) -> None:
    """Off the CPU for ever, or released: after both the task_struct is free."""
    task.rcu_users -= 1
    if task.rcu_users == 0:
        free_task(task)
    elif task.rcu_users < 0:
        raise KernelBug(f"{task!r} is freed twice")


def free_task(task: Task) -> None:
    """Give back the task_struct, and the stack if it is still there (Linux: free_task)."""
    system = task.system
    if task.stack:
        if system.by_stack is not None:
            system.by_stack.free(task)
        system.stacks.free(task.stack)
        task.stack = 0
    system.slabs.task_struct.free(task.slab)
    task.slab = 0


# --- what is on a stack


def pt_regs_address(task: Task) -> int:
    """Kernel address of a task's pt_regs: the top of its stack (Linux: task_pt_regs)."""
    return task.stack + THREAD_SIZE - PT_REGS_SIZE


def task_pt_regs(task: Task) -> bytes:
    """The 168 bytes of a task's pt_regs as they lie in RAM; b"" for a task without a stack.

    A kernel thread never came from user mode: its are zero. In a call that has no result yet, rax is -ENOSYS and
    orig_rax the number of the call, as Linux's entry code leaves them.
    """
    if not task.stack:
        return b""
    frames, address = task.system.frames, pt_regs_address(task)
    if task.kthread is not None:
        frames.write(virt_to_pfn(address), address & PAGE_SIZE - 1, bytes(PT_REGS_SIZE))
    elif task.thread is not None or task.system.cpu.owner is task:
        regs = task.regs
        in_call = task.sleep is not None or (not task.system.interrupt and regs.rax == task.syscall_nr)
        data = pack_pt_regs(regs, task.syscall_nr, -ENOSYS if in_call else None)
        frames.write(virt_to_pfn(address), address & PAGE_SIZE - 1, data)
    return frames.read(virt_to_pfn(address), address & PAGE_SIZE - 1, PT_REGS_SIZE)


def stack_frames(stack: int) -> range:
    """The frames of a stack."""
    first = virt_to_pfn(stack)
    return range(first, first + (1 << THREAD_SIZE_ORDER))


__all__ = [
    "THREAD_SIZE", "THREAD_SIZE_ORDER", "ThreadStacks", "finish_task_switch", "free_task", "pt_regs_address",
    "put_task_struct_rcu_user", "stack_frames", "task_pt_regs",
]  # fmt: skip
