"""A dossier: part of the record in files, so that a stranger can check it without us and without a network.

A log stands in it in one of two forms: *tiles*, the whole log as tlog-tiles files with bodies beside them, or
*exhibits*, a run of leaves each with its own tlog-proof and body. ``manifest.note`` says what is in it and is signed by
whoever made it; ``SHA256SUMS`` lists every other file. All names follow from the manifest: a reader makes them and
never takes them from an archive.
"""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, BinaryIO, Final, Literal, NamedTuple

import msgspec
from msgspec import Meta

from detente.errors import OwnFault, PeerFault
from detente.evidence.checkpoint import Checkpoint
from detente.evidence.keys import KeyStatement, log_vkey, parse_origin, verify_statement
from detente.evidence.leaf import Count, Disclosure, Hash, Millis, disclose, is_tree, read, unpack_items
from detente.evidence.log import Log
from detente.evidence.note import Ed25519Signer, Vkey, b64, sign_note, split_note, unb64
from detente.evidence.proof import Proof
from detente.evidence.store import Entry
from detente.evidence.tiles import TILE_WIDTH, entries_path, pack_entries, tile, tile_path, widths

FILES_LIMIT: Final = 10_000
TOTAL_LIMIT: Final = 4 << 30
FILE_LIMIT: Final = 256 << 20
EXHIBITS_LIMIT: Final = 2_400

MANIFEST: Final = "manifest.note"
SUMS: Final = "SHA256SUMS"
POLICY: Final = "policy.txt"
_HEAD: Final = "detente-dossier/v1\n"
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9./-]{0,120}")
_ZIP_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_LOCAL, _LENGTHS_AT, _LISTED, _END = 30, 26, 46, 22
"""Bytes of a zip: before a file's name, before the two lengths in these; before a name in the directory; at its end."""

Form = Literal["tiles", "exhibits"]


class PartyListed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A party whose keys the dossier leans on, with how many statements of its root are enclosed."""

    party: Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9-]{0,31}\Z")]
    node: Annotated[str, Meta(max_length=140)]
    root: Annotated[str, Meta(max_length=4096)]
    statements: Annotated[int, Meta(ge=1, le=99)]


class LogListed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Leaves [start, stop) of one log; *held* is how many its maker held."""

    origin: Annotated[str, Meta(max_length=300)]
    form: Form
    start: Count
    stop: Count
    held: Count


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a dossier holds, by whom and when it was made; *sums* is the digest of SHA256SUMS."""

    at: Millis
    by: Annotated[str, Meta(max_length=140)]
    parties: Annotated[tuple[PartyListed, ...], Meta(min_length=1, max_length=64)]
    logs: Annotated[tuple[LogListed, ...], Meta(min_length=1, max_length=256)]
    sums: Hash
    window: tuple[Millis, Millis] | None = None


class ItemShown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One item of a tree body, its salt, and its way up to the commitment in the leaf."""

    index: Count
    item: str
    proof: Annotated[tuple[Hash, ...], Meta(max_length=63)]
    salt: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9+/]{21}[AQgw]==\Z")]


