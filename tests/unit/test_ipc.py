"""System V IPC: sleepers survive a snapshot, nothing is leaked, numbers go round, /proc/sysvipc and the namespace."""

from __future__ import annotations

import pickle
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forkernel import Kernel
from forkernel.abi.errno import EINVAL, ENOSPC
from forkernel.abi.ipc import IPCMNI
from forkernel.errors import SysError
from forkernel.kernel.ipc_namespace import copy_ipcs
from forkernel.kernel.ipc_util import IpcIds, KernIpcPerm, ipc_obtain_object_check
from harness import EXPECTED, GUEST, compile_program


class FakeCred:
    euid = egid = 0


class FakeTask:
    cred = FakeCred()


def perm(key=0):
    return KernIpcPerm(FakeTask(), key, 0o600)


def test_numbers_go_round_before_one_is_used_again():
    ids = IpcIds()
    seen = set()
    for _ in range(1000):
        one = perm()
        seen.add(ids.add(one, 100))
        ids.remove(one)
    assert len(seen) == 1000
    assert max(number % IPCMNI for number in seen) == 63
    assert ids.seq == 1000 // 64


@settings(deadline=None)
@given(st.lists(st.one_of(st.just(None), st.integers(0, 20)), max_size=200))
def test_the_table_of_numbers(steps):
    """None makes an object, a number removes the one at that position; ENOSPC at the limit, EINVAL for who is gone."""
    ids, live, dead = IpcIds(), [], []
    for step in steps:
        if step is None:
            one = perm(len(live) + 1)
            if len(live) == 15:
                with pytest.raises(SysError) as error:
                    ids.add(one, 15)
                assert error.value.errno == ENOSPC
                continue
            ids.add(one, 15)
            live.append(one)
        elif step < len(live):
            one = live.pop(step)
            ids.remove(one)
            dead.append(one.id)
        assert {ipc_obtain_object_check(ids, one.id) for one in live} == set(live)
        for number in dead[-5:]:
            with pytest.raises(SysError) as error:
                ipc_obtain_object_check(ids, number)
            assert error.value.errno == EINVAL
    assert len(ids.entries) == len(live)


def test_a_namespace_of_its_own_is_empty_and_goes_with_its_last_user():
    with Kernel(root="/", memory=16 << 20) as kernel:
        system = kernel.system
        first = system.init_task.nsproxy.ipc_ns
        new = copy_ipcs(system.init_task, first.user_ns)
        assert list(system.ipc_namespaces) == [first, new]
        new.ids("sem").add(perm(), 5)
        assert not first.ids("sem").entries
        new.sem_ids = None
        new.put()
        assert list(system.ipc_namespaces) == [first]


linux = pytest.mark.skipif(sys.platform != "linux", reason="runs guest programs with /proc/self/exe of the host")


@linux
@pytest.mark.parametrize("name", ["sem_waiting", "sem_undo", "msg_queues", "shm_attach"])
def test_restored_in_the_middle(name):
    """A snapshot every few milliseconds of virtual time: who sleeps on a semaphore or a queue goes on sleeping."""
    expected = (EXPECTED / "sysv" / f"{name}.txt").read_text().removesuffix("[status 0]\n").encode()
    kernel = Kernel(root="/", memory=32 << 20)
    kernel.spawn([str(compile_program(GUEST / "sysv" / f"{name}.c"))])
    for _ in range(4):
        kernel.run_for(4_000_000)
        kernel = pickle.loads(pickle.dumps(kernel))
    assert kernel.run(timeout=60) == "idle"
    process = kernel.processes[0]
    assert (process.stdout, process.status.exit_code) == (expected, 0)
    ns = kernel.system.init_task.nsproxy.ipc_ns
    assert (ns.used_sems, ns.shm_tot) == (0, 0)
    kernel.close()


@linux
def test_segments_give_their_pages_back():
    with Kernel(root="/", memory=32 << 20) as kernel:
        kernel.spawn(["/bin/true"])
        kernel.run()
        program = str(compile_program(GUEST / "sysv" / "shm_attach.c"))
        used = []
        for _ in range(3):
            kernel.spawn([program])
            kernel.run()
            used.append(kernel.system.frames.used_count())
        assert used[1] == used[2]


@linux
def test_posix_queues_survive_a_snapshot_and_leave_nothing():
    expected = (EXPECTED / "mqueue" / "waiting.txt").read_text().removesuffix("[status 0]\n").encode()
    kernel = Kernel(root="/", memory=32 << 20)
    kernel.spawn([str(compile_program(GUEST / "mqueue" / "waiting.c"))])
    for _ in range(4):
        kernel.run_for(4_000_000)
        kernel = pickle.loads(pickle.dumps(kernel))
    assert kernel.run(timeout=60) == "idle"
    process = kernel.processes[0]
    assert (process.stdout, process.status.exit_code) == (expected, 0)
    system = kernel.system
    assert system.mq_bytes == {0: 0}
    assert system.init_task.nsproxy.ipc_ns.mq_queues_count == 0
    kernel.close()


@linux
def test_the_file_system_of_queues():
    script = (
        "mkdir /mq; mount -t mqueue none /mq; umask 077; : > /mq/one; ls -l /mq | cut -c1-10;"
        "stat -c '%a %s' /mq /mq/one;"
        "cat /mq/one; mkdir /mq/d; ln -s x /mq/l; echo text > /mq/one; rm /mq/one; ls /mq; stat -f -c %t /mq;"
        ": > /mq/two; umount /mq; ls /mq; mount -t mqueue none /mq; ls /mq"
    )
    with Kernel(root="/", memory=32 << 20) as kernel:
        process = kernel.spawn(["/bin/sh", "-c", script])
        kernel.run(timeout=60)
        lines = process.stdout.decode().splitlines()
        assert lines[1:] == [
            "-rw-------", "1777 60", "600 80",
            "QSIZE:0          NOTIFY:0     SIGNO:0     NOTIFY_PID:0     ", "19800202", "two",
        ]  # fmt: skip
        assert process.stderr.count(b"not permitted") == 2


@linux
def test_a_queue_cannot_be_made_in_a_namespace_that_is_gone():
    script = (
        "mkdir /mq; unshare -i --propagation unchanged true; unshare -i sh -c 'mount -t mqueue none /mq; : > /mq/a' ;"
        "exec 3< /mq; cd /mq; ls | wc -l"
    )
    with Kernel(root="/", memory=32 << 20) as kernel:
        process = kernel.spawn(["/bin/sh", "-c", script])
        kernel.run(timeout=60)
        assert process.status.exit_code == 0
        assert kernel.system.mq_bytes.get(0, 0) == 0
        assert len(kernel.system.ipc_namespaces) == 1
