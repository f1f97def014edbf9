/// What is checked of each element of level 0: its count, and that its links lead to elements.
struct ElementCheck {
    let elementBytes: Int
    /// The most links, 2M.
    let links: Int
    /// How many elements the index has.
    let count: Int

    init(_ header: HnswlibHeader) {
        elementBytes = header.elementBytes
        links = header.links(atLevel: 0)
        count = header.count
    }

    /// Checks `count` elements in memory, of any alignment. Returns the first bad one, or `count`. What comes after a
    /// list's count is left over from longer lists and may be anything.
    func firstBad(_ elements: UnsafeRawPointer, _ count: Int) -> Int {
        let (stride, most, limit) = (elementBytes, UInt32(links), UInt32(self.count))
        for index in 0..<count {
            let element = unsafe elements + index &* stride
            let links = unsafe element.loadUnaligned(as: UInt32.self) & 0xFFFF
            guard links <= most else { return index }
            var highest: UInt32 = 0
            for link in 0..<Int(links) {
                highest = max(highest, unsafe element.loadUnaligned(fromByteOffset: 4 &+ 4 &* link, as: UInt32.self))
            }
            guard highest < limit else { return index }
        }
        return count
    }

    /// What is wrong with a bad element, the slot's; `element` is where it is in memory.
    func error(_ element: UnsafeRawPointer, slot: Int, in part: FilePart) -> HnswlibFileError {
        let offset = slot * elementBytes, place = part.start + offset
        let links = Int(unsafe element.loadUnaligned(as: UInt16.self))
        guard links <= self.links else {
            return part.error(
                "at byte offset \(place) element \(slot) has \(links) links, the most is \(self.links): it is damaged",
                at: offset)
        }
        for link in 0..<links {
            let id = unsafe element.loadUnaligned(fromByteOffset: 4 + 4 * link, as: UInt32.self)
            if id >= UInt32(count) {
                return part.error(
                    "at byte offset \(place + 4 + 4 * link) element \(slot) has a link to element \(id), but there are "
                        + "\(count): it is damaged", at: offset + 4 + 4 * link)
            }
        }
        return part.error("at byte offset \(place) element \(slot) changed while it was read", at: offset)
    }
}
