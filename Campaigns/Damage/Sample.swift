import Cairn
import SystemPackage
import TestSupport

/// A store that is not damaged, and what it holds.
struct Sample {
    let name: String
    let files: StoreFiles
    let layout: StoreLayout
    let rows: Rows
    let queries: [[Float]]
    /// What a sound store may hold: what its last checkpoint has, and then each batch of the log more.
    let contents: [Contents]
    /// The share of the ten nearest that searches of it find.
    let recall: Double

    /// The vectors that a store is filled with.
    struct Rows {
        let configuration: VectorStore.Configuration

        /// `count` vectors one after the other; others for another seed.
        func vectors(_ count: Int, seed: UInt64) -> [Float] {
            let dimensions = configuration.dimensions
            switch configuration.scalar {
            case .float32, .float16: return seededVectors(count: count, dimensions: dimensions, seed: seed)
            case .uint8: return seededWholeNumbers(count: count, dimensions: dimensions, seed: seed, in: 1...255)
            case .int8:
                return seededWholeNumbers(count: count, dimensions: dimensions, seed: seed, in: -128...127)
                    .map { $0 == 0 ? 1 : $0 }
            }
        }

        func each(_ count: Int, seed: UInt64) -> [[Float]] {
            let all = vectors(count, seed: seed), dimensions = configuration.dimensions
            return (0..<count).map { Array(all[$0 * dimensions..<($0 + 1) * dimensions]) }
        }
    }

    /// Vectors that a store is built of: two segments, and enough for codes.
    static let count = 330

    /// Takes the store at `path`, of which a writer may be there, and `recall`. `contents`: after the last checkpoint and after each
    /// batch since.
    init(_ name: String, _ path: FilePath, _ rows: Rows, contents: [Contents], recall: Double) throws {
        self.name = name
        self.recall = recall
        self.rows = rows
        self.contents = contents
        files = try StoreFiles(path)
        layout = try StoreLayout(files)
        queries = Self.queries(rows)
    }

    static func queries(_ rows: Rows) -> [[Float]] { rows.each(3, seed: 999) }

    /// The share of the ten nearest to some vectors that searches find which walk the graph.
    static func recall(_ store: VectorStore, _ queries: [[Float]]) throws -> Double {
        var found = 0, wanted = 0
        for query in queries {
            let nearest = try store.search(query, k: 10, options: .init(isExact: true)).map(\.label)
            let walked = try store.search(query, k: 10, options: .init(ef: 30)).map(\.label)
            found += Set(nearest).intersection(walked).count
            wanted += nearest.count
        }
        return Double(found) / Double(max(wanted, 1))
    }
}

extension Sample {
    /// Every kind of store, made in `root`.
    static func all(_ root: FilePath) throws -> [Sample] {
        VectorStore.registerCampaignDistance()
        var samples: [Sample] = []
        for plan in SamplePlan.all {
            let path = root.appending("sample")
            removeTree(path)
            samples.append(try plan.make(at: path))
            removeTree(path)
        }
        return samples
    }
}

extension VectorStore {
    /// A distance that only its function knows.
    static func registerCampaignDistance() {
        unsafe registerDistance("campaign") { a, b in
            var sum: Float = 0
            for offset in stride(from: 0, to: a.count, by: 4) {
                let left = unsafe a.loadUnaligned(fromByteOffset: offset, as: Float.self)
                let right = unsafe b.loadUnaligned(fromByteOffset: offset, as: Float.self)
                sum += abs(left - right)
            }
            return sum
        }
    }
}
