"""Sentences of an answer are claims: each is tried with numbers that make it true and numbers that make it false."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import lamevidence as lam
from lamevidence.cli.output import jsonable
from lamevidence.foundation.values import Interval
from lamevidence.questions import Variation
from lamevidence.reports.answer import Answer, Omission, answer, whole_answer
from lamevidence.reports.headline import decider, decides, disagreement, headline
from lamevidence.reports.shapes import answer_shape, dependence_shape
from lamevidence.reports.terminal import render_answer
from lamevidence.reports.verdict import Said, differ, verdict, widest_without

REGISTRY = lam.load_registry()
SLOPES = "fev1-slope-on-sirolimus"


@pytest.mark.parametrize(
    ("ends", "null", "higher", "compared", "words"),
    [
        ((1, 5), 0, "better", True, "a benefit is shown, a harm is excluded"),
        ((-5, -1), 0, "better", True, "a harm is shown, a benefit is excluded"),
        ((-5, 1), 0, "better", True, "neither a benefit nor a harm is shown, nor is either excluded"),
        ((1.1, 5), 1, "worse", True, "a harm is shown, a benefit is excluded"),
        ((0.1, 0.9), 1, "worse", True, "a benefit is shown, a harm is excluded"),
        ((0.5, 2), 1, "worse", True, "neither a benefit nor a harm is shown, nor is either excluded"),
        ((1, 5), 0, "better", False, "an improvement is shown, a decline is excluded"),
        ((-5, -1), 0, "better", False, "a decline is shown, an improvement is excluded"),
        ((1, 5), 0, "", False, "a rise is shown, a fall is excluded"),
        ((-5, -1), 0, "neutral", True, "a lower value is shown, a higher value is excluded"),
        ((0, 5), 0, "better", True, "neither a benefit nor a harm is shown, nor is either excluded"),
        ((10, 50), None, "worse", False, ""),
    ],
)
def test_what_an_interval_shows(ends, null, higher, compared, words):
    assert verdict(Interval(*ends), null, higher, compared) == words


def test_engines_differ_in_side_middle_and_width():
    one = Said(1.0, Interval(-1.0, 3.0))
    assert differ(one, one, 0.0) == ()
    assert differ(one, Said(2.5, Interval(0.5, 4.5)), 0.0) == ("side", "middle")
    assert differ(one, Said(2.5, Interval(0.5, 4.5)), None) == ("middle",)
    assert differ(one, Said(1.0, Interval(-4.0, 6.0)), 0.0) == ("width",)
    assert differ(one, Said(1.9, Interval(-1.0, 4.0)), 0.0) == ()
    ratio = Said(1.0, Interval(0.5, 2.0), log=True)
    assert differ(ratio, Said(1.0, Interval(0.26, 3.9), log=True), 1.0) == ()
    assert differ(ratio, Said(1.0, Interval(0.24, 4.1), log=True), 1.0) == ("width",)


def test_a_study_decides_the_width_when_the_interval_halves_without_it():
    whole = Said(0.0, Interval(-4.0, 4.0))
    assert widest_without(whole, {"a": Said(0.0, Interval(-1.9, 1.9)), "b": Said(0.0, Interval(-3, 3))}) == "a"
    assert widest_without(whole, {"a": Said(0.0, Interval(-2.1, 2.1))}) == ""
    assert widest_without(whole, {}) == ""


def made(yi, sei, n=None, **question) -> Answer:
    """A whole answer of rows of one's own, asked as the flagship question is."""
    asked = replace(REGISTRY.question(SLOPES), sensitivity=(), **question)
    table = lam.EvidenceTable.from_estimates(yi, sei=sei, n=n, measure="MN", unit="mL/year")
    table = replace(table, higher_is="better", title="FEV1 slope on sirolimus")
    fit = lam.pool(table)
    post = lam.pool_bayes(table)
    beside = lam.pool_bayes(table, likelihood="normal") if post.likelihood == "t" else None
    out = []
    if table.k > 1:
        out = [Omission(s, s, fit.without(s), post.without(s)) for s in table.studies]
    return Answer(asked, table, fit, post, beside=beside, omissions=tuple(out))


def test_who_leads():
    assert made([10], [5]).lead == "reported"
    assert made([10, 20], [5, 5]).lead == "bayes"
    assert made([10, 20, 5, 8], [5, 5, 4, 4]).lead == "bayes"
    five = made([10, 20, 5, 8, 9], [5, 5, 4, 4, 6])
    assert five.lead == "frequentist"
    assert replace(five, fit=None).lead == "bayes"
    assert replace(five, fit=None, post=None).lead == "none"


