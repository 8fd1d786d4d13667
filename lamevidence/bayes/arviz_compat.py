"""The one place that knows which ArviZ is installed: `InferenceData` before 1.0, `xarray.DataTree` from then on."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError, OptionError
from ..options import a_path, a_seed, a_whole, an_instance
from ..writing import write_whole
from .contract import DRAWS, groups

if TYPE_CHECKING:
    from .posterior import Posterior

__all__ = ["container", "datasets", "is_container", "load_posterior", "save_posterior", "to_arviz"]

ENGINE = "h5netcdf"
"""What writes netCDF on both lines; ArviZ 1 depends on no such library itself."""


def _inference_data() -> Any:
    """Return the class of ArviZ before 1.0, or None where it is gone."""
    import arviz

    return arviz.InferenceData if int(arviz.__version__.split(".")[0]) == 0 else None


def container(parts: Mapping[str, Any], attrs: Mapping[str, Any]) -> Any:
    """Return the native object of the installed line from one xarray Dataset a group."""
    legacy = _inference_data()
    if legacy is not None:
        return legacy(attrs=dict(attrs), warn_on_custom_groups=False, **parts)
    import xarray

    tree = xarray.DataTree.from_dict({f"/{name}": part for name, part in parts.items()})
    tree.attrs.update(attrs)
    return tree


def is_container(thing: Any) -> bool:
    """Return whether ``thing`` holds groups of draws, of either line."""
    import xarray

    return isinstance(thing, xarray.DataTree) or type(thing).__name__ == "InferenceData"


def datasets(thing: Any) -> dict[str, Any]:
    """Return group name → Dataset, of either line.

    Raises
    ------
    InputError
        It is not an ArviZ object.
    """
    if not is_container(thing):
        raise InputError(
            f"{type(thing).__name__} is not an ArviZ object · give post.idata, or what lam.sample(model) returns"
        )
    names = thing.groups() if callable(thing.groups) else [g.strip("/") for g in thing.groups if g != "/"]
    found = {name: thing[name] for name in names}
    return {name: part.to_dataset() if hasattr(part, "to_dataset") else part for name, part in found.items()}


def to_arviz(post: Posterior, draws: int | None = None, chains: int | None = None, seed: int | None = None) -> Any:
    """Return a posterior as the object that ArviZ plots and tables take, with the same groups for every engine.

    Groups: ``posterior`` (``mu``, ``tau``, ``theta`` over ``study``, ``theta_new``; ``beta`` over ``coef`` with
    moderators), ``prior``, ``prior_predictive`` and ``log_prior`` (where the priors are proper),
    ``posterior_predictive`` (each row with a new true effect, same design), ``log_likelihood`` (true effects integrated
    out), ``observed_data`` and ``constant_data``; for a sampler also ``sample_stats``.

    Parameters
    ----------
    post
        Result of `pool_bayes`.
    draws, chains
        Of an exact posterior, 1000 × 4 when left out; the draws are independent. A sampled one keeps its own chains.
    seed
        What reproduces the draws; left out, the seed of the result, or 0.

    Returns
    -------
    InferenceData or DataTree
        Whichever the installed ArviZ uses.

    Raises
    ------
    OptionError
        Another number of draws than a sampler made.

    References
    ----------
    Kumar, Carroll, Hartikainen & Martin 2019, doi:10.21105/joss.01143.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4, -2.5], sei=[2, 3, 3.5], labels=["A", "B", "C"])
    >>> post = lam.pool_bayes(table, mu=lam.Normal(0, 20), tau=lam.HalfNormal(4))
    >>> tree = lam.to_arviz(post, draws=100, chains=2, seed=1)
    >>> tree["posterior"]["theta"].dims
    ('chain', 'draw', 'study')
    """
    from .posterior import Posterior

    an_instance("post", post, Posterior, "make one with lam.pool_bayes(table)")
    a_seed(seed)
    kept = getattr(post.state, "shape", None)
    if kept is None:
        chosen = DRAWS[1] if chains is None else a_whole("chains", chains, 1, 1000)
        size = (DRAWS[0] if draws is None else a_whole("draws", draws, 1, 10**8 // chosen), chosen)
    elif (draws, chains) not in ((None, None), (kept[1], kept[0])):
        raise OptionError(f"the sampler made {kept[0]} chains of {kept[1]} draws · leave draws and chains out")
    else:
        size = (kept[1], kept[0])
    parts, attrs = groups(post, *size, seed)
    return container(parts, attrs)


def save_posterior(post: Any, path: str | Path) -> Path:
    """Write a posterior (or an ArviZ object) to a netCDF file that either line of ArviZ reads.

    Parameters
    ----------
    post
        Result of `pool_bayes`, or an ArviZ object such as `sample` returns.
    path
        File to write.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    InputError
        Neither a posterior nor an ArviZ object.

    Examples
    --------
    >>> import tempfile, lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4], sei=[2, 3])
    >>> post = lam.pool_bayes(table, mu=lam.Normal(0, 20), tau=lam.HalfNormal(4))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = lam.save_posterior(post, f"{folder}/post.nc")
    ...     back = lam.load_posterior(file)
    >>> back["observed_data"]["estimate"].values.tolist()
    [1.0, 4.0]
    """
    import xarray

    thing = post if is_container(post) else getattr(post, "idata", post)
    parts = datasets(thing)
    tree = xarray.DataTree.from_dict({f"/{name}": part for name, part in parts.items()})
    tree.attrs.update(thing.attrs)
    return write_whole(path, lambda file: tree.to_netcdf(file, engine=ENGINE))


def load_posterior(path: str | Path) -> Any:
    """Read back what `save_posterior` wrote, as the object of the installed line of ArviZ.

    Raises
    ------
    InputError
        There is no such file, or it holds no draws.
    """
    import xarray

    file = a_path("path", path)
    if not file.is_file():
        raise InputError(f"there is no file {file} · give the name of one that lam.save_posterior wrote")
    try:
        # a file of another program may have dimensions without names, of which its reader warns; it is refused below
        with warnings.catch_warnings(action="ignore"), xarray.open_datatree(file, engine=ENGINE) as tree:
            tree.load()
            parts = {name: node.to_dataset() for name, node in tree.children.items()}
            attrs = dict(tree.attrs)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        # all of these are what the libraries say of damaged bytes
        raise InputError(f"{file} is not a netCDF file of draws · write one with lam.save_posterior") from error
    if "posterior" not in parts:
        raise InputError(f"{file} holds no group 'posterior' · groups: {', '.join(parts) or 'none'}")
    strange = [str(name) for name, value in parts["posterior"].items() if value.dims[:2] != ("chain", "draw")]
    if strange or not parts["posterior"]:
        what = f"{', '.join(strange)} without chain and draw" if strange else "no draws"
        raise InputError(f"{file}: its group 'posterior' holds {what} · write one with lam.save_posterior")
    return container(parts, attrs)
