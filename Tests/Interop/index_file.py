"""hnswlib's file, read on our own: offset by offset."""
import math
import struct

import numpy as np

FIELDS = struct.Struct("<6QiI3QdQ")
NAMES = (
    "level0_offset", "capacity", "count", "element_bytes", "label_offset", "vector_offset", "maximum_level", "entry_point",
    "upper_capacity", "level0_capacity", "m", "multiplier", "ef_construction")


class IndexFile:
    """`elements` is an array of links, flags, pad, ids, vector, label; `upper` has a list of (count, ids) for each slot."""

    def __init__(self, path):
        self.bytes = bytearray(path.read_bytes())
        self.header = dict(zip(NAMES, FIELDS.unpack_from(self.bytes)))
        h = self.header
        m, count, size = h["m"], h["count"], h["element_bytes"]
        self.m, self.count, self.dimensions = m, count, (h["label_offset"] - h["vector_offset"]) // 4
        kind = self.kind = np.dtype([
            ("links", "<u2"), ("flags", "u1"), ("pad", "u1"), ("ids", "<u4", (2 * m,)), ("vector", "<f4", (self.dimensions,)),
            ("label", "<u8")])
        assert kind.itemsize == size == 4 + 8 * m + 4 * self.dimensions + 8
        self.elements = np.frombuffer(self.bytes, kind, count, 96)
        at, self.upper = 96 + count * size, []
        for _ in range(count):
            length, = struct.unpack_from("<I", self.bytes, at)
            assert length % (4 * m + 4) == 0
            words = np.frombuffer(self.bytes, "<u4", length // 4, at + 4).reshape(-1, m + 1)
            self.upper.append([(int(row[0]), row[1:]) for row in words])
            at += 4 + length
        assert at == len(self.bytes)

    @property
    def labels(self):
        return self.elements["label"]

    @property
    def deleted(self):
        return (self.elements["flags"] & 1) != 0

    @property
    def superseded(self):
        """Slots of labels that are there several times, all but the one that counts: the last that is not deleted, else the last."""
        winner = {}
        for slot, (label, deleted) in enumerate(zip(self.labels.tolist(), self.deleted.tolist())):
            before = winner.get(label)
            if before is None or not deleted or self.deleted[before]: winner[label] = slot
        return np.setdiff1d(np.arange(self.count), list(winner.values()))

    @property
    def slots(self):
        """The slots that count, in order."""
        return np.setdiff1d(np.arange(self.count), self.superseded)

    def mark(self, slots):
        """Sets the deleted bit."""
        self.elements["flags"][slots] |= 1
        return self

    def save(self, path, scalar="<f4"):
        """`scalar`: what the vectors are to consist of."""
        if scalar == "<f4": return path.write_bytes(self.bytes)
        kind = np.dtype([(name, *((scalar, (self.dimensions,)) if name == "vector" else field)) for name, *field in self.kind.descr])
        elements, size = np.zeros(self.count, kind), self.dimensions * np.dtype(scalar).itemsize
        for name in kind.names: elements[name] = self.elements[name]
        header = dict(
            self.header, element_bytes=kind.itemsize, label_offset=self.header["vector_offset"] + size)
        rest = self.bytes[FIELDS.size + self.count * self.kind.itemsize:]
        return path.write_bytes(FIELDS.pack(*header.values()) + elements.tobytes() + rest)

    def check(self):
        """Everything that a file hnswlib wrote itself would be."""
        h, m, count = self.header, self.m, self.count
        assert h["level0_offset"] == 0 and h["vector_offset"] == 4 + 8 * m and h["capacity"] >= count
        assert h["upper_capacity"] == m and h["level0_capacity"] == 2 * m and h["ef_construction"] >= m
        assert h["multiplier"] == 1 / math.log(m)
        levels = np.array([len(lists) for lists in self.upper])
        if count == 0:
            assert h["maximum_level"] == -1 and h["entry_point"] == 2**32 - 1
            return self
        assert levels[h["entry_point"]] == levels.max() == h["maximum_level"]
        assert len(np.unique(self.labels)) == count
        assert (self.elements["links"] <= 2 * m).all() and (self.elements["flags"] <= 1).all() and (self.elements["pad"] == 0).all()
        for slot in range(count):
            lists = [(int(self.elements["links"][slot]), self.elements["ids"][slot])] + self.upper[slot]
            for level, (length, ids) in enumerate(lists):
                ids = ids[:length]
                assert length <= (m if level else 2 * m) and len(np.unique(ids)) == length and slot not in ids
                assert (ids < count).all() and (levels[ids] >= level).all()
        return self
