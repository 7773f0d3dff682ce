"""Programs that speak over AF_UNIX sockets or ask the kernel over netlink: iproute2, python's socketserver and
multiprocessing, socat, nc, dbus. Each prints the same natively, in an empty directory, and in the guest.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from harness import ENVIRONMENT, ON_LINUX, run_forkernel, run_native

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not ON_LINUX, reason="runs the programs of a Linux host"),
]

PYTHON = "/usr/bin/python3"


def compare(command: list[str], tmp_path: Path, *needs: str, timeout: float = 120) -> None:
    """The command prints and ends alike on both kernels."""
    for program in (command[0], *needs):
        if shutil.which(program, path=ENVIRONMENT["PATH"]) is None:
            pytest.skip(f"no {program}")
    (tmp_path / "native").mkdir()
    (tmp_path / "guest").mkdir()
    native = run_native(command, tmp_path / "native", timeout=timeout)
    got = run_forkernel(command, tmp_path / "guest", timeout=timeout)
    assert (got.stdout.decode(), got.status) == (native.stdout.decode(), native.status), got.stderr.decode()
    assert native.status == 0, native.stderr.decode()


def in_net_namespace(script: str, tmp_path: Path, *needs: str) -> None:
    """A shell script in a network namespace of its own, which has a loopback device alone."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    compare(["unshare", "-n", "sh", "-c", script], tmp_path, *needs)


# --- netlink

LINK = """exec 2>&1
ip addr; ip -s link; ip route show table all; ip link set lo up
ip addr; ip -o link; ip route show table all; ip -6 route; ip rule; ip neigh; ip route; ip -j addr
ip route get 127.0.0.1; ip route get ::1; ip route get 8.8.8.8
ip link set lo down; ip addr; ip route show table all
ip link set lo name lo2; ip -o link; ip link set lo2 mtu 1500; ip link set lo2 mtu -5
ip link add d0 type nosuch; ip link del lo2; ip link show nosuch; ip link set lo2 netns 1
ip link set lo2 txqueuelen 7; ip link set lo2 alias hello; ip link set lo2 promisc on; ip -o link; true
"""

ADDRESSES = """exec 2>&1
ip addr add 10.0.0.1/24 dev lo; ip addr add 10.0.0.2/24 dev lo; ip addr add 10.0.0.1/24 dev lo
ip addr add 10.1.0.1/16 brd + dev lo; ip addr add fd00::5/64 dev lo; ip addr; ip route show table all
ip link set lo up; ip addr; ip route show table all
ip addr del 10.0.0.9/24 dev lo; ip addr del 10.0.0.1/24 dev lo; ip -4 -o addr; ip -6 addr
ip addr flush dev lo; ip addr; ip addr add 1.2.3.4/24 dev nosuch; true
"""

ASKING = """ip link set lo up; /usr/bin/python3 -c '
import socket
print(socket.if_nameindex(), socket.if_nametoindex("lo"), socket.if_indextoname(1))
for host in ("127.0.0.1", "::1", "localhost"):
    print(socket.getaddrinfo(host, 80, flags=socket.AI_ADDRCONFIG, type=socket.SOCK_STREAM))
'"""


@pytest.mark.parametrize("script", [LINK, ADDRESSES, ASKING], ids=["link", "addresses", "asking"])
def test_ip(script: str, tmp_path: Path) -> None:
    in_net_namespace(script, tmp_path, "ip")
