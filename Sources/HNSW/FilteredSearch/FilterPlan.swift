/// How a search among a set of slots goes about it.
///
/// The counts that this goes by were measured on a million SIFT vectors (rows of 512 bytes), on 100,000 of them and on
/// 63,000 embeddings (1,536 bytes), with sets chosen by chance: `make search-costs` counts them anew.
package enum FilterPlan: Sendable, Hashable {
    /// Compares with every slot of the set: exact.
    case scan
    /// Walks the graph through every slot, and keeps those of the set.
    case walkAll
    /// Walks through the slots of the set alone, and looks through the others' lists where they are in the way.
    case walkSet

    /// `matches` of `slots` slots are in the set.
    package init(matches: Int, slots: Int, width: Int, rowBytes: Int) {
        let width = min(width, slots)
        let isInTheMiddle = 8 * matches <= slots && matches >= slots / Self.sparsestWalk
        if isInTheMiddle && rowBytes >= Self.longRow {
            // A walk of the set computes about 24 distances for each candidate it keeps, and reads as many lists, which
            // cost as much. Rows that are asked for ahead, in their order, cost half.
            self = matches <= 80 * width + 600 ? .scan : .walkSet
        } else {
            let limit = Self.distances(matches: matches, slots: slots, width: width)
            self = matches <= 3 * limit || width >= slots / 4 ? .scan : .walkAll
        }
    }

    /// About how many distances a walk through every slot computes.
    static func distances(matches: Int, slots: Int, width: Int) -> Int {
        300 + Int(min(12 * Double(width) * Double(slots) / Double(max(matches, 1)), 1e15))
    }

    /// At and above this many bytes computing a distance costs more than reading a list does, and it is worth reading
    /// ten lists to save ten distances. Below, where a list costs two or three, a walk of the set never wins.
    private static var longRow: Int { 1024 }
    /// Where fewer than one in so many are in a set, two hops from one of them do not lead to enough others.
    private static var sparsestWalk: Int { 24 }

    /// How many neighbours in the set a node has to have, before those that are not in it are looked through. With
    /// twice as many as a list holds a walk of a set finds as much as one of the same width finds among all.
    static func degree(capacity: Int) -> Int { 2 * capacity }

    /// Lists that are asked for ahead of the one that is looked through.
    static var listsAhead: Int { 8 }
}
