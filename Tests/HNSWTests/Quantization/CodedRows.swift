import CKernels
import TestSupport

@testable import HNSW

#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// Vectors in a column as a store has them, the model that was trained on all of them, and their codes.
@safe
final class CodedRows {
    let metric: cairn_metric
    let scalar: cairn_scalar
    let dimensions: Int
    let count: Int
    let distances: Distances
    let model: CodeModel
    let column: CodeColumn
    /// The square of what each row loses.
    private(set) var losses: [Float] = []
    let scratch = SearchScratch()
    private let columns: Columns
    private let rows: Memory<UInt64>
    private let norms: Memory<Float>
    private let codes: Memory<UInt64>

    /// `model`: to encode by, in the place of one that is trained on the rows.
    init(
        _ vectors: [[Float]], _ kind: CodeModel.Kind, metric: cairn_metric = CAIRN_L2, scalar: cairn_scalar = CAIRN_F32,
        model: CodeModel? = nil
    ) {
        (self.metric, self.scalar, count, dimensions) = (metric, scalar, vectors.count, vectors[0].count)
        let size = scalar == CAIRN_F32 ? 4 : scalar == CAIRN_F16 ? 2 : 1, nothing = UncheckedBuffer<UInt32>.none
        let stride = (dimensions * size + 63) / 64 * 64
        rows = try! Memory(count * stride / 8)
        norms = try! Memory(count)
        columns = unsafe Columns(
            vectors: UnsafeMutableRawPointer(rows.buffer.base), vectorStride: stride, links: nothing.base,
            linkStride: 0,
            linkHeads: nothing.base, slotTable: UnsafeMutableRawPointer(nothing.base),
            norms: metric == CAIRN_COSINE ? norms.buffer.base : nil)
        distances = unsafe Distances(columns: columns, metric: metric, scalar: scalar, dimensions: stride / size)
        try! scratch.prepare(dimensions: distances.dimensions)
        for (slot, vector) in vectors.enumerated() {
            norms.buffer[slot] = Self.norm(vector)
            unsafe Self.store(vector, metric, scalar, columns.vector(UInt32(slot)))
        }
        let components = vectors.indices.map { [scratch, distances, dimensions] in
            Self.components(UInt32($0), distances, dimensions, scratch)
        }
        let trained = model ?? train(components, kind, isProduct: metric != CAIRN_L2)
        self.model = trained
        codes = try! Memory((count * trained.rowBytes + 64) / 8 + 1)
        let base = unsafe UnsafeMutableRawPointer(codes.buffer.base).alignedUp(toMultipleOf: 64)
        column = unsafe CodeColumn(trained, base: base, owner: codes)
        let encoder = try! CodeEncoder(trained)
        for (slot, vector) in components.enumerated() {
            losses.append(
                unsafe vector.withUnsafeBufferPointer {
                    unsafe encoder.encode($0.baseAddress!, to: column.row(UInt32(slot))).loss
                })
        }
    }

    private static func norm(_ vector: [Float]) -> Float { vector.reduce(0) { $0 + $1 * $1 }.squareRoot() }

    private static func store(
        _ vector: [Float], _ metric: cairn_metric, _ scalar: cairn_scalar, _ row: UnsafeMutableRawPointer
    ) {
        let factor = metric == CAIRN_COSINE ? 1 / norm(vector) : 1, scaled = vector.map { $0 * factor }
        for (index, value) in vector.enumerated() {
            switch scalar {
            case CAIRN_F32: unsafe row.storeBytes(of: scaled[index], toByteOffset: 4 * index, as: Float.self)
            case CAIRN_U8: unsafe row.storeBytes(of: UInt8(value), toByteOffset: index, as: UInt8.self)
            case CAIRN_I8: unsafe row.storeBytes(of: Int8(value), toByteOffset: index, as: Int8.self)
            default: break
            }
        }
        if scalar == CAIRN_F16 {
            unsafe cairn_f32_to_f16(scaled, row.assumingMemoryBound(to: UInt16.self), vector.count)
        }
    }

    private static func components(
        _ slot: UInt32, _ distances: Distances, _ dimensions: Int, _ scratch: SearchScratch
    ) -> [Float] {
        let query = distances.query(forRow: slot, expansion: scratch.expansion(distances.dimensions))
        let found = unsafe distances.components(
            of: query, scratch: scratch.codeComponents(dimensions), count: dimensions)
        return (0..<dimensions).map { unsafe found[$0] }
    }

    /// A row's components as codes are made of them.
    func components(_ slot: Int) -> [Float] { Self.components(UInt32(slot), distances, dimensions, scratch) }

