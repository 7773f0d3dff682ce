"""Programs at a real terminal: shells, editors, pagers, and what makes terminals of its own; driven through tmux."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import termios
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from harness import ON_LINUX, ROOT

PATIENCE = 60.0
TIOCGPTN = 0x80045430
SHELL = "bash --norc"
PROMPT = "ready>"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not ON_LINUX or not shutil.which("tmux"), reason="needs Linux and tmux"),
]


def need(*programs: str) -> None:
    """Skip where a program is missing."""
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"needs {program}")


class Screen:
    """A terminal of tmux's with a program on it."""

    def __init__(self, command: str, cwd: Path) -> None:
        self.name = f"forkernel-{uuid.uuid4().hex[:12]}"
        env = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "HISTFILE": "", "LC_ALL": "C.UTF-8"}
        env.pop("TMUX", None)
        start = ["tmux", "-L", self.name, "-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24"]
        start.append(f"PS1='{PROMPT} ' {command}")  # a shell that is not interactive would not pass it on
        subprocess.run(start, check=True, env=env, cwd=cwd)

    def tmux(self, *words: str) -> str:
        return subprocess.run(["tmux", "-L", self.name, *words], capture_output=True, text=True).stdout

    def text(self) -> str:
        return self.tmux("capture-pane", "-p")

    def keys(self, *keys: str) -> None:
        self.tmux("send-keys", *keys)

    def expect(self, wanted: str | Callable[[str], bool]) -> str:
        """The screen, once it shows this."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            text = self.text()
            if wanted(text) if callable(wanted) else wanted in text:
                return text
            time.sleep(0.05)
        pytest.fail(f"no {wanted!r} on the screen:\n{self.text()}")

    def prompt(self) -> None:
        """An empty screen with the shell's prompt."""
        self.expect(lambda text: text.rstrip().endswith(PROMPT))
        self.keys("C-l")
        self.expect(lambda text: text.strip() == PROMPT)

    def command(self, line: str, wanted: str | Callable[[str], bool]) -> str:
        """Give the shell a command on an empty screen; the screen, once it shows what is wanted."""
        self.prompt()
        self.keys(line, "Enter")
        return self.expect(wanted)

    def done(self, line: str) -> list[str]:
        """Give the shell a command; the lines it put out until the next prompt."""
        self.prompt()
        self.keys(line, "Enter")
        return self.expect(lambda text: text.rstrip().endswith(f"\n{PROMPT}")).rstrip().split("\n")[1:-1]

    def end(self) -> None:
        self.tmux("kill-server")


FORKERNEL = f"{sys.executable} -m forkernel run"


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Screen]:
    screen = Screen(f"{FORKERNEL} -it -- {SHELL}", tmp_path)
    try:
        screen.expect(PROMPT)
        yield screen
    finally:
        screen.end()


def test_line_editing_and_history(shell: Screen) -> None:
    shell.keys("echo hello wrld", "Left", "Left", "Left", "o", "Enter")
    shell.expect("\nhello world\n")
    shell.prompt()
    shell.keys("C-r", "hel")
    shell.expect("reverse-i-search")
    shell.keys("Enter")
    shell.expect("\nhello world\n")
    shell.prompt()
    shell.keys("Up", "Home", "M-d", "echo again", "Enter")
    shell.expect("\nagain hello world\n")
    shell.prompt()
    shell.keys("half a line")
    shell.expect("half a line")  # what is not read yet would be lost to ^C
    shell.keys("C-c")
    shell.expect("half a line^C")
    assert shell.done("echo $?") == ["130"]
    shell.command("cat", "cat\n")
    shell.keys("one wrong", "C-w", "word", "Enter")
    shell.expect("\none word\none word\n")
    shell.keys("C-d")


def test_job_control(shell: Screen) -> None:
    shell.command("echo begun; sleep 1000", "\nbegun\n")
    time.sleep(0.5)  # until sleep has taken the place of bash's child
    shell.keys("C-z")
    shell.expect("Stopped")
    assert "[1]+ sleep 1000 &" in shell.command("bg", "sleep 1000 &\nready>")
    shell.command("jobs", "Running")
    shell.command("fg", "\nsleep 1000\n")
    time.sleep(0.5)
    shell.keys("C-c")
    shell.expect("^C\n")
    assert shell.done("echo $?") == ["130"]
    shell.command("sleep 2000 & disown; sleep 3000 & kill %1; wait; echo waited", "\nwaited\n")
    shell.command("pgrep -a sleep", "sleep 2000")
    shell.command("cat & sleep 1; jobs", "Stopped")
    shell.command("kill %1; wait; echo gone", "\ngone\n")
    shell.command("stty tostop; echo background & sleep 1; jobs", "Stopped")
    shell.command("fg; stty -tostop", "\nbackground\n")
    shell.keys("while :; do :; done", "Enter")
    time.sleep(0.5)
    shell.keys("C-c")
    shell.expect("^C")
    shell.keys("kill -9 $(pgrep sleep); exit 3", "Enter")


