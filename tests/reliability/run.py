"""./fuzz: bad guests, one after another, and what was measured. Status 1 if something does not hold.

./fuzz                          all kinds, a few minutes
./fuzz hogs                     programs that take all there is of something
./fuzz --seed 100 --count 50 calls     seeds 100 to 149 of the fuzzer of calls
./fuzz --count 2000 scripted    lines on the scripted CPU; a finding is minimised, for tests/reliability/corpus.txt
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent.parent / "src")]

from guests import ENDLESS, HOGS, Outcome, measure  # noqa: E402

COUNTS = {"calls": 10, "wild": 5, "scripted": 500}


def show(outcome: Outcome) -> bool:
    """A line for a run; whether all holds."""
    text = " | ".join(outcome.wrong) or outcome.output.strip().replace("\n", ", ")[-70:]
    print(f"{'FAIL' if outcome.wrong else 'ok  '} {outcome.name:18} {outcome.why:8.60} {outcome.seconds:6.1f} s "
          f"{outcome.peak:5} MiB  {text}", flush=True)  # fmt: skip
    return not outcome.wrong


def scripted(seed: int, count: int) -> bool:
    """Lines of calls on the scripted CPU."""
    from scripted import make_line, minimise, run_line

    import forkernel.syscalls.all  # noqa: F401  # registers the calls

    before, good, seen = time.monotonic(), True, set()
    for number in range(seed, seed + count):
        line = make_line(number, 150)
        wrong = run_line(line)
        if wrong and wrong not in seen:
            seen.add(wrong)
            good = False
            print(f"FAIL scripted {number}: {wrong}\n{minimise(line)}", flush=True)
    print(f"{'ok  ' if good else 'FAIL'} scripted {seed} to {seed + count - 1}: {time.monotonic() - before:.1f} s")
    return good


def main() -> int:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="./fuzz", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="hogs|calls|wild|scripted|NAME", help="default: all four kinds")
    parser.add_argument("--seed", type=int, default=1, help="first seed (default: 1)")
    parser.add_argument("--count", type=int, help=f"how many seeds (default: {COUNTS})")
    parser.add_argument("--memory", type=int, default=64, help="MiB of RAM for the hogs (default: 64)")
    chosen = parser.parse_args()
    os.nice(19)
    good, before = True, time.monotonic()
    for kind in chosen.kinds or ["hogs", "calls", "wild", "scripted"]:
        count = chosen.count or COUNTS.get(kind, 1)
        if kind == "scripted":
            good &= scripted(chosen.seed, count)
        elif kind in ("calls", "wild"):
            for seed in range(chosen.seed, chosen.seed + count):
                good &= show(measure(kind, str(seed)))
        else:
            names = [*HOGS, *ENDLESS] if kind == "hogs" else [kind]
            for name in names:
                limit = 5 if name in ENDLESS else 60
                good &= show(measure("hog", name, memory=chosen.memory, timeout=limit))
    print(f"{'all holds' if good else 'NOT ALL HOLDS'}, {time.monotonic() - before:.0f} s")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
