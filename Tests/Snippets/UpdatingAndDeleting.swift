// swift-format-ignore-file
// Made by Scripts/snippets of Sources/Cairn/Cairn.docc/UpdatingAndDeleting.md.
import Cairn

func runUpdatingAndDeleting() throws {
    let store = try VectorStore(inMemory: .init(dimensions: 3))   // or openOrCreate, or openForWriting
    try store.add([0, 0, 1, 0, 1, 0], labels: [17, 42])           // both labels must be new
    try store.update([0, 0, 2], labels: [17])                     // the label must exist
    try store.upsert([1, 0, 0, 0, 2, 0], labels: [99, 42])        // either

    try store.markDeleted([42])
    print(try store.deletedLabels())                              // [42]
    try store.unmarkDeleted([42])
    try store.erase([42])

    try store.markDeleted([17])
    try store.add([3, 0, 0], labels: [18], replacingDeleted: true)

    var batch = VectorStore.WriteBatch()
    batch.upsert([1, 0, 0], label: 17)
    batch.add([0, 3, 0], label: 100)
    batch.markDeleted(18)
    batch.erase(99)
    try store.write(batch)

    var next = VectorStore.WriteBatch()
    next.upsert([0, 1, 1], label: 101)
    next.position = 4711
    try store.write(next)
    print(try store.position)                                     // 4711

    for invalid in try store.invalidVectors(in: [1, 2, 3, .nan, 0, 0]) {
        print(invalid.row, invalid.problem)
    }
}
