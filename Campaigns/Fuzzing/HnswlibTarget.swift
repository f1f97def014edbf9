import FileFormat
import HnswlibFile
import MappedStorage
import SystemPackage

/// The readers of hnswlib's and Chroma's files. The first byte of the input says how the rest is used: as an index file as it is, as
/// one whose header and sizes are made to fit first, as a BFIndex file, as Chroma's metadata, or as the files of Chroma's folder.
struct HnswlibTarget: FuzzTarget {
    private let file = MemoryFile()

    func run(_ input: UnsafeRawBufferPointer) {
        guard let mode = unsafe input.first else { return }
        let rest = unsafe UnsafeRawBufferPointer(rebasing: input[1...])
        switch mode % 8 {
        case 0: unsafe readFile(rest)
        case 1: unsafe readBruteForce(rest)
        case 2, 3: unsafe readMetadata(rest)
        case 4: unsafe readFolder(rest)
        default:
            let bytes = IndexBuilder(unsafe Array(rest)).file
            unsafe bytes.withUnsafeBytes { unsafe readFile($0) }
        }
    }

    private func readFile(_ bytes: UnsafeRawBufferPointer) {
        unsafe file.holding(bytes) { calls in
            let kind = try? HnswlibFileKind.recognise("index", calls: calls)
            guard let index = try? HnswlibIndex("index", calls: calls) else { return }
            precondition(kind == .index(index.layout), "what can be opened is not recognised")
            guard let contents = read(index) else { return }
            // What was read is all there is in the file.
            precondition(unsafe contents.elementsEqual(bytes), "a file is not what was read of it")
        }
    }

    private func readFolder(_ bytes: UnsafeRawBufferPointer) {
        guard let files = unsafe ChromaFolder.files(bytes) else { return }
        unsafe file.holding(files: files) { calls in
            guard let index = try? HnswlibIndex(folder: "folder", calls: calls) else { return }
            precondition(index.layout == .chromaFolder)
            _ = read(index)
        }
    }

    private func readBruteForce(_ bytes: UnsafeRawBufferPointer) {
        unsafe file.holding(bytes) { calls in
            guard let flat = try? BruteForceFile("flat", calls: calls) else { return }
            precondition(flat.vectorBytes > 0 && UInt64(flat.count) <= flat.capacity)
            precondition(24 + flat.count * flat.stride <= bytes.count)
            // Nothing, if it begins as an index does and is a damaged one.
            if case .success(let kind) = Result(catching: { try HnswlibFileKind.recognise("flat", calls: calls) }) {
                precondition(kind != nil, "what can be opened is not recognised")
            }
            var rows = [UInt8](repeating: 0, count: flat.count * flat.stride)
            unsafe rows.withUnsafeMutableBytes { buffer in
                required { () throws(HnswlibFileError) in
                    try unsafe flat.readRows(0..<flat.count, into: buffer)
                }
            }
        }
    }

    private func readMetadata(_ bytes: UnsafeRawBufferPointer) {
        guard let metadata = unsafe try? ChromaMetadata(pickle: Array(bytes), path: "pickle") else { return }
        precondition(Set(metadata.identifiers.values).count == metadata.identifiers.count)
        precondition(metadata.totalElementsAdded >= 0 && metadata.dimensionality ?? 0 >= 0)
    }

    /// Reads all of an index that is valid, checks that nothing in it leads astray, and returns what hnswlib's file of it, or
    /// Chroma's, would be. Nil when it is not valid.
    private func read(_ index: HnswlibIndex) -> [UInt8]? {
        guard let survey = try? index.validate() else { return nil }
        let header = index.header, count = header.count, size = header.elementBytes
        precondition(count == 0 || survey.level(Int(header.entryPoint)) == header.maximumLevel)
        var elements = [UInt8](repeating: 0, count: count * size)
        unsafe elements.withUnsafeMutableBytes { buffer in
            required { () throws(HnswlibFileError) in
                try unsafe index.readElements(0..<count, into: buffer)
            }
        }
        var marked = 0
        for slot in 0..<count {
            let links = Int(elements.integer(at: slot * size, as: UInt16.self))
            precondition(links <= header.links(atLevel: 0))
            for link in 0..<links {
                precondition(Int(elements.integer(at: slot * size + 4 + 4 * link, as: UInt32.self)) < count)
            }
            precondition(survey.labels[slot] == elements.integer(at: slot * size + header.labelOffset))
            precondition(survey.isMarked(slot) == (elements[slot * size + 2] & 1 == 1))
            if survey.isMarked(slot) { marked += 1 }
        }
        precondition(marked == survey.markedCount)
        return header.encoded() + elements + lengths(index) + lists(index, survey)
    }

    private func lengths(_ index: HnswlibIndex) -> [UInt8] {
        var lengths = [Float](repeating: 0, count: index.header.count)
        let found = unsafe lengths.withUnsafeMutableBufferPointer { buffer in
            required { () throws(HnswlibFileError) in
                try unsafe index.readLengths(0..<index.header.count, into: buffer)
            }
        }
        precondition(found || index.layout != .chromaFile)
        return found ? unsafe lengths.withUnsafeBytes { unsafe Array($0) } : []
    }

    private func lists(_ index: HnswlibIndex, _ survey: HnswlibSurvey) -> [UInt8] {
        let m = index.header.connectivity
        var bytes: [UInt8] = [], next = 0, lists = 0, nodes = 0
        required { () throws(HnswlibFileError) in
            try unsafe index.forEachUpperNode { (slot, level, words) throws(HnswlibFileError) in
                precondition(Int(slot) >= next && survey.level(Int(slot)) == level && words.count == level * (m + 1))
                for first in stride(from: 0, to: words.count, by: m + 1) {
                    let links = unsafe Int(words[first] & 0xFFFF)
                    precondition(links <= m)
                    for place in (first + 1)..<(first + 1 + links) {
                        precondition(survey.level(unsafe Int(words[place])) > first / (m + 1))
                    }
                }
                bytes += [UInt8](repeating: 0, count: 4 * (Int(slot) - next + 1))
                bytes.store(UInt32(4 * words.count), at: bytes.count - 4)
                unsafe bytes += UnsafeRawBufferPointer(words)
                next = Int(slot) + 1
                lists += level
                nodes += 1
            }
        }
        precondition(lists == survey.listCount && nodes == survey.nodeCount)
        return bytes + [UInt8](repeating: 0, count: 4 * (index.header.count - next))
    }

    /// What cannot fail, because the file does not change.
    private func required<Value>(_ body: () throws(HnswlibFileError) -> Value) -> Value {
        do {
            return try body()
        } catch {
            fatalError("what was checked cannot be read: \(error)")
        }
    }
}
