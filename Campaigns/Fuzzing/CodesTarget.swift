import Cairn
import FileFormat
import MappedStorage
import SystemPackage
import TestSupport

/// Files of codes in stores that are sound otherwise. The first byte of the input says which store, the second what is put right
/// of the rest, which is the file's first sector, then what stands for the center, then bytes that fill its rows.
struct CodesTarget: FuzzTarget {
    private let samples: [Sample]
    private let scratch: FilePath
    private let calls: SystemCalls

    /// A store that is only read, and the sound file of its codes.
    private struct Sample {
        let path: FilePath
        let dimensions: Int
        let file: [UInt8]
        let query: [Float]
        let exact: [Label: Float]
    }

    /// As many that a search may walk: a fourth of them is more than ten.
    private static let count = 60
    private static let leastCodedCount = 8

    private static let options = CampaignAccess.options(
        VectorStore.OpenOptions(threads: 1), quantizingFrom: leastCodedCount)

    init(scratch: FilePath) throws {
        self.scratch = scratch
        var calls = SystemCalls.system
        // What is made here is read by this process alone.
        calls.synchronize = { (_) throws(Errno) in }
        self.calls = calls
        var samples: [Sample] = []
        for (number, data) in Self.data.enumerated() {
            let path = scratch.appending("sample\(number)"), configuration = data.configuration
            removeTree(path)
            let vectors = data.vectors(number)
            try VectorStore.build(
                at: path, configuration: configuration, vectors: vectors,
                options: CampaignAccess.options(.init(threads: 1), quantizingFrom: Self.leastCodedCount))
            let file = try readBytes(path.appending("codes"))
            let header = CodeFileHeader(decoding: Array(file.prefix(CodeFileHeader.size)))
            precondition(
                header?.kind == data.kind && (header?.centerChecksum != nil) == data.hasCenter,
                "the store has other codes: \(String(describing: header))")
            let store = try VectorStore.open(at: path, options: Self.options)
            let query = Array(vectors.prefix(configuration.dimensions))
            let exact = try store.search(query, k: Self.count, options: .init(isExact: true))
            try store.close()
            samples.append(
                Sample(
                    path: path, dimensions: configuration.dimensions, file: file, query: query,
                    exact: Dictionary(uniqueKeysWithValues: exact.map { ($0.label, $0.distance) })))
        }
        self.samples = samples
    }

    /// What a store has in it, and which codes that makes of those that it asks for.
    private struct Data {
        var dimensions = 20
        var metric = VectorStore.Metric.l2
        var scalar = VectorStore.Scalar.float32
        let codes: VectorStore.Quantization
        let kind: UInt8
        var hasCenter = false
        var shape = Shape.even

        enum Shape {
            /// Whole numbers, all components alike.
            case even
            /// Each component around another value.
            case apart
            /// Two heaps so far apart that a grid over both does not tell the vectors of one from each other.
            case heaps
        }

        var configuration: VectorStore.Configuration {
            VectorStore.Configuration(
                dimensions: dimensions, metric: metric, scalar: scalar, m: 4, efConstruction: 20,
                quantization: codes)
        }

        func vectors(_ seed: Int) -> [Float] {
            if shape == .even {
                return seededWholeNumbers(count: count, dimensions: dimensions, seed: UInt64(seed), in: 1...100)
            }
            var vectors = seededVectors(count: count, dimensions: dimensions, seed: UInt64(seed))
            for index in vectors.indices {
                let component = index % dimensions
                if shape == .apart { vectors[index] += 30 * Float(component) }
                if shape == .heaps && component == 0 { vectors[index] = index / dimensions % 2 == 0 ? 0 : 1000 }
            }
            return vectors
        }
    }

    private static let data = [
        Data(codes: .scalar8, kind: 1), Data(codes: .scalar4, kind: 2),
        Data(metric: .innerProduct, codes: .scalar8, kind: 1),
        Data(metric: .cosine, scalar: .float16, codes: .scalar4, kind: 2),
        Data(scalar: .uint8, codes: .scalar4, kind: 2), Data(metric: .cosine, scalar: .int8, codes: .scalar4, kind: 2),
        Data(codes: .scalar8, kind: 1, hasCenter: true, shape: .apart),
        Data(metric: .innerProduct, codes: .scalar4, kind: 2, hasCenter: true, shape: .apart),
        // Half precision is shorter than vectors of 33 components and more.
        Data(dimensions: 33, codes: .scalar8, kind: 3, hasCenter: true, shape: .heaps),
        Data(dimensions: 33, codes: .scalar4, kind: 3, hasCenter: true, shape: .heaps),
        Data(dimensions: 6, codes: .scalar4, kind: 0, shape: .heaps),
    ]

