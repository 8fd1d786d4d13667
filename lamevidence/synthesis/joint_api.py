"""``joint``: from rows of any design to one posterior."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..bayes.priors.prior_parsing import PriorLike
from ..effects.evidence_table import EvidenceTable
from ..effects.foreign_data import pandas_frame
from ..effects.given_numbers import floats, names_of
from ..foundation.errors import InputError, OptionError, TooFewStudies, UnknownName
from ..foundation.options import a_level, a_number, our_words, shown
from ..results.recipe import Recipe
from .design_rows import KINDS, JointRows, check_identified, joint_rows
from .joint_fit import posterior_state, told_by, usable
from .joint_posterior import JointPosterior
from .joint_spec import DEFAULT, JointSpec, asked_priors, is_default, joint_spec, one_choice

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_joint_rows", "chosen", "joint", "joint_choices"]

_COLUMNS = ("treated", "selected", "contrast")


@our_words(se="sei", variance="vi", studies="study", rho="correlation", tau="tau_effect", mu="effect")
def joint(
    evidence: pd.DataFrame | EvidenceTable,
    *,
    yi: str | None = None,
    sei: str | None = None,
    vi: str | None = None,
    study: str | None = None,
    treated: str | None = None,
    selected: str | None = None,
    contrast: str | None = None,
    correlation: float | tuple[float, float] | None = None,
    unit: str | None = "mL/year",
    baseline: PriorLike = DEFAULT,
    effect: PriorLike = DEFAULT,
    bias: PriorLike | None = DEFAULT,
    tau_baseline: PriorLike | float = DEFAULT,
    tau_effect: PriorLike | float = DEFAULT,
    tau_bias: PriorLike | float = DEFAULT,
    discount: Mapping[str, float] | None = None,
    level: float = 0.95,
) -> JointPosterior:
    """Return the effect of a treatment on a slope (or mean) from trials, series and cohorts in one exact posterior.

    Rows are arm × phase of a study: yₐ = γₛ + Tₐ δₛ + Pₐ bₛ + eₐ, e ~ N(0, C) with γₛ ~ N(baseline, τ²_baseline) the
    untreated slope of the study's patients, δₛ ~ N(effect, τ²_effect) what the drug does, and bₛ ~ N(bias, τ²_bias)
    what a slope *before* treatment differs from the untreated one: patients are treated because they decline, so that
    before-after series start too low. T is 1 on treatment, P is 1 before it; a printed difference is a row of δₛ alone.
    Given the three standard deviations all is Gaussian: the posterior is a mixture over a product rule of them.

    Parameters
    ----------
    evidence
        A DataFrame with one row an estimate, or an `EvidenceTable` whose moderators hold the columns below. That of a
        question which says ``compare: joint`` has its columns and brings its priors and its correlation with it.
    yi, sei, vi, study
        Of a DataFrame: columns of estimates, of their standard errors or variances (one of the two), of study ids.
    treated
        Column of 0 and 1: the row is on treatment. A difference is treated minus untreated and has 1. Only the table of
        a joint question does without.
    selected
        Column of 0 and 1: a slope before treatment, of patients treated because they declined.
    contrast
        Column of 0 and 1 (or truth values): a printed difference.
    correlation
        Correlation between the rows of one before-after study, −1 to 1; ``(low, high)`` for a uniform prior of it. 0
        unless the question of the table says otherwise.
    unit
        Unit of the estimates of a DataFrame, None for pure numbers; a table has its own.
    baseline, effect, bias
        Priors of the three means, `Normal` or `Flat`; ``bias=None`` leaves the term out. Defaults exist for slopes of a
        volume: N(−96, 120²), N(0, 240²), N(0, 240²) mL/year.
    tau_baseline, tau_effect, tau_bias
        Proper priors of the standard deviations between studies, or a number taken as known (0: none). Defaults for
        slopes of a volume: HN(48), HN(48), HN(240) mL/year.
    discount
        Kind of design (``controlled``, ``before_after``, ``treated_only``, ``untreated_only``, ``contrast``) → share of
        its information that is used, 0 to 1: its sampling variances are divided by it.
    level
        Level of intervals.

    Returns
    -------
    JointPosterior
        Distributions of all quantities, and what each design contributes.

    Raises
    ------
    NotEstimable
        The rows do not identify the effect: nothing untreated and no difference, or nothing on treatment.
    TooFewStudies
        One study alone.
    InputError
        Columns that do not hold what they should, a slope before treatment without one on it, a difference that is
        marked as untreated or as before treatment, a correlation that makes no covariance matrix.
    DependentRows
        A study gives slopes and their difference.
    OptionError
        A prior that the exact model does not take, or none on a scale without default.

    See Also
    --------
    lamevidence.pool_bayes : one kind of row alone.
    lamevidence.models.joint_slopes : the same model in PyMC, to edit.
    lamevidence.checks.node_split : conflict between groups of such rows.

    References
    ----------
    Welton, Ades, Carlin, Altman & Sterne 2009, doi:10.1111/j.1467-985X.2008.00548.x (bias of designs);
    Verde & Ohmann 2015, doi:10.1002/jrsm.1122 (combining randomised and other evidence).

    Examples
    --------
    >>> import pandas as pd
    >>> import lamevidence as lam
    >>> rows = pd.DataFrame(
    ...     {
    ...         "study": ["MILES", "MILES", "Hu 2019", "Hu 2019", "Johnson 1999"],
    ...         "slope": [-144, 12, -178, -10, -118],
    ...         "se": [24, 24, 36, 15, 21.7],
    ...         "on": [0, 1, 0, 1, 0],
    ...         "before": [0, 0, 1, 0, 0],
    ...     }
    ... )
    >>> post = lam.synthesis.joint(rows, yi="slope", sei="se", study="study", treated="on", selected="before")
    >>> post.probability("effect > 60 mL/year") > 0.9
    True
    >>> round(sum(post.information_by_design().values()), 9)
    100.0
    """
    level = a_level(level)
    table, columns, spec = chosen(
        evidence,
        {"yi": yi, "sei": sei, "vi": vi, "study": study},
        {"treated": treated, "selected": selected, "contrast": contrast},
        {
            "baseline": baseline,
            "effect": effect,
            "bias": bias,
            "tau_baseline": tau_baseline,
            "tau_effect": tau_effect,
            "tau_bias": tau_bias,
        },
        unit=unit,
        correlation=correlation,
        discount=discount,
        level=level,
    )
    return _fit(table, **columns, spec=spec, level=level)


def chosen(
    evidence: object,
    numbered: Mapping[str, str | None],
    flags: Mapping[str, str | None],
    priors: Mapping[str, PriorLike | float | str | None],
    *,
    unit: str | None,
    correlation: object,
    discount: Mapping[str, float] | None,
    level: float,
) -> tuple[EvidenceTable, dict[str, Any], JointSpec]:
    """Return the rows as a table, the columns of its design, and the choices in its unit; all as in `joint`."""
    columns = _columns(evidence, flags)
    table = _table(evidence, numbered, unit, columns)
    asked, because = asked_priors(table, [name for name, given in priors.items() if is_default(given)])
    spec = joint_spec(
        table.unit,
        {**priors, **asked},
        correlation=_correlation(correlation, table),
        discount=_discount(discount),
        level=level,
        why=because,
    )
    return table, columns, spec


def joint_choices(table: EvidenceTable, name: str) -> None:
    """Raise unless a joint synthesis can use what the question of a table states for one of its priors, or its default.

    Raises
    ------
    OptionError
        It cannot, or there is no default on this scale.
    """
    asked, _ = asked_priors(table, [name])
    one_choice(name, asked.get(name, DEFAULT), table.unit)


def check_joint_rows(table: EvidenceTable) -> None:
    """Raise unless the table of a joint question identifies its effect; nothing is computed.

    Raises
    ------
    NotEstimable
        Nothing untreated and no difference, or nothing on treatment.
    TooFewStudies
        One study alone.
    """
    rows = joint_rows(table, **_columns(table, dict.fromkeys(_COLUMNS)))
    asked, _ = asked_priors(table, ["bias"])
    check_identified(rows, bool(rows.selected.any()) and asked.get("bias", DEFAULT) is not None)
    if len(rows.kinds) < 2:
        raise TooFewStudies("a joint synthesis", len(rows.kinds), 2, "pool its own rows by another question")


def _fit(
    table: EvidenceTable,
    *,
    treated: str,
    selected: str | None,
    contrast: str | None,
    spec: JointSpec,
    level: float,
) -> JointPosterior:
    rows = joint_rows(table, treated, selected, contrast)
    used, notes = usable(replace(spec, level=level), rows)
    state = posterior_state(table, rows, used)
    options = {"treated": treated, "selected": selected, "contrast": contrast, "spec": spec, "level": level}
    return JointPosterior(table, rows, used, state, (*notes, *_notes(table, rows, used)), Recipe(_fit, options))


def _notes(table: EvidenceTable, rows: JointRows, spec: JointSpec) -> tuple[str, ...]:
    """Return which standard deviations rest on their priors."""
    few = []
    for name, told in told_by(rows, table).items():
        if told < 2 and not isinstance(getattr(spec, name), int | float) and not (name == "tau_bias" and not told):
            few.append(f"{name} ({told} {'study' if told == 1 else 'studies'})")
    return (f"Too few studies tell {', '.join(few)}: there the prior decides, see sensitivity().",) if few else ()


def _columns(evidence: object, given: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the columns of the design: as given, else those that the table of a joint question has."""
    columns = dict(given)
    if isinstance(evidence, EvidenceTable) and evidence.row_is == "phase":
        columns |= {name: name for name, held in given.items() if held is None and name in evidence.moderators}
    if columns["treated"] is None:
        raise OptionError("which rows are on treatment is not said · give treated=, a column of 0 and 1")
    return columns


