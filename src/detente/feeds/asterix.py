"""ASTERIX radar plots (CAT 048), ADS-B reports (021) and system tracks (062) become plots. Decoded by pyasteryx.

The wire tells neither the edition nor the day. A record that lacks an item its category makes mandatory, or whose
position lies off the globe, was written in an edition we do not know: refused, not displayed. The day is an argument
and turns at midnight. A radar gives range and azimuth, so its site must be known; without one its plots are refused.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from pyasteryx import Decoder
from pyasteryx.exceptions import AsteryxError
from pyproj import Geod

from detente.feeds.heard import NAN, Row, plots_of_rows
from detente.feeds.plot import UNKNOWN_GROUND, UNKNOWN_SQUAWK, Plots, Reject
from detente.feeds.readsb import position_sigma_m, velocity_sigma_mps
from detente.feeds.site import Site
from detente.feeds.table import callsign_of, squawk_of
from detente.types import NS_PER_S, Instant
from detente.units import EARTH_MEAN_RADIUS_M, M_PER_FT, M_PER_NM, MPS_PER_FPM, MPS_PER_KT, RAD_PER_DEG

Items = dict[str, Any]

CATEGORIES: Final = frozenset({21, 48, 62})
SERVICE_CATEGORIES: Final = frozenset({2, 8, 19, 23, 25, 34, 63, 65, 247, 252})
"""Sector crossings, sensor states, versions: no plots, passed over."""

_MANDATORY: Final = {
    21: ("I021/010", "I021/040", "I021/080"),
    48: ("I048/010", "I048/140", "I048/020"),
    62: ("I062/010", "I062/070", "I062/040", "I062/080"),
}
_DAY_S: Final = 86_400
_FT_PER_FL: Final = 100.0
_NM_S_TO_MPS: Final = 1852.0
_RANGE_SIGMA_M: Final = 50.0
_AZIMUTH_SIGMA_RAD: Final = 0.07 * RAD_PER_DEG
"""What a monopulse radar is taken to be off by, one standard deviation each: chosen here, no standard is quoted."""
_EMITTER: Final = {
    1: b"A1", 2: b"A2", 3: b"A3", 4: b"A4", 5: b"A5", 6: b"A6", 10: b"A7", 11: b"B1", 12: b"B2", 13: b"B6", 16: b"B4",
}  # fmt: skip
_NO_PANEL: Final = frozenset({1, 3})
"""Sources of a selected altitude: 0 unknown, 1 the aircraft's own altitude, 2 the panel (MCP, FCU), 3 the FMS."""
_GEOD: Final = Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True)
class _Polar:
    """Where a radar saw the plot of one row."""

    row: int
    rho_m: float
    theta_deg: float
    height_m: float


