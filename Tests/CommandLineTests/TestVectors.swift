/// Small vectors, the same for the same seed, and an exact search to compare with.
struct TestVectors {
    let dimensions: Int
    var rows: [[Float]]

    init(count: Int, dimensions: Int, seed: UInt64) {
        var state = seed
        func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        self.dimensions = dimensions
        rows = (0..<count).map { _ in (0..<dimensions).map { _ in Float(next() % 20_001) / 10_000 - 1 } }
    }

    init(_ rows: [[Float]]) {
        self.rows = rows
        dimensions = rows.first?.count ?? 1
    }

    var npy: [UInt8] { Npy.file(shape: [rows.count, dimensions], rows.flatMap { $0 }) }

    /// Row numbers and squared distances of the nearest rows, nearest first.
    func nearest(_ query: [Float], _ count: Int) -> [(row: Int, distance: Float)] {
        let all = rows.enumerated().map { row, vector in
            (row: row, distance: zip(vector, query).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) })
        }
        return Array(all.sorted { ($0.distance, $0.row) < ($1.distance, $1.row) }.prefix(count))
    }
}

/// The bytes of .npy files.
enum Npy {
    static func file(shape: [Int], _ values: [Float]) -> [UInt8] {
        header("<f4", shape) + values.flatMap { littleEndian(UInt64($0.bitPattern), 4) }
    }

    static func file(shape: [Int], _ values: [Int32]) -> [UInt8] {
        header("<i4", shape) + values.flatMap { littleEndian(UInt64(UInt32(bitPattern: $0)), 4) }
    }

    static func file(shape: [Int], _ values: [UInt8]) -> [UInt8] { header("|u1", shape) + values }

    static func header(_ type: String, _ shape: [Int]) -> [UInt8] {
        let axes = shape.count == 1 ? "\(shape[0])," : shape.map { "\($0)" }.joined(separator: ", ")
        let text = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(axes)), }"
        let padded = text + String(repeating: " ", count: 117 - text.count) + "\n"
        return [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + Array(padded.utf8)
    }

    /// The values of a file as the program writes it, whose header must name this type and shape.
    static func values(_ bytes: [UInt8], type: String, shape: [Int]) -> [UInt64]? {
        guard bytes.prefix(128).elementsEqual(header(type, shape)) else { return nil }
        let size = Int(String(type.last!))!
        let body = bytes.dropFirst(128)
        guard body.count == shape.reduce(size, *) else { return nil }
        return stride(from: body.startIndex, to: body.endIndex, by: size).map { start in
            body[start..<start + size].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    private static func littleEndian(_ value: UInt64, _ size: Int) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
    }
}
