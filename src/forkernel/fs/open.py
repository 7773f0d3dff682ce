"""Opening by path, and what is done to the file a path or descriptor stands for (Linux: fs/open.c, fs/attr.c).

`do_filp_open` is open(2) without the descriptor: find or make the file (`path_openat`), check what is asked
(`may_open`), let the inode make the `File` (`vfs_open`). Then truncate, chmod, chown, utimes, access, chdir.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import (
    EACCES,
    EEXIST,
    EFBIG,
    EINVAL,
    EISDIR,
    ELOOP,
    ENODEV,
    ENOTDIR,
    EOPNOTSUPP,
    EPERM,
    EROFS,
    ESPIPE,
    ETXTBSY,
)
from forkernel.abi.fcntl import (
    __O_SYNC,
    __O_TMPFILE,
    AT_EACCESS,
    AT_EMPTY_PATH,
    AT_FDCWD,
    AT_SYMLINK_NOFOLLOW,
    FALLOC_FL_MASK,
    O_ACCMODE,
    O_CLOEXEC,
    O_CREAT,
    O_DIRECTORY,
    O_DSYNC,
    O_EXCL,
    O_NOATIME,
    O_NOFOLLOW,
    O_PATH,
    O_TRUNC,
    VALID_OPEN_FLAGS,
    X_OK,
)
from forkernel.abi.inotify import IN_ACCESS, IN_MODIFY, IN_OPEN
from forkernel.abi.stat import (
    S_IALLUGO,
    S_IFBLK,
    S_IFCHR,
    S_IFDIR,
    S_IFIFO,
    S_IFLNK,
    S_IFMT,
    S_IFREG,
    S_ISGID,
    S_ISUID,
    S_IXGRP,
)
from forkernel.errors import SysError
from forkernel.fs.dentry import MNT_NODEV, MNT_NOEXEC, Dentry, Path
from forkernel.fs.file import MAX_LFS_FILESIZE, RLIMIT_FSIZE, SIGXFSZ, File, PathFile
from forkernel.fs.fsnotify import fsnotify_change, fsnotify_create, fsnotify_file
from forkernel.fs.inode import (
    CAP_FSETID,
    MAY_EXEC,
    MAY_READ,
    MAY_WRITE,
    Inode,
    capable_wrt_inode_uidgid,
    inode_owner_or_capable,
)
from forkernel.fs.namei import (
    SPECIAL,
    Nameidata,
    child_of,
    filename_lookup,
    inode_permission,
    is_stored,
    may_create,
    want_write,
)
from forkernel.fs.pagecache import RegInode
from forkernel.namespace import INVALID_ID, cap_capable, init_user_ns
from forkernel.wait import Sleep

if TYPE_CHECKING:
    from forkernel.kernel.task import Task

CAP_CHOWN = 1 << 0
CAP_SYS_CHROOT = 18
SECURE_NO_SETUID_FIXUP = 1 << 2
ACC_MODES = (MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE, MAY_READ | MAY_WRITE)
"""By access mode of the flags; 3 means "for ioctl only" and needs both."""
O_PATH_FLAGS = O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC


def build_open_flags(flags: int, mode: int, strict: bool = False) -> tuple[int, int]:
    """The flags and mode that count (Linux: build_open_how, build_open_flags); EINVAL. `strict`: openat2's rules."""
    if not strict:
        flags &= VALID_OPEN_FLAGS
        if flags & O_PATH:
            flags &= O_PATH_FLAGS
        mode = mode & S_IALLUGO if flags & (O_CREAT | __O_TMPFILE) else 0
    elif flags & ~VALID_OPEN_FLAGS or mode & ~S_IALLUGO or (mode and not flags & (O_CREAT | __O_TMPFILE)):
        raise SysError(EINVAL)
    if flags & (O_CREAT | O_DIRECTORY) == O_CREAT | O_DIRECTORY:
        raise SysError(EINVAL)
    if flags & __O_TMPFILE:
        if not flags & O_DIRECTORY or not ACC_MODES[flags & O_ACCMODE] & MAY_WRITE:
            raise SysError(EINVAL)
    if flags & O_PATH and flags & ~O_PATH_FLAGS:
        raise SysError(EINVAL)
    if flags & __O_SYNC:
        flags |= O_DSYNC
    return flags, mode


