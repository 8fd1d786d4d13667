"""What each kind of design does to the effect: by itself, and to the answer of all where it is taken away."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from ..foundation.errors import LamEvidenceError, TooFewStudies
from .design_rows import KINDS
from .joint_designs import conflict, of_kinds, of_one_study, present

if TYPE_CHECKING:
    from .joint_posterior import JointPosterior

__all__ = ["DesignMove", "DesignsCompared", "EffectSaid", "compare_designs"]


@dataclass(frozen=True, slots=True)
class EffectSaid:
    """Posterior mean and credible interval of an effect."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class DesignMove:
    """One kind of design beside the others.

    Attributes
    ----------
    kind
        Key of `KINDS`.
    studies
        How many studies are of it.
    share
        Percent of the information about the effect.
    alone, without
        The effect from this kind alone, and from all others; None where it is not identified.
    p, p_holm
        Two-sided, of the difference to the other designs (`JointPosterior.conflict`), NaN where it cannot be told.
    difference
        That difference, NaN likewise.
    """

    kind: str
    studies: int
    share: float
    alone: EffectSaid | None
    without: EffectSaid | None
    p: float
    p_holm: float
    difference: float

    @property
    def words(self) -> str:
        """The kind in words."""
        return KINDS[self.kind]


@dataclass(frozen=True, slots=True)
class DesignsCompared:
    """All kinds of design of a joint synthesis.

    Attributes
    ----------
    moves
        One a kind, in the order of `KINDS`.
    pairs
        Each pair of kinds and the effect from them alone, None where it is not identified; empty for two kinds.
    prior
        Percent of the information that the priors hold.
    """

    moves: tuple[DesignMove, ...]
    pairs: tuple[tuple[str, str, EffectSaid | None], ...]
    prior: float

    def by_size(self, joint: float) -> list[DesignMove]:
        """Return the kinds without which the effect can be told, the one that moves the mean most first."""
        known = [(abs(joint - m.without.mean), m) for m in self.moves if m.without is not None]
        return [m for _, m in sorted(known, key=lambda pair: -pair[0])]

    @property
    def apart(self) -> DesignMove | None:
        """The kind with the smallest p against the others, None where none can be compared."""
        tested = [m for m in self.moves if not math.isnan(m.p)]
        return min(tested, key=lambda m: m.p, default=None)


def compare_designs(post: JointPosterior) -> DesignsCompared:
    """Return what each kind of design says alone and what all others say without it.

    Parameters
    ----------
    post
        A joint synthesis.
    """
    kinds, shares = present(post), post.information_by_design()
    frame = conflict(post)
    numbers = frame[["p", "p_holm", "difference"]].to_numpy(dtype=float).tolist()
    tests = dict(zip(frame["design"], numbers, strict=True))
    moves = []
    for kind in kinds:
        others = [k for k in kinds if k != kind]
        p, p_holm, gap = tests.get(kind, (math.nan, math.nan, math.nan))
        studies = sum(held == kind for held in post.rows.kinds.values())
        without = _of(post, others) if others else None
        moves.append(DesignMove(kind, studies, shares[kind], _of(post, [kind]), without, p, p_holm, gap))
    pairs = [(a, b, _of(post, [a, b])) for a, b in combinations(kinds, 2)] if len(kinds) > 2 else []
    return DesignsCompared(tuple(moves), tuple(pairs), shares["prior"])


def _of(post: JointPosterior, kinds: list[str]) -> EffectSaid | None:
    """Return the effect from these kinds alone; one study says what it says about itself, without a spread."""
    try:
        try:
            found = of_kinds(post, kinds)
        except TooFewStudies:
            found = of_one_study(post, kinds)
    except LamEvidenceError:
        return None
    return EffectSaid(found.effect.mean, *found.effect.interval(found.level))
