"""Two outcomes of the same patients, such as FEV₁ and FVC slopes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...effects.evidence_table import EvidenceTable, a_table
from ...foundation.errors import InputError, OptionError, UnitMismatch
from ...foundation.options import a_number, a_text, shown
from ..evidence_checks import check_estimates, check_independent
from ..priors.prior_parsing import PriorLike
from .building import priors_for
from .prior_forms import add_mu, add_tau

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["bivariate"]


def bivariate(
    first: EvidenceTable,
    second: EvidenceTable,
    *,
    within: float,
    names: tuple[str, str] = ("first", "second"),
    mu: PriorLike | None = None,
    tau: PriorLike | None = None,
) -> pm.Model:
    """Return two outcomes pooled together, true effects integrated out, as a `pymc.Model`.

    yᵢ ~ N₂(μ, Sᵢ + T), Sᵢ with standard errors and the within-study correlation ``within``, T with τ₁, τ₂ and a uniform
    correlation ρ between studies.

    Parameters
    ----------
    first, second
        One table an outcome, with the same rows in the same order and the same unit.
    within
        Correlation of the two estimates of one study; it is seldom printed, so try several.
    names
        What the outcomes are called.
    mu, tau
        Priors of each outcome's mean and spread; the defaults when left out.

    Returns
    -------
    pymc.Model
        With ``study`` and ``outcome`` as dimensions, ``S`` as data, ``estimate`` observed.

    Raises
    ------
    InputError
        Different rows.
    UnitMismatch
        Different units.
    OptionError
        A correlation not strictly between −1 and 1, or names that are not two different ones.

    See Also
    --------
    normal_normal : one outcome.

    References
    ----------
    Riley 2009, doi:10.1111/j.1467-985X.2008.00593.x.

    Examples
    --------
    >>> import lamevidence as lam
    >>> fev1 = lam.EvidenceTable.from_estimates([1, 4], sei=[2, 3])
    >>> fvc = lam.EvidenceTable.from_estimates([3, 5], sei=[2, 4])
    >>> model = lam.models.bivariate(fev1, fvc, within=0.7, mu=lam.priors.Normal(0, 20), tau=lam.priors.HalfNormal(4))
    >>> [v.name for v in model.free_RVs]
    ['mu_first', 'mu_second', 'tau_first', 'tau_second', 'rho']
    """
    import pymc as pm

    for name, evidence in (("first", first), ("second", second)):
        a_table(evidence, name)
    within = a_number("within", within, above=-1, below=1)
    names = _pair(names)
    if first.labels != second.labels:
        raise InputError("the two tables need the same rows in the same order · use first.subset(…)")
    if first.unit != second.unit:
        raise UnitMismatch(f"the two outcomes are in {first.unit} and {second.unit} · convert one")
    effect, spread = priors_for(first, mu, tau)
    check_independent(second)
    y = np.column_stack([check_estimates(t)[0] for t in (first, second)])
    s = np.column_stack([first.sei, second.sei])
    sampling = s[:, :, None] * s[:, None, :] * np.array([[1.0, within], [within, 1.0]])
    coords = {"study": list(first.labels), "outcome": list(names), "other": list(names)}
    with pm.Model(coords=coords) as model:
        known = pm.Data("S", sampling, dims=("study", "outcome", "other"))
        mean = pm.Deterministic("mu", pm.math.stack([add_mu(f"mu_{n}", effect) for n in names]), dims="outcome")
        tables = zip(names, (first, second), strict=True)
        parts = [add_tau(f"tau_{n}", spread.resolve(table.vi)) for n, table in tables]
        sd = pm.Deterministic("tau", pm.math.stack(parts), dims="outcome")
        rho = pm.Uniform("rho", -1.0, 1.0)
        off = rho * sd[0] * sd[1]
        between = pm.math.stack([pm.math.stack([sd[0] ** 2, off]), pm.math.stack([off, sd[1] ** 2])])
        pm.CustomDist(
            "estimate",
            mean,
            known + between[None, :, :],
            dist=lambda mean, cov, size: pm.MvNormal.dist(mean, cov=cov, size=size),
            logp=pair_log_density,
            signature="(o),(o,o)->(o)",
            observed=y,
            dims=("study", "outcome"),
        )
    return model


def _pair(names: Any) -> tuple[str, str]:
    if not isinstance(names, tuple | list) or len(names) != 2:
        raise OptionError(f"names={shown(names)} is not a pair · give names=('FEV1', 'FVC')")
    first, second = (a_text("names", name).strip() for name in names)
    if not first or not second or first == second:
        raise OptionError(f"names={shown(names)} · give two different names, such as ('FEV1', 'FVC')")
    return first, second


def pair_log_density(value: Any, mean: Any, cov: Any) -> Any:
    """Log density of N₂(mean, cov) written out: a Cholesky factor takes a minute to compile."""
    import pymc as pm

    gap = value - mean
    a, b, c = cov[..., 0, 0], cov[..., 1, 1], cov[..., 0, 1]
    determinant = a * b - c * c
    quadratic = (b * gap[..., 0] ** 2 - 2 * c * gap[..., 0] * gap[..., 1] + a * gap[..., 1] ** 2) / determinant
    return -np.log(2 * np.pi) - 0.5 * pm.math.log(determinant) - 0.5 * quadratic
