import CKernels
import TestSupport
import Testing

@testable import HNSW

/// What codes lose, measured by searches for rows that are left out of the graph.
@Suite struct LossMeasurementTests {
    private static let count = 1200

    private func holder(dimensions: Int = 24, metric: cairn_metric = CAIRN_L2) -> TestGraph {
        TestGraph(
            clusteredVectors(Self.count, dimensions: dimensions), metric: metric, connectivity: 8, width: 60, threads: 2
        )
    }

    private func measurement(_ holder: TestGraph, threads: Int = 1) -> LossMeasurement {
        LossMeasurement(holder.graph, in: holder.graph.newestView, threads: threads) { _ in true }
    }

    @Test(arguments: [false, true])
    func `one walk finds what walks of each width find, and never the masked slot`(byCodes: Bool) throws {
        let holder = holder()
        if byCodes { holder.giveCodes(.scalar4) }
        let graph = holder.graph, view = graph.newestView
        #expect((view.codes != nil) == byCodes)
        let stops = [10, 20, 50, 100].map { byCodes ? graph.walkWidth($0, in: view) : WalkWidth($0) }
        var compared = 0
        try graph.prepare(
            holder.scratch, slots: view.count, width: stops[3].kept, batch: graph.parameters.capacity(level: 0))
        for slot in stride(from: UInt32(0), to: UInt32(Self.count), by: 37) where graph.slots.level(slot) == 0 {
            let together = graph.maskedWalk(to: .masked(slot), in: view, stops: stops, holder.scratch)
            #expect(together.wentByCodes == byCodes)
            for (number, stop) in stops.enumerated() {
                let alone = graph.maskedWalk(to: .masked(slot), in: view, stops: [stop], holder.scratch)
                #expect(together.found[number] == alone.found[0], "slot \(slot), stop \(number)")
                #expect(alone.found[0].count == 10 && alone.found[0].allSatisfy { $0.slot != slot })
                compared += 1
            }
            // The others are found as if it were not there.
            let exact = holder.exactCandidates(holder.vectors[Int(slot)], count: 11).filter { $0.slot != slot }
            #expect(Set(exact).intersection(together.found[3]).count >= 7)
        }
        #expect(compared > 80)
    }

