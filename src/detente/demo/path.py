"""A path into what stands at a table: `proposals[0].state`, `reports[title=Fog].area`.

It begins with a field of `TableView` (docs/operate/scenario.md lists them). `[n]` is a place in a list (-1 the last),
`[name=value]` the first row of a list whose field has that value, `[a=1&b=2]` the first of which both are so.
Conditions read by it, and acts refer by it to what was opened before, so that a script needs no names of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import reduce
from operator import or_
from types import UnionType
from typing import Any, Final, get_args, get_origin, get_type_hints

import msgspec

from detente.coordination.view import TableView
from detente.errors import ConfigError

_PART: Final = re.compile(r"\.?([a-z_][a-z0-9_-]*)|\[(-?\d+)\]|\[([a-z_]+=[^\]&]+(?:&[a-z_]+=[^\]&]+)*)\]")

Step = str | int | dict[str, str]
"""A field or key, a place in a list, or what each named field of a row must say."""


def steps_of(path: str) -> list[Step]:
    """Return the steps of *path*; raises ConfigError where it cannot be read."""
    steps: list[Step] = []
    at = 0
    while at < len(path):
        found = _PART.match(path, at)
        if found is None or (at == 0) != (path[at] not in ".["):
            raise ConfigError(f"{path!r} cannot be read from {path[at:]!r} on")
        name, place, row = found.groups()
        steps.append(name or (int(place) if place else dict(one.split("=", 1) for one in row.split("&"))))
        at = found.end()
    if not steps:
        raise ConfigError("an empty path")
    return steps


def check_path(path: str) -> None:
    """Raise ConfigError unless *path* leads to something that a table can have."""
    kind: Any = TableView
    for step in steps_of(path):
        kind = _inside(kind, step)
        if kind is None:
            raise ConfigError(f"{path!r}: nothing at a table is found by {_written(step)}")


def found_at(view: Mapping[str, Any], path: str) -> Any:
    """Return what stands at *path* in *view* (a `TableView` as plain values), None where there is nothing."""
    value: Any = view
    for step in steps_of(path):
        match value, step:
            case dict(), str():
                value = value.get(step)
            case list(), int():
                value = value[step] if -len(value) <= step < len(value) else None
            case list(), dict():
                value = next((row for row in value if all(str(row.get(k)) == v for k, v in step.items())), None)
            case _:
                return None
    return value


def _inside(kind: Any, step: Step) -> Any:
    """Return the type that *step* leads to from *kind*, or from any of a union; None where it leads nowhere."""
    found = [inner for one in _kinds(kind) if (inner := _inside_one(one, step)) is not None]
    return reduce(or_, found) if found else None


def _inside_one(one: Any, step: Step) -> Any:
    match one, step:
        case type(), str() if issubclass(one, msgspec.Struct):
            return get_type_hints(one).get(step)
        case type(), int() if issubclass(one, tuple):  # one with named places, written as a list
            places = tuple(get_type_hints(one).values())
            return places[step] if -len(places) <= step < len(places) else None
        case _, str() if get_origin(one) is dict:
            return get_args(one)[1]
        case _, int() if get_origin(one) is list:
            return get_args(one)[0]
        case _, int() if get_origin(one) is tuple:
            places = get_args(one)
            return places[step] if -len(places) <= step < len(places) else None
        case _, dict() if get_origin(one) is list:
            row = get_args(one)[0]
            return row if all(_inside(row, field) is not None for field in step) else None
        case _:
            return None


def _kinds(kind: Any) -> Iterator[Any]:
    yield from get_args(kind) if isinstance(kind, UnionType) else [kind]


def _written(step: Step) -> str:
    match step:
        case str():
            return step
        case int():
            return f"[{step}]"
        case dict():
            return f"[{'&'.join(f'{field}={value}' for field, value in step.items())}]"
