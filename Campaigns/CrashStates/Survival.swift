/// Which of the unsynced changes of one file, or of the names, a crash leaves.
enum Survival: Sendable {
    case all
    case none
    case allBut(Int)
    case only(Int)
    case random(Probability)

    /// Whether a change that comes as a whole is kept.
    func keeps(_ index: Int, using generator: inout CrashGenerator) -> Bool {
        switch self {
        case .all: true
        case .none: false
        case .allBut(let one): index != one
        case .only(let one): index == one
        case .random(let probability): probability.draw(&generator)
        }
    }
}

struct Probability: Sendable, Hashable {
    private let threshold: UInt64

    init(_ value: Double) { threshold = value >= 1 ? .max : UInt64(max(0, value) * 0x1p64) }

    func draw(_ generator: inout CrashGenerator) -> Bool { generator.next() < threshold }
}

/// What happens to the sectors of one write.
enum PieceFate: Hashable, Sendable {
    case kept
    case lost
    case allBut(sector: Int)
    case only(sector: Int)
    case random(Probability)

    /// Where a single change is chosen, that is the whole write, one sector of it, or any part of it.
    init(
        of index: Int, _ rule: Survival, sectors: Range<Int>, isData: Bool, using generator: inout CrashGenerator
    ) {
        switch rule {
        case .random(let probability) where isData: self = .random(probability)
        case .allBut(index) where sectors.count > 1:
            switch generator.below(3) {
            case 0: self = .lost
            case 1: self = .allBut(sector: sectors.lowerBound + generator.below(sectors.count))
            default: self = .random(Probability(0.5))
            }
        case .only(index) where sectors.count > 1:
            switch generator.below(3) {
            case 0: self = .kept
            case 1: self = .only(sector: sectors.lowerBound + generator.below(sectors.count))
            default: self = .random(Probability(0.5))
            }
        default: self = rule.keeps(index, using: &generator) ? .kept : .lost
        }
    }

    func keeps(_ sector: Int, using generator: inout CrashGenerator) -> Bool {
        switch self {
        case .kept: true
        case .lost: false
        case .allBut(let one): sector != one
        case .only(let one): sector == one
        case .random(let probability): probability.draw(&generator)
        }
    }

    /// Whether a sector, which the write covers, holds something else than old or new bytes. What was lost is spoilt
    /// more often, because that is a write that was under way.
    func spoils(kept: Bool, using generator: inout CrashGenerator) -> Bool {
        guard kept else { return generator.oneIn(4) }
        if case .random = self { return generator.oneIn(16) }
        return false
    }
}
