"""Cluster wild bootstrap test of coefficients."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..effects.measures.base import FloatArray
from ..errors import NotEstimable, OptionError
from ..options import a_choice, a_seed, a_whole, an_instance, shown
from .robust import ClusterRobust
from .robust_sandwich import sandwich

__all__ = ["BootstrapTest", "wild_bootstrap"]

SIGNS = ("rademacher", "webb")
_WEBB = np.array([-(1.5**0.5), -1.0, -(0.5**0.5), 0.5**0.5, 1.0, 1.5**0.5])
TIE = 1e-9
MOST = 1_000_000
CHUNK = 2_000_000
"""Signs held in memory at a time."""


@dataclass(frozen=True, slots=True)
class BootstrapTest:
    """A bootstrap test: F statistic of the data, p value, replicates, and whether every sign pattern was used."""

    statistic: float
    p_value: float
    replicates: int
    exact: bool
    tested: tuple[str, ...]


def wild_bootstrap(
    robust: ClusterRobust, tested: Sequence[int | str] | None = None, *, replicates: int = 1999,
    seed: int | None = None, signs: str = "rademacher",
) -> BootstrapTest:
    """Return the cluster wild bootstrap test that some coefficients are 0.

    Residuals of the fit under the hypothesis are multiplied by one random sign a cluster, the model is refitted with
    its weights held, and the cluster-robust Wald statistic is compared with that of the data. With Rademacher signs and
    2^m ≤ ``replicates`` every pattern is used once: the test is then free of random numbers.

    Parameters
    ----------
    robust
        Result of `cluster_robust` (or ``.robust`` of `robust_variance`).
    tested
        Positions or names of coefficients; all by default.
    replicates
        Number of bootstrap samples, from 99 to a million.
    seed
        Of the random numbers; required unless all patterns are used.
    signs
        ``rademacher`` (±1) or ``webb`` (six values, for few clusters).

    Raises
    ------
    OptionError, UnknownName
        Options that do not apply.
    NotEstimable
        The robust covariance of the tested coefficients is singular.

    References
    ----------
    Joshi, Pustejovsky and Beretvas 2022, 10.1002/jrsm.1554; Webb 2023, 10.1111/caje.12661.

    Examples
    --------
    >>> from lamevidence import EvidenceTable, cluster_robust, multilevel, wild_bootstrap
    >>> table = EvidenceTable.from_estimates(
    ...     [0.1, 0.3, 0.2, 0.6, 0.5, 0.0], [0.04, 0.03, 0.05, 0.04, 0.02, 0.03], studies=list("aabbcc"))
    >>> test = wild_bootstrap(cluster_robust(multilevel(table), "study", kind="CR1"))
    >>> test.exact, test.replicates
    (True, 8)
    """
    an_instance("robust", robust, ClusterRobust, "make one with cluster_robust(fit, cluster)")
    a_choice("signs", signs, SIGNS)
    replicates = a_whole("replicates", replicates, 99, MOST)
    seed = a_seed(seed)
    names = robust.coefficients.names
    at = _positions(tested, names)
    m = robust.clusters
    exact = signs == "rademacher" and m < 60 and 2**m <= replicates
    if not exact and seed is None:
        raise OptionError("the bootstrap draws random signs · give seed=, any whole number, so that it can be repeated")
    if exact:
        draws = np.array(list(itertools.product((1.0, -1.0), repeat=m)))
    else:
        generator = np.random.default_rng(seed)
        draws = generator.choice(np.array([-1.0, 1.0]) if signs == "rademacher" else _WEBB, size=(replicates, m))
    observed, null = _under_null(robust, at)
    parts = np.array_split(draws, 1 + draws.size // CHUNK)
    statistics = np.concatenate([_statistics(part, null, at) for part in parts])
    beyond = int((statistics >= observed * (1 - TIE)).sum())
    p = beyond / draws.shape[0] if exact else (1 + beyond) / (1 + draws.shape[0])
    what = tuple(names[i] for i in at)
    return BootstrapTest(observed / robust.sandwich.factor, float(p), int(draws.shape[0]), exact, what)


def _positions(tested: Sequence[int | str] | None, names: tuple[str, ...]) -> list[int]:
    if tested is None:
        return list(range(len(names)))
    if not isinstance(tested, list | tuple):
        raise OptionError(f"tested={shown(tested)} · give a list of {', '.join(names)}, or of their positions")
    at = []
    for item in tested:
        if isinstance(item, str):
            at.append(names.index(a_choice("coefficient", item, names)))
        else:
            at.append(a_whole("position of a coefficient", item, 0, len(names) - 1))
    if not at or len(set(at)) != len(at):
        raise OptionError("tested must name at least one coefficient, each once")
    return at


@dataclass(frozen=True, slots=True, eq=False)
class _Null:
    """The fit under the hypothesis, by cluster: X'We (m, p), X'WAe (m, p), X'WAX (m, p, p); and C."""

    pulls: FloatArray
    scores: FloatArray
    slopes: FloatArray
    bread: FloatArray


def _under_null(robust: ClusterRobust, at: list[int]) -> tuple[float, _Null]:
    """Return F of the data without the factor of CR1, which cancels, and the fit under the hypothesis."""
    model, b = robust.model, robust.coefficients.estimate
    C = model.bread
    S = robust.sandwich.covariance[np.ix_(at, at)]
    if np.linalg.matrix_rank(S) < len(at):
        raise NotEstimable(f"{len(at)} coefficients cannot be tested jointly with {robust.clusters} clusters")
    shift = C[:, at] @ np.linalg.solve(C[np.ix_(at, at)], b[at])
    under = replace(model, residual=model.residual + model.X @ shift)
    made = sandwich(under, robust.kind)
    observed = float(b[at] @ np.linalg.solve(S, b[at])) / len(at) * robust.sandwich.factor
    return observed, _Null(sandwich(under, "CR0").scores, made.scores, made.slopes, C)


def _statistics(draws: FloatArray, null: _Null, at: list[int]) -> FloatArray:
    """Return F of every draw (B,); inf where its robust covariance is singular."""
    moved = (draws @ null.pulls) @ null.bread
    scores = draws[:, :, None] * null.scores - np.einsum("gij,bj->bgi", null.slopes, moved)
    projected = scores @ null.bread[:, at]
    S = np.swapaxes(projected, 1, 2) @ projected
    shift = moved[:, at]
    live = np.linalg.matrix_rank(S, hermitian=True) == len(at)
    F = np.full(draws.shape[0], np.inf)
    F[live] = np.einsum("bi,bi->b", shift[live], np.linalg.solve(S[live], shift[live][..., None])[..., 0]) / len(at)
    return F
