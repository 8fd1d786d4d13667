"""``python -m benchmarks.sbc_models [--replicates 200] [--model NAME …]``: simulation-based calibration.

For every PyMC model of `lamevidence.models`: parameters from the prior, data from them (by NumPy, see `sbc_cases`),
chains of the model compiled once, and the ranks of the parameters among thinned draws; the rank of the log likelihood
besides, which no posterior that ignores the data passes (Modrák et al. 2023, doi:10.1214/23-BA1404). As
`lamevidence.models.sample` does, chains with divergent transitions are run again with smaller steps.
``results/sbc_models.json`` keeps the ranks with a hash of what they are about: the code of the model, its priors and
design, and the settings.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import inspect
import json
import textwrap
import time
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import FunctionType
from typing import Any

import numpy as np

from lamevidence.bayes.sampling.arviz_compat import datasets

from . import sbc_cases
from .measure import RESULTS, conditions
from .ranks import band_p, chi2_p
from .sbc_cases import CASES, Case

PATH = RESULTS / "sbc_models.json"
ALPHA = 0.05
"""Chance that any of all verdicts fails when every model is right, shared by Bonferroni's rule."""
_OURS = (
    "lamevidence.bayes.models",
    "lamevidence.bayes.counts.standard_errors",
    "lamevidence.synthesis.joint_model",
    sbc_cases.__name__,
)
"""Where the law of a model is written; priors are known by what they print, likelihoods of the exact engine no part."""
_NOT_CODE = ("ctx", "type_params", "kind", "type_comment")
"""Fields of the syntax tree that follow from the others, or that some versions of Python do not have."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How the chains are run; ``ranks`` draws are kept of each data set, evenly spaced."""

    replicates: int = 200
    chains: int = 2
    tune: int = 300
    draws: int = 400
    ranks: int = 99
    accept: float = 0.95
    retry_accept: float = 0.995
    seed: int = 20261121


def fingerprint(name: str, settings: Settings) -> str:
    """Return the sha256 of a model's code, priors and design, and of the settings.

    Docstrings, comments and refusals are no part: a refusal leaves a model that is built as it is.
    """
    text = inspect.getsource(sbc_cases)
    table = next(n for n in ast.parse(text).body if isinstance(n, ast.AnnAssign) and n.target.id == "CASES")
    entry = next(v for k, v in zip(table.value.keys, table.value.values, strict=True) if k.value == name)
    parts: dict[str, str] = {name: syntax(entry), "settings": repr(settings)}
    _gather(entry, vars(sbc_cases), parts)
    _source(CASES[name].builder, parts)
    return hashlib.sha256("\n".join(f"{k}\n{parts[k]}" for k in sorted(parts)).encode()).hexdigest()


def _gather(node: ast.AST, known: Mapping[str, Any], parts: dict[str, str]) -> None:
    """Add what the names under ``node`` stand for: our functions with theirs, and constants."""
    for name in {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} & set(known):
        thing = known[name]
        if isinstance(thing, FunctionType):
            if thing.__module__.startswith(_OURS):
                _source(thing, parts)
        elif isinstance(thing, np.ndarray):
            parts[name] = repr(thing.tolist())
        elif isinstance(thing, str | float | int | tuple) or type(thing).__module__.startswith("lamevidence."):
            parts[name] = repr(thing)


def _source(function: Any, parts: dict[str, str]) -> None:
    """Add the code of a function as its syntax tree reads: docstring, comments, layout, imports, file do not count.

    Neither does what refuses, see `_Law`.
    """
    key = f"def {function.__qualname__}"  # a case may be called as its builder is
    if key in parts:
        return
    node = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    if ast.get_docstring(node) is not None:
        del node.body[0]
    node = _Law(function.__globals__).visit(node)
    parts[key] = syntax(node)
    _gather(node, function.__globals__, parts)


