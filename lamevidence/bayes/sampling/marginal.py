"""Log likelihood of each row with the free effects of its study integrated out, for every draw of a PyMC model.

Leave-one-out from a likelihood that is conditional on an effect of the study itself is wrong for few studies. Given all
other variables the free effects of a study (z, and φ where there is a baseline) enter only its own row, so that the
density of the row is an integral over them. It is worked out by a product of sinh-mapped trapezoidal rules around the
mode, from the graph of the model as it is: priors or likelihoods that were edited count. What a rule with twice the
step differs by, d, bounds the error by about d²; points where d is large get closer nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from ...effects.measures.base import FloatArray
from ..exact.node_maps import BROAD, NodeMap

if TYPE_CHECKING:
    import pymc as pm

__all__ = ["integrate_rows", "marginal_log_likelihood", "study_effects_of"]

_LEVELS = ((0.4, 3.6), (0.2, 5.0), (0.1, 6.0), (0.05, 6.0))
"""Step and reach of the nodes, in turn."""
_GOOD = 3e-3
"""A rule with twice the step that differs by less in the logarithm is close enough: the error is about its square."""
_MOST_VARIABLES = 2
_ROUNDS = 14
_AT_ONCE = 4000

Rows = Callable[[FloatArray, Any], FloatArray]
"""Effects (D, n, k) and the draws that they belong to → log density of row and effects, (n, k)."""


def study_effects_of(model: pm.Model) -> list[Any]:
    """Return the free variables over ``study`` that the likelihood depends on."""
    from pytensor.graph.traversal import ancestors

    known = set(ancestors([model.logp(vars=list(model.observed_RVs))]))
    over = [rv for rv in model.free_RVs if "study" in (model.named_vars_to_dims.get(rv.name) or ())]
    return [rv for rv in over if model.rvs_to_values[rv] in known]


def marginal_log_likelihood(model: pm.Model, effects: list[Any], posterior: Any) -> tuple[FloatArray | None, str]:
    """Return the log likelihood (chains, draws, k), or None and why it cannot be worked out.

    Parameters
    ----------
    model
        The model.
    effects
        What `study_effects_of` found.
    posterior
        Draws of its variables.
    """
    observed = model.observed_RVs
    dims = [tuple(model.named_vars_to_dims.get(rv.name) or ()) for rv in (*observed, *effects)]
    if len(observed) != 1 or dims[0][:1] != ("study",) or any(d != ("study",) for d in dims[1:]):
        return None, "the observed variable and the free effects need the dimension study"
    if len(effects) > _MOST_VARIABLES or any(model.rvs_to_transforms.get(rv) is not None for rv in effects):
        return None, f"more than {_MOST_VARIABLES} free effects a study, or effects on a bounded range"
    evaluate, shape = _compiled(model, effects, posterior)
    own = np.stack([posterior[rv.name].values.reshape(-1, posterior[rv.name].shape[-1]) for rv in effects])
    if not _apart(evaluate, own):
        return None, "the rows share effects"
    out, error = integrate_rows(evaluate, own)
    if not error < 0.1:
        return None, "the integral over the effects of a study did not settle"
    return out.reshape(*shape, -1), ""


def _compiled(model: pm.Model, effects: list[Any], posterior: Any) -> tuple[Rows, tuple[int, int]]:
    """Return the log density of rows and effects at every draw, and chains and draws."""
    import pytensor
    import pytensor.tensor as pt
    from pymc.model.transform.conditioning import remove_value_transforms
    from pytensor.compile.mode import Mode
    from pytensor.graph.replace import vectorize_graph

    plain = remove_value_transforms(model)
    names = [rv.name for rv in effects]
    free = [plain[rv.name] for rv in model.free_RVs]
    values = [plain.rvs_to_values[rv] for rv in free]
    terms = plain.logp(vars=[plain[model.observed_RVs[0].name], *(plain[name] for name in names)], sum=False)
    whole = sum(term.reshape((term.shape[0], -1)).sum(axis=1) for term in terms)
    many = {v: pt.tensor(f"{v.name}_draws", shape=(None,) * (v.ndim + 1), dtype=v.dtype) for v in values}
    (batched,) = vectorize_graph([whole], many)
    program = pytensor.function(
        list(many.values()), batched, mode=Mode(linker="py", optimizer="fast_compile"), on_unused_input="ignore"
    )
    chains, draws = posterior[names[0]].shape[:2]
    flat = {rv.name: posterior[rv.name].values.reshape(chains * draws, *posterior[rv.name].shape[2:]) for rv in free}

    def evaluate(effect: FloatArray, pick: Any) -> FloatArray:
        given: Mapping[str, FloatArray] = {name: x[pick] for name, x in flat.items()}
        given = {**given, **dict(zip(names, effect, strict=True))}
        with np.errstate(all="ignore"):
            found = np.asarray(program(*(given[rv.name] for rv in free)))
        return np.where(np.isnan(found), -np.inf, found)

    return evaluate, (chains, draws)


def _apart(evaluate: Rows, own: FloatArray) -> bool:
    """Return whether an effect of one study leaves the rows of the others as they are."""
    pick = slice(0, 1)
    before = evaluate(own[:, pick], pick)
    for first in (0, 1):
        moved = own[:, pick].copy()
        moved[..., first::2] += 0.1
        after = evaluate(moved, pick)
        if not np.allclose(np.delete(after, np.s_[first::2], 1), np.delete(before, np.s_[first::2], 1), rtol=1e-12):
            return False
    return True


def integrate_rows(evaluate: Rows, own: FloatArray) -> tuple[FloatArray, float]:
    """Return log ∫ exp(evaluate) over the effects (n, k), and the most that a rule of twice the step differs by.

    ``own`` (D, n, k) are typical values of the effects: those that were drawn with the other variables.
    """
    out = np.empty(own.shape[1:])
    worst = 0.0
    for first in range(0, own.shape[1], _AT_ONCE):
        pick = np.arange(first, min(first + _AT_ONCE, own.shape[1]))
        scale = own.std(axis=1)[:, None]
        centre, root = _modes(evaluate, own[:, pick], pick, scale)
        # under a t likelihood there may be a second mode, where the effect is that of an average study
        again = _modes(evaluate, 0.0 * own[:, pick], pick, scale) if own.shape[0] == 1 else None
        todo = np.arange(pick.size)
        moved = np.full(pick.size, np.inf)
        for step, reach in _LEVELS:
            if again is None:
                log, half = _product_rule(evaluate, centre[:, todo], root[:, :, todo], pick[todo], step, reach)
            else:
                both = [(c[0, todo], r[0, 0, todo]) for c, r in ((centre, root), again)]
                log, half = _two_centres(evaluate, both, pick[todo], 0.5 * step, reach)
            out[pick[todo]] = log
            moved[todo] = np.abs(half - log).max(axis=1)
            todo = np.flatnonzero(moved > _GOOD)
            if todo.size == 0:
                break
        worst = max(worst, float(moved.max()))
    return out, worst


def _modes(evaluate: Rows, start: FloatArray, pick: Any, scale: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Mode of the effects (D, n, k) and a root of the inverse curvature there (D, D, n, k), by parabolas."""
    size = start.shape[0]
    centre = start.copy()
    scale = np.maximum(scale, 1e-6)
    width = np.broadcast_to(scale, start.shape).copy()
    unit = np.eye(size)[:, :, None, None]
    for _ in range(_ROUNDS):
        here = evaluate(centre, pick)
        above = [evaluate(centre + width * unit[a], pick) for a in range(size)]
        below = [evaluate(centre - width * unit[a], pick) for a in range(size)]
        # in units of the widths
        slope = np.stack([0.5 * (up - down) for up, down in zip(above, below, strict=True)])
        bend = np.stack([2.0 * here - up - down for up, down in zip(above, below, strict=True)])
        curved = bend > 0.05  # false where the density is not concave, or a width far off
        bend = np.clip(np.nan_to_num(bend, nan=0.05, posinf=16.0, neginf=0.05), 0.05, 16.0)
        cross = np.zeros(here.shape)
        if size == 2:
            cross = here - evaluate(centre + width, pick) + (above[0] - here) + (above[1] - here)
            limit = 0.98 * np.sqrt(bend[0] * bend[1])
            cross = np.clip(np.nan_to_num(cross), -limit, limit)
        if size == 1:
            step = slope / bend
        else:
            whole = bend[0] * bend[1] - cross**2
            step = np.stack([bend[1] * slope[0] - cross * slope[1], bend[0] * slope[1] - cross * slope[0]]) / whole
        step = np.clip(np.nan_to_num(step), -2.0, 2.0)
        lower = evaluate(centre + width * step, pick) < here
        step = np.where(lower, 0.25 * step, step)
        centre = centre + width * step
        root = _root(width, bend, cross)
        if np.all(np.abs(step) < 0.02) and np.all((bend > 0.3) & (bend < 3.0)):
            break
        width = np.clip(np.where(curved, width / np.sqrt(bend), width), 1e-8, 20.0 * scale)
    return centre, root


