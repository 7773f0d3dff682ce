"""Requests to terminals (Linux: drivers/tty/tty_io.c, tty_ioctl.c; tty_ioctl(4)).

Modes and sizes of a master are those of its slave: `real_tty` says whose. What changes a terminal stops a background
process first (SIGTTOU), as `tty_check_change` does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EBADF, EBUSY, EINVAL, EIO, EPERM
from forkernel.abi.ioctl import (
    FIONREAD,
    TCFLSH,
    TCGETA,
    TCGETS,
    TCGETS2,
    TCSBRK,
    TCSBRKP,
    TCSETA,
    TCSETAF,
    TCSETAW,
    TCSETS,
    TCSETS2,
    TCSETSF,
    TCSETSF2,
    TCSETSW,
    TCSETSW2,
    TCXONC,
    TIOCCBRK,
    TIOCCONS,
    TIOCEXCL,
    TIOCGDEV,
    TIOCGETD,
    TIOCGEXCL,
    TIOCGLCKTRMIOS,
    TIOCGPGRP,
    TIOCGSID,
    TIOCGSOFTCAR,
    TIOCGWINSZ,
    TIOCNOTTY,
    TIOCNXCL,
    TIOCOUTQ,
    TIOCSBRK,
    TIOCSCTTY,
    TIOCSETD,
    TIOCSLCKTRMIOS,
    TIOCSPGRP,
    TIOCSSOFTCAR,
    TIOCSTI,
    TIOCSWINSZ,
    TIOCVHANGUP,
)
from forkernel.abi.signal import SIGTTOU
from forkernel.abi.termios import (
    BOTHER,
    CBAUD,
    CLOCAL,
    IBSHIFT,
    NCC,
    NCCS,
    VSTART,
    VSTOP,
    Termio,
    Termios,
    Termios2,
    Winsize,
    baud_rate,
)
from forkernel.errors import SysError
from forkernel.fs.inode import global_caps
from forkernel.tty.n_tty_read import inq
from forkernel.tty.tty_io import CAP_SYS_ADMIN, TtyFile, TtyStruct

if TYPE_CHECKING:
    Handler = Callable[[Any, TtyFile, TtyStruct, int, int], None]

TCIFLUSH, TCOFLUSH, TCIOFLUSH = range(3)
TCOOFF, TCOON, TCIOFF, TCION = range(4)
FLUSHING = (TCSETAF, TCSETSF, TCSETSF2)
N_TTY = 0
SYSCTL_TIOCSTI = "legacy_tiocsti"
JOBCTRL_REQUESTS = (TIOCSCTTY, TIOCNOTTY, TIOCGPGRP, TIOCSPGRP, TIOCGSID)


def real_tty(tty: TtyStruct) -> TtyStruct:
    """Whose modes are meant: a master's are its slave's."""
    return tty.link if tty.name == b"ptm" and tty.link is not None else tty


def tty_ioctl(task: Any, file: TtyFile, cmd: int, arg: int) -> int:
    """One request; ENOTTY for one that terminals do not know."""
    if cmd in JOBCTRL_REQUESTS:
        result: int = task.system.tty_jobctrl.tty_jobctrl_ioctl(task, file, real_tty(file.tty), cmd, arg)
        return result
    handler = HANDLERS.get(cmd)
    if handler is None:
        return file.tty.ioctl(task, file, cmd, arg)
    handler(task, file, real_tty(file.tty), cmd, arg)
    return 0


def put_int(task: Any, arg: int, value: int) -> None:
    """An int for the caller."""
    task.mm.write(arg, value.to_bytes(4, "little"))


def get_int(task: Any, arg: int) -> int:
    """An int of the caller's."""
    return int.from_bytes(task.mm.read(arg, 4), "little", signed=True)


def check_change(task: Any, tty: TtyStruct) -> None:
    """A background process is stopped."""
    task.system.tty_jobctrl.tty_check_change(task, tty, SIGTTOU)


def need_admin(task: Any) -> None:
    """EPERM without CAP_SYS_ADMIN."""
    if not global_caps(task.cred) & CAP_SYS_ADMIN:
        raise SysError(EPERM)


# --- modes


def tcget(task: Any, file: TtyFile, tty: TtyStruct, cmd: int, arg: int) -> None:
    """TCGETS, TCGETS2, TCGETA."""
    now = tty.termios
    if cmd == TCGETS2:
        data = now.pack()
    elif cmd == TCGETS:
        data = now.pack()[: Termios.SIZE]
    else:
        flags = (now.c_iflag, now.c_oflag, now.c_cflag, now.c_lflag)
        data = Termio(*(flag & 0xFFFF for flag in flags), now.c_line, now.c_cc[:NCC]).pack()
    task.mm.write(arg, data)


