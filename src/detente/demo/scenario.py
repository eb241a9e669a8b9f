"""A scenario: parties, what their sensors see, and a script, as one TOML file that a user can write.

Times are seconds of the demo's clock, which begins at 0 when the nodes are up. Recorded traffic and the reconstruction
keep their places and are moved in time only, to that clock. A step says when it begins, what is done, and what must
then come about; it *held* when all of that came about in time. A step that is not built yet has a sentence and nothing
to do: it is shown as "not built yet" and its result is null.

An unknown key is refused with its path. The comments of the fields are the manual; `docs/operate/scenario.md` shows how
to write one.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec

from detente.config import Degrees, EscalationConfig, NodeText, PartyName, Seconds
from detente.coordination.charter import Charter
from detente.demo.acts import check_act
from detente.demo.path import check_path
from detente.demo.reconstruction import FASTEST_MPS, SLOWEST_MPS, Version
from detente.desk.orders import Line, Prec
from detente.desk.words import Lang
from detente.errors import ConfigError
from detente.meant import read_toml
from detente.types import Instant, Role, instant_of_iso

DEFAULT: Final = "border"
SHIPPED: Final = Path(str(files("detente.demo").joinpath("scenarios")))
"""The folder of the scenarios that come with the package; each is called by its file's name."""

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Reached = Literal["raised", "held", "displayed", "acknowledged", "cleared"]


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Every part of a scenario refuses keys it does not know."""


class Clock(_Part, frozen=True, kw_only=True):
    lasts_s: Annotated[float, msgspec.Meta(gt=0.0, le=86_400.0)]  # a headless run ends here; a live one goes on
    headless_speed: Annotated[float, msgspec.Meta(gt=0.0, le=1000.0)] = 20.0  # of --headless without --speed
    repeat_from_step: int | None = None  # live: once the script is over, it begins again at this step
    repeat_after_s: Seconds = 60.0  # … so long after its end


class View(_Part, frozen=True, kw_only=True):
    """A place to look at. The console centres on it; nothing else depends on it."""

    name: Name
    title: Text
    latitude_deg: Annotated[float, msgspec.Meta(ge=-90.0, le=90.0)]
    longitude_deg: Degrees
    range_nm: Annotated[float, msgspec.Meta(gt=0.0, le=3000.0)]


class Traffic(_Part, frozen=True, kw_only=True):
    """A recording. Its instant `from` is played at 0 s of the demo's clock."""

    name: Name
    label: Text  # shown: where and when it was recorded
    recording: str  # file: relative to the scenario, or "shipped:" and a file of detente/demo/data
    from_: str = msgspec.field(name="from")  # ISO 8601 UTC, in the recording's own time
    until: str  # the last instant played
    loop: bool = True  # live: begin again at `from`
    pause_s: Seconds = 180.0  # between two turns: longer than a track is kept, so that none jumps back

    @property
    def begins(self) -> Instant:
        return instant_of_iso(self.from_)

    @property
    def ends(self) -> Instant:
        return instant_of_iso(self.until)


class Share(_Part, frozen=True, kw_only=True):
    """A part of all aircraft, the same on every machine: those whose identity's CRC-32 modulo `of` is in `parts`."""

    of: Annotated[int, msgspec.Meta(ge=1, le=256)]
    parts: list[Annotated[int, msgspec.Meta(ge=0, le=255)]]


class Box(_Part, frozen=True, kw_only=True):
    """An area between two parallels and two meridians."""

    south_deg: Annotated[float, msgspec.Meta(ge=-90.0, le=90.0)]
    west_deg: Degrees
    north_deg: Annotated[float, msgspec.Meta(ge=-90.0, le=90.0)]
    east_deg: Degrees


class Sensor(_Part, frozen=True, kw_only=True):
    """What one party's sensor sees of a recording, and which of that the party declares: "this one is mine"."""

    feed: Name  # the feed's name at the desk
    traffic: Name
    area: Box | None = None  # none: all of it
    declares: Share | None = None  # none: nothing


class Watch(_Part, frozen=True, kw_only=True):
    """A scripted operator who acknowledges. The script's own steps are not left to it."""

    acknowledges: list[Literal["conflict", "incursion", "approach", "conformance"]]
    after_s: Seconds = 8.0
    live: bool = False  # false: only in a headless run; in a live one a person sits there


