"""Namespaces as objects: who holds them, what is left when they go, pickling, propagation against a model."""

from __future__ import annotations

import pickle
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from vfs_machines import Ours

from forkernel import Kernel
from forkernel.abi.namespace import NS_FIRST_INO
from forkernel.errors import SysError
from forkernel.fs.mount import MS_BIND, MS_REC, do_mount, do_umount, tree_of
from forkernel.fs.pnode import MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE
from forkernel.kernel.cred import Cred
from forkernel.kernel.user_namespace import parse_map
from forkernel.namespace import INVALID_ID, UserNamespace, cap_capable, init_user_ns, map_id, map_id_up

needs_unshare = pytest.mark.skipif(
    sys.platform != "linux" or not shutil.which("unshare"), reason="runs the host's unshare"
)


def test_the_initial_user_namespace_is_one_object() -> None:
    assert pickle.loads(pickle.dumps(init_user_ns)) is init_user_ns
    cred = pickle.loads(pickle.dumps(Cred()))
    assert cred.user_ns is init_user_ns
    for number in (0, 5, 65534, INVALID_ID):
        assert init_user_ns.make_kuid(number) == init_user_ns.from_kgid_munged(number) == number


extents = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.integers(1, 9)), max_size=6)


@given(extents, st.integers(0, 70))
def test_maps_are_one_to_one(wanted: list[tuple[int, int, int]], number: int) -> None:
    text = b"".join(b"%d %d %d\n" % extent for extent in wanted)
    try:
        parsed = parse_map(text)
    except SysError:
        inside = [first + i for first, _, count in wanted for i in range(count)]
        outside = [lower + i for _, lower, count in wanted for i in range(count)]
        assert not wanted or len(set(inside)) < len(inside) or len(set(outside)) < len(outside)
        return
    assert parsed == wanted
    kernel = map_id(tuple(parsed), number)
    if kernel != INVALID_ID:
        assert map_id_up(tuple(parsed), kernel) == number


def user_ns(parent: UserNamespace, owner: int) -> UserNamespace:
    return UserNamespace(SimpleNamespace(ns_inums=SimpleNamespace(alloc=lambda: 1)), parent, owner, 0)


def test_capabilities_reach_down_and_not_up() -> None:
    top = user_ns(init_user_ns, 7)
    below = user_ns(top, 8)
    inside = Cred(user_ns=top)
    assert cap_capable(inside, below, 21)
    assert not cap_capable(inside, init_user_ns, 21)
    assert cap_capable(Cred(), below, 21)
    maker = Cred.of_user(7, 7)
    assert cap_capable(maker, top, 21)
    assert cap_capable(maker, below, 21)
    assert not cap_capable(maker, init_user_ns, 21)
    assert not cap_capable(Cred.of_user(8, 8), below, 21)


# --- propagation: random operations, then every group is what the mounts say of it

PLACES = [b"/a", b"/b", b"/c", b"/a/x", b"/b/x", b"/c/x", b"/a/x/y"]
operations = st.lists(
    st.one_of(
        st.tuples(st.just("tmpfs"), st.sampled_from(PLACES)),
        st.tuples(st.just("umount"), st.sampled_from(PLACES)),
        st.tuples(st.just("detach"), st.sampled_from(PLACES)),
        st.tuples(st.just("bind"), st.sampled_from(PLACES), st.sampled_from(PLACES), st.booleans()),
        st.tuples(st.just("move"), st.sampled_from(PLACES), st.sampled_from(PLACES)),
        st.tuples(
            st.just("type"),
            st.sampled_from(PLACES),
            st.sampled_from([MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE]),
            st.booleans(),
        ),
    ),
    max_size=25,
)


def check_mounts(ours: Ours) -> None:
    """What always holds of a mount tree."""
    vfs = ours.vfs
    mounts = tree_of(vfs.init_mnt_ns.root)
    assert len(set(mounts)) == len(mounts)
    for mount in mounts:
        assert mount.ns is vfs.init_mnt_ns
        for child in mount.children:
            assert child.parent is mount
            assert vfs.mount_hash[mount, child.mountpoint] is child
        if mount.group is not None:
            assert mount in mount.group.members
            assert vfs.peer_groups[mount.group.id] is mount.group
            assert not mount.unbindable
        if mount.master is not None:
            assert mount in mount.master.slaves
            assert mount.master.members
    assert len(vfs.mount_hash) == len(mounts) - 1
    for number, group in vfs.peer_groups.items():
        assert group.id == number
        assert group.members
        for member in group.members:
            assert member in mounts
            assert member.group is group
        for slave in group.slaves:
            assert slave.master is group
    for mount in mounts:
        assert mount.sb.mounts == sum(other.sb is mount.sb for other in mounts) or mount.sb.type == b"rootfs"


