"""The ways to make an evidence table: from a frame of printed numbers, from estimates, from other tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import ArrayLike

from ..foundation.errors import InputError, OptionError, UnknownName
from ..foundation.options import a_flag, an_instance, our_words, shown
from .column_aliases import split_words, words_of
from .concatenate import concatenated
from .foreign_data import aligned
from .from_estimates import LEVEL, names_and_labels, numbered_fields, printed_lineage, variances_of, vector
from .from_frame import estimates_as_given, frame_fields
from .measures import MEASURES
from .measures.measure_words import measure_code
from .rows import check_estimates

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TableFactories"]


ESTIMATES_WORDS = {
    **dict.fromkeys(("se", "seTE", "std_error", "standard_errors"), "sei"),
    **dict.fromkeys(("variance", "variances", "v"), "vi"),
    **dict.fromkeys(("slab", "studlab", "study"), "studies"),
    "interval": "ci",
    "label": "labels",
}
FRAME_WORDS = {
    **dict.fromkeys(("slab", "studlab", "studies"), "study"),
    "labels": "label",
    "incr": "add",
    "mods": "moderators",
}
"""Arguments as other functions name them → ours, of `from_estimates` and of `from_frame`."""


class TableFactories:
    """Constructors of `EvidenceTable`, which inherits them."""

    __slots__ = ()

    @classmethod
    def _made(cls, fields: Mapping[str, Any]) -> Self:
        """Return the table of these fields, checked."""
        raise NotImplementedError

    @classmethod
    def _trusted(cls, fields: Mapping[str, Any]) -> Self:
        """Return the table of these fields, which are checked already."""
        raise NotImplementedError

    @classmethod
    @our_words(**ESTIMATES_WORDS)
    def from_estimates(
        cls,
        yi: ArrayLike,
        *positional: object,
        vi: ArrayLike | None = None,
        sei: ArrayLike | None = None,
        V: ArrayLike | None = None,
        ci: tuple[ArrayLike, ArrayLike] | None = None,
        level: float = LEVEL,
        digits: int | tuple[int, int] | None = None,
        labels: Sequence[str] | None = None,
        studies: Sequence[str] | None = None,
        unit: str | None = None,
        measure: str = "GEN",
        n: ArrayLike | None = None,
        moderators: Mapping[str, Any] | None = None,
        title: str = "",
        higher_is: str = "neutral",
    ) -> Self:
        """Return the table of estimates with their variances, standard errors, covariance matrix or intervals.

        Parameters
        ----------
        yi
            Estimates on the analysis scale (logs of ratios), (k,), in ``unit``.
        vi
            Sampling variances, (k,), in squared units. 0 stands for an estimate without sampling error, which only
            likelihood estimators of τ² (REML, ML) can use; inf for a row that carries no information (weight 0).
        sei
            Standard errors, (k,), in ``unit``.
        V
            Covariance matrix of dependent rows, (k, k).
        ci
            ``(low, high)``: lower and upper bounds of confidence intervals, (k,) each, on the scale of ``yi``; the
            standard error is (high − low)/(2 z). Exactly one of ``vi``, ``sei``, ``V`` and ``ci`` is given.
        level
            Level of ``ci``, 0.95 for 95 %.
        digits
            Decimals that ``yi`` and ``sei`` are printed to, one number or one each: how far their rounding reaches, for
            `rounding_interval` and ``pool_bayes(…, print_uncertainty=True)``.
        labels
            One label a row, unique; default the studies, or 1 … k.
        studies
            Study of each row, (k,); rows of one study share patients. Default: each row is a study.
        unit
            Unit of ``yi`` (``mL/year``), None for pure numbers.
        measure
            Code in `MEASURES` that ``yi`` are values of (``OR``: log odds ratios); ``GEN`` where there is none.
        n
            Patients behind each row, (k,); NaN where not reported.
        moderators
            Name → one value a row, (k,).
        title
            What is pooled, in words.
        higher_is
            ``better``, ``worse`` or ``neutral``.
        positional
            Refused: a bare second argument could be variances or standard errors.

        Returns
        -------
        EvidenceTable
            The rows, in the order given.

        Raises
        ------
        UnknownName
            The measure does not exist.
        OptionError
            Not exactly one of ``vi``, ``sei``, ``V`` and ``ci`` is given; a second positional argument; an argument
            of another name.
        InputError
            An estimate is not finite or outside its interval, a variance is NaN or negative, lengths differ.

        Warns
        -----
        EvidenceWarning
            LW214: an interval is not symmetric about its estimate beyond rounding, and by more than a tenth of its
            width; it was made on another scale.

        See Also
        --------
        EvidenceTable.from_frame : from printed numbers (events and totals, means and SDs).
        lamevidence.escalc : estimates alone.

        References
        ----------
        Cochrane Handbook 6.3.1 for the standard error of an interval.

        Examples
        --------
        >>> import lamevidence as lam
        >>> lam.EvidenceTable.from_estimates([0.2, 0.5], vi=[0.04, 0.03]).k
        2
        >>> lam.EvidenceTable.from_estimates([0.2], ci=([-0.192], [0.592])).sei.round(3).tolist()
        [0.2]
        """
        if positional:
            raise OptionError(
                "a second argument without a name could be variances or standard errors"
                " · write from_estimates(yi, vi=variances) or from_estimates(yi, sei=standard_errors)"
            )
        measure = measure_code(measure)
        MEASURES.entry(measure)
        given = {"yi": yi, "vi": vi, "sei": sei, "V": V, "ci": ci, "studies": studies, "labels": labels, "n": n}
        aligned(**given, moderators=moderators)
        estimates = vector(yi, "yi")
        k = estimates.shape[0]
        if k == 0:
            raise InputError("yi is empty · give one estimate a study")
        variances, covariance = variances_of(estimates, vi, sei, V, ci, level, studies if labels is None else labels)
        plain_text = type(title) is str and (unit is None or type(unit) is str) and type(higher_is) is str
        named = any(x is not None for x in (labels, studies, n, moderators, digits))
        if plain_text and higher_is == "neutral" and not named and covariance is None:
            plain = check_estimates(estimates, variances)
            return cls._trusted(numbered_fields(estimates, variances, plain, measure, unit, title))
        names, rows = names_and_labels(studies, labels, k)
        made: dict[str, Any] = {"yi": estimates, "vi": variances, "labels": rows, "studies": names, "V": covariance}
        made |= {"measure": measure, "unit": unit, "n": n, "title": title, "higher_is": higher_is}
        if digits is not None:
            made["lineage"] = printed_lineage(names, estimates, sei, digits)
        return cls._made(made | {"moderators": {} if moderators is None else moderators})

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        measure: str,
        *positional: object,
        study: str | None = None,
        label: str | None = None,
        cluster: str | None = None,
        moderators: Sequence[str] | None = None,
        V: ArrayLike | None = None,
        unit: str | None = None,
        title: str = "",
        higher_is: str = "neutral",
        arms: tuple[str, str] | tuple[()] = (),
        events: str | float | None = None,
        non_events: str | float | None = None,
        total: str | float | None = None,
        control_events: str | float | None = None,
        control_non_events: str | float | None = None,
        control_total: str | float | None = None,
        both: str | float | None = None,
        first_only: str | float | None = None,
        second_only: str | float | None = None,
        neither: str | float | None = None,
        cor: str | float | None = None,
        patients: str | float | None = None,
        time: str | float | None = None,
        person_time: str | float | None = None,
        frailty: str | float | None = None,
        control_person_time: str | float | None = None,
        mean: str | float | None = None,
        sd: str | float | None = None,
        n: str | float | None = None,
        control_mean: str | float | None = None,
        control_sd: str | float | None = None,
        control_n: str | float | None = None,
        d: str | float | None = None,
        t: str | float | None = None,
        p: str | float | None = None,
        post_mean: str | float | None = None,
        post_sd: str | float | None = None,
        pre_mean: str | float | None = None,
        pre_sd: str | float | None = None,
        predictors: str | float | None = None,
        r2: str | float | None = None,
        alpha: str | float | None = None,
        items: str | float | None = None,
        observed_minus_expected: str | float | None = None,
        ai: str | float | None = None,
        bi: str | float | None = None,
        ci: str | float | None = None,
        di: str | float | None = None,
        n1i: str | float | None = None,
        n2i: str | float | None = None,
        x1i: str | float | None = None,
        t1i: str | float | None = None,
        x2i: str | float | None = None,
        t2i: str | float | None = None,
        xi: str | float | None = None,
        ni: str | float | None = None,
        mi: str | float | None = None,
        ti: str | float | None = None,
        m1i: str | float | None = None,
        sd1i: str | float | None = None,
        m2i: str | float | None = None,
        sd2i: str | float | None = None,
        sdi: str | float | None = None,
        pi: str | float | None = None,
        ri: str | float | None = None,
        r2i: str | float | None = None,
        oei: str | float | None = None,
        yi: str | float | None = None,
        vi: str | float | None = None,
        vtype: str | None = None,
        add: float | None = None,
        to: str | None = None,
        drop00: bool | None = None,
        correct: bool | None = None,
        flip: bool | None = None,
        impute_sd: bool = False,
        **unknown: object,
    ) -> Self:
        """Return the table of effect estimates made from columns of a frame; nothing corrected, nothing dropped.

        Every column is named by its word: ``events="r"`` says that column ``r`` holds the events. A number in the
        place of a name holds for every row (``cor=0.5``).

        Parameters
        ----------
        frame
            One row an estimate.
        measure
            Code in `MEASURES` (``OR``, ``MD``, ``PLO`` …) or its name (``odds ratio``); it decides which of the columns
            below are needed.
        study, label
            Columns with the study ids and the row labels; labels default to the studies, studies to 1 … k. Without
            ``cluster`` or ``V`` a study may occur once.
        cluster
            Column that says which rows share patients; it becomes ``studies``.
        moderators
            Columns kept as moderators; default: every column that is not used otherwise.
        V
            Covariance matrix of dependent rows, (k, k), with the sampling variances on its diagonal.
        unit, title, higher_is, arms
            As in `EvidenceTable`: unit of the estimates, what is pooled, which way is good, names of the two arms.
        events, non_events, total, control_events, control_non_events, control_total
            Patients with and without the event, and all patients, in the treated (or only) group and in the control
            group: whole numbers. Of the three any two will do. Risk, odds and proportion measures.
        person_time, control_person_time
            Time at risk behind ``events`` and ``control_events``, in one unit for all rows. Rate measures.
        patients, time, frailty
            Hazards (``HAZ``): each row is either ``patients`` with an event of ``total`` in ``time``, or ``events`` in
            ``person_time``, the columns of the other kind empty or absent; times in years. ``frailty`` is the variance
            of patients' hazards around their mean, where one is known.
        mean, sd, n, control_mean, control_sd, control_n
            Mean and standard deviation in the unit of the outcome, and patients, of each group (or the only one).
        d, t, p
            Standardised mean difference, t statistic or signed two-sided p-value in place of means and SDs.
        post_mean, post_sd, pre_mean, pre_sd
            After and before, in the unit of the outcome, with ``n`` and ``cor``. Measures of change.
        cor
            Correlation, between −1 and 1: of two measurements of the same patients, or the effect itself.
        both, first_only, second_only, neither
            Cells of matched pairs: whole numbers.
        predictors, r2, alpha, items
            Number of predictors, R², Cronbach's alpha, number of items.
        observed_minus_expected
            O − E of a log-rank test, with its variance ``vi``.
        ai, bi, ci, di, n1i, n2i, x1i, t1i, x2i, t2i, xi, ni, mi, ti, m1i, sd1i, m2i, sd2i, sdi, pi, ri, r2i, oei
            The same columns under metafor's names, as in `lamevidence.escalc`.
        yi, vi
            Estimates and variances as they are belong to `from_estimates`.
        vtype, correct, flip
            Variance formula, small-sample correction, exchange of the groups; where the measure has them.
        add, to, drop00
            The zero-cell rule: how much is added, to which tables (``none``; ``only0``, the default once ``add`` is
            given; ``all``; ``if0all``), and whether tables without any event are dropped. Default: no correction.
        impute_sd
            Impute SDs that are missing from those of at least 3 other studies, for ``MD`` and ``MN``: √{s₀² d/(d − 2)}
            with d and s₀² of the scaled inverse χ² law of the printed variances (Smyth 2004,
            doi:10.2202/1544-6115.1027), so that the row weighs less the more SDs differ. For ``SMD`` and ``SMDH``,
            which divide by it, s₀ on d degrees of freedom takes the place of the SD in Hedges' g and in its unbiased
            variance, whatever ``vtype``; an arm that prints its SD adds its own (``SMD``). Row, lineage and notes say
            so.
        positional, unknown
            Refused: columns go by the words above.

        Returns
        -------
        EvidenceTable
            One row a row of the frame. Where counts leave no estimate without a correction, ``yi`` and ``vi`` are NaN,
            the counts are kept for models that need no estimate a study, and a note says so.

        Raises
        ------
        UnknownName
            The measure, an argument or a column of the frame does not exist; the nearest name is given.
        OptionError
            The numbers given do not make the measure, or an option does not apply.
        InputError
            A number that cannot be data, with its row and column.

        See Also
        --------
        EvidenceTable.from_estimates : from estimates with variances, standard errors or intervals.
        lamevidence.escalc : the same numbers without a table.

        Examples
        --------
        >>> import lamevidence as lam, pandas as pd
        >>> frame = pd.DataFrame({"trial": ["A", "B"], "r": [4, 6], "n": [123, 306], "rc": [11, 29], "nc": [139, 303]})
        >>> table = lam.EvidenceTable.from_frame(
        ...     frame, "RR", study="trial", events="r", total="n", control_events="rc", control_total="nc"
        ... )
        >>> [round(float(y), 4) for y in table.yi]
        [-0.8893, -1.5854]
        """
        call = dict(locals())  # the columns and options by name, so that they need not be listed a third time
        if positional:
            raise OptionError(
                "from_frame takes the columns by name · write EvidenceTable.from_frame(frame, measure, study='…',"
                " events='…', total='…')"
            )
        measure = measure_code(measure)
        entry = MEASURES[measure]
        columns, options = split_words(call)
        if entry.needs == ("yi", "vi"):
            raise OptionError(estimates_as_given(entry.code, columns | unknown))
        for word in unknown:
            if word in FRAME_WORDS:
                told = f"{FRAME_WORDS[word]}={shown(unknown[word])}"
                raise OptionError(f"from_frame has no argument {word!r} · here that is {told}")
            known = (*words_of(entry), "study", "label", "cluster", "moderators", "V", "unit")
            raise UnknownName(f"argument for measure {entry.code}", word, known)
        names = {"study": study, "label": label, "cluster": cluster}
        asked = a_flag("impute_sd", impute_sd)
        made = frame_fields(frame, measure, columns, options, **names, moderators=moderators, V=V, impute_sd=asked)
        return cls._made(made | {"unit": unit, "title": title, "higher_is": higher_is, "arms": arms})

    @classmethod
    def concat(cls, tables: Sequence[TableFactories], *, names: Sequence[str] | None = None) -> Self:
        """Return the rows of several tables of one measure and unit, one after the other.

        Parameters
        ----------
        tables
            Two or more tables. Rows of one study, of whichever table, share patients.
        names
            One name a table: row labels become ``label (name)``, and the moderator ``table`` holds the names.
            Without them labels must differ, except in tables whose rows are only numbered: these are numbered anew.

        Returns
        -------
        EvidenceTable
            All rows; what the tables disagree about (title, question, arms) is left empty.

        Raises
        ------
        OptionError
            Not tables, or tables of several measures, units or kinds of rows.
        InputError
            A label in two tables, and no ``names``.

        Examples
        --------
        >>> import lamevidence as lam
        >>> one = lam.EvidenceTable.from_estimates([0.2, 0.5], vi=[0.04, 0.03], labels=["A", "B"])
        >>> two = lam.EvidenceTable.from_estimates([0.1], vi=[0.02], labels=["C"])
        >>> lam.EvidenceTable.concat([one, two]).labels
        ('A', 'B', 'C')
        """
        if not isinstance(tables, Sequence) or not tables:
            raise OptionError(f"tables={shown(tables)} · give a list of tables, such as [one, two]")
        for i, table in enumerate(tables):
            an_instance(
                f"tables[{i}]", table, cls, "make one with EvidenceTable.from_estimates(yi, vi=…) or from_frame"
            )
        names_of_fields = [f.name for f in fields(cls)]  # type: ignore[arg-type]
        return cls._made(concatenated([{name: getattr(t, name) for name in names_of_fields} for t in tables], names))
