"""The same calls on Linux and on the VFS: same results, same tree afterwards.

Hypothesis makes up the calls; three kinds of file system take them here: tmpfs, the host's directory with
changes in memory, and a bind that writes to the host.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forkernel.fs.dentry import Path as Place
from unit.vfs_machines import AT_FDCWD, Native, Ours, snapshot, unpack_stat

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="runs calls natively as two users")

NAMES = [b"a", b"b", b"c", b"d", b"l"]
TAILS = [b"", b"", b"", b"", b"/", b"/.", b"/..", b"/a", b"/b", b"/c"]
path = st.one_of(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(TAILS)).map(b"".join),
    st.tuples(st.sampled_from(NAMES), st.sampled_from([b"/"]), st.sampled_from(NAMES)).map(b"".join),
    st.sampled_from([b"", b".", b"..", b"./a", b"a/../b", b"a//b", b"x" * 255, b"x" * 256, b"a/b/c/d"]),
)
mode = st.sampled_from([0, 0o644, 0o755, 0o700, 0o1777, 0o2775, 0o4755, 0o6777, 0o444, 0o111])
open_flags = st.tuples(
    st.sampled_from([os.O_RDONLY, os.O_WRONLY, os.O_RDWR, 3]),
    st.sampled_from([0, 0, os.O_CREAT, os.O_CREAT | os.O_EXCL]),
    st.sampled_from([0, 0, os.O_TRUNC, os.O_APPEND, os.O_NOFOLLOW, os.O_DIRECTORY, os.O_PATH]),
).map(sum)
owner = st.sampled_from([0xFFFFFFFF, 0, 1000, 1001])

OPERATIONS = st.one_of(
    st.tuples(st.just("open+"), path, open_flags, mode, st.binary(max_size=8)),
    st.tuples(st.just("mkdir"), path, mode),
    st.tuples(st.just("rmdir"), path),
    st.tuples(st.just("unlink"), path),
    st.tuples(st.just("symlink"), path, path),
    st.tuples(st.just("link"), path, path),
    st.tuples(st.just("linkat"), st.just(AT_FDCWD), path, st.just(AT_FDCWD), path, st.sampled_from([0, 0x400])),
    st.tuples(st.just("rename"), path, path),
    st.tuples(st.just("renameat2"), st.just(AT_FDCWD), path, st.just(AT_FDCWD), path, st.sampled_from([1, 2, 3])),
    st.tuples(st.just("truncate"), path, st.sampled_from([0, 3, 5000, -1])),
    st.tuples(st.just("chmod"), path, mode),
    st.tuples(st.just("chown"), path, owner, owner),
    st.tuples(st.just("lchown"), path, owner, owner),
    st.tuples(st.just("access"), path, st.integers(0, 8)),
    st.tuples(st.just("mknod"), path, st.sampled_from([0o010644, 0o100600, 0o040755, 0o600]), st.just(0)),
    st.tuples(st.just("stat+"), path, st.sampled_from([0, 0x100])),
    st.tuples(st.just("readlink+"), path),
    st.tuples(st.just("user"), st.sampled_from([None, 1000, 1001])),
    st.tuples(st.just("umask"), st.sampled_from([0o022, 0, 0o077])),
)


def do(machine: Ours | Native, operation: tuple[Any, ...]) -> Any:
    """One operation; what can be compared of its result."""
    name, *args = operation
    if name == "user":
        machine.user(args[0])
        return None
    if name == "open+":
        return open_and_write(machine, *args)
    if name == "stat+":
        facts = machine.call("newfstatat", AT_FDCWD, args[0], ..., args[1])
        return unpack_stat(facts) if isinstance(facts, bytes) else facts
    if name == "readlink+":
        target = machine.call("readlink", args[0], ..., 4096)
        return target.rstrip(b"\0") if isinstance(target, bytes) else target
    return machine.call(name, *args)


def open_and_write(machine: Ours | Native, where: bytes, flags: int, perm: int, data: bytes) -> Any:
    # O_NONBLOCK, so that FIFOs do not wait
    fd = machine.call("open", where, flags | os.O_NONBLOCK, perm)
    if isinstance(fd, bytes) or fd < 0:
        return fd
    shown = machine.call("fcntl", fd, 3, 0)
    written = machine.call("write", fd, data, len(data))
    found = machine.call("pread64", fd, ..., 100, 0)
    machine.call("close", fd)
    return shown, written, found.rstrip(b"\0") if isinstance(found, bytes) else found


def populate(top: Path) -> None:
    """Files that are there before the first call."""
    top.mkdir()
    (top / "a").mkdir()
    (top / "a" / "b").write_bytes(b"content of b")
    (top / "a" / "c").mkdir()
    (top / "d").write_bytes(b"d" * 5000)
    os.link(top / "d", top / "a" / "a")
    (top / "l").symlink_to("a/b")
    os.chown(top / "a", 1000, 1000)
    os.chown(top / "d", 1001, 1000)
    (top / "d").chmod(0o640)
    top.chmod(0o777)
    (top / "a").chmod(0o1777)


def repeat_in_memory(ours: Ours) -> None:
    """What `populate` does, by the VFS itself."""
    for call in [
        ("mkdir", b"a", 0o755), ("mkdir", b"a/c", 0o755), ("symlink", b"a/b", b"l"),
        ("mknod", b"a/b", 0o100644, 0), ("mknod", b"d", 0o100644, 0), ("link", b"d", b"a/a"),
        ("chown", b"a", 1000, 1000), ("chown", b"d", 1001, 1000), ("chmod", b"d", 0o640), ("chmod", b"a", 0o1777),
        ("chmod", b".", 0o777),
    ]:  # fmt: skip
        assert ours.call(*call) == 0, call
    for where, data in ((b"a/b", b"content of b"), (b"d", b"d" * 5000)):
        fd = ours.call("open", where, os.O_WRONLY)
        assert ours.call("write", fd, data, len(data)) == len(data)
        ours.call("close", fd)


def machine_on(kind: str, top: Path) -> Ours:
    """Our machine with its working directory in a populated file system of this kind."""
    if kind == "tmpfs":
        ours = Ours(str(top.parent / "empty"))
        at = ours.vfs.make_mountpoint(b"/m")
        ours.vfs.mount(ours.vfs.new_tmpfs(mode=0o755), at)
        assert ours.call("mkdir", b"/m/work", 0o755) == 0
        assert ours.call("chdir", b"/m/work") == 0
        repeat_in_memory(ours)
    elif kind == "host":
        (top / "m").mkdir()
        populate(top / "m" / "work")
        ours = Ours(str(top))
    else:
        (top / "bound").mkdir()
        populate(top / "bound" / "work")
        ours = Ours(str(top.parent / "empty"))
        ours.vfs.mount_host(str(top / "bound"), b"/m", writable=True)
    assert ours.call("chdir", b"/m/work") == 0
    return ours


@pytest.mark.parametrize("kind", ["tmpfs", "host", "bind"])
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(operations=st.lists(OPERATIONS, max_size=12))
def test_calls_give_the_same_results_and_the_same_tree(kind: str, operations: list[Any]) -> None:
    top = Path(tempfile.mkdtemp())
    (top / "native").mkdir()
    (top / "ours").mkdir()
    (top / "empty").mkdir()
    top.chmod(0o755)
    here, mask = Path.cwd(), os.umask(0o022)
    native = Native()
    try:
        ours = machine_on(kind, top / "ours")
        before = tree_on_host(top / "ours")
        populate(top / "native" / "work")
        os.chdir(top / "native" / "work")
        for operation in operations:
            if kind == "bind" and operation[0] == "renameat2" and operation[-1] & 2:
                continue  # the host is not asked to exchange
            expected = do(native, operation)
            assert do(ours, operation) == expected, operation
            check_dentries(ours)
        native.user(None)
        ours.user(None)
        assert snapshot(ours, b"/m/work") == {b"/m/work" + name[1:]: facts for name, facts in snapshot(native).items()}
        if kind != "bind":
            assert tree_on_host(top / "ours") == before
    finally:
        native.user(None)
        os.chdir(here)
        os.umask(mask)
        shutil.rmtree(top)


def tree_on_host(top: Path) -> dict[str, Any]:
    """Everything below a host directory, with times of change."""
    found = {}
    for directory, _, files in os.walk(top):
        for name in [".", *files]:
            where = os.path.join(directory, name)
            facts = os.lstat(where)
            found[where] = (facts.st_mode, facts.st_uid, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
    return found


def check_dentries(ours: Ours) -> None:
    """Every dentry in the tree is where it says, and its name finds its inode."""
    pending = [ours.vfs.root.dentry, *(mount.root for mount in ours.vfs.mounts())]
    for dentry in pending:
        for name, child in dentry.children.items():
            assert child.name == name
            assert child.parent is dentry
            assert not child.unhashed
            pending.append(child)
            if not dentry.inode.volatile and not child.mounted:
                assert dentry.inode.lookup(ours.task, name) is child.inode
    assert isinstance(ours.vfs.root, Place)
