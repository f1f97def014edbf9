"""Stores that changed, and stores that never were hnswlib's: what comes out is a file that hnswlib loads, and that answers alike."""
import filecmp

import numpy as np
import pytest

from answers import assert_same_distances, exact
from index_file import IndexFile
from indexes import METRICS, Recipe, labels_of, load, search

COUNT = 1200
WIDTHS = (10, 30, 100)


class Model:
    """What the store must have: vectors by label, and which of them are marked deleted."""

    def __init__(self, labels, vectors):
        self.vectors = dict(zip(labels.tolist(), vectors))
        self.marked = set()

    def put(self, labels, vectors):
        self.vectors.update(zip(map(int, labels), vectors))

    @property
    def live(self):
        return sorted(set(self.vectors) - self.marked)

    def rows(self, labels):
        return np.array([self.vectors[int(label)] for label in labels])


def stored(vectors, metric):
    """As hnswlib keeps them."""
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True) if metric == "cosine" else vectors


def change(cairn, store, recipe, model, steps):
    labels, fresh = labels_of(recipe.count), recipe.vectors(400, seed=5)
    if "add" in steps:
        new = labels_of(150, start=recipe.count)
        cairn.add(store, fresh[:150], new)
        model.put(new, fresh[:150])
    if "mark" in steps:
        gone = labels[5:605:5]
        cairn.delete(store, gone)
        cairn.delete(store, gone[::4], "--undo")
        model.marked |= set(gone.tolist()) - set(gone[::4].tolist())
    if "erase" in steps:
        gone = labels[1:601:10]
        cairn.delete(store, gone, "--erase")
        for label in gone.tolist(): del model.vectors[label]
    if "upsert" in steps:
        changed = np.concatenate([labels[2:602:10], labels_of(10, start=recipe.count + 1000)])
        cairn.add(store, fresh[150:150 + len(changed)], changed, "--upsert")
        model.put(changed, fresh[150:])
    if "replace" in steps:
        # The slots of marked ones are taken, and these are gone then.
        before = set(cairn.labels(store, "--deleted").tolist())
        new = labels_of(30, start=recipe.count + 2000)
        cairn.add(store, fresh[300:330], new, "--replace-deleted")
        taken = before - set(cairn.labels(store, "--deleted").tolist())
        assert len(taken) == 30
        for label in taken: del model.vectors[label]
        model.marked -= taken
        model.put(new, fresh[300:330])
    assert sorted(cairn.labels(store).tolist()) == model.live
    assert sorted(cairn.labels(store, "--deleted").tolist()) == sorted(model.marked)


def check_export(cairn, store, path, model, metric, queries, loose=False):
    """hnswlib loads the file, has the store's labels and vectors, and answers alike; deletions are deletions."""
    dimensions, live = queries.shape[1], model.live
    file = IndexFile(path).check()
    assert file.count == len(model.vectors) and int(file.deleted.sum()) == len(model.marked)
    # In the order of the store's slots.
    assert np.array_equal(file.labels[~file.deleted], cairn.labels(store))
    index = load(path, metric, dimensions)
    assert index.element_count == file.count and set(index.get_ids_list()) == set(model.vectors)
    kept = np.array(index.get_items(live))
    np.testing.assert_allclose(kept, stored(model.rows(live), metric), rtol=2e-3 if loose else 1e-6, atol=2e-3 if loose else 1e-6)

    truth = exact(kept, live, queries, metric)
    for width in WIDTHS:
        ours, theirs = cairn.search(store, queries, ef=width), search(index, queries, ef=width)
        assert abs(ours.recall(truth) - theirs.recall(truth)) <= 0.01
        assert_same_distances(ours, theirs, metric)
        assert all(found <= set(live) for found in theirs.label_sets)
    return index


def check_reach(cairn, store, index, model, queries):
    """Every live vector of a graph that was built here can be reached, in hnswlib as well."""
    everything = dict(k=len(model.live), ef=len(model.vectors))
    for found in cairn.search(store, queries[:2], **everything), search(index, queries[:2], **everything):
        assert found.label_sets == [set(model.live)] * 2


