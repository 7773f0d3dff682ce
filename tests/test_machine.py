"""Whole machines with the host's programs in them: what is given back, what is bounded, what repeats."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from forkernel import Kernel
from harness import ENVIRONMENT, ON_LINUX
from invariants import check, check_frame_totals

pytestmark = pytest.mark.skipif(not ON_LINUX, reason="runs the programs of a Linux host")

BUSY = """
i=0
while [ $i -lt 20 ]; do (exit $i) & i=$((i+1)); done
wait
seq 100 | sort -r | head -n 3 | wc -l > /tmp/out
rm /tmp/out
"""


FORK_UNTIL_REFUSED = """
import os, signal
pids = []
try:
    while True:
        pid = os.fork()
        if not pid:
            signal.pause()
        pids.append(pid)
except OSError as error:
    print(error.errno, len(pids) > 50)
for pid in pids:
    os.kill(pid, 9)
    os.waitpid(pid, 0)
pid = os.fork()
if not pid:
    os._exit(0)
print(os.waitpid(pid, 0)[1])
"""

RANDOM_AND_TIME = """
head -c 16 /dev/urandom | od -An -tx1
echo $$; date +%s%N; cat /proc/uptime
seq 3 | xargs -P 3 -n 1 sh -c 'echo $$ $0'
"""


def machine(**options: object) -> Kernel:
    return Kernel(env=ENVIRONMENT, memory=128 << 20, seed=1, **options)  # type: ignore[arg-type]


def run(kernel: Kernel, script: str, timeout: float = 120) -> bytes:
    """Run a shell script to its end; what it printed."""
    process = kernel.spawn(["/bin/sh", "-c", script])
    ended = kernel.run(timeout=timeout)
    assert process.status, f"{ended}\n{kernel.tree()}"
    return process.stdout


def test_the_readme_s_python() -> None:
    with Kernel(root="/", seed=1) as k:
        p = k.spawn(["/bin/sh", "-c", "exit 3"])
        k.run()
        assert p.status
        assert p.status.exit_code == 3
        assert "kthreadd" in k.tree()


def test_frames_and_pids_return() -> None:
    with machine() as kernel:
        figures = []
        for _ in range(6):
            run(kernel, BUSY)
            check(kernel.system)
            check_frame_totals(kernel.system)
            slabs = kernel.system.slabs
            kernel.system.stacks.shrink()
            objects = [(cache.name, cache.active_objects) for cache in slabs.caches.values()]
            used = kernel.system.frames.used_count() - slabs.pages()
            figures.append((used, len(kernel.system.pids.numbers), objects))
            assert not kernel.leftover()
        assert figures[-1] == figures[-2] == figures[-3], figures


def test_numbers_wrap_round() -> None:
    with machine() as kernel:
        script = "echo 400 > /proc/sys/kernel/pid_max; for i in $(seq 600); do (exit 0); done; sh -c 'echo $$'"
        out = run(kernel, script)
        assert out.splitlines()
        assert 300 <= int(out) < 400


def test_a_limit_on_processes_is_eagain_and_passes() -> None:
    with machine(pids=100) as kernel:
        process = kernel.spawn(["/usr/bin/env", "python3", "-c", FORK_UNTIL_REFUSED])
        kernel.run(timeout=120)
        assert process.stdout == b"11 True\n0\n", process.stderr


@pytest.mark.parametrize("bomb", [":(){ :|:& };:", "f() { f & f & wait; }; f"], ids=["classic", "waiting"])
def test_a_fork_bomb_is_bounded(bomb: str) -> None:
    with machine(pids=200) as kernel:
        kernel.spawn(["/bin/sh", "-c", bomb.replace(":", "bomb")])
        kernel.run(timeout=3)
        assert len(kernel.system.pids.tasks) <= 200
        check(kernel.system)


def test_same_seed_same_run() -> None:
    runs = []
    for seed in (1, 1, 2):
        with Kernel(env=ENVIRONMENT, seed=seed) as kernel:
            runs.append((run(kernel, RANDOM_AND_TIME), kernel.system.clock.now))
    assert runs[0] == runs[1]
    assert runs[0][0].splitlines()[0] != runs[2][0].splitlines()[0]


def test_a_machine_in_the_middle_of_a_pipeline_is_pickled_and_goes_on() -> None:
    script = "for i in 1 2 3; do echo $i; sleep 1; done | sort -r | (cat; echo end)"
    with machine() as kernel:
        expected = run(kernel, script)
    kernel = machine()
    process = kernel.spawn(["/bin/sh", "-c", script])
    for _ in range(4):
        kernel.run_for(500_000_000)
        kernel = pickle.loads(pickle.dumps(kernel))
        check(kernel.system)
        process = kernel.processes[0]
    kernel.run(timeout=60)
    assert process.stdout == expected == b"3\n2\n1\nend\n"
    kernel.close()


def test_a_guest_writes_nothing_to_the_host(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    with machine(cwd=str(tmp_path)) as kernel:
        out = run(kernel, "echo x > file; echo y > other; mv file third; chmod 0 third; rm other; ls; cat third")
    assert out.startswith(b"third\n")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("file", "kept")]


def test_a_bind_can_be_written_when_asked_for(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("from the host\n")
    with machine(binds=[f"{tmp_path}:/mnt:rw"]) as kernel:
        assert run(kernel, "cat /mnt/in; echo to the host > /mnt/out") == b"from the host\n"
    assert (tmp_path / "out").read_text() == "to the host\n"
