import FileFormat
import HNSW
import MappedStorage

/// Where labels led at the last checkpoint, and where they lead now; nil for nowhere.
typealias LabelChanges = [Label: (old: UInt32?, new: UInt32?)]

/// What a checkpoint makes of the file `labels`. It is worked out without changing anything, so a checkpoint that fails
/// lets go of it.
struct LabelFileUpdate {
    /// A stretch of the file and what a checkpoint writes there.
    struct Extent {
        let offset: Int
        let bytes: [UInt8]
    }

    let extents: [Extent]
    /// The file when they are written.
    let file: LabelIndexFile
    private let former: LabelIndexFile
    private let overwritten: LabelIndexFile.Pages

    /// Brings `changes` into `former`, which makes it the file of `state`. nil if the file must be made from scratch, because it is too full or damaged.
    init?(_ changes: LabelChanges, of former: LabelIndexFile, for state: HeaderSlot) {
        let draft = LabelFileDraft(former, slotCount: state.slotCount)
        do throws(LabelIndexFile.Damaged) {
            // Where slots had other labels than they are said to have, not as many labels leave as slots.
            guard let count = try draft.apply(changes), count == state.labelCount else { return nil }
            let buckets = former.bucketCount
            guard count * 4 <= buckets * 3 else { return nil }
            var extents: [Extent] = [], checksums = former.checksums
            for bucket in draft.changedBuckets.sorted() {
                var bytes = [UInt8](repeating: 0, count: 4)
                bytes.store(try draft.load(bucket), at: 0)
                extents.append(Extent(offset: LabelIndexFile.bucketOffset(buckets) + bucket * 4, bytes: bytes))
            }
            for number in draft.changedPages {
                let bytes = try draft.page(number), place = number * 4
                checksums.store(Checksum.crc32c(bytes, prefix: bytes.count), at: place)
                extents.append(
                    Extent(
                        offset: LabelIndexFile.checksumOffset + place, bytes: Array(checksums[place..<place + 4])))
            }
            let header = DerivedFile(
                kind: .labels, layout: state.layout, generation: state.graphGeneration, count: count, extent: buckets,
                bodyChecksum: Checksum.crc32c(checksums, prefix: checksums.count))
            extents.append(Extent(offset: 0, bytes: header.encoded()))
            self.extents = extents
            self.former = former
            file = LabelIndexFile(after: former, of: state, count: count, checksums: checksums)
            overwritten = LabelIndexFile.Pages(draft.originals)
        } catch {
            return nil
        }
    }

    /// Writes the extents; not durable yet.
    func write() throws(StorageError) {
        former.keep(overwritten)
        for extent in extents { try file.file.write(extent.bytes, at: extent.offset) }
    }
}

/// Buckets of the file that are changed in memory.
private final class LabelFileDraft: WritableLabelBuckets {
    private let file: LabelIndexFile
    /// Pages that were looked at, with the changes so far.
    private var pages: [Int: [UInt8]] = [:]
    /// Those of them that were changed, as they are in the file.
    private(set) var originals: [Int: [UInt8]] = [:]
    private(set) var changedBuckets: Set<Int> = []

    private let slotCount: Int

    /// `slotCount`: of the state that the changes lead to.
    init(_ file: LabelIndexFile, slotCount: Int) {
        self.file = file
        self.slotCount = slotCount
    }

    var bucketCount: Int { file.bucketCount }
    func label(_ slot: UInt32) throws(LabelIndexFile.Damaged) -> Label {
        guard slot < slotCount else { throw LabelIndexFile.Damaged() }
        return file.graph.slots.label(slot)
    }

    func load(_ bucket: Int) throws(LabelIndexFile.Damaged) -> UInt32 {
        try page(bucket / LabelIndexFile.bucketsPerPage).integer(at: bucket % LabelIndexFile.bucketsPerPage * 4)
    }

    func store(_ value: UInt32, at bucket: Int) throws(LabelIndexFile.Damaged) {
        let number = bucket / LabelIndexFile.bucketsPerPage
        var bytes = try page(number)
        if originals[number] == nil { originals[number] = bytes }
        // Not two owners, or the page would be copied each time.
        pages[number] = nil
        bytes.store(value, at: bucket % LabelIndexFile.bucketsPerPage * 4)
        pages[number] = bytes
        changedBuckets.insert(bucket)
    }

    func page(_ number: Int) throws(LabelIndexFile.Damaged) -> [UInt8] {
        if let bytes = pages[number] { return bytes }
        let bytes = try file.page(number)
        pages[number] = bytes
        return bytes
    }

    /// Makes the changes. Returns how many labels there are then; nil if the file does not fit them.
    func apply(_ changes: LabelChanges) throws(LabelIndexFile.Damaged) -> Int? {
        var count = file.count
        for (label, change) in changes.sorted(by: { $0.key < $1.key }) {
            switch (change.old, change.new) {
            case (nil, let new?):
                guard try insert(new) else { return nil }
                count += 1
            case (let old?, let new):
                guard try replace(label, old, by: new) else { return nil }
                count -= new == nil ? 1 : 0
            case (nil, nil): break
            }
        }
        return count
    }

    var changedPages: [Int] { originals.keys.sorted() }
}
