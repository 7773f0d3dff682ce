"""ELF: what an executable file's headers say, read once per file content.

`parse_elf` turns the file's first bytes into an `ElfImage`, or raises SysError(ENOEXEC) where Linux's
load_elf_binary refuses before the old program is given up. The result holds only facts of the file and is
shared by all who execute it. See elf(5).
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import NamedTuple

from forkernel.abi.errno import ENOEXEC
from forkernel.errors import SysError

ELFMAG = b"\x7fELF"
ELFCLASS64 = 2
ET_EXEC = 2
ET_DYN = 3
PT_LOAD = 1
PT_INTERP = 3
PT_GNU_STACK = 0x6474E551
PF_X = 1
PF_W = 2
PF_R = 4

EHDR_SIZE = 64
PHDR_SIZE = 56
PHDRS_MAX_SIZE = 65536
"""Largest program header table that is read (Linux: load_elf_phdrs)."""

# auxiliary vector, getauxval(3)
AT_NULL = 0
AT_EXECFD = 2
AT_PHDR = 3
AT_PHENT = 4
AT_PHNUM = 5
AT_PAGESZ = 6
AT_BASE = 7
AT_FLAGS = 8
AT_ENTRY = 9
AT_UID = 11
AT_EUID = 12
AT_GID = 13
AT_EGID = 14
AT_PLATFORM = 15
AT_HWCAP = 16
AT_CLKTCK = 17
AT_SECURE = 23
AT_RANDOM = 25
AT_HWCAP2 = 26
AT_RSEQ_FEATURE_SIZE = 27
AT_RSEQ_ALIGN = 28
AT_EXECFN = 31
AT_MINSIGSTKSZ = 51

AT_VECTOR_SIZE = 24
"""Pairs kept in mm.saved_auxv, AT_NULL and spare ones included: what /proc/PID/auxv shows."""

_EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
_PHDR = struct.Struct("<IIQQQQQQ")


class Ehdr(NamedTuple):
    """Elf64_Ehdr."""

    e_ident: bytes
    e_type: int
    e_machine: int
    e_version: int
    e_entry: int
    e_phoff: int
    e_shoff: int
    e_flags: int
    e_ehsize: int
    e_phentsize: int
    e_phnum: int
    e_shentsize: int
    e_shnum: int
    e_shstrndx: int


class Phdr(NamedTuple):
    """Elf64_Phdr."""

    p_type: int
    p_flags: int
    p_offset: int
    p_vaddr: int
    p_paddr: int
    p_filesz: int
    p_memsz: int
    p_align: int


class ElfImage(NamedTuple):
    """The headers of an executable or of its interpreter. Addresses are the file's own, before any bias."""

    e_type: int
    e_entry: int
    e_phnum: int
    phdr_addr: int
    """Address of the program headers in memory, 0 if no segment holds them (AT_PHDR)."""
    loads: tuple[Phdr, ...]
    """PT_LOAD segments in file order."""
    interp: Phdr | None
    """The first PT_INTERP."""
    stack_flags: int | None
    """p_flags of the last PT_GNU_STACK; None: the file has none."""
    alignment: int
    """Largest power-of-two p_align of a PT_LOAD, at least a page."""
    stack_size: int = 0
    """p_memsz of the last PT_GNU_STACK: what the program wants where stacks do not grow; 0: it does not say."""


def read_ehdr(head: bytes) -> Ehdr | None:
    """The ELF header at the start of a file, None if it has no ELF magic or is cut short."""
    if len(head) < EHDR_SIZE or head[:4] != ELFMAG:
        return None
    return Ehdr(*_EHDR.unpack_from(head))


def phdr_table_size(ehdr: Ehdr) -> int:
    """Bytes of program headers; ENOEXEC for an entry size not ours or a table too small or too large."""
    size = ehdr.e_phnum * PHDR_SIZE
    if ehdr.e_phentsize != PHDR_SIZE or not 0 < size <= PHDRS_MAX_SIZE:
        raise SysError(ENOEXEC)
    return size


def maximum_alignment(loads: tuple[Phdr, ...]) -> int:
    """Largest sane p_align: powers of two only, 4096 at least (Linux: maximum_alignment)."""
    best = 4096
    for phdr in loads:
        align = phdr.p_align
        if align > best and align & (align - 1) == 0:
            best = align
    return best


@lru_cache(maxsize=512)
def parse_elf(header: bytes, table: bytes) -> ElfImage:
    """An image from the 64-byte ELF header and the program header table; cached by content.

    Checks nothing but the table: type and machine are the caller's to judge.
    """
    ehdr = Ehdr(*_EHDR.unpack(header))
    loads, interp, stack_flags, stack_size, phdr_addr = [], None, None, 0, 0
    for at in range(0, len(table), PHDR_SIZE):
        phdr = Phdr(*_PHDR.unpack_from(table, at))
        if phdr.p_type == PT_LOAD:
            loads.append(phdr)
            if phdr.p_offset <= ehdr.e_phoff < phdr.p_offset + phdr.p_filesz:
                phdr_addr = ehdr.e_phoff - phdr.p_offset + phdr.p_vaddr
        elif phdr.p_type == PT_INTERP and interp is None:
            interp = phdr
        elif phdr.p_type == PT_GNU_STACK:
            stack_flags, stack_size = phdr.p_flags, phdr.p_memsz
    found = tuple(loads)
    return ElfImage(
        ehdr.e_type,
        ehdr.e_entry,
        ehdr.e_phnum,
        phdr_addr,
        found,
        interp,
        stack_flags,
        maximum_alignment(found),
        stack_size,
    )
