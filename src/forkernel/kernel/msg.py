"""System V message queues (Linux: ipc/msg.c; msgget(2), msgsnd(2), msgrcv(2), msgctl(2)).

Life of a message: `do_msgsnd` waits until there is room, then gives the message to the first sleeping receiver
that wants one of its type (`pipelined_send`), or puts it at the end of the queue; `do_msgrcv` takes the first that
fits, or sleeps as a `MsgReceiver`, which finds its message in itself when it wakes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from forkernel.abi.errno import (
    E2BIG,
    EACCES,
    EAGAIN,
    EFAULT,
    EIDRM,
    EINVAL,
    ENOMSG,
    ERESTARTNOHAND,
)
from forkernel.abi.ipc import IPC_NOWAIT, MSG_COPY, MSG_EXCEPT, MSG_NOERROR, S_IRUGO, S_IWUGO
from forkernel.abi.ipc_structs import MsqidDs
from forkernel.errors import SysError
from forkernel.kernel.ipc_namespace import IpcNamespace, ipc_ns_of
from forkernel.kernel.ipc_util import (
    KernIpcPerm,
    check_perms,
    forget_pid,
    ipc_obtain_object_check,
    ipc_update_pid,
    ipcget,
    ipcperms,
    now_seconds,
)
from forkernel.kernel.pid import Pid, pid_vnr
from forkernel.wait import Resume, Sleep, WaitQueue

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

LONG_MAX, LONG_MIN = (1 << 63) - 1, -(1 << 63)
_LONG = struct.Struct("<q")
ANY, EQUAL, NOT_EQUAL, LESS_EQUAL, NUMBER = range(5)
"""How a receiver chooses (Linux: SEARCH_ANY ...)."""

MSG_SIZE = 48
"""What struct msg_msg takes beside the text."""


class Msg:
    """A message (Linux: msg_msg)."""

    __slots__ = ("mtype", "text")

    def __init__(self, mtype: int, text: bytes) -> None:
        self.mtype = mtype
        self.text = text


class MsgQueue(KernIpcPerm):
    """A queue (Linux: msg_queue). Times in seconds, sizes in bytes."""

    __slots__ = (
        "cbytes", "ctime", "lrpid", "lspid", "messages", "qbytes", "receivers", "rtime", "senders", "stime",
    )  # fmt: skip

    def __init__(self, task: Task, ns: IpcNamespace, key: int, mode: int) -> None:
        super().__init__(task, key, mode)
        self.messages: list[Msg] = []
        self.cbytes = 0
        self.qbytes = ns.msg_ctlmnb
        self.stime = self.rtime = 0
        self.ctime = now_seconds(task)
        self.lspid: Pid | None = None
        self.lrpid: Pid | None = None
        self.receivers: dict[MsgReceiver, None] = {}
        """In order of arrival."""
        self.senders = WaitQueue()

    def pack(self, task: Task) -> bytes:
        """As struct msqid64_ds, for `task`."""
        pids = pid_vnr(self.lspid, task), pid_vnr(self.lrpid, task)
        rest = MsqidDs(self.stime, self.rtime, self.ctime, self.cbytes, len(self.messages), self.qbytes, *pids)
        return self.pack_perm(task.cred.user_ns) + rest.pack()

    def has_room(self, size: int) -> bool:
        """Whether a message of so many bytes fits (Linux: msg_fits_inqueue)."""
        return self.cbytes + size <= self.qbytes and len(self.messages) + 1 <= self.qbytes


class MsgSender(Resume):
    """A sender that waits for room."""

    __slots__ = ("flags", "msg", "queue")

    def __init__(self, queue: MsgQueue, msg: Msg, flags: int) -> None:
        self.queue = queue
        self.msg = msg
        self.flags = flags

    def step(self, task: Task) -> int:
        """Send, or wait again; EACCES, EAGAIN, EIDRM."""
        queue, msg = self.queue, self.msg
        if queue.deleted:
            raise SysError(EIDRM)
        if not ipcperms(task, queue, S_IWUGO):
            raise SysError(EACCES)
        if not queue.has_room(len(msg.text)):
            if self.flags & IPC_NOWAIT:
                raise SysError(EAGAIN)
            raise Sleep(queue.senders, resume=self)
        queue.lspid = ipc_update_pid(queue.lspid, task)
        queue.stime = now_seconds(task)
        if not pipelined_send(task, queue, msg):
            task.system.slabs.kmalloc.charge("msg_msg", MSG_SIZE + len(msg.text))
            queue.messages.append(msg)
            queue.cbytes += len(msg.text)
        return 0

    def interrupted(self, task: Task) -> int:
        """A signal: begun again only where no handler runs."""
        return -ERESTARTNOHAND


class MsgReceiver(Resume):
    """A receiver that waits; `msg` is its message, or `error` why there is none."""

    __slots__ = ("addr", "error", "flags", "mode", "msg", "mtype", "queue", "size", "task", "wait")

    def __init__(self, queue: MsgQueue, addr: int, size: int, mtype: int, mode: int, flags: int, task: Task) -> None:
        self.queue = queue
        self.addr, self.size = addr, size
        self.mtype, self.mode, self.flags = mtype, mode, flags
        self.task = task
        self.msg: Msg | None = None
        self.error = 0
        self.wait = WaitQueue()

    def wants(self, msg: Msg) -> bool:
        """Whether the message is of a type asked for (Linux: testmsg)."""
        mode = self.mode
        if mode == LESS_EQUAL:
            return msg.mtype <= self.mtype
        if mode == EQUAL:
            return msg.mtype == self.mtype
        return mode == ANY or msg.mtype != self.mtype

    def step(self, task: Task) -> int:
        """The message's length once it is there; EIDRM, E2BIG, EACCES."""
        if self.msg is None and not self.error:
            self._look(task)
        if self.msg is not None:
            return fill_user(task, self.addr, self.size, self.msg)
        raise SysError(self.error)

    def _look(self, task: Task) -> None:
        queue = self.queue
        if queue.deleted:
            raise SysError(EIDRM)
        check_perms(task, queue, S_IRUGO)
        index = find_msg(queue, self)
        if index is None:
            if self.flags & IPC_NOWAIT:
                raise SysError(ENOMSG)
            queue.receivers[self] = None
            raise Sleep(self.wait, resume=self)
        queue.receivers.pop(self, None)
        msg = queue.messages[index]
        if self.size < len(msg.text) and not self.flags & MSG_NOERROR:
            raise SysError(E2BIG)
        if self.mode == NUMBER:
            if self.size < len(msg.text):
                raise SysError(EINVAL)
            self.msg = msg
            return
        del queue.messages[index]
        queue.cbytes -= len(msg.text)
        task.system.slabs.kmalloc.uncharge("msg_msg", MSG_SIZE + len(msg.text))
        queue.rtime = now_seconds(task)
        queue.lrpid = ipc_update_pid(queue.lrpid, task)
        self.msg = msg
        queue.senders.wake_up()

    def interrupted(self, task: Task) -> int:
        """A signal: begun again only where no handler runs."""
        self.queue.receivers.pop(self, None)
        return -ERESTARTNOHAND

    def wake(self, msg: Msg | None, error: int) -> None:
        """End the wait."""
        self.queue.receivers.pop(self, None)
        self.msg, self.error = msg, error
        self.wait.wake_up()


