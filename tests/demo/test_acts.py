"""Acts as a scenario writes them: references to what stands at the table, and times of the demo's clock."""

from __future__ import annotations

import pytest

from detente.coordination.ledger import NoteConduct
from detente.coordination.proposals import Sign, TableProposal
from detente.demo.acts import NotYet, act_of, check_act
from detente.errors import ConfigError, OrderRefused

NOW_MS = 1_795_000_000_000
VIEW = {"proposals": [{"proposal": "alfa-3", "versions": [{"digest": "a" * 64}]}]}
SIGN = {
    "act": "proposal.sign",
    "proposal": "$proposals[0].proposal",
    "number": 1,
    "digest": "$proposals[0].versions[-1].digest",
}


def test_references_are_what_the_desk_shows():
    assert act_of(SIGN, VIEW, NOW_MS) == Sign(proposal="alfa-3", number=1, digest="a" * 64)


def test_an_act_about_what_is_not_there_yet_says_so():
    with pytest.raises(NotYet, match="proposals"):
        act_of(SIGN, {"proposals": []}, NOW_MS)


def test_what_the_schema_has_no_place_for_is_refused_as_unreadable_and_a_script_may_want_just_that():
    point = {
        "act": "report.share", "title": "x", "words": "x", "kind": "ground", "about": "others", "observed_ms": "-60s",
        "valid_until_ms": "+60s", "originator": "alfa", "point": {"latitude_e4": 1, "longitude_e4": 1},
    }  # fmt: skip
    with pytest.raises(OrderRefused) as refused:
        act_of(point, {}, NOW_MS)
    assert refused.value.code == "unreadable"
    with pytest.raises(ConfigError, match="point"):
        check_act(point)
    check_act(point, "unreadable")
    with pytest.raises(ConfigError, match="can be read"):
        check_act(SIGN, "unreadable")


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        ("-30s", NOW_MS - 30_000),
        ("+1.5s", NOW_MS + 1_500),
        ("2016-08-09T00:00:00Z", 1_470_700_800_000),
        (5, 5),
    ],
)
def test_a_time_is_from_now_or_an_instant_or_milliseconds(written, ms):
    act = act_of({"act": "ledger.conduct", "when_ms": written, "words": "x"}, {}, NOW_MS)
    assert act == NoteConduct(when_ms=ms, words="x")


def test_times_and_references_are_filled_in_however_deep():
    written = {
        "act": "proposal.table",
        "title": "x",
        "answer_by_ms": "+30s",
        "version": {"text": "$proposals[0].proposal", "details": [{"key": "a", "title": "$proposals[0].proposal"}]},
    }
    act = act_of(written, VIEW, NOW_MS)
    assert isinstance(act, TableProposal)
    assert (act.answer_by_ms, act.version.text, act.version.details[0].title) == (NOW_MS + 30_000, "alfa-3", "alfa-3")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"act": "proposal.sing"}, "proposal.sing"),
        ({"digest": "abc"}, r"`\$\.digest`"),
        ({"proposal": "$proposal[0]"}, "found by proposal"),
        ({"by_ms": "+1s"}, "unknown field `by_ms`"),
    ],
)
def test_an_act_that_could_never_be_is_refused_with_the_key(change, said):
    with pytest.raises(ConfigError, match=said):
        check_act(SIGN | change)


def test_a_text_that_hides_something_is_refused():
    with pytest.raises(ConfigError, match="words: the text holds what does not show"):
        check_act({"act": "ledger.conduct", "when_ms": "-1s", "words": "x\u202ey"})
