"""Every inconsistency known of the sources: found by a check, or said on the finding, with what is used and why.

``python -m tests.audit.test_known_inconsistencies`` writes the table that the test holds.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from lamevidence.audit import CHECKS
from lamevidence.audit.kinds import kind_of_spread
from lamevidence.registry.records import Continuous, Study
from tests.registry.bad_records import shipped

TABLE = Path(__file__).with_name("known_inconsistencies.md")

# study, what is known, the finding that holds the number, words of its note; without a finding, words of the record
KNOWN: list[tuple[str, str, str, str]] = [
    (
        "mccormack-2011",
        "Table 2 calls every ± an SD; those of the rates are SEs",
        "fev1-slope.placebo.treatment-year",
        "footnote calls every ± an SD",
    ),
    (
        "mccormack-2011",
        "walk slope marked significant, the footnote does not list it",
        "six-minute-walk-slope.sirolimus.on",
        "marked as significant within the arm",
    ),
    (
        "mccormack-2011",
        "FVC at or above baseline 10/43 v 25/46 with P<0.001",
        "fvc-not-below-baseline.sirolimus",
        "10/43 v 25/46",
    ),
    ("mccormack-2011", "race p 0.58, the table gives 0.75", "baseline.race-white.sirolimus", "3 x 2 table gives 0.75"),
    (
        "mccormack-2011",
        "events per patient are not Table 3 over the patients",
        "ae-per-patient.dermatologic.sirolimus",
        "1.9 v 3.0",
    ),
    (
        "mccormack-2011",
        "P<0.001 of serious pulmonary events is of shares of events",
        "sae.pulmonary-upper-respiratory.sirolimus.on",
        "shares of serious events",
    ),
    (
        "mccormack-2011",
        "FVC difference 226 and 230 mL",
        "fvc-change.difference.discussion",
        "226 mL in the results",
    ),
    (
        "mccormack-2011",
        "8.44 points exceed half an SD of the change only",
        "eq-vas-change.difference",
        "half an SD of the change",
    ),
    (
        "mccormack-2011",
        "observation slope -8±2 with p 0.005",
        "fev1-slope.placebo.observation",
        "p 0.005 for the slope",
    ),
    ("mccormack-2011", "slope times 12 is not the mean change", "fev1-change.placebo", "slope times 12"),
    ("mccormack-2011", "the copy read misprints the disease", "", "lymphangiomyomatosis"),
    ("mccormack-2011", "column sums of Table 3 (they agree)", "sae.all.placebo.treatment-year", "each split adds up"),
    ("mccormack-2011", "means of all patients are cut, not rounded", "fvc.baseline.all", "cut rather than rounded"),
    ("yao-2014", "the copy of the editorial lost two rows", "", "has lost the row 2016"),
    ("yao-2014", "the copy of the editorial prints other effects in this row", "", "prints that row's effects here"),
    ("bissler-2008", "the copy of the editorial lost 20 of the sample size", "", 'has lost "20 (AML)"'),
    ("harari-2016", "years fused with reference numbers", "", "fused with reference numbers"),
    (
        "mccormack-2011",
        "the editorial has FRC and air trapping decreased",
        "editorial.frc",
        "has FRC rising",
    ),
    ("mccormack-2011", "the editorial has FEV1 improved", "editorial.fev1", "FEV1 listed as improved"),
    ("bee-2018", "a 3-year follow-up is a mean of 35.8 months", "", "3-year follow-up"),
    (
        "taveira-dasilva-2011",
        "the editorial has FVC improved, the abstract does not report it",
        "fvc.direction",
        "lists FVC as improved",
    ),
    ("leiomyomatosis-2024", "Wilson intervals, one limit 7.05 printed 7.1", "objective-response", "Wilson intervals"),
    (
        "leiomyomatosis-2024",
        "responses later than the median follow-up",
        "objective-response",
        "not followed long enough",
    ),
    (
        "leiomyomatosis-2024",
        "times and durations fit in one way only",
        "duration-of-response.3",
        "fit the longest follow-up",
    ),
    ("leiomyomatosis-2024", "progression-free survival without a figure", "", "Progression-free survival"),
    ("pneumothorax-series-2018", "case 5 walks 480 or 500 m", "walk.case-5.text", "Table 1 prints 500"),
    (
        "pneumothorax-series-2018",
        "no pneumothorax on treatment, or one",
        "pneumothorax-patients.on.abstract",
        "have one, at a level",
    ),
    ("pneumothorax-series-2018", "case 5, two levels or one", "level.case-5.month-1", "two measurements in the text"),
    ("pneumothorax-series-2018", "case 5, VEGF-D 2685.88 or 2685.8", "vegfd.case-5.text", "2685.8; which is cut"),
    (
        "pneumothorax-series-2018",
        "case 4, levels outside the range of the table",
        "level.case-4.on-anti-tb",
        "3-8 in Table 1",
    ),
    (
        "pneumothorax-series-2018",
        "case 4, 1-3 or 3.9 with anti-tuberculosis drugs",
        "level.case-4.on-anti-tb",
        "1-3 ng/mL on 2 mg/day",
    ),
    (
        "pneumothorax-series-2018",
        "case 3, 6 earlier episodes or at most 4",
        "pneumothorax.pre.case-3",
        "6 earlier episodes",
    ),
    ("pneumothorax-series-2018", "case 5, 2 earlier episodes or more", "pneumothorax.pre.case-5", "2 earlier episodes"),
    (
        "pneumothorax-series-2018",
        "case 1, every 2 weeks or after 5, 3 and 2",
        "pneumothorax.pre.case-1",
        "every 2 weeks",
    ),
    ("pneumothorax-series-2018", "delayed wound healing in no case", "", "Delayed wound healing"),
    ("pneumothorax-series-2018", "adverse effects called mild", "", "Adverse effects are called mild"),
    ("pneumothorax-series-2018", "better exercise capacity without a test before", "", "Better exercise capacity"),
    ("pneumothorax-series-2018", "Table 1 explains rows that it does not have", "", "none of which has a row"),
    (
        "pneumothorax-series-2018",
        "FEV1/FVC in percent of predicted contradicts its parts",
        "fev1-fvc-pct.case-2",
        "make 115",
    ),
    (
        "pneumothorax-series-2018",
        "ratios 75.54 for 75.32 and 99 for 99.6, within rounding of the litres",
        "fev1-fvc.case-5",
        "2.35 over 3.12",
    ),
    (
        "benveniste-2021-ibm",
        "p 0.85 beside an interval that gives 0.6",
        "knee-extension-change.difference",
        "p near 0.6",
    ),
    ("benveniste-2021-ibm", "thigh and lower-limb fat fraction differ", "direction.thigh-fat-fraction", "two regions"),
    ("benveniste-2021-ibm", "serious adverse events 10/22 v 6/22 (they agree)", "sae.sirolimus", ""),
    ("benveniste-2021-ibm", "online 2020, issue 2021", "", "cited as 2021"),
    (
        "bissler-2008",
        "p values do not follow from mean, SD and n 11",
        "fvc-change.12m",
        "does not follow from mean, SD",
    ),
    ("bissler-2008", "11 or 18 patients with LAM", "", "Patients with LAM"),
    ("malinowska-2013", "falls of means and means of falls", "vegfd.stopped.12m", "means of individual changes"),
    ("taveira-dasilva-2011", "two DOIs", "", "The DOI is"),
    ("ando-2013", "9 and 7 patients in a cohort of 15", "chylous-effusion-resolved", "make 16"),
    ("yoon-2018", "0.24 of all, 0.19 and 0.22 in the groups that make it", "fev1-slope.on", "cannot average 0.24"),
    ("yoon-2018", "-0.12 of all needs 78 % weight on half of the patients", "fev1-slope.pre", "78 % weight"),
    ("hu-2019", "FVC slopes, P<0.05 printed, 0.078 if independent", "fvc-slope.change", "p = 0.078"),
    (
        "taveira-dasilva-2004",
        "progesterone v none, p 0.520 printed, 0.16 from the SEs",
        "fev1-slope-percent.im-progesterone",
        "p = 0.520",
    ),
    ("chang-2014", "p 0.35 beside an interval that gives 0.71", "fev1-slope.difference", "two-sided p of 0.71"),
    ("lu-2017-trail", "VEGF-D slope a thousandth of that of MILES", "vegfd-slope.both", "a thousandth"),
    ("wang-2020", "contradicts Gao 2018", "", "excluded"),
    ("courtwright-2017", "withdrawals add to 65, printed 68", "", "excluded"),
    ("courtwright-2017", "mean follow-up 1.4 or 1.29", "", "excluded"),
    ("courtwright-2017", "an interval wider than 52 events allow", "", "excluded"),
    ("courtwright-2017", "MILES withdrawals 7 and 5, or 12 and 12", "", "excluded"),
    ("sasongko-2015", "p 0.008 beside an interval that holds 0", "", "excluded"),
]


def said(study: Study, finding: str, words: str) -> str:
    """Return the text that has these words: of the finding where one holds the number, else of the record."""
    if not finding:
        return next((text for text in study.discrepancies if words in text), "")
    one = study.finding(finding)
    spread = getattr(one, "dispersion", None)
    return next((text for text in (one.note, spread.because if spread else "") if text and words in text), "")


def _as_the_footnote_says(study: Study) -> set[str]:
    """Return the codes of a record whose slopes have an SD, as the legend of the table has it."""
    sd = [
        replace(f, dispersion=replace(f.dispersion, kind="sd"))
        if isinstance(f, Continuous) and f.statistic == "slope"
        else f
        for f in study.findings
    ]
    return {"LW204" for _ in kind_of_spread(replace(study, findings=tuple(sd)), shipped())}


def rows() -> list[tuple[str, str, str, str]]:
    """Return study, what is known, how it is known to the program, and what the record says of it."""
    registry = shipped()
    found: dict[tuple[str, str], list[str]] = {}
    for entry in CHECKS.entries():
        for study in registry.studies:
            for doubt in entry.item(study, registry):
                found.setdefault((study.id, doubt.finding.id), []).append(entry.code)
    out = []
    for name, what, finding, words in KNOWN:
        if name not in registry.by_id:
            paper = next(p for p in registry.excluded if p.name == name)
            out.append((name, what, "not a record", paper.reason))
            continue
        study = registry.study(name)
        codes = found.get((name, finding), [])
        if not codes and "calls every ±" in what:
            codes = [f"{code} if recorded so" for code in _as_the_footnote_says(study)]
        text = said(study, finding, words) if words else ""
        if codes:
            note = "" if "if recorded so" in codes[0] else study.finding(finding).note
            state = "acknowledged" if note else "recorded otherwise"
            out.append((name, what, f"{', '.join(codes)} at {finding}, {state}", note or text))
        else:
            out.append((name, what, f"said at {finding}" if finding else "said of the record", text))
    return out


def table() -> str:
    """Return the table."""
    lines = ["# Known inconsistencies of the sources", ""]
    every = rows()
    by_check = sum(how.startswith("L") for _, _, how, _ in every)
    lines += [
        f"{len(every)} known: {by_check} found by a check and answered on the finding, "
        f"{sum(how.startswith('said at') for *_, how, _ in every)} said on the finding, "
        f"{sum(how.startswith('said of') for *_, how, _ in every)} of no finding said in the record, "
        f"{sum(how == 'not a record' for *_, how, _ in every)} of reviews that are no record.",
        "",
        "| study | what | how it is known | what the record says |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {what} | {how} | {' '.join(text.split()).replace('|', '/')} |" for name, what, how, text in every
    ]
    return "\n".join([*lines, ""])


def test_each_is_found_or_said():
    for name, what, how, text in rows():
        assert text or "agree" in what, (name, what, how)


def test_table():
    assert table() == TABLE.read_text(encoding="utf-8"), "python -m tests.audit.test_known_inconsistencies"


def test_what_a_finding_says_is_not_said_of_the_record_too():
    registry = shipped()
    for name, _, finding, words in KNOWN:
        if finding and words:
            assert not [text for text in registry.study(name).discrepancies if words in text], (name, finding)


def test_what_a_check_finds_is_acknowledged_with_words():
    registry = shipped()
    for study in registry.studies:
        for finding in study.findings:
            if finding.acknowledge:
                assert finding.note, (study.id, finding.id)


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
    print(table())
