"""Incidents: what happened, with each side's account beside the other's. Nobody can delete, or answer for, the other.

An incident opens from an alert by itself, or by hand. Evidence is named by what the record already holds (an alert, a
message, a leaf), never copied. Category and severity are each party's own, and so is attribution, which may stay empty
for ever. A finding is joint only if every party gives the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from detente.coordination.act import Act, Ms, Name, Said, Title, Words
from detente.coordination.ceasefire import Finding
from detente.coordination.charter import Charter
from detente.errors import OrderRefused
from detente.types import PartyId

Category = Literal[
    "PROX", "INCUR", "INTERCEPT", "LASER", "EMI", "RADAR", "COMMS", "UAS", "AREA", "LEAD", "SAR", "HUM", "CFV", "DATA",
    "SYS",
]  # fmt: skip
"""What sort of incident; several may be given. The list is ours."""

Severity = Literal["S0", "S1", "S2", "S3", "S4"]
EVIDENCE_LIMIT: Final = 128

Subject = Annotated[str, Meta(pattern=r"\A[a-z0-9][a-z0-9/._-]{0,120}\Z")]
"""What is on record already: an alert, a message, ``<log>#<index>`` without its sign, a statement."""


class OpenIncident(Act, frozen=True, kw_only=True, tag="incident.open"):
    """Open an incident. One alert opens one incident, whoever is first."""

    title: Title
    happened_ms: Ms
    alert: Subject | None = None  # None: opened by hand
    categories: Annotated[tuple[Category, ...], Meta(max_length=8)] = ()
    draft: Words | None = None  # a first report drawn up from the data; the officer confirms or replaces it


class Account(Act, frozen=True, tag="incident.account"):
    """Give one's own party's account; an earlier one of the same party stays readable."""

    incident: Name
    words: Words


class Attach(Act, frozen=True, tag="incident.attach"):
    """Name evidence that both records hold."""

    incident: Name
    evidence: Annotated[tuple[Subject, ...], Meta(min_length=1, max_length=EVIDENCE_LIMIT)]


class Classify(Act, frozen=True, kw_only=True, tag="incident.classify"):
    """Say how one's own party classes it."""

    incident: Name
    categories: Annotated[tuple[Category, ...], Meta(min_length=1, max_length=8)]
    severity: Severity
    attribution: Words | None = None


class FindIncident(Act, frozen=True, tag="incident.find"):
    incident: Name
    finding: Literal["agreed", "partly", "not_agreed", "not_established"]
    words: Words


AnyIncidentAct = OpenIncident | Account | Attach | Classify | FindIncident


class AccountRow(msgspec.Struct, frozen=True):
    """One party's half of an incident."""

    party: str
    accounts: list[tuple[int, str, str]]  # (when, seat, words), the newest last
    categories: list[str]
    severity: str | None
    attribution: str | None
    finding: str | None
    finding_words: str


class IncidentRow(msgspec.Struct, frozen=True):
    incident: str
    title: str
    opened_by: str
    opened_at_ms: int
    happened_ms: int
    alert: str | None
    categories: list[str]  # as it was opened; each party classes it for itself
    draft: str  # as it was opened with; else what this desk would report, shown here alone
    halves: list[AccountRow]
    evidence: list[tuple[str, str]]  # (subject, attached by)
    status: str  # open, agreed, partly, not_agreed, not_established, disputed


@dataclass(slots=True)
class _Half:
    accounts: list[tuple[int, str, str]] = field(default_factory=list)
    classed: Classify | None = None
    finding: FindIncident | None = None


@dataclass(slots=True)
class _Incident:
    act: OpenIncident
    said: Said
    halves: dict[PartyId, _Half]
    evidence: dict[str, PartyId] = field(default_factory=dict)


class Incidents:
    """All incidents of one table."""

    def __init__(self, charter: Charter) -> None:
        self._charter = charter
        self._incidents: dict[str, _Incident] = {}
        self._by_alert: dict[str, str] = {}

    def apply(self, act: Act, said: Said) -> None:
        assert isinstance(act, AnyIncidentAct)
        if isinstance(act, OpenIncident):
            if act.alert is not None and act.alert in self._by_alert:
                raise OrderRefused("open_already", f"{act.alert} has opened {self._by_alert[act.alert]} already")
            if act.happened_ms > said.at_ms:
                raise OrderRefused("time_ahead", "an incident has happened before it is opened")
            halves = {party: _Half() for party in self._charter.parties}
            incident = _Incident(act, said, halves)
            if act.alert is not None:
                self._by_alert[act.alert] = said.name
                incident.evidence[act.alert] = said.party
            self._incidents[said.name] = incident
            return
        found = self._incidents.get(act.incident)
        if found is None:
            raise OrderRefused("unknown_incident", f"there is no incident {act.incident!r} at this table")
        half = found.halves[said.party]
        match act:
            case Account(words=words):
                half.accounts.append((said.at_ms, said.by, words))
            case Attach(evidence=evidence):
                if len(found.evidence.keys() | set(evidence)) > EVIDENCE_LIMIT:
                    raise OrderRefused("evidence", f"an incident names at most {EVIDENCE_LIMIT} pieces of evidence")
                for subject in evidence:
                    found.evidence.setdefault(subject, said.party)
            case Classify():
                half.classed = act
            case FindIncident():
                half.finding = act

    def of_alert(self, alert: str) -> str | None:
        """Return the incident that *alert* has opened."""
        return self._by_alert.get(alert)

    def rows(self) -> list[IncidentRow]:
        """Return every incident, the newest first."""
        return [self._row(name, one) for name, one in reversed(self._incidents.items())]

    def _row(self, name: str, one: _Incident) -> IncidentRow:
        return IncidentRow(
            incident=name,
            title=one.act.title,
            opened_by=one.said.party,
            opened_at_ms=one.said.at_ms,
            happened_ms=one.act.happened_ms,
            alert=one.act.alert,
            categories=list(one.act.categories),
            draft=one.act.draft or "",
            halves=[_half_row(party, half) for party, half in one.halves.items()],
            evidence=[(subject, str(by)) for subject, by in one.evidence.items()],
            status=_status(one),
        )


def _half_row(party: PartyId, half: _Half) -> AccountRow:
    classed, finding = half.classed, half.finding
    return AccountRow(
        party=party,
        accounts=half.accounts,
        categories=[] if classed is None else list(classed.categories),
        severity=None if classed is None else classed.severity,
        attribution=None if classed is None else classed.attribution,
        finding=None if finding is None else finding.finding,
        finding_words="" if finding is None else finding.words,
    )


def _status(one: _Incident) -> str:
    findings = [half.finding.finding for half in one.halves.values() if half.finding is not None]
    if len(set(findings)) > 1:
        return "disputed"
    return str(Finding(findings[0])) if findings and len(findings) == len(one.halves) else "open"
