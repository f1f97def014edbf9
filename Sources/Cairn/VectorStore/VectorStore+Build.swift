import Allocation
import FileFormat
import HNSW
import MappedStorage
public import SystemPackage
import VectorFiles

extension VectorStore {
    /// Builds a new store from vectors in an array.
    ///
    /// The store appears at once and as a whole. It is made in a directory next to it, `path` + ".building", and
    /// renamed when it is complete. If the build throws, or the process dies, there is nothing at `path`. The next
    /// build removes what a dead process left in the directory.
    ///
    /// If `path` is an empty directory, such as a mounted volume, the store is made in it. The file `level0` gets its
    /// name last; until then the directory is not a store.
    ///
    /// A build writes no log. It takes about as much memory as the store is large. Most of that memory is pages of the
    /// file, which the kernel can write out.
    ///
    /// The store is durable when this returns. You may call this from any thread.
    ///
    /// - Parameters:
    ///   - path: The directory of the new store. Nothing may exist there but an empty directory.
    ///   - configuration: The settings of the store.
    ///   - vectors: The components of the vectors, one vector after the other.
    ///   - labels: The labels of the vectors, each once; nil for 0, 1, 2, …
    ///   - options: The threads and memory to use, and functions to call.
    /// - Throws: ``StoreError``: `alreadyExists` if there is something at `path`, before anything is done; `notFound`
    ///   if the parent directory is missing; `locked` if another process builds this store; `dimensionMismatch`,
    ///   `invalidVector` or `duplicateLabel` if the input cannot be stored; `invalidArgument` if a setting or the
    ///   number of labels is wrong, or the memory budget is too small; `missingDistance` if the metric is a custom one
    ///   that is not registered; `full` or `io` if the system or the disk fails.
    ///   `cancelled` if the call was cancelled.
    /// - Complexity: O(n log n) for n vectors: for each, about one search with efConstruction as its ef.
    public static func build(
        at path: FilePath, configuration: Configuration, vectors: [Float], labels: [Label]? = nil,
        options: BuildOptions = .init()
    ) throws(StoreError) {
        try configuration.validate()
        let rows = vectors.count / configuration.dimensions
        guard rows * configuration.dimensions == vectors.count else {
            throw StoreError(
                .dimensionMismatch,
                "\(vectors.count) numbers are not a whole number of vectors of \(configuration.dimensions) dimensions")
        }
        let source = unsafe RowSource(count: rows, file: nil) { (range, buffer) throws(StoreError) in
            let first = range.lowerBound * configuration.dimensions
            for index in 0..<range.count * configuration.dimensions { unsafe buffer[index] = vectors[first + index] }
        }
        try build(at: path, configuration: configuration, source, labels: labels, options: options, calls: .system)
    }

    /// Builds a new store from the vectors in a file (.npy, .fvecs, .bvecs, .fbin, .u8bin or .i8bin).
    ///
    /// The file is read as a stream. Double precision is rounded to single precision. A pipe is first read to its end
    /// into a temporary file, in `$TMPDIR` or /tmp.
    ///
    /// The store is made as by ``build(at:configuration:vectors:labels:options:)``: it appears at once and as a whole,
    /// and is durable when this returns. You may call this from any thread.
    ///
    /// - Parameters:
    ///   - path: The directory of the new store. Nothing may exist there but an empty directory.
    ///   - configuration: The settings of the store. Its dimensions must be those of the file, or 0 to take those of
    ///     the file.
    ///   - file: The file of vectors.
    ///   - labels: The labels of the vectors, each once; nil for 0, 1, 2, …
    ///   - options: The threads and memory to use, and functions to call.
    /// - Throws: ``StoreError``: `dimensionMismatch` if the file's vectors have other dimensions; `invalidArgument` if
    ///   the file is not one of vectors or cannot be read; and the errors of
    ///   ``build(at:configuration:vectors:labels:options:)``.
    ///   `cancelled` if the call was cancelled.
    /// - Complexity: O(n log n) for n vectors: for each, about one search with efConstruction as its ef.
    public static func build(
        at path: FilePath, configuration: Configuration, from file: FilePath, labels: [Label]? = nil,
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
        let source = unsafe RowSource(count: vectors.rows, file: file) { (range, buffer) throws(StoreError) in
            try reading { () throws(VectorFileError) in
                try unsafe vectors.readFloats(rows: range, into: buffer, allowsOverflow: allowsOverflow)
            }
        }
        try build(at: path, configuration: configuration, source, labels: labels, options: options, calls: .system)
    }

