// swift-format-ignore-file
// Made by Scripts/snippets of Sources/Cairn/Cairn.docc/Searching.md.
import Cairn

func runSearching() throws {
    let store = try VectorStore(inMemory: .init(dimensions: 3))  // or open
    try store.add([0, 0, 1, 0, 1, 0, 1, 0, 0], labels: [256, 257, 512])
    let query: [Float] = [0, 0.9, 0.1]

    let nearest = try store.search(query, k: 10)
    let careful = try store.search(query, k: 10, ef: 100)
    let exact = try store.search(query, k: 10, options: .init(isExact: true))

    let results = try store.search(batch: [0, 0.9, 0.1, 1, 0, 0], k: 10)
    print(results.count)  // 2

    let mine = VectorStore.LabelFilter.including([256, 512])
    let nearestOfMine = try store.search(query, k: 10, options: .init(filter: mine))

    let even = VectorStore.LabelFilter.including(try store.allLabels().filter { $0.isMultiple(of: 2) })

    let near = try store.search(query, within: 0.5)
    for neighbor in near.neighbors { print(neighbor.label, neighbor.distance) }
    if near.isTruncated { print("and more") }

    // A label is the document's number, followed by 8 bits for the part.
    let best = try store.searchDocuments(query, k: 5, by: .shift(8), options: .init(neighborsPerDocument: 3))
    for found in best { print(found.document, found.best.distance, found.neighbors.map(\.label)) }

    let distances = try store.distances(from: query, to: [256, 999])  // nil for a label that the store does not have

    VectorStore.registerDistance("manhattan") { a, b in
        zip(a.bindMemory(to: Float.self), b.bindMemory(to: Float.self)).reduce(0) { $0 + abs($1.0 - $1.1) }
    }
    let grid = try VectorStore(inMemory: .init(dimensions: 2, metric: .custom(name: "manhattan")))
    try grid.add([0, 0, 3, 4], labels: [1, 2])

    let one = try store.vector(for: 256)
    let several = try store.vectors(for: [256, 999])
    let isThere = try store.contains(257)
    try store.forEachVector { label, vector in print(label, vector.count) }
}
