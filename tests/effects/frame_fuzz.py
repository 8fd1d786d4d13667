"""A hostile user's frames: mutated data through the doors of the package.

Run ``python -m tests.effects.frame_fuzz 10000``. Every mutated input is either refused with one of the package's
errors, or makes a table whose every number is one: no NaN without a note naming the row, no negative variance, no
study twice as if independent. A warning counts as a failure.
"""

from __future__ import annotations

import datetime
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

import lamevidence as lam
from lamevidence.foundation.errors import DependentRows, LamEvidenceError

Rng = np.random.Generator
Columns = dict[str, np.ndarray]


@dataclass
class Case:
    """What is handed over; ``bad`` says that it must be refused, ``how`` what was done to it."""

    door: str
    measure: Any
    columns: Any
    roles: dict[str, Any]
    options: dict[str, Any]
    how: str = ""
    bad: bool = False


def _tables(rng: Rng, k: int) -> Columns:
    n1i, n2i = rng.integers(20, 400, k), rng.integers(20, 400, k)
    return {"ai": rng.binomial(n1i, 0.2), "n1i": n1i, "ci": rng.binomial(n2i, 0.3), "n2i": n2i}


def _groups(rng: Rng, k: int) -> Columns:
    one = {"m1i": rng.normal(50, 5, k), "sd1i": rng.uniform(5, 9, k), "n1i": rng.integers(10, 90, k)}
    return one | {"m2i": rng.normal(48, 5, k), "sd2i": rng.uniform(5, 9, k), "n2i": rng.integers(10, 90, k)}


def _change(rng: Rng, k: int) -> Columns:
    means = {"m1i": rng.normal(50, 5, k), "sd1i": rng.uniform(5, 9, k), "m2i": rng.normal(48, 5, k)}
    return means | {"sd2i": rng.uniform(5, 9, k), "ni": rng.integers(10, 90, k), "ri": rng.uniform(0.2, 0.8, k)}


def _person_time(rng: Rng, k: int) -> Columns:
    one = {"x1i": rng.poisson(9, k), "t1i": rng.uniform(50, 500, k)}
    return one | {"x2i": rng.poisson(12, k), "t2i": rng.uniform(50, 500, k)}


def _matched(rng: Rng, k: int) -> Columns:
    return {name: rng.integers(3, 60, k) for name in ("ai", "bi", "ci", "di")}


def _proportion(rng: Rng, k: int) -> Columns:
    ni = rng.integers(15, 300, k)
    return {"xi": rng.binomial(ni, 0.1), "ni": ni}


def _rate(rng: Rng, k: int) -> Columns:
    return {"xi": rng.poisson(6, k), "ti": rng.uniform(20, 900, k)}


def _hazard(rng: Rng, k: int) -> Columns:
    total = rng.integers(15, 300, k)
    return {"patients": rng.binomial(total, 0.1), "total": total, "time": rng.uniform(0.2, 3, k)}


def _mean(rng: Rng, k: int) -> Columns:
    return {"mi": rng.normal(50, 5, k), "sdi": rng.uniform(5, 9, k), "ni": rng.integers(10, 90, k)}


def _correlation(rng: Rng, k: int) -> Columns:
    return {"ri": rng.uniform(-0.8, 0.8, k), "ni": rng.integers(10, 200, k)}


def _estimates(rng: Rng, k: int) -> Columns:
    return {"yi": rng.normal(0, 1, k), "vi": rng.uniform(0.01, 0.5, k)}


MAKERS: dict[Callable[[Rng, int], Columns], tuple[str, ...]] = {
    _tables: ("RR", "OR", "RD", "AS", "PETO", "PHI", "YUQ", "PBIT", "OR2DN", "RTET"),
    _groups: ("MD", "SMD", "SMDH", "ROM", "CVR", "RPB", "RBIS", "D2OR", "CLESN"),
    _change: ("MC", "SMCC", "SMCR", "SMCRH", "ROMC", "CVRC"),
    _person_time: ("IRR", "IRD", "IRSD"),
    _matched: ("MPRD", "MPOR", "MPORC", "MPPETO"),
    _proportion: ("PR", "PLN", "PLO", "PRZ", "PAS", "PFT"),
    _rate: ("IR", "IRLN", "IRS", "IRFT"),
    _hazard: ("HAZ",),
    _mean: ("MN", "MNLN", "SMN", "CVLN"),
    _correlation: ("COR", "UCOR", "ZCOR"),
    _estimates: ("GEN",),
}
EVENTS = {"ai": "n1i", "ci": "n2i", "xi": "ni", "patients": "total"}
COUNTS = {
    _tables: ("ai", "n1i", "ci", "n2i"),
    _proportion: ("xi", "ni"),
    _matched: ("ai", "bi"),
    _rate: ("xi",),
    _hazard: ("patients", "total"),
    _person_time: ("x1i", "x2i"),
}
NEVER_NEGATIVE = (
    *("vi", "sdi", "sd1i", "sd2i", "ni", "n1i", "n2i", "xi", "x1i", "x2i", "ai", "ci", "ti", "t1i", "t2i"),
    *("patients", "total", "time"),
)
NOT_NUMBERS: tuple[Any, ...] = (
    "three",
    "",
    "4 (2%)",
    "<5",
    "n/a",
    "1,5",
    None,
    pd.NA,
    pd.NaT,
    2 + 3j,
    b"7",
    [3],
    {},
    "nan",
    "inf",
    datetime.date(2020, 1, 1),
    pd.Timestamp("2020-01-01"),
    pd.Timedelta(3),
)


