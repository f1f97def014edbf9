import Cairn
import SystemPackage

/// What is searched for.
struct SearchQueries {
    /// One vector after the other.
    let vectors: [Float]
    /// The labels whose vectors they are, and which are no answers to themselves; nil for vectors from a file.
    let likes: [Label]?
}

extension SearchQueries {
    /// Reads the first rows of a file.
    init(_ file: QueryFile, limit: Int) throws { self.init(vectors: try file.read(limit: limit), likes: nil) }

    /// Takes vectors of the store at `path`.
    init(like labels: [Label], of store: VectorStore, at path: FilePath) throws {
        self.init(vectors: try labels.flatMap { try store.vector(labelled: $0, path) }, likes: labels)
    }
}

extension SearchCommand {
    /// Searches for each query.
    func search(_ store: VectorStore, for queries: SearchQueries) throws -> any SearchResults {
        guard let likes = queries.likes else { return try search(store, queries.vectors, extra: 0) }
        // Each label finds itself, and is left out.
        let found = try search(store, queries.vectors, extra: 1)
        return found.leavingOut(likes, count: radius == nil ? count ?? 10 : count ?? 10_000)
    }

    /// Searches for `extra` results more than were asked for.
    private func search(_ store: VectorStore, _ vectors: [Float], extra: Int) throws -> any SearchResults {
        func more(_ count: Int) -> Int { count == .max ? count : count + extra }
        let filter = try filter.map { VectorStore.LabelFilter.including(try readLabels($0.path)) }
        let grouping = try documents.map { try readDocuments($0.path) }
        let threads = threads?.count
        do {
            if let radius {
                let options = VectorStore.RadiusOptions(
                    limit: more(count ?? 10_000), ef: ef, filter: filter, isExact: exact)
                let rows = try inPieces(vectors, of: store) { (vectors) throws(StoreError) in
                    try store.search(batch: vectors, within: radius, options: options, threads: threads)
                }
                return RadiusResults(neighbors: rows.map(\.neighbors), isTruncated: rows.map(\.isTruncated))
            }
            if let grouping {
                let options = VectorStore.DocumentOptions(
                    ef: ef, neighborsPerDocument: more(perDocument ?? 1), filter: filter, isExact: exact)
                let rows = try inPieces(vectors, of: store) { (vectors) throws(StoreError) in
                    try store.searchDocuments(
                        batch: vectors, k: more(count ?? 10), by: grouping, options: options, threads: threads)
                }
                return DocumentResults(
                    rows: rows.map { $0.map { ($0.document, $0.neighbors) } }, perDocument: perDocument)
            }
            let options = VectorStore.SearchOptions(ef: ef, filter: filter, isExact: exact)
            return NearestResults(
                neighbors: try inPieces(vectors, of: store) { (vectors) throws(StoreError) in
                    try store.search(batch: vectors, k: more(count ?? 10), options: options, threads: threads)
                })
        } catch let error as StoreError {
            throw Failure(error, path: error.code == .invalidVector ? queries?.path : nil)
        }
    }

    /// Searches for all queries at once or, where somebody watches, for so many at a time that it can be told how far
    /// it is.
    private func inPieces<Row>(
        _ vectors: [Float], of store: VectorStore, _ search: ([Float]) throws(StoreError) -> [Row]
    ) throws -> [Row] {
        guard let bar = ProgressBar(quiet: common.quiet, delay: .milliseconds(500)) else { return try search(vectors) }
        defer { bar.finish() }
        let dimensions = try store.configuration.dimensions, total = vectors.count / dimensions
        var rows: [Row] = [], piece = 64
        repeat {
            let start = ContinuousClock.now, first = rows.count, end = min(first + piece, total)
            do {
                rows += try search(Array(vectors[first * dimensions..<end * dimensions]))
            } catch {
                // It counts from the beginning of the piece.
                let error = error.row.map { error.numbered($0 + first) } ?? error
                throw Failure(error, path: error.code == .invalidVector ? queries?.path : nil)
            }
            bar.update(end, of: total)
            let seconds = (ContinuousClock.now - start).seconds
            if seconds < 0.05 { piece *= 2 } else if seconds > 0.5 { piece = max(16, piece / 2) }
        } while rows.count < total
        return rows
    }
}

extension VectorStore {
    /// The vector of a label that must be in the store, which is at `path`.
    func vector(labelled label: Label, _ path: FilePath) throws -> [Float] {
        if let vector = try vector(for: label) { return vector }
        let isDeleted = try deletedLabels().contains(label)
        throw Failure(
            code: StoreError.Code.unknownLabel.description,
            isDeleted
                ? "label \(label) is marked deleted; bring it back with: cairn delete \(path) \(label) --undo"
                : "there is no label \(label) in the store", path: path)
    }
}
