"""A released track on the link: one line of JSON integers an item, so that one can be disclosed without the others.

The frame's instant, reader and policy stand in the leaf's envelope. What is not told is null. A peer's items are plots
of that peer: never of ours, and never merged. A last line of spaces fills a frame up to a multiple of 4 KiB.
"""

from __future__ import annotations

import re
from typing import Annotated, Final

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from detente.errors import PeerFault
from detente.evidence.leaf import FRAME_BYTES, padded_items, unpack_items
from detente.feeds.plot import UNKNOWN_GROUND, UNKNOWN_SQUAWK, Plots, empty_plots
from detente.release.release import ITEM, UNTOLD, Items
from detente.types import NS_PER_MS
from detente.units import M_PER_FT, RAD_PER_DEG

TRACKS_LIMIT: Final = 20_000
"""Items in one frame; a longer frame is refused whole."""

_Int32 = Annotated[int, Meta(ge=-(2**31) + 1, le=2**31 - 1)]
_Text8 = Annotated[str, Meta(pattern=r"\A[!-~]{1,8}\Z")]


class TrackItem(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """One track as one peer is told of it."""

    ref: Annotated[int, Meta(ge=0, lt=2**52)]  # how the reader may name it; another for each reader and each flight
    at_ms: Annotated[int, Meta(ge=0, le=2**53 - 1)]  # time of applicability, UTC
    latitude_e7: Annotated[int, Meta(ge=-900_000_000, le=900_000_000)]  # 1e-7 degree, WGS 84
    longitude_e7: Annotated[int, Meta(ge=-1_800_000_000, le=1_800_000_000)]
    precision_m: Annotated[int, Meta(ge=0, le=1_000_000)] | None  # one standard deviation, or a grid's cell
    altitude_ft: _Int32 | None  # pressure altitude
    v_east_cmps: _Int32 | None
    v_north_cmps: _Int32 | None
    v_up_cmps: _Int32 | None
    callsign: _Text8 | None
    identity: Annotated[str, Meta(pattern=r"\A[!-~]{1,16}\Z")] | None
    squawk: Annotated[int, Meta(ge=0, le=0o7777)] | None
    category: Annotated[str, Meta(pattern=r"\A[A-D][0-7]\Z")] | None
    is_ours: Annotated[int, Meta(ge=0, le=1)]  # the writer declares it its own
    on_ground: Annotated[int, Meta(ge=0, le=1)] | None
    is_synthetic: Annotated[int, Meta(ge=0, le=1)]  # no sensor saw it: a reconstruction or exercise
    is_assessed: Annotated[int, Meta(ge=0, le=1)]  # 0: the writer's sensors could not be judged


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(TrackItem)

_INTEGERS: Final = ("precision_m", "altitude_ft", "v_east_cmps", "v_north_cmps", "v_up_cmps", "squawk")
_TEXTS: Final = ("callsign", "identity", "category")
_UNFIT: Final = re.compile(r"[^!-~]")


def encode_items(items: Items) -> tuple[bytes, ...]:
    """Return one line for each of *items* (`release.ITEM`)."""
    columns: list[list[object]] = []
    for name in ITEM.names or ():
        values: list[object] = items[name].tolist()
        if name in _INTEGERS:
            values = [None if v == UNTOLD else v for v in values]
        elif name == "on_ground":
            values = [None if v == -1 else v for v in values]
        elif name in _TEXTS:
            values = [_UNFIT.sub("", v.decode("ascii", "replace")) or None for v in values if isinstance(v, bytes)]
        columns.append(values)
    return tuple(_encoder.encode(row) for row in zip(*columns, strict=True))


def decode_frame(body: bytes) -> list[TrackItem]:
    """Return the items of a frame; raises PeerFault for anything that is not exactly such a frame."""
    lines = unpack_items(body)
    if lines and not lines[-1].strip(b" "):
        if len(body) % FRAME_BYTES or padded_items(lines[:-1]) != tuple(lines):
            raise PeerFault("track frame: it is filled up otherwise than to the next full size", body[:256])
        lines.pop()
    if len(lines) > TRACKS_LIMIT:
        raise PeerFault(f"track frame: {len(lines)} items, more than {TRACKS_LIMIT}", body[:256])
    try:
        return [_decoder.decode(line) for line in lines]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise PeerFault(f"track frame: {wrong}", body[:256]) from None


def identity_of(item: TrackItem) -> bytes:
    """Return the identity under which our picture holds a peer's item: as told, else a name made of its ref."""
    return item.identity.encode() if item.identity else f"~{item.ref:013x}"[:16].encode()


Flags = npt.NDArray[np.bool_]


def plots_of(items: list[TrackItem]) -> tuple[Plots, Flags, Flags, Flags]:
    """Return a peer's *items* as plots, in order of time, and of each: whether the peer declares it its own, whether it
    is synthetic, and whether the peer could judge it.
    """
    items = sorted(items, key=lambda item: item.at_ms)
    plots = empty_plots(len(items))
    plots["applicable_at_ns"] = [item.at_ms * NS_PER_MS for item in items]
    plots["identity"] = [identity_of(item) for item in items]
    plots["callsign"] = [(item.callsign or "").encode() for item in items]
    plots["latitude_rad"] = [item.latitude_e7 * 1e-7 * RAD_PER_DEG for item in items]
    plots["longitude_rad"] = [item.longitude_e7 * 1e-7 * RAD_PER_DEG for item in items]
    plots["altitude_pressure_m"] = [_scaled(item.altitude_ft, M_PER_FT) for item in items]
    plots["v_east_mps"] = [_scaled(item.v_east_cmps, 0.01) for item in items]
    plots["v_north_mps"] = [_scaled(item.v_north_cmps, 0.01) for item in items]
    plots["v_up_mps"] = [_scaled(item.v_up_cmps, 0.01) for item in items]
    plots["position_sigma_m"] = [_scaled(item.precision_m, 1.0) for item in items]
    plots["squawk"] = [UNKNOWN_SQUAWK if item.squawk is None else item.squawk for item in items]
    plots["category"] = [(item.category or "").encode() for item in items]
    plots["on_ground"] = [UNKNOWN_GROUND if item.on_ground is None else item.on_ground for item in items]
    is_theirs = np.array([item.is_ours for item in items], np.bool_)
    is_synthetic = np.array([item.is_synthetic for item in items], np.bool_)
    is_assessed = np.array([item.is_assessed for item in items], np.bool_)
    return plots, is_theirs, is_synthetic, is_assessed


def _scaled(value: int | None, unit: float) -> float:
    return float("nan") if value is None else value * unit
