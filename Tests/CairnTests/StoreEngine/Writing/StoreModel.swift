import Allocation
import HNSW
import SystemPackage
import TestSupport

@testable import Cairn

/// One change of a store, with all it needs.
enum Change: Sendable {
    case add(Label, [Float], replacingMarked: Bool)
    case update(Label, [Float])
    case upsert(Label, [Float])
    case mark(Label)
    case unmark(Label)
    case erase(Label)

    var label: Label {
        switch self {
        case .add(let label, _, _), .update(let label, _), .upsert(let label, _), .mark(let label),
            .unmark(let label), .erase(let label):
            label
        }
    }
}

extension VectorStore.WriteBatch {
    init(_ changes: [Change]) {
        self.init()
        for change in changes {
            switch change {
            case .add(let label, let vector, let replaces): add(vector, label: label, replacingDeleted: replaces)
            case .update(let label, let vector): update(vector, label: label)
            case .upsert(let label, let vector): upsert(vector, label: label)
            case .mark(let label): markDeleted(label)
            case .unmark(let label): unmarkDeleted(label)
            case .erase(let label): erase(label)
            }
        }
    }
}

/// What a store should hold: a dictionary, and the plainest code that can say what a change does to it.
struct StoreModel: Sendable {
    struct Entry: Sendable {
        var vector: [Float]
        var isMarked = false
    }

    let configuration: VectorStore.Configuration
    private(set) var entries: [Label: Entry] = [:]

    init(_ configuration: VectorStore.Configuration) {
        self.configuration = configuration
    }

    var live: [Label: [Float]] { entries.filter { !$0.value.isMarked }.mapValues(\.vector) }
    var markedCount: Int { entries.values.count { $0.isMarked } }

    /// Makes all changes, or none; returns the code of the error that a store throws then. `replaceable`: the labels of
    /// the marked vectors in the order of their slots, which is the order in which they are replaced; those that the
    /// batch itself has touched are not.
    mutating func apply(_ changes: [Change], replaceable: [Label] = []) -> StoreError.Code? {
        var next = entries, waiting = replaceable, moved: Set<Label> = []
        for change in changes {
            let label = change.label, old = next[label]
            switch change {
            case .add(_, let vector, let replaces):
                if old != nil { return .duplicateLabel }
                if replaces {
                    while let first = waiting.first {
                        waiting.removeFirst()
                        guard next[first]?.isMarked == true, !moved.contains(first) else { continue }
                        next[first] = nil
                        break
                    }
                }
                next[label] = Entry(vector: vector)
                moved.insert(label)
            case .update(_, let vector):
                if old == nil { return .unknownLabel }
                next[label] = Entry(vector: vector)
                moved.insert(label)
            case .upsert(_, let vector):
                next[label] = Entry(vector: vector)
                moved.insert(label)
            case .mark:
                if old?.isMarked != false { return .unknownLabel }
                next[label]?.isMarked = true
                moved.insert(label)
            case .unmark:
                if old?.isMarked != true { return .unknownLabel }
                next[label]?.isMarked = false
                moved.insert(label)
            case .erase:
                if old == nil { return .unknownLabel }
                next[label] = nil
            }
        }
        entries = next
        return nil
    }

    /// The live labels and their distances from `query`, nearest first.
    func nearest(_ query: [Float]) -> [Reference] {
        live.map { Reference(label: $0.key, distance: distance(configuration.metric, query, $0.value)) }
            .sorted { ($0.distance, $0.label) < ($1.distance, $1.label) }
    }

    // MARK: Comparing

    /// How far a distance may be off: by the rounding of sums in single precision, or that of what is stored.
    private func tolerance(_ query: [Float], _ vector: [Float]) -> Double {
        let scale = (query + vector).reduce(1) { $0 + Double($1) * Double($1) }
        return (configuration.scalar == .float16 ? 4e-3 : 2e-6) * (configuration.metric == .cosine ? 2 : scale)
    }

    /// What a store keeps is what it was given, but for half precision and for normalising.
    private func isKept(_ stored: [Float], _ given: [Float]) -> Bool {
        let isExact = configuration.scalar != .float16 && configuration.metric != .cosine
        if isExact || configuration.scalar == .uint8 || configuration.scalar == .int8 { return stored == given }
        let limit: Float = configuration.scalar == .float16 ? 2e-3 : 1e-6
        return stored.count == given.count && zip(stored, given).allSatisfy { abs($0 - $1) <= limit * 2 }
    }

