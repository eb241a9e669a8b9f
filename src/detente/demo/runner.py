"""Plays a scenario on real nodes, sockets, TLS, disks and desks; only the clock and the sensors are the script's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np

from detente.demo.acts import NotYet, act_of
from detente.demo.conditions import BEFORE, Witness, half_of
from detente.demo.scenario import (
    Acknowledge,
    AcknowledgeMessage,
    Act,
    Action,
    Condition,
    CutLink,
    DossierHolds,
    Expectation,
    HealLink,
    Play,
    Scenario,
    SendCode,
    SendText,
    SetPolicy,
    ShowView,
    Step,
    TableIs,
)
from detente.demo.stage import RECONSTRUCTION_SOURCE, Sight, Stage
from detente.demo.staging import shifted, staged
from detente.desk import orders
from detente.desk.orders import AnyOrder
from detente.engine.values import Declares, OrderGiven, PlotsReceived, PolicySet, ViewSet
from detente.errors import OrderRefused
from detente.feeds.plot import Plots
from detente.node.clock import ScaledClock
from detente.node.party import Node
from detente.release.policy import parse_policy
from detente.types import NS_PER_MS, Instant, Role, duration_ns, iso_utc

LOOK_S: Final = 0.5
"""How often, in seconds of the demo's clock, plots are handed over and the desks are looked at."""
UP_WITHIN_S: Final = 120.0
"""How long, in real time, the links may take: on a first start the kernels are compiled meanwhile."""
LATE_S: Final = 2.0 * LOOK_S
"""A look that comes this long after the last one came late: the machine has other work, and the clock is slowed."""


@dataclass(slots=True)
class Promise:
    """One expectation of one step, and what came of it."""

    step: Step
    expected: Expectation
    from_s: float  # looked at from here on
    began_s: float
    by_s: float
    outcome: bool | None = None
    at_s: float | None = None


@dataclass(slots=True)
class Deed:
    """One act at a table that the script has a party do, and what came of it."""

    step: Step
    act: Act
    outcome: bool | None = None
    at_s: float | None = None
    said: str = ""  # the statement's name, or why it was refused


@dataclass(slots=True)
class Playing:
    """Plots on the demo's clock, handed to one feed of one node as they are due."""

    node: Node
    source: int
    plots: Plots
    taken: int = 0

    def hand_over(self, now: Instant) -> None:
        """Pass on what has become due."""
        end = int(np.searchsorted(self.plots["applicable_at_ns"], now, side="right"))
        if end > self.taken:
            self.node.inbox.put_plots(PlotsReceived(self.source, self.plots[self.taken : end]))
            self.taken = end


