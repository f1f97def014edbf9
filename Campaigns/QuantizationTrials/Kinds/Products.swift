import Foundation

extension Kind {
    /// Rows that are compared by inner products, of which the long ones are the answers to most queries.
    static var products: [Kind] {
        [
            Kind("ip-long-rows", 32, [.product, .productHalf], isTelling: true) { random in
                // Lengths of Pareto's distribution.
                let length = Float(min(pow(1 - random.uniform(), -0.7), 1e3))
                return unit(random.normals(32)) * length
            },
            Kind("ip-few-long-rows", 64, [.product]) { random in
                unit(random.normals(64)) * (random.chance(0.002) ? 30 : 1)
            },
            // Factors of a recommender, with how popular each thing is.
            Kind("ip-factors-and-bias", 33, [.product]) { random in
                random.normals(32, scale: 0.3) + [Float(3 + 2 * random.normal())]
            },
            Kind("ip-one-side", 32, [.product]) { random in random.row(32) { Float($0.exponential()) } },
            Kind("ip-offset", 32, [.product]) { random in random.row(32) { 10 + Float($0.normal()) } },
        ]
    }
}
