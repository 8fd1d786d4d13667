"""Do the printed numbers agree with each other? One check a function, each with a code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..foundation.errors import Problem
from ..foundation.options import an_instance
from ..registry.records import Study
from ..registry.registry import RegistryRecords
from . import between, dispersion, kinds, lung, proportions, sums, wholes, words
from .doubts import CHECKS
from .sheet_audit import CheckRun, SheetAudit, audit_file, audit_table

__all__ = [
    "CHECKS",
    "FILES",
    "CheckRun",
    "SheetAudit",
    "audit",
    "audit_file",
    "audit_study",
    "audit_table",
    "barred",
]

FILES = (dispersion, kinds, between, proportions, sums, wholes, lung, words)
"""The chapter's files, imported for the checks that they file in the catalogue."""


def audit(registry: RegistryRecords) -> tuple[Problem, ...]:
    """Return everything that the printed numbers of a registry contradict.

    A finding, or its record, that lists a code under ``acknowledge`` is not questioned again; a code that is listed
    and no longer found is reported as LW505.

    Parameters
    ----------
    registry
        From `load_registry`; records with errors are not in it and are not audited.

    Returns
    -------
    tuple of Problem
        In the order of files and lines.

    Raises
    ------
    OptionError
        Not a registry.

    See Also
    --------
    audit_file : the same for a sheet of one's own.
    barred : what no pool may use.

    References
    ----------
    Cochrane Handbook 5.5.3; each check names its own in `CHECKS`.

    Examples
    --------
    >>> import lamevidence as lam
    >>> problems = lam.load_registry().audit()
    """
    an_instance("registry", registry, RegistryRecords, "read one with load_registry(path)")
    found = [problem for study in registry.studies for problem in audit_study(study, registry)]
    return tuple(sorted(found, key=lambda p: (p.path, p.line, p.column, p.code)))


def audit_study(study: Study, registry: RegistryRecords) -> Iterator[Problem]:
    """Yield what the printed numbers of one study contradict, by itself and beside the other studies.

    Parameters
    ----------
    study
        A record of the registry.
    registry
        From `load_registry`.

    Returns
    -------
    iterator of Problem
        One for each doubt that is not acknowledged.

    See Also
    --------
    audit : all studies of a registry.

    References
    ----------
    Cochrane Handbook 5.5.3; each check names its own in `CHECKS`.

    Examples
    --------
    >>> import lamevidence as lam
    >>> registry = lam.load_registry()
    >>> list(audit_study(registry.study("mccormack-2011"), registry))
    []
    """
    document = registry.documents[study.path]
    place = {finding.id: i for i, finding in enumerate(study.findings)}
    raised: set[tuple[str, str]] = set()
    for entry in CHECKS.entries():
        for doubt in entry.item(study, registry):
            raised.add((doubt.finding.id, entry.code))
            if entry.code not in (*study.acknowledge, *doubt.finding.acknowledge):
                loc: tuple[str | int, ...] = ("findings", place[doubt.finding.id], *doubt.field)
                beside = tuple(f"{study.path}:{other.line}" for other in doubt.beside)
                yield document.problem(entry.code, loc, doubt.message, doubt.remedy, related=beside)
    codes = {code for _, code in raised}
    for i, code in enumerate(study.acknowledge):
        if code in CHECKS and code not in codes:
            yield document.problem("LW505", ("acknowledge", i), f"no finding raises {code}", _STALE)
    for finding in study.findings:
        for i, code in enumerate(finding.acknowledge):
            if code in CHECKS and (finding.id, code) not in raised:
                loc = ("findings", place[finding.id], "acknowledge", i)
                yield document.problem("LW505", loc, f"{finding.id} does not raise {code}", _STALE)


_STALE = "delete the code, and what the note says of it; a new doubt would pass unseen"


def barred(registry: RegistryRecords) -> Mapping[tuple[str, str], str]:
    """Return what no pool may use: study and finding → why, for each doubt of an error that nobody acknowledged.

    Parameters
    ----------
    registry
        From `load_registry`.

    Returns
    -------
    mapping
        (study, finding) → code and message of the first error.

    See Also
    --------
    audit : every doubt, warnings included.

    References
    ----------
    Cochrane Handbook 5.5.3; each check names its own in `CHECKS`.

    Examples
    --------
    >>> import lamevidence as lam
    >>> dict(barred(lam.load_registry()))
    {}
    """
    an_instance("registry", registry, RegistryRecords, "read one with load_registry(path)")
    found: dict[tuple[str, str], str] = {}
    for entry in CHECKS.entries():
        if not entry.code.startswith("LE"):
            continue
        for study in registry.studies:
            for doubt in entry.item(study, registry):
                if entry.code not in (*study.acknowledge, *doubt.finding.acknowledge):
                    found.setdefault((study.id, doubt.finding.id), f"{entry.code}: {doubt.message}")
    return found
