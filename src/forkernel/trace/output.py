"""Where a trace goes: a host file or one of forkernel's own descriptors. Picklable: the file is opened again."""

from __future__ import annotations

import os
from typing import Any


class Output:
    """Text to a host file (`path`), or to descriptor `fd` where there is no path.

    A file is written in large pieces; a descriptor line by line, so that it mixes with the guest's own output
    in the order of events. Errors of the host raise OSError at the first write or at `close`.
    """

    __slots__ = ("_file", "fd", "path", "resumed")

    def __init__(self, path: str | None = None, fd: int = 2) -> None:
        self.path = path
        self.fd = fd
        self.resumed = False
        self._file: Any = None

    def open(self) -> None:
        """Make (or after unpickling: continue) the file now, so that a bad path is noticed before the run."""
        if self.path is not None and self._file is None:
            self._file = open(  # noqa: SIM115  # lives as long as the trace
                self.path, "a" if self.resumed else "w", encoding="utf-8", errors="surrogateescape", newline="\n"
            )

    def write(self, text: str) -> None:
        """Append `text`."""
        if self.path is None:
            data = text.encode("utf-8", "surrogateescape")
            while data:
                data = data[os.write(self.fd, data) :]
            return
        self.open()
        self._file.write(text)

    def close(self) -> None:
        """Everything is written: close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self.resumed = True

    def __getstate__(self) -> dict[str, Any]:
        if self._file is not None:
            self._file.flush()
        return {"path": self.path, "fd": self.fd, "resumed": self._file is not None or self.resumed}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.path, self.fd, self.resumed = state["path"], state["fd"], state["resumed"]
        self._file = None


class Memory:
    """Text kept in memory, for tests and the API."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def write(self, text: str) -> None:
        """Append `text`."""
        self.parts.append(text)

    def text(self) -> str:
        """All that was written."""
        return "".join(self.parts)

    def close(self) -> None:
        """Nothing to do."""
