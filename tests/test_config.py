"""The configuration: what is not known is refused with its path, and every key is in the manual."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from detente.config import Config, RecordingFeed, SbsFeed, parse_config, read_config, split_address
from detente.errors import ConfigError

HERE = Path("detente.toml")
NODE = '[node]\nparty = "alfa"\nname = "Alfa"\nnode = "alfa.example/detente"\n'
MANUAL = Path(__file__).parent.parent / "docs/operate/configure.md"


def parsed(text):
    return parse_config((NODE + text).encode(), HERE)


def keys(struct=Config):
    """Every key of the tree, as the manual names it."""
    for field in msgspec.structs.fields(struct):
        yield field.encode_name
        for part in [field.type, *getattr(field.type, "__args__", ())]:
            for inner in [part, *getattr(part, "__args__", ())]:
                if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
                    yield from keys(inner)


def test_a_node_needs_no_more_than_its_names():
    config = parsed("")
    assert config.node.party == "alfa"
    assert config.release.policy == ""
    assert config.listen.console.startswith("127.0.0.1:")


def test_every_key_is_in_the_manual():
    text = MANUAL.read_text(encoding="utf-8")
    assert {"conflict_reaches_leader", "receiver", "inbox_plots"} <= set(keys())
    assert [key for key in sorted(set(keys())) if not re.search(rf"\b{key}\b", text)] == []


def test_feeds_of_every_kind_are_read():
    config = parsed(
        '[[feed]]\nkind = "sbs"\nname = "a"\naddress = "127.0.0.1:30003"\n'
        '[[feed]]\nkind = "beast"\nname = "b"\naddress = "127.0.0.1:30005"\nreceiver = [47.0, 8.0]\n'
        '[[feed]]\nkind = "recording"\nname = "c"\npath = "day.parquet"\nloop = true\n'
    )
    assert [type(feed) for feed in config.feed][::2] == [SbsFeed, RecordingFeed]
    assert config.feed[1].receiver == (47.0, 8.0)


REFUSED = {
    "unknown key": ("speed = 3\n", "speed"),
    "unknown key, deep": ("[escalation]\nafter = 3\n", "$.escalation"),
    "unknown table": ("[radar]\n", "radar"),
    "wrong type": ("[console]\nrange_nm = 'far'\n", "$.console.range_nm"),
    "beyond its range": ("[detection]\ntick_s = 0\n", "$.detection.tick_s"),
    "unknown kind of feed": ('[[feed]]\nkind = "pigeon"\nname = "p"\n', "$.feed[0]"),
    "no port": ('[listen]\nconsole = "localhost"\n', "listen.console"),
    "port beyond": ('[listen]\nlink = "localhost:99999"\n', "listen.link"),
    "peer twice": (
        '[[peer]]\nparty = "b"\nname = "B"\nnode = "b.example/detente"\nlink = "h:1"\n' * 2,
        "peer[1].party",
    ),
    "peer is ourselves": (
        '[[peer]]\nparty = "alfa"\nname = "B"\nnode = "b.example/detente"\nlink = "h:1"\n',
        "peer[0]",
    ),
    "peer without port": (
        '[[peer]]\nparty = "b"\nname = "B"\nnode = "b.example/detente"\nlink = "h"\n',
        "peer[0].link",
    ),
    "feed twice": ('[[feed]]\nkind = "sbs"\nname = "a"\naddress = "h:1"\n' * 2, "feed[1].name"),
    "feed without port": ('[[feed]]\nkind = "sbs"\nname = "a"\naddress = "h"\n', "feed[0].address"),
    "not TOML": ("= 3", "not TOML"),
}


@pytest.mark.parametrize(("text", "where"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_refused_with_its_place(text, where):
    with pytest.raises(ConfigError) as refused:
        parsed(text)
    assert str(refused.value).startswith("detente.toml: ")
    assert where in str(refused.value)
    assert "\n" not in str(refused.value)


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(ConfigError, match="not TOML"):
        parse_config(b"\xff\xfe", HERE)


def test_a_file_that_cannot_be_read_is_refused_with_its_name(tmp_path):
    for path in (tmp_path, tmp_path / "missing.toml"):
        with pytest.raises(ConfigError, match=path.name):
            read_config(path)


@pytest.mark.parametrize(
    ("text", "split"), [("127.0.0.1:8440", ("127.0.0.1", 8440)), ("[::1]:1", ("::1", 1)), ("a.b:0", ("a.b", 0))]
)
def test_an_address_is_a_host_and_a_port(text, split):
    assert split_address(text, "here") == split
