"""The forest plot: studies, pooled estimates and prediction interval in one figure."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...effects.evidence_table import EvidenceTable
from ...foundation.errors import EvidenceWarning, FigureTooNarrow, NotEstimable, OptionError
from ...foundation.numbers import fixed
from ...network.results import NetworkPooled
from ...synthesis.joint_posterior import JointPosterior
from ..data import FigureSource
from ..drawing.canvas import an_axes
from ..drawing.figure import Plot, own_style
from ..drawing.measure import missing_characters
from ..drawing.shapes import Text
from .columns import effect_text, measure_columns
from .content import Options, content, network_content
from .draw import draw
from .entries import Content, StudyRow, SummaryRow
from .joint_content import joint_content
from .layout import BASE, ForestLayout, lay_out, width_in_points
from .presets import Preset, preset

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["ForestPlot", "finish", "forest"]


@dataclass(frozen=True, eq=False, repr=False)
class ForestPlot(Plot):
    """A forest plot and the data it shows.

    Attributes
    ----------
    rows
        One row a line of the plot: ``key`` (the SVG id), ``kind``, ``study``, ``label``, ``group``,
        ``estimate``, ``low``, ``high`` as displayed, ``weight`` in percent, ``n``, the ``printed`` text and
        ``y``, its place on ``ax``; of a model with moderators ``fitted``, ``fitted_low``, ``fitted_high`` too.
    layout
        Every mark with its position in points.
    """

    layout: ForestLayout = field(kw_only=True)
    _content: Content = field(kw_only=True)
    _style: Preset = field(kw_only=True)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Return one row a line of the plot."""
        return _frame(self._content, self._style, self.layout)


def _frame(found: Content, style: Preset, layout: ForestLayout) -> pd.DataFrame:
    import pandas as pd

    separator = measure_columns(found, style, BASE).separator
    records = []
    modelled = any(row.fitted for row in found.studies)
    lines: list[StudyRow | SummaryRow] = [*found.studies, *found.subtotals, *found.summaries]
    for row in lines:
        records.append(
            {
                "key": row.key,
                "kind": "study" if isinstance(row, StudyRow) else row.kind,
                "study": row.study if isinstance(row, StudyRow) else "",
                "label": row.label,
                "group": row.group,
                "estimate": row.estimate,
                "low": row.low,
                "high": row.high,
                "weight": row.weight,
                "n": row.n if isinstance(row, StudyRow) else math.nan,
                "printed": effect_text(row, found, style).joined(separator),
                "y": layout.row_y[row.key],
                "bayes": False if isinstance(row, StudyRow) else row.bayes,
            }
            | (_fitted(row) if modelled else {})
        )
    frame = pd.DataFrame(records)
    frame.attrs["unit"], frame.attrs["level"] = found.display.unit, found.level
    return frame


def _fitted(row: StudyRow | SummaryRow) -> dict[str, float]:
    """Return what a model with moderators says of a row."""
    values = row.fitted if isinstance(row, StudyRow) and row.fitted else (math.nan,) * 3
    return dict(zip(("fitted", "fitted_low", "fitted_high"), values, strict=True))


def _describe(found: Content) -> str:
    """Return one sentence that reads the plot aloud."""
    k, d = len(found.studies), found.decimals
    start = f"Forest plot{f' of {found.title}' if found.title else ''}: {k} {'study' if k == 1 else 'studies'}"
    parts = []
    for row in (*found.subtotals, *found.summaries):
        bounds = "" if math.isnan(row.low) else f"{fixed(row.low, d)} to {fixed(row.high, d)}"
        if row.kind != "prediction":
            unit = f" {found.display.unit}" if found.display.unit else ""
            level = f" ({100 * found.level:g}% interval {bounds})" if bounds else ""
            name = f"{row.group}: {row.label}" if row.group else row.label
            parts.append(f"{name} {fixed(row.estimate, d)}{unit}{level}")
        else:
            parts.append(f"{row.label} {bounds}")
    return "; ".join([start, *parts]) + "."


def _warn_missing(layout: ForestLayout) -> None:
    missing = missing_characters("".join(m.text for m in layout.marks if isinstance(m, Text)))
    if missing:
        warnings.warn(
            EvidenceWarning(
                f"no installed font has {missing!r}, drawn as boxes · install one that does, for example Noto Sans CJK",
                "LW602",
            ),
            stacklevel=3,
        )


def _box(ax: Axes) -> tuple[float, float, float, float]:
    """Return left, top, width and height of an Axes in points."""
    an_axes(ax)
    figure: Any = ax.get_figure()
    width, height = (72 * s for s in figure.get_size_inches())
    place = ax.get_position()
    return place.x0 * width, place.y1 * height, place.width * width, place.height * height


def _panel(fig: Any, layout: ForestLayout, left: float, top: float) -> Axes:  # noqa: ANN401
    """Return a transparent Axes over the panel, in data units across and layout points down."""
    width, height = (72 * s for s in fig.get_size_inches())
    scale = layout.scale
    place = [
        (left + scale.left) / width,
        (top - layout.bottom) / height,
        (scale.right - scale.left) / width,
        (layout.bottom - layout.top) / height,
    ]
    ax: Axes = fig.add_axes(place, label="panel")
    ax.patch.set_alpha(0.0)
    if scale.log:
        ax.set_xscale("log")
    ax.set_xlim(*scale.edges)
    ax.set_ylim(layout.bottom, layout.top)
    ax.xaxis.set_visible(False)
    ax.yaxis.set_visible(False)
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set_zorder(2)
    return ax


