import Synchronization

/// Lists as files have them: a head, whose low 16 bits are the count, and as many ids as a list can have.
extension GraphView {
    /// Copies a list with all that comes after its last id, to `words`. Should it lead to slots that are not there,
    /// or be longer than lists are, which only a damaged store's can, that is left out.
    package func copyList(_ slot: UInt32, level: Int, to words: UncheckedBuffer<UInt32>) {
        let (head, ids) = whole(slot, level: level)
        let length = Int(head & 0xffff), count = min(length, words.count - 1)
        words[0] = head
        words.dropFirst(1).copy(ids, length: words.count - 1)
        guard length > count || (0..<count).contains(where: { words[1 + $0] >= UInt32(self.count) }) else { return }
        copy(ids, count, head, to: words) { $0 < UInt32(self.count) ? $0 : nil }
    }

    /// Copies a list under other numbers of its slots. `numbers`: by slot; the highest u32 for a slot that is left out.
    package func copyList(
        _ slot: UInt32, level: Int, to words: UncheckedBuffer<UInt32>, numbers: UncheckedBuffer<UInt32>
    ) {
        let (head, ids) = whole(slot, level: level)
        copy(ids, min(Int(head & 0xffff), words.count - 1), head, to: words) { id in
            id < UInt32(count) && numbers[Int(id)] != .max ? numbers[Int(id)] : nil
        }
    }

    private func copy(
        _ ids: UncheckedBuffer<UInt32>, _ count: Int, _ head: UInt32, to words: UncheckedBuffer<UInt32>,
        number: (UInt32) -> UInt32?
    ) {
        var kept = 0
        for index in 0..<count {
            guard let number = number(ids[index]) else { continue }
            words[1 + kept] = number
            kept += 1
        }
        words[0] = head & 0xffff_0000 | UInt32(kept)
        for index in 1 + kept..<words.count { words[index] = 0 }
    }

    private func whole(_ slot: UInt32, level: Int) -> (head: UInt32, ids: UncheckedBuffer<UInt32>) {
        level == 0 ? levelZero.whole(slot) : upper.whole(slot, level: level)
    }
}

extension LevelZeroLists {
    /// A list's head and all its places.
    fileprivate func whole(_ slot: UInt32) -> (head: UInt32, ids: UncheckedBuffer<UInt32>) {
        let place = unsafe (places + Int(slot)).pointee.load(ordering: .acquiring)
        guard place == 0 else {
            let list = arena.list(place)
            return (list[0], list.dropFirst(1))
        }
        return (unsafe columns.linkHeads[Int(slot)], base(slot))
    }
}

extension UpperLayers.View {
    /// A list's head and all its places; an empty one of a node that is newer than this view.
    fileprivate func whole(_ slot: UInt32, level: Int) -> (head: UInt32, ids: UncheckedBuffer<UInt32>) {
        guard let first = firstLists[slot] else { return (0, .none) }
        let list = arena.list(unsafe (places + (first + level - 1)).pointee.load(ordering: .acquiring))
        return (list[0], list.dropFirst(1))
    }
}
