"""Certainty of the evidence (GRADE): numbers where they can be computed, judgements where people entered them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..foundation.errors import NotEstimable
from ..foundation.options import an_instance
from ..foundation.printable import one_line
from ..questions.grade import CERTAINTIES, DOMAINS, Judgements, judgements_of, levels_of
from ..results.absolute_effects import AbsoluteEffects
from ..results.contract import Result
from .grade_numbers import Computed, check_against_measure, of_bias, of_imprecision, of_inconsistency, of_publication

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["NOT_JUDGED", "GradeDomain", "GradeProfile", "grade"]

NOT_JUDGED = "not judged"
_NO_RULE = Computed("", "no number speaks of it: it has to be judged", ())


@dataclass(frozen=True, slots=True)
class GradeDomain:
    """One domain of GRADE.

    Attributes
    ----------
    name
        ``risk_of_bias inconsistency indirectness imprecision publication_bias``.
    judged, because
        What was entered, and why; empty where nothing was.
    computed
        What the numbers come to, by which rule.
    """

    name: str
    judged: str
    because: str
    computed: Computed

    @property
    def said(self) -> str:
        """The judgement entered, else the one computed, else ``not judged``."""
        return self.judged or self.computed.verdict or NOT_JUDGED

    @property
    def source(self) -> str:
        """``entered``, ``computed``, or empty where neither is."""
        return "entered" if self.judged else "computed" if self.computed.verdict else ""

    @property
    def levels(self) -> int | None:
        """Levels down; None where it is not judged."""
        return None if self.said == NOT_JUDGED else levels_of(self.name, self.said)

    def line(self) -> str:
        """Return the domain in one line: judgement, whose, why, the numbers."""
        name = self.name.replace("_", " ")
        why = self.because if self.judged else self.computed.rule
        parts = [f"{name}: {self.said}{f' ({self.source})' if self.source else ''}", why]
        if self.judged and self.computed.verdict and self.computed.verdict != self.judged:
            parts.append(f"the numbers alone: {self.computed.verdict} ({self.computed.rule})")
        return one_line(" · ".join([*parts, *self.computed.numbers]))


@dataclass(frozen=True, slots=True, repr=False)
class GradeProfile:
    """The certainty of one body of evidence, domain by domain; made by `grade`.

    Attributes
    ----------
    fit
        The result that is judged.
    domains
        The five domains.
    judgements
        What was entered.
    absolute
        The absolute effect at the baseline that was entered, None where none was.
    no_absolute
        Why there is none although a baseline was entered.
    """

    fit: Result
    domains: tuple[GradeDomain, ...]
    judgements: Judgements
    absolute: AbsoluteEffects | None = None
    no_absolute: str = ""

    @property
    def certainty(self) -> str:
        """The certainty that was entered, ``not judged`` where none was: it is never computed."""
        entered = self.judgements.certainty
        return NOT_JUDGED if entered is None else entered.judgement

    @property
    def symbols(self) -> str:
        """``⊕⊕◯◯`` for low; empty where the certainty was not judged."""
        if self.certainty == NOT_JUDGED:
            return ""
        at = CERTAINTIES.index(self.certainty) + 1
        return "⊕" * at + "◯" * (4 - at)

    @property
    def disagreement(self) -> str:
        """What the levels come to where that is not the certainty entered; empty where they agree or are not known."""
        start, entered = self.judgements.start, self.judgements.certainty
        downs = [domain.levels for domain in self.domains]
        if start is None or entered is None or None in downs:
            return ""
        down = sum(x for x in downs if x is not None)
        up = sum(x.levels for x in self.judgements.upgrades.values())
        at = min(max(CERTAINTIES.index(start.judgement) - down + up, 0), 3)
        if CERTAINTIES[at] == entered.judgement:
            return ""
        return (
            f"from {start.judgement}, {down} level{'' if down == 1 else 's'} down and {up} up come to"
            f" {CERTAINTIES[at]}; {entered.judgement} was entered"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a domain: ``domain judgement source levels because computed rule numbers``."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "domain": d.name,
                    "judgement": d.said,
                    "source": d.source,
                    "levels": d.levels,
                    "because": d.because,
                    "computed": d.computed.verdict,
                    "rule": d.computed.rule,
                    "numbers": "; ".join(d.computed.numbers),
                }
                for d in self.domains
            ]
        ).astype({"levels": "Int64"})

    def to_json(self) -> dict[str, Any]:
        """Return plain values; None for what was not judged."""
        j = self.judgements
        return {
            "start": None if j.start is None else {"certainty": j.start.judgement, "because": j.start.because},
            "domains": [
                {
                    "domain": d.name,
                    "judgement": None if d.said == NOT_JUDGED else d.said,
                    "source": d.source or None,
                    "because": d.because or None,
                    "computed": d.computed.verdict or None,
                    "rule": d.computed.rule,
                    "numbers": list(d.computed.numbers),
                }
                for d in self.domains
            ],
            "upgrades": {name: {"levels": up.levels, "because": up.because} for name, up in j.upgrades.items()},
            "certainty": None if j.certainty is None else j.certainty.judgement,
            "because": None if j.certainty is None else j.certainty.because,
            "disagreement": self.disagreement or None,
            "absolute": None if self.absolute is None else self.absolute.to_json(),
            "no_absolute": self.no_absolute or None,
            "judged_by": j.judged_by or None,
        }

    def lines(self) -> list[str]:
        """Return the profile as lines: start, domains, upgrades, certainty."""
        j = self.judgements
        told = [f"{n} {name.replace('_', ' ')}" for name, n in Counter(self.fit.table.designs or ()).items() if name]
        designs = f" · designs: {', '.join(told)}" if told else ""
        start = NOT_JUDGED if j.start is None else f"{j.start.judgement} (entered) · {j.start.because}"
        out = [f"starts at: {start}{designs}", *(d.line() for d in self.domains)]
        out += [
            f"{name.replace('_', ' ')}: {up.levels} level{'' if up.levels == 1 else 's'} up (entered) · {up.because}"
            for name, up in j.upgrades.items()
        ]
        if not j.upgrades:
            out.append("reasons to rate up: none entered")
        why = "" if j.certainty is None else f" · {j.certainty.because}"
        out.append(f"certainty: {self.certainty}{f' {self.symbols}' if self.symbols else ''}{why}")
        out += [self.disagreement] if self.disagreement else []
        if self.absolute is not None and j.baseline is not None:
            out.append(f"{self.absolute.describe()} Baseline: {j.baseline.because}")
        out += [f"no absolute effect: {self.no_absolute}"] if self.no_absolute else []
        out += [f"judged by {j.judged_by}"] if j.judged_by else []
        return [one_line(x) for x in out]

    def __repr__(self) -> str:
        return "\n".join(["Certainty of the evidence (GRADE)", *(f"  {line}" for line in self.lines())])


def grade(fit: Result, judgements: Judgements | Mapping[str, Any] | None = None) -> GradeProfile:
    """Return the certainty of the evidence behind a result, domain by domain.

    Imprecision (does the interval hold no effect or a threshold, are there patients enough), inconsistency (I²,
    prediction interval, overlap), risk of bias (share of weight by recorded judgement) and publication bias (number of
    studies, from ten on a test of asymmetry) are computed by rules that are printed; an entered judgement goes before
    them, and both are shown. Indirectness, the start, reasons to rate up and the certainty itself are entered or
    printed as ``not judged``.

    Parameters
    ----------
    fit
        A result with one mean.
    judgements
        What was judged: `lamevidence.questions.Judgements`, or a mapping of the form of the ``grade:`` block of a
        question, each judgement with its ``because``.

    Returns
    -------
    GradeProfile
        ``.domains``, ``.certainty``, ``.to_frame()``, text.

    Raises
    ------
    OptionError
        A word that GRADE does not have, a judgement without its reason; a threshold that the measure cannot take, an
        information size planned on another kind of outcome, a baseline that is none.
    NotEstimable
        The result has several coefficients.

    See Also
    --------
    summary_of_findings : profiles side by side.

    References
    ----------
    Guyatt et al. 2008, doi:10.1136/bmj.39489.470347.AD.

    Examples
    --------
    >>> import lamevidence as lam
    >>> fit = lam.pool(lam.load_registry().evidence("serious-adverse-events-two-arm"))
    >>> judged = {"domains": {"indirectness": {"judgement": "serious", "because": "another dose"}}}
    >>> found = lam.reports.grade(fit, judged)
    >>> found.to_frame().set_index("domain")["judgement"]["indirectness"], found.certainty
    ('serious', 'not judged')
    """
    an_instance("fit", fit, Result, "give what pool or pool_bayes returns")
    if fit.names != ("mu",):
        raise NotEstimable(
            f"certainty is rated for one pooled effect, and this model has {', '.join(fit.names)}"
            " · use a result with one mean"
        )
    entered = (
        judgements if isinstance(judgements, Judgements) else judgements_of({} if judgements is None else judgements)
    )
    check_against_measure(fit, entered.thresholds, entered.information)
    numbers = {
        "risk_of_bias": of_bias(fit),
        "inconsistency": of_inconsistency(fit, entered.thresholds),
        "indirectness": _NO_RULE,
        "imprecision": of_imprecision(fit, entered.thresholds, entered.information),
        "publication_bias": of_publication(fit),
    }
    domains = tuple(_domain(name, entered, numbers[name]) for name in DOMAINS)
    absolute, why_not = None, ""
    if entered.baseline is not None:
        at = entered.baseline.at
        try:
            absolute = fit.absolute(at[0] if len(at) == 1 else at, time=entered.baseline.time)  # type: ignore[arg-type]
        except NotEstimable as refused:
            why_not = str(refused)
    return GradeProfile(fit, domains, entered, absolute, why_not)


def _domain(name: str, entered: Judgements, computed: Computed) -> GradeDomain:
    judged = entered.domains.get(name)
    return GradeDomain(
        name, "" if judged is None else judged.judgement, "" if judged is None else judged.because, computed
    )
