import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// Changes that cannot be made: the error says which and why, and everything stays as it was.
@Suite struct RefusedChangeTests {
    /// What is done to a store that has 1, 2 and 3, has marked 4, and has erased 5; and what is to come of it.
    struct Refused: Sendable, CustomTestStringConvertible {
        let name: String
        let code: StoreError.Code
        /// Stand in the message.
        let words: [String]
        let change: @Sendable (VectorStore) throws -> Void

        init(
            _ name: String, _ code: StoreError.Code, _ words: [String],
            _ change: @escaping @Sendable (VectorStore) throws -> Void
        ) {
            (self.name, self.code, self.words, self.change) = (name, code, words, change)
        }

        var testDescription: String { name }
    }

    static let refused: [Refused] = [
        Refused("add a live label", .duplicateLabel, ["label 2 (row 1)", "in the store already"]) {
            try $0.add([9, 9, 8, 8], labels: [10, 2])
        },
        Refused("add a marked label", .duplicateLabel, ["label 4 (row 0)", "bring it back, erase it or upsert it"]) {
            try $0.add([9, 9], labels: [4])
        },
        Refused("add a label twice", .duplicateLabel, ["label 10 (row 2)", "twice in the input"]) {
            try $0.add([9, 9, 8, 8, 7, 7], labels: [10, 11, 10])
        },
        Refused("replace, with a live label", .duplicateLabel, ["label 3 (row 1)"]) {
            try $0.add([9, 9, 8, 8], labels: [10, 3], replacingDeleted: true)
        },
        Refused("update an unknown label", .unknownLabel, ["label 9 is", "not in the store"]) {
            try $0.update([9, 9, 8, 8], labels: [1, 9])
        },
        Refused("update an erased label", .unknownLabel, ["label 5 is"]) {
            try $0.update([9, 9], labels: [5])
        },
        Refused("mark an unknown label", .unknownLabel, ["label 9 is", "not in the store"]) {
            try $0.markDeleted([1, 2, 9])
        },
        Refused("mark a marked label", .unknownLabel, ["label 4 is", "marked deleted already"]) {
            try $0.markDeleted([1, 4])
        },
        Refused("mark a label twice", .unknownLabel, ["label 1 is", "already"]) { try $0.markDeleted([1, 1]) },
        Refused("unmark a live label", .unknownLabel, ["label 1 is", "not marked"]) {
            try $0.unmarkDeleted([4, 1])
        },
        Refused("unmark an unknown label", .unknownLabel, ["label 9 is"]) { try $0.unmarkDeleted([9]) },
        Refused("erase an unknown label", .unknownLabel, ["label 9 is"]) { try $0.erase([1, 4, 9]) },
        Refused("erase a label twice", .unknownLabel, ["label 1 is"]) { try $0.erase([1, 1]) },
        Refused("too few numbers", .dimensionMismatch, ["2 labels of 2 dimensions need 4 numbers, not 3"]) {
            try $0.add([9, 9, 8], labels: [10, 11])
        },
        Refused("numbers without a label", .dimensionMismatch, ["need 0 numbers, not 2"]) {
            try $0.upsert([9, 9], labels: [])
        },
        Refused("a short vector in a batch", .dimensionMismatch, ["vector 1", "1 dimensions", "have 2"]) {
            var batch = VectorStore.WriteBatch()
            batch.add([9, 9], label: 10)
            batch.upsert([9], label: 11)
            try $0.write(batch)
        },
        Refused("not a number", .invalidVector, ["row 1 (label 11)", "component 0", "finite"]) {
            try $0.add([9, 9, .nan, 8], labels: [10, 11])
        },
        Refused("an infinite update", .invalidVector, ["row 0 (label 1)", "component 1", "finite"]) {
            try $0.update([9, -.infinity], labels: [1])
        },
        Refused("an infinite vector in a batch", .invalidVector, ["label 2", "finite"]) {
            var batch = VectorStore.WriteBatch()
            batch.erase(1)
            batch.update([.infinity, 1], label: 2)
            try $0.write(batch)
        },
    ]
    /// The same after changes of every kind that could have been made.
    static let batches: [Refused] = [
        (StoreError.Code.duplicateLabel, Change.add(20, [7, 7], replacingMarked: false)),
        (.unknownLabel, .update(2, [7, 7])), (.unknownLabel, .mark(2)), (.unknownLabel, .unmark(4)),
        (.unknownLabel, .erase(2)),
    ].map { code, last in
        Refused("a batch that ends in \(last)", code, ["label"]) {
            try $0.write(
                VectorStore.WriteBatch([
                    .add(20, [5, 6], replacingMarked: false), .update(1, [6, 5]), .upsert(3, [1, 9]), .erase(2),
                    .unmark(4), .mark(1), .add(21, [5, 6], replacingMarked: true), .mark(3), .mark(20), last,
                ]))
        }
    }

    private static let rows: [[Float]] = [[1, 0], [2, 0], [3, 1], [4, 1], [5, 1]]

