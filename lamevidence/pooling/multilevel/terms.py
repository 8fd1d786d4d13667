"""Random-effects terms: ``1 | district/school``, ``outcome | trial``; which rows share which effect."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...effects.evidence_table import EvidenceTable
from ...effects.given_numbers import entries_of, floats
from ...effects.measures.base import FloatArray
from ...foundation.errors import InputError, OptionError, UnknownName
from ...foundation.options import shown
from .structures import STRUCTURES, Structure

__all__ = ["Grouping", "Term", "cluster_labels", "column", "group_rows", "terms_of"]

IntArray = NDArray[np.intp]

_TERM = re.compile(r"^\s*~?\s*(?P<inner>[^|~]+?)\s*\|\s*(?P<outer>[^|~]+?)\s*$")


@dataclass(frozen=True, slots=True)
class Grouping:
    """Rows sorted into groups: ``codes`` (k,) holds the group of each row, ``values`` what each group has in common."""

    name: str
    codes: IntArray
    values: tuple[Any, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The groups in order, for people."""
        return tuple(map(_label, self.values))

    @property
    def size(self) -> int:
        """Number of groups."""
        return len(self.values)


@dataclass(frozen=True, slots=True)
class Term:
    """One random effect: a group intercept, or correlated effects of ``inner`` levels within ``outer`` groups.

    Attributes
    ----------
    outer
        The groups that are independent of each other (unless ``correlation`` relates them).
    inner
        Levels within a group, None for an intercept.
    structure
        Covariance of the inner levels; of an intercept it is a single variance.
    correlation
        Known correlation matrix of the groups, (outer.size, outer.size), or None.
    """

    outer: Grouping
    inner: Grouping | None
    structure: Structure
    correlation: FloatArray | None = None

    @property
    def name(self) -> str:
        """As in the formula."""
        return self.outer.name if self.inner is None else f"{self.inner.name}|{self.outer.name}"


def column(table: EvidenceTable, name: str) -> list[Any]:
    """Return a column of the table by name: a moderator, ``study``, or ``row`` (each row its own group)."""
    if name in table.moderators:
        values = list(np.asarray(table.moderators[name]).tolist())
    elif name in ("study", "studies"):
        values = list(table.studies)
    elif name in ("row", "label"):
        values = list(table.labels)
    else:
        raise UnknownName("grouping column", name, [*table.moderators, "study", "row"])
    missing = [table.labels[i] for i, v in enumerate(values) if v is None or v != v]
    if missing:
        raise InputError(f"{name} is missing for {', '.join(missing)} · give every row its group")
    return values


def cluster_labels(table: EvidenceTable, cluster: str | Sequence[Hashable]) -> list[Hashable]:
    """Return the cluster of each row, from a column name or from labels.

    Raises
    ------
    UnknownName
        No such column.
    InputError
        Not one label a row, or one is missing.
    """
    return column(table, cluster) if isinstance(cluster, str) else entries_of(cluster, "cluster", table.k)


def group_rows(name: str, values: Sequence[Any]) -> Grouping:
    """Return the groups of equal values, numbers in numeric and words in alphabetical order."""
    ordered = _ordered(values)
    index = {v: i for i, v in enumerate(ordered)}
    codes = np.array([index[v] for v in values], dtype=np.intp)
    return Grouping(name, codes, tuple(ordered))


def _ordered(values: Sequence[Any]) -> list[Any]:
    try:
        return sorted(set(values))
    except TypeError:
        return sorted(set(values), key=str)