def _figure(layout: ForestLayout, ax: Axes | None, box: tuple[float, float, float, float] | None) -> tuple[Any, Axes]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure: Any
    if ax is None or box is None:
        figure = Figure(figsize=(layout.width / 72, layout.height / 72), dpi=100, facecolor="white")
        FigureCanvasAgg(figure)
        left, top = 0.0, layout.height
    else:
        if layout.height > box[3] + 0.5:
            raise FigureTooNarrow(
                f"LE601: the figure needs {layout.height:.0f} pt of height, the Axes has {box[3]:.0f} pt"
                " · make the Axes taller"
            )
        figure, left, top = ax.get_figure(), box[0], box[1]
        ax.set_axis_off()
    draw(figure, layout.marks, left, top)
    return figure, _panel(figure, layout, left, top)


def finish(
    found: Content, style: Preset, laid: ForestLayout, ax: Axes | None, box: tuple[float, float, float, float] | None
) -> ForestPlot:
    """Return the drawn plot of a layout."""
    with own_style():
        figure, panel = _figure(laid, ax, box)
    _warn_missing(laid)
    return ForestPlot(figure, panel, _describe(found), layout=laid, _content=found, _style=style)


def forest(
    fit: FigureSource | NetworkPooled | Sequence[FigureSource],
    *,
    layout: str = "revman",
    columns: Sequence[str] | Mapping[str, str] | None = None,
    group: str | Sequence[str] | None = "design",
    pi: bool = True,
    shrinkage: bool | str = "auto",
    rob: bool | str = "auto",
    width: float | str | None = None,
    ax: Axes | None = None,
    xlim: tuple[float, float] | None = None,
    ref: float | str | None = "auto",
    sort: str | None = None,
    title: str | None = None,
    level: float | None = None,
    overall_test: bool = False,
) -> ForestPlot:
    """Draw a forest plot.

    Values are shown back-transformed: ratios on a log axis, proportions in percent. The area of a
    square is proportional to the study's weight; a pooled estimate is a diamond, a prediction
    interval a bar of its own.

    Parameters
    ----------
    fit
        A fitted result of any model, several of them made from the same table, or an `EvidenceTable` (then nothing
        is pooled). A model with moderators has an open diamond at the fitted value of each row, and its coefficients
        beside the axis. A subgroup analysis gives every group its diamond and the test whether the groups differ;
        weights are those of the result beside it, or, when it stands alone, those within each group. The filled
        studies of trim and fill are open squares. A joint synthesis shows its studies by design, each with its own
        effect, the effect from each design alone, and the joint one; with another ``group`` its rows. A pooled network
        shows the other treatments against its reference.
    layout
        ``revman``, ``jama``, ``bmj`` or ``metafor``.
    columns
        Columns between labels and panel: ``n``, ``year``, names of counts or moderators, or a mapping of
        such names to headers. Without it those usual for the table's counts.
    group
        ``design`` (of a table without designs: ``study``), ``study`` (studies with several rows), the name of a
        moderator, one heading a row, or None. One heading alone is not shown.
    pi
        Whether prediction intervals are shown.
    shrinkage
        Whether a posterior's study effects are drawn under the observed ones; ``auto`` does when a
        posterior stands beside another result.
    rob
        Whether risk-of-bias judgements are shown; ``auto`` does when all come from one tool.
    width
        In mm (85, 140, 178 …), as ``"7in"``, or ``single``, ``1.5``, ``double``; by content when None.
    ax
        Draw into the box of this Axes.
    xlim
        Limits of the axis, as displayed.
    ref
        Line of no effect: ``auto`` (the measure's), a number as displayed, or None.
    sort
        ``estimate``, ``weight``, ``year``, ``none``; without it year, then label.
    title
        Words over the panel; without it the table's title.
    level
        Level of all intervals; without it the result's own, else 0.95.
    overall_test
        Whether the test of the pooled estimate against no effect is printed.

    Returns
    -------
    ForestPlot
        With ``fig``, ``ax`` (data units), ``rows`` and ``save``.

    Raises
    ------
    FigureTooNarrow
        LE601: the width cannot hold the text; the message names the smallest width that can.
    NotEstimable
        The table has no rows.
    OptionError, UnknownName
        Not something a forest plot is made of, or an option that does not apply; the message names what does.

    See Also
    --------
    lamevidence.plots.estimates : Rows that are not studies, from a frame.
    lamevidence.plots.orchard : All estimates of a result on one branch.

    References
    ----------
    Lewis & Clarke 2001, doi:10.1136/bmj.322.7300.1479; IntHout et al. 2016, doi:10.1136/bmjopen-2015-010247.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.2, 0.5], vi=[0.04, 0.03], labels=["A", "B"])
    >>> list(lam.forest(table).rows["printed"])
    ['0.20 [\u22120.19, 0.59]', '0.50 [0.16, 0.84]']
    """
    style = preset(layout)
    if ax is not None and width is not None:
        raise OptionError("width and ax both set the width · give one of them")
    asked = Options(columns, group, pi, shrinkage, rob, xlim, ref, sort, title, level, overall_test)
    found = _content(fit, style, asked)
    box = None if ax is None else _box(ax)
    with own_style():
        laid = lay_out(found, style, width_in_points(width) if box is None else box[2])
    return finish(found, style, laid, ax, box)


def _content(fit: object, style: Preset, asked: Options) -> Content:
    """Return what the plot of a table, of a network or of results says."""
    if isinstance(fit, EvidenceTable):
        return content([], fit, style, asked)
    given: list[Any] = list(fit) if isinstance(fit, list | tuple) else [fit]
    if not given:
        raise NotEstimable("there is no result to draw · give one, or an EvidenceTable")
    if isinstance(given[0], NetworkPooled) and len(given) == 1:
        return network_content(given[0], style, asked)
    if isinstance(given[0], JointPosterior) and len(given) == 1 and asked.group == "design":
        return joint_content(given[0], asked)
    return content(given, None, style, asked)
