"""The shipped questions: what they use of the registry, what a dozen of them answer, how they read."""

from __future__ import annotations

import re

import pytest

import lamevidence as lam
from lamevidence.effects.derive.usage import could_be_pooled
from lamevidence.questions import varied
from lamevidence.reports.answer import answer

REGISTRY = lam.load_registry()
EARLIER = 345
"""Findings that could be pooled when the share was promised; the denominator stays, whatever a record says since."""


def test_six_in_ten_findings_enter_a_question_or_a_set():
    found = REGISTRY.usage()
    entering = [
        (s.id, f.id)
        for s in REGISTRY.studies
        for f in s.findings
        if could_be_pooled(f) and (s.id, f.id) in found.entering
    ]
    assert len(entering) >= 0.6 * EARLIER
    assert len({study for study, _ in entering}) >= 24
    assert len(REGISTRY.questions) >= 35


def test_every_finding_enters_or_has_a_reason():
    found = REGISTRY.usage()
    unused = {(one.study, one.finding) for one in found.unused}
    for study in REGISTRY.studies:
        for finding in study.findings:
            place = (study.id, finding.id)
            if could_be_pooled(finding):
                assert (place in found.entering) != (place in unused), place
            else:
                assert place not in unused
    assert all(one.reason for one in found.unused)
    assert found.poolable == len(found.unused) + len([p for p in _poolable() if p in found.entering])


def _poolable():
    return [(s.id, f.id) for s in REGISTRY.studies for f in s.findings if could_be_pooled(f)]


def test_what_enters_is_what_the_rows_rest_on():
    """Said again from the tables themselves."""
    cells = set()
    for question in REGISTRY.questions.values():
        for asked in (question, *(varied(question, v) for v in question.sensitivity)):
            for row in REGISTRY.evidence(asked):
                cells |= {(row.study.partition("/")[0], finding) for finding, *_ in row.lineage.cells}
    beyond = REGISTRY.usage().entering - cells
    pairs = {(s.id, f.id) for s in REGISTRY.studies for f in s.findings if type(f).__name__ == "Paired"}
    assert beyond <= pairs, "a pair may print nothing of its own"


def test_no_question_says_why_a_finding_is_unused_of_one_that_is_asked():
    found = REGISTRY.usage()
    fewer = [q for name, q in REGISTRY.questions.items() if name != "hypercholesterolaemia"]
    from lamevidence.effects.derive.usage import usage

    less = usage(REGISTRY, fewer)
    (lost,) = set(less.unused) - set(found.unused)
    assert (lost.study, lost.finding) == ("yoon-2018", "hypercholesterolaemia")
    assert lost.reason == "no question asks for Hypercholesterolaemia"


EXPECTED = {
    "serious-adverse-event-rate-ratio": (1, 1.19, 0.65, 2.21),
    "adverse-event-rate-ratio": (1, 1.25, 1.13, 1.38),
    "fev1-slope-difference-any-design": (2, 114, -405, 632),
    "fvc-slope-on-sirolimus": (2, 65, -173, 304),
    "fvc-change-12-months-randomised": (1, 226, 114, 338),
    "fev1-not-below-baseline-randomised": (1, 3.9, 1.6, 9.5),
    "discontinuation-everolimus-v-placebo": (1, 0.19, 0.07, 0.54),
    "six-minute-walk-within-patients": (1, 56.8, 20, 93),
    "dlco-slope-percent-predicted-on-sirolimus": (1, 0.8, -0.2, 1.8),
    "published-gao-2018-fev1": (1, 0.153, 0.081, 0.225),
    "published-courtwright-2017-infection-rate-ratio": (1, 0.985, 0.72, 1.35),
}
"""Question → k, estimate and 95 % interval as a reader sees them, worked out beside the engine."""


@pytest.mark.parametrize("name", EXPECTED)
def test_a_dozen_answers(name):
    k, middle, low, high = EXPECTED[name]
    found = answer(REGISTRY, name, bayes=False)
    assert found.table.k == k
    shown = found.fit.display()
    size = max(abs(high - low), abs(middle)) * 0.01 + 0.006
    assert shown.estimate == pytest.approx(middle, abs=size)
    assert tuple(shown.interval) == pytest.approx((low, high), abs=size)


def test_proportions_and_rates_of_the_dozen():
    """31 of 39 effusions; three studies of an mTOR inhibitor; two rates; no death of 56."""
    resolved = REGISTRY.evidence("chylous-effusion-resolved")
    assert (resolved.counts["xi"].sum(), resolved.counts["ni"].sum()) == (31, 39)
    assert REGISTRY.evidence("aml-response-any-mtor-inhibitor").k == 3
    rates = REGISTRY.sensitivity("serious-adverse-event-rate")["any disease"]
    assert rates.k == 2
    assert lam.pool(rates).display().estimate == pytest.approx(0.40, abs=0.01)
    deaths = answer(REGISTRY, "death-on-sirolimus")
    assert (deaths.table.counts["xi"].sum(), deaths.table.counts["ni"].sum()) == (0, 56)
    assert deaths.lead == "frequentist", "the posterior of no event is its prior"
    low, high = deaths.fit.display().interval
    assert (low, high) == pytest.approx((0.0, 100 * (1 - 0.025 ** (1 / 56))), abs=1e-9)


def test_where_there_is_an_event_the_posterior_leads():
    assert answer(REGISTRY, "discontinuation-on-everolimus").lead == "bayes"


