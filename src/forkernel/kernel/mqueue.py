"""POSIX message queues (Linux: ipc/mqueue.c; mq_overview(7)).

A queue is a file of a small file system that each IPC namespace has (`MqueueSuperblock`), made by `do_mq_open` and
taken away by `do_mq_unlink`; `mount -t mqueue` shows it. Life of a message: `do_mq_timedsend` gives it to the first
receiver that waits, else puts it behind all of its priority; a full queue makes the sender wait as an `MqSender`.
`do_mq_timedreceive` takes the oldest of the highest priority, and lets the first waiting sender's message in; an empty
queue makes it wait as an `MqReceiver`. A message that comes to an empty queue where nobody waits is told to the one
process that asked for it (`do_mq_notify`), once.
"""

from __future__ import annotations

from bisect import insort
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from forkernel.abi.capability import CAP_SYS_RESOURCE
from forkernel.abi.errno import (
    EACCES,
    EAGAIN,
    EBADF,
    EBUSY,
    EEXIST,
    EFAULT,
    EINVAL,
    EMFILE,
    EMSGSIZE,
    ENAMETOOLONG,
    ENOENT,
    ENOSPC,
    ENOTSOCK,
    EOVERFLOW,
    EPERM,
    ERESTARTSYS,
    ETIMEDOUT,
)
from forkernel.abi.fcntl import O_ACCMODE, O_CREAT, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY
from forkernel.abi.poll import POLLIN, POLLOUT, POLLRDNORM, POLLWRNORM
from forkernel.abi.resource import RLIMIT_MSGQUEUE
from forkernel.abi.signal import SigInfo
from forkernel.abi.socket import AF_NETLINK
from forkernel.abi.stat import S_IFREG
from forkernel.abi.time import SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD
from forkernel.errors import SysError
from forkernel.fs.dentry import Dentry
from forkernel.fs.fdtable import fd_install
from forkernel.fs.file import File
from forkernel.fs.inode import MAY_READ, MAY_WRITE, Inode, Superblock
from forkernel.fs.namei import may_create, may_delete
from forkernel.fs.seq_file import SeqFile
from forkernel.fs.tmpfs import RamDir
from forkernel.kernel.cred import capable
from forkernel.kernel.ipc_namespace import IpcNamespace, ipc_ns_of
from forkernel.kernel.pid import Pid, get_pid, pid_vnr, put_pid, task_tgid
from forkernel.kernel.sched import is_rt
from forkernel.wait import Resume, Sleep, WaitQueue

if TYPE_CHECKING:
    from forkernel.abi.time import Sigevent
    from forkernel.fs.vfs import Vfs
    from forkernel.kernel.task import Task

MQUEUE_MAGIC = 0x19800202
NAME_MAX = 255
MQ_PRIO_MAX = 32768
HARD_MSGMAX, HARD_MSGSIZEMAX = 65536, 16 << 20
FILENT_SIZE = 80
MSG_OVERHEAD, LEAF_OVERHEAD = 48, 48
"""What a message, and a priority in use, count for beside the text (RLIMIT_MSGQUEUE, getrlimit(2))."""
SI_MESGQ = -3
NSIG = 64
NOTIFY_WOKENUP, NOTIFY_REMOVED = 1, 2
NOTIFY_COOKIE_LEN = 32
ACCESS = (MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE)


class MqueueSuperblock(Superblock):
    """The queues of one namespace."""

    def __init__(self, vfs: Vfs, ns: IpcNamespace) -> None:
        super().__init__(b"mqueue", vfs.alloc_dev(), vfs.clock, vfs.frames)
        self.magic = MQUEUE_MAGIC
        self.ns = ns
        self.root = MqueueDir(self)

    def charge_inode(self) -> None:
        """Limits are those of the namespace, see `new_queue`."""

    def clear(self) -> None:
        """The namespace is gone: queues go, those that are open with their last descriptor."""
        self.dead = True
        for inode in list(self.root.entries.values()):
            if isinstance(inode, MqueueInode) and not inode.opens:
                inode.evict()


