"""An error names what was probably meant: the nearest key or value of the schema at that very place."""

from __future__ import annotations

from pathlib import Path

import pytest

from detente.config import parse_config
from detente.errors import ConfigError
from detente.meant import explained
from detente.release.policy import parse_policy

NODE = '[node]\nparty = "alfa"\nname = "Alfa"\nnode = "alfa.example/detente"\n'


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('[listen]\nconsle = "127.0.0.1:8440"\n', "is `console` meant?"),
        ("[detecton]\n", "is `detection` meant?"),
        ('[detection]\nprofile = "enroute"\n', "is `en-route` meant?"),
        ('[accounts]\nkind = "passky"\n', "is `passkey` meant?"),
        ('[accounts]\nkind = "zzz"\n', "there are demo, passkey, oidc"),
        ('[[feed]]\nkind = "sbss"\nname = "r"\naddress = "127.0.0.1:1"\n', "is `sbs` meant?"),
        ('[[feed]]\nkind = "sbs"\nname = "r"\nadress = "127.0.0.1:1"\n', "is `address` meant?"),
        ('[[detection.pair]]\nclasses = ["light", "lihgt"]\nprofile = "terminal"\n', "is `light` meant?"),
        ("[console]\nrange_nm = -1\n", "at `$.console.range_nm`"),
    ],
)
def test_a_mistyped_key_or_word_of_a_configuration_is_answered_with_the_one_that_there_is(text, meant):
    with pytest.raises(ConfigError) as wrong:
        parse_config((NODE + text).encode(), Path("detente.toml"))
    assert str(wrong.value).endswith(meant)


def test_the_mark_that_some_editors_write_before_a_text_is_no_part_of_it():
    marked = "\ufeff" + NODE
    assert parse_config(marked.encode(), Path("detente.toml")) == parse_config(NODE.encode(), Path("detente.toml"))
    assert parse_policy('\ufeffname = "x"\n') == parse_policy('name = "x"\n'.encode("utf-8-sig"))
    with pytest.raises(ConfigError, match="not TOML"):
        parse_config(("\ufeff" + marked).encode(), Path("detente.toml"))


def test_a_mistyped_key_of_a_policy_is_answered_too():
    with pytest.raises(ConfigError, match="is `effect` meant"):
        parse_policy('name = "x"\n[[rule]]\nname = "r"\nefect = "withhold"\n')


def test_what_is_no_misspelling_is_left_as_it_is():
    import msgspec

    with pytest.raises(msgspec.ValidationError) as wrong:
        msgspec.convert(5, dict[str, int])
    assert explained(wrong.value, dict[str, int]) == str(wrong.value)
