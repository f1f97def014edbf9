import ArgumentParser
import Cairn
import SystemPackage
import Threading

/// Whether vectors that a store cannot hold are left out.
struct SkipOptions: ParsableArguments {
    @Flag(
        help: """
            Leave out vectors that the store cannot hold, and list them as warnings. Such vectors have a NaN, for example, \
            or with --metric cosine only zeros.
            """)
    var skipInvalid = false

    @OptionGroup var labelOptions: LabelOptions

    static let advice = "; --skip-invalid leaves such rows out"

    /// Where they are noted; nil where they are errors.
    func vectors(of file: FilePath) -> SkippedVectors? { skipInvalid ? SkippedVectors(of: file, labelOptions) : nil }
}

/// Vectors of a file that a command leaves out because the store cannot hold them.
final class SkippedVectors: Sendable {
    private let file: FilePath
    private let hasStringLabels: Bool
    private let vectors = Guarded<[(row: Int, label: Label, problem: String)]>([])
    /// More lines than this nobody reads.
    private static let listed = 20

    init(of file: FilePath, _ labelOptions: LabelOptions) {
        self.file = file
        hasStringLabels = labelOptions.stringLabels
    }

    var count: Int { vectors.withLock { $0.count } }

    /// Notes one; rows are those of the file.
    func note(row: Int, label: Label, problem: String) {
        vectors.withLock { $0.append((row, label, problem)) }
    }

    /// Lists them on standard error.
    func printWarnings() {
        let all = vectors.withLock { $0 }
        for vector in all.prefix(Self.listed) {
            printWarning(
                "\(file): row \(vector.row) (label \(vector.label)) was left out: the vector \(vector.problem)")
        }
        guard all.count > Self.listed else { return }
        printWarning("\(file): \(all.count - Self.listed) more rows were left out; --output json lists them all")
    }

    /// How many there are, behind a summary.
    var summary: String {
        let count = count
        return count == 0 ? "" : ", \(counted(count, "invalid row")) left out"
    }

    var facts: [(key: String, value: JSON)] {
        let all = vectors.withLock { $0 }
        return [
            ("skipped", .number(all.count)),
            (
                "skipped_rows",
                .array(
                    all.map { vector in
                        .object([
                            ("row", .number(vector.row)),
                            ("label", .label(vector.label, asString: hasStringLabels)),
                            ("problem", .string(vector.problem)),
                        ])
                    })
            ),
        ]
    }
}

extension StoreError {
    /// What to do about a vector that is not valid, where others may go without it.
    var skipAdvice: String { code == .invalidVector ? SkipOptions.advice : "" }
}
