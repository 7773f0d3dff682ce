"""What is known of each call's arguments and result, for writing it down.

A signature lists the kinds (`forkernel.trace.kinds`) of the arguments in order. `>` marks what the kernel fills
in, which is written when the call is over; `N:` an argument that is shown out of its place. A call without a
signature is written by what its handler declares (`from_parameters`), or as bare registers.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from forkernel.trace import flags, structs
from forkernel.trace.kinds import KINDS, Kind, Record, fd_set, open_flags_text
from forkernel.trace.memory import peek
from forkernel.trace.text import address, failure


class Argument(NamedTuple):
    """One argument of a signature."""

    position: int
    """Index of its register."""
    kind: Kind
    output: bool


SIGNATURES: dict[str, str] = {
    # --- files
    "read": "fd >data_out u64",
    "write": "fd data u64",
    "pread64": "fd >data_out u64 d64",
    "pwrite64": "fd data u64 d64",
    "readv": "fd >iov_out u64",
    "writev": "fd iov u64",
    "preadv": "fd >iov_out u64 d64",
    "pwritev": "fd iov u64 d64",
    "preadv2": "fd >iov_out u64 d64 - rwf",
    "pwritev2": "fd iov u64 d64 - rwf",
    "open": "path open_flags open_mode",
    "openat": "dirfd path open_flags open_mode",
    "creat": "path mode",
    "close": "fd",
    "close_range": "u32 u32 close_range",
    "lseek": "fd d64 whence",
    "dup": "fd",
    "dup2": "fd fd",
    "dup3": "fd fd dup_flags",
    "fcntl": "fd fcntl >fcntl_arg",
    "flock": "fd flock_op",
    "ioctl": "fd ioctl >ioctl_arg",
    "pipe": ">fd_pair",
    "pipe2": ">fd_pair dup_flags",
    "stat": "path >stat",
    "lstat": "path >stat",
    "fstat": "fd >stat",
    "newfstatat": "dirfd path >stat at",
    "statx": "dirfd path statx_at statx_mask >statx",
    "statfs": "path >statfs",
    "fstatfs": "fd >statfs",
    "access": "path access",
    "faccessat": "dirfd path access",
    "faccessat2": "dirfd path access access_at",
    "getdents64": "fd >dirents u64",
    "getdents": "fd ptr u64",
    "getcwd": ">cwd_out u64",
    "chdir": "path",
    "fchdir": "fd",
    "chroot": "path",
    "mkdir": "path mode",
    "mkdirat": "dirfd path mode",
    "rmdir": "path",
    "unlink": "path",
    "unlinkat": "dirfd path at",
    "rename": "path path",
    "renameat": "dirfd path dirfd path",
    "renameat2": "dirfd path dirfd path rename",
    "link": "path path",
    "linkat": "dirfd path dirfd path at",
    "symlink": "path path",
    "symlinkat": "path dirfd path",
    "readlink": "path >path_out u64",
    "readlinkat": "dirfd path >path_out u64",
    "chmod": "path mode",
    "fchmod": "fd mode",
    "fchmodat": "dirfd path mode",
    "fchmodat2": "dirfd path mode at",
    "chown": "path id id",
    "lchown": "path id id",
    "fchown": "fd id id",
    "fchownat": "dirfd path id id at",
    "mknod": "path file_mode mknod_dev",
    "mknodat": "dirfd path file_mode mknod_dev",
    "truncate": "path d64",
    "ftruncate": "fd d64",
    "fallocate": "fd falloc d64 d64",
    "fadvise64": "fd d64 d64 fadvise",
    "utime": "path ptr",
    "utimes": "path &utimes_micro",
    "futimesat": "dirfd path &utimes_micro",
    "utimensat": "dirfd path &utimes at",
    "umask": "mode",
    "fsync": "fd",
    "fdatasync": "fd",
    "sync": "",
    "syncfs": "fd",
    "sync_file_range": "fd d64 d64 sync_range",
    "sendfile": "fd fd offset u64",
    "copy_file_range": "fd offset fd offset u64 u32",
    "splice": "fd offset fd offset u64 splice",
    "tee": "fd fd u64 splice",
    "vmsplice": "fd iov u64 splice",
    "mount": "path path str mount str",
    "umount2": "path umount",
    "getxattr": "path str >data_out u64",
    "lgetxattr": "path str >data_out u64",
    "fgetxattr": "fd str >data_out u64",
    "listxattr": "path >data_out u64",
    "llistxattr": "path >data_out u64",
    "flistxattr": "fd >data_out u64",
    "setxattr": "path str data u64 x32",
    "lsetxattr": "path str data u64 x32",
    "fsetxattr": "fd str data u64 x32",
    "memfd_create": "str memfd_flags",
    "eventfd": "u32",
    "eventfd2": "u32 efd",
    "signalfd": "fd sigset1 u64",
    "signalfd4": "fd sigset1 u64 sfd",
    "timerfd_create": "clock tfd",
    "timerfd_settime": "fd tfd_settime &itimerspec >itimerspec",
    "timerfd_gettime": "fd >itimerspec",
    "inotify_init1": "inotify",
    "poll": "pollfds u32 d",
    "ppoll": "pollfds u32 &timespec sigset1 u64",
    "select": "d fd_set fd_set fd_set &timeval",
    "pselect6": "d fd_set fd_set fd_set &timespec sigset_arg",
    "epoll_create": "d",
    "epoll_create1": "epoll_create",
    "epoll_ctl": "fd epoll_op fd epoll_event_in",
    "epoll_wait": "fd >epoll_events d d",
    "epoll_pwait": "fd >epoll_events d d sigset1 u64",
    "epoll_pwait2": "fd >epoll_events d &timespec sigset1 u64",
    "inotify_add_watch": "fd path x32",
    "inotify_rm_watch": "fd d",
    "openat2": "dirfd path ptr u64",
    "io_setup": "u32 ptr",
    "swapon": "path x32",
    "swapoff": "path",
    "quotactl": "x32 path id ptr",
    # --- sockets and System V objects
    "socket": "family socket_type d",
    "socketpair": "family socket_type d >fd_pair",
    "bind": "fd ptr d",
    "connect": "fd ptr d",
    "listen": "fd d",
    "accept": "fd ptr ptr",
    "accept4": "fd ptr ptr x32",
    "shutdown": "fd d",
    "getsockname": "fd ptr ptr",
    "getpeername": "fd ptr ptr",
    "getsockopt": "fd d d ptr ptr",
    "setsockopt": "fd d d ptr d",
    "sendto": "fd data u64 x32 ptr d",
    "recvfrom": "fd >data_out u64 x32 ptr ptr",
    "sendmsg": "fd ptr x32",
    "recvmsg": "fd ptr x32",
    "shmget": "x32 u64 x32",
    "shmat": "d ptr x32",
    "shmctl": "d d ptr",
    "shmdt": "ptr",
    "semget": "x32 d x32",
    "semop": "d ptr u64",
    "semctl": "d d d raw",
    "msgget": "x32 x32",
    "msgsnd": "d ptr u64 x32",
    "msgrcv": "d ptr u64 d64 x32",
    "msgctl": "d d ptr",
    "semtimedop": "d ptr u64 &timespec",
    "mq_open": "path open_flags open_mode ptr",
    "mq_unlink": "path",
    "mq_timedsend": "fd data u64 u32 &timespec",
    "mq_timedreceive": "fd >data_out u64 ptr &timespec",
    "mq_notify": "fd &sigevent",
    "mq_getsetattr": "fd ptr ptr",
    # --- memory
    "mmap": "ptr u64 prot map_flags fd x64",
    "munmap": "ptr u64",
    "mprotect": "ptr u64 prot",
    "mremap": "ptr u64 u64 mremap mremap_to",
    "brk": "ptr",
    "madvise": "ptr u64 madv",
    "msync": "ptr u64 msync",
    "mincore": "ptr u64 >mincore_out",
    "mlock": "ptr u64",
    "mlock2": "ptr u64 x32",
    "munlock": "ptr u64",
    "mlockall": "mcl",
    "munlockall": "",
    "membarrier": "membarrier membarrier_flags d",
    # --- processes
    "fork": "",
    "vfork": "",
    "clone": "1:clone_stack 0:clone_flags >2:clone_parent_tid >4:clone_tls >3:clone_child_tid",
    "clone3": ">clone3_args u64",
    "execve": "path argv envp",
    "execveat": "dirfd path argv envp at",
    "exit": "d",
    "exit_group": "d",
    "wait4": "pid >wstatus wait >rusage",
    "waitid": "idtype pid >siginfo wait >rusage",
    "getpid": "",
    "getppid": "",
    "gettid": "",
    "getpgrp": "",
    "getpgid": "pid",
    "setpgid": "pid pid",
    "getsid": "pid",
    "setsid": "",
    "unshare": "unshare",
    "setns": "fd setns",
    "pidfd_open": "pid pidfd",
    "pidfd_send_signal": "fd signal &siginfo u32",
    "pidfd_getfd": "fd fd x32",
    "set_tid_address": "ptr",
    "set_robust_list": "ptr u64",
    "get_robust_list": "pid >pointer* >long*",
    "rseq": "ptr x32 x32 x32",
    "futex": "ptr futex_op futex_arg futex_arg futex_arg futex_arg",
    "arch_prctl": "arch_prctl >arch_arg",
    "prctl": "prctl >prctl_arg >prctl_arg >prctl_arg >prctl_arg",
    "personality": "personality",
    "kcmp": "pid pid raw raw raw",
    # --- signals
    "kill": "pid signal",
    "tkill": "pid signal",
    "tgkill": "pid pid signal",
    "rt_sigaction": "signal &sigaction >sigaction u64",
    "rt_sigprocmask": "how sigset2 >sigset1 u64",
    "rt_sigpending": ">sigset1 u64",
    "rt_sigsuspend": "sigset1 u64",
    "rt_sigtimedwait": "sigset3 >siginfo &timespec u64",
    "rt_sigqueueinfo": "pid signal &siginfo",
    "rt_tgsigqueueinfo": "pid pid signal &siginfo",
    "rt_sigreturn": "sigreturn_mask",
    "sigaltstack": "&sigaltstack >sigaltstack",
    "pause": "",
    "restart_syscall": "",
    # --- credentials
    "getuid": "",
    "getgid": "",
    "geteuid": "",
    "getegid": "",
    "setuid": "id",
    "setgid": "id",
    "setreuid": "id id",
    "setregid": "id id",
    "setresuid": "id id id",
    "setresgid": "id id id",
    "setfsuid": "id",
    "setfsgid": "id",
    "getresuid": ">int* >int* >int*",
    "getresgid": ">int* >int* >int*",
    "getgroups": "d >id_list",
    "setgroups": "d id_list",
    "capget": "&cap_header >cap_data",
    "capset": "&cap_header &cap_data",
    # --- time
    "nanosleep": "&timespec ptr",
    "clock_nanosleep": "clock timer_flags &timespec ptr",
    "clock_gettime": "clock >timespec",
    "clock_settime": "clock &timespec",
    "clock_getres": "clock >timespec",
    "gettimeofday": ">timeval >timezone",
    "time": ">time*",
    "times": ">tms",
    "alarm": "u32",
    "getitimer": "itimer >itimerval",
    "setitimer": "itimer &itimerval >itimerval",
    "timer_create": "clock &sigevent >int*",
    "timer_settime": "d timer_flags &itimerspec >itimerspec",
    "timer_gettime": "d >itimerspec",
    "timer_getoverrun": "d",
    "timer_delete": "d",
    # --- scheduling and limits
    "sched_yield": "",
    "sched_setscheduler": "pid policy &int*",
    "sched_getscheduler": "pid",
    "sched_setparam": "pid &int*",
    "sched_getparam": "pid >int*",
    "sched_get_priority_max": "policy",
    "sched_get_priority_min": "policy",
    "sched_rr_get_interval": "pid >timespec",
    "sched_setaffinity": "pid u64 cpu_set",
    "sched_getaffinity": "pid u64 >cpu_set",
    "sched_setattr": "pid sched_attr x32",
    "sched_getattr": "pid >sched_attr u32 x32",
    "getpriority": "prio pid",
    "setpriority": "prio pid d",
    "ioprio_get": "d pid",
    "ioprio_set": "d pid x32",
    "getrlimit": "resource >rlimit",
    "setrlimit": "resource &rlimit",
    "prlimit64": "pid resource &rlimit >rlimit",
    "getrusage": "rusage_who >rusage",
    "getcpu": ">int* >int* ptr",
    # --- the system
    "uname": ">utsname",
    "sysinfo": ">sysinfo",
    "getrandom": ">random_out u64 grnd",
    "sethostname": "data u64",
    "setdomainname": "data u64",
    "syslog": "d ptr d",
    "reboot": "x32 x32 x32 ptr",
    "ptrace": "x64 pid ptr ptr",
    "seccomp": "u32 x32 ptr",
    "bpf": "d ptr u32",
    "userfaultfd": "x32",
    "keyctl": "d raw raw raw raw",
    "perf_event_open": "ptr pid d fd x64",
    "process_vm_readv": "pid iov_out u64 ptr u64 x64",
    "process_vm_writev": "pid iov u64 ptr u64 x64",
    "get_mempolicy": "ptr ptr u64 ptr x64",
    "set_mempolicy": "d ptr u64",
    "mbind": "ptr u64 d ptr u64 x32",
}

_parsed: dict[str, tuple[Argument, ...]] = {}


def signature(name: str, parameters: Any = None) -> tuple[Argument, ...]:
    """The arguments of call `name`; `parameters` are what its handler declares (registry.Parameter)."""
    known = _parsed.get(name)
    if known is None:
        text = SIGNATURES.get(name)
        if text is not None:
            known = tuple(_argument(position, word) for position, word in enumerate(text.split()))
        elif parameters is not None:
            known = from_parameters(parameters)
        else:
            known = tuple(Argument(position, KINDS["raw"], False) for position in range(6))
        _parsed[name] = known
    return known


def from_parameters(parameters: Any) -> tuple[Argument, ...]:
    """Arguments by the handler's annotations: strings, addresses, integers by width and sign."""
    return tuple(Argument(position, _kind_of(parameter.hint), False) for position, parameter in enumerate(parameters))


