"""ioctl numbers for descriptors and terminals (asm-generic/ioctls.h) and their structs."""

from __future__ import annotations

from typing import Annotated

from forkernel.abi.types import U8, U16, U32, Bytes, CStruct

TCGETS = 0x5401
TCSETS = 0x5402
TCSETSW = 0x5403
TCSETSF = 0x5404
TCSBRK = 0x5409
TCXONC = 0x540A
TCFLSH = 0x540B
TIOCSCTTY = 0x540E
TIOCGPGRP = 0x540F
TIOCSPGRP = 0x5410
TIOCOUTQ = 0x5411
TIOCGWINSZ = 0x5413
TIOCSWINSZ = 0x5414
FIONREAD = 0x541B
FIONBIO = 0x5421
TIOCNOTTY = 0x5422
TCSBRKP = 0x5425
TIOCGSID = 0x5429
FIONCLEX = 0x5450
FIOCLEX = 0x5451
FIOASYNC = 0x5452
FIOQSIZE = 0x5460
FIGETBSZ = 2
RNDGETENTCNT = 0x80045200

NAMES: dict[int, str] = {
    value: name for name, value in list(globals().items()) if name.isupper() and isinstance(value, int)
}
"""The name of each request, for traces."""

# termios c_lflag, c_iflag and c_oflag bits the terminal code looks at (asm-generic/termbits.h).
ISIG = 0o1
ICANON = 0o2
ECHO = 0o10
TOSTOP = 0o400

NCCS = 19


class Termios(CStruct):
    """The kernel's struct termios (TCGETS), 36 bytes; not the C library's larger one."""

    c_iflag: U32
    c_oflag: U32
    c_cflag: U32
    c_lflag: U32
    c_line: U8
    c_cc: Annotated[bytes, Bytes(NCCS)]


class Winsize(CStruct):
    """struct winsize."""

    ws_row: U16
    ws_col: U16
    ws_xpixel: U16
    ws_ypixel: U16
