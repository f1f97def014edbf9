import FileFormat
import HNSW

/// The marked slots that rows may replace, lowest first: found once by looking at every slot, when somebody first wants
/// to replace one, and kept up from then on. Slots that are no longer marked may still be in.
struct MarkedSlots {
    /// nil until somebody asks.
    private var heap: SlotHeap?
    /// Taken for the batch that is being made.
    private var taken: [UInt32] = []

    /// The next one; whoever takes it looks whether it is still marked.
    mutating func take(_ slots: SlotRecords, count: Int) -> UInt32? {
        if heap == nil {
            heap = SlotHeap(ascending: (0..<UInt32(count)).filter { slots.state($0) == .marked })
        }
        guard let slot = heap?.removeLowest() else { return nil }
        taken.append(slot)
        return slot
    }

    /// The batch was not made.
    mutating func putBack() {
        for slot in taken { heap?.insert(slot) }
        taken.removeAll()
    }

    /// The batch was made, and marked these.
    mutating func add(_ marked: some Sequence<UInt32>) {
        taken.removeAll()
        if heap != nil { for slot in marked { heap?.insert(slot) } }
    }
}
