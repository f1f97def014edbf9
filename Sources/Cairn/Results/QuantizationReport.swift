import FileFormat
import HNSW

extension VectorStore {
    /// The kind of quantization that a store uses, and the recall that its searches lose by it.
    ///
    /// The store measures the loss. It searches for its own vectors, each left out of the graph during its search, and
    /// for places between them.
    public struct QuantizationReport: Sendable, Hashable, Codable {
        /// The forms of vectors that a search may compare first.
        public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
            /// The vectors themselves.
            case none
            /// One byte for each component.
            case scalar8 = "sq8"
            /// Half a byte for each component.
            case scalar4 = "sq4"
            /// Two bytes for each component, a floating-point number of half precision.
            ///
            /// The store uses it if nothing shorter keeps the order of the vectors.
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

        /// The recall@10 of searches at one ef, with and without quantization.
        public struct Loss: Sendable, Hashable, Codable {
            /// The ef of the searches.
            public let ef: Int
            /// The recall@10 of searches that compare the vectors, from 0 to 1.
            ///
            /// It is the share of the ten nearest vectors that they find. The ten nearest are the best that any of the
            /// measured searches found.
            public let recall: Double
            /// The recall@10 that quantization loses. It is below 0 if searches with quantization find more.
            public let lost: Double
        }

        /// A kind of quantization that the store tried and did not use, because it lost too much.
        public struct Attempt: Sendable, Hashable, Codable {
            /// The kind that was tried.
            public let kind: Kind
            /// The ef at which the kind lost most; 0 if its grid does not cover all vectors.
            public let ef: Int
            /// The recall@10 that the kind lost at that ef. If ``ef`` is 0, it is the share of vectors that the grid
            /// does not cover.
            public let lost: Double
        }

        /// The most recall@10 that quantization may lose at any ef. A store does not use a kind that loses more.
        public static var promise: Double { SearchLoss.promise }

        /// The quantization that the store asks for.
        public let requested: Quantization
        /// The kind that searches use. While ``isUnderReview`` is true, they compare the vectors instead.
        public let used: Kind
        /// The loss at ef 10, 20, 50, 100 and 200.
        ///
        /// An ef is missing if searches with it compare all vectors of the store. The array is empty if nothing was
        /// measured.
        public private(set) var losses: [Loss]
        /// The number of queries of the measurement.
        public private(set) var queries: Int
        /// The number of vectors that the store had at the measurement, including those that are marked deleted.
        public private(set) var measuredCount: Int
        /// The kinds that the store tried first and did not use, because they lost too much.
        public let attempts: [Attempt]

        /// Whether searches compare the vectors for now, because new vectors may not fit the quantization.
        ///
        /// The next change or checkpoint measures how much recall would be lost.
        public internal(set) var isUnderReview = false

        /// The loss at the ef at which most is lost; nil if nothing was measured.
        public var worst: Loss? { losses.max { $0.lost < $1.lost } }

        /// The reason why the store does not use the quantization that it asks for; nil if it does.
        public var reason: String? {
            if isUnderReview {
                return
                    "vectors came that \(used.rawValue) may not fit, so searches go by the vectors until the next change or checkpoint "
                    + "has measured what would be lost"
            }
            guard used.rawValue != requested.rawValue, !attempts.isEmpty else { return nil }
            let lost = attempts.map { attempt in
                attempt.ef == 0
                    ? "\(attempt.kind.rawValue) has no grid for \(Self.decimals(attempt.lost)) of the vectors"
                    : "\(attempt.kind.rawValue) may lose \(Self.decimals(attempt.lost + 0.000_499)) of recall@10 at ef \(attempt.ef)"
            }
            let isLast = attempts.contains { $0.kind == .half }
            let instead =
                used == .none
                ? "searches use the vectors" + (isLast ? "" : ", because more precise quantization would be no smaller")
                : "searches use \(used.rawValue)"
            return lost.joined(separator: ", ") + " (\(Self.decimals(Self.promise)) is allowed); so \(instead)"
        }

        /// A share with three decimals.
        static func decimals(_ value: Double) -> String {
            let thousandths = Int((abs(value) * 1000).rounded()), digits = String(thousandths % 1000)
            let sign = value < 0 && thousandths > 0 ? "-" : ""
            return "\(sign)\(thousandths / 1000)." + String(repeating: "0", count: 3 - digits.count) + digits
        }
    }
}

extension VectorStore.QuantizationReport {
    /// What was measured when the codes were made, or watched since.
    init(_ codes: StoreCodes) {
        requested = codes.requested
        used = Kind(codes.rows?.model.kind.rawValue ?? 0)
        losses = zip(CodeFileHeader.widths, codes.measurement?.rows ?? []).compactMap { width, row in
            row.map { Loss(ef: width, recall: Double($0.recall), lost: Double($0.lost)) }
        }
        queries = codes.measurement?.queries ?? 0
        measuredCount = codes.measurement?.count ?? codes.trainedCount
        attempts = codes.attempts.map { Attempt(kind: Kind($0.kind), ef: $0.width, lost: Double($0.lost)) }
    }

    /// Returns a report on the quantization of this one, measured again.
    func measured(_ loss: SearchLoss, count: Int) -> VectorStore.QuantizationReport {
        var report = self
        report.losses = loss.rows.map { Loss(ef: $0.width, recall: $0.recall, lost: $0.lost) }
        (report.queries, report.measuredCount) = (loss.queries, count)
        return report
    }
}
