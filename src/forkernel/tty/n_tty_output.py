"""The output side of the line discipline: OPOST and echo (Linux: drivers/tty/n_tty.c, termios(3)).

What a program writes goes through `write_block`, which counts columns and changes characters as c_oflag says. What is
echoed is first noted in `echoes`, a list of operations, and carried out by `process_echoes` as soon as the driver takes
output: while ^S stops it, echo waits too, and only then is it known in which column a tab has to be erased.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.termios import (
    ECHO,
    ECHOCTL,
    ECHONL,
    IUTF8,
    OCRNL,
    OLCUC,
    ONLCR,
    ONLRET,
    ONOCR,
    OPOST,
    TABDLY,
    XTABS,
)

if TYPE_CHECKING:
    from forkernel.tty.tty_io import TtyStruct

NL, CR, TAB, BS, DEL = 10, 13, 9, 8, 127
CARET = ord("^")
ECHO_MOVE_BACK_COL, ECHO_SET_CANON_COL = 0x100, 0x101
"""Operations in `echoes` beside plain bytes."""
ECHO_ERASE_TAB = 0x200
"""This, plus the columns since the tab before it, plus"""
AFTER_TAB = 0x80
"""this if there was a tab, whose end they count from; else they count from the column where input began."""
ECHO_CONTROL = 0x400
"""This, plus a control character to be shown as ^X."""
ECHO_START = 0xFF
"""A byte that OPOST leaves alone when it is echoed: in Linux's buffer it begins an operation."""
ECHO_MAX = 3808
"""Echoes kept while output is stopped; the oldest go first (Linux: ECHO_DISCARD_WATERMARK)."""
PLAIN_OUTPUT = OPOST | ONLCR
"""With no other c_oflag bits a block is changed as a whole."""
SMALL_LATIN = frozenset(range(ord("a"), ord("z") + 1)) | frozenset(range(0xDF, 0x100)) - {0xF7}
LARGE_LATIN = frozenset(range(ord("A"), ord("Z") + 1)) | frozenset(range(0xC0, 0xDF)) - {0xD7}
"""Letters, by the kernel's own table, which is Latin-1 (Linux: lib/ctype.c)."""


def is_control(char: int) -> bool:
    """Linux: iscntrl."""
    return char < 32 or char == DEL


