// swift-format-ignore-file
// Made by Scripts/snippets of Sources/Cairn/Cairn.docc/Concurrency.md.
import Cairn
import Dispatch

func runConcurrency() async throws {
    actor Recommender {
        let store: VectorStore

        init(at path: String) throws { store = try VectorStore.open(at: path) }

        func similar(to label: VectorStore.Label) throws -> [VectorStore.Neighbor] {
            guard let vector = try store.vector(for: label) else { return [] }
            return try store.search(vector, k: 10)
        }
    }

    func add(_ vectors: [Float], labels: [VectorStore.Label], to store: VectorStore) async throws {
        try await store.add(vectors, labels: labels)
    }


    let cancellation = VectorStore.Cancellation()
    DispatchQueue.global().async {
        _ = try? cancellation.run { try VectorStore.build(at: "long.cairn", configuration: .init(dimensions: 0), from: "v.npy") }
    }
    cancellation.cancel()
}
