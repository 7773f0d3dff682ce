"""Servers and clients over the loopback device: nginx, gunicorn, curl, python's own, socat, netcat, perl, BusyBox.

Each script prints the same natively and in the guest. Natively it runs in a network namespace of its own, so that its
ports are free and no other network is there; where that is not allowed the tests are skipped.
"""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from forkernel import Kernel
from harness import ENVIRONMENT, ON_LINUX, run_forkernel, run_native

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not ON_LINUX, reason="runs the programs of a Linux host"),
]

PYTHON = "/usr/bin/python3"
LO_UP = "ip link set lo up && exec "


@cache
def has_own_net() -> bool:
    """Whether a native run can have a network namespace of its own."""
    if shutil.which("ip", path=ENVIRONMENT["PATH"]) is None:
        return False
    tried = subprocess.run(["unshare", "-n", "sh", "-c", LO_UP + "true"], capture_output=True)
    return tried.returncode == 0


def compare(command: list[str], tmp_path: Path, *needs: str, timeout: float = 120) -> None:
    """The command prints and ends alike on both kernels, in an empty directory."""
    for program in (command[0], *needs):
        if shutil.which(program, path=ENVIRONMENT["PATH"]) is None:
            pytest.skip(f"no {program}")
    if not has_own_net():
        pytest.skip("no network namespace for the native run")
    (tmp_path / "native").mkdir()
    (tmp_path / "guest").mkdir()
    alone = ["unshare", "-n", "sh", "-c", LO_UP + '"$@"', "sh", *command]
    native = run_native(alone, tmp_path / "native", timeout=timeout)
    got = run_forkernel(command, tmp_path / "guest", timeout=timeout, options=("--net=none",))
    assert (got.stdout.decode(), got.status) == (native.stdout.decode(), native.status), got.stderr.decode()
    assert native.status == 0, native.stderr.decode()


WAIT_FOR = """
wait_for() { until (exec 3<>/dev/tcp/127.0.0.1/$1) 2>/dev/null; do sleep 0.1; done; }
"""

HTTP_SERVER = (
    WAIT_FOR
    + """
mkdir www; echo hello > www/index.html; seq 1 60000 > www/numbers
python3 -m http.server -b 127.0.0.1 -d www 8000 > log 2>&1 &
wait_for 8000
curl -s http://127.0.0.1:8000/
curl -s http://localhost:8000/numbers | cksum
curl -s -o /dev/null -w '%{http_code} %{size_download}\\n' http://127.0.0.1:8000/nosuch
curl -s -I http://127.0.0.1:8000/ | grep -i '^content'
kill %1; wait
grep -c 'GET /numbers' log
curl -s http://127.0.0.1:8000/; echo refused $?
curl -s http://192.0.2.1/; echo unreachable $?
curl -s http://example.com/; echo unknown $?
"""
)

NGINX_CONF = """
worker_processes 4;
error_log error.log info;
pid nginx.pid;
events { worker_connections 64; }
http {
  access_log access.log;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  sendfile on; tcp_nopush on;
  server { listen 127.0.0.1:8080; root www; }
}
"""
NGINX = (
    WAIT_FOR
    + """
mkdir www; echo hello > www/index.html; seq 1 200000 > www/numbers
run() { nginx -p $PWD -c nginx.conf "$@" 2> /dev/null; }
workers() { pgrep -x -c -P $(cat nginx.pid) nginx; }
check() {
  curl -s http://127.0.0.1:8080/
  curl -s http://127.0.0.1:8080/numbers | cksum
  curl -s -r 100-299 http://127.0.0.1:8080/numbers | cksum
  curl -s -o /dev/null -w '%{http_code}\\n' http://127.0.0.1:8080/nosuch
  curl -s http://127.0.0.1:8080/ http://127.0.0.1:8080/ -w '%{num_connects}\\n'
}
run -g "daemon $DAEMON;" &
wait_for 8080
until [ "$(workers)" = 4 ]; do sleep 0.1; done
check
old=$(pgrep -x -P $(cat nginx.pid) nginx | sort)
run -s reload
until [ "$(workers)" = 4 ] && [ -z "$(comm -12 <(echo "$old") <(pgrep -x -P $(cat nginx.pid) nginx | sort))" ]; do
  sleep 0.1
done
echo reloaded; check
kill -9 $(pgrep -x -P $(cat nginx.pid) nginx | head -1)
until [ "$(workers)" = 4 ] && grep -q 'exited on signal 9' error.log; do sleep 0.1; done
echo respawned; check
master=$(cat nginx.pid)
run -s quit
while [ -e nginx.pid ] || kill -0 $master 2>/dev/null; do sleep 0.1; done
wait; echo quit
cut -d' ' -f6-10 access.log
grep -c 'emerg\\|alert.*failed' error.log
curl -s http://127.0.0.1:8080/; echo refused $?
"""
)

