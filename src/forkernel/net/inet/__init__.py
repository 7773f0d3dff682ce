"""The Internet families, AF_INET and AF_INET6, on the loopback device (Linux: net/ipv4, net/ipv6).

Nothing leaves a machine, and nothing is put into packets: what a socket sends is in its peer's queue when the call
returns, as it is with Linux over `lo`. What programs can see of packets is kept: windows, acknowledgements, resets,
timers of connections, ICMP errors, counters.

`af_inet.py` is what all sockets here have in common; `tcp.py`, `udp.py`, `raw.py` and `ping.py` are the protocols.
`netns.py` is what a network namespace keeps, `ports.py` who may have which port, `route.py` which addresses there are.
"""
