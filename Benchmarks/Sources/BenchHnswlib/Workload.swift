import Cairn
import Foundation
import SystemPackage

/// Vectors, queries, and how far each query's k-th true neighbour is.
struct Workload {
    let basePath: String
    let rows: Int
    let dimensions: Int
    let cosine: Bool
    let base: [Float]
    let queries: [Float]
    let queryCount: Int
    let k = 10
    /// A result counts as found when it is no farther than this: the k-th true distance and a thousandth of it.
    let thresholds: [Float]

    init(_ options: Options) throws {
        let folder = options.data
        let files = try FileManager.default.contentsOfDirectory(atPath: folder)
        guard let name = files.first(where: { $0.hasPrefix("base_") && $0.hasSuffix(".npy") || $0 == "vectors.npy" })
        else { throw CocoaError(.fileNoSuchFile, userInfo: [NSFilePathErrorKey: folder + "/base_*.npy"]) }
        let queryName = files.contains("queries.npy") ? "queries.npy" : "queries_u8.npy"
        basePath = folder + "/" + name
        let vectors = try NpyArray(basePath), questions = try NpyArray(folder + "/" + queryName)
        rows = min(options.rows, vectors.rows)
        dimensions = vectors.columns
        cosine = files.contains("ground_truth_cos.npy") || options.metric == "cosine"
        base = vectors.floats(rows)
        queryCount = questions.rows
        queries = questions.floats(queryCount)
        let truthName = rows == vectors.rows ? "ground_truth.npy" : "ground_truth_\(rows / 1000)k.npy"
        let truth = files.contains(truthName) ? try NpyArray(folder + "/" + truthName) : nil
        if truth == nil { note("no \(truthName): computing the exact neighbours in \(rows) rows") }
        var thresholds: [Float] = []
        let (base, queries, rows, k, dimensions, cosine) = (base, queries, rows, k, dimensions, cosine)
        for query in 0..<queryCount {
            let candidates = truth.map { Array($0.integers(query).prefix(k)) } ?? Array(0..<rows)
            let distances = candidates.map { Self.distance(base, $0, queries, query, dimensions, cosine) }
            thresholds.append(Float(distances.sorted()[k - 1] * (1 + 1e-3)) + 1e-6)
        }
        self.thresholds = thresholds
    }

    static func distance(
        _ base: [Float], _ row: Int, _ queries: [Float], _ query: Int, _ dimensions: Int, _ cosine: Bool
    ) -> Double {
        var sum = 0.0, a = 0.0, b = 0.0
        base.withUnsafeBufferPointer { base in
            queries.withUnsafeBufferPointer { queries in
                for index in 0..<dimensions {
                    let x = Double(base[row * dimensions + index]), y = Double(queries[query * dimensions + index])
                    if cosine {
                        sum += x * y
                        a += x * x
                        b += y * y
                    } else {
                        sum += (x - y) * (x - y)
                    }
                }
            }
        }
        return cosine ? 1 - sum / (a * b).squareRoot() : sum
    }
}

/// The files of the indexes of the whole workload, built once on one thread each and kept for the next run.
struct IndexFiles {
    /// The store without codes, or the first there is.
    var store: String { stores[0].path }
    var stores: [(codes: VectorStore.Quantization, path: String)] = []
    let hnswlib: String
    var buildSeconds: [String: Any] = [:]

    init(_ workload: Workload, _ options: Options) throws {
        let manager = FileManager.default
        try manager.createDirectory(atPath: options.cache, withIntermediateDirectories: true)
        let name = (options.data as NSString).lastPathComponent
        let key = options.cache + "/\(name)-\(workload.rows)-\(workload.cosine ? "cosine" : "l2")"
        hnswlib = key + ".hnswlib"
        for codes in options.codes {
            let suffix = codes == .none ? "" : "-" + codes.rawValue
            let store = key + "-" + options.scalar.rawValue + suffix + ".cairn"
            stores.append((codes, store))
            guard !manager.fileExists(atPath: store) else { continue }
            note("building \(store)")
            let start = Date()
            try VectorStore.build(
                at: FilePath(store), configuration: Self.configuration(workload, options.scalar, codes),
                vectors: workload.base,
                options: .init(threads: 1))
            buildSeconds["cairn_\(codes.rawValue)_seconds"] = Date().timeIntervalSince(start)
        }
        if !manager.fileExists(atPath: hnswlib) {
            note("building \(hnswlib)")
            let start = Date()
            let index = Hnswlib.make(
                dimensions: workload.dimensions, cosine: workload.cosine, capacity: workload.rows, m: 16,
                efConstruction: 200)
            index.add(workload.base[...], count: workload.rows, threads: 1)
            buildSeconds["hnswlib_seconds"] = Date().timeIntervalSince(start)
            index.save(hnswlib + ".new")
            try manager.moveItem(atPath: hnswlib + ".new", toPath: hnswlib)
        }
    }

    static func configuration(
        _ workload: Workload, _ scalar: VectorStore.Scalar, _ codes: VectorStore.Quantization = .none
    ) -> VectorStore.Configuration {
        VectorStore.Configuration(
            dimensions: workload.dimensions, metric: workload.cosine ? .cosine : .l2, scalar: scalar,
            quantization: codes)
    }
}

/// The indexes, open.
struct Indexes {
    var store: VectorStore { stores[0].store }
    let stores: [(name: String, store: VectorStore)]
    let hnswlib: Hnswlib

    init(_ files: IndexFiles, _ workload: Workload) throws {
        stores = try files.stores.map { codes, path in
            ("cairn " + (codes == .none ? "vectors" : codes.rawValue), try VectorStore.open(at: FilePath(path)))
        }
        hnswlib = .load(files.hnswlib, dimensions: workload.dimensions, cosine: workload.cosine)
    }
}
