// swift-format-ignore-file
// Made by Scripts/snippets of Sources/Cairn/Cairn.docc/Cairn.md.
import Cairn

func runCairn() throws {
    let store = try VectorStore.openOrCreate(at: "overview.cairn", configuration: .init(dimensions: 3, metric: .cosine))
    try store.upsert([1, 0, 0, 0, 1, 0], labels: [17, 42])
    for neighbor in try store.search([0.9, 0.1, 0], k: 10) {
        print(neighbor.label, neighbor.distance)
    }
    try store.close()
}
