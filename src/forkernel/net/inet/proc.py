"""The Internet's files of /proc/net: tcp, udp, raw, sockstat, snmp, netstat, route, ... (proc(5), /proc/net).

Kernel addresses are not told. Counters of what cannot happen on the loopback device are zero, as they are with Linux.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.inet import (
    AF_INET,
    AF_INET6,
    TCP_CLOSE,
    TCP_ESTABLISHED,
    TCP_LISTEN,
    TCP_SYN_RECV,
)
from forkernel.abi.socket import SO_KEEPALIVE
from forkernel.net.inet.address import mapped
from forkernel.net.inet.netns import InetNet, TimeWait, inet_of
from forkernel.net.inet.route import is_up
from forkernel.net.inet.tcp_timer import RTO, SYN

if TYPE_CHECKING:
    from forkernel.net.inet.tcp import TcpFile
    from forkernel.net.net_namespace import NetNamespace

TCP_WIDTH, UDP_WIDTH = 149, 127
USER_HZ_NS = 10**7
KEEPALIVE_TIMER, RETRANS_TIMER, TIMEWAIT_TIMER = 2, 1, 3


def hex_address(family: int, address: bytes) -> bytes:
    """An address as these files have it: words of the host's byte order."""
    if family == AF_INET6:
        address = mapped(address)
    return b"".join(b"%08X" % int.from_bytes(address[at : at + 4], "little") for at in range(0, len(address), 4))


def ends(family: int, own: bytes, lport: int, other: bytes, rport: int) -> bytes:
    """Both ends."""
    return b"%b:%04X %b:%04X" % (hex_address(family, own), lport, hex_address(family, other), rport)


def tcp(net: NetNamespace) -> bytes:
    """/proc/net/tcp."""
    head = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
    return tcp_table(net, AF_INET, head.ljust(TCP_WIDTH) + b"\n", TCP_WIDTH)


def tcp6(net: NetNamespace) -> bytes:
    """/proc/net/tcp6."""
    head = (
        b"  sl  local_address                         remote_address                        st tx_queue rx_queue tr "
        b"tm->when retrnsmt   uid  timeout inode\n"
    )
    return tcp_table(net, AF_INET6, head, 0)


def tcp_table(net: NetNamespace, family: int, head: bytes, width: int) -> bytes:
    """A line for each socket that listens, connects or is connected, and for what is left of them."""
    inet = inet_of(net)
    socks = [sock for sock in tcp_sockets(inet) if sock.family == family]
    lines = [b"%4d: %b" % (number, tcp_line(inet, sock)) for number, sock in enumerate(socks)]
    return head + b"".join(line.ljust(width) + b"\n" for line in lines)


def tcp_sockets(inet: InetNet) -> list[TcpFile | TimeWait]:
    """All of TCP that can be found by an address: listeners, then connections."""
    inet.purge()
    listeners: list[TcpFile | TimeWait] = [sock for group in inet.listeners.values() for sock in group]
    return listeners + list(inet.connections.values())


def tcp_line(inet: InetNet, sock: TcpFile | TimeWait) -> bytes:
    """What comes after the number (Linux: get_tcp4_sock, get_timewait4_sock, get_openreq4)."""
    if isinstance(sock, TimeWait):
        own, lport, other, rport = sock.key
        left = max(0, sock.expires - inet.now) // USER_HZ_NS
        return b"%b %02X %08X:%08X %02X:%08X %08X %5d %8d %d %d %016x" % (
            ends(sock.family, own, lport, other, rport), sock.state, 0, 0, TIMEWAIT_TIMER, left, 0, 0, 0, 0, 3, 0,
        )  # fmt: skip
    timer, left = timer_of(inet, sock)
    both = ends(sock.family, sock.saddr, sock.lport, sock.daddr, sock.rport)
    if sock.state == TCP_SYN_RECV:
        return b"%b %02X %08X:%08X %02X:%08X %08X %5d %8d %d %d %016x" % (
            both, TCP_SYN_RECV, 0, 0, 1, left, 0, sock.uid, 0, 0, 0, 0,
        )  # fmt: skip
    listens = sock.state == TCP_LISTEN
    if listens:
        both = ends(sock.family, sock.rcv_saddr, sock.lport, sock.daddr, 0)
    waiting = len(sock.accept_queue) if listens else sock.rcvq_bytes
    hidden = sock.orphan or sock.listener is not None
    tail = b"100 0 0 10 0" if listens else b"20 4 30 10 -1"
    return b"%b %02X %08X:%08X %02X:%08X %08X %5d %8d %d %d %016x %b" % (
        both, sock.state, sock.sndq_bytes, waiting, timer, left, sock.retransmits, 0 if hidden else sock.uid, 0,
        0 if hidden else sock.inode.ino, 1 if hidden or listens else 2, 0, tail,
    )  # fmt: skip


