/// What a search computes and reads, counted while it runs: for those who ask, because telling the pages apart takes
/// time. `SearchScratch.trace` has it for the searches that use that scratch. One thread at a time.
@safe
package final class SearchTrace {
    /// Distances computed, by codes and by vectors.
    package private(set) var distances = 0
    /// Nodes whose neighbours were compared, on every level.
    package private(set) var hops = 0
    /// Link lists read.
    package private(set) var lists = 0
    package private(set) var vectors = 0
    package private(set) var codes = 0
    /// Of vectors, codes and lists.
    package private(set) var bytes = 0
    private var pages: Set<UInt> = []

    package init() {}

    /// Pages of 4 KiB that those bytes lie in.
    package var pageCount: Int { pages.count }

    /// Distances to the rows `ids[0..<count]` were computed.
    func compared(_ computer: DistanceComputer, _ ids: UncheckedBuffer<UInt32>, _ count: Int) {
        distances += count
        if computer.distances.isOfCodes { codes += count } else { vectors += count }
        for index in 0..<count { unsafe touch(computer.row(ids[index]), computer.distances.rowLength) }
    }

    /// The list of a node was read, to compare its neighbours or, not a hop, to look past it.
    func readList(_ ids: UncheckedBuffer<UInt32>, _ count: Int, isHop: Bool = true) {
        hops += isHop ? 1 : 0
        lists += 1
        unsafe touch(UnsafeRawPointer(ids.base), 4 * count + 4)
    }

    private func touch(_ start: UnsafeRawPointer, _ length: Int) {
        bytes += length
        guard length > 0 else { return }
        let first = UInt(bitPattern: start)
        for page in first >> 12...(first + UInt(length) - 1) >> 12 { pages.insert(page) }
    }
}
