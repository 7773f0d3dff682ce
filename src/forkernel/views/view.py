"""A table of plain values, and how it is shown: text, rich, HTML, JSON."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

Value = str | int | float | bool | None


class View:
    """One table. `columns` are names; one that begins with `>` is set flush right. `notes` are lines below it."""

    def __init__(
        self, title: str, columns: tuple[str, ...], rows: list[list[Value]], notes: tuple[str, ...] = ()
    ) -> None:
        self.title = title
        self.columns = tuple(column.lstrip(">") for column in columns)
        self.right = tuple(column.startswith(">") for column in columns)
        self.rows = rows
        self.notes = notes

    def to_data(self) -> dict[str, Any]:
        """As JSON has it: a list of objects, one a row."""
        rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        return {"title": self.title, "rows": rows, **({"notes": list(self.notes)} if self.notes else {})}

    def cells(self) -> list[list[str]]:
        """The rows as text."""
        return [[show(value) for value in row] for row in self.rows]

    def text(self, *, title: bool = True) -> str:
        """Columns set in plain text."""
        cells = self.cells()
        widths = [max([len(name), *(len(row[at]) for row in cells)]) for at, name in enumerate(self.columns)]
        lines = [self.title] if title and self.title else []
        for row in [list(self.columns), *cells]:
            fields = [cell.rjust(width) if right else cell.ljust(width)
                      for cell, width, right in zip(row, widths, self.right, strict=True)]  # fmt: skip
            lines.append("  ".join(fields).rstrip())
        return "\n".join([*lines, *self.notes])

    __str__ = text

    def __repr__(self) -> str:
        return self.text()

    def __rich__(self) -> Group:
        """For rich's console."""
        from rich.console import Group
        from rich.text import Text

        return Group(self._table(), *[Text(note, style="dim") for note in self.notes])

    def _table(self) -> Table:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(title=self.title or None, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
        for name, right in zip(self.columns, self.right, strict=True):
            table.add_column(name, justify="right" if right else "left", overflow="fold")
        for row in self.cells():
            table.add_row(*[Text(cell) for cell in row])
        return table

    def _repr_html_(self) -> str:
        """For a notebook."""
        head = "".join(f"<th>{escape(name)}</th>" for name in self.columns)
        sides = ["right" if right else "left" for right in self.right]
        rows = [
            "".join(f'<td style="text-align:{side};white-space:pre">{escape(cell)}</td>'
                    for cell, side in zip(row, sides, strict=True))
            for row in self.cells()
        ]  # fmt: skip
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        caption = f"<caption>{escape(self.title)}</caption>" if self.title else ""
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"


class Report:
    """Several views in a row."""

    def __init__(self, *views: View | Report) -> None:
        self.views = views

    def to_data(self) -> list[Any]:
        """A list of what the views have."""
        return [view.to_data() for view in self.views]

    def __str__(self) -> str:
        return "\n\n".join(str(view) for view in self.views)

    __repr__ = __str__

    def __rich__(self) -> Group:
        """For rich's console."""
        from rich.console import Group

        return Group(*[view.__rich__() for view in self.views])

    def _repr_html_(self) -> str:
        """For a notebook."""
        return "".join(view._repr_html_() for view in self.views)


def show(value: Value) -> str:
    """A value in a cell. Control characters of a guest's names are made visible."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return text if text.isprintable() else text.encode("unicode_escape").decode()


def text_of(data: bytes) -> str:
    """A name of the guest's."""
    return data.decode("utf-8", "backslashreplace")
