import FileFormat
import HNSW
import HnswlibFile
import MappedStorage
public import SystemPackage

extension VectorStore {
    /// Imports an index of hnswlib or Chroma as a new store, and keeps its graph.
    ///
    /// The index is a file that hnswlib saved, a file of Chroma's variant of hnswlib, or the folder of one of Chroma's
    /// indexes. The folder has the state of Chroma's last sync. Later changes are only in `chroma.sqlite3`, which
    /// `cairn convert` reads too. A folder without vectors is an error.
    ///
    /// The order, link lists, levels and deletion marks stay as they are. No vector is inserted again. As long as the
    /// store is not changed, ``exportHnswlib(to:options:)`` gives back the same bytes. If several vectors have one
    /// label, searches find the last one that is not deleted. Vectors of Chroma's cosine indexes get their lengths
    /// back. In cosine indexes of hnswlib the lengths are lost.
    ///
    /// The whole file is checked before anything is written. The error says what is wrong with it, and at which byte.
    /// The store then appears at once and as a whole, as with ``build(at:configuration:vectors:labels:options:)``. It
    /// is durable when this returns.
    ///
    /// - Parameters:
    ///   - file: The index: a file, or a folder of Chroma's.
    ///   - path: The directory of the new store. Nothing may exist there but an empty directory.
    ///   - options: The settings that the file does not contain, and a function for progress.
    /// - Returns: Counts of the vectors, and warnings.
    /// - Throws: ``StoreError``: `alreadyExists` if there is something at `path`; `notFound` if there is no such file;
    ///   `corrupt` if the file is damaged or not an hnswlib index; `dimensionMismatch` if its vectors do not have the
    ///   given dimensions and scalar; `invalidArgument` if an option is out of range or the folder has no vectors;
    ///   `full` or `io` if the system or the disk fails.
    ///   `cancelled` if the call was cancelled.
    /// - Complexity: O(file). It takes about 20 bytes of memory for each vector, in addition to the upper layers.
    @discardableResult
    public static func importHnswlib(
        from file: FilePath, to path: FilePath, options: ImportOptions
    ) throws(StoreError) -> ImportReport {
        try importHnswlib(from: file, to: path, options: options, calls: .system)
    }

    /// Imports an index with system calls of the caller's. See ``importHnswlib(from:to:options:)``.
    @discardableResult
    static func importHnswlib(
        from file: FilePath, to path: FilePath, options: ImportOptions, calls: SystemCalls
    ) throws(StoreError) -> ImportReport {
        try HnswlibImport(from: file, options: options, calls: calls).run(to: path)
    }

    /// Exports the store with its graph as an index file that hnswlib loads.
    ///
    /// Vectors that are marked deleted are exported and stay deleted. Slots of erased and replaced vectors are left
    /// out, as well as the links to them.
    ///
    /// If the store was imported and not changed since, the file is the original, byte for byte. It differs if the
    /// options ask for something else, or if the upper layers had to be made again. For an imported index of Chroma, it
    /// is hnswlib's form of that index.
    ///
    /// A file that exists is replaced once the new one is complete on the disk. Searches go on meanwhile. Changes wait.
    ///
    /// - Parameters:
    ///   - file: The index file to write.
    ///   - options: The type of components, the room for vectors, and a function for progress.
    /// - Returns: The number of vectors and bytes, and whether the file is the imported one.
    /// - Throws: ``StoreError``: `invalidArgument` if the store cannot be exported with these options; `full` or `io`
    ///   if the system or the disk fails; `corrupt` if the store is damaged; `closed` after ``close()``; `forked` in a
    ///   child of the process that opened the store for writing.
    ///   `cancelled` if the call was cancelled.
    /// - Complexity: O(store). It takes 4 bytes of memory for each vector.
    @discardableResult
    public func exportHnswlib(
        to file: FilePath, options: ExportOptions = .init()
    ) throws(StoreError) -> ExportReport {
        try readingQuiet { (session) throws(StoreError) in
            try HnswlibExport(session, options, calls).run(to: file)
        }
    }

    /// The type of a component in an export whose options do not set it.
    ///
    /// It is the store's own scalar if the store was imported, and `f32` if not. You may ask from any thread.
    ///
    /// - Throws: ``StoreError``: `closed` after ``close()``.
    public var defaultExportScalar: Scalar {
        get throws(StoreError) {
            try reading { $0.contents.defaultExportScalar }
        }
    }

    /// Whether the store keeps the length of a vector that was not of length 1.
    ///
    /// Only a store for cosine does. With the scalars f32 and f16 it normalises vectors and keeps their lengths next to
    /// them, so that ``vector(for:)`` returns them as long as they were. hnswlib's files have no place for lengths, so
    /// an export loses them. With u8 and i8 vectors are stored as they were given: only an export as f32 loses their
    /// lengths. You may ask from any thread.
    ///
    /// - Throws: ``StoreError``: `closed` after ``close()``.
    /// - Complexity: O(vectors), 4 bytes for each, up to the first such vector.
    public var hasLengths: Bool {
        get throws(StoreError) {
            try reading { session in
                let contents = session.contents, view = session.view
                guard contents.encoding.isCosine, let norms = unsafe contents.columns.norms else { return false }
                let slots = contents.graph.slots
                return (0..<view.count).contains { slot in
                    unsafe norms[slot] != 1
                        && (slots.isVisible(UInt32(slot), at: view.sequence)
                            || slots.state(UInt32(slot)) == .marked)
                }
            }
        }
    }
}
