"""Calls on the whole machine: uname, sethostname, sysinfo, getrandom, personality, syslog, reboot."""

from __future__ import annotations

from forkernel.abi.capability import CAP_SYS_ADMIN
from forkernel.abi.errno import EINVAL, EPERM
from forkernel.abi.system import (
    GRND_INSECURE,
    GRND_NONBLOCK,
    GRND_RANDOM,
    SI_LOAD_SHIFT,
    Sysinfo,
)
from forkernel.abi.types import I32, U32, U64
from forkernel.abi.utsname import NEW_UTS_LEN, UTS_MACHINE, UTS_RELEASE, UTS_SYSNAME, UTS_VERSION, NewUtsname
from forkernel.errors import SysError
from forkernel.kernel.clock import NSEC_PER_SEC
from forkernel.kernel.cred import ns_capable
from forkernel.kernel.task import Task
from forkernel.mm.uaccess import UserBuf, UserOut
from forkernel.syscalls.registry import syscall

PAGE_SIZE = 4096
FSHIFT = 11
"""Bits of fraction in the kernel's own load averages."""
RANDOM_CHUNK = 1 << 16
MAX_RW_COUNT = 0x7FFF_F000


# --- names


@syscall("uname")
def sys_uname(task: Task, name: UserOut[NewUtsname]) -> int:
    """uname(2)."""
    uts = task.nsproxy.uts_ns
    name.put(NewUtsname(UTS_SYSNAME, uts.hostname, UTS_RELEASE, UTS_VERSION, UTS_MACHINE, uts.domainname))
    return 0


def _new_name(task: Task, name: UserBuf, length: int) -> bytes:
    """The name given to sethostname or setdomainname; EPERM, EINVAL, EFAULT in this order."""
    if not ns_capable(task, task.nsproxy.uts_ns.user_ns, CAP_SYS_ADMIN):
        raise SysError(EPERM)
    if not 0 <= length <= NEW_UTS_LEN:
        raise SysError(EINVAL)
    return name.read(length).split(b"\0")[0]


@syscall("sethostname")
def sys_sethostname(task: Task, name: UserBuf, length: I32) -> int:
    """sethostname(2)."""
    task.nsproxy.uts_ns.hostname = _new_name(task, name, length)
    return 0


@syscall("setdomainname")
def sys_setdomainname(task: Task, name: UserBuf, length: I32) -> int:
    """setdomainname(2)."""
    task.nsproxy.uts_ns.domainname = _new_name(task, name, length)
    return 0


# --- the machine


@syscall("sysinfo", caveat="shared and buffer memory are 0")
def sys_sysinfo(task: Task, info: UserOut[Sysinfo]) -> int:
    """sysinfo(2)."""
    system = task.system
    loads = [load << SI_LOAD_SHIFT - FSHIFT for load in system.load]
    info.put(
        Sysinfo(
            load1=loads[0],
            load5=loads[1],
            load15=loads[2],
            uptime=-(-(system.clock.monotonic() + task.nsproxy.time_ns.boottime) // NSEC_PER_SEC),
            totalram=system.frames.total * PAGE_SIZE,
            freeram=system.frames.free_count() * PAGE_SIZE,
            procs=min(sum(1 for _ in system.all_tasks()), 0xFFFF),
            mem_unit=1,
        )
    )
    return 0


@syscall("getrandom")
def sys_getrandom(task: Task, buffer: UserBuf, count: U64, flags: U32) -> int:
    """getrandom(2), from the machine's seeded generator: the same on every run with the same seed."""
    if flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE):
        raise SysError(EINVAL)
    if flags & (GRND_RANDOM | GRND_INSECURE) == GRND_RANDOM | GRND_INSECURE:
        raise SysError(EINVAL)
    count = min(count, MAX_RW_COUNT)
    mm, done = buffer.mm, 0
    while done < count:
        size = min(count - done, RANDOM_CHUNK - (buffer.addr + done) % PAGE_SIZE)
        try:
            mm.write(buffer.addr + done, task.system.rng.randbytes(size))
        except SysError:
            if not done:
                raise
            break
        done += size
    return done


@syscall("personality", caveat="stored and inherited; of the flags, address randomization alone has an effect")
def sys_personality(task: Task, persona: U32) -> int:
    """personality(2)."""
    old = task.personality
    if persona != 0xFFFFFFFF:
        task.personality = persona
    return old


@syscall("syslog")
def sys_syslog(task: Task, action: I32, buffer: UserBuf, length: I32) -> int:
    """syslog(2)."""
    from forkernel.kernel.syslog import do_syslog

    return do_syslog(task, action, buffer, length)


@syscall("reboot", caveat="no kexec, no hibernation")
def sys_reboot(task: Task, magic: U32, magic2: U32, cmd: U32, arg: UserBuf) -> int:
    """reboot(2)."""
    from forkernel.kernel.reboot import do_reboot

    return do_reboot(task, magic, magic2, cmd, arg)
