"""Vector files into one another, and out of stores and indexes: read and written here by numpy alone."""
import numpy as np
import pytest

from indexes import Recipe, labels_of

# Each format: its type, and the type of the numbers before each row (vecs) or before all of them (bin).
VECS = {"fvecs": "<f4", "bvecs": "u1", "ivecs": "<i4"}
BINS = {"fbin": "<f4", "u8bin": "u1", "i8bin": "i1", "ibin": "<i4"}
KINDS = {**VECS, **BINS, "npy": None}


def write(path, array):
    kind = path.suffix[1:]
    if kind == "npy": return np.save(path, array)
    rows, columns = array.shape
    array = np.ascontiguousarray(array, KINDS[kind])
    with open(path, "wb") as file:
        if kind in BINS: file.write(np.array([rows, columns], "<u4").tobytes() + array.tobytes())
        else: file.writelines(np.int32(columns).tobytes() + row.tobytes() for row in array)
    return None


def read(path):
    kind, data = path.suffix[1:], path.read_bytes()
    if kind == "npy": return np.load(path)
    if kind in BINS:
        rows, columns = np.frombuffer(data, "<u4", 2)
        return np.frombuffer(data, KINDS[kind], offset=8).reshape(rows, columns)
    columns = int(np.frombuffer(data, "<i4", 1)[0])
    rows = np.frombuffer(data, np.dtype([("columns", "<i4"), ("row", KINDS[kind], (columns,))]))
    assert (rows["columns"] == columns).all()
    return rows["row"]


def numbers(kind, rows=37, columns=13):
    rng = np.random.default_rng(9)
    kind = np.dtype(kind or "<f4")
    if kind.kind == "f": return rng.normal(size=(rows, columns)).astype(kind)
    return rng.integers(max(np.iinfo(kind).min, -2**20), min(np.iinfo(kind).max, 2**20) + 1, (rows, columns)).astype(kind)


@pytest.mark.parametrize("kind", ["fvecs", "fbin", "bvecs", "u8bin", "i8bin", "ivecs", "ibin"])
def test_there_and_back(cairn, tmp_path, kind):
    """From .npy of the format's own type, whose bytes are then exactly the format's, and back."""
    array = numbers(KINDS[kind])
    there, back = tmp_path / f"there.{kind}", tmp_path / "back.npy"
    np.save(tmp_path / "in.npy", array)
    report = cairn.convert(tmp_path / "in.npy", there)
    assert (report["from"], report["to"], report["count"], report["dimensions"]) == ("npy", kind, 37, 13)
    assert report["lost"] == [] and report["bytes_written"] == there.stat().st_size
    write(tmp_path / f"expected.{kind}", array)
    assert there.read_bytes() == (tmp_path / f"expected.{kind}").read_bytes()
    cairn.convert(there, back)
    assert np.load(back).dtype == array.dtype and np.array_equal(np.load(back), array)


@pytest.mark.parametrize("source, target", [
    ("fvecs", "fbin"), ("fbin", "fvecs"), ("bvecs", "u8bin"), ("u8bin", "bvecs"), ("u8bin", "fbin"), ("i8bin", "fvecs"),
    ("bvecs", "npy")])
def test_formats_into_one_another(cairn, tmp_path, source, target):
    array = numbers(KINDS[source])
    write(tmp_path / f"in.{source}", array)
    cairn.convert(tmp_path / f"in.{source}", tmp_path / f"out.{target}")
    assert np.array_equal(read(tmp_path / f"out.{target}"), array)


@pytest.mark.parametrize("kind", ("<f2", "<f4", "<f8", "u1", "i1"))
def test_numpy_types_become_floats(cairn, tmp_path, kind):
    array = numbers(kind)
    np.save(tmp_path / "in.npy", array)
    done = cairn.run("convert", tmp_path / "in.npy", tmp_path / "out.fbin")
    assert done.returncode == 0, done.stderr
    assert np.array_equal(read(tmp_path / "out.fbin"), array.astype("f4"))


def test_halves(cairn, tmp_path):
    array = numbers("<f4")
    np.save(tmp_path / "in.npy", array)
    cairn.convert(tmp_path / "in.npy", tmp_path / "out.npy", scalar="f16")
    assert np.load(tmp_path / "out.npy").dtype == np.float16
    assert np.array_equal(np.load(tmp_path / "out.npy"), array.astype("f2"))


