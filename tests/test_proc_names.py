"""Every name in the host's /proc is in ours, or docs/proc.md says why not."""

from __future__ import annotations

import os
import re

import pytest

from forkernel import Kernel
from harness import ENVIRONMENT, ON_LINUX, ROOT

DOCS = (ROOT / "docs" / "proc.md").read_text()
HARDWARE = {"asound", "fb", "mdstat", "scsi"}
"""Names that stand for devices of the host."""
OPTIONAL = {
    "consoles", "io", "kmsg", "loginuid", "schedstat", "sessionid", "slabinfo", "stack", "syscall", "timer_list",
}  # fmt: skip
"""What a host may have been built without, though we have it."""
PLACES = (("/proc/self", "In /proc/PID, not there"), ("/proc", "In /proc, not there"))


def explained(title: str) -> set[str]:
    """Names in the first column of the table below a heading."""
    section = DOCS.split(f"## {title}\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return set(re.findall(r"`([^`]+)`", " ".join(rows)))


@pytest.mark.skipif(not ON_LINUX, reason="looks at the host's /proc")
@pytest.mark.parametrize(
    ("path", "title"), [("/proc/self", "In /proc/PID, not there"), ("/proc", "In /proc, not there")]
)
def test_every_name_is_there_or_explained(path: str, title: str) -> None:
    with Kernel(env=ENVIRONMENT) as kernel:
        process = kernel.spawn(["/bin/ls", "-f", path])
        kernel.run(timeout=60)
        here = set(process.stdout.decode().split())
    theirs = {name for name in os.listdir(path) if not name.isdigit()}
    assert theirs - here - HARDWARE <= explained(title)
    assert not explained(title) & here
    assert {name for name in here if not name.isdigit()} - theirs <= {".", ".."} | OPTIONAL
