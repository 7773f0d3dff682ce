"""Scripts that make many processes: bash, dash and BusyBox's ash, GNU parallel, xargs, perl, tcl, python's pools, and
pipelines of Debian's tools. Each prints and ends alike natively and in the guest, in an empty directory.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from harness import ENVIRONMENT, ON_LINUX, run_forkernel, run_native

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not ON_LINUX, reason="runs the programs of a Linux host"),
]

PROGRAMS = Path(__file__).parent / "programs"
SCRIPTS = (
    ("night_shift.bash", "/bin/bash"),
    ("tools.bash", "/bin/bash", "gawk", "mawk", "xz", "bc", "gcc", "make"),
    ("parallel.bash", "/bin/bash", "parallel"),
    ("shells.sh", "/bin/dash"),
    ("shells.sh", "busybox", "ash"),
    ("processes.pl", "perl"),
    ("processes.tcl", "tclsh"),
    ("pools.py", "/usr/bin/python3"),
)


@pytest.mark.parametrize("case", SCRIPTS, ids=lambda case: f"{case[0]}-{Path(case[1]).name}")
def test_prints_as_on_linux(case: tuple[str, ...], tmp_path: Path) -> None:
    script, interpreter, *needs = case
    applet = ["ash"] if interpreter == "busybox" else []
    for program in (interpreter, *(need for need in needs if need not in applet)):
        if shutil.which(program, path=ENVIRONMENT["PATH"]) is None:
            pytest.skip(f"no {program}")
    path = shutil.which(interpreter, path=ENVIRONMENT["PATH"])
    assert path
    command = [path, *applet, str(PROGRAMS / script)]
    (tmp_path / "native").mkdir()
    (tmp_path / "guest").mkdir()
    native = run_native(command, tmp_path / "native", timeout=200)
    got = run_forkernel(command, tmp_path / "guest", timeout=280)
    assert (got.stdout.decode(), got.status) == (native.stdout.decode(), native.status), got.stderr.decode()
    assert native.stdout
    assert native.status not in (-1, 126, 127)
