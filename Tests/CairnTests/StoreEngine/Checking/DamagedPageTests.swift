import FileFormat
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// Damage is reported with the labels of the vectors that it concerns.
@Suite struct DamagedPageTests {
    private let fixture: StoreFixture
    private let geometry: Geometry

    init() throws {
        // Labels that are no slots, lengths for cosine, and more slots than the first segment has.
        fixture = try StoreFixture(
            300, dimensions: 3, metric: .cosine, connectivity: 8, labels: (0..<300).map { 5000 - Label($0) * 3 })
        geometry = fixture.configuration.superblock.geometry
    }

    /// Changes a byte of what a column has of a slot, by default one bit.
    private func damage(
        _ column: Geometry.Column, slot: Int, byte: Int = 0, _ change: (UInt8) -> UInt8 = { $0 ^ 0x10 }
    ) throws -> Int {
        let place = slot * geometry.stride(of: column) + byte
        let piece = try #require(
            geometry.layout(segments: 2).flatMap(\.pieces).first {
                $0.column == column && ($0.columnOffset..<$0.columnOffset + $0.length).contains(place)
            })
        let path = fixture.path.appending("level0"), offset = piece.fileOffset + place - piece.columnOffset
        var bytes = try readBytes(path)
        bytes[offset] = change(bytes[offset])
        try writeBytes(bytes, to: path)
        return offset / Geometry.pageSize * Geometry.pageSize
    }

    @Test(arguments: Geometry.Column.allCases, [0, 150, 299])
    func `the labels are those on the page`(column: Geometry.Column, slot: Int) throws {
        // In the slot table a bit of the level: labels and states stay what they are.
        let offset = try damage(column, slot: slot, byte: column == .slotTable ? SlotEntry.levelOffset : 0)
        let report = try VectorStore.verify(at: fixture.path, depth: .checksums)
        let perPage = Geometry.pageSize / geometry.stride(of: column), first = slot / perPage * perPage
        let labels = fixture.labels[first..<min(first + perPage, 300)]
        let page = try #require(report.damagedPages.first)
        #expect(report.damagedPages.count == 1 && page.offset == offset && page.labels == Array(labels))
        #expect(page.content.rawValue == "\(column)")
        #expect(report.damagedLabels == labels.sorted())
        let problem = try #require(report.problems.first)
        #expect(
            report.problems.count == 1
                && problem.hasPrefix("level0: the page at byte \(offset) (\(column)) is damaged: "))
        let shown = labels.prefix(10).map { "\($0)" }.joined(separator: ", ")
        #expect(problem.hasSuffix("\(labels.count) vectors, labels \(shown)" + (labels.count > 10 ? ", …" : "")))
    }

    @Test func `a vector that is no query is told by every depth, and no repair begins`() throws {
        for (byte, value) in [(2, 0xff), (3, 0x7f)] as [(Int, UInt8)] {
            _ = try damage(.vectors, slot: 150, byte: byte) { _ in value }
        }
        let damaged = fixture.labels[150]
        for depth in VectorStore.VerifyReport.Depth.allCases where depth != .header {
            let report = try VectorStore.verify(at: fixture.path, depth: depth)
            #expect(report.damagedLabels.contains(damaged), "\(depth)")
            #expect(depth != .searches || report.missedCount == 0)
        }
        let before = try readBytes(fixture.path.appending("level0"))
        let error = storeError { _ = try VectorStore.repair(at: fixture.path) }
        #expect(error?.code == .corrupt && error?.message.contains("a repair does not mend that") == true)
        #expect(try readBytes(fixture.path.appending("level0")) == before)
    }

    @Test func `erased vectors are nobody's, marked ones are`() throws {
        let store = try fixture.open(.readWrite)
        try store.erase(Array(fixture.labels[64..<128]))
        try store.markDeleted(Array(fixture.labels[0..<64]))
        try store.close()
        // The rows of erased slots may hold anything; their links are checked.
        _ = try damage(.links, slot: 70)
        let links = try VectorStore.verify(at: fixture.path, depth: .checksums)
        #expect(links.damagedLabels == [] && links.problems.first?.hasSuffix("it holds nothing of any vector") == true)
        _ = try damage(.vectors, slot: 5)
        let both = try VectorStore.verify(at: fixture.path, depth: .checksums)
        #expect(both.damagedLabels == fixture.labels[0..<64].sorted() && both.damagedPages.count == 2)
    }

    @Test func `what the graph's check finds is named by label`() throws {
        _ = try damage(.links, slot: 7, byte: 3)
        let report = try VectorStore.verify(at: fixture.path)
        let label = fixture.labels[7]
        #expect(report.damagedLabels.contains(label))
        #expect(report.problems.contains { $0.hasPrefix("the list of slot 7 (label \(label)) at level 0 has id ") })
    }
}
