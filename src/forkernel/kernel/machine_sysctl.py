"""Settings in /proc/sys of the kernel log and of the end of the machine (proc_sys_kernel(5))."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.capability import CAP_SYS_ADMIN
from forkernel.abi.errno import EINVAL, EPERM
from forkernel.errors import SysError
from forkernel.fs.proc.proc_sysctl import Sysctl
from forkernel.kernel.clock import NSEC_PER_SEC
from forkernel.kernel.cred import capable

if TYPE_CHECKING:
    from forkernel.kernel.system import System
    from forkernel.kernel.task import Task

LEVELS = 4
INT_MAX = (1 << 31) - 1
DEVKMSG_MODES = (b"on", b"off", b"ratelimit")


def get_printk(system: System) -> bytes:
    """Levels: what the console shows, what messages without one have, the least and the default for the console."""
    log = system.printk
    levels = (
        log.console_loglevel,
        log.default_message_loglevel,
        log.minimum_console_loglevel,
        log.default_console_loglevel,
    )
    return b"\t".join(b"%d" % level for level in levels)


def set_printk(system: System, text: bytes) -> None:
    """One to four numbers; those not given stay. EINVAL."""
    words = text.split()
    if not words or len(words) > LEVELS:
        raise SysError(EINVAL)
    try:
        levels = [int(word) for word in words]
    except ValueError:
        raise SysError(EINVAL) from None
    log = system.printk
    levels += [int(word) for word in get_printk(system).split()[len(levels) :]]
    (
        log.console_loglevel,
        log.default_message_loglevel,
        log.minimum_console_loglevel,
        log.default_console_loglevel,
    ) = levels


def get_devkmsg(system: System) -> bytes:
    """Whether programs may write to /dev/kmsg."""
    return system.printk.devkmsg_log


def set_devkmsg(system: System, text: bytes) -> None:
    """on, off or ratelimit; EINVAL."""
    if text not in DEVKMSG_MODES:
        raise SysError(EINVAL)
    system.printk.devkmsg_log = text


def get_interval(system: System) -> int:
    """Seconds in which there may be `burst` messages that programs cause."""
    return system.printk.ratelimit.interval // NSEC_PER_SEC


def set_interval(system: System, value: int) -> None:
    """As said; 0: as many as there are."""
    system.printk.ratelimit.interval = value * NSEC_PER_SEC


def get_burst(system: System) -> int:
    """How many of them."""
    return system.printk.ratelimit.burst


def set_burst(system: System, value: int) -> None:
    """As said."""
    system.printk.ratelimit.burst = value


def get_dmesg_restrict(task: Task) -> int:
    """Whether only CAP_SYSLOG may read the log."""
    return task.system.printk.dmesg_restrict


def set_dmesg_restrict(task: Task, value: int) -> None:
    """EPERM without CAP_SYS_ADMIN."""
    if not capable(task, CAP_SYS_ADMIN):
        raise SysError(EPERM)
    task.system.printk.dmesg_restrict = value


def get_exception_trace(system: System) -> int:
    """Whether a program's fault that it has no handler for is logged."""
    return int(system.show_unhandled_signals)


def set_exception_trace(system: System, value: int) -> None:
    """As said."""
    system.show_unhandled_signals = value


def get_ctrl_alt_del(system: System) -> int:
    """Whether Ctrl-Alt-Del restarts the machine at once."""
    return system.cad_enabled


def set_ctrl_alt_del(system: System, value: int) -> None:
    """As reboot(2)."""
    system.cad_enabled = value


def get_cad_pid(task: Task) -> int:
    """Who gets SIGINT by Ctrl-Alt-Del."""
    from forkernel.kernel import reboot

    return reboot.get_cad_pid(task)


def set_cad_pid(task: Task, value: int) -> None:
    """ESRCH."""
    from forkernel.kernel import reboot

    reboot.set_cad_pid(task, value)


def get_panic(system: System) -> int:
    """Seconds from a panic to a restart."""
    return system.panic_timeout


def set_panic(system: System, value: int) -> None:
    """As said; 0: none, below 0: at once."""
    system.panic_timeout = value


MACHINE_SYSCTLS: list[Sysctl] = [
    Sysctl(b"debug/exception-trace", 0o644, get_exception_trace, set_exception_trace, -INT_MAX - 1),
    Sysctl(b"kernel/cad_pid", 0o600, get_cad_pid, set_cad_pid, -INT_MAX - 1, by_task=True),
    Sysctl(b"kernel/ctrl-alt-del", 0o644, get_ctrl_alt_del, set_ctrl_alt_del, -INT_MAX - 1),
    Sysctl(b"kernel/dmesg_restrict", 0o644, get_dmesg_restrict, set_dmesg_restrict, 0, 1, by_task=True),
    Sysctl(b"kernel/panic", 0o644, get_panic, set_panic, -INT_MAX - 1),
    Sysctl(b"kernel/printk", 0o644, get_printk, set_printk),
    Sysctl(b"kernel/printk_devkmsg", 0o644, get_devkmsg, set_devkmsg),
    Sysctl(b"kernel/printk_ratelimit", 0o644, get_interval, set_interval),
    Sysctl(b"kernel/printk_ratelimit_burst", 0o644, get_burst, set_burst),
]
