"""Reports shared in real time: what was observed, by whom it is said, how good the source and the item are, until when.

Each party keeps its own grade beside the other's; nobody's is overwritten. The best grade of an item needs independent
sources, and an item of a third party needs that party's consent on record. A place is coarse unless it is the writer's
own to give away, or lives depend on it. Missing provenance is shown as missing.

There is no field here that could point at anybody's forces. What is about others is a `Share`, whose only place is a
cell of a tenth of a degree. A point stands in a `SharePoint` alone, and that can be about nothing but one's own things
and safety of life: the two are kept apart by the schema, so that no rule has to refuse what the one could not hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from detente.coordination.act import Act, Cell, Key, Ms, Name, Party, Said, Title, Words
from detente.coordination.charter import Charter
from detente.errors import OrderRefused
from detente.types import PartyId

SourceGrade = Literal["A", "B", "C", "D", "E", "F"]
ItemGrade = Literal["1", "2", "3", "4", "5", "6"]
About = Literal["own", "safety_of_life", "others", "general"]
PointAbout = Literal["own", "safety_of_life"]
"""What a report with a point can be about: never others."""
Tlp = Literal["red", "amber", "amber_strict", "green", "clear"]

CONFIRMED_BY: Final = 2
"""Independent sources that an item of grade 1 needs."""


class Grade(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How good: the source A to F, the item 1 to 6, judged apart. F6, cannot be judged, is the honest default."""

    source: SourceGrade = "F"
    item: ItemGrade = "6"
    sources: Annotated[
        tuple[Title, ...], Meta(max_length=16)
    ] = ()  # independent of each other, by what they are called


