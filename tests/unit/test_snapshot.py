"""Snapshots: a machine saved goes on as if nothing had been; any other file is refused, and runs nothing."""

from __future__ import annotations

import io
import json
import pickle
import zlib
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forkernel import Kernel, __version__
from forkernel.errors import UserError
from forkernel.init import snapshot
from forkernel.kernel.stop_at import ARGUMENTS, parse_stop
from forkernel.kernel.task import Task
from forkernel.trace.tracepoints import EVENTS

SCRIPT = "sleep 1 & (sleep 2; echo from a pipe) | cat; trap 'echo trapped' USR1; kill -USR1 $$; wait; echo done"


def make(**options: object) -> Kernel:
    """A machine with a program; its directory is always the same, for the length of a name is time."""
    kernel = Kernel(memory=64 << 20, cwd="/", **options)  # type: ignore[arg-type]
    kernel.spawn(["/bin/sh", "-c", SCRIPT])
    return kernel


@pytest.fixture(scope="module")
def undisturbed() -> tuple[bytes, int]:
    """Output and virtual time of the run without a stop."""
    with make() as kernel:
        kernel.run()
        return kernel.processes[0].stdout, kernel.system.clock.now


# --- saved and gone on


@pytest.mark.parametrize(
    "event",
    ["sched_process_fork:1", "sched_process_fork:3", "sys_enter:60", "sys_exit:9", "page_fault:40", "sched_switch:3",
     "sched_process_exec:3", "copy_mm:2", "exit_notify:2", "signal_generate,sig=10", "sched_process_exit,comm=cat"],
)  # fmt: skip
def test_a_stopped_run_goes_on_here_and_elsewhere(tmp_path, undisturbed, event):
    path = str(tmp_path / "file")
    with make() as kernel:
        stop = parse_stop(event)
        stop.attach(kernel.system)
        assert kernel.run() == "stop-at"
        assert stop.reached
        kernel.save(path)
        kernel.run()
        assert (kernel.processes[0].stdout, kernel.system.clock.now) == undisturbed
    with Kernel.load(path) as restored:
        assert restored.system.stopping == "stop-at"
        restored.run()
        process = restored.processes[0]
        assert (process.stdout, restored.system.clock.now) == undisturbed
        assert process.status is not None
        assert process.status.exit_code == 0
        assert b"from a pipe" in process.stdout


def test_many_kinds_of_objects_come_back(tmp_path):
    program = (
        "import os, select, signal, socket, tempfile, threading, time\n"
        "a, b = socket.socketpair()\n"
        "e = select.epoll(); e.register(a)\n"
        "r, w = os.pipe(); p = os.pidfd_open(os.getpid())\n"
        "m = os.memfd_create('m'); os.write(m, b'kept')\n"
        "v = os.eventfd(3) if hasattr(os, 'eventfd') else None\n"
        "signal.setitimer(signal.ITIMER_REAL, 3)\n"
        "signal.signal(signal.SIGALRM, lambda *_: print('alarm'))\n"
        "t = threading.Thread(target=lambda: (time.sleep(2), print('thread')))\n"
        "t.start(); c = os.fork()\n"
        "if c == 0:\n    time.sleep(1); os._exit(5)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(c, 0)[1]))\n"
        "t.join(); signal.pause(); print(os.pread(m, 9, 0))\n"
    )
    with Kernel(memory=128 << 20, cwd=str(tmp_path)) as kernel:
        kernel.spawn(["python3", "-c", program])
        stop = parse_stop("sys_enter,call=wait4")
        stop.attach(kernel.system)
        assert kernel.run() == "stop-at"
        kernel.save(str(tmp_path / "file"))
    with Kernel.load(str(tmp_path / "file")) as restored:
        restored.run(timeout=60)
        assert restored.processes[0].stdout == b"5\nthread\nalarm\nb'kept'\n"


def test_sinks_are_left_out(tmp_path):
    class Sink:
        def __init__(self):
            self.hold = lambda: None  # what cannot be pickled

        def sys_enter(self, task):
            self.hold()

    with make(trace=Sink()) as kernel:
        kernel.run_for(1_000_000)
        kernel.save(str(tmp_path / "file"))
        assert len(kernel.system.trace.sinks) == 1
        assert Kernel.load(str(tmp_path / "file")).system.trace.sinks == []


# --- files that are none


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("saved")
    with make() as kernel:
        kernel.run_for(100_000)
        kernel.save(str(path / "file"))
    return (path / "file").read_bytes()


def refusal(path: Path) -> str:
    """The one line that is said of a file."""
    with pytest.raises(UserError) as caught:
        Kernel.load(str(path))
    text = str(caught.value)
    assert "\n" not in text
    assert text.startswith(str(path))
    return text.removeprefix(f"{path}: ")


def test_no_file(tmp_path):
    assert refusal(tmp_path / "nothing") == "No such file or directory"
    assert refusal(tmp_path) == "Is a directory"


