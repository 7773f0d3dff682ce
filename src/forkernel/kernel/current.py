"""`current`: the task that the kernel works for, found in one of the two ways that Linux's architectures have.

- `percpu` (x86-64 since 2.6.22, and the default here): each CPU has a variable current_task, here `Scheduler.current`,
  which a switch sets.
- `stack` (most architectures once, x86-64 for thread_info until 4.8): the lowest bytes of each kernel stack are a
  `thread_info` whose first word is the address of the task_struct. A stack begins at a multiple of its size, so
  the stack pointer with its low bits cleared is the address of the thread_info: `StackCurrent.current`.

A machine has one of them, `Kernel(current=...)`, and asks by `System.current` only. The answer means something in
process context alone: in an interrupt there is a task that was interrupted, which has nothing to do with what is
being done; and while the machine stands still, nothing is done for anybody. To ask then is a KernelBug. Who only wants
to know what runs on the CPU, a tracer, takes `System.cpu_curr`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from forkernel.errors import KernelBug
from forkernel.kernel.kstack import THREAD_SIZE
from forkernel.mm.slab import PAGE_OFFSET

if TYPE_CHECKING:
    from forkernel.hw.frames import FrameTable
    from forkernel.kernel.task import Task

INIT_TASK = 0xFFFF_FFFF_8260_0000
"""Address of process 0's task_struct, which is part of the kernel's image and in no slab."""
STACK_END_MAGIC = 0x57AC6E9D
THREAD_INFO_SIZE = 32
TIF_SIGPENDING, TIF_NEED_RESCHED = 1 << 2, 1 << 3


class ThreadInfo(NamedTuple):
    """What the low end of a kernel stack says (Linux: struct thread_info, and the word behind it)."""

    task: int
    """Address of the task_struct."""
    flags: int
    """TIF_* bits."""
    cpu: int
    magic: int
    """STACK_END_MAGIC: the stack did not run over its end."""


class StackCurrent:
    """`current` by the masked stack pointer. `tasks`: the task_struct at each address, which C has for nothing."""

    __slots__ = ("frames", "tasks")

    def __init__(self, frames: FrameTable) -> None:
        self.frames = frames
        self.tasks: dict[int, Task] = {}

    def setup_thread_stack(self, task: Task) -> None:
        """Write the thread_info of a new task (Linux: setup_thread_stack, set_task_stack_end_magic)."""
        address = task.slab or INIT_TASK
        self.tasks[address] = task
        words, at = self.frames.ram.words, task.stack - PAGE_OFFSET >> 3
        words[at] = address
        words[at + 1] = words[at + 2] = words[at + 3] = 0
        words[at + 4] = STACK_END_MAGIC

    def free(self, task: Task) -> None:
        """The task_struct is about to be freed, and the stack with it."""
        del self.tasks[task.slab]
        self.frames.ram.words[task.stack - PAGE_OFFSET >> 3] = 0

    def current(self, sp: int) -> Task:
        """The task on whose stack `sp` points (Linux: current_thread_info()->task); KernelBug for no stack."""
        info = sp & ~(THREAD_SIZE - 1)
        task = self.tasks.get(self.frames.ram.words[info - PAGE_OFFSET >> 3])
        if task is None:
            raise KernelBug(f"the stack pointer {sp:#x} is on no task's stack")
        return task

    def thread_info(self, task: Task) -> ThreadInfo:
        """The thread_info of a task as it lies in RAM, its flags and CPU as they are now."""
        words, at = self.frames.ram.words, task.stack - PAGE_OFFSET >> 3
        rq = task.system.run_queues[task.se.cpu if task.system.smp is not None else 0]
        resched = rq.need_resched and rq.current is task
        words[at + 1] = TIF_SIGPENDING * task.sigpending | TIF_NEED_RESCHED * resched
        words[at + 2] = task.se.cpu
        return ThreadInfo(words[at], words[at + 1], words[at + 2], words[at + 4])


def not_process_context(why: str) -> KernelBug:
    """What to raise where `current` is asked for and means nothing."""
    return KernelBug(f"current is asked for {why}, outside process context")
