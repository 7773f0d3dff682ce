"""Stories as text for a reader at a terminal, or for a file: coloured by rich where there are colours."""

from __future__ import annotations

import os
from typing import Any, NamedTuple, Protocol

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
WIDEST_TREE = 64
LONGEST = 72
"""Command lines in the tree are cut there."""
INDENT = "  "
STYLES = {
    "fork": "bold green", "vfork": "bold green", "clone": "bold green", "thread": "bold green", "kthread": "bold green",
    "exec": "bold blue", "exit": "bold red", "wait": "bold magenta", "cow": "bold yellow",
}  # fmt: skip


Line = list[tuple[str, str]]
"""Pieces of text with their styles (`""`: none)."""


class Grid(NamedTuple):
    """Rows in columns; the last column is wrapped to what is left of the line."""

    rows: list[tuple[str, ...]]
    styles: tuple[str, ...]
    """By column."""
    header: bool = False
    """The first row names the columns."""


class Screen(Protocol):
    """Where lines and tables are shown."""

    columns: int

    def show(self, items: list[Line | Grid]) -> None:
        """All of a story at once."""


class ConsoleTeller:
    """Writes each story as it comes, and the tree at the end. `steps`: every step, not only the sentences."""

    def __init__(self, out: Writer, catalogue: Catalogue, *, steps: bool = False) -> None:
        self.out = out
        self.catalogue = catalogue
        self.narrator = Narrator(catalogue)
        self.steps = steps
        self._screen: Screen | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {"out": self.out, "catalogue": self.catalogue, "narrator": self.narrator, "steps": self.steps}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._screen = None

    @property
    def screen(self) -> Screen:
        """Made when it is first wanted: rich at a terminal, plain text elsewhere."""
        if self._screen is None:
            out = self.out
            terminal = isinstance(out, Output) and out.path is None and os.isatty(out.fd)
            self._screen = RichScreen(out, terminal_columns(out)) if terminal else PlainScreen(out, COLUMNS)
        return self._screen

    # --- stories

    def tell(self, story: Story) -> None:
        """One story: a line above, sentences below."""
        items: list[Line | Grid] = [self.head(story)]
        for block in self.narrator.tell(story):
            if isinstance(block, str):
                items += [[(INDENT + line, "")] for line in wrap(block, self.screen.columns - len(INDENT))]
            else:
                items.append(self.parts(block))
        if self.steps and (steps := steps_of(story)):
            items.append(Grid([(PLACES[step.name].function, step_text(self.catalogue, step)) for step in steps],
                              ("blue", "")))  # fmt: skip
        self.screen.show([*items, []])

    def head(self, story: Story) -> Line:
        """When, what and who."""
        kind, title = self.narrator.kind(story), self.narrator.title(story)
        rest = self.catalogue.say("{kind}: {title}", kind=kind, title=title).removeprefix(kind)
        line = [(seconds(story.began), "dim"), ("  ", ""), (kind, STYLES[story.kind]), (rest, "bold")]
        if story.ended - story.began >= 1000:
            line.append(("  " + self.catalogue.say("until {time}", time=seconds(story.ended)), "dim"))
        return line

    def parts(self, rows: list[Part]) -> Grid:
        """copy_process's parts as a table."""
        titles = Part(self.catalogue.say("part"), self.catalogue.say("how"), self.catalogue.say("what"))
        return Grid([titles, *rows], ("cyan", "yellow", ""), header=True)

    # --- the end

    def close(self, tree: ProcessTree) -> None:
        """The process tree."""
        lines = tree_lines(tree, self.catalogue)
        if lines:
            items: list[Line | Grid] = [[(self.catalogue.say("process tree:"), "bold")]]
            widest = min(max(width(branch + pid + what) for branch, pid, what, _, _ in lines), WIDEST_TREE)
            for branch, pid, what, end, style in lines:
                space = " " * max(widest - width(branch + pid + what), 0)
                items.append([(branch + pid, ""), (what, "bold"), (space + "  ", ""), (end, style)])
            self.screen.show(items)
        self.out.close()


def first_columns(grid: Grid) -> int:
    """Width of all columns but the last, with the space after each."""
    return sum(max(width(row[column]) for row in grid.rows) + 2 for column in range(len(grid.styles) - 1))


def last_column(grid: Grid, columns: int) -> list[list[str]]:
    """The last column of each row, in lines that fit."""
    left = max(columns - first_columns(grid) - 2 * len(INDENT), NARROWEST // 2)
    return [wrap(row[-1], left) for row in grid.rows]


class PlainScreen:
    """Text without colours. Shows what RichScreen shows."""

    def __init__(self, out: Writer, columns: int) -> None:
        self.out = out
        self.columns = columns

    def show(self, items: list[Line | Grid]) -> None:
        """Lines to the writer, without spaces at their ends."""
        lines: list[str] = []
        for item in items:
            if isinstance(item, Grid):
                lines += self.grid(item)
            else:
                lines.append("".join(text for text, _ in item))
        self.out.write("".join(line.rstrip() + "\n" for line in lines))

    def grid(self, grid: Grid) -> list[str]:
        """A table's lines."""
        widths = [max(width(row[column]) for row in grid.rows) for column in range(len(grid.styles) - 1)]
        indent = " " * (2 * len(INDENT))
        lines = []
        for row, texts in zip(grid.rows, last_column(grid, self.columns), strict=True):
            cells = [text + " " * (size - width(text) + 2) for text, size in zip(row, widths, strict=False)]
            lines.append(indent + "".join(cells) + texts[0])
            lines += [indent + " " * first_columns(grid) + text for text in texts[1:]]
        return lines


class RichScreen:
    """A terminal, with colours unless NO_COLOR forbids them."""

    def __init__(self, out: Writer, columns: int) -> None:
        from rich.console import Console

        self.columns = columns
        self.console = Console(
            file=Trimmed(out),  # type: ignore[arg-type]
            force_terminal=True,
            width=columns,
            markup=False,
            emoji=False,
            highlight=False,
            legacy_windows=False,
        )

    def show(self, items: list[Line | Grid]) -> None:
        """Everything in one go."""
        from rich.console import Group
        from rich.text import Text

        shown = [self.grid(item) if isinstance(item, Grid) else Text.assemble(*item) for item in items]
        self.console.print(Group(*shown), no_wrap=True, overflow="ignore", crop=False, highlight=False)

    def grid(self, grid: Grid) -> Any:
        """A table of rich."""
        from rich.padding import Padding
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
        for style in grid.styles:
            table.add_column(style=style, no_wrap=True, overflow="ignore")
        for number, (row, texts) in enumerate(zip(grid.rows, last_column(grid, self.columns), strict=True)):
            dim = "dim" if grid.header and number == 0 else None
            table.add_row(*(Text(text) for text in row[:-1]), Text("\n".join(texts)), style=dim)
        return Padding(table, (0, 0, 0, 2 * len(INDENT)), expand=False)


class Trimmed:
    """A file for rich: whole lines to a writer, without spaces at their ends."""

    def __init__(self, out: Writer) -> None:
        self.out = out

    def write(self, text: str) -> int:
        """Pass on."""
        lines = text.splitlines(keepends=True)
        self.out.write("".join(line.rstrip(" \n") + "\n" * line.endswith("\n") for line in lines))
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


def terminal_columns(out: Writer) -> int:
    """The terminal's width, within reason."""
    assert isinstance(out, Output)
    return min(max(os.get_terminal_size(out.fd).columns, NARROWEST), WIDEST)


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
    found.append((head, f"{node.pid} ", what if len(what) <= LONGEST else what[: LONGEST - 3] + "...", end, style))
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
