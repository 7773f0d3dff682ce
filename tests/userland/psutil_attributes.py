"""Asks for each attribute of a process and of the machine twice: psutil, which reads /proc, and the system call.

Run by test_proc_tools.py, natively and on Forkernel. Prints what differs, and at the end whether all agreed.
"""

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time

import psutil

differences = 0


def agree(what, *found):
    """All ways to ask give the same."""
    global differences
    if any(value != found[0] for value in found):
        differences += 1
        print(f"{what}: {found}")


def near(what, first, second, slack):
    """Two moments, or two counts, that are at most so far apart."""
    global differences
    if abs(first - second) > slack:
        differences += 1
        print(f"{what}: {first} and {second}")


def text_of(path):
    """What a file of /proc says."""
    with open(path) as file:
        return file.read()


me = psutil.Process()


def identity():
    agree("pid", me.pid, os.getpid())
    agree("ppid", me.ppid(), os.getppid())
    agree("name", me.name(), text_of("/proc/self/comm").strip())
    agree("exe", me.exe(), os.path.realpath(sys.executable), os.readlink("/proc/self/exe"))
    agree("cmdline", me.cmdline(), [sys.orig_argv[0], *sys.orig_argv[1:]])
    agree("environ", me.environ(), dict(os.environ))
    agree("cwd", me.cwd(), os.getcwd())
    agree("uids", tuple(me.uids()), os.getresuid())
    agree("gids", tuple(me.gids()), os.getresgid())
    agree("username", me.username(), "root")
    agree("terminal", me.terminal(), None)
    agree("status", me.status(), psutil.STATUS_RUNNING)
    agree("is_running", me.is_running(), True)
    near("create_time", me.create_time(), time.time(), 60)
    agree("session", os.getsid(0), int(text_of("/proc/self/stat").rsplit(")", 1)[1].split()[3]))


def scheduling():
    agree("nice", me.nice(), os.getpriority(os.PRIO_PROCESS, 0))
    me.nice(3)
    agree("nice 3", me.nice(), os.getpriority(os.PRIO_PROCESS, 0), 3)
    agree("affinity", set(me.cpu_affinity()), os.sched_getaffinity(0))
    me.cpu_affinity([0])
    agree("affinity 0", me.cpu_affinity(), [0], sorted(os.sched_getaffinity(0)))
    agree("cpu_num", me.cpu_num(), 0)
    me.ionice(psutil.IOPRIO_CLASS_BE, 6)
    agree("ionice", tuple(me.ionice()), (psutil.IOPRIO_CLASS_BE, 6))
    for name in ("NOFILE", "NPROC", "CORE", "STACK", "AS", "FSIZE", "MEMLOCK", "SIGPENDING", "RTPRIO", "NICE"):
        limit = getattr(resource, f"RLIMIT_{name}", None)
        if limit is not None:
            agree(f"rlimit {name}", me.rlimit(limit), resource.getrlimit(limit))
    me.rlimit(resource.RLIMIT_NOFILE, (200, 300))
    agree("rlimit set", resource.getrlimit(resource.RLIMIT_NOFILE), (200, 300))


def times():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    mine = me.cpu_times()
    near("user", mine.user, usage.ru_utime, 0.2)
    near("system", mine.system, usage.ru_stime, 0.2)
    near("times", os.times().user, mine.user, 0.2)
    while time.process_time() < 0.3:
        pass
    near("more", me.cpu_times().user + me.cpu_times().system, time.process_time(), 0.1)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    switches = me.num_ctx_switches()
    near("voluntary", switches.voluntary, usage.ru_nvcsw, 2)
    near("involuntary", switches.involuntary, usage.ru_nivcsw, 20)
    near("children", me.cpu_times().children_user, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime, 0.05)


