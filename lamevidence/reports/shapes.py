"""The public JSON shapes of results: those of the results themselves, with the question they answer."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ..bayes.posterior import PosteriorBase
from ..effects.evidence_table import EvidenceTable
from ..foundation.errors import LamEvidenceError
from ..results.contract import Result
from ..synthesis.adverse_events import AdverseEventProfile
from ..synthesis.joint_posterior import JointPosterior
from ..synthesis.joint_text import design_text
from .answer import Answer, SetAnswer
from .headline import decides, disagreement, headline

__all__ = ["answer_shape", "dependence_shape", "pooled_shape", "posterior_shape"]

_NOT_POOLED = ("mu", "se", "interval", "prediction", "tau2", "q", "i2")
"""Keys that are there, as null, when nothing was pooled."""


def _question(table: EvidenceTable) -> dict[str, Any]:
    """Return what was asked."""
    return {
        "question": table.question,
        "title": table.title,
        "measure": table.measure,
        "unit": table.unit,
        "k": table.k,
    }


def pooled_shape(found: Answer) -> dict[str, Any]:
    """Return the frequentist result on the analysis scale, with ``transformed`` beside it.

    Parameters
    ----------
    found
        An answer; one without a result gives null for its numbers, and the reason as ``not_pooled``.
    """
    if found.fit is None:
        nothing = dict.fromkeys(_NOT_POOLED)
        return _question(found.table) | nothing | {"spec": {}, "not_pooled": found.why_not_pooled}
    return _question(found.table) | found.fit.to_json()


def posterior_shape(found: Answer) -> dict[str, Any]:
    """Return the Bayesian result on the analysis scale.

    Parameters
    ----------
    found
        An answer; one without a posterior gives the reason as ``not_pooled``.
    """
    if found.post is None:
        return _question(found.table) | {"mu": None, "tau": None, "not_pooled": found.why_not_bayes}
    shape = _question(found.table) | found.post.to_json()
    if found.beside is not None:
        known = found.beside.to_json()
        shape["standard_errors_known"] = {name: known[name] for name in ("mu", "tau", "theta_new", "likelihood")}
    return shape


def answer_shape(found: Answer) -> dict[str, Any]:
    """Return the whole answer: the frequentist result, and beside it what it depends on.

    Parameters
    ----------
    found
        An answer with its sets and omissions. ``lead`` names the result that leads (``bayes``, ``frequentist``,
        ``reported`` for one study, ``none``), ``bayes`` is the posterior.
    """
    return (
        pooled_shape(found)
        | dependence_shape(found)
        | {
            "bayes": posterior_shape(found),
            "excluded": [
                {"study": e.study, "reason": e.reason, "code": e.code, "finding": e.finding, "label": e.label}
                for e in found.table.excluded
            ],
        }
    )


def dependence_shape(found: Answer) -> dict[str, Any]:
    """Return what an answer adds to its two results: which leads, and how far each choice carries it.

    Parameters
    ----------
    found
        An answer with its sets and omissions.
    """
    differ, level = disagreement(found), found.level
    return {
        "lead": found.lead,
        "headline": " ".join(x for x in (headline(found), decides(found)) if x),
        "sets": [_set_shape(one, level) | _joint_short(found, one.joint) for one in found.sets],
        "leave_one_out": [
            {
                "study": o.study,
                "label": o.label,
                "frequentist": _short(o.fit, level),
                "bayes": _short(o.post, level),
            }
            | _joint_short(found, o.joint)
            for o in found.omissions
        ],
        "disagreement": None if differ is None else differ.to_json(),
        "absolute": None if found.absolute is None else found.absolute.to_json(),
        "doubts": [{"study": label, "text": text} for label, text in found.doubts],
        **({} if found.question.compare != "joint" else {"joint": _joint_shape(found)}),
        **({} if found.profile is None else {"profile": _profile_shape(found.profile)}),
    }


def _profile_shape(profile: AdverseEventProfile) -> dict[str, Any]:
    """Return the categories with raw and shrunken ratios, and what may be said of them."""
    return {"categories": profile.to_frame().to_dict("records"), "text": profile.describe()}


def _joint_shape(found: Answer) -> dict[str, Any] | None:
    """Return the joint synthesis: its quantities, what each kind of design does to the effect, and that in words."""
    post, compared = found.joint, found.designs
    if post is None:
        return None
    shape = _question(found.table) | post.to_json()
    if compared is None:
        return shape
    return shape | {
        "by_design": [asdict(move) for move in compared.moves],
        "pairs": [{"kinds": [a, b], "effect": None if said is None else asdict(said)} for a, b, said in compared.pairs],
        "design_text": design_text(post, compared),
    }


def _joint_short(found: Answer, post: JointPosterior | None) -> dict[str, Any]:
    """Return the effect, its interval and that of a new study, where a question is joint."""
    return {"joint": _short(post, found.level)} if found.question.compare == "joint" else {}


def _set_shape(one: SetAnswer, level: float) -> dict[str, Any]:
    """Return what a sensitivity set gives under both engines, or why it gives nothing."""
    return {
        "name": one.name,
        "because": one.because,
        "k": one.table.k,
        "studies": list(one.table.studies),
        "frequentist": _short(one.fit, level) or {"reason": one.why_not_pooled},
        "bayes": _short(one.post, level) or {"reason": one.why_not_bayes},
    }


def _short(result: Result | None, level: float) -> dict[str, Any] | None:
    """Return estimate, interval and τ² of a result, None where there is none."""
    if result is None:
        return None
    if isinstance(result, JointPosterior):
        middle = result.effect.mean
    else:
        middle = result.mu.median if isinstance(result, PosteriorBase) else float(result.estimate)
    shape = {"mu": float(middle), "interval": [float(x) for x in result.intervals(level)[0]]}
    try:
        shape["prediction"] = [float(x) for x in result.prediction(level)]
    except LamEvidenceError:
        shape["prediction"] = None
    return shape
