"""The Python interface: the example of its documentation, input and output, ends of a run, mistakes of the user."""

from __future__ import annotations

import sys
import tarfile

import pytest

import forkernel
from forkernel import Kernel, Process, Status
from forkernel.arch.x86_64.syscall_table import NUMBERS
from forkernel.errors import UserError
from forkernel.kernel.sched import Scheduler

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs the host's shell")

MEMORY = 24 << 20


@pytest.fixture
def kernel():
    with Kernel(root="/", seed=1, memory=MEMORY) as machine:
        yield machine


def sh(machine, command, **options):
    return machine.spawn(["/bin/sh", "-c", command], **options)


# --- the example


def test_the_example():
    from forkernel import Kernel

    with Kernel(root="/", seed=1) as k:
        p = k.spawn(["/bin/sh", "-c", "exit 3"])
        k.run()
        assert p.status.exit_code == 3
        assert k.tree().splitlines()[0].startswith("0 R swapper/0")
        assert p.stdout == b""


def test_what_the_package_offers():
    assert {"Kernel", "Process", "Status"} <= set(forkernel.__all__)
    assert Kernel is forkernel.Kernel
    with pytest.raises(AttributeError, match="nothing"):
        _ = forkernel.nothing


# --- statuses


@pytest.mark.parametrize("code", [0, 1, 3, 127, 255])
def test_an_exit(kernel, code):
    process = sh(kernel, f"exit {code}")
    kernel.run()
    assert (process.status.exit_code, process.status.signal, process.status.shell_code) == (code, None, code)


@pytest.mark.parametrize("signo", [1, 9, 15])
def test_a_death_by_signal(kernel, signo):
    process = sh(kernel, f"kill -{signo} $$")
    kernel.run()
    assert (process.status.exit_code, process.status.signal, process.status.shell_code) == (None, signo, 128 + signo)


def test_there_is_no_status_before_the_end(kernel):
    process = sh(kernel, "sleep 1")
    assert process.status is None
    assert "alive" in repr(process)
    kernel.run_for(100_000_000)
    assert process.status is None
    kernel.run()
    assert process.status == Status(0)
    assert "Status" in repr(process)
    assert isinstance(process, Process)


def test_a_program_that_does_not_exist(kernel):
    missing, folder = kernel.spawn(["/no/such/program"]), kernel.spawn(["/etc"])
    kernel.run()
    assert (missing.exec_error, missing.status.exit_code) == (2, 127)
    assert (folder.exec_error, folder.status.exit_code) == (13, 126)


# --- input, output, environment


def test_output_and_errors_are_captured_apart(kernel):
    process = sh(kernel, "echo out; echo err >&2; (echo child)")
    kernel.run()
    assert process.stdout == b"out\nchild\n"
    assert process.stderr == b"err\n"


def test_each_process_has_its_own_capture(kernel):
    processes = [sh(kernel, f"echo {number}") for number in range(5)]
    kernel.run()
    assert [process.stdout for process in processes] == [b"%d\n" % number for number in range(5)]
    assert kernel.processes == processes


def test_output_can_be_read_in_mid_run(kernel):
    process = sh(kernel, "echo one; sleep 1; echo two")
    kernel.run_for(500_000_000)
    assert process.stdout == b"one\n"
    kernel.run()
    assert process.stdout == b"one\ntwo\n"


@pytest.mark.parametrize("data", [b"", b"no newline", bytes(range(256)) * 300])
def test_standard_input(kernel, data):
    process = kernel.spawn(["/bin/cat"], stdin=data)
    kernel.run()
    assert process.stdout == data


def test_standard_input_of_the_kernel_and_of_one_process():
    with Kernel(root="/", memory=MEMORY, stdin=b"all\n") as kernel:
        first, second = kernel.spawn(["/bin/cat"]), kernel.spawn(["/bin/cat"], stdin=b"own\n")
        kernel.run()
        assert (first.stdout, second.stdout) == (b"all\n", b"own\n")


def test_without_input_there_is_nothing_to_read(kernel):
    process = kernel.spawn(["/bin/cat"])
    assert kernel.run() == "idle"
    assert process.stdout == b""


def test_much_output(kernel):
    process = sh(kernel, "head -c 300000 /dev/zero")
    kernel.run()
    assert process.stdout == bytes(300000)


def test_environment_and_directory():
    with Kernel(root="/", memory=MEMORY, env={"A": "1", "PATH": "/bin:/usr/bin"}, cwd="/usr") as kernel:
        ours = sh(kernel, "echo $A; pwd")
        theirs = sh(kernel, "echo $A $B; pwd", env={"B": "2"}, cwd="/etc")
        kernel.run()
        assert ours.stdout == b"1\n/usr\n"
        assert theirs.stdout == b"2\n/etc\n"


def test_a_program_is_found_along_path(kernel):
    found = kernel.spawn(["echo", "hello"])
    missing = kernel.spawn(["echo", "hello"], env={"PATH": "/nowhere"})
    kernel.run()
    assert found.stdout == b"hello\n"
    assert missing.exec_error == 2


