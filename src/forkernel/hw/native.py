"""The lines of C that the CPU uses (native.c): the block counter and a shorter translation of loads and stores.

They are compiled once, on first use, by the system's C compiler or the `ziglang` wheel's, and kept in the
user's cache. Where neither exists the CPU is slower and has no block count: a host timer stops it then, and
the run says that it is not repeatable.
"""

from __future__ import annotations

import ctypes
import os
import sys
import zlib
from typing import Any

SOURCE = os.path.join(os.path.dirname(__file__), "native.c")


class Quantum(ctypes.Structure):
    """struct quantum of native.c: how many translated blocks a task runs before the CPU stops."""

    _fields_ = (("left", ctypes.c_int64), ("stop", ctypes.c_void_p))


def _cache_dir() -> str:
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.environ.get("HOME") or "/tmp", ".cache")  # noqa: S108
    return os.path.join(base, "forkernel")


def _compilers() -> list[list[str]]:
    import importlib.util
    import shutil

    found = [[path] for name in (os.environ.get("CC"), "cc", "gcc", "clang") if name and (path := shutil.which(name))]
    if importlib.util.find_spec("ziglang") is not None:
        found.append([sys.executable, "-m", "ziglang", "cc"])
    return found


def _compile(target: str) -> bool:
    """Try each compiler in turn; the result is moved into place whole, so runs may race."""
    import subprocess

    for compiler in _compilers():
        scratch = f"{target}.{os.getpid()}"
        command = [*compiler, "-O2", "-shared", "-fPIC", "-o", scratch, SOURCE]
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  # our own source
        if done.returncode == 0:
            os.replace(scratch, target)
            return True
    return False


def _library() -> str | None:
    """The compiled file, made if need be; None where it cannot be."""
    with open(SOURCE, "rb") as source:
        digest = zlib.crc32(source.read())
    name = f"native-{os.uname().machine}-{digest:08x}.so"
    packaged = os.path.join(os.path.dirname(SOURCE), name)
    if os.path.exists(packaged):
        return packaged
    target = os.path.join(_cache_dir(), name)
    if os.path.exists(target):
        return target
    os.makedirs(_cache_dir(), exist_ok=True)
    return target if _compile(target) else None


class Native:
    """The compiled functions, loaded. To be made before libunicorn is loaded: then its names come first."""

    def __init__(self, path: str) -> None:
        library = ctypes.CDLL(path, ctypes.RTLD_GLOBAL)
        self.block_counter: Any = library.forkernel_block
        self.running = ctypes.c_int.in_dll(library, "forkernel_running")
        """Set while our CPU runs."""
        self._check_exit_request = ctypes.c_void_p.in_dll(library, "forkernel_check_exit_request")

    def bind(self, library: Any) -> None:
        """Tell the C functions where those of libunicorn are that they stand for."""
        original = getattr(library, "check_exit_request_x86_64", None)
        if original is not None:
            self._check_exit_request.value = ctypes.cast(original, ctypes.c_void_p).value


def load_native() -> Native | None:
    """The compiled functions, or None where they cannot be built."""
    if os.environ.get("FORKERNEL_NO_COUNTER"):
        return None
    try:
        path = _library()
        return Native(path) if path else None
    except OSError:
        return None
