import Cairn
import SystemPackage
import TestSupport

/// A damaged store, and what is done to it.
struct DamageCase: CampaignCase {
    private let sample: Sample
    private let files: StoreFiles
    private let kinds: [DamageKind]
    private let details: [String]
    private let isMended: Bool
    private let runsProgram: Bool
    private let root: FilePath
    private let program: Program
    private var random: SeededGenerator
    private let note: (String) -> Void

    /// How many cases have one that is tried with the program.
    private static let programShare = 40

    init(
        _ number: Int, seed: UInt64, samples: [Sample], root: FilePath, _ program: Program,
        note: @escaping (String) -> Void
    ) {
        random = SeededGenerator(seed: seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(number))
        sample = random.one(of: samples)
        let possible = Damage.kinds(of: sample)
        var damage = Damage(sample, SeededGenerator(seed: random.next())), kinds: [DamageKind] = []
        for _ in 0...(random.below(3) == 0 ? random.below(3) : 0) { kinds.append(random.one(of: possible)) }
        for kind in kinds { damage.apply(kind) }
        self.kinds = kinds
        details = damage.description
        isMended = random.below(2) == 0
        runsProgram = random.below(Self.programShare) == 0
        var files = damage.files
        if isMended { Mending(sample.layout).mend(&files) }
        self.files = files
        self.root = root
        self.program = program
        self.note = note
    }

    var kind: String { (kinds.count == 1 ? kinds[0].rawValue : "several") + (isMended ? ", mended" : "") }

    var description: String {
        "[\(sample.name)] \(kinds.map(\.rawValue).joined(separator: " + "))\(isMended ? ", mended" : ""): "
            + details.prefix(6).joined(separator: "; ")
    }

    func run() throws -> Outcome {
        var random = random
        let path = root.appending("store")
        try files.write(to: path)
        if runsProgram {
            try ProgramUse(program, sample, root).run(path)
            try files.write(to: path)
        }
        let outcome = try ReaderUse(sample, root, isMended: isMended, random.next(), note).run(path)
        if random.below(4) == 0 {
            try RepairUse(root, isMended: isMended, note).run(path)
            try files.write(to: path)
        }
        try WriterUse(sample, root, random.next(), note).run(path)
        return outcome
    }
}