def check_deletions(path, model, metric, dimensions, vectors):
    """Marked ones can be brought back, and their slots be used for new ones."""
    index = load(path, metric, dimensions)
    label = sorted(model.marked)[0]
    index.unmark_deleted(label)
    index.set_ef(index.element_count)
    assert label in index.knn_query(model.rows([label]), k=5)[0] or metric == "ip"
    np.testing.assert_allclose(index.get_items([label]), stored(model.rows([label]), metric), rtol=1e-6, atol=1e-6)

    index = load(path, metric, dimensions, allow_replace_deleted=True)
    new = labels_of(len(model.marked), start=10_000_000)
    index.add_items(vectors[:len(new)], new, num_threads=1, replace_deleted=True)
    assert index.element_count == len(model.vectors)
    assert set(index.get_ids_list()) == set(model.live) | set(new.tolist())
    index.set_ef(300)
    found = search(index, vectors[:len(new)], k=1, ef=300)
    if metric != "ip": assert sum(int(new[i]) in labels for i, (labels, _) in enumerate(found)) >= 0.95 * len(new)


STEPS = {
    "add": ("add",), "mark": ("mark",), "erase": ("erase",), "upsert": ("upsert",),
    "all": ("add", "mark", "erase", "upsert", "replace")}


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("metric, m", [("l2", 16), ("ip", 16), ("cosine", 16), ("l2", 5), ("cosine", 48)])
def test_an_import_that_changed(cairn, tmp_path, metric, m, steps):
    recipe = Recipe(metric, 20, m, count=COUNT, ef_construction=100)
    path = recipe.save(tmp_path / "index.bin")
    store, out = tmp_path / "index.cairn", tmp_path / "out.bin"
    cairn.convert(path, store, metric=metric)
    model = Model(labels_of(COUNT), recipe.vectors(COUNT))
    change(cairn, store, recipe, model, STEPS[steps])
    report = cairn.convert(store, out)
    assert (report["count"], report["deleted"], report["byte_identical"]) == (len(model.live), len(model.marked), False)
    check_export(cairn, store, out, model, metric, recipe.queries)
    if model.marked: check_deletions(out, model, metric, recipe.dimensions, recipe.vectors(400, seed=6))
    check_second_journey(cairn, out, tmp_path, metric)


def check_second_journey(cairn, path, tmp_path, metric):
    """A file that came out is one that goes in and comes out as it is."""
    cairn.convert(path, tmp_path / "second.cairn", metric=metric)
    cairn.convert(tmp_path / "second.cairn", tmp_path / "second.bin")
    assert filecmp.cmp(path, tmp_path / "second.bin", shallow=False)


@pytest.mark.parametrize("history", ("deleted", "repeated", "returned", "mixed", "all-deleted", "entry-deleted"))
def test_an_import_with_a_past_that_changed(cairn, tmp_path, history):
    """What hnswlib left in the file, and changes on top of it: the repeated labels' old slots are gone from what comes out."""
    recipe = Recipe("l2", 16, 10, count=500, history=history)
    file = IndexFile(recipe.save(tmp_path / "index.bin"))
    store, out = tmp_path / "index.cairn", tmp_path / "out.bin"
    cairn.convert(tmp_path / "index.bin", store, metric="l2")
    slots = file.slots
    model = Model(file.labels[slots], file.elements["vector"][slots])
    model.marked = set(file.labels[slots][file.deleted[slots]].tolist())
    fresh = recipe.vectors(60, seed=8)
    cairn.add(store, fresh, labels_of(60, start=50_000))
    model.put(labels_of(60, start=50_000), fresh)
    gone = cairn.labels(store)[::9]
    cairn.delete(store, gone, "--erase")
    for label in gone.tolist(): del model.vectors[label]
    cairn.convert(store, out)
    check_export(cairn, store, out, model, "l2", recipe.queries)
    check_second_journey(cairn, out, tmp_path, "l2")


def test_marking_and_taking_it_back_is_no_change(cairn, tmp_path):
    """The bytes come out as they went in: hnswlib itself would write the same."""
    recipe = Recipe("l2", 16, 8)
    path = recipe.save(tmp_path / "index.bin")
    store, out = tmp_path / "index.cairn", tmp_path / "out.bin"
    cairn.convert(path, store, metric="l2")
    cairn.delete(store, labels_of(10))
    index = load(path, "l2", 16)
    for label in labels_of(10): index.mark_deleted(label)
    index.save_index(str(tmp_path / "marked.bin"))
    cairn.convert(store, out)
    assert IndexFile(out).check().elements["flags"].tolist() == IndexFile(tmp_path / "marked.bin").elements["flags"].tolist()
    cairn.delete(store, labels_of(10), "--undo")
    cairn.convert(store, out, "--force")
    ours, theirs = load(out, "l2", 16), load(path, "l2", 16)
    for a, b in zip(search(ours, recipe.queries, ef=50), search(theirs, recipe.queries, ef=50)):
        assert np.array_equal(a[0], b[0]) and np.array_equal(a[1], b[1])