    /// Every way in which the store is not as the model; nothing if all is well.
    func differences(from store: VectorStore, queries: [[Float]]) throws -> [String] {
        var found: [String] = []
        let live = live, info = try store.info
        if try store.count != live.count { found.append("count \(try store.count), not \(live.count)") }
        if info.deletedCount != markedCount { found.append("\(info.deletedCount) deleted, not \(markedCount)") }
        let labels = try store.allLabels()
        if labels.sorted() != live.keys.sorted() { found.append("labels \(labels), not \(live.keys.sorted())") }
        for (label, entry) in entries {
            if try store.contains(label) == entry.isMarked { found.append("contains \(label): \(entry.isMarked)") }
            let stored = try store.vector(for: label)
            if entry.isMarked ? stored != nil : stored.map({ isKept($0, entry.vector) }) != true {
                found.append("label \(label) has \(stored ?? []), not \(entry)")
            }
        }
        if try store.contains(.max - 1) || store.vector(for: .max - 1) != nil { found.append("a label of nobody") }
        for query in queries {
            try found += differences(from: store, query, live)
        }
        return found + Self.problems(try store.verify(depth: .graph))
    }

    static func problems(_ report: VectorStore.VerifyReport) -> [String] {
        report.problems + (report.unreachableCount == 0 ? [] : ["\(report.unreachableCount ?? -1) unreachable"])
    }

    private func differences(
        from store: VectorStore, _ query: [Float], _ live: [Label: [Float]]
    ) throws -> [String] {
        var found: [String] = []
        let all = max(live.count, 1), nearest = nearest(query)
        let exact = try store.search(query, k: all + 3, options: .init(isExact: true))
        let labels = Set(live.keys)
        let wide = try store.search(query, k: all, options: .init(ef: all))
        let walked = try store.walk(query, width: all)
        for (name, results) in [("exact search", exact), ("search", wide), ("walk", walked)] {
            if results.count != labels.count || Set(results.map(\.label)) != labels {
                found.append("\(name): labels \(results.map(\.label).sorted()), not \(labels.sorted())")
            } else if results.map(\.distance) != exact.map(\.distance) {
                found.append("\(name): distances \(results.map(\.distance)), not \(exact.map(\.distance))")
            }
        }
        guard found.isEmpty else { return found }
        let distances = Dictionary(uniqueKeysWithValues: nearest.map { ($0.label, $0.distance) })
        for (place, neighbor) in exact.enumerated() {
            guard let vector = live[neighbor.label], let own = distances[neighbor.label] else { continue }
            let limit = tolerance(query, vector)
            if abs(Double(neighbor.distance) - own) > limit {
                found.append("label \(neighbor.label) at \(neighbor.distance), not \(own)")
            } else if abs(nearest[place].distance - own) > 2 * limit {
                found.append("label \(neighbor.label) stands at place \(place)")
            }
        }
        let few = try store.search(query, k: 5, options: .init(isExact: true))
        // Of equal distances at the end any may be there.
        if few.map(\.distance) != exact.prefix(5).map(\.distance) { found.append("the nearest five are not the first") }
        return found
    }
}

extension VectorStore {
    /// What walking the graph finds. A public search as wide as the store would compare the query with every vector.
    func walk(_ query: [Float], width: Int) throws -> [Neighbor] {
        try unsafe withElements(query) { (pointer) throws(StoreError) in
            try reading { (session) throws(StoreError) in
                let query = unsafe try session.prepare(QueryInput(pointer, row: nil)), graph = session.graph
                return try takingMemory(for: path) { () throws(OutOfMemory) in
                    let found = try graph.search(
                        query, count: width, width: width, in: session.view, scratch: session.scratch)
                    return (0..<found.count).map {
                        Neighbor(
                            label: graph.slots.label(found[$0].slot),
                            distance: graph.distances.distance(of: found[$0]))
                    }
                }
            }
        }
    }

    /// The slot of a label, live or marked.
    func slot(of label: Label) -> UInt32? { try! labels.newestSlot(of: label) }
}