def timer_of(inet: InetNet, sock: TcpFile) -> tuple[int, int]:
    """Which timer of a connection runs, and its ticks left."""
    now = inet.now
    if sock.timer is not None:
        kind = RETRANS_TIMER if sock.timer.kind in (SYN, RTO) or sock.state == TCP_SYN_RECV else 0
        return kind, max(0, sock.timer.expires - now) // USER_HZ_NS
    if sock.state == TCP_ESTABLISHED and sock.options.get(SO_KEEPALIVE):
        idle = (sock.opts.keepidle if sock.opts is not None else 0) or inet.keepalive[0]
        length = idle * 10**9
        return KEEPALIVE_TIMER, (length - (now - sock.lrcvtime) % length) // USER_HZ_NS
    return 0, 0


def udp(net: NetNamespace) -> bytes:
    """/proc/net/udp."""
    return dgram_table(net, AF_INET, udp_sockets(inet_of(net)), True)


def udp6(net: NetNamespace) -> bytes:
    """/proc/net/udp6."""
    return dgram_table(net, AF_INET6, udp_sockets(inet_of(net)), True)


def raw(net: NetNamespace) -> bytes:
    """/proc/net/raw."""
    return dgram_table(net, AF_INET, list(inet_of(net).raws))


def raw6(net: NetNamespace) -> bytes:
    """/proc/net/raw6."""
    return dgram_table(net, AF_INET6, list(inet_of(net).raws))


def udp_sockets(inet: InetNet) -> list[Any]:
    """All of UDP that have a port."""
    return [sock for group in inet.udp_ports.values() for sock in group]


def dgram_table(net: NetNamespace, family: int, socks: list[Any], udp_table: bool = False) -> bytes:
    """A line for each socket."""
    tail = b"tm->when retrnsmt   uid  timeout inode ref pointer drops"
    if family == AF_INET:
        width = UDP_WIDTH
        head = b"  sl  local_address rem_address   st tx_queue rx_queue tr " + tail
        if udp_table:
            head = (b" " + head).ljust(width)
    else:
        width = 0
        head = (
            b"  sl  local_address                         remote_address                        st tx_queue rx_queue "
            b"tr " + tail
        )
    lines = []
    for sock in socks:
        if sock.family == family:
            state = TCP_ESTABLISHED if sock.connected() else TCP_CLOSE
            both = ends(family, sock.rcv_saddr, sock.lport, sock.daddr, sock.rport)
            lines.append(
                b"%5d: %b %02X %08X:%08X %02X:%08X %08X %5d %8d %d %d %016x %d"
                % (sock.lport, both, state, 0, sock.rmem, 0, 0, 0, sock.uid, 0, sock.inode.ino, 2, 0, sock.drops)
            )
    return head + b"\n" + b"".join(line.ljust(width) + b"\n" for line in lines)


def count_of(inet: InetNet, family: int) -> int:
    """TCP sockets in use."""
    return sum(1 for sock in tcp_sockets(inet) if sock.family == family and not isinstance(sock, TimeWait))


