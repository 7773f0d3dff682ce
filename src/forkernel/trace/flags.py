"""Linux's names for the numbers in system call arguments, in the order strace shows them."""

from __future__ import annotations

from forkernel.trace.text import Flags, Names, numbered

AT_FDCWD = -100

O_ACCMODE = 3
O_CREAT = 0o100
O_TMPFILE = 0o20200000
OPEN_MODES = ("O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE")
OPEN_FLAGS = Flags(
    "O_???",
    {
        0o100: "O_CREAT",
        0o200: "O_EXCL",
        0o400: "O_NOCTTY",
        0o1000: "O_TRUNC",
        0o2000: "O_APPEND",
        0o4000: "O_NONBLOCK",
        0o4010000: "O_SYNC",
        0o10000: "O_DSYNC",
        0o40000: "O_DIRECT",
        0o100000: "O_LARGEFILE",
        0o400000: "O_NOFOLLOW",
        0o1000000: "O_NOATIME",
        0o2000000: "O_CLOEXEC",
        0o10000000: "O_PATH",
        0o20200000: "O_TMPFILE",
        0o20000000: "__O_TMPFILE",
        0o200000: "O_DIRECTORY",
        0o20000: "FASYNC",
    },
)

AT_FLAGS = Flags(
    "AT_???",
    {
        0x100: "AT_SYMLINK_NOFOLLOW",
        0x200: "AT_REMOVEDIR",
        0x400: "AT_SYMLINK_FOLLOW",
        0x800: "AT_NO_AUTOMOUNT",
        0x1000: "AT_EMPTY_PATH",
        0x8000: "AT_RECURSIVE",
    },
)
ACCESS_AT_FLAGS = Flags("AT_???", {0x100: "AT_SYMLINK_NOFOLLOW", 0x200: "AT_EACCESS", 0x1000: "AT_EMPTY_PATH"})
STATX_SYNC = {0x2000: "AT_STATX_FORCE_SYNC", 0x4000: "AT_STATX_DONT_SYNC"}
STATX_AT_FLAGS = Flags("AT_???", {**STATX_SYNC, **AT_FLAGS.table})
STATX_MASK = Flags(
    "STATX_???",
    {
        0xFFF: "STATX_ALL",
        0x7FF: "STATX_BASIC_STATS",
        0x1: "STATX_TYPE",
        0x2: "STATX_MODE",
        0x4: "STATX_NLINK",
        0x8: "STATX_UID",
        0x10: "STATX_GID",
        0x20: "STATX_ATIME",
        0x40: "STATX_MTIME",
        0x80: "STATX_CTIME",
        0x100: "STATX_INO",
        0x200: "STATX_SIZE",
        0x400: "STATX_BLOCKS",
        0x800: "STATX_BTIME",
        0x1000: "STATX_MNT_ID",
        0x2000: "STATX_DIOALIGN",
    },
)
ACCESS_MODES = Flags("?_OK", {4: "R_OK", 2: "W_OK", 1: "X_OK"}, "F_OK")
RENAME_FLAGS = Flags("RENAME_???", {1: "RENAME_NOREPLACE", 2: "RENAME_EXCHANGE", 4: "RENAME_WHITEOUT"})

