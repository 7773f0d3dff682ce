"""Command-line options of `run` and `trace`: a table, a parser that reads it, and the values checked.

The parser stops at `--` or at the first word that is no option: that is the program. A mistake is a
`UsageError`, one line that says what is wrong with what.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from forkernel.errors import UserError

MEMORY_MIN = 16 << 20
MEMORY_MAX = 64 << 30
DEFAULT_MEMORY = 512 << 20
UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


class UsageError(UserError):
    """A mistake in the options of sub-command `command` (None: of forkernel itself)."""

    def __init__(self, message: str, command: str | None) -> None:
        where = f"forkernel {command}" if command else "forkernel"
        super().__init__(f"{message} (see {where} --help)")


class Option(NamedTuple):
    """One option. Without a `metavar` it is a switch; `parse` makes the value, ValueError says what is wrong."""

    name: str
    metavar: str | None
    help: str
    parse: Callable[[str], Any] = str
    default: Any = None
    repeat: bool = False
    short: str = ""
    """Its one letter, for switches: -i -t, or -it."""

    @property
    def key(self) -> str:
        """Name in the result."""
        return self.name.lstrip("-").replace("-", "_")


def parse(command: str, options: tuple[Option, ...], words: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Values by option key, and the program with its arguments. UsageError."""
    table = {option.name: option for option in options}
    letters = {option.short: option for option in options if option.short}
    values: dict[str, Any] = {
        option.key: [] if option.repeat else (False if option.metavar is None else option.default) for option in options
    }
    at = 0
    while at < len(words):
        word = words[at]
        if word == "--":
            return values, words[at + 1 :]
        if not word.startswith("-") or word == "-":
            break
        if word[1] != "-" and all(letter in letters for letter in word[1:]):
            values.update((letters[letter].key, True) for letter in word[1:])
            at += 1
            continue
        name, equals, text = word.partition("=")
        option = table.get(name)
        if option is None:
            raise UsageError(f"unknown option {name}", command)
        if option.metavar is None:
            if equals:
                raise UsageError(f"{name} takes no value", command)
            values[option.key] = True
        else:
            if not equals:
                at += 1
                if at >= len(words):
                    raise UsageError(f"{name} needs {option.metavar}", command)
                text = words[at]
            try:
                value = option.parse(text)
            except ValueError as error:
                raise UsageError(f"{name} {text}: {error}", command) from None
            if option.repeat:
                values[option.key].append(value)
            else:
                values[option.key] = value
        at += 1
    return values, words[at:]


# --- values


def memory_size(text: str) -> int:
    """512M, 4G, 65536K or bytes."""
    number, unit = text, ""
    upper = text.upper().removesuffix("B").removesuffix("I")
    if upper and upper[-1] in "KMG":
        number, unit = upper[:-1], upper[-1]
    if not number.isascii() or not number.isdigit():
        raise ValueError("not a size such as 512M or 4G")
    size = int(number) * UNITS[unit]
    if not MEMORY_MIN <= size <= MEMORY_MAX:
        raise ValueError(f"must be between {MEMORY_MIN >> 20}M and {MEMORY_MAX >> 30}G")
    return size & ~4095


def whole(low: int, high: int) -> Callable[[str], int]:
    """A parser of whole numbers in a range."""

    def read(text: str) -> int:
        digits = text.removeprefix("-")
        if not digits.isascii() or not digits.isdigit():
            raise ValueError("not a whole number")
        value = int(text)
        if not low <= value <= high:
            raise ValueError(f"must be between {low} and {high}")
        return value

    return read


def seconds(text: str) -> float:
    """A length of time above zero."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError("not a number of seconds") from None
    if not 0 < value < 1e9:
        raise ValueError("must be above 0")
    return value


def choice(*words: str) -> Callable[[str], str]:
    """One of these words."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"must be {' or '.join(words)}")
        return text

    return read


