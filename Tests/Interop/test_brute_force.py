"""hnswlib's BFIndex: rows and labels. Its files say neither metric nor dimensions, and end in memory that nobody set."""
import hnswlib
import numpy as np
import pytest

from answers import Answers, assert_same_answers, exact
from indexes import METRICS, labels_of, load, search

DIMENSIONS = 14


class BruteForce:
    def __init__(self, path, metric, count=300, capacity=450, gone=0):
        rng = np.random.default_rng(3)
        vectors = rng.normal(size=(count, DIMENSIONS)).astype("f4")
        self.queries = rng.normal(size=(30, DIMENSIONS)).astype("f4")
        self.index = hnswlib.BFIndex(metric, DIMENSIONS)
        self.index.init_index(capacity)
        labels = labels_of(count)
        if count: self.index.add_items(vectors, labels)
        for label in labels[:gone]: self.index.delete_vector(label)
        self.index.save_index(str(path))
        if metric == "cosine": vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        self.vectors = dict(zip(labels[gone:].tolist(), vectors[gone:]))

    def answers(self, k=10):
        return Answers(zip(*self.index.knn_query(self.queries, k=k)))


@pytest.mark.parametrize("gone", (0, 40))
@pytest.mark.parametrize("metric", METRICS)
def test_becomes_vectors(cairn, tmp_path, metric, gone):
    made = BruteForce(tmp_path / "brute.bin", metric, gone=gone)
    report = cairn.convert(tmp_path / "brute.bin", tmp_path / "out.npy", save_labels=tmp_path / "labels.npy")
    assert (report["from"], report["count"], report["dimensions"]) == ("bfindex", 300 - gone, DIMENSIONS)
    labels, rows = np.load(tmp_path / "labels.npy"), np.load(tmp_path / "out.npy")
    assert labels.dtype == np.uint64 and rows.dtype == np.float32
    assert sorted(labels.tolist()) == sorted(made.vectors)
    np.testing.assert_allclose(rows, [made.vectors[label] for label in labels.tolist()], rtol=1e-6)


@pytest.mark.parametrize("capacity", (300, 301, 5000))
def test_is_recognised_whatever_its_capacity(cairn, tmp_path, capacity):
    BruteForce(tmp_path / "brute.bin", "l2", capacity=capacity)
    report = cairn.convert(tmp_path / "brute.bin", tmp_path / "out.fbin", "--dry-run")
    assert (report["from"], report["count"], report["dimensions"]) == ("bfindex", 300, DIMENSIONS)


@pytest.mark.parametrize("metric", METRICS)
def test_becomes_a_store_and_an_index_of_hnswlib(cairn, tmp_path, metric):
    made = BruteForce(tmp_path / "brute.bin", metric, gone=25)
    rows = np.array(list(made.vectors.values()))
    # Its own answers to cosine are wrong: it does not normalise queries.
    expected = exact(rows, list(made.vectors), made.queries, metric) if metric == "cosine" else made.answers()
    store, out = tmp_path / "brute.cairn", tmp_path / "out.bin"
    report = cairn.convert(tmp_path / "brute.bin", store, metric=metric)
    assert (report["count"], report["metric"]) == (275, metric)
    assert_same_answers(cairn.search(store, made.queries, ef=275), expected, metric)
    cairn.convert(tmp_path / "brute.bin", out, metric=metric)
    assert_same_answers(search(load(out, metric, DIMENSIONS), made.queries, ef=275), expected, metric)


def test_an_empty_one(cairn, tmp_path):
    BruteForce(tmp_path / "brute.bin", "l2", count=0, capacity=3)
    report = cairn.convert(tmp_path / "brute.bin", tmp_path / "brute.cairn", metric="l2", **{"from": "bfindex"})
    assert report["count"] == 0 and report["dimensions"] == DIMENSIONS
