"""The tree of all tasks of a run: who made whom, what it ran, how it ended. Gathered from events, shown at the end.

3 sh -c 'sleep 1 | cat'            exited with 0
├─ 4 sleep 1                       exited with 0
└─ 5 cat                           exited with 0
"""

from __future__ import annotations

from typing import Any

from forkernel.trace import structs
from forkernel.trace.memory import peek

WIDEST = 64
"""Where the endings stand at the latest; longer lines push theirs to the right."""
ARGUMENTS_SHOWN = 200
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-")


class Node:
    """One task that was."""

    __slots__ = ("children", "code", "end", "pid", "thread", "what")

    def __init__(self, pid: int, what: str, thread: bool) -> None:
        self.pid = pid
        self.what = what
        """Name, or the command line of the last program it ran."""
        self.thread = thread
        self.end = ""
        """How it ended; empty while it lives."""
        self.code = 0
        """Wait status."""
        self.children: list[Node] = []


class ProcessTree:
    """All tasks seen."""

    def __init__(self) -> None:
        self.roots: list[Node] = []
        self.alive: dict[Any, Node] = {}

    def forked(self, parent: Any, child: Any) -> None:
        """`parent` made `child`."""
        above = self.alive.get(parent)
        thread = child.tgid != child.pid
        node = Node(child.pid, above.what if above and not thread else _name(child), thread)
        self.alive[child] = node
        (above.children if above else self.roots).append(node)

    def execed(self, task: Any) -> None:
        """A new program."""
        node = self._node(task)
        node.pid = task.pid
        node.thread = False
        node.what = command_line(task)

    def exited(self, task: Any) -> None:
        """It is gone."""
        node = self._node(task)
        node.code = task.exit_code
        node.end = ending(task.exit_code)
        self.alive.pop(task, None)

    def _node(self, task: Any) -> Node:
        node = self.alive.get(task)
        if node is None:
            node = self.alive[task] = Node(task.pid, _name(task), task.tgid != task.pid)
            self.roots.append(node)
        return node

    def lines(self) -> list[str]:
        """The tree as text."""
        found: list[tuple[str, str]] = []
        for root in self.roots:
            _draw(root, "", "", found)
        width = min(max((len(text) for text, _ in found), default=0), WIDEST)
        return [f"{text:<{width}}  {end}" for text, end in found]

    def objects(self) -> list[dict[str, Any]]:
        """The tree as nested plain data."""
        return [_plain(root) for root in self.roots]


def ending(code: int) -> str:
    """A wait status in words."""
    if code & 0x7F:
        return f"killed by {structs.signal_name(code & 0x7F)}" + (" (core dumped)" if code & 0x80 else "")
    return f"exited with {code >> 8 & 0xFF}"


def arguments_of(task: Any) -> list[bytes]:
    """The arguments of the program a task runs, as far as they are shown; none where they cannot be read."""
    mm = task.mm
    data = peek(mm, mm.arg_start, min(mm.arg_end - mm.arg_start, ARGUMENTS_SHOWN)) if mm is not None else None
    return data.removesuffix(b"\0").split(b"\0") if data else []


def command_line(task: Any) -> str:
    """The same as one would type them."""
    words = [word.decode("utf-8", "replace") for word in arguments_of(task)]
    return " ".join(_shell_word(word) for word in words) or _name(task)


def _shell_word(word: str) -> str:
    if word and PLAIN.issuperset(word):
        return word
    shown = "".join(char if char.isprintable() else " " for char in word)
    return "'" + shown.replace("'", "'\\''") + "'"


def _name(task: Any) -> str:
    name: str = task.comm.decode("utf-8", "replace")
    return name


def _draw(node: Node, head: str, below: str, lines: list[tuple[str, str]]) -> None:
    what = f"{{{node.what}}}" if node.thread else node.what
    lines.append((f"{head}{node.pid} {what}", node.end or "still alive"))
    last = len(node.children) - 1
    for at, child in enumerate(node.children):
        branch, indent = ("└─ ", "   ") if at == last else ("├─ ", "│  ")
        _draw(child, below + branch, below + indent, lines)


def _plain(node: Node) -> dict[str, Any]:
    return {
        "pid": node.pid,
        "what": node.what,
        "thread": node.thread,
        "end": node.end or None,
        "children": [_plain(child) for child in node.children],
    }
