"""``python -m benchmarks [TASK …]``: peers and lamevidence side by side, results to ``benchmarks/results``."""

from __future__ import annotations

import json
import sys

from .measure import RESULTS, compare, store
from .tasks import TASKS, quiet


def table() -> str:
    """Return the Markdown table of all stored tasks."""
    lines = ["| task | contender | CPU ms | × lamevidence |", "|---|---|---:|---:|"]
    notes, stamps, busy = [], [], []
    for name, (title, _, _) in TASKS.items():
        path = RESULTS / f"{name}.json"
        if not path.exists():
            continue
        stored = json.loads(path.read_text(encoding="utf-8"))
        for who, seconds in stored["cpu_seconds"].items():
            ratio = stored["times_lamevidence"][who]
            lines.append(f"| {title} | {who} | {1000 * seconds:.4g} | {ratio:.3g} |")
        notes += [f"- {title}: {who} failed, {why}" for who, why in stored["failed"].items()]
        stamps.append((stored["date"], stored["versions"]))
        if "load_average" in stored and stored["load_average"][0] > stored["processors"]:
            load, of = stored["load_average"][0], stored["processors"]
            busy.append(f"- {title}: measured on a shared machine, {load:g} processes for {of} processors")
    if not stamps:
        return ""
    date, versions = max(stamps, key=lambda stamp: stamp[0])
    head = [
        "# Peers and lamevidence",
        "",
        f"Last run {date}; versions: " + ", ".join(f"{n} {v}" for n, v in versions.items()),
        "",
        "CPU time, contenders taking turns in one run; ratios are medians of ratios within a round.",
        "",
    ]
    return "\n".join([*head, *lines, "", *busy, *notes]).rstrip() + "\n"


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in TASKS]
    if unknown:
        print(f"unknown task {unknown[0]!r} · choices: {', '.join(TASKS)}", file=sys.stderr)
        return 2
    quiet()
    for name in names or TASKS:
        title, contenders, rounds = TASKS[name]
        result = compare(contenders(), rounds)
        store(name, {"task": title} | result)
        print(title, json.dumps(result["times_lamevidence"]), json.dumps(result["failed"]), flush=True)
        (RESULTS / "README.md").write_text(table(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
