"""``python -m tests.same_numbers``: compute all results again and compare them with the file."""

from __future__ import annotations

import argparse
import sys
import time
from collections import defaultdict

from tests.same_numbers.cases import Case
from tests.same_numbers.compare import RESULTS, changes, compare, computed, recorded, report, write


def main(argv: list[str] | None = None) -> int:
    """Return 0 when every number is the same or meant to differ, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.same_numbers", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the file instead")
    parser.add_argument("--show", type=int, default=40, help="how many differences to print")
    args = parser.parse_args(argv)
    seconds: dict[str, float] = defaultdict(float)
    last: list[tuple[str, float]] = []

    def clock(case: Case) -> None:
        now = time.perf_counter()
        if last:
            seconds[last[0][0]] += now - last[0][1]
        last[:] = [(case.id.split("/")[0], now)]

    start = time.perf_counter()
    now = computed(clock)
    spent = ", ".join(f"{model} {s:.1f}" for model, s in sorted(seconds.items(), key=lambda x: -x[1])[:6])
    print(f"{len(now)} cases in {time.perf_counter() - start:.0f} s ({spent})")
    strange = {case: str(x["error"]) for case, x in now.items() if " " in str(x.get("error", ""))}
    for case, error in strange.items():
        print(f"NOT AN ERROR OF THE PACKAGE {case}: {error}")
    if args.write:
        write(now)
        print(f"written: {RESULTS.name}, {sum(map(len, now.values()))} numbers")
        return 1 if strange else 0
    outcome = compare(recorded(), now, changes())
    print(report(outcome, changes(), args.show))
    return 0 if outcome.fine else 1


if __name__ == "__main__":
    sys.exit(main())
