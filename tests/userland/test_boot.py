"""A machine boots with an init of its own: BusyBox's, with an inittab, in a small root, compared with the same init as
PID 1 of a namespace of the host. Also other inits, what the kernel says when there is none, and `forkernel boot`."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import termios
from functools import cache
from pathlib import Path

import pytest

from forkernel import Kernel
from forkernel.kernel.task import EXIT_ZOMBIE
from harness import ON_LINUX, ROOT

BUSYBOX = shutil.which("busybox") or ""
SECOND = 10**9

pytestmark = [
    pytest.mark.skipif(not ON_LINUX, reason="runs the programs of a Linux host"),
    pytest.mark.skipif(not BUSYBOX, reason="no busybox"),
]

INITTAB = """\
::sysinit:/bin/mount -t proc proc /proc
::sysinit:/bin/echo sysinit 1
::sysinit:/bin/echo sysinit 2
::wait:/bin/sh -c 'sleep 1; echo waited for'
::once:/bin/echo once
::respawn:/bin/sh -c 'sleep 1; exec /bin/sh /console'
::ctrlaltdel:/bin/echo keys pressed
::shutdown:/bin/echo shutting down
::shutdown:/bin/umount -a -r
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with BusyBox under the names of its programs, and an inittab whose console runs the script /console."""
    top = tmp_path / "root"
    for name in ("bin", "sbin", "etc", "proc", "dev", "tmp"):
        (top / name).mkdir(parents=True)
    shutil.copy(BUSYBOX, top / "bin" / "busybox")
    (top / "bin" / "busybox").chmod(0o755)
    names = subprocess.run([BUSYBOX, "--list"], capture_output=True, text=True, check=True).stdout.split()
    for name in names:
        if name != "busybox":
            (top / "bin" / name).symlink_to("busybox")
    (top / "sbin" / "init").symlink_to("../bin/busybox")
    (top / "etc" / "inittab").write_text(INITTAB)
    return top


def boot(root: Path, *words: str, keys: bytes = b"") -> Kernel:
    kernel = Kernel(root=str(root), memory=128 << 20, cmdline=["quiet", *words], stdin=keys)
    kernel.boot()
    return kernel


def zombies(kernel: Kernel) -> list[str]:
    return [task.comm.decode() for task in kernel.tasks() if task.exit_state & EXIT_ZOMBIE]


def console(kernel: Kernel) -> str:
    return kernel.processes[0].stdout.decode().replace("\r", "")


@cache
def can_make_namespaces() -> bool:
    command = ["unshare", "-pfm", "--mount-proc", "true"]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0


def native(root: Path, keys: bytes = b"", timeout: float = 60) -> tuple[str, int]:
    """The same init as PID 1 of a namespace of the host, with a terminal: what it showed, and by which signal it
    ended.
    """
    if not can_make_namespaces():
        pytest.skip("needs root and namespaces to compare")
    script = f"mount --bind /dev {root}/dev && exec chroot {root} /sbin/init"
    master, slave = pty.openpty()
    command = ["unshare", "-pfm", "--kill-child", "sh", "-c", script]
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env={"PATH": os.environ["PATH"]})
    os.close(slave)
    os.write(master, keys)
    shown = b""
    with contextlib.suppress(OSError):  # EIO: nobody has the other end any more
        while select.select([master], [], [], timeout)[0]:
            shown += os.read(master, 4096)
    os.close(master)
    return without_kernel(shown.decode().replace("\r", "")), process.wait(timeout)


def without_kernel(text: str) -> str:
    """Console output without the kernel's own messages, and without umount's on /dev: here the console is open there,
    natively the terminal comes from outside.
    """
    return re.sub(r"^(\[ *\d+\.\d+\] |umount: devtmpfs busy).*\n", "", text, flags=re.MULTILINE)


ENDINGS = {"poweroff": ("power off", -2), "halt": ("halt", -2), "reboot": ("restart", -1)}
"""What `Kernel.run` returns, and the signal that a namespace's PID 1 ends by."""


