import FileFormat
import HNSW
import MappedStorage
import SystemPackage
import TestSupport
import Testing

@testable import Cairn

/// Links, list lengths, states, levels and labels that are not what was written, under a writer: each change is refused, or it is
/// there when the store is opened again.
@Suite struct DamagedRecordTests {
    private let written: WrittenStore
    private let sound: [UInt8]
    private let header: HeaderSlot
    private let places: ColumnPlaces
    /// The first slot that is free.
    private let freeSlot = 20

    /// 300 slots, ten of them free, all in the file.
    init() throws {
        written = try WrittenStore(dimensions: 4, connectivity: 3)
        let store = try written.create()
        try store.add(written.rows(300).flatMap { $0 }, labels: (0..<300).map { Label($0) })
        try store.erase((20..<30).map { Label($0) })
        try store.markDeleted([40, 41])
        try store.close()
        sound = try readBytes(written.path.appending("level0"))
        let superblock = try Superblock(decoding: Array(sound[8192..<8704]))
        header = try HeaderSlot(decoding: Array(sound[..<512]), superblock: superblock)
        places = ColumnPlaces(superblock.geometry.layout(segments: header.segmentCount))
    }

    private func offset(_ column: Geometry.Column, _ slot: Int, _ byte: Int = 0) -> Int {
        let start = slot * written.configuration.superblock.geometry.stride(of: column) + byte
        return places.stretches(column, start..<start + 1)[0].fileOffset
    }

    private func damage(_ change: (inout [UInt8]) -> Void) throws {
        var bytes = sound
        change(&bytes)
        try writeBytes(bytes, to: written.path.appending("level0"))
    }

    private func table(_ bytes: inout [UInt8], _ slot: Int, state: UInt8? = nil, level: UInt8? = nil) {
        if let state { bytes[offset(.slotTable, slot, SlotEntry.stateOffset)] = state }
        if let level { bytes[offset(.slotTable, slot, SlotEntry.levelOffset)] = level }
    }

    enum Kind: CaseIterable {
        case links, lengths, states, levels, labels
    }

    @Test(arguments: Kind.allCases)
    func `what a writer acknowledges is there afterwards`(kind: Kind) throws {
        let files = try snapshot(written.path)
        for round in 0..<6 {
            for name in names(in: written.path) where files[name] == nil { removeTree(written.path.appending(name)) }
            for (name, bytes) in files where name != "level0" {
                if let bytes { try writeBytes(bytes, to: written.path.pushing(FilePath(name))) }
            }
            for log in WrittenStore.logs(written.path) where files["log/\(log.lastComponent!.string)"] == nil {
                removeTree(log)
            }
            var random = SeededGenerator(seed: UInt64(round) * 10)
            try damage { bytes in
                for _ in 0..<(round % 2 == 0 ? 3 : 200) {
                    let slot = Int(random.next() % 300), value = random.next()
                    switch kind {
                    case .links:
                        let id = [0x8000_0000, UInt32.max, 300, 511, 17, UInt32(slot)][Int(value % 6)]
                        bytes.store(id, at: offset(.links, slot, 4 * Int(value / 6 % 6)))
                    case .lengths:
                        bytes.store([0, 7, 0xffff, 0x1_0003][Int(value % 4)] as UInt32, at: offset(.linkHeads, slot))
                    case .states: table(&bytes, slot, state: UInt8(value % 6))
                    case .levels: table(&bytes, slot, level: [0, 1, 2, 5, 63, 64, 255][Int(value % 7)])
                    case .labels: bytes.store(value % 300, at: offset(.slotTable, slot))
                    }
                }
            }
            try changeEverything(random.next())
        }
    }

