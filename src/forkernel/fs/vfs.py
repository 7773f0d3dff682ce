"""The file system as the rest of the kernel sees it: one `Vfs` for the machine.

Life cycle: init makes it with a root (the host's tree, a directory, or a tar archive; changes stay in memory),
mounts what belongs on top (`mount`, `mount_host`), and gives the first task `new_fs_struct()`. From then on
handlers and exec call `resolve` and `open`, and the functions of open.py, dirops.py and mount.py, which decide
by the calling task's fs, files and cred.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from forkernel.abi.errno import EEXIST
from forkernel.abi.fcntl import AT_FDCWD, O_LARGEFILE
from forkernel.abi.stat import ANON_INODE_FS_MAGIC, S_IFDIR, S_IFMT, makedev
from forkernel.errors import SysError, UserError
from forkernel.fs.dentry import MNT_READONLY, MNT_RELATIME, Dentry, Mount, Path
from forkernel.fs.dirops import do_mkdirat, do_mknodat, do_symlinkat
from forkernel.fs.fs_struct import FsStruct
from forkernel.fs.fsnotify import fsnotify_sb_delete
from forkernel.fs.hostfs import host_root
from forkernel.fs.inode import Inode, Superblock
from forkernel.fs.mnt_namespace import init_mnt_ns
from forkernel.fs.mount import attach_mnt, check_kinds, prepend_path, set_ns, topmost
from forkernel.fs.namei import filename_lookup
from forkernel.fs.open import build_open_flags, do_filp_open, do_open_execat
from forkernel.fs.tmpfs import TmpfsSuperblock, mount_tmpfs, new_tmpfs
from forkernel.namespace import init_user_ns

if TYPE_CHECKING:
    from collections.abc import Callable

    from forkernel.fs.file import File
    from forkernel.fs.pnode import PeerGroup
    from forkernel.kernel.task import Task

    MountFunction = Callable[["Vfs", Task, bytes, bytes], Dentry]

ALL_CAPS = (1 << 64) - 1


class KernelCred:
    """Who the kernel itself is when it makes files at boot, before there is a task."""

    fsuid = fsgid = uid = gid = 0
    groups: tuple[int, ...] = ()
    cap_effective = cap_permitted = ALL_CAPS
    securebits = 0
    user_ns = init_user_ns

    def in_group(self, gid: int) -> bool:
        """Root's group is 0."""
        return gid == 0


class BootTask:
    """Stands for a task in walks that the kernel makes for itself."""

    files = None
    cred_slab = 0

    def __init__(self, vfs: Vfs) -> None:
        self.vfs = vfs
        self.cred = KernelCred()
        self.fs = FsStruct(vfs.root, vfs.root, umask=0)

    @property
    def system(self) -> BootTask:
        """The walk wants `task.system.vfs`."""
        return self


MOUNT_SIZE = 320 + 192  # struct mount and the dentry of its root


