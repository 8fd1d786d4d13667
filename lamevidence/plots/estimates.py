"""Forest of estimates that are not studies, one row an analysis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..checks.tables import CheckTable
from ..effects.evidence_table import EvidenceTable
from ..effects.given_numbers import floats
from ..effects.measures.base import FloatArray
from ..foundation.errors import InputError, OptionError
from ..foundation.options import a_level, a_text, an_instance, shown
from ..results.scale import ReaderScale, reader_scale, reference_line
from .data import labels_of, numbers_of
from .drawing.figure import own_style
from .drawing.text import plain
from .forest.entries import Content, StudyRow
from .forest.forest import ForestPlot, finish
from .forest.layout import lay_out, width_in_points
from .forest.presets import preset

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_rows", "estimates"]


def _rows(labels: Sequence[str], values: FloatArray, display: ReaderScale) -> list[StudyRow]:
    """Return the rows of estimates and bounds (m, 3) on the analysis scale; NaN where a row has none."""
    rows = []
    for i, (label, row) in enumerate(zip(labels, values, strict=True)):
        e, *ends = (display.read(float(v)) for v in row)
        low, high = ends if math.isnan(ends[0]) else sorted(ends)
        rows.append(StudyRow(f"row-{i + 1}", i, label, label, "", "", math.nan, e, low, high, math.nan, 0.3))
    return rows


def _plot(
    labels: Sequence[str],
    values: FloatArray,
    display: ReaderScale,
    *,
    layout: str,
    title: str,
    level: float,
    ref: object = "auto",
    width: float | str | None = None,
    notes: Sequence[str] = (),
) -> ForestPlot:
    from scipy import special

    style = preset(layout)
    rows = _rows(labels, values, display)
    widths = [r.high - r.low for r in rows if math.isfinite(r.high - r.low)]
    se = min(widths, default=math.nan) / (2 * float(special.ndtri(0.5 + a_level(level) / 2)))
    found = Content(
        title=title,
        display=display,
        level=level,
        decimals=display.decimals(se),
        null=reference_line(ref, display.null, display.log),
        studies=tuple(rows),
        footnotes=tuple(plain(text) for text in notes if text),
        fixed_columns=True,
    )
    with own_style():
        laid = lay_out(found, style, width_in_points(width))
    return finish(found, style, laid, None, None)


def estimates(
    frame: pd.DataFrame,
    evidence: EvidenceTable,
    *,
    layout: str = "revman",
    title: str | None = None,
    level: float = 0.95,
    ref: float | str | None = "auto",
    width: float | str | None = None,
    note: str = "",
) -> ForestPlot:
    """Draw a frame with ``label``, ``estimate``, ``low``, ``high`` (analysis scale) in the order it has.

    Parameters
    ----------
    frame
        One row an analysis.
    evidence
        The table the analyses were made from: it gives measure, unit and title.
    layout, title, ref, width
        As for `forest`.
    level
        Level of the intervals in the frame, printed in the header.
    note
        A sentence under the figure.

    Returns
    -------
    ForestPlot
        With one row an analysis in ``rows``.

    Raises
    ------
    InputError
        A row has no number, or its bounds are the wrong way round.
    OptionError, UnknownName
        Not a table, or an option that does not apply.

    See Also
    --------
    lamevidence.plots.forest : Studies and what they pool to.

    References
    ----------
    Lewis & Clarke 2001, doi:10.1136/bmj.322.7300.1479.

    Examples
    --------
    >>> import pandas as pd
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([0.1, 0.3], vi=[0.03, 0.03])
    >>> frame = pd.DataFrame({"label": ["REML", "DL"], "estimate": [0.2, 0.21], "low": [-0.1, 0], "high": [0.5, 0.42]})
    >>> list(lam.plots.estimates(frame, table).rows["printed"])
    ['0.20 [\u22120.10, 0.50]', '0.21 [0.00, 0.42]']
    """
    an_instance("evidence", evidence, EvidenceTable, "give the table the analyses were made from, such as fit.table")
    a_text("note", note)
    if title is not None:
        a_text("title", title)
    labels = labels_of(frame)
    low, middle, high = (numbers_of(frame, name) for name in ("low", "estimate", "high"))
    if (low > high).any():
        raise InputError("a lower bound is above its upper bound · check the columns low and high")
    values = np.column_stack([middle, low, high])
    return _plot(
        labels,
        values,
        reader_scale(evidence),
        layout=layout,
        title=evidence.title if title is None else title,
        level=a_level(level),
        ref=ref,
        width=width,
        notes=(note, *evidence.notes, f"Evidence {evidence.fingerprint}"),
    )


def check_rows(check: CheckTable, labels: Sequence[str], *, layout: str, level: float | None, note: str) -> ForestPlot:
    """Draw the refits of a check in its order; a refit that does not exist is printed as not estimable.

    Parameters
    ----------
    check
        With ``estimate``, ``low``, ``high`` and the result it was made from.
    labels
        What the rows are called.
    layout
        As for `forest`.
    level
        Level of the intervals; another than that of the check is refused, since its intervals are made.
    note
        A sentence under the figure.
    """
    fit = check.fit
    if fit is None:
        raise OptionError(
            f"the check {check.title!r} does not hold the result it was made from"
            " · give its frame with the table: check.to_frame(), table"
        )
    if level is not None and a_level(level) != fit.level:
        raise OptionError(
            f"level={shown(level)}, and these intervals were made at {fit.level:g}"
            " · fit with this level, and make the check anew"
        )
    columns = [floats(check[name], name) for name in ("estimate", "low", "high")]
    lost = [label for label, x in zip(labels, columns[0], strict=True) if math.isnan(x)]
    table, one = fit.table, len(fit.names) == 1
    own = table.notes if isinstance(table, EvidenceTable) else ()
    notes = (
        note if one else note.replace("pooled estimate", f"coefficient {check.term}"),
        f"Not estimable: {', '.join(lost)}." if lost else "",
        *(f"{text[:1].upper()}{text[1:]}." for text in check.notes),
        *own,
        f"Evidence {table.fingerprint}",
    )
    title = table.title if isinstance(table, EvidenceTable) and one else "" if one else check.term
    # coefficients are read as the result displays them: a difference of logits is no proportion
    scale = fit.display().scale if one else replace(fit.display().scale, left="", right="")
    return _plot(labels, np.column_stack(columns), scale, layout=layout, title=title, level=fit.level, notes=notes)
