"""Two extractions: agreement against worked examples and a recount, what differs, what is decided of it."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lamevidence as lam
from lamevidence.audit.agreement import cohen_kappa, compare_extractions
from lamevidence.audit.second_reading import (
    FOLDER,
    Decision,
    blank_decisions,
    read_decisions,
    read_second_reading,
    resolve,
    second_reading_problems,
)
from lamevidence.errors import InputError, OptionError
from lamevidence.foundation.errors import InvalidRegistry
from lamevidence.foundation.lineage import Reported
from lamevidence.registry.extractions import Extraction, extraction_of
from lamevidence.registry.files import parse_yaml, read_yaml
from lamevidence.registry.forms import blank_form, read_extraction, read_form
from lamevidence.registry.records import CheckedBy, Dispersion, PValue
from tests.cli.test_verbs import invoke
from tests.registry.bad_records import RECORD, injured, shipped
from tests.registry.test_files import write_registry


@pytest.mark.parametrize(
    ("yes_yes", "yes_no", "no_yes", "no_no", "kappa"),
    [
        (20, 5, 10, 15, 0.4),
        (45, 15, 25, 15, 0.1304),
        (25, 35, 5, 35, 0.2593),
    ],
)
def test_kappa_of_worked_examples(yes_yes, yes_no, no_yes, no_no, kappa):
    # the three worked tables of Wikipedia, "Cohen's kappa"
    pairs = [("y", "y")] * yes_yes + [("y", "n")] * yes_no + [("n", "y")] * no_yes + [("n", "n")] * no_no
    assert cohen_kappa(pairs) == pytest.approx(kappa, abs=5e-5)


WORDS = st.sampled_from(("se", "sd", "ci", "not_reported"))


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=40))
def test_kappa_of_any_readers(pairs):
    found = cohen_kappa(pairs)
    alone = len({word for pair in pairs for word in pair}) == 1
    assert (found is None) == alone
    assert cohen_kappa([(b, a) for a, b in pairs]) == found
    if found is not None:
        assert found <= 1
        assert (found == 1) == all(a == b for a, b in pairs)


def test_kappa_of_nothing():
    with pytest.raises(InputError, match="at least one pair"):
        cohen_kappa([])


KEY = ("doe-2011", "slope")


def reading(**cells: str) -> Extraction:
    return Extraction({KEY: {name.replace("__", "."): text for name, text in cells.items()}}, {KEY: "continuous"})


def test_digits_are_compared_as_they_are_printed():
    found = compare_extractions(reading(value="1.0", n="46"), reading(value="1", n="46"))
    assert (found.total.cells, found.total.agreed) == (2, 1)
    assert [(d.cell, d.first, d.second) for d in found.disagreements] == [("value", "1.0", "1")]


def test_what_neither_prints_is_no_agreement():
    found = compare_extractions(
        reading(value="1", p__value="not_reported"), reading(value="1", p__value="not_reported")
    )
    assert (found.total.cells, found.empty) == (1, 1)
    one_sided = compare_extractions(reading(p__value="0.02"), reading(p__value="not_reported"))
    assert one_sided.total.percent == 0


def test_findings_of_one_side_and_of_another_kind():
    other = Extraction(
        {KEY: {"affected": "7"}, ("doe-2011", "more"): {}}, {KEY: "dichotomous", ("doe-2011", "more"): "rate"}
    )
    found = compare_extractions(reading(value="1"), other)
    assert [(d.cell, d.first, d.second) for d in found.disagreements] == [("kind", "continuous", "dichotomous")]
    assert (found.only_first, found.only_second) == ((), (("doe-2011", "more"),))


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=20))
def test_it_is_the_same_from_both_sides(pairs):
    keys = [("doe-2011", f"f{i}") for i in range(len(pairs))]
    kinds = dict.fromkeys(keys, "continuous")
    one, other = (
        Extraction({k: {"dispersion.type": p[side]} for k, p in zip(keys, pairs, strict=True)}, kinds)
        for side in (0, 1)
    )
    there, back = compare_extractions(one, other), compare_extractions(other, one)
    assert there.by_cell == back.by_cell
    assert len(there.disagreements) == sum(a != b for a, b in pairs) == there.total.cells - there.total.agreed


def test_not_an_extraction():
    with pytest.raises(OptionError, match=r"read_extraction\(path\)"):
        compare_extractions({}, reading(value="1"))


def changed(finding):
    """A finding with every number and word that a reader takes from the source replaced."""
    other = Reported(Decimal("987.654"), "mL", Decimal("0.0005"))
    spread = Dispersion("iqr", None, other, other, None, "linear", "inferred", "because")
    new = {
        "value": other,
        "dispersion": spread,
        "interval": spread,
        "percent": other,
        "n": 987,
        "at_risk": 987,
        "affected": 654,
        "events": 654,
        "person_time": other,
        "p": PValue(Decimal("0.9876")),
        "change": other,
        "direction": "decreased",
        "note": "987.654",
        "at": replace(finding.at, printed="987.654"),
    }
    return replace(finding, **{name: value for name, value in new.items() if hasattr(finding, name)})


def test_a_form_does_not_depend_on_what_is_to_be_read():
    registry = shipped()
    for study in registry.studies:
        other = replace(study, findings=tuple(map(changed, study.findings)))
        assert blank_form(study, registry.vocabulary) == blank_form(other, registry.vocabulary)


def test_a_blank_form_asks_for_every_cell_and_is_no_extraction():
    registry = shipped()
    study = registry.study("neurohr-2011")
    text = blank_form(study, registry.vocabulary)
    form, problems = read_form(parse_yaml(text.encode(), "neurohr-2011.yaml"))
    cells = sum(map(len, extraction_of([study]).cells.values()))
    assert form is None
    assert {p.code for p in problems} == {"LE108"}
    assert len(problems) == cells + 2  # and who read, and when


def filled(text: str, **wrong: str) -> str:
    """The form of the invented record filled in from its text, with the digits that it prints."""
    study, _ = problems_and_study(text)
    cells = extraction_of([study]).cells
    lines, finding = [], ""
    for line in blank_form(study, shipped().vocabulary).split("\n"):
        if found := re.match(r"  - id: (\S+)", line):
            finding = found.group(1)
        if found := re.match(r"      (\S+): $", line):
            name = found.group(1)
            said = wrong.get(f"{finding}/{name}", cells[study.id, finding][name])
            line += f'"{said}"' if said in "=<>" else said
        lines.append(line)
    return "\n".join(lines).replace("{by: , date: }", '{by: another reader, date: "2026-11-30"}')


def problems_and_study(text: str):
    from lamevidence.registry.reader import read_study
    from lamevidence.registry.vocabulary import Vocabulary

    return read_study(parse_yaml(text.encode(), "records/doe-2011.yaml"), Vocabulary())


@pytest.fixture
def folder(tmp_path):
    root = write_registry(tmp_path / "r", {"doe-2011": RECORD})
    (root / "questions").mkdir()
    (root / FOLDER).mkdir()
    return root


def told(root) -> list[str]:
    return [f"{p.code} {p.message}" for p in second_reading_problems(lam.load_registry(root))]


def test_a_form_filled_in_alike_agrees_in_every_cell(folder):
    (folder / FOLDER / "doe-2011.yaml").write_text(filled(RECORD), encoding="utf-8")
    assert told(folder) == []
    registry = lam.load_registry(folder)
    second, _ = read_second_reading(registry)
    found = compare_extractions(extraction_of(registry.studies), second)
    assert (found.disagreements, found.only_first, found.only_second) == ((), (), ())
    assert found.total.agreed == found.total.cells > 15


@pytest.mark.parametrize(
    ("cell", "said", "was"),
    [
        ("slope/value", "2", "1"),
        ("slope/unit", "mL/year", "mL/month"),
        ("slope/dispersion.type", "sd", "se"),
        ("slope/p.relation", "<", "="),
        ("slope/p.value", "0.620", "0.62"),
        ("response/affected", "17", "16"),
        ("response/interval.high", "not_reported", "61"),
        ("ae/events", "257", "275"),
        ("ae/follow_up.value", "12 week", "12 month"),
        ("difference/dispersion.level", "90", "95"),
    ],
)
def test_each_cell_that_differs_is_found_and_no_other(folder, cell, said, was):
    (folder / FOLDER / "doe-2011.yaml").write_text(filled(RECORD, **{cell: said}), encoding="utf-8")
    assert told(folder) == [
        f"LW316 the record says {was}, the second reading {said}, and the record stands undecided",
    ]


DECIDED = """\
date: "2026-11-30"
decisions:
  - study: doe-2011
    findings: [ae]
    cells: [events]
    right: {right}
    because: "Table 3 prints {events}"
