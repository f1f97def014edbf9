"""Writes the .npy files of this folder with numpy itself. Run once; the files are kept, the tests only read them."""
import numpy as np
from numpy.lib import format as npy


def write(name, array, version=(1, 0)):
    with open(f"{name}.npy", "wb") as file:
        npy.write_array(file, array, version=version)


floats = np.array([[0.5, -1.25, 3.0], [65504.0, 2.0**-24, -0.0]])
whole = np.array([[0, 1, 2], [100, 126, 127]])

write("float32-v1", floats.astype("<f4"))
write("float32-v2", floats.astype("<f4"), (2, 0))
write("float32-v3", floats.astype("<f4"), (3, 0))
write("float16", floats.astype("<f2"))
write("float64", floats)
write("uint8", np.array([[0, 1, 2], [127, 128, 255]], "u1"))
write("int8", np.array([[0, 1, -1], [127, -127, -128]], "i1"))
write("int32", np.array([[0, 1, -1], [7, 2**31 - 1, -(2**31)]], "<i4"))
write("uint32", np.array([[0, 1, 2], [7, 8, 2**32 - 1]], "<u4"))
write("int64", np.array([5, 2**63 - 1, 0], "<i8"))
write("uint64", np.array([[5], [2**64 - 1], [0]], "<u8"))
write("one-dimensional", np.arange(4, dtype="<f4"))
write("no-rows", np.zeros((0, 3), "<f4"))
write("written-uint64", np.array([[1, 2**64 - 1], [3, 4], [5, 6]], "<u8"))
write("written-int32", np.array([-1, 2**31 - 1], "<i4"))

for kind in ["f4", "f8", "f2", "i4", "u4"]: write(f"big-endian-{kind}", whole.astype(">" + kind))
write("big-endian-labels", np.array([5, 2**63 - 1, 0], ">i8"))
for kind in ["<f4", "<f8", "<f2", "u1", ">u8"]: write(f"fortran-{kind[-2:]}", np.asfortranarray(whole.astype(kind)))
write("fortran-one-row", np.asfortranarray(whole[:1].astype("<f4")))

write("bad-int16", whole.astype("<i2"))
write("bad-bool", whole.astype("?"))
write("bad-text", np.array(["a", "bc"]))
write("bad-structured", np.zeros(2, [("id", "<u8"), ("vector", "<f4", (3,))]))
write("bad-structured-utf8", np.zeros(2, [("größe→", "<f4")]), (3, 0))
write("bad-object", np.array([None, "x"], object))
write("bad-no-axes", np.array(1.5, "<f4"))
write("bad-three-axes", np.zeros((2, 2, 2), "<f4"))
write("bad-no-columns", np.zeros((3, 0), "<f4"))

rows = np.array([[0, 1, 2], [100, 126, 127]])
for name, kind in [("float16", "<f2"), ("float64", "<f8"), ("uint8", "u1"), ("int8", "i1"), ("int32", "<i4")]:
    write(f"converted-{name}", rows.astype(kind))
write("converted-halves", np.array([[0.1, -2.0**-25], [65519.996, 1 / 3]], "<f4").astype("<f2"))


def rowwise(kind, array):
    """The bytes of .fvecs and its kind, as faiss and the ann-benchmarks write them with numpy."""
    array = array.astype(kind)
    prefix = np.full((len(array), 1), array.shape[1], "<i4").view("u1").reshape(len(array), 4)
    values = np.ascontiguousarray(array).view("u1").reshape(len(array), -1)
    return np.hstack([prefix, values]).tobytes()


for name, kind in [("fvecs", "<f4"), ("bvecs", "u1"), ("ivecs", "<i4")]:
    open(f"rows.{name}", "wb").write(rowwise(kind, rows))
for name, kind in [("fbin", "<f4"), ("u8bin", "u1"), ("i8bin", "i1"), ("ibin", "<i4")]:
    open(f"rows.{name}", "wb").write(np.array(rows.shape, "<u4").tobytes() + rows.astype(kind).tobytes())