GUNICORN = (
    WAIT_FOR
    + """
cat > app.py <<'END'
import os
def app(environ, start_response):
    if environ["PATH_INFO"] == "/die":
        os.kill(os.getpid(), 9)
    body = b"worker's child\\n" if os.getppid() == int(open("pid").read()) else b"somebody else\\n"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
END
gunicorn -w 3 -b 127.0.0.1:8001 --pid pid app:app > log 2>&1 &
wait_for 8001
booted() { [ "$(grep -c 'Booting worker' log)" -ge $1 ]; }
until booted 3; do sleep 0.1; done
for i in 1 2 3 4 5 6; do curl -s http://127.0.0.1:8001/; done
curl -s http://127.0.0.1:8001/die; echo died $?
until booted 4; do sleep 0.1; done
curl -s http://127.0.0.1:8001/
kill -HUP $(cat pid)
until booted 7; do sleep 0.1; done
curl -s http://127.0.0.1:8001/
kill $(cat pid); wait %1; echo ended $?
grep -c 'Listening at' log
"""
)

MANAGERS = """
from multiprocessing import Manager, Process
from multiprocessing.managers import BaseManager

class Calls(BaseManager):
    pass

def double(number):
    return 2 * number

Calls.register("double", callable=double)

def client(address, key):
    manager = Calls(address=address, authkey=key)
    try:
        manager.connect()
        print(manager.double(21)._getvalue(), flush=True)
    except Exception as error:
        print(type(error).__name__, flush=True)

def work(numbers, found, number):
    numbers[number] = number ** 2
    found.append(number)

if __name__ == "__main__":
    manager = Calls(address=("127.0.0.1", 0), authkey=b"secret")
    manager.start()
    for key in (b"secret", b"wrong"):
        other = Process(target=client, args=(manager.address, key))
        other.start()
        other.join()
    manager.shutdown()
    with Manager() as shared:
        numbers, found = shared.dict(), shared.list()
        workers = [Process(target=work, args=(numbers, found, number)) for number in range(4)]
        [worker.start() for worker in workers]
        [worker.join() for worker in workers]
        print(sorted(numbers.items()), sorted(found))
"""

ASYNCIO = """
import asyncio

async def serve(reader, writer):
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()

async def client(port, number):
    reader, writer = await asyncio.open_connection("localhost", port)
    said = []
    for turn in range(3):
        writer.write(b"line %d %d\\n" % (number, turn))
        said.append((await reader.readline()).decode().strip())
    writer.close()
    await writer.wait_closed()
    return said

class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport
    def datagram_received(self, data, address):
        self.transport.sendto(data[::-1], address)

class Ask(asyncio.DatagramProtocol):
    def __init__(self, done):
        self.done = done
    def connection_made(self, transport):
        transport.sendto(b"abc")
    def datagram_received(self, data, address):
        self.done.set_result(data)

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(await asyncio.gather(*(client(port, number) for number in range(5))))
    tr = await asyncio.create_subprocess_exec("tr", "a-z", "A-Z", stdin=-1, stdout=-1)
    print(await tr.communicate(b"hello"), tr.returncode)
    shells = [await asyncio.create_subprocess_shell(f"exit {code}") for code in range(4)]
    print([await shell.wait() for shell in shells])
    loop = asyncio.get_running_loop()
    echo, _ = await loop.create_datagram_endpoint(Echo, local_addr=("127.0.0.1", 0))
    done = loop.create_future()
    ask, _ = await loop.create_datagram_endpoint(lambda: Ask(done), remote_addr=echo.get_extra_info("sockname"))
    print(await done)
    ask.close(); echo.close(); server.close()
    await server.wait_closed()

asyncio.run(main())
"""

SOCKETSERVER = """
import os, socket, socketserver, threading, xmlrpc.client
from xmlrpc.server import SimpleXMLRPCServer

server = SimpleXMLRPCServer(("127.0.0.1", 0), logRequests=False)
server.register_function(pow)
thread = threading.Thread(target=server.serve_forever)
thread.start()
print(xmlrpc.client.ServerProxy("http://127.0.0.1:%d" % server.server_address[1]).pow(2, 10))
server.shutdown()
thread.join()

me = os.getpid()

class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"from a child: %d\\n" % (os.getppid() == me))
        self.wfile.write(self.rfile.readline())

with socketserver.ForkingTCPServer(("127.0.0.1", 0), Handler) as server:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for number in range(3):
        with socket.create_connection(server.server_address) as client:
            client.sendall(b"hello %d\\n" % number)
            print(client.makefile().read(), end="")
    server.shutdown()
    thread.join()
print(sorted({entry[4][0] for entry in socket.getaddrinfo("localhost", 80)}))
try:
    socket.getaddrinfo("example.com", 80)
except socket.gaierror as error:
    print(error)
"""

