"""``detente export`` and ``detente verify``: a dossier out of a node's record, and whether one holds."""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from detente.cli.finite import Finite
from detente.config import read_config
from detente.desk.record_view import AROUND_MIN, Portion
from detente.errors import ConfigError, PeerFault
from detente.evidence.dossier import (
    FILE_LIMIT,
    FILES_LIMIT,
    MANIFEST,
    TOTAL_LIMIT,
    ZipFiles,
    is_name,
    read_manifest,
    write_zip,
)
from detente.evidence.leaf import Lane
from detente.evidence.page import page
from detente.evidence.run import Checked, Run
from detente.evidence.verdict import Verdict
from detente.evidence.verify import Spread
from detente.evidence.verify import verify as verify_dossier
from detente.node.dossiers import chosen, files_of, parties_of, portion, with_incident
from detente.node.extracts import Wanted
from detente.node.keyring import load_keyring, load_peers
from detente.node.sqlite import SqliteStore
from detente.types import instant_ms, instant_of_iso

_AHEAD = 16
_WORTH_A_POOL = 10_000


@click.command(epilog="\b\nExample: detente export --config alfa/detente.toml --out d.zip --incident alfa-12")
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="The node's configuration.")
@click.option("--store", type=click.Path(dir_okay=False, path_type=Path), help="Its record, instead of --config.")
@click.option("--keys", type=click.Path(file_okay=False, path_type=Path), help="Its keys, with --store.")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="A new folder, or a new file ending in .zip."
)
@click.option("--peer", "peers", multiple=True, help="Only logs with this party (or node); all by default.")
@click.option(
    "--log",
    "lanes",
    multiple=True,
    type=click.Choice([lane.value for lane in Lane]),
    help="Only these lanes; all by default.",
)
@click.option("--from", "since", help="Only leaves written from this time on (ISO 8601, by the writer's clock).")
@click.option("--to", "until", help="Only leaves written before this time.")
@click.option(
    "--incident",
    metavar="ALERT",
    help="An alert's name, or the hash of one of its leaves: it, what answers it, and"
    " the time around, with the tracks of its aircraft and of no other.",
)
@click.option("--around", type=Finite(0, 1440), default=AROUND_MIN, show_default=True, help="Minutes, --incident.")
@click.option("--leaves", "ranges", multiple=True, metavar="LOG:FROM:TO", help="Leaves [FROM, TO) of the log LOG.")
def export(
    config: Path | None,
    store: Path | None,
    keys: Path | None,
    out: Path,
    peers: tuple[str, ...],
    lanes: tuple[str, ...],
    since: str | None,
    until: str | None,
    incident: str | None,
    around: float,
    ranges: tuple[str, ...],
) -> None:
    """Write a dossier that a stranger can check offline: whole logs, an incident, a window of time, or a range.

    The node may run meanwhile.
    """
    names: dict[str, str] = {}
    post_quantum = True
    if config is not None:
        read_in = read_config(config)
        post_quantum = read_in.record.post_quantum
        folder = config.parent / read_in.node.directory
        store, keys = store or folder / "record.sqlite", keys or folder / "keys"
        names = {peer.node: peer.party for peer in read_in.peer} | {read_in.node.node: read_in.node.party}
    if store is None or keys is None:
        raise click.UsageError("say --config, or --store and --keys")
    if sum((bool(since or until), incident is not None, bool(ranges))) > 1:
        raise click.UsageError("say one of --incident, --leaves, and --from with --to")
    window = _window(since, until) if since or until else None
    keyring = load_keyring(keys)
    parties = parties_of(keyring, [peer.keys for peer in load_peers(keys).values()], names)
    if out.exists():
        raise ConfigError(f"{out}: is there already")
    record = SqliteStore(store, read_only=True)
    try:
        with progress(transient=True) as bar:
            task = bar.add_task("reading the record", total=None)
            wanted = Wanted(peers, lanes, window, dict(map(_range, ranges)))
            if incident is not None:
                wanted = with_incident(record, wanted, incident, around)
            found = chosen(record, parties, wanted, lambda leaves: bar.advance(task, leaves))
            bar.update(task, description="writing leaves", total=sum(e.stop - e.start for e in found))
            at_ms = time.time_ns() // 1_000_000
            listed, files = files_of(keyring, parties, found, wanted.window, at_ms, post_quantum=post_quantum)
            _write(out, files)
    finally:
        record.close()
    for extract in found:
        for line in _declared(portion(extract)):
            click.echo(line)
    click.echo(f"{out}: check it with  detente verify {out} " + " ".join(f"--root {p.party}=DIGITS" for p in listed))


