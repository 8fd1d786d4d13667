"""A joint synthesis in words: the Methods section, and the paragraph on what each design did to the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..foundation.errors import LamEvidenceError
from ..foundation.numbers import p_value
from .design_rows import KINDS
from .joint_designs import conflict, of_kinds, present
from .joint_fit import SCALES

if TYPE_CHECKING:
    from .joint_posterior import JointPosterior

__all__ = ["design_text", "methods_of"]

_AGREE = 0.05
"""Below this, after Holm, designs are said to disagree."""


def design_text(post: JointPosterior) -> str:
    """Return the paragraph that says how far each kind of design moved the effect, and whether they agree."""
    unit = f" {post.unit}" if post.unit else ""
    effect = post.effect
    low, high = effect.interval(post.level)
    said = [
        f"All designs together: an effect of {effect.mean:.0f}{unit} ({100 * post.level:g}% {post.interval_name}"
        f" {low:.0f} to {high:.0f})."
    ]
    shares = post.information_by_design()
    moves: list[tuple[float, str]] = []
    for kind in present(post):
        others = [k for k in present(post) if k != kind]
        name, share = KINDS[kind], f"{shares[kind]:.0f}% of the information"
        try:
            rest = of_kinds(post, others).effect.mean
        except LamEvidenceError:
            said.append(f"Without {name} ({share}) the effect would not be identified.")
            continue
        move = effect.mean - rest
        # what is printed is told apart at the digits that are printed
        way = "up" if round(effect.mean) > round(rest) else "down" if round(effect.mean) < round(rest) else ""
        end = f"they move it {way} by {abs(round(effect.mean) - round(rest)):d}" if way else "they do not move it"
        moves.append((abs(move), f"Without {name} ({share}) it would be {rest:.0f}{unit}: {end}."))
    said += [sentence for _, sentence in sorted(moves, key=lambda pair: -pair[0])]
    said.append(f"The priors hold {shares['prior']:.0f}% of the information.")
    tested = conflict(post).dropna(subset=["p"])
    if not tested.empty:
        worst = tested.sort_values("p", kind="stable").iloc[0]
        name = KINDS[worst["design"]]
        verdict = "disagree" if worst["p_holm"] < _AGREE else "do not disagree"
        said.append(
            f"{name[:1].upper()}{name[1:]} differ most from the other designs, by {worst['difference']:.0f}{unit}, and"
            f" {verdict} with them beyond chance (node split, p {p_value(worst['p'])}, after Holm"
            f" {p_value(worst['p_holm'])})."
        )
    return " ".join(said)


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
