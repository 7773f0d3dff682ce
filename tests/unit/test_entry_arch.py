"""Entry by architecture: where calls' arguments come from, the orders of clone's, and both ways TLS takes."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

import pytest

from forkernel.abi.errno import ENOSYS
from forkernel.arch.entry import (
    ARCHITECTURES,
    ARM,
    ARM64,
    CLONE_ORDERS,
    I386,
    MICROBLAZE,
    RISCV,
    S390,
    X86_64,
    CloneArguments,
)
from forkernel.arch.x86_64.syscall_table import NUMBERS
from forkernel.hw.scripted import Call, Jump, Load, Store
from forkernel.kernel.fork import CLONE_CHILD_SETTID, CLONE_FILES, CLONE_PARENT_SETTID, CLONE_SETTLS, CLONE_VM
from scripted_machine import DATA, RESULTS, Machine, script

EVERY = pytest.mark.parametrize("arch", ARCHITECTURES.values(), ids=ARCHITECTURES)
SIGCHLD = 17
STACK, TLS, PTID, CTID = DATA + 0x6000, 0x7777_0000, DATA + 0x100, DATA + 0x108
CLONE3_ARGS = DATA + 0x200
FLAGS = CLONE_VM | CLONE_FILES | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID
CLONE = {"flags": FLAGS | SIGCHLD, "stack": STACK, "parent_tid": PTID, "child_tid": CTID, "tls": TLS,
         "stack_size": 0x1000}  # fmt: skip


@dataclass
class Births:
    """A sink that keeps what each child was born with."""

    found: list[tuple[int, int, int]] = field(default_factory=list)

    def sched_process_fork(self, parent, child):
        regs = child.regs
        self.found.append((child.pid, regs.rsp, regs.fs_base))


class ArchMachine(Machine):
    """A scripted machine of an architecture, and what its program's words are."""

    def __init__(self, root, arch, *items):
        numbers = dict(arch.calls)
        end = Call(numbers["exit_group"], (0,))
        super().__init__(root, {"main": script(*items, "end", end)}, arch=arch)
        self.task = self.start("main")
        self.births = Births()
        self.system.trace.attach(self.births)


def number(arch, name):
    return dict(arch.calls)[name]


def clone_in_order(arch, **changes):
    values = {**CLONE, **changes}
    return Call(number(arch, "clone"), tuple(values[name] for name in CLONE_ORDERS[arch.clone_order]))


def run(tmp_path, arch, *items):
    """Run a program of an architecture to its end: the births, and its exit status."""
    machine = ArchMachine(tmp_path, arch, *items)
    assert machine.run() == "idle"
    return machine.births.found, machine.status(machine.task)


# --- the orders


def test_the_orders_are_those_of_clone_2():
    assert CLONE_ORDERS[X86_64.clone_order] == ("flags", "stack", "parent_tid", "child_tid", "tls")
    for arch in (I386, ARM, ARM64, RISCV):
        assert CLONE_ORDERS[arch.clone_order] == ("flags", "stack", "parent_tid", "tls", "child_tid")
    assert CLONE_ORDERS[S390.clone_order][:2] == ("stack", "flags")
    assert CLONE_ORDERS[MICROBLAZE.clone_order].index("stack_size") == 2


@EVERY
def test_one_order_behind_the_entry_layer(arch):
    raw = tuple(CLONE[name] for name in CLONE_ORDERS[arch.clone_order])
    expected = CloneArguments(CLONE["flags"], STACK, PTID, CTID, TLS)
    assert arch.clone_arguments((*raw, 0)[:6]) == expected


@EVERY
def test_the_description_is_whole(arch):
    assert len(arch.registers) == 17
    assert len(arch.arguments) == 6
    used = {arch.number, arch.result, arch.sp, *arch.arguments, *([arch.tls_register] if arch.tls_register else [])}
    assert used <= set(arch.registers)
    assert arch.slot(arch.result) == X86_64.slot("rax")
    assert arch.slot(arch.sp) == X86_64.slot("rsp")
    if arch.tls_register:
        place = CLONE_ORDERS[arch.clone_order].index("tls")
        assert arch.arguments[place] == arch.tls_register