@pytest.mark.parametrize("scalar", ("f32", "f16", "u8", "i8"))
@pytest.mark.parametrize("metric", METRICS)
def test_a_store_that_was_built_here(cairn, tmp_path, metric, scalar):
    rng = np.random.default_rng(11)
    if scalar in ("u8", "i8"):
        low = 0 if scalar == "u8" else -100
        vectors, queries = (rng.integers(low, 120, (n, 24)).astype("f4") for n in (COUNT, 50))
    else:
        vectors, queries = (rng.normal(size=(n, 24)).astype("f4") for n in (COUNT, 50))
    np.save(tmp_path / "vectors.npy", vectors)
    np.save(tmp_path / "labels.npy", labels_of(COUNT))
    store, out = tmp_path / "built.cairn", tmp_path / "out.bin"
    cairn("build", store, tmp_path / "vectors.npy", "--metric", metric, "--scalar", scalar, "--labels", tmp_path / "labels.npy",
          "-M", 12, "--ef-construction", 80, "--quiet")
    model = Model(labels_of(COUNT), vectors)
    report = cairn.convert(store, out)
    assert (report["count"], report["m"], report["ef_construction"]) == (COUNT, 12, 80)
    if scalar in ("u8", "i8") and metric != "cosine":
        assert np.array_equal(IndexFile(out).elements["vector"], vectors)
    index = check_export(cairn, store, out, model, metric, queries, loose=scalar == "f16")
    check_reach(cairn, store, index, model, queries)
    check_second_journey(cairn, out, tmp_path, metric)


@pytest.mark.parametrize("metric", METRICS)
def test_a_store_grows_and_shrinks_before_it_comes_out(cairn, tmp_path, metric):
    """No import at all: created empty, filled, changed."""
    recipe = Recipe(metric, 20, 16, count=0)
    store, out = tmp_path / "live.cairn", tmp_path / "out.bin"
    cairn("create", store, "--dim", 20, "--metric", metric)
    cairn.convert(store, tmp_path / "empty.bin")
    index = load(tmp_path / "empty.bin", metric, 20, max_elements=10)
    assert index.element_count == 0
    index.add_items(recipe.vectors(10), labels_of(10))
    model = Model(labels_of(800), recipe.vectors(800))
    cairn.add(store, recipe.vectors(800), labels_of(800))
    cairn.delete(store, labels_of(800)[::3])
    model.marked = set(labels_of(800)[::3].tolist())
    cairn.delete(store, labels_of(800)[1::3], "--erase")
    for label in labels_of(800)[1::3].tolist(): del model.vectors[label]
    cairn.convert(store, out, max_elements=5000)
    index = check_export(cairn, store, out, model, metric, recipe.queries)
    check_reach(cairn, store, index, model, recipe.queries)
    assert index.max_elements == 5000
    check_deletions(out, model, metric, 20, recipe.vectors(400, seed=6))
    # There is room for more, and hnswlib goes on with the file.
    index.add_items(recipe.vectors(500, seed=7), labels_of(500, start=20_000))
    index.set_ef(100)
    assert index.element_count == len(model.vectors) + 500


@pytest.mark.parametrize("codes", ("sq8", "sq4"))
@pytest.mark.parametrize("metric", METRICS)
def test_codes_stay_behind(cairn, tmp_path, metric, codes):
    """hnswlib has none. An import that was given codes comes out as it went in; a store that changed goes out as without them."""
    recipe = Recipe(metric, 20, 12, count=COUNT, ef_construction=100)
    path = recipe.save(tmp_path / "index.bin")
    store, out, plain = tmp_path / "index.cairn", tmp_path / "out.bin", tmp_path / "plain.bin"
    cairn.convert(path, store, metric=metric)
    cairn("quantize", store, codes, "--quiet")
    info = cairn.json("info", store)
    assert info["quantization"] == codes and info["quantization_bytes"] > 0
    assert cairn.convert(store, out)["byte_identical"]
    assert filecmp.cmp(path, out, shallow=False)
    model = Model(labels_of(COUNT), recipe.vectors(COUNT))
    # These are linked by the codes.
    change(cairn, store, recipe, model, STEPS["all"])
    cairn.convert(store, out, "--force")
    cairn("verify", store)
    cairn("quantize", store, "none", "--quiet")
    cairn.convert(store, plain)
    assert filecmp.cmp(out, plain, shallow=False)
    index = check_export(cairn, store, out, model, metric, recipe.queries)
    check_reach(cairn, store, index, model, recipe.queries)
    check_second_journey(cairn, out, tmp_path, metric)
