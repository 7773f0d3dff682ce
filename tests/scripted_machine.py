"""A machine on the scripted CPU: the kernel is real, its programs are lists of steps (forkernel.hw.scripted).

Each script is a small ELF file in the machine's root directory, so that it is started, and can start others, by
execve. Its memory: the steps' page, and `DATA`, 64 KiB that can be written.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

from forkernel.arch.entry import X86_64, Architecture
from forkernel.arch.x86_64.syscall_table import SYSCALLS
from forkernel.fs.fdtable import FilesStruct
from forkernel.hw.scripted import Call, Operand, Script, ScriptedCpu, Step, work
from forkernel.init.boot import BuiltinInit, Program, start_kernel
from forkernel.kernel.entry import BLOCK_NS
from forkernel.kernel.hrtimer import Timer
from forkernel.kernel.kthread import kernel_thread
from forkernel.kernel.system import Options, System
from forkernel.kernel.task import Task

DATA = 0x800000
DATA_SIZE = 0x10000
RESULTS = DATA + 0x8000
"""Where scripts leave words that a test looks at."""
NUMBERS = {name: number for number, name in SYSCALLS.items()}
PROT_RW, MAP_SHARED, MAP_PRIVATE, MAP_ANONYMOUS = 3, 1, 2, 0x20
SA_RESTORER, SA_RESTART = 0x0400_0000, 0x1000_0000


def call(name: str, *arguments: Operand) -> Step:
    """A call by name."""
    return Call(NUMBERS[name], arguments)


def exit_(status: Operand) -> Step:
    return call("exit_group", status)


def fork() -> Step:
    return call("fork")


def work_for(nanoseconds: int) -> list[Step]:
    """User code that takes so much virtual time; rcx is lost."""
    return work(nanoseconds // BLOCK_NS)


def script(*items: Step | str | list[Step], number: int = 0) -> Script:
    """A script that exits with 99 if it runs past its end; each `number` has its own place in memory."""
    return Script([*items, exit_(99)], base=0x400000 + number * 0x10000)


def elf(program: Script, contents: bytes = b"") -> bytes:
    """The file of a script: a page for its steps, and data, zeroed after `contents`."""
    header = b"\x7fELF\x02\x01\x01" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, program.base, 64, 0, 0, 64, 56, 2, 64, 0, 0)
    text = struct.pack("<IIQQQQQQ", 1, 5, 0, program.base, program.base, 0x1000, 0x1000, 0x1000)
    data = struct.pack("<IIQQQQQQ", 1, 6, 0x1000, DATA, DATA, len(contents), DATA_SIZE, 0x1000)
    return (header + text + data).ljust(0x1000, b"\0") + contents


class Setup:
    """What a script needs before it starts: an empty table of descriptors."""

    def apply(self, task: Task) -> None:
        task.files = FilesStruct(task.system.slabs.files_cache)


class StopAt(Timer):
    """Ends a run."""

    def __init__(self, expires: int, system: System) -> None:
        super().__init__(expires)
        self.system = system

    def fire(self) -> None:
        self.system.entry.stop("time")


class Machine:
    """A booted kernel whose programs are `scripts`, by file name."""

    def __init__(
        self,
        root: Path,
        scripts: dict[str, Script],
        memory: int = 8 << 20,
        arch: Architecture = X86_64,
        *,
        mmu: bool = True,
        cpus: int = 1,
        contents: bytes = b"",
    ) -> None:
        for name, program in scripts.items():
            path = root / name
            path.write_bytes(elf(program, contents))
            path.chmod(0o755)
        options = Options(root=str(root), memory=memory, arch=arch, mmu=mmu, cpus=cpus)
        programs, words = list(scripts.values()), {"registers": arch.registers, "arguments": arch.arguments}
        self.system = start_kernel(
            options, processor=lambda ram: ScriptedCpu(ram, programs, number=arch.number, **words)
        )
        self.cpu: Any = self.system.cpu.hw

    def start(self, name: str) -> Task:
        """A child of PID 1 that runs a script."""
        program = Program(b"/" + name.encode(), [name.encode()], [], Setup())
        return kernel_thread(self.system.child_reaper, program, name)

    def run(self, nanoseconds: int | None = None) -> str:
        """Run until nothing can run any more, or for so much virtual time; why it stopped."""
        system = self.system
        timer = None
        if nanoseconds is not None:
            timer = StopAt(system.clock.now + nanoseconds, system)
            system.timers.start(timer)
        system.entry.run()
        if timer is not None:
            system.timers.cancel(timer)
        return system.stopping

    def status(self, task: Task) -> int | None:
        """Wait status of what `start` started."""
        init: Any = self.system.child_reaper.kthread
        assert isinstance(init, BuiltinInit)
        return init.statuses.get(task.pid)


def run_script(root: Path, *items: Step | str | list[Step], **others: Script) -> int:
    """Run one script to its end: its exit code, or minus the signal that killed it."""
    machine = Machine(root, {"main": script(*items), **others})
    task = machine.start("main")
    assert machine.run() == "idle"
    status = machine.status(task)
    assert status is not None, "the program did not end"
    return -(status & 0x7F) if status & 0x7F else status >> 8