    private func fill(_ store: VectorStore) throws -> StoreModel {
        try store.add(Self.rows.flatMap { $0 }, labels: [1, 2, 3, 4, 5])
        try store.markDeleted([4])
        try store.erase([5])
        var model = StoreModel(try store.configuration)
        _ = model.apply((0..<5).map { .add(Label($0 + 1), Self.rows[$0], replacingMarked: false) })
        _ = model.apply([.mark(4), .erase(5)])
        return model
    }

    @Test(arguments: refused + batches, [true, false])
    func `what cannot be made changes nothing`(_ refused: Refused, isOnDisk: Bool) throws {
        let written = try WrittenStore(dimensions: 2)
        let store = isOnDisk ? try written.create() : try VectorStore(inMemory: written.configuration)
        let model = try fill(store), content = try store.verify().contentChecksum
        let files = isOnDisk ? try snapshot(written.path) : [:]
        let error = storeError { try refused.change(store) }
        #expect(error?.code == refused.code)
        for word in refused.words { #expect(error?.message.contains(word) == true, "\(error?.message ?? "")") }
        #expect(try model.differences(from: store, queries: [[2, 2]]) == [])
        #expect(try store.verify().contentChecksum == content)
        if isOnDisk { #expect(try snapshot(written.path) == files) }
        // Not even the choice of levels is another one afterwards.
        let twin = try VectorStore(inMemory: written.configuration)
        _ = try fill(twin)
        let more = vectors(60, dimensions: 2, scalar: .float32), labels = (100..<160).map { Label($0) }
        if isOnDisk { try store.checkpoint() }
        try store.add(more, labels: labels)
        try twin.add(more, labels: labels)
        #expect(try store.verify().problems == [])
        if isOnDisk {
            #expect(try store.allLabels().sorted() == twin.allLabels().sorted())
        } else {
            #expect(try store.verify().contentChecksum == twin.verify().contentChecksum)
        }
    }

    @Test func `no change at all is none`() throws {
        let written = try WrittenStore(dimensions: 2), store = try written.create()
        let files = try snapshot(written.path)
        try store.add([], labels: [])
        try store.update([], labels: [])
        try store.upsert([], labels: [])
        try store.markDeleted([])
        try store.unmarkDeleted([])
        try store.erase([])
        try store.write(VectorStore.WriteBatch())
        try store.checkpoint()
        try store.synchronize()
        #expect(try snapshot(written.path) == files)
        #expect(try store.count == 0)
        try store.close()
        #expect(storeError { try store.write(VectorStore.WriteBatch()) }?.code == .closed)
    }

    @Test(arguments: [
        (VectorStore.Metric.cosine, VectorStore.Scalar.float32, [0, 0] as [Float], "all zeros"),
        (.cosine, .uint8, [0, 0], "all zeros"),
        (.l2, .uint8, [256, 0], "whole numbers 0...255"), (.l2, .uint8, [1, 0.5], "whole numbers 0...255"),
        (.innerProduct, .int8, [-129, 0], "whole numbers -128...127"), (.l2, .float16, [70_000, 0], "half precision"),
        (.cosine, .float32, [1e30, 1e30], "too long"), (.cosine, .float16, [1e-30, 0], "too short"),
    ])
    func `a vector that the store cannot keep is refused`(
        metric: VectorStore.Metric, scalar: VectorStore.Scalar, vector: [Float], word: String
    ) throws {
        let written = try WrittenStore(dimensions: 2, metric: metric, scalar: scalar), store = try written.create()
        try store.add([1, 2], labels: [1])
        var batch = VectorStore.WriteBatch()
        batch.erase(1)
        batch.add(vector, label: 2)
        for change in [
            { try store.add([3, 4] + vector, labels: [3, 2]) }, { try store.update(vector, labels: [1]) },
            { try store.upsert(vector, labels: [1]) }, { try store.write(batch) },
        ] {
            let error = storeError { try change() }
            #expect(error?.code == .invalidVector)
            #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
        }
        #expect(try store.allLabels() == [1])
        #expect(try store.verify().problems == [])
    }

    @Test func `a handle for reading refuses every change`() throws {
        let written = try WrittenStore(dimensions: 2), writer = try written.create()
        _ = try fill(writer)
        try writer.close()
        let store = try written.open(.readOnly), files = try snapshot(written.path)
        var batch = VectorStore.WriteBatch()
        batch.erase(1)
        let changes: [() throws -> Void] = [
            { try store.add([9, 9], labels: [9]) }, { try store.add([9, 9], labels: [9], replacingDeleted: true) },
            { try store.update([9, 9], labels: [1]) }, { try store.upsert([9, 9], labels: [1]) },
            { try store.markDeleted([1]) }, { try store.unmarkDeleted([4]) }, { try store.erase([1]) },
            { try store.write(batch) }, { try store.checkpoint() }, { try store.synchronize() },
        ]
        for (index, change) in changes.enumerated() {
            let error = storeError("change \(index)") { try change() }
            #expect(error?.code == .readOnly && error?.message.contains("openForWriting(at:)") == true)
        }
        #expect(try snapshot(written.path) == files)
    }
}
