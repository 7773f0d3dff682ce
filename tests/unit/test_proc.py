"""procfs: formats as proc(5) has them, real state, processes that come and go, permissions."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest
from proc_fakes import Machine

from forkernel.abi.errno import EACCES, EINVAL, ENOENT, EPERM, ESRCH
from forkernel.abi.fcntl import O_RDONLY, O_WRONLY
from forkernel.fs.proc.super import ProcTop
from forkernel.kernel.cred import Cred
from forkernel.kernel.task import Task
from forkernel.tty.console import Console


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    tmp_path.chmod(0o755)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "motd").write_text("hello\n")
    return Machine(str(tmp_path))


@pytest.fixture
def sh(machine: Machine) -> Task:
    return machine.process(machine.init)


def fields(text: bytes) -> dict[str, str]:
    return dict(line.split(":", 1) for line in text.decode().splitlines() if ":" in line)


def test_the_root_lists_files_and_processes(machine: Machine, sh: Task) -> None:
    names = machine.names(sh, b"/proc")
    assert names[:2] == [b".", b".."]
    assert {b"meminfo", b"stat", b"self", b"thread-self", b"mounts", b"sys", b"1", b"2"} <= set(names)


def test_self_is_the_reader(machine: Machine, sh: Task) -> None:
    assert machine.readlink(sh, b"/proc/self") == b"2"
    assert machine.readlink(machine.init, b"/proc/self") == b"1"
    thread = machine.thread(sh)
    assert machine.readlink(thread, b"/proc/self") == b"2"
    assert machine.readlink(thread, b"/proc/thread-self") == b"2/task/3"
    assert machine.read(thread, b"/proc/self/comm") == b"sh\n"


def test_stat_has_52_fields(machine: Machine, sh: Task) -> None:
    sh.comm = b"a) b"
    sh.utime, sh.stime = 1_230_000_000, 20_000_000
    text = machine.read(machine.init, b"/proc/2/stat")
    match = re.fullmatch(rb"2 \(a\) b\) R 1 1 1 0 -1 ((?:-?\d+ )*-?\d+)\n", text)
    assert match is not None
    rest = match[1].split()
    assert len(rest) == 52 - 8
    assert rest[5:7] == [b"123", b"2"]
    assert rest[9:11] == [b"20", b"0"]
    assert rest[11] == b"1"
    assert rest[13] == b"500"


def test_stat_names_the_terminal_and_its_foreground_group(machine: Machine, sh: Task) -> None:
    sh.signal.tty = Console(None, None)
    sh.signal.tty.set_pgrp(sh.thread_pid)
    assert machine.read(sh, b"/proc/self/stat").split()[6:8] == [b"1088", b"2"]


def test_status_tells_identity_signals_and_capabilities(machine: Machine, sh: Task) -> None:
    sh.cred = Cred.of_user(7, 8, (9, 10))
    sh.blocked = 0x10000
    found = fields(machine.read(machine.init, b"/proc/2/status"))
    assert found["Name"] == "\tsh"
    assert found["Uid"] == "\t7\t7\t7\t7"
    assert found["Gid"] == "\t8\t8\t8\t8"
    assert found["Groups"] == "\t9 10 "
    assert found["PPid"] == "\t1"
    assert found["State"] == "\tR (running)"
    assert found["SigBlk"] == "\t0000000000010000"
    assert found["CapEff"] == "\t0000000000000000"
    assert found["Threads"] == "\t1"
    assert "VmSize" not in found


def test_lines_of_status_come_in_linux_order(machine: Machine, sh: Task) -> None:
    ours = [line.split(b":")[0] for line in machine.read(sh, b"/proc/self/status").splitlines()]
    host = [line.split(":")[0] for line in Path("/proc/self/status").read_text().splitlines()]
    known = [name.encode() for name in host]
    assert [name for name in ours if name in known] == [name for name in known if name in ours]


def test_a_zombie_is_z_and_a_stopped_task_t(machine: Machine, sh: Task) -> None:
    sh.state, sh.exit_state = 0x80, 0x20
    assert b"State:\tZ (zombie)" in machine.read(machine.init, b"/proc/2/status")
    sh.state, sh.exit_state = 4, 0
    assert b"State:\tT (stopped)" in machine.read(machine.init, b"/proc/2/status")


def test_limits_look_as_on_linux(machine: Machine, sh: Task) -> None:
    ours = machine.read(sh, b"/proc/self/limits").decode().splitlines()
    host = Path("/proc/self/limits").read_text().splitlines()
    assert ours[0] == host[0]
    assert [(line[:26], line[68:]) for line in ours] == [(line[:26], line[68:]) for line in host]
    assert ours[8] == "Max open files            1024                 4096                 files     "


def test_a_process_that_is_gone_is_gone(machine: Machine, sh: Task) -> None:
    held = machine.vfs.open(machine.init, b"/proc/2/stat", O_RDONLY)
    directory = machine.vfs.open(machine.init, b"/proc/2", 0o200000)
    machine.exit(sh)
    assert machine.errno(held.read, machine.init, 10) == ESRCH
    assert machine.errno(directory.getdents, machine.init) == ENOENT
    assert machine.errno(machine.read, machine.init, b"/proc/2/stat") == ENOENT
    assert b"2" not in machine.names(machine.init, b"/proc")


def test_a_reused_number_is_another_process(machine: Machine, sh: Task) -> None:
    held = machine.vfs.open(machine.init, b"/proc/2/comm", O_RDONLY)
    machine.exit(sh)
    machine.pids.last = 1
    other = machine.process(machine.init, b"other")
    assert other.pid == 2
    assert machine.errno(held.read, machine.init, 10) == ESRCH
    assert machine.read(machine.init, b"/proc/2/comm") == b"other\n"


def test_a_thread_is_found_by_its_number_but_not_listed(machine: Machine, sh: Task) -> None:
    thread = machine.thread(sh)
    name = b"%d" % thread.pid
    assert name not in machine.names(sh, b"/proc")
    assert name in machine.names(sh, b"/proc/self/task")
    assert machine.read(sh, b"/proc/2/task/%d/comm" % thread.pid) == b"sh\n"
    assert machine.read(sh, b"/proc/2/task/%d/stat" % thread.pid).startswith(name + b" (sh) R ")
    assert machine.errno(machine.read, sh, b"/proc/1/task/%d/comm" % thread.pid) == ENOENT


def test_children_are_listed_oldest_first(machine: Machine, sh: Task) -> None:
    machine.process(machine.init)
    assert machine.read(sh, b"/proc/1/task/1/children") == b"2 3 "


def test_reading_in_pieces_gives_one_text_and_from_the_start_a_new_one(machine: Machine, sh: Task) -> None:
    file = machine.vfs.open(sh, b"/proc/self/comm", O_RDONLY)
    assert file.read(sh, 1) == b"s"
    sh.comm = b"longer"
    assert file.read(sh, 9) == b"h\n"
    assert file.read(sh, 9) == b""
    file.seek(0, 0)
    assert file.read(sh, 9) == b"longer\n"
    assert file.pread(sh, 4, 2) == b"er"


def test_a_process_renames_its_threads_and_no_others(machine: Machine, sh: Task) -> None:
    thread = machine.thread(sh)
    assert machine.write(sh, b"/proc/2/task/%d/comm" % thread.pid, b"a-very-long-name-indeed") == 23
    assert thread.comm == b"a-very-long-nam"
    assert machine.errno(machine.write, sh, b"/proc/1/comm", b"x") == EINVAL


def test_oom_score_adj(machine: Machine, sh: Task) -> None:
    assert machine.read(sh, b"/proc/self/oom_score_adj") == b"0\n"
    machine.write(sh, b"/proc/self/oom_score_adj", b" 500\n")
    assert sh.signal.oom_score_adj == 500
    for bad in (b"1001", b"-1001", b"x", b"", b"1 2"):
        assert machine.errno(machine.write, sh, b"/proc/self/oom_score_adj", bad) == EINVAL
    sh.cred = Cred.of_user(7, 7)
    assert machine.errno(machine.write, sh, b"/proc/self/oom_score_adj", b"499") == EACCES
    machine.write(sh, b"/proc/self/oom_score_adj", b"600")
    assert machine.read(sh, b"/proc/self/oom_score_adj") == b"600\n"


def test_links_lead_to_the_files_themselves(machine: Machine, sh: Task) -> None:
    assert sh.fs is not None
    sh.fs.pwd = machine.vfs.resolve(sh, b"/etc")
    assert machine.readlink(sh, b"/proc/self/cwd") == b"/etc"
    assert machine.readlink(sh, b"/proc/self/root") == b"/"
    assert machine.read(sh, b"/proc/self/cwd/motd") == b"hello\n"
    assert machine.errno(machine.readlink, sh, b"/proc/self/exe") == ENOENT


def test_descriptors_are_links(machine: Machine, sh: Task) -> None:
    assert sh.files is not None
    file = machine.vfs.open(sh, b"/etc/motd", O_RDONLY)
    assert sh.files.install(file) == 0
    assert machine.names(sh, b"/proc/self/fd") == [b".", b"..", b"0"]
    assert machine.readlink(sh, b"/proc/self/fd/0") == b"/etc/motd"
    assert machine.vfs.resolve(sh, b"/proc/self/fd/0", follow=False).inode.mode == 0o120500
    assert machine.read(sh, b"/proc/self/fd/0") == b"hello\n"
    file.pos = 3
    text = machine.read(sh, b"/proc/self/fdinfo/0").decode()
    assert text.startswith("pos:\t3\nflags:\t0100000\nmnt_id:\t")
    assert machine.errno(machine.readlink, sh, b"/proc/self/fd/1") == ENOENT
    assert machine.errno(machine.readlink, sh, b"/proc/self/fd/00") == ENOENT


def test_other_users_do_not_see_inside(machine: Machine, sh: Task) -> None:
    nobody = machine.process(machine.init, b"nobody")
    nobody.cred = Cred.of_user(65534, 65534)
    assert sh.files is not None
    sh.files.install(machine.vfs.open(sh, b"/etc/motd", O_RDONLY))
    for path in (b"/proc/2/environ", b"/proc/2/maps", b"/proc/2/auxv"):
        assert machine.errno(machine.read, nobody, path) == EACCES
    for path in (b"/proc/2/cwd", b"/proc/2/root", b"/proc/2/exe", b"/proc/2/fd/0"):
        assert machine.errno(machine.readlink, nobody, path) == EACCES
    assert machine.errno(machine.names, nobody, b"/proc/2/fd") == EACCES
    assert machine.read(nobody, b"/proc/2/comm") == b"sh\n"
    assert machine.vfs.resolve(sh, b"/proc/3/stat").inode.uid == 65534


def test_mounts_and_mountinfo(machine: Machine, sh: Task) -> None:
    lines = machine.read(sh, b"/proc/mounts").splitlines()
    assert lines[-1] == b"proc /proc proc rw,relatime 0 0"
    assert lines[0].split()[1] == b"/"
    last = machine.read(sh, b"/proc/self/mountinfo").splitlines()[-1].split()
    assert last[3:] == [b"/", b"/proc", b"rw,relatime", b"-", b"proc", b"proc", b"rw"]
    assert last[1] == machine.read(sh, b"/proc/self/mountinfo").splitlines()[0].split()[0]


def test_sysctls_are_the_kernel_s_own_settings(machine: Machine, sh: Task) -> None:
    assert machine.read(sh, b"/proc/sys/kernel/hostname") == b"guest\n"
    machine.write(sh, b"/proc/sys/kernel/hostname", b"new-name\n")
    assert machine.nsproxy.uts_ns.hostname == b"new-name"
    assert machine.read(sh, b"/proc/sys/kernel/pid_max") == b"32768\n"
    machine.write(sh, b"/proc/sys/kernel/pid_max", b"400\n")
    assert machine.pids.pid_max == 400
    for bad in (b"300", b"4194305", b"x"):
        assert machine.errno(machine.write, sh, b"/proc/sys/kernel/pid_max", bad) == EINVAL
    assert machine.read(sh, b"/proc/sys/kernel/ostype") == b"Linux\n"
    assert machine.errno(machine.write, sh, b"/proc/sys/kernel/ostype", b"x") in (EACCES, EPERM)
    uuid = re.compile(rb"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\n")
    boot = machine.read(sh, b"/proc/sys/kernel/random/boot_id")
    assert uuid.fullmatch(boot)
    assert machine.read(sh, b"/proc/sys/kernel/random/boot_id") == boot
    assert machine.read(sh, b"/proc/sys/kernel/random/uuid") != machine.read(sh, b"/proc/sys/kernel/random/uuid")


def test_machine_wide_files(machine: Machine, sh: Task) -> None:
    assert re.fullmatch(rb"\d+\.\d\d 3\.00\n", machine.read(sh, b"/proc/uptime"))
    assert machine.read(sh, b"/proc/loadavg") == b"1.00 0.50 0.00 2/2 2\n"
    stat = machine.read(sh, b"/proc/stat").decode().splitlines()
    assert stat[0] == "cpu  100 0 200 300 0 0 0 0 0 0"
    assert stat[1] == "cpu0 100 0 200 300 0 0 0 0 0 0"
    assert "ctxt 17" in stat
    assert "processes 3" in stat
    memory = fields(machine.read(sh, b"/proc/meminfo"))
    assert memory["MemTotal"].split() == ["32768", "kB"]
    assert int(memory["MemFree"].split()[0]) <= 32768
    assert b"nodev\tproc\n" in machine.read(sh, b"/proc/filesystems")
    assert machine.read(sh, b"/proc/version").startswith(b"Linux version ")
    assert b"model name\t: " in machine.read(sh, b"/proc/cpuinfo")


def test_lines_of_meminfo_are_linux_s(machine: Machine, sh: Task) -> None:
    host = {line.split(":")[0] for line in Path("/proc/meminfo").read_text().splitlines()}
    assert set(fields(machine.read(sh, b"/proc/meminfo"))) <= host
    assert re.match(r"MemTotal: {9,}\d+ kB\n", machine.read(sh, b"/proc/meminfo").decode())


def test_nothing_is_made_before_the_first_look(tmp_path: Path) -> None:
    fresh = Machine(str(tmp_path))
    top = fresh.vfs.resolve(fresh.init, b"/proc").inode
    assert isinstance(top, ProcTop)
    assert top.inner is None
    assert fresh.names(fresh.init, b"/proc")[-1] == b"1"
    assert top.inner is not None


def test_nothing_can_be_made_or_removed(machine: Machine, sh: Task) -> None:
    assert machine.errno(machine.vfs.open, sh, b"/proc/x", O_WRONLY | 0o100, 0o644) in (ENOENT, EACCES)
    assert machine.errno(machine.write, sh, b"/proc/meminfo", b"x") != 0


def test_inode_numbers_stay_while_a_process_lives(machine: Machine, sh: Task) -> None:
    first = machine.vfs.resolve(sh, b"/proc/2/stat").inode.ino
    assert machine.vfs.resolve(machine.init, b"/proc/2/stat").inode.ino == first
    listed = {entry.name: entry.ino for entry in machine.vfs.open(sh, b"/proc/2", 0o200000).getdents(sh)}
    assert listed[b"stat"] == first


def test_without_an_mmu_no_file_tells_of_pages(machine: Machine, sh: Task) -> None:
    pages = {b"smaps", b"smaps_rollup", b"pagemap", b"clear_refs"}
    assert pages <= set(machine.names(sh, b"/proc/1"))
    machine.system.flat = object()
    assert not pages & set(machine.names(sh, b"/proc/2"))
    assert b"maps" in machine.names(sh, b"/proc/2")


def test_procfs_can_be_pickled(machine: Machine, sh: Task) -> None:
    machine.read(sh, b"/proc/2/status")
    root = machine.vfs.resolve(sh, b"/proc").inode
    assert isinstance(root, ProcTop)
    assert root.inner is not None
    machine.system.cpu_times = None
    machine.system.all_tasks = None
    copy = pickle.loads(pickle.dumps(root))
    assert copy.sb.boot_id == root.sb.boot_id
    assert list(copy.inner.children) == list(root.inner.children)
