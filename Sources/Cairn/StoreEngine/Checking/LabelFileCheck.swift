import Allocation
import HNSW

/// Looks at every bucket of the file `labels`. Memory: a bit a slot.
struct LabelFileCheck {
    let file: LabelIndexFile
    /// Whether buckets are compared with the slot table: then it is read in no order.
    let readsSlots: Bool

    /// Whether there is a file in which every page matches its checksum, and whose buckets hold as many slots as it has
    /// labels, each of them once. Checksums that are right say nothing of who wrote them. `againstSlots`: also whether
    /// each of them had a label, and is where a lookup comes by.
    ///
    /// A slot that was changed since the checkpoint may have another label by now, so that its place says nothing.
    static func isSound(_ file: LabelIndexFile?, againstSlots readsSlots: Bool) throws(OutOfMemory) -> Bool {
        guard let file else { return false }
        let seen = try Memory<UInt64>((file.slotCount + 63) / 64)
        do throws(LabelIndexFile.Damaged) {
            return try LabelFileCheck(file: file, readsSlots: readsSlots).isSound(seen.buffer)
        } catch {
            return false
        }
    }

    private func isSound(_ seen: UncheckedBuffer<UInt64>) throws(LabelIndexFile.Damaged) -> Bool {
        let reader = LabelFileReader(file), slots = file.graph.slots, mask = file.bucketCount - 1
        // Lookups for labels that are not there end at an empty bucket.
        guard file.count <= mask, let start = try firstEmptyBucket(reader) else { return false }
        var used = 0, run = 0
        for step in 1...mask {
            let bucket = (start + step) & mask, value = try reader.load(bucket)
            guard value != 0 else {
                run = 0
                continue
            }
            run += 1
            used += 1
            let slot = value - 1, bit = UInt64(1) << UInt64(slot & 63)
            guard slot < file.slotCount, seen[Int(slot >> 6)] & bit == 0 else { return false }
            seen[Int(slot >> 6)] |= bit
            guard readsSlots else { continue }
            guard slots.isSettled(slot) else { return false }
            if slots.hasRecord(slot) { continue }
            let home = LabelFileReader.home(slots.label(slot), of: file.bucketCount)
            guard (bucket - home) & mask < run else { return false }
        }
        return used == file.count
    }

    private func firstEmptyBucket(_ reader: LabelFileReader) throws(LabelIndexFile.Damaged) -> Int? {
        for bucket in 0..<file.bucketCount where try reader.load(bucket) == 0 { return bucket }
        return nil
    }
}
