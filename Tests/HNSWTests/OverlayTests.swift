import Testing

@testable import HNSW

@Suite struct OverlayTests {
    /// 10,000 lists make its table grow eight times; each list must be found with what was put into it.
    @Test func `ten thousand lists are found again`() {
        let overlay = Overlay(capacity: 4), slots = (0..<10_000).map { UInt32($0 * 7 % 70_001) }
        overlay.prepare(slots: 70_001)
        let base = Memory<UInt32>(4)
        for slot in slots {
            for index in 0..<4 { base.buffer[index] = slot &* 3 &+ UInt32(index) }
            overlay.makeList(slot, head: slot & 0xff00_0000 | 3, ids: base.buffer)
        }
        #expect(overlay.count == 10_000)
        for slot in slots {
            let list = overlay.list(slot)
            #expect(list[0] == slot & 0xff00_0000 | 3)
            #expect((0..<4).map { list[1 + $0] } == (0..<4).map { slot &* 3 &+ UInt32($0) })
        }
        let changed = Set(slots)
        for slot in 0..<70_001 {
            #expect((overlay.stateBytes[slot] & Overlay.changed != 0) == changed.contains(UInt32(slot)))
        }
    }

    @Test func `a list that is there already is left alone`() {
        let overlay = Overlay(capacity: 2), base = Memory<UInt32>(2)
        overlay.prepare(slots: 10)
        base.buffer[0] = 5
        overlay.makeList(9, head: 1, ids: base.buffer)
        overlay.list(9)[1] = 6
        base.buffer[0] = 7
        overlay.makeList(9, head: 2, ids: base.buffer)
        #expect(overlay.count == 1)
        #expect(overlay.list(9)[0] == 1 && overlay.list(9)[1] == 6)
    }

    @Test func `new slots start unchanged`() {
        let overlay = Overlay(capacity: 2), base = Memory<UInt32>(2)
        overlay.prepare(slots: 1)
        overlay.makeList(0, head: 0, ids: base.buffer)
        overlay.prepare(slots: 5000)
        #expect(overlay.stateBytes[0] == Overlay.changed)
        #expect((1..<5000).allSatisfy { overlay.stateBytes[$0] == 0 })
    }
}
