"""Each check on numbers that agree, and on the same numbers with one planted error: its code, at its field."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lamevidence.audit import CHECKS, audit
from lamevidence.audit.kinds import kind_evidence
from lamevidence.audit.p_values import two_by_two
from lamevidence.audit.proportions import debit, grimmer, proportion_intervals
from lamevidence.audit.sums import breakdown_fault
from lamevidence.foundation.lineage import Reported
from lamevidence.registry.codes import ACKNOWLEDGED
from lamevidence.reports.answer import whole_answer
from tests.audit.build import Raw, continuous, contrast, dichotomous, direction, paired, rate, read, record
from tests.registry.bad_records import shipped

BASE, ON = "baseline", "on_treatment"


def codes(*findings, **head) -> list[str]:
    """Return ``CODE finding.field`` of all that the audit says of a record."""
    registry = read(record(*findings, **head))
    ids = [f["id"] for f in findings]
    out = []
    for p in audit(registry):
        _, number, field = p.where.replace("]", "[").split("[")[:3]
        out.append(f"{p.code} {ids[int(number)]}{field}")
    return out


def change(arm, value, spread, n, **more):
    """A change with its SD."""
    return continuous(
        f"change.{arm}", "fev1_change", arm, value, "mL", spread, n, statistic="change", span=(0, 12), **more
    )


# Welch's test of 19 ± 124 (41) against -134 ± 182 (34): p = 0.0001
PLACEBO = change("placebo", "-134", ("sd", "182"), 34)


def treated(value="19", sd="124", p="0.0001", **more):
    return change("sirolimus", value, ("sd", sd), 41, p_between={"value": p, "against": "change.placebo"}, **more)


def test_between_arms():
    assert stats.ttest_ind_from_stats(19, 124, 41, -134, 182, 34, equal_var=False).pvalue == pytest.approx(
        1.08e-4, 0.01
    )
    assert codes(PLACEBO, treated()) == []


@pytest.mark.parametrize("wrong", [{"value": "-19"}, {"p": "0.1"}, {"sd": "1240"}])
def test_between_arms_disagree(wrong):
    assert "LW216 change.sirolimus.p_between" in codes(PLACEBO, treated(**wrong))


def response(arm, affected, at_risk, **more):
    return dichotomous(f"response.{arm}", "aml_response", arm, affected, at_risk, **more)


@pytest.mark.parametrize(
    ("p", "test", "expected"),
    [
        ("0.347", "Fisher exact", []),
        ("0.21", "chi-square", []),
        ("0.35", "", []),
        ("0.21", "Fisher exact", ["LW217 response.sirolimus.p_between"]),
        ("0.03", "", ["LW217 response.sirolimus.p_between"]),
    ],
)
def test_two_by_two(p, test, expected):
    other = response("placebo", 6, 22)
    mine = response("sirolimus", 10, 22, p_between={"value": p, "test": test, "against": "response.placebo"})
    assert codes(other, mine) == expected


def test_two_by_two_against_scipy():
    for a, n1, c, n2 in [(10, 22, 6, 22), (13, 18, 2, 23), (5, 43, 21, 46), (0, 10, 3, 12), (7, 7, 1, 9)]:
        table, found = [[a, n1 - a], [c, n2 - c]], two_by_two(a, n1, c, n2)
        assert found["Fisher"] == pytest.approx(stats.fisher_exact(table)[1], rel=1e-9)
        assert found["chi-square"] == pytest.approx(stats.chi2_contingency(table, correction=False)[1], rel=1e-9)
        assert found["Yates"] == pytest.approx(stats.chi2_contingency(table, correction=True)[1], rel=1e-9)
        g = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")[1]
        assert found["likelihood ratio"] == pytest.approx(g, rel=1e-9)


@pytest.mark.parametrize(
    ("x", "n", "low", "high", "fine"),
    [
        (3, 15, "7.1", "45.2", True),  # Wilson, as printed in the trial of leiomyomatosis
        (13, 15, "59.5", "98.3", True),  # Clopper-Pearson
        (16, 36, "28", "61", True),  # Wald
        (3, 15, "17.1", "25.2", False),
        (3, 15, "62.1", "96.3", False),
        (16, 63, "28", "61", False),
    ],
)
def test_interval_of_a_proportion(x, n, low, high, fine):
    found = codes(response("sirolimus", x, n, interval=(low, high)), enrolled=70, arms={"sirolimus": 70})
    assert found == ([] if fine else ["LE218 response.sirolimus.interval"])


def test_intervals_of_a_proportion_against_scipy():
    for x, n in [(3, 15), (13, 15), (0, 9), (9, 9), (1, 40)]:
        found = proportion_intervals(x, n, 0.9)
        for name, method in {"Wilson": "wilson", "Wilson, corrected": "wilsoncc", "Clopper-Pearson": "exact"}.items():
            expected = stats.binomtest(x, n).proportion_ci(0.9, method)
            assert found[name] == pytest.approx((expected.low, expected.high), abs=1e-9)
        jeffreys = stats.beta(x + 0.5, n - x + 0.5).ppf([0.05, 0.95])
        assert found["Jeffreys"] == pytest.approx((0 if x == 0 else jeffreys[0], 1 if x == n else jeffreys[1]))


@pytest.mark.parametrize(
    ("measure", "value", "expected"),
    [
        # 10·21/(33·25) = 0.2545; (10/43)/(25/46) = 0.428; 10/43 − 25/46 = −0.311
        ("OR", "0.25", []),
        ("OR", "0.52", ["LW219 d.value"]),
        ("RR", "0.428", []),
        ("RR", "2.34", ["LW219 d.value"]),
        ("RD", "-0.31", []),
        ("RD", "0.13", ["LW219 d.value"]),
    ],
)
def test_a_ratio_is_that_of_the_counts(measure, value, expected):
    arms = [
        dichotomous("s", "death_or_transplantation", "sirolimus", 10, 43, span=(0, 12)),
        dichotomous("p", "death_or_transplantation", "placebo", 25, 46, span=(0, 12)),
    ]
    printed = contrast("d", "death_or_transplantation", value, "ratio", span=(0, 12), measure=measure)
    assert codes(*arms, printed, arms={"placebo": 46, "sirolimus": 43}) == expected


@pytest.mark.parametrize(("value", "expected"), [("153", []), ("135", ["LW219 d.value"]), ("-153", ["LW219 d.value"])])
def test_contrast_and_arms(value, expected):
    assert codes(PLACEBO, treated(), contrast("d", "fev1_change", value, "mL", span=(0, 12))) == expected


def test_contrast_when_an_arm_is_misread():
    # 97 recorded as 79: 226 is printed between the arms
    arms = [change("placebo", "-129", ("sd", "233"), 34), change("sirolimus", "79", ("sd", "260"), 41)]
    assert codes(*arms, contrast("d", "fev1_change", "226", "mL", span=(0, 12))) == ["LW219 d.value"]


@pytest.mark.parametrize(
    ("parts", "total", "fault"),
    [
        ([5, 13, 0, 2, 16], 18, False),  # 18 by organ, 18 by relatedness
        ([0, 18, 0, 18], 18, False),
        ([0, 0], 0, False),
        ([5, 31, 0, 2, 16], 18, True),  # 13 misread as 31: 54 is 3 × 18, and no breakdown of 18
        ([200, 75], 275, False),
        ([201, 75], 275, True),
        ([9, 9, 9], 18, True),
    ],
)
def test_breakdowns(parts, total, fault):
    assert (breakdown_fault(parts, total) is not None) == fault


def test_total_of_categories_that_is_a_multiple():
    counts = {"cardiac-general": 5, "auditory-ear": 31, "ocular-visual": 2, "cardiac-arrhythmia": 16}
    found = [rate(f"ae.{name}", "adverse_event", "sirolimus", n, category=name) for name, n in counts.items()]
    found.append(rate("ae.all", "adverse_event", "sirolimus", 18, category="all"))
    assert codes(*found) == ["LW232 ae.all.events"]


@pytest.mark.parametrize(("mean", "n", "expected"), [("2.30", 46, []), ("2.31", 46, ["LW236 ae.value"])])
def test_grim(mean, n, expected):
    finding = continuous("ae", "adverse_events_per_patient", "sirolimus", mean, "events", None, n)
    assert codes(finding) == expected


def test_grimmer_and_debit_against_all_samples():
    """Every sample of six whole numbers 0 to 4, and every count of ten, prints a mean and an SD that pass."""
    import itertools

    possible = set()
    for sample in itertools.combinations_with_replacement(range(5), 6):
        sd = f"{np.std(sample, ddof=1):.2f}"
        possible.add((sum(sample), sd))
        assert grimmer(sum(sample), 6, Reported.printed(sd))
    wrong = [
        (t, f"{s / 100:.2f}") for t in range(6, 19) for s in range(20, 120) if (t, f"{s / 100:.2f}") not in possible
    ]
    caught = [pair for pair in wrong if not grimmer(pair[0], 6, Reported.printed(pair[1]))]
    assert len(caught) / len(wrong) > 0.8
    for x in range(11):
        sample = [1] * x + [0] * (10 - x)
        assert debit(Reported.printed(f"{x / 10:.2f}"), 10, Reported.printed(f"{np.std(sample, ddof=1):.2f}"))
    assert not debit(Reported.printed("0.30"), 10, Reported.printed("0.58"))


@pytest.mark.parametrize(("spread", "expected"), [("0.48", []), ("0.84", ["LW236 share.dispersion"])])
def test_debit(spread, expected):
    share = continuous("share", "pneumothorax_recurrence", "sirolimus", "0.30", "ratio", ("sd", spread), 10)
    assert codes(share) == expected


@pytest.mark.parametrize(
    ("kind", "time", "fine"),
    [
        ("mean", "46", True),
        ("mean", "64", False),
        ("planned", "41", True),
        ("planned", "60", False),
        ("maximum", "30", True),
    ],
)
def test_person_time(kind, time, fine):
    finding = rate(
        "ae",
        "adverse_event",
        "sirolimus",
        20,
        person_time=f"{time} person-year",
        follow_up=f"{{value: 12 month, kind: {kind}}}",
    )
    assert codes(finding) == ([] if fine else ["LW246 ae.person_time"])


def test_events_per_patient():
    counted = rate("ae", "adverse_event", "sirolimus", 106, category="metabolic-laboratory")
    for mean, expected in (("2.3", []), ("3.0", ["LW249 mean.value"])):
        per = continuous(
            "mean",
            "adverse_events_per_patient",
            "sirolimus",
            mean,
            "events",
            None,
            None,
            population="metabolic-laboratory",
        )
        assert codes(counted, per) == expected


def whole(value="45.4", sd="10.6", n=89):
    arms = [
        continuous("placebo", "age", "placebo", "45.9", "year", ("sd", "10.3"), 43, phase=BASE),
        continuous("treated", "age", "sirolimus", "45.0", "year", ("sd", "10.9"), 46, phase=BASE),
    ]
    return codes(*arms, continuous("all", "age", "all", value, "year", ("sd", sd), n, phase=BASE))


def test_whole_and_parts():
    assert whole() == []
    assert whole(value="54.4") == ["LW238 all.value"]
    assert whole(sd="16.0") == ["LW238 all.dispersion"]
    assert whole(n=98) == ["LW238 all.n"] or whole(n=98) == ["LE239 all.n", "LW238 all.n"]
    counts = [dichotomous(a, "stomatitis", a, x, n) for a, x, n in (("placebo", 30, 43), ("sirolimus", 29, 46))]
    assert codes(*counts, dichotomous("all", "stomatitis", "all", 59, 89)) == []
    assert codes(*counts, dichotomous("all", "stomatitis", "all", 95, 89 + 9)) != []
    assert codes(*counts, dichotomous("all", "stomatitis", "all", 58, 89)) == ["LW238 all.affected"]


def groups(value):
    named = {"low-dose group": "0.19", "conventional-dose group": "0.22"}
    parts = [
        continuous(f"g{i}", "fev1_slope", "sirolimus", v, "%pred/month", None, None, population=p, statistic="slope")
        for i, (p, v) in enumerate(named.items())
    ]
    return codes(
        continuous("all", "fev1_slope", "sirolimus", value, "%pred/month", None, None, statistic="slope"), *parts
    )


def test_whole_outside_its_groups():
    assert groups("0.20") == []
    assert groups("0.24") == ["LW238 all.value"]


@pytest.mark.parametrize(("again", "expected"), [("480", []), ("500", ["LW237 text.value"])])
def test_printed_twice(again, expected):
    first = continuous("table", "six_minute_walk", "sirolimus", "480", "m", None, 1, statistic="value")
    text = continuous(
        "text", "six_minute_walk", "sirolimus", again, "m", None, 1, statistic="value", at={"section": "Results"}
    )
    assert codes(first, text) == expected


def test_enough_patients():
    assert codes(response("sirolimus", 16, 46)) == []
    assert codes(response("sirolimus", 16, 64)) == ["LE239 response.sirolimus.at_risk"]
    with_, without = (
        dichotomous(w, "stomatitis", "sirolimus", 3, n, population=f"patients {w} chylothorax")
        for w, n in (("with", 7), ("without", 9))
    )
    assert codes(with_, without, enrolled=16, arms={"sirolimus": 16}) == []
    assert codes(with_, without, enrolled=15, arms={"sirolimus": 15}) == ["LE239 with.at_risk"]


def spirometry(fev1, fvc, ratio, unit="%", n=1):
    volume = "%pred" if unit == "%pred" else "L"
    rows = (("fev1", "fev1", fev1, volume), ("fvc", "fvc", fvc, volume), ("ratio", "fev1_fvc", ratio, unit))
    return codes(*(continuous(i, o, "sirolimus", v, u, None, n, statistic="value") for i, o, v, u in rows))


def test_ratio_triangle():
    assert spirometry("1.85", "2.20", "84.1") == []
    assert spirometry("1.58", "2.20", "84.1") == ["LW245 ratio.value"]
    assert spirometry("81.4", "93.6", "84.06", "%pred") == []  # 87 from two reference equations: within 10 %
    assert spirometry("70", "61", "87", "%pred") == ["LW245 ratio.value"]
    assert spirometry("1.37", "2.79", "0.50", "ratio", 46) == []


def ends(start_n=41, start="1364", change_="19"):
    sd = ("sd", "400")
    return codes(
        continuous("start", "fev1", "sirolimus", start, "mL", sd, start_n, phase=BASE, span=(0, 0)),
        continuous("end", "fev1", "sirolimus", "1383", "mL", sd, 41, span=(12, 12)),
        change("sirolimus", change_, ("sd", "124"), 41),
    )


def test_change_and_ends():
    assert ends() == []
    assert ends(change_="91") == ["LW247 change.sirolimus.value"]
    assert ends(start_n=46, start="1357") == []  # five left: the starts of those who stayed are not printed
    assert ends(start_n=46, start="1753") == ["LW247 change.sirolimus.value"]


@pytest.mark.parametrize(
    ("word", "value", "expected"),
    [
        ("decreased", "-53", []),
        ("decreased", "53", ["LW248 word.direction"]),
        ("improved", "53", []),
        ("improved", "-53", ["LW248 word.direction"]),
        ("worsened", "53", ["LW248 word.direction"]),
        ("unchanged", "53", []),
    ],
)
def test_words_and_numbers(word, value, expected):
    number = change("sirolimus", value, ("sd", "124"), 41)
    assert codes(number, direction("word", "fev1", "sirolimus", word)) == expected


# value, ±, n, printed p: Neurohr 2011, changes at 3 and 6 months
NEUROHR = [("220", "82", "0.024"), ("345", "58", "0.001"), ("360", "141", "0.031"), ("488", "138", "0.006")]


@pytest.mark.parametrize(("kind", "expected"), [("se", False), ("sd", True)])
def test_kind_of_spread(kind, expected):
    rows = [
        continuous(
            f"c{i}",
            "fev1_change",
            "sirolimus",
            v,
            "mL",
            (kind, s),
            10,
            statistic="change",
            p={"value": p},
            span=(0, i + 1),
        )
        for i, (v, s, p) in enumerate(NEUROHR)
    ]
    assert ("LW204 c0.dispersion" in codes(*rows)) == expected


@pytest.mark.parametrize(
    ("study", "statistic", "kind"),
    [
        ("mccormack-2011", "slope", "se"),
        ("mccormack-2011", "change", "sd"),
        ("neurohr-2011", "change", "se"),
        ("hu-2019", "slope", "se"),  # n is not printed
        ("zhan-2018", "slope", "sd"),  # with a correlation near -0.35
        ("zhan-2018", "mean", "sd"),
    ],
)
def test_kinds_of_the_shipped_records(study, statistic, kind):
    found = {e.statistic: e for e in kind_evidence(shipped().study(study))}
    assert found[statistic].decided == kind == found[statistic].recorded


def test_pair_needs_an_unusual_correlation():
    before = continuous(
        "pre",
        "fev1_slope",
        "sirolimus",
        "-2.30",
        "mL/day",
        ("se", "0.52"),
        10,
        statistic="slope",
        phase="pre_treatment",
    )
    after = continuous("on", "fev1_slope", "sirolimus", "1.19", "mL/day", ("se", "0.26"), 10, statistic="slope")
    for p, expected in (("0.001", ["LW235 pair.p"]), ("0.0002", [])):
        assert codes(before, after, paired("pair", "fev1_slope", "sirolimus", "pre", "on", p, 10)) == expected


def test_acknowledged_code_that_is_not_found():
    fine = {**treated(), "acknowledge": ["LW216"], "note": "as printed"}
    assert codes(PLACEBO, fine) == ["LW505 change.sirolimus.acknowledge"]
    needed = {**treated(value="-19"), "acknowledge": ["LW216"], "note": "as printed"}
    assert "LW505 change.sirolimus.acknowledge" not in codes(PLACEBO, needed)


def kept_out(*findings):
    """Return the reasons that the evidence of aml-response gives for an invented study."""
    text = record(*findings).replace("condition: LAM", "condition: angiomyolipoma")
    table = read(text, others=True).evidence("aml-response")
    return "doe-2011" in table.studies, [e.reason for e in table.excluded if e.study == "doe-2011"]


def test_unacknowledged_error_keeps_a_finding_out():
    fine, wrong = response("sirolimus", 16, 46), response("sirolimus", 16, 64)
    assert kept_out(fine) == (True, [])
    said = "kept out by the audit, LE239: 64 patients, arm sirolimus has 46"
    assert kept_out(wrong) == (False, [said])
    # the remedy: the code is acknowledged, with a note
    assert kept_out({**wrong, "acknowledge": ["LE239"], "note": "lesions"}) == (True, [])


def test_shipped_registry_is_clean_or_acknowledged():
    assert [f"{p.code} {p.path}:{p.line} {p.message}" for p in audit(shipped())] == []


def test_every_check_names_its_source():
    assert all(entry.reference and entry.title for entry in CHECKS.entries())
    assert {entry.code for entry in CHECKS.entries()} <= set(ACKNOWLEDGED)


def test_one_unit():
    def pair(unit):
        ends = (("placebo", "1378", "mL"), ("sirolimus", "1357", unit))
        return codes(*(continuous(arm, "fev1", arm, v, u, ("sd", "400"), 40) for arm, v, u in ends))

    assert pair("mL") == []
    assert "LW222 sirolimus.unit" in pair("L")


def test_count_printed_twice():
    again = dichotomous("text", "stomatitis", "sirolimus", 4, 46, at={"section": "Results"})
    assert codes(dichotomous("table", "stomatitis", "sirolimus", 4, 46), again) == []
    assert codes(dichotomous("table", "stomatitis", "sirolimus", 3, 46), again) == ["LW237 text.affected"]


@pytest.mark.parametrize(("spread", "expected"), [("16.61", False), ("0.009", True)])
def test_spread_of_another_order(spread, expected):
    # 46 patients of MILES have an SE of 16.61 pg/mL/month
    mine = continuous("v", "vegfd_slope", "sirolimus", "-2", "pg/mL/month", ("se", spread), 17, statistic="slope")
    found = [p for p in audit(read(record(mine), others=True)) if p.path == "records/doe-2011.yaml"]
    assert ("LW223" in [p.code for p in found]) == expected


def test_mean_off_the_middle_of_its_interval():
    # 12 patients, 1000 ± 752: 95 % of t from 523 to 1478
    def row(mean):
        rest = {"type": "sd", "value": Raw("752"), "low": Raw("523"), "high": Raw("1478"), "level": 95}
        mine = continuous("v", "vegfd", "sirolimus", mean, "pg/mL", None, 12)
        return codes({**mine, "dispersion": rest})

    assert row("1000") == []
    assert row("1100") == ["LW214 v.dispersion"]


@pytest.mark.parametrize(("p", "doubted"), [("0.347", False), ("0.03", True)])
def test_answer_repeats_a_doubt_of_a_finding_it_uses(p, doubted):
    # the doubt stands at the placebo arm; the pool uses the other one, which may as well be wrong
    mine = response("sirolimus", 10, 22)
    other = response("placebo", 6, 22, p_between={"value": p, "test": "Fisher exact", "against": "response.sirolimus"})
    text = record(mine, other).replace("condition: LAM", "condition: angiomyolipoma")
    answer = whole_answer(read(text, others=True), "aml-response")
    said = [sentence for label, sentence in answer.doubts if label == "Doe 2011" and sentence.startswith("LW217")]
    assert bool(said) == doubted


def test_a_doubt_names_the_other_findings():
    problem = next(p for p in audit(read(record(PLACEBO, treated(value="-19")))) if p.code == "LW216")
    assert [place.partition(":")[0] for place in problem.related] == ["records/doe-2011.yaml"]
