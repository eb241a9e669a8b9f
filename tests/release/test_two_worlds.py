"""Two worlds that differ only in what is withheld give the same outgoing bytes: random policies, skies and alerts.

`DETENTE_WORLDS` sets how many; unset, all ten thousand are tried.
"""

import math
import os

import msgspec
import numpy as np
import pytest

from detente.alerts.alert import Alert, AlertEvent, Happening, Kind, Level
from detente.evidence.leaf import pack_items, padded_items
from detente.picture.picture import NOBODY, TRACK, Mark
from detente.release.alerts import alert_for
from detente.release.circumstances import UNKNOWN_CIRCUMSTANCES
from detente.release.policy import Give, NearLine, Policy, Rule, When
from detente.release.release import Releaser
from detente.types import Instant, PartyId
from detente.units import M_PER_FT
from detente.wire.messages import encode_body
from detente.wire.tracks import encode_items
from release.sky import BRAVO, CHARLIE, NOON, SECOND, line

CASES = int(os.environ.get("DETENTE_WORLDS", "10000"))
POLICIES = 40
PARTIES = [PartyId("alfa"), BRAVO, CHARLIE]
KEYS = {peer: (peer.encode() * 8)[:32] for peer in PARTIES[1:]}
ZONES = {zone.zone_id: zone for zone in [line()]}
ALTITUDES_FT = [math.nan, *range(0, 40_001, 5_000)]
CALLSIGNS = [b"MIL1", b"MIL2", b"THY1", b"UNO1", b""]


def policy(rng):
    """A policy of up to six rules, some of which withhold."""
    rules = []
    for i in range(int(rng.integers(1, 7))):
        when = {}
        if rng.random() < 0.4:
            when["callsigns"] = [str(rng.choice(["MIL*", "UNO1", "T*"]))]
        if rng.random() < 0.3:
            low = int(rng.integers(0, 30_000))
            when |= {"altitude_from_ft": low, "altitude_below_ft": low + int(rng.integers(1, 20_000))}
        if rng.random() < 0.3:
            when["declared_by"] = str(rng.choice(["own", "other", "nobody"]))
        if rng.random() < 0.2:
            when["emergency"] = bool(rng.random() < 0.8)
        if rng.random() < 0.3:
            when["line"] = NearLine(zone="the line", within_nm=float(rng.uniform(1, 100)))
        fields = ["position", *(f for f in ("altitude", "callsign", "identity", "declaration") if rng.random() < 0.5)]
        give = Give(
            fields=tuple(fields),
            position_grid_m=int(rng.choice([0, 0, 2_000])),
            altitude_step_ft=int(rng.choice([0, 500])),
            delay_s=int(rng.choice([0, 0, 0, 20])),
        )
        is_release = rng.random() < 0.6
        to = [str(peer) for peer in PARTIES[1:] if rng.random() < 0.8] or [BRAVO]
        rules.append(
            Rule(
                name=f"r{i}",
                effect="release" if is_release else "withhold",
                to=to if is_release else [],
                when=When(**when),
                give=give if is_release else None,
            )
        )
    return Policy(name="random", rule=rules)


def sky(rng, n):
    tracks = np.zeros(n, TRACK)
    tracks["number"] = np.arange(1, n + 1)
    tracks["identity"] = [b"%06x" % v for v in rng.integers(0, 1 << 24, n)]
    tracks["callsign"] = rng.choice(CALLSIGNS, n)
    tracks["first_at_ns"] = NOON - rng.integers(0, 1_000, n) * SECOND
    tracks["applicable_at_ns"] = NOON
    tracks["declared_by"] = rng.choice([0, 1, NOBODY], n)
    tracks["latitude_rad"] = np.radians(rng.uniform(34.5, 37.5, n))
    tracks["longitude_rad"] = np.radians(rng.uniform(34.5, 37.5, n))
    tracks["altitude_pressure_m"] = rng.choice(ALTITUDES_FT, n) * M_PER_FT
    tracks["v_east_mps"], tracks["position_sigma_m"] = rng.uniform(-200, 200, n), 30.0
    tracks["squawk"] = rng.choice([0o1234, 0o7700, 0xFFFF], n)
    tracks["flags"] = rng.choice([0, 0, 0, int(Mark.COASTED)], n)
    tracks["party"] = rng.choice([0, 0, 0, 2], n)
    return tracks


def another_world(rng, here, releaser, hidden):
    """The same sky, of which what is hidden from Bravo is gone, elsewhere or more, and is still hidden."""
    there = here.copy()
    moved = sky(rng, len(here) + 3)
    moved["number"][len(here) :] += 1_000
    changed = np.concatenate([np.flatnonzero(hidden), np.arange(len(here), len(moved))])
    there = np.concatenate([there, moved[len(here) :]])
    for name in ("latitude_rad", "longitude_rad", "altitude_pressure_m", "identity", "callsign", "v_east_mps"):
        there[name][changed] = moved[name][changed]
    decided = releaser._decided(there, (BRAVO,), NOON, UNKNOWN_CIRCUMSTANCES)[0]
    gives = np.array([rule.give is not None for rule in releaser.policy.rule] + [False] * 8)
    is_told = gives[decided]
    # What would be told after the change, or is declared Bravo's own, stays away.
    keep = np.ones(len(there), np.bool_)
    keep[changed] = ~is_told[changed] & (there["declared_by"][changed] != 1) & (rng.random(len(changed)) < 0.7)
    return there[keep]


