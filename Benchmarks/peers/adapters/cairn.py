"""Cairn, through its program, as users have it: `cairn build`, `cairn recall`, `cairn search`, `cairn add`."""
from __future__ import annotations

import functools
import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import typing

import numpy as np

from data import PROJECT

from .base import EF_CONSTRUCTION, M, Peer, Point

PROGRAM = os.environ.get("CAIRN", str(PROJECT / ".build/release/cairn"))
LEAST_PASSES, MOST_PASSES = 3, 50


class Cairn(Peer):
    """`cairn recall` searches one query at a time and measures inside of the library; there is no batch call."""
    batch = "one query at a time (cairn recall), on one thread"
    codes: str | None = None

    @property
    def store(self) -> pathlib.Path:
        return self.folder / "index.cairn"

    def version(self) -> str:
        """With the beginning of the program's SHA-256: stores of another program are not measured."""
        digest = hashlib.sha256(pathlib.Path(PROGRAM).read_bytes()).hexdigest()
        return f"{run('--version').strip()} ({digest[:12]})"

    def settings(self) -> dict:
        return super().settings() | {"scalar": self.kind} | ({"codes": self.codes} if self.codes else {})

    def options(self) -> list[str]:
        if self.codes: return ["--quantization", self.codes]
        return ["--scalar", self.kind] + (["--quantization", "none"] if has_codes() else [])

    def refusal(self) -> str | None:
        return f"{PROGRAM} has no --quantization" if self.codes and not has_codes() else None

    def warm_import(self) -> None:
        """A program brings its libraries itself."""

    def build(self) -> None:
        run("build", self.store, self.work.path("base", self.kind), "--metric", self.work.metric, "-M", M, "--ef-construction",
            EF_CONSTRUCTION, "--threads", 1, "--quiet", *self.options())

    def load(self) -> None:
        """A process of its own loads it each time."""

    @functools.cached_property
    def queries(self) -> pathlib.Path:
        return self.work.path("queries", self.kind)

    def recall(self, widths: list[int]) -> list[dict]:
        """The first width is also that of the pass that is not measured: the widest first brings in what the others use."""
        answer = run("recall", self.store, self.queries, self.work.folder / "truth.npy", "-k", 10, "--ef",
                     ",".join(map(str, widths)), "--output", "json")
        return json.loads(answer)["rows"]

    def measure(self, knobs: list[int], seconds: float) -> typing.Iterator[Point]:
        """All widths in one process, as the peers are; as many passes as they take. What was found is asked of `cairn search`,
        so that one judge counts for all; what `cairn recall` counts goes into the note."""
        trial = self.recall(sorted(knobs, reverse=True))
        passes = {row["ef"]: min(MOST_PASSES, max(LEAST_PASSES, int(seconds * row["qps"] / self.work.queries_count)))
                  for row in trial}
        rows = self.recall([ef for ef in sorted(knobs, reverse=True) for _ in range(passes[ef])])
        for knob in knobs:
            found = [row for row in rows if row["ef"] == knob]
            note = {"own_recall": found[0]["recall"], "p50_us": float(np.median([row["p50_us"] for row in found])),
                    "p99_us": float(np.median([row["p99_us"] for row in found]))}
            yield Point(knob, float(np.median([row["qps"] for row in found])), len(found), self.found(knob), note)

    def found(self, knob: int) -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "labels.npy")
            run("search", self.store, self.queries, "-k", 10, "--ef", knob, "--threads", 1, "--save-labels", path, "--quiet")
            return np.load(path)

    def memory(self) -> int:
        """The peak of a process that searches, less that of one that only says its version."""
        searching = peak("recall", self.store, self.queries, self.work.folder / "truth.npy", "-k", 10, "--ef", "100,100,100")
        # That one may be over before it is looked at, so it is run often.
        return searching - max(peak("--version") for _ in range(20))

    def first_answer(self, query: pathlib.Path) -> list[str]:
        return [PROGRAM, "search", str(self.store), str(query), "-k", "10"]

    def policies(self) -> list[str]:
        return ["full"]

    def adding(self, vectors: pathlib.Path, labels: pathlib.Path, batch: int, policy: str) -> list[str]:
        return [PROGRAM, "add", str(self.store), str(vectors), "--labels", str(labels), "--durability", policy, "--batch",
                str(batch), "--threads", "1", "--print-acknowledged"]

    def open_for_adds(self, extra: int) -> None:
        run("verify", self.store)

    def held(self, labels: np.ndarray) -> np.ndarray:
        return np.isin(labels, np.array(run("labels", self.store).split(), np.int64))


class CairnSQ8(Cairn):
    codes = "sq8"


class CairnSQ4(Cairn):
    codes = "sq4"


class CairnU8(Cairn):
    kind = "u8"

    def refusal(self) -> str | None:
        return None if self.work.bytes else "these data are not bytes"


def run(*words: object) -> str:
    """What the program prints; what it says when it fails is the error's text."""
    done = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True)
    if done.returncode: raise RuntimeError(f"cairn {words[0]}: {done.stderr.strip()}")
    return done.stdout


@functools.cache
def has_codes() -> bool:
    return "--quantization" in run("build", "--help")


def peak(*words: object) -> int:
    """The most memory that a run had resident, from VmHWM, looked at all the time: what wait4 tells is never below what the
    parent had."""
    pinned = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    try:
        process = subprocess.Popen([PROGRAM, *map(str, words)], stdout=subprocess.DEVNULL)
        most = 0
        while process.poll() is None:
            try: status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
            except OSError: break
            name, _, _ = status.partition("\n")
            # Before it is the program it is a copy of this one; the kernel keeps fifteen letters of a name.
            if "VmHWM:" in status and name.endswith("\t" + pathlib.Path(PROGRAM).name[:15]): most = int(status.split("VmHWM:")[1].split()[0]) * 1024
        if process.wait(): raise RuntimeError(f"cairn {words[0]} ended with {process.returncode}")
        return most
    finally:
        os.sched_setaffinity(0, pinned)