    @Test(arguments: [CAIRN_L2, CAIRN_INNER_PRODUCT])
    func `codes that fit lose little, whatever the threads`(metric: cairn_metric) throws {
        let holder = holder(metric: metric)
        for kind in CodeModel.Kind.allCases {
            let column = holder.giveCodes(kind)
            let loss = try measurement(holder).loss(of: column)
            #expect(loss.rows.map(\.width) == [10, 20, 50, 100, 200] && loss.queries >= 150)
            #expect(loss.rows.allSatisfy { $0.recall > 0.5 && $0.recall <= 1 && $0.lost < 0.03 }, "\(kind): \(loss)")
            if kind != .scalar4 { #expect(loss.keepsPromise, "\(kind): \(loss)") }
            #expect(try measurement(holder, threads: 2).loss(of: column) == loss)
        }
    }

    /// Whole numbers from 0 to 255 that differ by 1: each has its code, and what lies between them is rounded.
    @Test func `codes that hold every row lose what they round of queries`() throws {
        var random = SeededGenerator(seed: 3)
        let centers = (0..<20).map { _ in (0..<24).map { _ in Float(random.next() % 254) } }
        var rows = (0..<Self.count).map { row in centers[row % 20].map { $0 + Float(random.next() % 3) } }
        (rows[0][0], rows[1][0]) = (0, 255)
        let holder = TestGraph(rows, connectivity: 8, width: 60, threads: 2), column = holder.giveCodes(.scalar8)
        #expect(column.model.error == 0 && column.model.scale == 1)
        let loss = try measurement(holder).loss(of: column)
        #expect(!loss.keepsPromise && (loss.worst?.lost ?? 0) > 0.01, "\(loss)")
    }

    @Test func `a question may lie between a row and its nearest`() throws {
        let holder = holder(), graph = holder.graph, view = graph.newestView, slot: UInt32 = 77
        try graph.prepare(
            holder.scratch, slots: view.count, width: 100, batch: graph.parameters.capacity(level: 0))
        let nearest = holder.exact(holder.vectors[77], count: 2)[1]
        let middle = zip(holder.vectors[77], holder.vectors[Int(nearest)]).map { ($0 + $1) / 2 }
        let walk = graph.maskedWalk(to: .nextTo(slot), in: view, stops: [WalkWidth(100)], holder.scratch)
        #expect(walk.found[0].map(\.slot) == holder.exact(middle, count: 10))
        #expect(walk.found[0].contains { $0.slot == slot })
    }

    /// A grid for vectors a hundred times as long says nothing of these.
    @Test func `codes of other data lose nearly everything`() throws {
        let holder = holder(), far = clusteredVectors(500, dimensions: 24).map { $0.map { ($0 - 2) * 100 } }
        holder.giveCodes(.scalar8, model: train(far, .scalar8))
        let loss = try measurement(holder).loss(of: try #require(holder.graph.codes))
        #expect(!loss.keepsPromise && (loss.worst?.lost ?? 0) > 0.3, "\(loss)")
        #expect(loss.queries == 150, "what is so clear needs no more queries")
        #expect(loss.beyond == 0)
    }

    @Test func `what the grid does not reach is counted`() throws {
        let holder = holder(), near = clusteredVectors(500, dimensions: 24).map { $0.map { $0 / 8 } }
        holder.giveCodes(.scalar8, model: train(near, .scalar8))
        let loss = try measurement(holder).loss(of: try #require(holder.graph.codes))
        #expect(loss.beyond > 0.9, "\(loss)")
        #expect(loss.keepsPromise, "they were searched for by vectors")
    }

    @Test func `small graphs are scanned, and nothing is lost`() throws {
        let holder = TestGraph(clusteredVectors(34, dimensions: 24), connectivity: 4, width: 20)
        let loss = try measurement(holder).loss(of: holder.giveCodes(.scalar4))
        #expect(loss.rows.isEmpty && loss.keepsPromise && loss.queries == 0)
    }

    @Test func `a promise is kept, broken, or left to chance`() {
        func loss(_ rows: [(lost: Double, deviation: Double)]) -> SearchLoss {
            SearchLoss(
                queries: 500,
                rows: rows.map { SearchLoss.Row(width: 10, recall: 0.9, lost: $0.lost, deviation: $0.deviation) })
        }
        #expect(loss([(0.001, 0.001), (-0.2, 0.01)]).verdict == .keeps)
        #expect(loss([(0.001, 0.001), (0.02, 0.005)]).verdict == .breaks)
        #expect(loss([(0.001, 0.001), (0.004, 0.002)]).verdict == .undecided)
        #expect(loss([(0.002, 0.004)]).keepsPromise && !loss([(0.004, 0.004)]).keepsPromise)
        #expect(!loss([(0.02, 0.005)]).keepsPromise)
        #expect(loss([(0.001, 0.1), (0.002, 0.1)]).worst?.lost == 0.002)
    }
}

/// Insertions that go by codes which say little of the vectors.
@Suite struct DoubtedInsertionTests {
    private let vectors = clusteredVectors(1000, dimensions: 24)
    private let queries = clusteredVectors(60, dimensions: 24, skipping: 5000)

    /// A graph whose last rows were inserted by codes of this model.
    private func graph(_ model: CodeModel?, threads: Int = 1) -> (TestGraph, doubted: Int) {
        let holder = TestGraph(
            Array(vectors[..<400]), connectivity: 8, width: 60, threads: threads, inPlace: 400, capacity: 1000)
        if let model { holder.giveCodes(model.kind, capacity: 1000, model: model) }
        var doubted = 0
        for first in stride(from: 400, to: 1000, by: 100) {
            let rows = Array(vectors[first..<first + 100])
            for (row, vector) in rows.enumerated() { holder.write(vector, to: UInt32(first + row)) }
            holder.encode(UInt32(first)..<UInt32(first + 100))
            holder.vectors.removeLast(100)
            holder.add(rows)
            doubted += holder.insertion.takeDoubted()
        }
        holder.graph.setCodes(nil)
        return (holder, doubted)
    }

    @Test func `bad codes leave as good a graph as none`() {
        let far = vectors.prefix(300).map { $0.map { ($0 - 2) * 3000 } }
        var model = train(Array(far), .scalar8)
        // As if it had been found to be a good one.
        model = model.deepened(to: 2)
        let (plain, none) = graph(nil), (bad, doubted) = graph(model)
        #expect(none == 0 && doubted > 500, "\(doubted)")
        for width in [10, 40] {
            let with = bad.recall(queries, count: 10, width: width)
            let without = plain.recall(queries, count: 10, width: width)
            #expect(with >= without - 0.01, "width \(width): \(with), by vectors \(without)")
        }
        let (other, again) = graph(model, threads: 2)
        #expect(again == doubted && other.newestLists == bad.newestLists, "whatever the threads")
    }

    @Test(arguments: [CodeModel.Kind.scalar8, .scalar4])
    func `good codes are trusted`(kind: CodeModel.Kind) {
        let model = train(Array(vectors.prefix(400)), kind)
        #expect(model.guidesInsertion)
        #expect(graph(model).doubted <= 6)
    }

    /// Codes that insertions do not go by are watched all the same.
    @Test func `half precision is watched`() {
        let (holder, doubted) = graph(train(Array(vectors.prefix(400)), .half))
        #expect(doubted == 0)
        #expect(holder.newestLists == graph(nil).0.newestLists, "and guides no insertion")
        // Everything has the same place by numbers that begin where these end.
        let far = vectors.prefix(300).map { $0.map { ($0 - 2) * 1e9 } }
        #expect(graph(train(Array(far), .half).deepened(to: 0)).doubted > 300)
    }
}
