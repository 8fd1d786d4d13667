"""What each kind of design says beside the others: conflict, shares, movement of the answer, other choices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from ..foundation.errors import LamEvidenceError, TooFewStudies
from ..foundation.multiple_tests import holm
from .design_rows import KINDS
from .joint_fit import mean_names, split_state

if TYPE_CHECKING:
    import pandas as pd

    from ..effects.evidence_table import EvidenceTable
    from .joint_posterior import JointPosterior
    from .joint_spec import JointSpec

__all__ = ["by_design", "conflict", "of_kinds", "of_one_study", "present", "sensitivity"]


_COMPARED = ("effect_here", "effect_elsewhere", "difference", "low", "high", "p")


def present(post: JointPosterior) -> tuple[str, ...]:
    """Return the kinds of design among the studies, in the order of `KINDS`."""
    held = set(post.rows.kinds.values())
    return tuple(kind for kind in KINDS if kind in held)


def conflict(post: JointPosterior) -> pd.DataFrame:
    """Return each kind of design against the others."""
    import pandas as pd

    lines = []
    for kind in present(post):
        if kind == "untreated_only":
            continue
        studies = sum(held == kind for held in post.rows.kinds.values())
        line: dict[str, object] = {"design": kind, "studies": studies}
        reason = _why_not_split(post, kind)
        if reason:
            nothing: dict[str, object] = dict.fromkeys(
                ("effect_here", "effect_elsewhere", "difference", "low", "high", "p"), np.nan
            )
            lines.append(line | nothing | {"note": reason})
            continue
        state = split_state(post.table, post.rows, post.spec, kind)
        p = len(mean_names(post.spec))
        here, elsewhere = np.eye(p + 1)[p], np.eye(p + 1)[1]
        gap = state.combination(here - elsewhere)
        low, high = gap.interval(post.level)
        below = float(gap.cdf(0.0))
        found = {
            "effect_here": state.combination(here).mean,
            "effect_elsewhere": state.combination(elsewhere).mean,
            "difference": gap.mean,
            "low": low,
            "high": high,
            "p": 2.0 * min(below, 1.0 - below),
            "note": "",
        }
        lines.append(line | found)
    frame = pd.DataFrame(lines, columns=["design", "studies", *_COMPARED, "note"])
    adjusted = np.full(len(frame), np.nan)
    tested = frame["p"].notna().to_numpy()
    if tested.any():
        adjusted[tested] = holm(frame["p"].to_numpy()[tested])
    frame.insert(8, "p_holm", adjusted)
    return frame


def _why_not_split(post: JointPosterior, kind: str) -> str:
    """Return why a kind of design cannot be compared with the others; empty where it can."""
    bias = post.spec.bias is not None
    here = np.array([post.rows.kinds[s] == kind for s in post.table.studies])
    Z = post.rows.Z(bias)
    split = np.column_stack([Z[:, 0], Z[:, 1] * ~here, Z[:, 2], Z[:, 1] * here])
    rank = np.linalg.matrix_rank(split)
    for column, whose in ((3, "this design"), (1, "the others")):
        if np.linalg.matrix_rank(np.vstack([split, np.eye(4)[column]])) > rank:
            return f"the effect in {whose} is not identified"
    return ""


def of_kinds(post: JointPosterior, kinds: Sequence[str]) -> JointPosterior:
    """Return the fit to the studies of these kinds alone, under the same choices."""
    keep = [i for i, study in enumerate(post.table.studies) if post.rows.kinds[study] in kinds]
    return post.refit(post.table.subset(keep))


def by_design(post: JointPosterior) -> pd.DataFrame:
    """Return the effect from each kind of design alone, from each pair, and from all."""
    import pandas as pd

    kinds = present(post)
    sets: list[tuple[str, ...]] = [(kind,) for kind in kinds]
    sets += [pair for pair in combinations(kinds, 2) if len(kinds) > 2]
    shares = post.information_by_design()
    ps = dict(zip(*(conflict(post)[name] for name in ("design", "p")), strict=True))
    lines = []
    for chosen in sets:
        line: dict[str, object] = {
            "designs": " + ".join(chosen),
            "studies": sum(kind in chosen for kind in post.rows.kinds.values()),
            "share": sum(shares[kind] for kind in chosen),
            "p": ps.get(chosen[0], np.nan) if len(chosen) == 1 else np.nan,
        }
        try:
            lines.append(line | _numbers(of_kinds(post, chosen)) | {"note": ""})
        except TooFewStudies:
            lines.append(line | _numbers(of_one_study(post, chosen)) | {"note": _ALONE})
        except LamEvidenceError as refused:
            lines.append(line | _NOTHING | {"note": str(refused)})
    every = {"designs": "joint", "studies": len(post.rows.kinds), "share": 100.0 - shares["prior"], "p": np.nan}
    lines.append(every | _numbers(post) | {"note": ""})
    return pd.DataFrame(lines, columns=["designs", "studies", "effect", "sd", "low", "high", "share", "p", "note"])


_ALONE = "one study: what it says about itself, without a spread between studies"


def of_one_study(post: JointPosterior, kinds: Sequence[str]) -> JointPosterior:
    """Return the fit to the one study of these kinds, whose own values are the means."""
    alone = replace(post.spec, tau_baseline=0.0, tau_effect=0.0, tau_bias=0.0)
    keep = [i for i, study in enumerate(post.table.studies) if post.rows.kinds[study] in kinds]
    return _with(post, alone, post.table.subset(keep))


_NOTHING: dict[str, object] = dict.fromkeys(("effect", "sd", "low", "high"), np.nan)


def _numbers(post: JointPosterior) -> dict[str, object]:
    effect = post.effect
    low, high = effect.interval(post.level)
    return {"effect": effect.mean, "sd": effect.sd, "low": low, "high": high}


def sensitivity(post: JointPosterior) -> pd.DataFrame:
    """Return the effect under other choices and without each study."""
    import pandas as pd

    choices = [("as chosen", post.spec)]
    if post.spec.bias is not None:
        choices.append(("no bias term", replace(post.spec, bias=None)))
    choices += [(f"priors of the SDs × {f:g}", post.spec.scaled(f)) for f in (0.5, 2.0)]
    if "before_after" in present(post):
        choices += [(f"correlation {r:g}", replace(post.spec, correlation=r)) for r in (0.0, 0.5)]
    choices = [(name, spec) for i, (name, spec) in enumerate(choices) if i == 0 or spec != post.spec]
    lines = [_line(name, partial(_with, post, spec)) for name, spec in choices]
    lines += [_line(f"without {study}", partial(post.without, study)) for study in post.rows.kinds]
    return pd.DataFrame(lines)


def _with(post: JointPosterior, spec: JointSpec, table: EvidenceTable | None = None) -> JointPosterior:
    """Return the fit under other choices, to the same rows or to others."""
    assert post.recipe is not None
    changed = replace(post.recipe, options={**post.recipe.options, "spec": spec})
    made: JointPosterior = changed(post.table if table is None else table)
    return made


def _line(name: str, make: Callable[[], JointPosterior]) -> dict[str, object]:
    try:
        post = make()
    except LamEvidenceError as refused:
        missing: dict[str, object] = dict.fromkeys(("effect_new_sd", "baseline", "bias", "log_marginal"), np.nan)
        return {"variant": name} | _NOTHING | missing | {"note": str(refused)}
    more: dict[str, object] = {
        "effect_new_sd": post.effect_new.sd,
        "baseline": post.baseline.mean,
        "bias": np.nan if post.bias is None else post.bias.mean,
        "log_marginal": post.state.log_evidence if post.spec.proper else np.nan,
    }
    return {"variant": name} | _numbers(post) | more | {"note": ""}
