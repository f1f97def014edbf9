import Foundation

/// The centres of clusters, or other rows that are made once.
private func normalRows(_ random: inout Random, _ count: Int, _ dimensions: Int, scale: Float) -> [[Float]] {
    (0..<count).map { _ in random.normals(dimensions, scale: scale) }
}

extension Kind {
    /// Rows that stand close together: clusters, duplicates, rows that hardly differ.
    static var clusters: [Kind] {
        let plain: [(count: Int, noise: Float, dimensions: Int)] = [
            (100, 0.3, 32), (100, 0.1, 32), (100, 0.01, 32), (1000, 0.3, 32), (1000, 0.01, 32), (10, 0.1, 32),
            (100, 0.3, 128), (100, 0.1, 128), (100, 0.01, 128), (1000, 0.3, 128),
        ]
        var kinds = plain.map { count, noise, dimensions in
            Kind(
                "clusters-\(count)-noise-\(noise)-\(dimensions)d", dimensions,
                count == 100 && noise == 0.1 ? [.l2, .l2Half, .product, .cosine] : [.l2],
                isTelling: count == 100 && noise < 0.3 && dimensions == 32
            ) { random, _ in
                let centers = normalRows(&random, count, dimensions, scale: 10)
                return { _, random in centers[random.below(count)] .+ random.normals(dimensions, scale: noise) }
            }
        }
        kinds += [
            // A few clusters have most rows, each a width of its own.
            Kind("clusters-of-unequal-size", 32, [.l2, .cosine]) { random, _ in
                let centers = normalRows(&random, 300, 32, scale: 10)
                let widths = random.row(300) { Float(exp(-1 + 1.5 * $0.normal())) }
                return { _, random in
                    let cluster = random.rank(300)
                    return centers[cluster] .+ random.normals(32, scale: widths[cluster])
                }
            },
            // Clusters of clusters of clusters.
            Kind("clusters-in-clusters", 32) { random, _ in
                let levels = (0..<3).map { normalRows(&random, 30, 32, scale: [100, 3, 0.1][$0]) }
                return { _, random in
                    levels[0][random.below(30)] .+ levels[1][random.below(30)] .+ levels[2][random.below(30)]
                        .+ random.normals(32, scale: 0.003)
                }
            },
            Kind("tight-cluster-and-gauss", 32) { random, _ in
                let center = random.normals(32)
                return { _, random in
                    random.chance(0.5) ? center .+ random.normals(32, scale: 0.001) : random.normals(32)
                }
            },
            Kind("duplicates", 32, [.l2, .cosine]) { random, _ in
                let rows = normalRows(&random, 10, 32, scale: 1)
                return { _, random in random.chance(0.5) ? rows[random.below(10)] : random.normals(32) }
            },
            Kind("near-duplicates", 32, [.l2, .cosine]) { random, rows in
                let originals = normalRows(&random, max(rows / 20, 1), 32, scale: 1)
                return { _, random in originals[random.below(originals.count)] .+ random.normals(32, scale: 1e-4) }
            },
            Kind("equal-but-for-1e-6", 32, [.l2, .cosine], isTelling: true) { random in
                random.row(32) { 1 + Float($0.normal()) * 1e-6 }
            },
            // Points on a sphere's shell, and on a curve.
            Kind("sphere", 8, [.l2, .product]) { unit($0.normals(8)) },
            Kind("curve", 32) { random, _ in
                let waves = normalRows(&random, 2, 32, scale: 1)
                return { _, random in
                    let place = 20 * random.uniform()
                    return zip(waves[0], waves[1]).map { Float(sin(Double($0) * place + Double($1))) }
                }
            },
        ]
        return kinds
    }
}
