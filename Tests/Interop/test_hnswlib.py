"""Files that hnswlib wrote: as a store they answer alike, and they come out byte for byte."""
import filecmp

import hnswlib
import numpy as np
import pytest

from answers import assert_same_answers, assert_true_distances, exact
from index_file import IndexFile
from indexes import HISTORIES, METRICS, Recipe, load, reference, search

DIMENSIONS = {2: 3, 3: 17, 16: 32, 48: 128, 64: 25}
WIDTHS = (1, 20, 120, 200)

RECIPES = [Recipe(metric, DIMENSIONS[m], m) for metric in METRICS for m in DIMENSIONS]
RECIPES += [Recipe(metric, 20, m, count=n) for metric in METRICS for m, n in ((2, 0), (16, 0), (3, 1), (64, 1), (16, 2), (5, 12))]
RECIPES += [Recipe(metric, 1, 4, count=40) for metric in METRICS]
RECIPES += [Recipe(metric, 16, 8, history=history) for metric in METRICS for history in HISTORIES]
RECIPES += [Recipe(metric, 19, 12, history="mixed", threads=3) for metric in METRICS]
RECIPES += [Recipe(metric, 9, 8, count=400, history="zero") for metric in METRICS]
# Far out: hnswlib's largest M, long vectors, a width above what a store keeps.
RECIPES += [Recipe("l2", 8, 500), Recipe("l2", 8, 10_000, count=30), Recipe("ip", 20_000, 4, count=50)]
RECIPES += [Recipe("l2", 4, 4, count=300, ef_construction=5_000_000)]
RECIPES += [Recipe("l2", 8, 2, history="mixed"), Recipe("l2", 8, 64, history="mixed"), Recipe("l2", 9, 6, count=3000, threads=2)]


def assert_same_file(found, expected):
    if filecmp.cmp(found, expected, shallow=False): return
    ours, theirs = (np.frombuffer(path.read_bytes(), "u1") for path in (found, expected))
    assert len(ours) == len(theirs)
    raise AssertionError(f"bytes differ, the first at {np.flatnonzero(ours != theirs)[:10]}")


def check_store(cairn, store, file):
    """The store has the file's labels, in the file's order, and its vectors."""
    deleted = file.deleted[file.slots]
    live, marked = file.labels[file.slots][~deleted], file.labels[file.slots][deleted]
    assert np.array_equal(cairn.labels(store), live)
    assert np.array_equal(cairn.labels(store, "--deleted"), marked)
    cairn("verify", store, "--depth", "checksums")


def check_answers(cairn, store, path, metric, dimensions, queries):
    """As hnswlib's at the same width. From a quarter of its vectors on a store reads all of them instead: then its answers are exact,
    and hnswlib's may be worse, as it leaves some vectors of some graphs out of reach."""
    file = IndexFile(path)
    index = reference(path, metric, dimensions)
    slots = file.slots[~file.deleted[file.slots]]
    rows = file.elements["vector"][slots], file.labels[slots]
    everything = exact(*rows, queries, metric, normalised=False)
    for width in WIDTHS:
        found = cairn.search(store, queries, ef=width)
        is_wide = max(width, 10) >= file.count // 4
        assert_same_answers(found, everything if is_wide else search(index, queries, ef=width), metric)
        assert_true_distances(found, *rows, queries, metric, normalised=False)


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_a_file_answers_alike_and_comes_out_as_it_went_in(cairn, tmp_path, recipe):
    path = recipe.save(tmp_path / "index.bin")
    store, again = tmp_path / "index.cairn", tmp_path / "again.bin"
    file = IndexFile(path)

    report = cairn.convert(path, store, metric=recipe.metric)
    assert (report["from"], report["to"]) == ("hnswlib", "cairn")
    assert (report["dimensions"], report["metric"], report["scalar"]) == (recipe.dimensions, recipe.metric, "f32")
    assert (report["m"], report["ef_construction"]) == (recipe.m, max(recipe.m, recipe.ef_construction))
    deleted = int(file.deleted[file.slots].sum())
    assert (report["count"], report["deleted"]) == (len(file.slots) - deleted, deleted)
    assert bool(report["warnings"]) == (len(file.superseded) > 0), report["warnings"]
    check_store(cairn, store, file)

    check_answers(cairn, store, path, recipe.metric, recipe.dimensions, recipe.queries)

    report = cairn.convert(store, again)
    assert (report["from"], report["to"], report["byte_identical"]) == ("cairn", "hnswlib", True)
    assert_same_file(again, path)


@pytest.mark.parametrize("history", ("fresh", "repeated", "returned"))
def test_vectors_come_through_unchanged(cairn, tmp_path, history):
    recipe = Recipe("l2", 21, 7, history=history)
    path = recipe.save(tmp_path / "index.bin")
    cairn.convert(path, tmp_path / "index.cairn", metric="l2")
    file = IndexFile(path)
    slots = file.slots[~file.deleted[file.slots]]
    assert np.array_equal(cairn.get(tmp_path / "index.cairn", file.labels[slots]), file.elements["vector"][slots])


