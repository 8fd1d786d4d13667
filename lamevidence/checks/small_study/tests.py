"""Do small studies show other effects than large ones? Regression and rank tests, with their usual caution."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ...effects.evidence_table import EvidenceTable
from ...effects.measures.base import FloatArray
from ...foundation.catalog import Catalog
from ...foundation.errors import NotEstimable, OptionError, TooFewStudies
from ...foundation.options import a_choice
from ...foundation.values import Interval
from ...pooling.api import pool
from ...pooling.inverse_variance.refits import Source
from ...results.contract import Result
from ..check_result import CheckResult
from ..studies import REPORT, Estimates, a_result, egger_remedy, estimates_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SMALL_STUDY_TESTS", "SmallStudyTest", "egger_test", "small_study_test"]

FEW = 10
"""Below this number of studies the tests have too little power to tell chance from asymmetry (Sterne 2011)."""
PREDICTORS = ("sei", "vi", "ni", "ninv", "sqrtni", "sqrtninv")
WITH_LIMIT = ("sei", "vi", "ninv", "sqrtninv")
"""Predictors that go to 0 for an infinitely large study: there the intercept is the limit estimate."""


@dataclass(frozen=True, slots=True, repr=False)
class SmallStudyTest(CheckResult):
    """A test of small-study effects.

    Attributes
    ----------
    method, title, reference
        Code, words, and where it is published.
    statistic, df, p_value
        z (df inf) or t statistic and two-sided p value; for exact rank tests the statistic is Kendall's τ.
    bias, bias_se
        Slope on the predictor of size (rank tests: the score), and its standard error.
    limit, limit_interval
        Effect of an infinitely large study, nan and None where the method has none.
    tau
        Kendall's rank correlation, nan for regression tests.
    k
        Studies used.
    notes
        Cautions; below ten studies they say that the test has little power.
    """

    method: str
    title: str
    reference: str
    statistic: float
    df: float
    p_value: float
    bias: float
    bias_se: float
    k: int
    limit: float = math.nan
    limit_interval: Interval | None = None
    tau: float = math.nan
    notes: tuple[str, ...] = ()

    def to_frame(self) -> pd.DataFrame:
        """Return one row."""
        import pandas as pd

        low, high = self.limit_interval or (math.nan, math.nan)
        return pd.DataFrame(
            [
                {
                    "method": self.method,
                    "k": self.k,
                    "statistic": self.statistic,
                    "df": self.df,
                    "p_value": self.p_value,
                    "bias": self.bias,
                    "bias_se": self.bias_se,
                    "limit": self.limit,
                    "limit_low": low,
                    "limit_high": high,
                    "tau": self.tau,
                }
            ]
        )

    def summary(self) -> pd.DataFrame:
        """Return one row."""
        return self.to_frame().set_index("method")

    def _sentence(self) -> str:
        size = f"τ = {self.tau:.3g}" if not math.isnan(self.tau) else f"slope {self.bias:.3g} (SE {self.bias_se:.3g})"
        return f"{self.title}: {size}, P = {self.p_value:.3g}, {self.k} studies."


Test: TypeAlias = Callable[[Result, str | None], SmallStudyTest]
SMALL_STUDY_TESTS: Catalog[Test] = Catalog("small-study test")


def small_study_test(fit: Result, method: str = "egger-lm", *, predictor: str | None = None) -> SmallStudyTest:
    """Test whether small studies show other effects than large ones.

    Parameters
    ----------
    fit
        A fitted result of any model of independent rows. The tests look at its rows, and ``egger-rma`` at its model
        too. Rows without a variance (counts of 0) are left out, and the notes name them.
    method
        Code in `SMALL_STUDY_TESTS`: ``egger-lm`` (weighted regression on the standard error, multiplicative
        dispersion), ``egger-rma`` (meta-regression with the model, τ² and interval of the fit), ``begg`` (rank
        correlation, exact without ties), ``begg-normal``, ``thompson``, ``macaskill`` (on n); with group sizes
        ``pustejovsky`` (for standardised mean differences, on √(1/n1 + 1/n2)); on 2×2 counts ``harbord``, ``peters``,
        ``deeks``, ``schwarzer``.
    predictor
        For ``egger-lm`` and ``egger-rma``: ``sei`` (default), ``vi``, ``ni``, ``ninv``, ``sqrtni``, ``sqrtninv``.

    Returns
    -------
    SmallStudyTest
        Its ``notes`` say so when there are fewer than ten studies.

    Raises
    ------
    UnknownName, OptionError
        No such test or predictor; a predictor given to a test that has its own; counts or sizes that are missing.
    TooFewStudies, NotEstimable
        Fewer than three studies; all studies of one size.
    DependentRows
        Rows that share patients.

    See Also
    --------
    trim_and_fill, pet_peese, selection_model : estimates adjusted for what the tests see.

    References
    ----------
    Sterne et al. 2011, doi:10.1136/bmj.d4002.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> test = lam.checks.small_study_test(lam.pool(table), "begg")
    >>> test.k, any(note.startswith('only 4 studies: ') for note in test.notes)
    (4, True)
    """
    test = SMALL_STUDY_TESTS[method]
    if predictor is not None and method not in ("egger-lm", "egger-rma"):
        raise OptionError(f"method={method!r} has a predictor of its own · leave predictor out, or use 'egger-rma'")
    if predictor is not None:
        a_choice("predictor", predictor, PREDICTORS)
    return test(fit, predictor)


def egger_test(fit: Result) -> SmallStudyTest:
    """Return Egger's test: `small_study_test` with method ``egger-lm``.

    Parameters
    ----------
    fit
        A fitted result of any model of independent rows.

    Returns
    -------
    SmallStudyTest
        Statistic, degrees of freedom, p value, and the limit estimate.

    See Also
    --------
    small_study_test : The other tests.

    References
    ----------
    Egger et al. 1997, doi:10.1136/bmj.315.7109.629.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> round(lam.checks.egger_test(lam.pool(table)).p_value, 3)
    0.172
    """
    return small_study_test(fit, "egger-lm")


def caution(k: int) -> tuple[str, ...]:
    """Return the note that fewer than ten studies deserve."""
    few = f"only {k} studies: with fewer than {FEW} these tests cannot tell chance from asymmetry"
    return (few,) if k < FEW else ()


def make(
    method: str,
    k: int,
    statistic: float,
    df: float,
    p: float,
    bias: float,
    se: float,
    **more: Any,  # noqa: ANN401
) -> SmallStudyTest:
    """Return a test result with the title, the reference and the caution that belong to it."""
    entry = SMALL_STUDY_TESTS.entry(method)
    notes = (*more.pop("notes", ()), *caution(k))
    return SmallStudyTest(method, entry.title, entry.reference, statistic, df, p, bias, se, k, notes=notes, **more)


def size_predictor(rows: Estimates, name: str, what: str = "", remedy: str = "use predictor='sei'") -> FloatArray:
    """Return the predictor of size, one number a study; ``what`` and ``remedy`` word the refusal.

    Raises
    ------
    OptionError
        Numbers of patients are asked for, and some study has none.
    """
    what = what or f"predictor={name!r}"
    if name in ("sei", "vi"):
        return np.sqrt(rows.v) if name == "sei" else rows.v
    source = rows.source
    n = source.table.n
    assert n is not None
    n = n[source.rows]
    if not (np.isfinite(n) & (n > 0)).all():
        raise OptionError(f"{what} needs the number of patients of every study · {remedy}")
    return {"ni": n, "ninv": 1 / n, "sqrtni": np.sqrt(n), "sqrtninv": 1 / np.sqrt(n)}[name]


def regression_test(
    method: str,
    rows: Estimates,
    x: FloatArray,
    *,
    limit: bool,
    model: str,
    tau2: str | float | None,
    interval: str,
) -> SmallStudyTest:
    """Return the test of the slope on ``x`` in a meta-regression; columns of the fit's own design stay in the model."""
    source = rows.source
    k = source.k
    if k < source.p + 2:
        raise TooFewStudies("a regression test of small-study effects", k, source.p + 2, REPORT)
    table = EvidenceTable.from_estimates(rows.y, vi=rows.v)
    own = np.ones((k, 1)) if source.X is None else source.X
    if np.ptp(x) <= 1e-12 * np.abs(x).max():
        raise NotEstimable(f"all studies are of one size by this predictor: asymmetry cannot be seen · {REPORT}")
    options: dict[str, Any] = {"model": model, "interval": interval, "prediction": "none", "level": source.level}
    if tau2 is not None:
        options["tau2"] = tau2
    names = [*(f"own{i}" for i in range(source.p)), "size"]
    found = pool(table, moderators=np.column_stack([own, x]), names=names, **options)
    more: dict[str, Any] = {"notes": rows.notes}
    if limit and source.X is None:
        more |= {"limit": float(found.beta[0]), "limit_interval": Interval(*map(float, found.intervals()[0]))}
    statistic, p = float(found.statistic[-1]), float(found.p_value[-1])
    df = float(np.max(found.df))
    return make(method, k, statistic, df, p, float(found.beta[-1]), float(found.se[-1]), **more)


