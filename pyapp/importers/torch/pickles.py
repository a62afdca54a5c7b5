"""Reads pickles without running them: an interpreter of the format that calls nothing.

Plain values become Python's.  What the pickle would import becomes a `Global`, and what it would call or build becomes
a `Made`, unless `calls` has a function of ours for it.  So a checkpoint may hold anything beside its tensors.
"""

import pickletools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from .tensors import FormatError

MAX_OPERATIONS = 4_000_000
"""Far above a network's: a tensor takes 40 or so."""

Calls = Mapping[str, Callable[[tuple[Any, ...]], Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Global:
    """A class or function that the pickle names."""

    name: str


@dataclass(slots=True, eq=False)
class Made:
    """What the pickle would have made by calling `name`; nothing was called."""

    name: str
    args: tuple[Any, ...] = ()
    state: list[Any] = field(default_factory=list)


_MARK = object()
_VALUE_KINDS = ("int", "int_or_bool", "float", "str", "bytes", "bytes_or_str", "bytearray")
_VALUES = frozenset(  # opcodes that push their argument
    opcode.name
    for opcode in pickletools.opcodes
    if opcode.arg is not None and len(opcode.stack_after) == 1 and opcode.stack_after[0].name in _VALUE_KINDS
)
_CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": lambda: Made("builtins.set"),
    "MARK": lambda: _MARK,
}
_DICTS = ("collections.OrderedDict", "collections.defaultdict", "builtins.dict", "__builtin__.dict")


def load(file: BytesIO, calls: Calls, persistent: Callable[[Any], Any]) -> Any:
    """The value of the pickle at the file's position, which is left behind its end.  Raises FormatError."""
    machine = _Machine(calls, persistent)
    try:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(file)):
            if count >= MAX_OPERATIONS:
                raise FormatError(f"its pickle has more than {MAX_OPERATIONS} operations")
            machine.run(opcode.name, argument)
        return machine.pop()
    except FormatError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise FormatError(f"its pickle is broken ({error})") from error


class _Machine:
    def __init__(self, calls: Calls, persistent: Callable[[Any], Any]) -> None:
        self._calls, self._persistent = calls, persistent
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def pop(self) -> Any:
        return self._stack.pop()

    def run(self, name: str, argument: Any) -> None:
        push, pop = self._stack.append, self._stack.pop
        if name in _VALUES:
            push(argument)
        elif name in _CONSTANTS:
            push(_CONSTANTS[name]())
        else:
            match name:
                case "PROTO" | "FRAME" | "STOP":
                    pass
                case "POP":
                    pop()
                case "POP_MARK":
                    self._pop_to_mark()
                case "DUP":
                    push(self._stack[-1])
                case "PUT" | "BINPUT" | "LONG_BINPUT":
                    self._memo[int(argument)] = self._stack[-1]
                case "MEMOIZE":
                    self._memo[len(self._memo)] = self._stack[-1]
                case "GET" | "BINGET" | "LONG_BINGET":
                    push(self._memo[int(argument)])
                case "APPEND":
                    self._extend([pop()])
                case "APPENDS" | "ADDITEMS":
                    self._extend(self._pop_to_mark())
                case "LIST":
                    push(self._pop_to_mark())
                case "TUPLE":
                    push(tuple(self._pop_to_mark()))
                case "TUPLE1" | "TUPLE2" | "TUPLE3":
                    push(tuple(self._pop_many(int(name[-1]))))
                case "FROZENSET":
                    push(Made("builtins.frozenset", tuple(self._pop_to_mark())))
                case "SETITEM":
                    self._set_items(self._pop_many(2))
                case "SETITEMS":
                    self._set_items(self._pop_to_mark())
                case "DICT":
                    items = self._pop_to_mark()
                    push({})
                    self._set_items(items)
                case "GLOBAL":
                    push(Global(str(argument).replace(" ", ".", 1)))
                case "STACK_GLOBAL":
                    module, attribute = self._pop_many(2)
                    push(Global(f"{module}.{attribute}"))
                case "REDUCE" | "NEWOBJ":
                    push(self._call(*self._pop_many(2)))
                case "NEWOBJ_EX":
                    function, arguments, _ = self._pop_many(3)
                    push(self._call(function, arguments))
                case "OBJ":
                    function, *arguments = self._pop_to_mark()
                    push(self._call(function, tuple(arguments)))
                case "INST":
                    push(self._call(Global(str(argument).replace(" ", ".", 1)), tuple(self._pop_to_mark())))
                case "BUILD":
                    state = pop()
                    if isinstance(self._stack[-1], Made):
                        self._stack[-1].state.append(state)
                case "BINPERSID":
                    push(self._persistent(pop()))
                case _:
                    raise FormatError(f"its pickle has {name}, which torch does not write")

    def _pop_many(self, count: int) -> list[Any]:
        if len(self._stack) < count:
            raise IndexError("the stack is empty")
        taken = self._stack[-count:]
        del self._stack[-count:]
        return taken

    def _pop_to_mark(self) -> list[Any]:
        taken: list[Any] = []
        while (value := self._stack.pop()) is not _MARK:
            taken.append(value)
        return taken[::-1]

    def _extend(self, values: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, list):
            target.extend(values)
        elif isinstance(target, Made):
            target.state.extend(values)
        else:
            raise TypeError("values are appended to what is no list")

    def _set_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, Made):
            target.state.append(items)
        elif isinstance(target, dict):
            for key, value in zip(items[::2], items[1::2], strict=True):
                if isinstance(
                    key, str | int | float | bytes | None
                ):  # names of tensors are; others could cost anything
                    target[key] = value
        else:
            raise TypeError("items are set in what is no dictionary")

    def _call(self, function: Any, arguments: Any) -> Any:
        if not isinstance(function, Global) or not isinstance(arguments, tuple):
            return Made("?")
        if function.name in self._calls:
            return self._calls[function.name](arguments)
        if function.name in _DICTS:
            made: dict[Any, Any] = {}
            pairs = arguments[0] if arguments and isinstance(arguments[0], list) else ()  # as Python 2 wrote them
            made.update((pair[0], pair[1]) for pair in pairs if isinstance(pair[0], str))
            return made
        return Made(function.name, arguments)
