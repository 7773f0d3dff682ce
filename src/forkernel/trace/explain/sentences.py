"""A story in sentences: its title, and what a reader needs who never saw a kernel.

Sentences stand here in English; `forkernel/locale` has them in other languages.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from forkernel.abi.errno import NAMES
from forkernel.trace.explain.catalogue import N_, Catalogue
from forkernel.trace.explain.stories import (
    CloneStory,
    CowStory,
    ExecStory,
    ExitStory,
    Fault,
    Step,
    Story,
    VforkReturnStory,
    WaitStory,
    Who,
    Woken,
)
from forkernel.trace.structs import signal_name
from forkernel.trace.text import MESSAGES

WNOHANG = 1
ECHILD = 10
RESTARTS = range(512, 517)
"""A call that a signal interrupted leaves one of these."""
SHOWN = 6
"""Items of a list that are named before the rest is counted."""


KIND_NAMES = {
    "fork": N_("fork"),
    "vfork": N_("vfork"),
    "clone": N_("clone"),
    "thread": N_("thread"),
    "kthread": N_("kernel thread"),
    "exec": N_("exec"),
    "exit": N_("exit"),
    "wait": N_("wait"),
    "cow": N_("copy-on-write"),
}


Block = str | list["Part"]


ERRORS = (
    N_("Operation not permitted"),
    N_("No such file or directory"),
    N_("No such process"),
    N_("Input/output error"),
    N_("Argument list too long"),
    N_("Exec format error"),
    N_("No child processes"),
    N_("Resource temporarily unavailable"),
    N_("Cannot allocate memory"),
    N_("Permission denied"),
    N_("Bad address"),
    N_("File exists"),
    N_("Not a directory"),
    N_("Is a directory"),
    N_("Invalid argument"),
    N_("Too many open files"),
    N_("Text file busy"),
    N_("No space left on device"),
    N_("File name too long"),
    N_("Function not implemented"),
    N_("Too many levels of symbolic links"),
)
"""What fork, execve and wait may fail with, in the words of the C library; other errors stay in English."""


class Part(NamedTuple):
    """One row of copy_process's table."""

    part: str
    how: str
    what: str


