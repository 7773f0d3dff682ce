"""A machine in a file: written by `save`, read by `load`.

The file is a line that says what it is, a line of facts as JSON (format, version, length, checksum), and a pickle.
Reading a pickle from somebody else is dangerous: an ordinary one can call any function. `Reader` admits the
kernel's own classes and a few of Python's, makes objects of them and fills in their fields, and calls nothing
but a handful of constructors that do no harm. So a file can be looked at whoever made it; it is data. To *run on* from
it is another thing: the machine in it does what its programs do, with the binds it was given.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import sys
import types
import zlib
from array import array
from collections import deque
from functools import cache
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Annotated, Any, ClassVar

from forkernel.errors import UserError

MAGIC = b"forkernel snapshot\n"
FORMAT = 1
HEADER_MAX = 4096

ROOMS = (
    "abi", "arch", "fs", "init", "kernel", "mm", "net", "trace", "tty", "syscalls", "wait", "mapping", "namespace",
    "errors",
)  # fmt: skip
"""Packages and modules whose classes make up a machine."""
MODULES = ("forkernel.hw.frames", "forkernel.hw.ram", "forkernel.hw.scripted")
NAMES = {("forkernel.api", "Process"), ("forkernel.api", "Status")}
REFUSED = ("forkernel.trace.output", "forkernel.init.snapshot", "forkernel.init.boot.start_kernel")
WRITER = "forkernel.fs.bindfs"
"""The file system that writes to the host."""
PYTHON: dict[tuple[str, str], Any] = {
    ("builtins", name): kind
    for name, kind in (("int", int), ("bytes", bytes), ("str", str), ("bytearray", bytearray), ("set", set),
                       ("frozenset", frozenset), ("object", object), ("range", range), ("slice", slice),
                       ("complex", complex), ("bool", bool), ("float", float), ("tuple", tuple), ("list", list),
                       ("dict", dict))
}  # fmt: skip
SAFE_CALLS = (bytearray, set, frozenset, range, slice, complex, deque, Random)


def save(path: str, state: Any, about: dict[str, Any]) -> None:
    """Write `state` to a file, all or nothing. `about`: facts for whoever looks at the file, its `version`
    among them. UserError.
    """
    blob = pickle.dumps(state, pickle.HIGHEST_PROTOCOL)
    facts = {"format": FORMAT, "build": build(), **about, "length": len(blob), "crc32": zlib.crc32(blob)}
    scratch = f"{path}.{os.getpid()}.part"
    try:
        try:
            with Path(scratch).open("wb") as file:
                file.write(MAGIC + json.dumps(facts).encode() + b"\n" + blob)
            Path(scratch).replace(path)
        except OSError:
            Path(scratch).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None


@cache
def build() -> int:
    """A checksum of our own source: objects of another state of it are not to be taken for ours."""
    found = 0
    top = Path(__file__).resolve().parent.parent
    for file in sorted(top.rglob("*.py")):
        found = zlib.crc32(file.read_bytes(), found)
    return found


def read(path: str, version: str) -> tuple[dict[str, Any], bytes]:
    """The facts and the pickle of a file, checked but not looked into; UserError says what is wrong with it."""
    try:
        with Path(path).open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise UserError(f"{path}: not a snapshot of forkernel")
            facts = _facts(path, file.readline(HEADER_MAX), version)
            blob = file.read()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror or error}") from None
    if len(blob) != facts.get("length") or zlib.crc32(blob) != facts.get("crc32"):
        raise UserError(f"{path}: damaged, its contents are not what was written")
    return facts, blob


def _facts(path: str, line: bytes, here: str) -> dict[str, Any]:
    """The second line, parsed; UserError for another format or another version than `here`."""
    try:
        facts = json.loads(line)
        form, version, made_by = facts["format"], facts["version"], facts["build"]
    except (ValueError, TypeError, KeyError):
        raise UserError(f"{path}: damaged, its header cannot be read") from None
    if form != FORMAT or version != here:
        raise UserError(f"{path}: made by forkernel {version} (format {form}), this is {here} (format {FORMAT})")
    if made_by != build():
        raise UserError(f"{path}: made by another build of forkernel {here}, whose objects may differ")
    return dict(facts)


def load(path: str, version: str, *, writable_binds: bool = False) -> Any:
    """The state that `save` wrote. UserError for a file that is none, one that refers to what no machine has, and,
    without `writable_binds`, one of a machine that may write to the host's files.
    """
    _, blob = read(path, version)
    try:
        return Reader(io.BytesIO(blob), writable_binds).load()
    except WritableBind:
        raise UserError(
            f"{path}: its programs may write to the host (a bind with :rw), which was not allowed"
        ) from None
    except Refused as error:
        raise UserError(f"{path}: refused: {error}") from None
    except Exception as error:
        raise UserError(f"{path}: damaged, it cannot be read ({type(error).__name__})") from error


class Refused(Exception):
    """The file wants something that is no part of a machine."""


class WritableBind(Refused):
    """It has a file system that writes to the host."""


def kernel_object(module: str, name: str) -> Any:
    """A class or function of the kernel by name, or one of Python's plain types; Refused for anything else."""
    if (module, name) in PYTHON:
        return PYTHON[module, name]
    parts = module.split(".")
    known = parts[0] == "forkernel" and len(parts) > 1 and (parts[1] in ROOMS or module in MODULES)
    if (module, name) not in NAMES and (not known or module in REFUSED):
        raise Refused(f"{module}.{name} is no part of a machine")
    try:
        found: Any = import_module(module)
    except ImportError:
        raise Refused(f"there is no {module}") from None
    for part in name.split("."):
        if part.startswith("__"):
            raise Refused(f"{module}.{name} is no part of a machine")
        found = getattr(found, part, None)
    if isinstance(found, (type, types.FunctionType)):
        if found.__module__ == module and found.__qualname__ == name:
            return found
    elif type(found).__module__.startswith("forkernel."):
        return found  # a constant of the kernel that is pickled by its name
    raise Refused(f"{module}.{name} is no part of a machine")