def case_of(rng: Rng) -> Case:
    """Return one mutated case."""
    maker = list(MAKERS)[rng.integers(len(MAKERS))]
    k = int(rng.choice([1, 2, 3, 6, 12]))
    columns = {name: np.asarray(values, dtype=float) for name, values in maker(rng, k).items()}
    measure = str(rng.choice(MAKERS[maker]))
    door = "from_estimates" if measure == "GEN" else str(rng.choice(["from_frame", "from_frame", "escalc"]))
    case = Case(door, measure, columns, {name: name for name in columns}, {})
    mutations = list(MUTATIONS)
    times = int(rng.choice([1, 1, 1, 2]))
    for _ in range(times):
        MUTATIONS[mutations[rng.integers(len(mutations))]](rng, case, COUNTS.get(maker, ()))
    # the second mutation may undo the first: then only the numbers that come out are judged
    case.bad &= times == 1
    return case


def _cell(rng: Rng, case: Case, value: Any, name: str | None = None) -> str:
    """Put the value somewhere, and return the column; a case that is broken beyond columns is left alone."""
    if not isinstance(case.columns, dict) or not case.columns:
        return ""
    name = name or str(rng.choice(sorted(case.columns)))
    column = np.array(case.columns[name], dtype=object)
    if len(column):
        place = int(rng.integers(len(column)))
        column = np.array([value if i == place else x for i, x in enumerate(column)] + [None], dtype=object)[:-1]
    case.columns[name] = column
    return name


def _not_finite(rng: Rng, case: Case, counts: tuple[str, ...]) -> None:
    value = float(rng.choice([np.nan, np.inf, -np.inf]))
    name = _cell(rng, case, value)
    case.how += f" {name}={value}"
    # escalc documents NaN as missing; vi = inf stands for a row without information
    missing = case.door == "escalc" and np.isnan(value)
    case.bad |= bool(name) and not missing and not (name == "vi" and value == np.inf)


def _negative(rng: Rng, case: Case, counts: tuple[str, ...]) -> None:
    names = [n for n in NEVER_NEGATIVE if isinstance(case.columns, dict) and n in case.columns]
    if names and case.measure not in ("COR", "UCOR", "ZCOR"):
        name = str(rng.choice(names))
        _cell(rng, case, -float(rng.choice([1, 0.5, 1e-12, 1e300])), name)
        case.bad, case.how = True, f"{case.how} negative {name}"


def _too_many_events(rng: Rng, case: Case, counts: tuple[str, ...]) -> None:
    names = [n for n in EVENTS if isinstance(case.columns, dict) and n in case.columns and EVENTS[n] in case.columns]
    if names and counts:
        _cell(rng, case, 1e6, str(rng.choice(names)))
        case.bad, case.how = True, f"{case.how} events above the total"


def _fraction(rng: Rng, case: Case, counts: tuple[str, ...]) -> None:
    if counts and isinstance(case.columns, dict) and counts[0] in case.columns:
        _cell(rng, case, 2.5, counts[0])
        case.how += " fractional count"
        case.bad |= case.door == "from_frame"


def _no_number(rng: Rng, case: Case, counts: tuple[str, ...]) -> None:
    value = NOT_NUMBERS[rng.integers(len(NOT_NUMBERS))]
    name = _cell(rng, case, value)
    case.how += f" {name}={value!r}"
    missing = case.door == "escalc" and any(value is x for x in (None, pd.NA, pd.NaT, "nan"))
    case.bad |= bool(name) and not missing and not (name == "vi" and isinstance(value, str) and value == "inf")


