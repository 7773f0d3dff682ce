"""How a machine ends: reboot(2), panic, Ctrl-Alt-Del; what the kernel log says of it."""

from __future__ import annotations

import pickle

import pytest

from forkernel import Kernel

REBOOT = "import ctypes; ctypes.CDLL(None).reboot({})"
RESTART, HALT, POWER_OFF = 0x01234567, 0xCDEF0123 - (1 << 32), 0x4321FEDC


def log_of(kernel: Kernel) -> list[str]:
    """Lines of the kernel log without their times."""
    return [line.partition("] ")[2] for line in kernel.dmesg().splitlines()]


@pytest.mark.parametrize(
    ("command", "why", "line"),
    [
        (RESTART, "restart", "reboot: Restarting system"),
        (HALT, "halt", "reboot: System halted"),
        (POWER_OFF, "power off", "reboot: Power down"),
    ],
)
@pytest.mark.parametrize("init", [False, True])
def test_reboot_ends_the_machine(command: int, why: str, line: str, init: bool) -> None:
    with Kernel(user=(0, 0, ())) as kernel:
        process = kernel.spawn(["/usr/bin/python3", "-c", REBOOT.format(command)], init=init)
        assert kernel.run() == why
        assert process.status is None
        assert log_of(kernel)[-1] == line
        assert kernel.run(until=process) == why
        assert kernel.leftover() == []


def test_end_of_pid_1_is_a_panic() -> None:
    with Kernel() as kernel:
        process = kernel.spawn(["/bin/sh", "-c", "exit 3"], init=True)
        assert kernel.run() == "init"
        assert process.status is not None
        assert process.status.exit_code == 3
        text = "Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000300"
        assert text in log_of(kernel)
        assert f"---[ end {text} ]---" in log_of(kernel)


def test_panic_with_a_timeout_reboots_after_it() -> None:
    with Kernel(user=(0, 0, ())) as kernel:
        kernel.spawn(["/bin/sh", "-c", "echo 5 > /proc/sys/kernel/panic"], init=True)
        assert kernel.run() == "init"
        assert log_of(kernel)[-1] == "Rebooting in 5 seconds.."


def test_ctrl_alt_del_restarts() -> None:
    with Kernel() as kernel:
        kernel.spawn(["sleep", "100"])
        kernel.run_for(10**9)
        kernel.ctrl_alt_del()
        assert kernel.run() == "restart"


@pytest.mark.parametrize("switch", ["echo 0 > /proc/sys/kernel/ctrl-alt-del", f'python3 -c "{REBOOT.format(0)}"'])
def test_ctrl_alt_del_tells_pid_1_once_it_has_asked(switch: str) -> None:
    with Kernel(user=(0, 0, ())) as kernel:
        process = kernel.spawn(["/bin/sh", "-c", f"trap 'echo told; exit 4' INT; {switch}; sleep 9 & wait"], init=True)
        kernel.run_for(3 * 10**9)
        kernel.ctrl_alt_del()
        assert kernel.run() == "init"
        assert process.stdout == b"told\n"
        assert process.status is not None
        assert process.status.exit_code == 4


def test_ctrl_alt_del_tells_whom_cad_pid_names() -> None:
    setting = "cd /proc/sys/kernel; echo 0 > ctrl-alt-del; cat cad_pid; echo $$ > cad_pid; cat cad_pid"
    script = f"trap 'echo told' INT; {setting}; sleep 9 & wait"
    with Kernel(user=(0, 0, ())) as kernel:
        process = kernel.spawn(["/bin/sh", "-c", script])
        kernel.run_for(3 * 10**9)
        kernel.ctrl_alt_del()
        kernel.run()
        assert process.stdout == b"1\n3\ntold\n"


def test_log_is_pickled_with_the_machine() -> None:
    with Kernel(user=(0, 0, ())) as kernel:
        kernel.spawn(["/bin/sh", "-c", "echo before > /dev/kmsg; sleep 5; echo after > /dev/kmsg"])
        kernel.run_for(10**9)
        again = pickle.loads(pickle.dumps(kernel))
    again.run()
    assert log_of(again)[-2:] == ["before", "after"]
    assert log_of(kernel)[-1] == "before"


def test_boot_is_in_the_log() -> None:
    with Kernel(memory=64 << 20, cpus=2) as kernel:
        lines = log_of(kernel)
    assert lines[0].startswith("Linux version 6.")
    assert lines[1].endswith("K/65536K available")
    assert "smp: Brought up 1 node, 2 CPUs" in lines
    assert "pid_max: default: 32768 minimum: 301" in lines


def test_faults_are_in_the_log() -> None:
    crash = "import ctypes; ctypes.string_at(0)"
    with Kernel() as kernel:
        kernel.spawn(["/usr/bin/python3", "-c", crash])
        kernel.run()
        fault, code = log_of(kernel)[-2:]
    assert fault.startswith("python3[3]: segfault at 0 ip 0")
    assert " error 4 in libc.so.6[" in fault
    assert fault.endswith(" likely on CPU 0 (core 0, socket 0)")
    assert code.startswith("Code: ")
    assert len(code.split()) == 65


def test_oom_killer_is_in_the_log() -> None:
    with Kernel(memory=32 << 20) as kernel:
        kernel.spawn(["/usr/bin/python3", "-c", "x = [bytearray(1 << 20) for _ in range(100)]"])
        kernel.run()
        lines = log_of(kernel)
    assert any(line.startswith("python3 invoked oom-killer") for line in lines)
    assert lines[-1].startswith("Out of memory: Killed process 3 (python3) total-vm:")
