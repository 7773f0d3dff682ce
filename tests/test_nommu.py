"""A machine without an MMU: no fork, one flat address space, nothing protected; static PIE programs run by vfork."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forkernel import Kernel
from forkernel.abi.errno import EINVAL, ENOMEM, EPERM
from forkernel.abi.mman import MAP_ANONYMOUS, MAP_PRIVATE
from forkernel.errors import SysError
from forkernel.hw.frames import RESERVED_FRAMES
from forkernel.kernel import invariants
from forkernel.mm.nommu import NommuMm, nommu_mmap, nommu_mremap, nommu_munmap
from harness import ROOT, compile_program
from scripted_machine import Machine, exit_, script

PROGRAMS = ROOT / "tests" / "nommu"
PAGE = 4096


def program(name: str) -> str:
    """A static PIE."""
    return str(compile_program(PROGRAMS / f"{name}.c", flags=("-fPIE", "-pie")))


def run(argv: list[str], cwd: Path, stdin: bytes = b"", memory: int = 128 << 20) -> tuple[str, int]:
    """Output and status of a program on a machine without an MMU, which is sound afterwards and has all memory back."""
    with Kernel(mmu=False, memory=memory, cwd=str(cwd), env={}) as kernel:
        system = kernel.system
        sink = invariants.InvariantSink(system, every=97)
        system.trace.attach(sink)
        process = kernel.spawn(argv, stdin=stdin)
        assert kernel.run(timeout=60) == "idle"
        assert sink.count > 20
        invariants.check(system)
        assert system.flat.pt.pages == 0
        assert not system.flat.shareable
        assert not system.flat.direct
        assert kernel.unimplemented == []
        assert process.status is not None
        return process.stdout.decode(), process.status.shell_code


CALLS = """\
fork: EINVAL
clone(SIGCHLD): EINVAL
clone3(SIGCHLD): EINVAL
vfork: the child wrote 42 and ended with 3
brk: does not move
mmap: zeros 1, PROT_NONE can be written: 1
mprotect: ENOSYS
madvise: ENOSYS
mlock: ENOSYS
msync: ENOSYS
mincore: ENOSYS
mremap to less: ok
mremap back: ok
mremap to more: ENOMEM
mremap a part: EFAULT
munmap the middle: ok
munmap what is gone: EINVAL
munmap the ends: ok
munmap nothing: EINVAL
munmap beyond the end: EINVAL
anonymous MAP_SHARED: ok
MAP_FIXED: EINVAL
no type: EINVAL
too much: ENOMEM
file MAP_SHARED: ENODEV
file MAP_SHARED, not open for writing: EACCES
file not open for reading: EACCES
pipe: ENODEV
bad descriptor: EBADF
private copies: contents contents; beyond the end: 0
a copy made later: CONTENTS
mremap of a shareable mapping: EPERM
munmap a part of a file's: EINVAL
munmap it: ok
read into no memory: EFAULT
"""
"""By the kernel's documentation, admin-guide/mm/nommu-mmap: no host is without an MMU to ask."""


def test_calls(tmp_path: Path) -> None:
    assert run([program("calls")], tmp_path) == (CALLS, 0)


def test_programs_are_not_protected_from_each_other(tmp_path: Path) -> None:
    out, status = run([program("neighbour")], tmp_path)
    assert out == (
        "the child reads: the parent's secret\n"
        "its own lies elsewhere: 1\n"
        "it calls the parent's function: 5\n"
        "the parent has: overwritten by the child (child ended with 0)\n"
        "a constant is now: Read-only\n"
        "a NULL pointer: signal 11\n"
        "memory given back: signal 11\n"
    )
    assert status == 0


def test_a_shell_by_vfork_and_exec(tmp_path: Path) -> None:
    lines = ["echo hello world", "echo a b | cat | upper", "echo one > f", "wc < f", "exit 3", "echo $?", "die 9",
             "echo $?", "/nope", "echo $?", "echo $? | cat | cat | cat | wc", "exit 5"]  # fmt: skip
    (tmp_path / "shell").symlink_to(program("shell"))
    out, status = run(["/proc/self/cwd/shell"], tmp_path, "\n".join([*lines, ""]).encode())
    assert out == "hello world\nA B\n1 4\n3\n137\n127\n1 2\n"
    assert status == 5
    assert (tmp_path / "f").exists() is False  # the host's directory is never written


SHARED = """\
after truncate: ok
the child reads: written by the parent
the parent reads: written by the child
the file has: written by the child
the same once more: ENODEV
unmapped: 0
a part of it: ok
it has: written by the child
beyond the end: ENODEV
sealed: EPERM
written before, in pieces: ENODEV
truncated to nothing and back: ok
"""


def test_files_in_memory_are_shared(tmp_path: Path) -> None:
    assert run([program("shared")], tmp_path) == (SHARED, 0)


def test_the_same_with_an_mmu_is_protected(tmp_path: Path) -> None:
    with Kernel(memory=64 << 20, cwd=str(tmp_path), env={}) as kernel:
        process = kernel.spawn([program("neighbour")])
        kernel.run(timeout=60)
        assert process.status is not None
        assert process.status.signal == 11
        assert b"overwritten" not in process.stdout


def test_a_program_at_fixed_addresses_cannot_be_run(tmp_path: Path) -> None:
    fixed = compile_program(PROGRAMS / "calls.c")
    with Kernel(mmu=False, memory=64 << 20, cwd=str(tmp_path)) as kernel:
        process = kernel.spawn([str(fixed)])
        kernel.run(timeout=30)
        assert process.exec_error == 8  # ENOEXEC


