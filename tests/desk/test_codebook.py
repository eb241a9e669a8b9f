"""Coded phrases: one meaning in three languages, typed parameters, nothing hidden, drafts marked."""

import json
import math
from contextlib import suppress
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.alerts.alert import Alert, Kind, Level
from detente.coordination.plain import is_plain, plain_text
from detente.desk.codebook import Codebook, draft_codebook, phrase_for_alert
from detente.desk.words import KINDS, LANGS, kind_of, shown, written
from detente.detect.zone import Zone, ZoneKind
from detente.errors import ConfigError, OrderRefused
from detente.types import Instant, PartyId, Precedence, Role

BOOK = draft_codebook()
SAMPLES = {
    "track": "THY123",
    "callsign": "UNO12",
    "pos": "35.8510N 036.0120E",
    "level": "FL240",
    "time": "2026-11-22T14:05Z",
    "area": "Sector North 2",
    "ref": "alfa-flash-3",
    "min": "4",
    "n": "12",
    "course": "045",
    "speed": "420 kt",
    "distance": "2.5 NM",
    "reason": "R06",
    "role": "duty_officer",
    "channel": "radio 121.5",
    "route": "A - B, bridge 2",
}


@pytest.mark.parametrize("code", sorted(BOOK.phrases))
def test_every_phrase_renders_in_every_language_and_is_marked_a_draft(code):
    params = {name: SAMPLES[kind_of(name)] for name in BOOK.phrases[code].params}
    rendered = BOOK.rendered(code, params)
    assert set(rendered) == set(LANGS)
    for lang, text in rendered.items():
        assert "{" not in text
        assert BOOK.is_draft(code, lang)


def test_each_kind_of_parameter_has_a_sample_that_is_its_own_written_form():
    assert set(SAMPLES) == set(KINDS)
    for kind, text in SAMPLES.items():
        assert written(kind, text) == text


def test_reasons_roles_and_units_are_worded_and_numbers_are_not():
    rendered = BOOK.rendered("M08", {"ref": "alfa-flash-3", "reason": "R06"})
    assert "no contact with crew" in rendered["en"]
    assert "нет связи с экипажем" in rendered["ru"]
    assert "mürettebatla irtibat yok" in rendered["tr"]
    assert [shown("distance", "2.5 km", lang) for lang in LANGS] == ["2.5 km", "2.5 km", "2.5 км"]
    assert shown("level", "5000 ft AMSL", "ru") == "5000 фт AMSL"
    assert shown("level", "FL240", "ru") == "FL240"
    assert shown("course", "045", "tr") == "045°"
    assert shown("time", "2026-11-22T14:05Z", "en") == "2026-11-22 14:05"
    assert "(WGS 84)" in shown("pos", "35.8510N 036.0120E", "en")


@pytest.mark.parametrize(
    ("name", "text", "form"),
    [
        ("pos", "35.851N, 36.012E", "35.8510N 036.0120E"),
        ("pos", "-35.5 -36", "35.5000S 036.0000W"),
        ("course", "360", "000"),
        ("course", "7", "007"),
        ("speed", "420kt", "420 kt"),
        ("level", "1500m AGL", "1500 m AGL"),
        ("time", "2026-11-22T14:05:33.2Z", "2026-11-22T14:05Z"),
        ("time", "14:05", "14:05"),
        ("min", "007", "7"),
        ("track2", " THY1 ", "THY1"),
    ],
)
def test_a_parameter_has_one_written_form(name, text, form):
    assert written(name, text) == form
    assert written(name, form) == form


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pos", "95.0N 036.0E"),
        ("pos", "here"),
        ("level", "5000 ft"),
        ("level", "5000"),
        ("speed", "420"),
        ("distance", "far"),
        ("time", "25:00"),
        ("time", "2026-13-22T14:05Z"),
        ("time", "2026-11-22T14:05"),
        ("course", "361"),
        ("min", "-1"),
        ("min", "٤"),
        ("n", "1e3"),
        ("callsign", "thy1"),
        ("track", "THY 1"),
        ("area", "<script>"),
        ("ref", "a b"),
        ("reason", "because"),
    ],
)
def test_a_wrong_parameter_is_refused_with_what_would_be_right(name, text):
    with pytest.raises(OrderRefused, match="is not") as refused:
        written(name, text)
    assert refused.value.code == "parameter"


HIDDEN = ["\u202e", "\u2066", "\u200b", "\u200f", "\ufeff", "\u00ad", "\x1b", "\x00", "\t", "\r", "\u2028", "\ue000"]


@pytest.mark.parametrize("char", HIDDEN)
def test_characters_that_do_not_show_are_refused_everywhere(char):
    with pytest.raises(OrderRefused, match=r"U\+[0-9A-F]{4}") as refused:
        plain_text(f"keep{char}clear")
    assert refused.value.code == "text_hidden_character"
    with pytest.raises(OrderRefused):
        written("area", f"North{char}2")


