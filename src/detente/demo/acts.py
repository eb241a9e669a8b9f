"""An act as a scenario writes it: what it refers to is found at the desk, and its times are those of the demo's clock.

A text that begins with `$` is a path into what the party sees of the table: `$proposals[0].proposal`. A value of a key
in `_ms` is milliseconds since 1970 UTC, or `"+120s"`, `"-30s"` from when the act is done, or an instant in ISO 8601.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from detente.coordination.act import check_plain
from detente.coordination.statement import AnyAct
from detente.demo.path import check_path, found_at
from detente.errors import ConfigError, OrderRefused
from detente.types import NS_PER_MS, instant_of_iso

_SHIFT: Final = re.compile(r"([+-]\d+(?:\.\d+)?)s")
_STAND_IN: Final = "alfa-1"  # what any name of a statement may be, to check an act whose references are not there yet

_UNREADABLE: Final = "unreadable"  # what the API says of a body that the schema has no place for


class NotYet(Exception):
    """What an act refers to does not stand at that desk yet."""


def act_of(written: Mapping[str, Any], view: Mapping[str, Any], now_ms: int) -> AnyAct:
    """Return the act that *written* means at *now_ms* to a party that sees *view*.

    Raises NotYet, and OrderRefused `unreadable` for what the schema of acts has no place for.
    """

    def refer(path: str) -> Any:
        found = found_at(view, path)
        if found is None:
            raise NotYet(path)
        return found

    return _act(_filled(written, "", refer, now_ms))


def check_act(written: Mapping[str, Any], refused: str | None = None) -> None:
    """Raise ConfigError with the key's path unless *written* is an act once its references are found.

    One that the script wants *refused* as `unreadable` must be none.
    """

    def refer(path: str) -> str:
        check_path(path)
        return "0" * 64 if path.endswith("digest") else _STAND_IN

    try:
        check_plain(_act(_filled(written, "", refer, 0)))
    except OrderRefused as wrong:
        if wrong.code != refused:
            raise ConfigError(wrong.reason) from None
    else:
        if refused == _UNREADABLE:
            raise ConfigError("it is to be refused as unreadable, and can be read")


def _act(filled: Any) -> AnyAct:
    try:
        act: AnyAct = msgspec.convert(filled, AnyAct)
    except msgspec.ValidationError as wrong:
        raise OrderRefused(_UNREADABLE, str(wrong)) from None
    return act


def _filled(value: Any, key: str, refer: Callable[[str], Any], now_ms: int) -> Any:
    match value:
        case str() if value.startswith("$"):
            return refer(value[1:])
        case str() if key.endswith("_ms"):
            return max(0, _ms(value, key, now_ms))
        case dict():
            return {name: _filled(one, name, refer, now_ms) for name, one in value.items()}
        case list():
            return [_filled(one, key, refer, now_ms) for one in value]
        case _:
            return value


def _ms(text: str, key: str, now_ms: int) -> int:
    shift = _SHIFT.fullmatch(text)
    if shift is not None:
        return now_ms + round(float(shift[1]) * 1000)
    try:
        return instant_of_iso(text) // NS_PER_MS
    except ValueError:
        raise ConfigError(f'{key}: {text!r} is neither "+120s" nor an instant in ISO 8601') from None
