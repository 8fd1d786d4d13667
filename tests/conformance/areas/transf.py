"""Area ``transf``: transformations and back-transformations, with the arguments that the R call names."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from lamevidence import effects as t
from lamevidence.effects.escalc import escalc
from lamevidence.effects.measures import MEASURES
from tests.conformance.judge import deviations
from tests.conformance.r_call import name_of, parse, value
from tests.conformance.runner import Unsupported
from tests.oracles import effects_mp

__all__ = ["compute", "deviations"]


def back(code: str) -> Callable[[Any], Any]:
    return lambda x: MEASURES[code].back(x)


def forward(code: str) -> Callable[[Any], Any]:
    return lambda x: MEASURES[code].forward(x)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "rtoz": forward("ZCOR"),
    "ztor": back("ZCOR"),
    "r2toz": forward("ZR2"),
    "ztor2": back("ZR2"),
    "logit": forward("PLO"),
    "ilogit": back("PLO"),
    "arcsin": forward("PAS"),
    "iarcsin": back("PAS"),
    "ahw": forward("AHW"),
    "iahw": lambda x: np.clip(back("AHW")(x), 0.0, 1.0),
    "probit": special.ndtri,
    "iprobit": back("PRZ"),
    "dtou1": t.d_to_u1,
    "dtou2": t.d_to_u2,
    "dtou3": t.d_to_u3,
    "dtocles": t.d_to_cles,
    "dtobesd": t.d_to_success_rate,
    "dtorpb": lambda x, n1i, n2i: t.d_to_point_biserial(x, n1i, n2i),
    "dtoovl": t.d_to_overlap,
    "dtocliffd": t.d_to_cliff,
    "lnortord": lambda x, pc: t.odds_ratio_to_risk(x, pc) - pc,
    "lnortorr": lambda x, pc: t.odds_ratio_to_risk(x, pc) / pc,
    "pft": lambda p, ni: escalc("PFT", xi=p * ni, ni=ni).yi,
    "ipft": lambda x, ni: t.freeman_tukey_back(x, ni),
    "ipft.hm": lambda x, ni: t.freeman_tukey_back(x, np.asarray(1 / np.mean(1 / np.asarray(ni)))),
    "irft": lambda rate, ti: escalc("IRFT", xi=rate * ti, ti=ti).yi,
    "iirft": lambda x, ti: t.freeman_tukey_rate_back(x, ti),
    "exp.int": lambda x, tau2: t.exp_mean(x, tau2),
    "ilogit.int": lambda x, tau2: t.logit_mean(x, tau2),
    "ztor.int": lambda x, tau2: t.tanh_mean(x, tau2),
    "iarcsin.int": lambda x, tau2: t.arcsine_mean(x, tau2),
    "exp.mode": lambda x, tau2: t.exp_mode(x, tau2),
    "ilogit.mode": lambda x, tau2: t.logit_mode(x, tau2),
}
EXACT: dict[str, Callable[[float, float], float]] = {
    "ztor.int": lambda v, tau2: effects_mp.normal_mean(effects_mp.mp.tanh, v, tau2),
    "ilogit.mode": effects_mp.logit_normal_mode,
}


def compute(inputs: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """Run one case."""
    tree = parse(case["call"])
    asked = case["args"]["fn"].removeprefix("transf.")
    seen: dict[str, Any] = {}

    def watched(name: str) -> Callable[..., Any]:
        def run(*vectors: Any, **settings: Any) -> Any:
            seen[name] = (vectors, settings)
            try:
                return FUNCTIONS[name](*vectors, **settings)
            except TypeError:
                raise Unsupported(f"transf.{name} with settings {', '.join(settings) or 'left to R'}") from None

        return run

    names = {name_of(n) for n in ast.walk(tree) if isinstance(n, ast.Name)}
    if f"transf.{asked}" not in names:
        raise Unsupported(f"the call does not name transf.{asked}")
    result = value(tree, inputs, {f"transf.{name}": watched(name) for name in FUNCTIONS})

    def truth(path: str) -> float | None:
        if asked not in EXACT:
            return None
        vectors, settings = seen[asked]
        return EXACT[asked](float(vectors[0][int(path.split("[")[1].rstrip("]"))]), settings["tau2"])

    return {"value": result, "_truth": truth}