@settings(max_examples=60, deadline=None)
@given(operations)
def test_any_operations_leave_a_sound_tree(steps: list[tuple[Any, ...]]) -> None:
    ours = Ours(ram=4 << 20)
    vfs, task = ours.vfs, ours.task
    vfs.mount(vfs.new_tmpfs(mode=0o755), vfs.make_mountpoint(b"/"))
    task.fs.root = task.fs.pwd = vfs.init_mnt_ns.top()
    for place in sorted(PLACES):
        ours.call("mkdir", place, 0o755)
    for step in steps:
        run_step(ours, step)
        for place in sorted(PLACES):
            ours.call("mkdir", place, 0o755)
        check_mounts(ours)
    assert pickle.loads(pickle.dumps(vfs.init_mnt_ns)).root.children


def run_step(ours: Ours, step: tuple[Any, ...]) -> None:
    vfs, task = ours.vfs, ours.task
    try:
        at = vfs.resolve(task, step[1])
        if step[0] == "tmpfs":
            do_mount(vfs, task, b"t", at, b"tmpfs", 0, b"")
        elif step[0] in ("umount", "detach"):
            do_umount(vfs, task, at, 2 if step[0] == "detach" else 0)
        elif step[0] == "bind":
            do_mount(vfs, task, step[2], at, b"", MS_BIND | (MS_REC if step[3] else 0), b"")
        elif step[0] == "move":
            do_mount(vfs, task, step[2], at, b"", 8192, b"")
        else:
            do_mount(vfs, task, b"", at, b"", step[2] | (MS_REC if step[3] else 0), b"")
    except SysError:
        return


# --- with real programs

NESTED = (
    "unshare -UrmpfuniCT --mount-proc sh -c 'hostname deep; mount -t tmpfs x /mnt; mount --make-shared /mnt; "
    "mkdir /mnt/a; mount --bind /mnt /srv; mount -t tmpfs y /srv/a; sleep 1; hostname; "
    "grep -c shared: /proc/self/mountinfo; id -u; echo $$'"
)
SHOWN = b"deep\n4\n0\n1\n"


@needs_unshare
def test_nothing_is_left_of_namespaces_whose_processes_are_gone() -> None:
    with Kernel(memory=64 << 20) as kernel:
        system = kernel.system
        mounts, sockets = len(system.vfs.mount_hash), len(system.init_task.nsproxy.net_ns.sockets)
        for _ in range(2):
            process = kernel.spawn(["/bin/sh", "-c", NESTED])
            kernel.run(timeout=60)
            assert process.stdout == SHOWN, process.stderr
        assert not system.ucounts.counts
        assert system.ns_inums.freed == set(range(NS_FIRST_INO, system.ns_inums.next))
        assert len(system.vfs.mount_hash) == mounts
        assert not system.vfs.peer_groups
        assert len(system.init_task.nsproxy.net_ns.sockets) == sockets
        users = [system.init_task, *system.all_tasks()]
        assert system.init_task.nsproxy.count == len(users)


@needs_unshare
def test_namespaces_survive_pickling() -> None:
    with Kernel(memory=64 << 20) as kernel:
        kernel.spawn(["/bin/sh", "-c", NESTED])
        kernel.run_for(500_000_000)
        assert kernel.system.ucounts.counts
        copy = pickle.loads(pickle.dumps(kernel))
    with copy:
        copy.run(timeout=60)
        assert copy.processes[0].stdout == SHOWN
        assert not copy.system.ucounts.counts
        assert copy.system.init_task.cred.user_ns is init_user_ns


@needs_unshare
def test_no_remount_makes_a_read_only_bind_of_the_host_writable(tmp_path: Path) -> None:
    script = (
        "mount -o remount,rw /mnt; mount -o remount,bind,rw /mnt; echo x >/mnt/a; "
        "mount --bind /mnt /srv; echo x >/srv/a; "
        "unshare -m sh -c 'mount -o remount,bind,rw /mnt; echo x >/mnt/a'; unshare -Urm sh -c 'echo x >/mnt/a'"
    )
    with Kernel(memory=64 << 20, binds=[f"{tmp_path}:/mnt"]) as kernel:
        process = kernel.spawn(["/bin/sh", "-c", script])
        kernel.run(timeout=60)
        assert process.stderr.count(b"Read-only file system") == 4, process.stderr
    assert not list(tmp_path.iterdir())
