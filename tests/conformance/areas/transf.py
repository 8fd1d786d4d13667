"""Area ``transf``: transformations and back-transformations."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from lamevidence.effects import transforms as t
from lamevidence.effects.escalc import escalc
from lamevidence.effects.measures import MEASURES
from tests.conformance.judge import deviations
from tests.conformance.runner import Unsupported
from tests.oracles import effects_mp

__all__ = ["compute", "deviations"]


def clipped(p: np.ndarray) -> np.ndarray:
    return np.clip(p, 0.0, 1.0)


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    x, pr, n = (np.asarray(inputs[name], dtype=float) for name in ("x", "pr", "n"))
    tau2 = 0.2
    back = lambda code: MEASURES[code].back  # noqa: E731
    forward = lambda code: MEASURES[code].forward  # noqa: E731
    pft = lambda: escalc("PFT", xi=pr * n, ni=n).yi  # noqa: E731
    irft = lambda: escalc("IRFT", xi=(x + 3) * n, ti=n).yi  # noqa: E731
    functions = {
        "ztor": lambda: back("ZCOR")(x),
        "ilogit": lambda: back("PLO")(x),
        "iprobit": lambda: back("PRZ")(x),
        "ztor2": lambda: back("ZR2")(x),
        "dtou1": lambda: t.d_to_u1(x),
        "dtou2": lambda: t.d_to_u2(x),
        "dtou3": lambda: t.d_to_u3(x),
        "dtocles": lambda: t.d_to_cles(x),
        "dtobesd": lambda: t.d_to_success_rate(x),
        "dtorpb": lambda: t.d_to_point_biserial(x, 20, 25),
        "dtoovl": lambda: t.d_to_overlap(x),
        "dtocliffd": lambda: t.d_to_cliff(x),
        "lnortord": lambda: t.odds_ratio_to_risk(x, 0.3) - 0.3,
        "ahw": lambda: forward("AHW")(x),
        "iahw": lambda: clipped(back("AHW")(x)),
        "logit": lambda: forward("PLO")(pr),
        "arcsin": lambda: forward("PAS")(pr),
        "iarcsin": lambda: back("PAS")(pr),
        "probit": lambda: special.ndtri(pr),
        "pft": pft,
        "ipft": lambda: t.freeman_tukey_back(pft(), n),
        "ipft.hm": lambda: t.freeman_tukey_back(pft(), np.asarray(1 / np.mean(1 / n))),
        "irft": irft,
        "iirft": lambda: t.freeman_tukey_rate_back(irft(), n),
        "exp.int": lambda: t.exp_mean(x, tau2),
        "ilogit.int": lambda: t.logit_mean(x, tau2),
        "ztor.int": lambda: t.tanh_mean(x, tau2),
        "iarcsin.int": lambda: t.arcsine_mean(forward("PAS")(pr), tau2),
        "exp.mode": lambda: t.exp_mode(x, tau2),
        "ilogit.mode": lambda: t.logit_mode(x, tau2),
    }
    name = case["args"]["fn"].removeprefix("transf.")
    if name not in functions:
        raise Unsupported(f"transformation {name}")
    exact = {
        "ztor.int": lambda v: effects_mp.normal_mean(effects_mp.mp.tanh, v, tau2),
        "ilogit.mode": lambda v: effects_mp.logit_normal_mode(v, tau2),
    }.get(name)

    def truth(path: str) -> float | None:
        return None if exact is None else exact(float(x[int(path.split("[")[1].rstrip("]"))]))

    return {"value": functions[name](), "_truth": truth}
