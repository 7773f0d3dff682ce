"""Looking into a machine that stands still: each view tells what the program did; the commands show it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from forkernel import Kernel
from forkernel.errors import UserError
from forkernel.kernel import invariants
from forkernel.kernel.stop_at import parse_stop
from forkernel.views import Report, View
from forkernel.views.inspect import OF_TASK, WHAT
from harness import ENVIRONMENT, ROOT, compile_program, programs

APART = 0x100000000000
PARENT, SLEEPER, WRITER, THREAD, ZOMBIE = 3, 4, 5, 7, 6
PAGE = 4096


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory):
    """The file of a run of tests/inspect/family.c stopped when all have done their work."""
    path = tmp_path_factory.mktemp("family") / "file"
    program = compile_program(ROOT / "tests" / "inspect" / "family.c")
    with Kernel(memory=64 << 20, cwd="/", env={}) as kernel:
        kernel.spawn([str(program), "an argument"])
        stop = parse_stop(f"sys_enter,call=kill,pid={PARENT}")
        stop.nth = 2
        stop.attach(kernel.system)
        assert kernel.run() == "stop-at"
        kernel.save(str(path))
    return str(path)


@pytest.fixture(scope="module")
def kernel(family):
    with Kernel.load(family) as kernel:
        yield kernel


def rows(view) -> list[dict]:
    return view.to_data()["rows"]


def fields(view) -> dict:
    return {row["field"]: row["value"] for row in rows(view)}


# --- the views


def test_ps(kernel):
    found = {row["PID"]: row for row in rows(kernel.ps())}
    assert set(found) == {1, 2, PARENT, SLEEPER, WRITER, ZOMBIE}
    assert [found[pid]["PPID"] for pid in (PARENT, SLEEPER, WRITER, ZOMBIE)] == [1, PARENT, PARENT, PARENT]
    assert [found[pid]["STAT"] for pid in (PARENT, SLEEPER, WRITER, ZOMBIE)] == ["Rs", "S", "Sl", "Z"]
    assert {row["SID"] for row in found.values() if row["PID"] > 2} == {PARENT}
    assert found[PARENT]["COMMAND"].endswith("family an argument")
    assert found[ZOMBIE]["COMMAND"] == "[family] <defunct>"
    assert found[2]["COMMAND"] == "[kthreadd]"
    assert found[PARENT]["RSS"] > 0
    assert found[ZOMBIE]["RSS"] == 0


def test_tree(kernel):
    lines = [row["COMMAND"] for row in rows(kernel.ps(tree=True, threads=True))]
    depth = [len(line) - len(line.lstrip()) for line in lines]
    assert lines[0] == "[swapper/0]"
    assert [row["PID"] for row in rows(kernel.ps(tree=True, threads=True))] == [0, 1, 3, 4, 5, THREAD, 6, 2]
    assert depth == [0, 2, 4, 6, 6, 6, 6, 2]


def test_the_fields_of_a_task(kernel):
    found = fields(kernel.task(PARENT).fields())
    assert found["children"] == f"{SLEEPER} {WRITER} {ZOMBIE}"
    assert found["comm"] == "family"
    assert found["call"].startswith("kill(")
    assert (found["exit_signal"], found["real_parent"]) == (17, 1)
    writer = fields(kernel.task(WRITER).fields())
    assert writer["waits for"] == "asleep in pause"
    assert (writer["mm"], writer["files"]) == (f"shared with {THREAD}", f"shared with {THREAD}")
    assert fields(kernel.task(SLEEPER).fields())["mm"] == "its own"
    zombie = fields(kernel.task(ZOMBIE).fields())
    assert (zombie["exit_state"], zombie["exit_code"], zombie["mm"]) == ("EXIT_ZOMBIE", "0x300", "-")


def test_areas(kernel):
    area = next(row for row in rows(kernel.task(SLEEPER).vmas()) if row["START"] == f"{APART:#x}")
    assert (area["PERM"], area["KIB"], area["PAGES"]) == ("rw-p", 64, 4)
    names = {row["WHAT"] for row in rows(kernel.task(SLEEPER).vmas())}
    assert "[stack]" in names
    assert any(name.endswith("/family") for name in names)


def entry(view, level, address):
    """The row of an entry of a page table."""
    return next(row for row in rows(view) if row["LEVEL"].strip() == level and row["ADDRESS"] == f"{address:#x}")


def test_page_tables_shared_since_the_fork(kernel):
    """The sleeper changed nothing there: its top entry leads to the parent's tables, write-protected."""
    view = kernel.task(SLEEPER).page_tables(APART, APART + 16 * PAGE)
    top = entry(view, "PGD", APART)
    assert top["REFS"] == 2
    assert sorted(top["SHARED BY"].split()) == [str(PARENT), str(SLEEPER)]
    assert top["BITS"][:2] == "P-"
    page = entry(view, "PTE", APART + PAGE)
    assert page["BITS"] in ("PWUADN", "P-UADN")
    other = entry(kernel.task(PARENT).page_tables(APART, APART + 1), "PGD", APART)
    assert other["FRAME"] == top["FRAME"]


