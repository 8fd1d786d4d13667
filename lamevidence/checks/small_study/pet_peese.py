"""PET-PEESE: the effect of an infinitely precise study, by regression on the standard error or the variance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...foundation.errors import NotEstimable
from ...foundation.values import Interval
from ...pooling.inverse_variance.intervals import quantile, two_sided
from ...results.contract import Result
from ..check_result import CheckResult
from ..studies import REPORT, estimates_of, mean_only
from .tests import SmallStudyTest, small_study_test

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PetPeese", "pet_peese"]

ALPHA = 0.10
"""Two-sided level of PET's intercept from which PEESE is reported (one-sided 0.05)."""


@dataclass(frozen=True, slots=True, repr=False)
class PetPeese(CheckResult):
    """Both limit estimates and the one that the conditional rule chooses.

    Attributes
    ----------
    pet, peese
        Regressions on the standard error and on the variance; ``limit`` and ``limit_interval`` are the estimates.
    pet_p
        Two-sided p value of PET's intercept.
    chosen
        ``PET`` or ``PEESE``.
    """

    pet: SmallStudyTest
    peese: SmallStudyTest
    pet_p: float
    chosen: str
    notes: tuple[str, ...]

    @property
    def estimate(self) -> float:
        """The chosen limit estimate."""
        return (self.peese if self.chosen == "PEESE" else self.pet).limit

    @property
    def interval(self) -> Interval:
        """Its interval."""
        found = (self.peese if self.chosen == "PEESE" else self.pet).limit_interval
        assert found is not None
        return found

    def to_frame(self) -> pd.DataFrame:
        """Return one row a regression."""
        import pandas as pd

        return pd.concat([self.pet.to_frame(), self.peese.to_frame()], ignore_index=True).assign(
            method=["PET", "PEESE"]
        )

    def summary(self) -> pd.DataFrame:
        """Return one row a regression."""
        return self.to_frame().set_index("method")

    def _sentence(self) -> str:
        low, high = self.interval
        limit = f"limit estimate {self.estimate:.4g} ({low:.4g} to {high:.4g})"
        return f"{self.chosen}: {limit}; PET's intercept P = {self.pet_p:.3g}."


def pet_peese(fit: Result) -> PetPeese:
    """Return the precision-effect test and the precision-effect estimate with standard error.

    Weighted regressions with estimated dispersion of yᵢ on √vᵢ (PET) and on vᵢ (PEESE); PEESE is chosen where PET's
    intercept differs from 0 at the one-sided 5% level.

    Parameters
    ----------
    fit
        A fitted result of any model of independent rows, without moderators. The regressions look at its rows; those
        without a variance are left out, and the notes name them.

    Returns
    -------
    PetPeese
        Both regressions, and which of them the rule chooses.

    Raises
    ------
    OptionError
        A model with moderators.
    TooFewStudies, NotEstimable
        Fewer than three studies; all studies of one size.

    See Also
    --------
    egger_test : The test of the same regression.

    References
    ----------
    Stanley & Doucouliagos 2014, doi:10.1002/jrsm.1095.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65, 0.9], vi=[0.01, 0.02, 0.02, 0.05, 0.09])
    >>> lam.checks.pet_peese(lam.pool(table)).chosen
    'PEESE'
    """
    rows = estimates_of(fit, "PET-PEESE", needed=3)
    if np.ptp(rows.v) <= 1e-9 * rows.v.max():
        raise NotEstimable(f"all studies are of one precision: asymmetry cannot be seen · {REPORT}")
    mean_only(rows, fit, "PET-PEESE")
    pet, peese = (small_study_test(fit, "egger-lm", predictor=name) for name in ("sei", "vi"))
    interval = pet.limit_interval
    assert interval is not None  # there are no moderators
    se = interval.width / 2 / quantile(fit.level, pet.df)
    p = two_sided(pet.limit / se, pet.df) if se > 0 else math.nan
    return PetPeese(pet, peese, p, "PEESE" if p < ALPHA else "PET", pet.notes)
