"""faiss: HNSW over f32 vectors, and over its 8-bit scalar quantiser, which takes bytes as they are."""
from __future__ import annotations

import numpy as np

from .base import ATOMIC, EF_CONSTRUCTION, IN_PLACE, M, Peer, save_with


class FaissHnsw(Peer):
    package = "faiss"
    knob = "efSearch"

    def version(self) -> str:
        import faiss
        return f"{faiss.__version__} ({faiss.get_compile_options().strip()})"

    def empty(self):
        import faiss
        return faiss.IndexHNSWFlat(self.work.dimensions, M, self.metric())

    def metric(self) -> int:
        import faiss
        return faiss.METRIC_INNER_PRODUCT if self.work.cosine else faiss.METRIC_L2

    def build(self) -> None:
        import faiss
        faiss.omp_set_num_threads(1)
        index = self.empty()
        index.hnsw.efConstruction = EF_CONSTRUCTION
        base = self.vectors()
        if not index.is_trained: index.train(base)
        index.add(base)
        faiss.write_index(index, str(self.folder / "index.faiss"))

    def load(self) -> None:
        import faiss
        faiss.omp_set_num_threads(1)
        self.handle = faiss.read_index(str(self.folder / "index.faiss"))

    def search(self, queries, knob: int):
        self.handle.hnsw.efSearch = knob
        return self.handle.search(queries, 10)

    def labels(self, answer) -> np.ndarray:
        return answer[1]

    def policies(self) -> list[str]:
        return [IN_PLACE, ATOMIC]

    def open_for_adds(self, extra: int) -> None:
        self.load()

    def add(self, vectors: np.ndarray, first: int, policy: str) -> None:
        import faiss
        self.handle.add(vectors)
        save_with(lambda path: faiss.write_index(self.handle, path), self.folder / "index.faiss", policy)

    def held(self, labels: np.ndarray) -> np.ndarray:
        """faiss numbers its vectors 0, 1, 2, … and keeps no other labels."""
        return labels < self.handle.ntotal


class FaissHnswSQ8(FaissHnsw):
    def settings(self) -> dict:
        return super().settings() | {"quantiser": "QT_8bit_direct" if self.work.bytes else "QT_8bit"}

    def empty(self):
        import faiss
        kind = faiss.ScalarQuantizer.QT_8bit_direct if self.work.bytes else faiss.ScalarQuantizer.QT_8bit
        return faiss.IndexHNSWSQ(self.work.dimensions, kind, M, self.metric())

    def policies(self) -> list[str]:
        return []
