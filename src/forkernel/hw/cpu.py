"""The CPU: Unicorn in 64-bit user mode, walking real page tables in RAM.

Life of a trap: the guest executes `syscall` or faults → Unicorn calls a hook → the hook copies the CPU's
state into one reusable context (the live image) → the trap handler reads and changes it, or loads another
task's → the hook copies it back and returns, and the CPU goes on from there, without having stopped.

The context is the emulator's own CPU structure. Where its fields lie is found at start-up by changing
one register at a time (`_Layout`), never written down: another build of the library is either calibrated
or refused.
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from forkernel.errors import KernelBug, UserError
from forkernel.hw import libunicorn as lu
from forkernel.hw.native import Quantum, load_native
from forkernel.hw.protocol import (
    DEBUG,
    GENERAL_PROTECTION,
    INVALID_OPCODE,
    KERNEL_BASE,
    KERNEL_TABLES,
    NO_ADDRESS,
    PAGE_FAULT,
    RIP,
    FpuState,
    TrapHandler,
)
from forkernel.hw.ram import PAGE_SHIFT, Ram

GDT_FRAME = 1
FLUSH_TABLES = (8, 9, 10, 11)  # frames of the page tables that `flush_frame` uses
NO_TABLES = 0  # value of CR3 for an address space without memory: frame 0 is never used, so its entries are zero
USER_CS, USER_SS = 0x33, 0x2B
NO_EXIT = 0xFFFF_FFFF_FFFF_FFFF  # an address the guest cannot reach: emulation ends by stop alone
UNLIMITED = 1 << 62
LONE_PERIOD = 0.05  # seconds between two looks at the host while a lone task runs
UNCOUNTED_PERIOD = 0.01  # and the slice, about, where blocks cannot be counted
ARITHMETIC_FLAGS = 0xCD5  # those, and DF, that the emulator keeps apart from the others while it runs
USER_FLAGS = 0x254DD5  # the flags a program may change: arithmetic, DF, TF, NT, AC, ID, RF

TOP = 7 << 11  # of the x87 stack, in the status word
_PADDING, NO_ST = bytes(6), bytes(128)
_U16, _U32, _U64 = struct.Struct("<H"), struct.Struct("<I"), struct.Struct("<Q")

EFER_VALUE = 1 << 0 | 1 << 8 | 1 << 10 | 1 << 11  # SCE LME LMA NXE
CR0_VALUE = 0x80050033  # PG AM WP NE ET MP PE
CR4_VALUE = 1 << 2 | 1 << 5 | 1 << 9 | 1 << 10 | 1 << 16  # TSD PAE OSFXSR OSXMMEXCPT FSGSBASE
MSR_EFER = 0xC0000080


INIT_FPCW, INIT_MXCSR = 0x37F, 0x1F80
"""x87 control word and MXCSR of a new program: extended precision, exceptions masked (System V ABI, 3.4.1)."""


def _descriptor(dpl: int, *, code: bool) -> int:
    """A flat 64-bit segment descriptor, accessed before (Intel SDM vol. 3, 3.4.5)."""
    return 0xFFFF | (0x91 | dpl << 5 | (0xA if code else 2)) << 40 | 0xF << 48 | (0xA if code else 0xC) << 52


class _Engine:
    """One Unicorn engine and its reusable context, by raw handle."""

    def __init__(self, ram: Ram) -> None:
        self.lib = lu.load(ctypes.PyDLL)
        self.free = lu.load(ctypes.CDLL)
        """The same functions, but the interpreter's lock is released during a call."""
        handle = ctypes.c_void_p()
        self._check(self.lib.uc_open(lu.UC_ARCH_X86, lu.UC_MODE_64, ctypes.byref(handle)))
        self.handle = handle
        self.control(lu.UC_CTL_CPU_MODEL, ctypes.c_int(lu.UC_CPU_X86_NEHALEM))
        self._check(self.lib.uc_mem_map_ptr(handle, 0, ram.size, lu.UC_PROT_ALL, ram.address))
        context = ctypes.c_void_p()
        self._check(self.lib.uc_context_alloc(handle, ctypes.byref(context)))
        self.context = context
        size = self.lib.uc_context_size(handle)
        self.state = memoryview((ctypes.c_char * size).from_address(context.value or 0)).cast("B")
        self._hooks: list[Any] = []
        self._word = ctypes.c_uint64()
        self._at_word = ctypes.byref(self._word)

    def _check(self, status: int) -> None:
        if status:
            raise UserError(f"the CPU cannot be set up: {self.lib.uc_strerror(status).decode()}")

    def control(self, kind: int, *arguments: Any) -> None:
        """uc_ctl, write direction."""
        word = kind | len(arguments) << 26 | lu.UC_CTL_WRITE
        self._check(self.lib.uc_ctl(self.handle, ctypes.c_uint(word), *arguments))

    def hook(self, kind: int, callback: Any, data: Any = None, *extra: Any) -> None:
        """uc_hook_add over all addresses."""
        token = ctypes.c_size_t()
        begin, end = ctypes.c_uint64(1), ctypes.c_uint64(0)
        self._check(
            self.lib.uc_hook_add(
                self.handle, ctypes.byref(token), ctypes.c_int(kind), callback, data, begin, end, *extra
            )
        )
        self._hooks.append((token, callback, data))

    def unhook(self) -> None:
        """Remove the hook added last."""
        token, _, _ = self._hooks.pop()
        self._check(self.lib.uc_hook_del(self.handle, token))

    def write(self, register: int, value: Any) -> None:
        """uc_reg_write; ints are 64-bit."""
        if isinstance(value, int):
            self._word.value = value
            self._check(self.lib.uc_reg_write(self.handle, register, self._at_word))
        else:
            self._check(self.lib.uc_reg_write(self.handle, register, ctypes.byref(value)))

    def read(self, register: int) -> int:
        """uc_reg_read of an integer register."""
        word = self._word
        word.value = 0
        self._check(self.lib.uc_reg_read(self.handle, register, self._at_word))
        return word.value

    def save(self) -> None:
        """CPU state into the context."""
        self.lib.uc_context_save(self.handle, self.context)

    def restore(self) -> None:
        """The context into the CPU."""
        self.lib.uc_context_restore(self.handle, self.context)

    def snapshot(self) -> bytes:
        """The CPU's state now, as bytes."""
        self.save()
        return self.state.tobytes()

    def close(self) -> None:
        """Free the engine."""
        self.lib.uc_context_free(self.context)
        self.lib.uc_close(self.handle)


