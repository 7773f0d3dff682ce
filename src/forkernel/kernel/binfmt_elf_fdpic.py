"""ELF programs on a machine without an MMU (Linux: fs/binfmt_elf_fdpic.c).

Without translation a program runs wherever there is room for it, so it must be position-independent: a static
PIE, or a PIE and its interpreter. Its segments keep their distances (Linux: constant displacement), hence
they are one run of memory, read in at once. The stack has a fixed size, that of PT_GNU_STACK or 128 KiB, and
lies in a run of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import EINVAL
from forkernel.errors import SysError
from forkernel.kernel.binfmt_elf import create_elf_tables, extent_of, kernel_read
from forkernel.mm.layout import page_align
from forkernel.mm.vma import VM_EXEC, VM_READ, VM_WRITE

if TYPE_CHECKING:
    from forkernel.abi.elf import ElfImage
    from forkernel.fs.file import File
    from forkernel.kernel.binfmt_elf import ElfProgram
    from forkernel.kernel.exec import Bprm
    from forkernel.kernel.task import Task
    from forkernel.mm.nommu import NommuMm

DEFAULT_STACK = 131072
"""Bytes of stack for a program that says nothing about it."""


def load_elf_fdpic_binary(task: Task, bprm: Bprm, program: ElfProgram, mm: NommuMm) -> tuple[int, int]:
    """Fill the list of areas `mm` of a new program; its entry point and stack pointer. ENOMEM, EINVAL, EIO."""
    image = program.image
    bias = load_constdisp(mm, bprm.file, image)
    note_code_and_data(mm, image, bias)
    interp_base, entry = 0, image.e_entry + bias
    if program.interp_file is not None and program.interp_image is not None:
        interp_base = load_constdisp(mm, program.interp_file, program.interp_image)
        entry = program.interp_image.e_entry + interp_base
    stack = mm.flat.alloc(max(page_align(image.stack_size or DEFAULT_STACK), page_align(len(bprm.strings))))
    mm.add(stack, VM_READ | VM_WRITE)
    mm.start_brk = mm.brk = stack.start
    mm.start_stack = stack.end
    mm.write(stack.end - len(bprm.strings), bprm.strings)
    sp = create_elf_tables(task, bprm, image, mm, stack.end, bias, interp_base, None)
    return entry, sp


def load_constdisp(mm: NommuMm, file: File, image: ElfImage) -> int:
    """Read all segments into one run of memory, their distances kept; the load bias."""
    if not image.loads:
        raise SysError(EINVAL)
    extent = extent_of(image.loads)
    region = mm.flat.alloc(extent.size)
    mm.add(region, VM_READ | VM_WRITE | VM_EXEC)
    bias = region.start - extent.start
    for phdr in image.loads:
        if phdr.p_filesz:
            mm.write(phdr.p_vaddr + bias, kernel_read(file, phdr.p_offset, phdr.p_filesz))
    return bias


def note_code_and_data(mm: NommuMm, image: ElfImage, bias: int) -> None:
    """Where code and data are, for /proc."""
    extent = extent_of(image.loads)
    mm.start_code = extent.start_code + bias
    mm.end_code = extent.end_code + bias
    mm.start_data = extent.start_data + bias
    mm.end_data = extent.end_data + bias