@dataclass
class Runner:
    """One performance. `run` returns when the script is over; a live one goes on until cancelled."""

    scenario: Scenario
    stage: Stage
    clock: ScaledClock
    headless: bool
    say: Callable[[str], None]
    seconds: float | None = None
    witness: Witness = field(init=False)
    promises: list[Promise] = field(default_factory=list)
    deeds: list[Deed] = field(default_factory=list)
    events_at: dict[tuple[str, int], Instant] = field(default_factory=dict)  # (version, run) → crossing, closest point
    failures: list[str] = field(default_factory=list)
    climbs: list[dict[str, Any]] = field(default_factory=list)
    began: Instant = BEFORE
    are_records_equal: bool | None = None
    started_s: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._fastest = self.clock.speed
        self.witness = Witness({party: node.engine for party, node in self.stage.nodes.items()})

    async def run(self) -> None:
        """Play the script once; live, go on with the traffic and repeat from the step that the scenario names."""
        self.began = self.clock.now()
        running = [asyncio.create_task(node.run()) for node in self.stage.nodes.values()]
        try:
            await self._until_up(running)
            self.began = self.clock.now()
            await self._play(running)
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def now_s(self) -> float:
        """Return the demo's clock in seconds since the nodes were up."""
        return (self.clock.now() - self.began) * 1e-9

    # --- the clock's beat

    async def _until_up(self, running: list[asyncio.Task[None]]) -> None:
        """Wait, in real time, until every link is up; a demo that cannot link says so. Raises what ended a node."""
        until = time.monotonic() + UP_WITHIN_S
        self.clock.set_speed(min(1.0, self._fastest))
        try:
            while time.monotonic() < until:
                self._look()
                _raise_ended(running)
                if all(peer.state == "UP" for board in self.witness.boards.values() for peer in board.peers):
                    return
                await asyncio.sleep(0.05)
        finally:
            self.clock.set_speed(self._fastest)
        self.say(f"not every link came up within {UP_WITHIN_S:.0f} s; the script goes on")

    async def _play(self, running: list[asyncio.Task[None]]) -> None:
        self.playing = [self._sighted(sight, 0) for sight in self.stage.sights]
        self.turns = dict.fromkeys(range(len(self.playing)), 0)
        self._promise(self.scenario.step, 0.0)
        acting = [asyncio.create_task(self._act(at_s, step, action)) for at_s, step, action in self.scenario.timeline()]
        said: set[int] = set()
        lasts = self.scenario.clock.lasts_s if self.headless else float("inf")
        looked_s = self.now_s()
        while self.now_s() < min(lasts, self.seconds or float("inf")):
            for step in self.scenario.step:
                if step.at_s is not None and step.at_s <= self.now_s() and step.n not in said:
                    said.add(step.n)
                    self.say(f"{self.now_s():6.0f} s  step {step.n}: {step.name}")
            await self._beat()
            _raise_ended([*running, *acting])
            await asyncio.sleep(self.clock.real_s(LOOK_S))
            looked_s = self._keep_pace(looked_s)
        for task in acting:
            task.cancel()
        await asyncio.gather(*acting, return_exceptions=True)
        if self.now_s() >= self.scenario.clock.lasts_s:
            self._judge(float("inf"))
        if self.headless:
            self.clock.set_speed(1.0)  # frames a second apart leave time to be held
        self.are_records_equal = await self.until_records_equal()

    def _keep_pace(self, looked_s: float) -> float:
        """Slow the clock while the machine cannot follow it, so that what a step shows depends on no machine."""
        now_s = self.now_s()
        if now_s - looked_s > LATE_S:
            self.clock.set_speed(max(1.0, 0.7 * self.clock.speed))
        elif self.clock.speed < self._fastest:
            self.clock.set_speed(min(self._fastest, 1.02 * self.clock.speed))
        return now_s

    async def _beat(self) -> None:
        now = self.clock.now()
        for i, playing in enumerate(self.playing):
            playing.hand_over(now)
            if i in self.turns and playing.taken == len(playing.plots):
                self._turn(i)
        self._look()
        self._judge(self.now_s())
        if self.headless:
            await self._paint()
        await self._watch()

    def _look(self) -> None:
        now = self.clock.now()
        self.witness.look({p: node.engine.board(Role.OPERATOR, now) for p, node in self.stage.nodes.items()}, now)
        for party, board in self.witness.boards.items():
            for row in board.alerts:
                for half in row.halves:
                    self._note_climb(party, row.alert, half.party, half.rung, now)

    def _note_climb(self, at: str, alert: str, party: str, rung: int, now: Instant) -> None:
        if at != party or rung == 0:
            return
        if not any(c["alert"] == alert and c["party"] == party and c["rung"] == rung for c in self.climbs):
            self.climbs.append({"rung": rung, "party": party, "at": iso_utc(now), "alert": alert})

    async def _paint(self) -> None:
        """Stand in for a browser: rows on a board are painted."""
        for party, board in self.witness.boards.items():
            alerts = [r.alert for r in board.alerts if half_of(r, party).displayed_at_ms is None]
            messages = [
                m.message
                for m in board.messages
                if m.to == party and any(h.party == party and h.displayed_at_ms is None for h in m.halves)
            ]
            if alerts or messages:
                await self._order(party, orders.Displayed(alerts, messages), Role.OPERATOR)

    async def _watch(self) -> None:
        """Let the scripted operators acknowledge what is theirs."""
        now_ms = self.clock.now() // 1_000_000
        for party in self.scenario.party:
            watch = party.watch
            if watch is None or not (self.headless or watch.live):
                continue
            for row in self.witness.boards[party.id].alerts:
                due = row.raised_at_ms + watch.after_s * 1000 <= now_ms
                is_open = half_of(row, party.id).acknowledged_at_ms is None and row.state == "active"
                if due and is_open and row.kind in watch.acknowledges:
                    await self._order(party.id, orders.Acknowledge(row.alert), Role.OPERATOR)

    async def _order(self, party: str, order: AnyOrder, role: Role) -> bool:
        try:
            await self.stage.nodes[party].inbox.ask(OrderGiven(order, role))
        except OrderRefused as refused:
            self.failures.append(f"{self.now_s():.0f} s {party} {type(order).__name__}: {refused.reason}")
            return False
        return True

    # --- what the sensors see

    def _sighted(self, sight: Sight, turn: int) -> Playing:
        traffic = next(t for t in self.scenario.traffic if t.name == sight.traffic)
        length_ns = traffic.ends - traffic.begins + duration_ns(traffic.pause_s)
        plots = shifted(sight.plots, self.began - traffic.begins + turn * length_ns)
        return Playing(self.stage.nodes[sight.party], sight.source, plots)

    def _turn(self, i: int) -> None:
        """Begin a recording again, unless this is a headless run."""
        traffic = next(t for t in self.scenario.traffic if t.name == self.stage.sights[i].traffic)
        if traffic.loop and not self.headless:
            self.turns[i] += 1
            self.playing[i] = self._sighted(self.stage.sights[i], self.turns[i])
        else:
            del self.turns[i]

    # --- the script

    def _promise(self, steps: list[Step], shift_s: float) -> None:
        for step in steps:
            if step.at_s is not None:
                at_s = step.at_s + shift_s
                self.promises += [Promise(step, e, at_s + e.after_s, at_s, at_s + e.within_s) for e in step.expect]
                self.deeds += [Deed(step, action) for action in step.do if isinstance(action, Act)]

    def _judge(self, now_s: float) -> None:
        for promise in self.promises:
            if promise.outcome is not None or promise.from_s > now_s or self._is_for_the_end(promise):
                continue
            came = self.witness.holds(promise.expected.that, (self.began // NS_PER_MS) + round(promise.began_s * 1000))
            if came:
                promise.outcome, promise.at_s = not promise.expected.never, self.now_s()
            elif now_s >= promise.by_s:
                promise.outcome, promise.at_s = promise.expected.never, self.now_s()

    @staticmethod
    def _is_for_the_end(promise: Promise) -> bool:
        return isinstance(promise.expected.that, DossierHolds)

    def judge_dossier(self, holds: bool) -> None:
        """Take whether the dossier of this performance verified and, altered, was refused."""
        self.witness.dossier_holds = holds
        for promise in self.promises:
            if self._is_for_the_end(promise):
                promise.outcome, promise.at_s = holds, self.now_s()

    async def _act(self, at_s: float, step: Step, action: Action) -> None:
        await self._until(at_s)
        if action.when is not None:
            while not self.witness.holds(action.when):
                if self.now_s() > at_s + action.within_s:
                    self.failures.append(f"step {step.n}: {type(action).__name__} waited in vain for its condition")
                    return
                await asyncio.sleep(self.clock.real_s(LOOK_S))
        if isinstance(action, Act):
            await self._do_at_table(next(d for d in self.deeds if d.act is action), at_s + action.within_s)
        else:
            await self._do(action)

    async def _do_at_table(self, deed: Deed, until_s: float) -> None:
        """Do an act as soon as what it refers to stands at its party's desk; note whether that went as written."""
        act = deed.act
        while deed.outcome is None:
            try:
                view = self.witness.view(act.party, act.table)
                order = orders.AtTable(act.table, act_of(act.act, view, self.clock.now() // NS_PER_MS))
                answer = await self.stage.nodes[act.party].inbox.ask(OrderGiven(order, act.role))
                deed.outcome, deed.said = act.refused is None, str(answer["statement"])
            except OrderRefused as refused:
                deed.outcome, deed.said = act.refused == refused.code, f"{refused.code}: {refused.reason}"
            except NotYet as nothing:
                if self.now_s() > until_s:
                    deed.outcome, deed.said = False, f"nothing at {nothing}"
                await asyncio.sleep(self.clock.real_s(LOOK_S))
        deed.at_s = self.now_s()
        if not deed.outcome:
            self.failures.append(f"step {deed.step.n}: {act.party} {act.act['act']}: {deed.said}")

    async def _until(self, at_s: float) -> None:
        """Wait for that second of the script, looking again and again: the clock's pace may change meanwhile."""
        left_s = at_s - self.now_s()
        while left_s > 0.0:
            await asyncio.sleep(self.clock.real_s(min(LOOK_S, left_s)))
            left_s = at_s - self.now_s()

    async def _do(self, action: Action) -> None:
        match action:
            case SetPolicy(party=party, policy=policy):
                path = self.scenario.file(policy)
                node = self.stage.nodes[party]
                node.inbox.put(PolicySet(node.releaser(parse_policy(path.read_bytes(), str(path)))))
            case Play():
                self._play_reconstruction(action)
            case Acknowledge(party=party, role=role, kind=kinds):
                for row in self.witness.boards[party].alerts:
                    if row.kind in kinds and half_of(row, party).acknowledged_at_ms is None and row.state == "active":
                        await self._order(party, orders.Acknowledge(row.alert), role)
            case SendText(party=party, role=role, to=to, line=line, precedence=precedence, text=text):
                order = orders.SendText(to, line, precedence, text, action.lang, action.reason)
                await self._order(party, order, role)
            case SendCode(party=party, role=role, to=to, line=line, code=code, params=params):
                coded = orders.SendCode(to, line, code, params, action.precedence, action.reason)
                await self._order(party, coded, role)
            case AcknowledgeMessage(party=party, role=role):
                mine = [m for m in self.witness.boards[party].messages if m.to == party]
                if mine:
                    await self._order(party, orders.AcknowledgeMessage(mine[0].message), role)
            case CutLink(a=a, b=b):
                self._links(a, b, lambda node, other: node.links.cut(other.keyring.node))
            case HealLink(a=a, b=b):
                self._links(a, b, lambda node, other: node.links.heal(other.keyring.node))
            case ShowView(party=party, view=name):
                view = next(v for v in self.scenario.view if v.name == name)
                centre = (view.latitude_deg, view.longitude_deg)
                self.stage.nodes[party].inbox.put(ViewSet(centre, view.range_nm))

    def _links(self, a: str, b: str, do: Callable[[Node, Node], None]) -> None:
        nodes = self.stage.nodes
        do(nodes[a], nodes[b])
        do(nodes[b], nodes[a])

    def _play_reconstruction(self, play: Play) -> None:
        plots, event_at = staged(play, self.clock.now())
        self.events_at[play.version.value, play.run] = event_at
        identities = tuple(bytes(one) for one in np.unique(plots["identity"]))
        for party in play.seen_by:
            node = self.stage.nodes[party]
            if play.declared_by == party:
                node.inbox.put(Declares(identities))
            self.playing.append(Playing(node, RECONSTRUCTION_SOURCE, plots))

    async def until_records_equal(self, within_s: float = 30.0) -> bool:
        """Wait, in real time, for a moment in which every pair's logs are equal; returns whether one came."""
        parties = list(self.stage.nodes)
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            self._look()
            if all(self.witness.records_equal(a, b) for a in parties for b in parties if a < b):
                return True
            await asyncio.sleep(0.01)
        return False

    # --- what came of it

    def step_results(self) -> list[dict[str, Any]]:
        """Return each step with whether it held: null when it is not built or its time had not come."""
        results = []
        for step in self.scenario.step:
            mine = [p for p in self.promises if p.step.n == step.n]
            deeds = [d for d in self.deeds if d.step.n == step.n]
            outcomes = [p.outcome for p in mine] + [d.outcome for d in deeds]
            held = None if not outcomes or None in outcomes else all(outcomes)
            results.append({"n": step.n, "name": step.name, "held": held, "detail": _detail(step, mine, deeds)})
        return results


def _raise_ended(tasks: list[asyncio.Task[None]]) -> None:
    """Raise what ended any of *tasks*, if anything did."""
    for task in tasks:
        if task.done() and not task.cancelled() and (wrong := task.exception()) is not None:
            raise wrong


def _detail(step: Step, promises: list[Promise], deeds: list[Deed]) -> str:
    if not step.built:
        return "not built yet"
    parts = [_deed(deed) for deed in deeds]
    for p in promises:
        said = _condition(p.expected.that)
        word = {True: "held", False: "FAILED", None: "not judged"}[p.outcome]
        when = "" if p.at_s is None else f" at {p.at_s:.0f} s"
        parts.append(f"{word}{when}: {'never ' if p.expected.never else ''}{said}")
    return "; ".join(parts)


def _deed(deed: Deed) -> str:
    act = deed.act
    who = f"{act.party} {act.role.replace('_', ' ')} {act.act['act']} at {act.table}"
    if deed.outcome is None or deed.at_s is None:
        return f"not judged: {who}"
    word = "FAILED" if not deed.outcome else "refused" if act.refused else "done"
    return f"{word} at {deed.at_s:.0f} s: {who} ({deed.said})"


def _condition(that: Condition) -> str:
    if not isinstance(that, TableIs):
        return msgspec.json.encode(that).decode()
    asked = [
        f" {word} {msgspec.json.encode(value).decode()}"
        for word, value in (("equals", that.equals), ("contains", that.contains), ("at least", that.at_least))
        if value is not None
    ]
    return f"{that.party} at {that.table}: {that.at}{','.join(asked) or ' is there'}"
