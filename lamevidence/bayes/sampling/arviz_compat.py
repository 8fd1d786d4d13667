"""The one place that knows which ArviZ is installed: `InferenceData` before 1.0, `xarray.DataTree` from then on."""

from __future__ import annotations

import gc
import hashlib
import json
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from ...foundation.errors import InputError, OptionError
from ...foundation.options import a_path, a_seed, a_whole, shown
from ...foundation.writing import write_whole
from ...results.contract import Result
from .groups import DRAWS, groups

if TYPE_CHECKING:
    import arviz as az
    import xarray

    from ..posterior_base import PosteriorBase

ArvizObject: TypeAlias = "az.InferenceData | xarray.DataTree"
"""Groups of draws as the installed line of ArviZ holds them."""

__all__ = ["ArvizObject", "container", "datasets", "is_container", "load_posterior", "save_posterior", "to_arviz"]

ENGINE = "h5netcdf"
"""What writes netCDF on both lines; ArviZ 1 depends on no such library itself."""


HASH = "lamevidence_sha256"
"""Attribute with the hash of all other contents of a file."""
DRAWN = ("mu", "tau", "theta", "theta_new", "beta")
"""Variables of a posterior whose draws are finite numbers."""


def _content_hash(parts: Mapping[str, xarray.Dataset], attrs: Mapping[str, Any]) -> str:
    """Return the sha256 of names, dimensions, shapes, values and attributes, the same before and after writing."""
    import numpy as np

    whole = hashlib.sha256()
    told = [[str(k), str(np.asarray(v).tolist())] for k, v in sorted(attrs.items()) if k != HASH]
    whole.update(json.dumps(told).encode())
    for group, part in sorted(parts.items()):
        for name, variable in sorted(part.variables.items(), key=lambda item: str(item[0])):
            values = np.asarray(variable.values)
            whole.update(json.dumps([group, str(name), list(map(str, variable.dims)), list(values.shape)]).encode())
            if values.dtype.kind in "biuf":
                whole.update(values.astype("<f8").tobytes())
            else:
                whole.update(json.dumps(list(map(str, values.ravel()))).encode())
    return whole.hexdigest()


def _check_version(file: Path, attrs: Mapping[str, Any]) -> None:
    from ... import __version__

    wrote = attrs.get("lamevidence_version")
    if wrote is None:
        return
    try:
        newer = _release(str(wrote)) > _release(__version__)
    except ValueError:
        raise InputError(f"{file} names {shown(wrote)} as its version · write it with lam.save_posterior") from None
    if newer:
        raise InputError(f"{file} was written by lamevidence {wrote}, this is {__version__} · install that version")


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(x) for x in version.partition("+")[0].split(".")[:2])


def _check_draws(file: Path, posterior: xarray.Dataset) -> None:
    import numpy as np

    for name in DRAWN:
        values = np.asarray(posterior[name].values) if name in posterior else np.zeros(1)
        if values.dtype.kind not in "iuf" or values.size == 0 or not np.isfinite(values).all():
            raise InputError(f"{file}: its draws of {name} are not all finite numbers · write it again")
        if name == "tau" and (values < 0).any():
            raise InputError(f"{file}: its draws of tau fall below 0 · write it again with lam.save_posterior")


@contextmanager
def _quiet_closing() -> Iterator[None]:
    """Let objects of a damaged file be closed here, without "Exception ignored in" on the terminal."""
    usual, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        yield
        gc.collect()
    finally:
        sys.unraisablehook = usual


def _inference_data() -> Any:
    """Return the class of ArviZ before 1.0, or None where it is gone."""
    import arviz

    return arviz.InferenceData if int(arviz.__version__.split(".")[0]) == 0 else None


def container(parts: Mapping[str, xarray.Dataset], attrs: Mapping[str, object]) -> ArvizObject:
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


def datasets(thing: Any) -> dict[str, xarray.Dataset]:
    """Return group name → Dataset, of either line.

    Raises
    ------
    InputError
        It is not an ArviZ object.
    """
    if not is_container(thing):
        raise InputError(
            f"{type(thing).__name__} is not an ArviZ object · give post.idata, or what lam.models.sample(model) returns"
        )
    names = thing.groups() if callable(thing.groups) else [g.strip("/") for g in thing.groups if g != "/"]
    found = {name: thing[name] for name in names}
    return {name: part.to_dataset() if hasattr(part, "to_dataset") else part for name, part in found.items()}


