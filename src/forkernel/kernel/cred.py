"""Credentials: who a task is and what it may do (credentials(7), capabilities(7)).

A `Cred` is never changed: a call that alters identity makes a new one from the old and `commit_creds` puts
it in place, so tasks can share one and a check made earlier stays true for the one it was made with.

Entry points: `capable` (the one permission question), `setuid` ... `setgroups` and `capset` (the calls'
rules), `bprm_creds` (what execve makes of them), `kill_ok_by_cred` (signals).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from forkernel.abi.capability import (
    CAP_FS_MASK,
    CAP_FULL_SET,
    CAP_KILL,
    CAP_SETGID,
    CAP_SETPCAP,
    CAP_SETUID,
    SECBIT_KEEP_CAPS,
    SECBIT_NO_SETUID_FIXUP,
    SECBIT_NOROOT,
)
from forkernel.abi.errno import EINVAL, EPERM
from forkernel.abi.resource import RLIMIT_NPROC
from forkernel.errors import SysError
from forkernel.kernel.task import PF_NPROC_EXCEEDED, PF_SUPERPRIV
from forkernel.namespace import INVALID_ID, UserNamespace, cap_capable, init_user_ns

if TYPE_CHECKING:
    from forkernel.fs.xattr import FileCaps
    from forkernel.kernel.task import Task

NGROUPS_MAX = 65536
S_ISUID, S_ISGID, S_IXGRP = 0o4000, 0o2000, 0o010


class Cred(NamedTuple):
    """Linux: struct cred. `fsuid` and `fsgid` decide file access; cap_* are sets with bit N for capability N."""

    uid: int = 0
    euid: int = 0
    suid: int = 0
    fsuid: int = 0
    gid: int = 0
    egid: int = 0
    sgid: int = 0
    fsgid: int = 0
    groups: tuple[int, ...] = ()
    """Supplementary groups in ascending order."""
    cap_inheritable: int = 0
    cap_permitted: int = CAP_FULL_SET
    cap_effective: int = CAP_FULL_SET
    cap_bset: int = CAP_FULL_SET
    cap_ambient: int = 0
    securebits: int = 0
    user_ns: UserNamespace = init_user_ns
    """Where the capabilities hold, and whose numbers the process uses. IDs here are the kernel's."""

    @classmethod
    def of_user(cls, uid: int, gid: int, groups: tuple[int, ...] = ()) -> Cred:
        """Credentials of a login by this user: all capabilities for root, none for others."""
        caps = CAP_FULL_SET if uid == 0 else 0
        return cls(uid, uid, uid, uid, gid, gid, gid, gid, tuple(sorted(groups)), 0, caps, caps)

    def has_cap(self, cap: int) -> bool:
        """Whether capability number `cap` is effective."""
        return bool(self.cap_effective >> cap & 1)

    def in_group(self, gid: int) -> bool:
        """Whether `gid` counts for file access (Linux: in_group_p)."""
        return gid == self.fsgid or gid in self.groups

    def in_egroup(self, gid: int) -> bool:
        """Whether `gid` is the effective or a supplementary group (Linux: in_egroup_p)."""
        return gid == self.egid or gid in self.groups


def capable(task: Task, cap: int) -> bool:
    """Whether the task may use capability `cap` over the whole machine, that is in the initial user namespace; notes
    the use in PF_SUPERPRIV.
    """
    cred = task.cred
    if not cred.cap_effective >> cap & 1 or cred.user_ns is not init_user_ns:
        return False
    task.flags |= PF_SUPERPRIV
    return True


def ns_capable(task: Task, ns: UserNamespace, cap: int) -> bool:
    """Whether the task may use capability `cap` over what belongs to user namespace `ns`; notes the use."""
    if not cap_capable(task.cred, ns, cap):
        return False
    task.flags |= PF_SUPERPRIV
    return True


def own_capable(task: Task, cap: int) -> bool:
    """Whether the task may use capability `cap` over its own user namespace; notes the use."""
    if not task.cred.cap_effective >> cap & 1:
        return False
    task.flags |= PF_SUPERPRIV
    return True


def cap_issubset(old: Cred, new: Cred) -> bool:
    """Whether `new` permits nothing that `old` did not; the maker of a user namespace had all in it before (Linux:
    cred_cap_issubset).
    """
    if old.user_ns is new.user_ns:
        return not new.cap_permitted & ~old.cap_permitted
    at = new.user_ns
    while at.parent is not None:
        if at.parent is old.user_ns and at.owner_uid == old.euid:
            return True
        at = at.parent
    return False


