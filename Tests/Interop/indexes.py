"""Indexes that hnswlib makes, with all that can have happened to one, and its answers."""
from dataclasses import dataclass

import hnswlib
import numpy as np

from answers import Answers
from index_file import IndexFile

METRICS = ("l2", "ip", "cosine")


def labels_of(count, start=0):
    """Labels that are no row numbers and use all 64 bits; 0 is among them."""
    return (np.arange(start, start + count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)) & np.uint64(2**64 - 1)


@dataclass(frozen=True)
class Recipe:
    metric: str = "l2"
    dimensions: int = 24
    m: int = 16
    count: int = 500
    # One of HISTORIES; or fresh; or of equal vectors, of whole numbers, with one vector of zeros, and nothing more.
    history: str = "fresh"
    threads: int = 1
    ef_construction: int = 60

    def __str__(self):
        threads = f"-{self.threads}threads" if self.threads > 1 else ""
        return f"{self.metric}-{self.dimensions}d-M{self.m}-{self.count}-{self.history}{threads}"

    def vectors(self, count, seed=0):
        return np.random.default_rng((7, self.dimensions, seed)).normal(size=(count, self.dimensions)).astype("f4")

    @property
    def queries(self):
        return self.vectors(50, seed=1)

    def build(self):
        index = hnswlib.Index(self.metric, self.dimensions)
        index.init_index(
            self.count + self.count // 5, M=self.m, ef_construction=self.ef_construction,
            allow_replace_deleted=self.history in REPLACING)
        if self.count > 0:
            rows = self.vectors(self.count)
            if self.history == "equal": rows = np.round(rows[np.arange(self.count) // 20])
            if self.history == "whole": rows = np.round(np.abs(rows) * 30)
            if self.history == "zero": rows[3] = 0
            index.add_items(rows, labels_of(self.count), num_threads=self.threads)
            if self.history in HISTORIES: HISTORIES[self.history](self, index, labels_of(self.count))
        return index

    def save(self, path):
        self.build().save_index(str(path))
        return path


def deleted(recipe, index, labels):
    for label in labels[::7]: index.mark_deleted(label)


def undeleted(recipe, index, labels):
    deleted(recipe, index, labels)
    for label in labels[::14]: index.unmark_deleted(label)


def all_undeleted(recipe, index, labels):
    deleted(recipe, index, labels)
    for label in labels[::7]: index.unmark_deleted(label)


def updated(recipe, index, labels):
    """New vectors for labels that are there, some of them deleted: adding brings those back."""
    for label in labels[1::9]: index.mark_deleted(label)
    changed = labels[::3]
    index.add_items(recipe.vectors(len(changed), seed=2), changed, num_threads=recipe.threads)


def replaced(recipe, index, labels):
    """New labels in the slots of deleted ones, some of which are left."""
    deleted(recipe, index, labels)
    count = len(labels) // 10
    index.add_items(recipe.vectors(count, seed=2), labels_of(count, start=len(labels)), num_threads=1, replace_deleted=True)


def repeated(recipe, index, labels):
    """hnswlib's defect: labels that are alive take the slots of deleted ones as well, and are then there twice."""
    deleted(recipe, index, labels)
    again = labels[1::31]
    index.add_items(recipe.vectors(len(again), seed=2), again, num_threads=1, replace_deleted=True)


def returned(recipe, index, labels):
    """Labels that were deleted and added again, in another's slot: what was theirs has their label still, and is deleted."""
    gone = labels[3:43]
    for label in gone[::-1]: index.mark_deleted(label)
    index.add_items(recipe.vectors(20, seed=2), gone[20:], num_threads=1, replace_deleted=True)


def entry_deleted(recipe, index, labels):
    # Labels are given in slot order, by one thread; that of the entry point is found in the pickled state, which has its slot.
    state = index.__getstate__()[0]
    slots = dict(zip(state["label_lookup_internal"].tolist(), state["label_lookup_external"].tolist()))
    index.mark_deleted(slots[state["enterpoint_node"]])


def all_deleted(recipe, index, labels):
    for label in labels: index.mark_deleted(label)


def mixed(recipe, index, labels):
    for step in (entry_deleted, replaced): step(recipe, index, labels)
    changed = alive(index, labels[1::7])
    index.add_items(recipe.vectors(len(changed), seed=3), changed, num_threads=1)
    for label in alive(index, labels[2::11]): index.mark_deleted(label)


def alive(index, labels):
    """Those that are there and not deleted."""
    def is_alive(label):
        try:
            index.get_items([label])
        except RuntimeError:
            return False
        return True
    return [label for label in labels if is_alive(label)]


HISTORIES = {
    "deleted": deleted, "undeleted": undeleted,
    "all-undeleted": all_undeleted, "updated": updated, "replaced": replaced, "repeated": repeated, "returned": returned,
    "entry-deleted": entry_deleted, "all-deleted": all_deleted, "mixed": mixed}
REPLACING = ("replaced", "repeated", "returned", "mixed")


def load(path, metric, dimensions, **options):
    index = hnswlib.Index(metric, dimensions)
    index.load_index(str(path), **options)
    return index


def reference(path, metric, dimensions):
    """hnswlib on the file, with the slots of repeated labels that do not count marked deleted, as each label is there once in a
    store: hnswlib itself would find both, under one label."""
    file = IndexFile(path)
    if len(file.superseded) == 0: return load(path, metric, dimensions)
    changed = path.with_suffix(".once")
    file.mark(file.superseded).save(changed)
    return load(changed, metric, dimensions)


def search(index, queries, k=10, ef=10):
    """hnswlib's answers. It raises when a query finds fewer than k: then it is asked for fewer, at the same width."""
    def ask(rows, k):
        index.set_ef(max(ef, wanted))
        return index.knn_query(rows, k=k)
    wanted = k
    try:
        return Answers(zip(*ask(queries, k)))
    except RuntimeError as error:
        assert "contiguous" in str(error)
    rows = []
    for query in queries:
        for fewer in range(k, -1, -1):
            try:
                labels, distances = ask(query, fewer)
                break
            except RuntimeError as error:
                assert "contiguous" in str(error)
        rows.append((labels[0], distances[0]))
    return Answers(rows)