def _declared(part: Portion) -> Iterator[str]:
    """Yield what goes in of a log, and what its reader will find missing."""
    yield f"{part.log}  leaves [{part.start}, {part.stop}) as {part.form}"
    if part.receipt_outstanding:
        yield f"  receipt outstanding: {part.receipt_outstanding}"
    if part.without_body:
        yield f"  bodies no longer held: {part.without_body}"
    if part.only_incident:
        yield "  of each frame only the incident's aircraft"
    if part.size > part.stop or part.start:
        yield f"  not shown: {part.start} before, {part.size - part.stop} after"


def _range(text: str) -> tuple[str, tuple[int, int]]:
    origin, _, rest = text.partition(":")
    first, _, last = rest.partition(":")
    if not (first.isascii() and first.isdigit() and last.isascii() and last.isdigit()):
        raise click.UsageError(f"--leaves {text!r}: write LOG:FROM:TO, as in a.example/detente/to/b.example/ops/1:0:10")
    return origin, (int(first), int(last))


@click.command(epilog="\b\nExample: detente verify d.zip --root alfa=DIGITS --root bravo=DIGITS --html report.html")
@click.argument("dossier", type=click.Path(exists=True, path_type=Path))
@click.option("--root", "roots", multiple=True, metavar="PARTY=DIGITS", help="Thirty digits, from the party itself.")
@click.option(
    "--signatures",
    type=click.Choice(["all", "roots-only"]),
    default="all",
    show_default=True,
    help="roots-only: leaves under the signed roots, without each leaf's own signature: quick, and said so.",
)
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the report as one page, too.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Processes; by default as many as there are cores.")
@click.pass_context
def verify(
    ctx: click.Context, dossier: Path, roots: tuple[str, ...], signatures: str, html: Path | None, jobs: int | None
) -> None:
    """Check a dossier without a network: exit 0 it holds, 1 an exhibit fails, 2 a root is unknown.

    Digits come from each party over a channel of your own, never from the dossier.
    """
    typed = {}
    for root in roots:
        party, equals, digits = root.partition("=")
        if not party or not equals:
            raise click.UsageError(f"--root {root!r}: write PARTY=DIGITS")
        if party in typed:
            raise click.UsageError(f"--root {party}: given twice: which digits are its own?")
        typed[party] = digits
    if html is not None and html.exists():
        raise ConfigError(f"{html}: is there already")
    if not dossier.is_dir() and not dossier.is_file():
        raise ConfigError(f"{dossier}: neither a folder nor a file")  # a pipe cannot be sought in
    try:
        with ExitStack() as opened:
            files: Mapping[str, bytes] = (
                FolderFiles(dossier) if dossier.is_dir() else ZipFiles(opened.enter_context(dossier.open("rb")))
            )
            verdict = _verified(files, typed, signatures == "all", jobs)
            if html is not None:
                html.write_text(page(verdict), encoding="utf-8")
    except PeerFault as wrong:
        click.echo(f"detente: {dossier}: {wrong.reason}", err=True)
        ctx.exit(1)
    except OSError as wrong:
        raise ConfigError(f"{wrong.filename or dossier}: {wrong.strerror or wrong}") from None
    click.echo(verdict.report, nl=False)
    if verdict.manifest is not None:
        parties = [listed.party for listed in verdict.manifest.parties]
        for stranger in sorted(typed.keys() - set(parties)):
            click.echo(f"detente: --root {stranger}: not used; this dossier is of {', '.join(parties)}", err=True)
    if verdict.failures:
        first = verdict.failures[0]
        click.echo(f"detente: {dossier}: {first.exhibit}: {first.reason}", err=True)
    ctx.exit(verdict.exit_code)


