"""The public surface: few names at the top, one word for one thing, documented and typed throughout."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lamevidence as lam
from lamevidence._moved import MOVED

ROOT = Path(__file__).parent.parent
SPACES = (
    "audit",
    "checks",
    "counts",
    "effects",
    "errors",
    "models",
    "network",
    "plots",
    "priors",
    "reports",
    "results",
    "sheets",
    "synthesis",
)
MOST_AT_TOP, MOST_ANY = 45, 40
METAFOR = set(
    "ai bi ci di n1i n2i x1i x2i t1i t2i m1i m2i sd1i sd2i xi mi ni ti sdi ri r2i pi oei yi vi".split()  # noqa: SIM905
)
"""What `escalc` takes under metafor's names."""
OTHER_WORDS = {"test", "mods", "result", "post", "replicates", "permutations", "data", "measures", "table_"}
"""Words for what has another name here."""
NO_FORMULA = {
    "load_registry",
    "load_posterior",
    "save_posterior",
    "to_arviz",
    "pool_arrow",
    "pool_dataset",
    "pool_many",
    "pool_bayes_many",
    "network_table",
    "parse_prior",
    "with_null_studies",
    "sample",
    "did_you_mean",
    "read_sheet",
}
"""Functions that read, write, arrange, or speed up what another one documents."""


def public() -> Iterator[tuple[str, Any]]:
    seen = set()
    for space, module in [("lam", lam), *((f"lam.{name}", getattr(lam, name)) for name in SPACES)]:
        for name in module.__all__:
            item = getattr(module, name)
            if inspect.ismodule(item) or not callable(item) or id(item) in seen:
                continue
            seen.add(id(item))
            yield f"{space}.{name}", item


PUBLIC = dict(public())
FUNCTIONS = {name: item for name, item in PUBLIC.items() if inspect.isfunction(item)}


def test_every_public_name_loads_and_the_top_is_short():
    assert len(lam.__all__) <= MOST_AT_TOP
    assert set(SPACES) <= set(lam.__all__)
    for name in lam.__all__:
        assert getattr(lam, name) is not None
    assert set(lam.__all__) <= set(dir(lam))


def test_names_that_moved_say_where_they_are():
    for old, new in MOVED.items():
        with pytest.raises(AttributeError, match=re.escape(f"lamevidence.{old} is now lamevidence.{new}")):
            getattr(lam, old)
        space, name = new.split(".")
        assert getattr(getattr(lam, space), name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        lam.nothing  # noqa: B018


def argument_table() -> dict[str, str]:
    """Name → meaning, from the page."""
    page = (ROOT / "docs" / "arguments.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `(\w+)` \| (.+?) \|$", page, re.MULTILINE))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_arguments_are_those_of_the_table(name):
    known = argument_table()
    for parameter in inspect.signature(FUNCTIONS[name]).parameters:
        if name.endswith("escalc") and parameter in METAFOR:
            continue
        assert parameter in known, f"{name}({parameter}=)"
        assert parameter not in OTHER_WORDS, f"{name}({parameter}=)"


def test_the_table_has_no_name_that_nobody_uses():
    used = {p for item in FUNCTIONS.values() for p in inspect.signature(item).parameters}
    assert set(argument_table()) - used == set()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_documented(name):
    text = inspect.getdoc(FUNCTIONS[name]) or ""
    wanted = ["Parameters", "Returns", "See Also", "Examples"]
    if FUNCTIONS[name].__name__ not in NO_FORMULA and not name.startswith(("lam.plots", "lam.models", "lam.errors")):
        wanted.append("References")
    lacking = [part for part in wanted if not re.search(rf"^{part}\n-{{3,}}", text, re.MULTILINE)]
    assert lacking == []
    for parameter in inspect.signature(FUNCTIONS[name]).parameters:
        assert re.search(rf"\b{parameter}\b", text), f"{name} does not say what {parameter} is"


@pytest.mark.parametrize("name", [n for n, item in PUBLIC.items() if inspect.isclass(item)])
def test_classes_are_documented(name):
    assert (PUBLIC[name].__doc__ or "").strip()
    assert not (PUBLIC[name].__doc__ or "").startswith(f"{PUBLIC[name].__name__}(")


def test_formula_symbols_keep_their_case():
    """A linter once wrote ``S log 4.`` for s log 4."""
    for name, item in PUBLIC.items():
        for member in vars(item).values() if inspect.isclass(item) else ():
            text = inspect.getdoc(member.fget if isinstance(member, property) else member) or ""
            assert not re.match(r"^[A-Z] (log|√|exp|\d)", text), name


def test_any_has_nearly_left_the_signatures():
    found = []
    for name, item in PUBLIC.items():
        if inspect.isfunction(item):
            found += _anys(name, item)
        elif inspect.isclass(item):
            for attribute, member in vars(item).items():
                if not attribute.startswith("_") and inspect.isfunction(member):
                    found += _anys(f"{name}.{attribute}", member)
    assert len(found) < MOST_ANY, found


def _anys(name: str, item: Any) -> list[str]:
    signature = inspect.signature(item)
    out = [f"{name}({p})" for p, x in signature.parameters.items() if re.search(r"\bAny\b", str(x.annotation))]
    if re.search(r"\bAny\b", str(signature.return_annotation)):
        out.append(f"{name} ->")
    return out


def test_all_errors_are_public_and_named_in_one_place():
    from lamevidence.foundation import errors

    raised = {
        name for name, item in vars(errors).items() if inspect.isclass(item) and issubclass(item, Exception | Warning)
    }
    assert raised <= set(lam.errors.__all__)
