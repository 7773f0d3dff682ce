"""Programs that wait for many things at once: inotify-tools, python's selectors, asyncio and multiprocessing, perl's
and tcl's select loops, socat. Each prints the same natively, in an empty directory, and in the guest.
"""

from __future__ import annotations

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
    got = run_forkernel(command, tmp_path / "guest", timeout=timeout, options=("--memory=1G",))
    assert (got.stdout.decode(), got.status) == (native.stdout.decode(), native.status), got.stderr.decode()
    assert native.status == 0, native.stderr.decode()


def python(program: str, tmp_path: Path, timeout: float = 120) -> None:
    compare([PYTHON, "-c", program], tmp_path, timeout=timeout)


# --- inotify

INOTIFYWAIT = """
mkdir -p d/sub
inotifywait -q -m -r --format '%w%f %e' d > log &
watcher=$!
until grep -c inotify /proc/$watcher/fdinfo/3 2>/dev/null | grep -q 2; do sleep 0.05; done
echo hello > d/a
cat d/a > /dev/null
mv d/a d/sub/b
chmod 600 d/sub/b
cp d/sub/b d/c
ln d/c d/e
ln -s b d/sub/l
truncate -s 100 d/c
touch d/c
rm d/sub/b d/sub/l d/e
touch d/last
until grep -q 'last CLOSE_WRITE' log; do sleep 0.05; done
kill $watcher
wait $watcher 2> /dev/null
cat log
"""
INOTIFY_ONCE = """
mkdir -p d
inotifywait -q -t 1 d; echo timeout $?
(until grep -qs inotify /proc/[0-9]*/fdinfo/3; do sleep 0.05; done; touch d/other; mkdir d/z) &
inotifywait -q -e create --include z d; echo found $?
wait
inotifywait -q -e modify d/nosuch; echo missing $?
"""
INOTIFYWATCH = """
mkdir -p d
inotifywatch -t 2 -e create -e delete -e close_write d 2> /dev/null &
sleep 1
touch d/q d/r
rm d/q
wait
"""


@pytest.mark.parametrize("place", ["", "cd /tmp; mkdir waiting-$$; cd waiting-$$\n"], ids=["overlay", "tmp"])
def test_inotifywait(place: str, tmp_path: Path) -> None:
    compare(["sh", "-c", place + INOTIFYWAIT + ("rm -r /tmp/waiting-$$" if place else "")], tmp_path, "inotifywait")


def test_inotifywait_once(tmp_path: Path) -> None:
    compare(["sh", "-c", INOTIFY_ONCE], tmp_path, "inotifywait")


def test_inotifywatch(tmp_path: Path) -> None:
    compare(["sh", "-c", INOTIFYWATCH], tmp_path, "inotifywatch")


def test_tail_follows_by_inotify(tmp_path: Path) -> None:
    script = """
    cd $(mktemp -d -p /dev/shm)
    echo one > log
    tail -n +1 -F log > out 2>/dev/null &
    tail=$!
    until grep -q one out; do sleep 0.05; done
    echo two >> log
    until grep -q two out; do sleep 0.05; done
    mv log old; echo three > log
    until grep -q three out; do sleep 0.05; done
    grep -c inotify /proc/$tail/fdinfo/* | grep -v ':0$' | wc -l
    kill $tail; wait $tail 2>/dev/null; cat out; rm -r $PWD
    """
    compare(["sh", "-c", script], tmp_path)


# --- python

