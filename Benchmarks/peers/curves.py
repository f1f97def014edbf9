"""Recall against QPS: rounds in which all peers take turns, each with its whole sweep."""
from __future__ import annotations

import pathlib
import statistics
import sys

import numpy as np

from adapters import REFERENCE
from build import build
from data import Workload
from process import Worker
from recall import Judge, qps_at

AT = [0.90, 0.95, 0.99]
LOWEST, ENOUGH = 0.85, 0.998
LOAD_LIMIT, POINT_LIMIT = 600, 180


class Contender:
    """A peer, what it has answered in each round, and the message it fell out with if it did."""

    def __init__(self, work: Workload, name: str):
        self.work, self.name = work, name
        self.worker: Worker | None = None
        self.failed: str | None = None
        self.facts: dict = {}
        self.knobs: list[int] = []
        self.rounds: list[list[dict]] = []

    def open(self, core: int) -> None:
        self.worker = Worker(self.work, self.name, "serve", core=core)
        self.facts |= self.worker.receive(LOAD_LIMIT)
        self.knobs = self.facts.pop("sweep")

    def turn(self, judge: Judge, seconds: float) -> None:
        """One sweep. The first, unless it was to warm up, ends where recall is enough; what it used is what later rounds use."""
        assert self.worker
        self.rounds.append([])
        first = len(self.rounds) == 1
        for some in self.portions(first):
            self.worker.send(knobs=some, seconds=seconds)
            while "done" not in (answer := self.worker.receive(POINT_LIMIT * len(some))):
                recall = judge.recall(np.load(pathlib.Path(answer.pop("labels"))))
                self.rounds[-1].append(answer | {"recall": recall})
                self.worker.send(go=True)
            if first and finished(self.rounds[-1]): break
        if first: self.knobs = needed(self.rounds[-1])

    def portions(self, first: bool) -> list[list[int]]:
        """All at once, except in the first round, which does not know yet where to end."""
        return [[knob] for knob in self.knobs] if first else [self.knobs]

    def drop(self, error: Exception) -> None:
        self.failed = str(error)
        print(f"{self.name} failed: {self.failed}", file=sys.stderr, flush=True)
        self.close()

    def close(self) -> None:
        if self.worker: self.worker.stop()
        self.worker = None


def finished(points: list[dict]) -> bool:
    """Recall is enough, or doubling the width twice over adds nothing to it."""
    recalls = [point["recall"] for point in points]
    return recalls[-1] >= ENOUGH or (len(recalls) > 4 and recalls[-1] - recalls[-5] < 0.001)


def needed(points: list[dict]) -> list[int]:
    """From the last width below the lowest recall that is shown."""
    below = [point["knob"] for point in points if point["recall"] < LOWEST]
    return [point["knob"] for point in points if not below or point["knob"] >= below[-1]]


def measure(work: Workload, names: list[str], rounds: int, core: int, seconds: float) -> list[dict]:
    """A row for each peer. The first round chooses widths and warms up, and is not counted."""
    contenders = [Contender(work, name) for name in names]
    judge = Judge(work)
    for one in contenders:
        try:
            one.facts |= {"build": build(work, one.name, core)}
            one.open(core)
        except Exception as error: one.drop(error)
    for number in range(rounds + 1):
        turn = number % max(1, len(contenders))
        for one in contenders[turn:] + contenders[:turn]:
            if one.failed: continue
            print(f"{work.title}: round {number} of {rounds}: {one.name}", file=sys.stderr, flush=True)
            try: one.turn(judge, seconds)
            except Exception as error: one.drop(error)
    for one in contenders: one.close()
    reference = next((one for one in contenders if one.name == REFERENCE and not one.failed), None)
    return [row(one, reference) for one in contenders]


def counted(one: Contender) -> list[list[dict]]:
    return one.rounds[1:]


def row(one: Contender, reference: Contender | None) -> dict:
    """What goes into the report: medians over rounds, of ratios too, which are taken inside of a round."""
    result = {"peer": one.name, "failed": one.failed} | one.facts
    if one.failed: return result
    result["memory_per_vector"] = result["memory"] / one.work.rows
    result["disk_per_vector"] = result["build"]["disk_bytes"] / one.work.rows
    curves = [[(point["recall"], point["qps"]) for point in points] for points in counted(one)]
    against = [[(point["recall"], point["qps"]) for point in points] for points in counted(reference)] if reference else []
    result["points"] = [{
        "knob": points[0]["knob"], "recall": points[0]["recall"],
        "qps": statistics.median(point["qps"] for point in points), "each": [round(point["qps"], 1) for point in points],
        "note": points[0]["note"]} for points in zip(*counted(one))]
    result["at"] = {}
    for recall in AT:
        each = [qps_at(curve, recall) for curve in curves]
        ratios = [mine / theirs for mine, other in zip(each, against)
                  if mine and (theirs := qps_at(other, recall))]
        result["at"][f"{recall:.2f}"] = {
            "qps": statistics.median(found) if (found := [one for one in each if one]) else None,
            "ratio": statistics.median(ratios) if ratios else None,
            "range": [min(ratios), max(ratios)] if ratios else None}
    return result
