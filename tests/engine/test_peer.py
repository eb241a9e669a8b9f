"""What a peer may not know, and what a peer can do to us: nothing leaves by default, and nothing it says raises."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detente.desk.orders import SendText
from detente.engine.values import Declares, FeedSaid, PolicySet, ViewSet
from detente.errors import OrderRefused
from detente.evidence.leaf import Kind, Lane
from detente.evidence.note import b64
from detente.link.session import Draft
from detente.release.policy import parse_policy
from detente.testing.parties import Character, Parties
from detente.types import PartyId, Precedence, Role
from engine.meeting import everything_to, open_handed, two
from flights import Flight, plots_of

BRAVO = PartyId("bravo")
POL = b64(bytes(32))

ONLY_AAAAAA = """
name = "only one"
[[rule]]
name = "ours"
effect = "release"
to = ["bravo"]
when = { identities = ["aaaaaa"] }
give = { fields = ["position", "altitude"] }
"""


def one_way(policy, flights_of_alfa, seconds=30.5):
    parties = Parties({"alfa": Character(policy=policy), "bravo": Character()})
    parties.plots("alfa", plots_of(*flights_of_alfa, seconds=40.0, start=parties.now))
    parties.run(seconds)
    return parties


# --- what leaves


def test_a_peer_that_is_released_nothing_learns_not_even_that_there_was_something():
    shown = Flight("aaaaaa", 47.0, 8.0)
    hidden = (Flight("bbbbbb", 47.1, 8.1, 20_000.0), Flight("cccccc", 40.0, 20.0))
    policy = parse_policy(ONLY_AAAAAA)
    alone, among = one_way(policy, (shown,)), one_way(policy, (shown, *hidden))
    assert among["alfa"].sent == alone["alfa"].sent
    assert len(alone["alfa"].sent) > 60
    assert alone.board("bravo").counts.shared == among.board("bravo").counts.shared == 1
    assert among.board("alfa").peers[0].withheld == {"no rule releases it": 2}


def test_a_peer_without_a_policy_hears_the_same_from_an_empty_sky_and_a_full_one():
    sky = [Flight(f"d{i:05d}", 47.0 + i * 0.5, 8.0) for i in range(8)]
    nothing = Character().policy
    empty, full = one_way(nothing, (Flight("aaaaaa", 47.0, 8.0),), 20.5), one_way(nothing, sky, 20.5)
    assert full["alfa"].sent == empty["alfa"].sent
    assert full.board("bravo").counts.shared == 0


def test_another_policy_is_in_force_at_the_next_frame():
    parties = one_way(parse_policy(ONLY_AAAAAA), (Flight("aaaaaa", 47.0, 8.0), Flight("bbbbbb", 47.5, 8.0)), 10.5)
    assert parties.board("bravo").peers[0].shared_with_us == 1
    parties.give("alfa", PolicySet(parties["alfa"].releaser(everything_to("bravo"))))
    parties.run(1.0)
    assert parties.board("bravo").peers[0].shared_with_us == 2
    assert parties.board("alfa").peers[0].policy_name == "everything"
    parties.give("alfa", PolicySet(parties["alfa"].releaser(Character().policy)))
    parties.run(1.0)
    assert parties.board("bravo").peers[0].shared_with_us == 0


def test_the_preview_is_what_the_peer_sees_and_names_the_rule_that_withheld():
    parties = one_way(parse_policy(ONLY_AAAAAA), (Flight("aaaaaa", 47.0, 8.0), Flight("bbbbbb", 47.5, 8.0)), 10.5)
    frame, withheld = parties["alfa"].engine.preview(BRAVO, parties.now)
    told = msgspec.msgpack.decode(frame)
    assert told["n"] == 1
    assert told["identity"].strip(b"\0").startswith(b"~")  # the rule gives no identity
    assert withheld == [("bbbbbb", "no rule releases it")]
    with pytest.raises(OrderRefused, match="no party"):
        parties["alfa"].engine.preview(PartyId("delta"), parties.now)


def test_an_identity_declared_later_is_ours_from_then_on():
    parties = two()
    parties.plots("alfa", plots_of(Flight("eeeeee", 47.0, 8.0), seconds=10.0, start=parties.now))
    parties.run(3.0)
    assert parties.board("alfa").counts.unattributed == 1
    parties.give("alfa", Declares((b"eeeeee",)))
    parties.run(3.0)
    assert parties.board("alfa").counts.unattributed == 0


def test_the_desk_shows_what_became_of_a_feed_and_where_the_map_is():
    parties = two()
    parties.give("alfa", FeedSaid(0, "failed", "no route to host"))
    parties.give("alfa", ViewSet((47.0, 8.0), 80.0))
    board = parties.board("alfa")
    assert (board.feeds[0].state, board.feeds[0].note) == ("failed", "no route to host")
    assert (board.centre_e7, board.range_nm) == ([470_000_000, 80_000_000], 80.0)
    assert parties["alfa"].engine.numbers()["detente_tracks"] == 0.0


# --- what a peer can do


def test_a_peers_frame_never_moves_a_track_of_our_own():
    parties = Parties({"alfa": open_handed(b"aaaaaa", "bravo"), "bravo": open_handed(b"", "alfa")})
    parties.plots("alfa", plots_of(Flight("aaaaaa", 47.0, 8.0), seconds=20.0, start=parties.now))
    # Bravo says the same address is somewhere else.
    parties.plots("bravo", plots_of(Flight("aaaaaa", 48.5, 8.0), seconds=20.0, start=parties.now))
    parties.run(15.5)
    alone = Parties({"alfa": open_handed(b"aaaaaa", "bravo"), "bravo": Character()})
    alone.plots("alfa", plots_of(Flight("aaaaaa", 47.0, 8.0), seconds=20.0, start=alone.now))
    alone.run(15.5)
    own, undisturbed = own_tracks(parties), own_tracks(alone)
    assert len(own) == 1
    for name in ("latitude_rad", "longitude_rad", "altitude_pressure_m", "v_east_mps", "applicable_at_ns"):
        assert own[name] == undisturbed[name]


def own_tracks(parties):
    tracks = parties["alfa"].engine._watch.tracks
    return tracks[tracks["party"] == 0]


def say(parties, kind, body, *, lane=Lane.OPS, by="operator", re=(), precedence=Precedence.PRIORITY):
    """Let Bravo's node sign whatever *body* is, as a dishonest or a broken one may."""
    side = parties["bravo"]
    draft = Draft(kind=kind, body=body, precedence=precedence, by=by, pol=POL, re=re)
    engine = side.engine
    _, effects = engine._sessions[PartyId("alfa")].write(lane, draft, parties.clock("bravo"))
    batch = engine._linked(PartyId("alfa"), effects, parties.clock("bravo"))
    for stored in side.write(batch):
        parties._send(side, batch)
        parties.give("bravo", stored)


