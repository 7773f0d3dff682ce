"""/proc/slabinfo, the guest's slabtop, meminfo and the Python API tell the same."""

from __future__ import annotations

import io
import re
import shutil
import sys

import pytest
from rich.console import Console

from forkernel import Kernel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs the host's programs")
HEAD = (
    "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount>"
    " <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>"
)


def run(kernel: Kernel, *argv: str) -> str:
    process = kernel.spawn(argv)
    kernel.run(process)
    assert process.status is not None
    assert process.status.exit_code == 0, process.stderr
    return process.stdout.decode()


def stopped_in_read(kernel: Kernel, path: str) -> str:
    """The file as a process sees it, and the kernel as it was at that moment: nothing runs in between."""
    script = f'exec 3< {path}; while read -r line <&3; do echo "$line"; done; kill -STOP $$'
    process = kernel.spawn(["/bin/sh", "-c", script])
    assert kernel.run() == "idle"
    return process.stdout.decode()


def test_slabinfo_is_what_the_kernel_has():
    with Kernel(seed=1, user=(0, 0, ())) as kernel:
        text = stopped_in_read(kernel, "/proc/slabinfo")
        lines = text.splitlines()
        assert lines[0] == "slabinfo - version: 2.1"
        assert " ".join(lines[1].split()) == " ".join(HEAD.split())
        found = {}
        for line in lines[2:]:
            match = re.fullmatch(
                r"(\S+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) : tunables +(\d+) +(\d+) +0 : slabdata +(\d+) +(\d+) +0",
                line,
            )
            assert match, line
            name, *figures = match.groups()
            found[name] = tuple(map(int, figures))
        table = kernel.slabs()
        assert list(found) == [info.name for info in table]
        for info in table:
            if info.name != "vm_area_struct":  # the shell's heap may have grown since
                figures = (info.active_objs, info.num_objs, info.objsize, info.objperslab, info.pagesperslab)
                assert found[info.name] == (*figures, info.limit, info.batchcount, info.active_slabs, info.num_slabs)


def test_the_file_s_columns_are_linux_s():
    """The same widths as natively: a line of a real /proc/slabinfo of Linux 6.18."""
    native = (
        "task_struct          122    140   4288    7    8 : tunables    0    0    0 : slabdata     20     20      0"
    )
    with Kernel(seed=1, user=(0, 0, ())) as kernel:
        line = next(
            line for line in run(kernel, "/bin/cat", "/proc/slabinfo").splitlines() if line.startswith("task_struct ")
        )
        assert len(line) == len(native)
        assert [m.end() for m in re.finditer(r"\S+", line)] == [m.end() for m in re.finditer(r"\S+", native)]


def test_slabinfo_is_root_s():
    with Kernel(seed=1, user=(1000, 1000, ())) as kernel:
        process = kernel.spawn(["/bin/cat", "/proc/slabinfo"])
        kernel.run()
        assert b"Permission denied" in process.stderr


@pytest.mark.skipif(shutil.which("slabtop") is None, reason="needs procps")
def test_slabtop():
    with Kernel(seed=1, user=(0, 0, ())) as kernel:
        text = run(kernel, "/usr/bin/slabtop", "-o")
        rows = {cells[-1]: cells for line in text.splitlines()[7:] if (cells := line.split())}
        table = kernel.slabs()
        assert set(rows) == {info.name for info in table if info.num_slabs} | (
            set(rows) - {info.name for info in table}
        )
        for info in table:
            if info.name in rows and info.name in ("task_struct", "sighand_cache", "signal_cache", "fs_cache"):
                objects, active, _, size, slabs, per_slab, kib, _ = rows[info.name]
                assert (int(objects), int(per_slab)) == (info.num_objs, info.objperslab)
                assert int(active) - info.active_objs in (0, 1)  # slabtop itself is gone
                assert int(slabs) * info.pagesperslab * 4 == int(kib.rstrip("K"))
                assert float(size.rstrip("K")) == pytest.approx(info.objsize / 1024, abs=0.01)


def test_meminfo_agrees():
    with Kernel(seed=1) as kernel:
        text = stopped_in_read(kernel, "/proc/meminfo")
        figures = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in text.splitlines())}
        system = kernel.system
        assert figures["Slab"] == figures["SUnreclaim"] == system.slabs.pages() * 4
        assert figures["SReclaimable"] == 0
        assert figures["KernelStack"] == system.stacks.in_use * 16 == 4 * 16
        assert figures["PageTables"] >= 4 * 8


def test_the_table_shows_itself():
    with Kernel(seed=1) as kernel:
        table = kernel.slabs()
        text = repr(table)
        assert text.splitlines()[0].split() == [
            "cache",
            "active",
            "objects",
            "size",
            "per",
            "slab",
            "pages",
            "slabs",
            "KiB",
        ]
        assert len(text.splitlines()) == len(table) + 1
        assert table["task_struct"].active_objs == 2
        assert table[0] is next(iter(table))
        with pytest.raises(KeyError):
            _ = table["nothing"]
        out = io.StringIO()
        Console(file=out, width=100).print(table)
        assert "sighand_cache" in out.getvalue()
        assert "<td>sighand_cache</td>" in table._repr_html_()


def test_stack_of_a_sleeper_and_of_the_reader():
    with Kernel(seed=1, user=(0, 0, ())) as kernel:
        process = kernel.spawn(
            ["/bin/sh", "-c", "sleep 5 & cat /proc/$!/stack; cat /proc/self/stack; cat /proc/2/stack"]
        )
        kernel.run()
        entry = ["do_syscall_64", "entry_SYSCALL_64_after_hwframe"]
        sleeper = ["hrtimer_nanosleep", "common_nsleep", "__x64_sys_clock_nanosleep", *entry]
        reader = ["proc_pid_stack", "proc_single_show", "seq_read_iter", "vfs_read", "ksys_read", *entry]
        expected = [*sleeper, *reader, "kthreadd", "ret_from_fork", "ret_from_fork_asm"]
        assert process.stdout.decode().splitlines() == [f"[<0>] {name}" for name in expected]


def test_stack_is_for_the_privileged():
    with Kernel(seed=1, user=(1000, 1000, ())) as kernel:
        process = kernel.spawn(["/bin/cat", "/proc/self/stack"])
        kernel.run()
        assert b"Permission denied" in process.stderr
