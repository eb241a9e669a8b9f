"""What leaves a whole party: the same bytes at the same instants in two worlds that differ in what is hidden."""

import itertools

from detente.evidence.keys import origin
from detente.evidence.leaf import Lane, read
from detente.release.policy import parse_policy
from detente.testing.clock import DAY_ZERO
from detente.testing.parties import Parties, node_name
from detente.types import NS_PER_S, Role
from engine.meeting import ALL, differently, open_handed
from flights import Flight, plots_of

HIDING = (
    'name = "hiding"\n[[rule]]\nname = "ours"\neffect = "withhold"\nwhen = { identities = ["dd*"] }\n'
    f'[[rule]]\nname = "rest"\neffect = "release"\nto = ["bravo"]\ngive = {{ fields = {ALL} }}\n'
)


def run(hidden, seconds=20.0):
    """Alfa sees one aircraft that it tells of, and *hidden* ones that it does not."""
    parties = Parties(
        {
            "alfa": differently(open_handed(b"aaaaaa", "bravo"), policy=parse_policy(HIDING)),
            "bravo": open_handed(b"bbbbbb", "alfa"),
        }
    )
    parties.plots("alfa", plots_of(Flight("aaaaaa", 36.0, 36.0), seconds=seconds, start=DAY_ZERO))
    for n in range(hidden):
        flight = Flight(f"dd00{n:02x}", 38.0 + 0.5 * n, 40.0, 10_000.0 + 500.0 * n)
        parties.plots("alfa", plots_of(flight, seconds=seconds, start=DAY_ZERO))
    parties.run(seconds)
    return parties


def leaves(parties, lane=Lane.TRACK):
    log = origin(node_name("alfa"), node_name("bravo"), lane)
    return [entry for record in parties["alfa"].recorded if record.origin == log for entry in record.entries]


def test_t48_two_runs_with_and_without_hidden_aircraft_send_the_same_stream():
    one, other = run(0), run(25)
    assert other["alfa"].engine.board(Role.OPERATOR, other.now).counts.own == 26
    assert one["alfa"].sent == other["alfa"].sent
    assert len(one["alfa"].sent) > 40


def test_t48_sizes_say_nothing_beyond_four_kilobytes_and_one():
    parties = run(3)
    assert {read(entry.leaf).size % 4096 for entry in leaves(parties)} == {0}
    assert all(read(entry.leaf).size % 1024 == 0 for lane in (Lane.OPS, Lane.FLASH) for entry in leaves(parties, lane))


def test_t49_frames_are_sent_on_the_grid_before_the_picture_is_looked_at():
    """What a tick sends first was made in the tick before: how long making takes moves no frame."""
    one, other = run(0), run(25)
    for parties in (one, other):
        stamps = [read(entry.leaf).ts for entry in leaves(parties)]
        assert {ts % 1_000 for ts in stamps} == {100}
        assert [b - a for a, b in itertools.pairwise(stamps)] == [1_000] * (len(stamps) - 1)
    engine, looked = one["alfa"].engine, []
    engine._sharing.send = lambda now: looked.append("sent") or []
    engine._judge = lambda now: looked.append("looked") or []
    make = engine._sharing.make
    engine._sharing.make = lambda now: looked.append("made") or make(now)
    engine._tick(type(one.now)(one.now + NS_PER_S))
    assert looked == ["sent", "looked", "made"]


def test_t50_no_name_of_a_hidden_aircraft_is_in_any_byte_that_is_kept_or_sent():
    parties = run(6)
    kept = b"".join(entry.leaf + (entry.body or b"") for lane in Lane for entry in leaves(parties, lane))
    assert b"aaaaaa" in kept
    for n in range(6):
        assert f"dd00{n:02x}".encode() not in kept


def test_t53_every_leaf_is_by_a_seat_or_by_the_node():
    parties = run(1)
    by = {read(entry.leaf).by for lane in Lane for entry in leaves(parties, lane)}
    assert by <= {role.value for role in Role} | {"node"}