def outgoing(releaser, tracks, alerts, frame=None):
    """Every byte that leaves for Bravo: the frame, and each alert that concerns it."""
    frame = frame or releaser.preview(tracks, BRAVO, NOON)
    out = [pack_items(padded_items(encode_items(frame.items)))]
    for n, event in enumerate(alerts):
        body = alert_for(event, f"alfa-{n}", tracks, frame, PARTIES, ZONES)
        out.append(b"" if body is None else encode_body(body))
    return out


def conflict(rng, own, other, band, other_first):
    """An alert about Bravo's own aircraft and another; what is exact in it is drawn anew, within *band*."""
    time_s, distance_m = rng.uniform(61, 119), band * rng.uniform(0.51, 0.99)
    at = Instant(NOON + int(rng.integers(0, 999)) * 1_000_000)
    a, b = (other, own) if other_first else (own, other)
    return AlertEvent(
        Happening.RAISED,
        Alert(
            1, Kind.CONFLICT, Level.ALARM, a, b, "", NOON, at, Instant(at + int(time_s * SECOND)), time_s, distance_m,
            int(rng.integers(-900, 900)), rng.uniform(0.6, 0.65), rng.uniform(0.6, 0.65), None, "",
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def releasers():
    rng = np.random.default_rng(48)
    return [Releaser(policy(rng), list(ZONES.values()), KEYS) for _ in range(POLICIES)]


def test_t48_two_worlds_that_differ_only_in_what_is_withheld_give_the_same_bytes(releasers):
    rng = np.random.default_rng(20_261_201)
    differed = alerted = told = 0
    for case in range(CASES):
        releaser = releasers[case % POLICIES]
        here = sky(rng, int(rng.integers(2, 9)))
        frame = releaser.preview(here, BRAVO, NOON)
        hidden = np.ones(len(here), np.bool_)
        hidden[frame.rows] = False
        hidden &= here["declared_by"] != 1
        there = another_world(rng, here, releaser, hidden)
        own = here["number"][(here["declared_by"] == 1) & (here["party"] == 0)]
        kept = np.intersect1d(here["number"][hidden], there["number"])
        alerts_here, alerts_there = [], []
        if len(own) and len(kept):
            band = float(rng.choice([500.0, 1_000.0]))
            for alerts in (alerts_here, alerts_there):
                alerts.append(conflict(rng, int(own[0]), int(kept[0]), band, rng.random() < 0.5))
        one = outgoing(releaser, here, alerts_here, frame)
        other = outgoing(releaser, there, alerts_there)
        assert one == other, f"case {case}: policy {msgspec.json.encode(releaser.policy)!r}"
        differed += there.tobytes() != here.tobytes()
        alerted += any(one[1:])
        told += frame.released > 0
    # The test would be worth nothing if the worlds were alike, or nothing were told of them.
    assert differed > 0.7 * CASES
    assert alerted > 0.1 * CASES
    assert told > 0.3 * CASES


def test_a_difference_in_what_is_told_is_a_difference_in_the_bytes(releasers):
    rng = np.random.default_rng(5)
    changed = 0
    for case in range(200):
        releaser, here = releasers[case % POLICIES], sky(rng, 6)
        frame = releaser.preview(here, BRAVO, NOON)
        if not frame.released:
            continue
        there = here[np.arange(len(here)) != frame.rows[0]]
        changed += outgoing(releaser, here, []) != outgoing(releaser, there, [])
    assert changed > 50


def test_t48_a_stream_with_delays_is_the_same_in_both_worlds():
    rng = np.random.default_rng(9)
    rules = [
        Rule(name="hide", effect="withhold", when=When(callsigns=["MIL*"])),
        Rule(name="late", effect="release", to=[BRAVO], give=Give(fields=("position", "altitude"), delay_s=10)),
    ]
    worlds = [Releaser(Policy(name="late", rule=rules), (), KEYS) for _ in range(2)]
    here = sky(rng, 12)
    here["callsign"][:6], here["callsign"][6:] = b"MIL1", b"THY1"
    here["flags"], here["party"] = 0, 0
    for second in range(40):
        now = Instant(NOON + second * SECOND)
        here["applicable_at_ns"], here["latitude_rad"] = now, here["latitude_rad"] + 1e-6
        there = here[6:] if second % 2 else here[3:]
        frames = [world.frame(tracks, BRAVO, now) for world, tracks in zip(worlds, (here, there), strict=True)]
        assert frames[0].items.tobytes() == frames[1].items.tobytes()
    assert frames[0].released == 6