class MqueueDir(RamDir):
    """The one directory: holds queues only."""

    __slots__ = ()

    def __init__(self, sb: MqueueSuperblock) -> None:
        super().__init__(sb, 0o1777)  # type: ignore[arg-type]  # it asks the superblock for charge_inode only

    def create(self, task: Task | None, name: bytes, mode: int, rdev: int = 0) -> Inode:
        """A queue of the default size, for open(2) with O_CREAT."""
        if task is None or mode & ~0o7777 not in (0, S_IFREG):
            raise SysError(EPERM)
        return new_queue(task, self, name, mode & 0o7777, None)

    def mkdir(self, task: Task | None, name: bytes, mode: int) -> RamDir:
        """No directories."""
        raise SysError(EPERM)

    def symlink(self, task: Task | None, name: bytes, target: bytes) -> Inode:
        """No links."""
        raise SysError(EPERM)

    def link(self, task: Task | None, name: bytes, inode: Inode) -> None:
        """No links."""
        raise SysError(EPERM)

    def rename(self, task: Task | None, name: bytes, newdir: Inode, newname: bytes, exchange: bool) -> None:
        """No other names."""
        raise SysError(EPERM)


class MqueueInode(Inode):
    """A queue (Linux: mqueue_inode_info)."""

    __slots__ = (
        "arrivals", "changed", "maxmsg", "messages", "mq_bytes", "msgsize", "notify", "notify_cookie", "notify_owner",
        "notify_sock", "qsize",
        "receivers", "senders", "user",
    )  # fmt: skip

    def __init__(self, sb: Superblock, mode: int, uid: int, gid: int, maxmsg: int, msgsize: int) -> None:
        super().__init__(sb, S_IFREG | mode, uid, gid)
        self.size = FILENT_SIZE
        self.maxmsg, self.msgsize = maxmsg, msgsize
        self.messages: list[tuple[int, int, bytes]] = []
        """(-priority, number of arrival, text), the next one first."""
        self.arrivals = 0
        self.qsize = 0
        """Bytes in it."""
        self.receivers: list[MqReceiver] = []
        self.senders: list[MqSender] = []
        self.changed = WaitQueue()
        """For poll."""
        self.notify: Sigevent | None = None
        self.notify_owner: Pid | None = None
        self.notify_sock: Any = None
        """SIGEV_THREAD: the netlink socket (with a reference) that gets the cookie, and"""
        self.notify_cookie = b""
        """the 32 bytes, of which the last tells what happened."""
        """The process to be told of the next message, and how."""
        self.user = uid
        self.mq_bytes = 0
        """What it counts for in RLIMIT_MSGQUEUE of `user`."""

    def open(self, task: Task, flags: int) -> File:
        """A descriptor."""
        return MqueueFile(self, flags)

    def truncate(self, size: int) -> None:
        """O_TRUNC does nothing."""

    def evict(self) -> None:
        """The last name and descriptor are gone."""
        sb = self.sb
        assert isinstance(sb, MqueueSuperblock)
        if self.mq_bytes:
            sb.ns.system.mq_bytes[self.user] -= self.mq_bytes
            sb.ns.mq_queues_count -= 1
            self.mq_bytes = 0
        self.messages.clear()
        self.remove_notification()

    # --- messages
    def put(self, prio: int, text: bytes) -> None:
        """Behind all of its priority."""
        self.arrivals += 1
        insort(self.messages, (-prio, self.arrivals, text))
        self.qsize += len(text)

    def take(self) -> tuple[int, bytes]:
        """The oldest of the highest priority: (priority, text)."""
        prio, _, text = self.messages.pop(0)
        self.qsize -= len(text)
        return -prio, text

    def remove_notification(self) -> None:
        """Nobody is told of messages any more."""
        if self.notify_owner is not None:
            put_pid(self.notify_owner)
        self.send_cookie(NOTIFY_REMOVED)
        self.notify = self.notify_owner = None

    def send_cookie(self, what: int) -> None:
        """SIGEV_THREAD: wake the C library's helper thread, once."""
        sock, self.notify_sock = self.notify_sock, None
        if sock is not None:
            sock.deliver(self.notify_cookie[:-1] + bytes((what,)))
            sock.put()


class MqueueFile(SeqFile):
    """An open queue."""

    __slots__ = ()

    inode: MqueueInode

    def pread(self, task: Task, offset: int, count: int) -> bytes:
        """What is in it and who is told, as text (mq_overview(7), "Mounting")."""
        if not self.readable:
            raise SysError(EBADF)
        inode, notify = self.inode, self.inode.notify
        how = notify.sigev_notify if notify is not None else 0
        signo = notify.sigev_signo if notify is not None and how == SIGEV_SIGNAL else 0
        owner = pid_vnr(inode.notify_owner, task)
        text = f"QSIZE:{inode.qsize:<10} NOTIFY:{how:<5} SIGNO:{signo:<5} NOTIFY_PID:{owner:<6}\n".encode()
        return text[offset : offset + count]

    def poll(self, task: Task) -> int:
        """Readable when there is a message, writable when there is room."""
        inode = self.inode
        mask = POLLIN | POLLRDNORM if inode.messages else 0
        return mask | (POLLOUT | POLLWRNORM if len(inode.messages) < inode.maxmsg else 0)

    def poll_queues(self) -> tuple[WaitQueue, ...]:
        """Woken by messages that come and go."""
        return (self.inode.changed,)

    def flush(self, task: Task) -> None:
        """A process that closes a descriptor is told no more."""
        if self.inode.notify_owner is task_tgid(task):
            self.inode.remove_notification()


