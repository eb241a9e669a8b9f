# ruff: noqa: INP001  tools are scripts, no package
"""Write the generated parts of docs/protocol/coordination.md: acts, state diagrams, refusal codes. `--check` compares.

The prose between the marks is written by hand; what stands between ``<!-- name -->`` and ``<!-- /name -->`` comes from
the acts, the matrix of powers and the transition tables themselves, so that the page says what the code does.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import types
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from detente.alerts import escalation
from detente.coordination import activity_states, ceasefire, decisions, plan, proposals, reports
from detente.coordination.arrangement import FLOWS, Flow
from detente.coordination.charter import Charter
from detente.coordination.powers import COMMITMENTS, NEEDS, POWERS
from detente.coordination.statement import AnyAct, Statement
from detente.desk import hotline
from detente.link import transitions as link

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/protocol/coordination.md"

DIAGRAMS: Mapping[str, Mapping[Any, Mapping[Any, Any]]] = {
    "A proposal": proposals.TRANSITIONS,
    "An activity": activity_states.TRANSITIONS,
    "One party's part of a decision": decisions.TRANSITIONS,
    "A claim that a ceasefire was broken": ceasefire.TRANSITIONS,
    "A message on the hotline": hotline.TRANSITIONS,
    "One side's half of what climbs the ladder": escalation.TRANSITIONS,
}

PARTS = (
    plan.Plan, plan.Volume, plan.Polygon, plan.Circle, plan.Corridor, plan.Cells,
    plan.PressureLevels, plan.EllipsoidLevels, proposals.Version, proposals.Detail, decisions.Decided,
    reports.Grade, reports.Link, reports.Point, reports.Marking,
)  # fmt: skip


def written(name: str) -> str:
    """Return the text of one generated part."""
    return {"statement": _statement, "charter": _charter, "acts": _acts, "parts": _parts, "flows": _flows,
            "diagrams": _diagrams, "codes": _codes}[name]()  # fmt: skip


def filled(text: str) -> str:
    """Return *text* with every generated part as the code has it now."""
    return re.sub(
        r"<!-- (\w+) -->\n.*?<!-- /\1 -->\n",
        lambda found: f"<!-- {found[1]} -->\n{written(found[1])}<!-- /{found[1]} -->\n",
        text,
        flags=re.DOTALL,
    )


def _statement() -> str:
    return _fields_table(Statement)


def _charter() -> str:
    return _fields_table(Charter)


def _fields_table(struct: type) -> str:
    rows = "".join(f"| `{name}` | {kind} | {'' if needed else 'yes'} |\n" for name, kind, needed in _fields(struct))
    return f"| field | value | may be left out |\n|---|---|---|\n{rows}"


def _acts() -> str:
    lines = []
    subject = ""
    for act in sorted(get_args(AnyAct), key=lambda one: (_tag(one).split(".")[0], list(POWERS).index(one))):
        name = _tag(act)
        if name.split(".")[0] != subject:
            subject = name.split(".")[0]
            lines.append(f"\n### {subject}\n")
        seats = ", ".join(str(seat) for seat in POWERS[act])
        marks = [f"by {seats}"]
        if act in COMMITMENTS:
            marks.append("a commitment")
        if act in NEEDS:
            marks.append(f"needs {NEEDS[act]} to flow")
        said = inspect.getdoc(act) or ""
        about = "" if said == inspect.getdoc(act.__mro__[1]) else f"{' '.join(said.split())} "
        lines.append(f"- **`{name}`** ({'; '.join(marks)}). {about}Fields: {_fields_line(act)}.")
    return "\n".join(lines).lstrip("\n") + "\n"


def _parts() -> str:
    lines = []
    for part in PARTS:
        config = part.__struct_config__  # type: ignore[attr-defined]
        named = f" (`{config.tag_field}` is `{config.tag}`)" if config.tag else ""
        said = " ".join((inspect.getdoc(part) or "").split())
        about = "" if said.startswith(f"{part.__name__}(") else f"{said} "
        lines.append(f"- **{part.__name__}**{named}. {about}Fields: {_fields_line(part)}.")
    return "\n".join(lines) + "\n"


def _fields_line(struct: type) -> str:
    return "; ".join(f"`{field}`{'' if needed else '?'} {kind}" for field, kind, needed in _fields(struct)) or "none"


def _flows() -> str:
    head = "| state | " + " | ".join(flow.value for flow in Flow) + " |\n|---" * 1 + "|---" * len(Flow) + "|\n"
    rows = "".join(
        f"| {state.value} | " + " | ".join("yes" if flow in flows else "no" for flow in Flow) + " |\n"
        for state, flows in FLOWS.items()
    )
    return head + rows


def _diagrams() -> str:
    parts = [f"**{title}**\n\n{_mermaid(table)}" for title, table in DIAGRAMS.items()]
    return "\n".join([*parts, f"**A link, as both desks show it**\n\n{_link_diagram()}"])


def _mermaid(table: Mapping[Any, Mapping[Any, Any]]) -> str:
    edges: dict[tuple[str, str], list[str]] = {}
    for state, events in table.items():
        for event, after in events.items():
            edges.setdefault((state.value, after.value), []).append(event.value)
    lines = ["stateDiagram-v2", f"    [*] --> {next(iter(table)).value}"]
    lines += [f"    {a} --> {b}: {', '.join(events)}" for (a, b), events in edges.items()]
    lines += [f"    {state.value}" for state, events in table.items() if not events and not _is_reached(state, table)]
    lines += [f"    {state.value} --> [*]" for state, events in table.items() if not events]
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"


def _is_reached(state: Any, table: Mapping[Any, Mapping[Any, Any]]) -> bool:
    return any(state is after for events in table.values() for after in events.values())


def _link_diagram() -> str:
    return _mermaid(link.TRANSITIONS)


def _codes() -> str:
    where: dict[str, set[str]] = {}
    for folder in ("coordination", "desk", "engine"):
        for path in sorted((ROOT / "src/detente" / folder).glob("*.py")):
            for code in _codes_in(path):
                where.setdefault(code, set()).add(path.stem)
    rows = "".join(f"| `{code}` | {', '.join(sorted(names))} |\n" for code, names in sorted(where.items()))
    return f"| code | said by |\n|---|---|\n{rows}"


def _codes_in(path: Path) -> set[str]:
    """Return every code that a module's refusals give as a literal."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        is_refusal = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "OrderRefused" and node.args
        if is_refusal and isinstance(node.args[0], ast.Constant):
            found.add(str(node.args[0].value))
    return found


