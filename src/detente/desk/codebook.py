"""Coded phrases: one code, one meaning, in every language, with typed parameters and the replies that answer it.

What is signed is the code and its parameters; each desk renders its own language and can show the others. A codebook
has a digest which both nodes show; with different digests no code is sent. An unknown code is shown as it came, and
P05 ("code not recognised") is proposed as the reply.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final, Literal

import msgspec

from detente.alerts.alert import Alert, Kind
from detente.desk.words import KINDS, LANGS, Lang, kind_of, position_text, shown, written
from detente.detect.zone import Zone, ZoneKind
from detente.errors import ConfigError, OrderRefused
from detente.types import Precedence, Role
from detente.units import DEG_PER_RAD, M_PER_NM

NOT_RECOGNISED: Final = "P05"


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every part of a codebook refuses keys it does not know."""


class _Group(_Part, frozen=True):
    id: str
    en: str
    tr: str
    ru: str


class _Word(_Part, frozen=True):
    """A reason, role or precedence, worded in each language."""

    id: str
    tr: str
    ru: str
    review: str
    en: str = ""
    name: str = ""


class Phrase(_Part, frozen=True):
    """One phrase. `review` says of each language whether a reviewer of each party has signed it off."""

    code: str
    precedence: Precedence
    min_role: Literal["operator", "supervisor", "duty_officer", "delegation", "minister", "head"]
    params: list[str]
    expects: list[str]  # codes that answer it; "any": every message answers it
    lineage: str
    en: str
    tr: str
    ru: str
    review: dict[str, str]

    def template(self, lang: Lang) -> str:
        return {"en": self.en, "tr": self.tr, "ru": self.ru}[lang]


class _File(_Part, frozen=True):
    codebook: str
    version: str
    note: str
    time: str
    units: dict[str, str]
    groups: list[_Group]
    precedence: list[_Word]
    roles: list[_Word]
    reasons: list[_Word]
    phrases: list[Phrase]


class Coded(msgspec.Struct, frozen=True):
    """A phrase with its parameters, checked."""

    code: str
    params: dict[str, str]
    precedence: Precedence


class Codebook:
    """One codebook, checked when it is made."""

    def __init__(self, raw: bytes) -> None:
        """Read the codebook in JSON *raw*; raises ConfigError on anything that could be read two ways."""
        try:
            book = msgspec.json.decode(raw, type=_File)
        except msgspec.MsgspecError as wrong:
            raise ConfigError(f"codebook: {wrong}") from None
        self.name, self.version = book.codebook, book.version
        self.content: dict[str, object] = msgspec.to_builtins(book)  # as a console may show it
        self.digest = b64encode(hashlib.sha256(msgspec.json.encode(book, order="sorted")).digest()).decode()
        self.groups = {group.id: {"en": group.en, "tr": group.tr, "ru": group.ru} for group in book.groups}
        self.phrases = {phrase.code: phrase for phrase in book.phrases}
        self.reasons = {word.id: {"en": word.en, "tr": word.tr, "ru": word.ru} for word in book.reasons}
        self.roles = {word.id: {"en": word.en, "tr": word.tr, "ru": word.ru} for word in book.roles}
        self.precedences = {word.id: {"en": word.name, "tr": word.tr, "ru": word.ru} for word in book.precedence}
        if len(self.phrases) != len(book.phrases):
            raise ConfigError("codebook: a code is used twice")
        for phrase in book.phrases:
            self._check(phrase)

    def checked(self, code: str, params: Mapping[str, str], precedence: Precedence | None = None) -> Coded:
        """Return the phrase ready to be signed, its parameters in their written form.

        Raises OrderRefused: ``code_unknown``, ``parameters`` (missing or too many), ``parameter`` (which, and what it
        should be).
        """
        phrase = self.phrases.get(code)
        if phrase is None:
            raise OrderRefused("code_unknown", f"there is no phrase {code!r} in codebook {self.name} {self.version}")
        if set(params) != set(phrase.params):
            wanted = ", ".join(phrase.params) or "none"
            raise OrderRefused(
                "parameters", f"{code} takes the parameters {wanted}; given: {', '.join(params) or 'none'}"
            )
        checked = {name: written(name, params[name]) for name in phrase.params}
        for name, text in checked.items():
            self._check_word(name, text)
        return Coded(code, checked, precedence or phrase.precedence)

    def rendered(self, code: str, params: Mapping[str, str]) -> dict[str, str]:
        """Return the phrase in every language, or {} when the code or its parameters are not ours to read.

        Parameters must already be in their written form: what a peer signed is shown as signed or not at all.
        """
        try:
            coded = self.checked(code, params)
        except OrderRefused:
            return {}
        if coded.params != dict(params):
            return {}
        return {lang: self.render(coded, lang) for lang in LANGS}

    def render(self, coded: Coded, lang: Lang) -> str:
        """Return *coded* in *lang*."""
        words = {name: self._shown(name, text, lang) for name, text in coded.params.items()}
        return re.sub(r"\{(\w+)\}", lambda found: words[found[1]], self.phrases[coded.code].template(lang))

    def expects(self, code: str | None) -> list[str]:
        """Return the codes that answer *code*; for a code we do not know, P05."""
        if code is None:
            return []
        phrase = self.phrases.get(code)
        return list(phrase.expects) if phrase is not None else [NOT_RECOGNISED]

    def min_role(self, code: str) -> Role:
        """Return the lowest role that may send *code*; a delegation is named by its first seat."""
        rank = self.phrases[code].min_role
        return {"delegation": Role.MILITARY, "head": Role.LEADER}.get(rank) or Role(rank)

    def is_draft(self, code: str, lang: Lang) -> bool:
        """Whether the wording of *code* in *lang* waits for the parties' reviewers."""
        return self.phrases[code].review.get(lang) != "signed"

    def _shown(self, name: str, text: str, lang: Lang) -> str:
        match kind_of(name):
            case "reason":
                return self.reasons[text][lang]
            case "role":
                return self.roles[text][lang]
            case _:
                return shown(name, text, lang)

    def _check_word(self, name: str, text: str) -> None:
        words = {"reason": self.reasons, "role": self.roles}.get(kind_of(name))
        if words is not None and text not in words:
            raise OrderRefused("parameter", f"{name}: {text!r} is none of {', '.join(words)}")

    def _check(self, phrase: Phrase) -> None:
        for name in phrase.params:
            if kind_of(name) not in KINDS:
                raise ConfigError(f"codebook: {phrase.code}: unknown kind of parameter {name!r}")
        for lang in LANGS:
            if set(re.findall(r"\{(\w+)\}", phrase.template(lang))) != set(phrase.params):
                raise ConfigError(f"codebook: {phrase.code}: {lang} does not show each parameter")
        for code in phrase.expects:
            if code != "any" and code not in self.phrases:
                raise ConfigError(f"codebook: {phrase.code} expects {code!r}, which is no phrase")