def _correlation(given: object, table: EvidenceTable) -> float | tuple[float, float]:
    if given is None:
        given = float(table.model.get("correlation", 0.0))
    if isinstance(given, tuple | list):
        if len(given) != 2:
            raise OptionError(f"correlation={shown(given)} is no range · give (low, high), such as (0, 0.7)")
        low, high = (a_number("correlation", x, above=-1.0, below=1.0) for x in given)
        if not low < high:
            raise OptionError(f"correlation={shown(given)} is no range · give (low, high) with low < high")
        found: float | tuple[float, float] = (low, high)
    else:
        found = a_number("correlation", given, above=-1.0, below=1.0)
    if table.V is not None and found != 0.0:
        raise OptionError("the table has covariances of its own (V) · leave correlation out")
    return found


def _discount(given: Mapping[str, float] | None) -> Mapping[str, float]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise OptionError(f"discount={shown(given)} · give kind of design → share, such as {{'before_after': 0.3}}")
    for kind in given:
        if kind not in KINDS:
            raise UnknownName("kind of design", kind, KINDS)
    return {kind: a_number(f"discount of {kind}", x, above=0.0, most=1.0) for kind, x in given.items()}


def _table(
    evidence: object,
    numbered: Mapping[str, str | None],
    unit: str | None,
    columns: Mapping[str, str | None],
) -> EvidenceTable:
    """Return the rows as a table whose moderators hold the columns of the design."""
    given = {name: x for name, x in numbered.items() if x is not None}
    if isinstance(evidence, EvidenceTable):
        if given:
            raise OptionError(f"{', '.join(given)}: an EvidenceTable has its own · leave them out")
        return evidence
    import pandas as pd

    frame = pandas_frame(evidence)
    if not isinstance(frame, pd.DataFrame):
        raise OptionError(f"joint takes a DataFrame or an EvidenceTable, got {shown(evidence)} · give one of them")
    if "yi" not in given or "study" not in given or ("sei" in given) == ("vi" in given):
        raise OptionError(
            "joint needs the columns of a DataFrame by name · give yi=, study= and one of sei= and vi=,"
            f" each one of: {', '.join(map(str, frame.columns))}"
        )
    wanted = {**given, **{name: x for name, x in columns.items() if x is not None}}
    for name in wanted.values():
        if not isinstance(name, str) or name not in frame.columns:
            raise UnknownName("column", name if isinstance(name, str) else shown(name), list(map(str, frame.columns)))
    if len(frame) == 0:
        raise InputError("the frame has no rows · give one row an estimate")
    numbers = {name: floats(frame[wanted[name]], wanted[name], "give numbers") for name in wanted if name != "study"}
    studies = list(names_of(frame[wanted["study"]], wanted["study"], len(frame)))
    moderators = {wanted[name]: numbers[name] for name in _COLUMNS if name in numbers}
    labels = _labels(studies, {name: numbers.get(name, np.zeros(len(frame))) for name in _COLUMNS})
    return EvidenceTable.from_estimates(
        numbers["yi"],
        sei=numbers.get("sei"),
        vi=numbers.get("vi"),
        studies=studies,
        labels=labels,
        unit=unit,
        moderators=moderators,
    )


def _labels(studies: list[str], flags: Mapping[str, Any]) -> list[str]:
    """Return one label a row: the study alone, or with what the row is, numbered where that is the same twice."""
    kind = np.where(flags["treated"] == 1, "on treatment", np.where(flags["selected"] == 1, "before", "untreated"))
    often = Counter(studies)
    out = [s if often[s] == 1 else f"{s}, {k}" for s, k in zip(studies, kind.tolist(), strict=True)]
    again, seen = Counter(out), Counter[str]()
    for i, label in enumerate(out):
        if again[label] > 1:
            seen[label] += 1
            out[i] = f"{label} {seen[label]}"
    return out