def to_arviz(
    fit: PosteriorBase, draws: int | None = None, chains: int | None = None, seed: int | None = None
) -> ArvizObject:
    """Return a posterior as the object that ArviZ plots and tables take, with the same groups for every engine.

    Groups: ``posterior`` (``mu``, ``tau``, ``theta`` over ``study``, ``theta_new``; ``beta`` over ``coef`` with
    moderators), ``prior``, ``prior_predictive`` and ``log_prior`` (where the priors are proper),
    ``posterior_predictive`` (each row with a new true effect, same design), ``log_likelihood`` (true effects integrated
    out), ``observed_data`` and ``constant_data``; for a sampler also ``sample_stats``.

    Parameters
    ----------
    fit
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

    See Also
    --------
    save_posterior : writes it to a file.

    References
    ----------
    Kumar, Carroll, Hartikainen & Martin 2019, doi:10.21105/joss.01143.

    Examples
    --------
    >>> import lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4, -2.5], sei=[2, 3, 3.5], labels=["A", "B", "C"])
    >>> post = lam.pool_bayes(table, mu=lam.priors.Normal(0, 20), tau=lam.priors.HalfNormal(4))
    >>> tree = lam.to_arviz(post, draws=100, chains=2, seed=1)
    >>> tree["posterior"]["theta"].dims
    ('chain', 'draw', 'study')
    """
    if not (isinstance(fit, Result) and fit.bayesian):
        raise OptionError(f"fit={shown(fit)} is not a posterior · make one with lam.pool_bayes(table)")
    a_seed(seed)
    kept = getattr(fit.state, "shape", None)
    if kept is None:
        chosen = DRAWS[1] if chains is None else a_whole("chains", chains, 1, 1000)
        size = (DRAWS[0] if draws is None else a_whole("draws", draws, 1, 10**8 // chosen), chosen)
    elif (draws, chains) not in ((None, None), (kept[1], kept[0])):
        raise OptionError(f"the sampler made {kept[0]} chains of {kept[1]} draws · leave draws and chains out")
    else:
        size = (kept[1], kept[0])
    parts, attrs = groups(fit, *size, seed)
    return container(parts, attrs)


def save_posterior(fit: PosteriorBase | ArvizObject, path: str | Path) -> Path:
    """Write a posterior (or an ArviZ object) to a netCDF file that either line of ArviZ reads.

    Parameters
    ----------
    fit
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

    See Also
    --------
    load_posterior : reads it back.
    to_arviz : the object that is written.

    Examples
    --------
    >>> import tempfile, lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4], sei=[2, 3])
    >>> post = lam.pool_bayes(table, mu=lam.priors.Normal(0, 20), tau=lam.priors.HalfNormal(4))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = lam.save_posterior(post, f"{folder}/post.nc")
    ...     back = lam.load_posterior(file)
    >>> back["observed_data"]["estimate"].values.tolist()
    [1.0, 4.0]
    """
    import xarray

    thing: Any = fit if is_container(fit) else getattr(fit, "idata", fit)
    parts = datasets(thing)
    tree = xarray.DataTree.from_dict({f"/{name}": part for name, part in parts.items()})
    tree.attrs.update(thing.attrs)
    tree.attrs[HASH] = _content_hash(parts, tree.attrs)
    return write_whole(path, lambda file: tree.to_netcdf(file, engine=ENGINE))


def load_posterior(path: str | Path) -> ArvizObject:
    """Read back what `save_posterior` wrote, as the object of the installed line of ArviZ.

    What was written is told by its content hash; files of ArviZ itself, which have none, are read too.

    Parameters
    ----------
    path
        File to read.

    Returns
    -------
    InferenceData or DataTree
        Whichever the installed ArviZ uses.

    Raises
    ------
    InputError
        There is no such file, it holds no draws, a newer version wrote it, its contents are not those that were
        written, or a draw is not a finite number (τ: at least 0).

    See Also
    --------
    save_posterior : writes it.

    Examples
    --------
    >>> import tempfile, lamevidence as lam
    >>> table = lam.EvidenceTable.from_estimates([1, 4], sei=[2, 3])
    >>> post = lam.pool_bayes(table, mu=lam.priors.Normal(0, 20), tau=lam.priors.HalfNormal(4))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tree = lam.load_posterior(lam.save_posterior(post, f"{folder}/post.nc"))
    >>> tree["posterior"]["mu"].dims
    ('chain', 'draw')
    """
    import xarray

    file = a_path("path", path)
    if not file.is_file():
        raise InputError(f"there is no file {file} · give the name of one that lam.save_posterior wrote")
    found: tuple[dict[str, Any], dict[str, Any]] | None = None
    with _quiet_closing():
        try:
            # a file of another program may have dimensions without names, of which its reader warns: refused below
            with warnings.catch_warnings(action="ignore"), xarray.open_datatree(file, engine=ENGINE) as tree:
                tree.load()
                found = {name: node.to_dataset() for name, node in tree.children.items()}, dict(tree.attrs)
        except Exception:
            pass
    if found is None:
        raise InputError(f"{file} is not a netCDF file of draws · write one with lam.save_posterior")
    parts, attrs = found
    if "posterior" not in parts:
        raise InputError(f"{file} holds no group 'posterior' · groups: {', '.join(parts) or 'none'}")
    strange = [str(name) for name, value in parts["posterior"].items() if value.dims[:2] != ("chain", "draw")]
    if strange or not parts["posterior"]:
        what = f"{', '.join(strange)} without chain and draw" if strange else "no draws"
        raise InputError(f"{file}: its group 'posterior' holds {what} · write one with lam.save_posterior")
    _check_version(file, attrs)
    _check_draws(file, parts["posterior"])
    written = attrs.pop(HASH, None)
    by_another_program = written is None and "lamevidence_version" not in attrs
    if not by_another_program and written != _content_hash(parts, attrs):
        what = "is not what was written" if written else "has no content hash"
        raise InputError(f"{file} {what}: damaged, or edited · write it again with lam.save_posterior")
    return container(parts, attrs)
