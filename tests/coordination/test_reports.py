"""Reports: graded by each side, coarse about others, another's only with their consent, stale when their time is up."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordination.meeting import ALFA, BRAVO, CHARLIE, Meeting
from detente.coordination.reports import (
    Ask,
    Consent,
    Grade,
    GradeIt,
    Link,
    Marking,
    Point,
    Share,
    SharePoint,
    WithdrawReport,
    cell_of,
    coarse,
    is_within,
)
from detente.errors import OrderRefused
from detente.types import Role

INT = Role.INTELLIGENCE


def share(**given) -> Share:
    usual = {
        "title": "Column", "words": "Vehicles on the road.", "kind": "movement", "about": "others",
        "observed_ms": 1_000, "valid_until_ms": 60_000, "originator": "alfa", "area": (362, 371),
    }  # fmt: skip
    return Share(**{**usual, **given})


def share_point(**given) -> SharePoint:
    usual = {
        "title": "Column", "words": "Vehicles on the road.", "kind": "movement", "about": "own",
        "observed_ms": 1_000, "valid_until_ms": 60_000, "originator": "alfa",
        "point": Point(latitude_e4=362_000, longitude_e4=371_000),
    }  # fmt: skip
    return SharePoint(**{**usual, **given})


def rows(meeting: Meeting, at=BRAVO):
    return meeting.tables[at].standing.reports.rows(meeting.now_ms)


def test_r02_a_report_is_pushed_and_goes_stale_when_its_time_is_up():
    meeting = Meeting()
    name = meeting.say(ALFA, INT, share())
    assert [(row.report, row.stale, row.grades) for row in rows(meeting)] == [(name, False, {"alfa": ("F6", "")})]
    meeting.now_ms = 60_001
    assert rows(meeting)[0].stale


def test_each_party_keeps_its_own_grade_beside_the_other_s():
    meeting = Meeting()
    name = meeting.say(ALFA, INT, share(grade=Grade(source="B", item="2")))
    meeting.say(BRAVO, INT, GradeIt(report=name, grade=Grade(source="C", item="4"), words="Not what we saw."))
    assert rows(meeting)[0].grades == {"alfa": ("B2", ""), "bravo": ("C4", "Not what we saw.")}


def test_confirmed_needs_independent_sources():
    meeting = Meeting()
    for sources in ((), ("patrol",), ("patrol", "Patrol")):
        with pytest.raises(OrderRefused, match="2 independent sources"):
            meeting.say(ALFA, INT, share(grade=Grade(source="B", item="1", sources=sources)))
    meeting.say(ALFA, INT, share(grade=Grade(source="B", item="1", sources=("patrol", "satellite"))))
    assert rows(meeting)[0].grades["alfa"][0] == "B1"


def test_r16_another_s_item_is_blocked_until_its_originator_consents_and_listed_when_that_is_taken_back():
    meeting = Meeting("alfa", "bravo", "charlie")
    theirs = share(originator="charlie", material="c-17")
    with pytest.raises(OrderRefused, match="charlie has not consented"):
        meeting.say(ALFA, INT, theirs)
    meeting.say(ALFA, INT, Ask(originator="charlie", material="c-17", words="It would help."))
    meeting.say(CHARLIE, INT, Consent(material="c-17", consents=True))
    name = meeting.say(ALFA, INT, theirs)
    meeting.say(CHARLIE, INT, Consent(material="c-17", consents=False))
    consent = meeting.tables[BRAVO].standing.reports.consents()[0]
    assert (consent.state, consent.shared_as, consent.asked_by) == ("taken_back", [name], ["alfa"])
    assert [(sent.report, sent.by, sent.to) for sent in consent.sent] == [(name, "alfa", ["bravo", "charlie"])]
    assert consent.taken_back_at_ms == meeting.now_ms
    assert rows(meeting)[0].consent_withdrawn
    assert rows(meeting)[0].marking == (
        "TLP:AMBER+STRICT // ORIGINATOR CHARLIE // CONSENT TAKEN BACK: PASS ON NO FURTHER"
    )
    with pytest.raises(OrderRefused, match="charlie has not consented"):
        meeting.say(ALFA, INT, theirs)


def test_a_marking_stands_beside_every_report_and_says_whose_it_is():
    meeting = Meeting("alfa", "bravo", "charlie")
    meeting.say(ALFA, INT, share())
    assert rows(meeting)[0].marking == "TLP:AMBER+STRICT"
    meeting.say(ALFA, INT, share(marking=Marking(tlp="green", may_pass_to=("charlie",))))
    assert rows(meeting)[0].marking == "TLP:GREEN // MAY PASS TO CHARLIE"
    meeting.say(CHARLIE, INT, Consent(material="c-17", consents=True))
    meeting.say(ALFA, INT, share(originator="charlie", material="c-17"))
    assert rows(meeting)[0].marking == "TLP:AMBER+STRICT // ORIGINATOR CHARLIE"


def test_nobody_is_asked_who_has_no_seat_here():
    meeting = Meeting()
    with pytest.raises(OrderRefused, match="charlie has no seat here"):
        meeting.say(ALFA, INT, Ask(originator="charlie", material="c-17", words="x"))
    with pytest.raises(OrderRefused, match="needs nobody's consent"):
        meeting.say(ALFA, INT, Ask(originator="alfa", material="c-17", words="x"))
    assert rows(meeting) == []


def test_a_report_about_others_says_where_as_a_coarse_area():
    meeting = Meeting()
    with pytest.raises(OrderRefused, match="as a coarse area"):
        meeting.say(ALFA, INT, share(area=None))
    meeting.say(ALFA, INT, share(about="general", area=None))
    assert [row.area for row in rows(meeting)] == [None]


@pytest.mark.parametrize("about", ["own", "safety_of_life"])
def test_a_point_is_given_of_ones_own_and_to_save_lives(about):
    meeting = Meeting()
    meeting.say(ALFA, INT, share_point(about=about))
    assert [(row.about, row.point) for row in rows(meeting)] == [(about, (362_000, 371_000))]


def test_no_field_of_a_report_could_choose_or_point_at_anybody():
    fields = {field.name for act in (Share, SharePoint) for field in msgspec.structs.fields(act)}
    banned = {
        "target",
        "weapon",
        "engage",
        "strike",
        "adversary",
        "hostile",
        "enemy",
        "unit",
        "route",
        "speed",
        "course",
    }
    assert not fields & banned
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**msgspec.to_builtins(share()), "target": "x"}, Share)


def test_r15_what_nobody_filled_in_is_shown_as_missing():
    meeting = Meeting()
    meeting.say(ALFA, INT, share(provenance=(Link(part="speaker", name="a correspondent"), Link(part="outlet"))))
    assert rows(meeting)[0].missing == ["outlet"]


def test_a_search_finds_a_report_by_its_cell_and_a_point_by_the_cell_that_holds_it():
    meeting = Meeting()
    meeting.say(ALFA, INT, share())
    meeting.say(ALFA, INT, share_point())
    meeting.say(ALFA, INT, share(about="general", area=None))
    assert [cell_of(row) for row in rows(meeting)] == [None, (362, 371), (362, 371)]


@pytest.mark.parametrize(
    ("south_west", "north_east", "lies_in"),
    [
        ((360, 370), (365, 375), True),
        ((362, 371), (362, 371), True),
        ((360, 1_700), (365, 400), True),  # over the antimeridian
        ((360, 400), (365, 370), False),
        ((0, 0), (10, 10), False),
    ],
)
def test_a_search_by_area_takes_both_corners_and_goes_over_the_antimeridian(south_west, north_east, lies_in):
    assert is_within((362, 371), south_west, north_east) == lies_in


def test_what_is_withdrawn_or_replaced_stays_with_its_reason_and_only_its_own_party_does_that():
    meeting = Meeting()
    first = meeting.say(ALFA, INT, share())
    second = meeting.say(ALFA, INT, share(replaces=first))
    with pytest.raises(OrderRefused, match="only alfa"):
        meeting.say(BRAVO, INT, WithdrawReport(report=second, reason="x"))
    meeting.say(ALFA, INT, WithdrawReport(report=second, reason="Seen again: farm machines."))
    assert [(row.replaced_by, row.withdrawn) for row in rows(meeting)] == [
        (None, "Seen again: farm machines."), (second, ""),
    ]  # fmt: skip


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_a_cell_holds_the_place_it_is_of(latitude_deg, longitude_deg):
    south, west = coarse(latitude_deg, longitude_deg)
    assert south / 10 <= latitude_deg <= (south + 1) / 10 + 1e-9
    assert (longitude_deg - west / 10) % 360 <= 0.1 + 1e-9
