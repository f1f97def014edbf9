import Cairn

/// Labels that come again in a file of hnswlib's. As in an import, the last element of a label that is not deleted is
/// the one that counts, or the last one if all are.
enum RepeatedLabels {
    /// The elements that do not count, ascending. `labels`: of each element.
    static func superseded(_ labels: [Label], isMarked: (Int) -> Bool) throws -> [UInt32] {
        // So it is in most files, and then none comes again.
        if zip(labels, labels.dropFirst()).allSatisfy({ $0 < $1 }) { return [] }
        // The elements by label, what sorting takes, and as much as all of them coming again would take.
        try expectMemory(20 * labels.count)
        var elements = [UInt32](0..<UInt32(labels.count))
        elements.sort { (labels[Int($0)], $0) < (labels[Int($1)], $1) }
        var superseded: [UInt32] = [], start = 0
        while start < elements.count {
            let label = labels[Int(elements[start])]
            let end = elements[start...].firstIndex { labels[Int($0)] != label } ?? elements.count
            let same = elements[start..<end]
            let counts = same.last { !isMarked(Int($0)) } ?? same.last
            superseded += same.filter { $0 != counts }
            start = end
        }
        return superseded.sorted()
    }
}