def of_family(socks: list[Any], family: int) -> int:
    """How many."""
    return sum(1 for sock in socks if sock.family == family)


def sockstat(net: NetNamespace) -> bytes:
    """/proc/net/sockstat."""
    inet = inet_of(net)
    return (
        b"sockets: used %d\nTCP: inuse %d orphan %d tw %d alloc %d mem %d\nUDP: inuse %d mem %d\nUDPLITE: inuse 0\n"
        b"RAW: inuse %d\nFRAG: inuse 0 memory 0\n"
    ) % (
        len(net.sockets) + inet.open_sockets, count_of(inet, AF_INET), inet.orphans, inet.tw_count, inet.tcp_alloc,
        pages(sum(sock.rcvq_bytes + sock.sndq_bytes for sock in tcp_sockets(inet) if not isinstance(sock, TimeWait))),
        of_family(udp_sockets(inet), AF_INET), pages(sum(sock.rmem for sock in udp_sockets(inet))),
        of_family(list(inet.raws), AF_INET),
    )  # fmt: skip


def pages(size: int) -> int:
    """In pages."""
    return size + 4095 >> 12


def sockstat6(net: NetNamespace) -> bytes:
    """/proc/net/sockstat6."""
    inet = inet_of(net)
    return b"TCP6: inuse %d\nUDP6: inuse %d\nUDPLITE6: inuse 0\nRAW6: inuse %d\nFRAG6: inuse 0 memory 0\n" % (
        count_of(inet, AF_INET6),
        of_family(udp_sockets(inet), AF_INET6),
        of_family(list(inet.raws), AF_INET6),
    )


def snmp(net: NetNamespace) -> bytes:
    """/proc/net/snmp."""
    inet = inet_of(net)
    mib = inet.mib
    established = sum(
        1 for sock in inet.connections.values() if not isinstance(sock, TimeWait) and sock.state in (1, 8)
    )
    packets = net.loopback.packets
    return table(
        b"Ip",
        b"Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards "
        b"InDelivers OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails "
        b"FragCreates OutTransmits",
        {b"Forwarding": 2, b"DefaultTTL": inet.default_ttl, b"InReceives": packets, b"InDelivers": packets,
         b"OutRequests": packets, b"OutTransmits": packets},
    ) + table(
        b"Icmp",
        b"InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs InSrcQuenchs InRedirects InEchos "
        b"InEchoReps InTimestamps InTimestampReps InAddrMasks InAddrMaskReps OutMsgs OutErrors OutRateLimitGlobal "
        b"OutRateLimitHost OutDestUnreachs OutTimeExcds OutParmProbs OutSrcQuenchs OutRedirects OutEchos OutEchoReps "
        b"OutTimestamps OutTimestampReps OutAddrMasks OutAddrMaskReps",
        {b"InMsgs": mib.icmp_in, b"InDestUnreachs": mib.icmp_unreach, b"InEchos": mib.icmp_echos,
         b"InEchoReps": mib.icmp_echo_reps, b"OutMsgs": mib.icmp_out, b"OutDestUnreachs": mib.icmp_unreach,
         b"OutEchoReps": mib.icmp_echo_reps},
    ) + table(
        b"Tcp",
        b"RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs "
        b"OutSegs RetransSegs InErrs OutRsts InCsumErrors",
        {b"RtoAlgorithm": 1, b"RtoMin": 200, b"RtoMax": 120000, b"MaxConn": -1, b"ActiveOpens": mib.active_opens,
         b"PassiveOpens": mib.passive_opens, b"AttemptFails": mib.attempt_fails, b"EstabResets": mib.estab_resets,
         b"CurrEstab": established, b"InSegs": mib.segs, b"OutSegs": mib.segs, b"RetransSegs": mib.retrans_segs,
         b"OutRsts": mib.out_rsts},
    ) + table(
        b"Udp",
        b"InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors",
        {b"InDatagrams": mib.in_datagrams, b"NoPorts": mib.no_ports, b"InErrors": mib.rcvbuf_errors,
         b"OutDatagrams": mib.out_datagrams, b"RcvbufErrors": mib.rcvbuf_errors},
    ) + table(
        b"UdpLite",
        b"InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors",
        {},
    )  # fmt: skip


