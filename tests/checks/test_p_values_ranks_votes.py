"""Rank-truncated product, votes, and p values at the ends of the interval."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import lamevidence as lam
from lamevidence.foundation.errors import InputError

P = [0.016, 0.067, 0.25, 0.405, 0.871]


def exact(p, rank):
    """P(product of the ``rank`` smallest of k uniforms ≤ the observed) by integration over the next one."""
    k, w = len(p), mpmath.log(1)
    for x in sorted(p)[:rank]:
        w += mpmath.log(x)

    def inside(t):
        x = max(mpmath.mpf(0), rank * mpmath.log(t) - w)
        density = (rank + 1) * mpmath.binomial(k, rank + 1) * t**rank * (1 - t) ** (k - rank - 1)
        return density * mpmath.gammainc(rank, x, regularized=True)

    return float(mpmath.quad(inside, [0, mpmath.exp(w / rank), 1]))


@pytest.mark.parametrize("rank", [1, 2, 3, 4])
def test_rank_truncated_product(rank):
    assert lam.checks.combine_p_values(P, "rank-truncated", rank=rank).p_value == pytest.approx(
        exact(P, rank), rel=1e-9
    )


def test_rank_truncated_ends_are_tippett_and_fisher():
    assert lam.checks.combine_p_values(P, "rank-truncated", rank=1).p_value == pytest.approx(
        1 - (1 - 0.016) ** 5, rel=1e-12
    )
    fisher = lam.checks.combine_p_values(P, "fisher").p_value
    assert lam.checks.combine_p_values(P, "rank-truncated", rank=5).p_value == pytest.approx(fisher, rel=1e-12)


def test_votes():
    assert lam.checks.combine_p_values([0.01, 0.2, 0.5], "votes", threshold=0.5).p_value == pytest.approx(
        0.25
    )  # metap 1.8
    assert lam.checks.combine_p_values([0.6, 0.7], "votes", threshold=0.5).p_value == 1.0


def test_ends_of_the_interval():
    fisher = lam.checks.combine_p_values([1.0, 0.2, 0.01], "fisher").p_value
    from scipy import special

    assert fisher == pytest.approx(special.chdtrc(6, -2 * np.log(0.002)), rel=1e-12)
    assert lam.checks.combine_p_values([0.0, 0.2], "tippett").p_value == 0.0
    with pytest.raises(InputError, match="below 1"):
        lam.checks.combine_p_values([1.0, 0.2], "stouffer")
    with pytest.raises(InputError, match="above 0"):
        lam.checks.combine_p_values([0.0, 0.2], "fisher")
