"""The quantum: how many translated blocks a task runs before the CPU stops.

A few lines of C count the blocks (quantum.c). They are compiled once, on first use, by the system's C
compiler or the `ziglang` wheel's, and kept in the user's cache. Where neither exists the CPU has no
block count: a host timer stops it then, and the run says that it is not repeatable.
"""

from __future__ import annotations

import ctypes
import os
import sys
import zlib
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("quantum.c")


class Quantum(ctypes.Structure):
    """struct quantum of quantum.c."""

    _fields_ = (("left", ctypes.c_int64), ("stop", ctypes.c_void_p))


def _cache_dir() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path(os.environ.get("HOME") or "/tmp") / ".cache"  # noqa: S108
    return Path(base) / "forkernel"


def _compilers() -> list[list[str]]:
    import importlib.util
    import shutil

    found = [[path] for name in (os.environ.get("CC"), "cc", "gcc", "clang") if name and (path := shutil.which(name))]
    if importlib.util.find_spec("ziglang") is not None:
        found.append([sys.executable, "-m", "ziglang", "cc"])
    return found


def _compile(target: Path) -> bool:
    """Try each compiler in turn; the result is moved into place whole, so runs may race."""
    import subprocess

    for compiler in _compilers():
        scratch = target.with_suffix(f".{os.getpid()}")
        command = [*compiler, "-O2", "-shared", "-fPIC", "-o", str(scratch), str(SOURCE)]
        done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603  # our own source
        if done.returncode == 0:
            scratch.replace(target)
            return True
    return False


def load_counter() -> Any:
    """The compiled `forkernel_block` function, or None where it cannot be built."""
    if os.environ.get("FORKERNEL_NO_COUNTER"):
        return None
    digest = f"{zlib.crc32(SOURCE.read_bytes()):08x}"
    name = f"quantum-{os.uname().machine}-{digest}.so"
    packaged = SOURCE.with_name(name)
    target = packaged if packaged.exists() else _cache_dir() / name
    if not target.exists():
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if not _compile(target):
                return None
        except OSError:
            return None
    try:
        return ctypes.CDLL(str(target)).forkernel_block
    except OSError:
        return None
