import Allocation
import HNSW
import SystemPackage

/// What one reader works with: the store's parts, the graph as it was when it began, and memory of its own. All of it
/// stays as long as the body of `VectorStore.reading` runs.
struct ReadSession {
    let contents: StoreContents
    /// The graph as this reader sees it.
    var view: GraphView
    /// Memory for one search at a time.
    let scratch: SearchScratch
    let labels: LabelTable
    let counts: PublishedCounts
    /// The ef of searches that do not set their own.
    let defaultWidth: Int
    /// The store's, for messages.
    let path: FilePath?

    var graph: Graph { contents.graph }

    /// The same with the memory of another search.
    func with(_ scratch: SearchScratch) -> ReadSession {
        ReadSession(
            contents: contents, view: view, scratch: scratch, labels: labels, counts: counts,
            defaultWidth: defaultWidth, path: path)
    }

    /// Puts the query into the kernels' form, or says what is wrong with it.
    func prepare(_ query: QueryInput) throws(StoreError) -> Query {
        let encoding = contents.encoding, vector = unsafe query.vector
        let subject = query.row == nil ? "the query" : "query \(StoreError.rowMark)"
        guard vector.count == encoding.dimensions else {
            throw StoreError(
                .dimensionMismatch,
                template: "\(subject) has \(vector.count) dimensions, the store's vectors have \(encoding.dimensions)",
                path: path,
                row: query.row)
        }
        if let problem = unsafe encoding.problem(vector) {
            throw StoreError(
                .invalidVector, template: "\(subject) \(problem.problem)", remedy: problem.remedy, path: path,
                row: query.row)
        }
        let storage = try unsafe takingMemory(for: path) { () throws(OutOfMemory) in
            try scratch.prepare(dimensions: graph.distances.dimensions)
            return try unsafe scratch.queryStorage(bytes: encoding.queryBytes)
        }
        return unsafe encoding.query(
            vector, storage: storage, scratch: scratch.expansion(encoding.dimensions))
    }
}

extension ReadSession {
    /// The distances between a query and the vectors of labels; nil for those that have none.
    func distances(from query: QueryInput, to labels: [Label]) throws(StoreError) -> [Float?] {
        let query = try prepare(query)
        return try takingMemory(for: path) { () throws(OutOfMemory) in
            try ProcessMemory.expect(labels.count * MemoryLayout<Float?>.stride)
            return try labels.map { (label) throws(OutOfMemory) in
                guard let slot = try self.labels.slot(of: label, in: view) else { return nil }
                let found = try graph.exactSearch(query, count: 1, in: view, among: [slot], scratch: scratch)
                return found.count == 0 ? nil : graph.distances.distance(of: found[0])
            }
        }
    }
}

/// A query as the caller gave it; its number where there are several.
@safe
struct QueryInput {
    let vector: UnsafeBufferPointer<Float>
    let row: Int?

    init(_ vector: UnsafeBufferPointer<Float>, row: Int?) {
        unsafe self.vector = vector
        self.row = row
    }
}
