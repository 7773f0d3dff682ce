"""struct tcp_info (tcp(7), TCP_INFO): what is known of a connection here, in Linux's layout.

Nothing is lost or reordered and nothing takes time on the way, so the fields about that are zero because they are.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from forkernel.abi.inet import TCP_CLOSE, TCP_LISTEN, TCP_SYN_SENT
from forkernel.net.inet.tcp import MSS
from forkernel.net.inet.tcp_options import MSS_DEFAULT, mss_of
from forkernel.net.inet.tcp_timer import RTO_MIN, TIMEOUT_INIT

if TYPE_CHECKING:
    from forkernel.net.inet.tcp import TcpFile

LAYOUT = struct.Struct("<8B24I4Q6I4Q2I2Q6I2HI")
TCPI_OPT_TIMESTAMPS, TCPI_OPT_SACK, TCPI_OPT_WSCALE = 1, 2, 4
WSCALE = 7
INFINITE_SSTHRESH = 0x7FFFFFFF
INIT_CWND = 10
MTU = 65535
NO_PACING = (1 << 64) - 1
NO_RTT = 0xFFFFFFFF
NSEC_PER_USEC, NSEC_PER_MSEC = 1000, 10**6


def tcp_info(sock: TcpFile) -> bytes:
    """The struct."""
    opened = sock.state not in (TCP_CLOSE, TCP_LISTEN, TCP_SYN_SENT)
    listens = sock.state == TCP_LISTEN
    now = sock.inet.now
    mss = mss_of(sock)
    received = sock.copied_seq + sock.rcvq_bytes
    sent_ago = (now - sock.lsndtime) // NSEC_PER_MSEC
    came_ago = (now - sock.lrcvtime) // NSEC_PER_MSEC
    peer_window = sock.peer.window - sock.peer.rcvq_bytes if sock.peer is not None else 0
    handshake = 2 if opened else 0
    return LAYOUT.pack(
        sock.state, 0, min(sock.retransmits, 255), 0, min(sock.retransmits, 255),
        TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE if opened else 0,
        WSCALE << 4 | WSCALE if opened else 0, 0,
        (RTO_MIN if opened else TIMEOUT_INIT) // NSEC_PER_USEC, 0, mss, mss if opened else 0,
        len(sock.accept_queue) if listens else 0, sock.max_backlog if listens else 0, 0, 0, 0,
        sent_ago, 0, came_ago, came_ago,
        MTU if opened else 0, sock.window, 0, 0, INFINITE_SSTHRESH, INIT_CWND, MSS if opened else MSS_DEFAULT, 3,
        0, sock.window, sock.retransmits,
        NO_PACING, NO_PACING, sock.bytes_acked + (1 if opened and not sock.was_bound else 0), received,
        handshake + sock.data_segs_out + sock.data_segs_in, handshake + sock.data_segs_in + sock.data_segs_out,
        sock.sndq_bytes, NO_RTT if not opened else 0, sock.data_segs_in, sock.data_segs_out,
        0, 0, 0, 0,
        sock.data_segs_out, 0,
        sock.bytes_acked, 0,
        0, 0, 0, max(peer_window, 0), max(sock.window - sock.rcvq_bytes, 0), 0,
        0, 0, 0,
    )  # fmt: skip