def commit_creds(task: Task, new: Cred, slab: int = 0) -> None:
    """Give the task `new`. A change of identity or more privilege ends dumpability and the parent-death signal.

    `slab`: the struct cred, if there is one already (execve's); else one is made, SysError(ENOMEM).
    """
    old, old_slab = task.cred, task.cred_slab
    jar = task.system.slabs.cred_jar
    task.cred_slab = slab or jar.alloc()
    if old_slab:
        jar.put(old_slab)
    task.cred = new
    same = (old.euid, old.fsuid, old.egid, old.fsgid) == (new.euid, new.fsuid, new.egid, new.fsgid)
    if same and cap_issubset(old, new):
        return
    if task.mm is not None:
        task.mm.dumpable = 0
    task.pdeath_signal = 0


def exit_creds(task: Task) -> None:
    """The task is released: its struct cred has one holder less (Linux: exit_creds)."""
    if task.cred_slab:
        task.system.slabs.cred_jar.put(task.cred_slab)
        task.cred_slab = 0


def kill_ok_by_cred(task: Task, target: Task) -> bool:
    """Whether identity or CAP_KILL lets `task` signal `target` (kill(2), Linux: kill_ok_by_cred)."""
    cred, other = task.cred, target.cred
    if cred.euid in (other.suid, other.uid) or cred.uid in (other.suid, other.uid):
        return True
    return ns_capable(task, other.user_ns, CAP_KILL)


# --- user IDs (setuid(2), setreuid(2), setresuid(2), setfsuid(2))


def _valid_uid(cred: Cred, uid: int) -> int:
    """The kernel's number for a user ID of the program; EINVAL for -1 and for one that is not mapped."""
    kuid = cred.user_ns.make_kuid(uid)
    if kuid == INVALID_ID:
        raise SysError(EINVAL)
    return kuid


def _valid_gid(cred: Cred, gid: int) -> int:
    """As _valid_uid for groups."""
    kgid = cred.user_ns.make_kgid(gid)
    if kgid == INVALID_ID:
        raise SysError(EINVAL)
    return kgid


def _wanted_uids(cred: Cred, uids: tuple[int, ...]) -> list[int]:
    """Several, where -1 means "leave as it is"."""
    return [uid if uid == INVALID_ID else _valid_uid(cred, uid) for uid in uids]


def _wanted_gids(cred: Cred, gids: tuple[int, ...]) -> list[int]:
    """Several, where -1 means "leave as it is"."""
    return [gid if gid == INVALID_ID else _valid_gid(cred, gid) for gid in gids]


def flag_nproc_exceeded(task: Task, uid: int) -> None:
    """A process about to belong to a user with too many of them already may not execve (setuid(2), execve(2))."""
    if uid == task.cred.uid:
        return
    task.flags &= ~PF_NPROC_EXCEEDED
    if uid and task.system.user_tasks(uid) > task.signal.rlim[RLIMIT_NPROC][0]:
        task.flags |= PF_NPROC_EXCEEDED


def setuid(task: Task, uid: int) -> None:
    """All four user IDs with CAP_SETUID, else the effective one back to the real or saved one."""
    old = task.cred
    uid = _valid_uid(old, uid)
    if own_capable(task, CAP_SETUID):
        new = old._replace(uid=uid, suid=uid, euid=uid, fsuid=uid)
    elif uid in (old.uid, old.suid):
        new = old._replace(euid=uid, fsuid=uid)
    else:
        raise SysError(EPERM)
    flag_nproc_exceeded(task, new.uid)
    commit_creds(task, fix_setuid(old, new))


def setreuid(task: Task, ruid: int, euid: int) -> None:
    """Real and effective user ID; the saved one follows when the real one is set or a new effective one comes."""
    old = task.cred
    ruid, euid = _wanted_uids(old, (ruid, euid))
    real = old.uid if ruid == INVALID_ID else ruid
    effective = old.euid if euid == INVALID_ID else euid
    allowed = real in (old.uid, old.euid) and effective in (old.uid, old.euid, old.suid)
    if not allowed and not own_capable(task, CAP_SETUID):
        raise SysError(EPERM)
    saved = old.suid
    if ruid != INVALID_ID or (euid != INVALID_ID and euid != old.uid):
        saved = effective
    new = old._replace(uid=real, euid=effective, suid=saved, fsuid=effective)
    flag_nproc_exceeded(task, new.uid)
    commit_creds(task, fix_setuid(old, new))


def setresuid(task: Task, ruid: int, euid: int, suid: int) -> None:
    """Real, effective and saved user ID, each to any of the three, or to anything with CAP_SETUID."""
    old = task.cred
    ruid, euid, suid = _wanted_uids(old, (ruid, euid, suid))
    wanted = [new for new in (ruid, euid, suid) if new != INVALID_ID]
    if any(new not in (old.uid, old.euid, old.suid) for new in wanted) and not own_capable(task, CAP_SETUID):
        raise SysError(EPERM)
    real = old.uid if ruid == INVALID_ID else ruid
    effective = old.euid if euid == INVALID_ID else euid
    saved = old.suid if suid == INVALID_ID else suid
    fsuid = old.fsuid
    if (real, effective, saved) != (old.uid, old.euid, old.suid) or (euid != INVALID_ID and effective != fsuid):
        fsuid = effective
    new = old._replace(uid=real, euid=effective, suid=saved, fsuid=fsuid)
    flag_nproc_exceeded(task, new.uid)
    commit_creds(task, fix_setuid(old, new))


