"""What every peer is asked for. Adapters import their library inside of methods: listing peers needs none of them."""
from __future__ import annotations

import os
import pathlib
import time
import typing

import numpy as np

from data import Workload

M, EF_CONSTRUCTION = 16, 200
DEGREE = 2 * M
SWEEP = [10, 14, 20, 28, 40, 56, 80, 112, 160, 226, 320, 452, 640, 905, 1280]
IN_PLACE, ATOMIC = "in place", "atomic+fsync"


class Point(typing.NamedTuple):
    """One width of search: what it answered, and how fast."""
    knob: int
    qps: float
    passes: int
    labels: np.ndarray
    note: dict


class Peer:
    """A library that is loaded into this process. `folder` is its own, and is left as it was unless `build` is asked for."""
    package = ""
    knob = "ef"
    sweep = SWEEP
    kind = "f32"
    batch = "one call with all queries, on one thread"

    def __init__(self, name: str, work: Workload, folder: pathlib.Path):
        self.name, self.work, self.folder = name, work, folder

    def version(self) -> str:
        import importlib.metadata
        return importlib.metadata.version(self.package)

    def settings(self) -> dict:
        return {"M": M, "ef_construction": EF_CONSTRUCTION}

    def refusal(self) -> str | None:
        """Why these data are not for this peer."""
        return None

    def warm_import(self) -> None:
        """Imports the library, so that what it takes is not counted as the index's."""
        __import__(self.package)

    def vectors(self) -> np.ndarray:
        """All rows, in memory of this process: some libraries refuse what they could not write to."""
        return np.array(self.work.base(self.kind))

    def build(self) -> None:
        """From vectors in memory to an index in `folder`."""
        raise NotImplementedError

    def load(self) -> None:
        raise NotImplementedError

    def prepared(self, queries: np.ndarray) -> typing.Any:
        """Queries in the form that the library wants, made outside of what is timed."""
        return queries

    def search(self, queries: typing.Any, knob: int) -> typing.Any:
        """The library's own call and nothing else; this is what is timed."""
        raise NotImplementedError

    def labels(self, answer: typing.Any) -> np.ndarray:
        """The row numbers in what `search` returned."""
        return answer

    # Measuring; a program that is not a Python library overrides these.

    def measure(self, knobs: list[int], seconds: float) -> typing.Iterator[Point]:
        """Each knob: passes over all queries until `seconds` have gone by, after one that is not counted."""
        queries = self.prepared(self.work.queries(self.kind))
        for knob in knobs:
            answer = self.search(queries, knob)
            times: list[float] = []
            while not times or (sum(times) < seconds and len(times) < 200):
                started = time.perf_counter()
                self.search(queries, knob)
                times.append(time.perf_counter() - started)
            yield Point(knob, self.work.queries_count / float(np.median(times)), len(times), self.labels(answer), {})

    def memory(self) -> int:
        """Loads the index. Bytes by which resident memory grows from before that to after all queries at width 100, mapped pages
        included."""
        self.warm_import()
        queries = self.prepared(self.work.queries(self.kind))
        before = resident()
        self.load()
        self.search(queries, 100)
        return resident() - before

    # Durable adds; for the peers that can.

    def policies(self) -> list[str]:
        return []

    def adding(self, vectors: pathlib.Path, labels: pathlib.Path, batch: int, policy: str) -> list[str] | None:
        """The command of a program that adds a file's rows and prints how many are acknowledged; none: the worker does it."""
        return None

    def open_for_adds(self, extra: int) -> None:
        raise NotImplementedError

    def add(self, vectors: np.ndarray, first: int, policy: str) -> None:
        """Adds rows labelled first, first + 1, … and returns when they are as durable as the policy makes them."""
        raise NotImplementedError

    def held(self, labels: np.ndarray) -> np.ndarray:
        """Which of these labels the loaded index has."""
        raise NotImplementedError


def resident() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def synchronise(path: pathlib.Path) -> None:
    """fsync of a file or directory."""
    descriptor = os.open(path, os.O_RDONLY)
    try: os.fsync(descriptor)
    finally: os.close(descriptor)


def save_with(save: typing.Callable[[str], None], path: pathlib.Path, policy: str) -> None:
    """In place: over the only copy, as `save` does by itself. Atomic: to another file, fsync, rename, fsync of the directory."""
    if policy == IN_PLACE:
        save(str(path))
        return
    assert policy == ATOMIC
    other = path.with_suffix(".new")
    save(str(other))
    synchronise(other)
    os.replace(other, path)
    synchronise(path.parent)


