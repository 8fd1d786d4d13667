"""``lamevidence pool QUESTION``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from ..foundation.errors import NotEstimable, OptionError
from ..foundation.options import shown
from .output import ascii_only, open_registry, print_json, terminal_width

__all__ = ["pool_question", "stated_baseline"]


def stated_baseline(text: str) -> float | tuple[float, ...] | Literal["controls"]:
    """Return what ``--baseline`` says: a number, low and high with a comma between, or ``controls``."""
    if text == "controls":
        return "controls"
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError:
        raise OptionError(
            f"--baseline {shown(text)} · give a risk such as 0.1, a low and a high one such as 0.05,0.2, or controls"
        ) from None
    return numbers[0] if len(numbers) == 1 else numbers


def pool_question(
    question: str,
    options: Mapping[str, Any],
    *,
    baseline: str | None = None,
    time: str = "",
    studies: Path | None,
    as_json: bool,
) -> None:
    """Print the answer to a question: both engines, and how far each choice carries it."""
    from ..reports.answer import whole_answer
    from ..reports.shapes import answer_shape
    from ..reports.terminal import render_answer

    if time and baseline is None:
        raise OptionError(
            "--time says by when a baseline risk holds, and none is given · add --baseline, or leave it out"
        )
    at = None if baseline is None else stated_baseline(baseline)
    found = whole_answer(open_registry(studies), question, options, baseline=at, time=time)
    if found.leading is None and found.question.pooled:
        raise NotEstimable(found.why_not_pooled)
    if as_json:
        print_json(answer_shape(found))
        return
    print(render_answer(found, width=terminal_width(), ascii_only=ascii_only()))
