"""What the field calls its columns: a name of a sheet → what it holds, or nothing."""

from __future__ import annotations

import re

__all__ = ["NUMBERS", "ROLES", "TEXTS", "normalised", "role_of"]

TEXTS: dict[str, str] = {
    "study": "study study_id trial trial_id author authors author_year first_author study_name slab studlab study_label"
    " name label source paper publication reference_study studyid trialid",
    "outcome": "outcome endpoint outcome_name variable",
    "arm": "arm group treatment_arm treatment_group allocation arm_name study_arm treatment intervention condition",
    "timepoint": "timepoint time_point followup follow_up visit time week month",
    "design": "design study_design study_type",
    "unit": "unit units",
    "measure": "measure effect_measure sm",
    "year": "year publication_year pub_year",
    "whole": "whole whole_numbers integer grim",
}
"""Columns of words; the first that a sheet has is taken."""

_SINGLE: dict[str, str] = {
    "estimate": "estimate est effect effect_size es yi te beta coef coefficient point_estimate",
    "se": "se sei std_error stderr standard_error se_te sete sem seyi",
    "vi": "vi var variance sampling_variance",
    "ci_low": "ci_low ci_lower lower_ci low_ci lci lcl lower low ll cil ci_lb lb conf_low lower_limit ci_l l_ci lowerci"
    " cilower ci_min ci_from lower_bound ci_lo ci_lower_bound ci_lower_limit lower_cl",
    "ci_high": "ci_high ci_upper upper_ci high_ci uci ucl upper high ul ciu ci_ub ub conf_high upper_limit ci_u u_ci"
    " upperci ciupper ci_max ci_to upper_bound ci_hi ci_upper_bound ci_upper_limit upper_cl",
    "ci_level": "ci_level level conf_level confidence_level",
    "p": "p pval p_value pvalue p_val p_between",
}
_RATIOS = {
    "OR": "or odds_ratio oddsratio",
    "RR": "rr risk_ratio relative_risk riskratio",
    "HR": "hr hazard_ratio",
    "IRR": "irr rate_ratio incidence_rate_ratio",
    "RD": "rd risk_difference",
    "MD": "md wmd mean_difference mean_diff difference",
    "SMD": "smd hedges_g cohens_d",
}
"""Measure → names of a column of its estimates, on the scale on which it is printed."""
_LOGS = {code: [f"{log}{name}" for name in names.split() for log in ("log", "ln", "log_", "ln_")]
         for code, names in _RATIOS.items() if code in ("OR", "RR", "HR", "IRR")}  # fmt: skip

_BASES: dict[str, str] = {
    "events": "events event ev cases responders deaths n_events nevents number_of_events affected e r x",
    "n": "n total tot n_total ntotal sample_size samplesize size patients participants randomised randomized subjects"
    " at_risk analysed analyzed n_analysed n_analyzed n_randomised n_randomized ss",
    "non_events": "non_events nonevents no_events non_event",
    "percent": "percent pct percentage perc percent_events events_percent",
    "proportion": "proportion prop",
    "person_time": "person_time persontime person_years personyears py pyrs exposure patient_years pt",
    "mean": "mean m avg average mn",
    "sd": "sd std stdev std_dev standard_deviation",
    "se": "se sem stderr standard_error std_error",
}
_ALONE = {"e", "r", "x", "m", "pt"}
"""Names that mean something beside a group only (``n1``, ``r1``)."""
_TREATED = {"t", "trt", "treat", "treatment", "treated", "tx", "int", "interv", "intervention", "exp", "experimental",
            "e", "active", "drug", "1", "g1", "group1", "arm1", "1i", "test"}  # fmt: skip
_CONTROL = {"c", "ctl", "ctrl", "control", "controls", "con", "cont", "comp", "comparator", "placebo", "plac", "pbo",
            "2", "g2", "group2", "arm2", "2i"}  # fmt: skip
_FIELDS = (
    "ai:events bi:non_events di:control_non_events n1i:n n2i:control_n x1i:events x2i:control_events mi:mean sdi:sd"
    " t1i:person_time t2i:control_person_time m1i:mean m2i:control_mean sd1i:sd sd2i:control_sd xi:events ni:n"
)
_FIELD = {word: role for word, _, role in (pair.partition(":") for pair in _FIELDS.split())}
"""metafor's names; its ``ci`` is the control's events only beside ``ai``."""

NUMBERS = tuple(dict.fromkeys((*_SINGLE, *_BASES, "mean_se", *(f"control_{name}" for name in _BASES))))
ROLES = (*TEXTS, *NUMBERS)
"""Everything that a column can hold."""


def normalised(name: str) -> str:
    """Return a name in small letters, its words joined by ``_``; a percent sign is the word.

    Examples
    --------
    >>> normalised("Ev.T"), normalised(" 95% CI (lower)"), normalised("nTreat"), normalised("%")
    ('ev_t', 'ci_lower', 'n_treat', 'percent')
    """
    text = re.sub(r"\b9\d(\.\d)?\s*-?%?(?=\s*-?_?\.?(ci|cl|conf|lower|upper))", " ", name.strip(), flags=re.IGNORECASE)
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text).replace("%", " percent ")
    return re.sub(r"[\W_]+", "_", text.casefold()).strip("_")


def role_of(name: str, others: frozenset[str] = frozenset()) -> tuple[str, int, str]:
    """Return what a column of this name holds, how far down the list of names it stands, and the measure it names.

    Parameters
    ----------
    name
        As the sheet writes it.
    others
        Normalised names of all columns.

    Returns
    -------
    tuple
        Role (empty where the name says nothing), rank from 0, and the code of the measure or an empty text; a measure
        on the log scale has ``log`` before its code.

    Examples
    --------
    >>> role_of("Ev.T")[0], role_of("n.c")[0], role_of("Odds ratio")[::2], role_of("lnRR")[::2]
    ('events', 'control_n', ('estimate', 'OR'), ('estimate', 'logRR'))
    """
    text = normalised(name)
    if text == "ci" and "ai" in others:
        return "control_events", 0, ""
    if text in ("p", "percent") and name.strip() == "%":
        return "percent", 0, ""
    for table in (TEXTS, _SINGLE):
        for role, names in table.items():
            if text in names.split():
                return role, names.split().index(text), ""
    for code, names in _RATIOS.items():
        if text in names.split():
            return "estimate", 1, code
        if text in _LOGS.get(code, ()) or text.replace("_", "") in _LOGS.get(code, ()):
            return "estimate", 1, f"log{code}"
    if text in _FIELD:
        return _FIELD[text], 0, ""
    return (*_of_group(text), "")


def _of_group(text: str) -> tuple[str, int]:
    """Return the role of a name made of what is counted and of which group: ``ev_t``, ``control_n``, ``sd2``."""
    spaced = re.sub(r"(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z])", "_", text).removesuffix("_i")
    words = spaced.split("_")
    if len(words) > 2 and words[-2] in ("group", "arm", "g") and words[-1] in ("1", "2"):
        words = [*words[:-2], words[-1]]
    for role, names in _BASES.items():
        for rank, base in enumerate(names.split()):
            parts = base.split("_")
            if words == parts and base not in _ALONE:
                return role, rank
            if len(words) != len(parts) + 1:
                continue
            group = words[-1] if words[:-1] == parts else words[0] if words[1:] == parts else ""
            if group in _CONTROL:
                return f"control_{role}", rank
            if group in _TREATED:
                return "mean_se" if role == "se" else role, rank
    return "", 0
