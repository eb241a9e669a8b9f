"""How long a table takes to fold: 100,000 statements at a restart, one that comes late, and one act more.

`detente bench fold` or `python benchmarks/fold.py [--quick]`.

The mix is that of a busy line: activities declared, answered, begun and ended; proposals signed; reports graded;
incidents, claims and words. Times are of the processor (user and system), medians of several runs where it is short.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable

from detente.coordination.activity_acts import Accept, Activate, Declare, End, Object
from detente.coordination.ceasefire import AgreeTerms, Claim, Reply, Terms
from detente.coordination.charter import Charter
from detente.coordination.incidents import Account, OpenIncident
from detente.coordination.ledger import Comment, NoteConduct, NoteStatement
from detente.coordination.plan import Circle, Kind, Plan, PressureLevels, Volume
from detente.coordination.proposals import Sign, TableProposal, Version
from detente.coordination.reports import Grade, GradeIt, Share
from detente.coordination.statement import AnyAct, Statement, decode_statement
from detente.coordination.table import Table
from detente.coordination.watch import TakeWatch
from detente.types import PartyId, Role

ALFA, BRAVO = PartyId("alfa"), PartyId("bravo")
MIL, INT, FS, DUTY, OPERATOR = (
    Role.MILITARY, Role.INTELLIGENCE, Role.FOREIGN_SERVICE, Role.DUTY_OFFICER, Role.OPERATOR,
)  # fmt: skip
CHARTER = Charter(table="line", title="The line", members=("alfa", "bravo"), agreement="We share.")
START_MS = 1_795_000_000_000


class History:
    """Two members that say things to each other until there are enough statements."""

    def __init__(self, statements: int) -> None:
        self.tables = {party: Table(CHARTER, party) for party in (ALFA, BRAVO)}
        self.said: list[tuple[PartyId, Statement, bytes]] = []
        self.now_ms, self.turn = START_MS, 0
        self.terms = self.say(
            ALFA, FS, Terms(title="Quiet", area=((360, 360),), from_ms=START_MS, prohibited=("Fire.",))
        )
        self.say(BRAVO, FS, AgreeTerms(terms=self.terms))
        while len(self.said) < statements:
            self._round()
        del self.said[statements:]

    def say(self, party: PartyId, by: Role, act: AnyAct) -> str:
        self.now_ms += 1_000
        statement, raw = self.tables[party].order(act, by, self.now_ms)
        self.tables[BRAVO if party == ALFA else ALFA].hear(statement, raw, party)
        self.said.append((party, statement, raw))
        return statement.name

    def _round(self) -> None:
        """Eighteen statements, the parties in turn."""
        self.turn += 1
        a, b = (ALFA, BRAVO) if self.turn % 2 else (BRAVO, ALFA)
        plan = self._plan()
        flight = self.say(a, DUTY, Declare(plan=plan, key=self._key(a, plan)))
        key = self._key(b, plan, flight)
        self.say(b, MIL, Accept(activity=flight, digest=plan.digest, key=key))
        self.say(b, DUTY, Object(activity=flight, digest=plan.digest, words="Too near."))
        self.say(a, DUTY, Activate(activity=flight, digest=plan.digest, key=key))
        self.say(a, OPERATOR, End(activity=flight))
        version = Version(text="As before.")
        offer = self.say(a, FS, TableProposal(title="Offer", version=version))
        self.say(b, FS, Sign(proposal=offer, number=1, digest=version.digest))
        report = self.say(a, INT, Share(
            title="Seen", words="Two aircraft.", kind="movement", about="others", observed_ms=self.now_ms - 1,
            valid_until_ms=self.now_ms + 3_600_000, originator=a, area=(360, 360),
        ))  # fmt: skip
        self.say(b, INT, GradeIt(report=report, grade=Grade(source="B", item="2"), words="Likely."))
        incident = self.say(
            b, OPERATOR, OpenIncident(title="Crossing", happened_ms=self.now_ms, alert=f"{b}-{self.turn}")
        )
        self.say(a, DUTY, Account(incident=incident, words="Weather."))
        claim = self.say(a, MIL, Claim(
            terms=self.terms, category="burst", observed_ms=self.now_ms, observer="a post", sense="heard",
            confidence="low", area=(360, 360), words="Bursts.",
        ))  # fmt: skip
        self.say(b, MIL, Reply(claim=claim, stance="denies", words="Not ours."))
        entry = self.say(a, FS, NoteStatement(speaker="A minister", said_ms=self.now_ms, words="Soon."))
        self.say(b, FS, NoteConduct(when_ms=self.now_ms, words="Nothing seen.", about=(entry,)))
        self.say(b, FS, Comment(entry=entry, words="We note it."))
        self.say(a, OPERATOR, TakeWatch(post="operator", until_ms=self.now_ms + 3_600_000))

    def _plan(self) -> Plan:
        latitude = 360_000_000 + self.turn * 7_919 % 10_000_000
        volume = Volume(
            outline=Circle((latitude, 360_000_000 + self.turn * 6_007 % 10_000_000), 500_000),
            levels=PressureLevels(0, 10_000),
            start_ms=self.now_ms,
            end_ms=self.now_ms + 3_600_000,
        )
        return Plan(kind=Kind.FLIGHT, title=f"Flight {self.turn}", volumes=(volume,))

    def _key(self, party: PartyId, plan: Plan, name: str = "") -> tuple[str, ...]:
        table = self.tables[party]
        act = Accept(activity=name, digest=plan.digest) if name else Declare(plan=plan)
        return tuple(table.draft(act, DUTY, self.now_ms + 1_000).key)


def processor_s(what: Callable[[], object]) -> float:
    before = time.process_time()
    what()
    return time.process_time() - before


def measured(quick: bool) -> dict[str, object]:
    """Return seconds of processor time, by what was done."""
    statements = 5_000 if quick else 100_000
    history = History(statements)

    def restart() -> Table:
        table = Table(CHARTER, ALFA)
        for party, statement, raw in history.said:
            table.hear(statement, raw, party)
        return table

    def read() -> None:
        for _, _, raw in history.said:
            decode_statement(raw)

    return {
        "statements": statements,
        "megabytes": round(sum(len(raw) for _, _, raw in history.said) / 1e6, 1),
        "read_s": round(statistics.median(processor_s(read) for _ in range(3)), 3),
        "heard_in_order_s": round(statistics.median(processor_s(restart) for _ in range(3)), 3),
        "folded_anew_s": round(statistics.median(_late(history) for _ in range(3)), 3),
        "one_more_s": round(statistics.median(_one_more(history) for _ in range(20)), 6),
    }


def _late(history: History) -> float:
    """Return how long it takes to take in one statement that belongs before the newest, and to look at what stands."""
    alfa, bravo = history.tables[ALFA], history.tables[BRAVO]
    history.now_ms += 1_000
    mine, mine_raw = alfa.order(NoteConduct(when_ms=START_MS, words="First."), FS, history.now_ms)
    alfa.order(NoteConduct(when_ms=START_MS, words="Second."), FS, history.now_ms)
    theirs, raw = bravo.order(NoteConduct(when_ms=START_MS, words="Beside it."), FS, history.now_ms)
    taken_s = processor_s(lambda: (alfa.hear(theirs, raw, BRAVO), alfa.standing))
    bravo.hear(mine, mine_raw, ALFA)
    return taken_s


def _one_more(history: History) -> float:
    history.now_ms += 1_000
    act = NoteConduct(when_ms=START_MS, words="Once more.")
    return processor_s(lambda: (history.tables[ALFA].order(act, FS, history.now_ms), history.tables[ALFA].standing))


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    print(json.dumps(measured(parser.parse_args().quick), indent=1))


if __name__ == "__main__":
    main()