# --- types in words


def _fields(struct: type) -> list[tuple[str, str, bool]]:
    hints = get_type_hints(struct, include_extras=True)
    return [(field.encode_name, _words(hints[field.name]), field.required) for field in msgspec.structs.fields(struct)]


def _words(hint: Any) -> str:
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        meta = next((one for one in args[1:] if isinstance(one, msgspec.Meta)), msgspec.Meta())
        return _limited(args[0], meta)
    if origin in (Union, types.UnionType):
        real = [one for one in args if one is not type(None)]
        if set(real) == set(get_args(AnyAct)):
            return "an act"
        return " or ".join(_words(one) for one in real)
    if origin is Literal:
        return "one of " + ", ".join(f"`{one}`" for one in args)
    if origin is tuple:
        return f"[{_words(args[0])} …]" if args[-1] is Ellipsis else "[" + ", ".join(_words(one) for one in args) + "]"
    if origin is dict:
        return "{" + f"{_words(args[0])}: {_words(args[1])}" + "}"
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return "one of " + ", ".join(f"`{one.value}`" for one in hint)
    return {str: "text", int: "integer", bool: "true or false"}.get(hint, getattr(hint, "__name__", str(hint)))


def _limited(base: Any, meta: msgspec.Meta) -> str:
    words = _words(base)
    if meta.pattern is not None:
        return f"text like `{meta.pattern.removeprefix(chr(92) + 'A').removesuffix(chr(92) + 'Z')}`".replace(
            "|", "&#124;"
        )
    low, high = meta.ge, meta.le if meta.le is not None else (None if meta.lt is None else meta.lt - 1)
    if base is int and (low is not None or high is not None):
        return f"integer {low:,} … {high:,}" if high is not None else f"integer from {low:,}"
    if base is str and meta.max_length:
        return f"text of at most {meta.max_length:,}"
    if meta.max_length:
        return f"{words}, {meta.min_length or 0} to {meta.max_length:,}"
    if meta.min_length:
        return f"{words}, at least {meta.min_length}"
    return words


def _tag(act: type) -> str:
    return str(act.__struct_config__.tag)  # type: ignore[attr-defined]


def main() -> int:
    """Write the page, or compare it; returns 1 when it is out of date."""
    old = PAGE.read_text("utf-8")
    new = filled(old)
    if "--check" in sys.argv:
        return int(old != new)
    PAGE.write_text(new, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
