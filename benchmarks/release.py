"""What a release policy costs: 200 rules of all kinds on 12,000 tracks for three peers, decided and built into frames.

Every track leaves to every peer in the end, by the last rule, which is the dearest case: all rules are asked, and three
whole frames are made. CPU time of one thread; the aim is 20 ms a frame.

`python benchmarks/release.py` or `detente bench release`.
"""

from __future__ import annotations

import time

import numpy as np

from detente.detect.zone import Zone, ZoneKind
from detente.picture.picture import NOBODY, TRACK
from detente.release.policy import Area, Circle, Give, NearLine, Policy, Rule, When
from detente.release.release import Releaser
from detente.types import NS_PER_S, Instant, PartyId
from detente.units import M_PER_FT

PEERS = [PartyId(name) for name in ("bravo", "charlie", "delta")]
START = 1_795_000_000 * NS_PER_S
AREAS = 20


def sky(n: int, rng: np.random.Generator):
    """Return *n* tracks over Europe."""
    tracks = np.zeros(n, TRACK)
    tracks["number"] = np.arange(1, n + 1)
    tracks["identity"] = [b"%06x" % value for value in rng.integers(0, 1 << 24, n)]
    letters = rng.integers(65, 91, (n, 3))
    tracks["callsign"] = [
        bytes(row) + b"%03d" % number
        for row, number in zip(letters.astype(np.uint8).tolist(), rng.integers(0, 999, n), strict=True)
    ]
    tracks["declared_by"] = rng.choice([0, 1, NOBODY], n, p=[0.1, 0.1, 0.8])
    tracks["latitude_rad"] = np.radians(rng.uniform(34.0, 52.0, n))
    tracks["longitude_rad"] = np.radians(rng.uniform(-5.0, 40.0, n))
    tracks["altitude_pressure_m"] = rng.uniform(0.0, 40_000.0, n) * M_PER_FT
    tracks["squawk"] = rng.integers(0, 4096, n)
    tracks["category"] = rng.choice([b"A1", b"A3", b"A7", b""], n)
    tracks["position_sigma_m"] = 30.0
    tracks["first_at_ns"] = 1
    return tracks


def policy(rules: int, rng: np.random.Generator) -> tuple[Policy, list[Zone]]:
    """Return a policy of *rules* rules of eight kinds by turns, one that releases the rest, and the line it names."""
    turn = np.linspace(0.0, 2.0 * np.pi, 60, endpoint=False)
    areas = []
    for i in range(AREAS):
        lat, lon = float(rng.uniform(35.0, 51.0)), float(rng.uniform(-4.0, 39.0))
        ring = [(lat + 0.5 * float(np.cos(x)), lon + 0.5 * float(np.sin(x))) for x in turn]
        shape = {"circle": Circle(centre=(lat, lon), radius_nm=30.0)} if i % 2 else {"polygon": ring}
        areas.append(Area(name=f"area {i}", **shape))
    made = []
    for i in range(rules):
        feet = int(rng.integers(1_000, 40_000))
        when = [
            When(areas=[f"area {i % AREAS}"], altitude_below_ft=feet),
            When(callsigns=["ABC*", f"XY{i % 10}*"]),
            When(identities=[f"4b{i % 10}*"]),
            When(declared_by="own", altitude_from_ft=feet),
            When(categories=["rotorcraft"], areas=[f"area {i * 7 % AREAS}"]),
            When(line=NearLine(zone="the line", within_nm=float(i % 40 + 1))),
            When(emergency=True),
            When(altitude_from_ft=i * 100, altitude_below_ft=i * 100 + 300),
        ][i % 8]
        is_release = i % 3 != 0
        give = Give(fields=("position", "altitude")) if i % 5 else Give(fields=("position",), position_grid_m=5_000)
        made.append(
            Rule(
                name=f"rule {i}",
                effect="release" if is_release else "withhold",
                to=[] if not is_release else [PEERS[i % 3]] if i % 2 else list(PEERS),
                when=when,
                give=give if is_release else None,
            )
        )
    made.append(Rule(name="the rest", effect="release", to=list(PEERS), give=Give(fields=("position", "altitude"))))
    turn = np.linspace(0.0, 2.0 * np.pi, 2_000, endpoint=False)
    ring = np.radians(np.column_stack((42.0 + 4.0 * np.cos(turn), 18.0 + 8.0 * np.sin(turn))))
    own = PartyId("alfa")
    line = Zone("the line", "the line", ZoneKind.BORDER, own, (ring,), None, None, 5_000.0, 10.0, (own,))
    return Policy(name="benchmark", area=areas, rule=made), [line]


def measured(quick: bool) -> dict[str, list[dict[str, object]]]:
    """Return the CPU time of a frame to three peers at several sizes."""
    found = []
    for rules, n in ((20, 1_000), (200, 12_000)) if quick else ((20, 1_000), (200, 1_000), (20, 12_000), (200, 12_000)):
        rng = np.random.default_rng(20_261_201)
        text, zones = policy(rules, rng)
        releaser, tracks = Releaser(text, zones, {peer: bytes(32) for peer in PEERS}), sky(n, rng)
        times_ms = []
        for second in range(10 if quick else 60):
            before = time.process_time()
            frames = releaser.frames(tracks, PEERS, Instant(START + second * NS_PER_S))
            times_ms.append((time.process_time() - before) * 1e3)
        warm = sorted(times_ms[2:])
        found.append(
            {
                "rules": rules,
                "tracks": n,
                "peers": len(PEERS),
                "released": sum(frame.released for frame in frames.values()),
                "cpu_ms_median": round(warm[len(warm) // 2], 2),
                "cpu_ms_p90": round(warm[int(len(warm) * 0.9)], 2),
            }
        )
    return {"frame": found}


if __name__ == "__main__":
    for row in measured(quick=False)["frame"]:
        print(row)
