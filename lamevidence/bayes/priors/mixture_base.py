"""What every mixture prior answers: density, quantiles, expectations, text."""

from __future__ import annotations

import json
from abc import abstractmethod
from dataclasses import fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ...effects.given_numbers import floats
from ...effects.measures.base import FloatArray
from ...foundation.errors import InputError
from ...foundation.options import shown
from ...foundation.units import a_unit
from ..exact.distributions import Distribution
from ..exact.inversion import invert

__all__ = ["ESS_KINDS", "MixturePrior", "posterior_weights"]

ESS_KINDS = ("elir", "moment", "morita")
_SUMS_TO_ONE = 1e-9
_NEGLIGIBLE = 1e-15
_ROOT_2PI = float(np.sqrt(2.0 * np.pi))
_INNER, _INNER_SHARE = np.polynomial.legendre.leggauss(40)
_LADDER = np.concatenate(
    [np.geomspace(1e-13, 1e-3, 21), np.linspace(2e-3, 0.998, 61), 1 - np.geomspace(1e-3, 1e-13, 21)]
)
"""Probabilities at whose quantiles the pieces of an integral over a component meet."""


def _numbers(name: str, given: object) -> tuple[float, ...]:
    """Return the numbers of one field as a tuple."""
    found = floats(given, name, "give one number a component")  # type: ignore[arg-type]
    found = np.atleast_1d(found)
    if found.ndim != 1 or found.size == 0 or not np.isfinite(found).all():
        raise InputError(
            f"{name}={shown(given)} · give one finite number a component, for example ({name}_1, {name}_2)"
        )
    return tuple(float(x) for x in found)


def posterior_weights(log: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the weights of components from their logarithms, and which components are kept."""
    share = np.exp(log - special.logsumexp(log))
    keep = share > _NEGLIGIBLE
    return np.asarray(share[keep] / share[keep].sum()), keep


class MixturePrior(Distribution):
    """What every mixture prior answers: density, update by data, how many patients it is worth, its text."""

    __slots__ = ()

    kind: ClassVar[str]
    _pair: ClassVar[tuple[str, str]]
    """Names of the two fields that every component has."""

    weight: tuple[float, ...]

    def _check(self) -> None:
        weight = _numbers("weight", self.weight)
        first, second = (_numbers(name, getattr(self, name)) for name in self._pair)
        if not len(weight) == len(first) == len(second):
            raise InputError(
                f"{type(self).__name__} has {len(weight)} weights, {len(first)} {self._pair[0]} and {len(second)}"
                f" {self._pair[1]} · give one of each a component"
            )
        if min(weight) <= 0.0 or abs(sum(weight) - 1.0) > _SUMS_TO_ONE:
            raise InputError(
                f"weight={shown(weight)} · weights are positive and sum to 1: divide them by {sum(weight):.9g}"
            )
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, self._pair[0], first)
        object.__setattr__(self, self._pair[1], second)
        a_unit(self.unit)

    @property
    def size(self) -> int:
        """Number of components."""
        return len(self.weight)

    def _columns(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        first, second = (np.array(getattr(self, name)) for name in self._pair)
        return np.array(self.weight), first, second

    @abstractmethod
    def _log_parts(self, x: FloatArray) -> FloatArray:
        """Log density of each component at ``x`` (…,) → (…, m)."""

    @abstractmethod
    def _slopes(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """First and second derivative of the log density of each component, (…, m)."""

    @abstractmethod
    def _below(self, x: FloatArray) -> FloatArray:
        """Distribution function of each component, (…, m)."""

    @abstractmethod
    def _part_quantile(self, p: FloatArray) -> FloatArray:
        """Quantiles of each component at ``p`` (n,), (n, m)."""

    @abstractmethod
    def _moments(self) -> tuple[FloatArray, FloatArray]:
        """Mean and variance of each component."""

    @property
    def mean(self) -> float:
        """Σ wⱼ meanⱼ."""
        return float(np.array(self.weight) @ self._moments()[0])

    @property
    def sd(self) -> float:
        """Root of Σ wⱼ (varⱼ + (meanⱼ − mean)²)."""
        mean, variance = self._moments()
        return float(np.sqrt(np.array(self.weight) @ (variance + (mean - self.mean) ** 2)))

    def logpdf(self, x: FloatArray) -> FloatArray:
        """Log density."""
        return np.asarray(
            special.logsumexp(self._log_parts(np.asarray(x, dtype=float)), axis=-1, b=np.array(self.weight))
        )

    def _pdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(np.exp(self._log_parts(x)) @ np.array(self.weight))

    def _cdf(self, x: FloatArray) -> FloatArray:
        return np.asarray(self._below(x) @ np.array(self.weight))

    def _quantile(self, p: FloatArray) -> FloatArray:
        parts = self._part_quantile(p.ravel())
        start = parts @ np.array(self.weight)
        spread = self.sd if np.isfinite(self.sd) else 1.0
        found = invert(
            lambda x: (self._cdf(x), self._pdf(x)), p.ravel(), parts.min(axis=1), parts.max(axis=1), start, spread
        )
        return found.reshape(p.shape)

    def _expect(self, value: Any) -> float:
        """E value(x) under the mixture: Gauss-Legendre between quantiles of every component."""
        edges = np.unique(self._edges())
        half, middle = 0.5 * np.diff(edges), 0.5 * (edges[1:] + edges[:-1])
        x = middle[:, None] + half[:, None] * _INNER
        return float(np.sum(self._pdf(x) * value(x) * half[:, None] * _INNER_SHARE))

    def _edges(self) -> FloatArray:
        """Where the pieces of an integral over every component meet."""
        edges = self._part_quantile(_LADDER)
        return np.asarray(edges[np.isfinite(edges)])

    def _information(self, x: FloatArray) -> FloatArray:
        """−(log p)'' of the mixture."""
        log = self._log_parts(x)
        share = np.exp(log - special.logsumexp(log, axis=-1, b=np.array(self.weight))[..., None]) * np.array(
            self.weight
        )
        first, second = self._slopes(x)
        mean = (share * first).sum(axis=-1)
        return np.asarray(mean**2 - (share * (second + first**2)).sum(axis=-1))

    def to_json(self) -> str:
        """Return the prior as JSON text, which `load_mixture` reads.

        Examples
        --------
        >>> from lamevidence.priors import MixtureOfBetas, load_mixture
        >>> load_mixture(MixtureOfBetas((1,), (2,), (3,)).to_json())
        MixtureOfBetas((1,), (2,), (3,))
        """
        return json.dumps({"mixture": self.kind, **{f.name: getattr(self, f.name) for f in fields(self)}})  # type: ignore[arg-type]

    def __repr__(self) -> str:
        given = ", ".join(
            "(" + "".join(f"{x:.6g}, " for x in column).rstrip(" " if self.size == 1 else ", ") + ")"
            for column in (self.weight, *(getattr(self, name) for name in self._pair))
        )
        unit = f", unit={self.unit!r}" if self.unit else ""
        return f"{type(self).__name__}({given}{unit})"

    def describe(self) -> str:
        """The prior in words."""
        low, high = self.interval(0.95)
        unit = f" {self.unit}" if self.unit else ""
        name = {"normals": "μ", "betas": "p", "gammas": "λ"}[self.kind]
        return f"{name} ~ {self!r}: 95 % of the prior lies between {low:.3g} and {high:.3g}{unit}"
