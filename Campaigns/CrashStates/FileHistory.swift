/// One file at a position of a trace: what of it is certain to be on the disk, and what may be.
struct FileHistory: Sendable {
    /// As of the last completed sync; and of at least the length that is certain.
    private(set) var durable: FileImage
    /// With everything that was written.
    private(set) var latest: FileImage
    /// What was written since, in order.
    private(set) var pending: [Change] = []

    /// A write, or the growth of the file.
    struct Change: Sendable {
        /// Empty for growth alone.
        let bytes: [UInt8]
        let offset: Int
        let end: Int
        /// A later sync made it durable while changes before it are not certain.
        var isCertain = false
        /// A sync of it failed; no later one makes it certain, because the kernel may have dropped it.
        var isDoomed = false

        var sectors: Range<Int> {
            bytes.isEmpty ? 0..<0 : offset / Sector.size..<(end + Sector.size - 1) / Sector.size
        }

        /// The bytes of a sector that this writes, as a range of `bytes`.
        func range(of sectors: Range<Int>) -> Range<Int> {
            max(
                sectors.lowerBound * Sector.size - offset, 0)..<min(
                    sectors.upperBound * Sector.size - offset, bytes.count)
        }

        func coversWhole(_ sector: Int) -> Bool {
            sector * Sector.size >= offset && (sector + 1) * Sector.size <= end
        }
    }

    init(_ image: FileImage) {
        durable = image
        latest = image
    }

    mutating func write(_ bytes: [UInt8], at offset: Int) {
        latest.grow(to: offset + bytes.count)
        latest.write(bytes, at: offset)
        pending.append(Change(bytes: bytes, offset: offset, end: offset + bytes.count))
    }

    mutating func grow(to end: Int) {
        guard end > latest.size else { return }
        latest.grow(to: end)
        pending.append(Change(bytes: [], offset: end, end: end))
    }

    mutating func synchronize() {
        if pending.contains(where: \.isDoomed) {
            for index in pending.indices where !pending[index].isDoomed { pending[index].isCertain = true }
            durable.grow(to: latest.size)
        } else {
            durable = latest
            pending = []
        }
    }

    mutating func synchronizeFailed() {
        for index in pending.indices where !pending[index].isCertain { pending[index].isDoomed = true }
    }

    /// A length that the file may have after a crash: any between the certain one and the last.
    private func size(keptEnd: Int, using generator: inout CrashGenerator) -> Int {
        let least = durable.size, most = latest.size
        guard least < most else { return most }
        switch generator.below(8) {
        case 0..<4: return most
        case 4..<6: return max(least, keptEnd)
        case 6: return max(least, pending[generator.below(pending.count)].end)
        default:
            // A long append reaches the disk in parts.
            let sectors = least / Sector.size...most / Sector.size
            let sector = sectors.lowerBound + generator.below(sectors.count)
            return min(max(sector * Sector.size, least), most)
        }
    }

    /// What the disk may hold of the file when `rule` decides which changes reached it.
    func image(_ rule: Survival, damage: Bool, using generator: inout CrashGenerator) -> FileImage {
        if case .all = rule { return latest }
        if pending.isEmpty { return durable }
        var fates: [PieceFate] = []
        fates.reserveCapacity(pending.count)
        var keptEnd = 0
        for (index, change) in pending.enumerated() {
            let fate: PieceFate =
                change.isCertain
                ? .kept
                : PieceFate(
                    of: index, rule, sectors: change.sectors, isData: !change.bytes.isEmpty, using: &generator)
            if fate != .lost { keptEnd = max(keptEnd, change.end) }
            fates.append(fate)
        }
        var image = durable
        if case .none = rule {} else { image.grow(to: size(keptEnd: keptEnd, using: &generator)) }
        for (change, fate) in zip(pending, fates) {
            apply(change, fate, damage: damage && !change.isCertain, to: &image, using: &generator)
        }
        return image
    }

    private func apply(
        _ change: Change, _ fate: PieceFate, damage: Bool, to image: inout FileImage,
        using generator: inout CrashGenerator
    ) {
        switch fate {
        case .lost where !damage: return
        case .kept: image.write(change.bytes, at: change.offset)
        default:
            // Runs of sectors that are kept are written at once.
            var first = change.sectors.lowerBound
            for sector in change.sectors {
                let isKept = fate.keeps(sector, using: &generator)
                let isSpoilt = damage && change.coversWhole(sector) && fate.spoils(kept: isKept, using: &generator)
                if isKept && !isSpoilt { continue }
                if first < sector { image.write(change.bytes, change.range(of: first..<sector), at: change.offset) }
                first = sector + 1
                if isSpoilt { image.spoil(sector: sector, with: &generator, zeros: generator.oneIn(3)) }
            }
            let last = change.sectors.upperBound
            if first < last { image.write(change.bytes, change.range(of: first..<last), at: change.offset) }
        }
    }
}