def test_arguments_are_passed_as_they_are(kernel):
    arguments = [b"\xff\xfe", "ä", "", "a b", "$x"]
    process = kernel.spawn(["/usr/bin/printf", "%s|", *arguments])
    kernel.run()
    assert process.stdout == b"\xff\xfe|\xc3\xa4||a b|$x|"


def test_the_user():
    with Kernel(root="/", memory=MEMORY, user=(1234, 1235, (7, 8))) as kernel:
        process = sh(kernel, "id -u; id -g; id -G")
        kernel.run()
        assert process.stdout == b"1234\n1235\n1235 7 8\n"


def test_a_bind(tmp_path):
    (tmp_path / "file").write_text("from the host\n")
    with Kernel(root="/", memory=MEMORY, binds=[f"{tmp_path}:/mnt"]) as kernel:
        process = sh(kernel, "cat /mnt/file; echo changed > /mnt/file")
        kernel.run()
        assert process.stdout == b"from the host\n"
        assert (tmp_path / "file").read_text() == "from the host\n"


# --- ends of a run


def test_until_one_has_ended(kernel):
    short, long = sh(kernel, "sleep 1"), sh(kernel, "sleep 100; echo end")
    assert kernel.run(until=short) == "exited"
    assert short.status == Status(0)
    assert long.status is None
    assert kernel.run(until=short) == "exited"
    assert kernel.run() == "idle"
    assert long.stdout == b"end\n"


def test_until_several_have_ended(kernel):
    first, second, third = (sh(kernel, f"sleep {seconds}") for seconds in (1, 2, 3))
    assert kernel.run(until=[first, second]) == "exited"
    assert first.status == second.status == Status(0)
    assert third.status is None
    assert kernel.system.clock.now < 4_000_000_000


def test_a_timeout_in_host_seconds(kernel):
    process = sh(kernel, "while :; do :; done")
    assert kernel.run(timeout=0.2) == "timeout"
    assert process.status is None
    assert kernel.run(timeout=0.1) == "timeout"


def test_a_timeout_of_a_lone_program_without_calls(kernel):
    process = sh(kernel, "x=1; while :; do x=$x; done")
    kernel.run_for(200_000_000)
    assert kernel.run(timeout=0.2) == "timeout"
    assert process.status is None


def test_a_hang_is_idle(kernel):
    process = sh(kernel, "kill -STOP $$; echo never")
    assert kernel.run() == "idle"
    assert process.status is None
    assert [task.comm for task in kernel.leftover()] == [b"sh"]


def test_nothing_to_run(kernel):
    assert kernel.run() == "idle"
    assert kernel.run(until=[]) == "exited"


def test_virtual_time(kernel):
    process = sh(kernel, "sleep 3600")
    start = kernel.system.clock.now
    assert kernel.run_for(1_000_000_000) == "time"
    assert 1_000_000_000 <= kernel.system.clock.now - start < 1_010_000_000
    assert kernel.run(timeout=30) == "idle"
    assert kernel.system.clock.now - start >= 3600 * 10**9
    assert process.status == Status(0)


def test_the_end_of_pid_1(kernel):
    process = sh(kernel, "sleep 5 & exit 4", init=True)
    assert process.pid == 1
    assert kernel.run() == "init"
    assert process.status.exit_code == 4


def test_an_interrupt(kernel):
    process = sh(kernel, "trap 'echo caught; exit 5' INT; while :; do sleep 1; done")
    kernel.run_for(500_000_000)
    kernel.interrupt()
    assert kernel.run() == "idle"
    assert process.stdout == b"caught\n"
    assert process.status.exit_code == 5


def test_a_program_started_while_others_run(kernel):
    first = sh(kernel, "echo hello > /tmp/forkernel_api; sleep 5")
    kernel.run_for(1_000_000_000)
    second = sh(kernel, "cat /tmp/forkernel_api")
    assert kernel.run(until=second) == "exited"
    assert second.stdout == b"hello\n"
    assert first.status is None


# --- looking


def test_the_tree(kernel):
    sh(kernel, "sleep 10 | cat")
    kernel.run_for(1_000_000_000)
    lines = [line.split()[1:] for line in kernel.tree().splitlines()]
    assert lines == [["R", "swapper/0"], ["S", "init"], ["S", "sh"], ["S", "sleep"], ["S", "cat"], ["S", "kthreadd"]]


def test_zombies_are_left_over(kernel):
    sh(kernel, "sh -c 'exit 1' & exec sleep 5")
    kernel.run_for(1_000_000_000)
    left = kernel.leftover()
    assert sorted(task.comm for task in left) == [b"sh", b"sleep"]
    assert " Z sh" in kernel.tree()


# --- other roots


