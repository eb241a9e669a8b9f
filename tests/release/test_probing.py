"""A search for what is not told is seen at the desk; a single question is none."""

from detente.release.probing import KEPT, WARNINGS, WINDOW_NS, Probing
from detente.types import Instant
from release.sky import BRAVO, CHARLIE, NOON, SECOND


def test_t46_many_warnings_about_what_is_hidden_look_like_a_search():
    probing = Probing()
    for n in range(WARNINGS):
        assert probing.lines(NOON) == []
        probing.warned(BRAVO, f"alfa-{n}", Instant(NOON + n * SECOND))
        probing.warned(BRAVO, f"alfa-{n}", Instant(NOON + n * SECOND))
        probing.warned(CHARLIE, "alfa-0", NOON)
    [line] = probing.lines(Instant(NOON + 60 * SECOND))
    assert line.startswith(f"bravo: {WARNINGS} warnings in ten minutes")
    assert probing.lines(Instant(NOON + WINDOW_NS)) == []


def test_t46_an_activity_that_names_a_hidden_aircraft_is_said_at_once():
    probing = Probing()
    probing.named(BRAVO, "line/bravo-1", NOON)
    [line] = probing.lines(NOON)
    assert line.startswith("bravo names aircraft that are withheld from it in 1 of its own activities")
    assert probing.lines(Instant(NOON + WINDOW_NS)) == []


def test_what_is_remembered_is_bounded_and_says_so():
    probing = Probing()
    for n in range(KEPT + 10):
        probing.warned(BRAVO, f"alfa-{n}", NOON)
    assert f"{KEPT} or more warnings" in probing.lines(NOON)[0]
