"""Contexts of Linux's asynchronous I/O: who has asked for what, and the ring of what is done (Linux: fs/aio.c).

Life of a context: `ioctx_alloc` maps a ring into the caller's memory, whose address is the context's name; each
request takes a place by `get_req` and ends in `complete`, which writes an event to the ring, wakes who waits and
signals the request's eventfd; `read_events` takes events off. The ring is the program's too: a library may take events
off by itself, by moving `head`. A context goes by `kill_ioctx`, or with the address space (`exit_aio`); fork does not
copy it.

Reads and writes are done when they are submitted, as on Linux for files without O_DIRECT. A poll (`AioPoll`) stays on
the file's queues until it is ready.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.aio import AIO_RING, AIO_RING_MAGIC, IO_EVENT, RING_HEAD, RING_TAIL
from forkernel.abi.errno import EAGAIN, EINVAL
from forkernel.abi.mman import MAP_ANONYMOUS, MAP_PRIVATE, PROT_READ, PROT_WRITE
from forkernel.errors import SysError
from forkernel.fs.eventfd import EventFile
from forkernel.mm.mmap import do_mmap, do_munmap
from forkernel.mm.vma import PAGE_SIZE, VM_DONTCOPY, VM_DONTEXPAND
from forkernel.wait import KeyedQueue, WaitQueue

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.kernel.task import Task
    from forkernel.mm.mm_struct import MmStruct

AIO_MAX_NR = 65536
CPU_EVENTS = 4
"""Places for each CPU that a context has at least."""


class Aio:
    """All contexts of a machine."""

    __slots__ = ("contexts", "max_nr", "nr")

    def __init__(self) -> None:
        self.contexts: dict[MmStruct, dict[int, KioCtx]] = {}
        """By address space and name."""
        self.nr = 0
        """/proc/sys/fs/aio-nr: places asked for."""
        self.max_nr = AIO_MAX_NR

    def exit_aio(self, mm: MmStruct) -> None:
        """The address space goes."""
        for ctx in list(self.contexts.get(mm, {}).values()):
            self.kill_ioctx(ctx, unmap=False)

    def lookup(self, task: Task, name: int) -> KioCtx:
        """A context of the caller; EINVAL."""
        assert task.mm is not None
        ctx = self.contexts.get(task.mm, {}).get(name)
        if ctx is None:
            raise SysError(EINVAL)
        return ctx

    def ioctx_alloc(self, task: Task, nr_events: int) -> KioCtx:
        """A new context for `nr_events` requests at a time; EINVAL, EAGAIN for too many, ENOMEM."""
        if not nr_events or nr_events > (1 << 28) // IO_EVENT.size:
            raise SysError(EINVAL)
        if self.nr + nr_events > self.max_nr:
            raise SysError(EAGAIN)
        mm = task.mm
        assert mm is not None
        wanted = max(nr_events, len(task.system.run_queues) * CPU_EVENTS) * 2 + 2
        size = -(-(AIO_RING.size + wanted * IO_EVENT.size) // PAGE_SIZE) * PAGE_SIZE
        prot, flags = PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS
        ring = do_mmap(mm, 0, size, prot, flags, extra=VM_DONTCOPY | VM_DONTEXPAND)
        ctx = KioCtx(mm, ring, size, nr_events)
        mm.write(ring, bytes(size))
        mm.write(ring, AIO_RING.pack(0, ctx.nr, 0, 0, AIO_RING_MAGIC, 1, 0, AIO_RING.size))
        self.contexts.setdefault(mm, {})[ring] = ctx
        self.nr += nr_events
        return ctx

    def kill_ioctx(self, ctx: KioCtx, unmap: bool = True) -> None:
        """The context goes, with the polls that are not ready; who waits for events gets EINVAL."""
        mine = self.contexts[ctx.mm]
        del mine[ctx.ring]
        if not mine:
            del self.contexts[ctx.mm]
        self.nr -= ctx.max_reqs
        ctx.dead = True
        for poll in list(ctx.active.values()):
            poll.end()
        if unmap:
            do_munmap(ctx.mm, ctx.ring, ctx.size)
        ctx.wait.wake_up()


class KioCtx:
    """A context (Linux: kioctx)."""

    __slots__ = ("active", "dead", "inflight", "max_reqs", "mm", "nr", "ring", "size", "tail", "wait")

    def __init__(self, mm: MmStruct, ring: int, size: int, max_reqs: int) -> None:
        self.mm = mm
        self.ring = ring
        self.size = size
        self.nr = (size - AIO_RING.size) // IO_EVENT.size
        """Events that the ring has room for."""
        self.max_reqs = max_reqs
        self.tail = 0
        self.inflight = 0
        """Requests without an event so far."""
        self.active: dict[int, AioPoll] = {}
        """Polls that are not ready, by the address of their iocb."""
        self.wait = WaitQueue()
        self.dead = False

    def head(self) -> int:
        """Where the next event to be taken is; the program may have moved it."""
        return self.mm.read_u32(self.ring + RING_HEAD) % self.nr

    def get_req(self) -> None:
        """Take a place for a request; EAGAIN when the ring could overflow."""
        if (self.tail - self.head()) % self.nr + self.inflight >= self.nr - 1:
            raise SysError(EAGAIN)
        self.inflight += 1

    def complete(self, data: int, obj: int, result: int, eventfd: File | None) -> None:
        """A request is done."""
        self.inflight -= 1
        mm, ring = self.mm, self.ring
        mm.write(ring + AIO_RING.size + self.tail * IO_EVENT.size, IO_EVENT.pack(data, obj, result, 0))
        self.tail = (self.tail + 1) % self.nr
        mm.write_u32(ring + RING_TAIL, self.tail)
        if isinstance(eventfd, EventFile):
            eventfd.signal()
        self.wait.wake_up()

    def read_events(self, most: int) -> list[bytes]:
        """Up to `most` events from the ring, where they stay until `advance`."""
        head = self.head()
        count = min((self.tail - head) % self.nr, most)
        places = [self.ring + AIO_RING.size + (head + n) % self.nr * IO_EVENT.size for n in range(count)]
        return [self.mm.read(place, IO_EVENT.size) for place in places]

    def advance(self, count: int) -> None:
        """That many events are taken."""
        self.mm.write_u32(self.ring + RING_HEAD, (self.head() + count) % self.nr)


class AioPoll:
    """IOCB_CMD_POLL: parked on the file's queues until one of `events` is there. A `Waiter`."""

    __slots__ = ("ctx", "data", "eventfd", "events", "file", "obj", "queues")

    def __init__(self, ctx: KioCtx, file: File, events: int, data: int, obj: int, eventfd: File | None) -> None:
        self.ctx = ctx
        self.file = file
        self.events = events
        self.data = data
        self.obj = obj
        self.eventfd = eventfd
        self.queues: tuple[WaitQueue, ...] = ()

    def start(self, task: Task) -> None:
        """Ready at once, or wait for it."""
        ready = self.file.poll(task) & self.events
        self.ctx.active[self.obj] = self
        if ready:
            self.finish(ready)
            return
        self.queues = self.file.poll_queues()
        for queue in self.queues:
            queue.waiters[self] = None

    def wake_from(self, queue: WaitQueue) -> None:
        """The file may be ready."""
        if isinstance(queue, KeyedQueue) and queue.key:  # the answer is then what the wake-up tells of
            ready = queue.key if queue.key & self.events else 0
        else:
            ready = self.file.poll(self.ctx.mm.system.current) & self.events
        if ready:
            self.finish(ready)

    def finish(self, result: int) -> None:
        """There is an event; or none, but the request is cancelled (0)."""
        self.end(result)

    def end(self, result: int | None = None) -> None:
        """Leave the queues; with a result, tell it."""
        for queue in self.queues:
            queue.waiters.pop(self, None)
        del self.ctx.active[self.obj]
        if result is not None:
            self.ctx.complete(self.data, self.obj, result, self.eventfd)
        self.file.put()
        if self.eventfd is not None:
            self.eventfd.put()


def aio_of(system: Any) -> Aio:
    """The machine's contexts, made at the first io_setup."""
    if system.aio is None:
        system.aio = Aio()
    aio: Aio = system.aio
    return aio