def test_a_directory_and_an_archive(tmp_path):
    from harness import GUEST, compile_program

    program = compile_program(GUEST / "exit" / "status_is_low_byte.c")
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "program").write_bytes(program.read_bytes())
    (folder / "program").chmod(0o755)
    archive = tmp_path / "root.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder / "program", "program")
    outputs = []
    for root in (folder, archive):
        with Kernel(root=str(root), memory=MEMORY) as kernel:
            process = kernel.spawn(["/program"])
            kernel.run()
            outputs.append((process.stdout, process.status))
    assert outputs[0] == outputs[1]
    assert outputs[0][0]


# --- mistakes


def test_a_bind_that_says_how(tmp_path):
    with Kernel(root="/", memory=MEMORY, binds=[f"{tmp_path}:/mnt/a:ro", f"{tmp_path}:/mnt/b:rw"]) as kernel:
        process = sh(kernel, "echo no > /mnt/a/no; echo yes > /mnt/b/yes")
        kernel.run()
        assert b"Read-only" in process.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["yes"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"memory": 4096}, "memory"),
        ({"clock": "sundial"}, "clock"),
        ({"root": "/no/such/place"}, "/no/such/place"),
        ({"root": "/etc/passwd"}, "passwd"),
        ({"binds": ["/no/such/place:/mnt"]}, "/no/such/place"),
        ({"binds": ["nonsense"]}, "nonsense"),
        ({"binds": ["/tmp:relative"]}, "relative"),
        ({"binds": ["/tmp:/mnt:wrong"]}, "wrong"),
        ({"pids": 0}, "pids"),
        ({"pids": -5}, "pids"),
        ({"cpus": 0}, "cpus"),
    ],
)
def test_a_machine_that_cannot_be(options, words):
    with pytest.raises(UserError, match=words) as failure:
        Kernel(**{"memory": MEMORY, **options})
    assert "\n" not in str(failure.value)


def test_programs_that_cannot_be(kernel):
    with pytest.raises(UserError, match="no program"):
        kernel.spawn([])
    with pytest.raises(UserError, match="NUL"):
        kernel.spawn(["/bin/echo", "a\0b"])
    with pytest.raises(UserError, match="NUL"):
        kernel.spawn(["/bin/echo"], env={"A": "a\0b"})
    kernel.spawn(["/bin/true"])
    with pytest.raises(UserError, match="--init"):
        kernel.spawn(["/bin/true"], init=True)


def test_a_directory_that_is_not_there(kernel):
    kernel.spawn(["/bin/true"], cwd="/no/such/place")
    with pytest.raises(UserError, match="/no/such/place"):
        kernel.run()


def test_strict():
    with Kernel(root="/", memory=MEMORY, strict=True) as kernel:
        kernel.spawn(["/usr/bin/perl", "-e", "syscall(9999)"])
        with pytest.raises(UserError, match="not implemented"):
            kernel.run()


def test_calls_that_are_not_there_are_counted(kernel):
    kernel.spawn(["/usr/bin/perl", "-e", "syscall(9999); syscall(9999)"])
    kernel.run()
    (note,) = kernel.unimplemented
    assert (note.name, note.count, note.comm) == ("syscall_0x270f", 2, "perl")


def test_calls_of_parts_that_are_not_built_in_are_no_news(kernel):
    process = kernel.spawn(["/usr/bin/perl", "-e", "$r = syscall(298, 0, 0, 0, 0, 0); print $r, ' ', $! + 0"])
    kernel.run()
    assert process.stdout == b"-1 38"
    assert not kernel.unimplemented


def test_the_lowest_address_that_may_be_mapped_is_set_in_proc(kernel):
    setting = "/proc/sys/vm/mmap_min_addr"
    process = kernel.spawn(
        ["/bin/sh", "-c", f"cat {setting}; echo 131072 >{setting}; cat {setting}; echo x >{setting}"]
    )
    kernel.run()
    assert process.stdout == b"65536\n131072\n"
    assert b"Invalid argument" in process.stderr or b"I/O error" in process.stderr
    assert kernel.system.mmap_min_addr == 131072


def test_a_call_that_falls_asleep_as_the_run_is_stopped_is_finished_later(monkeypatch):
    """A signal of the host may come at any moment: also between a task's falling asleep and the choice of the next."""
    with Kernel(root="/", memory=MEMORY, terminal=True) as kernel:
        process = kernel.spawn(["/bin/sh", "-c", "read line; echo got $line"])
        park = Scheduler.park

        def park_and_stop(self, task, sleep, timer):
            park(self, task, sleep, timer)
            if task.syscall_nr == NUMBERS["read"]:
                kernel.stop()

        monkeypatch.setattr(Scheduler, "park", park_and_stop)
        assert kernel.run() == "stopped"
        monkeypatch.undo()
        assert kernel.system.sched.current.sleep is not None
        kernel.terminal.type(b"it\n")
        kernel.run()
        assert process.status.exit_code == 0
        assert kernel.terminal.output.endswith(b"got it\r\n")
