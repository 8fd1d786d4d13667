"""Rows whose numbers are known only as they are printed: what enters their posterior, in words and as a frame."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..effects.derive.printed_laws import printed_laws
from ..effects.evidence_table import EvidenceTable
from ..effects.measures.base import FloatArray
from ..foundation.errors import OptionError
from ..foundation.printed_law import PrintUncertainty
from .blended_state import BlendedState
from .counts.printed_estimate import PrintedEstimate
from .counts.two_level import TwoLevelState
from .fit_state import ExactEngine

if TYPE_CHECKING:
    import pandas as pd

    from .posterior_base import PosteriorBase

__all__ = ["as_printed", "entered", "print_note", "reading_frame"]


def as_printed(
    table: EvidenceTable, wanted: PrintUncertainty | None, likelihood: str, engine: str, *, one_mean: bool
) -> EvidenceTable:
    """Return the table with the law of each estimate given its print, or without any.

    Raises
    ------
    OptionError
        A likelihood, an engine or a design that takes estimates as known.
    NotEstimable
        Rows of which nothing is printed.
    """
    if wanted is None:
        return replace(table, printed=()) if table.printed else table
    if likelihood not in ("normal", "t"):
        raise OptionError(
            f"print_uncertainty is that of estimates, and the {likelihood} likelihood is one of counts, whole numbers"
            " · leave print_uncertainty out"
        )
    if engine == "nuts":
        raise OptionError("print_uncertainty enters by quadrature · leave engine='nuts' out")
    if not one_mean:
        raise OptionError("print_uncertainty enters a posterior of one mean · leave moderators out")
    laws = printed_laws(table, wanted)
    return replace(table, printed=laws if any(laws) else ())


def _entered(table: EvidenceTable) -> dict[str, int]:
    """Return which uncertainty of print entered how many rows."""
    laws = [law for law in table.printed if law is not None]
    found = {
        "rounding": sum(any(r.rounded for r in law.readings) for law in laws),
        "kind of ±": sum(len({r.kind for r in law.readings if r.kind}) > 1 for law in laws),
        "within-patient correlation": sum(any(r.r for r in law.readings) for law in laws),
        "choice of the printed number": sum(len({r.route for r in law.readings}) > 1 for law in laws),
    }
    return {name: n for name, n in found.items() if n}


def entered(table: EvidenceTable) -> str:
    """Return which uncertainty of print entered, in words; empty where none did."""
    return ", ".join(_entered(table))


def print_note(table: EvidenceTable) -> str:
    """Return the sentence that says which uncertainty of print entered how many rows."""
    found = [f"{name} ({n} {'row' if n == 1 else 'rows'})" for name, n in _entered(table).items()]
    if not found:
        return "Nothing that is printed of these rows is uncertain: the numbers are taken as they are."
    return f"What is printed enters with its uncertainty: {', '.join(found)}; print_readings() lists each."


def reading_frame(post: PosteriorBase) -> pd.DataFrame:
    """Return one line a reading of each row, with its probability before and after the data."""
    import pandas as pd

    table = post.table
    if not table.printed:
        raise OptionError(
            "this posterior takes the printed numbers as they are · pool_bayes(table, print_uncertainty=True)"
        )
    lines: list[dict[str, Any]] = []
    for i, (label, law) in enumerate(zip(table.labels, table.printed, strict=True)):
        if law is None:
            exact = {"label": label, "route": "", "kind": "", "rounded": "", "r": "", "probability": 1.0}
            numbers = {"posterior": 1.0, "yi": float(table.yi[i]), "sei": float(np.sqrt(table.vi[i]))}
            lines.append(exact | numbers | {"components": 1, "note": ""})
            continue
        shares = _shares(post.state, i, len(law.readings))  # type: ignore[arg-type]
        for j, reading in enumerate(law.readings):
            own = law.reading == j
            weight = law.weight[own] / law.weight[own].sum()
            r = "" if reading.r is None else f"{reading.r[0]:g} to {reading.r[1]:g}"
            lines.append(
                {
                    "label": label,
                    "route": reading.route,
                    "kind": reading.kind,
                    "rounded": ", ".join(reading.rounded),
                    "r": r,
                    "probability": reading.probability,
                    "posterior": float(shares[j]),
                    "yi": float(weight @ law.yi[own]),
                    "sei": float(np.sqrt(weight @ law.vi[own])),
                    "components": int(own.sum()),
                    "note": reading.note,
                }
            )
    return pd.DataFrame(lines)


def _shares(state: ExactEngine, i: int, size: int) -> FloatArray:
    """Posterior probabilities of the readings of one row, (size,)."""
    if isinstance(state, BlendedState):
        return np.asarray(state.share @ np.array([_shares(part, i, size) for part in state.parts]))
    assert isinstance(state, TwoLevelState)
    row, tau, nodes = state.rows[i], state.grid.tau[:, None], state.theta_nodes[i]
    assert isinstance(row, PrintedEstimate)
    whole = row.integrate(state.mu_nodes, tau, nodes, moments=False).log
    found = np.empty(size)
    for j in range(size):
        part = row.of_reading(j).integrate(state.mu_nodes, tau, nodes, moments=False).log
        found[j] = float((state.weight * np.exp(part - whole)).sum())
    return np.asarray(found / found.sum())
