"""The program cairn, as a person would run it."""
import json
import os
import subprocess
import tempfile

import numpy as np

from answers import Answers

# What --save-labels puts where a query found fewer than k.
NO_LABEL = np.uint64(2**64 - 1)


class Program:
    def __init__(self, path):
        self.path = str(path)
        self.environment = dict(os.environ, SWIFT_BACKTRACE="enable=no")

    def run(self, *arguments):
        """The process after its end, whatever that was."""
        return subprocess.run(
            [self.path, *map(str, arguments)], env=self.environment, capture_output=True, text=True, timeout=300)

    def __call__(self, *arguments):
        """What it prints; it must end with 0."""
        done = self.run(*arguments)
        assert done.returncode == 0, f"cairn {' '.join(map(str, arguments))}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *arguments):
        return json.loads(self(*arguments, "--output", "json"))

    def convert(self, source, target, *options, **named):
        """The report of `cairn convert`; metric="l2" is --metric l2."""
        named = [word for key, value in named.items() for word in ("--" + key.replace("_", "-"), value)]
        return self.json("convert", source, target, *options, *named)

    def search(self, store, queries, k=10, ef=None):
        with tempfile.TemporaryDirectory() as folder:
            files = [os.path.join(folder, name) for name in ("queries.npy", "labels.npy", "distances.npy")]
            np.save(files[0], queries.astype("f4"))
            width = [] if ef is None else ["--ef", ef]
            self("search", store, files[0], "-k", k, *width, "--save-labels", files[1], "--save-distances", files[2], "--quiet")
            labels, distances = np.load(files[1]), np.load(files[2])
        assert labels.dtype == np.uint64 and distances.dtype == np.float32
        # A row that found less ends in padding; a label may be the padding's number, its distance is finite.
        sizes = np.isfinite(distances).sum(axis=1)
        assert (np.isinf(distances) == (np.arange(k) >= sizes[:, None])).all()
        assert (labels[np.isinf(distances)] == NO_LABEL).all()
        return Answers((row[:n], values[:n]) for row, values, n in zip(labels, distances, sizes))

    def labels(self, store, *options):
        return np.array(self.json("labels", store, *options)["labels"], dtype=np.uint64)

    def get(self, store, labels):
        """The vectors of labels, as one array of f32."""
        document = self.json("get", store, *labels)
        assert document["labels"] == [int(label) for label in labels]
        return np.array(document["vectors"], dtype=np.float32)

    def add(self, store, vectors, labels, *options):
        with tempfile.TemporaryDirectory() as folder:
            files = [os.path.join(folder, name) for name in ("vectors.npy", "labels.npy")]
            np.save(files[0], np.asarray(vectors, dtype="f4"))
            np.save(files[1], np.asarray(labels, dtype="u8"))
            return self.json("add", store, files[0], "--labels", files[1], *options)

    def delete(self, store, labels, *options):
        return self.json("delete", store, *labels, *options)