    /// Inputs to begin with: each store's sound file, as it is, put right and written to; files of every kind in stores that ask for
    /// either; centers that are no numbers.
    var seeds: [[UInt8]] {
        var seeds: [[UInt8]] = []
        for (number, sample) in samples.enumerated() {
            let file = sample.file + [UInt8](repeating: 0, count: Self.longest(sample.dimensions) - sample.file.count)
            let sector = Array(file.prefix(CodeFileHeader.size))
            let center = Array(file[CodeFileHeader.size..<CodeFileHeader.size + 4 * sample.dimensions])
            let rows = Array(file[CodeFileHeader.rowsOffset(dimensions: sample.dimensions)...].prefix(256))
            for mode in [0, Mode.fits, Mode.fits | Mode.isWhole, Mode.fits | Mode.isWhole | Mode.isWritten] {
                seeds.append([UInt8(number), mode] + sector + center + rows)
            }
            guard sample.dimensions > 20 || number == 2 else { continue }
            for kind in UInt8(0)...3 {
                for requested in UInt8(1)...2 {
                    var other = sector
                    (other[12], other[128]) = (kind, requested)
                    let mode = Mode.fits | Mode.isWhole | (requested == sector[128] ? 0 : Mode.asksForOthers)
                    seeds.append([UInt8(number), mode] + other + center + rows)
                }
            }
            var other = sector
            other[15] = 1
            let infinite = center.indices.map { $0 % 4 < 2 ? UInt8(0) : $0 % 4 == 2 ? 0x80 : 0x7F }
            for center in [infinite, center.map { $0 ^ 0x15 }] {
                seeds.append(
                    [UInt8(number), Mode.fits | Mode.isWhole | Mode.knowsCenter | Mode.isWritten] + other + center
                        + rows)
            }
        }
        return seeds
    }

    /// The second byte of an input.
    private enum Mode {
        /// The sector is the store's, whatever the rows and the grid are: all before the grid but the kind, whether vectors are
        /// rotated, and whether there is a center.
        static let fits: UInt8 = 1
        /// The file has its full length; else the highest six bits say its length.
        static let isWhole: UInt8 = 2
        /// If it fits: the center is the one that the sector knows.
        static let knowsCenter: UInt8 = 4
        /// If it fits: the sector may say that the store asks for other codes.
        static let asksForOthers: UInt8 = 8
        /// A copy of the store is changed, too.
        static let isWritten: UInt8 = 0b1110_0000
    }

    /// Where the rows of the longest kind end.
    private static func longest(_ dimensions: Int) -> Int {
        CodeFileHeader.rowsOffset(dimensions: dimensions) + count * 2 * ((dimensions + 31) / 32 * 32)
    }

    func run(_ input: UnsafeRawBufferPointer) {
        guard input.count >= 2 + CodeFileHeader.size else { return }
        let sample = unsafe samples[Int(input[0]) % samples.count], mode = unsafe input[1]
        let file = unsafe Self.file(Array(input[2...]), sample, mode)
        do {
            try writeBytes(file, to: sample.path.appending("codes"))
            try read(sample)
            if mode & Mode.isWritten == Mode.isWritten { try write(sample) }
        } catch {
            fatalError("a store with such codes cannot be used: \(error)")
        }
    }

    private static func file(_ bytes: [UInt8], _ sample: Sample, _ mode: UInt8) -> [UInt8] {
        let size = CodeFileHeader.size, length = 4 * sample.dimensions
        let center = bytes[size...].prefix(length), rows = bytes[size...].dropFirst(length)
        var file = sample.file + [UInt8](repeating: 0, count: longest(sample.dimensions) - sample.file.count)
        file.replaceSubrange(size..<size + center.count, with: center)
        if !rows.isEmpty {
            for index in CodeFileHeader.rowsOffset(dimensions: sample.dimensions)..<file.count {
                file[index] = rows[rows.startIndex + index % rows.count]
            }
        }
        var sector = Array(bytes.prefix(size))
        if mode & Mode.fits != 0 {
            for index in 0..<52 where ![12, 14, 15].contains(index) { sector[index] = sample.file[index] }
            if mode & Mode.asksForOthers == 0 { sector[128] = sample.file[128] }
            if mode & Mode.knowsCenter != 0 {
                sector.store(Checksum.crc32c(Array(file[size..<size + length]), prefix: length), at: 132)
            }
            seal(&sector, from: 0, length: size)
        }
        file.replaceSubrange(0..<size, with: sector)
        return mode & Mode.isWhole != 0 ? file : Array(file.prefix(size + Int(mode >> 2) * 128))
    }

    private func read(_ sample: Sample) throws {
        let store = try CampaignAccess.open(at: sample.path, forWriting: false, options: Self.options, calls: calls)
        // Walks by the codes, and one search that is so wide that it goes by the vectors.
        for (count, width) in [(1, 1), (7, 10), (12, 14), (Self.count, Self.count)] {
            try search(store, sample, count, width: width)
        }
        _ = try store.verify(depth: .checksums)
        try store.close()
    }

    /// What it finds may be another vector's neighbours; that they are there, once, at their distances, is certain.
    private func search(_ store: VectorStore, _ sample: Sample, _ count: Int, width: Int) throws {
        let found = try store.search(sample.query, k: count, options: .init(ef: width))
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
        let store = try CampaignAccess.open(at: path, forWriting: true, options: Self.options, calls: calls)
        let label = Label(Self.count)
        try store.add(sample.query, labels: [label])
        try store.update(sample.query, labels: [3])
        try store.erase([5])
        try store.checkpoint()
        let found = try store.search(sample.query, k: Self.count, options: .init(ef: 2 * Self.count))
        precondition(found.contains { $0.label == label } && !found.contains { $0.label == 5 }, "\(found)")
        try store.close()
        let again = try CampaignAccess.open(at: path, forWriting: false, options: Self.options, calls: calls)
        let left = try again.search(sample.query, k: 2 * Self.count, options: .init(isExact: true))
        precondition(left.count == Self.count, "\(left)")
        try again.close()
    }
}
