"""A CPU that plays scripts instead of machine code: the fake of `hw.protocol.Cpu` for tests.

A `Script` is a program: a list of steps and labels, laid out from `base` as if every step were one
instruction of two bytes. RIP says which step is next, so a fork goes on where its parent is, an exec starts
another script, a restarted call goes back by two, and a signal handler is a label. Everything a step changes
is in the live image or in memory, as on a real CPU.

Memory is reached through the page tables in RAM, with a TLB that keeps translations until it is flushed: a
flush that the kernel forgets shows. Each step counts as one block of the quantum, `Spin` as many.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from forkernel.hw.protocol import PAGE_FAULT, PF_INSTR, PF_PROT, PF_USER, PF_WRITE, RCX, RIP, RSP, FpuState, TrapHandler
from forkernel.hw.ram import PAGE_SHIFT, Ram

STEP_SIZE = 2
MASK64 = 0xFFFF_FFFF_FFFF_FFFF
UNLIMITED = 1 << 62
UNCOUNTED_STEPS = 100_000
"""While blocks are not counted, so many of them make the quantum trap that a watchdog would cause."""
USER_FLAGS = 0x254DD5
PRESENT, WRITABLE, USER, NO_EXECUTE = 1, 2, 4, 1 << 63
FRAME_BITS = 0xFF_FFFF_FFFF

REGISTERS = ("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", *(f"r{i}" for i in range(8, 16)), "rip")
ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")

Operand = int | str
"""A number, the name of a register, or a label (its address)."""


# --- steps


@dataclass(frozen=True, slots=True)
class Call:
    """A system call; its result is in rax afterwards."""

    number: int
    arguments: tuple[Operand, ...] = ()


@dataclass(frozen=True, slots=True)
class Set:
    """register = value."""

    register: str
    value: Operand


@dataclass(frozen=True, slots=True)
class Add:
    """register += value, modulo 2**64."""

    register: str
    value: Operand


@dataclass(frozen=True, slots=True)
class Load:
    """register = the 64-bit word at an address."""

    register: str
    address: Operand


@dataclass(frozen=True, slots=True)
class Store:
    """The 64-bit word at an address = value."""

    address: Operand
    value: Operand


@dataclass(frozen=True, slots=True)
class Jump:
    """Go to a label; with `register` only if it holds `value`."""

    label: str
    register: str | None = None
    value: int = 0


@dataclass(frozen=True, slots=True)
class Return:
    """Pop the address to go on at, as the end of a signal handler does."""


@dataclass(frozen=True, slots=True)
class Spin:
    """Run rcx blocks of user code; rcx counts down, so that it goes on after an interruption (like `rep`)."""


@dataclass(frozen=True, slots=True)
class Trap:
    """Raise an exception at this step."""

    vector: int
    error: int = 0
    address: int = 0


Step = Call | Set | Add | Load | Store | Jump | Return | Spin | Trap


def work(blocks: int) -> list[Step]:
    """Steps for `blocks` blocks of user code; rcx is lost."""
    return [Set("rcx", blocks), Spin()]


class Script:
    """A program: steps, and strings that are labels of the step after them. Lists of steps are taken apart."""

    def __init__(self, items: Iterable[Step | str | list[Step]], base: int = 0x400000) -> None:
        self.base = base
        self.steps: list[Step] = []
        self.labels: dict[str, int] = {}
        for item in items:
            if isinstance(item, str):
                self.labels[item] = self.end
            elif isinstance(item, list):
                self.steps.extend(item)
            else:
                self.steps.append(item)

    @property
    def end(self) -> int:
        """Address after the last step."""
        return self.base + len(self.steps) * STEP_SIZE


# --- the processor


class Quantum:
    """`left`: blocks until the quantum trap; below 0 when it is due."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = UNLIMITED


class _Fault(Exception):
    """A step cannot reach memory: page-fault error code and address."""

    def __init__(self, error: int, address: int) -> None:
        super().__init__(error, address)
        self.error = error
        self.address = address


_FPU = struct.Struct("<HH8sI128s256s")
_BASES = {"fs_base": 18 * 8, "gs_base": 19 * 8}
_FLAGS_AT, _FPU_AT = 17 * 8, 20 * 8
IMAGE_SIZE = _FPU_AT + _FPU.size


