"""From the start of a process to its first answer, with the index in the page cache and without."""
from __future__ import annotations

import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import numpy as np

from adapters import adapter, is_cairn
from build import build
from data import Workload
from process import Worker, start

LIMIT = 120
DROP_CACHES = pathlib.Path("/proc/sys/vm/drop_caches")


def measure(work: Workload, names: list[str], rounds: int, core: int) -> list[dict]:
    """Rounds in which all take turns, first warm and then cold; after one of each that is not counted."""
    rows = {name: {"peer": name, "failed": None, "warm": [], "cold": []} for name in names}
    for number in range(rounds + 1):
        for name in names[number % len(names):] + names[:number % len(names)]:
            row = rows[name]
            if row["failed"]: continue
            print(f"{work.title}: round {number} of {rounds}: {name}", file=sys.stderr, flush=True)
            try:
                row["build"] = build(work, name, core)
                for state, prepare in (("warm", warm), ("cold", cold)):
                    prepare(work, name, core)
                    times = once(work, name, core)
                    if number: row[state].append(times)
            except Exception as error: row["failed"] = str(error)
    for row in rows.values():
        for state in ("warm", "cold"):
            each = row.pop(state)
            if each and not row["failed"]: row[state] = summary(each)
    return list(rows.values())


def summary(each: list[dict]) -> dict:
    return {part: statistics.median(one[part] for one in each) for part in each[0]} | {"each": [one["total"] for one in each]}


def once(work: Workload, name: str, core: int) -> dict:
    """Seconds: of the whole process until it has answered, and of what is not the interpreter and its imports."""
    peer = adapter(name, work)
    if is_cairn(name):
        query = work.folder / f"query_{peer.kind}.npy"
        if not query.exists(): np.save(query, work.queries(peer.kind)[0])
        started = time.monotonic()
        process = start([*peer.first_answer(query), "--output", "json"], core, stdout=subprocess.PIPE)
        answer, _ = process.communicate(timeout=LIMIT)
        total = time.monotonic() - started
        if process.returncode: raise RuntimeError(f"cairn search ended with {process.returncode}")
        json.loads(answer)
        return {"total": total, "own": total}
    worker = Worker(work, name, "first", time.monotonic(), core=core)
    try: answer = worker.receive(LIMIT)
    finally: worker.stop()
    return {"total": answer["total"], "own": answer["opened"] + answer["answered"]}


def index_files(work: Workload, name: str) -> list[pathlib.Path]:
    return [path for path in work.index(name).rglob("*") if path.is_file()]


def warm(work: Workload, name: str, core: int) -> None:
    for path in index_files(work, name):
        with open(path, "rb", buffering=0) as file:
            while file.read(1 << 20): pass


def cold(work: Workload, name: str, core: int) -> None:
    """As root all of the page cache goes, and a run that only starts the program brings that back; else the index's files go."""
    os.sync()
    if os.access(DROP_CACHES, os.W_OK):
        DROP_CACHES.write_text("3")
        program(work, name, core)
        return
    for path in index_files(work, name):
        with open(path, "rb") as file: os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def program(work: Workload, name: str, core: int) -> None:
    """The peer's program and libraries, and the query, without its index."""
    peer = adapter(name, work)
    work.queries(peer.kind)
    if is_cairn(name): peer.version()  # reads and runs it
    worker = Worker(work, name, "imports", core=core)
    try: worker.receive(LIMIT)
    finally: worker.stop()
