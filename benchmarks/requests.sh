#!/bin/bash
# Nanoseconds of one HTTP request to gunicorn with four sync workers, measured inside; the argument is how many.
# ./forkernel run --clock real --memory 1G -- benchmarks/requests.sh 300
cd "$(mktemp -d)" || exit 1
cat > app.py <<'END'
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
    return [b"hello\n"]
END
gunicorn -w 4 -b 127.0.0.1:8001 --pid pid app:app 2> log &
until [ "$(grep -c Booting log)" = 4 ]; do sleep 0.1; done
python3 - "${1:-300}" <<'END'
import socket, sys, time

def request():
    with socket.create_connection(("127.0.0.1", 8001)) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        answer = b""
        while part := client.recv(65536):
            answer += part
    assert answer.endswith(b"hello\n"), answer

count = int(sys.argv[1])
for _ in range(20):
    request()
before = time.monotonic_ns()
for _ in range(count):
    request()
print((time.monotonic_ns() - before) // count)
END
kill "$(cat pid)"
wait