def _refuse(what: str) -> UserError:
    return UserError(f"this libunicorn is not one Forkernel knows: cannot find {what} in the CPU's state")


class Layout:
    """Offsets of fields in the context, found by experiment. All in bytes, little-endian fields."""

    def __init__(self, engine: _Engine) -> None:
        self._engine = engine
        general = [self._find(register, f"general register {i}") for i, register in enumerate(lu.GENERAL)]
        rip = self._find(lu.RIP, "rip")
        if [*general, rip] != list(range(general[0], general[0] + 17 * 8, 8)) or general[0] % 8:
            raise _refuse("the general registers in order")
        self.gpr = general[0]
        self.eflags = self._find_eflags(self.gpr + 17 * 8)
        self.cr2 = self._find(lu.CR2, "cr2")
        self.cr3 = self.cr2 + 8
        self.fs_base = self._find(lu.FS_BASE, "fs_base", 0x0000_1122_3344_5566)
        self.gs_base = self._find(lu.GS_BASE, "gs_base", 0x0000_1122_3344_5566)
        self.xmm = [self._find_wide(lu.XMM0 + i, f"xmm{i}", 16) for i in range(16)]
        self.fpr = [self._find_wide(lu.FP0 + i, f"fp{i}", 10) for i in range(8)]
        self.fpu_control = self._find_pair(lu.FPCW, "the x87 control word", b"\x7f\x0a", b"\x7b\x05")
        self.fpu_status = self._find_pair(lu.FPSW, "the x87 status word", b"\x05\x45", b"\x22\x83")
        self.fpu_top = self._find_pair(lu.FPSW, "the x87 stack top", b"\5\0\0\0", b"\2\0\0\0", (0x2800, 0x1000))
        tags = 0xCCCC, 0x3333
        self.fpu_tags = self._find_pair(lu.FPTAG, "the x87 tags", b"\0\1" * 4, b"\1\0" * 4, tags)
        self.mxcsr = self._find_pair(lu.MXCSR, "mxcsr", b"\x95\x7f\0\0", b"\xaa\x5f\0\0")
        self.image = slice(self.gpr, self.xmm[-1] + 64)
        self.in_flight = 0
        self.error_code = 0

    def _find(self, register: int, what: str, value: int = 0x1122334455667788) -> int:
        engine = self._engine
        old = engine.read(register)
        engine.write(register, value)
        raw = engine.snapshot()
        engine.write(register, old)
        marker = struct.pack("<Q", value)
        if raw.count(marker) != 1:
            raise _refuse(what)
        return raw.index(marker)

    def _find_pair(self, register: int, what: str, one: bytes, other: bytes, values: tuple[int, int] = (0, 0)) -> int:
        """Where there is `one` after the first value was written and `other` after the second (0: the same)."""
        engine = self._engine
        old = engine.read(register)
        engine.write(register, values[0] or int.from_bytes(one, "little"))
        before = engine.snapshot()
        engine.write(register, values[1] or int.from_bytes(other, "little"))
        after = engine.snapshot()
        engine.write(register, old)
        found, at = [], before.find(one)
        while at >= 0:
            if after[at : at + len(other)] == other:
                found.append(at)
            at = before.find(one, at + 1)
        if len(found) != 1:
            raise _refuse(what)
        return found[0]

    def _find_eflags(self, at: int) -> int:
        """The flags register, expected at `at`."""
        engine = self._engine
        for value in (0x202 | ARITHMETIC_FLAGS, 0x202):
            engine.write(lu.EFLAGS, value)
            if struct.unpack_from("<Q", engine.snapshot(), at) != (value,):
                raise _refuse("the flags")
        return at

    def _find_wide(self, register: int, what: str, size: int) -> int:
        engine = self._engine
        marker = bytes(0x81 + i for i in range(size))
        engine.write(register, (ctypes.c_ubyte * 16)(*marker))
        raw = engine.snapshot()
        engine.write(register, (ctypes.c_ubyte * 16)())
        if raw.count(marker) != 1:
            raise _refuse(what)
        return raw.index(marker)


