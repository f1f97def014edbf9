"""hnswlib, compiled with -march=native from its source release."""
from __future__ import annotations

import numpy as np

from .base import ATOMIC, EF_CONSTRUCTION, IN_PLACE, M, Peer, save_with


class Hnswlib(Peer):
    package = "hnswlib"

    def empty(self):
        import hnswlib
        index = hnswlib.Index(space="cosine" if self.work.cosine else "l2", dim=self.work.dimensions)
        index.set_num_threads(1)
        return index

    def build(self) -> None:
        index = self.empty()
        index.init_index(self.work.rows, M=M, ef_construction=EF_CONSTRUCTION, random_seed=100)
        index.add_items(self.vectors(), num_threads=1)
        index.save_index(str(self.folder / "index.bin"))

    def load(self) -> None:
        self.handle = self.empty()
        self.handle.load_index(str(self.folder / "index.bin"))

    def search(self, queries, knob: int):
        self.handle.set_ef(knob)
        return self.handle.knn_query(queries, k=10, num_threads=1)

    def labels(self, answer) -> np.ndarray:
        return answer[0]

    def policies(self) -> list[str]:
        return [IN_PLACE, ATOMIC]

    def open_for_adds(self, extra: int) -> None:
        self.handle = self.empty()
        self.handle.load_index(str(self.folder / "index.bin"), max_elements=self.work.rows + extra)

    def add(self, vectors: np.ndarray, first: int, policy: str) -> None:
        self.handle.add_items(vectors, np.arange(first, first + len(vectors)), num_threads=1)
        save_with(self.handle.save_index, self.folder / "index.bin", policy)

    def held(self, labels: np.ndarray) -> np.ndarray:
        return np.isin(labels, np.array(self.handle.get_ids_list()))
