"""Many processes: 40,000 one after the other, thousands at once, and what a fork says when there are too many.

30,000 at once take longer than a test may: docs/performance.md tells the command and what it measured.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from forkernel import Kernel
from harness import ENVIRONMENT, compile_program
from invariants import check, check_frame_totals

FORKS = r"""
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    int wraps = 0, first = 0, last = 0, wrong = 0;
    for (int i = 0; i < 40000; i++) {
        int pid = syscall(SYS_fork), status;
        if (pid == 0)
            syscall(SYS_exit_group, i & 0x7f);
        if (pid <= last)
            wraps++, first = pid;
        wrong += pid > last + 1 && last;
        last = pid;
        wrong += syscall(SYS_wait4, pid, &status, 0, 0) != pid || WEXITSTATUS(status) != (i & 0x7f);
    }
    printf("wraps %d, first after it %d, wrong %d\n", wraps, first, wrong);
    return 0;
}
"""

AT_ONCE = r"""
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    int wanted = atoi(argv[1]), made = 0, reaped = 0, gate[2];
    pipe(gate);
    for (; made < wanted; made++) {
        int pid = syscall(SYS_fork);
        if (pid == 0) {
            char c;
            syscall(SYS_close, gate[1]);
            syscall(SYS_read, gate[0], &c, 1);
            syscall(SYS_exit_group, 0);
        }
        if (pid < 0)
            break;
    }
    printf("alive %d, errno %d\n", made, made < wanted ? errno : 0);
    if (made < wanted)
        printf("again: %d\n", fork() == -1 ? errno : 0);
    fflush(stdout);
    sleep(1);
    close(gate[1]);
    while (wait(NULL) > 0)
        reaped++;
    int pid = syscall(SYS_fork);
    if (pid == 0)
        syscall(SYS_exit_group, 0);
    printf("reaped %d, then a fork: %d\n", reaped, pid > 0 && wait(NULL) == pid);
    return 0;
}
"""


@pytest.fixture
def build(tmp_path: Path):
    def compiled(text: str) -> str:
        source = tmp_path / "program.c"
        source.write_text(text)
        return str(compile_program(source))

    return compiled


def run(command: list[str], **options) -> str:
    """Output of a program; the machine afterwards is as it was before."""
    with Kernel(env=ENVIRONMENT, cwd="/", **options) as kernel:
        before = set(kernel.system.pids.numbers)
        process = kernel.spawn(command)
        kernel.run(timeout=200)
        check(kernel.system)
        check_frame_totals(kernel.system)
        assert set(kernel.system.pids.numbers) == before
        assert process.status is not None, kernel.tree()
        return process.stdout.decode()


def test_40000_forks_in_a_row(build):
    assert run([build(FORKS)], memory=64 << 20) == "wraps 1, first after it 300, wrong 0\n"


def test_3000_processes_at_once(build):
    assert run([build(AT_ONCE), "3000"], memory=512 << 20) == ("alive 3000, errno 0\nreaped 3000, then a fork: 1\n")


def test_more_than_threads_max_is_eagain_and_recovers(build):
    """Processes 1, 2 and the program itself count; by default kernel stacks may take an eighth of memory."""
    allowed = (32 << 20) // (8 * 16384) - 3
    assert run([build(AT_ONCE), "1000"], memory=32 << 20) == (
        f"alive {allowed}, errno 11\nagain: 11\nreaped {allowed}, then a fork: 1\n"
    )


def test_threads_max_can_be_set(build):
    with Kernel(env=ENVIRONMENT, cwd="/", memory=64 << 20) as kernel:
        script = f"echo 60 > /proc/sys/kernel/threads-max && cat /proc/sys/kernel/threads-max; exec {build(AT_ONCE)} 99"
        process = kernel.spawn(["/bin/sh", "-c", script])
        kernel.run(timeout=60)
        assert process.stdout == b"60\nalive 57, errno 11\nagain: 11\nreaped 57, then a fork: 1\n"


def test_no_number_left_is_eagain_and_recovers(build):
    with Kernel(env=ENVIRONMENT, cwd="/", memory=128 << 20) as kernel:
        script = f"echo 360 > /proc/sys/kernel/pid_max; exec {build(AT_ONCE)} 999"
        process = kernel.spawn(["/bin/sh", "-c", script])
        kernel.run(timeout=60)
        assert process.stdout == b"alive 356, errno 11\nagain: 11\nreaped 356, then a fork: 1\n"
        check(kernel.system)
