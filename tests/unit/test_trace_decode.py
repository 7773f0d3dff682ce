# ruff: noqa: E501  # the lines of strace are shown whole
"""Each line here is what strace 6.1 prints for the same call on Linux."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from trace_fakes import FakeMemory, FakeTask

from forkernel.arch.x86_64.syscall_table import NUMBERS, SYSCALLS
from forkernel.trace.output import Memory
from forkernel.trace.sink import CallTable
from forkernel.trace.strace import StraceSink

Build = Callable[[FakeMemory], tuple[int, ...]]
M1 = 0xFFFFFFFFFFFFFFFF
ALL = 0xFFFFFFFF
AT_FDCWD = -100 & M1


def line_of(name: str, build: Build | tuple[int, ...], result: int, after: Callable[[FakeMemory], None] | None) -> str:
    memory = FakeMemory()
    task = FakeTask(mm=memory)
    out = Memory()
    sink = StraceSink(out, CallTable(SYSCALLS, {}), ("calls",))
    arguments = build(memory) if callable(build) else build
    task.syscall_nr = NUMBERS[name]
    task.syscall_args = (*arguments, *(0,) * (6 - len(arguments)))
    sink.sys_enter(task)
    if after is not None:
        after(memory)
    sink.sys_exit(task, result)
    sink.close()
    text = out.text()
    assert text.startswith("4     ")
    assert text.endswith("\n")
    return " ".join(text[6:-1].split())


def fixed(*arguments: int) -> tuple[int, ...]:
    return tuple(value & M1 for value in arguments)


def path(text: bytes, *rest: int, first: tuple[int, ...] = ()) -> Build:
    return lambda memory: (*fixed(*first), memory.put(text + b"\0"), *fixed(*rest))


CASES: list[tuple[str, Build | tuple[int, ...], int, str]] = [
    ("openat", path(b"/x/y", ALL, 0o666, first=(-100,)), -2,
     'openat(AT_FDCWD, "/x/y", O_ACCMODE|O_CREAT|O_EXCL|O_NOCTTY|O_TRUNC|O_APPEND|O_NONBLOCK|O_SYNC|O_DIRECT|O_LARGEFILE|'
     "O_NOFOLLOW|O_NOATIME|O_CLOEXEC|O_PATH|O_TMPFILE|FASYNC|0xff80003c, 0666) = -1 ENOENT (No such file or directory)"),
    ("openat", path(b"/x/y", 0o20200000, first=(-100,)), -22,
     'openat(AT_FDCWD, "/x/y", O_RDONLY|O_TMPFILE, 000) = -1 EINVAL (Invalid argument)'),
    ("openat", path(b"/etc/passwd", 0o2000000, first=(-100,)), 3,
     'openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC) = 3'),
    ("open", fixed(0x10, 0), -14, "open(0x10, O_RDONLY) = -1 EFAULT (Bad address)"),
    ("mmap", fixed(0, 4096, ALL, ALL, -1, 0), -22,
     "mmap(NULL, 4096, PROT_READ|PROT_WRITE|PROT_EXEC|PROT_SEM|PROT_GROWSDOWN|PROT_GROWSUP|0xfcfffff0, "
     "0xf /* MAP_??? */|MAP_FIXED|MAP_ANONYMOUS|MAP_32BIT|MAP_NORESERVE|MAP_POPULATE|MAP_NONBLOCK|MAP_GROWSDOWN|"
     "MAP_DENYWRITE|MAP_EXECUTABLE|MAP_LOCKED|MAP_STACK|MAP_HUGETLB|MAP_SYNC|MAP_FIXED_NOREPLACE|0x3e00680|"
     "63<<MAP_HUGE_SHIFT, -1, 0) = -1 EINVAL (Invalid argument)"),
    ("mmap", fixed(0, 4096, 7, 3, 5, 4096), -9,
     "mmap(NULL, 4096, PROT_READ|PROT_WRITE|PROT_EXEC, MAP_SHARED_VALIDATE, 5, 0x1000) = -1 EBADF (Bad file descriptor)"),
    ("mmap", fixed(0, 8192, 3, 0x22, -1, 0), 0x7F0000001000,
     "mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000001000"),
    ("mprotect", fixed(0x1000, 4096, 0), 0, "mprotect(0x1000, 4096, PROT_NONE) = 0"),
    ("mremap", fixed(0x1000, 4096, 8192, 1, 0x3000), -14,
     "mremap(0x1000, 4096, 8192, MREMAP_MAYMOVE) = -1 EFAULT (Bad address)"),
    ("madvise", fixed(0x1000, 4096, 99), -22, "madvise(0x1000, 4096, 0x63 /* MADV_??? */) = -1 EINVAL (Invalid argument)"),
    ("clone", fixed(0x1200011, 0, 0, 0x7F0000000A10, 0), 5,
     "clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7f0000000a10) = 5"),
    ("clone", fixed(0x100 | 0x10000, 0, 0, 0, 0x1234), -22,
     "clone(child_stack=NULL, flags=CLONE_VM|CLONE_THREAD) = -1 EINVAL (Invalid argument)"),
    ("unshare", fixed(ALL), -22,
     "unshare(CLONE_NEWTIME|CLONE_VM|CLONE_FS|CLONE_FILES|CLONE_SIGHAND|CLONE_THREAD|CLONE_NEWNS|CLONE_SYSVSEM|"
     "CLONE_NEWCGROUP|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWUSER|CLONE_NEWPID|CLONE_NEWNET|0x81f8f07f) = -1 EINVAL "
     "(Invalid argument)"),
    ("wait4", fixed(-1, 0, ALL, 0), -22,
     "wait4(-1, NULL, WNOHANG|WEXITED|WSTOPPED|WCONTINUED|WNOWAIT|__WCLONE|__WALL|__WNOTHREAD|0x1efffff0, NULL) = -1 "
     "EINVAL (Invalid argument)"),
    ("wait4", fixed(-1, 0x7777, 1, 0x8888), 0, "wait4(-1, 0x7777, WNOHANG, 0x8888) = 0"),
    ("wait4", fixed(-1, 0x7777, 1, 0), -10, "wait4(-1, 0x7777, WNOHANG, NULL) = -1 ECHILD (No child processes)"),
    ("waitid", fixed(9, -1, 0, 4, 0), -22,
     "waitid(0x9 /* P_??? */, -1, NULL, WEXITED, NULL) = -1 EINVAL (Invalid argument)"),
    ("fcntl", fixed(0, 2, ALL), 0, "fcntl(0, F_SETFD, FD_CLOEXEC|0xfffffffe) = 0"),
    ("fcntl", fixed(4, 3, 0), 0x800, "fcntl(4, F_GETFL) = 0x800 (flags O_RDONLY|O_NONBLOCK)"),
    ("fcntl", fixed(4, 1, 0), 1, "fcntl(4, F_GETFD) = 0x1 (flags FD_CLOEXEC)"),
    ("fcntl", fixed(0, 99, 2), -22, "fcntl(0, 0x63 /* F_??? */, 0x2) = -1 EINVAL (Invalid argument)"),
    ("access", path(b"a", 0), -2, 'access("a", F_OK) = -1 ENOENT (No such file or directory)'),
    ("access", path(b"a", 7), -2, 'access("a", R_OK|W_OK|X_OK) = -1 ENOENT (No such file or directory)'),
    ("futex", fixed(0x10, 9 | 128 | 256, 1, 0, 0x1000, -1), -14,
     "futex(0x10, FUTEX_WAIT_BITSET_PRIVATE|FUTEX_CLOCK_REALTIME, 1, NULL, FUTEX_BITSET_MATCH_ANY) = -1 EFAULT "
     "(Bad address)"),
    ("futex", fixed(0x10, 5, 1, 2, 0x1000, 0xFC0F0FF1), -14,
     "futex(0x10, FUTEX_WAKE_OP, 1, 2, 0x1000, FUTEX_OP_OPARG_SHIFT<<28|0x7<<28 /* FUTEX_OP_??? */|0xf0<<12|"
     "0xc<<24 /* FUTEX_OP_CMP_??? */|0xff1) = -1 EFAULT (Bad address)"),
    ("futex", fixed(0x10, 5 | 128, 1, 0, 0x1000, 4), -14,
     "futex(0x10, FUTEX_WAKE_OP_PRIVATE, 1, 0, 0x1000, FUTEX_OP_SET<<28|0<<12|FUTEX_OP_CMP_EQ<<24|0x4) = -1 EFAULT "
     "(Bad address)"),
    ("futex", fixed(0x10, 14, 1, 2, 0x1000, 0xFC0F0FF1), -38,
     "futex(0x10, 0xe /* FUTEX_??? */, 1, 0x2, 0x1000, 0xfc0f0ff1) = -1 ENOSYS (Function not implemented)"),
    ("kill", fixed(-5, 99), -3, "kill(-5, 99) = -1 ESRCH (No such process)"),
    ("tgkill", fixed(1, 2, 33), -3, "tgkill(1, 2, SIGRT_1) = -1 ESRCH (No such process)"),
    ("setpriority", fixed(0, 0, 30), 0, "setpriority(PRIO_PROCESS, 0, 30) = 0"),
    ("getrlimit", fixed(16, 0), -22, "getrlimit(0x10 /* RLIMIT_??? */, NULL) = -1 EINVAL (Invalid argument)"),
    ("prlimit64", lambda memory: (0, 7, memory.words(1024, M1), 0), -1,
     "prlimit64(0, RLIMIT_NOFILE, {rlim_cur=1024, rlim_max=RLIM64_INFINITY}, NULL) = -1 EPERM (Operation not permitted)"),
    ("sched_getscheduler", fixed(0), 0, "sched_getscheduler(0) = 0 (SCHED_OTHER)"),
    ("clock_gettime", fixed(99, 0), -22, "clock_gettime(0x63 /* CLOCK_??? */, NULL) = -1 EINVAL (Invalid argument)"),
    ("arch_prctl", fixed(0x3001, 0), -22, "arch_prctl(0x3001 /* ARCH_??? */, 0) = -1 EINVAL (Invalid argument)"),
    ("mknodat", path(b"/x/a", 0o020600, 0x103, first=(-100,)), -2,
     'mknodat(AT_FDCWD, "/x/a", S_IFCHR|0600, makedev(0x1, 0x3)) = -1 ENOENT (No such file or directory)'),
    ("mknodat", path(b"/x/a", 0o017777, 0x103, first=(-100,)), -2,
     'mknodat(AT_FDCWD, "/x/a", S_IFIFO|S_ISUID|S_ISGID|S_ISVTX|0777) = -1 ENOENT (No such file or directory)'),
    ("mknod", path(b"/x/a", 0o644, 5), -2, 'mknod("/x/a", 0644) = -1 ENOENT (No such file or directory)'),
    ("mkdir", path(b"/x/y", 0o7755), -2, 'mkdir("/x/y", 07755) = -1 ENOENT (No such file or directory)'),
    ("umask", fixed(0o22), 0o22, "umask(022) = 022"),
    ("personality", fixed(0x40000), 0, "personality(PER_LINUX|ADDR_NO_RANDOMIZE) = 0 (PER_LINUX)"),
    ("ioctl", fixed(99, 0x12345678, 0x77), -9,
     "ioctl(99, _IOC(_IOC_NONE, 0x56, 0x78, 0x1234), 0x77) = -1 EBADF (Bad file descriptor)"),
    ("ioctl", fixed(99, 0x5422, 0x77), -9, "ioctl(99, TIOCNOTTY) = -1 EBADF (Bad file descriptor)"),
    ("rseq", fixed(0x1000, 32, ALL, 0x53053053), -22,
     "rseq(0x1000, 0x20, 0xffffffff, 0x53053053) = -1 EINVAL (Invalid argument)"),
    ("nanosleep", lambda memory: (memory.words(1, -5), 0), -22,
     "nanosleep({tv_sec=1, tv_nsec=18446744073709551611}, NULL) = -1 EINVAL (Invalid argument)"),
    ("utimensat", lambda memory: (AT_FDCWD, memory.put(b"/x/a\0"), memory.words(1, 500, 1, 0x3FFFFFFE), 0), -2,
     'utimensat(AT_FDCWD, "/x/a", [{tv_sec=1, tv_nsec=500} /* 1970-01-01T00:00:01.000000500+0000 */, UTIME_OMIT], 0) = -1 '
     "ENOENT (No such file or directory)"),
    ("pwrite64", lambda memory: (99, memory.put(b'abc\0001\n\t\377"\\'), 10, 4096), -9,
     'pwrite64(99, "abc\\0001\\n\\t\\377\\"\\\\", 10, 4096) = -1 EBADF (Bad file descriptor)'),
    ("write", lambda memory: (99, memory.put(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP"), 40), -9,
     'write(99, "abcdefghijklmnopqrstuvwxyzABCDEF"..., 40) = -1 EBADF (Bad file descriptor)'),
    ("execve", lambda memory: (memory.put(b"/bin/echo\0"), memory.strings(b"/bin/echo", b"hi\n"), memory.words(0)), -2,
     'execve("/bin/echo", ["/bin/echo", "hi\\n"], 0x9000 /* 0 vars */) = -1 ENOENT (No such file or directory)'),
    ("rt_sigaction", lambda memory: (12, memory.words(1, 0x04000004, 0x2000, ~5), 0, 8), 0,
     "rt_sigaction(SIGUSR2, {sa_handler=SIG_IGN, sa_mask=~[HUP QUIT], sa_flags=SA_RESTORER|SA_SIGINFO, sa_restorer=0x2000}, "
     "NULL, 8) = 0"),
    ("rt_sigprocmask", lambda memory: (2, memory.words(0x8000000000010001), 0, 8), 0,
     "rt_sigprocmask(SIG_SETMASK, [HUP CHLD RT_32], NULL, 8) = 0"),
    ("rt_sigprocmask", lambda memory: (9, memory.words(-1), 0, 8), -22,
     "rt_sigprocmask(0x9 /* SIG_??? */, ~[], NULL, 8) = -1 EINVAL (Invalid argument)"),
    ("rt_sigprocmask", fixed(2, 0x7777, 0, 4), -22,
     "rt_sigprocmask(SIG_SETMASK, 0x7777, NULL, 4) = -1 EINVAL (Invalid argument)"),
    ("sigaltstack", lambda memory: (memory.put(struct.pack("<QIxxxxQ", 0, 0x80000001, 4096)), 0), 0,
     "sigaltstack({ss_sp=NULL, ss_flags=SS_ONSTACK|SS_AUTODISARM, ss_size=4096}, NULL) = 0"),
    ("epoll_ctl", lambda memory: (11, 1, 4, memory.put(struct.pack("<IQ", 0x80000001, 4886718345))), 0,
     "epoll_ctl(11, EPOLL_CTL_ADD, 4, {events=EPOLLIN|EPOLLET, data={u32=591751049, u64=4886718345}}) = 0"),
    ("pselect6", lambda memory: (
        10, memory.words(1 << 5), memory.words(0), 0, memory.words(0, 999995436), memory.words(memory.words(0x10000), 8)), 0,
     "pselect6(10, [5], [], NULL, {tv_sec=0, tv_nsec=999995436}, {sigmask=[CHLD], sigsetsize=8}) = 0 (Timeout)"),
    ("prctl", path(b"nameddd", first=(15,)), 0, 'prctl(PR_SET_NAME, "nameddd") = 0'),
    ("prctl", fixed(38, 1, 0, 0, 0), 0, "prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) = 0"),
    ("prctl", fixed(0x11, 0x3FFFFF0, 2, 3, 4), -22,
     "prctl(0x11 /* PR_??? */, 0x3fffff0, 0x2, 0x3, 0x4) = -1 EINVAL (Invalid argument)"),
    ("pause", (), -514, "pause() = ? ERESTARTNOHAND (To be restarted if no handler)"),
    ("read", fixed(4, 0x7777, 100), -512, "read(4, 0x7777, 100) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)"),
    ("writev", lambda memory: (
        9, memory.words(memory.put(b"abc"), 3, memory.put(b"defg"), 4), 2), 7,
     'writev(9, [{iov_base="abc", iov_len=3}, {iov_base="defg", iov_len=4}], 2) = 7'),
]  # fmt: skip


@pytest.mark.parametrize(("name", "build", "result", "expected"), CASES)
def test_line_is_strace_s(name: str, build: Build | tuple[int, ...], result: int, expected: str) -> None:
    assert line_of(name, build, result, None) == expected


def test_what_the_kernel_fills_in_is_read_at_the_end() -> None:
    def fill(memory: FakeMemory) -> None:
        memory.parts[0x1000] = b"hello"

    def buffer(memory: FakeMemory) -> tuple[int, ...]:
        return (3, memory.put(bytes(100)), 100)

    assert line_of("read", buffer, 5, fill) == 'read(3, "hello", 100) = 5'


def test_wait_statuses_are_taken_apart() -> None:
    def status(value: int) -> str:
        return line_of("wait4", lambda memory: (M1, memory.put(struct.pack("<I", value)), 0, 0), 5, None)

    assert status(3 << 8) == "wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], 0, NULL) = 5"
    assert status(11) == "wait4(-1, [{WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV}], 0, NULL) = 5"
    assert "WCOREDUMP(s)" in status(11 | 0x80)
    assert status(19 << 8 | 0x7F) == "wait4(-1, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}], 0, NULL) = 5"
    assert status(0xFFFF) == "wait4(-1, [{WIFCONTINUED(s)}], 0, NULL) = 5"


def test_clone3_shows_its_struct_and_what_came_back() -> None:
    def arguments(memory: FakeMemory) -> tuple[int, ...]:
        pidfd, parent = memory.put(struct.pack("<i", 18)), memory.put(struct.pack("<i", 8788))
        return (memory.words(0x101000, pidfd, 0, parent, 17, 0, 0, 0, 0, 0, 0), 88)

    assert line_of("clone3", arguments, 8788, None) == (
        "clone3({flags=CLONE_PIDFD|CLONE_PARENT_SETTID, pidfd=0x1000, parent_tid=0x3000, exit_signal=SIGCHLD, stack=NULL, "
        "stack_size=0} => {pidfd=[18], parent_tid=[8788]}, 88) = 8788"
    )


def test_every_call_of_the_table_can_be_written() -> None:
    for name in SYSCALLS.values():
        for value in (0, 1, 0x1000, M1, 0x8000000000000000):
            line_of(name, (value,) * 6, -22, None)
            line_of(name, (value,) * 6, 0, None)


def test_an_unknown_number_is_written_in_hexadecimal() -> None:
    task, out = FakeTask(), Memory()
    sink = StraceSink(out, CallTable(SYSCALLS, {}), ("calls",))
    task.syscall_nr, task.syscall_args = 999, (1, 2, 3, 4, 5, 6)
    sink.sys_enter(task)
    sink.sys_exit(task, -38)
    expected = "syscall_0x3e7(0x1, 0x2, 0x3, 0x4, 0x5, 0x6) = -1 ENOSYS (Function not implemented)"
    assert out.text() == f"4     {expected}\n"
