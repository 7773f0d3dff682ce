"""The kernel without an emulator: fork, wait, exec, signals, faults and preemption on the scripted CPU."""

from __future__ import annotations

import pytest

from forkernel.abi.errno import EAGAIN, ECHILD, EFAULT, EINTR, ENOSYS
from forkernel.hw import protocol as hw
from forkernel.hw.scripted import Add, Call, Jump, Load, Return, Set, Store, Trap, work
from forkernel.kernel import invariants
from scripted_machine import (
    DATA,
    MAP_ANONYMOUS,
    MAP_PRIVATE,
    MAP_SHARED,
    PROT_RW,
    RESULTS,
    SA_RESTART,
    SA_RESTORER,
    Machine,
    call,
    exit_,
    fork,
    run_script,
    script,
    work_for,
)

SIGILL, SIGTRAP, SIGFPE, SIGKILL, SIGUSR1, SIGSEGV, SIGALRM, SIGCONT, SIGSTOP = 4, 5, 8, 9, 10, 11, 14, 18, 19
CLONE_VM, CLONE_FS, CLONE_FILES, CLONE_SIGHAND, CLONE_THREAD = 0x100, 0x200, 0x400, 0x800, 0x10000
THREAD = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD
WUNTRACED, WCONTINUED = 2, 8


@pytest.fixture
def run(tmp_path):
    return lambda *items, **others: run_script(tmp_path, *items, **others)


def action(signo, handler, flags=0):
    """Steps for rt_sigaction; the script needs `RESTORER`."""
    at = DATA + 0x7000
    return [
        Store(at, handler), Store(at + 8, flags | SA_RESTORER), Store(at + 16, "restorer"), Store(at + 24, 0),
        call("rt_sigaction", signo, at, 0, 8),
    ]  # fmt: skip


RESTORER = ["restorer", call("rt_sigreturn")]


# --- fork, wait, exit


def test_exit_status(run):
    assert run(exit_(42)) == 42


def test_fork_returns_twice_and_wait_gets_the_status(run):
    assert run(
        fork(),
        Jump("child", "rax", 0),
        Set("rbx", "rax"),
        call("wait4", -1, DATA, 0, 0),
        Store(RESULTS, "rax"),
        Load("r12", DATA),
        Jump("good", "r12", 7 << 8),
        exit_(1),
        "good",
        exit_(50),
        "child",
        exit_(7),
    ) == 50  # fmt: skip


def test_wait_without_children_is_echild(run):
    assert run(call("wait4", -1, 0, 0, 0), Jump("good", "rax", -ECHILD), exit_(1), "good", exit_(0)) == 0


def test_memory_after_fork_is_each_ones_own(run):
    """Both write the same word; three generations."""
    assert run(
        Store(DATA, 1),
        fork(),
        Jump("child", "rax", 0),
        call("wait4", -1, DATA + 8, 0, 0),
        Load("rbx", DATA),  # 1: the child's write is not seen
        Load("rdx", DATA + 8),
        Jump("good", "rdx", 5 << 8),
        exit_(90),
        "good",
        exit_("rbx"),
        "child",
        Store(DATA, 2),
        fork(),
        Jump("grandchild", "rax", 0),
        call("wait4", -1, DATA + 8, 0, 0),
        Load("rbx", DATA),
        Load("rdx", DATA + 8),
        Jump("fine", "rdx", 3 << 8),
        exit_(91),
        "fine",
        Add("rbx", 3),
        exit_("rbx"),
        "grandchild",
        Store(DATA, 3),
        Load("rbx", DATA),
        exit_("rbx"),
    ) == 1  # fmt: skip


def test_shared_memory_stays_shared(run):
    assert run(
        call("mmap", 0, 4096, PROT_RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0),
        Set("rbx", "rax"),
        fork(),
        Jump("child", "rax", 0),
        call("wait4", -1, 0, 0, 0),
        Load("rdx", "rbx"),
        exit_("rdx"),
        "child",
        Store("rbx", 77),
        exit_(0),
    ) == 77  # fmt: skip


def test_a_parent_that_wrote_before_the_fork_is_write_protected_at_once(run):
    """The TLB of the CPU held a writable translation when fork took the permission away."""
    assert run(
        Store(DATA, 1),
        fork(),
        Jump("child", "rax", 0),
        Store(DATA, 2),
        call("wait4", -1, RESULTS, 0, 0),
        Load("rdx", RESULTS),
        Jump("good", "rdx", 1 << 8),
        exit_(1),
        "good",
        exit_(0),
        "child",
        Load("rbx", DATA),
        exit_("rbx"),
    ) == 0  # fmt: skip


def test_vfork_shares_memory_and_the_parent_waits_for_the_exit(run):
    assert run(
        call("vfork"),
        Jump("child", "rax", 0),
        Load("rdx", DATA),
        exit_("rdx"),
        "child",
        *work_for(200_000),
        Store(DATA, 21),
        exit_(0),
    ) == 21  # fmt: skip


def test_exec_starts_another_script(tmp_path):
    other = script(exit_(33), number=1)
    path = int.from_bytes(b"/other\0\0", "little")
    assert run_script(tmp_path, Store(DATA, path), call("execve", DATA, 0, 0), exit_(1), other=other) == 33


