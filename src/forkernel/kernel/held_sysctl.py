"""Settings of /proc/sys that are a number in a field of the machine, which the kernel goes by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.fs.proc.proc_sysctl import Sysctl

if TYPE_CHECKING:
    from forkernel.kernel.system import System

INT_MAX = (1 << 31) - 1


class Held:
    """A field of the system, or of the part of it that `owner` names."""

    __slots__ = ("field", "owner")

    def __init__(self, owner: str, field: str) -> None:
        self.owner = owner
        self.field = field

    def get(self, system: System) -> int:
        """Its value."""
        value: int = getattr(getattr(system, self.owner) if self.owner else system, self.field)
        return value

    def set(self, system: System, value: int) -> None:
        """The kernel goes by it from now on."""
        setattr(getattr(system, self.owner) if self.owner else system, self.field, value)


def held(path: bytes, owner: str, field: str, low: int = 0, high: int = INT_MAX) -> Sysctl:
    """A setting that root may change."""
    place = Held(owner, field)
    return Sysctl(path, 0o644, place.get, place.set, low, high)
