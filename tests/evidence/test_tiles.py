"""Logs as files for foreign tools."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detente.errors import OwnFault, PeerFault
from detente.evidence.merkle import Tree, leaf_hash, node_hash
from detente.evidence.tiles import entries_path, pack_entries, tile, tile_path, unpack_entries, widths


@given(st.lists(st.binary(max_size=40), max_size=40))
def test_entries_are_unpacked_as_they_were_packed(leaves):
    assert unpack_entries(pack_entries(leaves)) == leaves


@given(st.binary(max_size=60))
def test_no_bytes_make_a_bundle_raise_anything_but_a_peer_fault(raw):
    with suppress(PeerFault):
        assert pack_entries(unpack_entries(raw)) == raw


@pytest.mark.parametrize("raw", [b"\0", b"\0\1", b"\0\1a\0", b"\0\1a\0\2b"])
def test_a_bundle_cut_short_is_refused(raw):
    with pytest.raises(PeerFault, match="cut short"):
        unpack_entries(raw)


def test_an_entry_too_long_for_its_length_field_is_refused():
    with pytest.raises(OwnFault):
        pack_entries([b"x" * 65_536])


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (tile_path(0, 0), "tile/0/000"),
        (tile_path(1, 999), "tile/1/999"),
        (tile_path(0, 1000), "tile/0/x001/000"),
        (tile_path(2, 1_234_067, 255), "tile/2/x001/x234/067.p/255"),
        (entries_path(5, 1), "tile/entries/005.p/1"),
    ],
)
def test_paths_are_those_of_tlog_tiles(path, wanted):
    assert path == wanted


@pytest.mark.parametrize("width", [0, 257])
def test_a_tile_has_between_1_and_256_hashes(width):
    with pytest.raises(OwnFault):
        tile_path(0, 0, width)


def test_each_level_summarises_the_one_below():
    tree = Tree(leaf_hash(b"%d" % i) for i in range(700))
    assert list(widths(700)) == [(0, 256), (1, 256), (2, 188)]
    assert list(widths(700, 1)) == [(0, 2)]
    assert list(widths(256)) == [(0, 256)]
    assert list(widths(0)) == []
    below = tile(tree, 0, 1)
    level = [below[i : i + 32] for i in range(0, len(below), 32)]
    while len(level) > 1:
        level = [node_hash(a, b) for a, b in zip(level[::2], level[1::2], strict=True)]
    assert tile(tree, 1, 0, 2)[32:] == level[0]
    with pytest.raises(OwnFault):
        tile(tree, 0, 2)
