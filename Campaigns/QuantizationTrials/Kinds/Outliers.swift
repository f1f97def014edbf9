extension Kind {
    /// Normal components, and the same with a few rows or components that are far from the others.
    static var outliers: [Kind] {
        let several: [Form] = [.l2, .l2Half, .product, .cosine]
        var kinds = [Kind("gauss", 32, several, isTelling: true) { $0.normals(32) }]
        let rows: [(count: Int, factor: Float)] = [
            (1, 1000), (2, 1000), (3, 1000), (10, 1000), (5, 10), (5, 300), (100, 100), (1, 1e9), (1000, 10),
        ]
        for (count, factor) in rows {
            let ten = count == 10
            kinds.append(
                Kind("rows-\(count)-by-\(Int(factor))", 32, ten ? [.l2, .l2Half, .product] : [.l2], isTelling: ten) {
                    random, rows in
                    let chosen = random.distinct(count, below: rows)
                    return { number, random in random.normals(32, scale: chosen.contains(number) ? factor : 1) }
                })
        }
        kinds += [
            // Two places of it: a training that looks at every second number sees one of them only.
            Kind("component-0-by-1000", 32, [.l2, .l2Half, .cosine], isTelling: true) { random in
                var row = random.normals(32)
                row[0] *= 1000
                return row
            },
            Kind("component-7-by-1000", 32, isTelling: true) { random in
                var row = random.normals(32)
                row[7] *= 1000
                return row
            },
            Kind("components-rarely-by-10000", 32, [.l2, .l2Half], isTelling: true) { random in
                random.row(32) { Float($0.normal()) * ($0.chance(0.001) ? 10_000 : 1) }
            },
            // One number of the whole table is wrong.
            Kind("one-number-1e6", 32) { random, rows in
                let chosen = random.below(rows)
                return { number, random in
                    var row = random.normals(32)
                    if number == chosen { row[3] = 1e6 }
                    return row
                }
            },
            // A number that stands for a missing one.
            Kind("missing-as-minus-999", 32, [.l2, .l2Half]) { random in
                random.row(32) { $0.chance(0.05) ? -999 : Float($0.normal()) }
            },
            Kind("missing-as-minus-1e9", 32) { random in random.row(32) { $0.chance(0.01) ? -1e9 : Float($0.normal()) }
            },
            Kind("missing-as-zero", 32) { random in random.row(32) { $0.chance(0.3) ? 0 : 5 + Float($0.normal()) } },
            Kind("missing-rows-as-zero", 32, [.l2, .product]) { random in
                random.chance(0.1) ? random.row(32) { _ in 0 } : random.normals(32)
            },
            Kind("two-scales", 32, [.l2, .cosine]) { random in random.normals(32, scale: random.chance(0.5) ? 1 : 100)
            },
            // Outliers on one side only, in some components.
            Kind("one-sided", 32) { random in
                (0..<32).map { column in
                    let value = random.exponential()
                    return Float(column % 4 == 0 ? value * value * value : value)
                }
            },
        ]
        return kinds
    }
}
