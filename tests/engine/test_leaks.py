"""What leaves a whole party: the same bytes at the same instants in two worlds that differ in what is hidden."""

import gc
import itertools
import sys
from types import SimpleNamespace

import numpy as np

from detente.engine import sharing
from detente.engine.sharing import LEAVES_NS, Sharing
from detente.engine.values import FramesDue, Party
from detente.evidence.keys import origin
from detente.evidence.leaf import Lane, read
from detente.link.transitions import State
from detente.release.policy import parse_policy
from detente.testing.clock import DAY_ZERO
from detente.testing.parties import TICK_NS, Parties, node_name
from detente.types import NS_PER_S, Instant, PartyId, Role
from engine.meeting import ALL, differently, open_handed
from flights import Flight, plots_of
from release.sky import NOON, releaser, tracks

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
        assert {ts % 1_000 for ts in stamps} == {300}
        assert [b - a for a, b in itertools.pairwise(stamps)] == [1_000] * (len(stamps) - 1)
    engine, looked = one["alfa"].engine, []
    engine._sharing.send = lambda now: looked.append("sent") or []
    engine._judge = lambda now: looked.append("looked") or []
    make = engine._sharing.make
    engine._sharing.make = lambda now: looked.append("made") or make(now)
    engine._tick(type(one.now)(one.now + NS_PER_S))
    assert looked == ["sent", "looked", "made"]


HIDE_OURS = '[[rule]]\nname = "ours"\neffect = "withhold"\nwhen = { callsigns = ["MIL*"] }\n'
PEERS = [PartyId(f"p{n}") for n in range(8)]
REST = (
    f'[[rule]]\nname = "rest"\neffect = "release"\nto = {[str(p) for p in PEERS]}\ngive = {{ fields = ["position"] }}\n'
)


def instants(hidden, frames, seed):
    """When each of so many frames to eight peers is sent by one thread whose ticks take longer the more is hidden, as a pump's do.

    A tick is due on a grid, and taken at once when the one before has run into its time.
    """
    sent, rng = [], np.random.default_rng(seed)
    sky = tracks({}, *({"callsign": b"MIL1", "lat": 36.1 + 0.1 * n} for n in range(hidden)))
    alfa = SimpleNamespace(
        parties=[Party(PartyId(p), p, node_name(p)) for p in ("alfa", *PEERS)],
        releaser=releaser(HIDE_OURS + REST, peers=PEERS),
        surveillance=SimpleNamespace(tracks=sky, assessment=SimpleNamespace(at=NOON)),
    )

    def said(peer, *_, now, items, **__):
        sent.append((now - NOON, peer, items))
        return b"", []

    link = {peer: SimpleNamespace(state=State.UP) for peer in PEERS}
    shared = Sharing(alfa, link, None, said, lambda _: True, lambda _: "in_force")
    at = free_at = NOON
    while len(sent) < frames:
        at = max(free_at, (at // TICK_NS + 1) * TICK_NS)
        shared.send(Instant(at))
        looked_at = at + int(rng.uniform(1e6, 2e6) + hidden * rng.uniform(0.0, 2e6))
        is_made = bool(shared.make(Instant(looked_at)))
        free_at = looked_at + (int(hidden * rng.uniform(0.0, 13e6)) if is_made else 0)
    return sent


def test_t49_ten_thousand_frames_leave_at_the_same_instants_whatever_is_hidden(monkeypatch):
    monkeypatch.setattr(sharing, "console_frame", lambda *_: b"")
    one, other = instants(0, 10_000, seed=1), instants(10, 10_000, seed=2)
    assert one == other  # instants and bytes: no two-sample test tells two equal samples apart
    assert {at % NS_PER_S for at, _, _ in one} == {LEAVES_NS}
    assert len({items for _, _, items in one}) == len(PEERS)  # refs differ, and nothing else


def test_t49_without_the_time_between_making_and_leaving_the_instants_would_tell(monkeypatch):
    monkeypatch.setattr(sharing, "console_frame", lambda *_: b"")
    monkeypatch.setattr(sharing, "LEAVES_NS", 0)
    late = [[at for at, _, _ in instants(n, 800, seed=n)] for n in (0, 10)]
    assert late[0] != late[1]


def calls_of_sending(hidden):
    """How many calls of any function a party makes from the tick on until its frame is ready to be written."""
    parties, calls = run(hidden, 8.2), 0
    now = Instant(parties.now + NS_PER_S // 10)

    def count(*_):
        nonlocal calls
        calls += 1

    gc.disable()  # others ask to be called when it runs: which of two countings that falls into is chance
    sys.setprofile(count)
    try:
        effects = parties["alfa"].engine.handle(FramesDue(), now)
    finally:
        sys.setprofile(None)
        gc.enable()
    assert effects
    return calls


def test_t49_to_send_a_frame_takes_the_same_work_whatever_is_hidden():
    calls_of_sending(0)  # what is done once at the first
    assert calls_of_sending(0) == calls_of_sending(25) > 50


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
