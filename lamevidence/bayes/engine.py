"""What stands behind every posterior: an engine with its answers, and the true effects of the rows by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..effects.measures.base import FloatArray
from ..foundation.errors import UnknownName
from .exact.distributions import Distribution

__all__ = ["Engine", "StudyEffects"]


class Engine(Protocol):
    """What an engine keeps behind a posterior."""

    @property
    def log_marginal(self) -> float:
        """Log marginal likelihood, up to the constants of improper priors."""

    @property
    def tau(self) -> Distribution:
        """Posterior of τ."""

    def theta(self, i: int) -> Distribution:
        """Posterior of the true effect of row ``i``."""

    def at(self, x: FloatArray, *, new: bool = False, extra: float = 0.0) -> Distribution:
        """Posterior of x'β, of a new study there, plus normal noise of variance ``extra``."""

    def average(self, link: str) -> Distribution:
        """Posterior of E{back(θ)} over studies, of one mean on this link scale."""

    def covariance(self) -> FloatArray:
        """Covariance of the coefficients, (p, p)."""

    def mean_weights(self) -> FloatArray | None:
        """Mean weights of the rows, then of the prior, in the mean effect, (k + 1,); None where there are none."""

    def draw(self, rng: np.random.Generator, size: int, *, effects: bool = True) -> Mapping[str, FloatArray]:
        """Joint draws: ``tau`` (n,), ``beta`` (n, p) and, with ``effects``, ``theta`` (n, k)."""

    def log_likelihood(self, tau: FloatArray, beta: FloatArray) -> FloatArray:
        """Log density of each row with its own effect integrated out, (n, k)."""

    def log_bayes_factor(self, name: str, value: float) -> float:
        """Log Bayes factor in favour of ``name = value``."""


class _UnknownRow(UnknownName, KeyError):
    """A mapping raises `KeyError`; this one says its message as it is."""

    __str__ = Exception.__str__


@dataclass(frozen=True, slots=True, eq=False)
class StudyEffects(Mapping[str, Distribution]):
    """True effect of each row: by its label, or by its study id when that names one row."""

    labels: tuple[str, ...]
    studies: tuple[str, ...]
    make: Callable[[int], Distribution]

    def __getitem__(self, key: str) -> Distribution:
        if isinstance(key, str) and key in self.labels:
            return self.make(self.labels.index(key))
        rows = [i for i, s in enumerate(self.studies) if isinstance(key, str) and s == key]
        if len(rows) == 1:
            return self.make(rows[0])
        raise _UnknownRow("row of this result", key, self.labels)

    def __iter__(self) -> Iterator[str]:
        return iter(self.labels)

    def __len__(self) -> int:
        return len(self.labels)