    /// Makes changes of every kind, and looks for what was acknowledged.
    private func changeEverything(_ seed: UInt64) throws {
        let rows = written.rows(60, seed: seed)
        var acknowledged: [Label: [Float]] = [:]
        func make(_ labels: [Label], _ change: (VectorStore) throws(StoreError) -> Void) {
            do throws(StoreError) {
                try change(store)
                for (index, label) in labels.enumerated() { acknowledged[label] = rows[index] }
            } catch {
                #expect([.corrupt, .failed, .unknownLabel, .duplicateLabel].contains(error.code), "\(error)")
            }
        }
        let store = try written.open()
        func vectors(_ count: Int) -> [Float] { rows[..<count].flatMap { $0 } }
        make((200..<230).map { $0 }) { (store) throws(StoreError) in
            try store.upsert(vectors(30), labels: (200..<230).map { $0 })
        }
        make([]) { (store) throws(StoreError) in try store.erase((100..<106).map { $0 }) }
        make((1000..<1030).map { $0 }) { (store) throws(StoreError) in
            try store.add(vectors(30), labels: (1000..<1030).map { $0 })
        }
        make([]) { (store) throws(StoreError) in try store.markDeleted([120, 121]) }
        make([]) { (store) throws(StoreError) in try store.unmarkDeleted([40]) }
        make([2000, 2001]) { (store) throws(StoreError) in
            try store.add(vectors(2), labels: [2000, 2001], replacingDeleted: true)
        }
        make([]) { (store) throws(StoreError) in try store.checkpoint() }
        make([3000]) { (store) throws(StoreError) in try store.add(vectors(1), labels: [3000]) }
        try? store.close()
        guard !acknowledged.isEmpty else { return }
        let again = try written.open(.readOnly)
        for (label, vector) in acknowledged { #expect(try again.vector(for: label) == vector, "label \(label)") }
        _ = try again.search(rows[0], k: 5, options: .init(ef: 20))
        _ = try again.verify()
        try again.close()
    }

    // MARK: What is refused

    private func refusal(_ change: (VectorStore) throws(StoreError) -> Void) throws -> StoreError? {
        let store = try written.open()
        defer { try? store.close() }
        let error = storeError { try change(store) }
        #expect(error?.code == .corrupt && error?.message.contains("cairn verify") == true, "\(error.debugDescription)")
        #expect(try store.count == header.liveCount && store.info.deletedCount == header.markedCount)
        return error
    }

    @Test(arguments: [0, 3, 4, 9] as [UInt8])
    func `a label that leads to a slot that is not in use`(state: UInt8) throws {
        try damage { table(&$0, 50, state: state) }
        let vector = written.rows(1)[0]
        _ = try refusal { (store) throws(StoreError) in try store.upsert(vector, labels: [50]) }
        _ = try refusal { (store) throws(StoreError) in try store.erase([50]) }
    }

    @Test(arguments: [1, 2, 3, 4, 0, 77] as [UInt8])
    func `free slots that are not as many as the header counts`(state: UInt8) throws {
        let isFree = state == 3 || state == 4
        try damage { bytes in
            if isFree { table(&bytes, 50, state: state) } else { table(&bytes, freeSlot, state: state) }
        }
        let vector = written.rows(1)[0]
        _ = try refusal { (store) throws(StoreError) in try store.add(vector, labels: [5000]) }
    }

    @Test func `a mark that the header does not count`() throws {
        // One live slot less, and as many marked ones as before.
        try damage { bytes in
            for slot in [40, 41] { table(&bytes, slot, state: 1) }
            for slot in 50..<60 { table(&bytes, slot, state: 2) }
        }
        _ = try refusal { (store) throws(StoreError) in try store.unmarkDeleted((50..<60).map { $0 }) }
    }

    @Test(arguments: [1, 2, 63, 255] as [UInt8])
    func `a free slot of another level than its lists is not used again`(level: UInt8) throws {
        try damage { bytes in
            for slot in 20..<30 {
                let old = bytes[offset(.slotTable, slot, SlotEntry.levelOffset)]
                table(&bytes, slot, level: old == level ? 0 : level)
            }
        }
        let store = try written.open(), rows = written.rows(200, seed: 9)
        try store.add(rows.flatMap { $0 }, labels: (5000..<5200).map { $0 })
        let graph = try store.writing().contents.graph
        for slot in UInt32(20)..<30 { #expect(!graph.isLinked(slot), "slot \(slot)") }
        for slot in UInt32(300)..<500 { #expect(graph.upper.level(slot) == graph.slots.level(slot)) }
        for (row, label) in zip(rows, 5000 as Label..<5200) {
            #expect(try store.search(row, k: 1, options: .init(ef: 40))[0].label == label)
        }
    }

    @Test func `numbers that have no next one are not written on`() throws {
        // Generation, log sequence, last frame, last batch.
        for place in [8, 96, 120, 128] {
            try damage { bytes in
                for (index, offset) in HeaderSlot.offsets.enumerated() {
                    // The generation's parity says which of the two slots it is for.
                    bytes.store((1 << 63) - UInt64(index == 1 ? 1 : 2), at: offset + place)
                    if place == 8 { bytes.store(1 as UInt64, at: offset + 88) }
                    bytes.store(Checksum.crc32c(Array(bytes[offset..<offset + 512]), prefix: 508), at: offset + 508)
                }
            }
            let error = storeError("byte \(place)") { _ = try written.open(.readWrite) }
            #expect(error?.code == .corrupt, "byte \(place)")
        }
    }
}
