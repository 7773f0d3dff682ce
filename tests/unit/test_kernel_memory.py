"""Kernel objects in RAM: memory runs out for fork, open and mmap as it does on Linux, and everything comes back."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any

import pytest

from forkernel import Kernel
from forkernel.abi.errno import ENOMEM
from forkernel.errors import KernelBug, SysError
from forkernel.fs.file import File
from forkernel.hw.scripted import Jump, Store
from forkernel.kernel.invariants import check, check_slabs, check_task_list
from forkernel.kernel.tasklist import for_each_process, for_each_thread
from forkernel.mm.shmem import ShmemFile
from forkernel.mm.slab import KmemCache
from harness import compile_program
from invariants import assert_everything_is_back
from scripted_machine import DATA, Machine, call, fork, script

linux = pytest.mark.skipif(sys.platform != "linux", reason="runs the host's shell")

FORK_UNTIL_REFUSED = r"""
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int pids[20000];

int main(void)
{
    for (int round = 0; round < 3; round++) {
        int count = 0;
        for (;;) {
            int pid = fork();
            if (pid < 0)
                break;
            if (!pid) {
                pause();
                _exit(0);
            }
            pids[count++] = pid;
        }
        printf("%d after %s\n", errno, count > 100 ? "many" : "few");
        fflush(stdout);
        for (int i = 0; i < count; i++)
            kill(pids[i], SIGKILL);
        for (int i = 0; i < count; i++)
            if (waitpid(pids[i], NULL, 0) != pids[i])
                puts("a child is lost");
    }
}
"""

EVERYTHING = r"""
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures, strange;

static int ok(long result)
{
    if (result >= 0)
        return 1;
    failures++;
    strange += errno != ENOMEM && errno != EAGAIN;
    return 0;
}

static void *thread(void *arg)
{
    return arg;
}

