"""What every covariance engine hands to the likelihood: weighted least squares and the pull on each covariance."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..effects.measures.base import FloatArray

__all__ = ["Moments", "moments"]


@dataclass(frozen=True, slots=True)
class Moments:
    """A weighted least squares fit at a given covariance M.

    Attributes
    ----------
    logdet
        log|M|.
    logdet_information
        log|X'M⁻¹X|.
    quadratic
        Residual sum of squares r'y with r = Py.
    beta, covariance
        Estimate and (X'M⁻¹X)⁻¹.
    projected
        M⁻¹X, (k, p).
    residual
        r = Py = M⁻¹(y − Xβ), (k,).
    pulls
        For each term the matrix K with d(−log-likelihood) = ½ ΣK∘dG: what the data ask of its covariance G.
    """

    logdet: float
    logdet_information: float
    quadratic: float
    beta: FloatArray
    covariance: FloatArray
    projected: FloatArray
    residual: FloatArray
    pulls: tuple[FloatArray, ...] = ()

    def in_order(self, order: NDArray[np.intp], pulls: list[FloatArray]) -> Moments:
        """Return the moments with rows moved back to where they came from, and with the pulls."""
        projected, residual = np.empty_like(self.projected), np.empty_like(self.residual)
        projected[order], residual[order] = self.projected, self.residual
        return replace(self, projected=projected, residual=residual, pulls=tuple(pulls))

    def with_pulls(self, pulls: list[FloatArray]) -> Moments:
        """Return the moments with the pulls, rows where they are."""
        return replace(self, pulls=tuple(pulls))

    def criterion(self, restricted: bool) -> float:
        """Return −log-likelihood without its constant; restricted: log|X'M⁻¹X| of an orthonormal X included."""
        total = self.logdet + self.quadratic
        return 0.5 * (total + self.logdet_information if restricted else total)


def moments(logdet: float, X: FloatArray, y: FloatArray, solved: FloatArray) -> Moments:
    """Return the least squares part from ``solved`` = M⁻¹[X, y]."""
    projected = solved[:, :-1]
    information = X.T @ projected
    information = (information + information.T) / 2
    if information.size == 1 and information[0, 0] > 0:
        root, covariance = np.sqrt(information), 1.0 / information
    else:
        root = np.linalg.cholesky(information)
        inverse = np.linalg.inv(root)
        covariance = inverse.T @ inverse
    beta = covariance @ (projected.T @ y)
    residual = solved[:, -1] - projected @ beta
    return Moments(
        logdet, 2.0 * float(np.log(np.diag(root)).sum()), float(residual @ (y - X @ beta)), beta, covariance, projected,
        residual,
    )