def test_page_tables_copied_by_a_write(kernel):
    """The writer has tables of its own on the way to the page it wrote, and that page; those beside it are shared."""
    view = kernel.task(WRITER).page_tables(APART, APART + 16 * PAGE)
    for level in ("PGD", "PUD", "PMD"):
        assert entry(view, level, APART)["REFS"] == 1
        assert entry(view, level, APART)["BITS"][1] == "W"
    written, beside = entry(view, "PTE", APART + PAGE), entry(view, "PTE", APART)
    assert (written["REFS"], written["SHARED BY"], written["BITS"]) == (1, "", "PWUADN")
    assert beside["REFS"] == 2
    assert beside["BITS"][1] == "-"
    assert set(beside["SHARED BY"].split()) == {str(PARENT), str(SLEEPER), str(WRITER)}
    theirs = entry(kernel.task(PARENT).page_tables(), "PTE", APART + PAGE)
    assert theirs["FRAME"] != written["FRAME"]


def test_the_walk_is_the_page_tables_own(kernel):
    for task in kernel.system.all_tasks():
        if task.mm is not None:
            seen = [row["ADDRESS"] for row in rows(kernel.task(task.pid).page_tables()) if "PTE" in row["LEVEL"]]
            assert seen == [f"{va:#x}" for va, _ in task.mm.pt.entries()]


def test_frames(kernel):
    used, who = kernel.inspect("frames").views
    figures = {row["WHAT"]: row["FRAMES"] for row in rows(used)}
    assert figures["all"] == (64 << 20) // PAGE
    parts = ("pages of processes", "page tables", "page cache, mapped by nobody", "slabs", "kernel stacks", "other")
    assert figures["other"] < 4
    assert sum(figures[part] for part in parts) + figures["free"] + figures["reserved"] == figures["all"]
    groups = {row["WHO (PIDs)"]: row["FRAMES"] for row in rows(who)}
    assert groups[f"{PARENT} {SLEEPER} {WRITER}"] >= 3
    assert sum(groups.values()) == figures["pages of processes"]
    pages = {row["ADDRESS"]: row for row in rows(kernel.task(WRITER).frames())}
    assert pages[f"{APART + PAGE:#x}"]["WHO (PIDs)"] == str(WRITER)


def test_descriptors(kernel):
    found = {row["FD"]: row for row in rows(kernel.task(PARENT).files())}
    assert set(found) == {0, 1, 2, 3, 4}
    assert [found[fd]["CLOEXEC"] for fd in (1, 3, 4)] == [False, True, True]
    assert [found[fd]["MODE"] for fd in (3, 4)] == ["r-", "-w"]
    assert found[3]["ALSO IN"] == f"{SLEEPER} {WRITER}"
    assert found[3]["REFS"] == 3
    assert found[3]["WHAT"].startswith("pipe:[")
    assert any("shared by 2 tasks" in note for note in kernel.task(WRITER).files().notes)


def test_signals(kernel):
    found = {row["SIGNAL"]: row for row in rows(kernel.task(PARENT).signals())}
    assert found["SIGHUP"]["ACTION"] == "ignored"
    assert found["SIGINT"]["ACTION"].startswith("handler 0x")
    usr1 = found["SIGUSR1"]
    assert (usr1["PENDING"], usr1["SHARED"], usr1["BLOCKED"], usr1["QUEUED"]) == ("-", "yes", "yes", 1)
    assert "SIGTERM" not in found
    assert {row["SIGNAL"]: row for row in rows(kernel.task(SLEEPER).signals())}["SIGUSR1"]["SHARED"] == "-"


def test_pids(kernel):
    (view,) = kernel.inspect("pids").views
    found = {row["PID"]: row for row in rows(view)}
    assert found[PARENT]["USED AS"] == "PID TGID PGID SID"
    assert found[SLEEPER]["USED AS"] == "PID TGID"
    assert found[THREAD]["USED AS"] == "PID"
    assert "last 7" in view.notes[0]


