"""PID namespaces as a whole machine sees them: nothing is left of them, they can be pickled, real programs use them."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import pytest

from forkernel import Kernel
from forkernel.kernel.task import PF_EXITING
from harness import ENVIRONMENT, EXPECTED, GUEST, compile_program, run_native
from invariants import check

PROGRAMS = ("init_reaps_and_takes_all", "exit_waits_for_all", "unshare_then_fork", "enter", "levels", "restart")


def boot(program: str, **options) -> tuple[Kernel, object]:
    binary = compile_program(GUEST / "pidns" / f"{program}.c")
    kernel = Kernel(env=ENVIRONMENT, cwd="/", user=(0, 0, ()), memory=64 << 20, **options)
    return kernel, kernel.spawn([str(binary)])


def expected(program: str) -> bytes:
    return (EXPECTED / "pidns" / f"{program}.txt").read_bytes().replace(b"[status 0]\n", b"")


def left_over(kernel: Kernel) -> tuple[int, int, int, int]:
    """Numbers in use, holders of the first PID namespace and of its nsproxy, and namespaces that there are."""
    system = kernel.system
    inums = system.ns_inums
    count = inums.next - len(inums.freed)
    return len(system.pids.numbers), system.pids.count, system.init_task.nsproxy.count, count


@pytest.mark.parametrize("program", PROGRAMS)
def test_nothing_is_left(program: str) -> None:
    kernel, process = boot(program)
    with kernel:
        kernel.run(timeout=60)
        assert process.stdout == expected(program)
        check(kernel.system)
        after_one = left_over(kernel)
        again = kernel.spawn([str(compile_program(GUEST / "pidns" / f"{program}.c"))])
        kernel.run(timeout=60)
        assert again.stdout == process.stdout
        check(kernel.system)
        assert left_over(kernel) == after_one


def test_pickled_again_and_again() -> None:
    """Also while a dead PID 1 waits for the others."""
    kernel, _ = boot("exit_waits_for_all")
    waits = 0
    while kernel.processes[0].status is None:
        assert kernel.run_for(4_000_000) == "time"
        again: Kernel = pickle.loads(pickle.dumps(kernel))
        kernel.close()
        kernel = again
        waits += any(task.flags & PF_EXITING and not task.exit_state for task in kernel.system.all_tasks())
    assert kernel.processes[0].stdout == expected("exit_waits_for_all")
    check(kernel.system)
    assert waits > 5
    kernel.close()


SEEN_INSIDE = (
    "ps -eo pid,ppid,pgid,sid,user,stat,tty,args; sleep 9 & readlink /proc/self; grep ^NS /proc/$$/status; "
    "kill -9 $!; wait $!; echo $?; setsid sh -c 'ps -o pid,ppid,pgid,sid,tpgid $$'; kill -9 1; ps -p 1 -o args; "
    "echo 400 > /proc/sys/kernel/pid_max; cat /proc/sys/kernel/pid_max; stat -c %u /proc/sys/kernel/pid_max; "
    "echo 350 > /proc/sys/kernel/ns_last_pid; sh -c 'echo $$'"
)
AS_USER = "setpriv --reuid=1000 --regid=1000 --clear-groups"


@pytest.mark.real
@pytest.mark.skipif(not shutil.which("unshare") or not shutil.which("ps"), reason="no unshare or no ps")
@pytest.mark.parametrize("how", ["unshare -pf", "unshare -Urpf", f"{AS_USER} unshare -Urpf"])
def test_unshare_mount_proc_ps(how: str, tmp_path: Path) -> None:
    """As natively, where that is allowed; afterwards nothing is left of the namespaces."""
    command = [*how.split(), "--mount-proc", "sh", "-c", SEEN_INSIDE]
    with Kernel(env=ENVIRONMENT, cwd="/", user=(0, 0, ()), memory=128 << 20) as kernel:
        process = kernel.spawn(command)
        kernel.run(timeout=60)
        lines = process.stdout.decode().splitlines()
        assert [line.split()[:5] for line in lines[:3]] == [
            ["PID", "PPID", "PGID", "SID", "USER"],
            ["1", "0", "0", "0", "root"],
            ["2", "1", "0", "0", "root"],
        ]
        check(kernel.system)
        before = left_over(kernel)
        kernel.spawn(command)
        kernel.run(timeout=60)
        assert left_over(kernel) == before
    native = run_native(command, tmp_path)
    if native.status == 0:
        assert process.stdout == native.stdout
