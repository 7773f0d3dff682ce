"""Signals on fake tasks: sending, choosing, stopping, frames. Nothing here needs a CPU."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from forkernel.abi.errno import (
    EACCES,
    EAGAIN,
    EFAULT,
    EINTR,
    EINVAL,
    EPERM,
    ERESTART_RESTARTBLOCK,
    ERESTARTNOHAND,
    ERESTARTNOINTR,
    ERESTARTSYS,
    ESRCH,
)
from forkernel.abi.resource import RLIM_NLIMITS, RLIMIT_SIGPENDING
from forkernel.abi.signal import (
    CLD_CONTINUED,
    CLD_EXITED,
    CLD_KILLED,
    CLD_STOPPED,
    IGNORE_ACTION,
    SA_NOCLDSTOP,
    SA_NOCLDWAIT,
    SA_NODEFER,
    SA_ONSTACK,
    SA_RESETHAND,
    SA_RESTART,
    SA_RESTORER,
    SEGV_MAPERR,
    SI_KERNEL,
    SI_QUEUE,
    SI_USER,
    SIGALRM,
    SIGCHLD,
    SIGCONT,
    SIGHUP,
    SIGKILL,
    SIGSEGV,
    SIGSTOP,
    SIGTERM,
    SIGTSTP,
    SIGUSR1,
    SIGUSR2,
    SIGWINCH,
    SS_AUTODISARM,
    SS_DISABLE,
    SigAction,
    SigInfo,
    StackT,
    sigmask,
)
from forkernel.arch.x86_64.ptrace import PtRegs
from forkernel.arch.x86_64.signal import FRAME_SIZE, INIT_FPU
from forkernel.errors import SysError
from forkernel.kernel import session, signal, sigqueue
from forkernel.kernel.cred import Cred
from forkernel.kernel.pid import PidNamespace, alloc_pid, attach_pids, change_pgrp, change_session
from forkernel.kernel.task import (
    EXIT_ZOMBIE,
    PF_EXITING,
    PF_FORKNOEXEC,
    SIGNAL_GROUP_EXIT,
    SIGNAL_STOP_STOPPED,
    SIGNAL_UNKILLABLE,
    TASK_DEAD,
    TASK_INTERRUPTIBLE,
    TASK_RUNNING,
    TASK_STOPPED,
    SighandStruct,
    SignalStruct,
    SigPending,
    Task,
)
from forkernel.syscalls import signal as calls
from forkernel.trace.tracepoints import Trace
from forkernel.wait import Sleep, WaitQueue

M64 = (1 << 64) - 1
HANDLER, RESTORER = 0x401000, 0x402000


class Memory:
    """A flat user memory of some pages; everything else is EFAULT."""

    def __init__(self) -> None:
        self.base, self.data, self.dumpable = 0x7000_0000, bytearray(0x10000), 1

    def _at(self, addr: int, size: int) -> int:
        if not self.base <= addr <= self.base + len(self.data) - size:
            raise SysError(EFAULT)
        return addr - self.base

    def read(self, addr: int, size: int) -> bytes:
        at = self._at(addr, size)
        return bytes(self.data[at : at + size])

    def write(self, addr: int, data: bytes) -> None:
        at = self._at(addr, len(data))
        self.data[at : at + len(data)] = data


class Regs(PtRegs):
    """Registers without a CPU."""

    __slots__ = ("fpu", "flags")

    def __init__(self) -> None:
        self.gpr = [0x1000 + index for index in range(17)]
        self.rsp, self.rip, self.flags = 0x7000_F000, 0x400100, 0x602
        self.fpu = INIT_FPU

    @property
    def rflags(self) -> int:
        return self.flags

    @rflags.setter
    def rflags(self, value: int) -> None:
        self.flags = value

    def change_rflags(self, mask: int, value: int) -> None:
        self.flags = self.flags & ~mask | value & mask

    def all(self) -> tuple[int, ...]:
        return (*self.gpr, self.flags)

    def fxsave(self) -> bytes:
        return self.fpu

    def fxrstor(self, area: bytes) -> None:
        self.fpu = area


class Sched:
    def __init__(self) -> None:
        self.current: Task | None = None

    def wake_up_state(self, task: Task, mask: int) -> bool:
        if not task.state & mask:
            return False
        task.state = TASK_RUNNING
        return True

    def try_to_wake_up(self, task: Task) -> bool:
        return self.wake_up_state(task, -1)

    def is_running(self, task: Task) -> bool:
        return task is self.current


class Cpus:
    def __init__(self) -> None:
        self.regs: dict[Task, Regs] = {}

    def regs_of(self, task: Task) -> Regs:
        return self.regs.setdefault(task, Regs())


class System:
    """What signals ask of a system."""

    def __init__(self) -> None:
        self.tasks: dict[int, Task] = {}
        self.sched, self.trace, self.cpu = Sched(), Trace(), Cpus()
        self.pids = PidNamespace(None)
        self.sigpending_users: dict[int, int] = {}
        self.autogroups = 0
        self.signalfd_wqh = WaitQueue()
        self.clock = SimpleNamespace(now=0, monotonic=lambda: self.clock.now)
        self.init = self.process(None)
        self.init.signal.flags = SIGNAL_UNKILLABLE

    @property
    def current(self) -> Task:
        return self.init

    def all_tasks(self) -> list[Task]:
        return list(self.tasks.values())

    def _task(self) -> Task:
        task = Task()
        task.system = self  # type: ignore[assignment]
        task.thread_pid = alloc_pid(self.pids)
        task.pid = task.thread_pid.nr
        self.tasks[task.pid] = task
        task.flags = task.exit_state = task.exit_code = task.ptrace = task.blocked = task.real_blocked = task.jobctl = 0
        task.state, task.comm, task.cred = TASK_INTERRUPTIBLE, b"t", Cred.of_user(1000, 1000)
        task.pending, task.sigpending, task.saved_sigmask, task.restart_block = SigPending(), False, None, None
        task.sas_ss_sp = task.sas_ss_size = task.sas_ss_flags = 0
        task.fault, task.syscall_nr, task.utime, task.stime = (0, 0, 0), -1, 0, 0
        task.parent_exec_id = task.self_exec_id = task.pdeath_signal = 0
        task.rseq = None
        task.mm = Memory()  # type: ignore[assignment]
        return task

    def process(self, parent: Task | None) -> Task:
        task = self._task()
        task.tgid, task.group_leader, task.exit_signal = task.pid, task, SIGCHLD
        task.signal = SignalStruct([(100, 100)] * RLIM_NLIMITS)
        task.signal.threads[task] = None
        task.sighand = SighandStruct({})
        task.parent = task.real_parent = parent or task
        task.signal.pgrp = parent.signal.pgrp if parent else task.thread_pid
        task.signal.session = parent.signal.session if parent else task.thread_pid
        attach_pids(task)
        return task

    def thread(self, leader: Task) -> Task:
        task = self._task()
        task.tgid, task.group_leader, task.signal, task.sighand = leader.tgid, leader, leader.signal, leader.sighand
        task.parent = task.real_parent = leader.real_parent
        leader.signal.threads[task] = None
        attach_pids(task)
        return task


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    def die(task: Task, sig: int) -> None:
        task.exit_code, task.state = task.signal.group_exit_code or sig, TASK_DEAD
        task.signal.flags |= SIGNAL_GROUP_EXIT

    monkeypatch.setattr(signal, "die", die)
    return System()


@pytest.fixture
def task(system: System) -> Task:
    return system.process(system.process(system.init))


def catch(task: Task, *signals: int, flags: int = 0, mask: int = 0) -> None:
    for sig in signals:
        task.sighand.action[sig] = SigAction(HANDLER, flags | SA_RESTORER, RESTORER, mask)


def user(sig: int, value: int = 0, code: int = SI_USER) -> SigInfo:
    return SigInfo(sig, code, pid=7, uid=1000, value=value)


def run(task: Task) -> None:
    """Let the task go to user mode."""
    task.system.sched.current = task
    if task.state == TASK_INTERRUPTIBLE:
        task.state = TASK_RUNNING
    signal.do_signal(task)


def send(sig: int, task: Task, group: bool = True) -> None:
    signal.send_sig_info(sig, user(sig), task, group)


# --- queues


def test_standard_signals_coalesce_and_keep_the_first_details(task: Task) -> None:
    task.blocked = sigmask(SIGUSR1)
    for value in (1, 2, 3):
        signal.send_sig_info(SIGUSR1, user(SIGUSR1, value), task)
    info = sigqueue.dequeue_signal(task, 0)
    assert info is not None
    assert info.value == 1
    assert sigqueue.dequeue_signal(task, 0) is None


def test_real_time_signals_queue_in_order_of_number_then_arrival(task: Task) -> None:
    task.blocked = -1
    for sig, value in ((35, 1), (34, 2), (35, 3), (34, 4)):
        signal.send_sig_info(sig, user(sig, value, SI_QUEUE), task)
    taken = []
    while info := sigqueue.dequeue_signal(task, 0):
        taken.append((info.signo, info.value))
    assert taken == [(34, 2), (34, 4), (35, 1), (35, 3)]
    assert task.system.sigpending_users == {}


def test_synchronous_signals_come_first_and_private_before_shared(task: Task) -> None:
    task.blocked = sigmask(SIGHUP, SIGSEGV, SIGUSR1)
    for sig, group in ((SIGHUP, True), (SIGSEGV, False), (SIGUSR1, False)):
        send(sig, task, group)
    order = [info.signo for _ in range(3) if (info := sigqueue.dequeue_signal(task, 0))]
    assert order == [SIGSEGV, SIGUSR1, SIGHUP]


def test_full_queue_is_eagain_for_real_time_and_loses_details_of_others(task: Task) -> None:
    task.signal.rlim[RLIMIT_SIGPENDING] = (1, 1)
    task.blocked = -1
    signal.send_sig_info(40, user(40, 1, SI_QUEUE), task)
    with pytest.raises(SysError) as caught:
        signal.send_sig_info(40, user(40, 2, SI_QUEUE), task)
    assert caught.value.errno == EAGAIN
    signal.send_sig_info(SIGUSR1, user(SIGUSR1, 5, SI_QUEUE), task)
    info = sigqueue.dequeue_signal(task, 0)
    assert info is not None
    assert (info.signo, info.pid, info.code) == (SIGUSR1, 0, SI_USER)
    signal.send_sig_info(SIGUSR2, user(SIGUSR2), task)
    info = sigqueue.dequeue_signal(task, 0)
    assert info is not None
    assert info.pid == 7


# --- ignoring


def test_ignored_signals_are_dropped_unless_blocked(task: Task) -> None:
    send(SIGWINCH, task)
    task.sighand.action[SIGUSR1] = IGNORE_ACTION
    send(SIGUSR1, task)
    assert task.signal.shared_pending.bits == 0
    task.blocked = sigmask(SIGWINCH, SIGUSR1)
    send(SIGWINCH, task)
    send(SIGUSR1, task)
    assert task.signal.shared_pending.bits == sigmask(SIGWINCH, SIGUSR1)


def test_setting_ignore_discards_what_is_pending(task: Task) -> None:
    task.blocked = sigmask(SIGUSR1, SIGCHLD)
    send(SIGUSR1, task)
    send(SIGCHLD, task, group=False)
    signal.do_sigaction(task, SIGUSR1, SigAction(1))
    signal.do_sigaction(task, SIGCHLD, SigAction(0))
    assert task.signal.shared_pending.bits == task.pending.bits == 0
    assert task.system.sigpending_users == {}


@pytest.mark.parametrize("sig", [SIGKILL, SIGSTOP])
def test_kill_and_stop_have_no_disposition(task: Task, sig: int) -> None:
    with pytest.raises(SysError):
        signal.do_sigaction(task, sig, SigAction(1))
    assert signal.do_sigaction(task, sig, None).handler == 0


def test_init_takes_only_what_it_handles(system: System) -> None:
    for sig in (SIGTERM, SIGKILL, SIGSTOP):
        send(sig, system.init)
        signal.send_sig_info(sig, None, system.init)
    assert not system.init.sigpending
    catch(system.init, SIGTERM)
    send(SIGTERM, system.init)
    assert system.init.sigpending


def test_forced_fault_kills_even_init(system: System) -> None:
    signal.force_sig_fault(system.init, SIGSEGV, SEGV_MAPERR, 0)
    run(system.init)
    assert system.init.state == TASK_DEAD


# --- choosing a thread


def test_group_signal_goes_to_a_thread_that_does_not_block_it(system: System, task: Task) -> None:
    other = system.thread(task)
    catch(task, SIGUSR1)
    task.blocked = sigmask(SIGUSR1)
    send(SIGUSR1, task)
    assert (task.sigpending, other.sigpending) == (False, True)
    assert task.signal.shared_pending.bits == sigmask(SIGUSR1)


def test_busy_threads_are_passed_over(system: System, task: Task) -> None:
    other = system.thread(task)
    catch(task, SIGUSR1, SIGUSR2)
    send(SIGUSR1, task)
    send(SIGUSR2, task)
    assert task.sigpending
    assert other.sigpending


def test_blocking_hands_the_process_signal_to_another_thread(system: System, task: Task) -> None:
    other = system.thread(task)
    catch(task, SIGUSR1)
    send(SIGUSR1, task)
    assert not other.sigpending
    signal.set_current_blocked(task, sigmask(SIGUSR1))
    assert (task.sigpending, other.sigpending) == (False, True)


def test_exiting_thread_hands_signals_on(system: System, task: Task) -> None:
    other = system.thread(task)
    catch(task, SIGUSR1)
    send(SIGUSR1, task)
    signal.exit_signals(task)
    assert other.sigpending
    assert task.flags & PF_EXITING


def test_fatal_signal_kills_all_threads_at_once(system: System, task: Task) -> None:
    other = system.thread(task)
    send(SIGTERM, task)
    assert task.signal.flags & SIGNAL_GROUP_EXIT
    assert task.signal.group_exit_code == SIGTERM
    for thread in (task, other):
        assert signal.fatal_signal_pending(thread)
        run(thread)
        assert (thread.state, thread.exit_code) == (TASK_DEAD, SIGTERM)


# --- handlers and restarts


def test_handler_frame_and_return(task: Task) -> None:
    catch(task, SIGUSR1, mask=sigmask(SIGUSR2))
    regs = task.regs
    before, rsp, rax = regs.all(), regs.rsp, regs.rax
    send(SIGUSR1, task)
    run(task)
    assert (regs.rip, regs.rdi, regs.rax) == (HANDLER, SIGUSR1, 0)
    assert regs.rsp % 16 == 8
    assert rsp - 128 - 512 - FRAME_SIZE - 80 < regs.rsp < rsp - 128
    assert regs.rflags & 0x400 == 0
    assert task.blocked == sigmask(SIGUSR1, SIGUSR2)
    assert task.mm.read(regs.rsp, 8) == RESTORER.to_bytes(8, "little")
    assert SigInfo.unpack(task.mm.read(regs.rsi, 128)).pid == 7
    regs.rsp += 8
    assert signal.rt_sigreturn(task) == rax
    assert regs.all() == before
    assert task.blocked == 0


def test_two_pending_signals_nest_the_later_handler_on_top(task: Task) -> None:
    catch(task, SIGUSR1, SIGUSR2)
    task.blocked = sigmask(SIGUSR1, SIGUSR2)
    send(SIGUSR1, task)
    send(SIGUSR2, task)
    signal.set_current_blocked(task, 0)
    run(task)
    assert task.regs.rdi == SIGUSR2
    assert task.blocked == sigmask(SIGUSR1, SIGUSR2)


def test_nodefer_and_resethand(task: Task) -> None:
    catch(task, SIGUSR1, flags=SA_NODEFER | SA_RESETHAND)
    send(SIGUSR1, task)
    run(task)
    assert task.blocked == 0
    assert signal.sig_handler(task, SIGUSR1) == 0


@pytest.mark.parametrize(
    ("code", "flags", "restarted"),
    [
        (ERESTARTSYS, 0, False),
        (ERESTARTSYS, SA_RESTART, True),
        (ERESTARTNOINTR, 0, True),
        (ERESTARTNOHAND, SA_RESTART, False),
        (ERESTART_RESTARTBLOCK, SA_RESTART, False),
    ],
)
def test_restart_codes_with_a_handler(task: Task, code: int, flags: int, restarted: bool) -> None:
    catch(task, SIGUSR1, flags=flags)
    regs = task.regs
    rip, regs.rax, task.syscall_nr = regs.rip, -code & M64, 61
    send(SIGUSR1, task)
    run(task)
    regs.rsp += 8
    signal.rt_sigreturn(task)
    assert (regs.rip, regs.rax) == ((rip - 2, 61) if restarted else (rip, -EINTR & M64))


@pytest.mark.parametrize(
    ("code", "number"),
    [(ERESTARTSYS, 61), (ERESTARTNOINTR, 61), (ERESTARTNOHAND, 61), (ERESTART_RESTARTBLOCK, 219), (EINTR, None)],
)
def test_restart_codes_without_a_handler(task: Task, code: int, number: int | None) -> None:
    regs = task.regs
    rip, regs.rax, task.syscall_nr = regs.rip, -code & M64, 61
    task.saved_sigmask = sigmask(SIGALRM)
    task.sigpending = True
    run(task)
    assert (regs.rip, regs.rax) == ((rip - 2, number) if number else (rip, -code & M64))
    assert (task.blocked, task.saved_sigmask) == (sigmask(SIGALRM), None)


def test_sigsuspend_mask_is_restored_by_the_frame(task: Task) -> None:
    catch(task, SIGUSR1)
    task.blocked = sigmask(SIGUSR1, SIGUSR2)
    signal.set_user_sigmask(task, 0)
    send(SIGUSR1, task)
    run(task)
    assert task.blocked == sigmask(SIGUSR1)
    task.regs.rsp += 8
    signal.rt_sigreturn(task)
    assert task.blocked == sigmask(SIGUSR1, SIGUSR2)


def test_unwritable_stack_is_sigsegv_and_fatal_in_its_own_handler(task: Task) -> None:
    catch(task, SIGUSR1, SIGSEGV)
    task.regs.rsp = 0x1000
    send(SIGUSR1, task)
    run(task)
    assert (task.state, task.exit_code) == (TASK_DEAD, SIGSEGV)


def test_sigsegv_handler_on_the_alternate_stack_survives_a_bad_stack(task: Task) -> None:
    catch(task, SIGUSR1)
    catch(task, SIGSEGV, flags=SA_ONSTACK)
    task.sas_ss_sp, task.sas_ss_size = 0x7000_2000, 0x2000
    task.regs.rsp = 0x1000
    send(SIGUSR1, task)
    run(task)
    assert task.regs.rdi == SIGSEGV
    assert 0x7000_2000 < task.regs.rsp <= 0x7000_4000


def test_bad_frame_at_sigreturn_is_sigsegv(task: Task) -> None:
    task.regs.rsp = 8
    signal.rt_sigreturn(task)
    run(task)
    assert (task.state, task.exit_code) == (TASK_DEAD, SIGSEGV)


def test_autodisarm_gives_the_stack_up_until_the_handler_returns(task: Task) -> None:
    catch(task, SIGUSR1, flags=SA_ONSTACK)
    signal.do_sigaltstack(task, StackT(0x7000_2000, SS_AUTODISARM - (1 << 32), 0x2000), task.regs.rsp)
    send(SIGUSR1, task)
    run(task)
    assert task.sas_ss_flags == SS_DISABLE
    task.regs.rsp += 8
    signal.rt_sigreturn(task)
    assert (task.sas_ss_sp, task.sas_ss_flags) == (0x7000_2000, SS_AUTODISARM)


def test_blocked_fault_is_fatal_despite_a_handler(task: Task) -> None:
    catch(task, SIGSEGV)
    task.blocked = sigmask(SIGSEGV)
    signal.force_sig_fault(task, SIGSEGV, SEGV_MAPERR, 0xDEAD)
    run(task)
    assert task.exit_code == SIGSEGV


# --- stop and continue


def test_stop_and_continue_tell_the_parent(task: Task) -> None:
    parent = task.real_parent
    catch(parent, SIGCHLD)
    parent.blocked = sigmask(SIGCHLD)
    send(SIGSTOP, task)
    run(task)
    assert (task.state, task.signal.flags, task.signal.group_exit_code) == (TASK_STOPPED, SIGNAL_STOP_STOPPED, SIGSTOP)
    info = sigqueue.dequeue_signal(parent, 0)
    assert info is not None
    assert (info.code, info.pid, info.status) == (CLD_STOPPED, task.pid, SIGSTOP)
    send(SIGUSR1, task)
    assert task.state == TASK_STOPPED
    catch(task, SIGUSR1)
    send(SIGCONT, task)
    assert task.state == TASK_RUNNING
    run(task)
    info = sigqueue.dequeue_signal(parent, 0)
    assert info is not None
    assert (info.code, info.status) == (CLD_CONTINUED, SIGCONT)


def test_nocldstop_keeps_quiet_but_wakes_wait(task: Task) -> None:
    parent = task.real_parent
    catch(parent, SIGCHLD, flags=SA_NOCLDSTOP)
    send(SIGSTOP, task)
    run(task)
    assert not parent.sigpending
    assert parent.signal.wait_chldexit.seq == 1


def test_stop_and_continue_take_back_each_other(task: Task) -> None:
    task.blocked = sigmask(SIGTSTP, SIGCONT)
    send(SIGTSTP, task)
    send(SIGCONT, task)
    assert task.signal.shared_pending.bits == sigmask(SIGCONT)
    send(SIGTSTP, task)
    assert task.signal.shared_pending.bits == sigmask(SIGTSTP)


def test_group_stop_is_complete_when_the_last_thread_stops(system: System, task: Task) -> None:
    other = system.thread(task)
    send(SIGSTOP, task)
    run(task)
    assert task.state == TASK_STOPPED
    assert not task.signal.flags & SIGNAL_STOP_STOPPED
    assert other.sigpending
    run(other)
    assert task.signal.flags & SIGNAL_STOP_STOPPED
    assert task.real_parent.signal.wait_chldexit.seq == 1
    send(SIGCONT, task)
    assert task.state == other.state == TASK_RUNNING


def test_thread_exit_completes_a_group_stop(system: System, task: Task) -> None:
    other = system.thread(task)
    send(SIGSTOP, task)
    run(task)
    signal.exit_signals(other)
    assert task.signal.flags & SIGNAL_STOP_STOPPED


def test_kill_ends_a_stopped_process(task: Task) -> None:
    send(SIGSTOP, task)
    run(task)
    send(SIGKILL, task)
    assert task.state == TASK_RUNNING
    run(task)
    assert (task.state, task.exit_code) == (TASK_DEAD, SIGKILL)


def test_orphaned_group_is_not_stopped_by_the_terminal(system: System, task: Task) -> None:
    change_pgrp(task, task.thread_pid)
    task.real_parent = task.parent = system.init
    send(SIGTSTP, task)
    run(task)
    assert task.state == TASK_RUNNING
    send(SIGSTOP, task)
    run(task)
    assert task.state == TASK_STOPPED


def test_newly_orphaned_stopped_group_gets_hup_and_cont(system: System, task: Task) -> None:
    change_pgrp(task, task.thread_pid)
    send(SIGSTOP, task)
    run(task)
    session.kill_orphaned_pgrp(task, task.real_parent)
    assert task.state == TASK_STOPPED  # the parent still counts
    parent, task.real_parent = task.real_parent, system.init
    session.kill_orphaned_pgrp(task, parent)
    assert task.signal.shared_pending.bits == sigmask(SIGHUP)
    assert task.state == TASK_RUNNING
    run(task)
    assert task.state == TASK_DEAD


# --- the parent


@pytest.mark.parametrize(("code", "expected"), [(3 << 8, (CLD_EXITED, 3)), (SIGTERM, (CLD_KILLED, SIGTERM))])
def test_sigchld_tells_how_the_child_ended(task: Task, code: int, expected: tuple[int, int]) -> None:
    parent = task.real_parent
    catch(parent, SIGCHLD)
    task.exit_code, task.utime = code, 25_000_000
    assert not signal.do_notify_parent(task, SIGCHLD)
    info = sigqueue.dequeue_signal(parent, 0)
    assert info is not None
    assert (info.code, info.status) == expected
    assert (info.pid, info.uid, info.utime) == (task.pid, 1000, 2)


@pytest.mark.parametrize(
    ("action", "autoreap", "sent"),
    [(SigAction(), False, False), (SigAction(1), True, False), (SigAction(HANDLER, SA_NOCLDWAIT), True, True)],
)
def test_ignored_sigchld_means_no_zombie(task: Task, action: SigAction, autoreap: bool, sent: bool) -> None:
    task.real_parent.sighand.action[SIGCHLD] = action
    assert signal.do_notify_parent(task, SIGCHLD) is autoreap
    assert task.real_parent.sigpending is sent


# --- the calls


def errno_of(call: object, *arguments: object) -> int:
    with pytest.raises(SysError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.errno


def test_kill_permission(system: System, task: Task) -> None:
    stranger = system.process(system.init)
    stranger.cred = Cred.of_user(2000, 2000)
    assert errno_of(calls.sys_kill, task, stranger.pid, SIGTERM) == EPERM
    assert errno_of(calls.sys_kill, task, stranger.pid, 0) == EPERM
    assert errno_of(calls.sys_kill, task, stranger.pid, 65) == EINVAL
    assert errno_of(calls.sys_kill, task, 999, 65) == ESRCH
    assert calls.sys_kill(task, stranger.pid, SIGCONT) == 0
    change_session(stranger, stranger.thread_pid)
    assert errno_of(calls.sys_kill, task, stranger.pid, SIGCONT) == EPERM
    task.cred = Cred.of_user(0, 0)
    assert calls.sys_kill(task, stranger.pid, SIGTERM) == 0


def test_kill_group_succeeds_if_one_member_may_be_signalled(system: System, task: Task) -> None:
    stranger = system.process(task)
    stranger.cred = Cred.of_user(2000, 2000)
    change_pgrp(task, task.thread_pid)
    change_pgrp(stranger, task.thread_pid)
    catch(task, SIGTERM)
    assert calls.sys_kill(task, 0, SIGTERM) == 0
    assert task.sigpending
    assert errno_of(calls.sys_kill, task, -4711, SIGTERM) == ESRCH
    assert errno_of(calls.sys_kill, task, -(1 << 31), SIGTERM) == ESRCH


def test_kill_everybody_spares_init_and_the_caller(system: System, task: Task) -> None:
    others = [system.process(task) for _ in range(2)]
    assert calls.sys_kill(task, -1, SIGTERM) == 0
    assert [other.sigpending for other in others] == [True, True]
    assert not task.sigpending
    assert not system.init.sigpending


def test_sigqueue_cannot_pretend_to_be_the_kernel(task: Task) -> None:
    from forkernel.mm.uaccess import UserBuf

    other = task.real_parent
    buffer = UserBuf(task.mm, task.mm.base)
    for code, errno in ((SI_USER, EPERM), (SI_KERNEL, EPERM), (-6, EPERM)):
        task.mm.write(buffer.addr, user(SIGUSR1, code=code).pack())
        assert errno_of(calls.sys_rt_sigqueueinfo, task, other.pid, SIGUSR1, buffer) == errno
    task.mm.write(buffer.addr, user(SIGUSR1, 42, SI_QUEUE).pack())
    other.blocked = sigmask(SIGUSR1)
    assert calls.sys_rt_sigqueueinfo(task, other.pid, SIGUSR1, buffer) == 0
    info = sigqueue.dequeue_signal(other, 0)
    assert info is not None
    assert (info.value, info.code) == (42, SI_QUEUE)


def test_sigtimedwait_takes_waits_and_gives_up(task: Task) -> None:
    task.state = TASK_RUNNING
    task.blocked = sigmask(SIGUSR1)
    wait = calls.SigTimedWait(sigmask(SIGUSR1), 0, 1000)
    with pytest.raises(Sleep) as slept:
        wait.step(task)
    assert slept.value.deadline == 1000
    assert (task.blocked, task.real_blocked) == (0, sigmask(SIGUSR1))
    send(SIGUSR1, task)
    assert task.signal.flags == 0  # SIG_DFL does not kill a process that waits for the signal
    assert wait.step(task) == SIGUSR1
    assert (task.blocked, task.real_blocked) == (sigmask(SIGUSR1), 0)
    with pytest.raises(Sleep):
        wait.step(task)
    assert wait.interrupted(task) == -EINTR
    task.system.clock.now = 1000
    assert errno_of(wait.step, task) == EAGAIN


# --- process groups


def test_setpgid_errors(system: System, task: Task) -> None:
    child = system.process(task)
    child.flags = PF_FORKNOEXEC
    grandchild = system.process(child)
    thread = system.thread(task)
    assert errno_of(session.setpgid, task, 0, -1) == EINVAL
    assert errno_of(session.setpgid, task, thread.pid, 0) == EINVAL
    assert errno_of(session.setpgid, task, 999, 0) == ESRCH
    assert errno_of(session.setpgid, task, grandchild.pid, 0) == ESRCH
    assert errno_of(session.setpgid, task, child.pid, 999) == EPERM
    session.setpgid(task, child.pid, 0)
    assert child.signal.pgrp is child.thread_pid
    session.setpgid(task, 0, child.pid)
    assert task.signal.pgrp is child.thread_pid
    child.flags = 0
    assert errno_of(session.setpgid, task, child.pid, 0) == EACCES
    assert errno_of(session.setsid, child) == EPERM
    session.setpgid(task, 0, 1)
    change_pgrp(child, system.init.thread_pid)
    assert session.setsid(child) == child.pid
    assert errno_of(session.setpgid, child, 0, 0) == EPERM
    assert errno_of(session.setpgid, task, child.pid, 0) == EPERM


def test_zombies_do_not_hold_a_group(system: System, task: Task) -> None:
    change_pgrp(task, task.thread_pid)
    assert not session.is_current_pgrp_orphaned(task)
    task.exit_state = EXIT_ZOMBIE
    assert session.is_current_pgrp_orphaned(task)