    /// Builds a new store from vectors that a function gives, a portion at a time.
    ///
    /// The store is made as by ``build(at:configuration:vectors:labels:options:)``: it appears at once and as a whole,
    /// and is durable when this returns. You may call this from any thread.
    ///
    /// - Parameters:
    ///   - path: The directory of the new store. Nothing may exist there but an empty directory.
    ///   - configuration: The settings of the store.
    ///   - rows: The vectors.
    ///   - labels: The labels of the vectors, each once; nil for 0, 1, 2, …
    ///   - options: The threads and memory to use, and functions to call.
    /// - Throws: ``StoreError``: what the source throws, and the errors of
    ///   ``build(at:configuration:vectors:labels:options:)``.
    ///   `cancelled` if the call was cancelled.
    /// - Complexity: O(n log n) for n vectors: for each, about one search with efConstruction as its ef.
    public static func build(
        at path: FilePath, configuration: Configuration, rows: RowSource, labels: [Label]? = nil,
        options: BuildOptions = .init()
    ) throws(StoreError) {
        try build(at: path, configuration: configuration, rows, labels: labels, options: options, calls: .system)
    }

    /// Checks vectors as a build would, and makes nothing.
    ///
    /// A build that finds an invalid vector throws, however late. Use this to find out before a long build whether it
    /// would. It reads all vectors once, a few MiB at a time.
    ///
    /// - Parameters:
    ///   - configuration: The settings of the store.
    ///   - rows: The vectors.
    ///   - labels: The labels of the vectors, each once; nil for 0, 1, 2, …
    ///   - options: The memory that the build may use, its threads, which take some of it, and functions to call. The
    ///     progress is that of reading. With ``BuildOptions/onInvalidVector``, no vector is an error.
    /// - Throws: ``StoreError``: what the source throws, and the errors that
    ///   ``build(at:configuration:rows:labels:options:)`` throws for its settings, vectors and labels, or for its memory
    ///   budget.
    ///   `cancelled` if the call was cancelled.
    /// - Complexity: O(n log n) for n labels, and O(n) for n vectors.
    public static func checkBuild(
        configuration: Configuration, rows: RowSource, labels: [Label]? = nil, options: BuildOptions = .init()
    ) throws(StoreError) {
        try configuration.validate()
        try check(rows, labels)
        try checkMemory(configuration, rows: rows.count, options)
        try forEachPortion(of: rows, configuration) { (portion, range) throws(StoreError) in
            for (index, row) in range.enumerated() {
                if let tell = options.onInvalidVector {
                    if let problem = portion.problem(index) { tell(InvalidVector(row: row, problem: problem.text)) }
                } else {
                    try portion.check(
                        index, label: labels?[row] ?? Label(row), offset: range.lowerBound, path: rows.path)
                }
            }
            options.progress?(range.upperBound, rows.count)
        }
    }

    private static func reading<Result>(_ body: () throws(VectorFileError) -> Result) throws(StoreError) -> Result {
        do {
            return try body()
        } catch {
            throw StoreError(error)
        }
    }

    /// Builds a new store at `path` from the rows of `source`. See ``build(at:configuration:vectors:labels:options:)``.
    static func build(
        at path: FilePath, configuration: Configuration, _ source: RowSource, labels: [Label]?, options: BuildOptions,
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

    /// Throws unless there is nothing at `path`, or an empty directory.
    static func checkVacant(_ path: FilePath) throws(StoreError) {
        let kind = Directory.kind(of: path), isLink = Directory.isSymbolicLink(path)
        if kind == .missing && !isLink { return }
        guard kind == .directory && !isLink else { throw DraftPlace.isTaken(path) }
        let isVacant = try translating { () throws(StorageError) in try DraftPlace.isVacant(Directory(path)) }
        guard isVacant else { throw DraftPlace.isTaken(path) }
    }

    /// Throws what is wrong with the number of rows or their labels.
    static func check(_ source: RowSource, _ labels: [Label]?) throws(StoreError) {
        guard source.count >= 0 else {
            throw StoreError(.invalidArgument, "there are \(source.count) vectors", remedy: "give 0 or more")
        }
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
                template:
                    "label \(label) comes twice, in rows \(places[0]) and \(StoreError.rowMark); a store has each label once",
                label: label, row: places[1])
        }
    }
}
