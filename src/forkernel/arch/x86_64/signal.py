"""x86-64's share in signals: the frame a handler returns through, and how an interrupted call is restarted.

`setup_rt_frame` lays this on the user stack and points the registers at the handler:

    lower                                                             higher addresses
    | return address | struct ucontext | siginfo_t | (pad to 64) fxsave area | red zone |
    ^ rsp            ^ rdx             ^ rsi         ^ uc_mcontext.fpstate

The handler returns into the C library's restorer, which calls rt_sigreturn; `read_rt_frame` and
`restore_rt_frame` put back what the frame holds by then (the handler may have changed it).

This CPU has no XSAVE, so the FPU part is the plain 512-byte fxsave image, `sw_reserved` in it is zero and
uc_flags lacks UC_FP_XSTATE, as on Linux on such a CPU.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from forkernel.abi.errno import (
    EFAULT,
    EINTR,
    ERESTART_RESTARTBLOCK,
    ERESTARTNOHAND,
    ERESTARTNOINTR,
    ERESTARTSYS,
)
from forkernel.abi.signal import (
    SA_ONSTACK,
    SA_RESTART,
    SA_RESTORER,
    SIGINFO_SIZE,
    SS_AUTODISARM,
    SS_DISABLE,
    SS_ONSTACK,
    SigAction,
    SigInfo,
)
from forkernel.errors import SysError
from forkernel.hw import protocol as hw

NR_RESTART_SYSCALL = 219
SYSCALL_SIZE = 2
M64 = (1 << 64) - 1

REDZONE = 128
USER_CS, USER_DS = 0x33, 0x2B
UC_SIGCONTEXT_SS, UC_STRICT_RESTORE_SS = 2, 4
# RFLAGS bits: those a frame may change, and those cleared on entry to a handler.
X86_EFLAGS_RF, X86_EFLAGS_DF, X86_EFLAGS_TF = 1 << 16, 1 << 10, 1 << 8
FIX_EFLAGS = 1 << 18 | X86_EFLAGS_RF | 1 << 11 | X86_EFLAGS_DF | X86_EFLAGS_TF | 0x80 | 0x40 | 0x10 | 4 | 1
CLEARED_EFLAGS = X86_EFLAGS_DF | X86_EFLAGS_RF | X86_EFLAGS_TF

FXSAVE_SIZE = 512
MXCSR_OFFSET, MXCSR_MASK = 24, 0xFFFF
INIT_FPU = struct.pack("<H22xII", 0x37F, 0x1F80, MXCSR_MASK).ljust(
    FXSAVE_SIZE, b"\0"
)  # FCW, MXCSR and its mask; all else zero
"""The FPU of a new program, as fxsave shows it."""

_UCONTEXT = struct.Struct("<QQ Qi4xQ 18Q 4H 4Q Q 64x Q")
"""uc_flags, uc_link, uc_stack, sixteen registers with RIP and RFLAGS, selectors, err, trapno, oldmask, cr2,
fpstate, uc_sigmask."""
UCONTEXT_SIZE = _UCONTEXT.size
FRAME_SIZE = 8 + UCONTEXT_SIZE + SIGINFO_SIZE
_WORD = struct.Struct("<Q")

REGISTERS = (
    hw.R8, hw.R9, hw.R10, hw.R11, hw.R12, hw.R13, hw.R14, hw.R15, hw.RDI, hw.RSI, hw.RBP, hw.RBX, hw.RDX,
    hw.RAX, hw.RCX, hw.RSP, hw.RIP,
)  # fmt: skip
"""In the order of struct sigcontext; RFLAGS follows."""


# --- the alternate stack


def _within(task: Any, sp: int) -> bool:
    """Whether `sp` is on the alternate stack (Linux: __on_sig_stack; the stack grows down)."""
    return bool(sp > task.sas_ss_sp and sp - task.sas_ss_sp <= task.sas_ss_size)


def on_sig_stack(task: Any, sp: int) -> bool:
    """Whether the alternate stack is in use. One with SS_AUTODISARM never is: it is given up on entry."""
    return not task.sas_ss_flags & SS_AUTODISARM and _within(task, sp)


def sas_ss_flags(task: Any, sp: int) -> int:
    """SS_DISABLE, SS_ONSTACK or 0, as sigaltstack reports it."""
    if not task.sas_ss_size:
        return SS_DISABLE
    return SS_ONSTACK if on_sig_stack(task, sp) else 0


# --- restarting calls


def restart_with_handler(task: Any, action: SigAction) -> None:
    """A handler will run: an interrupted call is restarted after it, or ends with EINTR (signal(7))."""
    if task.syscall_nr < 0:
        return
    regs = task.regs
    code = -regs.rax & M64
    if code in (ERESTART_RESTARTBLOCK, ERESTARTNOHAND) or (code == ERESTARTSYS and not action.flags & SA_RESTART):
        regs.rax = -EINTR & M64
    elif code in (ERESTARTSYS, ERESTARTNOINTR):
        regs.rax = task.syscall_nr
        regs.rip -= SYSCALL_SIZE
    task.syscall_nr = -1


def restart_without_handler(task: Any) -> None:
    """No handler runs: an interrupted call goes on as if nothing had been."""
    if task.syscall_nr < 0:
        return
    regs = task.regs
    code = -regs.rax & M64
    if code in (ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND):
        regs.rax = task.syscall_nr
        regs.rip -= SYSCALL_SIZE
    elif code == ERESTART_RESTARTBLOCK:
        regs.rax = NR_RESTART_SYSCALL
        regs.rip -= SYSCALL_SIZE


# --- the frame


def get_sigframe(task: Any, flags: int) -> tuple[int, int]:
    """Addresses of the new frame and of its FPU part; EFAULT when it would overflow the alternate stack."""
    sp = task.regs.rsp - REDZONE & M64
    on_alternate = on_sig_stack(task, sp)
    if flags & SA_ONSTACK and sas_ss_flags(task, sp) == 0:
        sp = task.sas_ss_sp + task.sas_ss_size & M64
        on_alternate = True
    fpstate = sp - FXSAVE_SIZE & M64 & -64
    frame = (fpstate - FRAME_SIZE & -16) - 8 & M64
    if on_alternate and not _within(task, frame):
        raise SysError(EFAULT)
    return frame, fpstate


def setup_rt_frame(task: Any, sig: int, info: SigInfo, action: SigAction, mask: int) -> None:
    """Write the frame and make the registers those of a call `handler(sig, &info, &ucontext)`.

    `mask` is what rt_sigreturn will restore. EFAULT, and nothing is changed, when the stack cannot be written
    or the action has no restorer.
    """
    if not action.flags & SA_RESTORER:
        raise SysError(EFAULT)
    frame, fpstate = get_sigframe(task, action.flags)
    regs = task.regs
    gpr, rflags = regs.gpr, regs.rflags
    trap, error, address = task.fault
    context = _UCONTEXT.pack(
        UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS, 0,
        task.sas_ss_sp, _signed32(task.sas_ss_flags), task.sas_ss_size,
        *[gpr[index] for index in REGISTERS], rflags,
        USER_CS, 0, 0, USER_DS,
        error, trap, mask, address,
        fpstate, mask,
    )  # fmt: skip
    head = _WORD.pack(action.restorer) + context + info.pack()
    task.mm.write(frame, head.ljust(fpstate - frame, b"\0") + regs.fxsave())
    gpr[hw.RDI], gpr[hw.RAX] = sig, 0
    gpr[hw.RSI] = frame + 8 + UCONTEXT_SIZE
    gpr[hw.RDX] = frame + 8
    gpr[hw.RSP], gpr[hw.RIP] = frame, action.handler
    if rflags & CLEARED_EFLAGS:
        regs.rflags = rflags & ~CLEARED_EFLAGS


def _signed32(value: int) -> int:
    return (value & 0xFFFFFFFF ^ 1 << 31) - (1 << 31)


class RtFrame(NamedTuple):
    """What rt_sigreturn finds on the stack."""

    mask: int
    stack: tuple[int, int, int]
    """Address, flags and size of the alternate stack."""
    registers: tuple[int, ...]
    rflags: int
    cs: int
    ss: int
    fpu: bytes

    @property
    def rax(self) -> int:
        """The result register, as the interrupted code had it."""
        return self.registers[REGISTERS.index(hw.RAX)]


def read_rt_frame(task: Any) -> RtFrame:
    """The frame under the stack pointer, after the handler's `ret` took the return address; EFAULT."""
    words = _UCONTEXT.unpack(task.mm.read(task.regs.rsp, UCONTEXT_SIZE))
    fpstate = words[31]
    fpu = task.mm.read(fpstate, FXSAVE_SIZE) if fpstate else INIT_FPU
    return RtFrame(words[32], words[2:5], words[5:22], words[22], words[23], words[26], fpu)


def restore_rt_frame(task: Any, frame: RtFrame) -> None:
    """Load the registers and the FPU from a frame; EFAULT for what the CPU would refuse."""
    regs = task.regs
    gpr = regs.gpr
    for index, value in zip(REGISTERS, frame.registers, strict=True):
        gpr[index] = value
    regs.change_rflags(FIX_EFLAGS, frame.rflags)
    if int.from_bytes(frame.fpu[MXCSR_OFFSET : MXCSR_OFFSET + 4], "little") & ~MXCSR_MASK:
        raise SysError(EFAULT)
    regs.fxrstor(frame.fpu)
    if frame.cs | 3 != USER_CS:
        raise SysError(EFAULT)
