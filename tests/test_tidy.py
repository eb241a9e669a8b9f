"""The source itself: its words, its licences, its links. A rule that nobody checks is a wish."""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HERE = Path(__file__).resolve()


def tracked():
    """Every file of the project that version control holds or would take."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a clone: version control cannot say which files are the project's")
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def texts(*suffixes):
    for path in tracked():
        if path.suffix in suffixes or path.name in suffixes:
            yield path, path.read_text("utf-8")


def named(path, line=None):
    where = str(path.relative_to(ROOT))
    return where if line is None else f"{where}:{line}"


def source_files():
    return sorted((ROOT / "src/detente").rglob("*.py"))


# --- words ---------------------------------------------------------------------------------------------------------

# What the glossary says not to say, as a part of an identifier.
BANNED = {"friendly", "hostile", "enemy", "foe", "target", "targets", "intruder", "ownship", "engage", "kill"}
BANNED_NAMES = {"utils", "helpers", "helper", "manager", "handler"}
# Names that a standard, a protocol or a library chose, not we.
ALLOWED = {
    "target",  # threading, DOM events, ASTERIX "target report"
    "targets",
    "kill",  # os.kill: how POSIX calls the sending of a signal
}
ALLOWED_ONLY_IN = ("feeds/asterix.py", "feeds/cot.py", "feeds/remoteid.py", "node/", "cli/", "testing/")


def identifiers(path):
    for token in tokenize.generate_tokens(io.StringIO(path.read_text("utf-8")).readline):
        if token.type == tokenize.NAME:
            yield token.start[0], token.string


def words_of(identifier):
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", identifier)]


def test_no_identifier_uses_a_word_that_judges_or_aims():
    found = []
    for path in source_files():
        excused = any(part in path.as_posix() for part in ALLOWED_ONLY_IN)
        found += [
            f"{named(path, line)} {name}"
            for line, name in identifiers(path)
            for word in words_of(name)
            if word in BANNED and not (excused and word in ALLOWED)
        ]
    assert found == []


def test_no_module_is_named_after_nothing():
    assert [named(p) for p in source_files() if BANNED_NAMES & set(words_of(p.stem))] == []


def test_nothing_is_left_undone_in_the_source():
    # Put together from halves, so that this file is looked at as all others are.
    words = "|".join(first + then for first, then in (("TO", "DO"), ("FIX", "ME"), ("XX", "X"), ("HA", "CK")))
    missing = "Not" + "Implemented"
    undone = re.compile(rf"\b({words})\b|raise {missing}Error|return {missing}\b")
    assert undone.search(f"raise {missing}Error")
    found = [
        named(path, n)
        for path, text in texts(".py", ".js", ".toml", ".md", ".css", ".html", ".sql", "Makefile")
        if "/vendor/" not in path.as_posix()  # others' code is as it came
        for n, line in enumerate(text.splitlines(), 1)
        if undone.search(line)
    ]
    assert found == []


def test_every_module_says_what_it_is():
    assert [named(p) for p in source_files() if ast.get_docstring(ast.parse(p.read_text("utf-8"))) is None] == []


def test_no_test_asserts_nothing():
    """A test asserts, expects an exception, fails by hand, or says in its name that nothing may be raised."""
    idle = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                judged = any(
                    isinstance(inner, ast.Assert)
                    or (
                        isinstance(inner, ast.Call)
                        and re.search(r"raises|expect|check|assert|fail$", ast.unparse(inner.func))
                    )
                    for inner in ast.walk(node)
                )
                if not judged and not re.search(r"_no_.*_raises?(_|$)|_no_.*_makes?_", node.name):
                    idle.append(f"{named(path, node.lineno)} {node.name}")
    assert idle == []


# --- what must not be in the project -------------------------------------------------------------------------------


def test_no_file_names_a_registry_or_a_place_on_somebodys_machine():
    address = re.compile(
        r"https?://[\w.-]*(pypi|pythonhosted|npmjs|registry|nexus|artifactory|proxy)[\w.-]*|/(work|home|root)/\w|/tmp/\w+_jobs"
    )
    found = [
        f"{named(path, n)} {match[0]}"
        for path, text in texts(".py", ".md", ".toml", ".lock", ".js", ".json", ".cfg", ".yml", "Makefile", "NOTICE")
        if path != HERE and path.name != "facts.json"
        for n, line in enumerate(text.splitlines(), 1)
        if (match := address.search(line))
    ]
    assert found == []


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-build.lock", "requirements-dev.lock"])
def test_lock_files_hold_hashes_and_no_address(name):
    text = (ROOT / name).read_text("utf-8")
    assert "://" not in text
    assert "--hash=sha256:" in text


def test_files_that_hold_addresses_are_not_tracked():
    assert not {"uv.lock", "pylock.toml", "package-lock.json"} & {path.name for path in tracked()}


def test_demo_data_stay_small():
    size = sum(path.stat().st_size for path in tracked() if "src/detente/demo/" in path.as_posix())
    assert 0 < size < 8_000_000


# --- licences ------------------------------------------------------------------------------------------------------


def test_the_notice_names_every_data_file_that_is_not_ours():
    notice = (ROOT / "NOTICE").read_text("utf-8")
    foreign = [p for p in tracked() if "src/detente/demo/data/" in p.as_posix() and p.name != "README.md"]
    assert foreign
    assert [named(path) for path in foreign if named(path) not in notice] == []


def test_the_notice_names_every_vendored_module_font_and_map():
    notice = (ROOT / "NOTICE").read_text("utf-8").lower()
    static = ROOT / "src/detente/node/web/static"
    known = {"preact": "preact", "htm": "htm", "plex": "plex", "land": "natural earth"}
    vendored = [p for p in tracked() if static in p.parents and ("vendor" in p.parts or p.suffix in {".woff2", ".bin"})]
    unnamed = [
        named(path)
        for path in vendored
        if path.suffix in {".js", ".mjs", ".woff2", ".bin"}
        and not any(part in path.name.lower() and said in notice for part, said in known.items())
    ]
    assert unnamed == []


def test_share_alike_data_stay_in_their_folder_with_the_notice_beside_them():
    folder = ROOT / "src/detente/demo/data/odbl"
    assert "Open Database License 1.0" in (folder / "README.md").read_text("utf-8")
    strays = [named(p) for p in tracked() if "geojson" in p.name and folder not in p.parents and "src/" in named(p)]
    assert strays == []


# --- documents -----------------------------------------------------------------------------------------------------


def test_every_link_between_documents_leads_somewhere():
    broken = []
    for path, text in texts(".md"):
        prose = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
        for link in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", prose):
            if re.match(r"[a-z]+:", link):
                continue
            file, _, anchor = link.partition("#")
            aim = (path.parent / file).resolve() if file else path
            if not aim.exists() or (anchor and anchor not in anchors(aim.read_text("utf-8"))):
                broken.append(f"{named(path)}: {link}")
    assert broken == []


def anchors(text):
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_documents_name_only_source_files_that_exist():
    gone = [
        f"{named(path)}: {name}"
        for path, text in texts(".md")
        for name in re.findall(r"`((?:src|tests|examples|benchmarks)/[\w./-]+)`", text)
        if not (ROOT / name).exists()
    ]
    assert gone == []


def test_decision_records_are_numbered_once_and_have_their_four_parts():
    records = sorted((ROOT / "docs/adr").glob("*.md"))
    assert len({path.name[:4] for path in records}) == len(records)
    for path in records:
        text = path.read_text("utf-8").lower()
        assert re.match(r"\d{4}-[a-z0-9-]+\.md", path.name)
        assert all(part in text for part in ("context", "decision", "what follows", "change our mind")), path.name


# --- the threat model ----------------------------------------------------------------------------------------------


def threat_rows():
    text = (ROOT / "docs/threat-model.md").read_text("utf-8")
    return {int(n): now for n, now in re.findall(r"^\| (\d+) \|.*\| ([^|]+) \|$", text, flags=re.MULTILINE)}


def threat_tests():
    found = set()
    for path in (ROOT / "tests").rglob("test_*.py"):
        found |= {int(n) for n in re.findall(r"def test_t(\d\d)_", path.read_text("utf-8"))}
    return found


def test_the_threat_model_has_its_fifty_seven_rows_and_each_says_how_it_stands():
    rows = threat_rows()
    assert sorted(rows) == list(range(1, 58))
    assert all(re.match(r"tested|no test by number yet: ", now) for now in rows.values())


def test_a_row_says_tested_just_when_a_test_carries_its_number():
    tests = threat_tests()
    said = {n for n, now in threat_rows().items() if now.startswith("tested")}
    assert sorted(said - tests) == [], "these rows of docs/threat-model.md say tested, and no test carries their number"
    assert sorted(tests - said) == [], (
        "tests carry these numbers, and the rows of docs/threat-model.md do not say tested"
    )


# --- the requirements ----------------------------------------------------------------------------------------------


def test_each_requirement_names_its_acceptance_test_and_each_acceptance_test_is_named():
    text = (ROOT / "docs/requirements.md").read_text("utf-8")
    rows = re.findall(r"^\| R(\d+) \|.*\| `(test_r\d\d_\w+)` \|$", text, flags=re.MULTILINE)
    assert [int(n) for n, _ in rows] == list(range(1, 17))
    assert all(test.startswith(f"test_r{int(n):02d}_") for n, test in rows)
    tests = [
        name
        for path in sorted((ROOT / "tests/acceptance").glob("test_*.py"))
        for name in re.findall(r"^def (test_\w+)\(", path.read_text("utf-8"), flags=re.MULTILINE)
    ]
    assert sorted(tests) == sorted(test for _, test in rows)


# --- the packages --------------------------------------------------------------------------------------------------


def test_every_package_stands_in_the_architecture_and_in_the_order_of_imports():
    packages = {path.parent.name for path in (ROOT / "src/detente").glob("*/__init__.py")}
    table = re.search(r"\| package \| only \|\n(.*?)\n\n", (ROOT / "ARCHITECTURE.md").read_text("utf-8"), re.DOTALL)
    assert table is not None
    told = {
        name for cell in re.findall(r"^\| ([^|]+) \|", table[1], re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)
    }
    assert packages - told == set()
    layers = set(
        re.findall(r"detente\.(\w+)", (ROOT / "pyproject.toml").read_text("utf-8").split("layers = [")[1].split("]")[0])
    )
    assert packages - layers == set()


# --- the glossary --------------------------------------------------------------------------------------------------


def test_the_glossary_explains_each_word_once():
    text = (ROOT / "docs/glossary.md").read_text("utf-8")
    words = [cell.strip() for cell in re.findall(r"^\| ([^|]+) \|", text, flags=re.MULTILINE)]
    words = [word for word in words if word != "word" and not word.startswith("---")]
    assert len(words) > 80
    assert len(words) == len(set(words))
