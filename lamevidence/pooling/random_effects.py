"""`pool`: one public function for all models of a common mean, and the inverse-variance models themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from ..catalog import Catalog
from ..effects.evidence_table import EvidenceTable, a_table
from ..effects.given_numbers import floats
from ..effects.measures.base import FloatArray
from ..errors import ConvergenceError, InputError, NotEstimable, OptionError
from ..options import a_choice, a_number
from .fitted import Fitted, fit_at
from .intervals import INTERVALS, Inference
from .kernels import Centred, centre_one
from .likelihood import maximum_of_one
from .policy import NAMED_BY_QUESTION, resolve
from .prediction import PREDICTIONS
from .results import Pooled
from .rows import checked_rows, nothing_to_pool
from .spec import Spec
from .tau2 import TAU2

__all__ = ["MODELS", "pool"]

Options: TypeAlias = Mapping[str, Any]
Model: TypeAlias = Callable[[EvidenceTable, Options], Any]

MODELS: Catalog[Model] = Catalog("model")

_OWN = ("tau2", "interval", "prediction", "level", "weights")
_KNOWN = frozenset(_OWN) | {"why_model"}
_ONE_STAGE = {"PLO": ("xi", "ni"), "IRLN": ("xi", "ti"), "OR": ("ai", "ci"), "IRR": ("x1i", "x2i")}
_UNWEIGHTABLE = ("common", "fixed", "ivhet", "henmi-copas")


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
    **options: Any,  # noqa: ANN401
) -> Any:  # noqa: ANN401 one frozen class per kind of result
    """Pool the rows of an evidence table.

    What is not given comes from the question's pre-specified model, then from a policy that knows the number
    of studies; ``result.spec.why`` says which and why.

    Parameters
    ----------
    evidence
        The rows, independent of each other.
    model
        Code in `MODELS`: ``random`` (yᵢ ~ N(μ, vᵢ + τ²)), ``common``, ``fixed``, ``ivhet``, ``henmi-copas``,
        ``glmm``, ``mh``, ``peto``. Default: one-stage likelihood for log odds, log rates and their ratios
        when the table has counts, else ``random``.
    tau2
        Code in `TAU2`, or a number ≥ 0 (in squared units of yi) taken as known. Default REML.
    interval
        Code in `INTERVALS`. Default ``HKSJ-floor``.
    prediction
        Code in `PREDICTIONS`, or ``none``. Default ``HK-PR`` from five studies on.
    level
        Confidence level of all intervals, 0.95 unless the question says otherwise.
    moderators
        Formula (``"~ ablat + C(alloc)"``) or design matrix: a meta-regression is returned.
    weights
        ``equal``, or one positive weight a row, for the mean instead of 1/(vᵢ + τ²); the weights of the
        moment estimator with tau2="GENQ" or "GENQM".
    **options
        Options of the model named (``glmm``, ``mh``, ``peto``) or of the regression.

    Returns
    -------
    Pooled
        Or the result class of the model named; `Regression` with moderators.

    Raises
    ------
    UnknownName, OptionError
        A choice that does not exist, or does not apply to this model.
    InputError
        NaN, infinite estimates, negative variances, weights that are not positive.
    NotEstimable
        No rows; zero variances where the method divides by them.

    References
    ----------
    DerSimonian & Laird 1986, doi:10.1016/0197-2456(86)90046-2; Viechtbauer 2005, doi:10.3102/10769986030003261.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3, 0.35, 0.65], [0.03, 0.03, 0.05, 0.01])
    >>> round(lam.pool(table, tau2="DL", interval="z").mu, 4)
    0.374
    """
    given: dict[str, Any] = {
        "tau2": tau2, "interval": interval, "prediction": prediction, "level": level, "weights": weights, **options,
    }
    a_table(evidence, "evidence")
    if evidence.k == 0:
        raise nothing_to_pool(evidence)
    if moderators is not None:
        from .regression import regress

        return regress(evidence, moderators, model=model, **given)
    name, why = _choose_model(evidence, model)
    return MODELS[name](evidence, {**given, "why_model": why})


def _choose_model(table: EvidenceTable, given: str | None) -> tuple[str, str]:
    if given is not None:
        return given, "given"
    named = table.model.get("kind", table.model.get("model"))
    if named is not None:
        return str(named), NAMED_BY_QUESTION
    needed = _ONE_STAGE.get(table.measure)
    if table.k == 1 and table.measure in ("OR", "IRR") and np.isfinite(table.vi).all():
        return "random", "k = 1: one study is reported as it is"
    if needed and all(name in table.counts for name in needed):
        return "glmm", "counts are at hand: their likelihood needs no continuity correction, no normal approximation"
    return "random", "studies differ in patients and methods, so their true effects are allowed to differ"


def refuse_extra(model: str, given: Options) -> None:
    extra = given.keys() - _KNOWN
    if extra:
        raise OptionError(f"model={model!r} has no option {min(extra)!r} · options: {', '.join(_OWN)}")


def _is_variance(x: Any) -> bool:  # noqa: ANN401
    try:
        return a_number("tau2", x, least=0) >= 0
    except OptionError:
        return False


def check_choices(spec: Spec, tau2: Any) -> None:  # noqa: ANN401
    INTERVALS.entry(spec.interval)
    if not (isinstance(spec.prediction, str) and spec.prediction == "none"):
        PREDICTIONS.entry(spec.prediction)
    if spec.tau2 not in ("none", "fixed"):
        TAU2.entry(spec.tau2)
    elif spec.tau2 == "fixed" and not _is_variance(tau2):
        raise OptionError(f"tau2={tau2!r} must be a finite number ≥ 0 or one of {', '.join(TAU2)}")


def _inverse_variance(model: str, table: EvidenceTable, given: Options) -> Pooled:
    refuse_extra(model, given)
    live = checked_rows(table)
    k = table.k if table.plain else int(live.sum())
    spec = resolve(k, given, table.model, model, given["why_model"])
    value = given.get("tau2") if given.get("tau2") is not None else table.model.get("tau2")
    check_choices(spec, value)
    if model in ("common", "fixed") and spec.tau2 != "none":
        raise OptionError(f"model={model!r} has no tau2 · leave tau2 out or use model='random'")
    if spec.tau2 == "none" and spec.prediction != "none":
        raise OptionError(f"model={model!r} has no prediction interval · leave prediction out or use model='random'")
    whole = k == table.k
    yi, vi = (table.yi, table.vi) if whole else (table.yi[live], table.vi[live])
    y, v, offset, scale = centre_one(yi, vi)
    if k == 1:
        return _single(table, spec, fit_at(y, v, 0.0), offset, scale, live)
    a = weights_of(model, spec, given.get("weights"), table, live, vi)
    if not table.plain:
        check_zero_variances(table, spec, vi)
    t, notes = _between_plain(spec, y, v, scale, a, value, table.plain)
    refuse_no_spread(t, v)
    mean_weights = a if a is not None else (1.0 / v if model in ("ivhet", "henmi-copas") else None)
    fit = fit_at(y, v, t, mean_weights)
    inference = _inference(model, spec, fit)
    if k == 2 and spec.interval in ("HKSJ", "HKSJ-floor", "HKSJ-hybrid", "HKSJ-IQWiG"):
        notes += ("k = 2: the Hartung-Knapp interval rests on one degree of freedom and is hardly informative",)
    return Pooled(table, spec, fit, inference, offset, scale, live, a, notes)


def _inference(model: str, spec: Spec, fit: Fitted) -> Inference:
    if model == "henmi-copas":
        from .henmi_copas import henmi_copas

        if spec.interval != "z":
            raise OptionError("model='henmi-copas' has an interval of its own · leave interval out")
        return henmi_copas(fit)
    return INTERVALS[spec.interval](fit)


def _between_plain(
    spec: Spec, y: FloatArray, v: FloatArray, scale: float, a: FloatArray | None, value: Any, plain: bool  # noqa: ANN401
) -> tuple[float, tuple[str, ...]]:
    """Return τ² of one data set without a design; likelihoods take the way that is short for one."""
    if spec.tau2 in ("REML", "ML") and (plain or float(np.minimum.reduce(v)) > 0):
        t, modes, gap, lost = maximum_of_one(y, v, spec.tau2 == "REML")
        return t, _cautions(spec, modes, gap, lost)
    one = np.array([float(y.size)])
    return between(spec, Centred(y[None], v[None], 0.0 * one, scale + 0.0 * one, one), a, value, None)


def between(
    spec: Spec, data: Centred, a: FloatArray | None, value: Any, X: FloatArray | None  # noqa: ANN401
) -> tuple[float, tuple[str, ...]]:
    """Return τ² on the centred scale, and cautions about it."""
    if spec.tau2 == "none":
        return 0.0, ()
    if spec.tau2 == "fixed":
        return float(value) / float(data.scale[0]) ** 2, ("τ² was given, not estimated",)
    found = TAU2[spec.tau2](data.y, data.v, data.k, X, None if a is None else a[None])
    modes, gap, lost = (0.0 if x is None else float(x[0]) for x in (found.modes, found.gap, found.status))
    return float(found.value[0]), _cautions(spec, modes, gap, lost)


def _cautions(spec: Spec, modes: float, gap: float, lost: float) -> tuple[str, ...]:
    if lost:
        raise ConvergenceError(f"tau2={spec.tau2!r} did not arrive at its root · please report these data")
    if modes <= 1:
        return ()
    highest = f"the highest is reported (log-likelihood {gap:.3g} above the next)"
    return (f"the likelihood has {int(modes)} maxima; {highest}",)


def _single(
    table: EvidenceTable, spec: Spec, fit: Fitted, offset: float, scale: float, live: FloatArray
) -> Pooled:
    why = {"model": "k = 1: one study is reported as it is; τ², I² and a prediction interval do not exist"}
    if spec.interval not in ("z",) and spec.why.get("interval") == "given":
        raise OptionError(f"interval={spec.interval!r} needs two studies · use interval='z' for one study")
    one = Spec("single", "none", "z", "none", spec.level, "inverse-variance", why)
    if fit.v[0] == 0:
        raise NotEstimable("the only study has variance 0")
    inference = Inference(fit.se, np.inf, fit.mean)
    return Pooled(table, one, fit, inference, offset, scale, live, None, (why["model"],))


def weights_of(
    model: str, spec: Spec, given: Any, table: EvidenceTable, live: FloatArray, v: FloatArray  # noqa: ANN401
) -> FloatArray | None:
    if given is None:
        if spec.tau2 in ("GENQ", "GENQM"):
            raise OptionError(f"tau2={spec.tau2!r} needs weights · give one positive weight a row, for example 1/vi")
        return None
    if model in _UNWEIGHTABLE:
        raise OptionError(f"model={model!r} has weights of its own · leave weights out or use model='random'")
    if isinstance(given, str):
        if given != "equal":
            raise OptionError(f"weights={given!r} must be 'equal' or one number a row")
        return np.ones(v.size)
    a = floats(given, "weights", "give one positive number a row")
    if a.shape != table.yi.shape:
        raise InputError(f"weights have shape {a.shape}, the table has {table.k} rows · give one a row")
    a = a[live]
    if not (np.isfinite(a).all() and (a > 0).all()):
        raise InputError("weights must be positive and finite")
    return np.asarray(a / a.max())


def refuse_no_spread(t: float, v: FloatArray) -> None:
    """Refuse a variance of 0 where τ² is 0 as well: that study would be known exactly, and nothing else would count."""
    if t == 0 and not v.all():
        raise NotEstimable("τ² is 0 and so is a variance: the weight of that study is infinite · leave the row out")


def check_zero_variances(table: EvidenceTable, spec: Spec, v: FloatArray) -> None:
    """Refuse variances of 0 wherever the method divides by them."""
    zero = int((v == 0).sum())
    if zero == 0:
        return
    if spec.interval in ("HKSJ-IQWiG", "PL", "BC"):
        raise OptionError(f"interval={spec.interval!r} divides by a variance, and one is 0 · use HKSJ-floor, t or z")
    if spec.tau2 == "REML" and zero == 1:
        return
    if spec.tau2 in ("HE", "CA", "SJ", "fixed"):
        return
    names = ", ".join(table.labels[i] for i in np.flatnonzero(table.vi == 0))
    raise NotEstimable(
        f"variance 0 for {names}: {spec.tau2 if spec.tau2 != 'none' else spec.model} divides by it · tau2='HE' or 'SJ'"
        " do not, and REML allows one such study"
    )


def _file(name: str, title: str, reference: str) -> None:
    @MODELS.register(name, title=title, reference=reference)
    def run(table: EvidenceTable, given: Options) -> Pooled:
        return _inverse_variance(name, table, given)


_file("random", "random effects, yᵢ ~ N(μ, vᵢ + τ²)", "10.1016/0197-2456(86)90046-2")
_file("common", "common effect, one true effect for all studies", "10.1002/jrsm.12")
_file("fixed", "fixed effects, the precision-weighted average of these studies", "Rice et al. 2018, JRSS A 181:205")
_file("ivhet", "inverse variance with quasi-likelihood variance (IVhet)", "10.1016/j.cct.2015.05.009")
_file("henmi-copas", "common-effect mean with Henmi and Copas's interval", "10.1002/sim.4029")


def _counts(given: Options, model: str, *refused: str) -> dict[str, Any]:
    """Return the options of a count model; what it does not have is refused."""
    for name in refused:
        if given.get(name) is not None:
            raise OptionError(f"model={model!r} has no option {name!r} · leave it out or use model='random'")
    level = given.get("level")
    rest = {n: x for n, x in given.items() if n not in (*_OWN, "why_model")}
    return rest | ({} if level is None else {"level": level})


@MODELS.register("mh", title="Mantel-Haenszel", reference="10.1093/jnci/22.4.719")
def _mantel_haenszel(table: EvidenceTable, given: Options) -> Any:  # noqa: ANN401
    from .sparse import mantel_haenszel

    return mantel_haenszel(table, **_counts(given, "mh", "tau2", "interval", "prediction", "weights"))


@MODELS.register("peto", title="Peto's one-step odds ratio", reference="10.1016/S0033-0620(85)80003-7")
def _peto(table: EvidenceTable, given: Options) -> Any:  # noqa: ANN401
    from .sparse import peto

    return peto(table, **_counts(given, "peto", "tau2", "interval", "prediction", "weights"))


@MODELS.register("glmm", title="one-stage generalised linear mixed model", reference="10.1002/sim.4040")
def _glmm(table: EvidenceTable, given: Options) -> Any:  # noqa: ANN401
    from .glmm import fit_glmm

    options = _counts(given, "glmm", "prediction", "weights")
    if given.get("tau2") is not None:
        a_choice("tau2 of model='glmm'", given["tau2"], ("ML",))
    if given.get("interval") is not None:
        options["test"] = given["interval"]
    return fit_glmm(table, **options)


@MODELS.register("beta-binomial", title="beta-binomial model of proportions", reference="10.1002/sim.6383")
def _beta_binomial(table: EvidenceTable, given: Options) -> Any:  # noqa: ANN401
    from .beta_binomial import fit_beta_binomial

    return fit_beta_binomial(table, **_counts(given, "beta-binomial", "tau2", "interval", "prediction", "weights"))


@MODELS.register("gamma-poisson", title="gamma-Poisson model of rates", reference="10.1186/1471-2288-4-17")
def _gamma_poisson(table: EvidenceTable, given: Options) -> Any:  # noqa: ANN401
    from .gamma_poisson import fit_gamma_poisson

    return fit_gamma_poisson(table, **_counts(given, "gamma-poisson", "tau2", "interval", "prediction", "weights"))