def memory():
    pages = [int(word) * resource.getpagesize() for word in text_of("/proc/self/statm").split()]
    info, full = me.memory_info(), me.memory_full_info()
    near("rss", info.rss, pages[1], 1 << 20)
    agree("vms", info.vms, pages[0])
    maps = me.memory_maps(grouped=False)
    near("rss of maps", sum(area.rss for area in maps), info.rss, 1 << 20)
    near("pss", sum(area.pss for area in maps), full.pss, 1 << 18)
    agree("uss", full.uss <= full.pss <= info.rss + (1 << 20), True)
    near("size of maps", sum(area.size for area in me.memory_maps()), info.vms, 1 << 18)
    near("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10, info.rss, 8 << 20)
    before = me.memory_info().rss
    block = bytearray(os.urandom(1)) * (8 << 20)
    near("8 MiB more", me.memory_info().rss - before, len(block), 1 << 20)
    machine = psutil.virtual_memory()
    near("total", machine.total, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE"), 1 << 20)
    near("free", machine.free, os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGESIZE"), 64 << 20)
    agree("swap", psutil.swap_memory().total, 0)


def files():
    agree("num_fds", me.num_fds(), len(os.listdir("/proc/self/fd")))
    with open("/tmp/forkernel-psutil", "w+") as file:
        file.write("12345")
        file.flush()
        found = {entry.path: entry for entry in me.open_files()}[file.name]
        agree("open_files", (found.fd, found.position, found.mode), (file.fileno(), 5, "r+"))
    os.unlink("/tmp/forkernel-psutil")
    before = me.io_counters()
    fds = os.pipe()
    for _ in range(10):
        os.write(fds[1], b"1234567")
    os.read(fds[0], 100)
    after = me.io_counters()
    agree("writes", (after.write_count - before.write_count, after.write_chars - before.write_chars), (10, 70))
    agree("read", after.read_chars - before.read_chars >= 70, True)
    pair = socket.socketpair()
    agree("unix", len(me.connections("unix")), 2)
    for end in pair:
        end.close()


def threads():
    ready, done = threading.Barrier(4), threading.Event()

    def run():
        ready.wait()
        done.wait()

    workers = [threading.Thread(target=run) for _ in range(3)]
    for worker in workers:
        worker.start()
    ready.wait()
    agree("num_threads", me.num_threads(), threading.active_count(), 4)
    tids = sorted([threading.main_thread().native_id, *(worker.native_id for worker in workers)])
    agree("threads", sorted(thread.id for thread in me.threads()), tids)
    done.set()
    for worker in workers:
        worker.join()


def family():
    children = [psutil.Popen(["sleep", "1000"]) for _ in range(3)]
    agree("children", sorted(child.pid for child in me.children()), sorted(child.pid for child in children))
    first = children[0]
    while first.name() != "sleep" or first.status() != psutil.STATUS_SLEEPING:
        time.sleep(0.01)
    agree("parent", first.parent().pid, me.pid)
    agree("its cmdline", first.cmdline(), ["sleep", "1000"])
    while text_of(f"/proc/{first.pid}/wchan") == "0":
        time.sleep(0.01)
    agree("its wchan", text_of(f"/proc/{first.pid}/wchan"), "hrtimer_nanosleep")
    first.suspend()
    agree("suspended", os.WIFSTOPPED(os.waitpid(first.pid, os.WUNTRACED)[1]), True)
    agree("stopped", first.status(), psutil.STATUS_STOPPED)
    first.resume()
    first.terminate()
    gone, alive = psutil.wait_procs(children, timeout=0.5)
    agree("gone", [child.pid for child in gone], [first.pid])
    agree("returncode", first.returncode, -signal.SIGTERM)
    for child in alive:
        child.kill()
    gone, alive = psutil.wait_procs(alive, timeout=10)
    agree("all gone", (len(gone), alive), (2, []))
    agree("exists", psutil.pid_exists(first.pid), False)
    zombie = subprocess.Popen(["true"])
    os.waitid(os.P_PID, zombie.pid, os.WEXITED | os.WNOWAIT)
    agree("zombie", psutil.Process(zombie.pid).status(), psutil.STATUS_ZOMBIE)
    with contextlib.suppress(psutil.ZombieProcess, psutil.AccessDenied):
        psutil.Process(zombie.pid).exe()
    zombie.wait()
    pids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())
    agree("pids", psutil.pids(), pids)
    agree("process_iter", [process.pid for process in psutil.process_iter()], pids)


def machine():
    agree("cpu_count", psutil.cpu_count(), os.cpu_count())
    near("boot_time", psutil.boot_time(), time.time() - time.clock_gettime(time.CLOCK_BOOTTIME), 2)
    agree("load", len(psutil.getloadavg()), len(os.getloadavg()))
    before = psutil.cpu_times()
    mark = time.process_time()
    while time.process_time() < mark + 0.3:
        pass
    after = psutil.cpu_times()
    busy = sum(after[:3]) - sum(before[:3])
    agree("cpu_times", busy > 0.2, True)
    agree("forks", psutil.cpu_stats().ctx_switches > 0, True)
    agree("hostname", text_of("/proc/sys/kernel/hostname").strip(), os.uname().nodename)
    agree("release", text_of("/proc/sys/kernel/osrelease").strip(), os.uname().release)
    agree("pid_max", int(text_of("/proc/sys/kernel/pid_max")) > max(psutil.pids()), True)


for part in (identity, scheduling, times, memory, files, threads, family, machine):
    part()
print("all agree" if not differences else f"{differences} differ")