@pytest.mark.parametrize("data", [b"", b"hello\n", b"\x80\x04.", b"forkernel snapshot", bytes(range(100, 200))])
def test_foreign_files(tmp_path, data):
    path = tmp_path / "file"
    path.write_bytes(data)
    assert refusal(path) == "not a snapshot of forkernel"


def test_damaged_files(tmp_path, saved):
    path = tmp_path / "file"
    for damaged in (saved[:-1], saved + b"x", saved[:-100] + bytes(100), saved[: len(snapshot.MAGIC) + 10]):
        path.write_bytes(damaged)
        assert refusal(path).startswith("damaged, ")


def test_other_versions(tmp_path, saved):
    path = tmp_path / "file"
    magic, facts, blob = saved.split(b"\n", 2)
    for change in ({"version": "9.9"}, {"format": 7}):
        path.write_bytes(b"\n".join([magic, json.dumps({**json.loads(facts), **change}).encode(), blob]))
        assert refusal(path).startswith("made by forkernel ")
    path.write_bytes(b"\n".join([magic, json.dumps({**json.loads(facts), "build": 1}).encode(), blob]))
    assert refusal(path).startswith("made by another build of forkernel ")


def test_where_it_cannot_be_written(tmp_path):
    with make() as kernel:
        with pytest.raises(UserError, match="No such file or directory"):
            kernel.save(str(tmp_path / "no" / "file"))
        (tmp_path / "there").mkdir()
        with pytest.raises(UserError, match="Is a directory"):
            kernel.save(str(tmp_path / "there"))
        assert sorted(path.name for path in tmp_path.iterdir()) == ["there"]


# --- files that want to do something


def wrapped(path: Path, blob: bytes) -> Path:
    """A file whose header is right, and whose pickle is `blob`."""
    facts = {
        "format": snapshot.FORMAT,
        "version": __version__,
        "build": snapshot.build(),
        "length": len(blob),
        "crc32": zlib.crc32(blob),
    }
    path.write_bytes(snapshot.MAGIC + json.dumps(facts).encode() + b"\n" + blob)
    return path


