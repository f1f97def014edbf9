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


    func offPool<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Result { try work() }) }
        }
    }

    func add(_ vectors: [Float], labels: [VectorStore.Label], to store: VectorStore) async throws {
        try await offPool { try store.add(vectors, labels: labels) }
    }

    func upsert(_ batches: [(vectors: [Float], labels: [VectorStore.Label])], to store: VectorStore) async throws {
        for batch in batches {
            try Task.checkCancellation()
            try await offPool { try store.upsert(batch.vectors, labels: batch.labels) }
        }
    }
}
