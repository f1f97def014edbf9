import Cairn
import MappedStorage
import SystemPackage
import VectorFiles

/// A file of the true neighbours of queries: a row of labels for each, the nearest first.
struct Truth {
    let path: FilePath
    private let rows: [[Label]]

    /// Opens the file. Throws unless it has a row of at least `count` labels for each of so many queries.
    init(_ file: VectorFile, queries: Int, count: Int) throws {
        path = file.path
        // As for queries, an array of one axis is one row; with several queries it can only be one label for each.
        let isOneRow = file.isOneDimensional && queries == 1
        let found = isOneRow ? 1 : file.rows, columns = isOneRow ? file.rows : file.dimensions
        guard found == queries else {
            throw Failure(path, "it has \(found) rows for \(queries) queries: give one row for each query")
        }
        guard columns >= count else {
            throw Failure(path, "it has \(columns) labels in a row, -k \(count) needs as many: ask for fewer")
        }
        let labels = try file.readLabels(rows: 0..<file.rows)
        rows = (0..<found).map { Array(labels[$0 * columns..<($0 + 1) * columns]) }
    }

    /// What counts as found for a query.
    struct Neighbors {
        /// How many of its true neighbours the store has: k, or fewer.
        let count: Int
        let labels: Set<Label>
        /// Whatever is no farther than this counts as well.
        let threshold: Float
        /// The labels before the last of them that the store has not.
        let missing: [Label]

        func contains(_ neighbor: VectorStore.Neighbor) -> Bool {
            neighbor.distance <= threshold || labels.contains(neighbor.label)
        }
    }

    /// The first `count` labels of a row that the store has, and how far they are from the query.
    func neighbors(_ row: Int, of query: [Float], _ store: VectorStore, count limit: Int) throws(StoreError)
        -> Neighbors
    {
        let labels = rows[row]
        var farthest = -Float.infinity, found: Set<Label> = [], count = 0, missing: [Label] = [], next = 0
        while count < limit && next < labels.count {
            let some = Array(labels[next..<min(next + limit - count, labels.count)])
            for (label, distance) in zip(some, try store.distances(from: query, to: some)) {
                if let distance {
                    farthest = max(farthest, distance)
                    found.insert(label)
                    count += 1
                } else if label != .max {
                    // That one comes after the last of a row with fewer results, as `--save-labels` writes it.
                    missing.append(label)
                }
            }
            next += some.count
        }
        return Neighbors(
            count: count, labels: found, threshold: Self.threshold(farthest, try store.configuration.metric),
            missing: missing)
    }

    /// As ann-benchmarks: a little more than the distance, so that rounding and equal distances do no harm. What is
    /// left of a small product in a distance of about 1 does not tell near from far: then only labels count.
    private static func threshold(_ distance: Float, _ metric: VectorStore.Metric) -> Float {
        switch metric {
        case .l2: return distance * (1 + 1e-3)
        case .innerProduct:
            let product = abs(1 - distance)
            return product < 1e-3 ? -.infinity : distance + 1e-3 * min(product, 1)
        case .cosine, .custom: return distance + 1e-3
        }
    }

    /// Throws where the file of queries is one of labels and that of the truth is not: they are the wrong way round.
    static func checkOrder(queries: FilePath, truth: VectorFile) throws {
        // A pipe cannot be looked at before it is read.
        guard !truth.scalar.isInteger, Directory.isRegularFile(queries), Directory.isRegularFile(truth.path),
            let file = try? VectorFile(queries), file.scalar.isInteger, file.scalar.size > 1
        else { return }
        throw Failure(
            usage:
                "\(queries) has whole numbers, as labels are, and \(truth.path) has not: the queries come before the truth, as in "
                + "cairn recall STORE \(truth.path) \(queries)")
    }
}
