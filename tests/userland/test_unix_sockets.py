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


SOCKETS = """ip link set lo up; /usr/bin/python3 -c '
import os, re, socket, subprocess
listener = socket.socket(socket.AF_UNIX); listener.bind("\\0listener"); listener.listen(5)
client = socket.socket(socket.AF_UNIX); client.connect("\\0listener")
accepted, _ = listener.accept()
client.send(b"12345")
named = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); named.bind("dgram")
pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
server = socket.socket(); server.bind(("127.0.0.1", 8080)); server.listen(7)
tcp = socket.socket(); tcp.bind(("127.0.0.1", 8081)); tcp.connect(("127.0.0.1", 8080))
other, _ = server.accept(); tcp.send(b"xyz")
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(("127.0.0.1", 5353))
udp6 = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); udp6.bind(("::1", 5354))
tcp6 = socket.socket(socket.AF_INET6); tcp6.bind(("::", 99)); tcp6.listen(1)
for options in ("-lnt", "-ant", "-anu", "-lntp", "-xa", "-xlp", "-tn state established", "-ant sport = :8080"):
    shown = subprocess.run("ss " + options, shell=True, capture_output=True, text=True)
    names = {}  # inode numbers and process numbers, by the order in which sockets were made
    for fd in range(3, 20):
        try:
            names[str(os.fstat(fd).st_ino)] = "<%d>" % fd
        except OSError:
            pass
    lines = []
    for line in shown.stdout.splitlines()[1:]:
        words = re.sub("(pid|fd)=[0-9]*", "", line).split()
        if words[0][:2] == "u_":
            words[4:] = [names.get(word, word) for word in words[4:]]
        lines.append(" ".join(words))
    print(options, shown.returncode, *sorted(lines), shown.stderr, sep="\\n")
'"""


def test_ss(tmp_path: Path) -> None:
    in_net_namespace(SOCKETS, tmp_path, "ip", "ss")


# --- AF_UNIX

FORKING_SERVER = """
import os, socket, socketserver, struct, threading
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        pid, uid, gid = struct.unpack("3i", self.request.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        for _ in range(2):
            line = self.rfile.readline()
            self.wfile.write(b"%s|%d|%d\\n" % (line.strip().upper(), pid == os.getppid(), uid == os.getuid()))
class Server(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    pass
server = Server("socket", Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
for i in range(6):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("socket")
        file = client.makefile("rw")
        for word in ("one", "two"):
            print(f"{word}{i}", file=file, flush=True)
            print(file.readline(), end="")
server.shutdown()
server.server_close()
os.unlink("socket")
"""

DESCRIPTORS = """
import multiprocessing, os, socket
from multiprocessing import reduction, resource_sharer
from multiprocessing.connection import Client, Listener
def child(name, queue):
    with Client(name, family="AF_UNIX", authkey=b"secret") as connection:
        pipe = reduction.recv_handle(connection)
        os.write(pipe, b"through a descriptor")
        os.close(pipe)
        shared = connection.recv()
        shared.send(["by the resource sharer", os.getpid() > 0])
        queue.put(connection.recv())
if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    with Listener("listener", family="AF_UNIX", authkey=b"secret") as listener:
        process = context.Process(target=child, args=("listener", queue))
        process.start()
        with listener.accept() as connection:
            read, write = os.pipe()
            reduction.send_handle(connection, write, process.pid)
            os.close(write)
            print(os.read(read, 100))
            ours, theirs = multiprocessing.Pipe()
            connection.send(theirs)
            print(ours.recv())
            connection.send("done")
            print(queue.get())
    process.join()
    print(process.exitcode)
"""

SOCAT = """
socat UNIX-LISTEN:echo,fork EXEC:cat & server=$!
until [ -S echo ]; do sleep 0.05; done
for i in 1 2 3; do echo "line $i" | socat -t 5 - UNIX-CONNECT:echo; done
socat ABSTRACT-LISTEN:hidden,fork SYSTEM:'tr a-z A-Z' & other=$!
until grep -q @hidden /proc/net/unix; do sleep 0.05; done
echo hello | socat -t 5 - ABSTRACT-CONNECT:hidden
socat -u UNIX-RECV:dgram OPEN:log,creat,append & third=$!
until [ -S dgram ]; do sleep 0.05; done
echo one | socat -u - UNIX-SENDTO:dgram; echo two | socat -u - UNIX-SENDTO:dgram
until [ "$(wc -l < log)" = 2 ]; do sleep 0.05; done
kill $server $other $third; wait; cat log
"""

NC = """
nc -lU sock > got & server=$!
until [ -S sock ]; do sleep 0.05; done
echo through netcat | nc -N -U sock; wait $server; cat got
nc -luU dgram > more & server=$!
until [ -S dgram ]; do sleep 0.05; done
echo a datagram | nc -uU -w 1 dgram
until [ -s more ]; do sleep 0.05; done
kill $server; cat more
"""

SYSLOG = """
import os, socket, subprocess
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("log")
log.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
child = subprocess.Popen(["logger", "-s", "-u", "log", "-t", "me", "-p", "user.info", "said and done"],
                         stderr=subprocess.PIPE)
data, control, flags, address = log.recvmsg(1000, socket.CMSG_SPACE(12))
print(data.split(b"me", 1)[1], len(control), control[0][1] == socket.SCM_CREDENTIALS,
      int.from_bytes(control[0][2][:4], "little") == child.pid, child.stderr.read().split(b"me", 1)[1], child.wait())
"""


@pytest.mark.parametrize("program", [FORKING_SERVER, DESCRIPTORS], ids=["forking server", "descriptors"])
def test_python(program: str, tmp_path: Path) -> None:
    compare([PYTHON, "-c", program], tmp_path)


def test_socat(tmp_path: Path) -> None:
    compare(["sh", "-c", SOCAT], tmp_path, "socat")


def test_nc(tmp_path: Path) -> None:
    compare(["sh", "-c", NC], tmp_path, "nc")


def test_logger(tmp_path: Path) -> None:
    compare([PYTHON, "-c", SYSLOG], tmp_path, "logger")
