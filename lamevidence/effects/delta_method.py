"""The delta method: functions of printed estimates, with the covariance they inherit."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ..foundation.errors import InputError, NotEstimable, OptionError
from ..foundation.lineage import Lineage, Step
from ..foundation.options import a_text, shown
from .evidence_table import EvidenceTable
from .expressions import evaluated, parsed
from .from_estimates import LEVEL, variances_of
from .given_numbers import finite, names_of
from .jets import Jet, call, variable
from .measures.base import FloatArray
from .smooth_functions import jet_of

__all__ = ["DeltaEstimates", "delta"]

Function: TypeAlias = str | Callable[..., float]

LIMIT = 0.5
"""Most that the second-order term may be of the first-order standard error; beyond it the result is refused."""
NOTED = 0.1
"""From this size on a note says how large the second-order term is."""
_DELTA = "Oehlert 1992, doi:10.1080/00031305.1992.10475842"


@dataclass(frozen=True, slots=True, eq=False)
class DeltaEstimates:
    """Functions of estimates by the delta method, as `EvidenceTable.from_estimates` takes them.

    Attributes
    ----------
    names
        One name a function.
    yi
        Values at the estimates, (m,).
    V
        Covariance G V Gᵀ of the functions, (m, m).
    gradient
        Derivatives G by the estimates, (m, p).
    second_order
        Standard deviation of the second-order term over the first-order standard error, (m,): 0 for a linear
        function. The result is refused above 0.5.
    bias
        Second-order bias ½ tr(H V) of each function, (m,); not subtracted.
    steps
        One `Step` of lineage a function.
    notes
        What the size of the second-order term asks to be said.
    """

    names: tuple[str, ...]
    yi: FloatArray
    V: FloatArray
    gradient: FloatArray
    second_order: FloatArray
    bias: FloatArray
    steps: tuple[Step, ...]
    notes: tuple[str, ...] = ()

    @property
    def vi(self) -> FloatArray:
        """Variances of the functions, (m,)."""
        return np.diag(self.V).copy()

    @property
    def sei(self) -> FloatArray:
        """Standard errors of the functions, (m,)."""
        return np.asarray(np.sqrt(self.vi))

    def to_table(self, study: str = "1", measure: str = "GEN", unit: str | None = None) -> EvidenceTable:
        """Return the functions as rows of one study, with lineage and, if several, their covariance.

        Parameters
        ----------
        study
            Id of the study.
        measure
            Code of the measure that the functions are values of.
        unit
            Unit of all of them, None for pure numbers.

        Returns
        -------
        EvidenceTable
            One row a function, in their order; tables of several studies join by `EvidenceTable.concat`.

        Raises
        ------
        OptionError
            Not the name of a study, of a measure or of a unit.
        """
        (study,) = names_of([a_text("study", study)], "study", 1)
        several = len(self.names) > 1
        return EvidenceTable(
            yi=self.yi,
            vi=self.vi,
            labels=tuple(f"{study}: {name}" for name in self.names) if several else (study,),
            studies=(study,) * len(self.names),
            measure=measure,
            unit=unit,
            V=self.V if several else None,
            lineage=tuple(Lineage(study, steps=(step,)) for step in self.steps),
            notes=self.notes,
        )


def delta(
    estimates: Mapping[str, float],
    functions: Function | Mapping[str, Function],
    *,
    vi: Mapping[str, float] | ArrayLike | None = None,
    sei: Mapping[str, float] | ArrayLike | None = None,
    V: ArrayLike | None = None,
) -> DeltaEstimates:
    """Return functions of several estimates with their variances and covariances, by the delta method.

    g(θ̂) has covariance G V Gᵀ, with G the derivatives of g at the estimates. Derivatives of an expression are exact
    (automatic differentiation); those of a Python function are taken by complex steps and compared with real ones. The
    second-order term of the Taylor series is measured against the first: above half of it, the result is refused.

    Parameters
    ----------
    estimates
        Name → printed estimate; p of them.
    functions
        What is wanted: an expression such as ``"log(a / b)"`` (names, numbers, + - * / ** and ``log log2 log10 exp
        sqrt expit logit``), or a Python function that takes the estimates by name, written with numpy; or a mapping
        from name to either, m of them.
    vi
        Variances of independent estimates, by name or in their order.
    sei
        Standard errors of independent estimates, by name or in their order.
    V
        Covariance matrix of the estimates in their order, (p, p). Exactly one of ``vi``, ``sei`` and ``V`` is given.

    Returns
    -------
    DeltaEstimates
        ``yi``, ``vi``, ``V``, the size of the second-order term, and lineage; `DeltaEstimates.to_table` makes rows.

    Raises
    ------
    NotEstimable
        A function has no derivative at the estimates, all its derivatives are 0 there, or it is too far from linear
        over their errors; the message says by how much, and names the log where that is closer to linear.
    OptionError
        Not exactly one of ``vi``, ``sei`` and ``V``; an expression that holds more than arithmetic.
    InputError
        Estimates or variances that are none.

    See Also
    --------
    EvidenceTable.from_estimates : a table of estimates of several studies.
    lamevidence.escalc : measures from counts, means and SDs, with their published variances.

    References
    ----------
    Oehlert 1992, doi:10.1080/00031305.1992.10475842; Ver Hoef 2012, doi:10.1080/00031305.2012.687494; complex steps:
    Squire & Trapp 1998, doi:10.1137/S003614459631241X.

    Examples
    --------
    >>> import lamevidence as lam
    >>> ratio = lam.effects.delta({"a": 12.0, "b": 8.0}, "log(a / b)", sei={"a": 1.2, "b": 0.8})
    >>> ratio.yi.round(4).tolist(), ratio.sei.round(4).tolist()
    ([0.4055], [0.1414])
    >>> both = lam.effects.delta({"a": 2.0, "b": 1.0}, {"sum": "a + b", "change": "a - b"}, V=[[4, 1], [1, 4]])
    >>> both.V.tolist()
    [[10.0, 0.0], [0.0, 6.0]]
    >>> lam.EvidenceTable.from_estimates(both.yi, V=both.V, labels=both.names).k
    2
    """
    names, x = _estimates(estimates)
    variances, matrix = variances_of(x, _ordered("vi", vi, names), _ordered("sei", sei, names), V, None, LEVEL, names)
    covariance = np.diag(finite(variances, "variances", least=0.0)) if matrix is None else matrix
    given = functions if isinstance(functions, Mapping) else {"estimate": functions}
    if not given:
        raise OptionError("functions is empty · give an expression such as 'a - b', or a mapping from name to one")
    titles = names_of(list(given), "function", len(given))
    found = [_found(title, f, names, x, covariance) for title, f in zip(titles, given.values(), strict=True)]
    G = np.array([jet.gradient for jet in found])
    joint = G @ covariance @ G.T
    sizes = np.array([_second_order(jet, covariance) for jet in found])
    bias = np.array([0.5 * float(np.trace(jet.hessian @ covariance)) for jet in found])
    told = "; ".join(
        f"{name} = {value:.6g} (SE {math.sqrt(v):.4g})"
        for name, value, v in zip(names, x, np.diag(covariance), strict=True)
    )
    steps, notes = [], []
    for title, f, jet, v, size in zip(titles, given.values(), found, np.diag(joint), sizes, strict=True):
        words = f if isinstance(f, str) else f"{getattr(f, '__name__', 'function')}({', '.join(names)})"
        text = f"{title} = {words} = {jet.value:.6g}, SE {math.sqrt(v):.4g}, from {told}"
        steps.append(Step("delta", text, "g(θ̂), variance ∇gᵀ V ∇g", _DELTA, _assumed(size, matrix is None)))
        if size >= NOTED:
            notes.append(
                f"{title}: the delta method leaves out a second-order term of {100 * size:.0f} % of the standard error."
            )
    return DeltaEstimates(
        titles,
        np.array([jet.value for jet in found]),
        (joint + joint.T) / 2,
        G,
        sizes,
        bias,
        tuple(steps),
        tuple(notes),
    )


def _estimates(estimates: object) -> tuple[tuple[str, ...], FloatArray]:
    if not isinstance(estimates, Mapping) or not estimates:
        raise OptionError(f"estimates={shown(estimates)} · give a mapping from name to number, such as {{'a': 1.2}}")
    names = names_of(list(estimates), "name", len(estimates))
    for name in names:
        if not name.isidentifier():
            raise OptionError(f"the estimate {name!r} cannot be named in an expression · call it {_identifier(name)!r}")
    x = finite(list(estimates.values()), "estimates")
    if x.shape != (len(names),):
        raise InputError(f"estimates={shown(estimates)} · give one number a name")
    return names, x


def _identifier(name: str) -> str:
    kept = "_".join(re.findall(r"[^\W_]+", name)) or "a"
    return kept if kept.isidentifier() else f"x_{kept}"


def _ordered(name: str, given: object, names: Sequence[str]) -> ArrayLike | None:
    """Return numbers by name in the order of the estimates; anything else as it is."""
    if not isinstance(given, Mapping):
        return given  # type: ignore[return-value]
    if set(given) != set(names):
        raise OptionError(f"{name} names {', '.join(map(str, given))} · give one number for each of {', '.join(names)}")
    return [given[n] for n in names]


def _found(title: str, function: object, names: tuple[str, ...], x: FloatArray, V: FloatArray) -> Jet:
    """Return value, gradient and Hessian, after looking whether one may use them."""
    if isinstance(function, str):
        variables = {name: variable(value, j, x.size) for j, (name, value) in enumerate(zip(names, x, strict=True))}
        with np.errstate(all="ignore"):  # what overflows is not finite, which is looked for below
            jet = evaluated(parsed(function, names), variables, x.size)
    elif callable(function):
        jet = jet_of(partial(_by_name, function, names), title, x, np.sqrt(np.diag(V)))
    else:
        raise OptionError(
            f"{title}: {shown(function)} · give an expression such as 'a - b', or a function of the names"
        )
    place = ", ".join(f"{name} = {value:g}" for name, value in zip(names, x, strict=True))
    if not (math.isfinite(jet.value) and np.isfinite(jet.gradient).all() and np.isfinite(jet.hessian).all()):
        raise NotEstimable(
            f"{title} has no value with derivatives at {place} · the delta method needs one: choose a function that is"
            " smooth there (no division by 0, no log or root of 0 or less)"
        )
    first, second = float(jet.gradient @ V @ jet.gradient), _half_square(jet, V)
    if first <= 0 < second or not (jet.gradient.any() or jet.hessian.any()):
        raise NotEstimable(
            f"all derivatives of {title} are 0 at {place}: its first-order variance is 0, which it is not in truth"
            " · the delta method has no answer at a flat point; pool the estimates themselves"
        )
    size = _second_order(jet, V)
    if size > LIMIT:
        raise NotEstimable(
            f"{title} is too far from linear over the errors of the estimates: the second-order term is"
            f" {100 * size:.0f} % of the first-order standard error (at most {100 * LIMIT:.0f} %) · {_remedy(jet, V)}"
        )
    return jet


def _by_name(function: Callable[..., float], names: tuple[str, ...], values: Sequence[complex]) -> object:
    return function(**dict(zip(names, values, strict=True)))


def _half_square(jet: Jet, V: FloatArray) -> float:
    """Return ½ tr(H V H V), the variance of the second-order term under normal errors."""
    product = jet.hessian @ V
    return max(0.0, 0.5 * float(np.trace(product @ product)))


def _second_order(jet: Jet, V: FloatArray) -> float:
    first = float(jet.gradient @ V @ jet.gradient)
    return math.sqrt(_half_square(jet, V) / first) if first > 0 else 0.0


def _remedy(jet: Jet, V: FloatArray) -> str:
    """Return the scale that is closer to linear, where there is one."""
    if jet.value > 0 and (size := _second_order(call("log", jet), V)) <= LIMIT:
        return f"take its logarithm, log(…), whose second-order term is {100 * size:.0f} %"
    return "no delta method will do: draw the estimates from their sampling distribution (a bootstrap) instead"


def _assumed(size: float, independent: bool) -> str | None:
    parts = ["independent estimates"] if independent else []
    if size >= NOTED:
        parts.append(f"a function near linear (second-order term {100 * size:.0f} % of the SE)")
    return ", ".join(parts) or None