def _label(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, tuple):
        return "/".join(_label(v) for v in value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def terms_of(
    table: EvidenceTable,
    random: str | Iterable[str],
    struct: str | Sequence[str] | None,
    R: Mapping[str, ArrayLike] | None = None,
) -> tuple[Term, ...]:
    """Return the terms of one or several random-effects formulas.

    Raises
    ------
    OptionError
        A formula that is not ``1 | group``, ``1 | a/b`` or ``inner | outer``; a structure too many.
    UnknownName
        A column or a structure that does not exist.
    """
    formulas = _formulas(random)
    inner_terms = sum(_parse(f)[0] != "1" for f in formulas)
    kinds = _structures(struct, inner_terms)
    if R is not None and not isinstance(R, Mapping):
        raise OptionError(f"R={shown(R)} · give a mapping from a grouping to its correlation matrix")
    terms, unused = _built(table, formulas, kinds, dict(R or {}))
    if unused:
        raise UnknownName("grouping of R", unused[0], [t.outer.name for t in terms])
    _refuse_repeated(table, terms, formulas, kinds)
    return terms


def _built(
    table: EvidenceTable, formulas: Sequence[str], kinds: Sequence[str], known: dict[str, ArrayLike]
) -> tuple[tuple[Term, ...], tuple[str, ...]]:
    """Return the terms of formulas, and which known correlations none of them uses."""
    terms: list[Term] = []
    structures = iter(kinds)
    for formula in formulas:
        inner, outers = _parse(formula)
        if inner == "1":
            terms += [_intercept(table, outers[: i + 1], known) for i in range(len(outers))]
            continue
        if len(outers) > 1:
            raise OptionError(f"random={formula!r}: nested groups need '1 | a/b'; 'inner | outer' takes one outer")
        terms.append(_inner_outer(table, inner, outers[0], next(structures)))
    return tuple(terms), tuple(known)


def _formulas(random: str | Iterable[str]) -> list[str]:
    formulas = [random] if isinstance(random, str) else list(random) if isinstance(random, list | tuple) else []
    if not formulas:
        raise OptionError(
            f"random={shown(random)} · write '1 | study/row' or a list of such terms, None for no random effects"
        )
    return formulas


def _parse(formula: str) -> tuple[str, list[str]]:
    found = _TERM.match(formula) if isinstance(formula, str) else None
    if found is None:
        raise OptionError(f"random={shown(formula)} was not understood · write '1 | study/row' or 'outcome | study'")
    outers = [part.strip() for part in found["outer"].split("/")]
    if not all(outers):
        raise OptionError(f"random={formula!r} has an empty group · write '1 | study/row'")
    return found["inner"].strip(), outers


def _structures(struct: str | Sequence[str] | None, needed: int) -> list[str]:
    if struct is None:
        return ["CS"] * needed
    if not needed:
        raise OptionError(
            f"struct={shown(struct)} applies to 'inner | outer' terms, and random has none · leave it out, or write "
            "random='outcome | study'"
        )
    if not isinstance(struct, str | list | tuple):
        raise OptionError(f"struct={shown(struct)} · give one of {', '.join(STRUCTURES)}, or a list with one a term")
    kinds = [struct] * needed if isinstance(struct, str) else list(struct)
    if len(kinds) != needed:
        raise OptionError(f"{len(kinds)} structures for {needed} 'inner | outer' terms · give one, or one a term")
    for kind in kinds:
        STRUCTURES.entry(kind)
    return kinds


def _intercept(table: EvidenceTable, path: list[str], known: dict[str, ArrayLike]) -> Term:
    columns = [column(table, name) for name in path]
    values = columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))
    outer = group_rows("/".join(path), values)
    structure = STRUCTURES["ID"](np.zeros(1))
    if outer.name in known:
        return Term(outer, None, structure, _correlation(outer, known.pop(outer.name)))
    return Term(outer, None, structure)


def _inner_outer(table: EvidenceTable, inner: str, outer: str, kind: str) -> Term:
    groups, levels = group_rows(outer, column(table, outer)), group_rows(inner, column(table, inner))
    values = _ordered(column(table, inner))
    numeric = all(isinstance(v, int | float) for v in values)
    if kind == "CAR" and not numeric:
        raise InputError(f"struct='CAR' needs times as numbers, {inner} holds words · use AR for ordered levels")
    places = np.array(values, dtype=np.float64) if numeric else np.arange(len(values), dtype=np.float64)
    if kind in ("AR", "HAR") and (places != np.round(places)).any():
        raise InputError(f"struct={kind!r} needs whole-numbered times in {inner} · use CAR for other times")
    return Term(groups, levels, STRUCTURES[kind](places))


