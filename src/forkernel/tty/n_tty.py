"""The line discipline N_TTY: what becomes of typed characters (Linux: drivers/tty/n_tty.c; termios(3)).

Life cycle of a character: the driver calls `receive_buf` with as much as there is; each one is changed by c_iflag,
acts (a signal, ^S, an erased character, the end of a line), is echoed, and goes into `buf`. `read` (n_tty_read.py)
takes lines out of it, or in raw mode bytes. Positions are counted from the terminal's beginning: `tail` is that of
buf[0], and in canonical mode only what lies before `canon_head` can be read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.signal import SIGINT, SIGQUIT, SIGTSTP
from forkernel.abi.termios import (
    ECHO,
    ECHOCTL,
    ECHOE,
    ECHOK,
    ECHOKE,
    ECHONL,
    ECHOPRT,
    EXTPROC,
    ICANON,
    ICRNL,
    IEXTEN,
    IGNCR,
    INLCR,
    ISIG,
    ISTRIP,
    IUCLC,
    IXANY,
    IXON,
    NOFLSH,
    PARMRK,
    VEOF,
    VEOL,
    VEOL2,
    VERASE,
    VINTR,
    VKILL,
    VLNEXT,
    VQUIT,
    VREPRINT,
    VSTART,
    VSTOP,
    VSUSP,
    VWERASE,
)
from forkernel.fs.fasync import POLL_IN, kill_fasync
from forkernel.tty.n_tty_output import (
    AFTER_TAB,
    BS,
    CR,
    ECHO_ERASE_TAB,
    ECHO_MOVE_BACK_COL,
    ECHO_SET_CANON_COL,
    LARGE_LATIN,
    NL,
    SMALL_LATIN,
    TAB,
    NTtyOutput,
    is_control,
)
from forkernel.wait import WaitQueue

if TYPE_CHECKING:
    from forkernel.abi.termios import Termios2
    from forkernel.tty.tty_io import TtyStruct

N_TTY_BUF_SIZE = 4096
DISABLED_CHAR = 0
"""In c_cc: there is no such key. In `buf` it stands where EOF was typed."""
ALNUM = SMALL_LATIN | LARGE_LATIN | frozenset(b"0123456789_")
"""What a word is made of, for WERASE."""


class NTty(NTtyOutput):
    """Input of one terminal, and its output side."""

    __slots__ = ("buf", "canon_head", "commit_head", "icanon", "lnext", "lines", "raw", "read_wait", "special", "tail")

    def __init__(self, tty: TtyStruct) -> None:
        super().__init__(tty)
        self.read_wait = WaitQueue()
        self.buf = bytearray()
        self.tail = 0
        self.canon_head = 0
        self.commit_head = 0
        """Up to here raw mode may read: the last batch from the driver is complete."""
        self.lines: dict[int, None] = {}
        """Positions that end a line, ascending (Linux: read_flags)."""
        self.icanon = True
        self.raw = False
        """No character means anything."""
        self.lnext = False
        """The next one is literal."""
        self.special: frozenset[int] = frozenset()
        """Characters that mean something (Linux: char_map)."""
        self.set_termios(None)

    @property
    def read_head(self) -> int:
        """Where the next character goes."""
        return self.tail + len(self.buf)

    @read_head.setter
    def read_head(self, value: int) -> None:
        del self.buf[value - self.tail :]

    # --- modes

    def set_termios(self, old: Termios2 | None) -> None:
        """The modes have changed from `old` to those in `tty.termios`."""
        tty = self.tty
        iflag, lflag = tty.termios.c_iflag, tty.termios.c_lflag
        if old is None or (old.c_lflag ^ lflag) & (ICANON | EXTPROC):
            self.lines.clear()
            if not lflag & ICANON or not self.buf:
                self.canon_head = self.tail
            else:
                self.canon_head = self.read_head
                self.lines[self.read_head - 1] = None
            self.commit_head = self.read_head
            self.erasing = self.lnext = False
        self.icanon = bool(lflag & ICANON)
        self.special = self._char_map()
        meant = iflag & (ISTRIP | IUCLC | IGNCR | ICRNL | INLCR | IXON | PARMRK) or lflag & (ICANON | ISIG | ECHO)
        self.raw = not meant
        if old is not None and old.c_iflag & IXON and not iflag & IXON and not tty.tco_stopped:
            tty.start_tty()
            self.process_echoes()
        tty.write_wait.wake_up()
        self.read_wait.wake_up()

    def _char_map(self) -> frozenset[int]:
        """Which characters need a closer look."""
        termios = self.tty.termios
        iflag, lflag, keys = termios.c_iflag, termios.c_lflag, termios.c_cc
        chars: set[int] = set()
        if iflag & (IGNCR | ICRNL):
            chars.add(CR)
        if iflag & INLCR:
            chars.add(NL)
        if lflag & ICANON:
            chars |= {NL, keys[VERASE], keys[VKILL], keys[VEOF], keys[VEOL]}
            if lflag & IEXTEN:
                chars |= {keys[VWERASE], keys[VLNEXT], keys[VEOL2]}
                if lflag & ECHO:
                    chars.add(keys[VREPRINT])
        if iflag & IXON:
            chars |= {keys[VSTART], keys[VSTOP]}
        if lflag & ISIG:
            chars |= {keys[VINTR], keys[VQUIT], keys[VSUSP]}
        chars.discard(DISABLED_CHAR)
        return frozenset(chars)

    def flush_input(self) -> None:
        """Forget what was not read (Linux: n_tty_flush_buffer)."""
        self.reset_buffer_flags()
        self.tty.kick()
        self._tell_master_of_flush()

    def reset_buffer_flags(self) -> None:
        """Begin anew with an empty buffer."""
        self.tail = self.canon_head = self.commit_head = self.read_head
        self.buf.clear()
        self.lines.clear()
        self.erasing = False

    def _tell_master_of_flush(self) -> None:
        from forkernel.tty.tty_io import TIOCPKT_FLUSHREAD

        self.tty.packet_status(TIOCPKT_FLUSHREAD)

    # --- receiving

    def receive_buf(self, data: bytes) -> int:
        """Characters from the driver; how many were taken."""
        done, count = 0, len(data)
        iflag = self.tty.termios.c_iflag
        while done < count:
            room = N_TTY_BUF_SIZE - len(self.buf)
            if iflag & PARMRK:
                room = -(-room // 3)
            room -= 1
            if room <= 0:  # a line without end: its last character is exchanged again and again
                if not self.icanon or self.canon_head != self.tail:
                    break
                if room < 0:
                    del self.buf[-1]
                room = 1
            part = data[done : done + room]
            self._receive(part)
            done += len(part)
            iflag = self.tty.termios.c_iflag
        return done

    def _receive(self, data: bytes) -> None:
        termios = self.tty.termios
        iflag, extproc = termios.c_iflag, termios.c_lflag & EXTPROC
        if self.raw or (extproc and not iflag & ISTRIP and not (iflag & IUCLC and termios.c_lflag & IEXTEN)):
            self.buf += data
        else:
            for char in data:
                self._receive_char(char)
            self.flush_echoes()
        if self.icanon and not extproc:
            return
        self.commit_head = self.read_head
        if self.buf:
            self.read_wait.wake_up()
            self.news()

    def news(self) -> None:
        """SIGIO for the owners of files with O_ASYNC: there is something to read."""
        for file in self.tty.files:
            if file.f_owner is not None:
                kill_fasync(file, POLL_IN)

    def _receive_char(self, char: int) -> None:
        termios = self.tty.termios
        iflag, lflag = termios.c_iflag, termios.c_lflag
        if iflag & ISTRIP:
            char &= 0x7F
        if iflag & IUCLC and lflag & IEXTEN and char in LARGE_LATIN:
            char += 32
        if self.lnext:
            self.lnext = False
            self._receive_plain(char)
        elif lflag & EXTPROC:
            self.buf.append(char)
        elif char in self.special:
            self._receive_special(char)
        else:
            self._receive_plain(char)

    def _put_queue(self, char: int) -> None:
        """Into the buffer; 255 twice with PARMRK, so that it is no mark."""
        if char == 0xFF and self.tty.termios.c_iflag & PARMRK:
            self.buf.append(char)
        self.buf.append(char)

    def _receive_plain(self, char: int) -> None:
        """A character that means nothing but itself."""
        self._any_key_starts()
        if self.tty.termios.c_lflag & ECHO:
            self.finish_erasing()
            if self.canon_head == self.read_head:
                self.echoes.append(ECHO_SET_CANON_COL)
            self.echo_char(char)
        self._put_queue(char)

    def _any_key_starts(self) -> None:
        """IXANY: output that ^S stopped goes on."""
        tty = self.tty
        if tty.stopped and not tty.tco_stopped and tty.termios.c_iflag & (IXON | IXANY) == IXON | IXANY:
            tty.start_tty()
            self.process_echoes()

    def _receive_special(self, char: int) -> None:
        tty = self.tty
        iflag, lflag, keys = tty.termios.c_iflag, tty.termios.c_lflag, tty.termios.c_cc
        if iflag & IXON and char in (keys[VSTART], keys[VSTOP]):
            if char == keys[VSTART]:
                tty.start_tty()
                self.process_echoes()
            else:
                tty.stop_tty()
            return
        if lflag & ISIG and char in (keys[VINTR], keys[VQUIT], keys[VSUSP]):
            signal = SIGINT if char == keys[VINTR] else SIGQUIT if char == keys[VQUIT] else SIGTSTP
            self._receive_signal_char(signal, char)
            return
        self._any_key_starts()
        if char == CR:
            if iflag & IGNCR:
                return
            if iflag & ICRNL:
                char = NL
        elif char == NL and iflag & INLCR:
            char = CR
        if self.icanon and self._receive_canon(char):
            return
        if lflag & ECHO:
            self.finish_erasing()
            if char == NL:
                self.echo_char_raw(NL)
            else:
                if self.canon_head == self.read_head:
                    self.echoes.append(ECHO_SET_CANON_COL)
                self.echo_char(char)
        self._put_queue(char)

    def _receive_signal_char(self, signal: int, char: int) -> None:
        """^C and its like: the foreground group gets the signal, and without NOFLSH both queues are emptied."""
        tty = self.tty
        tty.signal_pgrp(signal)
        if not tty.termios.c_lflag & NOFLSH:
            self.echoes.clear()
            self.committed = 0
            tty.flush_output()
            self.reset_buffer_flags()
            self._tell_master_of_flush()
        if tty.termios.c_iflag & IXON:
            tty.start_tty()
        if tty.termios.c_lflag & ECHO:
            self.echo_char(char)
        else:
            self.process_echoes()

    # --- canonical mode

    def _receive_canon(self, char: int) -> bool:
        """The keys of line editing; whether it was one."""
        lflag, keys = self.tty.termios.c_lflag, self.tty.termios.c_cc
        if char == keys[VERASE] or char == keys[VKILL] or (char == keys[VWERASE] and lflag & IEXTEN):
            self._eraser(char)
            return True
        if char == keys[VLNEXT] and lflag & IEXTEN:
            self.lnext = True
            if lflag & ECHO:
                self.finish_erasing()
                if lflag & ECHOCTL:
                    self.echoes += (ord("^"), BS)
            return True
        if char == keys[VREPRINT] and lflag & ECHO and lflag & IEXTEN:
            self.finish_erasing()
            self.echo_char(char)
            self.echo_char_raw(NL)
            for typed in self.buf[self.canon_head - self.tail :]:
                self.echo_char(typed)
            return True
        if char == NL:
            if lflag & (ECHO | ECHONL):
                self.echo_char_raw(NL)
            self._end_line(NL)
            return True
        if char == keys[VEOF]:
            self._end_line(DISABLED_CHAR)
            return True
        if char == keys[VEOL] or (char == keys[VEOL2] and lflag & IEXTEN):
            if lflag & ECHO:
                if self.canon_head == self.read_head:
                    self.echoes.append(ECHO_SET_CANON_COL)
                self.echo_char(char)
            if char == 0xFF and self.tty.termios.c_iflag & PARMRK:
                self.buf.append(char)
            self._end_line(char)
            return True
        return False

    def _end_line(self, char: int) -> None:
        """The line can be read now."""
        self.lines[self.read_head] = None
        self.buf.append(char)
        self.canon_head = self.read_head
        self.read_wait.wake_up()
        self.news()

    def _eraser(self, char: int) -> None:
        """ERASE takes back a character, WERASE a word, KILL the line."""
        if self.read_head == self.canon_head:
            return
        lflag, keys = self.tty.termios.c_lflag, self.tty.termios.c_cc
        one = char == keys[VERASE]
        word = not one and char == keys[VWERASE]
        if not one and not word and lflag & (ECHO | ECHOK | ECHOKE | ECHOE) != ECHO | ECHOK | ECHOKE | ECHOE:
            self.read_head = self.canon_head
            if lflag & ECHO:
                self.finish_erasing()
                self.echo_char(keys[VKILL])
                if lflag & ECHOK:
                    self.echo_char_raw(NL)
            return
        self._erase_chars(one, word)
        if self.read_head == self.canon_head and lflag & ECHO:
            self.finish_erasing()

    def _erase_chars(self, one: bool, word: bool) -> None:
        """Character by character, a UTF-8 character at a time."""
        start = self.canon_head - self.tail
        seen_alnum = False
        while len(self.buf) > start:
            at = len(self.buf) - 1
            while at > start and self.is_continuation(self.buf[at]):
                at -= 1
            first = self.buf[at]
            if self.is_continuation(first):
                return
            if word:
                if first in ALNUM:
                    seen_alnum = True
                elif seen_alnum:
                    return
            erased = bytes(self.buf[at:])
            del self.buf[at:]
            if self.tty.termios.c_lflag & ECHO:
                self._echo_erased(erased, one)
            if one:
                return

    def _echo_erased(self, erased: bytes, one: bool) -> None:
        """Show that a character went."""
        lflag = self.tty.termios.c_lflag
        char = erased[0]
        if lflag & ECHOPRT:
            if not self.erasing:
                self.echo_char_raw(ord("\\"))
                self.erasing = True
            self.echo_char(char)
            for rest in erased[1:]:
                self.echo_char_raw(rest)
                self.echoes.append(ECHO_MOVE_BACK_COL)
        elif one and not lflag & ECHOE:
            self.echo_char(self.tty.termios.c_cc[VERASE])
        elif char == TAB:
            self._echo_erase_tab(bool(lflag & ECHOCTL))
        else:
            if is_control(char) and lflag & ECHOCTL:
                self.echoes += (BS, ord(" "), BS)
            if not is_control(char) or lflag & ECHOCTL:
                self.echoes += (BS, ord(" "), BS)

    def _echo_erase_tab(self, echoctl: bool) -> None:
        """Go back by what the tab was wide: for that, count the columns since the tab before it."""
        columns, after_tab = 0, 0
        for char in reversed(self.buf[self.canon_head - self.tail :]):
            if char == TAB:
                after_tab = AFTER_TAB
                break
            if is_control(char):
                columns += 2 if echoctl else 0
            elif not self.is_continuation(char):
                columns += 1
        self.echoes.append(ECHO_ERASE_TAB | columns & 7 | after_tab)
