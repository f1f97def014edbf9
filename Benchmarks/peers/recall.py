"""What was found of what there is, and QPS at a recall."""
from __future__ import annotations

import math

import numpy as np

from data import K, Workload

SLACK = 1e-3


class Judge:
    """Counts by distance, as ann-benchmarks does: a result is right when it is no farther than the k-th true neighbour, and a
    thousandth of that (of the squared distance; for cosine, 0.001 of 1 - cos). Distances are computed here from the rows that the
    returned labels stand for: what a peer reports as a distance is not asked."""

    def __init__(self, work: Workload):
        self.work, self.base, self.queries = work, work.base(), work.queries().astype(np.float64)
        bound = self.distances(work.truth()[:, :K].astype(np.int64)).max(axis=1)
        self.bound = bound + SLACK if work.cosine else bound * (1 + SLACK)

    def distances(self, labels: np.ndarray) -> np.ndarray:
        rows = self.base[labels.ravel()].astype(np.float64).reshape(*labels.shape, -1)
        if self.work.cosine: return 1 - np.einsum("qkd,qd->qk", rows, self.queries)
        return ((rows - self.queries[:, None, :]) ** 2).sum(axis=2)

    def recall(self, labels: np.ndarray) -> float:
        """A label that does not exist, or that comes twice, counts as not found."""
        labels = np.sort(np.asarray(labels)[:, :K].astype(np.int64), axis=1)
        known = (labels >= 0) & (labels < self.work.rows)
        known[:, 1:] &= labels[:, 1:] != labels[:, :-1]
        right = self.distances(np.where(known, labels, 0)) <= self.bound[:, None]
        return float((right & known).sum() / (len(labels) * K))


def pareto(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points (recall, QPS) that no other one beats in both, by rising recall."""
    front: list[tuple[float, float]] = []
    for recall, qps in sorted(points, key=lambda point: (-point[0], -point[1])):
        if not front or qps > front[-1][1]: front.append((recall, qps))
    return front[::-1]


def qps_at(points: list[tuple[float, float]], recall: float) -> float | None:
    """Interpolated on log QPS between the neighbouring points of the front; nothing outside of it."""
    front = pareto(points)
    for (low, fast), (high, slow) in zip(front, front[1:]):
        if low <= recall <= high:
            share = (recall - low) / (high - low)
            return math.exp(math.log(fast) * (1 - share) + math.log(slow) * share)
    return None
