import FileFormat

/// What a caller calls a vector: any number of 64 bits, once in a store.
public typealias Label = UInt64

extension VectorStore {
    /// What is fixed when a store is made, and kept in it.
    public struct Configuration: Sendable, Hashable {
        /// Components of a vector: 1...65,536.
        public var dimensions: Int
        /// How far apart two vectors are.
        public var metric: Metric
        /// What a component is stored as.
        public var scalar: Scalar
        /// M: how many links a new vector gets (twice as many on level 0 at the most); 2...10,000. More make a larger, better
        /// connected graph; 16 suits most data, 32 to 64 hard data of many dimensions.
        public var connectivity: Int
        /// efConstruction: how widely an insertion searches for neighbours. More make building slower and the graph better.
        public var constructionWidth: Int
        /// Seeds the choice of levels; the same calls with the same seed give the same bytes.
        public var seed: UInt64
        /// ef: how widely a search looks when it names no width of its own. Can be changed later.
        public var searchWidth: Int
        /// What is kept beside the vectors to walk by. Can be changed later.
        public var codes: Codes

        /// A configuration with hnswlib's defaults for all that is not named.
        public init(
            dimensions: Int, metric: Metric = .l2, scalar: Scalar = .float32, connectivity: Int = 16,
            constructionWidth: Int = 200, seed: UInt64 = 100, searchWidth: Int = 50, codes: Codes = .none
        ) {
            self.dimensions = dimensions
            self.metric = metric
            self.scalar = scalar
            self.connectivity = connectivity
            self.constructionWidth = constructionWidth
            self.seed = seed
            self.searchWidth = searchWidth
            self.codes = codes
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
                    .invalidArgument, "\(name) is \(value); it must be \(range.lowerBound)...\(range.upperBound)")
            }
        }
        try check(dimensions, Superblock.dimensionsRange, "the number of dimensions")
        try check(connectivity, Superblock.connectivityRange, "M")
        try check(constructionWidth, Self.widthRange, "ef_construction")
        try check(searchWidth, Self.widthRange, "ef")
        if case .custom(let name) = metric {
            try check(name.utf8.count, 1...Superblock.maximumNameLength, "the length of the distance's name in UTF-8")
        }
        try codes.check(self)
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
            dimensions: dimensions, metric: kind, scalar: scalar, connectivity: connectivity,
            constructionWidth: max(constructionWidth, connectivity), seed: seed, distanceName: name)
    }

    init(_ superblock: Superblock, searchWidth: Int, codes: Codes = .none) {
        let metric: Metric =
            switch superblock.metric {
            case .l2: .l2
            case .innerProduct: .innerProduct
            case .cosine: .cosine
            case .custom: .custom(name: superblock.distanceName)
            }
        let scalar: Scalar =
            switch superblock.scalar {
            case .float32: .float32
            case .float16: .float16
            case .uint8: .uint8
            case .int8: .int8
            }
        self.init(
            dimensions: superblock.dimensions, metric: metric, scalar: scalar, connectivity: superblock.connectivity,
            constructionWidth: superblock.constructionWidth, seed: superblock.seed, searchWidth: searchWidth,
            codes: codes)
    }
}
