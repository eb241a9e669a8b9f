"""A table of two parties at which much has been said already: real tables, real acts, an invented quarrel."""

from __future__ import annotations

import time
from typing import Final

from coordination.meeting import ALFA, BRAVO, Meeting
from detente.coordination.arrangement import Narrow, Resume
from detente.coordination.ceasefire import AgreeTerms, Claim, Find, Terms
from detente.coordination.ceasefire import Reply as ReplyToClaim
from detente.coordination.decisions import Adopt, Assign, ClaimDone, Decided, Dispute, RecordSummit
from detente.coordination.incidents import Account, Classify, OpenIncident
from detente.coordination.ledger import Comment, NoteConduct, NoteStatement, OpenDifference, Word
from detente.coordination.proposals import Counter, Detail, SettleDetail, Sign, TableProposal, Version
from detente.coordination.reports import Grade, GradeIt, Link, Share
from detente.coordination.view import TableBrief, TableView, brief_of, view_of
from detente.coordination.watch import TakeWatch
from detente.types import Role

HOUR_MS: Final = 3_600_000
MIL, INT, FS, OFFICER = Role.MILITARY, Role.INTELLIGENCE, Role.FOREIGN_SERVICE, Role.DUTY_OFFICER


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class TableScene:
    """The line's table as alfa sees it. `words`: what bravo puts into every text it writes, for the hostile tests."""

    def __init__(self, words: str | None = None) -> None:
        self.meeting = Meeting()
        self.meeting.now_ms = now_ms() - 2 * HOUR_MS
        self._words = words
        self._play()

    def brief(self) -> TableBrief:
        return brief_of(self.meeting.tables[ALFA], now_ms())

    def view(self) -> TableView:
        return view_of(self.meeting.tables[ALFA], now_ms())

    def text(self, usual: str, most: int = 2_000) -> str:
        return (self._words or usual)[:most]

    def _play(self) -> None:
        say, at = self.meeting.say, self.meeting.now_ms
        say(ALFA, OFFICER, TakeWatch(post="duty_officer", until_ms=at + 8 * HOUR_MS, languages=("en", "tr")))
        self._propose(at)
        self._decide(at)
        self._quarrel(at)
        say(BRAVO, FS, Narrow("safety_of_life", self.text("Until the crossing is explained.")))
        say(ALFA, FS, Resume("We ask that all flows again."))
        say(BRAVO, FS, Resume(self.text("Explained; resumed.")))

    def _propose(self, at: int) -> None:
        say = self.meeting.say
        details = (
            Detail(key="level", title=self.text("Ceiling of A-07", 120)),
            Detail(key="window", title="Hours of the shift"),
            Detail(key="tanker", title="A tanker beside it", required=False),
        )
        first = Version(text="A-07 moves to 1300Z.", details=details)
        name = say(BRAVO, MIL, TableProposal(self.text("Shift of A-07", 120), first, answer_by_ms=at + 60_000))
        say(ALFA, MIL, Counter(name, 1, Version(text="A-07 moves to 1300Z,\nceiling FL250.", details=details)))
        promises = {"alfa": "Keep clear west of L-1.", "bravo": self.text("Declare a day ahead.")}
        newest = Version(
            text=self.text("A-07 moves to 1300Z,\nceiling FL250, until 1400Z."), details=details, promises=promises
        )
        say(BRAVO, MIL, Counter(name, 2, newest))
        say(BRAVO, MIL, SettleDetail(name, 3, "level", "agreed"))
        say(BRAVO, MIL, SettleDetail(name, 3, "window", "agreed"))
        say(ALFA, MIL, SettleDetail(name, 3, "level", "agreed"))
        say(BRAVO, MIL, SettleDetail(name, 3, "tanker", "disputed", self.text("No tanker within 20 NM.")))
        ready = Version(text="Both sides call on 121.5 before an intercept.")
        simple = say(ALFA, FS, TableProposal("Call before an intercept", ready))
        say(BRAVO, MIL, Sign(simple, 1, ready.digest))

    def _decide(self, at: int) -> None:
        say = self.meeting.say
        decided = (
            Decided(key="hotline", text=self.text("Test the hotline each day."), due_ms=at + 1),
            Decided(key="maps", text="Exchange the notified lines.", due_ms=at + 90 * HOUR_MS),
        )
        summit = RecordSummit(self.text("Ministers' meeting", 120), at - HOUR_MS, self.text("By video", 120), decided)
        name = say(BRAVO, FS, summit)
        say(ALFA, FS, Adopt(name))
        say(BRAVO, FS, Assign(name, "hotline", "military", at + HOUR_MS))
        say(BRAVO, MIL, ClaimDone(name, "hotline", self.text("Tested at 0600Z."), (self.text("bravo-ops-12"),)))
        say(ALFA, FS, Assign(name, "hotline", "military", at + 1))
        say(ALFA, MIL, ClaimDone(name, "hotline", "Tested at 0601Z."))
        say(BRAVO, FS, Dispute(name, "hotline", "alfa", self.text("Our watch heard nothing.")))

    def _quarrel(self, at: int) -> None:
        say = self.meeting.say
        incident = say(
            BRAVO, MIL, OpenIncident(title=self.text("Crossing at L-1", 120), happened_ms=at, draft=self.text("7 NM."))
        )
        say(ALFA, OFFICER, Account(incident, "The crew lost its navigation and turned back in 90 s."))
        say(BRAVO, MIL, Account(incident, self.text("It crossed by 2 NM and did not answer.")))
        say(BRAVO, MIL, Classify(incident=incident, categories=("INCUR",), severity="S2", attribution=self.text("?")))
        report = say(
            BRAVO,
            INT,
            Share(
                title=self.text("Drone launches from the east coast", 120),
                words=self.text("Two launches at dawn."),
                kind="launch",
                about="safety_of_life",
                observed_ms=at,
                valid_until_ms=at + 60_000,
                originator="bravo",
                grade=Grade(source="B", item="2"),
                area=(-402, 1732),
                provenance=(Link(part="speaker", name=None), Link(part="outlet", name=self.text("Coast radio", 120))),
            ),
        )
        say(ALFA, INT, GradeIt(report=report, grade=Grade(source="C", item="3"), words="No second source."))
        terms = say(
            BRAVO,
            FS,
            Terms(
                title=self.text("Quiet along L-1", 120),
                area=((-402, 1732),),
                from_ms=at,
                prohibited=(self.text("Armed drones within 10 NM of L-1"),),
            ),
        )
        say(ALFA, FS, AgreeTerms(terms))
        claim = say(
            BRAVO,
            MIL,
            Claim(
                terms=terms,
                category="uav",
                observed_ms=at,
                observer=self.text("Coast post 4", 120),
                sense="heard",
                confidence="moderate",
                area=(-402, 1732),
                words=self.text("One drone, eastbound."),
                about="alfa",
            ),
        )
        say(ALFA, MIL, ReplyToClaim(claim, "looks_into_it", "We ask our posts."))
        say(BRAVO, FS, Find(claim=claim, finding="partly", grade="minor", words=self.text("Heard, not seen.")))
        said = say(
            BRAVO,
            FS,
            NoteStatement(
                speaker=self.text("A ministry spokesman", 120),
                said_ms=at,
                words=self.text("No drone flew."),
                quoted=True,
            ),
        )
        say(ALFA, FS, Comment(said, "Said before the post reported."))
        say(BRAVO, MIL, NoteConduct(when_ms=at + 1, words=self.text("Patrols doubled along L-1.")))
        difference = say(BRAVO, FS, OpenDifference(self.text("Where L-1 ends", 120), self.text("At the cape.")))
        say(ALFA, FS, Word(difference, "Two miles north of the cape."))
