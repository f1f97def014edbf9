"""What Chroma leaves on the disk comes in: its persistent folders, and the files of its fork of hnswlib, which hnswlib cannot read."""
import json
import os
import pathlib
import sqlite3
import subprocess
import sys

import numpy as np
import pytest

from answers import Answers, assert_same_answers
from indexes import METRICS, load, search

# Below a quarter of the vectors, from where on a store reads all of them.
WIDTHS = (10, 40, 70)
WRITER = pathlib.Path(__file__).parent / "chroma_writer.py"


class Chroma:
    """A folder, a plain file, and the fork's answers."""

    def __init__(self, chroma_path, folder, metric, count=400, dimensions=18, m=8, gone=(), pickle="object5", capacity=1000,
                 changed=()):
        rng = np.random.default_rng(5)
        self.metric, self.dimensions, self.m, self.gone = metric, dimensions, m, list(gone)
        # Of many lengths, so that their loss would be seen.
        self.vectors = (rng.normal(size=(count, dimensions)) * rng.uniform(0.1, 9, size=(count, 1))).astype("f4")
        self.queries = rng.normal(size=(40, dimensions)).astype("f4")
        self.folder, self.plain = folder / "8f0a-segment", folder / "plain.bin"
        job = dict(
            metric=metric, dimensions=dimensions, m=m, gone=self.gone, changed=list(changed), pickle=pickle, capacity=capacity, widths=WIDTHS,
            folder=str(self.folder), **{name: str(folder / f"{name}.npy") for name in ("vectors", "queries")},
            plain=str(self.plain), answers=str(folder / "answers.npz"))
        np.save(job["vectors"], self.vectors)
        np.save(job["queries"], self.queries)
        (folder / "job.json").write_text(json.dumps(job))
        done = subprocess.run(
            [sys.executable, WRITER, folder / "job.json"], env=dict(os.environ, PYTHONPATH=str(chroma_path)), capture_output=True,
            text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        self.found = np.load(job["answers"])

    def answers(self, width, plain=False):
        labels, distances, sizes = (
            self.found[f"{'plain_' if plain else ''}{name}{width}"] for name in ("labels", "distances", "sizes"))
        return Answers((row[:n], values[:n]) for row, values, n in zip(labels, distances, sizes))

    @property
    def live(self):
        return [label for label in range(1, len(self.vectors) + 1) if label not in self.gone]


def check(cairn, store, chroma, plain=False):
    assert cairn.labels(store).tolist() == chroma.live
    assert cairn.labels(store, "--deleted").tolist() == sorted(chroma.gone)
    cairn("verify", store, "--depth", "checksums")
    for width in WIDTHS:
        assert_same_answers(
            cairn.search(store, chroma.queries, ef=width), chroma.answers(width, plain), chroma.metric)
    # The vectors that were given: Chroma keeps the lengths that hnswlib loses.
    given = chroma.vectors[np.array(chroma.live) - 1]
    np.testing.assert_allclose(cairn.get(store, chroma.live), given, rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("plain", (False, True), ids=("folder", "file"))
@pytest.mark.parametrize("gone", ((), range(3, 400, 6)), ids=("all", "deletions"))
@pytest.mark.parametrize("metric", METRICS)
def test_comes_in(cairn, chroma_path, tmp_path, metric, gone, plain):
    chroma = Chroma(chroma_path, tmp_path, metric, gone=gone)
    source, store = chroma.plain if plain else chroma.folder, tmp_path / "index.cairn"
    report = cairn.convert(source, store, metric=metric)
    assert (report["from"], report["to"]) == ("hnswlib" if plain else "chroma", "cairn")
    assert (report["dimensions"], report["m"]) == (18, 8)
    assert (report["count"], report["deleted"]) == (400 - len(gone), len(gone))
    assert ["last sync" in warning for warning in report["warnings"]] == ([] if plain else [True])
    check(cairn, store, chroma, plain)


@pytest.mark.parametrize("kind", ("object2", "object3", "object4", "object5", "dict", "rust"))
def test_every_shape_of_the_pickle(cairn, chroma_path, tmp_path, kind):
    chroma = Chroma(chroma_path, tmp_path, "cosine", count=1100, gone=(2, 700), pickle=kind)
    report = cairn.convert(chroma.folder, tmp_path / "index.cairn", metric="cosine")
    assert (report["from"], report["count"], report["deleted"]) == ("chroma", 1098, 2)
    assert len(report["warnings"]) == 1 and "with 1100 vectors added by then" in report["warnings"][0]
    check(cairn, tmp_path / "index.cairn", chroma)


@pytest.mark.parametrize("kind", ("object5", "rust"))
def test_chromas_ids_go_to_a_file_of_names(cairn, chroma_path, tmp_path, kind):
    chroma = Chroma(chroma_path, tmp_path, "l2", gone=(2, 7), pickle=kind)
    report = cairn.convert(chroma.folder, tmp_path / "index.cairn", metric="l2", save_ids=tmp_path / "ids.txt")
    assert report["lost"] == []
    lines = (tmp_path / "ids.txt").read_text().split("\n")
    assert [label for label, line in enumerate(lines) if line] == chroma.live


def test_a_pickle_that_would_run_something_is_not_run(cairn, chroma_path, tmp_path):
    chroma = Chroma(chroma_path, tmp_path, "l2", count=20)
    mark = tmp_path / "was-run"
    (chroma.folder / "index_metadata.pickle").write_bytes(f"cos\nsystem\n(S'touch {mark}'\ntR.".encode())
    done = cairn.run(
        "convert", chroma.folder, tmp_path / "index.cairn", "--metric", "l2", "--save-ids", tmp_path / "ids.txt")
    assert done.returncode not in (0, 64) and "index_metadata.pickle" in done.stderr
    assert not mark.exists() and not (tmp_path / "index.cairn").exists()
    # There are only ids in it.
    report = cairn.convert(chroma.folder, tmp_path / "index.cairn", metric="l2")
    assert any("index_metadata.pickle" in warning for warning in report["warnings"])
    assert not mark.exists()


def test_an_index_that_outgrew_its_first_capacity(cairn, chroma_path, tmp_path):
    """data_level0.bin is then shorter than the capacity says."""
    chroma = Chroma(chroma_path, tmp_path, "l2", count=300, capacity=200)
    assert (chroma.folder / "data_level0.bin").stat().st_size < 600 * (4 + 64 + 4 * 18 + 8)
    cairn.convert(chroma.folder, tmp_path / "index.cairn", metric="l2")
    check(cairn, tmp_path / "index.cairn", chroma)


@pytest.mark.parametrize("metric", METRICS)
def test_an_index_whose_vectors_changed(cairn, chroma_path, tmp_path, metric):
    """The fork does not write all lists that a change of a vector changes: what is on the disk is a little out of date, and counts."""
    chroma = Chroma(chroma_path, tmp_path, metric, gone=(5, 6), changed=range(7, 107))
    cairn.convert(chroma.folder, tmp_path / "index.cairn", metric=metric)
    chroma.vectors[np.array(chroma.live) - 1] = chroma.found["vectors"]
    check(cairn, tmp_path / "index.cairn", chroma)


def test_nothing_in_it_yet(cairn, chroma_path, tmp_path):
    """Chroma has the vectors of small collections elsewhere."""
    chroma = Chroma(chroma_path, tmp_path, "cosine", count=0, pickle="none")
    done = cairn.run("convert", chroma.folder, tmp_path / "index.cairn", "--metric", "cosine")
    assert done.returncode == 1 and "chroma.sqlite3" in done.stderr
    assert not (tmp_path / "index.cairn").exists()


@pytest.mark.parametrize("metric", METRICS)
def test_a_collection_with_changes_that_are_not_in_its_index(cairn, chroma_path, tmp_path, metric):
    """They are in the database alone. (Its tables are Chroma 1.5's, as far as they are read.)"""
    data = tmp_path / "data"
    data.mkdir()
    chroma = Chroma(chroma_path, data, metric, gone=(5, 6))
    database = sqlite3.connect(data / "chroma.sqlite3")
    database.executescript(
        f"""
        CREATE TABLE collections (id TEXT PRIMARY KEY, name TEXT NOT NULL, dimension INTEGER, config_json_str TEXT, schema_str TEXT);
        CREATE TABLE segments (id TEXT PRIMARY KEY, type TEXT NOT NULL, scope TEXT NOT NULL, collection TEXT);
        CREATE TABLE collection_metadata (collection_id TEXT, key TEXT NOT NULL, str_value TEXT);
        CREATE TABLE segment_metadata (segment_id TEXT, key TEXT NOT NULL, str_value TEXT);
        CREATE TABLE max_seq_id (segment_id TEXT PRIMARY KEY, seq_id INTEGER);
        CREATE TABLE embeddings_queue (seq_id INTEGER PRIMARY KEY, operation INTEGER NOT NULL, topic TEXT NOT NULL, id TEXT NOT NULL,
            vector BLOB, encoding TEXT, metadata TEXT);
        INSERT INTO collections VALUES ('c', 'notes', 18, '{{}}', '{{"keys": {{"#embedding": {{"space": "{metric}"}}}}}}');
        INSERT INTO segments VALUES ('{chroma.folder.name}', 'hnsw', 'VECTOR', 'c');
        INSERT INTO max_seq_id VALUES ('{chroma.folder.name}', 900);
        """)
    new = np.random.default_rng(9).normal(size=(3, 18)).astype("f4")
    name = "document {}: é".format
    changes = [(900, 3, name(1), None), (901, 3, name(2), None), (902, 1, name(3), new[0]), (903, 0, "new", new[1]), (904, 2, name(4), new[2])]
    database.executemany(
        "INSERT INTO embeddings_queue VALUES (?, ?, 'persistent://default/default/c', ?, ?, 'FLOAT32', '{}')",
        [(number, kind, id, None if vector is None else vector.tobytes()) for number, kind, id, vector in changes])
    database.commit()
    report = cairn.convert(data, tmp_path / "notes.cairn", collection="notes", save_ids=tmp_path / "ids.txt")
    assert (report["from"], report["metric"], report["count"]) == ("chroma", metric, 398)
    lines = (tmp_path / "ids.txt").read_text().split("\n")
    labels = [label for label, line in enumerate(lines) if line]
    assert [lines[label] for label in labels] == [name(1)] + [name(label) for label in range(3, 401) if label not in (5, 6)] + ["new"]
    given = dict(zip(range(1, 401), chroma.vectors))
    given.update({3: new[0], 4: new[2], labels[-1]: new[1]})
    np.testing.assert_allclose(
        cairn.get(tmp_path / "notes.cairn", labels), [given[label] for label in labels], rtol=3e-6, atol=1e-6)


@pytest.mark.parametrize("plain", (False, True), ids=("folder", "file"))
@pytest.mark.parametrize("metric", METRICS)
def test_goes_on_to_hnswlib(cairn, chroma_path, tmp_path, metric, plain):
    """Which cannot read either, and can read what becomes of it."""
    chroma = Chroma(chroma_path, tmp_path, metric, gone=range(5, 400, 9))
    source, out = chroma.plain if plain else chroma.folder, tmp_path / "out.bin"
    report = cairn.convert(source, out, metric=metric)
    # The folder has Chroma's own ids, and either has the lengths of cosine's vectors.
    assert report["to"] == "hnswlib" and len(report["lost"]) == (not plain) + (metric == "cosine")
    index = load(out, metric, 18)
    assert index.element_count == 400
    for width in WIDTHS:
        assert_same_answers(search(index, chroma.queries, ef=width), chroma.answers(width, plain), metric)


def test_the_vectors_alone(cairn, chroma_path, tmp_path):
    chroma = Chroma(chroma_path, tmp_path, "cosine", gone=(1, 4, 400))
    cairn.convert(chroma.folder, tmp_path / "out.npy", metric="cosine", save_labels=tmp_path / "labels.npy")
    assert np.load(tmp_path / "labels.npy").tolist() == chroma.live
    np.testing.assert_allclose(
        np.load(tmp_path / "out.npy"), chroma.vectors[np.array(chroma.live) - 1], rtol=3e-6, atol=1e-6)
