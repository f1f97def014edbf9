import Cairn
import SystemPackage
import VectorFiles

/// Queries and the true neighbours of each: read once, for all stores that are measured by them, since they may come through
/// pipes.
struct RecallInput {
    /// Of the queries, for messages.
    let path: FilePath
    let truthPath: FilePath
    let queries: [[Float]]
    /// For each query the first labels of its row.
    let truth: [[Label]]
    let count: Int

    /// Reads both files. Throws unless there is a row of at least `count` labels for each query of so many dimensions.
    init(queries path: FilePath, dimensions: Int, truth truthPath: FilePath, count: Int) throws {
        self.path = path
        self.truthPath = truthPath
        self.count = count
        let file = try QueryFile(path, dimensions: dimensions)
        guard file.count > 0 else { throw Failure(path, "it has no queries to measure") }
        let elements = try file.read(limit: .max)
        queries = (0..<file.count).map { Array(elements[$0 * dimensions..<($0 + 1) * dimensions]) }
        truth = try Self.labels(truthPath, queries: queries.count, count: count)
    }

    /// The first `count` labels of each row of the truth.
    private static func labels(_ path: FilePath, queries: Int, count: Int) throws -> [[Label]] {
        let file = try VectorFile(truth: path)
        // As for queries, an array of one axis is one row; with several queries it can only be one label for each.
        let isOneRow = file.isOneDimensional && queries == 1
        let rows = isOneRow ? 1 : file.rows, columns = isOneRow ? file.rows : file.dimensions
        guard rows == queries else {
            throw Failure(path, "it has \(rows) rows for \(queries) queries: give one row for each query")
        }
        guard columns >= count else {
            throw Failure(path, "it has \(columns) labels in a row, -k \(count) needs as many: ask for fewer")
        }
        let labels = try file.readLabels(rows: 0..<file.rows)
        return (0..<rows).map { Array(labels[$0 * columns..<$0 * columns + count]) }
    }

    /// What went wrong with the query of a row.
    func failure(_ error: StoreError, _ row: Int) -> Failure {
        guard error.code == .invalidVector else { return Failure(error) }
        return Failure(code: error.code.description, "row \(row): \(error.message)", path: path)
    }
}