PROT = Flags(
    "PROT_???",
    {
        1: "PROT_READ",
        2: "PROT_WRITE",
        4: "PROT_EXEC",
        8: "PROT_SEM",
        0x01000000: "PROT_GROWSDOWN",
        0x02000000: "PROT_GROWSUP",
    },
    "PROT_NONE",
)
MAP_TYPES = Names("MAP_???", {0: "MAP_FILE", 1: "MAP_SHARED", 2: "MAP_PRIVATE", 3: "MAP_SHARED_VALIDATE"})
MAP_FLAGS = Flags(
    "MAP_???",
    {
        0x10: "MAP_FIXED",
        0x20: "MAP_ANONYMOUS",
        0x40: "MAP_32BIT",
        0x4000: "MAP_NORESERVE",
        0x8000: "MAP_POPULATE",
        0x10000: "MAP_NONBLOCK",
        0x100: "MAP_GROWSDOWN",
        0x800: "MAP_DENYWRITE",
        0x1000: "MAP_EXECUTABLE",
        0x2000: "MAP_LOCKED",
        0x20000: "MAP_STACK",
        0x40000: "MAP_HUGETLB",
        0x80000: "MAP_SYNC",
        0x100000: "MAP_FIXED_NOREPLACE",
    },
)
MREMAP_FLAGS = Flags("MREMAP_???", {1: "MREMAP_MAYMOVE", 2: "MREMAP_FIXED", 4: "MREMAP_DONTUNMAP"})
MSYNC_FLAGS = Flags("MS_???", {4: "MS_SYNC", 1: "MS_ASYNC", 2: "MS_INVALIDATE"})
MCL_FLAGS = Flags("MCL_???", {1: "MCL_CURRENT", 2: "MCL_FUTURE", 4: "MCL_ONFAULT"})
MADV = Names(
    "MADV_???",
    {
        0: "MADV_NORMAL",
        1: "MADV_RANDOM",
        2: "MADV_SEQUENTIAL",
        3: "MADV_WILLNEED",
        4: "MADV_DONTNEED",
        8: "MADV_FREE",
        9: "MADV_REMOVE",
        10: "MADV_DONTFORK",
        11: "MADV_DOFORK",
        12: "MADV_MERGEABLE",
        13: "MADV_UNMERGEABLE",
        14: "MADV_HUGEPAGE",
        15: "MADV_NOHUGEPAGE",
        16: "MADV_DONTDUMP",
        17: "MADV_DODUMP",
        18: "MADV_WIPEONFORK",
        19: "MADV_KEEPONFORK",
        20: "MADV_COLD",
        21: "MADV_PAGEOUT",
        22: "MADV_POPULATE_READ",
        23: "MADV_POPULATE_WRITE",
        24: "MADV_DONTNEED_LOCKED",
        25: "MADV_COLLAPSE",
    },
)

_NAMESPACES = {
    0x00020000: "CLONE_NEWNS",
    0x02000000: "CLONE_NEWCGROUP",
    0x04000000: "CLONE_NEWUTS",
    0x08000000: "CLONE_NEWIPC",
    0x10000000: "CLONE_NEWUSER",
    0x20000000: "CLONE_NEWPID",
    0x40000000: "CLONE_NEWNET",
}
CLONE_FLAGS = Flags(
    "CLONE_???",
    {
        0x100: "CLONE_VM",
        0x200: "CLONE_FS",
        0x400: "CLONE_FILES",
        0x800: "CLONE_SIGHAND",
        0x1000: "CLONE_PIDFD",
        0x2000: "CLONE_PTRACE",
        0x4000: "CLONE_VFORK",
        0x8000: "CLONE_PARENT",
        0x10000: "CLONE_THREAD",
        0x20000: "CLONE_NEWNS",
        0x40000: "CLONE_SYSVSEM",
        0x80000: "CLONE_SETTLS",
        0x100000: "CLONE_PARENT_SETTID",
        0x200000: "CLONE_CHILD_CLEARTID",
        0x400000: "CLONE_DETACHED",
        0x800000: "CLONE_UNTRACED",
        0x1000000: "CLONE_CHILD_SETTID",
        0x2000000: "CLONE_NEWCGROUP",
        0x4000000: "CLONE_NEWUTS",
        0x8000000: "CLONE_NEWIPC",
        0x10000000: "CLONE_NEWUSER",
        0x20000000: "CLONE_NEWPID",
        0x40000000: "CLONE_NEWNET",
        0x80000000: "CLONE_IO",
    },
)
CLONE3_FLAGS = Flags(
    "CLONE_???",
    {**CLONE_FLAGS.table, 0x80: "CLONE_NEWTIME", 0x100000000: "CLONE_CLEAR_SIGHAND", 0x200000000: "CLONE_INTO_CGROUP"},
)
UNSHARE_FLAGS = Flags(
    "CLONE_???",
    {
        0x80: "CLONE_NEWTIME",
        0x100: "CLONE_VM",
        0x200: "CLONE_FS",
        0x400: "CLONE_FILES",
        0x800: "CLONE_SIGHAND",
        0x10000: "CLONE_THREAD",
        0x20000: "CLONE_NEWNS",
        0x40000: "CLONE_SYSVSEM",
        **_NAMESPACES,
    },
)
SETNS_FLAGS = Flags("CLONE_NEW???", {0x80: "CLONE_NEWTIME", **_NAMESPACES})

