import ArgumentParser
import Cairn
import SystemPackage
import VectorFiles

/// The options that save results for numpy.
struct ResultFiles: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Save labels as .npy, u64 of shape (queries, k). Rows with fewer results end in 18446744073709551615.",
            valueName: "file"),
        completion: .file(extensions: ["npy"]))
    var saveLabels: FilePath?

    @Option(
        help: ArgumentHelp(
            "Save distances as .npy, f32 of shape (queries, k). Rows with fewer results end in inf.", valueName: "file"),
        completion: .file(extensions: ["npy"]))
    var saveDistances: FilePath?

    @Option(
        help: ArgumentHelp(
            "With --documents, save documents in the form of --save-labels, whose labels are then of each document's best vector.",
            valueName: "file"),
        completion: .file(extensions: ["npy"]))
    var saveDocuments: FilePath?

    func validate() throws {
        let files = [
            ("--save-labels", saveLabels), ("--save-distances", saveDistances), ("--save-documents", saveDocuments),
        ]
        for (option, path) in files where path == "-" {
            throw ValidationError("\(option) -: name a file; results are printed with --output tsv or json")
        }
    }

    var isWanted: Bool { saveLabels != nil || saveDistances != nil || saveDocuments != nil }

    /// Begins the files, so that one that cannot be written is known before the search. `inputs` are not replaced.
    func open(_ columns: Int, inputs: [FilePath]) throws -> Writers {
        let files = [saveLabels, saveDistances, saveDocuments].compactMap(\.self)
        for (index, file) in files.enumerated() {
            try Destination(path: file, mayReplace: true).check(inputs: inputs, others: Array(files[..<index]))
        }
        return Writers(
            labels: try saveLabels.map { try ResultFile($0, columns: columns, padding: Label.max) },
            distances: try saveDistances.map { try ResultFile($0, columns: columns, padding: Float.infinity) },
            documents: try saveDocuments.map { try ResultFile($0, columns: columns, padding: UInt64.max) })
    }

    /// The files that were asked for; they get their names when they are complete.
    struct Writers {
        let labels: ResultFile<Label>?
        let distances: ResultFile<Float>?
        let documents: ResultFile<UInt64>?

        func write(_ rows: [[VectorStore.Neighbor]], documents: [[UInt64]]?) throws {
            try labels?.append(rows.lazy.map { $0.map(\.label) })
            try distances?.append(rows.lazy.map { $0.map(\.distance) })
            if let documents { try self.documents?.append(documents) }
            try labels?.finish()
            try distances?.finish()
            try self.documents?.finish()
        }
    }
}

/// Rows of one kind of result, on their way to an .npy file.
final class ResultFile<Value: NpyScalar> {
    private var stream: NpyStream<Value>?
    private let columns: Int
    private let padding: Value
    private var buffer: [Value] = []
    private static var limit: Int { 1 << 16 }

    init(_ path: FilePath, columns: Int, padding: Value) throws {
        stream = try NpyStream(path, columns: columns)
        self.columns = columns
        self.padding = padding
    }

    /// Appends rows of at most `columns` values.
    func append(_ rows: some Sequence<[Value]>) throws {
        for row in rows {
            buffer += row
            var missing = columns - row.count
            while missing > 0 {
                // In pieces: k may be far beyond what the store has.
                let piece = min(missing, Self.limit)
                buffer += repeatElement(padding, count: piece)
                missing -= piece
                try flush(above: Self.limit)
            }
            try flush(above: Self.limit)
        }
    }

    /// Completes the file and gives it its name.
    func finish() throws {
        try flush(above: 0)
        try stream.take()?.finish()
    }

    private func flush(above limit: Int) throws {
        guard buffer.count > limit else { return }
        try stream?.append(buffer)
        buffer.removeAll(keepingCapacity: true)
    }
}
