"""The table of system calls: handlers by name, their decoders built once, at registration.

A handler's annotations are its ABI:

    @syscall("wait4")
    def sys_wait4(task: Task, pid: I32, status: UserOut[I32] | None, options: I32,
                  usage: UserOut[RUsage] | None) -> int: ...

`| None` means that NULL is allowed and arrives as None. Integers are cut to their width and sign; pointers
arrive as the views of `forkernel.mm.uaccess`.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin

from forkernel.abi.types import annotation, width_of
from forkernel.mm.uaccess import UserBuf, UserIn, UserInOut, UserOut, UserPtr, UserStr, codec_of

Handler = Callable[..., int]
Call = Callable[[Any, int, int, int, int, int, int], int]
H = TypeVar("H", bound=Handler)

DONE, PARTIAL = "done", "partial"


class Parameter(NamedTuple):
    """One argument: its name, its annotation (for traces) and whether NULL is allowed."""

    name: str
    hint: Any
    nullable: bool


class Syscall:
    """One implemented call: its Linux name, its handler, and a caveat if something is not supported.

    The annotations are read, and the decoder is compiled, when first asked for: a program uses few of the
    calls, and reading all would take most of the time of a short run.
    """

    __slots__ = ("_call", "_parameters", "caveat", "handler", "name")

    def __init__(self, name: str, handler: Handler, caveat: str = "") -> None:
        self.name = name
        self.handler = handler
        self.caveat = caveat
        self._parameters: tuple[Parameter, ...] | None = None
        self._call: Call | None = None

    @property
    def support(self) -> str:
        """`done`, or `partial` where the caveat says what is missing."""
        return PARTIAL if self.caveat else DONE

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The arguments; TypeError for an annotation that is not of the ABI."""
        if self._parameters is None:
            known = self.handler.__globals__
            self._parameters = tuple(
                Parameter(name, *_strip_none(annotation(text, known)))
                for name, text in list(self.handler.__annotations__.items())[1:]
                if name != "return"
            )
        return self._parameters

    @property
    def call(self) -> Call:
        """The decoder: takes the task and six raw unsigned 64-bit registers."""
        if self._call is None:
            self._call = _build(self.handler, self.parameters)
        return self._call


class Registry:
    """All calls by Linux name."""

    __slots__ = ("calls",)

    def __init__(self) -> None:
        self.calls: dict[str, Syscall] = {}

    def add(self, call: Syscall) -> None:
        """Register; a name may be taken once."""
        if call.name in self.calls:
            raise ValueError(f"system call {call.name} registered twice")
        self.calls[call.name] = call


REGISTRY = Registry()


def _strip_none(hint: Any) -> tuple[Any, bool]:
    """An annotation without its `| None`, and whether it had one."""
    if get_origin(hint) in (Union, types.UnionType):
        rest = [arg for arg in get_args(hint) if arg is not type(None)]
        return rest[0], True
    return hint, False


def _expression(position: int, parameter: Parameter, names: dict[str, Any]) -> str:
    """Source text that turns raw register `a{position}` into the handler's argument."""
    raw = f"a{position}"
    origin = get_origin(parameter.hint) or parameter.hint
    if isinstance(origin, type) and issubclass(origin, UserPtr):
        names[origin.__name__] = origin
        if origin in (UserIn, UserOut, UserInOut):
            names[f"codec{position}"] = codec_of(get_args(parameter.hint)[0])
            made = f"{origin.__name__}(task.mm, {raw}, codec{position})"
        else:
            made = f"{origin.__name__}(task.mm, {raw})"
        return f"({made} if {raw} else None)" if parameter.nullable else made
    width = width_of(parameter.hint)
    mask, sign = (1 << width.bits) - 1, 1 << width.bits - 1
    cut = raw if width.bits == 64 else f"({raw} & {mask})"
    return f"(({cut} ^ {sign}) - {sign})" if width.signed else cut


def _build(handler: Handler, parameters: tuple[Parameter, ...]) -> Call:
    """Compile the decoder of one handler: a function of the task and six raw registers."""
    names: dict[str, Any] = {"handler": handler}
    arguments = "".join(", " + _expression(position, parameter, names) for position, parameter in enumerate(parameters))
    source = f"lambda task, a0, a1, a2, a3, a4, a5: handler(task{arguments})"
    call: Call = eval(source, names)  # noqa: S307  # text made above from our own annotations
    return call


def syscall(*names: str, caveat: str = "") -> Callable[[H], H]:
    """Register a handler under its Linux name(s). `caveat` says in one line what is not supported."""

    def register(handler: H) -> H:
        for name in names:
            REGISTRY.add(Syscall(name, handler, caveat))
        return handler

    return register


__all__ = ["REGISTRY", "Syscall", "UserBuf", "UserIn", "UserInOut", "UserOut", "UserStr", "syscall"]
