"""Booting up to the first program (Linux: init/main.c): the kernel's command line, and PID 1's search for an init.

`parse_cmdline` takes what is the kernel's own from the command line (bootparam(7)); the rest is for init: words
without `=` as arguments, with `=` as its environment, and everything after `--` as arguments. `KernelInit` is PID 1
until it has executed an init: that of `init=`, or the first there is of `INITS`. No init is a panic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from forkernel.abi.errno import ENOENT
from forkernel.errors import SysError
from forkernel.init.setup import console_on_rootfs
from forkernel.kernel.exec import kernel_execve
from forkernel.kernel.panic import panic
from forkernel.kernel.printk import (
    CONSOLE_LOGLEVEL_DEBUG,
    CONSOLE_LOGLEVEL_QUIET,
    KERN_DEBUG,
    KERN_ERR,
    KERN_INFO,
    KERN_NOTICE,
    KERN_WARNING,
)
from forkernel.kernel.task import SIGNAL_UNKILLABLE

if TYPE_CHECKING:
    from forkernel.kernel.printk import Printk
    from forkernel.kernel.system import System
    from forkernel.kernel.task import Task

INITS = (b"/sbin/init", b"/etc/init", b"/bin/init", b"/bin/sh")
"""Where an init is looked for, in this order."""
INIT_ENVIRONMENT = {b"HOME": b"/", b"TERM": b"linux"}
HELP = b"Try passing init= option to kernel."


class BootParams(NamedTuple):
    """What the command line says."""

    init: bytes | None
    """`init=`; None: the first of INITS."""
    arguments: tuple[bytes, ...]
    """Of init, after its name."""
    environment: dict[bytes, bytes]
    """Of init."""
    readonly: bool
    """`ro`: the root is mounted read-only."""


def parse_cmdline(system: System, words: tuple[bytes, ...]) -> BootParams:
    """Do what the words say to the kernel; the rest is for init. A number that is none counts as not given."""
    log = system.printk
    log.emit(KERN_NOTICE, b"Kernel command line: %s" % system.options.saved_command_line())
    init: bytes | None = None
    arguments: list[bytes] = []
    environment = dict(INIT_ENVIRONMENT)
    readonly, unknown = False, list[bytes]()
    end = words.index(b"--") if b"--" in words else len(words)
    for word in words[:end]:
        name, equals, value = word.partition(b"=")
        if name == b"init" and value:
            init, arguments = value, []  # words before it may be a boot loader's
        elif word in (b"ro", b"rw"):
            readonly = word == b"ro"
        elif kernel_param(system, log, name, value) or b"." in name:
            continue
        elif equals:
            environment[name] = value
            unknown.append(word)
        else:
            arguments.append(word)
            unknown.append(word)
    if unknown:
        told = b'Unknown kernel command line parameters "%s", will be passed to user space.'
        log.emit(KERN_NOTICE, told % b" ".join(unknown))
    return BootParams(init, (*arguments, *words[end + 1 :]), environment, readonly)


def kernel_param(system: System, log: Printk, name: bytes, value: bytes) -> bool:
    """Whether this is a parameter of the kernel's; then it is set."""
    if name == b"quiet":
        log.console_loglevel = CONSOLE_LOGLEVEL_QUIET
    elif name == b"debug":
        log.console_loglevel = CONSOLE_LOGLEVEL_DEBUG
    elif name == b"loglevel":
        log.console_loglevel = int(value) if value.isdigit() else log.console_loglevel
    elif name == b"panic":
        system.panic_timeout = int(value) if value.removeprefix(b"-").isdigit() else system.panic_timeout
    else:
        return False
    return True


class KernelInit:
    """PID 1 as a kernel thread, before it is a program."""

    def __init__(self, params: BootParams) -> None:
        self.params = params
        self.argv: list[bytes] = [b"init"]
        """Of the init that was tried last."""
        self.error = 0
        """None: what cannot be run is a panic."""

    def step(self, task: Task) -> None:
        """Become init."""
        task.signal.flags |= SIGNAL_UNKILLABLE
        log = task.system.printk
        try:
            console_on_rootfs(task)
        except SysError:
            log.emit(KERN_ERR, b"Warning: unable to open an initial console.")
        if self.params.init is not None:
            error = self.run_init_process(task, self.params.init)
            if error:
                panic(task.system, b"Requested init %s failed (error -%d)." % (self.params.init, error))
            return
        for path in INITS:
            error = self.run_init_process(task, path)
            if not error:
                return
            if error != ENOENT:
                told = b"Starting init: %s exists but couldn't execute it (error -%d)"
                log.emit(KERN_WARNING, told % (path, error))
        panic(task.system, b"No working init found.  %s" % HELP)

    def run_init_process(self, task: Task, path: bytes) -> int:
        """Execute `path`; the errno if that fails."""
        log = task.system.printk
        argv = self.argv = [path, *self.params.arguments]
        envp = [b"%s=%s" % pair for pair in self.params.environment.items()]
        log.emit(KERN_INFO, b"Run %s as init process" % path)
        log.emit(KERN_DEBUG, b"  with arguments:")
        for word in argv:
            log.emit(KERN_DEBUG, b"    %s" % word)
        log.emit(KERN_DEBUG, b"  with environment:")
        for word in envp:
            log.emit(KERN_DEBUG, b"    %s" % word)
        try:
            kernel_execve(task, path, argv, envp)
        except SysError as error:
            return error.errno
        return 0
