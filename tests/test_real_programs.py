"""The host's own programs print and end on Forkernel as they do on Linux."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from harness import ENVIRONMENT, ON_LINUX, run_forkernel, run_native

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not ON_LINUX, reason="runs the programs of a Linux host"),
]


@dataclass(frozen=True)
class Case:
    """A command; `needs` are the programs it takes beside its first word."""

    name: str
    command: tuple[str, ...]
    stdin: bytes = b""
    needs: tuple[str, ...] = ()
    timeout: float = 120.0
    namespaces: bool = False
    """It makes user namespaces, which some hosts do not let anybody make."""


def sh(name: str, script: str, *needs: str, shell: str = "sh", stdin: bytes = b"") -> Case:
    return Case(name, (shell, "-c", script), stdin, needs)


def bash(name: str, script: str, *needs: str, stdin: bytes = b"") -> Case:
    return sh(name, script, *needs, shell="bash", stdin=stdin)


def python(name: str, program: str) -> Case:
    return Case(name, ("python3", "-c", program))


def perl(name: str, program: str) -> Case:
    return Case(name, ("perl", "-e", program))


def busybox(name: str, script: str) -> Case:
    return Case(name, ("busybox", "sh", "-c", script), needs=("busybox",))


def ns(name: str, script: str, *needs: str) -> Case:
    return Case(f"ns-{name}", ("sh", "-c", script), needs=("unshare", *needs), namespaces=True)


@cache
def can_unshare() -> bool:
    """Whether this host lets us make user namespaces."""
    return subprocess.run(["unshare", "-Urmpf", "--mount-proc", "true"], capture_output=True).returncode == 0


MAKEFILE = """
all: four
\\t@cat one two three four
one two three:
\\t@echo making $@ > $@
four: one two three
\\t@cat $^ | wc -l > $@
clean:
\\trm -f one two three four
.PHONY: all clean
"""

NS_PIVOT = (
    "mount -t tmpfs r /tmp && cd /tmp && mkdir old b && cp /bin/busybox b/ && pivot_root . old && "
    "exec /old/usr/sbin/chroot . /b/busybox sh -c '/b/busybox ls -1 /; /b/busybox umount -l /old; /b/busybox ls /old'"
)
NAMESPACES = [
    ns("ps", "unshare -Urpf --mount-proc ps -e -o pid,ppid,stat,comm", "ps"),
    ns("pid-1", "unshare -Urpf --mount-proc sh -c 'readlink /proc/self; id -u; id -g'"),
    ns("pid-dies", "unshare -Urpf --kill-child sh -c 'sleep 100 & sleep 100 & echo two'; echo $?"),
    ns(
        "mount",
        "unshare -Urm sh -c 'mount -t tmpfs -o mode=700 x /mnt; mkdir /mnt/d; touch /mnt/d/f; mount --bind /mnt/d /srv; "
        "ls /srv; umount /srv; umount /mnt; grep -c tmpfs.x /proc/self/mountinfo; umount /proc 2>&1'",
    ),
    ns("pivot-root", f'unshare -Urmpf --mount-proc sh -c "{NS_PIVOT}"', "pivot_root", "busybox"),
    ns("hostname", "unshare -Uru sh -c 'hostname x1; hostname; unshare -u sh -c \"hostname x2; hostname\"; hostname'"),
    ns(
        "nsenter",
        "unshare -Uru sh -c 'hostname deep; echo in; read x' & for i in 1 2 3 4 5 6 7 8 9; do sleep 0.1; done; "
        "nsenter -t $! -U -u --preserve-credentials sh -c 'hostname; id -u'; kill $!",
        "nsenter",
    ),
    ns("time", "unshare -Ur -T --boottime 864000000 sh -c 'cat /proc/self/timens_offsets; uptime -p | cut -d, -f1'"),
    ns("net", "unshare -Urn cat /proc/net/dev"),
    ns(
        "current-user",
        "unshare -U --map-current-user sh -c 'id -u; cat /proc/self/uid_map; grep Cap /proc/self/status'",
    ),
    ns("files", "unshare -Ur sh -c 'touch t; stat -c %u:%g t /; chown 1 t 2>&1 | cut -d: -f3'"),
    ns("lsns", "unshare -Urpf --mount-proc lsns -n -o TYPE,NPROCS,PID", "lsns"),
]
CASES = [
    *NAMESPACES,
    # the issue's own line, then shells
    sh("sh-readme-line", "for i in 1 2 3; do echo $i; done | sort -r | head -2"),
    sh("sh-exit-status", "(exit 3); echo $?; false || echo or; true && echo and; exit 7"),
    sh("sh-killed-child", "sh -c 'kill -TERM $$'; echo $?; sh -c 'kill -KILL $$'; echo $?"),
    sh("sh-killed-itself", "kill -USR1 $$"),
    sh(
        "ipcs",
        "number() { grep -o '[0-9]*$'; }; s=$(ipcmk -S 3 -p 640 | number); m=$(ipcmk -M 5000 | number); "
        "q=$(ipcmk -Q | number); ipcs -s -i $s | grep -v -e time -e semid; ipcs -m -i $m | grep mode; ipcs -m | grep -c 5000; "
        "ipcs -q -i $q | grep -e bytes= -e mode; ipcs -l; ipcrm -s $s -m $m -q $q; echo $?; ipcrm -s $s; echo $?",
        "ipcmk",
    ),
    sh("sh-background", "for i in 3 1 2; do (sleep 0.0$i; exit $i) & done; wait; echo done $?"),
    sh("sh-wait-for-one", "(exit 5) & a=$!; (exit 6) & b=$!; wait $a; echo $?; wait $b; echo $?"),
    sh("sh-trap", "trap 'echo got it' USR1; kill -USR1 $$; trap 'echo bye' EXIT; echo end"),
    sh("sh-redirections", "echo a > f; echo b >> f; cat < f; cat f f > g 2>&1; wc -l < g; cat nothing 2>&1 | wc -l"),
    sh("sh-here-document", "cat <<X | tr a-z A-Z\nhello $((6*7))\nworld\nX"),
    sh("sh-substitution", 'x=$(echo one; echo two); echo "$x" | tac; echo $(seq 1 5)'),
    sh("sh-subshell-variables", "x=1; (x=2; echo $x); echo $x; { x=3; }; echo $x"),
    sh("sh-long-pipeline", "seq 1 1000 | cat | cat | cat | cat | tail -n 3 | rev"),
    sh("sh-pipe-closed-early", "yes | head -n 3; yes | head -c 100000 | wc -c"),
    sh("sh-read-stdin", 'while read a b; do echo "$b $a"; done', stdin=b"one two\nthree four five\n"),
    sh(
        "sh-not-found",
        "nosuchprogram 2>/dev/null; echo $?; ./not-there 2>/dev/null; echo $?; /etc/passwd 2>/dev/null; echo $?",
    ),
    sh("sh-fifo", "mkfifo p; (echo through the pipe > p) & cat p; wait"),
    sh("sh-many-forks", "i=0; while [ $i -lt 100 ]; do /bin/true; i=$((i+1)); done; echo $i"),
    bash("bash-arrays", 'a=(x y z); for i in "${!a[@]}"; do echo $i ${a[i]}; done; echo ${#a[@]} ${a[@]: -1}'),
    bash("bash-process-substitution", "diff <(seq 1 5) <(seq 2 6); paste <(echo a) <(echo b)", "diff"),
    bash(
        "bash-job-control",
        "set -m; sleep 0.05 & jobs | grep -c Running; wait %1; echo $?; kill -0 $! 2>/dev/null || echo gone",
    ),
    bash(
        "bash-stop-and-continue",
        "set -m; sleep 0.2 & kill -STOP %1; sleep 0.05; jobs | grep -c Stopped; kill -CONT %1; wait; echo $?",
    ),
    bash("bash-pipestatus", "true | false | (exit 3); echo ${PIPESTATUS[@]}; set -o pipefail; false | true; echo $?"),
    bash("bash-coproc", "coproc cat; echo hi >&${COPROC[1]}; read -u ${COPROC[0]} x; echo got $x"),
    bash("bash-wait-n", "(sleep 0.05; exit 4) & (sleep 0.5; exit 5) & wait -n; echo $?; kill %2; wait"),
    bash(
        "bash-traps", "trap 'echo CHLD' CHLD; set -m; /bin/true; trap - CHLD; trap 'echo err $?' ERR; false; echo end"
    ),
    bash("bash-strings", "x='hello world'; echo ${x^^} ${x/o/0} ${x:6} ${#x}; printf '%05d|%x|%s\\n' 42 255 str"),
    bash("bash-recursion", "f() { [ $1 -le 1 ] && echo 1 || echo $(( $1 * $(f $(( $1 - 1 ))) )); }; f 8"),
    bash("bash-exec", "exec -a renamed sh -c 'echo $0'"),
    bash("bash-read-timeout", "read -t 0.05 x < <(sleep 1); echo $?"),
    # coreutils and their kin
    sh("coreutils-text", "seq 10 | shuf --random-source=/dev/zero | sort -n | uniq | paste -sd, | fold -w 7 | nl"),
    sh(
        "coreutils-files",
        "mkdir -p a/b; touch a/b/c; cp -r a d; mv d/b d/e; ln -s e d/l; find . | sort; rm -r a; ls -R",
    ),
    sh(
        "coreutils-modes",
        "umask 022; touch f; chmod 640 f; stat -c '%a %s %F' f; install -m 755 f g; stat -c %A g; truncate -s 100 f; du -b f",
    ),
    sh("coreutils-sums", "seq 1000 | md5sum; seq 1000 | sha256sum; seq 1000 | cksum; seq 100 | base64 | head -n 2"),
    sh(
        "coreutils-dd",
        "dd if=/dev/zero bs=1k count=100 2>/dev/null | od -An -tx1 | head -n 2; head -c 10 /dev/zero | wc -c",
    ),
    sh(
        "coreutils-timeout",
        "timeout 0.1 sleep 10; echo $?; timeout -s KILL 0.1 sleep 10; echo $?; timeout 10 true; echo $?",
    ),
    sh(
        "coreutils-env",
        "env -i A=1 B=2 sh -c 'echo $A$B'; env | sort | grep -c ^LC_ALL; nice -n 5 nice; nohup echo x 2>/dev/null",
    ),
    sh(
        "coreutils-tee", "seq 5 | tee one two | wc -l; cat one two | wc -l; seq 100 | split -l 30; ls x*; tail -n 1 xad"
    ),
    sh("coreutils-id", "id -u; id -g; whoami; pwd | wc -l; uname -s; nproc > /dev/null; echo ok"),
    sh(
        "findutils",
        "mkdir d; for i in 1 2 3; do echo $i > d/$i; done; find d -type f -print0 | sort -z | xargs -0 -n 1 cat; find d -name '[12]' -exec echo {} + | wc -w; seq 20 | xargs -P 4 -n 5 | sort",
        "find",
        "xargs",
    ),
    sh(
        "grep",
        "seq 100 | grep -c 1; printf 'a\\nb\\nab\\n' | grep -n 'a.*b'; grep -r root /etc/passwd | head -n 1 | cut -d: -f1; echo x | grep y; echo $?",
        "grep",
    ),
    sh(
        "sed",
        "seq 5 | sed -n '2,4{s/$/!/;p}'; echo hello | sed -E 's/(l+)/<\\1>/'; seq 3 > f; sed -i '2d' f; cat f",
        "sed",
    ),
    sh(
        "awk",
        'seq 100 | awk \'{s+=$1} END {print s}\'; echo \'a b c\' | awk \'{print $2 | "cat"; close("cat"); system("echo sys")}\'; awk \'BEGIN{while(("echo x y"|getline l)>0)print l; printf "%.3f\\n", 3.14159}\'',
        "awk",
    ),
    sh("bc", "echo '2^100; scale=10; 1/3' | bc", "bc"),
    sh(
        "tar-gzip",
        "mkdir d; seq 1000 > d/a; seq 50 > d/b; tar c --sort=name d | gzip -9 | gzip -dc | tar t; tar czf x.tgz d; rm -r d; tar xzf x.tgz; cat d/* | md5sum",
        "tar",
        "gzip",
    ),
    sh(
        "tar-xz-bzip2",
        "seq 2000 > a; xz -k a; bzip2 -k a; xz -dc a.xz | md5sum; bzip2 -dc a.bz2 | md5sum; tar cJf x.txz a; tar tf x.txz",
        "xz",
        "bzip2",
    ),
    sh("make-parallel", f"printf '{MAKEFILE}' > Makefile; make -j4; make -j4; make clean; ls", "make"),
    sh("ps-of-procps", "sleep 5 & ps -o comm= -p $!; kill $!; wait $!; echo $?", "ps"),
    # python
    python("python-hello", "print('hello', sum(range(10)), __name__)"),
    python(
        "python-imports",
        "import json, re, os, sys, collections; print(json.dumps({'a': [1, 2.5, None]}), re.findall('[a-z]+', 'ab1cd'))",
    ),
    python(
        "python-fork",
        "import os, sys\nr, w = os.pipe()\npid = os.fork()\nif pid == 0:\n    os.write(w, b'from the child')\n    os._exit(7)\n"
        "print(os.read(r, 100).decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))",
    ),
    python(
        "python-subprocess",
        "import subprocess as s\nprint(s.check_output(['sh', '-c', 'echo out; echo err >&2'], stderr=s.STDOUT, text=True))\n"
        "print(s.run(['false']).returncode, s.run('exit 9', shell=True).returncode)\n"
        "p = s.Popen(['cat'], stdin=s.PIPE, stdout=s.PIPE)\nprint(p.communicate(b'through cat'))\n"
        "p = s.Popen(['sleep', '10'])\np.terminate()\nprint(p.wait())\n"
        "try:\n    s.run(['sleep', '10'], timeout=0.1)\nexcept s.TimeoutExpired:\n    print('timeout')\n"
        "try:\n    s.run(['/nonexistent'])\nexcept FileNotFoundError as e:\n    print(e.errno)",
    ),
    python(
        "python-threading",
        "import threading, queue, time\nq = queue.Queue()\n"
        "def work(n):\n    time.sleep(0.01 * n)\n    q.put(n)\n"
        "ts = [threading.Thread(target=work, args=(n,)) for n in (3, 1, 2)]\n"
        "[t.start() for t in ts]\n[t.join() for t in ts]\nprint(sorted(q.get() for _ in ts), threading.active_count())\n"
        "from concurrent.futures import ThreadPoolExecutor\nprint(list(ThreadPoolExecutor(4).map(lambda x: x * x, range(10))))",
    ),
    python(
        "python-multiprocessing-fork",
        "import multiprocessing as m\ndef f(x):\n    return x * x\n"
        "m.set_start_method('fork')\nwith m.Pool(3) as p:\n    print(p.map(f, range(20)))\n"
        "q = m.Queue()\np = m.Process(target=q.put, args=('queued',))\np.start()\nprint(q.get())\np.join()\nprint(p.exitcode)",
    ),
    sh(
        "python-multiprocessing-spawn",
        "cat > m.py <<'X'\nimport multiprocessing as m\ndef f(x):\n    return x + 100\n"
        "if __name__ == '__main__':\n    m.set_start_method('spawn')\n    with m.Pool(2) as p:\n        print(p.map(f, range(5)))\nX\npython3 m.py",
        "python3",
    ),
    python(
        "python-signals",
        "import signal, os, time\nsignal.signal(signal.SIGALRM, lambda n, f: print('alarm', n))\n"
        "signal.setitimer(signal.ITIMER_REAL, 0.05)\nsignal.pause()\nsignal.signal(signal.SIGCHLD, lambda n, f: print('child'))\n"
        "pid = os.fork()\nif not pid:\n    os._exit(3)\ntime.sleep(0.2)\nprint(os.waitpid(pid, 0)[1])\n"
        "try:\n    signal.signal(signal.SIGKILL, signal.SIG_IGN)\nexcept OSError as e:\n    print(e.errno)",
    ),
    python(
        "python-asyncio-subprocess",
        "import asyncio\nasync def main():\n    ps = [await asyncio.create_subprocess_exec('sh', '-c', f'sleep 0.0{i}; echo {i}', stdout=-1) for i in range(3)]\n"
        "    print([await p.communicate() for p in ps], [p.returncode for p in ps])\nasyncio.run(main())",
    ),
    python(
        "python-mmap-and-memory",
        "import mmap, os\nm = mmap.mmap(-1, 8192)\nif not os.fork():\n    m[:5] = b'child'\n    os._exit(0)\nos.wait()\nprint(m[:5])\n"
        "x = bytearray(50_000_000)\nx[::4096] = b'1' * len(x[::4096])\nprint(sum(x) == 49 * len(x[::4096]))",
    ),
    python("python-exception-status", "import sys; sys.stderr = sys.stdout; raise SystemExit(42)"),
    python("python-abort", "import os; os.abort()"),
    python(
        "python-files",
        "import os, tempfile, shutil, pathlib\nd = tempfile.mkdtemp(dir='.')\np = pathlib.Path(d)\n(p / 'a').write_text('x' * 10000)\n"
        "shutil.copy(p / 'a', p / 'b')\nprint(sorted(os.listdir(d)), (p / 'b').stat().st_size)\nshutil.rmtree(d)\nprint(os.path.exists(d))",
    ),
    # perl
    perl("perl-fork", '$|=1; $p=fork; if(!$p){print "child\\n"; exit 5} waitpid $p,0; print "parent ", $?>>8, "\\n"'),
    perl(
        "perl-pipes",
        'open(P,"-|","echo one; echo two") or die; print "got $_" while <P>; close P; print `echo back`; print system("exit 3")>>8, "\\n"',
    ),
    perl(
        "perl-signals",
        '$SIG{USR1}=sub{print "usr1\\n"}; kill USR1=>$$; $SIG{ALRM}=sub{die "alarm\\n"}; eval{alarm 1; sleep 10}; print $@',
    ),
    perl(
        "perl-text",
        'my %h; $h{$_ % 7} += $_ for 1..1000; print join(",", map {"$_=$h{$_}"} sort keys %h), "\\n"; print scalar reverse("abc"), "\\n"',
    ),
    # busybox: one static binary
    busybox(
        "busybox-shell", "for i in 1 2 3; do echo $i; done | busybox sort -r | busybox head -n 2; (exit 4); echo $?"
    ),
    busybox(
        "busybox-pipeline",
        "busybox seq 1 200 | busybox awk '{s+=$1} END {print s}'; busybox echo abc | busybox sed s/b/X/ | busybox md5sum",
    ),
    busybox("busybox-background", "(busybox sleep 0.02; echo late) & echo early; wait; echo done"),
    busybox(
        "busybox-tar", "busybox mkdir d; echo x > d/f; busybox tar c d | busybox gzip | busybox gunzip | busybox tar t"
    ),
    busybox(
        "busybox-ps",
        "busybox sleep 3 & busybox ps | busybox grep -c '[s]leep 3' > n; kill $!; busybox test $(busybox cat n) -ge 1 && echo seen",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_same_as_native(case: Case, tmp_path: Path) -> None:
    for program in (case.command[0], *case.needs):
        if not shutil.which(program, path=ENVIRONMENT["PATH"]):
            pytest.skip(f"no {program}")
    here, there = tmp_path / "run", tmp_path / "native"
    here.mkdir()
    there.mkdir()
    if case.namespaces and not can_unshare():
        pytest.skip("no user namespaces for us on this host")
    program = shutil.which(case.command[0], path=ENVIRONMENT["PATH"])
    assert program
    command = [program, *case.command[1:]]
    expected = run_native(command, there, case.stdin)
    got = run_forkernel(command, here, case.stdin, case.timeout)
    assert got.render() == expected.render(), shlex.join(command) + "\n" + got.stderr.decode(errors="replace")


def test_host_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("as it was")
    script = "echo changed > kept; echo new > new; mkdir dir; rm -f kept; echo again > kept; cat kept; ls"
    got = run_forkernel(["/bin/sh", "-c", script], tmp_path)
    assert got.stdout == b"again\ndir\nkept\nnew\n", got.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept").read_text() == "as it was"
