"""Reports shared in real time: what was observed, by whom it is said, how good the source and the item are, until when.

Each party keeps its own grade beside the other's; nobody's is overwritten. The best grade of an item needs independent
sources, and an item of a third party needs that party's consent on record. A place is coarse unless it is the writer's
own to give away, or lives depend on it. Missing provenance is shown as missing.

There is no field here that could point at anybody's forces: the schema has a cell of a tenth of a degree, and a point
only for one's own and for safety of life.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from detente.coordination.act import Act, Cell, Key, Ms, Name, Party, Said, Title, Words
from detente.coordination.charter import Charter
from detente.errors import OrderRefused
from detente.types import PartyId

SourceGrade = Literal["A", "B", "C", "D", "E", "F"]
ItemGrade = Literal["1", "2", "3", "4", "5", "6"]
About = Literal["own", "safety_of_life", "others", "general"]
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


class Share(Act, frozen=True, kw_only=True, tag="report.share"):
    """Share one item; it is called by the name of this statement."""

    title: Title
    words: Words
    kind: Key  # a word of the sender's: what sort of item, to search by
    about: About
    observed_ms: Ms
    valid_until_ms: Ms
    originator: Party  # whose it is
    material: Key | None = None  # the originator's own number for it, when it is another's
    grade: Grade = Grade()
    area: Cell | None = None
    point: Point | None = None
    marking: Marking = Marking()
    provenance: Annotated[tuple[Link, ...], Meta(max_length=16)] = ()
    replaces: Name | None = None


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


AnyReportAct = Share | GradeIt | Ask | Consent | WithdrawReport


class ReportRow(msgspec.Struct, frozen=True):
    report: str
    title: str
    words: str
    kind: str
    about: str
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
    area: list[int] | None
    point: list[int] | None
    tlp: str
    may_pass_to: list[str]
    provenance: list[tuple[str, str | None, int | None]]
    missing: list[str]  # parts of the provenance that nobody filled in
    replaced_by: str | None
    withdrawn: str
    marking: str  # in one line, as it stands beside the report wherever it is shown or printed


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
    act: Share
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
            case Share():
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

    def rows(
        self,
        now_ms: int,
        *,
        kind: str | None = None,
        since_ms: int = 0,
        south_west: Cell | None = None,
        north_east: Cell | None = None,
    ) -> list[ReportRow]:
        """Return reports, the newest first; by kind, by when it was observed, and by cells from one corner to another.

        There is no search by whom a report is about.
        """
        return [
            self._row(name, report, now_ms)
            for name, report in reversed(self._reports.items())
            if (kind is None or report.act.kind == kind)
            and report.act.observed_ms >= since_ms
            and _lies_in(report.act, south_west, north_east)
        ]

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

    def _share(self, act: Share, said: Said) -> None:
        _check_grade(act.grade)
        _check_place(act)
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

    def _consented(self, act: Share, said: Said) -> _Material | None:
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
        act = report.act
        material = self._materials.get((PartyId(act.originator), act.material or ""))
        is_withdrawn = material is not None and material.state != "given"
        given = {link.part for link in act.provenance if link.name}
        return ReportRow(
            report=name,
            title=act.title,
            words=act.words,
            kind=act.kind,
            about=act.about,
            by=report.said.party,
            seat=report.said.by,
            shared_at_ms=report.said.at_ms,
            observed_ms=act.observed_ms,
            valid_until_ms=act.valid_until_ms,
            stale=now_ms > act.valid_until_ms,
            originator=act.originator,
            material=act.material,
            consent_withdrawn=is_withdrawn,
            grades={str(party): (f"{g.source}{g.item}", words) for party, (g, words) in report.grades.items()},
            area=None if act.area is None else list(act.area),
            point=None if act.point is None else [act.point.latitude_e4, act.point.longitude_e4],
            tlp=act.marking.tlp,
            may_pass_to=list(act.marking.may_pass_to),
            provenance=[(link.part, link.name, link.at_ms) for link in act.provenance],
            missing=[
                *(link.part for link in act.provenance if not link.name),
                *([] if given or act.originator == report.said.party else ["speaker"]),
            ],
            replaced_by=report.replaced_by,
            withdrawn=report.withdrawn,
            marking=marking_of(
                act, report.said.party, consent_withdrawn=material is not None and material.state != "given"
            ),
        )


def marking_of(act: Share, by: str, *, consent_withdrawn: bool) -> str:
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


def _check_place(act: Share) -> None:
    if act.point is not None and act.about not in ("own", "safety_of_life"):
        raise OrderRefused(
            "precise", "a point is only for what is one's own, or to save lives; others have a coarse area"
        )
    if act.about == "others" and act.area is None:
        raise OrderRefused("area", "say where, as a coarse area")


def _lies_in(act: Share, south_west: Cell | None, north_east: Cell | None) -> bool:
    if south_west is None or north_east is None:
        return True
    cell = act.area
    if cell is None and act.point is not None:
        cell = coarse(act.point.latitude_e4 / 1e4, act.point.longitude_e4 / 1e4)
    return cell is not None and is_within(cell, south_west, north_east)


def is_within(cell: Cell, south_west: Cell, north_east: Cell) -> bool:
    """Whether *cell* is one of those from one corner to another, both among them; west may lie east of the other."""
    is_east = (
        south_west[1] <= cell[1] <= north_east[1]
        if south_west[1] <= north_east[1]
        else not north_east[1] < cell[1] < south_west[1]
    )
    return south_west[0] <= cell[0] <= north_east[0] and is_east
