"""Files whose contents are made as text when they are read (Linux: fs/seq_file.c): /proc, control groups, queues."""

from __future__ import annotations

from typing import Any

from forkernel.fs.file import File, generic_file_llseek


class SeqFile(File):
    """An open one. A subclass makes the text in `pread`."""

    __slots__ = ()

    splice_read = True

    def read(self, task: Any, count: int) -> bytes:
        """Read at the position."""
        data = self.pread(task, self.pos, count)
        self.pos += len(data)
        return data

    def seek(self, offset: int, whence: int) -> int:
        """lseek; the end is not known, so SEEK_END counts from 0."""
        self.pos = generic_file_llseek(self, offset, whence)
        return self.pos
