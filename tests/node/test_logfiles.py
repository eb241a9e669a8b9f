"""The logs as tlog-tiles, read by a small reader that knows the public specification and nothing of ours."""

from __future__ import annotations

import asyncio
import base64
import hashlib

import pytest

from contracts.leaf_store import FLASH, OPS, entries
from detente.errors import ConfigError
from detente.evidence.checkpoint import sign_checkpoint
from detente.evidence.log import Log
from detente.node.logfiles import LogFiles, logs_app, write_logs
from detente.node.sqlite import SqliteStore
from detente.testing.identities import own_identity

ALFA = own_identity("alfa.example/detente")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = SqliteStore(tmp_path_factory.mktemp("record") / "record.sqlite", create=True)
    store.append([(FLASH, 0, entries(700)), (OPS, 0, entries(3))])
    for origin, size in ((FLASH, 650), (OPS, 3)):
        head = Log(origin, store.tree(origin)).head(size)
        store.replace_checkpoint(origin, None, sign_checkpoint(head, ALFA.log))
    yield store
    store.close()


class Client:
    """Asks the application as a server would."""

    def __init__(self, app):
        self.app = app

    def ask(self, method, path):
        sent = []
        scope = {
            "type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode(),
            "query_string": b"", "root_path": "", "scheme": "http", "headers": [], "server": ("127.0.0.1", 1),
        }  # fmt: skip

        async def receive():
            return {"type": "http.request", "body": b""}

        async def send(message):
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], headers, b"".join(part.get("body", b"") for part in sent[1:])


class Reader:
    """C2SP tlog-tiles by its text: paths in groups of three digits, tiles of 256 hashes, bundles of big-endian lengths."""

    def __init__(self, fetch, prefix):
        self.fetch, self.prefix = fetch, prefix
        origin, size, root = fetch(f"{prefix}/checkpoint").decode().split("\n")[:3]
        self.origin, self.size, self.root = origin, int(size), base64.b64decode(root)

    def path(self, n, width):
        digits = f"{n:03d}" if n < 1000 else "/".join([f"x{n // 1000:03d}", f"{n % 1000:03d}"])
        return digits + (f".p/{width}" if width < 256 else "")

    def tiles(self, kind, nodes):
        for n in range(-(-nodes // 256)):
            width = min(256, nodes - 256 * n)
            yield self.fetch(f"{self.prefix}/tile/{kind}/{self.path(n, width)}"), width

    def leaves(self):
        for bundle, width in self.tiles("entries", self.size):
            rest = bundle
            for _ in range(width):
                length = int.from_bytes(rest[:2], "big")
                yield rest[2 : 2 + length]
                rest = rest[2 + length :]
            assert rest == b""

    def hashes(self, level):
        for tile, width in self.tiles(level, self.size >> 8 * level):
            assert len(tile) == 32 * width
            yield from (tile[i : i + 32] for i in range(0, len(tile), 32))


def merkle(hashes):
    """RFC 6962, 2.1, word for word."""
    if len(hashes) == 1:
        return hashes[0]
    k = 1
    while 2 * k < len(hashes):
        k *= 2
    return hashlib.sha256(b"\x01" + merkle(hashes[:k]) + merkle(hashes[k:])).digest()


def expect_whole(reader, size):
    leaves = list(reader.leaves())
    hashes = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    assert (reader.size, len(leaves)) == (size, size)
    assert leaves[:2] == [b"leaf 0", b"leaf 1"]
    assert list(reader.hashes(0)) == hashes
    assert merkle(hashes) == reader.root
    if size >= 256:
        assert list(reader.hashes(1)) == [merkle(hashes[i : i + 256]) for i in range(0, size // 256 * 256, 256)]


def test_a_foreign_reader_finds_the_whole_log_over_http(store):
    client = Client(logs_app(store))
    assert client.ask("GET", "/")[2].decode().split() == [FLASH, OPS]

    def fetch(name):
        status, _, content = client.ask("GET", f"/{name}")
        assert status == 200, name
        return content

    for origin, size in ((FLASH, 650), (OPS, 3)):
        reader = Reader(fetch, origin)
        assert reader.origin == origin
        expect_whole(reader, size)
    assert client.ask("GET", f"/{FLASH}/checkpoint")[1]["cache-control"] == "no-cache"
    assert "immutable" in client.ask("GET", f"/{FLASH}/tile/0/000")[1]["cache-control"]


@pytest.mark.parametrize(
    "name",
    [
        "tile/0/002.p/139",  # beyond what is signed
        "tile/0/003",
        "tile/0/002",
        "tile/entries/002.p/257",
        "tile/0/2",
        "tile/0/x000/002.p/1",
        "tile/8/000",
        "tile/0/000.p/0",
        "checkpoints",
        "tile/../../record.sqlite",
        "",
    ],
)
def test_what_is_not_a_file_of_a_log_is_not_found_and_nothing_is_written(store, name):
    client = Client(logs_app(store))
    for log in (FLASH, "mallory.example"):
        assert client.ask("GET", f"/{log}/{name}")[0] == 404
    for method in ("POST", "PUT", "DELETE"):
        assert client.ask(method, f"/{FLASH}/checkpoint")[0] == 405


def test_the_same_files_go_to_a_folder(store, tmp_path):
    written = write_logs(store, tmp_path / "logs")
    assert written == len(list(LogFiles(store).names())) == sum(p.is_file() for p in (tmp_path / "logs").rglob("*"))
    expect_whole(Reader(lambda name: (tmp_path / "logs" / name).read_bytes(), FLASH), 650)
    with pytest.raises(ConfigError, match="there already"):
        write_logs(store, tmp_path / "logs")
