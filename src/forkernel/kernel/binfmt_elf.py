"""ELF programs (Linux: fs/binfmt_elf.c): from an open file to an address space ready to run.

Two halves, with the point of no return between them. `read_elf_program` reads the headers of the program and
of its interpreter and refuses what it can; the old program is untouched. `load_elf_binary` then fills the new
address space: segments, interpreter, stack with argv, envp and auxiliary vector, heap; an error there ends
the process.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from forkernel.abi.elf import (
    AT_BASE,
    AT_CLKTCK,
    AT_EGID,
    AT_ENTRY,
    AT_EUID,
    AT_EXECFN,
    AT_FLAGS,
    AT_GID,
    AT_HWCAP,
    AT_HWCAP2,
    AT_NULL,
    AT_PAGESZ,
    AT_PHDR,
    AT_PHENT,
    AT_PHNUM,
    AT_PLATFORM,
    AT_RANDOM,
    AT_RSEQ_ALIGN,
    AT_RSEQ_FEATURE_SIZE,
    AT_SECURE,
    AT_UID,
    EHDR_SIZE,
    ET_DYN,
    ET_EXEC,
    PF_X,
    PHDR_SIZE,
    ElfImage,
    Phdr,
    parse_elf,
    phdr_table_size,
    read_ehdr,
)
from forkernel.abi.errno import EEXIST, EINVAL, EIO, ELIBBAD, ENOEXEC, ENOMEM, EOVERFLOW
from forkernel.abi.fcntl import AT_EMPTY_PATH, AT_FDCWD
from forkernel.abi.personality import ADDR_NO_RANDOMIZE, MMAP_PAGE_ZERO
from forkernel.arch.x86_64.elf import ARCH_DLINFO, ELF_HWCAP, ELF_HWCAP2, ELF_PLATFORM, EM_X86_64
from forkernel.errors import SysError
from forkernel.fs.file import MAX_LFS_FILESIZE
from forkernel.kernel.task import PF_RANDOMIZE
from forkernel.mm.layout import (
    ELF_ET_DYN_BASE,
    TASK_SIZE,
    arch_mmap_rnd,
    arch_randomize_brk,
    get_unmapped_area,
    mmap_base,
    page_align,
    randomize_stack_top,
)
from forkernel.mm.mmap import (
    VM_DATA_FLAGS,
    VM_MAYALL,
    expand_stack,
    may_expand_vm,
    mmap_region,
    setup_arg_pages,
    vm_brk_flags,
)
from forkernel.mm.vma import PAGE_MASK, PAGE_SHIFT, PAGE_SIZE, VM_ACCOUNT, VM_EXEC, VM_READ, VM_WRITE, Vma

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.kernel.exec import Bprm
    from forkernel.kernel.exec_image import ExecImage
    from forkernel.kernel.task import Task
    from forkernel.mm.mm_struct import MmStruct

PATH_MAX = 4096
OFFSET = PAGE_SIZE - 1
RSEQ_FEATURE_SIZE = 28
RSEQ_ALIGN = 32
USER_HZ = 100
STACK_ALIGN_RANDOM = 8192
"""Bytes of the stack pointer's own randomness (Linux: arch_align_stack)."""


class ElfProgram(NamedTuple):
    """What read_elf_program found; `interp_file` is held open."""

    image: ElfImage
    interp_file: File | None
    interp_image: ElfImage | None


# --- before the point of no return


def read_elf_program(task: Task, file: File, head: bytes) -> ElfProgram:
    """The headers of `file`, whose first bytes are `head`, and of its interpreter.

    ENOEXEC: no ELF program for this machine. ELIBBAD, EIO, or an errno of open: the interpreter.
    """
    ehdr = read_ehdr(head)
    if ehdr is None or ehdr.e_type not in (ET_EXEC, ET_DYN) or ehdr.e_machine != EM_X86_64:
        raise SysError(ENOEXEC)
    if task.system.flat is not None and ehdr.e_type != ET_DYN:
        raise SysError(ENOEXEC)  # without an MMU a program must run wherever there is room
    image = load_elf_phdrs(file, head, ENOEXEC)
    if image.interp is None:
        return ElfProgram(image, None, None)
    interp_file = open_interp(task, file, image.interp, head)
    try:
        interp_image = read_interp(interp_file)
    except SysError:
        interp_file.put()
        raise
    return ElfProgram(image, interp_file, interp_image)


