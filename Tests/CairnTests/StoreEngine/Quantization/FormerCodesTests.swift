import Allocation
import HNSW
import Testing

@testable import Cairn

/// Searches go by the codes that were there when they began, also after those have been replaced and the store has grown.
struct FormerCodesTests {
    @Test(arguments: [VectorStore.Quantization.none, .scalar4])
    func `a search goes on by codes that have been replaced`(next: VectorStore.Quantization) throws {
        // Rows of 1,024 bytes: what room there is beyond the store's rows is soon passed.
        let fixture = try StoreFixture(300, dimensions: 1024, connectivity: 4), store = try fixture.open(.readWrite)
        try store.setQuantization(.scalar8)
        let more = vectors(1600, dimensions: 1024, scalar: .float32, seed: 7)
        let query = fixture.queries(1)[0]
        let labels = try store.reading { (session) throws(StoreError) -> [Label] in
            try store.setQuantization(next)
            try store.add(more, labels: (1000..<2600).map { Label($0) })
            #expect(session.graph.publishedSlotCount == 1900)
            return try unsafe query.withUnsafeBufferPointer { query in
                Result { () throws(StoreError) in
                    let input = unsafe try session.prepare(QueryInput(query, row: nil))
                    return try takingMemory(for: store.path) { () throws(OutOfMemory) in
                        let found = try session.graph.search(
                            input, count: 10, width: 50, in: session.view, scratch: session.scratch)
                        return (0..<found.count).map { session.graph.slots.label(found[$0].slot) }
                    }
                }
            }.get()
        }
        #expect(labels.count == 10 && labels.allSatisfy { $0 < 300 })
    }
}
