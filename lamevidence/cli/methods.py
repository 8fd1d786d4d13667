"""``lamevidence methods``: the catalogues, read aloud."""

from __future__ import annotations

from typing import Any

from ..foundation.catalog import Catalog
from .output import print_json

__all__ = ["catalogues", "list_methods"]


def catalogues() -> dict[str, list[dict[str, str]]]:
    """Return every catalogue as name → entries with code, title and reference."""
    from ..bayes.priors.catalogue import PRIORS
    from ..effects.measures import MEASURES
    from ..effects.recovery import RECOVERY
    from ..pooling import INTERVALS, MODELS, PREDICTIONS, TAU2

    named: dict[str, Catalog[Any]] = {
        "effect measures": MEASURES,
        "models": MODELS,
        "tau2 estimators": TAU2,
        "intervals": INTERVALS,
        "prediction intervals": PREDICTIONS,
        "recovery rules": RECOVERY,
    }
    shown = {
        name: [{"code": e.code, "title": e.title, "reference": e.reference} for e in catalog.entries()]
        for name, catalog in named.items()
    }
    for role, priors in PRIORS.items():
        shown[f"priors of {role}"] = [
            {"code": name, "title": (prior.__doc__ or "").strip().splitlines()[0], "reference": ""}
            for name, prior in priors.items()
        ]
    return shown


def list_methods(*, as_json: bool) -> None:
    """Print every method that an option can name."""
    named = catalogues()
    if as_json:
        print_json(named)
        return
    for name, entries in named.items():
        print(name)
        width = max((len(e["code"]) for e in entries), default=1)
        for e in entries:
            reference = f"  [{e['reference']}]" if e["reference"] else ""
            print(f"  {e['code']:<{width}}  {e['title']}{reference}")
        print()