@pytest.mark.parametrize("scalar, target, low, high", [("u8", "u8bin", 0, 255), ("i8", "i8bin", -128, 127), ("u8", "bvecs", 0, 255)])
def test_whole_numbers_into_bytes(cairn, tmp_path, scalar, target, low, high):
    rng = np.random.default_rng(2)
    array = rng.integers(low, high + 1, (50, 7)).astype("f4")
    write(tmp_path / "in.fvecs", array)
    cairn.convert(tmp_path / "in.fvecs", tmp_path / f"out.{target}", scalar=scalar)
    assert np.array_equal(read(tmp_path / f"out.{target}"), array)
    for wrong in (high + 1, low - 1, 0.5, np.nan, np.inf):
        array[41, 3] = wrong
        write(tmp_path / "bad.fvecs", array)
        done = cairn.run("convert", tmp_path / "bad.fvecs", tmp_path / f"bad.{target}", "--scalar", scalar)
        assert done.returncode not in (0, 64) and "41" in done.stderr and "3" in done.stderr
        assert not (tmp_path / f"bad.{target}").exists()


def test_many_rows(cairn, tmp_path):
    """More than one portion of reading and writing."""
    array = np.random.default_rng(4).normal(size=(60_001, 24)).astype("f4")
    np.save(tmp_path / "in.npy", array)
    cairn.convert(tmp_path / "in.npy", tmp_path / "out.fvecs")
    assert np.array_equal(read(tmp_path / "out.fvecs"), array)
    cairn.convert(tmp_path / "out.fvecs", tmp_path / "back.npy")
    assert (tmp_path / "back.npy").read_bytes() == (tmp_path / "in.npy").read_bytes()


def test_one_row_and_none(cairn, tmp_path):
    for rows in (1, 0):
        np.save(tmp_path / "in.npy", np.ones((rows, 5), "f4"))
        cairn.convert(tmp_path / "in.npy", tmp_path / "out.fbin", "--force")
        assert read(tmp_path / "out.fbin").shape == (rows, 5)


def test_what_is_there_is_kept(cairn, tmp_path):
    np.save(tmp_path / "in.npy", numbers("<f4"))
    (tmp_path / "out.fbin").write_bytes(b"mine")
    done = cairn.run("convert", tmp_path / "in.npy", tmp_path / "out.fbin")
    assert done.returncode != 0 and (tmp_path / "out.fbin").read_bytes() == b"mine"
    cairn.convert(tmp_path / "in.npy", tmp_path / "out.fbin", "--force")
    assert np.array_equal(read(tmp_path / "out.fbin"), numbers("<f4"))


@pytest.mark.parametrize("history", ("fresh", "mixed"))
@pytest.mark.parametrize("kind", ("npy", "fvecs", "fbin"))
def test_an_index_becomes_vectors(cairn, tmp_path, kind, history):
    """Straight from hnswlib's file, and through a store: the live rows in the order of their slots."""
    recipe = Recipe("l2", 11, 6, history=history)
    path = recipe.save(tmp_path / "index.bin")
    cairn.convert(path, tmp_path / "index.cairn", metric="l2")
    labels = cairn.labels(tmp_path / "index.cairn")
    for name, source, options in (("direct", path, {"metric": "l2"}), ("stored", tmp_path / "index.cairn", {})):
        report = cairn.convert(source, tmp_path / f"{name}.{kind}", save_labels=tmp_path / f"{name}.labels.npy", **options)
        assert report["count"] == len(labels)
        assert np.array_equal(np.load(tmp_path / f"{name}.labels.npy"), labels)
        assert np.array_equal(read(tmp_path / f"{name}.{kind}"), cairn.get(tmp_path / "index.cairn", labels))


def test_vectors_become_a_store_and_come_back(cairn, tmp_path):
    """Cosine keeps the lengths."""
    array = numbers("<f4") * np.linspace(0.1, 50, 37, dtype="f4")[:, None]
    write(tmp_path / "in.fbin", array)
    np.save(tmp_path / "labels.npy", labels_of(37))
    cairn.convert(tmp_path / "in.fbin", tmp_path / "out.cairn", metric="cosine", labels=tmp_path / "labels.npy", ef_construction=50)
    assert np.array_equal(cairn.labels(tmp_path / "out.cairn"), labels_of(37))
    cairn.convert(tmp_path / "out.cairn", tmp_path / "back.npy")
    np.testing.assert_allclose(np.load(tmp_path / "back.npy"), array, rtol=3e-6)


def test_bytes_become_a_store_of_bytes(cairn, tmp_path):
    array = numbers("u1")
    write(tmp_path / "in.bvecs", array)
    cairn.convert(tmp_path / "in.bvecs", tmp_path / "out.cairn", metric="l2", scalar="u8")
    assert cairn.json("info", tmp_path / "out.cairn")["scalar"] == "u8"
    cairn.convert(tmp_path / "out.cairn", tmp_path / "back.u8bin")
    assert np.array_equal(read(tmp_path / "back.u8bin"), array)
