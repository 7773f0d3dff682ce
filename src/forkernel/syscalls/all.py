"""All handlers: importing this registers every family."""

from __future__ import annotations

import importlib
import pkgutil

from forkernel import syscalls
from forkernel.syscalls.registry import REGISTRY

for _module in pkgutil.iter_modules(syscalls.__path__):
    if _module.name not in ("all", "registry", "coverage"):
        importlib.import_module(f"forkernel.syscalls.{_module.name}")

__all__ = ["REGISTRY"]
