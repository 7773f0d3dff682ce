"""The end of a task: from do_exit to the moment nothing of it is left.

Life cycle: `do_exit` gives up the task's memory, files and places (`exit_mm`, `exit_files`, `exit_fs`), hands
its children on and tells the parent (`exit_notify`); the task stays a zombie until its parent waits, or is
gone at once where nobody wants to know; `release_task` takes away the last of it. `do_group_exit` ends all
threads of a process. `mm_release` is what exit and exec have in common: waking a vfork parent, clearing
clear_child_tid, and giving up robust futexes.

Everything here only changes state: the CPU moves on because the task is TASK_DEAD afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from forkernel.abi.errno import EFAULT
from forkernel.abi.signal import SIGCHLD
from forkernel.errors import KernelBug, SysError
from forkernel.kernel import futex, posix_timers, session, signal
from forkernel.kernel.cred import exit_creds
from forkernel.kernel.kstack import put_task_struct_rcu_user, task_pt_regs
from forkernel.kernel.nsproxy import switch_task_namespaces
from forkernel.kernel.pid import detach_pids
from forkernel.kernel.ptrace_stop import exit_ptrace, ptrace_exit_stop, ptrace_reparented, ptrace_unlink
from forkernel.kernel.task import (
    EXIT_DEAD,
    EXIT_ZOMBIE,
    PF_EXITING,
    SIGNAL_GROUP_EXIT,
    TASK_DEAD,
    SignalStruct,
    Task,
)
from forkernel.kernel.tasklist import unlink_task
from forkernel.namespace import init_user_ns

if TYPE_CHECKING:
    from forkernel.mm.mm_struct import MmStruct

ROBUST_LIST_LIMIT = 2048
FUTEX_WAITERS = 0x80000000
FUTEX_OWNER_DIED = 0x40000000
FUTEX_TID_MASK = 0x3FFFFFFF
M64 = (1 << 64) - 1


# --- entry points


def do_group_exit(task: Task, code: int) -> None:
    """End every thread of the process with wait status `code`, unless another thread said first with which."""
    if fire := task.system.trace.do_group_exit:
        fire(task, code)
    sig = task.signal
    if sig.flags & SIGNAL_GROUP_EXIT:
        code = sig.group_exit_code
    elif sig.group_exec_task is not None:
        code = 0
    elif len(sig.threads) > 1:
        sig.group_exit_code = code
        sig.flags = SIGNAL_GROUP_EXIT
        signal.zap_other_threads(task)
    do_exit(task, code)


def do_exit(task: Task, code: int) -> None:
    """End one thread, the current one, with wait status `code`; it is TASK_DEAD afterwards, or PID 1 of a
    PID namespace and waits for the others, or first stops for its tracer (PTRACE_EVENT_EXIT).
    """
    if task.flags & PF_EXITING:
        raise KernelBug(f"do_exit of {task!r}, which is exiting already")
    if fire := task.system.trace.do_exit:
        fire(task, code)
    synchronize_group_exit(task, code)
    if not task.ptrace or not ptrace_exit_stop(task, code):
        exit_now(task, code)


def exit_now(task: Task, code: int) -> None:
    """What do_exit does once nobody wants another look at the task."""
    system = task.system
    trace = system.trace
    signal.exit_signals(task)
    task.flags |= PF_EXITING
    if fire := trace.exit_signals:
        fire(task)
    group_dead = len(task.signal.threads) == 1 or is_group_dead(task.signal)
    if group_dead:
        if task.group_leader is system.child_reaper:
            system.init_died(task.signal.group_exit_code or code)
        posix_timers.exit_group_timers(task)
        if system.bacct:
            from forkernel.kernel.acct import acct_process

            acct_process(task, task.signal.group_exit_code or code)
    task.exit_code = code
    exit_mm(task, group_dead)
    if task.sysvsem is not None:
        exit_sem(task)
    if task.seccomp is not None:
        from forkernel.kernel.seccomp_notify import filter_released

        filter_released(task)
    exit_files(task)
    exit_fs(task)
    switch_task_namespaces(task, None)
    if group_dead and task.signal.leader:
        if task.signal.tty is not None or task.signal.tty_old_pgrp is not None:
            system.tty_jobctrl.disassociate_ctty(task, True)
    if fire := trace.sched_process_exit:
        fire(task)
    pid = task.group_leader.thread_pid
    if pid.nr == 1 and pid.level and group_dead:
        from forkernel.kernel.pid_namespace import zap_pid_ns_processes

        zap_pid_ns_processes(task)
        return
    finish_exit(task, group_dead)


def finish_exit(task: Task, group_dead: bool) -> None:
    """The end of do_exit; PID 1 of a PID namespace comes here when all others of it are gone."""
    if task.cgroup is not None:
        from forkernel.kernel.cgroup import cgroup_exit

        cgroup_exit(task)
    exit_notify(task, group_dead)
    if task.system.by_stack is not None:
        task_pt_regs(task)  # the stack stays with the zombie, and what is on it
    task.system.cpu.forget(task)
    task.state = TASK_DEAD


def synchronize_group_exit(task: Task, code: int) -> None:
    """The last live thread to leave makes its code the process's, if nobody set one."""
    sig = task.signal
    if len(sig.threads) == 1 or all(other is task or other.flags & PF_EXITING for other in sig.threads):
        if not sig.flags & SIGNAL_GROUP_EXIT:
            sig.flags = SIGNAL_GROUP_EXIT
            sig.group_exit_code = code
            sig.group_stop_count = 0