def test_a_stopped_machine_goes_on_from_a_pickle(tmp_path: Path) -> None:
    import pickle

    with Kernel(mmu=False, memory=64 << 20, cwd=str(tmp_path), env={}) as kernel:
        process = kernel.spawn([program("neighbour")])
        assert kernel.run_for(1_000_000) == "time"
        restored = pickle.loads(pickle.dumps(kernel))
        kernel.run(timeout=30)
        restored.run(timeout=30)
        assert process.stdout == restored.processes[0].stdout
        assert b"overwritten by the child" in process.stdout


def test_the_option(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "forkernel", "run", "--no-mmu", "--", program("calls")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == CALLS
    assert done.stderr == ""


# --- memory in one piece


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path, {"main": script(exit_(0))}, mmu=False)


def anonymous(mm: NommuMm, pages: int) -> int:
    return nommu_mmap(mm, pages * PAGE, 3, MAP_PRIVATE | MAP_ANONYMOUS)


def errno_of(call, *arguments) -> int:
    with pytest.raises(SysError) as caught:
        call(*arguments)
    return caught.value.errno


def test_memory_in_pieces_is_not_enough(machine: Machine) -> None:
    """Half of all memory is free, every second page of it: two pages in a row cannot be had."""
    mm = NommuMm(machine.system.flat)
    frames = machine.system.frames
    machine.system.vfs.reclaim(1 << 20)
    pages = []
    while frames.free_count() > 8:
        pages.append(anonymous(mm, 1))
    for addr in sorted(pages)[::2]:
        nommu_munmap(mm, addr, PAGE)
    assert frames.free_count() > len(pages) // 2 - 8
    assert errno_of(anonymous, mm, 16) == ENOMEM
    for addr in sorted(pages)[1::2]:
        nommu_munmap(mm, addr, PAGE)
    assert anonymous(mm, 16)
    mm.mmput()
    invariants.check_frames(machine.system)


def test_addresses_are_physical(machine: Machine) -> None:
    mm = NommuMm(machine.system.flat)
    addr = anonymous(mm, 3)
    mm.write(addr + PAGE, b"there")
    assert machine.system.frames.read((addr >> 12) + 1, 0, 5) == b"there"
    assert addr >> 12 >= RESERVED_FRAMES
    mm.mmput()


def test_read_only_mappings_of_a_file_are_one(machine: Machine, tmp_path: Path) -> None:
    """The same piece of the same file: one copy for all processes, and a write through one is seen by the other."""
    system = machine.system
    (tmp_path / "data").write_bytes(b"a" * PAGE + b"b" * PAGE)
    file = system.vfs.open(system.vfs.boot_task(), b"/data", 0)
    one, two, three = NommuMm(system.flat), NommuMm(system.flat), NommuMm(system.flat)
    first = nommu_mmap(one, 2 * PAGE, 1, MAP_PRIVATE, file)
    assert nommu_mmap(two, 2 * PAGE, 1, MAP_PRIVATE, file) == first
    assert nommu_mmap(three, PAGE, 1, MAP_PRIVATE, file, 1) == first + PAGE
    assert nommu_mmap(two, PAGE, 1, MAP_PRIVATE, file, 1) != first + PAGE  # what it has there already
    copy = nommu_mmap(two, 2 * PAGE, 3, MAP_PRIVATE, file)
    assert copy != first
    one.write(first, b"X")
    assert (two.read(first, 2), two.read(copy, 2)) == (b"Xa", b"aa")
    assert errno_of(nommu_mremap, one, first, 2 * PAGE, PAGE, 0, 0) == EPERM
    assert errno_of(one.fork) == EINVAL
    one.mmput()
    assert two.read(first + PAGE, 1) == b"b"
    two.mmput()
    three.mmput()
    assert not system.flat.shareable
    file.put()
    invariants.check_frames(system)


def used_frames(system) -> int:
    """Frames in use, those of slab caches left out: they keep a few."""
    return system.frames.used_count() - len(list(system.slabs.frames_in_use()))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["map", "unmap", "part", "resize"]), st.integers(0, 99), st.integers(1, 9))))
def test_random_mappings_keep_the_books(tmp_path_factory, steps) -> None:
    """Against a model: which pages each mapping has, and all memory back at the end."""
    system = Machine(tmp_path_factory.mktemp("m"), {"main": script(exit_(0))}, mmu=False).system
    before = used_frames(system)
    mm = NommuMm(system.flat)
    model: dict[int, int] = {}
    for what, choice, pages in steps:
        if what == "map":
            addr = anonymous(mm, pages)
            assert mm.read(addr, pages * PAGE) == bytes(pages * PAGE)
            mm.write(addr, b"\xff" * pages * PAGE)
            assert not any(addr < start + size * PAGE and start < addr + pages * PAGE for start, size in model.items())
            model[addr] = pages
        elif model:
            addr = sorted(model)[choice % len(model)]
            have = model[addr]
            if what == "unmap":
                nommu_munmap(mm, addr, have * PAGE)
                del model[addr]
            elif what == "resize" and pages <= have:
                nommu_mremap(mm, addr, have * PAGE, pages * PAGE, 0, 0)
                model[addr] = pages
            elif what == "part":
                skip = choice % have
                count = min(pages, have - skip)
                nommu_munmap(mm, addr + skip * PAGE, count * PAGE)
                del model[addr]
                if skip:
                    model[addr] = skip
                if skip + count < have:
                    model[addr + (skip + count) * PAGE] = have - skip - count
        assert {vma.start: vma.pages for vma in mm.vmas} == model
        assert sorted(mm.regions) == sorted(model)
    invariants.check_frames(system)
    mm.mmput()
    invariants.check_frames(system)
    tables = system.flat.pt.table_pages() - 1
    assert used_frames(system) == before + tables
