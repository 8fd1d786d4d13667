"""Risk of bias by domain: how many studies were judged how."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from ..foundation.errors import OptionError
from ..foundation.options import a_choice
from .bias import judged_by, judgement, judgement_word
from .data import FigureSource, table_of
from .drawing.canvas import finished, in_own_style, start
from .drawing.figure import Plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["rob_summary"]

_ORDER = (
    "low",
    "yes",
    "include",
    "some concerns",
    "some",
    "moderate",
    "partly",
    "unclear",
    "seek further info",
    "high",
    "serious",
    "no",
    "exclude",
    "critical",
    "no information",
    "not reported",
    "not applicable",
)
"""From good to bad to unknown: every word of `JUDGEMENTS`."""


@in_own_style
def rob_summary(fit: FigureSource, *, tool: str | None = None, ax: Axes | None = None) -> Plot:
    """Draw one stacked bar a domain, in percent of the studies judged with one tool.

    Parameters
    ----------
    fit
        A result of any model, or an `EvidenceTable`, whose rows have risk-of-bias judgements.
    tool
        Which tool, when the rows were judged with several.
    ax
        Axes to draw on.

    Returns
    -------
    Plot
        The figure.

    Raises
    ------
    OptionError
        No row was judged, or the rows were judged with several tools.
    UnknownName
        No row was judged with this tool.

    See Also
    --------
    lamevidence.plots.forest : The judgements beside the estimates.

    References
    ----------
    Sterne et al. 2019, doi:10.1136/bmj.l4898.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.load_registry().evidence("serious-adverse-events-two-arm")
    >>> lam.plots.rob_summary(table).description
    'Risk of bias by domain, RoB2.'
    """
    tools = judged_by(table_of(fit, "a summary of risk of bias"))
    if not tools:
        raise OptionError(
            "no row of this table has risk-of-bias judgements · add them: dataclasses.replace(table, risk_of_bias=…)"
        )
    if tool is None and len(tools) > 1:
        raise OptionError(f"the rows were judged with several tools · give tool= one of {', '.join(tools)}")
    name = next(iter(tools)) if tool is None else tool
    a_choice("risk-of-bias tool", name, tools)
    domains = tools[name]
    figure, ax = start(ax, 5.0, 0.8 + 0.26 * len(domains))
    seen: list[str] = []
    for i, (_, words) in enumerate(reversed(domains.items())):
        tally = Counter(judgement_word(w) for w in words)
        left = 0.0
        for word in sorted(tally, key=_ORDER.index):
            share = 100 * tally[word] / len(words)
            look = judgement(word)
            ax.barh(i, share, left=left, height=0.7, color=look.face, edgecolor="black", lw=0.4)
            ax.text(left + share / 2, i, f"{tally[word]}", ha="center", va="center", fontsize=6.5, color=look.ink)
            left += share
            seen += [word] if word not in seen else []
    ax.set_yticks(range(len(domains)), [d.replace("_", " ") for d in reversed(domains)])
    ax.set_xlim(0, 100)
    from matplotlib.patches import Patch

    words_used = sorted(seen, key=_ORDER.index)
    keys = [Patch(facecolor=judgement(w).face, edgecolor="black", lw=0.4, label=w) for w in words_used]
    figure.legend(handles=keys, loc="outside lower center", ncols=min(len(keys), 4), fontsize=6.5, frameon=False)
    return finished(figure, ax, "Studies (%), numbers are counts", "", f"Risk of bias by domain, {name}.")