class Party(_Part, frozen=True, kw_only=True):
    id: PartyName
    name: Text
    node: NodeText
    view: Name  # where its console is centred
    profile: Literal["en-route", "terminal", "low-level", "light-aircraft"] = "terminal"
    sensor: list[Sensor] = []
    zones: list[str] = []  # GeoJSON files, as Traffic.recording: the lines this party holds
    policy: str  # release policy at the beginning, towards every other party: TOML file, as Traffic.recording
    escalation: EscalationConfig = EscalationConfig()
    watch: Watch | None = None


# --- what can come about -----------------------------------------------------------------------------------------


class _Condition(_Part, frozen=True, kw_only=True, tag_field="is"):
    """What can be seen at a desk, or in both records."""


class AlertIs(_Condition, frozen=True, kw_only=True, tag="alert"):
    """At `party`'s desk an alert has reached a stage on the half of `half`."""

    party: PartyName
    kind: list[Literal["conflict", "incursion", "approach", "conformance"]]
    about: Literal["reconstruction", "traffic", "any"] = "any"
    run: int | None = None  # of the reconstruction: the `run` it was played with
    raised_by: PartyName | None = None
    half: PartyName | None = None  # none: party's own
    reached: Reached = "raised"
    by: Role | None = None  # acknowledged: by this role
    lead_s_at_least: Seconds | None = None  # first displayed so long before the event it was of


class RungIs(_Condition, frozen=True, kw_only=True, tag="rung"):
    """At `party`'s desk an unacknowledged alert has climbed to this rung or beyond."""

    party: PartyName
    at_least: Annotated[int, msgspec.Meta(ge=1, le=5)]
    run: int | None = None  # of the reconstruction: an alert about that playing; none: any alert


class MessageIs(_Condition, frozen=True, kw_only=True, tag="message"):
    """The newest message between the two has reached a stage at its addressee, by that party's own half."""

    sender: PartyName
    to: PartyName
    reached: Literal["held", "displayed", "acknowledged"]


class LinkIs(_Condition, frozen=True, kw_only=True, tag="link"):
    """Both nodes show the link between them in one of these states."""

    a: PartyName
    b: PartyName
    state: Annotated[list[Literal["UP", "DEGRADED", "DOWN"]], msgspec.Meta(min_length=1)]


class RecordsEqual(_Condition, frozen=True, kw_only=True, tag="records_equal"):
    """Every lane between the two is one log on both nodes; leaves of the last seconds may be on the way."""

    a: PartyName
    b: PartyName


class TracksShared(_Condition, frozen=True, kw_only=True, tag="tracks_shared"):
    """`party` shows at least so many tracks that `by` released to it."""

    party: PartyName
    by: PartyName
    at_least: Annotated[int, msgspec.Meta(ge=1)]


class DossierHolds(_Condition, frozen=True, kw_only=True, tag="dossier"):
    """The first party's record, exported at the end, verifies offline, and fails once a byte of it is flipped."""


class TableIs(_Condition, frozen=True, kw_only=True, tag="table"):
    """At `party`'s desk something stands at a table: what `at` leads to, and what is asked of it.

    Nothing asked: it is there. `never` on the expectation says that it must not be.
    """

    party: PartyName
    table: str
    at: str  # a path into the desk's view of the table: path.py
    equals: str | int | float | bool | list[Any] | None = None
    contains: str | None = None  # as one of a list's entries or a key, or within a text
    at_least: float | None = None  # a number, or how many entries


Condition = AlertIs | RungIs | MessageIs | LinkIs | RecordsEqual | TracksShared | DossierHolds | TableIs


class Expectation(_Part, frozen=True, kw_only=True):
    that: Condition
    within_s: Seconds  # of the step's beginning
    after_s: Seconds = 0.0  # not looked at earlier: what was so before does not count
    never: bool = False  # true: it must not come about before `within_s`


# --- what can be done --------------------------------------------------------------------------------------------


class _Action(_Part, frozen=True, kw_only=True, tag_field="do"):
    """One thing done, so long after its step began, and not before `when` holds (waited for until `within_s`)."""

    after_s: Seconds = 0.0
    when: Condition | None = None
    within_s: Seconds = 0.0


class SetPolicy(_Action, frozen=True, kw_only=True, tag="set_policy"):
    party: PartyName
    policy: str  # TOML file, as Party.policy


