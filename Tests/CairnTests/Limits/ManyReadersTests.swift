import HNSW
import Synchronization
import TestSupport
import Testing
import Threading

@testable import Cairn

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

@Suite struct ManyReadersTests {
    /// Each caller of a batch reads while its threads do: where places are few, nobody may wait for one while holding another.
    @Test func `a thousand threads in batch searches beside a writer come to an end`() async {
        await #expect(processExitsWith: .success) {
            alarm(60)
            let dimensions = 8, elements = seededVectors(count: 300, dimensions: dimensions, seed: 5)
            let store = try VectorStore(inMemory: .init(dimensions: dimensions, m: 4, efConstruction: 10))
            try store.add(elements, labels: (0..<300).map { Label($0) }, threads: 1)
            let queries = Array(elements.prefix(32 * dimensions)), wrong = Atomic<Int>(0), ended = Atomic<Int>(0)
            let threads = (0..<1000).compactMap { _ in
                Threading.Thread {
                    for _ in 0..<2 {
                        let found = try? store.search(batch: queries, k: 3, options: .init(ef: 20), threads: 2)
                        if found?.count != 32 || found?.allSatisfy({ $0.count == 3 }) != true {
                            wrong.add(1, ordering: .relaxed)
                        }
                    }
                    ended.add(1, ordering: .relaxed)
                }
            }
            var label: Label = 300
            while ended.load(ordering: .relaxed) < threads.count {
                try store.upsert(Array(elements.prefix(dimensions)), labels: [label], threads: 1)
                label = label < 330 ? label + 1 : 300
            }
            for thread in threads { thread.join() }
            let wrongCount = wrong.load(ordering: .relaxed)
            #expect(threads.count == 1000 && wrongCount == 0)
            try store.close()
        }
    }
}
