import Cairn

typealias Label = VectorStore.Label

/// What a store should hold, in plain dictionaries.
struct Model: Equatable {
    var live: [Label: [Float]] = [:]
    var marked: [Label: [Float]] = [:]
    var width = 50
    var codes = VectorStore.Quantization.none

    static let dimensions = 4

    /// The squared distances from `query` to all that a search may find, nearest first.
    func neighbors(of query: [Float]) -> [VectorStore.Neighbor] {
        live.map { label, vector in
            let distance = zip(query, vector).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            return VectorStore.Neighbor(label: label, distance: distance)
        }.sorted { ($0.distance, $0.label) < ($1.distance, $1.label) }
    }

    /// What is wrong with the answers of an open store; nil if nothing is.
    func problem(_ store: VectorStore) throws -> String? {
        guard try store.count == live.count else { return "it counts \(try store.count) vectors, not \(live.count)" }
        for query: [Float] in [[1, 2, 3, 4], [90, 9, 50, 70]] {
            // As wide as the store: then a search finds everything that can be reached.
            let found = try store.search(query, k: 200, options: .init(ef: 400))
            let expected = neighbors(of: query)
            guard found == expected else {
                let lost = Set(expected).subtracting(found).map(\.label).sorted()
                let wrong = Set(found).subtracting(expected).map(\.label).sorted()
                return "a search misses the labels \(lost) and finds \(wrong) wrongly"
            }
        }
        return nil
    }

    /// What is wrong with a store that was opened: all of it is looked at.
    func fullProblem(_ store: VectorStore) throws -> String? {
        if let problem = try problem(store) { return problem }
        guard try store.allLabels().sorted() == live.keys.sorted() else { return "its labels are wrong" }
        for (label, vector) in live where try store.vector(for: label) != vector {
            return "label \(label) has a wrong vector"
        }
        let info = try store.info
        guard info.deletedCount == marked.count else {
            return "it counts \(info.deletedCount) marked vectors, not \(marked.count)"
        }
        guard info.configuration.ef == width else {
            return "its search width is \(info.configuration.ef), not \(width)"
        }
        guard info.configuration.quantization == codes else {
            return "it is to have the codes \(info.configuration.quantization), not \(codes)"
        }
        guard codes == .none || info.quantizationBytes > 0 || live.count < Scenario.leastCodedCount else {
            return "it goes by no codes"
        }
        return nil
    }
}

extension Model {
    /// One change of a store, made to the model.
    enum Change {
        case add(Range<Label>)
        case update([Label], salt: Label)
        case upsert([Label], salt: Label)
        case mark([Label])
        case unmark([Label])
        case erase([Label])
        /// Marked ones that are replaced: the store takes the lowest slots first, which here are the oldest labels.
        case replace([Label], with: [Label])
        case width(Int)
        case codes(VectorStore.Quantization)
    }

    /// The vector of a label: whole numbers, different for each.
    static func vector(_ label: Label, salt: Label = 0) -> [Float] {
        let number = label &* 7919 &+ salt &* 104_729
        return [Float(number % 101), Float(number % 97), Float(number % 89), Float(label % 128 + salt * 128)]
    }

    mutating func apply(_ change: Change) {
        switch change {
        case .add(let labels): for label in labels { live[label] = Self.vector(label) }
        case .update(let labels, let salt): for label in labels { live[label] = Self.vector(label, salt: salt) }
        case .upsert(let labels, let salt):
            for label in labels {
                marked[label] = nil
                live[label] = Self.vector(label, salt: salt)
            }
        case .mark(let labels): for label in labels { marked[label] = live.removeValue(forKey: label) }
        case .unmark(let labels): for label in labels { live[label] = marked.removeValue(forKey: label) }
        case .erase(let labels):
            for label in labels {
                live[label] = nil
                marked[label] = nil
            }
        case .replace(let old, let new):
            for label in old { marked[label] = nil }
            for label in new { live[label] = Self.vector(label) }
        case .width(let width): self.width = width
        case .codes(let codes): self.codes = codes
        }
    }
}

extension VectorStore {
    func make(_ change: Model.Change) throws {
        func vectors(_ labels: some Sequence<Label>, _ salt: Label = 0) -> [Float] {
            labels.flatMap { Model.vector($0, salt: salt) }
        }
        switch change {
        case .add(let labels): try add(vectors(labels), labels: Array(labels))
        case .update(let labels, let salt): try update(vectors(labels, salt), labels: labels)
        case .upsert(let labels, let salt): try upsert(vectors(labels, salt), labels: labels)
        case .mark(let labels): try markDeleted(labels)
        case .unmark(let labels): try unmarkDeleted(labels)
        case .erase(let labels): try erase(labels)
        case .replace(_, let new): try add(vectors(new), labels: new, replacingDeleted: true)
        case .width(let width): try setEF(width)
        case .codes(let codes): try setQuantization(codes)
        }
    }
}