WAIT4_OPTIONS = Flags(
    "W???",
    {
        1: "WNOHANG",
        4: "WEXITED",
        2: "WSTOPPED",
        8: "WCONTINUED",
        0x1000000: "WNOWAIT",
        0x80000000: "__WCLONE",
        0x40000000: "__WALL",
        0x20000000: "__WNOTHREAD",
    },
)
WAITID_TYPES = Names("P_???", {0: "P_ALL", 1: "P_PID", 2: "P_PGID", 3: "P_PIDFD"})

SIGNALS: dict[int, str] = numbered(
    "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP TTIN TTOU URG "
    "XCPU XFSZ VTALRM PROF WINCH IO PWR SYS RTMIN",
    start=1,
)
SIGNALS.update((number, f"RT_{number - 32}") for number in range(33, 65))
"""Names without SIG, as sets show them."""

SA_FLAGS = Flags(
    "SA_???",
    {
        0x04000000: "SA_RESTORER",
        0x08000000: "SA_ONSTACK",
        0x10000000: "SA_RESTART",
        0x20000000: "SA_INTERRUPT",
        0x40000000: "SA_NODEFER",
        0x80000000: "SA_RESETHAND",
        4: "SA_SIGINFO",
        1: "SA_NOCLDSTOP",
        2: "SA_NOCLDWAIT",
    },
)
SS_FLAGS = Flags("SS_???", {1: "SS_ONSTACK", 2: "SS_DISABLE", 0x80000000: "SS_AUTODISARM"})
SIGMASK_HOW = Names("SIG_???", {0: "SIG_BLOCK", 1: "SIG_UNBLOCK", 2: "SIG_SETMASK"})
SI_CODES = {
    0: "SI_USER",
    0x80: "SI_KERNEL",
    -1: "SI_QUEUE",
    -2: "SI_TIMER",
    -3: "SI_MESGQ",
    -4: "SI_ASYNCIO",
    -5: "SI_SIGIO",
    -6: "SI_TKILL",
    -7: "SI_DETHREAD",
    -60: "SI_ASYNCNL",
}
SIGNAL_CODES: dict[int, dict[int, str]] = {
    4: numbered("ILLOPC ILLOPN ILLADR ILLTRP PRVOPC PRVREG COPROC BADSTK", "ILL_", 1),
    5: numbered("BRKPT TRACE BRANCH HWBKPT", "TRAP_", 1),
    7: numbered("ADRALN ADRERR OBJERR MCEERR_AR MCEERR_AO", "BUS_", 1),
    8: numbered("INTDIV INTOVF FLTDIV FLTOVF FLTUND FLTRES FLTINV FLTSUB", "FPE_", 1),
    11: numbered("MAPERR ACCERR BNDERR PKUERR", "SEGV_", 1),
    17: numbered("EXITED KILLED DUMPED TRAPPED STOPPED CONTINUED", "CLD_", 1),
    29: numbered("IN OUT MSG ERR PRI HUP", "POLL_", 1),
    31: numbered("SECCOMP USER_DISPATCH", "SYS_", 1),
}
"""si_code names by signal."""

