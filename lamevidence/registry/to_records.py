"""From validated models to the frozen records that the rest of the package sees."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ..foundation.lineage import Locator, Reported, half_width
from . import records as r
from . import schema as s
from . import schema_findings as f

__all__ = ["bare_doi", "finding_record", "study_record"]


def _reported(value: Decimal | None, unit: str | None) -> Reported | None:
    return None if value is None else Reported(value, unit, half_width(value))


def _number(value: Decimal, unit: str | None) -> Reported:
    return Reported(value, unit, half_width(value))


def _p(model: f.PModel | None) -> r.PValue | None:
    if model is None:
        return None
    test = model.test or ""
    at = _locator(model.at) if model.at is not None else None
    if model.value is not None:
        return r.PValue(model.value, "=", test, at)
    if model.less_than is not None:
        return r.PValue(model.less_than, "<", test, at)
    return r.PValue(model.greater_than or Decimal(1), ">", test, at)


def _between(model: f.BetweenModel | None) -> r.Between | None:
    p = _p(model)
    return r.Between(model.against, p) if model is not None and p is not None else None


def _dispersion(model: f.DispersionModel | None, unit: str | None) -> r.Dispersion | None:
    if model is None:
        return None
    return r.Dispersion(
        model.type,
        _reported(model.value, unit),
        _reported(model.low, unit),
        _reported(model.high, unit),
        None if model.level is None else float(model.level),
        model.scale,
        model.basis,
        model.because or "",
    )


def _locator(model: f.LocatorModel) -> Locator:
    return Locator(**{name: getattr(model, name) for name in type(model).model_fields})


def _timeframe(model: f.TimeframeModel | None) -> r.Timeframe | r.NotReported:
    return r.NOT_REPORTED if model is None else r.Timeframe(model.start, model.to, model.note or "")


def _follow_up(model: f.FollowUpModel | None) -> r.FollowUp | r.NotReported:
    if model is None:
        return r.NOT_REPORTED
    at = _locator(model.at) if model.at is not None else None
    return r.FollowUp(model.value, model.kind, _dispersion(model.spread, model.value.unit), at, model.note or "")


def _base(model: f.FindingBase, line: int) -> dict[str, Any]:
    return {
        "id": model.id,
        "outcome": model.outcome,
        "at": _locator(model.at),
        "phase": model.phase,
        "line": line,
        "population": model.population or "",
        "timeframe": _timeframe(model.timeframe),
        "note": model.note or "",
        "not_poolable": model.not_poolable or "",
        "basis": model.basis,
        "because": model.because or "",
        "acknowledge": tuple(model.acknowledge),
        "follow_up": _follow_up(model.follow_up),
        "p_between": _between(model.p_between),
    }


def finding_record(model: f.FindingBase, line: int) -> r.Finding:
    """Return the frozen finding of a validated model; ``line`` is where its entry starts."""
    base = _base(model, line)
    if isinstance(model, f.ContinuousModel):
        spread = _dispersion(model.dispersion, model.unit) or r.Dispersion("not_reported")
        return r.Continuous(
            **base,
            arm=model.arm,
            statistic=model.statistic,
            value=_number(model.value, model.unit),
            dispersion=spread,
            n=model.n,
            n_note=model.n_note or "",
            p=_p(model.p),
        )
    if isinstance(model, f.DichotomousModel):
        return r.Dichotomous(
            **base,
            arm=model.arm,
            affected=model.affected,
            percent=_reported(model.percent, "%"),
            percent_at_most=_reported(model.percent_at_most, "%"),
            at_risk=model.at_risk,
            interval=_dispersion(model.interval, "%"),
            category=model.category or "",
        )
    if isinstance(model, f.RateModel):
        return r.Rate(
            **base,
            arm=model.arm,
            events=model.events,
            person_time=model.person_time,
            n=model.n,
            category=model.category or "",
            serious=model.serious,
            subject=model.subject or "",
        )
    if isinstance(model, f.ContrastModel):
        spread = _dispersion(model.dispersion, model.unit) or r.Dispersion("not_reported")
        return r.Contrast(
            **base,
            arm=model.arm,
            comparator=model.comparator,
            measure=model.measure,
            value=_number(model.value, model.unit),
            dispersion=spread,
            n=model.n,
            p=_p(model.p),
        )
    return _pair_or_direction(model, base)


def _pair_or_direction(model: f.FindingBase, base: dict[str, Any]) -> r.Finding:
    if isinstance(model, f.PairedModel):
        return r.Paired(
            **base,
            arm=model.arm,
            before=model.before,
            after=model.after,
            n=model.n,
            correlation=model.correlation,
            change=_reported(model.change, model.unit),
            dispersion=_dispersion(model.dispersion, model.unit),
            p=_p(model.p),
        )
    assert isinstance(model, f.DirectionModel)
    return r.Direction(**base, arm=model.arm, direction=model.direction, n=model.n, p=_p(model.p))


def study_record(model: s.HeaderModel, findings: tuple[r.Finding, ...], path: str, sha256: str) -> r.Study:
    """Return the frozen study of a validated header and its findings."""
    return r.Study(
        id=model.id,
        label=model.label,
        title=model.title,
        design=model.design,
        publications=tuple(_publication(p) for p in model.publications),
        cohort=r.Cohort(**{name: getattr(model.cohort, name) for name in s.CohortModel.model_fields}),
        arms=tuple(_arm(a) for a in model.arms),
        findings=findings,
        curation=_curation(model.curation),
        registration=r.Registration(model.registration.registry, model.registration.id)
        if model.registration is not None
        else r.NOT_REPORTED,
        risk_of_bias=tuple(_judged(b, outcome) for b in model.risk_of_bias for outcome in b.outcome),
        discrepancies=tuple(model.discrepancies),
        path=path,
        year=model.year,
        sha256=sha256,
        acknowledge=tuple(model.acknowledge),
    )


def _curation(model: s.CurationModel) -> r.Curation:
    seen = model.checked_by
    checked = r.NOT_REPORTED if seen is None else r.CheckedBy(seen.by, seen.date or "", seen.cells, seen.agreed)
    return r.Curation(model.extracted_by, model.date, checked, tuple(model.notes))


def _publication(model: s.PublicationModel) -> r.Publication:
    fields = {name: getattr(model, name) for name in type(model).model_fields}
    return r.Publication(**fields | {"doi": bare_doi(model.doi), "retracted": model.retracted or ""})


def bare_doi(doi: str | r.NotReported | None) -> str | r.NotReported | None:
    """Return a DOI without the prefixes that people paste with it.

    Examples
    --------
    >>> bare_doi("https://doi.org/10.1000/xyz")
    '10.1000/xyz'
    """
    if doi is None or isinstance(doi, r.NotReported):
        return doi
    for prefix in ("https://doi.org/", "http://doi.org/", "https://dx.doi.org/", "http://dx.doi.org/", "doi:", "DOI:"):
        doi = doi.removeprefix(prefix)
    return doi.strip()


def _arm(model: s.ArmModel) -> r.Arm:
    fields = {name: getattr(model, name) for name in type(model).model_fields}
    return r.Arm(**fields | {"note": model.note or "", "level": _level(model.level)})


def _level(model: s.LevelModel | None) -> r.Level | None:
    if model is None:
        return None
    return r.Level(model.kind, _locator(model.at), model.low, model.high, model.mean, model.note or "")


def _judged(model: s.RiskOfBiasModel, outcome: str) -> r.RiskOfBias:
    domains = tuple((name, d.judgement, d.support) for name, d in model.domains.items())
    return r.RiskOfBias(model.tool, outcome, domains, model.overall, model.assessor or "")
