import Allocation
import FileFormat
import HNSW
package import MappedStorage
public import SystemPackage
import VectorFiles

extension VectorStore {
    /// Makes a new store at `path` of the vectors in `vectors`, which stand one after the other, under `labels` (nil:
    /// 0, 1, 2, …).
    ///
    /// The store appears at once and whole, and is durable when this returns: it is made in a directory beside it
    /// (`path` + ".building") and renamed. When it throws, or the process dies, nothing stands at `path`; what a dead
    /// process left beside it is removed by the next build. Where `path` is an empty directory, such as a volume that is
    /// mounted there, the store is made in it, and `level0` gets its name last: until then it is no store.
    ///
    /// A build takes no log and about as much memory as the store is large, most of it as pages of the file, which the kernel can
    /// write out.
    ///
    /// Throws `alreadyExists` before anything is done, `dimensionMismatch`, `invalidVector` or `duplicateLabel` for input that
    /// cannot be stored, `full` or `io` when the disk fails.
    public static func build(
        at path: FilePath, _ configuration: Configuration, vectors: [Float], labels: [Label]? = nil,
        options: BuildOptions = .init()
    ) throws(StoreError) {
        try configuration.validate()
        let rows = vectors.count / configuration.dimensions
        guard rows * configuration.dimensions == vectors.count else {
            throw StoreError(
                .dimensionMismatch,
                "\(vectors.count) numbers are not a whole number of vectors of \(configuration.dimensions) dimensions")
        }
        let source = unsafe RowSource(count: rows, path: nil) { (range, buffer) throws(StoreError) in
            let first = range.lowerBound * configuration.dimensions
            for index in 0..<range.count * configuration.dimensions { unsafe buffer[index] = vectors[first + index] }
        }
        try build(at: path, configuration, source, labels: labels, options: options, calls: .system)
    }

    /// Makes a new store at `path` of the vectors in a file (.npy .fvecs .bvecs .fbin .u8bin .i8bin), which is read as a
    /// stream. Double precision is rounded to single precision. A pipe is read to its end first, into a temporary file in
    /// $TMPDIR or /tmp. `configuration.dimensions` must be the file's, or 0 to take the file's. Otherwise as
    /// ``build(at:_:vectors:labels:options:)``.
    public static func build(
        at path: FilePath, _ configuration: Configuration, from file: FilePath, labels: [Label]? = nil,
        options: BuildOptions = .init()
    ) throws(StoreError) {
        var configuration = configuration
        let vectors = try reading { () throws(VectorFileError) in try VectorFile(file) }
        if configuration.dimensions == 0 { configuration.dimensions = vectors.dimensions }
        guard vectors.dimensions == configuration.dimensions else {
            throw StoreError(
                .dimensionMismatch,
                "the file's vectors have \(vectors.dimensions) dimensions, the store's should have \(configuration.dimensions)",
                path: file)
        }
        let allowsOverflow = options.onInvalidVector != nil
        let source = unsafe RowSource(count: vectors.rows, path: file) { (range, buffer) throws(StoreError) in
            try reading { () throws(VectorFileError) in
                try unsafe vectors.readFloats(rows: range, into: buffer, allowsOverflow: allowsOverflow)
            }
        }
        try build(at: path, configuration, source, labels: labels, options: options, calls: .system)
    }

    private static func reading<Result>(_ body: () throws(VectorFileError) -> Result) throws(StoreError) -> Result {
        do {
            return try body()
        } catch {
            throw StoreError(error)
        }
    }

    /// Makes a new store at `path` of the rows of `source`. Otherwise as ``build(at:_:vectors:labels:options:)``.
    package static func build(
        at path: FilePath, _ configuration: Configuration, _ source: RowSource, labels: [Label]?, options: BuildOptions,
        calls: SystemCalls = .system
    ) throws(StoreError) {
        try configuration.validate()
        try checkVacant(path)
        try check(source, labels)
        try checkMemory(configuration, rows: source.count, options)
        var source = source, labels = labels
        if let tell = options.onInvalidVector {
            (source, labels) = try source.leavingOutInvalid(configuration, labels: labels, tell)
        }
        let draft = try StoreDraft(for: path, calls: calls)
        do {
            try draft.fill(configuration, source, labels: labels, options: options)
            try draft.publish()
        } catch {
            draft.discard()
            throw error
        }
    }

    /// Throws if anything stands at `path` but an empty directory.
    package static func checkVacant(_ path: FilePath) throws(StoreError) {
        let kind = Directory.kind(of: path), isLink = Directory.isSymbolicLink(path)
        if kind == .missing && !isLink { return }
        guard kind == .directory && !isLink else { throw DraftPlace.isTaken(path) }
        let isVacant = try translating { () throws(StorageError) in try DraftPlace.isVacant(Directory(path)) }
        guard isVacant else { throw DraftPlace.isTaken(path) }
    }

    /// Throws what is wrong with the number of rows or their labels.
    static func check(_ source: RowSource, _ labels: [Label]?) throws(StoreError) {
        guard source.count < Geometry.maximumSlots else {
            throw StoreError(
                .invalidArgument, "\(source.count) vectors are more than a store holds (2^31)", path: source.path)
        }
        if let labels { try check(labels, rows: source.count) }
    }

    private static func check(_ labels: [Label], rows: Int) throws(StoreError) {
        guard labels.count == rows else {
            throw StoreError(.invalidArgument, "there are \(labels.count) labels for \(rows) vectors")
        }
        try takingMemory(for: nil, ProcessMemory.expect(2 * 8 * labels.count))
        let sorted = labels.sorted()
        for (label, next) in zip(sorted, sorted.dropFirst()) where label == next {
            let places = labels.indices.filter { labels[$0] == label }.prefix(2)
            throw StoreError(
                .duplicateLabel,
                "label \(label) stands twice, in rows \(places[0]) and \(places[1]); a store has each label once")
        }
    }
}
