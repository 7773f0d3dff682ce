"""How a call's arguments come out of pt_regs, by architecture: all that fork, vfork, clone and clone3 need to know.

A call arrives as registers. Each architecture says which of them holds the number, which the six arguments and
where the result goes; whether fork and vfork exist as calls at all; in which order the last arguments of clone
come (`CLONE_ORDERS`, Linux: arch/Kconfig, CLONE_BACKWARDS and its kin); and how the child's TLS reaches
copy_thread: as an argument (Linux: HAVE_COPY_THREAD_TLS, since 5.9 everywhere), or dug out of the register in
which clone happened to pass it. `kernel/entry.py` reads the registers, `CloneArguments` puts clone's in order, and
from there on nobody knows the architecture. docs/entry.md tells the story.

The machine is an x86-64. The other descriptions are data for scripted CPUs (`hw/scripted.py`): no compiled program
of theirs runs here.
"""

from __future__ import annotations

from typing import NamedTuple


class CloneArguments(NamedTuple):
    """What clone(2) is given, whatever the order it came in. Addresses are user addresses, 0 for none."""

    flags: int
    stack: int
    parent_tid: int
    child_tid: int
    tls: int


CLONE_ORDERS: dict[str, tuple[str, ...]] = {
    "": ("flags", "stack", "parent_tid", "child_tid", "tls"),
    "CLONE_BACKWARDS": ("flags", "stack", "parent_tid", "tls", "child_tid"),
    "CLONE_BACKWARDS2": ("stack", "flags", "parent_tid", "child_tid", "tls"),
    "CLONE_BACKWARDS3": ("flags", "stack", "stack_size", "parent_tid", "child_tid", "tls"),
}
"""clone's arguments in the order of the argument registers, by the name of the kernel's option ("": none)."""
TLS = "tls"
"""Name of the register that is the thread pointer of a scripted CPU of any architecture (x86-64: the FS base)."""


class Architecture(NamedTuple):
    """What one architecture's entry code knows. Registers are named as the architecture names them."""

    name: str
    registers: tuple[str, ...]
    """The seventeen words of an image (`hw.protocol.Cpu.gpr`) in their order; `""` for one that is not used."""
    number: str
    """Holds the call's number."""
    arguments: tuple[str, ...]
    """Hold the six arguments."""
    result: str
    """Gets the result, -errno for an error."""
    sp: str
    clone_order: str = ""
    """A key of `CLONE_ORDERS`."""
    tls_register: str = ""
    """Of pt_regs: where clone's TLS argument comes, and copy_thread finds it that does not get it passed."""
    copy_thread_tls: bool = True
    """Whether copy_thread gets the TLS as an argument (Linux: HAVE_COPY_THREAD_TLS). Without it there is no clone3,
    whose TLS comes in no register."""
    native: bool = False
    """Whether `kernel.entry.Entry` serves its calls, which knows the x86-64's registers by heart; the others are served
    by `kernel.entry_described`, by this description."""
    calls: tuple[tuple[str, int], ...] = ()
    """Numbers of the calls that make tasks, those that exist (Linux: __ARCH_WANT_SYS_FORK and the like), and of a few
    more that scripts use."""

    def slot(self, register: str) -> int:
        """Place of a register in an image."""
        return self.registers.index(register)

    def clone_arguments(self, raw: tuple[int, ...]) -> CloneArguments:
        """Clone's arguments from the argument registers, in their common order. A stack size (microblaze) is not
        looked at, as on Linux: the stack pointer is what counts.
        """
        named = dict(zip(CLONE_ORDERS[self.clone_order], raw, strict=False))
        return CloneArguments(*[named[field] for field in CloneArguments._fields])

    def child_tls(self, gpr: object, tls: int) -> int:
        """The TLS copy_thread gives the child: the argument, or what the caller's register holds (pt_regs)."""
        if self.copy_thread_tls:
            return tls
        word: int = gpr[self.slot(self.tls_register)]  # type: ignore[index]
        return word


