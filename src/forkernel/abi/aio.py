"""Linux's asynchronous I/O: io_setup(2), io_submit(2), io_getevents(2)."""

from __future__ import annotations

import struct

IOCB_CMD_PREAD = 0
IOCB_CMD_PWRITE = 1
IOCB_CMD_FSYNC = 2
IOCB_CMD_FDSYNC = 3
IOCB_CMD_POLL = 5
IOCB_CMD_NOOP = 6
IOCB_CMD_PREADV = 7
IOCB_CMD_PWRITEV = 8
IOCB_FLAG_RESFD = 1
IOCB_FLAG_IOPRIO = 2
KIOCB_KEY = 0

IOCB = struct.Struct("<QIiHhIQQqQII")
"""struct iocb: data, key, rw_flags, opcode, reqprio, fildes, buf, nbytes, offset, reserved2, flags, resfd."""
IO_EVENT = struct.Struct("<QQqq")
"""struct io_event: data, obj, res, res2."""
AIO_RING = struct.Struct("<8I")
"""struct aio_ring: id, nr, head, tail, magic, compat_features, incompat_features, header_length."""
AIO_RING_MAGIC = 0xA10A10A1
RING_HEAD, RING_TAIL = 8, 12
"""Where in it head and tail are."""
