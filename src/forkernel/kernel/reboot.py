"""The end of the machine as a program wants it, and Ctrl-Alt-Del (Linux: kernel/reboot.c; reboot(2)).

`do_reboot` is the call. Restart, halt and power-off say so in the log and end the run: `System.ended` tells which. In
a PID namespace below the first they end the namespace instead (`reboot_pid_ns`). `ctrl_alt_del` is what the three keys
do: restart at once, or, once an init has switched that off (LINUX_REBOOT_CMD_CAD_OFF), SIGINT for `cad_pid`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.capability import CAP_SYS_BOOT
from forkernel.abi.errno import EINVAL, EPERM, ESRCH
from forkernel.abi.signal import SIGINT
from forkernel.abi.system import (
    LINUX_REBOOT_CMD_CAD_OFF,
    LINUX_REBOOT_CMD_CAD_ON,
    LINUX_REBOOT_CMD_HALT,
    LINUX_REBOOT_CMD_POWER_OFF,
    LINUX_REBOOT_CMD_RESTART,
    LINUX_REBOOT_CMD_RESTART2,
    LINUX_REBOOT_MAGIC1,
    LINUX_REBOOT_MAGIC2,
)
from forkernel.errors import SysError
from forkernel.kernel import signal
from forkernel.kernel.cred import ns_capable
from forkernel.kernel.pid import find_vpid, pid_vnr
from forkernel.kernel.printk import KERN_EMERG
from forkernel.kernel.system import ENDED_HALT, ENDED_POWER_OFF, ENDED_RESTART

if TYPE_CHECKING:
    from forkernel.kernel.pid import Pid
    from forkernel.kernel.system import System
    from forkernel.kernel.task import Task
    from forkernel.mm.uaccess import UserBuf

COMMAND_MAX = 255


def do_reboot(task: Task, magic: int, magic2: int, cmd: int, arg: UserBuf) -> int:
    """The call. EPERM without CAP_SYS_BOOT, EINVAL for wrong magic numbers or an unknown command, EFAULT."""
    ns, system = task.thread_pid.ns, task.system
    if not ns_capable(task, ns.user_ns, CAP_SYS_BOOT):
        raise SysError(EPERM)
    if magic != LINUX_REBOOT_MAGIC1 or magic2 not in LINUX_REBOOT_MAGIC2:
        raise SysError(EINVAL)
    if ns.level:
        from forkernel.kernel.pid_namespace import reboot_pid_ns

        reboot_pid_ns(task, cmd)
    elif cmd in (LINUX_REBOOT_CMD_CAD_ON, LINUX_REBOOT_CMD_CAD_OFF):
        system.cad_enabled = int(cmd == LINUX_REBOOT_CMD_CAD_ON)
    elif cmd == LINUX_REBOOT_CMD_RESTART:
        kernel_restart(system)
    elif cmd == LINUX_REBOOT_CMD_RESTART2:
        kernel_restart(system, arg.mm.read_cstr(arg.addr, COMMAND_MAX))
    elif cmd == LINUX_REBOOT_CMD_HALT:
        system.printk.emit(KERN_EMERG, b"reboot: System halted")
        system.end(ENDED_HALT)
    elif cmd == LINUX_REBOOT_CMD_POWER_OFF:
        system.printk.emit(KERN_EMERG, b"reboot: Power down")
        system.end(ENDED_POWER_OFF)
    else:
        raise SysError(EINVAL)
    return 0


def kernel_restart(system: System, command: bytes | None = None) -> None:
    """Restart, with `command` for the firmware, which there is none to take."""
    how = b"Restarting system" if command is None else b"Restarting system with command '%s'" % command
    system.printk.emit(KERN_EMERG, b"reboot: " + how)
    system.end(ENDED_RESTART)


def ctrl_alt_del(system: System) -> None:
    """The keys were pressed."""
    if system.cad_enabled:
        kernel_restart(system)
        return
    leader = cad_pid(system).task
    if leader is not None:
        signal.send_signal(SIGINT, None, leader, group=True)


def cad_pid(system: System) -> Pid:
    """Who gets Ctrl-Alt-Del's SIGINT: PID 1, until somebody else is named."""
    return system.cad_pid or system.child_reaper.thread_pid


# --- /proc/sys/kernel/cad_pid


def get_cad_pid(task: Task) -> int:
    """Its number in the reader's PID namespace."""
    return pid_vnr(cad_pid(task.system), task)


def set_cad_pid(task: Task, value: int) -> None:
    """ESRCH for a number that nobody has."""
    found, system = find_vpid(task, value), task.system
    if found is None:
        raise SysError(ESRCH)
    found.get()
    if system.cad_pid is not None:
        system.cad_pid.put()
    system.cad_pid = found
