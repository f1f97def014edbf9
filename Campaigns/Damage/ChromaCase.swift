import SystemPackage
import TestSupport

/// Damaged data of Chroma's, and what comes of converting it.
struct ChromaCase: CampaignCase {
    private enum Kind: String, CaseIterable {
        case words, labels, metadata, bits, sectors, length, missing
    }

    private struct Damage: FileDamage {
        var random: SeededGenerator
        var files: StoreFiles
        var description: [String] = []
        let count = UInt32(ChromaSample.count), capacity = UInt32(2 * ChromaSample.connectivity)
        let largestFile = "chroma.sqlite3"

        mutating func apply(_ kind: Kind) {
            let folder = ChromaSample.segment + "/"
            switch kind {
            case .words:
                let name = anyFile()
                damageWords(name, from: 0, near: random.below(2) == 0 ? 100 : nil)
            case .labels: damageLabels(in: folder + "data_level0.bin")
            case .metadata: damageWords(folder + "index_metadata.pickle", from: 0)
            case .bits: flipBits()
            case .sectors: overwriteSectors()
            case .length: changeLength()
            case .missing: removeFile()
            }
        }

        private mutating func damageLabels(in name: String) {
            guard let bytes = files[name] else { return }
            let element = bytes.count / Int(count), label = longWord()
            let slot = random.below(Int(count))
            files.store(label, in: name, at: (slot + 1) * element - 8)
            note("slot \(slot) has the label \(label)")
        }
    }

    private let sample: ChromaSample
    private let files: StoreFiles
    private let kinds: [Kind]
    private let details: [String]
    private let root: FilePath
    private let program: Program

    init(_ number: Int, seed: UInt64, samples: [ChromaSample], root: FilePath, _ program: Program) {
        var random = SeededGenerator(seed: seed &* 0xD1B5_4A32_D192_ED03 &+ UInt64(number))
        sample = random.one(of: samples)
        kinds = (0...(random.below(3) == 0 ? 1 : 0)).map { _ in random.one(of: Kind.allCases) }
        var damage = Damage(random: random, files: sample.files)
        for kind in kinds { damage.apply(kind) }
        (files, details, self.root, self.program) = (damage.files, damage.description, root, program)
    }

    var kind: String { "Chroma's data" }

    var description: String {
        "[\(sample.name)] \(kinds.map(\.rawValue).joined(separator: " + ")): \(details.prefix(6).joined(separator: "; "))"
    }

    func run() throws -> Outcome {
        let data = root.appending("chroma"), place = root.appending("converted")
        for path in [data, place] { removeTree(path) }
        try files.write(to: data)
        try makeDirectory(place)
        defer { for path in [data, place] { removeTree(path) } }
        let made = try convert(data, place, "s.cairn", ["--save-ids", place.appending("ids.txt").string])
        if made.status == 0 {
            let store = place.appending("s.cairn").string
            let (status, output, errors) = try program.run(["verify", store])
            guard status == 0 else { throw Violation("what was converted is not sound: \(output)\(errors)") }
            try program.run(["labels", store])
        }
        _ = try convert(data, place, "v.npy", ["--save-labels", place.appending("l.npy").string])
        _ = try convert(data, place, "o.bin", ["--collection", ChromaSample.collection])
        _ = try convert(data, place, "c.cairn", ["--metric", "cosine", "--skip-invalid"])
        _ = try convert(data.appending(ChromaSample.segment), place, "f.cairn", [])
        _ = try convert(data, place, "dry.cairn", ["--dry-run"])
        let after = try StoreFiles(data)
        for (name, bytes) in files.files where after[name] != bytes {
            throw Violation("\(name) of what was converted is not what it was")
        }
        return made.status != 0 ? .refused : made.errors.isEmpty ? .believed : .found
    }

    /// Converts to a file of that name, which must not be there when that fails.
    private func convert(
        _ source: FilePath, _ place: FilePath, _ name: String, _ options: [String]
    ) throws -> (status: Int, output: String, errors: String) {
        let made = try program.run(["convert", source.string, place.appending(name).string] + options)
        if made.status != 0, let left = names(in: place).first(where: { $0.hasPrefix(name) }) {
            throw Violation("convert failed and left \(left): \(made.errors)")
        }
        return made
    }
}
