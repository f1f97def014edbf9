import HnswlibFile
import MappedStorage
import SystemPackage
import TestSupport
import Testing

/// All that reading an index gives.
struct Contents: Equatable {
    struct Node: Equatable {
        var slot: UInt32
        var level: Int
        var words: [UInt32]
    }

    var header: HnswlibHeader
    var layout: HnswlibIndex.Layout
    var elements: [UInt8]
    var lengths: [Float]?
    var nodes: [Node]
    var levels: [Int]
    var labels: [UInt64]
    /// The slots that are marked deleted.
    var marked: [Int]

    /// Reads everything, as an import does.
    init(_ index: HnswlibIndex) throws(HnswlibFileError) {
        header = index.header
        layout = index.layout
        let survey = try index.validate()
        let slots = 0..<index.header.count
        levels = slots.map { survey.level($0) }
        marked = slots.filter { survey.isMarked($0) }
        labels = survey.labels
        #expect(marked.count == survey.markedCount)
        elements = try index.bytes(0..<index.header.count)
        lengths = try index.lengths(0..<index.header.count)
        var nodes: [Node] = []
        try unsafe index.forEachUpperNode { (slot, level, words) throws(HnswlibFileError) in
            unsafe nodes.append(Node(slot: slot, level: level, words: Array(words)))
        }
        self.nodes = nodes
        #expect(survey.nodeCount == nodes.count)
        #expect(survey.listCount == nodes.reduce(0) { $0 + $1.level })
    }

    init(_ path: FilePath, calls: SystemCalls = .system) throws(HnswlibFileError) {
        try self.init(HnswlibIndex(path, calls: calls))
    }

    /// Whether nothing in it can lead astray: found out here anew, from what was read.
    var isSound: Bool {
        let count = header.count, m = header.connectivity
        guard elements.count == count * header.elementBytes, levels.count == count else { return false }
        for slot in 0..<count {
            let start = slot * header.elementBytes
            let links = Int(elements[start]) | Int(elements[start + 1]) << 8
            guard links <= 2 * m else { return false }
            for link in 0..<links where word(start + 4 + 4 * link) >= count { return false }
        }
        for node in nodes {
            guard Int(node.slot) < count, levels[Int(node.slot)] == node.level,
                node.words.count == node.level * (m + 1)
            else { return false }
            for level in 1...node.level {
                let list = node.words[((level - 1) * (m + 1))...].prefix(m + 1), links = Int(list.first! & 0xFFFF)
                guard links <= m else { return false }
                for id in list.dropFirst().prefix(links)
                where Int(id) >= count || levels[Int(id)] < level { return false }
            }
        }
        guard count > 0 else { return header.entryPoint == .max && header.maximumLevel == -1 }
        let highest = levels.max()!
        return levels.filter { $0 > 0 }.count == nodes.count && header.maximumLevel == highest
            && levels[Int(header.entryPoint)] == highest
    }

    private func word(_ offset: Int) -> Int {
        (0..<4).reduce(0) { $0 | Int(elements[offset + $1]) << (8 * $1) }
    }

    /// Writes it as hnswlib does.
    func write(_ path: FilePath) throws(HnswlibFileError) {
        let writer = try HnswlibWriter(path, header: header)
        // In two parts, the second of which is empty in small ones.
        let half = elements.count / 2
        for part in [elements[..<half], elements[half...]] {
            let result = unsafe part.withUnsafeBytes { bytes in
                Result { () throws(HnswlibFileError) in try unsafe writer.appendElements(bytes) }
            }
            try result.get()
        }
        for node in nodes {
            let result = unsafe node.words.withUnsafeBufferPointer { words in
                Result { () throws(HnswlibFileError) in
                    try unsafe writer.appendUpperNode(node.slot, level: node.level, words: words)
                }
            }
            try result.get()
        }
        let size = writer.byteCount
        #expect(try writer.finish() >= size)
    }
}

extension HnswlibIndex {
    /// The elements of `slots` as they are in the file.
    func bytes(_ slots: Range<Int>) throws(HnswlibFileError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xAA, count: slots.count * header.elementBytes)
        let result = unsafe bytes.withUnsafeMutableBytes { buffer in
            Result { () throws(HnswlibFileError) in try unsafe readElements(slots, into: buffer) }
        }
        try result.get()
        return bytes
    }

    func lengths(_ slots: Range<Int>) throws(HnswlibFileError) -> [Float]? {
        var lengths = [Float](repeating: .nan, count: slots.count)
        let result = unsafe lengths.withUnsafeMutableBufferPointer { buffer in
            Result { () throws(HnswlibFileError) in try unsafe readLengths(slots, into: buffer) }
        }
        return try result.get() ? lengths : nil
    }
}

/// What a call says is wrong; records an issue if nothing is.
@discardableResult
func failure(
    _ location: SourceLocation = #_sourceLocation, _ call: () throws -> Void
) -> HnswlibFileError? {
    #expect(throws: HnswlibFileError.self, sourceLocation: location) { try call() }
}

/// A pickle of Fixtures/make_fixtures.py.
func fixture(_ name: String) throws -> [UInt8] {
    try readBytes(
        FilePath(#filePath).removingLastComponent().appending("Fixtures").appending(name + ".pickle"))
}
