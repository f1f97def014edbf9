"""Rows added and acknowledged, and what of them is there after kill -9.

Each trial copies the index, has a process add to it, kills that at a random moment and opens what it left. A row counts as
acknowledged when the process had said so on its pipe; it is lost when the opened index does not have it.
"""
from __future__ import annotations

import json
import os
import pathlib
import random
import select
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time

import numpy as np

from adapters import adapter, environment
from adapters.base import IN_PLACE
from build import build
from data import CACHE, Workload, unit
from process import HERE, PeerFailed, Worker, start

BATCHES = [1, 100, 1000]
EXTRA = 40_000
SPEED_SECONDS, KILL_SECONDS = 3.0, 1.5
LIMIT = 120


def measure(work: Workload, names: list[str], rounds: int, core: int) -> list[dict]:
    """A row for each peer, policy and size of batch; `rounds` kills each. Who cannot add durably is not in the table."""
    extra_rows(work)
    rows = []
    for name in names:
        try:
            peer = adapter(name, work)
            if not peer.policies(): continue
            known = build(work, name, core)
            cases = [(policy, batch) for policy in peer.policies() for batch in BATCHES if policy != IN_PLACE or batch == 1]
        except Exception as error:
            rows.append({"peer": name, "failed": str(error)})
            continue
        for policy, batch in cases:
            print(f"{work.title}: {name}, {policy}, {batch} rows each", file=sys.stderr, flush=True)
            row = {"peer": name, "policy": policy, "batch": batch, "failed": None, "build": known}
            try: row |= case(work, name, policy, batch, rounds, core)
            except Exception as error: row["failed"] = str(error)
            rows.append(row)
    return rows


def extra_rows(work: Workload) -> None:
    """Rows to add: those that follow in the data, or, where there are none, rows that are there with a little noise."""
    if (work.folder / "extra_labels.npy").exists(): return
    source = pathlib.Path(work.source)
    base = np.load((sorted(source.glob("base_*.npy")) or sorted(source.glob("vectors.npy")))[0], mmap_mode="r")
    rows = np.array(base[work.rows:work.rows + EXTRA])
    if len(rows) < EXTRA:
        random_numbers = np.random.default_rng(7)
        some = np.asarray(base[random_numbers.integers(0, work.rows, EXTRA - len(rows))], np.float32)
        some += random_numbers.normal(0, some.std() / 20, some.shape)
        some = np.clip(np.rint(some), 0, 255) if work.bytes else some
        rows = np.concatenate([rows, some.astype(rows.dtype)])
    if work.bytes: np.save(work.path("extra", "u8"), rows)
    np.save(work.path("extra"), unit(rows) if work.cosine else np.asarray(rows, np.float32))
    np.save(work.folder / "extra_labels.npy", np.arange(work.rows, work.rows + EXTRA, dtype=np.int64))


def case(work: Workload, name: str, policy: str, batch: int, rounds: int, core: int) -> dict:
    """One trial for the speed, which ends with a kill like the others but is not counted among them; then the kills."""
    speed = Trial(work, name, policy, batch, core)
    speed.run(SPEED_SECONDS)
    gaps = speed.gaps()
    trials = []
    for _ in range(rounds):
        trial = Trial(work, name, policy, batch, core)
        trial.run(random.uniform(0.02, KILL_SECONDS))
        trial.open()
        trials.append(trial)
    opened = [trial for trial in trials if not trial.error]
    return {
        "rows_per_second": speed.rate(), "ack_p50_ms": statistics.median(gaps) * 1e3 if gaps else None,
        "ack_p99_ms": float(np.percentile(gaps, 99)) * 1e3 if gaps else None,
        "kills": len(trials), "opened": len(opened), "acknowledged": sum(trial.acknowledged for trial in trials),
        "lost": sum(trial.lost for trial in trials), "base_lost": sum(trial.base_lost > 0 for trial in trials),
        "errors": sorted({trial.error[:200] for trial in trials if trial.error})}


class Trial:
    """A copy of the index, a process that adds to it, a kill, and what is left."""

    def __init__(self, work: Workload, name: str, policy: str, batch: int, core: int):
        self.work, self.name, self.policy, self.batch, self.core = work, name, policy, batch, core
        self.folder = work.folder / "durable" / name
        self.acknowledgements: list[tuple[float, int]] = []
        self.error: str | None = None
        self.lost, self.base_lost = 0, 0

    def command(self) -> list[str]:
        peer = adapter(self.name, self.work, self.folder)
        vectors = self.work.path("extra", peer.kind)
        program = peer.adding(vectors, self.work.folder / "extra_labels.npy", self.batch, self.policy)
        return program or [
            str(CACHE / environment(self.name) / "bin/python"), str(HERE / "worker.py"), str(self.work.folder), self.name, "adds",
            str(self.folder), str(vectors), str(self.work.rows), str(self.batch), self.policy]

    def run(self, seconds: float) -> None:
        """Killed so long after the first acknowledgement."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.work.index(self.name), self.folder)
        os.sync()
        log = self.work.folder / f"{self.name}-adds.log"
        with open(log, "w") as errors:
            process = start(self.command(), self.core, stdout=subprocess.PIPE, stderr=errors)
        assert process.stdout
        ready, _, _ = select.select([process.stdout], [], [], LIMIT)
        timer = threading.Timer(seconds, os.killpg, (process.pid, signal.SIGKILL))
        if not ready:
            os.killpg(process.pid, signal.SIGKILL)
            raise PeerFailed(f"nothing acknowledged within {LIMIT} s")
        timer.start()
        for line in process.stdout:
            # A line is a whole acknowledgement also when the kill came before it was read.
            if line.endswith(b"\n"): self.acknowledgements.append((time.monotonic(), count(line)))
        timer.cancel()
        if process.wait() not in (0, -signal.SIGKILL):
            raise PeerFailed(f"ended with {process.returncode}: {log.read_text(errors='replace')[-200:]}")

    @property
    def acknowledged(self) -> int:
        return self.acknowledgements[-1][1] if self.acknowledgements else 0

    def rate(self) -> float | None:
        """From the first acknowledgement to the last, so that opening is not in it."""
        if len(self.acknowledgements) < 2: return None
        (first, before), (last, after) = self.acknowledgements[0], self.acknowledgements[-1]
        return (after - before) / (last - first)

    def gaps(self) -> list[float]:
        times = [at for at, _ in self.acknowledgements]
        return [later - earlier for earlier, later in zip(times, times[1:])]

    def open(self) -> None:
        """What does not open has lost everything."""
        worker = Worker(self.work, self.name, "held", self.folder, EXTRA)
        try:
            answer = worker.receive(LIMIT)
            there = set(answer["added"])
            self.lost = sum(row not in there for row in range(self.acknowledged))
            self.base_lost = answer["base_lost"]
        except PeerFailed as error:
            self.error, self.lost, self.base_lost = str(error), self.acknowledged, self.work.rows
        finally: worker.stop()


def count(line: bytes) -> int:
    """A program's bare number, or a worker's answer."""
    value = json.loads(line)
    if isinstance(value, dict) and "error" in value: raise PeerFailed(value["error"])
    return value if isinstance(value, int) else value["acknowledged"]
