"""TOML that somebody wrote by hand: what is wrong is said with its place, and with what may have been meant."""

from __future__ import annotations

import codecs
import difflib
import re
from collections.abc import Iterator
from typing import Any, Final, TypeVar

import msgspec
from msgspec import inspect

from detente.errors import ConfigError

T = TypeVar("T")

_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[[^\]]*\]")
_SHOWN: Final = 16
"""More words than this are no help in one line."""


def read_toml(text: bytes | str, schema: type[T], source: object) -> T:
    """Return what TOML *text* holds by *schema*; raises ConfigError with *source* and the key's path.

    A byte order mark at the beginning, as some editors write, is no part of it.
    """
    text = text.removeprefix("\ufeff") if isinstance(text, str) else text.removeprefix(codecs.BOM_UTF8)
    try:
        return msgspec.toml.decode(text, type=schema)
    except msgspec.ValidationError as wrong:
        raise ConfigError(f"{source}: {explained(wrong, schema)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise ConfigError(f"{source}: not TOML: {wrong}") from None


def explained(wrong: msgspec.ValidationError, schema: Any) -> str:
    """Return the words of *wrong*, and after them the nearest key or value that *schema* has at that place."""
    said, _, path = str(wrong).partition(" - at `$")
    unknown = re.search(r"unknown field `(.*)`$", said)
    value = re.match(r"Invalid (?:enum )?value '(.*)'$", said)
    if not unknown and not value:
        return str(wrong)
    places: list[inspect.Type] = [inspect.type_info(schema)]
    for step in _STEP.findall(path.rstrip("`")):
        places = [inner for place in places for inner in _within(place, step)]
    known = {word: None for place in places for word in (_keys(place) if unknown else _values(place))}
    near = difflib.get_close_matches((unknown or value or said)[1], known, 1)
    if near:
        return f"{wrong}; is `{near[0]}` meant?"
    return f"{wrong}; there are {', '.join(known)}" if 0 < len(known) <= _SHOWN else str(wrong)


def _each(place: inspect.Type) -> Iterator[inspect.Type]:
    """Yield what may stand at *place*: the members of a union, itself else."""
    if isinstance(place, inspect.Metadata):
        yield from _each(place.type)
    elif isinstance(place, inspect.UnionType):
        for one in place.types:
            yield from _each(one)
    else:
        yield place


def _within(place: inspect.Type, step: str) -> Iterator[inspect.Type]:
    """Yield what may stand one *step* further in: a key, or nothing for an entry of a list."""
    for one in _each(place):
        match one:
            case inspect.StructType(tag_field=tag_field, tag=tag) if step and step == tag_field:
                yield inspect.LiteralType((str(tag),))
            case inspect.StructType(fields=fields):
                yield from (field.type for field in fields if field.encode_name == step)
            case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item) if not step:
                yield item
            case inspect.TupleType(item_types=items) if not step:
                yield from items
            case inspect.DictType(value_type=item):
                yield item
            case _:
                pass


def _keys(place: inspect.Type) -> Iterator[str]:
    for one in _each(place):
        if isinstance(one, inspect.StructType):
            yield from (field.encode_name for field in one.fields)


def _values(place: inspect.Type) -> Iterator[str]:
    for one in _each(place):
        if isinstance(one, inspect.LiteralType):
            yield from map(str, one.values)
        elif isinstance(one, inspect.EnumType):
            yield from (str(member.value) for member in one.cls)