"""


def test_decisions(folder):
    form, log = folder / FOLDER / "doe-2011.yaml", folder / FOLDER / "decisions.yaml"
    form.write_text(filled(RECORD, **{"ae/events": "257"}), encoding="utf-8")
    log.write_text(DECIDED.format(right="first", events=275), encoding="utf-8")
    assert told(folder) == []
    # the second reader is right: the record has to be corrected, and the log to say what it was
    log.write_text(DECIDED.format(right="second", events=257), encoding="utf-8")
    assert [line[:5] for line in told(folder)] == ["LW316"]
    record = injured(("events: 275", "events: 257"), ('printed: "275"', 'printed: "257"'))
    (folder / "records" / "doe-2011.yaml").write_text(record, encoding="utf-8")
    assert told(folder) == ["LE315 no disagreement of the two readings about `events` of doe-2011/ae"]
    log.write_text(DECIDED.format(right="second", events=257) + "    was: 275\n", encoding="utf-8")
    assert told(folder) == []
    registry = lam.load_registry(folder)
    found = resolve(extraction_of(registry.studies), *read_second_reading(registry))
    assert found.now.total.agreed - found.as_read.total.agreed == 1
    assert found.decided == {"first": 0, "second": 1, "both": 0, "ambiguous": 0}


def test_what_a_record_claims_is_counted(folder):
    form = folder / FOLDER / "doe-2011.yaml"
    form.write_text(filled(RECORD, **{"ae/events": "257"}), encoding="utf-8")
    (folder / FOLDER / "decisions.yaml").write_text(DECIDED.format(right="first", events=275), encoding="utf-8")
    date = 'date: "2026-11-21"'

    def claim(text: str) -> None:
        path = folder / "records" / "doe-2011.yaml"
        path.write_text(RECORD.replace(date, f"{date}, checked_by: {text}"), encoding="utf-8")

    claim("{by: another reader, cells: 30, agreed: 30}")
    (line,) = second_reading_problems(lam.load_registry(folder))
    assert line.code == "LE314"
    claim("{by: another reader, " + re.search(r"`(.*)`", line.remedy).group(1) + "}")
    assert told(folder) == []
    form.unlink()
    (folder / FOLDER / "decisions.yaml").unlink()
    assert [message[:5] for message in told(folder)] == ["LE314"]
    for plain in ("not_reported", "another reader", "{by: another reader}"):
        claim(plain)
        assert told(folder) == []
    claim("{by: another reader, cells: 30, agreed: 30}")
    (folder / FOLDER).rmdir()  # a record alone, away from the forms that it was compared with
    assert told(folder) == []


def test_counts_come_in_pairs():
    text = RECORD.replace('date: "2026-11-21"', 'date: "2026-11-21", checked_by: {by: x, cells: 3}')
    _, problems = problems_and_study(text)
    assert [(p.code, p.message) for p in problems] == [("LE102", "`cells` and `agreed` belong together")]
    study, problems = problems_and_study(text.replace("cells: 3", "cells: 3, agreed: 2"))
    assert problems == []
    assert study.curation.checked_by == CheckedBy("x", "", 3, 2)


@pytest.mark.parametrize(
    ("name", "edit", "expected"),
    [
        ("doe-2011.yaml", ("value: 1\n", "value: \n"), "LE108 `value` is blank"),
        ("doe-2011.yaml", ("value: 1\n", "valeu: 1\n"), "LE101 unknown field `valeu`"),
        ("doe-2011.yaml", ("value: 1\n", "value: about 1\n"), "LE103 `about 1` is not a number"),
        ("doe-2011.yaml", ("      value: 1\n", ""), "LE102 `value` is missing"),
        ("doe-2011.yaml", ("dispersion.type: se", "dispersion.type: sem"), "LE106 `sem` is not allowed here"),
        ("doe-2011.yaml", ("id: slope", "id: slop"), "LE304 no finding `slop` in doe-2011"),
        ("doe-2011.yaml", ("- id: response", "- id: slope"), "LE301 `slope` twice in this form"),
        ("doe-2011.yaml", ("study: doe-2011", "study: roe-2012"), "LE303 `roe-2012` in the file doe-2011.yaml"),
        ("roe-2012.yaml", ("study: doe-2011", "study: roe-2012"), "LE304 no record `roe-2012`"),
        ("doe-2011.yaml", (None, RECORD), "LE101 unknown field `id`"),
        ("doe-2011.yml", ("", ""), "LE009 a form file must end in .yaml: this one is not read"),
        ("decisions.yaml", ("", ""), "LE101 unknown field `study`"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_an_error(folder, name, edit, expected):
    old, new = edit
    text = new if old is None else filled(RECORD).replace(old, new, 1)
    (folder / FOLDER / name).write_text(text, encoding="utf-8")
    assert expected in told(folder)
    assert lam.load_registry(folder).problems == ()  # records and questions do not depend on it
    assert invoke("check", str(folder)).exit_code == 1


def test_the_folder_is_known_by_its_name_alone(folder):
    (folder / FOLDER).rename(folder / "second_extractions")
    (problem,) = lam.load_registry(folder, strict=False).problems
    assert (problem.code, problem.path) == ("LE009", "second_extractions")
    assert problem.remedy == "rename it to second_extraction, or move it out"
    (folder / "second_extractions").rename(folder / FOLDER)
    assert lam.load_registry(folder).problems == ()


def test_compare_two_files_and_resolve(tmp_path):
    one, other, log = (tmp_path / name for name in ("doe-2011.yaml", "other.yaml", "log.yaml"))
    one.write_text(RECORD, encoding="utf-8")
    other.write_text(filled(RECORD, **{"ae/events": "257", "slope/dispersion.type": "sd"}), encoding="utf-8")
    first = invoke("compare", str(one), str(other), "--resolve", str(log))
    assert first.exit_code == 0, first.output
    assert "Not decided (2):" in first.stdout
    assert "doe-2011/ae events: first 275, second 257" in first.stdout
    blank = invoke("compare", str(one), str(other), "--resolve", str(log))
    assert blank.exit_code == 1
    assert "`right` is blank" in blank.stderr
    text = log.read_text(encoding="utf-8")
    log.write_text(
        text.replace("date: \n", "date: today\n")
        .replace("right: ", "right: first")
        .replace("because: ", "because: seen"),
        encoding="utf-8",
    )
    done = invoke("compare", str(one), str(other), "--resolve", str(log))
    assert "Not decided" not in done.stdout
    assert "2  the first is right" in done.stdout
    told_json = json.loads(invoke("compare", str(one), str(other), "--resolve", str(log), "--json").stdout)
    assert told_json["decided"]["first"] == 2
    assert told_json["as_read"]["cells"] - told_json["as_read"]["agreed"] == 2
    # the same log laid beside readings that agree: each decision is about nothing
    agreed = invoke("compare", str(one), str(one), "--resolve", str(log))
    assert "Decisions without a disagreement:" in agreed.stdout


def test_compare_what_cannot_be_compared(tmp_path):
    (tmp_path / "empty").mkdir()
    one = tmp_path / "doe-2011.yaml"
    one.write_text(RECORD, encoding="utf-8")
    for words, code, says in (
        ((one,), 2, "give two extractions"),
        ((one, tmp_path / "none.yaml"), 1, "cannot read the file"),
        ((one, tmp_path / "empty"), 1, "no .yaml file"),
        ((one, one, "--studies", shipped().root), 2, "leave out --studies"),
        (("--studies", write_registry(tmp_path / "r", {"doe-2011": RECORD})), 2, "no second reading"),
    ):
        result = invoke("compare", *map(str, words))
        assert (result.exit_code, says in result.stderr) == (code, True), result.output
    with pytest.raises(InvalidRegistry):
        read_decisions(tmp_path / "none.yaml")


def test_blank_decisions_of_no_disagreement(tmp_path):
    log = tmp_path / "log.yaml"
    log.write_text(blank_decisions(()).replace("date: ", "date: today"), encoding="utf-8")
    assert read_decisions(log) == ()
    decided = Decision("a", ("b", "c"), ("n", "p.value"), "both", "seen")
    assert len(decided.places()) == 4


# The shipped second reading, counted again from the YAML of both sides, without the package's own idea of a cell.


def cells_of_yaml(finding: dict) -> dict[str, str]:
    """Every cell of a finding as its YAML writes it: nested fields joined by a point."""
    flat: dict[str, str] = {}

    def put(name: str, value: object) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                put(f"{name}.{key}", item)
        else:
            flat[name] = str(value)

    for name in ("value", "unit", "n", "affected", "at_risk", "percent", "percent_at_most", "events", "person_time"):
        if name in finding:
            put(name, finding[name])
    for name in ("direction", "correlation", "change", "dispersion", "interval", "follow_up"):
        if name in finding:
            put(name, finding[name])
    for name in ("p", "p_between"):
        for word, sign in (("value", "="), ("less_than", "<"), ("greater_than", ">")):
            if word in finding.get(name, {}):
                flat |= {f"{name}.relation": sign, f"{name}.value": str(finding[name][word])}
    for name in ("dispersion", "interval"):
        if flat.get(f"{name}.type", "none") in ("none", "not_reported"):
            flat.pop(f"{name}.type", None)
        else:
            flat.setdefault(f"{name}.basis", "stated")
    return flat


def recount() -> dict[str, tuple[int, int]]:
    """Study → cells that either side fills, and those in which both say the same, before any correction."""
    root = shipped().root
    log = read_yaml(root / FOLDER / "decisions.yaml").value["decisions"]
    was = {(d["study"], f, c): str(d["was"]) for d in log if "was" in d for f in d["findings"] for c in d["cells"]}
    found = {}
    for path in sorted((root / FOLDER).glob("*.yaml")):
        if path.name == "decisions.yaml":
            continue
        record = {f["id"]: f for f in read_yaml(root / "records" / path.name).value["findings"]}
        cells = agreed = 0
        for entry in read_yaml(path).value["findings"]:
            printed = cells_of_yaml(record[entry["id"]])
            for cell, said in entry["cells"].items():
                first = was.get((path.stem, entry["id"], cell), printed.get(cell, "not_reported"))
                if {first, str(said)} != {"not_reported"}:
                    cells += 1
                    agreed += first == str(said)
        found[path.stem] = (cells, agreed)
    return found


def test_the_printed_agreement_is_that_of_the_files():
    counted = recount()
    registry = shipped()
    found = resolve(extraction_of(registry.studies), *read_second_reading(registry))
    assert {study: (c.cells, c.agreed) for study, c in found.as_read.by_study.items()} == counted
    cells, agreed = (sum(pair[i] for pair in counted.values()) for i in (0, 1))
    page = (registry.root / "README.md").read_text(encoding="utf-8")
    numbers = found.as_read
    findings = sum(len(s.findings) for s in registry.studies)
    decided = found.decided
    other = [c for name, c in numbers.by_cell.items() if not name.startswith("follow_up")]
    rest = sum(c.cells for c in other), sum(c.agreed for c in other)
    for words in (
        f"{numbers.findings} of {findings} findings, of {len(counted)} studies",
        f"{agreed} of {cells} cells agree as read ({100 * agreed / cells:.1f} %); in {numbers.empty} more",
        f"{numbers.by_cell['value'].agreed} values with their units, {numbers.by_cell['events'].agreed} event counts, "
        f"{numbers.by_cell['dispersion.type'].agreed} kinds of ± and "
        f"{numbers.by_cell['p_between.value'].agreed} p values",
        f"(n: {numbers.by_cell['n'].agreed} of {numbers.by_cell['n'].cells} cells)",
        f"({numbers.by_cell['follow_up.value'].agreed} of {numbers.by_cell['follow_up.value'].cells})",
        f"right in {decided['first']} cells, the second reading in {decided['second']} (",
        f"either in {decided['both']}, and decides for none in {decided['ambiguous']},",
        f"Not compared: {len(numbers.only_first)} findings",
        f"without those cells {rest[1]} of {rest[0]} agree ({100 * rest[1] / rest[0]:.1f} %)",
    ):
        assert words in " ".join(page.split()), words
    for cell in ("value", "unit", "events", "dispersion.type", "p_between.value", "p_between.relation"):
        assert numbers.by_cell[cell].agreed == numbers.by_cell[cell].cells


def test_every_record_that_says_it_was_checked_was_compared():
    counted, registry = recount(), shipped()
    for study in registry.studies:
        checked = study.curation.checked_by
        if isinstance(checked, CheckedBy):
            assert (checked.cells, checked.agreed) == counted[study.id]
    # nothing of this record could be read again: it claims nothing
    assert counted["takada-2016"][1] == 0
    assert not registry.study("takada-2016").curation.checked_by


def test_the_shipped_second_reading_is_decided_and_clean():
    assert second_reading_problems(shipped()) == ()
    folder = shipped().root / FOLDER
    assert read_extraction(folder).by == "a second, independent reading of the source texts"
    for path in folder.glob("*.yaml"):
        assert "printed" not in path.read_text(encoding="utf-8").split("decisions:")[0]