def test_pagers_and_editors(shell: Screen, tmp_path: Path) -> None:
    need("less", "busybox", "vim.tiny", "nano")
    shell.command("seq 500 | less", "\n23\n")
    shell.keys("Space")
    shell.expect("\n46\n")
    shell.keys("G")
    shell.expect("\n500\n")
    shell.keys("q")
    shell.command("busybox vi file", "~\n")
    shell.keys("i", "first", "Enter", "second")
    shell.expect("\nsecond\n")
    shell.keys("Escape")
    time.sleep(1)  # or vi takes it for the beginning of a key's sequence
    shell.keys(":wq", "Enter")
    assert shell.done("cat file") == ["first", "second"]
    shell.command("vim.tiny -u NONE file", "~\n")
    shell.keys("G", "o", "third")
    shell.expect("\nthird\n")
    shell.keys("Escape")
    time.sleep(1)
    shell.keys(":wq", "Enter")
    assert shell.done("cat file") == ["first", "second", "third"]
    shell.command("nano file", "GNU nano")
    shell.keys("zero ")
    shell.expect("zero first")
    shell.keys("C-o")
    shell.expect("File Name to Write")
    shell.keys("Enter")
    shell.expect("Wrote 3 lines")
    shell.keys("C-x")
    assert shell.done("cat file") == ["zero first", "second", "third"]
    assert not (tmp_path / "file").exists()


def test_full_screen_programs_see_a_new_size(shell: Screen) -> None:
    need("top")
    assert shell.done("stty size") == ["24 80"]
    shell.command("top -d 1", "COMMAND")
    shell.tmux("resize-window", "-x", "60", "-y", "12")
    shell.expect(lambda text: "COMMAND" not in text and "%MEM" in text)
    shell.keys("q")
    assert shell.done("stty size; tput cols; tput lines") == ["12 60", "60", "12"]


def test_modes(shell: Screen) -> None:
    assert shell.done("tty") == ["/dev/ttyS0"]
    shown = " ".join(shell.done("stty -a"))
    assert "speed 38400 baud; rows 24; columns 80;" in shown
    assert "isig icanon iexten echo echoe echok -echonl" in shown
    shell.command("stty raw -echo; echo n''ow; dd bs=1 count=3 2>/dev/null; stty sane; echo; echo end''ed", "now")
    shell.keys("a", "C-c", "b")
    shell.expect("ended")
    shell.command('reset; echo re""set-done', "reset-done")


