"""Rules within one record: every name that is used exists, every id is used once, DOIs look like DOIs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from ..foundation.errors import Problem, did_you_mean
from ..foundation.units import UNITS
from .nodes import Document, Loc
from .rules_finding import unknown_codes
from .schema import HeaderModel
from .schema_findings import ContinuousModel, ContrastModel, FindingBase, LocatorModel, PairedModel
from .to_records import bare_doi
from .vocabulary import Vocabulary

__all__ = ["study_problems", "unknown"]

_MANY = 20
_DOI = re.compile(r"10\.\d{4,9}/\S+\Z")
_PMID = re.compile(r"\d{1,8}\Z")
_NCT = re.compile(r"NCT\d{8}\Z")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}\Z")
_JUDGEMENTS = {
    "RoB2": ("low", "some", "high"),
    "ROBINS-I": ("low", "moderate", "serious", "critical", "no_information"),
    "JBI-case-series": ("yes", "no", "unclear", "not_applicable"),
}
_OVERALL = {
    **_JUDGEMENTS,
    "JBI-case-series": ("include", "exclude", "seek_further_info", "low", "moderate", "high", "unclear"),
}


def unknown(
    document: Document, loc: Loc, what: str, given: str, choices: Iterable[str], code: str = "LE304"
) -> Problem:
    """Return the problem of a name that is not among the choices; of many choices the nearest are named."""
    names = sorted(choices)
    near = did_you_mean(given, names)
    hint = f"did you mean `{near}`? " if near else ""
    shown = names if len(names) <= _MANY else difflib.get_close_matches(given, names, n=8, cutoff=0.3)
    more = f" and {len(names) - len(shown)} more" if len(shown) < len(names) else ""
    remedy = f"{hint}choices: {', '.join(shown) or 'none'}{more}"
    return document.problem(code, loc, f"unknown {what} `{given}`", remedy)


def study_problems(
    document: Document, header: HeaderModel | None, findings: dict[int, FindingBase], vocabulary: Vocabulary
) -> list[Problem]:
    """Return the problems that take more than one field of the record to see."""
    found = [*_references(document, findings, vocabulary), *_repeated(document)]
    if header is not None:
        found += [
            *_identity(document, header, vocabulary),
            *_publications(document, header),
            *_judgements(document, header, vocabulary),
            *_levels(document, header),
            *_cohort(document, header),
        ]
        found += unknown_codes(document, (), header.acknowledge)
    return found


def _ids(document: Document, name: str) -> list[tuple[Loc, str]]:
    node = document.root.get(name) if document.root else None
    if node is None or node.kind != "list":
        return []
    return [
        ((name, i, "id"), child.text)
        for i, item in enumerate(node.children)
        if (child := item.get("id")) is not None and child.kind == "scalar"
    ]


def _repeated(document: Document) -> Iterator[Problem]:
    for name in ("publications", "arms", "findings"):
        first: dict[str, int] = {}
        for loc, text in _ids(document, name):
            line = document.mark(loc)[0]
            if text in first:
                yield document.problem(
                    "LE301",
                    loc,
                    f"id {text} is used twice in `{name}` (lines {first[text]} and {line})",
                    "give each its own id",
                )
            else:
                first[text] = line


def _references(document: Document, findings: dict[int, FindingBase], vocabulary: Vocabulary) -> Iterator[Problem]:
    arms = {t for _, t in _ids(document, "arms")}
    sources = {t for _, t in _ids(document, "publications")}
    own = {t for _, t in _ids(document, "findings")}
    for i, model in findings.items():
        here: Loc = ("findings", i)
        if vocabulary.outcomes and model.outcome not in vocabulary.outcomes:
            yield unknown(document, (*here, "outcome"), "outcome", model.outcome, vocabulary.outcomes, "LE106")
        category = getattr(model, "category", None)
        if category and vocabulary.categories and category not in vocabulary.categories:
            yield unknown(document, (*here, "category"), "category", category, vocabulary.categories, "LE106")
        if sources and model.at.source not in sources:
            yield unknown(document, (*here, "at", "source"), "publication", model.at.source, sources)
        for name, place in _other_places(model):
            if sources and place.source not in sources:
                yield unknown(document, (*here, *name, "source"), "publication", place.source, sources)
        yield from _against(document, here, model, {m.id: m for m in findings.values()})
        arm = getattr(model, "arm", None)
        if arms and arm is not None and arm not in arms:
            yield unknown(document, (*here, "arm"), "arm", arm, arms)
        if isinstance(model, ContrastModel):
            if arms and model.comparator not in arms:
                yield unknown(document, (*here, "comparator"), "arm", model.comparator, arms)
            elif model.comparator == model.arm:
                yield document.problem(
                    "LE304",
                    (*here, "comparator"),
                    f"arm {model.arm} is compared with itself",
                    "name the other arm, or use `kind: paired` for before and after",
                )
        if isinstance(model, PairedModel):
            yield from _halves(document, here, model, own, {m.id: m for m in findings.values()})


def _other_places(model: FindingBase) -> Iterator[tuple[Loc, LocatorModel]]:
    """Yield the places of a finding beside its own: of a p value, of a follow-up."""
    for name in ("p", "p_between", "follow_up"):
        at = getattr(getattr(model, name, None), "at", None)
        if at is not None:
            yield (name, "at"), at


def _against(document: Document, here: Loc, model: FindingBase, parsed: dict[str, FindingBase]) -> Iterator[Problem]:
    """Yield what is wrong with the finding that a p value between arms names: another arm's, of the same outcome."""
    if model.p_between is None:
        return
    name, loc = model.p_between.against, (*here, "p_between", "against")
    other = parsed.get(name)
    if other is None:
        yield unknown(document, loc, "finding", name, parsed)
        return
    own, theirs = getattr(model, "arm", None), getattr(other, "arm", None)
    if other.outcome != model.outcome or own == theirs or type(other) is not type(model):
        yield document.problem(
            "LE304",
            loc,
            f"{name} is of {other.outcome} in arm {theirs}, this finding of {model.outcome} in arm {own}",
            "name a finding of the same kind and outcome in the other arm",
        )


