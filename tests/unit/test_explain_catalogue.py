"""The catalogue of `forkernel explain`: every message translated, placeholders alike, and what gettext makes of it."""

from __future__ import annotations

import re
from string import Formatter

import pytest

from explain_messages import messages
from forkernel.trace.explain.catalogue import COUNTS, LANGUAGES, LOCALE, Catalogue, compile_po, load, parse_po
from forkernel.trace.explain.sentences import ERRORS, KIND_NAMES, duration
from forkernel.trace.explain.steps import PLACES, TEXTS
from forkernel.trace.explain.stories import KINDS
from forkernel.trace.explain.wrap import width, wrap
from forkernel.trace.text import MESSAGES
from forkernel.trace.tracepoints import STEPS
from harness import ROOT

PO = (LOCALE / "zh" / "LC_MESSAGES" / "forkernel.po").read_text()
ENTRIES = {message: (plural, texts) for message, plural, texts in parse_po(PO) if message}
FOUND, DYNAMIC = messages()
SINGULARS = {one for one, _ in COUNTS.values()}
PLURALS = {many for _, many in COUNTS.values()}


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_there_are_as_many_languages_as_catalogues() -> None:
    assert sorted(LANGUAGES) == sorted(["en", *(path.name for path in LOCALE.iterdir() if path.is_dir())])


def test_every_message_of_the_source_is_in_the_catalogue() -> None:
    assert len(FOUND) > 200
    missing = [text for text in FOUND if text not in ENTRIES and text not in PLURALS]
    assert not missing, missing


def test_the_catalogue_has_no_message_that_the_source_has_not() -> None:
    assert not [text for text in ENTRIES if text not in FOUND]


def test_messages_are_literals_but_where_a_table_is_looked_up() -> None:
    assert sorted(DYNAMIC) == [
        "catalogue.say(message, **values)",
        "self.say(KIND_NAMES[story.kind])",
        "self.say(message)",
    ]


def test_errors_are_those_of_the_c_library() -> None:
    assert set(ERRORS) <= set(MESSAGES.values())


def test_counts_have_plural_entries() -> None:
    for one, many in COUNTS.values():
        assert ENTRIES[one][0] == many


@pytest.mark.parametrize("message", sorted(ENTRIES))
def test_placeholders_agree(message: str) -> None:
    plural, texts = ENTRIES[message]
    wanted = placeholders(plural or message)
    assert texts
    for text in texts:
        assert text, f"{message!r} is not translated"
        assert placeholders(text) == wanted


def test_translations_are_chinese() -> None:
    same = {message for message, (_, texts) in ENTRIES.items() if texts == [message]}
    assert same <= {"fork", "vfork", "clone", "exec", "{pwd}, umask {umask}"}
    for message, (_, texts) in ENTRIES.items():
        assert not re.search(r"[,;!?]|\. |\.$", texts[0].replace("#!", "")), (
            f"{message!r}: marks of another language in {texts[0]!r}"
        )


def test_every_step_has_a_sentence_and_a_place() -> None:
    words = {key.partition(".")[0] for key in TEXTS}
    for name in STEPS:
        assert name in words, f"no sentence for {name}"
        assert name in PLACES, f"no place for {name}"
    assert words == set(PLACES)
    assert tuple(KIND_NAMES) == KINDS


@pytest.mark.parametrize("name", sorted(PLACES))
def test_places_are_in_our_source(name: str) -> None:
    place = PLACES[name]
    source = (ROOT / "src" / "forkernel" / place.here).read_text()
    assert re.search(rf"\b(def|class) {place.name}\b", source), f"{place.here} has no {place.name}"


def test_counts_and_lists_are_written_as_the_language_does() -> None:
    english, chinese = Catalogue("en"), Catalogue("zh")
    assert [english.count("pages", number) for number in (0, 1, 2)] == ["0 pages", "1 page", "2 pages"]
    assert [chinese.count("pages", number) for number in (0, 1, 2)] == ["0 个页面", "1 个页面", "2 个页面"]
    assert english.series([3, 4]) == "3, 4"
    assert chinese.series([3, 4]) == "3、4"
    assert english.say("Files stay open: {fds}.", fds=1) == "Files stay open: 1 descriptor."


def test_po_files_are_read_with_all_that_they_may_have() -> None:
    text = (
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\nPlural-Forms: nplurals=2; plural=n != 1;\\n"\n\n'
        '# a comment\n#: place\nmsgid "one \\"q\\" "\n"two"\nmsgstr "eins\\n"\n"zwei"\n\n'
        'msgid "{n} x"\nmsgid_plural "{n} xs"\nmsgstr[0] "{n} a"\nmsgstr[1] "{n} b"\n\nmsgid "empty"\nmsgstr ""\n'
    )
    import gettext
    import io

    found = gettext.GNUTranslations(io.BytesIO(compile_po(text)))
    assert found.gettext('one "q" two') == "eins\nzwei"
    assert [found.ngettext("{n} x", "{n} xs", number) for number in (1, 2)] == ["{n} a", "{n} b"]
    assert found.gettext("empty") == "empty"


def test_english_is_the_source() -> None:
    assert load("en").gettext("shared") == "shared"


def test_lines_are_broken_at_words_and_between_wide_characters() -> None:
    assert wrap("one two three", 7) == ["one two", "three"]
    assert wrap("clone(A|BB|CCC)", 8) == ["clone(A|", "BB|CCC)"]
    assert wrap("进程四调用函数，返回。", 12) == ["进程四调用函", "数，返回。"]
    assert wrap("进程四调用函数，返回。", 14) == ["进程四调用函", "数，返回。"]
    assert all(width(line) <= 20 for line in wrap("进程 3（sh）调用 fork()。子进程将是它的副本。" * 4, 20))
    assert wrap("", 10) == [""]


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(0, "0 ns"), (999, "999 ns"), (3590, "3.59 µs"), (5_008_000, "5.008 ms"), (3600 * 10**9, "3600 s")],
)
def test_durations(nanoseconds: int, text: str) -> None:
    assert duration(nanoseconds) == text
