"""usearch, storing f32 or i8."""
from __future__ import annotations

import numpy as np

from .base import ATOMIC, EF_CONSTRUCTION, IN_PLACE, M, Peer, save_with


class Usearch(Peer):
    package = "usearch"
    knob = "expansion_search"
    dtype = "f32"

    def settings(self) -> dict:
        return {"connectivity": M, "expansion_add": EF_CONSTRUCTION, "dtype": self.dtype,
                "metric": "cos" if self.work.cosine else "l2sq"}

    def warm_import(self) -> None:
        import usearch.index  # noqa: F401

    def empty(self):
        from usearch.index import Index
        return Index(ndim=self.work.dimensions, metric="cos" if self.work.cosine else "l2sq", dtype=self.dtype,
                     connectivity=M, expansion_add=EF_CONSTRUCTION)

    def values(self, rows: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(rows, np.float32)

    def build(self) -> None:
        index = self.empty()
        index.add(np.arange(self.work.rows), self.values(self.vectors()), threads=1, copy=True)
        index.save(str(self.folder / "index.usearch"))

    def load(self) -> None:
        self.handle = self.empty()
        self.handle.load(str(self.folder / "index.usearch"))

    def prepared(self, queries: np.ndarray) -> np.ndarray:
        return self.values(queries)

    def search(self, queries, knob: int):
        self.handle.expansion_search = knob
        return self.handle.search(queries, 10, threads=1)

    def labels(self, answer) -> np.ndarray:
        return answer.keys.reshape(-1, 10)

    def policies(self) -> list[str]:
        return [IN_PLACE, ATOMIC]

    def open_for_adds(self, extra: int) -> None:
        self.load()

    def add(self, vectors: np.ndarray, first: int, policy: str) -> None:
        self.handle.add(np.arange(first, first + len(vectors)), self.values(vectors), threads=1)
        save_with(self.handle.save, self.folder / "index.usearch", policy)

    def held(self, labels: np.ndarray) -> np.ndarray:
        return np.asarray(self.handle.contains(labels.astype(np.uint64)))


class UsearchI8(Usearch):
    """Bytes are stored exactly, each less 128, which leaves squared distances as they are. Other data usearch scales by itself."""
    dtype = "i8"

    def values(self, rows: np.ndarray) -> np.ndarray:
        if not self.work.bytes: return super().values(rows)
        return (np.asarray(rows, np.float32) - 128).astype(np.int8)

    def settings(self) -> dict:
        return super().settings() | {"given": "bytes less 128, as i8" if self.work.bytes else "f32, scaled by usearch"}

    def policies(self) -> list[str]:
        return []
