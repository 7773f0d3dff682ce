"""The way in and out of the kernel: traps, dispatch, sleeping, and the return to user mode.

A trap comes in by `syscall`, `fault` or `quantum`. A call runs its handler; the result goes into the user's
rax. On the way out (`_exit_to_user_mode`) signals are delivered and, where another task shall run,
`_schedule` takes over: it picks tasks until one is ready for user mode, running kernel threads and calls
that were asleep on the way. Nothing of it stays on the Python stack when the CPU goes on.
"""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING, Any, Protocol

from forkernel.abi.errno import ENOSYS
from forkernel.abi.signal import SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP
from forkernel.arch.x86_64.cpuinfo import TSC_MHZ
from forkernel.arch.x86_64.pgtable import TASK_SIZE
from forkernel.arch.x86_64.syscall_table import GONE, NOT_BUILT_IN, SYSCALLS
from forkernel.errors import KernelBug, SysError, UserError
from forkernel.hw import protocol as hw
from forkernel.kernel import signal
from forkernel.kernel.hrtimer import KTIME_MAX, Timer
from forkernel.kernel.io_accounting import IO_CALLS, account_io
from forkernel.kernel.kstack import THREAD_SIZE, finish_task_switch
from forkernel.kernel.ptrace_stop import report_syscall_exit, syscall_entry_stop
from forkernel.kernel.rseq import rseq_preempt
from forkernel.kernel.system import STOPPED
from forkernel.kernel.task import TASK_DEAD, TASK_RUNNING, TASK_TRACED, Task
from forkernel.mm.fault import FAULT_ACCERR, FAULT_OK, FAULT_OOM, FAULT_SIGBUS, FAULT_USER, handle_mm_fault
from forkernel.wait import Sleep

if TYPE_CHECKING:
    from forkernel.kernel.system import System

SYSCALL_NS = 250  # virtual time that entering and leaving the kernel takes
FAULT_NS = 500
BLOCK_NS = 10  # and one block of user code: about what the emulator needs for it
LONE_SLICES_MOST, LONE_TRAPS = 4096, 100
"""`Scheduler.lone_after` doubles up to this."""
LONE_CODE_PAGES = 8
"""For so many pages of code it takes `lone_after` slices more: all of them will be translated anew."""
UNCOUNTED_NS = 10_000_000
"""User time charged when a host timer, not the block counter, stopped the CPU: about what has passed."""
MASK64 = 0xFFFF_FFFF_FFFF_FFFF
X32_BIT = 0x40000000
"""Set in the number of an x32 call, which a kernel without x32 does not know."""

LEGACY_PREFIXES = b"\x66\x67\x2e\x36\x3e\x26\x64\x65\xf2\xf3"
FIRST_EXTERNAL_VECTOR = 32
"""Vectors below are the CPU's exceptions."""
SEGV_MAPERR, SEGV_ACCERR, BUS_ADRERR = 1, 2, 2
SI_KERNEL = 0x80
EXCEPTION_SIGNALS = {
    hw.DIVIDE_ERROR: (SIGFPE, 1),  # FPE_INTDIV
    hw.DEBUG: (SIGTRAP, 2),  # TRAP_TRACE
    hw.BREAKPOINT: (SIGTRAP, SI_KERNEL),
    hw.OVERFLOW: (SIGSEGV, SI_KERNEL),
    hw.BOUND: (SIGSEGV, SI_KERNEL),
    hw.INVALID_OPCODE: (SIGILL, 2),  # ILL_ILLOPN
    hw.X87: (SIGFPE, 0),
    hw.ALIGNMENT: (SIGBUS, 1),  # BUS_ADRALN
    hw.SIMD: (SIGFPE, 0),
}
"""Exception vector to signal and si_code (Linux: arch/x86/kernel/traps.c)."""

_REGISTERS = struct.Struct("<16Q")


class CallLookup(Protocol):
    """The implemented calls by name."""

    def get(self, name: str) -> Any:
        """One with `call(task, six raw registers)`, None if there is none."""


class SleepTimer(Timer):
    """Ends a sleep at its deadline."""

    __slots__ = ("task",)

    def __init__(self, expires: int, task: Task) -> None:
        super().__init__(expires)
        self.task = task

    def fire(self) -> None:
        """Wake the sleeper; its call looks at the clock itself."""
        self.task.system.sched.try_to_wake_up(self.task)


