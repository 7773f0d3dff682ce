"""Debian's process tools (procps, psmisc, lsof, util-linux, psutil) say here what they say natively.

Each script runs twice, natively and on Forkernel, in a PID namespace of its own both times: so even process IDs are the
same. What a script waits for it waits for by bash's own means, without processes that would take numbers.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from forkernel import Kernel
from harness import ENVIRONMENT, ON_LINUX

TOOLS = ("bash", "unshare", "ps", "pstree", "killall", "lsof", "pmap", "lslocks")
NAMESPACE = ("unshare", "--pid", "--fork", "--mount", "--ipc", "--mount-proc", "bash", "-c")
PYTHON = "/usr/bin/python3"
ROOT = (0, 0, ())
AWAIT = r"""
state() { local rest; until read -r rest < /proc/$1/stat && rest=${rest##*) } && [ "${rest%% *}" = $2 ]; do :; done; }
comm() { local name; until read -r name < /proc/$1/comm && [ "$name" = $2 ]; do :; done; state $1 S; }
child() {
    local list=
    until [ "$list" ]; do read -r list < /proc/$1/task/$1/children; done 2> /dev/null
    set -- $list; REPLY=$1
}
cd /
exec 2>&1 < /dev/null
"""
"""Functions: wait until a process is in a state, has become a program and sleeps, has a child (REPLY)."""


@cache
def can_compare() -> bool:
    """Whether the tools are there and may make namespaces."""
    if not ON_LINUX or os.geteuid() != 0 or not all(map(shutil.which, TOOLS)):
        return False
    return subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode == 0


pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not can_compare(), reason="needs root, procps, psmisc, lsof and util-linux"),
]


def natively(script: str) -> str:
    command = [*NAMESPACE, AWAIT + script]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=ENVIRONMENT,
        start_new_session=True, timeout=120, check=False,
    )  # fmt: skip
    return done.stdout.decode()


def here(script: str, command: tuple[str, ...] = NAMESPACE) -> str:
    with Kernel(env=ENVIRONMENT, cwd="/tmp", user=ROOT) as kernel:
        process = kernel.spawn([*command, AWAIT + script])
        kernel.run(timeout=300)
        return process.stdout.decode()


def same(script: str, *changes: tuple[str, str]) -> str:
    """Both print the same, after regular expressions were replaced; what that is."""
    expected, got = natively(script), here(script)
    for pattern, replacement in changes:
        expected, got = (re.sub(pattern, replacement, text, flags=re.M) for text in (expected, got))
    assert got == expected
    return got


COMPILER = (r"\.(constprop|isra)\.0", "        ")
"""What a compiler adds to the name of a function, and the width of the column."""
FAMILY = r"""
sleep 1000 & stopped=$!; comm $! sleep
(exec -a renamed sleep 1001) & renamed=$!; comm $! sleep
bash -c 'sleep 1002 & sleep 1003 & wait' & parent=$!
state $parent S; set --; until [ $# = 2 ]; do read -r list < /proc/$parent/task/$parent/children; set -- $list; done
comm $1 sleep; comm $2 sleep
sh -c 'sleep 0 & exec sleep 1004' & keeper=$!; comm $! sleep; child $keeper; state $REPLY Z
nice -n 7 sleep 1005 & nice=$!; comm $! sleep
setsid sleep 1006 & leader=$!; comm $! sleep
/usr/bin/python3 -c 'import threading, time
for _ in range(2): threading.Thread(target=time.sleep, args=(1000,)).start()' & threads=$!
until set -- /proc/$threads/task/*; [ $# = 3 ]; do :; done
for task; do state $threads/task/${task##*/} S; done
kill -STOP $stopped; state $stopped T
"""


def test_ps_of_a_family() -> None:
    script = r"""
    ps -axo pid,ppid,pgid,sid,tpgid,stat,ni,pri,cls,rtprio,nlwp,wchan:24,comm,args
    ps -eLo pid,tid,nlwp,stat,ni,ignored,blocked,caught,comm,cmd
    ps -eo pid,user,ruser,group,supgid,sess,tty,label --sort=-pid
    for pid in $stopped $parent $threads; do read -r line < /proc/$pid/stat; set -- ${line##*) }; echo $7; done
    ps --forest -o pid,args --ppid $$ ; ps -C sleep -o pid=,args= ; ps j --ppid $parent; ps -p $threads -L -o lwp,comm
    """
    text = same(FAMILY + script, COMPILER)
    assert "<defunct>" in text
    assert "renamed 1001" in text
    assert re.search(r" T +0 ", text)


def test_ps_auxf() -> None:
    """The picture itself; %CPU, %MEM, sizes and times are the machine's."""
    numbers = r"^(root +\d+) +[\d.]+ +[\d.]+ +\d+ +\d+ (\S+ +\S+) +\S+ +\S+ "
    text = same(FAMILY + "ps auxf; ps auxfc; ps axms -o pid,stat,comm", (numbers, r"\1 \2 "))
    assert r"\_ " in text


def test_trees_and_searches() -> None:
    script = r"""
    pstree -pa; pstree -pT; pstree -p $parent; pstree -psl $parent; pstree -g
    pgrep -a sleep; pgrep -l -P $parent; pgrep -n sleep; pgrep -o sleep; pgrep -c sleep; pgrep -x slee || echo none
    pgrep -r T; pgrep -f 'renamed 10'; pgrep -g $$ -c; pgrep -s $leader; pgrep -w -f threading; pgrep -u root -c
    pidof sleep; pidof -s bash; pidof nothing || echo none
    pwdx $$ $parent; ps -o pid= -p $(pgrep -d, sleep)
    """
    same(FAMILY + script)


def test_tools_that_change_a_process() -> None:
    script = r"""
    sleep 1000 & pid=$!; comm $pid sleep
    renice -n 5 -p $pid; ps -o ni= $pid; nice -n 3 nice; nice -n 30 nice; renice -n -3 $pid; ps -o ni=,pri= $pid
    taskset -p 1 $pid > /dev/null; taskset -cp $pid; taskset -c 0 taskset -p $$ | wc -l; taskset -p 0 $pid
    chrt -p $pid; chrt -b -p 0 $pid; chrt -p $pid; chrt -f -p 7 $pid; chrt -p $pid; ps -o cls=,rtprio=,pri= $pid
    chrt -r -p 200 $pid; chrt -o -p 0 $pid
    ionice -p $pid; ionice -c 2 -n 3 -p $pid; ionice -p $pid; ionice -c 3 ionice
    prlimit --pid $pid --nofile=10:20 --core=0; prlimit --pid $pid --nofile --core --noheadings -o RESOURCE,SOFT,HARD
    prlimit --nofile=30:10 true
    timeout 0.2 sleep 10; echo $?; timeout -s KILL 0.2 sleep 10; echo $?; timeout 10 sh -c 'exit 7'; echo $?
    timeout --preserve-status -s INT 0.2 sleep 10; echo $?; timeout 1 nothing-there; echo $?
    setsid -w sh -c 'ps -o pid=,pgid=,sid= -p $$'; nohup sh -c 'ps -o ignored= -p $$'
    flock /tmp/forkernel-lock flock -n /tmp/forkernel-lock echo got; echo $?; flock -w 0.1 /tmp/forkernel-lock echo got
    """
    same(script)


def test_tools_that_send_signals() -> None:
    script = r"""
    set +m; start() { sleep 1000 & pid=$!; comm $pid sleep; }
    start; kill -0 $pid && echo there; /bin/kill -s USR1 $pid; wait $pid; echo $?
    start; pkill -e -x sleep; wait $pid; echo $?
    start; killall -v sleep; wait $pid; echo $?
    start; killall -s STOP sleep; state $pid T; killall -s CONT sleep; state $pid S
    skill -KILL $pid; wait $pid; echo $?
    start; other=$pid; start; pkill -n sleep; wait $pid; echo $?; pkill -HUP -P $$ sleep; wait $other; echo $?
    killall sleep; pkill sleep; echo $?; kill 99999; /bin/kill -l TERM; kill -l 9; pkill --signal 99 x
    start; kill $pid; pidwait -x nothing; echo $?; wait
    unshare --fork --pid --mount-proc bash -c 'ps -eo pid,ppid,args; kill -TERM 1; echo alive; kill -KILL 1'; echo $?
    unshare --fork --pid --kill-child sh -c 'echo $$; exit 3'; echo $?
    """
    same(script, (r" line \d+:", ""))


def test_open_files() -> None:
    script = r"""
    echo text > /tmp/forkernel-open; exec 7< /tmp/forkernel-open 8>> /tmp/forkernel-open 9< /usr
    mkfifo /tmp/forkernel-fifo; exec 10<> /tmp/forkernel-fifo; rm /tmp/forkernel-fifo
    sleep 1000 | sleep 1001 & comm $! sleep
    lsof -p $$ -a -d 0,7-10,cwd,rtd,txt -F ftan; lsof -t /tmp/forkernel-open; lsof -c sleep -a -d 0-2,txt -F cfan
    lsof -a -p $$ +L1 -F fk; fuser -v /tmp/forkernel-open; fuser /usr/bin/sleep; fuser -v -m /nothing; echo $?
    flock /tmp/forkernel-open sleep 1002 & child $!; flock -s -n 7; exec 11< /tmp/forkernel-open
    lslocks -n -u -o COMMAND,PID,TYPE,MODE,START,END,PATH; pwdx $$
    readlink /proc/$$/fd/7 /proc/$$/fd/10 /proc/$$/fd/11; wc -l < /proc/$$/fdinfo/7
    ls -U /proc/$!/fd; cat /proc/$!/cmdline | tr '\0' ' '; kill $(jobs -p) 2> /dev/null; rm /tmp/forkernel-open
    """
    same(script, (r"\[\d+\]", "[]"), (r"pipe:?$", "pipe"), (r"^(.) -> /tmp/pytest.*|^(.) -> /dev/.*", r"\1"))


def test_areas_of_a_process() -> None:
    """pmap: the same areas of the same size; where they are and how much of them is resident is the machine's."""
    script = "sleep 1000 & pid=$!; comm $pid sleep; pmap $pid; pmap -x $pid; pmap -X $pid; pmap -XX $pid | head -2"

    def areas(text: str) -> list[tuple[str, ...]]:
        rows = re.findall(r"^ *([0-9a-f]{8,16}) +(\S+) +(.*)$", text, flags=re.M)
        return [
            (re.sub(r"K$", "", size) if size[0].isdigit() else size, rest.split()[-1])
            for _, size, rest in rows
            if "[v" not in rest and "anon" not in rest and not rest.split()[-1].isdigit()
        ]

    native, guest = natively(script), here(script)
    assert len(areas(native)) > 30
    assert areas(guest) == areas(native)
    heads = [[line for line in text.splitlines() if "Address" in line] for text in (native, guest)]
    assert heads[0][0] == heads[1][0]


def test_namespaces_and_ipc() -> None:
    script = r"""
    lsns -n -o TYPE,NPROCS,PID,PPID -p $$ > /tmp/forkernel-ns; sort /tmp/forkernel-ns; rm /tmp/forkernel-ns
    lsipc -q -n; lsipc -s -n; lsipc -m -n
    ls -l /proc/self/ns | sed -n 's/.*-> \(.*\):.*/\1/p'; nsenter -t $$ -p -m ps -o pid,args
    readlink /proc/self/ns/pid | tr -d '0-9'; unshare -u sh -c 'lsns -n -t uts -o NPROCS,COMMAND'
    """
    same(script)


def test_figures_of_the_machine_agree() -> None:
    """free, vmstat, uptime, top, w and slabtop against the files that they read, and against each other."""
    script = r"""
    cat /proc/meminfo; echo =; free -k; echo =; vmstat; echo =; vmstat -s; echo =
    vmstat -d; vmstat -m | head -3; echo =
    top -b -n1 -w 200; echo =; ps -e --no-headers | wc -l; uptime; w -h; slabtop -o | head -8; nproc; echo =
    lscpu -p=CPU; vmstat -f; lsmem -b --summary=only; tload -V
    ps -eo pcpu,pmem,vsz,rss,etime,time,args | tail -3; cat /proc/loadavg
    """
    parts = here(script, ("bash", "-c")).split("\n=\n")
    meminfo = {name: int(value) for name, value in re.findall(r"^(\S+): +(\d+)", parts[0], flags=re.M)}
    free = [int(word) for word in parts[1].splitlines()[1].split()[1:]]
    assert free[0] == meminfo["MemTotal"] == 512 << 10
    assert abs(free[2] - meminfo["MemFree"]) < 8192
    assert meminfo["Cached"] >= meminfo["Mapped"] > 0
    assert meminfo["AnonPages"] > 0
    row = dict(zip(*(line.split() for line in parts[2].splitlines()[1:]), strict=True))
    assert int(row["us"]) + int(row["sy"]) + int(row["id"]) in (99, 100, 101)
    assert re.search(rf"^ +{meminfo['MemTotal']} K total memory$", parts[3], flags=re.M)
    assert "task_struct" not in parts[4].splitlines()[0]
    assert "cred_jar" in parts[4]
    tasks = re.search(r"Tasks: +(\d+) total, +1 running, +(\d+) sleeping", parts[5])
    assert tasks
    assert int(tasks[1]) == int(tasks[2]) + 1 == int(parts[6].split()[0]) - 1
    assert "load average: 0." in parts[6]
    assert " Active / Total Objects" in parts[6]
    assert re.search(rf"Total online memory: +{512 << 20}$", parts[7], flags=re.M)


ATTRIBUTES = Path(__file__).with_name("psutil_attributes.py")


@pytest.mark.parametrize("run", [natively, here])
def test_psutil_agrees_with_the_system(run: Callable[[str], str]) -> None:
    """Every attribute that psutil finds, against another way to ask for it."""
    if subprocess.run([PYTHON, "-c", "import psutil"], check=False, capture_output=True).returncode:
        pytest.skip("needs python3-psutil")
    text = run(f"exec {PYTHON} {ATTRIBUTES}")
    assert text.splitlines()[-1] == "all agree", text


def test_who_sees_whom() -> None:
    """hidepid=, gid= and subset= of a procfs (proc(5))."""
    script = r"""
    mkdir -p /tmp/forkernel-proc; cd /tmp/forkernel-proc; at=$PWD; cd /
    other() { setpriv --reuid 1000 --regid $1 --clear-groups bash -c "$2" 2>&1; }
    look='cd /; for name in comm stat status task/1/comm fd exe; do [ -e '$at'/1/$name ] && echo -n $name" "; done
        { read -r c < '$at'/1/comm; } 2> /dev/null && echo -n "$c"; set -- '$at'/[0-9]*; echo " $#"'
    mount -t proc -o hidepid=2,gid=50 proc $at; grep " $at " /proc/mounts; other 50 "$look"; other 1000 "$look"
    for hide in off noaccess invisible ptraceable 1 4; do
        mount -o remount,hidepid=$hide,gid=0 $at; grep " $at " /proc/mounts; other 1000 "$look"; bash -c "$look"
        case $hide in pt*|4) continue; esac # Linux may know the name from before
        other 1000 "cat $at/1/comm; ls $at/1/task; cat $at/self/comm"
    done
    mount -t proc -o subset=pid proc $at; grep " $at " /proc/mounts | tail -1; ls $at | grep -v '^[0-9]'; cat $at/uptime
    ls $at/self/comm; umount $at; umount $at
    for bad in hidepid=3 hidepid=x subset=x gid=x nothing; do
        mount -t proc -o $bad proc $at > /dev/null 2>&1; echo $?
    done
    rmdir $at
    """
    same(script)


def test_overcommit_and_limits_are_obeyed() -> None:
    """vm.overcommit_*, vm.max_map_count, fs.nr_open, fs.file-max, fs.pipe-max-size, as their manual pages say. They
    cannot be tried natively: they are the whole machine's.
    """
    script = rf"""
    cd /proc/sys; settings() {{ cat vm/overcommit_memory vm/overcommit_ratio vm/overcommit_kbytes | tr '\n' ' '; }}
    map() {{ {PYTHON} -c 'import mmap, sys
try:
    areas = [mmap.mmap(-1, int(size) << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000 * int(sys.argv[1]))
             for size in sys.argv[2:]]
    print("mapped", end=" ")
except OSError as error:
    print(error.errno, end=" ")' "$@"; }}
    map 0 400 400; map 0 700; map 1 700; echo
    echo 1 > vm/overcommit_memory; settings; map 0 700; map 0 4000; echo
    echo 2 > vm/overcommit_memory; settings; map 0 100; map 0 300; map 1 300; echo
    echo 90 > vm/overcommit_ratio; settings; map 0 300; map 0 500; echo
    echo 204800 > vm/overcommit_kbytes; settings; map 0 100; map 0 195; echo; grep CommitLimit meminfo /proc/meminfo
    echo 3 > vm/overcommit_memory; echo 0 > vm/overcommit_memory; settings; echo
    echo 3 > /proc/sys/vm/drop_caches; echo $?
    echo 60 > fs/nr_open; echo 2000 > fs/nr_open; prlimit --nofile=3000:3000 true; prlimit --nofile=1000:1000 echo fine
    echo 5000 > fs/pipe-max-size; cat fs/pipe-max-size
    setpriv --reuid 1000 --clear-groups {PYTHON} -c 'import fcntl, os
fd = os.pipe()[0]
try: print(fcntl.fcntl(fd, 1031, 4096), fcntl.fcntl(fd, 1031, 8192), fcntl.fcntl(fd, 1031, 65536))
except OSError as error: print(error.errno)'
    {PYTHON} -c 'import mmap
open("vm/max_map_count", "w").write("200")
areas = []
try:
    for number in range(300):
        areas.append(mmap.mmap(-1, 4096, prot=1 + number % 2 * 2, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
except OSError as error: print(error.errno, 100 < len(areas) < 200)'
    echo 65530 > vm/max_map_count
    echo 90 > fs/file-max; setpriv --reuid 1000 --clear-groups {PYTHON} -c 'import os
try:
    while True: os.dup(os.open("/dev/null", 0))
except OSError as error: print(error.errno)'; cat fs/file-nr
    """
    lines = here(script, ("bash", "-c")).splitlines()
    assert lines[:3] == ["mapped 12 mapped ", "1 50 0 mapped mapped ", "2 50 0 mapped 12 12 "]
    assert lines[3:5] == ["2 90 0 mapped 12 ", "2 0 204800 mapped 12 "]
    rest = "\n".join(lines[5:])
    assert "CommitLimit:      204800 kB" in rest
    assert rest.count("Invalid argument") == 2
    assert "0 0 204800" in rest
    assert "failed to set the NOFILE resource limit: Operation not permitted\nfine" in rest
    assert "\n8192\n1\n" in rest
    assert "\n12 True\n23\n" in rest