def _root(width: FloatArray, bend: FloatArray, cross: FloatArray) -> FloatArray:
    """Lower triangular root of the inverse of the curvature, in the units of the effects."""
    size = width.shape[0]
    root = np.zeros((size, size, *cross.shape))
    if size == 1:
        root[0, 0] = width[0] / np.sqrt(bend[0])
        return root
    whole = bend[0] * bend[1] - cross**2
    root[0, 0] = np.sqrt(bend[1] / whole)
    root[1, 0] = -cross / whole / root[0, 0]
    root[1, 1] = 1.0 / np.sqrt(bend[1])
    return root * width[:, None]


def _two_centres(
    evaluate: Rows, both: list[tuple[FloatArray, FloatArray]], pick: Any, step: float, reach: float
) -> tuple[FloatArray, FloatArray]:
    """Log integral (n, k) over one effect by nodes close around either mode, and by every second of them."""
    shape = both[0][0].shape
    line = NodeMap(*(np.stack([x.ravel() for x in part], axis=1) for part in zip(*both, strict=True)))
    line = NodeMap(line.centre, BROAD * line.width)
    most = round(reach / step)
    most += most % 2
    t = np.asarray(step * np.arange(-most, most + 1), dtype=np.float64)
    x = line.nodes(t)
    log = np.stack([evaluate(at.reshape(1, *shape), pick).ravel() for at in x.T], axis=1) - np.log(line.slope(x))
    peak = log.max(axis=1)
    part = np.exp(log - peak[:, None])
    with np.errstate(divide="ignore"):
        whole, half = np.log(step * part.sum(axis=1)), np.log(2.0 * step * part[:, ::2].sum(axis=1))
    return (peak + whole).reshape(shape), (peak + half).reshape(shape)