def is_group_dead(sig: SignalStruct) -> bool:
    """Whether no thread of the process is alive (Linux: signal->live is 0)."""
    return all(other.flags & PF_EXITING for other in sig.threads)


# --- giving up what the task holds


def exit_mm(task: Task, group_dead: bool) -> None:
    """Give up the address space; the last user frees it."""
    mm = task.mm
    if mm is None:
        return
    exit_mm_release(task, mm)
    if group_dead:
        setmax_mm_hiwater_rss(task.signal, mm)
    task.mm = None
    mm.mmput()
    if fire := task.system.trace.exit_mm:
        fire(task, mm)


def setmax_mm_hiwater_rss(sig: SignalStruct, mm: MmStruct) -> None:
    """Remember the largest resident set, in pages, for getrusage."""
    sig.maxrss = max(sig.maxrss, mm.update_hiwater())


def exit_mm_release(task: Task, mm: MmStruct) -> None:
    """mm_release for a task that ends."""
    mm_release(task, mm)


def exec_mm_release(task: Task, mm: MmStruct) -> None:
    """mm_release for a task that changes its program."""
    mm_release(task, mm)


def mm_release(task: Task, mm: MmStruct) -> None:
    """What a task owes to others in the address space it leaves (Linux: mm_release, futex_exit_release).

    Locks of its robust list become OWNER_DIED, clear_child_tid is zeroed and its waiter woken (only while
    others use the memory), and a parent in vfork goes on.
    """
    if task.robust_list:
        exit_robust_list(task, mm)
        if fire := task.system.trace.exit_robust_list:
            fire(task, task.robust_list)
        task.robust_list = 0
    if task in task.system.futexes.pi.owned:
        from forkernel.kernel.futex_pi import exit_pi_state_list

        exit_pi_state_list(task)
    if task.clear_child_tid:
        if mm.users > 1:
            clear_child_tid(task, mm)
        task.clear_child_tid = 0
    if task.vfork_done is not None:
        complete_vfork_done(task)


def clear_child_tid(task: Task, mm: MmStruct) -> None:
    """Write 0 for pthread_join and wake it; a bad address is nobody's business any more."""
    try:
        mm.write_u32(task.clear_child_tid, 0)
    except SysError:
        return
    futex.futex_wake_addr(task, task.clear_child_tid, 1)
    if fire := task.system.trace.clear_child_tid:
        fire(task, task.clear_child_tid)


def complete_vfork_done(task: Task) -> None:
    """Let the parent in vfork go on."""
    vfork, task.vfork_done = task.vfork_done, None
    if vfork is not None:
        if fire := task.system.trace.complete_vfork_done:
            fire(task)
        vfork.complete()


def exit_sem(task: Task) -> None:
    """Give up the semaphore undos; the last task that has the list carries them out."""
    from forkernel.kernel.sem import exit_sem

    exit_sem(task)
    if fire := task.system.trace.exit_sem:
        fire(task)


def exit_files(task: Task) -> None:
    """Give up the descriptor table; the last user closes everything."""
    files, task.files = task.files, None
    if files is not None:
        files.release(task)
        if fire := task.system.trace.exit_files:
            fire(task, files)


def exit_fs(task: Task) -> None:
    """Give up root and working directory."""
    fs, task.fs = task.fs, None
    if fs is not None:
        fs.release()
        if fire := task.system.trace.exit_fs:
            fire(task, fs)


