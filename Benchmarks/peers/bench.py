#!/usr/bin/env python3
"""Cairn beside other libraries. `bench.py recall|open|durable|build|report DATA`; see Benchmarks/README.md."""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import sys

from adapters import NAMES, REFERENCE, adapter
from build import build
from data import CACHE, Workload, prepare
from process import PeerFailed


def main() -> None:
    options = arguments()
    if options.task == "report":
        print(report_of(options.results))
        return
    work = prepare(options.data, options.rows, options.metric)
    names = choose(work, options)
    if options.task == "build":
        failed = [name for name in names if not try_build(work, name, options)]
        if failed: sys.exit(f"not built: {' '.join(failed)}")
        return
    results = options.results / work.title
    results.mkdir(parents=True, exist_ok=True)
    measured = {"rows": TASKS[options.task](work, names, options)} | circumstances(work, options)
    (results / f"{options.task}.json").write_text(json.dumps(measured, indent=1))
    print(report_of(options.results))


def report_of(results: pathlib.Path) -> pathlib.Path:
    import report
    return report.write(results)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures Cairn beside other libraries.")
    parser.add_argument("task", choices=[*TASKS, "build", "report"])
    parser.add_argument("data", type=pathlib.Path, nargs="?",
                        help="a folder with base_*.npy or vectors.npy, queries*.npy, ground_truth*.npy")
    parser.add_argument("--rows", type=int, help="only so many vectors")
    parser.add_argument("--metric", choices=("l2", "cosine"))
    parser.add_argument("--peers", help=f"names, of {' '.join(NAMES)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.3, help="how long a width is measured in a round")
    parser.add_argument("--core", type=int, default=(os.cpu_count() or 1) - 1, help="that all processes run on")
    parser.add_argument("--nice", type=int, default=0, help="for build")
    parser.add_argument("--again", action="store_true", help="for build: also what is there")
    parser.add_argument("--results", type=pathlib.Path, default=CACHE / "results")
    options = parser.parse_args()
    if options.task != "report" and not options.data: parser.error(f"{options.task} needs a folder of data")
    return options


def choose(work: Workload, options: argparse.Namespace) -> list[str]:
    names = options.peers.replace(",", " ").split() if options.peers else NAMES
    unknown = [name for name in names if name not in NAMES]
    if unknown: sys.exit(f"no peer is called {unknown[0]}; there are {' '.join(NAMES)}")
    suitable = []
    for name in names:
        refusal = adapter(name, work).refusal()
        if refusal: print(f"without {name}: {refusal}", file=sys.stderr)
        else: suitable.append(name)
    return suitable


def try_build(work: Workload, name: str, options: argparse.Namespace) -> bool:
    try: build(work, name, options.core, options.nice, again=options.again)
    except PeerFailed as error:
        print(f"{name} failed: {error}", file=sys.stderr, flush=True)
        return False
    return True


def recall(work: Workload, names: list[str], options: argparse.Namespace) -> list[dict]:
    import curves
    return curves.measure(work, names, options.rounds, options.core, options.seconds)


def first_answer(work: Workload, names: list[str], options: argparse.Namespace) -> list[dict]:
    import first_answer
    return first_answer.measure(work, names, options.rounds, options.core)


def durable(work: Workload, names: list[str], options: argparse.Namespace) -> list[dict]:
    import durable
    return durable.measure(work, names, options.rounds, options.core)


TASKS = {"recall": recall, "open": first_answer, "durable": durable}


def circumstances(work: Workload, options: argparse.Namespace) -> dict:
    import machine
    target = {"recall": "bench-peers", "open": "bench-peers-open", "durable": "bench-peers-durable"}[options.task]
    command = f"make {target} DATA={work.name} N={work.rows} ROUNDS={options.rounds}" + (
        f' PEERS="{options.peers}"' if options.peers else "")
    return {"machine": machine.describe(), "commit": machine.commit(), "command": command, "rounds": options.rounds, "core": options.core,
            "seconds": options.seconds, "name": work.name, "vectors": work.rows, "dimensions": work.dimensions,
            "metric": work.metric, "bytes": work.bytes, "queries": work.queries_count, "reference": REFERENCE}


if __name__ == "__main__":
    main()
