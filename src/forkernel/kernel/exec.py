"""execve: one program takes the place of another (Linux: fs/exec.c).

Life cycle: `do_execveat` opens the file and collects the strings into a `Bprm`; `exec_binprm` finds out what
the file is, following `#!` lines to an interpreter, and reads the headers (`binfmt_elf.read_elf_program`). Up
to here every error goes back to the caller. Then `Exec.step`: `de_thread` ends all other threads (the call
sleeps until they are gone), `begin_new_exec` gives up what belongs to the old program, the new address space
is filled and entered. An error after `de_thread` ends the process.

`kernel_execve` is the same for a kernel thread, which becomes a user process by it: PID 1.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from forkernel.abi.capability import CAP_SETUID, CAP_SYS_PTRACE
from forkernel.abi.errno import (
    E2BIG,
    EACCES,
    EAGAIN,
    EINVAL,
    ELOOP,
    ENAMETOOLONG,
    ENOENT,
)
from forkernel.abi.fcntl import AT_EMPTY_PATH, AT_EXECVE_CHECK, AT_FDCWD, AT_SYMLINK_NOFOLLOW
from forkernel.abi.personality import PER_CLEAR_ON_SETID, READ_IMPLIES_EXEC
from forkernel.abi.resource import RLIMIT_NPROC, RLIMIT_STACK
from forkernel.abi.signal import SIGCHLD, SIGSEGV, SS_DISABLE
from forkernel.arch.x86_64.process import start_thread
from forkernel.errors import SysError
from forkernel.fs.dentry import MNT_NOSUID, Mount
from forkernel.fs.inode import MAY_READ
from forkernel.kernel import posix_timers, signal
from forkernel.kernel.binfmt_elf import ElfProgram, layout_of, load_elf_binary, read_elf_program
from forkernel.kernel.binfmt_script import load_script
from forkernel.kernel.cred import Cred, bprm_creds, commit_creds, ns_capable, own_capable
from forkernel.kernel.exit import exec_mm_release, release_task, setmax_mm_hiwater_rss
from forkernel.kernel.nsproxy import exec_task_namespaces
from forkernel.kernel.pid import exchange_tids
from forkernel.kernel.ptrace import SUID_DUMP_DISABLE, SUID_DUMP_USER
from forkernel.kernel.ptrace_stop import ptrace_exec_event
from forkernel.kernel.task import (
    EXIT_DEAD,
    PF_FORKNOEXEC,
    PF_KTHREAD,
    PF_NPROC_EXCEEDED,
    PF_RANDOMIZE,
    SIGNAL_GROUP_EXIT,
    SighandStruct,
    Task,
)
from forkernel.kernel.tasklist import replace_leader
from forkernel.mm.mm_struct import MmStruct
from forkernel.mm.uaccess import PATH_MAX
from forkernel.mm.vma import PAGE_MASK, PAGE_SIZE
from forkernel.wait import Resume, Sleep

if TYPE_CHECKING:
    from forkernel.fs.file import File
    from forkernel.fs.xattr import FileCaps
    from forkernel.kernel.exec_image import ExecImage, ImageCache
    from forkernel.mm.slab import SharedCache

MAX_ARG_STRLEN = 32 * PAGE_SIZE
"""Longest single string with its NUL, in bytes."""
MAX_ARG_STRINGS = 0x7FFFFFFF
ARG_MAX = 131072
"""Strings and pointers get at least this many bytes, whatever RLIMIT_STACK says."""
STK_LIM = 8 << 20
NULL_WORD = 8
"""Bytes of zeros at the very top of the stack."""
MAX_INTERPRETERS = 5
"""How often a script may name another script (Linux: exec_binprm's depth)."""
HEAD_SIZE = 1024
"""First bytes of a file that are read: more than enough for `#!`, and for most program headers."""


class Bprm:
    """A program about to be run (Linux: struct linux_binprm)."""

    __slots__ = (
        "argv", "comm_from_dentry", "cred", "cred_slab", "envp", "fd_cloexec", "file", "filename", "interp_file", "jar",
        "room", "secureexec", "stack_limit", "strings", "unreadable",
    )  # fmt: skip

    file: Any
    """File: the program; after a script, its interpreter. Held open."""
    filename: bytes
    """As the program sees it in AT_EXECFN: the path given, or /dev/fd/N/path."""
    argv: list[bytes]
    envp: list[bytes]
    strings: bytes
    """argv, envp, filename and a null word as they lie at the top of the new stack."""
    room: int
    """Bytes left for strings; E2BIG below zero."""
    cred: Cred
    secureexec: bool
    """The program gains privileges: AT_SECURE."""
    stack_limit: int
    """RLIMIT_STACK that the layout goes by."""
    fd_cloexec: bool
    """A script could not be opened by its name /dev/fd/N once the descriptor is closed."""
    unreadable: bool
    """The caller may run but not read the file: the process must not be dumped."""

    def __init__(self) -> None:
        self.interp_file: File | None = None
        self.cred_slab = 0
        """Where the new struct cred lies in `jar`, until it is the task's."""
        self.jar: SharedCache = None  # type: ignore[assignment]  # set with it
        self.secureexec = self.fd_cloexec = self.unreadable = self.comm_from_dentry = False

    def release(self) -> None:
        """Let the files go: their mappings hold them, or nobody needs them. May be called twice."""
        if self.interp_file is not None:
            self.interp_file.allow_access()
            self.interp_file.put()
        if self.file is not None:
            self.file.put()
        self.file = self.interp_file = None
        if self.cred_slab:
            self.jar.put(self.cred_slab)
            self.cred_slab = 0

    def add_string(self, text: bytes) -> None:
        """Account for a string on the stack; E2BIG."""
        if len(text) >= MAX_ARG_STRLEN:
            raise SysError(E2BIG)
        self.room -= len(text) + 1
        if self.room < 0:
            raise SysError(E2BIG)


# --- entry points


def do_execveat(task: Task, dirfd: int, path: int, argv: int, envp: int, flags: int) -> int:
    """execveat(2); `path`, `argv` and `envp` are user addresses. Returns 0 in the new program, or in the old one
    with AT_EXECVE_CHECK, which only asks.
    """
    assert task.mm is not None
    name = bprm = None
    try:
        name = getname(task.mm, path, flags)
        check_nproc(task)
        failing(task, "alloc_bprm")
        bprm = alloc_bprm(task, dirfd, name, flags)
        failing(task, "copy_strings")
        copy_strings(task, bprm, argv, envp)
        if flags & AT_EXECVE_CHECK:
            bprm.release()
            return 0
        return bprm_execve(task, bprm)
    except SysError as error:
        if bprm is not None:
            bprm.release()
        if fire := task.system.trace.exec_failed:
            fire(task, name, error.errno)
        raise


def failing(task: Task, step: str) -> None:
    """SysError if the step is to fail now (`--fail`)."""
    if (points := task.system.failpoints) is not None:
        points.check(step, task)


def copy_strings(task: Task, bprm: Bprm, argv: int, envp: int) -> None:
    """Collect the arguments and the environment from user memory; EFAULT, E2BIG."""
    assert task.mm is not None
    reader = UserStrings(task.mm)
    arg_pointers = reader.pointers(argv)
    env_pointers = reader.pointers(envp)
    stack_limits(task, bprm, len(arg_pointers), len(env_pointers))
    bprm.add_string(bprm.filename)
    bprm.envp = reader.strings(bprm, env_pointers)
    bprm.argv = reader.strings(bprm, arg_pointers)
    if fire := task.system.trace.copy_strings:
        fire(task, bprm)


def kernel_execve(task: Task, filename: bytes, argv: list[bytes], envp: list[bytes]) -> None:
    """Run a program in a kernel thread, which becomes an ordinary process; errors as execve(2)."""
    bprm = None
    try:
        bprm = alloc_bprm(task, AT_FDCWD, filename, 0)
        stack_limits(task, bprm, len(argv), len(envp))
        for text in (filename, *envp, *argv):
            bprm.add_string(text)
        bprm.argv, bprm.envp = list(argv), list(envp)
        if fire := task.system.trace.copy_strings:
            fire(task, bprm)
        bprm_execve(task, bprm)
    except SysError as error:
        if bprm is not None:
            bprm.release()
        if fire := task.system.trace.exec_failed:
            fire(task, filename, error.errno)
        raise


def getname(mm: MmStruct, addr: int, flags: int) -> bytes:
    """The path argument: EFAULT, ENAMETOOLONG, ENOENT for an empty one without AT_EMPTY_PATH."""
    name = mm.read_cstr(addr, PATH_MAX)
    if len(name) >= PATH_MAX:
        raise SysError(ENAMETOOLONG)
    if not name and not flags & AT_EMPTY_PATH:
        raise SysError(ENOENT)
    return name


def check_nproc(task: Task) -> None:
    """EAGAIN for a process that changed to a user with more processes than RLIMIT_NPROC, and still has."""
    if task.flags & PF_NPROC_EXCEEDED:
        if task.system.user_tasks(task.cred.uid) > task.signal.rlim[RLIMIT_NPROC][0]:
            raise SysError(EAGAIN)
        task.flags &= ~PF_NPROC_EXCEEDED


def alloc_bprm(task: Task, dirfd: int, name: bytes, flags: int) -> Bprm:
    """Open the program; EINVAL for unknown flags, else as open_exec."""
    if flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_EXECVE_CHECK):
        raise SysError(EINVAL)
    bprm = Bprm()
    bprm.file = task.system.vfs.open_exec(task, dirfd, name, flags & ~AT_EXECVE_CHECK)
    if dirfd == AT_FDCWD or name.startswith(b"/"):
        bprm.filename = name
    else:
        bprm.filename = b"/dev/fd/%d/%s" % (dirfd, name) if name else b"/dev/fd/%d" % dirfd
        bprm.comm_from_dentry = not name
        bprm.fd_cloexec = task.files is not None and dirfd in task.files.cloexec
    bprm.stack_limit = task.signal.rlim[RLIMIT_STACK][0]
    if fire := task.system.trace.alloc_bprm:
        fire(task, bprm)
    return bprm


