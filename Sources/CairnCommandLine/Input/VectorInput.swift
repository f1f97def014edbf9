import Allocation
import Cairn
import SystemPackage
import VectorFiles

/// A file of vectors on their way into a store, and their labels.
struct VectorInput {
    let file: VectorFile
    /// nil where each vector is labelled with the number of its row.
    let labels: [Label]?

    var count: Int { file.rows }
    var dimensions: Int { file.dimensions }

    /// Opens the file, as `format` or as what it is recognised as, and reads the labels. Throws unless there are as
    /// many of these as vectors.
    init(_ path: FilePath, as format: VectorFileFormat? = nil, labels labelPath: FilePath?) throws {
        file = try VectorFile(path, format: format)
        guard !file.isOneDimensional else {
            throw Failure(
                path,
                "it has one axis of \(file.rows): save a.reshape(1, -1) for one vector, a.reshape(-1, 1) for many of one "
                    + "dimension")
        }
        labels = try labelPath.map { try readLabels($0) }
        if let labelPath, let labels, labels.count != file.rows {
            throw Failure(
                labelPath,
                "it has \(counted(labels.count, "label")) for \(counted(file.rows, "vector")): give one label for each vector"
            )
        }
    }

    /// Whether the first rows all have length 1, but for rounding.
    var looksNormalised: Bool {
        // Of fewer components that happens by chance.
        guard dimensions >= 8, count > 0, let values = try? file.floats(rows: 0..<min(count, 256)) else { return false }
        return stride(from: 0, to: values.count, by: dimensions).allSatisfy { start in
            let squaredLength = values[start..<start + dimensions].reduce(0) { $0 + $1 * $1 }
            return abs(squaredLength - 1) < 2e-3
        }
    }

    /// The vectors of these rows, one after the other. `allowsOverflow`: see `VectorFile.readFloats`.
    func vectors(_ rows: Range<Int>, allowsOverflow: Bool = false) throws -> [Float] {
        try file.floats(rows: rows, allowsOverflow: allowsOverflow)
    }

    /// The labels of these rows.
    func labels(_ rows: Range<Int>) -> [Label] { labels.map { Array($0[rows]) } ?? rows.map { Label($0) } }
}

/// The labels in a file. What reads it takes numbers that it cannot use for components; labels are converted to
/// integers.
func readLabels(_ path: FilePath) throws -> [Label] {
    try readingIntegers(path) { () throws(VectorFileError) in try LabelFile.read(path) }
}

/// The documents of labels in a file. Throws when a label has two.
func readDocuments(_ path: FilePath) throws -> VectorStore.DocumentGrouping {
    switch try readingIntegers(path, { () throws(VectorFileError) in try DocumentFile.read(path) }) {
    case .inOrder(let documents): return .array(documents)
    case .pairs(let pairs):
        try expectMemory(40 * pairs.count)
        var documents: [Label: UInt64] = [:]
        documents.reserveCapacity(pairs.count)
        for (label, document) in pairs {
            if let other = documents.updateValue(document, forKey: label), other != document {
                throw Failure(path, "label \(label) is of document \(other) and of \(document): give each label one")
            }
        }
        return .dictionary(documents)
    }
}

private func readingIntegers<Content>(
    _ path: FilePath, _ read: () throws(VectorFileError) -> Content
) throws -> Content {
    do {
        return try read()
    } catch {
        let message = error.message
            .replacing(", labels with astype(np.int64)", with: "")
            .replacing("a['vector']", with: "a['label']")
            .replacing(/astype\(np\.[a-z0-9]+\)/, with: "astype(np.uint64)")
        throw VectorFileError(path, message, errno: error.errno)
    }
}

extension VectorFile {
    /// The values of these rows as floats, row after row.
    func floats(rows: Range<Int>, allowsOverflow: Bool = false) throws -> [Float] {
        let values = rows.count * dimensions
        try expectMemory(4 * values)
        return try unsafe [Float](unsafeUninitializedCapacity: values) { buffer, filled in
            try unsafe readFloats(
                rows: rows, into: UnsafeMutableBufferPointer(rebasing: buffer[..<values]),
                allowsOverflow: allowsOverflow)
            filled = values
        }
    }
}

/// Throws unless there is memory for `bytes` bytes more.
func expectMemory(_ bytes: Int) throws {
    do throws(OutOfMemory) {
        try ProcessMemory.expect(bytes)
    } catch {
        throw Failure(
            code: StoreError.Code.full.description,
            "could not take \(error.bytes) bytes of memory; raise the limits (ulimit -v, the control group's), or ask for less at a time"
        )
    }
}
