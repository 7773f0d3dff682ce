"""An interactive shell at a terminal: job control, line editing and modes, typed by the test."""

from __future__ import annotations

import os
import pty
import select
import shutil
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from harness import ON_LINUX, ROOT

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not ON_LINUX or shutil.which("bash") is None, reason="runs the bash of a Linux host"),
]

PROMPT = b"ready> "
PATIENCE = 60.0


class Terminal:
    """Forkernel with bash on a terminal whose keyboard and screen are ours."""

    def __init__(self) -> None:
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.environ.update(PYTHONPATH=str(ROOT / "src"), PS1=PROMPT.decode(), TERM="dumb")
            command = ["run", "--", "bash", "--norc", "--noediting", "-i"]
            os.execv(sys.executable, [sys.executable, "-m", "forkernel", *command])
        self.screen = b""

    def expect(self, text: bytes) -> bytes:
        """Read until `text` is on the screen; what came up to it."""
        end = time.monotonic() + PATIENCE
        while text not in self.screen:
            if not select.select([self.fd], [], [], max(0.0, end - time.monotonic()))[0]:
                pytest.fail(f"no {text!r} on the screen, only {self.screen!r}")
            try:
                self.screen += os.read(self.fd, 4096)
            except OSError:
                pytest.fail(f"forkernel ended; on the screen was {self.screen!r}")
        shown, _, self.screen = self.screen.partition(text)
        return shown

    def type(self, keys: bytes) -> None:
        os.write(self.fd, keys)

    def command(self, line: bytes) -> bytes:
        """Type a line at the prompt; what is shown until the next prompt."""
        self.type(line + b"\n")
        self.expect(b"\r\n")
        return self.expect(PROMPT).replace(b"\r", b"")

    def end(self) -> int:
        """Wait status of forkernel."""
        with suppress(OSError):  # EIO: the last process has closed the terminal
            while select.select([self.fd], [], [], PATIENCE)[0]:
                self.screen += os.read(self.fd, 4096)
        return os.waitpid(self.pid, 0)[1]


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    screen = Terminal()
    screen.expect(PROMPT)
    yield screen
    os.close(screen.fd)  # hangs up what is left


def test_job_control(terminal: Terminal) -> None:
    assert terminal.command(b"tty") == b"/dev/ttyS0\n"
    terminal.type(b"echo started; sleep 1000\n")
    terminal.expect(b"\r\nstarted\r\n")
    terminal.type(b"\x03")
    terminal.expect(PROMPT)
    assert terminal.command(b"echo $?") == b"130\n"
    terminal.type(b"echo started; sleep 1001\n")
    terminal.expect(b"\r\nstarted\r\n")
    time.sleep(0.5)  # until sleep has taken the place of bash's child
    terminal.type(b"\x1a")
    assert b"Stopped" in terminal.expect(PROMPT)
    assert b"sleep 1001 &" in terminal.command(b"bg")
    assert b"Running" in terminal.command(b"jobs")
    terminal.type(b"fg\n")
    terminal.expect(b"sleep 1001\r\n")
    time.sleep(0.5)
    terminal.type(b"\x03")
    terminal.expect(PROMPT)
    terminal.type(b"cat\nline\n\x04")
    assert terminal.expect(PROMPT).count(b"line\r\n") == 2
    terminal.type(b"exit 7\n")
    assert os.waitstatus_to_exitcode(terminal.end()) == 7


def test_modes_are_the_guest_s_and_the_size_is_the_user_s(terminal: Terminal) -> None:
    raw = termios.tcgetattr(terminal.fd)
    assert not raw[3] & (termios.ICANON | termios.ECHO | termios.ISIG)
    terminal.command(b"trap 'echo resized' WINCH")
    termios.tcsetwinsize(terminal.fd, (33, 101))
    time.sleep(0.5)  # until forkernel has heard of it
    terminal.type(b"\n")
    terminal.expect(b"resized")
    terminal.expect(PROMPT)
    assert terminal.command(b"stty size") == b"33 101\n"
    terminal.command(b"stty -ixon -echoctl")
    assert b"-ixon" in terminal.command(b"stty -a")
    assert termios.tcgetattr(terminal.fd) == raw
    terminal.type(b"exit\n")
    terminal.end()


def test_background_reads_stop(terminal: Terminal) -> None:
    terminal.command(b"cat &")
    time.sleep(0.5)
    assert b"Stopped" in terminal.command(b"jobs")
    terminal.type(b"kill %1; exit 0\n")
    terminal.end()