def _whole_column(rng: Rng, case: Case, counts: tuple[str, ...]) -> None:
    if not isinstance(case.columns, dict) or not case.columns:
        return
    name = str(rng.choice(sorted(case.columns)))
    k = len(case.columns[name])
    kinds: dict[str, Any] = {
        "bool": np.ones(k, dtype=bool),
        "dates": pd.date_range("2020-01-01", periods=k),
        "timedelta": pd.to_timedelta(np.arange(1, k + 1), unit="D"),
        "complex": np.ones(k) + 1j,
        "periods": pd.period_range("2020-01", periods=k, freq="M"),
        "bytes": np.full(k, b"x"),
        "intervals": pd.interval_range(0, k),
        "letters": pd.Categorical(["a"] * k),
        "decimals": np.array([Decimal(5)] * k, dtype=object),
    }
    kind = str(rng.choice(list(kinds)))
    case.columns[name] = kinds[kind]
    case.how += f" {name} of {kind}"
    case.bad |= kind != "decimals"


def _huge_or_tiny(rng: Rng, case: Case, counts: tuple[str, ...]) -> None:
    value = float(rng.choice([1e308, 1e200, 1e-300, 5e-324, 1e15, 1e-15, 0.0, 1e154]))
    case.how += f" {_cell(rng, case, value)}={value}"


def _wrong_name(rng: Rng, case: Case, counts: tuple[str, ...]) -> None:
    names = list(case.roles)
    name = str(rng.choice(names)) if names else "ai"
    if case.door == "from_estimates":
        return
    if rng.random() < 0.5 and case.door == "from_frame":
        wrong = [name + "_", "Ai", "", 7, None, True, ("a",), ["a"], {}, np.nan]
        value = wrong[rng.integers(len(wrong))]
        case.roles[name] = value
        # one finite number stands for every row, as documented
        case.bad |= value != 7
    else:
        if isinstance(case.columns, dict) and name in case.columns:
            case.columns[name + "x"] = case.columns.pop(name)
        case.bad = True
    case.how += f" wrong name for {name}"


def _wrong_measure(rng: Rng, case: Case, counts: tuple[str, ...]) -> None:
    wrong = ["ODDS", "", None, 3, ["OR"], {}, np.nan, True, "or ", b"OR"]
    case.measure = wrong[rng.integers(len(wrong))]
    case.how, case.bad = f"{case.how} measure={case.measure!r}", True


def _wrong_option(rng: Rng, case: Case, counts: tuple[str, ...]) -> None:
    wrong: list[dict[str, Any]] = [
        {"add": -1},
        {"add": np.nan},
        {"add": "half"},
        {"to": "some"},
        {"vtype": "XX"},
        {"vtype": 3},
        {"drop00": "yes"},
        {"flip": 2},
        {"correct": "yes"},
        {"nonsense": 1},
        {"add": np.inf},
        {"to": ["all"]},
    ]
    if case.door == "from_estimates":
        return
    case.options |= wrong[rng.integers(len(wrong))]
    case.how, case.bad = f"{case.how} options {case.options}", True


def _no_rows(rng: Rng, case: Case, counts: tuple[str, ...]) -> None:
    # escalc of nothing is nothing
    if isinstance(case.columns, dict) and case.door != "escalc":
        case.columns = {name: np.array([]) for name in case.columns}
        case.how, case.bad = f"{case.how} no rows", True


def _not_a_frame(rng: Rng, case: Case, counts: tuple[str, ...]) -> None:
    if case.door == "from_frame":
        wrong: list[Any] = [None, 3, "frame", [], {"ai": [1]}, np.ones((2, 2)), pd.Series([1.0])]
        case.columns = wrong[rng.integers(len(wrong))]
        case.how, case.bad = f"{case.how} not a frame but {type(case.columns).__name__}", True


def _one_too_short(rng: Rng, case: Case, counts: tuple[str, ...]) -> None:
    if case.door != "from_frame" and isinstance(case.columns, dict) and case.columns:
        name = sorted(case.columns)[0]
        long = len(case.columns[name])
        if long >= 3 and all(len(c) == long for c in case.columns.values()):
            case.columns[name] = case.columns[name][:-1]
            case.how, case.bad = f"{case.how} {name} too short", True