# --- programs


@EVERY
def test_clone_with_every_argument(tmp_path, arch):
    """The child has its stack and TLS, and both TIDs are where they were asked for."""
    births, status = run(
        tmp_path,
        arch,
        clone_in_order(arch),
        Jump("child", arch.result, 0),
        Store(RESULTS, arch.result),
        "wait",
        Load(arch.result, CTID),
        Jump("wait", arch.result, 0),  # the child stores its TID when it first runs
        Load(arch.result, PTID),
        Jump("good", arch.result, 4),
        Call(number(arch, "exit"), (1,)),
        "good",
        Jump("end"),
        "child",
        Call(number(arch, "exit"), (0,)),
    )
    assert births == [(4, STACK, TLS)]
    assert status == 0


@pytest.mark.parametrize("arch", [X86_64, I386, ARM, ARM64, S390, MICROBLAZE], ids=lambda arch: arch.name)
def test_tls_dug_out_of_pt_regs(tmp_path, arch):
    """As before Linux 4.2 had copy_thread_tls: clone gives the same child either way."""
    arch = arch._replace(copy_thread_tls=False, native=False)
    births, _ = run(
        tmp_path, arch, clone_in_order(arch), Jump("end", arch.result, 0),
    )  # fmt: skip
    assert births == [(4, STACK, TLS)]


def clone3(arch):
    """Steps for clone3(CLONE_VM | CLONE_SETTLS) with 0x1111 in the register where clone passes the TLS."""
    words = struct.unpack("<8Q", struct.pack("<8Q", CLONE_VM | CLONE_SETTLS, 0, 0, 0, SIGCHLD, STACK, 0x1000, TLS))
    arguments = [CLONE3_ARGS, 64, 0, 0, 0, 0]
    arguments[arch.arguments.index(arch.tls_register)] = 0x1111
    steps = [Store(CLONE3_ARGS + 8 * index, word) for index, word in enumerate(words)]
    return [*steps, Call(number(arch, "clone3"), tuple(arguments))]


@pytest.mark.parametrize("arch", [X86_64, ARM64, S390], ids=lambda arch: arch.name)
def test_clone3_takes_its_tls_from_the_struct(tmp_path, arch):
    births, _ = run(tmp_path, arch, clone3(arch), Jump("end", arch.result, 0))
    assert births == [(4, STACK + 0x1000, TLS)]


def test_without_the_argument_there_is_no_clone3(tmp_path):
    arch = X86_64._replace(copy_thread_tls=False, native=False)
    births, status = run(
        tmp_path, arch, clone3(arch), Jump("good", "rax", -ENOSYS), Call(number(arch, "exit_group"), (1,)), "good",
    )  # fmt: skip
    assert births == []
    assert status == 0


@EVERY
def test_fork_and_vfork_exist_where_linux_has_them(arch):
    numbers = dict(arch.calls)
    assert ("fork" in numbers, "vfork" in numbers) == ((False, False) if arch in (ARM64, RISCV) else (True, True))


@EVERY
def test_fork_where_it_is_a_call(tmp_path, arch):
    """An architecture without fork answers ENOSYS to the x86-64's number of it; fork is clone(SIGCHLD) there."""
    numbers = dict(arch.calls)
    if "fork" in numbers:
        births, _ = run(tmp_path, arch, Call(numbers["fork"]), Jump("end"))
        assert [pid for pid, _, _ in births] == [4]
    else:
        births, status = run(
            tmp_path, arch, Call(NUMBERS["fork"]), Jump("good", arch.result, -ENOSYS),
            Call(numbers["exit_group"], (1,)), "good", clone_in_order(arch, flags=SIGCHLD, stack=0), Jump("end"),
        )  # fmt: skip
        assert status == 0
        assert [(pid, tls) for pid, _, tls in births] == [(4, 0)]


def test_the_fast_path_and_the_description_agree(tmp_path):
    """The machine's own entry code has the x86-64's registers built in: the same program, served by description."""
    program = (clone_in_order(X86_64), Jump("end"))
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert run(tmp_path / "a", X86_64, *program) == run(tmp_path / "b", X86_64._replace(native=False), *program)