def _argument(position: int, word: str) -> Argument:
    """One word of a signature: `[>][POSITION:]KIND`."""
    place, _, kind = word.lstrip(">").rpartition(":")
    return Argument(int(place) if place else position, KINDS[kind], word.startswith(">"))


def _kind_of(hint: Any) -> Kind:
    """The kind for one annotation."""
    origin = getattr(hint, "__origin__", hint)
    view = getattr(origin, "__name__", "")
    if view == "UserStr":
        return KINDS["str"]
    if view.startswith("User"):
        return KINDS["ptr"]
    for width in getattr(hint, "__metadata__", ()):
        if hasattr(width, "signed"):
            return KINDS[
                ("d" if width.bits <= 32 else "d64") if width.signed else ("u32" if width.bits <= 32 else "u64")
            ]
    return KINDS["raw"]


# --- results
_HEX_RESULTS = {"mmap", "brk", "mremap", "shmat", "arch_prctl_get"}


def result_text(record: Record) -> str:
    """What stands after ` = `."""
    result = record.result
    if -4096 < result < 0:
        return failure(-result)
    name = record.name
    if name in _HEX_RESULTS:
        return f"{result:#x}" if result else "0"
    special = _RESULTS.get(name)
    return str(result) if special is None else special(record)


def _umask(record: Record) -> str:
    return structs.octal(record.result)


