import Cairn
import Foundation
import SystemPackage
import TestSupport

/// Runs its share of the cases and writes a line before and after each: so the process that reads them knows at which one this
/// process died. The step that it is at stands in a file.
final class Worker {
    private let options: DamageCampaign
    private let number: Int
    private let steps: FileDescriptor
    /// How many cases have one of Chroma's data.
    private static let chromaShare = 15

    init(_ options: DamageCampaign, number: Int) throws {
        self.options = options
        self.number = number
        steps = try FileDescriptor.open(
            Self.stepFile(FilePath(options.root), number), .writeOnly, options: [.create, .truncate],
            permissions: [.ownerReadWrite])
    }

    private static func stepFile(_ root: FilePath, _ number: Int) -> FilePath { root.appending("step\(number)") }

    /// What a worker was doing when it died.
    static func lastStep(_ root: FilePath, _ number: Int) -> String {
        let bytes = (try? readBytes(stepFile(root, number))) ?? []
        return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespaces)
    }

    func run() throws {
        let root = FilePath(options.root).appending("worker\(number)")
        removeTree(root)
        try makeDirectory(root)
        let samples = try Sample.all(root), chroma = try ChromaSample.all(root),
            watchdog = Watchdog(seconds: options.seconds)
        for number in stride(
            from: options.from, to: options.only.map { $0 + 1 } ?? options.count, by: options.processes)
        {
            emit("begin \(number)")
            let program = Program(options.cairn) { [self] in note($0) }
            let damaged: any CampaignCase =
                number % Self.chromaShare == Self.chromaShare - 1
                ? ChromaCase(number, seed: options.seed, samples: chroma, root: root, program)
                : DamageCase(number, seed: options.seed, samples: samples, root: root, program) { [self] in note($0) }
            emit("case \(damaged.description)")
            watchdog.begin()
            do {
                emit("end \(damaged.kind)|\(try damaged.run().rawValue)")
            } catch {
                emit("problem \("\(error)".replacing("\n", with: " "))")
            }
        }
    }

    private func note(_ step: String) {
        if options.only != nil { FileHandle.standardError.write(Data((step + "\n").utf8)) }
        let padded = step.padding(toLength: 200, withPad: " ", startingAt: 0)
        _ = try? steps.writeAll(toAbsoluteOffset: 0, padded.utf8)
    }

    /// At once, because the process may die.
    private func emit(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }
}

/// A broken promise.
struct Violation: Error, CustomStringConvertible {
    let description: String
    /// A lookup does not find a label.
    let isOfAbsence: Bool

    init(_ description: String, isOfAbsence: Bool = false) {
        (self.description, self.isOfAbsence) = (description, isOfAbsence)
    }
}

func makeDirectory(_ path: FilePath) throws {
    guard unsafe path.withPlatformString({ unsafe mkdir($0, 0o777) }) == 0 else { throw Errno(rawValue: errno) }
}

extension SeededGenerator {
    /// A number below `limit`, which is above 0.
    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }

    /// One of `values`.
    mutating func one<Value>(of values: [Value]) -> Value { values[below(values.count)] }
}
