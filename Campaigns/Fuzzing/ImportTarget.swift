import Cairn
import FileFormat
import HnswlibFile
import MappedStorage
import SystemPackage
import TestSupport

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// Whole stores made from hnswlib's and Chroma's files. The first byte of the input chooses metric, scalar and changes; the rest is
/// used as the target "hnswlib" uses its input, as far as that is an index. What is imported is searched, exported, changed, exported
/// again and imported again.
struct ImportTarget: FuzzTarget {
    /// Not removed: of an input that is at fault it keeps the store.
    private let scratch: FilePath
    private let calls: SystemCalls

    /// `scratch`: where stores are made, in a directory of their own; nil for the memory's file system, where there is one.
    init(scratch: FilePath?) throws(Errno) {
        let shared: FilePath = "/dev/shm"
        let temporary = unsafe getenv("TMPDIR").map { unsafe FilePath(String(cString: $0)) }
        let fallback = Directory.kind(of: shared) == .directory ? shared : temporary ?? "/tmp"
        self.scratch = try Self.makeDirectory(in: scratch ?? fallback)
        var calls = SystemCalls.system
        // What is made here is read by this process alone.
        calls.synchronize = { (_) throws(Errno) in }
        self.calls = calls
    }

    private static func makeDirectory(in parent: FilePath) throws(Errno) -> FilePath {
        let path = parent.appending("cairn-fuzz-\(getpid())")
        removeTree(path)
        try SystemCalls.system.makeDirectory(SystemCalls.workingDirectory, path, 0o777)
        return path
    }

    func run(_ input: UnsafeRawBufferPointer) {
        guard input.count >= 2 else { return }
        let choice = unsafe Int(input[0]), mode = unsafe input[1]
        let rest = unsafe UnsafeRawBufferPointer(rebasing: input[2...])
        for name in names(in: scratch) { removeTree(scratch.appending(name)) }
        let source = scratch.appending("index")
        do {
            switch mode % 8 {
            case 0: try writeBytes(unsafe Array(rest), to: source)
            case 4:
                guard let files = unsafe ChromaFolder.files(rest) else { return }
                try calls.makeDirectory(SystemCalls.workingDirectory, source, 0o777)
                for index in unsafe files.indices {
                    let (name, bytes) = unsafe files[index]
                    try writeBytes(unsafe Array(bytes), to: source.appending(name))
                }
            default: try writeBytes(IndexBuilder(unsafe Array(rest)).file, to: source)
            }
            try use(source, choice)
        } catch {
            fatalError("what was imported cannot be used: \(error)")
        }
    }

    private func use(_ source: FilePath, _ choice: Int) throws {
        let metrics: [VectorStore.Metric] = [.l2, .innerProduct, .cosine]
        let options = VectorStore.ImportOptions(
            metric: metrics[choice % 3], scalar: VectorStore.Scalar.allCases[choice / 3 % 4], ef: 1 + choice % 20)
        let path = scratch.appending("store")
        let report: VectorStore.ImportReport
        do throws(StoreError) {
            report = try CampaignAccess.importHnswlib(from: source, to: path, options: options, calls: calls)
        } catch {
            precondition(
                [.corrupt, .dimensionMismatch, .invalidArgument, .notFound].contains(error.code), "\(error)")
            precondition(names(in: scratch) == ["index"], "an import that failed has left something")
            return
        }
        let imported = try ImportedIndex(source, report, options, calls)
        try imported.check(path)
        // A first segment of 256 slots that is large takes long to write, and shows nothing else.
        guard imported.index.header.elementBytes <= 1 << 12 else { return }
        try imported.change(path, choice / 12, in: scratch)
    }
}