def tcset(task: Any, file: TtyFile, tty: TtyStruct, cmd: int, arg: int) -> None:
    """TCSETS and its kin. Output is never under way, so there is nothing to wait for."""
    check_change(task, tty)
    old = tty.termios
    if cmd in (TCSETA, TCSETAW, TCSETAF):
        given = Termio.unpack(task.mm.read(arg, Termio.SIZE))
        new = Termios2.unpack(old.pack())
        for name in ("c_iflag", "c_oflag", "c_cflag", "c_lflag"):
            setattr(new, name, getattr(old, name) & 0xFFFF0000 | getattr(given, name))
        new.c_line, new.c_cc = given.c_line, given.c_cc + old.c_cc[NCC:]
    elif cmd in (TCSETS, TCSETSW, TCSETSF):
        new = Termios2.unpack(task.mm.read(arg, Termios.SIZE) + old.pack()[Termios.SIZE :])
    else:
        new = Termios2.unpack(task.mm.read(arg, Termios2.SIZE))
    new.c_ospeed = baud_rate(new.c_cflag, new.c_ospeed)
    input_bits = new.c_cflag >> IBSHIFT
    if input_bits & CBAUD == BOTHER:
        new.c_ispeed = new.c_ispeed
    else:
        new.c_ispeed = baud_rate(input_bits, new.c_ispeed) if input_bits & CBAUD else new.c_ospeed
    if cmd in FLUSHING:
        tty.ldisc.flush_input()
    set_termios(tty, new)


def set_termios(tty: TtyStruct, new: Termios2) -> None:
    """Change the modes, but what is locked (Linux: tty_set_termios)."""
    old, locked = tty.termios, tty.locked_termios
    for name in ("c_iflag", "c_oflag", "c_cflag", "c_lflag"):
        mask = getattr(locked, name)
        if mask:
            setattr(new, name, getattr(new, name) & ~mask | getattr(old, name) & mask)
    if locked.c_line:
        new.c_line = old.c_line
    if any(locked.c_cc):
        keys = zip(new.c_cc, old.c_cc, locked.c_cc, strict=True)
        new.c_cc = bytes(before if lock else now for now, before, lock in keys)
    tty.termios = new
    tty.termios_changed(old)
    tty.ldisc.set_termios(old)


def lcktrmios(task: Any, file: TtyFile, tty: TtyStruct, cmd: int, arg: int) -> None:
    """TIOCGLCKTRMIOS, TIOCSLCKTRMIOS."""
    if cmd == TIOCGLCKTRMIOS:
        task.mm.write(arg, tty.locked_termios.pack())
        return
    need_admin(task)
    tty.locked_termios = Termios.unpack(task.mm.read(arg, Termios.SIZE))


def softcar(task: Any, file: TtyFile, tty: TtyStruct, cmd: int, arg: int) -> None:
    """TIOCGSOFTCAR, TIOCSSOFTCAR: CLOCAL."""
    if cmd == TIOCGSOFTCAR:
        put_int(task, arg, int(bool(tty.termios.c_cflag & CLOCAL)))
        return
    on = get_int(task, arg)
    new = Termios2.unpack(tty.termios.pack())
    new.c_cflag = new.c_cflag & ~CLOCAL | (CLOCAL if on else 0)
    set_termios(tty, new)


def winsize(task: Any, file: TtyFile, tty: TtyStruct, cmd: int, arg: int) -> None:
    """TIOCGWINSZ, TIOCSWINSZ."""
    if cmd == TIOCGWINSZ:
        task.mm.write(arg, tty.winsize)
    else:
        tty.resize(task.mm.read(arg, Winsize.SIZE))


def line_discipline(task: Any, file: TtyFile, tty: TtyStruct, cmd: int, arg: int) -> None:
    """TIOCGETD, TIOCSETD: there is only N_TTY."""
    if cmd == TIOCGETD:
        put_int(task, arg, N_TTY)
    elif get_int(task, arg) != N_TTY:
        raise SysError(EINVAL)


# --- queues and flow, of the end that is asked


def queued(task: Any, file: TtyFile, tty: TtyStruct, cmd: int, arg: int) -> None:
    """FIONREAD (TIOCINQ), TIOCOUTQ."""
    put_int(task, arg, inq(file.tty.ldisc) if cmd == FIONREAD else 0)


def tcflsh(task: Any, file: TtyFile, tty: TtyStruct, cmd: int, arg: int) -> None:
    """TCFLSH."""
    end = file.tty
    check_change(task, end)
    if arg not in (TCIFLUSH, TCOFLUSH, TCIOFLUSH):
        raise SysError(EINVAL)
    if arg != TCOFLUSH:
        end.ldisc.flush_input()
    if arg != TCIFLUSH:
        end.flush_output()