FCNTL = Names(
    "F_???",
    {
        0: "F_DUPFD",
        1: "F_GETFD",
        2: "F_SETFD",
        3: "F_GETFL",
        4: "F_SETFL",
        5: "F_GETLK",
        6: "F_SETLK",
        7: "F_SETLKW",
        8: "F_SETOWN",
        9: "F_GETOWN",
        10: "F_SETSIG",
        11: "F_GETSIG",
        15: "F_SETOWN_EX",
        16: "F_GETOWN_EX",
        36: "F_OFD_GETLK",
        37: "F_OFD_SETLK",
        38: "F_OFD_SETLKW",
        1024: "F_SETLEASE",
        1025: "F_GETLEASE",
        1026: "F_NOTIFY",
        1030: "F_DUPFD_CLOEXEC",
        1031: "F_SETPIPE_SZ",
        1032: "F_GETPIPE_SZ",
        1033: "F_ADD_SEALS",
        1034: "F_GET_SEALS",
    },
)
FD_FLAGS = Flags("FD_???", {1: "FD_CLOEXEC"})
SEALS = Flags(
    "F_SEAL_???",
    {1: "F_SEAL_SEAL", 2: "F_SEAL_SHRINK", 4: "F_SEAL_GROW", 8: "F_SEAL_WRITE", 0x10: "F_SEAL_FUTURE_WRITE"},
)
LOCK_TYPES = Names("F_???", {0: "F_RDLCK", 1: "F_WRLCK", 2: "F_UNLCK"})
FLOCK = Flags("LOCK_???", {1: "LOCK_SH", 2: "LOCK_EX", 4: "LOCK_NB", 8: "LOCK_UN"})
WHENCE = Names("SEEK_???", {0: "SEEK_SET", 1: "SEEK_CUR", 2: "SEEK_END", 3: "SEEK_DATA", 4: "SEEK_HOLE"})

FILE_TYPES = {
    0o140000: "S_IFSOCK",
    0o120000: "S_IFLNK",
    0o100000: "S_IFREG",
    0o060000: "S_IFBLK",
    0o040000: "S_IFDIR",
    0o020000: "S_IFCHR",
    0o010000: "S_IFIFO",
}
MODE_BITS = {0o4000: "S_ISUID", 0o2000: "S_ISGID", 0o1000: "S_ISVTX"}

