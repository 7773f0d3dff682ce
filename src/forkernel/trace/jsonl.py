"""A trace as JSON, one object a line, for programs to read.

Every object has `event` (a name of `EVENTS` below), `time` (virtual nanoseconds since boot), `pid` (the process),
`tid` (the thread) and `comm`; on a machine of several CPUs also `cpu`, that of the thread. A call is one object,
written when it ends:

    {"event": "syscall", "time": 5210, "pid": 4, "tid": 4, "comm": "sh", "name": "close", "args": ["3"],
     "raw": [3], "result": 0, "errno": null, "started": 5180}

`errno` is the name of the error; `result` is null for a call that never ended.
"""

from __future__ import annotations

import json
from typing import Any

from forkernel.abi.errno import NAMES
from forkernel.trace import structs
from forkernel.trace.kinds import Record
from forkernel.trace.sink import Sink
from forkernel.trace.steps import Fields
from forkernel.trace.tree import arguments_of


class JsonSink(Sink):
    """Writes the JSON form."""

    def call_ends(self, record: Record) -> None:
        """One whole call."""
        error = NAMES.get(-record.result) if record.failed else None
        self._call(record, -1 if record.failed else record.result, error)

    def call_never_ends(self, record: Record) -> None:
        """A call without a result."""
        self._call(record, None, None)

    def _call(self, record: Record, result: int | None, error: str | None) -> None:
        count = sum(1 for _ in self.calls.arguments(record.name))
        self._object(
            "syscall", record.task, name=record.name, args=record.texts, raw=list(record.args[:count]),
            result=result, errno=error, started=record.started,
        )  # fmt: skip

    def signal_deliver(self, task: Any, sig: int, info: Any, action: Any = None) -> None:
        """A signal is acted upon."""
        text = structs.siginfo(info.pack())
        self._object("signal", task, signal=structs.signal_name(sig), number=sig, info=text)

    def signal_stop(self, task: Any, sig: int) -> None:
        """A group stop begins."""
        self._object("stop", task, signal=structs.signal_name(sig), number=sig)

    def signal_generate(self, sig: int, info: Any, task: Any, group: bool, result: int) -> None:
        """A signal is sent."""
        outcome = ("delivered", "ignored", "already pending")[result]
        self._object("send", task, signal=structs.signal_name(sig), number=sig, group=group, outcome=outcome)

    def forked(self, parent: Any, child: Any) -> None:
        """A task has a child."""
        self._object("fork", parent, child=child.pid, child_pid=child.tgid)

    def execed(self, task: Any, filename: bytes, old_pid: int) -> None:
        """A new program runs."""
        given = [word.decode("utf-8", "backslashreplace") for word in arguments_of(task)]
        self._object("exec", task, filename=filename.decode("utf-8", "backslashreplace"), argv=given, old_tid=old_pid)

    def call_abandoned(self, record: Record) -> None:
        """A call that its task does not live to see the end of."""
        self._call(record, None, None)

    def exited(self, task: Any) -> None:
        """A task is gone."""
        code = task.exit_code
        signal = structs.signal_name(code & 0x7F) if code & 0x7F else None
        self._object("exit", task, status=None if signal else code >> 8 & 0xFF, signal=signal, core=bool(code & 0x80))

    def sched_process_wait(self, task: Any, pid: int) -> None:
        """A wait call looks around."""
        self._object("wait", task, target=pid)

    def sched_process_free(self, task: Any) -> None:
        """A zombie is reaped."""
        self._object("free", task)

    def mark_victim(self, task: Any) -> None:
        """The OOM killer chose."""
        self._object("oom", task)

    def sched_switch(self, prev: Any, next_: Any) -> None:
        """The CPU changes hands."""
        self._object("switch", prev, state=prev.state, next=next_.pid, next_comm=_text(next_.comm))

    def sched_wakeup(self, task: Any) -> None:
        """A sleeper is runnable again."""
        self._object("wakeup", task, new=False)

    def sched_wakeup_new(self, task: Any) -> None:
        """A new task is runnable."""
        self._object("wakeup", task, new=True)

    def page_fault(self, task: Any, address: int, error_code: int, rip: int) -> None:
        """A page fault of user mode."""
        self._object("fault", task, address=address, error_code=error_code, rip=rip)

    def step(self, name: str, task: Any, fields: Fields) -> None:
        """A step of fork, exec, exit, wait or copy-on-write."""
        self._object("step", task, step=name, data=fields)

    def _object(self, event: str, task: Any, **fields: Any) -> None:
        now = task.system.clock.stamp()
        head = {"event": event, "time": now, "pid": task.tgid, "tid": task.pid, "comm": _text(task.comm)}
        if task.system.smp is not None:
            head["cpu"] = task.se.cpu
        self.out.write(json.dumps({**head, **fields}, separators=(", ", ": ")) + "\n")

    def close(self) -> None:
        """The last object: `{"event": "tree", "tasks": [...]}`, each with its `children`."""
        self.out.write(json.dumps({"event": "tree", "tasks": self.tree.objects()}) + "\n")
        super().close()


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


EVENTS = (
    "syscall", "signal", "stop", "send", "fork", "exec", "exit", "wait", "free", "oom", "switch", "wakeup", "fault",
    "step", "tree",
)  # fmt: skip
"""The values of `event`."""
