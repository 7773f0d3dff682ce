"""stress-ng's process stressors, Debian's own program with `--verify`: ten operations each, and nothing is left behind.

What each has to say was looked up natively (stress-ng 0.15.06 on Linux 6.18): status 0 and at least ten operations.
fd-fork came after Debian 12's version: tests/guest/fork/many_descriptors.c does the same.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from forkernel import Kernel
from forkernel.kernel import invariants
from forkernel.kernel.leaks import leaks
from harness import ENVIRONMENT, ON_LINUX

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not ON_LINUX or shutil.which("stress-ng") is None, reason="needs stress-ng"),
]

STRESSORS = (
    "fork", "vfork", "vforkmany", "clone", "daemon", "exec", "exit-group", "wait", "zombie", "session", "kill",
    "sigchld", "sigq", "switch", "pipe", "pthread", "futex", "sem-sysv", "mmapfork", "mmapmany", "resources",
)  # fmt: skip
MEMORY = {"mmapfork": 48}
"""MiB of RAM where the default is too much: mmapfork takes what is free. Others wait for ever where it is little."""
OPTIONS = {"exec": ("--exec-max", "4"), "vforkmany": ("--vforkmany-ops", "10")}
NOBODY = (65534, 65534, ())
SKIPPED_BY_ROOT = ("exec",)


def bogo_operations(output: str, stressor: str) -> int:
    """The stressor's count, of the table that --metrics-brief prints."""
    found = re.search(rf"\] {stressor} +(\d+) ", output)
    assert found, output
    return int(found[1])


@pytest.mark.parametrize("stressor", STRESSORS)
def test_stressor(stressor: str, tmp_path: Path) -> None:
    user = NOBODY if stressor in SKIPPED_BY_ROOT else (0, 0, ())
    command = ["stress-ng", f"--{stressor}", "1", f"--{stressor}-ops", "10", *OPTIONS.get(stressor, ())]
    command += ["--verify", "--metrics-brief", "--temp-path", "/tmp", "--timeout", "3600"]
    memory = MEMORY.get(stressor, 512) << 20
    with Kernel(env=ENVIRONMENT, cwd="/tmp", memory=memory, user=user) as kernel:
        process = kernel.spawn(command)
        assert kernel.run(timeout=300) == "idle", kernel.tree()
        assert process.status is not None
        output = (process.stdout + process.stderr).decode()
        assert process.status.exit_code == 0, output
        assert not re.search("fail|error|skipping", output.replace("failed: 0", "")), output
        assert bogo_operations(output, stressor) >= 10
        invariants.check(kernel.system)
        assert leaks(kernel.system) == []