def _verified(files: Mapping[str, bytes], typed: Mapping[str, str], signatures: bool, jobs: int | None) -> Verdict:
    """Verify with a bar on a terminal, in several processes where there is enough to do to be worth their start."""
    try:
        announced = sum(log.stop - log.start for log in read_manifest(files[MANIFEST]).logs)
    except (KeyError, PeerFault):
        announced = 0  # the verdict will say so
    jobs = jobs or os.cpu_count() or 1
    with ExitStack() as opened:
        bar = opened.enter_context(progress(transient=True))
        task = bar.add_task("checking leaves", total=announced)
        spread: Spread = map
        if signatures and jobs > 1 and announced >= _WORTH_A_POOL:
            spread = spread_over(opened.enter_context(ProcessPoolExecutor(jobs, get_context("spawn"))))
        return verify_dossier(
            files, typed, signatures=signatures, spread=spread, told=lambda leaves: bar.advance(task, leaves)
        )


def progress(*, transient: bool = False) -> Progress:
    """Return a bar on stderr, which shows on a terminal only."""
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=transient,
        disable=not console.is_terminal,
    )


def spread_over(pool: Executor) -> Spread:
    """Return a `map` that works in *pool* and runs only a little ahead, so that no dossier is held whole in memory."""

    def spread(check: Callable[[Run], Checked], runs: Iterable[Run]) -> Iterator[Checked]:
        ahead: deque[Future[Checked]] = deque()
        for run in runs:
            ahead.append(pool.submit(check, run))
            if len(ahead) > _AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()

    return spread


def _window(since: str | None, until: str | None) -> tuple[int, int]:
    try:
        first = instant_ms(instant_of_iso(since)) if since else 0
        last = instant_ms(instant_of_iso(until)) if until else 2**53 - 1
    except ValueError as wrong:
        raise click.UsageError(f"--from, --to: {wrong}") from None
    if first >= last:
        raise click.UsageError("--from is not before --to")
    return first, last


def _write(out: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write *files* to a new folder or zip *out*, which appears only when it is whole."""
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        if out.suffix == ".zip":
            with beside.open("xb") as file:
                write_zip(file, files)
        else:
            for name, content in files:
                path = beside / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
        beside.rename(out)
    except OSError as wrong:
        raise ConfigError(f"{out}: {wrong.strerror or wrong}") from None
    finally:
        if beside.is_dir():
            shutil.rmtree(beside)
        else:
            beside.unlink(missing_ok=True)


class FolderFiles(Mapping[str, bytes]):
    """The files of a dossier in a folder: regular files under plain names, no link followed; raises PeerFault."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sizes: dict[str, int] = {}
        total = 0
        for parent, folders, names in os.walk(folder):
            for name in [*folders, *names]:
                path = Path(parent) / name
                found = path.lstat()
                relative = path.relative_to(folder).as_posix()
                if stat.S_ISDIR(found.st_mode):
                    continue
                if not stat.S_ISREG(found.st_mode) or not is_name(relative) or found.st_size > FILE_LIMIT:
                    raise PeerFault(f"{relative[:100]!r} is not a plain file of a dossier")
                self._sizes[relative] = found.st_size
                total += found.st_size
                if len(self._sizes) > FILES_LIMIT or total > TOTAL_LIMIT:
                    raise PeerFault(f"more than {FILES_LIMIT} files or {TOTAL_LIMIT >> 30} GiB")

    def __getitem__(self, name: str) -> bytes:
        if name not in self._sizes:
            raise KeyError(name)
        return (self._folder / name).read_bytes()

    def __iter__(self) -> Iterator[str]:
        return iter(self._sizes)

    def __len__(self) -> int:
        return len(self._sizes)