def test_exec_of_nothing_returns_enoent(run):
    path = int.from_bytes(b"/nope\0\0\0", "little")
    assert run(Store(DATA, path), call("execve", DATA, 0, 0), Jump("good", "rax", -2), exit_(1), "good", exit_(0)) == 0


def test_a_chain_of_children_is_reaped(tmp_path):
    """Every generation forks once and does not wait: PID 1 gets the orphans."""
    machine = Machine(tmp_path, {"main": script(
        Set("rbx", 20), "again", fork(), Jump("child", "rax", 0), exit_(0),
        "child", Add("rbx", -1), Jump("end", "rbx", 0), Jump("again"), "end", exit_(5),
    )})  # fmt: skip
    before = machine.system.frames.used_count()
    first = machine.start("main")
    assert machine.run() == "idle"
    assert machine.status(first) == 0
    statuses = machine.system.child_reaper.kthread.statuses
    assert sorted(statuses.values()) == [0] * 20 + [5 << 8]
    assert [task.pid for task in machine.system.all_tasks()] == [1, 2]
    invariants.check(machine.system)
    cached = len(machine.system.vfs.cached_frames())
    machine.system.slabs.shrink()
    machine.system.stacks.shrink()
    assert machine.system.frames.used_count() <= before + cached


def test_a_process_that_ends_while_its_thread_spins(run):
    assert run(
        call("clone", THREAD, DATA + 0x4000, 0, 0, 0),
        Jump("thread", "rax", 0),
        *work_for(20_000),
        exit_(3),
        "thread",
        Jump("thread"),
    ) == 3  # fmt: skip


def test_threads_share_memory(run):
    assert run(
        call("clone", THREAD, DATA + 0x4000, 0, 0, 0),
        Jump("thread", "rax", 0),
        "wait",
        call("sched_yield"),
        Load("rbx", DATA),
        Jump("wait", "rbx", 0),
        exit_("rbx"),
        "thread",
        Store(DATA, 64),
        call("exit", 0),
    ) == 64  # fmt: skip


# --- faults


@pytest.mark.parametrize(
    ("steps", "signo"),
    [
        ([Load("rax", 0)], SIGSEGV),
        ([Store(0x400000, 1)], SIGSEGV),
        ([Store(0xFFFF_8000_0000_0000, 1)], SIGSEGV),
        ([Set("rsp", DATA), Store(DATA, 0x1234), Return()], SIGSEGV),
        ([Trap(hw.DIVIDE_ERROR)], SIGFPE),
        ([Trap(hw.INVALID_OPCODE)], SIGILL),
        ([Trap(hw.BREAKPOINT)], SIGTRAP),
        ([Trap(hw.GENERAL_PROTECTION)], SIGSEGV),
    ],
)
def test_exceptions_kill(run, steps, signo):
    assert run(*steps) == -signo


def test_a_fault_kills_the_child_only(run):
    assert run(
        fork(),
        Jump("child", "rax", 0),
        call("wait4", -1, DATA, 0, 0),
        Load("rbx", DATA),
        exit_("rbx"),
        "child",
        Store(16, 1),
    ) == SIGSEGV  # fmt: skip


