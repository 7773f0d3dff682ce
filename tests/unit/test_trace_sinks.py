# ruff: noqa: E501  # the lines of strace are shown whole
"""How lines of several tasks go together, in text and as JSON; what is off costs nothing; sinks can be pickled."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

from trace_fakes import FakeTask

from forkernel.abi.signal import SigInfo
from forkernel.arch.x86_64.syscall_table import NUMBERS, SYSCALLS
from forkernel.trace.jsonl import JsonSink
from forkernel.trace.output import Memory, Output
from forkernel.trace.sink import GROUPS, CallTable
from forkernel.trace.strace import StraceSink
from forkernel.trace.tracepoints import EVENTS, STEPS, Trace

TABLE = CallTable(SYSCALLS, {})


def enter(trace: Trace, task: FakeTask, name: str, *arguments: int) -> None:
    task.syscall_nr = NUMBERS[name]
    task.syscall_args = (*arguments, *(0,) * (6 - len(arguments)))
    assert trace.sys_enter is not None
    trace.sys_enter(task)


def leave(trace: Trace, task: FakeTask, result: int) -> None:
    assert trace.sys_exit is not None
    trace.sys_exit(task, result)


def text_trace(groups: tuple[str, ...] = ("calls", "signals", "exits")) -> tuple[Trace, Memory]:
    out, trace = Memory(), Trace()
    trace.attach(StraceSink(out, TABLE, groups))
    return trace, out


def test_events_are_none_until_somebody_listens() -> None:
    trace = Trace()
    assert all(getattr(trace, name) is None for name in EVENTS)
    sink = StraceSink(Memory(), TABLE, ("signals",))
    trace.attach(sink)
    assert trace.signal_deliver is not None
    assert trace.sys_enter is None
    assert trace.sched_switch is None
    trace.detach(sink)
    assert all(getattr(trace, name) is None for name in EVENTS)


def test_every_event_of_every_group_exists() -> None:
    assert {event for events in GROUPS.values() for event in events} <= {*EVENTS, *STEPS}
    for kind in (StraceSink, JsonSink):
        for events in GROUPS.values():
            assert all(hasattr(kind, event) or event in STEPS for event in events)


def test_a_call_that_is_interrupted_by_another_line_is_resumed() -> None:
    trace, out = text_trace()
    parent, child = FakeTask(4), FakeTask(5)
    enter(trace, parent, "wait4", 5, 0, 0, 0)
    enter(trace, child, "getppid")
    leave(trace, child, 4)
    enter(trace, child, "exit", 3)
    child.exit_code = 3 << 8
    assert trace.sched_process_exit is not None
    trace.sched_process_exit(child)
    leave(trace, parent, 5)
    assert out.text() == (
        "4     wait4(5,  <unfinished ...>\n"
        "5     getppid()                         = 4\n"
        "5     exit(3)                           = ?\n"
        "5     +++ exited with 3 +++\n"
        "4     <... wait4 resumed>NULL, 0, NULL) = 5\n"
    )


def test_a_call_whose_arguments_were_all_shown_resumes_with_its_bracket() -> None:
    trace, out = text_trace()
    one, other = FakeTask(4), FakeTask(5)
    enter(trace, one, "set_robust_list", 0x1000, 24)
    enter(trace, other, "getpid")
    leave(trace, other, 5)
    leave(trace, one, 0)
    assert out.text() == (
        "4     set_robust_list(0x1000, 24 <unfinished ...>\n"
        "5     getpid()                          = 5\n"
        "4     <... set_robust_list resumed>)    = 0\n"
    )


def test_a_task_killed_in_a_call_leaves_a_question_mark() -> None:
    trace, out = text_trace()
    task = FakeTask(4)
    enter(trace, task, "kill", 4, 9)
    task.exit_code = 9
    assert trace.sched_process_exit is not None
    trace.sched_process_exit(task)
    assert out.text() == "4     kill(4, SIGKILL)                  = ?\n4     +++ killed by SIGKILL +++\n"


def test_signals_are_written_with_their_siginfo() -> None:
    trace, out = text_trace()
    task = FakeTask(4)
    assert trace.signal_deliver is not None
    assert trace.signal_stop is not None
    trace.signal_deliver(task, 17, SigInfo(17, 1, pid=5, uid=0, status=3), None)
    trace.signal_deliver(task, 11, SigInfo(11, 1, addr=0x18), None)
    trace.signal_deliver(task, 19, SigInfo(19, 0, pid=4, uid=0), None)
    trace.signal_stop(task, 19)
    trace.signal_deliver(task, 10, SigInfo(10, -1, pid=4, uid=0, value=77), None)
    assert out.text() == (
        "4     --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=5, si_uid=0, si_status=3, si_utime=0, si_stime=0} ---\n"
        "4     --- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0x18} ---\n"
        "4     --- SIGSTOP {si_signo=SIGSTOP, si_code=SI_USER, si_pid=4, si_uid=0} ---\n"
        "4     --- stopped by SIGSTOP ---\n"
        "4     --- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_QUEUE, si_pid=4, si_uid=0, si_int=77, si_ptr=0x4d} ---\n"
    )


def test_json_has_one_object_a_line() -> None:
    out, trace = Memory(), Trace()
    trace.attach(JsonSink(out, TABLE, ("calls", "forks", "switches", "exits")))
    task, child = FakeTask(4), FakeTask(5, b"true")
    enter(trace, task, "close", 7)
    leave(trace, task, -9)
    assert trace.sched_process_fork is not None
    assert trace.sched_switch is not None
    assert trace.sched_process_exit is not None
    trace.sched_process_fork(task, child)
    trace.sched_switch(task, child)
    child.exit_code = 11 | 0x80
    trace.sched_process_exit(child)
    objects = [json.loads(line) for line in out.text().splitlines()]
    assert [entry["event"] for entry in objects] == ["syscall", "fork", "switch", "exit"]
    assert objects[0]["name"] == "close"
    assert objects[0]["args"] == ["7"]
    assert objects[0]["raw"] == [7]
    assert objects[0]["result"] == -1
    assert objects[0]["errno"] == "EBADF"
    assert objects[1]["child"] == 5
    assert objects[2]["next_comm"] == "true"
    assert objects[3]["signal"] == "SIGSEGV"
    assert objects[3]["core"] is True


def test_the_tree_at_the_end_tells_who_made_whom_and_how_it_ended() -> None:
    trace, out = text_trace(("exits",))
    init, shell, child, grandchild = FakeTask(1, b"init"), FakeTask(3), FakeTask(4), FakeTask(5)
    thread = FakeTask(6, b"worker")
    thread.tgid = 4
    assert trace.sched_process_fork is not None
    assert trace.sched_process_exec is not None
    assert trace.sched_process_exit is not None
    trace.sched_process_fork(init, shell)
    arguments = b"sh\0-c\0true | cat\0"
    shell.mm.arg_start = shell.mm.put(arguments)
    shell.mm.arg_end = shell.mm.arg_start + len(arguments)
    trace.sched_process_exec(shell, b"/bin/sh", 3)
    trace.sched_process_fork(shell, child)
    trace.sched_process_fork(child, grandchild)
    trace.sched_process_fork(child, thread)
    grandchild.exit_code, child.exit_code = 3 << 8, 9
    for task in (grandchild, thread, child):
        trace.sched_process_exit(task)
    trace.close()
    assert out.text().split("process tree:\n")[1] == (
        "3 sh -c 'true | cat'        still alive\n"
        "└─ 4 sh -c 'true | cat'     killed by SIGKILL\n"
        "   ├─ 5 sh -c 'true | cat'  exited with 3\n"
        "   └─ 6 {worker}            exited with 0\n"
    )


def test_a_trace_is_picklable_in_the_middle_of_a_line(tmp_path: Path) -> None:
    trace = Trace()
    target = tmp_path / "trace"
    trace.attach(StraceSink(Output(str(target)), TABLE, ("calls",)))
    task = FakeTask(4)
    enter(trace, task, "getpid")
    leave(trace, task, 4)
    enter(trace, task, "getppid")
    copy, twin = pickle.loads(pickle.dumps((trace, task)))
    trace.sinks[0].out.close()
    leave(copy, twin, 1)
    copy.close()
    assert target.read_text().splitlines() == [
        "4     getpid()                          = 4",
        "4     getppid()                         = 1",
    ]
