"""The VFS piece by piece: roots, mounts, magic, openat2, O_TMPFILE, the page cache, snapshots."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tarfile
from pathlib import Path
from typing import Any

import pytest

from forkernel.abi import errno
from forkernel.abi.fcntl import (
    AT_FDCWD,
    AT_SYMLINK_FOLLOW,
    O_CREAT,
    O_DIRECTORY,
    O_NOFOLLOW,
    O_PATH,
    O_RDONLY,
    O_RDWR,
    O_TMPFILE,
    O_WRONLY,
    RESOLVE_BENEATH,
    RESOLVE_IN_ROOT,
    RESOLVE_NO_MAGICLINKS,
    RESOLVE_NO_SYMLINKS,
    RESOLVE_NO_XDEV,
)
from forkernel.abi.stat import S_IFCHR, S_IFIFO, S_IFLNK, STATX
from forkernel.errors import SysError, UserError
from forkernel.fs.dentry import MNT_NODEV, MNT_NOEXEC, MNT_READONLY
from forkernel.fs.dentry import Path as Place
from forkernel.fs.hostfs import HIDDEN, HostSuperblock
from forkernel.fs.inode import Inode
from forkernel.fs.mount import MS_BIND, MS_MOVE, MS_RDONLY, MS_REMOUNT
from unit.vfs_machines import Native, Ours, names, unpack_stat

MNT_DETACH = 2


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host directory to be the machine's root."""
    top = tmp_path / "root"
    (top / "etc").mkdir(parents=True)
    (top / "etc" / "passwd").write_text("root:x:0:0\n")
    (top / "d" / "e").mkdir(parents=True)
    (top / "d" / "file").write_text("file\n")
    (top / "out").symlink_to("/etc/passwd")
    (top / "up").symlink_to("../../../../../../etc")
    (top / "loop").symlink_to("loop")
    return top


@pytest.fixture
def ours(root: Path) -> Ours:
    return Ours(str(root))


def read_all(machine: Ours | Native, path: bytes) -> Any:
    fd = machine.call("open", path, O_RDONLY)
    if isinstance(fd, bytes) or fd < 0:
        return fd
    data = machine.call("read", fd, ..., 4096)
    machine.call("close", fd)
    return data


def write_file(machine: Ours | Native, path: bytes, data: bytes) -> None:
    fd = machine.call("open", path, O_CREAT | O_WRONLY, 0o644)
    assert isinstance(fd, int)
    assert fd >= 0, (path, fd)
    assert machine.call("write", fd, data, len(data)) == len(data)
    machine.call("close", fd)


# --- the root


def test_links_and_dots_stay_inside_the_root(ours: Ours) -> None:
    assert read_all(ours, b"/out") == b"root:x:0:0\n"
    assert read_all(ours, b"/up/passwd") == b"root:x:0:0\n"
    assert read_all(ours, b"/../../../etc/passwd") == b"root:x:0:0\n"
    assert ours.call("open", b"/loop", O_RDONLY) == -errno.ELOOP


def test_changes_do_not_reach_the_host(ours: Ours, root: Path) -> None:
    write_file(ours, b"/etc/new", b"new")
    write_file(ours, b"/d/file", b"FILE")
    assert ours.call("rename", b"/d", b"/moved") == 0
    assert ours.call("unlink", b"/etc/passwd") == 0
    assert ours.call("mkdir", b"/d", 0o755) == 0
    assert read_all(ours, b"/moved/file") == b"FILE\n"
    assert ours.call("open", b"/d/file", O_RDONLY) == -errno.ENOENT
    fd = ours.call("open", b"/etc", O_RDONLY | O_DIRECTORY)
    assert isinstance(fd, int)
    assert names(ours, fd) == [b"new"]
    assert sorted(os.listdir(root)) == ["d", "etc", "loop", "out", "up"]
    assert (root / "d" / "file").read_text() == "file\n"


def test_the_hosts_own_directories_are_hidden() -> None:
    machine = Ours("/")
    for name in HIDDEN:
        fd = machine.call("open", b"/" + name, O_RDONLY | O_DIRECTORY)
        assert isinstance(fd, int)
        assert names(machine, fd) == []


