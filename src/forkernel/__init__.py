"""Forkernel: a Linux process kernel in Python that runs real programs on an emulated CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forkernel.api import Kernel, Process, Status

__version__ = "0.1.0"
__all__ = ["Kernel", "Process", "Status", "__version__"]


def __getattr__(name: str) -> Any:
    """`Kernel` and its companions, loaded when first asked for: `--help` needs none of the machine."""
    if name in ("Kernel", "Process", "Status"):
        from forkernel import api

        return getattr(api, name)
    raise AttributeError(f"module 'forkernel' has no attribute {name!r}")
