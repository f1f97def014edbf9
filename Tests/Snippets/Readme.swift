// swift-format-ignore-file
// Made by Scripts/snippets of README.md.
import Cairn

func runReadme() throws {
    let store = try VectorStore.openOrCreate(
        at: "notes.cairn", configuration: .init(dimensions: 3, metric: .cosine))
    try store.upsert([1, 0, 0, 0, 1, 0], labels: [17, 42])  // two vectors; on the disk on return
    for neighbor in try store.search([0.9, 0.1, 0], k: 10, ef: 100) {
        print(neighbor.label, neighbor.distance)
    }
    var batch = VectorStore.WriteBatch()                    // all of it or nothing
    batch.upsert([0, 0, 1], label: 99)
    batch.erase(42)
    try store.write(batch)
    try store.close()
}
