"""The charters of the tables that a configuration names, with their texts."""

from __future__ import annotations

from pathlib import Path

import msgspec

from detente.config import Config, TableConfig
from detente.coordination.charter import Charter
from detente.coordination.plain import is_plain
from detente.errors import ConfigError


def charters_of(config: Config, folder: Path) -> tuple[Charter, ...]:
    """Return the charters of *config*'s tables, each once, with us at it; raises ConfigError with the key's path."""
    charters: list[Charter] = []
    known = {config.node.party, *(peer.party for peer in config.peer)}
    for i, table in enumerate(config.table):
        where = f"table[{i}]"
        if any(charter.table == table.id for charter in charters):
            raise ConfigError(f"{where}.id: {table.id!r} is named twice")
        if config.node.party not in table.members:
            raise ConfigError(f"{where}.members: {config.node.party}, this party, does not sit at it")
        if strangers := sorted(set(table.members) - known):
            raise ConfigError(f"{where}.members: there is no peer {strangers[0]!r}")
        charter = _charter(table, folder, where)
        charter.check()
        charters.append(charter)
    return tuple(charters)


def _charter(table: TableConfig, folder: Path, where: str) -> Charter:
    path = folder / table.agreement
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as wrong:
        raise ConfigError(f"{where}.agreement: {path}: {getattr(wrong, 'strerror', None) or wrong}") from None
    if not is_plain(text, limit=100_000):
        raise ConfigError(f"{where}.agreement: {path}: it is empty, too long, or holds what does not show")
    try:
        return msgspec.convert(
            {
                "table": table.id,
                "title": table.title,
                "members": table.members,
                "agreement": text,
                "signers": table.signers,
                "topic": table.topic,
                "governs_picture": table.governs_picture,
            },
            Charter,
        )
    except msgspec.ValidationError as wrong:
        raise ConfigError(f"{where}: {wrong}") from None
