"""Qdrant Edge, the embedded form of Qdrant: a shard with a write-ahead log."""
from __future__ import annotations

import numpy as np

from .base import EF_CONSTRUCTION, M, Peer

WAL, FLUSH = "wal", "wal+flush"


class Qdrant(Peer):
    package = "qdrant_edge"
    knob = "hnsw_ef"
    batch = "query_batch of all queries, on one thread"

    def version(self) -> str:
        import importlib.metadata
        return importlib.metadata.version("qdrant-edge-py")

    def settings(self) -> dict:
        return {"m": M, "ef_construct": EF_CONSTRUCTION, "memory": "Cached", "default_segment_number": 1, "max_search_threads": 1}

    def config(self):
        import qdrant_edge as q
        distance = q.Distance.Cosine if self.work.cosine else q.Distance.Euclid
        return q.EdgeConfig(
            vectors=q.EdgeVectorParams(self.work.dimensions, distance, memory=q.Memory.Cached),
            hnsw_config=q.HnswIndexConfig(M, EF_CONSTRUCTION, full_scan_threshold=10, max_indexing_threads=1,
                                          memory=q.Memory.Cached),
            optimizers=q.EdgeOptimizersConfig(default_segment_number=1, max_segment_size=1 << 40, indexing_threshold=1000),
            max_search_threads=1)

    def points(self, vectors: np.ndarray, first: int):
        import qdrant_edge as q
        return q.UpdateOperation.upsert_points([q.Point(first + row, vector.tolist(), {}) for row, vector in enumerate(vectors)])

    def build(self) -> None:
        import qdrant_edge as q
        shard = q.EdgeShard.create(str(self.folder), self.config())
        base = self.vectors()
        for first in range(0, self.work.rows, 5000):
            shard.update(self.points(base[first:first + 5000], first))
        shard.flush()
        while shard.optimize(): pass
        shard.flush()
        shard.close()

    def load(self) -> None:
        import qdrant_edge as q
        self.handle = q.EdgeShard.load(str(self.folder), self.config())

    def prepared(self, queries: np.ndarray):
        return [vector.tolist() for vector in queries]

    def requests(self, queries: list, knob: int):
        import qdrant_edge as q
        parameters = q.SearchParams(hnsw_ef=knob)
        return q.QueryBatchRequest([
            q.QueryRequest(query=q.Query.Nearest(vector), limit=10, params=parameters) for vector in queries])

    def search(self, queries, knob: int):
        return self.handle.query_batch(self.requests(queries, knob))

    def labels(self, answer) -> np.ndarray:
        found = np.full((len(answer), 10), -1, np.int64)
        for row, points in enumerate(answer):
            found[row, :len(points)] = [point.id for point in points]
        return found

    def policies(self) -> list[str]:
        return [WAL, FLUSH]

    def open_for_adds(self, extra: int) -> None:
        self.load()

    def add(self, vectors: np.ndarray, first: int, policy: str) -> None:
        self.handle.update(self.points(vectors, first))
        if policy == FLUSH: self.handle.flush()

    def held(self, labels: np.ndarray) -> np.ndarray:
        found = [record.id for first in range(0, len(labels), 1000)
                 for record in self.handle.retrieve(labels[first:first + 1000].tolist(), with_payload=False, with_vector=False)]
        return np.isin(labels, found)