def test_stat_and_statx_of_host_files_agree_with_the_host(ours: Ours, root: Path) -> None:
    native = Native()
    for name in ("etc/passwd", "d", "out"):
        here = ours.call("newfstatat", AT_FDCWD, b"/" + name.encode(), ..., 0x100)
        there = native.call("newfstatat", AT_FDCWD, str(root / name).encode(), ..., 0x100)
        assert isinstance(here, bytes)
        assert isinstance(there, bytes)
        assert unpack_stat(here) == unpack_stat(there)
        assert here[88:120] == there[88:120]  # mtime and ctime; readlink on the host moves a link's atime
        statx = ours.call("statx", AT_FDCWD, b"/" + name.encode(), 0x100, 0x7FF, ...)
        host = native.call("statx", AT_FDCWD, str(root / name).encode(), 0x100, 0x7FF, ...)
        assert isinstance(statx, bytes)
        assert isinstance(host, bytes)
        mine, theirs = STATX.unpack(statx[:256]), STATX.unpack(host[:256])
        for field in (1, 3, 4, 5, 6, 8, 9, 15, 16, 17, 18):  # blksize ... mtime, but ino, attributes, atime
            assert mine[field] == theirs[field], field
        assert len(statx) == 256


def test_inode_numbers_do_not_depend_on_the_order_of_lookups(root: Path) -> None:
    one, two = Ours(str(root)), Ours(str(root))
    for machine, order in ((one, (b"/d/file", b"/etc")), (two, (b"/etc", b"/d/file"))):
        for path in order:
            machine.call("newfstatat", AT_FDCWD, path, ..., 0)
    for path in (b"/d/file", b"/etc", b"/out"):
        first = one.call("newfstatat", AT_FDCWD, path, ..., 0)
        assert isinstance(first, bytes)
        assert first[:16] == two.call("newfstatat", AT_FDCWD, path, ..., 0)[:16]  # type: ignore[index]


def test_hard_links_of_the_host_are_one_file(root: Path) -> None:
    os.link(root / "d" / "file", root / "d" / "other")
    machine = Ours(str(root))
    write_file(machine, b"/d/other", b"both")
    assert read_all(machine, b"/d/file") == b"both\n"


def test_bad_roots_are_told_to_the_user(tmp_path: Path) -> None:
    for bad in (tmp_path / "none", tmp_path / "text"):
        (tmp_path / "text").write_text("no archive")
        with pytest.raises(UserError):
            Ours(str(bad))


def test_few_host_descriptors_serve_many_files(tmp_path: Path) -> None:
    for number in range(100):
        (tmp_path / f"f{number}").write_text(str(number))
    machine = Ours(str(tmp_path))
    fds = [machine.call("open", b"/f%d" % number, O_RDONLY) for number in range(100)]
    before = len(os.listdir("/proc/self/fd"))
    for number, fd in enumerate(fds):
        assert machine.call("pread64", fd, ..., 10, 0) == str(number).encode()
    sb = machine.vfs.root.mnt.sb
    assert isinstance(sb, HostSuperblock)
    assert len(sb.fds.fds) <= sb.fds.limit
    assert len(os.listdir("/proc/self/fd")) - before <= sb.fds.limit


def test_a_host_file_replaced_meanwhile_is_not_read_in_its_place(ours: Ours, root: Path) -> None:
    fd = ours.call("open", b"/d/file", O_RDONLY)
    (root / "d" / "file").unlink()
    (root / "d" / "file").symlink_to("/etc/passwd")
    result = ours.call("pread64", fd, ..., 10, 0)
    assert isinstance(result, int)
    assert result < 0


# --- tar roots


