import FileFormat
import HnswlibFile
package import MappedStorage
public import SystemPackage

extension VectorStore {
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
