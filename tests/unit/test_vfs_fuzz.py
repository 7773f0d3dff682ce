"""No arguments, however bad, make a file call fail in another way than by an errno."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forkernel.abi.errno import EFAULT
from forkernel.errors import SysError
from forkernel.fs.proc.mounts import options as options_of
from forkernel.syscalls import dir as dir_calls
from forkernel.syscalls import open as open_calls
from forkernel.syscalls import path as path_calls
from forkernel.syscalls import stat as stat_calls
from forkernel.syscalls.registry import REGISTRY
from forkernel.wait import Sleep
from unit.vfs_machines import BUFFER_AT, Memory, Ours

CALLS = sorted(
    name
    for name, call in REGISTRY.calls.items()
    if call.handler.__module__ in [module.__name__ for module in (dir_calls, open_calls, path_calls, stat_calls)]
)
HUGE = [1 << 31, 1 << 32, 1 << 62, 1 << 63, (1 << 64) - 1, (1 << 64) - 100, (1 << 63) - 1]
number = st.one_of(
    st.integers(0, 12),
    st.sampled_from(HUGE),
    st.integers(0, (1 << 64) - 1),
    st.sampled_from([4096, BUFFER_AT, BUFFER_AT]),
)
text = st.one_of(
    st.sampled_from([b"", b".", b"..", b"/", b"a", b"a/b", b"f", b"l", b"m", b"fifo", b"/m/x", b"x" * 5000, b"tmpfs"]),
    st.binary(max_size=40),
)
argument = st.one_of(number, number, text, text)


class TouchyMemory(Memory):
    """EFAULT where no string was placed and outside the buffer."""

    def read(self, addr: int, size: int) -> bytes:
        if addr not in self.strings or size > 1 << 20:
            raise SysError(EFAULT)
        return super().read(addr, size)

    def read_cstr(self, addr: int, limit: int) -> bytes:
        if addr not in self.strings:
            raise SysError(EFAULT)
        return super().read_cstr(addr, limit)

    def write(self, addr: int, data: bytes) -> None:
        if not BUFFER_AT <= addr < BUFFER_AT + 4096:
            raise SysError(EFAULT)
        super().write(addr, data)


def machine(top: Path, kind: str) -> Ours:
    """A small tree of the kind; the working directory is in it."""
    (top / "root" / "m").mkdir(parents=True)
    (top / "bound").mkdir()
    ours = Ours(str(top / "root"), ram=2 << 20)
    at = ours.vfs.make_mountpoint(b"/m")
    if kind == "tmpfs":
        ours.vfs.mount(ours.vfs.new_tmpfs(), at)
    elif kind == "bind":
        ours.vfs.mount_host(str(top / "bound"), b"/m", writable=True)
    for call in (("chdir", b"/m"), ("mkdir", b"a", 0o755), ("symlink", b"a", b"l"), ("mkdir", b"m", 0o755)):
        assert ours.call(*call) == 0
    ours.call("mknod", b"f", 0o100644, 0)
    ours.call("mknod", b"fifo", 0o010644, 0)
    for name, flags in ((b"f", 2), (b"a", 0), (b"l", 0o10400000), (b"fifo", 0o4002)):
        ours.call("open", name, flags)
    return ours


@pytest.mark.parametrize("kind", ["tmpfs", "host", "bind"])
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(calls=st.lists(st.tuples(st.sampled_from(CALLS), st.lists(argument, min_size=6, max_size=6)), max_size=20))
def test_bad_arguments_give_an_errno(kind: str, calls: list[tuple[str, list[Any]]]) -> None:
    top = Path(tempfile.mkdtemp())
    try:
        ours = machine(top, kind)
        for name, args in calls:
            memory = ours.task.mm = TouchyMemory()
            raw = [memory.place(arg) if isinstance(arg, bytes) else arg for arg in args]
            try:
                result = REGISTRY.calls[name].call(ours.task, *raw)
            except (SysError, Sleep):
                continue
            assert result >= 0, name
        for mount in ours.vfs.mounts():
            assert options_of(mount)
        assert ours.vfs.d_path(ours.task.fs.pwd, ours.task.fs.root)
    finally:
        shutil.rmtree(top)