def load_elf_phdrs(file: File, head: bytes, error: int) -> ElfImage:
    """The image of a file whose ELF header starts `head`; `error` where its program headers are bad."""
    ehdr = read_ehdr(head)
    try:
        if ehdr is None:
            raise SysError(error)
        size = phdr_table_size(ehdr)
        table = head[ehdr.e_phoff : ehdr.e_phoff + size]
        if len(table) < size:
            table = kernel_read(file, ehdr.e_phoff, size)
        file.inode.get_mapping()
    except SysError:
        raise SysError(error) from None
    return parse_elf(head[:EHDR_SIZE], table)


def kernel_read(file: File, offset: int, count: int) -> bytes:
    """Exactly `count` bytes of a file, whoever may read it; EIO for fewer (Linux: elf_read)."""
    if offset >= 1 << 63:
        raise SysError(EINVAL)
    data: bytes = file.inode.pread(offset, count)
    if len(data) != count:
        raise SysError(EIO)
    return data


def open_interp(task: Task, file: File, interp: Phdr, head: bytes) -> File:
    """Open the file that PT_INTERP names; ENOEXEC for a bad name."""
    size, offset = interp.p_filesz, interp.p_offset
    if not 2 <= size <= PATH_MAX:
        raise SysError(ENOEXEC)
    name = head[offset : offset + size]
    if len(name) < size:
        name = kernel_read(file, offset, size)
    if name[-1]:
        raise SysError(ENOEXEC)
    path = name[: name.index(0)]
    opened: File = task.system.vfs.open_exec(task, AT_FDCWD, path, 0 if path else AT_EMPTY_PATH)
    return opened


def read_interp(file: File) -> ElfImage:
    """The headers of the interpreter: EIO if it is too short for any, ELIBBAD if they are not ours."""
    head: bytes = file.inode.pread(0, 1024)
    if len(head) < EHDR_SIZE:
        raise SysError(EIO)
    ehdr = read_ehdr(head)
    if ehdr is None or ehdr.e_machine != EM_X86_64:
        raise SysError(ELIBBAD)
    return load_elf_phdrs(file, head, ELIBBAD)


# --- after it


def load_elf_binary(
    task: Task, bprm: Bprm, program: ElfProgram, mm: MmStruct, kept: ExecImage | None
) -> tuple[int, int]:
    """Fill the new address space `mm`; the entry point and the stack pointer (Linux: load_elf_binary's end).

    `kept`: the image that `mm` is a copy of, None if it is empty. Any error here is final for the process.
    """
    if task.system.flat is not None:
        from forkernel.kernel.binfmt_elf_fdpic import load_elf_fdpic_binary

        return load_elf_fdpic_binary(task, bprm, program, mm)  # type: ignore[arg-type]
    image, has_interp = program.image, program.interp_file is not None
    rng = None if task.personality & ADDR_NO_RANDOMIZE else task.system.rng
    if rng is not None:
        task.flags |= PF_RANDOMIZE
    bias, interp_base = (kept.bias, kept.interp_base) if kept else map_image(task, bprm, program, mm)
    stack_top = randomize_stack_top(rng)
    executable = image.stack_flags is not None and bool(image.stack_flags & PF_X)
    setup_arg_pages(mm, stack_top, len(bprm.strings), executable)
    entry = image.e_entry + bias
    if program.interp_image is not None:
        entry = interp_base + program.interp_image.e_entry
    entry &= (1 << 64) - 1
    if entry >= TASK_SIZE:
        raise SysError(EINVAL)
    set_brk(mm, image, bias, has_interp, rng)
    if task.personality & MMAP_PAGE_ZERO:
        mmap_region(mm, Vma(0, PAGE_SIZE, VM_READ | VM_EXEC | VM_MAYALL))
    sp = create_elf_tables(task, bprm, image, mm, stack_top, bias, interp_base, rng)
    return entry, sp


def layout_of(task: Task, bprm: Bprm) -> tuple[int, int]:
    """Top of the mapping area, and how far a position-independent program is shifted."""
    base = BootLayout(0, 0)
    if not task.personality & ADDR_NO_RANDOMIZE:
        base = boot_layout(task.system.options.seed)
    return mmap_base(bprm.stack_limit, base.mmap), base.program


def map_image(task: Task, bprm: Bprm, program: ElfProgram, mm: MmStruct) -> tuple[int, int]:
    """Map the program and its interpreter into an empty address space; their load biases.

    A program run for the second time is kept mapped for the next time.
    """
    mm.mmap_base, shift = layout_of(task, bprm)
    file, interp_base = reopen(task, bprm.file), 0
    try:
        bias = map_program(mm, file, program.image, program.interp_file is not None, shift)
        if program.interp_file is not None and program.interp_image is not None:
            interp_base = load_elf_interp(mm, program.interp_file, program.interp_image)
        images = task.system.exec_images
        key = images.key(program, file, mm.mmap_base)
        if key is not None and images.is_wanted(key):
            images.keep(key, program, file, mm, bias, interp_base)
    finally:
        file.put()
    return bias, interp_base