def do_filp_open(task: Task, path: bytes, flags: int, mode: int = 0, dirfd: int = AT_FDCWD, resolve: int = 0) -> File:
    """Open `path`; flags and mode come from build_open_flags. May raise Sleep (FIFO)."""
    if flags & __O_TMPFILE:
        return do_tmpfile(task, filename_lookup(task, path, dirfd, True, resolve), flags, mode)
    if flags & O_CREAT:
        return open_creat(Nameidata(task, path, dirfd, resolve), path, flags, mode)
    place = filename_lookup(task, path, dirfd, not flags & O_NOFOLLOW, resolve)
    if flags & O_DIRECTORY and place.dentry.inode.mode & S_IFMT != S_IFDIR:
        raise SysError(ENOTDIR)
    if flags & O_PATH:
        file = PathFile(place.dentry.inode, flags)
        set_path(file, place)
        return file
    may_open(task, place, flags)
    return vfs_open(task, place, flags)


def open_creat(walk: Nameidata, path: bytes, flags: int, mode: int) -> File:
    """Open with O_CREAT (Linux: open_last_lookups and lookup_open)."""
    task = walk.task
    target: bytes | None = path
    while target is not None:
        walk.link_path_walk(target)
        if walk.last in SPECIAL:
            raise SysError(EEXIST if flags & O_EXCL else EISDIR)
        if walk.trailing:
            raise SysError(EISDIR)
        child = child_of(walk)
        if child is None:
            return create_and_open(walk, flags, mode)
        if flags & O_EXCL:
            raise SysError(EEXIST)
        target = walk.step_into(child, not flags & O_NOFOLLOW)
    place = Path(walk.mnt, walk.dentry)
    if place.dentry.inode.mode & S_IFMT == S_IFDIR:
        raise SysError(EISDIR)
    may_open(task, place, flags)
    return vfs_open(task, place, flags)


def create_and_open(walk: Nameidata, flags: int, mode: int) -> File:
    """Make the regular file the walk ends at, and open it whatever its mode says."""
    task, parent = walk.task, walk.dentry
    want_write(walk.mnt)
    may_create(task, parent.inode)
    assert task.fs is not None
    inode = parent.inode.create(task, walk.last, S_IFREG | mode & ~task.fs.umask)
    if inode.sb.marks:
        fsnotify_create(parent.inode, walk.last, inode)
    return vfs_open(task, Path(walk.mnt, parent.d_add(walk.last, inode)), flags & ~O_TRUNC)


def do_tmpfile(task: Task, place: Path, flags: int, mode: int) -> File:
    """O_TMPFILE: a file without a name in the directory's file system."""
    directory = place.dentry.inode
    if directory.mode & S_IFMT != S_IFDIR:
        raise SysError(ENOTDIR)
    want_write(place.mnt)
    directory.permission(task.cred, MAY_WRITE | MAY_EXEC)
    assert task.fs is not None
    inode = directory.tmpfile(task, mode & ~task.fs.umask)
    if isinstance(inode, RegInode):
        inode.linkable = not flags & O_EXCL
    dentry = Dentry(b"#%d" % inode.ino, place.dentry, inode)
    dentry.unhashed = True
    return vfs_open(task, Path(place.mnt, dentry), flags)


