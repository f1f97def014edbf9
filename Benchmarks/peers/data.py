"""Vectors, queries and true neighbours, prepared once in the forms that the peers want.

A folder of data has base_*.npy (or vectors.npy), queries*.npy and ground_truth*.npy of row numbers. What is made of it stays in
Benchmarks/.build/peers/<data>-<rows>, beside the indexes: everybody gets the same f32 values, of unit length where the distance is
the cosine, so that no peer is charged for normalising; bytes are kept as bytes too, for those who can store them.
"""
from __future__ import annotations

import dataclasses
import json
import os
import pathlib

import numpy as np

PROJECT = pathlib.Path(__file__).resolve().parent.parent.parent
CACHE = pathlib.Path(os.environ.get("PEERS_CACHE", PROJECT / "Benchmarks/.build/peers"))
K = 10


@dataclasses.dataclass
class Workload:
    """Paths, so that workers map what they need; the rows of `base` have labels 0, 1, 2, …"""
    name: str
    folder: pathlib.Path
    source: str
    rows: int
    dimensions: int
    queries_count: int
    metric: str
    bytes: bool

    @property
    def title(self) -> str:
        return f"{self.name}-{self.rows}"

    @property
    def cosine(self) -> bool:
        return self.metric == "cosine"

    def base(self, kind: str = "f32") -> np.ndarray:
        return np.load(self.path("base", kind), mmap_mode="r")

    def queries(self, kind: str = "f32") -> np.ndarray:
        return np.load(self.path("queries", kind))

    def truth(self) -> np.ndarray:
        return np.load(self.folder / "truth.npy")

    def path(self, what: str, kind: str = "f32") -> pathlib.Path:
        return self.folder / f"{what}_{kind}.npy"

    def index(self, peer: str) -> pathlib.Path:
        return self.folder / peer


def open_workload(folder: pathlib.Path) -> Workload:
    """What `prepare` has left there; for workers."""
    values = json.loads((folder / "workload.json").read_text())
    return Workload(folder=folder, **values)


def prepare(data: pathlib.Path, rows: int | None, metric: str | None) -> Workload:
    """The workload of the first `rows` rows of a folder of data, made unless it is there."""
    data = data.resolve()
    sources = sorted(data.glob("base_*.npy")) or sorted(data.glob("vectors.npy"))
    if not sources: raise SystemExit(f"{data} has neither base_*.npy nor vectors.npy")
    base = np.load(sources[0], mmap_mode="r")
    rows = min(rows or len(base), len(base))
    metric = metric or guess_metric(data, base)
    folder = CACHE / f"{data.name}-{rows}"
    if (folder / "workload.json").exists():
        found = open_workload(folder)
        if found.metric != metric: raise SystemExit(f"{folder} was made for {found.metric}: remove it to measure {metric}")
        return found
    folder.mkdir(parents=True, exist_ok=True)
    queries = np.load(sorted(data.glob("queries*.npy"))[0])
    work = Workload(data.name, folder, str(data), rows, base.shape[1], len(queries), metric, base.dtype == np.uint8)
    if work.bytes:
        np.save(work.path("base", "u8"), base[:rows])
        np.save(work.path("queries", "u8"), queries)
    np.save(work.path("base"), unit(base[:rows]) if work.cosine else np.asarray(base[:rows], np.float32))
    np.save(work.path("queries"), unit(queries) if work.cosine else np.asarray(queries, np.float32))
    np.save(folder / "truth.npy", true_neighbours(data, work, len(base)))
    values = dataclasses.asdict(work)
    del values["folder"]
    (folder / "workload.json").write_text(json.dumps(values, indent=2))
    return work


def guess_metric(data: pathlib.Path, base: np.ndarray) -> str:
    """Rows of unit length are compared by their angle."""
    lengths = np.linalg.norm(np.asarray(base[:1000], np.float32), axis=1)
    return "cosine" if (data / "ground_truth_cos.npy").exists() or np.all(np.abs(lengths - 1) < 0.01) else "l2"


def unit(rows: np.ndarray) -> np.ndarray:
    values = np.asarray(rows, np.float32)
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def true_neighbours(data: pathlib.Path, work: Workload, available: int) -> np.ndarray:
    """Row numbers, nearest first: from the folder when it has them for these rows, computed otherwise."""
    name = "ground_truth.npy" if work.rows == available else f"ground_truth_{work.rows // 1000}k.npy"
    if (data / name).exists() and (work.rows == available or work.rows % 1000 == 0):
        return np.ascontiguousarray(np.load(data / name), dtype=np.int32)
    return exact_neighbours(work.base(), work.queries(), 2 * K)


def exact_neighbours(base: np.ndarray, queries: np.ndarray, count: int) -> np.ndarray:
    """Compares every query with every row. Squared distances of bytes are exact in f32: they stay below 2^24."""
    best = np.zeros((len(queries), 0), np.int64)
    distances = np.zeros((len(queries), 0), np.float32)
    for first in range(0, len(base), 50_000):
        block = np.asarray(base[first:first + 50_000], np.float32)
        further = (block * block).sum(1)[None, :] - 2 * (queries @ block.T)
        best = np.concatenate([best, np.broadcast_to(np.arange(first, first + len(block)), further.shape)], axis=1)
        distances = np.concatenate([distances, further], axis=1)
        order = np.argsort(distances, axis=1, kind="stable")[:, :count]
        best, distances = np.take_along_axis(best, order, 1), np.take_along_axis(distances, order, 1)
    return best.astype(np.int32)