def reopen(task: Task, file: File) -> File:
    """The same file opened once more, for its areas: without keeping others from writing to it."""
    again: File = file.inode.open(task, 0)
    again.path = file.path
    again.cred = file.cred
    again.hold_cred(task)
    return again


class BootLayout(NamedTuple):
    """Random shifts, in bytes, of the mapping area and of position-independent programs."""

    mmap: int
    program: int


@lru_cache
def boot_layout(seed: int) -> BootLayout:
    """Drawn once for a machine, not at each execve as on Linux: the CPU keeps translated code by virtual
    address, and so has it again when a program is run the second time. Stack and heap move each time.
    """
    rng = Random(seed)  # noqa: S311  # repeatable on purpose
    return BootLayout(arch_mmap_rnd(rng), arch_mmap_rnd(rng))


class Extent(NamedTuple):
    """Where the segments of an image lie, in the file's addresses."""

    start: int
    size: int
    """From the page of the first segment to the end of the last (Linux: total_mapping_size)."""
    start_code: int
    end_code: int
    start_data: int
    end_data: int
    brk: int


@lru_cache(maxsize=512)
def extent_of(loads: tuple[Phdr, ...]) -> Extent:
    """Sum up the PT_LOAD segments; EINVAL for one that cannot lie in a user address space."""
    for phdr in loads:
        if phdr.p_vaddr >= TASK_SIZE or phdr.p_filesz > phdr.p_memsz or phdr.p_memsz > TASK_SIZE - phdr.p_vaddr:
            raise SysError(EINVAL)
    low = min(phdr.p_vaddr for phdr in loads) & PAGE_MASK
    code = [phdr for phdr in loads if phdr.p_flags & PF_X]
    return Extent(
        low,
        max(phdr.p_vaddr + phdr.p_memsz for phdr in loads) - low,
        min((phdr.p_vaddr for phdr in code), default=(1 << 64) - 1),
        max((phdr.p_vaddr + phdr.p_filesz for phdr in code), default=0),
        max(phdr.p_vaddr for phdr in loads),
        max(phdr.p_vaddr + phdr.p_filesz for phdr in loads),
        max(phdr.p_vaddr + phdr.p_memsz for phdr in loads),
    )


def map_program(mm: MmStruct, file: File, image: ElfImage, has_interp: bool, shift: int) -> int:
    """Map the program's segments and note where code and data are; its load bias."""
    if not image.loads:
        return 0
    extent = extent_of(image.loads)
    if image.e_type == ET_EXEC:
        bias = 0
        if mm.vmas.find_intersection(extent.start, page_align(extent.start + extent.size)):
            raise SysError(EEXIST)
    elif has_interp:
        base = ELF_ET_DYN_BASE + shift & -image.alignment
        bias = (base - image.loads[0].p_vaddr) & PAGE_MASK
    else:
        bias = find_base(mm, extent, image.alignment)
    map_segments(mm, file, image, bias)
    mm.start_code = extent.start_code + bias
    mm.end_code = extent.end_code + bias
    mm.start_data = extent.start_data + bias
    mm.end_data = extent.end_data + bias
    return bias


def find_base(mm: MmStruct, extent: Extent, alignment: int) -> int:
    """Load bias for a position-independent image that goes among the other mappings."""
    size = page_align(extent.size)
    if alignment <= PAGE_SIZE:
        return get_unmapped_area(mm, 0, size, 0) - extent.start
    return (get_unmapped_area(mm, 0, size + alignment, 0) + alignment - 1 & -alignment) - extent.start


def load_elf_interp(mm: MmStruct, file: File, image: ElfImage) -> int:
    """Map the interpreter; its load bias. EINVAL for what is no program or library."""
    if image.e_type not in (ET_EXEC, ET_DYN) or not image.loads:
        raise SysError(EINVAL)
    extent = extent_of(image.loads)
    bias = 0 if image.e_type == ET_EXEC else find_base(mm, extent, PAGE_SIZE)
    map_segments(mm, file, image, bias)
    return bias