MALFORMED = {
    "not JSON": (Kind.HOTLINE, b"\x00\xff"),
    "empty": (Kind.HOTLINE, b""),
    "another form": (Kind.ACK, b'{"text":"hi"}'),
    "not canonical": (Kind.ACK, b'{"at_ms": 1}'),
    "a number that is none": (Kind.ACK, b'{"at_ms":NaN}'),
    "beyond its range": (Kind.DISPLAYED, b'{"at_ms":-1}'),
    "a rung that is none": (Kind.ESCALATION, b'{"at_ms":1,"rung":9}'),
    "no such reason": (Kind.STAND_DOWN, b'{"at_ms":1,"reason":"tired"}'),
    "text that hides": (Kind.HOTLINE, '{"line":"watch","text":"a\u202eb"}'.encode()),
    "an alert of another's": (
        Kind.ALERT,
        b'{"a":null,"alert":"alfa-1","at_ms":1,"happening":"raised","kind":"incursion","level":"alarm"}',
    ),
    "a track frame of garbage": (Kind.TRACK, b"garbage\n"),
    "a track beyond the globe": (Kind.TRACK, b"[1,1,990000000,0,null,null,null,null,null,null,null,null,null,1,1]\n"),
    "a track of two fields": (Kind.TRACK, b"[1,1]\n"),
}


@pytest.mark.parametrize(("kind", "body"), MALFORMED.values(), ids=MALFORMED)
def test_a_body_that_cannot_be_read_is_counted_and_shown_and_stays_in_the_record(kind, body):
    parties = two()
    parties.run(1.5)
    say(parties, kind, body, lane=Lane.TRACK if kind is Kind.TRACK else Lane.OPS)
    parties.run(3.0)
    (fault,) = parties.board("alfa").faults
    assert fault.startswith("bravo: ")
    assert fault.endswith("(1)")
    assert parties.board("alfa").peers[0].state == "UP"
    assert parties.roots_equal()
    name = parties.order("bravo", SendText("alfa", "watch", "P", "and on it goes"))["message"]
    parties.run(1.0)
    assert name in {row.message for row in parties.board("alfa").messages}


@settings(max_examples=25)
@given(
    kind=st.sampled_from([Kind.HOTLINE, Kind.ACK, Kind.DISPLAYED, Kind.ESCALATION, Kind.STAND_DOWN, Kind.ALERT]),
    body=st.binary(max_size=60)
    | st.dictionaries(st.text(max_size=6), st.integers() | st.text()).map(msgspec.json.encode),
    by=st.sampled_from(["operator", "node", "console", "leader"]),
    refs=st.lists(st.binary(min_size=32, max_size=32).map(b64), max_size=3),
)
def test_nothing_a_peer_signs_raises(kind, body, by, refs):
    parties = two()
    parties.run(1.5)
    say(parties, kind, body, by=by, re=tuple(refs))
    parties.run(2.0)
    assert parties.board("alfa").peers[0].state == "UP"


def test_an_acknowledgement_by_nobody_we_know_is_a_fault_and_no_acknowledgement():
    parties = two()
    parties.run(1.5)
    name = parties.order("alfa", SendText("bravo", "watch", "P", "hello"))["message"]
    parties.run(1.0)
    say(parties, Kind.ACK, b'{"at_ms":1}', by="node", re=(parties["alfa"].engine.subjects.leaf_of[name],))
    parties.run(1.0)
    (row,) = parties.board("alfa").messages
    assert row.halves[1].acknowledged_at_ms is None
    assert len(parties.board("alfa").faults) == 1


def test_frames_that_are_noise_are_refused_and_the_link_comes_back():
    from detente.engine.values import PeerSent
    from detente.link.frames import Channel

    parties = two()
    parties.run(1.5)
    source = np.random.default_rng(5)
    for _ in range(20):
        parties.give("alfa", PeerSent(BRAVO, Channel.PRIO, source.bytes(40)))
        parties.give("alfa", PeerSent(BRAVO, Channel.BULK, "{" + source.bytes(8).hex()))
        parties.run(0.3)
    parties.run(10.0)
    assert parties.board("alfa", Role.OPERATOR).peers[0].state == "UP"
    parties.run(0.5 - (parties.now % 10**9) / 10**9 + 1.0)
    assert parties.roots_equal()
