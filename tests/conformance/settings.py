"""What a case asks for: its settings, held to those an adapter honours, and its columns, as R takes them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np

from tests.conformance.r_call import expression
from tests.conformance.runner import Unsupported

SILENT = frozenset({"fn", "note", "digits", "data", "verbose", "progbar", "plot", "control"})
"""Settings that change no number: names, printing and R's own iterations."""
KEYWORD = re.compile(r"(?<![\w.\"'])([A-Za-z][\w.]*)\s*=(?!=)\s*[\"']?([\w.]*)")
DEFAULTS = {"test": "z", "level": "95", "predtype": "default", "model": "rma", "exact": "FALSE", "link": "log"}
"""What R's arguments are when they are left out: such a keyword says nothing that args must carry."""
IN_THE_CALL = frozenset(
    {
        "ni",
        "slab",
        "measure",
        "envelope",
        "xlim",
        "steps",
        "each",
        "times",
        "length.out",
        "x",
        "X",
        "k.min",
        "seed",
        "threshold",
        "tol",
        "maxiter",
        "tau2.max",
        "pearson",
        "raw",
        "rstandard",
        "rstudent",
        "cholesky",
        "weights",
        "hat",
        "fitted",
        "type",
        "fixed",
        "random",
        "mods",
        "newmods",
        "cluster",
        "adjust",
        "clubSandwich",
        "order",
        "nrow",
        "method",
        "optimizer",
        "optmethod",
        "rhobeg",
        "rhoend",
        "maxit",
        "reltol",
        "rel.tol",
        "x.tol",
        "eval.max",
        "iter.max",
        "btt",
        "stepadj",
        "tau2.init",
    }
)
"""Keywords of R's calls that are data, iteration, or stand in ``args`` in another way."""


def honoured(case: Mapping[str, Any], known: Collection[str], *, in_call: bool = True) -> dict[str, Any]:
    """Return the settings of a case, or say which of them the adapter would leave without effect.

    With ``in_call``, keywords of the R call that ``args`` do not carry count as well.
    """
    args: dict[str, Any] = dict(case["args"])
    unknown = sorted(set(args) - set(known) - SILENT)
    if unknown:
        raise Unsupported(f"the setting {', '.join(unknown)} is not honoured here")
    refers = "model" in args and "predictor" not in args  # to a model of another case, whose settings stand there
    said = KEYWORD.findall(str(case.get("call", ""))) if in_call and not refers else []
    hidden = {k for k, v in said if k not in args and k not in SILENT | IN_THE_CALL and DEFAULTS.get(k) != v}
    if hidden:
        raise Unsupported(f"the call sets {', '.join(sorted(hidden))}, which args do not carry")
    return args


def one_of(args: Mapping[str, Any], choices: Mapping[str, Collection[str]]) -> None:
    """Say which setting has a value that the adapter does not know."""
    for name, known in choices.items():
        if name in args and args[name] not in known:
            raise Unsupported(f"{name}={args[name]!r}")


def share(level: Any) -> float:
    """Return a confidence level as a share, given in percent or as one."""
    return float(level) / 100 if float(level) > 1 else float(level)


def column(values: Any) -> np.ndarray:
    """Return a column as floats, missing entries as nan."""
    return np.array([np.nan if x is None or x == "NA" else float(x) for x in values])


def observed(inputs: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return yi, vi and the rows they stand in: those with both, as R leaves out the others."""
    yi, vi = column(inputs["yi"]), column(inputs["vi"])
    rows = np.flatnonzero(~(np.isnan(yi) | np.isnan(vi)))
    return yi[rows], vi[rows], rows


def design_rows(inputs: Mapping[str, Any], X: np.ndarray) -> np.ndarray:
    """Return the rows of the data that a model matrix stands on."""
    k = len(inputs["yi"])
    if len(X) == k:
        return np.arange(k)
    if "rows_used" in inputs:
        return np.asarray(inputs["rows_used"], dtype=int)
    raise Unsupported(f"the model matrix has {len(X)} rows for {k} studies, and rows_used is not given")


def weights_of(given: Any, inputs: Mapping[str, Any], rows: np.ndarray) -> np.ndarray | None:
    """Return user-defined weights: numbers, or an R expression over the columns."""
    if given is None:
        return None
    columns = {name: column(v) for name, v in inputs.items() if _plain(v)}
    made = np.asarray(expression(given, columns) if isinstance(given, str) else given, dtype=float)
    return np.broadcast_to(made, (len(inputs["yi"]),))[rows]


def _plain(values: Any) -> bool:
    return isinstance(values, list | np.ndarray) and all(isinstance(x, int | float | None) for x in values)


LOST = "digits lost in R's sums: variances or columns of the design of very different size"


STATISTICS = ("zval", "tval", "QM", "z", "y", "pearson", "cholesky")


MOST_LOST = 1e-6
"""What the reference itself allows for ill-conditioned designs."""


def lost(vi: np.ndarray, X: np.ndarray | None = None) -> float:
    """Return the relative error of R's sums over weights 1/v in double precision, design columns not centred.

    That ours are right there is shown in ``tests/oracles/test_tau2_error_mpmath.py``.
    """
    condition = 1.0 if X is None else float(np.linalg.cond(X)) ** 2
    return min(MOST_LOST, 30 * float(np.finfo(float).eps) * float(vi.max() / vi.min()) * condition)


def forgiving(rows: Iterator[tuple[Any, ...]], relative: float) -> Iterator[tuple[Any, ...]]:
    """Pass values within that relative error (statistics: of 1, where they are smaller)."""
    for row in rows:
        path, g, e, _, fine, *rule = row
        if fine or not isinstance(g, float) or not isinstance(e, int | float):
            yield row
            continue
        leaf = path.split(".")[-1].split("[")[0]
        size = max(abs(e), 1.0) if leaf in STATISTICS else abs(e)
        near = abs(g - e) <= relative * size
        yield (path, g, e, 0.0, True, LOST) if near else (*row[:5], *rule)
