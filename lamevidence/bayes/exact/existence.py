"""Which posteriors are proper and which moments exist: decided from exponents, never from how an integral looks.

For p(τ) ~ τ^-a at infinity the posterior of τ falls like τ^-A with A = k − f + a, f the number of flat coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...foundation.errors import ImproperPosterior
from ..priors.base import TauPrior

__all__ = ["Existence", "existence"]


@dataclass(frozen=True, slots=True)
class Existence:
    """What exists: moments of τ, of effects under a flat prior, and the reasons.

    Attributes
    ----------
    exponent
        A in p(τ | y) ~ τ^-A.
    tau_moments
        Highest moment of τ that exists: 0, 1 or 2.
    """

    exponent: float
    tau_moments: int
    flat: int

    @property
    def note(self) -> str:
        """Why a moment does not exist; empty when mean and sd of τ and of a new study exist."""
        if self.tau_moments == 2:
            return ""
        which = "the standard deviation does" if self.tau_moments == 1 else "mean and standard deviation do"
        return f"{which} not exist: the posterior of τ falls like τ^-{self.exponent:g}"


def existence(prior: TauPrior, k: int, flat: int) -> Existence:
    """Return which moments exist for ``k`` studies and ``flat`` coefficients with a flat prior.

    Raises
    ------
    ImproperPosterior
        The posterior of τ does not integrate.
    """

    def integrable(a: float) -> bool:
        return a > 1.0 or (a == 1.0 and prior.log_tail > 1.0)

    exponent = k - flat + prior.tail
    if k < flat or not integrable(exponent):
        remedy = "a proper prior for τ, such as HalfNormal" if k >= flat else "a proper prior for μ"
        raise ImproperPosterior(
            f"{k} {'study' if k == 1 else 'studies'}, "
            f"{flat} flat coefficient{'s' if flat != 1 else ''} and τ ~ {prior!r}: "
            f"the posterior of τ falls like τ^-{exponent:g} and does not integrate · give {remedy}"
        )
    moments = 2 if integrable(exponent - 2) else 1 if integrable(exponent - 1) else 0
    return Existence(exponent, moments, flat)
