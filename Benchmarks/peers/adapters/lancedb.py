"""LanceDB: a table in columns with an HNSW index over 8-bit codes; exact distances of twice the results put them in order."""
from __future__ import annotations

import numpy as np

from .base import EF_CONSTRUCTION, M, SWEEP, Peer

REFINE = 2


class Lancedb(Peer):
    package = "lancedb"
    batch = "one search call with all queries; LANCE_CPU_THREADS=1"
    sweep = [width for width in SWEEP if width >= 10 * REFINE]

    def settings(self) -> dict:
        return {"index": "IVF_HNSW_SQ", "num_partitions": 1, "m": M, "ef_construction": EF_CONSTRUCTION, "refine_factor": REFINE}

    def rows(self, vectors: np.ndarray, first: int):
        import pyarrow as pa
        flat = pa.array(np.ascontiguousarray(vectors, np.float32).ravel())
        return pa.table({"label": pa.array(np.arange(first, first + len(vectors))),
                         "vector": pa.FixedSizeListArray.from_arrays(flat, self.work.dimensions)})

    def build(self) -> None:
        import lancedb
        table = lancedb.connect(str(self.folder)).create_table("vectors", self.rows(self.vectors(), 0))
        table.create_index(metric="cosine" if self.work.cosine else "l2", num_partitions=1, index_type="IVF_HNSW_SQ", m=M,
                           ef_construction=EF_CONSTRUCTION, vector_column_name="vector")

    def load(self) -> None:
        import lancedb
        self.handle = lancedb.connect(str(self.folder)).open_table("vectors")

    def search(self, queries, knob: int):
        question = self.handle.search(queries, vector_column_name="vector").ef(knob).nprobes(1).refine_factor(REFINE)
        return question.limit(10).select(["label"]).to_arrow()

    def labels(self, answer) -> np.ndarray:
        labels = answer["label"].to_numpy()
        rows = answer["query_index"].to_numpy() if "query_index" in answer.column_names else np.zeros(len(labels), int)
        found = np.full((rows.max() + 1, 10), -1, np.int64)
        order = np.argsort(rows, kind="stable")
        rows, labels = rows[order], labels[order]
        found[rows, np.arange(len(rows)) - np.searchsorted(rows, rows)] = labels
        return found

    def policies(self) -> list[str]:
        return ["commit"]

    def open_for_adds(self, extra: int) -> None:
        self.load()

    def add(self, vectors: np.ndarray, first: int, policy: str) -> None:
        self.handle.add(self.rows(vectors, first))

    def held(self, labels: np.ndarray) -> np.ndarray:
        return np.isin(labels, self.handle.to_arrow()["label"].to_numpy())
