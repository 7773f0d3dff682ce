"""Supervisors and small inits do on Forkernel what they do on Linux: they reap, forward signals, start again what dies,
stop cleanly, and end with the right status. Each case runs natively too, its first process being PID 1 of a namespace.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from harness import ON_LINUX, Result, run_forkernel, run_native

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not ON_LINUX, reason="runs the programs of a Linux host"),
]

TIMEOUT = 120.0
ZOMBIES = 'echo "zombies: $(ps -eo stat | grep -c ^Z)"'


@cache
def can_make_namespaces() -> bool:
    command = ["unshare", "-pfm", "--mount-proc", "true"]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0


def need(*programs: str) -> None:
    """Skip unless the programs are there, and Linux can be asked."""
    for program in programs:
        if shutil.which(program, path="/usr/bin:/bin:/usr/sbin:/sbin") is None:
            pytest.skip(f"no {program}")
    if not can_make_namespaces():
        pytest.skip("needs root and namespaces to compare")


def alike(text: bytes) -> str:
    """Output without what differs from run to run: directory, process IDs, times."""
    shown = re.sub(r"/\S+/(native|here)\b", "DIR", text.decode().replace("\r", ""))
    shown = re.sub(r"\b\d{4}-\d\d-\d\d[ _]\d\d:\d\d:\d\d[.,]?\d*", "TIME", shown)
    shown = re.sub(r"(?i)(pid:?|\(pid) '?\d+'?", r"\1 N", shown)
    shown = re.sub(r"(tini) \(\d+\)", r"\1 (N)", shown)
    return re.sub(r"\b\d+ seconds?\b|\b\d+s\b|uptime \d:\d\d:\d\d", "TIME", shown)


def same(tmp_path: Path, command: list[str], *, errors: bool = False) -> Result:
    """Run as PID 1, natively and here; what Forkernel did, which must be what Linux did."""
    native_place, place = tmp_path / "native", tmp_path / "here"
    native_place.mkdir()
    place.mkdir()
    merged = ["sh", "-c", 'exec "$@" 2>&1', "sh", *command] if errors else command
    unshare = ["unshare", "-pfm", "--mount-proc", "--kill-child"]
    expected = run_native([*unshare, *merged], native_place, timeout=TIMEOUT)
    assert expected.status != -1, expected.stderr.decode()
    got = run_forkernel(merged, place, timeout=TIMEOUT, options=("--init",))
    assert alike(got.stdout) == alike(expected.stdout), got.stderr.decode()
    assert got.status == expected.status
    return got


def script(tmp_path: Path, text: str) -> Result:
    """A bash script as PID 1, in an empty directory, with its standard error."""
    return same(tmp_path, ["bash", "-c", text], errors=True)


# --- tini and dumb-init: one child, as PID 1 or as a subreaper

ORPHANS = f"for i in 1 2 3; do (sleep 0.2 & (exit $i) &); done; sleep 1; {ZOMBIES}"

SMALL: dict[str, list[str]] = {
    "tini-status": ["tini", "-v", "--", "sh", "-c", "exit 3"],
    "tini-orphans": ["tini", "--", "sh", "-c", f"{ORPHANS}; exit 4"],
    "tini-killed": ["tini", "-v", "--", "sh", "-c", "kill -KILL $$"],
    "tini-remap": ["tini", "-e", "143", "-e", "7", "--", "sh", "-c", "kill -TERM $$"],
    "tini-forward": ["tini", "--", "bash", "-c", "trap 'echo told; exit 5' TERM; kill -TERM 1; sleep 9 & wait"],
    "tini-forward-real-time": [
        "tini", "--", "bash", "-c", "trap 'echo 40' 40; kill -40 1; sleep 1 & wait; wait; echo end",
    ],
    "tini-stop-and-go-on": [
        "tini", "--", "bash", "-c",
        "trap 'echo goes on' CONT; (sleep 1; kill -CONT 1) & kill -TSTP 1; wait; wait; echo end",
    ],
    "tini-no-program": ["tini", "--", "/no/such/program"],
    "tini-not-alone": ["sh", "-c", "tini -- true; echo $?"],
    "dumb-init-status": ["dumb-init", "sh", "-c", "exit 3"],
    "dumb-init-orphans": ["dumb-init", "sh", "-c", f"{ORPHANS}; exit 4"],
    "dumb-init-killed": ["dumb-init", "sh", "-c", "kill -KILL $$"],
    "dumb-init-session": ["dumb-init", "sh", "-c", "test $(ps -o sid= -p $$) = $$ && echo leader"],
    "dumb-init-single": ["dumb-init", "--single-child", "sh", "-c", "test $(ps -o sid= -p $$) = $$ || echo not"],
    "dumb-init-rewrite": [
        "dumb-init", "--rewrite", "15:2", "bash", "-c",
        "trap 'echo INT; exit 5' INT; trap 'echo TERM' TERM; kill -TERM 1; sleep 9 & wait",
    ],
    "dumb-init-rewrite-to-nothing": [
        "dumb-init", "--rewrite", "15:0", "bash", "-c", "trap 'echo TERM' TERM; kill -TERM 1; sleep 1; echo quiet",
    ],
    "dumb-init-group": [
        "dumb-init", "bash", "-c",
        "trap 'sleep 0.3; echo outer; exit 5' TERM; bash -c 'trap \"echo inner; exit\" TERM; sleep 9 & wait' & sleep 1;"
        " kill -TERM 1; sleep 9 & wait",
    ],
    "dumb-init-ends-what-is-left": ["dumb-init", "sh", "-c", "sleep 1000 & exit 5"],
}  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_as_pid_1(name: str, tmp_path: Path) -> None:
    need(next(word for word in SMALL[name] if word in ("tini", "dumb-init", "sh")), "ps")
    same(tmp_path, SMALL[name])


def test_tini_tells_its_child_s_group(tmp_path: Path) -> None:
    need("tini")
    inner = 'trap \\"echo inner; exit\\" TERM; echo > ready; while :; do sleep 0.2; done'
    outer = f"trap 'sleep 0.5; echo outer; exit 5' TERM; bash -c \"{inner}\" & until test -e ready; do sleep 0.2; done"
    same(tmp_path, ["tini", "-g", "--", "bash", "-c", f"{outer}; kill -TERM 1; sleep 9 & wait"])


def test_tini_as_subreaper(tmp_path: Path) -> None:
    need("tini", "ps")
    script(
        tmp_path,
        f"""
        tini -s -- sh -c '{ORPHANS}; exit 6'; echo $?
        tini -- sh -c 'exit 7'; echo $?
        cat > child <<'X'
        trap 'echo parent died > told; exit 8' USR1
        echo > up; while :; do sleep 0.2; done
