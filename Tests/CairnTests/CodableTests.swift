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
        try expectSame(StoreError(.closed, "a message"))
        let unknown = Data(#"{"code":"ofLater","message":""}"#.utf8)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(StoreError.self, from: unknown) }
    }
}
