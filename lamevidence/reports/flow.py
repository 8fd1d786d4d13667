"""The flow of a review (PRISMA 2020): read from a mapping, a file or a registry, every sum checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from ..foundation.errors import OptionError
from ..foundation.options import a_path, shown
from ..registry.flow.counted import recorded_flow, registry_flow
from ..registry.flow.prisma_flow import PrismaFlow
from ..registry.flow.reading import flow_of, mapping_document, read_flow, refuse
from ..registry.registry import RegistryRecords
from ..workspace import load_registry

__all__ = ["FlowSource", "PrismaFlow", "prisma"]

FlowSource: TypeAlias = Mapping[str, object] | RegistryRecords | str | Path
"""What a flow is read from."""


def prisma(source: FlowSource) -> PrismaFlow:
    """Return the flow of a review through the boxes of PRISMA 2020, every sum checked.

    What enters a step leaves it as excluded or enters the next one: databases + registers = removed + screened,
    screened = excluded + sought, sought = not retrieved + assessed, assessed (of both columns) = excluded + reports of
    included studies; in an update, previous + new = total. ``not_reported`` is allowed everywhere and is unknown, never
    0: a step without its number is passed over, and where a part of a sum is unknown, the rest must not exceed the
    other side.

    Parameters
    ----------
    source
        A mapping; a YAML file of the same form; or a registry or its folder, whose ``prisma.yaml`` is read. A registry
        without that file knows its studies alone, and everything else is not reported.

    Returns
    -------
    PrismaFlow
        ``.databases_and_registers``, ``.included`` …, ``.to_frame()``, ``.describe()``, ``.plot()``.

    Raises
    ------
    InvalidFlow
        Lists every problem: unknown or missing fields, what is no number, each sum that does not hold, and the registry
        where it has another number of studies. From a file each has its line and column.
    InvalidRegistry
        The folder is no registry that can be read.
    OptionError
        ``source`` is none of these.

    See Also
    --------
    lamevidence.plots.prisma_flow : The flow diagram.

    References
    ----------
    Page et al. 2021, doi:10.1136/bmj.n71.

    Examples
    --------
    >>> import lamevidence as lam
    >>> searched = {
    ...     "databases": {"MEDLINE": 90, "Embase": 72}, "registers": 0,
    ...     "duplicates": 23, "automation": 0, "other_reasons": 0,
    ...     "screened": 139, "excluded": 25, "sought": 114, "not_retrieved": 4, "assessed": 110,
    ...     "excluded_reports": {"other outcome": 88},
    ... }
    >>> flow = lam.reports.prisma({"databases_and_registers": searched, "included": {"studies": 22, "reports": 22}})
    >>> flow.included.studies, flow.databases_and_registers.databases["Embase"]
    (22, 72)
    >>> try:
    ...     lam.reports.prisma({"databases_and_registers": searched, "included": {"studies": 21, "reports": 21}})
    ... except lam.errors.InvalidFlow as error:
    ...     print(error.problems[0].message)
    assessed 110, but excluded reports 88 + reports of included studies 21 = 109
    """
    if isinstance(source, RegistryRecords):
        return _of_registry(source)
    if isinstance(source, Mapping):
        flow, problems = flow_of(mapping_document(source))
    elif isinstance(source, str | Path):
        path = a_path("source", source)
        if path.is_dir():
            return _of_registry(load_registry(path))
        flow, _, problems = read_flow(path)
    else:
        raise OptionError(f"source={shown(source)} is no flow · give a mapping, a YAML file, a registry or its folder")
    refuse(problems)
    assert flow is not None
    return flow


def _of_registry(registry: RegistryRecords) -> PrismaFlow:
    flow, problems, there = recorded_flow(registry)
    if not there:
        return registry_flow(registry)
    refuse(problems, registry.root)
    assert flow is not None
    return flow
