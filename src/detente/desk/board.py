"""The board: everything one desk shows but the tracks, as one value. The console renders it and knows nothing else.

Instants are integer milliseconds UTC (`…_at_ms`), null when they have not happened. Positions are in 1e-7 degree
(`…_e7`), WGS 84. The tracks travel apart, once a second, as columns: see `detente.desk.frame`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from detente.alerts.alert import Kind, Level
from detente.coordination.view import TableBrief
from detente.desk.explanation import NuisanceRow
from detente.desk.orders import Prec


class Half(msgspec.Struct, frozen=True, omit_defaults=False):
    """One side's half of an alert or a message: the four times of a warning, each side for itself."""

    party: str
    sent_at_ms: int | None = None  # the sender signed it (for the raising party itself: raised)
    held_at_ms: int | None = None  # durably held by that party's node (its receipt's time)
    displayed_at_ms: int | None = None  # painted on a visible console there
    acknowledged_at_ms: int | None = None  # a person there pressed Acknowledge: seen, never agreed
    acknowledged_by: str | None = None  # role
    rung: int = 0  # how far that side has climbed


class TrackRef(msgspec.Struct, frozen=True):
    """How an alert or message names a track. `number` is this node's own, null when the track is not released to us."""

    label: str  # callsign, else identity, else "?"
    party: str | None  # who declared it; null: nobody did
    number: int | None = None
    identity: str = ""  # as our picture holds it


class PeerVerdict(msgspec.Struct, frozen=True):
    """What a peer's node says of the same event: shown beside ours, never merged."""

    party: str
    says: Literal["same", "differs", "none", "not_assessed"]
    time_to_event_s: float | None = None


class AlertRow(msgspec.Struct, frozen=True):
    alert: str  # "<party>-<n>": stable name, the key for orders
    kind: Kind
    level: Level
    state: Literal["active", "cleared"]
    raised_by: str  # party
    a: TrackRef
    b: TrackRef | None
    zone: str | None  # zone id
    zone_name: str | None
    raised_at_ms: int
    updated_at_ms: int
    cleared_at_ms: int | None
    event_at_ms: int | None  # predicted loss of separation or crossing; null for an approach
    distance_m: float | None  # at CPA, or least distance to the line
    vertical_ft: int | None
    latitude_e7: int
    longitude_e7: int
    halves: list[Half]
    verdicts: list[PeerVerdict]
    recorded: bool  # false: "not yet recorded"
    leaf: str | None  # base64 leaf hash
    rung: int  # of the ladder, the higher of both sides
    rung_roles: list[str]  # who has been told on that rung
    next_rung_at_ms: int | None
    acknowledge_by_ms: int | None
    mark: Literal["", "RECONSTRUCTION", "EXERCISE", "SYNTHETIC"] = ""
    unlogged: bool = False  # said outside the record, because its writer's disk takes nothing
    not_before_ms: int | None = None  # the peer's word was written after this, by what it had seen of our leaves
    not_after_ms: int | None = None  # and before this, by our receipt
    expires_at_ms: int | None = None  # of the peer's word
    expired_on_arrival: bool = False  # by our clock, when it came
    useful: bool | None = None  # as marked at this party's desks; null: nobody said
    override: str = ""  # name of the safety override under which one side told more than its rules release
    levels: tuple[tuple[str, int], ...] = ()  # only if these do not level off there: label of the track, ft
    margin_m: float = 0.0  # our minima were widened by so much, for the accuracy of the two
    margin_ft: float = 0.0


class MessageRow(msgspec.Struct, frozen=True):
    """One hotline message. Receipt is not acknowledgement is not answer."""

    message: str  # "<party>-<lane>-<seq>" of its leaf, or "draft-…" until recorded
    line: Literal["watch", "military", "intelligence", "foreign_service", "leader"]
    sender: str  # party
    to: str  # party
    by: str  # role
    precedence: Prec
    reason: str | None  # coded reason, required with Z
    code: str | None  # "W06"; null for free text
    params: dict[str, str]
    text: str  # as sent: free text, or the code rendered in the sender's language
    lang: str  # "en", "tr", "ru" of `text`
    rendered: dict[str, str]  # coded: {"en": …, "tr": …, "ru": …}; free text: {}
    known_code: bool  # false: unknown to our codebook, original shown
    expects: list[str]  # codes that answer it
    answers: str | None  # message this one answers
    answered_by: str | None  # message that answered this one
    sent_at_ms: int
    halves: list[Half]
    recorded: bool
    preview: bool  # shown before its turn in the log: "not yet in the record"
    acknowledge_by_ms: int | None
    rung: int
    next_rung_at_ms: int | None
    outcome: Literal["", "answered", "refused", "not_answered"] = ""
    unlogged: bool = False  # said outside the record, because its writer's disk takes nothing
    not_before_ms: int | None = None  # it was written after this, by what it says it had seen of our leaves
    not_after_ms: int | None = None  # and before this, by the receipt
    expires_at_ms: int | None = None
    expired_on_arrival: bool = False  # by our clock, when it came


class LaneRow(msgspec.Struct, frozen=True):
    lane: Literal["flash", "ops", "track"]
    own_size: int  # leaves we have written to this peer
    own_root: str  # base64
    own_held: int  # of which the peer has given its receipt
    their_size: int  # leaves of the peer that we hold
    their_root: str
    backlog: int  # own leaves not yet sent
    their_backlog: int | None = None  # leaves that the peer has written and we do not hold
    receipt_lag_ms: float | None = None  # how long a receipt is owed; else how long the newest took
    bodies_missing: int = 0
    own_stopped: str = ""  # why our leaves do not go: a code of link.md
    their_stopped: str = ""
    quota_per_min: int = 0  # leaves of the peer that we take a minute
    quota_left: int = 0  # that we would take at once now; 0: reading has stopped
    their_quota_per_min: int | None = None  # the same, as the peer says it of our leaves; null: it has not said
    their_quota_left: int | None = None


