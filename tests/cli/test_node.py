"""From an empty folder to a paired node: init, pair, keys, scrub, acts, tiles, and what is refused on the way."""

from __future__ import annotations

import json

import pytest

from contracts.leaf_store import FLASH, entries
from detente import cli
from detente.config import read_config
from detente.demo.scenario import SHIPPED
from detente.evidence.checkpoint import sign_checkpoint
from detente.evidence.keys import origin
from detente.evidence.log import Log
from detente.node import clock
from detente.node.acts import Acts
from detente.node.clock import SystemClock
from detente.node.keyring import load_keyring, load_peers
from detente.node.sqlite import SqliteStore
from detente.types import NodeName, instant_of_ms, iso_utc


def run(monkeypatch, capsys, *words):
    """Run the command line; return its exit code and what it said."""
    monkeypatch.setattr("sys.argv", ["detente", *map(str, words)])
    code = cli.main()
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return code, said.out + said.err


@pytest.fixture
def detente(monkeypatch, capsys):
    return lambda *words: run(monkeypatch, capsys, *words)


@pytest.fixture
def two(detente, tmp_path):
    for name in ("alfa", "bravo"):
        assert detente("init", tmp_path / name, "--party", name)[0] == 0
    return tmp_path / "alfa", tmp_path / "bravo"


def test_init_makes_a_node_whose_root_lies_in_a_folder_of_its_own(detente, tmp_path):
    code, said = detente("init", tmp_path / "alfa", "--party", "alfa")
    assert code == 0
    keyring = load_keyring(tmp_path / "alfa" / "keys")
    assert keyring.own_digits in said
    assert (tmp_path / "alfa" / "offline" / "root.key").exists()
    assert not (tmp_path / "alfa" / "keys" / "root.key").exists()
    assert detente("check-config", tmp_path / "alfa" / "detente.toml")[0] == 0
    assert detente("init", tmp_path / "alfa", "--party", "alfa") == (
        2, f"detente: {tmp_path / 'alfa' / 'detente.toml'}: there is a node already\n",
    )  # fmt: skip
    stick = tmp_path / "stick"
    assert detente("init", tmp_path / "charlie", "--party", "charlie", "--root-in", stick)[0] == 0
    assert (stick / "root.key").stat().st_mode & 0o077 == 0


def test_pairing_takes_the_digits_of_the_other_side_and_no_others(detente, two):
    alfa, bravo = two
    digits = load_keyring(bravo / "keys").own_digits
    pairing = bravo / "keys" / "pairing.txt"
    code, said = detente("pair", alfa, pairing, "--digits", "1" * 30)
    assert code == 2
    assert "not the digits of bravo" in said
    assert digits not in said  # they are never shown where they are typed
    assert "UNVERIFIED" in detente("pair", alfa)[1]
    assert detente("pair", alfa, pairing, "--digits", digits)[0] == 0
    assert "bravo.example/detente: confirmed" in detente("pair", alfa)[1]
    assert detente("pair", alfa, "--forget", "bravo.example/detente")[0] == 0
    assert load_peers(alfa / "keys") == {}
    assert detente("pair", alfa, alfa / "detente.toml", "--digits", digits)[0] == 2


def test_nobody_is_forgotten_under_a_name_that_is_not_paired(detente, two):
    alfa, bravo = two
    detente("pair", alfa, bravo / "keys" / "pairing.txt", "--digits", load_keyring(bravo / "keys").own_digits)
    code, said = detente("pair", alfa, "--forget", "bravo.exmaple/detente")
    assert code == 2
    assert "nothing is forgotten" in said
    assert "bravo.example/detente" in said
    assert len(load_peers(alfa / "keys")) == 1


def test_a_node_is_not_paired_with_itself_and_a_file_that_is_none_is_named(detente, two):
    alfa, _ = two
    own = alfa / "keys" / "pairing.txt"
    code, said = detente("pair", alfa, own, "--digits", load_keyring(alfa / "keys").own_digits)
    assert (code, "your own pairing file" in said) == (2, True)
    assert load_peers(alfa / "keys") == {}
    code, said = detente("pair", alfa, alfa / "detente.toml", "--digits", "1" * 30)
    assert (code, str(alfa / "detente.toml") in said) == (2, True)


