"""Stories as text for a reader at a terminal, or for a file: coloured by rich where there are colours."""

from __future__ import annotations

import os
from typing import Any

from forkernel.trace.explain.catalogue import Catalogue
from forkernel.trace.explain.sentences import Narrator, Part
from forkernel.trace.explain.steps import PLACES, step_text, steps_of
from forkernel.trace.explain.stories import Story
from forkernel.trace.explain.wrap import width, wrap
from forkernel.trace.output import Output
from forkernel.trace.sink import Writer
from forkernel.trace.tree import Node, ProcessTree, ending

COLUMNS = 96
"""Width where there is no terminal."""
WIDEST, NARROWEST = 100, 50
INDENT = "  "
STYLES = {
    "fork": "bold green", "vfork": "bold green", "clone": "bold green", "thread": "bold green", "kthread": "bold green",
    "exec": "bold blue", "exit": "bold red", "wait": "bold magenta", "cow": "bold yellow",
}  # fmt: skip


class ConsoleTeller:
    """Writes each story as it comes, and the tree at the end. `steps`: every step, not only the sentences."""

    def __init__(self, out: Writer, catalogue: Catalogue, *, steps: bool = False) -> None:
        self.out = out
        self.catalogue = catalogue
        self.narrator = Narrator(catalogue)
        self.steps = steps
        self._console: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {"out": self.out, "catalogue": self.catalogue, "narrator": self.narrator, "steps": self.steps}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._console = None

    @property
    def console(self) -> Any:
        """The rich console, made when it is first wanted."""
        if self._console is None:
            self._console = make_console(self.out)
        return self._console

    # --- stories

    def tell(self, story: Story) -> None:
        """One story: a line above, sentences below."""
        from rich.text import Text

        kind, title = self.narrator.kind(story), self.narrator.title(story)
        line = self.catalogue.say("{kind}: {title}", kind=kind, title=title)
        head = Text.assemble((seconds(story.began), "dim"), "  ", (line, "bold"))
        at = len(seconds(story.began)) + 2
        head.stylize(STYLES[story.kind], at, at + len(kind))
        if story.ended - story.began >= 1000:
            head.append("  " + self.catalogue.say("until {time}", time=seconds(story.ended)), "dim")
        self.write(head)
        for block in self.narrator.tell(story):
            if isinstance(block, str):
                self.paragraph(block)
            else:
                self.parts(block)
        if self.steps:
            self.list_steps(story)
        self.write(Text())

    def paragraph(self, text: str) -> None:
        """A sentence or two, in lines that fit."""
        from rich.text import Text

        for line in wrap(text, self.console.width - len(INDENT)):
            self.write(Text(INDENT + line))

    def parts(self, rows: list[Part]) -> None:
        """copy_process's parts as a table."""
        titles = Part(self.catalogue.say("part"), self.catalogue.say("how"), self.catalogue.say("what"))
        self.table([titles, *rows], ("cyan", "yellow", ""), header=True)

    def list_steps(self, story: Story) -> None:
        """Every step with its time and the function that did it."""
        rows = []
        for step in steps_of(story):
            place = PLACES[step.name]
            rows.append((place.function, step_text(self.catalogue, step)))
        self.table(rows, ("blue", ""))

    def table(self, rows: list[Any], styles: tuple[str, ...], *, header: bool = False) -> None:
        """Columns, the last one wrapped to what is left of the line."""
        from rich.table import Table
        from rich.text import Text

        if not rows:
            return
        fixed = sum(max(width(row[column]) for row in rows) + 2 for column in range(len(styles) - 1))
        left = max(self.console.width - fixed - 2 * len(INDENT), 20)
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
        for style in styles:
            table.add_column(style=style, no_wrap=True, overflow="ignore")
        for number, row in enumerate(rows):
            last = "\n".join(wrap(row[-1], left))
            dim = "dim" if header and number == 0 else None
            table.add_row(*(Text(text) for text in row[:-1]), Text(last), style=dim)
        self.write(table, indent=2 * len(INDENT))

    # --- the end

    def close(self, tree: ProcessTree) -> None:
        """The process tree."""
        lines = tree_lines(tree, self.catalogue)
        if lines:
            from rich.text import Text

            self.write(Text(self.catalogue.say("process tree:"), "bold"))
            widest = min(max(width(head + what) for head, _, what, _, _ in lines), 64)
            for branch, pid, what, end, style in ((head, *rest) for head, *rest in lines):
                space = " " * max(widest - width(branch + what), 0)
                self.write(Text.assemble(branch, (pid, ""), (what, "bold"), space, "  ", (end, style)))
        self.out.close()

    def write(self, thing: Any, indent: int = 0) -> None:
        """Print without rich's own wrapping; trailing spaces are dropped."""
        if indent:
            from rich.padding import Padding

            thing = Padding(thing, (0, 0, 0, indent), expand=False)
        self.console.print(thing, no_wrap=True, overflow="ignore", crop=False, highlight=False)


class Trimmed:
    """A file for rich: whole lines to a writer, without spaces at their ends."""

    def __init__(self, out: Writer) -> None:
        self.out = out

    def write(self, text: str) -> int:
        """Pass on."""
        self.out.write("".join(line.rstrip(" \n") + ("\n" if line.endswith("\n") else "") for line in
                               text.splitlines(keepends=True)))  # fmt: skip
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


def make_console(out: Writer) -> Any:
    """A rich console on a writer: with colours only at a terminal, and not with NO_COLOR."""
    from rich.console import Console

    terminal, columns = False, COLUMNS
    if isinstance(out, Output) and out.path is None and os.isatty(out.fd):
        terminal, columns = True, min(max(os.get_terminal_size(out.fd).columns, NARROWEST), WIDEST)
    return Console(
        file=Trimmed(out),  # type: ignore[arg-type]
        force_terminal=terminal,
        color_system="auto" if terminal else None,
        no_color=bool(os.environ.get("NO_COLOR")) or None,
        width=columns,
        markup=False,
        emoji=False,
        highlight=False,
        legacy_windows=False,
    )


def seconds(nanoseconds: int) -> str:
    """Virtual time since the boot."""
    return f"{nanoseconds // 10**9}.{nanoseconds % 10**9:09d}"


def tree_lines(tree: ProcessTree, catalogue: Catalogue) -> list[tuple[str, str, str, str, str]]:
    """(branch, PID, what it ran, how it ended, style) of each line of the tree."""
    found: list[tuple[str, str, str, str, str]] = []
    for root in tree.roots:
        draw(root, "", "", catalogue, found)
    return found


def draw(node: Node, head: str, below: str, catalogue: Catalogue, found: list[tuple[str, str, str, str, str]]) -> None:
    """One node and those below it."""
    what = f"{{{node.what}}}" if node.thread else node.what
    end, style = ending_in(node, catalogue)
    found.append((head, f"{node.pid} ", what, end, style))
    last = len(node.children) - 1
    for at, child in enumerate(node.children):
        branch, indent = ("└─ ", "   ") if at == last else ("├─ ", "│  ")
        draw(child, below + branch, below + indent, catalogue, found)


def ending_in(node: Node, catalogue: Catalogue) -> tuple[str, str]:
    """How a task ended, and the colour of that."""
    if not node.end:
        return catalogue.say("still alive"), "yellow"
    code = node.code
    if code & 0x7F:
        signal = ending(code).removeprefix("killed by ")
        return catalogue.say("killed by {signal}", signal=signal), "red"
    status = code >> 8 & 0xFF
    return catalogue.say("ended with status {status}", status=status), "red" if status else "green"