@pytest.mark.parametrize("name", sorted(REGISTRY.questions))
def test_no_question_mixes_diseases_unsaid(name):
    """One condition among the rows, or a set for one of them alone."""
    question = REGISTRY.questions[name]
    table = REGISTRY.evidence(question)
    met = {REGISTRY.study(study.partition("/")[0]).cohort.condition for study in table.studies}
    alone = {v.eligibility.get("conditions") for v in question.sensitivity}
    assert len(met) <= 1 or {(c,) for c in met} <= alone


@pytest.mark.parametrize("name", sorted(REGISTRY.questions))
def test_possible_overlaps_are_said_and_remove_nothing(name):
    table = REGISTRY.evidence(name)
    for group in REGISTRY.overlap_groups:
        if group.binding:
            continue
        shared = [study for study in group.studies if study in table.studies]
        said = [note for note in table.notes if f"(overlap {group.id})" in note]
        assert len(said) == (len(shared) > 1), (name, group.id)


def test_a_followed_for_rule_keeps_what_it_says():
    table = REGISTRY.sensitivity("fev1-slope-on-sirolimus")["followed for two years or more"]
    assert table.studies == ("bee-2018", "hu-2019")
    (neurohr,) = [e for e in table.excluded if e.study == "neurohr-2011"]
    assert neurohr.reason == "followed for 12.1 month (mean), not at least 2 year"


def test_the_questions_on_published_meta_analyses_say_what_they_do_not_reproduce():
    named = [q for q in REGISTRY.questions.values() if q.id.startswith("published-")]
    assert len(named) == 8
    for question in named:
        assert re.search(r"doi:10\.\d+/", " ".join(question.notes))
        assert "Not reproduced" in " ".join(question.notes)
        assert "Reproduced" in " ".join(question.notes)


MILES_AT_12_MONTHS = {
    "fev1": (1383, 394, 1272, 414),
    "fvc": (2780, 735, 2843, 668),
    "tlc": (4944, 982, 5464, 1217),
    "rv": (2112, 617, 2502, 969),
    "frc": (2912, 660, 3260, 968),
    "dlco": (9.62, 3.92, 9.61, 4.06),
    "six-minute-walk": (431, 104, 418, 107),
    "eq-vas": (73.71, 18.03, 65.6, 18.47),
    "fpi": (2.35, 0.49, 2.33, 0.47),
    "vegfd": (862, 540, 2444, 3862),
}
"""Mean and SD with sirolimus (41 patients) and placebo (34): NEJM 2011;364:1595-606, Table 2, value at 12 months."""


@pytest.mark.parametrize("outcome", MILES_AT_12_MONTHS)
def test_values_of_miles_at_12_months(outcome):
    """The difference of the printed means and the root of the sum of SD²/n."""
    m1, sd1, m2, sd2 = MILES_AT_12_MONTHS[outcome]
    table = REGISTRY.evidence(f"{outcome}-12-months-randomised")
    assert table.studies == ("mccormack-2011",)
    assert table.yi[0] == pytest.approx(m1 - m2, rel=1e-12)
    assert table.vi[0] == pytest.approx(sd1**2 / 41 + sd2**2 / 34, rel=1e-12)


def test_what_of_gao_2018_can_be_reproduced():
    """MILES alone for DLCO (-0.06±1.5 v -0.62±2.89) and walk (24±59 v 26±51); responses 16/36, 8/16 and 11/19."""
    dlco, walk = (REGISTRY.evidence(f"published-gao-2018-{name}") for name in ("dlco", "six-minute-walk"))
    assert (dlco.k, walk.k) == (1, 1)
    assert dlco.yi[0] == pytest.approx(0.56)
    assert dlco.vi[0] == pytest.approx(1.5**2 / 41 + 2.89**2 / 34)
    assert walk.yi[0] == pytest.approx(-2)
    assert walk.vi[0] == pytest.approx(59**2 / 41 + 51**2 / 34)
    response = REGISTRY.evidence("published-gao-2018-aml-response")
    counts = dict(zip(response.studies, zip(response.counts["xi"], response.counts["ni"], strict=True), strict=True))
    assert counts == {"dabora-2011": (16, 36), "davies-2011": (8, 16), "everolimus-aml-spain-2016": (11, 19)}
    sets = REGISTRY.sensitivity("published-gao-2018-aml-response")
    assert {name: table.k for name, table in sets.items()} == {"sirolimus": 2, "everolimus": 1}


@pytest.mark.parametrize("name", sorted(REGISTRY.questions))
def test_a_question_says_how_far_a_choice_carries_it(name):
    """Those about a published analysis repeat its choices; rows that share patients are listed and not pooled."""
    question = REGISTRY.question(name)
    if not name.startswith("published-") and question.pooled:
        assert question.sensitivity, name


def test_slopes_of_miles_by_the_footnote_are_far_narrower():
    """±2 mL/month in 46 and in 43: as SDs the SE is 12 · √(2²/46 + 2²/43) = 5.09 mL/year, as SEs 33.9."""
    question = REGISTRY.question("fev1-slope-difference-randomised")
    sets = {s.name: REGISTRY.evidence(varied(question, s)) for s in question.sensitivity}
    assert sets["± of MILES read as SD"].vi[0] ** 0.5 == pytest.approx(12 * (4 / 46 + 4 / 43) ** 0.5)
    assert REGISTRY.evidence(question).vi[0] ** 0.5 == pytest.approx(12 * 8**0.5)
