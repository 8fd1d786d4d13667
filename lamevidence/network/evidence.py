"""Where each network estimate comes from: direct comparisons and the paths of indirect ones."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..effects.measures.base import FloatArray
from .contrasts import NetworkTable
from .results import NetworkPooled, a_pooled_network
from .weights import basic_blocks

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Direct", "direct_evidence", "network_contributions", "network_paths", "pairs_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Direct:
    """Inverse-variance mean of the studies that compare two treatments; NaN where none does. All (pairs,).

    ``proportion`` is the share of the network estimate that is direct: its variance over the direct one's.
    """

    k: FloatArray
    estimate: FloatArray
    variance: FloatArray
    proportion: FloatArray


def pairs_of(fit: NetworkPooled) -> tuple[tuple[int, int], ...]:
    """Return all pairs of treatments, in order."""
    n = len(fit.treatments)
    return tuple((i, j) for i in range(n) for j in range(i + 1, n))


def _by_pair(table: NetworkTable, weights: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return (n, n) sums over rows: of one, of the weights, of weight × effect (row against column)."""
    n = len(table.treatments)
    place = {t: i for i, t in enumerate(table.treatments)}
    count, weight, product = np.zeros((n, n)), np.zeros((n, n)), np.zeros((n, n))
    for a, b, y, w in zip(table.first, table.second, table.yi, weights, strict=True):
        for i, j, sign in ((place[a], place[b], 1.0), (place[b], place[a], -1.0)):
            count[i, j] += 1
            weight[i, j] += w
            product[i, j] += sign * w * y
    return count, weight, product


def direct_evidence(fit: NetworkPooled) -> Direct:
    """Return what the studies of each pair say by themselves, with the τ² of the network."""
    count, weight, product = _by_pair(fit.table, 1 / (fit.table.vi + fit.tau2))
    at = tuple(np.array(pairs_of(fit)).T)
    with np.errstate(invalid="ignore", divide="ignore"):
        estimate, variance = (product / weight)[at], (1 / weight)[at]
    some = count[at] > 0
    estimate, variance = np.where(some, estimate, np.nan), np.where(some, variance, np.nan)
    return Direct(count[at], estimate, variance, np.where(some, fit.graph.variances[at] * weight[at], 0.0))


def network_paths(fit: NetworkPooled) -> pd.DataFrame:
    """Return, for each pair, the direct share, the mean length of its paths and their minimal parallelism.

    The evidence of a design flows in and out of its arms; half the sum of the absolute flows h̃ is the design's
    part. Mean path length Σh̃; parallelism 1/max h̃. König, Krahn and Binder 2013, 10.1002/sim.6001: beware of
    comparisons whose mean path is longer than two.

    Parameters
    ----------
    fit
        Result of `pool_network`.

    Returns
    -------
    DataFrame
        ``first second direct mean_path parallelism``, one row a pair.

    Raises
    ------
    OptionError
        Not a pooled network.

    See Also
    --------
    network_contributions : Which comparisons an estimate is made of.

    References
    ----------
    König, Krahn and Binder 2013, 10.1002/sim.6001.

    Examples
    --------
    >>> from lamevidence.network import NetworkTable, network_paths, pool_network
    >>> table = NetworkTable(yi=[0.5, 0.2], vi=[0.04, 0.03], first=["a", "b"], second=["b", "c"], studies=["1", "2"])
    >>> network_paths(pool_network(table, model="common"))["mean_path"].round(6).tolist()
    [1.0, 2.0, 1.0]
    """
    import pandas as pd

    table, n = a_pooled_network(fit).table, len(fit.treatments)
    G = {trial.study: 0.5 * (np.eye(len(trial.arms) - 1) + 1.0) for trial in table.trials}
    blocks = basic_blocks(table)
    index = pairs_of(fit)
    contrasts = np.zeros((len(index), n))
    contrasts[np.arange(len(index)), [i for i, _ in index]] = 1.0
    contrasts[np.arange(len(index)), [j for _, j in index]] = -1.0
    flows: dict[tuple[int, ...], FloatArray] = {}
    for trial, (_, covariance, _) in zip(table.trials, blocks, strict=True):
        W = np.linalg.inv(covariance + fit.tau2 * G[trial.study])
        basic = np.zeros((len(W), n))
        basic[:, trial.arms[0]] = 1.0
        basic[np.arange(len(W)), list(trial.arms[1:])] = -1.0
        h = contrasts @ fit.graph.inverse @ basic.T @ W
        flows[trial.arms] = flows.get(trial.arms, 0.0) + h
    parts = np.column_stack([0.5 * (np.abs(h.sum(1)) + np.abs(h).sum(1)) for h in flows.values()])
    return pd.DataFrame(
        {
            "first": [fit.treatments[i] for i, _ in index],
            "second": [fit.treatments[j] for _, j in index],
            "direct": direct_evidence(fit).proportion,
            "mean_path": parts.sum(1),
            "parallelism": 1 / parts.max(1),
        }
    )