class NTtyOutput:
    """Columns and pending echoes of one terminal."""

    __slots__ = ("canon_column", "column", "committed", "echoes", "erasing", "out", "tty")

    def __init__(self, tty: TtyStruct) -> None:
        self.tty = tty
        self.column = 0
        """Of the cursor, as far as can be known from what was put out."""
        self.canon_column = 0
        """Where the line that is being typed begins."""
        self.erasing = False
        """Within \\...\\/ of ECHOPRT."""
        self.echoes: list[int] = []
        self.committed = 0
        """So many of them had their chance to be put out; only new ones, ^Q or a write give them another."""
        self.out = bytearray()
        """Made, not yet handed to the driver: only within a call."""

    def is_continuation(self, char: int) -> bool:
        """Whether a byte belongs to the UTF-8 character before it."""
        return char & 0xC0 == 0x80 and bool(self.tty.termios.c_iflag & IUTF8)

    # --- what programs write

    def write_block(self, data: bytes) -> int:
        """Put out what there is room for; the number of bytes of `data` that are done."""
        self.process_echoes()
        oflag = self.tty.termios.c_oflag
        if not oflag & OPOST:
            return self.tty.driver_write(data)
        if not oflag & ~PLAIN_OUTPUT:
            changed = data.replace(b"\n", b"\r\n") if oflag & ONLCR else data
            if len(changed) <= self.tty.write_room():
                self._count_columns(data, bool(oflag & ONLCR))
                self.tty.driver_write(changed)
                return len(data)
        room, done = self.tty.write_room(), 0
        for char in data:
            if not self._output_char(char, room - len(self.out)):
                break
            done += 1
        self.flush()
        return done

    def _count_columns(self, data: bytes, onlcr: bool) -> None:
        """Where the cursor is after `data`, on its last line."""
        start = data.rfind(b"\r") + 1
        if start:
            self.column = self.canon_column = 0
        newline = data.rfind(b"\n", start) + 1
        if newline and onlcr:
            self.column = self.canon_column = 0
            start = newline
        utf8 = self.tty.termios.c_iflag & IUTF8
        column = self.column
        for char in data[start:]:
            if 32 <= char != DEL:
                if char & 0xC0 != 0x80 or not utf8:
                    column += 1
            elif char == TAB:
                column = (column | 7) + 1
            elif char == BS:
                column = max(column - 1, 0)
            elif char == NL:
                self.canon_column = column
        self.column = column

    def _output_char(self, char: int, room: int) -> bool:
        """One character through OPOST; False if there is no room for what it becomes."""
        if room < 1:
            return False
        oflag = self.tty.termios.c_oflag
        out = self.out
        if char == NL:
            return self._output_newline(oflag, room)
        if char == CR:
            if oflag & ONOCR and not self.column:
                return True
            if not oflag & OCRNL or oflag & ONLRET:
                self.canon_column = self.column = 0
            char = NL if oflag & OCRNL else CR
        elif char == TAB:
            spaces = 8 - (self.column & 7)
            expand = oflag & TABDLY == XTABS
            if expand and room < spaces:
                return False
            self.column += spaces
            if expand:
                out += b" " * spaces
                return True
        elif char == BS:
            self.column = max(self.column - 1, 0)
        elif not is_control(char):
            if oflag & OLCUC and char in SMALL_LATIN:
                char -= 32
            if not self.is_continuation(char):
                self.column += 1
        out.append(char)
        return True

    def _output_newline(self, oflag: int, room: int) -> bool:
        """The end of a line."""
        if oflag & ONLRET:
            self.column = 0
        if not oflag & ONLCR:
            self.canon_column = self.column
            self.out.append(NL)
            return True
        if room < 2:
            return False
        self.canon_column = self.column = 0
        self.out += b"\r\n"
        return True

    def flush(self) -> None:
        """Hand over what was made."""
        if self.out:
            self.tty.driver_write(bytes(self.out))
            self.out.clear()

    # --- echo

    def echo_char_raw(self, char: int) -> None:
        """Echo a byte as it is."""
        self.echoes.append(char)

    def echo_char(self, char: int) -> None:
        """Echo a byte; a control character but tab as ^X with ECHOCTL."""
        if self.tty.termios.c_lflag & ECHOCTL and is_control(char) and char != TAB:
            char |= ECHO_CONTROL
        self.echoes.append(char)

    def finish_erasing(self) -> None:
        """End what ECHOPRT began."""
        if self.erasing:
            self.echoes.append(ord("/"))
            self.erasing = False

    def flush_echoes(self) -> None:
        """The end of a batch of characters: put out what is new."""
        if len(self.echoes) > self.committed and self.tty.termios.c_lflag & (ECHO | ECHONL):
            self.process_echoes()

    def process_echoes(self) -> None:
        """Put out the echoes that there is room for."""
        if not self.echoes:
            return
        tty = self.tty
        room, done = tty.write_room(), 0
        opost = tty.termios.c_oflag & OPOST
        for echo in self.echoes:
            left = room - len(self.out)
            if echo < 0x100:
                if opost and echo != ECHO_START:
                    if not self._output_char(echo, left):
                        break
                elif left < 1:
                    break
                else:
                    self.out.append(echo)
                    self.column += echo == ECHO_START
            elif not self._echo_operation(echo, left):
                break
            done += 1
        del self.echoes[:done]
        self.committed = len(self.echoes)
        if self.committed > ECHO_MAX:
            del self.echoes[: len(self.echoes) - ECHO_MAX]
        self.flush()

    def _echo_operation(self, echo: int, room: int) -> bool:
        """What is no plain byte; False if there is no room."""
        if echo & ECHO_CONTROL:
            if room < 2:
                return False
            self.out += bytes((CARET, echo & 0xFF ^ 0o100))
            self.column += 2
        elif echo & ECHO_ERASE_TAB:
            columns = echo & 0xFF
            if not columns & AFTER_TAB:
                columns += self.canon_column
            back = 8 - (columns & 7)
            if room < back:
                return False
            self.out += b"\b" * back
            self.column = max(self.column - back, 0)
        elif echo == ECHO_SET_CANON_COL:
            self.canon_column = self.column
        else:
            self.column = max(self.column - 1, 0)
        return True