def _halves(
    document: Document, here: Loc, pair: PairedModel, own: set[str], parsed: dict[str, FindingBase]
) -> Iterator[Problem]:
    """Yield what is wrong with the findings that a pair names: they are two others, of its outcome and arm."""
    if pair.before == pair.after:
        yield document.problem(
            "LE304", (*here, "after"), f"{pair.after} is compared with itself", "name the finding after the treatment"
        )
    for end in ("before", "after"):
        name, loc = getattr(pair, end), (*here, end)
        other = parsed.get(name)
        if name == pair.id:
            yield document.problem(
                "LE304", loc, f"finding {name} refers to itself", f"name the finding of the {end} value"
            )
        elif name not in own:
            yield unknown(document, loc, "finding", name, own)
        elif other is not None and not isinstance(other, ContinuousModel):
            kind = getattr(other, "kind", "another")
            yield document.problem(
                "LE304", loc, f"{name} is of kind {kind}, not a mean or slope", "name a finding of kind continuous"
            )
        elif isinstance(other, ContinuousModel) and (other.outcome, other.arm) != (pair.outcome, pair.arm):
            yield document.problem(
                "LE304",
                loc,
                f"{name} is of {other.outcome} in arm {other.arm}, the pair of {pair.outcome} in arm {pair.arm}",
                "name a finding of the same patients and outcome",
            )


def _identity(document: Document, header: HeaderModel, vocabulary: Vocabulary) -> Iterator[Problem]:
    stem = PurePosixPath(document.path).stem
    if header.id != stem:
        yield document.problem(
            "LE303",
            ("id",),
            f"id {header.id} in a file named {stem}.yaml",
            f"rename the file to {header.id}.yaml, or write `id: {stem}`",
        )
    if vocabulary.designs and header.design not in vocabulary.designs:
        yield unknown(document, ("design",), "design", header.design, vocabulary.designs, "LE106")
    if not _DAY.match(header.curation.date):
        yield document.problem(
            "LE106",
            ("curation", "date"),
            f"`{header.curation.date}` is not a date",
            'write "YYYY-MM-DD" in quotes',
        )
    registration = header.registration
    if registration and registration.registry.lower().startswith("clinicaltrials") and not _NCT.match(registration.id):
        yield document.problem(
            "LE502",
            ("registration", "id"),
            f"`{registration.id}` is not a ClinicalTrials.gov number",
            "expected NCT and eight digits",
        )


