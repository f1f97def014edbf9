import FileFormat
import HnswlibFile
package import MappedStorage
public import SystemPackage

extension VectorStore {
    /// What an index file of hnswlib does not say, and how it is imported.
    public struct ImportOptions: Sendable {
        /// How far apart two vectors are. It may be another metric than the index was built with: the graph is kept, distances
        /// are the new metric's.
        public var metric: Metric
        /// What a component is in the file: f32, unless the index was made in C++ for another type.
        public var scalar: Scalar
        /// Components of a vector; nil to work it out from the file. One that does not fit the file is an error.
        public var dimensions: Int?
        /// ef of the store: the width of searches that name none.
        public var searchWidth: Int
        /// Called now and then with the bytes read so far and their total; the file is read twice.
        public var progress: (@Sendable (_ done: Int, _ total: Int) -> Void)?

        /// f32, and what the file says, unless said otherwise.
        public init(
            metric: Metric, scalar: Scalar = .float32, dimensions: Int? = nil, searchWidth: Int = 50,
            progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
        ) {
            self.metric = metric
            self.scalar = scalar
            self.dimensions = dimensions
            self.searchWidth = searchWidth
            self.progress = progress
        }
    }

    /// What an import found.
    public struct ImportReport: Sendable, Hashable {
        /// Vectors that searches find.
        public internal(set) var count = 0
        /// Vectors marked as deleted, which `unmark` brings back.
        public internal(set) var deleted = 0
        /// Vectors whose label came again: they are kept until the store is changed, but not found.
        public internal(set) var repeatedLabels = 0
        /// Vectors with a component that is infinite or not a number; no search can place them.
        public internal(set) var nonFiniteVectors = 0
        /// Vectors so long or so short that single precision does not hold their distances, which come out as infinite or 0.
        public internal(set) var unorderedVectors = 0
        /// What the store was made with.
        public internal(set) var configuration: Configuration
        /// Bytes of the file.
        public internal(set) var bytesRead = 0
        /// What a user should know, each a sentence.
        public internal(set) var warnings: [String] = []

        package static func warning(ofRepeatedLabels count: Int) -> String {
            "\(count) vectors have a label that comes again later in the file; only the last one of each label that is not deleted "
                + "is found"
        }
    }

    /// Makes a new store at `path` from an index that hnswlib saved, from Chroma's variant of such a file, or from the folder of
    /// one of Chroma's indexes.
    ///
    /// Chroma's folder is as its last sync left it: later changes are in `chroma.sqlite3` alone, which `cairn convert` reads too. One
    /// without vectors is an error.
    ///
    /// The graph is kept as it is: order, link lists, levels, deletion marks; nothing is inserted anew. As long as the store is not
    /// changed, ``exportHnswlib(to:options:)`` gives back the same bytes. Of several vectors under one label the last that is not
    /// deleted is found. Vectors of Chroma's cosine indexes get back their lengths; in hnswlib's they are lost.
    ///
    /// The file is checked as a whole before anything is written; what is wrong with it is in the error, with the byte offset. The
    /// store appears at once and whole, as with ``build(at:_:vectors:labels:options:)``. O(file), in about 20 bytes a vector of
    /// memory beside the upper layers.
    ///
    /// Throws `alreadyExists`, `notFound`, `corrupt` for a file that is damaged or none of hnswlib's, `dimensionMismatch`,
    /// `invalidArgument`, `full` or `io`.
    @discardableResult
    public static func importHnswlib(
        from file: FilePath, to path: FilePath, options: ImportOptions
    ) throws(StoreError) -> ImportReport {
        try importHnswlib(from: file, to: path, options: options, calls: .system)
    }

    /// The same with system calls of the caller's.
    @discardableResult
    package static func importHnswlib(
        from file: FilePath, to path: FilePath, options: ImportOptions, calls: SystemCalls
    ) throws(StoreError) -> ImportReport {
        try HnswlibImport(from: file, options: options, calls: calls).run(to: path)
    }

    /// The same for an index that was checked. Progress is told from the half on.
    @discardableResult
    package static func importHnswlib(
        _ checked: CheckedIndex, to path: FilePath, options: ImportOptions
    ) throws(StoreError) -> ImportReport {
        try HnswlibImport(checked.index, options: options, calls: .system).run(to: path, checked)
    }

    /// How a store is exported.
    public struct ExportOptions: Sendable {
        /// max_elements of the index: how many vectors hnswlib makes room for when it loads it. nil for as many as there are, or as
        /// the file said that the store was imported from.
        public var maximumElements: Int?
        /// What a component is in the file. nil for f32, which is what hnswlib's Python package reads; or the store's own scalar if
        /// it was imported. Only f32 and the store's own are possible.
        public var scalar: Scalar?
        /// Called now and then with the vectors written so far and their total.
        public var progress: (@Sendable (_ done: Int, _ total: Int) -> Void)?

        /// f32, room for what there is, no progress.
        public init(
            maximumElements: Int? = nil, scalar: Scalar? = nil,
            progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
        ) {
            self.maximumElements = maximumElements
            self.scalar = scalar
            self.progress = progress
        }
    }

    /// What an export wrote.
    public struct ExportReport: Sendable, Hashable {
        /// Vectors that hnswlib finds.
        public internal(set) var count = 0
        /// Vectors marked as deleted.
        public internal(set) var deleted = 0
        /// Bytes of the file.
        public internal(set) var bytesWritten = 0
        /// Whether the file is, byte for byte, the one that the store was imported from.
        public internal(set) var isOriginal = false
    }

    /// Writes the store as an index file that hnswlib loads, with its graph: marked vectors go along and stay deleted; slots that were
    /// erased or replaced do not, and neither do the links to them. A store that was not changed since it was imported gives the
    /// file it came from, byte for byte, unless the options say otherwise or its upper layers had to be rebuilt; of an index of
    /// Chroma's, hnswlib's file of it.
    ///
    /// What stands at `file` is replaced once all is on the disk. Searches go on meanwhile; changes wait. O(store), in 4 bytes a
    /// vector of memory.
    ///
    /// Throws `invalidArgument`, `full` or `io`.
    @discardableResult
    public func exportHnswlib(
        to file: FilePath, options: ExportOptions = .init()
    ) throws(StoreError) -> ExportReport {
        try readingQuiet { (contents, view) throws(StoreError) in
            try HnswlibExport(contents, view, counts.load(), options, store: path, calls).run(to: file)
        }
    }

    /// What a component is in an export whose options do not say.
    package var exportScalar: Scalar {
        get throws(StoreError) {
            try reading { (contents, _, _) in
                contents.superblock.origin == nil ? .float32 : contents.encoding.scalar
            }
        }
    }
}