def _fcntl(record: Record) -> str:
    command, result = record.args[1] & 0xFFFFFFFF, record.result
    if command == 1:
        return f"{result:#x} (flags {flags.FD_FLAGS(result)})" if result else "0"
    if command == 3:
        return f"{result:#x} (flags {open_flags_text(result)})"
    if command == 1034:
        return f"{result:#x} (seals {flags.SEALS(result)})" if result else "0"
    if command == 1025:
        return f"{result:#x} ({flags.LOCK_TYPES(result)})"
    if command == 11 and result:
        return f"{result} ({structs.signal_name(result)})"
    return str(result)


def _poll(record: Record) -> str:
    """Ready descriptors, or that time ran out."""
    if not record.result:
        return "0 (Timeout)"
    data = peek(record.mm, record.args[0], 8 * min(record.args[1], 64)) or b""
    ready = [
        f"{{fd={fd}, revents={flags.POLL_EVENTS(revents)}}}"
        for fd, _, revents in struct.iter_unpack("<ihH", data)
        if revents and fd >= 0
    ]
    return f"{record.result} ([{', '.join(ready)}]{_left(record, 2, structs.timespec)})"


def _left(record: Record, position: int, write: Any) -> str:
    """`, left {...}` where the call gives back the time that is left."""
    if record.name == "poll" or not record.args[position]:
        return ""
    data = peek(record.mm, record.args[position], 16)
    return "" if data is None else f", left {write(data)}"