class Link(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One hand through which an item went. What is not known is None, and shown as missing."""

    part: Literal["speaker", "outlet", "republisher", "sensor", "liaison"]
    name: Title | None = None
    at_ms: Ms | None = None


class Point(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A place to a ten-thousandth of a degree: only for what is one's own, or to save lives."""

    latitude_e4: Annotated[int, Meta(ge=-900_000, le=900_000)]
    longitude_e4: Annotated[int, Meta(ge=-1_800_000, le=1_800_000)]


class Marking(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who may have it further on."""

    tlp: Tlp = "amber_strict"
    may_pass_to: tuple[Party, ...] = ()


class _Item(Act, frozen=True, kw_only=True):
    """What an item says whatever it is about: all but its subject and its place."""

    title: Title
    words: Words
    kind: Key  # a word of the sender's: what sort of item, to search by
    observed_ms: Ms
    valid_until_ms: Ms
    originator: Party  # whose it is
    material: Key | None = None  # the originator's own number for it, when it is another's
    grade: Grade = Grade()
    marking: Marking = Marking()
    provenance: Annotated[tuple[Link, ...], Meta(max_length=16)] = ()
    replaces: Name | None = None


class Share(_Item, frozen=True, kw_only=True, tag="report.share"):
    """Share one item, whose place is a coarse cell; it is called by the name of this statement."""

    about: About
    area: Cell | None = None  # of what is about others it is asked for


class SharePoint(_Item, frozen=True, kw_only=True, tag="report.share_point"):
    """Share one item with the point it is at: one's own, or lives depend on it. Never about others."""

    about: PointAbout
    point: Point


class GradeIt(Act, frozen=True, kw_only=True, tag="report.grade"):
    """Put one's own grade beside the sender's."""

    report: Name
    grade: Grade
    words: Words


class Ask(Act, frozen=True, tag="report.ask_consent"):
    """Ask an originator to let an item of theirs be shared at this table."""

    originator: Party
    material: Key
    words: Words


class Consent(Act, frozen=True, kw_only=True, tag="report.consent"):
    """Consent that one's own material be shared at this table, or take that back: what is out stays listed."""

    material: Key
    consents: bool
    words: Words | None = None


class WithdrawReport(Act, frozen=True, tag="report.withdraw"):
    """Say that a report of one's own no longer stands. It stays in the record."""

    report: Name
    reason: Words


AnyReportAct = Share | SharePoint | GradeIt | Ask | Consent | WithdrawReport


class _ItemRow(msgspec.Struct, frozen=True, kw_only=True, tag_field="place"):
    report: str
    title: str
    words: str
    kind: str
    by: str
    seat: str
    shared_at_ms: int
    observed_ms: int
    valid_until_ms: int
    stale: bool  # past the time the sender gave it
    originator: str
    material: str | None
    consent_withdrawn: bool
    grades: dict[str, tuple[str, str]]  # by party: letter and digit, and the words with it
    tlp: str
    may_pass_to: list[str]
    provenance: list[tuple[str, str | None, int | None]]
    missing: list[str]  # parts of the provenance that nobody filled in
    replaced_by: str | None
    withdrawn: str
    marking: str  # in one line, as it stands beside the report wherever it is shown or printed


class AreaReportRow(_ItemRow, frozen=True, kw_only=True, tag="area"):
    """A report as a desk shows it, with a coarse cell at most."""

    about: About
    area: Cell | None


class PointReportRow(_ItemRow, frozen=True, kw_only=True, tag="point"):
    """A report as a desk shows it, with the point it is at: the writer's own, or lives depend on it."""

    about: PointAbout
    point: tuple[int, int]  # latitude and longitude, 1e-4 degrees


ReportRow = AreaReportRow | PointReportRow


class SentRow(msgspec.Struct, frozen=True):
    """One report in which an originator's material went out: it is out, whatever became of the consent."""

    report: str
    by: str  # party
    at_ms: int
    to: list[str]  # parties


class ConsentRow(msgspec.Struct, frozen=True):
    originator: str
    material: str
    asked_by: list[str]
    state: str  # asked, given, refused, taken_back
    words: str
    shared_as: list[str]
    sent: list[SentRow]  # what went out under it; it stays listed when the consent is taken back
    taken_back_at_ms: int | None


@dataclass(slots=True)
class _Report:
    act: Share | SharePoint
    said: Said
    grades: dict[PartyId, tuple[Grade, str]]
    replaced_by: str | None = None
    withdrawn: str = ""


@dataclass(slots=True)
class _Material:
    asked_by: dict[PartyId, str] = field(default_factory=dict)
    state: str = "asked"
    words: str = ""
    shared_as: list[str] = field(default_factory=list)
    taken_back_at_ms: int | None = None


class Reports:
    """All reports of one table, and the consents of their originators."""

    def __init__(self, charter: Charter) -> None:
        self._charter = charter
        self._reports: dict[str, _Report] = {}
        self._materials: dict[tuple[PartyId, str], _Material] = {}

    def apply(self, act: Act, said: Said) -> None:
        assert isinstance(act, AnyReportAct)
        match act:
            case Share() | SharePoint():
                self._share(act, said)
            case GradeIt():
                _check_grade(act.grade)
                self._report(act.report).grades[said.party] = (act.grade, act.words)
            case Ask():
                if act.originator not in self._charter.members:
                    raise OrderRefused("no_seat", f"{act.originator} has no seat here; ask at a table where it has one")
                if act.originator == said.party:
                    raise OrderRefused("own_material", "one's own material needs nobody's consent")
                material = self._materials.setdefault((PartyId(act.originator), act.material), _Material())
                material.asked_by[said.party] = act.words
            case Consent():
                material = self._materials.setdefault((said.party, act.material), _Material())
                if not act.consents and material.state == "given":
                    material.taken_back_at_ms = said.at_ms
                elif act.consents:
                    material.taken_back_at_ms = None
                material.state = "given" if act.consents else "taken_back" if material.state == "given" else "refused"
                material.words = act.words or ""
            case WithdrawReport(report=name, reason=reason):
                report = self._report(name)
                if report.said.party != said.party:
                    raise OrderRefused("not_yours", f"only {report.said.party}, who shared it, can withdraw it")
                report.withdrawn = reason

    def rows(self, now_ms: int) -> list[ReportRow]:
        """Return all reports, the newest first."""
        return [self._row(name, report, now_ms) for name, report in reversed(self._reports.items())]

    def consents(self) -> list[ConsentRow]:
        """Return what is known of others' material: who asked, what the originator said, what was shared."""
        return [
            ConsentRow(
                originator,
                key,
                sorted(m.asked_by),
                m.state,
                m.words,
                m.shared_as,
                [self._sent(name) for name in m.shared_as],
                m.taken_back_at_ms,
            )
            for (originator, key), m in self._materials.items()
        ]

    def _sent(self, name: str) -> SentRow:
        said = self._reports[name].said
        return SentRow(name, said.party, said.at_ms, [p for p in self._charter.parties if p != said.party])

    def _share(self, act: Share | SharePoint, said: Said) -> None:
        _check_grade(act.grade)
        if isinstance(act, Share) and act.about == "others" and act.area is None:
            raise OrderRefused("area", "say where, as a coarse area")
        if act.observed_ms > said.at_ms or act.valid_until_ms <= act.observed_ms:
            raise OrderRefused("times", "an item is observed before it is shared, and valid until after that")
        replaced = None if act.replaces is None else self._report(act.replaces)
        if replaced is not None and replaced.said.party != said.party:
            raise OrderRefused("not_yours", "only one's own report is replaced")
        material = self._consented(act, said)
        if material is not None:
            material.shared_as.append(said.name)
        if replaced is not None:
            replaced.replaced_by = said.name
        self._reports[said.name] = _Report(act, said, {said.party: (act.grade, "")})

    def _consented(self, act: Share | SharePoint, said: Said) -> _Material | None:
        """Return the third party's material that *act* shares; raises OrderRefused unless its originator consents."""
        if act.originator == said.party:
            return None
        if act.material is None:
            raise OrderRefused("material", "another's item is named by its originator's own number")
        material = self._materials.get((PartyId(act.originator), act.material))
        if material is None or material.state != "given":
            raise OrderRefused("consent", f"{act.originator} has not consented to share {act.material} at this table")
        return material

    def _report(self, name: str) -> _Report:
        if name not in self._reports:
            raise OrderRefused("unknown_report", f"there is no report {name!r} at this table")
        return self._reports[name]

    def _row(self, name: str, report: _Report, now_ms: int) -> ReportRow:
        said = self._item_row(name, report, now_ms)
        match report.act:
            case Share(about=about, area=area):
                return AreaReportRow(about=about, area=area, **said)
            case SharePoint(about=about, point=point):
                return PointReportRow(about=about, point=(point.latitude_e4, point.longitude_e4), **said)

    def _item_row(self, name: str, report: _Report, now_ms: int) -> dict[str, Any]:
        """Return the fields of `_ItemRow`."""
        act, by = report.act, report.said.party
        material = self._materials.get((PartyId(act.originator), act.material or ""))
        consent_withdrawn = material is not None and material.state != "given"
        given = {link.part for link in act.provenance if link.name}
        return {
            "report": name,
            "title": act.title,
            "words": act.words,
            "kind": act.kind,
            "by": by,
            "seat": report.said.by,
            "shared_at_ms": report.said.at_ms,
            "observed_ms": act.observed_ms,
            "valid_until_ms": act.valid_until_ms,
            "stale": now_ms > act.valid_until_ms,
            "originator": act.originator,
            "material": act.material,
            "consent_withdrawn": consent_withdrawn,
            "grades": {str(party): (f"{g.source}{g.item}", words) for party, (g, words) in report.grades.items()},
            "tlp": act.marking.tlp,
            "may_pass_to": list(act.marking.may_pass_to),
            "provenance": [(link.part, link.name, link.at_ms) for link in act.provenance],
            "missing": [
                *(link.part for link in act.provenance if not link.name),
                *([] if given or act.originator == by else ["speaker"]),
            ],
            "replaced_by": report.replaced_by,
            "withdrawn": report.withdrawn,
            "marking": marking_of(act, by, consent_withdrawn=consent_withdrawn),
        }


def marking_of(act: Share | SharePoint, by: str, *, consent_withdrawn: bool) -> str:
    """Return what stands beside a report wherever it is shown: how far it may go, and whose it is."""
    parts = [f"TLP:{act.marking.tlp.upper().replace('_', '+')}"]
    if act.originator != by:
        parts.append(f"ORIGINATOR {act.originator.upper()}")
    if act.marking.may_pass_to:
        parts.append("MAY PASS TO " + ", ".join(party.upper() for party in act.marking.may_pass_to))
    if consent_withdrawn:
        parts.append("CONSENT TAKEN BACK: PASS ON NO FURTHER")
    return " // ".join(parts)


def coarse(latitude_deg: float, longitude_deg: float) -> Cell:
    """Return the cell of a tenth of a degree that holds a place: how a report says where others are."""
    latitude, longitude = int(latitude_deg * 10 // 1), int(longitude_deg * 10 // 1)
    return min(max(latitude, -900), 899), (longitude + 1800) % 3600 - 1800


def _check_grade(grade: Grade) -> None:
    if grade.item == "1" and len({source.casefold() for source in grade.sources}) < CONFIRMED_BY:
        raise OrderRefused("grade", f"1, confirmed, needs {CONFIRMED_BY} independent sources, each named")


def cell_of(row: ReportRow) -> Cell | None:
    """Return the cell by which a search finds a report: its area, or the one that holds its point."""
    match row:
        case AreaReportRow():
            return row.area
        case PointReportRow(point=(latitude_e4, longitude_e4)):
            return coarse(latitude_e4 / 1e4, longitude_e4 / 1e4)


def is_within(cell: Cell, south_west: Cell, north_east: Cell) -> bool:
    """Whether *cell* is one of those from one corner to another, both among them; west may lie east of the other."""
    is_east = (
        south_west[1] <= cell[1] <= north_east[1]
        if south_west[1] <= north_east[1]
        else not north_east[1] < cell[1] < south_west[1]
    )
    return south_west[0] <= cell[0] <= north_east[0] and is_east