PERL = """
use strict; use IO::Socket::INET; $| = 1;
my $server = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', Proto => 'tcp', ReuseAddr => 1) or die $!;
my $port = $server->sockport;
my $pid = fork();
if (!$pid) {
    for (1 .. 3) {
        my $client = $server->accept;
        if (!fork()) { my $line = <$client>; print $client "hello $line"; close $client; exit 0 }
        close $client;
        wait;
    }
    exit 7;
}
close $server;
for (1 .. 3) {
    my $client = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port", Proto => 'tcp') or die $!;
    print $client "number $_\\n";
    print <$client>;
}
waitpid $pid, 0;
print "status ", $? >> 8, "\\n";
"""

NETCAT = """
nc -l -N 127.0.0.1 7001 > got & sleep 0.5; echo there | nc -N 127.0.0.1 7001; wait; cat got
(echo back | nc -l -N 127.0.0.1 7002 > got) & sleep 0.5; echo forth | nc -N 127.0.0.1 7002; wait; cat got
nc -u -l -W 1 127.0.0.1 7003 > got & sleep 0.5; echo datagram | nc -u -w1 127.0.0.1 7003; wait; cat got
nc -6 -l -N ::1 7004 > got & sleep 0.5; echo six | nc -6 -N ::1 7004; wait; cat got
nc -z 127.0.0.1 7099; echo refused $?
"""

SOCAT = """
socat TCP-LISTEN:7005,fork,reuseaddr,bind=127.0.0.1 EXEC:'tr a-z A-Z' & server=$!
sleep 0.5
for i in 1 2 3; do echo number $i | socat - TCP:127.0.0.1:7005; done
kill $server; wait $server; echo ended $?
"""

BUSYBOX = """
mkdir www; echo page > www/index.html
busybox httpd -f -p 127.0.0.1:7006 -h www & server=$!
sleep 0.5
busybox wget -q -O - http://127.0.0.1:7006/
busybox wget -q -O - http://127.0.0.1:7006/nosuch; echo missing $?
kill $server; wait $server; echo ended $?
busybox ping -c 1 -q 127.0.0.1 | grep transmitted
busybox ifconfig lo | grep inet
"""


def test_python_http_server(tmp_path: Path) -> None:
    compare(["bash", "-c", HTTP_SERVER], tmp_path, "curl", PYTHON)


@pytest.mark.parametrize("daemon", ["on", "off"])
def test_nginx_with_four_workers(tmp_path: Path, daemon: str) -> None:
    script = f"cat > nginx.conf <<'END'\n{NGINX_CONF}END\nDAEMON={daemon}\n{NGINX}"
    compare(["bash", "-c", script], tmp_path, "nginx", "curl", "pgrep")


def test_gunicorn_prefork(tmp_path: Path) -> None:
    compare(["bash", "-c", GUNICORN], tmp_path, "gunicorn", "curl")


@pytest.mark.parametrize("program", [MANAGERS, ASYNCIO, SOCKETSERVER], ids=["managers", "asyncio", "socketserver"])
def test_python(tmp_path: Path, program: str) -> None:
    compare([PYTHON, "-c", program], tmp_path)


def test_perl_fork_server(tmp_path: Path) -> None:
    compare(["perl", "-e", PERL], tmp_path)


def test_netcat(tmp_path: Path) -> None:
    compare(["bash", "-c", NETCAT], tmp_path, "nc")


def test_socat_fork(tmp_path: Path) -> None:
    compare(["bash", "-c", SOCAT], tmp_path, "socat")


def test_busybox(tmp_path: Path) -> None:
    compare(["sh", "-c", BUSYBOX], tmp_path, "busybox")


CONNECTIONS = """
import socket, time
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(0)
clients = [socket.socket() for _ in range(3)]
for client in clients:
    client.setblocking(False)
    client.connect_ex(listener.getsockname())
print(clients[0].send(b"x" * 3000000) > 100000, flush=True)
time.sleep(0.5)
first, _ = listener.accept()
print(len(first.recv(10000000)) > 1000)
time.sleep(3)
states = [client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) for client in clients]
print(states.count(b"\\x01"))
"""


def test_snapshot_with_data_and_connections_under_way(tmp_path: Path) -> None:
    kernel = Kernel()
    process = kernel.spawn([PYTHON, "-c", CONNECTIONS])
    while not process.stdout:
        kernel.run_for(10**8)
    kernel.save(str(tmp_path / "snapshot"))
    restored = Kernel.load(str(tmp_path / "snapshot"))
    restored.run(timeout=100)
    assert restored.processes[0].stdout == b"True\nTrue\n2\n"