def _select(record: Record) -> str:
    """The sets as they were filled in."""
    if not record.result:
        return "0 (Timeout)"
    parts = []
    for word, at in (("in", 1), ("out", 2), ("except", 3)):
        shown = fd_set(record, record.args[at]) if record.args[at] else ""
        if shown and shown != "[]":
            parts.append(f"{word} {shown}")
    left = _left(record, 4, structs.timeval if record.name == "select" else structs.timespec)
    return f"{record.result} ({', '.join(parts)}{left})"


def _signal(record: Record) -> str:
    return f"{record.result} ({structs.signal_name(record.result)})"


def _policy(record: Record) -> str:
    return f"{record.result} ({flags.SCHED_POLICIES(record.result)})"


def _time(record: Record) -> str:
    return f"{record.result}{structs.moment(record.result)}".replace(" /* ", " (").replace(" */", ")")


def _personality(record: Record) -> str:
    return f"{record.result:#x}".replace("0x0", "0") + f" ({KINDS['personality'](record, record.result)})"


def _prctl(record: Record) -> str:
    names = {0: "SUID_DUMP_DISABLE", 1: "SUID_DUMP_USER", 2: "SUID_DUMP_ROOT"}
    if record.args[0] == 3 and record.result in names:
        return f"{record.result} ({names[record.result]})"
    return str(record.result)


_RESULTS = {
    "umask": _umask,
    "fcntl": _fcntl,
    "poll": _poll,
    "ppoll": _poll,
    "select": _select,
    "pselect6": _select,
    "rt_sigtimedwait": _signal,
    "sched_getscheduler": _policy,
    "time": _time,
    "prctl": _prctl,
    "personality": _personality,
}
__all__ = ["SIGNATURES", "Argument", "address", "from_parameters", "result_text", "signature"]
