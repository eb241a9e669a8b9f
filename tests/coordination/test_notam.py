"""NOTAM: what is read is what was meant; what is not read is refused by the item's name; what is written comes back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.coordination.extent import E7
from detente.coordination.notam import read_notam, write_notam
from detente.coordination.plan import Circle, Corridor, EllipsoidLevels, Kind, Plan, Polygon, PressureLevels, Volume
from detente.errors import OrderRefused
from detente.types import instant_ms, instant_of_iso

AREA = """(A1234/26 NOTAMN
Q) LTAA/QRTCA/IV/BO/W/000/100/3600N03630E015
A) LTAA B) 2612010600 C) 2612011800
E) TEMPORARY RESTRICTED AREA BOUNDED BY 355000N 0361500E - 361000N 0361500E -
361000N 0364500E - 355000N 0364500E - 355000N 0361500E.
F) SFC G) FL100)"""


def ms(text: str) -> int:
    return instant_ms(instant_of_iso(text))


def test_an_area_by_its_corners_is_read_with_its_times_and_levels():
    notam = read_notam(AREA)
    [volume] = notam.plan.volumes
    assert (notam.name, notam.fir, notam.replaces, notam.from_q_line) == ("A1234/26", "LTAA", None, False)
    assert notam.plan.kind is Kind.HAZARD
    assert volume.levels == PressureLevels(None, 10_000)
    assert (volume.start_ms, volume.end_ms) == (ms("2026-12-01T06:00:00Z"), ms("2026-12-01T18:00:00Z"))
    assert isinstance(volume.outline, Polygon)
    assert len(volume.outline.vertices) == 4
    assert volume.outline.vertices[0] == (358_333_333, 362_500_000)


def test_a_circle_in_the_text_is_read_and_without_one_the_q_line_stands_and_says_so():
    text = AREA.replace(AREA[AREA.index("E)") : AREA.index("F)")], "E) FIRING WI 5NM RADIUS OF 360000N 0363000E\n")
    assert read_notam(text).plan.volumes[0].outline == Circle((36 * E7, 365_000_000), 926_000)
    text = AREA.replace(AREA[AREA.index("E)") : AREA.index("F)")], "E) FIRING\n")
    read = read_notam(text)
    assert read.from_q_line
    assert read.plan.volumes[0].outline == Circle((36 * E7, 365_000_000), 15 * 185_200)


def test_a_window_a_day_becomes_a_volume_a_day_over_midnight_too():
    text = AREA.replace("C) 2612011800", "C) 2612031800\nD) DAILY 2200-0200")
    spans = [(v.start_ms, v.end_ms) for v in read_notam(text).plan.volumes]
    assert spans == [
        (ms("2026-12-01T22:00:00Z"), ms("2026-12-02T02:00:00Z")),
        (ms("2026-12-02T22:00:00Z"), ms("2026-12-03T02:00:00Z")),
    ]


def test_a_replacement_names_what_it_replaces():
    assert read_notam(AREA.replace("NOTAMN", "NOTAMR A1200/26")).replaces == "A1200/26"


@pytest.mark.parametrize(
    ("old", "new", "item"),
    [
        ("(A1234/26 NOTAMN", "HELLO", "number"),
        ("NOTAMN", "NOTAMC A1200/26", "type"),
        ("NOTAMN", "NOTAMR", "type"),
        ("QRTCA", "QMRLC", "Q"),
        ("3600N03630E015", "3600N03630E000", "Q"),
        ("3600N03630E015", "3600N03630E", "Q"),
        ("C) 2612011800", "C) PERM", "C"),
        ("C) 2612011800", "C) 2612011800 EST", "C"),
        ("C) 2612011800", "C) 2612010500", "C"),
        ("B) 2612010600", "B) 2613010600", "B"),
        ("C) 2612011800", "C) 2612011800 D) MON-FRI 0600-1800", "D"),
        ("C) 2612011800", "C) 2612281800 D) 0600-0700", "D"),
        ("C) 2612011800", "C) 2612011800 D) 1900-2000", "D"),
        ("F) SFC", "F) 3500FT AMSL", "F"),
        ("G) FL100", "G) 500FT AGL", "G"),
        ("F) SFC ", "", "F"),
        ("A) LTAA", "", "A"),
        ("A) LTAA", "A) LTAA A) LTBB", "A"),
        ("361000N 0361500E -\n361000N 0364500E - 355000N 0364500E - 355000N 0361500E", "361000N 0361500E", "E"),
        ("355000N 0361500E - 361000N", "996000N 0361500E - 361000N", "E"),
        ("BOUNDED BY", "5NM RADIUS", "E"),
    ],
)
def test_what_is_not_read_is_refused_by_the_items_name(old, new, item):
    assert old in AREA
    with pytest.raises(OrderRefused, match=rf"^NOTAM item {item}: ") as refused:
        read_notam(AREA.replace(old, new, 1))
    assert refused.value.code == "notam"


SECONDS = st.integers(-80 * 3_600, 80 * 3_600)


@given(
    SECONDS, SECONDS, st.integers(1, 99), st.integers(0, 40), st.sampled_from([Kind.HAZARD, Kind.EXERCISE, Kind.FLIGHT])
)
def test_what_is_written_is_read_back(lat_s, lon_s, radius_nm, floor, kind):
    centre = ((lat_s * E7 + 1_800) // 3_600, (lon_s * E7 + 1_800) // 3_600)
    corners = tuple((centre[0] + dy * 72_000, centre[1] + dx * 72_000) for dy, dx in ((0, 0), (0, 10), (10, 10)))
    levels = PressureLevels(floor * 100 or None, (floor + 50) * 100)
    for outline in (Circle(centre, radius_nm * 185_200), Polygon(corners)):
        volume = Volume(
            outline=outline, levels=levels, start_ms=ms("2026-12-01T06:00:00Z"), end_ms=ms("2026-12-01T07:01:00Z")
        )
        read = read_notam(write_notam(Plan(kind=kind, title="EX 12", volumes=(volume,)), "B0001/26", "LTAA")).plan
        assert read.kind is kind
        [back] = read.volumes
        assert (back.levels, back.start_ms, back.end_ms) == (levels, volume.start_ms, volume.end_ms)
        if isinstance(outline, Circle):
            assert back.outline.radius_cm == outline.radius_cm
            assert max(abs(a - b) for a, b in zip(back.outline.centre, centre, strict=True)) <= 1
        else:
            apart = [
                abs(a - b)
                for p, q in zip(back.outline.vertices, corners, strict=True)
                for a, b in zip(p, q, strict=True)
            ]
            assert max(apart) <= 1_389  # half a second


START = ms("2026-12-01T06:00:00Z")
GOOD = Volume(
    outline=Circle((36 * E7, 36 * E7), 926_000), levels=PressureLevels(), start_ms=START, end_ms=START + 60_000
)


@pytest.mark.parametrize(
    ("change", "item"),
    [
        ({"outline": Corridor(((0, 0), (E7, E7)), 1_000)}, "E"),
        ({"levels": EllipsoidLevels(0, 100)}, "F"),
        ({"levels": PressureLevels(50, 10_000)}, "F"),
        ({"end_ms": START + 1}, "C"),
    ],
)
def test_what_a_notam_would_not_say_exactly_is_not_written(change, item):
    from msgspec.structs import replace

    with pytest.raises(OrderRefused, match=rf"^NOTAM item {item}: "):
        write_notam(Plan(kind=Kind.HAZARD, title="X", volumes=(replace(GOOD, **change),)), "A0001/26", "LTAA")
    with pytest.raises(OrderRefused, match="Q-code"):
        write_notam(Plan(kind=Kind.JOINT_OPERATION, title="X", volumes=(GOOD,)), "A0001/26", "LTAA")


@given(st.text(max_size=300))
def test_no_text_raises_anything_but_a_refusal(text):
    for raw in (text, AREA + text, AREA.replace("TEMPORARY", text)):
        try:
            assert read_notam(raw).plan.volumes
        except OrderRefused as refused:
            assert refused.code == "notam"  # noqa: PT017
