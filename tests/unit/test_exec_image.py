"""Programs kept mapped for the next execve: nobody may notice, and nothing may stay behind."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from forkernel import Kernel

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or not Path("/bin/sh").exists(), reason="runs the host's own programs"
)

AGAIN = "for i in 1 2 3 4; do {}; done"


def shell(kernel: Kernel, script: str) -> tuple[str, str]:
    process = kernel.spawn(["/bin/sh", "-c", script])
    kernel.run()
    return process.stdout.decode(), process.stderr.decode()


def frames_in_use(kernel: Kernel) -> int:
    kernel.system.slabs.shrink()
    kernel.system.stacks.shrink()
    return kernel.system.frames.used_count() - len(kernel.system.vfs.cached_frames())


def test_a_program_run_again_is_kept_and_nothing_stays_behind() -> None:
    with Kernel(root="/", seed=1) as kernel:
        before = frames_in_use(kernel)
        shell(kernel, AGAIN.format("/bin/true"))
        images = kernel.system.exec_images
        names = [key[1].name for key in images.images]
        assert b"true" in names
        assert images.clear() == len(names)
        assert frames_in_use(kernel) == before


def test_a_program_written_over_runs_as_what_it_is_now() -> None:
    script = "cd /tmp; cp /bin/true x; {0}; cp /bin/false x; {0}; rm x; cp /bin/true x; {0}"
    with Kernel(root="/", seed=1) as kernel:
        out, _ = shell(kernel, script.format(AGAIN.format("./x; echo $?")))
    assert out.split() == ["0"] * 4 + ["1"] * 4 + ["0"] * 4


def test_a_kept_program_may_be_written_but_a_running_one_not() -> None:
    with Kernel(root="/", seed=1) as kernel:
        script = "cd /tmp; cp /bin/sleep x; {}; : >> x && echo kept; ./x 9 & sleep 1; (: >> x); echo $?"
        out, err = shell(kernel, script.format(AGAIN.format("./x 0.1")))
    assert out.split() == ["kept", "2"]
    assert "Text file busy" in err


def test_short_memory_drops_what_is_kept() -> None:
    with Kernel(root="/", seed=1, memory=8 << 20) as kernel:
        out, _ = shell(kernel, AGAIN.format("ls /bin >/dev/null; sort /etc/passwd >/dev/null; echo $?"))
        assert out.split() == ["0"] * 4


def test_a_limit_on_memory_holds_for_a_kept_program_too() -> None:
    with Kernel(root="/", seed=1) as kernel:
        out, _ = shell(kernel, AGAIN.format("/bin/true") + "; ulimit -v 300; /bin/true; echo $?")
    assert out.split() == ["139"]


def test_kept_programs_do_not_change_the_layout() -> None:
    with Kernel(root="/", seed=1) as kernel:
        out, _ = shell(kernel, AGAIN.format("grep -c . /proc/self/maps; grep -m1 grep /proc/self/maps"))
    lines = out.splitlines()
    assert len(set(lines[0::2])) == 1
    assert len(set(lines[1::2])) == 1
