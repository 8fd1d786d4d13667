"""Do the printed numbers agree with each other? One check a function, each with a code."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..errors import Problem
    from ..registry.registry import Registry

__all__ = ["audit"]


def audit(registry: Registry) -> tuple[Problem, ...]:
    """Return everything that the printed numbers of a registry contradict.

    A finding, or its record, that lists a code under ``acknowledge`` is not questioned again.

    Parameters
    ----------
    registry
        From `load_registry`; records with errors are not in it and are not audited.

    Returns
    -------
    tuple of Problem
        In the order of files and lines.
    """
    from ..options import an_instance
    from ..registry.registry import Registry
    from . import dispersion, sums
    from .doubts import CHECKS

    del dispersion, sums  # imported for what they file in the catalogue
    an_instance("registry", registry, Registry, "read one with load_registry(path)")
    found: list[Problem] = []
    for study in registry.studies:
        document = registry.documents[study.path]
        place = {finding.id: i for i, finding in enumerate(study.findings)}
        for entry in CHECKS.entries():
            if entry.code in study.acknowledge:
                continue
            for doubt in entry.item(study, registry):
                if entry.code not in doubt.finding.acknowledge:
                    loc: tuple[str | int, ...] = ("findings", place[doubt.finding.id], *doubt.field)
                    found.append(document.problem(entry.code, loc, doubt.message, doubt.remedy))
    return tuple(sorted(found, key=lambda p: (p.path, p.line, p.column, p.code)))