class Plan(NamedTuple):
    """The areas of an image whose segments are in order and apart, as every linker makes them."""

    areas: tuple[tuple[int, int, int, int | None], ...]
    """(start, end, VM_* bits, page index in the file; None: zeros), in the file's addresses."""
    zeros: tuple[tuple[int, bool], ...]
    """Ends of file parts whose page is to be cleared from there on; whether it must be writable."""
    pages: int
    data_pages: int


@lru_cache(maxsize=512)
def plan_of(loads: tuple[Phdr, ...]) -> Plan | None:
    """Work out the areas once for all who execute the file; None where segments meet in a page or are odd."""
    areas: list[tuple[int, int, int, int | None]] = []
    zeros, last = [], 0
    for phdr in loads:
        vaddr, within = phdr.p_vaddr, phdr.p_vaddr & OFFSET
        start, file_end, end = vaddr - within, vaddr + phdr.p_filesz, page_align(vaddr + phdr.p_memsz)
        if start < last or phdr.p_offset & OFFSET != within or not phdr.p_filesz:
            return None
        if phdr.p_offset + phdr.p_filesz > MAX_LFS_FILESIZE:
            return None
        last = end
        flags = segment_flags(phdr)
        zero_start = page_align(file_end)
        areas.append((start, zero_start, flags, phdr.p_offset >> PAGE_SHIFT))
        if phdr.p_memsz > phdr.p_filesz:
            if file_end & OFFSET:
                zeros.append((file_end, bool(flags & VM_WRITE)))
            if end > zero_start:
                areas.append((zero_start, end, VM_DATA_FLAGS | VM_ACCOUNT | flags & VM_EXEC, None))
    pages = sum(end - start for start, end, _, _ in areas) >> PAGE_SHIFT
    data_pages = sum(end - start for start, end, flags, _ in areas if flags & VM_WRITE) >> PAGE_SHIFT
    return Plan(tuple(areas), tuple(zeros), pages, data_pages)


def map_segments(mm: MmStruct, file: File, image: ElfImage, bias: int) -> None:
    """Map all PT_LOAD segments at their addresses plus `bias`."""
    plan = plan_of(image.loads)
    if plan is None or not may_expand_vm(mm, VM_WRITE, plan.pages) or plan.data_pages > mm.frames.total:
        for phdr in image.loads:
            elf_load(mm, file, phdr, bias)
        return
    mapping = file.inode.get_mapping()
    mm.vmas.insert_all(
        [
            Vma(start + bias, end + bias, flags, start + bias >> PAGE_SHIFT)
            if pgoff is None
            else Vma(start + bias, end + bias, flags, pgoff, mapping, file)
            for start, end, flags, pgoff in plan.areas
        ]
    )
    for at, writable in plan.zeros:
        padzero(mm, at + bias, writable)


def elf_load(mm: MmStruct, file: File, phdr: Phdr, bias: int) -> None:
    """Map one segment, from the file and beyond its end with zeros (Linux: elf_load)."""
    vaddr = phdr.p_vaddr + bias
    within = vaddr & OFFSET
    start, file_end, end = vaddr - within, vaddr + phdr.p_filesz, vaddr + phdr.p_memsz
    if end > TASK_SIZE or start < 0:
        raise SysError(ENOMEM)
    zero_start = start
    if phdr.p_filesz:
        if phdr.p_offset & OFFSET != within:
            raise SysError(EINVAL)
        if phdr.p_offset + phdr.p_filesz > MAX_LFS_FILESIZE:
            raise SysError(EOVERFLOW)
        flags = segment_flags(phdr)
        zero_start = page_align(file_end)
        pgoff = phdr.p_offset >> PAGE_SHIFT
        mmap_region(mm, Vma(start, zero_start, flags, pgoff, file.inode.get_mapping(), file))
        if phdr.p_memsz > phdr.p_filesz:
            padzero(mm, file_end, bool(flags & VM_WRITE))
    if phdr.p_memsz > phdr.p_filesz:
        vm_brk_flags(mm, zero_start, page_align(end) - zero_start, VM_EXEC if phdr.p_flags & PF_X else 0)


def segment_flags(phdr: Phdr) -> int:
    """VM_* bits of a private mapping of a segment."""
    p_flags = phdr.p_flags
    flags = VM_MAYALL | (p_flags >> 2 & VM_READ) | (p_flags & VM_WRITE) | (p_flags << 2 & VM_EXEC)
    return flags | VM_ACCOUNT if flags & VM_WRITE else flags


def padzero(mm: MmStruct, addr: int, writable: bool) -> None:
    """Zero the rest of the page from `addr`; what cannot be written only matters in a writable segment."""
    rest = -addr & OFFSET
    if not rest:
        return
    try:
        mm.write(addr, bytes(rest))
    except SysError:
        if writable:
            raise