class Entry:
    """The trap handler of one machine."""

    def __init__(self, system: System, calls: CallLookup) -> None:
        """`calls`: what it serves."""
        self.system = system
        self.cpu = system.cpu
        self.hw = system.cpu.hw
        self.live = self.hw.live
        self.gpr = self.hw.gpr
        self.sched = system.sched
        self.clock = system.clock
        self.timers = system.timers
        self.trace = system.trace
        self.table: list[Any] = [None] * (max(SYSCALLS) + 1)
        """Decoders by number; each is put in when it is first wanted."""
        self._calls = calls
        self._granted = self.hw.quantum_struct.left
        self._grant_end = 0
        if system.sched.lone:
            self.hw.count_blocks(False)
        self._deadline: float | None = None
        self._late = False
        """The deadline is over."""

    # --- running

    def run(self, deadline: float | None = None) -> None:
        """Run until `system.stopping` says so; `deadline` is host monotonic seconds."""
        self._deadline = deadline
        system = self.system
        system.stopping = system.interrupt = ""
        self._granted = self.hw.quantum_struct.left
        self._late = False
        task = self.sched.current
        try:
            if deadline is None:
                self._run(task)
            else:
                self._run_until(task, deadline)
        finally:
            system.interrupt = STOPPED
        self._take_over_time()

    def _run(self, task: Task) -> None:
        if self._in_user_mode(task):
            self.cpu.switch_to(task)  # it was stopped in user mode and simply goes on
            self._grant()
        else:
            self._schedule()
        if not self.system.stopping:
            self.hw.run(self)

    def _run_until(self, task: Task, deadline: float) -> None:
        """With a watchdog: it tells when the deadline has come, and ends what does not end by itself."""
        from forkernel.kernel.host_deadline import HostDeadline, Overrun

        try:
            with HostDeadline(self, deadline):
                self._run(task)
        except Overrun:
            self.system.torn = True
            self.system.stopping = "timeout"

    def _in_user_mode(self, task: Task) -> bool:
        """Whether the current task was in user mode when the last run ended, and nobody has to be chosen.

        One that fell asleep in a call just then, and was woken since, still has its call to finish.
        """
        on_cpu = task.pid != 0 and task.kthread is None and task.state == TASK_RUNNING and not task.se.on_rq
        return on_cpu and task.sleep is None and not self.sched.need_resched

    def stop(self, why: str) -> None:
        """End `run` after this trap."""
        self.system.stopping = why
        self.hw.stop()

    # --- time

    def _take_over_time(self) -> int:
        """Account the user code run since the last trap; returns its virtual nanoseconds."""
        quantum = self.hw.quantum_struct
        left = quantum.left
        spent = (self._granted - left) * BLOCK_NS
        self._granted = left
        return spent  # type: ignore[no-any-return]

    def _charge(self, cost: int) -> None:
        """A trap: user code before it and `cost` for itself pass on the clock and count for the task."""
        spent = self._take_over_time()
        task = self.sched.current
        task.utime += spent
        task.stime += cost
        self.clock.now += spent + cost

    def _grant(self) -> None:
        """Set the block counter so that the CPU stops at the end of the slice or at the next timer."""
        self.sched.update_curr()
        now = self.clock.now
        longest = min(self.sched.current.se.slice_left, self.clock.longest_run)
        horizon = max(min(longest, self.timers.next_expiry - now), 1000)
        self._grant_end = now + horizon
        if self.sched.nr_running or self.timers.next_expiry < KTIME_MAX:
            self.sched.lone_slices = 0
            if self.sched.lone:
                self._count_blocks(True)
                self.sched.lone_after = min(self.sched.lone_after * 2, LONE_SLICES_MOST)
        elif self.sched.lone:
            self._grant_end = now  # each trap comes here: a program that asks for the time wants it to pass
            self.sched.lone_slices += 1
            if self.sched.lone_slices > LONE_TRAPS:
                self.sched.lone_slices = 0
                self._count_blocks(True)
                self.sched.lone_after = min(self.sched.lone_after * 4, LONE_SLICES_MOST)
        blocks = horizon // BLOCK_NS
        self.hw.set_quantum(blocks)
        self._granted = blocks
        if self._deadline is not None and time.monotonic() >= self._deadline:  # a busy machine may end no slice
            self.stop("timeout")

    def late(self) -> None:
        """The host's deadline has come: look at the clock at the end of this trap. Called by another thread."""
        self._late = True
        self._grant_end = 0

    def expire(self) -> None:
        """What `_grant` went by has changed: look again before user mode."""
        self._grant_end = 0

    def _count_blocks(self, wanted: bool) -> None:
        self.sched.lone = not wanted
        self.hw.count_blocks(wanted)

    # --- traps

    def syscall(self) -> None:
        """The `syscall` instruction."""
        registers = _REGISTERS.unpack_from(self.live)
        clock = self.clock
        task = self.sched.current
        quantum = self.hw.quantum_struct
        left = quantum.left
        spent = (self._granted - left) * BLOCK_NS
        self._granted = left
        task.utime += spent
        task.stime += SYSCALL_NS
        clock.now += spent + SYSCALL_NS
        number = task.syscall_nr = registers[0]
        try:
            call = self.table[number]
        except IndexError:
            call = None
        if call is None or self.trace.sys_enter is not None or task.syscall_work:
            self._syscall_slow(task, registers)
            return
        try:
            self.gpr[0] = (
                call(task, registers[7], registers[6], registers[2], registers[10], registers[8], registers[9]) & MASK64
            )
        except SysError as error:
            self.gpr[0] = -error.errno & MASK64
        except Sleep as sleep:
            task.syscall_args = _arguments(registers)
            if not self._sleep(task, sleep):
                self._schedule()
                return
        except (KernelBug, UserError):
            raise
        except Exception as error:
            raise self._bug(task, registers, error) from error
        end = self._grant_end
        due = clock.now >= end or self.timers.next_expiry < end
        if due or task.sigpending or self.sched.need_resched or task.state:
            self._exit_to_user_mode(task)

    def _syscall_slow(self, task: Task, registers: tuple[int, ...]) -> None:
        """A call that is traced, or that does not exist."""
        number = registers[0]
        task.syscall_nr = number
        task.syscall_args = _arguments(registers)
        if fire := self.trace.sys_enter:
            fire(task)
        try:
            if task.ptrace:
                self._show_tracer(task)
            instead = self._ask_seccomp(task) if task.seccomp is not None else None
            self._finish(task, self.make_call(task) if instead is None else instead)
        except SysError as error:
            self._finish(task, -error.errno)
        except Sleep as sleep:
            if not self._sleep(task, sleep):
                self._schedule()
                return
        except (KernelBug, UserError):
            raise
        except Exception as error:
            raise self._bug(task, registers, error) from error
        end = self._grant_end  # the same test as in `syscall`: a traced run is the run that it traces
        due = self.clock.now >= end or self.timers.next_expiry < end
        if due or task.sigpending or self.sched.need_resched or task.state:
            self._exit_to_user_mode(task)

    def _show_tracer(self, task: Task) -> None:
        """Sleep before the call if the tracer wants to see it."""
        self.gpr[0] = -ENOSYS & MASK64
        sleep = syscall_entry_stop(task)
        if sleep is not None:
            raise sleep
        self.gpr[0] = task.syscall_nr

    def _ask_seccomp(self, task: Task) -> int | None:
        """None if the call may be made, else its result."""
        from forkernel.kernel.seccomp import secure_computing

        return secure_computing(task)

    def make_call(self, task: Task) -> int:
        """Run the handler of `task.syscall_nr` with `task.syscall_args`; its result, SysError or Sleep."""
        number = task.syscall_nr
        call = self._look_up(number)
        if call is None:
            self._unknown(task, number)
            return -ENOSYS
        result: int = call(task, *task.syscall_args)
        return result

    def _look_up(self, number: int) -> Any:
        """The decoder of a call, None if there is no such call."""
        if number >= len(self.table):
            return None
        if self.table[number] is None and (call := self._calls.get(SYSCALLS.get(number, ""))) is not None:
            self.table[number] = call.call
        return self.table[number]

    def fault(self, vector: int, error: int, address: int) -> None:
        """An exception; page faults are the common ones."""
        self._charge(FAULT_NS)
        task = self.sched.current
        task.syscall_nr = -1
        if vector == hw.PAGE_FAULT:
            if fire := self.trace.page_fault:
                fire(task, address, error, self.gpr[hw.RIP])
            code = handle_mm_fault(
                task.mm,  # type: ignore[arg-type]
                address,
                write=bool(error & hw.PF_WRITE),
                execute=bool(error & hw.PF_INSTR),
            )
            task.min_flt += 1
            if code != FAULT_OK:
                self._bad_area(task, code, error, address)
        else:
            self._exception(task, vector, error)
        if task.sigpending or self.sched.need_resched or task.state or self.clock.now >= self._grant_end:
            self._exit_to_user_mode(task)

    def _bad_area(self, task: Task, code: int, error: int, address: int) -> None:
        """A page fault that the address space does not allow."""
        if code == FAULT_OOM:
            self.system.out_of_memory()
            return
        if code == FAULT_USER:
            if self._user_fault(task, address, write=bool(error & hw.PF_WRITE)):
                return
            code = FAULT_SIGBUS
        if address == hw.NO_ADDRESS:
            self._general_protection(task, self.gpr[hw.RIP] - 2, hw.PAGE_FAULT << 3 | 2)
            return
        if address >= TASK_SIZE:
            error |= hw.PF_PROT  # whether the kernel has a page there is nobody's business (sanitize_error_code)
        task.fault = (hw.PAGE_FAULT, error | hw.PF_USER, address)
        if code == FAULT_SIGBUS:
            signal.force_sig_fault(task, SIGBUS, BUS_ADRERR, address)
        else:
            if signal.kills(task, SIGSEGV):
                from forkernel.kernel.show_signal import show_segv

                show_segv(task, error | hw.PF_USER, address)
            signal.force_sig_fault(task, SIGSEGV, SEGV_ACCERR if code == FAULT_ACCERR else SEGV_MAPERR, address)

    def _user_fault(self, task: Task, address: int, *, write: bool) -> bool:
        """A missing page that a program fills in: sleep until it has; False where it wants a signal."""
        from forkernel.kernel.userfaultfd import handle_userfault

        sleep = handle_userfault(task, address, write=write)
        if sleep is not None:
            self._sleep(task, sleep)
        return sleep is not None

    def _exception(self, task: Task, vector: int, error: int) -> None:
        rip = self.gpr[hw.RIP]
        if vector == hw.GENERAL_PROTECTION and self._emulate(task, rip):
            return
        if vector >= FIRST_EXTERNAL_VECTOR or self._is_int(task, vector, rip):
            self._general_protection(task, rip - 2, vector << 3 | 2)
            return
        known = EXCEPTION_SIGNALS.get(vector)
        if known is None:
            self._general_protection(task, rip, error)
            return
        task.fault = (vector, error, task.fault[2])
        number, code = known
        if number == SIGFPE and vector != hw.DIVIDE_ERROR:
            code = task.regs.fpu_exception(simd=vector == hw.SIMD)
        elif signal.kills(task, number):
            self._show_trap(task, vector, error)
        signal.force_sig_fault(task, number, code, 0 if code == SI_KERNEL else rip)

    def _general_protection(self, task: Task, rip: int, error: int) -> None:
        """#GP at `rip`."""
        self.gpr[hw.RIP] = rip
        task.fault = (hw.GENERAL_PROTECTION, error, task.fault[2])
        if signal.kills(task, SIGSEGV):
            self._show_trap(task, hw.GENERAL_PROTECTION, error)
        signal.force_sig_fault(task, SIGSEGV, SI_KERNEL, 0)

    def _show_trap(self, task: Task, vector: int, error: int) -> None:
        """Note in the kernel log by what the program dies."""
        from forkernel.kernel.show_signal import show_trap

        show_trap(task, vector, error)

    def _is_int(self, task: Task, vector: int, rip: int) -> bool:
        """Whether `int n` of a vector without a gate for user mode came here, rather than the exception itself."""
        if vector in (hw.BREAKPOINT, hw.OVERFLOW):
            return False
        try:
            return task.mm.read(rip - 2, 2) == bytes((0xCD, vector))  # type: ignore[union-attr]
        except SysError:
            return False

    def _emulate(self, task: Task, rip: int) -> bool:
        """rdtsc and rdtscp trap (CR4.TSD) so that they tell virtual time; whether it was one of them."""
        try:
            code = task.mm.read_some(rip, 15)  # type: ignore[union-attr]
        except SysError:
            return False
        opcode = code.lstrip(LEGACY_PREFIXES)
        if opcode and opcode[0] & 0xF0 == 0x40:  # REX
            opcode = opcode[1:]
        length = len(code) - len(opcode)
        if opcode[:2] == b"\x0f\x31":
            length += 2
        elif opcode[:3] == b"\x0f\x01\xf9":
            length += 3
            self.gpr[hw.RCX] = task.se.cpu
        else:
            return False
        now = self.clock.monotonic() * TSC_MHZ // 1000
        self.gpr[hw.RAX] = now & 0xFFFFFFFF
        self.gpr[hw.RDX] = now >> 32 & 0xFFFFFFFF
        self.gpr[hw.RIP] = rip + length
        return True

    def quantum(self) -> None:
        """The block counter ran out: a slice is over, a timer is due, or somebody stopped the CPU."""
        task = self._begin_quantum()
        if task is None:
            return
        self.hw.flush_tlb()  # the emulator sizes its TLB by use, and only when it is flushed
        if self._stopped_from_outside():
            return
        self.system.sched.timer_interrupts += 1
        self._grant_end = 0
        self._end_slice()
        self._exit_to_user_mode(task)

    def _begin_quantum(self) -> Task | None:
        """Charge the user code before it; the task that ran it, None if the run's time is up."""
        self._charge(0)
        task = self.sched.current
        task.syscall_nr = -1
        if not self.hw.repeatable:
            task.utime += UNCOUNTED_NS
            self.clock.now += UNCOUNTED_NS
        if self._deadline is not None and time.monotonic() >= self._deadline:
            self.stop("timeout")
            return None
        return task

    def _stopped_from_outside(self) -> bool:
        """Whether the CPU was stopped at a moment that no run repeats, for nothing: the guest must not notice."""
        came = self.system.poll_inputs()
        return self.hw.repeatable and self.hw.quantum_struct.left >= 0 and not came

    def _end_slice(self) -> None:
        """One more slice on end; after so many that nobody else wanted, blocks need not be counted."""
        sched = self.sched
        sched.lone_slices += 1
        if sched.lone_slices >= sched.lone_after and self.hw.counting:
            pages = self.system.frames.code_frames()
            if sched.lone_slices >= sched.lone_after * (1 + pages // LONE_CODE_PAGES):
                self._count_blocks(False)
                sched.lone_slices = 0

    # --- sleeping

    def _sleep(self, task: Task, sleep: Sleep) -> bool:
        """Park the task, or end the call at once because a signal is there; True in the latter case."""
        if task.sigpending and (sleep.interruptible or signal.fatal_signal_pending(task)):
            if sleep.in_fault:
                return True
            result = -sleep.on_signal
            if sleep.resume:
                result = sleep.resume.interrupted(task)
                if task.syscall_nr in IO_CALLS:
                    account_io(task, result)
            self._finish(task, result)
            return True
        timer = None
        if sleep.deadline is not None:
            timer = SleepTimer(sleep.deadline, task)
        self.sched.update_curr()
        self.sched.park(task, sleep, timer)
        task.nvcsw += 1
        return False

    def _finish(self, task: Task, result: int) -> None:
        """The call is over: its result into the user's rax."""
        if task.state & (TASK_DEAD | TASK_TRACED):  # it never returns, or not before its tracer has seen it end
            return
        if fire := self.trace.sys_exit:
            fire(task, result)
        if task.thread is not None:
            self.cpu.set_result(task, result & MASK64)
            if task.ptrace:
                report_syscall_exit(task)

    def _redo(self, task: Task) -> bool:
        """Go on with the call that a sleeping task is in; True when it is over."""
        sleep: Sleep = task.sleep
        task.sleep = None
        if task.deadline is not None:
            self.timers.cancel(task.deadline)
            task.deadline = None
        task.stime += SYSCALL_NS
        self.clock.now += SYSCALL_NS
        if sleep.in_fault:
            return True
        try:
            if sleep.resume is not None:
                result = sleep.resume.step(task)
                if task.syscall_nr in IO_CALLS:
                    account_io(task, result)
            else:
                result = self._look_up(task.syscall_nr)(task, *task.syscall_args)
        except SysError as error:
            result = -error.errno
        except Sleep as again:
            return self._sleep(task, again)
        except (KernelBug, UserError):
            raise
        except Exception as error:
            raise self._bug(task, (task.syscall_nr, *task.syscall_args), error) from error
        self._finish(task, result)
        return True

    # --- leaving

    def _exit_to_user_mode(self, task: Task) -> None:
        """Timers, signals, and the choice of the next task (Linux: exit_to_user_mode_loop)."""
        if self.clock.now >= self._grant_end:
            self.clock.advance(0)
            self.sched.tick()
            self.system.calc_load()
            if self.system.console is not None:
                self.system.poll_inputs()
        if self.clock.now >= self.timers.next_expiry:
            self.system.run_timers(self.clock.now)
        if task.sigpending and task.state == TASK_RUNNING:
            signal.do_signal(task)
        if task.state != TASK_RUNNING or self.sched.need_resched:
            self._schedule()
        else:
            self._grant()

    def _schedule(self) -> None:
        """Pick tasks until one is ready for user mode; stops the CPU when there is nothing to run."""
        sched, system = self.sched, self.system
        while not system.stopping:
            prev = sched.current
            sched.update_curr()
            if prev.state == TASK_DEAD:
                self.cpu.forget(prev)
                finish_task_switch(prev)
            elif prev.state == TASK_RUNNING and not prev.se.on_rq and prev.pid:
                sched.put_prev_task(prev)
            sched.need_resched = False  # now, for putting the last one back may have asked for this very choice
            task = sched.pick_next_task()
            if task is None:
                sched.current = system.init_task
                sched.top_of_stack = system.init_task.stack + THREAD_SIZE
                if not system.idle():
                    self.stop("idle")
                    return
                if self._late:
                    self.stop("timeout")
                continue
            if task is not prev:
                if prev.state == TASK_RUNNING and prev.pid:
                    prev.nivcsw += 1
                    rseq_preempt(prev)
                if fire := self.trace.sched_switch:
                    fire(prev, task)
            sched.start_task(task)
            if self._make_ready(task):
                self.cpu.switch_to(task)
                self._grant()
                return

    def _make_ready(self, task: Task) -> bool:
        """Do what a task just picked still has to do in the kernel; True if it may enter user mode."""
        if task.kthread is not None:
            self._step_kthread(task)
            return False
        if task.sleep is not None and not self._redo(task):
            return False
        if self.clock.now >= self.timers.next_expiry:
            self.system.run_timers(self.clock.now)
        if task.sigpending and task.state == TASK_RUNNING:
            signal.do_signal(task)
        return task.state == TASK_RUNNING and not self.sched.need_resched

    def _step_kthread(self, task: Task) -> None:
        """One step of a kernel thread: it returns, sleeps, ends, or becomes a user process."""
        task.sleep = None
        task.stime += SYSCALL_NS
        self.clock.now += SYSCALL_NS
        try:
            task.kthread.step(task)
        except Sleep as sleep:
            timer = SleepTimer(sleep.deadline, task) if sleep.deadline is not None else None
            self.sched.update_curr()
            self.sched.park(task, sleep, timer)
        if task.kthread is not None and task.state == TASK_RUNNING:
            self.sched.need_resched = True

    # --- mistakes

    def _unknown(self, task: Task, number: int) -> None:
        """A call that is not implemented: counted for the report, fatal with --strict."""
        name = SYSCALLS.get(number, f"syscall_{number:#x}")
        if name in NOT_BUILT_IN or name in GONE:
            return
        self.system.note_unimplemented(name, task)
        if self.system.options.strict:
            raise UserError(f"{task.comm.decode(errors='replace')}[{task.pid}] called {name}, which is not implemented")

    def _bug(self, task: Task, registers: tuple[int, ...], error: Exception) -> KernelBug:
        """A handler failed in a way no guest may cause."""
        name = SYSCALLS.get(registers[0], str(registers[0]))
        shown = " ".join(f"{value:#x}" for value in registers)
        return KernelBug(f"{type(error).__name__} in {name}: {error}; {task!r}, registers {shown}")


def _arguments(registers: tuple[int, ...]) -> tuple[int, int, int, int, int, int]:
    """rdi rsi rdx r10 r8 r9."""
    return (registers[7], registers[6], registers[2], registers[10], registers[8], registers[9])