def test_programs_with_terminals_of_their_own(shell: Screen, tmp_path: Path) -> None:
    need("script", "expect", "su")
    lines = shell.done("script -qec 'tty; stty size; setsid -c tty; exit 7' log; echo $?")
    assert lines == ["/dev/pts/0", "24 80", "/dev/pts/0", "7"]
    assert shell.done("grep -c pts log") == ["2"]
    assert shell.done("su - -c 'id -un'")[-1:] == ["root"]
    (tmp_path / "spawn.py").write_text(
        "import os, pty, sys\n"
        "print('spawned', os.waitstatus_to_exitcode(pty.spawn(['sh', '-c', 'tty; exit 4'])))\n"
        "pid, fd = pty.fork()\n"
        "if not pid:\n"
        "    os.write(1, os.ttyname(0).encode() + b'|' + input().encode())\n"
        "    os._exit(5)\n"
        "os.write(fd, b'typed\\n')\n"
        "data = b''\n"
        "try:\n"
        "    while more := os.read(fd, 100): data += more\n"
        "except OSError: pass\n"
        "print(sorted(data.split()), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    lines = shell.done("/usr/bin/python3 spawn.py")
    assert lines[:2] == ["/dev/pts/0", "spawned 4"]
    assert lines[2] == "[b'/dev/pts/0|typed', b'typed'] 5"
    (tmp_path / "dialog.exp").write_text(
        "set timeout 60\n"
        "log_user 0\n"
        "spawn bash --norc --noediting\n"
        'expect "ready> "\n'
        'send "stty -echo; read -p name: name; echo it-is-\\$name\\r"\n'
        'expect "name:"\n'
        'send "forkernel\\r"\n'
        'expect -re "it-is-(\\[a-z]+)"\n'
        'puts "got $expect_out(1,string)"\n'
        'send "sleep 100\\r"\n'
        "sleep 1\n"
        'send "\\003"\n'
        'expect "ready> "\n'
        'send "exit 9\\r"\n'
        "expect eof\n"
        "puts [lindex [wait] 3]\n"
    )
    assert shell.done("expect dialog.exp") == ["got forkernel", "9"]


@pytest.mark.parametrize("program", ["tmux", "screen"])
def test_a_multiplexer_inside(shell: Screen, program: str) -> None:
    need(program)
    where = "tmux -L inner -f /dev/null new bash --norc" if program == "tmux" else "screen -c /dev/null bash --norc"
    shell.command(where, lambda text: text.startswith(PROMPT) and where not in text)
    shell.keys("tty; echo $((6 * 7))", "Enter")
    assert "\n/dev/pts/0\n" in shell.expect("\n42\n")
    shell.keys(*(("C-b", "d") if program == "tmux" else ("C-a", "d")))
    shell.expect("detached")
    shell.command(f"{'tmux -L inner attach' if program == 'tmux' else 'screen -r'}", lambda text: "attach" not in text)
    shell.expect("\n42\n")
    shell.keys("exit", "Enter")
    shell.expect(lambda text: "[exited]" in text or "[screen is terminating]" in text)
    shell.command("echo still here", "\nstill here\n")


# --- the user's own terminal


def start(*words: str) -> tuple[int, int, list[object]]:
    """Forkernel on a terminal of its own: PID, master, and the modes before."""
    pid, fd = pty.fork()
    if not pid:
        os.environ["PYTHONPATH"] = str(ROOT / "src")
        time.sleep(0.2)  # until the parent has noted the modes
        os.execv(sys.executable, [sys.executable, "-m", "forkernel", "run", *words])
    return pid, fd, termios.tcgetattr(fd)


def until(fd: int, text: bytes) -> bytes:
    """Read until the screen shows this."""
    shown = b""
    end = time.monotonic() + PATIENCE
    while text not in shown:
        assert select.select([fd], [], [], max(end - time.monotonic(), 0))[0], shown
        shown += os.read(fd, 4096)
    return shown


ENDS: dict[str, tuple[bytes | int, int]] = {
    "exit": (b"line\r", 3),
    "escape": (b"\x1d\x1d\x1d", 137),
    "term": (signal.SIGTERM, 143),
    "kill": (signal.SIGKILL, -signal.SIGKILL),
}


@pytest.mark.parametrize("how", ENDS)
def test_the_terminal_is_restored(how: str) -> None:
    pid, fd, before = start(
        "-it", "--", "bash", "--norc", "--noediting", "-c", "trap '' INT TERM HUP; echo up; read line; exit 3"
    )
    number = int.from_bytes(fcntl.ioctl(fd, TIOCGPTN, bytes(4)), sys.byteorder)
    holder = os.open(f"/dev/pts/{number}", os.O_RDWR | os.O_NOCTTY)
    try:
        until(fd, b"up")
        assert termios.tcgetattr(holder) != before
        act, status = ENDS[how]
        if isinstance(act, bytes):
            os.write(fd, act)
        else:
            os.kill(pid, act)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == status
        end = time.monotonic() + PATIENCE
        while termios.tcgetattr(holder) != before and time.monotonic() < end:
            time.sleep(0.05)  # after SIGKILL somebody else has to do it
        assert termios.tcgetattr(holder) == before
    finally:
        os.close(holder)
        os.close(fd)


def test_a_terminal_that_goes_ends_the_run() -> None:
    pid, fd, _ = start("-it", "--", "bash", "--norc", "-c", "echo up; sleep 1000")
    until(fd, b"up")
    os.close(fd)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) in (128 + signal.SIGHUP, -signal.SIGHUP)


def test_suspending_with_nobody_to_continue(tmp_path: Path) -> None:
    screen = Screen("bash --norc", tmp_path)
    try:
        screen.expect(PROMPT)
        screen.command(f"{FORKERNEL} -- sh -c 'echo up; sleep 1000'", "\nup\n")
        time.sleep(0.5)
        screen.keys("C-z")
        screen.expect("Stopped")
        assert "icanon" in " ".join(screen.done("stty -a"))
        screen.keys("fg", "Enter")
        time.sleep(1)
        screen.keys("C-c")
        screen.expect("^C")
        assert screen.done("echo $?") == ["130"]
    finally:
        screen.end()


def test_a_terminal_without_one_here(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "forkernel", "run", "-it", "--", "sh", "-c", "tty; stty size; read a; echo got $a"]
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, input=b"typed\n", capture_output=True, env=env, timeout=PATIENCE, cwd=tmp_path)
    assert done.stdout.split() == [b"/dev/ttyS0", b"0", b"0", b"typed", b"got", b"typed"]
    command[4] = "-t"
    done = subprocess.run(
        [*command[:5], "--", "sh", "-c", "test -t 0 && test -t 1 && echo yes"], capture_output=True, env=env
    )
    assert (done.stdout, done.returncode) == (b"yes\r\n", 0)


def test_waiting_costs_nothing(tmp_path: Path) -> None:
    pid, fd, _ = start("-it", "--", "cat")
    try:
        os.write(fd, b"line\r")
        until(fd, b"line\r\nline\r\n")
        stat = Path(f"/proc/{pid}/stat")
        before = [int(field) for field in stat.read_text().split()[13:15]]
        time.sleep(2)
        after = [int(field) for field in stat.read_text().split()[13:15]]
        assert sum(after) - sum(before) <= 10  # of 200 ticks
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)
        os.close(fd)
