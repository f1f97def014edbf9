// swift-format-ignore-file
// Made by Scripts/snippets of Sources/Cairn/Cairn.docc/GettingStarted.md.
import Cairn

func runGettingStarted() throws {
    let store = try VectorStore.openOrCreate(at: "notes.cairn", configuration: .init(dimensions: 3, metric: .l2))
    try store.upsert([0, 0, 1, 0, 1, 0], labels: [17, 42])

    let query: [Float] = [0, 0.9, 0.1]
    for neighbor in try store.search(query, k: 10) {
        print(neighbor.label, neighbor.distance)
    }

    try store.update([0, 0, 2], labels: [17])
    try store.markDeleted([42])
    try store.unmarkDeleted([42])
    try store.erase([42])
    try store.close()

    let reader = try VectorStore.open(at: "notes.cairn")
    print(try reader.count, try reader.vector(for: 17) ?? [])
    try reader.close()

    try VectorStore.build(
        at: "built.cairn", configuration: .init(dimensions: 3), vectors: [0, 0, 1, 0, 1, 0], labels: [17, 42])

    try VectorStore.build(
        at: "packages.cairn", configuration: .init(dimensions: 384, metric: .cosine), from: "vectors.npy")

    let memory = try VectorStore(inMemory: .init(dimensions: 3))
    try memory.add([0, 0, 1, 0, 1, 0], labels: [17, 42])

    do {
        _ = try VectorStore.open(at: "missing.cairn")
    } catch {
        print(error.code, error.message)
    }
}