def setfsuid(task: Task, uid: int) -> int:
    """User ID for file access; returns the old one, whether or not it was changed."""
    old = task.cred
    was = old.user_ns.from_kuid_munged(old.fsuid)
    uid = old.user_ns.make_kuid(uid)
    if uid == INVALID_ID or uid == old.fsuid:
        return was
    if uid in (old.uid, old.euid, old.suid) or own_capable(task, CAP_SETUID):
        commit_creds(task, _fix_setfsuid(old, old._replace(fsuid=uid)))
    return was


def fix_setuid(old: Cred, new: Cred) -> Cred:
    """What a change of user IDs does to capabilities (Linux: cap_emulate_setxuid; capabilities(7))."""
    if old.securebits & SECBIT_NO_SETUID_FIXUP:
        return new
    root = old.user_ns.make_kuid(0)
    if root in (old.uid, old.euid, old.suid) and root not in (new.uid, new.euid, new.suid):
        new = new._replace(cap_ambient=0)
        if not old.securebits & SECBIT_KEEP_CAPS:
            new = new._replace(cap_permitted=0, cap_effective=0)
    if old.euid == root and new.euid != root:
        new = new._replace(cap_effective=0)
    elif old.euid != root and new.euid == root:
        new = new._replace(cap_effective=new.cap_permitted)
    return new


def _fix_setfsuid(old: Cred, new: Cred) -> Cred:
    """File capabilities leave with file-system UID 0 and come back with it."""
    if old.securebits & SECBIT_NO_SETUID_FIXUP:
        return new
    root = old.user_ns.make_kuid(0)
    if old.fsuid == root and new.fsuid != root:
        return new._replace(cap_effective=new.cap_effective & ~CAP_FS_MASK)
    if old.fsuid != root and new.fsuid == root:
        return new._replace(cap_effective=new.cap_effective | new.cap_permitted & CAP_FS_MASK)
    return new


# --- group IDs (setgid(2), setregid(2), setresgid(2), setfsgid(2), setgroups(2))


def setgid(task: Task, gid: int) -> None:
    """All four group IDs with CAP_SETGID, else the effective one back to the real or saved one."""
    old = task.cred
    gid = _valid_gid(old, gid)
    if own_capable(task, CAP_SETGID):
        new = old._replace(gid=gid, sgid=gid, egid=gid, fsgid=gid)
    elif gid in (old.gid, old.sgid):
        new = old._replace(egid=gid, fsgid=gid)
    else:
        raise SysError(EPERM)
    commit_creds(task, new)


def setregid(task: Task, rgid: int, egid: int) -> None:
    """Real and effective group ID; the saved one follows as with `setreuid`."""
    old = task.cred
    rgid, egid = _wanted_gids(old, (rgid, egid))
    real = old.gid if rgid == INVALID_ID else rgid
    effective = old.egid if egid == INVALID_ID else egid
    allowed = real in (old.gid, old.egid) and effective in (old.gid, old.egid, old.sgid)
    if not allowed and not own_capable(task, CAP_SETGID):
        raise SysError(EPERM)
    saved = old.sgid
    if rgid != INVALID_ID or (egid != INVALID_ID and egid != old.gid):
        saved = effective
    commit_creds(task, old._replace(gid=real, egid=effective, sgid=saved, fsgid=effective))


def setresgid(task: Task, rgid: int, egid: int, sgid: int) -> None:
    """Real, effective and saved group ID, each to any of the three, or to anything with CAP_SETGID."""
    old = task.cred
    rgid, egid, sgid = _wanted_gids(old, (rgid, egid, sgid))
    wanted = [new for new in (rgid, egid, sgid) if new != INVALID_ID]
    if any(new not in (old.gid, old.egid, old.sgid) for new in wanted) and not own_capable(task, CAP_SETGID):
        raise SysError(EPERM)
    real = old.gid if rgid == INVALID_ID else rgid
    effective = old.egid if egid == INVALID_ID else egid
    saved = old.sgid if sgid == INVALID_ID else sgid
    fsgid = old.fsgid
    if (real, effective, saved) != (old.gid, old.egid, old.sgid) or (egid != INVALID_ID and effective != fsgid):
        fsgid = effective
    commit_creds(task, old._replace(gid=real, egid=effective, sgid=saved, fsgid=fsgid))


