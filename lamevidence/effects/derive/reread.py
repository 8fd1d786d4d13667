"""Studies whose printed ± a question reads otherwise than the record does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal

from ...registry.records import Continuous, Contrast, Finding, Study

__all__ = ["reread", "spread_of"]


def spread_of(finding: Finding) -> str:
    """Return ``se`` or ``sd`` where one number is printed behind the ± of a finding, else an empty string."""
    if not isinstance(finding, Continuous | Contrast) or finding.dispersion.value is None:
        return ""
    return finding.dispersion.kind if finding.dispersion.kind in ("se", "sd") else ""


def reread(studies: Iterable[Study], read_as: Mapping[str, Literal["se", "sd"]]) -> tuple[Study, ...]:
    """Return the studies with the spreads of the findings named read as the question says.

    Parameters
    ----------
    studies
        As recorded.
    read_as
        Study id, or ``study/finding`` → what the ± is read as; a finding named by itself counts before its study.
    """
    named = {name.partition("/")[0] for name in read_as}
    return tuple(_reread(study, read_as) if study.id in named else study for study in studies)


def _reread(study: Study, read_as: Mapping[str, Literal["se", "sd"]]) -> Study:
    findings: list[Finding] = []
    for finding in study.findings:
        kind = read_as.get(f"{study.id}/{finding.id}", read_as.get(study.id))
        if kind is None or spread_of(finding) in ("", kind):
            findings.append(finding)
            continue
        assert isinstance(finding, Continuous | Contrast)
        because = f"the question reads it so; the record reads {spread_of(finding).upper()}"
        other = replace(finding.dispersion, kind=kind, basis="inferred", because=because)
        findings.append(replace(finding, dispersion=other))
    return replace(study, findings=tuple(findings))
