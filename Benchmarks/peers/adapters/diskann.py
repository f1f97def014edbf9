"""DiskANN through diskannpy: its index in memory, and the one on disk, which reads with O_DIRECT whatever the page cache holds."""
from __future__ import annotations

import numpy as np

from .base import DEGREE, EF_CONSTRUCTION, Peer

ALPHA = 1.2


class DiskannMemory(Peer):
    """Cosine is searched as L2 of unit vectors, which ranks the same; the index on disk knows no cosine."""
    package = "diskannpy"
    knob = "complexity"

    def settings(self) -> dict:
        return {"graph_degree": DEGREE, "complexity": EF_CONSTRUCTION, "alpha": ALPHA, "distance": "l2"}

    def build(self) -> None:
        import diskannpy
        diskannpy.build_memory_index(self.vectors(), "l2", str(self.folder), complexity=EF_CONSTRUCTION,
                                     graph_degree=DEGREE, num_threads=1, alpha=ALPHA)

    def load(self) -> None:
        import diskannpy
        self.handle = diskannpy.StaticMemoryIndex(str(self.folder), num_threads=1, initial_search_complexity=max(self.sweep))

    def search(self, queries, knob: int):
        return self.handle.batch_search(queries, k_neighbors=10, complexity=knob, num_threads=1)

    def labels(self, answer) -> np.ndarray:
        return answer.identifiers


class DiskannDisk(DiskannMemory):
    """Opened for two threads, of which one is used: with one, opening waits for ever. No nodes are cached: filling the cache
    searches a sample at every opening, which takes seconds."""

    def settings(self) -> dict:
        return super().settings() | {"pq_bytes": self.pq_bytes(), "num_nodes_to_cache": 0, "beam_width": 2, "io": "O_DIRECT"}

    def pq_bytes(self) -> int:
        return min(self.work.dimensions // 2, 128)

    def build(self) -> None:
        import diskannpy
        diskannpy.build_disk_index(self.vectors(), "l2", str(self.folder), complexity=EF_CONSTRUCTION,
                                   graph_degree=DEGREE, search_memory_maximum=self.work.rows * (self.pq_bytes() + 0.5) / 2**30,
                                   build_memory_maximum=8, num_threads=1, pq_disk_bytes=0)

    def load(self) -> None:
        import diskannpy
        self.handle = diskannpy.StaticDiskIndex(str(self.folder), num_threads=2, num_nodes_to_cache=0, cache_mechanism=0)