SELECTORS = """
import os, selectors, signal, socket, threading, time
for kind in ("SelectSelector", "PollSelector", "EpollSelector"):
    with getattr(selectors, kind)() as selector:
        r, w = os.pipe()
        a, b = socket.socketpair()
        selector.register(r, selectors.EVENT_READ, "pipe")
        selector.register(a, selectors.EVENT_READ | selectors.EVENT_WRITE, "socket")
        print(kind, [(key.data, mask) for key, mask in selector.select(0)])
        selector.modify(a, selectors.EVENT_READ, "socket")
        print(selector.select(0.01))
        threading.Timer(0.05, os.write, (w, b"x")).start()
        print([(key.data, mask) for key, mask in selector.select(5)])
        b.close()
        os.close(w)
        print(sorted((key.data, mask) for key, mask in selector.select(5)))
        selector.unregister(r)
        print([(key.data, mask) for key, mask in selector.select(5)])
"""
ASYNCIO_SIGNALS = """
import asyncio, os, signal
async def main():
    loop = asyncio.get_running_loop()
    seen = asyncio.Queue()
    for number in (signal.SIGUSR1, signal.SIGTERM, signal.SIGCHLD):
        loop.add_signal_handler(number, seen.put_nowait, number)
    os.kill(os.getpid(), signal.SIGUSR1)
    print(await asyncio.wait_for(seen.get(), 10))
    loop.call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
    print(await asyncio.wait_for(seen.get(), 10))
    loop.remove_signal_handler(signal.SIGCHLD)
    procs = [await asyncio.create_subprocess_exec("sh", "-c", f"read x; echo got $x; exit {n}",
             stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE) for n in range(4)]
    outs = await asyncio.gather(*(p.communicate(b"line %d\\n" % i) for i, p in enumerate(procs)))
    print([(out, p.returncode) for (out, _), p in zip(outs, procs)])
    p = await asyncio.create_subprocess_exec("sleep", "100")
    try:
        await asyncio.wait_for(p.wait(), 0.1)
    except asyncio.TimeoutError:
        p.terminate()
        print("terminated", await p.wait())
asyncio.run(main())
"""
POOL = """
import multiprocessing as mp, os
def square(n): return n * n
def main():
    for method in ("fork", "spawn", "forkserver"):
        with mp.get_context(method).Pool(3) as pool:
            print(method, pool.map(square, range(20)), sum(pool.imap_unordered(square, range(50), 7)))
if __name__ == "__main__":
    main()
"""
QUEUES = """
import multiprocessing as mp, queue, time
from multiprocessing import shared_memory
ctx = mp.get_context("fork")
def producer(q, lock, counter, n):
    for i in range(20):
        with lock:
            counter.value += 1
        q.put((n, i))
    q.put(None)
def waiter(sem, event, barrier, cond, flag, out):
    with sem:
        event.wait()
        barrier.wait()
        with cond:
            cond.wait_for(lambda: flag.value)
        out.put("through")
q, lock, counter = ctx.Queue(), ctx.Lock(), ctx.Value("i", 0, lock=False)
workers = [ctx.Process(target=producer, args=(q, lock, counter, n)) for n in range(3)]
for w in workers: w.start()
got, ends = [], 0
while ends < 3:
    item = q.get()
    if item is None: ends += 1
    else: got.append(item)
for w in workers: w.join()
print(len(got), sorted(got)[:3], counter.value, [w.exitcode for w in workers])
sem, event, barrier, cond = ctx.Semaphore(2), ctx.Event(), ctx.Barrier(2), ctx.Condition()
flag, out = ctx.Value("b", 0), ctx.SimpleQueue()
ws = [ctx.Process(target=waiter, args=(sem, event, barrier, cond, flag, out)) for _ in range(4)]
for w in ws: w.start()
event.set()
time.sleep(0.1)
with cond:
    flag.value = 1
    cond.notify_all()
print([out.get() for _ in ws], [w.join() or w.exitcode for w in ws])
try:
    q.get(timeout=0.05)
except queue.Empty:
    print("empty")
print(lock.acquire(), lock.acquire(timeout=0.05), lock.release())
block = shared_memory.SharedMemory(create=True, size=100000)
def fill(name):
    other = shared_memory.SharedMemory(name)
    other.buf[:5] = b"hello"
    other.close()
p = ctx.Process(target=fill, args=(block.name,)); p.start(); p.join()
print(bytes(block.buf[:5]), p.exitcode)
shared = shared_memory.ShareableList([1, "two", 3.0, None, b"five"])
print(list(shared))
shared.shm.close(); shared.shm.unlink()
block.close(); block.unlink()
r, w = ctx.Pipe(); w.send({"a": [1, 2]}); print(r.poll(1), r.recv())
import os; print([n for n in os.listdir("/dev/shm") if n.startswith(("psm_", "sem."))])
"""
WAKEUPS = """
import os, select, signal, time, fcntl, errno
r, w = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
signal.set_wakeup_fd(w)
signal.signal(signal.SIGALRM, lambda *a: None)
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
n = 0
while n < 3:
    select.select([r], [], [])
    n += len(os.read(r, 100))
signal.setitimer(signal.ITIMER_REAL, 0)
print("woken", n >= 3)
ep = select.epoll()
pid = os.fork()
if not pid: os._exit(7)
fd = os.pidfd_open(pid)
ep.register(fd, select.EPOLLIN)
print(ep.poll(10) == [(fd, select.EPOLLIN)], os.waitid(os.P_PIDFD, fd, os.WEXITED).si_status)
ev = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_SEMAPHORE)
os.eventfd_write(ev, 3)
print([os.eventfd_read(ev) for _ in range(3)])
try: os.eventfd_read(ev)
except BlockingIOError: print("again")
m = os.memfd_create("x"); os.write(m, b"spliced")
a, b = os.pipe()
print(os.splice(m, b, 100, offset_src=2), os.read(a, 100))
print(os.sendfile(b, m, 0, 3), os.read(a, 10))
o = os.memfd_create("y"); print(os.copy_file_range(m, o, 7, 0, 2), os.pread(o, 100, 0))
s = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1]); os.kill(os.getpid(), signal.SIGUSR1)
print(signal.sigtimedwait([signal.SIGUSR1], 1).si_signo, signal.sigtimedwait([signal.SIGUSR1], 0.01))
print(os.posix_fadvise(m, 0, 0, os.POSIX_FADV_DONTNEED), fcntl.fcntl(a, 1032) )
"""
PROGRAMS = {
    "selectors": SELECTORS,
    "asyncio": ASYNCIO_SIGNALS,
    "queues": QUEUES,
    "wakeups": WAKEUPS,
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_python(name: str, tmp_path: Path) -> None:
    python(PROGRAMS[name], tmp_path)


def test_multiprocessing_pools(tmp_path: Path) -> None:
    for place in ("native", "guest"):
        (tmp_path / f"{place}.py").write_text(POOL)
    compare([PYTHON, str(tmp_path / "guest.py")], tmp_path)


# --- perl, tcl, socat

PERL = """
use IO::Select; use IO::Handle; use POSIX ":sys_wait_h"; use Socket;
$| = 1;
my %from; my $select = IO::Select->new;
for my $n (1 .. 3) {
    pipe(my $r, my $w);
    my $pid = fork;
    if (!$pid) {
        close $r;
        for my $i (1 .. 3) { syswrite $w, "$n:$i\n"; select undef, undef, undef, 0.01 * $n }
        exit $n;
    }
    close $w; $select->add($r); $from{fileno $r} = [$n, $pid, ""];
}
while ($select->count) {
    for my $r ($select->can_read(10)) {
        my $n = sysread $r, my $text, 100;
        if ($n) { $from{fileno $r}[2] .= $text } else { $select->remove($r) }
    }
}
for (sort { $a->[0] <=> $b->[0] } values %from) {
    waitpid $_->[1], 0;
    print "$_->[0] ended ", $? >> 8, ": ", $_->[2] =~ tr/\n/ /r, "\n";
}
socketpair(my $a, my $b, AF_UNIX, SOCK_STREAM, PF_UNSPEC); $a->autoflush(1);
my $v = ''; vec($v, fileno $b, 1) = 1;
print "idle ", scalar(select(my $x = $v, undef, undef, 0.05)), "\n";
print $a "line\n"; print "ready ", scalar(select($x = $v, undef, undef, 5)), " ", scalar <$b>;
close $a; print "end ", scalar(select($x = $v, undef, undef, 5)), " ", defined(scalar <$b>) ? "more" : "eof", "\n";
"""
TCL = """
set log {}
proc reader {chan name} {
    if {[gets $chan line] >= 0} { lappend ::log "$name: $line" } elseif {[eof $chan]} {
        fconfigure $chan -blocking 1
        catch {close $chan} message
        lappend ::log "$name closed: $message"
        incr ::closed
    }
}
set closed 0
foreach {name script} {one {echo 1; sleep 0.3; echo 2} two {sleep 0.15; echo a; exit 3} three {cat}} {
    set chan [open "|[list sh -c $script]" r+]
    fconfigure $chan -blocking 0 -buffering line
    fileevent $chan readable [list reader $chan $name]
    set chans($name) $chan
}
after 450 { puts $chans(three) "from tcl"; flush $chans(three); close $chans(three) write }
after 60 { lappend ::log tick }
while {$closed < 3} { vwait closed }
puts [join $log \\n]
"""
SOCAT = """
printf 'one\\ntwo\\n' > in
socat -u OPEN:in OPEN:out,creat; cat out
socat -u OPEN:in SYSTEM:'tr a-z A-Z'
mkfifo f
socat -u PIPE:f STDOUT & s=$!
echo through a fifo > f
sleep 0.3; kill $s; wait $s 2>/dev/null
echo data | socat - EXEC:cat
socat UNIX-LISTEN:s,fork EXEC:rev & s=$!
until [ -S s ]; do sleep 0.05; done
for word in abc defg; do echo $word | socat - UNIX-CONNECT:s; done
kill $s; wait $s 2>/dev/null
socat -T 0.3 PIPE STDOUT < /dev/null; echo timed out $?
"""


def test_perl_select_loop(tmp_path: Path) -> None:
    compare(["perl", "-e", PERL], tmp_path)


def test_tcl_event_loop(tmp_path: Path) -> None:
    (tmp_path / "loop.tcl").write_text(TCL)
    compare(["tclsh", str(tmp_path / "loop.tcl")], tmp_path)


def test_socat(tmp_path: Path) -> None:
    compare(["sh", "-c", SOCAT], tmp_path, "socat", "rev")


def test_ionice(tmp_path: Path) -> None:
    script = """
    ionice; ionice -c2 -n3 sh -c 'ionice; ionice -c3 -p $$; ionice -p $$; sh -c ionice; ionice -c1 -n7 ionice'
    ionice -c 9 true; echo $?; nice -n 5 ionice; ionice -c idle ionice
    """
    compare(["sh", "-c", script], tmp_path, "ionice")
