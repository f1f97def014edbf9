import Foundation

/// Rows like those of a language model: few directions carry most, the rest is noise; of length 1.
private struct EmbeddingModel {
    private let topics: [[Float]]
    private let center: [Float]
    private let noise: Float

    /// `common`: how long the part is that all rows share.
    init(_ random: inout Random, _ dimensions: Int, rank: Int, noise: Float, common: Float = 0) {
        topics = (0..<rank).map { index in
            random.normals(dimensions, scale: 1 / Float(1 + index).squareRoot() / Float(dimensions).squareRoot())
        }
        center = unit(random.normals(dimensions)) * common
        self.noise = noise / Float(dimensions).squareRoot()
    }

    func draw(_ random: inout Random) -> [Float] {
        var row = random.normals(center.count, scale: noise) .+ center
        for topic in topics {
            let weight = Float(random.normal())
            for column in row.indices { row[column] += weight * topic[column] }
        }
        return row
    }
}

extension Kind {
    /// Embeddings, and data that lives in few dimensions of many.
    static var embeddings: [Kind] {
        let sizes: [(dimensions: Int, forms: [Form], fraction: Int)] = [
            (64, [.cosine, .product, .l2], 1), (384, [.cosine, .cosineHalf, .product, .l2], 1),
            (768, [.cosine, .product, .l2], 1), (1536, [.cosine, .product, .l2], 5),
        ]
        var kinds = sizes.map { dimensions, forms, fraction in
            Kind("embeddings-\(dimensions)", dimensions, forms, rows: { $0 / fraction }) { random, _ in
                let model = EmbeddingModel(&random, dimensions, rank: 30, noise: 0.5)
                return { _, random in unit(model.draw(&random)) }
            }
        }
        kinds += [
            Kind("embeddings-with-common-part", 256, [.cosine, .product, .l2], rows: { $0 / 2 }) { random, _ in
                let model = EmbeddingModel(&random, 256, rank: 30, noise: 0.5, common: 5)
                return { _, random in unit(model.draw(&random)) }
            },
            Kind("embeddings-with-massive-components", 256, [.cosine, .product, .l2], rows: { $0 / 2 }) { random, _ in
                let model = EmbeddingModel(&random, 256, rank: 30, noise: 0.5)
                return { _, random in
                    var row = unit(model.draw(&random))
                    row[77] += 3
                    row[199] = row[199] * 10 - 1
                    return row
                }
            },
            // The first components carry most, so that rows may be cut short.
            Kind("embeddings-decaying", 256, [.cosine, .l2], rows: { $0 / 2 }) { random in
                unit((0..<256).map { Float(random.normal()) / Float($0 + 4) })
            },
            Kind("embeddings-and-numbers", 260, [.l2], rows: { $0 / 2 }) { random, _ in
                let model = EmbeddingModel(&random, 256, rank: 30, noise: 0.5)
                return { _, random in
                    let numbers: [Float] = [
                        Float(random.uniform()), 10 * Float(random.uniform()), Float(random.below(5)),
                        Float(random.normal()),
                    ]
                    return unit(model.draw(&random)) + numbers
                }
            },
            // Lengths that follow how frequent a word is.
            Kind("word-vectors", 100, [.l2, .product, .cosine]) { random, _ in
                let model = EmbeddingModel(&random, 100, rank: 20, noise: 1, common: 0.5)
                return { _, random in model.draw(&random) * Float(1 + 5 / Double(1 + random.rank(1000))) }
            },
            Kind("low-rank-8-of-128", 128, [.l2, .cosine]) { random, _ in
                let model = EmbeddingModel(&random, 128, rank: 8, noise: 0)
                return { _, random in model.draw(&random) }
            },
            Kind("low-rank-8-of-128-noise", 128, [.l2, .cosine]) { random, _ in
                let model = EmbeddingModel(&random, 128, rank: 8, noise: 0.05)
                return { _, random in model.draw(&random) }
            },
            Kind("low-rank-2-of-64", 64, [.l2, .l2Half]) { random, _ in
                let model = EmbeddingModel(&random, 64, rank: 2, noise: 0)
                return { _, random in model.draw(&random) }
            },
            Kind("gauss-128", 128, [.l2, .cosine]) { $0.normals(128) },
        ]
        return kinds
    }
}