def test_the_headline_holds_the_number_that_leads():
    two = made([10, 20], [5, 5])
    assert "credible interval" in headline(two)
    assert f"{two.post.mu.median:.0f} mL/year" in headline(two)
    five = made([10, 20, 5, 8, 9], [5, 5, 4, 4, 6])
    assert "confidence interval" in headline(five)
    assert f"{float(five.fit.estimate):.0f}" in headline(five)
    assert headline(made([10], [5])).startswith("One study, as reported")
    assert "changes by" in headline(five)
    assert headline(replace(five, question=replace(five.question, reads=""))).startswith("FEV1 slope on sirolimus:")


def test_a_new_study_is_mentioned_only_where_it_may_differ():
    apart = made([90, 130, 60, 150, 100, 20], [5, 5, 4, 4, 6, 5])
    assert apart.fit.interval().low > 0 > apart.fit.prediction().low
    assert "A new study may still find no effect" in headline(apart)
    alike = made([90, 95, 92, 91, 93, 94], [5, 5, 4, 4, 6, 5])
    assert alike.fit.prediction().low > 0
    assert "new study" not in headline(alike)


def test_the_study_that_decides():
    outlying = made([10, 12, 8, 11, 9, 300], [4, 4, 4, 4, 4, 4])
    one = decider(outlying)
    assert one is not None
    assert (one.study, one.how) == (outlying.table.studies[5], "width")
    assert "decides the width" in decides(outlying)
    alike = made([90, 95, 92, 91, 93, 94], [5, 5, 4, 4, 6, 5])
    assert decides(alike) == ""
    single = made([10, 9, 11, 10, 12, 21], [6, 6, 6, 6, 6, 3])
    changed = decider(single)
    if changed is not None:
        assert changed.how == "width" or (single.fit.interval().low > 0) != (changed.without.interval.low > 0)


def test_the_likelihood_makes_the_engines_differ():
    found = whole_answer(REGISTRY, SLOPES)
    differ_ = disagreement(found)
    assert differ_.cause == "likelihood"
    assert differ_.study == "neurohr-2011"
    assert "Neurohr 2011 21 % of the weight" in differ_.text
    assert "10 patients" in differ_.text
    weight = found.fit.weights[found.table.studies.index("neurohr-2011")]
    assert round(weight) == 21


def test_a_t_quantile_makes_the_width():
    found = made([10.0, 60.0], [5.0, 5.0])
    differ_ = disagreement(found)
    assert differ_ is not None
    assert "width" in differ_.respects
    assert differ_.cause == "t"
    assert "12.7 standard errors" in differ_.text


def test_claims_about_single_studies_are_of_studies_that_were_left_out():
    """Every omission is tried: the one that reconciles is named, several are, none is said, and two studies are not."""
    pair, apart = made([10.0, 60.0], [5.0, 5.0]), made([10, 12, 8, 11, 9, 300], [4, 4, 4, 4, 4, 4])
    for found in (
        pair,
        apart,
        *(made(rng.normal(0, 30, 5), [5.0] * 5) for rng in map(np.random.default_rng, range(8))),
    ):
        differ_ = disagreement(found)
        if differ_ is None or differ_.cause not in ("study", ""):
            continue
        agree = [o.study for o in found.omissions if disagreement(replace(found, fit=o.fit, post=o.post)) is None]
        if found.table.k < 3:
            assert "single study" not in differ_.text
        elif differ_.cause == "study":
            named = [
                s for s, label in zip(found.table.studies, found.table.labels, strict=True) if label in differ_.text
            ]
            assert named == agree
            assert differ_.study == (agree[0] if len(agree) == 1 else "")
        else:
            assert agree == []
            assert differ_.text.endswith("leaving out no single study makes them agree.")


def test_the_level_asked_for_is_that_of_every_interval():
    found = whole_answer(REGISTRY, SLOPES, {"level": 0.8})
    assert found.level == found.fit.level == found.post.level == 0.8
    text, shape = render_answer(found), answer_shape(found)
    assert "80% CI" in text
    assert "80 % credible interval" in headline(found)
    assert "95" not in headline(found)
    tables = REGISTRY.sensitivity(SLOPES)
    for one in shape["sets"]:
        assert one["frequentist"]["interval"] == list(lam.pool(tables[one["name"]], level=0.8).interval())
    low, high = lam.pool_bayes(tables["without Neurohr 2011"]).interval(0.8)
    (row,) = [one for one in shape["sets"] if one["name"] == "without Neurohr 2011"]
    assert row["bayes"]["interval"] == pytest.approx([low, high], rel=1e-9)