def test_labels_that_hnswlib_finds_are_found(cairn, tmp_path):
    """A label that was deleted and came back in another's slot is in the file twice, live and deleted."""
    recipe = Recipe("l2", 16, 8, history="returned")
    path = recipe.save(tmp_path / "index.bin")
    cairn.convert(path, tmp_path / "index.cairn", metric="l2")
    everything = dict(k=recipe.count, ef=recipe.count)
    theirs = search(load(path, "l2", 16), recipe.queries[:1], **everything).label_sets
    assert cairn.search(tmp_path / "index.cairn", recipe.queries[:1], **everything).label_sets == theirs


@pytest.mark.parametrize("recipe", [Recipe(metric, 6, 12, count=1000, history="equal") for metric in METRICS], ids=str)
def test_equal_vectors(cairn, tmp_path, recipe):
    """Twenty of each. Which of them a search goes through is chance, so the shares that are found are compared."""
    path = recipe.save(tmp_path / "index.bin")
    store, again = tmp_path / "index.cairn", tmp_path / "again.bin"
    cairn.convert(path, store, metric=recipe.metric)
    index, rows = load(path, recipe.metric, recipe.dimensions), IndexFile(path).elements
    truth = exact(rows["vector"], rows["label"], recipe.queries, recipe.metric, normalised=False)
    for width in (30, 120):
        ours, theirs = cairn.search(store, recipe.queries, ef=width), search(index, recipe.queries, ef=width)
        assert ours.recall(truth) >= theirs.recall(truth) - 0.04
    cairn.convert(store, again)
    assert_same_file(again, path)


@pytest.mark.parametrize("built, metric", [(a, b) for a in METRICS for b in METRICS if a != b])
def test_a_file_may_be_searched_by_another_metric(cairn, tmp_path, built, metric):
    recipe = Recipe(built, 24, 10, history="deleted")
    path = recipe.save(tmp_path / "index.bin")
    store, again = tmp_path / "index.cairn", tmp_path / "again.bin"
    cairn.convert(path, store, metric=metric)
    check_answers(cairn, store, path, metric, recipe.dimensions, recipe.queries)
    cairn.convert(store, again)
    assert_same_file(again, path)


@pytest.mark.parametrize("threads", (2,))
def test_a_hundred_thousand(cairn, tmp_path, threads):
    recipe = Recipe("l2", 16, 12, count=100_000, threads=threads, ef_construction=40)
    path = recipe.save(tmp_path / "index.bin")
    store, again = tmp_path / "index.cairn", tmp_path / "again.bin"
    report = cairn.convert(path, store, metric="l2")
    assert report["count"] == recipe.count and report["bytes_read"] >= path.stat().st_size
    check_answers(cairn, store, path, "l2", 16, recipe.queries)
    assert cairn.convert(store, again)["byte_identical"]
    assert_same_file(again, path)


@pytest.mark.parametrize("scalar", ("u8", "i8", "f16"))
def test_an_index_of_other_components(cairn, tmp_path, scalar):
    """hnswlib's C++ has a space for bytes; --scalar says that the file's components are such. The Python package has none, so a file of
    floats that are whole numbers is put into that form here."""
    recipe = Recipe("l2", 26, 8, history="whole")
    path, store = recipe.save(tmp_path / "floats.bin"), tmp_path / "index.cairn"
    narrow, again = tmp_path / "narrow.bin", tmp_path / "again.bin"
    IndexFile(path).save(narrow, {"u8": "u1", "i8": "i1", "f16": "<f2"}[scalar])
    report = cairn.convert(narrow, store, metric="l2", scalar=scalar)
    assert (report["dimensions"], report["scalar"], report["count"]) == (26, scalar, recipe.count)
    file = IndexFile(path)
    assert np.array_equal(cairn.get(store, file.labels[:50]), file.elements["vector"][:50])
    index, queries = load(path, "l2", 26), np.round(np.abs(recipe.queries) * 30)
    for width in (10, 60, 120):
        ours, theirs = cairn.search(store, queries, ef=width), search(index, queries, ef=width)
        truth = exact(file.elements["vector"], file.labels, queries, "l2")
        # Whole numbers have ties.
        assert abs(ours.recall(truth) - theirs.recall(truth)) <= 0.01
    assert cairn.convert(store, again)["byte_identical"]
    assert_same_file(again, narrow)


@pytest.mark.parametrize("capacity", (0, 500, 550, 10_000))
@pytest.mark.parametrize("history", ("mixed", "repeated"))
def test_the_capacity_is_what_hnswlib_would_make_it(cairn, tmp_path, history, capacity):
    """--max-elements changes the capacity and nothing else, as load_index(max_elements=) does."""
    recipe = Recipe("ip", 12, 6, history=history)
    path = recipe.save(tmp_path / "index.bin")
    load(path, "ip", 12, max_elements=capacity).save_index(str(tmp_path / "expected.bin"))
    cairn.convert(path, tmp_path / "index.cairn", metric="ip")
    wanted = dict(max_elements=capacity) if capacity else {}
    cairn.convert(tmp_path / "index.cairn", tmp_path / "stored.bin", **wanted)
    cairn.convert(path, tmp_path / "direct.bin", metric="ip", to="hnswlib", **wanted)
    for name in ("stored.bin", "direct.bin"): assert_same_file(tmp_path / name, tmp_path / "expected.bin")


