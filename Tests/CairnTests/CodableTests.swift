import Foundation
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// Reports go out as JSON and come back the same.
@Suite struct CodableTests {
    private func expectSame<Value: Codable & Equatable>(_ value: Value) throws {
        #expect(try JSONDecoder().decode(Value.self, from: JSONEncoder().encode(value)) == value)
    }

    @Test(arguments: [VectorStore.Metric.l2, .innerProduct, .cosine, .custom(name: "a b")])
    func configurations(metric: VectorStore.Metric) throws {
        try expectSame(
            VectorStore.Configuration(dimensions: 3, metric: metric, scalar: .float16, m: 7, quantization: .none))
    }

    @Test func `facts and reports of a store`() throws {
        let written = try WrittenStore()
        let store = try written.create()
        try store.add(written.rows(3).flatMap { $0 }, labels: [1, 2, .max])
        try store.markDeleted([2])
        try expectSame(store.info)
        try expectSame(store.verify())
        try store.close()
    }

    @Test func errors() throws {
        try expectSame(
            StoreError(.full, "a message", path: "/a/path", systemError: .noSpace, label: .max, row: 3))
        try expectSame(StoreError(.closed, "a message", remedy: "what to do"))
        let store = try VectorStore(inMemory: .init(dimensions: 2))
        for error in [
            storeError { try store.add([1, 2, .nan, 4], labels: [1, 2]) },
            storeError { _ = try store.search(batch: [1, 2, .infinity, 4], k: 1) },
            storeError { try store.erase([9]) },
            StoreError(.corrupt, template: "a message", isSalvageable: true),
        ] { try expectSame(try #require(error)) }
        let unknown = Data(#"{"code":"ofLater","problem":"","message":""}"#.utf8)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(StoreError.self, from: unknown) }
        // As version 0.2.0 wrote it.
        let former = Data(#"{"code":"full","message":"what it said"}"#.utf8)
        #expect(try JSONDecoder().decode(StoreError.self, from: former).message == "what it said")
    }
}
