"""A desk with an invented scene that moves: the console's development server, and what its browser tests look at.

`python tests/browser/fake_desk.py --port 8001` prints an address. No engine, no feed, no peer: parties, flights, alerts
and messages are made up here, over a real coast with nothing else on it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from msgspec.structs import replace

from browser.policy_scene import PolicyScene
from browser.replay_scene import ReplayScene
from browser.table_scene import TableScene
from coordination.meeting import ALFA
from detente.coordination.activity_acts import AnyActivityAct
from detente.coordination.activity_rows import Draft
from detente.coordination.plan import Volume
from detente.coordination.view import TableView, overlaps_with
from detente.desk.answers import (
    InRecord,
    LogHead,
    Page,
    PolicyCheck,
    PolicyView,
    Preview,
    RecordEntry,
    RulePrecision,
    WhyTold,
    Withheld,
    page_in,
    page_of,
)
from detente.desk.board import (
    AlertRow,
    Board,
    Counts,
    FeedRow,
    Half,
    LaneRow,
    MessageRow,
    PeerRow,
    PeerVerdict,
    TrackRef,
    ZoneRow,
)
from detente.desk.explanation import Explanation, Judged, MinimaRow, NuisanceRow, PeerTold, StateRow
from detente.desk.frame import track_frame
from detente.desk.orders import (
    Acknowledge,
    AcknowledgeMessage,
    AnyOrder,
    AtTable,
    ConfirmPolicy,
    Displayed,
    MarkAlert,
    ProposePolicy,
    RevertPolicy,
    SendCode,
    SendText,
    StandDown,
)
from detente.desk.record_view import LinkSamples, Portion
from detente.desk.release_view import AreaRow, PrecisionRow, ReleaseView, RuleRow
from detente.errors import OrderRefused
from detente.node.link_history import EVERY_NS, LinkHistory
from detente.node.web.port import Changes, RecordPort
from detente.node.web.server import build_app, serve
from detente.picture.picture import NOBODY, TRACK, Mark, Reason
from detente.types import Instant, Role
from detente.units import M_PER_FT, M_PER_NM, MPS_PER_FPM
from node.recorded import recorded

LOG = "alfa.example/detente/bravo.example/detente/ops/1"
CENTRE_DEG = (-40.6, 173.2)
ROLES = ("operator", "supervisor", "duty_officer", "military", "intelligence", "foreign_service", "leader")
PARTIES = [{"id": "alfa", "name": "Alfa"}, {"id": "bravo", "name": "Bravo"}, {"id": "charlie", "name": "Charlie"}]
PREFIX = {0: "ALF", 1: "BRV", 2: "CHR", NOBODY: ""}

PHRASES = [
    {
        "code": "W06",
        "precedence": "O",
        "min_role": "operator",
        "params": ["track"],
        "expects": ["M04", "P01"],
        "en": "Request your intentions for track {track}.",
        "tr": "{track} izi için niyetinizi bildiriniz.",
        "ru": "Прошу сообщить ваши намерения по объекту {track}.",
    },
    {
        "code": "M04",
        "precedence": "Z",
        "min_role": "operator",
        "params": ["track", "level"],
        "expects": ["P01"],
        "en": "Track {track} is descending to {level}.",
        "tr": "{track} izi {level} seviyesine alçalıyor.",
        "ru": "Объект {track} снижается до {level}.",
    },
    {
        "code": "D05",
        "precedence": "P",
        "min_role": "operator",
        "params": ["track", "reason"],
        "expects": ["P01"],
        "en": "Track {track} turned back. Reason: {reason}.",
        "tr": "{track} izi geri döndü. Gerekçe: {reason}.",
        "ru": "Объект {track} повернул обратно. Причина: {reason}.",
    },
    {
        "code": "P01",
        "precedence": "R",
        "min_role": "operator",
        "params": ["ref"],
        "expects": [],
        "en": "Received and understood: {ref}.",
        "tr": "Alındı ve anlaşıldı: {ref}.",
        "ru": "Принято и понято: {ref}.",
    },
]
REASONS = [
    {"id": "R01", "en": "technical failure", "tr": "teknik arıza", "ru": "техническая неисправность"},
    {"id": "R06", "en": "no contact with crew", "tr": "mürettebatla irtibat yok", "ru": "нет связи с экипажем"},
]


def at_nm(east: Any, north: Any) -> tuple[Any, Any]:
    """Latitude and longitude, degrees, of a place beside the centre. Good enough to draw with."""
    return CENTRE_DEG[0] + north / 60, CENTRE_DEG[1] + east / 60 / math.cos(math.radians(CENTRE_DEG[0]))


def e7(east: float, north: float) -> list[int]:
    return [round(v * 1e7) for v in at_nm(east, north)]


def ring(*corners: tuple[float, float]) -> list[list[int]]:
    return [e7(*c) for c in (*corners, corners[0])]


ZONES = [
    ZoneRow(
        "alfa-line-1",
        "NOTIFIED LINE L-1",
        "border",
        "alfa",
        [ring((52, 190), (44, 70), (30, 0), (20, -60), (24, -190), (-400, -190), (-400, 190))],
        None,
        None,
        2 * M_PER_NM,
    ),
    ZoneRow(
        "bravo-line-1",
        "BRAVO LINE B-1",
        "border",
        "bravo",
        [ring((60, 190), (52, 74), (38, 4), (27, -58), (31, -190), (400, -190), (400, 190))],
        None,
        None,
        2 * M_PER_NM,
    ),
    ZoneRow(
        "alfa-ex-12",
        "ALFA EX-12",
        "zone",
        "alfa",
        [ring((-120, 60), (-68, 74), (-60, 40), (-112, 26))],
        0,
        24_000,
        M_PER_NM,
    ),
    ZoneRow(
        "bravo-a-07",
        "BRAVO A-07",
        "zone",
        "bravo",
        [ring((90, 20), (140, 34), (146, -18), (96, -30))],
        10_000,
        29_000,
        M_PER_NM,
    ),
    ZoneRow(
        "charlie-r-3",
        "R-3 RESTRICTED",
        "zone",
        "charlie",
        [ring((-6, 112), (26, 104), (18, 78), (-14, 88))],
        0,
        None,
        0,
    ),
]


POLICY = ReleaseView(
    peer="bravo",
    name="baseline-2",
    note="Agreed in the room on 3 November; read aloud.",
    digest="3mF0c2E=",
    rules=[
        RuleRow("state aircraft", "withhold", "never", [], {"identities": ["4b1*"]}, [], None),
        RuleRow(
            "exercise area",
            "withhold",
            "the exercise is announced by its area alone",
            [],
            {"areas": ["EX-12"], "daily": {"start": "06:00", "end": "18:00"}},
            [],
            None,
        ),
        RuleRow(
            "near the line",
            "release",
            "a mistake takes minutes",
            ["bravo"],
            {"line": {"zone": "alfa-line-1", "within_nm": 40.0, "side": "inside"}, "altitude_below_ft": 41_000},
            ["position", "altitude", "velocity", "callsign"],
            PrecisionRow(),
        ),
        RuleRow(
            "the rest, coarse",
            "release",
            "",
            ["bravo", "charlie"],
            {},
            ["position", "altitude"],
            PrecisionRow(5000, 2000, 60, 30),
        ),
    ],
    areas=[AreaRow("EX-12", [e7(-120, 60), e7(-68, 74), e7(-60, 40), e7(-112, 26)], [], 0.0)],
    released=152,
    withheld={},
)


@dataclass
class Flight:
    callsign: str
    declared_by: int
    party: int
    east_nm: float
    north_nm: float
    heading_deg: float
    speed_kt: float
    alt_ft: float | None
    vs_fpm: float = 0.0
    flags: int = 0
    reason: int = 0
    also: int = 0
    same_as: int = 0


class Scene:
    """Flights in order of their numbers, carried along their headings within a box about the centre."""

    def __init__(self, flights: list[Flight]) -> None:
        self.flights = flights
        self._table = np.zeros(len(flights), TRACK)
        of = {name: np.array([getattr(f, name) for f in flights]) for name in ("east_nm", "north_nm", "speed_kt")}
        self._start_nm = np.column_stack([of["east_nm"], of["north_nm"]])
        heading = np.radians([f.heading_deg for f in flights])
        self._speed_nmps = np.column_stack([np.sin(heading), np.cos(heading)]) * of["speed_kt"][:, None] / 3600
        self._table["number"] = np.arange(len(flights)) + 1
        self._table["v_east_mps"], self._table["v_north_mps"] = self._speed_nmps.T * M_PER_NM
        self._table["altitude_pressure_m"] = [np.nan if f.alt_ft is None else f.alt_ft * M_PER_FT for f in flights]
        self._table["v_up_mps"] = [f.vs_fpm * MPS_PER_FPM for f in flights]
        for column, name in {
            "party": "party",
            "declared_by": "declared_by",
            "flags": "flags",
            "not_assessed": "reason",
        }.items():
            self._table[column] = [getattr(f, name) for f in flights]
        self._table["callsign"] = [f.callsign.encode()[:8] for f in flights]
        self._table["identity"] = [f"icao:{0x4B0000 + i:06x}".encode() for i in range(len(flights))]
        self._also = np.array([f.also for f in flights], np.uint8)
        for k, flight in enumerate(flights):
            if flight.same_as:
                self._table["same_as"][k] = flight.same_as

    def tracks(self, now: Instant, run_s: float) -> tuple[np.ndarray, np.ndarray]:
        """The picture *run_s* seconds after the scene began, and which other party holds each aircraft."""
        table = self._table.copy()
        east, north = ((self._start_nm + self._speed_nmps * run_s + (260, 190)) % (520, 380) - (260, 190)).T
        lat, lon = at_nm(east, north)
        table["latitude_rad"], table["longitude_rad"] = np.radians(lat), np.radians((lon + 180) % 360 - 180)
        table["altitude_pressure_m"] += table["v_up_mps"] * min(run_s, 120)
        table["applicable_at_ns"] = now - np.where(table["flags"] & Mark.STALE, 14_000_000_000, 400_000_000)
        return table, self._also


def invented_scene(tracks: int, seed: int) -> Scene:
    rng = np.random.default_rng(seed)
    flights = [
        Flight("ALF214", 0, 0, 12.0, 18.0, 88, 460, 27_100, 600, also=2),
        Flight("BRV61", 1, 1, 40.5, 19.2, 267, 440, 26_800),
        Flight("ALF330", 0, 0, -10.0, -70.0, 118, 310, 12_000, -500),
        Flight("BRV77", 1, 1, 46.0, -88.0, 282, 290, 12_600),
        Flight("UNK402", NOBODY, 0, -34.0, 128.0, 132, 170, 9_000),
        Flight("BRV124", 1, 1, 92.0, 64.0, 260, 280, 23_300),
        Flight("", NOBODY, 1, 66.0, -40.0, 300, 240, None, reason=int(Reason.NO_ALTITUDE)),
        Flight("ALF214", 0, 1, 13.4, 16.6, 88, 455, 27_000, 600, flags=int(Mark.SECONDARY), same_as=1),
    ]
    while len(flights) < tracks:
        i = len(flights)
        east, north = rng.uniform(-255, 255), rng.uniform(-185, 185)
        owner = NOBODY if rng.random() < 0.08 else 2 if rng.random() < 0.18 else int(east > 36)
        party = int(rng.integers(0, 2)) if owner == NOBODY else owner
        name = f"{PREFIX[owner]}{100 + i}"[:8] if owner != NOBODY else ""
        stale = rng.random() < 0.03
        flights.append(
            Flight(
                name,
                owner,
                party,
                east,
                north,
                float(rng.uniform(0, 360)),
                float(rng.uniform(180, 500)),
                float(rng.integers(40, 410) * 100),
                float(rng.choice([0, 0, 0, 900, -1200])),
                int(Mark.STALE | Mark.COASTED) if stale else 0,
                int(Reason.STALE) if stale else 0,
                int(rng.choice([0, 0, 0, 2])),
            )
        )
    return Scene(flights)


class FakeDesk:
    """Fills `DeskPort`. `alert_after_s`: when the first alarm comes; None: never. `tampered`: see the hostile tests."""

    def __init__(self, *, tracks: int = 420, seed: int = 7, alert_after_s: float | None = 0.0) -> None:
        self.scene = invented_scene(tracks, seed)
        self.zones = list(ZONES)
        self.changes = Changes()
        self.started_ms = self.now_ms()
        self.alert_after_s = alert_after_s
        self.number = 0
        self.orders: list[tuple[str, AnyOrder]] = []
        self.acknowledged: dict[str, tuple[int, str]] = {}
        self.displayed: dict[str, int] = {}
        self.stood_down: dict[str, str] = {}
        self.sent: list[MessageRow] = []
        self.extra_alerts: list[AlertRow] = []
        self.extra_messages: list[MessageRow] = []
        self.table_scene = TableScene()
        self.replays = ReplayScene(self.scene.tracks, [party["id"] for party in PARTIES], self.started_ms)
        self.policy_scene = PolicyScene()
        self.silent = False
        self.record: RecordPort | None = None
        self.taken_away: list[tuple[str, list[Portion]]] = []
        self.released = POLICY
        self.marked: dict[str, bool] = {}
        self._links = self._past_hour()

        self.entries_held = 500
        self._frame: bytes | None = None

    @staticmethod
    def now_ms() -> int:
        return time.time_ns() // 1_000_000

    # ---- what DeskPort asks

    def roles(self) -> Sequence[str]:
        return ROLES

    def frame(self) -> bytes | None:
        return self._frame

    def codebook(self) -> Mapping[str, Any]:
        return {"codebook": "detente-draft", "version": "0.1.0", "reasons": REASONS, "roles": [], "phrases": PHRASES}

    def table(self, table: str) -> TableView:
        if table != "line":
            raise OrderRefused("unknown_table", f"this party sits at no table {table!r}")
        return self.table_scene.view()

    def release(self, peer: str) -> ReleaseView:
        row = next((row for row in self._peers(self.now_ms()) if row.party == peer), None)
        if row is None:
            raise OrderRefused("unknown_party", f"there is no peer {peer!r}")
        return replace(
            self.released,
            peer=peer,
            name=row.policy_name,
            digest=row.policy,
            withheld=row.withheld,
            released=row.released,
        )

    def explain(self, alert: str) -> Explanation:
        now = self.now_ms()
        row = next((row for row in self._alerts(now) if row.alert == alert), None)
        if row is None:
            raise OrderRefused("unknown_alert", f"there is no alert {alert} at this desk")
        told = [
            PeerTold(v.party, f"{v.party}-31", row.level, now - 900, row.event_at_ms, row.distance_m, 300, False)
            for v in row.verdicts
            if v.says != "not_assessed"
        ]
        is_held = row.state == "active"
        raised = None if row.a.number is None else self._judged(row, row.raised_at_ms)
        because = "" if is_held else "diverged"
        return Explanation(
            row.alert, row.kind, row.zone, raised, self._judged(row, now) if is_held else None, because, told
        )

    def _judged(self, row: AlertRow, at_ms: int) -> Judged:
        table, _ = self.scene.tracks(Instant(at_ms * 1_000_000), (at_ms - self.started_ms) / 1000)
        tracks = [table[ref.number - 1] for ref in (row.a, row.b) if ref is not None and ref.number]
        pair = row.kind == "conflict"
        to_event = None if row.event_at_ms is None else max(0.0, (row.event_at_ms - at_ms) / 1000)
        return Judged(
            at_ms=at_ms,
            level=row.level,
            tracks=[
                StateRow(
                    label=track["callsign"].decode() or "?",
                    party=PARTIES[track["declared_by"]]["id"] if track["declared_by"] != NOBODY else None,
                    number=int(track["number"]),
                    applicable_at_ms=int(track["applicable_at_ns"]) // 1_000_000,
                    latitude_e7=round(math.degrees(track["latitude_rad"]) * 1e7),
                    longitude_e7=round(math.degrees(track["longitude_rad"]) * 1e7),
                    altitude_ft=None
                    if np.isnan(track["altitude_pressure_m"])
                    else round(track["altitude_pressure_m"] / M_PER_FT),
                    datum="pressure",
                    v_east_mps=float(track["v_east_mps"]),
                    v_north_mps=float(track["v_north_mps"]),
                    v_up_fpm=round(track["v_up_mps"] / MPS_PER_FPM),
                    position_sigma_m=92.6,
                    plots=41,
                    not_assessed="",
                )
                for track in tracks
            ],
            profile="en-route",
            rule="conflict" if pair else "approach" if row.kind == "approach" else "entry",
            minima=MinimaRow(5 * M_PER_NM, 800, 120.0) if pair else None,
            hold=MinimaRow(5.25 * M_PER_NM, 850, 120.0) if pair else None,
            lookahead_s=120.0 if pair else 600.0,
            alarm_s=60.0 if pair else 300.0,
            warning_s=120.0 if pair else 1200.0,
            confirm=[2, 3],
            time_in_s=to_event,
            time_out_s=None if to_event is None or not pair else to_event + 48,
            time_to_nearest_s=None if to_event is None else to_event + 22,
            distance_m=row.distance_m,
            vertical_ft=row.vertical_ft,
            latitude_e7=row.latitude_e7,
            longitude_e7=row.longitude_e7,
            margin_m=None if pair else 2 * M_PER_NM,
        )

    def records(self) -> RecordPort:
        if self.record is None:
            raise OrderRefused("no_record", "this development desk has no record to read")
        return self.record

    def exported(self, role: str, portions: Sequence[Portion]) -> None:
        self.taken_away.append((role, list(portions)))

    def history(self, peer: str) -> LinkSamples:
        return self._links.of(peer)

    def _past_hour(self) -> LinkHistory:
        """An hour of samples as a bad day would leave them: an outage a third of the way, then a queue that drains."""
        history, start = LinkHistory(), self.now_ms() - 3_600_000
        rng = np.random.default_rng(11)
        for n in range(720):
            is_out = 240 <= n < 300
            rows = []
            for row in self._peers(start + n * 5000):
                backlog = 9 * (n - 240) if is_out else max(0, 540 - 30 * (n - 300)) if 300 <= n < 318 else 0
                lanes = [replace(lane, backlog=backlog if lane.lane == "track" else 0) for lane in row.lanes]
                rtt = None if is_out else float(row.rtt_ms * rng.lognormal(0, 0.25))
                lag = (n - 240) * 5000.0 if is_out else 140.0 + float(rng.exponential(60))
                offset = row.offset_ms + float(rng.normal(0, 2)) + (n - 360) / 90
                state = "DOWN" if is_out else row.state
                rows.append(replace(row, lanes=lanes, rtt_ms=rtt, offset_ms=offset, receipt_lag_ms=lag, state=state))
            history.take(rows, Instant((start * 1_000_000) + n * EVERY_NS))
        return history

    def why_told(self, peer: str, subject: str) -> WhyTold:
        return self.policy_scene.explain(peer, subject)

    def policy(self) -> PolicyView:
        return self.policy_scene.view()

    def check_policy(self, text: str) -> PolicyCheck:
        return self.policy_scene.check(text)

    async def precision(self, text: str) -> list[RulePrecision]:
        return await self.policy_scene.precision(text)

    def log_heads(self) -> Sequence[LogHead]:
        return [LogHead(LOG, "bravo", True, self.entries_held, "nzyh0He+Yk2sQ1Vd", 40)]

    async def entries(self, log: str, after: int, most: int) -> Page[RecordEntry]:
        if log != LOG:
            raise OrderRefused("unknown_log", f"this node holds no log {log!r}")
        rows = [RecordEntry(n, "aGFzaA==", f"leaf {n}", None, "") for n in range(self.entries_held)]
        return page_of(rows, after, most)

    def alerts(self, after: int, most: int) -> Page[AlertRow]:
        rows = self.board("operator").alerts
        return page_in(rows[after : after + most], after, len(rows), InRecord("alert", [LOG]))

    def messages(self, after: int, most: int) -> Page[MessageRow]:
        rows = self.board("operator").messages
        return page_in(rows[after : after + most], after, len(rows), InRecord("hotline", [LOG]))

    def draft(self, table: str, act: AnyActivityAct, role: str) -> Draft:
        if table != "line":
            raise OrderRefused("unknown_table", f"this party sits at no table {table!r}")
        return overlaps_with(self.table_scene.meeting.tables[ALFA], act, Role(role), self.now_ms())

    def place(self, table: str, activity: str, role: str) -> Sequence[Volume]:
        return self.table_scene.meeting.tables[ALFA].standing.activities.place(activity)

    def numbers(self) -> Mapping[str, float]:
        return {"detente_tracks": len(self.scene.flights), "detente_boards": self.number}

    async def wait(self, version: int) -> int:
        return await self.changes.wait(version)

    def preview(self, peer: str) -> Preview:
        if peer not in {"bravo", "charlie"}:
            raise OrderRefused("unknown_party", f"there is no peer {peer!r}")
        now = Instant(time.time_ns())
        table, other = self.scene.tracks(now, self._run_s())
        shown = (table["party"] == 0) & (table["number"] % 4 != 0)
        kept = table[(table["party"] == 0) & ~shown]
        withheld = [
            Withheld(row["callsign"].decode() or "?", "exercise area" if i % 2 else "state")
            for i, row in enumerate(kept)
        ]
        return Preview(peer, self.now_ms(), track_frame(table[shown], other[shown], now), withheld[:200])

    async def order(self, order: AnyOrder, role: str, account: str = "") -> Mapping[str, Any]:
        self.orders.append((role, order))
        now = self.now_ms()
        match order:
            case Displayed(alerts, messages):
                for name in (*alerts, *messages):
                    self.displayed.setdefault(name, now)
            case Acknowledge(alert):
                if alert not in {row.alert for row in self._alerts(now)}:
                    raise OrderRefused("unknown_alert", f"there is no alert {alert!r}")
                self.acknowledged.setdefault(alert, (now, role))
            case AcknowledgeMessage(message):
                self.acknowledged.setdefault(message, (now, role))
            case MarkAlert(alert, useful):
                self.marked[alert] = useful
            case ProposePolicy():
                return {"policy": self.policy_scene.propose(order, role)}
            case ConfirmPolicy():
                return {"policy": self.policy_scene.confirm(order, role)}
            case RevertPolicy():
                return {"policy": self.policy_scene.revert()}
            case StandDown(subject, reason):
                self.stood_down[subject] = reason
            case AtTable(table, act):
                self.table(table)
                self.table_scene.meeting.now_ms = now
                self.table_scene.meeting.say(ALFA, Role(role), act)
            case SendText() | SendCode():
                if order.precedence == "Z" and not order.reason:
                    raise OrderRefused("flash_reason", "a FLASH message needs a coded reason")
                self.sent.append(self._message(order, role, now))
        self.publish()
        return {"taken": True}

    def board(self, role: str) -> Board:
        now = self.now_ms()
        alerts = [replace(row, useful=self.marked.get(row.alert)) for row in self._alerts(now)]
        messages = self._messages(now)
        flights = self.scene.flights
        stale = sum(bool(f.flags & Mark.STALE) for f in flights)
        return Board(
            at_ms=now,
            number=self.number,
            party="alfa",
            party_name="Alfa",
            node="alfa-a1",
            parties=PARTIES,
            badges=["EXERCISE", "DEMO ACCOUNTS"],
            role=role,
            alerts=alerts,
            alerts_total=len(alerts),
            messages=messages,
            messages_total=len(messages),
            peers=self._peers(now),
            feeds=[
                FeedRow("sbs-north", "up", 182_441 + self.number * 40, {"teleport": 4, "stale": 31}, now - 300),
                FeedRow("beast-1", "up", 90_112, {"bad_checksum": 218, "duplicate_address": 2}, now - 900),
                FeedRow("asterix-062", "waiting", 0, {}, None, "connection refused, next try in 8 s"),
            ],
            zones=self.zones,
            tables=[self.table_scene.brief()],
            counts=Counts(
                own=sum(f.declared_by == 0 for f in flights),
                shared=sum(f.party != 0 for f in flights),
                unattributed=sum(f.declared_by == NOBODY for f in flights),
                stale=stale,
                not_assessed=stale + 1,
                not_assessed_why={"stale": stale, "no_altitude": 1},
                conflicts=2,
            ),
            not_built_yet=["joint operations", "ceasefire claims", "dossier export"],
            faults=[],
            centre_e7=e7(0, 0),
            range_nm=150,
            policy=self.policy_scene.state(),
            audible=True,
            flash_said={"bravo": 1 + len(self.extra_messages)},
            flash_misused={"bravo": len(self.extra_messages)} if self.extra_messages else {},
            nuisance=NuisanceRow(
                self.started_ms - 7_200_000,
                412.6,
                {"conflict": 9, "incursion": 2, "approach": 4},
                sum(self.marked.values()) + 6,
                sum(not useful for useful in self.marked.values()) + 3,
            ),
        )

    # ---- the invented story

    def publish(self) -> None:
        self.number += 1
        self.changes.bump()

    async def play(self) -> None:
        """A frame and a board each second."""
        while True:
            if not self.silent:
                now = Instant(time.time_ns())
                self._frame = track_frame(*self.scene.tracks(now, self._run_s()), now)
                self.publish()
            await asyncio.sleep(1)

    def _run_s(self) -> float:
        return (self.now_ms() - self.started_ms) / 1000

    def _halves(self, name: str, raised: int, now: int) -> list[Half]:
        mine = self.acknowledged.get(name)
        age = now - raised
        return [
            Half("alfa", raised, raised + 40, self.displayed.get(name), mine and mine[0], mine and mine[1]),
            Half(
                "bravo",
                raised,
                raised + 600 if age > 600 else None,
                raised + 1500 if age > 1500 else None,
                raised + 38_000 if age > 38_000 else None,
                "operator" if age > 38_000 else None,
                1,
            ),
        ]

    def _alerts(self, now: int) -> list[AlertRow]:
        if self.alert_after_s is None or self._run_s() < self.alert_after_s:
            return self.extra_alerts
        t0 = self.started_ms
        raised = t0 + round(self.alert_after_s * 1000)

        def row(n: int, **what: Any) -> AlertRow:
            name = f"alfa-{n}"
            acknowledged = name in self.acknowledged
            down = name in self.stood_down
            base: dict[str, Any] = {
                "alert": name,
                "kind": "conflict",
                "state": "active",
                "raised_by": "alfa",
                "b": None,
                "zone": None,
                "zone_name": None,
                "raised_at_ms": raised,
                "updated_at_ms": now,
                "cleared_at_ms": None,
                "halves": self._halves(name, raised, now),
                "recorded": now - raised > 800,
                "leaf": "n2Yw0Vd1c2VsZg==" if now - raised > 800 else None,
                "rung": 0 if acknowledged or down else min(2, (now - raised) // 60_000),
                "rung_roles": ["operator", "supervisor"] if now - raised > 60_000 else ["operator"],
                "next_rung_at_ms": None if acknowledged or down else raised + 60_000 * (1 + (now - raised) // 60_000),
                "acknowledge_by_ms": raised + 60_000,
                "mark": "EXERCISE",
            }
            return AlertRow(**(base | what))

        def when(seconds: float) -> int:
            return max(now, t0 + round(seconds * 1000))

        lat, lon = e7(26.0, 18.4)
        lat2, lon2 = e7(19.0, -82.0)
        lat3, lon3 = e7(-5.0, 103.0)
        lat4, lon4 = e7(58.0, 60.0)
        return [
            row(
                1,
                level="alarm",
                a=TrackRef("ALF214", "alfa", 1),
                b=TrackRef("BRV61", "bravo", 2),
                event_at_ms=when(102),
                distance_m=2.1 * M_PER_NM,
                vertical_ft=300,
                latitude_e7=lat,
                longitude_e7=lon,
                verdicts=[PeerVerdict("bravo", "same", None)],
            ),
            row(
                2,
                level="warning",
                a=TrackRef("ALF330", "alfa", 3),
                b=TrackRef("BRV77", "bravo", 4),
                event_at_ms=when(375),
                distance_m=4.0 * M_PER_NM,
                vertical_ft=600,
                latitude_e7=lat2,
                longitude_e7=lon2,
                verdicts=[PeerVerdict("bravo", "differs", 460)],
                levels=(("BRV77", 35_000),),
                margin_m=0.6 * M_PER_NM,
            ),
            row(
                3,
                kind="incursion",
                level="warning",
                a=TrackRef("UNK402", None, 5),
                zone="charlie-r-3",
                zone_name="R-3 RESTRICTED",
                event_at_ms=when(530),
                distance_m=0.0,
                vertical_ft=None,
                latitude_e7=lat3,
                longitude_e7=lon3,
                verdicts=[PeerVerdict("bravo", "none", None), PeerVerdict("charlie", "not_assessed", None)],
            ),
            row(
                4,
                kind="approach",
                level="caution",
                a=TrackRef("BRV124", "bravo", 6),
                zone="alfa-line-1",
                zone_name="NOTIFIED LINE L-1",
                event_at_ms=None,
                distance_m=2600.0,
                vertical_ft=None,
                latitude_e7=lat4,
                longitude_e7=lon4,
                verdicts=[],
                acknowledge_by_ms=None,
                next_rung_at_ms=None,
            ),
            row(
                5,
                level="caution",
                state="cleared",
                a=TrackRef("CHR118", "charlie", None),
                b=TrackRef("?", None, None),
                event_at_ms=None,
                distance_m=5200.0,
                vertical_ft=900,
                latitude_e7=lat4,
                longitude_e7=lon4,
                cleared_at_ms=raised + 900,
                verdicts=[PeerVerdict("charlie", "none", None)],
                acknowledge_by_ms=None,
                next_rung_at_ms=None,
            ),
            *self.extra_alerts,
        ]

    def _messages(self, now: int) -> list[MessageRow]:
        t0 = self.started_ms
        base = {
            "line": "watch",
            "by": "operator",
            "reason": None,
            "known_code": True,
            "answers": None,
            "answered_by": None,
            "recorded": True,
            "preview": False,
            "rung": 0,
            "next_rung_at_ms": None,
            "acknowledge_by_ms": None,
        }

        def coded(
            n: str, phrase: int, sender: str, to: str, params: dict[str, str], age_s: int, **more: Any
        ) -> MessageRow:
            chosen = PHRASES[phrase]
            rendered = {lang: chosen[lang].format(**params) for lang in ("en", "tr", "ru")}
            name = f"{sender}-ops-{n}"
            sent = t0 - age_s * 1000
            receiver = "alfa" if to == "alfa" else to
            mine = self.acknowledged.get(name)
            halves = [
                Half(sender, sent, sent + 30, sent + 60),
                Half(
                    receiver,
                    sent,
                    sent + 240,
                    sent + 900,
                    sent + 21_000 if to != "alfa" else mine and mine[0],
                    "operator" if to != "alfa" or mine else None,
                ),
            ]
            return MessageRow(
                **(
                    base
                    | {
                        "message": name,
                        "sender": sender,
                        "to": to,
                        "precedence": chosen["precedence"],
                        "code": chosen["code"],
                        "params": params,
                        "text": rendered["ru" if sender == "bravo" else "en"],
                        "lang": "ru" if sender == "bravo" else "en",
                        "rendered": rendered,
                        "expects": chosen["expects"],
                        "sent_at_ms": sent,
                        "halves": halves,
                    }
                    | more
                )
            )

        flash = coded("118", 1, "bravo", "alfa", {"track": "BRV61", "level": "FL240"}, 40, reason="R06", rung=1)
        flash = replace(
            flash,
            acknowledge_by_ms=None if flash.message in self.acknowledged else t0 + 20_000,
            next_rung_at_ms=t0 + 80_000,
        )
        text = "Harita üzerindeki kıyı hattı bizde farklı görünüyor; lütfen kontrol ediniz."
        free = MessageRow(
            **(
                base
                | {
                    "message": "charlie-ops-9",
                    "sender": "charlie",
                    "to": "alfa",
                    "precedence": "R",
                    "code": None,
                    "params": {},
                    "text": text,
                    "lang": "tr",
                    "rendered": {},
                    "expects": [],
                    "sent_at_ms": t0 - 300_000,
                    "halves": [
                        Half("charlie", t0 - 300_000, t0 - 299_900),
                        Half("alfa", t0 - 300_000, t0 - 299_000, self.displayed.get("charlie-ops-9")),
                    ],
                }
            )
        )
        asked = coded(
            "117", 0, "alfa", "bravo", {"track": "BRV61"}, 180, answered_by="bravo-ops-118", outcome="answered"
        )
        older = coded("115", 3, "alfa", "bravo", {"ref": "bravo-ops-114"}, 900)
        del now
        rows = [*self.sent, *self.extra_messages, flash, asked, free, older]
        return sorted(rows, key=lambda m: -m.sent_at_ms)

    def _message(self, order: SendText | SendCode, role: str, now: int) -> MessageRow:
        coded = isinstance(order, SendCode)
        phrase = next((p for p in PHRASES if coded and p["code"] == order.code), None)
        if coded and phrase is None:
            raise OrderRefused("code_unknown", f"the codebook has no {order.code!r}")
        rendered = {lang: phrase[lang].format(**order.params) for lang in ("en", "tr", "ru")} if phrase else {}
        return MessageRow(
            message=f"alfa-ops-{200 + len(self.sent)}",
            line=order.line,
            sender="alfa",
            to=order.to,
            by=role,
            precedence=order.precedence or (phrase["precedence"] if phrase else "R"),
            reason=order.reason,
            code=order.code if coded else None,
            params=order.params if coded else {},
            text=rendered["en"] if coded else order.text,
            lang="en" if coded else order.lang,
            rendered=rendered,
            known_code=True,
            expects=phrase["expects"] if phrase else [],
            answers=order.answers,
            answered_by=None,
            sent_at_ms=now,
            halves=[Half("alfa", now, now), Half(order.to)],
            recorded=False,
            preview=False,
            acknowledge_by_ms=now + 300_000,
            rung=0,
            next_rung_at_ms=now + 120_000,
        )

    def _peers(self, now: int) -> list[PeerRow]:
        def lanes(size: int, behind: int) -> list[LaneRow]:
            text = "nzyh0He+Yk2sQ1Vd"
            return [
                LaneRow("flash", 41, text, 41, 12, text, 0),
                LaneRow("ops", size, text, size - behind, size - 60, text, behind),
                LaneRow("track", 18_442 + self.number, text, 18_442 + self.number - behind, 18_377, text, behind),
            ]

        return [
            PeerRow(
                "bravo",
                "bravo-b1",
                "UP",
                self.started_ms,
                now - 400,
                12.4,
                -3.0,
                140.0,
                lanes(117, 0),
                True,
                152,
                {"exercise area": 31, "state": 18, "delay": 4},
                "3mF0c2E=",
                "baseline-2",
                171,
                True,
                line_test_own_at_ms=self.started_ms - 1_260_000,
                line_test_held_at_ms=self.started_ms - 1_259_000,
                line_test_their_at_ms=self.started_ms - 2_640_000,
            ),
            PeerRow(
                "charlie",
                "charlie-c1",
                "DEGRADED",
                now - 74_000,
                now - 14_000,
                480.0,
                812.0,
                15_200.0,
                lanes(64, 9),
                False,
                40,
                {"third party": 112, "area": 49},
                "a9c0YQ==",
                "civil only",
                38,
                None,
            ),
        ]


async def main(port: int, tracks: int) -> None:
    desk = FakeDesk(tracks=tracks)
    folder = tempfile.TemporaryDirectory(prefix="detente-fake-")
    made = recorded(Path(folder.name), messages=450, frames=300)
    hosts = [f"alfa.localhost:{port}", f"localhost:{port}", f"127.0.0.1:{port}"]
    desk.record = made.records
    app = build_app(desk, hosts=hosts)
    print(f"http://alfa.localhost:{port}/", flush=True)
    playing = asyncio.create_task(desk.play())
    try:
        await serve(app, "127.0.0.1", port)
    finally:
        playing.cancel()
        made.store.close()
        folder.cleanup()


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--port", type=int, default=8001)
    words.add_argument("--tracks", type=int, default=420)
    given = words.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main(given.port, given.tracks))