def may_open(task: Task, place: Path, flags: int) -> None:
    """Whether the task may open the file so (Linux: may_open): EACCES, EISDIR, ELOOP, EPERM, EROFS."""
    inode = place.dentry.inode
    kind = inode.mode & S_IFMT
    mask = ACC_MODES[flags & O_ACCMODE]
    if flags & O_TRUNC:
        mask |= MAY_WRITE
    if kind == S_IFLNK:
        raise SysError(ELOOP)
    if kind == S_IFDIR and mask & MAY_WRITE:
        raise SysError(EISDIR)
    if kind in (S_IFBLK, S_IFCHR) and (place.mnt.flags & MNT_NODEV or place.mnt.sb.user_ns is not init_user_ns):
        raise SysError(EACCES)
    inode_permission(task, place, mask)
    if flags & O_NOATIME and not inode_owner_or_capable(task.cred, inode):
        raise SysError(EPERM)


def vfs_open(task: Task, place: Path, flags: int) -> File:
    """Let the inode make the `File`; O_TRUNC empties a regular file. Permission was checked."""
    inode = place.dentry.inode
    regular = inode.mode & S_IFMT == S_IFREG
    if regular and inode.writecount < 0 and flags & (O_ACCMODE | O_TRUNC):
        raise SysError(ETXTBSY)
    if inode.flctx is not None and inode.flctx.leases:
        from forkernel.fs.lease import break_lease

        break_lease(task, inode, bool(flags & O_ACCMODE), flags)
    if flags & O_TRUNC and regular:
        file_remove_sids(task, inode)
        inode.truncate(0)
    try:
        file = inode.open(task, flags)
    except Sleep as sleep:
        waiting: Any = getattr(sleep.resume, "file", None)
        if isinstance(waiting, File):
            set_path(waiting, place)
        raise
    set_path(file, place)
    file.cred = task.cred
    file.hold_cred(task)
    if regular and file.writable:
        try:
            file.get_write_access()
        except SysError:
            file.put()
            raise
    if inode.sb.marks:
        fsnotify_file(file, IN_OPEN)
        if flags & O_TRUNC and regular:
            fsnotify_file(file, IN_MODIFY)
    return file


def set_path(file: File, place: Path) -> None:
    """Note where the file was opened, and the opening in its mount."""
    if file.path is None:
        file.path = place
        file.mount = place.mnt
        place.mnt.opens += 1


def file_remove_sids(task: Task, inode: Inode) -> None:
    """Truncating takes set-user-ID and set-group-ID away, as writing does."""
    from forkernel.fs.file import file_remove_privs

    if inode.mode & (S_ISUID | S_ISGID) or inode.xattrs:
        file_remove_privs(task, inode)


def do_open_execat(task: Task, dirfd: int, path: bytes, at_flags: int) -> File:
    """Open a program to execute: a regular file with x permission, not on a noexec mount (EACCES),
    and not open for writing (ETXTBSY); the file denies writing until `allow_access` or its end.
    """
    if at_flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        raise SysError(EINVAL)
    follow = not at_flags & AT_SYMLINK_NOFOLLOW
    place = filename_lookup(task, path, dirfd, follow, empty=bool(at_flags & AT_EMPTY_PATH))
    inode = place.dentry.inode
    kind = inode.mode & S_IFMT
    if kind == S_IFLNK:
        raise SysError(ELOOP)
    if kind != S_IFREG or place.mnt.flags & MNT_NOEXEC:
        raise SysError(EACCES)
    inode.permission(task.cred, MAY_EXEC)
    file = vfs_open(task, place, 0)
    try:
        file.deny_write_access()
    except SysError:
        file.put()
        raise
    if inode.sb.marks:
        fsnotify_file(file, IN_ACCESS)  # the kernel reads it
    return file


# --- size


def check_size_limit(task: Task, size: int) -> None:
    """Growing beyond RLIMIT_FSIZE is SIGXFSZ and EFBIG (Linux: inode_newsize_ok)."""
    if size > task.signal.rlim[RLIMIT_FSIZE][0]:
        task.send_signal(SIGXFSZ)
        raise SysError(EFBIG)