# --- queues


def msgget(task: Task, key: int, flags: int) -> int:
    """The queue with a key, made if it is to be (msgget(2))."""
    ns = ipc_ns_of(task)
    ids = ns.ids("msg")
    return ipcget(
        task, ids, key, flags, lambda: ids.add(MsgQueue(task, ns, key, flags), ns.msg_ctlmni), lambda perm: None
    )


def find_queue(task: Task, number: int) -> MsgQueue:
    """The queue with this number; EINVAL."""
    found = ipc_obtain_object_check(ipc_ns_of(task).ids("msg"), number)
    assert isinstance(found, MsgQueue)
    return found


def freeque(ns: IpcNamespace, queue: MsgQueue) -> None:
    """IPC_RMID: the queue goes with its messages; who waits gets EIDRM."""
    ns.ids("msg").remove(queue)
    for receiver in list(queue.receivers):
        receiver.wake(None, EIDRM)
    queue.senders.wake_up()
    held = sum(MSG_SIZE + len(msg.text) for msg in queue.messages)
    ns.system.slabs.kmalloc.uncharge("msg_msg", held)
    queue.messages.clear()
    queue.cbytes = 0
    forget_pid(queue.lspid)
    forget_pid(queue.lrpid)
    queue.lspid = queue.lrpid = None


