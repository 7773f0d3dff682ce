"""Taking the numbers: what an object of the kernel looks like at this moment. Nothing is changed, nothing kept."""

from __future__ import annotations

from typing import Any

from forkernel.trace.explain.stories import Memory, Who

PAGE_SHIFT = 12
FRAME_MASK = 0xFF_FFFF_FFFF
PTE_PRESENT = 1
VM_GROWSDOWN = 0x100
SIG_IGN = 1
LOOKED_THROUGH = 256
"""Address spaces searched for who else has a page."""


def who(task: Any) -> Who:
    """Its numbers and name."""
    return Who(task.pid, text(task.comm), task.tgid)


def number(pid: Any) -> int:
    """The machine's number of a struct pid; 0 for process 0's."""
    first: int = pid.numbers[0] if pid is not None else 0
    return first


def levels(task: Any) -> tuple[int, ...]:
    """Its number in each PID namespace that sees it, the machine's first."""
    pid = task.thread_pid
    return pid.numbers if pid is not None else (task.pid,)


def text(data: bytes | str) -> str:
    """Bytes of the guest as something that can be printed on one line."""
    shown = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    return "".join(char if char.isprintable() else "?" for char in shown)


def memory(mm: Any) -> Memory | None:
    """An address space in numbers; None for none."""
    if mm is None:
        return None
    return Memory(len(mm.vmas), mm.rss(), mm.pt.table_pages() - 1, mm.users)


def handlers(sighand: Any) -> int:
    """Signals that have a function of the program."""
    return sum(action.handler > SIG_IGN for action in sighand.action.values())


def directory(task: Any, fs: Any) -> str:
    """The working directory's name."""
    return text(task.system.vfs.d_path(fs.pwd, fs.root))


def threads_alive(task: Any, exiting: int = 0x4) -> int:
    """Other threads of the process that have not begun to end (PF_EXITING)."""
    return sum(other is not task and not other.flags & exiting for other in task.signal.threads)


def area(mm: Any, address: int) -> str:
    """What lies at an address: [stack], [heap], [bss], the name of a file, or nothing for memory without a name."""
    vma = mm.vmas.lookup(address)
    if vma is None:
        return ""
    if vma.name:
        return text(vma.name)
    if vma.file is not None and vma.file.path is not None:
        return text(vma.file.path.dentry.name)
    if vma.start <= mm.start_stack < vma.end or vma.flags & VM_GROWSDOWN:
        return "[stack]"
    if vma.start < mm.brk and vma.end > mm.start_brk:
        return "[heap]"
    if mm.start_data <= vma.start < mm.start_brk:
        return "[bss]"
    return ""


def is_cache_page(mm: Any, address: int, frame: int) -> bool:
    """Whether `frame` is the page of the file that is mapped at `address`."""
    vma = mm.vmas.lookup(address)
    return vma is not None and vma.mapping is not None and vma.mapping.peek_page(vma.page_index(address)) == frame


def sharers(task: Any, address: int, frame: int) -> tuple[int, ...]:
    """Processes other than `task`'s that have `frame` mapped at `address`: parents and children, as fork leaves it.

    Those whose page tables are parked (mm/parking.py) are left out: to look would bring them back.
    """
    found: list[int] = []
    seen = {task.mm}
    for other in task.system.pids.tasks:
        mm = other.mm
        if mm is None or mm in seen or mm.pt.parked is not None:
            continue
        seen.add(mm)
        entry = mm.pt.lookup(address)
        if entry & PTE_PRESENT and entry >> PAGE_SHIFT & FRAME_MASK == frame:
            found.append(other.tgid)
        if len(seen) > LOOKED_THROUGH:
            break
    return tuple(found)
