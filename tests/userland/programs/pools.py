"""Pools, processes, queues, locks and pipes of python's multiprocessing by each start method, and subprocess."""

import concurrent.futures as cf
import multiprocessing as mp
import os
import subprocess
import sys
import time


def sq(x):
    return x * x


def die(x):
    os._exit(x)


def boom(x):
    raise ValueError(x)


def put(q, n):
    for i in range(n):
        q.put(i)


def show(c):
    c.send(("child", os.getppid() == c.recv()))


def inc(v, lock):
    for _ in range(50):
        with lock:
            v.value += 1


def sleepy():
    time.sleep(100)


def main():
    for m in sys.argv[1:] or ("fork", "spawn", "forkserver"):
        ctx = mp.get_context(m)
        with cf.ProcessPoolExecutor(2, mp_context=ctx) as e:
            print(m, list(e.map(sq, range(5))))
            try:
                e.submit(boom, 3).result()
            except ValueError as x:
                print("ValueError", x)
        with ctx.Pool(2) as p:
            print(p.map(sq, range(4)))
        p = ctx.Process(target=die, args=(3,))
        p.start()
        p.join()
        print(p.exitcode)
        p = ctx.Process(target=sleepy)
        p.start()
        p.terminate()
        p.join()
        print(p.exitcode)
        if m == "spawn":
            continue  # each start is a second
        q = ctx.Queue()
        p = ctx.Process(target=put, args=(q, 3))
        p.start()
        print([q.get() for _ in range(3)])
        p.join()
        a, b = ctx.Pipe()
        p = ctx.Process(target=show, args=(b,))
        p.start()
        a.send(os.getpid())
        print(a.recv())
        p.join()
        v = ctx.Value("i", 0)
        lock = ctx.Lock()
        ps = [ctx.Process(target=inc, args=(v, lock)) for _ in range(2)]
        [p.start() for p in ps]
        [p.join() for p in ps]
        print(v.value)
        with cf.ProcessPoolExecutor(1, mp_context=ctx) as e:
            try:
                e.submit(die, 1).result()
            except cf.process.BrokenProcessPool:
                print("broken")
    with cf.ThreadPoolExecutor(4) as e:
        print(list(e.map(sq, range(6))))
    r = subprocess.run("cat; echo err >&2; exit 3", shell=True, input=b"in", capture_output=True)
    print(r)
    try:
        subprocess.run(["sleep", "9"], timeout=0.2)
    except subprocess.TimeoutExpired:
        print("timed out")
    p = subprocess.Popen(["sleep", "9"], start_new_session=True)
    os.killpg(p.pid, 15)
    print(p.wait())
    try:
        subprocess.run(["/nosuch"])
    except FileNotFoundError as x:
        print(x)
    print(
        subprocess.run(["pwd"], cwd="/", env={}, capture_output=True).stdout,
        os.system("exit 4"),
        os.popen("echo p").read(),
    )
    print(
        os.waitstatus_to_exitcode(os.spawnv(os.P_WAIT, "/bin/false", ["false"]) << 8),
        os.posix_spawn("/bin/true", ["true"], {}) > 0,
        os.wait()[1],
    )


if __name__ == "__main__":
    main()