def expunge(queue: MsgQueue) -> None:
    """IPC_SET: who waits looks again, for permissions and room may be others now."""
    for receiver in list(queue.receivers):
        receiver.wake(None, 0)
    queue.senders.wake_up()


# --- sending and receiving


def do_msgsnd(task: Task, number: int, addr: int, size: int, flags: int) -> int:
    """msgsnd(2); `addr` is that of struct msgbuf, `size` of its text."""
    mm = task.mm
    assert mm is not None
    mtype: int = _LONG.unpack(mm.read(addr, 8))[0]
    if size > min(ipc_ns_of(task).msg_ctlmax, LONG_MAX) or number < 0 or mtype < 1:
        raise SysError(EINVAL)
    text = mm.read(addr + 8, size)
    return MsgSender(find_queue(task, number), Msg(mtype, text), flags).step(task)


def pipelined_send(task: Task, queue: MsgQueue, msg: Msg) -> bool:
    """Give the message to the first receiver that waits for it; one whose buffer is too small gets E2BIG."""
    for receiver in list(queue.receivers):
        if not receiver.wants(msg):
            continue
        if receiver.size < len(msg.text) and not receiver.flags & MSG_NOERROR:
            receiver.wake(None, E2BIG)
            continue
        queue.lrpid = ipc_update_pid(queue.lrpid, receiver.task)
        queue.rtime = now_seconds(task)
        receiver.wake(msg, 0)
        return True
    return False


def do_msgrcv(task: Task, number: int, addr: int, size: int, mtype: int, flags: int) -> int:
    """msgrcv(2): the number of bytes of text."""
    if number < 0 or size > LONG_MAX:
        raise SysError(EINVAL)
    if flags & MSG_COPY:
        if flags & MSG_EXCEPT or not flags & IPC_NOWAIT:
            raise SysError(EINVAL)
        task.mm.read(addr, min(size, ipc_ns_of(task).msg_ctlmax))  # type: ignore[union-attr]  # a bad one is EFAULT now
    mode, mtype = convert_mode(mtype, flags)
    return MsgReceiver(find_queue(task, number), addr, size, mtype, mode, flags, task).step(task)


def convert_mode(mtype: int, flags: int) -> tuple[int, int]:
    """How msgrcv's type argument is meant."""
    if flags & MSG_COPY:
        return NUMBER, mtype
    if mtype == 0:
        return ANY, 0
    if mtype < 0:
        return LESS_EQUAL, LONG_MAX if mtype == LONG_MIN else -mtype
    return (NOT_EQUAL if flags & MSG_EXCEPT else EQUAL), mtype


def find_msg(queue: MsgQueue, receiver: MsgReceiver) -> int | None:
    """Index of the message that a receiver gets: the first that fits; for LESS_EQUAL the first of the lowest type."""
    messages = queue.messages
    if receiver.mode == NUMBER:
        return receiver.mtype if 0 <= receiver.mtype < len(messages) else None
    fitting = [index for index, msg in enumerate(messages) if receiver.wants(msg)]
    if not fitting:
        return None
    return min(fitting, key=lambda index: messages[index].mtype) if receiver.mode == LESS_EQUAL else fitting[0]


def fill_user(task: Task, addr: int, size: int, msg: Msg) -> int:
    """Hand a message over; EFAULT loses it."""
    mm = task.mm
    if mm is None:
        raise SysError(EFAULT)
    text = msg.text[:size]
    mm.write(addr, _LONG.pack(msg.mtype))
    mm.write(addr + 8, text)
    return len(text)
