"""The user registers of a task, by name (Linux: pt_regs and the FPU state behind it).

`PtRegs` is a view of a CPU image: of the live one while the task is on the CPU, else of the saved one.
"""

from __future__ import annotations

import struct
from typing import Any

from forkernel.hw import protocol as hw
from forkernel.hw.protocol import FpuState

SYSCALL_BYTES = 2
"""Length of the `syscall` instruction: to restart a call, rip goes back by so much."""

FPU_EXCEPTIONS = ((0x01, 7), (0x04, 3), (0x08, 4), (0x12, 5), (0x20, 6))
"""Status bits and si_code: FPE_FLTINV, FLTDIV, FLTOVF, FLTUND (of denormals too), FLTRES, in Linux's order."""


_FXSAVE_HEAD = struct.Struct("<HHB19xII")
ALL_EMPTY = b"\1" * 8


class _Register:
    """A general register as an attribute: an unsigned 64-bit integer; assignment wraps."""

    def __init__(self, index: int) -> None:
        self._index = index

    def __get__(self, regs: Any, owner: type | None = None) -> int:
        value: int = regs.gpr[self._index]
        return value

    def __set__(self, regs: Any, value: int) -> None:
        regs.gpr[self._index] = value & 0xFFFF_FFFF_FFFF_FFFF


class PtRegs:
    """Registers of one task. `cpu` is the processor whose image format this is."""

    __slots__ = ("cpu", "gpr", "image")

    rax, rcx, rdx, rbx = _Register(hw.RAX), _Register(hw.RCX), _Register(hw.RDX), _Register(hw.RBX)
    rsp, rbp, rsi, rdi = _Register(hw.RSP), _Register(hw.RBP), _Register(hw.RSI), _Register(hw.RDI)
    r8, r9, r10, r11 = _Register(hw.R8), _Register(hw.R9), _Register(hw.R10), _Register(hw.R11)
    r12, r13, r14, r15 = _Register(hw.R12), _Register(hw.R13), _Register(hw.R14), _Register(hw.R15)
    rip = _Register(hw.RIP)

    def __init__(self, cpu: Any, image: Any) -> None:
        self.cpu = cpu
        self.image = image
        self.gpr = cpu.gpr_of(image)

    @property
    def rflags(self) -> int:
        """The flags register."""
        value: int = self.cpu.read_flags(self.image)
        return value

    @rflags.setter
    def rflags(self, value: int) -> None:
        self.cpu.write_flags(self.image, value)

    def change_rflags(self, mask: int, value: int) -> None:
        """Set the flags of `mask`, the arithmetic ones at least: cheaper than to read them first."""
        self.cpu.change_flags(self.image, mask, value)

    @property
    def fs_base(self) -> int:
        """Base of the FS segment: the thread pointer."""
        value: int = self.cpu.read_base(self.image, "fs_base")
        return value

    @fs_base.setter
    def fs_base(self, value: int) -> None:
        self.cpu.write_base(self.image, "fs_base", value)

    @property
    def gs_base(self) -> int:
        """Base of the GS segment."""
        value: int = self.cpu.read_base(self.image, "gs_base")
        return value

    @gs_base.setter
    def gs_base(self, value: int) -> None:
        self.cpu.write_base(self.image, "gs_base", value)

    def fpu_exception(self, *, simd: bool) -> int:
        """si_code of the first unmasked exception of SSE or of the x87; 0 if there is none (fpu__exception_code)."""
        fpu = self.cpu.read_fpu(self.image)
        found = fpu.mxcsr & ~(fpu.mxcsr >> 7) if simd else fpu.status & ~fpu.control
        return next((code for bits, code in FPU_EXCEPTIONS if found & bits), 0)

    def fxsave(self) -> bytes:
        """FPU and SSE state as the FXSAVE instruction stores it (512 bytes; Intel SDM vol. 1, 10.5.1)."""
        fpu = self.cpu.read_fpu(self.image)
        abridged = 0 if fpu.empty == ALL_EMPTY else sum(1 << i for i in range(8) if not fpu.empty[i])
        head = _FXSAVE_HEAD.pack(fpu.control, fpu.status, abridged, fpu.mxcsr, 0xFFFF)
        return b"".join([head, fpu.st, fpu.xmm, bytes(96)])

    def fxrstor(self, area: bytes) -> None:
        """Set FPU and SSE state from an FXSAVE area."""
        control, status, abridged, mxcsr, _ = _FXSAVE_HEAD.unpack_from(area)
        empty = bytes([not abridged >> i & 1 for i in range(8)]) if abridged else ALL_EMPTY
        self.cpu.write_fpu(self.image, FpuState(control, status, empty, mxcsr & 0xFFFF, area[32:160], area[160:416]))


# --- on the kernel stack

_PT_REGS = struct.Struct("<21Q")
PT_REGS_SIZE = _PT_REGS.size
"""168 bytes: what Linux's entry code has on the stack when a task entered the kernel (struct pt_regs)."""
PT_REGS_NAMES = (
    "r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi",
    "orig_rax", "rip", "cs", "rflags", "rsp", "ss",
)  # fmt: skip
"""Its words in order of address (ptrace(2), struct user_regs_struct)."""
USER_CS, USER_DS = 0x33, 0x2B
M64 = (1 << 64) - 1


def pack_pt_regs(regs: PtRegs, orig_rax: int, rax: int | None = None) -> bytes:
    """The bytes of pt_regs; `rax` if another value than the register's is on the stack."""
    words = {"orig_rax": orig_rax & M64, "cs": USER_CS, "ss": USER_DS}
    if rax is not None:
        words["rax"] = rax & M64
    return _PT_REGS.pack(*(words[name] if name in words else getattr(regs, name) for name in PT_REGS_NAMES))


def unpack_pt_regs(data: bytes) -> dict[str, int]:
    """The registers in pt_regs by name; {} for none."""
    return dict(zip(PT_REGS_NAMES, _PT_REGS.unpack(data), strict=True)) if data else {}
