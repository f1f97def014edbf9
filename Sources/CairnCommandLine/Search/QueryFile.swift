import SystemPackage
import VectorFiles

/// A vector file whose rows are queries; an .npy array of one axis is one query.
struct QueryFile {
    /// How many queries there are.
    let count: Int
    private let dimensions: Int
    private let file: VectorFile

    /// Opens the file. Throws unless its vectors have the store's dimensions.
    init(_ path: FilePath, dimensions: Int) throws {
        file = try VectorFile(path)
        let found = file.isOneDimensional ? file.rows : file.dimensions
        guard found == dimensions else {
            let subject = file.isOneDimensional ? "the query has" : "its vectors have"
            throw Failure(
                code: "dimensionMismatch",
                "\(subject) \(found) dimensions, the store's vectors have \(dimensions)", path: path)
        }
        self.dimensions = dimensions
        count = file.isOneDimensional ? 1 : file.rows
    }

    /// The first `limit` queries, one after the other.
    func read(limit: Int) throws -> [Float] {
        let queries = min(limit, count)
        let rows = file.isOneDimensional ? queries * dimensions : queries
        return try file.floats(rows: 0..<rows)
    }
}
