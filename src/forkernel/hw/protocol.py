"""What the rest of the kernel knows of a CPU: load a state, run, be called at each trap.

`UnicornCpu` is the real one; `ScriptedCpu` plays a list of traps for tests. Between traps the CPU belongs
to the guest; in a trap the *live image* holds the user registers of the current task, and what it holds
when the trap handler returns is what the CPU goes on with. So a context switch is a change of the live
image (and of the page tables), made inside the trap.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

# Traps other than calls, by x86 vector (Intel SDM vol. 3, 6.15).
DIVIDE_ERROR, DEBUG, BREAKPOINT, OVERFLOW, BOUND, INVALID_OPCODE, DEVICE = 0, 1, 3, 4, 5, 6, 7
GENERAL_PROTECTION, PAGE_FAULT, X87, ALIGNMENT, SIMD = 13, 14, 16, 17, 19
# Page-fault error code bits.
PF_PROT, PF_WRITE, PF_USER, PF_RSVD, PF_INSTR = 1, 2, 4, 8, 16

RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, RIP = range(17)
"""Index of each register in `Cpu.gpr`."""

NO_ADDRESS = 1 << 63
"""Given as the address of a "page fault" that has none: a program executed `int $14`."""
KERNEL_BASE = 0xFFFF_FE00_0000_0000
"""Of the only part of the kernel's half that is mapped, for the CPU alone: its descriptor table, which it reads when
a program loads a segment register (Linux: cpu_entry_area)."""
KERNEL_TABLES = (2, 3, 4)
"""Frames of the page tables that map it."""
KERNEL_SLOT = KERNEL_BASE >> 39 & 511
KERNEL_ENTRY = KERNEL_TABLES[0] << 12 | 0x21
"""What every top table has in that slot: present, accessed, for the privileged, read-only."""


class FpuState(NamedTuple):
    """x87 and SSE state."""

    control: int
    status: int
    """The stack's top included."""
    empty: bytes
    """For each physical register 1 if it is empty, else 0."""
    mxcsr: int
    st: bytes
    """ST0 to ST7, 16 bytes each, of which the last 6 are zero."""
    xmm: bytes
    """XMM0 to XMM15, 16 bytes each."""


class TrapHandler(Protocol):
    """The kernel's side of a trap (Linux: the entry code)."""

    def syscall(self) -> None:
        """The current task executed `syscall`; `rip` is past the instruction."""

    def fault(self, vector: int, error: int, address: int) -> None:
        """The current task raised exception `vector`; `rip` is at the instruction (past it for int3 and `int n`)."""

    def quantum(self) -> None:
        """The quantum is over, or the CPU was stopped from outside."""


class Cpu(Protocol):
    """One processor."""

    gpr: Any
    """Live general registers and RIP as unsigned 64-bit words, by the indices above."""
    live: Any
    """The live image, as bytes."""
    quantum_struct: Any
    """Its `left` is the number of blocks until the next quantum trap, and below 0 in it. In a trap that has another
    cause, a stop from outside, it is not."""
    repeatable: bool
    """Whether the quantum is counted in blocks, the same in every run."""

    def new_image(self) -> bytearray:
        """The state of a fresh user task: all registers zero, FPU initialised."""

    def gpr_of(self, image: Any) -> Any:
        """The general registers and RIP of an image, as a view of 64-bit words."""

    def read_flags(self, image: Any) -> int:
        """RFLAGS of an image."""

    def write_flags(self, image: Any, value: int) -> None:
        """Set RFLAGS of an image; bits that user mode may not change are left."""

    def change_flags(self, image: Any, mask: int, value: int) -> None:
        """Set the RFLAGS bits of `mask`, the arithmetic ones and DF at least, as in `value`; the others stay."""

    def read_base(self, image: Any, name: str) -> int:
        """`fs_base` or `gs_base` of an image."""

    def write_base(self, image: Any, name: str, value: int) -> None:
        """Set `fs_base` or `gs_base`."""

    def read_fpu(self, image: Any) -> FpuState:
        """FPU state of an image."""

    def write_fpu(self, image: Any, state: FpuState) -> None:
        """Set what `read_fpu` gives."""

    def export_image(self, image: Any) -> dict[str, Any]:
        """An image as architectural registers, which any build of any CPU can take up again."""

    def import_image(self, state: dict[str, Any]) -> bytearray:
        """The image of `export_image`'s registers."""

    def set_pgd(self, pgd: int) -> None:
        """Go on with the page tables whose root is frame `pgd`."""

    def load(self, image: bytearray, pgd: int) -> None:
        """Make `image` the live one, on the page tables whose root is frame `pgd`."""

    def flush_tlb(self) -> None:
        """Permissions were taken away from the current tables: forget cached translations."""

    def flush_code(self) -> None:
        """Contents of frames with code changed: forget translated code."""

    def flush_frame(self, frame: int) -> None:
        """The same for one frame, and so much cheaper for the rest."""

    def run(self, handler: TrapHandler) -> None:
        """Run the live image until `stop`; all traps go to `handler`."""

    def stop(self) -> None:
        """Make `run` return after the current trap."""

    def set_quantum(self, blocks: int) -> None:
        """Stop for a `quantum` trap after so many blocks."""

    counting: bool
    """Whether blocks are being counted."""

    def count_blocks(self, wanted: bool) -> None:
        """Count blocks from the end of this trap on, or don't: code runs faster then, but without a quantum."""

    def blocks(self) -> int:
        """Blocks run since the CPU was made (0 where they cannot be counted)."""
