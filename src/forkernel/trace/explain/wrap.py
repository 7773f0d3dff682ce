"""Lines of a width, for text in which Chinese and English stand together.

A line may end at a space, after |, and before or after a wide character; not before a closing mark, not after
an opening one.
"""

from __future__ import annotations

import re
from unicodedata import east_asian_width

WORDS = re.compile(r"[^ |]*(?:\| *| +)|[^ |]+")
NO_START = set("，。、；：）！？」』”’,.;:)!?")
NO_END = set("（「『“‘(")


def is_wide(char: str) -> bool:
    """Whether it takes two columns."""
    return east_asian_width(char) in "WF"


def width(text: str) -> int:
    """Columns of a text."""
    return len(text) if text.isascii() else sum(2 if is_wide(char) else 1 for char in text)


def pieces(text: str) -> list[str]:
    """What must not be torn apart: words with the space after them, single wide characters with their marks."""
    if text.isascii():
        return WORDS.findall(text)
    found: list[str] = []
    glue = False
    for char in text:
        wide = is_wide(char)
        last = found[-1] if found else ""
        alone = not last or last[-1] in " |" or wide or is_wide(last[-1])
        if last and (char == " " or char in NO_START or glue or not alone):
            found[-1] += char
        else:
            found.append(char)
        glue = char in NO_END
    return found


def wrap(text: str, columns: int) -> list[str]:
    """Lines of at most `columns`, unless a piece is longer by itself."""
    if width(text) <= columns:
        return [text]
    lines: list[str] = []
    line, used = "", 0
    for piece in pieces(text):
        size = width(piece)
        if line and used + size - (len(piece) - len(piece.rstrip())) > columns:
            lines.append(line.rstrip())
            line, used = "", 0
        line += piece
        used += size
    if line.strip() or not lines:
        lines.append(line.rstrip())
    return lines
