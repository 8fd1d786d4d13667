"""Files of draws written under either line of ArviZ (by ``data/write.py``) say the same under the one installed."""

from pathlib import Path

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.bayes.sampling.arviz_compat import datasets

DATA = Path(__file__).parent / "data"
LINES = ("arviz0", "arviz1")


def read(kind, line):
    tree = lam.load_posterior(DATA / f"{kind}_{line}.nc")
    return tree, datasets(tree)


def shape(parts, group):
    part = parts[group]
    return {name: (v.dims, v.shape, v.dtype.kind) for name, v in part.variables.items()}


def test_the_files_are_small_and_of_the_lines_they_name():
    files = sorted(DATA.glob("*.nc"))
    assert len(files) == 6
    assert sum(f.stat().st_size for f in files) < 1_000_000
    assert max(f.stat().st_size for f in files) < 200_000
    for line in LINES:
        written = read("nuts", line)[1]["posterior"].attrs
        assert str(written.get("arviz_version", written.get("creation_library_version"))).startswith(line[-1])


def test_exact_draws_are_the_same_numbers():
    (one, old), (two, new) = (read("exact", line) for line in LINES)
    assert set(old) == set(new)
    for group in old:
        assert shape(old, group) == shape(new, group), group
        for name, variable in old[group].variables.items():
            if variable.dtype.kind in "OUT":
                assert list(variable.values) == list(new[group][name].values)
            else:
                assert variable.values == pytest.approx(new[group][name].values, rel=1e-9, abs=1e-12), (group, name)
    assert {k: v for k, v in one.attrs.items() if k != "lamevidence_version"} == pytest.approx(
        {k: v for k, v in two.attrs.items() if k != "lamevidence_version"}
    )
    assert list(old["posterior"]["study"].values) == ["Zoë 2011", "B", "C"]
    assert one.attrs["prior_tau"] == "HalfNormal(4, unit='mL/month')"


def test_exact_draws_are_those_drawn_here():
    table = lam.EvidenceTable.from_estimates(
        [1, 4, -2.5], sei=[2, 3, 3.5], labels=["Zoë 2011", "B", "C"], unit="mL/month", title="three slopes"
    )
    priors = {"mu": lam.priors.Normal(0, 20, unit="mL/month"), "tau": lam.priors.HalfNormal(4, unit="mL/month")}
    post = lam.pool_bayes(table, likelihood="normal", **priors)
    here = datasets(lam.to_arviz(post, draws=30, chains=2, seed=5))
    for line in LINES:
        there = read("exact", line)[1]
        assert {g: set(p.variables) for g, p in here.items()} == {g: set(p.variables) for g, p in there.items()}
        assert here["posterior"]["theta"].dims == there["posterior"]["theta"].dims
        for name in ("estimate", "se"):
            group = "observed_data" if name == "estimate" else "constant_data"
            assert np.array_equal(here[group][name].values, there[group][name].values)


@pytest.mark.parametrize("kind", ["nuts", "native"])
def test_sampled_draws_have_one_form(kind):
    (_, old), (_, new) = (read(kind, line) for line in LINES)
    assert set(old) == set(new)
    for group in set(old) - {"sample_stats"}:  # what NUTS reports of itself is PyMC's, and grows
        assert shape(old, group) == shape(new, group), group
    for parts in (old, new):
        assert parts["posterior"].sizes == {"chain": 2, "draw": 100}
        assert parts["log_likelihood"]["estimate"].dims == ("chain", "draw", "study")
        assert parts["sample_stats"]["diverging"].dtype.kind == "b"
        assert np.isfinite(parts["posterior"]["mu"].values).all()


@pytest.mark.parametrize("line", LINES)
def test_what_is_read_is_taken_by_checks_and_written_again(line, tmp_path):
    table = lam.EvidenceTable.from_estimates(
        [1, 4, -2.5], sei=[2, 3, 3.5], labels=["Zoë 2011", "B", "C"], unit="mL/month"
    )
    for kind in ("exact", "nuts", "native"):
        tree, parts = read(kind, line)
        assert 0 < lam.predictive_check(tree, ["q"], evidence=table).p("q") < 1
        again = datasets(lam.load_posterior(lam.save_posterior(tree, tmp_path / f"{kind}.nc")))
        assert set(again) == set(parts)
        assert all(part.equals(again[group]) for group, part in parts.items())
