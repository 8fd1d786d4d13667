"""Every shipped question, recomputed by R's metafor from the yi and vi that `table --json` prints."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess

import pytest

import lamevidence as lam
from lamevidence.cli.table import table_json

CLOSED_FORM = 1e-8
ITERATED = 1e-6
"""metafor run with threshold 1e-11 and half steps (full ones cycle on these data); its own defaults stop at 1e-5."""

METHODS = {
    "DL": CLOSED_FORM,
    "HE": CLOSED_FORM,
    "HS": CLOSED_FORM,
    "SJ": CLOSED_FORM,
    "PM": ITERATED,
    "REML": ITERATED,
    "ML": ITERATED,
    "EB": ITERATED,
}
INTERVALS = {"z": "z", "t": "t", "HKSJ": "knha"}

SCRIPT = """
suppressMessages(library(metafor))
jobs <- commandArgs(TRUE)
for (job in jobs) {
  parts <- strsplit(job, ";")[[1]]
  yi <- as.numeric(strsplit(parts[1], ",")[[1]]); vi <- as.numeric(strsplit(parts[2], ",")[[1]])
  control <- list(threshold = 1e-11, stepadj = 0.5, maxiter = 10000, tol = 1e-14, tau2.max = 1e8)
  s <- sqrt(median(vi))  # metafor's threshold is absolute: variances of thousands never reach it
  fit <- rma(yi / s, vi / s^2, method = parts[3], test = parts[4], control = control)
  back <- c(s * c(fit$b, fit$se, fit$ci.lb, fit$ci.ub), s^2 * fit$tau2, fit$QE)
  cat(sprintf("%.17g", back), "\\n")
}
"""


def numbers(values):
    return ",".join(repr(float(v)) for v in values)


def usable(question, table):
    return question.pooled and question.compare != "joint" and table.k >= 2 and all(math.isfinite(v) for v in table.vi)


def metafor(jobs):
    if shutil.which("Rscript") is None:
        if os.environ.get("LAMEVIDENCE_REQUIRE_ORACLES"):
            pytest.fail("Rscript with metafor is required here")
        pytest.skip("Rscript is not installed")
    done = subprocess.run(["Rscript", "-e", SCRIPT, *jobs], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [[float(x) for x in line.split()] for line in done.stdout.splitlines()]


def test_metafor_reproduces_every_pooled_question():
    registry = lam.load_registry()
    evidence = {question.id: registry.evidence(question) for question in registry.questions.values()}
    cases = [
        (question, method, interval)
        for question in registry.questions.values()
        if usable(question, evidence[question.id])
        for method in METHODS
        for interval in INTERVALS
    ]
    assert len({q.id for q, _, _ in cases}) >= 6
    tables = {name: json.loads(json.dumps(table_json(evidence[name]))) for name in {q.id for q, _, _ in cases}}
    jobs = [
        ";".join(
            [
                numbers(r["yi"] for r in tables[q.id]["rows"]),
                numbers(r["vi"] for r in tables[q.id]["rows"]),
                m,
                INTERVALS[i],
            ]
        )
        for q, m, i in cases
    ]
    for (question, method, interval), (b, se, low, high, tau2, q) in zip(cases, metafor(jobs), strict=True):
        fit = lam.pool(evidence[question.id], model="random", tau2=method, interval=interval, prediction="none")
        got = (fit.mu, fit.se, *fit.interval(), fit.tau2, fit.q)
        scale = max(abs(b), se)
        for ours, theirs in zip(got, (b, se, low, high, tau2, q), strict=True):
            assert ours == pytest.approx(theirs, rel=METHODS[method], abs=METHODS[method] * scale), (
                question.id,
                method,
            )