def is_ours(kind: Any) -> bool:
    """Whether it is a class of the kernel's."""
    return isinstance(kind, type) and kind.__module__.partition(".")[0] == "forkernel"


def bound_method(thing: Any, name: str) -> Any:
    """`thing.name`, for the few methods that a machine's fields hold. It is not called here."""
    function = getattr(type(thing), name, None)
    if not is_ours(type(thing)) or name.startswith("_") or not isinstance(function, types.FunctionType):
        raise Refused(f"the method {name} of {type(thing).__name__}")
    return types.MethodType(function, thing)


def annotated(container: Any, key: Any) -> Any:
    """`Annotated[key]`: how a typed pointer names its type."""
    if container is not Annotated or not isinstance(key, tuple):
        raise Refused("an index")
    return Annotated[key]


def array_of(kind: Any, code: str, _format: int, data: bytes) -> Any:
    """An array of numbers."""
    if kind is not array or code not in "bBhHiIlLqQ":
        raise Refused("an array")
    return array(code, data)


PYTHON.update(
    {
        ("builtins", "getattr"): bound_method,
        ("_operator", "getitem"): annotated,
        ("operator", "getitem"): annotated,
        ("array", "_array_reconstructor"): array_of,
        ("array", "array"): array,
        ("typing", "Annotated"): Annotated,
        ("collections", "deque"): deque,
        ("random", "Random"): Random,
    }
)
STAND_INS = (bound_method, annotated, array_of)


PythonUnpickler: Any = pickle._Unpickler
"""The one in Python: each of its steps can be checked. It is about as fast on a machine, most of which is RAM."""


class Reader(PythonUnpickler):  # type: ignore[misc]
    """Reads a pickle of a machine. Nothing that the file names is called but classes to be made and `SAFE_CALLS`."""

    dispatch: ClassVar[dict[int, Any]] = dict(PythonUnpickler.dispatch)

    def __init__(self, file: io.BytesIO, writable_binds: bool) -> None:
        super().__init__(file)
        self._writable_binds = writable_binds

    def find_class(self, module: str, name: str) -> Any:
        """See `kernel_object`."""
        if module == WRITER and not self._writable_binds:
            raise WritableBind
        return kernel_object(module, name)

    def load_reduce(self) -> None:
        """An object made by a call: an exception of the kernel's (a Sleep), a container, or a stand-in."""
        function = self.stack[-2]
        plain = any(function is safe for safe in (*SAFE_CALLS, *STAND_INS))
        if not plain and not (
            is_ours(function) and (issubclass(function, Exception) or "__reduce__" in vars(function))
        ):
            raise Refused(f"a call of {getattr(function, '__qualname__', function)!r}")
        super().load_reduce()

    dispatch[pickle.REDUCE[0]] = load_reduce

    def load_build(self) -> None:
        """The fields of an object of the kernel's, or of a generator of random numbers."""
        state = self.stack.pop()
        target = self.stack[-1]
        kind = type(target)
        if not is_ours(kind) and kind is not Random:
            raise Refused(f"fields for a {kind.__name__}")
        setstate = getattr(kind, "__setstate__", None)
        if setstate is not None:
            setstate(target, state)
            return
        slots = None
        if isinstance(state, tuple) and len(state) == 2:
            state, slots = state
        for fields in (state, slots):
            for name, value in (fields or {}).items():
                if not isinstance(name, str) or name.startswith("__"):
                    raise Refused(f"the field {name!r}")
                setattr(target, sys.intern(name), value)

    dispatch[pickle.BUILD[0]] = load_build

    def load_newobj(self) -> None:
        """An empty object of a class of the kernel's."""
        arguments = self.stack.pop()
        kind = self.stack.pop()
        self.stack.append(self._make(kind, arguments, {}))

    dispatch[pickle.NEWOBJ[0]] = load_newobj

    def load_newobj_ex(self) -> None:
        """The same with named arguments."""
        named = self.stack.pop()
        arguments = self.stack.pop()
        kind = self.stack.pop()
        self.stack.append(self._make(kind, arguments, named))

    dispatch[pickle.NEWOBJ_EX[0]] = load_newobj_ex

    def _make(self, kind: Any, arguments: Any, named: Any) -> Any:
        if not is_ours(kind):
            raise Refused(f"a new {getattr(kind, '__name__', kind)!r}")
        return kind.__new__(kind, *arguments, **named)

    def refuse(self) -> None:
        """What no snapshot has: the old ways to call, and references to outside."""
        raise Refused("an instruction that no snapshot has")

    for _code in (pickle.INST, pickle.OBJ, pickle.PERSID, pickle.BINPERSID, pickle.EXT1, pickle.EXT2, pickle.EXT4):
        dispatch[_code[0]] = refuse
