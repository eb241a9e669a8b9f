"""The release policy at the development desk: the border pair's, changed by two seats, with the real words and figures."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import numpy as np

from detente.desk.answers import PolicyChange, PolicyCheck, PolicyView, RulePrecision, WhyTold
from detente.desk.board import PolicyState, ProposedPolicy
from detente.desk.orders import ConfirmPolicy, ProposePolicy
from detente.errors import ConfigError, OrderRefused
from detente.node.desk import precision_row
from detente.release.compare import wider
from detente.release.inference import precision
from detente.release.lint import lint
from detente.release.policy import Policy, parse_policy
from detente.release.words import policy_words
from detente.types import PartyId

BORDER_PAIR = Path(__file__).resolve().parents[2] / "examples/policies/border-pair.toml"
PEERS = (PartyId("bravo"), PartyId("charlie"))


class PolicyScene:
    """What a desk has of its policy; the rules of who may change it are the engine's, and only as far as a page needs."""

    def __init__(self) -> None:
        self.text = BORDER_PAIR.read_text("utf-8")
        self.baseline = self.policy = parse_policy(self.text)
        self.since_ms: int | None = None
        self.by: list[str] = []
        self.proposed: tuple[Policy, str, str] | None = None  # policy, text, seat

    def state(self) -> PolicyState:
        because = wider(self.policy, self.baseline, PEERS)
        proposed = None
        if self.proposed is not None:
            now, why = time.time_ns() // 1_000_000, wider(self.proposed[0], self.policy, PEERS)
            policy, _, by = self.proposed
            proposed = ProposedPolicy(policy.digest, policy.name, by, now, now + 3_600_000, why)
        return PolicyState(
            self.policy.digest,
            self.policy.name,
            self.since_ms,
            self.by,
            self.baseline.digest,
            self.baseline.name,
            bool(because),
            because,
            proposed,
            self.baseline.name if self.policy is not self.baseline else None,
            [],
        )

    def view(self) -> PolicyView:
        return PolicyView(self.state(), self.text, policy_words(self.policy), lint(self.policy))

    def read(self, text: str) -> Policy:
        try:
            return parse_policy(text, "policy")
        except ConfigError as wrong:
            raise OrderRefused("not_a_policy", str(wrong)) from None

    def check(self, text: str) -> PolicyCheck:
        policy = self.read(text)
        because = wider(policy, self.policy, PEERS)
        gained = {"THY1": ["the track itself"]} if because else {}
        changes = {"bravo": PolicyChange(gained, {}), "charlie": PolicyChange({}, {})}
        return PolicyCheck(policy.digest, policy.name, policy_words(policy), lint(policy), because, changes)

    async def precision(self, text: str) -> list[RulePrecision]:
        policy = self.read(text) if text else self.policy
        found = await asyncio.to_thread(precision, policy, np.random.default_rng(1), flights=8)
        return [precision_row(one) for one in found]

    def explain(self, peer: str, subject: str) -> WhyTold:
        if peer not in PEERS:
            raise OrderRefused("unknown_party", f"there is no peer {peer!r}")
        text = "withheld: rule 3 'training' (own training, far from the line)"
        return WhyTold(peer, subject, "track", "nothing", text, 3, "training", "own training, far from the line")

    def propose(self, order: ProposePolicy, role: str) -> str:
        policy = self.read(order.text)
        if wider(policy, self.policy, PEERS):
            self.proposed = policy, order.text, role
            return "waits"
        self.policy, self.text, self.by = policy, order.text, [role]
        return "in_force"

    def confirm(self, order: ConfirmPolicy, role: str) -> str:
        if self.proposed is None or self.proposed[0].digest != order.digest:
            raise OrderRefused("no_such_policy", "no policy of this digest waits for a second seat")
        if self.proposed[2] == role:
            raise OrderRefused("second_seat", f"what releases more takes a second seat; {role} proposed it")
        self.policy, self.text, by = self.proposed
        self.by, self.proposed, self.since_ms = [by, role], None, time.time_ns() // 1_000_000
        return "in_force"

    def revert(self) -> str:
        if self.proposed is not None:
            self.proposed = None
            return "withdrawn"
        self.policy, self.text = self.baseline, BORDER_PAIR.read_text("utf-8")
        return "in_force"
