"""The kernel gives up (Linux: kernel/panic.c): it says why on the console, and the machine is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.utsname import UTS_RELEASE, UTS_VERSION
from forkernel.kernel.clock import NSEC_PER_SEC
from forkernel.kernel.printk import KERN_EMERG
from forkernel.kernel.system import ENDED_PANIC

if TYPE_CHECKING:
    from forkernel.kernel.system import System

CONSOLE_LOGLEVEL_MOTORMOUTH = 15


def panic(system: System, text: bytes, why: str = ENDED_PANIC) -> None:
    """Tell, and end the run; with kernel.panic above 0 after so many seconds. `why` is what `Kernel.run` returns."""
    log, task = system.printk, system.cpu_curr
    log.console_loglevel = max(log.console_loglevel, CONSOLE_LOGLEVEL_MOTORMOUTH)
    log.emit(KERN_EMERG, b"Kernel panic - not syncing: %s" % text)
    where = (task.se.cpu, task.cred.uid, task.pid, task.comm, UTS_RELEASE, UTS_VERSION)
    log.emit(KERN_EMERG, b"CPU: %d UID: %d PID: %d Comm: %s Not tainted %s %s" % where)
    system.panic_text = text
    if system.panic_timeout > 0:
        log.emit(KERN_EMERG, b"Rebooting in %d seconds.." % system.panic_timeout)
        system.clock.jump_to(system.clock.now + system.panic_timeout * NSEC_PER_SEC)
    if not system.panic_timeout:
        log.emit(KERN_EMERG, b"---[ end Kernel panic - not syncing: %s ]---" % text)
    system.end(why)