@SMALL_STUDY_TESTS.register("egger-lm", title="Egger's regression test", reference="10.1136/bmj.315.7109.629")
def _egger_lm(fit: Result, predictor: str | None) -> SmallStudyTest:
    rows = estimates_of(fit, "Egger's test", needed=3)
    name = predictor or "sei"
    return regression_test(
        "egger-lm",
        rows,
        size_predictor(rows, name),
        limit=name in WITH_LIMIT,
        model="common",
        tau2=None,
        interval="HKSJ",
    )


@SMALL_STUDY_TESTS.register(
    "egger-rma", title="meta-regression on a measure of study size", reference="10.1002/sim.698"
)
def _egger_rma(fit: Result, predictor: str | None) -> SmallStudyTest:
    rows = estimates_of(fit, "Egger's test", needed=3)
    if not rows.own:
        raise OptionError(
            f"method='egger-rma' takes over the model of the result, and {fit.spec.label} has no meta-regression of"
            f" this kind · {egger_remedy(fit)}"
        )
    source, name = rows.source, predictor or "sei"
    common = source.method == "none"
    return regression_test(
        "egger-rma",
        rows,
        size_predictor(rows, name),
        limit=name in WITH_LIMIT,
        model="common" if common else "random",
        tau2=None if common else _tau2(source),
        interval=source.interval,
    )


