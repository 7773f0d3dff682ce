"""`forkernel run` and `trace` from outside: exit status, streams, one-line messages, reports. The host's shell is
the guest program."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("sh") is None, reason="the guest programs are those of a Linux host"
)

SOURCE = Path(__file__).resolve().parents[2] / "src"


def start(*words: str, **options: object) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "LC_ALL": "C"}
    environment.pop("FORKERNEL_DEBUG", None)
    settings: dict[str, object] = {
        "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": "/", **options,
    }  # fmt: skip
    return subprocess.Popen([sys.executable, "-m", "forkernel", *words], env=environment, **settings)  # type: ignore[call-overload,no-any-return]


def forkernel(*words: str, stdin: bytes = b"", **options: object) -> tuple[int, str, str]:
    """Exit status, standard output, standard error."""
    process = start(*words, **({"stdin": subprocess.PIPE} if stdin else {}), **options)
    out, err = process.communicate(stdin, timeout=120)
    return process.returncode, out.decode(), err.decode()


def sh(script: str, *options: str, command: str = "run") -> tuple[int, str, str]:
    return forkernel(command, *options, "--", "sh", "-c", script)


def test_the_status_is_the_program_s() -> None:
    assert sh("exit 3") == (3, "", "")
    assert sh("kill -SEGV $$") == (139, "", "")
    assert sh("true") == (0, "", "")


def test_streams_are_the_host_s() -> None:
    assert forkernel("run", "--", "cat", stdin=b"abc\n") == (0, "abc\n", "")
    assert sh("echo out; echo err >&2") == (0, "out\n", "err\n")


def test_a_pipeline_of_the_readme() -> None:
    status, out, err = sh("for i in 1 2 3; do echo $i; done | sort -r | head -2")
    assert (status, out, err) == (0, "3\n2\n", "")


def test_a_program_that_is_not_there_is_127_and_one_that_cannot_run_is_126() -> None:
    assert forkernel("run", "--", "no-such-program") == (
        127, "", "forkernel: no-such-program: No such file or directory\n",
    )  # fmt: skip
    assert forkernel("run", "--", "/no/such") == (127, "", "forkernel: /no/such: No such file or directory\n")
    assert forkernel("run", "--", "/etc/passwd") == (126, "", "forkernel: /etc/passwd: Permission denied\n")
    assert forkernel("run", "--", "/etc") == (126, "", "forkernel: /etc: Permission denied\n")


def test_environment_and_directory() -> None:
    assert sh("echo $A; pwd", "--env", "A=b c", "--cwd", "/etc") == (0, "b c\n/etc\n", "")
    status, out, _ = forkernel("run", "--clear-env", "--env", "X=1", "--", "/usr/bin/env")
    assert (status, out) == (0, "X=1\n")
    assert sh("true", "--cwd", "/no/such") == (125, "", "forkernel: --cwd: no directory /no/such in the guest\n")


def test_writes_stay_in_the_guest(tmp_path: Path) -> None:
    target = Path("/etc") / f"forkernel-{os.getpid()}"
    status, out, _ = sh(f"echo x > {target} && cat {target}")
    assert (status, out) == (0, "x\n") or os.getuid() != 0
    assert not target.exists()


def test_a_timeout_is_124() -> None:
    status, out, err = sh("while :; do :; done", "--timeout", "1.5")
    assert (status, out) == (124, "")
    assert err == "forkernel: sh did not end within 1.5 s\n"


def test_a_guest_that_can_never_go_on_is_told_from_one_that_runs() -> None:
    status, _, err = sh("kill -STOP $$")
    assert status == 124
    assert err.splitlines() == [
        "forkernel: every process waits for something that can never happen",
        "forkernel: process 3 (sh) is stopped",
    ]


def test_sleeping_takes_no_time_by_the_virtual_clock() -> None:
    began = time.monotonic()
    assert sh("sleep 3600; echo done", "--clock", "virtual") == (0, "done\n", "")
    assert time.monotonic() - began < 100


def test_processes_left_behind_are_reported() -> None:
    status, out, err = sh("sleep 100 & echo hi")
    assert (status, out) == (0, "hi\n")
    assert re.fullmatch(r"forkernel: process 4 \((sh|sleep)\) was still alive at the end\n", err)


def test_init_runs_the_program_as_process_1() -> None:
    assert sh("echo $$", "--init") == (0, "1\n", "")
    assert sh("exit 7", "--init")[0] == 7


def test_the_same_seed_is_the_same_run() -> None:
    script = "head -c 8 /dev/urandom | od -An -tx1; echo $$; date +%s%N; cat /proc/sys/kernel/random/uuid"
    first, second = sh(script, "--seed", "5"), sh(script, "--seed", "5")
    assert first == second
    assert first != sh(script, "--seed", "6")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_a_run_in_an_endless_loop(number: int, status: int) -> None:
    process = start("run", "--", "sh", "-c", "echo ready; while :; do :; done")
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    assert process.wait(timeout=60) == status
    assert b"Traceback" not in process.stderr.read()
    process.stdout.close()
    process.stderr.close()


def test_an_interrupt_reaches_a_handler_of_the_guest() -> None:
    process = start("run", "--", "sh", "-c", "trap 'echo got; exit 5' INT; echo ready; while :; do :; done")
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (5, b"got\n")


def test_a_trace_goes_to_stderr_with_the_tree_at_the_end() -> None:
    status, out, err = sh("/bin/true; exit 3", command="trace")
    assert (status, out) == (3, "")
    assert '=== exec: "' in err
    assert "exit_group(3)                     = ?" in err
    assert "3     +++ exited with 3 +++" in err
    assert "WIFEXITED(s) && WEXITSTATUS(s) == 0" in err
    tree = err.split("process tree:\n")[1].splitlines()
    assert tree[0].split() == ["3", "sh", "-c", "'/bin/true;", "exit", "3'", "exited", "with", "3"]
    assert tree[1].startswith("└─ 4 /bin/true")


def test_a_trace_as_json(tmp_path: Path) -> None:
    target = tmp_path / "trace"
    assert sh("exit 3", "--format", "jsonl", "--output", str(target), command="trace") == (3, "", "")
    objects = [json.loads(line) for line in target.read_text().splitlines()]
    assert {"fork", "exec", "syscall", "exit", "switch", "tree"} <= {entry["event"] for entry in objects}
    times = [entry["time"] for entry in objects if "time" in entry]
    assert times == sorted(times)
    assert objects[-1]["tasks"][0]["end"] == "exited with 3"


def test_faults_are_traced_on_request() -> None:
    assert "page fault" not in sh("true", command="trace")[2]
    assert "page fault" in sh("true", "--faults", command="trace")[2]
