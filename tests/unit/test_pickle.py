"""A machine in mid-run is pickled and restored: it and the original go on to the same end."""

from __future__ import annotations

import pickle
import sys

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from forkernel import Kernel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs the host's shell")

SCRIPT = """
trap 'echo usr1' USR1
trap 'echo bye; exit 7' EXIT
(sleep 0.02; kill -USR1 $$; sleep 0.01; echo background) &
for i in 1 2; do echo $i; sleep 0.004; done | while read n; do echo "line $n"; done
x=0; while [ $x -lt 30 ]; do x=$((x+1)); done; echo $x
wait; echo first $?; wait; echo second $?
printf 'b\\na\\n' | sort
(exit 5); echo $?; sh -c 'kill -9 $$'; echo $?
"""
EXPECTED = b"line 1\nline 2\n30\nusr1\nfirst 138\nbackground\nsecond 0\na\nb\n5\n137\nbye\n"


def boot(script=SCRIPT, **options):
    kernel = Kernel(root="/", seed=1, memory=24 << 20, **options)
    return kernel, kernel.spawn(["/bin/sh", "-c", script])


def finish(kernel, expected=EXPECTED, code=7):
    """Run to the end, which is to be as if nothing had been."""
    assert kernel.run(timeout=60) == "idle"
    process = kernel.processes[0]
    assert process.stdout == expected
    assert process.stderr in (b"", b"Killed\n")  # what dash says of the last child
    assert process.status.exit_code == code
    assert [task.pid for task in kernel.system.all_tasks()] == [1, 2]
    kernel.close()


@pytest.fixture(scope="module")
def duration():
    """Virtual nanoseconds the script takes."""
    kernel, _ = boot()
    start = kernel.system.clock.now
    finish(kernel)
    return kernel.system.clock.now - start


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(part=st.floats(0, 1))
@example(part=0.0)
@example(part=0.5)
def test_restored_at_any_moment(duration, part):
    kernel, _ = boot()
    kernel.run_for(int(duration * part))
    restored = pickle.loads(pickle.dumps(kernel))
    finish(restored)
    finish(kernel)


def test_a_copy_of_a_copy_every_millisecond_or_so(duration):
    kernel, _ = boot()
    for _ in range(5):
        kernel.run_for(duration // 6)
        kernel = pickle.loads(pickle.dumps(kernel))
    finish(kernel)


def test_before_anything_ran():
    kernel, _ = boot()
    finish(pickle.loads(pickle.dumps(kernel)))
    finish(kernel)


def test_after_everything_ran():
    kernel, process = boot()
    kernel.run(timeout=60)
    restored = pickle.loads(pickle.dumps(kernel))
    assert restored.processes[0].stdout == process.stdout == EXPECTED
    assert restored.processes[0].status == process.status
    second = restored.spawn(["/bin/sh", "-c", "echo more"])
    restored.run(timeout=60)
    assert second.stdout == b"more\n"


def test_the_copies_are_apart():
    """What one does afterwards, the other does not see: memory, files, processes."""
    kernel, process = boot("echo one > /tmp/forkernel_file; sleep 0.05; cat /tmp/forkernel_file")
    kernel.run_for(20_000_000)
    restored = pickle.loads(pickle.dumps(kernel))
    other = restored.spawn(["/bin/sh", "-c", "echo two > /tmp/forkernel_file"])
    restored.run(timeout=60)
    kernel.run(timeout=60)
    assert other.status.exit_code == 0
    assert restored.processes[0].stdout == b"two\n"
    assert process.stdout == b"one\n"


def test_standard_input_is_kept():
    with Kernel(root="/", seed=1, memory=24 << 20) as kernel:
        kernel.spawn(["/bin/sh", "-c", "read a; sleep 0.05; read b; echo $b $a"], stdin=b"first\nsecond\n")
        kernel.run_for(20_000_000)
        restored = pickle.loads(pickle.dumps(kernel))
        for machine in (restored, kernel):
            finish(machine, b"second first\n", 0)