X
        sh -c 'tini -s -p SIGUSR1 -- bash child & until test -e up; do sleep 0.2; done'
        until test -e told; do sleep 0.2; done; cat told; sleep 1; {ZOMBIES}
        """,
    )


# --- inits and daemons of a few lines

PYTHON_INIT = """
import os, signal, sys

def forward(number, frame):
    os.kill(child, number)

child = os.posix_spawn("/bin/bash", ["bash", "-c", sys.argv[1]], os.environ)
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, forward)
reaped = 0
while True:
    pid, status = os.waitpid(-1, 0)
    if pid == child:
        break
    reaped += 1
print("reaped", reaped, flush=True)
os._exit(os.waitstatus_to_exitcode(status))
"""
BASH_INIT = """
trap 'kill -TERM $child' TERM
bash -c "$1" & child=$!
while wait -n -p gone; status=$?; test "$gone" != "$child"; do :; done
echo "end $status"; exit $status
"""
PYTHON_DAEMON = """
import os, sys, time
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
os.chdir("/")
os.umask(0)
place = sys.argv[1]
open(place + "/parent", "w").write("%d %d\\n" % (os.getppid() == 1, os.getsid(0) != os.getpid()))
time.sleep(1)
open(place + "/done", "w").write("done\\n")
"""


def test_python_s_own_init(tmp_path: Path) -> None:
    need("python3")
    child = (
        "trap 'echo told; exit 5' TERM; for i in 1 2 3; do (sleep 0.2 &); done; sleep 1; kill -TERM 1; sleep 9 & wait"
    )
    same(tmp_path, ["/usr/bin/python3", "-c", PYTHON_INIT, child])


def test_bash_s_own_init(tmp_path: Path) -> None:
    need("bash")
    child = "trap 'echo told; exit 5' TERM; (sleep 0.2 &); sleep 1; kill -TERM 1; sleep 9 & wait"
    same(tmp_path, ["bash", "-c", BASH_INIT, "init", child])


def test_a_daemon_by_two_forks(tmp_path: Path) -> None:
    need("python3", "ps")
    (tmp_path / "daemon.py").write_text(PYTHON_DAEMON)
    script(
        tmp_path,
        f"""
        /usr/bin/python3 {tmp_path}/daemon.py $PWD; echo $?
        until test -e done; do sleep 0.2; done; cat parent done
        sleep 0.5; {ZOMBIES}
        """,
    )


@pytest.mark.parametrize("program", ["start-stop-daemon", "busybox start-stop-daemon"])
def test_start_stop_daemon(program: str, tmp_path: Path) -> None:
    need(program.split()[0])
    script(
        tmp_path,
        f"""
        ssd='{program}'
        $ssd -S -b -m -p $PWD/pid -x /bin/sleep -- 100; echo $?
        until test -s pid; do sleep 0.2; done; test -d /proc/$(cat pid) && echo runs
        until grep -q sleep /proc/$(cat pid)/comm; do sleep 0.2; done
        $ssd -S -b -m -p $PWD/pid -x /bin/sleep -- 100 > /dev/null; echo $?
        $ssd -K -p $PWD/pid -x /bin/sleep > /dev/null; echo $?
        while kill -0 $(cat pid) 2> /dev/null; do sleep 0.2; done
        $ssd -K -p $PWD/pid -x /bin/sleep > /dev/null; echo $?
        {ZOMBIES}
        """,
    )


def test_busybox_crond(tmp_path: Path) -> None:
    need("busybox")
    (tmp_path / "tabs").mkdir()
    (tmp_path / "tabs" / "root").write_text(
        f"* * * * * echo run >> {tmp_path}/out\n*/2 * * * * echo two >> {tmp_path}/out\n"
    )
    start = f"busybox crond -c {tmp_path}/tabs -L /dev/null"
    text = f"{start}; sleep 290; sort {tmp_path}/out | uniq -c; {ZOMBIES}; pkill crond"
    got = run_forkernel(["bash", "-c", text], tmp_path)  # minutes of virtual time: Linux would take them
    assert got.stdout.split() == [b"4", b"run", b"2", b"two", b"zombies:", b"0"]


# --- runit

RUNIT = """
set -u; mkdir -p svc/a/log svc/b logs; D=$PWD
cat > svc/a/run <<X
#!/bin/sh
echo a runs; exec sleep 100
X
cat > svc/a/finish <<X
#!/bin/sh
echo a finish \\$1 \\$2 >> $D/finished
X
cat > svc/a/log/run <<X
#!/bin/sh
exec svlogd $D/logs
X
cat > svc/b/run <<X
#!/bin/sh
trap 'echo term >> $D/b; exit 0' TERM; trap 'echo hup >> $D/b' HUP
echo run >> $D/b; while :; do sleep 0.2; done
X
chmod +x svc/*/run svc/a/finish svc/a/log/run
until_lines() { until test -e $1 && test $(wc -l < $1) -ge $2; do sleep 0.2; done; }
"""


def test_runit(tmp_path: Path) -> None:
    need("runsvdir", "sv", "svlogd", "ps")
    script(
        tmp_path,
        RUNIT
        + f"""
        runsvdir -P svc & scanner=$!
        until_lines b 1; until test -s logs/current; do sleep 0.2; done
        sv status $D/svc/a $D/svc/b
        sv hup $D/svc/b; until_lines b 2
        kill -KILL $(cat svc/b/supervise/pid); until_lines b 3
        sv restart $D/svc/b; until_lines b 5
        sv -w 20 stop $D/svc/a; sv status $D/svc/a; until_lines finished 1
        sv -w 20 start $D/svc/a; sv once $D/svc/a; kill -KILL $(cat svc/a/supervise/pid); until_lines finished 2
        sleep 1.5; sv status $D/svc/a
        cat b finished logs/current
        sv exit $D/svc/a; sv -w 20 force-shutdown $D/svc/b; echo $?
        kill -HUP $scanner; wait $scanner; echo runsvdir $?
        while pgrep -x 'runsv|svlogd' > /dev/null; do sleep 0.2; done
        {ZOMBIES}
        """,
    )


def test_runsvdir_looks_again(tmp_path: Path) -> None:
    need("runsvdir", "runsvchdir")
    script(
        tmp_path,
        RUNIT
        + """
        mount -t tmpfs tmpfs /etc/runit; mkdir -p /etc/runit/runsvdir/one /etc/runit/runsvdir/two
        ln -s one /etc/runit/runsvdir/current
        ln -s $D/svc/b /etc/runit/runsvdir/one/b
        runsvdir -P /etc/runit/runsvdir/current & scanner=$!
        until_lines b 1
        ln -s $D/svc/a /etc/runit/runsvdir/two/a
        runsvchdir two; echo $?
        until test -s logs/current; do sleep 0.2; done; until_lines b 2; cat b logs/current
        rm /etc/runit/runsvdir/two/a; until test -s finished; do sleep 0.2; done; cat finished
        kill -HUP $scanner; wait $scanner; echo $?
        while pgrep -x 'runsv|svlogd' > /dev/null; do sleep 0.2; done
        """,
    )


def test_chpst(tmp_path: Path) -> None:
    need("chpst")
    script(
        tmp_path,
        """
        mkdir env; echo blue > env/COLOR; : > env/HOME
        chpst -e env sh -c 'echo $COLOR; env | grep -c ^HOME='
        chpst -u nobody:nogroup id; chpst -U nobody sh -c 'echo $UID $GID'
        chpst -n 5 sh -c 'nice'; chpst -o 20 -d 100000000 -f 5120 sh -c 'ulimit -n -d -f'
        chpst -P sh -c 'test $(ps -o pgid= -p $$) = $$ && echo group'
        chpst -l lock sleep 1 & until test -e lock; do sleep 0.2; done; sleep 0.3
        chpst -L lock echo got; echo $?; wait; chpst -L lock echo got
        chpst -b other sh -c 'tr "\\0" " " < /proc/$$/cmdline'; echo
        chpst -/ . true; echo $?; chpst -x; echo $?
        """,
    )


# --- s6

S6 = """
mkdir -p svc/a svc/b logs; D=$PWD
cat > svc/a/run <<X
#!/bin/sh
echo a runs; sleep 0.5; echo ready >&3; exec 3>&-; exec sleep 100
X
echo 3 > svc/a/notification-fd
cat > svc/a/finish <<X
#!/bin/sh
echo a finish \\$1 \\$2
X
cat > svc/b/run <<X
#!/bin/sh
trap 'echo b term; exit 0' TERM
echo b runs >> $D/b; while :; do sleep 0.2; done
X
chmod +x svc/*/run svc/a/finish
until_lines() { until test -e $1 && test $(wc -l < $1) -ge $2; do sleep 0.2; done; }
state() { s6-svstat -o up,ready,wantedup,normallyup,exitcode,signal $1; }
"""


def test_s6(tmp_path: Path) -> None:
    need("s6-svscan", "s6-svstat", "ps")
    script(
        tmp_path,
        S6
        + f"""
        s6-svscan svc & scanner=$!
        until s6-svok svc/a && s6-svok svc/b; do sleep 0.2; done
        s6-svwait -U -t 20000 svc/a; echo ready $?; state svc/a
        until_lines b 1; state svc/b
        s6-svc -wD -T 20000 -d svc/a; echo $?; state svc/a
        s6-svc -wU -T 20000 -u svc/a; echo $?; state svc/a
        s6-svc -wR -T 20000 -r svc/a; echo $?; state svc/a
        s6-svc -k svc/b; until_lines b 2; state svc/b
        s6-svc -O svc/b; s6-svwait -u svc/b; s6-svc -wd -T 20000 -t svc/b; state svc/b
        s6-svwait -u -t 500 svc/b 2> /dev/null; echo timed out $?
        s6-svscanctl -t svc; wait $scanner; echo s6-svscan $?
        while pgrep s6-supervise > /dev/null; do sleep 0.2; done
        {ZOMBIES}
        """,
    )


def test_s6_svscan_as_pid_1(tmp_path: Path) -> None:
    need("s6-svscan", "ps")
    text = f"""
        {S6}
        mkdir svc/.s6-svscan
        printf '#!/bin/sh\\necho finish; exit 9\\n' > svc/.s6-svscan/finish; chmod +x svc/.s6-svscan/finish
        (until s6-svwait -U -t 20000 svc/a 2> /dev/null; do sleep 0.2; done
         (sleep 0.1 & (exit 3) &); sleep 1; {ZOMBIES}; s6-svscanctl -t svc) &
        exec s6-svscan svc
    """
    assert script(tmp_path, text).status == 9


def test_s6_log(tmp_path: Path) -> None:
    need("s6-log")
    script(
        tmp_path,
        """
        seq 1 500 | sed 's/$/ xxxxxxxxxxxxxxxxxxxx/' | s6-log -b n3 s4096 ./logs; echo $?
        ls logs | sed 's/@.*/@TIME/' | sort -u; ls logs/@* | wc -l | grep -c '^[123]$'
        printf 'one\\ntwo\\nthree\\n' | s6-log -- '-.*' '+t' 1; echo $?; echo tick | s6-log -- t 1 | grep -c '^@4'
        mkfifo pipe; s6-log ./logs2 < pipe & logger=$!; exec 4> pipe; echo kept >&4
        until grep -qs kept logs2/current; do sleep 0.2; done; exec 4>&-; wait $logger; echo $?; cat logs2/current
        """,
    )


# --- supervisord

SUPERVISED = """
cat > c.conf <<X
[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
pidfile=$PWD/pid
user=root
[unix_http_server]
file=$PWD/sock
[supervisorctl]
serverurl=unix://$PWD/sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[program:web]
command=sh -c 'echo web %(process_num)d; exec sleep 100%(process_num)d'
process_name=%(program_name)s_%(process_num)d
numprocs=2
autorestart=true
startsecs=1
stdout_logfile=$PWD/%(program_name)s_%(process_num)d.log
[program:bad]
command=sh -c 'exit 3'
startsecs=1
startretries=1
[program:family]
command=sh -c 'sleep 997 & sleep 998 & wait'
stopasgroup=true
killasgroup=true
[program:deaf]
command=bash -c 'trap "" TERM; while :; do sleep 0.2; done'
stopwaitsecs=1
[program:once]
command=sh -c 'sleep 2; exit 2'
autorestart=unexpected
exitcodes=2
[eventlistener:listener]
command=/usr/bin/python3 $PWD/listen.py
events=PROCESS_STATE
buffer_size=100
X
cat > listen.py <<X
import sys
out = open('$PWD/events', 'a', buffering=1)
while True:
    print('READY', end='\\n', flush=True)
    head = dict(word.split(':') for word in sys.stdin.readline().split())
    body = dict(word.split(':') for word in sys.stdin.read(int(head['len'])).split())
    out.write('%s %s %s\\n' % (body['processname'], head['eventname'], body['from_state']))
    print('RESULT 2\\nOK', end='', flush=True)
X
ctl() { supervisorctl -c c.conf "$@"; }
until_events() { until test -e events && test $(grep -c "$1" events) -ge $2; do sleep 0.5; done; }
"""


def test_supervisord(tmp_path: Path) -> None:
    need("supervisord", "supervisorctl", "ps")
    script(
        tmp_path,
        SUPERVISED
        + f"""
        supervisord -c c.conf > /dev/null 2>&1 & super=$!
        until_events 'bad PROCESS_STATE_FATAL' 1; until_events 'once PROCESS_STATE_EXITED' 1
        until_events 'web_. PROCESS_STATE_RUNNING' 2
        pkill -KILL -f 'sleep 1001'; until_events 'web_1 PROCESS_STATE_RUNNING' 2
        {{ echo stop family deaf; echo restart web:web_0; until_events 'web_0 PROCESS_STATE_RUNNING' 2
           echo signal TERM web:web_0; until_events 'web_0 PROCESS_STATE_RUNNING' 3
           ps -eo args | grep -c '^sleep 99' > count
           echo tail web:web_0; echo 'stop web:*'; echo 'start web:*'; until_events 'web_. PROCESS_STATE_RUNNING' 7
           sort events > until_then; echo shutdown; echo y
        }} | ctl | tr -d '>' | tr -s ' ' | sed -E 's/^supervisor //; s/(EXITED|FATAL|RUNNING) .*/\\1/' | sort
        wait $super; echo $?; cat count; grep -v listener until_then
        {ZOMBIES}; pgrep -c sleep
        """,
    )


def test_supervisord_as_pid_1(tmp_path: Path) -> None:
    need("supervisord", "ps")
    text = f"""
        {SUPERVISED}
        (until_events 'web_0 PROCESS_STATE_RUNNING' 1; (sleep 0.1 & (exit 3) &); sleep 1.5; {ZOMBIES}; kill -TERM 1) &
        exec supervisord -c c.conf > /dev/null
    """
    assert script(tmp_path, text).status == 0
