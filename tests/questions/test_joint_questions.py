"""A question may join all designs: its rows, its priors and its sets, what it refuses, and its answer in words.

The numbers of `REFERENCE` were computed beforehand by two independent programs (quadrature over a finer grid, and
400 000 draws of the standard deviations); those of other rows are `joint` on a frame written by hand from the records.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import lamevidence as lam
from lamevidence.cli.answer_files import Look, write_answer
from lamevidence.cli.app import app
from lamevidence.cli.explain import explanation
from lamevidence.foundation.errors import DependentRows, LamEvidenceError, NotEstimable, OptionError
from lamevidence.plots.drawing.shapes import Text
from lamevidence.questions import Question, Variation, varied
from lamevidence.questions.question import Eligibility, ExcludedStudy
from lamevidence.reports.answer import Answer, answer, whole_answer
from lamevidence.reports.headline import headline
from lamevidence.reports.joint_lines import movers
from lamevidence.reports.lines import MOST_LINES, WIDE
from lamevidence.reports.shapes import answer_shape
from lamevidence.reports.terminal import render_answer
from lamevidence.synthesis.joint_moves import compare_designs
from tests.questions.test_question_check import edited, found

JOINT = "sirolimus-effect-on-fev1-slope"
REGISTRY = lam.load_registry()


@pytest.fixture(scope="module")
def whole() -> Answer:
    return whole_answer(REGISTRY, JOINT)


REFERENCE: dict[str, tuple[float, tuple[float, float], tuple[float, float], tuple[float, float] | None, float]] = {
    "": (-66.99995, (-105.732, 20.863), (158.523, 48.631), (-172.619, 166.381), 89.615),
    "no bias term": (-70.34795, (-120.396, 20.477), (178.280, 48.681), None, 89.801),
    "with the MIDAS registry": (-72.87176, (-100.921, 19.184), (133.022, 40.226), (-176.819, 165.909), 80.792),
    "correlation 0.5 in before-after series": (
        -68.27398,
        (-105.497, 21.810),
        (170.178, 53.457),
        (-199.190, 185.439),
        102.400,
    ),
    "without Neurohr 2011": (-44.64949, (-105.649, 16.699), (113.580, 28.194), (-45.301, 133.861), 41.629),
    "the trial and natural history alone": (-27.94785, (-105.751, 19.749), (128.546, 55.178), None, 72.744),
    "twice the spread between studies": (
        -66.16639,
        (-105.298, 24.636),
        (171.634, 70.282),
        (-136.826, 193.863),
        149.627,
    ),
    "half the spread between studies": (-68.59385, (-104.860, 15.935), (132.205, 30.190), (-186.553, 128.916), 43.629),
}
"""Set → log evidence; mean and SD of untreated slope, effect and bias; SD of the effect in a new study. mL/year."""


@pytest.mark.parametrize("name", REFERENCE)
def test_the_shipped_question_and_its_sets_give_the_reference_numbers(whole, name):
    post = whole.joint if not name else next(one.joint for one in whole.sets if one.name == name)
    evidence, baseline, effect, bias, new_sd = REFERENCE[name]
    assert post.log_marginal == pytest.approx(evidence, abs=1e-5)
    for found_one, told in ((post.baseline, baseline), (post.effect, effect), (post.bias, bias)):
        if told is None:
            assert found_one is None
        else:
            assert (found_one.mean, found_one.sd) == pytest.approx(told, abs=6e-4)
    assert post.effect_new.sd == pytest.approx(new_sd, abs=6e-4)


def test_every_reference_set_is_in_the_question(whole):
    assert {one.name for one in whole.sets} == set(REFERENCE) - {""}
    low, high = whole.joint.effect.interval()
    assert (low, high) == pytest.approx((73.533, 265.606), abs=6e-4)
    assert whole.joint.probability("effect > 60 mL/year") == pytest.approx(0.98675, abs=6e-6)


def test_the_table_says_what_each_row_is_and_joint_takes_it_as_it_is():
    table = REGISTRY.evidence(JOINT)
    assert table.k == 10
    assert len(set(table.studies)) == 7
    roles = {label.rpartition(", ")[2] for label in table.labels}
    assert roles == {"untreated", "before", "on treatment"}
    for label, on, before in zip(table.labels, table.moderators["treated"], table.moderators["selected"], strict=True):
        assert on == label.endswith("on treatment")
        assert before == label.endswith("before")
    assert not table.moderators["contrast"].any()
    named = lam.synthesis.joint(table, treated="treated", selected="selected", contrast="contrast")
    assert lam.synthesis.joint(table).effect.mean == named.effect.mean
    own = lam.synthesis.joint(table, effect=lam.priors.Normal(0, 10, unit="mL/year"))
    assert own.effect.mean < 60, "what is given goes before what the question states"


def test_rows_with_and_without_a_treatment_are_not_pooled_and_the_remedy_works():
    table = REGISTRY.evidence(JOINT)
    for pool in (lam.pool, lam.pool_bayes, lam.multilevel):
        with pytest.raises(DependentRows, match=r"join them with lam.synthesis.joint\(table\)"):
            pool(table)
    assert lam.synthesis.joint(table).k == table.k


def test_rows_of_one_kind_are_pooled_as_the_question_of_that_kind_pools_them():
    table = REGISTRY.evidence(JOINT)
    alone = lam.pool(table[table.moderators["treated"] == 1.0], model="random", tau2="REML")
    asked = lam.pool(REGISTRY.evidence("fev1-slope-on-sirolimus"), model="random", tau2="REML")
    assert alone.mu == pytest.approx(asked.mu, rel=1e-9)


def test_a_table_of_other_rows_needs_its_columns_named():
    table = REGISTRY.evidence("fev1-slope-on-sirolimus")
    with pytest.raises(OptionError, match="give treated="):
        lam.synthesis.joint(table)
    both = pd.DataFrame({"study": ["a", "a", "b"], "y": [1.0, 2.0, 1.5], "se": [1.0, 1.0, 1.0], "on": [0, 1, 0]})
    assert lam.synthesis.joint(both, yi="y", sei="se", study="study", treated="on").k == 3


def question(outcome: str, unit: str, **changes: Any) -> Question:
    rules = Eligibility(
        interventions=("sirolimus",),
        phases=("on_treatment", "pre_treatment", "placebo", "natural_history"),
        statistics=("slope",),
        conditions=("LAM",),
        exclude=changes.pop("exclude", ()),
    )
    given: dict[str, Any] = {
        "id": f"effect-on-{outcome}",
        "title": outcome,
        "estimand": "x",
        "outcome": outcome,
        "kind": "continuous",
        "compare": "joint",
        "measure": "MN",
        "unit": unit,
        "eligibility": rules,
        "primary": {"peking": "hu-2019", "nih-natural-history": "gupta-2019-nhlbi"},
    }
    return Question(**{**given, **changes})


def test_fvc_is_joined_from_the_same_records():
    """MILES prints −11±3 and 8±3 mL/month, Hu 2019 −72±68 and 54±22 mL/year; Ando 2013 prints no spread."""
    table = REGISTRY.evidence(question("fvc_slope", "mL/year"))
    rows = pd.DataFrame(
        {
            "study": ["mccormack-2011", "mccormack-2011", "hu-2019", "hu-2019"],
            "y": [-132.0, 96.0, -72.0, 54.0],
            "se": [36.0, 36.0, 68.0, 22.0],
            "on": [0, 1, 0, 1],
            "before": [0, 0, 1, 0],
        }
    )
    by_hand = lam.synthesis.joint(rows, yi="y", sei="se", study="study", treated="on", selected="before")
    post = lam.synthesis.joint(table)
    assert post.log_marginal == pytest.approx(by_hand.log_marginal, abs=1e-9)
    assert post.effect.mean == pytest.approx(by_hand.effect.mean, rel=1e-9)
    assert "ando-2013" in {e.study for e in table.excluded}


def test_a_scale_without_defaults_needs_its_priors_and_takes_them():
    """DLCO in percent predicted: NIH 2004 −2.4±0.4 untreated; NIH 2011 −4.8±0.9 before, 0.8±0.5 on sirolimus."""
    asked = question("dlco_slope", "%pred/year")
    with pytest.raises(OptionError, match="baseline has no default for estimates in %pred/year"):
        lam.synthesis.joint(REGISTRY.evidence(asked))
    stated = {
        "baseline": {"normal": [-2, 3]},
        "effect": {"normal": [0, 6]},
        "bias": {"normal": [0, 6]},
        "tau_baseline": {"half_normal": 1.2},
        "tau_effect": {"half_normal": 1.2},
        "tau_bias": {"half_normal": 3},
        "because": "a third of the untreated decline",
    }
    table = REGISTRY.evidence(replace(asked, bayes=stated))
    post = lam.synthesis.joint(table)
    assert set(post.rows.kinds.values()) == {"untreated_only", "before_after"}
    assert 0 < post.effect.mean < 5.6, "less than the whole before-after change, of which the bias holds a part"
    assert post.spec.why["effect"] == stated["because"]


def test_a_printed_difference_stands_in_where_an_arm_is_not_usable():
    """Chang 2014: the arm on doxycycline has an SD and no number of patients; the difference has its interval."""
    asked = question("fev1_slope", "mL/year")
    asked = replace(asked, eligibility=replace(asked.eligibility, interventions=("doxycycline",)))
    table = REGISTRY.evidence(asked)
    chang = [row for row in table if row.study == "chang-2014"]
    assert [row.label for row in chang] == ["Chang 2014, difference"]
    assert chang[0].yi == -32.5
    reasons = {e.label: e.reason for e in table.excluded if e.study == "chang-2014"}
    assert "the number analysed is not reported" in reasons["Chang 2014, on treatment"]
    assert "holds the same patients" in reasons["Chang 2014, untreated"]


def test_slopes_on_and_off_go_before_their_difference():
    """MIDAS taken in beside its slopes would be the same patients twice; its slopes have no interval of their own."""
    table = REGISTRY.sensitivity(JOINT)["with the MIDAS registry"]
    assert [row.label for row in table if row.study == "midas-registry"] == ["MIDAS registry, difference"]
    assert table["midas-registry"].yi == 74.36


def test_a_slope_before_treatment_without_one_on_it_is_left_out_with_the_reason():
    asked = question("fev1_slope", "mL/year")
    asked = replace(asked, eligibility=replace(asked.eligibility, phases=("pre_treatment", "placebo")))
    table = REGISTRY.evidence(asked)
    assert not table.moderators["selected"].any()
    assert any("says nothing without the slope on it" in e.reason for e in table.excluded if e.study == "hu-2019")


# ---- what check refuses -----------------------------------------------------------------------
END = 'registered: "2026-12-01"'
PHASES = "phases: [on_treatment, pre_treatment, placebo, natural_history]"
REFUSED = [
    (("  interventions: [sirolimus]\n", ""), "LE102", "a joint question needs to know which treatment"),
    (("natural_history]", "baseline]"), "LE321", "phase baseline is neither on the treatment, nor before it"),
    ((END, f"model: {{kind: random}}\n{END}"), "LE321", "`model` in a comparison joint"),
    ((END, f"rows: category\n{END}"), "LE321", "`rows` in a comparison joint"),
    ((END, f"pooled: false\n{END}"), "LE321", "`pooled: false` in a comparison joint"),
    (
        (END, f"grade: {{certainty: {{judgement: low, because: x}}}}\n{END}"),
        "LE321",
        "`grade` in a comparison joint",
    ),
    (("  effect: {normal: [0, 240]}", "  mu: {normal: [0, 240]}"), "LE321", "`mu` in a comparison joint"),
    (("bayes: {bias: none}", "bayes: {likelihood: normal}"), "LE321", "`likelihood` in a comparison joint"),
    (("    correlation: 0.5", "    model: {tau2: DL}"), "LE321", "`model` in a comparison joint"),
    (("  effect: {normal: [0, 240]}", "  effect: {cauchy: [0, 240]}"), "LE322", "unknown prior of mu 'cauchy'"),
    (("  tau_effect: {half_normal: 48}", "  tau_effect: {half_norma: 48}"), "LE322", ""),
    (
        ("phases: [on_treatment, pre_treatment, placebo, natural_history]", "phases: [on_treatment]"),
        "LE322",
        "no row is",
    ),
    (
        ("phases: [on_treatment, pre_treatment, placebo, natural_history]", "phases: [placebo, natural_history]"),
        "LE322",
        "no row is on treatment",
    ),
    (("measure: MN", "measure: MD"), "LE321", "not made from findings of kind continuous in a comparison joint"),
]


@pytest.mark.parametrize(("edit", "code", "said"), REFUSED)
def test_check_refuses_what_cannot_be_joined(tmp_path: Path, edit, code, said):
    problems = found(tmp_path, JOINT, edited(JOINT, edit))
    assert any(line.startswith(code) and said in line for line in problems), problems


def test_before_after_series_alone_do_not_identify_the_effect_unless_there_is_no_bias(tmp_path: Path):
    """The remedy that the message names: without a bias term slopes before treatment are untreated ones."""
    text = edited(JOINT, (PHASES, "phases: [on_treatment, pre_treatment]"))
    text = text[: text.index("sensitivity:")]
    problems = found(tmp_path, JOINT, text)
    assert [line.partition(" ")[0] for line in problems] == ["LE322"]
    other = tmp_path / "other"
    other.mkdir()
    cured = text.replace("bias: {normal: [0, 240]}", "bias: none").replace("  tau_bias: {half_normal: 240}\n", "")
    assert found(other, JOINT, cured) == []


def test_priors_of_a_joint_question_mean_nothing_in_one_of_a_mean(tmp_path: Path):
    name = "fev1-slope-on-sirolimus"
    text = edited(name, ("bayes: {likelihood: normal}", "bayes: {tau_effect: {half_normal: 48}}"))
    assert any("`tau_effect` in a comparison single_arm" in line for line in found(tmp_path, name, text))


# ---- the answer -------------------------------------------------------------------------------
def test_the_answer_leads_with_the_joint_effect_and_fits_the_terminal(whole):
    assert whole.lead == "joint"
    text = render_answer(whole)
    lines = text.splitlines()
    assert len(lines) <= MOST_LINES
    assert max(map(len, lines)) <= WIDE
    assert "With sirolimus the FEV1 slope is 159 mL/year (95 % credible interval 74 to 266) higher" in text
    for study in ("McCormack 2011 (MILES) !", "Neurohr 2011 !", "Bee 2018", "Chang 2014"):
        assert any(line.startswith(study) for line in lines), study
    assert all(one.name[:20] in text for one in whole.sets)
    assert max(map(len, render_answer(whole, width=60).splitlines())) <= 60
    assert render_answer(whole, ascii_only=True).isascii()


def test_many_studies_are_counted_where_there_is_no_room_for_them(whole):
    rows = [(f"s{i}", 0.0, -100.0 + i) for i in range(20)] + [(f"s{i}", 1.0, 20.0 + i) for i in range(20)]
    roles = {0.0: "untreated", 1.0: "on treatment"}
    zero = np.zeros(40)
    many = lam.EvidenceTable(
        yi=np.array([y for _, _, y in rows]),
        vi=np.full(40, 400.0),
        labels=tuple(f"S{study[1:]}, {roles[on]}" for study, on, _ in rows),
        studies=tuple(study for study, _, _ in rows),
        measure="MN",
        unit="mL/year",
        moderators={"treated": np.array([on for _, on, _ in rows]), "selected": zero, "contrast": zero},
        row_is="phase",
    )
    post = lam.synthesis.joint(many)
    lines = render_answer(replace(whole, table=many, joint=post, designs=compare_designs(post), doubts=())).splitlines()
    assert len(lines) <= MOST_LINES
    told = [line for line in lines if re.match(r"S\d+ ", line)]
    (more,) = [line for line in lines if line.startswith("… ")]
    assert more == f"… {20 - len(told)} more studies"
    assert not any(line.startswith("… ") for line in render_answer(whole).splitlines())


def test_what_the_headline_says_is_true_of_its_numbers(whole):
    assert whole.joint.effect.interval().low > 0
    assert "a benefit is shown, a harm is excluded" in headline(whole)
    assert whole.joint.prediction().low < 0
    assert "A new study may still find no effect, or the opposite." in headline(whole)
    wide = lam.synthesis.joint(
        REGISTRY.evidence(JOINT), tau_effect=lam.priors.HalfNormal(1000, unit="mL/year"), bias=None
    )
    assert wide.effect.interval().low < 0
    unsure = headline(replace(whole, joint=wide, omissions=()))
    assert "neither a benefit nor a harm is shown" in unsure
    close = next(one.joint for one in whole.sets if one.name == "without Neurohr 2011")
    assert close.prediction().low > 0
    assert "A new study" not in headline(replace(whole, joint=close))


def test_who_moved_the_answer_is_who_moves_it(whole):
    joint = whole.joint.effect.mean
    moved = {m.kind: abs(joint - m.without.mean) for m in whole.designs.moves}
    assert max(moved, key=moved.get) == "before_after"
    text = movers(whole)
    assert text.startswith(
        "Without before-after series (30% of the information) it would be 123 mL/year: they move it up"
    )
    assert "do not disagree with them beyond chance" in text
    keep = [i for i, s in enumerate(whole.table.studies) if whole.joint.rows.kinds[s] != "before_after"]
    rest = lam.synthesis.joint(whole.table.subset(keep))
    assert round(rest.effect.mean) == 123, "the sentence, made again from the rows without them"


def test_where_a_design_is_needed_the_paragraph_says_so(whole):
    keep = [i for i, s in enumerate(whole.table.studies) if s in ("bee-2018", "johnson-1999", "chang-2014")]
    few = lam.synthesis.joint(whole.table.subset(keep))
    text = movers(replace(whole, joint=few, designs=compare_designs(few)))
    assert "would not be identified" in text
    assert "would not be identified" not in movers(whole)


def test_shares_and_pairs(whole):
    total = sum(m.share for m in whole.designs.moves) + whole.designs.prior
    assert total == pytest.approx(100)
    frame = whole.joint.by_design().set_index("designs")
    for a, b, said in whole.designs.pairs:
        mean = frame.loc[f"{a} + {b}", "effect"]
        assert (said is None) == (mean != mean)
        assert said is None or said.mean == pytest.approx(mean)


def test_json_carries_the_joint_synthesis(whole):
    shape = json.loads(json.dumps(answer_shape(whole), default=str))
    assert shape["lead"] == "joint"
    assert shape["mu"] is None
    assert "no mean in common" in shape["not_pooled"]
    assert shape["joint"]["effect"]["mean"] == pytest.approx(158.523, abs=6e-4)
    assert {m["kind"] for m in shape["joint"]["by_design"]} == set(whole.joint.rows.kinds.values())
    assert shape["joint"]["design_text"] == whole.joint.design_text()
    assert shape["sets"][0]["joint"]["mu"] == pytest.approx(178.280, abs=6e-4)
    assert len(shape["leave_one_out"]) == 7


def test_other_questions_have_no_joint_key():
    assert "joint" not in answer_shape(whole_answer(REGISTRY, "fev1-slope-difference-randomised"))


def test_options_of_a_mean_are_refused_and_the_remedy_works():
    with pytest.raises(OptionError, match="leave these options out"):
        answer(REGISTRY, JOINT, {"tau2": "DL"})
    assert answer(REGISTRY, JOINT, {}).joint is not None


def test_a_joint_question_without_an_answer_says_why():
    lone = REGISTRY.question(JOINT)
    gone = ("gupta-2019-nhlbi", "johnson-1999", "chang-2014", "mccormack-2011", "taveira-dasilva-2004")
    asked = varied(lone, Variation("treated", "x", leave_out=gone))
    with pytest.raises(NotEstimable, match="not identified"):
        lam.synthesis.joint(REGISTRY.evidence(asked))


def invoke(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


def test_verbs_show_every_row_the_paragraph_and_the_priors(whole):
    texts = {
        "table": invoke("table", JOINT).stdout,
        "explain": explanation(whole),
        "bayes": invoke("bayes", JOINT).stdout,
    }
    for verb in ("table", "explain"):
        assert all(label in texts[verb] for label in whole.table.labels)
    for verb in ("explain", "bayes"):
        assert whole.joint.design_text() in texts[verb]
        assert "effect: mean 159, SD 49, 95% 74 to 266" in texts[verb]
        assert "tau_bias" in texts[verb]
    assert json.loads(invoke("bayes", JOINT, "--json").stdout)["effect"]["mean"] == pytest.approx(158.523, abs=6e-4)


def test_verbs_that_do_not_apply_say_what_does():
    tau = invoke("bayes", JOINT, "--tau", "HalfNormal(36)")
    assert tau.exit_code == 2
    assert "leave it out, or give lam.synthesis.joint(table) its priors by name" in tau.output
    assert lam.synthesis.joint(REGISTRY.evidence(JOINT), tau_effect=lam.priors.HalfNormal(36, unit="mL/year")).k == 10
    graded = invoke("grade", JOINT)
    assert graded.exit_code == 1
    assert f"lamevidence pool {JOINT}" in graded.output
    pooled = invoke("pool", JOINT, "--tau2", "DL")
    assert pooled.exit_code == 2
    assert "leave these options out" in pooled.output


def test_the_forest_is_by_design_with_the_joint_diamond_and_a_new_study(whole):
    plot = lam.forest(whole.joint)
    rows = plot.rows.set_index("key")
    assert rows.loc["pooled", ["estimate", "low", "high"]].tolist() == pytest.approx(
        [158.523, 73.533, 265.606], abs=6e-4
    )
    assert rows.loc["prediction", ["low", "high"]].tolist() == pytest.approx(list(whole.joint.prediction()))
    studies = rows[rows.kind == "study"].set_index("study")
    assert list(studies.group.drop_duplicates()) == [
        "Trials with an untreated arm",
        "Before-after series",
        "Series on the drug alone",
        "Untreated cohorts",
    ]
    # what a study prints on the drug minus off it: MILES 12 − (−144), SE √(24² + 24²)
    miles = studies.loc["mccormack-2011"]
    assert miles.estimate == 156
    assert miles.high - miles.low == pytest.approx(2 * 1.959964 * 2**0.5 * 24, rel=1e-6)
    assert studies.loc[["bee-2018", "johnson-1999"]].estimate.isna().all()
    assert studies.loc["mccormack-2011", "label"] == "McCormack 2011 (MILES)"
    alone = rows[rows.kind == "subgroup"]
    assert alone.group.tolist() == ["Trials with an untreated arm"], "the others do not tell the effect by themselves"
    (said,) = (m.alone for m in whole.designs.moves if m.kind == "controlled")
    assert alone.estimate.tolist() == [said.mean]


def _words(plot) -> str:
    return " ".join(mark.text for mark in plot.layout.marks if isinstance(mark, Text))


def test_options_of_rows_that_are_pooled_do_not_apply_to_it(whole):
    for option in ({"columns": ["n"]}, {"rob": True}, {"overall_test": True}, {"sort": "year"}):
        with pytest.raises(OptionError, match="show the rows with group=None"):
            lam.forest(whole.joint, **option)
    drawn = lam.forest(whole.joint, group=None, sort="estimate")
    assert (drawn.rows.kind == "study").sum() == 10
    with pytest.raises(OptionError, match="shrinkage"):
        lam.forest(whole.joint, shrinkage="maybe")
    assert "Left out at this width: printed slopes." in _words(lam.forest(whole.joint, width=120))
    assert "Left out at this width" not in _words(lam.forest(whole.joint))
    plain = lam.forest(whole.joint, shrinkage=False, pi=False, level=0.5)
    assert "prediction" not in set(plain.rows.kind)
    low, high = whole.joint.effect.interval(0.5)
    assert plain.rows.set_index("key").loc["pooled", ["low", "high"]].tolist() == pytest.approx([low, high])


def test_forest_of_a_frame_names_studies_by_their_ids():
    frame = pd.DataFrame(
        {"study": ["a, b", "a, b", "c"], "y": [-1.0, 2.0, -1.5], "se": [1.0, 1.0, 1.0], "on": [0, 1, 0]}
    )
    post = lam.synthesis.joint(frame, yi="y", sei="se", study="study", treated="on")
    assert lam.forest(post).rows.label.tolist()[:2] == ["a, b", "c"]


def test_run_writes_the_folder_of_the_question(whole, tmp_path: Path):
    written = write_answer(whole, tmp_path, Look("revman", WIDE, False))
    names = {path.name for path in (tmp_path / JOINT).iterdir()}
    assert names == {
        "results.json",
        "studies.csv",
        "summary.csv",
        "answer.txt",
        "forest.png",
        "forest.pdf",
        "forest.svg",
    }
    summary = pd.read_csv(tmp_path / JOINT / "summary.csv").set_index("term")
    assert summary.loc["effect", "estimate"] == pytest.approx(158.523, abs=6e-4)
    assert summary.loc["effect", "engine"] == "joint"
    results = json.loads((tmp_path / JOINT / "results.json").read_text(encoding="utf-8"))
    assert results["answer"]["joint"]["design_text"] == whole.joint.design_text()
    assert "With sirolimus" in written.shown


def test_a_multiverse_of_pooled_means_is_refused_and_the_remedy_works(whole):
    with pytest.raises(NotEstimable, match=r"\.sensitivity\(\)"):
        lam.checks.multiverse(JOINT, REGISTRY)
    assert "no bias term" in set(lam.synthesis.joint(REGISTRY.evidence(JOINT)).sensitivity().variant)


def test_nothing_of_a_joint_question_ends_in_a_traceback():
    excluded = (ExcludedStudy("midas-registry", "x"),)
    for outcome, unit in (("fev1_slope", "mL/year"), ("fvc_slope", "mL/year"), ("six_minute_walk_slope", "m/year")):
        asked = question(outcome, unit, exclude=excluded)
        try:
            lam.synthesis.joint(REGISTRY.evidence(asked))
        except LamEvidenceError as error:
            assert " · " in str(error)  # noqa: PT017
