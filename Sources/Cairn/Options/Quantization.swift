import FileFormat
import HNSW

extension VectorStore {
    /// The compact form of the vectors that searches compare first.
    ///
    /// A store with quantization keeps a compact copy of each vector next to the vector itself. Searches and insertions
    /// walk the graph by these copies, so they read less. Then the vectors decide among the best candidates and give
    /// the distances. The copies can be made from the vectors at any time. Losing them costs time, never data or
    /// answers.
    ///
    /// The store measures on its own vectors how much recall its searches lose. If a kind loses more than
    /// ``VectorStore/QuantizationReport/promise``, the store uses a more precise one, or none.
    public enum Quantization: String, Sendable, Hashable, Codable, CaseIterable {
        /// No quantization. Searches compare the vectors.
        case none
        /// One byte for each component.
        ///
        /// It is exact for whole numbers 0...255 and -128...127, and nearly exact for others. Stores of `u8` and `i8`
        /// refuse it, because their vectors already have this form.
        case scalar8 = "sq8"
        /// Half a byte for each component.
        ///
        /// It takes the least memory, and it is the fastest if searches wait for memory.
        case scalar4 = "sq4"

        var kind: CodeModel.Kind? {
            switch self {
            case .none: nil
            case .scalar8: .scalar8
            case .scalar4: .scalar4
            }
        }

        /// As the header of a store says it; nil for a number that this program does not know.
        init?(stored: UInt8) {
            switch stored {
            case 0: self = .none
            case CodeModel.Kind.scalar8.rawValue: self = .scalar8
            case CodeModel.Kind.scalar4.rawValue: self = .scalar4
            default: return nil
            }
        }

        var stored: UInt8 { kind?.rawValue ?? 0 }

        /// Throws if vectors of this configuration cannot have such codes.
        func check(_ configuration: VectorStore.Configuration) throws(StoreError) {
            guard self != .none else { return }
            if case .custom(let name) = configuration.metric {
                throw StoreError(
                    .invalidArgument,
                    "the distance '\(name)', which only its function knows, cannot be quantized",
                    remedy: "choose quantization none"
                )
            }
            if self == .scalar8 && (configuration.scalar == .uint8 || configuration.scalar == .int8) {
                throw StoreError(
                    .invalidArgument,
                    "the store's vectors are bytes (\(configuration.scalar.rawValue)) already, so sq8 would only be slower",
                    remedy: "choose sq4 or none")
            }
        }
    }
}

extension VectorStore.Quantization {
    /// The number of vectors from which a store is quantized. Fewer say little of those to come, and are searched
    /// quickly.
    static let leastCount = 256
}