class ItemsShown(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Those items of a tree body that a dossier shows, of *count*."""

    count: Count
    items: Annotated[tuple[ItemShown, ...], Meta(max_length=1000)]


_encoder: Final = msgspec.json.Encoder(order="sorted")
_decoder: Final = msgspec.json.Decoder(Manifest)
_items_decoder: Final = msgspec.json.Decoder(ItemsShown)


class Salted(NamedTuple):
    """A whole body with its salt, or with its seed if it is a tree body."""

    salt: bytes
    body: bytes


@dataclass(frozen=True)
class Party:
    """A party of a dossier: its root, and its key statements, oldest first."""

    party: str
    node: str
    root: Vkey
    statements: tuple[bytes, ...]


@dataclass(frozen=True)
class Extract:
    """What goes in of one log: leaves [start, stop), read through *read*(start, stop).

    The log's newest checkpoint must be there and cover *stop*. *show* names those items of a tree body that go in, in
    exhibits; without it bodies go in whole.
    """

    log: Log
    form: Form
    start: int
    stop: int
    read: Callable[[int, int], Sequence[Entry]]
    show: Callable[[Sequence[bytes]], Sequence[int]] | None = None


def statement_name(party: int, number: int) -> str:
    """Return the name of one key statement."""
    return f"keys/{party:03d}/{number:03d}.note"


def log_name(log: int, rest: str) -> str:
    """Return the name of a file of a log in tiles."""
    return f"logs/{log:03d}/{rest}"


def exhibit_name(number: int, kind: Literal["leaf", "tlog-proof", "body", "salt", "items"]) -> str:
    """Return the name of one file of an exhibit, counted from 1 through the whole dossier."""
    return f"exhibits/{number:04d}.{kind}"


def bodies_path(n: int, width: int = TILE_WIDTH) -> str:
    """Return the path of the bodies beside entry bundle *n*."""
    return entries_path(n, width).replace("tile/entries/", "bodies/", 1)


def pack_bodies(entries: Iterable[Entry]) -> bytes:
    """Return bodies in order, each as uint8 length ‖ salt ‖ uint32be length ‖ body; one zero byte where it is gone."""
    parts: list[bytes] = []
    for entry in entries:
        if entry.body is None:
            parts.append(b"\0")
        else:
            parts += (bytes([len(entry.salt)]), entry.salt, len(entry.body).to_bytes(4, "big"), entry.body)
    return b"".join(parts)


def unpack_bodies(raw: bytes) -> list[Salted | None]:
    """Return bodies in order, None where one is gone; raises PeerFault when cut short."""
    bodies: list[Salted | None] = []
    at = 0
    while at < len(raw):
        salt_stop = at + 1 + raw[at]
        if salt_stop == at + 1:
            bodies.append(None)
            at += 1
            continue
        stop = salt_stop + 4 + int.from_bytes(raw[salt_stop : salt_stop + 4], "big")
        if salt_stop + 4 > len(raw) or stop > len(raw):
            raise PeerFault("bodies: cut short", raw[at : at + 256])
        bodies.append(Salted(raw[at + 1 : salt_stop], raw[salt_stop + 4 : stop]))
        at = stop
    return bodies


def pack_items_shown(seed: bytes, items: Sequence[bytes], show: Callable[[Sequence[bytes]], Sequence[int]]) -> bytes:
    """Return the items of a tree body that *show* names, each provable without the others."""
    shown = [disclose(seed, items, index) for index in show(items)]
    return _encoder.encode(
        ItemsShown(
            count=len(items),
            items=tuple(ItemShown(d.index, d.item.decode(), tuple(map(b64, d.proof)), b64(d.salt)) for d in shown),
        )
    )


def unpack_items_shown(raw: bytes) -> tuple[Disclosure, ...]:
    """Return the items shown of a tree body, nothing of them checked; raises PeerFault."""
    try:
        shown = _items_decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise PeerFault(f"items: {wrong}", raw[:256]) from None
    if _encoder.encode(shown) != raw:
        raise PeerFault("items: not canonical", raw[:256])
    return tuple(
        Disclosure(i.index, shown.count, unb64(i.salt), i.item.encode(), tuple(map(unb64, i.proof)))
        for i in shown.items
    )


def policy_text(logs: Iterable[str], statements: Mapping[str, KeyStatement]) -> str:
    """Return the tlog-policy of these logs for foreign tools: each log's key, each reader's mirror, all to be there."""
    lines, mirrors = [], {}
    for origin in logs:
        parts = parse_origin(origin)
        lines.append(f"log {log_vkey(statements[parts.writer], origin)}\n")
        reader = statements[parts.reader]
        mirrors[parts.reader.removesuffix("/detente")] = str(reader.vkey("mirror"))
    lines += [f"witness {name} {vkey}\n" for name, vkey in sorted(mirrors.items())]
    return "".join(lines) + f"group mirrors any {' '.join(sorted(mirrors))}\nquorum mirrors\n"


def make_dossier(
    maker: Ed25519Signer,
    node: str,
    at_ms: int,
    parties: Sequence[Party],
    extracts: Sequence[Extract],
    window: tuple[int, int] | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Yield the files of a dossier as (name, content), the manifest last.

    *maker* is the ``env`` key of *node*; *window* (milliseconds since 1970 UTC) is how the leaves were chosen. Raises
    OwnFault when a log has no signed checkpoint over what is asked, or the dossier would pass a limit.
    """
    sums: list[str] = []
    for name, content in _files(parties, extracts):
        if len(sums) >= FILES_LIMIT - 2:
            raise OwnFault(f"a dossier holds at most {FILES_LIMIT} files: ask for fewer leaves")
        sums.append(f"{hashlib.sha256(content).hexdigest()}  {name}\n")
        yield name, content
    listing = "".join(sorted(sums, key=lambda line: line[66:])).encode()
    yield SUMS, listing
    manifest = Manifest(
        at=at_ms,
        by=node,
        parties=tuple(PartyListed(p.party, p.node, str(p.root), len(p.statements)) for p in parties),
        logs=tuple(LogListed(e.log.origin, e.form, e.start, e.stop, e.log.size) for e in extracts),
        sums=b64(hashlib.sha256(listing).digest()),
        window=window,
    )
    raw = sign_note(f"{_HEAD}{_encoder.encode(manifest).decode()}\n", maker)
    read_manifest(raw)
    yield MANIFEST, raw


def _files(parties: Sequence[Party], extracts: Sequence[Extract]) -> Iterator[tuple[str, bytes]]:
    newest = {p.node: verify_statement(p.statements[-1], p.root) for p in parties}
    yield POLICY, policy_text((e.log.origin for e in extracts), newest).encode()
    for p, party in enumerate(parties):
        for s, statement in enumerate(party.statements):
            yield statement_name(p, s), statement
    exhibit = 0
    for number, extract in enumerate(extracts):
        note = extract.log.checkpoint
        if note is None or not 0 <= extract.start <= extract.stop <= _signed(note).size:
            raise OwnFault(f"{extract.log.origin}: no signed root over leaves [{extract.start}, {extract.stop})")
        if extract.form == "tiles":
            yield from _tiles(number, extract, note)
        else:
            yield from _exhibits(exhibit, extract, note)
            exhibit += extract.stop - extract.start


def _signed(note: bytes) -> Checkpoint:
    return Checkpoint.parse(split_note(note)[0].decode())


def _tiles(number: int, extract: Extract, note: bytes) -> Iterator[tuple[str, bytes]]:
    log, size = extract.log, extract.stop
    if extract.start != 0 or size != _signed(note).size:
        raise OwnFault(f"{log.origin}: in tiles a log goes in whole, from 0 to its signed size")
    yield log_name(number, "checkpoint"), note
    if log.receipt is not None and log.receipt.note != note:
        yield log_name(number, "receipt"), log.receipt.note
    for n, width in widths(size):
        entries = _read(extract, n * TILE_WIDTH, n * TILE_WIDTH + width)
        yield log_name(number, entries_path(n, width)), pack_entries(entry.leaf for entry in entries)
        yield log_name(number, bodies_path(n, width)), pack_bodies(entries)
    level = 0
    while size >> (8 * level):
        for n, width in widths(size, level):
            yield log_name(number, tile_path(level, n, width)), tile(log.tree, level, n, width)
        level += 1


def _exhibits(before: int, extract: Extract, note: bytes) -> Iterator[tuple[str, bytes]]:
    log = extract.log
    if extract.stop - extract.start > EXHIBITS_LIMIT:
        raise OwnFault(f"{log.origin}: {extract.stop - extract.start} exhibits, more than {EXHIBITS_LIMIT}")
    for index, entry in enumerate(_read(extract, extract.start, extract.stop), extract.start):
        number = before + index - extract.start + 1
        # The receipt is the stronger note: the reader says that it held the leaf. It may not reach this far yet.
        over = log.receipt.note if log.receipt and index < log.receipt.size else note
        proof = Proof(index, tuple(log.tree.inclusion(index, _signed(over).size)), over)
        yield exhibit_name(number, "leaf"), entry.leaf
        yield exhibit_name(number, "tlog-proof"), bytes(proof)
        if entry.body is None:
            continue
        if extract.show is not None and is_tree(read(entry.leaf).media):
            yield exhibit_name(number, "items"), pack_items_shown(entry.salt, unpack_items(entry.body), extract.show)
        else:
            yield exhibit_name(number, "body"), entry.body
            yield exhibit_name(number, "salt"), entry.salt


def _read(extract: Extract, start: int, stop: int) -> Sequence[Entry]:
    entries = extract.read(start, stop)
    if len(entries) != stop - start:
        raise OwnFault(f"{extract.log.origin}: leaves [{start}, {stop}) cannot be read")
    return entries


def read_manifest(raw: bytes) -> Manifest:
    """Return the manifest in *raw*, its signature not looked at; raises PeerFault."""
    text = split_note(raw)[0].decode()
    line = text.removeprefix(_HEAD).removesuffix("\n").encode()
    if not text.startswith(_HEAD) or b"\n" in line:
        raise PeerFault("not a detente-dossier/v1 of one line", raw)
    try:
        manifest = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise PeerFault(f"{wrong}", raw) from None
    if _encoder.encode(manifest) != line:
        raise PeerFault("not canonical", raw)
    return manifest


def read_sums(raw: bytes) -> dict[str, str]:
    """Return hex digests by name from SHA256SUMS; raises PeerFault for an odd line, name or order."""
    sums: dict[str, str] = {}
    for line in raw.decode("ascii", errors="replace").splitlines(keepends=True):
        match = re.fullmatch(r"([0-9a-f]{64})  (\S+)\n", line)
        if match is None or not is_name(match[2]) or match[2] in sums:
            raise PeerFault(f"SHA256SUMS: odd line {line[:200]!r}", raw[:256])
        sums[match[2]] = match[1]
    if list(sums) != sorted(sums) or len(sums) > FILES_LIMIT:
        raise PeerFault("SHA256SUMS: not in order, or too long", raw[:256])
    return sums


def is_name(name: str) -> bool:
    """Whether a file of a dossier can have this *name*: plain, relative, below the dossier on any system."""
    return bool(_NAME.fullmatch(name)) and all(part and not part.startswith(".") for part in name.split("/"))


def write_zip(file: BinaryIO, files: Iterable[tuple[str, bytes]]) -> None:
    """Write *files* to *file* as a zip that stores and does not compress; the same files give the same bytes."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files:
            info = zipfile.ZipInfo(name, _ZIP_EPOCH)
            info.external_attr = 0o100644 << 16
            archive.writestr(info, content)


class ZipFiles(Mapping[str, bytes]):
    """The files of a dossier in a stored zip, read one at a time and never written anywhere.

    Raises PeerFault for whatever a dossier's zip never holds: compression, encryption, folders, links, odd or double
    names, more than 10,000 files or 4 GiB, a byte that is of no file.
    """

    def __init__(self, file: BinaryIO) -> None:
        try:
            self._archive = zipfile.ZipFile(file)
        # A RuntimeError is zipfile's word for what it does not read: encryption, foreign kinds of packing.
        except (zipfile.BadZipFile, ValueError, OSError, RuntimeError) as wrong:
            raise PeerFault(f"zip: {wrong}") from None
        infos = self._archive.infolist()
        if len(infos) > FILES_LIMIT or sum(info.file_size for info in infos) > TOTAL_LIMIT:
            raise PeerFault(f"zip: more than {FILES_LIMIT} files or {TOTAL_LIMIT >> 30} GiB")
        self._infos: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            plain = (
                info.compress_type == zipfile.ZIP_STORED
                and info.compress_size == info.file_size <= FILE_LIMIT
                and not info.flag_bits & ~0x800
                and info.external_attr >> 16 in {0, 0o100644}
            )
            if not plain or not is_name(info.orig_filename) or info.filename in self._infos:
                raise PeerFault(f"zip: {info.orig_filename[:100]!r} is not a plain stored file of a dossier")
            self._infos[info.filename] = info
        self._check_filled(file)

    def _check_filled(self, file: BinaryIO) -> None:
        """Refuse bytes before, between or behind the files: another program may take them for something to show."""
        at = 0
        for info in sorted(self._infos.values(), key=lambda info: info.header_offset):
            if info.header_offset != at:
                raise PeerFault(f"zip: {abs(info.header_offset - at)} bytes before {info.filename} are of no file")
            file.seek(at + _LENGTHS_AT)
            if len(lengths := file.read(4)) < 4:
                raise PeerFault(f"zip: cut short at {info.filename}")
            at += _LOCAL + sum(struct.unpack("<HH", lengths)) + info.file_size
            if at > self._archive.start_dir:
                raise PeerFault(f"zip: {info.filename}: longer than the archive")
        listed = (_LISTED + len(i.orig_filename.encode()) + len(i.extra) + len(i.comment) for i in self._infos.values())
        end = self._archive.start_dir + sum(listed) + _END
        if at != self._archive.start_dir or end != file.seek(0, io.SEEK_END):
            raise PeerFault("zip: bytes behind its last file are of no file")

    def __getitem__(self, name: str) -> bytes:
        try:
            return self._archive.read(self._infos[name])
        # As above: an encrypted or oddly packed member is refused, never half read.
        except (zipfile.BadZipFile, EOFError, OSError, RuntimeError) as wrong:
            raise PeerFault(f"zip: {name}: {wrong}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._infos)

    def __len__(self) -> int:
        return len(self._infos)