class _FpuFields:
    """Where the FPU's fields lie in an image."""

    def __init__(self, layout: Layout) -> None:
        base, st, xmm = layout.gpr, layout.fpr, layout.xmm
        stride = xmm[1] - xmm[0]
        if st != list(range(st[0], st[0] + 128, 16)) or xmm != list(range(xmm[0], xmm[0] + 16 * stride, stride)):
            raise _refuse("the FPU's registers in order")
        self.control, self.status = layout.fpu_control - base, layout.fpu_status - base
        self.top, self.mxcsr = layout.fpu_top - base, layout.mxcsr - base
        self.tags = slice(layout.fpu_tags - base, layout.fpu_tags - base + 8)
        self.st = slice(st[0] - base, st[0] - base + 128)
        self.stride = stride // 8
        self.xmm = slice(xmm[0] - base, xmm[0] - base + 16 * stride)


class UnicornCpu:
    """The processor the guest runs on (see `forkernel.hw.protocol.Cpu`)."""

    def __init__(self, ram: Ram) -> None:
        self._ram = ram
        self._native = load_native()
        self._engine = engine = _Engine(ram)
        if self._native is not None:
            self._native.bind(engine.lib)
        self._enter_user_mode()
        self.layout = layout = Layout(engine)
        self._state = engine.state
        self.live = engine.state[layout.image]
        self._words = engine.state[layout.gpr % 8 :][: len(engine.state) // 8 * 8 - 8].cast("Q")
        self.gpr = engine.state[layout.gpr : layout.gpr + 17 * 8].cast("Q")
        self._fpu = _FpuFields(layout)
        self._eflags = engine.state[layout.eflags : layout.eflags + 8].cast("Q")
        self._cr2 = engine.state[layout.cr2 : layout.cr2 + 16].cast("Q")
        self._handler: TrapHandler | None = None
        self._failure: BaseException | None = None
        self._stopping = False
        self._refused = 0
        """Exception to raise for an instruction that the CPU was about to execute, or 0."""
        self._left_at = -1
        """Where user code goes on after a call, until something else happens."""
        self._refused_at = b""
        """The context before it."""
        self._flush_wanted = False
        self._pgd = 0
        self.quantum_struct = Quantum(UNLIMITED, ctypes.cast(engine.lib.uc_emu_stop, ctypes.c_void_p).value)
        """The block counter, `left` of which a handler may read at once."""
        self._granted = UNLIMITED
        self._counted = 0
        self.repeatable = self._native is not None
        self.counting = False
        """Whether blocks are counted now; see `count_blocks`."""
        self._count_wanted = self.repeatable
        self._watchdog: Watchdog | None = None
        self._cr3_value = ctypes.c_uint64()
        self._cr2[0] = NO_ADDRESS
        engine.save()  # without what `Layout` wrote to find it
        self._fresh = bytes(self.live)
        self._add_hooks()
        self._calibrate_faults()
        self._map_descriptors()

    # --- set-up

    def _enter_user_mode(self) -> None:
        """Long mode with paging on, segments of privilege level 3 (Intel SDM vol. 3, 9.8.5)."""
        engine = self._engine
        kernel = [_descriptor(0, code=True), _descriptor(0, code=False)]
        table = [0, 0, *kernel, 0, _descriptor(3, code=False), _descriptor(3, code=True)]
        where = GDT_FRAME << PAGE_SHIFT
        self._ram.bytes[where : where + 56] = struct.pack("<7Q", *table)
        engine.write(lu.GDTR, lu.Mmr(0, where, 55, 0))  # paging is off as yet
        engine.write(lu.LDTR, lu.Mmr(0, 0, 0, 0))
        engine.write(lu.TR, lu.Mmr(0, 0, 0, 0))
        engine.write(lu.MSR, lu.Msr(MSR_EFER, EFER_VALUE))
        before = engine.snapshot()
        engine.write(lu.CR4, CR4_VALUE)
        hidden = self._find_hidden_flags(before, engine.snapshot())
        engine.write(lu.CR3, 0)
        engine.write(lu.CR0, CR0_VALUE)
        engine.write(lu.CS, USER_CS)
        engine.write(lu.SS, USER_SS)
        engine.write(lu.GDTR, lu.Mmr(0, KERNEL_BASE + where, 55, 0))
        engine.write(lu.FPCW, INIT_FPCW)
        engine.write(lu.FPTAG, 0xFFFF)
        engine.write(lu.MXCSR, INIT_MXCSR)
        engine.save()
        engine.state[hidden] |= 3
        engine.restore()

    def _map_descriptors(self) -> None:
        """Page tables, for the privileged only, of the descriptor table: a program that loads a segment register
        makes the CPU read it. Every address space points at the first of them.
        """
        words = self._ram.words
        for shift, table, lower in zip((30, 21, 12), KERNEL_TABLES, (*KERNEL_TABLES[1:], GDT_FRAME), strict=True):
            index = KERNEL_BASE + (GDT_FRAME << PAGE_SHIFT) >> shift & 511
            words[table * 512 + index] = lower << PAGE_SHIFT | 0x21  # present, accessed

    @staticmethod
    def _find_hidden_flags(before: bytes, after: bytes) -> int:
        """Offset of QEMU's `hflags`, whose low two bits are the privilege level.

        Writing CS and SS does not set the level (the probe below would see supervisor faults), so it is
        set here. The field is the one in which turning CR4.OSFXSR on sets bit 22 and nothing else.
        """
        words = zip(struct.iter_unpack("<I", before), struct.iter_unpack("<I", after), strict=True)
        found = [at * 4 for at, ((old,), (new,)) in enumerate(words) if old ^ new == 1 << 22]
        if len(found) != 1:
            raise _refuse("the privilege level")
        return found[0]

    def _add_hooks(self) -> None:
        engine = self._engine
        self._callbacks = (
            lu.INTR_CALLBACK(self._on_interrupt),
            lu.SYSCALL_CALLBACK(self._on_syscall),
            lu.INVALID_CALLBACK(self._on_invalid),
            lu.SYSCALL_CALLBACK(self._on_sysenter),
            lu.IN_CALLBACK(self._on_in),
            lu.OUT_CALLBACK(self._on_out),
        )
        engine.hook(lu.UC_HOOK_INTR, self._callbacks[0])
        engine.hook(lu.UC_HOOK_INSN, self._callbacks[1], None, ctypes.c_int(lu.UC_X86_INS_SYSCALL))
        engine.hook(lu.UC_HOOK_INSN_INVALID, self._callbacks[2])
        engine.hook(lu.UC_HOOK_INSN, self._callbacks[3], None, ctypes.c_int(lu.UC_X86_INS_SYSENTER))
        engine.hook(lu.UC_HOOK_INSN, self._callbacks[4], None, ctypes.c_int(lu.UC_X86_INS_IN))
        engine.hook(lu.UC_HOOK_INSN, self._callbacks[5], None, ctypes.c_int(lu.UC_X86_INS_OUT))
        self._set_counting(self.repeatable)

    def _calibrate_faults(self) -> None:
        """Cause three page faults with known error codes to find the fault fields in the context."""
        probe = _FaultProbe(self, self._ram)
        self.layout.in_flight, self.layout.error_code = probe.find()
        self._in_flight = self._state[self.layout.in_flight : self.layout.in_flight + 4].cast("i")
        self._error = self._state[self.layout.error_code : self.layout.error_code + 4].cast("I")
        self.live[:] = self._fresh

    # --- hooks: the hot path

    def _on_syscall(self, _engine: int, _data: int) -> None:
        engine = self._engine
        lib, handle, context = engine.lib, engine.handle, engine.context
        lib.uc_context_save(handle, context)
        gpr = self.gpr
        gpr[RIP] += 2
        try:
            self._handler.syscall()  # type: ignore[union-attr]
        except BaseException as error:  # noqa: BLE001  # re-raised by run(), outside the emulator's frames
            self._fail(error)
        self._left_at = left_at = gpr[RIP]
        gpr[RIP] = (left_at - 2) & NO_EXIT
        lib.uc_context_restore(handle, context)
        if self._flush_wanted:
            self._write_cr3()

    def _on_interrupt(self, _engine: int, vector: int, _data: int) -> None:
        engine = self._engine
        engine.lib.uc_context_save(engine.handle, engine.context)
        self._in_flight[0] = -1
        left_at, self._left_at = self._left_at, -1
        if vector == DEBUG and left_at == self.gpr[RIP]:
            # With the trap flag set, the emulator traps right after `syscall`. The CPU does so after the instruction
            # that follows; and this may be another task, which is yet to execute the first.
            engine.lib.uc_context_restore(engine.handle, engine.context)
            return
        try:
            address, self._cr2[0] = self._cr2[0], NO_ADDRESS
            self._handler.fault(vector, self._error[0], address)  # type: ignore[union-attr]
        except BaseException as error:  # noqa: BLE001  # re-raised by run()
            self._fail(error)
        engine.lib.uc_context_restore(engine.handle, engine.context)
        if self._flush_wanted:
            self._write_cr3()

    def _on_invalid(self, _engine: int, _data: int) -> bool:
        self._on_interrupt(_engine, INVALID_OPCODE, _data)
        return True

    def _on_sysenter(self, _engine: int, _data: int) -> None:
        self._refuse(INVALID_OPCODE)

    def _on_in(self, _engine: int, _port: int, _size: int, _data: int) -> int:
        self._refuse(GENERAL_PROTECTION)
        return 0

    def _on_out(self, _engine: int, _port: int, _size: int, _value: int, _data: int) -> None:
        self._refuse(GENERAL_PROTECTION)

    def _refuse(self, vector: int) -> None:
        """Instead of this instruction, which the emulator would execute for anybody, raise an exception: the state
        before it is kept, the CPU stops, and `run` goes on from there.

        It stops at the end of the block only. So that the rest of the block does nothing, there is no memory until
        then, and nobody who serves its calls.
        """
        engine = self._engine
        engine.save()
        self._refused, self._refused_at, self._handler = vector, bytes(engine.state), _Nobody()
        engine.write(lu.CR3, NO_TABLES)
        engine.lib.uc_emu_stop(engine.handle)

    def _take_back(self, handler: TrapHandler) -> None:
        """After `_refuse`: everything as it was before the instruction."""
        self._engine.state[:] = self._refused_at
        self._handler = handler
        self._flush_wanted = True

    def _fail(self, error: BaseException) -> None:
        self._failure = error
        self.stop()

    def _write_cr3(self) -> None:
        self._flush_wanted = False
        self._cr3_value.value = self._pgd << PAGE_SHIFT
        engine = self._engine
        engine.lib.uc_reg_write(engine.handle, lu.CR3, ctypes.byref(self._cr3_value))

    # --- images

    def new_image(self) -> bytearray:
        """See `Cpu.new_image`."""
        return bytearray(self._fresh)

    def gpr_of(self, image: Any) -> memoryview:
        """See `Cpu.gpr_of`."""
        return memoryview(image)[: 17 * 8].cast("Q")

    def read_base(self, image: Any, name: str) -> int:
        """See `Cpu.read_base`."""
        at = getattr(self.layout, name) - self.layout.gpr
        return int.from_bytes(image[at : at + 8], "little")

    def write_base(self, image: Any, name: str, value: int) -> None:
        """See `Cpu.write_base`."""
        at = getattr(self.layout, name) - self.layout.gpr
        image[at : at + 8] = (value & NO_EXIT).to_bytes(8, "little")

    def _with_image(self, image: Any, work: Callable[[], Any]) -> Any:
        """Do `work` with an image loaded into the CPU and take its changes back.

        During a trap the CPU's own registers are scratch: the live image is copied back when it ends.
        """
        engine, live = self._engine, self.live
        kept = bytes(live)
        live[:] = image
        engine.restore()
        result = work()
        engine.save()
        self._eflags[0] &= ~ARITHMETIC_FLAGS
        changed = bytes(live)
        live[:] = kept
        image[:] = changed
        return result

    def read_flags(self, image: Any) -> int:
        """See `Cpu.read_flags`."""
        engine = self._engine
        if image is self.live:
            engine.restore()
            return engine.read(lu.EFLAGS) | 0x202
        value: int = self._with_image(image, lambda: engine.read(lu.EFLAGS))
        return value | 0x202

    def write_flags(self, image: Any, value: int) -> None:
        """See `Cpu.write_flags`."""
        engine = self._engine
        value = value & USER_FLAGS | 0x202
        if image is self.live:
            engine.restore()
            engine.write(lu.EFLAGS, value)
            engine.save()
            self._eflags[0] &= ~ARITHMETIC_FLAGS
        else:
            self._with_image(image, lambda: engine.write(lu.EFLAGS, value))

    def change_flags(self, image: Any, mask: int, value: int) -> None:
        """See `Cpu.change_flags`."""
        (others,) = _U64.unpack_from(image, self.layout.eflags - self.layout.gpr)  # all but the arithmetic ones
        self.write_flags(image, others & ~mask | value & mask)

    def read_fpu(self, image: Any) -> FpuState:
        """See `Cpu.read_fpu`."""
        at = self._fpu
        (control,) = _U16.unpack_from(image, at.control)
        (status,) = _U16.unpack_from(image, at.status)
        (mxcsr,) = _U32.unpack_from(image, at.mxcsr)
        top = image[at.top]
        st = bytes(image[at.st])
        if st != NO_ST:
            st = st[16 * top :] + st[: 16 * top]
            st = b"".join([st[i : i + 10] + _PADDING for i in range(0, 128, 16)])
        xmm = bytearray(256)
        self._copy_xmm(memoryview(xmm).cast("Q"), self._xmm_of(image), 2, at.stride)
        return FpuState(control, status & ~TOP | top << 11, bytes(image[at.tags]), mxcsr, st, bytes(xmm))

    def write_fpu(self, image: Any, state: FpuState) -> None:
        """See `Cpu.write_fpu`."""
        at = self._fpu
        modes = _U16.unpack_from(image, at.control) + _U32.unpack_from(image, at.mxcsr)
        if modes != (state.control, state.mxcsr):
            self._with_image(image, lambda: self._write_modes(state))
        top = state.status >> 11 & 7
        _U16.pack_into(image, at.status, state.status & ~TOP)
        image[at.top] = top
        image[at.tags] = state.empty
        st = state.st
        image[at.st] = st[128 - 16 * top :] + st[: 128 - 16 * top]
        self._copy_xmm(self._xmm_of(image), memoryview(state.xmm).cast("Q"), at.stride, 2)

    def _xmm_of(self, image: Any) -> Any:
        """The sixteen registers in an image, as 64-bit words, `_fpu.stride` of them each."""
        return memoryview(image)[self._fpu.xmm].cast("Q")

    @staticmethod
    def _copy_xmm(target: Any, source: Any, target_stride: int, source_stride: int) -> None:
        target[::target_stride] = source[::source_stride]
        target[1::target_stride] = source[1::source_stride]

    def _write_modes(self, state: FpuState) -> None:
        """Rounding, precision and masks: the emulator derives other fields from them."""
        self._engine.write(lu.FPCW, state.control)
        self._engine.write(lu.MXCSR, state.mxcsr)

    def export_image(self, image: Any) -> dict[str, Any]:
        """See `Cpu.export_image`."""
        return {
            "gpr": self.gpr_of(image).tolist(),
            "rflags": self.read_flags(image),
            "fs_base": self.read_base(image, "fs_base"),
            "gs_base": self.read_base(image, "gs_base"),
            "fpu": tuple(self.read_fpu(image)),
        }

    def import_image(self, state: dict[str, Any]) -> bytearray:
        """See `Cpu.import_image`."""
        image = self.new_image()
        self.write_fpu(image, FpuState(*state["fpu"]))
        self.write_flags(image, state["rflags"])
        self.write_base(image, "fs_base", state["fs_base"])
        self.write_base(image, "gs_base", state["gs_base"])
        for index, value in enumerate(state["gpr"]):
            self.gpr_of(image)[index] = value
        return image

    def set_pgd(self, pgd: int) -> None:
        """See `Cpu.set_pgd`."""
        self._cr2[1] = pgd << PAGE_SHIFT
        if pgd != self._pgd:
            self._pgd = pgd
            self._flush_wanted = True

    def load(self, image: bytearray, pgd: int) -> None:
        """See `Cpu.load`."""
        self.live[:] = image
        self.set_pgd(pgd)

    def flush_tlb(self) -> None:
        """See `Cpu.flush_tlb`."""
        self._flush_wanted = True

    def flush_code(self) -> None:
        """See `Cpu.flush_code`."""
        self._engine.control(lu.UC_CTL_TB_FLUSH)

    def flush_frame(self, frame: int) -> None:
        """See `Cpu.flush_frame`. The engine takes a virtual address, so there are tables with this frame alone."""
        words = self._ram.words
        for table, below in pairwise(FLUSH_TABLES):
            words[table * 512] = below << PAGE_SHIFT | 7
        words[FLUSH_TABLES[-1] * 512 + 1] = frame << PAGE_SHIFT | 5
        engine = self._engine
        engine.write(lu.CR3, FLUSH_TABLES[0] << PAGE_SHIFT)
        engine.control(lu.UC_CTL_TB_REMOVE_CACHE, ctypes.c_uint64(1 << PAGE_SHIFT), ctypes.c_uint64(2 << PAGE_SHIFT))
        self._flush_wanted = True

    # --- running

    def run(self, handler: TrapHandler) -> None:
        """See `Cpu.run`."""
        self._handler = handler
        self._stopping = False
        if self._native is None:
            self._run(handler)
            return
        self._native.running.value = 1
        try:
            self._run(handler)
        finally:
            self._native.running.value = 0

    def _run(self, handler: TrapHandler) -> None:
        engine = self._engine
        if self._count_wanted != self.counting:
            self._set_counting(self._count_wanted)
        while not self._stopping:
            engine.restore()
            if self._flush_wanted:
                self._write_cr3()
            engine.write(lu.EFLAGS, engine.read(lu.EFLAGS))  # uc_emu_start takes them from the flags register
            status = self._start()(engine.handle, self.gpr[RIP], NO_EXIT, 0, 0)
            refused, self._refused = self._refused, 0
            if refused:
                self._take_back(handler)
            else:
                engine.save()
                self._eflags[0] &= ~ARITHMETIC_FLAGS  # and has put them there; hooks find them elsewhere
            self._in_flight[0] = -1
            if self._failure is not None:
                failure, self._failure = self._failure, None
                raise failure
            if status:
                raise KernelBug(f"CPU stopped: {engine.lib.uc_strerror(status).decode()} at {self.gpr[RIP]:#x}")
            if refused:
                handler.fault(refused, 0, NO_ADDRESS)
            elif self._count_wanted != self.counting:
                self._set_counting(self._count_wanted)
            elif not self._stopping:
                handler.quantum()

    def _start(self) -> Any:
        """uc_emu_start: with the interpreter's lock while blocks are counted, for then the CPU soon comes back.

        Without, a watchdog has to be able to run, which stops the CPU when the host has a signal for us.
        """
        if self.counting:
            return self._engine.lib.uc_emu_start
        if self._watchdog is None:
            period = LONE_PERIOD if self.repeatable else UNCOUNTED_PERIOD
            self._watchdog = Watchdog(self, self._engine.free.uc_emu_stop, self._engine.handle, period)
        return self._engine.free.uc_emu_start

    def count_blocks(self, wanted: bool) -> None:
        """See `Cpu.count_blocks`."""
        wanted = wanted and self.repeatable
        if wanted != self._count_wanted:
            self._count_wanted = wanted
            self._engine.lib.uc_emu_stop(self._engine.handle)

    def _set_counting(self, on: bool) -> None:
        """Add or remove the block hook; code is translated anew, with it or without."""
        engine = self._engine
        if on and self._native is not None:
            engine.hook(lu.UC_HOOK_BLOCK, self._native.block_counter, ctypes.byref(self.quantum_struct))
        elif self.counting:
            engine.unhook()
        self.counting = on
        self.flush_code()

    def stop(self) -> None:
        """See `Cpu.stop`."""
        self._stopping = True
        self._engine.lib.uc_emu_stop(self._engine.handle)

    def set_quantum(self, blocks: int) -> None:
        """See `Cpu.set_quantum`."""
        self._counted += self._granted - self.quantum_struct.left
        self._granted = blocks
        self.quantum_struct.left = blocks

    def blocks(self) -> int:
        """See `Cpu.blocks`."""
        return self._counted + self._granted - int(self.quantum_struct.left)


class _Nobody:
    """A trap handler that does nothing."""

    def syscall(self) -> None:
        """See `TrapHandler.syscall`."""

    def fault(self, vector: int, error: int, address: int) -> None:
        """See `TrapHandler.fault`."""

    def quantum(self) -> None:
        """See `TrapHandler.quantum`."""


class Watchdog:
    """A thread that stops the CPU now and then while nothing else would, so that Python's signal handlers run."""

    def __init__(self, cpu: UnicornCpu, stop: Any, handle: Any, period: float) -> None:
        import threading

        self._cpu = cpu
        self._stop = stop
        self._handle = handle
        self._period = period
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        import time

        while self._handle:
            time.sleep(self._period)
            if not self._cpu.counting:
                self._stop(self._handle)


class _FaultProbe:
    """Causes faults whose vector and error code are known and looks where the context changed."""

    CODE, DATA = 0x400000, 0x401000

    def __init__(self, cpu: UnicornCpu, ram: Ram) -> None:
        self._cpu = cpu
        self._engine = cpu._engine
        self._ram = ram
        self._seen: list[bytes] = []

    def syscall(self) -> None:
        """Not reached."""

    def quantum(self) -> None:
        """Not reached."""

    def find(self) -> tuple[int, int]:
        """Offsets of the exception in flight (-1 when none) and of the error code."""
        ram, tables = self._ram, [2, 3, 4, 5]
        for table, lower in pairwise(tables):
            ram.words[table * 512 + (2 if table == 4 else 0)] = lower << PAGE_SHIFT | 7
        ram.words[5 * 512] = 6 << PAGE_SHIFT | 5
        ram.words[5 * 512 + 1] = 7 << PAGE_SHIFT | 5 | 1 << 63
        cases = ((b"\xc7\x03\0\0\0\0", 0x600000, 6), (b"\x8b\x03\x90\x90\x90\x90", 0x600000, 4),
                 (b"\xff\xe3\x90\x90\x90\x90", self.DATA, 0x15))  # fmt: skip
        self._quiet = quiet = self._engine.snapshot()
        for at, (code, target, _) in enumerate(cases):
            ram.bytes[0x6000 + at * 8 : 0x6000 + at * 8 + len(code)] = code
            self._one(self.CODE + at * 8, target)
        for frame in range(2, 8):
            ram.bytes[frame << PAGE_SHIFT : (frame + 1) << PAGE_SHIFT] = bytes(1 << PAGE_SHIFT)
        self._engine.state[:] = quiet
        self._engine.restore()
        self._cpu.flush_code()
        flight = [i for i in range(0, len(quiet) - 3, 4) if quiet[i : i + 4] == b"\xff" * 4
                  and all(seen[i : i + 4] == b"\x0e\0\0\0" for seen in self._seen)]  # fmt: skip
        errors = [i for i in range(0, len(quiet) - 3, 4)
                  if all(int.from_bytes(seen[i : i + 4], "little") == case[2]
                         for seen, case in zip(self._seen, cases, strict=True))]  # fmt: skip
        if len(flight) != 1 or len(errors) != 1:
            raise _refuse("the exception in flight and its error code")
        return flight[0], errors[0]

    def _one(self, rip: int, rbx: int) -> None:
        """Run one faulting instruction from a quiet CPU."""
        engine, cpu = self._engine, self._cpu
        engine.state[:] = self._quiet
        engine.restore()
        engine.write(lu.CR3, 2 << PAGE_SHIFT)
        engine.write(lu.GENERAL[3], rbx)
        cpu._handler = self
        cpu._in_flight = memoryview(bytearray(4)).cast("i")
        cpu._error = memoryview(bytearray(4)).cast("I")
        engine.lib.uc_emu_start(engine.handle, rip, NO_EXIT, 0, 0)

    def fault(self, vector: int, _error: int, _address: int) -> None:
        """Record the context and stop."""
        if vector == PAGE_FAULT:
            self._seen.append(self._engine.state.tobytes())
        self._engine.lib.uc_emu_stop(self._engine.handle)
