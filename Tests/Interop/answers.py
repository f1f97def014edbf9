"""What a search found, and when two searches found the same."""
import numpy as np


class Answers(list):
    """For each query its labels and their distances, nearest first."""

    def __init__(self, rows):
        super().__init__((np.asarray(labels, dtype=np.uint64), np.asarray(distances)) for labels, distances in rows)

    @property
    def label_sets(self):
        return [set(labels.tolist()) for labels, _ in self]

    def recall(self, truth):
        """How many of the results, for as many as `truth` has, are as near as the last of those for the query; equal vectors count
        one as much as another."""
        limits = [distances[-1] + 1e-5 * (1 + abs(distances[-1])) for _, distances in truth]
        near = sum((distances <= limit).sum() for (_, distances), limit in zip(self, limits))
        return near / sum(len(labels) for labels, _ in truth)


def tolerance(metric, *answers):
    """The absolute difference that rounding makes: 1 - x·y loses digits where x·y is near 1."""
    if metric == "l2": return 1e-12
    largest = max((np.abs(distances).max(initial=0) for rows in answers for _, distances in rows), default=0)
    return 2e-6 * (1 + largest)


def assert_same_distances(found, expected, metric):
    """Of the labels that both found."""
    absolute = tolerance(metric, found, expected)
    for (labels, distances), (other_labels, other_distances) in zip(found, expected):
        _, ours, theirs = np.intersect1d(labels, other_labels, return_indices=True)
        np.testing.assert_allclose(distances[ours], other_distances[theirs], rtol=1e-5, atol=absolute)


def assert_same_answers(found, expected, metric):
    """As many results, the same distances in order, the same labels; or nearer ones throughout, where a search is so wide that all
    vectors are compared and a walk misses some. Where distances are equal up to rounding, so that either may be
    first, labels may stand the other way round; where that happens at the last place, either may be the one left out."""
    assert len(found) == len(expected)
    absolute = tolerance(metric, found, expected)
    for query, ((labels, distances), (other_labels, other_distances)) in enumerate(zip(found, expected)):
        assert len(labels) == len(other_labels), f"query {query}: {len(labels)} results, not {len(other_labels)}"
        slack = absolute + 1e-5 * np.abs(other_distances)
        assert (distances <= other_distances + slack).all(), f"query {query}: {distances} are farther than {other_distances}"
        assert len(set(labels.tolist())) == len(labels), f"query {query}: a label is there twice: {labels}"
        if (distances < other_distances - slack).any(): continue
        for some, others, values in ((labels, other_labels, distances), (other_labels, labels, other_distances)):
            missing = ~np.isin(some, others)
            np.testing.assert_allclose(
                values[missing], np.broadcast_to(values[-1:], missing.sum()), rtol=1e-5, atol=absolute,
                err_msg=f"query {query}: {labels} and {other_labels}")
    assert_same_distances(found, expected, metric)


def true_distances(vectors, queries, metric, normalised=True):
    """Of each query to each vector, in f64. Not `normalised`: for cosine vectors are taken as they are, as hnswlib does."""
    vectors, queries = np.asarray(vectors, dtype="f8"), np.asarray(queries, dtype="f8")
    if metric == "l2": return (queries**2).sum(1)[:, None] + (vectors**2).sum(1)[None] - 2 * queries @ vectors.T
    if metric == "cosine":
        if normalised: vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
        queries = queries / np.maximum(np.linalg.norm(queries, axis=1, keepdims=True), 1e-30)
    return 1 - queries @ vectors.T


def exact(vectors, labels, queries, metric, k=10, normalised=True):
    """The nearest by comparing with everything."""
    distances = true_distances(vectors, queries, metric, normalised)
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return Answers((np.asarray(labels, dtype="u8")[row], distances[i, row]) for i, row in enumerate(order))


def assert_true_distances(found, vectors, labels, queries, metric, normalised=True):
    """Each label is at the distance that was found, whether another search found it or not."""
    everything, rows = true_distances(vectors, queries, metric, normalised), {label: i for i, label in enumerate(labels.tolist())}
    for query, (some, distances) in enumerate(found):
        expected = everything[query, [rows[label] for label in some.tolist()]]
        np.testing.assert_allclose(distances, expected, rtol=1e-5, atol=max(1e-5, tolerance(metric, found)))