class ScriptedCpu:
    """The processor of a machine whose programs are `scripts` (see `forkernel.hw.protocol.Cpu`).

    `registers`, `arguments` and `number` name the words of an image and those that hold a call's arguments and its
    number: another architecture's, for tests of how calls come in. `trace`, if set, is called with the address of
    each step before it runs.
    """

    repeatable = True

    def __init__(
        self,
        ram: Ram,
        scripts: Sequence[Script],
        *,
        registers: Sequence[str] = REGISTERS,
        arguments: Sequence[str] = ARGUMENTS,
        number: str = "rax",
    ) -> None:
        self._ram = ram
        self._registers = {name: index for index, name in enumerate(registers) if name}
        self._arguments = [self._registers[name] for name in arguments]
        self._number = self._registers[number]
        self._code: dict[int, tuple[Step, Script]] = {}
        for script in scripts:
            for index, step in enumerate(script.steps):
                self._code[script.base + index * STEP_SIZE] = (step, script)
        self.live = memoryview(bytearray(self.new_image()))
        self.gpr = self.gpr_of(self.live)
        self.quantum_struct = Quantum()
        self.counting = True
        self.trace: Callable[[int], None] | None = None
        self.code_flushes = 0
        self._granted = UNLIMITED
        self._counted = 0
        self._uncounted = 0
        self._count_wanted = True
        self._stopping = False
        self._pgd = 0
        self._tlb: dict[int, int] = {}
        self._actions: dict[type, Callable[[Any, Script], int | None]] = {
            Set: self._set, Add: self._add, Load: self._load, Store: self._store, Jump: self._jump,
            Return: self._return,
        }  # fmt: skip

    # --- images: 17 words of registers, the flags, the two segment bases, the FPU

    def new_image(self) -> bytearray:
        """See `Cpu.new_image`."""
        image = bytearray(IMAGE_SIZE)
        _FPU.pack_into(image, _FPU_AT, 0x37F, 0, b"\1" * 8, 0x1F80, b"", b"")
        self.write_flags(image, 0)
        return image

    def gpr_of(self, image: Any) -> memoryview:
        """See `Cpu.gpr_of`."""
        return memoryview(image)[: 17 * 8].cast("Q")

    def read_flags(self, image: Any) -> int:
        """See `Cpu.read_flags`."""
        return int.from_bytes(image[_FLAGS_AT : _FLAGS_AT + 8], "little")

    def write_flags(self, image: Any, value: int) -> None:
        """See `Cpu.write_flags`."""
        image[_FLAGS_AT : _FLAGS_AT + 8] = (value & USER_FLAGS | 0x202).to_bytes(8, "little")

    def change_flags(self, image: Any, mask: int, value: int) -> None:
        """See `Cpu.change_flags`."""
        self.write_flags(image, self.read_flags(image) & ~mask | value & mask)

    def read_base(self, image: Any, name: str) -> int:
        """See `Cpu.read_base`."""
        at = _BASES[name]
        return int.from_bytes(image[at : at + 8], "little")

    def write_base(self, image: Any, name: str, value: int) -> None:
        """See `Cpu.write_base`."""
        at = _BASES[name]
        image[at : at + 8] = (value & MASK64).to_bytes(8, "little")

    def read_fpu(self, image: Any) -> FpuState:
        """See `Cpu.read_fpu`."""
        return FpuState(*_FPU.unpack_from(image, _FPU_AT))

    def write_fpu(self, image: Any, state: FpuState) -> None:
        """See `Cpu.write_fpu`."""
        _FPU.pack_into(image, _FPU_AT, *state)

    def export_image(self, image: Any) -> dict[str, Any]:
        """See `Cpu.export_image`."""
        return {"image": bytes(image)}

    def import_image(self, state: dict[str, Any]) -> bytearray:
        """See `Cpu.import_image`."""
        return bytearray(state["image"])

    # --- what the kernel sets

    def set_pgd(self, pgd: int) -> None:
        """See `Cpu.set_pgd`."""
        if pgd != self._pgd:
            self._pgd = pgd
            self._tlb.clear()

    def load(self, image: bytearray, pgd: int) -> None:
        """See `Cpu.load`."""
        self.live[:] = image
        self.set_pgd(pgd)

    def flush_tlb(self) -> None:
        """See `Cpu.flush_tlb`."""
        self._tlb.clear()

    def flush_code(self) -> None:
        """See `Cpu.flush_code`."""
        self.code_flushes += 1

    def flush_frame(self, frame: int) -> None:
        """See `Cpu.flush_frame`."""
        self.code_flushes += 1

    def stop(self) -> None:
        """See `Cpu.stop`."""
        self._stopping = True

    def set_quantum(self, blocks: int) -> None:
        """See `Cpu.set_quantum`."""
        self._counted = self.blocks()
        self._granted = self.quantum_struct.left = blocks

    def count_blocks(self, wanted: bool) -> None:
        """See `Cpu.count_blocks`."""
        self._count_wanted = wanted

    def blocks(self) -> int:
        """See `Cpu.blocks`."""
        return self._counted + self._granted - self.quantum_struct.left

    # --- running

    def run(self, handler: TrapHandler) -> None:
        """See `Cpu.run`."""
        self._stopping = False
        while not self._stopping:
            self.counting = self._count_wanted
            if self.quantum_struct.left < 0 or self._uncounted >= UNCOUNTED_STEPS:
                self._uncounted = 0
                handler.quantum()
            else:
                self._step(handler)

    def _spend(self, blocks: int) -> int:
        """Count blocks, at most those until `left` is below 0, the next quantum trap; how many it were."""
        if not self.counting:
            blocks = min(blocks, UNCOUNTED_STEPS - self._uncounted)
            self._uncounted += blocks
            return blocks
        blocks = min(blocks, self.quantum_struct.left + 1)
        self.quantum_struct.left -= blocks
        return blocks

    def _step(self, handler: TrapHandler) -> None:
        """Run one step, or cause its trap."""
        gpr = self.gpr
        at = gpr[RIP]
        found = self._code.get(at)
        if found is None:
            handler.fault(PAGE_FAULT, PF_USER | PF_INSTR, at)
            return
        step, script = found
        if self.trace is not None:
            self.trace(at)
        if isinstance(step, Spin):
            gpr[RCX] -= self._spend(gpr[RCX])
            if gpr[RCX] == 0:
                gpr[RIP] = at + STEP_SIZE
            return
        try:
            self._translate(at, PF_INSTR)
            self._spend(1)
            if isinstance(step, Call):
                self._call(step, script)
                handler.syscall()
            elif isinstance(step, Trap):
                handler.fault(step.vector, step.error, step.address)
            else:
                target = self._actions[type(step)](step, script)
                gpr[RIP] = at + STEP_SIZE if target is None else target
        except _Fault as fault:
            handler.fault(PAGE_FAULT, fault.error, fault.address)

    def _value(self, operand: Operand, script: Script) -> int:
        if isinstance(operand, int):
            return operand & MASK64
        if operand in script.labels:
            return script.labels[operand]
        value: int = self.gpr[self._registers[operand]]
        return value

    def _call(self, step: Call, script: Script) -> None:
        values = [self._value(argument, script) for argument in step.arguments]
        for index, value in zip(self._arguments, values, strict=False):
            self.gpr[index] = value
        self.gpr[self._number] = step.number
        self.gpr[RIP] += STEP_SIZE

    def _set(self, step: Set, script: Script) -> None:
        self.gpr[self._registers[step.register]] = self._value(step.value, script)

    def _add(self, step: Add, script: Script) -> None:
        index = self._registers[step.register]
        self.gpr[index] = self.gpr[index] + self._value(step.value, script) & MASK64

    def _load(self, step: Load, script: Script) -> None:
        word = self._translate(self._value(step.address, script), 0)
        self.gpr[self._registers[step.register]] = self._ram.words[word]

    def _store(self, step: Store, script: Script) -> None:
        word = self._translate(self._value(step.address, script), PF_WRITE)
        self._ram.words[word] = self._value(step.value, script)

    def _jump(self, step: Jump, script: Script) -> int | None:
        if step.register is None or self.gpr[self._registers[step.register]] == step.value & MASK64:
            return script.labels[step.label]
        return None

    def _return(self, _step: Return, _script: Script) -> int:
        sp = self.gpr[RSP]
        target: int = self._ram.words[self._translate(sp, 0)]
        self.gpr[RSP] = sp + 8
        return target

    # --- memory

    def _translate(self, address: int, access: int) -> int:
        """Index in RAM of the 64-bit word at a user address (rounded down), or _Fault."""
        page = address >> PAGE_SHIFT
        entry = self._tlb.get(page, 0)
        error = _refusal(entry, access)
        if error is not None:
            entry = self._walk(address)
            error = _refusal(entry, access)
            if error is not None:
                self._tlb.pop(page, None)
                raise _Fault(error, address)
            self._tlb[page] = entry
        return (entry >> PAGE_SHIFT & FRAME_BITS) * 512 + (address >> 3 & 511)

    def _walk(self, address: int) -> int:
        """The leaf entry, with the permissions that all four levels give; 0 if there is none."""
        words, table, allowed, entry = self._ram.words, self._pgd, WRITABLE | USER, 0
        if address >> 47:
            return 0
        for shift in (39, 30, 21, 12):
            entry = words[table * 512 + (address >> shift & 511)]
            if not entry & PRESENT:
                return 0
            allowed &= entry
            table = entry >> PAGE_SHIFT & FRAME_BITS
        return entry & ~(WRITABLE | USER) | allowed


def _refusal(entry: int, access: int) -> int | None:
    """Error code of the page fault that an access (PF_WRITE, PF_INSTR or 0) causes; None if it is allowed."""
    if not entry & PRESENT:
        return PF_USER | access
    refused = not entry & USER or (access == PF_WRITE and not entry & WRITABLE)
    if refused or (access == PF_INSTR and entry & NO_EXECUTE):
        return PF_USER | PF_PROT | access
    return None
