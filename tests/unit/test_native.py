"""The lines of C that the CPU uses: that the emulator really takes the function that stands for its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from forkernel.hw.native import load_native


@pytest.mark.skipif(sys.platform != "linux" or load_native() is None, reason="no C compiler, or no ld.so to ask")
def test_loads_and_stores_are_translated_without_a_call_behind_them() -> None:
    command = [sys.executable, "-m", "forkernel", "run", "--", "/bin/true"]
    environment = {**os.environ, "LD_DEBUG": "bindings"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    bound = [line for line in done.stderr.splitlines() if "`check_exit_request_x86_64'" in line]
    assert bound, done.stderr[-1000:]
    assert "/native-" in bound[0].partition(" to ")[2]
