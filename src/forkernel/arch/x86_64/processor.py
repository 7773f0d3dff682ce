"""The processor as the kernel uses it: which task's registers it holds, and switching between tasks.

The live image belongs to `owner`. A switch to a kernel thread leaves it where it is (Linux: lazy TLB); the
next user task saves the owner's registers and loads its own.
"""

from __future__ import annotations

from typing import Any

from forkernel.arch.x86_64.ptrace import PtRegs
from forkernel.hw.protocol import RAX, Cpu, FpuState


class Processor:
    """One CPU and the task whose user state is on it. Tasks are seen as `thread` (image) and `mm`."""

    __slots__ = ("_live", "hw", "owner")

    def __init__(self, hw: Cpu) -> None:
        self.hw: Any = hw
        self.owner: Any = None
        self._live = PtRegs(self, hw.live)

    # --- tasks

    def regs_of(self, task: Any) -> PtRegs:
        """The registers of a task: live if it is on the CPU, else a view of its saved image."""
        return self._live if task is self.owner else PtRegs(self, memoryview(task.thread))

    def image_of(self, task: Any) -> bytearray:
        """A copy of a task's image."""
        return bytearray(self.hw.live) if task is self.owner else bytearray(task.thread)

    def reset(self, task: Any) -> None:
        """Fresh registers for a task (execve); makes an image for a kernel thread that becomes a user task."""
        if task is self.owner:
            self.hw.live[:] = self.hw.new_image()
        else:
            task.thread = self.hw.new_image()

    def switch_to(self, task: Any) -> None:
        """Put a user task on the CPU."""
        owner = self.owner
        if owner is not task:
            if owner is not None:
                owner.thread[:] = self.hw.live
            self.owner = task
            self.hw.load(task.thread, task.mm.pt.pgd)
        else:
            self.hw.set_pgd(task.mm.pt.pgd)

    def switch_mm(self, task: Any) -> None:
        """The task's address space was exchanged."""
        if task is self.owner:
            self.hw.set_pgd(task.mm.pt.pgd)

    def forget(self, task: Any) -> None:
        """The task is dead: its registers need not be saved."""
        if task is self.owner:
            self.owner = None
        task.thread = None

    def park(self) -> None:
        """Save the owner's registers: nobody is on the CPU (before a snapshot)."""
        if self.owner is not None:
            self.owner.thread[:] = self.hw.live
            self.owner = None

    def set_result(self, task: Any, value: int) -> None:
        """Store the result of a call (unsigned 64-bit): rax, the first word of an image."""
        if task is self.owner:
            self.hw.gpr[RAX] = value
        else:
            task.thread[0:8] = value.to_bytes(8, "little")

    # --- Tlb protocol and code

    def flush_tlb(self) -> None:
        """See `hw.protocol.Cpu.flush_tlb`."""
        self.hw.flush_tlb()

    # --- image access for PtRegs

    def gpr_of(self, image: Any) -> Any:
        """General registers and rip of an image, as a view of 64-bit words."""
        return self.hw.gpr_of(image)

    def read_flags(self, image: Any) -> int:
        """The flags register of an image."""
        value: int = self.hw.read_flags(image)
        return value

    def write_flags(self, image: Any, value: int) -> None:
        """Set the flags register of an image."""
        self.hw.write_flags(image, value)

    def change_flags(self, image: Any, mask: int, value: int) -> None:
        """Set the flags of `mask`, the arithmetic ones at least."""
        self.hw.change_flags(image, mask, value)

    def read_base(self, image: Any, name: str) -> int:
        """`fs_base` or `gs_base` of an image."""
        value: int = self.hw.read_base(image, name)
        return value

    def write_base(self, image: Any, name: str, value: int) -> None:
        """Set `fs_base` or `gs_base` of an image."""
        self.hw.write_base(image, name, value)

    def read_fpu(self, image: Any) -> FpuState:
        """FPU state of an image."""
        state: FpuState = self.hw.read_fpu(image)
        return state

    def write_fpu(self, image: Any, state: FpuState) -> None:
        """Set FPU state as `read_fpu` gives it."""
        self.hw.write_fpu(image, state)