class Play(_Action, frozen=True, kw_only=True, tag="play"):
    """Play the reconstruction of 24 November 2015 from `from_s` before its crossing or closest point to its end."""

    version: Version
    speed_mps: Annotated[float, msgspec.Meta(ge=SLOWEST_MPS, le=FASTEST_MPS)]
    aircraft: tuple[Literal[1, 2], ...] = (1, 2)
    from_s: Annotated[float, msgspec.Meta(ge=-420.0, le=0.0)] = -420.0
    run: Annotated[int, msgspec.Meta(ge=1, le=9)]  # another one for each playing: identities are not used twice
    seen_by: list[PartyName]  # whose sensors see it
    declared_by: PartyName | None = None


class Acknowledge(_Action, frozen=True, kw_only=True, tag="acknowledge"):
    """Acknowledge every alert of these kinds, as this role."""

    party: PartyName
    role: Role
    kind: list[Literal["conflict", "incursion", "approach", "conformance"]]


class SendText(_Action, frozen=True, kw_only=True, tag="send_text"):
    party: PartyName
    role: Role
    to: PartyName
    line: Line
    precedence: Prec = "R"
    text: Text
    lang: Lang = "en"
    reason: str | None = None


class SendCode(_Action, frozen=True, kw_only=True, tag="send_code"):
    party: PartyName
    role: Role
    to: PartyName
    line: Line
    code: Annotated[str, msgspec.Meta(pattern=r"^[A-Z][0-9]{2}$")]
    params: dict[str, str] = {}
    precedence: Prec | None = None
    reason: str | None = None


class AcknowledgeMessage(_Action, frozen=True, kw_only=True, tag="acknowledge_message"):
    """Acknowledge the newest message to this party."""

    party: PartyName
    role: Role


class CutLink(_Action, frozen=True, kw_only=True, tag="cut_link"):
    a: PartyName
    b: PartyName


class HealLink(_Action, frozen=True, kw_only=True, tag="heal_link"):
    a: PartyName
    b: PartyName


class ShowView(_Action, frozen=True, kw_only=True, tag="show_view"):
    """Centre the party's console elsewhere."""

    party: PartyName
    view: Name


class Act(_Action, frozen=True, kw_only=True, tag="act"):
    """Do an act at a table. It waits, until `within_s`, for what it refers to; the step holds only if it was done.

    With `refused` it must be refused with that code, and the step holds only if it was. `unreadable` is what the schema
    of acts has no place for.
    """

    party: PartyName
    role: Role
    table: str
    act: dict[str, Any]  # as in docs/operate/scenario.md: references by `$` and times by "+120s" are filled in
    refused: str | None = None
    within_s: Seconds = 30.0


Action = SetPolicy | Play | Acknowledge | SendText | SendCode | AcknowledgeMessage | CutLink | HealLink | ShowView | Act


class Step(_Part, frozen=True, kw_only=True):
    n: Annotated[int, msgspec.Meta(ge=1, le=99)]
    name: Text
    built: bool = True  # false: shown as not built yet; nothing to do, nothing expected
    at_s: Seconds | None = None  # when it begins; a built step has one
    do: list[Action] = []
    expect: list[Expectation] = []


class Scenario(_Part, frozen=True, kw_only=True):
    name: Name
    title: Text
    summary: str  # for the reader, and the first lines a live demo prints
    labels: list[Annotated[str, msgspec.Meta(min_length=1, max_length=40)]]  # badges at the top of every desk
    clock: Clock
    view: Annotated[list[View], msgspec.Meta(min_length=1)]
    traffic: list[Traffic] = []
    party: Annotated[list[Party], msgspec.Meta(min_length=2, max_length=8)]
    tables: list[str] = []  # charters: TOML files, as Traffic.recording, put into each member's configuration
    step: Annotated[list[Step], msgspec.Meta(min_length=1, max_length=99)]
    folder: str = ""  # set by read_scenario

    def file(self, name: str) -> Path:
        """Return the path of a file that this scenario names."""
        if name.startswith("shipped:"):
            return SHIPPED.parent / "data" / name.removeprefix("shipped:")
        return Path(self.folder) / name

    def charters(self) -> dict[str, Charter]:
        """Return the charter of each table by its file's name; raises ConfigError."""
        found = {}
        for i, name in enumerate(self.tables):
            source = f"tables[{i}]: {name}"
            try:
                found[name] = read_toml(self.file(name).read_bytes(), Charter, source)
            except OSError as wrong:
                raise ConfigError(f"{source}: {wrong.strerror or wrong}") from None
            try:
                found[name].check()
            except ConfigError as wrong:
                raise ConfigError(f"{source}: {wrong}") from None
        return found

    def not_built_yet(self) -> list[str]:
        """Return the sentences of the steps that this version does not have, for the screen."""
        return [f"{step.n}. {step.name}" for step in self.step if not step.built]

    def timeline(self) -> list[tuple[float, Step, Action]]:
        """Return every action with the second it is due and its step, in order of time, then as written."""
        due = [(step.at_s + a.after_s, step, a) for step in self.step if step.at_s is not None for a in step.do]
        return sorted(due, key=lambda one: one[0])


