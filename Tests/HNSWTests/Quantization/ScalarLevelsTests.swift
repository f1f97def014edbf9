import TestSupport
import Testing

@testable import HNSW

/// The sixteen levels of 4-bit codes, on fewer positions so that every choice can be tried.
@Suite struct ScalarLevelsTests {
    /// What values lose that go to the nearest of `levels`.
    private func loss(_ levels: [Int], _ counts: [Double]) -> Double {
        counts.indices.reduce(0) { sum, position in
            let nearest = levels.map { abs($0 - position) }.min() ?? 0
            return sum + counts[position] * Double(nearest * nearest)
        }
    }

    /// Every choice of `count` positions from `first` on.
    private func choices(_ count: Int, from first: Int, to end: Int) -> [[Int]] {
        if count == 0 { return [[]] }
        return (first..<end).flatMap { position in
            choices(count - 1, from: position + 1, to: end).map { [position] + $0 }
        }
    }

    @Test(arguments: 1...5)
    func `no other levels lose less`(count: Int) {
        var random = SeededGenerator(seed: UInt64(count))
        for round in 0..<60 {
            // Empty positions among them, and in some rounds nearly all.
            let share = Double(round % 6 + 1) / 6
            let counts = (0..<10).map { _ in
                Double(random.nextUnit()) < share ? Double(random.next() % 1000) : 0
            }
            let levels = ScalarLevels(counts: counts).best(count)
            #expect(levels.count == count && levels == levels.sorted(), "\(levels)")
            #expect(levels.allSatisfy(counts.indices.contains))
            let least = choices(count, from: 0, to: 10).map { loss($0, counts) }.min() ?? 0
            #expect(loss(levels, counts) == least, "\(counts): \(levels)")
        }
    }

    @Test func `where there are no more values than levels nothing is lost`() {
        var counts = [Double](repeating: 0, count: 128)
        for position in [0, 1, 2, 50, 51, 90, 126, 127] { counts[position] = 3 }
        let levels = ScalarLevels(counts: counts).best(16)
        #expect(levels.count == 16 && levels == levels.sorted() && levels.allSatisfy((0...127).contains))
        #expect(loss(levels, counts) == 0)
        #expect(loss(ScalarLevels(counts: [Double](repeating: 0, count: 128)).best(16), counts) >= 0)
    }

    @Test func `each position goes to its nearest level`() {
        var random = SeededGenerator(seed: 8)
        for _ in 0..<20 {
            let levels = (0..<16).map { _ in UInt8(random.next() % 128) }.sorted()
            let model = CodeModel(
                kind: .scalar4, dimensions: 4, isProduct: false, center: [], low: 0, scale: 1, levels: levels,
                isRotated: false,
                margin: 0, depth: 0, error: 0, trainedCount: 1)
            for (position, code) in model.nearestLevels.enumerated() {
                let distance = abs(Int(levels[Int(code)]) - position)
                #expect(levels.allSatisfy { abs(Int($0) - position) >= distance })
            }
        }
    }
}
