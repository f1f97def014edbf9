extension VectorStore {
    /// The distance between two vectors.
    public enum Metric: Sendable, Hashable {
        /// The sum of squared differences (squared Euclidean distance).
        case l2
        /// One minus the inner product.
        ///
        /// If products are much smaller than 1, different vectors may have equal distances because of rounding. Results
        /// are still in the right order, as they are ordered by the product itself.
        case innerProduct
        /// One minus the cosine of the angle between the vectors.
        case cosine
        /// A function of your program, known by a name.
        ///
        /// Register it with ``VectorStore/registerDistance(_:_:)`` before you open the store. The store keeps the name.
        case custom(name: String)
    }
}

/// A metric is encoded as one word: `l2`, `ip`, `cosine`, or `custom:` and the name.
extension VectorStore.Metric: Codable {
    /// Creates a metric from its word: `l2`, `ip`, `cosine`, or `custom:` and the name.
    ///
    /// - Parameter decoder: The decoder to read the word from.
    /// - Throws: `DecodingError` if there is no word, or no such metric.
    public init(from decoder: any Decoder) throws {
        let name = try decoder.singleValueContainer().decode(String.self)
        switch name {
        case "l2": self = .l2
        case "ip": self = .innerProduct
        case "cosine": self = .cosine
        default:
            guard name.hasPrefix("custom:") else {
                throw DecodingError.dataCorrupted(
                    DecodingError.Context(
                        codingPath: decoder.codingPath, debugDescription: "there is no metric '\(name)'"))
            }
            self = .custom(name: String(name.dropFirst("custom:".count)))
        }
    }

    /// Encodes the metric as one word: `l2`, `ip`, `cosine`, or `custom:` and the name.
    ///
    /// - Parameter encoder: The encoder to write the word to.
    /// - Throws: The encoder's errors.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .l2: try container.encode("l2")
        case .innerProduct: try container.encode("ip")
        case .cosine: try container.encode("cosine")
        case .custom(let name): try container.encode("custom:" + name)
        }
    }
}
