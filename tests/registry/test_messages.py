# ruff: noqa: E501  a message is quoted whole
"""Every bad input of a record gets its own message, remedy and place: exact snapshots."""

from __future__ import annotations

import pytest

from lamevidence.registry.codes import CODES
from tests.registry.bad_records import RECORD, injured, problems_in, told

# name, edits of the record of `bad_records`, what `check` says: "CODE line:column message | remedy"
CASES: list[tuple[str, list[tuple[str, str]], list[str]]] = [
    (
        "tab",
        [("    kind: continuous", "\tkind: continuous")],
        ["LE001 15:1 not valid YAML: tab used for indentation | use two spaces"],
    ),
    (
        "bad indent",
        [("    kind: continuous", "   kind: continuous")],
        [
            "LE001 15:4 not valid YAML: expected <block end>, but found '<block mapping start>' | indent the fields of one mapping alike, two spaces a level, and write `field: value`"
        ],
    ),
    (
        "two documents",
        [("arms:", "---\narms:")],
        ["LE001 10:1 more than one YAML document in the file | one file per study: remove the line ---"],
    ),
    (
        "unclosed quote",
        [("label: Doe 2011", 'label: "Doe 2011')],
        [
            "LE001 8:27 not valid YAML: expected <block end>, but found '<scalar>' | a quote may be open, or a comma missing, here or above"
        ],
    ),
    (
        "duplicate key",
        [("    value: 1\n", "    value: 1\n    value: 2\n")],
        ["LE002 22:5 `value` given twice (lines 21 and 22) | keep one"],
    ),
    (
        "anchor",
        [("label: Doe 2011", "label: &a Doe 2011")],
        ["LE007 2:8 anchor &a: records use no anchors or aliases | write the value out at each place"],
    ),
    (
        "alias",
        [("label: Doe 2011", "label: *a")],
        [
            "LE007 2:8 an alias: records use no anchors or aliases | write the value out, or put text that starts with * in quotes"
        ],
    ),
    (
        "tag",
        [("label: Doe 2011", "label: !!str Doe 2011")],
        ["LE007 2:8 tag tag:yaml.org,2002:str: records use no tags | write the plain value"],
    ),
    (
        "misspelt field",
        [("    value: 1\n", "    valeu: 1\n")],
        [
            "LE102 14:5 `value` is missing | add it; what the source does not say is written not_reported",
            "LE101 21:5 unknown field `valeu` | did you mean `value`? allowed here: id, outcome, phase, timeframe, follow_up, p_between, at, population, note, not_poolable, basis, because, acknowledge, kind, arm, statistic, value, unit, dispersion, n, n_note, p",
        ],
    ),
    (
        "missing dispersion",
        [("    dispersion: {type: se, value: 2}\n", "")],
        [
            "LE102 14:5 `dispersion` is missing | say what the printed ± or interval is: `{type: se | sd | ci | iqr | range, …}`, or `dispersion: not_reported`"
        ],
    ),
    (
        "missing kind",
        [("    kind: rate\n", "")],
        ["LE102 36:5 `kind` is missing | a finding is continuous, dichotomous, rate, contrast, paired, direction"],
    ),
    (
        "unknown kind",
        [("kind: rate", "kind: rates")],
        [
            "LE106 37:11 unknown kind of finding `rates` | did you mean `rate`? choices: continuous, contrast, dichotomous, direction, paired, rate"
        ],
    ),
    (
        "text for number",
        [("value: 0.62", "value: n.s.")],
        ["LE103 25:16 `n.s.` is not a number | a bound on p is `p: {greater_than: 0.05}`; other bounds go into `note`"],
    ),
    (
        "p as text",
        [("p: {value: 0.62}", "p: n.s.")],
        [
            "LE103 25:8 `p: n.s.` is not a number | a bound on p is `p: {greater_than: 0.05}`; other bounds go into `note`"
        ],
    ),
    (
        "p below",
        [("p: {value: 0.62}", "p: <0.001")],
        [
            "LE103 25:8 `p: <0.001` is not a number | a bound on p is `p: {less_than: 0.001}`; other bounds go into `note`"
        ],
    ),
    (
        "p bare",
        [("p: {value: 0.62}", "p: 0.62")],
        ["LE107 25:8 p is a mapping | write `p: {value: 0.62}`, or less_than or greater_than for a bound"],
    ),
    (
        "p two",
        [("p: {value: 0.62}", "p: {value: 0.62, less_than: 0.7}")],
        ["LE102 25:8 p has 2 of value, less_than, greater_than | give exactly one"],
    ),
    (
        "p above one",
        [("p: {value: 0.62}", "p: {value: 62}")],
        ["LE116 25:16 p 62 is not between 0 and 1 | write the p value as printed; for `< 0.001` use less_than"],
    ),
    (
        "number in quotes",
        [("value: 1\n", 'value: "1"\n')],
        ['LE103 21:12 "1" in quotes is text, not a number | write 1 without quotes'],
    ),
    (
        "NA",
        [("n: 46\n    p", "n: NA\n    p")],
        ["LE103 24:8 `NA` is not a number | the number of patients is a whole number, or not_reported"],
    ),
    (
        "percent sign",
        [("affected: 16", "affected: 44%")],
        ["LE103 32:15 `44%` is not a number | the count is a whole number, or not_reported"],
    ),
    (
        "unicode minus",
        [("value: 1\n", "value: −1\n")],
        ['LE111 21:12 number uses the typographic minus "−" (U+2212) | write -1'],
    ),
    (
        "unicode minus and comma",
        [("value: 1\n", "value: −1,5\n")],
        ['LE111 21:12 number uses the typographic minus "−" (U+2212) and a decimal comma | write -1.5'],
    ),
    ("decimal comma", [("value: 1\n", "value: 3,5\n")], ["LE112 21:12 `3,5` is not a number | write 3.5"]),
    ("middle dot", [("value: 1\n", "value: 3·5\n")], ["LE112 21:12 `3·5` is not a number | write 3.5"]),
    (
        "thousands",
        [("value: 1\n", "value: 1,234\n")],
        ["LE113 21:12 `1,234` is ambiguous: 1.234 or 1234? | write it without a separator, with a decimal point"],
    ),
    (
        "thousands twice",
        [("value: 1\n", "value: 1,234,567\n")],
        ["LE113 21:12 `1,234,567` has a thousands separator | write 1234567"],
    ),
    (
        "thousands space",
        [("value: 1\n", "value: 1 234\n")],
        ["LE113 21:12 `1 234` has a thousands separator | write 1234"],
    ),
    (
        "nan",
        [("value: 1\n", "value: .nan\n")],
        ["LE114 21:12 `.nan` is not data | write not_reported, or delete the field"],
    ),
    (
        "inf",
        [("value: 1\n", "value: -.inf\n")],
        ["LE114 21:12 `-.inf` is not data | write not_reported, or delete the field"],
    ),
    (
        "huge",
        [("value: 1\n", "value: 1e999\n")],
        ["LE114 21:12 `1E+999` is beyond what a printed number can be | write the printed digits"],
    ),
    (
        "huge int",
        [("value: 1\n", "value: 99999999999999999999999999999999999999999999999999999999999999999999999999999999\n")],
        [
            "LE114 21:12 `9999999999999999999999999999999999999...` is beyond what a printed number can be | write the printed digits"
        ],
    ),
    (
        "plus minus",
        [("value: 1\n", "value: 1 ± 2\n")],
        [
            "LE115 21:12 `1 ± 2`: what is ±2? | `value: 1` and `dispersion: {type: se, value: 2}` or `type: sd`; the table's legend says which"
        ],
    ),
    (
        "bare dispersion",
        [("dispersion: {type: se, value: 2}", "dispersion: 2")],
        [
            "LE115 23:17 dispersion `2`: what is it? | `dispersion: {type: se, value: 2}`, or sd, ci, iqr, range; the table's legend says which"
        ],
    ),
    (
        "unknown unit",
        [("unit: mL/month", "unit: ml/mnth")],
        [
            "LE121 22:11 unknown unit `ml/mnth` | did you mean `mL/month`? allowed: mL, L, cm3, %pred, %, mL/mmHg/min, mmol/kPa/min, mm, cm, m, pg/mL, ng/mL, points, ratio, mmHg, N, kg-force, day, week, month, year, patients, events, episodes, lesions; each alone or with /day /week /month /year; person-year and its kin"
        ],
    ),
    (
        "quantity without unit",
        [("follow_up: 12 month", "follow_up: 12")],
        ["LE121 43:16 `12` has no unit | write a number and its unit: `12 month`"],
    ),
    (
        "wrong dimension",
        [("unit: mL/month", "unit: mL")],
        [
            "LE122 22:11 fev1_slope in `mL` has no time | `mL/year`? allowed dimensions: volume/time, percent-predicted/time"
        ],
    ),
    (
        "person time unit",
        [("follow_up: 12 month", "person_time: 12 month")],
        ["LE122 43:18 person_time in month is a time | write it in person-year"],
    ),
    (
        "negative se",
        [("{type: se, value: 2}", "{type: se, value: -2.0}")],
        ['LE104 23:35 standard error must be positive (-2.0) | an SE has no sign; "−12 ± 2.0" is value -12, se 2.0'],
    ),
    (
        "zero se",
        [("{type: se, value: 2}", "{type: se, value: 0}")],
        [
            "LE105 23:35 a zero standard error would take all the weight | rounded? give the interval or more digits, or type not_reported with a note"
        ],
    ),
    (
        "negative sd",
        [("{type: se, value: 2}", "{type: sd, value: -2.0}")],
        [
            'LE104 23:35 standard deviation must be positive (-2.0) | an SD has no sign; "−12 ± 2.0" is value -12, sd 2.0'
        ],
    ),
    (
        "outside ci",
        [("value: 74.36\n", "value: 7.436\n")],
        [
            'LW503 52:12 7.436 does not occur in the printed cell "74.36" | typo in one of them?',
            "LE211 54:17 7.436 is not in [15.87, 132.85] | sign lost on a bound, or the interval of another arm?",
        ],
    ),
    (
        "reversed ci",
        [("low: 15.87, high: 132.85", "low: 132.85, high: 15.87")],
        [
            "LE212 54:33 lower 132.85 > upper 15.87 | swapped? For a decline printed as a positive number write both bounds with a minus, the larger decline as `low`"
        ],
    ),
    (
        "no level",
        [("high: 132.85, level: 95", "high: 132.85")],
        ["LE102 54:17 `level` is missing for a confidence interval | write `level: 95`, as printed"],
    ),
    (
        "level fraction",
        [("high: 132.85, level: 95", "high: 132.85, level: 0.95")],
        ["LE116 54:61 level 0.95 is not a percentage | write level: 95"],
    ),
    (
        "arms",
        [("enrolled: 89", "enrolled: 98")],
        [
            "LE231 9:55 arms 46 + 43 = 89, enrolled 98 | dropouts? `randomised` counts patients at randomisation; record what is printed and acknowledge LE231 with a discrepancy"
        ],
    ),
    (
        "affected above",
        [("affected: 16", "affected: 52")],
        [
            "LE241 32:15 52 patients affected of 36 at risk | events counted, not patients? then `kind: rate` with `events` and `person_time`",
            'LW503 32:15 52 does not occur in the printed cell "16/36" | typo in one of them?',
        ],
    ),
    (
        "fractional",
        [("affected: 16", "affected: 44.4")],
        [
            "LE242 32:15 affected 44.4 is not a whole number | 44.4 % of 36 = 15.98 · a percentage goes into `percent: 44.4`"
        ],
    ),
    (
        "events fractional",
        [("events: 275", "events: 26.1")],
        ["LE242 41:13 the count 26.1 is not a whole number | count patients, events, records: no percentage"],
    ),
    (
        "events negative",
        [("events: 275", "events: -3")],
        [
            "LE243 41:13 the count must be a whole number, zero or more, not `-3` | write the number that the source prints"
        ],
    ),
    (
        "n zero",
        [("n: 46\n    p", "n: 0\n    p")],
        [
            "LE243 24:8 the number of patients must be a positive whole number, not `0` | write the number that the source prints"
        ],
    ),
    (
        "n fraction",
        [("n: 46\n    p", "n: 45.5\n    p")],
        [
            "LE243 24:8 the number of patients 45.5 is not a whole number | count patients, events, records: no percentage"
        ],
    ),
    (
        "rate without time",
        [("    follow_up: 12 month\n", "")],
        [
            "LE244 36:5 a rate needs `person_time` or `follow_up` | add what the source prints, or say `not_poolable: no follow-up time is printed`"
        ],
    ),
    (
        "duplicate finding",
        [("id: response", "id: slope")],
        ["LE301 27:9 id slope is used twice in `findings` (lines 14 and 27) | give each its own id"],
    ),
    (
        "file name",
        [("id: doe-2011", "id: doe-2012")],
        [
            "LE303 1:5 id doe-2012 in a file named doe-2011.yaml | rename the file to doe-2012.yaml, or write `id: doe-2011`"
        ],
    ),
    (
        "unknown arm",
        [
            (
                "arm: sirolimus\n    phase: on_treatment\n    timeframe",
                "arm: sirolimis\n    phase: on_treatment\n    timeframe",
            )
        ],
        ["LE304 17:10 unknown arm `sirolimis` | did you mean `sirolimus`? choices: placebo, sirolimus"],
    ),
    (
        "unknown source",
        [("at: {source: main, table", "at: {source: mian, table")],
        ["LE304 26:18 unknown publication `mian` | did you mean `main`? choices: main"],
    ),
    (
        "unknown outcome",
        [("outcome: fev1_slope", "outcome: fev_slope")],
        [
            "LE106 16:14 unknown outcome `fev_slope` | did you mean `fev1_slope`? choices: fev1_slope, fvc_slope, rv_slope, frc_slope, fpi_slope, eq_vas_slope, vegfd_slope, tlc_slope and 85 more"
        ],
    ),
    (
        "unknown phase",
        [("phase: on_treatment", "phase: treatment")],
        [
            "LE106 18:12 `treatment` is not allowed here | did you mean `on_treatment`? allowed: baseline, pre_treatment, on_treatment, placebo, observation, whole_study, natural_history, comparator"
        ],
    ),
    (
        "no at",
        [('    at: {source: main, table: "2", printed: "1±2"}\n', "")],
        [
            'LE501 14:5 the finding has no place in print: `at` is missing | add `at: {source: main, table: "2", row: …, printed: "…"}`; nothing is pooled without'
        ],
    ),
    (
        "at without place",
        [('{source: main, table: "2", printed: "1±2"}', "{source: main}")],
        [
            "LE501 26:9 the locator names a source but no place in it | add one of page, table, row, column, figure, section; nothing is pooled without"
        ],
    ),
    (
        "doi space",
        [("10.1000/xyz", '"10.1000/x yz"')],
        ["LE502 8:72 `10.1000/x yz` has a space | expected 10.xxxx/suffix (URL prefixes are stripped)"],
    ),
    (
        "pmid",
        [('pmid: "12345678"', "pmid: PMC123")],
        ["LE502 8:91 `PMC123` is not a PMID | expected up to eight digits, in quotes"],
    ),
    (
        "pmid number",
        [('pmid: "12345678"', "pmid: 12345678")],
        ['LE107 8:91 `12345678` is not text, text is expected here | write "12345678" in quotes'],
    ),
    (
        "nct",
        [("NCT00000000", "NCT0000")],
        ["LE502 6:50 `NCT0000` is not a ClinicalTrials.gov number | expected NCT and eight digits"],
    ),
    (
        "printed lacks number",
        [('"1±2"', '"3±2"')],
        ['LW503 21:12 1 does not occur in the printed cell "3±2" | typo in one of them?'],
    ),
    (
        "retracted",
        [("year: 2011, doi", 'year: 2011, retracted: "2024-05", doi')],
        ["LW504 8:78 publication main is marked retracted (2024-05) | the study is excluded from all pools"],
    ),
    (
        "blank",
        [("label: Doe 2011", "label:")],
        ["LE108 2:1 `label` is blank | write what the source says, not_reported, or delete the field"],
    ),
    (
        "date without quotes",
        [('date: "2026-11-21"', "date: 2026-11-21")],
        ['LE107 56:51 `2026-11-21` is a date, text is expected here | write "2026-11-21" in quotes'],
    ),
    (
        "yes for true",
        [("    events: 275", "    serious: yes\n    events: 275")],
        ["LE107 41:14 `yes` is not true or false | write true"],
    ),
    (
        "list for mapping",
        [
            (
                "cohort: {condition: LAM, population: women, enrolled: 89, centre: Springfield, period: 2006-12 to 2010-09}",
                "cohort: [LAM]",
            )
        ],
        ["LE107 9:9 a list where fields are expected | write `field: value` lines, indented"],
    ),
    (
        "mapping for list",
        [
            (
                "arms:\n  - {id: sirolimus, intervention: sirolimus, randomised: 46}\n  - {id: placebo, intervention: placebo, randomised: 43}",
                "arms: {id: sirolimus}",
            )
        ],
        ["LE107 10:7 a mapping where a list is expected | start each item with `- `"],
    ),
    (
        "inferred without because",
        [("{type: se, value: 2}", "{type: se, value: 2, basis: inferred}")],
        ["LE102 23:45 `because` is missing | an inferred value needs its argument: `because: …`"],
    ),
    (
        "acknowledge unknown",
        [("    n: 46\n    p", "    acknowledge: [LE104]\n    note: as printed\n    n: 46\n    p")],
        [
            "LE106 24:19 `LE104` cannot be acknowledged | allowed: LW203, LW204, LE211, LE213, LW214, LW215, LW216, LW217, LE218, LW219, LW221, LW222, LW223, LE231, LW232, LW233, LW234, LW235, LW236, LW237, LW238, LE239, LW245, LW246, LW247, LW248, LW249, LW312, LW503"
        ],
    ),
    (
        "span reversed",
        [("from: 0 month, to: 12 month", "from: 12 month, to: 0 month")],
        ["LE212 19:16 the span ends (0 month) before it starts | write `from` before `to`"],
    ),
    (
        "self comparison",
        [("comparator: placebo", "comparator: sirolimus")],
        [
            "LE304 49:17 arm sirolimus is compared with itself | name the other arm, or use `kind: paired` for before and after"
        ],
    ),
    (
        "design",
        [("design: parallel_rct", "design: parallel-rct")],
        [
            "LE106 4:9 unknown design `parallel-rct` | did you mean `parallel_rct`? choices: before_after, case_series, open_label_single_arm, parallel_rct, pooled_safety, registry_cohort, retrospective_series"
        ],
    ),
    ("year", [("year: 2011\nreg", "year: 11\nreg")], ["LE116 5:7 `11` is not a year | write four digits"]),
    (
        "blank in quotes",
        [("label: Doe 2011", "label: ''")],
        ["LE108 2:8 the field is blank | write what the source says, not_reported, or delete the field"],
    ),
    (
        "blank block",
        [("    n: 46\n    p", "    n: 46\n    n_note: >\n    p")],
        ["LE108 25:13 the field is blank | write what the source says, not_reported, or delete the field"],
    ),
    (
        "anchor twice",
        [("label: Doe 2011", "label: &a Doe 2011"), ("title: An invented trial", "title: &a An invented trial")],
        ["LE007 2:8 anchor &a: records use no anchors or aliases | write the value out at each place"],
    ),
]


def test_the_record_itself_is_clean():
    assert told(problems_in(RECORD)) == []


@pytest.mark.parametrize(("edits", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_message(edits, expected):
    assert told(problems_in(injured(*edits))) == expected


def test_every_code_of_a_message_is_explained():
    assert {line.split()[0] for _, _, expected in CASES for line in expected} <= set(CODES)
