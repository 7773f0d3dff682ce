"""Kernel threads: tasks without user memory, made by kthreadd, PID 2 (Linux: kernel/kthread.c).

A kernel thread is an object with a `step(task)` method, called whenever the scheduler picks the thread. A
step does a little and returns, or raises `Sleep` to wait; it keeps what it must remember in its fields. So
it has no stack, and can be pickled like everything else.

Life cycle: `kthread_create` asks kthreadd for it, kthreadd clones it and it is runnable; it ends by
calling `kernel.exit.do_exit`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from forkernel.kernel.fork import CLONE_FILES, CLONE_FS, CLONE_UNTRACED, CLONE_VM, KernelCloneArgs, kernel_clone
from forkernel.wait import Sleep, WaitQueue

if TYPE_CHECKING:
    from forkernel.kernel.system import System
    from forkernel.kernel.task import Task


class KthreadFunction(Protocol):
    """What a kernel thread does."""

    def step(self, task: Task) -> None:
        """Do the next piece of work; may raise Sleep."""


class Request:
    """One thread asked of kthreadd; `task` is set when it exists."""

    __slots__ = ("function", "name", "task")

    def __init__(self, function: KthreadFunction, name: str) -> None:
        self.function = function
        self.name = name
        self.task: Task | None = None


class Kthreadd:
    """PID 2: makes all other kernel threads, so that they are its children."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.wait = WaitQueue()

    def step(self, task: Task) -> None:
        """Make the threads that were asked for, then sleep."""
        while self.requests:
            request = self.requests.pop(0)
            request.task = kernel_thread(task, request.function, request.name, CLONE_FS | CLONE_FILES)
        raise Sleep(self.wait)


def kernel_thread(parent: Task, function: KthreadFunction, name: str, flags: int = 0, exit_signal: int = 17) -> Task:
    """Clone a task without user mode that runs `function`; it is runnable (Linux: kernel_thread)."""
    args = KernelCloneArgs(flags=flags | CLONE_VM | CLONE_UNTRACED, exit_signal=exit_signal, kthread=function)
    args.name = name.encode()[:15]
    kernel_clone(parent, args)
    assert args.child is not None
    return args.child


def kthread_run(system: System, function: KthreadFunction, name: str) -> Any:
    """Ask kthreadd for a thread; returns the request, whose `task` appears when kthreadd has run."""
    daemon = system.kthreadd
    request = Request(function, name)
    daemon.requests.append(request)
    daemon.wait.wake_up()
    return request
