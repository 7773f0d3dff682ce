"""A machine that runs out of memory kills a process and goes on."""

from __future__ import annotations

import sys

import pytest

from forkernel import Kernel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs the host's shell")

HOG = "x=a; while :; do x=$x$x; done"


def run(command, memory=40 << 20):
    with Kernel(root="/", seed=1, memory=memory) as kernel:
        process = kernel.spawn(["/bin/sh", "-c", command])
        kernel.run(timeout=60)
        for task in kernel.system.all_tasks():
            if task.mm is not None:
                task.mm.vmas.check_invariants()
        return process.status, process.stdout


def test_the_one_who_takes_all_memory_dies():
    status, _ = run(f"exec /bin/sh -c '{HOG}'")
    assert status.signal == 9


def test_the_parent_survives_and_gets_the_status():
    status, output = run(f"/bin/sh -c '{HOG}'; echo $?; /bin/sh -c '{HOG}'; echo $?; cat /dev/null && echo alive")
    assert output == b"137\n137\nalive\n"
    assert status.exit_code == 0


def test_a_protected_process_is_spared_although_it_is_larger():
    """The shell holds a quarter of the memory; the killed one is its child with much less."""
    large = "x=aaaaaaaaaaaaaaaa; while [ ${#x} -lt 6000000 ]; do x=$x$x; done"
    protect = "echo -1000 > /proc/self/oom_score_adj"
    hog = f"exec /bin/sh -c 'echo 0 > /proc/self/oom_score_adj; {HOG}'"
    _, output = run(f"{protect}; {large}; ({hog}); echo $?", memory=40 << 20)
    assert output == b"137\n"


def test_the_last_one_goes_although_it_is_protected():
    status, _ = run(f"echo -1000 > /proc/self/oom_score_adj; {HOG}")
    assert status.signal == 9


def test_memory_comes_back_after_the_kill():
    with Kernel(root="/", seed=1, memory=40 << 20) as kernel:
        small = kernel.spawn(["/bin/true"])
        kernel.run(timeout=60)
        before = kernel.system.frames.free_count()
        hog = kernel.spawn(["/bin/sh", "-c", HOG])
        kernel.run(timeout=60)
        assert small.status.exit_code == 0
        assert hog.status.signal == 9
        kept = before - kernel.system.frames.free_count()
        assert kept < 2000  # what remains is page cache
