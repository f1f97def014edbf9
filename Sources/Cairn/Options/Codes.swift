import FileFormat
import HNSW

/// What a store keeps beside its vectors so that searches and insertions have less to read: a short code for each, which drives
/// the walk through the graph; the vectors themselves decide among the best that it finds, and give the distances. Codes can be
/// made from the vectors at any time, so losing them costs time, never data or answers.
///
/// What searches lose by them is measured on the store's own vectors. Where that is more than ``CodeReport/promise``, the store uses
/// more precise codes than it was asked for, or none.
public enum Codes: String, Sendable, Hashable, CaseIterable {
    /// None: walks compare vectors.
    case none
    /// A byte for each component. Exact for whole numbers 0...255 and -128...127, nearly so for others. For `u8` and `i8`
    /// stores it is what they have anyway, and refused.
    case scalar8 = "sq8"
    /// Half a byte for each component: the least memory, and the fastest where memory is what a search waits for.
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
                "there are no codes for the distance '\(name)', which only its function knows; choose codes none")
        }
        if self == .scalar8 && (configuration.scalar == .uint8 || configuration.scalar == .int8) {
            throw StoreError(
                .invalidArgument,
                "the store's vectors are bytes (\(configuration.scalar.rawValue)) as sq8 codes are, which would be slower than "
                    + "they; choose sq4 or none")
        }
    }
}

extension Codes {
    /// A store gets its codes when it has so many vectors: fewer say little of those to come, and are searched quickly.
    static let leastCount = 256
}
