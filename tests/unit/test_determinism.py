"""Two runs with the same seed are the same, event by event; another seed has other addresses and random numbers."""

from __future__ import annotations

import json
import sys

import pytest

from forkernel import Kernel
from forkernel.arch.x86_64.syscall_table import SYSCALLS
from forkernel.trace.jsonl import EVENTS, JsonSink
from forkernel.trace.output import Memory
from forkernel.trace.sink import GROUPS, CallTable

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs the host's shell")

SCRIPT = """
for i in 1 2 3; do (sleep 0.00$i; echo $i; kill -USR1 $$) & done
trap 'echo usr1' USR1
x=0; while [ $x -lt 50 ]; do x=$((x+1)); done
wait; wait; wait; wait
head -c 8 /dev/urandom | od -An -tx8
echo x | sort | cat; date +%N
"""


def record(seed, script=SCRIPT):
    """The whole trace and the output of a run."""
    out = Memory()
    sink = JsonSink(out, CallTable(SYSCALLS, {}), tuple(GROUPS))
    with Kernel(root="/", seed=seed, memory=24 << 20, trace=sink) as kernel:
        process = kernel.spawn(["/bin/sh", "-c", script])
        assert kernel.run(timeout=60) == "idle"
        assert process.status.exit_code == 0
    return out.text(), process.stdout


@pytest.fixture(scope="module")
def first():
    return record(1)


def events(trace):
    return [json.loads(line) for line in trace.splitlines()]


def test_the_same_seed_gives_the_same_trace(first):
    trace, output = record(1)
    assert output == first[1]
    assert trace == first[0]


def test_the_trace_is_of_everything(first):
    kinds = {event["event"] for event in events(first[0])}
    assert kinds >= {"syscall", "signal", "fork", "exec", "exit", "switch", "fault", "tree"}
    assert kinds <= set(EVENTS)


def test_time_never_goes_back(first):
    times = [event["time"] for event in events(first[0])[:-1]]
    assert times == sorted(times)


def test_another_seed_gives_other_addresses_and_random_numbers(first):
    trace, output = record(2)
    ours, theirs = ({event["address"] for event in events(text) if event["event"] == "fault"}
                    for text in (first[0], trace))  # fmt: skip
    assert not ours & theirs
    assert output != first[1]


def test_another_seed_gives_the_same_calls():
    """What a program does that asks for no random number and no address is the same with any seed."""
    script = "echo a | cat; (exit 3); echo $?"

    def names(seed):
        return [(event["tid"], event["name"]) for event in events(record(seed, script)[0])
                if event["event"] == "syscall" and event["name"] != "brk"]  # fmt: skip

    assert names(1) == names(99)
