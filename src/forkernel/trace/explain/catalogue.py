"""The sentences' language: gettext over the `.po` files of `forkernel/locale`, read as they are.

A message is its English text; `N_` marks those that stand in tables. A `.po` file is compiled in memory when its
language is asked for, so there is nothing to build, and it cannot be older than its source.
"""

from __future__ import annotations

import ast
import gettext
import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LOCALE = Path(__file__).parents[2] / "locale"
LANGUAGES = ("en", "zh")
MO_MAGIC = 0x950412DE


def N_(message: str) -> str:
    """Mark a message for translation; it is translated where it is used."""
    return message


COUNTS: dict[str, tuple[str, str]] = {
    "areas": (N_("{n} area"), N_("{n} areas")),
    "old_areas": (N_("{n} area"), N_("{n} areas")),
    "pages": (N_("{n} page"), N_("{n} pages")),
    "old_pages": (N_("{n} page"), N_("{n} pages")),
    "tables": (N_("{n} page table"), N_("{n} page tables")),
    "fds": (N_("{n} descriptor"), N_("{n} descriptors")),
    "handlers": (N_("{n} signal handler"), N_("{n} signal handlers")),
    "threads": (N_("{n} thread"), N_("{n} threads")),
    "others": (N_("{n} other thread"), N_("{n} other threads")),
    "users": (N_("{n} task"), N_("{n} tasks")),
    "arguments": (N_("{n} argument"), N_("{n} arguments")),
    "variables": (N_("{n} environment variable"), N_("{n} environment variables")),
    "faults": (N_("{n} fault"), N_("{n} faults")),
    "children": (N_("{n} child"), N_("{n} children")),
    "bytes": (N_("{n} byte"), N_("{n} bytes")),
    "times": (N_("once"), N_("{n} times")),
}
"""Placeholders that are counts: written with their noun, in the right number."""


class Catalogue:
    """Messages in one language, with their placeholders filled in."""

    def __init__(self, language: str = "en") -> None:
        self.language = language
        self._translations: gettext.NullTranslations = load(language)

    def __getstate__(self) -> dict[str, Any]:
        return {"language": self.language}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["language"])  # type: ignore[misc]

    def say(self, message: str, **values: Any) -> str:
        """The message in the language; a value named as in COUNTS is written with its noun."""
        text = self._translations.gettext(message)
        return text.format(**{name: self._shown(name, value) for name, value in values.items()})

    def _shown(self, name: str, value: Any) -> str:
        if name in COUNTS and isinstance(value, int):
            return self.count(name, value)
        return self.series(value) if isinstance(value, (list, tuple)) else str(value)

    def count(self, name: str, number: int) -> str:
        """`3 pages`."""
        one, many = COUNTS[name]
        return self._translations.ngettext(one, many, number).format(n=number)

    def series(self, items: Any) -> str:
        """`a, b, c` as the language separates them."""
        return self.say(N_(", ")).join(str(item) for item in items)


def load(language: str) -> gettext.NullTranslations:
    """The translations of a language; for English the messages themselves."""
    if language == "en":
        return gettext.NullTranslations()
    path = LOCALE / language / "LC_MESSAGES" / "forkernel.po"
    return gettext.GNUTranslations(io.BytesIO(compile_po(path.read_text(encoding="utf-8"))))


def parse_po(text: str) -> Iterator[tuple[str, str, list[str]]]:
    """(msgid, msgid_plural or "", translations) of each entry of a `.po` file, the header (msgid "") included."""
    for block in text.replace("\r\n", "\n").split("\n\n"):
        fields: dict[str, str] = {}
        current = ""
        for line in block.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if line.startswith("msg"):
                current, _, line = line.partition(" ")
                fields[current] = ""
            fields[current] += ast.literal_eval(line)
        if "msgid" in fields:
            plurals = [value for name, value in sorted(fields.items()) if name.startswith("msgstr[")]
            yield fields["msgid"], fields.get("msgid_plural", ""), plurals or [fields["msgstr"]]


def compile_po(text: str) -> bytes:
    """What msgfmt makes of a `.po` file; messages without a translation are left out."""
    pairs = []
    for message, plural, translations in parse_po(text):
        if any(translations):
            original = message + "\0" + plural if plural else message
            pairs.append((original.encode(), "\0".join(translations).encode()))
    pairs.sort()
    start = 28 + 16 * len(pairs)
    originals, translated, data = b"", b"", b""
    for which in (0, 1):
        table = b""
        for pair in pairs:
            table += struct.pack("<II", len(pair[which]), start + len(data))
            data += pair[which] + b"\0"
        if which == 0:
            originals = table
        else:
            translated = table
    header = struct.pack("<7I", MO_MAGIC, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, start)
    return header + originals + translated + data
