import FileFormat
package import HNSW
package import MappedStorage
package import SystemPackage

/// What campaigns do with stores and the public interface has no form for: they give system calls that record or fail,
/// count work, and quantize stores of a few vectors.
///
/// Everything that is `package` in this module is in here, under this one name, so that `Scripts/check-layers` sees
/// that the program `cairn` uses none of it. Most tests use what is internal.
package enum CampaignAccess {
    /// Opens a store with system calls of the caller's. See ``VectorStore/open(at:options:)`` and
    /// ``VectorStore/openForWriting(at:options:)``.
    package static func open(
        at path: FilePath, forWriting: Bool, options: VectorStore.OpenOptions, calls: SystemCalls
    ) throws(StoreError) -> VectorStore {
        var options = options
        options.access = forWriting ? .readWrite : .readOnly
        return try VectorStore.open(at: path, options: options, calls: calls)
    }

    /// Creates a store with system calls of the caller's. See ``VectorStore/create(at:configuration:options:)``.
    package static func create(
        at path: FilePath, configuration: VectorStore.Configuration, options: VectorStore.OpenOptions,
        calls: SystemCalls
    ) throws(StoreError) -> VectorStore {
        try VectorStore.create(at: path, configuration: configuration, options: options, calls: calls)
    }

    /// Imports an index with system calls of the caller's. See ``VectorStore/importHnswlib(from:to:options:)``.
    package static func importHnswlib(
        from file: FilePath, to path: FilePath, options: VectorStore.ImportOptions, calls: SystemCalls
    ) throws(StoreError) -> VectorStore.ImportReport {
        try VectorStore.importHnswlib(from: file, to: path, options: options, calls: calls)
    }

    /// Options for opening a store that is quantized from `count` vectors on.
    package static func options(
        _ options: VectorStore.OpenOptions, quantizingFrom count: Int
    ) -> VectorStore.OpenOptions {
        options.coded(from: count)
    }

    /// Options for building a store that is quantized from `count` vectors on.
    package static func options(
        _ options: VectorStore.BuildOptions, quantizingFrom count: Int
    ) -> VectorStore.BuildOptions {
        options.coded(from: count)
    }

    /// Options for a search that goes about its filter by `plan`, whatever would be cheapest.
    package static func options(
        _ options: VectorStore.SearchOptions, following plan: SearchPlan
    ) -> VectorStore.SearchOptions {
        var options = options
        options.filterPlan = plan
        return options
    }

    /// The work of changes or searches, as counts that a machine's speed does not enter.
    package struct Work: Sendable, Hashable {
        /// Distances that were computed.
        package var distances: Int
        /// Link lists that were read.
        package var listsRead: Int
        /// Link lists that were written.
        package var listsWritten: Int

        /// The work between two moments.
        package static func - (after: Work, before: Work) -> Work {
            Work(
                distances: after.distances - before.distances, listsRead: after.listsRead - before.listsRead,
                listsWritten: after.listsWritten - before.listsWritten)
        }
    }

    /// What changes have cost since a store was opened for writing.
    package static func changeWork(of store: VectorStore) throws(StoreError) -> Work {
        let writer = try store.writing()
        return try writer.alone { () throws(StoreError) in writer.work }
    }

    /// What searches have cost since a store was opened, while none is under way.
    package static func searchWork(of store: VectorStore) throws(StoreError) -> Work {
        try store.reading { session in
            let work = session.graph.readers.work, scratch = session.scratch
            return Work(
                distances: work.distances + scratch.distanceCount, listsRead: work.listsRead + scratch.hopCount,
                listsWritten: 0)
        }
    }
}
