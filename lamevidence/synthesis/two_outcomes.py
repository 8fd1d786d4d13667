"""Two outcomes of the same patients in one model: what one says of the other where they go together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..bayes.exact.distributions import Distribution
from ..bayes.exact.mixture import NormalMixture
from ..bayes.priors.base import TauPrior
from ..bayes.priors.effect_priors import Normal
from ..bayes.priors.prior_parsing import PriorLike, mu_prior, tau_prior
from ..effects.foreign_data import pandas_frame
from ..effects.given_numbers import floats, names_of
from ..effects.measures.base import FloatArray
from ..foundation.errors import DependentRows, InputError, OptionError, QuadratureError, TooFewStudies, UnknownName
from ..foundation.options import a_level, a_number, shown
from .panel_margin import PanelMargin, panel_rule

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BivariatePosterior", "bivariate"]

_PANELS = np.array([0.0, 0.03, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0])
"""Edges of the panels over a standard deviation τ, in smallest standard errors of the outcome; then doubling."""
_COARSE, _FINE = (6, 24), (9, 36)
"""Nodes a panel over each τ, and over ρ: of the rule that measures the error and of the one that is used."""
_TAIL = 1e-12
_LIMIT = 1e-5
_NEGLIGIBLE = 1e-11


@dataclass(frozen=True, slots=True, eq=False)
class BivariatePosterior:
    """Posterior of two mean effects whose studies' true effects are correlated.

    Attributes
    ----------
    outcomes
        Their names.
    mu, tau, theta_new
        Posterior of each mean, between-study standard deviation, and true effect of a new study, by outcome.
    rho
        Correlation of the true effects between studies.
    mu_correlation
        Posterior correlation of the two means.
    log_marginal
        Log marginal likelihood.
    numerical_error
        What a coarser rule differs by in the evidence and in the means over their standard deviations.
    studies
        Studies, and which outcomes each has.
    level
        Level of intervals when none is given.
    """

    outcomes: tuple[str, str]
    mu: Mapping[str, Distribution]
    tau: Mapping[str, Distribution]
    theta_new: Mapping[str, Distribution]
    rho: Distribution | float
    mu_correlation: float
    log_marginal: float
    numerical_error: float
    studies: Mapping[str, tuple[str, ...]]
    level: float
    _again: Mapping[str, Any]

    def without(self, study: str) -> BivariatePosterior:
        """Return the posterior without one study, under the same priors."""
        if not isinstance(study, str) or study not in self.studies:
            raise UnknownName("study", study if isinstance(study, str) else shown(study), tuple(self.studies))
        frame = self._again["evidence"]
        kept = frame[frame[self._again["study"]].astype(str) != study]
        return bivariate(**{**self._again, "evidence": kept})

    def to_frame(self) -> pd.DataFrame:
        """Return one line an outcome: ``outcome k mean sd low high tau new_low new_high``."""
        import pandas as pd

        rows = []
        for name in self.outcomes:
            law, ahead = self.mu[name], self.theta_new[name].interval(self.level)
            low, high = law.interval(self.level)
            k = sum(name in has for has in self.studies.values())
            numbers = {"k": k, "mean": law.mean, "sd": law.sd, "low": low, "high": high, "tau": self.tau[name].mean}
            rows.append({"outcome": name} | numbers | {"new_low": ahead.low, "new_high": ahead.high})
        return pd.DataFrame(rows)

    def describe(self) -> str:
        """Both means in words, and how they go together."""
        unit = self.mu[self.outcomes[0]].unit
        parts = []
        for name in self.outcomes:
            low, high = self.mu[name].interval(self.level)
            parts.append(f"{name} {self.mu[name].mean:.3g} ({low:.3g} to {high:.3g}){f' {unit}' if unit else ''}")
        both = sum(len(has) == 2 for has in self.studies.values())
        return (
            f"{len(self.studies)} studies, {both} with both outcomes, Bayesian random effects, {100 * self.level:g} %"
            f" credible intervals: {'; '.join(parts)}; posterior correlation of the means {self.mu_correlation:.2f}"
        )

    def __repr__(self) -> str:
        return f"<BivariatePosterior {self.describe()}>"


def bivariate(
    evidence: pd.DataFrame,
    *,
    yi: str,
    sei: str,
    study: str,
    outcome: str,
    outcomes: Sequence[str],
    within_correlation: float,
    mu: PriorLike | Sequence[PriorLike],
    tau: PriorLike | Sequence[PriorLike],
    rho: float | None = None,
    unit: str | None = None,
    level: float = 0.95,
) -> BivariatePosterior:
    """Return the exact posterior of two outcomes of the same studies.

    (y₁, y₂) | θ ~ N(θ, S), S with the standard errors and the within-study correlation; θ ~ N(μ, Σ), Σ with τ₁, τ₂ and
    the correlation ρ ~ U(−1, 1) between studies. Given (τ₁, τ₂, ρ) all is Gaussian: the posterior is a mixture over a
    product rule. A study may lack one outcome; it then borrows from the other.

    Parameters
    ----------
    evidence
        One row an estimate.
    yi, sei, study, outcome
        Columns of estimates, standard errors, study ids and names of outcomes.
    outcomes
        The two outcomes.
    within_correlation
        Correlation of the two estimates of one study, in (−1, 1); try several: papers do not print it.
    mu, tau
        Proper priors, one for both outcomes or two: normal for the means.
    rho
        Correlation between studies where it is taken as known; left out, uniform from −1 to 1.
    unit
        Unit of both outcomes.
    level
        Level of intervals when none is given later.

    Returns
    -------
    BivariatePosterior

    Raises
    ------
    UnknownName, InputError, OptionError
        Columns, numbers or priors that are not such.
    TooFewStudies
        No row of one of the outcomes.
    DependentRows
        Two rows of one study and outcome.
    QuadratureError
        The rules do not agree to 1e-5.

    See Also
    --------
    joint : designs in one model.
    lamevidence.multilevel : several outcomes by restricted likelihood.

    References
    ----------
    Jackson, Riley & White 2011, doi:10.1002/sim.4172.

    Examples
    --------
    >>> import pandas as pd, lamevidence as lam
    >>> rows = pd.DataFrame(
    ...     {"study": list("aabb"), "outcome": ["FEV1", "FVC"] * 2, "slope": [12, 96, -10, 54], "se": [24, 36, 15, 22]}
    ... )
    >>> P, unit = lam.priors, "mL/year"
    >>> post = lam.synthesis.bivariate(
    ...     rows, yi="slope", sei="se", study="study", outcome="outcome", outcomes=("FEV1", "FVC"),
    ...     within_correlation=0.7, mu=P.Normal(0, 240, unit=unit), tau=P.HalfNormal(72, unit=unit), unit=unit,
    ... )
    >>> round(post.mu["FVC"].mean, 3)
    66.936
    """
    names = _two("outcomes", outcomes)
    r = a_number("within_correlation", within_correlation, above=-1.0, below=1.0)
    known = None if rho is None else a_number("rho", rho, above=-1.0, below=1.0)
    level = a_level(level)
    frame = pandas_frame(evidence)
    rows = _rows(frame, {"yi": yi, "sei": sei, "study": study, "outcome": outcome}, names)
    means = [mu_prior(prior, unit) for prior in _pair(mu)]
    spreads = [tau_prior(prior, unit) for prior in _pair(tau)]
    for prior in means:
        if not isinstance(prior, Normal):
            raise OptionError(f"mu={prior!r}: the means of two outcomes take normal priors · use Normal(…)")
    for spread in spreads:
        if not spread.proper or not spread.needs_unit:
            raise OptionError(
                f"tau={spread!r} is improper or made from the data · use a proper prior, such as HalfNormal(…)"
            )
    least = [min(se for (_, name), (_, se) in rows.items() if name == wanted) for wanted in names]
    edges = [_edges(spread, scale) for spread, scale in zip(spreads, least, strict=True)]
    priors = [(float(p.loc), float(p.scale)) for p in means if isinstance(p, Normal)]
    coarse, fine = (_nodes(rows, names, r, known, priors, spreads, edges, size) for size in (_COARSE, _FINE))
    error = abs(coarse.log_evidence - fine.log_evidence) + float(np.abs((coarse.mean - fine.mean) / fine.sd).sum())
    if not error < _LIMIT:
        raise QuadratureError(
            f"integration over both τ and their correlation still moves by {error:.1e} (limit {_LIMIT:g})"
            " · give priors of τ on the scale of the data"
        )
    keep = fine.weight > _NEGLIGIBLE * fine.weight.max()
    weight = fine.weight[keep] / fine.weight[keep].sum()
    laws = {n: NormalMixture(weight, fine.b[j][keep], np.sqrt(fine.V[j][keep]), unit=unit) for j, n in enumerate(names)}
    ahead = {
        n: NormalMixture(weight, fine.b[j][keep], np.sqrt(fine.V[j][keep] + fine.tau[j][keep] ** 2), unit=unit)
        for j, n in enumerate(names)
    }
    margins = {n: PanelMargin(edges[j], fine.margins[j], unit) for j, n in enumerate(names)}
    between = PanelMargin(np.array([-1.0, 1.0]), fine.margins[2]) if known is None else known
    has: dict[str, tuple[str, ...]] = {}
    for one, name in rows:
        has[one] = tuple(n for n in names if n == name or n in has.get(one, ()))
    again = {
        "evidence": frame, "yi": yi, "sei": sei, "study": study, "outcome": outcome, "outcomes": names,
        "within_correlation": r, "mu": means, "tau": spreads, "rho": rho, "unit": unit, "level": level,
    }  # fmt: skip
    return BivariatePosterior(
        names, laws, margins, ahead, between, fine.correlation, fine.log_evidence, error, has, level, again
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Nodes:
    """Nodes of (τ₁, τ₂, ρ): weights, conditional means and variances of both means, margins."""

    weight: FloatArray
    tau: tuple[FloatArray, FloatArray]
    b: FloatArray
    V: FloatArray
    margins: tuple[FloatArray, FloatArray, FloatArray]
    log_evidence: float
    mean: FloatArray
    sd: FloatArray
    correlation: float


def _nodes(
    rows: Mapping[tuple[str, str], tuple[float, float]],
    names: tuple[str, str],
    r: float,
    rho: float | None,
    priors: Sequence[tuple[float, float]],
    spreads: Sequence[TauPrior],
    edges: Sequence[FloatArray],
    size: tuple[int, int],
) -> _Nodes:
    """Return the Gaussian part at every node of the product rule."""
    axes = [panel_rule(edge.tolist(), size[0]) for edge in edges]
    cross, share = panel_rule([-1.0, 1.0], size[1]) if rho is None else (np.array([rho]), np.array([2.0]))
    with np.errstate(divide="ignore"):
        first, second = (np.log(w) + p.logpdf(x) for p, (x, w) in zip(spreads, axes, strict=True))
    outer = first[:, None, None] + second[None, :, None] + np.log(0.5 * share)
    one, two, of = (g.ravel() for g in np.meshgrid(axes[0][0], axes[1][0], cross, indexing="ij"))
    shared = of * one * two
    P = [np.full(one.size, 1.0 / s**2) for _, s in priors]
    P12 = np.zeros(one.size)
    q = [np.full(one.size, m / s**2) for m, s in priors]
    total = np.full(
        one.size, sum(m**2 / s**2 + 2.0 * math.log(s) for m, s in priors) + len(rows) * math.log(2 * math.pi)
    )
    for study in dict.fromkeys(s for s, _ in rows):
        left, right = found = [rows.get((study, name)) for name in names]
        spread2 = (one**2, two**2)
        if left is not None and right is not None:
            (y1, s1), (y2, s2) = left, right
            a, c, b = s1**2 + spread2[0], s2**2 + spread2[1], r * s1 * s2 + shared
            det = a * c - b * b
            P[0] += c / det
            P[1] += a / det
            P12 -= b / det
            q[0] += (c * y1 - b * y2) / det
            q[1] += (a * y2 - b * y1) / det
            total += np.log(det) + (c * y1 * y1 - 2.0 * b * y1 * y2 + a * y2 * y2) / det
            continue
        for j, pair in enumerate(found):
            if pair is not None:
                v = pair[1] ** 2 + spread2[j]
                P[j] += 1.0 / v
                q[j] += pair[0] / v
                total += np.log(v) + pair[0] ** 2 / v
    det = P[0] * P[1] - P12 * P12
    b1, b2 = (P[1] * q[0] - P12 * q[1]) / det, (P[0] * q[1] - P12 * q[0]) / det
    log = outer.ravel() - 0.5 * (total - q[0] * b1 - q[1] * b2 + np.log(det))
    top = float(log.max())
    weight = np.exp(log - top)
    mass = float(weight.sum())
    weight /= mass
    cube = weight.reshape(outer.shape)
    V = np.array([P[1] / det, P[0] / det])
    b = np.array([b1, b2])
    mean = b @ weight
    gap = b - mean[:, None]
    var = (V + gap**2) @ weight
    joint = float(weight @ (gap[0] * gap[1] - P12 / det))
    margins = (cube.sum(axis=(1, 2)), cube.sum(axis=(0, 2)), cube.sum(axis=(0, 1)))
    evidence = top + math.log(mass)
    return _Nodes(weight, (one, two), b, V, margins, evidence, mean, np.sqrt(var), joint / math.sqrt(var[0] * var[1]))


def _edges(prior: TauPrior, scale: float) -> FloatArray:
    """Return the panels over one τ, to where its prior ends."""
    far = min(float(prior.quantile(1.0 - _TAIL)), prior.upper)
    steps = scale * _PANELS
    while steps[-1] < far and steps.size < 40:
        steps = np.append(steps, 2.0 * steps[-1])
    inside = steps[steps < 0.9 * far]
    return np.append(inside, far)


def _two(name: str, given: object) -> tuple[str, str]:
    """Return two different names."""
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != 2 or given[0] == given[1]:
        raise OptionError(f"{name}={shown(given)} · give the two outcomes, for example {name}=('FEV1', 'FVC')")
    first, second = (str(x) for x in given)
    return first, second


def _pair(given: object) -> list[Any]:
    """Return one prior twice, or the two given."""
    if isinstance(given, Sequence) and not isinstance(given, str):
        if len(given) != 2:
            raise OptionError(f"{len(given)} priors · give one for both outcomes, or two")
        return list(given)
    return [given, given]


def _rows(
    frame: object, columns: Mapping[str, object], outcomes: tuple[str, str]
) -> dict[tuple[str, str], tuple[float, float]]:
    """Return (study, outcome) → (estimate, standard error)."""
    import pandas as pd

    if not isinstance(frame, pd.DataFrame):
        raise OptionError(f"bivariate takes a DataFrame, got {shown(frame)} · give one row an estimate")
    for given in columns.values():
        if not isinstance(given, str) or given not in frame.columns:
            raise UnknownName(
                "column", given if isinstance(given, str) else shown(given), list(map(str, frame.columns))
            )
    estimates, errors = (floats(frame[columns[name]], str(columns[name]), "give numbers") for name in ("yi", "sei"))
    out: dict[tuple[str, str], tuple[float, float]] = {}
    names = (names_of(frame[columns[name]], str(columns[name]), len(frame)) for name in ("study", "outcome"))
    pairs = zip(*names, strict=True)
    for i, (study, name) in enumerate(pairs):
        if name not in outcomes:
            continue
        if not (np.isfinite(estimates[i]) and np.isfinite(errors[i]) and errors[i] > 0.0):
            raise InputError(
                f"{study}, {name}: estimate {estimates[i]:g} with standard error {errors[i]:g}"
                " · give finite estimates with positive standard errors, or leave the row out"
            )
        if (study, name) in out:
            raise DependentRows(f"{study} has two rows of {name} · keep one")
        out[study, name] = (float(estimates[i]), float(errors[i]))
    for wanted in outcomes:
        if not any(name == wanted for _, name in out):
            raise TooFewStudies(f"the outcome {wanted}", 0, 1, f"column {columns['outcome']} has no such row")
    return out