def test_a_page_is_unusable_at_once_after_munmap(run):
    assert run(
        call("mmap", 0, 8192, PROT_RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
        Set("rbx", "rax"),
        Store("rbx", 5),
        call("munmap", "rbx", 4096),
        Load("rdx", "rbx"),
    ) == -SIGSEGV  # fmt: skip


def test_a_page_is_read_only_at_once_after_mprotect(run):
    assert run(
        call("mmap", 0, 4096, PROT_RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
        Set("rbx", "rax"),
        Store("rbx", 5),
        call("mprotect", "rbx", 4096, 1),
        Load("rdx", "rbx"),
        Store("rbx", 6),
    ) == -SIGSEGV  # fmt: skip


def test_a_bad_pointer_is_efault(run):
    assert run(call("pipe2", 64, 0), Jump("good", "rax", -EFAULT), exit_(1), "good", exit_(0)) == 0


def test_a_call_that_does_not_exist(run):
    assert run(Call(9999), Jump("good", "rax", -ENOSYS), exit_(1), "good", exit_(0)) == 0


# --- signals


def test_a_handler_runs_and_everything_is_as_before(run):
    assert run(
        *action(SIGUSR1, "handler"),
        Set("rbx", 11),
        Set("r12", 12),
        call("getpid"),
        call("kill", "rax", SIGUSR1),
        Jump("returned", "rax", 0),
        exit_(1),
        "returned",
        Load("rdx", RESULTS),
        Add("rbx", "r12"),
        Add("rbx", "rdx"),
        exit_("rbx"),
        "handler",
        Set("rbx", 0),
        Set("r12", 0),
        Store(RESULTS, "rdi"),
        Return(),
        *RESTORER,
    ) == 11 + 12 + SIGUSR1  # fmt: skip


@pytest.mark.parametrize(("flags", "result"), [(0, EINTR), (SA_RESTART, 100)])
def test_a_signal_interrupts_a_read_or_it_is_restarted(run, flags, result):
    """The parent writes a byte after the signal: read ends with EINTR, or is restarted and gets it."""
    assert run(
        call("pipe2", DATA, 0),
        Load("r12", DATA),  # both descriptors: 0 and 1, since there are no others
        *action(SIGUSR1, "handler", flags),
        fork(),
        Jump("child", "rax", 0),
        call("read", 0, DATA + 64, 1),
        Jump("read", "rax", 1),
        Set("rbx", 0),
        Add("rbx", "rax"),
        Jump("eintr", "rbx", -EINTR),
        exit_(1),
        "eintr",
        exit_(EINTR),
        "read",
        Load("rbx", DATA + 64),
        exit_("rbx"),
        "child",
        call("getppid"),
        call("kill", "rax", SIGUSR1),
        *work_for(100_000),
        Store(DATA + 128, 100),
        call("write", 1, DATA + 128, 1),
        exit_(0),
        "handler",
        Return(),
        *RESTORER,
    ) == result  # fmt: skip


def test_a_spinning_process_can_be_killed(run):
    assert run(
        fork(),
        Jump("child", "rax", 0),
        Set("rbx", "rax"),
        *work_for(2_000_000),
        call("kill", "rbx", SIGKILL),
        call("wait4", -1, DATA, 0, 0),
        Load("rdx", DATA),
        exit_("rdx"),
        "child",
        Jump("child"),
    ) == SIGKILL  # fmt: skip


def test_an_alarm_interrupts_user_code(run):
    """A spin goes on after the handler where it was interrupted."""
    assert run(
        *action(SIGALRM, "handler"),
        Store(DATA + 16, 0),
        Store(DATA + 24, 1000),  # 1 ms
        call("setitimer", 0, DATA, 0),
        *work_for(10_000_000),
        Load("rbx", RESULTS),
        exit_("rbx"),
        "handler",
        Load("rdx", RESULTS),
        Add("rdx", 1),
        Store(RESULTS, "rdx"),
        *work_for(2000),
        Return(),
        *RESTORER,
    ) == 1  # fmt: skip


def test_stop_and_continue_are_seen_by_the_parent(run):
    assert run(
        fork(),
        Jump("child", "rax", 0),
        Set("rbx", "rax"),
        call("kill", "rbx", SIGSTOP),
        call("wait4", "rbx", DATA, WUNTRACED, 0),
        Load("rdx", DATA),
        Jump("stopped", "rdx", SIGSTOP << 8 | 0x7F),
        exit_(1),
        "stopped",
        call("kill", "rbx", SIGCONT),
        call("wait4", "rbx", DATA, WCONTINUED, 0),
        Load("rdx", DATA),
        Jump("continued", "rdx", 0xFFFF),
        exit_(2),
        "continued",
        call("kill", "rbx", SIGKILL),
        call("wait4", "rbx", DATA, 0, 0),
        Load("rdx", DATA),
        exit_("rdx"),
        "child",
        Jump("child"),
    ) == SIGKILL  # fmt: skip


# --- the CPU itself


def test_a_lone_spinner_ends(run):
    """Blocks are not counted while nobody waits; the spin ends all the same."""
    assert run(*work(50_000_000), exit_(4)) == 4


def test_two_spinners_take_turns(tmp_path):
    spinner = script(*work_for(20_000_000), exit_(0))
    machine = Machine(tmp_path, {"main": spinner})
    first, second = machine.start("main"), machine.start("main")
    assert machine.run(15_000_000) == "time"
    assert abs(first.se.sum_exec_runtime - second.se.sum_exec_runtime) < 4_000_000
    assert machine.run() == "idle"
    assert machine.status(first) == machine.status(second) == 0


def test_a_run_repeats_step_by_step(tmp_path):
    """The same script twice: the same steps in the same order at the same times."""

    def record(folder):
        folder.mkdir()
        child = [Jump("child"), "child", *work_for(10_000), call("sched_yield"), exit_(1)]
        machine = Machine(folder, {"main": script(fork(), fork(), fork(), *child)})
        seen = []
        machine.cpu.trace = lambda at: seen.append((machine.system.clock.now, machine.system.current.pid, at))
        machine.start("main")
        machine.run()
        return seen

    assert record(tmp_path / "one") == record(tmp_path / "two")


def test_out_of_processes_is_eagain(tmp_path):
    machine = Machine(tmp_path, {"main": script(
        "again", fork(), Jump("child", "rax", 0), Jump("full", "rax", -EAGAIN), Add("rbx", 1), Jump("again"),
        "child", call("pause"),
        "full", exit_("rbx"),
    )})  # fmt: skip
    machine.system.threads_max = 12
    task = machine.start("main")
    machine.run()
    assert machine.status(task) == (12 - 3) << 8


def test_spin_is_counted_in_blocks(tmp_path):
    machine = Machine(tmp_path, {"main": script(*work(1234), exit_(0))})
    before = machine.cpu.blocks()
    machine.start("main")
    machine.run()
    assert machine.cpu.blocks() - before == 1234 + 2  # setting rcx, and the call