class _Law(ast.NodeTransformer):
    """Leave of a function what makes its value: no imports, refusals, or calls of a check whose value is not used.

    What a ``raise`` that is left says is no part either.

    A refusal is an ``if`` that does nothing but raise; a check is a function of the package from outside the rooms of
    the models, which cannot add to a model.
    """

    def __init__(self, known: Mapping[str, Any]) -> None:
        self.known = known

    def visit_Import(self, node: ast.Import) -> None:
        """Drop it: where a name comes from is no law."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Drop it."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        """Drop a refusal, unless its condition names a value."""
        named = any(isinstance(part, ast.NamedExpr) for part in ast.walk(node.test))
        if not named and not node.orelse and all(isinstance(part, ast.Raise) for part in node.body):
            return None
        return self.emptied(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        """Drop a check."""
        called = node.value.func if isinstance(node.value, ast.Call) else None
        thing = self.known.get(called.id) if isinstance(called, ast.Name) else None
        module = thing.__module__ if isinstance(thing, FunctionType) else ""
        return None if module.startswith("lamevidence.") and not module.startswith(_OURS) else node

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        """Keep that it raises, not what."""
        return ast.Raise()

    def visit_For(self, node: ast.For) -> ast.AST | None:
        """Drop a loop in which nothing is left."""
        return self.emptied(node)

    def emptied(self, node: Any) -> ast.AST | None:
        """Return the statement with the law of its body, None where nothing is left of it."""
        node = self.generic_visit(node)
        return node if node.body or node.orelse else None


def syntax(node: Any) -> str:
    """Return a syntax tree as text that is the same on every Python: its classes, and their fields that hold something.

    `ast.unparse` writes quotes and f-strings differently from version to version, `ast.dump` empty fields.
    """
    if isinstance(node, ast.JoinedStr):
        return f"JoinedStr({', '.join(_f_string(node.values))})"
    if isinstance(node, ast.AST):
        held = ((name, value) for name, value in ast.iter_fields(node) if name not in _NOT_CODE)
        inner = (f"{name}={syntax(value)}" for name, value in held if value is not None and value != [])
        return f"{type(node).__name__}({', '.join(inner)})"
    if isinstance(node, list):
        return f"[{', '.join(map(syntax, node))}]"
    return repr(node)


def _f_string(values: list[Any]) -> list[str]:
    """Return the parts of an f-string, literal text that lies side by side as one."""
    out: list[str] = []
    text = ""
    for value in values:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            text += value.value
            continue
        out += [repr(text)] * bool(text) + [syntax(value)]
        text = ""
    return out + [repr(text)] * bool(text)


def compiled(case: Case) -> Any:
    """Return the model, compiled once, with its observed data as something that can be swapped."""
    import nutpie
    import pymc as pm

    model = case.build()
    (variable,) = model.observed_RVs
    constant = model.rvs_to_values[variable]
    with model:
        data = pm.Data("swapped", np.asarray(constant.data))
    model.rvs_to_values[variable] = data
    del model.values_to_rvs[constant]
    model.values_to_rvs[data] = variable
    return nutpie.compile_pymc_model(model)


def ranks_of(case: Case, program: Any, settings: Settings, number: int) -> tuple[dict[str, int], int, int]:
    """Ranks in one data set, whether it was run again, and the divergent transitions that remain."""
    import nutpie

    rng = np.random.default_rng([settings.seed, number])
    truth = case.draw(rng)
    y = case.simulate(truth, rng)
    ready = program.with_data(swapped=np.asarray(y).astype(program.shared_data["swapped"].dtype))

    def run(tune: int, accept: float) -> tuple[Any, int]:
        tree = nutpie.sample(
            ready,
            draws=settings.draws,
            tune=tune,
            chains=settings.chains,
            cores=1,
            target_accept=accept,
            seed=int(rng.integers(2**31)),
            progress_bar=False,
            save_warmup=False,
        )
        parts = datasets(tree)
        return parts["posterior"], int(parts["sample_stats"]["diverging"].sum())

    posterior, divergent = run(settings.tune, settings.accept)
    again = divergent > 0
    if again:
        posterior, divergent = run(2 * settings.tune, settings.retry_accept)
    total = settings.chains * settings.draws
    keep = np.arange(settings.ranks) * (total // settings.ranks)
    drawn = {str(n): v.values.reshape(total, *v.shape[2:])[keep] for n, v in posterior.data_vars.items()}
    out = {
        q: int((_pick(drawn, q) < _pick({n: np.asarray(t)[None] for n, t in truth.items()}, q)).sum())
        for q in case.ranked
    }
    at_truth = case.log_likelihood({n: np.asarray(t)[None] for n, t in truth.items()}, y)
    out["log_likelihood"] = int((case.log_likelihood(drawn, y) < at_truth).sum())
    return out, int(again), divergent


def _pick(values: Mapping[str, np.ndarray], quantity: str) -> np.ndarray:
    name, _, place = quantity.partition("[")
    return values[name][:, int(place.rstrip("]"))] if place else values[name]


def calibrate(name: str, settings: Settings) -> dict[str, Any]:
    """Run one model and return what is stored of it."""
    case, start = CASES[name], time.process_time()
    program = compiled(case)
    rows, again, divergent = zip(
        *(ranks_of(case, program, settings, i) for i in range(settings.replicates)), strict=True
    )
    found = {q: np.array([row[q] for row in rows]) for q in rows[0]}
    return {
        "hash": fingerprint(name, settings),
        "priors_and_design": [repr(p.tolist() if isinstance(p, np.ndarray) else p) for p in case.priors],
        "settings": asdict(settings),
        "run_again": sum(again),
        "with_divergences": sum(d > 0 for d in divergent),
        "divergences": sum(divergent),
        "cpu_seconds": round(time.process_time() - start, 1),
        "ranks": {q: " ".join(map(str, r)) for q, r in found.items()},
    } | conditions()


def verdicts(stored: Mapping[str, Any]) -> dict[str, dict[str, tuple[float, float]]]:
    """Model → quantity → p-values of band and chi-square, from the stored ranks."""
    out: dict[str, dict[str, tuple[float, float]]] = {}
    for name, model in stored.items():
        highest = model["settings"]["ranks"]
        ranks = {q: np.array(r.split(), dtype=int) for q, r in model["ranks"].items()}
        out[name] = {q: (band_p(r, highest), chi2_p(r, highest)) for q, r in ranks.items()}
    return out


def limit(found: Mapping[str, Mapping[str, Any]]) -> float:
    """Smallest p-value that passes: ALPHA shared by both tests of all quantities of all models."""
    return ALPHA / (2 * sum(len(quantities) for quantities in found.values()))


def main() -> int:
    """Run the models asked for, keep the others' results, print the verdicts."""
    parser = argparse.ArgumentParser(description="simulation-based calibration of the PyMC models")
    parser.add_argument("--replicates", type=int, default=Settings().replicates)
    parser.add_argument("--model", action="append", choices=sorted(CASES))
    options = parser.parse_args()
    settings = Settings(replicates=options.replicates)
    warnings.simplefilter("ignore")
    for name in options.model or CASES:
        result = calibrate(name, settings)
        stored = json.loads(PATH.read_text(encoding="utf-8")) if PATH.exists() else {}
        kept = {n: (result if n == name else stored[n]) for n in CASES if n == name or n in stored}
        PATH.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"{name}: {result['cpu_seconds']} s of CPU, divergences in {result['with_divergences']}", flush=True)
    found = verdicts(json.loads(PATH.read_text(encoding="utf-8")))
    least = limit(found)
    for name, quantities in found.items():
        for quantity, (band, chi2) in quantities.items():
            word = "ok" if min(band, chi2) >= least else "NOT CALIBRATED"
            print(f"{name:28} {quantity:16} band p = {band:.4f}  chi² p = {chi2:.4f}  {word}")
    return int(any(min(p) < least for quantities in found.values() for p in quantities.values()))


if __name__ == "__main__":
    raise SystemExit(main())