_POLL = {1: "IN", 2: "PRI", 4: "OUT", 8: "ERR", 0x10: "HUP", 0x20: "NVAL", 0x40: "RDNORM", 0x80: "RDBAND"}
_POLL.update({0x100: "WRNORM", 0x200: "WRBAND", 0x400: "MSG", 0x2000: "RDHUP"})
POLL_EVENTS = Flags("POLL???", {bit: "POLL" + name for bit, name in _POLL.items()})
EPOLL_EVENTS = Flags(
    "EPOLL???",
    {
        **{bit: "EPOLL" + name for bit, name in _POLL.items()},
        1 << 28: "EPOLLEXCLUSIVE",
        1 << 29: "EPOLLWAKEUP",
        1 << 30: "EPOLLONESHOT",
        1 << 31: "EPOLLET",
    },
)
EPOLL_OPS = Names("EPOLL_CTL_???", {1: "EPOLL_CTL_ADD", 2: "EPOLL_CTL_DEL", 3: "EPOLL_CTL_MOD"})
EPOLL_CREATE = Flags("EPOLL_???", {0o2000000: "EPOLL_CLOEXEC"})
EFD_FLAGS = Flags("EFD_???", {1: "EFD_SEMAPHORE", 0o2000000: "EFD_CLOEXEC", 0o4000: "EFD_NONBLOCK"})
SFD_FLAGS = Flags("SFD_???", {0o2000000: "SFD_CLOEXEC", 0o4000: "SFD_NONBLOCK"})
TFD_FLAGS = Flags("TFD_???", {0o2000000: "TFD_CLOEXEC", 0o4000: "TFD_NONBLOCK"})
TFD_SETTIME = Flags("TFD_???", {1: "TFD_TIMER_ABSTIME", 2: "TFD_TIMER_CANCEL_ON_SET"})
MFD_FLAGS = Flags("MFD_???", {1: "MFD_CLOEXEC", 2: "MFD_ALLOW_SEALING", 4: "MFD_HUGETLB"})
IN_INIT = Flags("IN_???", {0o4000: "IN_NONBLOCK", 0o2000000: "IN_CLOEXEC"})
PIDFD_FLAGS = Flags("PIDFD_???", {0o4000: "PIDFD_NONBLOCK"})
CLOSE_RANGE = Flags("CLOSE_RANGE_???", {2: "CLOSE_RANGE_UNSHARE", 4: "CLOSE_RANGE_CLOEXEC"})
SPLICE_FLAGS = Flags(
    "SPLICE_F_???", {1: "SPLICE_F_MOVE", 2: "SPLICE_F_NONBLOCK", 4: "SPLICE_F_MORE", 8: "SPLICE_F_GIFT"}
)
RWF_FLAGS = Flags("RWF_???", {1: "RWF_HIPRI", 2: "RWF_DSYNC", 4: "RWF_SYNC", 8: "RWF_NOWAIT", 0x10: "RWF_APPEND"})
FALLOC_FLAGS = Flags(
    "FALLOC_FL_???",
    {
        1: "FALLOC_FL_KEEP_SIZE",
        2: "FALLOC_FL_PUNCH_HOLE",
        4: "FALLOC_FL_NO_HIDE_STALE",
        8: "FALLOC_FL_COLLAPSE_RANGE",
        0x10: "FALLOC_FL_ZERO_RANGE",
        0x20: "FALLOC_FL_INSERT_RANGE",
        0x40: "FALLOC_FL_UNSHARE_RANGE",
    },
)
FADVISE = Names("POSIX_FADV_???", numbered("NORMAL RANDOM SEQUENTIAL WILLNEED DONTNEED NOREUSE", "POSIX_FADV_"))
GRND_FLAGS = Flags("GRND_???", {1: "GRND_NONBLOCK", 2: "GRND_RANDOM", 4: "GRND_INSECURE"})

FUTEX_PRIVATE_FLAG, FUTEX_CLOCK_REALTIME = 128, 256
FUTEX_OPS = numbered(
    "WAIT WAKE FD REQUEUE CMP_REQUEUE WAKE_OP LOCK_PI UNLOCK_PI TRYLOCK_PI WAIT_BITSET WAKE_BITSET WAIT_REQUEUE_PI "
    "CMP_REQUEUE_PI LOCK_PI2"
)
FUTEX_WAKE_OPS = Names("FUTEX_OP_???", numbered("SET ADD OR ANDN XOR", "FUTEX_OP_"))
FUTEX_CMPS = Names("FUTEX_OP_CMP_???", numbered("EQ NE LT LE GT GE", "FUTEX_OP_CMP_"))

