import CKernels
import Testing

@testable import HNSW

@Suite struct AnchorTests {
    /// Rows of which many crowd around one vector.
    enum Rows: CaseIterable {
        case equal, fifthEqual, aroundZero

        func vectors(_ count: Int) -> [[Float]] {
            var random = SplitMix(state: 7)
            return (0..<count).map { row in
                let others = (0..<16).map { _ in random.nextUnit() + random.nextUnit() - 1 }
                return switch self {
                case .equal: [Float](repeating: 1, count: 16)
                case .fifthEqual: row % 5 == 0 ? [Float](repeating: 1, count: 16) : others
                case .aroundZero: row % 20 == 0 ? [Float](repeating: 0, count: 16) : others
                }
            }
        }
    }

    /// Link lists read for each row of the second half.
    private func listsPerRow(_ rows: Rows, count: Int, batch: Int?) -> (lists: Double, graph: TestGraph) {
        let vectors = rows.vectors(count)
        let graph = TestGraph(
            Array(vectors[..<(count / 2)]), connectivity: 8, width: 32, inPlace: batch == nil ? nil : count / 2,
            capacity: count)
        if batch == nil { graph.reopen() }
        let before = graph.insertion.work.hops
        var next = count / 2
        while next < count {
            let end = min(count, next + (batch ?? 64))
            graph.add(Array(vectors[next..<end]))
            next = end
        }
        return (Double(graph.insertion.work.hops - before) / Double(count - count / 2), graph)
    }

    @Test(arguments: Rows.allCases, [1, 64])
    func `a row among many equal ones reads no more lists than one among few`(rows: Rows, batch: Int) {
        let (few, _) = listsPerRow(rows, count: 300, batch: batch)
        let (many, graph) = listsPerRow(rows, count: 1200, batch: batch)
        #expect(many < 2.5 * few, "\(few) lists a row among 300, \(many) among 1,200")
        var problems: [String] = []
        var check = GraphCheck(graph.graph, graph.view) { problems.append($0) }
        check.run()
        #expect(check.unreachable.isEmpty && problems.isEmpty)
    }
}
