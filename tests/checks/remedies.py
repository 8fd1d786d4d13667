"""The remedies that refusals name, as what a reader would do: pattern of the words after the last dot → call."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

import lamevidence as lam
from lamevidence.checks.studies import design_of_rows

Check = Callable[[Any], Any]


def _names(fit: Any) -> dict[str, Any]:
    return {"lam": lam, "np": np, "table": fit.table, "fit": fit}


def _same_check(found: re.Match[str], fit: Any, check: Check) -> None:
    """Run the call that is printed on the same table, and the check on its result."""
    check(eval(found["call"], _names(fit)))


def _with_moderators(found: re.Match[str], fit: Any, check: Check) -> None:
    X = design_of_rows(fit)
    assert X is not None
    if "subset" in found["call"]:
        X = X[np.isfinite(fit.table.vi) & (fit.table.vi > 0)]
    check(eval(f"{found['call'][:-1]}, moderators=X)", {**_names(fit), "X": X}))


def _with_side(found: re.Match[str], fit: Any, check: Check) -> None:
    del check
    lam.checks.trim_and_fill(eval(found["call"], _names(fit)), side="left")


def _aggregated(fit: Any, options: str = "") -> Any:
    table = fit.table
    V = np.diag(table.vi) if table.V is None else table.V
    y, v, studies = lam.effects.aggregate(table.yi, V, table.studies)
    rows = lam.EvidenceTable.from_estimates(y, vi=v, studies=[str(s) for s in studies])
    return eval(f"lam.pool(table, {options})", {"lam": lam, "table": rows})


def _call(found: re.Match[str], fit: Any, check: Check) -> None:
    eval(found["call"], {**_names(fit), "by": _halves(fit)})


def _method(found: re.Match[str], fit: Any, check: Check) -> None:
    lam.checks.small_study_test(fit, found["code"])


REMEDIES: tuple[tuple[str, Callable[[re.Match[str], Any, Check], Any]], ...] = (
    (r"^describe\(\) reports what there is", lambda m, fit, check: fit.describe()),
    (r"^tidy\(\) (has|tests)", lambda m, fit, check: fit.tidy()),
    (r"^use (?P<call>lam\.pool\(.*\))(, which leaves out .*)? and side='left' or 'right'$", _with_side),
    (r"^use (?P<call>lam\.pool\(.*\))(, which leaves out .*)?, with the moderators of this one$", _with_moderators),
    (r"^use (?P<call>lam\.subgroups\(.*, by\))$", _call),
    (r"^use (?P<call>lam\.pool\(.*\))(, which leaves out .*)?$", _same_check),
    (
        r"^make one row a study with lam\.effects\.aggregate and pool those, with method='(?P<code>[a-z-]+)'$",
        lambda m, fit, check: lam.checks.small_study_test(_aggregated(fit), m["code"]),
    ),
    (
        r"^make one row a study with lam\.effects\.aggregate and pool those \(with (?P<options>.*)\)$",
        lambda m, fit, check: check(_aggregated(fit, m["options"])),
    ),
    (r"^give side='left' or 'right'$", lambda m, fit, check: lam.checks.trim_and_fill(fit, side="right")),
    (r"^use (?P<call>lam\.network\.split_network\(fit\))$", _call),
    (
        r"^use method='(?P<code>[a-z-]+)' on (?P<call>lam\.pool\(.*\))$",
        lambda m, fit, check: lam.checks.small_study_test(eval(m["call"], _names(fit)), m["code"]),
    ),
    (r"^use method='(?P<code>[a-z-]+)'", _method),
    (r"^leave common_tau2 out$", lambda m, fit, check: lam.subgroups(fit, by=_halves(fit))),
    (r"^use residual='studentized'$", lambda m, fit, check: lam.checks.normal_quantiles(fit, "studentized")),
    (r"^give subsets=1000 and seed=1$", lambda m, fit, check: lam.checks.gosh(fit, subsets=10, seed=1)),
    (r"^influence\(fit\) needs none$", lambda m, fit, check: lam.influence(fit)),
    (r"^use null='identical'$", lambda m, fit, check: lam.checks.with_null_studies(fit, 2)),
    (r"^use estimator='L0'$", lambda m, fit, check: lam.checks.trim_and_fill(fit, estimator="L0")),
)


def _halves(fit: Any) -> list[str]:
    places = {study: i for i, study in enumerate(dict.fromkeys(fit.table.studies))}
    return [("a", "b")[places[study] % 2] for study in fit.table.studies]


def follow(message: str, fit: Any, check: Check) -> str:
    """Do what a refusal advises on the same table; return what is wrong with the advice, empty where it works."""
    if " · " not in message:
        return "no remedy"
    words = message.rsplit(" · ", 1)[1]
    for pattern, do in REMEDIES:
        found = re.search(pattern, words)
        if found:
            try:
                do(found, fit, check)
            except lam.LamEvidenceError as again:
                return f"the remedy is refused: {again}"
            return ""
    return "a remedy that this file does not know"
