"""The same run whoever watches: traced or not, restored from a snapshot or not, one task alone or many."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from forkernel import Kernel

SCRIPT = (
    "i=0; while [ $i -lt 300 ]; do i=$((i+1)); done; date +%s%N; "
    "(echo a | cat; date +%s%N) & (exec 2>&1; echo b | tr a-z A-Z); wait; cat /proc/uptime; "
    "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; date +%s%N"
)


class Watcher:
    """A trace sink that wants everything and does nothing."""

    def sys_enter(self, task: Any) -> None: ...

    def sys_exit(self, task: Any, result: int) -> None: ...

    def page_fault(self, task: Any, address: int, error_code: int, rip: int) -> None: ...

    def sched_switch(self, before: Any, after: Any) -> None: ...


def whole_run(**options: Any) -> tuple[bytes, int]:
    """Output of the script and the virtual time at its end."""
    with Kernel(seed=5, **options) as kernel:
        process = kernel.spawn(["/bin/sh", "-c", SCRIPT])
        assert kernel.run(until=process) == "exited"
        if not kernel.repeatable:
            pytest.skip("no C compiler for the block counter")
        return process.stdout, kernel.system.clock.now


@pytest.mark.parametrize("cpus", [1, 4])
def test_tracing_does_not_change_the_run(cpus: int) -> None:
    assert whole_run(cpus=cpus) == whole_run(cpus=cpus, trace=Watcher())


@pytest.mark.parametrize("cpus", [1, 4])
def test_a_restored_machine_goes_on_as_the_original(cpus: int) -> None:
    with Kernel(seed=5, cpus=cpus) as kernel:
        process = kernel.spawn(["/bin/sh", "-c", SCRIPT])
        if not kernel.repeatable:
            pytest.skip("no C compiler for the block counter")
        kernel.run_for(5_000_000)
        with pickle.loads(pickle.dumps(kernel)) as restored:
            again = restored.processes[0]
            restored.run(until=again)
            kernel.run(until=process)
            assert (again.stdout, restored.system.clock.now) == (process.stdout, kernel.system.clock.now)
