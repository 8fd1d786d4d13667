"""Risk of bias by domain: how many studies were judged how."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ..errors import OptionError
from ..options import a_choice
from .bias import judged_by, judgement
from .canvas import finished, in_own_style, start
from .figure import Plot
from .scatter_data import table_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_rob_summary"]

_ORDER = ("low", "yes", "some concerns", "moderate", "partly", "unclear", "high", "serious", "no", "critical",
          "no information", "not reported", "not applicable")


@in_own_style
def plot_rob_summary(result: Any, *, tool: str | None = None, ax: Axes | None = None) -> Plot:  # noqa: ANN401
    """Draw one stacked bar a domain, in percent of the studies judged with one tool.

    Parameters
    ----------
    result
        A pooled result or an `EvidenceTable`.
    tool
        Which tool, when the rows were judged with several.
    ax
        Axes to draw on.
    """
    tools = judged_by(table_of(result))
    if not tools:
        raise OptionError("no row of this table has risk-of-bias judgements · add risk_of_bias to the table")
    if tool is None and len(tools) > 1:
        raise OptionError(f"the rows were judged with several tools · give tool= one of {', '.join(tools)}")
    name = next(iter(tools)) if tool is None else tool
    a_choice("risk-of-bias tool", name, tools)
    domains = tools[name]
    figure, ax = start(ax, 5.0, 0.8 + 0.26 * len(domains))
    seen: list[str] = []
    for i, (_, words) in enumerate(reversed(domains.items())):
        tally = Counter(w.lower().replace("_", " ") for w in words)
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
