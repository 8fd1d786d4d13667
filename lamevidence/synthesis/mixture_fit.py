"""The mixture of k components that is nearest to a distribution: maximises E log q under it, from several starts.

The law is given on nodes with probabilities, standardised; a quasi-Newton method descends from starts that split it by
place or by width. What is minimised is the Kullback-Leibler divergence E log p/q.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, special

from ..bayes.exact.distributions import Distribution
from ..bayes.priors.mixture_priors import MixtureOfBetas, MixtureOfGammas, MixtureOfNormals
from ..effects.measures.base import FloatArray

__all__ = ["Mixture", "Nodes", "divergence", "nearest_mixture", "nodes_of"]

Mixture = MixtureOfNormals | MixtureOfBetas | MixtureOfGammas

_NODES, _SHARES = np.polynomial.legendre.leggauss(16)
_PIECES = np.concatenate(
    [np.geomspace(1e-10, 0.02, 17), np.linspace(0.04, 0.96, 24), 1.0 - np.geomspace(0.02, 1e-10, 17)]
)


@dataclass(frozen=True, slots=True, eq=False)
class Nodes:
    """A distribution on nodes: places (n,), their probabilities and log density."""

    x: FloatArray
    share: FloatArray
    log: FloatArray


def nodes_of(law: Distribution) -> Nodes:
    """Return Gauss-Legendre nodes between quantiles of a distribution, with their probabilities."""
    edges = np.asarray(law.quantile(_PIECES), dtype=np.float64)
    half, middle = 0.5 * np.diff(edges), 0.5 * (edges[1:] + edges[:-1])
    x = (middle[:, None] + half[:, None] * _NODES).ravel()
    density = np.asarray(law.pdf(x), dtype=np.float64)
    share = density * (half[:, None] * _SHARES).ravel()
    keep = share > 0.0
    x, density, share = x[keep], density[keep], share[keep]
    return Nodes(x, share / share.sum(), np.log(density))


def divergence(nodes: Nodes, mixture: Mixture) -> float:
    """Return E log p/q of the mixture q from the law p on nodes."""
    return float(nodes.share @ (nodes.log - mixture.logpdf(nodes.x)))


def nearest_mixture(nodes: Nodes, kind: type[Mixture], size: int, unit: str | None) -> Mixture:
    """Return the mixture of ``size`` components with the least divergence found from several starts."""
    mean = float(nodes.share @ nodes.x)
    scale = float(np.sqrt(nodes.share @ (nodes.x - mean) ** 2))
    # in units of its own: normals by centre and width, gammas by their mean, betas as they are
    shift, factor = (mean, scale) if kind is MixtureOfNormals else (0.0, mean if kind is MixtureOfGammas else 1.0)
    x = (nodes.x - shift) / factor
    found = [_descend(x, nodes.share, kind, start) for start in _starts(x, nodes.share, kind, size)]
    weight, first, second = _read(kind, min(found, key=lambda pair: pair[0])[1], size)
    if kind is MixtureOfNormals:
        first, second = shift + factor * first, factor * second
    elif kind is MixtureOfGammas:
        second = second / factor
    order = np.argsort(-weight)
    one, two, three = (tuple(float(x) for x in column[order]) for column in (weight, first, second))
    return kind(one, two, three, unit)


def _starts(x: FloatArray, share: FloatArray, kind: type[Mixture], size: int) -> list[FloatArray]:
    """Return free numbers to start from: the law cut by place, and by width around its middle."""
    mean = float(share @ x)
    sd = float(np.sqrt(share @ (x - mean) ** 2))
    below = np.cumsum(share)
    cuts: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    if size > 1:
        slices = [(below > j / size) & (below <= (j + 1) / size) for j in range(size)]
        places = np.asarray(np.array([share[part] @ x[part] / share[part].sum() for part in slices]), dtype=np.float64)
        cuts.append((np.full(size, 1.0 / size), places, np.full(size, sd / size)))
    core = float(np.interp(0.84, below, x) - np.interp(0.16, below, x)) / 2.0
    for spread in (1.4, 2.0, 3.0) if size > 1 else (1.0,):
        width: FloatArray = np.asarray(core * 0.8 * spread ** np.arange(size), dtype=np.float64)
        for tilt in (0.0, -0.15, 0.15) if size > 1 else (0.0,):
            weight: FloatArray = np.asarray(0.6 ** np.arange(size), dtype=np.float64)
            cuts.append((weight / weight.sum(), mean + tilt * (width - width[0]), width))
    return [_free(kind, *cut) for cut in cuts]


def _free(kind: type[Mixture], weight: FloatArray, place: FloatArray, width: FloatArray) -> FloatArray:
    """Return the free numbers of components with these places and widths."""
    logit = np.log(weight[1:] / weight[0])
    if kind is MixtureOfNormals:
        return np.concatenate([logit, place, np.log(width)])
    if kind is MixtureOfBetas:
        place = np.clip(place, 1e-6, 1.0 - 1e-6)
        worth = np.maximum(place * (1.0 - place) / width**2 - 1.0, 0.2)
        return np.concatenate([logit, np.log(place * worth), np.log((1.0 - place) * worth)])
    place = np.maximum(place, 1e-3 * float(width[0]))
    return np.concatenate([logit, np.log((place / width) ** 2), np.log(place / width**2)])


def _read(kind: type[Mixture], free: FloatArray, size: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weights and parameters from free numbers: logits; places or log shapes; log scales or log shapes."""
    weight = special.softmax(np.concatenate([[0.0], free[: size - 1]]))
    first, second = free[size - 1 : 2 * size - 1], free[2 * size - 1 :]
    return weight, first if kind is MixtureOfNormals else np.exp(first), np.exp(second)


