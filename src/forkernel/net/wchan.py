"""Linux's functions in which calls on sockets sleep, for wchan and stack of /proc: by family and what they wait for."""

from __future__ import annotations

from forkernel.abi.socket import AF_NETLINK, AF_UNIX, SOCK_STREAM

Chain = tuple[str, ...]
"""Functions, the innermost first."""

SKB_WAIT = "__skb_wait_for_more_packets"
STREAM: dict[str, Chain] = {
    "read": ("unix_stream_read_generic", "unix_stream_recvmsg"),
    "write": ("sock_alloc_send_pskb", "unix_stream_sendmsg"),
    "accept": (SKB_WAIT, "__skb_recv_datagram", "skb_recv_datagram", "unix_accept"),
    "connect": ("unix_wait_for_peer", "unix_stream_connect"),
}
DGRAM: dict[str, Chain] = {
    "read": (SKB_WAIT, "__unix_dgram_recvmsg"),
    "write": ("sock_alloc_send_pskb", "unix_dgram_sendmsg"),
    "accept": STREAM["accept"],
    "connect": STREAM["connect"],
}
TCP: dict[str, Chain] = {
    "read": ("wait_woken", "sk_wait_data", "tcp_recvmsg_locked", "tcp_recvmsg"),
    "write": ("wait_woken", "sk_stream_wait_memory", "tcp_sendmsg_locked", "tcp_sendmsg"),
    "accept": ("inet_csk_accept", "inet_accept"),
    "connect": ("wait_woken", "inet_wait_for_connect", "__inet_stream_connect", "inet_stream_connect"),
}
UDP: dict[str, Chain] = {"read": (SKB_WAIT, "__skb_recv_udp", "udp_recvmsg")}
NETLINK: dict[str, Chain] = {"read": (SKB_WAIT, "__skb_recv_datagram", "skb_recv_datagram", "netlink_recvmsg")}
OUTER: dict[str, Chain] = {
    "read": ("sock_recvmsg", "sock_read_iter"),
    "readv": ("sock_recvmsg", "sock_read_iter"),
    "recvfrom": ("sock_recvmsg",),
    "recvmsg": ("sock_recvmsg",),
    "recvmmsg": ("sock_recvmsg",),
    "write": ("sock_write_iter",),
    "writev": ("sock_write_iter",),
}


def socket_sleeps_in(family: int, kind: int, call: str, *, writing: bool) -> Chain:
    """The functions between the wait itself and the call's own."""
    stream = kind == SOCK_STREAM
    if family == AF_UNIX:
        chains = STREAM if stream else DGRAM
    elif family == AF_NETLINK:
        chains = NETLINK
    else:
        chains = TCP if stream else UDP
    what = "accept" if call == "accept4" else call if call in chains else "write" if writing else "read"
    inner = chains.get(what, ())
    return (*inner, *OUTER.get(call, ())) if inner else ()
