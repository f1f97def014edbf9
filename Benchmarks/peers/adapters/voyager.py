"""voyager, Spotify's fork of hnswlib, storing f32."""
from __future__ import annotations

import numpy as np

from .base import EF_CONSTRUCTION, M, Peer


class Voyager(Peer):
    package = "voyager"
    knob = "query_ef"

    def build(self) -> None:
        from voyager import Index, Space
        index = Index(Space.Cosine if self.work.cosine else Space.Euclidean, num_dimensions=self.work.dimensions, M=M,
                      ef_construction=EF_CONSTRUCTION)
        index.add_items(self.vectors(), num_threads=1)
        index.save(str(self.folder / "index.voy"))

    def load(self) -> None:
        from voyager import Index
        self.handle = Index.load(str(self.folder / "index.voy"))

    def search(self, queries, knob: int):
        return self.handle.query(queries, k=10, num_threads=1, query_ef=knob)

    def labels(self, answer) -> np.ndarray:
        return answer[0]