def _correlation(outer: Grouping, given: ArrayLike) -> FloatArray:
    labels = outer.labels
    frame: Any = given
    if hasattr(frame, "loc"):
        names = [str(i) for i in frame.index]
        missing = [x for x in labels if x not in names]
        if missing:
            raise InputError(f"R has no row for {', '.join(missing)} of {outer.name}")
        where = [names.index(x) for x in labels]
        matrix = floats(given, f"R of {outer.name}")
        if matrix.shape != (len(names), len(names)):
            raise InputError(f"R of {outer.name} has shape {matrix.shape} · give a square table named on both sides")
        matrix = matrix[np.ix_(where, where)]
    else:
        matrix = floats(given, f"R of {outer.name}")
        _, first = np.unique(outer.codes, return_index=True)
        if np.any(np.diff(first) < 0):
            raise InputError(
                f"R of {outer.name} does not say which row is which group · give a DataFrame whose index and columns "
                f"are {', '.join(labels)}"
            )
    if matrix.shape != (outer.size, outer.size):
        raise InputError(f"R of {outer.name} has shape {matrix.shape}, the groups are {', '.join(labels)}")
    off = max(float(np.abs(matrix - matrix.T).max()), float(np.abs(np.diag(matrix) - 1).max()))
    if not off <= 1e-10:
        raise InputError(f"R of {outer.name} is no correlation matrix · symmetric, 1 on the diagonal")
    if np.linalg.eigvalsh(matrix)[0] < -1e-10:
        raise InputError(f"R of {outer.name} is not positive semidefinite")
    return matrix


def _refuse_repeated(
    table: EvidenceTable, terms: Sequence[Term], formulas: Sequence[str], kinds: Sequence[str]
) -> None:
    seen: dict[bytes, str] = {}
    for term in terms:
        if term.inner is not None:
            continue
        if term.outer.size == 1:
            remedy = _remedy(table, terms, formulas, kinds, (term.name,), without=_partition(term))
            raise InputError(
                f"{term.name} has one level ({term.outer.labels[0]}): its variance is not estimable · {remedy}"
            )
        key = _partition(term)
        if key in seen and term.correlation is None:
            remedy = _remedy(table, terms, formulas, kinds, (term.name, seen[key]))
            raise InputError(
                f"{seen[key]} and {term.name} put the same rows together: their variances cannot be told apart"
                f" · {remedy}"
            )
        seen[key] = term.name


def _partition(term: Term) -> bytes:
    """Return which rows a term puts together, however its groups are named."""
    firsts = np.unique(term.outer.codes, return_index=True)[1]
    return np.argsort(np.argsort(firsts))[term.outer.codes].tobytes()


def _outer_level_first(
    table: EvidenceTable, terms: Sequence[Term], formulas: Sequence[str], kinds: Sequence[str]
) -> str:
    """Return the formula with its levels the other way round, where all of them can be told apart then; else empty."""
    for place, formula in enumerate(formulas):
        inner, outers = _parse(formula)
        if inner != "1" or len(outers) < 2:
            continue
        instead = [*formulas[:place], f"1 | {'/'.join(reversed(outers))}", *formulas[place + 1 :]]
        made = [t for t in _built(table, instead, kinds, {})[0] if t.inner is None]
        several = all(t.outer.size > 1 for t in made)
        if several and len({_partition(t) for t in made}) == len([t for t in terms if t.inner is None]):
            told = instead[0] if len(instead) == 1 else instead
            return f"the outer level comes first: write random={told!r}"
    return ""


def _remedy(
    table: EvidenceTable,
    terms: Sequence[Term],
    formulas: Sequence[str],
    kinds: Sequence[str],
    names: Sequence[str],
    without: bytes = b"",
) -> str:
    """Return the formula to write instead: the same groupings without one of these terms."""
    outer_first = _outer_level_first(table, terms, formulas, kinds)
    if outer_first:
        return outer_first
    wanted = {_partition(t) for t in terms if t.inner is None} - {without}
    for name in names:
        for place, formula in enumerate(formulas):
            inner, outers = _parse(formula)
            cut = next((i for i in range(len(outers)) if "/".join(outers[: i + 1]) == name), None)
            if inner != "1" or cut is None:
                continue
            rest = [*outers[:cut], *outers[cut + 1 :]]
            instead = [*formulas[:place], *([f"1 | {'/'.join(rest)}"] if rest else []), *formulas[place + 1 :]]
            made = _built(table, instead, kinds, {})[0]
            if len(made) == len(terms) - 1 and {_partition(t) for t in made if t.inner is None} == wanted:
                return f"write random={(instead[0] if len(instead) == 1 else instead or None)!r}"
    return "leave one out" if len(names) > 1 else "leave it out"
