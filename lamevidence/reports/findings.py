"""Summary of findings: outcomes side by side, each number taken from a result, never typed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..foundation.errors import OptionError
from ..foundation.numbers import count
from ..foundation.options import shown
from ..foundation.printable import one_line
from .certainty import NOT_JUDGED, GradeProfile
from .grade_numbers import patients

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SummaryOfFindings", "summary_of_findings"]

_NONE = "not stated"


@dataclass(frozen=True, slots=True, repr=False)
class SummaryOfFindings:
    """A summary of findings table; made by `summary_of_findings`.

    Attributes
    ----------
    profiles
        Outcome → its certainty, with the result behind it.
    """

    profiles: Mapping[str, GradeProfile]

    def rows(self) -> list[dict[str, str]]:
        """Return the table as words, one row an outcome and baseline."""
        return [row for name, profile in self.profiles.items() for row in _rows(name, profile)]

    def to_frame(self) -> pd.DataFrame:
        """Return one row an outcome and baseline.

        Columns ``outcome studies patients effect without with difference nnt certainty because``, in words as printed.
        """
        import pandas as pd

        return pd.DataFrame(self.rows())

    def to_json(self) -> dict[str, Any]:
        """Return the rows as plain values, and each profile."""
        return {"rows": self.rows(), "profiles": {name: p.to_json() for name, p in self.profiles.items()}}

    def text(self) -> str:
        """Return the table as lines of text."""
        lines = ["Summary of findings"]
        for row in self.rows():
            studies = "1 study" if row["studies"] == "1" else f"{row['studies']} studies"
            lines.append(f"  {row['outcome']}: {studies}, patients {row['patients']}")
            lines.append(f"    {row['effect']}")
            if row["without"] != _NONE:
                lines.append(f"    without {row['without']} · with {row['with']} · {row['difference']} · {row['nnt']}")
            lines.append(f"    certainty {row['certainty']}{': ' + row['because'] if row['because'] else ''}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.text()


def _rows(name: str, profile: GradeProfile) -> list[dict[str, str]]:
    fit = profile.fit
    n = patients(fit)
    entered = profile.judgements.certainty
    head = {
        "outcome": one_line(name),
        "studies": str(len(set(fit.table.studies))),
        "patients": "not reported by every row" if math.isnan(n) else count(n),
        "effect": one_line(str(fit.display())),
    }
    tail = {
        "certainty": f"{profile.symbols} {profile.certainty}".strip(),
        "because": one_line(_reasons(profile) if entered is None else entered.because),
    }
    if profile.absolute is None:
        return [head | {"without": _NONE, "with": _NONE, "difference": _NONE, "nnt": _NONE} | tail]
    found = profile.absolute
    level = f"{100 * found.level:g}%"
    return [
        head
        | {
            "without": found.baseline_words(row),
            "with": found.treated_words(row),
            "difference": found.difference_words(row),
            "nnt": row.needed.words(level, found.interval_name),
        }
        | tail
        for row in found.rows
    ]


def _reasons(profile: GradeProfile) -> str:
    """Return the domains that are more than not serious, where no certainty was entered."""
    down = [f"{d.name.replace('_', ' ')} {d.said} ({d.source})" for d in profile.domains if d.levels]
    open_ = [d.name.replace("_", " ") for d in profile.domains if d.said == NOT_JUDGED]
    return "; ".join([*down, *([f"{NOT_JUDGED}: {', '.join(open_)}"] if open_ else [])])


def summary_of_findings(profiles: Mapping[str, GradeProfile] | Sequence[GradeProfile]) -> SummaryOfFindings:
    """Return the summary of findings of several outcomes.

    Parameters
    ----------
    profiles
        Outcome → what `grade` returned, or a list of them, which go by the titles of their tables. The absolute effect
        is that of the baseline that each profile states.

    Returns
    -------
    SummaryOfFindings
        ``.to_frame()``, text.

    Raises
    ------
    OptionError
        Not profiles, none, or two of one name.

    See Also
    --------
    grade : the certainty of one outcome.

    References
    ----------
    Cochrane Handbook 14.1.

    Examples
    --------
    >>> import lamevidence as lam
    >>> fit = lam.pool(lam.load_registry().evidence("serious-adverse-events-two-arm"))
    >>> judged = {"baseline": {"at": 0.2, "because": "assumed for the example"}}
    >>> table = lam.reports.summary_of_findings({"Serious events": lam.reports.grade(fit, judged)}).to_frame()
    >>> table["without"].tolist(), table["certainty"].tolist()
    (['200 per 1000'], ['not judged'])
    """
    remedy = "give {'outcome': grade(fit), …} or [grade(fit), …]"
    if isinstance(profiles, Mapping):
        pairs = list(profiles.items())
    elif isinstance(profiles, list | tuple):
        pairs = [(p.fit.table.title if isinstance(p, GradeProfile) else "", p) for p in profiles]
    else:
        raise OptionError(f"profiles={shown(profiles)} · {remedy}")
    if not pairs or not all(isinstance(name, str) and isinstance(p, GradeProfile) for name, p in pairs):
        raise OptionError(f"profiles={shown(profiles)} · {remedy}")
    named = dict(pairs)
    if len(named) < len(pairs):
        raise OptionError("two profiles have one name · give {'outcome': grade(fit), …} with a name for each")
    return SummaryOfFindings(named)
