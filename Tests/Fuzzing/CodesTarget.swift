import Cairn
import FileFormat
import MappedStorage
import SystemPackage
import TestSupport

/// Files of codes in stores that are sound otherwise. The first byte of the input says which store, the second what is put right
/// of the rest, which is the file's first sector and then bytes that fill its rows.
struct CodesTarget: FuzzTarget {
    private let samples: [Sample]
    private let scratch: FilePath
    private let calls: SystemCalls

    /// A store that is only read, and the sound file of its codes.
    private struct Sample {
        let path: FilePath
        let file: [UInt8]
        let query: [Float]
        let exact: [Label: Float]
    }

    private static let count = 40, dimensions = 20

    init(scratch: FilePath) throws {
        Codes.leastCount = 8
        self.scratch = scratch
        var calls = SystemCalls.system
        // What is made here is read by this process alone.
        calls.synchronize = { (_) throws(Errno) in }
        self.calls = calls
        var samples: [Sample] = []
        for (number, configuration) in Self.configurations.enumerated() {
            let path = scratch.appending("sample\(number)")
            removeTree(path)
            let vectors = seededWholeNumbers(
                count: Self.count, dimensions: Self.dimensions, seed: UInt64(number), in: 1...100)
            try VectorStore.build(at: path, configuration, vectors: vectors, options: .init(threads: 1))
            let store = try VectorStore.open(at: path, options: .init(threads: 1))
            let codeBytes = try store.info.codeBytes
            precondition(codeBytes > 0, "the store has no codes")
            let query = Array(vectors.prefix(Self.dimensions))
            let exact = try store.search(query, count: Self.count, options: .init(isExact: true))
            try store.close()
            samples.append(
                Sample(
                    path: path, file: try readBytes(path.appending("codes")), query: query,
                    exact: Dictionary(uniqueKeysWithValues: exact.map { ($0.label, $0.distance) })))
        }
        self.samples = samples
    }

    private static let configurations: [VectorStore.Configuration] = {
        let kinds: [(Metric, Scalar, Codes)] = [
            (.l2, .float32, .scalar8), (.l2, .float32, .scalar4), (.innerProduct, .float32, .scalar8),
            (.cosine, .float16, .scalar4), (.l2, .uint8, .scalar4), (.cosine, .int8, .scalar4),
        ]
        return kinds.map { metric, scalar, codes in
            VectorStore.Configuration(
                dimensions: dimensions, metric: metric, scalar: scalar, connectivity: 4, constructionWidth: 20,
                codes: codes)
        }
    }()

    /// Inputs to begin with: each store's sound file, as it is and put right.
    var seeds: [[UInt8]] {
        samples.enumerated().flatMap { number, sample in
            let rows = sample.file[CodeFileHeader.rowsOffset...].prefix(256)
            return [0, 1, 3].map { [UInt8(number), $0] + sample.file.prefix(CodeFileHeader.size) + rows }
        }
    }

    func run(_ input: UnsafeRawBufferPointer) {
        guard input.count >= 2 + CodeFileHeader.size else { return }
        let sample = unsafe samples[Int(input[0]) % samples.count], mode = unsafe input[1]
        let file = unsafe Self.file(Array(input[2...]), sample, mode)
        do {
            try writeBytes(file, to: sample.path.appending("codes"))
            try read(sample)
            if mode >> 5 == 7 { try write(sample) }
        } catch {
            fatalError("a store with such codes cannot be used: \(error)")
        }
    }

    /// `mode`: bit 0 makes the sector the store's, whatever the grid is; bit 1 gives the file its full length.
    private static func file(_ bytes: [UInt8], _ sample: Sample, _ mode: UInt8) -> [UInt8] {
        var sector = Array(bytes.prefix(CodeFileHeader.size))
        if mode & 1 != 0 {
            // All but whether vectors are rotated, before the grid.
            for index in 0..<52 where index != 14 { sector[index] = sample.file[index] }
            seal(&sector, from: 0, length: CodeFileHeader.size)
        }
        var file = sample.file
        file.replaceSubrange(0..<CodeFileHeader.size, with: sector)
        let rows = bytes[CodeFileHeader.size...]
        if !rows.isEmpty {
            for index in CodeFileHeader.rowsOffset..<file.count {
                file[index] = rows[rows.startIndex + index % rows.count]
            }
        }
        return mode & 2 != 0 ? file : Array(file.prefix(CodeFileHeader.size + Int(mode >> 2) * 128))
    }

    private func read(_ sample: Sample) throws {
        let store = try VectorStore.open(at: sample.path, options: .init(threads: 1), calls: calls)
        for count in [1, 7, Self.count] { try search(store, sample, count) }
        _ = try store.verify(depth: .checksums)
        try store.close()
    }

    /// What it finds may be another vector's neighbours; that they are there, once, at their distances, is certain.
    private func search(_ store: VectorStore, _ sample: Sample, _ count: Int) throws {
        let found = try store.search(sample.query, count: count, options: .init(width: 2 * Self.count))
        precondition(found.count == count && Set(found.map(\.label)).count == count, "\(found)")
        for (index, neighbor) in found.enumerated() {
            precondition(index == 0 || found[index - 1].distance <= neighbor.distance, "\(found)")
            guard let distance = sample.exact[neighbor.label] else { fatalError("label \(neighbor.label)") }
            precondition(abs(neighbor.distance - distance) <= 1e-3 * max(1, abs(distance)), "\(neighbor), \(distance)")
        }
    }

    /// Changes a copy of the store.
    private func write(_ sample: Sample) throws {
        let path = scratch.appending("copy")
        removeTree(path)
        try copyFiles(from: sample.path, to: path)
        let store = try VectorStore.open(at: path, options: .init(access: .readWrite, threads: 1), calls: calls)
        let label = Label(Self.count)
        try store.add(sample.query, labels: [label])
        try store.update(sample.query, labels: [3])
        try store.erase([5])
        try store.checkpoint()
        let found = try store.search(sample.query, count: Self.count, options: .init(width: 2 * Self.count))
        precondition(found.contains { $0.label == label } && !found.contains { $0.label == 5 }, "\(found)")
        try store.close()
        let again = try VectorStore.open(at: path, options: .init(threads: 1), calls: calls)
        let count = try again.count
        precondition(count == Self.count)
        _ = try again.search(sample.query, count: Self.count)
        try again.close()
    }
}
