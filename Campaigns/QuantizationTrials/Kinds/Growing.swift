import Foundation

extension Kind {
    /// Rows whose kind changes with their number: what a live store has seen says little of what is to come.
    static var growing: [Kind] {
        var kinds = [
            Kind("then-10-rows-by-1000", 32, rows: { $0 / 2 + 10 }, leading: { $0 - 10 }, isTelling: true) { _, rows in
                { number, random in random.normals(32, scale: number < rows - 10 ? 1 : 1000) }
            },
            Kind("first-300-rows-by-100", 32, rows: { $0 / 2 }, leading: { _ in 300 }, isTelling: true) { _, _ in
                { number, random in random.normals(32, scale: number < 300 ? 100 : 1) }
            },
        ]
        // Codes begin at 256 rows.
        let beginnings: [(name: String, row: (inout Random) -> [Float])] = [
            ("narrow", { $0.row(32) { 5 + Float($0.normal()) * 0.01 } }),
            ("wide", { $0.normals(32, scale: 1000) }),
            ("zeros", { $0.row(32) { _ in 0 } }),
            ("4-components", { $0.normals(4) + [Float](repeating: 0, count: 28) }),
            ("whole-numbers", { $0.row(32) { Float($0.below(256)) } }),
        ]
        for (name, row) in beginnings {
            kinds.append(
                Kind("first-256-rows-\(name)", 32, leading: { _ in 256 }) { _, _ in
                    { number, random in number < 256 ? row(&random) : random.normals(32) }
                })
        }
        kinds += [
            Kind("then-tight-cluster", 32, leading: { $0 * 9 / 10 }) { random, rows in
                let center = random.normals(32, scale: 10)
                return { number, random in
                    number < rows * 9 / 10 ? random.normals(32) : center .+ random.normals(32, scale: 0.05)
                }
            },
            Kind("then-tight-cluster-within", 32, leading: { $0 * 9 / 10 }) { random, rows in
                let center = random.normals(32)
                return { number, random in
                    number < rows * 9 / 10 ? random.normals(32) : center .+ random.normals(32, scale: 0.01)
                }
            },
            Kind("drift-of-scale", 32, [.l2, .product]) { _, rows in
                { number, random in random.normals(32, scale: Float(pow(100, Double(number) / Double(rows)))) }
            },
            Kind("drift-of-place", 32, [.l2, .cosine]) { random, rows in
                let direction = random.normals(32, scale: 30)
                return { number, random in random.normals(32) .+ direction * (Float(number) / Float(rows)) }
            },
            Kind("shrinking", 32) { _, rows in
                { number, random in random.normals(32, scale: Float(pow(0.01, Double(number) / Double(rows)))) }
            },
            Kind("sorted-clusters", 32, [.l2, .cosine]) { random, rows in
                let centers = (0..<100).map { _ in random.normals(32, scale: 10) }
                return { number, random in centers[number * 100 / rows] .+ random.normals(32, scale: 0.3) }
            },
            Kind("sorted-by-length", 32, [.l2, .product], order: .shortestFirst) { _, _ in
                { _, random in
                    let length = Float(exp(random.normal()))
                    return random.normals(32, scale: length)
                }
            },
            Kind("new-components-in-use", 32) { _, rows in
                { number, random in
                    let used = 4 + 28 * number / rows
                    return (0..<32).map { $0 < used ? Float(random.normal()) : 0 }
                }
            },
        ]
        return kinds
    }
}
