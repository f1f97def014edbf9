import TestSupport
import Testing
import Threading

@testable import HNSW

@Suite struct ReservedArrayTests {
    @Test func `it grows with zeros and moves nothing`() throws {
        let array = try ReservedArray<UInt64>(capacity: 3_000_000), base = unsafe array.base
        var written = 0
        for count in [1, 2, 1000, 262_144, 262_145, 700_000, 3_000_000] {
            try array.extend(to: count)
            #expect(unsafe array.base == base)
            for index in 0..<written { #expect(unsafe base[index] == UInt64(index) &* 77 &+ 1) }
            for index in written..<min(count, written + 5000) {
                #expect(unsafe base[index] == 0)
                unsafe base[index] = UInt64(index) &* 77 &+ 1
                written = index + 1
            }
            #expect(unsafe base[count - 1] == (count == written ? UInt64(count - 1) &* 77 &+ 1 : 0))
        }
        // Shrinking is no such thing.
        try array.extend(to: 0)
        #expect(unsafe base[2_999_999] == 0)
    }

    @Test func `nothing is a capacity too`() throws {
        let array = try ReservedArray<UInt32>(capacity: 0)
        try array.extend(to: 0)
        #expect(array.capacity == 0)
    }

    @Test func `what it was not extended to cannot be touched`() async {
        await #expect(processExitsWith: .signal(11)) {
            let array = try ReservedArray<UInt8>(capacity: 10 << 20)
            try array.extend(to: 1)
            unsafe array.base[(16 << 10) - 1] = 1
            unsafe array.base[16 << 10] = 1
        }
    }

    @Test func `more than its capacity is refused`() async {
        await #expect(processExitsWith: .failure) {
            try ReservedArray<UInt8>(capacity: 10).extend(to: 11)
        }
    }
}

@Suite struct ListArenaTests {
    @Test(arguments: [1, 4, 32, 400])
    func `lists are apart, begin empty and are used again`(capacity: Int) throws {
        let arena = try ListArena(capacity: capacity, owners: 6000)
        var random = SeededGenerator(seed: UInt64(capacity)), model: [UInt32: [UInt32]] = [:], seen: Set<UInt32> = []
        for step in 0..<6000 {
            if model.isEmpty || random.next() % 5 > 1 {
                let place = try arena.allocate(owner: UInt32(step)), list = arena.list(place)
                #expect(place > 0 && model[place] == nil)
                #expect((0...capacity).allSatisfy { list[$0] == 0 } && arena.owner(place) == UInt32(step))
                let words = (0...capacity).map { _ in UInt32(truncatingIfNeeded: random.next()) }
                for (index, word) in words.enumerated() { list[index] = word }
                model[place] = [UInt32(step)] + words
                seen.insert(place)
            } else {
                let place = model.keys.min { $0 &* 0x9E37_79B1 < $1 &* 0x9E37_79B1 }!
                model[place] = nil
                arena.release(place)
            }
            #expect(arena.count == model.count)
        }
        for (place, words) in model {
            let list = arena.list(place)
            #expect([arena.owner(place)] + (0...capacity).map { list[$0] } == words)
        }
        #expect(seen.count < 6000 * 3 / 5, "places are used again")
        #expect(arena.byteCount >= arena.count * arena.listBytes)
    }

    @Test func `without a list it takes no memory, and can go on`() throws {
        let arena = try ListArena(capacity: 8, owners: 6000)
        #expect(arena.byteCount == 0 && arena.count == 0)
        for round in 1...3 as ClosedRange<UInt32> {
            let places = try (0..<5000).map { _ in try arena.allocate(owner: round) }
            #expect(places == (1...5000).map { $0 })
            #expect(arena.byteCount > 5000 * arena.listBytes)
            for place in places { #expect(arena.owner(place) == round && arena.list(place)[0] == 0) }
            for place in places.reversed() { arena.release(place) }
            #expect(arena.byteCount == 0 && arena.count == 0)
        }
    }
}

@Suite struct SlotMapTests {
    @Test func `it is a dictionary`() throws {
        let map = try SlotMap()
        var model: [UInt32: Int] = [:], random = SeededGenerator(seed: 4)
        for number in 0..<20_000 {
            let slot = UInt32(random.next() % 100_000)
            if model[slot] == nil {
                try map.insert(slot, first: number, level: 1 + number % 63)
                model[slot] = number
            }
        }
        let view = map.view
        for slot in 0..<100_000 as Range<UInt32> {
            #expect(view[slot] == model[slot] && view.level(slot) == model[slot].map { 1 + $0 % 63 } ?? 0)
        }
        #expect(map.byteCount < 20_000 * 9 * 9)
    }

    @Test func `no slot is taken for an empty bucket`() throws {
        let map = try SlotMap()
        for slot: UInt32 in [.max, .max - 1, 0x8000_0000] {
            #expect(map.view[slot] == nil && map.view.level(slot) == 0)
        }
        try map.insert(7, first: 3, level: 2)
        #expect(map.view[.max] == nil && map.view[7] == 3 && map.view.level(7) == 2)
        map.remove(7)
        #expect(map.view[7] == nil && map.view.level(7) == 0)
    }

    @Test func `an expected number of entries makes no difference`() throws {
        let map = try SlotMap(expected: 1000), before = map.byteCount
        for slot in 0..<1000 as Range<UInt32> { try map.insert(slot * 4096, first: Int(slot), level: 1) }
        #expect(map.byteCount == before)
        for slot in 0..<1000 as Range<UInt32> { #expect(map.view[slot * 4096] == Int(slot)) }
    }

    @Test func `readers beside the writer find what was there and nothing wrong`() throws {
        let map = try SlotMap(), progress = Guarded(0), wrong = Guarded(0)
        WorkerTeam(4).run { thread in
            if thread == 0 {
                for number in 0..<30_000 {
                    try! map.insert(UInt32(number) * 16, first: number, level: 1)
                    progress.withLock { $0 = number + 1 }
                }
                return
            }
            var random = SeededGenerator(seed: UInt64(thread)), bad = 0, known = 0
            while known < 30_000 {
                known = progress.withLock { $0 }
                let view = map.view
                for _ in 0..<50 {
                    let number = Int(random.next() % 30_000), found = view[UInt32(number) * 16]
                    if found != nil && found != number { bad += 1 }
                    if found == nil && number < known { bad += 1 }
                    if view[UInt32(number) * 16 + 1] != nil { bad += 1 }
                }
            }
            wrong.withLock { $0 += bad }
        }
        #expect(wrong.withLock { $0 } == 0)
    }
}
