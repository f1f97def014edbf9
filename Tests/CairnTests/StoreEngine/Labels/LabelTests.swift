import SystemPackage
import TestSupport
import Testing

@testable import Cairn

@Suite struct LabelTests {
    private static let labels: [Label] = [
        .max, 0, 1, 1 << 63, .max - 1, 0x8000_0000, 0xffff_ffff, 1 << 32, 42, (1 << 63) - 1,
    ]

    @Test func `any 64 bits are a label`() throws {
        let fixture = try StoreFixture(Self.labels.count, labels: Self.labels)
        let store = try fixture.open()
        #expect(try store.count == Self.labels.count)
        #expect(try store.allLabels() == Self.labels)
        for (label, row) in zip(Self.labels, fixture.rows) {
            #expect(try store.vector(for: label) == row)
            #expect(try store.contains(label))
            #expect(try store.search(row, k: 1) == [VectorStore.Neighbor(label: label, distance: 0)])
        }
        for label: Label in [2, 43, .max - 2, 1 << 62] {
            #expect(try store.vector(for: label) == nil)
            #expect(try !store.contains(label))
        }
    }

    @Test func `labels that hash alike are told apart`() throws {
        // Equal high bits of the product with the hash's factor: multiples of its inverse.
        let inverse: UInt64 = {
            let factor: UInt64 = 0x9E37_79B9_7F4A_7C15
            var result = factor
            for _ in 0..<6 { result = result &* (2 &- factor &* result) }
            return result
        }()
        let labels = (0..<300).map { inverse &* UInt64($0) }
        let fixture = try StoreFixture(300, labels: labels)
        let store = try fixture.open()
        for (label, row) in zip(labels, fixture.rows) { #expect(try store.vector(for: label) == row) }
        #expect(try !store.contains(inverse &* 300))
    }

    @Test func `a store of several pages of labels finds each`() throws {
        let count = 3000, labels = (0..<count).map { Label($0) &* 0x1234_5678_9abc_def1 }
        let fixture = try StoreFixture(count, dimensions: 2, connectivity: 2, labels: labels)
        let store = try fixture.open()
        for (label, row) in zip(labels, fixture.rows) { #expect(try store.vector(for: label) == row) }
        for label: Label in 1...200 { #expect(try store.contains(label) == labels.contains(label)) }
    }

    @Test func `info tells the facts`() throws {
        let fixture = try StoreFixture(700, dimensions: 5, metric: .cosine, scalar: .float16)
        let store = try fixture.open(), info = try store.info
        #expect(info.count == 700 && info.deletedCount == 0 && info.logBytes == 0 && info.formatVersion == 1)
        #expect(info.configuration == fixture.configuration)
        #expect(try store.configuration == fixture.configuration)
        #expect(info.maximumLevel >= 1)
        #expect(info.identifier.count == 36)
        #expect(info.memoryPlan == .resident)
        let bytes = try names(in: fixture.path).reduce(0) { try $0 + readBytes(fixture.path.appending($1)).count }
        #expect(info.fileBytes == bytes)
        let paged = try VectorStore.open(at: fixture.path, options: .init(memoryBudget: 1000))
        #expect(try paged.info.memoryPlan == .paged)
        #expect(try paged.search(fixture.rows[3], k: 1)[0].label == 3)
    }
}
