"""``python tests/bayes/data/write.py``: the files of `test_saved_across_lines`, by the installed line of ArviZ."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

import lamevidence as lam
from lamevidence.bayes.sampling.arviz_compat import container, datasets

TABLE = lam.EvidenceTable.from_estimates(
    [1, 4, -2.5], sei=[2, 3, 3.5], labels=["Zoë 2011", "B", "C"], unit="mL/month", title="three slopes"
)
PRIORS = {"mu": lam.priors.Normal(0, 20, unit="mL/month"), "tau": lam.priors.HalfNormal(4, unit="mL/month")}


def main(line: str) -> None:
    """Write one exact and one sampled posterior, and the sampled one as ArviZ itself does."""
    folder = Path(__file__).parent
    post = lam.pool_bayes(TABLE, likelihood="normal", **PRIORS)
    lam.save_posterior(lam.to_arviz(post, draws=30, chains=2, seed=5), folder / f"exact_{line}.nc")
    model = lam.models.normal_normal(TABLE, **PRIORS)
    # too short to converge, and meant to be: the file is about form
    tree = lam.models.sample(model, "pymc", chains=2, draws=100, tune=300, seed=5, cores=1, allow=["rhat", "ess"])
    lam.save_posterior(tree, folder / f"nuts_{line}.nc")
    kept = {name: part for name, part in datasets(tree).items() if not name.startswith("prior")}
    container(kept, tree.attrs).to_netcdf(str(folder / f"native_{line}.nc"), engine="h5netcdf")


if __name__ == "__main__":
    import arviz

    main("arviz0" if arviz.__version__.startswith("0.") else "arviz1")