int main(int argc, char **argv)
{
    int fds[2], pid, fd;
    if (argc > 1)
        return 0;
    if (ok(pipe(fds))) {
        close(fds[0]);
        close(fds[1]);
    }
    if (ok(socketpair(AF_UNIX, SOCK_STREAM, 0, fds))) {
        close(fds[0]);
        close(fds[1]);
    }
    if (ok(fd = open("/proc/self/stat", O_RDONLY)))
        close(fd);
    if (ok(fd = open("/tmp/kernel_memory", O_RDWR | O_CREAT, 0600)))
        close(fd);
    char *area = mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ok((long)area == -1 ? -1 : 0)) {
        memset(area, 7, 8 * 4096);
        if (ok(munmap(area + 4096, 4096)))
            ok(mprotect(area + 3 * 4096, 4096, PROT_READ));
        for (int i = 2; i < 8; i++)
            strange += area[i * 4096] != 7;
        munmap(area, 8 * 4096);
    }
    area = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (ok((long)area == -1 ? -1 : 0))
        munmap(area, 2 * 4096);
    pthread_t id;
    int error = pthread_create(&id, NULL, thread, NULL);
    if (error)
        errno = error;
    if (ok(error ? -1 : 0))
        pthread_join(id, NULL);
    ok(syscall(SYS_setuid, getuid()));
    if (ok(pid = fork())) {
        if (!pid) {
            if (ok(pid = fork())) {
                if (!pid)
                    _exit(0);
                waitpid(pid, NULL, 0);
            }
            char *arguments[] = {argv[0], "again", NULL};
            execv(argv[0], arguments);
            _exit(errno == ENOMEM ? 0 : 1);
        }
        int status;
        waitpid(pid, &status, 0);
        strange += WIFSIGNALED(status) ? WTERMSIG(status) != 11 : status;
    }
    printf("%d failed%s\n", failures, strange ? ", strangely" : "");
    return 0;
}
"""


def program(tmp_path: Path, source: str, name: str) -> str:
    path = tmp_path / f"{name}.c"
    path.write_text("#define _GNU_SOURCE\n" + source)
    return str(compile_program(path))


def objects(kernel: Kernel) -> dict[str, int]:
    return {cache.name: cache.active_objects for cache in kernel.system.slabs.caches.values()}


def live_files(kernel: Kernel) -> list[Any]:
    """Every open file of the machine, by a look at all objects there are."""
    frames = kernel.system.frames
    found = [thing for thing in gc.get_objects() if isinstance(thing, File | ShmemFile) and thing.slab]
    return [file for file in found if (file.inode.sb if isinstance(file, File) else file.mapping).frames is frames]


@linux
@pytest.mark.parametrize("current", ["percpu", "stack"])
def test_fork_is_refused_when_memory_is_full_and_works_again(tmp_path, current):
    with Kernel(memory=16 << 20, pids=20_000, current=current, seed=1) as kernel:
        before = objects(kernel)
        process = kernel.spawn([program(tmp_path, FORK_UNTIL_REFUSED, "fork_until_refused")])
        assert kernel.run(timeout=100) == "idle"
        assert process.stdout == b"12 after many\n" * 3
        check(kernel.system)
        kernel.system.exec_images.clear()
        assert objects(kernel) == before
        assert_everything_is_back(kernel)


@linux
def test_the_limit_on_tasks_is_eagain(tmp_path):
    with Kernel(pids=150, seed=1) as kernel:
        before = objects(kernel)
        process = kernel.spawn([program(tmp_path, FORK_UNTIL_REFUSED, "fork_until_refused")])
        assert kernel.run(timeout=100) == "idle"
        assert process.stdout == b"11 after many\n" * 3
        assert objects(kernel) == before


class Refusing:
    """Slab caches that refuse the `nth` request that is made while a user process runs."""

    def __init__(self, monkeypatch, nth: int) -> None:
        self.nth, self.count, self.system = nth, 0, None
        alloc, alloc_bulk = KmemCache.alloc, KmemCache.alloc_bulk

        def refusing_alloc(cache):
            self.request(cache)
            return alloc(cache)

        def refusing_bulk(cache, count):
            if count:
                self.request(cache)
            return alloc_bulk(cache, count)

        monkeypatch.setattr(KmemCache, "alloc", refusing_alloc)
        monkeypatch.setattr(KmemCache, "alloc_bulk", refusing_bulk)

    def request(self, cache) -> None:
        if self.system is None or cache.frames is not self.system.frames or self.system.sched.current.mm is None:
            return
        self.count += 1
        if self.count == self.nth:
            raise SysError(ENOMEM)


@linux
@pytest.mark.parametrize("part", range(4))
def test_every_single_object_refused_once(tmp_path, monkeypatch, part):
    """The first, second, ... request for a slab object fails: the program is told, or killed by execve's point of no
    return, and nothing is lost.
    """
    path = program(tmp_path, EVERYTHING, "everything")
    nth, reached = part + 1, True
    while reached:
        with monkeypatch.context() as patch, Kernel(memory=32 << 20, seed=1) as kernel:
            refusing = Refusing(patch, nth)
            before = objects(kernel)
            refusing.system = kernel.system
            process = kernel.spawn([path])
            assert kernel.run(timeout=60) == "idle"
            assert process.status is not None
            if process.status.exit_code == 0:
                assert b"strangely" not in process.stdout, (nth, process.stdout)
            check(kernel.system)
            kernel.system.exec_images.clear()
            assert objects(kernel) == before, nth
            assert not kernel.system.slabs.cred_jar.users
            reached = refusing.count >= nth
        nth += 4
    assert nth > 40


@linux
def test_every_open_file_has_its_object():
    with Kernel(seed=1) as kernel:
        kernel.spawn(["/bin/sh", "-c", "sleep 1000 < /dev/null | sleep 1000 & exec sleep 1000 3< /etc/passwd"])
        kernel.run_for(500_000_000)
        files = [file.slab for file in live_files(kernel)]
        assert len(files) == len(set(files)) > 5
        assert set(files) == kernel.system.slabs.filp.in_use()
        holders = {task.cred_slab for task in kernel.system.all_tasks()}
        assert holders <= kernel.system.slabs.cred_jar.in_use()


@linux
def test_pids_of_namespaces_lie_in_caches_of_their_own():
    with Kernel(seed=1, user=(0, 0, ())) as kernel:
        process = kernel.spawn(["/usr/bin/unshare", "-pf", "/usr/bin/unshare", "-pf", "/bin/true"])
        kernel.run()
        assert process.status is not None
        assert process.status.exit_code == 0
        sizes = {info.name: info.objsize for info in kernel.system.slabs.infos() if info.name.startswith("pid")}
        assert sizes == {"pid": 192, "pid_2": 256, "pid_3": 256}
        assert objects(kernel)["pid_2"] == objects(kernel)["pid_3"] == 0


# --- the task list


@pytest.fixture
def family(tmp_path):
    """A machine with a parent that waits for a child that sleeps."""
    machine = Machine(tmp_path, {"main": script(
        fork(), Jump("child", "rax", 0), Store(DATA, 1), call("wait4", -1, 0, 0, 0), "child", call("pause"),
    )})  # fmt: skip
    task = machine.start("main")
    machine.run()
    return machine.system, task


def test_the_list_goes_round_both_ways(family):
    system, task = family
    (child,) = task.children
    swapper = system.init_task
    assert [each.pid for each in for_each_process(system)] == [1, 2, 3, 4]
    assert list(for_each_process(system))[2:] == [task, child]
    assert swapper.tasks.next.pid == 1
    assert swapper.tasks.prev is child
    assert child.tasks == (swapper, task)
    assert task.tasks.next.tasks.prev is task
    assert list(for_each_thread(task)) == [task]


def test_a_broken_list_is_seen(family):
    system, task = family
    (child,) = task.children
    child.prev_task = system.init_task
    with pytest.raises(KernelBug, match="neighbours"):
        check_task_list(system)
    child.prev_task = task
    task.next_task = system.init_task
    with pytest.raises(KernelBug, match="different processes"):
        check_task_list(system)


def test_an_object_nobody_owns_is_seen(family):
    system, _ = family
    check_slabs(system)
    lost = system.slabs.fs_cache.alloc()
    with pytest.raises(KernelBug, match="fs_cache"):
        check_slabs(system)
    system.slabs.fs_cache.free(lost)
    check_slabs(system)


def test_an_object_freed_too_early_is_seen(family):
    system, task = family
    system.slabs.signal_cache.free(task.signal.slab)
    with pytest.raises(KernelBug, match="signal_cache"):
        check_slabs(system)


def test_two_tasks_on_one_stack_are_seen(family):
    system, task = family
    (child,) = task.children
    child.stack = task.stack
    with pytest.raises(KernelBug, match="stack"):
        check_slabs(system)
