"""The templates of CONTRIBUTING do what the page says, and the paths it names exist.

Run as a program, this module files the templates in the catalogues of its own process; the test starts that process, so
that the catalogues of the other tests stay as they are.
"""

from __future__ import annotations

import math
import re
import shutil
import subprocess
import sys
import tempfile
import types
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TEMPLATES = {
    found["path"]: found["text"]
    for found in re.finditer(
        r"```(?:python|yaml)\n# (?:at the end of |in )?(?P<path>[\w/.-]+).*\n(?P<text>(?s:.*?))```", PAGE
    )
}
"""Where a template goes → what it is."""


def filed(path: str) -> types.ModuleType:
    """Return the module at ``path`` after the template has been added to it; a new module when there is none."""
    name = path.removesuffix(".py").replace("/", ".")
    if (ROOT / path).exists():
        module = import_module(name)
    else:
        module = sys.modules[name] = types.ModuleType(name)
        module.__package__ = name.rpartition(".")[0]
    exec(compile(TEMPLATES[path], path, "exec", dont_inherit=True), vars(module))
    return module


def a_tau2_estimator() -> None:
    import lamevidence as lam

    filed("lamevidence/pooling/tau2/estimators.py")
    y = [0.1, 0.6, 1.4, 0.2]
    alike = lam.EvidenceTable.from_estimates(y, vi=[0.04] * 4)
    found, usual = (lam.pool(alike, model="random", tau2=code).tau2 for code in ("MSQ", "DL"))
    assert math.isclose(found, usual, rel_tol=1e-12), "moment estimators agree where all variances are equal"
    fit = lam.pool(lam.EvidenceTable.from_estimates(y, vi=[0.01, 0.04, 0.1, 0.02]), model="random", tau2="MSQ")
    assert "moments with weights 1/√v" in fit.methods_text()


def an_effect_measure() -> None:
    import lamevidence as lam

    filed("lamevidence/effects/measures/two_by_two.py")
    one = lam.escalc("CLL", ai=[6], n1i=[40], ci=[12], n2i=[38])
    other = lam.escalc("CLL", ai=[12], n1i=[38], ci=[6], n2i=[40])
    assert math.isclose(one.yi[0], -other.yi[0], rel_tol=1e-12)
    rare = {"ai": [3], "n1i": [10**6], "ci": [7], "n2i": [10**6]}
    for name in ("yi", "vi"):
        hazards, risks = (getattr(lam.escalc(code, **rare), name)[0] for code in ("CLL", "RR"))
        assert math.isclose(hazards, risks, rel_tol=1e-4), "hazard and risk ratio agree where events are rare"


def a_prior() -> None:
    import lamevidence as lam

    weibull = filed("lamevidence/bayes/priors/scale_priors.py").Weibull
    table = lam.EvidenceTable.from_estimates([0.1, 0.6, 1.4], vi=[0.04, 0.09, 0.1])
    mu, rayleigh = lam.priors.Normal(0, 4), lam.priors.Rayleigh(0.5)
    one, same = (lam.pool_bayes(table, mu=mu, tau=tau) for tau in (weibull(2, 0.5 * math.sqrt(2)), rayleigh))
    assert math.isclose(one.tau.mean, same.tau.mean, rel_tol=1e-6), "Weibull of shape 2 is Rayleigh"
    assert math.isclose(weibull(2, 0.5 * math.sqrt(2)).sd, rayleigh.sd, rel_tol=1e-12)


def a_study_and_a_question() -> None:
    import lamevidence as lam

    with tempfile.TemporaryDirectory() as folder:
        studies = Path(shutil.copytree(ROOT / "studies", Path(folder) / "studies"))
        for path in ("studies/records/doe-2011.yaml", "studies/questions/discontinuation-on-everolimus.yaml"):
            (studies.parent / path).write_text(TEMPLATES[path], encoding="utf-8")
        registry = lam.load_registry(studies)
        assert registry.problems == ()
        assert registry.evidence("stomatitis")["doe-2011"].counts == {"xi": 7, "ni": 20}
        assert registry.evidence("discontinuation-on-everolimus").k >= 1


def a_figure() -> None:
    import lamevidence as lam

    draw = filed("lamevidence/plots/caterpillar.py").caterpillar
    table = lam.EvidenceTable.from_estimates([0.1, 0.6, 1.4], vi=[0.04, 0.09, 0.1])
    assert draw(lam.pool(table)).description == "Caterpillar plot of 3 studies."
    with pytest.raises(lam.LamEvidenceError, match="a caterpillar plot is made of"):
        draw(3)


def a_verb() -> None:
    from typer.testing import CliRunner

    filed("lamevidence/cli/cite.py")
    app = filed("lamevidence/cli/app.py").app
    assert "McCormack" in CliRunner().invoke(app, ["cite", "mccormack-2011"]).stdout
    assert CliRunner().invoke(app, ["cite", "mccormack-2011", "--json"]).stdout.startswith("{")
    assert CliRunner().invoke(app, ["cite", "nosuch"]).exit_code == 2


TRIED = (a_tau2_estimator, an_effect_measure, a_prior, a_study_and_a_question, a_figure, a_verb)


def test_the_templates_work():
    done = subprocess.run(
        [sys.executable, "-m", "tests.pages.test_contributing"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [tried.__name__ for tried in TRIED]


def test_every_template_is_tried():
    source = Path(__file__).read_text(encoding="utf-8")
    assert len(TEMPLATES) == 8
    assert all(f'"{path}"' in source for path in TEMPLATES)


if __name__ == "__main__":
    for tried in TRIED:
        tried()
        print(tried.__name__)
