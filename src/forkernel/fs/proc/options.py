"""Options of procfs at mount and remount: hidepid=, gid=, subset=pid (proc(5); Linux: fs/proc/root.c)."""

from __future__ import annotations

from forkernel.abi.errno import EINVAL
from forkernel.errors import SysError
from forkernel.namespace import INVALID_ID, UserNamespace

HIDEPID_OFF, HIDEPID_NO_ACCESS, HIDEPID_INVISIBLE, HIDEPID_NOT_PTRACEABLE = 0, 1, 2, 4
HIDEPID_NAMES = {b"off": 0, b"noaccess": 1, b"invisible": 2, b"ptraceable": 4}


class ProcOptions:
    """What was given; None for what was not. EINVAL for anything else."""

    __slots__ = ("gid", "hide_pid", "pidonly")

    def __init__(self, data: bytes, user_ns: UserNamespace) -> None:
        self.hide_pid: int | None = None
        self.gid: int | None = None
        self.pidonly = False
        for option in data.split(b","):
            key, _, value = option.partition(b"=")
            if key == b"hidepid":
                self.hide_pid = parse_hidepid(value)
            elif key == b"gid":
                self.gid = parse_gid(value, user_ns)
            elif key == b"subset":
                self.pidonly = parse_subset(value) or self.pidonly
            elif key:
                raise SysError(EINVAL)


def parse_hidepid(value: bytes) -> int:
    """A number or a name."""
    number = int(value) if value.isdigit() else HIDEPID_NAMES.get(value)
    if number is None or number not in HIDEPID_NAMES.values():
        raise SysError(EINVAL)
    return number


def parse_gid(value: bytes, user_ns: UserNamespace) -> int:
    """A group as the mounter's user namespace calls it."""
    gid = user_ns.make_kgid(int(value)) if value.isdigit() else INVALID_ID
    if gid == INVALID_ID:
        raise SysError(EINVAL)
    return gid


def parse_subset(value: bytes) -> bool:
    """Names with colons between; there is only one."""
    if any(name not in (b"", b"pid") for name in value.split(b":")):
        raise SysError(EINVAL)
    return b"pid" in value.split(b":")


def options_text(hide_pid: int, gid: int, pidonly: bool) -> bytes:
    """As /proc/mounts shows them, with a comma before each (Linux: proc_show_options)."""
    text = b",gid=%d" % gid if gid else b""
    if hide_pid != HIDEPID_OFF:
        text += b",hidepid=" + next(name for name, number in HIDEPID_NAMES.items() if number == hide_pid)
    return text + b",subset=pid" if pidonly else text