def vfs_truncate(task: Task, place: Path, size: int) -> None:
    """truncate(2)."""
    inode = place.dentry.inode
    if inode.mode & S_IFMT == S_IFDIR:
        raise SysError(EISDIR)
    if inode.mode & S_IFMT != S_IFREG:
        raise SysError(EINVAL)
    want_write(place.mnt)
    inode_permission(task, place, MAY_WRITE)
    if inode.writecount < 0:
        raise SysError(ETXTBSY)
    if inode.flctx is not None and inode.flctx.leases:
        from forkernel.fs.lease import break_lease

        break_lease(task, inode, True, 0)
    do_truncate(task, inode, size)
    if inode.sb.marks:
        fsnotify_change(place.dentry, False, mtime=True)


def do_truncate(task: Task, inode: Inode, size: int) -> None:
    """Set the length; the caller checked permission."""
    if size > inode.size:
        check_size_limit(task, size)
    file_remove_sids(task, inode)
    inode.truncate(size)


def do_ftruncate(task: Task, file: File, size: int) -> None:
    """ftruncate(2): EINVAL unless it is a regular file open for writing."""
    inode = file.inode
    if size < 0 or inode is None or inode.mode & S_IFMT != S_IFREG or not file.writable:
        raise SysError(EINVAL)
    if size > inode.size:
        check_size_limit(task, size)
    file_remove_sids(task, inode)
    file.truncate(size)
    if inode.sb.marks:
        fsnotify_file(file, IN_MODIFY)


def vfs_fallocate(task: Task, file: File, mode: int, offset: int, length: int) -> None:
    """fallocate(2)."""
    from forkernel.abi.errno import EBADF

    if offset < 0 or length <= 0:
        raise SysError(EINVAL)
    if mode & ~FALLOC_FL_MASK:
        raise SysError(EOPNOTSUPP)
    if not file.writable:
        raise SysError(EBADF)
    kind = file.inode.mode & S_IFMT if file.inode is not None else 0
    if kind == S_IFIFO:
        raise SysError(ESPIPE)
    if kind == S_IFDIR:
        raise SysError(EISDIR)
    if kind != S_IFREG:
        raise SysError(ENODEV)
    if offset + length > MAX_LFS_FILESIZE:
        raise SysError(EFBIG)
    if offset + length > file.inode.size and not mode & 1:
        check_size_limit(task, offset + length)
    file.inode.allocate(mode, offset, length)
    if file.inode.sb.marks:
        fsnotify_file(file, IN_MODIFY)


# --- attributes (Linux: setattr_prepare)


def chmod_common(task: Task, place: Path, mode: int) -> None:
    """chmod(2): for the owner or CAP_FOWNER; set-group-ID falls away for who is not in the group."""
    want_write(place.mnt)
    inode, cred = place.dentry.inode, task.cred
    if inode.mode & S_IFMT == S_IFLNK:
        raise SysError(EOPNOTSUPP)
    if not inode_owner_or_capable(cred, inode):
        raise SysError(EPERM)
    if not cred.in_group(inode.gid) and not capable_wrt_inode_uidgid(cred, inode, CAP_FSETID):
        mode &= ~S_ISGID
    inode.setattr(mode=mode & S_IALLUGO)
    if inode.sb.marks:
        fsnotify_change(place.dentry, True)


