"""Risk-of-bias judgements as columns of discs: a symbol in each, so that colour is never the only channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..effects.evidence_table import EvidenceTable
from ..foundation.errors import InputError, OptionError
from ..foundation.options import shown

__all__ = ["JUDGEMENTS", "BiasColumns", "Judgement", "bias_columns", "judged_by", "judgement", "judgement_word"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a judgement is drawn."""

    symbol: str
    face: str
    ink: str


_LOW = Judgement("+", "#02C100", "#000000")
_SOME = Judgement("\u2212", "#E2DF07", "#000000")
_HIGH = Judgement("\u00d7", "#BF0000", "#ffffff")
_CRITICAL = Judgement("!", "#820000", "#ffffff")
_UNKNOWN = Judgement("?", "#4EA1F7", "#000000")
_NONE = Judgement("", "#cccccc", "#000000")

JUDGEMENTS: dict[str, Judgement] = {
    "low": _LOW,
    "yes": _LOW,
    "some concerns": _SOME,
    "some": _SOME,
    "moderate": _SOME,
    "unclear": _SOME,
    "partly": _SOME,
    "include": _LOW,
    "exclude": _HIGH,
    "seek further info": _UNKNOWN,
    "high": _HIGH,
    "serious": _HIGH,
    "no": _HIGH,
    "critical": _CRITICAL,
    "no information": _UNKNOWN,
    "not reported": _UNKNOWN,
    "not applicable": _NONE,
}
"""Judgement of any tool (lower case, spaces) to its disc."""


_DOMAINS: dict[str, tuple[str, ...]] = {
    "RoB2": (
        "randomisation process",
        "deviations from intended interventions",
        "missing outcome data",
        "measurement of the outcome",
        "selection of the reported result",
    ),
    "ROBINS-I": (
        "confounding",
        "selection of participants",
        "classification of interventions",
        "deviations from intended interventions",
        "missing data",
        "measurement of outcomes",
        "selection of the reported result",
    ),
    "JBI-case-series": (
        "criteria for inclusion",
        "measurement of the condition",
        "identification of the condition",
        "consecutive inclusion",
        "complete inclusion",
        "demographics",
        "clinical information",
        "outcomes or follow-up",
        "sites",
        "statistical analysis",
    ),
}
"""What D1, D2 … stand for.

Sterne et al. 2019, doi:10.1136/bmj.l4898; Sterne et al. 2016, doi:10.1136/bmj.i4919; Munn et al. 2020,
doi:10.11124/JBISRIR-D-19-00099.
"""


_PRINTED = {"RoB2": "RoB 2"}


def _meaning(tool: str, domain: str) -> str:
    names = _DOMAINS.get(tool, ())
    number = domain[1:]
    if domain[:1] == "D" and number.isdigit() and 1 <= int(number) <= len(names):
        return names[int(number) - 1]
    return domain.replace("_", " ")


@dataclass(frozen=True, slots=True)
class BiasColumns:
    """Letters over the columns, the judgement of every row in every column, and what the letters mean."""

    letters: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    legend: str


def judgement_word(words: str) -> str:
    """Return a judgement as `JUDGEMENTS` spells it."""
    key = words.strip().lower().replace("_", " ").replace("-", " ")
    if key not in JUDGEMENTS:
        raise InputError(f"{words!r} is not a risk-of-bias judgement · known: {', '.join(JUDGEMENTS)}")
    return key


def judgement(words: str) -> Judgement:
    """Return how a judgement is drawn."""
    return JUDGEMENTS[judgement_word(words)]


def _parts(record: Any) -> tuple[str, tuple[tuple[str, str], ...], str]:  # noqa: ANN401
    """Return tool, (domain, judgement) pairs and the overall judgement of a record or a (tool, domains) pair."""
    if isinstance(record, tuple):
        tool, domains, overall = record[0], record[1], record[2] if len(record) > 2 else ""
    else:
        tool, domains, overall = record.tool, record.domains, record.overall
    return str(tool), tuple((str(d[0]), str(d[1])) for d in domains), str(overall or "")


def judged_by(table: EvidenceTable) -> dict[str, dict[str, list[str]]]:
    """Return tool → domain → the judgements of all rows judged with it."""
    tools: dict[str, dict[str, list[str]]] = {}
    for record in table.risk_of_bias:
        if record is None:
            continue
        tool, domains, overall = _parts(record)
        for name, words in (*domains, *((("Overall", overall),) if overall else ())):
            tools.setdefault(tool, {}).setdefault(_meaning(tool, name), []).append(words)
    return tools


def bias_columns(table: EvidenceTable, rob: object) -> BiasColumns | None:
    """Return the risk-of-bias columns of a table, or None.

    With ``auto`` they are shown when every row that was judged was judged by the same tool.
    """
    if not isinstance(rob, bool) and not (isinstance(rob, str) and rob == "auto"):
        raise OptionError(f"rob={shown(rob)} is not one of the choices · give 'auto', True or False")
    judged = {i: _parts(r) for i, r in enumerate(table.risk_of_bias) if r is not None}
    if rob is False:
        return None
    if not judged:
        if rob is True:
            raise OptionError("rob=True needs risk-of-bias judgements, which no row of this table has")
        return None
    tools = sorted({tool for tool, _, _ in judged.values()})
    names = {tuple(name for name, _ in domains) for _, domains, _ in judged.values()}
    if len(tools) > 1 or len(names) > 1:
        if rob is True:
            raise OptionError(
                f"the rows were judged with different tools or domains ({', '.join(tools)}) · use rob=False here"
                " and lam.plots.rob_summary for a figure by tool"
            )
        return None
    domains = next(iter(names))
    overall = all(part[2] for part in judged.values())
    letters = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: len(domains)])
    rows = tuple(
        (*(v for _, v in judged[i][1]), *((judged[i][2],) if overall else ())) if i in judged else ()
        for i in range(table.k)
    )
    pairs = zip(letters, domains, strict=True)
    meaning = "; ".join(f"{letter}\u00a0{_meaning(tools[0], name)}" for letter, name in pairs)
    heads = (*letters, "\u03a3") if overall else letters
    tool = _PRINTED.get(tools[0], tools[0])
    return BiasColumns(heads, rows, f"{tool}: {meaning}" + ("; \u03a3\u00a0overall" if overall else ""))