def stack_limits(task: Task, bprm: Bprm, argc: int, envc: int) -> None:
    """How many bytes strings may take: a quarter of the stack, less the pointers (Linux: bprm_stack_limits);
    and where that is ARG_MAX, still no more than the stack itself.
    """
    stack = task.signal.rlim[RLIMIT_STACK][0]
    limit = max(min(STK_LIM // 4 * 3, stack // 4), ARG_MAX)
    pointers = (max(argc, 1) + envc) * 8
    if limit <= pointers:
        raise SysError(E2BIG)
    bprm.room = min(limit - pointers, max(stack & PAGE_MASK, PAGE_SIZE) - NULL_WORD)


class UserStrings:
    """Reads argv and envp out of the old program's memory, each of its pages once."""

    __slots__ = ("mm", "pages")

    def __init__(self, mm: MmStruct) -> None:
        self.mm = mm
        self.pages: dict[int, bytes] = {}

    def page(self, number: int) -> bytes:
        """The page with this number; EFAULT."""
        data = self.pages.get(number)
        if data is None:
            data = self.pages[number] = self.mm.read(number * PAGE_SIZE, PAGE_SIZE)
        return data

    def pointers(self, addr: int) -> list[int]:
        """The pointers of an array up to NULL; no array at all counts as an empty one. EFAULT, E2BIG."""
        found: list[int] = []
        while addr:
            within = addr % PAGE_SIZE
            count = (PAGE_SIZE - within) // 8
            if count:
                words = struct.unpack_from(f"<{count}Q", self.page(addr // PAGE_SIZE), within)
            else:
                count, words = 1, struct.unpack("<Q", self.mm.read(addr, 8))
            if 0 in words:
                found += words[: words.index(0)]
                break
            found += words
            addr += count * 8
            if len(found) > STK_LIM:
                raise SysError(E2BIG)
        return found

    def strings(self, bprm: Bprm, pointers: list[int]) -> list[bytes]:
        """The strings pointed at, accounted for from the last to the first; EFAULT, E2BIG."""
        found, room = [], bprm.room
        for pointer in reversed(pointers):
            text = self.string(pointer)
            room -= len(text) + 1
            if room < 0 or len(text) >= MAX_ARG_STRLEN:
                raise SysError(E2BIG)
            found.append(text)
        bprm.room = room
        found.reverse()
        return found

    def string(self, addr: int) -> bytes:
        """The bytes up to a NUL, cut at MAX_ARG_STRLEN; EFAULT."""
        number, within = divmod(addr, PAGE_SIZE)
        page = self.page(number)
        end = page.find(b"\0", within)
        if end >= 0:
            return page[within:end]
        return self.mm.read_cstr(addr, MAX_ARG_STRLEN)


# --- before the point of no return


def bprm_execve(task: Task, bprm: Bprm) -> int:
    """Find out how to run the file, and run it; the caller releases `bprm` on an error."""
    task.system.sched.sched_exec()
    if not bprm.argv:
        bprm.add_string(b"")
        bprm.argv = [b""]
    program = exec_binprm(task, bprm)
    bprm.interp_file = program.interp_file
    failing(task, "bprm_creds")
    prepare_creds(task, bprm)
    if fire := task.system.trace.bprm_creds:
        fire(task, bprm)
    bprm.strings = b"\0".join((*bprm.argv, *bprm.envp, bprm.filename)) + bytes(1 + NULL_WORD)
    return Exec(bprm, program).step(task)


def exec_binprm(task: Task, bprm: Bprm) -> ElfProgram:
    """Replace a script by its interpreter until there is a program; ENOEXEC, ELOOP."""
    trace, interp = task.system.trace, bprm.filename
    failing(task, "search_binary_handler")
    for _ in range(MAX_INTERPRETERS + 1):
        head: bytes = bprm.file.inode.pread(0, HEAD_SIZE)
        if head[:2] != b"#!":
            program = read_elf_program(task, bprm.file, head)
            if fire := trace.search_binary_handler:
                fire(task, bprm, "elf")
            return program
        name, argument = load_script(head)
        if fire := trace.search_binary_handler:
            fire(task, bprm, "script")
        if fire := trace.load_script:
            fire(task, bprm, name, argument)
        if bprm.fd_cloexec:
            raise SysError(ENOENT)
        bprm.room += len(bprm.argv[0]) + 1
        first = [name] if argument is None else [name, argument]
        for text in (interp, *reversed(first)):
            bprm.add_string(text)
        bprm.argv = [*first, interp, *bprm.argv[1:]]
        file = task.system.vfs.open_exec(task, AT_FDCWD, name, 0 if name else AT_EMPTY_PATH)
        bprm.file.put()
        bprm.file, interp = file, name
    raise SysError(ELOOP)


def mnt_may_suid(task: Task, mount: Mount) -> bool:
    """Whether set-user-ID programs there count: not on a nosuid mount, nor one that is not in the task's namespace or
    was made in a user namespace that is not above the task's (Linux: mnt_may_suid).
    """
    if mount.flags & MNT_NOSUID:
        return False
    nsproxy, user_ns = task.nsproxy, task.cred.user_ns
    return mount.ns is nsproxy.mnt_ns and user_ns.is_descendant_of(mount.sb.user_ns)


def program_caps(inode: Any) -> FileCaps | None:
    """The capabilities that the program file carries, None for none (setcap(8))."""
    if not inode.get_xattrs():
        return None
    from forkernel.fs.xattr import file_caps

    return file_caps(inode)


def prepare_creds(task: Task, bprm: Bprm) -> None:
    """The new program's credentials, and whether it gains by them (Linux: bprm_creds_from_file)."""
    old, inode = task.cred, bprm.file.inode
    path = bprm.file.path
    nosuid = path is not None and not mnt_may_suid(task, path.mnt)
    fcaps = program_caps(inode) if inode.sb.has_xattrs and not nosuid else None
    new = bprm_creds(old, inode.mode, inode.uid, inode.gid, no_new_privs=task.no_new_privs, nosuid=nosuid, fcaps=fcaps)
    set_id = new.euid != old.euid or new.egid != old.egid
    unsafe = fs_is_shared(task) or (task.ptrace and not ns_capable(task.parent, old.user_ns, CAP_SYS_PTRACE))
    if set_id and unsafe and not own_capable(task, CAP_SETUID):
        new = bprm_creds(old, 0, 0, 0, no_new_privs=task.no_new_privs)
    bprm.cred = new
    bprm.cred_slab = task.system.slabs.cred_jar.alloc()
    bprm.jar = task.system.slabs.cred_jar
    gained = new.uid != new.user_ns.make_kuid(0) and bool(new.cap_permitted & ~new.cap_ambient)
    bprm.secureexec = new.euid != new.uid or new.egid != new.gid or gained
    if bprm.secureexec:
        bprm.stack_limit = min(bprm.stack_limit, STK_LIM)
    try:
        inode.permission(task.cred, MAY_READ)
    except SysError as error:
        if error.errno != EACCES:
            raise
        bprm.unreadable = True


def fs_is_shared(task: Task) -> bool:
    """Whether another process shares our root and working directory (Linux: check_unsafe_exec)."""
    fs = task.fs
    return fs is not None and fs.users > sum(thread.fs is fs for thread in task.signal.threads)


# --- the point of no return


class Exec(Resume):
    """execve from de_thread on: waits for the other threads, then becomes the new program."""

    __slots__ = ("bprm", "program")

    def __init__(self, bprm: Bprm, program: ElfProgram) -> None:
        self.bprm = bprm
        self.program = program

    def step(self, task: Task) -> int:
        """Sleep while other threads live; then the rest, which does not fail but by killing the process."""
        bprm, old_pid, trace, had_mm = self.bprm, task.pid, task.system.trace, task.mm is not None
        old_nr = task.thread_pid.nr_ns(task.parent.thread_pid.ns)
        de_thread(task, self)
        if fire := trace.point_of_no_return:
            fire(task, bprm)
        try:
            begin_new_exec(task, bprm)
            kept = find_image(task, bprm, self.program)
            failing(task, "exec_mmap")
            mm = task.system.new_mm() if kept is None else kept.new_mm()
            exec_mmap(task, bprm, mm)
            if had_mm:
                failing(task, "load_elf_binary")
            entry, sp = load_elf_binary(task, bprm, self.program, mm, kept)
            if fire := trace.load_elf_binary:
                fire(task, bprm, entry, sp)
        except SysError as error:
            if fire := trace.exec_failed:
                fire(task, bprm.filename, error.errno)
            signal.force_fatal_sig(SIGSEGV, task)
            return 0
        finally:
            bprm.release()
        start_thread(task, entry, sp)
        if fire := trace.start_thread:
            fire(task, entry, sp)
        if fire := trace.sched_process_exec:
            fire(task, bprm.filename, old_pid)
        if task.ptrace:
            ptrace_exec_event(task, old_nr)
        return 0

    def interrupted(self, task: Task) -> int:
        """Killed while waiting for the other threads."""
        task.signal.group_exec_task = None
        task.signal.notify_count = 0
        self.bprm.release()
        return -EAGAIN


def de_thread(task: Task, resume: Exec) -> None:
    """Become the only thread of the process, and its leader: with the leader's PID.

    Sleeps until the others are dead; EAGAIN if the process is exiting or another thread is at it already.
    """
    sig = task.signal
    if len(sig.threads) == 1:
        failing(task, "de_thread")
        tell_de_thread(task, 0)
        return
    if sig.group_exec_task is not task:
        failing(task, "de_thread")
        if sig.flags & SIGNAL_GROUP_EXIT or sig.group_exec_task is not None:
            raise SysError(EAGAIN)
        sig.group_exec_task = task
        others = signal.zap_other_threads(task)
        sig.notify_count = others - (0 if task.is_leader else 1)
        tell_de_thread(task, others)
    leader = task.group_leader
    if sig.notify_count > 0:
        raise Sleep(resume=resume, interruptible=False)
    if leader is not task and not leader.exit_state:
        sig.notify_count = -1
        raise Sleep(resume=resume, interruptible=False)
    if leader is not task:
        take_over_leader(task, leader)
    sig.group_exec_task = None
    sig.notify_count = 0
    task.exit_signal = SIGCHLD


def tell_de_thread(task: Task, others: int) -> None:
    """The tracepoint of de_thread: how many other threads are being killed."""
    if fire := task.system.trace.de_thread:
        fire(task, others)


def take_over_leader(task: Task, leader: Task) -> None:
    """The leader is a zombie and all others are gone: take its PID, place in the family and start time."""
    exchange_tids(task, leader)
    task.start_time = leader.start_time
    siblings = task.real_parent.children
    if leader in siblings:
        order = [task if child is leader else child for child in siblings]
        siblings.clear()
        siblings.update(dict.fromkeys(order))
    replace_leader(leader, task)
    task.group_leader = leader.group_leader = task
    task.exit_signal = SIGCHLD
    leader.exit_signal = -1
    leader.exit_state = EXIT_DEAD
    threads = task.signal.threads
    del threads[task], threads[leader]
    rest = list(threads)
    threads.clear()
    threads.update(dict.fromkeys((task, *rest, leader)))
    release_task(leader)


def begin_new_exec(task: Task, bprm: Bprm) -> None:
    """Give up what does not survive into the new program, but for the memory (Linux: begin_new_exec)."""
    trace = task.system.trace
    unshare_files(task)
    exec_task_namespaces(task)
    posix_timers.exit_itimers(task)
    unshare_sighand(task)
    task.flags &= ~(PF_FORKNOEXEC | PF_KTHREAD | PF_RANDOMIZE)
    task.kthread = None
    if task.files is not None:
        if fire := trace.close_on_exec:
            fire(task, sorted(task.files.cloexec))
        task.files.close_on_exec(task)
    task.sas_ss_sp = task.sas_ss_size = 0
    task.sas_ss_flags = SS_DISABLE
    task.rseq = None
    task.restart_block = None
    task.personality &= ~READ_IMPLIES_EXEC
    comm = bprm_comm(bprm)
    if fire := trace.task_rename:
        fire(task, comm)
    task.comm = comm
    task.self_exec_id += 1
    if fire := trace.flush_signal_handlers:
        fire(task, signal.handled_signals(task))
    signal.flush_signal_handlers(task)
    if bprm.secureexec:
        task.pdeath_signal = 0
        task.personality &= ~PER_CLEAR_ON_SETID


def unshare_files(task: Task) -> None:
    """The new program has a descriptor table of its own."""
    failing(task, "unshare_files")
    files = task.files
    if files is None or files.users == 1:
        return
    task.files = files.copy(task.system.slabs.files_cache)
    files.release(task)
    if fire := task.system.trace.unshare_files:
        fire(task, task.files)


def unshare_sighand(task: Task) -> None:
    """And handlers of its own."""
    failing(task, "unshare_sighand")
    if task.sighand.users == 1:
        return
    old = task.sighand
    task.sighand = SighandStruct(dict(old.action), task.system.slabs.sighand_cache)
    old.release()
    if fire := task.system.trace.unshare_sighand:
        fire(task, task.sighand)


def bprm_comm(bprm: Bprm) -> bytes:
    """The thread's new name: the last part of the path, or the file's own name for a bare descriptor."""
    name = bprm.filename
    if bprm.comm_from_dentry:
        name = bprm.file.path.dentry.name
    return name.rpartition(b"/")[2][:15]


def find_image(task: Task, bprm: Bprm, program: ElfProgram) -> ExecImage | None:
    """The program as it was mapped for an earlier execve, if it was kept."""
    images: ImageCache = task.system.exec_images
    if not images.images:
        return None
    key = images.key(program, bprm.file, layout_of(task, bprm)[0])
    return images.find(key, program) if key is not None else None


def exec_mmap(task: Task, bprm: Bprm, mm: MmStruct) -> None:
    """Exchange the address space and the credentials; a parent in vfork goes on."""
    old = task.mm
    mm.thp_disable = old is not None and old.thp_disable
    if old is not None:
        mm.coredump_filter = old.coredump_filter
    mm.set_exe_file(bprm.file)
    if old is not None:
        exec_mm_release(task, old)
    task.mm = mm
    mm.owner = task
    task.system.sched.switch_mm(task)
    if fire := task.system.trace.exec_mmap:
        fire(task, old, mm)
    if old is not None:
        setmax_mm_hiwater_rss(task.signal, old)
        old.mmput()
    cred = bprm.cred
    mm.user_ns = cred.user_ns
    plain = cred.euid == cred.uid and cred.egid == cred.gid and not bprm.unreadable
    mm.dumpable = SUID_DUMP_USER if plain else SUID_DUMP_DISABLE
    slab, bprm.cred_slab = bprm.cred_slab, 0
    commit_creds(task, cred, slab)
