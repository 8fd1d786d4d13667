"""Numbers behind diagnostic plots: radial, Baujat, normal quantiles, all subsets, likelihood profile."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from ..effects.given_numbers import finite
from ..effects.measures.base import FloatArray
from ..errors import InputError, OptionError
from ..options import a_choice, a_seed, a_whole
from ..pooling.intervals import quantile
from ..pooling.kernels import Projection
from ..pooling.likelihood import log_likelihood
from .deletions import deletions
from .influence import residual_columns
from .refits import Fit, Mask, Source, refit, source_of
from .tables import CheckTable

__all__ = ["baujat", "gosh", "likelihood_profile", "normal_quantiles", "radial"]

ALL_SUBSETS = 15
"""Up to this many studies all subsets are fitted when no number is given."""
MANY = 2_000_000


def radial(fit: Fit) -> CheckTable:
    """Return each study's standardised effect against its precision.

    x = 1/√(vᵢ + τ²), y = yᵢ/√(vᵢ + τ²): the slope of the line through the origin is the pooled effect.

    References
    ----------
    Galbraith 1988, doi:10.1002/sim.4780070807.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.4], [0.04, 0.01])
    >>> lam.radial(lam.pool(table, model="common"))["x"].tolist()
    [5.0, 10.0]
    """
    source = source_of(fit, "a radial plot")
    if source.X is not None:
        raise OptionError("a radial plot is for models without moderators · leave moderators out")
    vi = source.table.vi[source.rows] + source.t * source.scale**2
    x = 1 / np.sqrt(vi)
    columns = {"label": source.labels, "x": x, "y": source.table.yi[source.rows] * x}
    return CheckTable("Radial plot", columns, f"Precision and standardised effect of {source.k} studies.")


def baujat(fit: Fit) -> CheckTable:
    """Return each study's contribution to heterogeneity, and its influence on the result.

    ``q`` is the squared Pearson residual (yᵢ − ŷᵢ)²/(vᵢ + τ²); ``influence`` the squared change of the study's fitted
    value when it is left out, over the variance of that fitted value without it.

    References
    ----------
    Baujat et al. 2002, doi:10.1002/sim.1221.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], [0.03, 0.03, 0.05, 0.01])
    >>> lam.baujat(lam.pool(table, model="common"))["q"].round(2).tolist()
    [4.25, 0.82, 0.23, 3.72]
    """
    source = source_of(fit, "a Baujat plot", needed=3)
    without = deletions(source)
    pearson = residual_columns(source, without)["pearson"]
    whole = Projection(1 / (source.v + source.t), source.X).coefficients(source.y)
    change = np.einsum("ij,ij->i", source.design, whole - without.basis)
    spread = np.einsum("ij,ijk,ik->i", source.design, without.basis_cov, source.design) * without.factor
    columns = {"label": source.labels, "q": pearson**2, "influence": change**2 / spread}
    at = int(np.argmax(columns["q"]))
    return CheckTable("Baujat plot", columns, f"{source.labels[at]} contributes most to the heterogeneity.")


def normal_quantiles(fit: Fit, residual: str = "standardized") -> CheckTable:
    """Return residuals and the normal quantiles they should follow, in the order of the studies.

    Parameters
    ----------
    fit
        A result of `lamevidence.pool` for estimates and variances.
    residual
        ``standardized`` or ``studentized`` (deleted).

    Notes
    -----
    The quantiles are at (rank − a)/(k + 1 − 2a), a = 3/8 up to ten studies and 1/2 beyond.

    References
    ----------
    Wang & Bushman 1998, doi:10.1037/1082-989X.3.1.46.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], [0.03, 0.03, 0.05, 0.01])
    >>> lam.normal_quantiles(lam.pool(table, model="common"))["x"].round(2).tolist()
    [-1.05, -0.3, 0.3, 1.05]
    """
    a_choice("residual", residual, ("standardized", "studentized"))
    source = source_of(fit, "a normal quantile plot", needed=2 if residual == "standardized" else 3)
    found = residual_columns(source, deletions(source))[residual]
    good = np.isfinite(found)
    y = found[good]
    rank = np.empty(y.size)
    rank[np.argsort(y, kind="stable")] = np.arange(1, y.size + 1)
    shift = 0.375 if y.size <= 10 else 0.5
    x = special.ndtri((rank - shift) / (y.size + 1 - 2 * shift))
    labels = tuple(label for label, keep in zip(source.labels, good, strict=True) if keep)
    columns = {"label": labels, "x": np.asarray(x), "y": y}
    return CheckTable("Normal quantile plot", columns, f"{residual.capitalize()} residuals of {y.size} studies.")


def gosh(fit: Fit, subsets: int | None = None, seed: int | None = None) -> CheckTable:
    """Fit the model to subsets of the studies: all of them, or a random sample.

    Parameters
    ----------
    fit
        A result of `lamevidence.pool` for estimates and variances, without moderators.
    subsets
        How many random subsets of at least two studies; all 2ᵏ − 1 when left out (k ≤ 15).
    seed
        Seed of the sample; needed with ``subsets``.

    Returns
    -------
    CheckTable
        One row a subset: ``k``, ``estimate``, ``tau2``, ``q``, ``i2``, ``h2``, and ``included`` (m, k); I² and H² come
        from Q for a common effect and DerSimonian and Laird's τ², from τ² otherwise; they and τ² are nan for single
        studies.

    References
    ----------
    Olkin, Dahabreh & Trikalinos 2012, doi:10.1002/jrsm.1053.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], [0.03, 0.03, 0.05, 0.01])
    >>> len(lam.gosh(lam.pool(table, model="common")))
    15
    """
    source = source_of(fit, "a GOSH analysis", needed=3)
    if source.X is not None:
        raise OptionError("a GOSH analysis is for models without moderators · leave moderators out")
    masks = _subsets(source, subsets, seed)
    found = refit(source, masks)
    _, i2, h2 = found.heterogeneity(1, common=source.method in ("none", "DL"))
    columns = {
        "k": found.k,
        "estimate": found.beta[:, 0],
        "tau2": found.tau2,
        "q": found.q,
        "i2": i2,
        "h2": h2,
        "included": list(masks),
    }
    low, high = float(found.beta.min()), float(found.beta.max())
    kind = "all" if subsets is None else "random"
    return CheckTable(
        "GOSH", columns, f"Estimates of {len(masks)} subsets ({kind}) lie between {low:.4g} and {high:.4g}."
    )


def _subsets(source: Source, subsets: int | None, seed: int | None) -> Mask:
    if subsets is None:
        if source.k > ALL_SUBSETS:
            raise OptionError(f"{source.k} studies have 2^{source.k} subsets · give subsets=10000 and a seed")
        if seed is not None:
            raise OptionError("seed has no effect when all subsets are fitted · leave it out, or give subsets")
        codes = np.arange(1, 2**source.k)
        masks = (codes[:, None] >> np.arange(source.k)) & 1 == 1
        return np.asarray(masks)
    subsets, seed = a_whole("subsets", subsets, 1, MANY), a_seed(seed)
    if seed is None:
        raise OptionError("give a seed, so that the random subsets can be drawn again")
    random = np.random.default_rng(seed)
    sizes = random.integers(2, source.k + 1, size=subsets)
    order = random.random((subsets, source.k)).argsort(axis=1).argsort(axis=1)
    return np.asarray(order < sizes[:, None])


def likelihood_profile(fit: Fit, tau2: ArrayLike) -> CheckTable:
    """Return the (restricted) log-likelihood and the coefficients at given values of τ².

    Parameters
    ----------
    fit
        A result of `lamevidence.pool` with tau2="ML" or "REML".
    tau2
        Values ≥ 0 in squared units of yi.

    Returns
    -------
    CheckTable
        ``tau2``, ``tau``, ``log_likelihood``, and for each coefficient its estimate and interval (``<name>``,
        ``<name>_low``, ``<name>_high``).

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], [0.03, 0.03, 0.05, 0.01])
    >>> profile = lam.likelihood_profile(lam.pool(table, tau2="ML"), [0.0, 0.01, 0.1])
    >>> int(profile["log_likelihood"].argmax())
    1
    """
    source = source_of(fit, "a likelihood profile", needed=2)
    if source.method not in ("ML", "REML"):
        raise OptionError(f"tau2={source.method!r} does not maximise a likelihood · use tau2='ML' or 'REML'")
    values = np.atleast_1d(finite(tau2, "tau2", "give finite numbers ≥ 0", least=0))
    if values.ndim != 1:
        raise InputError("tau2 must be finite numbers ≥ 0")
    rows = [_at(source, t) for t in values / source.scale**2]
    table = np.array(rows)
    columns: dict[str, FloatArray] = {"tau2": values, "tau": np.sqrt(values), "log_likelihood": table[:, 0]}
    for i, name in enumerate(source.names):
        columns[name], columns[f"{name}_low"], columns[f"{name}_high"] = table[:, 1 + 3 * i : 4 + 3 * i].T
    best = float(values[int(np.argmax(table[:, 0]))])
    return CheckTable("Profile of the likelihood", columns, f"Highest of these at τ² = {best:.4g}.")


def _at(source: Source, t: float) -> list[float]:
    """Return log-likelihood, then estimate and bounds of every coefficient."""
    restricted = source.method == "REML"
    own = Projection(1 / (source.v + t), source.design)
    b = own.coefficients(source.y)
    r = source.y - source.design @ b
    value = log_likelihood(source.y, source.v, t, source.design, restricted=restricted, residuals=r)
    size = source.k - source.p if restricted else source.k
    factor = source.variance_factor(np.array([float((own.w * r) @ r) / (source.k - source.p)]))[0]
    estimate = source.scale * source.back @ b + source.shift
    se = source.scale * np.sqrt(factor * np.diag(source.back @ own.G @ source.back.T))
    half = quantile(source.level, float(source.df(np.array([source.k]))[0])) * se
    out = [value - size * float(np.log(source.scale))]
    for e, h in zip(estimate, half, strict=True):
        out += [float(e), float(e - h), float(e + h)]
    return out