# --- waiting


def task_prio(task: Task) -> int:
    """Place among waiters: the lower the sooner (Linux: task_struct.prio)."""
    return 99 - task.se.rt_priority if is_rt(task) else 120 + task.se.nice


class MqWaiter(Resume):
    """A call that waits for a message or for room; `deadline` on CLOCK_REALTIME, None for ever."""

    __slots__ = ("deadline", "done", "inode", "prio", "text", "wait", "waiting_prio")

    def __init__(self, task: Task, inode: MqueueInode, deadline: int | None) -> None:
        self.inode = inode
        self.deadline = deadline
        self.waiting_prio = task_prio(task)
        self.prio = 0
        self.text = b""
        self.done = False
        self.wait = WaitQueue()

    def queue(self) -> list[Any]:
        """Those who wait for the same."""
        raise NotImplementedError

    def sleep(self, task: Task) -> None:
        """Wait; ETIMEDOUT when the time is over."""
        clock = task.system.clock
        queue = self.queue()
        if self not in queue:
            insort(queue, self, key=_waiting_prio)
        if self.deadline is None:
            raise Sleep(self.wait, resume=self)
        left = self.deadline - clock.realtime()
        if left <= 0:
            queue.remove(self)
            raise SysError(ETIMEDOUT)
        raise Sleep(self.wait, clock.was_set, resume=self, deadline=clock.monotonic() + left)

    def interrupted(self, task: Task) -> int:
        """A signal."""
        queue = self.queue()
        if self in queue:
            queue.remove(self)
        return -ERESTARTSYS

    def finish(self) -> None:
        """What it waited for is there."""
        self.queue().remove(self)
        self.done = True
        self.wait.wake_up()


def _waiting_prio(waiter: MqWaiter) -> int:
    return waiter.waiting_prio


class MqSender(MqWaiter):
    """Waits for room; the receiver that makes it takes the message in."""

    __slots__ = ()

    def queue(self) -> list[Any]:
        """Senders."""
        return self.inode.senders

    def step(self, task: Task) -> int:
        """0 once the message is in the queue."""
        if not self.done:
            self.sleep(task)
        return 0


class MqReceiver(MqWaiter):
    """Waits for a message; the sender gives it to it."""

    __slots__ = ("addr", "prio_addr")

    def __init__(self, task: Task, inode: MqueueInode, deadline: int | None, addr: int, prio_addr: int) -> None:
        super().__init__(task, inode, deadline)
        self.addr = addr
        self.prio_addr = prio_addr

    def queue(self) -> list[Any]:
        """Receivers."""
        return self.inode.receivers

    def step(self, task: Task) -> int:
        """Its length once it is there."""
        if not self.done:
            self.sleep(task)
        return store_msg(task, self.addr, self.prio_addr, self.prio, self.text)


# --- open and unlink


def mqueue_sb(task: Task) -> MqueueSuperblock:
    """The file system of the task's namespace, made at first need."""
    ns = ipc_ns_of(task)
    if ns.mq_sb is None:
        ns.mq_sb = MqueueSuperblock(task.system.vfs, ns)
    sb = ns.mq_sb
    assert isinstance(sb, MqueueSuperblock)
    return sb


def mount_mqueue(vfs: Vfs, task: Task, source: bytes, data: bytes) -> Dentry:
    """For mount(2): the queues of the mounter's namespace."""
    return Dentry(b"", None, mqueue_sb(task).root)


def lookup(sb: MqueueSuperblock, name: bytes) -> Inode | None:
    """A queue by name; ENOENT for an empty name, EACCES for one that is none, ENAMETOOLONG."""
    if not name:
        raise SysError(ENOENT)
    if b"/" in name or name in (b".", b".."):
        raise SysError(EACCES)
    if len(name) > NAME_MAX:
        raise SysError(ENAMETOOLONG)
    return sb.root.lookup(None, name)


