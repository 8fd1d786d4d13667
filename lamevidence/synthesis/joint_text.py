"""A joint synthesis in words: the Methods section, and the paragraph on what each design did to the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..foundation.numbers import p_value
from .design_rows import KINDS
from .joint_fit import SCALES
from .joint_moves import DesignMove, DesignsCompared, compare_designs

if TYPE_CHECKING:
    from .joint_posterior import JointPosterior

__all__ = ["conflict_text", "design_text", "methods_of", "move_text"]

_AGREE = 0.05
"""Below this, after Holm, designs are said to disagree."""


def design_text(post: JointPosterior, compared: DesignsCompared | None = None) -> str:
    """Return the paragraph that says how far each kind of design moved the effect, and whether they agree."""
    unit = f" {post.unit}" if post.unit else ""
    effect = post.effect
    low, high = effect.interval(post.level)
    said = [
        f"All designs together: an effect of {effect.mean:.0f}{unit} ({100 * post.level:g}% {post.interval_name}"
        f" {low:.0f} to {high:.0f})."
    ]
    compared = compare_designs(post) if compared is None else compared
    needed = [m for m in compared.moves if m.without is None]
    said += [
        f"Without {m.words} ({m.share:.0f}% of the information) the effect would not be identified." for m in needed
    ]
    said += [move_text(m, effect.mean, unit) for m in compared.by_size(effect.mean)]
    said.append(f"The priors hold {compared.prior:.0f}% of the information.")
    worst = compared.apart
    return " ".join(said if worst is None else [*said, conflict_text(worst, unit)])


def move_text(move: DesignMove, joint: float, unit: str) -> str:
    """Return the sentence on what the effect would be without one kind of design."""
    assert move.without is not None
    by = round(joint) - round(move.without.mean)  # what is printed is told apart at the digits that are printed
    end = f"they move it {'up' if by > 0 else 'down'} by {abs(by):d}" if by else "they do not move it"
    rest = f"{move.without.mean:.0f}{unit}"
    return f"Without {move.words} ({move.share:.0f}% of the information) it would be {rest}: {end}."


def conflict_text(move: DesignMove, unit: str) -> str:
    """Return the sentence on the kind of design that differs most from the others."""
    verdict = "disagree" if move.p_holm < _AGREE else "do not disagree"
    name = f"{move.words[:1].upper()}{move.words[1:]}"
    return (
        f"{name} differ most from the other designs, by {move.difference:.0f}{unit}, and"
        f" {verdict} with them beyond chance (node split, p {p_value(move.p)}, after Holm {p_value(move.p_holm)})."
    )


def methods_of(post: JointPosterior) -> Sequence[tuple[str, str]]:
    """Return (clause, reference) pairs: model, priors, correlation, discounts, how it was computed."""
    spec = post.spec
    bias = ", plus a bias of its own for each slope measured before treatment" if spec.bias is not None else ""
    clauses = [
        (
            "Slopes of all designs were joined in one Bayesian model: each study has an untreated slope and an"
            f" effect of the drug{bias}, drawn from normal distributions around their means",
            "Welton, Ades, Carlin, Altman & Sterne 2009, doi:10.1111/j.1467-985X.2008.00548.x",
        )
    ]
    for name in (*SCALES, "tau_baseline", "tau_effect", "tau_bias"):
        if name.removeprefix("tau_") in post.names:
            choice = getattr(spec, name)
            said = f"{choice:g}, taken as known" if isinstance(choice, int | float) else repr(choice)
            clauses.append((f"Prior of {name}: {said}", ""))
    if post.rows.selected.any():
        clauses.append((f"Correlation of the slopes of one before-after series: {_range(spec.correlation)}", ""))
    clauses += [
        (f"Rows of {KINDS[kind]} counted with {100 * share:g}% of their information", "")
        for kind, share in spec.discount.items()
        if kind in post.rows.kinds.values()
    ]
    clauses.append(("The posterior was computed by deterministic quadrature", ""))
    clauses.append((f"Intervals are central {100 * post.level:g}% credible intervals", ""))
    return clauses


def _range(correlation: float | tuple[float, float]) -> str:
    if isinstance(correlation, tuple):
        return f"uniform between {correlation[0]:g} and {correlation[1]:g}"
    return f"{correlation:g}"