def setfsgid(task: Task, gid: int) -> int:
    """Group ID for file access; returns the old one, whether or not it was changed."""
    old = task.cred
    was = old.user_ns.from_kgid_munged(old.fsgid)
    gid = old.user_ns.make_kgid(gid)
    if gid not in (INVALID_ID, old.fsgid):
        if gid in (old.gid, old.egid, old.sgid) or own_capable(task, CAP_SETGID):
            commit_creds(task, old._replace(fsgid=gid))
    return was


def setgroups(task: Task, groups: list[int]) -> None:
    """Replace the supplementary groups; the caller has asked `may_setgroups`. EINVAL for the group -1, and for one
    that is not mapped.
    """
    cred = task.cred
    commit_creds(task, cred._replace(groups=tuple(sorted(_valid_gid(cred, gid) for gid in groups))))


def may_setgroups(task: Task) -> bool:
    """CAP_SETGID; in a user namespace only once gid_map is set, and unless its setgroups file says "deny"."""
    user_ns = task.cred.user_ns
    return own_capable(task, CAP_SETGID) and bool(user_ns.gid_map) and user_ns.setgroups_allowed


# --- capabilities (capset(2), execve(2))


def capset(task: Task, effective: int, permitted: int, inheritable: int) -> None:
    """Set the task's own capability sets; EPERM where that would gain something (Linux: cap_capset)."""
    old = task.cred
    effective &= CAP_FULL_SET
    permitted &= CAP_FULL_SET
    inheritable &= CAP_FULL_SET
    if inheritable & ~(old.cap_inheritable | old.cap_permitted) and not own_capable(task, CAP_SETPCAP):
        raise SysError(EPERM)
    if inheritable & ~(old.cap_inheritable | old.cap_bset):
        raise SysError(EPERM)
    if permitted & ~old.cap_permitted or effective & ~permitted:
        raise SysError(EPERM)
    new = old._replace(
        cap_effective=effective,
        cap_permitted=permitted,
        cap_inheritable=inheritable,
        cap_ambient=old.cap_ambient & permitted & inheritable,
    )
    commit_creds(task, new)


def _from_file_caps(old: Cred, fcaps: FileCaps | None) -> tuple[int, bool]:
    """Permitted capabilities by what a program file carries, and whether they are in effect; EPERM (Linux:
    bprm_caps_from_vfs_caps).
    """
    if fcaps is None:
        return 0, False
    permitted = old.cap_bset & fcaps.permitted | old.cap_inheritable & fcaps.inheritable
    if fcaps.effective and fcaps.permitted & ~permitted:
        raise SysError(EPERM)
    return permitted, fcaps.effective


def bprm_creds(
    old: Cred, mode: int, uid: int, gid: int, *, no_new_privs: bool, nosuid: bool = False, fcaps: FileCaps | None = None
) -> Cred:
    """Credentials after execve of a file with this mode, owner and group (Linux: bprm_fill_uid and
    cap_bprm_creds_from_file). `fcaps` are the file's own capabilities; EPERM where it is to have ones in effect that
    the bounding set forbids.

    set-user-ID and set-group-ID bits count unless no_new_privs or a nosuid mount forbids it; root gets the
    bounding set; everybody keeps ambient capabilities unless the file changes an ID.
    """
    euid, egid = old.euid, old.egid
    if not (no_new_privs or nosuid):
        user_ns = old.user_ns
        mapped = user_ns.from_kuid(uid) != INVALID_ID and user_ns.from_kgid(gid) != INVALID_ID
        if mode & S_ISUID and mapped:
            euid = uid
        if mode & (S_ISGID | S_IXGRP) == S_ISGID | S_IXGRP and mapped:
            egid = gid
    permitted, effective_flag = _from_file_caps(old, fcaps)
    set_id = euid != old.uid or egid != old.gid
    root = old.user_ns.make_kuid(0)
    privileged = not old.securebits & SECBIT_NOROOT and root in (old.uid, euid)
    if privileged and not (fcaps is not None and old.uid != root):  # a set-user-ID program with its own is content
        permitted = old.cap_bset | old.cap_inheritable
        effective_flag = effective_flag or euid == root
    if no_new_privs and (set_id or permitted & ~old.cap_permitted):
        euid, egid = old.uid, old.gid
        permitted &= old.cap_permitted
    ambient = 0 if set_id or fcaps is not None else old.cap_ambient
    permitted |= ambient
    effective = permitted if effective_flag else ambient
    return old._replace(
        euid=euid, suid=euid, fsuid=euid, egid=egid, sgid=egid, fsgid=egid,
        cap_permitted=permitted, cap_effective=effective, cap_ambient=ambient,
        securebits=old.securebits & ~SECBIT_KEEP_CAPS,
    )  # fmt: skip
