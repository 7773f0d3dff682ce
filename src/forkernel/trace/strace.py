"""A trace as text, line for line as `strace -f -o FILE` would write it, with scheduler events between.

    4     openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC) = 3
    4     wait4(5,  <unfinished ...>
    5     exit_group(0)                     = ?
    5     +++ exited with 0 +++
    4     <... wait4 resumed>[{WIFEXITED(s) && WEXITSTATUS(s) == 0}], 0, NULL) = 5
    4     --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=5, ...} ---
    4     === switch: 4 sh (S) ==> 6 cat ===

A line begins with the thread's ID and, on a machine of several CPUs, its CPU as `[cpu1]`. Events that strace does not
know are between `===`.
"""

from __future__ import annotations

from typing import Any

from forkernel.trace import structs
from forkernel.trace.calls import result_text
from forkernel.trace.kinds import Record
from forkernel.trace.sink import DEFAULT_GROUPS, CallTable, Sink, Writer
from forkernel.trace.steps import Fields, as_text
from forkernel.trace.text import STRING_LIMIT, quote
from forkernel.trace.tree import arguments_of, ending

COLUMN = 40
"""Where ` = result` stands, if the call is short enough."""

STATES = {0: "R", 1: "S", 2: "D", 4: "T", 8: "t", 0x80: "X"}
ACCESS = {0: "read", 2: "write", 16: "fetch"}


