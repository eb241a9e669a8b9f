"""`detente policy set`, `confirm`, `revert`, `show`: the policy of a running node, over its API.

What leaves is changed by persons. With a token what is refused is what the desk would ask a passkey for; at a demo seat
the one more sign-in is a confirmation.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

import click

from detente.errors import ConfigError
from detente.evidence.verdict import plain
from detente.types import Role, instant_of_ms, iso_utc

if TYPE_CHECKING:
    from detente.client import Desk
    from detente.desk.answers import PolicyCheck, PolicyView, RulePrecision

P = ParamSpec("P")

NAMES_SHOWN = 12


def _at_node(command: Callable[..., int | None]) -> Callable[..., int | None]:
    """Give *command* the options of a node and who acts there, and the opened desk as its first argument."""

    @click.option("--node", "address", envvar="DETENTE_DESK", default="http://localhost:8440", show_default=True,
                  help="Address of the node's console; DETENTE_DESK by default.")  # fmt: skip
    @click.option("--token-file", envvar="DETENTE_TOKEN_FILE", type=click.Path(dir_okay=False, path_type=Path),
                  help="File with an account's token, or DETENTE_TOKEN_FILE.")  # fmt: skip
    @click.option("--seat", type=click.Choice([role.value for role in Role]), help="A demo account, where there are.")
    @wraps(command)
    def with_desk(address: str, token_file: Path | None, seat: str | None, **rest: object) -> int | None:
        from detente.client import Desk

        if seat is not None:
            opened = Desk.at_demo_seat(address, seat)
        elif token_file is not None:
            try:
                opened = Desk(address, token_file.read_text("utf-8"))
            except (OSError, UnicodeDecodeError) as wrong:
                raise ConfigError(f"{token_file}: {wrong}") from None
        else:
            raise click.UsageError("say who acts: --token-file, or --seat with demo accounts")
        with opened as desk:
            return command(desk, **rest)

    return with_desk


_yes = click.option("--yes", is_flag=True, help="Do not ask whether one is sure.")


@click.command(
    "set", epilog="\b\nExample: detente policy set alfa.toml --node http://alfa.localhost:8440 --seat supervisor"
)
@click.argument("policy_file", metavar="POLICY", type=click.Path(path_type=Path))
@_yes
@_at_node
def set_(desk: Desk, *, policy_file: Path, yes: bool) -> int:
    """Show what POLICY would change at a node, and propose it: in force at once, or once a second person agrees.

    Exit 1 when a person at the desk is needed for it.
    """
    from detente.client import asking
    from detente.desk.orders import ProposePolicy

    try:
        text = policy_file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        raise ConfigError(f"{policy_file}: {wrong}") from None
    check = desk.ask(asking.check_policy(text))
    _print_check(check, desk.ask(asking.precision_of(text)))
    if not _is_sure(f"Propose {check.name!r} ({check.digest})?", yes=yes):
        return 1
    came = desk.orders.give_for_sure(ProposePolicy(text, check.digest)).policy
    if came == "waits":
        click.echo(f"waits an hour for a second person: detente policy confirm {check.digest}")
    else:
        click.echo("in force from the next frame on")
    return 0


@click.command(
    "confirm", epilog="\b\nExample: detente policy confirm DIGEST --node http://alfa.localhost:8440 --seat duty_officer"
)
@click.argument("digest", required=False, default="")
@_yes
@_at_node
def confirm(desk: Desk, *, digest: str, yes: bool) -> int:
    """Agree, from another seat and account, to the policy that waits; DIGEST says which."""
    from detente.client import asking
    from detente.desk.orders import ConfirmPolicy

    waits = desk.ask(asking.policy()).state.proposed
    if waits is None or (digest and digest != waits.digest):
        click.echo("no policy of this digest waits for a second person", err=True)
        return 1
    _say(f"{waits.name} {waits.digest}, proposed by {waits.by} at {iso_utc(instant_of_ms(waits.at_ms), 0)}")
    for line in waits.wider_because:
        _say(f"  wider: {line}")
    if not _is_sure(f"Put {waits.name!r} in force?", yes=yes):
        return 1
    desk.orders.give_for_sure(ConfirmPolicy(waits.digest))
    click.echo("in force from the next frame on")
    return 0


@click.command(
    "revert", epilog="\b\nExample: detente policy revert --node http://alfa.localhost:8440 --seat supervisor"
)
@_yes
@_at_node
def revert(desk: Desk, *, yes: bool) -> int:
    """Take back what waits, or undo the last change. One key; what releases more again waits for a second person."""
    from detente.client import asking
    from detente.desk.orders import RevertPolicy

    state = desk.ask(asking.policy()).state
    what = f"Take back {state.proposed.name!r}?" if state.proposed else f"Undo {state.name!r}?"
    if not _is_sure(what, yes=yes):
        return 1
    came = desk.orders.give_for_sure(RevertPolicy()).policy
    words = {"withdrawn": "taken back", "waits": "waits an hour for a second person: it releases more again"}
    click.echo(words.get(came, f"in force: {plain(desk.ask(asking.policy()).state.name)}"))
    return 0


@click.command("show", epilog="\b\nExample: detente policy show --node http://alfa.localhost:8440 --seat operator")
@click.option("--text", "as_text", is_flag=True, help="The policy as it was written, TOML, and nothing else.")
@click.option("--json", "as_json", is_flag=True, help="One JSON value, as the API gives it.")
@_at_node
def show(desk: Desk, *, as_text: bool, as_json: bool) -> None:
    """Print the policy in force at a node as sentences, what waits, and whether more is told than by the baseline."""
    import msgspec

    from detente.client import asking

    view = desk.ask(asking.policy())
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(view) + b"\n")
    elif as_text:
        sys.stdout.write(view.text)
    else:
        _print_view(view)
    sys.stdout.flush()


def _is_sure(question: str, *, yes: bool) -> bool:
    return yes or click.confirm(plain(question), err=True)


def _say(line: str) -> None:
    click.echo(plain(line))


def _print_check(check: PolicyCheck, precision: list[RulePrecision]) -> None:
    known = {one.rule: one for one in precision}
    _say(f"{check.name}, digest {check.digest}")
    for n, rule in enumerate(check.rules, 1):
        _say(f"{n}. {rule.sentence}")
        one = known.get(n)
        if one is not None and one.promised_m is not None:
            held = "" if one.holds else f"  DOES NOT HOLD: {one.advice}"
            _say(f"   promised {one.promised_m:,.0f} m, left of it {one.effective_m:,.0f} m{held}")
    _say("Whoever fits none of these is withheld.")
    for line in check.odd:
        _say(f"odd: {line}")
    for line in check.wider_because:
        _say(f"wider: {line}")
    for peer, change in check.changes.items():
        for word, tracks in (("more", change.gained), ("less", change.lost)):
            if tracks:
                rest = f" and {len(tracks) - NAMES_SHOWN} others" if len(tracks) > NAMES_SHOWN else ""
                _say(f"now told {word} to {peer}: {', '.join(list(tracks)[:NAMES_SHOWN])}{rest}")


def _print_view(view: PolicyView) -> None:
    state = view.state
    by = ", ".join(state.by) or "the configuration"
    since = "the node started" if state.since_ms is None else iso_utc(instant_of_ms(state.since_ms), 0)
    _say(f"{state.name}, digest {state.digest}; by {by}, since {since}")
    for n, rule in enumerate(view.rules, 1):
        _say(f"{n}. {rule.sentence}")
    _say("Whoever fits none of these is withheld.")
    for line in state.wider_because:
        _say(f"wider than the baseline {state.baseline_name}: {line}")
    if state.proposed is not None:
        waits = state.proposed
        _say(
            f"waits: {waits.name} {waits.digest}, by {waits.by} until {iso_utc(instant_of_ms(waits.expires_at_ms), 0)}"
        )
    for line in view.odd:
        _say(f"odd: {line}")
