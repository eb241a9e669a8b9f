"""Builders: two parties whose aircraft meet, each seen by its own party's sensor alone and shared with the other."""

from __future__ import annotations

from dataclasses import replace

import flights
from detente.engine.values import Declared
from detente.release.policy import parse_policy
from detente.testing.clock import DAY_ZERO
from detente.testing.parties import Character, Parties

ALL = '["position", "altitude", "velocity", "callsign", "identity", "squawk", "category", "declaration"]'


def everything_to(*peers):
    named = ", ".join(f'"{peer}"' for peer in peers)
    return parse_policy(
        f'name = "everything"\n[[rule]]\nname = "everything"\neffect = "release"\nto = [{named}]\ngive = {{ fields = {ALL} }}\n'
    )


def open_handed(own, *peers, **more):
    """A party that declares its one aircraft and releases everything."""
    return Character(**{"policy": everything_to(*peers), "declared": Declared((own,))} | more)


def two(**more):
    """Alfa flies aaaaaa, Bravo bbbbbb; each tells the other everything."""
    shared = {k: more.pop(k) for k in list(more) if k in Character.__dataclass_fields__}
    return Parties(
        {"alfa": open_handed(b"aaaaaa", "bravo", **shared), "bravo": open_handed(b"bbbbbb", "alfa", **shared)}, **more
    )


def fly(parties, seconds, flights_of, start=DAY_ZERO):
    """Let each party's sensor see its own flight, once a second from *start*."""
    for party, flight in flights_of.items():
        parties.plots(party, flights.plots_of(flight, seconds=seconds, start=start))


def meet(parties, distance_nm=30.0, seconds=90.0, **more):
    """Fly aaaaaa and bbbbbb towards each other, so far apart at the start."""
    a, b = flights.head_on(distance_nm, **more)
    fly(parties, seconds, {"alfa": a, "bravo": b}, start=parties.now)


def differently(character, **more):
    return replace(character, **more)