class Narrator:
    """Puts stories into the sentences of one language."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.say = catalogue.say
        self.catalogue = catalogue

    # --- words

    def who(self, who: Who) -> str:
        """`process 3 (sh)` or `thread 5 of process 3`."""
        if who.pid != who.tgid:
            return self.say("thread {pid} of process {tgid}", pid=who.pid, tgid=who.tgid)
        return self.say("process {pid} ({comm})", pid=who.pid, comm=who.comm)

    def name(self, who: Who) -> str:
        """`Process 3` at the beginning of a sentence."""
        if who.pid != who.tgid:
            return self.say("Thread {pid}", pid=who.pid)
        return self.say("Process {pid}", pid=who.pid)

    def some(self, items: Iterable[object]) -> str:
        """A list, cut where it is long."""
        words = [str(item) for item in items]
        if len(words) <= SHOWN:
            return self.catalogue.series(words)
        return self.say("{words} and {n} more", words=words[:SHOWN], n=len(words) - SHOWN)

    def error(self, errno: int) -> str:
        """`ENOENT (No such file or directory)`."""
        message = MESSAGES.get(errno, "?")
        name = NAMES.get(errno, errno)
        return self.say("{name} ({words})", name=name, words=self.say(message) if message in ERRORS else message)

    def woken(self, woken: list[Woken]) -> list[str]:
        """Who was woken, and what they had slept in."""
        lines = []
        for who, call in dict.fromkeys(woken):
            if call:
                lines.append(self.say("That wakes {who}, asleep in {call}.", who=self.who(who), call=call))
            else:
                lines.append(self.say("That wakes {who}.", who=self.who(who)))
        return lines

    # --- all kinds

    def kind(self, story: Story) -> str:
        """The word before the title."""
        return self.say(KIND_NAMES[story.kind])

    def title(self, story: Story) -> str:
        """One line: who did what."""
        titles = {
            CloneStory: self.clone_title,
            VforkReturnStory: self.vfork_title,
            ExecStory: self.exec_title,
            ExitStory: self.exit_title,
            WaitStory: self.wait_title,
            CowStory: self.cow_title,
        }
        text: str = titles[type(story)](story)  # type: ignore[operator]
        return text

    def tell(self, story: Story) -> list[Block]:
        """Paragraphs, and for copy_process a table."""
        tellers = {
            CloneStory: self.clone,
            VforkReturnStory: self.vfork_return,
            ExecStory: self.exec,
            ExitStory: self.exit,
            WaitStory: self.wait,
            CowStory: self.cow,
        }
        told: list[Block] = tellers[type(story)](story)  # type: ignore[operator]
        return [part for part in told if part]

    # --- fork, vfork, clone

    def clone_title(self, story: CloneStory) -> str:
        """Who makes whom."""
        who = self.who(story.who)
        if story.child is None:
            return self.say("{who} makes no child", who=who)
        if story.kind == "thread":
            return self.say("{who} makes thread {child}", who=who, child=story.child.pid)
        if story.kind == "kthread":
            kthread = self.say("kernel thread {child} ({comm})", child=story.child.pid, comm=story.child.comm)
            return self.say("{who} makes {kthread}", who=who, kthread=kthread)
        return self.say("{who} makes process {child}", who=who, child=story.child.pid)

    def clone(self, story: CloneStory) -> list[Block]:
        """What was asked for, what became of each part, how both go on."""
        asked = self.clone_asked(story)
        if story.errno:
            return [asked, self.clone_failed(story)]
        end = self.sentences([self.identity(story), *self.tids(story), self.clone_end(story)])
        return [asked, self.parts(story), end]

    def clone_asked(self, story: CloneStory) -> str:
        """The call, and what its flags mean."""
        step = story.find("clone_check")
        flags = step.values["flags"] if step is not None else "?"
        call = f"{story.call}({flags})" if story.call.startswith("clone") else f"{story.call}()"
        pid = story.who.pid
        if story.kind == "kthread":
            return self.say(
                "The kernel makes a task for itself (kernel_thread): it runs in the kernel only and needs "
                "no user memory."
            )
        if story.kind == "thread":
            return self.say(
                "Task {pid} calls {call}. The flags ask for a thread: a task of the same process, with the "
                "same memory, "
                "files and handlers.",
                pid=pid,
                call=call,
            )
        if story.kind == "vfork":
            return self.say(
                "Process {pid} calls {call}. The child is to borrow its memory, and it will sleep until the "
                "child gives "
                "it back.",
                pid=pid,
                call=call,
            )
        if story.kind == "fork":
            return self.say("Process {pid} calls {call}. The child is to be a copy of it.", pid=pid, call=call)
        return self.say(
            "Process {pid} calls {call}. The flags say what the child shares; the rest is copied.", pid=pid, call=call
        )

    def clone_failed(self, story: CloneStory) -> str:
        """Why there is no child."""
        error = self.error(story.errno)
        if story.failed_after in ("", "ptrace_event_chosen"):
            return self.say("The call is refused with {error}; nothing was made.", error=error)
        return self.say(
            "copy_process came as far as {step}, and then failed with {error}. What was made so far is given back.",
            step=story.failed_after,
            error=error,
        )

    def parts(self, story: CloneStory) -> list[Part]:
        """The table of what copy_process copied and shared."""
        rows = []
        for step in story.steps:
            teller = getattr(self, f"part_{step.name}", None)
            if teller is not None:
                rows.append(teller(step))
        return [row for row in rows if row is not None]

    def how(self, step: Step) -> str:
        """One word for a part."""
        if step.variant == "shared":
            return self.say("shared")
        if step.variant == "none":
            return self.say("none")
        return self.say("new") if step.variant == "new" else self.say("copied")

    def part_copy_mm(self, step: Step) -> Part:
        """Memory."""
        values, part = step.values, self.say("memory")
        if step.variant == "none":
            return Part(part, self.how(step), self.say("a kernel thread needs none"))
        if step.variant == "shared":
            return Part(
                part,
                self.how(step),
                self.say("{areas}, {pages} in RAM, now used by {users}", **values),
            )
        what = self.say(
            "{areas}, {pages} in RAM: none is copied yet, and the {tables} below the top one serve both, read-only, "
            "until one of the two writes",
            **values,
        )
        return Part(part, self.say("on write"), what)

    def part_copy_files(self, step: Step) -> Part:
        """Descriptors."""
        part = self.say("descriptors")
        if step.variant == "none":
            return Part(part, self.how(step), "")
        if step.variant == "shared":
            return Part(part, self.how(step), self.say("one table with {fds}, now used by {users}", **step.values))
        return Part(
            part, self.how(step), self.say("{fds}; the open files behind them are the same for both", **step.values)
        )

    def part_copy_fs(self, step: Step) -> Part:
        """Directory."""
        what = self.say("{pwd}, umask {umask}", **step.values) if step.values else ""
        return Part(self.say("directory"), self.how(step), what)

    def part_copy_sighand(self, step: Step) -> Part:
        """Handlers."""
        part = self.say("handlers")
        if step.variant == "cleared":
            return Part(part, self.say("cleared"), self.say("CLONE_CLEAR_SIGHAND: all signals at their default"))
        if not step.values["handlers"]:
            return Part(part, self.how(step), self.say("none of the program's own"))
        return Part(part, self.how(step), self.say("{handlers} of the program's own", **step.values))

    def part_copy_signal(self, step: Step) -> Part:
        """What makes a process."""
        part = self.say("process")
        if step.variant == "shared":
            return Part(part, self.how(step), self.say("the same process {tgid}", **step.values))
        return Part(part, self.how(step), self.say("nothing pending; limits, group, session, terminal as the caller"))

    def part_copy_creds(self, step: Step) -> Part | None:
        """User, where it is not simply the same."""
        if step.variant == "shared":
            return None
        return Part(self.say("user"), self.how(step), self.say("user {uid}, group {gid}", **step.values))

    def part_copy_namespaces(self, step: Step) -> Part | None:
        """Namespaces, where there is a new one."""
        if step.variant != "new":
            return None
        return Part(self.say("namespaces"), self.how(step), step.values["namespaces"])

    def part_copy_thread(self, step: Step) -> Part | None:
        """Registers."""
        texts = {
            "same": self.say("the same, but the call's result in the child is 0"),
            "same_tls": self.say("the same, but the call's result in the child is 0; its own TLS"),
            "stack": self.say("the same, but the call's result in the child is 0; its own stack"),
            "stack_tls": self.say("the same, but the call's result in the child is 0; its own stack and TLS"),
        }
        if step.variant not in texts:
            return None
        return Part(self.say("registers"), self.say("copied"), texts[step.variant])

    def identity(self, story: CloneStory) -> str:
        """The child's number and family."""
        child = story.child
        if child is None:
            return ""
        if story.kind == "thread":
            return self.say(
                "It gets the number {child}, and belongs to process {tgid}.", child=child.pid, tgid=child.tgid
            )
        text = self.say(
            "It gets PID {child}; its parent is {parent}, its group {pgrp}, its session {session}.",
            child=child.pid,
            parent=story.parent,
            pgrp=story.pgrp,
            session=story.session,
        )
        if story.inner:
            inner = self.say("In its own PID namespace it is number {number}.", number=story.inner[-1])
            return self.sentences([text, inner])
        return text

    def tids(self, story: CloneStory) -> list[str]:
        """Where its number is written."""
        lines = []
        for step in story.steps:
            if step.name == "pidfd_prepare":
                lines.append(self.say("Descriptor {fd} of the caller stands for it: a pidfd.", **step.values))
            elif step.name == "parent_settid":
                lines.append(self.say("The number is written to the caller's memory at {addr}.", **step.values))
            elif step.name == "child_settid" and story.kind != "fork":
                lines.append(self.say("The number is written to the child's memory at {addr}.", **step.values))
        return lines

    def clone_end(self, story: CloneStory) -> str:
        """How both go on."""
        if story.child is None:
            return ""
        pid, child = story.who.pid, story.child.pid
        if story.sleeps:
            return self.say(
                "Task {child} is ready to run. Process {pid} sleeps until it calls execve or ends.",
                child=child,
                pid=pid,
            )
        if story.kind == "kthread":
            return self.say("Task {child} is ready to run.", child=child)
        return self.say(
            "Task {child} is ready to run. {pid} goes on at once: its call returns {child}.", child=child, pid=pid
        )

    def vfork_title(self, story: VforkReturnStory) -> str:
        """Who goes on."""
        return self.say("{who} goes on after vfork", who=self.who(story.who))

    def vfork_return(self, story: VforkReturnStory) -> list[Block]:
        """Why, and after how long."""
        values = {"pid": story.who.pid, "child": story.child, "time": duration(story.ended - story.began)}
        if story.reason == "exec":
            return [
                self.say(
                    "Process {child} has a program and memory of its own now. So {pid}, which slept for "
                    "{time}, has its "
                    "memory for itself again, and its call returns {child}.",
                    **values,
                )
            ]
        if story.reason == "exit":
            return [
                self.say(
                    "Process {child} has ended. So {pid}, which slept for {time}, has its memory for itself again, and "
                    "its call returns {child}.",
                    **values,
                )
            ]
        return [self.say("A signal ends its sleep after {time}; {child} keeps the memory.", **values)]

    # --- execve

    def exec_title(self, story: ExecStory) -> str:
        """Who becomes what."""
        if story.errno:
            return self.say("{who} cannot run {filename}", who=self.who(story.who), filename=story.filename)
        return self.say("{who} becomes {filename}", who=self.who(story.who), filename=story.filename)

    def exec(self, story: ExecStory) -> list[Block]:
        """What was loaded, what went, what stayed."""
        lines: list[Block] = [self.exec_asked(story), self.exec_missed(story)]
        for step in story.steps:
            lines.append(self.exec_step(story, step))
        if story.errno:
            lines.append(self.exec_failed(story))
        elif story.done:
            lines += [self.exec_memory(story), *self.woken(story.woken), self.exec_kept(story), self.exec_end(story)]
        return lines

    def exec_asked(self, story: ExecStory) -> str:
        """The call and its strings."""
        strings = story.find("copy_strings")
        pid = story.who.pid
        if strings is None:
            return self.say("Task {pid} calls execve for {filename}.", pid=pid, filename=story.filename)
        if not story.call:
            return self.say(
                "The kernel has its own thread {pid} run {filename}, with {arguments} and {variables}.",
                pid=pid,
                filename=story.filename,
                **strings.values,
            )
        return self.say(
            "Task {pid} calls {call} for {filename}, with {arguments} and {variables}.",
            pid=pid,
            call=story.call,
            filename=story.filename,
            **strings.values,
        )

    def exec_missed(self, story: ExecStory) -> str:
        """Where it was looked for before."""
        if not story.missed:
            return ""
        return self.say("Tried before, and not there: {list}.", list=self.some(story.missed))

    def exec_step(self, story: ExecStory, step: Step) -> str:
        """The steps that are not a matter of course."""
        if step.name == "load_script":
            return self.say(
                "The file is a script: its first line names {interpreter}, which is run with the script as "
                "its argument.",
                **step.values,
            )
        if step.name == "bprm_creds" and step.variant == "secure":
            return self.say("The file gives privileges: the program runs as user {euid} for user {uid}.", **step.values)
        if step.name == "de_thread" and step.variant == "killed":
            return self.say("A program begins with one thread: {others} must end first.", **step.values)
        if step.name == "unshare_files":
            return self.say("The descriptor table was shared; now it has a copy of its own.")
        return ""

    def exec_failed(self, story: ExecStory) -> str:
        """Why not."""
        error = self.error(story.errno)
        if story.fatal:
            return self.say(
                "It fails with {error} when the old program is gone already: the process is killed.", error=error
            )
        if story.first:
            return self.say("It fails with {error}; there is no program to go on with.", error=error)
        return self.say("It fails with {error}; the old program goes on.", error=error)

    def exec_memory(self, story: ExecStory) -> str:
        """What became of the old memory."""
        new, old = story.new, story.old
        step = story.find("exec_mmap")
        if new is None:
            return ""
        if old is None or step is None or step.variant == "first":
            return self.say("It gets a new address space: {areas}, and {pages} in RAM so far.", **new._asdict())
        values = {**new._asdict(), "old_areas": old.areas, "old_pages": old.pages, "users": step.values["users"]}
        if step.variant == "shared":
            return self.say(
                "It gets a new address space: {areas}, and {pages} in RAM so far. The old one is kept: "
                "still used by {users}.",
                **values,
            )
        return self.say(
            "Its old address space ({old_areas}, {old_pages}) is freed, and a new one takes its place: "
            "{areas}, and {pages} "
            "in RAM so far.",
            **values,
        )

    def exec_kept(self, story: ExecStory) -> str:
        """Descriptors and handlers."""
        closed, reset = story.find("close_on_exec"), story.find("flush_signal_handlers")
        parts = []
        if closed is not None and closed.values["closed"]:
            parts.append(
                self.say(
                    "Marked close-on-exec and so closed: descriptors {closed}. Still open: {fds}.",
                    closed=self.some(closed.values["closed"]),
                    fds=story.descriptors,
                )
            )
        else:
            parts.append(self.say("Files stay open: {fds}.", fds=story.descriptors))
        if reset is not None and reset.values["signals"]:
            parts.append(
                self.say(
                    "Handlers were functions of the old program, so these signals have their default again: {signals}.",
                    signals=self.some(reset.values["signals"]),
                )
            )
        return self.sentences(parts)

    def exec_end(self, story: ExecStory) -> str:
        """What it is now."""
        start = story.find("start_thread")
        values = {"comm": story.comm, "pid": story.who.pid, "old": story.old_pid}
        entry = start.values["entry"] if start is not None else "?"
        if story.old_pid != story.who.pid:
            return self.say(
                "The thread {old} takes the PID {pid} of the process, is called {comm} now, and starts at {entry}.",
                entry=entry,
                **values,
            )
        return self.say("It keeps its PID {pid}, is called {comm} now, and starts at {entry}.", entry=entry, **values)

    # --- exit

    def exit_title(self, story: ExitStory) -> str:
        """Who ends, and how."""
        who = self.who(story.who)
        if story.thread:
            return self.say("{who} ends", who=who)
        if story.code & 0x7F:
            return self.say("{who} is killed by {signal}", who=who, signal=signal_name(story.code & 0x7F))
        return self.say("{who} ends with status {status}", who=who, status=story.code >> 8 & 0xFF)

    def exit(self, story: ExitStory) -> list[Block]:
        """Why, what is given back, who is told, what is left."""
        lines: list[Block] = [self.exit_asked(story), self.exit_memory(story)]
        for step in story.steps:
            lines.append(self.exit_step(step))
        lines += [*self.orphans(story), self.exit_told(story), *self.woken(story.woken), self.exit_left(story)]
        return lines

    def exit_asked(self, story: ExitStory) -> str:
        """What ends it."""
        name, status = self.name(story.who), story.code >> 8 & 0xFF
        group = story.find("do_group_exit")
        if story.code & 0x7F:
            text = self.say("{name} ends because of {signal}.", name=name, signal=signal_name(story.code & 0x7F))
        elif story.call:
            text = self.say("{name} calls {call}({status}).", name=name, call=story.call, status=status)
        else:
            text = self.say("{name} ends.", name=name)
        if group is not None and group.variant == "threads":
            text = self.sentences([text, self.say("Killed with it: {others}.", **group.values)])
        return text

    def exit_memory(self, story: ExitStory) -> str:
        """Memory and files."""
        memory, files, mm = story.memory, story.find("exit_files"), story.find("exit_mm")
        parts = []
        if memory is not None and mm is not None:
            if mm.variant == "last":
                parts.append(self.say("Its memory ({areas}, {pages}) is given back.", **memory._asdict()))
            else:
                parts.append(self.say("Its memory stays: still used by {users}.", **mm.values))
        if files is not None:
            if files.variant == "last":
                parts.append(self.say("Its descriptors are closed."))
            else:
                parts.append(self.say("Its descriptors stay: still used by {users}.", **files.values))
        return self.sentences(parts)

    def exit_step(self, step: Step) -> str:
        """What others waited for."""
        if step.name == "clear_child_tid":
            return self.say("The word at {addr} becomes 0, which pthread_join waits for.", **step.values)
        if step.name == "complete_vfork_done":
            return self.say("It had borrowed its memory by vfork: the parent has it back.")
        return ""

    def orphans(self, story: ExitStory) -> list[str]:
        """Its children's new parent."""
        if not story.orphans:
            return []
        reaper = story.orphans[0][1]
        children = self.some(child for child, _ in story.orphans)
        return [
            self.say(
                "It leaves children behind: {list}. Their parent is {reaper} from now on.",
                list=children,
                reaper=self.who(reaper),
            )
        ]

    def exit_told(self, story: ExitStory) -> str:
        """What the parent hears."""
        if story.thread or story.parent is None or not story.signal:
            return ""
        values = {"signal": signal_name(story.signal), "parent": self.who(story.parent)}
        if story.signal_ignored:
            return self.say(
                "{signal} is sent to its parent, {parent}, which takes no notice: it has no handler.", **values
            )
        return self.say("{signal} is sent to its parent, {parent}.", **values)

    def exit_left(self, story: ExitStory) -> str:
        """Zombie or nothing."""
        if story.zombie and story.thread:
            return self.say("It led the process: its number stays until the last thread has ended.")
        if story.zombie:
            return self.say(
                "It is a zombie now: no memory, no files, only its PID and its status, until the parent waits for it."
            )
        if story.thread or story.who.pid != story.who.tgid:
            return self.say("Nobody waits for a thread: number {pid} is free again.", pid=story.who.pid)
        if story.who.pid in story.released:
            return self.say("Its parent does not want to know: there is no zombie, PID {pid} is free at once.",
                            pid=story.who.pid)  # fmt: skip
        return ""

    # --- wait

    def wait_title(self, story: WaitStory) -> str:
        """Who finds what."""
        who = self.who(story.who)
        if story.found is not None and story.reaped:
            return self.say("{who} reaps process {child}", who=who, child=story.found.pid)
        if story.found is not None:
            return self.say("{who} looks at zombie {child}", who=who, child=story.found.pid)
        if story.result is None:
            return self.say("{who} does not come back from a wait", who=who)
        if story.result == -ECHILD:
            return self.say("{who} has no child to wait for", who=who)
        if news := news_of(story):
            return self.say("{who} hears of process {child}", who=who, child=news)
        return self.say("{who} waits without a result", who=who)

    def wait(self, story: WaitStory) -> list[Block]:
        """For whom, how long, and what came of it."""
        return [self.wait_asked(story), self.wait_slept(story), self.wait_end(story)]

    def wait_asked(self, story: WaitStory) -> str:
        """The call."""
        pid, call = story.who.pid, story.call
        if not call:
            return self.say("Process {pid} looks after its dead children, as it does whenever one ends.", pid=pid)
        if story.target == "pid":
            text = self.say(
                "Process {pid} calls {call} for its child {number}.", pid=pid, call=call, number=story.number
            )
        elif story.target == "group":
            text = self.say("Process {pid} calls {call} for any child of one process group.", pid=pid, call=call)
        elif story.target == "pidfd":
            text = self.say("Process {pid} calls {call} for the child of a pidfd.", pid=pid, call=call)
        else:
            text = self.say("Process {pid} calls {call} for any child.", pid=pid, call=call)
        if story.options & WNOHANG:
            text = self.sentences([text, self.say("It will not sleep (WNOHANG).")])
        return text

    def wait_slept(self, story: WaitStory) -> str:
        """How long."""
        slept = [end - start for start, end in story.sleeps if end]
        if not slept:
            return ""
        return self.say(
            "No child had news, so it slept {times} on wait_chldexit, for {time} in all.",
            times=len(slept),
            time=duration(sum(slept)),
        )

    def wait_end(self, story: WaitStory) -> str:
        """What it found."""
        if story.found is not None:
            ending = self.ending(story.status)
            values = {"child": story.found.pid, "comm": story.found.comm, "ending": ending}
            if story.reaped:
                return self.say(
                    "Child {child} ({comm}) is a zombie: {ending}. Its status and times are taken, the last "
                    "of it is freed "
                    "(release_task), and PID {child} may be used again.",
                    **values,
                )
            return self.say("Child {child} ({comm}) is a zombie: {ending}. It stays one (WNOWAIT).", **values)
        if story.result is None:
            return self.say(
                "No child had news as long as it was there: it sleeps on wait_chldexit, or was killed there."
            )
        if story.result == -ECHILD:
            return self.say("There is no such child: ECHILD.")
        if news := news_of(story):
            return self.say("Child {child} was stopped or continued; it lives.", child=news)
        if story.result == 0:
            alive = self.some(child.pid for child in story.considered if child.verdict != "other")
            return self.say("Still alive: {alive}. The call returns 0.", alive=alive)
        if -story.result in RESTARTS or story.result == -4:
            return self.say("A signal interrupts the call.")
        return self.say("The call fails with {error}.", error=self.error(-story.result))

    def ending(self, status: int) -> str:
        """A wait status in words."""
        if status & 0x7F:
            return self.say("killed by {signal}", signal=signal_name(status & 0x7F))
        return self.say("it ended with status {status}", status=status >> 8 & 0xFF)

    # --- copy-on-write

    def cow_title(self, story: CowStory) -> str:
        """How many faults; or, for munmap and mprotect of what is shared, how many tables."""
        if not story.faults:
            return self.say("{who} changes shared page tables: {tables}", who=self.who(story.who),
                            tables=len(story.tables))  # fmt: skip
        return self.say("{who} writes to shared pages: {faults}", who=self.who(story.who), faults=len(story.faults))

    def cow(self, story: CowStory) -> list[Block]:
        """Tables, then pages by what became of them."""
        lines: list[Block] = [self.cow_tables(story)]
        for how in ("copied", "file", "zero", "reused"):
            faults = [fault for fault in story.faults if fault.how == how]
            if faults:
                lines.append(self.cow_pages(how, faults))
        return lines

    def cow_tables(self, story: CowStory) -> str:
        """Tables of its own."""
        if not story.tables:
            return ""
        levels = []
        for level in (3, 2, 1):
            count = sum(table.level == level for table in story.tables)
            if count:
                levels.append(self.say("{count} of level {level}", count=count, level=level))
        return self.say(
            "On the way down to a page, the page tables still shared are copied first: {levels}.", levels=levels
        )

    def cow_pages(self, how: str, faults: list[Fault]) -> str:
        """Where the pages lie, and who else had them."""
        values = {"pages": len({fault.page for fault in faults}), "where": self.where(faults)}
        if how == "copied":
            others = sorted({other for fault in faults for other in fault.others})
            if others:
                return self.say("Copied, for process {others} still uses the old frames: {pages} ({where}).",
                                others=self.some(others), **values)  # fmt: skip
            return self.say("Copied, for the old frames are still in use: {pages} ({where}).", **values)
        if how == "file":
            return self.say("Copied from the file's own page in the page cache: {pages} ({where}).", **values)
        if how == "zero":
            return self.say("Given a frame of their own instead of the one page of zeros: {pages} ({where}).", **values)
        return self.say("Used alone by now, so made writable without a copy: {pages} ({where}).", **values)

    def where(self, faults: list[Fault]) -> str:
        """`[stack] 0x7ff..., libc.so.6 5`."""
        areas: dict[str, list[int]] = {}
        for fault in faults:
            areas.setdefault(fault.area or self.say("memory without a name"), []).append(fault.page)
        shown = []
        for area, pages in areas.items():
            if len(faults) <= 3:
                shown.append(f"{area} {self.catalogue.series(f'{page:#x}' for page in dict.fromkeys(pages))}")
            else:
                shown.append(f"{area}: {len(set(pages))}")
        return self.catalogue.series(shown)

    def sentences(self, parts: list[str]) -> str:
        """Sentences one after the other, as the language does it."""
        text = ""
        for part in parts:
            text = self.say("{first} {second}", first=text, second=part) if text and part else text or part
        return text


def news_of(story: WaitStory) -> int:
    """The child that a wait call told of without reaping it, 0 for none: waitid does not return its number."""
    if story.result:
        return max(story.result, 0)
    return next((child.pid for child in story.considered if child.verdict in ("stopped", "continued")), 0)


def duration(nanoseconds: int) -> str:
    """Virtual time with a unit."""
    for unit, size in (("s", 10**9), ("ms", 10**6), ("µs", 10**3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.4g} {unit}"
    return f"{nanoseconds} ns"