def _tau2(source: Source) -> str | float:
    return source.t * source.scale**2 if source.method == "fixed" else source.method


@SMALL_STUDY_TESTS.register("thompson", title="Thompson and Sharp's test", reference="10.1002/sim.698")
def _thompson(fit: Result, predictor: str | None) -> SmallStudyTest:
    """Meta-regression on the standard error with residual τ² by REML; t with k − 2 degrees of freedom."""
    rows = estimates_of(fit, "Thompson's test", needed=3)
    x = size_predictor(rows, "sei")
    return regression_test("thompson", rows, x, limit=True, model="random", tau2="REML", interval="t")


@SMALL_STUDY_TESTS.register("macaskill", title="Macaskill's test", reference="10.1002/sim.698")
def _macaskill(fit: Result, predictor: str | None) -> SmallStudyTest:
    table = a_result(fit, "Macaskill's test").table
    if table.k > 2 and not np.isfinite(np.asarray(getattr(table, "n", np.nan), dtype=np.float64)).all():
        raise OptionError(f"Macaskill's test needs the number of patients of every study · {egger_remedy(fit)}")
    rows = estimates_of(fit, "Macaskill's test", needed=3)
    x = size_predictor(rows, "ni", "Macaskill's test", egger_remedy(fit))
    return regression_test("macaskill", rows, x, limit=False, model="common", tau2=None, interval="HKSJ")
