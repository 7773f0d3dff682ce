"""Files about devices and interrupts: devices, misc, consoles, interrupts, softirqs, iomem, timer_list and their like.

There are no block devices, so diskstats and partitions are empty. The only interrupt is the timer's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.fs.devices import MEM_MAJOR, TTY_MAJOR, TTYAUX_MAJOR

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

CHAR_DEVICES = (
    (MEM_MAJOR, "mem"),
    (TTY_MAJOR, "ttyS"),
    (TTYAUX_MAJOR, "/dev/tty"),
    (TTYAUX_MAJOR, "/dev/console"),
    (TTYAUX_MAJOR, "/dev/ptmx"),
    (128, "ptm"),
    (136, "pts"),
)
TTY_DRIVERS = (
    ("/dev/tty", "/dev/tty", TTYAUX_MAJOR, "0", "system:/dev/tty"),
    ("/dev/console", "/dev/console", TTYAUX_MAJOR, "1", "system:console"),
    ("/dev/ptmx", "/dev/ptmx", TTYAUX_MAJOR, "2", "system"),
    ("serial", "/dev/ttyS", TTY_MAJOR, "64", "serial"),
    ("pty_slave", "/dev/pts", 136, "0-1048575", "pty:slave"),
    ("pty_master", "/dev/ptm", 128, "0-1048575", "pty:master"),
)
"""Name, name in /dev, major number, minor numbers, type."""
SOFTIRQS = ("HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU")


def devices(inode: Any, reader: Task) -> bytes:
    """Major numbers of devices."""
    lines = ["Character devices:", *(f"{number:3d} {name}" for number, name in CHAR_DEVICES), "", "Block devices:"]
    return "\n".join(lines).encode() + b"\n"


def tty_drivers(inode: Any, reader: Task) -> bytes:
    """Kinds of terminals, by which ps finds their names."""
    rows = [f"{name:<20} {dev:<10} {major:6} {minors:>7} {kind}" for name, dev, major, minors, kind in TTY_DRIVERS]
    return "\n".join(rows).encode() + b"\n"


def consoles(inode: Any, reader: Task) -> bytes:
    """Where the kernel log goes to, if anywhere (Linux: show_console_dev)."""
    return b"ttyS0                -W- (EC  p  )    4:64\n" if inode.sb.system.printk.console is not None else b""


def nothing(inode: Any, reader: Task) -> bytes:
    """Of what the file lists there is none: block devices, misc devices."""
    return b""


def execdomains(inode: Any, reader: Task) -> bytes:
    """Kinds of programs: those of Linux."""
    return b"0-0\tLinux           \t[kernel]\n"


def interrupts(inode: Any, reader: Task) -> bytes:
    """Interrupts of each CPU: one a time that a slice ended or a timer was due while it ran a program."""
    counts: list[tuple[int, int]] = inode.sb.kernel.interrupts()
    head = " " * 11 + "".join(f"CPU{cpu:<8}" for cpu in range(len(counts)))
    line = " LOC: " + "".join(f"{ticks:10d} " for ticks, _ in counts) + "  Local timer interrupts"
    return f"{head}\n{line}\n ERR: {0:10d}\n".encode()


def softirqs(inode: Any, reader: Task) -> bytes:
    """Deferred work of each CPU: timers, looked at when one is due."""
    counts: list[tuple[int, int]] = inode.sb.kernel.interrupts()
    lines = [" " * 20 + "".join(f"CPU{cpu:<8}" for cpu in range(len(counts)))]
    for name in SOFTIRQS:
        lines.append(f"{name:>12}:" + "".join(f" {runs if name == 'TIMER' else 0:10d}" for _, runs in counts))
    return "\n".join(lines).encode() + b"\n"


def iomem(inode: Any, reader: Task) -> bytes:
    """Physical addresses and what is there."""
    text: bytes = inode.sb.kernel.iomem(reader)
    return text


def timer_list(inode: Any, reader: Task) -> bytes:
    """The timers that wait."""
    text: bytes = inode.sb.kernel.timer_list()
    return text


def cmdline(inode: Any, reader: Task) -> bytes:
    """What the machine was started with."""
    text: bytes = inode.sb.kernel.command_line()
    return text + b"\n"


def buddyinfo(inode: Any, reader: Task) -> bytes:
    """Free blocks of memory by size."""
    text: bytes = inode.sb.kernel.buddyinfo()
    return text


def zoneinfo(inode: Any, reader: Task) -> bytes:
    """The zone of memory and its counters."""
    text: bytes = inode.sb.kernel.zoneinfo()
    return text