def scenario_named(name: str) -> Scenario:
    """Return the shipped scenario *name*, or the one in the file of that name; raises ConfigError."""
    shipped = SHIPPED / f"{name}.toml"
    if shipped.is_file() and not name.startswith((".", "/")):
        return read_scenario(shipped)
    if Path(name).suffix == ".toml" or Path(name).is_file():
        return read_scenario(Path(name))
    known = ", ".join(sorted(path.stem for path in SHIPPED.glob("*.toml")))
    raise ConfigError(f"no scenario {name!r}; there are {known}, or give a .toml file")


def read_scenario(path: Path) -> Scenario:
    """Return the scenario in the TOML file *path*, checked; raises ConfigError with the key's path."""
    try:
        scenario = read_toml(path.read_bytes(), Scenario, path)
    except OSError as wrong:
        raise ConfigError(f"{path}: {wrong.strerror or wrong}") from None
    if scenario.folder:
        raise ConfigError(f"{path}: Object contains unknown field `folder`")
    scenario = msgspec.structs.replace(scenario, folder=str(path.resolve().parent))
    for problem in _problems(scenario):
        raise ConfigError(f"{path}: {problem}")
    return scenario


def check_scenario(path: Path) -> list[str]:
    """Return what the scenario in *path* holds, line by line, its parts and files checked; raises ConfigError."""
    scenario = read_scenario(path)
    acts = sum(isinstance(action, Act) for step in scenario.step for action in step.do)
    unbuilt = scenario.not_built_yet()
    return [
        f"{path}: good",
        f"  scenario {scenario.name}: {scenario.title}",
        f"  labels: {', '.join(scenario.labels)}",
        f"  parties: {', '.join(party.id for party in scenario.party)}",
        *(f"  table {one.table}: {', '.join(one.members)}" for one in scenario.charters().values()),
        f"  {len(scenario.step)} steps, {acts} acts at tables, {len(scenario.traffic)} recordings",
        *(f"  not built yet: {line}" for line in unbuilt),
    ]


def _problems(scenario: Scenario) -> Iterator[str]:
    """Yield what is wrong between the parts, each with its path."""
    views = [view.name for view in scenario.view]
    traffic = [one.name for one in scenario.traffic]
    parties: list[str] = [party.id for party in scenario.party]
    for word, names in (("view", views), ("traffic", traffic), ("party", parties)):
        for i, name in enumerate(names):
            if name in names[:i]:
                yield f"{word}[{i}]: {name!r} is named twice"
    for i, one in enumerate(scenario.traffic):
        yield from _traffic_problems(scenario, one, f"traffic[{i}]")
    for i, party in enumerate(scenario.party):
        yield from _party_problems(scenario, party, views, traffic, f"party[{i}]")
    members: dict[str, tuple[str, ...]] = {}
    try:
        charters = scenario.charters()
    except ConfigError as wrong:
        yield str(wrong)
        return
    for i, charter in enumerate(charters.values()):
        members[charter.table] = charter.members
        for name in charter.members:
            if name not in parties:
                yield f"tables[{i}]: no party {name!r}"
    numbers = [step.n for step in scenario.step]
    if numbers != sorted(set(numbers)):
        yield "step: the numbers must grow"
    runs: set[int] = set()
    for i, step in enumerate(scenario.step):
        yield from _step_problems(step, parties, views, f"step[{i}]")
        yield from _table_problems(step, members, f"step[{i}]")
        for j, action in enumerate(step.do):
            if isinstance(action, SetPolicy) and not scenario.file(action.policy).is_file():
                yield f"step[{i}].do[{j}].policy: no file {action.policy!r}"
            if isinstance(action, Play):
                if action.run in runs:
                    yield f"step[{i}].do[{j}].run: {action.run} was played before"
                runs.add(action.run)
    again = scenario.clock.repeat_from_step
    if again is not None and not any(step.n == again and step.built for step in scenario.step):
        yield f"clock.repeat_from_step: no built step {again}"
    last_s = max((at_s for at_s, _, _ in scenario.timeline()), default=0.0)
    if last_s > scenario.clock.lasts_s:
        yield f"clock.lasts_s: an action is due at {last_s:g} s, after the end"