def table(title: bytes, names: bytes, values: dict[bytes, int]) -> bytes:
    """Two lines: names, and numbers."""
    numbers = b" ".join(b"%d" % values.get(name, 0) for name in names.split())
    return b"%b: %b\n%b: %b\n" % (title, names, title, numbers)


def netstat(net: NetNamespace) -> bytes:
    """/proc/net/netstat: those of Linux's counters that can move here."""
    inet = inet_of(net)
    mib = inet.mib
    size = net.loopback.bytes
    return table(
        b"TcpExt",
        b"TW ListenOverflows ListenDrops TCPTimeouts",
        {b"TW": mib.timewaits, b"ListenOverflows": mib.listen_overflows, b"ListenDrops": mib.listen_overflows,
         b"TCPTimeouts": mib.timeouts},
    ) + table(b"IpExt", b"InOctets OutOctets", {b"InOctets": size, b"OutOctets": size})  # fmt: skip


def snmp6(net: NetNamespace) -> bytes:
    """/proc/net/snmp6: likewise."""
    mib = inet_of(net).mib
    values = {
        b"Icmp6InMsgs": mib.icmp6_in, b"Icmp6OutMsgs": mib.icmp6_out, b"Udp6InDatagrams": mib.in_datagrams6,
        b"Udp6NoPorts": mib.no_ports6, b"Udp6OutDatagrams": mib.out_datagrams6, b"Udp6RcvbufErrors": mib.rcvbuf_errors6,
    }  # fmt: skip
    return b"".join(b"%-32s\t%d\n" % item for item in values.items())


def route(net: NetNamespace) -> bytes:
    """/proc/net/route: the main table, which is empty: all there is is local."""
    head = b"Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"
    return head.ljust(127) + b"\n"


def if_inet6(net: NetNamespace) -> bytes:
    """/proc/net/if_inet6: IPv6 addresses with device, prefix, scope (host) and flags (permanent)."""
    device = net.loopback
    lines = [
        b"%b %02x %02x %02x %02x %8s\n" % (address.hex().encode(), device.index, prefix, 0x10, 0x80, device.name)
        for address, prefix in device.inet6_addresses
    ]
    return b"".join(lines)


def ipv6_route(net: NetNamespace) -> bytes:
    """/proc/net/ipv6_route: unreachable but for the addresses of the device."""
    zero = b"0" * 32
    default = b"%b 00 %b 00 %b ffffffff 00000001 00000000 00200200 %8s\n" % (zero, zero, zero, net.loopback.name)
    if not is_up(net):
        return default
    own = [
        b"%b 80 %b 00 %b 00000000 00000002 00000000 80200001 %8s\n"
        % (address.hex().encode(), zero, zero, net.loopback.name)
        for address, _ in net.loopback.inet6_addresses
    ]
    return default + b"".join(own) + default


def igmp(net: NetNamespace) -> bytes:
    """/proc/net/igmp: groups of the device."""
    groups = [(b"\xe0\0\0\1", 1)] + [item for item in inet_of(net).groups.items() if len(item[0]) == 4]
    lines = [
        b"\t\t\t\t%08X %5d %d:%08X\t\t%d\n" % (int.from_bytes(group, "little"), users, 0, 0, 0)
        for group, users in groups
    ]
    device = net.loopback
    head = b"Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n"
    if not is_up(net):
        return head
    return head + b"%d\t%-10s: %5d %7s\n" % (device.index, device.name, len(groups), b"V3") + b"".join(lines)


def arp(net: NetNamespace) -> bytes:
    """/proc/net/arp: nobody is behind the device."""
    return b"IP address       HW type     Flags       HW address            Mask     Device\n"
