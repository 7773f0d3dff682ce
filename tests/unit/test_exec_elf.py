"""ELF headers: what is read, what is refused."""

from __future__ import annotations

import struct

import pytest

from forkernel.abi.elf import (
    EHDR_SIZE,
    ET_DYN,
    PHDR_SIZE,
    PT_GNU_STACK,
    PT_INTERP,
    PT_LOAD,
    parse_elf,
    phdr_table_size,
    read_ehdr,
)
from forkernel.abi.errno import EINVAL, ENOEXEC
from forkernel.errors import SysError
from forkernel.kernel.binfmt_elf import extent_of


def header(phnum: int, phentsize: int = PHDR_SIZE, phoff: int = EHDR_SIZE) -> bytes:
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    return struct.pack("<16sHHIQQQIHHHHHH", ident, ET_DYN, 62, 1, 0x1040, phoff, 0, 0, 64, phentsize, phnum, 0, 0, 0)


def phdr(kind: int, flags: int, offset: int, vaddr: int, filesz: int, memsz: int, align: int = 4096) -> bytes:
    return struct.pack("<IIQQQQQQ", kind, flags, offset, vaddr, vaddr, filesz, memsz, align)


TEXT = phdr(PT_LOAD, 5, 0, 0, 0x1800, 0x1800)
DATA = phdr(PT_LOAD, 6, 0x1800, 0x2800, 0x100, 0x3000, 0x200000)


def test_segments_interpreter_and_stack_are_found() -> None:
    table = phdr(PT_INTERP, 4, 0x318, 0x318, 28, 28) + TEXT + DATA + phdr(PT_GNU_STACK, 7, 0, 0, 0, 0)
    image = parse_elf(header(4), table)
    assert [load.p_vaddr for load in image.loads] == [0, 0x2800]
    assert image.interp is not None
    assert image.interp.p_offset == 0x318
    assert image.stack_flags == 7
    assert image.phdr_addr == EHDR_SIZE
    assert image.alignment == 0x200000


def test_no_stack_header_is_told_apart_from_one() -> None:
    assert parse_elf(header(1), TEXT).stack_flags is None


def test_an_alignment_that_is_no_power_of_two_is_ignored() -> None:
    assert parse_elf(header(1), phdr(PT_LOAD, 5, 0, 0, 8, 8, 0x3000)).alignment == 4096


@pytest.mark.parametrize(("phnum", "phentsize"), [(0, PHDR_SIZE), (1, PHDR_SIZE - 1), (1171, PHDR_SIZE)])
def test_a_program_header_table_of_the_wrong_size_is_enoexec(phnum: int, phentsize: int) -> None:
    ehdr = read_ehdr(header(phnum, phentsize))
    assert ehdr is not None
    with pytest.raises(SysError) as error:
        phdr_table_size(ehdr)
    assert error.value.errno == ENOEXEC


def test_a_file_without_magic_or_cut_short_has_no_header() -> None:
    assert read_ehdr(b"#!/bin/sh\n" * 10) is None
    assert read_ehdr(header(1)[:63]) is None


def test_the_extent_of_an_image() -> None:
    extent = extent_of(parse_elf(header(2), TEXT + DATA).loads)
    assert (extent.start, extent.size) == (0, 0x5800)
    assert (extent.start_code, extent.end_code) == (0, 0x1800)
    assert (extent.start_data, extent.end_data, extent.brk) == (0x2800, 0x2900, 0x5800)


@pytest.mark.parametrize(
    "bad",
    [
        phdr(PT_LOAD, 5, 0, 0x7FFFFFFFFFF0, 8, 8),
        phdr(PT_LOAD, 5, 0, 0, 9, 8),
        phdr(PT_LOAD, 5, 0, 0x1000, 8, 0x7FFFFFFFFFFF),
    ],
)
def test_a_segment_that_cannot_be_in_user_space_is_einval(bad: bytes) -> None:
    with pytest.raises(SysError) as error:
        extent_of(parse_elf(header(1), bad).loads)
    assert error.value.errno == EINVAL
