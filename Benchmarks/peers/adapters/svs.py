"""Intel's Scalable Vector Search: its Vamana graph over f32 or u8. Its compressed forms (LVQ, LeanVec) end the process on processors
that are not Intel's, so they are asked for nowhere."""
from __future__ import annotations

import numpy as np

from .base import DEGREE, EF_CONSTRUCTION, Peer

ALPHA = 1.2


class Svs(Peer):
    """Cosine is searched as L2 of unit vectors, which ranks the same and takes the same alpha."""
    package = "svs"
    knob = "search_window_size"

    def version(self) -> str:
        import importlib.metadata
        return importlib.metadata.version("scalable-vs")

    def settings(self) -> dict:
        return {"graph_max_degree": DEGREE, "window_size": EF_CONSTRUCTION, "alpha": ALPHA, "distance": "L2", "data": self.kind}

    def parts(self) -> list[str]:
        return [str(self.folder / part) for part in ("config", "graph", "data")]

    def build(self) -> None:
        import svs
        parameters = svs.VamanaBuildParameters(alpha=ALPHA, graph_max_degree=DEGREE, window_size=EF_CONSTRUCTION)
        index = svs.Vamana.build(parameters, self.vectors(), svs.DistanceType.L2, num_threads=1)
        index.save(*self.parts())

    def load(self) -> None:
        import svs
        config, graph, data = self.parts()
        kind = svs.uint8 if self.kind == "u8" else svs.float32
        self.handle = svs.Vamana(config, svs.GraphLoader(graph), svs.VectorDataLoader(data, kind), distance=svs.DistanceType.L2,
                                 query_type=kind, num_threads=1)

    def search(self, queries, knob: int):
        self.handle.search_window_size = knob
        return self.handle.search(queries, 10)

    def labels(self, answer) -> np.ndarray:
        return answer[0]


class SvsU8(Svs):
    kind = "u8"

    def refusal(self) -> str | None:
        return None if self.work.bytes else "these data are not bytes"