class Calls:
    """Pickles as a call of something."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


MARK = "the file did something"


def touch(_: object = None) -> None:
    """What must not happen."""
    raise AssertionError(MARK)


def global_call(module: str, name: str, argument: str) -> bytes:
    """A pickle that calls a function with a string."""
    return f"c{module}\n{name}\n(V{argument}\ntR.".encode()


@pytest.mark.parametrize(
    ("module", "name"),
    [("os", "system"), ("posix", "system"), ("builtins", "eval"), ("builtins", "exec"), ("builtins", "__import__"),
     ("builtins", "open"), ("subprocess", "Popen"), ("forkernel.cli", "main"), ("forkernel.api", "Kernel"),
     ("forkernel.trace.output", "Output"), ("forkernel.kernel.task", "sys"), ("forkernel.init.snapshot", "load"),
     ("forkernel.hw.native", "build"), ("forkernel.hw.ram", "mmap.mmap"), ("forkernel.fs.stdio", "os.write"),
     ("forkernel.kernel.task", "__builtins__"), ("forkernel.nothing.there", "x"), ("codecs", "encode"),
     ("functools", "partial"), ("operator", "attrgetter"), ("importlib", "import_module")],
)  # fmt: skip
def test_nothing_is_called(tmp_path, module, name):
    mark = tmp_path / "mark"
    blob = global_call(module, name, f"touch {mark}")
    assert refusal(wrapped(tmp_path / "file", blob)).startswith("refused: ")
    assert not mark.exists()


def test_not_even_a_function_of_the_kernel(tmp_path):
    for module, name in (("forkernel.fs.stdio", "host_read"), ("forkernel.kernel.exit", "do_exit"),
                         ("forkernel.kernel.procfs", "mount_proc")):  # fmt: skip
        blob = global_call(module, name, "x")
        assert refusal(wrapped(tmp_path / "file", blob)).startswith("refused: a call of ")


@pytest.mark.parametrize(
    "blob",
    [
        b"cforkernel.kernel.task\nTask\n(V__init__\ntR.",  # a class called with arguments
        b"cbuiltins\ngetattr\n(cforkernel.kernel.task\nTask\nV__init__\ntR.",  # a way to globals
        b"cbuiltins\ngetattr\n(cforkernel.kernel.task\nTask\nV__globals__\ntR.",
        b"c_operator\ngetitem\n((dVx\ntR.",  # an index into anything
        b"(cforkernel.kernel.task\nTask\no.",  # the old way to make objects
        b"(iforkernel.kernel.task\nTask\n.",
        b"cforkernel.kernel.task\nTask\n}Vwake_from\nNsb.",  # fields of a class
        b"cforkernel.kernel.exit\ndo_exit\n}V__code__\nNsb.",  # and of a function
        b"\x80\x04cbuiltins\nbytes\n)\x81.",  # a new object of a class of Python's
        b"Psomewhere\n.",  # a reference to outside
    ],
)
def test_ways_around(tmp_path, blob):
    text = refusal(wrapped(tmp_path / "file", blob))
    assert text.startswith(("refused: ", "damaged, it cannot be read"))


def test_methods_are_not_called(tmp_path):
    """Of a kernel object too, a method may be named but not called."""
    blob = pickle.dumps(Calls(touch))
    assert refusal(wrapped(tmp_path / "file", blob)).startswith("refused: ")
    task = b"\x80\x04cforkernel.kernel.task\nTask\n)\x81"
    blob = b"cbuiltins\ngetattr\n(" + task[2:] + b"Vwake_from\ntR(NtR."
    assert refusal(wrapped(tmp_path / "file", b"\x80\x04" + blob)).startswith("refused: a call of ")


def test_a_field_with_a_hidden_name(tmp_path):
    blob = b"\x80\x04cforkernel.kernel.task\nSchedEntity\n)\x81}V__class__\ncforkernel.kernel.task\nTask\nsb."
    assert refusal(wrapped(tmp_path / "file", blob)) == "refused: the field '__class__'"


def test_a_pickle_of_something_else(tmp_path):
    for value in (None, 7, {}, {"system": 3}, [1, 2]):
        assert refusal(wrapped(tmp_path / "file", pickle.dumps(value))) == "there is no machine in it"


def test_a_pickle_cut_short(tmp_path, saved):
    blob = saved.split(b"\n", 2)[2]
    for size in (0, 1, 10, 1000, len(blob) - 1):
        text = refusal(wrapped(tmp_path / "file", blob[:size]))
        assert text.startswith(("damaged, it cannot be read", "refused: "))


@cache
def small_pickle() -> bytes:
    """Of a machine with nothing in it but PID 1 and kthreadd."""
    with Kernel(memory=8 << 20, cwd="/") as kernel:
        kernel.system.cpu.park()
        return pickle.dumps(kernel.__dict__.copy(), pickle.HIGHEST_PROTOCOL)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 1 << 30), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_bytes_are_an_error_or_a_machine(tmp_path, changes):
    """Whatever the bytes say: a machine, or one line; nothing else comes out."""
    blob = bytearray(small_pickle())
    for at, value in changes:
        blob[at % len(blob)] = value
    path = wrapped(tmp_path / "file", bytes(blob))
    try:
        Kernel.load(str(path)).close()
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017


def test_the_readers_objects_are_the_kernels(saved):
    state = snapshot.Reader(io.BytesIO(saved.split(b"\n", 2)[2]), False).load()
    assert all(type(task) is Task for task in state["system"].pids.tasks)


def test_a_machine_that_writes_to_the_host_needs_leave(tmp_path):
    (tmp_path / "shared").mkdir()
    with make(binds=[f"{tmp_path}/shared:/mnt:rw"]) as kernel:
        kernel.run_for(100_000)
        kernel.save(str(tmp_path / "file"))
    assert "may write to the host" in refusal(tmp_path / "file")
    with Kernel.load(str(tmp_path / "file"), writable_binds=True) as kernel:
        assert kernel.tree()


# --- stop-at


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing", "there is no event"),
        ("sched_switch:0", "not a number of times"),
        ("sched_switch:x", "not a number of times"),
        ("sched_switch,pid", "not of the form"),
        ("sched_switch,nothing=1", "has no 'nothing'"),
        ("", "there is no event"),
    ],
)
def test_mistakes_in_stop_at(text, message):
    with pytest.raises(ValueError, match=message):
        parse_stop(text)


def test_every_event_has_arguments_for_conditions():
    assert set(ARGUMENTS) == set(EVENTS)
    with Kernel(seed=1, cpus=2) as kernel:
        kernel.spawn(["/bin/sh", "-c", "true & true & true & wait"])
        stop = parse_stop("sched_migrate_task,dest_cpu=1")
        stop.attach(kernel.system)
        assert kernel.run() == "stop-at"


def test_a_first_program_that_is_not_there_fails_its_exec():
    with Kernel(seed=1) as kernel:
        kernel.spawn(["/nowhere/at/all"])
        parse_stop("exec_failed,error=ENOENT").attach(kernel.system)
        assert kernel.run() == "stop-at"
        assert kernel.system.cpu_curr.pid == 3


@pytest.mark.parametrize(
    ("text", "pid"),
    [("sched_process_exec,comm=cat", 6), ("sched_process_fork,child=5", 3), ("sys_enter:2,call=wait4,pid=3", 3),
     ("copy_mm,pid=3", 3), ("do_exit,code=0", None), ("sched_process_exit:2", None), ("page_fault,pid=0x3", 3)],
)  # fmt: skip
def test_conditions(tmp_path, text, pid):
    with make() as kernel:
        stop = parse_stop(text)
        stop.attach(kernel.system)
        assert kernel.run() == "stop-at"
        assert str(stop).startswith(text.partition(",")[0].partition(":")[0])
        if pid is not None:
            assert kernel.system.cpu_curr.pid == pid
