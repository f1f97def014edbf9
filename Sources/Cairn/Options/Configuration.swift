import FileFormat

/// The engine's own name for ``VectorStore/Label``.
typealias Label = UInt64

extension VectorStore {
    /// The identifier of a vector, which you choose: any 64-bit number. Each label is in a store at most once.
    public typealias Label = UInt64

    /// The settings of a store, which are kept in it.
    ///
    /// You choose them when you create the store. Only ``ef`` and ``quantization`` can be changed later.
    public struct Configuration: Sendable, Hashable, Codable {
        /// The number of components of a vector, 1...65,536.
        public var dimensions: Int
        /// The distance between two vectors.
        public var metric: Metric
        /// The type in which each component is stored.
        public var scalar: Scalar
        /// The number of links that a new vector gets (M), 2...10,000.
        ///
        /// A vector has at most twice as many links on level 0. A larger M makes the graph larger and better connected.
        /// 16 suits most data. 32 to 64 suit hard data of many dimensions.
        public var m: Int
        /// The number of candidates that an insertion keeps while it looks for neighbours (efConstruction),
        /// 1...1,000,000.
        ///
        /// A larger number makes building slower and the graph better. Numbers below M count as M.
        public var efConstruction: Int
        /// The seed of the random levels. The same calls with the same seed give the same bytes.
        public var seed: UInt64
        /// The number of candidates that a search keeps if it does not set its own ef, 1...1,000,000.
        ///
        /// You can change it later with ``VectorStore/setEF(_:)``.
        public var ef: Int
        /// The compact form of the vectors that searches compare first.
        ///
        /// You can change it later with ``VectorStore/setQuantization(_:)``.
        public var quantization: Quantization

        /// Creates a configuration. The defaults are those of hnswlib.
        ///
        /// - Parameters:
        ///   - dimensions: The number of components of a vector, 1...65,536.
        ///   - metric: The distance between two vectors.
        ///   - scalar: The type in which each component is stored.
        ///   - m: The number of links that a new vector gets, 2...10,000.
        ///   - efConstruction: The number of candidates that an insertion keeps, 1...1,000,000.
        ///   - seed: The seed of the random levels.
        ///   - ef: The number of candidates that a search keeps if it does not set its own ef, 1...1,000,000.
        ///   - quantization: The compact form of the vectors that searches compare first.
        public init(
            dimensions: Int, metric: Metric = .l2, scalar: Scalar = .float32, m: Int = 16,
            efConstruction: Int = 200, seed: UInt64 = 100, ef: Int = 50, quantization: Quantization = .none
        ) {
            self.dimensions = dimensions
            self.metric = metric
            self.scalar = scalar
            self.m = m
            self.efConstruction = efConstruction
            self.seed = seed
            self.ef = ef
            self.quantization = quantization
        }
    }
}

extension VectorStore.Configuration {
    static let widthRange = 1...1_000_000

    /// Checks every field against its range.
    func validate() throws(StoreError) {
        func check(_ value: Int, _ range: ClosedRange<Int>, _ name: String) throws(StoreError) {
            guard range.contains(value) else {
                throw StoreError(
                    .invalidArgument, "\(name) is \(value)",
                    remedy: "it must be \(range.lowerBound)...\(range.upperBound)")
            }
        }
        try check(dimensions, Superblock.dimensionsRange, "the number of dimensions")
        try check(m, Superblock.connectivityRange, "M")
        try check(efConstruction, Self.widthRange, "ef_construction")
        try check(ef, Self.widthRange, "ef")
        if case .custom(let name) = metric {
            try check(name.utf8.count, 1...Superblock.maximumNameLength, "the length of the distance's name in UTF-8")
        }
        try quantization.check(self)
    }

    var superblock: Superblock {
        let kind: Superblock.Metric
        var name = ""
        switch metric {
        case .l2: kind = .l2
        case .innerProduct: kind = .innerProduct
        case .cosine: kind = .cosine
        case .custom(let custom):
            kind = .custom
            name = custom
        }
        let scalar: Superblock.Scalar =
            switch scalar {
            case .float32: .float32
            case .float16: .float16
            case .uint8: .uint8
            case .int8: .int8
            }
        return Superblock(
            dimensions: dimensions, metric: kind, scalar: scalar, connectivity: m,
            constructionWidth: max(efConstruction, m), seed: seed, distanceName: name)
    }

    init(_ superblock: Superblock, ef: Int, quantization: VectorStore.Quantization = .none) {
        let metric: VectorStore.Metric =
            switch superblock.metric {
            case .l2: .l2
            case .innerProduct: .innerProduct
            case .cosine: .cosine
            case .custom: .custom(name: superblock.distanceName)
            }
        let scalar: VectorStore.Scalar =
            switch superblock.scalar {
            case .float32: .float32
            case .float16: .float16
            case .uint8: .uint8
            case .int8: .int8
            }
        self.init(
            dimensions: superblock.dimensions, metric: metric, scalar: scalar, m: superblock.connectivity,
            efConstruction: superblock.constructionWidth, seed: superblock.seed, ef: ef, quantization: quantization)
    }
}
