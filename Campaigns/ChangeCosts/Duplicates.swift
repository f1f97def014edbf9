import ArgumentParser
import Cairn
import Foundation
import SystemPackage

/// Equal vectors, and raw inner products, must not cut others off.
struct Duplicates: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Counts vectors that cannot be reached among many equal ones, and with raw inner products.")

    @Option(help: "Equal vectors.") var count = 1000

    func run() throws {
        var unreachable = 0
        for m in [2, 4, 16] {
            for batch in [1, 50] {
                let store = try VectorStore(
                    inMemory: .init(dimensions: 4, metric: .l2, m: m, efConstruction: 100))
                for first in stride(from: 0, to: count, by: batch) {
                    try store.add(
                        [Float](repeating: 1, count: 4 * batch), labels: (first..<first + batch).map { Label($0) })
                }
                unreachable += try report("\(count) equal vectors, M=\(m), batches of \(batch)", store)
            }
        }
        var generator = SystemRandomNumberGenerator()
        for m in [2, 4, 16] {
            let store = try VectorStore(
                inMemory: .init(dimensions: 8, metric: .innerProduct, m: m, efConstruction: 100))
            let vectors = (0..<8 * 5 * count).map { _ in Float.random(in: -1...1, using: &generator) * 10 }
            try store.add(vectors, labels: (0..<5 * count).map { Label($0) })
            unreachable += try report("\(5 * count) raw inner products, M=\(m)", store)
        }
        if unreachable > 0 { throw ExitCode(1) }
    }

    private func report(_ name: String, _ store: VectorStore) throws -> Int {
        let count = try store.verify().unreachableCount ?? -1
        let query = [Float](repeating: 1, count: try store.configuration.dimensions), all = try store.count
        let found = try store.search(query, k: all, options: .init(ef: all)).count
        print("\(name): unreachable \(count); a search for all finds \(found) of \(all)")
        return count + all - found
    }
}