RLIMITS = Names(
    "RLIMIT_???",
    numbered(
        "CPU FSIZE DATA STACK CORE RSS NPROC NOFILE MEMLOCK AS LOCKS SIGPENDING MSGQUEUE NICE RTPRIO RTTIME", "RLIMIT_"
    ),
)
RUSAGE_WHO = Names("RUSAGE_???", {0: "RUSAGE_SELF", 0xFFFFFFFF: "RUSAGE_CHILDREN", 1: "RUSAGE_THREAD"})
PRIO_WHICH = Names("PRIO_???", {0: "PRIO_PROCESS", 1: "PRIO_PGRP", 2: "PRIO_USER"})
ITIMERS = Names("ITIMER_???", {0: "ITIMER_REAL", 1: "ITIMER_VIRTUAL", 2: "ITIMER_PROF"})
SCHED_POLICIES = Names("SCHED_???", numbered("OTHER FIFO RR BATCH ISO IDLE DEADLINE", "SCHED_"))
SCHED_RESET_ON_FORK = 0x40000000
CLOCKS = Names(
    "CLOCK_???",
    numbered(
        "REALTIME MONOTONIC PROCESS_CPUTIME_ID THREAD_CPUTIME_ID MONOTONIC_RAW REALTIME_COARSE MONOTONIC_COARSE "
        "BOOTTIME REALTIME_ALARM BOOTTIME_ALARM SGI_CYCLE TAI",
        "CLOCK_",
    ),
)
TIMER_FLAGS = Flags("TIMER_???", {1: "TIMER_ABSTIME"})
SIGEV = Names("SIGEV_???", {0: "SIGEV_SIGNAL", 1: "SIGEV_NONE", 2: "SIGEV_THREAD", 4: "SIGEV_THREAD_ID"})
ARCH_PRCTL = Names(
    "ARCH_???",
    {0x1001: "ARCH_SET_GS", 0x1002: "ARCH_SET_FS", 0x1003: "ARCH_GET_FS", 0x1004: "ARCH_GET_GS",
     0x1011: "ARCH_GET_CPUID", 0x1012: "ARCH_SET_CPUID"},
)  # fmt: skip
PRCTL = Names(
    "PR_???",
    {
        1: "PR_SET_PDEATHSIG",
        2: "PR_GET_PDEATHSIG",
        3: "PR_GET_DUMPABLE",
        4: "PR_SET_DUMPABLE",
        7: "PR_GET_KEEPCAPS",
        8: "PR_SET_KEEPCAPS",
        13: "PR_GET_TIMING",
        14: "PR_SET_TIMING",
        15: "PR_SET_NAME",
        16: "PR_GET_NAME",
        21: "PR_GET_SECCOMP",
        22: "PR_SET_SECCOMP",
        23: "PR_CAPBSET_READ",
        24: "PR_CAPBSET_DROP",
        25: "PR_GET_TSC",
        26: "PR_SET_TSC",
        27: "PR_GET_SECUREBITS",
        28: "PR_SET_SECUREBITS",
        29: "PR_SET_TIMERSLACK",
        30: "PR_GET_TIMERSLACK",
        33: "PR_MCE_KILL",
        34: "PR_MCE_KILL_GET",
        35: "PR_SET_MM",
        36: "PR_SET_CHILD_SUBREAPER",
        37: "PR_GET_CHILD_SUBREAPER",
        38: "PR_SET_NO_NEW_PRIVS",
        39: "PR_GET_NO_NEW_PRIVS",
        40: "PR_GET_TID_ADDRESS",
        41: "PR_SET_THP_DISABLE",
        42: "PR_GET_THP_DISABLE",
        47: "PR_CAP_AMBIENT",
        0x53564D41: "PR_SET_VMA",
        0x59616D61: "PR_SET_PTRACER",
    },
)
PERSONALITY_FLAGS = {
    0x0020000: "UNAME26",
    0x0040000: "ADDR_NO_RANDOMIZE",
    0x0080000: "FDPIC_FUNCPTRS",
    0x0100000: "MMAP_PAGE_ZERO",
    0x0200000: "ADDR_COMPAT_LAYOUT",
    0x0400000: "READ_IMPLIES_EXEC",
    0x0800000: "ADDR_LIMIT_32BIT",
    0x1000000: "SHORT_INODE",
    0x2000000: "WHOLE_SECONDS",
    0x4000000: "STICKY_TIMEOUTS",
    0x8000000: "ADDR_LIMIT_3GB",
}
MEMBARRIER = Names(
    "MEMBARRIER_CMD_???",
    {
        0: "MEMBARRIER_CMD_QUERY",
        1: "MEMBARRIER_CMD_GLOBAL",
        2: "MEMBARRIER_CMD_GLOBAL_EXPEDITED",
        4: "MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED",
        8: "MEMBARRIER_CMD_PRIVATE_EXPEDITED",
        16: "MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED",
        32: "MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE",
        64: "MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE",
    },
)
IOCTLS = {
    0x5401: "TCGETS",
    0x5402: "TCSETS",
    0x5403: "TCSETSW",
    0x5404: "TCSETSF",
    0x5405: "TCGETA",
    0x5409: "TCSBRK",
    0x540A: "TCXONC",
    0x540B: "TCFLSH",
    0x540C: "TIOCEXCL",
    0x540D: "TIOCNXCL",
    0x540E: "TIOCSCTTY",
    0x540F: "TIOCGPGRP",
    0x5410: "TIOCSPGRP",
    0x5411: "TIOCOUTQ",
    0x5412: "TIOCSTI",
    0x5413: "TIOCGWINSZ",
    0x5414: "TIOCSWINSZ",
    0x541B: "FIONREAD",
    0x5421: "FIONBIO",
    0x5422: "TIOCNOTTY",
    0x5429: "TIOCGSID",
    0x5450: "FIONCLEX",
    0x5451: "FIOCLEX",
    0x5452: "FIOASYNC",
    0x802C542A: "TCGETS2",
    0x402C542B: "TCSETS2",
    0x80045430: "TIOCGPTN",
    0x40045431: "TIOCSPTLCK",
    0x80045439: "TIOCGPTPEER",
    0x80086601: "FS_IOC_GETFLAGS",
    0x40049409: "FICLONE",
}
MOUNT_FLAGS = Flags(
    "MS_???",
    {
        0x1: "MS_RDONLY",
        0x2: "MS_NOSUID",
        0x4: "MS_NODEV",
        0x8: "MS_NOEXEC",
        0x10: "MS_SYNCHRONOUS",
        0x20: "MS_REMOUNT",
        0x40: "MS_MANDLOCK",
        0x80: "MS_DIRSYNC",
        0x100: "MS_NOSYMFOLLOW",
        0x400: "MS_NOATIME",
        0x800: "MS_NODIRATIME",
        0x1000: "MS_BIND",
        0x2000: "MS_MOVE",
        0x4000: "MS_REC",
        0x8000: "MS_SILENT",
        0x10000: "MS_POSIXACL",
        0x20000: "MS_UNBINDABLE",
        0x40000: "MS_PRIVATE",
        0x80000: "MS_SLAVE",
        0x100000: "MS_SHARED",
        0x200000: "MS_RELATIME",
        0x1000000: "MS_STRICTATIME",
        0x2000000: "MS_LAZYTIME",
    },
)
UMOUNT_FLAGS = Flags("MNT_???", {1: "MNT_FORCE", 2: "MNT_DETACH", 4: "MNT_EXPIRE", 8: "UMOUNT_NOFOLLOW"})
SOCKET_FAMILIES = Names("AF_???", {0: "AF_UNSPEC", 1: "AF_UNIX", 2: "AF_INET", 10: "AF_INET6", 16: "AF_NETLINK"})
SOCKET_TYPES = Names("SOCK_???", {1: "SOCK_STREAM", 2: "SOCK_DGRAM", 3: "SOCK_RAW", 5: "SOCK_SEQPACKET"})
SOCKET_FLAGS = Flags("SOCK_???", {0o2000000: "SOCK_CLOEXEC", 0o4000: "SOCK_NONBLOCK"})
FS_TYPES = Names(
    "",
    {0x01021994: "TMPFS_MAGIC", 0x9FA0: "PROC_SUPER_MAGIC", 0xEF53: "EXT2_SUPER_MAGIC",
     0x794C7630: "OVERLAYFS_SUPER_MAGIC",
     0x50495045: "PIPEFS_MAGIC", 0x1CD1: "DEVPTS_SUPER_MAGIC", 0x62656572: "SYSFS_MAGIC", 0x58465342: "XFS_SUPER_MAGIC",
     0x9123683E: "BTRFS_SUPER_MAGIC"},
)  # fmt: skip
