import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// Searches within a radius and for documents, of stores that are being changed.
@Suite struct ChangedStoreSearchTests {
    private let directory: TemporaryDirectory
    private let configuration = VectorStore.Configuration(dimensions: 4, m: 6, efConstruction: 40)

    init() throws { directory = try TemporaryDirectory() }

    /// A new store of what is left would be scanned.
    @Test func `a store that lost most of its vectors finds all that are left`() throws {
        let store = try VectorStore(
            inMemory: .init(dimensions: 16, metric: .innerProduct, m: 4, efConstruction: 20, ef: 39))
        let rows = seededVectors(count: 1100, dimensions: 16, seed: 5)
        try store.add(rows, labels: Array(0..<1100), threads: 1)
        try store.erase((0..<1100).filter { $0 % 11 != 0 })
        #expect(try store.verify(depth: .searches).missedCount == 0)
        let before = try CampaignAccess.searchWork(of: store).distances
        for query in rows.rows(16)[..<40] {
            #expect(try store.search(query, k: 5) == store.search(query, k: 5, options: .init(isExact: true)))
        }
        #expect(try CampaignAccess.searchWork(of: store).distances - before == 40 * 2 * 100)
    }

    @Test(arguments: [true, false])
    func `what is marked, erased or superseded is not found, what replaced it is`(inMemory: Bool) throws {
        let path = directory.appending("store")
        var store =
            inMemory
            ? try VectorStore(inMemory: configuration) : try VectorStore.create(at: path, configuration: configuration)
        var live: [Label: [Float]] = [:]
        let rows = vectors(2000, dimensions: 4, scalar: .float32).rows(4)
        func put(_ labels: [Label], _ first: Int) throws {
            let chosen = rows[first..<first + labels.count]
            try store.upsert(chosen.flatMap { $0 }, labels: labels, threads: 1)
            for (label, row) in zip(labels, chosen) { live[label] = row }
        }
        func remove(_ labels: [Label], _ change: ([Label]) throws -> Void) throws {
            try change(labels)
            for label in labels { live[label] = nil }
        }
        try put((0..<800).map { Label($0) }, 0)
        try check(store, live)
        try put((0..<200).map { Label($0 * 3) }, 800)
        try remove((0..<150).map { Label($0 * 4 + 1) }) { try store.markDeleted($0) }
        try remove((0..<150).map { Label($0 * 4 + 2) }) { try store.erase($0) }
        try check(store, live)
        if !inMemory {
            try store.checkpoint()
            try check(store, live)
            try put((0..<100).map { Label($0 + 2000) }, 1000)
            try store.close()
            store = try VectorStore.open(at: path, options: .init(access: .readWrite))
            try check(store, live)
        }
        try put((0..<300).map { Label($0 * 5 + 1) }, 1200)
        try remove(live.keys.sorted().filter { $0 % 10 < 7 }) { try store.erase($0) }
        try check(store, live)
        // Nearly nothing is left.
        try remove(Array(live.keys.sorted().dropFirst(9))) { try store.markDeleted($0) }
        try check(store, live)
        try remove(Array(live.keys)) { try store.markDeleted($0) }
        try check(store, live)
    }

    private func check(_ store: VectorStore, _ live: [Label: [Float]]) throws {
        var hits = 0, wanted = 0
        for query in vectors(10, dimensions: 4, scalar: .float32, seed: 77).rows(4) {
            let all = live.map { (label: $0.key, distance: distance(.l2, query, $0.value)) }.sorted {
                $0.distance < $1.distance
            }
            let place = min(24, all.count - 1)
            let radius = place < 0 ? 10 : all[place].distance * 1.000_01
            let exact = try store.search(query, within: Float(radius), options: .init(isExact: true))
            #expect(exact.neighbors.map(\.label) == all.prefix(place + 1).map(\.label))
            let walked = try store.search(query, within: Float(radius), options: .init(ef: 20))
            #expect(walked.neighbors == exact.neighbors.filter { walked.neighbors.contains($0) })
            hits += walked.neighbors.count
            wanted += exact.neighbors.count

            var documents: [UInt64: [Label]] = [:]
            for (label, _) in all { documents[label / 10, default: []].append(label) }
            for isExact in [true, false] {
                let options = VectorStore.DocumentOptions(ef: 20, neighborsPerDocument: 4, isExact: isExact)
                let found = try store.searchDocuments(query, k: 8, by: .function { $0 / 10 }, options: options)
                let listed = try store.searchDocuments(
                    query, k: 8, by: .array((0..<4000).map { $0 / 10 }), options: options)
                #expect(found == listed && found.count == min(8, documents.count))
                for found in found {
                    #expect(found.neighbors.map(\.label) == documents[found.document].map { Array($0.prefix(4)) })
                }
                let best = all.reduce(into: [UInt64]()) { if !$0.contains($1.label / 10) { $0.append($1.label / 10) } }
                if isExact { #expect(found.map(\.document) == Array(best.prefix(8))) }
                hits += Set(found.map(\.document)).intersection(best.prefix(8)).count
                wanted += min(8, best.count)
            }
        }
        #expect(Double(hits) >= 0.97 * Double(wanted), "\(hits) of \(wanted)")
    }
}
