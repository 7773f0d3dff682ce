"""All handlers: importing this registers every family."""

from __future__ import annotations

import importlib
import os

from forkernel.syscalls.registry import REGISTRY

NOT_FAMILIES = ("__init__", "all", "index", "lazy", "registry", "coverage", "nommu")

for _name, _, _suffix in (_file.partition(".") for _file in sorted(os.listdir(os.path.dirname(__file__)))):
    if _suffix == "py" and _name not in NOT_FAMILIES:
        importlib.import_module(f"forkernel.syscalls.{_name}")

__all__ = ["REGISTRY"]
