import CKernels

@testable import HNSW

extension TestGraph {
    /// Trains codes on all vectors and encodes them; searches go by them from then on. `capacity`: rows there is room for. `model`:
    /// to encode by, in the place of one that is trained on the vectors.
    @discardableResult
    func giveCodes(_ kind: CodeModel.Kind, capacity: Int? = nil, model: CodeModel? = nil) -> CodeColumn {
        let count = graph.count, dimensions = self.dimensions, scratch = SearchScratch()
        try! scratch.prepare(dimensions: graph.distances.dimensions)
        let components = (0..<UInt32(count)).map { slot -> [Float] in
            let found = unsafe graph.codeComponents(slot, scratch)
            return (0..<dimensions).map { unsafe found[$0] }
        }
        let model = model ?? train(components, kind, isProduct: metric != CAIRN_L2)
        let codes = try! Memory<UInt64>(((capacity ?? count) * model.rowBytes + 64) / 8 + 1)
        let base = unsafe UnsafeMutableRawPointer(codes.buffer.base).alignedUp(toMultipleOf: 64)
        let column = unsafe CodeColumn(model, base: base, owner: codes)
        graph.setCodes(column)
        encode(0..<UInt32(count))
        return column
    }

    /// Writes the codes of slots whose vectors are in place.
    func encode(_ slots: some Sequence<UInt32>) {
        guard let column = graph.codes else { return }
        let encoder = try! CodeEncoder(column.model), scratch = SearchScratch()
        try! scratch.prepare(dimensions: graph.distances.dimensions)
        for slot in slots { unsafe encoder.encode(graph.codeComponents(slot, scratch), to: column.row(slot)) }
    }

    /// Vectors of length 1, for cosine.
    static func normalized(_ vectors: [[Float]]) -> [[Float]] {
        vectors.map { vector in
            let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return vector.map { $0 / length }
        }
    }

    func candidates(_ vector: [Float], count: Int, width: Int) -> [Candidate] {
        withQuery(vector) { query in
            let found = try! graph.search(query, count: count, width: width, in: view, scratch: scratch)
            return (0..<found.count).map { found[$0] }
        }
    }

    func exactCandidates(_ vector: [Float], count: Int) -> [Candidate] {
        withQuery(vector) { query in
            let found = try! graph.exactSearch(query, count: count, in: view, scratch: scratch)
            return (0..<found.count).map { found[$0] }
        }
    }
}