def test_a_party_or_a_name_that_cannot_be_is_refused_by_its_option_and_quotes_in_a_name_are_kept(detente, tmp_path):
    for option, wrong in (("--party", "Al fa"), ("--node", "alfa"), ("--name", "two\nlines")):
        code, said = detente("init", tmp_path / "x", *(() if option == "--party" else ("--party", "x")), option, wrong)
        assert (code, option in said) == (2, True)
    assert not (tmp_path / "x").exists()
    name = 'The "Alfa" \\\\ side'
    assert detente("init", tmp_path / "y", "--party", "y", "--name", name)[0] == 0
    assert read_config(tmp_path / "y" / "detente.toml").node.name == name


def test_check_config_says_who_is_not_paired_yet_and_where_there_are_no_keys(detente, two):
    alfa, bravo = two
    config = alfa / "detente.toml"
    text = config.read_text()
    config.write_text(
        text + '[[peer]]\nparty = "bravo"\nname = "Bravo"\nnode = "bravo.example/detente"\nlink = "127.0.0.1:7441"\n'
    )
    code, said = detente("check-config", config)
    assert (code, "bravo (NOT PAIRED" in said) == (0, True)
    detente("pair", alfa, bravo / "keys" / "pairing.txt", "--digits", "1" * 30)
    assert "bravo (UNVERIFIED" in detente("check-config", config)[1]
    detente("pair", alfa, bravo / "keys" / "pairing.txt", "--digits", load_keyring(bravo / "keys").own_digits)
    assert "peers: bravo\n" in detente("check-config", config)[1]
    config.write_text(text.replace('directory = "."', 'directory = "elsewhere"'))
    code, said = detente("check-config", config)
    assert (code, f"keys: none at {alfa / 'elsewhere' / 'keys'}" in said) == (0, True)
    config.write_text(text.replace('directory = "."', f'directory = "{bravo}"'))
    code, said = detente("check-config", config)
    assert (code, "these are the keys of bravo.example/detente" in said) == (2, True)
    assert "detente init makes" in detente("keys", "show", alfa.parent)[1]


def test_t28_rotation_and_revocation_need_the_root_and_end_the_old_keys_where_the_logs_stand(detente, two):
    alfa, _ = two
    node = load_keyring(alfa / "keys").node
    log = origin(node, NodeName("bravo.example/detente"), "ops")
    store = SqliteStore(alfa / "record.sqlite")
    store.append([(log, 0, entries(5))])
    rotate = ("keys", "rotate", alfa, "--use", "env", "--root", alfa / "offline" / "root.key")
    code, said = detente(*rotate)  # another process writes: it runs
    assert code == 0
    assert f"{log} from {5 + 4_096}" in said
    revoke = ("keys", "revoke", alfa, "--use", "env", "--use", "log", "--root", alfa / "offline" / "root.key")
    assert "stop the node first" in detente(*revoke)[1]
    store.close()
    code, said = detente(*revoke, "--at", f"{log}=3")
    assert code == 0
    assert f"{log} from 3" in said
    assert load_keyring(alfa / "keys").statement.epoch == 3
    assert "epoch 3" in detente("keys", "show", alfa)[1]
    for wrong, complaint in (
        (("--at", f"{log}=6"), "holds 5 leaves"),
        (("--at", "nonsense=1"), "ORIGIN=INDEX"),
        (("--at", f"{log}=x"), "ORIGIN=INDEX"),
    ):
        code, said = detente(*revoke, *wrong)
        assert code == 2
        assert complaint in said
    code, said = detente(*rotate[:-1], alfa / "gone" / "root.key")
    assert (code, "bring the stick" in said) == (2, True)
    assert detente("keys", "rotate", alfa, "--use", "salt", "--root", alfa / "offline" / "root.key")[0] == 2


def test_keys_show_says_until_when_the_statement_calls_itself_valid_and_when_that_is_over(detente, two, monkeypatch):
    alfa, _ = two
    _, last_ms = load_keyring(alfa / "keys").statement.valid
    until = iso_utc(instant_of_ms(last_ms), 0)
    said = detente("keys", "show", alfa)[1]
    assert f" to {until}" in said
    assert "OVER" not in said
    monkeypatch.setattr(clock.SystemClock, "now", lambda self: instant_of_ms(last_ms))
    assert f" to {until}: OVER" in detente("keys", "show", alfa)[1]


