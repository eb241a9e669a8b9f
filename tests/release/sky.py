"""Builders: tracks, lines and policies for the tests of release."""

from __future__ import annotations

import numpy as np

from detente.detect.zone import Zone, ZoneKind
from detente.picture.picture import NOBODY, TRACK
from detente.release.policy import parse_policy
from detente.release.release import Releaser
from detente.types import Instant, PartyId
from detente.units import M_PER_FT, RAD_PER_DEG

BRAVO, CHARLIE = PartyId("bravo"), PartyId("charlie")
NOON = Instant(1_795_000_000_000_000_000)
SECOND = 1_000_000_000


def tracks(*rows):
    """Tracks of ours at 36 N 36 E, FL100, unless a row says otherwise: latitude and longitude in degrees, altitude_ft."""
    made = np.zeros(len(rows), TRACK)
    for i, given in enumerate(rows):
        row = dict(given)
        track = made[i]
        track["number"] = row.pop("number", i + 1)
        track["identity"] = f"4b{i:04x}".encode()
        track["callsign"] = f"THY{i:03d}".encode()
        track["first_at_ns"] = NOON - 600 * SECOND
        track["applicable_at_ns"] = row.pop("at", NOON)
        track["declared_by"] = NOBODY
        track["latitude_rad"] = row.pop("lat", 36.0) * RAD_PER_DEG
        track["longitude_rad"] = row.pop("lon", 36.0) * RAD_PER_DEG
        track["altitude_pressure_m"] = row.pop("altitude_ft", 10_000) * M_PER_FT
        track["v_east_mps"], track["v_north_mps"], track["v_up_mps"] = 120.0, -30.0, 5.0
        track["position_sigma_m"] = 30.0
        track["squawk"] = 0o1234
        track["category"] = b"A3"
        for name, value in row.items():
            track[name] = value
    return made


def line(zone="the line", south=35.0, north=36.0, west=35.0, east=37.0, owner="bravo", kind=ZoneKind.BORDER):
    ring = np.array([[south, west], [south, east], [north, east], [north, west], [south, west]]) * RAD_PER_DEG
    return Zone(zone, zone, kind, PartyId(owner), (ring,), None, None, 5_000.0, 10.0, (PartyId(owner),))


def releaser(text, zones=(), peers=(BRAVO, CHARLIE)):
    policy = parse_policy(f'name = "test"\n{text}')
    return Releaser(policy, zones, {peer: (peer.encode() * 8)[:32] for peer in peers})


EVERYTHING = """
[[rule]]
name = "everything"
effect = "release"
to = ["bravo"]
give = { fields = ["position", "altitude", "velocity", "callsign", "identity", "squawk", "category", "declaration"] }
"""