def assignment(text: str) -> tuple[str, str]:
    """NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError("not of the form NAME=VALUE")
    return name, value


def bind(text: str) -> str:
    """HOST:GUEST or HOST:GUEST:rw."""
    import os

    body = text.removesuffix(":rw").removesuffix(":ro")
    host, colon, guest = body.rpartition(":")
    if not colon or not host:
        raise ValueError("not of the form HOST:GUEST[:rw]")
    if not guest.startswith("/"):
        raise ValueError(f"{guest or 'the place in the guest'} is not an absolute path")
    if not os.path.lexists(host):
        raise ValueError(f"{host} does not exist")
    return text


def root(text: str) -> str:
    """A directory or a tar archive that exists."""
    import os

    if not os.path.exists(text):
        raise ValueError("no such directory or archive")
    if not os.path.isdir(text) and not text.endswith((".tar", ".tar.gz", ".tgz", ".tar.xz", ".tar.bz2")):
        raise ValueError("neither a directory nor a .tar or .tar.gz archive")
    if not os.access(text, os.R_OK):
        raise ValueError("cannot be read")
    return text


def fail_point(text: str) -> str:
    """STEP[:N[:ERRNO]]."""
    from forkernel.kernel.failpoints import parse_failpoint

    parse_failpoint(text)
    return text


def stop_event(text: str) -> Any:
    """EVENT[:N][,NAME=VALUE]... as a kernel.stop_at.StopAt."""
    from forkernel.kernel.stop_at import parse_stop

    return parse_stop(text)


def new_file(text: str) -> str:
    """A file that can be written."""
    import os

    folder = os.path.dirname(text) or "."
    if os.path.isdir(text) or not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise ValueError("no file can be written there")
    return text


def event_groups(text: str) -> tuple[str, ...]:
    """A comma-separated list of what to trace."""
    from forkernel.trace.sink import GROUPS

    words = tuple(word for word in text.split(",") if word)
    for word in words:
        if word not in GROUPS:
            raise ValueError(f"{word} is none of {', '.join(GROUPS)}")
    if not words:
        raise ValueError(f"name some of {', '.join(GROUPS)}")
    return words


def story_kinds(text: str) -> tuple[str, ...]:
    """A comma-separated list of what to tell of."""
    from forkernel.trace.explain.stories import KINDS

    words = tuple(word for word in text.split(",") if word)
    for word in words:
        if word not in KINDS:
            raise ValueError(f"{word} is none of {', '.join(KINDS)}")
    if not words:
        raise ValueError(f"name some of {', '.join(KINDS)}")
    return words


def pid_list(text: str) -> tuple[int, ...]:
    """N[,N...]."""
    number = whole(0, 4_194_304)
    return tuple(number(word) for word in text.split(","))


def network(text: str) -> str:
    """none."""
    if text != "none":
        raise ValueError("there is no other network than none: the loopback device alone")
    return text


STOP_OPTIONS: tuple[Option, ...] = (
    Option("--stop-at", "EVENT[:N][,NAME=VALUE...]",
           "stop at an event of the kernel's, the Nth time that it is as said: "
           "sched_process_fork:3 or sys_enter,pid=5,call=execve", stop_event),
    Option("--snapshot", "FILE", "save the machine to FILE when the run ends or is stopped; see ps, inspect, resume",
           new_file),
)  # fmt: skip

MACHINE_OPTIONS: tuple[Option, ...] = (
    Option(
        "--root",
        "DIR|FILE.tar[.gz]",
        "the guest's root file system; never changed: what the guest writes stays in memory (default: /)",
        root,
        "/",
    ),
    Option(
        "--bind",
        "HOST:GUEST[:rw]",
        "show the host's file or directory HOST at GUEST: read-only (to write is EROFS), or with :rw really written",
        bind,
        repeat=True,
    ),
    Option("--memory", "SIZE", "RAM of the guest: 512M, 4G (default: 512M)", memory_size, DEFAULT_MEMORY),
    Option("--pids", "N", "at most N tasks at a time in the guest", whole(8, 4_194_304)),
    Option("--cpus", "N", "number of CPUs, 1 to 64 (default: 1)", whole(1, 64), 1),
    Option("--seed", "N", "seed of all randomness in the guest; the same seed is the same run (default: 0)",
           whole(0, (1 << 64) - 1), 0),
    Option("--net", "none", "the guest's network: a loopback device alone, nothing leaves the machine (default: none)",
           network, "none"),
    Option(
        "--clock",
        "virtual|real",
        "virtual: time passes with the guest's work and sleeps end at once; real: the host's time "
        "(default: virtual, real when standard input is a terminal)",
        choice("virtual", "real"),
    ),
    Option(
        "--interactive",
        None,
        "with -t: what is typed, or comes on standard input, is typed at the guest's terminal",
        short="i",
    ),
    Option(
        "--tty",
        None,
        "give the program a terminal, /dev/ttyS0, also where there is none here (default: -it, where standard input "
        "and output are terminals); ^] three times within a second ends the run",
        short="t",
    ),
    Option("--timeout", "SECONDS", "end the run after so many seconds of the host's time, with status 124", seconds),
    Option("--strict", None, "end the run at the first system call that is not implemented, with status 125"),
    Option(
        "--fail",
        "STEP[:N[:ERRNO]]",
        "make a step of fork or execve fail the Nth time (default 1) that a process comes to it, with its own errno or "
        "ERRNO: copy_mm:3, alloc_pid:1:EAGAIN",
        fail_point,
        repeat=True,
    ),
    Option("--no-mmu", None, "a machine without an MMU: no fork; static PIE programs share one flat address space"),
    Option(
        "--current",
        "percpu|stack",
        "how the kernel finds the current task: by a variable of the CPU, or by its stack pointer (default: percpu)",
        choice("percpu", "stack"),
        "percpu",
    ),
    *STOP_OPTIONS,
)  # fmt: skip

RUN_OPTIONS: tuple[Option, ...] = (
    *MACHINE_OPTIONS[:2],
    Option("--cwd", "DIR", "working directory in the guest (default: the current one if it is there, else /)"),
    Option(
        "--env",
        "NAME=VALUE",
        "set an environment variable (the rest is the host's with --root /, a small one otherwise)",
        assignment,
        repeat=True,
    ),
    Option("--clear-env", None, "start from an empty environment"),
    Option("--init", None, "run PROGRAM itself as process 1, without the built-in init"),
    Option("--check", None, "at the end, when every process is gone, check the machine and say what was not given back "
           "(status 125)"),
    *MACHINE_OPTIONS[2:],
)  # fmt: skip

BOOT_OPTIONS: tuple[Option, ...] = (
    *MACHINE_OPTIONS,
    Option("--restarts", "N", "boot again, at most N times, when the guest restarts the machine (default: 0)",
           whole(0, 1_000_000), 0),
)  # fmt: skip

TRACE_OPTIONS: tuple[Option, ...] = (
    *RUN_OPTIONS,
    Option("--output", "FILE", "write the trace to FILE instead of standard error"),
    Option("--format", "text|jsonl", "text as strace writes it, or one JSON object a line (default: text)",
           choice("text", "jsonl"), "text"),
    Option(
        "--events",
        "LIST",
        "what to trace, of: calls,signals,sends,faults,forks,execs,exits,waits,switches,wakeups,steps (steps: all "
        "that fork, exec, exit, wait and copy-on-write do on the way)",
        event_groups,
    ),
    Option("--faults", None, "trace page faults too"),
    Option("--times", None, "begin each line with the virtual time"),
)  # fmt: skip

EXPLAIN_OPTIONS: tuple[Option, ...] = (
    *RUN_OPTIONS,
    Option("--output", "FILE", "write to FILE instead of standard error"),
    Option("--markdown", "FILE", "write a page of Markdown to FILE, with every step and where it is in Linux"),
    Option("--lang", "en|zh", "language of the sentences (default: en)", choice("en", "zh"), "en"),
    Option("--only", "LIST", "what to tell of, of: fork,vfork,clone,thread,kthread,exec,exit,wait,cow (default: all)",
           story_kinds, ()),
    Option("--pid", "N[,N...]", "only what these processes do, or what is done to them", pid_list, ()),
    Option("--steps", None, "every step, with the name of Linux's function"),
    Option("--boot", None, "begin with the boot: how process 0 makes processes 1 and 2"),
)  # fmt: skip


class Command(NamedTuple):
    """A sub-command and what it takes."""

    name: str
    usage: str
    summary: str
    options: tuple[Option, ...]


COMMANDS: dict[str, Command] = {
    "run": Command(
        "run",
        "forkernel run [options] -- PROGRAM [ARGUMENT...]",
        "Run PROGRAM in a guest; exit as it exits.",
        RUN_OPTIONS,
    ),
    "boot": Command(
        "boot",
        "forkernel boot [options] [PARAMETER...] [-- ARGUMENT...]",
        "Boot a guest with its own init: init=PROGRAM, or /sbin/init, /etc/init, /bin/init, /bin/sh.",
        BOOT_OPTIONS,
    ),
    "trace": Command(
        "trace",
        "forkernel trace [options] -- PROGRAM [ARGUMENT...]",
        "The same, and write down what the kernel does, in strace's manner.",
        TRACE_OPTIONS,
    ),
    "explain": Command(
        "explain",
        "forkernel explain [options] -- PROGRAM [ARGUMENT...]",
        "The same, and tell in sentences what each fork, exec, exit and wait did.",
        EXPLAIN_OPTIONS,
    ),
    "ps": Command(
        "ps",
        "forkernel ps [options] FILE",
        "Show the processes in a snapshot.",
        (
            Option("--tree", None, "as a tree, process 0 at the top"),
            Option("--threads", None, "every thread"),
            Option("--json", None, "as JSON"),
        ),
    ),
    "inspect": Command(
        "inspect",
        "forkernel inspect [options] FILE [machine|tree|ps|frames|pids|slabs|task|vmas|pagetables|files|signals|all]",
        "Look into a snapshot: the machine, or the tasks in it.",
        (
            Option("--pid", "N", "of task N only (as the machine counts)", whole(0, 4_194_304)),
            Option("--json", None, "as JSON"),
        ),
    ),
    "resume": Command(
        "resume",
        "forkernel resume [options] FILE",
        "Go on with the run in a snapshot; exit as its program does.",
        (
            *STOP_OPTIONS,
            Option(
                "--timeout", "SECONDS", "end the run after so many seconds of the host's time, with status 124", seconds
            ),
            Option("--rw", None, "let it write to the host through the binds with :rw that it was started with"),
        ),
    ),
    "syscalls": Command(
        "syscalls",
        "forkernel syscalls [--markdown]",
        "List the system calls and how far each is supported.",
        (Option("--markdown", None, "as the page docs/syscalls.md"),),
    ),
}