def test_no_capacity_below_what_is_there(cairn, tmp_path):
    """hnswlib would write behind its memory."""
    path = Recipe().save(tmp_path / "index.bin")
    cairn.convert(path, tmp_path / "index.cairn", metric="l2")
    done = cairn.run("convert", tmp_path / "index.cairn", tmp_path / "out.bin", "--max-elements", 499)
    assert done.returncode != 0 and "499" in done.stderr and not (tmp_path / "out.bin").exists()


@pytest.mark.parametrize("history", ("fresh", "mixed", "returned"))
def test_a_copy_of_the_store_by_another_metric(cairn, tmp_path, history):
    """Keeps data and graph, and answers as hnswlib does that loads the file for that metric; for cosine, a file whose vectors are made
    as long as cosine's. A copy leaves out the slots that a label has beside the one that counts, and links its neighbours anew; with
    none it is hnswlib's file again but for the capacity."""
    recipe = Recipe("l2", 15, 9, history=history)
    path = recipe.save(tmp_path / "index.bin")
    cairn.convert(path, tmp_path / "index.cairn", metric="l2")
    for metric in METRICS:
        store, again, expected = (tmp_path / f"{metric}.{end}" for end in ("cairn", "bin", "expected"))
        report = cairn.convert(tmp_path / "index.cairn", store, metric=metric)
        assert (report["from"], report["to"], report["metric"]) == ("cairn", "cairn", metric)
        file = IndexFile(path)
        if metric == "cosine": file.elements["vector"] /= np.linalg.norm(file.elements["vector"], axis=1, keepdims=True)
        file.save(expected)
        check_store(cairn, store, file)
        if len(file.superseded) == 0:
            check_answers(cairn, store, expected, metric, 15, recipe.queries)
            cairn.convert(store, again, max_elements=file.header["capacity"])
            if metric != "cosine": assert_same_file(again, path)
        else:
            slots = file.slots[~file.deleted[file.slots]]
            truth = exact(file.elements["vector"][slots], file.labels[slots], recipe.queries, metric)
            ours, theirs = (
                cairn.search(store, recipe.queries, ef=60), search(reference(expected, metric, 15), recipe.queries, ef=60))
            assert ours.recall(truth) >= theirs.recall(truth) - 0.01


def test_a_capacity_of_nothing(cairn, tmp_path):
    """What hnswlib loads of an empty file without max_elements, and saves again, has no room at all."""
    path = Recipe(count=0).save(tmp_path / "empty.bin")
    load(path, "l2", 24).save_index(str(path))
    assert IndexFile(path).header["capacity"] == 0
    cairn.convert(path, tmp_path / "index.cairn", metric="l2")
    cairn.convert(tmp_path / "index.cairn", tmp_path / "again.bin")
    assert_same_file(tmp_path / "again.bin", path)


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(cairn, tmp_path):
    recipe = Recipe("cosine", 12, 6, history="repeated")
    path = recipe.save(tmp_path / "index.bin")
    before = sorted(tmp_path.iterdir())
    report = cairn.convert(path, tmp_path / "index.cairn", "--dry-run", metric="cosine")
    assert report["dry_run"] and report["from"] == "hnswlib" and report["to"] == "cairn"
    assert report["dimensions"] == 12 and report["m"] == 6
    assert report["lost"] == []
    assert sorted(tmp_path.iterdir()) == before


def test_the_metric_must_be_said(cairn, tmp_path):
    path = Recipe().save(tmp_path / "index.bin")
    done = cairn.run("convert", path, tmp_path / "index.cairn")
    assert done.returncode == 64 and "--metric" in done.stderr
    assert not (tmp_path / "index.cairn").exists()


@pytest.mark.parametrize("damage", ("cut", "longer", "links", "entry"))
def test_what_hnswlib_would_crash_on_is_refused(cairn, tmp_path, damage):
    path = Recipe().save(tmp_path / "index.bin")
    content = bytearray(path.read_bytes())
    if damage == "cut": content = content[:-1]
    if damage == "longer": content += b"\0"
    if damage == "links": content[96 + 4:96 + 8] = b"\xff\xff\xff\x7f"
    if damage == "entry": content[52:56] = (500).to_bytes(4, "little")
    path.write_bytes(content)
    done = cairn.run("convert", path, tmp_path / "index.cairn", "--metric", "l2")
    assert done.returncode not in (0, 64) and str(path) in done.stderr
    assert sorted(tmp_path.iterdir()) == [path]


def test_hnswlib_is_the_one_these_tests_are_about():
    """Not Chroma's fork, which is a module of the same name."""
    assert hasattr(hnswlib, "BFIndex") and hasattr(hnswlib.Index, "index_file_size")
    assert not hasattr(hnswlib.Index, "persist_dirty")
