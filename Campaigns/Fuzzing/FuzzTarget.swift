import FileFormat
import SystemPackage

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// A reader of hostile bytes. What it finds wrong with the reader itself ends the process, as a trap does.
protocol FuzzTarget: Sendable {
    func run(_ input: UnsafeRawBufferPointer)
}

/// CAIRN_FUZZ_TARGET says which one. With CAIRN_FUZZ_SEEDS, a directory, its seeds are written there and that is all.
private let target: any FuzzTarget = {
    if let seeds = environment("CAIRN_FUZZ_SEEDS"), let name = environment("CAIRN_FUZZ_TARGET") {
        do {
            try Seeds.write(name, to: FilePath(seeds), scratch: FilePath(environment("CAIRN_FUZZ_SCRATCH") ?? "."))
        } catch {
            fatalError("the seeds cannot be written: \(error)")
        }
        _exit(0)
    }
    switch environment("CAIRN_FUZZ_TARGET") {
    case "log": return LogTarget()
    case "header": return HeaderTarget()
    case "journal": return JournalTarget()
    case "hnswlib": return HnswlibTarget()
    case "import":
        do {
            return try ImportTarget(scratch: environment("CAIRN_FUZZ_SCRATCH").map { FilePath($0) })
        } catch {
            fatalError("there is no directory to import into: \(error)")
        }
    case "codes":
        do {
            return try CodesTarget(scratch: FilePath(environment("CAIRN_FUZZ_SCRATCH") ?? "/tmp"))
        } catch {
            fatalError("there are no stores with codes: \(error)")
        }
    default: fatalError("set CAIRN_FUZZ_TARGET to log, header, journal, codes, hnswlib or import")
    }
}()

private func environment(_ name: String) -> String? { unsafe getenv(name).map { unsafe String(cString: $0) } }

/// What libFuzzer calls with each input.
@c(LLVMFuzzerTestOneInput)
public func fuzz(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    unsafe target.run(UnsafeRawBufferPointer(start: bytes, count: count))
    return 0
}

/// The store that the files of the corpus are of. Small vectors and short lists, so that small files hold much.
enum FuzzStore {
    static let superblock = Superblock(
        store: Identifier(bytes: Array(1...16)), layout: Identifier(bytes: Array(17...32)), dimensions: 3,
        metric: .cosine,
        scalar: .uint8, connectivity: 2, constructionWidth: 8, seed: 1)
    static let salt = Identifier(bytes: Array(33...48))
    /// Of the log file.
    static let sequence: LogNumber = 7
}

/// Puts a checksum over the first bytes of a copy right, so that what is checked after it is reached.
func seal(_ bytes: inout [UInt8], from start: Int, length: Int) {
    guard start + length <= bytes.count else { return }
    let checksum = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Checksum.crc32c(UnsafeRawBufferPointer(rebasing: buffer[start..<(start + length - 4)]))
    }
    bytes.store(checksum, at: start + length - 4)
}
