import FileFormat
import TestSupport

/// What is damaged.
enum DamageKind: String, CaseIterable {
    case link, listLength = "list length", state, level, label, vector, norm, header, superblock
    case pageTable = "page table", upper, labels, codes, log, journal, bits, sectors, length, missing
}

/// Damages the files of a sample, in a way that its random numbers choose.
struct Damage: FileDamage {
    let sample: Sample
    var random: SeededGenerator
    var files: StoreFiles
    var description: [String] = []
    var count: UInt32 { UInt32(sample.layout.header.slotCount) }
    var capacity: UInt32 { UInt32(2 * sample.layout.superblock.connectivity) }
    let largestFile = "level0"

    init(_ sample: Sample, _ random: SeededGenerator) {
        self.sample = sample
        self.random = random
        files = sample.files
    }

    /// Those kinds that the sample has something for.
    static func kinds(of sample: Sample) -> [DamageKind] {
        DamageKind.allCases.filter { kind in
            switch kind {
            case .link, .listLength, .state, .level, .label, .vector: sample.layout.header.slotCount > 0
            case .norm: sample.layout.header.slotCount > 0 && sample.layout.geometry.stride(of: .norms) > 0
            case .pageTable: !sample.layout.segments.isEmpty
            case .upper: sample.files["upper"] != nil
            case .labels: sample.files["labels"] != nil
            case .codes: sample.files["codes"] != nil
            case .log: !sample.files.logs.isEmpty
            case .journal: sample.files["journal"] != nil
            case .header, .superblock, .bits, .sectors, .length, .missing: true
            }
        }
    }

    mutating func apply(_ kind: DamageKind) {
        switch kind {
        case .link: damageLink()
        case .listLength: damageListLength()
        case .state: damageTable(SlotEntry.stateOffset, [0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 128, 255])
        case .level: damageTable(SlotEntry.levelOffset, [0, 1, 2, 3, 4, 5, 6, 17, 62, 63, 64, 200, 255])
        case .label: damageLabel()
        case .vector: damageFloats(.vectors)
        case .norm: damageFloats(.norms)
        case .header: damageHeader()
        case .superblock: damageSuperblock()
        case .pageTable: damagePageTable()
        case .upper: damageWords("upper", from: random.below(3) == 0 ? 0 : DerivedFile.size)
        case .labels: damageWords("labels", from: random.below(3) == 0 ? 0 : Geometry.pageSize)
        case .codes: damageWords("codes", from: 0, near: random.below(2) == 0 ? CodeFileHeader.size : nil)
        case .log: damageLog()
        case .journal: damageWords("journal", from: 0, near: random.below(2) == 0 ? 1200 : nil)
        case .bits: flipBits()
        case .sectors: overwriteSectors()
        case .length: changeLength()
        case .missing: removeFile()
        }
    }
}
