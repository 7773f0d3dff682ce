"""The sink that `forkernel trace` attaches, by its options."""

from __future__ import annotations

from typing import Any

from forkernel.errors import UserError


def make_sink(values: dict[str, Any]) -> Any:
    """A sink for --format, --events, --faults, --times and --output. UserError if the file cannot be written."""
    from forkernel.arch.x86_64.syscall_table import SYSCALLS
    from forkernel.syscalls.all import REGISTRY
    from forkernel.trace.output import Output
    from forkernel.trace.sink import DEFAULT_GROUPS, CallTable

    groups: tuple[str, ...] = values["events"] or DEFAULT_GROUPS
    if values["faults"] and "faults" not in groups:
        groups = (*groups, "faults")
    out = Output(values["output"])
    try:
        out.open()
    except OSError as error:
        raise UserError(f"--output {values['output']}: {error.strerror}") from None
    calls = CallTable(SYSCALLS, {name: call.parameters for name, call in REGISTRY.calls.items()})
    if values["format"] == "jsonl":
        from forkernel.trace.jsonl import JsonSink

        return JsonSink(out, calls, groups)
    from forkernel.trace.strace import StraceSink

    return StraceSink(out, calls, groups, times=values["times"])