def do_mq_open(task: Task, name: bytes, flags: int, mode: int, attr: tuple[int, int] | None) -> int:
    """mq_open(2): a descriptor, close-on-exec. `attr`: most messages and their size."""
    sb = mqueue_sb(task)
    inode = lookup(sb, name)
    if inode is not None:
        if flags & O_CREAT and flags & O_EXCL:
            raise SysError(EEXIST)
        if flags & O_ACCMODE == O_RDWR | O_WRONLY:
            raise SysError(EINVAL)
        inode.permission(task.cred, ACCESS[flags & O_ACCMODE])
    elif not flags & O_CREAT:
        raise SysError(ENOENT)
    else:
        may_create(task, sb.root)
        inode = new_queue(task, sb.root, name, mode & 0o777 & ~task.fs.umask, attr)  # type: ignore[union-attr]
    file = inode.open(task, flags)
    file.path = task.system.vfs.pseudo_path(inode, b"/" + name)
    return fd_install(task, file, True)


def new_queue(task: Task, root: MqueueDir, name: bytes, mode: int, attr: tuple[int, int] | None) -> MqueueInode:
    """A new queue; ENOSPC, EINVAL, EOVERFLOW, EMFILE by the limits (mq_overview(7)); EACCES."""
    sb = root.sb
    assert isinstance(sb, MqueueSuperblock)
    if sb.dead:
        raise SysError(EACCES)  # still mounted somewhere, but the namespace is gone
    ns, system = sb.ns, task.system
    privileged = capable(task, CAP_SYS_RESOURCE)
    if ns.mq_queues_count >= ns.mq_queues_max and not privileged:
        raise SysError(ENOSPC)
    if attr is None:
        maxmsg = min(ns.mq_msg_max, ns.mq_msg_default)
        msgsize = min(ns.mq_msgsize_max, ns.mq_msgsize_default)
    else:
        maxmsg, msgsize = attr
    if maxmsg <= 0 or msgsize <= 0:
        raise SysError(EINVAL)
    if privileged:
        most, largest = HARD_MSGMAX, HARD_MSGSIZEMAX
    else:
        most, largest = ns.mq_msg_max, ns.mq_msgsize_max
    if maxmsg > most or msgsize > largest:
        raise SysError(EINVAL)
    total = maxmsg * (MSG_OVERHEAD + msgsize) + min(maxmsg, MQ_PRIO_MAX) * LEAF_OVERHEAD
    if total > (1 << 64) - 1:
        raise SysError(EOVERFLOW)
    cred = task.cred
    used = system.mq_bytes.get(cred.uid, 0)
    if used + total > task.signal.rlim[RLIMIT_MSGQUEUE][0]:
        raise SysError(EMFILE)
    inode = MqueueInode(sb, mode, cred.fsuid, cred.fsgid, maxmsg, msgsize)
    inode.user, inode.mq_bytes = cred.uid, total
    system.mq_bytes[cred.uid] = used + total
    ns.mq_queues_count += 1
    root.add(name, inode)
    return inode


def do_mq_unlink(task: Task, name: bytes) -> None:
    """mq_unlink(2): the name goes now, the queue with its last descriptor."""
    sb = mqueue_sb(task)
    inode = lookup(sb, name)
    if inode is None:
        raise SysError(ENOENT)
    may_delete(task, sb.root, inode)
    sb.root.unlink(task, name, inode)


def queue_file(task: Task, fd: int) -> MqueueFile:
    """The open queue; EBADF for anything else."""
    assert task.files is not None
    file = task.files.get(fd)
    if not isinstance(file, MqueueFile):
        raise SysError(EBADF)
    return file


# --- sending and receiving


def do_mq_timedsend(task: Task, fd: int, addr: int, size: int, prio: int, deadline: int | None) -> int:
    """mq_timedsend(2)."""
    if prio >= MQ_PRIO_MAX:
        raise SysError(EINVAL)
    file = queue_file(task, fd)
    if not file.writable:
        raise SysError(EBADF)
    inode = file.inode
    if size > inode.msgsize:
        raise SysError(EMSGSIZE)
    text = task.mm.read(addr, size)  # type: ignore[union-attr]
    if len(inode.messages) < inode.maxmsg:
        deliver(task, inode, prio, text)
        return 0
    if file.flags & O_NONBLOCK:
        raise SysError(EAGAIN)
    waiter = MqSender(task, inode, deadline)
    waiter.prio, waiter.text = prio, text
    return waiter.step(task)


def deliver(task: Task, inode: MqueueInode, prio: int, text: bytes) -> None:
    """To who waits first, else into the queue (Linux: pipelined_send, __do_notify)."""
    now = inode.sb.now()
    inode.atime = inode.mtime = inode.ctime = now
    if inode.receivers:
        receiver = inode.receivers[0]
        receiver.prio, receiver.text = prio, text
        receiver.finish()
        return
    inode.put(prio, text)
    if len(inode.messages) == 1 and inode.notify_owner is not None:
        tell(task, inode)
    inode.changed.wake_up()


