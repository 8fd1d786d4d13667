"""`pool`: one public function for all models of a table, typed so that an editor knows what comes back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike

from ..effects.evidence_table import EvidenceTable, a_table
from ..foundation.errors import OptionError
from ..foundation.options import a_choice, shown
from .inverse_variance.pooled import Pooled
from .models import COUNT_MODELS, GLMM_KINDS, MODELS
from .policy import NAMED_BY_QUESTION
from .rows import nothing_to_pool

if TYPE_CHECKING:
    from .counts.count_results import CountPooled
    from .counts.one_stage_regression import GlmmRegression
    from .counts.one_stage_results import GlmmPooled
    from .regression.regression_results import Regression

    Fit: TypeAlias = Pooled | Regression | GlmmPooled | GlmmRegression | CountPooled

__all__ = ["pool"]

InverseVariance: TypeAlias = Literal["random", "common", "fixed", "ivhet", "henmi-copas"]
OneStage: TypeAlias = Literal["glmm", "CM.EL", "CM.AL", "UM.FS", "UM.RS"]
OtherCounts: TypeAlias = Literal["mh", "peto", "beta-binomial", "gamma-poisson"]

_ONE_STAGE = {"PLO": ("xi", "ni"), "IRLN": ("xi", "ti"), "OR": ("ai", "ci"), "IRR": ("x1i", "x2i")}
"""Measure → counts that its likelihood needs."""
COUNTS_AT_HAND = "counts are at hand: their likelihood needs no continuity correction, no normal approximation"


@overload
def pool(
    evidence: EvidenceTable,
    *,
    model: InverseVariance,
    tau2: str | float | None = None,
    interval: str | None = None,
    prediction: str | None = None,
    level: float | None = None,
    moderators: None = None,
    weights: str | ArrayLike | None = None,
) -> Pooled: ...
@overload
def pool(
    evidence: EvidenceTable,
    *,
    model: OneStage,
    tau2: str | None = None,
    interval: str | None = None,
    prediction: str | None = None,
    level: float | None = None,
    moderators: None = None,
    **options: Any,  # noqa: ANN401
) -> GlmmPooled: ...
@overload
def pool(
    evidence: EvidenceTable,
    *,
    model: OneStage,
    tau2: str | None = None,
    interval: str | None = None,
    prediction: str | None = None,
    level: float | None = None,
    moderators: str | ArrayLike,
    names: Sequence[str] | None = None,
    **options: Any,  # noqa: ANN401
) -> GlmmRegression: ...
@overload
def pool(
    evidence: EvidenceTable,
    *,
    model: OtherCounts,
    level: float | None = None,
    **options: Any,  # noqa: ANN401
) -> CountPooled: ...
@overload
def pool(
    evidence: EvidenceTable,
    *,
    moderators: str | ArrayLike,
    model: Literal["random", "common", "fixed"] | None = None,
    tau2: str | float | None = None,
    interval: str | None = None,
    prediction: str | None = None,
    level: float | None = None,
    weights: str | ArrayLike | None = None,
    names: Sequence[str] | None = None,
) -> Regression: ...
@overload
def pool(
    evidence: EvidenceTable,
    *,
    model: None = None,
    tau2: str | float | None = None,
    interval: str | None = None,
    prediction: str | None = None,
    level: float | None = None,
    moderators: None = None,
    weights: str | ArrayLike | None = None,
    **options: Any,  # noqa: ANN401
) -> Pooled | GlmmPooled: ...
@overload
def pool(
    evidence: EvidenceTable,
    *,
    model: str | None = None,
    tau2: str | float | None = None,
    interval: str | None = None,
    prediction: str | None = None,
    level: float | None = None,
    moderators: str | ArrayLike | None = None,
    weights: str | ArrayLike | None = None,
    names: Sequence[str] | None = None,
    **options: Any,  # noqa: ANN401
) -> Fit: ...


def pool(
    evidence: EvidenceTable,
    *,
    model: str | None = None,
    tau2: str | float | None = None,
    interval: str | None = None,
    prediction: str | None = None,
    level: float | None = None,
    moderators: str | ArrayLike | None = None,
    weights: str | ArrayLike | None = None,
    names: Sequence[str] | None = None,
    **options: Any,
) -> Fit:
    """Pool the rows of an evidence table.

    What is not given comes from the question's pre-specified model, then from a policy that knows the number
    of studies; ``result.spec.why`` says which and why.

    Parameters
    ----------
    evidence
        The k rows, independent of each other: estimates with variances, or counts.
    model
        Code in `MODELS`: ``random`` (yᵢ ~ N(μ, vᵢ + τ²)), ``common``, ``fixed``, ``ivhet``, ``henmi-copas``;
        for counts ``glmm`` (or one of its kinds, ``CM.EL CM.AL UM.FS UM.RS``), ``mh``, ``peto``, ``beta-binomial``,
        ``gamma-poisson``. Default: the one-stage likelihood for log odds, log rates and their ratios when the table
        has counts, else ``random``.
    tau2
        Code in `TAU2`, or a number ≥ 0 (in squared units of yi) taken as known. Default REML. One-stage models:
        ``ML``, or ``none`` for one common effect.
    interval
        Code in `INTERVALS`. Default ``HKSJ-floor``; of one-stage and mixture models ``t`` (docs/coverage.md).
    prediction
        Code in `PREDICTIONS`, or ``none``. Default ``NNF-floor`` from five studies on (docs/coverage.md).
    level
        Confidence level of all intervals, 0.95 unless the question says otherwise.
    moderators
        Formula (``"~ ablat + C(alloc)"``) over the table's moderators, or design matrix (k, p) used as it is: a
        meta-regression is returned, with one-stage models the regression of their effect. A formula holds names, + - :
        * and **, arithmetic, and ``C I center standardize scale log log2 log10 exp sqrt poly bs cr cs cc``.
    weights
        ``equal``, or one positive weight a row (k,), for the mean instead of 1/(vᵢ + τ²); the weights of the
        moment estimator with tau2="GENQ" or "GENQM".
    names
        Names of the p columns of a design matrix.
    **options
        Options of the model of counts named, as in `lamevidence.counts`.

    Returns
    -------
    Pooled
        For models of estimates and variances.
    Regression, GlmmRegression
        With moderators; the second of a one-stage model.
    GlmmPooled, CountPooled
        For one-stage and other models of counts.

    Raises
    ------
    UnknownName, OptionError
        A choice that does not exist, or does not apply to this model.
    InputError
        NaN, infinite estimates, negative variances, weights that are not positive.
    NotEstimable
        No rows; zero variances where the method divides by them.
    DependentRows
        Rows that share patients.

    See Also
    --------
    lamevidence.pool_bayes : the same question to a posterior.
    lamevidence.multilevel : rows that share studies or patients.
    lamevidence.counts : the models of counts with all their options.
    lamevidence.pool_many : many meta-analyses at once.

    References
    ----------
    DerSimonian & Laird 1986, doi:10.1016/0197-2456(86)90046-2; Viechtbauer 2005, doi:10.3102/10769986030003261;
    of each choice: ``fit.methods_text()``.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01])
    >>> round(lam.pool(table, tau2="DL", interval="z").mu, 4)
    0.374
    >>> dose = lam.EvidenceTable.from_estimates(
    ...     [0.1, 0.3, 0.35, 0.65], vi=[0.03, 0.03, 0.05, 0.01], moderators={"dose": [1, 2, 2, 4]})
    >>> lam.pool(dose, moderators="~ dose", interval="z").names
    ('Intercept', 'dose')
    """
    given: dict[str, Any] = {
        "tau2": tau2,
        "interval": interval,
        "prediction": prediction,
        "level": level,
        "weights": weights,
        **options,
    }
    a_table(evidence, "evidence")
    if evidence.k == 0:
        raise nothing_to_pool(evidence)
    if model is not None:
        a_choice("model", model, MODELS)
    if moderators is not None and model not in ("glmm", *GLMM_KINDS):
        return _regression(evidence, moderators, names, model, given)
    name, why = _choose_model(evidence, model)
    if name in COUNT_MODELS:
        given |= {"moderators": moderators, "names": names}
    elif names is not None:
        raise OptionError(f"names={shown(names)} belong to a design matrix · give moderators too, or leave names out")
    made: Fit = MODELS[name](evidence, {**given, "why_model": why})  # type: ignore[assignment]
    return made


def _regression(
    evidence: EvidenceTable,
    moderators: str | ArrayLike,
    names: Sequence[str] | None,
    model: str | None,
    given: dict[str, Any],
) -> Regression:
    # designs need formulaic and pandas: loaded with the first regression, not with `pool`
    from .regression.regression import regress

    return regress(evidence, moderators, model=model, names=names, **given)


def _choose_model(table: EvidenceTable, given: str | None) -> tuple[str, str]:
    if given is not None:
        return given, "given"
    named = table.model.get("kind", table.model.get("model"))
    if named is not None:
        return str(named), NAMED_BY_QUESTION
    needed = _ONE_STAGE.get(table.measure)
    if table.measure == "HAZ" and {"patients", "events"} & set(table.counts):
        return "glmm", COUNTS_AT_HAND
    if table.k == 1 and table.measure in ("OR", "IRR") and np.isfinite(table.vi).all():
        return "random", "k = 1: one study is reported as it is"
    if needed and all(name in table.counts and np.isfinite(table.counts[name]).all() for name in needed):
        return "glmm", COUNTS_AT_HAND
    return "random", "studies differ in patients and methods, so their true effects are allowed to differ"