class Vfs:
    """Mount tree, registered file systems, superblocks."""

    def __init__(self, clock: Any, frames: Any, root: str | bytes = b"/") -> None:
        self.clock = clock
        self.frames = frames
        self.next_dev = 20
        self.next_mount = 1
        self.mount_hash: dict[tuple[Mount, Dentry], Mount] = {}
        """(mount, dentry) to the mount that covers it."""
        self.supers: dict[Superblock, None] = {}
        """File systems with a page cache; dead ones stay as long as files of theirs are open."""
        self.internal: dict[bytes, Superblock] = {}
        """Superblocks of internal file systems by name (fs/anon.py)."""
        self.filesystems: dict[bytes, MountFunction] = {b"tmpfs": mount_tmpfs, b"ramfs": mount_tmpfs}
        """mount(2)'s fstype to a module-level function(vfs, task, source, data) -> root dentry."""
        self.chrdevs: dict[int, Callable[[Any, Inode, int], File]] = {}
        """Character devices of the rooms above, by major number: module-level functions(task, inode, flags)."""
        self.protected_hardlinks = 1
        """/proc/sys/fs/protected_hardlinks: no links to files of others that one may not write (proc_sys_fs(5))."""
        self.protected_symlinks = 1
        """/proc/sys/fs/protected_symlinks: in /tmp and its like, only links of oneself or its owner are followed."""
        self.inotify_max_queued_events = 16384
        """/proc/sys/fs/inotify/max_queued_events: of instances made from now on."""
        self.lease_break_time = 45
        """/proc/sys/fs/lease-break-time: seconds until a lease that somebody waits for is taken away."""
        self.fsnotify_cookie = 0
        """The number that the two events of the last rename share."""
        anon = Superblock(b"anon_inodefs", self.alloc_dev(), clock, frames)
        anon.magic = ANON_INODE_FS_MAGIC
        self.internal[b"anon_inodefs"] = anon
        self.__anon_inode = Inode(anon, 0o600)
        top = Dentry(b"", None, Inode(anon, S_IFDIR | 0o700))
        self.pseudo_mount = Mount(self.alloc_mount_id(), anon, top)
        """Where files without a name are (Linux: kern_mount)."""
        self.peer_groups: dict[int, PeerGroup] = {}
        """Groups of shared mounts by their number in mountinfo."""
        self.mnt_ns_seq = 0
        """How many mount namespaces were made."""
        bottom = Superblock(b"rootfs", makedev(0, 2), clock, frames)
        rootfs = Mount(1, bottom, Dentry(b"", None, Inode(bottom, S_IFDIR | 0o755)))
        self.root_mount = self.__mount_root(root)
        attach_mnt(self, self.root_mount, Path(rootfs, rootfs.root))
        self.init_mnt_ns = init_mnt_ns(self, rootfs)
        self.root = Path(self.root_mount, self.root_mount.root)
        """Root of the mount tree."""

    def __mount_root(self, root: str | bytes) -> Mount:
        source = root if isinstance(root, bytes) else root.encode(errors="surrogateescape")
        if os.path.isfile(source):
            from forkernel.fs.tarfs import tar_root

            dentry = tar_root(self, source)
        else:
            dentry = host_root(self, source)
        return self.alloc_mount(dentry, MNT_RELATIME, b"overlay")

    def alloc_dev(self) -> int:
        """A device number for a file system without a device."""
        self.next_dev += 1
        return makedev(0, self.next_dev)

    def alloc_mount_id(self) -> int:
        """The next mount ID."""
        self.next_mount += 1
        return self.next_mount

    def add_super(self, sb: Superblock) -> None:
        """Note a file system whose page cache can be shrunk."""
        self.supers[sb] = None

    def new_fs_struct(self) -> FsStruct:
        """Root and working directory at the root of the tree, umask 022."""
        return FsStruct(self.root, self.root)

    # --- by path
    def resolve(
        self, task: Task, path: bytes, dirfd: int = AT_FDCWD, *, follow: bool = True, empty: bool = False
    ) -> Path:
        """Walk `path`; `follow` the link it ends in; `empty` path stands for dirfd itself (AT_EMPTY_PATH)."""
        return filename_lookup(task, path, dirfd, follow, empty=empty)

    def open(self, task: Task, path: bytes, flags: int, mode: int = 0, dirfd: int = AT_FDCWD) -> File:
        """A `File` with one reference: like open, but no descriptor. May raise Sleep (FIFO)."""
        flags, mode = build_open_flags(flags | O_LARGEFILE, mode)
        return do_filp_open(task, path, flags, mode, dirfd)

    def open_exec(self, task: Task, dirfd: int, path: bytes, at_flags: int) -> File:
        """Open a program: regular, executable for the task, not on a noexec mount; EACCES (Linux: do_open_execat)."""
        return do_open_execat(task, dirfd, path, at_flags)

    def d_path(self, place: Path, root: Path) -> bytes:
        """Name of `place` seen from `root`; " (deleted)" is appended for what is unlinked."""
        dentry = place.dentry
        if dentry.parent is dentry and dentry.name and dentry is not place.mnt.root:
            return dentry.name
        name = prepend_path(place, root)[0]
        return name + b" (deleted)" if dentry.unhashed else name

    # --- files without a name
    def pseudo_path(self, inode: Inode, name: bytes) -> Path:
        """A path outside the tree for a file without a name: d_path gives `name` as it is ("pipe:[7]")."""
        return Path(self.pseudo_mount, Dentry(name, None, inode))

    def anon_inode(self) -> Inode:
        """The inode that all anonymous files share (Linux: anon_inode_inode)."""
        return self.__anon_inode

    # --- mounts
    def mount(self, root: Dentry, at: Path, flags: int = MNT_RELATIME, source: bytes = b"none") -> Mount:
        """Attach the tree under `root` at `at` (MNT_* flags), on top of what is mounted there."""
        mount = self.alloc_mount(root, flags, source)
        at = topmost(self, at)
        attach_mnt(self, mount, at)
        set_ns(mount, at.mnt.ns)
        return mount

    def alloc_mount(self, root: Dentry, flags: int, source: bytes) -> Mount:
        """A mount that is nowhere yet."""
        sb = root.inode.sb
        sb.kmalloc.charge("mnt_cache", MOUNT_SIZE)
        mount = Mount(self.alloc_mount_id(), sb, root, flags, source)
        root.inode.opens += 1
        sb.mounts += 1
        return mount

    def forget_mount(self, mount: Mount) -> None:
        """A mount went: a file system with no mount left goes, but for files that are still open."""
        mount.sb.kmalloc.uncharge("mnt_cache", MOUNT_SIZE)
        mount.sb.mounts -= 1
        mount.root.inode.opens -= 1
        self.deactivate_super(mount.root)

    def deactivate_super(self, root: Dentry) -> None:
        """A file system with `root` may have no mount left (Linux: deactivate_super)."""
        inode = root.inode
        sb = inode.sb
        if not sb.mounts:
            if sb.marks:
                fsnotify_sb_delete(sb)
            sb.kill()
        if not inode.opens and (not inode.nlink or sb.dead):
            inode.evict()
        if sb.mounts or sb not in self.supers:
            return
        sb.dead = True
        for inode in list(sb.caches):
            if not inode.opens:
                inode.evict()

    def mounts(self) -> list[Mount]:
        """All mounts of the first namespace, in the order in which they were made."""
        return self.init_mnt_ns.mounts()

    def new_tmpfs(self, fstype: bytes = b"tmpfs", mode: int = 0o1777) -> Dentry:
        """Root of a new file system in memory, for `mount`."""
        return new_tmpfs(self, fstype, mode)

    def mount_host(self, host: str | bytes, guest: bytes, writable: bool = False) -> Mount:
        """Show a host file or directory at `guest`: read-only, or with writes going to the host. UserError."""
        from forkernel.fs.bindfs import bind_root

        source = host if isinstance(host, bytes) else host.encode(errors="surrogateescape")
        root = bind_root(self, source, writable)
        directory = root.inode.mode & S_IFMT == S_IFDIR
        at = self.make_mountpoint(guest, directory)
        flags = MNT_RELATIME if writable else MNT_RELATIME | MNT_READONLY
        return self.mount(root, at, flags, source)

    # --- files that the kernel makes for itself
    def boot_task(self) -> Any:
        """Someone to walk for when there is no task yet: root with all capabilities, no descriptors."""
        return BootTask(self)

    def make_mountpoint(self, path: bytes, directory: bool = True) -> Path:
        """The place `path`, made (in memory) with what leads to it if it is not there. UserError."""
        task = self.boot_task()
        parts = [part for part in path.split(b"/") if part]
        try:
            for end in range(1, len(parts) + (1 if directory else 0)):
                self.mkdir(b"/" + b"/".join(parts[:end]), 0o755)
            if not directory:
                self.mknod(b"/" + b"/".join(parts), 0o100644, 0)
            place = filename_lookup(task, path)
            check_kinds(place.dentry, directory)
            return place
        except SysError:
            kind = "directory" if directory else "file"
            raise UserError(
                f"{path.decode(errors='replace')} is no {kind} in the guest, nothing can be put there"
            ) from None

    def mkdir(self, path: bytes, mode: int) -> None:
        """Make a directory unless there is something of that name."""
        self.__quietly(do_mkdirat, path, mode)

    def mknod(self, path: bytes, mode: int, dev: int) -> None:
        """Make a device, FIFO or regular file unless there is something of that name."""
        self.__quietly(do_mknodat, path, mode, dev)

    def symlink(self, target: bytes, path: bytes) -> None:
        """Make a symbolic link unless there is something of that name."""
        self.__quietly(do_symlinkat, target, path)

    def __quietly(self, function: Callable[..., None], *arguments: Any) -> None:
        try:
            function(self.boot_task(), *arguments)
        except SysError as error:
            if error.errno != EEXIST:
                raise

    # --- memory
    def reclaim(self, wanted: int) -> int:
        """Free up to `wanted` frames by dropping clean pages of the page cache; how many were freed."""
        done = 0
        for sb in list(self.supers):
            if done < wanted and isinstance(sb, TmpfsSuperblock):
                done += sb.shrink(wanted - done)
        return done

    def pages_in_memory(self) -> int:
        """Pages of files that nothing is behind but memory: tmpfs, memfd."""
        supers = [*self.supers, *self.internal.values()]
        return sum(len(inode.pages) for sb in supers for inode in sb.caches if inode.backing is None)

    def cached_frames(self) -> list[int]:
        """Every frame that a page cache refers to, for the invariant checks."""
        frames: list[int] = []
        for sb in [*self.supers, *self.internal.values()]:
            for inode in sb.caches:
                frames.extend(inode.pages.values())
        return frames