class AsterixReader:
    """ASTERIX data blocks of one feed become plots. Keeps the day and which track number had which address."""

    def __init__(self, midnight: Instant, site: Site | None = None) -> None:
        """*midnight*: the start of the UTC day of the first record."""
        self.records = 0
        self.site = site
        self._midnight_ns: int = midnight
        self._last_s = NAN
        self._decoder = Decoder()
        self._addresses: dict[tuple[int, int, int], bytes] = {}

    def feed(self, blocks: bytes) -> tuple[Plots, Counter[Reject]]:
        """Return the plots of whole data *blocks* (a datagram, a file), and how many records or blocks were refused."""
        rejected: Counter[Reject] = Counter()
        rows: list[Row] = []
        polar: list[_Polar] = []
        at = 0
        while at < len(blocks):
            length = int.from_bytes(blocks[at + 1 : at + 3], "big")
            if length < 4 or at + length > len(blocks):
                rejected[Reject.MALFORMED] += 1  # where the next block begins is unknown
                break
            category = blocks[at]
            if category in CATEGORIES:
                self._block(category, blocks[at : at + length], rows, polar, rejected)
            elif category not in SERVICE_CATEGORIES:
                rejected[Reject.MALFORMED] += 1
            at += length
        plots = plots_of_rows(rows)
        if polar and self.site is not None:
            _place(plots, polar, self.site)
        return plots, +rejected

    def _block(
        self, category: int, block: bytes, rows: list[Row], polar: list[_Polar], rejected: Counter[Reject]
    ) -> None:
        try:
            messages = self._decoder.decode(block)
        except (AsteryxError, ValueError, KeyError, IndexError):
            rejected[Reject.MALFORMED] += 1
            return
        for message in messages:
            self.records += 1
            items: Items = message.items
            if any(name not in items for name in _MANDATORY[category]):
                rejected[Reject.MALFORMED] += 1
                continue
            if category == 48:
                told = self._radar_plot(items, len(rows), polar)
            else:
                told = self._adsb(items) if category == 21 else self._system_track(items)
            if isinstance(told, Reject):
                rejected[told] += 1
            else:
                rows.append(told)

    def _instant_ns(self, time_of_day_s: float) -> int:
        if time_of_day_s < self._last_s - _DAY_S / 2:
            self._midnight_ns += _DAY_S * NS_PER_S
        self._last_s = time_of_day_s
        return self._midnight_ns + round(time_of_day_s * 128) * NS_PER_S // 128

    def _identity(self, source: Items, address: str | None, number: int | None) -> bytes:
        """Return the address, also when only this track number had it before, else the source's track number."""
        sac, sic = source["SAC"], source["SIC"]
        if address and address != "000000":
            identity = address.lower().encode("ascii")
            if number is not None:
                self._addresses[sac, sic, number] = identity
            return identity
        if number is None:
            return b""
        return self._addresses.get((sac, sic, number), f"~{sac}-{sic}-{number}".encode("ascii"))

    def _radar_plot(self, items: Items, row: int, polar: list[_Polar]) -> Row | Reject:
        report = items["I048/020"]
        if report.get("SIM") or report.get("TST"):
            return Reject.MALFORMED  # simulated or test target
        at_ns = self._instant_ns(items["I048/140"]["ToD"])
        seen = items.get("I048/040")
        if report["TYP"] == 0 or seen is None or self.site is None:
            return Reject.NO_POSITION  # no detection: the radar only carried its track on; or we do not know its site
        identity = self._identity(
            items["I048/010"], items.get("I048/220", {}).get("ACAddr"), items.get("I048/161", {}).get("Tn")
        )
        if not identity:
            return Reject.NO_IDENTITY
        height_m = _level_m(items.get("I048/090"))
        speed_mps, heading_rad = NAN, NAN
        if velocity := items.get("I048/200"):
            speed_mps, heading_rad = velocity["CGS"] * MPS_PER_KT, velocity["CHdg"] * RAD_PER_DEG
        rho_m = seen["RHO"] * M_PER_NM
        polar.append(_Polar(row, rho_m, seen["THETA"], height_m))
        return (
            at_ns,
            identity,
            callsign_of(items.get("I048/240", {}).get("TId", "")),
            NAN,
            NAN,
            height_m,
            NAN,
            speed_mps * math.sin(heading_rad),
            speed_mps * math.cos(heading_rad),
            NAN,
            max(_RANGE_SIGMA_M, rho_m * _AZIMUTH_SIGMA_RAD),
            NAN,
            _register_4_0_m(items.get("I048/250", [])),
            _mode_a(items.get("I048/070")),
            b"",
            UNKNOWN_GROUND,
        )

    def _adsb(self, items: Items) -> Row | Reject:
        descriptor = items["I021/040"]
        if descriptor.get("SIM") or descriptor.get("TST"):
            return Reject.MALFORMED
        time = items.get("I021/071") or items.get("I021/073") or items.get("I021/077")
        place = items.get("I021/131") or items.get("I021/130")
        if time is None or (place is not None and not _on_globe(place)):
            return Reject.MALFORMED
        if place is None:
            return Reject.NO_POSITION
        speed_mps, track_rad = NAN, NAN
        if velocity := items.get("I021/160"):
            speed_mps, track_rad = velocity["GS"] * _NM_S_TO_MPS, velocity["TA"] * RAD_PER_DEG
        quality = items.get("I021/090", {})
        climb = items.get("I021/155", {}).get("BVR", items.get("I021/157", {}).get("GVR", NAN))
        return (
            self._instant_ns(next(iter(time.values()))),
            self._identity(items["I021/010"], items["I021/080"]["TAddr"], items.get("I021/161", {}).get("TrackN")),
            callsign_of(items.get("I021/170", {}).get("TId", "")),
            place["Lat"] * RAD_PER_DEG,
            place["Lon"] * RAD_PER_DEG,
            items.get("I021/145", {}).get("FL", NAN) * _FT_PER_FL * M_PER_FT,
            items.get("I021/140", {}).get("geometric_height", NAN) * M_PER_FT,
            speed_mps * math.sin(track_rad),
            speed_mps * math.cos(track_rad),
            climb * MPS_PER_FPM,
            position_sigma_m(quality.get("NACp")),
            velocity_sigma_mps(quality.get("NUCr_or_NACv")),
            _panel_m(items.get("I021/146")),
            _mode_a(items.get("I021/070")),
            _EMITTER.get(items.get("I021/020", {}).get("ECAT", 0), b""),
            descriptor.get("GBS", UNKNOWN_GROUND),
        )

    def _system_track(self, items: Items) -> Row | Reject:
        status = items["I062/080"]
        if status.get("SIM"):
            return Reject.MALFORMED
        if status.get("TSE") or status.get("CST"):
            return Reject.STALE  # the last message of a track, or one carried on without a plot
        place = items.get("I062/105")
        if place is None:
            return Reject.NO_POSITION
        if not _on_globe(place):
            return Reject.MALFORMED
        derived = items.get("I062/380", {})
        velocity = items.get("I062/185", {})
        barometric = items.get("I062/135", {})
        # With QNH applied it is an altitude above the sea, no longer a pressure altitude.
        tracked_ft = NAN if barometric.get("QNH") else barometric.get("CTBA", NAN)
        accuracy = items.get("I062/500", {}).get("APC")
        return (
            self._instant_ns(items["I062/070"]["ToT"]),
            self._identity(items["I062/010"], derived.get("ADR", {}).get("ADR"), items["I062/040"]["TrkN"]),
            callsign_of(derived.get("ID", {}).get("ACID", "")),
            place["Lat"] * RAD_PER_DEG,
            place["Lon"] * RAD_PER_DEG,
            items.get("I062/136", {}).get("MFL", tracked_ft) * M_PER_FT,
            items.get("I062/130", {}).get("Alt", NAN) * M_PER_FT,
            velocity.get("Vx", NAN),
            velocity.get("Vy", NAN),
            items.get("I062/220", {}).get("RoC", NAN) * MPS_PER_FPM,
            max(accuracy["APC_X"], accuracy["APC_Y"]) if accuracy else NAN,
            NAN,
            _panel_m(derived.get("SAL"), derived.get("FSS", {}).get("Alt", NAN) * M_PER_FT),
            _mode_a(items.get("I062/060")),
            b"",
            UNKNOWN_GROUND,
        )


