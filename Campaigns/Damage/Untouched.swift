import Cairn

/// What a store had under labels that no change concerns: it must have the same afterwards, whatever is damaged elsewhere.
struct Untouched {
    private var vectors: [Label: [UInt32]] = [:]

    /// Labels that changes were tried of, acknowledged or not, count no more.
    var touched: Set<Label> = []

    init(_ store: VectorStore) throws {
        let labels = try attempt { () throws(StoreError) in try store.allLabels() } ?? []
        // Which of the vectors of a label that comes twice is the label's, nobody knows.
        let counts = Dictionary(labels.map { ($0, 1) }, uniquingKeysWith: +)
        for label in labels where counts[label] == 1 { vectors[label] = try Self.vector(store, label) }
    }

    private static func vector(_ store: VectorStore, _ label: Label) throws -> [UInt32]? {
        // Also those that are not numbers are compared.
        (try attempt { () throws(StoreError) in try store.vector(for: label) } ?? nil)?.map(\.bitPattern)
    }

    func check(_ store: VectorStore) throws {
        for (label, vector) in vectors.sorted(by: { $0.key < $1.key }) where !touched.contains(label) {
            let found = try Self.vector(store, label)
            guard found != vector else { continue }
            guard found != nil else {
                throw Violation(
                    "label \(label), which no change concerned, is not there any more", isOfAbsence: true)
            }
            throw Violation("label \(label), which no change concerned, has another vector")
        }
    }
}