def _twice(rng: Rng, case: Case, counts: tuple[str, ...]) -> None:
    if case.door == "escalc" or not isinstance(case.columns, dict) or not case.columns:
        return
    k = len(next(iter(case.columns.values())))
    if not k:
        return
    studies: list[Any] = [f"study {i}" for i in range(k)]
    wrong: list[Any] = [studies[0], None, np.nan, pd.NA, "study 0 ", ""]
    studies[-1] = wrong[rng.integers(len(wrong))] if k > 1 else None
    case.how += f" study {studies[-1]!r}"
    case.bad |= case.door == "from_frame" or studies[-1] is not studies[0] or k == 1
    case.options["study" if case.door == "from_frame" else "studies"] = studies


def _wrong_keyword(rng: Rng, case: Case, counts: tuple[str, ...]) -> None:
    if case.door == "escalc":
        return
    wrong: list[tuple[str, Any]] = [
        ("V", "matrix"),
        ("V", np.nan),
        ("V", np.ones(3)),
        ("V", [[1.0, 2.0], [3.0]]),
        ("V", -np.eye(2)),
        ("moderators", 7),
        ("unit", 7),
        ("title", 7),
    ]
    if case.door == "from_frame":
        wrong += [
            ("study", "no such column"),
            ("label", 3),
            ("cluster", ["a"]),
            ("higher_is", "sideways"),
            ("moderators", ["no such column"]),
        ]
    else:
        wrong += [
            ("sei", [1.0]),
            ("labels", 3),
            ("labels", ["a"] * 30),
            ("studies", 3),
            ("n", "many"),
            ("n", [-1.0]),
            ("moderators", {"dose": [1.0] * 40}),
            ("moderators", ["dose"]),
        ]
    name, value = wrong[rng.integers(len(wrong))]
    case.options[name] = value
    case.how, case.bad = f"{case.how} {name}={value!r}", True


MUTATIONS: dict[str, Callable[[Rng, Case, tuple[str, ...]], None]] = {
    f.__name__: f
    for f in (
        _not_finite,
        _negative,
        _too_many_events,
        _fraction,
        _no_number,
        _whole_column,
        _huge_or_tiny,
        _wrong_name,
        _wrong_measure,
        _wrong_option,
        _no_rows,
        _not_a_frame,
        _one_too_short,
        _twice,
        _wrong_keyword,
    )
}


def _hand_over(case: Case) -> Any:
    options = dict(case.options)
    if case.door == "escalc":
        return lam.escalc(case.measure, **case.columns, **options)
    if case.door == "from_estimates":
        return lam.EvidenceTable.from_estimates(**case.columns, measure=case.measure, **options)
    frame = case.columns
    if isinstance(frame, dict) and "not a frame" not in case.how:
        frame = pd.DataFrame(frame)
    if isinstance(options.get("study"), list) and isinstance(frame, pd.DataFrame):
        frame, options["study"] = frame.assign(who=pd.Series(options["study"], dtype=object)), "who"
    return lam.EvidenceTable.from_frame(frame, case.measure, **case.roles, **options)


def _faults(case: Case, made: Any) -> Iterator[str]:
    """Yield what is wrong with an answer."""
    if case.bad:
        yield "accepted"
    yi, vi = np.asarray(made.yi), np.asarray(made.vi)
    if (vi < 0).any():
        yield "negative variance"
    if np.isinf(yi).any() or (np.isinf(vi).any() and case.door != "from_estimates"):
        yield "infinite estimate or variance"
    if case.door != "escalc" and (np.isnan(yi) != np.isnan(vi)).any():
        yield "estimate without variance, or variance without estimate"
    if case.door == "escalc":
        return
    for i in np.flatnonzero(np.isnan(yi)):
        if not any(made.labels[i] in note for note in made.notes):
            yield f"row {made.labels[i]} is NaN and no note says so"
    if len(set(made.studies)) < made.k and made.V is None:
        try:
            lam.pool(made)
        except DependentRows:
            return
        yield "a study twice, pooled as independent"


def run(cases: int, seed: int = 20240501) -> list[str]:
    """Return the failures among this many mutated cases."""
    failures = []
    for i in range(cases):
        case = case_of(np.random.default_rng([seed, i]))
        head = f"{i} {case.door} {case.measure!r}:{case.how}"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                failures += [f"{head} → {fault}" for fault in _faults(case, _hand_over(case))]
        except LamEvidenceError as error:
            if len(str(error)) < 10:
                failures.append(f"{head} → refused without words")
        except Exception as error:
            failures.append(f"{head} → {type(error).__name__}: {str(error)[:90]}")
    return failures


if __name__ == "__main__":
    found = run(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
    print("\n".join(found))
    print(f"{len(found)} failures")
    sys.exit(bool(found))