def tcxonc(task: Any, file: TtyFile, tty: TtyStruct, cmd: int, arg: int) -> None:
    """TCXONC."""
    end = file.tty
    check_change(task, end)
    if arg == TCOOFF:
        if not end.tco_stopped:
            end.tco_stopped = True
            end.stop_tty()
    elif arg == TCOON:
        if end.tco_stopped:
            end.tco_stopped = False
            end.start_tty()
    elif arg in (TCIOFF, TCION):
        key = end.termios.c_cc[VSTOP if arg == TCIOFF else VSTART]
        if key:
            send_xchar(end, key)
    else:
        raise SysError(EINVAL)


def send_xchar(tty: TtyStruct, char: int) -> None:
    """Send a character though ^S has stopped output; not if TCOOFF has."""
    was = tty.stopped
    tty.start_tty()
    tty.driver_write(bytes((char,)))
    if was:
        tty.stop_tty()


def tcsbrk(task: Any, file: TtyFile, tty: TtyStruct, cmd: int, arg: int) -> None:
    """TCSBRK, TCSBRKP, TIOCSBRK, TIOCCBRK: output is never under way, and no terminal here has a line to break."""
    if cmd != TIOCCBRK:
        check_change(task, file.tty)


def tiocsti(task: Any, file: TtyFile, tty: TtyStruct, cmd: int, arg: int) -> None:
    """TIOCSTI: a character as if typed; lost if there is no room."""
    admin = global_caps(task.cred) & CAP_SYS_ADMIN
    if not task.system.legacy_tiocsti and not admin:
        raise SysError(EIO)
    if task.signal.tty is not file.tty and not admin:
        raise SysError(EPERM)
    file.tty.ldisc.receive_buf(task.mm.read(arg, 1))


# --- the rest


def exclusive(task: Any, file: TtyFile, tty: TtyStruct, cmd: int, arg: int) -> None:
    """TIOCEXCL, TIOCNXCL, TIOCGEXCL."""
    if cmd == TIOCGEXCL:
        put_int(task, arg, int(file.tty.exclusive))
    else:
        file.tty.exclusive = cmd == TIOCEXCL


def tiocgdev(task: Any, file: TtyFile, tty: TtyStruct, cmd: int, arg: int) -> None:
    """TIOCGDEV: the device number."""
    put_int(task, arg, tty.rdev)


def tioccons(task: Any, file: TtyFile, tty: TtyStruct, cmd: int, arg: int) -> None:
    """TIOCCONS: what is written to /dev/console comes here; asked of the console itself, no longer."""
    if tty is not file.tty:
        raise SysError(EINVAL)
    need_admin(task)
    system = task.system
    if file.console:
        system.console_redirect = None
        return
    if not file.writable:
        raise SysError(EBADF)
    if system.console_redirect is not None:
        raise SysError(EBUSY)
    system.console_redirect = file


def tiocvhangup(task: Any, file: TtyFile, tty: TtyStruct, cmd: int, arg: int) -> None:
    """TIOCVHANGUP."""
    need_admin(task)
    file.tty.hangup()


HANDLERS: dict[int, Handler] = {
    **dict.fromkeys((TCGETS, TCGETS2, TCGETA), tcget),
    **dict.fromkeys((TCSETS, TCSETSW, TCSETSF, TCSETS2, TCSETSW2, TCSETSF2, TCSETA, TCSETAW, TCSETAF), tcset),
    **dict.fromkeys((TIOCGLCKTRMIOS, TIOCSLCKTRMIOS), lcktrmios),
    **dict.fromkeys((TIOCGSOFTCAR, TIOCSSOFTCAR), softcar),
    **dict.fromkeys((TIOCGWINSZ, TIOCSWINSZ), winsize),
    **dict.fromkeys((TIOCGETD, TIOCSETD), line_discipline),
    **dict.fromkeys((FIONREAD, TIOCOUTQ), queued),
    **dict.fromkeys((TCSBRK, TCSBRKP, TIOCSBRK, TIOCCBRK), tcsbrk),
    **dict.fromkeys((TIOCEXCL, TIOCNXCL, TIOCGEXCL), exclusive),
    TCFLSH: tcflsh,
    TCXONC: tcxonc,
    TIOCSTI: tiocsti,
    TIOCGDEV: tiocgdev,
    TIOCCONS: tioccons,
    TIOCVHANGUP: tiocvhangup,
}
__all__ = ["NCCS", "set_termios", "tty_ioctl"]
