"""`detente alerts`, `hotline`, `proposals`, `decisions`: the desk, over the API of a running node."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from detente.cli.at_desk import as_json, at_desk, show, the_table
from detente.desk.hotline import FLASH_REASONS
from detente.types import instant_of_ms, iso_utc

if TYPE_CHECKING:
    from detente.client import Desk
    from detente.coordination.decisions import SummitRow
    from detente.coordination.proposals import ProposalRow
    from detente.desk.board import AlertRow, MessageRow
    from detente.desk.orders import Line, Prec
    from detente.desk.words import Lang

LINES = ("watch", "military", "intelligence", "foreign_service", "leader")


def _when(at_ms: int) -> str:
    return iso_utc(instant_of_ms(at_ms), 0)


_table = click.option("--table", "named", default="", help="The table; needed when the party sits at several.")


@click.command("alerts", epilog="\b\nExample: detente alerts --token-file alfa.token --json")
@as_json
@at_desk
def alerts(desk: Desk, *, is_json: bool) -> None:
    """List the alerts of the desk. No alert is not a clearance."""

    def line(row: AlertRow) -> str:
        about = f"{row.a.label} × {row.b.label}" if row.b else f"{row.a.label} {row.zone_name or ''}".rstrip()
        seen = ", ".join(f"{h.party} {'acknowledged' if h.acknowledged_at_ms else 'not yet'}" for h in row.halves)
        return f"{row.alert}  {row.level}  {row.state}  {row.kind}  {about}  {_when(row.raised_at_ms)}  {seen}"

    show(desk.alerts(), line, is_json=is_json)


@click.group("hotline")
def hotline() -> None:
    """Words between counterparts: what was said, and saying something."""


@hotline.command("list", epilog="\b\nExample: detente hotline list --token-file alfa.token")
@as_json
@at_desk
def list_(desk: Desk, *, is_json: bool) -> None:
    """List the newest messages, with how far each has come."""

    def line(row: MessageRow) -> str:
        said = row.code or row.text
        came = " ".join(word for word in (row.outcome, "" if row.recorded else "not yet recorded") if word)
        who = f"{row.precedence}  {row.sender} → {row.to}  {row.line}"
        return f"{row.message}  {_when(row.sent_at_ms)}  {who}  {said}  {came}"

    show(desk.hotline.messages(), line, is_json=is_json)


@hotline.command(
    "send", epilog='\b\nExample: detente hotline send bravo "Lights on at the cape?" --token-file alfa.token'
)
@click.argument("to")
@click.argument("text", required=False, default="")
@click.option("--line", default="watch", show_default=True, type=click.Choice(LINES),
              help="Of which counterparts: seat to same seat.")  # fmt: skip
@click.option("--precedence", default="R", show_default=True, type=click.Choice(["Z", "O", "P", "R"]),
              help="Z FLASH, O IMMEDIATE, P PRIORITY, R ROUTINE. FLASH takes a person at the desk.")  # fmt: skip
@click.option("--lang", default="en", show_default=True, type=click.Choice(["en", "tr", "ru"]), help="Of the text.")
@click.option("--reason", type=click.Choice(FLASH_REASONS), help="The coded reason of a FLASH.")
@click.option("--code", default="", help="A phrase of the codebook in place of TEXT.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of the phrase; repeat it.")
@click.option("--answers", help="The message this answers.")
@at_desk
def send(
    desk: Desk,
    *,
    to: str,
    text: str,
    line: Line,
    precedence: Prec,
    lang: Lang,
    reason: str | None,
    code: str,
    params: tuple[str, ...],
    answers: str | None,
) -> None:
    """Send TEXT, or a coded phrase, to the party TO; prints the message's name."""
    if bool(text) == bool(code):
        raise click.UsageError("give TEXT or --code, one of them")
    if code:
        if any("=" not in one for one in params):
            raise click.UsageError("a parameter is NAME=VALUE")
        given = dict(one.split("=", 1) for one in params)
        click.echo(desk.hotline.send_code(to, line, code, given, reason=reason, answers=answers))
    else:
        more = {"reason": reason, "answers": answers}
        click.echo(desk.hotline.send(to, line, text, precedence=precedence, lang=lang, **more))


@click.command("proposals", epilog="\b\nExample: detente proposals --table line --token-file alfa.token")
@_table
@as_json
@at_desk
def proposals(desk: Desk, *, named: str, is_json: bool) -> None:
    """List the proposals of a table, and what each still lacks. Signing takes a person at the desk."""

    def line(row: ProposalRow) -> str:
        return f"{row.proposal}  {row.state}  {row.by}  {row.title}  {'; '.join(row.missing)}"

    show(desk.tables.proposals(the_table(desk, named)), line, is_json=is_json)


@click.command("decisions", epilog="\b\nExample: detente decisions --table line --ics due.ics --token-file alfa.token")
@_table
@click.option("--ics", type=click.Path(dir_okay=False, path_type=Path), help="Write the due dates as iCalendar here.")
@click.option("--page", type=click.Path(dir_okay=False, path_type=Path), help="Write how the table stands, one page.")
@click.option("--lang", default="en", show_default=True, type=click.Choice(["en", "tr", "ru"]), help="Of the page.")
@as_json
@at_desk
def decisions(desk: Desk, *, named: str, ics: Path | None, page: Path | None, lang: str, is_json: bool) -> None:
    """List what summits decided and how each party's part stands; or write a calendar, or a page to print."""
    table = the_table(desk, named)
    if ics is not None:
        ics.write_bytes(desk.tables.calendar(table))
    if page is not None:
        page.write_bytes(desk.tables.status(table, lang))
    if ics is None and page is None:

        def line(row: SummitRow) -> str:
            parts = [
                f"  |  {decision.decision}  {part.party}  {part.state}"
                f"  {_when(part.due_ms) if part.due_ms is not None else ''}{'  OVERDUE' if part.overdue else ''}"
                for decision in row.decisions
                for part in decision.parts
            ]
            return f"{row.summit}  {row.title}  {_when(row.held_ms)}" + "".join(parts)

        show(desk.tables.decisions(table), line, is_json=is_json)