def chown_common(task: Task, place: Path, uid: int, gid: int) -> None:
    """chown(2): -1 leaves an ID as it is, EINVAL for one that the caller's user namespace does not map; set-ID bits
    of files fall away.
    """
    inode, cred = place.dentry.inode, task.cred
    new_uid = None if uid == INVALID_ID else cred.user_ns.make_kuid(uid)
    new_gid = None if gid == INVALID_ID else cred.user_ns.make_kgid(gid)
    want_write(place.mnt)
    if INVALID_ID in (new_uid, new_gid):
        raise SysError(EINVAL)
    if not capable_wrt_inode_uidgid(cred, inode, CAP_CHOWN):
        owner = cred.fsuid == inode.uid
        if new_uid is not None and not (owner and new_uid == inode.uid):
            raise SysError(EPERM)
        if new_gid is not None and not (owner and (cred.in_group(new_gid) or new_gid == inode.gid)):
            raise SysError(EPERM)
    mode = None
    if inode.mode & S_IFMT != S_IFDIR and inode.mode & (S_ISUID | S_ISGID):
        mode = inode.mode & S_IALLUGO & ~S_ISUID
        if mode & S_IXGRP or not (cred.in_group(inode.gid) or capable_wrt_inode_uidgid(cred, inode, CAP_FSETID)):
            mode &= ~S_ISGID
    inode.setattr(mode=mode, uid=new_uid, gid=new_gid)
    if inode.xattrs:
        from forkernel.fs.xattr import remove_file_caps

        remove_file_caps(inode)
    if inode.sb.marks and (mode, new_uid, new_gid) != (None, None, None):
        fsnotify_change(place.dentry, True)


def vfs_utimes(task: Task, place: Path, atime: int | None, mtime: int | None, now: bool) -> None:
    """Set times in nanoseconds, None to leave one; `now`: both are the present, which a writer may set too."""
    want_write(place.mnt)
    inode, cred = place.dentry.inode, task.cred
    if not inode_owner_or_capable(cred, inode):
        if not now:
            raise SysError(EPERM)
        inode_permission(task, place, MAY_WRITE)
    inode.setattr(atime=atime, mtime=mtime)
    if inode.sb.marks:
        fsnotify_change(place.dentry, False, atime is not None, mtime is not None)


def do_faccessat(task: Task, dirfd: int, path: bytes, mode: int, flags: int) -> None:
    """access(2) and faccessat2(2): with the real IDs unless AT_EACCESS."""
    if mode & ~7 or flags & ~(AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH):
        raise SysError(EINVAL)
    follow, empty = not flags & AT_SYMLINK_NOFOLLOW, bool(flags & AT_EMPTY_PATH)
    saved = task.cred
    if not flags & AT_EACCESS:
        task.cred = access_creds(saved)
    try:
        place = filename_lookup(task, path, dirfd, follow, empty=empty)
        if not mode:
            return
        inode = place.dentry.inode
        if mode & X_OK and inode.mode & S_IFMT == S_IFREG and place.mnt.flags & MNT_NOEXEC:
            raise SysError(EACCES)
        inode.permission(task.cred, mode)
        if mode & MAY_WRITE and place.mnt.readonly and is_stored(inode.mode):
            raise SysError(EROFS)
    finally:
        task.cred = saved


def access_creds(cred: Any) -> Any:
    """Credentials for access(2): the real IDs, root's capabilities only for a real root."""
    root = cred.user_ns.make_kuid(0)
    if cred.uid == cred.fsuid and cred.gid == cred.fsgid and (cred.uid == root or not cred.cap_effective):
        return cred
    new = cred._replace(fsuid=cred.uid, fsgid=cred.gid)
    if not cred.securebits & SECURE_NO_SETUID_FIXUP:
        new = new._replace(cap_effective=cred.cap_permitted if cred.uid == root else 0)
    return new


# --- where the task stands


def set_fs_pwd(task: Task, place: Path) -> None:
    """chdir(2): ENOTDIR, EACCES without search permission."""
    enter_check(task, place)
    assert task.fs is not None
    task.fs.pwd = place


def set_fs_root(task: Task, place: Path) -> None:
    """chroot(2): EPERM without CAP_SYS_CHROOT."""
    enter_check(task, place)
    if not cap_capable(task.cred, task.cred.user_ns, CAP_SYS_CHROOT):
        raise SysError(EPERM)
    assert task.fs is not None
    task.fs.root = place


def enter_check(task: Task, place: Path) -> None:
    """A directory that the task may search."""
    inode = place.dentry.inode
    if inode.mode & S_IFMT != S_IFDIR:
        raise SysError(ENOTDIR)
    inode.permission(task.cred, MAY_EXEC)