def set_brk(mm: MmStruct, image: ElfImage, bias: int, has_interp: bool, rng: Random | None) -> None:
    """Where the heap begins: behind the program's data, or apart for a program without interpreter that may
    lie among the mappings; further up at random.
    """
    brk = page_align(extent_of(image.loads).brk + bias) if image.loads else 0
    moved = image.e_type == ET_DYN and not has_interp
    if moved:
        brk = ELF_ET_DYN_BASE
    if rng is not None:
        brk = arch_randomize_brk(brk if moved else brk + PAGE_SIZE, rng)
    mm.start_brk = mm.brk = brk


# --- the first stack


def create_elf_tables(
    task: Task,
    bprm: Bprm,
    image: ElfImage,
    mm: MmStruct,
    stack_top: int,
    bias: int,
    interp_base: int,
    rng: Random | None,
) -> int:
    """Write the stack a program starts with; its stack pointer, which points at argc.

    From the top: a null word, the file name, the strings of envp and argv, a random gap, the platform's
    name, 16 random bytes, then down to the pointer: auxiliary vector, envp, argv, argc.
    """
    strings_at = stack_top - len(bprm.strings)
    p = (strings_at - (rng.randrange(STACK_ALIGN_RANDOM) if rng else 0)) & ~15
    platform = ELF_PLATFORM + b"\0"
    platform_at = p - len(platform)
    random_at = platform_at - 16
    arg_pointers, env_pointers = string_addresses(mm, bprm, strings_at)
    auxv = elf_auxv(task, bprm, image, bias, interp_base)
    auxv += (
        (AT_RANDOM, random_at),
        (AT_HWCAP2, ELF_HWCAP2),
        (AT_EXECFN, stack_top - 8 - len(bprm.filename) - 1),
        (AT_PLATFORM, platform_at),
        (AT_RSEQ_FEATURE_SIZE, RSEQ_FEATURE_SIZE),
        (AT_RSEQ_ALIGN, RSEQ_ALIGN),
        (AT_NULL, 0),
    )
    words = [len(arg_pointers), *arg_pointers, 0, *env_pointers, 0]
    for pair in auxv:
        words += pair
    packed = struct.pack(f"<{len(words)}Q", *words)
    mm.saved_auxv = packed[-16 * len(auxv) :]
    sp = random_at - len(packed) & ~15
    gap = bytes(random_at - sp - len(packed))
    blob = b"".join((packed, gap, task.system.rng.randbytes(16), platform, bytes(strings_at - p), bprm.strings))
    if mm.vmas.lookup(sp) is None and expand_stack(mm, sp) is None:
        raise SysError(ENOMEM)
    mm.write(sp, blob)
    mm.start_stack = sp
    return sp


def string_addresses(mm: MmStruct, bprm: Bprm, at: int) -> tuple[list[int], list[int]]:
    """Addresses of the argument and environment strings that lie from `at` up; notes the bounds in `mm`."""
    mm.arg_start = at
    argv, envp = [], []
    for text in bprm.argv:
        argv.append(at)
        at += len(text) + 1
    mm.arg_end = mm.env_start = at
    for text in bprm.envp:
        envp.append(at)
        at += len(text) + 1
    mm.env_end = at
    return argv, envp


def elf_auxv(task: Task, bprm: Bprm, image: ElfImage, bias: int, interp_base: int) -> tuple[tuple[int, int], ...]:
    """The auxiliary vector up to AT_SECURE, in Linux's order."""
    cred = bprm.cred
    user_ns = cred.user_ns
    return (
        *ARCH_DLINFO,
        (AT_HWCAP, ELF_HWCAP),
        (AT_PAGESZ, PAGE_SIZE),
        (AT_CLKTCK, USER_HZ),
        (AT_PHDR, image.phdr_addr + bias),
        (AT_PHENT, PHDR_SIZE),
        (AT_PHNUM, image.e_phnum),
        (AT_BASE, interp_base),
        (AT_FLAGS, 0),
        (AT_ENTRY, image.e_entry + bias & (1 << 64) - 1),
        (AT_UID, user_ns.from_kuid_munged(cred.uid)),
        (AT_EUID, user_ns.from_kuid_munged(cred.euid)),
        (AT_GID, user_ns.from_kgid_munged(cred.gid)),
        (AT_EGID, user_ns.from_kgid_munged(cred.egid)),
        (AT_SECURE, int(bprm.secureexec)),
    )
