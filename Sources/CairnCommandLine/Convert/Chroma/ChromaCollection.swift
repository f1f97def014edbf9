import Cairn
import ChromaDatabase
import HnswlibFile
import MappedStorage
import SystemPackage

/// A collection of Chroma's as it is now: the index in its folder, and the changes that only the database has.
struct ChromaCollection {
    typealias Changes = [(identifier: String, change: ChromaDatabase.Change)]

    let name: String
    let metric: MetricName
    /// Where its index is, or will be.
    let folder: FilePath
    /// nil where nothing was written there yet.
    let index: HnswlibIndex?
    /// What came after the index was written, in order.
    let changes: Changes
    /// The database.
    let path: FilePath

    /// The collection of that name or identifier in the folder of all of Chroma's data; without a name the only one.
    init(named name: String?, in data: FilePath) throws {
        let database = try ChromaDatabase(data.appending(ChromaDatabase.fileName))
        let collections = try database.collections()
        try self.init(Self.choose(name, of: collections, database.path), database, in: data)
    }

    /// The collection whose index `folder` holds, if the database is next to it and knows it.
    init?(folder: FilePath) throws {
        let path = folder.parent.appending(ChromaDatabase.fileName)
        guard let segment = folder.lastComponent?.string, Directory.kind(of: path) == .other else { return nil }
        let database = try ChromaDatabase(path)
        guard let collection = try database.collections().first(where: { $0.segment == segment }) else { return nil }
        try self.init(collection, database, in: folder.parent)
    }

    private static func choose(
        _ name: String?, of collections: [ChromaDatabase.Collection], _ path: FilePath
    ) throws -> ChromaDatabase.Collection {
        let found = collections.filter { name == nil || $0.name == name || $0.identifier == name }
        if found.count == 1 { return found[0] }
        func list(_ names: [String]) -> String {
            names.prefix(20).joined(separator: ", ") + (names.count > 20 ? ", … (\(names.count) in all)" : "")
        }
        guard !collections.isEmpty else { throw Failure(path, "it has no collections") }
        guard let name else {
            throw Failure(
                usage: "\(path) has \(collections.count) collections: name one with --collection: "
                    + list(collections.map(\.name)))
        }
        guard found.isEmpty else {
            throw Failure(
                usage:
                    "\(found.count) collections of \(path) are called \(name): name one by its id with --collection: "
                    + list(found.map(\.identifier)))
        }
        throw Failure(
            code: StoreError.Code.notFound.description,
            "it has no collection \(name); it has: \(list(collections.map(\.name)))", path: path)
    }

    private init(_ collection: ChromaDatabase.Collection, _ database: ChromaDatabase, in data: FilePath) throws {
        guard let metric = MetricName(rawValue: collection.space) else {
            throw Failure(
                database.path,
                "collection \(collection.name) has the metric \(collection.space), which a store does not have")
        }
        self.metric = metric
        name = collection.name
        path = database.path
        folder = data.appending(collection.segment)
        let header = folder.appending("header.bin")
        let stored = Directory.kind(of: header) == .missing ? nil : try HnswlibIndex(folder)
        index = stored.flatMap { $0.header.count > 0 ? $0 : nil }
        var last = try database.lastSynchronized(collection)
        if let index {
            last = last ?? (try? ChromaMetadata.read(folder: folder, elements: index.header.count))?.lastSequence
        } else if let last, last > 0 {
            throw Failure(
                folder, "the index of collection \(name) is missing: copy the whole folder of Chroma's data again")
        }
        var changes: Changes = []
        try database.forEachChange(of: collection, after: last ?? -1) { identifier, change in
            changes.append((identifier, change))
        }
        self.changes = changes
    }

    /// Whether the index has all of it.
    var isAsStored: Bool { index != nil && changes.isEmpty }

    /// Bytes that reading it reads, about.
    var byteCount: Int {
        changes.reduce(index?.fileBytes ?? 0) { sum, change in
            switch change.change {
            case .add(let vector), .update(let vector), .upsert(let vector): sum + 4 * vector.count
            case .delete: sum
            }
        }
    }
}

extension Failure {
    init(_ error: ChromaDatabaseError) { self.init(error.path, error.message) }
}
