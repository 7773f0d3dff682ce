"""Stories as a page of Markdown for a course: a heading for each, and its steps with Linux's function and our file."""

from __future__ import annotations

from collections.abc import Sequence

from forkernel.trace.explain.catalogue import Catalogue
from forkernel.trace.explain.console import seconds, tree_lines
from forkernel.trace.explain.sentences import Narrator, Part
from forkernel.trace.explain.steps import PLACES, step_text, steps_of
from forkernel.trace.explain.stories import Story
from forkernel.trace.explain.wrap import width
from forkernel.trace.sink import Writer
from forkernel.trace.tree import ProcessTree


class MarkdownTeller:
    """Writes the page as the stories come."""

    def __init__(self, out: Writer, catalogue: Catalogue, program: str) -> None:
        self.out = out
        self.catalogue = catalogue
        self.narrator = Narrator(catalogue)
        self.program = program
        self.count = 0

    def tell(self, story: Story) -> None:
        """A heading, sentences, tables."""
        self.begin()
        self.count += 1
        say = self.catalogue.say
        title = say("{kind}: {title}", kind=self.narrator.kind(story), title=self.narrator.title(story))
        lines = [f"## {self.count}. {escape(title)}", ""]
        times = say("Virtual time {began} s to {ended} s.", began=seconds(story.began), ended=seconds(story.ended))
        lines += [times, ""]
        for block in self.narrator.tell(story):
            lines += [escape(block), ""] if isinstance(block, str) else [*self.parts(block), ""]
        lines += self.steps(story)
        self.out.write("\n".join(lines) + "\n")

    def begin(self) -> None:
        """The page's own heading, once."""
        if not self.count:
            title = self.catalogue.say("What happens in: {program}", program=self.program)
            self.out.write(f"# {escape(title)}\n\n")

    def parts(self, rows: list[Part]) -> list[str]:
        """copy_process's table."""
        say = self.catalogue.say
        return table([(say("part"), say("how"), say("what")), *rows])

    def steps(self, story: Story) -> list[str]:
        """Every step."""
        say, steps = self.catalogue.say, steps_of(story)
        if not steps:
            return []
        rows = [(say("step"), say("in Linux"), say("in Forkernel"))]
        for step in steps:
            place = PLACES[step.name]
            here = f"`{place.here}`" + (f": `{place.ours}`" if place.ours else "")
            rows.append((step_text(self.catalogue, step), f"`{place.function}`, {place.linux}", here))
        return [*table(rows, code=True), ""]

    def close(self, tree: ProcessTree) -> None:
        """The tree as a block of code."""
        self.begin()
        lines = tree_lines(tree, self.catalogue)
        if lines:
            widest = min(max(width(branch + pid + what) for branch, pid, what, _, _ in lines), 64)
            shown = [
                f"{branch}{pid}{what}{' ' * max(widest - width(branch + pid + what), 0)}  {end}"
                for branch, pid, what, end, _ in lines
            ]
            heading = self.catalogue.say("The process tree")
            self.out.write("\n".join([f"## {heading}", "", "```text", *shown, "```"]) + "\n")
        self.out.close()


def escape(text: str) -> str:
    """Characters that Markdown would take for its own."""
    for char in "\\`*_[]<>|":
        text = text.replace(char, "\\" + char)
    return text


def table(rows: Sequence[tuple[str, ...]], *, code: bool = False) -> list[str]:
    """Lines of a Markdown table; with `code` only the first column is escaped, the others have their own marks."""
    lines = []
    for number, row in enumerate(rows):
        cells = [escape(cell) if not code or column == 0 else cell for column, cell in enumerate(row)]
        lines.append("| " + " | ".join(cells) + " |")
        if number == 0:
            lines.append("|" + "---|" * len(row))
    return lines