def _on_globe(place: Items) -> bool:
    return bool(abs(place["Lat"]) <= 90.0 and abs(place["Lon"]) <= 180.0)


def _level_m(level: Items | None) -> float:
    """Return a flight level in metres; one that is garbled or not validated is unknown."""
    if level is None or level.get("V") or level.get("G"):
        return NAN
    return float(level["FL"]) * _FT_PER_FL * M_PER_FT


def _register_4_0_m(registers: list[Items]) -> float:
    """Return the altitude set on the crew's panel, from Mode S register 4,0; NaN when that is not among *registers*.

    Its first bit says that the next twelve hold it, in 16 ft. Source: ICAO Doc 9871, table A-2-64.
    """
    for register in registers:
        bits = int(register["MB"], 16)
        if register["BDS1"] == 4 and register["BDS2"] == 0 and bits >> 55 & 1:
            panel_ft = round((bits >> 43 & 0xFFF) * 16 / _FT_PER_FL) * _FT_PER_FL
            return panel_ft * M_PER_FT if panel_ft else NAN
    return NAN


def _panel_m(selected: Items | None, otherwise_m: float = NAN) -> float:
    """Return a selected altitude unless it is said to be the aircraft's own altitude or the FMS's."""
    if selected is None or (selected.get("SAS") and selected.get("Source") in _NO_PANEL):
        return otherwise_m
    return float(selected["Alt"]) * M_PER_FT


def _mode_a(code: Items | None) -> int:
    if code is None or code.get("V") or code.get("G"):
        return UNKNOWN_SQUAWK
    return squawk_of(code["Mode3A"])


def _place(plots: Plots, polar: list[_Polar], site: Site) -> None:
    """Write the positions of radar plots: slant range to ground range at the aircraft's height, then on the ellipsoid.

    The flight level is taken as height above the sea: at 60 NM an error of 300 m in height is 30 m of ground range.
    """
    rows = [p.row for p in polar]
    rho = np.array([p.rho_m for p in polar])
    height = np.nan_to_num(np.array([p.height_m for p in polar]))
    at_radar = EARTH_MEAN_RADIUS_M + site.height_m
    at_aircraft = EARTH_MEAN_RADIUS_M + height
    cosine = (at_radar**2 + at_aircraft**2 - rho**2) / (2.0 * at_radar * at_aircraft)
    ground_m = EARTH_MEAN_RADIUS_M * np.arccos(np.clip(cosine, -1.0, 1.0))
    n = len(polar)
    longitude, latitude, _ = _GEOD.fwd(
        np.full(n, site.longitude_deg), np.full(n, site.latitude_deg), [p.theta_deg for p in polar], ground_m
    )
    plots["latitude_rad"][rows] = np.asarray(latitude) * RAD_PER_DEG
    plots["longitude_rad"][rows] = np.asarray(longitude) * RAD_PER_DEG