def network_contributions(fit: NetworkPooled) -> pd.DataFrame:
    """Return the share of each direct comparison in each network estimate; rows sum to 1.

    The flow of evidence from one treatment to the other is taken apart into paths, shortest first, and each path
    gives equal shares to its comparisons (Papakonstantinou and others 2018, 10.12688/f1000research.14770.3). Among
    paths of equal length the one through treatments met first in the list of comparisons is taken.

    Parameters
    ----------
    fit
        Result of `pool_network`.

    Returns
    -------
    DataFrame
        Network estimates in rows, direct comparisons in columns (``a:b``), fractions.

    Raises
    ------
    OptionError
        Not a pooled network.

    See Also
    --------
    network_paths : How far the evidence travels.

    References
    ----------
    Papakonstantinou and others 2018, 10.12688/f1000research.14770.3.

    Examples
    --------
    >>> from lamevidence.network import NetworkTable, network_contributions, pool_network
    >>> table = NetworkTable(yi=[0.5, 0.2], vi=[0.04, 0.03], first=["a", "b"], second=["b", "c"], studies=["1", "2"])
    >>> network_contributions(pool_network(table, model="common")).loc["a:c"].round(9).tolist()
    [0.5, 0.5]
    """
    import pandas as pd

    index = pairs_of(a_pooled_network(fit))
    _, weight, _ = _by_pair(fit.table, fit.graph.w)
    edges = [pair for pair in index if weight[pair] > 0]
    inverse, column = fit.graph.inverse, {edge: c for c, edge in enumerate(edges)}
    shares = np.zeros((len(index), len(edges)))
    for row, (source, sink) in enumerate(index):
        flow: dict[tuple[int, int], float] = {}
        met: list[int] = []
        for i, j in edges:
            h = weight[i, j] * (inverse[source, i] - inverse[source, j] - inverse[sink, i] + inverse[sink, j])
            a, b = (i, j) if h > 0 else (j, i)
            met += [vertex for vertex in (a, b) if vertex not in met]
            flow[a, b] = abs(float(h))
        rank = {vertex: place for place, vertex in enumerate(met)}
        while path := _shortest(flow, rank, source, sink):
            least = min(flow[step] for step in path)
            for step in path:
                shares[row, column[min(step), max(step)]] += least / len(path)
                flow[step] -= least
                if flow[step] == 0:
                    del flow[step]
    names = [f"{fit.treatments[i]}:{fit.treatments[j]}" for i, j in index]
    return pd.DataFrame(shares, index=names, columns=[names[index.index(edge)] for edge in edges])


def _shortest(
    flow: dict[tuple[int, int], float],
    rank: dict[int, int],
    source: int,
    sink: int,
) -> list[tuple[int, int]]:
    """Return the steps of a shortest path along the flow, breadth first, or nothing."""
    onward: dict[int, list[int]] = {}
    for a, b in sorted(flow, key=lambda step: (rank[step[0]], rank[step[1]])):
        onward.setdefault(a, []).append(b)
    came_from, queue = {source: source}, deque([source])
    while queue and sink not in came_from:
        here = queue.popleft()
        for there in onward.get(here, []):
            if there not in came_from:
                came_from[there] = here
                queue.append(there)
    path: list[tuple[int, int]] = []
    here = sink
    while here in came_from and here != source:
        path.insert(0, (came_from[here], here))
        here = came_from[here]
    return path