class StraceSink(Sink):
    """Writes the text form. `times` puts the virtual time (seconds since boot) before each line."""

    def __init__(
        self, out: Writer, calls: CallTable, groups: tuple[str, ...] = DEFAULT_GROUPS, *, times: bool = False
    ) -> None:
        super().__init__(out, calls, groups)
        self.times = times
        self.open: Record | None = None
        """The call whose line is begun and not yet interrupted by another line."""

    # --- calls
    def call_begins(self, record: Record) -> None:
        """Hold the line back: it is whole if nothing else happens before the call ends."""
        self._break_line()
        self.open = record

    def call_ends(self, record: Record) -> None:
        """The whole line, or the rest of it."""
        given = _given(record)
        if self.open is record:
            self.open = None
            self._line(record.task, _aligned(record, f"{given})", result_text(record)))
            return
        self._break_line()
        shown = record.unfinished or ""
        rest = given[len(shown) :] if given.startswith(shown) else ", ".join(record.texts)
        text = f"<... {record.name} resumed>{rest.removeprefix(', ') if shown.endswith(', ') else rest})"
        self._line(record.task, _aligned(record, text, result_text(record)))

    def call_never_ends(self, record: Record) -> None:
        """A line with no result."""
        self._line(record.task, _aligned(record, f"{_given(record)})", "?"))

    def _break_line(self) -> None:
        """Something else is to be written: end the line that waits for its call's result."""
        record, self.open = self.open, None
        if record is None:
            return
        record.unfinished = _given(record)
        waits_for_more = record.entered < len(self.calls.arguments(record.name))
        if waits_for_more and record.texts:
            record.unfinished += ", "
        self._emit(record.task, record.started, f"{record.unfinished} <unfinished ...>")

    # --- signals
    def signal_deliver(self, task: Any, sig: int, info: Any, action: Any = None) -> None:
        """A signal is acted upon."""
        self._line(task, f"--- {structs.signal_name(sig)} {structs.siginfo(info.pack())} ---")

    def signal_stop(self, task: Any, sig: int) -> None:
        """A group stop begins."""
        self._line(task, f"--- stopped by {structs.signal_name(sig)} ---")

    def signal_generate(self, sig: int, info: Any, task: Any, group: bool, result: int) -> None:
        """A signal is sent."""
        what = {1: ", ignored", 2: ", already pending"}.get(result, "")
        whom = "process" if group else "thread"
        self._line(task, f"=== signal: {structs.signal_name(sig)} sent to {whom} {task.pid}{what} ===")

    # --- life and death
    def forked(self, parent: Any, child: Any) -> None:
        """A task has a child."""
        kind = "thread" if child.tgid != child.pid else "process"
        self._line(parent, f"=== fork: new {kind} {child.pid} ===")

    def execed(self, task: Any, filename: bytes, old_pid: int) -> None:
        """A new program runs."""
        was = f" (was thread {old_pid})" if old_pid != task.pid else ""
        given = ", ".join(quote(word, STRING_LIMIT) for word in arguments_of(task))
        self._line(task, f"=== exec: {quote(filename)} [{given}]{was} ===")

    def exited(self, task: Any) -> None:
        """A task is gone."""
        self._line(task, f"+++ {ending(task.exit_code)} +++")

    def call_abandoned(self, record: Record) -> None:
        """A call that its task does not live to see the end of."""
        text = _given(record)
        if self.open is record:
            self.open = None
            self._line(record.task, _aligned(record, f"{text})", "?"))
        else:
            self._line(record.task, _aligned(record, f"<... {record.name} resumed>)", "?"))

    def sched_process_wait(self, task: Any, pid: int) -> None:
        """A wait call looks around."""
        self._line(task, f"=== wait: for {pid} ===")

    def sched_process_free(self, task: Any) -> None:
        """A zombie is reaped."""
        self._line(task, f"=== free: {task.pid} ===")

    def mark_victim(self, task: Any) -> None:
        """The OOM killer chose."""
        self._line(task, f"=== out of memory: {task.pid} is killed ===")

    def step(self, name: str, task: Any, fields: Fields) -> None:
        """A step of fork, exec, exit, wait or copy-on-write."""
        self._line(task, f"=== {f'{name}: {as_text(fields)}' if fields else name} ===")

    # --- the scheduler
    def sched_switch(self, prev: Any, next_: Any) -> None:
        """The CPU changes hands."""
        state = STATES.get(prev.state, f"{prev.state:#x}")
        self._line(prev, f"=== switch: {_who(prev)} ({state}) ==> {_who(next_)} ===")

    def sched_wakeup(self, task: Any) -> None:
        """A sleeper is runnable again."""
        self._line(task, f"=== wakeup: {_who(task)} ===")

    def sched_wakeup_new(self, task: Any) -> None:
        """A new task is runnable."""
        self._line(task, f"=== wakeup: {_who(task)}, new ===")

    # --- memory
    def page_fault(self, task: Any, address: int, error_code: int, rip: int) -> None:
        """A page fault of user mode."""
        how = ACCESS.get(error_code & 18, "access")
        what = "protection" if error_code & 1 else "not present"
        self._line(task, f"=== page fault: {how} at {address:#x}, {what}, rip {rip:#x} ===")

    # --- lines
    def _line(self, task: Any, text: str) -> None:
        self._break_line()
        self._emit(task, task.system.clock.stamp(), text)

    def _emit(self, task: Any, when: int, text: str) -> None:
        stamp = f"{when // 10**9}.{when % 10**9:09d} " if self.times else ""
        cpu = "" if task.system.smp is None else f"[cpu{task.se.cpu}] "
        self.out.write(f"{task.pid:<5} {stamp}{cpu}{text}\n")

    def close(self) -> None:
        """Calls still under way are left unfinished, as strace leaves them when it detaches."""
        self._break_line()
        if lines := self.tree.lines():
            self.out.write("\n".join(["", "process tree:", *lines]) + "\n")
        super().close()


def _given(record: Record) -> str:
    """`name(arg, arg` with what is known."""
    return f"{record.name}({', '.join(record.texts)}"


def _aligned(record: Record, text: str, result: str) -> str:
    """`text = result` with the equals sign in strace's column."""
    width = COLUMN - max(6, len(str(record.task.pid)) + 1)
    return f"{text:<{width}}= {result}" if len(text) < width else f"{text} = {result}"


def _who(task: Any) -> str:
    """ID and name of a task."""
    return f"{task.pid} {task.comm.decode('utf-8', 'replace')}"