def _publications(document: Document, header: HeaderModel) -> Iterator[Problem]:
    for i, publication in enumerate(header.publications):
        here: Loc = ("publications", i)
        doi = bare_doi(publication.doi)
        if isinstance(doi, str) and not _DOI.match(doi):
            why = "has a space" if " " in doi else "is not a DOI"
            yield document.problem(
                "LE502",
                (*here, "doi"),
                f"`{publication.doi}` {why}",
                "expected 10.xxxx/suffix (URL prefixes are stripped)",
            )
        if isinstance(publication.pmid, str) and not _PMID.match(publication.pmid):
            yield document.problem(
                "LE502",
                (*here, "pmid"),
                f"`{publication.pmid}` is not a PMID",
                "expected up to eight digits, in quotes",
            )
        if publication.retracted:
            yield document.problem(
                "LW504",
                (*here, "retracted"),
                f"publication {publication.id} is marked retracted ({publication.retracted})",
                "the study is excluded from all pools",
            )


def _judgements(document: Document, header: HeaderModel, vocabulary: Vocabulary) -> Iterator[Problem]:
    for i, judged in enumerate(header.risk_of_bias):
        here: Loc = ("risk_of_bias", i)
        for j, outcome in enumerate(judged.outcome):
            if vocabulary.outcomes and outcome not in (*vocabulary.outcomes, "all"):
                at = document.known((*here, "outcome", j))
                yield unknown(document, at, "outcome", outcome, vocabulary.outcomes, "LE106")
        if judged.overall not in _OVERALL[judged.tool]:
            yield unknown(
                document,
                (*here, "overall"),
                f"{judged.tool} judgement",
                judged.overall,
                _OVERALL[judged.tool],
                "LE106",
            )
        for name, domain in judged.domains.items():
            if domain.judgement not in _JUDGEMENTS[judged.tool]:
                at = (*here, "domains", name, "judgement")
                yield unknown(
                    document,
                    at,
                    f"{judged.tool} judgement",
                    domain.judgement,
                    _JUDGEMENTS[judged.tool],
                    "LE106",
                )


def _levels(document: Document, header: HeaderModel) -> Iterator[Problem]:
    """Yield what is wrong with the blood levels of arms: a place that no publication has, no number, another unit."""
    sources = {p.id for p in header.publications}
    for i, arm in enumerate(header.arms):
        level, here = arm.level, ("arms", i, "level")
        if level is None:
            continue
        if level.at.source not in sources:
            yield unknown(document, (*here, "at", "source"), "publication", level.at.source, sources)
        given = {n: v for n in ("low", "high", "mean") if (v := getattr(level, n)) is not None}
        if not given:
            yield document.problem("LE102", here, "a level without a number", "add `low`, `high` or `mean` as printed")
        for name, value in given.items():
            if UNITS[str(value.unit)].dimension != "mass-concentration":
                yield document.problem(
                    "LE122", (*here, name), f"a blood level in {value.unit}", "write ng/mL or another concentration"
                )
        if len({v.unit for v in given.values()}) == 1:
            amounts = [given[n].value for n in ("low", "mean", "high") if n in given]
            if amounts != sorted(amounts):
                yield document.problem("LE212", here, "low, mean and high are not in order", "swapped?")


def _cohort(document: Document, header: HeaderModel) -> Iterator[Problem]:
    """LE231: randomised arms and TSC plus sporadic patients cannot exceed, and should make, the enrolled."""
    enrolled = header.cohort.enrolled
    if not isinstance(enrolled, int) or "LE231" in header.acknowledge:
        return
    sizes = [a.randomised for a in header.arms]
    numbers = [n for n in sizes if isinstance(n, int)]
    if len(numbers) > 1 and sum(numbers) != enrolled:
        yield _not_the_sum(
            document,
            ("cohort", "enrolled"),
            "arms",
            numbers,
            enrolled,
            "dropouts? `randomised` counts patients at randomisation; "
            "record what is printed and acknowledge LE231 with a discrepancy",
        )
    parts = [n for n in (header.cohort.tsc, header.cohort.sporadic) if isinstance(n, int)]
    if len(parts) == 2 and sum(parts) > enrolled:
        yield _not_the_sum(
            document,
            ("cohort", "enrolled"),
            "TSC and sporadic",
            parts,
            enrolled,
            "one of the three is misread",
        )


def _not_the_sum(document: Document, loc: Loc, what: str, parts: list[int], total: int, remedy: str) -> Problem:
    return document.problem(
        "LE231", loc, f"{what} {' + '.join(map(str, parts))} = {sum(parts)}, enrolled {total}", remedy
    )
