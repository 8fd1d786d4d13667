"""Two-by-two tables read as an association of two binary variables."""

from __future__ import annotations

import numpy as np
from scipy import special

from .base import Estimates, FloatArray
from .from_smd import CHINN, COX, LOGISTIC
from .two_by_two import log_odds_ratio, two_by_two

__all__ = ["phi", "probit_risk_difference", "yule_q", "yule_y"]

_YULE = "Yule 1912; doi:10.2307/2340126"


@two_by_two("PHI", add=0.0, title="phi coefficient", vtypes=("CS", "ST"), reference=_YULE)
def phi(ai: FloatArray, bi: FloatArray, ci: FloatArray, di: FloatArray, *, vtype: str = "CS") -> Estimates:
    """Return φ = (ad−bc)/√(n1 n2 m1 m2) and its variance.

    ``CS`` (cross-sectional, multinomial cells): Yule's formula
    [1 − φ² + φ(1+φ²/2)(p1.−p2.)(p.1−p.2)/√(p1.p2.p.1p.2) − ¾φ²((p1.−p2.)²/(p1.p2.) + (p.1−p.2)²/(p.1p.2))]/N.
    ``ST`` (group sizes fixed): delta method in the two binomial risks.
    """
    n1, n2, m1, m2 = ai + bi, ci + di, ai + ci, bi + di
    total = n1 + n2
    value = (ai * di - bi * ci) / np.sqrt(n1 * n2 * m1 * m2)
    if vtype == "ST":
        p1, p2, w1, w2 = ai / n1, ci / n2, n1 / total, n2 / total
        p, q = m1 / total, m2 / total
        # φ = (p1−p2) √(w1w2/(pq)); dp/dp1 = w1
        root = np.sqrt(w1 * w2 / (p * q))
        tilt = (p1 - p2) * (1 - 2 * p) / (2 * p * q)
        slope1, slope2 = root * (1 - w1 * tilt), root * (-1 - w2 * tilt)
        return Estimates(value, slope1**2 * p1 * (1 - p1) / n1 + slope2**2 * p2 * (1 - p2) / n2)
    rows, columns = (n1 - n2) / total, (m1 - m2) / total
    row_product, column_product = n1 * n2 / total**2, m1 * m2 / total**2
    cross = rows * columns / np.sqrt(row_product * column_product)
    squares = rows**2 / row_product + columns**2 / column_product
    vi = (1 - value**2 + value * (1 + value**2 / 2) * cross - 0.75 * value**2 * squares) / total
    return Estimates(value, vi)


@two_by_two(
    "ZPHI",
    add=0.0,
    title="z-transformed phi coefficient",
    vtypes=("CS", "ST"),
    scale="z",
    back=np.tanh,
    forward=np.arctanh,
    back_title="phi coefficient",
    reference=_YULE,
)
def _phi_z(ai: FloatArray, bi: FloatArray, ci: FloatArray, di: FloatArray, *, vtype: str = "CS") -> Estimates:
    """Return artanh φ and Var(φ)/(1−φ²)²."""
    raw = phi(ai, bi, ci, di, vtype=vtype)
    return Estimates(np.arctanh(raw.yi), raw.vi / (1 - raw.yi**2) ** 2)


@two_by_two("YUQ", title="Yule's Q", reference=_YULE)
def yule_q(ai: FloatArray, bi: FloatArray, ci: FloatArray, di: FloatArray) -> Estimates:
    """Return Q = (OR−1)/(OR+1) and ¼(1−Q²)² (1/a+1/b+1/c+1/d)."""
    q = (ai * di - bi * ci) / (ai * di + bi * ci)
    return Estimates(q, 0.25 * (1 - q**2) ** 2 * (1 / ai + 1 / bi + 1 / ci + 1 / di))


@two_by_two("YUY", title="Yule's Y", reference=_YULE)
def yule_y(ai: FloatArray, bi: FloatArray, ci: FloatArray, di: FloatArray) -> Estimates:
    """Return Y = (√OR−1)/(√OR+1) and (1−Y²)²/16 (1/a+1/b+1/c+1/d)."""
    concordant, discordant = np.sqrt(ai * di), np.sqrt(bi * ci)
    y = (concordant - discordant) / (concordant + discordant)
    return Estimates(y, 0.0625 * (1 - y**2) ** 2 * (1 / ai + 1 / bi + 1 / ci + 1 / di))


@two_by_two(
    "PBIT",
    title="probit risk difference",
    scale="probit",
    reference="Sánchez-Meca et al. 2003; doi:10.1037/1082-989X.8.4.448",
)
def probit_risk_difference(ai: FloatArray, bi: FloatArray, ci: FloatArray, di: FloatArray) -> Estimates:
    """Return Φ⁻¹(p1) − Φ⁻¹(p2), an estimate of d, and Σ p(1−p)/(n φ(z)²)."""
    n1, n2 = ai + bi, ci + di
    p1, p2 = ai / n1, ci / n2
    z1, z2 = special.ndtri(p1), special.ndtri(p2)
    vi = 2 * np.pi * (p1 * (1 - p1) * np.exp(z1**2) / n1 + p2 * (1 - p2) * np.exp(z2**2) / n2)
    return Estimates(z1 - z2, vi)


@two_by_two(
    "OR2D", title="standardised mean difference from the odds ratio (logistic)", vtypes=("LS", "AV"), reference=CHINN
)
@two_by_two(
    "OR2DL",
    title="standardised mean difference from the odds ratio (logistic)",
    vtypes=("LS", "AV"),
    reference="Hasselblad & Hedges 1995; doi:10.1037/0033-2909.117.1.167",
)
def _odds_to_d_logistic(
    ai: FloatArray, bi: FloatArray, ci: FloatArray, di: FloatArray, *, vtype: str = "LS"
) -> Estimates:
    """Return √3/π times the log odds ratio and 3/π² times its variance."""
    raw = log_odds_ratio(ai, bi, ci, di, vtype=vtype)
    return Estimates(raw.yi / LOGISTIC, raw.vi / LOGISTIC**2)


@two_by_two(
    "OR2DN",
    title="standardised mean difference from the odds ratio (normal)",
    vtypes=("LS", "AV"),
    reference="Cox & Snell 1989, Analysis of Binary Data 2nd ed.",
)
def _odds_to_d_normal(
    ai: FloatArray, bi: FloatArray, ci: FloatArray, di: FloatArray, *, vtype: str = "LS"
) -> Estimates:
    """Return the log odds ratio over 1.65 and its variance over 1.65²."""
    raw = log_odds_ratio(ai, bi, ci, di, vtype=vtype)
    return Estimates(raw.yi / COX, raw.vi / COX**2)