def test_slabs(kernel):
    found = {row["CACHE"]: row for row in rows(kernel.inspect("slabs"))}
    tasks = found["task_struct"]
    assert tasks["ACTIVE"] == len(list(kernel.system.all_tasks())) <= tasks["OBJECTS"]
    assert {cache: row["ACTIVE"] for cache, row in found.items()} == {
        name: cache.active_objects for name, cache in kernel.system.slabs.caches.items()
    }
    assert found["vm_area_struct"]["ACTIVE"] >= sum(row["PAGES"] > 0 for row in rows(kernel.task(PARENT).vmas()))


def test_looking_changes_nothing(family):
    with Kernel.load(family) as kernel:
        before = kernel.system.frames.used_count(), kernel.system.clock.now
        kernel.inspect("all")
        for task in kernel.system.all_tasks():
            kernel.inspect("all", task.pid)
        assert (kernel.system.frames.used_count(), kernel.system.clock.now) == before
        invariants.check(kernel.system)


def test_several_cpus():
    with Kernel(memory=64 << 20, cwd="/", cpus=2) as kernel:
        kernel.spawn(["/bin/sh", "-c", "while :; do :; done & while :; do :; done"])
        kernel.run_for(50_000_000)
        found = {row["what"]: row["value"] for row in rows(kernel.inspect("machine").views[0])}
        assert sorted(found["on the CPU"].split(", ")) == ["3 (sh)", "4 (sh)"]


def test_namespaces(tmp_path):
    with Kernel(memory=64 << 20, cwd="/", user=(0, 0, ())) as kernel:
        kernel.spawn(["/usr/bin/unshare", "-p", "-f", "/bin/sleep", "5"])
        kernel.run_for(500_000_000)
        report = kernel.inspect("pids")
        machine, inner = report.views
        numbers = {row["PID"]: row for row in rows(inner)}
        assert list(numbers) == [1]
        assert numbers[1]["COMM"] == "sleep"
        assert numbers[1]["NUMBERS"].endswith("/1")
        assert "level 1" in inner.title
        assert len(rows(machine)) > 1


def test_processes_without_an_mmu(tmp_path):
    program = compile_program(ROOT / "tests" / "nommu" / "neighbour.c", flags=("-fPIE", "-pie"))
    with Kernel(memory=64 << 20, mmu=False, cwd="/", env={}) as kernel:
        kernel.spawn([str(program)])
        stop = parse_stop("sys_enter,call=wait4")
        stop.attach(kernel.system)
        assert kernel.run() == "stop-at"
        kernel.save(str(tmp_path / "file"))
        kernel = Kernel.load(str(tmp_path / "file"))
        assert "MMU                     no" in str(kernel.inspect("machine"))
        for pid in (3, 4):
            for what in OF_TASK:
                assert str(kernel.inspect(what, pid))
        assert len({row["START"] for row in rows(kernel.task(3).vmas())}) >= 2


def test_no_such_thing(kernel):
    with pytest.raises(UserError, match="nothing is called 'nothing'"):
        kernel.inspect("nothing")
    with pytest.raises(UserError, match="there is no task 99"):
        kernel.task(99)


FAMILIES = ("cgroup", "futex", "lock", "mqueue", "namespace", "pidfd", "pidns", "poll", "ptrace", "signal", "socket",
            "sysv", "thread", "time")  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_machines_of_all_kinds(tmp_path, name):
    """What the kernel makes for a program of each family is saved, read back, and can be looked into."""
    program = next(each for each in programs() if each.family == name)
    path = str(tmp_path / "file")
    with Kernel(memory=32 << 20, cwd=str(tmp_path), env=ENVIRONMENT) as kernel:
        kernel.spawn([str(compile_program(program.source)), *program.args], stdin=program.stdin)
        kernel.run_for(2_000_000)
        kernel.save(path)
    with Kernel.load(path) as restored:
        assert str(restored.inspect("all"))
        for task in restored.leftover():
            assert str(restored.inspect("all", task.pid))
        invariants.check(restored.system)


# --- how they are shown


def test_text_rich_and_html(kernel):
    rich = pytest.importorskip("rich.console")
    for view in (kernel.ps(), kernel.task(PARENT), kernel.inspect("frames"), kernel.task(PARENT).vmas(), kernel):
        out = io.StringIO()
        rich.Console(file=out, width=200).print(view)
        assert len(out.getvalue().splitlines()) > 3
        html = view._repr_html_()
        assert html.startswith("<table>")
        assert html.count("<tr>") == html.count("</tr>") > 1
    assert "family an argument" in str(kernel.ps())
    assert repr(kernel.task(PARENT)) == "<TaskView 3 'family'>"