@cache
def draft_codebook() -> Codebook:
    """Return the codebook that ships with Détente: a draft that no party's reviewers have signed off."""
    return Codebook(files("detente.desk").joinpath("codebook.json").read_bytes())


def phrase_for_alert(alert: Alert, a: str, b: str | None, zone: Zone | None) -> Coded:
    """Return the phrase that says our *alert* to its counterpart; *a* and *b* are the tracks' labels.

    A conflict is W01; a track expected at a notified line W02, in an area W03, already inside W04. An approach, which
    is not predicted to enter, and a track that does not keep to its activity ask for intentions: W06. The phrases
    state facts and a request, no claim.
    """
    book = draft_codebook()
    pos = position_text(alert.latitude_rad * DEG_PER_RAD, alert.longitude_rad * DEG_PER_RAD)
    minutes = "0" if alert.event_at is None else str(max(0, round(alert.time_to_event_s / 60.0)))
    track = _fit(a, r"[^A-Za-z0-9~?-]", 16)
    if alert.kind is Kind.CONFLICT:
        distance, other = f"{alert.distance_m / M_PER_NM:.1f} NM", _fit(b or "?", r"[^A-Za-z0-9~?-]", 16)
        return book.checked("W01", {"track": track, "track2": other, "distance": distance, "min": minutes, "pos": pos})
    if alert.kind in {Kind.APPROACH, Kind.CONFORMANCE} or zone is None:
        return book.checked("W06", {"track": track})
    if zone.kind is ZoneKind.BORDER:
        return book.checked("W02", {"track": track, "pos": pos, "min": minutes})
    where = {
        "track": track,
        "area": _fit(zone.name, r"[^\w .()/-]", 40),
        "ref": _fit(zone.zone_id, r"[^A-Za-z0-9._:/#-]", 64),
    }
    if alert.time_to_event_s <= 0.0:
        return book.checked("W04", where)
    return book.checked("W03", where | {"min": minutes})


def _fit(name: str, unfit: str, limit: int) -> str:
    """Return *name* as a parameter may be: names of tracks and zones come from outside and may hold anything."""
    return re.sub(unfit, "", name)[:limit].strip() or "-"
