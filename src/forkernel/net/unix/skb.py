"""What lies in the queue of an AF_UNIX socket, and what it counts for (Linux: struct sk_buff, UNIXCB).

A message counts against its sender's buffer (SO_SNDBUF), with the overhead Linux's buffers have, so as many fit here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.fs.fasync import POLL_OUT

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.net.scm import Creds
    from forkernel.net.unix.af_unix import UnixFile

PAGE_SIZE = 4096
SKB_OVERHEAD = 320  # struct skb_shared_info
SKB_STRUCT = 256  # struct sk_buff
SKB_MAX_HEAD = PAGE_SIZE - SKB_OVERHEAD
SKB_MAX_ALLOC = 4 * PAGE_SIZE - SKB_OVERHEAD
STREAM_CHUNK = SKB_MAX_HEAD + 8 * PAGE_SIZE
"""Most bytes in one message of a stream."""
MAX_PAGED = 17 * PAGE_SIZE


def page_align(size: int) -> int:
    """Up to a multiple of the page size."""
    return (size + PAGE_SIZE - 1) & -PAGE_SIZE


def truesize(size: int, stream: bool) -> int:
    """What a message of `size` bytes counts for (Linux: sock_alloc_send_pskb, skb->truesize)."""
    if stream:
        paged = min(size, page_align(max(0, size - SKB_MAX_HEAD)))
        linear = size - paged
    else:
        paged = page_align(min(max(0, size - SKB_MAX_ALLOC), MAX_PAGED))
        linear = max(0, size - paged)
    bucket = 512
    while bucket < linear + SKB_OVERHEAD:
        bucket *= 2
    return SKB_STRUCT + bucket + page_align(paged)


class Skb:
    """Bytes on their way. `files` are descriptors passed along, each with a reference."""

    __slots__ = ("at", "cost", "creds", "data", "files", "peeked", "sender", "user")

    def __init__(self, data: bytes, sender: UnixFile, creds: Creds, files: tuple[File, ...], cost: int) -> None:
        self.data = data
        self.at = 0
        """Bytes of a stream's message that are read already."""
        self.sender = sender
        """Who sent it: it pays for it, and recvfrom tells its name."""
        self.creds = creds
        self.files = files
        self.cost = cost
        self.peeked = False
        """An empty message that MSG_PEEK has shown."""
        self.user = 0
        """Whom the files count for while they are in flight."""

    @property
    def left(self) -> int:
        """Bytes not read (Linux: unix_skb_len)."""
        return len(self.data) - self.at

    def consumed(self) -> None:
        """Give the room back to the sender (Linux: sock_wfree, unix_write_space)."""
        sender = self.sender
        sender.wmem -= self.cost
        sender.inode.sb.kmalloc.uncharge("skbuff", self.cost)
        if sender.wmem * 4 <= sender.sndbuf:
            sender.wr_wait.wake_up()
            if sender.f_owner is not None:
                sender.news(POLL_OUT)

    def detach_fds(self) -> tuple[File, ...]:
        """Hand the files and their references over."""
        if not self.files:
            return ()
        from forkernel.net.unix.garbage import detach

        return detach(self)

    def drop(self) -> None:
        """Nobody will read it."""
        self.consumed()
        if self.files:
            from forkernel.net.unix.garbage import inflight_of, put_files

            put_files(inflight_of(self.sender), self.detach_fds())