class ForkRow(msgspec.Struct, frozen=True):
    """A log with two histories, until both sides have gone on in a new epoch."""

    log: str
    proof: str  # digest of the signed notes that cannot both be true
    agreed: list[str]  # parties that agreed to a new epoch


class ContradictionRow(msgspec.Struct, frozen=True):
    """A party told two members of a table different things under one number."""

    table: str
    party: str  # who did
    n: int  # which of its statements
    ours: str  # digest of what it told us
    other: str  # digest of what it told somebody else
    told_by: str  # who says so
    leaves: list[str]  # both as the party signed them; empty: claimed, not yet shown


class PeerRow(msgspec.Struct, frozen=True):
    party: str
    node: str
    state: Literal["UP", "DEGRADED", "DOWN", "SUSPENDED", "FORK", "ROLLBACK", "UNVERIFIED"]
    since_ms: int
    last_heard_ms: int | None
    rtt_ms: float | None
    offset_ms: float | None
    receipt_lag_ms: float | None
    lanes: list[LaneRow]
    codebook_same: bool | None
    released: int  # tracks in the newest frame to this peer
    withheld: dict[str, int]  # reason or rule name → count in the newest frame
    policy: str  # digest, base64
    policy_name: str
    shared_with_us: int  # tracks in the newest frame from this peer
    watch_present: bool | None = None  # null unknown
    why: str = ""  # of `state`, for the desk
    line: Literal["UP", "DEGRADED", "DOWN"] = "DOWN"  # what the heartbeats say, whatever stands above it
    alarms: list[str] = []  # codes, the gravest first: see docs/operate/what-the-desk-shows.md
    missed: int | None = None  # heartbeats in a row
    rtt_p95_ms: float | None = None
    clock_suspect: bool = False  # the peer's newest leaf was stamped more than two seconds ahead of us
    forks: list[ForkRow] = []
    line_test_own_at_ms: int | None = None
    line_test_held_at_ms: int | None = None
    line_test_their_at_ms: int | None = None
    refused: dict[str, int] = {}  # code → count, by us
    refused_by_peer: dict[str, int] = {}


class FeedRow(msgspec.Struct, frozen=True):
    feed: str
    state: Literal["up", "waiting", "ended", "failed"]
    plots: int
    rejected: dict[str, int]
    last_plot_at_ms: int | None
    note: str = ""


class ZoneRow(msgspec.Struct, frozen=True):
    zone: str
    name: str
    kind: Literal["border", "zone", "fir"]
    asserted_by: str  # party
    rings: list[list[list[int]]]  # [[[lat_e7, lon_e7], …], …]; first the outer ring
    floor_ft: int | None
    ceiling_ft: int | None
    margin_m: float


class Counts(msgspec.Struct, frozen=True):
    own: int = 0
    shared: int = 0
    unattributed: int = 0
    stale: int = 0
    not_assessed: int = 0
    not_assessed_why: dict[str, int] = {}
    conflicts: int = 0


class ProposedPolicy(msgspec.Struct, frozen=True):
    """A release policy that waits for a second seat."""

    digest: str
    name: str
    by: str  # seat
    at_ms: int
    expires_at_ms: int
    wider_because: list[str]  # one line a reason; it could not be proved that it releases no more


class OverrideRow(msgspec.Struct, frozen=True):
    """A safety override of our policy, and who has said so in the record."""

    name: str
    digest: str
    between: list[str]
    said_by: list[str]
    in_force: bool  # every party named has


class PolicyState(msgspec.Struct, frozen=True):
    """The release policy in force beside the baseline: the desk says so while more may leave than by the baseline."""

    digest: str
    name: str
    since_ms: int | None  # null: since the node started
    by: list[str]  # the seats that put it in force; empty: the configuration
    baseline: str  # digest
    baseline_name: str
    is_wider: bool
    wider_because: list[str]
    proposed: ProposedPolicy | None
    undo_to: str | None  # name of the policy that one key brings back at once; null: there is none
    overrides: list[OverrideRow]


class Board(msgspec.Struct, frozen=True):
    at_ms: int
    number: int  # grows by one with each board of this run
    party: str
    party_name: str
    node: str
    parties: list[dict[str, str]]  # index = `party` and `declared_by` of a track frame: {"id", "name"}; own first
    badges: list[str]  # "RECONSTRUCTION", "EXERCISE", "REPLAY 60×", "DEMO ACCOUNTS"
    role: str  # seat of this session
    alerts: list[AlertRow]  # active first, by level, then time to event; then newest cleared; at most 200
    alerts_total: int
    messages: list[MessageRow]  # newest first, at most 200
    messages_total: int
    peers: list[PeerRow]
    feeds: list[FeedRow]
    zones: list[ZoneRow]
    counts: Counts
    not_built_yet: list[str]  # what the demo's script names and this version does not have
    faults: list[str]  # disk, clock, limits: words for the desk
    centre_e7: list[int]  # [lat, lon] of the map's fixed centre
    range_nm: float
    tables: list[TableBrief] = []
    audible: bool = False
    contradictions: list[ContradictionRow] = []
    nuisance: NuisanceRow | None = None
    policy: PolicyState | None = None
    flash_said: dict[str, int] = {}  # party → FLASH messages since this start: each side counts the same ones
    flash_misused: dict[str, int] = {}  # of which without a good reason
