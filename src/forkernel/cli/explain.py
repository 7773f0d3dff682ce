"""The sink that `forkernel explain` attaches, by its options."""

from __future__ import annotations

from typing import Any

from forkernel.errors import UserError


def make_collector(values: dict[str, Any], program: list[str]) -> Any:
    """A collector for --output, --markdown, --lang, --only, --pid, --steps and --boot. UserError for a file that
    cannot be written.
    """
    import shlex

    from forkernel.arch.x86_64.syscall_table import SYSCALLS
    from forkernel.trace.explain.catalogue import Catalogue
    from forkernel.trace.explain.collect import Collector, Teller
    from forkernel.trace.explain.console import ConsoleTeller
    from forkernel.trace.explain.markdown import MarkdownTeller

    catalogue = Catalogue(values["lang"])
    tellers: list[Teller] = []
    if values["markdown"] is not None:
        tellers.append(MarkdownTeller(open_output("--markdown", values["markdown"]), catalogue, shlex.join(program)))
    if values["output"] is not None or not tellers:
        tellers.append(ConsoleTeller(open_output("--output", values["output"]), catalogue, steps=values["steps"]))
    return Collector(tellers, SYSCALLS, only=values["only"], pids=values["pid"], from_boot=values["boot"])


def open_output(option: str, path: str | None) -> Any:
    """The file, opened now so that a mistake is told before the run; standard error where none is named."""
    from forkernel.trace.output import Output

    out = Output(path)
    try:
        out.open()
    except OSError as error:
        raise UserError(f"{option} {path}: {error.strerror}") from None
    return out
