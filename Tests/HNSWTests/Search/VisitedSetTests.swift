import TestSupport
import Testing

@testable import HNSW

@Suite struct VisitedSetTests {
    @Test func `it says of each slot once that it is new`() throws {
        var random = SeededGenerator(seed: 3)
        let set = VisitedSet()
        try set.prepare(slots: 10_000, reserved: 20_000)
        for _ in 0..<3 {
            var model: Set<UInt32> = []
            var view = set.view(reserving: 20_000)
            for _ in 0..<20_000 {
                let slot = UInt32(random.next() % 10_000)
                #expect(view.insert(slot) == (model.insert(slot).inserted ? 1 : 0))
            }
            #expect(view.count == model.count)
            set.update(view)
            set.clear()
        }
    }

    @Test func `clearing forgets all`() throws {
        let set = VisitedSet()
        try set.prepare(slots: 200, reserved: 200)
        var view = set.view(reserving: 200)
        for slot: UInt32 in 0..<200 { _ = view.insert(slot) }
        set.update(view)
        set.clear()
        view = set.view(reserving: 200)
        for slot: UInt32 in 0..<200 { #expect(view.insert(slot) == 1) }
    }

    @Test func `it grows between searches and in the middle of one`() throws {
        let set = VisitedSet()
        for slots in [1, 64, 65, 5000, 70_000] {
            try set.prepare(slots: slots, reserved: 2)
            var view = set.view(reserving: 1)
            for slot in 0..<UInt32(slots) {
                set.update(view)
                // Room for each slot that is offered, new or not.
                view = set.view(reserving: 2)
                #expect(view.insert(slot) == 1)
                #expect(view.insert(slot) == 0)
            }
            set.update(view)
            set.clear()
        }
    }
}
