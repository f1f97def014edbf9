import Cairn

/// A kind of data that stores are made of: rows, and queries that are drawn like them.
struct Kind {
    /// Draws the row of this number. Queries are drawn as rows of random numbers, with other components.
    typealias Drawing = (_ number: Int, _ random: inout Random) -> [Float]

    /// What the components are stored as and compared by.
    struct Form {
        let scalar: VectorStore.Scalar
        let metric: VectorStore.Metric

        static let l2 = Form(scalar: .float32, metric: .l2)
        static let product = Form(scalar: .float32, metric: .innerProduct)
        static let cosine = Form(scalar: .float32, metric: .cosine)
        static let l2Half = Form(scalar: .float16, metric: .l2)
        static let productHalf = Form(scalar: .float16, metric: .innerProduct)
        static let cosineHalf = Form(scalar: .float16, metric: .cosine)
        static let l2Bytes = Form(scalar: .uint8, metric: .l2)
        static let cosineBytes = Form(scalar: .uint8, metric: .cosine)
        static let l2SignedBytes = Form(scalar: .int8, metric: .l2)
        static let productSignedBytes = Form(scalar: .int8, metric: .innerProduct)

        var metricName: String { metric == .l2 ? "l2" : metric == .cosine ? "cosine" : "ip" }
        /// The codes that such a store can have. Bytes are what sq8 would be.
        var codes: [VectorStore.Quantization] {
            scalar == .uint8 || scalar == .int8 ? [.scalar4] : [.scalar8, .scalar4]
        }
    }

    /// In which order the rows come.
    enum Order { case asDrawn, shortestFirst }

    let name: String
    let dimensions: Int
    let forms: [Form]
    /// Rows of it where --rows says so many.
    var rows: (Int) -> Int = { $0 }
    /// Of its rows, so many come first in batches of their own when a live store is filled.
    var leading: (Int) -> Int = { _ in 0 }
    var order = Order.asDrawn
    /// One of the few that --short tries.
    var isTelling = false
    /// Draws what all rows have in common, such as centres of clusters; gets their number.
    let prepare: (_ random: inout Random, _ rows: Int) -> Drawing

    /// Rows that have something in common.
    init(
        _ name: String, _ dimensions: Int, _ forms: [Form] = [.l2], rows: @escaping (Int) -> Int = { $0 },
        leading: @escaping (Int) -> Int = { _ in 0 }, order: Order = .asDrawn, isTelling: Bool = false,
        prepare: @escaping (_ random: inout Random, _ rows: Int) -> Drawing
    ) {
        (self.name, self.dimensions, self.forms) = (name, dimensions, forms)
        (self.rows, self.leading, self.order) = (rows, leading, order)
        (self.isTelling, self.prepare) = (isTelling, prepare)
    }

    /// Rows that know nothing of each other.
    init(
        _ name: String, _ dimensions: Int, _ forms: [Form] = [.l2], rows: @escaping (Int) -> Int = { $0 },
        isTelling: Bool = false, drawing: @escaping (_ random: inout Random) -> [Float]
    ) {
        self.init(name, dimensions, forms, rows: rows, isTelling: isTelling) { _, _ in { _, random in drawing(&random) }
        }
    }

    /// All there are.
    static var all: [Kind] {
        outliers + tails + clusters + growing + tables + scales + sparse + embeddings + signals + products
    }

    /// Those of these names; `gauss*` is all whose names begin like that. Throws the first name that is none's.
    static func named(_ names: [String]) throws -> [Kind] {
        let kinds = all
        return try names.flatMap { name in
            let found = kinds.filter { kind in
                name.hasSuffix("*") ? kind.name.hasPrefix(name.dropLast()) : kind.name == name
            }
            guard !found.isEmpty else { throw UnknownKind(name: name) }
            return found
        }
    }

    struct UnknownKind: Error { let name: String }
}

/// The rows of a trial, and its queries: those of the first run, and more of them for a second one.
struct Samples {
    let rows: [Float]
    let queries: [Float]
    let furtherQueries: [Float]
    let count: Int
    let leading: Int

    /// A second run has so many times the queries of the first.
    static let repetition = 4

    init(_ kind: Kind, rows wanted: Int, queries: Int, seed: UInt64) {
        var random = Random(seed: seed, name: kind.name)
        let count = max(kind.rows(wanted), 2500)
        let draw = kind.prepare(&random, count)
        var rows: [[Float]] = []
        rows.reserveCapacity(count)
        for number in 0..<count { rows.append(draw(number, &random)) }
        precondition(
            rows.allSatisfy { $0.count == kind.dimensions }, "\(kind.name) draws other dimensions than it says")
        if kind.order == .shortestFirst {
            let keyed = rows.map { row in (row.reduce(0) { $0 + $1 * $1 }, row) }
            rows = keyed.sorted { $0.0 < $1.0 }.map { $0.1 }
        }
        func held(_ count: Int, _ rows: Int) -> [Float] {
            var values: [Float] = []
            values.reserveCapacity(count * kind.dimensions)
            for _ in 0..<count { values += draw(random.below(rows), &random) }
            return values
        }
        self.rows = rows.flatMap { $0 }
        self.queries = held(queries, count)
        furtherQueries = held(queries * Self.repetition, count)
        (self.count, leading) = (count, kind.leading(count))
    }
}