def test_a_guests_names_are_only_text():
    """Whatever a process is called: no markup, no control characters, no tags."""
    rich = pytest.importorskip("rich.console")
    view = View("[bold]title", ("NAME", ">N"), [["[red]<b>&\x1b[31m\n", 1]])
    out = io.StringIO()
    rich.Console(file=out, width=100).print(Report(view))
    assert "[red]<b>&\\x1b[31m\\n" in out.getvalue()
    assert "&lt;b&gt;&amp;" in view._repr_html_()
    assert "\x1b" not in str(view)


# --- the commands


def forkernel(*arguments: str, cwd: Path | None = None) -> tuple[str, str, int]:
    command = [sys.executable, "-m", "forkernel", *arguments]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False,
                          stdin=subprocess.DEVNULL)  # fmt: skip
    return done.stdout, done.stderr, done.returncode


def test_run_stop_look_and_go_on(tmp_path):
    script = "sleep 3 & echo first; sleep 1; wait; echo second; exit 4"
    out, err, status = forkernel(
        "run", "--stop-at", "sys_enter:2,call=wait4", "--snapshot", "file", "--", "sh", "-c", script, cwd=tmp_path
    )
    assert (out, status) == ("first\n", 0)
    assert err.startswith("forkernel: stopped at sys_enter:2,call=wait4, virtual time ")
    out, err, status = forkernel("ps", "file", cwd=tmp_path)
    assert (err, status) == ("", 0)
    assert out.splitlines()[0].split() == ["PID", "PPID", "PGID", "SID", "STAT", "TIME", "RSS", "COMMAND"]
    assert out.splitlines()[-1].endswith("sleep 3")
    found = json.loads(forkernel("ps", "--json", "file", cwd=tmp_path)[0])
    assert [row["PID"] for row in found["rows"]] == [1, 2, 3, 4]
    out, err, status = forkernel("resume", "file", cwd=tmp_path)
    assert (out, err, status) == ("second\n", "", 4)


def test_a_snapshot_at_the_end(tmp_path):
    command = ("trace", "--output", "trace", "--snapshot", "file", "--", "sh", "-c", "sleep 9 & exit 6")
    assert forkernel(*command, cwd=tmp_path)[2] == 6
    assert "sleep 9" in forkernel("ps", "--tree", "file", cwd=tmp_path)[0]
    out, _, status = forkernel("inspect", "file", cwd=tmp_path)
    assert status == 0
    assert "exit code 6" in out
    _, err, status = forkernel("resume", "file", cwd=tmp_path)
    assert status == 125
    assert err == "forkernel: file: its programs have ended, there is nothing to go on with\n"


def test_a_stop_that_does_not_come(tmp_path):
    _, err, status = forkernel("run", "--stop-at", "mark_victim:2", "--", "true", cwd=tmp_path)
    assert (err, status) == ("forkernel: --stop-at mark_victim:2: not stopped, it never happened\n", 0)


@pytest.mark.parametrize("what", [what for what in WHAT if what != "all"])
def test_every_view_is_text_and_json(kernel, what):
    for pid in (None, PARENT):
        view = kernel.inspect(what, pid)
        assert len(str(view).splitlines()) > 3
        assert json.loads(json.dumps(view.to_data()))


def test_inspect(family):
    out, err, status = forkernel("inspect", family, "--pid", str(PARENT))
    assert (err, status) == ("", 0)
    assert f"children                       {SLEEPER} {WRITER} {ZOMBIE}\n" in out
    assert (
        json.loads(forkernel("inspect", "--json", family, "pagetables", "--pid", "4")[0])["rows"][0]["LEVEL"] == "PGD"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ps"], "no file is named"),
        (["ps", "nothing"], "nothing: No such file or directory"),
        (["ps", "a", "b"], "'b' is one word too many"),
        (["ps", "--nothing", "a"], "unknown option --nothing"),
        (["ps", __file__], "not a snapshot of forkernel"),
        (["inspect", "FAMILY", "nothing"], "nothing is called 'nothing'"),
        (["inspect", "FAMILY", "task", "--pid", "99"], "there is no task 99"),
        (["inspect", "--pid", "x", "FAMILY"], "--pid x: not a whole number"),
        (["resume", "nothing"], "nothing: No such file or directory"),
        (["run", "--stop-at", "nothing", "--", "true"], "there is no event 'nothing'"),
        (["run", "--snapshot", "/nothing/file", "--", "true"], "no file can be written there"),
    ],
)
def test_mistakes_are_one_line(family, tmp_path, arguments, message):
    words = [family if word == "FAMILY" else word for word in arguments]
    out, err, status = forkernel(*words, cwd=tmp_path)
    assert (out, status) == ("", 125)
    assert err.count("\n") == 1
    assert message in err
