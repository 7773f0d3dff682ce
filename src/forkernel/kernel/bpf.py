"""Classic BPF as seccomp uses it: checking a program and running it (Linux: net/core/filter.c, kernel/seccomp.c;
Documentation/networking/filter.rst, seccomp(2)).

A program is a tuple of `(code, jt, jf, k)`. It loads 32-bit words of the 64 bytes of struct seccomp_data, computes with
an accumulator A, an index X and sixteen words of memory M, and returns a number. It only ever jumps forward.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from forkernel.abi.errno import EINVAL
from forkernel.errors import SysError

BPF_MAXINSNS = 4096
BPF_MEMWORDS = 16
SECCOMP_DATA_SIZE = 64
MASK32 = 0xFFFF_FFFF

LD_ABS, LD_LEN, LD_IMM, LD_MEM = 0x20, 0x80, 0x00, 0x60
LDX_LEN, LDX_IMM, LDX_MEM = 0x81, 0x01, 0x61
ST, STX = 0x02, 0x03
TAX, TXA = 0x07, 0x87
ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, NEG, XOR = 0x04, 0x14, 0x24, 0x34, 0x44, 0x54, 0x64, 0x74, 0x84, 0xA4
JA, JEQ, JGT, JGE, JSET = 0x05, 0x15, 0x25, 0x35, 0x45
RET_K, RET_A = 0x06, 0x16
BPF_X = 0x08
"""Bit of a code: the operand is X, not k."""

ALU_CODES = (ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, XOR)
JUMP_CODES = (JEQ, JGT, JGE, JSET)
ALLOWED = frozenset((
    LD_ABS, LD_LEN, LD_IMM, LD_MEM, LDX_LEN, LDX_IMM, LDX_MEM, ST, STX, TAX, TXA, NEG, JA, RET_K, RET_A,
    *ALU_CODES, *(code | BPF_X for code in ALU_CODES), *JUMP_CODES, *(code | BPF_X for code in JUMP_CODES),
))  # fmt: skip
"""What a seccomp filter may consist of."""

Instruction = tuple[int, int, int, int]
Program = tuple[Instruction, ...]
_INSTRUCTION = struct.Struct("<HBBI")


class Verdict(NamedTuple):
    """What a program returned, and whether nothing but the call's number and architecture had a part in it."""

    value: int
    constant: bool


def unpack_program(data: bytes) -> Program:
    """An array of struct sock_filter, checked; EINVAL for what no seccomp filter may be."""
    program: Program = tuple(_INSTRUCTION.iter_unpack(data))
    for at, instruction in enumerate(program):
        _check(instruction, len(program) - at - 1)
    if program[-1][0] not in (RET_K, RET_A):
        raise SysError(EINVAL)
    _check_memory(program)
    return program


def _check(instruction: Instruction, left: int) -> None:
    """One instruction, `left` before the end."""
    code, jt, jf, k = instruction
    bad = code not in ALLOWED
    bad |= code == LD_ABS and (k >= SECCOMP_DATA_SIZE or k % 4 != 0)
    bad |= code in (LD_MEM, LDX_MEM, ST, STX) and k >= BPF_MEMWORDS
    bad |= code == DIV and not k
    bad |= code in (LSH, RSH) and k >= 32
    bad |= code == JA and k >= left
    bad |= code & ~BPF_X in JUMP_CODES and (jt >= left or jf >= left)
    if bad:
        raise SysError(EINVAL)


def _check_memory(program: Program) -> None:
    """EINVAL if a word of M may be read on some path that has not written it (Linux: check_load_and_stores)."""
    everything = (1 << BPF_MEMWORDS) - 1
    written_at = [everything] * len(program)
    written = 0
    for at, (code, jt, jf, k) in enumerate(program):
        written &= written_at[at]
        if code in (ST, STX):
            written |= 1 << k
        elif code in (LD_MEM, LDX_MEM):
            if not written >> k & 1:
                raise SysError(EINVAL)
        elif code == JA:
            written_at[at + 1 + k] &= written
            written = everything
        elif code & ~BPF_X in JUMP_CODES:
            written_at[at + 1 + jt] &= written
            written_at[at + 1 + jf] &= written
            written = everything


PROLOGUE = 3


def converted_length(program: Program) -> int:
    """How many instructions Linux makes of a program for its own machine, eBPF: what counts for the limit of a thread
    (bpf_convert_filter).
    """
    return PROLOGUE + sum(map(_converted, program))


def _converted(instruction: Instruction) -> int:
    code, jt, jf, k = instruction
    if code == RET_K:
        return 2
    if code == DIV | BPF_X:
        return 5
    if code & ~BPF_X not in JUMP_CODES:
        return 1
    inverted = not jt and code & ~BPF_X != JSET
    return (1 if not jf or inverted else 2) + (not code & BPF_X and k >> 31)


def run_program(program: Program, words: tuple[int, ...]) -> Verdict:
    """Run a checked program on struct seccomp_data, given as 16 words; division by a zero X returns 0."""
    a = x = at = 0
    memory = [0] * BPF_MEMWORDS
    constant = True
    while True:
        code, jt, jf, k = program[at]
        at += 1
        if code == LD_ABS:
            a = words[k >> 2]
            constant = constant and k < 8
        elif code & 7 == 5:
            at += k if code == JA else jt if _holds(code & ~BPF_X, a, x if code & BPF_X else k) else jf
        elif code == RET_K:
            return Verdict(k, constant)
        elif code == RET_A:
            return Verdict(a, constant)
        elif code & 7 == 4:
            operand = x if code & BPF_X else k
            if code == DIV | BPF_X and not operand:
                return Verdict(0, constant)
            a = _compute(code & ~BPF_X, a, operand)
        else:
            a, x = _move(code, k, a, x, memory)


def _move(code: int, k: int, a: int, x: int, memory: list[int]) -> tuple[int, int]:
    """A and X after an instruction that only moves a number."""
    if code in (ST, STX):
        memory[k] = a if code == ST else x
    elif code in (LD_IMM, LD_MEM, LD_LEN):
        a = k if code == LD_IMM else memory[k] if code == LD_MEM else SECCOMP_DATA_SIZE
    elif code in (LDX_IMM, LDX_MEM, LDX_LEN):
        x = k if code == LDX_IMM else memory[k] if code == LDX_MEM else SECCOMP_DATA_SIZE
    elif code == TAX:
        x = a
    else:  # TXA
        a = x
    return a, x


def _holds(code: int, a: int, operand: int) -> bool:
    """The condition of a jump."""
    if code == JEQ:
        return a == operand
    if code == JGT:
        return a > operand
    if code == JGE:
        return a >= operand
    return bool(a & operand)


def _compute(code: int, a: int, operand: int) -> int:
    """A after an ALU instruction; shifts by 32 and more go by the count's low five bits, as the CPU's do."""
    if code == ADD:
        a += operand
    elif code == SUB:
        a -= operand
    elif code == MUL:
        a *= operand
    elif code == DIV:
        a //= operand
    elif code == OR:
        a |= operand
    elif code == AND:
        a &= operand
    elif code == XOR:
        a ^= operand
    elif code == LSH:
        a <<= operand & 31
    elif code == RSH:
        a >>= operand & 31
    else:  # NEG
        a = -a
    return a & MASK32
