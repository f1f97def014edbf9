// swift-format-ignore-file
// Made by Scripts/snippets of Sources/Cairn/Cairn.docc/Durability.md.
import Cairn

func runDurability() throws {
    let store = try VectorStore.openOrCreate(
        at: "durable.cairn", configuration: .init(dimensions: 3),
        options: .init(durability: .interval(.milliseconds(100))))
    try store.upsert([0, 0, 1], labels: [17])
    try store.synchronize()  // all changes so far survive a power cut
    try store.close()
}
