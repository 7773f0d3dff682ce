"""Nothing a guest asks for is more than an error to it: random calls make no KernelBug and break no invariant."""

from __future__ import annotations

from pathlib import Path

import pytest

from forkernel import Kernel
from harness import ON_LINUX, compile_program
from invariants import check, check_frame_totals

SOURCE = Path(__file__).parent / "fuzz" / "random_calls.c"


@pytest.mark.skipif(not ON_LINUX, reason="needs /bin/true and the like in the root")
@pytest.mark.parametrize("user", [(0, 0, ()), (1000, 1000, (5,))], ids=["root", "user"])
@pytest.mark.parametrize("seed", range(4))
def test_random_calls(seed: int, user: tuple[int, int, tuple[int, ...]], tmp_path: Path) -> None:
    program = compile_program(SOURCE)
    with Kernel(memory=64 << 20, seed=seed, cwd=str(tmp_path) if user[0] == 0 else "/", user=user) as kernel:
        process = kernel.spawn([str(program), str(seed), "20", "300"])
        kernel.run(timeout=100)
        assert process.status, kernel.tree()
        check(kernel.system)
        check_frame_totals(kernel.system)


@pytest.mark.skipif(not ON_LINUX, reason="needs the root of a Linux host")
@pytest.mark.parametrize("seed", range(3))
def test_random_ipc_calls(seed: int) -> None:
    """System V objects, message queues, control groups: nothing breaks, and what is counted adds up."""
    program = compile_program(SOURCE.with_name("ipc_calls.c"))
    with Kernel(memory=64 << 20, seed=seed) as kernel:
        process = kernel.spawn([str(program), str(seed + 1), "2000"])
        kernel.run(timeout=100)
        assert process.status, kernel.tree()
        check(kernel.system)
        check_frame_totals(kernel.system)
        root = kernel.system.cgroup_root
        assert root is not None
        for group in root.below():
            assert not group.tasks
            assert not group.populated
            assert group.pids == 0
        assert len(kernel.system.ipc_namespaces) == 1
