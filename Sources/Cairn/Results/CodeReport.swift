import FileFormat
import HNSW

/// What a store searches by, and what that loses: measured by searches for its own vectors, each left out of the graph
/// meanwhile, and for places between them.
public struct CodeReport: Sendable, Hashable {
    /// What a search compares before the vectors decide.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// The vectors themselves.
        case none
        /// A byte for each component.
        case scalar8 = "sq8"
        /// Half a byte for each component.
        case scalar4 = "sq4"
        /// Two bytes for each component: a floating-point number of half precision. Used where nothing shorter keeps the order
        /// of the vectors.
        case half = "f16"

        init(_ kind: UInt8) {
            switch CodeModel.Kind(rawValue: kind) {
            case .scalar8: self = .scalar8
            case .scalar4: self = .scalar4
            case .half: self = .half
            case nil: self = .none
            }
        }
    }

    /// Recall@10 of searches at one ef.
    public struct Loss: Sendable, Hashable {
        /// The search width.
        public let width: Int
        /// The share that searches by the vectors find, of the ten nearest that any of the measured searches found.
        public let recall: Double
        /// That less the share that searches by codes find; below 0 where they find more.
        public let lost: Double
    }

    /// Codes that lost too much, and were not used.
    public struct Attempt: Sendable, Hashable {
        /// Which they were.
        public let kind: Kind
        /// The search width at which they lost most; 0 for codes that do not reach the vectors that `lost` is the share of.
        public let width: Int
        /// What they lost there.
        public let lost: Double
    }

    /// The recall that codes may lose at any ef: a store does not use codes that lose more.
    public static var promise: Double { SearchLoss.promise }

    /// What the store asks for.
    public let requested: Codes
    /// What searches go by, unless they are under review.
    public let used: Kind
    /// At 10, 20, 50, 100 and 200, those without that are so wide that the store is scanned; empty where nothing was measured.
    public private(set) var losses: [Loss]
    /// How many of the store's vectors were searched for.
    public private(set) var queries: Int
    /// How many vectors, deleted ones included, the store had when it was measured.
    public private(set) var measuredCount: Int
    /// Kinds of codes that were tried before and lost too much.
    public let attempts: [Attempt]

    /// Vectors came that the codes may not fit, so searches go by the vectors until the next change or checkpoint has measured what
    /// would be lost.
    public internal(set) var isUnderReview = false

    /// The most that is lost; nil where nothing was measured.
    public var worst: Loss? { losses.max { $0.lost < $1.lost } }

    /// Why the store does not use what it asks for; nil if it does.
    public var reason: String? {
        if isUnderReview {
            return
                "vectors came that \(used.rawValue) may not fit, so searches go by the vectors until the next change or checkpoint "
                + "has measured what would be lost"
        }
        guard used.rawValue != requested.rawValue, !attempts.isEmpty else { return nil }
        let lost = attempts.map { attempt in
            attempt.width == 0
                ? "\(attempt.kind.rawValue) has no grid for \(Self.decimals(attempt.lost)) of the vectors"
                : "\(attempt.kind.rawValue) may lose \(Self.decimals(attempt.lost + 0.000_499)) of recall@10 at ef \(attempt.width)"
        }
        let isLast = attempts.contains { $0.kind == .half }
        let instead =
            used == .none
            ? "searches go by the vectors" + (isLast ? "" : ", as more precise codes are no shorter than those")
            : "searches go by \(used.rawValue)"
        return lost.joined(separator: ", ") + " (\(Self.decimals(Self.promise)) is allowed); so \(instead)"
    }

    /// A share with three decimals.
    static func decimals(_ value: Double) -> String {
        let thousandths = Int((abs(value) * 1000).rounded()), digits = String(thousandths % 1000)
        let sign = value < 0 && thousandths > 0 ? "-" : ""
        return "\(sign)\(thousandths / 1000)." + String(repeating: "0", count: 3 - digits.count) + digits
    }
}

extension CodeReport {
    /// What was measured when the codes were made, or watched since.
    init(_ codes: StoreCodes) {
        requested = codes.requested
        used = Kind(codes.rows?.model.kind.rawValue ?? 0)
        losses = zip(CodeFileHeader.widths, codes.measurement?.rows ?? []).compactMap { width, row in
            row.map { Loss(width: width, recall: Double($0.recall), lost: Double($0.lost)) }
        }
        queries = codes.measurement?.queries ?? 0
        measuredCount = codes.measurement?.count ?? codes.trainedCount
        attempts = codes.attempts.map { Attempt(kind: Kind($0.kind), width: $0.width, lost: Double($0.lost)) }
    }

    /// The same codes, measured again.
    func measured(_ loss: SearchLoss, count: Int) -> CodeReport {
        var report = self
        report.losses = loss.rows.map { Loss(width: $0.width, recall: $0.recall, lost: $0.lost) }
        (report.queries, report.measuredCount) = (loss.queries, count)
        return report
    }
}