@pytest.mark.parametrize("command", ENDINGS)
def test_busybox_init_from_boot_to_end(root: Path, command: str) -> None:
    (root / "console").write_text(f"echo console; ps -o pid,comm | head -2; {command}; sleep 100\n")
    shown, status = native(root)
    with boot(root) as kernel:
        assert kernel.run(timeout=60) == ENDINGS[command][0]
        assert without_kernel(console(kernel)) == shown
        assert status == ENDINGS[command][1]


SCRIPTS = {
    "a child that ends or is killed is started again": """
        echo >> /tmp/count; n=$(wc -l < /tmp/count); echo start $n
        case $n in
        1) exit 1;;
        2) kill -KILL $$;;
        *) poweroff; sleep 100;;
        esac
    """,
    "a shell's life": """
        for i in 1 2 3 4 5; do (sleep 1 & (exit $i) &); done
        kill -KILL 1; kill -STOP 1; kill -SEGV 1; kill -PIPE 1; kill -ALRM 1; sleep 1; echo alive
        grep -E '^(State|Sig(Ign|Cgt))' /proc/1/status
        trap 'echo trapped' USR1; (sleep 1; kill -USR1 $$) & wait; wait
        seq 3 | while read n; do echo $((n * n)); done | tac
        echo x > /tmp/file; ln /tmp/file /tmp/other; ls /tmp; umask; pwd; id -u; ps -o pid,ppid,pgid,sid,comm | head -2
        sleep 2; ps -o stat,comm | grep -c '^Z'; poweroff; sleep 100
    """,
    "hup rereads the inittab": """
        echo '::respawn:/bin/sh -c "echo new; echo > /tmp/new; exec sleep 100"' >> /etc/inittab
        kill -HUP 1; until test -e /tmp/new; do sleep 1; done; sleep 1
        ps -o args | grep -c "^sleep 100"; poweroff; sleep 100
    """,
    "quit restarts init": """
        test -e /tmp/again && { echo again; poweroff; sleep 100; }
        touch /tmp/again; echo '::restart:/sbin/init' >> /etc/inittab
        kill -HUP 1; sleep 1; kill -QUIT 1; sleep 100
    """,
    "it ends all that is left": """
        sh -c 'trap "echo told; exit" TERM; while :; do sleep 1; done' &
        sh -c 'trap "" TERM; while :; do sleep 1; done' &
        sleep 1; poweroff; sleep 100
    """,
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_busybox_init(root: Path, name: str) -> None:
    (root / "console").write_text(SCRIPTS[name])
    shutil.copytree(root, root.parent / "native", symlinks=True)  # it writes to its files
    shown, status = native(root.parent / "native")
    with boot(root) as kernel:
        assert kernel.run(timeout=60) == "power off"
        assert without_kernel(console(kernel)) == shown
        assert status == ENDINGS["poweroff"][1]


def test_no_zombie_stays(root: Path) -> None:
    (root / "console").write_text("for i in 1 2 3; do (sleep $i & (exit $i) &); done; sleep 1; exec sleep 1000")
    with boot(root) as kernel:
        kernel.run_for(8 * SECOND)  # it looks once a second
        assert zombies(kernel) == []
        assert [task.comm for task in kernel.tasks()] == [b"swapper/0", b"init", b"kthreadd", b"sleep"]


def test_ctrl_alt_del_runs_the_inittab_s_action(root: Path) -> None:
    (root / "console").write_text("exec sleep 1000")
    with boot(root) as kernel:
        kernel.run_for(5 * SECOND)
        kernel.ctrl_alt_del()
        kernel.run_for(5 * SECOND)
        assert not kernel.system.ended
        assert console(kernel).endswith("once\nkeys pressed\n")


def test_askfirst_waits_for_a_key(root: Path) -> None:
    (root / "console").write_text("echo asked; poweroff; sleep 100")
    (root / "etc" / "inittab").write_text(INITTAB.replace("respawn", "askfirst").replace("once", "wait"))
    shown, _ = native(root, b"\n")
    with boot(root, keys=b"\n") as kernel:
        kernel.run(timeout=60)
        assert without_kernel(console(kernel)) == shown
        assert "\nPlease press Enter to activate this console. asked\n" in shown


def test_a_read_only_root_is_mounted_writable_by_init(root: Path) -> None:
    (root / "console").write_text(
        "touch /x || echo refused; mount -o remount,rw /; touch /x && echo written; poweroff; sleep 9"
    )
    with boot(root, "ro") as kernel:
        assert kernel.run(timeout=60) == "power off"
        assert "touch: /x: Read-only file system\nrefused\nwritten\n" in console(kernel)


def test_the_kernel_command_line(root: Path) -> None:
    (root / "look").write_text(
        'mount -t proc proc /proc; cat /proc/cmdline; echo "$0: $# $*"; echo $COLOR $HOME; cat /proc/sys/kernel/panic;'
        " poweroff -f"
    )
    words = ["lost", "init=/bin/sh", "COLOR=red", "panic=7", "a.b=c", "/look", "--", "-x", "two words"]
    with boot(root, *words) as kernel:
        assert kernel.run(timeout=60) == "power off"
        line = 'quiet lost init=/bin/sh COLOR=red panic=7 a.b=c /look -- -x "two words"'
        assert without_kernel(console(kernel)) == f"{line}\n/look: 2 -x two words\nred /\n7\n"
        told = 'Unknown kernel command line parameters "lost COLOR=red /look", will be passed to user space.'
        assert told in kernel.dmesg()


@pytest.mark.parametrize("place", ["sbin/init", "etc/init", "bin/init", "bin/sh"])
def test_where_an_init_is_looked_for(root: Path, place: str) -> None:
    (root / "sbin" / "init").unlink()
    (root / "bin" / "init").unlink()
    if place == "bin/sh":
        keys = b"echo $0; busybox poweroff -f\n"
    else:
        keys = b""
        (root / place).write_text("#!/bin/sh\necho $0; poweroff -f\n")
        (root / place).chmod(0o755)
    with boot(root, keys=keys) as kernel:
        assert kernel.run(timeout=60) == "power off"
        assert f"\n/{place}\n" in f"\n{console(kernel)}"


def test_an_init_that_cannot_be_run_is_passed_over(root: Path) -> None:
    (root / "sbin" / "init").unlink()
    (root / "sbin" / "init").write_text("no program")
    (root / "sbin" / "init").chmod(0o755)
    (root / "bin" / "init").unlink()
    with boot(root, keys=b"busybox poweroff -f\n") as kernel:
        assert kernel.run(timeout=60) == "power off"
        assert "Starting init: /sbin/init exists but couldn't execute it (error -8)" in kernel.dmesg()


def test_no_init_is_a_panic(tmp_path: Path) -> None:
    with boot(tmp_path) as kernel:
        assert kernel.run(timeout=60) == "panic"
        assert "Kernel panic - not syncing: No working init found." in console(kernel)


def test_a_machine_that_boots_can_be_saved(root: Path, tmp_path: Path) -> None:
    (root / "console").write_text("sleep 5; echo later; poweroff; sleep 100")
    with boot(root) as kernel:
        kernel.run_for(4 * SECOND)
        kernel.save(str(tmp_path / "saved"))
    with Kernel.load(str(tmp_path / "saved")) as again:
        assert again.run(timeout=60) == "power off"
        assert "once\nlater\n" in console(again)


def test_two_boots_are_the_same(root: Path) -> None:
    (root / "console").write_text("echo $RANDOM; ps; dmesg; poweroff; sleep 100")
    shown = []
    for _ in range(2):
        with boot(root) as kernel:
            kernel.run(timeout=60)
            shown.append(console(kernel))
    assert shown[0] == shown[1]


def test_settings_of_the_log(root: Path) -> None:
    (root / "console").write_text("""
        cd /proc/sys/kernel; cat printk; echo 3 > printk; echo 5 2 > printk; cat printk
        echo x > printk; echo 1 2 3 4 5 > printk
        echo '<4>shown' > /dev/kmsg; echo '<5>not shown' > /dev/kmsg; dmesg -n 1; cat printk
        echo '<2>not shown' > /dev/kmsg
        cat dmesg_restrict printk_devkmsg printk_ratelimit printk_ratelimit_burst; echo off > printk_devkmsg
        echo lost > /dev/kmsg; dmesg | tail -n 2 | cut -d] -f2; poweroff; sleep 100
    """)
    with boot(root) as kernel:
        assert kernel.run(timeout=60) == "power off"
        shown = console(kernel).partition("once\n")[2].partition("shutting")[0]
    shown = re.sub(r"^\S*(sh|console): (line \d+: )?", "sh: ", shown, flags=re.MULTILINE)
    shown = re.sub(r"^\[ *[0-9.]+\]", "[]", shown, flags=re.MULTILINE)
    refused = "sh: write error: Invalid argument\n"
    assert shown == (
        f"4\t4\t1\t7\n5\t2\t1\t7\n{refused}{refused}[] shown\n1\t2\t1\t7\n1\nratelimit\n5\n10\n"
        "sh: can't create /dev/kmsg: Operation not permitted\n not shown\n not shown\n"
    )


def test_two_cpus_and_a_root_in_an_archive(root: Path) -> None:
    (root / "console").write_text("grep -c ^processor /proc/cpuinfo; poweroff; sleep 100")
    archive = shutil.make_archive(str(root.parent / "system"), "gztar", root)
    with Kernel(root=archive, memory=128 << 20, cmdline=["quiet"], cpus=2) as kernel:
        kernel.boot()
        assert kernel.run(timeout=60) == "power off"
        assert "smp: Brought up 1 node, 2 CPUs" in kernel.dmesg()
        assert "\n2\n" in console(kernel)


# --- the command


def command(root: Path, *words: str, keys: bytes = b"") -> tuple[int, str, str]:
    """`forkernel boot`: exit status, standard output, standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "forkernel", "boot", "--root", str(root), "--clock=virtual", "--timeout=60", *words],
        input=keys,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        timeout=120,
    )
    return done.returncode, done.stdout.decode().replace("\r", ""), done.stderr.decode()


def test_poweroff_is_status_0(root: Path) -> None:
    (root / "etc" / "inittab").write_text("::respawn:/bin/sh\n")
    status, out, _ = command(root, keys=b"echo hello from $$\npoweroff\n")
    assert status == 0
    assert "] Run /sbin/init as init process\n" in out
    assert re.search(r"^hello from \d+$", out, re.MULTILINE)
    assert out.endswith("] reboot: Power down\n")


@pytest.mark.parametrize(
    ("words", "script", "status", "line"),
    [
        ((), "halt -f", 0, "the machine was halted"),
        ((), "reboot -f", 129, "the machine was restarted"),
        (("--restarts", "1"), "reboot -f", 129, "the machine was restarted"),
        ((), "exit 3", 1, "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000300"),
    ],
)  # fmt: skip
def test_how_a_machine_ended(root: Path, words: tuple[str, ...], script: str, status: int, line: str) -> None:
    (root / "start").write_text(f"echo started; {script}\n")
    found, out, err = command(root, *words, "quiet", "init=/bin/sh", "/start")
    assert found == status
    assert err.startswith("forkernel: ")
    assert line in err
    assert out.count("started") == 1 + len(words) // 2


def test_sigint_is_ctrl_alt_del(root: Path) -> None:
    script = "trap 'echo keys; poweroff -f' INT; echo ready; while :; do sleep 1; done"
    (root / "start").write_text("mount -t proc proc /proc; echo 0 > /proc/sys/kernel/ctrl-alt-del; " + script)
    start = [sys.executable, "-m", "forkernel", "boot", f"--root={root}", "--clock=real", "--timeout=60"]
    process = subprocess.Popen(
        [*start, "quiet", "init=/bin/sh", "/start"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\r\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == b"keys\r\n"
    process.communicate(timeout=60)
    assert process.returncode == 0


# --- at a terminal

LOGIN_INITTAB = """\
::sysinit:/bin/mount -t proc proc /proc
::sysinit:/bin/hostname box
ttyS0::respawn:/bin/getty -L 38400 ttyS0 vt100
::shutdown:/bin/echo shutting down
"""


@pytest.fixture
def login_root(root: Path) -> Path:
    """The same root with a getty on its terminal, and the users root and user, whose passwords are `secret`."""
    (root / "etc" / "inittab").write_text(LOGIN_INITTAB)
    made = subprocess.run([BUSYBOX, "mkpasswd", "-m", "md5", "secret"], capture_output=True, text=True, check=True)
    users = {"root": 0, "user": 1000}
    lines = [f"{name}:x:{uid}:{uid}::/:/bin/sh\n" for name, uid in users.items()]
    (root / "etc" / "passwd").write_text("".join(lines))
    (root / "etc" / "group").write_text("".join(f"{name}:x:{uid}:\n" for name, uid in users.items()))
    (root / "etc" / "shadow").write_text("".join(f"{name}:{made.stdout.strip()}:19000:0:9:7:::\n" for name in users))
    return root


def until(kernel: Kernel, text: str) -> str:
    """Run until the terminal shows it; what it showed since the last time."""
    output, wanted = kernel.terminal.output, text.replace("\n", "\r\n").encode()
    for _ in range(200):
        end = output.find(wanted) + len(wanted)
        if end >= len(wanted):
            shown = output[:end].decode().replace("\r", "")
            del output[:end]
            return shown
        assert kernel.run_for(SECOND // 10) == "time"
    raise AssertionError(f"no {text!r} in {console(kernel)!r}")


def test_login_on_the_console(login_root: Path) -> None:
    with boot(login_root) as kernel:
        keys = kernel.terminal.type
        until(kernel, "box login: ")
        keys(b"root\r")
        until(kernel, "Password: ")
        keys(b"wrong\r")
        until(kernel, "Login incorrect")
        until(kernel, "box login: ")
        keys(b"user\r")
        until(kernel, "Password: ")
        keys(b"secret\r")
        until(kernel, "$ ")
        keys(b"tty; id -un; poweroff\r")
        assert "/dev/ttyS0\nuser\npoweroff: (null): Operation not permitted\n" in until(kernel, "permitted\n")
        until(kernel, "$ ")
        keys(b"sleep 1000\r")
        until(kernel, "sleep 1000\n")
        kernel.run_for(SECOND)
        keys(b"\x1a")  # ^Z
        until(kernel, "Stopped")
        keys(b"fg\r")
        until(kernel, "sleep 1000\n")
        kernel.run_for(SECOND)
        keys(b"\x03")  # ^C
        until(kernel, "$ ")
        keys(b"echo $?; exit\r")
        assert "130\n" in until(kernel, "box login: ")
        keys(b"root\r")
        until(kernel, "Password: ")
        keys(b"secret\r")
        until(kernel, "# ")
        keys(b"poweroff\r")
        assert kernel.run(timeout=60) == "power off"
        assert "shutting down\nThe system is going down NOW!\n" in console(kernel)


def test_a_session_at_the_user_s_terminal(login_root: Path) -> None:
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    process = subprocess.Popen(
        [sys.executable, "-m", "forkernel", "boot", "--root", str(login_root), "--timeout=100", "quiet"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "TERM": "vt100"},
    )
    seen = b""

    def expect(text: bytes) -> None:
        nonlocal seen
        while text not in seen:
            assert select.select([master], [], [], 60)[0], f"no {text!r} in {seen!r}"
            seen += os.read(master, 4096)
        seen = seen.partition(text)[2]

    expect(b"box login: ")
    os.write(master, b"root\r")
    expect(b"Password: ")
    os.write(master, b"secret\r")
    expect(b"# ")
    os.write(master, b"cat /proc/cmdline; stty -echo; echo $TERM\r")
    expect(b"quiet TERM=vt100\r\n")
    expect(b"vt100\r\n")
    os.write(master, b"poweroff\r")
    expect(b"reboot: Power down")
    assert process.wait(60) == 0
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)