def test_free_text_keeps_its_language_and_its_lines():
    assert plain_text("İğdır\nв районе") == "İğdır\nв районе"
    assert plain_text("e\u0301") == "é"
    assert is_plain("é")
    assert not is_plain("e\u0301")
    assert not is_plain("")
    with pytest.raises(OrderRefused, match="empty"):
        plain_text(" \n")
    with pytest.raises(OrderRefused, match="at most"):
        plain_text("x" * 2_001)


@given(st.text(max_size=60))
def test_no_text_makes_the_parameters_raise_anything_else(text):
    for name, sample in SAMPLES.items():
        form = sample
        with suppress(OrderRefused):
            form = written(name, text)
        assert written(name, form) == form


def test_missing_and_surplus_parameters_are_refused():
    for params in ({}, {"track": "A", "pos": "1N 1E"}):
        with pytest.raises(OrderRefused, match="takes the parameters") as refused:
            BOOK.checked("W06", params)
        assert refused.value.code == "parameters"
    with pytest.raises(OrderRefused, match="no phrase 'Z99'"):
        BOOK.checked("Z99", {})
    with pytest.raises(OrderRefused, match="is none of"):
        BOOK.checked("P12", {"role": "king"})


def test_what_is_not_ours_to_read_is_not_rendered():
    assert BOOK.rendered("Z99", {}) == {}
    assert BOOK.rendered("M01", {"track": "THY1", "course": "7"}) == {}
    assert BOOK.expects("Z99") == ["P05"]
    assert BOOK.expects(None) == []


def test_a_phrase_has_its_precedence_and_its_lowest_role():
    assert BOOK.checked("W06", {"track": "A"}).precedence is Precedence.IMMEDIATE
    assert BOOK.checked("W06", {"track": "A"}, Precedence.FLASH).precedence is Precedence.FLASH
    assert [BOOK.min_role(c) for c in ("P01", "D05", "C08")] == [Role.OPERATOR, Role.MILITARY, Role.MINISTER]


def changed(**changes):
    book = json.loads(json.dumps(BOOK_JSON))
    for key, value in changes.items():
        book["phrases"][0][key] = value
    return json.dumps(book).encode()


BOOK_JSON = json.loads(files("detente.desk").joinpath("codebook.json").read_bytes())


def test_the_digest_is_of_the_content():
    assert Codebook(json.dumps(BOOK_JSON, indent=3).encode()).digest == BOOK.digest
    assert Codebook(changed(en="Received: {ref}.")).digest != BOOK.digest


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"code": "P02"}, "twice"),
        ({"params": ["colour"], "en": "{colour}", "tr": "{colour}", "ru": "{colour}"}, "unknown kind"),
        ({"tr": "Alındı."}, "tr does not show"),
        ({"expects": ["Z99"]}, "no phrase"),
        ({"colour": 1}, "unknown field"),
    ],
)
def test_a_codebook_that_could_be_read_two_ways_is_refused(changes, complaint):
    with pytest.raises(ConfigError, match=complaint):
        Codebook(changed(**changes))


def alert(kind=Kind.INCURSION, time_to_event_s=185.0):
    return Alert(
        1, kind, Level.ALARM, 1, 2 if kind is Kind.CONFLICT else 0, "line", Instant(0), Instant(0),
        None if math.isnan(time_to_event_s) else Instant(int(time_to_event_s * 1e9)), time_to_event_s, 3_000.0, 400,
        math.radians(35.85), math.radians(36.01),
    )  # fmt: skip


def zone(kind, name="Kuzey <2>"):
    return Zone("hat/1", name, kind, PartyId("bravo"), (), None, None, 0.0, 10.0, ())


def test_each_alert_of_ours_has_its_phrase():
    conflict = phrase_for_alert(alert(Kind.CONFLICT), "THY1", "a\u202eb", None)
    assert (conflict.code, conflict.params["distance"], conflict.params["min"]) == ("W01", "1.6 NM", "3")
    assert conflict.params["track2"] == "ab"
    assert phrase_for_alert(alert(), "THY1", None, zone(ZoneKind.BORDER)).code == "W02"
    entry = phrase_for_alert(alert(), "THY1", None, zone(ZoneKind.ZONE))
    assert (entry.code, entry.params["area"]) == ("W03", "Kuzey 2")
    assert phrase_for_alert(alert(time_to_event_s=0.0), "THY1", None, zone(ZoneKind.ZONE)).code == "W04"
    assert phrase_for_alert(alert(Kind.APPROACH, math.nan), "\u202e", None, zone(ZoneKind.BORDER)).params == {
        "track": "-"
    }