def _traffic_problems(scenario: Scenario, traffic: Traffic, where: str) -> Iterator[str]:
    try:
        if traffic.begins >= traffic.ends:
            yield f"{where}.until: not after `from`"
    except ValueError as wrong:
        yield f"{where}: {wrong}"
    if not scenario.file(traffic.recording).is_file():
        yield f"{where}.recording: no file {traffic.recording!r}"


def _party_problems(
    scenario: Scenario, party: Party, views: list[str], traffic: list[str], where: str
) -> Iterator[str]:
    if party.view not in views:
        yield f"{where}.view: no view {party.view!r}"
    for i, sensor in enumerate(party.sensor):
        if sensor.traffic not in traffic:
            yield f"{where}.sensor[{i}].traffic: no traffic {sensor.traffic!r}"
        if sensor.declares is not None and not all(part < sensor.declares.of for part in sensor.declares.parts):
            yield f"{where}.sensor[{i}].declares.parts: each must be below `of`"
    for i, name in enumerate([*party.zones, party.policy]):
        if not scenario.file(name).is_file():
            key = f"zones[{i}]" if i < len(party.zones) else "policy"
            yield f"{where}.{key}: no file {name!r}"


def _step_problems(step: Step, parties: list[str], views: list[str], where: str) -> Iterator[str]:
    if step.built != (step.at_s is not None):
        yield f"{where}.at_s: a built step has one, another has none"
    if not step.built and (step.do or step.expect):
        yield f"{where}: a step that is not built does and expects nothing"
    if step.built and not step.expect:
        yield f"{where}.expect: a step without an expectation cannot be held or not"
    for i, action in enumerate(step.do):
        yield from _names_unknown(action, parties, f"{where}.do[{i}]")
        if action.when is not None:
            yield from _names_unknown(action.when, parties, f"{where}.do[{i}].when")
            if action.within_s <= 0.0:
                yield f"{where}.do[{i}].within_s: how long to wait for `when`"
        if isinstance(action, ShowView) and action.view not in views:
            yield f"{where}.do[{i}].view: no view {action.view!r}"
    for i, expected in enumerate(step.expect):
        yield from _names_unknown(expected.that, parties, f"{where}.expect[{i}].that")


def _table_problems(step: Step, members: dict[str, tuple[str, ...]], where: str) -> Iterator[str]:
    """Yield what is wrong with what *step* does and looks for at tables."""
    parts: list[tuple[str, Action | Condition | None]] = [(f"do[{i}]", action) for i, action in enumerate(step.do)]
    parts += [(f"do[{i}].when", action.when) for i, action in enumerate(step.do)]
    parts += [(f"expect[{i}].that", expected.that) for i, expected in enumerate(step.expect)]
    for place, part in parts:
        if not isinstance(part, Act | TableIs):
            continue
        if part.party not in members.get(part.table, ()):
            yield f"{where}.{place}.table: {part.party} sits at no table {part.table!r}"
        try:
            if isinstance(part, Act):
                check_act(part.act, part.refused)
            else:
                check_path(part.at)
        except ConfigError as wrong:
            yield f"{where}.{place}.{'act' if isinstance(part, Act) else 'at'}: {wrong}"


_NAMES_A_PARTY: Final = ("party", "to", "sender", "a", "b", "by", "half", "raised_by", "declared_by", "seen_by")


def _names_unknown(part: Action | Condition, parties: list[str], where: str) -> Iterator[str]:
    for field in part.__struct_fields__:
        value = getattr(part, field)
        if field not in _NAMES_A_PARTY or value is None or isinstance(value, Role):
            continue
        for name in value if isinstance(value, list) else [value]:
            if name not in parties:
                yield f"{where}.{field}: no party {name!r}"