# --- robust futexes


def exit_robust_list(task: Task, mm: MmStruct) -> None:
    """Walk the list of locks that the task holds and mark each OWNER_DIED (get_robust_list(2)).

    The list is the program's and may be broken, endless or cut off: the walk stops quietly at the first bad
    address or after 2048 entries.
    """
    head = task.robust_list
    try:
        entry = mm.read_u64(head)
        offset = mm.read_u64(head + 8)
        pending = mm.read_u64(head + 16)
    except SysError:
        return
    walk_robust_list(task, mm, head, entry, offset, pending & ~1)
    if pending & ~1:
        handle_futex_death(task, mm, (pending & ~1) + offset & M64, bool(pending & 1), True)


def walk_robust_list(task: Task, mm: MmStruct, head: int, entry: int, offset: int, pending: int) -> None:
    """All entries but the pending one, which may be on the list or not. Bit 0 of a pointer says: a PI futex."""
    for _ in range(ROBUST_LIST_LIMIT):
        here, is_pi = entry & ~1, bool(entry & 1)
        if here == head:
            return
        try:
            entry, broken = mm.read_u64(here), False
        except SysError:
            broken = True
        if here != pending and not handle_futex_death(task, mm, here + offset & M64, is_pi, False):
            return
        if broken:
            return


def handle_futex_death(task: Task, mm: MmStruct, addr: int, is_pi: bool, pending_op: bool) -> bool:
    """Mark the lock word at `addr` if the task owned it, and wake one waiter; False for a bad address."""
    if addr & 3:
        return False
    try:
        value = mm.read_u32(addr)
        owner = value & FUTEX_TID_MASK
        if pending_op and not is_pi and not owner:
            futex.futex_wake_addr(task, addr, 1)
            return True
        if owner != task.thread_pid.nr:
            return True
        mm.write_u32(addr, value & FUTEX_WAITERS | FUTEX_OWNER_DIED)
    except SysError as error:
        if error.errno != EFAULT:
            raise
        return False
    if not is_pi and value & FUTEX_WAITERS:
        futex.futex_wake_addr(task, addr, 1)
    return True


# --- telling the family


def exit_notify(task: Task, group_dead: bool) -> None:
    """Hand the children on, tell the parent, and become a zombie or, where nobody waits, nothing."""
    dead: list[Task] = []
    if task.children or task.ptraced:
        forget_original_parent(task, dead)
    if group_dead:
        session.kill_orphaned_pgrp(task.group_leader, None)
    task.exit_state = EXIT_ZOMBIE
    if task.ptrace:
        autoreap = signal.do_notify_parent(task, exit_signal_for_tracer(task))
    elif task.is_leader:
        autoreap = len(task.signal.threads) == 1 and signal.do_notify_parent(task, task.exit_signal)
    else:
        autoreap = True
        task.thread_pid.wake_pidfds()
    if fire := task.system.trace.exit_notify:
        fire(task, autoreap)
    if autoreap:
        task.exit_state = EXIT_DEAD
        dead.append(task)
    sig = task.signal
    if sig.notify_count < 0 and sig.group_exec_task is not None:
        task.system.sched.wake_up_process(sig.group_exec_task)
    for gone in dead:
        release_task(gone)


def exit_signal_for_tracer(task: Task) -> int:
    """The signal by which the tracer learns of the end: the parent's own where they are one, else SIGCHLD."""
    alone = task.is_leader and len(task.signal.threads) == 1
    return task.exit_signal if alone and not ptrace_reparented(task) else SIGCHLD


def forget_original_parent(father: Task, dead: list[Task]) -> None:
    """Give the children of `father` to another parent; those whose zombies nobody wants go to `dead`."""
    if father.ptraced:
        exit_ptrace(father, dead)
    if not father.children:
        return
    reaper = find_new_reaper(father)
    threaded = reaper.signal is father.signal
    trace = father.system.trace
    if fire := trace.find_new_reaper:
        fire(father, reaper)
    for child in list(father.children):
        for thread in child.signal.threads:
            thread.real_parent = reaper
            if not thread.ptrace:
                thread.parent = reaper
            if thread.pdeath_signal:
                signal.send_sig_info(thread.pdeath_signal, None, thread, True)
        if not threaded:
            reparent_leader(father, child, dead)
        reaper.children[child] = None
        if fire := trace.reparent:
            fire(child, father, reaper)
    father.children.clear()


