"""Terminal modes: the bits of struct termios, the places of c_cc, and the structs (asm-generic/termbits.h, termios(3)).

All numbers are those of x86; octal, as the headers write them.
"""

from __future__ import annotations

from typing import Annotated

from forkernel.abi.types import U8, U16, U32, Bytes, CStruct

# c_iflag
IGNBRK, BRKINT, IGNPAR, PARMRK, INPCK, ISTRIP = 0o1, 0o2, 0o4, 0o10, 0o20, 0o40
INLCR, IGNCR, ICRNL, IUCLC = 0o100, 0o200, 0o400, 0o1000
IXON, IXANY, IXOFF, IMAXBEL, IUTF8 = 0o2000, 0o4000, 0o10000, 0o20000, 0o40000

# c_oflag
OPOST, OLCUC, ONLCR, OCRNL, ONOCR, ONLRET = 0o1, 0o2, 0o4, 0o10, 0o20, 0o40
TABDLY = XTABS = 0o14000

# c_cflag
CBAUD, CSIZE, CS8, CREAD, PARENB, HUPCL, CLOCAL = 0o10017, 0o60, 0o60, 0o200, 0o400, 0o2000, 0o4000
BOTHER, IBSHIFT = 0o10000, 16
B38400 = 0o17

# c_lflag
ISIG, ICANON, XCASE, ECHO, ECHOE, ECHOK, ECHONL, NOFLSH = 0o1, 0o2, 0o4, 0o10, 0o20, 0o40, 0o100, 0o200
TOSTOP, ECHOCTL, ECHOPRT, ECHOKE, IEXTEN, EXTPROC = 0o400, 0o1000, 0o2000, 0o4000, 0o100000, 0o200000

# places in c_cc
VINTR, VQUIT, VERASE, VKILL, VEOF, VTIME, VMIN, VSWTC, VSTART, VSTOP, VSUSP, VEOL = range(12)
VREPRINT, VDISCARD, VWERASE, VLNEXT, VEOL2 = range(12, 17)
NCCS = 19
NCC = 8
"""c_cc of struct termio."""

INIT_C_CC = bytes((3, 28, 127, 21, 4, 0, 1, 0, 17, 19, 26, 0, 18, 15, 23, 22, 0, 0, 0))
"""^C ^\\ DEL ^U ^D, VTIME 0, VMIN 1, ^Q ^S ^Z, ^R ^O ^W ^V."""

BAUDS = (
    0, 50, 75, 110, 134, 150, 200, 300, 600, 1200, 1800, 2400, 4800, 9600, 19200, 38400,
)  # fmt: skip
FAST_BAUDS = (
    0, 57600, 115200, 230400, 460800, 500000, 576000, 921600, 1000000, 1152000, 1500000, 2000000, 2500000, 3000000,
    3500000, 4000000,
)  # fmt: skip


class Termios(CStruct):
    """The kernel's struct termios (TCGETS), 36 bytes; not the C library's larger one."""

    c_iflag: U32
    c_oflag: U32
    c_cflag: U32
    c_lflag: U32
    c_line: U8
    c_cc: Annotated[bytes, Bytes(NCCS)]


class Termios2(CStruct):
    """struct termios2 (TCGETS2): with the speeds as numbers."""

    c_iflag: U32
    c_oflag: U32
    c_cflag: U32
    c_lflag: U32
    c_line: U8
    c_cc: Annotated[bytes, Bytes(NCCS)]
    c_ispeed: U32
    c_ospeed: U32


class Termio(CStruct):
    """struct termio (TCGETA), System V's."""

    c_iflag: U16
    c_oflag: U16
    c_cflag: U16
    c_lflag: U16
    c_line: U8
    c_cc: Annotated[bytes, Bytes(NCC)]


class Winsize(CStruct):
    """struct winsize."""

    ws_row: U16
    ws_col: U16
    ws_xpixel: U16
    ws_ypixel: U16


def baud_rate(cbaud: int, other: int) -> int:
    """Bits per second of the CBAUD bits; `other` where they say BOTHER."""
    if cbaud & CBAUD == BOTHER:
        return other
    table = FAST_BAUDS if cbaud & BOTHER else BAUDS
    return table[cbaud & 0o17]