def tell(task: Task, inode: MqueueInode) -> None:
    """The process that asked for it is told of the message, once."""
    owner, event = inode.notify_owner, inode.notify
    assert owner is not None
    assert event is not None
    target = owner.leader
    if event.sigev_notify == SIGEV_SIGNAL and event.sigev_signo and target is not None:
        from forkernel.kernel.signal import send_signal

        info = SigInfo(
            event.sigev_signo, SI_MESGQ, pid=task_tgid(task).nr_ns(owner.ns),
            uid=task.cred.uid, value=event.sigev_value,
        )  # fmt: skip
        with suppress(SysError):  # its queue of signals is full
            send_signal(event.sigev_signo, info, target, group=True)
    inode.send_cookie(NOTIFY_WOKENUP)
    inode.remove_notification()


def do_mq_timedreceive(task: Task, fd: int, addr: int, size: int, prio_addr: int, deadline: int | None) -> int:
    """mq_timedreceive(2): the length of the message."""
    file = queue_file(task, fd)
    if not file.readable:
        raise SysError(EBADF)
    inode = file.inode
    if size < inode.msgsize:
        raise SysError(EMSGSIZE)
    if inode.messages:
        prio, text = inode.take()
        inode.atime = inode.mtime = inode.ctime = inode.sb.now()
        if inode.senders:
            sender = inode.senders[0]
            inode.put(sender.prio, sender.text)
            sender.finish()
        inode.changed.wake_up()
        return store_msg(task, addr, prio_addr, prio, text)
    if file.flags & O_NONBLOCK:
        raise SysError(EAGAIN)
    return MqReceiver(task, inode, deadline, addr, prio_addr).step(task)


def store_msg(task: Task, addr: int, prio_addr: int, prio: int, text: bytes) -> int:
    """Hand a message over; EFAULT loses it."""
    mm = task.mm
    if mm is None:
        raise SysError(EFAULT)
    if prio_addr:
        mm.write_u32(prio_addr, prio)
    mm.write(addr, text)
    return len(text)


# --- attributes and notification


def do_mq_getsetattr(task: Task, fd: int, flags: int | None) -> tuple[int, int, int, int]:
    """mq_getsetattr(2): flags, most messages, their size, messages now; then O_NONBLOCK is set as in `flags`."""
    if flags is not None and flags & ~O_NONBLOCK:
        raise SysError(EINVAL)
    file = queue_file(task, fd)
    inode = file.inode
    old = file.flags & O_NONBLOCK, inode.maxmsg, inode.msgsize, len(inode.messages)
    if flags is not None:
        file.flags = file.flags & ~O_NONBLOCK | flags
        inode.atime = inode.ctime = inode.sb.now()
    return old


def netlink_getsockbyfd(task: Task, fd: int) -> Any:
    """The netlink socket of a descriptor; EBADF, ENOTSOCK, EINVAL for one of another family."""
    from forkernel.net.socket import SocketFile

    assert task.files is not None
    file = task.files.get(fd)
    if not isinstance(file, SocketFile):
        raise SysError(ENOTSOCK)
    if file.family != AF_NETLINK:
        raise SysError(EINVAL)
    return file


def do_mq_notify(task: Task, fd: int, event: Sigevent | None) -> None:
    """mq_notify(2). SIGEV_THREAD: the cookie at sigev_value comes over netlink socket sigev_signo; ENOTSOCK, EINVAL."""
    sock, cookie = None, b""
    if event is not None:
        if event.sigev_notify not in (SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD):
            raise SysError(EINVAL)
        if event.sigev_notify == SIGEV_SIGNAL and not 0 <= event.sigev_signo <= NSIG:
            raise SysError(EINVAL)
        if event.sigev_notify == SIGEV_THREAD:
            assert task.mm is not None
            cookie = task.mm.read(event.sigev_value, NOTIFY_COOKIE_LEN)
            sock = netlink_getsockbyfd(task, event.sigev_signo)
    inode = queue_file(task, fd).inode
    me = task_tgid(task)
    if event is None:
        if inode.notify_owner is me:
            inode.remove_notification()
            inode.atime = inode.ctime = inode.sb.now()
    elif inode.notify_owner is not None:
        raise SysError(EBUSY)
    else:
        inode.notify, inode.notify_owner = event, get_pid(me)
        if sock is not None:
            inode.notify_sock, inode.notify_cookie = sock.get(), cookie
        inode.atime = inode.ctime = inode.sb.now()


__all__ = ["O_RDONLY", "MqueueFile", "MqueueInode", "do_mq_open", "do_mq_unlink", "mount_mqueue"]