def _parts(kind: type[Mixture], x: FloatArray, first: FloatArray, second: FloatArray) -> tuple[FloatArray, ...]:
    """Log density of each component (n, m), and its derivatives in the free numbers."""
    x = x[:, None]
    if kind is MixtureOfNormals:
        z = (x - first) / second
        return -0.5 * z * z - np.log(second) - 0.5 * np.log(2 * np.pi), z / second, z * z - 1.0
    if kind is MixtureOfBetas:
        up, down = np.log(x), np.log1p(-x)
        both = special.digamma(first + second)
        log = (first - 1) * up + (second - 1) * down - special.betaln(first, second)
        return log, first * (up - special.digamma(first) + both), second * (down - special.digamma(second) + both)
    log = (first - 1) * np.log(x) - second * x + first * np.log(second) - special.gammaln(first)
    return log, first * (np.log(x) + np.log(second) - special.digamma(first)), first - second * x


def _descend(x: FloatArray, mass: FloatArray, kind: type[Mixture], start: FloatArray) -> tuple[float, FloatArray]:
    """Return the least −E log q from this start and where it is."""
    size = (start.size + 1) // 3

    def value(free: FloatArray) -> tuple[float, FloatArray]:
        weight, first, second = _read(kind, free, size)
        log, by_first, by_second = _parts(kind, x, first, second)
        total = special.logsumexp(log, axis=1, b=weight)
        share = mass[:, None] * np.exp(log + np.log(np.maximum(weight, 1e-300)) - total[:, None])
        slope = np.concatenate([(share.sum(0) - weight)[1:], (share * by_first).sum(0), (share * by_second).sum(0)])
        return -float(mass @ total), -slope

    wide = np.concatenate(
        [np.full(size - 1, 15.0), np.full(size, 60.0 if kind is MixtureOfNormals else 14.0), np.full(size, 14.0)]
    )
    least = -wide
    # shapes of at least 1: the information of a density that is infinite at an end is infinite
    if kind is not MixtureOfNormals:
        least[size - 1 : 2 * size - 1] = 0.0
    if kind is MixtureOfBetas:
        least[2 * size - 1 :] = 0.0
    start = np.clip(start, least, wide)
    with np.errstate(over="ignore", invalid="ignore", under="ignore", divide="ignore"):
        done = optimize.minimize(
            value, start, jac=True, method="L-BFGS-B", bounds=np.column_stack([least, wide]),
            options={"maxiter": 4000, "maxfun": 8000, "ftol": 1e-15, "gtol": 1e-10, "maxcor": 30},
        )  # fmt: skip
    return float(done.fun), np.asarray(done.x)
