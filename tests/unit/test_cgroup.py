"""The pids controller, in the guest (hosts rarely have it on version 2); counts, snapshots."""

from __future__ import annotations

import pickle
import sys

import pytest

from forkernel import Kernel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs the host's shell")

MOUNT = "mkdir -p /cg; mount -t cgroup2 none /cg; cd /cg; "


def run(script, kernel=None):
    """What a shell script prints; the machine comes back."""
    machine = kernel or Kernel(root="/", memory=64 << 20)
    process = machine.spawn(["/bin/sh", "-c", script])
    assert machine.run(timeout=60) == "idle"
    if kernel is None:
        machine.close()
    return process.stdout.decode(), process.stderr.decode()


def test_only_controllers_that_are_there_are_listed():
    out, _ = run(
        MOUNT + "cat cgroup.controllers; mkdir a; ls a | grep -c pids; echo +pids > cgroup.subtree_control;"
        "cat a/cgroup.controllers cgroup.subtree_control; ls a | grep pids; ls | grep pids; cat /proc/cgroups"
    )
    names = "pids.current pids.peak pids.max pids.events pids.events.local"
    table = "#subsys_name hierarchy num_cgroups enabled pids 0 2 1"
    assert sorted(out.split()) == sorted(f"pids 0 pids pids {names} {table}".split())


def test_a_full_group_answers_eagain_and_recovers():
    out, err = run(
        MOUNT + "echo +pids > cgroup.subtree_control; mkdir a; echo +pids > a/cgroup.subtree_control; mkdir a/b;"
        "sh -c 'echo $$ > a/b/cgroup.procs; echo 2 > a/pids.max; cat /proc/self/cgroup;"
        " (cat a/b/pids.current; (true) ; echo inner $?) ; echo outer $?';"
        "sleep 1; cat a/pids.max a/pids.current a/pids.events a/pids.events.local a/b/pids.events a/pids.peak;"
        "echo max > a/pids.max; sh -c 'echo $$ > a/b/cgroup.procs; (echo again)'"
    )
    assert "Cannot fork" in err
    assert out == "0::/a/b\nouter 2\n2\n0\nmax 1\nmax 1\nmax 0\n2\nagain\n"


def test_controllers_and_processes_do_not_mix():
    out, err = run(
        MOUNT + "echo +pids > cgroup.subtree_control; mkdir a a/b; echo $$ > a/cgroup.procs;"
        "echo +pids > a/cgroup.subtree_control; cat a/cgroup.type a/b/cgroup.type; echo $$ > a/b/cgroup.procs; "
        "echo -pids > cgroup.subtree_control; echo -pids > a/cgroup.subtree_control; echo $$ > a/b/cgroup.procs;"
        "cat /proc/self/cgroup; mkdir c; echo +pids > c/cgroup.subtree_control;"
        "mkdir c/d; echo -pids > c/cgroup.subtree_control; rmdir c/d c; cat a/b/cgroup.type"
    )
    assert out == "domain threaded\ndomain invalid\n0::/a/b\ndomain\n"
    assert err.count("I/O error") == 2  # what dash makes of EOPNOTSUPP, and of EBUSY


def test_a_zombie_counts_until_it_is_reaped():
    out, _ = run(
        MOUNT + "echo +pids > cgroup.subtree_control; mkdir a; cat > /tmp/p.py <<'EOF'\n"
        "import os\n"
        "def read(name): return open('/cg/a/' + name).read().split()\n"
        "pid = os.fork()\n"
        "if not pid:\n"
        "    open('/cg/a/cgroup.procs', 'w').write('0'); os._exit(0)\n"
        "os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)\n"
        "print(read('pids.current'), read('cgroup.procs'), read('cgroup.events')[1])\n"
        "os.rmdir('/cg/a')\n"
        "print(open('/cg/cgroup.stat').read().split()[5], open('/proc/%d/cgroup' % pid).read())\n"
        "os.waitpid(pid, 0)\n"
        "print(open('/cg/cgroup.stat').read().split()[5])\n"
        "EOF\npython3 /tmp/p.py"
    )
    assert out == "['1'] [] 0\n1 0::/a (deleted)\n\n0\n"


def test_frozen_processes_survive_a_snapshot():
    kernel = Kernel(root="/", memory=64 << 20)
    process = kernel.spawn([
        "/bin/sh", "-c", MOUNT + "mkdir a; (echo 0 > a/cgroup.procs; sleep 0.02; sleep 0.02; echo slept;"
        "cat /proc/self/cgroup) & sleep 0.01; echo 1 > a/cgroup.freeze; sleep 1; cat a/cgroup.events;"
        "echo 0 > a/cgroup.freeze; wait; rmdir a; ls",
    ])  # fmt: skip
    kernel.run_for(400_000_000)
    kernel = pickle.loads(pickle.dumps(kernel))
    process = kernel.processes[0]
    assert kernel.run(timeout=60) == "idle"
    assert process.stdout.startswith(b"populated 1\nfrozen 1\nslept\n0::/a\ncgroup.")
    assert process.status.exit_code == 0
    kernel.close()


def test_counts_come_back_to_nothing():
    kernel = Kernel(root="/", memory=64 << 20)
    run(
        MOUNT + "echo +pids > cgroup.subtree_control; mkdir a; echo 3 > a/pids.max; "
        "for i in 1 2 3 4 5; do sh -c 'echo $$ > a/cgroup.procs; (true) | (true) | (true) | (true)'; done",
        kernel,
    )
    root = kernel.system.cgroup_root
    (group,) = root.children.values()
    assert (group.pids, group.tasks, root.nr_populated) == (0, {}, 0)
    assert group.pids_local_hits > 0
    kernel.close()


def test_groups_are_still_there_when_they_are_mounted_again():
    out, _ = run(MOUNT + "mkdir -p a/b; echo $$ > a/cgroup.procs; cd /; umount /cg; cat /proc/self/cgroup;"
                 "mount -t cgroup2 none /cg; ls -d /cg/a/b; echo 0 > /cg/cgroup.procs; echo $$ > /cg/cgroup.procs;"
                 "rmdir /cg/a/b /cg/a; cat /proc/self/cgroup")  # fmt: skip
    assert out == "0::/a\n/cg/a/b\n0::/\n"