def _numbered(prefix: str, count: int = 16) -> tuple[str, ...]:
    return tuple(f"{prefix}{number}" for number in range(count))


OTHER_OLD_CALLS = (("exit", 1), ("fork", 2), ("getpid", 20), ("clone", 120), ("vfork", 190), ("exit_group", 248),
                   ("clone3", 435))  # fmt: skip
"""The numbers that the 32-bit architectures took over from the i386, for most calls."""
OLD_CALLS = tuple((name, 252 if name == "exit_group" else number) for name, number in OTHER_OLD_CALLS)
GENERIC_CALLS = (("exit", 93), ("exit_group", 94), ("getpid", 172), ("clone", 220), ("clone3", 435))
"""include/uapi/asm-generic/unistd.h: new architectures have neither fork nor vfork."""

X86_64 = Architecture(
    "x86_64",
    ("rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", *(f"r{n}" for n in range(8, 16)), "rip"),
    number="rax",
    arguments=("rdi", "rsi", "rdx", "r10", "r8", "r9"),
    result="rax",
    sp="rsp",
    tls_register="r8",
    native=True,
    calls=(("getpid", 39), ("clone", 56), ("fork", 57), ("vfork", 58), ("exit", 60), ("exit_group", 231),
           ("clone3", 435)),
)  # fmt: skip
"""The machine's own."""
I386 = Architecture(
    "i386",
    ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", *[""] * 8, "eip"),
    number="eax",
    arguments=("ebx", "ecx", "edx", "esi", "edi", "ebp"),
    result="eax",
    sp="esp",
    clone_order="CLONE_BACKWARDS",
    tls_register="esi",
    calls=OLD_CALLS,
)
ARM = Architecture(
    "arm",
    (*_numbered("r", 4), "sp", "lr", "r4", "r5", "r6", "r7", *_numbered("_", 6), "pc"),
    number="r7",
    arguments=("r0", "r1", "r2", "r3", "r4", "r5"),
    result="r0",
    sp="sp",
    clone_order="CLONE_BACKWARDS",
    tls_register="r3",
    calls=tuple((name, number) for name, number in OTHER_OLD_CALLS),
)
ARM64 = Architecture(
    "arm64",
    (*_numbered("x", 4), "sp", "x4", "x5", "x6", "x7", "x8", *_numbered("_", 6), "pc"),
    number="x8",
    arguments=_numbered("x", 6),
    result="x0",
    sp="sp",
    clone_order="CLONE_BACKWARDS",
    tls_register="x3",
    calls=GENERIC_CALLS,
)
RISCV = Architecture(
    "riscv",
    (*_numbered("a", 4), "sp", "a4", "a5", "a6", "a7", "ra", *_numbered("_", 6), "pc"),
    number="a7",
    arguments=_numbered("a", 6),
    result="a0",
    sp="sp",
    clone_order="CLONE_BACKWARDS",
    calls=GENERIC_CALLS,
)
S390 = Architecture(
    "s390",
    ("r2", "r0", "r1", "r3", "r15", "r4", "r5", "r6", "r7", "r8", *_numbered("_", 6), "psw"),
    number="r1",
    arguments=("r2", "r3", "r4", "r5", "r6", "r7"),
    result="r2",
    sp="r15",
    clone_order="CLONE_BACKWARDS2",
    tls_register="r6",
    calls=tuple((name, number) for name, number in OTHER_OLD_CALLS),
)
MICROBLAZE = Architecture(
    "microblaze",
    ("r3", "r5", "r6", "r7", "r1", "r8", "r9", "r10", "r12", "r15", *_numbered("_", 6), "pc"),
    number="r12",
    arguments=("r5", "r6", "r7", "r8", "r9", "r10"),
    result="r3",
    sp="r1",
    clone_order="CLONE_BACKWARDS3",
    tls_register="r10",
    calls=OLD_CALLS,
)
ARCHITECTURES = {arch.name: arch for arch in (X86_64, I386, ARM, ARM64, RISCV, S390, MICROBLAZE)}
