import Cairn
import SystemPackage
import TestSupport

/// The commands of the program `cairn`, on a store.
struct ProgramUse {
    private let program: Program
    private let sample: Sample
    private let place: FilePath

    init(_ program: Program, _ sample: Sample, _ root: FilePath) {
        (self.program, self.sample, place) = (program, sample, root.appending("program"))
    }

    func run(_ path: FilePath) throws {
        removeTree(place)
        try makeDirectory(place)
        defer { removeTree(place) }
        try writeInputs()
        for command in reading(path.string) + writing(path.string) + reading(path.string).suffix(4) {
            try program.run(command)
        }
    }

    private func file(_ name: String) -> String { place.appending(name).string }

    private func writeInputs() throws {
        let count = 45
        try write(sample.queries, to: "queries.fvecs")
        var rows = sample.rows.each(count, seed: 77)
        try write(rows, to: "rows.fvecs")
        rows[3][0] = .nan
        try write(rows, to: "invalid.fvecs")
        for (name, first) in [("labels", 20), ("others", 5000)] {
            let lines = (first..<first + count).map { "\($0)" }.joined(separator: "\n")
            try writeBytes(Array(lines.utf8), to: place.appending(name + ".txt"))
        }
        // What searches of the sound store find.
        let truth = sample.contents.last?.answers.map { $0.map { Float(bitPattern: UInt32($0.label)) } } ?? []
        try write(truth, to: "truth.ivecs")
    }

    private func reading(_ store: String) -> [[String]] {
        let queries = file("queries.fvecs"), truth = file("truth.ivecs")
        return [
            ["info", store, "--output", "json"], ["labels", store], ["labels", store, "--deleted"],
            ["get", store, "3", "17", "200"],
            ["search", store, queries, "-k", "5", "--exact", "--save-labels", file("found.npy")],
            ["search", store, queries, "--radius", "2"],
            ["convert", store, file("out.fvecs")], ["convert", store, file("out.bin")],
            ["convert", store, file("out.npy"), "--save-labels", file("of-rows.npy")],
            ["convert", store, file("out.cairn")], ["convert", store, file("cosine.cairn"), "--metric", "cosine"],
            ["convert", file("out.bin"), file("again.cairn"), "--skip-invalid", "--metric", "l2"],
            ["recall", store, queries, truth, "-k", "5", "--ef", "10,20", "--output", "json"],
            [
                "recall", store, queries, truth, "-k", "5", "--ef", "10", "--by-vectors", "--compare",
                file("out.cairn"),
                "--report", file("recall.html"),
            ],
            ["verify", store], ["verify", store, "--save-labels", file("damaged.npy"), "--output", "json"],
            ["verify", store, "--depth", "checksums"], ["search", store, queries, "-k", "5", "--ef", "20"],
        ]
    }

    private func writing(_ store: String) -> [[String]] {
        [
            ["set", store, "--ef", "60"],
            ["add", store, file("rows.fvecs"), "--labels", file("labels.txt"), "--upsert"],
            ["add", store, file("invalid.fvecs"), "--labels", file("others.txt"), "--skip-invalid", "--batch", "10"],
            ["delete", store, "5", "60", "61"], ["delete", store, "5", "--undo"],
            ["delete", store, "5", "100", "101", "--erase"], ["quantize", store, "sq4"], ["quantize", store, "none"],
            // What verify told is put right by replacing or erasing it.
            ["delete", store, "--labels", file("damaged.npy"), "--erase"],
            ["repair", store], ["verify", store, "--depth", "searches"], ["checkpoint", store],
            ["create", store, "--dim", "6"],
        ]
    }

    private func write(_ rows: [[Float]], to name: String) throws {
        var bytes: [UInt8] = []
        for row in rows {
            for word in [UInt32(row.count)] + row.map(\.bitPattern) {
                for shift in stride(from: 0, to: 32, by: 8) {
                    bytes.append(UInt8(truncatingIfNeeded: word >> UInt32(shift)))
                }
            }
        }
        try writeBytes(bytes, to: place.appending(name))
    }
}