def test_an_option_that_a_set_cannot_take_is_the_reason_of_that_set():
    asked = REGISTRY.question(SLOPES)
    alone = Variation("one study", "tried", leave_out=("neurohr-2011", "bee-2018", "hu-2019", "zhan-2018"))
    registry = Asking(REGISTRY, replace(asked, sensitivity=(alone,)))
    found = whole_answer(registry, SLOPES, {"interval": "HKSJ"})
    (one,) = found.sets
    assert found.fit is not None
    assert one.fit is None
    assert "needs two studies" in one.why_not_pooled
    assert "needs two studies" in answer_shape(found)["sets"][0]["frequentist"]["reason"]


def test_a_question_that_no_study_answers():
    asked = REGISTRY.question(SLOPES)
    nobody = replace(asked, sensitivity=(), eligibility=replace(asked.eligibility, conditions=("sarcoidosis",)))
    found = whole_answer(Asking(REGISTRY, nobody), SLOPES)
    assert (found.lead, found.level) == ("none", 0.95)
    assert "No study of the registry answers" in headline(found)
    assert all(e.reason for e in found.table.excluded), "the reasons that the sentence promises"
    assert f"rows: lamevidence table {SLOPES}" in " ".join(render_answer(found).split())


class Asking:
    """A registry that asks one question otherwise."""

    def __init__(self, registry, question):
        self._registry, self._question = registry, question

    def question(self, _):
        return self._question

    def evidence(self, _):
        return self._registry.evidence(self._question)

    def __getattr__(self, name):
        return getattr(self._registry, name)


def test_engines_that_agree_say_nothing():
    assert disagreement(made([90, 95, 92, 91, 93, 94], [25, 25, 24, 24, 26, 25])) is None
    assert disagreement(made([10], [5])) is None


def test_the_shape_carries_all_of_it():
    shape = answer_shape(whole_answer(REGISTRY, SLOPES))
    assert shape["lead"] == "bayes"
    assert {"mu", "interval", "bayes", "sets", "leave_one_out", "disagreement", "doubts", "excluded"} <= shape.keys()
    names = [one["name"] for one in shape["sets"]]
    assert names == [v.name for v in REGISTRY.question(SLOPES).sensitivity]
    tables = REGISTRY.sensitivity(SLOPES)
    for one in shape["sets"]:
        assert one["frequentist"]["mu"] == float(lam.pool(tables[one["name"]]).estimate)
        assert one["studies"] == list(tables[one["name"]].studies)
    fit = lam.pool(REGISTRY.evidence(SLOPES))
    for one in shape["leave_one_out"]:
        assert one["frequentist"]["mu"] == pytest.approx(float(fit.without(one["study"]).estimate), rel=1e-12)
    assert {d["study"] for d in shape["doubts"]} >= {"Neurohr 2011", "Hu 2019"}
    json.dumps(jsonable(shape), allow_nan=False)


def test_doubts_are_of_the_rows_that_are_used():
    for question in ("fev1-slope-untreated", "stomatitis"):
        found = whole_answer(REGISTRY, question)
        assert {label for label, _ in found.doubts} <= set(found.table.labels)
    inferred = {
        row.label
        for row in whole_answer(REGISTRY, SLOPES).table
        if any(step.rule == "read as" for step in row.lineage.steps)
    }
    assert inferred <= {label for label, _ in whole_answer(REGISTRY, SLOPES).doubts}


def test_categories_of_one_trial_say_what_may_be_said_and_what_not():
    """MILES: two categories clear in both readings, one in that of independent events; after stopping, none."""
    found = answer(REGISTRY, "miles-adverse-events-by-category")
    text = headline(found)
    assert "each event taken as if seen 3 times: more frequent on sirolimus than on placebo: Dermatologic," in text
    assert text.endswith("only if events were independent of each other: Metabolic or laboratory.")
    shown = render_answer(found)
    assert "Dermatologic                    RCT     89      2.42  [ 1.69,  3.47]       —  1.53 [1.07, 2.59]" in shown
    assert found.profile.cautious.theta[7].mean == pytest.approx(np.log(1.531), abs=5e-4)  # two independent quadratures
    after = answer(REGISTRY, "miles-serious-adverse-events-by-category-after-stopping")
    assert "of no single category does the cautious interval leave 1 out" in headline(after)
    assert answer(REGISTRY, "adverse-event-rate-ratio").profile is None
    assert answer(REGISTRY, "miles-adverse-events-by-category", bayes=False).profile is None
    shape = dependence_shape(found)["profile"]
    assert [row["category"] for row in shape["categories"]] == list(found.table.labels)