def reparent_leader(father: Task, child: Task, dead: list[Task]) -> None:
    """The child changes families: it signals its end by SIGCHLD now, and its process group may be orphaned."""
    if child.exit_state == EXIT_DEAD:
        return
    child.exit_signal = SIGCHLD
    if not child.ptrace and child.exit_state == EXIT_ZOMBIE and len(child.signal.threads) == 1:
        if signal.do_notify_parent(child, child.exit_signal):
            child.exit_state = EXIT_DEAD
            dead.append(child)
    session.kill_orphaned_pgrp(child, father)


def find_new_reaper(father: Task) -> Task:
    """Another thread of the process, else the nearest subreaper among the ancestors, else PID 1; all of them in the
    PID namespace of `father`. A namespace's PID 1 takes orphans while it waits for the others at its end (`ZapWait`);
    when the machine's PID 1 is gone, process 0 does, until the machine stops.
    """
    thread = find_alive_thread(father.signal)
    if thread is not None:
        return thread
    init_task = father.system.init_task
    if father.signal.has_child_subreaper:
        reaper, level = father.real_parent, father.thread_pid.level
        while reaper is not init_task and reaper.thread_pid.level == level:
            if reaper.signal.is_child_subreaper:
                thread = find_alive_thread(reaper.signal)
                if thread is not None:
                    return thread
            reaper = reaper.real_parent
    init = father.thread_pid.ns.child_reaper
    if init is None:
        return init_task
    return find_alive_thread(init.signal) or (init if father.thread_pid.level else init_task)


def find_alive_thread(sig: SignalStruct) -> Task | None:
    """The first thread that is not exiting."""
    for thread in sig.threads:
        if not thread.flags & PF_EXITING:
            return thread
    return None


# --- the very end


def delay_group_leader(task: Task) -> bool:
    """Whether the task is a leader whose threads are not all gone: its death is not told yet."""
    return task.is_leader and len(task.signal.threads) > 1


def release_task(task: Task) -> None:
    """Take a dead task out of every list; its PID is free afterwards.

    The last thread to go may set free a leader that died before it: then the leader's parent is told, and
    the leader is released too if the parent does not care.
    """
    current: Task | None = task
    while current is not None:
        if fire := current.system.trace.sched_process_free:
            fire(current)
        leader = current.group_leader
        if current.ptrace:
            ptrace_unlink(current)
        current.system.account_dead(current)
        exit_signal_struct(current)
        unhash_process(current)
        if current.cgroup is not None:
            from forkernel.kernel.cgroup import cgroup_release

            cgroup_release(current)
        exit_creds(current)
        put_task_struct_rcu_user(current)
        if fire := current.system.trace.release_task:
            fire(current)
        following = None
        if leader is not current and leader.exit_state == EXIT_ZOMBIE and len(leader.signal.threads) == 1:
            if signal.do_notify_parent(leader, leader.exit_signal):
                leader.exit_state = EXIT_DEAD
                following = leader
        current = following


def exit_signal_struct(task: Task) -> None:
    """Leave the thread group: counts go to the group, execve learns of one thread less (Linux: __exit_signal)."""
    sig = task.signal
    if sig.notify_count > 0:
        sig.notify_count -= 1
        if sig.notify_count == 0 and sig.group_exec_task is not None:
            task.system.sched.wake_up_process(sig.group_exec_task)
    sig.utime += task.utime
    sig.stime += task.stime
    sig.min_flt += task.min_flt
    sig.maj_flt += task.maj_flt
    sig.nvcsw += task.nvcsw
    sig.nivcsw += task.nivcsw
    sig.rchar += task.rchar
    sig.syscr += task.syscr
    sig.wchar += task.wchar
    sig.syscw += task.syscw
    del sig.threads[task]
    signal.flush_pending(task.system, task.pending)
    if not sig.threads:
        signal.flush_pending(task.system, sig.shared_pending)
        sig.release()
    if task.cred.user_ns is not init_user_ns:
        task.cred.user_ns.put()
    task.sighand.release()


def unhash_process(task: Task) -> None:
    """Give the PID back and leave the family (Linux: __unhash_process)."""
    if task.is_leader:
        task.real_parent.children.pop(task, None)
    pid = task.thread_pid
    if pid.inode is not None:
        pid.inode.note_exit(task)
    detach_pids(task)
    unlink_task(task)
    pid.wake_pidfds()