    /// What the codes of a row stand for; after the rotation, if there is one.
    func decoded(_ slot: Int) -> [Float] {
        let row = unsafe column.row(UInt32(slot)).assumingMemoryBound(to: UInt8.self)
        return (0..<dimensions).map { index in
            let center = model.center.isEmpty ? 0 : model.center[index]
            switch model.kind {
            case .scalar8: return unsafe center + model.value(at: row[index])
            case .scalar4:
                let byte = unsafe row[index / 128 * 64 + index % 64]
                let code = index % 128 < 64 ? byte & 15 : byte >> 4
                return center + model.value(at: model.levels[Int(code)])
            case .half:
                var half = unsafe UnsafeRawPointer(row).loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
                var value: Float = 0
                unsafe cairn_f16_to_f32(&half, &value, 1)
                return center + value / model.scale
            }
        }
    }

    /// Runs `body` with `vector` in the form that the vectors' kernel takes.
    func withQuery<Result>(_ vector: [Float], _ body: (Query) -> Result) -> Result {
        let memory = try! Memory<UInt64>(distances.dimensions)
        let place = unsafe UnsafeMutableRawPointer(memory.buffer.base)
        unsafe Self.store(vector, metric, scalar == CAIRN_F16 ? CAIRN_F32 : scalar, place)
        return unsafe body(Query(vector: place, norm: Self.norm(vector)))
    }

    /// The distances from `vector` to every row: by the vectors, and by the codes.
    func distances(_ vector: [Float]) -> (exact: [Float], byCode: [Float]) {
        let ids = try! Memory<UInt32>(count), results = try! Memory<Float>(count)
        for slot in 0..<count { ids.buffer[slot] = UInt32(slot) }
        return withQuery(vector) { query in
            distances.compute(query, ids.buffer, count, results.buffer)
            let exact = (0..<count).map { results.buffer[$0] }
            column.computer(query, distances, scratch).compute(ids.buffer, count, results.buffer)
            let unit = scratch.walksByCodes ? model.distanceUnit : 1
            return (exact, (0..<count).map { results.buffer[$0] * unit })
        }
    }
}

/// The model for these components.
func train(_ components: [[Float]], _ kind: CodeModel.Kind, isProduct: Bool = false) -> CodeModel {
    let dimensions = components[0].count, sample = try! Memory<Float>(components.count * dimensions)
    for (row, vector) in components.enumerated() {
        for (index, value) in vector.enumerated() { sample.buffer[row * dimensions + index] = value }
    }
    return try! CodeTraining(
        kind, dimensions: dimensions, isProduct: isProduct, sample: sample.buffer, count: components.count,
        total: components.count
    ).run()
}

/// Vectors of components spread evenly over `range`.
func evenVectors(_ count: Int, dimensions: Int, in range: ClosedRange<Float> = -1...1, seed: UInt64 = 1) -> [[Float]] {
    var random = SeededGenerator(seed: seed)
    return (0..<count).map { _ in
        (0..<dimensions).map { _ in range.lowerBound + (range.upperBound - range.lowerBound) * random.nextUnit() }
    }
}

/// Vectors of whole numbers.
func wholeVectors(_ count: Int, dimensions: Int, in range: ClosedRange<Int>, seed: UInt64 = 1) -> [[Float]] {
    var random = SeededGenerator(seed: seed)
    return (0..<count).map { _ in (0..<dimensions).map { _ in Float(Int.random(in: range, using: &random)) } }
}

/// Real vectors: those of the example of this repository, and questions that were embedded as they were.
enum ExampleVectors {
    static let vectors = read("vectors"), queries = read("queries") + read("questions")
    static let dimensions = 384

    /// The rows of a file of f32 or f16 in .npy's format, version 1.
    private static func read(_ name: String) -> [[Float]] {
        var directory = #filePath
        for _ in 0..<4 { directory = String(directory[..<directory.lastIndex(of: "/")!]) }
        guard let file = unsafe fopen("\(directory)/Examples/debian-packages/\(name).npy", "rb") else { return [] }
        defer { unsafe fclose(file) }
        var bytes: [UInt8] = [], chunk = [UInt8](repeating: 0, count: 1 << 20)
        while case let count = unsafe fread(&chunk, 1, chunk.count, file), count > 0 { bytes += chunk[..<count] }
        let start = 10 + Int(bytes[8]) + Int(bytes[9]) << 8
        let isHalf = String(decoding: bytes[10..<start], as: UTF8.self).contains("'<f2'")
        let size = isHalf ? 2 : 4, count = (bytes.count - start) / size
        var elements = [Float](repeating: 0, count: count)
        unsafe bytes.withUnsafeBytes { raw in
            for index in 0..<count {
                let offset = start + index * size
                if isHalf {
                    var half = unsafe raw.loadUnaligned(fromByteOffset: offset, as: UInt16.self)
                    unsafe cairn_f16_to_f32(&half, &elements[index], 1)
                } else {
                    elements[index] = unsafe raw.loadUnaligned(fromByteOffset: offset, as: Float.self)
                }
            }
        }
        return stride(from: 0, to: count, by: dimensions).map { Array(elements[$0..<$0 + dimensions]) }
    }
}