def _product_rule(
    evaluate: Rows, centre: FloatArray, root: FloatArray, pick: Any, step: float, reach: float
) -> tuple[FloatArray, FloatArray]:
    """Log integral (n, k) by all nodes, and by every second in each direction."""
    size, most = centre.shape[0], round(reach / step)
    most += most % 2
    t = step * np.arange(-most, most + 1)
    peak = np.full(centre.shape[1:], -np.inf)
    total, other = np.zeros(peak.shape), np.zeros(peak.shape)
    for places in product(range(t.size), repeat=size):
        u = BROAD * np.sinh(t[list(places)])
        log = evaluate(centre + np.einsum("abnk,b->ank", root, u), pick)
        log = log + float(np.log(BROAD * np.cosh(t[list(places)])).sum())
        top = np.maximum(peak, log)
        with np.errstate(invalid="ignore"):
            shrink, part = np.nan_to_num(np.exp(peak - top)), np.nan_to_num(np.exp(log - top))
        total = total * shrink + part
        other = other * shrink + (part if not any(p % 2 for p in places) else 0.0)
        peak = top
    volume = size * np.log(step) + np.log(np.stack([root[a, a] for a in range(size)])).sum(axis=0)
    with np.errstate(divide="ignore"):
        return peak + volume + np.log(total), peak + volume + np.log(other) + size * np.log(2.0)