def test_one_id_of_one_party_in_two_files_of_zones_is_refused(detente, two):
    alfa, _ = two
    line = {"zone_id": "alfa-line", "name": "L", "kind": "border", "asserted_by": "alfa", "resolution_m": 10}
    ring = [[36.0, 36.0], [36.2, 36.0], [36.2, 36.2], [36.0, 36.0]]

    def write(name, **more):
        area = {"type": "Feature", "properties": line | more, "geometry": {"type": "Polygon", "coordinates": [ring]}}
        (alfa / name).write_text(json.dumps({"type": "FeatureCollection", "features": [area]}))

    configuration = alfa / "detente.toml"
    named = configuration.read_text().replace("zones = []", 'zones = ["one.geojson", "two.geojson"]')
    configuration.write_text(named)
    write("one.geojson")
    write("two.geojson")
    code, said = detente("check-config", configuration)
    assert (code, "the id 'alfa-line' stands twice" in said) == (2, True)
    write("two.geojson", asserted_by="bravo")  # the same name, another party's line: told apart by party
    code, said = detente("check-config", configuration)
    assert (code, "zones: 2" in said) == (0, True)


def test_a_root_of_another_node_replaces_nothing(detente, two):
    alfa, bravo = two
    code, said = detente("keys", "rotate", alfa, "--use", "env", "--root", bravo / "offline" / "root.key")
    assert code == 2
    assert "not the root key of alfa" in said
    assert load_keyring(alfa / "keys").statement.epoch == 1


def test_scrub_acts_and_tiles_say_what_stands_in_the_record(detente, two, tmp_path):
    alfa, _ = two
    assert detente("acts", alfa)[0] == 2
    store = SqliteStore(alfa / "record.sqlite")
    store.append([(FLASH, 0, entries(3))])
    head = Log(FLASH, store.tree(FLASH)).head()
    store.replace_checkpoint(FLASH, None, sign_checkpoint(head, load_keyring(alfa / "keys").log))
    store.close()
    book = Acts(alfa, load_keyring(alfa / "keys"), SystemClock())
    book.note("order", "duty_officer", {"order": "acknowledge"})
    assert book.sign()
    book.close()
    code, said = detente("scrub", alfa)
    assert code == 1  # these leaves are no envelopes, so no body can be theirs
    assert "body 0" in said
    assert "259 leaves read, 3 damaged" in said
    code, said = detente("acts", alfa, "--json")
    assert code == 0
    assert json.loads(said)["act"] == "order"
    assert "duty_officer" in detente("acts", alfa)[1]
    assert detente("tiles", alfa, "--out", tmp_path / "logs")[0] == 0
    assert (tmp_path / "logs" / FLASH / "checkpoint").exists()
    assert detente("tiles", alfa, "--out", tmp_path / "logs")[0] == 2


def test_run_refuses_what_it_cannot_run_in_one_line(detente, two, tmp_path):
    alfa, _ = two
    store = SqliteStore(alfa / "record.sqlite")
    code, said = detente("run", "--config", alfa / "detente.toml")
    store.close()
    assert (code, "another process writes this record" in said) == (2, True)
    (alfa / "record.sqlite").unlink()
    code, said = detente("run", "--config", alfa / "detente.toml")
    assert (code, "no record there" in said) == (2, True)
    assert detente("run", "--config", tmp_path / "none.toml")[0] == 2


@pytest.mark.parametrize("name", ["border", "august-2016"])
def test_check_config_takes_a_scenario_and_says_what_it_holds(detente, name):
    code, said = detente("check-config", SHIPPED / f"{name}.toml")
    assert code == 0
    assert f"scenario {name}" in said


def test_check_config_names_what_is_wrong_in_a_scenario(detente, tmp_path):
    text = (SHIPPED / "border.toml").read_text("utf-8")
    file = tmp_path / "mine.toml"
    file.write_text(text.replace("title =", "tittle =", 1))
    code, said = detente("check-config", file)
    assert (code, "tittle" in said) == (2, True)
    file.write_text(text)
    code, said = detente("check-config", file)
    assert (code, "policies/" in said or "charters/" in said) == (2, True)


def test_what_is_read_again_says_nothing_on_stderr_and_an_empty_record_is_not_written_as_no_files(
    two, monkeypatch, capsys, tmp_path
):
    alfa, _ = two
    capsys.readouterr()
    monkeypatch.setattr("sys.argv", ["detente", "scrub", str(alfa)])
    assert cli.main() == 0
    assert capsys.readouterr().err == ""
    code, said = run(monkeypatch, capsys, "tiles", alfa, "--out", tmp_path / "logs")
    assert (code, "no leaf yet" in said) == (2, True)
    assert not (tmp_path / "logs").exists()


def test_check_config_finds_accounts_that_nobody_could_sign_in_with(detente, two):
    alfa, _ = two
    (alfa / "accounts.json").write_text("{[")
    code, said = detente("check-config", alfa / "detente.toml")
    assert (code, str(alfa / "accounts.json") in said) == (2, True)