@pytest.mark.parametrize("compression", ["", "gz"])
def test_a_tar_archive_can_be_the_root(tmp_path: Path, compression: str) -> None:
    path = tmp_path / "root.tar"
    with tarfile.open(path, f"w:{compression}") as archive:
        for name, kind, text in (
            ("./bin", tarfile.DIRTYPE, ""),
            ("./bin/tool", tarfile.REGTYPE, "tool"),
            ("../../escape", tarfile.REGTYPE, "inside"),
            ("deep/er/file", tarfile.REGTYPE, "deep"),
            ("./link", tarfile.SYMTYPE, "bin/tool"),
            ("./hard", tarfile.LNKTYPE, "./bin/tool"),
            ("./fifo", tarfile.FIFOTYPE, ""),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.mode, member.mtime, member.uid = kind, 0o750, 1234, 7
            if kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                member.linkname = text
            member.size = len(text) if kind == tarfile.REGTYPE else 0
            archive.addfile(member, io.BytesIO(text.encode()))
    before = path.read_bytes()
    machine = Ours(str(path))
    assert read_all(machine, b"/link") == b"tool"
    assert read_all(machine, b"/escape") == b"inside"
    assert read_all(machine, b"/deep/er/file") == b"deep"
    facts = machine.call("newfstatat", AT_FDCWD, b"/hard", ..., 0)
    assert isinstance(facts, bytes)
    assert unpack_stat(facts) == (oct(0o100750), 2, 7, 0, 0, 4)
    assert machine.call("newfstatat", AT_FDCWD, b"/hard", ..., 0)[88:96] == struct.pack("<q", 1234)  # type: ignore[index]
    write_file(machine, b"/hard", b"TOOLS")
    assert read_all(machine, b"/bin/tool") == b"TOOLS"
    assert path.read_bytes() == before


# --- mounts


def test_a_mount_covers_a_directory_and_uncovers_it(ours: Ours) -> None:
    assert ours.call("mount", b"none", b"/d", b"tmpfs", 0, b"size=1m,mode=700") == 0
    assert ours.call("open", b"/d/file", O_RDONLY) == -errno.ENOENT
    write_file(ours, b"/d/inside", b"x")
    assert ours.call("chdir", b"/d") == 0
    assert read_all(ours, b"../etc/passwd") == b"root:x:0:0\n"
    assert ours.call("getcwd", ..., 4096) == b"/d\0"
    assert ours.call("umount2", b"/d", 0) == -errno.EBUSY
    assert ours.call("chdir", b"/") == 0
    assert ours.call("rmdir", b"/d") == -errno.EBUSY
    assert ours.call("rename", b"/d", b"/x") == -errno.EBUSY
    assert ours.call("rename", b"/etc/passwd", b"/d/passwd") == -errno.EXDEV
    assert ours.call("umount2", b"/d", 0) == 0
    assert read_all(ours, b"/d/file") == b"file\n"
    assert ours.call("umount2", b"/d", 0) == -errno.EINVAL


def test_binds_move_and_remount_read_only(ours: Ours) -> None:
    assert ours.call("mkdir", b"/b", 0o755) == 0
    assert ours.call("mount", b"/d", b"/b", None, MS_BIND, None) == 0
    assert read_all(ours, b"/b/file") == b"file\n"
    assert ours.call("mount", b"/d", b"/etc/passwd", None, MS_BIND, None) == -errno.ENOTDIR
    assert ours.call("mount", b"none", b"/b", None, MS_REMOUNT | MS_RDONLY | MS_BIND, None) == 0
    assert ours.call("mkdir", b"/b/x", 0o755) == -errno.EROFS
    assert ours.call("open", b"/b/file", O_RDWR) == -errno.EROFS
    assert ours.call("access", b"/b/file", 2) == -errno.EROFS
    assert ours.call("mkdir", b"/b/e", 0o755) == -errno.EEXIST
    assert ours.call("mkdir", b"/d/x", 0o755) == 0
    assert ours.call("mount", b"/b", b"/etc", None, MS_MOVE, None) == 0
    assert read_all(ours, b"/etc/file") == b"file\n"
    assert ours.call("open", b"/b/file", O_RDONLY) == -errno.ENOENT
    assert ours.call("mount", b"none", b"/d", b"nofs", 0, None) == -errno.ENODEV
    ours.user(1000)
    assert ours.call("mount", b"none", b"/d", b"tmpfs", 0, None) == -errno.EPERM


def test_detach_keeps_what_is_in_use(ours: Ours) -> None:
    assert ours.call("mount", b"none", b"/d", b"tmpfs", 0, None) == 0
    write_file(ours, b"/d/kept", b"kept")
    fd = ours.call("open", b"/d/kept", O_RDONLY)
    free = ours.frames.free_count()
    assert ours.call("umount2", b"/d", 0) == -errno.EBUSY
    assert ours.call("umount2", b"/d", MNT_DETACH) == 0
    assert ours.call("pread64", fd, ..., 10, 0) == b"kept"
    assert ours.call("close", fd) == 0
    assert ours.frames.free_count() == free + 1
    assert read_all(ours, b"/d/file") == b"file\n"


def test_mount_flags_count(ours: Ours) -> None:
    ours.vfs.mknod(b"/tool", 0o100755, 0)
    ours.vfs.mknod(b"/null", S_IFCHR | 0o666, 0x103)
    mount = ours.vfs.root.mnt
    mount.flags |= MNT_NOEXEC | MNT_NODEV
    with pytest.raises(SysError) as caught:
        ours.vfs.open_exec(ours.task, AT_FDCWD, b"/tool", 0)
    assert caught.value.errno == errno.EACCES
    assert ours.call("open", b"/null", O_RDONLY) == -errno.EACCES
    mount.flags |= MNT_READONLY
    assert ours.call("truncate", b"/d/file", 0) == -errno.EROFS


def test_a_plain_bind_of_the_host_is_read_only_and_current(ours: Ours, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "f").write_text("one")
    ours.vfs.mount_host(str(shared), b"/made/on/the/way")
    ours.vfs.mount_host(str(shared / "f"), b"/one-file")
    assert read_all(ours, b"/made/on/the/way/f") == b"one"
    assert read_all(ours, b"/one-file") == b"one"
    assert ours.call("open", b"/made/on/the/way/f", O_WRONLY) == -errno.EROFS
    assert ours.call("mkdir", b"/made/on/the/way/x", 0o755) == -errno.EROFS
    (shared / "later").write_text("later")
    assert read_all(ours, b"/made/on/the/way/later") == b"later"
    (shared / "later").unlink()
    assert read_all(ours, b"/made/on/the/way/later") == -errno.ENOENT
    with pytest.raises(UserError):
        ours.vfs.mount_host(str(shared / "none"), b"/x")


def test_links_in_a_writable_bind_lead_to_the_guests_files(ours: Ours, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (tmp_path / "secret").write_text("secret")
    ours.vfs.mount_host(str(shared), b"/s", writable=True)
    assert ours.call("symlink", b"../secret", b"/s/l") == 0
    assert ours.call("symlink", b"/etc", b"/s/dir") == 0
    assert read_all(ours, b"/s/l") == -errno.ENOENT
    assert read_all(ours, b"/s/dir/passwd") == b"root:x:0:0\n"
    # A directory that turns into a link on the host while the guest is in it leads nowhere.
    assert ours.call("mkdir", b"/s/in", 0o755) == 0
    assert ours.call("chdir", b"/s/in") == 0
    (shared / "in").rmdir()
    (shared / "in").symlink_to(tmp_path)
    assert read_all(ours, b"secret") == -errno.ENOENT
    assert ours.call("mknod", b"/s/dev", S_IFCHR | 0o666, 0x103) == -errno.EPERM


def test_an_unlinked_file_of_a_bind_can_still_be_used(ours: Ours, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    ours.vfs.mount_host(str(tmp_path / "shared"), b"/s", writable=True)
    write_file(ours, b"/s/f", b"still here")
    fd = ours.call("open", b"/s/f", O_RDWR)
    assert ours.call("unlink", b"/s/f") == 0
    assert ours.call("pread64", fd, ..., 20, 0) == b"still here"
    assert ours.call("ftruncate", fd, 5) == 0
    assert ours.call("close", fd) == 0
    assert os.listdir(tmp_path / "shared") == []


# --- where a task stands


def test_chroot_confines_and_getcwd_tells_what_is_out_of_reach(ours: Ours) -> None:
    assert ours.call("chroot", b"/d") == 0
    assert ours.call("getcwd", ..., 4096) == b"(unreachable)/\0"
    assert ours.call("chdir", b"/") == 0
    assert read_all(ours, b"/../../file") == b"file\n"
    assert ours.call("open", b"/etc/passwd", O_RDONLY) == -errno.ENOENT
    ours.user(1000)
    assert ours.call("chroot", b"/e") == -errno.EPERM


def test_a_removed_working_directory(ours: Ours) -> None:
    assert ours.call("chdir", b"/d/e") == 0
    assert ours.call("rmdir", b"/d/e") == 0
    assert ours.call("getcwd", ..., 4096) == -errno.ENOENT
    assert ours.call("open", b"new", O_CREAT | O_WRONLY, 0o644) == -errno.ENOENT
    assert ours.call("mkdir", b"new", 0o755) == -errno.ENOENT
    fd = ours.call("open", b".", O_RDONLY | O_DIRECTORY)
    assert ours.call("getdents64", fd, ..., 1024) == -errno.ENOENT
    assert ours.vfs.d_path(ours.task.fs.pwd, ours.task.fs.root) == b"/d/e (deleted)"
    assert ours.call("getcwd", ..., 2) == -errno.ENOENT
    assert ours.call("chdir", b"/d") == 0
    assert ours.call("getcwd", ..., 2) == -errno.ERANGE


# --- openat2, O_PATH, O_TMPFILE, special files


@pytest.mark.parametrize(
    ("path", "resolve", "expected"),
    [
        (b"../etc/passwd", RESOLVE_BENEATH, -errno.EXDEV),
        (b"/etc/passwd", RESOLVE_BENEATH, -errno.EXDEV),
        (b"e/../file", RESOLVE_BENEATH, 0),
        (b"/file", RESOLVE_IN_ROOT, 0),
        (b"../../file", RESOLVE_IN_ROOT, 0),
        (b"abs", RESOLVE_IN_ROOT, 0),
        (b"abs", RESOLVE_BENEATH, -errno.EXDEV),
        (b"abs", RESOLVE_NO_SYMLINKS, -errno.ELOOP),
        (b"abs", RESOLVE_NO_XDEV, -errno.ENOENT),
        (b"m/x", RESOLVE_NO_XDEV, -errno.EXDEV),
        (b"magic", RESOLVE_NO_MAGICLINKS, -errno.ELOOP),
        (b"magic", 0, 0),
        (b"magic", RESOLVE_BENEATH, -errno.EXDEV),
        (b"file", 0x40, -errno.EINVAL),
        (b"file", RESOLVE_BENEATH | RESOLVE_IN_ROOT, -errno.EINVAL),
    ],
)
def test_openat2_resolution(ours: Ours, path: bytes, resolve: int, expected: int) -> None:
    assert ours.call("symlink", b"/file", b"/d/abs") == 0
    assert ours.call("mkdir", b"/d/m", 0o755) == 0
    assert ours.call("mount", b"none", b"/d/m", b"tmpfs", 0, None) == 0
    write_file(ours, b"/d/m/x", b"")
    place = ours.vfs.resolve(ours.task, b"/etc/passwd")
    ours.vfs.resolve(ours.task, b"/d").inode.entries[b"magic"] = MagicLink(place)  # type: ignore[attr-defined]
    fd = ours.call("open", b"/d", O_RDONLY | O_DIRECTORY)
    result = ours.call("openat2", fd, path, struct.pack("<QQQ", 0, 0, resolve), 24)
    assert isinstance(result, int)
    assert (0 if result >= 0 else result) == expected


class MagicLink(Inode):
    """A link that leads to a place, not to a name, as in /proc/PID/fd."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.inode.sb, S_IFLNK | 0o777)
        self.place = place

    def follow_link(self, task: Any) -> Place:
        return self.place


@pytest.mark.parametrize(
    ("how", "size", "expected"),
    [
        (struct.pack("<QQQ", 0, 0, 0), 23, -errno.EINVAL),
        (struct.pack("<QQQQ", 0, 0, 0, 1), 32, -errno.E2BIG),
        (struct.pack("<QQQQ", 0, 0, 0, 0), 32, 0),
        (struct.pack("<QQQ", 0, 0o644, 0), 24, -errno.EINVAL),
        (struct.pack("<QQQ", 1 << 40, 0, 0), 24, -errno.EINVAL),
        (struct.pack("<QQQ", O_PATH | O_RDWR, 0, 0), 24, -errno.EINVAL),
        (struct.pack("<QQQ", O_CREAT, 0o100644, 0), 24, -errno.EINVAL),
        (struct.pack("<QQQ", O_CREAT | O_DIRECTORY, 0o644, 0), 24, -errno.EINVAL),
    ],
)
def test_openat2_checks_what_open_lets_pass(ours: Ours, root: Path, how: bytes, size: int, expected: int) -> None:
    for machine, path in ((ours, b"/d/file"), (Native(), str(root / "d" / "file").encode())):
        result = machine.call("openat2", AT_FDCWD, path, how, size)  # type: ignore[attr-defined]
        assert isinstance(result, int)
        assert (0 if result >= 0 else result) == expected
        if result >= 0:
            machine.call("close", result)  # type: ignore[attr-defined]


def test_o_path_gives_a_place_and_nothing_else(ours: Ours) -> None:
    fd = ours.call("open", b"/out", O_PATH | O_NOFOLLOW)
    assert ours.call("readlinkat", fd, b"", ..., 100) == b"/etc/passwd"
    facts = ours.call("fstat", fd, ...)
    assert isinstance(facts, bytes)
    assert int(unpack_stat(facts)[0], 8) & 0o170000 == S_IFLNK
    for call in (("read", fd, ..., 1), ("fchmod", fd, 0o600), ("ftruncate", fd, 0), ("getdents64", fd, ..., 100)):
        assert ours.call(*call) == -errno.EBADF
    directory = ours.call("open", b"/d", O_PATH)
    assert isinstance(ours.call("openat", directory, b"file", O_RDONLY), int)
    assert ours.call("fchdir", directory) == 0
    assert ours.call("openat", fd, b"file", O_RDONLY) == -errno.ENOTDIR


def test_o_tmpfile_has_no_name_until_it_is_linked(ours: Ours) -> None:
    fd = ours.call("open", b"/d", O_TMPFILE | O_RDWR, 0o600)
    assert isinstance(fd, int)
    ours.call("write", fd, b"secret", 6)
    listing = ours.call("open", b"/d", O_RDONLY)
    assert isinstance(listing, int)
    assert sorted(names(ours, listing)) == [b"e", b"file"]
    assert ours.call("linkat", fd, b"", AT_FDCWD, b"/d/named", 0x1000) == 0
    assert read_all(ours, b"/d/named") == b"secret"
    hidden = ours.call("open", b"/d", O_TMPFILE | O_RDWR | os.O_EXCL, 0o600)
    assert ours.call("linkat", hidden, b"", AT_FDCWD, b"/d/no", 0x1000) == -errno.ENOENT
    assert ours.call("open", b"/d", O_TMPFILE | O_RDONLY, 0o600) == -errno.EINVAL
    assert ours.call("open", b"/d/file", O_TMPFILE | O_RDWR, 0o600) == -errno.ENOTDIR
    assert ours.call("linkat", AT_FDCWD, b"/out", AT_FDCWD, b"/hard", AT_SYMLINK_FOLLOW) == 0
    assert read_all(ours, b"/hard") == b"root:x:0:0\n"


def test_a_socket_file_cannot_be_opened_and_a_fifo_waits_for_nobody_with_nonblock(ours: Ours) -> None:
    assert ours.call("mknod", b"/sock", 0o140755, 0) == 0
    assert ours.call("open", b"/sock", O_RDONLY) == -errno.ENXIO
    assert ours.call("mknod", b"/fifo", S_IFIFO | 0o600, 0) == 0
    assert ours.call("open", b"/fifo", O_WRONLY | os.O_NONBLOCK) == -errno.ENXIO
    fd = ours.call("open", b"/fifo", O_RDWR)
    assert isinstance(fd, int)
    assert ours.vfs.d_path(ours.task.files.get(fd).path, ours.vfs.root) == b"/fifo"


# --- limits


def test_descriptors_run_out_at_the_limit(ours: Ours) -> None:
    ours.task.signal.rlim[7] = (5, 5)
    fds = [ours.call("open", b"/d/file", O_RDONLY) for _ in range(6)]
    assert fds == [0, 1, 2, 3, 4, -errno.EMFILE]
    assert ours.call("open", b"/d/new", O_CREAT | O_WRONLY, 0o644) == -errno.EMFILE
    assert ours.call("newfstatat", AT_FDCWD, b"/d/new", ..., 0) == -errno.ENOENT
    assert ours.call("close", 2) == 0
    assert ours.call("open", b"/d/file", O_RDONLY) == 2


def test_file_size_limit_cuts_a_write_and_then_kills(ours: Ours) -> None:
    ours.task.signal.rlim[1] = (10, 10)
    fd = ours.call("open", b"/d/small", O_CREAT | O_WRONLY, 0o644)
    assert ours.call("write", fd, b"x" * 20, 20) == 10
    assert ours.call("write", fd, b"x", 1) == -errno.EFBIG
    assert ours.task.signals == [25]
    assert ours.call("ftruncate", fd, 11) == -errno.EFBIG


def test_tmpfs_fills_up(ours: Ours) -> None:
    assert ours.call("mount", b"none", b"/d", b"tmpfs", 0, b"size=8k") == 0
    fd = ours.call("open", b"/d/f", O_CREAT | O_RDWR, 0o644)
    assert ours.call("write", fd, b"x" * 12288, 12288) == 8192
    assert ours.call("write", fd, b"x", 1) == -errno.ENOSPC
    assert ours.call("ftruncate", fd, 4096) == 0
    assert ours.call("write", fd, b"x" * 9000, 9000) == 4096
    figures = ours.call("statfs", b"/d", ...)
    assert isinstance(figures, bytes)
    assert struct.unpack_from("<qqQQ", figures)[1:3] == (4096, 2)


def test_inodes_run_out_and_come_back(ours: Ours) -> None:
    assert ours.call("mount", b"none", b"/d", b"tmpfs", 0, b"nr_inodes=3") == 0
    assert ours.call("mkdir", b"/d/a", 0o755) == 0
    fd = ours.call("open", b"/d/b", O_CREAT | O_RDWR, 0o644)
    assert isinstance(fd, int)
    assert fd >= 0
    assert ours.call("symlink", b"x", b"/d/c") == -errno.ENOSPC
    assert ours.call("unlink", b"/d/b") == 0
    assert ours.call("symlink", b"x", b"/d/c") == -errno.ENOSPC
    assert ours.call("close", fd) == 0
    assert ours.call("symlink", b"x", b"/d/c") == 0
    assert ours.call("rmdir", b"/d/a") == 0
    assert ours.call("mknod", b"/d/e", 0o010644, 0) == 0
    assert ours.call("link", b"/d/e", b"/d/f") == 0


def test_writing_takes_set_id_bits_away(ours: Ours) -> None:
    ours.call("chmod", b"/d/file", 0o6777)
    ours.user(1000)
    write_file(ours, b"/d/file", b"x")
    facts = ours.call("newfstatat", AT_FDCWD, b"/d/file", ..., 0)
    assert isinstance(facts, bytes)
    assert unpack_stat(facts)[0] == oct(0o100777)


# --- memory and snapshots


def test_the_last_close_of_an_unlinked_file_gives_its_frames_back(ours: Ours) -> None:
    free = ours.frames.free_count()
    fd = ours.call("open", b"/d/f", O_CREAT | O_RDWR, 0o644)
    ours.call("write", fd, b"x" * 100_000, 100_000)
    assert ours.call("unlink", b"/d/f") == 0
    assert ours.frames.free_count() == free - 25
    assert ours.call("close", fd) == 0
    assert ours.frames.free_count() == free


def test_reclaim_drops_clean_pages_only(ours: Ours) -> None:
    inode: Any = ours.vfs.resolve(ours.task, b"/etc/passwd").inode
    frame = inode.get_page(0)
    assert ours.frames.read(frame, 0, 4) == b"root"
    write_file(ours, b"/d/file", b"dirty")
    assert ours.vfs.reclaim(10) == 0  # the page handed out last is about to be used
    ours.vfs.resolve(ours.task, b"/d/file").inode.get_page(0)  # type: ignore[attr-defined]
    assert ours.vfs.reclaim(10) == 1
    assert ours.vfs.reclaim(10) == 0
    assert inode.peek_page(0) == 0
    assert read_all(ours, b"/d/file") == b"dirty"


def test_a_snapshot_goes_on_reading_and_writing(ours: Ours) -> None:
    fd = ours.call("open", b"/etc/passwd", O_RDONLY)
    assert ours.call("read", fd, ..., 5) == b"root:"
    write_file(ours, b"/d/file", b"changed")
    copy: Ours = pickle.loads(pickle.dumps(ours))
    for machine in (ours, copy):
        assert machine.call("read", fd, ..., 2) == b"x:"
        assert read_all(machine, b"/d/file") == b"changed"
    write_file(copy, b"/d/file", b"CHANGED")
    assert read_all(ours, b"/d/file") == b"changed"
